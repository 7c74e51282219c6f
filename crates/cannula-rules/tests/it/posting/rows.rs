//! Which rows of a ledger are what the store's payments became.

use cannula_core::{
    LedgerRow, Money, Payer, Payment, PaymentKind, PaymentStatus, RecordId, StoreOrder,
};
use cannula_rules::posting::{PostPayment, PostingConfig, RefundLookup};
use chrono::NaiveDate;

use super::{config, order, phi, rules, usd};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The payment of order 41.
fn post() -> PostPayment {
    let StoreOrder { number, captured, .. } = order("41");
    PostPayment {
        order: number,
        patient: "p1".into(),
        amount: captured.unwrap().amount,
        date: day("2031-05-06"),
        description: phi("DP#41 SER-30 Serum"),
        card: None,
        insist: false,
    }
}

/// The same money, as staff or another program put it on the ledger, but for `change`.
fn row(id: &str, change: impl FnOnce(&mut Payment)) -> LedgerRow {
    let PostPayment { patient, amount, date, .. } = post();
    let mut payment = Payment {
        patient: Some(patient),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status: PaymentStatus::Active,
        amount,
        date: Some(date),
        method: None,
        category: Some("Online store".to_owned()),
        items: Vec::new(),
        description: Some(phi("paid by phone")),
        practitioner: None,
        location: None,
        corrections: Vec::new(),
    };
    change(&mut payment);
    LedgerRow { id: RecordId::new(id), payment }
}

fn says(description: &str, amount: Money) -> impl FnOnce(&mut Payment) {
    let description = Some(phi(description));
    move |it| (it.description, it.amount) = (description, amount)
}

fn id(row: Option<&LedgerRow>) -> Option<&str> {
    row.map(|row| row.id.as_str())
}

#[test]
fn a_payment_is_found_by_its_marker_and_direction_whatever_became_of_its_row() {
    let rules = rules(config());
    let mut rows = vec![
        row("unmarked", |_| {}),
        row("no description", |it| it.description = None),
        row("another order", says("DP#42 SER-30", usd(12_000))),
        row("later money", says("DP#41/2 SER-30", usd(12_000))),
        row("the row that voids it", says("DP#41 SER-30", usd(-12_000))),
        row("its refund", says("DP#41 R#77", usd(-12_000))),
    ];
    assert_eq!(id(rules.posted(&post(), &rows)), None);
    rows.push(row("ours", |it| {
        says("DP#41 SER-30, edited", usd(100))(it);
        (it.patient, it.date, it.category) = (None, None, None);
        it.status = PaymentStatus::Voided;
    }));
    assert_eq!(id(rules.posted(&post(), &rows)), Some("ours"));
    let refund =
        PostPayment { amount: usd(-12_000), description: phi("DP#41 R#77 SER-30"), ..post() };
    assert_eq!(id(rules.posted(&refund, &rows)), Some("its refund"));
    let unmarked = PostPayment { description: phi("paid by phone"), ..post() };
    assert_eq!(id(rules.posted(&unmarked, &rows)), None);

    let part = rules.part(&post(), &rows[6]);
    assert_eq!((part.patient, part.date), (post().patient, post().date));
    assert_eq!(part.amount, usd(100));
}

#[test]
fn money_of_the_same_patient_amount_and_day_looks_posted() {
    let rules = rules(config());
    let looks =
        |change: &dyn Fn(&mut Payment)| rules.looks_posted(&post(), &[row("70", change)]).is_some();
    let dated = |date: &str| looks(&|it| it.date = Some(day(date)));
    assert!(looks(&|_| {}) && looks(&|it| it.description = None));
    assert!(dated("2031-05-05") && dated("2031-05-07"), "clocks and people differ by a day");
    assert!(!dated("2031-05-04") && !dated("2031-05-08"));
    assert!(!looks(&|it| it.date = None));
    assert!(!looks(&|it| it.amount = usd(11_900)));
    assert!(!looks(&|it| it.patient = Some("p2".into())));
    assert!(!looks(&|it| it.patient = None));
    assert!(!looks(&|it| it.status = PaymentStatus::Voided));
    assert!(!looks(&|it| it.payer = Payer::Insurer));
    assert!(!looks(&|it| it.description = Some(phi("DP#42"))), "it is another order's");
}

#[test]
fn a_refund_is_recorded_by_the_oldest_free_row_that_gives_as_much_back() {
    let rules = rules(config());
    let refund = RefundLookup {
        order: "41".into(),
        refund: "77".to_owned(),
        patient: "p1".into(),
        amount: usd(500),
        since: day("2031-05-06"),
    };
    let back = |id: &str, change: &dyn Fn(&mut Payment)| {
        row(id, |it| {
            it.amount = usd(-500);
            change(it);
        })
    };
    let recorded = |change: &dyn Fn(&mut Payment)| {
        rules.recorded(&refund, &[back("70", change)], &[]).is_some()
    };
    assert!(recorded(&|_| {}) && recorded(&|it| it.date = None));
    assert!(recorded(&|it| it.description = Some(phi("DP#41 SER-30"))), "made out of the payment");
    assert!(!recorded(&|it| it.description = Some(phi("DP#41 R#78"))), "another refund of ours");
    assert!(!recorded(&|it| it.date = Some(day("2031-05-05"))), "before it was given back");
    assert!(!recorded(&|it| it.amount = usd(500)));
    assert!(!recorded(&|it| it.amount = usd(-400)));
    assert!(!recorded(&|it| it.status = PaymentStatus::Voided));

    let rows = ["2031-05-09", "2031-05-07", "2031-05-08"]
        .map(|date| back(date, &|it| it.date = Some(day(date))));
    let ids = rows.each_ref().map(|row| &row.id);
    assert_eq!(id(rules.recorded(&refund, &rows, &[])), Some("2031-05-07"));
    assert_eq!(id(rules.recorded(&refund, &rows, &ids[1..2])), Some("2031-05-08"));
    assert_eq!(id(rules.recorded(&refund, &rows, &ids)), None);
}

#[test]
fn payments_of_our_category_without_our_marker_are_anothers() {
    let rows = [
        row("theirs", |_| {}),
        row("in other letters", |it| it.category = Some("ONLINE STORE".to_owned())),
        row("of another category", |it| it.category = Some("Products".to_owned())),
        row("of none", |it| it.category = None),
        row("ours", |it| it.description = Some(phi("DP#41 SER-30"))),
        row("back", |it| it.amount = usd(-500)),
        row("voided", |it| it.status = PaymentStatus::Voided),
        row("moves no money", |it| it.kind = PaymentKind::Adjustment),
    ];
    let of = |config: PostingConfig| {
        let rules = rules(config);
        let theirs = rules.of_other_posters(&rows);
        theirs.into_iter().map(|row| row.id.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(config()), ["theirs", "in other letters"]);
    assert!(of(PostingConfig { category: None, ..config() }).is_empty());
}
