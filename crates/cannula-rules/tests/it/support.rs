//! A CRM of a few maps, and a text format for what happens in a practice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use cannula_core::{
    Appointment, AppointmentStatus, ContactLink, Correction, CrmEffect, Currency, Delivered, Event,
    FieldValue, Membership, MembershipStatus, Money, Named, OpportunityStatus, Patient, Payer,
    Payment, PaymentKind, PaymentStatus, PersonName, Phone, PhoneUse, Receipt, Record, RecordId,
    VisitTime,
};
use cannula_rules::{
    Categories, Category, Outcome, PersonState, Plan, Rules, RulesConfig, StagePolicy,
    StatusMeaning,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::America::New_York;

pub(crate) const PATIENT: &str =
    "2026-01-01 08:00 | patient | Mina Sol | mina@example.test | 212 555 0100 | 1990-05-17";

/// What staff wrote beside every payment.
pub(crate) const DESCRIPTION: &str = "glabella 20u, asked about melasma";

/// A document in which every category is also the name of a type.
pub(crate) fn document(more: &str) -> Categories {
    let mut text = "type,purpose,category\n".to_owned();
    for category in Category::ALL {
        writeln!(text, "{category},,{category}").unwrap();
    }
    Categories::from_csv(&(text + more)).unwrap()
}

pub(crate) fn config(policy: StagePolicy) -> RulesConfig {
    let mut config = RulesConfig::new(New_York);
    config.policy = policy;
    config.statuses = [
        ("Online Appt".to_owned(), StatusMeaning::Pending),
        ("Web Request".to_owned(), StatusMeaning::Held),
    ]
    .into();
    config
}

pub(crate) fn rules(policy: StagePolicy) -> Rules {
    Rules::new(config(policy), document(""))
}

pub(crate) fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M").unwrap()
}

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    time(text).and_local_timezone(New_York).unwrap().to_utc()
}

pub(crate) fn status(word: &str) -> AppointmentStatus {
    match word {
        "proposed" => AppointmentStatus::Proposed,
        "pending" => AppointmentStatus::Pending,
        "confirmed" => AppointmentStatus::Confirmed,
        "arrived" => AppointmentStatus::Arrived,
        "fulfilled" => AppointmentStatus::Fulfilled,
        "cancelled" => AppointmentStatus::Cancelled,
        "no-show" => AppointmentStatus::NoShow,
        "entered-in-error" => AppointmentStatus::EnteredInError,
        code if code.starts_with('?') => AppointmentStatus::Unknown(code[1..].to_owned()),
        name => AppointmentStatus::PracticeDefined(name.to_owned()),
    }
}

/// One event of the format `changed | appointment | types | status | start | purposes |
/// practitioner | location`, `changed | patient | name | e-mail | phone | birth date` (or `new
/// patient`), `changed | pay ROW | amount | status | date | parts | method | category |
/// practitioner | location | items`, `changed | member ID | name | status | start | end | price`
/// or `changed | link | contact`, where cells may be blank and those at the end missing. Several
/// types, purposes, parts and items are joined by `+`. Times are the practice's.
pub(crate) fn event(line: &str) -> Event {
    let mut cells: Vec<&str> = line.split('|').map(str::trim).collect();
    cells.resize(11, "");
    let changed = instant(cells[0]);
    let some = |index: usize| Some(cells[index]).filter(|cell: &&str| !cell.is_empty());
    let (id, record) = if cells[1].ends_with("patient") {
        let (given, family) = cells[2].split_once(' ').unwrap_or((cells[2], ""));
        let phone = |number: &str| Phone {
            usage: PhoneUse::Mobile,
            number: number.to_owned().into(),
            preferred: false,
        };
        let patient = Patient {
            is_new: cells[1] == "new patient",
            id: "p1".into(),
            chart_number: None,
            name: PersonName { given: given.to_owned().into(), family: family.to_owned().into() },
            birth_date: some(5).map(|date| date.parse::<chrono::NaiveDate>().unwrap().into()),
            emails: some(3).map(|email| email.to_owned().into()).into_iter().collect(),
            phones: some(4).map(phone).into_iter().collect(),
        };
        ("p1", Record::Patient(patient))
    } else if cells[1] == "link" {
        let link = ContactLink { patient: "p1".into(), contact: cells[2].into(), inherited: None };
        (cells[2], Record::ContactLink(link))
    } else if let Some(row) = cells[1].strip_prefix("pay ") {
        (row, Record::Payment(payment(&cells)))
    } else if let Some(id) = cells[1].strip_prefix("member ") {
        (id, Record::Membership(membership(&cells)))
    } else {
        let appointment = Appointment {
            also: joined(cells[2]).skip(1).map(Named::new).collect(),
            patient: Some("p1".into()),
            status: status(cells[3]),
            kind: joined(cells[2]).next().map(Named::new),
            purposes: joined(cells[5]).map(Named::new).collect(),
            start: some(4).map(|start| VisitTime { local: time(start), instant: instant(start) }),
            end: None,
            practitioner: some(6).map(Named::new),
            location: some(7).map(Named::new),
        };
        (cells[1], Record::Appointment(appointment))
    };
    Event::new("practice".into(), id.into(), record, Some(changed), changed)
}

/// The parts of a cell.
fn joined(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('+').map(str::trim).filter(|part| !part.is_empty())
}

fn membership(cells: &[&str]) -> Membership {
    let some = |index: usize| Some(cells[index]).filter(|cell: &&str| !cell.is_empty());
    Membership {
        patient: "p1".into(),
        name: cells[2].to_owned(),
        status: match cells[3] {
            "active" => MembershipStatus::Active,
            "frozen" => MembershipStatus::Frozen,
            "cancelled" => MembershipStatus::Cancelled,
            "expired" => MembershipStatus::Expired,
            other => MembershipStatus::Other(other.to_owned()),
        },
        start: some(4).map(|date| date.parse().unwrap()),
        end: some(5).map(|date| date.parse().unwrap()),
        price: some(6).map(|price| Money::parse(price, Currency::USD).unwrap()),
    }
}

/// `parts` are `insurer`, `adjustment`, `voids`, `voided by` and `recreates`, joined by `+`, the
/// last three with or without a row.
fn payment(cells: &[&str]) -> Payment {
    let some = |index: usize| Some(cells[index]).filter(|cell: &&str| !cell.is_empty());
    let (amount, currency) = cells[2].split_once(' ').unwrap_or((cells[2], "USD"));
    let parts: Vec<&str> = cells[5].split('+').map(str::trim).collect();
    let correction = |part: &&str| {
        let row = |rest: &str| Some(rest.trim()).filter(|it| !it.is_empty()).map(RecordId::new);
        let part_of = |word: &str| part.strip_prefix(word).map(row);
        None.or(part_of("voided by").map(Correction::VoidedBy))
            .or(part_of("voids").map(Correction::Voids))
            .or(part_of("recreates").map(Correction::Recreates))
    };
    Payment {
        items: joined(cells[10]).map(ToOwned::to_owned).collect(),
        patient: Some("p1".into()),
        kind: if parts.contains(&"adjustment") {
            PaymentKind::Adjustment
        } else {
            PaymentKind::Payment
        },
        payer: if parts.contains(&"insurer") { Payer::Insurer } else { Payer::Patient },
        status: match cells[3] {
            "active" => PaymentStatus::Active,
            "voided" => PaymentStatus::Voided,
            "deleted" => PaymentStatus::EnteredInError,
            other => panic!("no payment status: {other}"),
        },
        amount: Money::parse(amount, Currency::from_code(currency).unwrap()).unwrap(),
        date: some(4).map(|date| date.parse().unwrap()),
        method: some(6).map(ToOwned::to_owned),
        category: some(7).map(ToOwned::to_owned),
        description: Some(DESCRIPTION.to_owned().into()),
        practitioner: some(8).map(Named::new),
        location: some(9).map(Named::new),
        corrections: parts.iter().filter_map(correction).collect(),
    }
}

/// What a CRM holds of one person.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Crm {
    pub(crate) contact: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) tags: BTreeSet<String>,
    /// By reference.
    pub(crate) notes: Vec<(String, String)>,
    pub(crate) stages: BTreeMap<String, (String, OpportunityStatus)>,
    /// By pipeline.
    pub(crate) values: BTreeMap<String, Money>,
}

impl Crm {
    /// Delivers one effect and records it in the state.
    pub(crate) fn deliver(&mut self, effect: &CrmEffect, state: &mut PersonState) {
        let mut receipt = Receipt::applied();
        match effect {
            CrmEffect::Contact(write) => {
                let person = &write.person;
                let text = |value: &Option<cannula_core::Phi<String>>| {
                    value.as_ref().map_or("–".to_owned(), |value| value.expose().clone())
                };
                self.contact = Some(format!(
                    "{} {}, {}, {}, born {}",
                    person.first_name.expose(),
                    person.last_name.expose(),
                    text(&person.email),
                    text(&person.phone),
                    person.birth_date.as_ref().map_or("–".to_owned(), |d| d.expose().to_string()),
                ));
                receipt.contact = Some(state.links().contact.clone().unwrap_or("c1".into()));
                for (name, value) in &write.fields {
                    match value {
                        FieldValue::Text(text) => {
                            self.fields.insert(name.clone(), text.expose().clone())
                        }
                        FieldValue::Date(date) => {
                            self.fields.insert(name.clone(), date.expose().to_string())
                        }
                        FieldValue::Money(money) => {
                            self.fields.insert(name.clone(), money.expose().to_string())
                        }
                        FieldValue::Empty => self.fields.remove(name),
                    };
                }
            }
            CrmEffect::AddTags { tags } => self.tags.extend(tags.iter().cloned()),
            CrmEffect::RemoveTags { tags } => self.tags.retain(|tag| !tags.contains(tag)),
            CrmEffect::Note(note) => {
                self.notes.push((note.reference.clone(), note.body.expose().clone()));
            }
            CrmEffect::Stage(to) => {
                if to.create || self.stages.contains_key(&to.pipeline) {
                    self.stages.insert(to.pipeline.clone(), (to.stage.clone(), to.status));
                } else {
                    receipt.delivered = Delivered::OpportunityMissing;
                }
            }
            CrmEffect::Value(worth) => {
                if self.stages.contains_key(&worth.pipeline) {
                    self.values.insert(worth.pipeline.clone(), *worth.value.expose());
                } else {
                    receipt.delivered = Delivered::OpportunityMissing;
                }
            }
        }
        state.applied(effect, &receipt);
    }

    pub(crate) fn deliver_all(&mut self, plan: Plan) -> PersonState {
        let mut state = plan.state;
        for planned in &plan.effects {
            self.deliver(&planned.effect, &mut state);
        }
        state
    }

    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        let Some(contact) = &self.contact else { return "  nothing\n".to_owned() };
        writeln!(text, "  contact  {contact}").unwrap();
        for (name, value) in &self.fields {
            writeln!(text, "  field    {name} = {value}").unwrap();
        }
        for tag in &self.tags {
            writeln!(text, "  tag      {tag}").unwrap();
        }
        for (pipeline, (stage, status)) in &self.stages {
            writeln!(text, "  stage    {pipeline} / {stage} ({})", status_word(*status)).unwrap();
        }
        for (pipeline, value) in &self.values {
            writeln!(text, "  value    {pipeline} = {value}").unwrap();
        }
        for (_, note) in &self.notes {
            writeln!(text, "  note     {}", note.lines().next().unwrap_or_default()).unwrap();
        }
        text
    }
}

pub(crate) fn status_word(status: OpportunityStatus) -> &'static str {
    match status {
        OpportunityStatus::Open => "open",
        OpportunityStatus::Won => "won",
    }
}

pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Waiting => "waiting".to_owned(),
        Outcome::Parked(reason) => format!("parked: {}", reason.next_step()),
    }
}

/// An effect in one line.
pub(crate) fn effect(effect: &CrmEffect) -> String {
    match effect {
        CrmEffect::Contact(write) => {
            let mut parts: Vec<String> = write
                .fields
                .iter()
                .map(|(name, value)| match value {
                    FieldValue::Text(text) => format!("{name} = {}", text.expose()),
                    FieldValue::Date(date) => format!("{name} = {}", date.expose()),
                    FieldValue::Money(money) => format!("{name} = {}", money.expose()),
                    FieldValue::Empty => format!("{name} cleared"),
                })
                .collect();
            if write.write_person {
                parts.insert(0, "person".to_owned());
            }
            format!("contact: {}", parts.join(", "))
        }
        CrmEffect::AddTags { tags } => format!("add tags: {}", tags.join(", ")),
        CrmEffect::RemoveTags { tags } => format!("remove tags: {}", tags.join(", ")),
        CrmEffect::Note(note) => {
            format!("note: {}", note.body.expose().lines().next().unwrap_or_default())
        }
        CrmEffect::Stage(to) => {
            format!("stage: {} / {} ({})", to.pipeline, to.stage, status_word(to.status))
        }
        CrmEffect::Value(worth) => format!("value: {} = {}", worth.pipeline, worth.value.expose()),
    }
}
