//! From a `PaymentReconciliation` to a row of the ledger. Pure.
//!
//! What decides whether money counts is read strictly: a row that leaves it open is rejected, for
//! a person to look at, rather than guessed. Rows that count for nothing anyway (insurers',
//! voided, deleted) are held to less, so that nothing keeps a void from being seen.

use cannula_core::{
    Correction, Money, Named, PatientId, Payer, Payment, PaymentKind, PaymentStatus, Phi, Record,
    RecordId,
};
use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::{Value, value::RawValue};

use crate::{
    amount::amount,
    map::{Context, Mapped, Problem, Target, identifier, named, patient_id, stamp},
    payment_wire::{self as wire, Extension},
    time,
    wire::{Contained, Entry, Reference, late, list, text},
};

pub(crate) fn payment(row: &wire::Payment<'_>, context: Context) -> Result<Mapped, Problem> {
    let id = match text(&row.id) {
        Some(id) => id.to_owned(),
        None => identifier(&late(row.identifier), "official")
            .ok_or_else(|| Problem::new("resource.id", "is missing"))?
            .to_owned(),
    };
    let (status, payer, amount) = (status(row)?, payer(row), total(row, context)?);
    let counts = status == PaymentStatus::Active && payer == Payer::Patient;
    let contained: Vec<Contained<'_>> = late(row.contained);
    let payment = Payment {
        items: Vec::new(),
        patient: patient(list(&row.extension))?,
        kind: kind(row, counts)?,
        payer,
        status,
        amount,
        date: date(row, context.zone)?,
        method: word(row, "payment-method"),
        category: word(row, "payment-category"),
        description: description(row),
        practitioner: provider(row, &contained),
        location: extensions(row, "Location")
            .find_map(|extension| linked(extension.reference()?, &contained)),
        corrections: corrections(row),
    };
    Ok(Mapped { id: RecordId::new(id), record: Record::Payment(payment), stamp: stamp(&row.meta)? })
}

/// Whose a row is that cannot be read as a whole.
pub(crate) fn owner(raw: &str) -> Option<PatientId> {
    let row: Entry<wire::Owned<'_>> = serde_json::from_str(raw).ok()?;
    patient(list(&row.resource?.extension)).ok()?
}

fn extensions<'r>(
    row: &'r wire::Payment<'_>,
    name: &'r str,
) -> impl Iterator<Item = &'r Extension<'r>> {
    list(&row.extension).iter().filter(move |it| it.is(name))
}

/// Select has the patient under a key that FHIR does not know, and either product may lack it:
/// then the money has no owner. One who is named but not referred to could not be told apart from
/// that, and is a problem.
fn patient(extensions: &[Extension<'_>]) -> Result<Option<PatientId>, Problem> {
    for (index, extension) in extensions.iter().enumerate() {
        let Some(reference) = extension.reference().filter(|_| extension.is("Patient")) else {
            continue;
        };
        if let Some(target) = text(&reference.reference) {
            return Ok(Some(patient_id(Target::of(target).id)));
        }
        if text(&reference.display).is_some() {
            let path = format!("resource.extension[{index}]");
            return Err(Problem::new(&path, "expected a reference such as Patient/5"));
        }
    }
    Ok(None)
}

fn status(row: &wire::Payment<'_>) -> Result<PaymentStatus, Problem> {
    let written = text(&row.status).map(str::to_ascii_lowercase);
    match written.as_deref() {
        Some("active") => Ok(PaymentStatus::Active),
        Some("cancelled") => Ok(PaymentStatus::Voided),
        Some("entered-in-error") => Ok(PaymentStatus::EnteredInError),
        _ => Err(Problem::new("resource.status", "expected active, cancelled or entered-in-error")),
    }
}

/// "If there is no organization, it is patient responsibility": documentation of
/// PaymentReconciliation, both products. It may be a reference or the organization itself.
fn payer(row: &wire::Payment<'_>) -> Payer {
    let organization = row.organization.map(|raw| serde_json::from_str(raw.get()));
    match organization {
        Some(Ok(value)) if says_nothing(&value) => Payer::Patient,
        Some(_) => Payer::Insurer,
        None => Payer::Patient,
    }
}

/// Nextech pads objects with empty texts.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(fields) => fields.values().all(says_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The signed total; where there is none, the sum of the details.
fn total(row: &wire::Payment<'_>, context: Context) -> Result<Money, Problem> {
    if let Some(total) = amount(row.total, "resource.total", context.currency)? {
        return Ok(total);
    }
    let missing = || Problem::new("resource.total", "is missing");
    let mut sum = None;
    for (index, detail) in list(&row.detail).iter().enumerate() {
        let path = format!("resource.detail[{index}].amount");
        let part = amount(detail.amount, &path, context.currency)?.ok_or_else(missing)?;
        let before = sum.unwrap_or(Money::zero(context.currency));
        let added = before.checked_add(part);
        sum = Some(added.ok_or_else(|| Problem::new(&path, "makes the sum too large"))?);
    }
    sum.ok_or_else(missing)
}

/// What a code says a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    Payment,
    Adjustment,
}

/// The code list of the extension `adjustment-types`, from the Practice+ documentation of
/// PaymentReconciliation.
const ADJUSTMENT_TYPES: [(&str, &str, Nature); 9] = [
    ("1", "payment", Nature::Payment),
    ("2", "insurance adjustment", Nature::Adjustment),
    ("3", "manual adjustment", Nature::Adjustment),
    ("4", "return", Nature::Adjustment),
    ("5", "interest", Nature::Adjustment),
    ("6", "denial", Nature::Adjustment),
    ("7", "incentive", Nature::Adjustment),
    ("8", "collections", Nature::Adjustment),
    ("9", "payment write off", Nature::Adjustment),
];

fn by_adjustment_type(code: &str) -> Option<Nature> {
    let is_it = |(number, name, _): &&(&str, &str, Nature)| {
        code == *number || code.eq_ignore_ascii_case(name)
    };
    ADJUSTMENT_TYPES.iter().find(is_it).map(|(_, _, nature)| *nature)
}

/// FHIR's payment types: `payment`, `adjustment`, and `advance`, which is money all the same.
fn by_detail_type(code: &str) -> Option<Nature> {
    match code.to_ascii_lowercase().as_str() {
        "payment" | "advance" => Some(Nature::Payment),
        "adjustment" => Some(Nature::Adjustment),
        _ => None,
    }
}

/// Payment or adjustment: by Practice+'s own extension, else by the details. Money that is not
/// applied to anything has neither and is a payment.
fn kind(row: &wire::Payment<'_>, counts: bool) -> Result<PaymentKind, Problem> {
    let typed: Vec<_> = extensions(row, "adjustment-types")
        .flat_map(Extension::codes)
        .map(by_adjustment_type)
        .collect();
    let (natures, path, expected) = if typed.is_empty() {
        let details = list(&row.detail).iter().filter_map(|detail| detail.kind.as_ref());
        let natures = details.flat_map(|kind| kind.codes()).map(by_detail_type).collect();
        (natures, "resource.detail", "expected types payment or adjustment")
    } else {
        (typed, "resource.extension", "expected adjustment-types from 1 to 9")
    };
    let has = |nature| natures.contains(&Some(nature));
    let (money, adjustment) = (has(Nature::Payment), has(Nature::Adjustment));
    let problem = if natures.contains(&None) {
        Some(expected)
    } else if money && adjustment {
        Some("expected payments or adjustments, not both: what was paid cannot be told")
    } else {
        None
    };
    match problem.filter(|_| counts) {
        Some(problem) => Err(Problem::new(path, problem)),
        None if adjustment && !money => Ok(PaymentKind::Adjustment),
        None => Ok(PaymentKind::Payment),
    }
}

/// The day of payment. A moment is shown on the practice's calendar: Select writes local midnight
/// in UTC.
fn date(row: &wire::Payment<'_>, zone: Tz) -> Result<Option<NaiveDate>, Problem> {
    let extensions = list(&row.extension).iter().enumerate();
    for (index, extension) in extensions.filter(|(_, it)| it.is("payment-date")) {
        let (key, written) = match text(&extension.value_date) {
            Some(written) => ("valueDate", Some(written)),
            None => ("valueDateTime", text(&extension.value_date_time)),
        };
        let Some(written) = written else { continue };
        return time::day(written, zone).map(Some).ok_or_else(|| {
            let path = format!("resource.extension[{index}].{key}");
            Problem::new(&path, "expected a date or timestamp such as 2031-05-06")
        });
    }
    Ok(None)
}

fn word(row: &wire::Payment<'_>, name: &str) -> Option<String> {
    extensions(row, name).find_map(|it| text(&it.value_string)).map(str::to_owned)
}

/// The notes, joined as Nextech itself joins them.
fn description(row: &wire::Payment<'_>) -> Option<Phi<String>> {
    let notes: Vec<wire::Note<'_>> = late(row.process_note);
    let notes: Vec<_> = notes.iter().filter_map(|note| text(&note.text)).collect();
    (!notes.is_empty()).then(|| Phi::new(notes.join(" ")))
}

fn provider(row: &wire::Payment<'_>, contained: &[Contained<'_>]) -> Option<Named> {
    let raw: &RawValue = row.request_provider?;
    linked(&serde_json::from_str(raw.get()).ok()?, contained)
}

/// What a reference names, be it a resource of its own or one the row contains.
fn linked(reference: &Reference<'_>, contained: &[Contained<'_>]) -> Option<Named> {
    let target = text(&reference.reference).map(Target::of);
    let inside = target.as_ref().and_then(|target| target.find_in(contained));
    let id = match inside {
        Some(it) => identifier(list(&it.identifier), "official").or(text(&it.id)),
        None => target.filter(|target| !target.contained).map(|target| target.id),
    };
    named(reference, id, inside)
}

type Part = fn(Option<RecordId>) -> Correction;

/// Practice+'s roles in voids and corrections, each with its correction type and its link.
const PARTS: [(&str, &str, Part); 3] = [
    ("voided", "voided-by", Correction::VoidedBy),
    ("voiding", "voids", Correction::Voids),
    ("recreation", "recreates", Correction::Recreates),
];

/// The row's parts in voids and corrections; Select has none. Ids in links need not be those of
/// any row: in Nextech's own sample they are not.
fn corrections(row: &wire::Payment<'_>) -> Vec<Correction> {
    let codes = extensions(row, "correction-types").flat_map(Extension::codes);
    let types: Vec<_> = codes.map(str::to_ascii_lowercase).collect();
    // Two roles may share a code, such as `recreation+voided`.
    let roles = types.iter().flat_map(|code| code.split(|it: char| !it.is_alphabetic()));
    let mut corrections = Vec::new();
    for (role, link, part) in PARTS {
        let before = corrections.len();
        corrections.extend(links(row, link).map(|id| part(Some(id))));
        if corrections.len() == before && roles.clone().any(|it| it == role) {
            corrections.push(part(None));
        }
    }
    corrections
}

fn links<'r>(row: &'r wire::Payment<'_>, name: &'r str) -> impl Iterator<Item = RecordId> {
    extensions(row, name)
        .filter_map(|extension| text(&extension.reference()?.reference))
        .map(|target| RecordId::new(Target::of(target).id))
}
