//! Every status an order can have, and what staff read beside it.

use std::fmt::Write as _;

use cannula_core::{
    Candidate, Captured, Currency, Event, LineKind, Money, OrderDecision, OrderState,
    PatientChoice, Record, RecordId, StoreOrder,
};
use cannula_rules::posting::{
    Identified, PostPayment, PostedPart, PostingConfig, PostingEffect, PostingReceipt,
    PostingRules, PostingState, RefundPolicy, Seen,
};

use super::{config, event, line, noon, order, refund, rules, usd};

/// What the EMR answers, by the kind of effect.
#[derive(Clone)]
pub(super) struct Emr {
    pub(super) who: Identified,
    /// What becomes of a payment; `None` stores it as it was sent.
    pub(super) posting: Option<PostingReceipt>,
    /// What is found of one that was taken; `None` finds it as it was sent.
    pub(super) confirmed: Option<PostingReceipt>,
    pub(super) refund: PostingReceipt,
}

impl Default for Emr {
    fn default() -> Self {
        Self {
            who: Identified::Matched("p1".into()),
            posting: None,
            confirmed: None,
            refund: PostingReceipt::RefundMissing,
        }
    }
}

/// Decides and delivers until nothing is left, as the engine does.
pub(super) fn work(
    rules: &PostingRules,
    mut state: PostingState,
    events: &[Event],
    emr: &Emr,
) -> (PostingState, Vec<PostingEffect>) {
    let (mut events, mut sent) = (events, Vec::new());
    for _ in 0..10 {
        let plan = rules.decide(state, events, noon());
        state = plan.state;
        events = &[];
        if plan.effects.is_empty() {
            return (state, sent);
        }
        for (_, effect) in plan.effects {
            let receipt = match &effect {
                PostingEffect::Identify(_) => PostingReceipt::Identified(emr.who.clone()),
                PostingEffect::Post(post) => emr.posting.clone().unwrap_or_else(|| stored(post)),
                PostingEffect::Confirm { post, .. } => {
                    emr.confirmed.clone().unwrap_or_else(|| stored(post))
                }
                PostingEffect::FindRefund(_) => emr.refund.clone(),
            };
            state.applied(&effect, &receipt);
            sent.push(effect);
        }
    }
    panic!("it never comes to rest");
}

pub(super) fn stored(post: &PostPayment) -> PostingReceipt {
    PostingReceipt::Posted(PostedPart {
        seen: Seen::Row("88".into()),
        patient: post.patient.clone(),
        amount: post.amount,
        date: post.date,
    })
}

fn shown(rules: &PostingRules, state: &PostingState) -> String {
    let mut text = String::new();
    for standing in rules.standings(state) {
        let number = &standing.order.number;
        writeln!(text, "  {number}: {}", standing.status).unwrap();
        for reason in &standing.reasons {
            writeln!(text, "    {}", reason.sentence()).unwrap();
        }
        if let Some(park) = &standing.park {
            writeln!(text, "    ! {}\n    > {}", park.summary(), park.next_step()).unwrap();
        }
        for follow_up in &standing.follow_ups {
            writeln!(text, "    - {follow_up}").unwrap();
        }
    }
    text
}

fn candidate(id: &str) -> Candidate {
    let (agrees, differs) = ("name, phone".to_owned(), "e-mail".to_owned());
    Candidate { patient: id.into(), agrees, differs }
}

#[test]
fn each_status_says_why_and_what_to_do() {
    let mut table = String::new();
    let mut show = |name: &str, config: PostingConfig, emr: Emr, orders: &[StoreOrder]| {
        let rules = rules(config);
        let events: Vec<_> = orders.iter().map(|order| event(order, 0)).collect();
        let (state, sent) = work(&rules, PostingState::default(), &events, &emr);
        let labels: Vec<_> = sent.iter().map(PostingEffect::label).collect();
        writeln!(table, "{name} [{}]\n{}", labels.join(", "), shown(&rules, &state)).unwrap();
    };
    let with = |change: &dyn Fn(&mut StoreOrder)| {
        let mut order = order("41");
        change(&mut order);
        vec![order]
    };
    let who = |who| Emr { who, ..Emr::default() };
    let posting = |posting| Emr { posting: Some(posting), ..Emr::default() };
    let unpaid = |order: &mut StoreOrder| order.captured = None;

    show("paid", config(), Emr::default(), &with(&|_| {}));
    show("a new patient", config(), who(Identified::Created("p9".into())), &with(&|_| {}));
    show(
        "paid in parts",
        config(),
        Emr::default(),
        &with(&|it| {
            it.captured = Some(Captured { amount: usd(5_000), at: noon(), charged: true });
        }),
    );
    show(
        "a service, a membership and a gift card",
        config(),
        Emr::default(),
        &with(&|it| {
            it.lines = vec![
                line("TX-FACIAL", "Facial", LineKind::Service),
                line("CLUB", "Glow Club", LineKind::Membership),
                line("GC-100", "Gift card", LineKind::GiftCard),
            ];
        }),
    );
    show("not paid yet", config(), Emr::default(), &with(&unpaid));
    show("on hold", config(), Emr::default(), &with(&|it| it.state = OrderState::Held));
    show(
        "placed before the start",
        config(),
        Emr::default(),
        &with(&|it| {
            it.placed_at = "2030-12-31T00:00:00Z".parse().unwrap();
        }),
    );
    let off = PostingConfig { enabled: false, ..config() };
    show("placed while posting was off", off, Emr::default(), &with(&|_| {}));
    show(
        "free",
        config(),
        Emr::default(),
        &with(&|it| {
            unpaid(it);
            it.totals.grand_total = usd(0);
        }),
    );
    show(
        "paid by gift card",
        config(),
        Emr::default(),
        &with(&|it| {
            unpaid(it);
            it.totals.grand_total = usd(0);
            it.totals.gift_card = usd(12_000);
        }),
    );
    show(
        "closed and never paid",
        config(),
        Emr::default(),
        &with(&|it| {
            unpaid(it);
            it.state = OrderState::Closed;
        }),
    );
    show(
        "canceled before it was paid",
        config(),
        Emr::default(),
        &with(&|it| {
            unpaid(it);
            it.state = OrderState::Canceled;
        }),
    );
    show(
        "refunded whole before it was posted",
        config(),
        Emr::default(),
        &with(&|it| {
            it.state = OrderState::Closed;
            it.refunds = vec![refund("77", 12_000)];
        }),
    );
    show(
        "another customer's now",
        config(),
        Emr::default(),
        &with(&|it| it.state = OrderState::Moved),
    );
    show(
        "another currency",
        config(),
        Emr::default(),
        &with(&|it| {
            let amount = Money::from_minor(12_000, Currency::CAD);
            it.captured = Some(Captured { amount, at: noon(), charged: true });
        }),
    );
    show(
        "less than nothing",
        config(),
        Emr::default(),
        &with(&|it| {
            it.captured = Some(Captured { amount: usd(-1), at: noon(), charged: true });
        }),
    );
    show(
        "canceled with its money",
        config(),
        Emr::default(),
        &with(&|it| it.state = OrderState::Canceled),
    );
    show(
        "duplicated customer",
        config(),
        who(Identified::Duplicated(vec![candidate("p1"), candidate("p2")])),
        &with(&|_| {}),
    );
    show(
        "possible match",
        config(),
        who(Identified::Possible(vec![candidate("p1")])),
        &with(&|_| {}),
    );
    show(
        "no birth date",
        config(),
        who(Identified::Incomplete(vec!["“Date of Birth” is missing.".to_owned()])),
        &with(&|_| {}),
    );
    show(
        "refused as a patient",
        config(),
        who(Identified::Refused("the postal code is not known".to_owned())),
        &with(&|_| {}),
    );
    show(
        "refused as a payment",
        config(),
        posting(PostingReceipt::Refused("its answer speaks of: category".to_owned())),
        &with(&|_| {}),
    );
    show(
        "posted by somebody else, it seems",
        config(),
        posting(PostingReceipt::LooksPosted("70".into())),
        &with(&|_| {}),
    );
    let unseen = Emr {
        confirmed: Some(PostingReceipt::Unseen),
        ..posting(PostingReceipt::Accepted(noon()))
    };
    show("taken and never seen", config(), unseen, &with(&|_| {}));
    let mut again = order("41-1");
    again.first_number = "41".into();
    again.placed_at += chrono::TimeDelta::hours(1);
    show("edited with both paid", config(), Emr::default(), &[order("41"), again.clone()]);
    let mut given_up = order("41");
    given_up.state = OrderState::Canceled;
    given_up.captured = None;
    let mut edited = order("41");
    edited.state = OrderState::Canceled;
    let mut uncharged = again.clone();
    uncharged.captured.as_mut().unwrap().charged = false;
    show(
        "edited after it was paid, before it was posted",
        config(),
        Emr::default(),
        &[edited.clone(), uncharged],
    );
    show(
        "edited after it was paid, and paid again",
        config(),
        Emr::default(),
        &[edited, again.clone()],
    );
    show("edited before it was paid", config(), Emr::default(), &[given_up, again]);
    let refunded = with(&|it| it.refunds = vec![refund("77", 2_000), refund("78", 500)]);
    show("refunded in part, not recorded", config(), Emr::default(), &refunded);
    let recorded = Emr { refund: PostingReceipt::RefundFound("90".into()), ..Emr::default() };
    show(
        "refunded in part, recorded",
        config(),
        recorded,
        &with(&|it| it.refunds = vec![refund("77", 2_000)]),
    );
    let posts = PostingConfig { refunds: RefundPolicy::Post, ..config() };
    show("refunds are posted", posts.clone(), Emr::default(), &refunded);
    let offline = with(&|it| {
        let mut noted = refund("77", 2_000);
        noted.online = false;
        it.refunds = vec![noted];
    });
    show("refunds are posted, this one moved no money", posts, Emr::default(), &offline);
    insta::assert_snapshot!("statuses", table);
}

#[test]
fn what_staff_decided_is_said() {
    let rules = rules(config());
    let decide = |choice, remember| {
        let decision =
            OrderDecision { order: "41".into(), customer: "customer/812".into(), choice, remember };
        let record = Record::OrderDecision(decision);
        let event =
            Event::new("practice".into(), RecordId::new("41"), record, Some(noon()), noon());
        let plan = rules.decide(PostingState::default(), &[event], noon());
        plan.verdicts[0].1.reasons[0].sentence()
    };
    assert_eq!(
        decide(PatientChoice::Patient("p2".into()), true),
        "Staff say that order 41 and the customer's other orders belong to patient p2."
    );
    assert_eq!(
        decide(PatientChoice::New, false),
        "Staff say that the customer of order 41 is none of the patients who were found."
    );
}
