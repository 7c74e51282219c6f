//! A practice's days in Nextech become notes, fields, tags and pipeline moves in Aesthetix CRM.
//!
//! ```sh
//! cargo run --release --example nextech
//! ```
//!
//! starts fakes of both vendors on loopback, replays thirty days of a synthetic practice hour by
//! hour, syncs over real HTTP and prints what was done. More:
//!
//! - `--product practice-plus`: the other Nextech product
//! - `--patients 500`: a larger practice
//! - `--db clinic.db`: keep the store; a second run on it finds nothing new and says so
//! - `--explain PATIENT`: why a patient's contact looks as it does, event by event
//! - `--json`: one JSON object with the same figures
//! - `--watch`: go on, polling every five minutes, until Ctrl-C
//! - `--live nextech.toml`: a real practice and a real CRM; see the commented `nextech.toml`

mod setup;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use cannula::core::{EmrSource, Error, Result, Subject};
use cannula_examples::{Figures, Totals};
use clap::{Parser, ValueEnum};

use crate::setup::Setup;

/// How often the vendor's product polls.
const INTERVAL: Duration = Duration::from_secs(300);
/// How far the replay's clock moves between two polls.
const STEP: Duration = Duration::from_secs(3_600);

/// Nextech appointments to Aesthetix CRM, against a sandbox or live.
#[derive(Debug, Parser)]
struct Args {
    /// The Nextech product that the sandbox is polled as.
    #[arg(long, value_enum, default_value_t = Product::Select, conflicts_with = "live")]
    product: Product,
    /// Patients of the synthetic practice.
    #[arg(long, default_value_t = 80, conflicts_with = "live")]
    patients: u32,
    /// The store's file; without it the store is in memory.
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    db: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
    /// Explain one patient's events; the patient by EMR id.
    #[arg(long, value_name = "PATIENT")]
    explain: Option<String>,
    /// Go on polling every five minutes until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Real credentials and settings from a TOML file.
    #[arg(long, value_name = "FILE.toml")]
    live: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Product {
    Select,
    PracticePlus,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "the program's one sentence about what went wrong")]
fn report(error: &Error) {
    eprintln!("error: {error}");
}

async fn run(args: Args) -> Result<()> {
    let setup = match &args.live {
        Some(file) => Setup::live(file)?,
        None => Setup::sandbox(&args).await?,
    };
    #[allow(clippy::disallowed_methods, reason = "the run is measured on the wall clock")]
    let started = Instant::now();
    setup.engine.check().await?;
    let mut totals = Totals::default();
    setup.catch_up(&mut totals).await?;
    if args.watch {
        watch(&setup).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let figures =
        Figures::collect(&setup.engine, totals, setup.calls(), &*setup.crm, seconds).await?;
    show(&args, &setup, &figures).await
}

/// Polls and delivers at the vendor's rhythm until Ctrl-C.
async fn watch(setup: &Setup) -> Result<()> {
    setup.engine.run(INTERVAL, async { drop(tokio::signal::ctrl_c().await) }).await
}

#[allow(clippy::print_stdout, reason = "the program's output")]
async fn show(args: &Args, setup: &Setup, figures: &Figures) -> Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(figures).unwrap_or_default());
    } else {
        cannula_examples::print(figures);
        setup.print_notes().await?;
    }
    let Some(patient) = &args.explain else { return Ok(()) };
    let practice = setup.source.info().feeds[0].practice.clone();
    let subject = Subject { practice, patient: patient.to_lowercase().as_str().into() };
    let lines = setup.engine.explain(&subject).await?;
    if args.json {
        println!("{}", serde_json::to_string(&lines).unwrap_or_default());
    } else if lines.is_empty() {
        println!("\nNo event of patient {patient} has been seen.");
    }
    for line in lines.iter().filter(|_| !args.json) {
        println!("\n{} {}", line.when.format("%Y-%m-%d %H:%M UTC"), line.record);
        for sentence in &line.sentences {
            println!("  {sentence}");
        }
    }
    Ok(())
}
