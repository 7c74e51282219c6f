//! Each request as data: method, path, query and body.

use cannula_core::Currency;
use serde_json::{Value, json};

use super::*;

fn requests(version: ApiVersion) -> Requests {
    Requests { location: "loc1".into(), version }
}

fn phi(text: &str) -> Option<Phi<String>> {
    Some(Phi::new(text.to_owned()))
}

fn mina() -> ContactParts {
    ContactParts {
        first_name: phi("Mina"),
        last_name: phi("Park"),
        email: phi("mina+crm@example.test"),
        phone: phi("+12024561111"),
        birth_date: Some(Phi::new("1990-09-25".parse().unwrap())),
        fields: vec![
            FieldWrite {
                id: "f1".into(),
                value: FieldContent::Date(Phi::new("2026-03-09".parse().unwrap())),
            },
            FieldWrite { id: "f2".into(), value: FieldContent::Null },
            FieldWrite { id: "f3".into(), value: FieldContent::Number(lifetime_value()) },
            FieldWrite { id: "f4".into(), value: FieldContent::Text(Phi::new("149.50".into())) },
        ],
    }
}

fn lifetime_value() -> Phi<Money> {
    Phi::new(Money::from_minor(14_950, Currency::USD))
}

fn placement() -> Placement {
    Placement {
        pipeline_id: "p1".into(),
        pipeline_stage_id: "s1".into(),
        status: OpportunityStatus::Won,
    }
}

fn opportunity() -> NewOpportunity {
    NewOpportunity {
        contact_id: "c1".into(),
        name: Phi::new("Mina Park".to_owned()),
        placement: placement(),
    }
}

fn shown(request: &Request) -> Value {
    json!({
        "call": format!("{} {}", request.method(), request.path()),
        "query": request.query_pairs().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(),
        "body": request.body_json(),
        "repeatable": request.is_repeatable(),
    })
}

#[test]
fn contact_requests() {
    let r = requests(ApiVersion::V20210728);
    let fields_only = ContactParts { fields: mina().fields, ..ContactParts::default() };
    insta::assert_json_snapshot!(
        "contact_requests",
        json!({
            "get": shown(&r.get_contact(&"c1".into())),
            "create": shown(&r.create_contact(&mina())),
            "upsert": shown(&r.upsert_contact(&mina())),
            "update": shown(&r.update_contact(&"c1".into(), &mina())),
            "update fields only": shown(&r.update_contact(&"c1".into(), &fields_only)),
            "find duplicate": shown(&r.find_duplicate(mina().email.as_ref(), mina().phone.as_ref())),
            "search": shown(&r.search_contacts(&ContactSearch {
                query: phi("park"),
                equal: vec![("email".into(), mina().email.unwrap())],
                limit: 0,
                ..ContactSearch::default()
            })),
            "search by a tag": shown(&r.search_contacts(&tagged(&["nxt create"], None))),
            "next page of a search by two tags": shown(&r.search_contacts(&tagged(
                &["nxt create", "nxt-create"],
                Some(vec![json!(1700000000000_u64), json!("c9")]),
            ))),
            "next page of a search": shown(&r.search_contacts(&ContactSearch {
                limit: 100,
                after: Some(vec![json!(1700000000000_u64), json!("c9")]),
                ..ContactSearch::default()
            })),
        })
    );
}

fn tagged(tags: &[&str], after: Option<Vec<Value>>) -> ContactSearch {
    let any_tag = tags.iter().map(|tag| (*tag).to_owned()).collect();
    ContactSearch { any_tag, limit: 100, after, ..ContactSearch::default() }
}

#[test]
fn tag_and_note_requests() {
    let r = requests(ApiVersion::V20210728);
    let tags = ["Appointment Booked".to_owned()];
    insta::assert_json_snapshot!(
        "tag_and_note_requests",
        json!({
            "add tags": shown(&r.add_tags(&"c1".into(), &tags)),
            "remove tags": shown(&r.remove_tags(&"c1".into(), &tags)),
            "list notes": shown(&r.list_notes(&"c1".into())),
            "create note": shown(&r.create_note(&"c1".into(), &Phi::new("Title\nRef abc".into()))),
        })
    );
}

#[test]
fn opportunity_requests() {
    let r = requests(ApiVersion::V20210728);
    insta::assert_json_snapshot!(
        "opportunity_requests",
        json!({
            "get": shown(&r.get_opportunity(&"o1".into())),
            "create": shown(&r.create_opportunity(&opportunity())),
            "upsert": shown(&r.upsert_opportunity(&opportunity())),
            "update": shown(&r.update_opportunity(&"o1".into(), &placement())),
            "set value": shown(&r.set_opportunity_value(&"o1".into(), &lifetime_value())),
            "search": shown(&r.find_opportunities(&"c1".into(), "p1")),
            "pipelines": shown(&r.list_pipelines()),
        })
    );
}

#[test]
fn custom_field_requests() {
    let r = requests(ApiVersion::V20210728);
    insta::assert_json_snapshot!(
        "custom_field_requests",
        json!({
            "list": shown(&r.list_fields()),
            "create a date": shown(&r.create_field("Next Visit Date", FieldKind::Date)),
            "create a text": shown(&r.create_field("NXT Location", FieldKind::Text)),
            "create an amount": shown(&r.create_field("Patient Lifetime Value", FieldKind::Money)),
        })
    );
}

#[test]
fn what_v3_spells_in_another_way() {
    let r = requests(ApiVersion::V3);
    insta::assert_json_snapshot!(
        "v3_requests",
        json!({
            "update": shown(&r.update_contact(&"c1".into(), &mina())),
            "search": shown(&r.find_opportunities(&"c1".into(), "p1")),
        })
    );
}

#[test]
fn an_id_cannot_lead_to_another_path() {
    let request = requests(ApiVersion::V20210728).get_contact(&"../opportunities/o1?x".into());
    assert_eq!(request.path(), "/contacts/..%2Fopportunities%2Fo1%3Fx");
}

#[test]
fn the_token_exchange_is_a_form_with_the_versions_own_keys() {
    let form = |version| {
        let request = refresh_token(version, "client", "s3cret", "r3fresh");
        assert!(!format!("{request:?}").contains("3"), "secrets stay out of Debug");
        request.form_pairs().iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        form(ApiVersion::V20210728),
        [
            "client_id=client",
            "client_secret=s3cret",
            "grant_type=refresh_token",
            "refresh_token=r3fresh"
        ]
    );
    assert_eq!(
        form(ApiVersion::V3),
        [
            "clientId=client",
            "clientSecret=s3cret",
            "grantType=refresh_token",
            "refreshToken=r3fresh"
        ]
    );
}
