//! What the front desk keeps of a patient beside name and contact data, and how it tells that two
//! patients are one.

use cannula_core::PhoneUse;

use super::model::{PatientState, Product};

/// How patients come to the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferralSource {
    /// The id, the same in both products. No endpoint lists it.
    pub id: u32,
    /// The name.
    pub name: &'static str,
}

/// The practice's referral sources.
pub static REFERRAL_SOURCES: [ReferralSource; 6] = [
    ReferralSource { id: 3, name: "Google" },
    ReferralSource { id: 6, name: "Instagram" },
    ReferralSource { id: 9, name: "Friend or Family" },
    ReferralSource { id: 14, name: "Walk-In" },
    ReferralSource { id: 31, name: "Online Store" },
    // Kept for those whom the store's orders bring; the timeline's patients have other sources.
    ReferralSource { id: 38, name: "DermPRO Store" },
];

/// Where a patient lives. What was not asked for is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub line: String,
    /// City.
    pub city: String,
    /// State.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
}

impl Address {
    /// An address made from a chart number.
    pub(super) fn of_chart(chart: u32) -> Self {
        let index = chart as usize % TOWNS.len();
        let (city, state, postal_code) = TOWNS.get(index).copied().unwrap_or_default();
        Self {
            line: format!("{} Juniper Way", chart % 180 + 1),
            city: city.to_owned(),
            state: state.to_owned(),
            postal_code: postal_code.to_owned(),
        }
    }
}

static TOWNS: [(&str, &str, &str); 4] = [
    ("Albany", "NY", "12203"),
    ("Troy", "NY", "12180"),
    ("Pittsfield", "MA", "01201"),
    ("Bennington", "VT", "05201"),
];

/// What a patient is to the practice. The products have different words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatientStatus {
    /// A patient: `Patient` in Select, `Active` in Practice+.
    Patient,
    /// Somebody who has not been here: `Prospect` in Select, `Not Yet Seen` in Practice+.
    Prospect,
    /// Both: `Patient Prospect` in Select, `Active` in Practice+.
    PatientProspect,
    /// No longer a patient: `Inactive` in Practice+.
    Inactive,
}

impl PatientStatus {
    /// The status as a product prints it, which in Select is not how its documents write it.
    pub(crate) const fn shown(self, product: Product) -> &'static str {
        match (product, self) {
            (Product::Select, Self::Prospect) => "Prospect",
            (Product::Select, Self::PatientProspect) => "Patient Prospect",
            (Product::Select, Self::Patient | Self::Inactive) => "Patient",
            (Product::PracticePlus, Self::Prospect) => "Not Yet Seen",
            (Product::PracticePlus, Self::Inactive) => "Inactive",
            (Product::PracticePlus, Self::Patient | Self::PatientProspect) => "Active",
        }
    }

    /// The status that a product's word stands for, without regard to case and spaces.
    pub(crate) fn read(word: &str, product: Product) -> Option<Self> {
        let word = word.to_lowercase().replace(' ', "");
        Some(match (product, word.as_str()) {
            (Product::Select, "patient") | (Product::PracticePlus, "active") => Self::Patient,
            (Product::Select, "prospect") | (Product::PracticePlus, "notyetseen") => Self::Prospect,
            (Product::Select, "patientprospect") => Self::PatientProspect,
            (Product::PracticePlus, "inactive") => Self::Inactive,
            _ => return None,
        })
    }
}

impl PatientState {
    /// Whether both are one patient by the vendor's rule: first name, last name, e-mail, birth
    /// date, postal code and one home, work or mobile number. What is marked private counts too.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let name = |name: &str| name.trim().to_lowercase();
        let emails = |state: &Self| {
            state.emails.iter().map(|email| name(&email.address)).collect::<Vec<_>>()
        };
        let phones = |state: &Self| {
            let real = state.phones.iter().filter(|phone| phone.usage != PhoneUse::Other);
            real.map(|phone| national(&phone.number)).collect::<Vec<_>>()
        };
        let share = |ours: Vec<String>, theirs: Vec<String>| {
            ours.iter().any(|one| !one.is_empty() && theirs.contains(one))
        };
        name(&self.given) == name(&other.given)
            && name(&self.family) == name(&other.family)
            && self.birth_date == other.birth_date
            && name(&self.address.postal_code) == name(&other.address.postal_code)
            && share(emails(self), emails(other))
            && share(phones(self), phones(other))
    }
}

/// The last ten digits of a number.
pub(super) fn national(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(10)..).unwrap_or_default().to_owned()
}
