//! The patient search over real HTTP: found by name and by id, selected side by side, and usable
//! while the CRM is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod gated;
mod pushing;
mod searching;
mod selecting;
mod trouble;

use std::{sync::Arc, time::Duration};

use cannula::{
    a360::{
        A360, A360Config, Actor, Answer, MemoryStore, Options, Outcome, PatientStore, Selection,
        SqlitePatients,
    },
    aesthetix::{Aesthetix, AesthetixConfig, Directory},
    core::Phi,
};
use cannula_sandbox::{NewContact, practice::Product};
use cannula_testkit::Gate;
use cannula_tests::{World, WorldConfig, aesthetix_config};

/// A CRM of nobody, and the application over it.
struct Clinic {
    world: World,
    app: A360,
}

impl Clinic {
    async fn open(store: Arc<dyn PatientStore>, config: A360Config) -> Self {
        let world = World::start(WorldConfig::empty(Product::Select)).await.unwrap();
        let directory = world.sink().unwrap().directory();
        Self::over(world, directory, store, config).await
    }

    /// One that reaches the CRM through a gate.
    async fn gated() -> (Self, Gate) {
        let world = World::start(WorldConfig::empty(Product::Select)).await.unwrap();
        let access = world.sandbox.access();
        let gate = Gate::before(&access.origin).await;
        let base_url = access.crm.base_url.replace(&access.origin, gate.origin()).parse().unwrap();
        let config = AesthetixConfig { base_url, ..aesthetix_config(access).unwrap() };
        let crm = Aesthetix::new(config, Arc::clone(&world.clock) as _).unwrap();
        let [_, sqlite] = stores();
        (Self::over(world, crm.directory(), sqlite, A360Config::default()).await, gate)
    }

    async fn over(
        world: World,
        directory: Directory,
        store: Arc<dyn PatientStore>,
        config: A360Config,
    ) -> Self {
        let directory = Arc::new(directory);
        let app = A360::new(directory, store, config, Arc::clone(&world.clock) as _);
        app.enable(&staff(), Options { push: true, refresh: true }).await.unwrap();
        Self { world, app }
    }

    /// One on each store.
    async fn each() -> [Self; 2] {
        let [memory, sqlite] = stores();
        let config = A360Config::default();
        [Self::open(memory, config.clone()).await, Self::open(sqlite, config).await]
    }

    /// Puts a contact into the CRM and returns its id.
    fn put(&self, contact: NewContact) -> String {
        self.world.sandbox.crm_state().add_contact(contact)
    }

    /// A minute passes, so the index knows everything.
    fn index(&self) {
        self.world.pass(Duration::from_secs(60));
    }

    async fn select(&self, contact: &str) -> Selection {
        self.app.select(&staff(), &contact.into(), &Answer::default()).await.unwrap()
    }

    async fn selected(&self, contact: &str) -> Outcome {
        match self.select(contact).await {
            Selection::Done(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

fn stores() -> [Arc<dyn PatientStore>; 2] {
    [Arc::new(MemoryStore::default()), Arc::new(SqlitePatients::in_memory().unwrap())]
}

fn staff() -> Actor {
    Actor { name: "staff".to_owned(), may_edit: true, may_administer: true }
}

fn contact(first: &str, last: &str, born: &str) -> NewContact {
    NewContact {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        birth_date: born.parse().ok(),
        ..NewContact::default()
    }
}

fn text(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}
