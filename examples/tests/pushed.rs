//! The programs of the EMRs that send webhooks.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use support::{explained, lacks_secrets, twice};

/// Both runs of a program leave notes under these titles and none of the polled EMR's.
fn titles(name: &str, paid: &str) {
    let [first, second] = twice(name, "8");
    let (_, notes) = first.split_once("\nNotes of contact ").unwrap();
    for title in ["Appointment Booked", "Appointment Status Update", paid] {
        let line = format!("\n  {title}\n");
        let explained = format!("A note “{title}”");
        assert!(notes.contains(&line) && second.contains(&explained), "{title}: {notes}{second}");
    }
    assert!(!notes.contains("Appointment Confirmed") && !notes.contains("Payment"), "{notes}");
}

#[test]
fn a_second_run_on_patientnows_store_does_nothing_new_and_notes_have_its_titles() {
    titles("patientnow", "Order Closed");
}

#[test]
fn a_second_run_on_zenotis_store_does_nothing_new_and_notes_have_its_titles() {
    titles("zenoti", "Invoice Closed");
}

/// The first run is told by webhook; in the second each is known.
fn told(name: &str) {
    let [first, second] = explained(name, &[]);
    let webhooks = first["webhooks"].as_u64().unwrap();
    assert!(webhooks > 10, "{first}");
    assert!(first["api_calls"][name].as_u64() > Some(0), "{first}");
    for figure in ["new_events", "notes", "stage_moves"] {
        assert_eq!(second[figure], 0, "{figure}: {second}");
    }
    assert_eq!(second["webhooks"], webhooks, "each is acknowledged again");
}

#[test]
fn patientnows_webhooks_are_counted_and_its_patients_explained() {
    told("patientnow");
}

#[test]
fn zenotis_webhooks_are_counted_and_its_guests_explained() {
    told("zenoti");
}

#[test]
fn live_configurations_that_cannot_be_used_end_with_what_is_wrong() {
    lacks_secrets(
        "patientnow",
        &[
            ("patientnow.api_key", "PATIENTNOW_KEY"),
            ("patientnow.password", "PATIENTNOW_PASSWORD"),
            ("patientnow.webhooks.secret", "PATIENTNOW_WEBHOOK_SECRET"),
            ("aesthetix.token", "CRM_TOKEN"),
        ],
    );
    lacks_secrets(
        "zenoti",
        &[
            ("zenoti.api_key", "ZENOTI_API_KEY"),
            ("zenoti.webhooks.secret", "ZENOTI_WEBHOOK_SECRET"),
            ("aesthetix.token", "CRM_TOKEN"),
        ],
    );
}
