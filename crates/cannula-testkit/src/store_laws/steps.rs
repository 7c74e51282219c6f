use cannula_core::ParkReason;
use cannula_sync::{Claim, EffectStatus, EventUpdate, Next, Outcome, Replay, Step, Store};

use super::{StoreBench, arrivals, claim, claimed, effect, minute, rest, texts, visit};
use crate::subject;

fn update(event: &cannula_core::Event, outcome: Outcome) -> EventUpdate {
    EventUpdate { event: event.id.clone(), outcome, reasons: None, remark: None }
}

/// By version, and not by arrival.
pub async fn a_claim_brings_the_events_oldest_first(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (late, early) = (visit("a", "1", 5), visit("b", "1", 2));
    let claimed = claimed(&*store, &[late.clone(), early.clone()]).await;
    assert_eq!(claimed.events, [early, late]);
}

/// What was planned before and not delivered is gone; `None` keeps it.
pub async fn a_step_replaces_the_outbox(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let event = visit("a", "1", 0);
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    let send = |outbox| Step { outbox, next: Next::Send, ..rest(&held) };
    let first = vec![effect(&event, "x"), effect(&event, "y"), effect(&event, "z")];
    store.save(vec![send(Some(first))], minute(0)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().undelivered, 3);
    store.save(vec![send(None)], minute(0)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().undelivered, 3);
    store.save(vec![send(Some(vec![effect(&event, "new")]))], minute(0)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().undelivered, 1);
    store.save(vec![send(Some(Vec::new()))], minute(0)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().undelivered, 0);
}

/// One lost lease does not undo a whole batch.
pub async fn a_stale_step_leaves_the_other_steps_alone(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    store.add(arrivals(&[visit("a", "1", 0), visit("b", "2", 0)]), minute(0)).await.unwrap();
    let claims = claim(&*store, minute(0)).await;
    let stale = Claim { epoch: claims[0].epoch + 7, ..claims[0].clone() };
    let step = |claim: &Claim| Step { state: Some("1".to_owned().into()), ..rest(claim) };
    let lost = store.save(vec![step(&stale), step(&claims[1])], minute(0)).await.unwrap().lost;
    assert_eq!(lost, std::slice::from_ref(&stale.subject));
    let again = claim(&*store, minute(20)).await;
    assert_eq!(again.len(), 1, "only the stale one is still leased, and that lease is over");
    assert_eq!((&again[0].subject, &again[0].state), (&stale.subject, &None));
}

/// In the order they were to be sent, and only those.
pub async fn effects_of_unknown_outcome_are_seen_after_a_restart(bench: &dyn StoreBench) {
    let event = visit("a", "1", 0);
    {
        let store = bench.open("main").await;
        let held = claimed(&*store, std::slice::from_ref(&event)).await;
        let pending = |text| cannula_sync::OutboxRow {
            status: EffectStatus::Pending,
            error: Some("down".to_owned()),
            ..effect(&event, text)
        };
        let outbox = vec![effect(&event, "z"), pending("y"), effect(&event, "x")];
        let step = Step {
            outbox: Some(outbox),
            events: vec![update(&event, Outcome::Delivering)],
            next: Next::Send,
            ..rest(&held)
        };
        store.save(vec![step], minute(0)).await.unwrap();
    }
    let store = bench.open("main").await;
    store.reclaim(minute(1)).await.unwrap();
    let held = claim(&*store, minute(2)).await.remove(0);
    assert_eq!(texts(&held.unknown), ["z", "x"]);
    assert_eq!(held.unknown[0], effect(&event, "z"));
    assert_eq!((held.events.as_slice(), held.open.as_slice()), (&[][..], &[event.id][..]));
}

/// It was never decided, so it is with what comes next: nobody has to remember to replay it.
pub async fn what_could_not_be_decided_is_undecided_with_the_next_event(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (first, second) = (visit("a", "1", 0), visit("b", "1", 1));
    let held = claimed(&*store, std::slice::from_ref(&first)).await;
    let dead = Step {
        events: vec![update(&first, Outcome::Dead("unreadable".to_owned()))],
        next: Next::Stuck { error: "unreadable".to_owned() },
        ..rest(&held)
    };
    store.save(vec![dead], minute(0)).await.unwrap();
    store.add(arrivals(std::slice::from_ref(&second)), minute(1)).await.unwrap();
    let held = claim(&*store, minute(1)).await.remove(0);
    assert_eq!(held.events, [first.clone(), second.clone()]);
    assert!(held.open.is_empty(), "{:?}", held.open);
    // Once it was, there are reasons, and what was refused is not decided anew.
    let refused = EventUpdate {
        reasons: Some(vec!["Because.".to_owned()]),
        ..update(&first, Outcome::Dead("refused".to_owned()))
    };
    let events = vec![refused, update(&second, Outcome::Done)];
    store.save(vec![Step { events, ..rest(&held) }], minute(1)).await.unwrap();
    store.add(arrivals(&[visit("c", "1", 2)]), minute(2)).await.unwrap();
    let held = claim(&*store, minute(2)).await.remove(0);
    assert_eq!((held.events.len(), held.open), (1, vec![first.id]));
}

/// It is decided in the same step; known events are ignored.
pub async fn a_fetched_event_does_not_make_its_subject_due_again(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (event, fetched) = (visit("a", "1", 0), visit("b", "1", 1));
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    let step = Step {
        fetched: vec![fetched.clone(), event.clone()],
        events: vec![update(&event, Outcome::Done), update(&fetched, Outcome::Done)],
        ..rest(&held)
    };
    store.save(vec![step], minute(0)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().done, 2);
    assert_eq!(store.next_due().await.unwrap(), None);
}

/// With the rest of the step or not at all.
pub async fn what_a_step_takes_in_makes_its_subject_due(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (event, read) = (visit("a", "1", 0), visit("b", "2", 1));
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    let step = |epoch| Step {
        epoch,
        arrivals: arrivals(&[read.clone(), event.clone()]),
        events: vec![update(&event, Outcome::Done)],
        ..rest(&held)
    };
    store.save(vec![step(held.epoch + 1)], minute(2)).await.unwrap();
    assert_eq!(store.summary().await.unwrap().events(), 1);
    store.save(vec![step(held.epoch)], minute(2)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(minute(2)));
    let due = claim(&*store, minute(2)).await;
    assert_eq!(due.len(), 1, "what was known already makes nobody due");
    assert_eq!((&due[0].subject, &due[0].events[..]), (&subject("2"), &[read][..]));
}

/// Reasons are replaced whole; a remark is one more.
pub async fn a_remark_is_added_once(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let event = visit("a", "1", 0);
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    let reasons = Some(vec!["Moves.".to_owned()]);
    let remark = Some("There was “nothing” to move.".to_owned());
    let first = EventUpdate { reasons, ..update(&event, Outcome::Delivering) };
    let second = EventUpdate { remark, ..update(&event, Outcome::Done) };
    for event in [first, second.clone(), second] {
        let step = Step { events: vec![event], next: Next::Send, ..rest(&held) };
        store.save(vec![step], minute(0)).await.unwrap();
    }
    let history = store.history(&subject("1")).await.unwrap();
    assert_eq!(history.events[0].reasons, ["Moves.", "There was “nothing” to move."]);
}

async fn ends_as(store: &dyn Store, outcomes: &[(&cannula_core::Event, Outcome)]) {
    let events: Vec<_> = outcomes.iter().map(|(event, _)| (*event).clone()).collect();
    store.add(arrivals(&events), minute(0)).await.unwrap();
    for held in claim(store, minute(0)).await {
        let events = outcomes
            .iter()
            .filter(|(event, _)| event.subject().as_ref() == Some(&held.subject))
            .map(|(event, outcome)| update(event, outcome.clone()))
            .collect();
        store.save(vec![Step { events, ..rest(&held) }], minute(0)).await.unwrap();
    }
}

/// Parked by the rules or held by the sink; what is done or dead stays so.
pub async fn replay_makes_parked_events_undecided_and_due(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [a, b, c, d] =
        [("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")].map(|(id, patient)| visit(id, patient, 0));
    let outcomes = [
        (&a, Outcome::Parked(ParkReason::MissingAppointmentType)),
        (&b, Outcome::Done),
        (&c, Outcome::Held(ParkReason::NoContactDetails)),
        (&d, Outcome::Dead("refused".to_owned())),
    ];
    ends_as(&*store, &outcomes).await;
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(store.replay(Replay::Parked, minute(5)).await.unwrap(), 2);
    let mut events: Vec<_> =
        claim(&*store, minute(5)).await.into_iter().flat_map(|claim| claim.events).collect();
    events.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(events, [a, c]);
}

/// And `Subject` and `All` take their own.
pub async fn replay_makes_dead_events_undecided_and_due(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [a, b] = [("a", "1"), ("b", "2")].map(|(id, patient)| visit(id, patient, 0));
    ends_as(&*store, &[(&a, Outcome::Dead("refused".to_owned())), (&b, Outcome::Done)]).await;
    assert_eq!(store.replay(Replay::Dead, minute(5)).await.unwrap(), 1);
    assert_eq!(claim(&*store, minute(5)).await.remove(0).events, [a]);
    assert_eq!(store.replay(Replay::Subject(subject("2")), minute(6)).await.unwrap(), 1);
    let again = claim(&*store, minute(6)).await.remove(0);
    assert_eq!((again.subject, again.events), (subject("2"), Vec::new()));
    assert_eq!(store.replay(Replay::All, minute(7)).await.unwrap(), 2);
    assert_eq!(store.replay(Replay::Subject(subject("nobody")), minute(8)).await.unwrap(), 0);
}

/// The most frequent first.
pub async fn what_is_parked_is_counted_by_reason(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [a, b, c] = [("a", "1"), ("b", "2"), ("c", "3")].map(|(id, of)| visit(id, of, 0));
    let unmapped = ParkReason::UnmappedStatus { name: "Late".to_owned() };
    let outcomes = [
        (&a, Outcome::Parked(unmapped.clone())),
        (&b, Outcome::Parked(ParkReason::MissingAppointmentType)),
        (&c, Outcome::Parked(unmapped.clone())),
    ];
    ends_as(&*store, &outcomes).await;
    let parked = store.parked().await.unwrap();
    let counts: Vec<_> = parked.iter().map(|parked| (&parked.reason, parked.events)).collect();
    assert_eq!(counts, [(&unmapped, 2), (&ParkReason::MissingAppointmentType, 1)]);
    assert_eq!(parked[1].example, b.key);
}

/// Each once, whatever order they were stored in; a subject that was never decided has none.
pub async fn the_states_are_listed_by_subject_a_page_at_a_time(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    assert_eq!(store.states(None, 10).await.unwrap(), []);
    let patients = ["5", "2", "4", "1", "3"];
    let events: Vec<_> = patients.iter().map(|patient| visit(patient, patient, 0)).collect();
    store.add(arrivals(&events), minute(0)).await.unwrap();
    let mut claims = claim(&*store, minute(0)).await;
    claims.retain(|claim| claim.subject != subject("4"));
    let states = claims.iter().map(|claim| Step {
        state: Some(format!("\"{}\"", claim.subject.person).into()),
        ..rest(claim)
    });
    store.save(states.collect(), minute(0)).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.states(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page);
    }
    let expected: Vec<_> = ["1", "2", "3", "5"]
        .map(|patient| (subject(patient), format!("\"{patient}\"").into()))
        .into();
    assert_eq!(seen, expected);
}
