use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    Clock, Cursor, Error, ErrorKind, Event, Feed, Page, Problem, Problems, RecordKey, RecordKind,
    Rejected, Result, Source, SourceInfo,
};
use cannula_http::{Client, Request, StaticToken};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;

use crate::{
    CONNECTOR,
    config::{Credentials, DermproConfig},
    cursor::{Next, Progress, Seen},
    errors,
    map::Attached,
    oauth::Signer,
    page::{self, Orders, Row},
    requests, time,
    wire::{Answer, CreditMemo, Key, OfOrder, StoreConfig, Transaction},
};

/// A newest order further ahead of the clock than this says that the clocks differ by a zone.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// One store, read only.
#[derive(Debug)]
pub struct Dermpro {
    config: DermproConfig,
    info: SourceInfo,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Dermpro {
    /// Puts the source together. No I/O.
    pub fn new(config: DermproConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Client::builder(CONNECTOR, config.base_url.clone(), Arc::clone(&clock))
            .errors(errors::api);
        let client = match &config.credentials {
            Credentials::Bearer(token) => client.auth(StaticToken::bearer(token)),
            Credentials::OAuth {
                consumer_key,
                consumer_secret,
                access_token,
                access_token_secret,
            } => client.sign(Signer {
                consumer_key: consumer_key.clone(),
                consumer_secret: consumer_secret.clone(),
                token: access_token.clone(),
                token_secret: access_token_secret.clone(),
                clock: Arc::clone(&clock),
            }),
        };
        let feed = Feed { practice: config.practice.clone(), kind: RecordKind::Order };
        let info = SourceInfo { name: CONNECTOR, feeds: vec![feed] };
        Ok(Self { info, client: client.build()?, clock, config })
    }

    /// HTTP requests sent so far, by operation; every attempt counts.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.client.calls()
    }

    /// Reads a page of orders, with the store's time.
    async fn orders(
        &self,
        request: &Request,
        after: u64,
        is_wanted: impl Fn(&Key) -> bool,
    ) -> Result<(Orders, DateTime<Utc>)> {
        let now = self.clock.now();
        self.client
            .read(request, |response| {
                let orders = page::orders(&response.body, after, &is_wanted)?;
                Ok((orders, response.date().unwrap_or(now)))
            })
            .await
    }

    /// Reads what belongs to the orders, and makes events of them.
    async fn events(&self, rows: &[Row]) -> Result<(Vec<Event>, Vec<Rejected>)> {
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        let ids: Vec<_> = rows.iter().filter_map(|row| Some(row.id?.to_string())).collect();
        let ids = ids.join(",");
        let size = self.config.page_size;
        let (mut memos, mut captures) = (BTreeMap::new(), BTreeMap::new());
        if !ids.is_empty() {
            memos = self
                .all(|it| requests::credit_memos(&ids, it, size), |row| row.entity_id.as_ref())
                .await?;
            captures = self
                .all(|it| requests::captures(&ids, it, size), |row| row.transaction_id.as_ref())
                .await?;
        }
        let read_at = self.clock.now();
        for row in rows {
            let attached = match row.id {
                Some(id) => attached(memos.remove(&id), captures.remove(&id)),
                None => Err(page::without_id()),
            };
            match row.event(attached, &self.config, read_at) {
                Ok(event) => events.push(event),
                Err(row) => rejected.push(*row),
            }
        }
        Ok((events, rejected))
    }

    /// Reads all pages of a list of what belongs to orders.
    async fn all<T: DeserializeOwned>(
        &self,
        request: impl Fn(u64) -> Request,
        id: fn(&OfOrder) -> Option<&String>,
    ) -> Result<BTreeMap<u64, Vec<Result<T, Problem>>>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut after = 0;
        loop {
            let page = self
                .client
                .read(&request(after), |response| page::belongings(&response.body, after, id))
                .await?;
            for (order, rows) in page.by_order {
                all.entry(order).or_default().extend(rows);
            }
            if page.is_end {
                return Ok(all);
            }
            after = page.last_id;
        }
    }

    /// Compares the store's settings with ours.
    async fn check_settings(&self) -> Result<()> {
        let stores: Vec<StoreConfig> = self.client.json(&requests::store_configs()).await?;
        let wanted = self.config.store_id;
        let is_ours = |store: &&StoreConfig| {
            store.id.as_deref().and_then(|id| id.parse().ok()) == Some(wanted)
        };
        let mut problems = Problems::new();
        if let Some(store) = stores.iter().find(is_ours) {
            let zone = store.timezone.as_deref().unwrap_or("not told");
            if zone != self.config.zone.name() {
                let ours = self.config.zone.name();
                problems.add("zone", format!("is {ours}, but the store's time zone is {zone}; they must be the same, or payments are dated by another calendar than the store's reports"));
            }
            let told =
                store.default_display_currency_code.as_ref().or(store.base_currency_code.as_ref());
            let currency = told.map_or("not told", String::as_str);
            if currency != self.config.currency.code() {
                let ours = self.config.currency.code();
                problems.add("currency", format!("is {ours}, but the store sells in {currency}"));
            }
        } else {
            let views: Vec<_> = stores
                .iter()
                .map(|store| {
                    let text = |text: &Option<String>| text.clone().unwrap_or_default();
                    format!("{} ({})", text(&store.id), text(&store.code))
                })
                .collect();
            let views = views.join(", ");
            problems.add("store_id", format!("is {wanted}, but the store's views are {views}"));
        }
        problems.into_result("the configuration, held against the store,", ())
    }

    /// A database whose session is not in UTC shifts every time it gives (magento2#28181).
    async fn check_clock(&self) -> Result<()> {
        let request = requests::newest_order();
        let now = self.clock.now();
        let (answer, now): (Answer, _) = self
            .client
            .read(&request, |response| Ok((response.json()?, response.date().unwrap_or(now))))
            .await?;
        let newest = answer.items.unwrap_or_default().first().and_then(|row| {
            let key: Key = serde_json::from_str(row.get()).ok()?;
            time::utc(key.created_at.as_deref()?).ok()
        });
        match newest.map(|at| at - now) {
            Some(ahead) if ahead > AHEAD => Err(Error::new(
                ErrorKind::Config,
                format!("the store's newest order is dated {} minutes from now: its database gives times in another zone than UTC, so no date can be trusted; have DermPRO set the session's time zone to UTC", ahead.num_minutes()),
            )
            .operation(request.operation())),
            _ => Ok(()),
        }
    }

    fn overlap(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.overlap).unwrap_or_default()
    }
}

/// What belongs to one order, if all of it can be read.
fn attached(
    memos: Option<Vec<Result<CreditMemo, Problem>>>,
    captures: Option<Vec<Result<Transaction, Problem>>>,
) -> Result<Attached, Problem> {
    Ok(Attached {
        credit_memos: whole("creditmemos", memos)?,
        captures: whole("transactions", captures)?,
    })
}

/// The rows of a list, or the first problem of one.
fn whole<T>(list: &str, rows: Option<Vec<Result<T, Problem>>>) -> Result<Vec<T>, Problem> {
    let rows = rows.unwrap_or_default().into_iter().enumerate();
    rows.map(|(index, row)| {
        row.map_err(|it| Problem::new(format!("{list}[{index}].{}", it.place), it.message))
    })
    .collect()
}

#[async_trait]
impl Source for Dermpro {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    /// Besides access to every list: the store's time zone and currency are the configured ones,
    /// and its clock is right.
    async fn check(&self) -> Result<()> {
        self.check_settings().await.map_err(|error| error.connector(CONNECTOR))?;
        self.check_clock().await.map_err(|error| error.connector(CONNECTOR))?;
        // No order has this id; what counts is that we may ask.
        self.client.send(&requests::credit_memos("0", 0, 1)).await?;
        self.client.send(&requests::captures("0", 0, 1)).await.map(drop)
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such feed")
                .connector(CONNECTOR)
                .with("feed", feed));
        }
        let mut progress: Progress = cursor
            .map_or_else(|| Ok(Progress::default()), Cursor::read)
            .map_err(|error| error.connector(CONNECTOR))?;
        let placed = self.config.start_from;
        let Next { after, changed } = progress.next(self.overlap());
        let request = requests::orders(after, placed, changed, self.config.page_size);
        let since = changed.map(|changed| changed.since);
        let is_wanted = |key: &Key| page::is_within(key, placed, since);
        let (orders, at) = self.orders(&request, after, is_wanted).await?;
        let (events, rejected) = self.events(&orders.rows).await?;
        let seen = Seen { at, last_id: orders.last_id, is_end: orders.is_end };
        let last = progress.advance(seen);
        Ok(Page { events, rejected, next: Cursor::write(&progress)?, last })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        if key.kind != RecordKind::Order {
            return Err(
                Error::new(ErrorKind::Unsupported, "there is no such record").connector(CONNECTOR)
            );
        }
        let main = self.config.store_id.to_string();
        let (view, number) = key.id.as_str().split_once(':').unwrap_or((&main, key.id.as_str()));
        let request = requests::order(number, view);
        let (orders, _) = self.orders(&request, 0, |_| true).await?;
        let (events, rejected) = self.events(&orders.rows).await?;
        match (events.into_iter().next(), rejected.into_iter().next()) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(row)) => Err(Error::new(ErrorKind::Decode, row.problem)
                .connector(CONNECTOR)
                .operation(request.operation())
                .with("path", row.path)),
            (None, None) => Ok(None),
        }
    }
}
