use std::collections::BTreeMap;

use cannula::{
    a360::{Action, Answer, Pushed, Said, Selection},
    core::{ContactDirectory, Person, Phi, Retry},
    rules::patient_link::FieldRule,
};
use cannula_sandbox::{Fault, Vendor};
use tokio::task::JoinSet;

use crate::{Clinic, contact, staff, text};

#[tokio::test]
async fn a_hundred_selections_at_once_make_one_patient_one_link_and_a_clean_audit() {
    for clinic in Clinic::each().await {
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let mut all = JoinSet::new();
        for _ in 0..100 {
            let (app, mara) = (clinic.app.clone(), mara.clone());
            all.spawn(async move {
                app.select(&staff(), &mara.as_str().into(), &Answer::default()).await
            });
        }
        for ended in all.join_all().await {
            assert!(matches!(ended.unwrap(), Selection::Done(_)));
        }
        let counts = clinic.app.status().await.unwrap().counts;
        assert_eq!((counts.patients, counts.linked, counts.broken), (1, 1, 0));
        let audit = clinic.app.audit(&"p1".into()).await.unwrap();
        let count = |action| audit.iter().filter(|row| row.action == action).count();
        assert_eq!((audit.len(), count(Action::Created), count(Action::Unchanged)), (100, 1, 99));
        assert!(audit[1..].iter().all(|row| row.before.as_ref() == Some(&row.after)));
    }
}

#[tokio::test]
async fn the_custom_field_has_the_birth_date_until_the_contact_has() {
    for clinic in Clinic::each().await {
        let mut marah = contact("Marah", "Quist", "1900-01-01");
        marah.fields.insert("NXT Birthday".to_owned(), "1973-04-12".into());
        let marah = clinic.put(marah);
        let first = clinic.selected(&marah).await;
        assert_eq!(first.rules.birth_date, FieldRule::CrmField);
        clinic.world.sandbox.crm_state().edit_contact(&marah, |marah| {
            marah.birth_date = "1973-04-21".parse().ok();
            marah.last_name = "Holt".to_owned();
        });
        let second = clinic.selected(&marah).await;
        assert_eq!(
            (second.action, second.rules.birth_date),
            (Action::Updated, FieldRule::Conflict)
        );
        let born = second.patient.person.birth_date.unwrap();
        assert_eq!(born.expose().to_string(), "1973-04-12", "a valid date is never replaced");
    }
}

#[tokio::test]
async fn a_contact_merged_in_the_crm_is_linked_again_to_its_master() {
    for clinic in Clinic::each().await {
        let crm = clinic.world.sandbox.crm_state();
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let patient = clinic.selected(&mara).await.patient.id;
        let master = clinic.put(contact("Mara", "Okafor-Lee", "1990-02-03"));
        assert!(crm.merge_contacts(&master, &mara));
        let Selection::Gone { patient: Some(gone) } = clinic.select(&mara).await else {
            panic!("it is gone")
        };
        assert_eq!(gone.id, patient);
        let refreshed = clinic.app.refresh(&staff()).await.unwrap();
        assert_eq!((refreshed.unchanged, refreshed.broken.len()), (0, 0), "told already");
        // It has another name, so staff say who it is.
        let answer = Answer { said: Some(Said::Is(patient.clone())), birth_date: None };
        let again = clinic.app.select(&staff(), &master.as_str().into(), &answer).await.unwrap();
        let Selection::Done(again) = again else { panic!("{again:?}") };
        assert_eq!((again.patient.id, again.action), (patient, Action::Linked));
        assert_eq!(clinic.app.status().await.unwrap().counts.patients, 1);
    }
}

#[tokio::test]
async fn a_contact_whose_creation_got_no_answer_is_found_by_the_push_and_there_is_one() {
    for clinic in Clinic::each().await {
        let zoe = Person {
            first_name: text("Zoe"),
            last_name: text("Marsh"),
            phone: Some(text("918-555-0177")),
            email: None,
            birth_date: "1990-01-01".parse().ok().map(Phi::new),
        };
        clinic.world.sandbox.faults(Vendor::Crm).script("POST /crm/contacts/", Fault::ErrorAfter);
        let lost = clinic.world.sink().unwrap().directory().create(&zoe).await.unwrap_err();
        assert_eq!(lost.retry_advice(), Retry::Settle);
        let zoe = clinic.app.add(&staff(), zoe, BTreeMap::new()).await.unwrap().patient.id;
        // The index does not know it yet; the CRM names it when it is made again.
        let pushed = clinic.app.push(&staff(), &zoe, false).await.unwrap();
        assert!(matches!(pushed, Pushed::Found(Selection::Done(_))), "{pushed:?}");
        assert_eq!(clinic.world.sandbox.crm().contacts.len(), 1);
        assert_eq!(clinic.app.status().await.unwrap().counts.linked, 1);
    }
}
