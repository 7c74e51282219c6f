//! What can happen to a write on its way, for the laws of whoever writes.

use crate::{Gate, ManualClock, Spoil, client_laws::out_of_time};

/// The vendor never sees the request.
pub(crate) const BEFORE: [Spoil; 4] =
    [Spoil::Status(503), Spoil::TooMany(None), Spoil::TooMany(Some(3)), Spoil::Reset];

/// The request takes effect and its answer is lost.
pub(crate) const AFTER: [Spoil; 5] =
    [Spoil::StatusAfter(500), Spoil::StatusAfter(502), Spoil::ResetAfter, Spoil::Cut, Spoil::Half];

/// Nothing comes back, whether or not the request took effect.
pub(crate) const SILENCE: [Spoil; 2] = [Spoil::Hang, Spoil::HangAfter];

/// Makes a call of which the next such request meets a fault; it must be met.
pub(crate) async fn met<T>(
    gate: &Gate,
    clock: &ManualClock,
    requests: &str,
    spoil: &Spoil,
    call: impl Future<Output = T>,
) -> T {
    gate.next(requests, spoil.clone());
    let outcome = out_of_time(gate, clock, call).await;
    assert_eq!(gate.pending(), 0, "no {requests} came to meet {spoil:?}");
    outcome
}
