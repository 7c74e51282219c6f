//! Draws the practice's timeline from a seed.

use cannula_core::{AppointmentStatus, Named, PatientId, PhoneUse};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::{
    Oddities, PracticeConfig,
    life::{Life, hours, live, minutes, share, slot},
    model::{
        AppointmentState, Email, KINDS, Kind, LOCATIONS, PRACTITIONERS, PatientState, PhoneNumber,
    },
    names::{FAMILY, GIVEN, ascii, phone},
    registry::{Address, PatientStatus, REFERRAL_SOURCES},
    table::{Spoil, Table, Version},
};
use crate::faults::Rng;

/// Fills both tables with a whole timeline.
pub(crate) fn fill(
    config: PracticeConfig,
    patients: &mut Table<PatientState>,
    appointments: &mut Table<AppointmentState>,
) {
    let mut generator = Generator {
        random: Rng::new(config.seed),
        start: config.start,
        end: config.start + TimeDelta::days(i64::from(config.days)),
        lives: Vec::new(),
        odd: config.oddities,
    };
    let mut family: Option<PatientState> = None;
    for number in 0..config.patients {
        let state = generator.person(number, family.as_ref());
        family = Some(state.clone());
        generator.patient(state, patients);
    }
    if config.patients > 0 {
        generator.phantoms(appointments);
        if config.oddities.blocks {
            generator.blocks(config.days);
        }
    }
    generator.number(appointments);
}

struct Generator {
    random: Rng,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    /// Appointments in the order they were thought of.
    lives: Vec<Vec<Version<AppointmentState>>>,
    odd: Oddities,
}

impl Generator {
    /// Appointments are numbered as they are entered, as a server would.
    fn number(mut self, appointments: &mut Table<AppointmentState>) {
        self.lives.sort_by_key(|life| life.first().map(|version| version.at));
        for (index, life) in self.lives.into_iter().enumerate() {
            appointments.add(&(70_001 + index).to_string(), life);
        }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.random.next().is_multiple_of(n)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.random.next() % n.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Invents a person; one in thirty belongs to the family of the person before.
    fn person(&mut self, number: u32, before: Option<&PatientState>) -> PatientState {
        let (given, gender) = *self.pick(&GIVEN).unwrap_or(&("Mara", "female"));
        let family = *self.pick(&FAMILY).unwrap_or(&"Li");
        let mut state = PatientState {
            given: given.to_owned(),
            family: family.to_owned(),
            birth_date: self.birth_date(),
            gender,
            chart: 20_000 + number,
            emails: vec![self.email(given, family, number)],
            phones: self.phones(number),
            // The rest follows from the number and takes no draw.
            address: Address::of_chart(20_000 + number),
            referral_source: by_number(REFERRAL_SOURCES.split_at(5).0, number, 7),
            general_practitioner: by_number(&PRACTITIONERS, number, 5),
            location: by_number(&LOCATIONS, number, 4),
            status: if number % 3 == 2 { PatientStatus::Prospect } else { PatientStatus::Patient },
        };
        let draw = self.random.next() % 60;
        match (draw, before.filter(|_| self.odd.shared_contacts)) {
            (0, Some(before)) => {
                state.family.clone_from(&before.family);
                state.phones.clone_from(&before.phones);
            }
            (1, Some(before)) => {
                state.family.clone_from(&before.family);
                state.emails.clone_from(&before.emails);
            }
            _ => self.withhold(draw, &mut state),
        }
        state
    }

    /// Some give no e-mail address or phone, and some want them kept private.
    fn withhold(&self, draw: u64, state: &mut PatientState) {
        if self.odd.missing_contacts && matches!(draw, 2 | 3) {
            state.phones.clear();
        }
        if self.odd.missing_contacts && matches!(draw, 2 | 4) {
            state.emails.clear();
        }
        if self.odd.private_contacts && matches!(draw, 5 | 6) {
            state.emails.iter_mut().for_each(|email| email.private = true);
        }
        if self.odd.private_contacts && draw == 7 {
            state.phones.iter_mut().for_each(|phone| phone.private = true);
        }
    }

    fn birth_date(&mut self) -> NaiveDate {
        let placeholder = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default();
        if self.one_in(50) {
            return placeholder;
        }
        let days = TimeDelta::days(i64::try_from(self.random.next() % 20_000).unwrap_or(0));
        NaiveDate::from_ymd_opt(1948, 1, 1).unwrap_or_default() + days
    }

    fn email(&mut self, given: &str, family: &str, number: u32) -> Email {
        let (given, family) = (ascii(given), ascii(family));
        let address = match self.random.next() % 12 {
            0 => format!("{given}+spa{number}@example.test"),
            1 => format!("{}.{family}.{number}@Example.test", given.to_uppercase()),
            _ => format!("{given}.{family}.{number}@example.test"),
        };
        Email { address, private: false }
    }

    fn phones(&mut self, number: u32) -> Vec<PhoneNumber> {
        let style = self.random.next();
        let entry = |usage, offset| PhoneNumber {
            usage,
            number: phone(number + offset, style),
            private: false,
            preferred: false,
            texts: false,
        };
        // Second numbers come from the other half of all numbers.
        let mut phones = match self.random.next() % 8 {
            0 => vec![entry(PhoneUse::Home, 70_000), entry(PhoneUse::Mobile, 0)],
            1 => vec![entry(PhoneUse::Work, 70_000), entry(PhoneUse::Home, 0)],
            2 => vec![entry(PhoneUse::Mobile, 0), entry(PhoneUse::Other, 70_000)],
            _ => vec![entry(PhoneUse::Mobile, 0)],
        };
        let preferred = self.below(phones.len());
        let (ranked, texts) = (self.one_in(3), self.one_in(2));
        for (index, phone) in phones.iter_mut().enumerate() {
            phone.preferred = ranked && index == preferred;
            phone.texts = texts && phone.usage == PhoneUse::Mobile;
        }
        phones
    }

    /// Registers a patient, edits the record now and then, and plans the visits.
    fn patient(&mut self, state: PatientState, patients: &mut Table<PatientState>) {
        let id = guid(&mut self.random);
        let span = self.end - self.start;
        // More patients come early than late, so that most journeys fit the timeline.
        let early = self.random.unit() * self.random.unit();
        let entered =
            self.start + TimeDelta::milliseconds((span.num_milliseconds() as f64 * early) as i64);
        let number = state.chart;
        let mut life = Life::enter(entered, state);
        if self.one_in(6) {
            let at = entered + share(self.end - entered, &mut self.random);
            let style = self.random.next();
            if self.one_in(2) {
                life.change(at, |state| {
                    state.phones.truncate(1);
                    if let Some(first) = state.phones.first_mut() {
                        first.number = phone(number + 35_000, style);
                    }
                });
            } else {
                let name = *self.pick(&FAMILY).unwrap_or(&"Li");
                life.change(at, |state| state.family = name.to_owned());
            }
        }
        patients.add(&id, life.until(self.end));
        self.journeys(&PatientId::new(id), entered);
    }

    /// One to three journeys, one after the other.
    fn journeys(&mut self, patient: &PatientId, entered: DateTime<Utc>) {
        let mut at = entered + minutes(&mut self.random, 2, 30);
        for _ in 0..=self.below(3) {
            let came = match self.random.next() % 20 {
                0..6 => self.surgical(patient, &mut at),
                6..11 => {
                    let consult = if self.one_in(5) { (5, Some(1)) } else { (2, None) };
                    self.visit(patient, consult, &mut at) && self.treatment(patient, &mut at)
                }
                11..18 => self.treatment(patient, &mut at),
                18 if self.odd.odd_types => self.visit(patient, (10, None), &mut at),
                _ if self.odd.odd_types => self.visit(patient, (11, None), &mut at),
                _ => self.treatment(patient, &mut at),
            };
            if self.one_in(12) && self.odd.blocks {
                // A slot kept free around a patient: a block with a name on it.
                self.visit(patient, (8, None), &mut at);
            }
            let pause = if came { (100, 900) } else { (20, 200) };
            at += hours(&mut self.random, pause.0, pause.1);
            if at >= self.end {
                break;
            }
        }
    }

    fn treatment(&mut self, patient: &PatientId, at: &mut DateTime<Utc>) -> bool {
        let kind = *self.pick(&[3, 3, 4, 12]).unwrap_or(&3);
        self.visit(patient, (kind, None), at)
    }

    /// Consult, pre-op, surgery, post-op, as far as it goes.
    fn surgical(&mut self, patient: &PatientId, at: &mut DateTime<Utc>) -> bool {
        let consult = if self.one_in(5) { (5, Some(0)) } else { (0, None) };
        if !self.visit(patient, consult, at) || self.one_in(3) {
            return false;
        }
        let mut before = *at;
        self.visit(patient, (6, None), &mut before);
        *at += hours(&mut self.random, 30, 60);
        self.visit(patient, (1, None), at) && self.visit(patient, (7, None), at)
    }

    /// Books an appointment of the `kind`th type at `at` and lives it; `at` moves to its end.
    /// Says whether the patient came.
    fn visit(
        &mut self,
        patient: &PatientId,
        (kind, purpose): (usize, Option<usize>),
        at: &mut DateTime<Utc>,
    ) -> bool {
        let Some(kind) = KINDS.get(kind) else { return false };
        if *at >= self.end {
            return false;
        }
        let start = slot(*at + hours(&mut self.random, 20, 400), &mut self.random);
        let state = AppointmentState {
            patient: Some(patient.clone()),
            purposes: self.purposes(kind, purpose),
            ..self.empty(Some(kind), start)
        };
        let (lives, came) = live(state, *at, self.odd, &mut self.random);
        let end = self.end;
        for versions in lives.into_iter().map(|life| life.until(end)) {
            if let Some(last) = versions.last() {
                *at = (*at).max(last.at + TimeDelta::minutes(45));
                self.lives.push(versions);
            }
        }
        came
    }

    fn purposes(&mut self, kind: &Kind, wanted: Option<usize>) -> Vec<Named> {
        let first = wanted.unwrap_or_else(|| self.below(kind.purposes.len()));
        let mut chosen: Vec<_> = kind.purposes.get(first).into_iter().collect();
        if wanted.is_none() && self.one_in(8) {
            // Purposes repeat: two treatments in one visit.
            chosen.extend(kind.purposes.get(first + 1));
        }
        let named =
            |(id, name): &(u32, &str)| Named { id: Some(id.to_string()), name: (*name).to_owned() };
        chosen.into_iter().map(named).collect()
    }

    fn empty(&mut self, kind: Option<&Kind>, start: NaiveDateTime) -> AppointmentState {
        let (nobody, nowhere) = (self.one_in(15), self.one_in(40));
        let absent = self.odd.absent_participants;
        AppointmentState {
            patient: None,
            status: AppointmentStatus::Pending,
            kind: kind
                .map(|kind| Named { id: Some(kind.id.to_string()), name: kind.name.to_owned() }),
            purposes: Vec::new(),
            start,
            minutes: kind.map_or(60, |kind| kind.minutes),
            practitioner: self.pick(&PRACTITIONERS).filter(|_| !(nobody && absent)),
            location: self.pick(&LOCATIONS).filter(|_| !(nowhere && absent)),
        }
    }

    /// Lunches, meetings and other time without a patient: about two a day.
    fn blocks(&mut self, days: u32) {
        for day in 0..i64::from(days) * 2 {
            let at = self.start + TimeDelta::hours(day * 12) + hours(&mut self.random, 1, 12);
            let kind = match self.random.next() % 4 {
                0 => None,
                1 => KINDS.get(9),
                _ => KINDS.get(8),
            };
            let start = slot(at + hours(&mut self.random, 20, 100), &mut self.random);
            let mut life = Life::enter(at, self.empty(kind, start));
            if self.one_in(5) {
                let moved = slot(at + hours(&mut self.random, 100, 200), &mut self.random);
                life.change(at + hours(&mut self.random, 1, 10), |state| state.start = moved);
            }
            let versions = life.until(self.end);
            if !versions.is_empty() {
                self.lives.push(versions);
            }
        }
    }

    /// Rows that no client can read; they are no part of the practice's history.
    fn phantoms(&mut self, appointments: &mut Table<AppointmentState>) {
        for (index, spoil) in
            [Spoil::NotADate, Spoil::NoId, Spoil::NotAnObject].into_iter().enumerate()
        {
            let at = self.start + share(self.end - self.start, &mut self.random) / 2;
            let start = slot(at, &mut self.random);
            let state = self.empty(KINDS.get(9), start);
            appointments.add_phantom(&(60_001 + index).to_string(), Version { at, state }, spoil);
        }
    }
}

/// One of `items`; every `none`th number has none.
fn by_number<T>(items: &'static [T], number: u32, none: u32) -> Option<&'static T> {
    items.get(number as usize % items.len().max(1)).filter(|_| number % none != none - 1)
}

/// A GUID in lower case, of the random kind.
pub(crate) fn guid(random: &mut Rng) -> String {
    let (high, low) = (random.next(), random.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFF,
        0x8000 | (low >> 48) & 0x3FFF,
        low & 0xFFFF_FFFF_FFFF,
    )
}
