//! The drain: pipelines that claim, plan, save, deliver and save.

use std::{panic, sync::Arc, time::Duration};

use cannula_core::{Error, ErrorKind, Result, Retry};
use futures::{StreamExt, stream};
use tokio::task::JoinSet;

use super::{Shared, deliver::Delivered, later, plan::Planned, report::DrainReport};
use crate::{
    flow::Flow,
    store::{Saved, Step},
};

/// Side by side, so that one has the network while the other has the disk.
const PIPELINES: usize = 2;
/// Subjects a transaction: enough that syncing the disk costs little beside their calls.
const BATCH: usize = 128;
/// Subjects of one pipeline with a call on its way.
const CALLS: usize = 32;
/// Much longer than a batch takes, for a sink that allows ten calls a second.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// Nothing is sent this late in a lease: the call must be over before another may take it.
const LAST_CALL: Duration = Duration::from_secs(10 * 60);
/// Calls are given up after so long, which leaves a minute of the lease.
const LONGEST_CALL: Duration = Duration::from_secs(4 * 60);

impl<F: Flow> Shared<F> {
    pub(super) async fn drain(this: &Arc<Self>) -> Result<DrainReport> {
        let _one_at_a_time = this.draining.lock().await;
        this.control.begin();
        this.ready().await?;
        let mut report = DrainReport::default();
        let now = this.clock.now();
        if this.control.paused(now).is_none() {
            // Nothing of this worker runs now, so what it still holds was dropped half way.
            this.store.reclaim(now).await?;
            let mut pipelines = JoinSet::new();
            for _ in 0..PIPELINES {
                pipelines.spawn(Arc::clone(this).pipeline());
            }
            while let Some(ended) = pipelines.join_next().await {
                match ended {
                    Ok(part) => report.merge(part),
                    // A bug in a flow is the caller's to see; the store is as after a crash.
                    Err(error) => panic::resume_unwind(error.into_panic()),
                }
            }
        }
        if let Some(error) = this.control.take_error() {
            return Err(error);
        }
        report.paused_until = this.control.paused(this.clock.now());
        report.next_due = this.store.next_due().await?.max(report.paused_until);
        Ok(report)
    }

    async fn pipeline(self: Arc<Self>) -> DrainReport {
        let mut report = DrainReport::default();
        while self.control.held(self.clock.now()).is_none() {
            match self.batch(&mut report).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.control.halt(error),
            }
        }
        report
    }

    /// Works off one batch of subjects; `false` if nothing was due.
    async fn batch(self: &Arc<Self>, report: &mut DrainReport) -> Result<bool> {
        let now = self.clock.now();
        let claims = self.store.claim(now, later(now, LEASE), BATCH).await?;
        if claims.is_empty() {
            return Ok(false);
        }
        report.claims += claims.len() as u64;
        let last_call = later(now, LAST_CALL);
        let planned: Vec<_> = stream::iter(claims)
            .map(|claim| Arc::clone(self).plan(claim, last_call))
            .buffer_unordered(CALLS)
            .collect()
            .await;
        let mut steps = Vec::with_capacity(planned.len());
        let mut jobs = Vec::with_capacity(planned.len());
        for planned in planned {
            let Planned { step, job, settled, postponed } = planned?;
            report.settled += settled;
            report.postponed += u64::from(postponed);
            steps.push(step);
            jobs.extend(job);
        }
        let lost = self.save(steps, report).await?;
        jobs.retain(|job| !lost.contains(&job.subject));
        let delivered: Vec<_> = stream::iter(jobs)
            .map(|job| Arc::clone(self).deliver(job, last_call))
            .buffer_unordered(CALLS)
            .collect()
            .await;
        let mut steps = Vec::with_capacity(delivered.len());
        for delivered in delivered {
            let Delivered { step, labels, postponed } = delivered?;
            labels.into_iter().for_each(|label| report.delivered(label));
            report.postponed += u64::from(postponed);
            steps.push(step);
        }
        self.save(steps, report).await?;
        Ok(true)
    }

    /// What a flow says in time. A lease is worth nothing while an old owner's call may still
    /// arrive.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(LONGEST_CALL, call).await.unwrap_or_else(|_| {
            let message = format!("there was no end of it within {} s", LONGEST_CALL.as_secs());
            Err(Error::new(ErrorKind::Unavailable, message).retry(Retry::Settle))
        })
    }

    async fn save(
        &self,
        steps: Vec<Step>,
        report: &mut DrainReport,
    ) -> Result<Vec<cannula_core::Subject>> {
        if steps.is_empty() {
            return Ok(Vec::new());
        }
        for step in &steps {
            report.outcomes(&step.events);
            self.counters.finished(&step.events);
        }
        let Saved { lost, ingested } = self.store.save(steps, self.clock.now()).await?;
        self.counters.ingested(ingested);
        for subject in &lost {
            tracing::warn!(%subject, "another worker took over the lease");
        }
        Ok(lost)
    }
}
