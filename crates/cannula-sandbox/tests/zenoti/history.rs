use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{AppointmentStatus, PatientId, Record};
use cannula_sandbox::{
    Quirks,
    practice::{Oddities, PatientState, PracticeConfig},
};

use crate::support::{Scene, busy, start};

async fn mild(config: PracticeConfig) -> Scene {
    Scene::new(config, Quirks::kind()).await
}

#[tokio::test]
async fn the_same_seed_makes_the_same_history_and_another_seed_another() {
    let history = async |seed| {
        mild(PracticeConfig::new(seed, 30, 40, start())).await.practice().zenoti_history()
    };
    assert_eq!(history(1).await, history(1).await);
    assert_ne!(history(1).await, history(2).await);
}

#[tokio::test]
async fn visits_and_patients_are_the_same_with_invoices_and_without() {
    let lists = async |oddities| {
        let scene = mild(PracticeConfig { oddities, ..busy() }).await;
        scene.advance(86_400 * 60);
        let (practice, mut rows) = (scene.practice(), Vec::new());
        for id in practice.appointment_ids() {
            rows.push((practice.zenoti_appointments(&id), practice.appointment(&id).unwrap()));
        }
        rows
    };
    let poor = Oddities { payments: false, ..Oddities::ALL };
    let (with, without) = (lists(Oddities::ALL).await, lists(poor).await);
    let states =
        |rows: &[(_, _)]| rows.iter().map(|(_, state)| format!("{state:?}")).collect::<Vec<_>>();
    assert_eq!(states(&with), states(&without));
    assert!(with.iter().any(|(services, _)| services.len() == 2), "some have two services");
}

#[tokio::test]
async fn closed_invoices_in_the_history_add_up_to_the_books() {
    for seed in 0..4 {
        let scene = mild(PracticeConfig::new(seed, 40, 60, start())).await;
        scene.advance(86_400 * 60);
        let practice = scene.practice();
        let mut rows = BTreeMap::new();
        for (_, event) in practice.zenoti_history() {
            if let Record::Payment(payment) = event.record {
                rows.insert(event.key.id, payment);
            }
        }
        let mut sums = BTreeMap::<PatientId, i64>::new();
        for payment in rows.into_values() {
            *sums.entry(payment.patient.unwrap()).or_default() += payment.amount.minor();
        }
        let books = practice.zenoti_lifetime_values();
        assert!(!books.is_empty());
        for (guest, value) in books {
            assert_eq!(sums.get(&guest), Some(&value.minor()), "seed {seed}, {guest}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_thing_occurs() {
    let scene = mild(PracticeConfig::new(1, 200, 90, start())).await;
    let mut seen = BTreeSet::new();
    for (_, event) in scene.practice().zenoti_history() {
        match event.record {
            Record::Appointment(visit) => {
                seen.insert(visit.status.label().to_owned());
                assert!(visit.patient.is_some());
                if !visit.also.is_empty() {
                    seen.insert("two services".to_owned());
                }
            }
            Record::Payment(payment) if payment.amount.is_negative() => {
                seen.insert("refund".to_owned());
            }
            Record::Payment(payment) if payment.amount.minor() == 0 => {
                seen.insert("open again".to_owned());
            }
            Record::Membership(it) => {
                seen.insert(format!("membership {}", it.status.label()));
            }
            Record::Patient(guest) if guest.is_new => {
                seen.insert("new guest".to_owned());
            }
            _ => {}
        }
    }
    for what in [
        "Pending",
        "Confirmed",
        "Arrived",
        "Fulfilled",
        "Cancelled",
        "No-Show",
        "two services",
        "refund",
        "open again",
        "membership Active",
        "membership Frozen",
        "membership Cancelled",
        "new guest",
    ] {
        assert!(seen.contains(what), "{what} is not in {seen:?}");
    }
}

#[tokio::test]
async fn what_a_merged_guest_had_is_said_again_of_the_other() {
    let scene = Scene::empty().await;
    let practice = scene.practice();
    let (old, new) = (scene.ann(), practice.add_patient(PatientState::new("Anne", "Smith", 2)));
    let visit = scene.book(&old);
    practice.zenoti_close_invoice(&visit, None).unwrap();
    scene.advance(60);
    let before = practice.zenoti_history().len();
    practice.zenoti_merge_guests(&old, &new);
    let history = practice.zenoti_history();
    let owners: Vec<_> =
        history[before..].iter().map(|(_, event)| event.record.person().unwrap()).collect();
    let owners: Vec<_> = owners.iter().map(|owner| owner.as_str()).collect();
    let new_id = new.as_str();
    assert_eq!(owners, [new_id, new_id, old.as_str()], "the visit, the invoice and the merge");
    assert_eq!(practice.zenoti_lifetime_value(&old).minor(), 0);
    assert!(practice.zenoti_lifetime_value(&new).minor() > 0);
}

#[tokio::test]
async fn a_visit_without_services_ends_as_cancelled_unless_it_was_over() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let (ahead, over) = (scene.book(&ann), scene.book(&ann));
    scene.advance(60);
    let practice = scene.practice();
    practice.update_appointment(&over, |state| state.status = AppointmentStatus::Fulfilled);
    scene.advance(60);
    practice.zenoti_remove_services(&ahead);
    practice.delete_appointment(&over);
    let last = |id| {
        let group = practice.zenoti_group(id);
        let history = practice.zenoti_history();
        let mut own = history.iter().rev().filter(|(_, event)| event.key.id == group);
        match &own.next().unwrap().1.record {
            Record::Appointment(visit) => visit.status.clone(),
            _ => unreachable!(),
        }
    };
    assert_eq!(last(&ahead), AppointmentStatus::Cancelled);
    assert_eq!(last(&over), AppointmentStatus::Fulfilled);
}
