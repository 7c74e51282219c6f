//! What an EMR knows, in the field's words and in no vendor's.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{PatientId, Phi, iso};

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
