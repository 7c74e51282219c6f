use cannula_core::{ContactId, Money, OpportunityStatus, Phi};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Category, Unsummable};

/// Why an event ended as it did. Stored with the verdict, so it holds no personal data beyond
/// the names of types and stages, the dates of visits and what the person paid in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A note is left on the contact.
    Noted {
        /// The note's first line.
        title: String,
    },
    /// A later version of the record arrived first and left a note that says the same.
    AlreadyNoted,
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
    /// The Next Visit field shows another date than this live visit's.
    NextVisitElsewhere {
        /// The field's name.
        field: String,
        /// What it shows.
        date: Option<NaiveDate>,
    },
    /// The Last Visit field shows another date than this fulfilled visit's.
    LastVisitElsewhere {
        /// The field's name.
        field: String,
        /// What it shows.
        date: Option<NaiveDate>,
    },
    /// The EMR has no birth date.
    NoBirthday {
        /// The field's name.
        field: String,
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
    /// Money without an owner.
    NoOwner,
    /// Payments are switched off.
    PaymentsOff,
    /// The person is in the surgical pipeline only, where payments do not count.
    PaymentsSurgicalOnly {
        /// The pipeline.
        pipeline: String,
    },
    /// A payment of somebody without any visit that belongs in the CRM.
    PaymentWaitsForVisit,
    /// The lifetime value changes.
    LifetimeValue {
        /// The field's name.
        field: String,
        /// By how much, with its sign.
        change: Phi<Money>,
        /// What it is with this and everything known before.
        value: Phi<Money>,
    },
    /// The payments have no sum.
    LifetimeValueUnknown {
        /// The field's name.
        field: String,
        /// Why not.
        problem: Unsummable,
    },
    /// An insurer's payment.
    InsurerNotCounted,
    /// An adjustment.
    AdjustmentNotCounted,
    /// A payment that was known is voided.
    PaymentVoided,
    /// A payment that was known is deleted.
    PaymentDeleted,
    /// Voided before it was read first.
    VoidedBeforeSeen,
    /// The opposite row of a voided one.
    OppositeOfVoided,
    /// Deleted before it was read first.
    DeletedBeforeSeen,
    /// The amount is zero.
    ZeroAmount,
    /// A newer state of the payment was known before this one.
    PaymentArrivedLate,
    /// The opportunity's value is set.
    OpportunityValue {
        /// The pipeline.
        pipeline: String,
        /// The value.
        value: Phi<Money>,
        /// It is what was paid since the opportunity opened, and not all there is.
        since_opened: bool,
    },
    /// Nothing counts towards the opportunity, so the practice's own estimate stays.
    OpportunityValueKept {
        /// The pipeline.
        pipeline: String,
    },
    /// The pipeline's values are not set from payments.
    OpportunityValueByHand {
        /// The pipeline.
        pipeline: String,
    },
    /// Values of opportunities are not set from payments at all.
    OpportunityValuesOff,
    /// No appointment has put the person into a pipeline yet.
    NoOpportunityYet,
    /// The contact has no opportunity in the pipeline whose value could be set.
    OpportunityValueMissing {
        /// The pipeline.
        pipeline: String,
    },
    /// Intake made or found the patient from this contact.
    LinkedByIntake {
        /// The contact.
        contact: ContactId,
    },
    /// The patient is linked to this contact already.
    AlreadyLinked {
        /// The contact.
        contact: ContactId,
    },
    /// The contact is not there any more.
    LinkedContactGone {
        /// The contact.
        contact: ContactId,
    },
    /// The patient is linked to another contact.
    LinkedElsewhere {
        /// The contact it is linked to.
        ours: ContactId,
        /// The contact it was to be linked to.
        contact: ContactId,
    },
    /// These rules have no use for this kind of record.
    NotUsed,
}

impl Reason {
    /// The reason as a sentence for staff: what happened, why, and what would change it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Noted { title } => format!("A note “{title}” is left on the contact."),
            Self::AlreadyNoted => "A later version of the same record arrived first, and the note it left says the same, so there is no second one.".to_owned(),
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
            Self::NextVisitElsewhere { field, date } => format!(
                "“{field}” is not set to this visit's date, because it shows the earliest live appointment from today on: {}.",
                date.map_or_else(|| "there is none".to_owned(), day)
            ),
            Self::LastVisitElsewhere { field, date } => format!(
                "“{field}” is not set to this visit's date, because it shows the latest fulfilled visit: {}.",
                date.map_or_else(|| "none has a date".to_owned(), day)
            ),
            Self::NoBirthday { field } => format!(
                "The EMR has no birth date for the patient (a placeholder such as January 1, 1900 counts as none), so “{field}” and the contact's own date of birth are left alone. Both are written as soon as there is one; no fulfilled visit is needed."
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
            Self::NoOwner => "The payment names no patient in the EMR, so it is in nobody's ledger and leaves nothing in the CRM.".to_owned(),
            Self::PaymentsOff => "Payments are switched off (`rules.payments.pipelines` is `none`), so this one leaves no note and changes neither lifetime value nor opportunity. It is kept: set the switch to `non_surgical` or `all` and replay everything, and what is due then follows.".to_owned(),
            Self::PaymentsSurgicalOnly { pipeline } => format!(
                "The person is in “{pipeline}” only, and payments count for med spa work only (`rules.payments.pipelines` is `non_surgical`), so this one leaves no note and changes neither lifetime value nor opportunity. In the EMR a payment is not tied to an appointment, and credits, payment plans and adjustments distort what a surgical patient seems worth: set the opportunity's value by hand. The payment is kept: with `all` and a replay of everything, what is due then follows."
            ),
            Self::PaymentWaitsForVisit => "The patient has no appointment that belongs in the CRM yet, and a payment alone makes no contact. The payment is kept: the first visit makes the contact, and the payment's note and the lifetime value follow.".to_owned(),
            Self::LifetimeValue { field, change, value } => format!(
                "“{field}” changes by {} to {}: what the patient paid less what went back, over all payments that count.",
                signed(*change.expose()),
                value.expose()
            ),
            Self::LifetimeValueUnknown { field, problem } => format!(
                "“{field}” and the opportunity's value are left alone, because the patient's payments cannot be added up: {}. Correct the payment that is wrong in the EMR; the value follows with its change.",
                match problem {
                    Unsummable::SeveralCurrencies => "they are in several currencies",
                    Unsummable::TooLarge => "their sum is too large",
                }
            ),
            Self::InsurerNotCounted => "An insurer paid this and not the patient, so it does not count towards the lifetime value.".to_owned(),
            Self::AdjustmentNotCounted => "This is an adjustment: what is owed changes and no money moves, so it does not count towards the lifetime value.".to_owned(),
            Self::PaymentVoided => "It was voided in the EMR, so it no longer counts; the notes it left stay. If it was corrected, the corrected payment is an entry of its own.".to_owned(),
            Self::PaymentDeleted => "It was deleted in the EMR (entered in error), so it no longer counts; the notes it left stay.".to_owned(),
            Self::VoidedBeforeSeen => "This row was voided before it was first read from the EMR (some EMRs do not tell such a row from the opposite row that voids it). It never counted, so it leaves no note and adds nothing to the lifetime value.".to_owned(),
            Self::OppositeOfVoided => "This row is the opposite entry that voids another payment. The voided payment itself is what no longer counts; this one leaves no note and adds nothing to the lifetime value.".to_owned(),
            Self::DeletedBeforeSeen => "This row was deleted in the EMR (entered in error) before it was first read. It never counted, so it leaves no note and adds nothing to the lifetime value.".to_owned(),
            Self::ZeroAmount => "The amount is zero, so no money moved: there is no note, and the lifetime value is what it was.".to_owned(),
            Self::PaymentArrivedLate => "A newer state of the same payment, or its void, was known before this one arrived, so it leaves no note and adds nothing to the lifetime value. A voided payment never counts again.".to_owned(),
            Self::OpportunityValue { pipeline, value, since_opened } => format!(
                "The opportunity in “{pipeline}” is worth {}: {}.",
                value.expose(),
                if *since_opened {
                    "what the patient paid, less what went back, since the day the person came into the pipeline"
                } else {
                    "the lifetime value"
                }
            ),
            Self::OpportunityValueKept { pipeline } => format!(
                "The value of the opportunity in “{pipeline}” is left alone: nothing the patient paid counts towards it, so the practice's own estimate stays."
            ),
            Self::OpportunityValueByHand { pipeline } => format!(
                "The value of the opportunity in “{pipeline}” is not set from payments (`rules.payments.pipelines` is `non_surgical`): set it by hand."
            ),
            Self::OpportunityValuesOff => "No opportunity's value is set from payments, because `rules.payments.opportunity_value` is `off`.".to_owned(),
            Self::NoOpportunityYet => "No opportunity's value is set: no appointment has put the person into a pipeline whose values come from payments. The first one does, and the value follows.".to_owned(),
            Self::OpportunityValueMissing { pipeline } => format!(
                "The contact has no opportunity in “{pipeline}” whose value could be set. Create it, or let `rules.create_opportunities` do so; the person's next event sets the value."
            ),
            Self::LinkedByIntake { contact } => format!(
                "The patient was created from CRM contact {contact} or found to be the same person, so the two are linked: appointments and payments go to that contact, without a search by e-mail and phone."
            ),
            Self::AlreadyLinked { contact } => format!(
                "The patient was linked to CRM contact {contact} before, so nothing changed."
            ),
            Self::LinkedContactGone { contact } => format!(
                "The patient was linked to CRM contact {contact}, which is gone since, so the link is not made again; the next visit finds or makes a contact."
            ),
            Self::LinkedElsewhere { ours, contact } => format!(
                "The patient is linked to CRM contact {ours} already, so the link to contact {contact} is not made and everything goes on to {ours}. If the two contacts are one person, merge them in the CRM."
            ),
            Self::NotUsed => "This kind of record is not used by the visit rules.".to_owned(),
        }
    }
}

/// With its sign, also where it is positive.
fn signed(money: Money) -> String {
    if money.is_negative() { money.to_string() } else { format!("+{money}") }
}

fn day(date: NaiveDate) -> String {
    date.format("%A, %B %-d, %Y").to_string()
}
