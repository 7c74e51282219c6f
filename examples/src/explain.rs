use cannula::{
    core::{PersonId, RecordKey, Result, Subject},
    rules::PersonState,
    sync::{CrmFlow, Engine, Flow, IntakeFlow, Line, Outcome},
};
use chrono::{DateTime, SecondsFormat};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

/// How many patients an unknown one is answered with.
const HINTS: usize = 3;

/// Why one patient's contact looks as it does.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// The patient asked for.
    pub patient: String,
    /// Their contact in the CRM, if there is one.
    pub contact: Option<String>,
    /// What happened, oldest first; empty if the patient is unknown.
    pub events: Vec<ExplainedEvent>,
    /// For an unknown patient: how to find one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One event of the patient.
#[derive(Debug, Serialize)]
pub struct ExplainedEvent {
    /// When the record changed, on the practice's clock.
    #[serde(serialize_with = "rfc3339")]
    pub when: DateTime<Tz>,
    /// The record.
    pub record: RecordKey,
    /// What became of the event.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Why, and what to do if something is to be done.
    pub sentences: Vec<String>,
}

/// Explains a patient, who is named by EMR id or by the id of their contact in the CRM, with what
/// became of the contact's tags where there is an intake.
///
/// # Errors
/// If a store fails.
pub async fn explain(
    engine: &Engine<CrmFlow>,
    intake: Option<&Engine<IntakeFlow>>,
    patient: &str,
    zone: Tz,
) -> Result<Explained> {
    let wanted = patient.trim();
    let mut found = None;
    let mut others = Vec::new();
    engine
        .for_each_state(|subject, state: &PersonState| {
            let contact = state.links().contact.as_ref();
            let named = subject.person.as_str().eq_ignore_ascii_case(wanted)
                || contact.is_some_and(|contact| contact.as_str() == wanted);
            if named {
                found = Some((subject.clone(), contact.map(ToString::to_string)));
            } else if others.len() < HINTS && contact.is_some() {
                others.push(subject.person.clone());
            }
        })
        .await?;
    let contact = found.as_ref().and_then(|(_, contact)| contact.clone());
    let asked = match intake {
        Some(intake) => tags(intake, contact.as_deref().unwrap_or(wanted), zone).await?,
        None => Vec::new(),
    };
    let Some((subject, contact)) = found else {
        if asked.is_empty() {
            return Ok(unknown(wanted, &others));
        }
        let patient = "(none yet)".to_owned();
        return Ok(Explained { patient, contact: Some(wanted.into()), events: asked, hint: None });
    };
    let mut lines = asked;
    lines.extend(events(engine, &subject, zone).await?);
    lines.sort_by_key(|event| event.when);
    Ok(Explained { patient: subject.person.to_string(), contact, events: lines, hint: None })
}

/// What became of a contact's tags.
async fn tags(intake: &Engine<IntakeFlow>, contact: &str, zone: Tz) -> Result<Vec<ExplainedEvent>> {
    let mut found = None;
    intake
        .for_each_state(|subject, _| {
            if subject.person.as_str() == contact {
                found = Some(subject.clone());
            }
        })
        .await?;
    match found {
        Some(subject) => events(intake, &subject, zone).await,
        None => Ok(Vec::new()),
    }
}

async fn events<F: Flow>(
    engine: &Engine<F>,
    subject: &Subject,
    zone: Tz,
) -> Result<Vec<ExplainedEvent>> {
    let event = |line: Line| ExplainedEvent {
        when: line.when.with_timezone(&zone),
        record: line.record,
        outcome: line.outcome,
        sentences: line.sentences,
    };
    Ok(engine.explain(subject).await?.into_iter().map(event).collect())
}

fn unknown(wanted: &str, others: &[PersonId]) -> Explained {
    let examples = if others.is_empty() {
        "so far there is nobody in the CRM".to_owned()
    } else {
        let ids: Vec<_> = others.iter().map(PersonId::as_str).collect();
        format!("for example {}", ids.join(" or "))
    };
    Explained {
        patient: wanted.to_owned(),
        contact: None,
        events: Vec::new(),
        hint: Some(format!(
            "No event of patient {wanted} has been seen. Name a patient by the id that the EMR's API uses, or by the id at the end of the contact's address in the CRM; {examples}."
        )),
    }
}

fn rfc3339<S: Serializer>(when: &DateTime<Tz>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&when.to_rfc3339_opts(SecondsFormat::Secs, false))
}
