//! Reconciliation: each kind of difference, and that planted ones are exactly those listed.

use std::fmt::Write as _;

use cannula_core::{
    Captured, Currency, LedgerRow, Money, OrderState, OrderTotals, Payer, Payment, PaymentKind,
    PaymentStatus, Phi, StoreOrder, StoreRefund, Tender,
};
use cannula_rules::posting::report::{Kind, Line, Reconciliation, Report};
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::{America::Chicago, Tz};
use proptest::{collection::vec, prelude::*, sample::select};

use super::usd;

const ZONE: Tz = Chicago;
const STORE: &str = "Online store";

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2031, 3, day).unwrap()
}

/// An instant by the practice's clock.
fn at(date: NaiveDate, hour: u32) -> DateTime<Utc> {
    let wall = date.and_hms_opt(hour, 30, 0).unwrap();
    ZONE.from_local_datetime(&wall).single().unwrap().with_timezone(&Utc)
}

fn order(number: &str, captured: Option<(i64, DateTime<Utc>)>) -> StoreOrder {
    let placed_at = captured.map_or_else(|| at(day(5), 12), |(_, at)| at);
    let captured = captured.map(|(minor, at)| Captured { amount: usd(minor), at, charged: true });
    StoreOrder { placed_at, captured, ..super::order(number) }
}

fn refund(number: &str, minor: i64, at: DateTime<Utc>) -> StoreRefund {
    StoreRefund { at, ..super::refund(number, minor) }
}

/// A row of the patient's; its category is the store's if it begins with a marker.
fn row(id: &str, patient: &str, date: NaiveDate, minor: i64, description: &str) -> LedgerRow {
    let is_ours = description.starts_with("DP#");
    let payment = Payment {
        patient: Some(patient.into()),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status: PaymentStatus::Active,
        amount: usd(minor),
        date: Some(date),
        method: Some("Charge".to_owned()),
        category: is_ours.then(|| STORE.to_owned()),
        items: Vec::new(),
        description: Some(Phi::new(description.to_owned())),
        practitioner: None,
        location: None,
        corrections: Vec::new(),
    };
    LedgerRow { id: id.into(), payment }
}

fn voided(row: LedgerRow) -> LedgerRow {
    let status = PaymentStatus::Voided;
    LedgerRow { payment: Payment { status, ..row.payment }, ..row }
}

fn of_store(row: LedgerRow) -> LedgerRow {
    let category = Some("ONLINE STORE".to_owned());
    LedgerRow { payment: Payment { category, ..row.payment }, ..row }
}

fn march(orders: &[StoreOrder], rows: &[LedgerRow]) -> Report {
    let (from, to) = (day(1), day(31));
    let category = Some(STORE);
    Reconciliation { from, to, zone: ZONE, currency: Currency::USD, category }.report(orders, rows)
}

/// A line without its sentence.
fn shown(line: &Line) -> String {
    let side = |date: Option<NaiveDate>, amount: Option<Money>| {
        let date = date.map_or("no date".to_owned(), |date| date.to_string());
        amount.map_or_else(|| date.clone(), |amount| format!("{date} {amount}"))
    };
    let store = side(line.store_date, line.store_amount);
    let ledger = side(line.ledger_date, line.ledger_amount);
    let patient = line.patient.as_ref().map(|patient| format!(" | of {patient}"));
    format!("{} | store {store} | ledger {ledger}{}", line.kind, patient.unwrap_or_default())
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    for line in report.differences.iter().chain(&report.notes) {
        writeln!(text, "  {}\n    {}", shown(line), line.sentence).unwrap();
    }
    writeln!(text, "  difference {}", report.total.difference).unwrap();
    text
}

#[test]
fn each_kind_of_difference_is_listed_with_what_to_do() {
    let noon = |date: u32| at(day(date), 12);
    let paid = |number: &str| order(number, Some((10_000, noon(5))));
    let posted = |id: &str, number: &str| {
        row(id, "mina", day(5), 10_000, &format!("DP#{number} HB-22 Rose serum"))
    };
    let by_hand = |id: &str, date: u32, minor| row(id, "mina", day(date), minor, "Refund");
    let mut cases: Vec<(&str, Vec<StoreOrder>, Vec<LedgerRow>)> = Vec::new();
    let mut case = |name, orders, rows| cases.push((name, orders, rows));

    case("both agree", vec![paid("1")], vec![posted("11", "1")]);
    case("only in the store", vec![paid("1")], vec![]);
    let mut euros = paid("1");
    euros.captured.as_mut().unwrap().amount = Money::from_minor(500, Currency::EUR);
    case("another currency", vec![euros], vec![]);
    case("an order the store does not have", vec![], vec![posted("11", "1")]);
    case("an order without money", vec![order("1", None)], vec![posted("11", "1")]);
    let strange = of_store(row("12", "ann", day(6), 700, "HB-22"));
    let other = row("13", "ann", day(6), 800, "Botox");
    case("of the store's category, and of another", vec![], vec![strange, other]);
    let more = row("11", "mina", day(5), 10_050, "DP#1 HB-22");
    case("amount differs", vec![paid("1")], vec![more.clone()]);
    let late = row("11", "mina", day(6), 10_000, "DP#1 HB-22");
    case("date differs", vec![paid("1")], vec![late]);
    let mut undated = posted("11", "1");
    undated.payment.date = None;
    case("no date", vec![paid("1")], vec![undated]);
    let both = row("11", "mina", day(6), 10_050, "DP#1 HB-22");
    case("amount and date differ", vec![paid("1")], vec![both]);
    case("duplicate marker", vec![paid("1")], vec![posted("11", "1"), posted("12", "1")]);
    let held = StoreOrder { state: OrderState::Held, ..paid("1") };
    case("held", vec![held], vec![]);
    let opposite = voided(row("12", "mina", day(7), -10_000, "DP#1 HB-22 Rose serum"));
    case("voided", vec![paid("1")], vec![voided(posted("11", "1")), opposite.clone()]);
    let corrected = vec![voided(more), opposite, posted("13", "1")];
    case("voided and corrected", vec![paid("1")], corrected);
    let alone = voided(row("12", "mina", day(7), -10_000, "DP#1 HB-22 Rose serum"));
    case("only what would void it", vec![paid("1")], vec![alone]);
    let moved = StoreOrder { state: OrderState::Moved, ..paid("1") };
    case("moved to another customer", vec![paid("1"), moved], vec![posted("11", "1")]);

    let refunded = |number: &str, minor, date| {
        let refunds = vec![refund("77", minor, noon(date))];
        StoreOrder { refunds, ..paid(number) }
    };
    case("refund not recorded", vec![refunded("1", 3_000, 8)], vec![posted("11", "1")]);
    case("refund of all not recorded", vec![refunded("1", 10_000, 8)], vec![posted("11", "1")]);
    let mut noted = refunded("1", 3_000, 8);
    noted.refunds[0].online = false;
    case("offline refund not recorded", vec![noted], vec![posted("11", "1")]);
    let recorded = |rows: Vec<LedgerRow>| [vec![posted("11", "1")], rows].concat();
    case(
        "recorded by hand",
        vec![refunded("1", 3_000, 8)],
        recorded(vec![by_hand("12", 9, -3_000)]),
    );
    case(
        "by hand and voided",
        vec![refunded("1", 3_000, 8)],
        recorded(vec![voided(by_hand("12", 9, -3_000))]),
    );
    let nameless = row("12", "mina", day(8), 3_000, "DP#1 R#");
    case("a refund of no credit memo", vec![paid("1")], recorded(vec![nameless]));
    case(
        "by hand too early",
        vec![refunded("1", 3_000, 8)],
        recorded(vec![by_hand("12", 7, -3_000)]),
    );
    let copied = row("12", "mina", day(9), -3_000, "DP#1 HB-22 Rose serum");
    case("by hand out of the payment", vec![refunded("1", 3_000, 8)], recorded(vec![copied]));
    let marked = |minor| row("12", "mina", day(8), minor, "DP#1 R#77");
    case("posted refund", vec![refunded("1", 3_000, 8)], recorded(vec![marked(-3_000)]));
    case("posted refund differs", vec![refunded("1", 3_000, 8)], recorded(vec![marked(-2_000)]));
    case("refund the store does not have", vec![paid("1")], recorded(vec![marked(-3_000)]));
    case("refunded before posting", vec![refunded("1", 10_000, 8)], vec![]);

    let instalments = vec![
        row("11", "mina", day(2), 4_000, "DP#1 HB-22"),
        row("12", "mina", day(5), 6_000, "DP#1/2 HB-22"),
    ];
    case("in two instalments", vec![paid("1")], instalments);
    let mut cheap = paid("1");
    cheap.totals = OrderTotals {
        gift_card: usd(2_500),
        unexplained: usd(100),
        discount: usd(1_000),
        discount_reason: Some("SPRING10".to_owned()),
        rewards: usd(4_000),
        ..cheap.totals
    };
    case("notes", vec![cheap], vec![posted("11", "1")]);

    let mut text = String::new();
    for (name, orders, rows) in &cases {
        write!(text, "{name}\n{}", told(&march(orders, rows))).unwrap();
    }
    insta::assert_snapshot!(text);
    for kind in Kind::ALL {
        assert!(text.contains(&format!("  {kind} |")), "{kind} is not shown");
    }
}

#[test]
fn a_day_is_one_of_the_practices_also_when_the_clocks_change() {
    // Facts of the calendar: Chicago is six hours behind UTC until 9 March 2031, then five.
    for (taken, date) in [
        ("2031-03-08T02:00:00Z", 7),
        ("2031-03-09T05:59:59Z", 8),
        ("2031-03-09T06:00:00Z", 9),
        ("2031-03-10T04:59:59Z", 9),
        ("2031-03-10T05:00:00Z", 10),
        ("2031-03-16T01:00:00Z", 15),
    ] {
        let orders = [order("1", Some((500, taken.parse().unwrap())))];
        let report = march(&orders, &[row("11", "mina", day(date), 500, "DP#1")]);
        assert_eq!(report.differences, [], "{taken}");
        assert_eq!(report.days[0].date, Some(day(date)));
    }
}

#[test]
fn sums_are_by_day_and_tender_and_lines_are_of_the_period() {
    let mut paypal = order("2", Some((2_000, at(day(5), 20))));
    paypal.tender = Tender { method: "paypal_express".to_owned(), card: None };
    let mut visa = order("1", Some((10_000, at(day(5), 12))));
    visa.totals = OrderTotals { tax: usd(800), shipping: usd(595), ..visa.totals };
    visa.refunds = vec![refund("77", 3_000, at(day(6), 9))];
    let april = NaiveDate::from_ymd_opt(2031, 4, 2).unwrap();
    let orders = [visa, paypal, order("3", Some((900, at(april, 12))))];
    let rows = [
        row("11", "mina", day(5), 10_000, "DP#1 HB-22"),
        row("12", "mina", day(7), -3_000, "Refund"),
        row("13", "ann", april, 2_000, "DP#2 HB-22"),
        of_store(row("14", "ann", april, 55, "by hand")),
    ];
    insta::assert_json_snapshot!(march(&orders, &rows));
}

#[test]
fn the_oldest_refund_takes_the_oldest_row_of_its_own_order() {
    let mut first = order("1", Some((10_000, at(day(2), 12))));
    first.refunds = vec![refund("71", 1_000, at(day(3), 12)), refund("72", 1_000, at(day(9), 12))];
    let mut second = order("2", Some((10_000, at(day(2), 12))));
    second.refunds = vec![refund("73", 1_000, at(day(4), 12))];
    let rows = [
        row("11", "mina", day(2), 10_000, "DP#1"),
        row("12", "mina", day(2), 10_000, "DP#2"),
        row("13", "mina", day(10), -1_000, "Refund"),
        row("14", "mina", day(5), -1_000, "Refund"),
        row("15", "mina", day(9), -1_000, "DP#1 HB-22"),
    ];
    // One that was made out of order 1's payment, and two that could be of either order.
    assert_eq!(march(&[first.clone(), second.clone()], &rows).differences, []);
    let report = march(&[first, second], &rows[..4]);
    let lines: Vec<_> = report.differences.iter().map(shown).collect();
    assert_eq!(
        lines,
        ["refund not recorded | store 2031-03-09 -$10.00 | ledger no date | of mina"]
    );
}

#[test]
fn a_refund_is_recorded_by_a_row_of_its_order_before_others_and_by_no_other_orders_or_patients() {
    let refunded = |number: &str, memo: &str| {
        let refunds = vec![refund(memo, 1_000, at(day(3), 12))];
        StoreOrder { refunds, ..order(number, Some((10_000, at(day(2), 12)))) }
    };
    let posted = |id: &str, number: &str| row(id, "mina", day(2), 10_000, &format!("DP#{number}"));
    let back = |id: &str, patient: &str, date: u32, description: &str| {
        row(id, patient, day(date), -1_000, description)
    };
    let missing = |orders: &[StoreOrder], rows: &[LedgerRow]| {
        let lines = march(orders, rows).differences.into_iter();
        lines.map(|line| (line.kind, line.refund)).collect::<Vec<_>>()
    };
    let first = [refunded("1", "71")];
    let both = [refunded("1", "71"), refunded("2", "72")];
    let of_the_second = back("13", "mina", 4, "DP#2 HB-22");
    let rows = [posted("11", "1"), posted("12", "2"), of_the_second];
    assert_eq!(missing(&both, &rows), [(Kind::RefundNotRecorded, Some("71".to_owned()))]);
    let own_is_later = [back("12", "mina", 3, "Refund"), back("13", "mina", 4, "DP#1 HB-22")];
    assert_eq!(missing(&first, &[&[posted("11", "1")], &own_is_later[..]].concat()), []);
    let of_ann = [posted("11", "1"), back("12", "ann", 4, "Refund")];
    assert_eq!(missing(&first, &of_ann), [(Kind::RefundNotRecorded, Some("71".to_owned()))]);
}

/// What is wrong with an order, or nothing.
#[derive(Clone, Copy, Debug)]
enum Plant {
    Nothing,
    RefundPosted,
    RefundByHand,
    Instalments,
    Corrected,
    OnlyInStore,
    OnlyInLedger,
    Strange,
    Amount,
    Date,
    Duplicate,
    Held,
    Voided,
    RefundMissing,
    RefundedUnposted,
}

const PLANTS: [Plant; 15] = [
    Plant::Nothing,
    Plant::RefundPosted,
    Plant::RefundByHand,
    Plant::Instalments,
    Plant::Corrected,
    Plant::OnlyInStore,
    Plant::OnlyInLedger,
    Plant::Strange,
    Plant::Amount,
    Plant::Date,
    Plant::Duplicate,
    Plant::Held,
    Plant::Voided,
    Plant::RefundMissing,
    Plant::RefundedUnposted,
];

/// The store, the ledger, and what must be listed: kind, order and credit memo.
#[derive(Clone, Debug, Default)]
struct World {
    orders: Vec<StoreOrder>,
    rows: Vec<LedgerRow>,
    planted: Vec<(Kind, Option<String>, Option<String>)>,
}

impl World {
    fn add(&mut self, index: usize, plant: Plant, minor: i64, date: NaiveDate, hour: u32) {
        let number = format!("{index:03}");
        // Some share a patient, so that rows could be taken for another order's.
        let patient = format!("patient-{}", index / 2);
        let mut order = order(&number, Some((minor, at(date, hour))));
        let later = date + TimeDelta::days(2);
        let memo = format!("m{index}");
        let mut id = index * 10;
        let mut row = |date, minor, description: &str| {
            id += 1;
            row(&id.to_string(), &patient, date, minor, description)
        };
        let marker = format!("DP#{number} HB-22");
        let payment = row(date, minor, &marker);
        let mut plant_one = |kind, memo: Option<&String>| {
            self.planted.push((kind, Some(number.clone()), memo.cloned()));
        };
        match plant {
            Plant::Nothing => self.rows.push(payment),
            Plant::RefundPosted => {
                order.refunds.push(refund(&memo, minor / 2, at(later, hour)));
                let back = row(later, -(minor / 2), &format!("DP#{number} R#{memo}"));
                self.rows.extend([payment, back]);
            }
            Plant::RefundByHand => {
                order.refunds.push(refund(&memo, minor / 2, at(date, hour)));
                self.rows.extend([payment, row(later, -(minor / 2), "Refund")]);
            }
            Plant::Instalments => {
                let first = row(date - TimeDelta::days(1), minor / 3, &marker);
                let rest = row(date, minor - minor / 3, &format!("DP#{number}/2"));
                self.rows.extend([first, rest]);
            }
            Plant::Corrected => {
                let wrong = voided(row(date, minor + 1, &marker));
                self.rows.extend([wrong, voided(row(date, -minor - 1, "")), payment]);
            }
            Plant::OnlyInStore => plant_one(Kind::OnlyInStore, None),
            Plant::OnlyInLedger => {
                order.captured = None;
                self.rows.push(payment);
                plant_one(Kind::OnlyInLedger, None);
            }
            Plant::Strange => {
                self.rows.extend([payment, of_store(row(date, minor, "HB-22"))]);
                self.planted.push((Kind::OnlyInLedger, None, None));
            }
            Plant::Amount => {
                self.rows.push(row(date, minor + 1, &marker));
                plant_one(Kind::AmountDiffers, None);
            }
            Plant::Date => {
                self.rows.push(row(later, minor, &marker));
                plant_one(Kind::DateDiffers, None);
            }
            Plant::Duplicate => {
                self.rows.extend([payment, row(later, minor, &marker)]);
                plant_one(Kind::DuplicateMarker, None);
            }
            Plant::Held => {
                order.state = OrderState::Held;
                plant_one(Kind::Held, None);
            }
            Plant::Voided => {
                self.rows.extend([voided(payment), voided(row(later, -minor, &marker))]);
                plant_one(Kind::VoidedInLedger, None);
            }
            Plant::RefundMissing => {
                // An amount that no other refund has, nor any row.
                let amount = 5_000_000 + i64::try_from(index).unwrap();
                order.captured.as_mut().unwrap().amount = usd(amount * 2);
                order.refunds.push(refund(&memo, amount, at(later, hour)));
                self.rows.push(row(date, amount * 2, &marker));
                plant_one(Kind::RefundNotRecorded, Some(&memo));
            }
            Plant::RefundedUnposted => {
                order.refunds.push(refund(&memo, minor, at(later, hour)));
                plant_one(Kind::RefundedUnposted, None);
                plant_one(Kind::RefundedUnposted, Some(&memo));
            }
        }
        self.orders.push(order);
    }
}

fn world() -> impl Strategy<Value = World> {
    let hour = select(vec![0_u32, 1, 4, 12, 20, 23]);
    vec((select(PLANTS.to_vec()), 2..100_000_i64, 2..29_u32, hour), 0..16).prop_map(|plants| {
        let mut world = World::default();
        for (index, (plant, minor, date, hour)) in plants.into_iter().enumerate() {
            world.add(index, plant, minor, day(date), hour);
        }
        // What has nothing to do with the store.
        world.rows.push(row("noise", "patient-0", day(9), 12_345, "Botox"));
        world
    })
}

proptest! {
    #[test]
    fn what_was_planted_is_what_is_listed(world in world()) {
        let report = march(&world.orders, &world.rows);
        let mut listed: Vec<_> = report
            .differences
            .iter()
            .map(|line| (line.kind, line.order.as_ref().map(ToString::to_string), line.refund.clone()))
            .collect();
        listed.sort();
        let mut planted = world.planted.clone();
        planted.sort();
        prop_assert_eq!(listed, planted);
        prop_assert!(report.notes.iter().all(|note| note.kind == Kind::RecordedLater));
    }

    #[test]
    fn the_listed_differences_explain_the_sums_of_each_day(world in world()) {
        let report = march(&world.orders, &world.rows);
        let minor = |amount: Option<Money>| amount.map_or(0, |amount| amount.minor());
        for date in (1..=31).map(day) {
            let days = report.days.iter().filter(|it| it.date == Some(date));
            let summed: i64 = days.map(|it| it.sums.difference.minor()).sum();
            let lines = || report.differences.iter().chain(&report.notes);
            let store = lines().filter(|it| it.store_date == Some(date));
            let ledger = lines().filter(|it| it.ledger_date == Some(date));
            let listed = store.map(|it| minor(it.store_amount)).sum::<i64>()
                - ledger.map(|it| minor(it.ledger_amount)).sum::<i64>();
            prop_assert_eq!(summed, listed, "{}", date);
        }
    }

    #[test]
    fn a_report_does_not_depend_on_the_order_of_what_it_is_given(mut world in world()) {
        let report = march(&world.orders, &world.rows);
        world.orders.reverse();
        world.rows.reverse();
        prop_assert_eq!(march(&world.orders, &world.rows), report);
    }
}
