use std::collections::{BTreeMap, BTreeSet};

use cannula::{
    core::{
        ContactId, CrmEffect, Currency, Event, FieldValue, Money, OpportunityStatus, Patient,
        Person, PersonId, Receipt, Record, RecordKey, Subject,
    },
    rules::{PersonState, Rules},
};
use cannula_sandbox::{ContactSnapshot, CrmSnapshot};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// What the CRM should hold, folded straight from the practice's true history: no HTTP, no
/// store, no engine.
#[derive(Debug)]
pub struct Truth {
    /// What is still to come, the next event last.
    ahead: Vec<(DateTime<Utc>, Event)>,
    states: BTreeMap<Subject, PersonState>,
    contacts: BTreeMap<Subject, Ideal>,
    seen: BTreeMap<RecordKey, Event>,
}

/// A contact as a CRM without quirks would hold it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ideal {
    person: Option<Person>,
    fields: BTreeMap<String, String>,
    tags: BTreeSet<String>,
    notes: Vec<String>,
    stages: BTreeMap<String, (String, &'static str)>,
    values: BTreeMap<String, Money>,
}

impl Truth {
    /// The truth about a practice that nobody changes by hand, from all that ever happens there,
    /// in order.
    pub fn of(mut ahead: Vec<(DateTime<Utc>, Event)>) -> Self {
        ahead.reverse();
        Self { ahead, states: BTreeMap::new(), contacts: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Folds in what a poll at `now` can see: the latest version of each record that changed.
    pub fn poll(&mut self, rules: &Rules, now: DateTime<Utc>) {
        let mut changed = BTreeMap::new();
        while let Some((_, event)) = self.ahead.pop_if(|(at, _)| *at <= now) {
            changed.insert(event.key.clone(), event);
        }
        let mut by_subject = BTreeMap::<Subject, Vec<Event>>::new();
        for (key, event) in changed {
            if let Some(subject) = event.subject() {
                by_subject.entry(subject).or_default().push(event.clone());
            }
            self.seen.insert(key, event);
        }
        for (subject, events) in by_subject {
            self.fold(rules, &subject, &events, now);
        }
    }

    /// Folds in everything at once, a person's states in the order of their versions, as if it was
    /// decided at `now`.
    pub fn all(events: impl IntoIterator<Item = Event>, rules: &Rules, now: DateTime<Utc>) -> Self {
        let mut truth = Self::of(Vec::new());
        let mut by_subject = BTreeMap::<Subject, Vec<Event>>::new();
        for event in events {
            if let Some(subject) = event.subject() {
                by_subject.entry(subject).or_default().push(event.clone());
            }
            truth.seen.insert(event.key.clone(), event);
        }
        for (subject, mut events) in by_subject {
            events.sort_by(|a, b| (&a.version, &a.key).cmp(&(&b.version, &b.key)));
            truth.fold(rules, &subject, &events, now);
        }
        truth
    }

    fn fold(&mut self, rules: &Rules, subject: &Subject, events: &[Event], now: DateTime<Utc>) {
        let state = self.states.remove(subject).unwrap_or_default();
        let mut plan = rules.decide(state, events, now);
        if let Some(wanted) = plan.wants.take() {
            let record = self.seen.get(&wanted).cloned();
            plan = rules.decide(plan.state, record.as_slice(), now);
        }
        let ideal = self.contacts.entry(subject.clone()).or_default();
        for planned in &plan.effects {
            ideal.apply(&planned.effect);
            let contact = Some(ContactId::new(subject.to_string()));
            let receipt = Receipt { contact, ..Receipt::applied() };
            plan.state.applied(&planned.effect, &receipt);
        }
        self.states.insert(subject.clone(), plan.state);
    }

    /// Those who were merged, and into whom.
    fn merged(&self) -> BTreeMap<&Subject, Subject> {
        let into = |(subject, state): (_, &PersonState)| {
            let practice = Subject::clone(subject).practice;
            let person = PersonId::new(state.merged_into()?.as_str());
            Some((subject, Subject { practice, person }))
        };
        self.states.iter().filter_map(into).collect()
    }

    /// What was known of those who were merged into somebody.
    fn lost(&self, survivor: &Subject, merged: &BTreeMap<&Subject, Subject>) -> Vec<&Patient> {
        let theirs = |event: &&Event| {
            event.subject().is_some_and(|subject| merged.get(&subject) == Some(survivor))
        };
        let patients = self.seen.values().filter(theirs).filter_map(|event| match &event.record {
            Record::Patient(patient) => Some(patient),
            _ => None,
        });
        patients.collect()
    }

    /// The contacts that should be there, by person.
    pub fn contacts(&self) -> impl Iterator<Item = (&Subject, &Ideal)> {
        self.contacts.iter().filter(|(_, ideal)| ideal.person.is_some())
    }
}

impl Ideal {
    fn apply(&mut self, effect: &CrmEffect) {
        match effect {
            CrmEffect::Contact(write) => {
                self.person = Some(write.person.clone());
                for (name, value) in &write.fields {
                    match value {
                        FieldValue::Text(text) => {
                            self.fields.insert(name.clone(), text.expose().clone())
                        }
                        FieldValue::Date(date) => {
                            self.fields.insert(name.clone(), date.expose().to_string())
                        }
                        FieldValue::Money(money) => {
                            self.fields.insert(name.clone(), money.expose().decimal())
                        }
                        FieldValue::Empty => self.fields.remove(name),
                    };
                }
            }
            CrmEffect::AddTags { tags } => {
                self.tags.extend(tags.iter().map(|tag| tag.to_lowercase()));
            }
            CrmEffect::RemoveTags { tags } => {
                self.tags.retain(|tag| !tags.iter().any(|it| it.to_lowercase() == *tag));
            }
            CrmEffect::Note(note) => self.notes.push(note.body.expose().clone()),
            CrmEffect::Value(worth) => {
                self.values.insert(worth.pipeline.clone(), *worth.value.expose());
            }
            CrmEffect::Stage(to) => {
                let status = match to.status {
                    OpportunityStatus::Open => "open",
                    OpportunityStatus::Won => "won",
                };
                self.stages.insert(to.pipeline.clone(), (to.stage.clone(), status));
            }
        }
    }
}

/// How much of a contact must be as the truth has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it: the truth saw what the service saw when the service saw it.
    Whole,
    /// All of it, but of a note only its title and reference: the truth saw what the service saw,
    /// at other times, so a note may tell another sum of what was paid until then.
    Titles,
    /// What depends on how things are and not on how they came to be: the person, the fields, the
    /// members' tag, and what opportunities are worth.
    State,
    /// That, without the fields that show the appointment that changed last: nobody can know which
    /// it is where the EMR does not say when a record changed.
    Undated,
}

const LIFETIME_VALUE: &str = "Patient Lifetime Value";
const BIRTHDAY: &str = "NXT Birthday";

/// Fields that show the appointment that changed last.
const LATEST: [&str; 4] =
    ["NXT Appointment Status", "NXT Appointment Type", "NXT Appointment Category", "NXT Location"];

/// Compares the CRM with the truth, given which contact each person was linked to and who is
/// parked because somebody else has their e-mail or phone. Returns every difference in words.
pub fn compare(
    truth: &Truth,
    crm: &CrmSnapshot,
    links: &BTreeMap<Subject, ContactId>,
    conflicts: &BTreeSet<Subject>,
    depth: Depth,
) -> Vec<String> {
    let by_id: BTreeMap<&str, &ContactSnapshot> =
        crm.contacts.iter().map(|contact| (contact.id.as_str(), contact)).collect();
    let mut differences = Vec::new();
    let mut linked = BTreeSet::new();
    let merged = truth.merged();
    let survivors: BTreeSet<&Subject> = merged.values().collect();
    let by_state = matches!(depth, Depth::State | Depth::Undated);
    for (subject, ideal) in truth.contacts() {
        if conflicts.contains(subject) {
            continue;
        }
        if !by_state && survivors.contains(subject) {
            // Whose contact it is now, and what is noted on it, depends on when the merge was learnt.
            linked.extend(links.get(subject).map(ContactId::as_str));
            continue;
        }
        match links.get(subject).and_then(|id| by_id.get(id.as_str())) {
            None => differences.push(format!("{subject}: no contact")),
            Some(contact) => {
                if !linked.insert(contact.id.as_str()) {
                    differences.push(format!("{subject}: shares contact {}", contact.id));
                }
                differences.extend(
                    differ(ideal, &truth.lost(subject, &merged), contact, crm, depth)
                        .into_iter()
                        .map(|what| format!("{subject}: {what}")),
                );
            }
        }
    }
    // One that the survivor took over, or one that it had no use for, because it has another.
    let living = links.iter().filter(|(subject, _)| !merged.contains_key(subject));
    let theirs: BTreeSet<&str> = living.map(|(_, contact)| contact.as_str()).collect();
    for contact in merged.keys().filter_map(|dead| by_id.get(links.get(dead)?.as_str())) {
        linked.insert(contact.id.as_str());
        if by_state && !theirs.contains(contact.id.as_str()) && has_visits(contact) {
            differences.push(format!("contact {} was left with visits", contact.id));
        }
    }
    for contact in crm.contacts.iter().filter(|contact| !linked.contains(contact.id.as_str())) {
        differences.push(format!("contact {} belongs to nobody", contact.id));
    }
    differences
}

fn differ(
    ideal: &Ideal,
    lost: &[&Patient],
    contact: &ContactSnapshot,
    crm: &CrmSnapshot,
    depth: Depth,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, want: String, have: String| {
        if want != have {
            found.push(format!("{what} should be {want} and is {have}"));
        }
    };
    let person = ideal.person.clone().unwrap_or_default();
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    check("first name", person.first_name.expose().clone(), text(contact.first_name.as_ref()));
    check("last name", person.last_name.expose().clone(), text(contact.last_name.as_ref()));
    // What the EMR does not know is left as it is, on a contact that was another's as well.
    let was_lost = |had: &dyn Fn(&Patient) -> bool| lost.iter().any(|patient| had(patient));
    let (want, have) = (person.birth_date.map(|date| *date.expose()), contact.birth_date);
    let born = |lost: &Patient| lost.birth_date.as_ref().map(|date| *date.expose()) == have;
    let born_left = want.is_none() && was_lost(&born);
    if !born_left {
        check("birth date", format!("{want:?}"), format!("{have:?}"));
    }
    // What a third contact has cannot be written to this one.
    let others = || crm.contacts.iter().filter(|other| other.id != contact.id);
    let email = |contact: &ContactSnapshot| contact.email.as_ref().map(|it| it.to_lowercase());
    let (want, have) = (person.email.map(|it| it.expose().to_lowercase()), email(contact));
    let left = match &want {
        Some(_) => others().any(|other| email(other) == want),
        None => was_lost(&|it| it.emails.iter().any(|it| Some(it.expose().to_lowercase()) == have)),
    };
    if !left {
        check("e-mail", format!("{want:?}"), format!("{have:?}"));
    }
    let phone = |contact: &ContactSnapshot| contact.phone.as_deref().map(last_ten);
    let (want, have) = (person.phone.map(|it| last_ten(it.expose())), phone(contact));
    let left = match &want {
        Some(_) => others().any(|other| phone(other) == want),
        None => {
            was_lost(&|it| it.phones.iter().any(|it| Some(last_ten(it.number.expose())) == have))
        }
    };
    if !left {
        check("phone", format!("{want:?}"), format!("{have:?}"));
    }
    let by_state = matches!(depth, Depth::State | Depth::Undated);
    let tag = |tag: &&String| !by_state || *tag == "member";
    let tags: BTreeSet<&String> = contact.tags.iter().filter(tag).collect();
    let want: BTreeSet<&String> = ideal.tags.iter().filter(tag).collect();
    check("tags", format!("{want:?}"), format!("{tags:?}"));
    let shown = |name: &str, value: &str| match depth {
        Depth::Undated if LATEST.contains(&name) => false,
        _ if name == BIRTHDAY => !born_left,
        // As with values of opportunities below.
        Depth::State | Depth::Undated => name != LIFETIME_VALUE || value != "0.00",
        Depth::Whole | Depth::Titles => true,
    };
    let fields: BTreeMap<&str, String> = contact
        .fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (&**name, text_of(value)))
        .filter(|(name, value)| shown(name, value))
        .collect();
    let want: BTreeMap<&str, String> = ideal
        .fields
        .iter()
        .filter(|(name, value)| shown(name, value))
        .map(|(name, value)| (&**name, value.clone()))
        .collect();
    check("fields", format!("{want:?}"), format!("{fields:?}"));
    let sorted = |notes: &[String]| {
        let mut notes: Vec<String> = match depth {
            Depth::Whole => notes.to_vec(),
            Depth::Titles => notes.iter().map(|note| title_and_reference(note)).collect(),
            Depth::State | Depth::Undated => Vec::new(),
        };
        notes.sort();
        notes
    };
    check(
        "notes",
        format!("{:#?}", sorted(&ideal.notes)),
        format!("{:#?}", sorted(&contact.notes)),
    );
    let placed = contact.opportunities.len();
    let stages: BTreeMap<&str, (&str, &str)> = contact
        .opportunities
        .iter()
        .map(|it| (it.pipeline.as_str(), (it.stage.as_str(), it.status.as_str())))
        .collect();
    let want: BTreeMap<&str, (&str, &str)> =
        ideal.stages.iter().map(|(name, (stage, status))| (&**name, (&**stage, *status))).collect();
    if !by_state {
        check("stages", format!("{want:?}"), format!("{stages:?}"));
    }
    // An opportunity that was worth something and is not any more is worth zero; one that never was
    // has no value of ours.
    let valued = |value: &Money| depth == Depth::Whole || value.minor() != 0;
    let values: BTreeMap<&str, Money> = contact
        .opportunities
        .iter()
        .filter_map(|it| Some((it.pipeline.as_str(), dollars(it.value.as_deref()?)?)))
        .filter(|(_, value)| valued(value))
        .collect();
    let want: BTreeMap<&str, Money> = ideal
        .values
        .iter()
        .map(|(name, value)| (&**name, *value))
        .filter(|(_, value)| valued(value))
        .collect();
    check("values", format!("{want:?}"), format!("{values:?}"));
    if placed != stages.len() {
        found.push("more than one opportunity in a pipeline".to_owned());
    }
    found
}

/// The contact shows a visit to come, or a membership.
fn has_visits(contact: &ContactSnapshot) -> bool {
    contact.fields.get("Next Visit Date").is_some_and(|date| !date.is_null())
        || contact.tags.iter().any(|tag| tag == "member")
}

fn title_and_reference(note: &str) -> String {
    let ends = [note.lines().next(), note.lines().last()];
    ends.map(Option::unwrap_or_default).join(" … ")
}

/// A custom field's value as the ideal has it: amounts with all their cents.
fn text_of(value: &Value) -> String {
    match value {
        Value::Number(number) => dollars(&number.to_string())
            .map_or_else(|| format!("{number} is no amount"), |money| money.decimal()),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// An amount as the sandbox's CRM prints it.
pub(crate) fn dollars(text: &str) -> Option<Money> {
    Money::parse(text, Currency::USD).ok()
}

/// The national number: enough to compare spellings of the sandbox's North American numbers.
fn last_ten(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(10)..].to_owned()
}
