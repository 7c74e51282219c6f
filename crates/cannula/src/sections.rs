//! What the configuration files of services have in common.

use cannula_core::Settings;
use chrono_tz::Tz;
use serde_json::{Map, Value};

/// The practice's zone. One that is wrong is noted; any other lets the rest be checked all the same.
pub(crate) fn zone(root: &mut Settings) -> Tz {
    root.within("practice", |section| section.zone("zone")).unwrap_or(Tz::UTC)
}

/// Reads a section that takes what it does not set from `defaults`.
pub(crate) fn within<T>(
    root: &mut Settings,
    name: &str,
    defaults: Value,
    read: impl FnOnce(&mut Settings) -> T,
) -> T {
    let mut section = root.take(name).unwrap_or_else(|| Value::Object(Map::new()));
    fill(&mut section, defaults);
    let mut section = Settings::new(root.path_of(name), section);
    let value = read(&mut section);
    root.absorb(section.finish());
    value
}

/// Adds what a section does not set. What is no section is left for its reader to refuse.
fn fill(section: &mut Value, defaults: Value) {
    let (Value::Object(section), Value::Object(defaults)) = (section, defaults) else { return };
    for (key, default) in defaults {
        match section.get_mut(&key) {
            Some(set) => fill(set, default),
            None => drop(section.insert(key, default)),
        }
    }
}
