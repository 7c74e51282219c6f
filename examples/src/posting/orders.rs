//! The orders and what became of their payments, for people and for machines.

use std::collections::BTreeMap;

use cannula::{
    core::{LineKind, OrderNumber, PatientId, Result},
    rules::posting::{FollowUp, OrderStanding, PostingReason, PostingRules, SyncStatus},
    sync::{Engine, PostingFlow},
};
use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

use crate::{RejectedFigure, VendorCalls, figures::rejected, show, tables::show_rejected};

/// All orders, in the order in which they were placed.
#[derive(Debug, Serialize)]
pub struct Orders {
    /// Nothing was posted: this is what would be.
    pub dry_run: bool,
    /// How many orders have each status, whichever are shown.
    pub counts: BTreeMap<SyncStatus, usize>,
    /// The orders that are shown.
    pub orders: Vec<OrderFigure>,
    /// What the store holds and could not be read: nothing is posted for it, and it is in no count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<RejectedFigure>,
    /// HTTP requests of this run, by vendor and operation.
    pub calls: VendorCalls,
}

/// An order.
#[derive(Debug, Serialize)]
pub struct OrderFigure {
    /// Its number.
    pub order: OrderNumber,
    /// When it was placed, on the practice's clock.
    pub placed: NaiveDateTime,
    /// What was taken for it, as a plain decimal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<String>,
    /// How it was paid.
    pub tender: String,
    /// Its status.
    pub status: SyncStatus,
    /// Whose ledger it is on or goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// What is posted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<PaymentFigure>,
    /// Something other than goods was bought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bought: Vec<LineKind>,
    /// Why it stands where it does.
    pub reasons: Vec<String>,
    /// What a person must do first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// The patients to choose among.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CandidateFigure>,
    /// What staff do with what is posted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
}

/// A payment on the ledger.
#[derive(Debug, Serialize)]
pub struct PaymentFigure {
    /// The row; absent while Nextech has taken the payment and does not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Its day.
    pub date: NaiveDate,
    /// How much, as a plain decimal number.
    pub amount: String,
}

/// A patient who could be the customer.
#[derive(Debug, Serialize)]
pub struct CandidateFigure {
    /// The patient.
    pub patient: PatientId,
    /// What agrees.
    pub agrees: String,
    /// What does not.
    pub differs: String,
}

impl Orders {
    /// Reads them from an engine.
    ///
    /// # Errors
    /// If its store fails.
    pub async fn collect(engine: &Engine<PostingFlow>, rules: &PostingRules) -> Result<Self> {
        let mut orders = Vec::new();
        engine
            .for_each_state(|_, state| {
                let standings = rules.standings(state);
                orders.extend(standings.into_iter().map(|it| OrderFigure::new(it, rules)));
            })
            .await?;
        orders.sort_by(|one, other| (one.placed, &one.order).cmp(&(other.placed, &other.order)));
        let mut counts: BTreeMap<_, _> = SyncStatus::ALL.map(|status| (status, 0)).into();
        for order in &orders {
            *counts.entry(order.status).or_default() += 1;
        }
        let rejected = rejected(engine).await?;
        Ok(Self { dry_run: false, counts, orders, rejected, calls: VendorCalls::new() })
    }
}

impl OrderFigure {
    fn new(standing: OrderStanding<'_>, rules: &PostingRules) -> Self {
        let order = standing.order;
        let payments = standing.parts.iter().map(|part| PaymentFigure {
            row: part.row().map(ToString::to_string),
            date: part.date,
            amount: part.amount.decimal(),
        });
        let candidates = standing.candidates.iter().map(|it| CandidateFigure {
            patient: it.patient.clone(),
            agrees: it.agrees.clone(),
            differs: it.differs.clone(),
        });
        let mut bought: Vec<_> = order.lines.iter().map(|line| line.kind).collect();
        bought.retain(|kind| *kind != LineKind::Product);
        bought.sort_unstable();
        bought.dedup();
        Self {
            order: order.number.clone(),
            placed: order.placed_at.with_timezone(&rules.config().zone).naive_local(),
            captured: order.captured.as_ref().map(|it| it.amount.decimal()),
            tender: order.tender.method.clone(),
            status: standing.status,
            patient: standing.patient,
            payments: payments.collect(),
            bought,
            reasons: standing.reasons.iter().map(PostingReason::sentence).collect(),
            next_step: standing.park.map(|park| park.next_step()),
            candidates: candidates.collect(),
            follow_ups: standing.follow_ups,
        }
    }
}

/// Prints the orders for people: the counts, a table, and what is to be done.
#[allow(clippy::print_stdout, reason = "the program's output")]
pub fn print_orders(figures: &Orders) {
    let total: usize = figures.counts.values().sum();
    if figures.dry_run {
        println!("A dry run over {total} orders: this would be posted, and nothing was.");
    } else {
        println!("{total} orders");
    }
    let counts =
        figures.counts.iter().map(|(status, count)| [status.to_string(), count.to_string()]);
    show("Orders by Nextech status", ["status", "orders"], counts);
    let rows = figures.orders.iter().map(|order| {
        let payments: Vec<_> = order
            .payments
            .iter()
            .map(|it| {
                let row = it.row.as_deref().unwrap_or("not shown yet");
                format!("{} on {} (row {row})", it.amount, it.date)
            })
            .collect();
        [
            order.order.to_string(),
            order.placed.format("%Y-%m-%d %H:%M").to_string(),
            order.captured.clone().unwrap_or_default(),
            order.status.to_string(),
            order.patient.as_ref().map(ToString::to_string).unwrap_or_default(),
            payments.join(", "),
        ]
    });
    let header = ["order", "placed", "captured", "Nextech status", "patient", "payments"];
    show("Orders", header, rows);
    let parked = figures.orders.iter().filter_map(|order| {
        let why = [order.reasons.join(" "), candidates(order)].join("\n");
        Some([order.order.to_string(), why.trim().to_owned(), order.next_step.clone()?])
    });
    show("Waiting for a person", ["order", "why", "next step"], parked);
    let tasks = figures.orders.iter().filter(|order| !order.follow_ups.is_empty()).map(|order| {
        let tasks: Vec<_> = order.follow_ups.iter().map(ToString::to_string).collect();
        [order.order.to_string(), tasks.join("\n")]
    });
    show("In Nextech, by hand", ["order", "what to do with the payment"], tasks);
    show_rejected(&figures.rejected);
    let calls = figures.calls.iter().flat_map(|(vendor, operations)| {
        operations.iter().map(move |(operation, count)| {
            [(*vendor).to_owned(), (*operation).to_owned(), count.to_string()]
        })
    });
    show("API calls of this run", ["vendor", "call", "count"], calls);
}

fn candidates(order: &OrderFigure) -> String {
    let each = order.candidates.iter().map(|it| match it.differs.as_str() {
        "" => format!("{}: same {}", it.patient, it.agrees),
        other => format!("{}: same {}, other {other}", it.patient, it.agrees),
    });
    each.collect::<Vec<_>>().join("\n")
}
