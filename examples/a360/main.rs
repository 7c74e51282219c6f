//! Searches the patients of Aesthetix CRM from an application with a list of its own, and pulls the
//! chosen one in without losing local data.
//!
//! ```sh
//! cargo run --example a360 -- enable
//! cargo run --example a360 -- search "mara"
//! cargo run --example a360 -- select ID        # an id that the search shows
//! cargo run --example a360 -- list
//! ```
//!
//! The local list is the SQLite file `patients.db`, and stays. The CRM is a fake on loopback that
//! each command starts with the same contacts and the same ids. One of them, Nova Marar, was made
//! that very moment: a search for her name does not show her yet, and her id does:
//!
//! ```sh
//! cargo run --example a360 -- search BCpVF8wexkO21HrB61k4
//! ```
//!
//! More commands:
//!
//! - `add Mara Okafor 1990-02-03`: adds a patient by hand, to the local list only
//! - `select ID --is PATIENT`, `--new`, `--birth-date DATE`: answers what a selection asks
//! - `search "mara" --with-local`: shows local patients of the name as well
//! - `list --linked`, `--local-only`, `--broken`: narrows the local list
//! - `status`, `disable`: how it stands, and off again; links are kept
//! - `enable --push --refresh`: allows the two commands that the application itself does not have:
//! - `push PATIENT`: makes a contact of a patient that was added by hand, or finds it
//! - `refresh`: synchronises every linked patient
//! - `audit PATIENT`: what was done to a patient, with the rule of each field
//!
//! With any of them:
//!
//! - `--json`: one JSON object for machines; what goes wrong is one as well, with exit code 1
//! - `--db FILE`: another local list
//! - `--role doctor` (no switching) or `--role reader` (no selecting): somebody who may less
//! - `--access FILE`: a fake CRM that keeps what is pushed to it. Start it in another shell with
//!   `cargo run -p cannula-sandbox > access.json`
//! - `--live a360.toml`: a real location; the sample beside this file explains every key

mod crm;
mod show;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use cannula::{
    a360::{A360, Actor, Answer, LinkFilter, Options, Said, SearchRequest},
    core::{Error, Person, Phi, Result},
};
use chrono::NaiveDate;
use clap::{Parser, Subcommand, ValueEnum};

use crate::{crm::Crm, show::Shown};

/// Searches the CRM's patients, and keeps a list of its own.
#[derive(Debug, Parser)]
struct Args {
    /// The local list.
    #[arg(long, global = true, default_value = "patients.db")]
    db: PathBuf,
    /// Print one JSON object instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Who acts.
    #[arg(long, global = true, default_value = "staff")]
    name: String,
    /// What that person may do.
    #[arg(long, global = true, value_enum, default_value_t = Role::Admin)]
    role: Role,
    /// A running sandbox, by the line of JSON it printed.
    #[arg(long, global = true, value_name = "FILE")]
    access: Option<PathBuf>,
    /// A real location, by its configuration file, which names the local list, too.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["access", "db"])]
    live: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Admin,
    Doctor,
    Reader,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Switches the integration on, after checking the connection.
    Enable {
        /// Allow `push`.
        #[arg(long)]
        push: bool,
        /// Allow `refresh`.
        #[arg(long)]
        refresh: bool,
    },
    /// Switches the integration off; patients and links are kept.
    Disable,
    /// How it stands with the integration.
    Status,
    /// Searches the CRM by name, or the local list while the integration is off.
    Search {
        /// A name or parts of one, or a contact's id.
        text: String,
        /// Show local patients of the name who are not linked as well.
        #[arg(long)]
        with_local: bool,
        #[command(flatten)]
        page: Page,
        #[command(flatten)]
        filter: Filter,
    },
    /// Browses the local list.
    List {
        #[command(flatten)]
        page: Page,
        #[command(flatten)]
        filter: Filter,
    },
    /// Pulls a contact into the local list: links it or adds it, and merges.
    Select {
        /// The contact's id.
        contact: String,
        /// It is this local patient.
        #[arg(long, value_name = "PATIENT", conflicts_with = "new")]
        is: Option<String>,
        /// It is none of the local patients.
        #[arg(long)]
        new: bool,
        /// The birth date, if the contact has none.
        #[arg(long, value_name = "DATE")]
        birth_date: Option<NaiveDate>,
    },
    /// Adds a patient by hand, to the local list only.
    Add {
        /// First name.
        first_name: String,
        /// Last name.
        last_name: String,
        /// Birth date, such as 1990-02-03.
        birth_date: Option<NaiveDate>,
        /// Phone number.
        #[arg(long)]
        phone: Option<String>,
        /// E-mail address.
        #[arg(long)]
        email: Option<String>,
        /// What else is known, such as `Title=Dr`; the CRM never changes it.
        #[arg(long = "detail", value_name = "NAME=VALUE", value_parser = detail)]
        details: Vec<(String, String)>,
    },
    /// Makes a contact of a patient that was added by hand, or finds it.
    Push {
        /// The patient's id.
        patient: String,
        /// None of the contacts of this name is the patient.
        #[arg(long)]
        new: bool,
    },
    /// Synchronises every linked patient with its contact.
    Refresh,
    /// What was done to a patient.
    Audit {
        /// The patient's id.
        patient: String,
    },
}

#[derive(Debug, clap::Args)]
struct Page {
    /// The page to show.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Filter {
    /// Only patients who are linked.
    #[arg(long)]
    linked: bool,
    /// Only patients who are not linked.
    #[arg(long)]
    local_only: bool,
    /// Only patients whose contact is gone.
    #[arg(long)]
    broken: bool,
}

impl Filter {
    const fn as_filter(&self) -> LinkFilter {
        match (self.linked, self.local_only, self.broken) {
            (true, ..) => LinkFilter::Linked,
            (_, true, _) => LinkFilter::LocalOnly,
            (.., true) => LinkFilter::Broken,
            _ => LinkFilter::All,
        }
    }
}

fn detail(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = parts.ok_or("must be NAME=VALUE, such as Title=Dr")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(shown) => {
            shown.print(args.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            if args.json {
                show::failure(&error).print(true);
            }
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "the program's one sentence about what went wrong")]
fn report(error: &Error) {
    eprintln!("error: {error}");
}

async fn run(args: &Args) -> Result<Shown> {
    let crm = Crm::open(args).await?;
    let app = &crm.app;
    let actor = Actor {
        name: args.name.clone(),
        may_edit: args.role != Role::Reader,
        may_administer: args.role == Role::Admin,
    };
    Ok(match &args.command {
        Command::Enable { push, refresh } => {
            app.enable(&actor, Options { push: *push, refresh: *refresh }).await?;
            show::status(&app.status().await?)
        }
        Command::Disable => {
            app.disable(&actor).await?;
            show::status(&app.status().await?)
        }
        Command::Status => show::status(&app.status().await?),
        Command::Search { text, with_local, page, filter } => {
            let text = Phi::new(text.clone());
            let filter = filter.as_filter();
            let with_local = *with_local;
            let request = SearchRequest { text, filter, with_local, after: None };
            found(app, request, page.page).await?
        }
        Command::List { page, filter } => {
            let filter = filter.as_filter();
            found(app, SearchRequest { filter, ..SearchRequest::default() }, page.page).await?
        }
        Command::Select { contact, is, new, birth_date } => {
            let is = is.as_deref().map(|patient| Said::Is(patient.into()));
            let said = is.or_else(|| new.then_some(Said::New));
            let answer = Answer { said, birth_date: birth_date.map(Phi::new) };
            show::selection(&app.select(&actor, &contact.as_str().into(), &answer).await?)
        }
        Command::Add { first_name, last_name, birth_date, phone, email, details } => {
            let text = |text: &Option<String>| text.clone().map(Phi::new);
            let person = Person {
                first_name: Phi::new(first_name.clone()),
                last_name: Phi::new(last_name.clone()),
                email: text(email),
                phone: text(phone),
                birth_date: birth_date.map(Phi::new),
            };
            let details: BTreeMap<_, _> = details
                .iter()
                .map(|(name, value)| (name.clone(), Phi::new(value.clone())))
                .collect();
            show::added(&app.add(&actor, person, details).await?)
        }
        Command::Push { patient, new } => {
            let pushed = app.push(&actor, &patient.as_str().into(), *new).await?;
            show::pushed(&pushed, crm.forgets())
        }
        Command::Refresh => show::refreshed(&app.refresh(&actor).await?),
        Command::Audit { patient } => {
            show::audit(&app.audit(&actor, &patient.as_str().into()).await?)
        }
    })
}

/// One page of results; those before it are only leafed through.
async fn found(app: &A360, mut request: SearchRequest, page: u32) -> Result<Shown> {
    let mut results = app.search(&request).await?;
    for _ in 1..page {
        let Some(next) = results.next.take() else { break };
        request.after = Some(next);
        results = app.search(&request).await?;
    }
    Ok(show::results(&results, app.location()))
}
