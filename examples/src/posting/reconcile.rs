//! The reconciliation of the store with the ledger: a table for people, CSV for spreadsheets.

use std::{borrow::Cow, fs, io, path::Path};

use cannula::{
    core::{Error, ErrorKind, Money, OrderNumber, PaymentLedger, Result, StoreOrder},
    rules::posting::{
        PostingRules,
        report::{Line, Reconciliation, Report, Sums},
    },
    sync::{Engine, PostingFlow},
};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use clap::ValueEnum;
use serde::Serialize;

use crate::show;

/// How much is reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Period {
    fn around(self, day: NaiveDate) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Day => (day, day),
            Self::Month => {
                let first = day.with_day(1).unwrap_or(day);
                let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
                (first, next.pred_opt().unwrap_or(next))
            }
        }
    }
}

/// Reconciles the day or month that `date` is in, or the last order. The ledger is read from the day of the oldest order on,
/// because a payment may be dated otherwise than it should be.
///
/// # Errors
/// If the engine's store fails or the ledger cannot be read.
pub async fn reconcile(
    engine: &Engine<PostingFlow>,
    rules: &PostingRules,
    ledger: &dyn PaymentLedger,
    period: Period,
    date: Option<NaiveDate>,
) -> Result<Report> {
    let mut orders: Vec<StoreOrder> = Vec::new();
    engine
        .for_each_state(|_, state| {
            orders.extend(rules.booked(state).into_iter().map(Cow::into_owned));
        })
        .await?;
    let config = rules.config();
    let day = |instant: DateTime<Utc>| instant.with_timezone(&config.zone).date_naive();
    let placed = || orders.iter().map(|order| day(order.placed_at));
    let last = || placed().max().unwrap_or_else(|| day(config.start_from));
    let (from, to) = period.around(date.unwrap_or_else(last));
    let first = placed().min().unwrap_or(from).min(from);
    // Money is taken, and given back, later than an order is placed.
    let rows = ledger.between(first - Days::new(1), to + Days::new(62)).await?;
    let reconciliation = Reconciliation {
        from,
        to,
        zone: config.zone,
        currency: ledger.info().currency,
        category: config.category.as_deref(),
    };
    Ok(reconciliation.report(&orders, &rows))
}

/// Prints a report for people.
#[allow(clippy::print_stdout, reason = "the program's output")]
pub fn print_report(report: &Report) {
    println!("\nReconciliation of {} to {}, in {}", report.from, report.to, report.currency);
    let header = ["day", "tender", "captured", "refunded", "payments", "refunds", "difference"];
    let days = report.days.iter().map(|day| {
        let date = day.date.map(|date| date.to_string()).unwrap_or_default();
        row(date, day.tender.clone().unwrap_or_default(), &day.sums)
    });
    let total = [row("all".to_owned(), String::new(), &report.total)];
    show("By day and tender", header, days.chain(total));
    let lines = |lines: &[Line]| {
        let rows = lines.iter().map(|line| {
            let order = line.order.as_ref().map(ToString::to_string).unwrap_or_default();
            [line.kind.to_string(), order, line.sentence.clone()]
        });
        rows.collect::<Vec<_>>()
    };
    if report.differences.is_empty() {
        println!("\nNo differences.");
    }
    show("Differences", ["what", "order", "why and what to do"], lines(&report.differences));
    show("Notes", ["what", "order", "why"], lines(&report.notes));
}

fn row(date: String, tender: String, sums: &Sums) -> [String; 7] {
    let Sums { captured, refunded, payments, refunds, difference, .. } = sums;
    let [captured, refunded, payments, refunds, difference] =
        [captured, refunded, payments, refunds, difference].map(|amount| amount.decimal());
    [date, tender, captured, refunded, payments, refunds, difference]
}

/// Writes a report as CSV: its sums, its differences and its notes, told apart by the first column.
/// A text that a spreadsheet would take for a formula has an apostrophe before it.
///
/// # Errors
/// If `out` fails.
pub fn write_csv(report: &Report, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let date = |date: Option<NaiveDate>| date.map(|it| it.to_string()).unwrap_or_default();
    for day in &report.days {
        csv.serialize(CsvRow {
            row: "sum",
            date: date(day.date),
            tender: plain(day.tender.as_deref().unwrap_or_default()),
            captured: day.sums.captured.decimal(),
            tax: day.sums.tax.decimal(),
            shipping: day.sums.shipping.decimal(),
            refunded: day.sums.refunded.decimal(),
            payments: day.sums.payments.decimal(),
            refunds: day.sums.refunds.decimal(),
            difference: day.sums.difference.decimal(),
            ..CsvRow::default()
        })?;
    }
    let differences = report.differences.iter().map(|line| ("difference", line));
    for (row, line) in differences.chain(report.notes.iter().map(|line| ("note", line))) {
        let amount = |amount: Option<Money>| amount.map(|it| it.decimal()).unwrap_or_default();
        let rows: Vec<_> = line.rows.iter().map(ToString::to_string).collect();
        csv.serialize(CsvRow {
            row,
            date: date(line.store_date),
            kind: line.kind.to_string(),
            order: plain(line.order.as_ref().map_or("", OrderNumber::as_str)),
            refund: plain(line.refund.as_deref().unwrap_or_default()),
            ledger_rows: plain(&rows.join(" ")),
            ledger_date: date(line.ledger_date),
            store_amount: amount(line.store_amount),
            ledger_amount: amount(line.ledger_amount),
            sentence: plain(&line.sentence),
            ..CsvRow::default()
        })?;
    }
    csv.flush()
}

/// A text of a vendor's as a cell that is nothing but text. One that begins with an apostrophe gets
/// another, so that taking one away is always right.
fn plain(text: &str) -> String {
    let taken_otherwise = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']);
    if taken_otherwise { format!("'{text}") } else { text.to_owned() }
}

/// A line of the CSV; amounts of sums and of single lines are in columns of their own.
#[derive(Default, Serialize)]
struct CsvRow {
    row: &'static str,
    date: String,
    tender: String,
    captured: String,
    tax: String,
    shipping: String,
    refunded: String,
    payments: String,
    refunds: String,
    difference: String,
    kind: String,
    order: String,
    refund: String,
    ledger_rows: String,
    store_amount: String,
    ledger_date: String,
    ledger_amount: String,
    sentence: String,
}

pub(super) fn write(report: &Report, file: &Path) -> Result<()> {
    let written = fs::File::create(file).and_then(|out| write_csv(report, out));
    written.map_err(|cause| {
        let message = format!("cannot write {}: {}", file.display(), cause.kind());
        Error::new(ErrorKind::Config, message)
    })
}
