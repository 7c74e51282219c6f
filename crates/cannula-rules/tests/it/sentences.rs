//! Every reason, in the words staff read.

use std::fmt::Write as _;

use cannula_core::OpportunityStatus;
use cannula_rules::{Category, Reason};

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
        Reason::NextVisit { field: next, date: None },
        Reason::LastVisit { field: last.clone(), date },
        Reason::LastVisit { field: last, date: None },
        Reason::OpportunityMissing { pipeline },
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
}

#[test]
fn every_reason_has_a_sentence() {
    let mut text = String::new();
    for reason in all() {
        let json = serde_json::to_value(&reason).unwrap();
        let tag = json["reason"].as_str().unwrap();
        writeln!(text, "{tag}\n    {}", reason.sentence()).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_variant_is_listed() {
    // The deserializer names all tags when it meets one it does not know.
    let error = serde_json::from_str::<Reason>(r#"{"reason":"?"}"#).unwrap_err().to_string();
    let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(known.len() > 20, "{error}");
    let listed: Vec<String> = all()
        .iter()
        .map(|reason| serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned())
        .collect();
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
