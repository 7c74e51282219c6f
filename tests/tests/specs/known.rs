//! What is known to be wrong with a published specification.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// An error of a specification. It is mended in a copy for the strict run, and it must show in the
/// run against the published file: an entry that is out of date fails a test.
#[derive(Debug)]
pub(crate) struct Known {
    /// The file, within the folder of its vendor.
    pub(crate) file: &'static str,
    /// The members that lead to the place.
    pub(crate) place: &'static [&'static str],
    /// What is published there; null if nothing is.
    pub(crate) published: fn() -> Value,
    /// What should be.
    pub(crate) mended: fn() -> Value,
    /// Why the vendor's file is wrong here and not we.
    pub(crate) reason: &'static str,
    /// What Prism says of the published file: the method and the message, with `*` for positions.
    pub(crate) seen: &'static [(&'static str, &'static str)],
}

impl Known {
    fn mend(&self, spec: &mut Value) -> Result<(), String> {
        let (last, way) = self.place.split_last().ok_or("a place has a name")?;
        let parent = way.iter().fold(spec, |at, member| &mut at[*member]);
        if parent.get(*last).unwrap_or(&Value::Null) != &(self.published)() {
            let Self { file, place, reason, .. } = self;
            return Err(format!("{file}: {place:?} is not as it was; is it still wrong? {reason}"));
        }
        parent[*last] = (self.mended)();
        Ok(())
    }
}

/// What is said of the published files, as [`Judge::verdicts`](crate::judge::Judge::verdicts) has it.
pub(crate) fn seen(known: &[Known]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for known in known {
        let seen = known.seen.iter();
        all.extend(seen.map(|(method, message)| format!("{} {method}: {message}", known.file)));
    }
    all
}

/// A copy of a vendor's folder with everything mended that is known to be wrong.
pub(crate) fn mended(folder: &Path, known: &[Known]) -> TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_tree(folder, copy.path());
    for known in known {
        let path = copy.path().join(known.file);
        let mut spec = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        known.mend(&mut spec).unwrap();
        fs::write(&path, spec.to_string()).unwrap();
    }
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_tree(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
        }
    }
}

#[test]
fn a_known_error_that_was_corrected_is_not_mended_again() {
    let known = Known {
        file: "a.json",
        place: &["status", "type"],
        published: || json!("string"),
        mended: || json!(["string", "null"]),
        reason: "null is sent",
        seen: &[],
    };
    let mut spec = json!({ "status": { "type": "string" } });
    known.mend(&mut spec).unwrap();
    assert_eq!(spec, json!({ "status": { "type": ["string", "null"] } }));
    let refused = known.mend(&mut spec).unwrap_err();
    assert!(refused.ends_with("is it still wrong? null is sent"), "{refused}");
}
