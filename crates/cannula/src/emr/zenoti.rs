use cannula_core::Settings;
use cannula_rules::{
    AppointmentTitles, ContactsFor, PaymentPipelines, RulesConfig, intake::IntakeConfig,
};
use cannula_zenoti::ZenotiConfig;
use chrono_tz::Tz;

use super::EmrSection;

/// All names are assumed: no article of Aesthetix's about Zenoti is known.
impl EmrSection for ZenotiConfig {
    const NAME: &'static str = "zenoti";

    fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        Self::from_settings(settings, zone, lookup)
    }

    fn rules(zone: Tz) -> RulesConfig {
        let mut rules = super::prefixed("Zenoti", zone);
        rules.titles.appointments = AppointmentTitles::BookedThenUpdate;
        rules.titles.payment = "Invoice Closed".to_owned();
        rules.titles.payment_noun = "Invoice".to_owned();
        rules.payments.pipelines = PaymentPipelines::All;
        rules.memberships.enabled = true;
        rules.contacts_for = ContactsFor::AnyRecord;
        rules
    }

    fn intake(_: Option<&Self>) -> IntakeConfig {
        super::intake("Zenoti", "zenoti-create")
    }
}
