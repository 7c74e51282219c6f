//! What a person's payments come to: the lifetime value, and what each opportunity is worth.

use cannula_core::Money;
use chrono::NaiveDate;

use crate::{
    PersonState, RulesConfig, ValuePolicy,
    ledger::{Books, LedgerEntry},
    payment::{Scope, is_valued},
    table::Pipeline,
    tally::Unsummable,
    walk::End,
};

/// What the CRM should show of the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Worth {
    pub(crate) scope: Scope,
    /// `None` without payments, and for whom payments are not shown.
    pub(crate) lifetime: Result<Option<Money>, Unsummable>,
    /// By pipeline.
    pub(crate) values: [Option<Money>; 2],
}

impl Worth {
    pub(crate) fn of(config: &RulesConfig, state: &PersonState, books: &Books, end: &End) -> Self {
        let scope = Scope::of(config, end);
        if scope != Scope::On {
            return Self { scope, lifetime: Ok(None), values: [None; 2] };
        }
        let lifetime = state.ledger.sum(books, |_| true);
        let values = Pipeline::ALL.map(|pipeline| {
            end.stages[pipeline as usize]?;
            if !is_valued(config, pipeline) {
                return None;
            }
            let value = match config.payments.opportunity_value {
                ValuePolicy::Off => return None,
                ValuePolicy::Lifetime => lifetime,
                ValuePolicy::SinceOpened => {
                    let opened = opened(config, state, end, pipeline)?;
                    state.ledger.sum(books, |row| day(config, row) >= opened)
                }
            };
            // Until the patient has paid something, the value is the practice's own estimate.
            let name = config.pipeline_name(pipeline);
            value
                .ok()?
                .filter(|value| value.minor() != 0 || state.written.values.contains_key(name))
        });
        Self { scope, lifetime, values }
    }
}

/// The practice's day on which the person came into the pipeline.
fn opened(
    config: &RulesConfig,
    state: &PersonState,
    end: &End,
    pipeline: Pipeline,
) -> Option<NaiveDate> {
    let entry = state.history.get(end.opened[pipeline as usize]?)?;
    Some(entry.version.stamp.with_timezone(&config.zone).date_naive())
}

/// The day of a payment; that of its last change where the EMR does not say.
fn day(config: &RulesConfig, row: &LedgerEntry) -> NaiveDate {
    let changed = || row.version.stamp.with_timezone(&config.zone).date_naive();
    row.payment.date.unwrap_or_else(changed)
}
