use cannula_core::Settings;
use cannula_rules::{RulesConfig, intake::IntakeConfig};
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
        super::pushed("Zenoti", "Invoice", zone)
    }

    fn intake(_: Option<&Self>) -> IntakeConfig {
        super::intake("Zenoti", "zenoti-create")
    }
}
