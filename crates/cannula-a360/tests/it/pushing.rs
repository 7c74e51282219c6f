//! A patient that was added by hand becomes a contact, once.

use std::collections::BTreeMap;

use cannula_a360::{A360, Action, Options, Pushed, Selection};
use cannula_core::{CrmContact, ErrorKind, PatientId, Person, Retry};
use cannula_rules::patient_link::Question;

use crate::{
    races::adds,
    support::{Crm, admin, app, apps, contact, doctor, person, select, stores, text},
};

async fn added(app: &A360) -> PatientId {
    let mara =
        Person { email: text("mara@example.test"), ..person("Mara", "Okafor", "1990-02-03") };
    app.add(&doctor(), mara, BTreeMap::new()).await.unwrap().patient.id
}

async fn push(app: &A360, patient: &PatientId, is_new: bool) -> Pushed {
    app.push(&doctor(), patient, is_new).await.unwrap()
}

#[tokio::test]
async fn a_patient_the_crm_does_not_know_becomes_a_contact_and_is_linked_to_it() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let mara = added(&app).await;
        let Pushed::Created { patient, contact } = push(&app, &mara, false).await else {
            panic!("it is created")
        };
        assert_eq!(patient.contact_in(app.location()), Some(&contact));
        assert_eq!(crm.len(), 1);
        let again = app.push(&doctor(), &mara, false).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Invalid);
        let audit = app.audit(&doctor(), &mara).await.unwrap();
        assert_eq!(audit.last().unwrap().action, Action::Pushed);
        crm.remove(contact.as_str());
    }
}

#[tokio::test]
async fn a_contact_that_is_the_person_is_linked_and_one_that_may_be_is_asked_about() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let mara = added(&app).await;
        crm.put(contact("c1", "Mara", "Okafor", ""));
        let possible = Question::PossibleContacts { contacts: vec!["c1".into()] };
        assert_eq!(push(&app, &mara, false).await, Pushed::Ask(possible));
        crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
        let Pushed::Found(Selection::Done(outcome)) = push(&app, &mara, false).await else {
            panic!("it is linked")
        };
        assert_eq!((&outcome.patient.id, outcome.action), (&mara, Action::Linked));
        assert_eq!(crm.len(), 1);
        crm.remove("c1");
    }
}

#[tokio::test]
async fn a_contact_that_another_patient_is_linked_to_is_nobodys_twin() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
        select(&app, "c1").await;
        let twin = added(&app).await;
        let Pushed::Ask(question) = push(&app, &twin, true).await else { panic!("it is asked") };
        assert_eq!(question, Question::ContactTaken { contact: "c1".into(), by: "p1".into() });
        crm.remove("c1");
    }
}

#[tokio::test]
async fn a_patient_with_half_a_name_is_told_what_is_missing() {
    let crm = Crm::at("l1");
    for store in stores() {
        // Such as the application had before; nobody is added so.
        let half = store.commit(&adds(person("Mara", "-", "1990-02-03"))).await.unwrap();
        let app = app(&crm, &store);
        app.enable(&admin(), Options { push: true, refresh: false }).await.unwrap();
        let missing = vec!["last name", "phone number or e-mail address"];
        let incomplete = Question::PatientIncomplete { missing };
        assert_eq!(push(&app, &half.id, false).await, Pushed::Ask(incomplete));
    }
}

#[tokio::test]
async fn familys_address_is_a_conflict_and_no_second_contact() {
    let crm = Crm::at("l1");
    let mother = contact("c1", "Nkechi", "Okafor", "1960-01-02");
    crm.put(CrmContact { email: text("mara@example.test"), ..mother });
    for app in apps(&crm).await {
        let mara = added(&app).await;
        let conflict = Question::ContactConflict { contact: "c1".into(), shared: "email".into() };
        assert_eq!(push(&app, &mara, true).await, Pushed::Ask(conflict));
        assert_eq!(crm.len(), 1);
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_next_push_finds_what_was_made() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let mara = added(&app).await;
        crm.lose_the_next_creation();
        let error = app.push(&doctor(), &mara, false).await.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle);
        assert!(error.message().contains("push again"), "{error}");
        let Pushed::Found(Selection::Done(outcome)) = push(&app, &mara, false).await else {
            panic!("it is found")
        };
        let made = outcome.patient.contact_in(app.location()).unwrap().clone();
        assert_eq!(crm.len(), 1);
        crm.remove(made.as_str());
    }
}

#[tokio::test]
async fn nothing_is_pushed_unless_it_is_allowed() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        app.enable(&admin(), Options::default()).await.unwrap();
        let mara = added(&app).await;
        let error = app.push(&doctor(), &mara, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(crm.len(), 0);
    }
}
