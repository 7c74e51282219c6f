//! The configuration file of a service that carries an EMR to Aesthetix CRM.

use std::path::Path;

use cannula_aesthetix::{AesthetixConfig, WebhookConfig};
use cannula_core::{Problems, Result, Settings};
use cannula_rules::{Categories, RulesConfig, intake::IntakeConfig};
use cannula_sync::StoreFile;
use serde_json::{Value, json};

use crate::{EmrSection, file, sections};

/// Everything one practice's service is told, checked whole.
///
/// The file is TOML with the sections `[practice]`, `[store]`, `[rules]`, that of the EMR,
/// `[aesthetix]` and, for a practice whose CRM makes patients, `[intake]`;
/// `examples/nextech/nextech.toml` and its like explain every key. Secrets are written as
/// `env:NAME` and read from the environment.
///
/// `E` is the configuration of the EMR's connector, which brings its own defaults:
/// `ServiceConfig::<NextechConfig>::from_file(path)`.
#[derive(Clone, Debug)]
pub struct ServiceConfig<E> {
    /// The store's file, `store.file`, and its key, `store.key`.
    pub store: StoreFile,
    /// The rules, `[rules]`, in the practice's time zone, `practice.zone`.
    pub rules: RulesConfig,
    /// The appointment categorization document that `rules.categories` names.
    pub categories: Categories,
    /// The source, under the EMR's name: [`EmrSection::NAME`].
    pub emr: E,
    /// The sink, `[aesthetix]`.
    pub aesthetix: AesthetixConfig,
    /// The intake, `[intake]`; `None` without the section.
    pub intake: Option<IntakeService>,
}

/// The part of a practice's service that makes patients of tagged contacts.
#[derive(Clone, Debug)]
pub struct IntakeService {
    /// The intake's own store, `intake.file` and `intake.key`: no two engines share one.
    pub store: StoreFile,
    /// Tags, field names and spelling, `[intake]`.
    pub rules: IntakeConfig,
    /// The CRM's webhooks, `[aesthetix.webhooks]`; without them contacts are found by their tag at
    /// each poll.
    pub webhooks: Option<WebhookConfig>,
}

impl<E: EmrSection> ServiceConfig<E> {
    /// Reads and checks a file and the documents it names. Paths in it are relative to it.
    ///
    /// # Errors
    /// [`Config`](cannula_core::ErrorKind::Config), listing every problem at once, each with its key's path.
    pub fn from_file(path: &Path) -> Result<Self> {
        file::parse(path, Self::parse)
    }

    /// Like [`ServiceConfig::from_file`] for a text; `lookup` reads the environment.
    ///
    /// # Errors
    /// As there.
    pub fn parse(
        text: &str,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let mut root = file::root(text)?;

        let zone = sections::zone(&mut root);
        let store =
            root.within("store", |section| StoreFile::from_settings(section, directory, lookup));
        let (categories, rules) = root.within("rules", |section| {
            let categories = section.required("categories");
            (categories, RulesConfig::from_settings(section, E::rules(zone)))
        });
        let categories = categories.and_then(|file| match document(&directory.join(file)) {
            Ok(categories) => Some(categories),
            Err(problems) => {
                root.absorb(problems);
                None
            }
        });

        let emr = root.within(E::NAME, |section| E::from_settings(section, zone, lookup));
        let has_intake = root.has("intake");
        let mut intake = has_intake
            .then(|| intake(&mut root, directory, lookup, E::intake(emr.as_ref())))
            .flatten();

        let aesthetix = root.within("aesthetix", |section| {
            let aesthetix = AesthetixConfig::from_settings(section, directory, lookup);
            if section.has("webhooks") {
                let location = aesthetix.as_ref().map_or("", |aesthetix| &aesthetix.location_id);
                let config = webhooks(section, location, intake.as_ref());
                if let Some(intake) = &mut intake {
                    intake.webhooks = Some(config);
                } else if !has_intake {
                    let why = "needs the section `[intake]`: nothing else is told by webhook";
                    section.problem("webhooks", why);
                }
            }
            aesthetix
        });

        root.finish().into_result(file::WHAT, ())?;
        match (store, categories, emr, aesthetix) {
            (Some(store), Some(categories), Some(emr), Some(aesthetix)) => {
                Ok(Self { store, rules, categories, emr, aesthetix, intake })
            }
            // Not reached: a part is missing only where its problem was noted.
            _ => Err(file::incomplete()),
        }
    }
}

/// Reads `[intake]`, which is there.
fn intake(
    root: &mut Settings,
    directory: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
    default: IntakeConfig,
) -> Option<IntakeService> {
    sections::within(root, "intake", names(&default), |section| {
        let store = StoreFile::from_settings(section, directory, lookup);
        let tag = default.tags.first().map_or("", String::as_str);
        let mut rules = IntakeConfig::from_settings(section, tag);
        if rules.foreign_tags.is_empty() && rules.tags == default.tags {
            rules.foreign_tags = default.foreign_tags;
        }
        Some(IntakeService { store: store?, rules, webhooks: None })
    })
}

/// The names of an EMR's intake, as a file would set them.
fn names(default: &IntakeConfig) -> Value {
    let fields = &default.fields;
    json!({
        "created_tag": default.created_tag,
        "failed_tag": default.failed_tag,
        "fields": {
            "location": fields.location,
            "referral_source": fields.referral_source,
            "general_practitioner": fields.general_practitioner,
            "chart_number": fields.chart_number,
        },
    })
}

/// Reads `[aesthetix.webhooks]`, which is there.
fn webhooks(
    aesthetix: &mut Settings,
    location: &str,
    intake: Option<&IntakeService>,
) -> WebhookConfig {
    let tags = intake.map(|intake| intake.rules.watched_tags()).unwrap_or_default();
    aesthetix.within("webhooks", |section| WebhookConfig::from_settings(section, location, tags))
}

/// Reads the categorization document; its problems are reported under its path.
fn document(path: &Path) -> Result<Categories, Problems> {
    let mut problems = Problems::new();
    let text = match file::read(path) {
        Ok(text) => text,
        Err(message) => {
            problems.add("rules.categories", message);
            return Err(problems);
        }
    };
    Categories::from_csv(&text).map_err(|found| {
        for problem in found.iter() {
            let place = format!("{}, {}", path.display(), problem.place);
            problems.add(place, problem.message.clone());
        }
        problems
    })
}
