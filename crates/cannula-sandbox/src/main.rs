//! The sandbox as a server: prints one line of JSON that says where and how, then serves.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

use cannula_core::{Clock, Error, ErrorKind, Result};
use cannula_http::SystemClock;
use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig,
    dermpro::{StoreConfig, StoreSettings},
    practice::PracticeConfig,
};
use chrono::TimeDelta;
use clap::Parser;

/// Serves fakes of the EMRs, the CRM and an online store, filled with an invented practice.
///
/// Prints one line of JSON with every base URL and credential, then serves until Ctrl-C.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The loopback address to listen on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How many patients the practice has.
    #[arg(long, default_value_t = 200)]
    patients: u32,
    /// How many days of history there are, and how many lie ahead.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Decides everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many times as fast as real time the practice lives.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Turns off every meanness of the vendors, rate limits among them.
    #[arg(long)]
    kind: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse::<f64>().ok().filter(|speed| (0.001..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "must be a number from 0.001 to 1000000".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if standard error is closed.
            let _ = writeln!(io::stderr(), "cannula-sandbox: {}", error.message());
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<()> {
    let clock = Arc::new(SystemClock);
    let start = clock.now() - TimeDelta::days(i64::from(arguments.days));
    let practice =
        PracticeConfig::new(arguments.seed, arguments.patients, arguments.days * 2, start);
    let sandbox = Sandbox::start(SandboxConfig {
        listen: arguments.listen,
        speed: arguments.speed,
        deliver_webhooks: true,
        store: StoreConfig { customers: arguments.patients / 4, days: arguments.days * 2 },
        quirks: if arguments.kind { Quirks::kind() } else { Quirks::default() },
        ..SandboxConfig::new(clock, practice)
    })
    .await?;
    if arguments.kind {
        sandbox.store().change_settings(|settings| *settings = StoreSettings::kind());
    }
    announce(&sandbox)?;
    let stopped = tokio::signal::ctrl_c().await;
    sandbox.stop().await;
    stopped.map_err(|error| {
        Error::new(ErrorKind::Config, "signals cannot be listened for").source(error)
    })
}

fn announce(sandbox: &Sandbox) -> Result<()> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, "standard output cannot be written to").source(error)
    };
    let line = serde_json::to_string(sandbox.access()).map_err(|error| failed(error.into()))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(failed)
}
