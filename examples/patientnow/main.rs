//! A practice's days in PatientNow become notes, fields, tags and pipeline moves in Aesthetix CRM.
//!
//! ```sh
//! cargo run --release --example patientnow
//! ```
//!
//! starts fakes of both vendors on loopback and a receiver that PatientNow's webhooks are sent to,
//! replays thirty days of a synthetic practice hour by hour, syncs over real HTTP and prints what
//! was done. A sweep now and then finds what no webhook told. More, after a `--`:
//!
//! - `--patients 500`: a larger practice
//! - `--db clinic.db`: keep the store; a second run on it finds nothing new and says so
//! - `--explain PATIENT`: why a patient's contact looks as it does, event by event
//! - `--replay`: first decide again what was parked or refused, once its cause is corrected
//! - `--json`: one JSON object with the same figures
//! - `--watch`: at the pace of the real clock until Ctrl-C, then the same report
//! - `--live patientnow.toml`: a real practice and a real CRM, polled once, or with `--watch` on
//!   and on; the commented `patientnow.toml` beside this file is where to start.
//!   `--listen 127.0.0.1:8080` receives webhooks: PatientNow's at `/webhooks/patientnow`, and with
//!   the section `[intake]`, by which tagged contacts become patients, the CRM's at
//!   `/webhooks/crm`
//!
//! Figures go to standard output, the progress bar, warnings and errors to standard error. It ends
//! with 0 when everything that is due was tried, with 1 and a sentence when it could not go on.

use std::{process::ExitCode, time::Duration};

use cannula::patientnow::{PatientNow, PatientNowConfig, Sweeps};
use cannula_examples::{Options, patientnow_at, service};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "PatientNow to Aesthetix CRM by webhook, against a sandbox or live", long_about = None)]
struct Args {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { options } = Args::parse();
    service::<PatientNow>(&options, |access, start| {
        Ok(PatientNowConfig {
            // Days pass in seconds here, so limits per second mean nothing.
            requests_per_second: None,
            // Seldom, so that it is the webhooks which carry the practice.
            sweeps: Sweeps { every: Duration::from_secs(6 * 3_600), ..Sweeps::default() },
            ..patientnow_at(access, start)?
        })
    })
    .await
}
