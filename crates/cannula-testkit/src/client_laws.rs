//! What every client of a vendor must do when the network or the vendor fails, whichever port it
//! serves, one named function each. They panic when the law is broken;
//! [`client_laws!`](macro@crate::client_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry};
use chrono::TimeDelta;
use futures::future::join_all;

use crate::{Gate, ManualClock, Power, Spoil, laws::set_of_laws, write_faults::SIGN_IN_PAGE};

/// No client may send one request more often than this.
const MANY: usize = 10;
/// No attempt may start later than this after the first, on the client's clock.
const TOTAL: TimeDelta = TimeDelta::minutes(1);
/// No client waits longer than this for one answer.
const ONE_ATTEMPT: TimeDelta = TimeDelta::seconds(30);
/// Whoever is still asking after so much silence will never stop.
const FOR_EVER: u32 = 600;
/// More than any client may read of one answer.
const TOO_MUCH: u64 = 64 * 1024 * 1024;

/// A client behind a [`Gate`].
#[async_trait]
pub trait ClientBench: Debug + Send + Sync {
    /// The gate that the client knows as its vendor.
    fn gate(&self) -> &Gate;

    /// The client's clock.
    fn clock(&self) -> &ManualClock;

    /// Reads something that is there, always with the same client. It must ask the vendor each
    /// time. A source reads the second page of a listing.
    async fn call(&self) -> Result<()>;

    /// A text that `METHOD /path?query` of the call's last request contains, and no request for a
    /// token.
    fn request(&self) -> &'static str;

    /// The same of requests for tokens, if there are any.
    fn token_request(&self) -> &'static str {
        "(none)"
    }

    /// Bodies that the vendor is known to send with status 200 when it means an error.
    fn errors_in_200(&self) -> Vec<String> {
        Vec::new()
    }

    /// The powers that the client lacks, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use ClientBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for clients. Takes an `async` function that returns a fresh
    /// [`ClientBench`](crate::ClientBench); the crate that uses it needs `tokio` with the feature `macros`.
    client_laws,
    a_token_that_is_refused_is_renewed_once_for_all_who_wait [Tokens],
    a_token_that_is_good_is_used_again [Tokens],
    credentials_that_are_refused_are_not_tried_for_ever,
    retry_after_is_waited_for,
    haste_that_is_refused_without_a_time_is_waited_out,
    refusals_without_end_are_handed_back_with_the_wait,
    an_error_of_the_server_is_tried_again,
    an_outage_ends_within_attempts_and_time,
    an_answer_that_does_not_come_is_asked_for_again,
    silence_without_end_ends,
    a_broken_connection_is_tried_again,
    half_an_answer_is_asked_for_again,
    half_an_answer_is_never_taken_for_a_whole,
    an_answer_without_end_is_given_up,
    a_page_of_html_is_no_answer,
    an_error_with_status_200_is_an_error [ErrorsIn200],
    a_redirect_is_not_followed,
}

/// Eight calls are under way when the token stops working: one new token serves them all.
pub async fn a_token_that_is_refused_is_renewed_once_for_all_who_wait(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let before = bench.gate().count(bench.token_request());
    bench.gate().revoke();
    for outcome in join_all((0..8).map(|_| bench.call())).await {
        outcome.unwrap();
    }
    assert_eq!(bench.gate().count(bench.token_request()) - before, 1, "requests for a token");
}

/// A request for a token is not made for each call.
pub async fn a_token_that_is_good_is_used_again(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let before = bench.gate().count(bench.token_request());
    assert_eq!(before, 1, "one token was enough");
    bench.call().await.unwrap();
    assert_eq!(bench.gate().count(bench.token_request()), before);
}

/// A person must act, so the error says so, and the vendor's lock for wrong passwords stays open.
pub async fn credentials_that_are_refused_are_not_tried_for_ever(bench: &dyn ClientBench) {
    let tokens = bench.gate().count(bench.token_request());
    bench.gate().always(bench.request(), Spoil::Status(401));
    let (error, attempts) = gives_up(bench).await;
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(attempts <= 2, "asked {attempts} times");
    assert!(bench.gate().count(bench.token_request()) - tokens <= 2);
}

/// The vendor's wish wins over the client's own pause, and is not exceeded without need.
pub async fn retry_after_is_waited_for(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let (before, began) = (asked(bench), bench.clock().now());
    bench.gate().next(bench.request(), Spoil::TooMany(Some(7)));
    bench.call().await.unwrap();
    let took = bench.clock().now() - began;
    assert!(took >= TimeDelta::seconds(7), "waited {took}");
    assert!(took <= TimeDelta::seconds(30), "waited {took}");
    assert_eq!(asked(bench) - before, 2);
}

/// By a pause of the client's own.
pub async fn haste_that_is_refused_without_a_time_is_waited_out(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let began = bench.clock().now();
    bench.gate().next(bench.request(), Spoil::TooMany(None));
    bench.call().await.unwrap();
    let took = bench.clock().now() - began;
    assert!(took > TimeDelta::zero() && took <= TOTAL, "waited {took}");
}

/// Whoever called is told how long to wait, and does not hear that it is hopeless. A wait that would
/// not end in time is not begun.
pub async fn refusals_without_end_are_handed_back_with_the_wait(bench: &dyn ClientBench) {
    for seconds in [40, 600] {
        bench.gate().open();
        bench.gate().always(bench.request(), Spoil::TooMany(Some(seconds)));
        let (error, _) = gives_up(bench).await;
        let known = matches!(error.kind(), ErrorKind::Throttled | ErrorKind::QuotaExhausted);
        assert!(known, "{error}");
        let long_enough = |wait| wait >= Duration::from_secs(seconds);
        assert!(
            matches!(error.retry_advice(), Retry::After(wait) if long_enough(wait)),
            "{error:?}"
        );
    }
}

/// Whichever of them it is: reading again does no harm.
pub async fn an_error_of_the_server_is_tried_again(bench: &dyn ClientBench) {
    for status in [500, 502, 503, 504] {
        bench.gate().next(bench.request(), Spoil::Status(status));
        let outcome = bench.call().await;
        assert!(outcome.is_ok(), "after one {status}: {outcome:?}");
    }
}

/// And the error says to come back later.
pub async fn an_outage_ends_within_attempts_and_time(bench: &dyn ClientBench) {
    bench.gate().always(bench.request(), Spoil::Status(503));
    let (error, attempts) = gives_up(bench).await;
    assert!(attempts > 1, "it was not tried again");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(error.retry_advice(), Retry::Backoff, "{error:?}");
}

/// After the client's own time-out.
pub async fn an_answer_that_does_not_come_is_asked_for_again(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    bench.gate().next(bench.request(), Spoil::Hang);
    out_of_time(bench.gate(), bench.clock(), bench.call()).await.unwrap();
}

/// Every attempt has a time-out, attempts are counted, and none starts after the call's time.
pub async fn silence_without_end_ends(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let (before, began) = (asked(bench), bench.clock().now());
    bench.gate().always(bench.request(), Spoil::Hang);
    let call = out_of_time(bench.gate(), bench.clock(), bench.call());
    let Err(error) = call.await else { panic!("the call succeeded") };
    assert!(asked(bench) - before <= MANY);
    let took = bench.clock().now() - began;
    assert!(took <= TOTAL + ONE_ATTEMPT, "took {took}");
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(error.retry_advice(), Retry::Backoff, "{error:?}");
}

/// Before the answer, after the work, and in the middle of the body.
pub async fn a_broken_connection_is_tried_again(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    for spoil in [Spoil::Reset, Spoil::ResetAfter, Spoil::Cut] {
        bench.gate().next(bench.request(), spoil.clone());
        let outcome = bench.call().await;
        assert!(outcome.is_ok(), "after {spoil:?}: {outcome:?}");
    }
}

/// A proxy in between may cut a body and say that it is whole.
pub async fn half_an_answer_is_asked_for_again(bench: &dyn ClientBench) {
    bench.call().await.unwrap();
    let before = asked(bench);
    bench.gate().next(bench.request(), Spoil::Half);
    bench.call().await.unwrap();
    assert_eq!(asked(bench) - before, 2);
}

/// However often it comes.
pub async fn half_an_answer_is_never_taken_for_a_whole(bench: &dyn ClientBench) {
    bench.gate().always(bench.request(), Spoil::Half);
    let (error, _) = gives_up(bench).await;
    assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::Connection), "{error}");
    assert_ne!(error.retry_advice(), Retry::Settle, "a read leaves nothing to settle");
}

/// Memory has a bound, whoever answers.
pub async fn an_answer_without_end_is_given_up(bench: &dyn ClientBench) {
    bench.gate().always(bench.request(), Spoil::Endless);
    let (error, _) = gives_up(bench).await;
    assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::Connection), "{error}");
    let taken = bench.gate().endless_bytes();
    assert!(taken <= TOO_MUCH, "{taken} bytes were taken");
}

/// Such as a sign-in page of a network, with status 200.
pub async fn a_page_of_html_is_no_answer(bench: &dyn ClientBench) {
    let page = Spoil::Instead("text/html", SIGN_IN_PAGE.to_owned());
    bench.gate().always(bench.request(), page);
    gives_up(bench).await;
}

/// In each form that the vendor is known to use.
pub async fn an_error_with_status_200_is_an_error(bench: &dyn ClientBench) {
    let bodies = bench.errors_in_200();
    assert!(!bodies.is_empty(), "the bench must name such bodies, or lack `Power::ErrorsIn200`");
    for body in bodies {
        bench.gate().open();
        bench.gate().always(bench.request(), Spoil::Instead("application/json", body.clone()));
        let outcome = bench.call().await;
        assert!(outcome.is_err(), "taken for an answer: {body}");
    }
}

/// It would carry the credentials to wherever it leads.
pub async fn a_redirect_is_not_followed(bench: &dyn ClientBench) {
    let elsewhere = format!("{}/elsewhere", bench.gate().origin());
    bench.gate().always(bench.request(), Spoil::Redirect(elsewhere));
    gives_up(bench).await;
    assert_eq!(bench.gate().count("/elsewhere"), 0);
}

fn asked(bench: &dyn ClientBench) -> usize {
    bench.gate().count(bench.request())
}

/// The call fails, within reason: few requests and little time. Returns the error and the number
/// of requests.
async fn gives_up(bench: &dyn ClientBench) -> (Error, usize) {
    let (before, began) = (asked(bench), bench.clock().now());
    let Err(error) = bench.call().await else { panic!("the call succeeded") };
    let (attempts, took) = (asked(bench) - before, bench.clock().now() - began);
    assert!((1..=MANY).contains(&attempts), "asked {attempts} times");
    assert!(took <= TOTAL, "took {took}");
    (error, attempts)
}

/// Makes a call of which some requests are held by the gate: while one is, time goes by, on tokio's
/// clock, which time-outs are measured on, and on the client's. Runs on a single-threaded runtime
/// only, as tests do.
#[allow(clippy::disallowed_methods, reason = "it waits for sockets, which no clock of ours moves")]
pub(crate) async fn out_of_time<T>(
    gate: &Gate,
    clock: &ManualClock,
    call: impl Future<Output = T>,
) -> T {
    const SECOND: Duration = Duration::from_secs(1);
    // For whose time is out, to let go of the request, and for the gate to see that.
    const MOMENT: Duration = Duration::from_millis(1);
    let mut call = std::pin::pin!(call);
    for _ in 0..FOR_EVER {
        let held = async {
            tokio::time::sleep(MOMENT).await;
            gate.held().await;
        };
        tokio::select! {
            biased;
            outcome = call.as_mut() => return outcome,
            () = held => {}
        }
        clock.advance(SECOND);
        tokio::time::pause();
        tokio::time::advance(SECOND).await;
        tokio::time::resume();
    }
    panic!("the call took {FOR_EVER} seconds of silence and did not end")
}
