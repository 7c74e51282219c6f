//! The one thread that owns the connection, and what waits for it.

use std::{iter, sync::mpsc, thread};

use cannula_core::{Error, ErrorKind, Result};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    Fault,
    copier::Copier,
    ingest::{self, Origin},
    row::InboxRow,
};
use crate::store::Ingested;

/// So that those who came first do not wait for all who came behind them.
const MOST_TOGETHER: usize = 512;

pub(super) struct StoreThread {
    jobs: Option<mpsc::Sender<Job>>,
    handle: Option<thread::JoinHandle<()>>,
}

enum Job {
    /// Work in transactions of its own.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    /// Events that were delivered: whatever waits of these shares one transaction.
    Add(Addition),
}

struct Addition {
    rows: Vec<InboxRow>,
    now: DateTime<Utc>,
    reply: oneshot::Sender<Result<Ingested>>,
}

impl StoreThread {
    pub(super) fn start(mut connection: Connection, copier: Option<Copier>) -> Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let handle = thread::Builder::new()
            .name("cannula-store".to_owned())
            .spawn(move || {
                while let Ok(first) = waiting.recv() {
                    work_off(&mut connection, iter::once(first).chain(waiting.try_iter()));
                    if let Some(copier) = &copier {
                        copier.wake();
                    }
                }
            })
            .map_err(|cause| {
                Error::new(ErrorKind::Storage, "cannot start the store's thread").source(cause)
            })?;
        Ok(Self { jobs: Some(jobs), handle: Some(handle) })
    }

    /// Runs `work` on the thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Alone(Box::new(move |connection| {
            // Nobody listens any more if the caller was cancelled; the work is done all the same.
            let _ = reply.send(work(connection));
        })))?;
        answer.await.map_err(|_| gone())
    }

    /// Adds events, in one transaction with all that wait to be added as well. Nobody waits for
    /// company: the disk is slow enough that it comes while the transaction before is synced.
    pub(super) async fn add(&self, rows: Vec<InboxRow>, now: DateTime<Utc>) -> Result<Ingested> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Add(Addition { rows, now, reply }))?;
        answer.await.map_err(|_| gone())?
    }

    fn send(&self, job: Job) -> Result<()> {
        self.jobs.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())
    }
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        // Closing the channel ends the thread; joining it means the file is closed afterwards.
        self.jobs = None;
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Storage, "the store's thread has ended")
}

/// Works off what waits. Nobody who waits for an answer has another job behind it, so the order
/// does not matter to anybody.
fn work_off(connection: &mut Connection, jobs: impl Iterator<Item = Job>) {
    let (mut additions, mut others) = (Vec::new(), Vec::new());
    for job in jobs.take(MOST_TOGETHER) {
        match job {
            Job::Add(addition) => additions.push(addition),
            Job::Alone(work) => others.push(work),
        }
    }
    if !additions.is_empty() {
        add_together(connection, additions);
    }
    for work in others {
        work(connection);
    }
}

fn add_together(connection: &mut Connection, additions: Vec<Addition>) {
    match add_all(connection, &additions) {
        Ok(ingested) => {
            for (addition, ingested) in additions.into_iter().zip(ingested) {
                let _ = addition.reply.send(Ok(ingested));
            }
        }
        // Nothing of any of them was stored, and each is told so.
        Err(fault) => {
            for addition in additions {
                let _ = addition.reply.send(Err(fault.copy().into_error("store events")));
            }
        }
    }
}

fn add_all(connection: &mut Connection, additions: &[Addition]) -> Result<Vec<Ingested>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let ingested = additions
        .iter()
        .map(|Addition { rows, now, .. }| ingest::add(&transaction, rows, Origin::Delivered, *now))
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(ingested)
}
