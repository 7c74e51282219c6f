//! Every connector under the laws of `cannula-testkit`, over real HTTP: a sandbox, and a gate
//! before it that spoils what it is told to. `docs/testing.md` says how to add one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod behind;
mod emr;

/// The laws for an EMR's source, its client and its registry.
macro_rules! emr_laws {
    ($($name:ident),+) => {$(
        mod $name {
            mod source {
                async fn bench() -> crate::emr::EmrBench {
                    crate::emr::EmrBench::$name().await
                }
                cannula_testkit::source_laws!(bench);
            }
            mod client {
                async fn bench() -> crate::emr::ClientOf {
                    crate::emr::ClientOf::a(crate::emr::EmrBench::$name().await).await
                }
                cannula_testkit::client_laws!(bench);
            }
        }
    )+};
}

emr_laws!(select, practice_plus, of_patientnow, of_zenoti);
