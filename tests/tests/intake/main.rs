//! A tag on a contact makes one patient, whatever happens on the way, and says so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod convergence;
mod creating;
mod webhooks;

use cannula_sandbox::practice::Product;
use cannula_tests::{Desk, World, WorldConfig};

const PRODUCTS: [Product; 2] = [Product::Select, Product::PracticePlus];

/// A desk in front of a practice of nobody.
async fn desk(product: Product) -> Desk {
    Desk::open(World::start(WorldConfig::empty(product)).await.unwrap()).await.unwrap()
}

/// The first line of a contact's newest note.
fn newest(desk: &Desk, contact: &str) -> String {
    let notes = desk.contact(contact).unwrap().notes;
    notes.last().and_then(|note| note.lines().next()).unwrap_or_default().to_owned()
}
