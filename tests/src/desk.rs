use std::{net::SocketAddr, sync::Arc, time::Duration};

use cannula::{
    aesthetix::{Aesthetix, WebhookConfig, Webhooks},
    core::{Clock, Error, ErrorKind, Result},
    nextech::Nextech,
    rules::intake::IntakeConfig,
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, webhook_router},
};
use cannula_examples::{birthday, create_tag, intake_engine, lead, referral_sources};
use cannula_sandbox::{ContactSnapshot, NewContact, practice::PatientState};
use tokio::net::TcpListener;

use crate::{World, nextech_config};

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
}

impl Desk {
    /// Opens the desk: both engines have looked at both vendors, and the CRM knows the URL.
    ///
    /// # Errors
    /// If a vendor cannot be reached.
    pub async fn open(world: World) -> Result<Self> {
        let visits = Arc::new(world.engine(Arc::new(SqliteStore::in_memory("visits")?))?);
        let intake = Arc::new(intake(&world, &visits)?);
        visits.check().await?;
        intake.check().await?;
        let webhooks = listen(&world, &intake).await?;
        world.sandbox.crm_state().subscribe(&webhooks)?;
        Ok(Self { world, visits, intake, webhooks })
    }

    /// A lead whose contact is complete for both products.
    pub fn lead(&self, first: &str, last: &str, number: u32) -> NewContact {
        lead(self.world.config.product, first, last, number)
    }

    /// The same person as [`Desk::lead`] makes, as a patient of the practice.
    pub fn patient(&self, first: &str, last: &str, number: u32) -> PatientState {
        PatientState { birth_date: birthday(number), ..PatientState::new(first, last, number) }
    }

    /// Puts a contact into the CRM and returns its id.
    pub fn add(&self, contact: NewContact) -> String {
        self.world.sandbox.crm_state().add_contact(contact)
    }

    /// The tag that creates patients in the practice's product.
    pub fn tag(&self) -> &'static str {
        create_tag(self.world.config.product)
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
    let product = world.config.product;
    let access = world.sandbox.access();
    let mut config = nextech_config(access, product, world.config.practice.start)?;
    config.new_patients.referral_sources = referral_sources();
    let nextech = Arc::new(Nextech::new(config, Arc::clone(&world.clock) as _)?);
    let crm: Arc<Aesthetix> = world.sink()?;
    let tags = IntakeConfig::new(vec![create_tag(product).to_owned()]);
    let store = Arc::new(SqliteStore::in_memory("intake")?);
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    Ok(intake_engine(tags, nextech, crm, Arc::clone(visits), store, clock))
}

/// Receives the CRM's webhooks on loopback; returns where.
async fn listen(world: &World, intake: &Arc<Engine<IntakeFlow>>) -> Result<String> {
    let crm = &world.sandbox.access().crm;
    let tags = vec![create_tag(world.config.product).to_owned()];
    let mut config = WebhookConfig::new(&crm.location_id, tags);
    config.ed25519_keys = vec![crm.webhook_public_key.clone()];
    let decoder = Arc::new(Webhooks::new(config)?);
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let router = webhook_router(Arc::clone(intake), decoder, clock);
    let app = axum::Router::new().nest("/webhooks/crm", router);
    let cannot = |cause| Error::new(ErrorKind::Config, "cannot listen on loopback").source(cause);
    let listener =
        TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(format!("http://{address}/webhooks/crm"))
}
