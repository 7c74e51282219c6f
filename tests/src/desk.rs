use std::{sync::Arc, time::Duration};

use cannula::{
    aesthetix::{Aesthetix, WebhookConfig, Webhooks},
    core::{Clock, Result},
    rules::intake::IntakeConfig,
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore},
};
use cannula_examples::{birthday, intake_engine, lead};
use cannula_sandbox::{
    ContactSnapshot, NewContact, Vendor,
    practice::{PatientState, Product},
};

use crate::{Emr, Receiver, World};

/// A front desk: staff in the CRM, the practice's EMR, and the service between them with both its
/// engines and its webhooks.
#[derive(Debug)]
pub struct Desk {
    /// Both vendors.
    pub world: World,
    /// From the EMR to the CRM.
    pub visits: Arc<Engine<CrmFlow>>,
    /// From the CRM to the EMR.
    pub intake: Arc<Engine<IntakeFlow>>,
    /// The URL that the CRM's webhooks go to.
    pub webhooks: String,
    _receivers: Vec<Receiver>,
}

impl Desk {
    /// Opens the desk: both engines have looked at both vendors, and the CRM knows the URL.
    ///
    /// # Errors
    /// If a vendor cannot be reached.
    pub async fn open(world: World) -> Result<Self> {
        let visits = Arc::new(world.engine(Arc::new(SqliteStore::in_memory("visits")?))?);
        let intake = Arc::new(intake(&world, &visits)?);
        // Who starts a service sees at once whether it can start; what is tested here comes later.
        for vendor in [Vendor::Nextech, Vendor::Crm] {
            world.sandbox.faults(vendor).set_enabled(false);
        }
        visits.check().await?;
        intake.check().await?;
        for vendor in [Vendor::Nextech, Vendor::Crm] {
            world.sandbox.faults(vendor).set_enabled(true);
        }
        let receiver = Receiver::of(&intake, Arc::new(decoder(&world)?), &world.clock).await?;
        let webhooks = receiver.url();
        world.sandbox.crm_state().subscribe(&webhooks)?;
        let mut receivers = vec![receiver];
        if !matches!(world.config.emr, Emr::Nextech(_)) {
            receivers.push(world.receive(&visits).await?);
        }
        Ok(Self { world, visits, intake, webhooks, _receivers: receivers })
    }

    /// A lead whose contact is complete for every EMR.
    pub fn lead(&self, first: &str, last: &str, number: u32) -> NewContact {
        let product = match self.world.config.emr {
            Emr::Nextech(product) => product,
            Emr::PatientNow | Emr::Zenoti => Product::Select,
        };
        NewContact { gender: Some("female".to_owned()), ..lead(product, first, last, number) }
    }

    /// The same person as [`Desk::lead`] makes, as a patient of the practice.
    pub fn patient(&self, first: &str, last: &str, number: u32) -> PatientState {
        PatientState { birth_date: birthday(number), ..PatientState::new(first, last, number) }
    }

    /// Puts a contact into the CRM and returns its id.
    pub fn add(&self, contact: NewContact) -> String {
        self.world.sandbox.crm_state().add_contact(contact)
    }

    /// The tag that creates patients in the practice's EMR.
    pub fn tag(&self) -> &'static str {
        self.world.config.emr.create_tag()
    }

    /// Applies the create tag.
    pub fn apply(&self, contact: &str) {
        assert!(self.world.sandbox.crm_state().tag(contact, &[self.tag()]), "no such contact");
    }

    /// Five minutes pass; webhooks arrive and everything due is done, through whatever faults
    /// there are.
    ///
    /// # Errors
    /// One that no retry heals.
    pub async fn work(&self) -> Result<()> {
        self.world.pass(Duration::from_secs(300));
        self.world.sandbox.deliver_webhooks().await;
        self.world.drain(&self.intake).await?;
        self.world.settle(&self.visits).await
    }

    /// Asks the CRM for tagged contacts instead of waiting for webhooks, and works it off.
    ///
    /// # Errors
    /// One that no retry heals.
    pub async fn poll(&self) -> Result<()> {
        self.world.pass(Duration::from_secs(300));
        self.world.settle(&self.intake).await?;
        self.world.settle(&self.visits).await
    }

    /// The contact as it is now.
    pub fn contact(&self, id: &str) -> Option<ContactSnapshot> {
        self.world.sandbox.crm().contacts.into_iter().find(|contact| contact.id == id)
    }

    /// How many patients the practice has.
    pub fn patients(&self) -> usize {
        self.world.sandbox.practice().patient_ids().len()
    }
}

fn intake(world: &World, visits: &Arc<Engine<CrmFlow>>) -> Result<Engine<IntakeFlow>> {
    let registry = world.registry()?;
    let crm: Arc<Aesthetix> = world.sink()?;
    let config = IntakeConfig::new(vec![world.config.emr.create_tag().to_owned()]);
    let store = Arc::new(SqliteStore::in_memory("intake")?);
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    Ok(intake_engine(config, registry, crm, Arc::clone(visits), store, clock))
}

/// What proves and reads the CRM's webhooks.
fn decoder(world: &World) -> Result<Webhooks> {
    let crm = &world.sandbox.access().crm;
    let tags = vec![world.config.emr.create_tag().to_owned()];
    let mut config = WebhookConfig::new(&crm.location_id, tags);
    config.ed25519_keys = vec![crm.webhook_public_key.clone()];
    Webhooks::new(config)
}
