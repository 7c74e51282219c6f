//! Posting: a store's payments to the ledgers of patients.

mod customers;
mod deciding;
mod matching;
mod report;
mod rows;
mod settings;
mod statuses;
mod words;

use cannula_core::{
    Captured, Currency, Event, LedgerInfo, LineKind, Money, OrderLine, OrderNumber, OrderState,
    OrderTotals, PatientField, PersonId, PersonName, Phi, RecordId, RegistryInfo, StoreCustomer,
    StoreOrder, StoreRefund, Tender,
};
use cannula_rules::posting::{PostingConfig, PostingRules};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::Chicago;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// Three in the afternoon in Chicago.
fn noon() -> DateTime<Utc> {
    "2031-05-06T20:00:00Z".parse().unwrap()
}

fn config() -> PostingConfig {
    let start_from = "2031-01-01T00:00:00Z".parse().unwrap();
    PostingConfig {
        category: Some("Online store".to_owned()),
        location: Some("Main".to_owned()),
        practitioner: Some("Rao".to_owned()),
        ..PostingConfig::new(Chicago, start_from)
    }
}

fn ledger() -> LedgerInfo {
    LedgerInfo {
        name: "memory",
        product: "Memory EMR",
        practice: "practice".into(),
        currency: Currency::USD,
        description_limit: 255,
        methods: &["Cash", "Charge"],
        card_types: None,
        category_required: true,
        card_type_required: &[],
    }
}

fn registry() -> RegistryInfo {
    RegistryInfo {
        name: "memory",
        product: "Memory EMR",
        practice: "practice".into(),
        required: vec![
            PatientField::FirstName,
            PatientField::LastName,
            PatientField::Email,
            PatientField::Phone,
            PatientField::BirthDate,
            PatientField::PostalCode,
        ],
        default_postal_code: None,
    }
}

fn rules(config: PostingConfig) -> PostingRules {
    PostingRules::new(config, ledger(), registry())
}

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

fn line(sku: &str, name: &str, kind: LineKind) -> OrderLine {
    OrderLine { sku: phi(sku), name: phi(name), kind }
}

/// A paid order of Ivy's for a serum of $120.
fn order(number: &str) -> StoreOrder {
    let number = OrderNumber::new(number);
    StoreOrder {
        first_number: number.clone(),
        number,
        customer: StoreCustomer {
            id: PersonId::new("customer/812"),
            name: PersonName { given: phi("Ivy"), family: phi("Sample") },
            email: Some(phi("ivy@example.test")),
            phone: Some(phi("(918) 555-0101")),
            birth_date: "1988-05-09".parse().ok().map(Phi::new),
            gender: None,
            street: None,
            city: None,
            state: None,
            postal_code: Some(phi("74103")),
        },
        state: OrderState::Processing,
        placed_at: noon(),
        lines: vec![line("SER-30", "Serum", LineKind::Product)],
        tender: Tender { method: "card".to_owned(), card: Some("VI".to_owned()) },
        totals: OrderTotals {
            grand_total: usd(12_000),
            tax: usd(0),
            shipping: usd(0),
            discount: usd(0),
            discount_reason: None,
            gift_card: usd(0),
            rewards: usd(0),
            unexplained: usd(0),
        },
        captured: Some(Captured { amount: usd(12_000), at: noon(), charged: true }),
        refunds: Vec::new(),
    }
}

fn refund(number: &str, minor: i64) -> StoreRefund {
    let at = noon() + TimeDelta::days(1);
    StoreRefund { number: number.to_owned(), amount: usd(minor), at, online: true }
}

/// The order's state `minutes` after noon.
fn event(order: &StoreOrder, minutes: i64) -> Event {
    let stamp = noon() + TimeDelta::minutes(minutes);
    let id = RecordId::new(order.number.as_str());
    let record = cannula_core::Record::Order(Box::new(order.clone()));
    Event::new("practice".into(), id, record, Some(stamp), stamp)
}
