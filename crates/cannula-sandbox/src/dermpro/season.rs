//! Draws a store's life from a seed: who buys what, and what becomes of each order. Nothing of it
//! happens before its time, so that what is done by hand in between falls into line.

use std::collections::BTreeMap;

use cannula_core::OrderNumber;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    book::{Book, Refund},
    checkout::{Article, Checkout},
    customers::Cast,
    goods,
    order::StoreState,
    shopper::Kin,
    store::renewal,
};
use crate::{
    faults::Rng,
    practice::{Practice, PracticeConfig, cents},
};

/// What the store's life is made from, beside the practice's seed and start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreConfig {
    /// How many people buy there; 0 makes an empty store for tests to fill.
    pub customers: u32,
    /// How many days it goes on. What would happen later does not happen.
    pub days: u32,
}

/// Something that is still to happen.
#[derive(Debug)]
enum Act {
    /// A customer shows up: an account is opened, duplicates and relatives are registered with
    /// the practice.
    Arrive(usize),
    Buy(usize),
    Capture(OrderNumber, i64),
    Ship(OrderNumber),
    Release(OrderNumber),
    Cancel(OrderNumber),
    Refund(OrderNumber, i64, Refund),
    Edit(OrderNumber),
    Reorder(OrderNumber),
    Renew(OrderNumber, u32),
    Touch(OrderNumber),
    Rename(usize),
}

/// What is still to happen, in order.
#[derive(Debug)]
pub(super) struct Season {
    random: Rng,
    end: DateTime<Utc>,
    cast: Vec<Cast>,
    acts: BTreeMap<(DateTime<Utc>, u64), Act>,
    count: u64,
}

impl Season {
    /// Casts the customers and plans when they buy.
    pub(super) fn plan(config: StoreConfig, of: PracticeConfig, practice: &Practice) -> Self {
        let mut season = Self {
            random: Rng::new(of.seed ^ 0xDE23_0409),
            end: of.start + TimeDelta::days(i64::from(config.days)),
            cast: Vec::new(),
            acts: BTreeMap::new(),
            count: 0,
        };
        let mut patients = practice.steady_patients();
        for number in 0..config.customers {
            let kin = season.kin(number);
            let patient = if matches!(kin, Kin::Newcomer | Kin::Ageless) || patients.is_empty() {
                None
            } else {
                Some(patients.swap_remove(season.below(patients.len())))
            };
            let since = patient.as_ref().map_or(of.start, |(_, since)| *since);
            let guest = kin == Kin::OtherEmail || season.one_in(3);
            // Nobody is left whom the person could be.
            let kin = if patient.is_none() && kin != Kin::Ageless { Kin::Newcomer } else { kin };
            let patient = patient.map(|(id, _)| id);
            season.cast.push(Cast::new(number, kin, patient, guest));
            season.schedule(since, season.cast.len() - 1);
        }
        season
    }

    /// Half are patients like any other; the first eight customers are one of each kind.
    fn kin(&mut self, number: u32) -> Kin {
        const KINDS: [Kin; 8] = [
            Kin::Patient,
            Kin::OtherEmail,
            Kin::Newcomer,
            Kin::Duplicated,
            Kin::Family,
            Kin::Borrower,
            Kin::OtherPhone,
            Kin::Ageless,
        ];
        let index = match usize::try_from(number) {
            Ok(number) if number < KINDS.len() => number,
            _ => self.below(KINDS.len() * 2),
        };
        KINDS.get(index).copied().unwrap_or(Kin::Patient)
    }

    fn schedule(&mut self, since: DateTime<Utc>, who: usize) {
        let mut at = since + self.minutes(60, 3_000);
        self.act(at, Act::Arrive(who));
        for _ in 0..=self.below(3) {
            at += self.minutes(30, 14_000);
            self.act(at, Act::Buy(who));
        }
        if self.one_in(6) {
            at += self.minutes(30, 3_000);
            self.act(at, Act::Rename(who));
            at += self.minutes(30, 3_000);
            self.act(at, Act::Buy(who));
        }
    }

    /// Lets everything happen that is due.
    pub(super) fn live(&mut self, book: &mut Book, practice: &Practice, now: DateTime<Utc>) {
        while let Some(entry) = self.acts.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), act) = entry.remove_entry();
            self.perform(act, book, practice, at);
        }
    }

    fn perform(&mut self, act: Act, book: &mut Book, practice: &Practice, at: DateTime<Utc>) {
        match act {
            Act::Arrive(who) => {
                if let Some(cast) = self.cast.get_mut(who) {
                    cast.arrive(book, practice, at);
                }
            }
            Act::Buy(who) => self.buy(who, book, practice, at),
            Act::Capture(order, amount) => drop(book.capture(&order, amount, at)),
            Act::Ship(order) => drop(book.ship(&order, at)),
            Act::Release(order) => drop(book.unhold(&order, at)),
            Act::Cancel(order) => drop(book.cancel(&order, at)),
            Act::Refund(order, amount, how) => drop(book.refund(&order, amount, how, at)),
            Act::Edit(order) => self.edit(&order, book, at),
            Act::Reorder(order) => drop(book.reorder(&order, at)),
            Act::Renew(order, left) => self.renew(&order, left, book, at),
            Act::Touch(order) => drop(book.change(&order, at, |_| ())),
            Act::Rename(who) => {
                if let Some(cast) = self.cast.get_mut(who) {
                    cast.change_data(book, at);
                }
            }
        }
    }

    fn buy(&mut self, who: usize, book: &mut Book, practice: &Practice, at: DateTime<Utc>) {
        let lines = goods::basket(&mut self.random);
        let Some(cast) = self.cast.get(who) else { return };
        let Some((shopper, identity)) = cast.person(book, practice) else { return };
        let mut checkout =
            Checkout { customer: cast.customer(), identity, ..Checkout::new(shopper, lines) };
        checkout.tender = goods::tender(&mut self.random);
        let draw = self.random.next() % 24;
        let worth = cents(500 + 100 * i64::try_from(self.random.next() % 40).unwrap_or(0));
        match draw {
            0 | 1 => checkout.coupon = Some(("GLOW20".to_owned(), worth)),
            2 => checkout.rewards = worth,
            3 => checkout.gift_card = worth,
            4 => checkout.gift_card = cents(1_000_000),
            5 | 6 => checkout.risky = true,
            7..10 => checkout.captured = false,
            _ => {}
        }
        let (risky, captured) = (checkout.risky, checkout.captured);
        let number = book.place(checkout, at);
        if risky {
            let at = at + self.minutes(600, 9_000);
            self.act(at, Act::Release(number.clone()));
            self.fate(&number, at, book);
        } else if captured {
            self.fate(&number, at, book);
        } else {
            self.capture_later(&number, at, book);
        }
    }

    /// Money that was only authorized: taken later, in parts, after an edit, or never.
    fn capture_later(&mut self, number: &OrderNumber, at: DateTime<Utc>, book: &Book) {
        let Some(due) = book.find(number).map(|order| order.totals.grand) else { return };
        let at = at + self.minutes(20, 4_000);
        match self.random.next() % 5 {
            0 => self.act(at, Act::Cancel(number.clone())),
            1 if due > 1 => {
                let later = at + self.minutes(20, 4_000);
                self.act(at, Act::Capture(number.clone(), due / 2));
                self.act(later, Act::Capture(number.clone(), due - due / 2));
                self.fate(number, later, book);
            }
            2 => self.act(at, Act::Edit(number.clone())),
            _ => {
                self.act(at, Act::Capture(number.clone(), due));
                self.fate(number, at, book);
            }
        }
    }

    /// What becomes of an order that is paid.
    fn fate(&mut self, number: &OrderNumber, at: DateTime<Utc>, book: &Book) {
        let Some(order) = book.find(number) else { return };
        let paid = order.totals.grand;
        let member = order.lines.iter().any(|line| line.article == Article::Membership);
        let at = at + self.minutes(20, 6_000);
        let later = at + self.minutes(20, 6_000);
        let number = number.clone();
        if member {
            self.act(at + TimeDelta::days(7), Act::Renew(number.clone(), 3));
        }
        match self.random.next() % 16 {
            0 => self.act(at, Act::Refund(number, paid, Refund::Online)),
            1 => self.act(at, Act::Refund(number, paid, Refund::Offline)),
            2 => {
                self.act(at, Act::Refund(number.clone(), paid / 3, Refund::Online));
                self.act(later, Act::Refund(number, paid - paid / 3, Refund::Online));
            }
            3 => self.act(at, Act::Refund(number, paid / 2, Refund::Online)),
            4 => self.act(at, Act::Refund(number, paid / 2, Refund::Open)),
            5 => self.act(at, Act::Edit(number)),
            6 => self.act(at, Act::Reorder(number)),
            7..10 => self.act(at, Act::Touch(number)),
            _ => self.act(at, Act::Ship(number)),
        }
    }

    /// An edited order goes on where the one before stood.
    fn edit(&mut self, number: &OrderNumber, book: &mut Book, at: DateTime<Utc>) {
        let Some(again) = book.edit(number, at) else { return };
        let paid = book.find(&again).is_some_and(|order| order.paid() > 0);
        let at = at + self.minutes(20, 4_000);
        if paid {
            self.act(at, Act::Touch(again));
        } else if let Some(due) = book.find(&again).map(|order| order.totals.grand) {
            self.act(at, Act::Capture(again, due));
        }
    }

    fn renew(&mut self, number: &OrderNumber, left: u32, book: &mut Book, at: DateTime<Utc>) {
        let over = |state| matches!(state, StoreState::Closed | StoreState::Canceled);
        if left == 0 || book.find(number).is_none_or(|order| over(order.state)) {
            return;
        }
        if let Some(checkout) = renewal(book, number) {
            let next = book.place(checkout, at);
            self.act(at + TimeDelta::days(7), Act::Renew(next, left - 1));
        }
    }

    fn act(&mut self, at: DateTime<Utc>, act: Act) {
        if at < self.end {
            self.acts.insert((at, self.count), act);
            self.count += 1;
        }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.random.next().is_multiple_of(n)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.random.next() % n.max(1) as u64).unwrap_or(0)
    }

    /// So many minutes and some seconds.
    fn minutes(&mut self, from: u64, to: u64) -> TimeDelta {
        let seconds = from * 60 + self.random.next() % ((to - from) * 60);
        TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))
    }
}
