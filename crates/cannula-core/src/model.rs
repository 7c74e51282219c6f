//! What an EMR knows, in the field's words and in no vendor's.

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{ContactId, EventId, Money, PatientId, Phi, RecordId, RecordKey, iso};

/// A named thing of the practice: an appointment type, purpose, practitioner or location.
///
/// The name is what staff read and edit; the id, where the vendor gives one, survives a rename.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Named {
    /// The vendor's id, if the reference carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name as the practice spells it.
    pub name: String,
}

impl Named {
    /// A thing known by name only.
    pub fn new(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into() }
    }
}

/// The years that a vendor's time can be in. What is dated otherwise is a mistake of theirs, and so near
/// the end of what can be counted that another zone is beyond it.
pub const YEARS: RangeInclusive<i32> = 1..=9999;

/// When a visit takes place: the wall clock of the practice, and the instant.
///
/// Some vendors print a fixed offset beside a right wall clock all year, so calendar dates are
/// always taken from `local`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VisitTime {
    /// Date and time on the practice's wall.
    #[serde(serialize_with = "iso::local")]
    pub local: NaiveDateTime,
    /// The instant, for comparison with other instants.
    #[serde(serialize_with = "iso::utc")]
    pub instant: DateTime<Utc>,
}

impl VisitTime {
    /// The visit time of an instant in the practice's zone.
    pub fn in_zone(instant: DateTime<Utc>, zone: Tz) -> Self {
        Self { local: instant.with_timezone(&zone).naive_local(), instant }
    }

    /// The calendar date at the practice.
    pub fn date(&self) -> NaiveDate {
        self.local.date()
    }

    /// Midnight of a date at the practice, for vendors that give a date only.
    pub fn midnight(date: NaiveDate, zone: Tz) -> Self {
        let local = date.and_time(NaiveTime::MIN);
        // Midnight is skipped where a zone springs forward at midnight; UTC midnight is then
        // within a day of the truth, and only `local` decides dates.
        let instant = zone
            .from_local_datetime(&local)
            .earliest()
            .map_or_else(|| local.and_utc(), |instant| instant.with_timezone(&Utc));
        Self { local, instant }
    }
}

/// Where an appointment stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AppointmentStatus {
    /// Held for an online booking, not yet taken over by staff.
    Proposed,
    /// Booked, not confirmed.
    Pending,
    /// Booked and confirmed.
    Confirmed,
    /// The patient is in the practice.
    Arrived,
    /// The visit took place.
    Fulfilled,
    /// Cancelled.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// Entered by mistake or deleted: it never was.
    EnteredInError,
    /// A status the practice made up; the vendor gives only its name.
    PracticeDefined(String),
    /// A code of the vendor that we have never seen.
    Unknown(String),
}

impl AppointmentStatus {
    /// The status as staff would say it.
    pub fn label(&self) -> &str {
        match self {
            Self::Proposed => "Held",
            Self::Pending => "Pending",
            Self::Confirmed => "Confirmed",
            Self::Arrived => "Arrived",
            Self::Fulfilled => "Fulfilled",
            Self::Cancelled => "Cancelled",
            Self::NoShow => "No-Show",
            Self::EnteredInError => "Entered in Error",
            Self::PracticeDefined(name) | Self::Unknown(name) => name,
        }
    }
}

/// One state of one appointment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Appointment {
    /// Whose appointment it is; absent for meetings, lunches and other blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// The appointment type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Named>,
    /// Further types or services of the same visit, where the EMR books several together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Named>,
    /// The purposes, in the vendor's order; often one, sometimes none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<Named>,
    /// When it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<VisitTime>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<VisitTime>,
    /// Who sees the patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<Named>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Named>,
}

/// A person's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonName {
    /// Given name or names, joined by spaces.
    pub given: Phi<String>,
    /// Family name.
    pub family: Phi<String>,
}

impl PersonName {
    /// Given and family name in reading order.
    pub fn full(&self) -> Phi<String> {
        Phi::new(format!("{} {}", self.given.expose(), self.family.expose()).trim().to_owned())
    }
}

/// What a phone number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneUse {
    /// Mobile; the best for a CRM.
    Mobile,
    /// Home.
    Home,
    /// Work.
    Work,
    /// Anything else.
    Other,
}

/// A phone number as the EMR spells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Phone {
    /// What it is for.
    pub usage: PhoneUse,
    /// The number, not normalised.
    pub number: Phi<String>,
    /// The patient prefers this number.
    #[serde(default)]
    pub preferred: bool,
}

/// One state of a patient's demographics.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Patient {
    /// The EMR's id of the person.
    pub id: PatientId,
    /// The chart number staff use, where the EMR has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_number: Option<Phi<String>>,
    /// The official name.
    pub name: PersonName,
    /// Birth date; placeholder dates (1 January 1900 and earlier) are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Phi<NaiveDate>>,
    /// E-mail addresses, preferred first. Some EMRs withhold what is marked private.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Phi<String>>,
    /// Phone numbers in the vendor's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<Phone>,
    /// The source says that the patient was registered just now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
}

impl Patient {
    /// The number to reach the patient at: preferred first, then mobile, home, work, other.
    pub fn best_phone(&self) -> Option<&Phi<String>> {
        self.phones
            .iter()
            .min_by_key(|phone| (!phone.preferred, phone.usage))
            .map(|phone| &phone.number)
    }

    /// The e-mail to reach the patient at.
    pub fn best_email(&self) -> Option<&Phi<String>> {
        self.emails.first()
    }
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// The patient.
    Patient,
    /// An insurer.
    Insurer,
}

/// What a row of the ledger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Money in, or, with a negative amount, money back: a refund.
    Payment,
    /// A correction of what is owed: no money moves.
    Adjustment,
}

/// Whether a row of the ledger counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// It counts.
    Active,
    /// It was voided, or it is the opposite row that voids another: together they are nothing.
    Voided,
    /// Entered in error or deleted: it never was.
    EnteredInError,
}

/// The part a row plays in a void or a correction, where the vendor says. Links need not resolve:
/// they are for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "part", content = "of", rename_all = "snake_case")]
pub enum Correction {
    /// It was voided by that row.
    VoidedBy(Option<RecordId>),
    /// It voids that row.
    Voids(Option<RecordId>),
    /// It stands in for that row, corrected.
    Recreates(Option<RecordId>),
}

/// One state of one row of a patient's ledger: a payment, a refund or an adjustment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// Whose ledger it is in; absent for money without an owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// Payment or adjustment.
    pub kind: PaymentKind,
    /// Patient or insurer.
    pub payer: Payer,
    /// Whether it counts.
    pub status: PaymentStatus,
    /// The signed amount; what goes back is negative. What is not paid yet, such as an order that
    /// is open or was opened again, is a row of zero.
    pub amount: Money,
    /// The day it was paid, on the practice's calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<NaiveDate>,
    /// How it was paid, in the practice's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What for, in the practice's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What was sold, by name, where the vendor says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// What staff or another system wrote beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Phi<String>>,
    /// The provider it is credited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practitioner: Option<Named>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Named>,
    /// Its parts in voids and corrections; a row can be a correction and be voided later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Correction>,
}

impl Payment {
    /// What it adds to the patient's lifetime value if it counts: the patient's own money, in or
    /// back. Insurers' payments, adjustments, voids and deleted rows add nothing.
    pub fn counted(&self) -> Option<Money> {
        let counts = self.status == PaymentStatus::Active
            && self.payer == Payer::Patient
            && self.kind == PaymentKind::Payment;
        counts.then_some(self.amount)
    }
}

/// Where a membership stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MembershipStatus {
    /// In force.
    Active,
    /// Suspended for a while.
    Frozen,
    /// Ended by somebody.
    Cancelled,
    /// Ended by its date.
    Expired,
    /// Anything else, in the vendor's word.
    Other(String),
}

impl MembershipStatus {
    /// The status as staff would say it.
    pub fn label(&self) -> &str {
        match self {
            Self::Active => "Active",
            Self::Frozen => "Frozen",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
            Self::Other(word) => word,
        }
    }
}

/// One state of a membership that a patient bought.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// Whose it is.
    pub patient: PatientId,
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub status: MembershipStatus,
    /// Its first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<NaiveDate>,
    /// Its last day, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<NaiveDate>,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A record changed, and nothing else is known: it is to be read, or it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The record.
    pub key: RecordKey,
    /// It was removed, so reading it would find nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// A contact of a CRM, as staff filled it in: texts are as typed, neither trimmed nor corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmContact {
    /// The CRM's id.
    pub id: ContactId,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Phi<String>>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Phi<String>>,
    /// The primary e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Phi<String>>,
    /// The primary phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phi<String>>,
    /// Birth date, placeholders included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Phi<NaiveDate>>,
    /// Gender, in the CRM's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Phi<String>>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<Phi<String>>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Phi<String>>,
    /// State or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Phi<String>>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Phi<String>>,
    /// The tags it has now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Custom fields that hold a text, by their names in the CRM.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Phi<String>>,
}

/// A contact was seen with tags that ask for something. What else it holds is read when the work
/// is done, because staff go on typing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedContact {
    /// The contact.
    pub id: ContactId,
    /// All its tags at that moment.
    pub tags: Vec<String>,
}

/// A patient and a contact are one person, because one was made from the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactLink {
    /// The patient in the EMR.
    pub patient: PatientId,
    /// The contact in the CRM.
    pub contact: ContactId,
    /// The patient came to the contact by a merge of patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Inheritance>,
}

/// Two patients turned out to be one person: the EMR made one of them, and has the other no more.
///
/// Records that go on naming the one that is no more are those of the one that is left. A patient
/// whose own record is read after the merge is one again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientMerge {
    /// The one that is no more.
    pub patient: PatientId,
    /// The one that is left.
    pub into: PatientId,
}

/// How a contact passes from a patient that is no more to the one that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inheritance {
    /// The patient that is no more. If it is the link's own, it keeps the contact, because the one
    /// that is left has another.
    pub from: PatientId,
    /// The events that pass along with the contact and whose notes it has already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noted: Vec<EventId>,
}
