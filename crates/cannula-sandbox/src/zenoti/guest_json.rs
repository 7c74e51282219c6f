//! A guest as the vendor prints one.

use cannula_core::PhoneUse;
use chrono::{DateTime, Datelike, Utc};
use serde_json::{Value, json};

use super::{
    ids::{CENTER, CENTER_NAME, guid_of, shown, therapist},
    phone,
};
use crate::practice::PatientState;

/// What stands for no date.
pub(super) const NEVER: &str = "0001-01-01T00:00:00";

/// A guest as `GET /v1/guests/{id}` and lists print it.
pub(super) fn guest(id: &str, state: &PatientState, mixed: bool) -> Value {
    let employee = state.general_practitioner.map(
        |who| json!({ "id": therapist(who.id), "name": format!("{} {}", who.given, who.family) }),
    );
    let referral = state.referral_source.map(|source| {
        let id = guid_of("referral", &source.id.to_string());
        json!({ "referral_source": { "id": id, "name": source.name }, "referred_by": null })
    });
    json!({
        "id": shown(id, mixed),
        "code": state.chart.to_string(),
        "center_id": shown(CENTER, mixed),
        "personal_info": personal(state, false),
        "address_info": address(state),
        "preferences": {
            "receive_transactional_email": true, "receive_transactional_sms": true,
            "receive_marketing_email": false, "receive_marketing_sms": false,
            "recieve_lp_stmt": true, "preferred_therapist": null,
        },
        "tags": null,
        "referral": referral,
        "primary_employee": employee,
    })
}

/// A guest as webhooks print it.
pub(super) fn told(id: &str, state: &PatientState, entered: DateTime<Utc>, mixed: bool) -> Value {
    json!({
        "id": shown(id, mixed),
        "_id": 600_000 + state.chart,
        "code": state.chart.to_string(),
        "center_id": shown(CENTER, mixed),
        "center_name": CENTER_NAME,
        "created_date": entered.format("%Y-%m-%dT%H:%M:%S").to_string(),
        "personal_info": personal(state, true),
        "address_info": address(state),
        "preferences": {
            "receive_transactional_email": true, "receive_transactional_sms": true,
            "receive_marketing_email": true, "receive_marketing_sms": true,
            "recieve_lp_stmt": true, "opt_in_for_loyalty_program": true,
            "transactional_sms_optin": 1, "transactional_email_optin": 1,
            "marketing_sms_optin": 1, "marketing_email_optin": 1,
            "transactional_whatsapp_optin": 6, "receive_transactional_whatsapp": false,
        },
    })
}

fn personal(state: &PatientState, webhook: bool) -> Value {
    let phone = |usage| {
        let number = &state.phones.iter().find(|phone| phone.usage == usage)?.number;
        let (country, national) = phone::parts(number);
        let mut phone = json!({ "country_code": country.id, "number": national });
        if webhook {
            phone["phone_code"] = json!(country.dial);
        }
        Some(phone)
    };
    let birth = if state.birth_date.year() > 1900 {
        format!("{}T00:00:00", state.birth_date)
    } else {
        NEVER.to_owned()
    };
    json!({
        "user_name": "",
        "first_name": state.given,
        "last_name": state.family,
        "middle_name": "",
        "email": state.emails.first().map(|email| email.address.clone()).unwrap_or_default(),
        "mobile_phone": phone(PhoneUse::Mobile),
        "work_phone": phone(PhoneUse::Work),
        "home_phone": phone(PhoneUse::Home),
        "gender": gender(state),
        "date_of_birth": birth,
        "is_minor": false,
        "nationality_id": -1,
        "anniversary_date": if webhook { Value::Null } else { json!(NEVER) },
        "lock_guest_custom_data": false,
        "pan": "",
    })
}

pub(super) fn gender(state: &PatientState) -> i64 {
    match state.gender {
        "female" => 0,
        "male" => 1,
        _ => -1,
    }
}

fn address(state: &PatientState) -> Value {
    let address = &state.address;
    let known = !address.line.is_empty() || !address.postal_code.is_empty();
    json!({
        "address_1": address.line,
        "address_2": "",
        "city": address.city,
        "country_id": if known { phone::HOME.id } else { -1 },
        "state_id": if address.state.is_empty() { -1 } else { -2 },
        "state_other": address.state,
        "zip_code": address.postal_code,
    })
}
