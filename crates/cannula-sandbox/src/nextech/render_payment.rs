//! Rows of the ledger as both products print them. Amounts are raw JSON numbers in each
//! product's own spelling, which no float could keep.

use cannula_core::{Money, PaymentKind, PaymentStatus};
use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};

use super::render::{extend, finish, head, local_stamp, patient_reference, stamp, variant};
use crate::{
    practice::{LinkKind, PaymentState, Product, Spoil, Visible, instant_of},
    quirks::Quirks,
};

const SELECT: &str = "https://select.nextech-api.com/api/structuredefinition";
const PLUS: &str = "https://api.pm.nextech.com/api/structuredefinition";
const PLUS_CODES: &str = "https://api.pm.nextech.com/api/CodeSystem";
const HL7: &str = "http://hl7.org/fhir/StructureDefinition";

#[derive(Serialize)]
struct Resource {
    #[serde(flatten)]
    rest: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    detail: Vec<Detail>,
    total: Amount,
}

#[derive(Serialize)]
struct Detail {
    #[serde(rename = "type")]
    kind: Value,
    request: Value,
    amount: Amount,
}

#[derive(Serialize)]
struct Amount {
    value: Box<RawValue>,
}

/// The code of a row's status.
pub(crate) const fn status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Active => "active",
        PaymentStatus::Voided => "cancelled",
        PaymentStatus::EnteredInError => "entered-in-error",
    }
}

/// `chart` is the chart number of the row's patient.
pub(crate) fn payment(
    row: &Visible<PaymentState>,
    chart: Option<String>,
    product: Product,
    quirks: &Quirks,
) -> Box<RawValue> {
    let state = &row.version.state;
    let variant = variant(&row.id);
    let time = |at, variant| match product {
        Product::Select => stamp(at, variant, quirks),
        Product::PracticePlus => local_stamp(at, variant, quirks),
    };
    let mut rest = head("PaymentReconciliation", &row.id, time(state.updated, variant), quirks);
    let created = time(row.entered, variant + 1);
    let mut extensions = match product {
        Product::Select => select_extensions(state, variant, &created, quirks),
        Product::PracticePlus => plus_extensions(state, chart, variant, &created, quirks),
    };
    if row.spoil == Some(Spoil::NotADate) {
        spoil_dates(&mut extensions);
    }
    if quirks.wrapped_primitives {
        wrap(&mut extensions);
    }
    extend(
        &mut rest,
        json!({
            "extension": extensions,
            "status": status(state.status),
            "created": created,
        }),
    );
    if let Some(insurer) = state.insurer {
        extend(&mut rest, insured(insurer));
    }
    if let Some(who) = state.practitioner {
        let mut reference = json!({ "reference": format!("Practitioner/{}", who.id) });
        if product == Product::Select {
            reference["display"] = who.display(product).into();
        }
        rest.insert("requestProvider".to_owned(), reference);
    }
    if let Some(note) = &state.note {
        let kind = json!({ "coding": [{ "system": "NoteType", "code": "display" }] });
        rest.insert("processNote".to_owned(), json!([{ "type": kind, "text": note }]));
    }
    let printed = match finish(rest, row.spoil) {
        Value::Object(rest) => to_raw_value(&Resource {
            rest,
            detail: detail(state, product),
            total: amount(state.amount, product),
        }),
        spoilt => to_raw_value(&spoilt),
    };
    // Cannot fail: no map in it has a key that is not text.
    printed.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// `50.00` in Practice+; `50.0` and `149.5` in Select.
fn amount(money: Money, product: Product) -> Amount {
    let mut text = money.decimal();
    if product == Product::Select && text.ends_with('0') {
        text.pop();
    }
    let value = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
    Amount { value }
}

/// What was put to claims. Money that waits to be put to something has none, and Practice+
/// leaves it out of everything that has to do with a void.
fn detail(state: &PaymentState, product: Product) -> Vec<Detail> {
    if product == Product::PracticePlus && !state.links.is_empty() {
        return Vec::new();
    }
    let code = match state.kind {
        PaymentKind::Payment => "payment",
        PaymentKind::Adjustment => "adjustment",
    };
    let part = |(claim, part): &(u32, Money)| Detail {
        kind: json!({ "coding": [{ "system": "http://hl7.org/fhir/payment-type", "code": code }] }),
        request: json!({ "reference": format!("Claim/{claim}") }),
        amount: amount(*part, product),
    };
    state.claims.iter().map(part).collect()
}

/// The insurer is a copy within the resource and nowhere else.
fn insured(name: &str) -> Value {
    json!({
        "contained": [{
            "resourceType": "Organization",
            "id": "organization",
            "type": [{
                "coding": [{ "system": "http://hl7.org/fhir/organization-type", "code": "ins" }],
            }],
            "name": name,
        }],
        "organization": { "reference": "#organization" },
    })
}

/// References are under a key that FHIR does not have; the day is the instant of its midnight.
fn select_extensions(
    state: &PaymentState,
    variant: u32,
    created: &str,
    quirks: &Quirks,
) -> Vec<Value> {
    let midnight = instant_of(state.date.and_time(chrono::NaiveTime::MIN));
    let mut all = Vec::new();
    if let Some(patient) = &state.patient {
        all.push(json!({
            "url": format!("{HL7}/Patient"),
            "valueResourceReference": {
                "reference": patient_reference(patient.as_str(), variant, quirks),
                "display": "Patient",
            },
        }));
    }
    if let Some(place) = state.location {
        all.push(json!({
            "url": format!("{HL7}/Location"),
            "valueResourceReference": {
                "reference": format!("Location/{}", place.id),
                "display": place.name,
            },
        }));
    }
    let at_midnight = midnight.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    all.push(json!({ "url": format!("{SELECT}/payment-date"), "valueDateTime": at_midnight }));
    all.push(json!({ "url": format!("{SELECT}/effective-date"), "valueDateTime": created }));
    if variant.is_multiple_of(3) {
        all.push(json!({
            "url": format!("{SELECT}/{}", deposit_date(variant, quirks)),
            "valueDateTime": at_midnight,
        }));
    }
    all.extend(texts(state, SELECT, Product::Select, variant, quirks));
    if quirks.mixed_case {
        // The order is nobody's promise.
        let shift = variant as usize % all.len().max(1);
        all.rotate_left(shift);
    }
    all
}

fn plus_extensions(
    state: &PaymentState,
    chart: Option<String>,
    variant: u32,
    created: &str,
    quirks: &Quirks,
) -> Vec<Value> {
    let mut all = vec![
        json!({ "url": format!("{PLUS}/payment-date"), "valueDate": state.date.to_string() }),
        json!({ "url": format!("{PLUS}/effective-date"), "valueDateTime": created }),
    ];
    if variant.is_multiple_of(3) {
        all.push(json!({
            "url": format!("{PLUS}/{}", deposit_date(variant, quirks)),
            "valueDate": state.date.to_string(),
        }));
    }
    all.extend(texts(state, PLUS, Product::PracticePlus, variant, quirks));
    // One sample of the vendor's copies the form of Select.
    let copied = quirks.mixed_spellings && variant % 7 == 3;
    let reference = |kind: &str, reference: String| {
        let reference = json!({ "reference": reference });
        if copied {
            json!({ "url": format!("{HL7}/{kind}"), "valueResourceReference": reference })
        } else {
            let url = format!("http://hl7.org/fhir/structuredefinition/{kind}");
            json!({ "url": url, "valueReference": reference })
        }
    };
    let patient = state.patient.as_ref();
    all.extend(
        patient.map(|id| reference("Patient", patient_reference(id.as_str(), variant, quirks))),
    );
    all.extend(state.location.map(|at| reference("Location", format!("Location/{}", at.id))));
    all.push(json!({
        "url": format!("{PLUS}/practice"),
        "valueReference": { "reference": "Practice/1" },
    }));
    all.extend(chart.map(|chart| {
        json!({
            "url": format!("{PLUS}/patient-account-number"),
            "valueIdentifier": { "use": "usual", "value": chart },
        })
    }));
    all.extend(corrections(state));
    all
}

/// The parts a row plays, which add up, and links to the other rows.
fn corrections(state: &PaymentState) -> Vec<Value> {
    let mut all = Vec::new();
    let concept = |name: &str, system: &str, codes: &[&str]| {
        let coding = codes
            .iter()
            .map(|code| json!({ "system": format!("{PLUS_CODES}/{system}"), "code": code }));
        json!({
            "url": format!("{PLUS}/{name}"),
            "valueCodeableConcept": { "coding": coding.collect::<Value>() },
        })
    };
    if let Some(code) = state.adjustment_code {
        all.push(concept("adjustment-types", "adjustment-type", &[&code.to_string()]));
    }
    let part = |kind| match kind {
        LinkKind::VoidedBy => Some("voided"),
        LinkKind::Voids => Some("voiding"),
        LinkKind::Recreates => Some("recreation"),
        LinkKind::RecreatedBy | LinkKind::RecreatesVoiding => None,
    };
    let parts: Vec<_> = state.links.iter().filter_map(|link| part(link.kind)).collect();
    if !parts.is_empty() {
        all.push(concept("correction-types", "correction-type", &parts));
    }
    for link in &state.links {
        let name = match link.kind {
            LinkKind::VoidedBy => "voided-by",
            LinkKind::Voids => "voids",
            LinkKind::RecreatedBy => "recreated-by",
            LinkKind::Recreates => "recreates",
            LinkKind::RecreatesVoiding => "recreates-voiding",
        };
        all.extend(link.row.as_ref().map(|row| {
            json!({
                "url": format!("{PLUS}/{name}"),
                "valueReference": { "reference": format!("PaymentReconciliation/{row}") },
            })
        }));
    }
    all
}

/// Method, category, card type and check number.
fn texts(
    state: &PaymentState,
    base: &str,
    product: Product,
    variant: u32,
    quirks: &Quirks,
) -> Vec<Value> {
    let text =
        |name: &str, value: &str| json!({ "url": format!("{base}/{name}"), "valueString": value });
    let mut all = Vec::new();
    all.extend(state.method_in(product).map(|method| text("payment-method", method)));
    all.extend(state.category.as_deref().map(|category| text("payment-category", category)));
    let visa = (state.method == Some("CreditCard")).then_some("Visa");
    if let Some(card) = state.card_type.as_deref().or(visa) {
        let name = if quirks.mixed_spellings && variant % 2 == 1 {
            "credit-cardtype"
        } else {
            "creditcard-type"
        };
        all.push(text(name, card));
    }
    if state.method == Some("Check") {
        let number = (variant % 9_000 + 1_000).to_string();
        all.push(text("check-number", state.check_number.as_deref().unwrap_or(&number)));
    }
    all
}

const fn deposit_date(variant: u32, quirks: &Quirks) -> &'static str {
    if quirks.mixed_spellings && variant % 2 == 1 { "deposited-date" } else { "deposit-date" }
}

/// Primitives as older documents show them: `"valueString": {"value": "Cash"}`.
fn wrap(extensions: &mut [Value]) {
    for value in extensions.iter_mut().filter_map(Value::as_object_mut).flat_map(Map::iter_mut) {
        if value.0 != "url" && !value.1.is_object() {
            *value.1 = json!({ "value": value.1 });
        }
    }
}

fn spoil_dates(extensions: &mut [Value]) {
    for extension in extensions {
        for key in ["valueDate", "valueDateTime"] {
            if let Some(value) = extension.get_mut(key) {
                *value = "not a date".into();
            }
        }
    }
}
