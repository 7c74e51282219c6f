//! What a patient paid is to the cent what the practice's own books say, after every poll.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cannula::{
    core::{Currency, Money, PatientId},
    rules::PaymentPipelines,
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{ContactSnapshot, practice::Product};
use cannula_tests::{SEEDS, World, WorldConfig, each_seed, links};

const STEP: Duration = Duration::from_secs(12 * 3_600);

/// Plays a practice whose payments count in every pipeline, comparing with its books as it goes.
async fn play(seed: u64, product: Product) {
    let mut config = WorldConfig::new(seed, 60, 60, product).with_faults();
    config.payments = PaymentPipelines::All;
    let days = config.practice.days;
    let world = World::start(config).await.unwrap();
    let engine = world.engine(Arc::new(SqliteStore::in_memory("main").unwrap())).unwrap();
    for poll in 0..days * 2 {
        world.pass(STEP);
        world.settle(&engine).await.unwrap();
        let books = world.sandbox.practice().lifetime_values();
        assert_eq!(ledgers(&engine).await, settled(books), "seed {seed}, poll {poll}");
    }
    let books = world.sandbox.practice().lifetime_values();
    let contacts = world.sandbox.crm().contacts;
    for (subject, contact) in links(&engine).await.unwrap() {
        let contact = contacts.iter().find(|it| it.id == contact.as_str()).unwrap();
        let paid = books.get(&PatientId::new(subject.person.as_str())).copied();
        let nothing = Money::zero(Currency::USD);
        let shown = lifetime_value(contact).unwrap_or(nothing);
        assert_eq!(shown, paid.unwrap_or(nothing), "seed {seed}: {subject}");
    }
    no_note_twice(seed, &contacts);
}

/// Every person's lifetime value as the service knows it; nothing is nothing.
async fn ledgers(engine: &Engine<CrmFlow>) -> BTreeMap<PatientId, Money> {
    let mut values = BTreeMap::new();
    engine
        .for_each_state(|subject, state| {
            let value = state.lifetime_value();
            values.extend(value.map(|value| (PatientId::new(subject.person.as_str()), value)));
        })
        .await
        .unwrap();
    settled(values)
}

fn settled(mut values: BTreeMap<PatientId, Money>) -> BTreeMap<PatientId, Money> {
    values.retain(|_, value| value.minor() != 0);
    values
}

fn lifetime_value(contact: &ContactSnapshot) -> Option<Money> {
    let value = contact.fields.get("Patient Lifetime Value").filter(|value| !value.is_null())?;
    Some(Money::parse(&value.to_string(), Currency::USD).unwrap())
}

/// A note's last line is its reference.
fn no_note_twice(seed: u64, contacts: &[ContactSnapshot]) {
    let mut payments = 0;
    for contact in contacts {
        let references: Vec<_> = contact.notes.iter().filter_map(|it| it.lines().last()).collect();
        let distinct: BTreeSet<_> = references.iter().collect();
        assert_eq!(distinct.len(), references.len(), "seed {seed}: {:#?}", contact.notes);
        payments += contact.notes.iter().filter(|it| it.contains("Patient Lifetime Value")).count();
    }
    assert!(payments > 0, "seed {seed}: not one payment is noted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifetime_values_are_those_of_a_select_practices_books_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::Select)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifetime_values_are_those_of_a_practice_plus_practices_books_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::PracticePlus)).await;
}
