//! Payments of a DermPRO store are posted to the patients' ledgers in Nextech.
//!
//! ```sh
//! cargo run --release --example dermpro
//! ```
//!
//! starts fakes of the store and of Nextech on loopback, lets thirty days of shopping pass hour by
//! hour, posts over real HTTP and prints the orders with their Nextech status. More, after a `--`:
//!
//! - `--status not-synced`: only the orders with this status
//! - `--resolve ORDER=PATIENT`: say whose an order is that could not be posted by itself, or `new`
//!   for none of the patients who were found; `--remember`: for the customer's other orders too
//! - `--report day`, `--report month`: the reconciliation of the store with the ledger, for the
//!   last order or with `--date 2026-03-01` for another; `--csv FILE` writes it to a file as well
//! - `--dry-run`: show each match and payment, and post nothing
//! - `--product practice-plus`: the other Nextech product
//! - `--customers 100`: a larger store
//! - `--db posting.db`: keep the store
//! - `--replay`: first try again what a person had to look at
//! - `--json`: one JSON object with the same figures
//! - `--watch`: at the pace of the real clock, polling every five minutes until Ctrl-C
//! - `--live dermpro.toml`: a real store and a real practice; the commented `dermpro.toml` beside
//!   this file is where to start
//!
//! Figures go to standard output, the progress bar, warnings and errors to standard error. It ends
//! with 0 when everything that is due was tried, with 1 and a sentence when it could not go on.

use std::process::ExitCode;

use cannula_examples::{PostingOptions, posting};
use cannula_sandbox::practice;
use clap::{Parser, ValueEnum};

#[derive(Debug, Parser)]
#[command(about = "DermPRO store payments to Nextech, against a sandbox or live", long_about = None)]
struct Args {
    /// The Nextech product that the sandbox is.
    #[arg(long, value_enum, default_value_t = Product::Select, conflicts_with = "live")]
    product: Product,
    #[command(flatten)]
    options: PostingOptions,
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
    posting(&options, product).await
}
