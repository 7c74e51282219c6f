//! Tables for people and JSON for machines. Names are what this program is asked for, so personal
//! data is printed here, and nowhere else.

#![allow(clippy::print_stdout, reason = "the program's output")]

use cannula::{
    a360::{
        Added, AuditRow, Duplicate, LocalPatient, Outcome, Pushed, Refreshed, Results, Scope,
        Selection, Status,
    },
    core::{ContactId, CrmContact, Error, Person, Phi, PracticeId},
    rules::patient_link::{FieldRule, MergeRules, Question},
};
use cannula_examples::show;
use serde_json::{Value, json};

/// What a command has to say, in both forms.
#[derive(Debug)]
pub(crate) struct Shown {
    sentences: Vec<String>,
    tables: Vec<Table>,
    json: Value,
}

#[derive(Debug)]
struct Table {
    title: &'static str,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Shown {
    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", self.json);
            return;
        }
        for sentence in &self.sentences {
            println!("{sentence}");
        }
        for Table { title, header, rows } in &self.tables {
            show(title, header.clone(), rows.clone());
        }
    }
}

fn text(text: &Option<Phi<String>>) -> String {
    text.as_ref().map(|text| text.expose().clone()).unwrap_or_default()
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn name(first: &Phi<String>, last: &Phi<String>) -> String {
    format!("{} {}", first.expose(), last.expose())
}

fn born(person: &Person) -> String {
    person.birth_date.as_ref().map(|date| date.expose().to_string()).unwrap_or_default()
}

fn contact_row(contact: &CrmContact, linked: String) -> Vec<String> {
    let CrmContact { id, first_name, last_name, birth_date, phone, email, .. } = contact;
    let name = [text(first_name), text(last_name)].join(" ");
    let born = birth_date.as_ref().map(|date| date.expose().to_string()).unwrap_or_default();
    vec![id.to_string(), name, born, text(phone), text(email), linked]
}

fn patients(title: &'static str, patients: &[LocalPatient], location: &PracticeId) -> Table {
    let row = |it: &LocalPatient| {
        let person = &it.person;
        let link = it.links.get(location).map(|link| match link.broken_at {
            None => link.contact.to_string(),
            Some(_) => format!("broken ({})", link.contact),
        });
        vec![
            it.id.to_string(),
            name(&person.first_name, &person.last_name),
            born(person),
            text(&person.phone),
            text(&person.email),
            link.unwrap_or_default(),
        ]
    };
    let header = vec!["patient", "name", "birth date", "phone", "e-mail", "contact"];
    Table { title, header, rows: patients.iter().map(row).collect() }
}

fn warnings(duplicates: &[Duplicate]) -> Vec<String> {
    let warning = |it: &Duplicate| {
        let too = if it.same_birth_date { " and birth date" } else { "" };
        format!("Warning: patient {} has the same name{too}.", it.patient)
    };
    duplicates.iter().map(warning).collect()
}

/// What went wrong, for machines.
pub(crate) fn failure(error: &Error) -> Shown {
    let json =
        json!({ "ended": "error", "kind": error.kind().as_str(), "error": error.to_string() });
    Shown { sentences: Vec::new(), tables: Vec::new(), json }
}

pub(crate) fn status(status: &Status) -> Shown {
    Shown { sentences: status.sentences(), tables: Vec::new(), json: json!(status) }
}

pub(crate) fn results(results: &Results, location: &PracticeId) -> Shown {
    let mut sentences = Vec::new();
    let count = results.hits.len();
    match (results.scope, results.at_most) {
        (Scope::Crm, Some(most)) if results.next.is_some() => {
            sentences.push(format!("{count} of at most {most} contacts; `--page` shows more."));
        }
        (Scope::Crm, _) => sentences.push(format!("{} in the CRM.", counted(count, "contact"))),
        (Scope::Local, _) => {
            let more = if results.next.is_some() { "; `--page` shows more" } else { "" };
            let count = counted(results.patients.len(), "patient");
            sentences.push(format!("{count} in the local list{more}."));
        }
    }
    if results.unreadable > 0 {
        sentences.push(format!("{} contacts could not be read.", results.unreadable));
    }
    sentences.extend(results.notices.iter().map(|notice| notice.sentence()));
    let hits = results.hits.iter().map(|hit| {
        let linked = hit.linked.as_ref().map(ToString::to_string);
        contact_row(&hit.contact, linked.unwrap_or_default())
    });
    let contacts = Table {
        title: "Contacts of the CRM",
        header: vec!["contact", "name", "birth date", "phone", "e-mail", "patient"],
        rows: hits.collect(),
    };
    let title = match results.scope {
        Scope::Crm => "Only in the local list",
        Scope::Local => "Local list",
    };
    let json = json!({
        "scope": results.scope,
        "contacts": results.hits,
        "patients": results.patients,
        "at_most": results.at_most,
        "unreadable": results.unreadable,
        "more": results.next.is_some(),
        "notices": results.notices,
    });
    Shown { sentences, tables: vec![contacts, patients(title, &results.patients, location)], json }
}

fn fields(person: &Person, rules: &MergeRules) -> Table {
    let row = |field: &str, value: String, rule: FieldRule| {
        vec![field.to_owned(), value, rule.as_str().to_owned()]
    };
    Table {
        title: "What the patient holds",
        header: vec!["field", "value", "rule"],
        rows: vec![
            row("name", name(&person.first_name, &person.last_name), rules.name),
            row("birth date", born(person), rules.birth_date),
            row("phone", text(&person.phone), rules.phone),
            row("e-mail", text(&person.email), rules.email),
        ],
    }
}

fn asked(question: &Question, answers: &str) -> Shown {
    let sentences = vec![
        "Nothing was written.".to_owned(),
        question.sentence(),
        format!("To answer, repeat the command with {answers}."),
    ];
    let json = json!({ "ended": "ask", "question": question, "sentence": question.sentence() });
    Shown { sentences, tables: Vec::new(), json }
}

fn outcome(outcome: &Outcome) -> Shown {
    let Outcome { patient, action, rules, duplicates } = outcome;
    let mut sentences = vec![format!("Patient {}: {}.", patient.id, action.as_str())];
    if rules.birth_date == FieldRule::Conflict {
        let warning = "Warning: the CRM has another birth date. Find out which is right.";
        sentences.push(warning.to_owned());
    }
    sentences.extend(warnings(duplicates));
    let json = json!({
        "ended": "done", "action": action, "patient": patient, "rules": rules,
        "duplicates": duplicates,
    });
    Shown { sentences, tables: vec![fields(&patient.person, rules)], json }
}

pub(crate) fn selection(selection: &Selection) -> Shown {
    match selection {
        Selection::Done(done) => outcome(done),
        Selection::Ask(question) => {
            asked(question, "--is PATIENT, --new or --birth-date DATE, as it fits")
        }
        Selection::Gone { patient } => {
            let mut sentences = vec!["The CRM does not have this contact (any more).".to_owned()];
            if let Some(patient) = patient {
                let id = &patient.id;
                sentences.push(format!(
                    "Patient {id} stays, with a broken link. Search for whom the contact was merged into, and select that with --is {id}."
                ));
            }
            let json = json!({ "ended": "gone", "patient": patient });
            Shown { sentences, tables: Vec::new(), json }
        }
    }
}

pub(crate) fn added(added: &Added) -> Shown {
    let Added { patient, duplicates } = added;
    let mut sentences = vec![format!("Patient {} was added to the local list.", patient.id)];
    sentences.extend(warnings(duplicates));
    let json = json!({ "patient": patient, "duplicates": duplicates });
    Shown { sentences, tables: Vec::new(), json }
}

fn created(patient: &LocalPatient, contact: &ContactId, forgets: bool) -> Shown {
    let mut sentences = vec![format!("Contact {contact} was made of patient {}.", patient.id)];
    if forgets {
        sentences.push(
            "This made-up CRM forgets it when the command ends; one that runs by itself (--access) does not.".to_owned(),
        );
    }
    let json = json!({ "ended": "created", "patient": patient, "contact": contact });
    Shown { sentences, tables: Vec::new(), json }
}

pub(crate) fn pushed(pushed: &Pushed, forgets: bool) -> Shown {
    match pushed {
        Pushed::Created { patient, contact } => created(patient, contact, forgets),
        Pushed::Found(found) => selection(found),
        Pushed::Ask(question) => asked(question, "--new, if none of the contacts is the patient"),
    }
}

pub(crate) fn refreshed(done: &Refreshed) -> Shown {
    let Refreshed { updated, unchanged, broken, doubtful, failed, stopped } = done;
    let (changed, gone) = (updated.len(), broken.len());
    let mut sentences =
        vec![format!("{changed} updated, {unchanged} unchanged, {gone} whose contact is gone.")];
    if let Some(error) = stopped {
        sentences.push(format!("It ended early: {error}"));
    }
    for (patient, contact) in doubtful {
        sentences.push(format!(
            "Contact {contact} of patient {patient} has another name and another birth date now, so nothing was changed. If it still is the patient, select it."
        ));
    }
    let failures: Vec<_> =
        failed.iter().map(|(patient, error)| (patient.to_string(), error.to_string())).collect();
    let rows = failures.iter().map(|(patient, why)| vec![patient.clone(), why.clone()]).collect();
    let mut tables =
        vec![Table { title: "Not synchronised", header: vec!["patient", "why"], rows }];
    for one in updated {
        sentences.extend(warnings(&one.duplicates));
        tables.push(fields(&one.patient.person, &one.rules));
    }
    let json = json!({
        "updated": updated.iter().map(|it| &it.patient).collect::<Vec<_>>(),
        "unchanged": unchanged,
        "broken": broken,
        "doubtful": doubtful,
        "failed": failures,
        "stopped": stopped.as_ref().map(ToString::to_string),
    });
    Shown { sentences, tables, json }
}

pub(crate) fn audit(rows: &[AuditRow]) -> Shown {
    let mut cells = Vec::new();
    for row in rows {
        let head = [row.at.format("%Y-%m-%d %H:%M:%S").to_string(), row.by.clone()];
        let head = || [head[0].clone(), head[1].clone(), row.action.as_str().to_owned()];
        let before = row.before.clone().unwrap_or_default();
        let fields = values(&before).into_iter().zip(values(&row.after)).zip(by_field(row));
        for (((field, before), (_, after)), rule) in fields {
            if before != after || rule == Some(FieldRule::Conflict) {
                let rule = rule.map_or("", FieldRule::as_str).to_owned();
                cells.push([&head()[..], &[field.to_owned(), before, after, rule]].concat());
            }
        }
        if before == row.after {
            cells.push([&head()[..], &[const { String::new() }; 4]].concat());
        }
    }
    let header = vec!["at (UTC)", "by", "action", "field", "before", "after", "rule"];
    let table = Table { title: "Audit", header, rows: cells };
    Shown { sentences: Vec::new(), tables: vec![table], json: json!(rows) }
}

fn values(person: &Person) -> [(&'static str, String); 4] {
    [
        ("name", name(&person.first_name, &person.last_name).trim().to_owned()),
        ("birth date", born(person)),
        ("phone", text(&person.phone)),
        ("e-mail", text(&person.email)),
    ]
}

fn by_field(row: &AuditRow) -> [Option<FieldRule>; 4] {
    row.rules.map_or([None; 4], |it| [it.name, it.birth_date, it.phone, it.email].map(Some))
}
