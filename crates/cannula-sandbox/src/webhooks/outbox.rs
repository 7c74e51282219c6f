//! Events that wait for their turn, and what became of those that had it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    DeliveryState, Payload, Policy, WebhookDelivery, WebhookQuirks, subscriber::Subscriber,
};
use crate::faults::Rng;

/// How many deliveries that came to an end are remembered.
const REMEMBERED: usize = 10_000;

/// When a parcel is due, and its place in the order of sending.
type Slot = (DateTime<Utc>, u64);

/// The events of one vendor.
#[derive(Debug)]
pub(super) struct Outbox {
    policy: Policy,
    subscriber: Option<Subscriber>,
    quirks: WebhookQuirks,
    random: Rng,
    events: u64,
    parcels: u64,
    /// Failed attempts since the last good one.
    failures: usize,
    waiting: BTreeMap<Slot, Parcel>,
    finished: VecDeque<WebhookDelivery>,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    number: u64,
    payload: Arc<dyn Payload>,
    delivery: WebhookDelivery,
}

impl Parcel {
    pub(super) fn body(&self) -> Vec<u8> {
        self.payload.body(&self.delivery.webhook_id)
    }
}

/// A parcel, and how to bring it to whom.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) subscriber: Subscriber,
    pub(super) quirks: WebhookQuirks,
    pub(super) parcel: Parcel,
}

impl Outbox {
    /// Nothing yet, for nobody.
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            subscriber: None,
            quirks: WebhookQuirks::default(),
            random: Rng::new(0),
            events: 0,
            parcels: 0,
            failures: 0,
            waiting: BTreeMap::new(),
            finished: VecDeque::new(),
        }
    }

    /// Records an event of something that happened at `at`. Without a subscriber there is none.
    pub(super) fn record(&mut self, payload: Arc<dyn Payload>, at: DateTime<Utc>) {
        if self.subscriber.is_none() {
            return;
        }
        self.events += 1;
        let delivery = WebhookDelivery {
            event: payload.event().to_owned(),
            record: payload.record().to_owned(),
            webhook_id: (self.policy.event_id)(self.events),
            answers: Vec::new(),
            state: DeliveryState::Waiting,
        };
        if self.random.unit() < self.quirks.loss {
            self.finish(WebhookDelivery { state: DeliveryState::Lost, ..delivery });
            return;
        }
        let copies = if self.random.unit() < self.quirks.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            self.parcels += 1;
            let due =
                at + seconds(self.quirks.delay_seconds) + self.up_to(self.quirks.spread_seconds);
            let parcel = Parcel {
                number: self.parcels,
                payload: Arc::clone(&payload),
                delivery: delivery.clone(),
            };
            self.waiting.insert((due, parcel.number), parcel);
        }
    }

    fn up_to(&mut self, most: u64) -> TimeDelta {
        seconds(self.random.next() % most.saturating_add(1))
    }

    /// The number of the newest parcel.
    pub(super) const fn newest(&self) -> u64 {
        self.parcels
    }

    /// When the next parcel is due.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.waiting.keys().next().map(|(due, _)| *due)
    }

    /// Takes a parcel that is due and not newer than `newest`.
    pub(super) fn take(&mut self, now: DateTime<Utc>, newest: u64) -> Option<Errand> {
        let subscriber = self.subscriber.clone()?;
        let Self { waiting, random, quirks, .. } = self;
        let due = waiting.range(..=(now, u64::MAX)).map(|(slot, _)| *slot);
        let mut due = due.filter(|(_, number)| *number <= newest);
        let slot = if quirks.reorder {
            let slots: Vec<Slot> = due.collect();
            let index = random.next().checked_rem(slots.len() as u64)?;
            slots.get(usize::try_from(index).ok()?).copied()
        } else {
            due.next()
        };
        let parcel = self.waiting.remove(&slot?)?;
        Some(Errand { subscriber, quirks: self.quirks.clone(), parcel })
    }

    /// Notes what a parcel was answered with; `None` if nothing came back.
    pub(super) fn settle(&mut self, mut parcel: Parcel, answer: Option<u16>, now: DateTime<Utc>) {
        let failed = parcel.delivery.answers.len();
        parcel.delivery.answers.push(answer);
        if matches!(answer, Some(200..=299)) {
            self.failures = 0;
            parcel.delivery.state = DeliveryState::Delivered;
            self.finish(parcel.delivery);
            return;
        }
        self.failures += 1;
        let pause = self.policy.pauses.get(failed).filter(|_| (self.policy.retried)(answer));
        if let Some(pause) = pause {
            let due = now + *pause + self.up_to(self.quirks.retry_jitter_seconds);
            self.waiting.insert((due, parcel.number), parcel);
        } else {
            parcel.delivery.state = DeliveryState::GivenUp;
            self.finish(parcel.delivery);
        }
        if self.policy.switched_off_after.is_some_and(|most| self.failures >= most) {
            self.switch_off();
        }
    }

    /// The vendor gives the subscriber up, and with it all that waits.
    fn switch_off(&mut self) {
        self.subscriber = None;
        self.failures = 0;
        for parcel in std::mem::take(&mut self.waiting).into_values() {
            self.finish(WebhookDelivery { state: DeliveryState::GivenUp, ..parcel.delivery });
        }
    }

    fn finish(&mut self, delivery: WebhookDelivery) {
        if self.finished.len() == REMEMBERED {
            self.finished.pop_front();
        }
        self.finished.push_back(delivery);
    }

    /// Deliveries in the order in which they ended, then those that wait.
    pub(super) fn log(&self) -> Vec<WebhookDelivery> {
        let waiting = self.waiting.values().map(|parcel| &parcel.delivery);
        self.finished.iter().chain(waiting).cloned().collect()
    }

    pub(super) const fn has_subscriber(&self) -> bool {
        self.subscriber.is_some()
    }

    /// Sends to another subscriber from now on, or to none, which forgets what waits. Returns the
    /// one before.
    pub(super) fn set_subscriber(&mut self, subscriber: Option<Subscriber>) -> Option<Subscriber> {
        if subscriber.is_none() {
            self.waiting.clear();
        }
        self.failures = 0;
        std::mem::replace(&mut self.subscriber, subscriber)
    }

    pub(super) const fn quirks(&self) -> &WebhookQuirks {
        &self.quirks
    }

    pub(super) fn set_quirks(&mut self, quirks: WebhookQuirks) {
        if quirks.seed != self.quirks.seed {
            self.random = Rng::new(quirks.seed);
        }
        self.quirks = quirks;
    }
}

fn seconds(number: u64) -> TimeDelta {
    i64::try_from(number).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::days(36_500))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug)]
    struct Nothing;

    impl Payload for Nothing {
        fn event(&self) -> &str {
            "Nothing"
        }

        fn record(&self) -> &str {
            "1"
        }

        fn body(&self, event_id: &str) -> Vec<u8> {
            event_id.as_bytes().to_vec()
        }
    }

    const POLICY: Policy = Policy {
        sign: |_, _| None,
        event_id: |number| number.to_string(),
        patience: Duration::from_secs(1),
        retried: |answer| answer != Some(410),
        pauses: &[TimeDelta::seconds(30); 4],
        switched_off_after: Some(3),
    };

    fn outbox(events: u32) -> (Outbox, DateTime<Utc>) {
        let (mut outbox, now) = (Outbox::new(POLICY), DateTime::UNIX_EPOCH);
        let subscriber = Subscriber::new("http://127.0.0.1:9/", POLICY.patience).unwrap();
        outbox.set_subscriber(Some(subscriber));
        for _ in 0..events {
            outbox.record(Arc::new(Nothing), now);
        }
        (outbox, now)
    }

    fn answer(outbox: &mut Outbox, answer: Option<u16>, now: DateTime<Utc>) {
        let errand = outbox.take(now, outbox.newest()).unwrap();
        outbox.settle(errand.parcel, answer, now);
    }

    #[test]
    fn failures_in_a_row_end_the_subscription_and_what_waits() {
        let (mut outbox, now) = outbox(5);
        for given in [None, Some(500), Some(200), Some(500), Some(500)] {
            answer(&mut outbox, given, now);
        }
        assert!(outbox.has_subscriber(), "the good one began a new row");
        answer(&mut outbox, None, now + TimeDelta::seconds(30));
        assert!(!outbox.has_subscriber());
        let states: Vec<_> = outbox.log().into_iter().map(|delivery| delivery.state).collect();
        assert_eq!(states.len(), 5);
        assert!(states[1..].iter().all(|state| *state == DeliveryState::GivenUp));
        outbox.record(Arc::new(Nothing), now);
        assert_eq!(outbox.log().len(), 5);
    }

    #[test]
    fn an_answer_that_is_not_retried_is_the_end() {
        let (mut outbox, now) = outbox(2);
        answer(&mut outbox, Some(410), now);
        answer(&mut outbox, Some(503), now);
        assert_eq!(outbox.next_due(), Some(now + TimeDelta::seconds(30)));
        assert_eq!(outbox.log()[0].state, DeliveryState::GivenUp);
    }
}
