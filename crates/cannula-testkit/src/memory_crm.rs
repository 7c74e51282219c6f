//! A CRM in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    ContactDetail, ContactId, ContactWrite, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Delivered,
    Error, ErrorKind, FieldValue, IdempotencyKey, Money, OpportunityId, Person, Receipt, Result,
    Settled, StageMove, Taken,
};

/// A contact as [`MemoryCrm`] holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryContact {
    /// The person.
    pub person: Person,
    /// Custom fields by name; an emptied one is absent.
    pub fields: BTreeMap<String, FieldValue>,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Notes in the order they were left.
    pub notes: Vec<String>,
    /// Stage and status word by pipeline.
    pub stages: BTreeMap<String, (String, String)>,
    /// What the opportunities are worth, by pipeline.
    pub values: BTreeMap<String, Money>,
}

/// A CRM as mean as a real one where it counts: it has no idempotency keys, so a note sent twice
/// stands there twice, and it fails as told, before or after the write took effect.
#[derive(Debug, Default)]
pub struct MemoryCrm(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    contacts: BTreeMap<ContactId, MemoryContact>,
    created: usize,
    failures: BTreeMap<&'static str, VecDeque<Failure>>,
    sent: Vec<(Option<ContactId>, &'static str)>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    applied: bool,
}

impl MemoryCrm {
    /// Fails the next not yet failing effect with this label. `applied`: it takes effect first.
    pub fn fail_next(&self, label: &'static str, error: Error, applied: bool) {
        self.inner().failures.entry(label).or_default().push_back(Failure { error, applied });
    }

    /// The contacts by e-mail address, or by id if they have none.
    pub fn contacts(&self) -> BTreeMap<String, MemoryContact> {
        let key = |id: &ContactId, contact: &MemoryContact| {
            contact.person.email.as_ref().map_or(id.to_string(), |email| email.expose().clone())
        };
        self.inner()
            .contacts
            .iter()
            .map(|(id, contact)| (key(id, contact), contact.clone()))
            .collect()
    }

    /// The contact with this id.
    pub fn contact(&self, id: &ContactId) -> Option<MemoryContact> {
        self.inner().contacts.get(id).cloned()
    }

    /// Adds a tag to the contact, which is made if it is not there: what staff do.
    pub fn tag(&self, id: &ContactId, tag: &str) {
        let mut inner = self.inner();
        let tags = &mut inner.contacts.entry(id.clone()).or_default().tags;
        tags.push(tag.to_owned());
        tags.sort();
        tags.dedup();
    }

    /// Every delivery so far: the contact it was addressed to, and the effect's label.
    pub fn sent(&self) -> Vec<(Option<ContactId>, &'static str)> {
        self.inner().sent.clone()
    }

    /// Deletes every contact, as a careless user would.
    pub fn delete_contacts(&self) {
        self.inner().contacts.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn apply(&mut self, effect: &CrmEffect, links: &CrmLinks) -> Result<Receipt> {
        if let CrmEffect::Contact(write) = effect {
            return self.write_contact(write, links);
        }
        let id = links
            .contact
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "the effect has no contact"))?;
        let contact = self.contacts.get_mut(id).ok_or_else(gone)?;
        match effect {
            CrmEffect::AddTags { tags } => {
                contact.tags.extend(tags.iter().cloned());
                contact.tags.sort();
                contact.tags.dedup();
            }
            CrmEffect::RemoveTags { tags } => contact.tags.retain(|tag| !tags.contains(tag)),
            CrmEffect::Note(note) => contact.notes.push(note.body.expose().clone()),
            CrmEffect::Stage(to) => return Ok(move_stage(id, contact, to)),
            CrmEffect::Value(worth) => {
                if !contact.stages.contains_key(&worth.pipeline) {
                    let delivered = Delivered::OpportunityMissing;
                    return Ok(Receipt { delivered, ..Receipt::applied() });
                }
                contact.values.insert(worth.pipeline.clone(), *worth.value.expose());
            }
            CrmEffect::Contact(_) => {}
        }
        Ok(Receipt::applied())
    }

    fn write_contact(&mut self, write: &ContactWrite, links: &CrmLinks) -> Result<Receipt> {
        let id = match &links.contact {
            Some(id) => id.clone(),
            None => self.find(&write.person).unwrap_or_else(|| {
                self.created += 1;
                let id = ContactId::new(format!("contact-{}", self.created));
                self.contacts.insert(id.clone(), MemoryContact::default());
                id
            }),
        };
        let (person, taken) = self.without_taken(&id, &write.person);
        let contact = self.contacts.get_mut(&id).ok_or_else(gone)?;
        contact.person = person;
        for (name, value) in &write.fields {
            if *value == FieldValue::Empty {
                contact.fields.remove(name);
            } else {
                contact.fields.insert(name.clone(), value.clone());
            }
        }
        Ok(Receipt { contact: Some(id), taken, ..Receipt::applied() })
    }

    /// The person with what the contact can have of it: only one contact has a detail.
    fn without_taken(&self, id: &ContactId, person: &Person) -> (Person, Vec<Taken>) {
        let (mut person, mut taken) = (person.clone(), Vec::new());
        let present = self.contacts.get(id).map(|contact| contact.person.clone());
        let present = present.unwrap_or_default();
        let holder = |same: &dyn Fn(&Person) -> bool| {
            let mut others = self.contacts.iter().filter(|(other, _)| *other != id);
            others.find(|(_, contact)| same(&contact.person)).map(|(other, _)| other.clone())
        };
        let email = person.email.clone();
        if let Some(by) = holder(&|other| email.is_some() && other.email == email) {
            person.email = present.email;
            taken.push(Taken { detail: ContactDetail::Email, by });
        }
        let phone = person.phone.clone();
        if let Some(by) = holder(&|other| phone.is_some() && other.phone == phone) {
            person.phone = present.phone;
            taken.push(Taken { detail: ContactDetail::Phone, by });
        }
        (person, taken)
    }

    fn find(&self, person: &Person) -> Option<ContactId> {
        let same = |contact: &MemoryContact| {
            (person.email.is_some() && contact.person.email == person.email)
                || (person.phone.is_some() && contact.person.phone == person.phone)
        };
        self.contacts.iter().find(|(_, contact)| same(contact)).map(|(id, _)| id.clone())
    }
}

fn move_stage(id: &ContactId, contact: &mut MemoryContact, to: &StageMove) -> Receipt {
    if !to.create && !contact.stages.contains_key(&to.pipeline) {
        return Receipt { delivered: Delivered::OpportunityMissing, ..Receipt::applied() };
    }
    let status = format!("{:?}", to.status).to_lowercase();
    contact.stages.insert(to.pipeline.clone(), (to.stage.clone(), status));
    let opportunity = OpportunityId::new(format!("{id}/{}", to.pipeline));
    Receipt { opportunity: Some((to.pipeline.clone(), opportunity)), ..Receipt::applied() }
}

fn gone() -> Error {
    Error::new(ErrorKind::LinkBroken, "the contact is gone")
}

#[async_trait]
impl CrmSink for MemoryCrm {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, _needs: &CrmNeeds) -> Result<()> {
        Ok(())
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Receipt> {
        // Others get their turn in the middle of a delivery, as they do over a network.
        tokio::task::yield_now().await;
        let mut inner = self.inner();
        inner.sent.push((links.contact.clone(), effect.label()));
        let failure = inner.failures.get_mut(effect.label()).and_then(VecDeque::pop_front);
        match failure {
            None => inner.apply(effect, links),
            Some(Failure { error, applied }) => {
                if applied {
                    inner.apply(effect, links)?;
                }
                Err(error)
            }
        }
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Settled> {
        tokio::task::yield_now().await;
        let inner = self.inner();
        let contact = links.contact.as_ref().and_then(|id| inner.contacts.get(id));
        // Everything but a note can be sent again without harm.
        Ok(match (effect, contact) {
            (CrmEffect::Note(note), Some(contact))
                if contact.notes.iter().any(|body| body.contains(&note.reference)) =>
            {
                Settled::Landed(Receipt::applied())
            }
            _ => Settled::SendAgain,
        })
    }
}
