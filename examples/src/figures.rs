use std::collections::BTreeMap;

use cannula::{
    core::{CrmSink, Result},
    rules::PersonState,
    sync::{CrmFlow, DrainReport, Engine, PollReport, Summary},
};
use serde::Serialize;

/// The figures of one run.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Events by outcome, of all runs on this store.
    pub events: Summary,
    /// Events that this run saw for the first time.
    pub new_events: u64,
    /// Notes left in this run.
    pub notes: u64,
    /// Opportunities moved or created in this run.
    pub stage_moves: u64,
    /// What waits for a person.
    pub parked: Vec<ParkedFigure>,
    /// What the CRM refused for good.
    pub dead: Vec<DeadFigure>,
    /// Rows the EMR's answers held that nobody can read.
    pub rejected: Vec<RejectedFigure>,
    /// People by pipeline and stage.
    pub boards: BTreeMap<String, BTreeMap<String, u64>>,
    /// HTTP requests of this run, by vendor and operation.
    pub api_calls: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// CRM requests of this run divided by its new events.
    pub calls_per_event: f64,
    /// Seconds of wall-clock time.
    pub seconds: f64,
}

/// Events that wait for one reason.
#[derive(Debug, Serialize)]
pub struct ParkedFigure {
    /// How many.
    pub events: u64,
    /// Why.
    pub reason: String,
    /// What to do.
    pub next_step: String,
}

/// One refused effect.
#[derive(Debug, Serialize)]
pub struct DeadFigure {
    /// The practice's patient.
    pub subject: String,
    /// The refusal.
    pub error: String,
}

/// One unreadable row.
#[derive(Debug, Serialize)]
pub struct RejectedFigure {
    /// The record, if its id could be read.
    pub record: Option<String>,
    /// Where in the answer.
    pub path: String,
    /// What was wrong.
    pub problem: String,
}

/// What polls and drains add up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    new: u64,
    notes: u64,
    stage_moves: u64,
}

impl Totals {
    /// Adds a poll.
    pub const fn polled(&mut self, report: &PollReport) {
        self.new += report.new;
    }

    /// Adds a drain.
    pub fn drained(&mut self, report: &DrainReport) {
        let count = |label| report.delivered.get(label).copied().unwrap_or_default();
        self.notes += count("note");
        self.stage_moves += count("stage");
    }
}

impl Figures {
    /// Collects the figures from the engine's store and the vendors' call counts.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn collect(
        engine: &Engine<CrmFlow>,
        totals: Totals,
        api_calls: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
        crm: &dyn CrmSink,
        seconds: f64,
    ) -> Result<Self> {
        let mut boards = BTreeMap::<String, BTreeMap<String, u64>>::new();
        engine
            .for_each_state(|_, state: &PersonState| {
                for (pipeline, stage) in state.placements() {
                    let board = boards.entry(pipeline.to_owned()).or_default();
                    *board.entry(stage.to_owned()).or_default() += 1;
                }
            })
            .await?;
        let crm_calls: u64 = api_calls.get(crm.name()).map_or(0, |calls| calls.values().sum());
        let parked = engine.parked().await?.into_iter().map(|parked| ParkedFigure {
            events: parked.events,
            reason: parked.reason.summary(),
            next_step: parked.reason.next_step(),
        });
        let dead = engine.dead().await?.into_iter().map(|letter| DeadFigure {
            subject: letter.subject.to_string(),
            error: letter.error,
        });
        let rejected = engine.rejected().await?.into_iter().map(|row| RejectedFigure {
            record: row.rejected.key.map(|key| key.to_string()),
            path: row.rejected.path,
            problem: row.rejected.problem,
        });
        Ok(Self {
            events: engine.summary().await?,
            new_events: totals.new,
            notes: totals.notes,
            stage_moves: totals.stage_moves,
            parked: parked.collect(),
            dead: dead.collect(),
            rejected: rejected.collect(),
            boards,
            api_calls,
            calls_per_event: if totals.new == 0 { 0.0 } else { crm_calls as f64 / totals.new as f64 },
            seconds,
        })
    }
}
