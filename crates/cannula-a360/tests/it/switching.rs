//! On, off, and what is kept.

use std::collections::BTreeMap;

use cannula_a360::{Action, Answer, Connection, Options, Scope, SearchRequest};
use cannula_core::{ErrorKind, Phi};

use crate::support::{Crm, admin, app, contact, doctor, done, person, select, stores};

#[tokio::test]
async fn the_connection_is_checked_before_anything_is_switched() {
    let crm = Crm::at("l1");
    for store in stores() {
        let app = app(&crm, &store);
        crm.fail(Some(ErrorKind::Auth));
        let error = app.enable(&admin(), Options::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        let status = app.status().await.unwrap();
        assert!(!status.enabled() && status.integration.is_none() && status.connection.is_none());
        assert!(status.sentences()[0].ends_with("was never switched on."));
        crm.fail(None);
        app.enable(&admin(), Options::default()).await.unwrap();
        let status = app.status().await.unwrap();
        assert_eq!(status.connection, Some(Connection::Good));
        assert_eq!(
            status.sentences(),
            [
                "The integration with memory (l1) is on, by dr.lind on 2026-03-02 15:00 UTC.",
                "The CRM answers.",
                "Pushing patients is off, refreshing linked ones is off.",
                "0 patients, 0 linked, 0 with a broken link.",
            ]
        );
        crm.fail(Some(ErrorKind::Unavailable));
        let told = app.status().await.unwrap().sentences();
        assert!(told[1].starts_with("The CRM does not answer: memory: the CRM is as"), "{told:?}");
        crm.fail(None);
    }
}

#[tokio::test]
async fn only_an_administrator_switches() {
    let crm = Crm::at("l1");
    let [store, _] = stores();
    let app = app(&crm, &store);
    let on = app.enable(&doctor(), Options::default()).await.unwrap_err();
    let off = app.disable(&doctor()).await.unwrap_err();
    assert_eq!([on.kind(), off.kind()], [ErrorKind::Forbidden; 2]);
}

#[tokio::test]
async fn switched_off_searches_are_local_and_links_are_kept_for_the_next_time() {
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    for store in stores() {
        let app = app(&crm, &store);
        app.enable(&admin(), Options::default()).await.unwrap();
        app.add(&doctor(), person("Maralyn", "Stone", "1970-02-03"), BTreeMap::new())
            .await
            .unwrap();
        let mara = done(select(&app, "c1").await).patient;
        // Nobody asks a CRM that is switched off, so it may be down.
        crm.fail(Some(ErrorKind::Unavailable));
        app.disable(&admin()).await.unwrap();
        let text = Phi::new("MARA".to_owned());
        let found = app.search(&SearchRequest { text, ..Default::default() }).await.unwrap();
        assert_eq!((found.scope, found.patients.len()), (Scope::Local, 2));
        let selected = app.select(&doctor(), &"c1".into(), &Answer::default()).await;
        assert_eq!(selected.unwrap_err().kind(), ErrorKind::Unsupported);
        crm.fail(None);
        app.enable(&admin(), Options::default()).await.unwrap();
        let again = done(select(&app, "c1").await);
        assert_eq!((again.patient.id, again.action), (mara.id, Action::Unchanged));
    }
}
