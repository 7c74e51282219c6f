use cannula_sandbox::{
    Quirks,
    practice::{PatientState, PracticeConfig},
    zenoti::Amount,
};
use serde_json::{Value, json};

use crate::support::{Scene, start};

fn mina(scene: &Scene) -> Value {
    json!({
        "center_id": scene.access.center_id,
        "personal_info": {
            "first_name": "Mina", "last_name": "Varga", "email": "mina@example.test",
            "mobile_phone": { "country_code": 225, "number": "5035550142" },
            "gender": 0, "date_of_birth": "1988-04-17T00:00:00",
        },
        "address_info": { "address_1": "18 Fern St", "city": "Salem", "country_id": 225,
            "state_id": -2, "state_other": "OR", "zip_code": "97301" },
    })
}

async fn found(scene: &Scene, query: &str) -> usize {
    let path = format!("guests/search?center_id={}&{query}", scene.access.center_id);
    scene.json(&path).await["guests"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_guest_is_created_and_found_by_what_it_is_known_by() {
    let scene = Scene::empty().await;
    let guest = scene.post("guests", &mina(&scene)).await.expect(200);
    let id = guest["id"].as_str().unwrap();
    let read = scene.json(&format!("guests/{}", id.to_uppercase())).await;
    assert_eq!(read, guest);
    assert_eq!(read["personal_info"]["anniversary_date"], "0001-01-01T00:00:00");
    assert_eq!(read["personal_info"]["recieve_lp_stmt"], Value::Null);
    assert_eq!(read["preferences"]["recieve_lp_stmt"], true);
    for (query, count) in [
        ("email=MINA@example.test", 1),
        ("phone=5035550142", 1),
        ("phone=%2B15035550142", 0),
        ("phone=15035550142", 0),
        ("first_name=mi&last_name=var", 1),
        ("first_name=mi&last_name=vex", 0),
        ("email=other@example.test", 0),
    ] {
        assert_eq!(found(&scene, query).await, count, "{query}");
    }
    let page = scene.json(&format!("guests/search?center_id={}", scene.access.center_id)).await;
    assert_eq!(page["page_Info"], json!({ "total": 1, "page": 1, "size": 10 }));
}

#[tokio::test]
async fn a_search_without_a_center_needs_the_organisations_leave() {
    let scene = Scene::empty().await;
    assert_eq!(scene.get("guests/search?email=a").await.expect(400)["code"], 503);
    scene.sandbox.zenoti().change_settings(|settings| settings.search_across_centers = true);
    scene.get("guests/search?email=a").await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_guest_is_told_by_a_code_within_200() {
    let scene = Scene::empty().await;
    scene.post("guests", &mina(&scene)).await.expect(200);
    let other = json!({ "personal_info": { "email": "other@example.test",
        "mobile_phone": { "country_code": 225, "number": "5035550143" } } });
    let with = |change: Value| {
        let mut body = mina(&scene);
        for source in [&other, &change] {
            for (part, values) in source.as_object().unwrap() {
                match values.as_object() {
                    Some(values) => values.iter().for_each(|(name, value)| {
                        body[part][name] = value.clone();
                    }),
                    None => body[part] = values.clone(),
                }
            }
        }
        body
    };
    for (change, code) in [
        (json!({ "personal_info": { "last_name": " " } }), 481),
        (json!({ "personal_info": { "email": null } }), 481),
        (json!({ "center_id": null }), 481),
        (json!({ "personal_info": { "email": "Mina@example.test" } }), 442),
        (
            json!({ "personal_info": { "mobile_phone": { "country_code": 225, "number": "5035550142" } } }),
            441,
        ),
        (
            json!({ "personal_info": { "mobile_phone": { "country_code": 225, "number": "555" } } }),
            482,
        ),
        (
            json!({ "personal_info": { "mobile_phone": { "country_code": 225, "number": "+15035550143" } } }),
            482,
        ),
        (
            json!({ "personal_info": { "mobile_phone": { "country_code": 44, "number": "5035550143" } } }),
            484,
        ),
        (json!({ "address_info": { "country_id": 7 } }), 484),
    ] {
        let body = with(change.clone());
        let refused = scene.post("guests", &body).await.expect(200);
        assert_eq!(refused["Error"]["code"], code, "{change}");
        scene.sandbox.zenoti().change_settings(|settings| settings.errors_in_200 = false);
        scene.post("guests", &body).await.expect(400);
        scene.sandbox.zenoti().change_settings(|settings| settings.errors_in_200 = true);
    }
    scene.post("guests", &with(json!({}))).await.expect(200);
}

#[tokio::test]
async fn a_dialling_code_in_place_of_a_country_stores_another_country() {
    let scene = Scene::empty().await;
    let mut body = mina(&scene);
    body["personal_info"]["mobile_phone"]["country_code"] = json!(1);
    let guest = scene.post("guests", &body).await.expect(200);
    let phone = &guest["personal_info"]["mobile_phone"];
    assert_eq!(*phone, json!({ "country_code": 1, "number": "5035550142" }));
}

#[tokio::test]
async fn an_update_with_a_part_of_the_guest_wipes_the_rest() {
    let scene = Scene::empty().await;
    let mut guest = scene.post("guests", &mina(&scene)).await.expect(200);
    let path = format!("guests/{}", guest["id"].as_str().unwrap());
    guest["personal_info"]["last_name"] = json!("Quill");
    scene.advance(1);
    let whole = scene.put(&path, &guest).await.expect(200);
    assert_eq!(whole["address_info"]["zip_code"], "97301");
    scene.advance(1);
    let part = json!({ "center_id": scene.access.center_id,
        "personal_info": { "first_name": "Mina", "last_name": "Quill", "email": "m@example.test" } });
    scene.put(&path, &part).await.expect(200);
    scene.advance(1);
    let read = scene.json(&path).await;
    assert_eq!(read["address_info"]["zip_code"], "");
    assert_eq!(read["personal_info"]["mobile_phone"], Value::Null);
    assert_eq!(read["personal_info"]["date_of_birth"], "0001-01-01T00:00:00");
}

#[tokio::test]
async fn the_id_of_a_merged_guest_is_dead_or_leads_to_the_one_who_is_left() {
    let scene = Scene::empty().await;
    let (old, new) =
        (scene.ann(), scene.practice().add_patient(PatientState::new("Anne", "Smith", 2)));
    let appointment = scene.book(&old);
    scene.advance(60);
    assert!(scene.practice().zenoti_merge_guests(&old, &new));
    assert!(!scene.practice().zenoti_merge_guests(&old, &new), "the old id is dead");
    let dead = scene.json(&format!("guests/{old}")).await;
    assert_eq!(dead["error"]["code"], "414", "{dead}");
    scene.sandbox.zenoti().change_settings(|settings| settings.dead_ids_not_found = false);
    assert_eq!(scene.json(&format!("guests/{old}")).await["id"], new.as_str());
    let list = scene.appointments("2031-04-11", "2031-04-11").await;
    assert_eq!(
        list[0]["appointment_group_id"],
        scene.practice().zenoti_group(&appointment).as_str()
    );
    assert_eq!(found(&scene, "last_name=Smith").await, 1);
    let center = &scene.access.center_id;
    let path = format!(
        "guests/merge_history?center_id={center}&start_date=2031-04-01&end_date=2031-04-30"
    );
    let merged = &scene.json(&path).await["guests"][0];
    assert_eq!(
        (merged["source_guest_id"].as_str(), merged["target_guest_id"].as_str()),
        (Some(old.as_str()), Some(new.as_str()))
    );
    let error = scene.put(&format!("guests/{old}"), &mina(&scene)).await.expect(200);
    assert_eq!(error["error"]["code"], "414");
}

#[tokio::test]
async fn what_a_merged_guest_had_keeps_the_dead_id_or_has_the_others() {
    let scene = Scene::empty().await;
    let practice = scene.practice();
    let (old, new) = (scene.ann(), practice.add_patient(PatientState::new("Anne", "Smith", 2)));
    let visit = scene.book(&old);
    let invoice = practice.zenoti_close_invoice(&visit, None).unwrap();
    practice.zenoti_join(&old, "Glow Monthly", Amount::cents(19_900));
    scene.advance(60);
    assert!(practice.zenoti_merge_guests(&old, &new));
    for (dead_ids, named) in [(true, &old), (false, &new)] {
        scene.sandbox.zenoti().change_settings(|settings| {
            (settings.dead_ids, settings.dead_ids_not_found) = (dead_ids, false);
        });
        let list = scene.appointments("2031-04-11", "2031-04-11").await;
        let invoice = scene.json(&format!("invoices/{invoice}")).await;
        // Whoever is asked for, they are one guest's.
        for guest in [&old, &new] {
            let path = format!("guests/{guest}/memberships?center_id={}", scene.access.center_id);
            let club = &scene.json(&path).await["guest_memberships"][0];
            let ids = [&list[0]["guest"], &invoice["invoice"]["guest"]].map(|guest| &guest["id"]);
            assert_eq!([ids[0], ids[1], &club["guest_id"]], [named.as_str(); 3]);
        }
        assert_eq!(list[0]["guest"]["first_name"], "Anne", "the data are those of who is left");
    }
}

#[tokio::test]
async fn guests_that_changed_are_listed_by_the_day_and_page() {
    let scene = Scene::empty().await;
    for number in 0..25 {
        scene.practice().add_patient(PatientState::new("Ann", "Smith", number));
    }
    scene.advance(86_400 * 2);
    let eve = scene.practice().add_patient(PatientState::new("Eve", "Jones", 99));
    let center = &scene.access.center_id;
    let all = scene.json(&format!("guests?center_id={center}&size=20&page=2")).await;
    assert_eq!(all["guests"].as_array().unwrap().len(), 6);
    let late = scene.json(&format!("guests?center_id={center}&last_updated=2031-04-05")).await;
    assert_eq!(late["guests"][0]["id"], eve.as_str());
    assert_eq!(late["page_Info"]["total"], 1);
}

#[tokio::test]
async fn ids_come_in_both_cases_where_cases_are_mixed() {
    let quirks = Quirks { mixed_case: true, ..Quirks::kind() };
    let scene = Scene::new(PracticeConfig::new(3, 30, 20, start()), quirks).await;
    scene.advance(86_400 * 20);
    let list = scene.json(&format!("guests?center_id={}&size=100", scene.access.center_id)).await;
    let upper =
        |guest: &Value| guest["id"].as_str().unwrap().contains(|it: char| it.is_ascii_uppercase());
    let guests = list["guests"].as_array().unwrap();
    assert!(guests.iter().any(upper) && !guests.iter().all(upper));
}
