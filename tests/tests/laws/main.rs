//! Every connector under the laws of `cannula-testkit`, over real HTTP: a sandbox, and a gate
//! before it that spoils what it is told to. `docs/testing.md` says how to add one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod behind;
mod crm;
mod dermpro;
mod emr;
mod memory;
mod skipped;
mod webhooks;

/// A module of tests for each bench that is held to a set of laws.
macro_rules! held_to {
    ($laws:ident: $($name:ident = $bench:expr => $kind:ty),+ $(,)?) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every bench needs all of it")]
            use crate::{
                crm::{CrmBench, CrmClientBench},
                dermpro::{DermproBench, DermproClientBench},
                emr::{ClientOf, EmrBench},
                memory::Memory,
                webhooks::Deliveries,
            };

            async fn bench() -> $kind {
                $bench.await
            }
            cannula_testkit::$laws!(bench);
        }
    )+};
}

mod source {
    held_to! { source_laws:
        nextech_select = EmrBench::select() => EmrBench,
        nextech_practice_plus = EmrBench::practice_plus() => EmrBench,
        patientnow = EmrBench::of_patientnow() => EmrBench,
        zenoti = EmrBench::of_zenoti() => EmrBench,
        aesthetix = CrmBench::open() => CrmBench,
        dermpro = DermproBench::open() => DermproBench,
    }
}

mod client {
    held_to! { client_laws:
        nextech_select = ClientOf::a(EmrBench::select().await) => ClientOf,
        nextech_practice_plus = ClientOf::a(EmrBench::practice_plus().await) => ClientOf,
        patientnow = ClientOf::a(EmrBench::of_patientnow().await) => ClientOf,
        zenoti = ClientOf::a(EmrBench::of_zenoti().await) => ClientOf,
        aesthetix = CrmClientBench::open() => CrmClientBench,
        dermpro = DermproClientBench::open() => DermproClientBench,
    }
}

mod sink {
    held_to! { sink_laws:
        aesthetix = CrmBench::open() => CrmBench,
        memory = Memory::open() => Memory,
    }
}

mod registry {
    held_to! { registry_laws:
        nextech_select = EmrBench::select() => EmrBench,
        nextech_practice_plus = EmrBench::practice_plus() => EmrBench,
        patientnow = EmrBench::of_patientnow() => EmrBench,
        zenoti = EmrBench::of_zenoti() => EmrBench,
        memory = Memory::open() => Memory,
    }
}

mod ledger {
    held_to! { ledger_laws:
        nextech_select = EmrBench::select() => EmrBench,
        nextech_practice_plus = EmrBench::practice_plus() => EmrBench,
        memory = Memory::open() => Memory,
    }
}

mod webhook {
    held_to! { webhook_laws:
        patientnow = Deliveries::patientnow() => Deliveries,
        zenoti = Deliveries::zenoti() => Deliveries,
        aesthetix = Deliveries::aesthetix() => Deliveries,
    }
}
