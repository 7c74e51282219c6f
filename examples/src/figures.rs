use std::collections::BTreeMap;

use cannula::{
    core::{CrmNeeds, PipelineSpec, Result},
    rules::PersonState,
    sync::{CrmFlow, Engine, Flow, Progress, RejectedRow, Summary},
};
use serde::Serialize;

use crate::Explained;

/// HTTP requests by vendor and operation.
pub type VendorCalls = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// What the figures of a run are collected from.
#[derive(Debug)]
pub struct Run<'a> {
    /// The engine, which was made for this run.
    pub engine: &'a Engine<CrmFlow>,
    /// What the rules need of the CRM: the order of pipelines and stages.
    pub needs: &'a CrmNeeds,
    /// Webhooks that were acknowledged in this run.
    pub webhooks: u64,
    /// HTTP requests of this run.
    pub calls: VendorCalls,
    /// The CRM among the vendors of `calls`.
    pub crm: &'static str,
    /// Seconds of wall-clock time.
    pub seconds: f64,
}

/// The figures of one run.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Events by outcome, of all runs on this store.
    pub events: Summary,
    /// Events that this run saw for the first time.
    pub new_events: u64,
    /// Webhooks that were acknowledged in this run. Each is an event, which becomes the event of
    /// the record that it is about.
    pub webhooks: u64,
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
    /// People by pipeline and stage, as this store's runs left them.
    pub boards: Vec<Board>,
    /// HTTP requests of this run, by vendor.
    pub api_calls: BTreeMap<&'static str, u64>,
    /// The same by vendor and operation.
    pub api_operations: VendorCalls,
    /// CRM requests of this run divided by its new events, without webhooks that only point to
    /// a record; 0 if there were none.
    pub calls_per_event: f64,
    /// Seconds of wall-clock time.
    pub seconds: f64,
    /// One patient's events, where somebody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explained>,
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

/// One pipeline's board.
#[derive(Debug, Serialize)]
pub struct Board {
    /// The pipeline.
    pub pipeline: String,
    /// Its stages in order.
    pub stages: Vec<StageFigure>,
}

/// One column of a board.
#[derive(Debug, Serialize)]
pub struct StageFigure {
    /// The stage.
    pub stage: String,
    /// How many opportunities stand in it.
    pub people: u64,
}

/// The rows that an engine's source could not read, newest first.
pub(crate) async fn rejected<F: Flow>(engine: &Engine<F>) -> Result<Vec<RejectedFigure>> {
    let rows = engine.rejected().await?.into_iter();
    let figure = |row: RejectedRow| RejectedFigure {
        record: row.rejected.key.map(|key| key.to_string()),
        path: row.rejected.path,
        problem: row.rejected.problem,
    };
    Ok(rows.map(figure).collect())
}

impl Figures {
    /// Collects the figures from the engine's store and the vendors' call counts.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn collect(run: Run<'_>) -> Result<Self> {
        let engine = run.engine;
        let delivered = engine.delivered();
        let effects = |label| delivered.get(label).copied().unwrap_or_default();
        let Progress { ingested: new_events, messages, .. } = engine.progress();
        let records = new_events - messages.min(new_events);
        let api_calls: BTreeMap<_, u64> =
            run.calls.iter().map(|(vendor, calls)| (*vendor, calls.values().sum())).collect();
        let crm_calls = api_calls.get(run.crm).copied().unwrap_or_default();
        let parked = engine.parked().await?.into_iter().map(|parked| ParkedFigure {
            events: parked.events,
            reason: parked.reason.summary(),
            next_step: parked.reason.next_step(),
        });
        let dead = engine
            .dead()
            .await?
            .into_iter()
            .map(|letter| DeadFigure { subject: letter.subject.to_string(), error: letter.error });
        Ok(Self {
            events: engine.summary().await?,
            new_events,
            webhooks: run.webhooks,
            notes: effects("note"),
            stage_moves: effects("stage"),
            parked: parked.collect(),
            dead: dead.collect(),
            rejected: rejected(engine).await?,
            boards: boards(engine, run.needs).await?,
            api_calls,
            api_operations: run.calls,
            calls_per_event: if records == 0 { 0.0 } else { crm_calls as f64 / records as f64 },
            seconds: run.seconds,
            explain: None,
        })
    }

    /// What the run did, in a sentence or two.
    pub fn headline(&self) -> String {
        let did = match (self.new_events, self.notes + self.stage_moves) {
            (0, 0) => {
                "Nothing new: every event of this practice was already in the store.".to_owned()
            }
            (0, _) => format!(
                "No new events; {} and {} that were still due were made in {:.1} s.",
                count(self.notes, "note"),
                count(self.stage_moves, "stage move"),
                self.seconds
            ),
            (new, _) => format!(
                "{}{} became {} and {} in {:.1} s, with {:.2} CRM calls per event.",
                count(new, "new event"),
                match self.webhooks {
                    0 => String::new(),
                    webhooks => format!(" ({} among them)", count(webhooks, "webhook")),
                },
                count(self.notes, "note"),
                count(self.stage_moves, "stage move"),
                self.seconds,
                self.calls_per_event
            ),
        };
        match self.waiting() {
            0 => did,
            waiting => format!(
                "{did} {} still on the way to the CRM; the next run goes on with them.",
                count(waiting, "event")
            ),
        }
    }

    /// Events that are neither done nor waiting for a person.
    pub(crate) fn waiting(&self) -> u64 {
        self.events.pending + self.events.delivering
    }
}

/// `1 note`, `2 notes`.
fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Every pipeline with all its stages, empty ones too.
async fn boards(engine: &Engine<CrmFlow>, needs: &CrmNeeds) -> Result<Vec<Board>> {
    let mut people = BTreeMap::<(String, String), u64>::new();
    engine
        .for_each_state(|_, state: &PersonState| {
            for (pipeline, stage) in state.placements() {
                *people.entry((pipeline.to_owned(), stage.to_owned())).or_default() += 1;
            }
        })
        .await?;
    let board = |pipeline: &PipelineSpec| Board {
        pipeline: pipeline.name.clone(),
        stages: pipeline
            .stages
            .iter()
            .map(|(_, stage)| StageFigure {
                stage: stage.clone(),
                people: people
                    .get(&(pipeline.name.clone(), stage.clone()))
                    .copied()
                    .unwrap_or_default(),
            })
            .collect(),
    };
    Ok(needs.pipelines.iter().map(board).collect())
}
