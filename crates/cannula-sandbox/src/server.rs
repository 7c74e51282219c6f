//! The listener: one port, one connection a task, every connection with a handle to break it.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Extension, Router};
use cannula_core::{Error, ErrorKind, Result};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::faults::ConnectionKill;

/// How long requests in flight may take once the server stops; hanging ones never end.
const GRACE: Duration = Duration::from_millis(200);

/// Opens the listener. Only loopback addresses are served: everything behind it is make-believe
/// and its credentials are printed.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        let message = format!(
            "the sandbox serves loopback addresses only, such as 127.0.0.1:0, not {address}"
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let message = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("the address {address} is already taken; port 0 takes a free one")
            }
            _ => format!("the address {address} cannot be listened on"),
        };
        Error::new(ErrorKind::Config, message).source(error)
    })
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Server {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(listener: TcpListener, router: Router) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(accept(listener, router, stopped)) }
    }

    /// Takes no new connection, lets requests in flight end, then closes everything.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        // A task that was aborted or panicked has stopped as well.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    // Dropping the set closes the connections, also when this task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, router.clone(), stopped.clone()));
            }
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                tokio::task::yield_now().await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    // Small answers must not wait for each other; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let kill = ConnectionKill::default();
    let service = TowerToHyperService::new(router.layer(Extension(kill.clone())));
    let builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => {}
        // Dropping the connection closes the socket without an answer.
        () = kill.killed() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, connection).await;
        }
    }
}
