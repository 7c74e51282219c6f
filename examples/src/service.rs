//! The program that all EMRs share, from its options to its exit code.

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
use cannula_sandbox::Access;
use chrono::{DateTime, Utc};
use clap::Args;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    Emr, Figures, Run, explain, print, print_explained, print_notes,
    setup::{CRM, Setup},
};

/// What whoever runs a program may choose.
#[derive(Debug, Args)]
pub struct Options {
    /// Patients of the synthetic practice.
    #[arg(long, default_value_t = 80, conflicts_with = "live")]
    pub patients: u32,
    /// The store's file; without it the store is in memory.
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    pub db: Option<PathBuf>,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Explain one patient's events; the patient by EMR id or CRM contact id.
    #[arg(long, value_name = "PATIENT")]
    pub explain: Option<String>,
    /// First decide again what is parked or was refused.
    #[arg(long)]
    pub replay: bool,
    /// Go on at the pace of the real clock until Ctrl-C, polling every five minutes.
    #[arg(long)]
    pub watch: bool,
    /// Real credentials and settings from a TOML file.
    #[arg(long, value_name = "FILE.toml")]
    pub live: Option<PathBuf>,
    /// Receive webhooks on this address: the CRM's at the path /webhooks/crm, the EMR's, if it
    /// sends any, at /webhooks/ and its name.
    #[arg(long, value_name = "ADDRESS", requires = "live", requires = "watch")]
    pub listen: Option<SocketAddr>,
}

/// Runs a program to its end. `at` says how to reach the EMR in a sandbox whose practice began at
/// an instant.
pub async fn service<E: Emr>(
    options: &Options,
    at: impl FnOnce(&Access, DateTime<Utc>) -> Result<E::Config>,
) -> ExitCode {
    log(!options.watch && options.live.is_none());
    match run::<E>(options, at).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error what `RUST_LOG` says; without it warnings, but none of a replay, whose
/// figures say it all.
pub(crate) fn log(replay: bool) {
    let level = if replay { LevelFilter::ERROR } else { LevelFilter::WARN };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

#[allow(clippy::print_stderr, reason = "the program's one sentence about what went wrong")]
pub(crate) fn report(error: &Error) {
    eprintln!("error: {error}");
}

async fn run<E: Emr>(
    options: &Options,
    at: impl FnOnce(&Access, DateTime<Utc>) -> Result<E::Config>,
) -> Result<()> {
    let setup = match &options.live {
        Some(file) => Setup::<E>::live(file, options.listen)?,
        None => Setup::<E>::sandbox(options, at).await?,
    };
    #[allow(clippy::disallowed_methods, reason = "the run is measured on the wall clock")]
    let started = Instant::now();
    setup.check().await?;
    if options.replay {
        setup.engine.replay(Replay::Parked).await?;
        setup.engine.replay(Replay::Dead).await?;
        if let Some(intake) = &setup.intake {
            intake.replay(Replay::Parked).await?;
            intake.replay(Replay::Dead).await?;
        }
    }
    if options.watch {
        setup.watch().await?;
    } else {
        setup.catch_up().await?;
    }
    let mut figures = Figures::collect(Run {
        engine: &setup.engine,
        needs: &setup.needs,
        webhooks: setup.webhooks(),
        calls: setup.calls(),
        crm: CRM,
        seconds: started.elapsed().as_secs_f64(),
    })
    .await?;
    if let Some(patient) = &options.explain {
        figures.explain =
            Some(explain(&setup.engine, setup.intake.as_deref(), patient, setup.zone).await?);
    }
    show(options, &setup, &figures).await
}

#[allow(clippy::print_stdout, reason = "the program's output")]
async fn show<E: Emr>(options: &Options, setup: &Setup<E>, figures: &Figures) -> Result<()> {
    if options.json {
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
