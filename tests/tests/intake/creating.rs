use std::collections::BTreeMap;

use cannula_sandbox::{
    Fault, Vendor,
    practice::{AppointmentState, Product},
};

use crate::{PRODUCTS, desk, newest};

/// Requests that touch patients, by `METHOD /template`.
fn patient_calls(desk: &cannula_tests::Desk) -> BTreeMap<String, u64> {
    let mut calls = desk.world.sandbox.calls(Vendor::Nextech);
    calls.retain(|call, _| call.contains("/Patient"));
    calls
}

#[tokio::test]
async fn a_tag_makes_the_patient_and_the_first_appointment_finds_the_contact() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let nora = desk.add(desk.lead("Nora", "Lind", 1));
        desk.apply(&nora);
        desk.work().await.unwrap();
        let contact = desk.contact(&nora).unwrap();
        assert_eq!(newest(&desk, &nora), "Patient Created");
        assert_eq!(contact.tags, ["nxt created"]);
        let practice = desk.world.sandbox.practice();
        let patients = practice.patient_ids();
        assert_eq!(patients.len(), 1, "{product:?}");
        let chart = practice.patient(&patients[0]).unwrap().chart.to_string();
        assert!(contact.notes[0].contains(&format!("Chart number: {chart}")), "{contact:#?}");

        // The patient's echo comes back with the next polls and makes nobody.
        desk.work().await.unwrap();
        let start = "2026-03-10T10:00:00".parse().unwrap();
        practice.book(AppointmentState::new(&patients[0], "Laser Treatment", start));
        // Somebody else has Nora's details by now: only the link finds the right contact.
        desk.world.sandbox.crm_state().edit_contact(&nora, |nora| {
            nora.email = Some("nora.married@example.test".to_owned());
            nora.phone = Some("+16465550999".to_owned());
        });
        desk.work().await.unwrap();
        assert_eq!(newest(&desk, &nora), "Appointment Pending");
        assert_eq!(desk.world.sandbox.crm().contacts.len(), 1, "{product:?}");
    }
}

#[tokio::test]
async fn faulty_fields_are_named_and_no_patient_is_even_searched_for() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let mut lead = desk.lead("Ada", "Quist", 2);
        lead.phone = None;
        lead.birth_date = "1900-01-01".parse().ok();
        lead.fields.insert("NXT Location".to_owned(), "juniper aesthetics  midtown".into());
        let ada = desk.add(lead);
        let before = patient_calls(&desk);
        desk.apply(&ada);
        desk.world.pass(std::time::Duration::from_secs(300));
        desk.world.sandbox.deliver_webhooks().await;
        desk.world.drain(&desk.intake).await.unwrap();
        assert_eq!(patient_calls(&desk), before, "{product:?}");
        let contact = desk.contact(&ada).unwrap();
        let faults: Vec<_> =
            contact.notes[0].lines().filter(|line| line.starts_with("- ")).collect();
        assert_eq!(
            faults,
            [
                "- “Phone” is missing.",
                "- “Date of Birth” holds a placeholder (1 January 1900 or earlier); write the person's own.",
                "- “NXT Location” must be spelled “Juniper Aesthetics Midtown”, with the same capitals and spaces.",
            ]
        );
        assert_eq!(contact.tags, ["nxt create failed"]);
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_makes_one_patient() {
    for product in PRODUCTS {
        for fault in [Fault::ErrorAfter, Fault::ResetAfter, Fault::TruncatedJson] {
            let desk = desk(product).await;
            let zoe = desk.add(desk.lead("Zoe", "Marsh", 3));
            desk.world.sandbox.faults(Vendor::Nextech).script("POST /nextech", fault);
            desk.apply(&zoe);
            desk.work().await.unwrap();
            assert_eq!(desk.patients(), 1, "{product:?} {fault:?}");
            assert_eq!(desk.contact(&zoe).unwrap().tags, ["nxt created"], "{fault:?}");
            // And again, by hand.
            desk.apply(&zoe);
            desk.work().await.unwrap();
            assert_eq!(desk.patients(), 1, "{product:?} {fault:?}");
            assert_eq!(newest(&desk, &zoe), "Already a Patient");
        }
    }
}

#[tokio::test]
async fn a_create_that_was_not_applied_is_sent_again() {
    for fault in
        [Fault::ErrorBefore, Fault::ResetBefore, Fault::TooManyRequests { retry_after: None }]
    {
        let desk = desk(Product::Select).await;
        let zoe = desk.add(desk.lead("Zoe", "Marsh", 3));
        desk.world.sandbox.faults(Vendor::Nextech).script("POST /nextech", fault);
        desk.apply(&zoe);
        desk.work().await.unwrap();
        assert_eq!((desk.patients(), newest(&desk, &zoe).as_str()), (1, "Patient Created"));
    }
}

#[tokio::test]
async fn two_tags_at_once_make_one_patient() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let one = desk.add(desk.lead("Nora", "Lind", 4));
        desk.apply(&one);
        desk.world.sandbox.crm_state().untag(&one, &[desk.tag()]);
        desk.apply(&one);
        desk.work().await.unwrap();
        let contact = desk.contact(&one).unwrap();
        assert_eq!((desk.patients(), contact.notes.len()), (1, 1), "{product:?}: {contact:#?}");
    }
}

#[tokio::test]
async fn two_contacts_of_one_person_tagged_at_once_make_one_patient() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let first = desk.add(desk.lead("Nora", "Lind", 5));
        // Imported, so the CRM did not ask whether it has her already.
        let mut again = desk.lead("NORA", "Lind", 5);
        again.postal_code = Some("02841".to_owned());
        let again = desk.add(again);
        for contact in [&first, &again] {
            desk.apply(contact);
        }
        desk.work().await.unwrap();
        assert_eq!(desk.patients(), 1, "{product:?}");
        let mut titles = [newest(&desk, &first), newest(&desk, &again)];
        titles.sort();
        assert_eq!(titles, ["Patient Created", "Patient Linked"], "{product:?}");
    }
}

#[tokio::test]
async fn a_tag_on_a_patient_of_the_practice_links_and_creates_nobody() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let known = desk.world.sandbox.practice().add_patient(desk.patient("Mina", "Park", 6));
        let mut lead = desk.lead("Mina", "Park", 6);
        lead.first_name = "mina".to_owned();
        let mina = desk.add(lead);
        desk.apply(&mina);
        desk.work().await.unwrap();
        assert_eq!((desk.patients(), newest(&desk, &mina).as_str()), (1, "Patient Linked"));
        let start = "2026-03-10T10:00:00".parse().unwrap();
        let visit = AppointmentState::new(&known, "Laser Treatment", start);
        desk.world.sandbox.practice().book(visit);
        desk.work().await.unwrap();
        assert_eq!(newest(&desk, &mina), "Appointment Pending");
        assert_eq!(desk.world.sandbox.crm().contacts.len(), 1);
    }
}

#[tokio::test]
async fn several_patients_are_told_with_their_charts_and_staff_choose() {
    for product in PRODUCTS {
        let desk = desk(product).await;
        let practice = desk.world.sandbox.practice();
        for number in [7, 8] {
            let mut iris = desk.patient("Iris", "Holt", number);
            iris.birth_date = "1980-05-05".parse().unwrap();
            practice.add_patient(iris);
        }
        let mut lead = desk.lead("Iris", "Holt", 9);
        lead.birth_date = "1980-05-05".parse().ok();
        let iris = desk.add(lead);
        desk.apply(&iris);
        desk.work().await.unwrap();
        let note = desk.contact(&iris).unwrap().notes[0].clone();
        assert!(note.contains("900007") && note.contains("900008"), "{note}");
        let choose = |chart: &str| {
            let chart = chart.to_owned();
            desk.world.sandbox.crm_state().edit_contact(&iris, |iris| {
                iris.fields.insert("NXT Chart Number".to_owned(), chart.into());
            });
            desk.apply(&iris);
        };
        choose("900008");
        desk.work().await.unwrap();
        assert_eq!((desk.patients(), newest(&desk, &iris).as_str()), (2, "Patient Linked"));
        assert_eq!(desk.contact(&iris).unwrap().tags, ["nxt created"]);
    }
}
