//! Everything that connectors ask, with any answer.

use std::{collections::BTreeMap, sync::Arc};

use cannula::{
    aesthetix::{self, Aesthetix, MemoryTokenStore},
    core::{
        ContactDirectory, ContactId, ContactWrite, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Cursor,
        DirectorySearch, Error, Event, Feed, FieldKind, FieldSpec, FieldValue, IdempotencyKey,
        Money, Named, NewPatient, NewPayment, Note, OpportunityId, OpportunityStatus,
        OpportunityValue, Page, PatientId, PatientRegistry, PaymentLedger, PaymentTerms, Person,
        PersonName, Phi, PipelineSpec, Record, RecordId, RecordKey, RecordKind, Result, Secret,
        Source, StageMove,
    },
    dermpro::{self, Dermpro},
    nextech::Nextech,
    patientnow::PatientNow,
    zenoti::{self, Zenoti},
};
use cannula_examples::{aesthetix_at, dermpro_at, nextech_at, referral_sources};
use cannula_sandbox::{
    NewContact,
    practice::{LOCATIONS, PRACTITIONERS, Product, REFERRAL_SOURCES},
};
use chrono::NaiveDate;

use super::{
    Answer,
    bench::{self, Bench, clock, opening},
};
use crate::{patientnow_config, zenoti_config, zenoti_password};

/// More pages than this are not asked for.
const PAGES: usize = 3;
const TAG: &str = "nxt create";

/// A connector, as whatever it is.
#[derive(Default)]
struct Connected {
    source: Option<Arc<dyn Source>>,
    registry: Option<Arc<dyn PatientRegistry>>,
    ledger: Option<Arc<dyn PaymentLedger>>,
    sink: Option<Arc<dyn CrmSink>>,
    directory: Option<Arc<dyn ContactDirectory>>,
    sent: Option<Sent>,
}

type Sent = Box<dyn Fn() -> BTreeMap<&'static str, u64>>;

/// A connector in its first state, and records that the sandbox has.
type Connect = fn(&Bench) -> Connected;

/// One thing to ask.
#[derive(Clone, Copy, Debug)]
enum Call {
    Check,
    Poll(usize),
    PollAll,
    Get(RecordKind),
    Lists,
    Search,
    ByChart,
    Create,
    Options,
    Between,
    OfPatient,
    Post,
    Deliver(usize),
    Settle(usize),
    Find,
    Contact,
    CreateContact,
}

/// Records of the sandbox, so that what is answered can be what was asked for.
#[derive(Clone, Debug, Default)]
struct Known {
    records: BTreeMap<RecordKind, RecordId>,
    contact: String,
}

pub(super) fn nextech_select(data: &[u8]) {
    ask(select, data);
}

pub(super) fn nextech_plus(data: &[u8]) {
    ask(plus, data);
}

pub(super) fn patientnow(data: &[u8]) {
    ask(patientnow_client, data);
}

pub(super) fn zenoti(data: &[u8]) {
    ask(zenoti_client, data);
}

pub(super) fn dermpro(data: &[u8]) {
    ask(dermpro_client, data);
}

pub(super) fn aesthetix(data: &[u8]) {
    ask(aesthetix_client, data);
}

pub(super) fn seeds_select() -> Vec<Vec<u8>> {
    seeds(select)
}

pub(super) fn seeds_plus() -> Vec<Vec<u8>> {
    seeds(plus)
}

pub(super) fn seeds_patientnow() -> Vec<Vec<u8>> {
    seeds(patientnow_client)
}

pub(super) fn seeds_zenoti() -> Vec<Vec<u8>> {
    seeds(zenoti_client)
}

pub(super) fn seeds_dermpro() -> Vec<Vec<u8>> {
    seeds(dermpro_client)
}

pub(super) fn seeds_aesthetix() -> Vec<Vec<u8>> {
    seeds(aesthetix_client)
}

/// Asks what the first byte says and gives the answers that follow.
fn ask(connect: Connect, data: &[u8]) {
    let Some((call, answers)) = data.split_first() else { return };
    bench::with(|bench| {
        let connected = connect(bench);
        let calls = connected.calls();
        let call = calls[usize::from(call.wrapping_sub(b'a')) % calls.len()];
        let known = known(bench, connect);
        let (outcome, arrived) =
            bench.told(Answer::all(answers), async { connected.ask(call, &known, bench).await });
        connected.hold(arrived, outcome.as_ref().err());
    });
}

/// What the sandbox answers to everything.
fn seeds(connect: Connect) -> Vec<Vec<u8>> {
    bench::with(|bench| {
        let known = known(bench, connect);
        let calls = connect(bench).calls().into_iter().zip(b'a'..);
        let seed = |(call, letter): (Call, u8)| {
            let connected = connect(bench);
            let (_, answers) =
                bench.heard(async { connected.ask(call, &known, bench).await.map(drop) });
            let mut seed = vec![letter];
            seed.extend(Answer::text(&answers));
            seed
        };
        calls.map(seed).collect()
    })
}

thread_local! {
    static KNOWN: std::cell::RefCell<BTreeMap<usize, Known>> = const {
        std::cell::RefCell::new(BTreeMap::new())
    };
}

/// What the sandbox has, found by polling it once.
fn known(bench: &Bench, connect: Connect) -> Known {
    let vendor = connect as usize;
    let found = KNOWN.with_borrow(|known| known.get(&vendor).cloned());
    found.unwrap_or_else(|| {
        let connected = connect(bench);
        let mut known = Known::default();
        if let Some(sink) = &connected.sink {
            assert_eq!(sink.name(), "aesthetix");
            known.contact = bench.sandbox.crm_state().add_contact(lead());
        }
        if let Some(source) = &connected.source {
            for feed in &source.info().feeds {
                let (event, _) = bench.heard(first_event(source.as_ref(), feed));
                let key = event.map(|event| event.key).or_else(|| told_of(bench, feed));
                if let Some(key) = key {
                    known.records.insert(feed.kind, key.id);
                }
            }
        }
        KNOWN.with_borrow_mut(|all| all.insert(vendor, known.clone()));
        known
    })
}

fn lead() -> NewContact {
    NewContact {
        first_name: "Ida".to_owned(),
        last_name: "Law".to_owned(),
        email: Some("ida@example.test".to_owned()),
        phone: Some("+16465550100".to_owned()),
        tags: vec![TAG.to_owned()],
        ..NewContact::default()
    }
}

/// A record that webhooks tell of and no listing has.
fn told_of(bench: &Bench, feed: &Feed) -> Option<RecordKey> {
    let practice = bench.sandbox.practice();
    let histories = [practice.patientnow_history(), practice.zenoti_history()];
    let mut events = histories.into_iter().flatten().map(|(_, event)| event);
    let is_one = |event: &Event| event.key.practice == feed.practice && event.key.kind == feed.kind;
    let Event { mut key, record, .. } = events.find(is_one)?;
    // Zenoti's are found by whose they are.
    if let Record::Membership(membership) = record
        && feed.practice.as_str() == bench.access.zenoti.center_id
    {
        key.id = RecordId::new(format!("{};guest={}", key.id, membership.patient));
    }
    Some(key)
}

/// The first event of a feed.
async fn first_event(source: &dyn Source, feed: &Feed) -> Option<Event> {
    let mut cursor = None;
    for _ in 0..PAGES {
        let page = source.poll(feed, cursor.as_ref()).await.ok()?;
        if let Some(event) = page.events.into_iter().next() {
            return Some(event);
        }
        cursor = Some(page.next);
    }
    None
}

impl Connected {
    fn calls(&self) -> Vec<Call> {
        let mut calls = vec![Call::Check];
        if let Some(source) = &self.source {
            let feeds = &source.info().feeds;
            calls.extend((0..feeds.len()).map(Call::Poll));
            calls.push(Call::PollAll);
            let kinds = feeds.iter().map(|feed| match feed.kind {
                RecordKind::TaggedContact => RecordKind::Contact,
                kind => kind,
            });
            calls.extend(kinds.map(Call::Get));
        }
        if self.registry.is_some() {
            calls.extend([Call::Lists, Call::Search, Call::ByChart, Call::Create]);
        }
        if self.ledger.is_some() {
            calls.extend([Call::Options, Call::Between, Call::OfPatient, Call::Post]);
        }
        if self.sink.is_some() {
            let effects = 0..effects().len();
            calls.extend(effects.flat_map(|it| [Call::Deliver(it), Call::Settle(it)]));
        }
        if self.directory.is_some() {
            calls.extend([Call::Find, Call::Contact, Call::CreateContact]);
        }
        calls
    }

    async fn ask(&self, call: Call, known: &Known, bench: &Bench) -> Result<()> {
        match call {
            Call::Check => match (&self.source, &self.sink) {
                (Some(source), _) => source.check().await?,
                (None, Some(sink)) => sink.check().await?,
                (None, None) => {}
            },
            Call::Poll(feed) => {
                if let Some(source) = &self.source {
                    sweep(source.as_ref(), feed, None, bench).await?;
                }
            }
            Call::PollAll => {
                if let Some(source) = &self.source {
                    for feed in 0..source.info().feeds.len() {
                        sweep(source.as_ref(), feed, None, bench).await?;
                    }
                }
            }
            Call::Get(kind) => {
                if let Some(source) = &self.source {
                    let known = match kind {
                        RecordKind::Contact => Some(RecordId::new(&known.contact)),
                        kind => known.records.get(&kind).cloned(),
                    };
                    let id = known.unwrap_or(RecordId::new("1"));
                    let practice = source.info().feeds[0].practice.clone();
                    let key = RecordKey { practice, kind, id };
                    if let Some(event) = source.get(&key).await? {
                        survives(&event);
                    }
                }
            }
            Call::Lists | Call::Search | Call::ByChart | Call::Create => {
                if let Some(registry) = &self.registry {
                    register(registry.as_ref(), call).await?;
                }
            }
            Call::Options | Call::Between | Call::OfPatient | Call::Post => {
                if let Some(ledger) = &self.ledger {
                    book(ledger.as_ref(), call, known).await?;
                }
            }
            Call::Deliver(index) | Call::Settle(index) => {
                if let Some(sink) = &self.sink {
                    sink.prepare(&needs()).await?;
                    let links = CrmLinks {
                        contact: Some(ContactId::new(&known.contact)),
                        opportunities: [("Lead 2 Patient".to_owned(), OpportunityId::new("o1"))]
                            .into(),
                    };
                    let links = if index == 0 { CrmLinks::default() } else { links };
                    let effect = &effects()[index];
                    let key = IdempotencyKey::new("key");
                    if matches!(call, Call::Deliver(_)) {
                        sink.deliver(effect, &links, &key).await?;
                    } else {
                        sink.settle(effect, &links, &key).await?;
                    }
                }
            }
            Call::Find | Call::Contact | Call::CreateContact => {
                if let Some(directory) = &self.directory {
                    look_up(directory.as_ref(), call, known).await?;
                }
            }
        }
        Ok(())
    }

    /// What holds whatever was answered: every request that was sent went to the vendor.
    fn hold(&self, arrived: usize, error: Option<&Error>) {
        // A request that has no form is counted and not sent.
        let unsent = error.map(ToString::to_string).is_some_and(|error| {
            error.contains("cannot be sent") || error.contains("has a dot segment")
        });
        let sent: u64 = self.sent.as_ref().unwrap()().values().sum();
        assert!(sent == arrived as u64 || unsent, "{sent} were sent, {arrived} arrived: {error:?}");
    }
}

/// Reads a feed to its end, or for some pages.
async fn sweep(
    source: &dyn Source,
    feed: usize,
    mut cursor: Option<Cursor>,
    bench: &Bench,
) -> Result<()> {
    let feed = &source.info().feeds[feed];
    for _ in 0..PAGES {
        let Page { events, rejected, next, last } = source.poll(feed, cursor.as_ref()).await?;
        events.iter().for_each(survives);
        for row in &rejected {
            assert!(!row.problem.is_empty(), "a row is rejected for nothing");
        }
        stays_home(&next, bench);
        if last {
            break;
        }
        cursor = Some(next);
    }
    Ok(())
}

/// An event is stored as JSON, and is the same when it is read again.
pub(super) fn survives(event: &Event) {
    let json = serde_json::to_string(event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), *event, "{json}");
}

/// Links that are kept lead to the vendor.
fn stays_home(cursor: &Cursor, bench: &Bench) {
    for (at, _) in cursor.as_str().match_indices("://") {
        let start = cursor.as_str()[..at].rfind('"').map_or(0, |quote| quote + 1);
        let link = &cursor.as_str()[start..];
        // A link may be in another's query.
        assert!(bench.is_home(link), "a link leads away: {}", cursor.as_str());
    }
}

fn person() -> Person {
    Person {
        first_name: Phi::new("Ida".to_owned()),
        last_name: Phi::new("Law".to_owned()),
        email: Some(Phi::new("ida@example.test".to_owned())),
        phone: Some(Phi::new("+16465550100".to_owned())),
        birth_date: Some(Phi::new(day())),
    }
}

fn day() -> NaiveDate {
    opening().date_naive()
}

fn new_patient() -> NewPatient {
    let text = |text: &str| Some(Phi::new(text.to_owned()));
    let named = |id: u32, name: &str| Named { id: Some(id.to_string()), name: name.to_owned() };
    NewPatient {
        name: PersonName { given: "Ida".to_owned().into(), family: "Law".to_owned().into() },
        email: Phi::new("ida@example.test".to_owned()),
        phone: Phi::new("+16465550100".to_owned()),
        birth_date: Phi::new(NaiveDate::from_ymd_opt(1975, 3, 4).unwrap()),
        gender: text("female"),
        street: text("12 Quay Street"),
        city: text("Newport"),
        state: text("RI"),
        postal_code: text("02840"),
        location: Some(named(LOCATIONS[0].id, LOCATIONS[0].name)),
        referral_source: Some(named(REFERRAL_SOURCES[0].id, REFERRAL_SOURCES[0].name)),
        general_practitioner: Some(named(
            PRACTITIONERS[0].id,
            &PRACTITIONERS[0].display(Product::Select),
        )),
    }
}

async fn register(registry: &dyn PatientRegistry, call: Call) -> Result<()> {
    match call {
        Call::Lists => registry.lists().await.map(drop),
        Call::Search => registry.search(&person()).await.map(drop),
        Call::ByChart => registry.by_chart("1001").await.map(drop),
        _ => registry.create(&new_patient()).await.map(drop),
    }
}

async fn book(ledger: &dyn PaymentLedger, call: Call, known: &Known) -> Result<()> {
    let patient = known.records.get(&RecordKind::Patient);
    let patient = PatientId::new(patient.map_or("1", |id| id.as_str()));
    match call {
        Call::Options => ledger.options().await.map(drop),
        Call::Between => ledger.between(day(), day() + chrono::Days::new(20)).await.map(drop),
        Call::OfPatient => ledger.of_patient(&patient).await.map(drop),
        _ => {
            let terms = PaymentTerms {
                method: "Cash".to_owned(),
                category: Some("DermPRO Store".to_owned()),
                card_type: None,
                location: Named {
                    id: Some(LOCATIONS[0].id.to_string()),
                    name: LOCATIONS[0].name.to_owned(),
                },
                practitioner: Named {
                    id: Some(PRACTITIONERS[0].id.to_string()),
                    name: PRACTITIONERS[0].display(Product::Select),
                },
            };
            let amount = Money::from_minor(12_000, ledger.info().currency);
            let description = Phi::new("DP#000004101".to_owned());
            ledger.post(&NewPayment { patient, amount, date: day(), description, terms }).await
        }
    }
}

fn needs() -> CrmNeeds {
    let stage = |name: &str| (format!("stages.{name}"), name.to_owned());
    let pipeline = PipelineSpec {
        name: "Lead 2 Patient".to_owned(),
        config_key: "pipeline".to_owned(),
        stages: vec![stage("Booked"), stage("Patient")],
    };
    let field = FieldSpec {
        name: "Card".to_owned(),
        kind: FieldKind::Text,
        config_key: "fields.card".to_owned(),
    };
    CrmNeeds { fields: vec![field], pipelines: vec![pipeline] }
}

/// One of each.
fn effects() -> [CrmEffect; 6] {
    let pipeline = "Lead 2 Patient".to_owned();
    let tags = vec![TAG.to_owned()];
    let card = FieldValue::Text(Phi::new("Gold".to_owned()));
    [
        CrmEffect::Contact(ContactWrite {
            person: person(),
            write_person: true,
            fields: [("Card".to_owned(), card)].into(),
        }),
        CrmEffect::AddTags { tags: tags.clone() },
        CrmEffect::RemoveTags { tags },
        CrmEffect::Note(Note {
            body: Phi::new("Booked (ref 1)".to_owned()),
            reference: "ref 1".to_owned(),
        }),
        CrmEffect::Stage(StageMove {
            pipeline: pipeline.clone(),
            stage: "Booked".to_owned(),
            status: OpportunityStatus::Open,
            title: Phi::new("Ida Law".to_owned()),
            create: true,
        }),
        CrmEffect::Value(OpportunityValue {
            pipeline,
            value: Phi::new(Money::from_minor(12_000, cannula::core::Currency::USD)),
        }),
    ]
}

async fn look_up(directory: &dyn ContactDirectory, call: Call, known: &Known) -> Result<()> {
    match call {
        Call::Find => {
            let mut after = None;
            for _ in 0..PAGES {
                let text = Phi::new("ida".to_owned());
                let page = directory.search(&DirectorySearch { text, limit: 5, after }).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            Ok(())
        }
        Call::Contact => directory.get(&ContactId::new(&known.contact)).await.map(drop),
        _ => directory.create(&person()).await.map(drop),
    }
}

fn nextech_client(bench: &Bench, product: Product) -> Connected {
    let mut config = nextech_at(&bench.access, product, opening()).unwrap();
    config.page_size = 3;
    config.new_patients.referral_sources = referral_sources();
    let nextech = Arc::new(Nextech::new(config, clock()).unwrap());
    Connected {
        source: Some(nextech.clone()),
        registry: Some(nextech.clone()),
        ledger: Some(nextech.clone()),
        sent: Some(Box::new(move || nextech.calls())),
        ..Connected::default()
    }
}

fn select(bench: &Bench) -> Connected {
    nextech_client(bench, Product::Select)
}

fn plus(bench: &Bench) -> Connected {
    nextech_client(bench, Product::PracticePlus)
}

fn patientnow_client(bench: &Bench) -> Connected {
    let mut config = patientnow_config(&bench.access, opening()).unwrap();
    config.rows = 3;
    let patientnow = Arc::new(PatientNow::new(config, clock()).unwrap());
    Connected {
        source: Some(patientnow.clone()),
        registry: Some(patientnow.clone()),
        sent: Some(Box::new(move || patientnow.calls())),
        ..Connected::default()
    }
}

fn zenoti_with(bench: &Bench, credentials: Option<zenoti::Credentials>) -> Connected {
    let mut config = zenoti_config(&bench.access).unwrap();
    config.credentials = credentials.unwrap_or(config.credentials);
    let zenoti = Arc::new(Zenoti::new(config, clock()).unwrap());
    Connected {
        source: Some(zenoti.clone()),
        registry: Some(zenoti.clone()),
        sent: Some(Box::new(move || zenoti.calls())),
        ..Connected::default()
    }
}

fn zenoti_client(bench: &Bench) -> Connected {
    zenoti_with(bench, None)
}

fn zenoti_user(bench: &Bench) -> Connected {
    zenoti_with(bench, Some(zenoti_password(&bench.access)))
}

fn dermpro_client(bench: &Bench) -> Connected {
    let mut config = dermpro_at(&bench.access, opening()).unwrap();
    let token = Secret::new(&bench.access.dermpro.access_token);
    config.credentials = dermpro::Credentials::Bearer(token);
    config.page_size = 2;
    let store = Arc::new(Dermpro::new(config, clock()).unwrap());
    Connected {
        source: Some(store.clone()),
        sent: Some(Box::new(move || store.calls())),
        ..Connected::default()
    }
}

fn aesthetix_with(bench: &Bench, credentials: Option<aesthetix::Credentials>) -> Connected {
    let mut config = aesthetix_at(&bench.access).unwrap();
    config.credentials = credentials.unwrap_or(config.credentials);
    let crm = Arc::new(Aesthetix::new(config, clock()).unwrap());
    Connected {
        source: Some(Arc::new(crm.tag_source(vec![TAG.to_owned()]))),
        sink: Some(crm.clone()),
        directory: Some(Arc::new(crm.directory())),
        sent: Some(Box::new(move || crm.calls())),
        ..Connected::default()
    }
}

fn aesthetix_client(bench: &Bench) -> Connected {
    aesthetix_with(bench, None)
}

fn aesthetix_app(bench: &Bench) -> Connected {
    let app = &bench.access.crm.oauth;
    let credentials = aesthetix::Credentials::OAuth(aesthetix::OAuth {
        client_id: app.client_id.clone(),
        client_secret: Secret::new(&app.client_secret),
        refresh_token: Secret::new(&app.refresh_token),
        store: Arc::new(MemoryTokenStore::default()),
    });
    aesthetix_with(bench, Some(credentials))
}

/// Those that sign in.
const SIGN_IN: [Connect; 4] = [select, plus, zenoti_user, aesthetix_app];

/// Signs in twice, with any answer: the second time with what the first brought, a day later.
pub(super) fn tokens(data: &[u8]) {
    let Some((vendor, answers)) = data.split_first() else { return };
    let connect = SIGN_IN[usize::from(vendor.wrapping_sub(b'a')) % SIGN_IN.len()];
    bench::with(|bench| {
        let connected = connect(bench);
        let (outcome, arrived) = bench.told(Answer::all(answers), async {
            let first = connected.ask(Call::Check, &Known::default(), bench).await;
            let second = connected.ask(Call::Check, &Known::default(), bench).await;
            first.and(second)
        });
        connected.hold(arrived, outcome.as_ref().err());
    });
}

pub(super) fn seeds_tokens() -> Vec<Vec<u8>> {
    bench::with(|bench| {
        let seed = |(connect, letter): (&Connect, u8)| {
            let connected = connect(bench);
            let (_, answers) = bench.heard(connected.ask(Call::Check, &Known::default(), bench));
            let refused = Answer { status: 401, ..Answer::default() };
            let again = answers.iter().chain([&refused]).chain(&answers).cloned();
            [vec![letter], Answer::text(&again.collect::<Vec<_>>())].concat()
        };
        SIGN_IN.iter().zip(b'a'..).map(seed).collect()
    })
}

/// Those with feeds.
const SOURCES: [Connect; 6] =
    [select, plus, patientnow_client, zenoti_client, dermpro_client, aesthetix_client];

/// Polls a feed, chosen by the first two bytes, from any cursor: the rest of the first line.
pub(super) fn cursors(data: &[u8]) {
    let &[vendor, feed, ref rest @ ..] = data else { return };
    let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let Ok(cursor) = std::str::from_utf8(&rest[..at]) else { return };
    let answers = rest.get(at + 1..).unwrap_or_default();
    bench::with(|bench| {
        let connect = SOURCES[usize::from(vendor.wrapping_sub(b'a')) % SOURCES.len()];
        let connected = connect(bench);
        let source = connected.source.as_ref().unwrap();
        let feed = usize::from(feed.wrapping_sub(b'a')) % source.info().feeds.len();
        let cursor = Cursor::new(bench.at_home(cursor));
        let (outcome, arrived) = bench.told(Answer::all(answers), async {
            sweep(source.as_ref(), feed, Some(cursor), bench).await
        });
        connected.hold(arrived, outcome.as_ref().err());
    });
}

/// The cursors of whole sweeps, each with the answer that follows.
pub(super) fn seeds_cursors() -> Vec<Vec<u8>> {
    bench::with(|bench| {
        let mut seeds = Vec::new();
        for (connect, vendor) in SOURCES.iter().zip(b'a'..) {
            let connected = connect(bench);
            let source = connected.source.as_ref().unwrap();
            for (feed, letter) in source.info().feeds.iter().zip(b'a'..) {
                let mut cursor = None;
                for _ in 0..3 {
                    let (page, answers) = bench.heard(source.poll(feed, cursor.as_ref()));
                    let Ok(page) = page else { break };
                    if let Some(cursor) = &cursor {
                        let text = bench.away(Cursor::as_str(cursor));
                        let head = [&[vendor, letter][..], text.as_bytes(), b"\n"].concat();
                        seeds.push([head, Answer::text(&answers)].concat());
                    }
                    cursor = Some(page.next);
                }
            }
        }
        seeds
    })
}
