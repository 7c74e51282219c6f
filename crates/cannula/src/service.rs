//! The configuration file of the Nextech → Aesthetix CRM service.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cannula_aesthetix::{AesthetixConfig, WebhookConfig};
use cannula_core::{Error, ErrorKind, Problems, Result, Settings};
use cannula_nextech::{NextechConfig, Product};
use cannula_rules::{
    Categories, RulesConfig,
    intake::{ForeignTag, IntakeConfig},
};
use chrono_tz::Tz;
use serde_json::Value;

/// Everything one practice's service is told, checked whole.
///
/// The file is TOML with the sections `[practice]`, `[store]`, `[rules]`, `[nextech]`,
/// `[aesthetix]` and, for a practice whose CRM makes patients, `[intake]`;
/// `examples/nextech/nextech.toml` explains every key. Secrets are written as `env:NAME` and read
/// from the environment.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The store's file, `store.file`.
    pub store: PathBuf,
    /// The rules, `[rules]`, in the practice's time zone, `practice.zone`.
    pub rules: RulesConfig,
    /// The appointment categorization document that `rules.categories` names.
    pub categories: Categories,
    /// The source, `[nextech]`.
    pub nextech: NextechConfig,
    /// The sink, `[aesthetix]`.
    pub aesthetix: AesthetixConfig,
    /// The intake, `[intake]`; `None` without the section.
    pub intake: Option<IntakeService>,
}

/// The part of a practice's service that makes patients of tagged contacts.
#[derive(Clone, Debug)]
pub struct IntakeService {
    /// The intake's own store, `intake.file`: no two engines share one.
    pub store: PathBuf,
    /// Tags, field names and spelling, `[intake]`.
    pub rules: IntakeConfig,
    /// The CRM's webhooks, `[aesthetix.webhooks]`; without them contacts are found by their tag at
    /// each poll.
    pub webhooks: Option<WebhookConfig>,
}

impl ServiceConfig {
    /// Reads and checks a file and the documents it names. Paths in it are relative to it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], listing every problem at once, each with its key's path.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = read(path).map_err(|message| Error::new(ErrorKind::Config, message))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory, &|name| std::env::var(name).ok())
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
        let file: toml::Table = text.parse().map_err(|error| not_toml(text, &error))?;
        let mut root = Settings::new("", json(file.into()));

        let mut section = root.section("practice");
        // A zone that is wrong has been noted; any other lets the rest be checked all the same.
        let zone = section.zone("zone").unwrap_or(Tz::UTC);
        root.absorb(section.finish());

        let mut section = root.section("store");
        let store = section.required("file").map(|file| directory.join(file));
        root.absorb(section.finish());

        let mut section = root.section("rules");
        let categories = section.required("categories").map(|file| directory.join(file));
        let rules = RulesConfig::from_settings(&mut section, zone);
        root.absorb(section.finish());
        let categories = categories.and_then(|path| match document(&path) {
            Ok(categories) => Some(categories),
            Err(problems) => {
                root.absorb(problems);
                None
            }
        });

        let mut section = root.section("nextech");
        let nextech = NextechConfig::from_settings(&mut section, zone, lookup);
        root.absorb(section.finish());

        let product = nextech.as_ref().map_or(Product::Select, |nextech| nextech.product);
        let has_intake = root.has("intake");
        let mut intake = has_intake.then(|| intake(&mut root, directory, product)).flatten();

        let mut section = root.section("aesthetix");
        let aesthetix = AesthetixConfig::from_settings(&mut section, directory, lookup);
        if section.has("webhooks") {
            let location = aesthetix.as_ref().map_or("", |aesthetix| &aesthetix.location_id);
            let config = webhooks(&mut section, location, intake.as_ref());
            if let Some(intake) = &mut intake {
                intake.webhooks = Some(config);
            } else if !has_intake {
                let why = "needs the section `[intake]`: nothing else is told by webhook";
                section.problem("webhooks", why);
            }
        }
        root.absorb(section.finish());

        root.finish().into_result(WHAT, ())?;
        match (store, categories, nextech, aesthetix) {
            (Some(store), Some(categories), Some(nextech), Some(aesthetix)) => {
                Ok(Self { store, rules, categories, nextech, aesthetix, intake })
            }
            // Not reached: a part is missing only where its problem was noted.
            _ => Err(Error::new(ErrorKind::Config, format!("{WHAT} is incomplete"))),
        }
    }
}

/// The tag that Aesthetix's own integration creates a patient by, and that of the sister product:
/// they differ by one character (help centre, article 1352).
fn create_tags(product: Product) -> (&'static str, ForeignTag) {
    let (select, plus) = ("NXT Create", "NXT-Create");
    let foreign =
        |tag: &str, product: &str| ForeignTag { tag: tag.into(), product: product.into() };
    match product {
        Product::Select => (select, foreign(plus, "Nextech Practice+")),
        Product::PracticePlus => (plus, foreign(select, "Nextech Select")),
    }
}

/// Reads `[intake]`, which is there.
fn intake(root: &mut Settings, directory: &Path, product: Product) -> Option<IntakeService> {
    let mut section = root.section("intake");
    let store = section.required("file").map(|file| directory.join(file));
    let (tag, foreign) = create_tags(product);
    let mut rules = IntakeConfig::from_settings(&mut section, tag);
    if rules.foreign_tags.is_empty() && rules.tags == [tag] {
        rules.foreign_tags.push(foreign);
    }
    root.absorb(section.finish());
    Some(IntakeService { store: store?, rules, webhooks: None })
}

/// Reads `[aesthetix.webhooks]`, which is there.
fn webhooks(
    aesthetix: &mut Settings,
    location: &str,
    intake: Option<&IntakeService>,
) -> WebhookConfig {
    let tags = intake.map(|intake| intake.rules.watched_tags()).unwrap_or_default();
    let mut section = aesthetix.section("webhooks");
    let config = WebhookConfig::from_settings(&mut section, location, tags);
    aesthetix.absorb(section.finish());
    config
}

/// What the problems are problems of.
const WHAT: &str = "the configuration";

/// Reads the categorization document; its problems are reported under its path.
fn document(path: &Path) -> Result<Categories, Problems> {
    let mut problems = Problems::new();
    let text = match read(path) {
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

/// Reads a text file; the error is one clause with the file's path.
fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|cause| {
        let why = match cause.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::InvalidData => "it is not a text in UTF-8".to_owned(),
            kind => kind.to_string(),
        };
        format!("cannot read {}: {why}", path.display())
    })
}

/// TOML as JSON. A date or time becomes its text, so that quotation marks around it are optional.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, json(value))).collect()
        }
    }
}

/// Says where the file stops being TOML, without quoting it: the line may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let line = error
        .span()
        .map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
    Error::new(ErrorKind::Config, format!("{WHAT} is not TOML at line {line}: {}", error.message()))
}
