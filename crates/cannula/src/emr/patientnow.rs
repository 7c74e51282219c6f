use cannula_core::Settings;
use cannula_patientnow::PatientNowConfig;
use cannula_rules::{RulesConfig, intake::IntakeConfig};
use chrono_tz::Tz;

use super::EmrSection;

impl EmrSection for PatientNowConfig {
    const NAME: &'static str = "patientnow";

    fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        Self::from_settings(settings, zone, lookup)
    }

    /// The titles of notes, that every event leaves one, and that an order's value counts when it
    /// is closed: help centre, article 1350. The fields' names are assumed.
    fn rules(zone: Tz) -> RulesConfig {
        super::pushed("PNow", "Order", zone)
    }

    /// The tag of article 1350. The one about Pro spells it `PNow-Create`; the CRM does not tell
    /// the two apart.
    fn intake(_: Option<&Self>) -> IntakeConfig {
        super::intake("PNow", "pnow-create")
    }
}
