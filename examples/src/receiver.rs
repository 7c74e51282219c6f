//! Where webhooks come in.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, extract::State, middleware::map_response_with_state, response::Response};
use cannula::{
    core::{Clock, Error, ErrorKind, Result, WebhookDecoder},
    sync::{Engine, Flow, webhook_router},
};
use tokio::{net::TcpListener, task::JoinSet};

/// The vendors' webhooks, each with its path, decoder and engine. It counts what it takes.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    router: Option<Router>,
    taken: Arc<AtomicU64>,
}

impl Receiver {
    /// The same, which receives a vendor's webhooks at `/webhooks/` and the vendor's name too.
    pub(crate) fn with<F: Flow>(
        self,
        vendor: &str,
        engine: &Arc<Engine<F>>,
        decoder: Arc<dyn WebhookDecoder>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let router = webhook_router(Arc::clone(engine), decoder, Arc::clone(clock))
            .layer(map_response_with_state(Arc::clone(&self.taken), count));
        let router = self.router.unwrap_or_default().nest(&format!("/webhooks/{vendor}"), router);
        Self { router: Some(router), taken: self.taken }
    }

    /// Whether there is nothing to receive.
    pub(crate) fn is_empty(&self) -> bool {
        self.router.is_none()
    }

    /// Deliveries that were acknowledged so far.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Receives on `address` until `shutdown`.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub(crate) async fn serve(
        &self,
        address: SocketAddr,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let cannot = cannot(address);
        let listener = TcpListener::bind(address).await.map_err(&cannot)?;
        let app = self.router.clone().unwrap_or_default();
        axum::serve(listener, app).with_graceful_shutdown(shutdown).await.map_err(&cannot)
    }

    /// Receives on a free port of loopback as one of `tasks`. Returns where.
    ///
    /// # Errors
    /// If there is no free port.
    pub(crate) async fn serve_here(&self, tasks: &mut JoinSet<()>) -> Result<SocketAddr> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let cannot = cannot(address);
        let listener = TcpListener::bind(address).await.map_err(&cannot)?;
        let address = listener.local_addr().map_err(&cannot)?;
        let app = self.router.clone().unwrap_or_default();
        tasks.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(address)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("taken", &self.taken()).finish_non_exhaustive()
    }
}

async fn count(State(taken): State<Arc<AtomicU64>>, response: Response) -> Response {
    if response.status().is_success() {
        taken.fetch_add(1, Ordering::Relaxed);
    }
    response
}

fn cannot(address: SocketAddr) -> impl Fn(std::io::Error) -> Error {
    move |cause| {
        let message = format!("cannot receive webhooks on {address}");
        Error::new(ErrorKind::Config, message).source(cause)
    }
}
