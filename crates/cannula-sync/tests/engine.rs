//! What the engine promises, with the real rules and store between two ends in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cannula_core::{
    AppointmentStatus, ContactId, Error, ErrorKind, Event, ParkReason, PatientMerge, Phone,
    PhoneUse, Record, RecordKind, Rejected, Retry, Subject,
};
use cannula_rules::{Categories, PersonState, Rules, RulesConfig};
use cannula_sync::{CrmFlow, Engine, Outcome, Replay, SETTLE_AFTER, SqliteStore, Summary};
use cannula_testkit::{appointment, day_one, patient, practice, subject};
use chrono::TimeDelta;
use common::{World, consult, delivered, store, visit};

fn unavailable(retry: Retry) -> Error {
    Error::new(ErrorKind::Unavailable, "down").retry(retry)
}

#[tokio::test]
async fn a_booking_becomes_contact_tag_note_and_stage_in_four_calls() {
    let world = World::with_consults(&["ada"]);
    let engine = world.engine(store());
    let polled = engine.poll().await.unwrap();
    assert_eq!((polled.pages, polled.new), (2, 2));
    let report = engine.drain().await.unwrap();
    assert_eq!((report.done, delivered(&report), report.next_due), (2, 4, None));
    let contacts = world.crm.contacts();
    let ada = &contacts["ada@example.test"];
    assert_eq!((ada.tags.len(), ada.notes.len(), ada.stages.len()), (1, 1, 1));
    let progress = engine.progress();
    assert_eq!((progress.ingested, progress.finished, progress.delivered), (2, 2, 4));
}

#[tokio::test]
async fn a_second_run_sends_nothing() {
    let world = World::with_consults(&["ada", "bea"]);
    let store = store();
    let engine = world.engine(store.clone());
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    let calls = world.crm.sent().len();
    let engine = world.engine(store);
    assert_eq!(engine.poll().await.unwrap().new, 0);
    let again = engine.accept(vec![consult("ada")]).await.unwrap();
    assert_eq!((again.new, again.duplicates), (0, 1));
    assert_eq!(engine.drain().await.unwrap().claims, 0);
    engine.replay(Replay::All).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().claims, 2);
    assert_eq!(world.crm.sent().len(), calls);
}

#[tokio::test]
async fn a_patient_the_feed_did_not_bring_is_read_once() {
    let world = World::new();
    world.source.record(patient("ada", 0));
    let engine = world.engine(store());
    engine.accept(vec![consult("ada")]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.claims, report.done), (1, 2));
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!(engine.summary().await.unwrap().done, 2);
}

#[tokio::test]
async fn a_patient_under_anothers_id_is_not_taken_for_the_one_asked_for() {
    let world = World::new();
    let Event { key, .. } = patient("ada", 0);
    let Event { record, version, .. } = patient("bea", 0);
    let stamp = version.stamp;
    world.source.record(Event::new(key.practice, key.id, record, Some(stamp), stamp));
    let engine = world.engine(store());
    engine.accept(vec![consult("ada")]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().parked, 1);
    assert_eq!(engine.parked().await.unwrap()[0].reason, ParkReason::PatientNotFound);
    assert!(world.crm.contacts().is_empty());
}

#[tokio::test]
async fn a_patient_the_emr_does_not_return_parks_the_event_until_it_does() {
    let world = World::new();
    let engine = world.engine(store());
    engine.accept(vec![consult("ada")]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().parked, 1);
    assert_eq!(engine.parked().await.unwrap()[0].reason, ParkReason::PatientNotFound);
    engine.accept(vec![patient("ada", 2)]).await.unwrap();
    engine.drain().await.unwrap();
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.done, summary.parked), (2, 0));
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_note_of_unknown_outcome_is_looked_up_before_it_is_sent_again() {
    for applied in [true, false] {
        let world = World::with_consults(&["ada"]);
        world.crm.fail_next("note", unavailable(Retry::Settle), applied);
        let engine = world.engine(store());
        engine.poll().await.unwrap();
        let report = engine.drain().await.unwrap();
        assert_eq!((report.postponed, report.done), (1, 0));
        // The note may be on its way still, whatever else happens.
        assert_eq!(report.next_due, Some(day_one() + SETTLE_AFTER));
        engine.replay(Replay::All).await.unwrap();
        assert_eq!(engine.drain().await.unwrap().claims, 0);
        world.drain_all(&engine).await.unwrap();
        let contacts = world.crm.contacts();
        let ada = &contacts["ada@example.test"];
        assert_eq!((ada.notes.len(), ada.stages.len()), (1, 1), "applied: {applied}");
        assert_eq!(world.sent("note"), if applied { 1 } else { 2 });
        // What is found is settled, and what is sent again is delivered.
        let delivered = engine.delivered().get("note").copied();
        assert_eq!(delivered, (!applied).then_some(1));
        assert_eq!(engine.summary().await.unwrap().done, 2);
    }
}

#[tokio::test]
async fn behind_an_effect_that_needs_a_person_only_those_wait_who_have_something_left() {
    let world = World::with_consults(&["ada"]);
    let later = visit("ada", "Filler", AppointmentStatus::Pending, 5);
    world.source.page(RecordKind::Appointment, vec![later]);
    let reason = ParkReason::NoContactDetails;
    world.crm.fail_next("note", Error::needs_person(reason.clone()), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    let lines = engine.explain(&subject("ada")).await.unwrap();
    let of = |kind| {
        let lines = lines.iter().filter(move |line| line.record.kind == kind);
        lines.map(|line| line.outcome.clone()).collect::<Vec<_>>()
    };
    let held = Outcome::Held(reason);
    assert_eq!(of(RecordKind::Patient), [Outcome::Done]);
    assert_eq!(of(RecordKind::Appointment), [held.clone(), held]);
}

#[tokio::test]
async fn what_a_merged_patient_has_is_taken_in_for_the_one_that_is_left() {
    let world = World::with_consults(&["ada"]);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    let merge = PatientMerge { patient: "ada".into(), into: "bea".into() };
    let (record, later) = (Record::PatientMerge(merge), day_one() + TimeDelta::minutes(9));
    let merge = Event::new(practice(), "merge".into(), record, Some(later), later);
    engine.accept(vec![merge, patient("bea", 0)]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    let mut left = BTreeMap::new();
    let look = |of: &Subject, state: &PersonState| {
        left.insert(of.clone(), state.links().contact.is_some());
    };
    engine.for_each_state(look).await.unwrap();
    assert!(left[&subject("bea")], "{left:?}");
    assert_eq!(world.crm.contacts().len(), 1);
    // And what names the other from then on.
    let later = visit("ada", "Filler", AppointmentStatus::Pending, 12);
    engine.accept(vec![later.clone()]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    let records = async |name| {
        let lines = engine.explain(&subject(name)).await.unwrap();
        lines.into_iter().map(|line| line.record).collect::<Vec<_>>()
    };
    let (of_bea, of_ada) = (records("bea").await, records("ada").await);
    assert!([consult("ada").key, later.key.clone()].iter().all(|key| of_bea.contains(key)));
    assert!(!of_ada.contains(&later.key), "{of_ada:?}");
}

#[tokio::test]
async fn a_link_that_breaks_again_at_once_is_waited_with() {
    let world = World::with_consults(&["ada"]);
    for _ in 0..2 {
        world.crm.fail_next("note", Error::new(ErrorKind::LinkBroken, "no such contact"), false);
    }
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.claims, report.postponed), (2, 2));
    assert!(report.next_due.unwrap() > day_one());
    world.drain_all(&engine).await.unwrap();
    assert_eq!(engine.summary().await.unwrap().done, 2);
}

#[tokio::test]
async fn a_note_that_may_have_landed_is_looked_up_even_if_the_error_stops_the_drain() {
    let world = World::with_consults(&["ada"]);
    let expired = Error::new(ErrorKind::Auth, "the token has expired").retry(Retry::Settle);
    world.crm.fail_next("note", expired, true);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap_err().kind(), ErrorKind::Auth);
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!(world.sent("note"), 1);
}

#[tokio::test]
async fn retry_after_wins_over_back_off_and_keeps_the_order() {
    let world = World::with_consults(&["ada"]);
    let minutes = Duration::from_secs(1200);
    let throttled = Error::new(ErrorKind::Throttled, "slow down").retry(Retry::After(minutes));
    world.crm.fail_next("note", throttled, false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!(report.next_due, Some(day_one() + minutes));
    assert_eq!(world.sent("stage"), 0, "nothing overtakes the note");
    let lines = engine.explain(&subject("ada")).await.unwrap();
    let said = lines[1].sentences.last().unwrap();
    assert!(said.starts_with("It is tried again at 2026-03-02T14:20:00Z"), "{said}");
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn back_off_grows_with_each_failure() {
    let world = World::with_consults(&["ada"]);
    for _ in 0..6 {
        world.crm.fail_next("contact", unavailable(Retry::Backoff), false);
    }
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let mut waits = Vec::new();
    while let Some(due) = engine.drain().await.unwrap().next_due {
        waits.push((due - cannula_core::Clock::now(&*world.clock)).num_seconds());
        world.clock.set(due);
    }
    assert_eq!(waits.len(), 6);
    assert!(waits[5] > 16 * waits[0], "{waits:?}");
}

#[tokio::test]
async fn a_used_up_allowance_pauses_everybody_with_one_call() {
    let world = World::with_consults(&["ada"]);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let day = Duration::from_secs(36_000);
    let used_up = Error::new(ErrorKind::QuotaExhausted, "used up").retry(Retry::After(day));
    world.crm.fail_next("contact", used_up, false);
    let report = engine.drain().await.unwrap();
    assert_eq!(report.paused_until, Some(day_one() + day));
    engine.accept(vec![patient("bea", 2), consult("bea")]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.claims, report.next_due), (0, Some(day_one() + day)));
    assert_eq!(world.crm.sent().len(), 1);
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts().len(), 2);
}

#[tokio::test]
async fn refused_credentials_stop_the_drain_and_lose_nothing() {
    let names: Vec<_> = (0..40).map(|n| format!("p{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let world = World::with_consults(&names);
    world.crm.fail_next("contact", Error::new(ErrorKind::Auth, "the token is bad"), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap_err().kind(), ErrorKind::Auth);
    assert!(world.sent("contact") <= 40);
    engine.drain().await.unwrap();
    assert_eq!(engine.summary().await.unwrap().done, 80);
    assert!(world.crm.contacts().values().all(|contact| contact.notes.len() == 1));
}

#[tokio::test]
async fn a_contact_conflict_holds_the_person_until_somebody_acts() {
    let world = World::with_consults(&["ada", "bea"]);
    let reason =
        ParkReason::ContactConflict { contact: ContactId::new("c"), shared: "phone".into() };
    world.crm.fail_next("contact", Error::needs_person(reason.clone()), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.parked, report.done, report.next_due), (2, 2, None));
    assert_eq!(engine.parked().await.unwrap()[0].reason, reason);
    engine.replay(Replay::Parked).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(engine.summary().await.unwrap().done, 4);
    assert_eq!(world.crm.contacts().len(), 2);
}

#[tokio::test]
async fn a_held_person_is_tried_again_when_the_emr_corrects_the_record() {
    let world = World::with_consults(&["ada"]);
    let reason =
        ParkReason::ContactConflict { contact: ContactId::new("c"), shared: "email".into() };
    world.crm.fail_next("contact", Error::needs_person(reason), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap().parked, 2);
    engine.accept(vec![patient("ada", 5)]).await.unwrap();
    engine.drain().await.unwrap();
    let summary = engine.summary().await.unwrap();
    assert_eq!(summary, Summary { done: 3, subjects: 1, ..Summary::default() });
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_refused_note_is_a_dead_letter_and_the_rest_goes_on() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("note", Error::new(ErrorKind::Invalid, "too long"), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.done, report.dead), (1, 1));
    assert_eq!(world.sent("stage"), 1);
    let dead = engine.dead().await.unwrap();
    assert_eq!((dead.len(), dead[0].error.as_str()), (1, "too long (invalid)"));
    let lines = engine.explain(&subject("ada")).await.unwrap();
    assert_eq!(lines[1].outcome, Outcome::Dead("too long (invalid)".to_owned()));
    assert_eq!(engine.replay(Replay::Dead).await.unwrap(), 1);
    engine.drain().await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!(world.sent("stage"), 1);
    let summary = engine.summary().await.unwrap();
    assert_eq!(summary, Summary { done: 2, subjects: 1, ..Summary::default() });
}

#[tokio::test]
async fn everything_waits_behind_a_refused_contact() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("contact", Error::new(ErrorKind::Invalid, "bad e-mail"), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap().dead, 2);
    assert_eq!((world.crm.sent().len(), engine.dead().await.unwrap().len()), (1, 1));
    engine.accept(vec![patient("ada", 5)]).await.unwrap();
    engine.drain().await.unwrap();
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.done, summary.dead, summary.undelivered), (3, 0, 0));
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_contact_that_was_deleted_is_made_again_at_once() {
    let world = World::with_consults(&["ada"]);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    world.crm.delete_contacts();
    engine.accept(vec![visit("ada", "Consult", AppointmentStatus::Fulfilled, 9)]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.claims, report.next_due), (2, None));
    let contacts = world.crm.contacts();
    let ada = &contacts["ada@example.test"];
    assert_eq!((ada.notes.len(), ada.stages.len(), ada.tags.is_empty()), (1, 1, false));
}

#[tokio::test]
async fn replay_after_the_document_was_amended_ends_where_it_would_have() {
    let world = World::with_consults(&["ada"]);
    let store = store();
    let engine = world.engine(store.clone());
    engine.poll().await.unwrap();
    engine.accept(vec![visit("ada", "Laser", AppointmentStatus::Confirmed, 2)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().parked, 1);
    let parked = engine.parked().await.unwrap();
    assert!(parked[0].reason.next_step().starts_with("Add the row `Laser,,<category>`"));
    let amended = format!("{}Laser,,Non-Surgical Appointment\n", common::DOCUMENT);
    let engine = world.engine_with(store, world.crm.clone(), &amended);
    engine.replay(Replay::Parked).await.unwrap();
    engine.drain().await.unwrap();

    let straight = World::with_consults(&["ada"]);
    let engine = straight.engine_with(common::store(), straight.crm.clone(), &amended);
    engine.poll().await.unwrap();
    engine.accept(vec![visit("ada", "Laser", AppointmentStatus::Confirmed, 2)]).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(world.crm.contacts(), straight.crm.contacts());
}

#[tokio::test]
async fn an_event_that_finds_no_opportunity_in_two_pipelines_says_so_twice() {
    let world = World::with_consults(&["ada"]);
    let mut config = RulesConfig::new(chrono_tz::America::New_York);
    config.create_opportunities = false;
    let rules = Rules::new(config, Categories::from_csv(common::DOCUMENT).unwrap());
    let flow = CrmFlow::new(rules, world.crm.clone());
    let engine = Engine::new(world.source.clone(), flow, store(), world.clock.clone());
    engine.poll().await.unwrap();
    // The same appointment becomes one of the other pipeline.
    let other = appointment("ada-Consult", "ada", "Filler", AppointmentStatus::Pending, 9);
    engine.accept(vec![other]).await.unwrap();
    engine.drain().await.unwrap();
    let lines = engine.explain(&subject("ada")).await.unwrap();
    let said = lines[2].sentences.join(" ");
    assert_eq!(said.matches("The contact has no opportunity in").count(), 2, "{said}");
}

#[tokio::test]
async fn an_unreadable_row_delays_nobody() {
    let world = World::with_consults(&["ada"]);
    let rejected = Rejected {
        key: None,
        path: "entry[1].resource.start".to_owned(),
        problem: "not a date and time".to_owned(),
        raw: "{}".to_owned().into(),
    };
    world.source.page_with(RecordKind::Appointment, vec![consult("bea")], vec![rejected]);
    world.source.record(patient("bea", 0));
    let engine = world.engine(store());
    let polled = engine.poll().await.unwrap();
    assert_eq!((polled.pages, polled.new, polled.rejected), (3, 3, 1));
    engine.drain().await.unwrap();
    assert_eq!(engine.summary().await.unwrap().done, 4);
    assert_eq!(engine.rejected().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_one_store_deliver_everything_once() {
    let names: Vec<_> = (0..300).map(|n| format!("p{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let world = World::with_consults(&names);
    let dir = tempfile::tempdir().unwrap();
    let open = |worker| {
        std::sync::Arc::new(SqliteStore::open(dir.path().join("store.db"), worker).unwrap())
    };
    let (one, two) = (world.engine(open("one")), world.engine(open("two")));
    let (first, second) = tokio::join!(one.poll(), two.poll());
    // Whoever loses the race for a feed leaves it to the other.
    assert_eq!(first.unwrap().new + second.unwrap().new, 600);
    let (first, second) = tokio::join!(one.drain(), two.drain());
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.claims + second.claims, 300);
    assert_eq!(delivered(&first) + delivered(&second), 1200);
    assert_eq!(world.sent("note"), 300);
    assert_eq!(one.summary().await.unwrap().done, 600);
}

/// A state of a patient, with a phone number.
fn reached_at(name: &str, number: &str, minute: i64) -> Event {
    let Event { key, version, record, .. } = patient(name, minute);
    let Record::Patient(mut record) = record else { panic!("no patient") };
    record.phones =
        vec![Phone { number: number.to_owned().into(), usage: PhoneUse::Mobile, preferred: false }];
    Event::new(key.practice, key.id, Record::Patient(record), Some(version.stamp), version.stamp)
}

#[tokio::test]
async fn what_another_contact_has_is_told_and_written_once_it_is_free() {
    let world = World::with_consults(&["ada", "bea"]);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let phone = |name: &str| {
        let contact = &world.crm.contacts()[&format!("{name}@example.test")];
        contact.person.phone.as_ref().map(|phone| phone.expose().clone())
    };
    let (hers, own, other) = ("+1 646 555 0101", "+1 646 555 0102", "+1 646 555 0103");
    engine.accept(vec![reached_at("ada", hers, 2), reached_at("bea", own, 2)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().next_due, None);
    engine.accept(vec![reached_at("bea", hers, 3)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().next_due, None);
    assert_eq!(phone("bea").as_deref(), Some(own));
    let told = engine.explain(&subject("bea")).await.unwrap();
    let told: Vec<_> = told.iter().flat_map(|line| &line.sentences).collect();
    assert!(told.iter().any(|it| it.starts_with("The phone number was left out")), "{told:#?}");

    let sent = world.sent("contact");
    for (waited, calls) in [(23, 0), (24, 1), (24, 1), (47, 1), (48, 2)] {
        world.clock.set(day_one() + TimeDelta::hours(waited));
        engine.drain().await.unwrap();
        assert_eq!(world.sent("contact"), sent + calls, "after {waited} hours");
    }
    engine.accept(vec![reached_at("ada", other, 4)]).await.unwrap();
    engine.drain().await.unwrap();
    world.clock.set(day_one() + TimeDelta::hours(72));
    engine.drain().await.unwrap();
    assert_eq!(phone("ada").as_deref(), Some(other));
    assert_eq!(phone("bea").as_deref(), Some(hers));
    assert_eq!(engine.summary().await.unwrap().dead, 0);
}

#[tokio::test]
async fn whoever_cannot_be_read_waits_for_a_person_and_holds_up_nobody() {
    let world = World::with_consults(&["ada", "bea"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let open = || Arc::new(SqliteStore::open(&*path, "main").unwrap());
    let engine = world.engine(open());
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    drop(engine);
    let write = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute(sql, []).unwrap();
    let ada = "WHERE subject = (SELECT id FROM subject WHERE person = 'ada')";
    write("CREATE TABLE kept AS SELECT * FROM state");
    write(&format!("UPDATE state SET body = '{{\"history\":7}}' {ada}"));

    let engine = world.engine(open());
    let later = |name: &str| visit(name, "Filler", AppointmentStatus::Pending, 5);
    engine.accept(vec![later("ada"), later("bea")]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.dead, report.done, report.next_due), (1, 1, None));
    let told = engine.explain(&subject("ada")).await.unwrap();
    let told = told.last().unwrap().sentences.join(" ");
    assert!(told.contains("run the version that wrote it or a newer one"), "{told}");
    engine.replay(Replay::Dead).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().dead, 1);
    let dead = engine.dead().await.unwrap();
    assert_eq!((dead.len(), &dead[0].subject), (1, &subject("ada")));
    assert!(dead[0].error.contains("run the version that wrote it"), "{}", dead[0].error);
    drop(engine);

    write(&format!("UPDATE state SET body = (SELECT body FROM kept {ada}) {ada}"));
    write("DROP TABLE kept");
    let engine = world.engine(open());
    // What comes first now, a replay or news, brings along what could not be decided.
    engine.accept(vec![patient("ada", 9)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 2);
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 2);
    for line in engine.explain(&subject("ada")).await.unwrap() {
        assert_eq!((line.outcome, line.sentences.is_empty()), (Outcome::Done, false));
    }
    assert!(engine.dead().await.unwrap().is_empty());
}
