//! From the source into the inbox.

use cannula_core::{Error, ErrorKind, Event, Feed, Result, Retry};

use super::{Shared, report::PollReport};
use crate::{
    flow::Flow,
    store::{Arrival, Ingest, Ingested},
};

impl<F: Flow> Shared<F> {
    pub(super) async fn poll(&self) -> Result<PollReport> {
        let mut report = PollReport::default();
        let mut failed = None;
        for feed in &self.source.info().feeds {
            if self.control.stopping() {
                break;
            }
            match self.read_feed(feed, &mut report).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Contended => {
                    tracing::info!(%feed, "another worker reads this feed");
                }
                // Every other feed has the same credentials.
                Err(error) if error.kind() == ErrorKind::Auth => return Err(error),
                Err(error) => {
                    tracing::warn!(%feed, %error, "feed not read to its end");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(report), Err)
    }

    /// Reads a feed page by page. A page that is not stored is read again the next time.
    async fn read_feed(&self, feed: &Feed, report: &mut PollReport) -> Result<()> {
        let mut state = self.store.feed(feed).await?;
        loop {
            let page = self.source.poll(feed, state.cursor.as_ref()).await?;
            let stuck = !page.last && state.cursor.as_ref() == Some(&page.next);
            let ingest = Ingest {
                feed: feed.clone(),
                revision: state.revision,
                arrivals: self.arrivals(page.events),
                rejected: page.rejected,
                next: page.next.clone(),
            };
            let ingested = self.store.ingest(ingest, self.clock.now()).await?;
            report.pages += 1;
            report.add(ingested);
            self.counters.ingested(ingested.new);
            if stuck {
                let message = "the source returned the same cursor twice in one sweep";
                return Err(Error::new(ErrorKind::Decode, message)
                    .retry(Retry::Backoff)
                    .with("feed", feed));
            }
            // What was read is stored; the rest is read another time.
            if page.last || self.control.stopping() {
                return Ok(());
            }
            state.revision += 1;
            state.cursor = Some(page.next);
        }
    }

    pub(super) async fn accept(&self, events: Vec<Event>) -> Result<Ingested> {
        let ingested = self.store.add(self.arrivals(events), self.clock.now()).await?;
        self.counters.ingested(ingested.new);
        Ok(ingested)
    }

    fn arrivals(&self, events: Vec<Event>) -> Vec<Arrival> {
        let arrival = |event: Event| {
            let verdict = event.subject().is_none().then(|| self.flow.unattended(&event));
            Arrival { event, verdict }
        };
        events.into_iter().map(arrival).collect()
    }
}
