//! Why an event ended as it did.

use cannula_core::{ContactId, Money, OpportunityStatus, PatientId, Phi, Taken};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Category, Unsummable};

/// Why an event ended as it did. Stored with the verdict, so it holds no personal data beyond
/// the names of types, memberships and stages, the dates of visits and what the person paid in
/// all.
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
    /// Of several services of one visit, the strongest category decides.
    StrongestService {
        /// The service.
        name: String,
        /// Its category.
        category: Category,
    },
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
    /// Another contact has the person's e-mail address or phone number.
    DetailTaken(Taken),
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
    /// A payment that was known has no amount any more.
    NothingPaidAnyMore,
    /// Voided or deleted while its amount was zero.
    VoidedAtZero,
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
    /// Intake made the patient, and its own note says so.
    RegisteredByIntake,
    /// The patient was merged into another.
    PassedOn {
        /// The patient that is left.
        into: PatientId,
    },
    /// The patient was merged into another and is there again since, or into yet another.
    MergeUndone {
        /// The patient that was to be left.
        into: PatientId,
    },
    /// The contact of a patient that was merged into this one.
    Inherited {
        /// The contact.
        contact: ContactId,
        /// The patient that is no more.
        from: PatientId,
    },
    /// The contact of a merged patient stays, because the patient that is left has another.
    ContactKept {
        /// The contact.
        contact: ContactId,
    },
    /// Somebody without anything that makes a contact.
    NothingYet,
    /// Memberships are switched off.
    MembershipsOff,
    /// A membership of somebody without any visit that belongs in the CRM.
    MembershipWaitsForVisit,
    /// The contact's fields show this membership.
    MembershipShown {
        /// The field's name.
        field: String,
        /// The membership's name.
        name: String,
        /// The membership's status.
        status: String,
    },
    /// The contact's fields show another membership.
    OtherMembershipShown {
        /// The field's name.
        field: String,
        /// The other membership's name.
        name: String,
    },
    /// The contact has the members' tag.
    MemberTagged {
        /// The tag.
        tag: String,
    },
    /// The contact keeps the members' tag for another membership.
    MemberTagStays {
        /// The tag.
        tag: String,
    },
    /// No membership is active.
    NoMemberTag {
        /// The tag.
        tag: String,
    },
    /// These rules have no use for this kind of record.
    NotUsed,
}
