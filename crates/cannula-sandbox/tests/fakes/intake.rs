//! New patients over real HTTP.

use std::time::Duration;

use cannula_core::PatientId;
use cannula_sandbox::{
    Fault, Quirks, Vendor,
    practice::{LOCATIONS, PRACTITIONERS, PatientState, Product, REFERRAL_SOURCES},
};
use serde_json::{Value, json};

use crate::support::{Scene, entries, ids};

const BOTH: [Product; 2] = [Product::Select, Product::PracticePlus];

fn extensions(product: Product) -> &'static str {
    match product {
        Product::Select => "https://select.nextech-api.com/api/structuredefinition",
        Product::PracticePlus => "https://api.pm.nextech.com/api/structuredefinition",
    }
}

/// A body with everything in it that the product asks for or takes.
fn mina(product: Product) -> Value {
    let base = extensions(product);
    let status = if product == Product::Select { "prospect" } else { "Active" };
    json!({
        "resourceType": "Patient",
        "extension": [
            {
                "url": format!("{base}/referral-source"),
                "valueReference": { "reference": "referral-source/6" },
            },
            {
                "url": format!("{base}/patient-location"),
                "valueReference": { "reference": "location/2" },
            },
            { "url": format!("{base}/patient-status"), "valueString": status },
        ],
        "name": [{ "use": "official", "family": "Varga", "given": ["Mina"] }],
        "telecom": [
            { "system": "phone", "value": "(555)010-4477", "use": "mobile", "rank": 1 },
            { "system": "email", "value": "mina.varga@example.test" },
        ],
        "birthDate": "1988-11-03",
        "address": [{
            "use": "home", "line": ["12 Quay St"], "city": "Newport", "state": "RI",
            "postalCode": "02840",
        }],
        "generalPractitioner": [{ "reference": "practitioner/230" }],
    })
}

#[tokio::test]
async fn a_created_patient_is_answered_as_read_and_comes_in_the_feed_and_in_searches() {
    for product in BOTH {
        let scene = Scene::empty(Quirks::kind()).await;
        let session = scene.session(product).await;
        let path = if product == Product::Select { "Patient/" } else { "Patient" };
        let answer = session.post(path, &mina(product)).send().await.unwrap();
        let expected = if product == Product::Select { 201 } else { 200 };
        assert_eq!(answer.status().as_u16(), expected);
        let made: Value = answer.json().await.unwrap();
        let id = made["id"].as_str().unwrap();
        assert_eq!(session.json(&format!("Patient/{id}")).await, made);
        assert_eq!(made["identifier"][1], json!({ "use": "usual", "value": "500001" }));
        assert_eq!(made["address"][0]["postalCode"], "02840");
        let (status, practitioner) = match product {
            Product::Select => ("Prospect", "Holm, Ingrid"),
            Product::PracticePlus => ("Active", "Holm MD"),
        };
        let values: Vec<_> = made["extension"].as_array().unwrap().iter().collect();
        assert!(values.iter().any(|it| it["valueString"] == status));
        for (reference, display) in
            [("referral-source/6", "Instagram"), ("location/2", LOCATIONS[1].name)]
        {
            let value = json!({ "reference": reference, "display": display });
            assert!(values.iter().any(|it| it["valueReference"] == value), "{reference}");
        }
        let reference = json!({ "reference": "practitioner/230", "display": practitioner });
        assert_eq!(made["generalPractitioner"][0], reference);
        for query in [
            "_lastUpdated=ge2031-04-04T12:00:00Z",
            "email=mina.varga@example.test",
            "phone=(555)010-4477",
            "family=Varga&given=Mina&birthdate=1988-11-03",
            "identifier=500001",
            "address-postalcode=02840",
        ] {
            let found = entries(&session.json(&format!("Patient?{query}")).await);
            assert_eq!(found, std::slice::from_ref(&made), "{query}");
        }
        let record = scene.sandbox.practice().patient(&PatientId::new(id)).unwrap();
        assert_eq!(record.referral_source, REFERRAL_SOURCES.get(1));
        assert_eq!(record.general_practitioner, PRACTITIONERS.get(2));
        assert_eq!(scene.sandbox.practice().history(product).len(), 1);
    }
}

/// What is taken out of the body or spoilt in it, and what each product says to that.
#[tokio::test]
async fn each_required_field_is_required_and_each_reference_must_lead_somewhere() {
    let without = |pointer: &'static str| {
        move |body: &mut Value| *body.pointer_mut(pointer).unwrap() = Value::Null
    };
    let with = |pointer: &'static str, value: &'static str| {
        move |body: &mut Value| *body.pointer_mut(pointer).unwrap() = value.into()
    };
    type Spoil = Box<dyn Fn(&mut Value)>;
    let table: Vec<(&str, Spoil, [u16; 2])> = vec![
        ("resourceType", Box::new(with("/resourceType", "Person")), [400, 400]),
        ("family", Box::new(with("/name/0/family", " ")), [400, 400]),
        ("given", Box::new(without("/name/0/given")), [400, 400]),
        ("official", Box::new(with("/name/0/use", "nickname")), [400, 400]),
        ("email", Box::new(without("/telecom/1")), [400, 400]),
        ("email", Box::new(with("/telecom/1/value", "mina")), [400, 400]),
        ("phone", Box::new(without("/telecom/0")), [400, 400]),
        ("phone", Box::new(with("/telecom/0/value", "call me")), [400, 400]),
        ("phone", Box::new(with("/telecom/0/use", "old")), [400, 400]),
        ("birthDate", Box::new(without("/birthDate")), [400, 400]),
        ("birthDate", Box::new(with("/birthDate", "11/03/1988")), [400, 400]),
        ("birthDate", Box::new(with("/birthDate", "2031-12-24")), [400, 400]),
        ("postalCode", Box::new(without("/address/0/postalCode")), [400, 400]),
        ("line", Box::new(without("/address/0/line")), [201, 400]),
        ("city", Box::new(without("/address/0/city")), [201, 400]),
        ("state", Box::new(without("/address/0/state")), [201, 400]),
        ("generalPractitioner", Box::new(without("/generalPractitioner")), [201, 400]),
        (
            "generalPractitioner",
            Box::new(with("/generalPractitioner/0/reference", "practitioner/9")),
            [400, 400],
        ),
        ("referral-source", Box::new(without("/extension/0")), [201, 400]),
        (
            "referral-source",
            Box::new(with("/extension/0/valueReference/reference", "referral-source/1")),
            [400, 400],
        ),
        ("patient-location", Box::new(without("/extension/1")), [201, 200]),
        (
            "patient-location",
            Box::new(with("/extension/1/valueReference/reference", "location/9")),
            [400, 400],
        ),
        ("patient-status", Box::new(without("/extension/2")), [201, 400]),
        ("patient-status", Box::new(with("/extension/2/valueString", "Friend")), [400, 400]),
    ];
    for (index, product) in BOTH.into_iter().enumerate() {
        for (field, spoil, expected) in &table {
            let scene = Scene::empty(Quirks::kind()).await;
            let session = scene.session(product).await;
            let mut body = mina(product);
            spoil(&mut body);
            let answer = session.post("Patient/", &body).send().await.unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status, expected[index], "{field} in {product:?}: {body}");
            if status == 400 {
                let answer: Value = answer.json().await.unwrap();
                assert!(answer["message"].as_str().unwrap().contains(field), "{answer}");
                assert!(scene.sandbox.practice().patient_ids().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn extensions_of_the_other_product_mean_nothing() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::PracticePlus).await;
    let answer = session.post("Patient", &mina(Product::Select)).send().await.unwrap();
    assert_eq!(answer.status(), 400, "what it demands is not there");
    let session = scene.session(Product::Select).await;
    let answer = session.post("Patient", &mina(Product::PracticePlus)).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.unwrap();
    assert!(!made.to_string().contains("referral-source"), "{made}");
}

#[tokio::test]
async fn a_duplicate_is_refused_without_a_word_on_whom() {
    for product in BOTH {
        let scene = Scene::empty(Quirks::kind()).await;
        let session = scene.session(product).await;
        let send = async |body: &Value| {
            let answer = session.post("Patient", body).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        send(&mina(product)).await;
        let mut again = mina(product);
        again["name"][0]["family"] = "VARGA ".into();
        again["telecom"][0]["value"] = "555-010-4477".into();
        let (status, text) = send(&again).await;
        assert_eq!(status, 409);
        let id = &scene.sandbox.practice().patient_ids()[0];
        assert!(!text.contains(id.as_str()) && !text.contains("500001"), "{text}");
        again["address"][0]["postalCode"] = "02841".into();
        let (status, _) = send(&again).await;
        assert!(matches!(status, 200 | 201), "another postal code makes another patient");
        assert_eq!(scene.sandbox.practice().patient_ids().len(), 2);
    }
}

#[tokio::test]
async fn what_is_withheld_from_reading_still_makes_a_duplicate() {
    let scene = Scene::empty(Quirks::kind()).await;
    let mut ann = PatientState::new("Ann", "Smith", 1);
    ann.emails[0].private = true;
    ann.phones[0].private = true;
    let mut body = mina(Product::Select);
    body["name"][0] = json!({ "use": "official", "family": "Smith", "given": ["Ann"] });
    body["telecom"][0]["value"] = "+1 646 555 0001".into();
    body["telecom"][1]["value"] = "ann.smith.1@example.test".into();
    body["birthDate"] = "1985-03-04".into();
    body["address"][0]["postalCode"] = ann.address.postal_code.as_str().into();
    scene.sandbox.practice().add_patient(ann);
    let session = scene.session(Product::Select).await;
    assert!(session.all("Patient?email=ann.smith.1@example.test").await.is_empty());
    assert_eq!(session.post("Patient/", &body).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn a_fault_after_the_patient_was_made_leaves_it_made() {
    for (fault, applied) in [
        (Fault::ErrorBefore, false),
        (Fault::ErrorAfter, true),
        (Fault::HangAfter, true),
        (Fault::ResetBefore, false),
        (Fault::ResetAfter, true),
        (Fault::TruncatedJson, true),
    ] {
        let scene = Scene::empty(Quirks::kind()).await;
        scene.sandbox.faults(Vendor::Nextech).script("POST /nextech/select/api/Patient", fault);
        let session = scene.session(Product::Select).await;
        let send = async || {
            let request = session.post("Patient/", &mina(Product::Select));
            request.timeout(Duration::from_secs(1)).send().await
        };
        match send().await {
            Err(_) => {}
            Ok(answer) => assert!(answer.status() == 500 || answer.json::<Value>().await.is_err()),
        }
        assert_eq!(scene.sandbox.practice().patient_ids().len(), usize::from(applied), "{fault:?}");
        let expected = if applied { 409 } else { 201 };
        assert_eq!(send().await.unwrap().status().as_u16(), expected, "{fault:?}");
        assert_eq!(scene.sandbox.practice().patient_ids().len(), 1);
    }
}

#[tokio::test]
async fn two_requests_at_once_make_one_patient() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::PracticePlus).await;
    let send = || session.post("Patient", &mina(Product::PracticePlus)).send();
    let (one, other) = tokio::join!(send(), send());
    let mut status = [one.unwrap().status().as_u16(), other.unwrap().status().as_u16()];
    status.sort_unstable();
    assert_eq!(status, [200, 409]);
    assert_eq!(scene.sandbox.practice().patient_ids().len(), 1);
}

#[tokio::test]
async fn phones_are_compared_as_they_are_written_from_their_start() {
    let scene = Scene::empty(Quirks::kind()).await;
    let practice = scene.sandbox.practice();
    scene.sandbox.set_quirks(Quirks { prefix_search: true, ..Quirks::kind() });
    for (number, spelling) in [(1, "(646) 555-0001"), (2, "646.555.0002"), (3, "+1 646 555 0003")] {
        let mut state = PatientState::new("Ann", "Smith", number);
        state.phones[0].number = spelling.into();
        practice.add_patient(state);
    }
    let session = scene.session(Product::Select).await;
    let found = async |query: &str| ids(&session.all(&format!("Patient?{query}")).await).len();
    assert_eq!(found("phone=(646)%20555-0001").await, 1);
    assert_eq!(found("phone=6465550001").await, 0, "the same number, written otherwise");
    assert_eq!(found("phone=6465550001,(646)%20555-0001,646.555").await, 2);
    assert_eq!(found("phone=555").await, 0, "not from the start");
    assert_eq!(found("phone=%2B1%20646").await, 1);
    assert_eq!(found("email=ANN.SMITH.2").await, 1);
    assert_eq!(found("identifier=900003").await, 1);
    assert_eq!(found("identifier=90000").await, 0, "numbers match whole");
}

#[tokio::test]
async fn names_of_providers_are_matched_part_by_part_and_unmanaged_places_are_left_out() {
    let scene = Scene::empty(Quirks { prefix_search: true, ..Quirks::kind() }).await;
    for product in BOTH {
        let session = scene.session(product).await;
        let found = async |query: &str| ids(&session.all(query).await);
        assert_eq!(found("Practitioner?name=Hol").await, ["230"]);
        assert_eq!(found("Practitioner?name=ingrid").await, ["230"]);
        assert!(found("Practitioner?name=Ingrid%20Holm").await.is_empty());
        assert_eq!(found("Practitioner").await.len(), PRACTITIONERS.len());
        let people = session.all("Practitioner").await;
        assert!(people.iter().all(|person| person["active"] == true));
        assert_eq!(found("Location").await, ["1", "2"]);
        assert_eq!(found("Location?includeAll=true&name=juniper").await, ["1", "2", "5"]);
    }
}
