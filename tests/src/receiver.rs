use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use cannula::{
    core::{Clock, Error, ErrorKind, Result, WebhookDecoder},
    sync::{Engine, Flow, webhook_router},
};
use cannula_testkit::ManualClock;
use tokio::{net::TcpListener, task::JoinSet};

/// Receives webhooks on loopback until it is dropped, as an integrator's app does.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Receiver {
    /// Serves an app.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn serve(app: Router) -> Result<Self> {
        let cannot =
            |cause| Error::new(ErrorKind::Config, "cannot listen on loopback").source(cause);
        let listener =
            TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { address, _server: server })
    }

    /// Serves one vendor's webhooks for an engine, under `/webhooks`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn of<F: Flow>(
        engine: &Arc<Engine<F>>,
        decoder: Arc<dyn WebhookDecoder>,
        clock: &Arc<ManualClock>,
    ) -> Result<Self> {
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let router = webhook_router(Arc::clone(engine), decoder, clock);
        Self::serve(Router::new().nest("/webhooks", router)).await
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL that the vendor is told.
    pub fn url(&self) -> String {
        format!("{}/webhooks", self.origin())
    }
}
