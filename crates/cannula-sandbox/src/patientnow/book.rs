//! What only PatientNow keeps of the practice: orders, memberships, and second services of a
//! visit.

use std::collections::{BTreeMap, HashMap};

use cannula_core::{MembershipStatus, Money, Named, PatientId, RecordId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::order::{OrderState, OrderStatus, PatientNowMembership, cents};
use crate::practice::{Table, Version, ZONE};

/// Orders and memberships with all their versions.
#[derive(Debug)]
pub(crate) struct Book {
    pub(super) orders: Table<OrderState>,
    pub(super) memberships: Table<PatientNowMembership>,
    /// Second services by appointment.
    pub(super) also: HashMap<String, Named>,
    /// The membership that an order sold.
    sold: HashMap<RecordId, RecordId>,
    next_order: u32,
    next_membership: u32,
    /// When something was last done by hand.
    latest: DateTime<Utc>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            orders: Table::default(),
            memberships: Table::default(),
            also: HashMap::new(),
            sold: HashMap::new(),
            next_order: 440_001,
            next_membership: 8_801,
            latest: DateTime::UNIX_EPOCH,
        }
    }
}

impl Book {
    /// The timeline is complete: what follows is done by hand.
    pub(super) const fn hand_over(&mut self) {
        self.next_order = 990_001;
        self.next_membership = 98_001;
    }

    /// Enters an order with its whole life, and the membership that it sells.
    pub(super) fn enter(
        &mut self,
        versions: Vec<Version<OrderState>>,
        ends: Option<(DateTime<Utc>, MembershipStatus)>,
    ) -> RecordId {
        let id = RecordId::new(self.next_order.to_string());
        self.next_order += 1;
        self.enter_membership(&id, &versions, ends);
        self.orders.add(id.as_str(), versions);
        id
    }

    /// A membership begins when its order is first settled and ends when the order is taken back.
    fn enter_membership(
        &mut self,
        order: &RecordId,
        versions: &[Version<OrderState>],
        ends: Option<(DateTime<Utc>, MembershipStatus)>,
    ) {
        let begin = versions.iter().find(|version| version.state.is_settled());
        let Some((at, state)) =
            begin.and_then(|version| Some((version.at, begun(order, &version.state, version.at)?)))
        else {
            return;
        };
        let mut life = vec![Version { at, state: state.clone() }];
        let taken_back = versions.iter().find(|version| is_taken_back(version.state.status));
        let taken_back = taken_back.map(|version| (version.at, MembershipStatus::Cancelled));
        let end = [taken_back, ends].into_iter().flatten().min_by_key(|end| end.0);
        if let Some((end, status)) = end.filter(|end| end.0 > at) {
            life.push(Version { at: end, state: ended(state, status, end) });
        }
        let id = RecordId::new(self.next_membership.to_string());
        self.next_membership += 1;
        self.sold.insert(order.clone(), id.clone());
        self.memberships.add(id.as_str(), life);
    }

    /// Enters an order by hand.
    pub(super) fn ring_up(&mut self, mut state: OrderState, now: DateTime<Utc>) -> RecordId {
        let at = self.moment(now);
        state.opened = at;
        state.closed = state.closed.or(Some(at).filter(|_| state.status == OrderStatus::Closed));
        self.latest = at;
        self.enter(vec![Version { at, state }], None)
    }

    /// Changes an order by hand; what was planned for it is dropped. `false` if there is none or
    /// `change` refuses.
    pub(super) fn change(
        &mut self,
        id: &RecordId,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut OrderState, DateTime<Utc>) -> bool,
    ) -> bool {
        let now = self.moment(now);
        let Some(found) = self.orders.get(id.as_str(), now) else { return false };
        let at = now.max(found.version.at + TimeDelta::milliseconds(1));
        let mut state = found.version.state.clone();
        if !change(&mut state, at) {
            return false;
        }
        self.latest = at;
        self.orders.change(id.as_str(), at, |old| *old = state.clone());
        self.follow(id, &state, at);
        true
    }

    /// What an order that was changed by hand does to the membership that it sells.
    fn follow(&mut self, id: &RecordId, state: &OrderState, at: DateTime<Utc>) {
        let known =
            self.sold.get(id).filter(|sold| self.memberships.get(sold.as_str(), at).is_some());
        match known.cloned() {
            Some(membership) if is_taken_back(state.status) => {
                self.memberships.change(membership.as_str(), at, |state| {
                    *state = ended(state.clone(), MembershipStatus::Cancelled, at);
                });
            }
            Some(membership) => {
                self.memberships.forget(membership.as_str(), at);
            }
            None => {
                if let Some(planned) = self.sold.remove(id) {
                    self.memberships.forget(planned.as_str(), at);
                }
                self.enter_membership(id, &[Version { at, state: state.clone() }], None);
            }
        }
    }

    /// Ends a membership by hand, or freezes it. `false` if there is none.
    pub(super) fn end_membership(
        &mut self,
        id: &RecordId,
        status: MembershipStatus,
        now: DateTime<Utc>,
    ) -> bool {
        let at = self.moment(now);
        self.latest = at;
        self.memberships.change(id.as_str(), at, |state| {
            *state = ended(state.clone(), status, at);
        })
    }

    /// The membership that an order sold.
    pub(super) fn sold_by(&self, order: &RecordId) -> Option<RecordId> {
        self.sold.get(order).cloned()
    }

    /// What each patient's settled orders come to at an instant.
    pub(super) fn values(&self, at: DateTime<Utc>) -> BTreeMap<PatientId, Money> {
        let mut sums = BTreeMap::<PatientId, i64>::new();
        let mut ids: Vec<_> = self.orders.versions().map(|(id, _)| id).collect();
        ids.dedup();
        for order in ids.into_iter().filter_map(|id| self.orders.get(id, at)) {
            let state = &order.version.state;
            *sums.entry(state.patient.clone()).or_default() += state.value().minor();
        }
        sums.into_iter().map(|(patient, minor)| (patient, cents(minor))).collect()
    }

    /// The instant for something done by hand at `now`: not before what was done just before it,
    /// which may be a few milliseconds ahead of a clock that stands still.
    fn moment(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = self.latest - now;
        if ahead < TimeDelta::seconds(1) { now.max(self.latest) } else { now }
    }
}

pub(super) fn local_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&ZONE).date_naive()
}

const fn is_taken_back(status: OrderStatus) -> bool {
    matches!(status, OrderStatus::Voided | OrderStatus::Refunded)
}

fn begun(order: &RecordId, state: &OrderState, at: DateTime<Utc>) -> Option<PatientNowMembership> {
    let line = state.membership().filter(|_| state.is_settled())?;
    Some(PatientNowMembership {
        patient: state.patient.clone(),
        plan: line.item,
        name: line.name.clone(),
        status: MembershipStatus::Active,
        start: local_date(state.closed.unwrap_or(at)),
        end: None,
        price: line.total(),
        order: order.clone(),
    })
}

fn ended(
    state: PatientNowMembership,
    status: MembershipStatus,
    at: DateTime<Utc>,
) -> PatientNowMembership {
    let frozen = status == MembershipStatus::Frozen;
    PatientNowMembership { status, end: (!frozen).then(|| local_date(at)), ..state }
}
