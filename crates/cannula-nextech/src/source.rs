use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    Clock, Cursor, EmrSource, Error, ErrorKind, Event, Feed, LedgerInfo, Page, RecordKey,
    RecordKind, RegistryInfo, Result, SourceInfo,
};
use cannula_http::{Budget, Client, Quota, Request, TokenCache};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use crate::{
    auth::Grant,
    config::NextechConfig,
    cursor::{Progress, Seen, Sweep},
    errors, ledger,
    page::{PageParser, ParsedPage},
    registry, requests,
};

/// One practice on Nextech Select or Practice+.
#[derive(Debug)]
pub struct Nextech {
    pub(crate) config: NextechConfig,
    info: SourceInfo,
    pub(crate) registry: RegistryInfo,
    pub(crate) ledger: LedgerInfo,
    pub(crate) parser: PageParser,
    pub(crate) client: Client,
    sign_in: Client,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Nextech {
    /// Puts the source together. No I/O: the first call gets the first token.
    pub fn new(config: NextechConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let connector = config.product.profile().connector;
        let sign_in = Client::builder(connector, config.token_url.clone(), Arc::clone(&clock))
            .errors(errors::sign_in)
            .build()?;
        let grant = Grant {
            client: sign_in.clone(),
            credentials: config.credentials.clone(),
            clock: Arc::clone(&clock),
        };
        let mut client = Client::builder(connector, config.base_url.clone(), Arc::clone(&clock))
            .auth(TokenCache::new(grant, Arc::clone(&clock)))
            .header("nx-practice-id", config.practice.as_str())
            .errors(errors::api);
        if let Some(quota) = quota(&config) {
            client = client.budget(Arc::new(Budget::per_endpoint(quota, Arc::clone(&clock))));
        }
        let feed = |kind| Feed { practice: config.practice.clone(), kind };
        let mut feeds = vec![feed(RecordKind::Patient), feed(RecordKind::Appointment)];
        if config.payments {
            feeds.push(feed(RecordKind::Payment));
        }
        let info = SourceInfo { name: connector, feeds };
        let parser = PageParser::new(config.product, config.practice.clone(), config.zone)
            .currency(config.currency);
        let (registry, ledger) = (registry::info(&config), ledger::info(&config));
        Ok(Self { info, registry, ledger, parser, client: client.build()?, sign_in, clock, config })
    }

    /// HTTP requests sent so far, by operation; every attempt counts, token requests too.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        let mut calls = self.client.calls();
        for (operation, count) in self.sign_in.calls() {
            *calls.entry(operation).or_default() += count;
        }
        calls
    }

    /// Sends a request and reads the answer as a page, with the server's time.
    pub(crate) async fn page(
        &self,
        kind: RecordKind,
        request: &Request,
    ) -> Result<(ParsedPage, DateTime<Utc>)> {
        let now = self.clock.now();
        self.client
            .read(request, |response| {
                let page = self.parser.parse(kind, &response.body, now)?;
                Ok((page, response.date().unwrap_or(now)))
            })
            .await
    }

    /// A link of Nextech's, fit to be followed. Its documentation prints `http://` links: those to
    /// our own host are upgraded to the base URL's scheme and port, others are refused.
    pub(crate) fn check_link(&self, link: &str) -> Result<Url> {
        let base = self.client.base();
        if let Ok(mut url) = Url::parse(link)
            && url.scheme() == "http"
            && base.scheme() == "https"
            && url.host() == base.host()
            && url.set_scheme("https").is_ok()
            && url.set_port(base.port()).is_ok()
        {
            return self.client.check_link(url.as_str());
        }
        self.client.check_link(link)
    }

    /// The request for the sweep's next page; `None` if its link cannot be followed any more,
    /// because the base URL was changed since it was stored.
    fn request(&self, kind: RecordKind, sweep: &Sweep) -> Option<Request> {
        match &sweep.next {
            None => Some(requests::search(kind, sweep.since, self.config.page_size)),
            Some(link) => self.check_link(link).ok().map(|link| requests::next_page(kind, link)),
        }
    }

    fn overlap(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.overlap).unwrap_or_default()
    }
}

/// What Nextech allows, if anything limits us at all.
fn quota(config: &NextechConfig) -> Option<Quota> {
    if config.requests_per_second.is_none() && config.daily_requests.is_none() {
        return None;
    }
    Some(Quota {
        burst: config.requests_per_second.unwrap_or(u32::MAX),
        per: std::time::Duration::from_secs(1),
        daily: config.daily_requests,
        reserve: 0,
    })
}

/// Whether this is what Nextech says to a link that has gone stale.
pub(crate) fn is_stale(error: &Error) -> bool {
    matches!(error.http_status(), Some(400 | 404 | 410))
}

#[async_trait]
impl EmrSource for Nextech {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        self.client.send(&requests::check()).await.map(drop)
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such feed")
                .connector(self.info.name)
                .with("feed", feed));
        }
        let mut progress = match cursor {
            Some(cursor) => Progress::load(cursor)?,
            None => Progress::starting_from(self.config.start_from),
        };
        let sweep = progress.sweep(self.overlap());
        let Some(request) = self.request(feed.kind, &sweep) else {
            let last = progress.restart(&sweep);
            return empty_page(&progress, last);
        };
        let (mut page, at) = match self.page(feed.kind, &request).await {
            Ok(answer) => answer,
            Err(error) if sweep.next.is_some() && is_stale(&error) => {
                tracing::info!(%error, "the link to the next page has gone stale");
                let last = progress.restart(&sweep);
                return empty_page(&progress, last);
            }
            Err(error) => return Err(error),
        };
        let next = page.next.as_deref().map(|link| self.check_link(link)).transpose()?;
        let next = next.map(String::from);
        if next.is_some() && next == sweep.next {
            return Err(Error::new(ErrorKind::Decode, "the link to the next page leads to itself")
                .connector(self.info.name)
                .operation(request.operation()));
        }
        let rows = page.events.len() + page.rejected.len();
        let seen = Seen { at, rows, newest: page.newest, total: page.total, next };
        if feed.kind == RecordKind::Payment {
            self.add_ledgers(&mut page).await?;
        }
        let last = progress.advance(sweep, seen);
        Ok(Page { events: page.events, rejected: page.rejected, next: progress.store()?, last })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let request = match key.kind {
            RecordKind::Patient => requests::patient(key.id.as_str()),
            RecordKind::Appointment => requests::appointment(key.id.as_str()),
            RecordKind::Payment => requests::payment(key.id.as_str()),
            _ => {
                return Err(Error::new(ErrorKind::Unsupported, "there is no such record")
                    .connector(self.info.name));
            }
        };
        let page = match self.page(key.kind, &request).await {
            Ok((page, _)) => page,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Select finds patients by chart number too, so the answer may be about another id.
        let wanted = |event: &Event| event.key.id.as_str().eq_ignore_ascii_case(key.id.as_str());
        if let Some(event) = page.events.into_iter().find(wanted) {
            return Ok(Some(event));
        }
        match page.rejected.into_iter().next() {
            Some(row) => Err(Error::new(ErrorKind::Decode, row.problem)
                .connector(self.info.name)
                .operation(request.operation())
                .with("path", row.path)),
            None => Ok(None),
        }
    }
}

/// A page that brings nothing but a new cursor.
fn empty_page(progress: &Progress, last: bool) -> Result<Page> {
    Ok(Page { events: Vec::new(), rejected: Vec::new(), next: progress.store()?, last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Product};
    use cannula_core::Secret;
    use cannula_http::SystemClock;

    fn source(base: &str) -> Nextech {
        let credentials = Credentials::ClientSecret {
            client_id: "partner".to_owned(),
            client_secret: Secret::new("hush"),
            resource: "api://partner".to_owned(),
        };
        let mut config = NextechConfig::new(
            Product::PracticePlus,
            "p".into(),
            credentials,
            chrono_tz::America::New_York,
            DateTime::UNIX_EPOCH,
        );
        config.base_url = base.parse().unwrap();
        Nextech::new(config, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn an_http_link_to_our_host_is_upgraded_to_the_bases_scheme_and_port() {
        for (base, link, upgraded) in [
            ("https://a.test/api", "http://a.test/api/P?x=1", "https://a.test/api/P?x=1"),
            ("https://a.test/api", "http://A.test:80/api/P", "https://a.test/api/P"),
            ("https://a.test:8443/api", "http://a.test/api/P", "https://a.test:8443/api/P"),
            ("https://a.test/api", "https://a.test/api/P", "https://a.test/api/P"),
        ] {
            assert_eq!(source(base).check_link(link).unwrap().as_str(), upgraded);
        }
    }

    #[test]
    fn a_link_to_another_host_is_refused_by_name_and_nothing_else_of_it_is_shown() {
        for link in ["http://evil.test/api/P?name=mina", "https://evil.test/api/P?name=mina"] {
            let text = source("https://a.test/api").check_link(link).unwrap_err().to_string();
            assert!(text.contains("evil.test") && !text.contains("mina"), "{text}");
        }
        assert!(source("https://a.test/api").check_link("https://a.test:444/api/P").is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", source("https://a.test/api"));
        assert!(!text.contains("hush"), "{text}");
    }
}
