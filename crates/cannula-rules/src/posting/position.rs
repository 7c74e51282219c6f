//! Where an order stands and what is next for it.

use cannula_core::{
    Captured, Money, OrderNumber, OrderState, PatientChoice, PatientId, StoreOrder,
};
use chrono::{DateTime, NaiveDate, Utc};

use crate::folds;

use super::{
    Identification, Identified, PostedPart, PostingRules, PostingState, Seen,
    due::{Due, Later, Nothing, Unclear},
    state::{Entry, Obstacle},
};

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position<'a> {
    /// It was placed while posting was off.
    Disabled,
    /// It was placed before posting began.
    BeforeStart,
    Later(Later),
    Nothing(Nothing),
    Unclear(Unclear),
    /// This other form of it was posted, or is to be.
    Related(&'a OrderNumber),
    /// It must be found out who the customer is.
    Identify(Box<Identification>),
    /// It could not be found out who the customer is.
    Unidentified(&'a Identified),
    Blocked(&'a Obstacle),
    /// This money is to be posted.
    Post {
        patient: PatientId,
        amount: Money,
        date: NaiveDate,
    },
    /// All of it is posted, and the EMR does not show this part of it yet.
    Accepted {
        part: &'a PostedPart,
        number: usize,
        since: DateTime<Utc>,
    },
    /// All of it is posted.
    Posted {
        patient: PatientId,
    },
    /// It is an edited form of this one, which is posted, over the same money.
    CarriedOver {
        from: &'a Entry,
    },
}

impl<'a> Position<'a> {
    /// The form of the order that its money is on the ledger for: what was given back of it is to
    /// be recorded there.
    pub(super) fn booked(&self, entry: &'a Entry) -> Option<&'a Entry> {
        let entry = match self {
            Self::CarriedOver { from } => from,
            _ => entry,
        };
        (!entry.parts.is_empty()).then_some(entry)
    }
}

impl PostingRules {
    pub(super) fn position<'a>(&self, state: &'a PostingState, entry: &'a Entry) -> Position<'a> {
        let posted = !entry.parts.is_empty();
        if entry.disabled {
            return Position::Disabled;
        }
        if entry.order.placed_at < self.config.start_from && !posted {
            return Position::BeforeStart;
        }
        let captured = match self.config.due(&entry.order, self.ledger.currency, posted) {
            Due::Money(captured) => captured,
            Due::Unclear(Unclear::CanceledWithMoney)
                if self
                    .other_form(state, entry)
                    .is_some_and(|other| is_carried(&entry.order, &other.order)) =>
            {
                return Position::Nothing(Nothing::Replaced);
            }
            Due::Later(later) => return Position::Later(later),
            Due::Nothing(nothing) => return Position::Nothing(nothing),
            Due::Unclear(unclear) => return Position::Unclear(unclear),
        };
        let number = &entry.order.number;
        let undecided = !posted && !state.decisions.contains_key(number);
        let first = &entry.order.first_number;
        if undecided
            && first != number
            && state
                .orders
                .values()
                .all(|it| it.order.number == *number || it.order.first_number != *first)
        {
            // The form before is another customer's, or was placed before anything was read:
            // whether it has this money already, only staff can see.
            return Position::Related(first);
        }
        let left_out = |it: &&Entry| it.disabled || it.order.placed_at < self.config.start_from;
        if undecided && let Some(other) = state.forms_before(entry).find(left_out) {
            // What is in the store only, or was posted by something else, stays as it is.
            return Position::Related(&other.order.number);
        }
        if undecided && let Some(other) = self.other_form(state, entry) {
            let carried = is_carried(&other.order, &entry.order);
            if carried && other.posted() == other.order.captured.as_ref().map(|it| it.amount) {
                return Position::CarriedOver { from: other };
            }
            return Position::Related(&other.order.number);
        }
        let taken = state.own_money(entry, captured);
        let before = entry.posted().map_or(0, |sum| sum.minor());
        let amount = less(taken.amount, before);
        if amount.is_negative() {
            return Position::Unclear(Unclear::LessThanPosted);
        }
        let hidden = (1..).zip(&entry.parts).find_map(|(number, part)| match part.seen {
            Seen::NotYet(since) => Some(Position::Accepted { part, number, since }),
            Seen::Row(_) => None,
        });
        if let Some(accepted) = hidden {
            return match &entry.obstacle {
                Some(obstacle @ Obstacle::Unseen) => Position::Blocked(obstacle),
                _ => accepted,
            };
        }
        if let (0, Some(part)) = (amount.minor(), entry.parts.first()) {
            return Position::Posted { patient: part.patient.clone() };
        }
        let patient = match self.who(state, entry) {
            Ok(patient) => patient.clone(),
            Err(position) => return position,
        };
        if let Some(obstacle) = &entry.obstacle {
            return Position::Blocked(obstacle);
        }
        Position::Post { patient, amount, date: self.day(taken.at) }
    }

    /// The form of the same order that has the first claim to be posted, if it is another.
    fn other_form<'a>(&self, state: &'a PostingState, entry: &Entry) -> Option<&'a Entry> {
        let family =
            state.in_order().filter(|other| other.order.first_number == entry.order.first_number);
        let claims = |other: &&Entry| {
            let posted = !other.parts.is_empty();
            posted
                || matches!(
                    self.config.due(&other.order, self.ledger.currency, false),
                    Due::Money(_)
                )
        };
        let claimants: Vec<_> = family.filter(claims).collect();
        let first = claimants.iter().find(|it| !it.parts.is_empty()).or(claimants.first())?;
        (first.order.number != entry.order.number).then_some(first)
    }

    /// Whose ledger an order goes to; what stands in the way if that is not clear.
    fn who<'a>(
        &self,
        state: &'a PostingState,
        entry: &'a Entry,
    ) -> Result<&'a PatientId, Position<'a>> {
        let there = |patient: &&PatientId| !state.gone.contains(*patient);
        if let Some(patient) = entry.parts.first().map(|part| &part.patient).filter(there) {
            return Ok(patient);
        }
        let decision = state.decisions.get(&entry.order.number);
        let mut except: Vec<_> = state.gone.iter().cloned().collect();
        match decision.map(|it| &it.choice) {
            Some(PatientChoice::Patient(patient)) => return Ok(patient),
            Some(PatientChoice::New) => {
                except.extend(state.asked.iter().cloned());
            }
            None => {}
        }
        match &entry.identified {
            Some(identified) => {
                if let Some(patient) = identified.patient() {
                    return Ok(patient);
                }
                if decision.is_none()
                    && let Some(patient) = state.remembered(entry)
                {
                    return Ok(patient);
                }
                Err(Position::Unidentified(identified))
            }
            None => {
                let known = || state.remembered(entry).or_else(|| state.same_customer(entry));
                if decision.is_none()
                    && let Some(patient) = known()
                {
                    return Ok(patient);
                }
                Err(Position::Identify(Box::new(Identification {
                    order: entry.order.number.clone(),
                    customer: entry.order.customer.clone(),
                    except,
                })))
            }
        }
    }
}

/// Whether the money of an order that was edited is what its new form shows as paid.
fn is_carried(from: &StoreOrder, to: &StoreOrder) -> bool {
    let (Some(from_taken), Some(to_taken)) = (&from.captured, &to.captured) else { return false };
    from.state == OrderState::Canceled
        && !to_taken.charged
        && from_taken.amount.currency() == to_taken.amount.currency()
        && from_taken.amount.minor().saturating_sub(from.given_back()) == to_taken.amount.minor()
}

fn less(amount: Money, minor: i64) -> Money {
    Money::from_minor(amount.minor().saturating_sub(minor), amount.currency())
}

impl PostingState {
    /// The forms of the same order that were there before.
    fn forms_before<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let before = |it: &&Entry| it.order.number != entry.order.number;
        let family = |it: &&Entry| it.order.first_number == entry.order.first_number;
        self.in_order().take_while(before).filter(family)
    }

    /// What an order brought in itself, and when. What an edited one shows as paid may have been
    /// taken for the forms before: what of it is posted for them is not due again, and what is not
    /// came in when they were paid.
    pub(super) fn own_money(&self, entry: &Entry, captured: &Captured) -> Captured {
        let mut own = captured.clone();
        if captured.charged {
            return own;
        }
        for form in self.forms_before(entry) {
            if form.order.state != OrderState::Canceled {
                continue;
            }
            if let Some(posted) = form.posted() {
                own.amount = less(own.amount, posted.minor() - form.order.given_back());
            } else if is_carried(&form.order, &entry.order) {
                own.at = form.order.captured.as_ref().map_or(own.at, |it| it.at.min(own.at));
            }
        }
        own
    }

    /// The orders in the order in which they were placed.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Entry> {
        let mut entries: Vec<_> = self.orders.values().collect();
        entries.sort_by_key(|entry| (entry.order.placed_at, &entry.order.number));
        entries.into_iter()
    }

    /// The patient whom staff chose last for all orders of the customer, as far as the name is the
    /// same: families share accounts and mailboxes.
    fn remembered(&self, entry: &Entry) -> Option<&PatientId> {
        let namesake = |other: &&Entry| {
            let [one, other] = [entry, other].map(|it| &it.order.customer.name);
            folds::name(&one.given) == folds::name(&other.given)
                && folds::name(&one.family) == folds::name(&other.family)
        };
        let lasting = self.decisions.iter().filter(|(_, it)| it.remember);
        let theirs =
            lasting.filter_map(|(order, it)| Some((self.orders.get(order).filter(namesake)?, it)));
        let (order, newest) = theirs.max_by_key(|(_, it)| &it.version)?;
        match &newest.choice {
            PatientChoice::Patient(patient) => Some(patient),
            PatientChoice::New => order.identified.as_ref()?.patient(),
        }
    }

    /// The patient found for another order of a customer who typed the very same.
    fn same_customer(&self, entry: &Entry) -> Option<&PatientId> {
        let same = |other: &&Entry| other.order.customer == entry.order.customer;
        let undecided = |other: &&Entry| !self.decisions.contains_key(&other.order.number);
        let found = self.orders.values().filter(same).filter(undecided);
        found.filter_map(|other| other.identified.as_ref()?.patient()).next()
    }
}
