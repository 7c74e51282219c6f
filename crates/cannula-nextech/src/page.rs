//! A page of search results, read without I/O.

use std::str::Utf8Error;

use cannula_core::{
    Currency, Error, ErrorKind, Event, PatientId, Phi, PracticeId, RecordId, RecordKey, RecordKind,
    Rejected, Result, Retry,
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    errors,
    map::{self, Context, Mapped, Problem},
    payment_map, payment_wire,
    profile::Product,
    repeated, time,
    wire::{self, list, text},
};

/// Reads pages of one practice. No I/O and no clock, so that it can be tested and measured alone.
///
/// Text is borrowed from the page, which is read in one pass; only where a row is not of the
/// expected form are rows read one by one. One that cannot be read is in
/// [`ParsedPage::rejected`], with the JSON path of what was wrong, and harms no other.
///
/// ```
/// use cannula_core::RecordKind;
/// use cannula_nextech::{PageParser, Product};
///
/// let body = br#"{"resourceType":"Bundle","total":2,"entry":[
///   {"resource":{"resourceType":"Appointment","id":"7","status":"booked"}},
///   {"resource":{"resourceType":"Appointment","id":"8","start":"soon"}}]}"#;
/// let parser = PageParser::new(Product::Select, "practice".into(), chrono_tz::America::New_York);
/// let page = parser.parse(RecordKind::Appointment, body, chrono::DateTime::UNIX_EPOCH)?;
/// assert_eq!(page.events[0].key.id.as_str(), "7");
/// assert_eq!(page.rejected[0].path, "entry[1].resource.start");
/// # Ok::<(), cannula_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PageParser {
    practice: PracticeId,
    context: Context,
}

/// What a page holds.
#[derive(Clone, Debug, Default)]
pub struct ParsedPage {
    /// The rows that could be read, in the vendor's order.
    pub events: Vec<Event>,
    /// The rows that could not.
    pub rejected: Vec<Rejected>,
    /// The link to the next page, unchecked.
    pub next: Option<String>,
    /// How many rows the whole search has, where the vendor says so.
    pub total: Option<u64>,
    /// The newest `meta.lastUpdated` on the page, rejected rows included.
    pub newest: Option<DateTime<Utc>>,
    /// Whose payments are among the rejected rows.
    pub(crate) rejected_owners: Vec<PatientId>,
}

/// A kind of record: its wire form and how to map it.
trait Kind {
    const NAME: &'static str;
    const RECORD: RecordKind;
    type Wire<'a>: Deserialize<'a>;
    fn resource_type<'r>(row: &'r Self::Wire<'_>) -> Option<&'r str>;
    fn map(row: &Self::Wire<'_>, context: Context) -> Result<Mapped, Problem>;

    /// Whose ledger a row belongs to that cannot be read.
    fn owner(_raw: &str) -> Option<PatientId> {
        None
    }
}

enum Appointments {}

impl Kind for Appointments {
    const NAME: &'static str = "Appointment";
    const RECORD: RecordKind = RecordKind::Appointment;
    type Wire<'a> = wire::Appointment<'a>;

    fn resource_type<'r>(row: &'r Self::Wire<'_>) -> Option<&'r str> {
        text(&row.resource_type)
    }

    fn map(row: &Self::Wire<'_>, context: Context) -> Result<Mapped, Problem> {
        map::appointment(row, context)
    }
}

enum Patients {}

impl Kind for Patients {
    const NAME: &'static str = "Patient";
    const RECORD: RecordKind = RecordKind::Patient;
    type Wire<'a> = wire::Patient<'a>;

    fn resource_type<'r>(row: &'r Self::Wire<'_>) -> Option<&'r str> {
        text(&row.resource_type)
    }

    fn map(row: &Self::Wire<'_>, context: Context) -> Result<Mapped, Problem> {
        map::patient(row, context)
    }
}

enum Payments {}

impl Kind for Payments {
    const NAME: &'static str = "PaymentReconciliation";
    const RECORD: RecordKind = RecordKind::Payment;
    type Wire<'a> = payment_wire::Payment<'a>;

    fn resource_type<'r>(row: &'r Self::Wire<'_>) -> Option<&'r str> {
        text(&row.resource_type)
    }

    fn map(row: &Self::Wire<'_>, context: Context) -> Result<Mapped, Problem> {
        payment_map::payment(row, context)
    }

    fn owner(raw: &str) -> Option<PatientId> {
        payment_map::owner(raw)
    }
}

impl PageParser {
    /// A parser for a practice; `zone` is the practice's. Amounts are in US dollars.
    pub fn new(product: Product, practice: PracticeId, zone: Tz) -> Self {
        let context = Context { profile: product.profile(), zone, currency: Currency::USD };
        Self { practice, context }
    }

    /// Reads amounts as ones in this currency; Nextech prints none.
    #[must_use]
    pub fn currency(mut self, currency: Currency) -> Self {
        self.context.currency = currency;
        self
    }

    /// Reads a page of `kind`. `read_at` orders records that carry no time of change.
    ///
    /// Takes a Bundle, a bare resource or a resource in a stray `{"resource": …}`; entries and
    /// counts may be missing. Fails only if the answer as a whole is none of these.
    pub fn parse(
        &self,
        kind: RecordKind,
        body: &[u8],
        read_at: DateTime<Utc>,
    ) -> Result<ParsedPage> {
        match kind {
            RecordKind::Appointment => self.page::<Appointments>(body, read_at),
            RecordKind::Patient => self.page::<Patients>(body, read_at),
            RecordKind::Payment => self.page::<Payments>(body, read_at),
            other => {
                Err(Error::new(ErrorKind::Unsupported, "there is no such feed").with("kind", other))
            }
        }
    }

    fn page<K: Kind>(&self, body: &[u8], read_at: DateTime<Utc>) -> Result<ParsedPage> {
        let body = std::str::from_utf8(body).map_err(not_utf8)?.trim_start_matches('\u{feff}');
        let reader = Reader { parser: self, read_at };
        match serde_json::from_str::<wire::Answer<'_, wire::Entry<K::Wire<'_>>>>(body) {
            Ok(answer) if answer.is_bundle() => Ok(reader.good_bundle::<K>(body, answer)),
            _ => reader.anything::<K>(body),
        }
    }
}

/// Reads one answer.
struct Reader<'p> {
    parser: &'p PageParser,
    read_at: DateTime<Utc>,
}

impl Reader<'_> {
    /// A Bundle whose rows are all of the expected form: the usual case, read in one pass.
    fn good_bundle<K: Kind>(
        &self,
        body: &str,
        answer: wire::Answer<'_, wire::Entry<K::Wire<'_>>>,
    ) -> ParsedPage {
        let mut page = page_of(&answer);
        let entries = answer.entry.unwrap_or_default();
        page.events.reserve(entries.len());
        let mut raw = None;
        for (index, entry) in entries.into_iter().enumerate() {
            match mapped::<K>(entry, self.parser.context) {
                Ok(row) => self.accept(row, &mut page),
                Err(problem) => {
                    let rows = raw.get_or_insert_with(|| raw_rows(body));
                    let row = rows.get(index).map_or("", |row| row.get());
                    self.reject::<K>(row, &format!("entry[{index}]."), problem, &mut page);
                }
            }
        }
        page
    }

    /// Any other answer: a Bundle with a row of another form, a bare resource, or no page at all.
    #[cold]
    fn anything<K: Kind>(&self, body: &str) -> Result<ParsedPage> {
        let mut answer = answer(body)?;
        // A resource wrapped in `{"resource": …}` may itself be a Bundle.
        if let (None, Some(inner)) = (&answer.entry, answer.resource) {
            let inner = self::answer(inner.get())?;
            if inner.is_bundle() {
                answer = inner;
            }
        }
        let mut page = page_of(&answer);
        if answer.is_bundle() {
            for (index, row) in list(&answer.entry).iter().enumerate() {
                self.take::<K>(row.get(), &format!("entry[{index}]."), &mut page);
            }
        } else if answer.resource.is_some() {
            self.take::<K>(body, "", &mut page);
        } else if text(&answer.resource_type).is_some_and(|it| it.eq_ignore_ascii_case(K::NAME)) {
            self.take::<K>(&format!("{{\"resource\":{body}}}"), "", &mut page);
        } else {
            return Err(errors::not_a_page(body.as_bytes()));
        }
        Ok(page)
    }

    fn take<K: Kind>(&self, raw: &str, prefix: &str, page: &mut ParsedPage) {
        match read::<K>(raw, self.parser.context) {
            Ok(row) => self.accept(row, page),
            Err(problem) => self.reject::<K>(raw, prefix, problem, page),
        }
    }

    /// Adds a row; `None` is a remark of the server's.
    fn accept(&self, row: Option<Mapped>, page: &mut ParsedPage) {
        let Some(Mapped { id, record, stamp }) = row else {
            tracing::debug!("skipped a row that is a remark");
            return;
        };
        page.newest = page.newest.max(stamp);
        let practice = self.parser.practice.clone();
        page.events.push(Event::new(practice, id, record, stamp, self.read_at));
    }

    #[cold]
    fn reject<K: Kind>(&self, raw: &str, prefix: &str, problem: Problem, page: &mut ParsedPage) {
        let (id, stamp) = recognise::<K>(raw);
        page.newest = page.newest.max(stamp);
        page.rejected_owners.extend(K::owner(raw));
        let practice = self.parser.practice.clone();
        page.rejected.push(Rejected {
            key: id.map(|id| RecordKey { practice, kind: K::RECORD, id }),
            path: format!("{prefix}{}", problem.path),
            problem: problem.what,
            raw: Phi::new(without_social_security(raw)),
        });
    }
}

/// The rows of a Bundle as they were received.
fn raw_rows(body: &str) -> Vec<&RawValue> {
    answer(body).ok().and_then(|answer| answer.entry).unwrap_or_default()
}

/// A page without its rows.
fn page_of<E>(answer: &wire::Answer<'_, E>) -> ParsedPage {
    ParsedPage {
        next: answer.next().map(str::to_owned),
        total: answer.count(),
        ..ParsedPage::default()
    }
}

fn not_utf8(error: Utf8Error) -> Error {
    match error.error_len() {
        Some(_) => Error::new(ErrorKind::Decode, "the answer is not UTF-8"),
        // A letter of several bytes is cut.
        None => ends_early(),
    }
}

fn ends_early() -> Error {
    Error::new(ErrorKind::Decode, "the answer ends early").retry(Retry::Backoff)
}

fn answer(body: &str) -> Result<wire::Answer<'_, &RawValue>> {
    serde_json::from_str(body).map_err(|error| {
        // The shape of the answer is all-optional: what fails is the text being no JSON object.
        if error.is_eof() {
            return ends_early();
        }
        Error::new(ErrorKind::Decode, "the answer is neither a Bundle nor a resource")
            .with("at", format!("line {} column {}", error.line(), error.column()))
    })
}

/// Reads a row; `None` if it is a remark of the server's and not a record.
fn read<K: Kind>(raw: &str, context: Context) -> Result<Option<Mapped>, Problem> {
    match serde_json::from_str::<wire::Entry<K::Wire<'_>>>(raw) {
        Ok(entry) => mapped::<K>(entry, context),
        Err(_) => read_again::<K>(raw, context),
    }
}

/// Reads a row that is not as expected, this time keeping track of the path. Repeated keys, which
/// are in Nextech's own samples, are taken as JavaScript takes them: the last one counts.
#[cold]
fn read_again<K: Kind>(raw: &str, context: Context) -> Result<Option<Mapped>, Problem> {
    let last_wins = repeated::last_wins(raw);
    if let Ok(entry) = serde_json::from_str::<wire::Entry<K::Wire<'_>>>(&last_wins) {
        return mapped::<K>(entry, context);
    }
    let mut reader = serde_json::Deserializer::from_str(raw);
    match serde_path_to_error::deserialize::<_, wire::Entry<K::Wire<'_>>>(&mut reader) {
        Ok(entry) => mapped::<K>(entry, context),
        Err(error) => {
            Err(Problem::new(&error.path().to_string(), expectation(&error.into_inner())))
        }
    }
}

fn mapped<K: Kind>(
    entry: wire::Entry<K::Wire<'_>>,
    context: Context,
) -> Result<Option<Mapped>, Problem> {
    let row = entry.resource.ok_or_else(|| Problem::new("resource", "is missing"))?;
    match K::resource_type(&row) {
        Some("OperationOutcome") => Ok(None),
        Some(other) if !other.eq_ignore_ascii_case(K::NAME) => {
            Err(Problem::new("resource.resourceType", format!("expected {}", K::NAME)))
        }
        _ => K::map(&row, context).map(Some),
    }
}

/// What would have been right, from a serde error whose other half may quote the value.
fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text.rsplit_once("expected ").map(|(_, expected)| expected);
    let expected = expected.and_then(|it| it.split(" at line ").next());
    match expected {
        Some("a sequence") => "expected a list".to_owned(),
        Some(name) if name.starts_with("struct ") => "expected an object".to_owned(),
        Some(other) => format!("expected {other}"),
        None => "cannot be read".to_owned(),
    }
}

/// Id and time of change of a row that cannot be read, as far as they can be told.
fn recognise<K: Kind>(raw: &str) -> (Option<RecordId>, Option<DateTime<Utc>>) {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    let resource = &value["resource"];
    let kind = resource["resourceType"].as_str().unwrap_or(K::NAME);
    if !kind.eq_ignore_ascii_case(K::NAME) {
        return (None, None);
    }
    let id = match &resource["id"] {
        Value::String(id) if !id.trim().is_empty() => Some(id.trim().to_ascii_lowercase()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    let stamp = resource["meta"]["lastUpdated"].as_str().and_then(time::instant);
    (id.map(RecordId::new), stamp)
}

/// A row as it may be kept: as received, but without social security numbers.
fn without_social_security(raw: &str) -> String {
    if !wire::is_social_security(raw) {
        return raw.to_owned();
    }
    let mut value: Value = serde_json::from_str(raw).unwrap_or_default();
    strip(&mut value);
    value.to_string()
}

fn strip(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(fields) => {
            let marked = fields.values().filter_map(Value::as_str).any(wire::is_social_security);
            if marked && fields.contains_key("value") {
                fields.insert("value".to_owned(), "[removed]".into());
            }
            fields.values_mut().for_each(strip);
        }
        _ => {}
    }
}
