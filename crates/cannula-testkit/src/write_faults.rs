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

/// A page that a network may put in the place of any answer.
pub(crate) const SIGN_IN_PAGE: &str = "<!doctype html><html><body>Please sign in.</body></html>";

/// Status 200 and no success: an error in each form that the vendor is known to use, and a page of
/// somebody else's. The vendor never sees the request.
pub(crate) fn untrue(errors_in_200: Vec<String>) -> Vec<Spoil> {
    assert!(!errors_in_200.is_empty(), "the bench must name bodies, or lack `Power::ErrorsIn200`");
    let page = Spoil::Instead("text/html", SIGN_IN_PAGE.to_owned());
    let errors = errors_in_200.into_iter().map(|body| Spoil::Instead("application/json", body));
    errors.chain([page]).collect()
}

/// Whether an error of this fault's may be for good: the vendor did say no, and where that is
/// mended somebody has the same sent again.
pub(crate) fn may_be_final(fault: Option<&Spoil>) -> bool {
    matches!(fault, Some(Spoil::Instead(..)))
}

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
