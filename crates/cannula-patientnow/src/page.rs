//! Pages: a bare array of rows, and headers that tell how many there are. Pure.

use std::collections::BTreeSet;

use cannula_core::{
    Error, ErrorKind, Event, Record, RecordId, RecordKey, RecordKind, Rejected, Result,
};
use cannula_http::{HeaderMap, decode};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::value::RawValue;

use crate::{
    config::{MembershipReads, PatientNowConfig},
    map::{self, Mapped, Reading},
    membership, order,
    requests::PageOf,
    row::{Problem, Row},
};

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Customer,
    Appointment,
    Order,
    Membership,
}

/// One page, mapped.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) events: Vec<Event>,
    pub(crate) rejected: Vec<Rejected>,
    /// Customers whose orders on the page sell memberships, if those are to be read by customer.
    pub(crate) buyers: Vec<String>,
    /// What the orders on the page sell.
    pub(crate) sold: Vec<Sold>,
    /// Rows the vendor sent, whatever became of them.
    pub(crate) count: u64,
    pub(crate) extent: Extent,
    /// What tells this page from another.
    pub(crate) mark: String,
}

/// An order and the memberships that its lines sell.
#[derive(Debug)]
pub(crate) struct Sold {
    pub(crate) order: String,
    pub(crate) memberships: BTreeSet<String>,
    pub(crate) stamp: Option<DateTime<Utc>>,
    /// The latest day it speaks of.
    pub(crate) latest: Option<NaiveDate>,
}

impl Sold {
    /// Of an order's payment and what else was made of it.
    fn of(mapped: &[Mapped]) -> Option<Self> {
        let (payment, others) = mapped.split_first()?;
        let id = |it: &Mapped| match &it.record {
            Record::Pointer(pointer) => pointer.key.id.as_str().to_owned(),
            _ => it.id.as_str().to_owned(),
        };
        Some(Self {
            order: id(payment),
            memberships: others.iter().map(id).collect(),
            stamp: payment.stamp,
            latest: payment.latest,
        })
    }
}

/// What the headers say. Not every list carries them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) rows: Option<u64>,
    pub(crate) pages: Option<u64>,
}

impl Extent {
    /// `DataTotalRows` and `DataTotalPages`, in any case.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        Self { rows: number("datatotalrows"), pages: number("datatotalpages") }
    }

    /// Whether nothing follows a page of `count` rows after `seen` others. The headers are
    /// believed before the rows are counted; an empty page ends every list.
    pub(crate) fn is_last(&self, page: PageOf, seen: u64, count: u64) -> bool {
        if count == 0 {
            return true;
        }
        match (self.pages, self.rows) {
            (Some(pages), _) => u64::from(page.page) >= pages,
            (None, Some(rows)) => seen + count >= rows,
            (None, None) => count < u64::from(page.rows),
        }
    }
}

/// What rows are read with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) config: &'a PatientNowConfig,
    pub(crate) read_at: DateTime<Utc>,
    /// Rows that speak of no day since are left out: the vendor may not heed the filter.
    pub(crate) since: Option<NaiveDate>,
    /// The patient was registered just now, as a delivery told.
    pub(crate) is_new: bool,
}

impl Reader<'_> {
    /// Reads a list.
    pub(crate) fn list(&self, kind: Kind, headers: &HeaderMap, body: &[u8]) -> Result<Parsed> {
        let rows: Vec<Box<RawValue>> = decode(body)?;
        let mut parsed = Parsed {
            count: rows.len() as u64,
            extent: Extent::of(headers),
            mark: mark(rows.first().map_or("", |row| row.get())),
            ..Parsed::default()
        };
        for (index, row) in rows.iter().enumerate() {
            self.row(kind, row.get(), &format!("[{index}]"), &mut parsed);
        }
        Ok(parsed)
    }

    /// Reads one record, bare or as the only row of a list.
    pub(crate) fn one(&self, kind: Kind, body: &[u8]) -> Result<Parsed> {
        if body.trim_ascii_start().first() == Some(&b'[') {
            return self.list(kind, &HeaderMap::new(), body);
        }
        let row: Box<RawValue> = decode(body)?;
        let mut parsed = Parsed { count: 1, ..Parsed::default() };
        self.row(kind, row.get(), "", &mut parsed);
        Ok(parsed)
    }

    fn row(&self, kind: Kind, raw: &str, place: &str, parsed: &mut Parsed) {
        let Some(row) = Row::read(raw) else {
            let problem = Problem::new("", "expected an object");
            return parsed.rejected.push(rejected(None, raw, place, problem));
        };
        let reading = Reading { config: self.config, row: &row, at: self.read_at };
        let is_ours = kind == Kind::Customer || self.config.concerns(reading.company().as_deref());
        if !is_ours {
            return;
        }
        match self.map(kind, reading) {
            Ok(mut mapped) => {
                mapped.retain(|it| self.is_recent(it));
                if kind == Kind::Order {
                    parsed.sold.extend(Sold::of(&mapped));
                }
                parsed.events.extend(mapped.into_iter().map(|it| self.event(it)));
            }
            Err(problem) => {
                let key = self.key(kind, reading);
                parsed.rejected.push(rejected(key, raw, place, problem));
            }
        }
        if kind == Kind::Order
            && self.config.memberships == MembershipReads::Customers
            && membership::sells_any(reading)
        {
            parsed.buyers.extend(reading.patient().map(|it| it.as_str().to_owned()));
        }
    }

    fn map(&self, kind: Kind, reading: Reading<'_>) -> Result<Vec<Mapped>, Problem> {
        Ok(match kind {
            Kind::Customer => map::patient(reading)?.into_iter().collect(),
            Kind::Appointment => vec![map::appointment(reading)?],
            Kind::Membership => vec![membership::membership(reading)?],
            Kind::Order => {
                let order = order::order(reading)?;
                std::iter::once(order.payment).chain(order.memberships).collect()
            }
        })
    }

    fn key(&self, kind: Kind, reading: Reading<'_>) -> Option<RecordKey> {
        let fields = reading.fields();
        let (kind, field) = match kind {
            Kind::Customer => (RecordKind::Patient, fields.customer_id),
            Kind::Appointment => (RecordKind::Appointment, fields.appointment_id),
            Kind::Order => (RecordKind::Payment, fields.order_id),
            Kind::Membership => (RecordKind::Membership, fields.membership_id),
        };
        let id = RecordId::new(reading.row.id(field)?);
        Some(RecordKey { practice: self.config.practice.clone(), kind, id })
    }

    fn is_recent(&self, mapped: &Mapped) -> bool {
        match (self.since, mapped.latest) {
            (Some(since), Some(latest)) => latest >= since,
            _ => true,
        }
    }

    fn event(&self, mut mapped: Mapped) -> Event {
        if let Record::Patient(patient) = &mut mapped.record {
            patient.is_new = self.is_new;
        }
        let practice = self.config.practice.clone();
        Event::new(practice, mapped.id, mapped.record, mapped.stamp, self.read_at)
    }
}

impl Parsed {
    /// The first rejected row as an error, for reads that need every row.
    pub(crate) fn complaint(&self) -> Option<Error> {
        let row = self.rejected.first()?;
        Some(Error::new(ErrorKind::Decode, row.problem.clone()).with("path", &row.path))
    }
}

fn rejected(key: Option<RecordKey>, raw: &str, place: &str, problem: Problem) -> Rejected {
    let dot = if place.is_empty() || problem.path.is_empty() { "" } else { "." };
    Rejected {
        key,
        path: format!("{place}{dot}{}", problem.path),
        problem: problem.what,
        raw: raw.to_owned().into(),
    }
}

fn mark(first_row: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(first_row);
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_its_headers_say_or_else_with_a_short_page() {
        let page = |number| PageOf::first(200).number(number);
        let headers = |rows, pages| Extent { rows, pages };
        let table = [
            // (headers, page, seen, count, is last)
            (headers(None, None), 1, 0, 100, false),
            (headers(None, None), 1, 0, 99, true),
            (headers(None, None), 2, 100, 0, true),
            (headers(Some(250), Some(3)), 2, 100, 100, false),
            (headers(Some(250), Some(3)), 3, 200, 50, true),
            // Short of what was asked, and yet not the last.
            (headers(None, Some(3)), 1, 0, 50, false),
            (headers(Some(150), None), 2, 50, 50, false),
            (headers(Some(150), None), 3, 100, 50, true),
            (headers(None, Some(9)), 3, 200, 0, true),
        ];
        for (extent, number, seen, count, last) in table {
            assert_eq!(
                extent.is_last(page(number), seen, count),
                last,
                "{extent:?} page {number} with {count} rows"
            );
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_nonsense_in_them_is_none() {
        let mut headers = HeaderMap::new();
        headers.insert("DataTotalRows", "3".parse().unwrap());
        headers.insert("DataTotalPages", "many".parse().unwrap());
        assert_eq!(Extent::of(&headers), Extent { rows: Some(3), pages: None });
    }
}
