use cannula_core::Settings;
use cannula_nextech::{NextechConfig, Product};
use cannula_rules::{
    RulesConfig,
    intake::{ForeignTag, IntakeConfig},
};
use chrono_tz::Tz;

use super::EmrSection;

impl EmrSection for NextechConfig {
    const NAME: &'static str = "nextech";

    fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        Self::from_settings(settings, zone, lookup)
    }

    fn rules(zone: Tz) -> RulesConfig {
        RulesConfig::new(zone)
    }

    /// The tag that Aesthetix's own integration creates a patient by, and that of the sister
    /// product: they differ by one character (help centre, article 1352).
    fn intake(section: Option<&Self>) -> IntakeConfig {
        let (select, plus) = ("NXT Create", "NXT-Create");
        let (tag, foreign, product) = match section.map(|nextech| nextech.product) {
            Some(Product::PracticePlus) => (plus, select, "Nextech Select"),
            Some(Product::Select) | None => (select, plus, "Nextech Practice+"),
        };
        let mut intake = IntakeConfig::new(vec![tag.to_owned()]);
        intake.foreign_tags =
            vec![ForeignTag { tag: foreign.to_owned(), product: product.to_owned() }];
        intake
    }
}
