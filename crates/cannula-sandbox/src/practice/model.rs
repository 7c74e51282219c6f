//! What the practice itself knows, in no vendor's shape: both products are drawn from this.

use cannula_core::{AppointmentStatus, Named, PatientId, PhoneUse};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::registry::{Address, PatientStatus, ReferralSource};

/// The practice's zone. Its daylight saving time is what makes Practice+'s fixed −05:00 wrong.
pub const ZONE: Tz = chrono_tz::America::New_York;

/// Which of the two Nextech products a view is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// Nextech Select, also called NexCloud.
    Select,
    /// Nextech Practice+.
    PracticePlus,
}

impl Product {
    /// The practice id that `nx-practice-id` must carry for this product.
    pub const fn practice_id(self) -> &'static str {
        match self {
            Self::Select => "5b0f7a52-3c1d-4e86-9a70-6f2d1c84e913",
            Self::PracticePlus => "c7e41d09-8a36-4b5f-b2d8-0e93f56a7124",
        }
    }

    /// The path of the API's base URL on the sandbox.
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Select => "/nextech/select/api",
            Self::PracticePlus => "/nextech/practice-plus/api",
        }
    }
}

/// A provider of the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Practitioner {
    /// The id, the same in both products.
    pub id: u32,
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
}

impl Practitioner {
    /// The name as the product prints it: `Holm, Ingrid` in Select, `Ingrid Holm` in Practice+.
    pub fn display(&self, product: Product) -> String {
        match product {
            Product::Select => format!("{}, {}", self.family, self.given),
            Product::PracticePlus => format!("{} {}", self.given, self.family),
        }
    }
}

/// The practice's providers.
pub static PRACTITIONERS: [Practitioner; 4] = [
    Practitioner { id: 211, given: "Grace", family: "Adeyemi" },
    Practitioner { id: 214, given: "Marco", family: "Castellano" },
    Practitioner { id: 230, given: "Ingrid", family: "Holm" },
    Practitioner { id: 247, given: "Daniel", family: "Park" },
];

/// A place of the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The id, the same in both products.
    pub id: u32,
    /// The name.
    pub name: &'static str,
    /// Unmanaged places are left out of `/Location` unless asked for.
    pub managed: bool,
}

/// The practice's places.
pub static LOCATIONS: [Location; 3] = [
    Location { id: 1, name: "Juniper Aesthetics Midtown", managed: true },
    Location { id: 2, name: "Juniper Aesthetics Harbor", managed: true },
    Location { id: 5, name: "Juniper Surgery Suite", managed: false },
];

/// An e-mail address of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// Marked private: Select leaves it out of its answers.
    pub private: bool,
}

/// A phone number of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber {
    /// What it is for.
    pub usage: PhoneUse,
    /// The number as staff typed it.
    pub number: String,
    /// Marked private: Select leaves it out of its answers.
    pub private: bool,
    /// The patient prefers this number (`rank` 1).
    pub preferred: bool,
    /// The patient prefers text messages: Practice+ then prints `system: sms`.
    pub texts: bool,
}

/// One state of a patient. Everything here is invented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientState {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// Birth date; 1900-01-01 is the placeholder staff type when they do not know it.
    pub birth_date: NaiveDate,
    /// `female` or `male`.
    pub gender: &'static str,
    /// Chart number, unique in the practice.
    pub chart: u32,
    /// E-mail addresses.
    pub emails: Vec<Email>,
    /// Phone numbers.
    pub phones: Vec<PhoneNumber>,
    /// Where the patient lives.
    pub address: Address,
    /// How the patient came to the practice.
    pub referral_source: Option<&'static ReferralSource>,
    /// Who is in charge of the patient.
    pub general_practitioner: Option<&'static Practitioner>,
    /// The patient's usual place.
    pub location: Option<&'static Location>,
    /// What the patient is to the practice.
    pub status: PatientStatus,
}

impl PatientState {
    /// A woman born on 4 March 1985 with one e-mail address and one mobile number made from
    /// `number` (0 to 9999), for tests that script a scene.
    pub fn new(given: &str, family: &str, number: u32) -> Self {
        let address = format!("{given}.{family}.{number}@example.test").to_lowercase();
        Self {
            given: given.to_owned(),
            family: family.to_owned(),
            birth_date: NaiveDate::from_ymd_opt(1985, 3, 4).unwrap_or_default(),
            gender: "female",
            chart: 900_000 + number,
            address: Address::of_chart(900_000),
            referral_source: None,
            general_practitioner: PRACTITIONERS.first(),
            location: None,
            status: PatientStatus::Patient,
            emails: vec![Email { address, private: false }],
            phones: vec![PhoneNumber {
                usage: PhoneUse::Mobile,
                number: format!("(646) 555-{number:04}"),
                private: false,
                preferred: false,
                texts: false,
            }],
        }
    }
}

/// One state of an appointment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppointmentState {
    /// Whose it is; absent for meetings and other blocks.
    pub patient: Option<PatientId>,
    /// Where it stands. A practice-defined status is one that Select prints without `status`;
    /// Practice+ has no such thing and prints it as pending.
    pub status: AppointmentStatus,
    /// The type; see [`kind`].
    pub kind: Option<Named>,
    /// The purposes; Practice+ prints them without a reference.
    pub purposes: Vec<Named>,
    /// When it starts, on the practice's wall.
    pub start: NaiveDateTime,
    /// How long it lasts, in minutes.
    pub minutes: i64,
    /// Who sees the patient.
    pub practitioner: Option<&'static Practitioner>,
    /// Where.
    pub location: Option<&'static Location>,
}

impl AppointmentState {
    /// A pending appointment of 45 minutes with the first practitioner at the first location.
    /// `kind_name` need not be one the practice has.
    pub fn new(patient: &PatientId, kind_name: &str, start: NaiveDateTime) -> Self {
        Self {
            patient: Some(patient.clone()),
            status: AppointmentStatus::Pending,
            kind: Some(kind(kind_name)),
            purposes: Vec::new(),
            start,
            minutes: 45,
            practitioner: PRACTITIONERS.first(),
            location: LOCATIONS.first(),
        }
    }

    /// The instant the appointment starts at.
    pub fn starts_at(&self) -> DateTime<Utc> {
        instant_of(self.start)
    }

    /// When it ends, on the practice's wall.
    pub fn end(&self) -> NaiveDateTime {
        self.start + chrono::TimeDelta::minutes(self.minutes)
    }
}

/// The instant of a wall-clock time at the practice; within a skipped hour, that of UTC.
pub fn instant_of(local: NaiveDateTime) -> DateTime<Utc> {
    ZONE.from_local_datetime(&local)
        .earliest()
        .map_or_else(|| local.and_utc(), |instant| instant.with_timezone(&Utc))
}

/// One row of the practice's own list of appointment types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) minutes: i64,
    pub(crate) purposes: &'static [(u32, &'static str)],
}

const fn row(
    id: u32,
    name: &'static str,
    minutes: i64,
    purposes: &'static [(u32, &'static str)],
) -> Kind {
    Kind { id, name, minutes, purposes }
}

/// The practice's appointment types with their purposes.
pub(crate) static KINDS: [Kind; 13] = [
    row(2, "Surgical Consult", 45, &[(41, "Rhinoplasty"), (42, "Facelift"), (43, "Eyelid Lift")]),
    row(3, "Cosmetic Surgery", 180, &[(41, "Rhinoplasty"), (42, "Facelift"), (43, "Eyelid Lift")]),
    row(4, "Aesthetic Consult", 30, &[(51, "Injectables"), (52, "Laser")]),
    row(6, "Injectables", 30, &[(61, "Botox"), (62, "Lip Filler"), (63, "Cheek Filler")]),
    row(7, "Laser Treatment", 60, &[(71, "Hair Removal"), (72, "Resurfacing")]),
    row(8, "Consultation", 30, &[(81, "Surgery"), (82, "Skin")]),
    row(9, "Pre-Op Visit", 30, &[]),
    row(10, "Post-Op Visit", 20, &[]),
    row(12, "Provider Block", 60, &[]),
    row(13, "Staff Meeting", 60, &[]),
    // Nobody gave this one a category.
    row(15, "Pop-Up Glow Event", 20, &[]),
    // The same type entered twice, as practices do.
    row(16, "LASER TREATMENT", 60, &[(71, "Hair Removal")]),
    row(17, "Skin Care", 45, &[(91, "Chemical Peel"), (92, "Facial")]),
];

/// The type of this name with the id the practice gave it, or without an id if it has none.
pub fn kind(name: &str) -> Named {
    let id = KINDS.iter().find(|kind| kind.name == name).map(|kind| kind.id.to_string());
    Named { id, name: name.to_owned() }
}

/// The purpose of this name with the id the practice gave it, or without an id if it has none.
pub fn purpose(name: &str) -> Named {
    let id = KINDS
        .iter()
        .flat_map(|kind| kind.purposes)
        .find(|(_, known)| *known == name)
        .map(|(id, _)| id.to_string());
    Named { id, name: name.to_owned() }
}

/// The practice's appointment categorization document, as CSV. It leaves out the type
/// `Pop-Up Glow Event`, so that its appointments have to wait for a person.
pub const CATEGORIZATION_CSV: &str = "\
type,purpose,category
Surgical Consult,,Surgical Consult
Cosmetic Surgery,,Surgical Appointment
Aesthetic Consult,,Non-Surgical Consult
Injectables,,Non-Surgical Appointment
Laser Treatment,,Non-Surgical Appointment
Skin Care,,Non-Surgical Appointment
Consultation,Surgery,Surgical Consult
Consultation,Skin,Non-Surgical Consult
Pre-Op Visit,,Pre-Op Appointment
Post-Op Visit,,Post-Op Appointment
Provider Block,,Block
Staff Meeting,,Block
";
