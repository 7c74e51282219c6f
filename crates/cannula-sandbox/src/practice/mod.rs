//! The synthetic practice: a timeline of record versions, and hands to add to it.

mod generate;
mod hands;
mod history;
mod ledger;
mod life;
mod model;
mod names;
mod payment;
mod registry;
mod table;
mod till;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cannula_core::{Clock, PatientId, RecordId};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

pub(crate) use generate::guid;
use ledger::Ledger;
pub(crate) use model::KINDS;
pub use model::{
    AppointmentState, CATEGORIZATION_CSV, Email, LOCATIONS, Location, PRACTITIONERS, PatientState,
    PhoneNumber, Practitioner, Product, ZONE, instant_of, kind, purpose,
};
pub use payment::{CARD_TYPES, INSURERS, LinkKind, PAYMENT_CATEGORIES, PaymentLink, PaymentState};
pub(crate) use payment::{cents, payment_methods};
pub use registry::{Address, PatientStatus, REFERRAL_SOURCES, ReferralSource};
pub use table::Spoil;
pub(crate) use table::{Table, Version, View, Visible};

use crate::{faults::Rng, patientnow, zenoti::Book};

/// What the synthetic practice is made from. The same values make the same practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PracticeConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many patients have appointments; 0 makes an empty practice for tests to fill.
    pub patients: u32,
    /// How many days the timeline lasts. What would happen later does not happen.
    pub days: u32,
    /// When the timeline starts.
    pub start: DateTime<Utc>,
    /// What the practice does that makes integrations stumble.
    pub oddities: Oddities,
}

impl PracticeConfig {
    /// A practice with all its oddities.
    pub const fn new(seed: u64, patients: u32, days: u32, start: DateTime<Utc>) -> Self {
        Self { seed, patients, days, start, oddities: Oddities::ALL }
    }

    /// A practice of nobody, for tests to fill by hand.
    pub const fn empty(start: DateTime<Utc>) -> Self {
        Self::new(0, 0, 0, start)
    }
}

/// What a practice does that makes integrations stumble. These are facts of its data, seen by
/// every client and part of its history; the vendors' own meannesses are in
/// [`Quirks`](crate::Quirks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddities {
    /// Bookings under the practice's own status "Web Request", which Select prints without
    /// `status`.
    pub own_statuses: bool,
    /// Online bookings that are held until staff take them over.
    pub held_bookings: bool,
    /// E-mail addresses and phones marked private, which Select withholds.
    pub private_contacts: bool,
    /// Families that share a phone or an e-mail address.
    pub shared_contacts: bool,
    /// Patients without e-mail address, phone or both.
    pub missing_contacts: bool,
    /// A type that the categorization document does not know, and one that differs from
    /// another by case only.
    pub odd_types: bool,
    /// Lunches and meetings, without a patient; some without a type.
    pub blocks: bool,
    /// Appointments without practitioner or location.
    pub absent_participants: bool,
    /// Payments, with their refunds, voids, corrections, adjustments and everything else that
    /// makes them hard; off, nobody pays.
    pub payments: bool,
}

impl Oddities {
    /// All of them.
    pub const ALL: Self = Self::all(true);
    /// None of them.
    pub const NONE: Self = Self::all(false);

    const fn all(on: bool) -> Self {
        Self {
            own_statuses: on,
            held_bookings: on,
            private_contacts: on,
            shared_contacts: on,
            missing_contacts: on,
            odd_types: on,
            blocks: on,
            absent_participants: on,
            payments: on,
        }
    }
}

/// The records of the practice. What is visible follows the sandbox's clock.
#[derive(Debug)]
pub struct Practice {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) patients: Table<PatientState>,
    pub(crate) appointments: Table<AppointmentState>,
    ledger: Ledger,
    /// What only PatientNow keeps of the practice.
    pub(crate) patientnow: patientnow::Book,
    /// What only Zenoti keeps of the practice.
    pub(crate) zenoti: Book,
    random: Rng,
    next_appointment: u32,
    next_chart: u32,
}

impl Practice {
    /// Generates the practice.
    pub fn new(config: PracticeConfig, clock: Arc<dyn Clock>) -> Self {
        let mut inner = Inner {
            patients: Table::default(),
            appointments: Table::default(),
            ledger: Ledger::new(80_001),
            patientnow: patientnow::Book::default(),
            zenoti: Book::default(),
            // Records made by hand get ids of their own, whatever the generator drew.
            random: Rng::new(config.seed ^ 0x5EED_0F4A),
            next_appointment: 900_000,
            next_chart: 500_001,
        };
        let config = PracticeConfig { start: config.start.trunc_subsecs(3), ..config };
        generate::fill(config, &mut inner.patients, &mut inner.appointments);
        if config.oddities.payments {
            till::fill(config, &inner.patients, &inner.appointments, &mut inner.ledger);
        }
        inner.patientnow.fill(config, &inner.appointments);
        inner.zenoti.fill(config, &inner.appointments);
        inner.ledger.hand_over(950_001);
        Self { clock, inner: Mutex::new(inner) }
    }

    /// Registers a patient now.
    pub fn add_patient(&self, state: PatientState) -> PatientId {
        let now = self.stamp();
        let mut inner = self.lock();
        let id = generate::guid(&mut inner.random);
        inner.patients.add(&id, vec![Version { at: now, state }]);
        PatientId::new(id)
    }

    /// Changes a patient now; planned later changes of the patient are dropped. `false` if
    /// there is no such patient.
    pub fn update_patient(&self, id: &PatientId, change: impl FnOnce(&mut PatientState)) -> bool {
        self.lock().patients.change(id.as_str(), self.stamp(), change)
    }

    /// Enters an appointment now.
    pub fn book(&self, state: AppointmentState) -> RecordId {
        let now = self.stamp();
        let mut inner = self.lock();
        let id = inner.next_appointment.to_string();
        inner.next_appointment += 1;
        inner.appointments.add(&id, vec![Version { at: now, state }]);
        RecordId::new(id)
    }

    /// Changes an appointment now; planned later changes of it are dropped. `false` if there is
    /// no such appointment.
    pub fn update_appointment(
        &self,
        id: &RecordId,
        change: impl FnOnce(&mut AppointmentState),
    ) -> bool {
        self.lock().appointments.change(id.as_str(), self.stamp(), change)
    }

    /// Deletes an appointment now, without a trace in any listing. `false` if there is none.
    pub fn delete_appointment(&self, id: &RecordId) -> bool {
        self.lock().appointments.delete(id.as_str(), self.stamp())
    }

    /// Makes an appointment unreadable on the wire until it is mended with `None`.
    pub fn spoil_appointment(&self, id: &RecordId, spoil: Option<Spoil>) -> bool {
        self.lock().appointments.spoil(id.as_str(), spoil)
    }

    /// Makes a patient unreadable on the wire until mended with `None`.
    pub fn spoil_patient(&self, id: &PatientId, spoil: Option<Spoil>) -> bool {
        self.lock().patients.spoil(id.as_str(), spoil)
    }

    /// The patient as it is now.
    pub fn patient(&self, id: &PatientId) -> Option<PatientState> {
        let found = self.lock().patients.get(id.as_str(), self.clock.now())?;
        Some(found.version.state.clone())
    }

    /// The appointment as it is now.
    pub fn appointment(&self, id: &RecordId) -> Option<AppointmentState> {
        let found = self.lock().appointments.get(id.as_str(), self.clock.now())?;
        Some(found.version.state.clone())
    }

    /// The ids of all patients that exist now, in order of entry.
    pub fn patient_ids(&self) -> Vec<PatientId> {
        self.patients_view().rows.iter().map(|row| PatientId::new(&*row.id)).collect()
    }

    /// The ids of all appointments that exist now, in order of entry.
    pub fn appointment_ids(&self) -> Vec<RecordId> {
        let view = self.appointments_view();
        let real = view.rows.iter().filter(|row| !row.phantom);
        real.map(|row| RecordId::new(&*row.id)).collect()
    }

    /// The practice's appointment categorization document, as CSV with the columns `type`,
    /// `purpose` and `category`. It leaves out the type `Pop-Up Glow Event`.
    pub const fn categorization_csv(&self) -> &'static str {
        CATEGORIZATION_CSV
    }

    /// The patients who never change and share with nobody a contact that anybody may know, with
    /// the instant each is registered: of them it is plain who a customer of a store is.
    pub(crate) fn steady_patients(&self) -> Vec<(PatientId, DateTime<Utc>)> {
        let inner = self.lock();
        let mut contacts = BTreeMap::<String, BTreeSet<Arc<str>>>::new();
        for (id, version) in inner.patients.versions() {
            let emails = version.state.emails.iter().map(|email| email.address.to_lowercase());
            let phones = version.state.phones.iter();
            let numbers = phones.map(|phone| registry::national(&phone.number));
            for contact in emails.chain(numbers) {
                contacts.entry(contact).or_default().insert(Arc::clone(id));
            }
        }
        let alone = |contact: &str| contacts.get(contact).is_some_and(|ids| ids.len() == 1);
        let steady = inner.patients.versions().filter(|(id, version)| {
            let PatientState { emails, phones, .. } = &version.state;
            let open = emails
                .iter()
                .all(|email| !email.private && alone(&email.address.to_lowercase()))
                && phones.iter().all(|it| !it.private && alone(&registry::national(&it.number)));
            open && !emails.is_empty() && !phones.is_empty() && inner.patients.life(id).len() == 1
        });
        steady.map(|(id, version)| (PatientId::new(&**id), version.at)).collect()
    }

    /// Now, to the millisecond: what a stamp on the wire can say.
    pub(crate) fn stamp(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(3)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn patients_view(&self) -> Arc<View<PatientState>> {
        self.lock().patients.view(self.clock.now())
    }

    pub(crate) fn appointments_view(&self) -> Arc<View<AppointmentState>> {
        self.lock().appointments.view(self.clock.now())
    }

    pub(crate) fn payments_view(&self) -> Arc<View<PaymentState>> {
        self.lock().ledger.rows.view(self.clock.now())
    }

    pub(crate) fn visible_payment(&self, id: &str) -> Option<Visible<PaymentState>> {
        self.lock().ledger.rows.get(id, self.clock.now())
    }

    /// The chart number of a patient.
    pub(crate) fn chart_of(&self, id: &PatientId) -> Option<String> {
        Some(self.patient(id)?.chart.to_string())
    }

    pub(crate) fn visible_patient(&self, id: &str) -> Option<Visible<PatientState>> {
        self.lock().patients.get(id, self.clock.now())
    }

    /// Makes a few planned changes of each kind happen now: the practice works on while
    /// somebody reads it. Versions of one record stay at least an hour apart.
    pub(crate) fn hasten(&self, count: usize) {
        let now = self.stamp();
        let mut inner = self.lock();
        inner.appointments.hasten(now, count, TimeDelta::hours(1));
        inner.patients.hasten(now, count, TimeDelta::hours(1));
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
