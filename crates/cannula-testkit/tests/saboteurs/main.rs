//! The laws under test: a small vendor over real HTTP whose clients keep every law, and for each
//! law a saboteur: the same client with one flaw, which the law must reject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod client;
mod ledger;
mod link;
mod patient_store;
mod registry;
mod sink;
mod source;
mod store;
mod vendor;
mod webhook;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cannula_testkit::Law;

/// Every law has a saboteur, and nobody else has.
fn assert_same<F>(laws: &[Law], saboteurs: &[(&str, F)]) {
    let mut laws: Vec<_> = laws.iter().map(|law| law.name).collect();
    let mut sabotaged: Vec<_> = saboteurs.iter().map(|(law, _)| *law).collect();
    laws.sort_unstable();
    sabotaged.sort_unstable();
    sabotaged.dedup();
    assert_eq!(laws, sabotaged);
}

/// Why a law rejects a bench, if it does. Each on a runtime of its own, for some laws stop tokio's
/// clock.
fn rejection(law: impl Future<Output = ()>) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(law))).err()?;
    Some(panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

/// A test that every law has a saboteur, one that the law rejects each of them, and one of each law
/// for the client without a flaw.
macro_rules! laws_and_saboteurs {
    ($laws:ident: $bench:ident => $type:ident, $saboteurs:expr) => {
        #[test]
        fn every_law_has_a_saboteur() {
            crate::assert_same(cannula_testkit::$laws::LAWS, $saboteurs);
        }

        #[test]
        fn no_saboteur_passes() {
            let mut passed = Vec::new();
            for (law, flaw) in $saboteurs {
                let held = async {
                    let bench = $bench(Some(*flaw)).await;
                    cannula_testkit::$laws::hold(law, &bench).await;
                };
                if crate::rejection(held).is_none() {
                    passed.push((law, flaw));
                }
            }
            assert_eq!(passed, [], "these laws let these saboteurs pass");
        }

        mod without_a_flaw {
            async fn good() -> super::$type {
                super::$bench(None).await
            }
            cannula_testkit::$laws!(good);
        }
    };
}
pub(crate) use laws_and_saboteurs;
