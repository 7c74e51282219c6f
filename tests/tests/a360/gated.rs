//! Something between the application and the CRM answers in the CRM's place, or the test counts what
//! passes.

use cannula::{
    a360::{Answer, Connection, Notice, Options, Results, SearchRequest, Selection},
    core::ErrorKind,
};
use cannula_sandbox::FieldOptions;
use cannula_testkit::Spoil;
use serde_json::Value;

use crate::{Clinic, contact, staff, text};

async fn search(clinic: &Clinic, name: &str) -> Results {
    let request = SearchRequest { text: text(name), ..SearchRequest::default() };
    clinic.app.search(&request).await.unwrap()
}

#[tokio::test]
async fn a_gateways_404_breaks_no_link() {
    let (clinic, gate) = Clinic::gated().await;
    let crm = clinic.world.sandbox.crm_state();
    crm.change_settings(|settings| settings.unknown_id_is_404 = true);
    let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
    let patient = clinic.selected(&mara).await.patient.id;
    assert!(crm.delete_contact(&mara));
    for said in [
        "no Route matched with those values",
        "Not Found",
        "The requested URL /crm/contacts/x was not found on this server",
    ] {
        gate.rewrite("GET /crm/contacts/", move |body: &mut Value| body["message"] = said.into());
        let answer = Answer::default();
        let error = clinic.app.select(&staff(), &mara.as_str().into(), &answer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{said}");
        let refreshed = clinic.app.refresh(&staff()).await.unwrap();
        assert!(refreshed.stopped.is_some() && refreshed.broken.is_empty(), "{said}");
        assert_eq!(clinic.app.status().await.unwrap().counts.linked, 1);
        gate.open();
    }
    // The CRM itself says that the contact is not there.
    let Selection::Gone { patient: Some(gone) } = clinic.select(&mara).await else {
        panic!("it is gone")
    };
    assert_eq!(gone.id, patient);
    assert_eq!(clinic.app.status().await.unwrap().counts.broken, 1);
}

#[tokio::test]
async fn what_only_may_be_an_id_is_asked_for_by_no_url_and_what_looks_like_one_spoils_no_search() {
    let (clinic, gate) = Clinic::gated().await;
    for typed in [
        "1-918-555-0123x7",
        "mara-okafor-1990",
        "+19185550123918555012",
        "Venkatanarasimharaju",
        "MARAOKAFOR1990020345",
        "maraokafor1990020345",
        "MaraOkafor1990",
        "Mara Okafor1990Smith",
    ] {
        assert_eq!(search(&clinic, typed).await.hits.len(), 0, "{typed}");
    }
    assert_eq!(gate.count("GET /crm/contacts/"), 0);
    for status in [400, 403, 404, 422] {
        gate.open();
        gate.always("GET /crm/contacts/", Spoil::Status(status));
        let request = SearchRequest { text: text("ocQHyuzHvysMoAbNcVsX"), ..Default::default() };
        let found = clinic.app.search(&request).await;
        if status == 404 {
            // Nobody knows whether that was the CRM.
            assert_eq!(found.unwrap_err().kind(), ErrorKind::Unavailable);
        } else {
            assert_eq!(found.unwrap().hits, [], "{status}");
        }
    }
    assert!(gate.count("GET /crm/contacts/ocQHyuzHvysMoAbNcVsX") >= 4, "it has no digit");
}

#[tokio::test]
async fn enabling_finds_out_that_the_scope_for_custom_fields_is_missing() {
    let (clinic, gate) = Clinic::gated().await;
    let crm = clinic.world.sandbox.crm_state();
    crm.add_field(&FieldOptions { name: "NXT Birthday".into(), data_type: "TEXT".into() });
    let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
    crm.change_settings(|settings| {
        settings.withheld_scopes = vec!["locations/customFields.readonly".to_owned()];
    });
    let error = clinic.app.enable(&staff(), Options::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.message().contains("locations/customFields.readonly"), "{error}");
    let status = clinic.app.status().await.unwrap();
    assert!(matches!(status.connection, Some(Connection::Bad { .. })));
    // A contact without such fields needs no list of them.
    let listings = gate.count("/customFields");
    clinic.selected(&mara).await;
    assert_eq!(gate.count("/customFields"), listings);
}

#[tokio::test]
async fn a_name_cut_at_an_accent_is_found_among_many_and_an_empty_page_says_that_there_is_more() {
    let (clinic, gate) = Clinic::gated().await;
    for number in 0..5_100 {
        clinic.put(contact("Ana", &format!("Gomez {number:04}"), "1990-02-03"));
    }
    clinic.put(contact("Inés", "Núñez", "1990-02-03"));
    clinic.index();
    let before = gate.count("POST /crm/contacts/search");
    let first = search(&clinic, "Núñez").await;
    assert!(gate.count("POST /crm/contacts/search") - before <= 10);
    assert_eq!(first.hits, []);
    assert!(first.notices.contains(&Notice::NotAllLookedAt), "{:?}", first.notices);
    let after = first.next;
    assert!(after.is_some());
    let request = SearchRequest { text: text("Núñez"), after, ..Default::default() };
    let second = clinic.app.search(&request).await.unwrap();
    assert_eq!((second.hits.len(), second.next), (1, None));
    assert!(!second.notices.contains(&Notice::NotAllLookedAt));
}
