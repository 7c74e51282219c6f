//! The configuration file of the Nextech → Aesthetix CRM service.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cannula_aesthetix::AesthetixConfig;
use cannula_core::{Error, ErrorKind, Problems, Result, Settings};
use cannula_nextech::NextechConfig;
use cannula_rules::{Categories, RulesConfig};
use serde_json::Value;

/// Everything one practice's service is told, checked whole.
///
/// The file is TOML with the sections `[store]`, `[rules]`, `[nextech]` and `[aesthetix]`; see
/// `examples/nextech.toml`. Secrets are written as `env:NAME` and read from the environment.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The store's file, `store.file`.
    pub store: PathBuf,
    /// The rules, `[rules]`.
    pub rules: RulesConfig,
    /// The appointment categorization document that `rules.categories` names.
    pub categories: Categories,
    /// The source, `[nextech]`.
    pub nextech: NextechConfig,
    /// The sink, `[aesthetix]`.
    pub aesthetix: AesthetixConfig,
}

impl ServiceConfig {
    /// Reads and checks a file and the documents it names. Paths in it are relative to it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], listing every problem at once, each with its key's path.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|cause| {
            let message = format!("cannot read {}: {}", path.display(), cause.kind());
            Error::new(ErrorKind::Config, message).source(cause)
        })?;
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
        let file: Value = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
        let mut root = Settings::new("", file);

        let mut section = root.section("store");
        let store = section.required("file").map(|file| directory.join(file));
        root.absorb(section.finish());

        let mut section = root.section("rules");
        let categories = section.required("categories").map(|file| directory.join(file));
        let rules = RulesConfig::from_settings(&mut section);
        root.absorb(section.finish());
        let categories = categories.and_then(|path| match document(&path) {
            Ok(categories) => Some(categories),
            Err(problems) => {
                root.absorb(problems);
                None
            }
        });

        let mut section = root.section("nextech");
        let nextech = NextechConfig::from_settings(&mut section, lookup);
        root.absorb(section.finish());

        let mut section = root.section("aesthetix");
        let aesthetix = AesthetixConfig::from_settings(&mut section, lookup);
        root.absorb(section.finish());

        let problems = root.finish();
        match (store, rules, categories, nextech, aesthetix) {
            (Some(store), Some(rules), Some(categories), Some(nextech), Some(aesthetix)) => problems
                .into_result(
                    "the configuration",
                    Self { store, rules, categories, nextech, aesthetix },
                ),
            // A part is missing only where its problem was noted.
            _ => problems.into_result("the configuration", ()).and(Err(Error::new(
                ErrorKind::Config,
                "the configuration is incomplete",
            ))),
        }
    }
}

/// Reads the categorization document; its problems are reported under its path.
fn document(path: &Path) -> Result<Categories, Problems> {
    let mut problems = Problems::new();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) => {
            let message = format!("cannot read {}: {}", path.display(), cause.kind());
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

/// Says where the file stops being TOML, without quoting it: the line may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| {
        text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    });
    Error::new(
        ErrorKind::Config,
        format!("the configuration is not valid TOML at line {line}: {}", error.message()),
    )
}
