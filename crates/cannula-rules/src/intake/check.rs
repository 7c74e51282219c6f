//! Whether a contact can become a patient; if not, everything that stands in the way.

use std::{collections::BTreeMap, fmt};

use cannula_core::{
    CrmContact, CrmNeeds, Named, NewPatient, PatientField, Person, PersonName, Phi, PickLists,
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Intake, Spelling};
use crate::{
    document::fold,
    plausible::{self, Worth},
};

/// All fields, in the order staff meet them on a contact.
const FIELDS: [PatientField; 12] = [
    PatientField::FirstName,
    PatientField::LastName,
    PatientField::Email,
    PatientField::Phone,
    PatientField::BirthDate,
    PatientField::Street,
    PatientField::City,
    PatientField::State,
    PatientField::PostalCode,
    PatientField::Location,
    PatientField::ReferralSource,
    PatientField::GeneralPractitioner,
];

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is empty, blank or a placeholder.
    Missing,
    /// Its value cannot be right.
    Wrong,
    /// Its value is no entry of the list it must come from. A list read afresh may have it.
    NotListed,
}

/// A field of the contact that staff must fill in or correct. Printed it is one sentence, which
/// quotes entries of lists and never the contact's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field as the CRM shows it.
    pub field: String,
    /// The kind of problem.
    pub fault: Fault,
    /// The rest of the sentence: `is missing`.
    pub message: String,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” {}.", self.field, self.message)
    }
}

/// What staff said about who the person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: whoever is found, or a new patient.
    Any,
    /// The patient with this chart number.
    Chart(Phi<String>),
    /// None of the candidates that were told to staff.
    New,
}

/// A contact that can become a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What to create.
    pub patient: NewPatient,
    /// Whom to search for.
    pub person: Person,
    /// What staff said about who it is.
    pub choice: Choice,
}

impl Intake {
    /// The custom fields that must exist in the CRM, given the lists the register has.
    pub fn needs(&self, lists: &PickLists) -> CrmNeeds {
        self.config.needs(&self.registry, lists)
    }

    /// Reads a contact into a patient. `today` is the last day somebody can be born on.
    ///
    /// # Errors
    /// Every field that is missing or wrong, in the order in which the register names them.
    pub fn check(
        &self,
        contact: &CrmContact,
        lists: &PickLists,
        today: NaiveDate,
    ) -> Result<Draft, Vec<FieldProblem>> {
        let entries = &contact.fields;
        let mut form = Form { intake: self, entries, lists, faults: BTreeMap::new() };
        let first = form.name(PatientField::FirstName, contact.first_name.as_ref());
        let last = form.name(PatientField::LastName, contact.last_name.as_ref());
        let email = form.plausible(PatientField::Email, contact.email.as_ref(), plausible::email);
        let phone = form.plausible(PatientField::Phone, contact.phone.as_ref(), plausible::phone);
        let birth_date = form.birth_date(contact.birth_date.as_ref(), today);
        let gender = form.text(PatientField::Gender, contact.gender.as_ref());
        let street = form.text(PatientField::Street, contact.street.as_ref());
        let city = form.text(PatientField::City, contact.city.as_ref());
        let state = form.text(PatientField::State, contact.state.as_ref());
        let postal_code = form.postal_code(contact.postal_code.as_ref());
        let location = form.location();
        let referral_source = form.referral_source();
        let general_practitioner = form.general_practitioner();
        let problems = form.problems();
        match (first, last, email, phone, birth_date) {
            (Some(given), Some(family), Some(email), Some(phone), Some(birth_date))
                if problems.is_empty() =>
            {
                let patient = NewPatient {
                    name: PersonName { given, family },
                    email,
                    phone,
                    birth_date,
                    gender,
                    street,
                    city,
                    state,
                    postal_code,
                    location,
                    referral_source,
                    general_practitioner,
                };
                Ok(Draft { patient, person: self.person(contact), choice: self.choice(contact) })
            }
            _ => Err(problems),
        }
    }

    /// What is wrong with entries of lists, by the names of their fields, whoever they are for.
    pub(crate) fn check_entries(
        &self,
        entries: &BTreeMap<String, Phi<String>>,
        lists: &PickLists,
    ) -> Vec<FieldProblem> {
        let mut form = Form { intake: self, entries, lists, faults: BTreeMap::new() };
        form.location();
        form.referral_source();
        form.general_practitioner();
        form.problems()
    }

    /// Whom to search for, whether or not the contact is complete.
    pub fn person(&self, contact: &CrmContact) -> Person {
        let text = |value: &Option<Phi<String>>| value.as_ref().and_then(filled);
        Person {
            first_name: text(&contact.first_name).unwrap_or_default(),
            last_name: text(&contact.last_name).unwrap_or_default(),
            email: text(&contact.email),
            phone: text(&contact.phone),
            birth_date: contact.birth_date.clone(),
        }
    }

    /// What staff said about who the person is.
    pub fn choice(&self, contact: &CrmContact) -> Choice {
        match contact.fields.get(&self.config.fields.chart_number).and_then(filled) {
            None => Choice::Any,
            Some(text) if text.expose().eq_ignore_ascii_case("new") => Choice::New,
            Some(chart) => Choice::Chart(chart),
        }
    }

    /// The problem of a chart number that leads to nobody, or to somebody else.
    pub fn chart_problem(&self, message: impl Into<String>) -> FieldProblem {
        let field = self.config.fields.chart_number.clone();
        FieldProblem { field, fault: Fault::Wrong, message: message.into() }
    }

    /// The field as the CRM shows it.
    fn label(&self, field: PatientField) -> String {
        let names = &self.config.fields;
        match field {
            PatientField::FirstName => "First Name",
            PatientField::LastName => "Last Name",
            PatientField::Email => "Email",
            PatientField::Phone => "Phone",
            PatientField::BirthDate => "Date of Birth",
            PatientField::Gender => "Gender",
            PatientField::Street => "Street Address",
            PatientField::City => "City",
            PatientField::State => "State",
            PatientField::PostalCode => "Postal Code",
            PatientField::Location => &names.location,
            PatientField::ReferralSource => &names.referral_source,
            PatientField::GeneralPractitioner => &names.general_practitioner,
            other => return other.to_string(),
        }
        .to_owned()
    }
}

/// A contact half read.
struct Form<'a> {
    intake: &'a Intake,
    /// What was typed into the fields whose values come from lists.
    entries: &'a BTreeMap<String, Phi<String>>,
    lists: &'a PickLists,
    faults: BTreeMap<PatientField, (Fault, String)>,
}

impl Form<'_> {
    fn fault(&mut self, field: PatientField, fault: Fault, message: impl Into<String>) {
        self.faults.insert(field, (fault, message.into()));
    }

    fn required(&self, field: PatientField) -> bool {
        self.intake.registry.required.contains(&field)
    }

    /// A name; one without a letter stands for none.
    fn name(&mut self, field: PatientField, value: Option<&Phi<String>>) -> Option<Phi<String>> {
        let name =
            value.and_then(filled).filter(|name| name.expose().chars().any(char::is_alphabetic));
        if name.is_none() {
            self.fault(field, Fault::Missing, "is missing");
        }
        name
    }

    fn plausible(
        &mut self,
        field: PatientField,
        value: Option<&Phi<String>>,
        worth: impl Fn(&str) -> Worth,
    ) -> Option<Phi<String>> {
        let Some(text) = value.and_then(filled) else {
            self.fault(field, Fault::Missing, "is missing");
            return None;
        };
        let worth = worth(text.expose());
        self.weigh(field, worth, "holds a placeholder; write the person's own").then_some(text)
    }

    fn birth_date(
        &mut self,
        date: Option<&Phi<NaiveDate>>,
        today: NaiveDate,
    ) -> Option<Phi<NaiveDate>> {
        let field = PatientField::BirthDate;
        let Some(date) = date else {
            self.fault(field, Fault::Missing, "is missing");
            return None;
        };
        let worth = plausible::birth_date(*date.expose(), today);
        let placeholder = "holds a placeholder (1 January 1900 or earlier); write the person's own";
        self.weigh(field, worth, placeholder).then(|| date.clone())
    }

    /// Whether a value is good; notes a problem if it is not.
    fn weigh(&mut self, field: PatientField, worth: Worth, placeholder: &str) -> bool {
        match worth {
            Worth::Good => return true,
            Worth::Placeholder => self.fault(field, Fault::Missing, placeholder),
            Worth::Wrong(message) => self.fault(field, Fault::Wrong, message),
        }
        false
    }

    fn text(&mut self, field: PatientField, value: Option<&Phi<String>>) -> Option<Phi<String>> {
        let text = value.and_then(filled);
        if text.is_none() && self.required(field) {
            self.fault(field, Fault::Missing, "is missing");
        }
        text
    }

    fn postal_code(&mut self, code: Option<&Phi<String>>) -> Option<Phi<String>> {
        let default = || self.intake.registry.default_postal_code.clone().map(Phi::new);
        match code.and_then(filled).or_else(default) {
            None if self.required(PatientField::PostalCode) => {
                let message = "is missing, and the practice has set no default";
                self.fault(PatientField::PostalCode, Fault::Missing, message);
                None
            }
            code => code,
        }
    }

    fn location(&mut self) -> Option<Named> {
        self.listed(PatientField::Location, &self.intake.config.fields.location)
    }

    fn referral_source(&mut self) -> Option<Named> {
        self.listed(PatientField::ReferralSource, &self.intake.config.fields.referral_source)
    }

    fn general_practitioner(&mut self) -> Option<Named> {
        let name = &self.intake.config.fields.general_practitioner;
        self.listed(PatientField::GeneralPractitioner, name)
    }

    /// The entry that the field `name` stands for.
    fn listed(&mut self, field: PatientField, name: &str) -> Option<Named> {
        let filled = |text: &&Phi<String>| !text.expose().trim().is_empty();
        let typed = self.entries.get(name).filter(filled);
        let list = self.lists.get(&field).map_or(&[][..], Vec::as_slice);
        let choice = field == PatientField::Location && list.len() > 1;
        match (typed, list) {
            (None, [only]) if field == PatientField::Location => Some(only.clone()),
            (None, _) if choice || self.required(field) => {
                self.fault(field, Fault::Missing, "is missing");
                None
            }
            (Some(_), []) if self.required(field) => {
                let message = unlisted(field);
                self.fault(field, Fault::NotListed, message);
                None
            }
            (None, _) | (Some(_), []) => None,
            (Some(typed), list) => {
                let found = pick(typed.expose(), list, self.intake.config.spelling);
                found
                    .map_err(|unlike| {
                        let message = unlike.message(field, list);
                        self.fault(field, Fault::NotListed, message);
                    })
                    .ok()
            }
        }
    }

    /// In the register's order; what it does not name comes after.
    fn problems(self) -> Vec<FieldProblem> {
        let Self { intake, mut faults, .. } = self;
        let order = intake.registry.required.iter().copied().chain(FIELDS);
        order
            .filter_map(|field| Some((field, faults.remove(&field)?)))
            .map(|(field, (fault, message))| FieldProblem {
                field: intake.label(field),
                fault,
                message,
            })
            .collect()
    }
}

/// The text without the spaces around it, unless nothing is left.
fn filled(text: &Phi<String>) -> Option<Phi<String>> {
    let trimmed = text.expose().trim();
    (!trimmed.is_empty()).then(|| Phi::new(trimmed.to_owned()))
}

/// Why a value is not an entry of its list.
enum Unlike<'a> {
    /// But for case or spaces it would be this one.
    Spelled(&'a str),
    /// Several entries have this name.
    Ambiguous,
    /// This one is like it.
    Near(&'a str),
    Unknown,
}

fn pick<'a>(typed: &str, list: &'a [Named], spelling: Spelling) -> Result<Named, Unlike<'a>> {
    let alike = |same: &dyn Fn(&str) -> bool| {
        list.iter().filter(|entry| same(entry.name.trim())).collect::<Vec<_>>()
    };
    match alike(&|name| name == typed)[..] {
        [] => {}
        [entry] => return Ok(entry.clone()),
        _ => return Err(Unlike::Ambiguous),
    }
    let wanted = fold(typed);
    match alike(&|name| fold(name) == wanted)[..] {
        [] => {}
        [entry] if spelling == Spelling::Forgive => return Ok(entry.clone()),
        [entry, ..] => return Err(Unlike::Spelled(entry.name.trim())),
    }
    let names = list.iter().map(|entry| entry.name.trim());
    Err(cannula_core::nearest(typed, names).map_or(Unlike::Unknown, Unlike::Near))
}

impl Unlike<'_> {
    fn message(&self, field: PatientField, list: &[Named]) -> String {
        let (count, what) = (list.len(), entries(field, list.len()));
        match self {
            Self::Spelled(name) => {
                format!("must be spelled “{name}”, with the same capitals and spaces")
            }
            Self::Ambiguous => {
                format!(
                    "names more than one of the EMR's {count} {what}; give them different names there"
                )
            }
            Self::Near(name) => {
                format!("is none of the EMR's {count} {what}; the nearest is “{name}”")
            }
            Self::Unknown => {
                let few: Vec<_> =
                    list.iter().take(3).map(|entry| format!("“{}”", entry.name.trim())).collect();
                let such = if count > few.len() { ", such as " } else { ": " };
                format!("is none of the EMR's {count} {what}{such}{}", few.join(", "))
            }
        }
    }
}

fn entries(field: PatientField, count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{field}{plural}")
}

fn unlisted(field: PatientField) -> &'static str {
    match field {
        // No vendor's interface is known that lists them.
        PatientField::ReferralSource => {
            "cannot be checked: the practice's referral sources are not configured; have them configured, with their ids in the EMR"
        }
        _ => "cannot be checked: the EMR shows no entry for it; check what the API user may see",
    }
}
