//! Visits to the CRM: the first flow.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{
    CrmEffect, CrmSink, Delivered, Event, EventId, IdempotencyKey, ParkReason, PersonId, Receipt,
    Result, Settled,
};
use cannula_rules::{Outcome, PersonState, Reason, Rules};
use chrono::{DateTime, Utc};

use crate::flow::{Decision, Flow, Ruling, Verdict};

/// The [`Flow`] from an EMR's appointments and patients to a CRM.
#[derive(Debug)]
pub struct CrmFlow {
    rules: Rules,
    sink: Arc<dyn CrmSink>,
}

impl CrmFlow {
    /// A flow by these rules into this CRM.
    pub fn new(rules: Rules, sink: Arc<dyn CrmSink>) -> Self {
        Self { rules, sink }
    }
}

#[async_trait]
impl Flow for CrmFlow {
    type State = PersonState;
    type Effect = CrmEffect;
    type Receipt = Receipt;

    async fn prepare(&self) -> Result<()> {
        self.sink.check().await?;
        self.sink.prepare(&self.rules.needs()).await
    }

    fn unattended(&self, event: &Event) -> Verdict {
        verdict(&self.rules.unattended(event))
    }

    fn decide(
        &self,
        state: PersonState,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Decision<PersonState, CrmEffect> {
        let plan = self.rules.decide(state, events, now);
        let verdicts: Vec<(EventId, Verdict)> =
            plan.verdicts.into_iter().map(|(event, ours)| (event, verdict(&ours))).collect();
        let effects = plan.effects.into_iter().map(|planned| (planned.cause, planned.effect));
        let (state, wants, told) = (plan.state, plan.wants, plan.told);
        Decision { state, effects: effects.collect(), verdicts, wants, told }
    }

    async fn deliver(
        &self,
        state: &PersonState,
        effect: &CrmEffect,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        self.sink.deliver(effect, state.links(), key).await
    }

    async fn settle(
        &self,
        state: &PersonState,
        effect: &CrmEffect,
        key: &IdempotencyKey,
    ) -> Result<Option<Receipt>> {
        Ok(match self.sink.settle(effect, state.links(), key).await? {
            Settled::Landed(receipt) => Some(receipt),
            Settled::SendAgain => None,
        })
    }

    fn applied(
        &self,
        state: &mut PersonState,
        effect: &CrmEffect,
        receipt: &Receipt,
    ) -> Option<String> {
        state.applied(effect, receipt);
        let reasons: Vec<Reason> = match (effect, receipt.delivered) {
            (CrmEffect::Stage(to), Delivered::OpportunityMissing) => {
                vec![Reason::OpportunityMissing { pipeline: to.pipeline.clone() }]
            }
            (CrmEffect::Value(worth), Delivered::OpportunityMissing) => {
                vec![Reason::OpportunityValueMissing { pipeline: worth.pipeline.clone() }]
            }
            _ => receipt.taken.iter().cloned().map(Reason::DetailTaken).collect(),
        };
        let sentences: Vec<_> = reasons.iter().map(Reason::sentence).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    fn look_again(&self, state: &PersonState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        state.look_again(now)
    }

    fn merged_into(&self, state: &PersonState) -> Option<PersonId> {
        state.merged_into().map(|patient| PersonId::new(patient.as_str()))
    }

    fn link_broken(&self, state: &mut PersonState) {
        state.link_broken();
    }

    fn gates(&self, effect: &CrmEffect) -> bool {
        matches!(effect, CrmEffect::Contact(_))
    }

    fn reveals(&self, _effect: &CrmEffect) -> bool {
        false
    }

    fn label(&self, effect: &CrmEffect) -> &'static str {
        effect.label()
    }
}

fn verdict(verdict: &cannula_rules::Verdict) -> Verdict {
    let ruling = match &verdict.outcome {
        Outcome::Done => Ruling::Done,
        Outcome::Parked(reason) => Ruling::Parked(reason.clone()),
        Outcome::Waiting => Ruling::Waiting(ParkReason::PatientNotFound),
    };
    Verdict { ruling, reasons: verdict.reasons.iter().map(Reason::sentence).collect() }
}
