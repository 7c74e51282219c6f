//! How a payment's event ended, and why.

use cannula_core::{ParkReason, Payer, PaymentKind, PaymentStatus};

use crate::{
    Outcome, Reason, RulesConfig, ValuePolicy,
    decide::Gate,
    ledger::{LedgerEntry, PaymentStep},
    payment::{Movement, Scope, is_valued},
    payment_note::title,
    person::NoteState,
    table::Pipeline,
    walk::End,
    worth::Worth,
};

/// A person's payments in the light of everything else that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentTelling<'a> {
    pub(crate) config: &'a RulesConfig,
    pub(crate) worth: &'a Worth,
    pub(crate) end: End,
    pub(crate) gate: Gate,
}

impl PaymentTelling<'_> {
    /// Whether the entry's note is still to be left.
    pub(crate) fn is_pending(&self, entry: &LedgerEntry, step: &PaymentStep) -> bool {
        self.worth.scope == Scope::On && step.movement.is_noted() && entry.note != NoteState::Left
    }

    pub(crate) fn outcome(&self, entry: &LedgerEntry, step: &PaymentStep) -> Outcome {
        match self.gate {
            Gate::PatientUnknown if self.is_pending(entry, step) => Outcome::Waiting,
            Gate::NoContactDetails if self.is_pending(entry, step) => {
                Outcome::Parked(ParkReason::NoContactDetails)
            }
            _ => Outcome::Done,
        }
    }

    pub(crate) fn reasons(
        &self,
        entry: &LedgerEntry,
        step: &PaymentStep,
        outcome: &Outcome,
    ) -> Vec<Reason> {
        match (outcome, self.worth.scope) {
            (_, Scope::Off) => return vec![Reason::PaymentsOff],
            (_, Scope::SurgicalOnly) => {
                let pipeline = self.config.pipeline_name(Pipeline::Surgical).to_owned();
                return vec![Reason::PaymentsSurgicalOnly { pipeline }];
            }
            (Outcome::Waiting, Scope::On) => return vec![Reason::WaitingForPatient],
            (Outcome::Parked(_), Scope::On) => return vec![Reason::NoContactDetails],
            (Outcome::Done, Scope::On) => {}
        }
        match step.movement {
            Movement::Superseded => vec![Reason::PaymentArrivedLate],
            Movement::Unchanged => vec![Reason::NothingChanged],
            Movement::Zero => vec![Reason::ZeroAmount],
            Movement::VoidedAtZero => vec![Reason::VoidedAtZero],
            Movement::VoidedBeforeSeen => vec![Reason::VoidedBeforeSeen],
            Movement::Opposite => vec![Reason::OppositeOfVoided],
            Movement::DeletedBeforeSeen => vec![Reason::DeletedBeforeSeen],
            _ if self.gate == Gate::NoVisit => vec![Reason::PaymentWaitsForVisit],
            _ => self.consequences(entry, step),
        }
    }

    /// The note, the lifetime value and the opportunities' values.
    fn consequences(&self, entry: &LedgerEntry, step: &PaymentStep) -> Vec<Reason> {
        let payment = &entry.payment;
        let mut reasons = Vec::new();
        let title = title(&self.config.titles, payment, step.movement);
        reasons.extend(title.map(|title| Reason::Noted { title }));
        if step.movement == Movement::Changed && payment.amount.minor() == 0 {
            reasons.push(Reason::NothingPaidAnyMore);
        }
        match (payment.status, payment.kind, payment.payer) {
            (PaymentStatus::Voided, ..) => reasons.push(Reason::PaymentVoided),
            (PaymentStatus::EnteredInError, ..) => reasons.push(Reason::PaymentDeleted),
            (_, PaymentKind::Adjustment, _) => reasons.push(Reason::AdjustmentNotCounted),
            (_, _, Payer::Insurer) => reasons.push(Reason::InsurerNotCounted),
            _ => {}
        }
        if let Err(problem) = self.worth.lifetime {
            let field = self.config.fields.lifetime_value.clone();
            reasons.push(Reason::LifetimeValueUnknown { field, problem });
        } else if let (Some(change), Ok(value)) = (step.change, step.balance)
            && change.minor() != 0
        {
            let field = self.config.fields.lifetime_value.clone();
            let (change, value) = (change.into(), value.into());
            reasons.push(Reason::LifetimeValue { field, change, value });
            self.values(&mut reasons);
        }
        reasons
    }

    fn values(&self, reasons: &mut Vec<Reason>) {
        if self.config.payments.opportunity_value == ValuePolicy::Off {
            reasons.push(Reason::OpportunityValuesOff);
            return;
        }
        let mut any = false;
        for pipeline in Pipeline::ALL {
            let valued = is_valued(self.config, pipeline);
            if self.end.stages[pipeline as usize].is_none() {
                continue;
            }
            any |= valued;
            let name = self.config.pipeline_name(pipeline).to_owned();
            match self.worth.values[pipeline as usize] {
                Some(value) => reasons.push(Reason::OpportunityValue {
                    pipeline: name,
                    value: value.into(),
                    since_opened: self.config.payments.opportunity_value
                        == ValuePolicy::SinceOpened,
                }),
                None if valued => reasons.push(Reason::OpportunityValueKept { pipeline: name }),
                None => reasons.push(Reason::OpportunityValueByHand { pipeline: name }),
            }
        }
        if !any {
            reasons.push(Reason::NoOpportunityYet);
        }
    }
}
