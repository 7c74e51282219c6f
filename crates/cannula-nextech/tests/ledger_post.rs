//! New payments over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{fmt::Write as _, time::Duration};

use cannula_core::{
    Currency, Error, ErrorKind, Money, Named, NewPayment, PaymentLedger, PaymentTerms, Phi, Result,
    Retry,
};
use cannula_nextech::Product;
use common::{Practice, token};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

const PATH: &str = "/api/Patient/0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47/PaymentReconciliation";
const HIDDEN: [&str; 4] = ["Rose serum", "0b6f3c1e", "149.5", "Mina"];

fn named(id: &str, name: &str) -> Named {
    Named { id: Some(id.to_owned()), name: name.to_owned() }
}

fn payment(product: Product) -> NewPayment {
    let terms = match product {
        Product::Select => PaymentTerms {
            method: "Charge".to_owned(),
            category: Some("DermPRO Store".to_owned()),
            card_type: None,
            location: named("3", "Harbor Aesthetics North"),
            practitioner: named("418", "Okafor, Lena"),
        },
        Product::PracticePlus => PaymentTerms {
            method: "CreditCard".to_owned(),
            category: None,
            card_type: Some("Visa".to_owned()),
            location: named("2", "Main"),
            practitioner: named("9", "Rao MD"),
        },
    };
    NewPayment {
        patient: "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47".into(),
        amount: Money::from_minor(14_950, Currency::USD),
        date: "2031-05-06".parse().unwrap(),
        description: Phi::new("DP#000004101 HB-22 Rose serum".to_owned()),
        terms,
    }
}

async fn practice(product: Product) -> Practice {
    let practice = Practice::with(product, |config| {
        if product == Product::PracticePlus {
            config.new_payments.practice = Some("1".to_owned());
        }
    })
    .await;
    practice.tokens(token("token-1", None)).await;
    practice
}

/// Answers one posting, after those told before.
async fn then(practice: &Practice, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(PATH))
        .respond_with(answer)
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
}

async fn posts(practice: &Practice) -> Vec<wiremock::Request> {
    let requests = practice.server.received_requests().await.unwrap();
    requests.into_iter().filter(|it| it.url.path() == PATH).collect()
}

/// The request as it was received: path, body, and the total's digits as they were sent.
async fn sent(practice: &Practice) -> String {
    let requests = posts(practice).await;
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    let raw = std::str::from_utf8(&request.body).unwrap();
    let body: serde_json::Value = serde_json::from_str(raw).unwrap();
    let mut text = format!("{} {}\n", request.method, request.url.path());
    writeln!(text, "{}", serde_json::to_string_pretty(&body).unwrap()).unwrap();
    let total = raw.split_once(r#""total":"#).and_then(|(_, rest)| rest.split_once('}'));
    write!(text, "as sent: {}}}", total.unwrap().0).unwrap();
    text
}

/// Posts where the server answers so.
async fn post(answer: ResponseTemplate) -> (Practice, Result<()>) {
    let practice = practice(Product::Select).await;
    then(&practice, answer).await;
    let posted = practice.source.post(&payment(Product::Select)).await;
    (practice, posted)
}

fn hides_everything(error: &Error) {
    let text = format!("{error} {error:?}");
    assert!(HIDDEN.iter().all(|hidden| !text.contains(hidden)), "{text}");
}

fn answer(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

#[tokio::test]
async fn select_is_sent_a_payment() {
    let (practice, posted) = post(ResponseTemplate::new(201)).await;
    posted.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn practice_plus_is_sent_a_payment() {
    let practice = practice(Product::PracticePlus).await;
    then(&practice, ResponseTemplate::new(204)).await;
    practice.source.post(&payment(Product::PracticePlus)).await.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn a_refund_is_sent_as_a_negative_payment_with_all_that_can_be_said() {
    let practice = Practice::with(Product::Select, |config| {
        config.new_payments.card_type_extension = "credit-cardtype";
    })
    .await;
    practice.tokens(token("token-1", None)).await;
    then(&practice, ResponseTemplate::new(200)).await;
    let mut refund = payment(Product::Select);
    refund.amount = Money::from_minor(-3_000, Currency::USD);
    refund.description = Phi::new("DP#000004101 R#000000077".to_owned());
    refund.terms.card_type = Some("Other (Do not process)".to_owned());
    practice.source.post(&refund).await.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn whatever_a_2xx_says_the_payment_is_posted_unless_it_says_otherwise() {
    for body in ["", "null", r#"{"resourceType":"PaymentReconciliation"}"#] {
        let (practice, posted) = post(answer(200, body)).await;
        assert!(posted.is_ok(), "{body}");
        assert_eq!(practice.source.calls()["post payment"], 1);
    }
    let outcome = |severity: &str| {
        format!(r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"{severity}"}}]}}"#)
    };
    assert!(post(answer(200, &outcome("information"))).await.1.is_ok());
    for body in [&outcome("error"), "<html>We will be back soon</html>"] {
        let (_, posted) = post(answer(200, body)).await;
        let error = posted.unwrap_err();
        assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Decode, Retry::Settle));
    }
}

#[tokio::test]
async fn a_failure_after_which_the_payment_may_be_there_is_settled_and_never_sent_again() {
    for status in [408, 500, 502, 503] {
        let (practice, posted) = post(answer(status, r#"{"message":"Mina"}"#)).await;
        let error = posted.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle, "{error}");
        assert_eq!(posts(&practice).await.len(), 1);
        hides_everything(&error);
    }
}

#[tokio::test]
async fn a_connection_that_drops_before_the_answer_leaves_the_outcome_open() {
    use tokio::{io::AsyncReadExt, net::TcpListener};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut taken = 0;
        // Takes each request and hangs up.
        while let Ok(Ok((mut stream, _))) =
            tokio::time::timeout(Duration::from_secs(1), listener.accept()).await
        {
            let mut buffer = vec![0; 65_536];
            let _length = stream.read(&mut buffer).await;
            taken += 1;
        }
        taken
    });
    let practice = Practice::with(Product::Select, |config| {
        config.base_url = format!("http://{address}/api").parse().unwrap();
    })
    .await;
    practice.tokens(token("token-1", None)).await;
    let error = practice.source.post(&payment(Product::Select)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Connection, Retry::Settle));
    hides_everything(&error);
    assert_eq!(server.await.unwrap(), 1, "it is sent once");
}

#[tokio::test]
async fn a_refusal_says_what_to_correct_in_our_words() {
    for (status, body, expected) in [
        (
            400,
            r#"{"message":"Payment category 'DermPRO Store' of Mina Varga is not in the list"}"#,
            "nextech-select: post payment: Nextech does not take the payment; its answer speaks of: category (invalid, HTTP 400)",
        ),
        (
            422,
            r#"{"issue":[{"code":"invalid","details":{"text":"creditcard-type and Location/3"}}]}"#,
            "nextech-select: post payment: Nextech does not take the payment; its answer speaks of: card type, location (invalid, HTTP 422, code invalid)",
        ),
        (
            404,
            "",
            "nextech-select: post payment: Nextech does not take the payment and names no field; check that the patient is still there, and that category and card type are spelled as in Nextech's own lists (invalid, HTTP 404)",
        ),
        (
            409,
            r#"{"message":"Mina Varga has one"}"#,
            "nextech-select: post payment: Nextech does not take the payment and names no field; check that the patient is still there, and that category and card type are spelled as in Nextech's own lists (invalid, HTTP 409)",
        ),
    ] {
        let (practice, posted) = post(answer(status, body)).await;
        let error = posted.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Invalid, Retry::Never));
        assert_eq!(posts(&practice).await.len(), 1);
        hides_everything(&error);
    }
}

#[tokio::test]
async fn what_was_surely_not_applied_is_sent_again() {
    for status in [401, 429] {
        let practice = practice(Product::Select).await;
        then(&practice, ResponseTemplate::new(status)).await;
        then(&practice, ResponseTemplate::new(201)).await;
        practice.source.post(&payment(Product::Select)).await.unwrap();
        assert_eq!(posts(&practice).await.len(), 2);
    }
}

#[tokio::test]
async fn what_nextech_would_refuse_or_cut_is_not_sent() {
    type Spoil = fn(&mut NewPayment);
    let cases: [(Product, Spoil); 9] = [
        (Product::Select, |it| it.amount = Money::from_minor(1, Currency::CAD)),
        (Product::Select, |it| it.description = Phi::new("é".repeat(256))),
        (Product::Select, |it| it.description = Phi::new(" ".to_owned())),
        (Product::Select, |it| it.terms.method = "CreditCard".to_owned()),
        (Product::Select, |it| it.terms.category = None),
        (Product::Select, |it| it.terms.location.id = None),
        (Product::Select, |it| it.terms.practitioner.id = None),
        (Product::PracticePlus, |it| it.terms.card_type = None),
        (Product::PracticePlus, |it| it.terms.card_type = Some("Amex".to_owned())),
    ];
    let mut shown = Vec::new();
    for (product, spoil) in cases {
        let practice = practice(product).await;
        let mut payment = payment(product);
        spoil(&mut payment);
        let error = practice.source.post(&payment).await.unwrap_err();
        hides_everything(&error);
        assert!(practice.server.received_requests().await.unwrap().is_empty());
        shown.push(error.to_string());
    }
    let numberless = Practice::open(Product::PracticePlus).await;
    let error = numberless.source.post(&payment(Product::PracticePlus)).await.unwrap_err();
    shown.push(error.to_string());
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test]
async fn a_description_of_the_full_length_is_sent_whole() {
    let practice = practice(Product::Select).await;
    then(&practice, ResponseTemplate::new(200)).await;
    let mut payment = payment(Product::Select);
    payment.description = Phi::new("é".repeat(255));
    practice.source.post(&payment).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&posts(&practice).await[0].body).unwrap();
    assert_eq!(body["processNote"][0]["text"], **payment.description.expose());
}
