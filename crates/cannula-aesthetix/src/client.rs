//! The thin typed client: one method a call, no policy.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cannula_core::{
    Clock, ContactId, Error, ErrorKind, FieldKind, Money, OpportunityId, Phi, Result, Retry,
};
use cannula_http::{
    Auth, Budget, Client, Lane, QuotaHeaders, Request, Response, RetryPolicy, StaticToken,
    TokenCache,
};

use crate::{
    AesthetixConfig, CONNECTOR, Contact, ContactNote, ContactPage, ContactParts, ContactSearch,
    Credentials, CustomField, NewOpportunity, OAuth, Opportunity, Pipeline, Placement, Upserted,
    errors, oauth::AppGrant, requests::Requests, wire,
};

/// On every answer; the odd order of `Daily-Remaining` is the vendor's.
/// <https://marketplace.gohighlevel.com/docs/other/rate-limits.md>
const QUOTA_HEADERS: QuotaHeaders = QuotaHeaders {
    max: "x-ratelimit-max",
    interval_ms: "x-ratelimit-interval-milliseconds",
    remaining: "x-ratelimit-remaining",
    daily_max: "x-ratelimit-limit-daily",
    daily_remaining: "x-ratelimit-daily-remaining",
};

/// The CRM's calls, typed. A contact that does not exist is an error of kind
/// [`NotFound`](cannula_core::ErrorKind::NotFound); a refusal that names the record in the way
/// carries a [`Collision`](crate::Collision).
#[derive(Clone, Debug)]
pub struct CrmClient {
    http: Client,
    /// Counts the token's calls, which go without authorisation and outside the budget.
    tokens: Option<Client>,
    requests: Requests,
}

impl CrmClient {
    /// Prepares the client; no I/O.
    ///
    /// # Errors
    /// `Config` if the base URL cannot be used.
    pub fn new(config: &AesthetixConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let version = config.version;
        let (auth, tokens): (Arc<dyn Auth>, _) = match &config.credentials {
            Credentials::PrivateToken(token) => (Arc::new(StaticToken::bearer(token)), None),
            Credentials::OAuth(app) => {
                let (cache, tokens) = app_auth(config, app, &clock)?;
                (Arc::new(cache), Some(tokens))
            }
        };
        let mut http = Client::builder(CONNECTOR, config.base_url.clone(), Arc::clone(&clock))
            .auth(auth)
            .header("Version", version.as_str())
            .errors(errors::refusal);
        if let Some(quota) = config.quota {
            let budget = Budget::shared(quota, clock).headers(QUOTA_HEADERS);
            http = http.budget(Arc::new(budget));
        }
        let requests = Requests { location: config.location_id.clone(), version };
        Ok(Self { http: http.build()?, tokens, requests })
    }

    /// The same client in another lane of the quota.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Self {
        Self { http: self.http.lane(lane), ..self.clone() }
    }

    /// HTTP requests sent so far, by operation; each attempt counts.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        let mut calls = self.http.calls();
        if let Some(tokens) = &self.tokens {
            calls.extend(tokens.calls());
        }
        calls
    }

    /// Reads one contact. Immediate, unlike a search.
    pub async fn get_contact(&self, id: &ContactId) -> Result<Contact> {
        let answer: wire::ContactAnswer = self.http.json(&self.requests.get_contact(id)).await?;
        Ok(answer.contact.into())
    }

    /// Creates a contact. A location that refuses duplicates names the contact in the way.
    pub async fn create_contact(&self, parts: &ContactParts) -> Result<Contact> {
        let answer: wire::ContactAnswer =
            self.http.json(&self.requests.create_contact(parts)).await?;
        Ok(answer.contact.into())
    }

    /// Creates a contact or writes to the one that has its e-mail or phone, whoever that is:
    /// with e-mail and phone of two contacts, one of the two is ignored without a word.
    pub async fn upsert_contact(&self, parts: &ContactParts) -> Result<Upserted> {
        let answer: wire::UpsertAnswer =
            self.http.json(&self.requests.upsert_contact(parts)).await?;
        Ok(answer.into())
    }

    /// Writes to a contact; what is absent is left alone.
    pub async fn update_contact(&self, id: &ContactId, parts: &ContactParts) -> Result<()> {
        self.write(&self.requests.update_contact(id, parts)).await
    }

    /// The contact with this e-mail or phone. At least one of them must be given.
    pub async fn find_duplicate(
        &self,
        email: Option<&Phi<String>>,
        phone: Option<&Phi<String>>,
    ) -> Result<Option<Contact>> {
        let answer: wire::DuplicateAnswer =
            self.http.json(&self.requests.find_duplicate(email, phone)).await?;
        Ok(answer.contact.map(Into::into))
    }

    /// Searches the index of contacts, which trails writes by up to 20 seconds.
    pub async fn search_contacts(&self, search: &ContactSearch) -> Result<ContactPage> {
        let page: wire::ContactPage =
            self.http.json(&self.requests.search_contacts(search)).await?;
        Ok(page.into())
    }

    /// The same search with hits that are not read yet.
    pub(crate) async fn hits(&self, search: &ContactSearch) -> Result<wire::Hits> {
        self.http.json(&self.requests.search_contacts(search)).await
    }

    /// The location that everything is in.
    pub(crate) fn location(&self) -> &str {
        &self.requests.location
    }

    /// Adds tags and leaves all others alone.
    pub async fn add_tags(&self, id: &ContactId, tags: &[String]) -> Result<()> {
        self.write(&self.requests.add_tags(id, tags)).await
    }

    /// Removes tags and leaves all others alone.
    pub async fn remove_tags(&self, id: &ContactId, tags: &[String]) -> Result<()> {
        self.write(&self.requests.remove_tags(id, tags)).await
    }

    /// All notes of a contact; the list is not paged.
    pub async fn notes(&self, id: &ContactId) -> Result<Vec<ContactNote>> {
        let answer: wire::NotesAnswer = self.http.json(&self.requests.list_notes(id)).await?;
        Ok(answer.notes.into_iter().map(Into::into).collect())
    }

    /// Leaves a note. Sent twice it is there twice.
    pub async fn create_note(&self, id: &ContactId, body: &Phi<String>) -> Result<()> {
        self.write(&self.requests.create_note(id, body)).await
    }

    /// Reads one opportunity. Immediate, unlike a search.
    pub async fn get_opportunity(&self, id: &OpportunityId) -> Result<Opportunity> {
        let answer: wire::OpportunityAnswer =
            self.http.json(&self.requests.get_opportunity(id)).await?;
        Ok(answer.opportunity.into())
    }

    /// Creates an opportunity. A location that refuses a second one in the pipeline names the
    /// first.
    pub async fn create_opportunity(&self, new: &NewOpportunity) -> Result<Opportunity> {
        let answer: wire::OpportunityAnswer =
            self.http.json(&self.requests.create_opportunity(new)).await?;
        Ok(answer.opportunity.into())
    }

    /// Moves the contact's opportunity in the pipeline, or creates it.
    pub async fn upsert_opportunity(&self, new: &NewOpportunity) -> Result<Opportunity> {
        let answer: wire::OpportunityAnswer =
            self.http.json(&self.requests.upsert_opportunity(new)).await?;
        Ok(answer.opportunity.into())
    }

    /// Moves an opportunity.
    pub async fn update_opportunity(
        &self,
        id: &OpportunityId,
        placement: &Placement,
    ) -> Result<()> {
        self.write(&self.requests.update_opportunity(id, placement)).await
    }

    /// Sets an opportunity's value, exact to the last digit, and leaves everything else about it
    /// alone. The CRM keeps a bare number: the currency is the location's.
    pub async fn set_opportunity_value(
        &self,
        id: &OpportunityId,
        value: &Phi<Money>,
    ) -> Result<()> {
        self.write(&self.requests.set_opportunity_value(id, value)).await
    }

    /// The contact's opportunities in one pipeline. The index trails writes by some seconds.
    pub async fn find_opportunities(
        &self,
        contact: &ContactId,
        pipeline_id: &str,
    ) -> Result<Vec<Opportunity>> {
        let answer: wire::OpportunitiesAnswer =
            self.http.json(&self.requests.find_opportunities(contact, pipeline_id)).await?;
        Ok(answer.opportunities.into_iter().map(Into::into).collect())
    }

    /// Sends what is written without a need to know more than that it was: which a page in HTML
    /// does not say, nor a refusal with status 200.
    async fn write(&self, request: &Request) -> Result<()> {
        self.http.read(request, is_done).await
    }

    /// The location's pipelines with their stages.
    pub async fn pipelines(&self) -> Result<Vec<Pipeline>> {
        let answer: wire::PipelinesAnswer = self.http.json(&self.requests.list_pipelines()).await?;
        Ok(answer.pipelines.into_iter().map(Into::into).collect())
    }

    /// The custom fields of the contact.
    pub async fn custom_fields(&self) -> Result<Vec<CustomField>> {
        let answer: wire::FieldsAnswer = self.http.json(&self.requests.list_fields()).await?;
        let fields = answer.custom_fields.into_iter().filter(wire::CustomField::of_contact);
        Ok(fields.map(Into::into).collect())
    }

    /// Creates a custom field of the contact.
    pub async fn create_custom_field(&self, name: &str, kind: FieldKind) -> Result<CustomField> {
        let answer: wire::FieldAnswer =
            self.http.json(&self.requests.create_field(name, kind)).await?;
        Ok(answer.custom_field.into())
    }
}

fn is_done(response: Response) -> Result<()> {
    if response.body.is_empty() {
        return Ok(());
    }
    let answer: wire::Written = response.json().map_err(|error| error.retry(Retry::Backoff))?;
    match answer.status_code {
        Some(code @ 400..) => {
            let error = Error::new(ErrorKind::Decode, "the answer carries an error");
            Err(error.with("code", code).retry(Retry::Backoff))
        }
        _ => Ok(()),
    }
}

/// The app's token and the client it is renewed through.
fn app_auth(
    config: &AesthetixConfig,
    app: &OAuth,
    clock: &Arc<dyn Clock>,
) -> Result<(TokenCache<AppGrant>, Client)> {
    let tokens = Client::builder(CONNECTOR, config.base_url.clone(), Arc::clone(clock))
        .header("Version", config.version.as_str())
        // The same exchange returns the same pair for 30 seconds; after that it is spent.
        .timeout(Duration::from_secs(10))
        .retry(RetryPolicy {
            attempts: 3,
            total: Duration::from_secs(25),
            ..RetryPolicy::default()
        })
        .errors(errors::token_refusal)
        .build()?;
    let grant = AppGrant::new(tokens.clone(), config.version, app.clone(), Arc::clone(clock));
    Ok((TokenCache::new(grant, Arc::clone(clock)), tokens))
}
