//! Configuration files.

use std::{fs, io, path::Path};

use cannula_core::{Error, ErrorKind, Result, Settings};
use serde_json::Value;

/// What the problems are problems of.
pub(crate) const WHAT: &str = "the configuration";

/// Parses a configuration file; what it names is relative to it.
pub(crate) fn parse<T>(
    path: &Path,
    parse: impl FnOnce(&str, &Path, &dyn Fn(&str) -> Option<String>) -> Result<T>,
) -> Result<T> {
    let text = read(path).map_err(|message| Error::new(ErrorKind::Config, message))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    parse(&text, directory, &|name| std::env::var(name).ok())
}

/// A configuration file's text as sections to be read.
pub(crate) fn root(text: &str) -> Result<Settings> {
    let file: toml::Table = text.parse().map_err(|error| not_toml(text, &error))?;
    Ok(Settings::new("", from_toml(file.into())))
}

/// A configuration that has a part missing whose problem was noted nowhere, which does not happen.
pub(crate) fn incomplete() -> Error {
    Error::new(ErrorKind::Config, format!("{WHAT} is incomplete"))
}

/// Reads a text file; the error is one clause with the file's path.
pub(crate) fn read(path: &Path) -> Result<String, String> {
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
fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(from_toml).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, from_toml(value))).collect()
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
