//! What happens when orders change, staff decide, and the EMR says no.

use cannula_core::{
    Candidate, Captured, Event, OrderDecision, OrderState, PatientChoice, Record, RecordId,
    StoreOrder,
};
use cannula_rules::{
    Outcome,
    posting::{
        Identified, PostPayment, PostedPart, PostingConfig, PostingEffect, PostingPlan,
        PostingReason, PostingReceipt, PostingRules, PostingState, Seen, SyncStatus,
    },
};
use chrono::TimeDelta;
use proptest::prelude::*;

use super::{
    config, event, noon, order, refund, rules,
    statuses::{Emr, work},
    usd,
};

fn decision(order: &str, choice: PatientChoice, remember: bool, minutes: i64) -> Event {
    let stamp = noon() + TimeDelta::minutes(minutes);
    let customer = "customer/812".into();
    let decision = OrderDecision { order: order.into(), customer, choice, remember };
    let record = Record::OrderDecision(decision);
    Event::new("practice".into(), RecordId::new(order), record, Some(stamp), stamp)
}

fn to(patient: &str) -> PatientChoice {
    PatientChoice::Patient(patient.into())
}

fn posts(sent: &[PostingEffect]) -> Vec<&PostPayment> {
    let posts = sent.iter().filter_map(|effect| match effect {
        PostingEffect::Post(post) => Some(&**post),
        _ => None,
    });
    posts.collect()
}

fn possible() -> Emr {
    let (agrees, differs) = ("name, phone".to_owned(), "e-mail".to_owned());
    let candidate = Candidate { patient: "p1".into(), agrees, differs };
    Emr { who: Identified::Possible(vec![candidate]), ..Emr::default() }
}

fn first(events: &[Event], emr: &Emr) -> (PostingState, Vec<PostingEffect>) {
    work(&rules(config()), PostingState::default(), events, emr)
}

fn then(state: PostingState, events: &[Event], emr: &Emr) -> (PostingState, Vec<PostingEffect>) {
    work(&rules(config()), state, events, emr)
}

fn statuses(state: &PostingState) -> Vec<SyncStatus> {
    rules(config()).standings(state).into_iter().map(|it| it.status).collect()
}

#[test]
fn an_order_seen_again_or_changed_in_other_ways_is_not_posted_again() {
    let mut order = order("41");
    let seen = event(&order, 0);
    let (state, sent) = first(std::slice::from_ref(&seen), &Emr::default());
    assert_eq!(posts(&sent).len(), 1);
    let (state, sent) = then(state, &[seen], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    order.state = OrderState::Complete;
    let (state, sent) = then(state, &[event(&order, 5)], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    order.state = OrderState::Held;
    let (state, _) = then(state, &[event(&order, 6)], &Emr::default());
    assert_eq!(statuses(&state), [SyncStatus::Synced]);
}

#[test]
fn money_that_is_taken_later_is_a_second_payment_with_a_marker_of_its_own() {
    let mut order = order("41");
    order.captured = Some(Captured { amount: usd(5_000), at: noon(), charged: true });
    let (state, _) = first(&[event(&order, 0)], &Emr::default());
    order.captured =
        Some(Captured { amount: usd(12_000), at: noon() + TimeDelta::days(3), charged: true });
    let (state, sent) = then(state, &[event(&order, 60)], &Emr::default());
    let [post] = posts(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!((post.amount, post.date.to_string()), (usd(7_000), "2031-05-09".to_owned()));
    assert!(post.description.expose().starts_with("DP#41/2 "));
    order.captured = Some(Captured { amount: usd(11_000), at: noon(), charged: true });
    let (state, sent) = then(state, &[event(&order, 70)], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
}

#[test]
fn what_the_emr_took_and_does_not_show_is_looked_for_and_not_sent_again() {
    let rules = rules(config());
    let mut plan = rules.decide(PostingState::default(), &[event(&order("41"), 0)], noon());
    for receipt in [
        PostingReceipt::Identified(Identified::Matched("p1".into())),
        PostingReceipt::Accepted(noon()),
    ] {
        let (_, effect) = &plan.effects[0];
        plan.state.applied(effect, &receipt);
        plan = rules.decide(plan.state, &[], noon());
    }
    assert_eq!(statuses(&plan.state), [SyncStatus::WaitingForSync]);
    let [(_, PostingEffect::Confirm { .. })] = &plan.effects[..] else { panic!("{plan:?}") };
    let (state, sent) = then(plan.state, &[event(&order("41"), 0)], &Emr::default());
    assert!(posts(&sent).is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::Synced]);
}

#[test]
fn an_older_state_changes_nothing() {
    let mut unpaid = order("41");
    unpaid.captured = None;
    let (state, _) = first(&[event(&order("41"), 10)], &Emr::default());
    let plan = rules(config()).decide(state.clone(), &[event(&unpaid, 0)], noon());
    assert_eq!(plan.state, state);
    assert_eq!(
        plan.verdicts[0].1.reasons[0].sentence(),
        "A newer state of the order is known, and that one counts."
    );
}

#[test]
fn a_parked_state_is_finished_by_the_state_that_replaces_it() {
    let held = event(&order("41"), 0);
    let (state, _) = first(std::slice::from_ref(&held), &possible());
    let mut changed = order("41");
    changed.state = OrderState::Complete;
    let plan = rules(config()).decide(state, &[event(&changed, 1)], noon());
    let old = plan.verdicts.iter().find(|(event, _)| *event == held.id).unwrap();
    assert_eq!(old.1.outcome, Outcome::Done);
}

#[test]
fn what_did_not_go_through_is_tried_again_when_its_event_is_replayed() {
    let seen = event(&order("41"), 0);
    let (state, sent) = first(std::slice::from_ref(&seen), &possible());
    assert_eq!(sent.len(), 1);
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
    let (state, sent) = then(state, &[], &possible());
    assert!(sent.is_empty(), "{sent:?}");
    let (state, sent) = then(state, &[seen], &Emr::default());
    assert_eq!(sent.len(), 2);
    assert_eq!(statuses(&state), [SyncStatus::Synced]);
}

#[test]
fn staff_choose_for_one_order_or_for_all_of_the_customer() {
    let events = [event(&order("41"), 0), event(&order("42"), 0)];
    let (state, _) = first(&events, &possible());
    let emr = Emr { who: Identified::Possible(Vec::new()), ..Emr::default() };
    let (one, sent) = then(state.clone(), &[decision("41", to("p7"), false, 5)], &emr);
    assert_eq!(posts(&sent).iter().map(|it| it.order.as_str()).collect::<Vec<_>>(), ["41"]);
    assert_eq!(statuses(&one), [SyncStatus::Synced, SyncStatus::NotSynced]);
    let (all, sent) = then(state, &[decision("41", to("p7"), true, 5)], &emr);
    assert!(posts(&sent).iter().all(|it| it.patient.as_str() == "p7"));
    assert_eq!(statuses(&all), [SyncStatus::Synced, SyncStatus::Synced]);
    let (_, sent) = then(all, &[event(&order("43"), 9)], &Emr::default());
    let [post] = posts(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!(post.patient.as_str(), "p7");
}

#[test]
fn who_typed_the_very_same_is_searched_for_once() {
    let events = ["41", "42", "43"].map(|number| event(&order(number), 0));
    let (state, sent) = first(&events, &Emr::default());
    assert_eq!((sent.len(), posts(&sent).len()), (4, 3));
    let mut other = order("44");
    other.customer.phone = None;
    let (_, sent) = then(state, &[event(&other, 5)], &Emr::default());
    assert_eq!((sent.len(), posts(&sent).len()), (2, 1));
}

#[test]
fn none_of_them_means_none_of_those_who_were_told() {
    let (state, _) = first(&[event(&order("41"), 0)], &possible());
    let emr = Emr { who: Identified::Created("p9".into()), ..Emr::default() };
    let (state, sent) = then(state, &[decision("41", PatientChoice::New, true, 5)], &emr);
    let PostingEffect::Identify(asked) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!(asked.except, ["p1".into()]);
    assert_eq!(posts(&sent)[0].patient.as_str(), "p9");
    let (_, sent) = then(state, &[event(&order("42"), 9)], &possible());
    assert_eq!(posts(&sent)[0].patient.as_str(), "p9");
}

#[test]
fn what_looks_posted_is_posted_only_when_staff_say_so_afterwards() {
    let looks = Emr { posting: Some(PostingReceipt::LooksPosted("70".into())), ..Emr::default() };
    // A choice made before the row was seen says nothing about the row.
    let early = decision("41", to("p1"), false, 1);
    let (state, sent) = first(&[event(&order("41"), 0), early], &looks);
    assert!(posts(&sent).iter().all(|it| !it.insist));
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
    let (state, sent) = then(state, &[decision("41", to("p1"), false, 5)], &Emr::default());
    assert!(posts(&sent)[0].insist);
    assert_eq!(statuses(&state), [SyncStatus::Synced]);
}

#[test]
fn a_patient_who_was_merged_away_is_looked_for_again() {
    let rules = rules(config());
    let mut plan = rules.decide(PostingState::default(), &[event(&order("41"), 0)], noon());
    let matched = PostingReceipt::Identified(Identified::Matched("p1".into()));
    for receipt in [matched, PostingReceipt::PatientGone] {
        let (_, effect) = &plan.effects[0];
        plan.state.applied(effect, &receipt);
        plan = rules.decide(plan.state, &[], noon());
    }
    let (_, PostingEffect::Identify(asked)) = &plan.effects[0] else { panic!("{plan:?}") };
    assert_eq!(asked.except, ["p1".into()]);
}

#[test]
fn a_second_form_of_an_order_is_posted_only_when_staff_say_so() {
    let mut again = order("41-1");
    again.first_number = "41".into();
    again.placed_at += TimeDelta::hours(1);
    let (state, sent) = first(&[event(&again, 1), event(&order("41"), 0)], &Emr::default());
    assert_eq!(posts(&sent).iter().map(|it| it.order.as_str()).collect::<Vec<_>>(), ["41"]);
    let (state, sent) = then(state, &[decision("41-1", to("p1"), false, 5)], &Emr::default());
    assert_eq!(posts(&sent).iter().map(|it| it.order.as_str()).collect::<Vec<_>>(), ["41-1"]);
    assert_eq!(statuses(&state), [SyncStatus::Synced, SyncStatus::Synced]);
}

/// Order 41 given up for another form.
fn given_up() -> StoreOrder {
    StoreOrder { state: OrderState::Canceled, ..order("41") }
}

/// What order 41 was edited to an hour later; it shows `minor` as paid.
fn edited(minor: i64) -> StoreOrder {
    let captured = Captured { amount: usd(minor), at: noon() + TimeDelta::days(2), charged: false };
    StoreOrder {
        first_number: "41".into(),
        placed_at: noon() + TimeDelta::hours(1),
        captured: Some(captured),
        ..order("41-1")
    }
}

#[test]
fn an_edited_order_that_was_posted_before_is_not_posted_again_for_the_same_money() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let again = edited(12_000);
    let events = [event(&given_up(), 60), event(&again, 60)];
    let (same, sent) = then(state.clone(), &events, &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&same), [SyncStatus::Synced, SyncStatus::NothingToSync]);
    let refunded = StoreOrder { refunds: vec![refund("77", 500)], ..again.clone() };
    let (given_back, sent) = then(same, &[event(&refunded, 70)], &Emr::default());
    let [PostingEffect::FindRefund(lookup)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(lookup.patient.as_str(), "p1");
    let rules = rules(config());
    let booked = rules.booked(&given_back);
    assert_eq!(booked.len(), 1);
    assert_eq!(booked[0].refunds, refunded.refunds);
}

#[test]
fn what_is_not_posted_at_all_is_not_booked() {
    let mut early = order("41");
    early.placed_at = "2030-12-31T00:00:00Z".parse().unwrap();
    let events = [event(&early, 0), event(&order("42"), 0)];
    let (state, _) = first(&events, &Emr::default());
    let rules = rules(config());
    let booked: Vec<_> = rules.booked(&state).iter().map(|it| it.number.to_string()).collect();
    assert_eq!(booked, ["42"]);
}

#[test]
fn an_edited_order_that_was_charged_itself_waits_for_staff_though_the_amount_is_the_same() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let mut again = edited(12_000);
    again.captured.as_mut().unwrap().charged = true;
    let (state, sent) = then(state, &[event(&given_up(), 60), event(&again, 60)], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::Synced, SyncStatus::NotSynced]);
    let (_, sent) = then(state, &[decision("41-1", to("p1"), false, 70)], &Emr::default());
    assert_eq!(posts(&sent)[0].amount, usd(12_000));
}

#[test]
fn of_an_edited_order_over_more_money_staff_can_have_the_difference_posted() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let events = [event(&given_up(), 60), event(&edited(15_000), 60)];
    let (state, sent) = then(state, &events, &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::Synced, SyncStatus::NotSynced]);
    let (state, sent) = then(state, &[decision("41-1", to("p1"), false, 70)], &Emr::default());
    assert_eq!(posts(&sent)[0].amount, usd(3_000));
    assert_eq!(statuses(&state), [SyncStatus::Synced, SyncStatus::Synced]);
    let rules = rules(config());
    let booked = rules.booked(&state);
    let sums = booked.iter().map(|it| it.captured.as_ref().unwrap().amount);
    assert_eq!(sums.collect::<Vec<_>>(), [usd(12_000), usd(3_000)]);
}

#[test]
fn what_was_given_back_of_a_form_is_not_in_the_next_forms_money() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let given_up = StoreOrder { refunds: vec![refund("77", 2_000)], ..given_up() };
    let events = [event(&given_up, 60), event(&edited(15_000), 60)];
    let (state, _) = then(state, &events, &Emr::default());
    let (_, sent) = then(state, &[decision("41-1", to("p1"), false, 70)], &Emr::default());
    assert_eq!(posts(&sent)[0].amount, usd(5_000));
}

#[test]
fn an_order_that_was_edited_before_it_was_posted_is_dated_when_it_was_paid() {
    let events = [event(&given_up(), 60), event(&edited(12_000), 60)];
    let (state, sent) = first(&events, &Emr::default());
    let [post] = posts(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!((post.order.as_str(), post.date.to_string()), ("41-1", "2031-05-06".to_owned()));
    assert_eq!(statuses(&state), [SyncStatus::NothingToSync, SyncStatus::Synced]);
}

#[test]
fn money_that_an_edited_order_left_behind_waits_for_staff() {
    let events = [event(&given_up(), 60), event(&edited(4_000), 60)];
    let (state, sent) = first(&events, &Emr::default());
    assert_eq!(posts(&sent)[0].amount, usd(4_000));
    assert_eq!(statuses(&state), [SyncStatus::NotSynced, SyncStatus::Synced]);
}

#[test]
fn an_order_that_was_left_out_comes_in_by_no_edit() {
    let off = rules(PostingConfig { enabled: false, ..config() });
    let (state, _) =
        work(&off, PostingState::default(), &[event(&order("41"), 0)], &Emr::default());
    let events = [event(&given_up(), 60), event(&edited(12_000), 60)];
    let (state, sent) = then(state, &events, &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::Disabled, SyncStatus::NotSynced]);
}

#[test]
fn what_was_placed_before_the_start_comes_in_by_no_edit_and_what_was_placed_at_it_does() {
    let from = |seconds: i64| {
        let start_from = noon() + TimeDelta::seconds(seconds);
        rules(PostingConfig { start_from, ..config() })
    };
    let result = |rules: &PostingRules, events: &[Event]| {
        let (state, sent) = work(rules, PostingState::default(), events, &Emr::default());
        let statuses = rules.standings(&state).into_iter().map(|it| it.status);
        (posts(&sent).len(), statuses.collect::<Vec<_>>())
    };
    let plain = [event(&order("41"), 0)];
    assert_eq!(result(&from(0), &plain), (1, vec![SyncStatus::Synced]));
    assert_eq!(result(&from(1), &plain), (0, vec![SyncStatus::Disabled]));
    let edit = [event(&given_up(), 60), event(&edited(12_000), 60)];
    let posted = vec![SyncStatus::NothingToSync, SyncStatus::Synced];
    assert_eq!(result(&from(0), &edit), (1, posted));
    let left_out = vec![SyncStatus::Disabled, SyncStatus::NotSynced];
    assert_eq!(result(&from(1), &edit), (0, left_out));
}

#[test]
fn later_money_goes_to_the_ledger_that_the_first_is_on_as_long_as_there_is_one() {
    let mut order = order("41");
    let moved = PostedPart {
        seen: Seen::Row("88".into()),
        patient: "p2".into(),
        amount: usd(5_000),
        date: "2031-05-06".parse().unwrap(),
    };
    order.captured = Some(Captured { amount: usd(5_000), at: noon(), charged: true });
    let emr = Emr { posting: Some(PostingReceipt::Posted(moved)), ..Emr::default() };
    let (state, sent) = first(&[event(&order, 0)], &emr);
    assert_eq!(posts(&sent)[0].patient.as_str(), "p1");
    order.captured = Some(Captured { amount: usd(12_000), at: noon(), charged: true });
    let rules = rules(config());
    let mut plan = rules.decide(state, &[event(&order, 60)], noon());
    let next = |plan: &PostingPlan| match &plan.effects[..] {
        [(_, PostingEffect::Post(post))] => post.patient.as_str().to_owned(),
        _ => panic!("{plan:?}"),
    };
    assert_eq!(next(&plan), "p2");
    plan.state.applied(&plan.effects[0].1, &PostingReceipt::PatientGone);
    assert_eq!(next(&rules.decide(plan.state, &[], noon())), "p1");
}

#[test]
fn what_was_given_back_offline_moved_no_money() {
    let mut order = order("41");
    order.state = OrderState::Closed;
    order.refunds = vec![refund("77", 12_000)];
    order.refunds[0].online = false;
    let (state, sent) = first(&[event(&order, 0)], &Emr::default());
    assert_eq!(posts(&sent)[0].amount, usd(12_000));
    let rules = rules(config());
    let follow_ups = &rules.standings(&state)[0].follow_ups;
    assert_eq!(
        follow_ups.last().map(ToString::to_string).as_deref(),
        Some(
            "refund 77 of 120.00 on 2031-05-07 was made offline: record it if money was given back"
        )
    );
}

#[test]
fn what_the_emr_never_shows_is_sent_again_only_when_staff_say_so() {
    let unseen = Emr {
        posting: Some(PostingReceipt::Accepted(noon())),
        confirmed: Some(PostingReceipt::Unseen),
        ..Emr::default()
    };
    let seen = event(&order("41"), 0);
    let (state, _) = first(std::slice::from_ref(&seen), &unseen);
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
    let (state, sent) = then(state, &[seen], &unseen);
    let [PostingEffect::Confirm { .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
    let (state, sent) = then(state, &[decision("41", to("p1"), false, 5)], &Emr::default());
    let [post] = posts(&sent)[..] else { panic!("{sent:?}") };
    assert!(post.description.expose().starts_with("DP#41 "), "{post:?}");
    assert_eq!(statuses(&state), [SyncStatus::Synced]);
}

#[test]
fn a_payment_that_is_looked_for_keeps_no_other_order_waiting() {
    let rules = rules(config());
    let mut plan = rules.decide(PostingState::default(), &[event(&order("41"), 0)], noon());
    for receipt in [
        PostingReceipt::Identified(Identified::Matched("p1".into())),
        PostingReceipt::Accepted(noon()),
    ] {
        plan.state.applied(&plan.effects[0].1, &receipt);
        plan = rules.decide(plan.state, &[], noon());
    }
    let plan = rules.decide(plan.state, &[event(&order("42"), 0)], noon());
    let [(_, PostingEffect::Post(post)), (_, PostingEffect::Confirm { .. })] = &plan.effects[..]
    else {
        panic!("{plan:?}")
    };
    assert_eq!(post.order.as_str(), "42");
}

#[test]
fn a_replay_does_not_undo_what_staff_say_beside_it() {
    let looks = Emr { posting: Some(PostingReceipt::LooksPosted("70".into())), ..Emr::default() };
    let seen = event(&order("41"), 0);
    let (state, _) = first(std::slice::from_ref(&seen), &looks);
    let both = [seen, decision("41", to("p1"), false, 5)];
    let (_, sent) = then(state, &both, &Emr::default());
    assert!(posts(&sent)[0].insist);
}

#[test]
fn an_edited_order_whose_first_form_is_not_to_be_seen_waits_for_staff() {
    let mut again = order("41-1");
    again.first_number = "41".into();
    let (state, sent) = first(&[event(&again, 0)], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
}

#[test]
fn a_choice_for_all_orders_is_for_those_of_the_same_name() {
    let mut ben = order("42");
    ben.customer.name.given = super::phi("Ben");
    let events = [event(&order("41"), 0), event(&ben, 0)];
    let (state, _) = first(&events, &possible());
    let (state, sent) = then(state, &[decision("41", to("p7"), true, 5)], &possible());
    assert_eq!(posts(&sent).iter().map(|it| it.order.as_str()).collect::<Vec<_>>(), ["41"]);
    assert_eq!(statuses(&state), [SyncStatus::Synced, SyncStatus::NotSynced]);
}

#[test]
fn a_row_that_holds_less_than_was_to_be_posted_leaves_the_rest_to_be_posted() {
    let rules = rules(config());
    let mut plan = rules.decide(PostingState::default(), &[event(&order("41"), 0)], noon());
    let matched = PostingReceipt::Identified(Identified::Matched("p1".into()));
    plan.state.applied(&plan.effects[0].1, &matched);
    plan = rules.decide(plan.state, &[], noon());
    let PostingEffect::Post(post) = &plan.effects[0].1 else { panic!("{plan:?}") };
    let PostingReceipt::Posted(part) = super::statuses::stored(post) else { panic!() };
    let found = PostingReceipt::Posted(PostedPart { amount: usd(5_000), ..part });
    plan.state.applied(&plan.effects[0].1, &found);
    let (_, sent) = then(plan.state, &[], &Emr::default());
    let [post] = posts(&sent)[..] else { panic!("{sent:?}") };
    assert_eq!(post.amount, usd(7_000));
    assert!(post.description.expose().starts_with("DP#41/2 "));
}

#[test]
fn money_that_was_posted_and_is_not_there_any_more_waits_for_staff() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let mut voided = order("41");
    voided.captured = None;
    let (state, _) = then(state, &[event(&voided, 9)], &Emr::default());
    assert_eq!(statuses(&state), [SyncStatus::NotSynced]);
}

#[test]
fn of_two_states_within_one_second_the_paid_one_counts() {
    let mut unpaid = order("41");
    unpaid.captured = None;
    for states in [[&unpaid, &order("41")], [&order("41"), &unpaid]] {
        let (state, _) = first(&states.map(|it| event(it, 0)), &Emr::default());
        assert_eq!(statuses(&state), [SyncStatus::Synced]);
    }
}

#[test]
fn none_of_them_means_everybody_who_was_ever_told() {
    let told = |id: &str| {
        let (agrees, differs) = ("name".to_owned(), "phone".to_owned());
        let candidate = Candidate { patient: id.into(), agrees, differs };
        Emr { who: Identified::Possible(vec![candidate]), ..Emr::default() }
    };
    let seen = event(&order("41"), 0);
    let (state, _) = first(std::slice::from_ref(&seen), &told("p1"));
    let (state, _) = then(state, &[decision("41", PatientChoice::New, false, 5)], &told("p2"));
    let answer = [seen, decision("41", PatientChoice::New, false, 9)];
    let (_, sent) = then(state, &answer, &Emr::default());
    let PostingEffect::Identify(asked) = &sent[0] else { panic!("{sent:?}") };
    assert_eq!(asked.except, ["p1".into(), "p2".into()]);
}

#[test]
fn an_order_first_seen_while_posting_was_off_stays_where_it_is() {
    let off = rules(PostingConfig { enabled: false, ..config() });
    let plan = off.decide(PostingState::default(), &[event(&order("41"), 0)], noon());
    assert!(plan.effects.is_empty());
    let (state, sent) = then(plan.state, &[event(&order("41"), 5)], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(statuses(&state), [SyncStatus::Disabled]);
}

#[test]
fn the_rows_that_are_accounted_for_are_those_of_payments_and_of_recorded_refunds() {
    let mut order = order("41");
    order.refunds = vec![refund("77", 2_000), refund("78", 1_000)];
    let unseen = Emr {
        posting: Some(PostingReceipt::Accepted(noon())),
        confirmed: Some(PostingReceipt::Unseen),
        ..Emr::default()
    };
    let rows = |emr: &Emr| {
        let (state, _) = first(&[event(&order, 0)], emr);
        state.rows().map(|row| row.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert!(rows(&unseen).is_empty());
    assert_eq!(rows(&Emr::default()), ["88"]);
    let found = Emr { refund: PostingReceipt::RefundFound("90".into()), ..Emr::default() };
    assert_eq!(rows(&found), ["88", "90", "90"]);
}

#[test]
fn what_is_posted_of_an_edited_order_is_what_is_posted_of_the_first_form() {
    let (state, _) = first(&[event(&order("41"), 0)], &Emr::default());
    let (state, _) =
        then(state, &[event(&given_up(), 60), event(&edited(12_000), 60)], &Emr::default());
    let posted = |number: &str| {
        let parts = state.parts(&number.into()).iter();
        parts.map(|part| part.amount).collect::<Vec<_>>()
    };
    assert_eq!(posted("41"), [usd(12_000)]);
    assert_eq!(posted("41-1"), [usd(12_000)]);
    assert!(posted("42").is_empty());
    assert_eq!(state.order(&"41".into()), Some(&given_up()));
    assert_eq!(state.order(&"42".into()), None);
}

#[test]
fn a_patient_is_chosen_whom_staff_named_for_one_of_the_orders() {
    let events = [event(&order("41"), 0), event(&order("42"), 0)];
    let (state, _) = first(&events, &possible());
    let choices =
        [decision("41", to("p7"), false, 5), decision("42", PatientChoice::New, false, 5)];
    let (state, _) = then(state, &choices, &Emr::default());
    assert!(state.is_chosen(&"p7".into()));
    assert!(!state.is_chosen(&"p1".into()));
}

#[test]
fn a_choice_of_a_patient_who_is_gone_is_forgotten_and_no_other() {
    let events = [event(&order("41"), 0), event(&order("42"), 0)];
    let (state, _) = first(&events, &possible());
    let choices = [decision("41", to("p7"), false, 5), decision("42", to("p8"), false, 5)];
    let mut plan = rules(config()).decide(state, &choices, noon());
    plan.state.applied(&plan.effects[0].1, &PostingReceipt::PatientGone);
    assert!(!plan.state.is_chosen(&"p7".into()));
    assert!(plan.state.is_chosen(&"p8".into()));
}

#[test]
fn what_is_given_what_is_to_be_done_and_what_stands_differently_is_told_and_nothing_else() {
    let (rules, old, new) = (rules(config()), event(&given_up(), 60), event(&edited(12_000), 60));
    let told = |state: &PostingState, events: &[Event]| {
        let plan = rules.decide(state.clone(), events, noon());
        let verdicts = plan.verdicts.iter().map(|(event, _)| event.clone());
        (verdicts.collect::<Vec<_>>(), plan.state)
    };
    let (ids, state) = told(&PostingState::default(), std::slice::from_ref(&old));
    assert_eq!(ids, std::slice::from_ref(&old.id));
    let (ids, state) = told(&state, std::slice::from_ref(&new));
    assert_eq!(ids, [old.id.clone(), new.id.clone()], "the old form is replaced now");
    let (ids, state) = told(&state, &[]);
    assert_eq!(ids, std::slice::from_ref(&new.id), "its customer is still to be found");
    assert_eq!(told(&state, std::slice::from_ref(&old)).0, [old.id.clone(), new.id.clone()]);
    let (state, _) = then(state, &[], &Emr::default());
    let (_, state) = told(&state, &[]);
    assert_eq!(told(&state, &[]).0, []);
}

#[test]
fn an_event_about_nobody_is_not_used() {
    let verdict = rules(config()).unattended(&event(&order("41"), 0));
    assert_eq!((verdict.outcome, verdict.reasons), (Outcome::Done, vec![PostingReason::NotUsed]));
}

#[test]
fn a_refund_is_open_until_the_ledger_shows_it() {
    let mut order = order("41");
    order.refunds = vec![refund("77", 2_000)];
    let seen = event(&order, 0);
    let (state, _) = first(std::slice::from_ref(&seen), &Emr::default());
    let open = |state: &PostingState| rules(config()).standings(state)[0].park.is_some();
    assert!(open(&state));
    let found = Emr { refund: PostingReceipt::RefundFound("90".into()), ..Emr::default() };
    let (state, sent) = then(state, std::slice::from_ref(&seen), &found);
    assert_eq!(sent.len(), 1);
    assert!(!open(&state));
    let (_, sent) = then(state, &[seen], &Emr::default());
    assert!(sent.is_empty(), "{sent:?}");
}

fn history() -> Vec<Event> {
    let mut states = Vec::new();
    for number in ["41", "42", "43"] {
        let mut it: StoreOrder = order(number);
        it.captured = None;
        states.push(event(&it, 0));
        it.captured = Some(Captured { amount: usd(12_000), at: noon(), charged: true });
        states.push(event(&it, 1));
        it.state = OrderState::Complete;
        it.refunds = vec![refund(&format!("r{number}"), 100)];
        states.push(event(&it, 2));
    }
    states
}

proptest! {
    #[test]
    fn whatever_order_the_states_arrive_in_the_same_is_known_and_each_order_is_posted_once(
        events in Just(history()).prop_shuffle(),
        size in 1_usize..5,
    ) {
        let (expected, _) = first(&history(), &Emr::default());
        let (mut state, mut sent) = (PostingState::default(), Vec::new());
        for some in events.chunks(size) {
            let (next, effects) = then(state, some, &Emr::default());
            state = next;
            sent.extend(effects);
        }
        for number in ["41", "42", "43"].map(Into::into) {
            prop_assert_eq!(state.order(&number), expected.order(&number));
            prop_assert!(state.order(&number).is_some());
        }
        let mut posted: Vec<_> = posts(&sent).iter().map(|it| it.order.to_string()).collect();
        posted.sort();
        prop_assert_eq!(posted, ["41", "42", "43"]);
    }
}
