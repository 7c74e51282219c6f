use cannula::{
    a360::{Action, Answer, Said, Selection},
    core::ContactId,
    rules::patient_link::{FieldRule, Question},
};
use tokio::task::JoinSet;

use crate::{Clinic, contact, staff};

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
        let audit = clinic.app.audit(&staff(), &"p1".into()).await.unwrap();
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
async fn a_contact_merged_in_the_crm_is_found_by_whoever_selects_its_master() {
    for clinic in Clinic::each().await {
        let crm = clinic.world.sandbox.crm_state();
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let patient = clinic.selected(&mara).await.patient.id;
        // Nobody selects the old contact: searches do not show it any more.
        let master = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let taken = clinic.select(&master).await;
        assert!(matches!(taken, Selection::Ask(Question::PatientTaken { .. })), "{taken:?}");
        assert!(crm.merge_contacts(&master, &mara));
        let again = clinic.selected(&master).await;
        assert_eq!((&again.patient.id, again.action), (&patient, Action::Linked));
        let audit = clinic.app.audit(&staff(), &patient).await.unwrap();
        let actions: Vec<_> = audit.iter().map(|row| row.action).collect();
        assert_eq!(actions, [Action::Created, Action::Broken, Action::Linked]);

        // Into one of another name, so staff say who it is.
        let married = clinic.put(contact("Mara", "Okafor-Lee", "1990-02-03"));
        assert!(crm.merge_contacts(&married, &master));
        let answer = Answer { said: Some(Said::Is(patient.clone())), birth_date: None };
        let again = clinic.app.select(&staff(), &married.as_str().into(), &answer).await.unwrap();
        let Selection::Done(again) = again else { panic!("{again:?}") };
        assert_eq!((again.patient.id, again.action), (patient, Action::Linked));
        assert_eq!(clinic.app.status().await.unwrap().counts.patients, 1);
    }
}

#[tokio::test]
async fn a_contact_that_was_used_for_the_next_person_is_told_by_the_refresh_and_nobody_is_renamed()
{
    for clinic in Clinic::each().await {
        let crm = clinic.world.sandbox.crm_state();
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let patient = clinic.selected(&mara).await.patient;
        crm.edit_contact(&mara, |it| {
            it.first_name = "Otto".to_owned();
            it.birth_date = "1962-12-01".parse().ok();
        });
        let refreshed = clinic.app.refresh(&staff()).await.unwrap();
        let contact = ContactId::new(&*mara);
        assert_eq!(refreshed.doubtful, [(patient.id.clone(), contact)]);
        assert!(refreshed.updated.is_empty() && refreshed.unchanged == 0);
        assert_eq!(clinic.app.audit(&staff(), &patient.id).await.unwrap().len(), 1);
        // Who selects it has looked: the name is the CRM's, as documented.
        let selected = clinic.selected(&mara).await;
        assert_eq!(selected.rules.birth_date, FieldRule::Conflict);
        assert_eq!(selected.patient.person.first_name.expose(), "Otto");
    }
}
