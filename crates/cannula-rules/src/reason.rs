use cannula_core::OpportunityStatus;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::Category;

/// Why an event ended as it did. Stored with the verdict, so it holds no personal data beyond
/// the names of types and stages and the dates of visits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A note is left on the contact.
    Noted {
        /// The note's first line.
        title: String,
    },
    /// The opportunity moves.
    Moved {
        /// The pipeline.
        pipeline: String,
        /// The new stage.
        stage: String,
        /// Whether it is won there.
        status: OpportunityStatus,
    },
    /// The opportunity is already where all appointments together put it.
    Stays {
        /// The pipeline.
        pipeline: String,
        /// The stage.
        stage: String,
    },
    /// A newer change in the person's history decides the stage.
    Overtaken {
        /// The pipeline.
        pipeline: String,
        /// The stage it decides for.
        stage: String,
    },
    /// The only appointment of the pipeline went away.
    Vacated {
        /// The pipeline.
        pipeline: String,
        /// The stage for cancellations.
        stage: String,
    },
    /// A cancellation or no-show that does not decide, because another appointment is live.
    SupersededCancellation {
        /// The pipeline of both.
        pipeline: String,
        /// When the live one takes place.
        live: Option<NaiveDate>,
    },
    /// The category never moves a pipeline.
    NeverMoves {
        /// The category.
        category: Category,
    },
    /// The appointment is a block.
    BlockExcluded,
    /// The categorization document has no row.
    UnmappedType {
        /// The appointment type.
        name: String,
        /// The first purpose.
        purpose: Option<String>,
    },
    /// The document has the name in another spelling.
    NearMiss {
        /// The EMR's spelling.
        name: String,
        /// The document's spelling.
        document: String,
        /// Where it stands.
        line: usize,
    },
    /// The appointment has no type.
    MissingType,
    /// The status has no meaning yet.
    UnmappedStatus {
        /// The status as the vendor spells it.
        name: String,
    },
    /// A held online booking.
    Held,
    /// The visit is not fulfilled.
    NotFulfilled {
        /// What it is instead.
        status: String,
    },
    /// The Next Visit field changes.
    NextVisit {
        /// The field's name.
        field: String,
        /// The new date; `None` if there is no visit to come.
        date: Option<NaiveDate>,
    },
    /// The Last Visit field changes.
    LastVisit {
        /// The field's name.
        field: String,
        /// The new date; `None` if no visit is fulfilled any more.
        date: Option<NaiveDate>,
    },
    /// The contact has no opportunity in the pipeline and none may be created.
    OpportunityMissing {
        /// The pipeline.
        pipeline: String,
    },
    /// A newer version of the record was there before.
    ArrivedLate,
    /// Nothing that the CRM shows changed.
    NothingChanged,
    /// The patient record must be read first.
    WaitingForPatient,
    /// Neither e-mail nor phone.
    NoContactDetails,
    /// Entered in error, after it was noted.
    EnteredInError,
    /// Entered in error, and nothing of it was in the CRM.
    RemovedLeftNothing,
    /// The event is about no person.
    NoPatient,
    /// A patient without any visit that belongs in the CRM.
    NoVisitYet,
    /// The person's data changed.
    PersonUpdated,
    /// These rules have no use for this kind of record.
    NotUsed,
}

impl Reason {
    /// The reason as a sentence for staff: what happened, why, and what would change it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Noted { title } => format!("A note “{title}” is left on the contact."),
            Self::Moved { pipeline, stage, status } => {
                let status = match status {
                    OpportunityStatus::Open => "open",
                    OpportunityStatus::Won => "won",
                };
                format!("The opportunity in “{pipeline}” moves to “{stage}” and is {status}.")
            }
            Self::Stays { pipeline, stage } => {
                format!("The opportunity in “{pipeline}” stays in “{stage}”, where the person's appointments put it already.")
            }
            Self::Overtaken { pipeline, stage } => format!(
                "This does not move the opportunity in “{pipeline}”: a newer change decides for “{stage}”."
            ),
            Self::Vacated { pipeline, stage } => format!(
                "No other appointment is left in “{pipeline}”, so the opportunity moves to “{stage}”, without the tag: nobody cancelled."
            ),
            Self::SupersededCancellation { pipeline, live } => format!(
                "This cancellation or no-show does not move the person to the cancelled stage, because another appointment in “{pipeline}”{} is live.",
                live.map_or_else(String::new, |date| format!(" on {}", day(date)))
            ),
            Self::NeverMoves { category } => format!(
                "“{category}” is a category that never moves a pipeline and adds no tag; the note, the fields and the visit dates are written."
            ),
            Self::BlockExcluded => "The appointment type is categorized as “Block”, so the appointment leaves nothing in the CRM: no contact, no note, no date, no move. If it is a visit, correct its category and replay.".to_owned(),
            Self::UnmappedType { name, purpose } => format!(
                "The appointment type “{name}”{} has no row in the appointment categorization document, so there is no note and no move until a row is added and the event is replayed.",
                purpose.as_ref().map_or_else(String::new, |purpose| format!(" with purpose “{purpose}”"))
            ),
            Self::NearMiss { name, document, line } => format!(
                "The document has “{document}” on line {line}, which differs only by case or spaces from “{name}” in the EMR. Names must be spelled exactly: correct that line instead of adding a row, then replay."
            ),
            Self::MissingType => "The appointment has no type in the EMR, so its category is unknown and it leaves no note.".to_owned(),
            Self::UnmappedStatus { name } => format!(
                "The status “{name}” has no meaning under `rules.statuses`, so it is unknown whether the appointment is booked; there is no note until it is mapped and the event is replayed."
            ),
            Self::Held => "The online booking is only held: it waits in the EMR's queue for staff and is no appointment yet. If online bookings should count at once, change the EMR's online scheduling preference so that a booking, not a hold, is entered as Pending.".to_owned(),
            Self::NotFulfilled { status } => format!(
                "The visit is “{status}” in the EMR, not yet Fulfilled, so it does not set the last visit date and the complete or patient stage. The birthday does not wait for it."
            ),
            Self::NextVisit { field, date } => date.map_or_else(
                || format!("“{field}” is cleared: no live appointment is to come."),
                |date| format!("“{field}” becomes {}: the earliest live appointment to come.", day(date)),
            ),
            Self::LastVisit { field, date } => date.map_or_else(
                || format!("“{field}” is cleared: no visit is fulfilled any more."),
                |date| format!("“{field}” becomes {}: the latest fulfilled visit.", day(date)),
            ),
            Self::OpportunityMissing { pipeline } => format!(
                "The contact has no opportunity in “{pipeline}” and `rules.create_opportunities` is false, so nothing moves. Create the opportunity in that pipeline; the person's next event moves it."
            ),
            Self::ArrivedLate => "A newer version of the same record was known before this one arrived, so it takes its place in the history and overwrites nothing newer.".to_owned(),
            Self::NothingChanged => "Nothing that the CRM shows changed since the version before, so there is no note and no move.".to_owned(),
            Self::WaitingForPatient => "The patient's record has not been read from the EMR yet; everything follows as soon as it is.".to_owned(),
            Self::NoContactDetails => "The patient has neither an e-mail address nor a phone number in the EMR (or both are marked private), so no contact can be found or created. Everything follows as soon as there is one.".to_owned(),
            Self::EnteredInError => "The appointment was entered in error or deleted in the EMR, so it no longer counts for stage and visit dates; its notes stay.".to_owned(),
            Self::RemovedLeftNothing => "The appointment was entered in error or deleted before anything of it reached the CRM, so it leaves nothing.".to_owned(),
            Self::NoPatient => "The event names no patient (a meeting, a lunch or another block), so it leaves nothing in the CRM.".to_owned(),
            Self::NoVisitYet => "The patient has no appointment that belongs in the CRM yet, so no contact is made; the first one makes it.".to_owned(),
            Self::PersonUpdated => "The patient's name, e-mail, phone or birth date changed and is written to the contact.".to_owned(),
            Self::NotUsed => "This kind of record is not used by the visit rules.".to_owned(),
        }
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%A, %B %-d, %Y").to_string()
}
