//! From what the store and staff said to what is left to do.

use std::collections::{BTreeSet, HashSet};

use cannula_core::{Event, EventId, Money, OrderDecision, PatientId, Phi, Record, StoreOrder};
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Marker, PostPayment, PostedPart, PostingEffect, PostingReason, PostingRules, PostingState,
    PostingVerdict, RefundLookup, RefundPolicy, RefundStanding,
    description::description,
    marker::Part,
    position::Position,
    state::{Decided, Entry, Obstacle},
};

/// What to do next for a customer, and why.
#[derive(Clone, Debug)]
pub struct PostingPlan {
    /// The customer's state with the events taken in; to be stored together with the effects.
    pub state: PostingState,
    /// What is still to be done, in order, each with the event it is for.
    pub effects: Vec<(EventId, PostingEffect)>,
    /// One for each event passed in, for each order with an effect and for each that stands
    /// differently now.
    pub verdicts: Vec<(EventId, PostingVerdict)>,
}

impl PostingRules {
    /// Takes in `events` of one customer and plans what is left to do. An order that did not go
    /// through is tried again when one of its events, or a decision about it, is passed in.
    /// Without events it plans again what has not been applied.
    pub fn decide(
        &self,
        mut state: PostingState,
        events: &[Event],
        _now: DateTime<Utc>,
    ) -> PostingPlan {
        // A decision is about what staff saw, and an order that is tried again forgets it.
        for event in events {
            if let Record::OrderDecision(decision) = &event.record {
                take_in_decision(&mut state, event, decision);
            }
        }
        let mut replaced = Vec::new();
        for event in events {
            if let Record::Order(order) = &event.record {
                replaced.extend(self.take_in(&mut state, event, order));
            }
        }
        let effects = self.effects(&state);
        let verdicts = self.verdicts(&mut state, events, replaced, &effects);
        PostingPlan { state, effects, verdicts }
    }

    /// The verdict on an event that is about nobody.
    pub fn unattended(&self, _event: &Event) -> PostingVerdict {
        PostingVerdict::done([PostingReason::NotUsed])
    }

    /// Takes in a state of an order. Returns the event whose state it replaces.
    fn take_in(
        &self,
        state: &mut PostingState,
        event: &Event,
        order: &StoreOrder,
    ) -> Option<EventId> {
        let (id, version) = (event.id.clone(), event.version.clone());
        let Some(entry) = state.orders.get_mut(&order.number) else {
            let entry = Entry::new(id, version, order.clone(), !self.config.enabled);
            state.orders.insert(order.number.clone(), entry);
            return None;
        };
        if entry.event == id {
            entry.try_again();
            return None;
        }
        // Stamps have seconds only. Of two states within one, money came in before it went back.
        let rank = |order: &StoreOrder| {
            (order.captured.as_ref().map(|it| it.amount.minor()), order.refunds.len())
        };
        let known = (entry.version.stamp, rank(&entry.order), &entry.version.digest);
        if known >= (version.stamp, rank(order), &version.digest) {
            return None;
        }
        entry.order = order.clone();
        entry.version = version;
        entry.try_again();
        entry.told = None;
        Some(std::mem::replace(&mut entry.event, id))
    }

    fn effects(&self, state: &PostingState) -> Vec<(EventId, PostingEffect)> {
        let (mut effects, mut confirmations) = (Vec::new(), Vec::new());
        let mut asked = HashSet::new();
        for entry in state.in_order() {
            let position = self.position(state, entry);
            let booked = position.booked(entry);
            let effect = match position {
                // Who typed the very same is the very same, so one search is enough.
                Position::Identify(asking) => {
                    let fresh = !asking.except.is_empty() || asked.insert(&entry.order.customer);
                    fresh.then_some(PostingEffect::Identify(asking))
                }
                Position::Post { patient, amount, date } => {
                    let number = entry.parts.len() + 1;
                    let post = self.payment(entry, number, patient, amount, date);
                    Some(PostingEffect::Post(Box::new(post)))
                }
                Position::Accepted { part, number, since } => {
                    let PostedPart { patient, amount, date, .. } = part;
                    let post = self.payment(entry, number, patient.clone(), *amount, *date);
                    Some(PostingEffect::Confirm { post: Box::new(post), since })
                }
                _ => None,
            };
            let refunds = booked.into_iter().flat_map(|booked| self.refunds(entry, booked));
            for effect in effect.into_iter().chain(refunds) {
                // Whoever is looked for for long keeps nobody waiting.
                let is_late = matches!(effect, PostingEffect::Confirm { .. });
                let last = if is_late { &mut confirmations } else { &mut effects };
                last.push((entry.event.clone(), effect));
            }
        }
        effects.append(&mut confirmations);
        effects
    }

    fn payment(
        &self,
        entry: &Entry,
        number: usize,
        patient: PatientId,
        amount: Money,
        date: NaiveDate,
    ) -> PostPayment {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        PostPayment {
            order: entry.order.number.clone(),
            patient,
            amount,
            date,
            description: self.describe(&entry.order, &entry.order, Part::Payment(number)),
            card: entry.order.tender.card.clone(),
            insist: entry.insist,
        }
    }

    /// What is left to do for the money that was given back of what is on the ledger for the form
    /// `booked`.
    fn refunds<'a>(
        &'a self,
        entry: &'a Entry,
        booked: &'a Entry,
    ) -> impl Iterator<Item = PostingEffect> + 'a {
        let patient = booked.parts.first().map(|part| &part.patient);
        let open = entry.order.refunds.iter().filter_map(move |refund| {
            let since = match entry.refunds.get(&refund.number) {
                None => None,
                Some(RefundStanding::Accepted(at)) => Some(*at),
                Some(_) => return None,
            };
            Some((refund, since, patient?))
        });
        open.map(move |(refund, since, patient)| {
            let (order, patient) = (entry.order.number.clone(), patient.clone());
            let date = self.day(refund.at);
            let posts = self.config.refunds == RefundPolicy::Post && refund.online;
            if since.is_some() || posts {
                let part = Part::Refund(refund.number.clone());
                let post = Box::new(PostPayment {
                    order,
                    patient,
                    amount: refund.amount.negated(),
                    date,
                    description: self.describe(&booked.order, &entry.order, part),
                    card: entry.order.tender.card.clone(),
                    insist: false,
                });
                match since {
                    Some(since) => PostingEffect::Confirm { post, since },
                    None => PostingEffect::Post(post),
                }
            } else {
                PostingEffect::FindRefund(Box::new(RefundLookup {
                    order,
                    refund: refund.number.clone(),
                    patient,
                    amount: refund.amount,
                    since: date,
                }))
            }
        })
    }

    /// What a row of the ledger says: the form of the order that it is for, and what was bought.
    fn describe(&self, form: &StoreOrder, order: &StoreOrder, part: Part) -> Phi<String> {
        let marker = Marker { order: form.number.clone(), part };
        let warning = &self.config.gift_card_warning;
        description(&marker, order, warning, self.ledger.description_limit)
    }

    fn verdicts(
        &self,
        state: &mut PostingState,
        events: &[Event],
        replaced: Vec<EventId>,
        effects: &[(EventId, PostingEffect)],
    ) -> Vec<(EventId, PostingVerdict)> {
        let given: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        let caused: BTreeSet<_> = effects.iter().map(|(cause, _)| cause).collect();
        let mut told = Vec::new();
        for entry in state.in_order() {
            let verdict = self.standing(state, entry).verdict();
            let news = entry.told.as_ref() != Some(&verdict);
            if news || given.contains(&entry.event) || caused.contains(&entry.event) {
                told.push((entry.order.number.clone(), entry.event.clone(), verdict));
            }
        }
        let mut verdicts = Vec::new();
        let current: BTreeSet<_> = state.orders.values().map(|entry| entry.event.clone()).collect();
        for event in events.iter().filter(|event| !current.contains(&event.id)) {
            let reason = match &event.record {
                Record::Order(_) => PostingReason::Superseded,
                Record::OrderDecision(decision) => PostingReason::Decided {
                    order: decision.order.clone(),
                    choice: decision.choice.clone(),
                    remember: decision.remember,
                },
                _ => PostingReason::NotUsed,
            };
            verdicts.push((event.id.clone(), PostingVerdict::done([reason])));
        }
        for event in replaced.into_iter().filter(|event| !given.contains(event)) {
            verdicts.push((event, PostingVerdict::done([PostingReason::Superseded])));
        }
        for (number, event, verdict) in told {
            if let Some(entry) = state.orders.get_mut(&number) {
                entry.told = Some(verdict.clone());
            }
            verdicts.push((event, verdict));
        }
        verdicts
    }
}

fn take_in_decision(state: &mut PostingState, event: &Event, decision: &OrderDecision) {
    let known = state.decisions.get(&decision.order);
    if known.is_some_and(|known| known.version >= event.version) {
        return;
    }
    let decided = Decided {
        version: event.version.clone(),
        choice: decision.choice.clone(),
        remember: decision.remember,
    };
    state.decisions.insert(decision.order.clone(), decided);
    if let Some(entry) = state.orders.get_mut(&decision.order) {
        entry.insist = matches!(entry.obstacle, Some(Obstacle::LooksPosted { .. }));
        if entry.obstacle == Some(Obstacle::Unseen) {
            // Staff have looked. If it comes to light now, its marker keeps it from being sent.
            entry.parts.retain(|part| part.row().is_some());
        }
        entry.try_again();
    }
    if decision.remember {
        state.orders.values_mut().for_each(Entry::try_again);
    }
}
