//! The ledger over real HTTP.

use std::{collections::BTreeMap, time::Duration};

use cannula_core::{Currency, Money, PatientId, PaymentStatus};
use cannula_sandbox::{
    Quirks,
    practice::{PatientState, PaymentState, PracticeConfig, Product, Spoil},
};
use serde_json::{Value, json};

use crate::support::{Scene, Session, counted, entries, ids, start};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);
const BOTH: [Product; 2] = [Product::Select, Product::PracticePlus];

/// Everything in one spelling, without limits.
fn plain() -> Quirks {
    Quirks { absent_entry: true, ..Quirks::kind() }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn paid(patient: &PatientId, minor: i64, date: &str) -> PaymentState {
    PaymentState::new(patient, minor, date.parse().unwrap())
}

async fn ann(quirks: Quirks) -> (Scene, PatientId) {
    let scene = Scene::empty(quirks).await;
    let ann = scene.sandbox.practice().add_patient(PatientState::new("Ann", "Smith", 1));
    (scene, ann)
}

/// The values of an extension, by the end of its URL.
fn extension<'r>(row: &'r Value, name: &str) -> &'r Value {
    let all = row["extension"].as_array().unwrap();
    let ends = |it: &&Value| it["url"].as_str().unwrap().rsplit('/').next() == Some(name);
    all.iter().find(ends).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn select_prints_a_payment_in_its_own_way() {
    let (scene, ann) = ann(plain()).await;
    let id = scene.sandbox.practice().pay(PaymentState {
        note: Some("Order 90071: SKU HB-22 x1".into()),
        claims: vec![(4410, usd(14_950))],
        ..paid(&ann, 14_950, "2031-05-06")
    });
    let session = scene.session(Product::Select).await;
    let row = session.json(&format!("PaymentReconciliation/{id}")).await;
    assert_eq!(row["meta"]["lastUpdated"], "2031-04-04T12:00:00.000Z");
    assert_eq!(row["status"], "active");
    assert_eq!(row["created"], "2031-04-04T12:00:00.000Z");
    assert_eq!(row["identifier"], json!([{ "use": "official", "value": id.as_str() }]));
    let patient = extension(&row, "Patient");
    assert_eq!(patient["url"], "http://hl7.org/fhir/StructureDefinition/Patient");
    assert_eq!(patient["valueResourceReference"]["reference"], format!("Patient/{ann}"));
    let place = &extension(&row, "Location")["valueResourceReference"];
    assert_eq!(place["display"], "Juniper Aesthetics Midtown");
    assert_eq!(extension(&row, "payment-date")["valueDateTime"], "2031-05-06T04:00:00.000Z");
    assert_eq!(extension(&row, "payment-method")["valueString"], "Charge");
    assert_eq!(extension(&row, "payment-category")["valueString"], "Services");
    assert_eq!(row["requestProvider"]["display"], "Adeyemi, Grace");
    assert_eq!(row["detail"][0]["type"]["coding"][0]["code"], "payment");
    assert_eq!(row["detail"][0]["request"]["reference"], "Claim/4410");
    assert_eq!(row["processNote"][0]["text"], "Order 90071: SKU HB-22 x1");
    assert!(row.get("organization").is_none());
}

#[tokio::test]
async fn practice_plus_prints_local_stamps_that_follow_daylight_saving_time() {
    let (scene, ann) = ann(plain()).await;
    let id = scene.sandbox.practice().pay(paid(&ann, 8_000, "2031-04-04"));
    scene.clock.advance(DAY * 240);
    let late = scene.sandbox.practice().pay(paid(&ann, 8_000, "2031-11-30"));
    let session = scene.session(Product::PracticePlus).await;
    let row = session.json(&format!("PaymentReconciliation/{id}")).await;
    assert_eq!(row["meta"]["lastUpdated"], "2031-04-04T08:00:00.000-04:00");
    assert_eq!(extension(&row, "payment-date")["valueDate"], "2031-04-04");
    assert_eq!(extension(&row, "payment-method")["valueString"], "CreditCard");
    let patient = extension(&row, "Patient");
    assert_eq!(patient["url"], "http://hl7.org/fhir/structuredefinition/Patient");
    assert_eq!(patient["valueReference"], json!({ "reference": format!("Patient/{ann}") }));
    assert_eq!(extension(&row, "practice")["valueReference"]["reference"], "Practice/1");
    assert_eq!(extension(&row, "patient-account-number")["valueIdentifier"]["value"], "900001");
    assert_eq!(row["requestProvider"], json!({ "reference": "Practitioner/211" }));
    assert!(row.get("detail").is_none(), "not put to anything");
    let row = session.json(&format!("PaymentReconciliation/{late}")).await;
    assert_eq!(row["created"], "2031-11-30T07:00:00.000-05:00");
}

#[tokio::test]
async fn amounts_are_numbers_in_each_products_spelling() {
    let (scene, ann) = ann(plain()).await;
    let practice = scene.sandbox.practice();
    for minor in [5_000, 14_950, 14_999, -8_000, 1] {
        practice.pay(paid(&ann, minor, "2031-04-04"));
    }
    let totals = async |product| {
        let session = scene.session(product).await;
        let answer = session.get("PaymentReconciliation").send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        let body = answer.text().await.unwrap();
        let parts = body.split(r#""total":{"value":"#).skip(1);
        parts.map(|rest| rest.split('}').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(totals(Product::Select).await, ["50.0", "149.5", "149.99", "-80.0", "0.01"]);
    assert_eq!(
        totals(Product::PracticePlus).await,
        ["50.00", "149.50", "149.99", "-80.00", "0.01"]
    );
}

#[tokio::test]
async fn a_void_leaves_the_original_behind_its_change_filter() {
    let (scene, ann) = ann(plain()).await;
    let practice = scene.sandbox.practice();
    let id = practice.pay(paid(&ann, 8_000, "2031-04-04"));
    scene.clock.advance(MINUTE * 30);
    let (void, again) = practice.void_and_correct(&id, usd(7_000)).unwrap();
    let since = "PaymentReconciliation?_lastUpdated=ge2031-04-04T12:30:00Z";
    let of_ann = format!("PaymentReconciliation?patient={ann}");
    for product in BOTH {
        let session = scene.session(product).await;
        let fresh = session.all(since).await;
        assert_eq!(ids(&fresh), [void.as_str(), again.as_str()]);
        let all = session.all(&of_ann).await;
        assert_eq!(ids(&all), [id.as_str(), void.as_str(), again.as_str()]);
        let status: Vec<_> = all.iter().map(|row| row["status"].as_str().unwrap()).collect();
        assert_eq!(status, ["cancelled", "cancelled", "active"]);
        assert_eq!(all[1]["total"]["value"], -80.0);
        let role = |row: &Value| {
            let types = extension(row, "correction-types");
            types["valueCodeableConcept"]["coding"][0]["code"].as_str().map(str::to_owned)
        };
        let link = |row: &Value, name: &str| {
            let reference = &extension(row, name)["valueReference"]["reference"];
            reference.as_str().map(|it| it.replace("PaymentReconciliation/", ""))
        };
        if product == Product::Select {
            assert_eq!(all.iter().filter_map(role).count(), 0);
            assert_eq!(link(&all[0], "voided-by"), None);
        } else {
            let roles: Vec<_> = all.iter().filter_map(role).collect();
            assert_eq!(roles, ["voided", "voiding", "recreation"]);
            assert_eq!(link(&all[0], "voided-by").as_deref(), Some(void.as_str()));
            assert_eq!(link(&all[0], "recreated-by").as_deref(), Some(again.as_str()));
            assert_eq!(link(&all[1], "voids").as_deref(), Some(id.as_str()));
            assert_eq!(link(&all[2], "recreates").as_deref(), Some(id.as_str()));
            assert_eq!(link(&all[2], "recreates-voiding").as_deref(), Some(void.as_str()));
        }
    }
    assert_eq!(practice.lifetime_value(&ann), usd(7_000));
}

#[tokio::test]
async fn insurers_adjustments_and_deleted_rows_are_told_apart() {
    let (scene, ann) = ann(plain()).await;
    let practice = scene.sandbox.practice();
    practice.pay(paid(&ann, 10_000, "2031-04-04").by_insurer());
    practice.pay(paid(&ann, 500, "2031-04-04").adjusting(9));
    let wrong = practice.pay(PaymentState { patient: None, ..paid(&ann, 100, "2031-04-04") });
    assert!(practice.delete_payment(&wrong));
    scene.clock.advance(MINUTE);
    for product in BOTH {
        let rows = scene.session(product).await.all("PaymentReconciliation").await;
        assert_eq!(rows[0]["organization"]["reference"], "#organization");
        assert_eq!(rows[0]["contained"][0]["name"], "Empire Mutual Health");
        assert_eq!(rows[1]["detail"][0]["type"]["coding"][0]["code"], "adjustment");
        let types = extension(&rows[1], "adjustment-types");
        let code = &types["valueCodeableConcept"]["coding"][0]["code"];
        assert_eq!(code == "9", product == Product::PracticePlus);
        assert_eq!(rows[2]["status"], "entered-in-error");
        assert_eq!(extension(&rows[2], "Patient"), &Value::Null);
    }
    assert_eq!(practice.lifetime_value(&ann), usd(0));
}

#[tokio::test]
async fn payments_are_found_by_each_documented_filter() {
    let (scene, ann) = ann(plain()).await;
    let practice = scene.sandbox.practice();
    let ben = practice.add_patient(PatientState::new("Ben", "Li", 2));
    let first = practice.pay(paid(&ann, 1_000, "2031-04-04"));
    scene.clock.advance(DAY);
    practice.pay(PaymentState { location: None, ..paid(&ben, 2_000, "2031-04-03") });
    let upper = ann.as_str().to_uppercase();
    for product in BOTH {
        let session = scene.session(product).await;
        let count = async |query: &str| {
            entries(&session.json(&format!("PaymentReconciliation?{query}")).await).len()
        };
        assert_eq!(count("").await, 2);
        assert_eq!(count(&format!("patient={upper}")).await, 1);
        assert_eq!(count(&format!("patient=Patient/{ann}")).await, 1);
        assert_eq!(count("patient=900001").await, usize::from(product == Product::Select));
        assert_eq!(count(&format!("identifier={first}")).await, 1);
        assert_eq!(count("status=active,cancelled").await, 2);
        assert_eq!(count("status=cancelled").await, 0);
        assert_eq!(count("location.id=1").await, 1);
        assert_eq!(count("payment-date=2031-04-04").await, 1);
        assert_eq!(count("payment-date=lt2031-04-04").await, 1);
        assert_eq!(count("created=ge2031-04-05").await, 1);
        assert_eq!(count("_lastUpdated=lt2031-04-05").await, 1);
        assert_eq!(count("request-provider=Practitioner/211").await, 2);
        assert_eq!(session.status("PaymentReconciliation?created=soon").await, 400);
        assert_eq!(session.status("PaymentReconciliation/1").await, 404);
    }
}

#[tokio::test]
async fn quirks_change_how_payments_are_spelt() {
    let (scene, ann) = ann(plain()).await;
    let practice = scene.sandbox.practice();
    let booked: Vec<_> = (0..40).map(|_| practice.pay(paid(&ann, 100, "2031-04-04"))).collect();
    let set = |quirks| scene.sandbox.set_quirks(quirks);
    let urls = async |product| {
        let rows = scene.session(product).await.all("PaymentReconciliation?_count=50").await;
        let urls = rows.iter().flat_map(|row| row["extension"].as_array().unwrap());
        urls.map(|it| it["url"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let spellings = ["creditcard-type", "credit-cardtype", "deposit-date", "deposited-date"];
    for product in BOTH {
        set(Quirks { mixed_spellings: true, ..plain() });
        let found = urls(product).await;
        for name in spellings {
            assert!(found.iter().any(|url| url.ends_with(name)), "{name}");
        }
        set(plain());
        let found = urls(product).await;
        assert!(!found.iter().any(|url| url.ends_with("credit-cardtype")));
    }
    set(Quirks { mixed_spellings: true, ..plain() });
    let form = "http://hl7.org/fhir/StructureDefinition/Patient".to_owned();
    assert!(urls(Product::PracticePlus).await.contains(&form), "now and then the form of Select");
    let session = scene.session(Product::PracticePlus).await;
    let row = async || session.json(&format!("PaymentReconciliation/{}", booked[0])).await;
    set(Quirks { wrapped_primitives: true, absent_meta: true, ..plain() });
    let wrapped = row().await;
    assert!(wrapped.get("meta").is_none());
    assert_eq!(extension(&wrapped, "payment-date")["valueDate"], json!({ "value": "2031-04-04" }));
    assert!(extension(&wrapped, "Patient")["valueReference"]["reference"].is_string());
    set(plain());
    practice.spoil_payment(&booked[0], Some(Spoil::NotADate));
    assert_eq!(extension(&row().await, "payment-date")["valueDate"], "not a date");
    practice.spoil_payment(&booked[0], Some(Spoil::NotAnObject));
    assert!(row().await.is_string());
}

/// What a client that re-reads the payments of everybody on a page of changes makes of it, with
/// the rule of the facts: active, no insurer, no adjustment.
async fn poll(session: &Session<'_>, since: &str, sums: &mut BTreeMap<String, i64>) {
    let changes = format!("PaymentReconciliation?_lastUpdated=ge{since}&_count=50");
    let mut patients: Vec<_> = session.all(&changes).await.iter().filter_map(owner).collect();
    patients.sort();
    patients.dedup();
    for patient in patients {
        let rows = session.all(&format!("PaymentReconciliation?patient={patient}&_count=50")).await;
        let seen = ids(&rows);
        assert!(counted(&seen).values().all(|times| *times == 1));
        sums.insert(patient, rows.iter().map(worth).sum());
    }
}

fn owner(row: &Value) -> Option<String> {
    let extension = extension(row, "Patient");
    let reference = ["valueReference", "valueResourceReference"]
        .iter()
        .find_map(|key| extension[*key]["reference"].as_str())?;
    Some(reference.rsplit('/').next().unwrap().to_lowercase())
}

fn worth(row: &Value) -> i64 {
    let types = &extension(row, "adjustment-types")["valueCodeableConcept"]["coding"][0]["code"];
    let adjusts = row["detail"][0]["type"]["coding"][0]["code"] == "adjustment"
        || types.as_str().is_some_and(|code| code != "1");
    if row["status"] != "active" || row.get("organization").is_some() || adjusts {
        return 0;
    }
    let amount = row["total"]["value"].to_string();
    Money::parse(&amount, Currency::USD).unwrap().minor()
}

#[tokio::test]
async fn a_client_that_reads_everybodys_payments_again_arrives_at_the_books() {
    for product in BOTH {
        let quirks = Quirks { limits: false, changes_between_pages: 0, ..Quirks::default() };
        let scene = Scene::new(PracticeConfig::new(4, 25, 40, start()), quirks).await;
        let mut sums = BTreeMap::new();
        for _ in 0..40 {
            let since = cannula_core::Clock::now(&*scene.clock).format("%Y-%m-%dT%H:%M:%SZ");
            scene.clock.advance(DAY);
            let session = scene.session(product).await;
            poll(&session, &since.to_string(), &mut sums).await;
            let books = scene.sandbox.practice().lifetime_values();
            for (patient, value) in &books {
                assert_eq!(sums.get(patient.as_str()), Some(&value.minor()), "{patient}");
            }
        }
        let practice = scene.sandbox.practice();
        let voided = practice.payment_ids().into_iter().filter(|id| {
            practice.payment(id).is_some_and(|state| state.status == PaymentStatus::Voided)
        });
        assert!(voided.count() > 4);
    }
}
