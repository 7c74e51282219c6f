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

use std::process::ExitCode;

use cannula::nextech::{Nextech, NextechConfig};
use cannula_examples::{Options, nextech_at, service};
use cannula_sandbox::practice;
use clap::{Parser, ValueEnum};

#[derive(Debug, Parser)]
#[command(about = "Nextech appointments to Aesthetix CRM, against a sandbox or live", long_about = None)]
struct Args {
    /// The Nextech product that the sandbox is polled as.
    #[arg(long, value_enum, default_value_t = Product::Select, conflicts_with = "live")]
    product: Product,
    #[command(flatten)]
    options: Options,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Product {
    Select,
    PracticePlus,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { product, options } = Args::parse();
    let product = match product {
        Product::Select => practice::Product::Select,
        Product::PracticePlus => practice::Product::PracticePlus,
    };
    service::<Nextech>(&options, |access, start| {
        // Days pass in seconds here, so limits per second mean nothing.
        Ok(NextechConfig { requests_per_second: None, ..nextech_at(access, product, start)? })
    })
    .await
}
