//! The targets of `cargo fuzz` on stable Rust: what the sandbox answers, and what was found before,
//! within bounds of time and memory. `docs/testing.md` says how to look for more.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bounds;
mod inputs;

use std::{collections::BTreeSet, fs, path::Path};

use cannula_tests::fuzz::{TARGETS, Target};

use crate::{bounds::Bounds, inputs::inputs};

fn play(name: &str) {
    let target = *TARGETS.iter().find(|target| target.name == name).unwrap();
    let bounds = Bounds::begin();
    let inputs = inputs(&target);
    assert!(!inputs.is_empty());
    for (what, input) in inputs {
        bounds.run(target, &what, input);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*

        #[test]
        fn every_target_is_played_and_has_a_binary() {
            let played = BTreeSet::from([$(stringify!($name)),*]);
            let targets: BTreeSet<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(played, targets);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            for Target { name, .. } in TARGETS {
                let binary = folder.join(format!("fuzz_targets/{name}.rs"));
                assert!(fs::read_to_string(binary).unwrap().contains(&format!("run(\"{name}\"")));
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            }
        }
    };
}

targets! {
    nextech_select
    nextech_plus
    patientnow
    zenoti
    dermpro
    aesthetix
    tokens
    cursors
    values
    nextech_pages
    webhooks
    configuration
    categories
    report
    links
    typed
    markers
    money
}

/// Seeds for `cargo fuzz`, written to the folder that `CANNULA_FUZZ_CORPUS` names.
#[test]
fn seeds_are_written_where_they_are_asked_for() {
    let Some(folder) = std::env::var_os("CANNULA_FUZZ_CORPUS") else {
        println!("skipped: CANNULA_FUZZ_CORPUS names no folder");
        return;
    };
    for target in TARGETS {
        let folder = Path::new(&folder).join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (number, (_, input)) in inputs(&target).into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), input).unwrap();
        }
    }
}
