//! What one state of a payment means, and for whom payments are shown in the CRM at all.

use cannula_core::{Correction, Named, Payer, Payment, PaymentKind, PaymentStatus};

use serde::{Deserialize, Serialize};

use crate::{PaymentPipelines, RulesConfig, table::Pipeline, walk::End};

/// What a state of a row is, beside the state of the row that was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Movement {
    /// A payment, refund, insurer's payment or adjustment is there.
    New,
    /// It is there in place of another row, which was voided.
    Corrected,
    /// Something that its note shows was edited.
    Changed,
    /// It was known, and is voided now.
    Voided,
    /// It was known, and is deleted now.
    Deleted,
    /// Nothing that a note shows changed.
    Unchanged,
    /// A newer state of the row, or its void, was known before.
    Superseded,
    /// Its amount is zero.
    Zero,
    /// It was known, and is voided or deleted while its amount was zero.
    VoidedAtZero,
    /// It was voided before it was read first, or is the opposite of such a row.
    VoidedBeforeSeen,
    /// The opposite row that voids another.
    Opposite,
    /// It was deleted before it was read first.
    DeletedBeforeSeen,
}

impl Movement {
    /// Whether a note is due.
    pub(crate) const fn is_noted(self) -> bool {
        matches!(self, Self::New | Self::Corrected | Self::Changed | Self::Voided | Self::Deleted)
    }
}

/// The movement from the row's current state, if one is known, to a state that succeeds it.
pub(crate) fn movement(before: Option<&Payment>, now: &Payment) -> Movement {
    // A row of zero is as if it were not there: no money, and so no event to tell staff about. An
    // order that is open, or open again, is one; when it is closed it is new.
    let was = before.filter(|before| before.amount.minor() != 0);
    match (was.map(|was| was.status), now.status) {
        (None, PaymentStatus::Active) if now.amount.minor() == 0 => Movement::Zero,
        (None, PaymentStatus::Active) if recreates(now) => Movement::Corrected,
        (None, PaymentStatus::Active) => Movement::New,
        (Some(PaymentStatus::Active), PaymentStatus::Active) => match was {
            Some(was) if !same_note(was, now) => Movement::Changed,
            _ => Movement::Unchanged,
        },
        (Some(PaymentStatus::Active), PaymentStatus::Voided) => Movement::Voided,
        (Some(PaymentStatus::Active), PaymentStatus::EnteredInError) => Movement::Deleted,
        // An active state never succeeds a void; two voids are one.
        (Some(_), _) => Movement::Unchanged,
        (None, _) if before.is_some_and(|before| before.status == PaymentStatus::Active) => {
            Movement::VoidedAtZero
        }
        (None, _) if now.amount.minor() == 0 => Movement::Zero,
        (None, PaymentStatus::Voided) if is_opposite(now) => Movement::Opposite,
        (None, PaymentStatus::Voided) => Movement::VoidedBeforeSeen,
        (None, PaymentStatus::EnteredInError) => Movement::DeletedBeforeSeen,
    }
}

fn recreates(payment: &Payment) -> bool {
    payment.corrections.iter().any(|part| matches!(part, Correction::Recreates(_)))
}

fn is_opposite(payment: &Payment) -> bool {
    payment.corrections.iter().any(|part| matches!(part, Correction::Voids(_)))
}

/// Whether the notes of two active states of one row would say the same.
fn same_note(a: &Payment, b: &Payment) -> bool {
    fn name(named: Option<&Named>) -> Option<&str> {
        named.map(|named| named.name.as_str())
    }
    a.kind == b.kind
        && a.payer == b.payer
        && a.amount == b.amount
        && a.date == b.date
        && a.method == b.method
        && a.category == b.category
        && a.items == b.items
        && name(a.practitioner.as_ref()) == name(b.practitioner.as_ref())
        && name(a.location.as_ref()) == name(b.location.as_ref())
}

/// What staff call the row; `None` for a patient's plain payment, whose name is configured.
pub(crate) fn noun(payment: &Payment) -> Option<&'static str> {
    match (payment.kind, payment.payer) {
        (PaymentKind::Adjustment, _) => Some("Adjustment"),
        (PaymentKind::Payment, Payer::Insurer) => Some("Insurance Payment"),
        (PaymentKind::Payment, Payer::Patient) if payment.amount.is_negative() => Some("Refund"),
        (PaymentKind::Payment, Payer::Patient) => None,
    }
}

/// Whether the row makes a contact where payments do: money was there, whatever became of it, so
/// that the order in which its states arrive does not matter.
pub(crate) fn makes_contact(payment: &Payment) -> bool {
    payment.status == PaymentStatus::Active && payment.amount.minor() != 0
}

/// Whether a person's payments are shown in the CRM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    #[default]
    On,
    /// Payments are switched off.
    Off,
    /// The person's appointments are surgical only, and payments are for med spa work.
    SurgicalOnly,
}

impl Scope {
    pub(crate) fn of(config: &RulesConfig, end: &End) -> Self {
        let is_in = |pipeline: Pipeline| end.stages[pipeline as usize].is_some();
        match config.payments.pipelines {
            PaymentPipelines::None => Self::Off,
            PaymentPipelines::NonSurgical
                if is_in(Pipeline::Surgical) && !is_in(Pipeline::NonSurgical) =>
            {
                Self::SurgicalOnly
            }
            PaymentPipelines::NonSurgical | PaymentPipelines::All => Self::On,
        }
    }
}

/// Whether payments set the value of opportunities in `pipeline`.
pub(crate) fn is_valued(config: &RulesConfig, pipeline: Pipeline) -> bool {
    match config.payments.pipelines {
        PaymentPipelines::All => true,
        PaymentPipelines::NonSurgical => pipeline == Pipeline::NonSurgical,
        PaymentPipelines::None => false,
    }
}
