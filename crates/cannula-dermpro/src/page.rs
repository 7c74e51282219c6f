//! A page of a list, read without I/O.

use std::collections::BTreeMap;

use cannula_core::{
    Error, ErrorKind, Event, Phi, Problem, Record, RecordId, RecordKey, RecordKind, Rejected,
    Result,
};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::{
    config::DermproConfig,
    map::{self, Attached},
    time,
    wire::{self, Answer, Key, OfOrder},
};

/// A row, its place on the page, and what it says of itself.
pub(crate) struct Row {
    index: usize,
    raw: Box<RawValue>,
    key: Key,
    /// The id by which pages are read and other lists refer to it, if it has a readable one.
    pub(crate) id: Option<u64>,
}

/// A page of orders.
pub(crate) struct Orders {
    pub(crate) rows: Vec<Row>,
    pub(crate) last_id: Option<u64>,
    pub(crate) is_end: bool,
}

/// Takes a page apart. `is_wanted` leaves out rows that only the date let in.
///
/// Rows without an id are there to be rejected. What comes after the last id is asked for again; a
/// page without any and with more behind it is an error, for nobody can ask for what that is.
pub(crate) fn orders(body: &[u8], after: u64, is_wanted: impl Fn(&Key) -> bool) -> Result<Orders> {
    let (items, is_end) = items(body)?;
    let mut last_id = after;
    let mut rows = Vec::with_capacity(items.len());
    for (index, raw) in items.into_iter().enumerate() {
        let key: Key = serde_json::from_str(raw.get()).unwrap_or_default();
        let id = key.entity_id.as_deref().and_then(|id| id.trim().parse().ok());
        if let Some(id) = id {
            if id <= last_id {
                return Err(unreadable(index, "entity_id", NOT_ASCENDING));
            }
            last_id = id;
        }
        if is_wanted(&key) {
            rows.push(Row { index, raw, key, id });
        }
    }
    let last_id = (last_id > after).then_some(last_id);
    if last_id.is_none() && !is_end {
        return Err(unreadable(0, "entity_id", "expected a number in one row at least"));
    }
    Ok(Orders { rows, last_id, is_end })
}

const NOT_ASCENDING: &str = "the rows are not in ascending order";

/// What is wrong with a row without an id.
pub(crate) fn without_id() -> Problem {
    Problem::new("entity_id", "expected a number")
}

/// The rows of a page, and whether nothing comes after them.
fn items(body: &[u8]) -> Result<(Vec<Box<RawValue>>, bool)> {
    let answer: Answer = cannula_http::decode(body)?;
    let items = answer.items.unwrap_or_default();
    if items.is_empty() && answer.total_count > 0 {
        // Whether rows are missing or nothing is left cannot be known, so it is not the end.
        let message = "the answer counts rows and has none";
        return Err(Error::new(ErrorKind::Decode, message).with("path", "items"));
    }
    let is_end = answer.total_count <= items.len() as u64;
    Ok((items, is_end))
}

/// The rows of a list that belong to orders, by order.
pub(crate) struct Belongings<T> {
    pub(crate) by_order: BTreeMap<u64, Vec<T>>,
    pub(crate) last_id: u64,
    pub(crate) is_end: bool,
}

/// Takes a page of credit memos or transactions apart; `id` says what its rows are sorted by.
pub(crate) fn belongings<T: DeserializeOwned>(
    body: &[u8],
    after: u64,
    id: fn(&OfOrder) -> Option<&String>,
) -> Result<Belongings<Result<T, Problem>>> {
    let (items, is_end) = items(body)?;
    let mut page = Belongings { by_order: BTreeMap::new(), last_id: after, is_end };
    for (index, raw) in items.iter().enumerate() {
        let whose: OfOrder = serde_json::from_str(raw.get())
            .map_err(|_| unreadable(index, "order_id", "expected a number"))?;
        let id: Option<u64> = id(&whose).and_then(|id| id.trim().parse().ok());
        page.last_id = id
            .filter(|id| *id > page.last_id)
            .ok_or_else(|| unreadable(index, "id", NOT_ASCENDING))?;
        page.by_order.entry(whose.order_id).or_default().push(read(raw));
    }
    Ok(page)
}

fn unreadable(index: usize, field: &str, what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("a row of the answer cannot be placed: {what}"))
        .with("path", format!("items[{index}].{field}"))
}

impl Row {
    /// The order as an event, or what is wrong with it.
    pub(crate) fn event(
        &self,
        attached: Result<Attached, Problem>,
        config: &DermproConfig,
        read_at: DateTime<Utc>,
    ) -> Result<Event, Box<Rejected>> {
        let mapped = attached
            .and_then(|attached| map::order(&read::<wire::Order>(&self.raw)?, &attached, config));
        match mapped {
            Ok((order, changed_at)) => {
                let id = RecordId::new(order.number.as_str());
                let record = Record::Order(Box::new(order));
                let practice = config.practice.clone();
                Ok(Event::new(practice, id, record, Some(changed_at), read_at))
            }
            Err(problem) => Err(Box::new(self.rejected(problem, config))),
        }
    }

    fn rejected(&self, problem: Problem, config: &DermproConfig) -> Rejected {
        let key = self.key.increment_id.as_deref().zip(self.key.store_id.as_deref());
        let key = key.map(|(number, view)| RecordKey {
            practice: config.practice.clone(),
            kind: RecordKind::Order,
            id: RecordId::new(map::order_number(number.trim(), view, config.store_id).as_str()),
        });
        Rejected {
            key,
            path: format!("items[{}].{}", self.index, problem.place),
            problem: problem.message,
            raw: Phi::new(without_card(&self.raw)),
        }
    }
}

/// Whether an order was placed at or after `placed`, and changed at or after `changed`. One that
/// does not say so readably is wanted, so that somebody hears of it.
pub(crate) fn is_within(key: &Key, placed: DateTime<Utc>, changed: Option<DateTime<Utc>>) -> bool {
    let is_since = |field: &Option<String>, since: DateTime<Utc>| {
        field.as_deref().and_then(|text| time::utc(text).ok()).is_none_or(|at| at >= since)
    };
    is_since(&key.created_at, placed)
        && changed.is_none_or(|since| is_since(&key.updated_at, since))
}

/// Reads a row; the problem names the path and not the value.
fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Problem::new(error.path().to_string(), "is not of the expected shape"))
}

/// The row for a person to look at. A store that ignores `fields` sends card data and the
/// buyer's address on the network, and they are not kept.
fn without_card(raw: &RawValue) -> String {
    const PAYMENT: [&str; 3] = ["method", "cc_type", "amount_paid"];
    let mut row = match serde_json::from_str(raw.get()) {
        Ok(Value::Object(row)) => row,
        // A list could hold an order; a text or a number does not.
        Ok(Value::Array(_)) | Err(_) => return String::new(),
        Ok(scalar) => return scalar.to_string(),
    };
    for hidden in ["remote_ip", "x_forwarded_for", "extension_attributes", "status_histories"] {
        row.remove(hidden);
    }
    match row.get_mut("payment") {
        Some(Value::Object(payment)) => payment.retain(|field, _| PAYMENT.contains(&&**field)),
        Some(other) => *other = Value::Null,
        None => {}
    }
    Value::Object(row).to_string()
}
