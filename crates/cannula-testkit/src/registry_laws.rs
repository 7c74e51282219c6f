//! What every [`PatientRegistry`] must do, one named function each. They panic when the law is
//! broken; [`registry_laws!`](macro@crate::registry_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula_core::{
    ErrorKind, NewPatient, Patient, PatientField, PatientId, PatientRegistry, Person, Retry,
};

use crate::{
    Gate, ManualClock, Power, Spoil,
    laws::set_of_laws,
    write_faults::{AFTER, BEFORE, SILENCE, may_be_final, met, untrue},
};

/// An EMR's register that laws can work at. Nobody is in it at first.
#[async_trait]
pub trait RegistryBench: Debug + Send + Sync {
    /// A fresh registry, as after a restart.
    fn registry(&self) -> Arc<dyn PatientRegistry>;

    /// The registry's clock.
    fn clock(&self) -> &ManualClock;

    /// Somebody new who has everything that the register demands: with an e-mail address, a phone
    /// number and a name that differ for each number.
    async fn somebody(&self, number: u32) -> NewPatient;

    /// How many patients there are, seen with other eyes than the registry's.
    async fn patients(&self) -> usize;

    /// The gate that the registry knows as its vendor; with [`Power::Http`] there is one.
    fn gate(&self) -> Option<&Gate> {
        None
    }

    /// A text that `METHOD /path?query` of the request that creates a patient contains.
    fn create_request(&self) -> &'static str {
        "(none)"
    }

    /// Bodies that the vendor is known to send with status 200 when it means an error.
    fn errors_in_200(&self) -> Vec<String> {
        Vec::new()
    }

    /// The powers that registry or EMR lack, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use RegistryBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for registries. Takes an `async` function that returns a fresh
    /// [`RegistryBench`](crate::RegistryBench); the crate that uses it needs `tokio` with the feature `macros`.
    registry_laws,
    what_is_demanded_is_named,
    somebody_new_is_created_and_shown,
    somebody_is_found_by_each_of_the_data,
    nobody_is_found_who_is_not_there,
    somebody_is_found_by_chart_number,
    the_same_person_twice_is_refused [RefusesDuplicates],
    a_patient_that_did_not_arrive_is_made_once [Http],
    a_patient_whose_answer_is_lost_is_there_once [Http],
    a_patient_without_an_answer_is_there_once [Http],
    a_create_that_may_have_landed_is_not_repeated_unseen [Http],
    an_error_with_status_200_is_no_patient [Http, ErrorsIn200],
}

/// At least a name: a patient without one could be anybody.
pub async fn what_is_demanded_is_named(bench: &dyn RegistryBench) {
    let registry = bench.registry();
    let required = &registry.info().required;
    for field in [PatientField::FirstName, PatientField::LastName] {
        assert!(required.contains(&field), "{field} is not among {required:?}");
    }
    registry.check().await.unwrap();
    for (field, entries) in registry.lists().await.unwrap() {
        assert!(!entries.is_empty(), "the list of {field} is empty");
    }
}

/// What comes back is who was created, with the vendor's id.
pub async fn somebody_new_is_created_and_shown(bench: &dyn RegistryBench) {
    let new = bench.somebody(1).await;
    let made = bench.registry().create(&new).await.unwrap();
    assert!(!made.id.as_str().is_empty());
    assert_eq!(made.name.family, new.name.family);
    assert_eq!(bench.patients().await, 1);
}

/// By e-mail alone, by phone alone, and by name and birth date alone; from another process.
pub async fn somebody_is_found_by_each_of_the_data(bench: &dyn RegistryBench) {
    let (new, other) = (bench.somebody(1).await, bench.somebody(2).await);
    let id = create(bench, &new).await;
    create(bench, &other).await;
    let whole = new.person();
    let nameless = Person { birth_date: None, ..named("Nobody", "Atall") };
    let by_email = Person { email: whole.email.clone(), ..nameless.clone() };
    let by_phone = Person { phone: whole.phone.clone(), ..nameless };
    let by_name = Person { email: None, phone: None, ..whole.clone() };
    for (how, person) in
        [("e-mail", by_email), ("phone", by_phone), ("name", by_name), ("all", whole)]
    {
        let found = bench.registry().search(&person).await.unwrap();
        assert!(found.iter().any(|it| it.id == id), "not found by {how}: {found:?}");
    }
}

/// And that is no error.
pub async fn nobody_is_found_who_is_not_there(bench: &dyn RegistryBench) {
    create(bench, &bench.somebody(1).await).await;
    let stranger = bench.somebody(2).await.person();
    let found = bench.registry().search(&stranger).await.unwrap();
    assert!(!found.iter().any(|it| is_them(it, &stranger)), "{found:?}");
    // Of whom nothing is known, nobody may be said to be the one.
    let nobody = named("", "");
    assert_eq!(bench.registry().search(&nobody).await.unwrap(), []);
}

/// The number that staff type into the contact to say who it is; the id of somebody who has none.
pub async fn somebody_is_found_by_chart_number(bench: &dyn RegistryBench) {
    let new = bench.somebody(1).await;
    let id = create(bench, &new).await;
    let registry = bench.registry();
    let found = registry.search(&new.person()).await.unwrap();
    let chart = found.iter().find(|it| it.id == id).and_then(|it| it.chart_number.clone());
    let chart = chart.map_or_else(|| id.to_string(), |chart| chart.expose().clone());
    let by_chart = registry.by_chart(&chart).await.unwrap();
    assert_eq!(by_chart.map(|it| it.id), Some(id));
    let nobody = registry.by_chart("987654321").await.unwrap();
    assert!(nobody.is_none());
}

/// And told apart from every other refusal.
pub async fn the_same_person_twice_is_refused(bench: &dyn RegistryBench) {
    let new = bench.somebody(1).await;
    create(bench, &new).await;
    let error = bench.registry().create(&new).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate, "{error}");
    assert_eq!(bench.patients().await, 1);
}

/// Refused, turned away for haste, or lost on the way.
pub async fn a_patient_that_did_not_arrive_is_made_once(bench: &dyn RegistryBench) {
    under(bench, &BEFORE).await;
}

/// Registers have no idempotency keys: a patient of unknown outcome is looked for first.
pub async fn a_patient_whose_answer_is_lost_is_there_once(bench: &dyn RegistryBench) {
    under(bench, &AFTER).await;
}

/// Whether the request arrived or not.
pub async fn a_patient_without_an_answer_is_there_once(bench: &dyn RegistryBench) {
    under(bench, &SILENCE).await;
}

/// The caller must hear of it, or a register that does not refuse duplicates has two.
pub async fn a_create_that_may_have_landed_is_not_repeated_unseen(bench: &dyn RegistryBench) {
    let gate = gate(bench);
    let new = bench.somebody(1).await;
    let registry = bench.registry();
    gate.always(bench.create_request(), Spoil::StatusAfter(500));
    let error = registry.create(&new).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle, "{error:?}");
    assert_eq!(gate.count(bench.create_request()), 1, "requests to create");
    gate.open();
    assert_eq!(bench.patients().await, 1);
}

/// Staff would be told of somebody who is not there.
pub async fn an_error_with_status_200_is_no_patient(bench: &dyn RegistryBench) {
    under(bench, &untrue(bench.errors_in_200())).await;
}

async fn under(bench: &dyn RegistryBench, faults: &[Spoil]) {
    for (number, fault) in (1..).zip(faults) {
        let new = bench.somebody(number).await;
        let call = create_under(bench, &new, Some(fault));
        met(gate(bench), bench.clock(), bench.create_request(), fault, call).await;
        assert_eq!(bench.patients().await, number as usize, "{fault:?}");
    }
}

async fn create(bench: &dyn RegistryBench, new: &NewPatient) -> PatientId {
    create_under(bench, new, None).await
}

/// Creates a patient as an engine does: again where it was not applied, and after a search where
/// it may have been, each time as another process.
async fn create_under(
    bench: &dyn RegistryBench,
    new: &NewPatient,
    fault: Option<&Spoil>,
) -> PatientId {
    for _ in 0..10 {
        let error = match bench.registry().create(new).await {
            Ok(patient) => return patient.id,
            Err(error) => error,
        };
        match error.retry_advice() {
            Retry::Never if may_be_final(fault) => {}
            Retry::Never => panic!("the patient is refused: {error}"),
            Retry::Backoff => bench.clock().advance(Duration::from_secs(60)),
            Retry::After(wait) => bench.clock().advance(wait),
            Retry::Settle => {
                let found = bench.registry().search(&new.person()).await.unwrap();
                if let Some(patient) = found.into_iter().find(|it| is_them(it, &new.person())) {
                    return patient.id;
                }
            }
        }
    }
    panic!("the patient was never created")
}

fn is_them(patient: &Patient, person: &Person) -> bool {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    same(patient.name.family.expose(), person.last_name.expose())
        && same(patient.name.given.expose(), person.first_name.expose())
}

fn named(first: &str, last: &str) -> Person {
    Person {
        first_name: first.to_owned().into(),
        last_name: last.to_owned().into(),
        ..Person::default()
    }
}

fn gate(bench: &dyn RegistryBench) -> &Gate {
    bench.gate().unwrap_or_else(|| panic!("a bench with `Power::Http` has a gate"))
}
