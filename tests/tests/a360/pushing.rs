//! A patient that was added by hand is offered to the CRM.

use std::collections::BTreeMap;

use cannula::{
    a360::{Pushed, Selection},
    core::{ContactDirectory, Person, Phi, Retry},
    rules::patient_link::Question,
};
use cannula_sandbox::{Fault, NewContact, Vendor};

use crate::{Clinic, contact, staff, text};

fn patient(first: &str, last: &str, phone: &str, email: &str) -> Person {
    let some = |value: &str| (!value.is_empty()).then(|| text(value));
    Person {
        first_name: text(first),
        last_name: text(last),
        phone: some(phone),
        email: some(email),
        birth_date: "1990-01-01".parse().ok().map(Phi::new),
    }
}

async fn push(clinic: &Clinic, person: Person, is_new: bool) -> Pushed {
    let added = clinic.app.add(&staff(), person, BTreeMap::new()).await.unwrap();
    clinic.app.push(&staff(), &added.patient.id, is_new).await.unwrap()
}

#[tokio::test]
async fn a_contact_whose_creation_got_no_answer_is_found_by_the_push_and_there_is_one() {
    for clinic in Clinic::each().await {
        let zoe = patient("Zoe", "Marsh", "918-555-0177", "");
        clinic.world.sandbox.faults(Vendor::Crm).script("POST /crm/contacts/", Fault::ErrorAfter);
        let lost = clinic.world.sink().unwrap().directory().create(&zoe).await.unwrap_err();
        assert_eq!(lost.retry_advice(), Retry::Settle);
        // The index does not know it yet; the CRM names it when it is made again.
        let pushed = push(&clinic, zoe, false).await;
        assert!(matches!(pushed, Pushed::Found(Selection::Done(_))), "{pushed:?}");
        assert_eq!(clinic.world.sandbox.crm().contacts.len(), 1);
        assert_eq!(clinic.app.status().await.unwrap().counts.linked, 1);
    }
}

#[tokio::test]
async fn placeholders_are_not_pushed_so_that_the_next_patient_with_one_is_nobody_elses() {
    for clinic in Clinic::each().await {
        for (first, phone) in [("Zoe", "918-555-0177"), ("Ada", "918-555-0178")] {
            let pushed =
                push(&clinic, patient(first, "Marsh", phone, "none@none.com"), false).await;
            assert!(matches!(pushed, Pushed::Created { .. }), "{pushed:?}");
        }
        let pushed =
            push(&clinic, patient("Mia", "Marsh", "000-000-0000", "mia@example.test"), false).await;
        assert!(matches!(pushed, Pushed::Created { .. }), "{pushed:?}");
        let contacts = clinic.world.sandbox.crm().contacts;
        assert_eq!(contacts.iter().filter(|it| it.email.is_some()).count(), 1);
        assert_eq!(contacts.iter().filter(|it| it.phone.is_some()).count(), 2);
    }
}

#[tokio::test]
async fn a_contact_of_the_name_and_address_without_a_birth_date_may_be_the_patient() {
    for clinic in Clinic::each().await {
        let lead =
            NewContact { email: Some("zoe@example.test".into()), ..contact("Zoe", "Marsh", "") };
        let lead = clinic.put(lead);
        // The index does not know it yet, so only the CRM's refusal names it.
        let asked = push(&clinic, patient("Zoe", "Marsh", "", "zoe@example.test"), false).await;
        let contacts = vec![lead.as_str().into()];
        assert_eq!(asked, Pushed::Ask(Question::PossibleContacts { contacts }));
        // Staff say it is not: then two people have one address.
        let asked = clinic.app.push(&staff(), &"p1".into(), true).await.unwrap();
        let (contact, shared) = (lead.as_str().into(), "email".to_owned());
        assert_eq!(asked, Pushed::Ask(Question::ContactConflict { contact, shared }));
    }
}

#[tokio::test]
async fn a_namesake_that_the_index_spells_with_accents_is_found_by_the_other_half_of_the_name() {
    for clinic in Clinic::each().await {
        let maria = clinic.put(contact("María", "Núñez", "1990-01-01"));
        let ines = clinic.put(contact("Ines", "Muñoz", "1990-01-01"));
        clinic.index();
        for (first, last, found) in [("Maria", "Núñez", &maria), ("Ines", "Munoz", &ines)] {
            let pushed = push(&clinic, patient(first, last, "918-555-0177", ""), false).await;
            let Pushed::Found(Selection::Done(done)) = pushed else { panic!("{pushed:?}") };
            assert_eq!(done.patient.contact_in(clinic.app.location()).unwrap().as_str(), found);
        }
        assert_eq!(clinic.world.sandbox.crm().contacts.len(), 2);
    }
}
