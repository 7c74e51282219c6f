//! The CRM as the engine sees it.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{
    Clock, ContactId, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Error, ErrorKind, IdempotencyKey,
    Note, Receipt, Result, Settled,
};
use cannula_http::Lane;
use phonenumber::country;

use crate::{
    AesthetixConfig, CONNECTOR, CrmClient, Directory, Duplicates, TagSource, catalog::Catalog,
    errors::link_broken,
};

/// How long a search may trail a write; reported by several integrators.
pub(crate) const INDEX_LAG: Duration = Duration::from_secs(20);

/// A location of Aesthetix CRM to write to.
#[derive(Clone, Debug)]
pub struct Aesthetix {
    pub(crate) client: CrmClient,
    pub(crate) country: country::Id,
    pub(crate) duplicates: Duplicates,
    clock: Arc<dyn Clock>,
    catalog: Arc<RwLock<Option<Arc<Catalog>>>>,
}

impl Aesthetix {
    /// Prepares the sink; no I/O.
    ///
    /// # Errors
    /// `Config` if the base URL cannot be used.
    pub fn new(config: AesthetixConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self {
            client: CrmClient::new(&config, Arc::clone(&clock))?,
            country: config.country,
            duplicates: config.duplicates,
            clock,
            catalog: Arc::default(),
        })
    }

    /// The typed client underneath.
    pub fn client(&self) -> &CrmClient {
        &self.client
    }

    /// HTTP requests sent so far, by operation; each attempt counts.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.client.calls()
    }

    /// The contacts of this location that have one of these tags, as a source. It shares the
    /// sink's connections, token and quota.
    pub fn tag_source(&self, tags: Vec<String>) -> TagSource {
        TagSource::new(self.clone(), tags, Arc::clone(&self.clock))
    }

    /// The contacts of this location, to be searched by people. It shares the sink's connections,
    /// token and quota.
    pub fn directory(&self) -> Directory {
        Directory::new(self)
    }

    /// The same sink in another lane of the quota.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Self {
        Self { client: self.client.lane(lane), ..self.clone() }
    }

    pub(crate) fn catalog(&self) -> Result<Arc<Catalog>> {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner).clone();
        catalog.ok_or_else(|| {
            Error::new(ErrorKind::Config, "`prepare` must be called before the first delivery")
                .connector(CONNECTOR)
        })
    }

    async fn create_note(&self, note: &Note, links: &CrmLinks) -> Result<Receipt> {
        let contact = linked(links)?;
        self.client.create_note(contact, &note.body).await.map_err(link_broken)?;
        Ok(Receipt::applied())
    }

    async fn settle_note(&self, note: &Note, links: &CrmLinks) -> Result<Settled> {
        let notes = self.client.notes(linked(links)?).await.map_err(link_broken)?;
        let landed = notes.iter().any(|known| known.body.expose().contains(&note.reference));
        Ok(if landed { Settled::Landed(Receipt::applied()) } else { Settled::SendAgain })
    }
}

#[async_trait]
impl CrmSink for Aesthetix {
    fn name(&self) -> &'static str {
        CONNECTOR
    }

    async fn check(&self) -> Result<()> {
        self.client.pipelines().await.map(drop)
    }

    async fn prepare(&self, needs: &CrmNeeds) -> Result<()> {
        let fields = self.client.custom_fields().await?;
        let mut catalog = Catalog::new(fields, self.client.pipelines().await?);
        for spec in catalog.missing(needs)? {
            tracing::info!(field = spec.name, "creating a custom field");
            let created = match self.client.create_custom_field(&spec.name, spec.kind).await {
                Err(error) if error.kind() == ErrorKind::Invalid => {
                    // Another process that starts beside this one may have been first.
                    let fields = self.client.custom_fields().await?;
                    fields.into_iter().find(|field| field.name == spec.name).ok_or(error)?
                }
                created => created?,
            };
            catalog.add(spec, created);
        }
        let mut slot = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(catalog));
        Ok(())
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Receipt> {
        match effect {
            CrmEffect::Contact(write) => self.write_contact(write, links).await,
            CrmEffect::AddTags { tags } => {
                self.client.add_tags(linked(links)?, tags).await.map_err(link_broken)?;
                Ok(Receipt::applied())
            }
            CrmEffect::RemoveTags { tags } => {
                self.client.remove_tags(linked(links)?, tags).await.map_err(link_broken)?;
                Ok(Receipt::applied())
            }
            CrmEffect::Note(note) => self.create_note(note, links).await,
            CrmEffect::Stage(stage) => self.move_stage(stage, links).await,
            CrmEffect::Value(value) => self.set_value(value, links).await,
        }
    }

    /// Only notes can be there twice, so only they are looked for. Everything else ends in the
    /// same state when it is sent again: updates and tags by their nature, opportunities because
    /// the upsert moves the one that is there, and new contacts because the location refuses the
    /// second one by naming the first.
    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Settled> {
        match effect {
            CrmEffect::Note(note) => self.settle_note(note, links).await,
            CrmEffect::Contact(_)
                if links.contact.is_none() && self.duplicates == Duplicates::Allowed =>
            {
                // A delivery looks for the contact first; it must be able to see it.
                self.clock.sleep(INDEX_LAG).await;
                Ok(Settled::SendAgain)
            }
            CrmEffect::Contact(_)
            | CrmEffect::AddTags { .. }
            | CrmEffect::RemoveTags { .. }
            | CrmEffect::Stage(_)
            | CrmEffect::Value(_) => Ok(Settled::SendAgain),
        }
    }
}

/// The contact the person is linked to. Everything but the contact itself needs one.
pub(crate) fn linked(links: &CrmLinks) -> Result<&ContactId> {
    links.contact.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::LinkBroken, "the person has no contact in the CRM yet")
            .connector(CONNECTOR)
    })
}
