//! Who buys, and how that person relates to the practice's patients.

use cannula_core::PatientId;
use chrono::NaiveDate;

use crate::practice::{Address, PatientState};

/// A person as typed at the checkout, neither trimmed nor corrected. Invented, like everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shopper {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// E-mail address.
    pub email: String,
    /// Phone number, free text.
    pub phone: String,
    /// Birth date, if the person gave one.
    pub birth_date: Option<NaiveDate>,
    /// `female`, `male` or anything else.
    pub gender: &'static str,
    /// Where the bill goes.
    pub address: Address,
}

impl Shopper {
    /// A woman with contact data made from `number` (0 to 9999) whom the practice does not know.
    pub fn new(given: &str, family: &str, number: u32) -> Self {
        let mut shopper = Self::of(&PatientState::new(given, family, number));
        shopper.email = format!("{given}.{family}.{number}@shop.example.test").to_lowercase();
        shopper.phone = format!("(518) 555-{number:04}");
        shopper
    }

    /// The person that a patient is, with the data the practice has: the first e-mail address and
    /// phone number, or nothing in place of one that is not there.
    pub fn of(patient: &PatientState) -> Self {
        Self {
            given: patient.given.clone(),
            family: patient.family.clone(),
            email: patient.emails.first().map(|it| it.address.clone()).unwrap_or_default(),
            phone: patient.phones.first().map(|it| it.number.clone()).unwrap_or_default(),
            birth_date: Some(patient.birth_date),
            gender: patient.gender,
            address: patient.address.clone(),
        }
    }
}

/// How somebody who buys relates to the practice's patients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kin {
    /// A patient, with the same e-mail address, phone, first and last name.
    Patient,
    /// A patient with another phone.
    OtherPhone,
    /// A patient with another e-mail address.
    OtherEmail,
    /// A patient who shares an e-mail address with another patient of the family.
    Family,
    /// A patient whom the practice has twice, the same in all four.
    Duplicated,
    /// No patient, with the e-mail address of one: a relative who borrows the mailbox.
    Borrower,
    /// Nobody the practice has heard of.
    Newcomer,
    /// Nobody the practice has heard of, who does not say a birth date.
    Ageless,
}

/// What is true of a customer and no program can see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The patient that the customer is; of one the practice has twice, the older record. Absent
    /// for those who are none, also after somebody has made a patient of them.
    pub patient: Option<PatientId>,
    /// How the customer relates to the practice's patients; absent for those placed by hand.
    pub kin: Option<Kin>,
}
