use cannula_core::{ContactId, PatientId, Person, Phi};
use chrono::NaiveDate;

use super::{LinkPolicy, Offer, Question, name_key, value};

/// A patient who may be the contact's person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The patient.
    pub id: PatientId,
    /// What the patient holds.
    pub person: Person,
    /// Another contact of the same part of the CRM that the patient is linked to. A link that is
    /// broken does not count.
    pub taken_by: Option<ContactId>,
}

/// What staff say about the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It is this patient.
    Is(Candidate),
    /// It is none of the patients there are.
    New,
}

/// Whom a contact is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkDecision {
    /// It is linked already.
    Linked(PatientId),
    /// To this patient, from now on.
    Link(PatientId),
    /// To a new patient.
    Create,
    /// A person must say.
    Ask(Question),
}

/// Decides whom a contact is linked to.
///
/// An existing link decides. Else one patient with the same name and birth date is the person, and
/// if there is none a new patient is made. Several, a birth date that is missing on either side, and
/// a patient who is linked elsewhere are asked about; a name alone never links.
///
/// `linked` is the patient that the contact is linked to; `same_name` are the patients with the
/// contact's [`name_key`].
pub fn decide(
    offer: &Offer,
    contact: &ContactId,
    linked: Option<&PatientId>,
    same_name: &[Candidate],
    choice: Option<&Choice>,
    policy: &LinkPolicy,
    today: NaiveDate,
) -> LinkDecision {
    let born = |candidate: &Candidate| birth_date(&candidate.person, policy, today);
    if let Some(linked) = linked {
        let another = match choice {
            Some(Choice::Is(patient)) => patient.id != *linked,
            Some(Choice::New) => true,
            None => false,
        };
        if another {
            let (contact, by) = (contact.clone(), linked.clone());
            return LinkDecision::Ask(Question::ContactTaken { contact, by });
        }
        return LinkDecision::Linked(linked.clone());
    }
    if let Some(Choice::Is(patient)) = choice {
        let same_name = offer.name_key().is_some_and(|key| key == name_key(&patient.person));
        let same_birth_date = born(patient).is_some() && born(patient) == offer.birth_date();
        return if same_name || same_birth_date {
            link(patient)
        } else {
            LinkDecision::Ask(Question::NothingAgrees { patient: patient.id.clone() })
        };
    }
    if offer.name_key().is_none() {
        return LinkDecision::Ask(Question::NoName);
    }
    let is_new = choice == Some(&Choice::New);
    let Some(birth_date) = offer.birth_date() else {
        let harmless = is_new || same_name.is_empty();
        return if harmless && !policy.birth_date_required {
            LinkDecision::Create
        } else {
            LinkDecision::Ask(Question::NoBirthDate { same_name: ids(same_name) })
        };
    };
    if is_new {
        return LinkDecision::Create;
    }
    let matching = |wanted| same_name.iter().filter(move |it| born(it) == wanted);
    match matching(Some(birth_date)).collect::<Vec<_>>()[..] {
        [patient] => link(patient),
        [] => {
            let patients = ids(matching(None));
            if patients.is_empty() {
                LinkDecision::Create
            } else {
                LinkDecision::Ask(Question::PossiblePatients { patients })
            }
        }
        ref several => {
            let patients = ids(several.iter().copied());
            LinkDecision::Ask(Question::SeveralPatients { patients })
        }
    }
}

fn link(patient: &Candidate) -> LinkDecision {
    match &patient.taken_by {
        None => LinkDecision::Link(patient.id.clone()),
        Some(by) => {
            let (patient, by) = (patient.id.clone(), by.clone());
            LinkDecision::Ask(Question::PatientTaken { patient, by })
        }
    }
}

fn ids<'a>(candidates: impl IntoIterator<Item = &'a Candidate>) -> Vec<PatientId> {
    candidates.into_iter().map(|candidate| candidate.id.clone()).collect()
}

/// Which contact a patient is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushDecision {
    /// This one.
    Link(ContactId),
    /// None that there is.
    Create,
    /// A person must say.
    Ask(Question),
}

/// Decides which of the contacts of the same name a patient is, by the same rules: one with the
/// patient's birth date is the person; several, or one without a birth date, are asked about.
///
/// `is_new` says that staff looked at them and it is none.
pub fn decide_push(
    person: &Person,
    contacts: &[(ContactId, Offer)],
    is_new: bool,
    policy: &LinkPolicy,
    today: NaiveDate,
) -> PushDecision {
    let birth_date = birth_date(person, policy, today);
    let reachable = has(&person.phone, |text| value::phone(text, policy.country).is_some())
        || has(&person.email, |text| value::email(text).is_some());
    let named = |text: &Phi<String>| text.expose().chars().any(char::is_alphanumeric);
    let missing: Vec<_> = [
        (named(&person.first_name), "first name"),
        (named(&person.last_name), "last name"),
        (birth_date.is_some(), "birth date"),
        (reachable, "phone number or e-mail address"),
    ]
    .into_iter()
    .filter_map(|(there, field)| (!there).then_some(field))
    .collect();
    if !missing.is_empty() {
        return PushDecision::Ask(Question::PatientIncomplete { missing });
    }
    let key = Some(name_key(person));
    let matching = |wanted| {
        let same = contacts
            .iter()
            .filter(|(_, offer)| offer.name_key() == key && offer.birth_date() == wanted);
        same.map(|(contact, _)| contact.clone()).collect::<Vec<_>>()
    };
    let mut contacts = matching(birth_date);
    match contacts.len() {
        1 => contacts.pop().map_or(PushDecision::Create, PushDecision::Link),
        0 => match matching(None) {
            contacts if is_new || contacts.is_empty() => PushDecision::Create,
            contacts => PushDecision::Ask(Question::PossibleContacts { contacts }),
        },
        _ => PushDecision::Ask(Question::SeveralContacts { contacts }),
    }
}

/// What a contact is made of: the patient's data without a phone number that nobody can call and
/// an address that cannot be one. The next patient with the same placeholder would be taken for
/// this one.
pub fn contact_of(person: &Person, policy: &LinkPolicy) -> Person {
    let mut person = person.clone();
    if !has(&person.phone, |text| value::phone(text, policy.country).is_some()) {
        person.phone = None;
    }
    if !has(&person.email, |text| value::email(text).is_some()) {
        person.email = None;
    }
    person
}

fn has(text: &Option<Phi<String>>, usable: impl FnOnce(&str) -> bool) -> bool {
    text.as_ref().is_some_and(|text| usable(text.expose().trim()))
}

fn birth_date(person: &Person, policy: &LinkPolicy, today: NaiveDate) -> Option<NaiveDate> {
    let date = person.birth_date.as_ref().map(|date| *date.expose());
    date.filter(|date| policy.is_birth_date(*date, today))
}
