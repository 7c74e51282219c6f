//! A tag on a contact of Aesthetix CRM makes the patient in Nextech, once, and says so on the
//! contact.
//!
//! ```sh
//! cargo run --release --example create_patient
//! ```
//!
//! starts fakes of both vendors on loopback. Staff tag contacts; the CRM's signed webhooks say so
//! over real HTTP; each contact is checked, looked for and created, linked or answered. Printed
//! is what staff then read on the contacts. Two of them are corrected and tagged again, and the
//! first appointment of a new patient finds the contact that the patient was made from. More,
//! after a `--`:
//!
//! - `--product practice-plus`: the other Nextech product, which demands eleven fields
//! - `--poll`: no webhooks; contacts are found by their tag
//! - `--json`: the same as one JSON object
//!
//! To run it for a real practice, add the section `[intake]` to the configuration file of the
//! `nextech` example.

use std::{process::ExitCode, sync::Arc, time::Duration};

use cannula::{
    EmrSection,
    aesthetix::{Aesthetix, AesthetixConfig, WebhookConfig, Webhooks},
    core::{Clock, Error, ErrorKind, PatientId, Result},
    nextech::{Nextech, NextechConfig},
    rules::{Categories, Rules, RulesConfig, intake::IntakeConfig},
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, webhook_router},
};
use cannula_examples::{
    aesthetix_at, birthday, intake_engine, lead, nextech_at, referral_sources, show,
};
use cannula_sandbox::{
    Fault, NewContact, Quirks, Sandbox, SandboxConfig, Vendor,
    practice::{AppointmentState, PatientState, PracticeConfig, Product, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use clap::{Parser, ValueEnum};
use serde::Serialize;
use tokio::net::TcpListener;

/// How often the tagged contacts are asked for where there are no webhooks.
const POLL: Duration = Duration::from_secs(300);

/// Contacts to patients, against a sandbox.
#[derive(Debug, Parser)]
struct Args {
    /// The Nextech product of the practice.
    #[arg(long, value_enum, default_value_t = Kind::Select)]
    product: Kind,
    /// Find contacts by their tag instead of by webhook.
    #[arg(long)]
    poll: bool,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Select,
    PracticePlus,
}

impl Kind {
    const fn product(self) -> Product {
        match self {
            Self::Select => Product::Select,
            Self::PracticePlus => Product::PracticePlus,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(story) => {
            print(&args, &story);
            ExitCode::SUCCESS
        }
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

/// What is printed.
#[derive(Debug, Serialize)]
struct Story {
    first_try: Vec<Told>,
    after_correction: Vec<Told>,
    first_appointment: Vec<Told>,
    patients_created: usize,
}

/// What staff read on a contact.
#[derive(Debug, Serialize)]
struct Told {
    contact: String,
    case: &'static str,
    tags: String,
    note: String,
}

async fn run(args: &Args) -> Result<Story> {
    let desk = Desk::open(args).await?;
    let patients = desk.sandbox.practice().patient_ids().len();
    // The product's own tag, and the sister product's, which is a mistake here.
    let (tag, foreign) = (&desk.tags.tags[0], &desk.tags.foreign_tags[0].tag);

    let nora = desk.lead("Nora", "Lind", 10, |_| {});
    let mina = desk.lead("Mina", "Park", 1, |_| {});
    let ada = desk.lead("Ada", "Quist", 11, |ada| {
        ada.phone = None;
        ada.birth_date = NaiveDate::from_ymd_opt(1900, 1, 1);
    });
    let lena = desk.lead("Lena", "Okafor", 12, |lena| {
        lena.fields.insert("NXT Location".to_owned(), "juniper aesthetics  midtown".into());
    });
    let iris = desk.lead("Iris", "Holt", 13, |_| {});
    let omar = desk.lead("Omar", "Reyes", 14, |_| {});
    for contact in [&nora, &mina, &ada, &lena, &iris] {
        desk.tag(contact, tag);
    }
    desk.tag(&omar, foreign);
    desk.work().await?;
    // The EMR creates the patient, but its answer never arrives.
    let zoe = desk.lead("Zoe", "Marsh", 15, |_| {});
    desk.sandbox.faults(Vendor::Nextech).script("POST /nextech", Fault::ErrorAfter);
    desk.tag(&zoe, tag);
    desk.work().await?;
    let first_try = vec![
        desk.told(&nora, "everything filled in"),
        desk.told(&mina, "a patient of the practice"),
        desk.told(&ada, "no phone, placeholder birth date"),
        desk.told(&lena, "location in another spelling"),
        desk.told(&iris, "could be either of two patients"),
        desk.told(&omar, "the other product's tag"),
        desk.told(&zoe, "the EMR's answer got lost"),
    ];

    desk.correct(&ada, |ada| {
        ada.phone = Some("+16465550111".to_owned());
        ada.birth_date = NaiveDate::from_ymd_opt(1979, 8, 21);
    });
    desk.correct(&iris, |iris| {
        iris.fields.insert("NXT Chart Number".to_owned(), "new".into());
    });
    for contact in [&ada, &iris] {
        desk.tag(contact, tag);
    }
    desk.work().await?;
    let after_correction = vec![
        desk.told(&ada, "corrected and tagged again"),
        desk.told(&iris, "staff wrote “new” as the chart number"),
    ];

    desk.book("Nora")?;
    desk.work().await?;
    Ok(Story {
        first_try,
        after_correction,
        first_appointment: vec![desk.told(&nora, "her first appointment")],
        patients_created: desk.sandbox.practice().patient_ids().len() - patients,
    })
}

/// A front desk between a practice and its CRM, and the service behind it.
struct Desk {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    visits: Arc<Engine<CrmFlow>>,
    intake: Arc<Engine<IntakeFlow>>,
    product: Product,
    tags: IntakeConfig,
    poll: bool,
}

impl Desk {
    async fn open(args: &Args) -> Result<Self> {
        let start = Utc.with_ymd_and_hms(2026, 3, 2, 14, 0, 0).single().unwrap_or_default();
        let clock = Arc::new(ManualClock::at(start));
        let mut config =
            SandboxConfig::new(Arc::<ManualClock>::clone(&clock), PracticeConfig::empty(start));
        // Minutes pass in milliseconds here, so the vendors' limits per second mean nothing.
        config.quirks = Quirks { limits: false, ..Quirks::default() };
        let sandbox = Sandbox::start(config).await?;
        let product = args.product.product();
        let nextech = NextechConfig {
            requests_per_second: None,
            ..nextech_at(sandbox.access(), product, start)?
        };
        let aesthetix = AesthetixConfig { quota: None, ..aesthetix_at(sandbox.access())? };
        let tags = NextechConfig::intake(Some(&nextech));
        let (visits, intake) = service(nextech, aesthetix, tags.clone(), &clock, &sandbox)?;
        visits.check().await?;
        intake.check().await?;
        let desk = Self { sandbox, clock, visits, intake, product, tags, poll: args.poll };
        if !args.poll {
            desk.listen().await?;
        }
        desk.register_patients();
        Ok(desk)
    }

    /// Receives the CRM's webhooks on loopback and tells the CRM where.
    async fn listen(&self) -> Result<()> {
        let crm = &self.sandbox.access().crm;
        let mut config = WebhookConfig::new(&crm.location_id, self.tags.watched_tags());
        config.ed25519_keys = vec![crm.webhook_public_key.clone()];
        let decoder = Arc::new(Webhooks::new(config)?);
        let clock = Arc::<ManualClock>::clone(&self.clock);
        let router = webhook_router(Arc::clone(&self.intake), decoder, clock);
        let app = axum::Router::new().nest("/webhooks/crm", router);
        let cannot =
            |error| Error::new(ErrorKind::Config, "cannot listen on loopback").source(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        self.sandbox.subscribe(Vendor::Crm, &format!("http://{address}/webhooks/crm"))
    }

    /// Those whom the practice knows already: Mina, and two of one name and birthday.
    fn register_patients(&self) {
        let practice = self.sandbox.practice();
        let mina = PatientState::new("Mina", "Park", 1);
        practice.add_patient(PatientState { birth_date: birthday(1), ..mina });
        for number in [2, 3] {
            let mut iris = PatientState::new("Iris", "Holt", number);
            iris.birth_date = birthday(13);
            practice.add_patient(iris);
        }
    }

    /// A lead whose contact is complete, but for what `change` does to it.
    fn lead(
        &self,
        first: &str,
        last: &str,
        number: u32,
        change: impl FnOnce(&mut NewContact),
    ) -> String {
        let mut lead = lead(self.product, first, last, number);
        change(&mut lead);
        self.sandbox.crm_state().add_contact(lead)
    }

    fn correct(&self, contact: &str, change: impl FnOnce(&mut NewContact)) {
        self.sandbox.crm_state().edit_contact(contact, change);
    }

    fn tag(&self, contact: &str, tag: &str) {
        self.sandbox.crm_state().tag(contact, &[tag]);
    }

    /// Books tomorrow's treatment for the patient with this given name.
    fn book(&self, given: &str) -> Result<()> {
        let practice = self.sandbox.practice();
        let named = |id: &PatientId| practice.patient(id).is_some_and(|it| it.given == given);
        let Some(patient) = practice.patient_ids().into_iter().find(named) else {
            return Err(Error::new(ErrorKind::NotFound, "nobody of this name became a patient"));
        };
        let start = (self.clock.now() + TimeDelta::days(1)).with_timezone(&ZONE).naive_local();
        practice.book(AppointmentState::new(&patient, "Laser Treatment", start));
        Ok(())
    }

    /// Lets a poll's time pass and does everything that is due then.
    async fn work(&self) -> Result<()> {
        self.clock.advance(POLL);
        self.sandbox.deliver_webhooks().await;
        if self.poll {
            self.intake.poll().await?;
        }
        while let Some(due) = self.intake.drain().await?.next_due {
            let wait = (due - self.clock.now()).to_std().unwrap_or_default();
            self.clock.sleep(wait).await;
        }
        self.visits.poll().await?;
        self.visits.drain().await.map(drop)
    }

    /// What staff read on a contact now.
    fn told(&self, contact: &str, case: &'static str) -> Told {
        let contacts = self.sandbox.crm().contacts;
        let found = contacts.into_iter().find(|it| it.id == contact);
        let name = |it: Option<String>| it.unwrap_or_default();
        found.map_or_else(
            || Told { contact: contact.into(), case, tags: String::new(), note: String::new() },
            |it| Told {
                contact: format!("{} {}", name(it.first_name), name(it.last_name)),
                case,
                tags: it.tags.join(", "),
                note: it.notes.last().cloned().unwrap_or_default(),
            },
        )
    }
}

/// The engine of the visits and that of the intake.
type Engines = (Arc<Engine<CrmFlow>>, Arc<Engine<IntakeFlow>>);

/// The two engines of a practice's service.
fn service(
    mut nextech: NextechConfig,
    aesthetix: AesthetixConfig,
    tags: IntakeConfig,
    clock: &Arc<ManualClock>,
    sandbox: &Sandbox,
) -> Result<Engines> {
    nextech.new_patients.referral_sources = referral_sources();
    let clock = || -> Arc<dyn Clock> { Arc::<ManualClock>::clone(clock) };
    let categories = Categories::from_csv(sandbox.practice().categorization_csv());
    let rules = Rules::new(RulesConfig::new(ZONE), categories.unwrap_or_default());
    let nextech = Arc::new(Nextech::new(nextech, clock())?);
    let crm = Arc::new(Aesthetix::new(aesthetix, clock())?);
    let visits = Arc::new(Engine::new(
        Arc::<Nextech>::clone(&nextech),
        CrmFlow::new(rules, Arc::<Aesthetix>::clone(&crm)),
        Arc::new(SqliteStore::in_memory("visits")?),
        clock(),
    ));
    let store = Arc::new(SqliteStore::in_memory("intake")?);
    let tagged = Arc::new(crm.tag_source(tags.watched_tags()));
    let intake = intake_engine(tags, nextech, tagged, crm, Arc::clone(&visits), store, clock());
    Ok((visits, Arc::new(intake)))
}

#[allow(clippy::print_stdout, reason = "the program's output")]
fn print(args: &Args, story: &Story) {
    if args.json {
        match serde_json::to_string(story) {
            Ok(json) => println!("{json}"),
            Err(error) => report(&Error::new(ErrorKind::Decode, "no JSON").source(error)),
        }
        return;
    }
    let count = story.patients_created;
    println!("{count} patients were created in Nextech; this is what staff read in the CRM.");
    let rows = |told: &[Told]| -> Vec<[String; 4]> {
        let row =
            |it: &Told| [it.contact.clone(), it.case.to_owned(), it.tags.clone(), it.note.clone()];
        told.iter().map(row).collect()
    };
    let header = ["contact", "case", "tags now", "newest note"];
    show("Tagged", header, rows(&story.first_try));
    show("Corrected, and tagged again", header, rows(&story.after_correction));
    show(
        "A patient's first appointment, on the same contact",
        header,
        rows(&story.first_appointment),
    );
}
