//! What is to be posted for an order, if anything. Pure, and about one order alone.

use cannula_core::{Captured, Currency, OrderState, StoreOrder};
use serde::{Deserialize, Serialize};

use super::PostingConfig;

/// What is due for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due<'a> {
    /// This money, less what has been posted.
    Money(&'a Captured),
    /// Nothing yet.
    Later(Later),
    /// Nothing, whatever happens to the order unless money is taken.
    Nothing(Nothing),
    /// A person must look.
    Unclear(Unclear),
}

/// Why nothing is due yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// The order is on hold in the store.
    OnHold,
    /// No money was taken yet.
    NotPaid,
}

/// Why nothing is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nothing {
    /// It costs nothing.
    Free,
    /// A gift card, store credit or reward points paid for all of it.
    GiftCard,
    /// It was given up before money was taken.
    Canceled,
    /// All of it was given back before it was posted.
    RefundedWhole,
    /// It is another customer's now.
    Moved,
    /// It was edited: what was taken for it is another form's now, and is posted there.
    Replaced,
    /// It is an edited form: what was taken was taken for the form before, and is posted there.
    CarriedOver,
}

/// What is wrong with an order's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclear {
    /// The store takes another currency than the practice's ledger keeps.
    Currency,
    /// The money taken is less than nothing.
    Negative,
    /// Less money was taken than has been posted.
    LessThanPosted,
    /// The order was canceled with its money taken.
    CanceledWithMoney,
}

impl Unclear {
    /// What is wrong, in one clause.
    pub(super) fn problem(self) -> String {
        match self {
            Self::Currency => "its currency is not the one the practice's ledger keeps",
            Self::Negative => "the store says that less than nothing was paid",
            Self::LessThanPosted => "the store now says that less was paid than has been posted",
            Self::CanceledWithMoney => {
                "it was canceled although money was taken for it and not given back"
            }
        }
        .to_owned()
    }
}

impl PostingConfig {
    /// What is due for an order of which nothing has been posted, if `posted` is false.
    pub(super) fn due<'a>(&self, order: &'a StoreOrder, ledger: Currency, posted: bool) -> Due<'a> {
        if order.state == OrderState::Moved {
            return Due::Nothing(Nothing::Moved);
        }
        if order.state == OrderState::Held && !posted {
            return Due::Later(Later::OnHold);
        }
        let Some(captured) = order.captured.as_ref().filter(|it| it.amount.minor() != 0) else {
            // Money that was posted and is not there any more is no matter of an unpaid order.
            return if posted { Due::Unclear(Unclear::LessThanPosted) } else { unpaid(order) };
        };
        if captured.amount.currency() != ledger {
            Due::Unclear(Unclear::Currency)
        } else if captured.amount.is_negative() {
            Due::Unclear(Unclear::Negative)
        } else if posted {
            Due::Money(captured)
        } else if is_refunded_whole(order, captured) {
            Due::Nothing(Nothing::RefundedWhole)
        } else if order.state == OrderState::Canceled {
            Due::Unclear(Unclear::CanceledWithMoney)
        } else {
            Due::Money(captured)
        }
    }
}

fn unpaid<'a>(order: &StoreOrder) -> Due<'a> {
    let totals = &order.totals;
    let other_tender = [totals.gift_card, totals.rewards, totals.unexplained];
    match order.state {
        OrderState::Canceled => Due::Nothing(Nothing::Canceled),
        OrderState::Closed => Due::Nothing(Nothing::RefundedWhole),
        _ if totals.grand_total.minor() != 0 => Due::Later(Later::NotPaid),
        _ if other_tender.iter().any(|it| it.minor() > 0) => Due::Nothing(Nothing::GiftCard),
        _ => Due::Nothing(Nothing::Free),
    }
}

pub(super) fn is_refunded_whole(order: &StoreOrder, captured: &Captured) -> bool {
    // A store closes an order also when all of it was given back offline, which moves no money.
    let closed = order.state == OrderState::Closed && order.refunds.is_empty();
    closed || order.given_back() >= captured.amount.minor()
}
