//! Payments from outside over real HTTP.

use std::time::Duration;

use cannula_core::{PatientId, PaymentStatus};
use cannula_sandbox::{
    Fault, PaymentAnswer, Quirks, Vendor,
    practice::{
        AppointmentState, CARD_TYPES, PAYMENT_CATEGORIES, PatientState, PaymentState, Product,
    },
};
use serde_json::{Value, json};

use crate::support::{Scene, Session, ids};

const BOTH: [Product; 2] = [Product::Select, Product::PracticePlus];

fn extensions(product: Product) -> &'static str {
    match product {
        Product::Select => "https://select.nextech-api.com/api/structuredefinition",
        Product::PracticePlus => "https://api.pm.nextech.com/api/structuredefinition",
    }
}

/// A body with everything in it that the product asks for.
fn slip(product: Product) -> Value {
    let base = extensions(product);
    let text =
        |name: &str, value: &str| json!({ "url": format!("{base}/{name}"), "valueString": value });
    let mut extension = vec![
        text("payment-method", "Charge"),
        text("creditcard-type", "Visa"),
        json!({ "url": format!("{base}/payment-date"), "valueDate": "2031-04-03" }),
        text("payment-category", "DermPRO Store"),
        json!({
            "url": "http://hl7.org/fhir/StructureDefinition/location",
            "valueReference": { "reference": "Location/2" },
        }),
    ];
    if product == Product::PracticePlus {
        extension.push(json!({
            "url": format!("{base}/practice"),
            "valueReference": { "reference": "Practice/1" },
        }));
    }
    json!({
        "resourceType": "PaymentReconciliation",
        "extension": extension,
        "requestProvider": { "reference": "Practitioner/230" },
        "total": { "value": 149.5 },
        "processNote": [{
            "type": { "coding": [{ "system": "NoteType", "code": "display" }] },
            "text": "DP#000004101 HB-22",
        }],
    })
}

/// The same without the extension of this name, or with another value.
fn with(product: Product, name: &str, change: impl Fn(&mut Value)) -> Value {
    let mut body = slip(product);
    let all = body["extension"].as_array_mut().unwrap();
    let ends = |it: &Value| it["url"].as_str().unwrap().ends_with(&format!("/{name}"));
    change(all.iter_mut().find(|it| ends(it)).unwrap());
    all.retain(|it| !it.is_null());
    body
}

async fn ann(quirks: Quirks) -> (Scene, PatientId) {
    let scene = Scene::empty(quirks).await;
    let ann = scene.sandbox.practice().add_patient(PatientState::new("Ann", "Smith", 1));
    (scene, ann)
}

async fn post(session: &Session<'_>, patient: &PatientId, body: &Value) -> (u16, String) {
    let path = format!("Patient/{patient}/PaymentReconciliation");
    let answer = session.post(&path, body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn only(scene: &Scene) -> PaymentState {
    let practice = scene.sandbox.practice();
    let ids = practice.payment_ids();
    assert_eq!(ids.len(), 1);
    practice.payment(&ids[0]).unwrap()
}

#[tokio::test]
async fn a_payment_is_in_the_same_ledger_that_is_read() {
    for product in BOTH {
        let (scene, ann) = ann(Quirks::kind()).await;
        let session = scene.session(product).await;
        let (status, text) = post(&session, &ann, &slip(product)).await;
        assert_eq!(status, if product == Product::Select { 201 } else { 200 });
        let rows = session.all(&format!("PaymentReconciliation?patient={ann}")).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), rows[0]);
        assert_eq!(rows[0]["total"]["value"], 149.5);
        assert_eq!(rows[0]["processNote"][0]["text"], "DP#000004101 HB-22");
        assert_eq!(rows[0]["status"], "active");
        assert!(rows[0].get("detail").is_none(), "it was put to nothing");
        let state = only(&scene);
        assert_eq!(state.date.to_string(), "2031-04-03");
        assert_eq!(state.category.as_deref(), Some("DermPRO Store"));
        assert_eq!((state.practitioner.unwrap().id, state.location.unwrap().id), (230, 2));
        assert_eq!(scene.sandbox.practice().lifetime_value(&ann).minor(), 14_950);
        let card = rows[0]["extension"].as_array().unwrap().iter().find(|it| {
            it["url"].as_str().unwrap().ends_with("creditcard-type") && it["valueString"] == "Visa"
        });
        assert!(card.is_some());
    }
}

#[tokio::test]
async fn the_answer_says_nothing_by_default_and_a_repeated_payment_is_another_one() {
    for (product, expected) in [(Product::Select, 201), (Product::PracticePlus, 204)] {
        let quirks = Quirks { payment_answer: PaymentAnswer::Nothing, ..Quirks::kind() };
        let (scene, ann) = ann(quirks).await;
        let session = scene.session(product).await;
        for _ in 0..2 {
            assert_eq!(post(&session, &ann, &slip(product)).await, (expected, String::new()));
        }
        assert_eq!(scene.sandbox.practice().payment_ids().len(), 2);
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_and_nothing_is_entered() {
    for product in BOTH {
        let (scene, ann) = ann(Quirks::kind()).await;
        let session = scene.session(product).await;
        let refused = async |body: Value, message: &str| {
            let (status, text) = post(&session, &ann, &body).await;
            assert_eq!(status, 400, "{message}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["message"], message);
        };
        let mut required = vec!["payment-method", "payment-date", "location"];
        required.push(match product {
            Product::Select => "payment-category",
            Product::PracticePlus => "practice",
        });
        if product == Product::PracticePlus {
            required.push("creditcard-type");
        }
        for name in required {
            let without = with(product, name, |it| *it = Value::Null);
            refused(without, &format!("{name} is required.")).await;
        }
        for (name, wrong) in [
            ("payment-category", "DermPRO store"),
            ("payment-category", "DermPRO Store "),
            ("creditcard-type", "visa"),
            ("payment-method", "Card"),
            ("payment-date", "04/03/2031"),
        ] {
            let key = if name == "payment-date" { "valueDate" } else { "valueString" };
            let body = with(product, name, |it| it[key] = wrong.into());
            refused(body, &format!("{name} is not valid.")).await;
        }
        let mut body = slip(product);
        body["requestProvider"]["reference"] = "Practitioner/1".into();
        refused(body, "requestProvider is not valid.").await;
        let reference = |it: &mut Value| it["valueReference"]["reference"] = "Location/77".into();
        refused(with(product, "location", reference), "location is not valid.").await;
        for (total, message) in [
            (json!(null), "total.value is required."),
            (json!("12"), "total.value is required."),
            (json!(0), "total.value is not valid."),
            (json!(1.005), "total.value is not valid."),
        ] {
            let mut body = slip(product);
            body["total"]["value"] = total;
            refused(body, message).await;
        }
        let nobody = PatientId::new("00000000-0000-4000-8000-000000000000");
        assert_eq!(post(&session, &nobody, &slip(product)).await, (404, String::new()));
        assert!(scene.sandbox.practice().payment_ids().is_empty());
    }
}

#[tokio::test]
async fn each_product_has_its_own_methods_and_card_types() {
    for (product, method, card, expected) in [
        (Product::Select, "CreditCard", "Visa", 400),
        (Product::PracticePlus, "CreditCard", "Visa", 200),
        (Product::PracticePlus, "GiftCertificate", "Visa", 200),
        (Product::Select, "Charge", "Other (Do not process)", 201),
        (Product::PracticePlus, "Charge", "Other (Do not process)", 400),
        (Product::Select, "Charge", "AmericanExpress", 400),
        (Product::PracticePlus, "Charge", "AmericanExpress", 200),
    ] {
        let (scene, ann) = ann(Quirks::kind()).await;
        let session = scene.session(product).await;
        let mut body = with(product, "payment-method", |it| it["valueString"] = method.into());
        body["extension"][1]["valueString"] = card.into();
        assert_eq!(post(&session, &ann, &body).await.0, expected, "{product:?} {method} {card}");
    }
    assert!(PAYMENT_CATEGORIES.contains(&"DermPRO Store"));
    assert!(CARD_TYPES.contains(&"American Express"));
}

#[tokio::test]
async fn an_instant_is_its_day_in_utc_wherever_the_practice_is() {
    let (scene, ann) = ann(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    let body = with(Product::Select, "payment-date", |it| {
        // 9 in the evening of the 3rd at the practice.
        *it = json!({ "url": it["url"], "valueDateTime": "2031-04-04T01:00:00.000Z" });
    });
    post(&session, &ann, &body).await;
    assert_eq!(only(&scene).date.to_string(), "2031-04-04");
}

#[tokio::test]
async fn notes_are_joined_and_cut_without_a_word() {
    let (scene, ann) = ann(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    let mut body = slip(Product::Select);
    body["processNote"] = json!([{ "text": "DP#1" }, { "text": "é".repeat(300) }]);
    assert_eq!(post(&session, &ann, &body).await.0, 201);
    let note = only(&scene).note.unwrap();
    assert!(note.starts_with("DP#1 é"));
    assert_eq!(note.chars().count(), 255);
}

#[tokio::test]
async fn wrapped_primitives_and_the_other_spelling_are_understood() {
    let (scene, ann) = ann(Quirks::kind()).await;
    let session = scene.session(Product::PracticePlus).await;
    let mut body = slip(Product::PracticePlus);
    for it in body["extension"].as_array_mut().unwrap() {
        for key in ["valueString", "valueDate"] {
            if let Some(value) = it.get_mut(key) {
                *value = json!({ "value": value.clone() });
            }
        }
    }
    let url = format!("{}/credit-cardtype", extensions(Product::PracticePlus));
    body["extension"][1]["url"] = url.into();
    assert_eq!(post(&session, &ann, &body).await.0, 200);
    let state = only(&scene);
    assert_eq!(state.card_type.as_deref(), Some("Visa"));
    assert_eq!(state.date.to_string(), "2031-04-03");
}

#[tokio::test]
async fn a_negative_total_is_a_refund_or_refused() {
    for (accepted, expected) in [(true, 201), (false, 400)] {
        let quirks = Quirks { negative_payments: accepted, ..Quirks::kind() };
        let (scene, ann) = ann(quirks).await;
        let session = scene.session(Product::Select).await;
        let mut body = slip(Product::Select);
        body["total"]["value"] = json!(-20.25);
        assert_eq!(post(&session, &ann, &body).await.0, expected);
        let value = scene.sandbox.practice().lifetime_value(&ann).minor();
        assert_eq!(value, if accepted { -2_025 } else { 0 });
    }
}

#[tokio::test]
async fn a_payment_is_stored_although_the_answer_is_lost_and_may_be_seen_late() {
    let quirks = Quirks { payment_lag_seconds: 90, ..Quirks::kind() };
    let (scene, ann) = ann(quirks).await;
    let session = scene.session(Product::Select).await;
    scene.sandbox.faults(Vendor::Nextech).script("PaymentReconciliation", Fault::ErrorAfter);
    assert_eq!(post(&session, &ann, &slip(Product::Select)).await.0, 500);
    let of_ann = format!("PaymentReconciliation?patient={ann}");
    assert!(session.all(&of_ann).await.is_empty());
    scene.clock.advance(Duration::from_secs(91));
    assert_eq!(session.all(&of_ann).await.len(), 1);
}

/// As the ledger is asked what was posted between two days.
#[tokio::test]
async fn payments_are_found_by_the_day_they_were_made() {
    for product in BOTH {
        let (scene, ann) = ann(Quirks::kind()).await;
        let session = scene.session(product).await;
        for day in 2..=5 {
            let date = format!("2031-04-{day:02}");
            let body = with(product, "payment-date", |it| it["valueDate"] = date.clone().into());
            post(&session, &ann, &body).await;
        }
        let found = async |query: &str| {
            session.all(&format!("PaymentReconciliation?{query}&_count=50")).await.len()
        };
        assert_eq!(found("payment-date=ge2031-04-03&payment-date=le2031-04-04").await, 2);
        assert_eq!(found("payment-date=2031-04-05").await, 1);
        assert_eq!(found("payment-date=ge2031-04-06").await, 0);
        assert_eq!(found("created=ge2031-04-04&status=active").await, 4);
    }
}

#[tokio::test]
async fn staff_void_correct_and_change_what_was_posted() {
    let (scene, ann) = ann(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    post(&session, &ann, &slip(Product::Select)).await;
    let practice = scene.sandbox.practice();
    let id = practice.payment_ids().remove(0);
    let changed = practice.update_payment(&id, |row| {
        row.card_type = Some("MasterCard".to_owned());
        row.date = "2031-04-01".parse().unwrap();
    });
    assert!(changed);
    scene.clock.advance(Duration::from_secs(1));
    let row = session.json(&format!("PaymentReconciliation/{id}")).await;
    assert!(row.to_string().contains(r#""valueString":"MasterCard""#), "{row}");
    assert!(row.to_string().contains("2031-04-01T04:00:00.000Z"), "{row}");
    practice.void(&id).unwrap();
    scene.clock.advance(Duration::from_secs(1));
    let rows = session.all(&format!("PaymentReconciliation?patient={ann}&status=cancelled")).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(practice.lifetime_value(&ann).minor(), 0);
}

#[tokio::test]
async fn merged_patients_share_one_ledger_and_one_is_gone() {
    let (scene, ann) = ann(Quirks::kind()).await;
    let practice = scene.sandbox.practice();
    let twin = practice.add_patient(PatientState::new("Ann", "Smith", 2));
    let start = "2031-05-06T10:00:00".parse().unwrap();
    let visit = practice.book(AppointmentState::new(&twin, "Injectables", start));
    let session = scene.session(Product::Select).await;
    post(&session, &ann, &slip(Product::Select)).await;
    post(&session, &twin, &slip(Product::Select)).await;
    practice.void(practice.payment_ids().last().unwrap()).unwrap();
    scene.clock.advance(Duration::from_secs(1));
    post(&session, &twin, &slip(Product::Select)).await;
    assert!(practice.merge_patients(&twin, &ann));
    scene.clock.advance(Duration::from_secs(1));
    assert!(!practice.merge_patients(&twin, &ann));
    assert_eq!(session.status(&format!("Patient/{twin}")).await, 404);
    let rows = session.all(&format!("PaymentReconciliation?patient={ann}&_count=50")).await;
    assert_eq!(ids(&rows).len(), 4);
    let voided = rows.iter().filter(|row| row["status"] == "cancelled").count();
    assert_eq!(voided, 2);
    assert_eq!(practice.appointment(&visit).unwrap().patient, Some(ann.clone()));
    assert_eq!(practice.lifetime_value(&ann).minor(), 29_900);
    assert_eq!(practice.lifetime_value(&twin).minor(), 0);
    let last = practice.payment(practice.payment_ids().last().unwrap()).unwrap();
    assert_eq!(last.status, PaymentStatus::Active);
    assert_eq!(post(&session, &twin, &slip(Product::Select)).await.0, 404);
}
