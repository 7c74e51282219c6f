//! Events that wait for their turn, and what became of those that had it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use crate::{
    crm::{contact::Contact, ids::uuid},
    faults::Rng,
};

use super::{
    DeliveryState, Signing, WebhookDelivery, WebhookQuirks,
    courier::Subscriber,
    payload::{Event, Kind},
};

/// Only 429 is tried again, six times, ten minutes apart: the vendor's guide of October 2025 and
/// help page 155000007071. Whatever else is answered, 500 among it, the event is gone.
const RETRIES: usize = 6;
const RETRY_AFTER: TimeDelta = TimeDelta::minutes(10);

/// How many deliveries that came to an end are remembered.
const REMEMBERED: usize = 10_000;

/// Webhook ids count from here, far from those of pipeline stages.
const FIRST_ID: u64 = 1 << 40;

/// When a parcel is due, and its place in the order of sending.
type Slot = (DateTime<Utc>, u64);

/// The events of one location.
#[derive(Debug)]
pub(crate) struct Outbox {
    subscriber: Option<Subscriber>,
    quirks: WebhookQuirks,
    random: Rng,
    app: String,
    events: u64,
    parcels: u64,
    waiting: BTreeMap<Slot, Parcel>,
    finished: VecDeque<WebhookDelivery>,
    wake: Arc<Notify>,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    number: u64,
    pub(super) event: Arc<Event>,
    delivery: WebhookDelivery,
}

/// A parcel, and how to bring it to whom.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) subscriber: Subscriber,
    pub(super) signing: Signing,
    pub(super) parcel: Parcel,
}

impl Outbox {
    /// Nothing yet, for nobody. `wake` is told of every new event.
    pub(crate) fn new(app: String, wake: Arc<Notify>) -> Self {
        Self {
            subscriber: None,
            quirks: WebhookQuirks::default(),
            random: Rng::new(0),
            app,
            events: 0,
            parcels: 0,
            waiting: BTreeMap::new(),
            finished: VecDeque::new(),
            wake,
        }
    }

    /// Records events about a contact as a change left it. Without a subscriber there are none.
    pub(crate) fn record(&mut self, kinds: &[Kind], contact: &Arc<Contact>, now: DateTime<Utc>) {
        if self.subscriber.is_none() {
            return;
        }
        for &kind in kinds {
            self.events += 1;
            let event = Arc::new(Event {
                kind,
                webhook_id: uuid(FIRST_ID + self.events),
                app: self.app.clone(),
                at: now,
                contact: Arc::clone(contact),
            });
            self.pack(&event, now);
        }
        self.wake.notify_one();
    }

    fn pack(&mut self, event: &Arc<Event>, now: DateTime<Utc>) {
        let delivery = WebhookDelivery {
            event: event.kind.name().to_owned(),
            contact: event.contact.id.clone(),
            webhook_id: event.webhook_id.clone(),
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
                now + seconds(self.quirks.delay_seconds) + self.up_to(self.quirks.spread_seconds);
            let parcel = Parcel {
                number: self.parcels,
                event: Arc::clone(event),
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
        Some(Errand { subscriber, signing: self.quirks.signing, parcel })
    }

    /// Notes what a parcel was answered with; `None` if nothing came back.
    pub(super) fn settle(&mut self, mut parcel: Parcel, answer: Option<u16>, now: DateTime<Utc>) {
        parcel.delivery.answers.push(answer);
        parcel.delivery.state = match answer {
            Some(429) if parcel.delivery.answers.len() <= RETRIES => {
                let due = now + RETRY_AFTER + self.up_to(self.quirks.retry_jitter_seconds);
                self.waiting.insert((due, parcel.number), parcel);
                return;
            }
            Some(200..=299) => DeliveryState::Delivered,
            _ => DeliveryState::GivenUp,
        };
        self.finish(parcel.delivery);
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

    /// Sends to another subscriber from now on, or to none, which forgets what waits.
    pub(super) fn set_subscriber(&mut self, subscriber: Option<Subscriber>) {
        if subscriber.is_none() {
            self.waiting.clear();
        }
        self.subscriber = subscriber;
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
