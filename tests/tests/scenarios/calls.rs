use std::{collections::BTreeMap, time::Duration};

use cannula::core::AppointmentStatus as Status;
use cannula_sandbox::NewContact;

use crate::scene::Scene;

fn calls<const N: usize>(calls: [(&str, u64); N]) -> BTreeMap<String, u64> {
    calls.map(|(call, count)| (call.to_owned(), count)).into()
}

#[tokio::test]
async fn a_first_event_of_a_person_costs_exactly_four_calls() {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    let expected = calls([
        ("POST /crm/contacts/", 1),
        ("POST /crm/contacts/{id}/tags", 1),
        ("POST /crm/contacts/{id}/notes", 1),
        ("POST /crm/opportunities/upsert", 1),
    ]);
    assert_eq!(scene.cost().await, expected);
    assert_eq!(scene.cost().await, calls([]), "nothing happened since");
}

#[tokio::test]
async fn a_later_event_that_changes_no_contact_data_costs_two_calls() {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    // She has missed a visit before, so the tag is there.
    let missed = scene.book(&mina, "Laser Treatment", "2026-02-16T09:00");
    scene.sync().await;
    scene.set(&missed, Status::NoShow);
    scene.sync().await;
    let morning = scene.book(&mina, "Laser Treatment", "2026-02-17T09:00");
    let noon = scene.book(&mina, "Laser Treatment", "2026-02-17T12:00");
    scene.sync().await;
    scene.world.pass(Duration::from_secs(2 * 86_400));
    scene.set(&morning, Status::NoShow);
    scene.sync().await;
    assert_eq!(scene.stage("Mina", "Lead 2 Patient").unwrap(), "Booked", "noon is still open");
    // Status, type, category, location and dates are what they were.
    scene.set(&noon, Status::NoShow);
    let expected =
        calls([("POST /crm/contacts/{id}/notes", 1), ("PUT /crm/opportunities/{id}", 1)]);
    assert_eq!(scene.cost().await, expected);
    assert_eq!(scene.stage("Mina", "Lead 2 Patient").unwrap(), "Cancelled / No-Show");
}

#[tokio::test]
async fn a_lead_from_the_website_is_adopted_with_its_own_tags_for_two_calls_more() {
    let scene = Scene::open().await;
    let lead = scene.world.sandbox.crm_state().add_contact(NewContact {
        first_name: "mina".to_owned(),
        last_name: "PARK".to_owned(),
        email: Some("mina.park.1@example.test".to_owned()),
        tags: vec!["website lead".to_owned()],
        ..NewContact::default()
    });
    let mina = scene.patient("Mina", "Park", 1);
    scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    let expected = calls([
        ("POST /crm/contacts/", 1),
        ("GET /crm/contacts/{id}", 1),
        ("PUT /crm/contacts/{id}", 1),
        ("POST /crm/contacts/{id}/tags", 1),
        ("POST /crm/contacts/{id}/notes", 1),
        ("POST /crm/opportunities/upsert", 1),
    ]);
    assert_eq!(scene.cost().await, expected);
    let contact = scene.contact("Mina");
    assert_eq!(contact.id, lead);
    assert_eq!(contact.tags, ["appointment booked", "website lead"]);
    assert_eq!(contact.phone.as_deref(), Some("+16465550001"), "the EMR knows it");
}
