//! What differs between the EMRs where a service is configured: data, and nothing else.

#[cfg(feature = "nextech")]
mod nextech;
#[cfg(feature = "patientnow")]
mod patientnow;
#[cfg(feature = "zenoti")]
mod zenoti;

use std::fmt;

use cannula_core::Settings;
#[cfg(any(feature = "patientnow", feature = "zenoti"))]
use cannula_rules::{AppointmentTitles, ContactsFor, PaymentPipelines};
use cannula_rules::{RulesConfig, intake::IntakeConfig};
use chrono_tz::Tz;

/// An EMR as a section of the configuration file, with the defaults that belong to it.
///
/// Implement it for the configuration of a connector of your own, and [`ServiceConfig`] reads its
/// files too.
///
/// [`ServiceConfig`]: crate::ServiceConfig
pub trait EmrSection: fmt::Debug + Sized {
    /// What the section is called.
    const NAME: &'static str;

    /// Reads the section; `zone` is the practice's, and `lookup` resolves `env:NAME`. `None` if
    /// there was a problem; they are all noted in `settings`.
    fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self>;

    /// The rules of a practice that sets none.
    fn rules(zone: Tz) -> RulesConfig;

    /// The intake of a practice that sets nothing of it; `None` stands for a section that could
    /// not be read.
    fn intake(section: Option<&Self>) -> IntakeConfig;
}

/// The defaults of an EMR that tells of each change, of what was sold and of memberships: its
/// names in the CRM begin with `prefix`, and what is paid for it calls a `sale`.
#[cfg(any(feature = "patientnow", feature = "zenoti"))]
fn pushed(prefix: &str, sale: &str, zone: Tz) -> RulesConfig {
    let mut rules = RulesConfig::new(zone);
    let name = |what: &str| format!("{prefix} {what}");
    rules.fields.appointment_status = name("Appointment Status");
    rules.fields.appointment_type = name("Appointment Type");
    rules.fields.appointment_category = name("Appointment Category");
    rules.fields.location = name("Location");
    rules.fields.birthday = name("Birthday");
    rules.titles.appointments = AppointmentTitles::BookedThenUpdate;
    rules.titles.payment = format!("{sale} Closed");
    rules.titles.payment_noun = sale.to_owned();
    rules.payments.pipelines = PaymentPipelines::All;
    rules.memberships.enabled = true;
    rules.contacts_for = ContactsFor::AnyRecord;
    rules
}

/// The intake by one tag of an EMR whose names in the CRM begin with `prefix`.
#[cfg(any(feature = "patientnow", feature = "zenoti"))]
fn intake(prefix: &str, tag: &str) -> IntakeConfig {
    let mut intake = IntakeConfig::new(vec![tag.to_owned()]);
    let name = |what: &str| format!("{prefix} {what}");
    intake.created_tag = name("Created");
    intake.failed_tag = name("Create Failed");
    intake.fields.location = name("Location");
    intake.fields.chart_number = name("Chart Number");
    intake
}
