//! A selection links, merges and leaves a row, whatever the two sides hold.

use std::collections::BTreeMap;

use cannula_a360::{
    A360, Action, Actor, Answer, Duplicate, LinkFilter, MemoryStore, Options, Said, SearchRequest,
    Selection,
};
use cannula_core::{CrmContact, ErrorKind, Person, Phi};
use cannula_rules::patient_link::{FieldRule, LinkPolicy, Question};
use proptest::{prelude::*, sample::select as one_of};

use crate::support::{
    Crm, actor, admin, app, apps, contact, doctor, done, person, select, stores, text,
};

fn mara() -> CrmContact {
    CrmContact {
        phone: text("+19185550123"),
        email: text("mara@example.test"),
        ..contact("c1", "Mara", "Okafor", "1990-02-03")
    }
}

async fn answered(app: &A360, contact: &str, said: Said) -> Selection {
    let answer = Answer { said: Some(said), birth_date: None };
    app.select(&doctor(), &contact.into(), &answer).await.unwrap()
}

#[tokio::test]
async fn a_contact_nobody_knows_becomes_a_patient_and_selecting_it_again_changes_nothing() {
    let crm = Crm::at("l1");
    crm.put(mara());
    for app in apps(&crm).await {
        let first = done(select(&app, "c1").await);
        assert_eq!((first.action, first.patient.version), (Action::Created, 1));
        assert_eq!(first.patient.person.phone, text("+19185550123"));
        let again = done(select(&app, "c1").await);
        assert_eq!(
            (again.action, &again.patient.person),
            (Action::Unchanged, &first.patient.person)
        );
        assert_eq!(again.patient.version, 1);
        let audit = app.audit(&doctor(), &first.patient.id).await.unwrap();
        assert_eq!((audit[0].action, &audit[0].before), (Action::Created, &None));
        assert_eq!(audit[0].rules.unwrap().birth_date, FieldRule::Crm);
        assert_eq!(
            (audit[1].action, audit[1].before.as_ref()),
            (Action::Unchanged, Some(&audit[1].after))
        );
        assert_eq!(audit[1].by, "dr.lind");
        let shown = format!("{audit:?} {first:?} {app:?}");
        assert!(
            !shown.contains("Mara") && !shown.contains("1990") && !shown.contains("918"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_patient_added_by_hand_is_linked_and_its_details_stay() {
    let crm = Crm::at("l1");
    crm.put(mara());
    for app in apps(&crm).await {
        let details = BTreeMap::from([("Title".to_owned(), Phi::new("Dr".to_owned()))]);
        let by_hand = person("MARA", "O'Kafor", "1990-02-03");
        let added = app.add(&doctor(), by_hand.clone(), details.clone()).await.unwrap();
        let linked = done(select(&app, "c1").await);
        assert_eq!((&linked.patient.id, linked.action), (&added.patient.id, Action::Linked));
        assert_eq!(linked.patient.details, details);
        assert_eq!(linked.patient.person.last_name.expose(), "Okafor");
        let audit = app.audit(&doctor(), &added.patient.id).await.unwrap();
        assert_eq!((audit[0].action, audit[1].action), (Action::Added, Action::Linked));
        assert_eq!(audit[1].before, Some(by_hand), "the old name is not lost");
    }
}

#[tokio::test]
async fn several_patients_or_no_birth_date_are_asked_about_and_nothing_is_written() {
    let crm = Crm::at("l1");
    crm.put(mara());
    crm.put(contact("c2", "Ada", "Lee", "1900-01-01"));
    for app in apps(&crm).await {
        for _ in 0..2 {
            app.add(&doctor(), person("Mara", "Okafor", "1990-02-03"), BTreeMap::new())
                .await
                .unwrap();
        }
        let several = Question::SeveralPatients { patients: vec!["p1".into(), "p2".into()] };
        assert_eq!(select(&app, "c1").await, Selection::Ask(several));
        assert_eq!(
            select(&app, "c2").await,
            Selection::Ask(Question::NoBirthDate { same_name: vec![] })
        );
        let status = app.status().await.unwrap();
        assert_eq!((status.counts.patients, status.counts.linked), (2, 0));

        let linked = done(answered(&app, "c1", Said::Is("p2".into())).await);
        assert_eq!(linked.patient.id, "p2".into());
        assert_eq!(linked.duplicates, [Duplicate { patient: "p1".into(), same_birth_date: true }]);
        let birth_date = "1980-05-05".parse().ok().map(Phi::new);
        let answer = Answer { said: None, birth_date: birth_date.clone() };
        let ada = done(app.select(&doctor(), &"c2".into(), &answer).await.unwrap());
        assert_eq!((ada.action, ada.rules.birth_date), (Action::Created, FieldRule::Staff));
        let error = app
            .select(
                &doctor(),
                &"c1".into(),
                &Answer { said: Some(Said::Is("p77".into())), birth_date },
            )
            .await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_rename_warns_of_another_patient_of_that_name_and_is_done_all_the_same() {
    let crm = Crm::at("l1");
    crm.put(mara());
    for app in apps(&crm).await {
        crm.put(mara());
        select(&app, "c1").await;
        let lee = app.add(&doctor(), person("Mara", "Lee", "1951-01-02"), BTreeMap::new()).await;
        let lee = lee.unwrap().patient.id;
        crm.put(CrmContact { last_name: text("Lee"), ..mara() });
        let renamed = done(select(&app, "c1").await);
        assert_eq!((renamed.action, renamed.rules.name), (Action::Updated, FieldRule::Crm));
        assert_eq!(renamed.duplicates, [Duplicate { patient: lee, same_birth_date: false }]);
    }
}

#[tokio::test]
async fn a_contact_that_is_gone_breaks_the_link_and_the_patient_is_linked_again_through_search() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        crm.put(mara());
        let patient = done(select(&app, "c1").await).patient;
        // Merged into another in the CRM.
        crm.remove("c1");
        let Selection::Gone { patient: Some(broken) } = select(&app, "c1").await else {
            panic!("it is gone")
        };
        assert_eq!((&broken.id, &broken.person), (&patient.id, &patient.person));
        assert!(broken.links[app.location()].broken_at.is_some());
        select(&app, "c1").await;
        assert_eq!(app.audit(&doctor(), &patient.id).await.unwrap().len(), 2, "it breaks once");
        assert_eq!(app.status().await.unwrap().counts.broken, 1);

        crm.put(CrmContact { id: "c9".into(), ..mara() });
        let request = SearchRequest { text: Phi::new("mara".into()), ..Default::default() };
        let hits = app.search(&request).await.unwrap().hits;
        assert_eq!((hits[0].contact.id.as_str(), &hits[0].linked), ("c9", &None));
        let again = done(select(&app, "c9").await);
        assert_eq!((again.patient.id, again.action), (patient.id.clone(), Action::Linked));
        assert_eq!(again.patient.links[app.location()].contact, "c9".into());
        crm.remove("c9");
        assert_eq!(select(&app, "c-nobody").await, Selection::Gone { patient: None });
    }
}

#[tokio::test]
async fn several_locations_share_a_list_and_a_contact_id_means_nothing_across_them() {
    let [north, south] = [Crm::at("north"), Crm::at("south")];
    north.put(mara());
    south.put(contact("c1", "Ada", "Lee", "1980-05-05"));
    south.put(CrmContact { id: "c2".into(), ..mara() });
    for store in stores() {
        let [north, south] = [app(&north, &store), app(&south, &store)];
        for app in [&north, &south] {
            app.enable(&admin(), Options::default()).await.unwrap();
        }
        let mara = done(select(&north, "c1").await).patient.id;
        let ada = done(select(&south, "c1").await).patient.id;
        assert_ne!(mara, ada);
        let both = done(select(&south, "c2").await).patient;
        assert_eq!((&both.id, both.links.len()), (&mara, 2));
        assert_eq!(north.status().await.unwrap().counts.linked, 1);
        assert_eq!(south.status().await.unwrap().counts.linked, 2);
    }
}

#[tokio::test]
async fn whoever_may_not_edit_may_search_and_list_but_neither_select_nor_add() {
    let crm = Crm::at("l1");
    crm.put(mara());
    for app in apps(&crm).await {
        let reader: Actor = actor(false, true);
        let contact = "c1".into();
        let selected = app.select(&reader, &contact, &Answer::default()).await.unwrap_err();
        let added = app.add(&reader, person("A", "B", "1990-02-03"), BTreeMap::new()).await;
        let audit = app.audit(&reader, &"p1".into()).await;
        for error in [selected, added.unwrap_err(), audit.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Forbidden);
        }
        assert_eq!(app.status().await.unwrap().counts.patients, 0);
        let request = SearchRequest { text: Phi::new("mara".into()), ..Default::default() };
        assert_eq!(app.search(&request).await.unwrap().hits.len(), 1);
    }
}

#[tokio::test]
async fn a_hundred_at_once_make_one_patient_one_link_and_a_clean_audit() {
    let crm = Crm::at("l1");
    crm.put(mara());
    // Another contact of the same person: who comes second finds the first one's patient.
    crm.put(CrmContact { id: "c2".into(), ..mara() });
    for app in apps(&crm).await {
        let mut all = tokio::task::JoinSet::new();
        for number in 0..100 {
            let app = app.clone();
            let contact = if number % 2 == 0 { "c1" } else { "c2" };
            all.spawn(async move { select(&app, contact).await });
        }
        let ended = all.join_all().await;
        let done = ended.iter().filter(|it| matches!(it, Selection::Done(_))).count();
        let taken = |it: &&Selection| matches!(it, Selection::Ask(Question::PatientTaken { .. }));
        assert_eq!((done, ended.iter().filter(taken).count()), (50, 50));
        let counts = app.status().await.unwrap().counts;
        assert_eq!((counts.patients, counts.linked), (1, 1));
        let audit = app.audit(&doctor(), &"p1".into()).await.unwrap();
        assert_eq!(audit.len(), 50);
        assert_eq!(audit.iter().filter(|row| row.action == Action::Created).count(), 1);
        assert_eq!(audit.iter().filter(|row| row.action == Action::Unchanged).count(), 49);
    }
}

#[tokio::test]
async fn a_local_patient_needs_both_names_and_a_birth_date_and_all_that_is_wrong_is_told() {
    let crm = Crm::at("l1");
    let [app, _] = &apps(&crm).await[..] else { panic!("two stores") };
    let error =
        app.add(&doctor(), person(" ", "-", "1900-01-01"), BTreeMap::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.message(),
        "the first name is missing; the last name is missing; the birth date is a placeholder, or lies in the future or too far back"
    );
    let request = SearchRequest { filter: LinkFilter::LocalOnly, ..Default::default() };
    assert!(app.search(&request).await.unwrap().patients.is_empty());
}

fn names() -> impl Strategy<Value = &'static str> {
    one_of(vec!["Mara", " mara", "O'Neil", "Lee", "", "  "])
}

fn people() -> impl Strategy<Value = Person> {
    let dates = one_of(vec!["", "1990-02-03", "1991-05-06", "1900-01-01", "2090-01-01"]);
    let phones = one_of(vec!["", " ", "918-555-0123", "+1 918 555 0199", "000-000-0000"]);
    let emails = one_of(vec!["", "mara@example.test", "MARA@example.test ", "n/a"]);
    (names(), names(), dates, phones, emails).prop_map(|(first, last, born, phone, email)| Person {
        phone: text(phone),
        email: text(email),
        ..person(first, last, born)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_select_blanks_nothing_keeps_a_valid_birth_date_and_is_idempotent(
        by_hand in people(),
        in_crm in people(),
        again in people(),
    ) {
        let policy = LinkPolicy::default();
        let today = "2026-03-02".parse().unwrap();
        let valid = |it: &Person| {
            it.birth_date.as_ref().map(|it| *it.expose()).filter(|it| policy.is_birth_date(*it, today))
        };
        let of = |person: &Person| CrmContact {
            phone: person.phone.clone(),
            email: person.email.clone(),
            birth_date: person.birth_date.clone(),
            ..contact("c1", person.first_name.expose(), person.last_name.expose(), "")
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let crm = Crm::at("l1");
            let app = app(&crm, &(std::sync::Arc::new(MemoryStore::default()) as _));
            app.enable(&admin(), Options::default()).await.unwrap();
            app.add(&doctor(), by_hand, BTreeMap::new()).await.ok();
            for seen in [&in_crm, &again] {
                crm.put(of(seen));
                let linked = app.search(&SearchRequest::default()).await.unwrap().patients;
                let Selection::Done(outcome) = select(&app, "c1").await else { continue };
                let after = &outcome.patient;
                if let Some(before) = linked.iter().find(|it| it.id == after.id) {
                    let (before, after) = (&before.person, &after.person);
                    let filled = |it: &Option<Phi<String>>| {
                        it.as_ref().is_some_and(|it| !it.expose().trim().is_empty())
                    };
                    prop_assert!(!filled(&before.phone) || filled(&after.phone));
                    prop_assert!(!filled(&before.email) || filled(&after.email));
                    prop_assert!(valid(before).is_none() || valid(before) == valid(after));
                }
                let named = !after.person.first_name.expose().trim().is_empty()
                    && !after.person.last_name.expose().trim().is_empty();
                prop_assert!(named && valid(&after.person).is_some());
                let second = done(select(&app, "c1").await);
                prop_assert_eq!(second.action, Action::Unchanged);
                prop_assert_eq!(&second.patient.person, &after.person);
                prop_assert_eq!(second.patient.version, after.version);
            }
            Ok(())
        })?;
    }
}
