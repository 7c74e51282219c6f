//! The CRM is down, slow or refuses: errors say so, nothing is written, and the local list works.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cannula::{
    a360::{A360, A360Config, Answer, Connection, Options, SearchRequest, SqlitePatients},
    aesthetix::{Aesthetix, AesthetixConfig, Credentials},
    core::{Error, ErrorKind, Person, Phi, Secret},
};
use cannula_sandbox::{Fault, FaultRates, Vendor};
use cannula_tests::aesthetix_config;

use crate::{Clinic, contact, staff, text};

async fn fails(app: &A360, contact: &str) -> [Error; 2] {
    let request = SearchRequest { text: text("mara"), ..SearchRequest::default() };
    let searched = app.search(&request).await.unwrap_err();
    let selected = app.select(&staff(), &contact.into(), &Answer::default()).await.unwrap_err();
    [searched, selected]
}

/// Adding, browsing and the status do without the CRM, and nothing came of what failed.
async fn the_local_list_works(app: &A360) {
    let before = app.status().await.unwrap();
    let Some(Connection::Bad { problem }) = before.connection else { panic!("it is down") };
    assert!(!problem.is_empty() && !problem.contains("http"), "{problem}");
    let ada = Person {
        first_name: text("Ada"),
        last_name: text("Lee"),
        birth_date: "1980-05-05".parse().ok().map(Phi::new),
        ..Person::default()
    };
    app.add(&staff(), ada, BTreeMap::new()).await.unwrap();
    let listed = app.search(&SearchRequest::default()).await.unwrap().patients;
    assert_eq!(listed.len() as u64, before.counts.patients + 1);
    let audit = app.audit(&staff(), &listed[0].id).await.unwrap();
    assert_eq!(audit.len(), 1);
}

#[tokio::test]
async fn a_crm_that_is_down() {
    for clinic in Clinic::each().await {
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let faults = clinic.world.sandbox.faults(Vendor::Crm);
        for rates in [
            FaultRates { error_before: 1.0, ..FaultRates::default() },
            FaultRates { reset_before: 1.0, ..FaultRates::default() },
        ] {
            faults.set_rates(rates);
            for error in fails(&clinic.app, &mara).await {
                let down = [ErrorKind::Unavailable, ErrorKind::Connection];
                assert!(down.contains(&error.kind()), "{error}");
                assert!(!error.to_string().to_lowercase().contains("mara"), "{error}");
            }
        }
        let refused = clinic.app.enable(&staff(), Options::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Connection);
        assert!(clinic.app.status().await.unwrap().integration.unwrap().push, "as it was");
        the_local_list_works(&clinic.app).await;
        faults.clear();
        clinic.selected(&mara).await;
    }
}

#[tokio::test]
async fn a_crm_that_does_not_answer_in_time() {
    let config = A360Config { wait: Duration::from_secs(1), ..A360Config::default() };
    let store = Arc::new(SqlitePatients::in_memory().unwrap());
    let clinic = Clinic::open(store, config).await;
    let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
    let faults = clinic.world.sandbox.faults(Vendor::Crm);
    faults.set_rates(FaultRates { hang: 1.0, ..FaultRates::default() });
    for error in fails(&clinic.app, &mara).await {
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert_eq!(error.message(), "the CRM did not answer within 1 s; try again later");
    }
    the_local_list_works(&clinic.app).await;
}

#[tokio::test]
async fn a_crm_that_refuses_the_token_or_lacks_a_scope() {
    for clinic in Clinic::each().await {
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let credentials = Credentials::PrivateToken(Secret::new("pit-lapsed"));
        let config = aesthetix_config(clinic.world.sandbox.access()).unwrap();
        let config = AesthetixConfig { credentials, ..config };
        let crm = Aesthetix::new(config, Arc::clone(&clinic.world.clock) as _).unwrap();
        let store = Arc::new(SqlitePatients::in_memory().unwrap());
        let clock = Arc::clone(&clinic.world.clock) as _;
        let lapsed = A360::new(Arc::new(crm.directory()), store, A360Config::default(), clock);
        let error = lapsed.enable(&staff(), Options::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.message().contains("private integration token"), "{error}");
        assert!(!lapsed.status().await.unwrap().enabled());

        clinic.world.sandbox.crm_state().change_settings(|settings| {
            settings.withheld_scopes = vec!["contacts.readonly".to_owned()];
        });
        for error in fails(&clinic.app, &mara).await {
            assert_eq!(error.kind(), ErrorKind::Forbidden);
            assert!(error.message().contains("scope"), "{error}");
        }
        the_local_list_works(&clinic.app).await;
    }
}

#[tokio::test]
async fn half_an_answer_is_an_error_and_not_half_a_patient() {
    for clinic in Clinic::each().await {
        let mara = clinic.put(contact("Mara", "Okafor", "1990-02-03"));
        let faults = clinic.world.sandbox.faults(Vendor::Crm);
        for _ in 0..4 {
            faults.script("GET /crm/contacts/", Fault::TruncatedJson);
        }
        let ended = clinic.app.select(&staff(), &mara.as_str().into(), &Answer::default()).await;
        assert!(ended.is_err(), "{ended:?}");
        assert_eq!(clinic.app.status().await.unwrap().counts.patients, 0);
        faults.clear();
        clinic.selected(&mara).await;
    }
}
