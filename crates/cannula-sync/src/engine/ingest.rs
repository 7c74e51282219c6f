//! From the source into the inbox.

use cannula_core::{Error, ErrorKind, Event, Feed, Page, Result, Retry};

use super::{Shared, report::PollReport};
use crate::{
    flow::Flow,
    store::{Arrival, FeedState, Ingest, Ingested},
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

    /// Reads a feed page by page, each while the one before it is being stored. A page that is
    /// not stored is read again the next time, and so are those behind it.
    async fn read_feed(&self, feed: &Feed, report: &mut PollReport) -> Result<()> {
        let FeedState { mut revision, mut cursor } = self.store.feed(feed).await?;
        let mut page = self.source.poll(feed, cursor.as_ref()).await?;
        loop {
            let next = page.next.clone();
            let stuck = !page.last && cursor.as_ref() == Some(&next);
            // What was read is stored; the rest is read another time.
            let more = !page.last && !stuck && !self.control.stopping();
            let ahead = async {
                Ok(if more { Some(self.source.poll(feed, Some(&next)).await) } else { None })
            };
            // If the page cannot be stored, nobody waits for the one behind it.
            let (ahead, ingested) =
                futures::try_join!(ahead, self.store_page(feed, revision, page))?;
            report.pages += 1;
            report.add(ingested);
            if stuck {
                let message = "the source returned the same cursor twice in one sweep";
                return Err(Error::new(ErrorKind::Decode, message)
                    .retry(Retry::Backoff)
                    .with("feed", feed));
            }
            let Some(ahead) = ahead else { return Ok(()) };
            page = ahead?;
            revision += 1;
            cursor = Some(next);
        }
    }

    async fn store_page(&self, feed: &Feed, revision: u64, page: Page) -> Result<Ingested> {
        let ingest = Ingest {
            feed: feed.clone(),
            revision,
            arrivals: self.arrivals(page.events),
            rejected: page.rejected,
            next: page.next,
        };
        let ingested = self.store.ingest(ingest, self.clock.now()).await?;
        self.counters.ingested(ingested);
        Ok(ingested)
    }

    pub(super) async fn accept(&self, events: Vec<Event>) -> Result<Ingested> {
        let ingested = self.store.add(self.arrivals(events), self.clock.now()).await?;
        self.counters.ingested(ingested);
        if ingested.new > 0 {
            self.wake.notify_one();
        }
        Ok(ingested)
    }

    fn arrivals(&self, events: Vec<Event>) -> Vec<Arrival> {
        events.into_iter().map(|event| self.arrival(event)).collect()
    }

    pub(super) fn arrival(&self, event: Event) -> Arrival {
        let verdict = event.subject().is_none().then(|| self.flow.unattended(&event));
        Arrival { event, verdict }
    }
}
