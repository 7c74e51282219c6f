use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cannula::{
    core::{CrmSink, Money, PatientId, Result},
    sync::{CrmFlow, Engine, SqliteStore, Store},
};
use cannula_sandbox::{ContactSnapshot, WebhookQuirks};

use crate::{Receiver, World};

/// A practice whose EMR sends webhooks, and the service that receives them.
#[derive(Debug)]
pub struct Clinic {
    /// Both vendors.
    pub world: World,
    /// From the EMR to the CRM.
    pub engine: Arc<Engine<CrmFlow>>,
    /// What the engine keeps.
    pub store: Arc<dyn Store>,
    /// Where the EMR's webhooks go.
    pub receiver: Receiver,
    quirks: Mutex<WebhookQuirks>,
}

/// Webhooks are late, twice and out of order, and one in twenty never comes.
pub fn trouble(seed: u64) -> WebhookQuirks {
    WebhookQuirks {
        delay_seconds: 30,
        spread_seconds: 3_600,
        duplicates: 0.2,
        loss: 0.05,
        reorder: true,
        retry_jitter_seconds: 60,
        seed,
        ..WebhookQuirks::default()
    }
}

impl Clinic {
    /// Opens the clinic: the EMR knows where its webhooks go.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub async fn open(world: World) -> Result<Self> {
        Self::on(world, Arc::new(SqliteStore::in_memory("main")?)).await
    }

    /// The service on a store.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub async fn on(world: World, store: Arc<dyn Store>) -> Result<Self> {
        let sink = world.sink()?;
        Self::with(world, store, sink).await
    }

    /// The service on a store, with a way of its own into the CRM.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub async fn with(world: World, store: Arc<dyn Store>, sink: Arc<dyn CrmSink>) -> Result<Self> {
        let (source, rules) = (world.source()?, world.rules());
        let engine = Arc::new(world.engine_of(source, rules, sink, Arc::clone(&store))?);
        let receiver = world.receive(&engine).await?;
        Ok(Self { world, engine, store, receiver, quirks: Mutex::default() })
    }

    /// Ends the process and its receiver. Both vendors live on, and the EMR's webhooks go nowhere
    /// until another receives them.
    ///
    /// # Errors
    /// None so far.
    pub fn end(self) -> Result<World> {
        let Self { world, engine, store, receiver, .. } = self;
        drop((receiver, engine, store));
        // The discard port: connections to the receiver, which hold on to the engine, are closed.
        world.sandbox.subscribe(world.config.emr.vendor(), "http://127.0.0.1:9/")?;
        Ok(world)
    }

    /// Everything that is believable goes wrong with webhooks.
    pub fn trouble(&self, seed: u64) {
        self.change_quirks(|quirks| *quirks = trouble(seed));
    }

    /// Changes what can go wrong with webhooks.
    pub fn change_quirks(&self, change: impl FnOnce(&mut WebhookQuirks)) {
        let mut quirks = self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut quirks);
        let vendor = self.world.config.emr.vendor();
        self.world.sandbox.set_webhook_quirks(vendor, quirks.clone());
    }

    /// Time passes, webhooks arrive, and what they tell of is done; nothing is swept.
    ///
    /// # Errors
    /// One that no retry heals.
    pub async fn hear(&self, time: Duration) -> Result<()> {
        self.world.pass(time);
        self.world.sandbox.deliver_webhooks().await;
        self.world.drain(&self.engine).await
    }

    /// The same, and then a sweep if it is time for one.
    ///
    /// # Errors
    /// One that no retry heals.
    pub async fn work(&self, time: Duration) -> Result<()> {
        self.world.pass(time);
        self.world.sandbox.deliver_webhooks().await;
        self.world.settle(&self.engine).await
    }

    /// Five minutes pass, and what the EMR told of them is done.
    ///
    /// # Errors
    /// One that no retry heals.
    pub async fn minutes(&self) -> Result<()> {
        self.hear(Duration::from_secs(300)).await
    }

    /// Every person's lifetime value as the service knows it; nothing is nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn ledgers(&self) -> Result<BTreeMap<PatientId, Money>> {
        let mut values = BTreeMap::new();
        self.engine
            .for_each_state(|subject, state| {
                let value = state.lifetime_value().filter(|value| value.minor() != 0);
                let person = PatientId::new(subject.person.as_str());
                values.extend(value.map(|value| (person, value)));
            })
            .await?;
        Ok(values)
    }

    /// The same by the practice's own books, without what nobody can find.
    pub fn books(&self) -> BTreeMap<PatientId, Money> {
        let practice = self.world.sandbox.practice();
        let mut books = self.world.config.emr.books(practice);
        for invoice in self.world.unfindable() {
            let Some(state) = practice.zenoti_invoice(&invoice) else { continue };
            if let Some(value) = books.get_mut(&practice.zenoti_survivor(&state.guest)) {
                let minor = value.minor() - state.total().money().minor();
                *value = Money::from_minor(minor, value.currency());
            }
        }
        books.retain(|_, value| value.minor() != 0);
        books
    }

    /// The contacts with this first name.
    pub fn contacts(&self, first_name: &str) -> Vec<ContactSnapshot> {
        let mut contacts = self.world.sandbox.crm().contacts;
        contacts.retain(|contact| contact.first_name.as_deref() == Some(first_name));
        contacts
    }
}
