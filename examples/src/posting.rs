//! The program that posts a store's payments, from its options to its exit code.

mod orders;
mod reconcile;
mod setup;

use std::{path::PathBuf, process::ExitCode, str::FromStr};

use cannula::{
    core::{Error, ErrorKind, OrderNumber, PatientChoice, PatientId, Result},
    rules::posting::SyncStatus,
    sync::Replay,
};
use cannula_sandbox::practice::Product;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

pub use self::setup::posting_rules;
pub use self::{
    orders::{OrderFigure, Orders, print_orders},
    reconcile::{Period, print_report, reconcile, write_csv},
};
use self::{reconcile::write, setup::Setup};
use crate::service::{log, report};

/// What whoever posts payments may choose.
#[derive(Debug, Args)]
pub struct PostingOptions {
    /// Customers of the synthetic store.
    #[arg(long, default_value_t = 40, conflicts_with = "live")]
    pub customers: u32,
    /// The store's file; without it the store is in memory.
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    pub db: Option<PathBuf>,
    /// Show only orders with this status.
    #[arg(long, value_enum, value_name = "STATUS")]
    pub status: Option<Status>,
    /// Decide whose an order is: ORDER=PATIENT, or ORDER=new if it is none of those who were found.
    #[arg(long, value_name = "ORDER=PATIENT")]
    pub resolve: Vec<Resolution>,
    /// What is resolved holds for the customer's other orders too.
    #[arg(long, requires = "resolve")]
    pub remember: bool,
    /// Reconcile the store with the ledger, for the day or month of the last order.
    #[arg(long, value_enum)]
    pub report: Option<Period>,
    /// Reconcile the day or month that this day is in: 2026-03-31.
    #[arg(long, value_name = "DAY", requires = "report")]
    pub date: Option<NaiveDate>,
    /// Write the report to this file too, as CSV.
    #[arg(long, value_name = "FILE", requires = "report")]
    pub csv: Option<PathBuf>,
    /// Show each match and payment, and post nothing.
    #[arg(long, conflicts_with_all = ["db", "watch", "resolve"])]
    pub dry_run: bool,
    /// First try again what a person had to look at.
    #[arg(long)]
    pub replay: bool,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Go on at the pace of the real clock until Ctrl-C, polling every five minutes.
    #[arg(long)]
    pub watch: bool,
    /// Real credentials and settings from a TOML file.
    #[arg(long, value_name = "FILE.toml")]
    pub live: Option<PathBuf>,
}

/// A status that orders are shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// Its payment will be posted.
    WaitingForSync,
    /// Its payment is posted.
    Synced,
    /// A person must act.
    NotSynced,
    /// It is not posted.
    Disabled,
    /// It is held in the store.
    OnHold,
    /// No money was taken that could be posted.
    NothingToSync,
}

impl From<Status> for SyncStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::WaitingForSync => Self::WaitingForSync,
            Status::Synced => Self::Synced,
            Status::NotSynced => Self::NotSynced,
            Status::Disabled => Self::Disabled,
            Status::OnHold => Self::OnHold,
            Status::NothingToSync => Self::NothingToSync,
        }
    }
}

/// What staff decide about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The order.
    pub order: OrderNumber,
    /// Whose it is.
    pub choice: PatientChoice,
}

impl FromStr for Resolution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').map(|(order, patient)| (order.trim(), patient.trim()));
        match parts {
            Some((order, patient)) if !order.is_empty() && !patient.is_empty() => Ok(Self {
                order: OrderNumber::new(order),
                choice: match patient {
                    "new" => PatientChoice::New,
                    id => PatientChoice::Patient(PatientId::new(id.to_lowercase())),
                },
            }),
            _ => Err("write ORDER=PATIENT, such as 000000012=0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47, or ORDER=new".to_owned()),
        }
    }
}

/// Runs the program to its end; the sandbox is one of these two products.
pub async fn posting(options: &PostingOptions, product: Product) -> ExitCode {
    log(!options.watch && options.live.is_none());
    match run(options, product).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &PostingOptions, product: Product) -> Result<()> {
    let setup = match &options.live {
        Some(file) => Setup::live(file, options.dry_run)?,
        None => Setup::sandbox(options, product).await?,
    };
    setup.engine.check().await?;
    if options.replay {
        setup.engine.replay(Replay::Parked).await?;
    }
    if options.watch {
        setup.watch().await?;
    } else {
        setup.catch_up().await?;
    }
    for Resolution { order, choice } in &options.resolve {
        setup.resolve(order, choice.clone(), options.remember).await?;
    }
    if !options.resolve.is_empty() {
        setup.engine.drain().await?;
    }
    let mut orders = Orders::collect(&setup.engine, &setup.rules).await?;
    orders.dry_run = options.dry_run;
    orders.calls = setup.calls();
    let report = match options.report {
        Some(period) => {
            let (rules, ledger) = (&setup.rules, setup.ledger.as_ref());
            Some(reconcile(&setup.engine, rules, ledger, period, options.date).await?)
        }
        None => None,
    };
    if let (Some(report), Some(file)) = (&report, &options.csv) {
        write(report, file)?;
    }
    let wanted = options.status.map(SyncStatus::from);
    orders.orders.retain(|order| wanted.is_none_or(|wanted| order.status == wanted));
    if options.json {
        return print_json(&orders, report.as_ref());
    }
    print_orders(&orders);
    if let Some(report) = &report {
        print_report(report);
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the program's output")]
fn print_json(
    orders: &Orders,
    report: Option<&cannula::rules::posting::report::Report>,
) -> Result<()> {
    let mut json = serde_json::to_value(orders).map_err(unwritable)?;
    if let Some(report) = report {
        json["report"] = serde_json::to_value(report).map_err(unwritable)?;
    }
    println!("{json}");
    Ok(())
}

fn unwritable(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Decode, "the figures cannot be written as JSON").source(cause)
}
