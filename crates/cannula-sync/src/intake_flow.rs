//! Tagged contacts to the EMR: from a CRM's tags to patients.

mod registrar;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    Clock, ContactLink, CrmSink, Event, EventId, IdempotencyKey, ParkReason, PatientRegistry,
    PersonId, Record, RecordId, Result, Settled,
};
use cannula_rules::{
    Outcome,
    intake::{Intake, IntakeEffect, IntakeReason, IntakeReceipt, IntakeState, IntakeVerdict},
};
use chrono::{DateTime, Utc};

use self::registrar::Registrar;
use crate::{
    CrmFlow, Engine,
    flow::{Decision, Flow, Ruling, Verdict},
};

/// Where the link of a new patient to its contact goes, so that the patient's first visit finds
/// the contact without guessing.
#[async_trait]
pub trait LinkSink: Debug + Send + Sync + 'static {
    /// Stores an event of kind [`RecordKind::ContactLink`](cannula_core::RecordKind::ContactLink).
    /// Once this returns, it is durable; the same event again changes nothing.
    async fn link(&self, event: Event) -> Result<()>;
}

#[async_trait]
impl LinkSink for Engine<CrmFlow> {
    async fn link(&self, event: Event) -> Result<()> {
        self.accept(vec![event]).await.map(drop)
    }
}

#[async_trait]
impl<T: LinkSink + ?Sized> LinkSink for Arc<T> {
    async fn link(&self, event: Event) -> Result<()> {
        (**self).link(event).await
    }
}

/// The [`Flow`] from tagged contacts of a CRM to the patients of an EMR, and back to the contacts
/// with what came of it.
///
/// Its engine has a store of its own; its source is the CRM, which must be able to
/// [`get`](cannula_core::Source::get) a contact. One process at a time may register patients of
/// a practice: only one search-and-create runs at any moment, so that two contacts of one person
/// become one patient.
#[derive(Debug)]
pub struct IntakeFlow {
    registrar: Registrar,
    sink: Arc<dyn CrmSink>,
    links: Arc<dyn LinkSink>,
    clock: Arc<dyn Clock>,
}

impl IntakeFlow {
    /// A flow by these rules into this register. `sink` is the CRM the contacts are in, `links`
    /// the engine of the visits of the same practice.
    pub fn new(
        intake: Intake,
        registry: Arc<dyn PatientRegistry>,
        sink: Arc<dyn CrmSink>,
        links: Arc<dyn LinkSink>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let registrar = Registrar::new(intake, registry, clock.clone());
        Self { registrar, sink, links, clock }
    }

    fn intake(&self) -> &Intake {
        self.registrar.intake()
    }

    /// The link as an event of the practice's own. Its id comes from patient and contact alone.
    fn link_event(&self, state: &IntakeState, link: &ContactLink) -> Event {
        Event::new(
            self.intake().registry().practice.clone(),
            RecordId::new(link.contact.as_str()),
            Record::ContactLink(link.clone()),
            None,
            state.asked_at().unwrap_or_else(|| self.clock.now()),
        )
    }
}

#[async_trait]
impl Flow for IntakeFlow {
    type State = IntakeState;
    type Effect = IntakeEffect;
    type Receipt = IntakeReceipt;

    async fn prepare(&self) -> Result<()> {
        let lists = self.registrar.prepare().await?;
        self.sink.check().await?;
        self.sink.prepare(&self.intake().needs(&lists)).await
    }

    fn unattended(&self, event: &Event) -> Verdict {
        verdict(self.intake().unattended(event))
    }

    fn decide(
        &self,
        state: IntakeState,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Decision<IntakeState, IntakeEffect> {
        let plan = self.intake().decide(state, events, now);
        let verdicts = plan.verdicts.into_iter().map(|(event, ours)| (event, verdict(ours)));
        let verdicts: Vec<(EventId, Verdict)> = verdicts.collect();
        let (state, effects, wants) = (plan.state, plan.effects, plan.wants);
        Decision { state, effects, verdicts, wants, told: Vec::new() }
    }

    async fn deliver(
        &self,
        state: &IntakeState,
        effect: &IntakeEffect,
        key: &IdempotencyKey,
    ) -> Result<IntakeReceipt> {
        match effect {
            IntakeEffect::Register(asked) => {
                self.registrar.register(asked).await.map(IntakeReceipt::Registered)
            }
            IntakeEffect::Link(link) => {
                self.links.link(self.link_event(state, link)).await?;
                Ok(IntakeReceipt::Applied)
            }
            IntakeEffect::Crm(effect) => {
                self.sink.deliver(effect, &state.links(), key).await?;
                Ok(IntakeReceipt::Applied)
            }
        }
    }

    async fn settle(
        &self,
        state: &IntakeState,
        effect: &IntakeEffect,
        key: &IdempotencyKey,
    ) -> Result<Option<IntakeReceipt>> {
        Ok(match effect {
            IntakeEffect::Register(asked) => {
                self.registrar.confirm(asked).await?.map(IntakeReceipt::Registered)
            }
            // The same event twice is one event.
            IntakeEffect::Link(_) => None,
            IntakeEffect::Crm(effect) => {
                match self.sink.settle(effect, &state.links(), key).await? {
                    Settled::Landed(_) => Some(IntakeReceipt::Applied),
                    Settled::SendAgain => None,
                }
            }
        })
    }

    fn applied(
        &self,
        state: &mut IntakeState,
        effect: &IntakeEffect,
        receipt: &IntakeReceipt,
    ) -> Option<String> {
        state.applied(effect, receipt);
        None
    }

    fn look_again(&self, _state: &IntakeState, _now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    fn merged_into(&self, _state: &IntakeState) -> Option<PersonId> {
        None
    }

    fn link_broken(&self, state: &mut IntakeState) {
        state.link_broken();
    }

    fn gates(&self, effect: &IntakeEffect) -> bool {
        matches!(effect, IntakeEffect::Register(_))
    }

    fn reveals(&self, effect: &IntakeEffect) -> bool {
        matches!(effect, IntakeEffect::Register(_))
    }

    fn label(&self, effect: &IntakeEffect) -> &'static str {
        effect.label()
    }
}

fn verdict(verdict: IntakeVerdict) -> Verdict {
    let ruling = match verdict.outcome {
        Outcome::Done => Ruling::Done,
        Outcome::Parked(reason) => Ruling::Parked(reason),
        Outcome::Waiting => Ruling::Waiting(ParkReason::ContactNotFound),
    };
    Verdict { ruling, reasons: verdict.reasons.iter().map(IntakeReason::sentence).collect() }
}
