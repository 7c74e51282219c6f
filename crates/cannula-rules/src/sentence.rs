//! The reasons in the words that staff read.

use cannula_core::{Money, OpportunityStatus, Taken};
use chrono::NaiveDate;

use crate::{Reason, Unsummable};

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
            Self::StrongestService { name, category } => format!(
                "The visit has several services, and the strongest category decides for all of it: “{name}” is categorized as “{category}”."
            ),
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
            Self::DetailTaken(Taken { detail, by }) => format!(
                "The {detail} was left out, because contact {by} has it and the CRM lets only one contact have it; all else is written. It is tried again each day. If the two are one person, merge them in the CRM; if not, correct the one that is wrong."
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
            Self::NothingPaidAnyMore => "Nothing is paid on it any more in the EMR (an order or invoice that was opened again, for example), so it no longer counts. As soon as it has an amount again it is noted as new.".to_owned(),
            Self::VoidedAtZero => "It was voided or deleted in the EMR while nothing was paid on it, so no money moved: there is no note, and the lifetime value is what it was.".to_owned(),
            Self::DeletedBeforeSeen => "This row was deleted in the EMR (entered in error) before it was first read. It never counted, so it leaves no note and adds nothing to the lifetime value.".to_owned(),
            Self::ZeroAmount => "The amount is zero, so no money moved: there is no note, and the lifetime value is what it was. An order or invoice that is still open is noted when it is closed.".to_owned(),
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
            Self::RegisteredByIntake => "Intake made the patient from the CRM contact, or found it, and left its own note about that, so it is not noted a second time.".to_owned(),
            Self::PassedOn { into } => format!(
                "The EMR merged this patient into patient {into}. All that is known of it was passed on, its CRM contact as well unless the other patient has one, and everything goes on there; nothing more is written for this one."
            ),
            Self::MergeUndone { into } => format!(
                "The EMR merged this patient into patient {into}, and that does not hold any more: the patient was read since, or was merged into yet another."
            ),
            Self::Inherited { contact, from } => format!(
                "The EMR merged patient {from} into this one, so CRM contact {contact} is this patient's from now on."
            ),
            Self::ContactKept { contact } => format!(
                "The patient that this one was merged into has a CRM contact of its own. So contact {contact} stays, and its visit fields, stage and tags are brought in line with the visits that it has no more. If the two contacts are one person, merge them in the CRM."
            ),
            Self::NothingYet => "The patient has no appointment, payment or membership that belongs in the CRM yet and was not registered just now, so no contact is made; the first of them makes it.".to_owned(),
            Self::MembershipsOff => "Memberships are switched off (`rules.memberships.enabled` is false), so this one leaves no note, no field and no tag. It is kept: set the switch to true and replay everything, and what is due then follows.".to_owned(),
            Self::MembershipWaitsForVisit => "The patient has no appointment that belongs in the CRM yet, and a membership alone makes no contact (`rules.contacts_for` is `visits`). The membership is kept: the first visit makes the contact, and the membership's note, fields and tag follow.".to_owned(),
            Self::MembershipShown { field, name, status } => format!(
                "“{field}” shows “{name}” ({status}): the newest active membership, or the newest of all if none is active."
            ),
            Self::OtherMembershipShown { field, name } => format!(
                "“{field}” shows “{name}” instead: the newest active membership, or the newest of all if none is active."
            ),
            Self::MemberTagged { tag } => {
                format!("The contact has the tag “{tag}” while at least one membership is active.")
            }
            Self::MemberTagStays { tag } => format!(
                "The contact keeps the tag “{tag}”, because another membership is active."
            ),
            Self::NoMemberTag { tag } => format!(
                "No membership is active, so the tag “{tag}” is not added, and removed if it was added here."
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
