//! Intake: a tag on a CRM contact asks for a patient in the EMR.
//!
//! [`Intake::check`] says whether a contact can become a patient, and everything that stands in the
//! way at once. [`resolve`] says whether the EMR has the person already. [`Intake::decide`] folds
//! the tagged contact's requests and plans what is left to do: register the patient, then leave
//! the outcome where staff look.
//!
//! A request is a state of the contact that bears a create tag. The contact itself is read afresh
//! when the work is done, because staff go on typing, and a tag that is gone asks for nothing.

mod check;
mod config;
mod decide;
mod effect;
pub(crate) mod identity;
mod note;
mod state;
mod verdict;

use cannula_core::RegistryInfo;

pub use check::{Choice, Draft, Fault, FieldProblem};
pub use config::{ForeignTag, IntakeConfig, IntakeFields, Spelling};
pub use decide::IntakePlan;
pub use effect::{Candidates, IntakeEffect, IntakeReceipt, Registered, Registrant, Registration};
pub use identity::{Match, contradicts, resolve};
pub use state::IntakeState;
pub use verdict::{IntakeReason, IntakeVerdict};

/// The intake rules of one practice. Pure.
#[derive(Clone, Debug)]
pub struct Intake {
    config: IntakeConfig,
    registry: RegistryInfo,
}

impl Intake {
    /// Rules from a checked configuration, for a register that demands what `registry` says.
    pub fn new(config: IntakeConfig, registry: RegistryInfo) -> Self {
        Self { config, registry }
    }

    /// The configuration.
    pub fn config(&self) -> &IntakeConfig {
        &self.config
    }

    /// What the register is and demands.
    pub fn registry(&self) -> &RegistryInfo {
        &self.registry
    }
}
