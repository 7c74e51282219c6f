//! Memberships as the vendor prints them.

use cannula_core::PatientId;
use serde_json::{Value, json};

use super::{
    book::{MembershipStanding, MembershipState},
    ids::{CENTER, CENTER_NAME, guid_of, shown},
};
use crate::practice::PatientState;

/// A membership in the list of a guest's, and in the event of a new one.
pub(super) fn membership(
    id: &str,
    state: &MembershipState,
    guest: &PatientId,
    person: &PatientState,
    number: u32,
    mixed: bool,
) -> Value {
    let price = state.price.json();
    let price = json!({ "currency_id": 0, "sales": price, "tax": 0, "final": price });
    json!({
        "guest_id": shown(guest.as_str(), mixed),
        "user_membership_id": shown(id, mixed),
        "group_user_membership_id": guid_of("group_membership", id),
        "status": state.standing.code(),
        "recurrence_status": -1,
        "is_refunded": false,
        "next_collection_date": null,
        "expiry_date": format!("{}T00:00:00", state.end),
        "member_code": null,
        "payments": { "payment_type": 0, "duration": 0, "duration_type": 0, "default_payment_info": null },
        "payment_history": [],
        "grace_period_days": 0,
        "sold_by": { "id": null, "name": null },
        "invoice": {
            "allow_other_centers_for_action_on_invoices": false,
            "receipt_no": format!("R{number}"), "status": 4,
            "id": shown(state.invoice.as_str(), mixed), "no": number.to_string(),
        },
        "membership": {
            "id": guid_of("article", &state.name), "code": "MEM", "name": state.name, "type": 1,
            "OTP_required": false, "T&C": null, "guestpass_total": 0, "guestpass_balance": 0,
        },
        "purchase": { "price": price, "date": format!("{}T00:00:00", state.start) },
        "members": [{
            "id": shown(guest.as_str(), mixed),
            "name": format!("{} {} (Primary)", person.given, person.family),
        }],
        "credit_balance": { "total": 0, "service": 0, "product": 0, "other": 0, "comments": null },
        "center": { "id": shown(CENTER, mixed), "name": CENTER_NAME },
        "service_balance": [{
            "service": { "id": guid_of("service", "Skin Care"), "name": "Skin Care", "duration": 45 },
            "total": 1, "balance": 1, "used": 0, "frequncy": "Any",
        }],
    })
}

/// What the events of a membership that changes say: no guest is in it.
pub(super) fn change(id: &str, state: &MembershipState, at: &str, mixed: bool) -> Value {
    let mut body = json!({
        "user_membership_id": shown(id, mixed),
        "group_user_membership_id": guid_of("group_membership", id),
        "status": state.standing.code(),
        "recurrence_status": -1,
        "expiry_date": format!("{}T00:00:00", state.end),
        "member_code": null,
        "center": { "id": shown(CENTER, mixed), "name": CENTER_NAME },
    });
    match state.standing {
        MembershipStanding::Cancelled => {
            body["cancel"] = json!({
                "cancel_initiated_date": at, "cancel_date": at, "termination_date": at,
                "reason": "Moving away", "cancelled_by": "Front Desk",
            });
        }
        MembershipStanding::Frozen => {
            body["next_collection_date"] = Value::Null;
            body["freeze"] = json!({
                "start_date": at, "end_date": format!("{}T00:00:00", state.end), "type": 0,
                "fee": 0, "fee_type": 0, "comments": "", "froze_by": "Front Desk",
            });
        }
        MembershipStanding::Active => {
            body["unfreeze"] = json!({ "date": at, "comments": "" });
        }
    }
    body
}
