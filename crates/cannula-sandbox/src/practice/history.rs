//! The truth: every version of every record as the events a correct client must see.
//!
//! Mapped from the practice's own model and not from what the API prints, so that tests can hold
//! a client against it.

use cannula_core::{
    Appointment, AppointmentStatus, Correction, Event, Named, Patient, PatientId, Payer, Payment,
    PaymentKind, PersonName, Phi, Phone, PracticeId, Record, RecordId, VisitTime,
};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

use super::{
    Practice,
    model::{AppointmentState, PatientState, Product, instant_of},
    payment::{LinkKind, PaymentLink, PaymentState},
};

impl Practice {
    /// Every version of every record of the whole timeline, also those that lie ahead, with the
    /// instant it comes into being, in order. Names, ids and contact data are as visible through
    /// `product`; deleted records are included up to their last version. A payment that is voided
    /// comes with the stamp it had before, so that only its row's status tells which is newer.
    pub fn history(&self, product: Product) -> Vec<(DateTime<Utc>, Event)> {
        let practice = PracticeId::new(product.practice_id());
        let inner = self.lock();
        let patients = inner.patients.versions().map(|(id, version)| {
            let record = Record::Patient(patient(id, &version.state, product));
            event(&practice, id, record, version.at)
        });
        let appointments = inner.appointments.versions().map(|(id, version)| {
            let record = Record::Appointment(appointment(&version.state, product));
            event(&practice, id, record, version.at)
        });
        let payments = inner.ledger.rows.versions().map(|(id, version)| {
            let state = &version.state;
            let record = Record::Payment(payment(state, product));
            let id = RecordId::new(&**id);
            (version.at, Event::new(practice.clone(), id, record, Some(state.updated), version.at))
        });
        let mut events: Vec<_> = patients.chain(appointments).chain(payments).collect();
        events.sort_by(|(at, a), (bt, b)| (at, &a.key).cmp(&(bt, &b.key)));
        events
    }

    /// The part of [`Practice::history`] up to and with an instant.
    pub fn history_until(&self, product: Product, until: DateTime<Utc>) -> Vec<Event> {
        let past = self.history(product).into_iter().filter(|(at, _)| *at <= until);
        past.map(|(_, event)| event).collect()
    }
}

fn event(
    practice: &PracticeId,
    id: &str,
    record: Record,
    at: DateTime<Utc>,
) -> (DateTime<Utc>, Event) {
    (at, Event::new(practice.clone(), RecordId::new(id), record, Some(at), at))
}

fn patient(id: &str, state: &PatientState, product: Product) -> Patient {
    let withheld = |private: bool| private && product == Product::Select;
    let emails = state.emails.iter().filter(|email| !withheld(email.private));
    let phones = state.phones.iter().filter(|phone| !withheld(phone.private));
    Patient {
        is_new: false,
        id: PatientId::new(id),
        chart_number: Some(Phi::new(state.chart.to_string())),
        name: PersonName {
            given: Phi::new(state.given.clone()),
            family: Phi::new(state.family.clone()),
        },
        birth_date: (state.birth_date.year() > 1900).then(|| Phi::new(state.birth_date)),
        emails: emails.map(|email| Phi::new(email.address.clone())).collect(),
        phones: phones
            .map(|phone| Phone {
                usage: phone.usage,
                number: Phi::new(phone.number.clone()),
                preferred: phone.preferred,
            })
            .collect(),
    }
}

fn appointment(state: &AppointmentState, product: Product) -> Appointment {
    let status = match (&state.status, product) {
        (AppointmentStatus::PracticeDefined(_), Product::PracticePlus) => {
            AppointmentStatus::Pending
        }
        (status, _) => status.clone(),
    };
    let purpose = |purpose: &Named| Named {
        id: purpose.id.clone().filter(|_| product == Product::Select),
        name: purpose.name.clone(),
    };
    Appointment {
        also: Vec::new(),
        patient: state.patient.clone(),
        status,
        kind: state.kind.clone(),
        purposes: state.purposes.iter().map(purpose).collect(),
        start: Some(visit_time(state.start)),
        end: Some(visit_time(state.end())),
        practitioner: state.practitioner.map(|practitioner| Named {
            id: Some(practitioner.id.to_string()),
            name: practitioner.display(product),
        }),
        location: state.location.map(|location| Named {
            id: Some(location.id.to_string()),
            name: location.name.to_owned(),
        }),
    }
}

/// A row of the ledger. Practice+ names nobody it refers to, so that the id has to do for a name;
/// Select tells nothing of links, and no adjustment that is put to no claim.
fn payment(state: &PaymentState, product: Product) -> Payment {
    let named = |id: u32, name: String| match product {
        Product::Select => Named { id: Some(id.to_string()), name },
        Product::PracticePlus => Named { id: Some(id.to_string()), name: id.to_string() },
    };
    let kind = match product {
        Product::Select if state.claims.is_empty() => PaymentKind::Payment,
        _ => state.kind,
    };
    let link = |link: &PaymentLink| match link.kind {
        LinkKind::VoidedBy => Some(Correction::VoidedBy(link.row.clone())),
        LinkKind::Voids => Some(Correction::Voids(link.row.clone())),
        LinkKind::Recreates => Some(Correction::Recreates(link.row.clone())),
        LinkKind::RecreatedBy | LinkKind::RecreatesVoiding => None,
    };
    let links = state.links.iter().filter(|_| product == Product::PracticePlus);
    Payment {
        items: Vec::new(),
        patient: state.patient.clone(),
        kind,
        payer: if state.insurer.is_some() { Payer::Insurer } else { Payer::Patient },
        status: state.status,
        amount: state.amount,
        date: Some(state.date),
        method: state.method_in(product).map(str::to_owned),
        category: state.category.clone(),
        description: state.note.clone().map(Phi::new),
        practitioner: state.practitioner.map(|who| named(who.id, who.display(product))),
        location: state.location.map(|place| named(place.id, place.name.to_owned())),
        corrections: links.filter_map(link).collect(),
    }
}

/// The wall clock as the practice wrote it, and the instant that wall clock means there.
fn visit_time(local: NaiveDateTime) -> VisitTime {
    VisitTime { local, instant: instant_of(local) }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use cannula_core::RecordKey;
    use cannula_testkit::ManualClock;
    use chrono::TimeDelta;

    use super::*;
    use crate::practice::{Oddities, PracticeConfig};

    fn practice(config: PracticeConfig) -> Practice {
        Practice::new(config, std::sync::Arc::new(ManualClock::at(config.start)))
    }

    fn config(seed: u64) -> PracticeConfig {
        PracticeConfig::new(seed, 200, 90, "2031-02-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_same_seed_makes_the_same_history_and_another_seed_another() {
        let history = |seed| practice(config(seed)).history(Product::Select);
        assert_eq!(history(1), history(1));
        assert_ne!(history(1), history(2));
    }

    #[test]
    fn versions_of_one_record_are_at_least_twenty_minutes_apart_and_within_the_timeline() {
        for seed in 0..20 {
            let config = config(seed);
            let end = config.start + TimeDelta::days(90);
            let mut last: BTreeMap<RecordKey, DateTime<Utc>> = BTreeMap::new();
            for (at, event) in practice(config).history(Product::PracticePlus) {
                assert!(config.start <= at && at < end, "{at}");
                if let Some(before) = last.insert(event.key, at) {
                    assert!(at - before >= TimeDelta::minutes(20), "{before} {at}");
                }
            }
        }
    }

    #[test]
    fn a_patient_is_registered_before_any_of_the_patients_appointments() {
        let mut known = BTreeSet::new();
        for (_, event) in practice(config(4)).history(Product::Select) {
            match &event.record {
                Record::Patient(patient) => {
                    known.insert(patient.id.clone());
                }
                Record::Appointment(appointment) => {
                    assert!(appointment.patient.iter().all(|patient| known.contains(patient)));
                }
                _ => {}
            }
        }
        assert_eq!(known.len(), 200);
    }

    #[test]
    fn stamps_are_whole_milliseconds_whatever_the_clock_says() {
        let start = "2031-02-01T00:00:00.123456789Z".parse().unwrap();
        let practice = practice(PracticeConfig::new(1, 5, 30, start));
        practice.add_patient(crate::practice::PatientState::new("Ann", "Smith", 1));
        for (at, _) in practice.history(Product::Select) {
            assert_eq!(at.timestamp_subsec_nanos() % 1_000_000, 0, "{at}");
        }
    }

    /// How often each status and each odd thing occurs.
    fn census(config: PracticeConfig, product: Product) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let mut count = |what: &str| *counts.entry(what.to_owned()).or_default() += 1;
        for (_, event) in practice(config).history(product) {
            match &event.record {
                Record::Appointment(appointment) => {
                    count(appointment.status.label());
                    count(appointment.kind.as_ref().map_or("(no type)", |kind| &kind.name));
                    count(if appointment.patient.is_some() { "(patient)" } else { "(block)" });
                }
                Record::Patient(patient) if patient.emails.is_empty() => count("(no e-mail)"),
                _ => {}
            }
        }
        counts
    }

    #[test]
    fn every_status_type_and_oddity_occurs_and_oddities_can_be_left_out() {
        let odd = census(config(1), Product::Select);
        for what in [
            "Held",
            "Web Request",
            "Pending",
            "Confirmed",
            "Arrived",
            "Fulfilled",
            "Cancelled",
            "No-Show",
            "Entered in Error",
            "(no type)",
            "(block)",
            "(no e-mail)",
            "Pop-Up Glow Event",
            "LASER TREATMENT",
            "Cosmetic Surgery",
            "Pre-Op Visit",
        ] {
            assert!(odd.contains_key(what), "{what} is not in {odd:?}");
        }
        let even =
            census(PracticeConfig { oddities: Oddities::NONE, ..config(1) }, Product::Select);
        for what in ["Held", "Web Request", "(block)", "(no e-mail)", "Pop-Up Glow Event"] {
            assert!(!even.contains_key(what), "{what} is in {even:?}");
        }
        assert!(!census(config(1), Product::PracticePlus).contains_key("Web Request"));
    }
}
