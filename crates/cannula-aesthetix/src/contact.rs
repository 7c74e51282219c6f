//! Writing a contact: create, adopt or update.
//!
//! `POST /contacts/upsert` is not used on purpose. It writes to whoever has the e-mail or phone
//! before one can look who that is: with a shared family phone, one member's name overwrites the
//! other's. A create is refused instead, and the refusal names the contact, so that it can be
//! looked at first. For a new person both cost one call.

use cannula_core::{
    ContactDetail, ContactId, ContactWrite, CrmLinks, Error, ErrorKind, ParkReason, Person,
    Receipt, Result, Retry, Taken,
};

use crate::{
    Aesthetix, CONNECTOR, Collision, Contact, ContactParts, Duplicates, errors::link_broken, map,
    matching::same_person,
};

impl Aesthetix {
    pub(crate) async fn write_contact(
        &self,
        write: &ContactWrite,
        links: &CrmLinks,
    ) -> Result<Receipt> {
        let fields = self.catalog()?.writes(&write.fields)?;
        let person = || map::person(&write.person, self.country);
        let Some(contact) = &links.contact else {
            return self.link(&write.person, ContactParts { fields, ..person() }).await;
        };
        let known = if write.write_person { person() } else { ContactParts::default() };
        let parts = ContactParts { fields, ..known };
        self.update(contact, parts).await.map_err(link_broken)
    }

    /// Creates the person's contact, or adopts the one that is there if it is the same person's.
    async fn link(&self, person: &Person, parts: ContactParts) -> Result<Receipt> {
        if parts.email.is_none() && parts.phone.is_none() {
            return Err(Error::needs_person(ParkReason::NoContactDetails).connector(CONNECTOR));
        }
        if self.duplicates == Duplicates::Allowed
            && let Some(found) = self.find(&parts).await?
        {
            let shared = if found.email_is(&parts) { "email" } else { "phone" };
            return self.adopt(person, parts, &found, shared).await;
        }
        let error = match self.client.create_contact(&without_blanks(&parts)).await {
            Ok(contact) => return Ok(receipt(contact.id)),
            Err(error) => error,
        };
        let Some(Collision::Contact { contact, field }) = Collision::of(&error) else {
            return Err(error);
        };
        let found = self.client.get_contact(contact).await.map_err(vanished)?;
        self.adopt(person, parts, &found, field).await
    }

    pub(crate) async fn find(&self, parts: &ContactParts) -> Result<Option<Contact>> {
        self.client.find_duplicate(parts.email.as_ref(), parts.phone.as_ref()).await
    }

    async fn adopt(
        &self,
        person: &Person,
        parts: ContactParts,
        found: &Contact,
        shared: &str,
    ) -> Result<Receipt> {
        if !same_person(person, found) {
            let contact = found.id.clone();
            let reason = ParkReason::ContactConflict { contact, shared: shared.to_owned() };
            return Err(Error::needs_person(reason).connector(CONNECTOR));
        }
        tracing::debug!(contact = %found.id, "adopting a contact");
        self.update(&found.id, parts).await.map_err(vanished)
    }

    /// Updates a contact. A detail that belongs to a third contact is left out: the CRM would
    /// refuse everything else with it.
    async fn update(&self, contact: &ContactId, mut parts: ContactParts) -> Result<Receipt> {
        let mut left_out = Vec::new();
        while !parts.is_empty() {
            let Err(error) = self.client.update_contact(contact, &parts).await else { break };
            let Some(Collision::Contact { contact: other, field }) = Collision::of(&error) else {
                return Err(error);
            };
            let (detail, value) = match field.as_str() {
                "email" => (ContactDetail::Email, parts.email.take()),
                "phone" => (ContactDetail::Phone, parts.phone.take()),
                _ => return Err(error),
            };
            if value.is_none() {
                return Err(error);
            }
            tracing::warn!(%contact, %other, field, "left out what another contact has");
            left_out.push(Taken { detail, by: other.clone() });
        }
        Ok(Receipt { taken: left_out, ..receipt(contact.clone()) })
    }
}

/// A new contact has nothing to clear, and the published schema knows no `null` for a field.
fn without_blanks(parts: &ContactParts) -> ContactParts {
    let mut parts = parts.clone();
    parts.fields.retain(|field| !field.value.is_blank());
    parts
}

impl Contact {
    pub(crate) fn email_is(&self, parts: &ContactParts) -> bool {
        match (&self.email, &parts.email) {
            (Some(ours), Some(theirs)) => ours.expose().eq_ignore_ascii_case(theirs.expose()),
            _ => false,
        }
    }
}

/// The CRM named a contact that is gone a moment later; the next attempt asks anew.
fn vanished(error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    Error::new(ErrorKind::Unavailable, "the contact the CRM named is gone again")
        .connector(CONNECTOR)
        .retry(Retry::Backoff)
        .source(error)
}

fn receipt(contact: ContactId) -> Receipt {
    Receipt { contact: Some(contact), ..Receipt::applied() }
}
