//! A gate between a client and a vendor: real HTTP in, real HTTP out, and whatever can happen on
//! the way.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts, response},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::{JoinHandle, JoinSet},
};

/// One way to spoil the answer to a request.
#[derive(Clone, Debug)]
pub enum Spoil {
    /// This status with nothing else; the vendor never sees the request.
    Status(u16),
    /// HTTP 429 with so many seconds of `Retry-After`, if any; the vendor never sees the request.
    TooMany(Option<u64>),
    /// This status in place of the vendor's own answer: the request took effect.
    StatusAfter(u16),
    /// The connection closes without an answer; the vendor never sees the request.
    Reset,
    /// The connection closes without an answer after the request took effect.
    ResetAfter,
    /// The connection closes in the middle of the vendor's answer.
    Cut,
    /// The first half of the vendor's answer, said to be all of it.
    Half,
    /// No answer ever; the vendor never sees the request. [`Gate::held`] tells of it.
    Hang,
    /// No answer ever after the request took effect. [`Gate::held`] tells of it.
    HangAfter,
    /// HTTP 200 and an answer that never ends.
    Endless,
    /// HTTP 200 with this content type and body; the vendor never sees the request.
    Instead(&'static str, String),
    /// HTTP 302 to this place; the vendor never sees the request.
    Redirect(String),
}

type Rewrite = Box<dyn FnMut(&mut Value) + Send>;

/// What happens to requests of which `METHOD /path?query` contains a text.
struct Rule {
    requests: String,
    deed: Deed,
}

enum Deed {
    Once(Spoil),
    Always(Spoil),
    Rewrite(Rewrite),
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    log: Vec<String>,
    /// The `Authorization` headers that were seen, and those that are good no more.
    seen: Vec<HeaderValue>,
    revoked: Vec<HeaderValue>,
}

struct Shared {
    upstream: String,
    origin: String,
    client: Client<HttpConnector, Body>,
    inner: Mutex<Inner>,
    /// How many requests are being held.
    held: watch::Sender<usize>,
    endless: AtomicU64,
}

/// A server on this machine that hands requests on to a vendor's fake and spoils what it is told
/// to. Links to the fake in its answers are made links to the gate.
///
/// A request is named by a text that its `METHOD /path?query` contains, such as `GET /patients`.
pub struct Gate {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens a gate before `upstream`, such as `http://127.0.0.1:41234`. Its own address is in
    /// [`Gate::origin`].
    ///
    /// # Panics
    /// If no port is free.
    #[allow(clippy::expect_used, reason = "a test without a port fails by panicking")]
    pub async fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            upstream: upstream.trim_end_matches('/').to_owned(),
            origin: format!("http://{address}"),
            client: Client::builder(TokioExecutor::new()).build_http(),
            inner: Mutex::default(),
            held: watch::Sender::default(),
            endless: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Scheme, host and port of the gate, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// The next such request meets this, once. Several for the same requests come one after the
    /// other.
    pub fn next(&self, requests: &str, spoil: Spoil) {
        self.rule(requests, Deed::Once(spoil));
    }

    /// Every such request meets this from now on.
    pub fn always(&self, requests: &str, spoil: Spoil) {
        self.rule(requests, Deed::Always(spoil));
    }

    /// The JSON of every answer to such a request goes through `change`. Answers that are not JSON
    /// are left as they are.
    pub fn rewrite(&self, requests: &str, change: impl FnMut(&mut Value) + Send + 'static) {
        self.rule(requests, Deed::Rewrite(Box::new(change)));
    }

    /// Spoils and rewrites nothing more.
    pub fn open(&self) {
        let mut inner = self.shared.lock();
        inner.rules.clear();
        inner.revoked.clear();
    }

    /// Answers 401 to whoever comes with an `Authorization` header that has been seen before.
    pub fn revoke(&self) {
        let mut inner = self.shared.lock();
        let seen = inner.seen.clone();
        inner.revoked.extend(seen);
    }

    /// How many such requests have come.
    pub fn count(&self, requests: &str) -> usize {
        self.shared.lock().log.iter().filter(|line| line.contains(requests)).count()
    }

    /// How many spoils that were to happen once are still to happen.
    pub fn pending(&self) -> usize {
        let inner = self.shared.lock();
        inner.rules.iter().filter(|rule| matches!(rule.deed, Deed::Once(_))).count()
    }

    /// Returns as soon as a request is being held, to never be answered: until its client lets go
    /// of it.
    pub async fn held(&self) {
        // An error says that the gate is gone, and it is not.
        let _ = self.shared.held.subscribe().wait_for(|held| *held > 0).await;
    }

    /// How many bytes of answers without an end were taken.
    pub fn endless_bytes(&self) -> u64 {
        self.shared.endless.load(Ordering::SeqCst)
    }

    fn rule(&self, requests: &str, deed: Deed) {
        self.shared.lock().rules.push(Rule { requests: requests.to_owned(), deed });
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("origin", &self.shared.origin).finish_non_exhaustive()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What one request is to meet.
enum Fate {
    Pass,
    Refused,
    Spoilt(Spoil),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self, line: &str, headers: &HeaderMap) -> Fate {
        let mut inner = self.lock();
        inner.log.push(line.to_owned());
        if let Some(proof) = headers.get(header::AUTHORIZATION) {
            if inner.revoked.contains(proof) {
                return Fate::Refused;
            }
            if !inner.seen.contains(proof) {
                inner.seen.push(proof.clone());
            }
        }
        let spoils =
            |rule: &Rule| line.contains(&rule.requests) && !matches!(rule.deed, Deed::Rewrite(_));
        let Some(index) = inner.rules.iter().position(spoils) else { return Fate::Pass };
        match &inner.rules[index].deed {
            Deed::Always(spoil) => Fate::Spoilt(spoil.clone()),
            _ => match inner.rules.remove(index).deed {
                Deed::Once(spoil) => Fate::Spoilt(spoil),
                _ => Fate::Pass,
            },
        }
    }

    /// Hands a request on as it is, with the host that the client named, and reads the answer whole.
    async fn forward(
        &self,
        parts: Parts,
        body: Bytes,
        line: &str,
    ) -> Option<(response::Parts, Bytes)> {
        let path = parts.uri.path_and_query().map_or("/", |it| it.as_str());
        let mut request = Request::builder()
            .method(parts.method)
            .uri(format!("{}{path}", self.upstream))
            .body(Body::from(body))
            .ok()?;
        *request.headers_mut() = parts.headers;
        let (mut parts, body) = self.client.request(request).await.ok()?.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await.ok()?;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::TRANSFER_ENCODING);
        Some((parts, self.rewritten(body, line)))
    }

    fn rewritten(&self, body: Bytes, line: &str) -> Bytes {
        let Ok(text) = std::str::from_utf8(&body) else { return body };
        let text = text.replace(&self.upstream, &self.origin);
        let mut inner = self.lock();
        let rewrites = inner.rules.iter_mut().filter(|rule| line.contains(&rule.requests));
        let mut rewrites = rewrites
            .filter_map(|rule| match &mut rule.deed {
                Deed::Rewrite(change) => Some(change),
                _ => None,
            })
            .peekable();
        if rewrites.peek().is_some()
            && let Ok(mut value) = serde_json::from_str::<Value>(&text)
        {
            rewrites.for_each(|change| change(&mut value));
            return value.to_string().into();
        }
        text.into()
    }
}

/// Closes the connection that a request came on.
#[derive(Clone, Debug, Default)]
struct Kill(Arc<Notify>);

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let kill = request.extensions().get::<Kill>().cloned().unwrap_or_default();
    let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let line = format!("{} {path}", request.method());
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return never().await };
    let spoil = match shared.fate(&line, &parts.headers) {
        Fate::Refused => return StatusCode::UNAUTHORIZED.into_response(),
        Fate::Pass => None,
        Fate::Spoilt(spoil) => Some(spoil),
    };
    let forwarded = match &spoil {
        None
        | Some(
            Spoil::StatusAfter(_) | Spoil::ResetAfter | Spoil::Cut | Spoil::Half | Spoil::HangAfter,
        ) => shared.forward(parts, body, &line).await,
        Some(_) => None,
    };
    let answer = forwarded.map(|(parts, body)| Response::from_parts(parts, Body::from(body)));
    let answer = answer.unwrap_or_else(|| StatusCode::BAD_GATEWAY.into_response());
    let Some(spoil) = spoil else { return answer };
    match spoil {
        Spoil::Status(status) | Spoil::StatusAfter(status) => {
            StatusCode::from_u16(status).unwrap_or_default().into_response()
        }
        Spoil::TooMany(seconds) => {
            let mut answer = StatusCode::TOO_MANY_REQUESTS.into_response();
            let seconds = seconds.map(|it| (header::RETRY_AFTER, HeaderValue::from(it)));
            answer.headers_mut().extend(seconds);
            answer
        }
        Spoil::Reset | Spoil::ResetAfter => {
            kill.0.notify_one();
            never().await
        }
        Spoil::Hang | Spoil::HangAfter => {
            let _held = Held::of(&shared.held);
            never().await
        }
        Spoil::Half => half(answer, false).await,
        Spoil::Cut => half(answer, true).await,
        Spoil::Endless => endless(shared),
        Spoil::Instead(kind, body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Spoil::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
    }
}

/// A request that is being held; dropped with it, when the client closes the connection.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn of(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|held| *held += 1);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

async fn never() -> Response {
    std::future::pending().await
}

/// The first half of an answer; `broken` says that there was to be more.
async fn half(answer: Response, broken: bool) -> Response {
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = bytes.slice(..bytes.len() / 2);
    if broken {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let pieces = [Ok(half), Err(std::io::Error::other("the connection closes here"))];
        return Response::from_parts(parts, Body::from_stream(futures::stream::iter(pieces)));
    }
    Response::from_parts(parts, Body::from(half))
}

/// A text that never closes; what is taken of it is counted.
fn endless(shared: Arc<Shared>) -> Response {
    const PIECE: &[u8] = &[b'x'; 64 * 1024];
    let pieces = futures::stream::iter(0_u64..).map(move |number| {
        let piece: &[u8] = if number == 0 { b"{\"padding\":\"" } else { PIECE };
        shared.endless.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from_static(piece))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new().fallback(handle).with_state(shared);
    // Dropping the set closes the connections, also when this task is aborted.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, router.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, router: Router) {
    // Small answers must not wait for each other; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let kill = Kill::default();
    let service = TowerToHyperService::new(router.layer(axum::Extension(kill.clone())));
    let builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => {}
        // Dropping the connection closes the socket without an answer.
        () = kill.0.notified() => {}
    }
}
