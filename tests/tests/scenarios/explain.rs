use cannula::core::{AppointmentStatus as Status, PatientId, RecordId};

use crate::scene::Scene;

/// Mina, with one appointment of this type in this state.
async fn one(kind: &str, status: Status) -> (Scene, PatientId, RecordId) {
    let scene = Scene::open().await;
    let mina = scene.patient("Mina", "Park", 1);
    let visit = scene.book(&mina, kind, "2026-03-02T10:00");
    scene.set(&visit, status);
    scene.sync().await;
    (scene, mina, visit)
}

#[tokio::test]
async fn a_held_online_booking_says_that_it_waits_for_staff() {
    let (scene, mina, visit) = one("Laser Treatment", Status::Proposed).await;
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("The online booking is only held"), "{told}");
    assert!(scene.contacts("Mina").is_empty());
    assert_eq!(scene.parked().await, 0, "nobody need act here");
}

#[tokio::test]
async fn a_status_of_the_practices_own_says_where_to_map_it() {
    let web = Status::PracticeDefined("Web Request".to_owned());
    let (scene, mina, visit) = one("Laser Treatment", web).await;
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("The status “Web Request” has no meaning"), "{told}");
    assert!(told.contains("Map “Web Request” to pending, confirmed"), "{told}");
    assert_eq!(scene.parked().await, 1);
}

#[tokio::test]
async fn a_pre_op_visit_says_that_its_category_never_moves_a_pipeline() {
    let (scene, mina, visit) = one("Pre-Op Visit", Status::Confirmed).await;
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("“Pre-Op Appointment” is a category that never moves"), "{told}");
    let contact = scene.contact("Mina");
    assert_eq!((contact.opportunities.len(), contact.tags.len(), contact.notes.len()), (0, 0, 1));
    assert_eq!(contact.fields["Next Visit Date"], "2026-03-02");
}

#[tokio::test]
async fn an_unmapped_type_in_another_spelling_says_which_line_to_correct() {
    let (scene, mina, visit) = one("laser treatment", Status::Confirmed).await;
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("The document has “Laser Treatment” on line 6"), "{told}");
}

#[tokio::test]
async fn a_superseded_cancellation_says_which_appointment_is_live() {
    let (scene, mina, old) = one("Laser Treatment", Status::Confirmed).await;
    scene.book(&mina, "Injectables", "2026-03-09T10:00");
    scene.sync().await;
    scene.set(&old, Status::Cancelled);
    scene.sync().await;
    let told = scene.told(&mina, &old).await;
    let sentence =
        "because another appointment in “Lead 2 Patient” on Monday, March 9, 2026 is live";
    assert!(told.contains(sentence), "{told}");
}
