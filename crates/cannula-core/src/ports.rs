//! The traits that connectors implement. Dyn-first: pass them as `Arc<dyn …>`.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use chrono::NaiveDate;

use crate::{
    ContactCreation, ContactId, CrmContact, CrmEffect, CrmLinks, CrmNeeds, Cursor, DirectoryInfo,
    DirectoryPage, DirectorySearch, Event, Feed, IdempotencyKey, LedgerInfo, LedgerOptions,
    LedgerRow, NewPatient, NewPayment, Page, Patient, PatientId, Person, Phi, PickLists, Receipt,
    RecordKey, RegistryInfo, Result, Settled,
};

/// What a source is and can do. Fixed at construction: asking for it does no I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// The connector and product, for example `nextech-select`.
    pub name: &'static str,
    /// The feeds, in the order in which to read them: patients before what refers to them.
    pub feeds: Vec<Feed>,
}

/// A vendor that says what happened: an EMR (then by its other name, `EmrSource`), a CRM whose
/// staff tag contacts (`CrmSource`), or a store that takes money (`PaymentSource`). What its events are about, [`SourceInfo::feeds`] says.
#[async_trait]
pub trait Source: Debug + Send + Sync + 'static {
    /// What this source is and can do.
    fn info(&self) -> &SourceInfo;

    /// The cheapest authenticated call: `Ok` means credentials, practice and network are good.
    async fn check(&self) -> Result<()>;

    /// Reads one page of a feed. `None` starts a feed that was never read.
    ///
    /// The caller stores the page's events and rejections together with [`Page::next`], in one
    /// transaction, and polls again until [`Page::last`]. Polling the same cursor again is
    /// always allowed and loses nothing. A row that cannot be read is in [`Page::rejected`] and
    /// never fails the page.
    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page>;

    /// Reads one record now; `None` if the vendor does not have it: what is known of it is taken
    /// back then.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not shown, which does not prove
    /// that it is gone. It then stays as it is known.
    async fn get(&self, key: &RecordKey) -> Result<Option<Event>>;
}

/// A CRM that is written to.
#[async_trait]
pub trait CrmSink: Debug + Send + Sync + 'static {
    /// The connector's name, for example `aesthetix`.
    fn name(&self) -> &'static str;

    /// The cheapest authenticated call.
    async fn check(&self) -> Result<()>;

    /// Finds the pipelines and custom fields, creates the fields that are missing, and reports
    /// every name the CRM does not have, all at once, as an error of kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config). Called once before the first delivery.
    async fn prepare(&self, needs: &CrmNeeds) -> Result<()>;

    /// Applies one effect for the person with these links.
    ///
    /// An error says by [`Error::retry_advice`](crate::Error::retry_advice) whether the effect
    /// may have been applied; if so the caller asks [`CrmSink::settle`] before trying again.
    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt>;

    /// Finds out whether an effect of unknown outcome landed, by reading the CRM.
    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled>;
}

/// A CRM's contacts, for people who look one up.
#[async_trait]
pub trait ContactDirectory: Debug + Send + Sync + 'static {
    /// What this directory is.
    fn info(&self) -> &DirectoryInfo;

    /// The cheapest authenticated calls: `Ok` means that searches and reads will be answered.
    async fn check(&self) -> Result<()>;

    /// Finds contacts by name. The index behind it may trail by [`DirectoryInfo::index_lag`], so a
    /// hit says only whom to read.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the text has no letter or digit.
    async fn search(&self, search: &DirectorySearch) -> Result<DirectoryPage>;

    /// The contact's id that a text is by its shape. It goes into a URL then, so a text that may be a
    /// name, a number or an address is none.
    fn id_in(&self, text: &Phi<String>) -> Option<ContactId>;

    /// Reads one contact as it is now; `None` if the CRM does not have it (any more).
    async fn get(&self, id: &ContactId) -> Result<Option<CrmContact>>;

    /// Creates a contact, unless another has the person's e-mail address or phone number.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsPerson`](crate::ErrorKind::NeedsPerson) if the person has neither;
    /// [`Retry::Settle`](crate::Retry::Settle) if the contact may have been created. Calling again
    /// is then safe: the first contact is the one in the way.
    async fn create(&self, person: &Person) -> Result<ContactCreation>;
}

/// An EMR's register of patients.
#[async_trait]
pub trait PatientRegistry: Debug + Send + Sync + 'static {
    /// What this registry is and demands.
    fn info(&self) -> &RegistryInfo;

    /// The cheapest authenticated call.
    async fn check(&self) -> Result<()>;

    /// The entries of every list whose values must be spelled exactly. A field that is not in the
    /// answer has no list.
    async fn lists(&self) -> Result<PickLists>;

    /// Everybody who might be this person: by e-mail, by phone, and by name and birth date, each
    /// on its own. Vendors match prefixes and withhold what is private, so the caller compares.
    async fn search(&self, person: &Person) -> Result<Vec<Patient>>;

    /// The patient with this chart number.
    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>>;

    /// Creates a patient.
    ///
    /// # Errors
    /// [`ErrorKind::Duplicate`](crate::ErrorKind::Duplicate) if the vendor has the patient
    /// already; [`Retry::Settle`](crate::Retry::Settle) if the patient may have been created:
    /// search before trying again.
    async fn create(&self, patient: &NewPatient) -> Result<Patient>;
}

/// An EMR's ledger of what patients paid.
///
/// Vendors give neither an idempotency key nor an id to look a payment up by, so a payment carries
/// a marker in its description, and whoever posts looks for it first.
#[async_trait]
pub trait PaymentLedger: Debug + Send + Sync + 'static {
    /// What this ledger is and takes.
    fn info(&self) -> &LedgerInfo;

    /// The cheapest authenticated call.
    async fn check(&self) -> Result<()>;

    /// What a payment can refer to, and which words the practice has been seen to use.
    async fn options(&self) -> Result<LedgerOptions>;

    /// All rows of the practice, whatever their status, dated `from` to `to`, both included, on
    /// the practice's calendar. Rows without a date are there too.
    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>>;

    /// All rows of one patient, whatever their status.
    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>>;

    /// Puts a payment on a patient's ledger, applied to nothing. What the vendor answers is not
    /// documented, so the row's id is found by reading.
    ///
    /// # Errors
    /// [`Retry::Settle`](crate::Retry::Settle) if the payment may have been stored: look for its
    /// marker before trying again.
    async fn post(&self, payment: &NewPayment) -> Result<()>;
}

#[async_trait]
impl<T: PaymentLedger + ?Sized> PaymentLedger for Arc<T> {
    fn info(&self) -> &LedgerInfo {
        (**self).info()
    }

    async fn check(&self) -> Result<()> {
        (**self).check().await
    }

    async fn options(&self) -> Result<LedgerOptions> {
        (**self).options().await
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        (**self).between(from, to).await
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        (**self).of_patient(patient).await
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        (**self).post(payment).await
    }
}

#[async_trait]
impl<T: PatientRegistry + ?Sized> PatientRegistry for Arc<T> {
    fn info(&self) -> &RegistryInfo {
        (**self).info()
    }

    async fn check(&self) -> Result<()> {
        (**self).check().await
    }

    async fn lists(&self) -> Result<PickLists> {
        (**self).lists().await
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        (**self).search(person).await
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        (**self).by_chart(chart).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        (**self).create(patient).await
    }
}

#[async_trait]
impl<T: Source + ?Sized> Source for Arc<T> {
    fn info(&self) -> &SourceInfo {
        (**self).info()
    }

    async fn check(&self) -> Result<()> {
        (**self).check().await
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        (**self).poll(feed, cursor).await
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        (**self).get(key).await
    }
}

#[async_trait]
impl<T: CrmSink + ?Sized> CrmSink for Arc<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    async fn check(&self) -> Result<()> {
        (**self).check().await
    }

    async fn prepare(&self, needs: &CrmNeeds) -> Result<()> {
        (**self).prepare(needs).await
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        (**self).deliver(effect, links, key).await
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled> {
        (**self).settle(effect, links, key).await
    }
}

#[async_trait]
impl<T: ContactDirectory + ?Sized> ContactDirectory for Arc<T> {
    fn info(&self) -> &DirectoryInfo {
        (**self).info()
    }

    async fn check(&self) -> Result<()> {
        (**self).check().await
    }

    async fn search(&self, search: &DirectorySearch) -> Result<DirectoryPage> {
        (**self).search(search).await
    }

    fn id_in(&self, text: &Phi<String>) -> Option<ContactId> {
        (**self).id_in(text)
    }

    async fn get(&self, id: &ContactId) -> Result<Option<CrmContact>> {
        (**self).get(id).await
    }

    async fn create(&self, person: &Person) -> Result<ContactCreation> {
        (**self).create(person).await
    }
}
