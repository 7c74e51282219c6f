//! The appointment categorization document: what is wrong with it, all at once.

use cannula_core::Named;
use cannula_rules::{Categories, Category, Spelling};

#[test]
fn every_problem_of_a_document_is_reported_with_its_line_and_the_right_spelling() {
    insta::glob!("../cases", "documents/*.csv", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let result = match Categories::from_csv(&text) {
            Ok(_) => "no problems".to_owned(),
            Err(problems) => problems.to_string(),
        };
        insta::assert_snapshot!(format!("{text}\n---\n{result}"));
    });
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_tolerated() {
    let text = "\u{feff}type,purpose,category\r\nFiller,,Non-Surgical Appointment\r\n";
    let categories = Categories::from_csv(text).unwrap();
    assert_eq!(categories.lookup("Filler", &[]), Some(Category::NonSurgicalAppointment));
}

#[test]
fn of_several_purposes_the_first_with_a_row_wins_over_the_row_for_any() {
    let text = "type,purpose,category\n\
        Visit,,Non-Surgical Consult\n\
        Visit,Facelift,Surgical Consult\n\
        Visit,Suture removal,Post-Op Appointment\n\
        Surgery,Facelift,Surgical Appointment\n";
    let categories = Categories::from_csv(text).unwrap();
    let of = |kind: &str, purposes: &[&str]| {
        let purposes: Vec<_> = purposes.iter().copied().map(Named::new).collect();
        categories.lookup(kind, &purposes)
    };
    assert_eq!(of("Visit", &["Photos", "Suture removal", "Facelift"]), Some(Category::PostOp));
    assert_eq!(of("Visit", &["Facelift", "Suture removal"]), Some(Category::SurgicalConsult));
    assert_eq!(of("Visit", &["Photos"]), Some(Category::NonSurgicalConsult));
    assert_eq!(of("Surgery", &["Photos"]), None);
    assert_eq!(of("visit", &[]), None);
}

#[test]
fn a_near_spelling_is_named_and_not_accepted() {
    let text = "type,purpose,category\nLaser Reset,Full Face,Non-Surgical Appointment\n";
    let categories = Categories::from_csv(text).unwrap();
    let near = |kind: &str, purpose: &str| {
        assert_eq!(categories.lookup(kind, &[Named::new(purpose)]), None);
        categories
            .near_miss(kind, &[Named::new(purpose)])
            .map(|(name, spelling)| (name.to_owned(), spelling.clone()))
    };
    let spelling = |emr: &str, document: &str| {
        Some((emr.to_owned(), Spelling { name: document.to_owned(), line: 2 }))
    };
    assert_eq!(near("laser  reset", "Full Face"), spelling("laser  reset", "Laser Reset"));
    assert_eq!(near("Laser Reset", "full face "), spelling("full face ", "Full Face"));
    assert_eq!(near("Laser", "Full Face"), None);
}
