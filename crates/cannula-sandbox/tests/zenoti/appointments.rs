use cannula_core::AppointmentStatus;
use cannula_sandbox::{Quirks, practice::AppointmentState};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Scene, busy, send};

const WEEK: (&str, &str) = ("2031-04-07", "2031-04-14");

#[tokio::test]
async fn an_appointment_is_printed_in_local_time_with_utc_beside_it() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    let list = scene.appointments(WEEK.0, WEEK.1).await;
    let one = &list[0];
    assert_eq!(
        (&one["start_time"], &one["start_time_utc"]),
        (&json!("2031-04-11T14:30:00"), &json!("2031-04-11T18:30:00"))
    );
    assert_eq!(one["end_time"], "2031-04-11T15:15:00");
    assert_eq!(
        (&one["status"], &one["progress"], &one["show_in_calender"]),
        (&json!(0), &json!(0), &json!(1))
    );
    assert_eq!(one["guest"]["mobile"]["display_number"], "+1 6465550001");
    assert_eq!(one["appointment_group_id"], scene.practice().zenoti_group(&id).as_str());
    assert_eq!(one["appointment_id"], scene.practice().zenoti_appointments(&id)[0].as_str());
    assert_eq!(one["invoice_id"], scene.practice().zenoti_invoice_of(&id).as_str());
    assert_eq!(one["selected_time"], "0001-01-01T00:00:00");
    assert_eq!(one["Error"], Value::Null);
    assert!(one.get("error").is_none(), "the last element spells it differently");
}

#[tokio::test]
async fn a_list_spans_seven_days_at_most_and_needs_a_center() {
    let scene = Scene::empty().await;
    let center = scene.access.center_id.clone();
    let list = async |query: String| scene.get(&format!("appointments?{query}")).await;
    list(format!("center_id={center}&start_date=2031-04-07&end_date=2031-04-14")).await.expect(200);
    let long = list(format!("center_id={center}&start_date=2031-04-07&end_date=2031-04-15")).await;
    assert_eq!(long.expect(400)["code"], 422);
    list("start_date=2031-04-07&end_date=2031-04-08".to_owned()).await.expect(400);
    list(format!("center_id={center}")).await.expect(400);
    let other = list(
        "center_id=00000000-0000-4000-8000-000000000000&start_date=2031-04-07&end_date=2031-04-08"
            .to_owned(),
    )
    .await;
    assert_eq!(other.expect(200)["error"]["code"], "502", "an object in place of the array");
}

#[tokio::test]
async fn what_left_the_book_is_listed_only_when_asked_for() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let plain = format!(
        "appointments?center_id={}&start_date={}&end_date={}",
        scene.access.center_id, WEEK.0, WEEK.1
    );
    for (status, code, on_the_book) in [
        (AppointmentStatus::Confirmed, 4, true),
        (AppointmentStatus::Arrived, 2, true),
        (AppointmentStatus::Fulfilled, 2, true),
        (AppointmentStatus::Cancelled, -1, false),
        (AppointmentStatus::NoShow, -2, false),
        (AppointmentStatus::EnteredInError, 21, false),
    ] {
        let id = scene.book(&ann);
        scene.advance(1);
        scene.practice().update_appointment(&id, |state| state.status = status.clone());
        scene.advance(1);
        let all = scene.appointments(WEEK.0, WEEK.1).await;
        assert_eq!(all[0]["status"], code, "{status:?}");
        let shown = scene.json(&plain).await.as_array().unwrap().len();
        assert_eq!(shown == 1, on_the_book, "{status:?}");
        scene.practice().delete_appointment(&id);
    }
}

#[tokio::test]
async fn a_visit_that_took_place_is_closed_once_it_is_paid_for() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    scene.advance(1);
    scene.practice().update_appointment(&id, |state| state.status = AppointmentStatus::Fulfilled);
    scene.advance(1);
    let one = scene.appointments(WEEK.0, WEEK.1).await.remove(0);
    assert_eq!((&one["status"], &one["progress"]), (&json!(2), &json!(2)));
    scene.practice().zenoti_close_invoice(&id, None).unwrap();
    let one = scene.appointments(WEEK.0, WEEK.1).await.remove(0);
    assert_eq!((&one["status"], &one["progress"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a_group_can_have_a_second_service_and_an_add_on() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    scene.practice().zenoti_add_service(&id, "Skin Care", false);
    scene.practice().zenoti_add_service(&id, "LED Light Therapy", true);
    scene.advance(1);
    let list = scene.appointments(WEEK.0, WEEK.1).await;
    let names: Vec<_> = list.iter().map(|one| one["service"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Injectables", "Skin Care", "LED Light Therapy"]);
    assert_eq!(list[0]["service"]["has_addons"], true);
    assert_eq!(list[2]["service"]["is_addon"], true);
    assert_eq!(list[2]["service"]["parent_appointment_id"], list[0]["appointment_id"]);
    assert_eq!(list[1]["start_time"], list[0]["end_time"]);
    assert!(list.iter().all(|one| one["appointment_group_id"] == list[0]["appointment_group_id"]));
    let groups = scene.json(&format!("guests/{ann}/appointments")).await;
    assert_eq!(groups["appointments"][0]["appointment_services"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn one_appointment_is_an_object_or_an_array_of_one() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let mut shapes = Vec::new();
    for _ in 0..8 {
        let id = scene.book(&ann);
        let appointment = scene.practice().zenoti_appointments(&id).remove(0);
        let one =
            scene.json(&format!("appointments/{}", appointment.as_str().to_uppercase())).await;
        shapes.push(one.is_array());
        let one = if one.is_array() { &one[0] } else { &one };
        assert_eq!(one["appointment_id"], appointment.as_str());
    }
    assert!(shapes.contains(&true) && shapes.contains(&false), "{shapes:?}");
    let group = scene.practice().zenoti_group(&scene.book(&ann));
    let missing = scene.json(&format!("appointments/{group}")).await;
    assert_eq!(missing["error"]["code"], "410", "an error within 200, and groups are not found");
}

#[tokio::test]
async fn blocks_come_along_without_a_guest_or_a_group() {
    let scene = Scene::empty().await;
    let at = "2031-04-11T12:00:00".parse().unwrap();
    let ann = scene.ann();
    let block =
        AppointmentState { patient: None, ..AppointmentState::new(&ann, "Staff Meeting", at) };
    scene.practice().book(block);
    let list = scene.appointments(WEEK.0, WEEK.1).await;
    assert_eq!(list[0]["blockout"]["name"], "Staff Meeting");
    for absent in ["guest", "appointment_group_id", "invoice_id", "service"] {
        assert_eq!(list[0][absent], Value::Null, "{absent}");
    }
}

#[tokio::test]
async fn rows_that_no_client_can_read_are_listed_too_where_rows_are_bad() {
    let quirks = Quirks { bad_rows: true, ..Quirks::kind() };
    let scene = Scene::new(busy(), quirks).await;
    scene.advance(86_400 * 60);
    let mut bad = 0;
    for week in 0..10 {
        let from = crate::support::start().date_naive() + chrono::TimeDelta::days(7 * week);
        let to = from + chrono::TimeDelta::days(6);
        let list = scene.appointments(&from.to_string(), &to.to_string()).await;
        bad += list
            .iter()
            .filter(|one| one["start_time"] == "not a date" || one["appointment_id"].is_null())
            .count();
    }
    assert_eq!(bad, 3);
}

#[tokio::test]
async fn a_verb_that_is_not_documented_is_refused() {
    let scene = Scene::empty().await;
    assert_eq!(send(scene.request(Method::DELETE, "appointments")).await.status, 405);
}
