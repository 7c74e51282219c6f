use std::{sync::Arc, time::Duration};

use cannula::core::{Cursor, EmrSource, Feed, RecordKind, Result};
use cannula_testkit::{ClientBench, Gate, ManualClock, Power, SourceBench, async_trait};
use cannula_tests::Emr;

use super::EmrBench;

/// The client of an EMR, in the middle of a listing of appointments.
#[derive(Debug)]
pub(crate) struct ClientOf {
    bench: EmrBench,
    source: Arc<dyn EmrSource>,
    feed: Feed,
    cursor: Option<Cursor>,
}

impl ClientOf {
    pub(crate) async fn a(bench: EmrBench) -> Self {
        for _ in 0..3 {
            bench.add(RecordKind::Appointment).await;
        }
        bench.clock.advance(Duration::from_secs(60));
        let source = bench.source(1);
        let is_wanted = |feed: &&Feed| feed.kind == RecordKind::Appointment;
        let feed = source.info().feeds.iter().find(is_wanted).unwrap().clone();
        let first = source.poll(&feed, None).await.unwrap();
        assert!(!first.last);
        Self { bench, source, feed, cursor: Some(first.next) }
    }
}

#[async_trait]
impl ClientBench for ClientOf {
    fn gate(&self) -> &Gate {
        &self.bench.gate
    }

    fn clock(&self) -> &ManualClock {
        &self.bench.clock
    }

    async fn call(&self) -> Result<()> {
        self.source.poll(&self.feed, self.cursor.as_ref()).await.map(drop)
    }

    fn request(&self) -> &'static str {
        self.bench.listing(RecordKind::Appointment)
    }

    fn token_request(&self) -> &'static str {
        match self.bench.emr {
            Emr::Nextech(_) => "/oauth2/token",
            Emr::PatientNow => "(none)",
            Emr::Zenoti => "/v1/tokens",
        }
    }

    fn errors_in_200(&self) -> Vec<String> {
        self.bench.errors_in_200()
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        match self.bench.emr {
            Emr::PatientNow => {
                vec![(Power::Tokens, "PatientNow: key, name and password go with every request")]
            }
            Emr::Nextech(_) | Emr::Zenoti => Vec::new(),
        }
    }
}
