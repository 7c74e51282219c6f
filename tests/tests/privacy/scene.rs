//! Who takes part, and what happens to them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula::{
    aesthetix::Aesthetix,
    core::{
        Clock, CrmSink, EmrSource, ErrorKind, NewPatient, Patient, PatientId, PatientRegistry,
        Person, PickLists, RegistryInfo, Result,
    },
    nextech::Nextech,
    patientnow::PatientNow,
    rules::intake::IntakeConfig,
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, Store},
    zenoti::Zenoti,
};
use cannula_examples::{aesthetix_at, intake_engine, lead, nextech_at, referral_sources};
use cannula_sandbox::{
    Access, NewContact, Vendor,
    practice::{Address, AppointmentState, PatientState, PaymentState, Product, Spoil},
};
use cannula_tests::{Emr, Receiver, World, WorldConfig, patientnow_config, zenoti_config};

use crate::{
    canary::Canaries,
    proxy,
    said::Said,
    trouble::{Buggy, OFTEN, Trouble},
};

const GIVEN: &str = "Zoëlla-Marit";
const FAMILY: &str = "O’Quillwren";
const EMAIL: &str = "quagga+bloom@example.test";
const PHONE: &str = "(646) 555-7391";
const BORN: &str = "1961-07-23";
const STREET: &str = "77 Marmalade Lantern Row";
const CITY: &str = "Port Vexleyhaven";
const CHART: u32 = 748_291_635;
const NOTE: &str = "Owes us for the xylophone lesson";
const MISTYPED: &str = "mistyped-credential-7f3a";

/// What carries data from one vendor to another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// From the EMR to the CRM.
    Visits(Emr),
    /// From the CRM to the EMR, and on to the CRM.
    Intake(Emr),
}

impl Flow {
    const fn emr(self) -> Emr {
        match self {
            Self::Visits(emr) | Self::Intake(emr) => emr,
        }
    }
}

/// A person full of canaries, and the service that carries them.
#[derive(Debug)]
pub(crate) struct Scene {
    flow: Flow,
    trouble: Trouble,
    world: World,
    access: Access,
    visits: Part<CrmFlow>,
    intake: Option<Part<IntakeFlow>>,
    webhooks: Option<Receiver>,
    _proxy: Option<Receiver>,
}

#[derive(Debug)]
struct Part<F: cannula::sync::Flow> {
    engine: Arc<Engine<F>>,
    store: Arc<dyn Store>,
}

impl Scene {
    pub(crate) async fn open(flow: Flow, trouble: Trouble) -> Self {
        let emr = flow.emr();
        let world = World::start(WorldConfig::empty(emr)).await.unwrap();
        let mut access = world.sandbox.access().clone();
        // The TLS library of the first client is everybody's.
        drop(world.sink().unwrap());
        let mut proxy = None;
        if matches!(trouble, Trouble::Echoes | Trouble::Mangles) {
            let before = proxy::before(&access.origin, trouble, FAMILY).await;
            let here = before.url().trim_end_matches("/webhooks").to_owned();
            let text = serde_json::to_string(&access).unwrap().replace(&access.origin, &here);
            access = serde_json::from_str(&text).unwrap();
            proxy = Some(before);
        }
        if trouble == Trouble::Faults {
            for vendor in [emr.vendor(), Vendor::Crm] {
                world.sandbox.faults(vendor).set_rates(OFTEN);
            }
        }
        if trouble == Trouble::EmrRefuses {
            for secret in [
                &mut access.nextech.select.password,
                &mut access.nextech.practice_plus.client_secret,
                &mut access.patientnow.password,
                &mut access.patientnow.api_key,
                &mut access.zenoti.api_key,
            ] {
                MISTYPED.clone_into(secret);
            }
        }
        if trouble == Trouble::CrmRefuses {
            MISTYPED.clone_into(&mut access.crm.private_token);
        }
        let visits = visits(&world, &access, trouble);
        let sends = !matches!(emr, Emr::Nextech(_));
        let webhooks =
            if sends { Some(world.receive(&visits.engine).await.unwrap()) } else { None };
        let intake =
            matches!(flow, Flow::Intake(_)).then(|| intake(&world, &access, &visits, trouble));
        Self { flow, trouble, world, access, visits, intake, webhooks, _proxy: proxy }
    }

    /// Everything personal and secret in the scene.
    pub(crate) fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::default();
        for (what, value) in [
            ("given name", GIVEN),
            ("family name", FAMILY),
            ("e-mail", EMAIL),
            ("phone", PHONE),
            ("birth date", BORN),
            ("birth date", "07/23/1961"),
            ("birth date", "July 23, 1961"),
            ("street", STREET),
            ("city", CITY),
            ("payment's note", NOTE),
            ("mistyped credential", MISTYPED),
            ("access token", "sandbox-access."),
            ("refresh token", "sandbox-refresh."),
        ] {
            canaries.add(what, value);
        }
        canaries.add("chart number", &CHART.to_string());
        let Access { nextech, patientnow, zenoti, crm, .. } = self.world.sandbox.access();
        for (what, value) in [
            ("Select password", &nextech.select.password),
            ("Practice+ secret", &nextech.practice_plus.client_secret),
            ("PatientNow key", &patientnow.api_key),
            ("PatientNow password", &patientnow.password),
            ("PatientNow webhook secret", &patientnow.webhook_secret),
            ("Zenoti key", &zenoti.api_key),
            ("Zenoti webhook secret", &zenoti.webhook_secret),
            ("CRM token", &crm.private_token),
        ] {
            canaries.add(what, value);
        }
        canaries
    }

    /// Lets everything happen, and asks for everything there is to ask for.
    pub(crate) async fn play(&self, said: &mut Said) {
        match self.flow {
            Flow::Visits(_) => self.practice(),
            Flow::Intake(_) => self.staff(),
        }
        for round in 0..14 {
            self.world.pass(Duration::from_secs(3_600));
            self.world.sandbox.deliver_webhooks().await;
            if let Some(intake) = &self.intake {
                said.work(&intake.engine).await;
            }
            said.work(&self.visits.engine).await;
            if round == 4 {
                self.forge().await;
            }
        }
        said.ask(&self.visits.engine, &*self.visits.store).await;
        if let Some(intake) = &self.intake {
            said.ask(&intake.engine, &*intake.store).await;
        }
        if let Emr::Nextech(product) = self.flow.emr() {
            said.value(&nextech_at(&self.access, product, self.world.config.practice.start));
        }
        said.value(&patientnow_config(&self.access, self.world.config.practice.start));
        said.value(&zenoti_config(&self.access));
        said.value(&aesthetix_at(&self.access));
    }

    /// What is to happen has happened: a scene in which nothing does lets nothing out either.
    pub(crate) fn assert_played(&self, said: &Said) {
        let (errors, drained) = (said.errors(), said.drained());
        match self.trouble {
            Trouble::Nothing => {
                assert_eq!(errors, []);
                assert!(drained > 3, "{drained}");
                let seen = format!("{:?}", self.world.sandbox.crm());
                assert!(seen.contains("quagga"), "the CRM has not got the person");
            }
            // Through all of it, some of what is personal got where it belongs.
            Trouble::Faults | Trouble::Echoes | Trouble::Mangles => {
                assert!(drained > 0 && said.refused() > 0, "{drained} {errors:?}");
            }
            Trouble::EmrRefuses | Trouble::CrmRefuses => {
                // A gateway forbids what a vendor would not recognise.
                let refused = |it: &ErrorKind| matches!(it, ErrorKind::Auth | ErrorKind::Forbidden);
                assert!(errors.iter().any(refused), "{errors:?}");
            }
            Trouble::Panics => assert!(said.panics() > 0),
        }
    }

    /// The practice has the person, in every state, and rows that cannot be read.
    fn practice(&self) {
        let practice = self.world.sandbox.practice();
        let date = self.world.now().date_naive();
        let visit = |patient: &PatientId, kind: &str| {
            let start = (date + chrono::Days::new(20)).and_hms_opt(15, 0, 0).unwrap();
            practice.book(AppointmentState::new(patient, kind, start))
        };
        let zoella = practice.add_patient(person(CHART));
        let laser = visit(&zoella, "Laser Treatment");
        practice.update_appointment(&laser, |visit| {
            visit.status = cannula::core::AppointmentStatus::Confirmed
        });
        let payment = PaymentState {
            note: Some(NOTE.to_owned()),
            ..PaymentState::new(&zoella, 7_321_937, date)
        };
        practice.pay(payment);
        match self.flow.emr() {
            Emr::Nextech(_) => {}
            Emr::PatientNow => {
                let order = practice.open_order(&zoella, "Laser Treatment", 45_000);
                practice.close_order(&order);
            }
            Emr::Zenoti => drop(practice.zenoti_close_invoice(&laser, None)),
        }
        // Her twin has no contact of her own, and another has none of anything.
        let twin =
            practice.add_patient(PatientState { given: "Anna".to_owned(), ..person(CHART + 1) });
        visit(&twin, "Laser Treatment");
        let silent = PatientState { emails: Vec::new(), phones: Vec::new(), ..person(CHART + 2) };
        visit(&practice.add_patient(silent), "Laser Treatment");
        for (number, spoil) in
            [Spoil::NotADate, Spoil::NoId, Spoil::NotAnObject].into_iter().enumerate()
        {
            let patient = practice.add_patient(person(CHART + 3 + u32::try_from(number).unwrap()));
            let spoilt = visit(&patient, "Laser Treatment");
            practice.spoil_appointment(&spoilt, Some(spoil));
            practice.spoil_patient(&patient, Some(spoil));
        }
    }

    /// Staff tag the person's contact, one that is like it, and one that lacks everything.
    fn staff(&self) {
        let crm = self.world.sandbox.crm_state();
        let contact = contact(self.flow.emr());
        let like = NewContact { first_name: "Anna".to_owned(), email: None, ..contact.clone() };
        let bare = NewContact { phone: None, birth_date: None, email: None, ..contact.clone() };
        for contact in [contact, like, bare] {
            let id = crm.add_contact(contact);
            assert!(crm.tag(&id, &[self.flow.emr().create_tag()]));
        }
    }

    /// Somebody sends what no vendor signed.
    async fn forge(&self) {
        let Some(receiver) = &self.webhooks else { return };
        let body = serde_json::to_string(&person(CHART).emails[0].address).unwrap();
        let body =
            format!("{{\"email\":{body},\"name\":\"{GIVEN} {FAMILY}\",\"phone\":\"{PHONE}\"}}");
        for body in [body, format!("{GIVEN} {FAMILY}")] {
            let sent = reqwest::Client::new()
                .post(format!("{}?email={EMAIL}", receiver.url()))
                .header("zenoti-webhook-signature", FAMILY.replace('’', "'"))
                .header(&self.access.patientnow.webhook_header, STREET)
                .body(body);
            assert!(!sent.send().await.unwrap().status().is_success());
        }
    }
}

fn person(chart: u32) -> PatientState {
    let mut person = PatientState::new(GIVEN, FAMILY, 7_391);
    EMAIL.clone_into(&mut person.emails[0].address);
    PHONE.clone_into(&mut person.phones[0].number);
    person.birth_date = BORN.parse().unwrap();
    person.address = Address { line: STREET.to_owned(), city: CITY.to_owned(), ..person.address };
    person.chart = chart;
    person
}

fn contact(emr: Emr) -> NewContact {
    let product = match emr {
        Emr::Nextech(product) => product,
        Emr::PatientNow | Emr::Zenoti => Product::Select,
    };
    NewContact {
        email: Some(EMAIL.to_owned()),
        phone: Some("+16465557391".to_owned()),
        birth_date: BORN.parse().ok(),
        address1: Some(STREET.to_owned()),
        city: Some(CITY.to_owned()),
        gender: Some("female".to_owned()),
        ..lead(product, GIVEN, FAMILY, 7_391)
    }
}

fn visits(world: &World, access: &Access, trouble: Trouble) -> Part<CrmFlow> {
    let sink: Arc<dyn CrmSink> =
        if trouble == Trouble::Panics { Arc::new(Buggy) } else { crm(world, access) };
    let (source, _) = emr(world, access);
    let store = Arc::new(SqliteStore::in_memory("visits").unwrap());
    let engine = world.engine_of(source, world.rules(), sink, Arc::clone(&store) as _).unwrap();
    Part { engine: Arc::new(engine), store }
}

fn intake(
    world: &World,
    access: &Access,
    visits: &Part<CrmFlow>,
    trouble: Trouble,
) -> Part<IntakeFlow> {
    let (_, mut registry) = emr(world, access);
    if trouble == Trouble::Panics {
        registry = Arc::new(BuggyRegistry(registry));
    }
    let config = IntakeConfig::new(vec![world.config.emr.create_tag().to_owned()]);
    let store = Arc::new(SqliteStore::in_memory("intake").unwrap());
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let visits = Arc::clone(&visits.engine);
    let crm = crm(world, access);
    let engine = intake_engine(config, registry, crm, visits, Arc::clone(&store) as _, clock);
    Part { engine: Arc::new(engine), store }
}

fn crm(world: &World, access: &Access) -> Arc<Aesthetix> {
    let mut config = aesthetix_at(access).unwrap();
    config.quota = None;
    Arc::new(Aesthetix::new(config, Arc::clone(&world.clock) as _).unwrap())
}

fn emr(world: &World, access: &Access) -> (Arc<dyn EmrSource>, Arc<dyn PatientRegistry>) {
    let start = world.config.practice.start;
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    match world.config.emr {
        Emr::Nextech(product) => {
            let mut config = nextech_at(access, product, start).unwrap();
            config.requests_per_second = None;
            config.new_patients.referral_sources = referral_sources();
            let client = Arc::new(Nextech::new(config, clock).unwrap());
            (Arc::clone(&client) as _, client)
        }
        Emr::PatientNow => {
            let mut config = patientnow_config(access, start).unwrap();
            (config.daily_requests, config.requests_per_second) = (None, None);
            let client = Arc::new(PatientNow::new(config, clock).unwrap());
            (Arc::clone(&client) as _, client)
        }
        Emr::Zenoti => {
            let mut config = zenoti_config(access).unwrap();
            config.requests_per_minute = None;
            let client = Arc::new(Zenoti::new(config, clock).unwrap());
            (Arc::clone(&client) as _, client)
        }
    }
}

/// A registry with a bug.
#[derive(Debug)]
struct BuggyRegistry(Arc<dyn PatientRegistry>);

#[async_trait]
impl PatientRegistry for BuggyRegistry {
    fn info(&self) -> &RegistryInfo {
        self.0.info()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn lists(&self) -> Result<PickLists> {
        self.0.lists().await
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        self.0.search(person).await
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.0.by_chart(chart).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        tracing::error!(?patient, "this cannot be");
        panic!("impossible: {patient:?} {patient:#?}");
    }
}
