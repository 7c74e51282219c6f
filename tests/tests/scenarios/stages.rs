use cannula::{
    core::AppointmentStatus as Status,
    rules::{Categories, Rules, StagePolicy},
    sync::Replay,
};
use cannula_sandbox::{ContactSnapshot, practice::CATEGORIZATION_CSV};

use crate::scene::{Scene, titles};

const SURGICAL: &str = "Surgery: Lead 2 Patient";
const NON_SURGICAL: &str = "Lead 2 Patient";
/// The practice's document, with the type that nobody gave a category.
const AMENDED_ROW: &str = "Pop-Up Glow Event,,Non-Surgical Appointment\n";

/// A patient books a new slot; the old one is cancelled two polls later.
async fn rescheduled(policy: StagePolicy) -> Scene {
    let scene = Scene::with_policy(policy).await;
    let mina = scene.patient("Mina", "Park", 1);
    let old = scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    scene.book(&mina, "Laser Treatment", "2026-03-09T10:00");
    scene.sync().await;
    scene.set(&old, Status::Cancelled);
    scene.sync().await;
    let told = scene.told(&mina, &old).await;
    let superseded = told.contains("does not move the person to the cancelled stage");
    assert_eq!(superseded, policy == StagePolicy::AllAppointments, "{told}");
    scene
}

#[tokio::test]
async fn a_rescheduled_patient_whose_old_slot_is_cancelled_later_stays_in_the_booked_stage() {
    let scene = rescheduled(StagePolicy::AllAppointments).await;
    let mina = scene.contact("Mina");
    assert_eq!(scene.stage("Mina", NON_SURGICAL).unwrap(), "Booked");
    assert_eq!(mina.fields["Next Visit Date"], "2026-03-09");
    assert_eq!(mina.tags, ["appointment booked"]);
    let noted = ["Appointment Pending", "Appointment Pending", "Appointment Cancelled"];
    assert_eq!(titles(&mina), noted);
}

#[tokio::test]
async fn where_the_last_event_decides_the_late_cancellation_moves_the_patient_back() {
    let scene = rescheduled(StagePolicy::LastEvent).await;
    assert_eq!(scene.stage("Mina", NON_SURGICAL).unwrap(), "Cancelled / No-Show");
    assert_eq!(scene.contact("Mina").tags, ["appointment booked", "cancel/no-show"]);
}

/// The months of a patient who also has a visit of a type that may have no category.
async fn months(scene: &Scene) {
    let mina = scene.patient("Mina", "Park", 1);
    let consult = scene.book(&mina, "Surgical Consult", "2026-03-02T10:00");
    scene.sync().await;
    let event = scene.book(&mina, "Pop-Up Glow Event", "2026-03-04T10:00");
    scene.sync().await;
    scene.set(&event, Status::Confirmed);
    scene.set(&consult, Status::Confirmed);
    scene.sync().await;
    scene.set(&event, Status::Fulfilled);
    scene.sync().await;
    scene.set(&consult, Status::Fulfilled);
    scene.sync().await;
    // And one who has nothing else.
    let june = scene.patient("June", "Ito", 2);
    scene.book(&june, "Pop-Up Glow Event", "2026-03-06T10:00");
    scene.sync().await;
}

fn amended(scene: &Scene) -> Rules {
    let document = format!("{CATEGORIZATION_CSV}{AMENDED_ROW}");
    Rules::new(scene.world.rules_config(), Categories::from_csv(&document).unwrap())
}

/// What a person sees on the contact, whatever order it was written in.
fn seen(scene: &Scene, first_name: &str) -> ContactSnapshot {
    let mut contact = scene.contact(first_name);
    contact.id.clear();
    contact.notes.sort();
    contact
}

#[tokio::test]
async fn a_row_added_later_brings_the_crm_to_the_state_it_would_have_had() {
    let mut late = Scene::open().await;
    months(&late).await;
    assert_eq!(late.parked().await, 4);
    let parked = late.engine.parked().await.unwrap();
    let step = parked[0].reason.next_step();
    assert!(step.contains("Add the row `Pop-Up Glow Event,,<category>`"), "{step}");
    assert!(late.contacts("June").is_empty());
    assert_eq!(late.stage("Mina", NON_SURGICAL), None);

    let rules = amended(&late);
    late.restart_with(rules);
    assert_eq!(late.engine.replay(Replay::Parked).await.unwrap(), 2);
    late.sync().await;
    assert_eq!(late.parked().await, 0);

    let mut early = Scene::open().await;
    let rules = amended(&early);
    early.restart_with(rules);
    months(&early).await;
    early.sync().await;
    assert_eq!(early.parked().await, 0);
    for name in ["Mina", "June"] {
        assert_eq!(seen(&late, name), seen(&early, name));
    }
    assert_eq!(late.stage("Mina", NON_SURGICAL).unwrap(), "Patient");
    assert_eq!(late.stage("Mina", SURGICAL).unwrap(), "Consult Complete");
}

#[tokio::test]
async fn where_none_may_be_created_only_an_opportunity_that_is_there_moves() {
    let mut scene = Scene::open().await;
    let mut config = scene.world.rules_config();
    config.create_opportunities = false;
    scene.restart_with(Rules::new(config, Categories::from_csv(CATEGORIZATION_CSV).unwrap()));
    let mina = scene.patient("Mina", "Park", 1);
    let visit = scene.book(&mina, "Laser Treatment", "2026-03-02T10:00");
    scene.sync().await;
    assert_eq!(scene.contact("Mina").opportunities, []);
    let told = scene.told(&mina, &visit).await;
    assert!(told.contains("has no opportunity in “Lead 2 Patient”"), "{told}");

    let crm = scene.world.sandbox.crm_state();
    let contact = scene.contact("Mina").id;
    assert!(crm.add_opportunity(&contact, NON_SURGICAL, "New Lead").is_some());
    scene.sync().await;
    assert_eq!(scene.stage("Mina", NON_SURGICAL).unwrap(), "New Lead", "nothing happened yet");
    scene.set(&visit, Status::Confirmed);
    scene.sync().await;
    assert_eq!(scene.stage("Mina", NON_SURGICAL).unwrap(), "Booked");
}
