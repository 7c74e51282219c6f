//! Every reason, in the words staff read.

use std::fmt::Write as _;

use cannula_core::{
    ContactDetail, ContactId, Currency, Money, OpportunityStatus, PatientId, Taken,
};
use cannula_rules::{Category, Reason, Unsummable};

/// One of each variant; `every_variant_is_listed` sees to it.
fn all() -> Vec<Reason> {
    let (pipeline, stage) = ("Surgery: Lead 2 Patient".to_owned(), "Surgery Complete".to_owned());
    let date = chrono::NaiveDate::from_ymd_opt(2026, 3, 10);
    let next = "Next Visit Date".to_owned();
    let last = "Last Visit Date".to_owned();
    vec![
        Reason::Noted { title: "Appointment Confirmed".to_owned() },
        Reason::Moved {
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            status: OpportunityStatus::Won,
        },
        Reason::Moved {
            pipeline: pipeline.clone(),
            stage: "Consult Booked".to_owned(),
            status: OpportunityStatus::Open,
        },
        Reason::Stays { pipeline: pipeline.clone(), stage },
        Reason::Overtaken { pipeline: pipeline.clone(), stage: "Consult Booked".to_owned() },
        Reason::Vacated { pipeline: pipeline.clone(), stage: "Cancelled / No-Show".to_owned() },
        Reason::SupersededCancellation { pipeline: pipeline.clone(), live: date },
        Reason::SupersededCancellation { pipeline: pipeline.clone(), live: None },
        Reason::NeverMoves { category: Category::PreOp },
        Reason::BlockExcluded,
        Reason::StrongestService {
            name: "Rhinoplasty".to_owned(),
            category: Category::SurgicalAppointment,
        },
        Reason::UnmappedType { name: "Laser Reset".to_owned(), purpose: None },
        Reason::UnmappedType {
            name: "Laser Reset".to_owned(),
            purpose: Some("Full Face".to_owned()),
        },
        Reason::NearMiss {
            name: "Laser Reset".to_owned(),
            document: "Laser reset".to_owned(),
            line: 12,
        },
        Reason::MissingType,
        Reason::UnmappedStatus { name: "Online Appt".to_owned() },
        Reason::Held,
        Reason::NotFulfilled { status: "Arrived".to_owned() },
        Reason::NextVisit { field: next.clone(), date },
        Reason::NextVisit { field: next.clone(), date: None },
        Reason::LastVisit { field: last.clone(), date },
        Reason::LastVisit { field: last.clone(), date: None },
        Reason::OpportunityMissing { pipeline },
        Reason::DetailTaken(Taken { detail: ContactDetail::Phone, by: ContactId::new("c9") }),
        Reason::AlreadyNoted,
        Reason::NextVisitElsewhere { field: next.clone(), date },
        Reason::NextVisitElsewhere { field: next, date: None },
        Reason::LastVisitElsewhere { field: last.clone(), date },
        Reason::LastVisitElsewhere { field: last, date: None },
        Reason::NoBirthday { field: "NXT Birthday".to_owned() },
        Reason::ArrivedLate,
        Reason::NothingChanged,
        Reason::WaitingForPatient,
        Reason::NoContactDetails,
        Reason::EnteredInError,
        Reason::RemovedLeftNothing,
        Reason::NoPatient,
        Reason::NoVisitYet,
        Reason::PersonUpdated,
        Reason::NotUsed,
    ]
    .into_iter()
    .chain(payments())
    .chain(links())
    .chain(memberships())
    .collect()
}

fn payments() -> Vec<Reason> {
    let pipeline = "Lead 2 Patient".to_owned();
    let field = "Patient Lifetime Value".to_owned();
    let usd = |minor| Money::from_minor(minor, Currency::USD).into();
    vec![
        Reason::NoOwner,
        Reason::PaymentsOff,
        Reason::PaymentsSurgicalOnly { pipeline: "Surgery: Lead 2 Patient".to_owned() },
        Reason::PaymentWaitsForVisit,
        Reason::LifetimeValue { field: field.clone(), change: usd(14_950), value: usd(14_950) },
        Reason::LifetimeValue { field: field.clone(), change: usd(-2_000), value: usd(12_950) },
        Reason::LifetimeValueUnknown {
            field: field.clone(),
            problem: Unsummable::SeveralCurrencies,
        },
        Reason::LifetimeValueUnknown { field, problem: Unsummable::TooLarge },
        Reason::InsurerNotCounted,
        Reason::AdjustmentNotCounted,
        Reason::PaymentVoided,
        Reason::PaymentDeleted,
        Reason::VoidedBeforeSeen,
        Reason::OppositeOfVoided,
        Reason::DeletedBeforeSeen,
        Reason::NothingPaidAnyMore,
        Reason::VoidedAtZero,
        Reason::ZeroAmount,
        Reason::PaymentArrivedLate,
        Reason::OpportunityValue {
            pipeline: pipeline.clone(),
            value: usd(12_950),
            since_opened: false,
        },
        Reason::OpportunityValue {
            pipeline: pipeline.clone(),
            value: usd(12_950),
            since_opened: true,
        },
        Reason::OpportunityValueKept { pipeline: pipeline.clone() },
        Reason::OpportunityValueByHand { pipeline: "Surgery: Lead 2 Patient".to_owned() },
        Reason::OpportunityValuesOff,
        Reason::NoOpportunityYet,
        Reason::OpportunityValueMissing { pipeline },
    ]
}

fn links() -> Vec<Reason> {
    let contact = ContactId::new("c9");
    vec![
        Reason::LinkedByIntake { contact: contact.clone() },
        Reason::AlreadyLinked { contact: contact.clone() },
        Reason::LinkedContactGone { contact: contact.clone() },
        Reason::LinkedElsewhere { ours: ContactId::new("c1"), contact: contact.clone() },
        Reason::RegisteredByIntake,
        Reason::PassedOn { into: PatientId::new("p2") },
        Reason::MergeUndone { into: PatientId::new("p2") },
        Reason::Inherited { contact: contact.clone(), from: PatientId::new("p1") },
        Reason::ContactKept { contact },
    ]
}

fn memberships() -> Vec<Reason> {
    let (field, tag) = ("Membership".to_owned(), "Member".to_owned());
    let (name, status) = ("Glow Monthly".to_owned(), "Active".to_owned());
    vec![
        Reason::NothingYet,
        Reason::MembershipsOff,
        Reason::MembershipWaitsForVisit,
        Reason::MembershipShown { field: field.clone(), name: name.clone(), status },
        Reason::OtherMembershipShown { field, name },
        Reason::MemberTagged { tag: tag.clone() },
        Reason::MemberTagStays { tag: tag.clone() },
        Reason::NoMemberTag { tag },
    ]
}

/// The rows of the troubleshooting table (Aesthetix help centre, article 1352) that the rules can
/// answer, and those of memberships: what staff see, and the tags of the reasons that say why.
const SYMPTOMS: [(&str, &[&str]); 9] = [
    (
        "no note on the contact",
        &[
            "unmapped_type",
            "near_miss",
            "missing_type",
            "unmapped_status",
            "held",
            "block_excluded",
            "nothing_changed",
            "already_noted",
            "no_contact_details",
            "waiting_for_patient",
            "removed_left_nothing",
            "no_patient",
        ],
    ),
    (
        "the opportunity is in the wrong stage, or did not move",
        &[
            "moved",
            "stays",
            "overtaken",
            "vacated",
            "strongest_service",
            "superseded_cancellation",
            "never_moves",
            "opportunity_missing",
            "not_fulfilled",
            "arrived_late",
        ],
    ),
    (
        "Next Visit Date or Last Visit Date is not updated",
        &[
            "next_visit",
            "last_visit",
            "next_visit_elsewhere",
            "last_visit_elsewhere",
            "not_fulfilled",
        ],
    ),
    (
        "the birthday is missing",
        &["no_birthday", "person_updated", "no_visit_yet", "not_fulfilled"],
    ),
    (
        "no note of a payment",
        &[
            "payments_off",
            "payments_surgical_only",
            "payment_waits_for_visit",
            "voided_before_seen",
            "opposite_of_voided",
            "deleted_before_seen",
            "zero_amount",
            "voided_at_zero",
            "payment_arrived_late",
            "nothing_changed",
            "no_owner",
        ],
    ),
    (
        "Patient Lifetime Value is not updated, or wrong",
        &[
            "lifetime_value",
            "lifetime_value_unknown",
            "insurer_not_counted",
            "adjustment_not_counted",
            "payment_voided",
            "payment_deleted",
            "nothing_paid_any_more",
            "payments_off",
            "payments_surgical_only",
            "payment_waits_for_visit",
        ],
    ),
    (
        "the opportunity has no value, or another",
        &[
            "opportunity_value",
            "opportunity_value_kept",
            "opportunity_value_by_hand",
            "opportunity_values_off",
            "no_opportunity_yet",
            "opportunity_value_missing",
            "payments_surgical_only",
        ],
    ),
    (
        "there is no contact",
        &[
            "no_visit_yet",
            "nothing_yet",
            "payment_waits_for_visit",
            "membership_waits_for_visit",
            "no_contact_details",
        ],
    ),
    (
        "a membership leaves no note, or the contact shows another, or has no tag of members",
        &[
            "memberships_off",
            "membership_waits_for_visit",
            "nothing_changed",
            "already_noted",
            "membership_shown",
            "other_membership_shown",
            "member_tagged",
            "member_tag_stays",
            "no_member_tag",
        ],
    ),
];

#[test]
fn every_symptom_of_the_troubleshooting_table_has_its_answers() {
    let sentences: Vec<(String, String)> =
        all().iter().map(|reason| (tag(reason), reason.sentence())).collect();
    let mut text = String::new();
    for (symptom, tags) in SYMPTOMS {
        writeln!(text, "{symptom}").unwrap();
        for tag in tags {
            let answer = sentences.iter().find(|(of, _)| of == tag);
            writeln!(text, "    {}", answer.unwrap_or_else(|| panic!("{tag}")).1).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

fn tag(reason: &Reason) -> String {
    serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn every_reason_has_a_sentence() {
    let mut text = String::new();
    for reason in all() {
        writeln!(text, "{}\n    {}", tag(&reason), reason.sentence()).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_variant_is_listed() {
    // The deserializer names all tags when it meets one it does not know.
    let error = serde_json::from_str::<Reason>(r#"{"reason":"?"}"#).unwrap_err().to_string();
    let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(known.len() > 20, "{error}");
    let listed: Vec<String> = all().iter().map(tag).collect();
    for tag in known {
        assert!(listed.iter().any(|listed| listed == tag), "{tag} is not listed");
    }
}

#[test]
fn reasons_survive_the_store() {
    for reason in all() {
        let json = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
    }
}
