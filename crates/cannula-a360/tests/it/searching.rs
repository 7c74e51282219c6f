//! A text goes to the CRM, everything else to the local list.

use std::collections::BTreeMap;

use cannula_a360::{LinkFilter, Notice, Results, Scope, SearchRequest};
use cannula_core::{ErrorKind, Phi};

use crate::support::{Crm, admin, apps, contact, doctor, person, select};

fn request(text: &str) -> SearchRequest {
    SearchRequest { text: Phi::new(text.to_owned()), ..SearchRequest::default() }
}

fn contacts(results: &Results) -> Vec<&str> {
    results.hits.iter().map(|hit| hit.contact.id.as_str()).collect()
}

fn patients(results: &Results) -> Vec<&str> {
    results.patients.iter().map(|it| it.person.first_name.expose().as_str()).collect()
}

#[tokio::test]
async fn hits_are_the_crms_with_those_marked_that_are_linked() {
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    crm.put(contact("c2", "Mara", "Lee", "1991-02-03"));
    for app in apps(&crm).await {
        select(&app, "c2").await;
        app.add(&doctor(), person("Mara", "Stone", "1970-02-03"), BTreeMap::new()).await.unwrap();
        let results = app.search(&request(" mara ".trim())).await.unwrap();
        assert_eq!((results.scope, contacts(&results)), (Scope::Crm, vec!["c1", "c2"]));
        assert_eq!(results.hits[0].linked, None);
        assert_eq!(results.hits[1].linked, Some("p1".into()));
        assert!(results.patients.is_empty());
        assert_eq!(
            results.notices,
            [Notice::IndexMayLag { seconds: 20 }, Notice::LocalOnlyLeftOut]
        );
        let both =
            app.search(&SearchRequest { with_local: true, ..request("mara") }).await.unwrap();
        assert_eq!((contacts(&both).len(), patients(&both)), (2, vec!["Mara"]));
        assert_eq!(both.patients[0].id, "p2".into(), "the linked one is among the hits");
        assert!(!both.notices.contains(&Notice::LocalOnlyLeftOut));
    }
}

#[tokio::test]
async fn a_text_that_is_an_id_finds_the_contact_the_index_does_not_know_yet() {
    let crm = Crm::at("l1");
    crm.put(contact("id-1", "Mara", "Okafor", "1990-02-03"));
    for app in apps(&crm).await {
        let results = app.search(&request("id-1")).await.unwrap();
        assert_eq!(contacts(&results), ["id-1"]);
        assert!(results.notices.contains(&Notice::FoundById));
        let nobody = app.search(&request("Zed")).await.unwrap();
        assert_eq!(contacts(&nobody), [""; 0]);
        assert!(nobody.notices.contains(&Notice::IndexMayLag { seconds: 20 }));
    }
}

#[tokio::test]
async fn text_and_filter_together_are_refused_with_a_sentence() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let both = SearchRequest { filter: LinkFilter::Linked, ..request("mara") };
        for _ in 0..2 {
            let error = app.search(&both).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let sentence = "a search text and a filter cannot be used together; clear one of them";
            assert_eq!(error.message(), sentence);
            app.disable(&admin()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_empty_list_after_enabling_is_normal_and_says_so() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let results = app.search(&SearchRequest::default()).await.unwrap();
        assert_eq!(
            (results.scope, &results.notices[..]),
            (Scope::Local, &[Notice::ListIsEmpty][..])
        );
        assert!(Notice::ListIsEmpty.sentence().contains("normal after enabling"));
        // Nothing comes in by selecting while it is off, or before it was ever on.
        app.disable(&admin()).await.unwrap();
        for text in ["", "mara"] {
            let results = app.search(&request(text)).await.unwrap();
            assert_eq!(results.notices, [Notice::ListIsEmptyWhileOff]);
        }
        assert!(!Notice::ListIsEmptyWhileOff.sentence().contains("after enabling"));
    }
}

#[tokio::test]
async fn local_patients_beside_the_crms_are_a_page_at_most_and_more_are_told() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        for number in 10..31 {
            let with_local = SearchRequest { with_local: true, ..request("lee") };
            let results = app.search(&with_local).await.unwrap();
            assert_eq!(results.patients.len(), number - 10);
            assert!(!results.notices.contains(&Notice::MoreLocalOnly));
            let name = format!("N{number}");
            app.add(&doctor(), person(&name, "Lee", "1990-02-03"), BTreeMap::new()).await.unwrap();
        }
        let results =
            app.search(&SearchRequest { with_local: true, ..request("lee") }).await.unwrap();
        assert_eq!((results.patients.len(), results.patients[19].id.as_str()), (20, "p20"));
        assert!(results.notices.contains(&Notice::MoreLocalOnly));
    }
}

#[tokio::test]
async fn a_hit_whose_link_is_broken_is_not_marked_as_linked() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        let mara = contact("c1", "Mara", "Okafor", "1990-02-03");
        crm.put(mara.clone());
        select(&app, "c1").await;
        crm.remove("c1");
        select(&app, "c1").await;
        // It was deleted in the CRM, and was taken back.
        crm.put(mara);
        assert_eq!(app.search(&request("mara")).await.unwrap().hits[0].linked, None);
        select(&app, "c1").await;
        let linked = app.search(&request("mara")).await.unwrap().hits[0].linked.clone();
        assert_eq!(linked, Some("p1".into()));
    }
}

#[tokio::test]
async fn browsing_goes_page_by_page_through_the_local_list() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        for number in 10..55 {
            let name = format!("N{number}");
            app.add(&doctor(), person(&name, "Lee", "1990-02-03"), BTreeMap::new()).await.unwrap();
        }
        let mut request = SearchRequest::default();
        let mut seen = Vec::new();
        loop {
            let page = app.search(&request).await.unwrap();
            seen.extend(patients(&page).into_iter().map(str::to_owned));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        let all: Vec<_> = (10..55).map(|number| format!("N{number}")).collect();
        assert_eq!(seen, all);
    }
}

#[tokio::test]
async fn while_the_crm_is_down_searches_say_so_and_the_local_list_is_there() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        app.add(&doctor(), person("Mara", "Lee", "1990-02-03"), BTreeMap::new()).await.unwrap();
        crm.fail(Some(ErrorKind::Unavailable));
        assert_eq!(app.search(&request("mara")).await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(patients(&app.search(&SearchRequest::default()).await.unwrap()), ["Mara"]);
        app.add(&doctor(), person("Ada", "Lee", "1990-02-03"), BTreeMap::new()).await.unwrap();
        crm.fail(None);
    }
}
