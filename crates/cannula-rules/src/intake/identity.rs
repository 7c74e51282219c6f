//! Is one of these patients the person?
//!
//! Registers answer with prefixes of what was asked (`Smith` finds Smithson) and withhold what a
//! patient marked private, so every candidate is compared here.

use cannula_core::{Candidate, Patient, Person, PersonName, Phi};
use chrono::NaiveDate;

use crate::{folds, plausible};

/// Who a person is in the EMR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// This patient, surely.
    One(Patient),
    /// No patient.
    Nobody,
    /// Each of these surely is, so a person must decide.
    Several(Vec<(Patient, Candidate)>),
    /// Each of these could be, and none surely is, so a person must decide.
    Possible(Vec<(Patient, Candidate)>),
}

/// How one patient compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    Possible,
    Other,
}

/// How one property compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Agrees,
    Differs,
    /// One side does not show it.
    Silent,
}

/// Compares a person with everybody a search found; the same patient may be there twice.
///
/// Surely the person is who has the same name and birth date, and the same e-mail or phone or
/// neither of them to see; and who has the same name and e-mail or phone, and no birth date. To
/// decide for a person is who has the same name and birth date and other contact data, the same
/// name and contact data and another birth date, or the same birth date and contact data and
/// another name (a twin, a nickname, a marriage). Who shares only e-mail or phone is family.
pub fn resolve(person: &Person, found: Vec<Patient>) -> Match {
    let (mut same, mut possible) = (Vec::new(), Vec::new());
    for (likeness, patient, candidate) in compare(person, found, Signs::likeness) {
        match likeness {
            Likeness::Same => same.push((patient, candidate)),
            Likeness::Possible => possible.push((patient, candidate)),
            Likeness::Other => {}
        }
    }
    match (same.len(), possible.len()) {
        (0, 0) => Match::Nobody,
        (0, _) => Match::Possible(possible),
        (1, _) => same.pop().map_or(Match::Nobody, |(patient, _)| Match::One(patient)),
        _ => Match::Several(same),
    }
}

/// Everybody who was found, each once, with how like the person they are.
pub(crate) fn compare<L>(
    person: &Person,
    found: Vec<Patient>,
    likeness: impl Fn(&Signs) -> L,
) -> Vec<(L, Patient, Candidate)> {
    let mut seen = std::collections::BTreeSet::new();
    let fresh = found.into_iter().filter(|patient| seen.insert(patient.id.clone()));
    fresh
        .map(|patient| {
            let signs = Signs::of(person, &patient);
            let candidate = signs.candidate(&patient);
            (likeness(&signs), patient, candidate)
        })
        .collect()
}

/// How the patient that staff named compares: `None` if it can be the person, else what differs.
pub fn contradicts(person: &Person, patient: &Patient) -> Option<&'static str> {
    let signs = Signs::of(person, patient);
    let last_name = if signs.whole_name { Sign::Agrees } else { signs.last };
    match (last_name, signs.birth_date) {
        (Sign::Agrees, _) | (_, Sign::Agrees) => None,
        (Sign::Differs, Sign::Differs) => Some("another last name and another birth date"),
        (Sign::Differs, Sign::Silent) => Some("another last name and no birth date"),
        (Sign::Silent, _) => Some("no last name and another birth date"),
    }
}

/// How a patient compares, property by property.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    /// First and last name agree as one text.
    pub(crate) whole_name: bool,
    pub(crate) first: Sign,
    pub(crate) last: Sign,
    pub(crate) birth_date: Sign,
    pub(crate) email: Sign,
    pub(crate) phone: Sign,
}

impl Signs {
    fn of(person: &Person, patient: &Patient) -> Self {
        let PersonName { given, family } = &patient.name;
        let ours = [folds::name(&person.first_name), folds::name(&person.last_name)];
        let theirs = [folds::name(given), folds::name(family)];
        let emails = |emails: &mut dyn Iterator<Item = &Phi<String>>| {
            emails.filter_map(folds::email).collect::<Vec<_>>()
        };
        let phones = |phones: &mut dyn Iterator<Item = &Phi<String>>| {
            phones.filter_map(folds::phone).collect::<Vec<_>>()
        };
        Self {
            // Where a double name is cut in two differs between people who type it in.
            whole_name: !ours.concat().is_empty() && ours.concat() == theirs.concat(),
            first: equal(text(&ours[0]), text(&theirs[0])),
            last: equal(text(&ours[1]), text(&theirs[1])),
            birth_date: equal(born(&person.birth_date), born(&patient.birth_date)),
            email: shared(&emails(&mut person.email.iter()), &emails(&mut patient.emails.iter())),
            phone: shared(
                &phones(&mut person.phone.iter()),
                &phones(&mut patient.phones.iter().map(|phone| &phone.number)),
            ),
        }
    }

    fn likeness(&self) -> Likeness {
        let reached = self.email == Sign::Agrees || self.phone == Sign::Agrees;
        let withheld = self.email == Sign::Silent && self.phone == Sign::Silent;
        match (self.whole_name, self.birth_date) {
            (true, Sign::Agrees) if reached || withheld => Likeness::Same,
            (true, Sign::Silent) if reached => Likeness::Same,
            (true, Sign::Agrees) => Likeness::Possible,
            (true, Sign::Differs) | (false, Sign::Agrees) if reached => Likeness::Possible,
            _ => Likeness::Other,
        }
    }

    fn candidate(&self, patient: &Patient) -> Candidate {
        let names: &[_] = if self.whole_name {
            &[("name", Sign::Agrees)]
        } else {
            &[("first name", self.first), ("last name", self.last)]
        };
        let rest = [("birth date", self.birth_date), ("e-mail", self.email), ("phone", self.phone)];
        let words = |wanted: Sign| {
            let all = names.iter().chain(&rest).filter(|(_, sign)| *sign == wanted);
            all.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
        };
        Candidate {
            patient: patient.id.clone(),
            agrees: words(Sign::Agrees),
            differs: words(Sign::Differs),
        }
    }
}

fn equal<T: PartialEq>(ours: Option<T>, theirs: Option<T>) -> Sign {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => Sign::Agrees,
        (Some(_), Some(_)) => Sign::Differs,
        _ => Sign::Silent,
    }
}

fn shared(ours: &[String], theirs: &[String]) -> Sign {
    if ours.is_empty() || theirs.is_empty() {
        Sign::Silent
    } else if ours.iter().any(|one| theirs.contains(one)) {
        Sign::Agrees
    } else {
        Sign::Differs
    }
}

fn text(folded: &str) -> Option<&str> {
    (!folded.is_empty()).then_some(folded)
}

fn born(date: &Option<Phi<NaiveDate>>) -> Option<NaiveDate> {
    date.as_ref().map(|date| *date.expose()).filter(|date| plausible::is_birth_date(*date))
}
