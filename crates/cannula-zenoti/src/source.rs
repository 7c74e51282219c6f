use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{
    Clock, Cursor, Error, ErrorKind, Event, Feed, Named, Page, Patient, Pointer, Record, RecordKey,
    RecordKind, RegistryInfo, Result, Source, SourceInfo,
};
use cannula_http::{Budget, Client, Lane, Quota, QuotaHeaders, Request, Response};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::{
    CONNECTOR,
    auth::{ApiKey, Grant, LowerBearer},
    config::{Center, Credentials, ZenotiConfig},
    errors,
    events::Events,
    locator::Locator,
    map::{self, Problem},
    memory::Memory,
    phone::Dialling,
    registry, requests, wire,
};

/// One practice on Zenoti: one or more centers of an organisation.
///
/// Webhooks say which record changed ([`ZenotiWebhooks`](crate::ZenotiWebhooks)), and this reads
/// it; sweeps find what webhooks lost.
#[derive(Debug)]
pub struct Zenoti {
    pub(crate) config: ZenotiConfig,
    info: SourceInfo,
    pub(crate) registry: RegistryInfo,
    client: Client,
    sign_in: Option<Client>,
    /// What sweeps may use of a minute, so that webhooks need not wait for them.
    pace: Option<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) memory: Memory,
    names: Mutex<Option<CenterNames>>,
    dialling: Mutex<Dialling>,
}

/// The names of the organisation's centers by their ids, and when they were read.
type CenterNames = (DateTime<Utc>, BTreeMap<String, String>);

/// How long the names of centers are good.
const NAMES: TimeDelta = TimeDelta::hours(1);

impl Zenoti {
    /// Puts the source together. No I/O: the first call gets the first token.
    ///
    /// # Errors
    /// `Config` if there is no center, or the base URL cannot be used.
    pub fn new(config: ZenotiConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        if config.centers.is_empty() {
            return Err(
                Error::new(ErrorKind::Config, "there must be a center").connector(CONNECTOR)
            );
        }
        let budget = config.requests_per_minute.map(|calls| {
            let budget = Budget::shared(a_minute(calls), Arc::clone(&clock));
            Arc::new(budget.headers(QuotaHeaders {
                remaining: "ratelimit-remaining",
                ..QuotaHeaders::default()
            }))
        });
        let builder = || {
            let builder = Client::builder(CONNECTOR, config.base_url.clone(), Arc::clone(&clock));
            match &budget {
                Some(budget) => builder.budget(Arc::clone(budget)),
                None => builder,
            }
        };
        let (client, sign_in) = match &config.credentials {
            Credentials::ApiKey(key) => (builder().auth(ApiKey::new(key)), None),
            credentials @ Credentials::Password { .. } => {
                let sign_in = builder().errors(errors::sign_in).build()?;
                let grant = Grant {
                    client: sign_in.clone(),
                    credentials: credentials.clone(),
                    clock: Arc::clone(&clock),
                };
                (builder().auth(LowerBearer::new(grant, Arc::clone(&clock))), Some(sign_in))
            }
        };
        let kinds = [
            RecordKind::Patient,
            RecordKind::Appointment,
            RecordKind::Payment,
            RecordKind::Membership,
        ];
        let feeds = kinds.map(|kind| Feed { practice: config.practice.clone(), kind }).to_vec();
        let half = config.requests_per_minute.map(|calls| (calls / 2).max(1));
        Ok(Self {
            info: SourceInfo { name: CONNECTOR, feeds },
            registry: registry::info(&config),
            client: client.errors(errors::api).build()?,
            sign_in,
            pace: half.map(|calls| Budget::shared(a_minute(calls), Arc::clone(&clock))),
            events: Events::new(config.practice.clone()),
            memory: Memory::new(),
            names: Mutex::new(None),
            dialling: Mutex::new(Dialling::home(config.country_id, &config.phone_code)),
            clock,
            config,
        })
    }

    /// HTTP requests sent so far, by operation; every attempt counts, token requests too.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        let mut calls = self.client.calls();
        for (operation, count) in self.sign_in.iter().flat_map(Client::calls) {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }

    /// Sends a request and reads the answer, which may carry an error though it says 200.
    pub(crate) async fn read<T>(
        &self,
        request: &Request,
        parse: impl Fn(&Response) -> Result<T>,
    ) -> Result<T> {
        let read = |response: Response| {
            errors::check(&response.body)?;
            parse(&response)
        };
        self.client.read(request, read).await
    }

    /// The same; `None` if Zenoti does not have what was asked for.
    pub(crate) async fn find<T>(
        &self,
        request: &Request,
        parse: impl Fn(&Response) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.read(request, parse).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until a sweep may make one more call.
    pub(crate) async fn pace(&self) -> Result<()> {
        match &self.pace {
            Some(pace) => pace.acquire("sweep", Lane::Normal).await,
            None => Ok(()),
        }
    }

    /// Today at a center.
    pub(crate) fn today(&self, center: &Center) -> NaiveDate {
        self.clock.now().with_timezone(&center.zone).date_naive()
    }

    /// A center as records name it. One that Zenoti does not name is none.
    pub(crate) async fn location(&self, center: &str) -> Result<Option<Named>> {
        let configured = self.config.center(center).and_then(|center| center.name.clone());
        let name = match configured {
            Some(name) => Some(name),
            None => self.center_names().await?.get(center).cloned(),
        };
        Ok(name.map(|name| Named { id: Some(center.to_owned()), name }))
    }

    async fn center_names(&self) -> Result<BTreeMap<String, String>> {
        let now = self.clock.now();
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, names)) = known.filter(|(at, _)| now - *at < NAMES) {
            return Ok(names);
        }
        let answer: wire::Centers = self.read(&requests::centers(), Response::json).await?;
        let names: BTreeMap<_, _> = answer
            .centers
            .into_iter()
            .flatten()
            .filter_map(|row| {
                let name = wire::filled(row.display_name.as_ref());
                let name = name.or_else(|| wire::filled(row.name.as_ref()))?.to_owned();
                Some((row.id?, name))
            })
            .collect();
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, names.clone()));
        Ok(names)
    }

    /// Countries; Zenoti is asked for them once, when one that is not ours comes up.
    pub(crate) async fn dialling(&self, all: bool) -> Result<Dialling> {
        let known = self.dialling.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !all || known.complete {
            return Ok(known);
        }
        let list: wire::Countries = self.read(&requests::countries(), Response::json).await?;
        let all = known.with(list);
        *self.dialling.lock().unwrap_or_else(PoisonError::into_inner) = all.clone();
        Ok(all)
    }

    /// A guest as a patient, with the dialling code of a foreign number.
    pub(crate) async fn patient(&self, guest: &wire::Guest) -> Result<Result<Patient, Problem>> {
        let mut dialling = self.dialling(false).await?;
        if !dialling.complete && guest.needs_countries(&dialling) {
            dialling = self.dialling(true).await?;
        }
        Ok(map::guest(guest, &dialling))
    }

    pub(crate) fn unreadable(&self, operation: &'static str, problem: Problem) -> Error {
        Error::new(ErrorKind::Decode, problem.what)
            .connector(CONNECTOR)
            .operation(operation)
            .with("path", problem.path)
    }

    /// A record is not shown, which does not prove that it is gone.
    pub(crate) fn unseen(&self, operation: &'static str, message: &str) -> Error {
        Error::new(ErrorKind::NotFound, message).connector(CONNECTOR).operation(operation)
    }

    async fn get_patient(&self, locator: &Locator) -> Result<Option<Event>> {
        let asked_at = self.clock.now();
        if !locator.is_told()
            && let Some((read_at, patient)) = self.memory.guest(&locator.id, asked_at)
        {
            let id = patient.id.as_str().to_owned();
            return Ok(Some(self.events.event(&id, Record::Patient(patient), read_at, false)));
        }
        let request = requests::guest(&locator.id);
        let Some(guest) = self.find(&request, Response::json::<wire::Guest>).await? else {
            let left = self.survivor(&locator.merged).await?;
            return Ok(left.map(|left| self.merge_event(&locator.id, &left, asked_at)));
        };
        let patient = self.patient(&guest).await?;
        let patient = patient.map_err(|problem| self.unreadable(request.operation(), problem))?;
        self.memory.keep_guest(&patient, asked_at);
        let id = patient.id.as_str().to_owned();
        if id != locator.id {
            return Ok(Some(self.merge_event(&locator.id, &id, asked_at)));
        }
        if let Some(created) = locator.created {
            // The state of that moment, as far as it can still be known: it never hides a newer.
            let record = Record::Patient(Patient { is_new: true, ..patient });
            return Ok(Some(self.events.stamped(&id, record, created)));
        }
        let event = self.events.event(&id, Record::Patient(patient), asked_at, locator.is_told());
        Ok(Some(event))
    }

    async fn get_payment(&self, locator: &Locator) -> Result<Option<Event>> {
        let asked_at = self.clock.now();
        let request = requests::invoice(&locator.id);
        let Some(invoice) = self.find(&request, wire::invoice).await? else { return Ok(None) };
        let event = self.payment(&locator.id, &invoice, asked_at, locator.is_told()).await?;
        event.map(Some).map_err(|problem| self.unreadable(request.operation(), problem))
    }

    /// An invoice as an event.
    pub(crate) async fn payment(
        &self,
        id: &str,
        invoice: &wire::Invoice,
        asked_at: DateTime<Utc>,
        told: bool,
    ) -> Result<Result<Event, Problem>> {
        let center = invoice.center();
        let location = match center {
            Some(center) => self.location(center).await?,
            None => None,
        };
        let today = self.today(center.and_then(|it| self.config.center(it)).unwrap_or(self.home()));
        let payment = map::payment(invoice, location, self.config.currency);
        Ok(payment.map(|it| {
            self.memory.lock().keep_invoice(id, it.date.unwrap_or(today));
            self.events.event(id, Record::Payment(it), asked_at, told)
        }))
    }

    /// The first center.
    pub(crate) fn home(&self) -> &Center {
        // The list is never empty: `new` has seen to it.
        &self.config.centers[0]
    }

    async fn get_membership(&self, locator: &Locator) -> Result<Option<Event>> {
        let known = || self.memory.lock().members.get(&locator.id).cloned();
        let Some(guest) = locator.guest.clone().or_else(known) else {
            let message = "nobody has said yet whose membership this is; the sweep reads it";
            return Err(self.unseen("list memberships", message));
        };
        let center = locator.center.as_deref().unwrap_or(&self.home().id).to_owned();
        let (events, mut rejected) =
            self.memberships(&guest, &center, Some((&locator.id, locator.is_told()))).await?;
        let wanted = |event: &Event| event.key.id.as_str() == locator.id;
        if let Some(event) = events.into_iter().find(wanted) {
            return Ok(Some(event));
        }
        rejected.retain(|(id, _, _)| id.as_deref() == Some(&locator.id));
        match rejected.pop() {
            Some((_, problem, _)) => Err(self.unreadable("list memberships", problem)),
            None => Ok(None),
        }
    }

    /// A record that is gone, as the message that says so.
    pub(crate) fn gone(&self, kind: RecordKind, id: &str, at: DateTime<Utc>) -> Event {
        let key = self.events.key(kind, id);
        let message = format!("gone;{kind};{id}");
        self.events.stamped(&message, Record::Pointer(Pointer { key, gone: true }), at)
    }
}

/// Whether this is what Zenoti says of a record that it does not have: as a status, or in an
/// answer that says 200 by the codes of the record's own calls.
pub(crate) fn is_missing(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
        || (error.kind() == ErrorKind::Invalid
            && matches!(error.vendor_code(), Some("410" | "414" | "419")))
}

fn a_minute(calls: u32) -> Quota {
    Quota { burst: calls, per: Duration::from_secs(60), daily: None, reserve: 0 }
}

#[async_trait]
impl Source for Zenoti {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        self.read(&requests::centers(), |_| Ok(())).await
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such feed")
                .connector(CONNECTOR)
                .with("feed", feed));
        }
        self.sweep(feed.kind, cursor).await
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let locator = Locator::read(&key.id);
        if locator.id.is_empty() {
            return Ok(None);
        }
        match key.kind {
            RecordKind::Patient => self.get_patient(&locator).await,
            RecordKind::Appointment => self.get_group(&locator).await,
            RecordKind::Payment => self.get_payment(&locator).await,
            RecordKind::Membership => self.get_membership(&locator).await,
            _ => {
                Err(Error::new(ErrorKind::Unsupported, "there is no such record")
                    .connector(CONNECTOR))
            }
        }
    }
}
