//! The client over real HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use cannula_http::{
    Auth, Budget, Client, ClientBuilder, Lane, Method, Quota, Request, Sign, StaticToken, Url,
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, body_string, header, method, path},
};

fn start() -> DateTime<Utc> {
    "2031-05-06T14:00:00Z".parse().unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start()))
}

fn builder(base: &str, clock: &Arc<ManualClock>) -> ClientBuilder {
    Client::builder("vendor", base.parse().unwrap(), clock.clone())
}

fn client(server: &MockServer, clock: &Arc<ManualClock>) -> Client {
    builder(&format!("{}/api", server.uri()), clock).build().unwrap()
}

fn read() -> Request {
    Request::get("read", "thing").query("email", "mina+1@example.test")
}

fn write() -> Request {
    Request::post("write", "thing").json(&json!({ "name": "Mina" }))
}

/// Answers `first` once, then `{"ok":true}`.
async fn once_then_ok(server: &MockServer, first: ResponseTemplate) {
    Mock::given(any()).respond_with(first).up_to_n_times(1).mount(server).await;
    let ok = ResponseTemplate::new(200).set_body_json(json!({ "ok": true }));
    Mock::given(any()).respond_with(ok).mount(server).await;
}

async fn sent(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// A server that reads a request head and answers with these bytes, then hangs up.
async fn raw_server(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await;
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = socket.write_all(answer).await;
        }
    });
    (base, count)
}

#[tokio::test]
async fn plus_travels_as_percent_2b_and_every_header_goes_out() {
    let server = MockServer::start().await;
    once_then_ok(&server, ResponseTemplate::new(200).set_body_json(json!({}))).await;
    let client = builder(&format!("{}/api/", server.uri()), &clock())
        .auth(StaticToken::bearer(&Secret::new("tok")))
        .header("nx-practice-id", "p1")
        .build()
        .unwrap();
    client.send(&read().header("x-one", "1")).await.unwrap();
    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.url.path(), "/api/thing");
    assert_eq!(request.url.query(), Some("email=mina%2B1%40example.test"));
    for (name, value) in [("authorization", "Bearer tok"), ("nx-practice-id", "p1"), ("x-one", "1")]
    {
        assert_eq!(request.headers[name], value);
    }
}

#[tokio::test]
async fn json_and_form_bodies_name_their_type() {
    let server = MockServer::start().await;
    Mock::given(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("password=p%2B%26%20q"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    Mock::given(header("content-type", "application/json"))
        .and(body_string(r#"{"name":"Mina"}"#))
        .respond_with(ResponseTemplate::new(201))
        .mount(&server)
        .await;
    let client = client(&server, &clock());
    let form = Request::post("token", "token").form(vec![("password", "p+& q".to_owned())]);
    assert_eq!(client.send(&form).await.unwrap().status, 204);
    assert_eq!(client.send(&write()).await.unwrap().status, 201);
}

#[tokio::test]
async fn retry_after_in_seconds_wins_over_back_off_also_for_writes() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(429).insert_header("retry-after", "7");
    once_then_ok(&server, refusal).await;
    let clock = clock();
    let answer: Value = client(&server, &clock).json(&write()).await.unwrap();
    assert_eq!(answer, json!({ "ok": true }));
    assert_eq!((clock.now() - start()).num_seconds(), 7);
    assert_eq!(sent(&server).await, 2);
}

#[tokio::test]
async fn retry_after_as_a_date_is_measured_on_the_servers_clock() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(503)
        .insert_header("date", "Wed, 07 May 2031 10:00:00 GMT")
        .insert_header("retry-after", "Wed, 07 May 2031 10:00:11 GMT");
    once_then_ok(&server, refusal).await;
    let clock = clock();
    client(&server, &clock).send(&read()).await.unwrap();
    assert_eq!((clock.now() - start()).num_seconds(), 11);
}

#[tokio::test]
async fn a_429_that_asks_for_more_than_the_total_time_is_given_back() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    let error = client(&server, &clock()).send(&read()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.retry_advice(), Retry::After(Duration::from_secs(3600)));
    assert_eq!(sent(&server).await, 1);
}

#[tokio::test]
async fn attempts_are_bounded_and_counted_by_operation() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let client = client(&server, &clock());
    let error = client.send(&read()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "vendor: read: the vendor could not answer (unavailable, HTTP 500, attempts=4)"
    );
    assert_eq!(error.retry_advice(), Retry::Backoff);
    assert_eq!(client.calls().into_iter().collect::<Vec<_>>(), [("read", 4)]);
}

#[tokio::test]
async fn a_500_on_a_write_is_an_unknown_outcome_and_is_not_sent_again() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let client = client(&server, &clock());
    let error = client.send(&write()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle);
    assert_eq!(sent(&server).await, 1);

    client.send(&write().repeatable()).await.unwrap_err();
    assert_eq!(sent(&server).await, 5, "a repeatable write is tried four times");
}

#[tokio::test]
async fn a_write_that_times_out_is_an_unknown_outcome_and_is_not_sent_again() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    Mock::given(any()).respond_with(slow).mount(&server).await;
    let client =
        builder(&server.uri(), &clock()).timeout(Duration::from_millis(200)).build().unwrap();
    let error = client.send(&write()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.retry_advice(), Retry::Settle);
    assert_eq!(sent(&server).await, 1);
    let error = client.send(&read()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Backoff);
}

#[tokio::test]
async fn a_refused_connection_was_never_sent_so_even_a_write_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let base = format!("http://{address}/secret");
    drop(listener);
    let error = builder(&base, &clock()).build().unwrap().send(&write()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "vendor: write: cannot connect to {address}, which refuses the connection; check the configured address and the network (connection, attempts=4)"
        )
    );
    assert_eq!(error.retry_advice(), Retry::Backoff);
}

#[tokio::test]
async fn a_truncated_body_is_a_broken_connection() {
    let (base, count) =
        raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ok\":tr").await;
    let client = builder(&base, &clock()).build().unwrap();
    let error = client.send(&write()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.retry_advice(), Retry::Settle);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let error = client.send(&read()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Backoff);
    assert_eq!(count.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_refusal_whose_body_breaks_was_not_applied_and_is_asked_for_again() {
    let (base, count) =
        raw_server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"code\":").await;
    let error = builder(&base, &clock()).build().unwrap().send(&write()).await.unwrap_err();
    assert_eq!((error.http_status(), error.retry_advice()), (Some(400), Retry::Backoff));
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn json_that_ends_early_is_asked_for_again_and_a_write_is_settled() {
    let server = MockServer::start().await;
    let cut = ResponseTemplate::new(200).set_body_raw(r#"{"ok":tr"#, "application/json");
    once_then_ok(&server, cut.clone()).await;
    let answer: Value = client(&server, &clock()).json(&read()).await.unwrap();
    assert_eq!(answer, json!({ "ok": true }));

    server.reset().await;
    once_then_ok(&server, cut).await;
    let error = client(&server, &clock()).json::<Value>(&write()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(error.retry_advice(), Retry::Settle);
    assert_eq!(sent(&server).await, 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_a_declared_length() {
    let (chunked, _) = raw_server(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
    )
    .await;
    let server = MockServer::start().await;
    let long = ResponseTemplate::new(200).set_body_string("0123456789abcdef");
    Mock::given(any()).respond_with(long).mount(&server).await;
    for base in [chunked, server.uri()] {
        let client = builder(&base, &clock()).max_body(15).build().unwrap();
        let error = client.send(&read()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "vendor: read: the answer is longer than allowed (decode, limit_bytes=15)"
        );
        assert_eq!(error.retry_advice(), Retry::Never);
        assert_eq!(client.send(&write()).await.unwrap_err().retry_advice(), Retry::Settle);
        let roomy = builder(&base, &clock()).max_body(16).build().unwrap();
        assert_eq!(roomy.send(&read()).await.unwrap().body.len(), 16);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(302).insert_header("location", format!("{}/b", server.uri()));
    Mock::given(path("/api/thing")).respond_with(away).mount(&server).await;
    let error = client(&server, &clock()).send(&read()).await.unwrap_err();
    assert_eq!(error.http_status(), Some(302));
    assert_eq!(error.retry_advice(), Retry::Never);
    assert_eq!(sent(&server).await, 1);
}

#[tokio::test]
async fn errors_never_show_url_query_or_body() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(400).set_body_string("mina+1@example.test is not valid");
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    let client_ = client(&server, &clock());
    let refused = client_.send(&read()).await.unwrap_err();
    let undecodable = client_.json::<u32>(&read()).await.unwrap_err();
    let (cut, _) = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nmina").await;
    let broken = builder(&cut, &clock()).build().unwrap().send(&read()).await.unwrap_err();
    for error in [refused, undecodable, broken] {
        let mut text = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text += &format!(" {cause} {cause:?}");
            source = cause.source();
        }
        for hidden in ["mina", "example.test", "email", "127.0.0.1"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

/// Hands out `Bearer 1`, `Bearer 2` … a new one after each refusal.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl Auth for Counting {
    async fn header(&self) -> Result<Secret> {
        Ok(Secret::new(format!("Bearer {}", self.0.load(Ordering::SeqCst))))
    }

    async fn rejected(&self, _header: &Secret) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst);
        true
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_also_for_writes() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer 1"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let auth = Arc::new(Counting::default());
    let client = builder(&server.uri(), &clock()).auth(auth.clone()).build().unwrap();
    client.send(&write()).await.unwrap();
    assert_eq!(sent(&server).await, 2);

    auth.0.store(5, Ordering::SeqCst);
    let error = client.send(&write()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(sent(&server).await, 4, "once, and not again");
}

#[tokio::test]
async fn a_static_token_that_is_refused_is_not_tried_again() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let client = builder(&server.uri(), &clock())
        .auth(StaticToken::bearer(&Secret::new("tok")))
        .build()
        .unwrap();
    assert_eq!(client.send(&read()).await.unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!(sent(&server).await, 1);
}

/// Signs by counting, and says what it was given.
#[derive(Debug, Default)]
struct NumberedSigner(AtomicUsize);

impl Sign for NumberedSigner {
    fn sign(&self, method: &Method, url: &Url) -> Secret {
        let n = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Secret::new(format!("{n} {method} {}?{}", url.path(), url.query().unwrap_or_default()))
    }
}

#[tokio::test]
async fn every_attempt_is_signed_anew_over_method_path_and_encoded_query() {
    let server = MockServer::start().await;
    once_then_ok(&server, ResponseTemplate::new(503)).await;
    let client = builder(&server.uri(), &clock()).sign(NumberedSigner::default()).build().unwrap();
    client.send(&Request::get("list", "V1/orders").query("a[0]", "b c")).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let headers: Vec<_> =
        requests.iter().map(|it| it.headers["authorization"].to_str().unwrap()).collect();
    let signed = "GET /V1/orders?a%5B0%5D=b%20c";
    assert_eq!(headers, [format!("1 {signed}"), format!("2 {signed}")]);
}

#[tokio::test]
async fn the_vendors_table_decides_what_a_refusal_means() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(400).set_body_json(json!({ "code": "BUSY" }));
    once_then_ok(&server, busy).await;
    let client = builder(&server.uri(), &clock())
        .errors(|refusal| {
            let busy = refusal.body.windows(4).any(|word| word == b"BUSY");
            let kind = if busy { ErrorKind::Throttled } else { ErrorKind::Invalid };
            Error::new(kind, "busy")
        })
        .build()
        .unwrap();
    client.send(&write()).await.unwrap();
    assert_eq!(sent(&server).await, 2);
}

#[tokio::test]
async fn a_used_up_day_sends_nothing() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let clock = clock();
    let quota = Quota { burst: 9, per: Duration::from_secs(1), daily: Some(2), reserve: 1 };
    let budget = Arc::new(Budget::shared(quota, clock.clone()));
    let client = builder(&server.uri(), &clock).budget(budget).build().unwrap();
    client.send(&read()).await.unwrap();
    let error = client.send(&read()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    assert_eq!(error.retry_advice(), Retry::After(Duration::from_secs(10 * 3600)));
    client.lane(Lane::Urgent).send(&read()).await.unwrap();
    assert_eq!(sent(&server).await, 2);
}

#[test]
fn links_stay_on_scheme_host_port_and_path_of_the_base() {
    let client = builder("https://api.example.test/v1/api", &clock()).build().unwrap();
    let good = "https://api.example.test:443/v1/api/Patient?_page=2";
    assert_eq!(client.check_link(good).unwrap().query(), Some("_page=2"));
    for bad in [
        "http://api.example.test/v1/api/Patient?email=mina",
        "https://evil.example.test/v1/api/Patient?email=mina",
        "https://api.example.test:8443/v1/api/Patient?email=mina",
        "https://api.example.test/v1/apiary?email=mina",
        "https://api.example.test/v1/api/../admin?email=mina",
        "https://mina@api.example.test/v1/api/Patient",
        "/v1/api/Patient?email=mina",
        "",
    ] {
        let error = client.check_link(bad).unwrap_err().to_string();
        assert!(!error.contains("mina"), "{error}");
    }
}

#[test]
fn a_base_url_that_cannot_be_right_is_refused() {
    for bad in [
        "http://api.example.test/api",
        "ftp://api.example.test",
        "https://user:pw@api.example.test",
        "https://api.example.test/?a=b",
    ] {
        let error = builder(bad, &clock()).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
        assert!(!error.to_string().contains("pw"));
    }
    builder("http://[::1]:8080/api", &clock()).build().unwrap();
}
