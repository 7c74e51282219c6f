//! From what the store and staff said to what is left to do.

use std::collections::{BTreeSet, HashSet};

use cannula_core::{Event, EventId, OrderDecision, PatientId, Phi, Record, StoreOrder};
use chrono::{DateTime, Utc};

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
        let mut replaced = Vec::new();
        for event in events {
            match &event.record {
                Record::Order(order) => replaced.extend(self.take_in(&mut state, event, order)),
                Record::OrderDecision(decision) => take_in_decision(&mut state, event, decision),
                _ => {}
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
        let mut effects = Vec::new();
        let mut asked = HashSet::new();
        for entry in state.in_order() {
            let position = self.position(state, entry);
            let booked_to = position.booked_to(entry);
            let effect = match position {
                // Who typed the very same is the very same, so one search is enough.
                Position::Identify(asking) => {
                    let fresh = !asking.except.is_empty() || asked.insert(&entry.order.customer);
                    fresh.then_some(PostingEffect::Identify(asking))
                }
                Position::Post { patient, amount, date } => {
                    let part = PostedPart { row: None, patient, amount, date };
                    let post = self.payment(entry, &part, entry.parts.len() + 1);
                    Some(PostingEffect::Post(Box::new(post)))
                }
                Position::Accepted { part, number } => {
                    Some(PostingEffect::Confirm(Box::new(self.payment(entry, part, number))))
                }
                _ => None,
            };
            effects.extend(effect.map(|effect| (entry.event.clone(), effect)));
            let refunds = booked_to.iter().flat_map(|patient| self.refunds(entry, patient));
            effects.extend(refunds.map(|effect| (entry.event.clone(), effect)));
        }
        effects
    }

    fn payment(&self, entry: &Entry, part: &PostedPart, number: usize) -> PostPayment {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        PostPayment {
            order: entry.order.number.clone(),
            patient: part.patient.clone(),
            amount: part.amount,
            date: part.date,
            description: self.describe(&entry.order, Part::Payment(number)),
            card: entry.order.tender.card.clone(),
            insist: entry.insist,
        }
    }

    /// What is left to do for the money that was given back of what is on the patient's ledger.
    fn refunds<'a>(
        &'a self,
        entry: &'a Entry,
        patient: &'a PatientId,
    ) -> impl Iterator<Item = PostingEffect> + 'a {
        let open = entry.order.refunds.iter().filter(|it| {
            matches!(entry.refunds.get(&it.number), None | Some(RefundStanding::Accepted))
        });
        open.map(move |refund| {
            let (order, patient) = (entry.order.number.clone(), patient.clone());
            let date = self.day(refund.at);
            let accepted = entry.refunds.contains_key(&refund.number);
            let posts = self.config.refunds == RefundPolicy::Post && refund.online;
            if accepted || posts {
                let post = Box::new(PostPayment {
                    order,
                    patient,
                    amount: refund.amount.negated(),
                    date,
                    description: self.describe(&entry.order, Part::Refund(refund.number.clone())),
                    card: entry.order.tender.card.clone(),
                    insist: false,
                });
                if accepted { PostingEffect::Confirm(post) } else { PostingEffect::Post(post) }
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

    fn describe(&self, order: &StoreOrder, part: Part) -> Phi<String> {
        let marker = Marker { order: order.number.clone(), part };
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
        entry.try_again();
    }
    if decision.remember {
        state.orders.values_mut().for_each(Entry::try_again);
    }
}
