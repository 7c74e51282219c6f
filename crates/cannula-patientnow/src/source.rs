use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    Clock, Cursor, Error, ErrorKind, Event, Feed, Page, Record, RecordKey, RecordKind,
    RegistryInfo, Result, Source, SourceInfo,
};
use cannula_http::Request;
use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::{
    api::Api,
    config::PatientNowConfig,
    cursor::{Plan, Progress, Sweep},
    membership::{self, OF},
    page::{Kind, Parsed, Reader},
    registry,
    requests::{PageOf, Requests, Span},
};

/// What follows a customer's id in a pointer to one who was just created.
pub(crate) const NEW: &str = "/new";
/// Pages of one customer's appointments.
const MAX_PAGES: u32 = 10;
/// How far ahead one customer's appointments are asked for.
const FAR_AHEAD: Days = Days::new(730);

/// One practice on PatientNow.
pub struct PatientNow {
    pub(crate) config: PatientNowConfig,
    info: SourceInfo,
    pub(crate) registry: RegistryInfo,
    sweeping: Api,
    /// For what somebody waits for: it may use the calls that sweeps leave alone.
    pub(crate) urgent: Api,
    pub(crate) clock: Arc<dyn Clock>,
    /// Paths below which a record was found by its id. All are assumed: what another one does not
    /// show proves nothing.
    proven: Mutex<BTreeSet<&'static str>>,
}

impl PatientNow {
    /// Puts the source together. No I/O: there is no sign-in.
    ///
    /// # Errors
    /// `Config` if the base URL cannot be used.
    pub fn new(config: PatientNowConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let sweeping = Api::new(&config, Arc::clone(&clock))?;
        let feed = |kind| Feed { practice: config.practice.clone(), kind };
        let mut feeds = vec![feed(RecordKind::Appointment), feed(RecordKind::Payment)];
        if config.dialect.changed_since().is_some() {
            feeds.insert(0, feed(RecordKind::Patient));
        }
        let info = SourceInfo { name: config.product.connector(), feeds };
        let registry = registry::info(&config);
        let (urgent, proven) = (sweeping.urgent(), Mutex::default());
        Ok(Self { info, registry, urgent, sweeping, clock, proven, config })
    }

    /// HTTP requests sent so far, by operation; every attempt counts.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.sweeping.calls()
    }

    /// Calls left of today's, as far as is known; `None` without a daily limit.
    pub fn left_today(&self) -> Option<u64> {
        self.sweeping.left_today()
    }

    pub(crate) fn requests(&self) -> Requests<'_> {
        Requests(&self.config)
    }

    fn reader(&self, since: Option<NaiveDate>) -> Reader<'_> {
        Reader { config: &self.config, read_at: self.clock.now(), since, is_new: false }
    }

    fn plan(&self, kind: RecordKind) -> Plan {
        let sweeps = &self.config.sweeps;
        let (deep_days, days_ahead) = match kind {
            RecordKind::Appointment => (sweeps.past_days, sweeps.days_ahead),
            // To tomorrow, should the last day not be included.
            _ => (sweeps.order_days, 1),
        };
        Plan {
            every: sweeps.every,
            past_days: sweeps.past_days,
            deep_days,
            days_ahead,
            start_from: self.config.start_from,
            zone: self.config.zone,
            by_change: self.config.dialect.changed_since().is_some(),
        }
    }

    /// Reads a list.
    pub(crate) async fn list(
        &self,
        api: &Api,
        kind: Kind,
        request: &Request,
        since: Option<NaiveDate>,
    ) -> Result<Parsed> {
        let reader = self.reader(since);
        api.read(request, |answer| reader.list(kind, &answer.headers, &answer.body)).await
    }

    /// The next page of a sweep.
    async fn read_page(&self, kind: RecordKind, sweep: &Sweep, page: PageOf) -> Result<Parsed> {
        let span = sweep.span(self.config.dialect.changed_since());
        let since = match span {
            Span::Days(first, _) => Some(first),
            Span::Changed(..) => None,
        };
        let requests = self.requests();
        let (kind, request) = match kind {
            RecordKind::Patient => (Kind::Customer, requests.customers(span, page)),
            RecordKind::Appointment => (Kind::Appointment, requests.appointments(span, page)),
            _ => (Kind::Order, requests.orders(span, page)),
        };
        let mut parsed = self.list(&self.sweeping, kind, &request, since).await?;
        let mut buyers = std::mem::take(&mut parsed.buyers);
        buyers.sort();
        buyers.dedup();
        for buyer in buyers {
            let theirs = self.memberships_of(&self.sweeping, &buyer).await?;
            parsed.events.extend(theirs.events);
            parsed.rejected.extend(theirs.rejected);
        }
        Ok(parsed)
    }

    /// All memberships of a customer; nobody has more than a page of them.
    async fn memberships_of(&self, api: &Api, customer: &str) -> Result<Parsed> {
        let page = PageOf::first(self.config.rows);
        let request = self.requests().memberships_of(customer, page);
        match self.list(api, Kind::Membership, &request, None).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Parsed::default()),
            answer => answer,
        }
    }

    /// A customer. A pointer to one who was just created says so in its id.
    async fn get_patient(&self, id: &str) -> Result<Option<Event>> {
        let (id, is_new) = id.strip_suffix(NEW).map_or((id, false), |id| (id, true));
        let request = self.requests().customer(id);
        let reader = Reader { is_new, ..self.reader(None) };
        match self.urgent.read(&request, |answer| reader.one(Kind::Customer, &answer.body)).await {
            Ok(parsed) => self.pick(parsed, &request, |event| is(event, id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An appointment. Where they are read by customer, its pointer names the customer too, and the
    /// list is said to hold upcoming ones: that one is not in it does not say that it is gone.
    async fn get_appointment(&self, id: &str) -> Result<Option<Event>> {
        let Some((id, customer)) = id.split_once(OF) else {
            let path = ("appointment", self.config.dialect.paths.appointment);
            let request = self.requests().appointment(id);
            return self.one(path, Kind::Appointment, &request, |it| is(it, id)).await;
        };
        let day = |moment: DateTime<Utc>| moment.with_timezone(&self.config.zone).date_naive();
        let today = day(self.clock.now());
        let days = (day(self.config.start_from).min(today), today + FAR_AHEAD);
        let mut page = PageOf::first(self.config.rows);
        let mut seen = 0;
        while page.page <= MAX_PAGES {
            let request = self.requests().appointments_of(customer, days, page);
            let parsed = self.list(&self.urgent, Kind::Appointment, &request, None).await?;
            let (count, is_last) = (parsed.count, parsed.extent.is_last(page, seen, parsed.count));
            if let Some(found) = self.pick(parsed, &request, |event| is(event, id))? {
                return Ok(Some(found));
            }
            if is_last {
                break;
            }
            seen += count;
            page = page.number(page.page + 1);
        }
        let message = "it is not in the list of its customer, which may hold upcoming ones only; \
                       the sweep reads it while it is in its days";
        Err(Error::new(ErrorKind::NotFound, message).connector(self.info.name))
    }

    /// A membership: by its own id, or as a line of an order.
    async fn get_membership(&self, id: &str) -> Result<Option<Event>> {
        let Some((order, line)) = id.split_once(OF) else {
            let path = ("membership", self.config.dialect.paths.membership);
            let request = self.requests().membership(id);
            return self.one(path, Kind::Membership, &request, |it| is(it, id)).await;
        };
        let mut number = line.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
        let wanted = |event: &Event| {
            // A line of an order that counts no more is told as gone.
            let key = match &event.record {
                Record::Pointer(pointer) => &pointer.key,
                _ => &event.key,
            };
            let is_one = key.kind == RecordKind::Membership;
            match &mut number {
                Some(number) => {
                    *number -= usize::from(is_one && *number > 0);
                    is_one && *number == 0
                }
                None => is_one && key.id.as_str().eq_ignore_ascii_case(id),
            }
        };
        self.one_of_order(order, wanted).await
    }

    /// An order, and what of it is wanted.
    async fn one_of_order(
        &self,
        id: &str,
        wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Option<Event>> {
        let path = ("order", self.config.dialect.paths.order);
        self.one(path, Kind::Order, &self.requests().order(id), wanted).await
    }

    /// Reads what an id leads to below a path, and takes the event that is wanted of it; `None` if
    /// PatientNow does not have it.
    ///
    /// # Errors
    /// `Unsupported` if nothing was ever found below the path: it may be wrong, and taking every
    /// record for gone would take back what is known of all.
    async fn one(
        &self,
        (name, path): (&'static str, &'static str),
        kind: Kind,
        request: &Request,
        wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Option<Event>> {
        let proven = || self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.reader(None);
        match self.urgent.read(request, |answer| reader.one(kind, &answer.body)).await {
            Ok(parsed) => {
                proven().insert(path);
                self.pick(parsed, request, wanted)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if proven().contains(path) {
                    return Ok(None);
                }
                let message = format!(
                    "PatientNow has shown no record by its id yet, so either `dialect.paths.{name}` \
                     is wrong or this one is not there; sweeps go on"
                );
                Err(self.urgent.error(request, ErrorKind::Unsupported, &message).status(404))
            }
            Err(error) => Err(error),
        }
    }

    /// The event that is wanted. A row that cannot be read may be the very one.
    fn pick(
        &self,
        parsed: Parsed,
        request: &Request,
        wanted: impl FnMut(&Event) -> bool,
    ) -> Result<Option<Event>> {
        let unreadable = parsed.complaint();
        match (parsed.events.into_iter().find(wanted), unreadable) {
            (None, Some(error)) => {
                Err(error.connector(self.info.name).operation(request.operation()))
            }
            (found, _) => Ok(found),
        }
    }
}

impl fmt::Debug for PatientNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatientNow")
            .field("info", &self.info)
            .field("api", &self.sweeping)
            .finish_non_exhaustive()
    }
}

/// Whether an event is about this id. PatientNow may answer about another.
fn is(event: &Event, id: &str) -> bool {
    event.key.id.as_str().eq_ignore_ascii_case(id)
}

#[async_trait]
impl Source for PatientNow {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        // What its body holds is not known: any 2xx is good.
        self.urgent.send(&self.requests().status()).await.map(drop)
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) {
            let error = Error::new(ErrorKind::Unsupported, "there is no such feed");
            return Err(error.connector(self.info.name).with("feed", feed));
        }
        let mut progress = Progress::load(cursor)?;
        let Some(sweep) = progress.sweep(self.plan(feed.kind), self.clock.now()) else {
            let next = progress.store()?;
            return Ok(Page { events: Vec::new(), rejected: Vec::new(), next, last: true });
        };
        let page = sweep.page(self.config.rows);
        let mut parsed = self.read_page(feed.kind, &sweep, page).await?;
        for sold in &parsed.sold {
            parsed.events.extend(progress.sells(sold).iter().map(|dropped| {
                let practice = &self.config.practice;
                let (id, record) = membership::gone(practice, dropped);
                Event::new(practice.clone(), id, record, sold.stamp, self.clock.now())
            }));
        }
        let last = progress.advance(sweep, page, &parsed);
        let last = last.map_err(|error| error.connector(self.info.name).with("feed", feed))?;
        Ok(Page { events: parsed.events, rejected: parsed.rejected, next: progress.store()?, last })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let id = key.id.as_str();
        match key.kind {
            RecordKind::Patient => self.get_patient(id).await,
            RecordKind::Appointment => self.get_appointment(id).await,
            RecordKind::Membership => self.get_membership(id).await,
            RecordKind::Payment => {
                let is_it = |event: &Event| event.key.kind == RecordKind::Payment && is(event, id);
                self.one_of_order(id, is_it).await
            }
            _ => Err(Error::new(ErrorKind::Unsupported, "there is no such record")
                .connector(self.info.name)),
        }
    }
}
