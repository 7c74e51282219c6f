use async_trait::async_trait;
use cannula_core::Result;
use cannula_http::Request;
use cannula_testkit::{ClientBench, Gate, ManualClock, Power};
use serde::Deserialize;
use serde_json::Value;

use crate::link::{Caller, ERROR_IN_200, Link, LinkFlaw as Flaw};

crate::laws_and_saboteurs!(client_laws: bench => Bench, &[
    ("a_token_that_is_refused_is_renewed_once_for_all_who_wait", Flaw::TokenForEachWhoIsRefused),
    ("a_token_that_is_good_is_used_again", Flaw::TokenForEachCall),
    ("credentials_that_are_refused_are_not_tried_for_ever", Flaw::TriesForEver),
    ("retry_after_is_waited_for", Flaw::DoesNotWait),
    ("haste_that_is_refused_without_a_time_is_waited_out", Flaw::DoesNotWait),
    ("refusals_without_end_are_handed_back_with_the_wait", Flaw::Despairs),
    ("refusals_without_end_are_handed_back_with_the_wait", Flaw::KnowsNoTotal),
    ("an_error_of_the_server_is_tried_again", Flaw::GivesUpAtOnce),
    ("an_outage_ends_within_attempts_and_time", Flaw::TriesForEver),
    ("an_outage_ends_within_attempts_and_time", Flaw::KnowsNoTotal),
    ("an_answer_that_does_not_come_is_asked_for_again", Flaw::GivesUpAtOnce),
    ("silence_without_end_ends", Flaw::TriesForEver),
    ("silence_without_end_ends", Flaw::KnowsNoTotal),
    ("a_broken_connection_is_tried_again", Flaw::GivesUpAtOnce),
    ("half_an_answer_is_asked_for_again", Flaw::TakesAnything),
    ("half_an_answer_is_never_taken_for_a_whole", Flaw::TakesAnything),
    ("an_answer_without_end_is_given_up", Flaw::ReadsTooMuch),
    ("a_page_of_html_is_no_answer", Flaw::TakesAnything),
    ("an_error_with_status_200_is_an_error", Flaw::TrustsTheStatus),
    ("a_redirect_is_not_followed", Flaw::FollowsRedirects),
]);

/// And for nothing else: its attempts are few, and its errors are right.
#[test]
fn who_knows_no_total_is_rejected_for_the_time_it_takes() {
    for law in [
        "refusals_without_end_are_handed_back_with_the_wait",
        "an_outage_ends_within_attempts_and_time",
        "silence_without_end_ends",
    ] {
        let held = async {
            cannula_testkit::client_laws::hold(law, &bench(Some(Flaw::KnowsNoTotal)).await).await;
        };
        let why = crate::rejection(held).unwrap_or_default();
        assert!(why.starts_with("took PT"), "{law}: {why:?}");
    }
}

/// A client that reads a listing.
#[derive(Debug)]
struct Bench {
    link: Link,
    caller: Caller,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    let link = Link::open().await;
    let caller = link.caller(flaw);
    Bench { link, caller }
}

/// Lenient, as answers of vendors have to be read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    rows: Vec<Value>,
}

#[async_trait]
impl ClientBench for Bench {
    fn gate(&self) -> &Gate {
        &self.link.gate
    }

    fn clock(&self) -> &ManualClock {
        self.link.clock()
    }

    async fn call(&self) -> Result<()> {
        let request = Request::get("list", "records")
            .query("since", "2026-01-01T00:00:00Z")
            .query("offset", "0")
            .query("size", "5");
        let answer: Option<Answer> = self.caller.json(&request).await?;
        assert!(answer.is_none_or(|answer| answer.rows.is_empty()));
        Ok(())
    }

    fn request(&self) -> &'static str {
        "GET /records"
    }

    fn token_request(&self) -> &'static str {
        "POST /token"
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![ERROR_IN_200.to_owned()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
