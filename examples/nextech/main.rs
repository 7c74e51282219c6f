//! A practice's days in Nextech become notes, fields, tags and pipeline moves in Aesthetix CRM.
//!
//! ```sh
//! cargo run --release --example nextech
//! ```
//!
//! starts fakes of both vendors on loopback, replays thirty days of a synthetic practice hour by
//! hour, syncs over real HTTP and prints what was done. More, after a `--`:
//!
//! - `--product practice-plus`: the other Nextech product
//! - `--patients 500`: a larger practice
//! - `--db clinic.db`: keep the store; a second run on it finds nothing new and says so
//! - `--explain PATIENT`: why a patient's contact looks as it does, event by event
//! - `--replay`: first decide again what was parked or refused, once its cause is corrected
//! - `--json`: one JSON object with the same figures
//! - `--watch`: at the pace of the real clock, polling every five minutes until Ctrl-C, then the
//!   same report
//! - `--live nextech.toml`: a real practice and a real CRM, polled once, or with `--watch` on and
//!   on; the commented `nextech.toml` beside this file is where to start. With its section
//!   `[intake]` tagged contacts become patients, and `--listen 127.0.0.1:8080` hears of them by
//!   webhook
//!
//! Figures go to standard output, the progress bar, warnings and errors to standard error. It ends
//! with 0 when everything that is due was tried, with 1 and a sentence when it could not go on.

mod setup;

use std::{
    io::{IsTerminal, stderr},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use cannula::{
    core::{Error, ErrorKind, Result},
    sync::Replay,
};
use cannula_examples::{Figures, Run, explain, print, print_explained, print_notes};
use clap::{Parser, ValueEnum};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::setup::Setup;

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
    /// Explain one patient's events; the patient by EMR id or CRM contact id.
    #[arg(long, value_name = "PATIENT")]
    explain: Option<String>,
    /// First decide again what is parked or was refused.
    #[arg(long)]
    replay: bool,
    /// Poll every five minutes until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Real credentials and settings from a TOML file.
    #[arg(long, value_name = "FILE.toml")]
    live: Option<PathBuf>,
    /// Receive the CRM's webhooks on this address, at the path /webhooks/crm.
    #[arg(long, value_name = "ADDRESS", requires = "live", requires = "watch")]
    listen: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Product {
    Select,
    PracticePlus,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    log(&args);
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error what `RUST_LOG` says; without it warnings, but none of a replay, whose
/// figures say it all.
fn log(args: &Args) {
    let replay = !args.watch && args.live.is_none();
    let level = if replay { LevelFilter::ERROR } else { LevelFilter::WARN };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

#[allow(clippy::print_stderr, reason = "the program's one sentence about what went wrong")]
fn report(error: &Error) {
    eprintln!("error: {error}");
}

async fn run(args: &Args) -> Result<()> {
    let setup = match &args.live {
        Some(file) => Setup::live(file, args.listen)?,
        None => Setup::sandbox(args).await?,
    };
    #[allow(clippy::disallowed_methods, reason = "the run is measured on the wall clock")]
    let started = Instant::now();
    setup.check().await?;
    if args.replay {
        setup.engine.replay(Replay::Parked).await?;
        setup.engine.replay(Replay::Dead).await?;
        if let Some(intake) = &setup.intake {
            intake.replay(Replay::Parked).await?;
            intake.replay(Replay::Dead).await?;
        }
    }
    if args.watch {
        setup.watch().await?;
    } else {
        setup.catch_up().await?;
    }
    let mut figures = Figures::collect(Run {
        engine: &setup.engine,
        needs: &setup.needs,
        calls: setup.calls(),
        crm: setup::CRM,
        seconds: started.elapsed().as_secs_f64(),
    })
    .await?;
    if let Some(patient) = &args.explain {
        figures.explain =
            Some(explain(&setup.engine, setup.intake.as_deref(), patient, setup.zone).await?);
    }
    show(args, &setup, &figures).await
}

#[allow(clippy::print_stdout, reason = "the program's output")]
async fn show(args: &Args, setup: &Setup, figures: &Figures) -> Result<()> {
    if args.json {
        let json = serde_json::to_string(figures).map_err(|cause| {
            Error::new(ErrorKind::Decode, "the figures cannot be written as JSON").source(cause)
        })?;
        println!("{json}");
        return Ok(());
    }
    print(figures);
    print_notes(&setup.engine, &setup.crm).await?;
    if let Some(explained) = &figures.explain {
        print_explained(explained);
    }
    Ok(())
}
