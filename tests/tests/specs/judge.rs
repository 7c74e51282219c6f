//! What a client is pointed at: Prisms behind one address, and a record of what they find.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use cannula_tests::Receiver;
use serde::Deserialize;
use url::Url;

use crate::prism::{Equipment, Manner, Prism};

/// Each specification is one Prism's, and a client has one base URL: calls go by the first segment
/// of their path to the Prism whose file has it.
#[derive(Debug)]
pub(crate) struct Judge {
    bench: Arc<Bench>,
    receiver: Receiver,
    _prisms: Vec<Prism>,
}

#[derive(Debug)]
struct Bench {
    http: reqwest::Client,
    /// File name and origin of its Prism by the first segment.
    seats: BTreeMap<String, (String, String)>,
    verdicts: Mutex<BTreeSet<String>>,
}

/// As Prism writes it, in the header `sl-violations` and in `validation` of its own answers.
#[derive(Debug, Deserialize)]
struct Violation {
    message: String,
}

/// What Prism answers itself.
#[derive(Debug, Deserialize)]
struct Complaint {
    title: String,
    #[serde(default)]
    validation: Vec<Violation>,
}

impl Judge {
    /// Puts a Prism with each file of `folder` in front of `upstream`.
    pub(crate) async fn sit(
        equipment: &Equipment,
        folder: &Path,
        files: &[&str],
        upstream: &str,
        manner: Manner,
    ) -> Self {
        let start =
            |file: &&str| Prism::start(&equipment.command, &folder.join(file), upstream, manner);
        // They start side by side.
        let prisms: Vec<_> = files.iter().map(start).collect();
        let mut seats = BTreeMap::new();
        for (file, prism) in files.iter().zip(&prisms) {
            let seat = ((*file).to_owned(), prism.origin());
            seats.extend(segments(&folder.join(file)).map(|segment| (segment, seat.clone())));
        }
        cannula::http::install_tls_provider();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let bench = Arc::new(Bench { http, seats, verdicts: Mutex::default() });
        let app = Router::new().fallback(hear).with_state(Arc::clone(&bench));
        Self { bench, receiver: Receiver::serve(app).await.unwrap(), _prisms: prisms }
    }

    /// What the client takes for the vendor.
    pub(crate) fn base_url(&self) -> Url {
        self.receiver.origin().parse().unwrap()
    }

    /// What is not as the specifications have it, each mistake once: `file METHOD: message`.
    pub(crate) fn verdicts(&self) -> BTreeSet<String> {
        self.bench.verdicts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Judge {
    /// A client's error says little of what Prism found.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("found until then: {:#?}", self.verdicts());
        }
    }
}

/// The first segments of a specification's paths.
fn segments(spec: &Path) -> impl Iterator<Item = String> {
    let spec: serde_json::Value = serde_json::from_slice(&std::fs::read(spec).unwrap()).unwrap();
    let paths: Vec<_> = spec["paths"].as_object().unwrap().keys().cloned().collect();
    paths.into_iter().filter_map(|path| path.split('/').nth(1).map(str::to_owned))
}

/// Passes a call on and notes what Prism says of it.
async fn hear(State(bench): State<Arc<Bench>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let segment = parts.uri.path().split('/').nth(1).unwrap_or_default();
    let Some((file, origin)) = bench.seats.get(segment) else {
        bench.note("none", parts.method.as_str(), "no specification has such a path");
        return StatusCode::NOT_FOUND.into_response();
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let answer = bench
        .http
        .request(parts.method.clone(), format!("{origin}{target}"))
        .headers(passed_on(parts.headers))
        .body(to_bytes(body, usize::MAX).await.unwrap())
        .send()
        .await
        .unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.unwrap();
    for violation in violations(&headers, &body) {
        bench.note(file, parts.method.as_str(), &violation.message);
    }
    (status, passed_on(headers), Body::from(body)).into_response()
}

impl Bench {
    fn note(&self, file: &str, method: &str, message: &str) {
        let verdict = format!("{file} {method}: {}", without_positions(message));
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(verdict);
    }
}

/// A sentence with `*` for every number in a path such as `items.0.payment`, so that the same
/// mistake in two rows is one.
fn without_positions(message: &str) -> String {
    let step = |step: &str| match step.parse::<u32>() {
        Ok(_) => "*".to_owned(),
        Err(_) => step.to_owned(),
    };
    let path = |word: &str| word.split('.').map(step).collect::<Vec<_>>().join(".");
    message.split(' ').map(path).collect::<Vec<_>>().join(" ")
}

/// What Prism says of a call, in whichever of its ways. A refusal of its own for which it gives no
/// details is one violation by its title.
fn violations(headers: &HeaderMap, body: &[u8]) -> Vec<Violation> {
    if let Some(noted) = headers.get("sl-violations") {
        return serde_json::from_slice(noted.as_bytes()).unwrap();
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some("application/problem+json") {
        return Vec::new();
    }
    let complaint: Complaint = serde_json::from_slice(body).unwrap();
    if complaint.validation.is_empty() {
        return vec![Violation { message: complaint.title }];
    }
    complaint.validation
}

/// Headers without those that belong to one connection or one body.
fn passed_on(mut headers: HeaderMap) -> HeaderMap {
    for name in
        [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
    {
        headers.remove(name);
    }
    headers
}
