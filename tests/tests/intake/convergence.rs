use std::collections::BTreeMap;

use cannula_sandbox::{WebhookQuirks, practice::Product};
use cannula_tests::{Desk, SEEDS, World, WorldConfig, each_seed};

/// How many contacts ask for a patient; every fifth is a patient already.
const CONTACTS: u32 = 25;

/// Contacts are tagged while both vendors fail and webhooks are doubled, late, out of order and
/// lost; a poll by tag now and then finds what was lost.
async fn play(seed: u64, product: Product) {
    let mut config = WorldConfig::empty(product).with_faults();
    config.practice.seed = seed;
    let desk = Desk::open(World::start(config).await.unwrap()).await.unwrap();
    desk.world.sandbox.crm_state().set_webhook_quirks(WebhookQuirks {
        delay_seconds: 30,
        spread_seconds: 900,
        duplicates: 0.2,
        loss: 0.05,
        reorder: true,
        seed,
        ..WebhookQuirks::default()
    });
    let mut contacts = BTreeMap::new();
    for number in 0..CONTACTS {
        let first = format!("Ann{}", char::from(b'a' + (number % 26) as u8));
        if number % 5 == 0 {
            let patient = desk.patient(&first, "Vale", number);
            desk.world.sandbox.practice().add_patient(patient);
        }
        let contact = desk.add(desk.lead(&first, "Vale", number));
        desk.apply(&contact);
        contacts.insert(contact, first);
        if number % 7 == 6 {
            desk.work().await.unwrap();
        }
    }
    for _ in 0..6 {
        desk.work().await.unwrap();
    }
    desk.poll().await.unwrap();
    desk.work().await.unwrap();

    let wrong = desk.world.unregistered(&contacts, &desk.visits).await.unwrap();
    assert!(wrong.is_empty(), "seed {seed}: {}", wrong.join("\n"));
    let summary = desk.intake.summary().await.unwrap();
    let open = (summary.pending, summary.delivering, summary.parked, summary.dead);
    assert_eq!(open, (0, 0, 0, 0), "seed {seed}: {summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_makes_one_patient_in_a_select_practice_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::Select)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_makes_one_patient_in_a_practice_plus_practice_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::PracticePlus)).await;
}
