//! The season's customers: how each relates to the practice, and what they type.

use cannula_core::PatientId;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    book::Book,
    shopper::{Identity, Kin, Shopper},
};
use crate::practice::{PatientState, Practice};

/// One customer of the season.
#[derive(Debug)]
pub(super) struct Cast {
    number: u32,
    kin: Kin,
    /// The patient that the customer is or borrows from.
    patient: Option<PatientId>,
    guest: bool,
    account: Option<u32>,
    changed: bool,
}

impl Cast {
    pub(super) const fn new(
        number: u32,
        kin: Kin,
        patient: Option<PatientId>,
        guest: bool,
    ) -> Self {
        Self { number, kin, patient, guest, account: None, changed: false }
    }

    /// The account, for those who have one.
    pub(super) const fn customer(&self) -> Option<u32> {
        self.account
    }

    pub(super) fn arrive(&mut self, book: &mut Book, practice: &Practice, at: DateTime<Utc>) {
        if let Some(state) = self.patient.as_ref().and_then(|id| practice.patient(id)) {
            match self.kin {
                Kin::Duplicated => drop(practice.enroll(again(state))),
                Kin::Family => self.patient = Some(practice.enroll(self.relative_of(state))),
                _ => {}
            }
        }
        if !self.guest
            && let Some((shopper, identity)) = self.typed(practice)
        {
            self.account = Some(book.register(shopper, identity, at));
        }
    }

    /// Another e-mail address for some; for others the birth date they did not say.
    pub(super) fn change_data(&mut self, book: &mut Book, at: DateTime<Utc>) {
        self.changed = true;
        if let Some(account) = self.account {
            let number = self.number;
            book.change_customer(account, at, |it| {
                change(&mut it.shopper, &mut it.identity, number)
            });
        }
    }

    /// What is typed at the checkout now, and who that truly is.
    pub(super) fn person(&self, book: &Book, practice: &Practice) -> Option<(Shopper, Identity)> {
        if let Some(account) = self.account {
            let found = book.customers.iter().find(|customer| customer.id == account)?;
            return Some((found.shopper.clone(), found.identity.clone()));
        }
        let (mut shopper, mut identity) = self.typed(practice)?;
        if self.changed {
            change(&mut shopper, &mut identity, self.number);
        }
        Some((shopper, identity))
    }

    fn typed(&self, practice: &Practice) -> Option<(Shopper, Identity)> {
        let known = self.patient.as_ref().and_then(|id| practice.patient(id));
        let mut shopper = match (self.kin, known) {
            (Kin::Newcomer, _) => self.stranger("Ashgrove"),
            (Kin::Ageless, _) => Shopper { birth_date: None, ..self.stranger("Underhill") },
            (_, None) => return None,
            (kin, Some(state)) => {
                let mut shopper = Shopper::of(&state);
                match kin {
                    Kin::OtherPhone => shopper.phone = format!("(518) 555-{:04}", self.number),
                    Kin::OtherEmail => {
                        shopper.email = format!("shop.{}@mail.example.test", self.number);
                    }
                    Kin::Borrower => {
                        shopper.given = "Bertram".to_owned();
                        shopper.birth_date = NaiveDate::from_ymd_opt(1991, 6, 17);
                        shopper.phone = format!("(518) 556-{:04}", self.number);
                    }
                    _ => {}
                }
                shopper
            }
        };
        if self.number % 3 == 1 {
            // As people type on phones.
            shopper.email = format!("{} ", shopper.email.to_uppercase());
            shopper.family = shopper.family.to_uppercase();
        }
        let is_patient = !matches!(self.kin, Kin::Borrower | Kin::Newcomer | Kin::Ageless);
        let patient = self.patient.clone().filter(|_| is_patient);
        Some((shopper, Identity { patient, kin: Some(self.kin) }))
    }

    fn stranger(&self, family: &str) -> Shopper {
        let given = STRANGERS[self.number as usize % STRANGERS.len()];
        let day = NaiveDate::from_ymd_opt(1951, 1, 8).unwrap_or_default();
        let birth_date = day + TimeDelta::days(i64::from(self.number % 80) * 211);
        Shopper { birth_date: Some(birth_date), ..Shopper::new(given, family, self.number) }
    }

    /// Somebody of a patient's family who is a patient too, with the same mailbox.
    fn relative_of(&self, state: PatientState) -> PatientState {
        let mut relative = state;
        relative.given = "Ottilie".to_owned();
        relative.birth_date = NaiveDate::from_ymd_opt(2009, 2, 11).unwrap_or_default();
        for phone in &mut relative.phones {
            phone.number = format!("(518) 557-{:04}", self.number);
        }
        relative
    }
}

/// The same person once more, entered in a hurry: in another town.
fn again(state: PatientState) -> PatientState {
    let mut again = state;
    again.address.postal_code = "12207".to_owned();
    again
}

/// A patient moves to another e-mail address; who did not say a birth date says one.
fn change(shopper: &mut Shopper, identity: &mut Identity, number: u32) {
    match identity.kin {
        Some(Kin::Patient) => {
            shopper.email = format!("moved.{number}@mail.example.test");
            identity.kin = Some(Kin::OtherEmail);
        }
        Some(Kin::Ageless) => {
            shopper.birth_date = NaiveDate::from_ymd_opt(1979, 9, 28);
            identity.kin = Some(Kin::Newcomer);
        }
        _ => {}
    }
}

static STRANGERS: [&str; 5] = ["Tamsin", "Leocadia", "Philippa", "Wilhelmina", "Xanthe"];
