use cannula::{
    core::{AppointmentStatus as Status, ParkReason},
    sync::Outcome,
};
use cannula_sandbox::practice::{Email, PatientState};

use crate::scene::{Scene, titles};

#[tokio::test]
async fn a_patient_with_anothers_phone_waits_until_it_is_corrected_in_the_emr() {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    let before = scene.contact("Mina");

    let joon = PatientState {
        phones: PatientState::new("", "", 1).phones,
        ..PatientState::new("Joon", "Park", 2)
    };
    let joon = scene.world.sandbox.practice().add_patient(joon);
    let visit = scene.book(&joon, "Surgical Consult", "2026-03-03T10:00");
    scene.sync().await;
    assert!(scene.contacts("Joon").is_empty());
    assert_eq!(scene.contact("Mina"), before, "untouched");
    let held = ParkReason::ContactConflict {
        contact: before.id.as_str().into(),
        shared: "phone".to_owned(),
    };
    let lines = scene.explain(&joon).await;
    assert!(lines.iter().any(|line| line.outcome == Outcome::Held(held.clone())), "{lines:#?}");
    let told = scene.told(&joon, &visit).await;
    assert!(told.contains("Correct the phone in the EMR"), "{told}");
    assert!(scene.parked().await > 0);

    scene.edit(&joon, |joon| joon.phones = PatientState::new("", "", 2).phones);
    scene.sync().await;
    assert_eq!(scene.parked().await, 0);
    let contact = scene.contact("Joon");
    assert_eq!(contact.phone.as_deref(), Some("+16465550002"));
    assert_eq!(titles(&contact), ["Appointment Pending"]);
    assert_eq!(scene.stage("Joon", "Surgery: Lead 2 Patient").unwrap(), "Consult Booked");
    assert_eq!(scene.contact("Mina"), before, "untouched");
}

#[tokio::test]
async fn a_contact_deleted_in_the_crm_is_created_again_without_the_notes_that_were_left() {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    let visit = scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    let before = scene.contact("Mina");
    assert_eq!(titles(&before), ["Appointment Pending"]);
    assert!(scene.world.sandbox.crm_state().delete_contact(&before.id));

    scene.set(&visit, Status::Confirmed);
    scene.sync().await;
    let after = scene.contact("Mina");
    assert_ne!(after.id, before.id);
    assert_eq!(titles(&after), ["Appointment Confirmed"]);
    assert_eq!(after.tags, before.tags);
    assert_eq!(after.opportunities, before.opportunities);
    let mut fields = before.fields;
    fields.insert("NXT Appointment Status".to_owned(), "Confirmed".into());
    assert_eq!(after.fields, fields);
    assert_eq!(
        (after.email, after.phone, after.birth_date),
        (before.email, before.phone, before.birth_date)
    );
    assert_eq!(scene.parked().await, 0);
}

#[tokio::test]
async fn a_patient_without_phone_and_email_comes_alive_when_one_is_added() {
    let scene = Scene::open().await;
    let nobody =
        PatientState { emails: vec![], phones: vec![], ..PatientState::new("Mina", "Park", 1) };
    let mina = scene.world.sandbox.practice().add_patient(nobody);
    let visit = scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    scene.set(&visit, Status::Confirmed);
    scene.sync().await;
    assert!(scene.contacts("Mina").is_empty());
    assert_eq!(scene.parked().await, 2);
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("neither an e-mail address nor a phone number"), "{told}");
    assert!(told.contains("It is picked up as soon as the EMR tells"), "{told}");

    let email = Email { address: "mina@example.test".to_owned(), private: false };
    scene.edit(&mina, |mina| mina.emails = vec![email]);
    scene.sync().await;
    assert_eq!(scene.parked().await, 0);
    let contact = scene.contact("Mina");
    assert_eq!(contact.email.as_deref(), Some("mina@example.test"));
    assert_eq!(titles(&contact), ["Appointment Pending", "Appointment Confirmed"]);
    assert_eq!(scene.stage("Mina", "Lead 2 Patient").unwrap(), "Booked");
}

#[tokio::test]
async fn an_appointment_deleted_without_a_trace_leaves_the_crm_as_it_was() {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    let visit = scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    let before = scene.contact("Mina");
    assert!(scene.world.sandbox.practice().delete_appointment(&visit));
    // No listing tells; the next change of the patient goes through all the same.
    scene.edit(&mina, |mina| mina.family = "Ito".to_owned());
    scene.sync().await;
    let after = scene.contact("Mina");
    assert_eq!(after.last_name.as_deref(), Some("Ito"));
    assert_eq!((after.notes, after.fields, after.tags), (before.notes, before.fields, before.tags));
}
