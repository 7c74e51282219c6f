use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{AppointmentStatus, RecordKind};
use cannula_sandbox::{
    Quirks,
    practice::{AppointmentState, PatientState, PracticeConfig},
};
use serde_json::{Value, json};

use crate::support::{Scene, busy, start};

#[tokio::test]
async fn lists_are_bare_arrays_cut_to_a_hundred_rows() {
    let scene = Scene::new(PracticeConfig::new(3, 130, 20, start()), Quirks::kind()).await;
    scene.days(25);
    let reply = scene.get("/customers?Rows=200").await;
    assert_eq!(reply.header("DataTotalRows"), Some("130"));
    assert_eq!(reply.header("datatotalpages"), Some("2"));
    assert_eq!(reply.expect(200).as_array().unwrap().len(), 100);
    let second = scene.json("/customers?Rows=200&Page=2").await;
    assert_eq!(second.as_array().unwrap().len(), 30);
    assert_eq!(scene.json("/customers?Page=9").await, json!([]));
    let rows = async |path: &str| scene.json(path).await.as_array().unwrap().len();
    assert_eq!((rows("/customers").await, rows("/appointments").await), (20, 30));
    assert_eq!(rows("/customers?Rows=none&Page=-1").await, 20);
}

#[tokio::test]
async fn some_lists_do_not_tell_how_long_they_are() {
    let scene = Scene::empty().await;
    for (path, told) in [
        ("/customers", true),
        ("/appointments", true),
        ("/orders", true),
        ("/employees", true),
        ("/companies", false),
        ("/services", false),
        ("/memberships", false),
    ] {
        assert_eq!(scene.get(path).await.header("DataTotalRows").is_some(), told, "{path}");
    }
}

#[tokio::test]
async fn a_customer_has_local_times_and_plain_members() {
    let scene = Scene::empty().await;
    let (ann, number) = scene.ann();
    scene.advance(3_600);
    scene.practice().update_patient(&ann, |state| state.family = "Jones".to_owned());
    let expected = json!({
        "CustomerId": number.parse::<u64>().unwrap(),
        "CompanyId": 1,
        "FirstName": "Ann", "LastName": "Jones", "MiddleName": null,
        "Email": "ann.smith.1@example.test",
        "MobilePhone": "(646) 555-0001", "HomePhone": null, "WorkPhone": null,
        "Birthday": "1985-03-04T00:00:00", "Gender": "Female",
        "Addr1": "1 Juniper Way", "Addr2": null,
        "City": "Albany", "State": "NY", "Zipcode": "12203",
        "Deleted": false,
        "CreatedOn": "2031-04-04T08:00:00", "UpdatedOn": "2031-04-04T09:00:00",
    });
    assert_eq!(scene.json(&format!("/customers/{number}")).await, expected);
    assert_eq!(scene.json("/customers").await, json!([expected]));
}

#[tokio::test]
async fn customers_are_found_by_the_start_of_a_name_an_address_or_a_number() {
    let quirks = Quirks { prefix_search: true, ..Quirks::kind() };
    let scene = Scene::new(PracticeConfig::empty(start()), quirks).await;
    scene.ann();
    scene.practice().add_patient(PatientState::new("Annabel", "Smithson", 2));
    let found = async |query: &str| {
        let rows = scene.json(&format!("/customers?{query}")).await;
        let names = rows.as_array().unwrap().iter().map(|row| row["FirstName"].clone());
        names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("FirstName=ann").await, ["Ann", "Annabel"]);
    assert_eq!(found("firstname=ANN&LastName=Smiths").await, ["Annabel"]);
    assert_eq!(found("Email=ann.smith.1%40example.test").await, ["Ann"]);
    assert_eq!(found("Phone=%2B16465550002").await, ["Annabel"]);
    assert_eq!(found("Phone=6465550002&CompanyId=2").await, Vec::<String>::new());
    scene.sandbox.set_quirks(Quirks::kind());
    assert_eq!(found("FirstName=ann").await, ["Ann"], "whole values only");
}

#[tokio::test]
async fn an_appointment_names_its_services_and_its_place() {
    let scene = Scene::empty().await;
    let (ann, number) = scene.ann();
    let slot = "2031-07-01T10:30:00".parse().unwrap();
    let id = scene.practice().book(AppointmentState::new(&ann, "Injectables", slot));
    scene.advance(60);
    assert!(scene.practice().add_service(&id, "Skin Care"));
    let who = json!({ "EmployeeId": 211, "EmployeeName": "Grace Adeyemi" });
    let service = |id: u32, name: &str| {
        let mut service = who.clone();
        service["ServiceId"] = json!(id);
        service["ServiceName"] = json!(name);
        service
    };
    let expected = json!({
        "AppointmentId": 900_000,
        "CustomerId": number.parse::<u64>().unwrap(),
        "CompanyId": 1, "CompanyName": "Juniper Aesthetics Midtown",
        "Status": "Booked",
        "StartTime": "2031-07-01T10:30:00", "EndTime": "2031-07-01T11:15:00",
        "Services": [service(6, "Injectables"), service(17, "Skin Care")],
        "CreatedOn": "2031-04-04T08:00:00", "UpdatedOn": "2031-04-04T08:01:00",
    });
    assert_eq!(scene.json(&format!("/appointments/{id}")).await, expected);
    assert_eq!(scene.json("/appointments").await, json!([expected]));
    let own = format!("/customers/{number}/Appointments");
    assert_eq!(scene.post(&own, &json!({})).await.expect(200), json!([expected]));
    let july = json!({ "StartDate": "2031-07-02", "EndDate": "2031-07-31" });
    assert_eq!(scene.post(&own, &july).await.expect(200), json!([]));
    for (query, rows) in [
        ("StartDate=2031-07-01&EndDate=2031-07-01", 1),
        ("StartDate=2031-07-02", 0),
        ("CompanyId=1", 1),
        ("CompanyId=2", 0),
        ("CustomerId=1", 0),
    ] {
        let found = scene.json(&format!("/appointments?{query}")).await;
        assert_eq!(found.as_array().unwrap().len(), rows, "{query}");
    }
}

#[tokio::test]
async fn every_status_has_its_word_and_held_bookings_are_not_shown() {
    let scene = Scene::empty().await;
    let (ann, _) = scene.ann();
    let slot = "2031-07-01T10:30:00".parse().unwrap();
    let mut words = Vec::new();
    for status in [
        AppointmentStatus::Pending,
        AppointmentStatus::PracticeDefined("Web Request".to_owned()),
        AppointmentStatus::Confirmed,
        AppointmentStatus::Arrived,
        AppointmentStatus::Fulfilled,
        AppointmentStatus::NoShow,
        AppointmentStatus::Cancelled,
        AppointmentStatus::EnteredInError,
    ] {
        let state = AppointmentState::new(&ann, "Injectables", slot);
        let id = scene.practice().book(AppointmentState { status, ..state });
        words.push(scene.json(&format!("/appointments/{id}")).await["Status"].clone());
    }
    let expected = [
        "Booked",
        "Booked",
        "Confirmed",
        "InService",
        "Completed",
        "NoShow",
        "Cancelled",
        "Cancelled",
    ];
    assert_eq!(words, expected);
    let status = AppointmentStatus::Proposed;
    let state = AppointmentState::new(&ann, "Injectables", slot);
    let held = scene.practice().book(AppointmentState { status, ..state });
    scene.get(&format!("/appointments/{held}")).await.expect(404);
    scene.practice().update_appointment(&held, |state| state.status = AppointmentStatus::Pending);
    scene.advance(1);
    scene.json(&format!("/appointments/{held}")).await;
}

#[tokio::test]
async fn the_practice_has_everything_that_makes_clients_stumble() {
    let scene = Scene::busy().await;
    scene.days(61);
    let mut seen = BTreeMap::<String, usize>::new();
    let appointments = scene.all("/appointments").await;
    let visits = appointments.iter().filter(|row| !row["CustomerId"].is_null()).count();
    for row in &appointments {
        let services = row["Services"].as_array().unwrap().len();
        *seen.entry(row["Status"].as_str().unwrap().to_owned()).or_default() += 1;
        *seen.entry(format!("{services} services")).or_default() += 1;
    }
    for row in scene.all("/orders").await {
        *seen.entry(format!("order {}", row["Status"].as_str().unwrap())).or_default() += 1;
        for line in row["Lines"].as_array().unwrap() {
            *seen.entry(format!("line {}", line["Type"].as_str().unwrap())).or_default() += 1;
        }
    }
    for row in scene.all("/memberships").await {
        *seen.entry(format!("membership {}", row["Status"].as_str().unwrap())).or_default() += 1;
    }
    for what in [
        "Booked",
        "Completed",
        "NoShow",
        "Cancelled",
        "0 services",
        "2 services",
        "order Open",
        "order Closed",
        "order Voided",
        "order Refunded",
        "line Service",
        "line Product",
        "line Membership",
        "membership Active",
        "membership Cancelled",
    ] {
        assert!(seen.contains_key(what), "{what} is not in {seen:?}");
    }
    let two = seen["2 services"];
    assert!((visits / 12..visits / 5).contains(&two), "{two} of {visits}");
}

#[tokio::test]
async fn rows_gone_bad_are_shown_only_where_they_are_wanted() {
    let scene = Scene::new(busy(), Quirks { bad_rows: true, ..Quirks::kind() }).await;
    scene.days(61);
    let bad = |rows: Vec<Value>| {
        let good =
            |row: &&Value| row["AppointmentId"].is_u64() && row["StartTime"] != json!("not a date");
        rows.len() - rows.iter().filter(good).count()
    };
    assert_eq!(bad(scene.all("/appointments").await), 3);
    scene.sandbox.set_quirks(Quirks::kind());
    assert_eq!(bad(scene.all("/appointments").await), 0);
}

#[tokio::test]
async fn what_is_shown_at_the_end_is_the_end_of_the_history() {
    let scene = Scene::busy().await;
    scene.days(61);
    let mut history = scene.practice().patientnow_history();
    assert!(history.is_sorted_by_key(|(at, _)| *at));
    history.retain(|(_, event)| event.key.kind != RecordKind::Membership);
    history.extend(scene.practice().patientnow_memberships());
    let mut shown = BTreeSet::new();
    for (kind, path, id) in [
        ("patient", "/customers", "CustomerId"),
        ("appointment", "/appointments", "AppointmentId"),
        ("payment", "/orders", "OrderId"),
        ("membership", "/memberships", "CustomerMembershipId"),
    ] {
        for row in scene.all(path).await {
            shown.insert((kind.to_owned(), row[id].to_string()));
        }
    }
    let told: BTreeSet<_> = history
        .iter()
        .map(|(_, event)| (event.key.kind.to_string(), event.key.id.to_string()))
        .collect();
    assert_eq!(told, shown);
}
