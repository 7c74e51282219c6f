//! From Nextech's words to ours. Pure.

use cannula_core::{
    Appointment, AppointmentStatus, Currency, Named, Patient, PatientId, PersonName, Phi, Phone,
    PhoneUse, Record, RecordId,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::{
    profile::Profile,
    time,
    wire::{self, list, text},
};

/// One row, mapped.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) id: RecordId,
    pub(crate) record: Record,
    pub(crate) stamp: Option<DateTime<Utc>>,
}

/// Why a row cannot be used: where, and what would be right. Never the value.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The path within the row, such as `resource.start`.
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), what: what.into() }
    }
}

/// What mapping depends on besides the row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) profile: &'static Profile,
    pub(crate) zone: Tz,
    /// What amounts are in.
    pub(crate) currency: Currency,
}

pub(crate) fn appointment(
    row: &wire::Appointment<'_>,
    context: Context,
) -> Result<Mapped, Problem> {
    let id = match text(&row.id) {
        Some(id) => id.to_owned(),
        None => identifier(&wire::late(row.identifier), "official")
            .ok_or_else(|| Problem::new("resource.id", "is missing"))?
            .to_owned(),
    };
    let actors = Actors::of(row);
    let appointment = Appointment {
        also: Vec::new(),
        patient: actors.patient(),
        status: status(row),
        kind: extensions(row, "appointment-type").next(),
        purposes: extensions(row, "appointment-purpose").collect(),
        start: visit(&row.start, "resource.start", context.zone)?,
        end: visit(&row.end, "resource.end", context.zone)?,
        practitioner: actors.named("Practitioner"),
        location: actors.named("Location"),
    };
    Ok(Mapped {
        id: RecordId::new(id),
        record: Record::Appointment(appointment),
        stamp: stamp(&row.meta)?,
    })
}

/// The FHIR codes, in any case. Nextech's prose also says `Booked`; its "confirmed" is `booked`.
/// Select leaves the code out for a status the practice made up and names it in an extension.
fn status(row: &wire::Appointment<'_>) -> AppointmentStatus {
    use AppointmentStatus as S;
    let Some(code) = text(&row.status) else {
        return extensions(row, "appointment-status").next().map_or_else(
            || S::Unknown("(no status)".to_owned()),
            |status| S::PracticeDefined(status.name),
        );
    };
    let known = [
        ("proposed", S::Proposed),
        ("pending", S::Pending),
        ("booked", S::Confirmed),
        ("arrived", S::Arrived),
        ("fulfilled", S::Fulfilled),
        ("cancelled", S::Cancelled),
        ("noshow", S::NoShow),
        ("entered-in-error", S::EnteredInError),
    ];
    known
        .into_iter()
        .find_map(|(name, status)| code.eq_ignore_ascii_case(name).then_some(status))
        .unwrap_or_else(|| S::Unknown(code.to_owned()))
}

/// What the extensions of this name refer to.
fn extensions<'r>(
    row: &'r wire::Appointment<'_>,
    name: &'r str,
) -> impl Iterator<Item = Named> + 'r {
    list(&row.extension).iter().filter(move |it| it.is(name)).filter_map(
        |extension| match extension.reference() {
            Some(reference) => {
                named(reference, text(&reference.reference).map(|it| Target::of(it).id), None)
            }
            None => text(&extension.value_string).map(Named::new),
        },
    )
}

/// A reference as a named thing: by its display, else by the contained resource's name, else by
/// its id. Purposes may come without an id, and names without a display.
pub(crate) fn named(
    reference: &wire::Reference<'_>,
    id: Option<&str>,
    contained: Option<&wire::Contained<'_>>,
) -> Option<Named> {
    let name = text(&reference.display)
        .map(str::to_owned)
        .or_else(|| contained_name(contained?))
        .or_else(|| id.map(str::to_owned))?;
    Some(Named { id: id.map(str::to_owned), name })
}

fn contained_name(resource: &wire::Contained<'_>) -> Option<String> {
    let name = resource.name.as_ref()?.0.first()?;
    text(&name.text).map(str::to_owned).or_else(|| {
        let whole = [given(name), text(&name.family).unwrap_or_default().to_owned()].join(" ");
        Some(whole.trim().to_owned()).filter(|name| !name.is_empty())
    })
}

/// What a reference such as `Patient/5`, `patient/5`, a whole URL or `#5` names.
pub(crate) struct Target<'r> {
    kind: Option<&'r str>,
    pub(crate) id: &'r str,
    pub(crate) contained: bool,
}

impl<'r> Target<'r> {
    pub(crate) fn of(reference: &'r str) -> Self {
        if let Some(id) = reference.strip_prefix('#') {
            return Self { kind: None, id, contained: true };
        }
        let reference = reference.trim_end_matches('/');
        let Some((before, id)) = reference.rsplit_once('/') else {
            return Self { kind: None, id: reference, contained: false };
        };
        let kind = before.rsplit_once('/').map_or(before, |(_, kind)| kind);
        Self { kind: Some(kind), id, contained: false }
    }

    /// The resource it names among those the row contains.
    pub(crate) fn find_in<'s, 'a>(
        &self,
        contained: &'s [wire::Contained<'a>],
    ) -> Option<&'s wire::Contained<'a>> {
        let is_it = |resource: &&wire::Contained<'_>| {
            text(&resource.id).is_some_and(|id| id.trim_start_matches('#') == self.id)
        };
        if self.contained { contained.iter().find(is_it) } else { None }
    }
}

/// A participant that was found.
struct Actor<'s> {
    reference: &'s wire::Reference<'s>,
    id: Option<&'s str>,
    contained: Option<&'s wire::Contained<'s>>,
}

/// The participants of an appointment, and the resources it contains.
struct Actors<'r, 'a> {
    references: Vec<(&'r wire::Reference<'a>, Target<'r>)>,
    contained: Vec<wire::Contained<'a>>,
}

impl<'r, 'a> Actors<'r, 'a> {
    fn of(row: &'r wire::Appointment<'a>) -> Self {
        let references: Vec<_> = list(&row.participant)
            .iter()
            .filter_map(|participant| participant.actor.as_ref())
            .filter_map(|actor| Some((actor, Target::of(text(&actor.reference)?))))
            .collect();
        // Select repeats resources here that nobody refers to any more.
        let needed = references.iter().any(|(_, target)| target.contained);
        let contained = if needed { wire::late(row.contained) } else { Vec::new() };
        Self { references, contained }
    }

    /// The first participant of this resource type, wherever it stands in the list: blocks have
    /// no patient, and unlinked schedules no practitioner.
    fn find(&self, kind: &str) -> Option<Actor<'_>> {
        self.references.iter().find_map(|(reference, target)| {
            let contained = target.find_in(&self.contained);
            let actual = contained.map_or(target.kind, |resource| text(&resource.resource_type))?;
            let id = match contained {
                Some(it) => identifier(list(&it.identifier), "official").or(text(&it.id)),
                None => Some(target.id),
            };
            actual.eq_ignore_ascii_case(kind).then_some(Actor { reference, id, contained })
        })
    }

    fn named(&self, kind: &str) -> Option<Named> {
        let actor = self.find(kind)?;
        named(actor.reference, actor.id, actor.contained)
    }

    fn patient(&self) -> Option<PatientId> {
        self.find("Patient")?.id.map(patient_id)
    }
}

/// GUIDs come in both cases; we keep the lower one.
pub(crate) fn patient_id(id: &str) -> PatientId {
    PatientId::new(id.to_ascii_lowercase())
}

pub(crate) fn patient(row: &wire::Patient<'_>, context: Context) -> Result<Mapped, Problem> {
    let id = text(&row.id)
        .or_else(|| identifier(list(&row.identifier), "official"))
        .map(patient_id)
        .ok_or_else(|| Problem::new("resource.id", "is missing"))?;
    let patient = Patient {
        is_new: false,
        id: id.clone(),
        chart_number: identifier(list(&row.identifier), "usual").map(|it| Phi::new(it.to_owned())),
        name: person_name(row),
        birth_date: birth_date(&row.birth_date)?,
        emails: emails(row),
        phones: list(&row.telecom).iter().filter_map(|it| phone(it, context)).collect(),
    };
    Ok(Mapped {
        id: RecordId::new(id.as_str()),
        record: Record::Patient(patient),
        stamp: stamp(&row.meta)?,
    })
}

pub(crate) fn identifier<'r>(
    identifiers: &'r [wire::Identifier<'_>],
    usage: &str,
) -> Option<&'r str> {
    identifiers
        .iter()
        .find(|it| text(&it.usage).is_some_and(|it| it.eq_ignore_ascii_case(usage)))
        .and_then(|it| text(&it.value))
}

/// The official name, else the first that is not a nickname.
fn person_name(row: &wire::Patient<'_>) -> PersonName {
    let is = |name: &wire::HumanName<'_>, usage: &str| {
        text(&name.usage).is_some_and(|it| it.eq_ignore_ascii_case(usage))
    };
    let names = list(&row.name);
    let Some(name) = names
        .iter()
        .find(|name| is(name, "official"))
        .or_else(|| names.iter().find(|name| !is(name, "nickname")))
    else {
        return PersonName::default();
    };
    let (given, family) = (given(name), text(&name.family).unwrap_or_default());
    if given.is_empty() && family.is_empty() {
        let whole = text(&name.text).unwrap_or_default().to_owned();
        return PersonName { given: Phi::default(), family: Phi::new(whole) };
    }
    PersonName { given: Phi::new(given), family: Phi::new(family.to_owned()) }
}

/// Given names, joined; Select pads the list with empty ones.
fn given(name: &wire::HumanName<'_>) -> String {
    list(&name.given).iter().filter_map(wire::Text::get).collect::<Vec<_>>().join(" ")
}

/// A whole date. Placeholders (1 January 1900 and before) and FHIR's partial dates are absent.
fn birth_date(field: &Option<wire::Text<'_>>) -> Result<Option<Phi<NaiveDate>>, Problem> {
    let Some(written) = text(field) else { return Ok(None) };
    let is_partial = matches!(written.len(), 4 | 7)
        && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_partial {
        return Ok(None);
    }
    let date = written.get(..10).and_then(|date| date.parse::<NaiveDate>().ok());
    let rest = written.get(10..).unwrap_or_default();
    match date {
        Some(date) if rest.is_empty() || rest.starts_with('T') => {
            let placeholder = date.year() < 1900 || (date.year() == 1900 && date.ordinal() == 1);
            Ok((!placeholder).then(|| Phi::new(date)))
        }
        _ => Err(Problem::new("resource.birthDate", "expected a date as YYYY-MM-DD")),
    }
}

/// The preferred one first, then in Nextech's order.
fn emails(row: &wire::Patient<'_>) -> Vec<Phi<String>> {
    let mut emails: Vec<_> = list(&row.telecom)
        .iter()
        .filter(|it| text(&it.system).is_some_and(|it| it.eq_ignore_ascii_case("email")))
        .filter_map(|it| text(&it.value).map(|email| (rank(it), email)))
        .collect();
    emails.sort_by_key(|(rank, _)| *rank);
    emails.into_iter().map(|(_, email)| Phi::new(email.to_owned())).collect()
}

/// 1 is preferred; none comes last.
fn rank(contact: &wire::Telecom<'_>) -> u32 {
    text(&contact.rank).and_then(|rank| rank.parse().ok()).unwrap_or(u32::MAX)
}

/// A telecom as a phone. Practice+ turns a mobile number into `sms` when the patient prefers
/// texts; Select has `sms` without a value as a mere flag, and `other` for other numbers.
fn phone(contact: &wire::Telecom<'_>, context: Context) -> Option<Phone> {
    let number = text(&contact.value)?;
    let system = text(&contact.system)?.to_ascii_lowercase();
    let usage = text(&contact.usage).map(str::to_ascii_lowercase);
    let usage = match (system.as_str(), usage.as_deref()) {
        ("sms", _) | ("phone", Some("mobile")) => PhoneUse::Mobile,
        ("phone", Some("home")) => PhoneUse::Home,
        ("phone", Some("work")) => PhoneUse::Work,
        ("phone", Some("old")) => context.profile.old_phone?,
        ("phone" | "other", _) => PhoneUse::Other,
        _ => return None,
    };
    Some(Phone { usage, number: Phi::new(number.to_owned()), preferred: rank(contact) == 1 })
}

pub(crate) fn stamp(meta: &Option<wire::Meta<'_>>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(written) = meta.as_ref().and_then(|meta| text(&meta.last_updated)) else {
        return Ok(None);
    };
    time::instant(written).map(Some).ok_or_else(|| {
        Problem::new(
            "resource.meta.lastUpdated",
            "expected a timestamp such as 2031-05-06T14:03:11Z",
        )
    })
}

fn visit(
    field: &Option<wire::Text<'_>>,
    path: &str,
    zone: Tz,
) -> Result<Option<cannula_core::VisitTime>, Problem> {
    let Some(written) = text(field) else { return Ok(None) };
    time::visit(written, zone).map(Some).ok_or_else(|| {
        Problem::new(path, "expected a date and time such as 2031-05-20T10:30:00-04:00")
    })
}
