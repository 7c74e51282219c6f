//! From an order to a row of the ledger. Pure.
//!
//! A visit that took place is not revenue: what was paid counts once its order is closed in the
//! sales register, and no longer when the order is opened again, voided or refunded. An order is
//! one row by its id, so that whatever becomes of it replaces what it was.

use cannula_core::{Money, Payer, Payment, PaymentKind, PaymentStatus, Record, RecordId};
use chrono::NaiveDate;

use crate::{
    map::{Mapped, Reading},
    membership,
    row::Problem,
    words::OrderState,
};

/// An order, and what else its lines tell.
pub(crate) struct Order {
    pub(crate) payment: Mapped,
    /// Memberships, or messages that they are no more.
    pub(crate) memberships: Vec<Mapped>,
}

pub(crate) fn order(reading: Reading<'_>) -> Result<Order, Problem> {
    let fields = reading.fields();
    let id = reading.record_id(fields.order_id)?;
    let state = state(reading)?;
    let (status, amount) = match state {
        OrderState::Open => (PaymentStatus::Active, Money::zero(reading.config.currency)),
        OrderState::Closed => (PaymentStatus::Active, paid(reading)?),
        // What it once came to is for people to read.
        OrderState::Voided => {
            let zero = Money::zero(reading.config.currency);
            (PaymentStatus::Voided, paid(reading).unwrap_or(zero))
        }
    };
    let date = date(reading, state)?;
    let payment = Payment {
        patient: reading.patient(),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status,
        amount,
        date,
        method: None,
        category: Some(reading.config.product.category().to_owned()),
        items: items(reading),
        description: None,
        practitioner: None,
        location: reading.location(),
        corrections: Vec::new(),
    };
    // Where no time of change comes, a closing has one of its own.
    let stamp = match reading.instant(fields.updated)? {
        None if state == OrderState::Closed => reading.instant(fields.closed)?,
        updated => updated,
    };
    let days = [date, reading.day(fields.updated)?, reading.day(fields.order_date)?];
    let latest = days.into_iter().flatten().max();
    let memberships = membership::sold(reading, &id, state, date)?;
    let mapped = |(id, record)| Mapped { id, record, stamp, latest };
    Ok(Order {
        payment: mapped((RecordId::new(id), Record::Payment(payment))),
        memberships: memberships.into_iter().map(mapped).collect(),
    })
}

/// Where an order stands. One in an unknown word counts for nothing, unless money was paid on it:
/// then it is left to a person.
fn state(reading: Reading<'_>) -> Result<OrderState, Problem> {
    let (fields, dialect) = (reading.fields(), &reading.config.dialect);
    if reading.is_deleted() {
        return Ok(OrderState::Voided);
    }
    let currency = reading.config.currency;
    let owed = reading.row.amount(fields.balance_due, currency)?;
    let is_owed = owed.is_some_and(|owed| owed.minor() != 0);
    let word = reading.row.text(fields.status);
    match word.as_ref().and_then(|word| dialect.words.order_state(word)) {
        Some(OrderState::Closed) if is_owed && dialect.closed_needs_no_balance => {
            Ok(OrderState::Open)
        }
        Some(state) => Ok(state),
        None if is_owed => Ok(OrderState::Open),
        None => match reading.row.amount(fields.amount_paid, currency)? {
            Some(paid) if paid.minor() != 0 => {
                let what = "expected a word of `dialect.order_states`, such as Closed: money was paid, and it cannot be told whether it counts";
                Err(Problem::new(fields.status, what))
            }
            _ => Ok(OrderState::Open),
        },
    }
}

/// What was paid; where the order does not say, what it comes to.
fn paid(reading: Reading<'_>) -> Result<Money, Problem> {
    let (fields, currency) = (reading.fields(), reading.config.currency);
    for field in [fields.amount_paid, fields.total] {
        if let Some(amount) = reading.row.amount(field, currency)? {
            return Ok(amount);
        }
    }
    Err(Problem::new(fields.amount_paid, "is missing, and so is the total"))
}

/// The day it was closed.
fn date(reading: Reading<'_>, state: OrderState) -> Result<Option<NaiveDate>, Problem> {
    let fields = reading.fields();
    match reading.day(fields.closed)? {
        None if state == OrderState::Closed => reading.day(fields.order_date),
        closed => Ok(closed),
    }
}

fn items(reading: Reading<'_>) -> Vec<String> {
    let fields = reading.fields();
    let lines = reading.row.rows(fields.lines);
    lines.iter().filter_map(|line| line.text(fields.line_name)).collect()
}
