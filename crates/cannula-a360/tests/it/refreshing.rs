//! Linked patients are synchronised without a click, each on its own.

use cannula_a360::Options;
use cannula_core::{CrmContact, ErrorKind};

use crate::support::{Crm, admin, apps, contact, doctor, select, text};

fn person(number: u32) -> CrmContact {
    contact(&format!("c{number}"), &format!("Mara{number}"), "Okafor", "1990-02-03")
}

#[tokio::test]
async fn every_linked_patient_is_synchronised_and_links_that_are_gone_are_told() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        for number in 1..=4 {
            crm.put(person(number));
            select(&app, &format!("c{number}")).await;
        }
        crm.put(CrmContact { last_name: text("Adams"), ..person(4) });
        crm.put(CrmContact { phone: text("+19185550123"), ..person(2) });
        crm.remove("c3");
        let done = app.refresh(&doctor()).await.unwrap();
        assert_eq!((done.updated.len(), done.unchanged, done.broken.len()), (2, 1, 1));
        assert!(done.failed.is_empty() && done.stopped.is_none());
        let again = app.refresh(&doctor()).await.unwrap();
        assert_eq!((again.updated.len(), again.unchanged, again.broken.len()), (0, 3, 0));
    }
}

#[tokio::test]
async fn a_crm_that_is_down_ends_it_with_the_reason_and_a_bad_contact_does_not() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        for number in 1..=2 {
            crm.put(person(number));
            select(&app, &format!("c{number}")).await;
        }
        for (kind, failed, stopped) in
            [(ErrorKind::Unavailable, 0, true), (ErrorKind::Decode, 2, false)]
        {
            crm.fail(Some(kind));
            let done = app.refresh(&doctor()).await.unwrap();
            assert_eq!((done.failed.len(), done.stopped.is_some()), (failed, stopped));
            crm.fail(None);
        }
    }
}

#[tokio::test]
async fn nothing_is_refreshed_unless_it_is_allowed() {
    let crm = Crm::at("l1");
    for app in apps(&crm).await {
        app.enable(&admin(), Options::default()).await.unwrap();
        let error = app.refresh(&doctor()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
