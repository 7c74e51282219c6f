//! The benches of a DermPRO store: the sandbox's, behind a gate.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cannula::{
    core::{Clock, Cursor, EmrSource, Money, OrderNumber, RecordKind, Result},
    dermpro::Dermpro,
};
use cannula_examples::dermpro_at;
use cannula_sandbox::{
    Access, Sandbox,
    dermpro::{Article, Checkout, Line, Refund, Shopper},
};
use cannula_testkit::{ClientBench, Gate, ManualClock, Power, RowsIn, SourceBench, async_trait};
use serde_json::{Value, json};

use crate::behind::{behind_a_gate, first_day, start};

/// A store in a sandbox, behind a gate, with nothing sold yet. Requests are signed for the gate's
/// address.
#[derive(Debug)]
pub(crate) struct DermproBench {
    clock: Arc<ManualClock>,
    sandbox: Sandbox,
    gate: Gate,
    access: Access,
    /// In the order in which they were placed.
    placed: Mutex<Vec<OrderNumber>>,
}

impl DermproBench {
    pub(crate) async fn open() -> Self {
        let (sandbox, clock) = start().await;
        let (gate, access) = behind_a_gate(&sandbox).await;
        Self { clock, sandbox, gate, access, placed: Mutex::default() }
    }
}

#[async_trait]
impl SourceBench for DermproBench {
    fn source(&self, page_size: u32) -> Arc<dyn EmrSource> {
        let mut config = dermpro_at(&self.access, first_day()).unwrap();
        config.page_size = page_size;
        Arc::new(Dermpro::new(config, Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap())
    }

    fn largest_page(&self) -> u32 {
        300
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn next_sweep(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn lateness(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn kinds(&self) -> Vec<RecordKind> {
        vec![RecordKind::Order]
    }

    async fn add(&self, _kind: RecordKind) {
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u32::try_from(placed.len()).unwrap();
        let shopper = Shopper::new("Ida", &format!("Law{number}"), number);
        let peel = Line::new(Article::Service, "SV-PEEL", "Peel", 10_000 + i64::from(number));
        placed.push(self.sandbox.store().place(Checkout::new(shopper, vec![peel])));
    }

    async fn change(&self, _kind: RecordKind, index: usize) {
        let placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let amount = Money::from_minor(100, cannula::core::Currency::USD);
        let memo = self.sandbox.store().refund(&placed[index], Some(amount), Refund::Online);
        assert!(memo.is_some(), "{} cannot be changed", placed[index]);
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn listing(&self, _kind: RecordKind) -> &'static str {
        "/V1/orders?"
    }

    fn rows(&self, _kind: RecordKind) -> RowsIn {
        |answer| answer.get_mut("items")?.as_array_mut()
    }

    fn spoil(&self, _kind: RecordKind) -> fn(&mut Value) {
        |row| row["grand_total"] = json!("much")
    }

    fn words(&self, _kind: RecordKind) -> Vec<(&'static str, Value)> {
        vec![("/state", json!("postponed")), ("/payment/method", json!("barter"))]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![
            (
                Power::EmptyPages,
                "DermPRO: a page says how many rows there are; an empty one that counts some is an error",
            ),
            (Power::Tokens, "DermPRO: each request is signed with secrets that do not run out"),
            (Power::Deletes, "DermPRO: an order that is given up is canceled, and stays"),
            (Power::WallClock, "DermPRO: a store has no appointments"),
        ]
    }
}

/// The client of a store, in the middle of its orders.
#[derive(Debug)]
pub(crate) struct DermproClientBench {
    bench: DermproBench,
    source: Arc<dyn EmrSource>,
    cursor: Cursor,
}

impl DermproClientBench {
    pub(crate) async fn open() -> Self {
        let bench = DermproBench::open().await;
        for _ in 0..3 {
            bench.add(RecordKind::Order).await;
        }
        let source = bench.source(1);
        let first = source.poll(&source.info().feeds[0], None).await.unwrap();
        assert!(!first.last);
        Self { bench, source, cursor: first.next }
    }
}

#[async_trait]
impl ClientBench for DermproClientBench {
    fn gate(&self) -> &Gate {
        &self.bench.gate
    }

    fn clock(&self) -> &ManualClock {
        &self.bench.clock
    }

    /// A page of orders, and then what belongs to them.
    async fn call(&self) -> Result<()> {
        self.source.poll(&self.source.info().feeds[0], Some(&self.cursor)).await.map(drop)
    }

    fn request(&self) -> &'static str {
        "/V1/transactions?"
    }

    fn errors_in_200(&self) -> Vec<String> {
        // To `fields` that it cannot follow.
        vec!["[]".to_owned()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![(Power::Tokens, "DermPRO: each request is signed with secrets that do not run out")]
    }
}
