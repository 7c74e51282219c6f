//! Sandboxes behind gates.

use std::sync::Arc;

use cannula::core::Clock;
use cannula_sandbox::{Access, Quirks, Sandbox, SandboxConfig, practice::PracticeConfig};
use cannula_testkit::{Gate, ManualClock};
use chrono::{DateTime, TimeZone, Utc};

/// The practice opens on a Monday before its clocks change.
pub(crate) fn first_day() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0).single().unwrap()
}

/// A sandbox with nobody in it and the vendors' meannesses, but for limits, which the gate imposes,
/// and for rows that nobody put there.
pub(crate) async fn start() -> (Sandbox, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(first_day()));
    let practice = PracticeConfig::empty(first_day());
    let mut config = SandboxConfig::new(Arc::clone(&clock) as Arc<dyn Clock>, practice);
    config.quirks = Quirks {
        limits: false,
        bad_rows: false,
        changes_between_pages: 0,
        // Whether Nextech takes refunds is not known; if it does, the law for them is kept.
        negative_payments: true,
        ..Quirks::default()
    };
    (Sandbox::start(config).await.unwrap(), clock)
}

/// A gate before the sandbox, and how to reach the vendors through it.
pub(crate) async fn behind_a_gate(sandbox: &Sandbox) -> (Gate, Access) {
    let access = sandbox.access();
    let gate = Gate::before(&access.origin).await;
    let text = serde_json::to_string(access).unwrap().replace(&access.origin, gate.origin());
    (gate, serde_json::from_str(&text).unwrap())
}
