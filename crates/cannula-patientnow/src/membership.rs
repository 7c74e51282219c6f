//! Memberships: as lines of orders, or as a customer's own list. Pure.

use cannula_core::{
    Membership, MembershipStatus, Pointer, PracticeId, Record, RecordId, RecordKey, RecordKind,
};
use chrono::NaiveDate;

use crate::{
    config::MembershipReads,
    map::{Mapped, Reading},
    row::{Problem, Row},
    words::OrderState,
};

/// What stands between an order and its line in the id of a membership that has none of its own.
pub(crate) const OF: char = '/';

/// The message that a membership is no more, if it ever was, and its id.
pub(crate) fn gone(practice: &PracticeId, id: &str) -> (RecordId, Record) {
    let (kind, practice) = (RecordKind::Membership, practice.clone());
    let key = RecordKey { practice, kind, id: RecordId::new(id) };
    (RecordId::new(format!("gone{OF}{id}")), Record::Pointer(Pointer { key, gone: true }))
}

/// The memberships that an order sold: in force once it is closed, and cancelled when it is
/// voided. An order that is open has sold none yet, or none any more if it is open again.
pub(crate) fn sold(
    reading: Reading<'_>,
    order: &str,
    state: OrderState,
    date: Option<NaiveDate>,
) -> Result<Vec<(RecordId, Record)>, Problem> {
    let status = match state {
        OrderState::Open => None,
        OrderState::Closed => Some(MembershipStatus::Active),
        OrderState::Voided => Some(MembershipStatus::Cancelled),
    };
    let (Some(patient), true) =
        (reading.patient(), reading.config.memberships == MembershipReads::Orders)
    else {
        return Ok(Vec::new());
    };
    let fields = reading.fields();
    let mut sold = Vec::new();
    for (index, line) in reading.row.rows(fields.lines).iter().enumerate() {
        let (true, Some(name)) = (is_one(reading, line), line.text(fields.line_name)) else {
            continue;
        };
        let line_id = || line.id(fields.line_id).unwrap_or_else(|| (index + 1).to_string());
        let id =
            line.id(fields.membership_id).unwrap_or_else(|| format!("{order}{OF}{}", line_id()));
        let Some(status) = status.clone() else {
            sold.push(gone(&reading.config.practice, &id));
            continue;
        };
        let membership = Membership {
            patient: patient.clone(),
            name,
            status,
            start: date,
            end: None,
            price: line.amount(fields.line_total, reading.config.currency)?,
        };
        sold.push((RecordId::new(id), Record::Membership(membership)));
    }
    Ok(sold)
}

/// Whether a line sells a membership.
fn is_one(reading: Reading<'_>, line: &Row<'_>) -> bool {
    let kind = line.text(reading.fields().line_type);
    kind.is_some_and(|kind| reading.config.dialect.words.is_membership_line(&kind))
}

/// Whether an order, or what a delivery tells of one, sells a membership.
pub(crate) fn sells_any(reading: Reading<'_>) -> bool {
    let lines = reading.row.rows(reading.fields().lines);
    lines.iter().any(|line| is_one(reading, line))
}

/// How many memberships a delivery about an order tells of. One that shows no lines tells of none:
/// looking for what is seldom there would cost calls, and the sweep finds it.
pub(crate) fn told_of(reading: Reading<'_>) -> usize {
    let lines = reading.row.rows(reading.fields().lines);
    lines.iter().filter(|line| is_one(reading, line)).count()
}

/// A membership of a customer's own list.
pub(crate) fn membership(reading: Reading<'_>) -> Result<Mapped, Problem> {
    let fields = reading.fields();
    let id = reading.record_id(fields.membership_id)?;
    let missing = |field| Problem::new(field, "is missing");
    let status = match reading.row.text(fields.status) {
        _ if reading.is_deleted() => MembershipStatus::Cancelled,
        Some(word) => reading.config.dialect.words.membership(&word),
        None => return Err(missing(fields.status)),
    };
    let membership = Membership {
        patient: reading.patient().ok_or_else(|| missing(fields.customer_id))?,
        name: reading
            .row
            .text(fields.membership_name)
            .ok_or_else(|| missing(fields.membership_name))?,
        status,
        start: reading.day(fields.membership_start)?,
        end: reading.day(fields.membership_end)?,
        price: reading.row.amount(fields.membership_price, reading.config.currency)?,
    };
    Ok(Mapped {
        id: RecordId::new(id),
        record: Record::Membership(membership),
        stamp: reading.instant(fields.updated)?,
        latest: None,
    })
}
