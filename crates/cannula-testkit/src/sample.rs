//! Small invented events.

use cannula_core::{
    Appointment, AppointmentStatus, Captured, Currency, Event, LineKind, Membership,
    MembershipStatus, Money, Named, OrderLine, OrderState, OrderTotals, Patient, PatientId, Payer,
    Payment, PaymentKind, PaymentStatus, PersonId, PersonName, Phi, Pointer, PracticeId, Record,
    RecordId, RecordKey, StoreCustomer, StoreOrder, Subject, Tender, VisitTime,
};
use chrono::{DateTime, TimeDelta, Utc};

/// The practice of all samples.
pub fn practice() -> PracticeId {
    PracticeId::new("practice")
}

/// A patient of the practice.
pub fn subject(patient: &str) -> Subject {
    Subject { practice: practice(), person: PersonId::new(patient) }
}

/// When the samples begin: 2 March 2026, 14:00 UTC.
pub const fn day_one() -> DateTime<Utc> {
    match DateTime::from_timestamp(1_772_460_000, 0) {
        Some(instant) => instant,
        None => DateTime::<Utc>::MIN_UTC,
    }
}

/// A state of the appointment `id` of `patient`, as of so many minutes after [`day_one`]. It
/// takes place a week after that day. `kind` is the appointment type's name.
pub fn appointment(
    id: &str,
    patient: &str,
    kind: &str,
    status: AppointmentStatus,
    minute: i64,
) -> Event {
    let start = day_one() + TimeDelta::days(7);
    let record = Record::Appointment(Appointment {
        also: Vec::new(),
        patient: Some(PatientId::new(patient)),
        status,
        kind: Some(Named::new(kind)),
        purposes: Vec::new(),
        start: Some(VisitTime { local: start.naive_utc(), instant: start }),
        end: None,
        practitioner: None,
        location: None,
    });
    event(id, record, minute)
}

/// A state of the patient's record, with an e-mail address made from the id.
pub fn patient(id: &str, minute: i64) -> Event {
    let record = Record::Patient(Patient {
        is_new: false,
        id: PatientId::new(id),
        chart_number: None,
        name: PersonName { given: "Test".to_owned().into(), family: id.to_owned().into() },
        birth_date: None,
        emails: vec![format!("{id}@example.test").into()],
        phones: Vec::new(),
    });
    event(id, record, minute)
}

/// A state of the row `id` in the ledger of `patient`, as of so many minutes after [`day_one`]: so
/// many cents that the patient paid on that day, or got back if they are negative.
pub fn payment(id: &str, patient: &str, cents: i64, status: PaymentStatus, minute: i64) -> Event {
    let record = Record::Payment(Payment {
        items: Vec::new(),
        patient: Some(PatientId::new(patient)),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status,
        amount: Money::from_minor(cents, Currency::USD),
        date: Some(day_one().date_naive()),
        method: Some("Cash".to_owned()),
        category: None,
        description: None,
        practitioner: None,
        location: None,
        corrections: Vec::new(),
    });
    event(id, record, minute)
}

/// A membership of `patient`, as of so many minutes after [`day_one`].
pub fn membership(id: &str, patient: &str, status: MembershipStatus, minute: i64) -> Event {
    let record = Record::Membership(Membership {
        patient: PatientId::new(patient),
        name: "Glow Club".to_owned(),
        status,
        start: Some(day_one().date_naive()),
        end: None,
        price: Some(Money::from_minor(9_900, Currency::USD)),
    });
    event(id, record, minute)
}

/// The message `id` that a record changed, or that it is `gone`, sent so many minutes after
/// [`day_one`].
pub fn pointer(id: &str, key: &RecordKey, gone: bool, minute: i64) -> Event {
    event(id, Record::Pointer(Pointer { key: key.clone(), gone }), minute)
}

/// The same state from a vendor that gives no times of change, read so many minutes after
/// [`day_one`].
pub fn without_stamp(state: &Event, minute: i64) -> Event {
    let read_at = day_one() + TimeDelta::minutes(minute);
    Event::new(practice(), state.key.id.clone(), state.record.clone(), None, read_at)
}

fn event(id: &str, record: Record, minute: i64) -> Event {
    let stamp = day_one() + TimeDelta::minutes(minute);
    Event::new(practice(), RecordId::new(id), record, Some(stamp), stamp)
}

/// A state of an order over $120 that `customer` of the store placed and paid on [`day_one`], as
/// of so many minutes after that.
pub fn store_order(
    number: &str,
    customer: &str,
    minute: i64,
    change: impl FnOnce(&mut StoreOrder),
) -> Event {
    let usd = |minor| Money::from_minor(minor, Currency::USD);
    let phi = |text: String| Phi::new(text);
    // Nobody shares a phone number or a birthday.
    let hash = customer.bytes().fold(7_u32, |hash, byte| (hash * 31 + u32::from(byte)) % 9_000);
    let birth_date = chrono::NaiveDate::from_ymd_opt(1975, 1, 1).unwrap_or_default()
        + TimeDelta::days(hash.into());
    let mut order = StoreOrder {
        number: number.into(),
        first_number: number.into(),
        customer: StoreCustomer {
            id: PersonId::new(customer),
            name: PersonName { given: phi("Test".to_owned()), family: phi(customer.to_owned()) },
            email: Some(phi(format!("{customer}@example.test"))),
            phone: Some(phi(format!("212 555 {:04}", 1_000 + hash))),
            birth_date: Some(Phi::new(birth_date)),
            gender: None,
            street: None,
            city: None,
            state: None,
            postal_code: Some(phi("62701".to_owned())),
        },
        state: OrderState::Processing,
        placed_at: day_one(),
        lines: vec![OrderLine {
            sku: phi("SER-30".to_owned()),
            name: phi("Serum".to_owned()),
            kind: LineKind::Product,
        }],
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
        captured: Some(Captured { amount: usd(12_000), at: day_one(), charged: true }),
        refunds: Vec::new(),
    };
    change(&mut order);
    event(number, Record::Order(Box::new(order)), minute)
}
