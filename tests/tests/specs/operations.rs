//! Whether a client's whole repertoire was heard.

use std::{collections::BTreeSet, fs, path::Path};

/// Fails unless every operation that a connector's `requests.rs` can send was heard, and none that
/// it cannot.
pub(crate) fn assert_all_heard(connector: &str, heard: &BTreeSet<&'static str>) {
    let heard = heard.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(heard, repertoire(connector), "left: heard; right: what the client can send");
}

/// The operation names in a connector's `requests.rs`: the first argument wherever a request is
/// made.
fn repertoire(connector: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let path = root.join(format!("cannula-{connector}/src/requests.rs"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut names = BTreeSet::new();
    for made in ["get", "post", "put", "delete"].map(|verb| format!("Request::{verb}(")) {
        for rest in text.split(&made).skip(1) {
            let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (name, _) = name.unwrap_or_else(|| panic!("an operation without a name: {rest}"));
            names.insert(name.to_owned());
        }
    }
    names
}
