//! What goes wrong.

use async_trait::async_trait;
use cannula::core::{
    CrmEffect, CrmLinks, CrmNeeds, CrmSink, IdempotencyKey, Receipt, Result, Settled,
};
use cannula_sandbox::FaultRates;

/// What goes wrong in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing but a bad row, a bad webhook and work for a person.
    Nothing,
    /// Both vendors fail often and in every way.
    Faults,
    /// The EMR's credentials are wrong.
    EmrRefuses,
    /// The CRM's credentials are wrong.
    CrmRefuses,
    /// Both vendors answer with errors that repeat the request, its URL and headers included.
    Echoes,
    /// Values in answers are of another type than they should be.
    Mangles,
    /// The sink panics with all that it has at hand.
    Panics,
}

/// Often enough that a few requests meet each.
pub(crate) const OFTEN: FaultRates = FaultRates {
    too_many_requests: 0.05,
    too_many_requests_retry_after: 0.05,
    error_before: 0.05,
    error_after: 0.05,
    hang: 0.0,
    hang_after: 0.0,
    reset_before: 0.05,
    reset_after: 0.05,
    truncated_json: 0.1,
};

/// A sink with a bug, and a programmer who wanted to see what led to it.
#[derive(Debug)]
pub(crate) struct Buggy;

#[async_trait]
impl CrmSink for Buggy {
    fn name(&self) -> &'static str {
        "buggy"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, _: &CrmNeeds) -> Result<()> {
        Ok(())
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        tracing::error!(?effect, ?links, ?key, "this cannot be");
        panic!("impossible: {effect:?} {effect:#?} {links:?} {key:?}");
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled> {
        panic!("impossible: {effect:?} {links:?} {key:?}");
    }
}
