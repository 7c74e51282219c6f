//! The store's customer, as the register of patients is asked for them and as a patient to be.

use cannula_core::{LedgerOptions, Named, PatientField, PickLists, StoreCustomer};
use cannula_rules::posting::PostingConfig;

use super::{config, order, phi, rules};

fn named(name: &str) -> Named {
    Named { id: Some(name.len().to_string()), ..Named::new(name) }
}

/// A practice with one location, a general practitioner and a referral source.
fn lists() -> PickLists {
    [
        (PatientField::Location, vec![named("Main")]),
        (PatientField::ReferralSource, vec![named("Web store")]),
        (PatientField::GeneralPractitioner, vec![named("Rao")]),
    ]
    .into()
}

fn with_entries() -> PostingConfig {
    PostingConfig {
        referral_source: Some("Web store".to_owned()),
        general_practitioner: Some("Rao".to_owned()),
        ..config()
    }
}

#[test]
fn the_register_is_searched_for_what_the_customer_typed() {
    let customer = StoreCustomer { email: Some(phi(" ivy@example.test ")), ..order("41").customer };
    let person = rules(config()).person(&customer);
    assert_eq!((person.first_name, person.last_name), (phi("Ivy"), phi("Sample")));
    assert_eq!(person.email, Some(phi("ivy@example.test")));
    assert_eq!((person.phone, person.birth_date), (customer.phone, customer.birth_date));
}

#[test]
fn a_new_patient_has_what_the_customer_typed_and_the_practices_own_entries() {
    let rules = rules(with_entries());
    assert!(rules.registry().required.contains(&PatientField::PostalCode));
    let today = "2031-05-06".parse().unwrap();
    let customer = order("41").customer;
    let patient = rules.new_patient(&customer, &lists(), today).unwrap();
    assert_eq!((patient.name, patient.birth_date), (customer.name, customer.birth_date.unwrap()));
    assert_eq!(patient.postal_code, customer.postal_code);
    assert_eq!(patient.location, Some(named("Main")));
    assert_eq!(patient.referral_source, Some(named("Web store")));
    assert_eq!(patient.general_practitioner, Some(named("Rao")));

    let born_later = Some("2031-05-07".parse().map(cannula_core::Phi::new).unwrap());
    let customer = StoreCustomer { phone: None, birth_date: born_later, ..order("41").customer };
    assert_eq!(
        rules.new_patient(&customer, &lists(), today).unwrap_err(),
        ["“Phone” is missing.", "“Date of Birth” lies in the future."]
    );
}

#[test]
fn entries_of_new_patients_that_the_practice_does_not_have_are_refused_before_anything_is_posted() {
    let options = LedgerOptions {
        locations: vec![named("Main")],
        practitioners: vec![named("Rao")],
        categories: ["Online store".to_owned()].into(),
        ..LedgerOptions::default()
    };
    let wrong = |lists: &PickLists| {
        let error = rules(with_entries()).terms(&options, lists).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(wrong(&lists()), "");
    let mut others = lists();
    others.insert(PatientField::GeneralPractitioner, vec![named("Roa")]);
    others.insert(PatientField::ReferralSource, Vec::new());
    insta::assert_snapshot!("wrong_entries", wrong(&others));
}
