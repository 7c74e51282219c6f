//! Webhooks: from an HTTP request to events in the inbox.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use cannula_core::{Clock, Delivery, Error, ErrorKind, WebhookDecoder};
use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::{sync::Semaphore, time::timeout};

use crate::{Engine, Flow};

/// Receives a vendor's webhooks for an engine.
///
/// | what came | answer |
/// |---|---|
/// | events | 200 `{"accepted":n}`, once the `n` that are new are durable |
/// | seen before, or authentic and of no concern | 200 `{"accepted":0}` |
/// | not proven to come from the vendor | 401 |
/// | from the vendor and unreadable | 400 |
/// | too large | 413 |
/// | no place in time, or not stored in time | [`WebhookDecoder::try_again`] |
///
/// An answer says nothing else, and nothing of headers or body is logged.
///
/// The limits are real time, not the injected clock's: they bound what a stranger can make this
/// process hold. They do not replace those of a proxy in front of it.
pub struct WebhookReceiver<F: Flow> {
    inlet: Inlet<F>,
    body_limit: usize,
}

/// What the requests share.
struct Inlet<F: Flow> {
    engine: Arc<Engine<F>>,
    decoder: Arc<dyn WebhookDecoder>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    places: Arc<Semaphore>,
}

/// A receiver with the default limits, as a router: see [`WebhookReceiver`].
pub fn webhook_router<F: Flow>(
    engine: Arc<Engine<F>>,
    decoder: Arc<dyn WebhookDecoder>,
    clock: Arc<dyn Clock>,
) -> Router {
    WebhookReceiver::new(engine, decoder, clock).router()
}

impl<F: Flow> WebhookReceiver<F> {
    /// A receiver of what `decoder` verifies. Without a decoder there is none. The clock tells it
    /// when a delivery arrived.
    pub fn new(
        engine: Arc<Engine<F>>,
        decoder: Arc<dyn WebhookDecoder>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let patience = Duration::from_secs(5);
        let places = Arc::new(Semaphore::new(64));
        let inlet = Inlet { engine, decoder, clock, patience, places };
        Self { inlet, body_limit: 1 << 20 }
    }

    /// The largest body in bytes; a mebibyte unless told.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a delivery may take to get a place and arrive, and how long it may then take to
    /// store its events; five seconds each unless told. An event that is stored later than that is
    /// not lost, and not stored twice when the vendor delivers again.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.inlet.patience = patience;
        self
    }

    /// How many deliveries are taken at once; 64 unless told. The others wait for a place.
    #[must_use]
    pub fn at_once(mut self, deliveries: usize) -> Self {
        let deliveries = deliveries.min(Semaphore::MAX_PERMITS);
        self.inlet.places = Arc::new(Semaphore::new(deliveries));
        self
    }

    /// The router: POST, PUT and PATCH on `/`. Nest it at the path the vendor is told.
    pub fn router(self) -> Router {
        let methods = MethodFilter::POST.or(MethodFilter::PUT).or(MethodFilter::PATCH);
        Router::new()
            .route("/", on(methods, receive::<F>))
            .layer(DefaultBodyLimit::max(self.body_limit))
            .with_state(Arc::new(self.inlet))
    }
}

impl<F: Flow> fmt::Debug for WebhookReceiver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookReceiver")
            .field("decoder", &self.inlet.decoder)
            .field("body_limit", &self.body_limit)
            .field("patience", &self.inlet.patience)
            .field("places", &self.inlet.places.available_permits())
            .finish_non_exhaustive()
    }
}

async fn receive<F: Flow>(State(inlet): State<Arc<Inlet<F>>>, request: Request) -> Response {
    let received_at = inlet.clock.now();
    let headers = request.headers().clone();
    let arriving = async {
        // A burst waits for its turn: some vendors end a webhook after so many refusals in a row.
        // The body is read only then, so that strangers cannot make us hold many.
        let place = Arc::clone(&inlet.places).acquire_owned().await;
        (place, Bytes::from_request(request, &()).await)
    };
    let (place, body) = match timeout(inlet.patience, arriving).await {
        Ok((Ok(place), Ok(body))) => (place, body),
        // Nobody closes the semaphore.
        Ok((Err(_), _)) => return inlet.try_again(),
        Ok((Ok(_), Err(rejection))) => {
            let status = rejection.status();
            tracing::warn!(status = status.as_u16(), "a delivery's body was not read to its end");
            return refusal(status);
        }
        Err(_) => {
            tracing::warn!(
                "a delivery took too long to get a place and arrive; the vendor is to try again"
            );
            return inlet.try_again();
        }
    };
    // On a task of its own: a vendor that hangs up must not cancel a commit half way.
    let work = {
        let inlet = Arc::clone(&inlet);
        tokio::spawn(async move {
            let stored = inlet.store(&headers, &body, received_at).await;
            drop(place);
            stored
        })
    };
    match timeout(inlet.patience, work).await {
        Ok(Ok(Ok(accepted))) => Json(json!({ "accepted": accepted })).into_response(),
        Ok(Ok(Err(refused))) => inlet.refuse(&refused),
        Ok(Err(_)) => {
            tracing::error!("a delivery was dropped by a bug; the vendor is to try again");
            inlet.try_again()
        }
        Err(_) => {
            tracing::warn!("a delivery took too long to store; the vendor is to try again");
            inlet.try_again()
        }
    }
}

/// Why a delivery was not accepted.
enum Refused {
    /// The decoder says so.
    Decoder(Error),
    /// The store does.
    Store(Error),
}

impl<F: Flow> Inlet<F> {
    /// Verifies, reads and stores a delivery. Returns how many of its events are new.
    async fn store(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        received_at: DateTime<Utc>,
    ) -> Result<u64, Refused> {
        let headers: Vec<_> = headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str(), str::from_utf8(value.as_bytes()).ok()?))
            })
            .collect();
        let delivery = Delivery { headers: &headers, body, received_at };
        let events = self.decoder.decode(&delivery).map_err(Refused::Decoder)?;
        if events.is_empty() {
            tracing::debug!("a delivery is of no concern");
            return Ok(0);
        }
        let stored = self.engine.accept(events).await.map_err(Refused::Store)?;
        tracing::debug!(new = stored.new, duplicates = stored.duplicates, "a delivery is stored");
        Ok(stored.new)
    }

    fn refuse(&self, refused: &Refused) -> Response {
        match refused {
            Refused::Decoder(error) => {
                tracing::warn!(%error, "a delivery is refused");
                match error.kind() {
                    ErrorKind::Auth => refusal(StatusCode::UNAUTHORIZED),
                    ErrorKind::Decode => refusal(StatusCode::BAD_REQUEST),
                    // The decoder's own trouble, not the delivery's.
                    _ => self.try_again(),
                }
            }
            Refused::Store(error) => {
                tracing::warn!(%error, "a delivery is not stored; the vendor is to try again");
                self.try_again()
            }
        }
    }

    fn try_again(&self) -> Response {
        let status = StatusCode::from_u16(self.decoder.try_again()).ok();
        // Anything else would tell the vendor that all is well.
        let status = status.filter(|it| it.is_client_error() || it.is_server_error());
        refusal(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
    }
}

/// An answer without any detail: whoever sent this may be a stranger.
fn refusal(status: StatusCode) -> Response {
    (status, Json(json!({ "error": status.canonical_reason().unwrap_or("refused") })))
        .into_response()
}
