use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cannula::{
    aesthetix::{WebhookConfig, Webhooks},
    core::{Clock, CrmSink, PatientRegistry, Result},
    rules::intake::IntakeConfig,
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, Store},
};
use cannula_examples::{birthday, intake_engine, lead};
use cannula_sandbox::{
    ContactSnapshot, NewContact, Vendor,
    practice::{PatientState, Product},
};

use crate::{Emr, Receiver, World, links};

/// The titles of notes that say that a patient was made or found.
const MADE: [&str; 3] = ["Patient Created", "Patient Linked", "Patient Found"];

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
        let store = Arc::new(SqliteStore::in_memory("intake")?);
        let (registry, crm) = (world.registry()?, world.sink()?);
        let intake = Arc::new(world.intake(registry, crm, &visits, store)?);
        // Who starts a service sees at once whether it can start; what is tested here comes later.
        for vendor in [Vendor::Nextech, Vendor::Crm] {
            world.sandbox.faults(vendor).set_enabled(false);
        }
        visits.check().await?;
        intake.check().await?;
        for vendor in [Vendor::Nextech, Vendor::Crm] {
            world.sandbox.faults(vendor).set_enabled(true);
        }
        let receiver = world.receive_tags(&intake).await?;
        let webhooks = receiver.url();
        let mut receivers = vec![receiver];
        if !matches!(world.config.emr, Emr::Nextech(_)) {
            receivers.push(world.receive(&visits).await?);
        }
        Ok(Self { world, visits, intake, webhooks, _receivers: receivers })
    }

    /// A lead whose contact is complete for every EMR.
    pub fn lead(&self, first: &str, last: &str, number: u32) -> NewContact {
        self.world.lead(first, last, number)
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

impl World {
    /// The service's part from the CRM to a register of the EMR, on a store.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn intake(
        &self,
        registry: Arc<dyn PatientRegistry>,
        crm: Arc<dyn CrmSink>,
        visits: &Arc<Engine<CrmFlow>>,
        store: Arc<dyn Store>,
    ) -> Result<Engine<IntakeFlow>> {
        let config = IntakeConfig::new(vec![self.config.emr.create_tag().to_owned()]);
        let tagged = Arc::new(self.sink()?.tag_source(config.watched_tags()));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Ok(intake_engine(config, registry, tagged, crm, Arc::clone(visits), store, clock))
    }

    /// What is not as it must be, in words, once each of these contacts has asked for a patient and
    /// nobody else has. `contacts` has their first names, by id.
    ///
    /// The practice has one patient with each contact's data; the visits know that patient by that
    /// contact, which they would otherwise have given another's name; one note says so; and there
    /// is nobody else on either side.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unregistered(
        &self,
        contacts: &BTreeMap<String, String>,
        visits: &Engine<CrmFlow>,
    ) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let practice = self.sandbox.practice();
        let patients: Vec<_> =
            practice.patient_ids().iter().filter_map(|id| practice.patient(id)).collect();
        if patients.len() != contacts.len() {
            wrong.push(format!("{} patients of {} contacts", patients.len(), contacts.len()));
        }
        let all = self.sandbox.crm().contacts;
        if all.len() != contacts.len() {
            wrong.push(format!("{} contacts, {} of them asked", all.len(), contacts.len()));
        }
        let links = links(visits).await?;
        for contact in all {
            let mut check = |right: bool, what: &str| {
                if !right {
                    wrong.push(format!("{what}: {contact:#?}"));
                }
            };
            check(contacts.get(&contact.id) == contact.first_name.as_ref(), "another's name");
            let theirs = patients.iter().filter(|it| {
                let emails = it.emails.iter().map(|it| it.address.to_lowercase());
                Some(&it.given) == contact.first_name.as_ref()
                    && Some(&it.family) == contact.last_name.as_ref()
                    && Some(it.birth_date) == contact.birth_date
                    && emails.map(Some).any(|it| it == contact.email)
            });
            check(theirs.count() == 1, "not one patient");
            let linked = links.values().filter(|it| it.as_str() == contact.id);
            check(linked.count() == 1, "the visits do not know whose it is");
            let titles = contact.notes.iter().filter_map(|note| note.lines().next());
            check(titles.filter(|it| MADE.contains(it)).count() == 1, "not one note of it");
            let references: BTreeSet<_> =
                contact.notes.iter().map(|note| note.lines().last()).collect();
            check(references.len() == contact.notes.len(), "a reference twice");
            check(matches!(&contact.tags[..], [tag] if tag.ends_with("created")), "other tags");
        }
        Ok(wrong)
    }

    /// Receives the CRM's webhooks for an engine; the CRM knows where.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn receive_tags(&self, intake: &Arc<Engine<IntakeFlow>>) -> Result<Receiver> {
        let crm = &self.sandbox.access().crm;
        let tags = vec![self.config.emr.create_tag().to_owned()];
        let mut config = WebhookConfig::new(&crm.location_id, tags);
        config.ed25519_keys = vec![crm.webhook_public_key.clone()];
        let decoder = Arc::new(Webhooks::new(config)?);
        let receiver = Receiver::of(intake, decoder, &self.clock).await?;
        self.sandbox.crm_state().subscribe(&receiver.url())?;
        Ok(receiver)
    }

    /// A contact that is complete for every EMR.
    pub fn lead(&self, first: &str, last: &str, number: u32) -> NewContact {
        let product = match self.config.emr {
            Emr::Nextech(product) => product,
            Emr::PatientNow | Emr::Zenoti => Product::Select,
        };
        NewContact { gender: Some("female".to_owned()), ..lead(product, first, last, number) }
    }
}
