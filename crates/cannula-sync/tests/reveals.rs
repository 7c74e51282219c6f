//! A flow whose first effect says what the others are: decided again as soon as it is delivered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use cannula_core::{
    Clock, Error, ErrorKind, Event, EventId, IdempotencyKey, ParkReason, PersonId, Record,
    RecordId, RecordKey, RecordKind, Result, Retry,
};
use cannula_sync::{
    Decision, DrainReport, Engine, Flow, Outcome, Replay, Ruling, SETTLE_AFTER, SqliteStore, Store,
    Verdict,
};
use cannula_testkit::{
    Crash, CrashStore, ManualClock, ScriptedSource, async_trait, day_one, patient, practice,
    subject,
};
use chrono::{DateTime, Utc};
use common::{consult, delivered, store};
use serde::{Deserialize, Serialize};

/// What the desk was asked to do, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Effect {
    /// Registers the person; the receipt is the number they get.
    Register,
    /// Says hello; known to be due from the start.
    Greet,
    /// Tells somebody the number.
    Tell(u32),
}

impl Effect {
    fn label(&self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Greet => "greet",
            Self::Tell(_) => "tell",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    events: BTreeSet<EventId>,
    number: Option<u32>,
    greeted: bool,
    told: bool,
    known: bool,
}

/// Where the effects go, and the next failures: of which effect, and whether it was applied.
#[derive(Debug, Default)]
struct Desk {
    done: Mutex<Vec<(IdempotencyKey, Effect)>>,
    calls: Mutex<Vec<&'static str>>,
    failures: Mutex<VecDeque<(&'static str, Error, bool)>>,
}

impl Desk {
    fn fail_next(&self, label: &'static str, error: Error, applied: bool) {
        self.failures.lock().unwrap().push_back((label, error, applied));
    }

    /// What was asked of it so far.
    fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    /// What it did.
    fn done(&self) -> Vec<Effect> {
        self.done.lock().unwrap().iter().map(|(_, effect)| effect.clone()).collect()
    }

    fn number(&self, key: &IdempotencyKey) -> Option<u32> {
        let done = self.done.lock().unwrap();
        let place = done.iter().position(|(known, _)| known == key)?;
        Some(100 + u32::try_from(place).unwrap())
    }
}

#[derive(Debug, Default)]
struct DeskFlow {
    desk: Arc<Desk>,
    /// Greets as well.
    polite: bool,
    /// Does not record receipts, which breaks the second law.
    forgetful: bool,
    /// Decides about nobody whose patient record it has not seen.
    careful: bool,
}

#[async_trait]
impl Flow for DeskFlow {
    type State = State;
    type Effect = Effect;
    type Receipt = u32;

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn unattended(&self, _event: &Event) -> Verdict {
        Verdict { ruling: Ruling::Done, reasons: Vec::new() }
    }

    fn decide(
        &self,
        mut state: State,
        events: &[Event],
        _now: DateTime<Utc>,
    ) -> Decision<State, Effect> {
        state.events.extend(events.iter().map(|event| event.id.clone()));
        state.known |= events.iter().any(|event| matches!(event.record, Record::Patient(_)));
        let waits = self.careful && !state.known;
        let ruling =
            if waits { Ruling::Waiting(ParkReason::ContactNotFound) } else { Ruling::Done };
        let mut effects = Vec::new();
        if let (Some(cause), false) = (state.events.first(), waits) {
            let mut plan = |due: bool, effect| due.then(|| effects.push((cause.clone(), effect)));
            plan(state.number.is_none(), Effect::Register);
            plan(self.polite && !state.greeted, Effect::Greet);
            if let Some(number) = state.number {
                plan(!state.told, Effect::Tell(number));
            }
        }
        let verdict = |event: &Event| {
            (event.id.clone(), Verdict { ruling: ruling.clone(), reasons: Vec::new() })
        };
        let verdicts = events.iter().map(verdict).collect();
        let wants = waits.then(|| RecordKey {
            practice: practice(),
            kind: RecordKind::Patient,
            id: RecordId::new("ada"),
        });
        Decision { state, effects, verdicts, wants, told: Vec::new() }
    }

    async fn deliver(&self, _state: &State, effect: &Effect, key: &IdempotencyKey) -> Result<u32> {
        self.desk.calls.lock().unwrap().push(effect.label());
        let failure = {
            let mut failures = self.desk.failures.lock().unwrap();
            let place = failures.iter().position(|(label, ..)| *label == effect.label());
            place.and_then(|place| failures.remove(place))
        };
        if failure.as_ref().is_none_or(|(.., applied)| *applied) {
            self.desk.done.lock().unwrap().push((key.clone(), effect.clone()));
        }
        match failure {
            Some((_, error, _)) => Err(error),
            None => Ok(self.desk.number(key).unwrap()),
        }
    }

    async fn settle(
        &self,
        _state: &State,
        _effect: &Effect,
        key: &IdempotencyKey,
    ) -> Result<Option<u32>> {
        Ok(self.desk.number(key))
    }

    fn applied(&self, state: &mut State, effect: &Effect, number: &u32) -> Option<String> {
        match effect {
            Effect::Register if self.forgetful => {}
            Effect::Register => state.number = Some(*number),
            Effect::Greet => state.greeted = true,
            Effect::Tell(_) => state.told = true,
        }
        None
    }

    fn look_again(&self, _state: &State, _now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    fn merged_into(&self, _state: &State) -> Option<PersonId> {
        None
    }

    fn link_broken(&self, _state: &mut State) {}

    fn gates(&self, effect: &Effect) -> bool {
        *effect == Effect::Register
    }

    fn reveals(&self, effect: &Effect) -> bool {
        *effect == Effect::Register
    }

    fn label(&self, effect: &Effect) -> &'static str {
        effect.label()
    }
}

struct Office {
    desk: Arc<Desk>,
    source: Arc<ScriptedSource>,
    clock: Arc<ManualClock>,
    engine: Engine<DeskFlow>,
}

impl Office {
    fn new(flow: DeskFlow) -> Self {
        Self::on(store(), flow)
    }

    fn on(store: Arc<dyn Store>, flow: DeskFlow) -> Self {
        let (source, clock) = (Arc::default(), Arc::new(ManualClock::at(day_one())));
        let desk = flow.desk.clone();
        let engine = Engine::new(Arc::clone(&source) as _, flow, store, Arc::clone(&clock) as _);
        Self { desk, source, clock, engine }
    }

    /// One person arrives.
    async fn arrives(&self) -> DrainReport {
        self.engine.accept(vec![patient("ada", 0)]).await.unwrap();
        self.engine.drain().await.unwrap()
    }

    async fn outcome(&self) -> Outcome {
        self.engine.explain(&subject("ada")).await.unwrap().remove(0).outcome
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::Invalid, "no")
}

#[tokio::test]
async fn what_a_receipt_reveals_is_delivered_within_the_same_drain_and_counted_once() {
    let office = Office::new(DeskFlow::default());
    let report = office.arrives().await;
    assert_eq!(office.desk.done(), [Effect::Register, Effect::Tell(100)]);
    assert_eq!((report.claims, report.done, report.postponed), (2, 1, 0));
    assert_eq!((delivered(&report), report.next_due), (2, None));
    assert_eq!(office.engine.progress().finished, 1);
    assert_eq!(office.outcome().await, Outcome::Done);
}

#[tokio::test]
async fn a_failure_in_the_second_round_repeats_only_that_round() {
    let office = Office::new(DeskFlow::default());
    office.desk.fail_next(
        "tell",
        Error::new(ErrorKind::Unavailable, "down").retry(Retry::Backoff),
        false,
    );
    let report = office.arrives().await;
    assert_eq!((report.done, report.postponed), (0, 1));
    assert_eq!(office.outcome().await, Outcome::Delivering);
    office.clock.set(report.next_due.unwrap());
    assert_eq!(office.engine.drain().await.unwrap().done, 1);
    assert_eq!(office.desk.calls(), ["register", "tell", "tell"]);
}

#[tokio::test]
async fn a_registration_of_unknown_outcome_reveals_its_receipt_when_it_is_looked_up() {
    for applied in [true, false] {
        let office = Office::new(DeskFlow::default());
        let lost = Error::new(ErrorKind::Connection, "no answer").retry(Retry::Settle);
        office.desk.fail_next("register", lost, applied);
        let report = office.arrives().await;
        office.clock.set(report.next_due.unwrap());
        let report = office.engine.drain().await.unwrap();
        // The look-up is before the plan, so that one round is enough.
        assert_eq!((report.claims, report.done, report.postponed), (1, 1, 0));
        assert_eq!(office.desk.done(), [Effect::Register, Effect::Tell(100)], "{applied}");
    }
}

#[tokio::test]
async fn an_effect_refused_beside_the_revealing_one_is_dead_once_and_stops_nothing() {
    let office = Office::new(DeskFlow { polite: true, ..DeskFlow::default() });
    office.desk.fail_next("greet", refused(), false);
    office.desk.fail_next("greet", refused(), false);
    let report = office.arrives().await;
    assert_eq!((report.done, report.dead, report.next_due), (0, 1, None));
    assert_eq!(office.desk.done(), [Effect::Register, Effect::Tell(100)]);
    assert_eq!(office.engine.dead().await.unwrap().len(), 1);
    office.engine.replay(Replay::Dead).await.unwrap();
    assert_eq!(office.engine.drain().await.unwrap().done, 1);
    assert_eq!(office.desk.done().last(), Some(&Effect::Greet));
}

#[tokio::test]
async fn what_was_revealed_waits_with_an_effect_that_needs_a_person() {
    let office = Office::new(DeskFlow { polite: true, ..DeskFlow::default() });
    let reason = ParkReason::NoContactDetails;
    office.desk.fail_next("greet", Error::needs_person(reason.clone()), false);
    office.engine.accept(vec![patient("ada", 0), consult("ada")]).await.unwrap();
    let report = office.engine.drain().await.unwrap();
    // Both events: nobody has been told the number yet, whichever of them it is for.
    assert_eq!((report.claims, report.parked, report.done, report.next_due), (1, 2, 0, None));
    assert_eq!(office.outcome().await, Outcome::Held(reason));
    assert_eq!(office.desk.calls(), ["register", "greet"]);
    office.engine.replay(Replay::Parked).await.unwrap();
    let report = office.engine.drain().await.unwrap();
    assert_eq!((report.claims, report.done), (1, 2));
    assert_eq!(office.desk.done(), [Effect::Register, Effect::Greet, Effect::Tell(100)]);
}

#[tokio::test]
async fn a_flow_that_reveals_for_ever_does_not_keep_a_drain_from_ending() {
    let office = Office::new(DeskFlow { forgetful: true, ..DeskFlow::default() });
    let report = office.arrives().await;
    assert_eq!(report.next_due, Some(day_one() + Duration::from_secs(1)));
    assert_eq!(office.desk.calls().len(), 9);
    office.clock.set(report.next_due.unwrap());
    office.engine.drain().await.unwrap();
    assert_eq!(office.desk.calls().len(), 10, "one call a second");
}

#[tokio::test]
async fn a_crash_at_any_boundary_registers_once_and_never_shows_done_too_early() {
    for boundary in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let open = || Arc::new(SqliteStore::open(&path, "main").unwrap());
        let desk = Arc::<Desk>::default();
        let flow = || DeskFlow { desk: desk.clone(), polite: true, ..DeskFlow::default() };
        let crash = Crash::at(boundary);
        {
            let store = Arc::new(CrashStore { inner: open(), crash: crash.clone() });
            let office = Office::on(store, flow());
            let _ = office.engine.accept(vec![patient("ada", 0)]).await;
            let _ = office.engine.drain().await;
        }
        let office = Office::on(open(), flow());
        let told = desk.done().contains(&Effect::Tell(100));
        let done = office.engine.summary().await.unwrap().done == 1;
        assert!(told || !done, "done too early when the process ended at {boundary}");
        office.arrives().await;
        office.clock.set(day_one() + SETTLE_AFTER);
        office.engine.drain().await.unwrap();
        assert_eq!(
            desk.done(),
            [Effect::Register, Effect::Greet, Effect::Tell(100)],
            "the process ended at {boundary}"
        );
        assert_eq!(office.outcome().await, Outcome::Done);
        if !crash.happened() {
            assert!(boundary > 10, "{boundary}");
            return;
        }
    }
}

#[tokio::test]
async fn an_event_that_waits_in_vain_is_parked_for_the_flows_own_reason() {
    let office = Office::new(DeskFlow { careful: true, ..DeskFlow::default() });
    office.source.fail_next_get(Error::new(ErrorKind::Invalid, "no such scope"));
    office.engine.accept(vec![consult("ada")]).await.unwrap();
    let report = office.engine.drain().await.unwrap();
    assert_eq!((report.parked, report.postponed, report.next_due), (1, 0, None));
    let line = office.engine.explain(&subject("ada")).await.unwrap().remove(0);
    assert_eq!(line.outcome, Outcome::Parked(ParkReason::ContactNotFound));
    let said = line.sentences.join(" ");
    assert!(said.contains("Reading the patient failed: no such scope"), "{said}");

    office.source.record(patient("ada", 0));
    office.engine.replay(Replay::Parked).await.unwrap();
    let report = office.engine.drain().await.unwrap();
    // Two rounds, and the fetched record is an event as any other.
    assert_eq!((report.claims, report.done, office.clock.now()), (2, 2, day_one()));
    assert_eq!(office.desk.done(), [Effect::Register, Effect::Tell(100)]);
}
