//! Who takes part, and what happens to them.

use std::{sync::Arc, time::Duration};

use cannula::{
    core::{CrmSink, ErrorKind, OrderNumber, PatientChoice, PracticeId},
    sync::{Engine, PostingFlow},
};
use cannula_examples::{dermpro_at, nextech_at};
use cannula_sandbox::{Access, FaultRates, Vendor, practice::Product};
use cannula_tests::{Emr, Receiver, World, WorldConfig, patientnow_config};

use crate::{
    canary::Canaries,
    doors::Doors,
    office::Office,
    parts::{self, Carrier},
    people::{
        self, AMOUNT, BORN, CHART, CITY, EMAIL, FAMILY, GENDER, GIVEN, MISTYPED, NOTE, PHONE,
        POSTCODE, STREET,
    },
    proxy::Proxy,
    said::Said,
    trouble::{OFTEN, Trouble},
};

/// What carries data from one vendor to another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// From the EMR to the CRM.
    Visits(Emr),
    /// From Zenoti to the CRM, both of which give tokens for credentials.
    VisitsWithTokens,
    /// From the CRM to the EMR, and on to the CRM.
    Intake(Emr),
    /// From the store to the ledger.
    Posting(Product),
    /// From the CRM to an application's own list, and back.
    PatientSearch,
}

impl Flow {
    const fn emr(self) -> Emr {
        match self {
            Self::Visits(emr) | Self::Intake(emr) => emr,
            Self::VisitsWithTokens => Emr::Zenoti,
            Self::Posting(product) => Emr::Nextech(product),
            // There is one, and nobody asks it.
            Self::PatientSearch => Emr::Nextech(Product::Select),
        }
    }
}

/// A person full of canaries, and the service that carries them.
#[derive(Debug)]
pub(crate) struct Scene {
    flow: Flow,
    trouble: Trouble,
    world: World,
    doors: Doors,
    parts: Vec<Box<dyn Carrier>>,
    /// Where staff decide about orders.
    orders: Option<Arc<Engine<PostingFlow>>>,
    webhooks: Vec<Webhooks>,
    proxy: Option<(Arc<Proxy>, Receiver)>,
}

/// A receiver, and what stands before it and hears what vendors tell it.
#[derive(Debug)]
struct Webhooks {
    receiver: Receiver,
    proxy: Arc<Proxy>,
    before: Receiver,
}

impl Webhooks {
    async fn heard(receiver: Receiver) -> Self {
        let (proxy, before) = Proxy::before(&receiver.origin(), Trouble::Nothing, FAMILY).await;
        Self { receiver, proxy, before }
    }
}

impl Scene {
    pub(crate) async fn open(flow: Flow, trouble: Trouble) -> Self {
        let emr = flow.emr();
        let mut config = WorldConfig::empty(emr);
        // One product's ledger takes refunds, and with the other they are left to staff.
        config.quirks.negative_payments = matches!(emr, Emr::Nextech(Product::Select));
        let world = World::start(config).await.unwrap();
        let mut access = world.sandbox.access().clone();
        // The TLS library of the first client is everybody's.
        drop(world.sink().unwrap());
        let mut proxy = None;
        if matches!(trouble, Trouble::Nothing | Trouble::Echoes | Trouble::Mangles) {
            let (between, at) = Proxy::before(&access.origin, trouble, FAMILY).await;
            let here = at.url().trim_end_matches("/webhooks").to_owned();
            let text = serde_json::to_string(&access).unwrap().replace(&access.origin, &here);
            access = serde_json::from_str(&text).unwrap();
            proxy = Some((between, at));
        }
        if trouble == Trouble::Faults {
            for vendor in [emr.vendor(), Vendor::Crm, Vendor::DermPro] {
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
                &mut access.zenoti.password,
            ] {
                MISTYPED.clone_into(secret);
            }
        }
        if trouble == Trouble::OtherRefuses {
            MISTYPED.clone_into(&mut access.crm.private_token);
            MISTYPED.clone_into(&mut access.crm.oauth.refresh_token);
            MISTYPED.clone_into(&mut access.dermpro.access_token_secret);
        }
        let doors = match flow {
            Flow::VisitsWithTokens => Doors::of_tokens(access),
            _ => Doors::of_keys(access),
        };
        let mut webhooks = Vec::new();
        let mut orders = None;
        let parts: Vec<Box<dyn Carrier>> = match flow {
            Flow::Posting(product) => {
                let posting = parts::posting(&world, &doors, product, trouble);
                orders = Some(Arc::clone(&posting.engine));
                vec![Box::new(posting)]
            }
            Flow::PatientSearch => vec![Box::new(Office::open(&world, &doors, trouble).await)],
            Flow::Visits(_) | Flow::VisitsWithTokens | Flow::Intake(_) => {
                let visits = parts::visits(&world, &doors, trouble);
                if !matches!(emr, Emr::Nextech(_)) {
                    let receiver = world.receive(&visits.engine).await.unwrap();
                    let heard = Webhooks::heard(receiver).await;
                    world.sandbox.subscribe(emr.vendor(), &heard.before.url()).unwrap();
                    webhooks.push(heard);
                }
                if matches!(flow, Flow::Intake(_)) {
                    let intake = parts::intake(&world, &doors, &visits, trouble);
                    let receiver = world.receive_tags(&intake.engine).await.unwrap();
                    let heard = Webhooks::heard(receiver).await;
                    world.sandbox.crm_state().subscribe(&heard.before.url()).unwrap();
                    webhooks.push(heard);
                    vec![Box::new(intake), Box::new(visits)]
                } else {
                    vec![Box::new(visits)]
                }
            }
        };
        Self { flow, trouble, world, doors, parts, orders, webhooks, proxy }
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
            ("postal code", POSTCODE),
            ("gender", GENDER),
            ("note", NOTE),
            ("mistyped credential", MISTYPED),
            ("Nextech access token", "sandbox-access."),
            ("Nextech refresh token", "sandbox-refresh."),
            ("Zenoti access token", "sandbox|zenoti-access."),
            ("Zenoti refresh token", "sandbox|zenoti-refresh."),
            ("CRM access token", "eyJhbGciOiJSUzI1NiJ9.eyJhIjoic2FuZGJveCJ9."),
            ("CRM refresh token", "eyJhbGciOiJSUzI1NiJ9.eyJyIjoic2FuZGJveCJ9."),
        ] {
            canaries.add(what, value);
        }
        canaries.add("chart number", &CHART.to_string());
        for amount in [AMOUNT, people::HALF] {
            canaries.add("amount", &amount.to_string());
        }
        for order in self.world.sandbox.store().books() {
            canaries.add("amount", &order.taken().minor().to_string());
        }
        let Access { nextech, patientnow, zenoti, crm, dermpro, .. } = self.world.sandbox.access();
        for (what, value) in [
            ("Select user", &nextech.select.username),
            ("Select password", &nextech.select.password),
            ("Practice+ secret", &nextech.practice_plus.client_secret),
            ("PatientNow key", &patientnow.api_key),
            ("PatientNow user", &patientnow.username),
            ("PatientNow password", &patientnow.password),
            ("PatientNow webhook secret", &patientnow.webhook_secret),
            ("Zenoti key", &zenoti.api_key),
            ("Zenoti user", &zenoti.user_name),
            ("Zenoti password", &zenoti.password),
            ("Zenoti app's secret", &zenoti.app_secret),
            ("Zenoti webhook secret", &zenoti.webhook_secret),
            ("CRM token", &crm.private_token),
            ("CRM app's secret", &crm.oauth.client_secret),
            ("CRM app's first refresh token", &crm.oauth.refresh_token),
            ("store's consumer key", &dermpro.consumer_key),
            ("store's consumer secret", &dermpro.consumer_secret),
            ("store's access token", &dermpro.access_token),
            ("store's token secret", &dermpro.access_token_secret),
        ] {
            canaries.add(what, value);
        }
        canaries
    }

    /// Lets everything happen, and asks for everything there is to ask for.
    pub(crate) async fn play(&self, said: &mut Said) {
        match self.flow {
            Flow::Visits(_) | Flow::VisitsWithTokens => people::practice(&self.world),
            Flow::Intake(_) => people::staff(&self.world),
            Flow::Posting(_) => people::store(&self.world),
            Flow::PatientSearch => people::directory(&self.world),
        }
        for round in 0..16 {
            if round == 12 {
                self.relieve().await;
            }
            // Tokens that live for a day come to their end.
            let hours = if matches!(self.flow, Flow::VisitsWithTokens) { 2 } else { 1 };
            self.world.pass(Duration::from_secs(hours * 3_600));
            self.world.sandbox.deliver_webhooks().await;
            for part in &self.parts {
                part.work(said).await;
            }
            if round == 4 {
                self.forge().await;
                people::money_goes_back(&self.world);
            }
            if let (Some(orders), 7 | 13) = (&self.orders, round) {
                self.decide(orders, said).await;
            }
            if matches!((self.flow, round), (Flow::PatientSearch, 4 | 13)) {
                people::directory_changes(&self.world);
            }
        }
        for part in &self.parts {
            part.ask(said).await;
        }
        self.spoil_tokens(said).await;
        let access = &self.doors.access;
        if let Emr::Nextech(product) = self.flow.emr() {
            said.value(&nextech_at(access, product, self.world.config.practice.start));
        }
        said.value(&patientnow_config(access, self.world.config.practice.start));
        said.value(&self.doors.zenoti());
        said.value(&self.doors.crm());
        said.value(&dermpro_at(access, self.world.config.practice.start));
    }

    /// Staff say whose the orders are, one of which nobody knows.
    async fn decide(&self, orders: &Arc<Engine<PostingFlow>>, said: &mut Said) {
        let practice = PracticeId::new("store");
        let zoella = self.world.sandbox.practice().patient_ids()[0].clone();
        let books = self.world.sandbox.store().books();
        let [_, like, stranger] = &*books else { panic!("there are three") };
        for (order, choice) in
            [(&like.number, PatientChoice::New), (&stranger.number, PatientChoice::Patient(zoella))]
        {
            said.value(&choice);
            let (orders, practice, order) = (Arc::clone(orders), practice.clone(), order.clone());
            let now = self.world.now();
            said.run(async move { orders.resolve(&practice, &order, choice, true, now).await })
                .await;
        }
        let (order, choice) = (OrderNumber::new("000000000"), PatientChoice::New);
        said.mistake(orders.resolve(&practice, &order, choice, true, self.world.now()).await);
    }

    /// Somebody edits the token file, and what is left of it is no such file.
    async fn spoil_tokens(&self, said: &mut Said) {
        let Some(file) = self.doors.token_file() else { return };
        let secret = &self.doors.access.crm.oauth.client_secret;
        let tokens = std::fs::read(&file).unwrap_or_default();
        let edited = format!("{{\"access_token\":[\"{secret}\"],\"{secret}\":\"{secret}\"}}");
        std::fs::write(&file, edited).unwrap();
        said.mistake(parts::crm(&self.world, &self.doors).check().await);
        std::fs::write(&file, tokens).unwrap();
    }

    /// Which canaries passed where, as lines.
    pub(crate) fn passed(&self, canaries: &Canaries) -> String {
        let file = self.doors.token_file().map(|file| std::fs::read_to_string(file).unwrap());
        let vendors = self.proxy.iter().map(|(proxy, _)| proxy.passed()).collect::<String>();
        let webhooks = self.webhooks.iter().map(|it| it.proxy.passed()).collect::<String>();
        let mut lines = Vec::new();
        for (place, text) in [
            ("vendors", &*vendors),
            ("webhooks", &*webhooks),
            ("token file", &*file.unwrap_or_default()),
        ] {
            lines.extend(canaries.kinds_in(text).iter().map(|kind| format!("{place}: {kind}")));
        }
        lines.join("\n")
    }

    /// What is to happen has happened: a scene in which nothing does lets nothing out either.
    pub(crate) fn assert_played(&self, said: &Said) {
        let (errors, drained) = (said.errors(), said.drained());
        match self.trouble {
            Trouble::Nothing => {
                assert_eq!(errors, []);
                assert!(drained >= 1, "{drained}");
                let crm = format!("{:?}", self.world.sandbox.crm());
                let ledger = self.world.sandbox.practice().payment_ids();
                assert!(crm.contains("quagga") || !ledger.is_empty(), "nothing got anywhere");
                self.assert_all_was_done(said);
                if matches!(self.flow, Flow::PatientSearch) {
                    for action in ["Added", "Created", "Linked", "Updated", "Pushed", "Broken"] {
                        assert!(said.text().contains(&format!("action: {action}")), "{action}");
                    }
                }
            }
            // Through all of it, some of what is personal got where it belongs.
            Trouble::Faults | Trouble::Echoes | Trouble::Mangles => {
                assert!(drained > 0 && said.refused() > 0, "{drained} {errors:?}");
            }
            Trouble::EmrRefuses | Trouble::OtherRefuses => {
                // A gateway forbids what a vendor would not recognise.
                let refused = |it: &ErrorKind| matches!(it, ErrorKind::Auth | ErrorKind::Forbidden);
                assert!(errors.iter().any(refused), "{errors:?}");
            }
            Trouble::Panics => assert!(said.panics() > 0),
        }
    }

    /// What only some flows have was there.
    fn assert_all_was_done(&self, said: &Said) {
        let (sandbox, practice) = (&self.world.sandbox, self.world.sandbox.practice());
        match self.flow {
            Flow::Intake(_) => {
                let log = sandbox.crm_state().webhook_log();
                let mut tagged = log.iter().filter(|it| it.event == "ContactTagUpdate");
                assert!(tagged.any(|it| it.answers.contains(&Some(200))), "no tag was taken");
            }
            Flow::VisitsWithTokens => {
                for (vendor, path) in
                    [(Vendor::Crm, "/oauth/token"), (Vendor::Zenoti, "/v1/tokens")]
                {
                    let calls = sandbox.calls(vendor);
                    let tokens = calls.iter().filter(|(call, _)| call.ends_with(path));
                    assert!(tokens.map(|(_, count)| count).sum::<u64>() > 1, "{calls:?}");
                }
            }
            Flow::Posting(product) => {
                let rows: Vec<_> = practice.payment_ids();
                let rows = rows.iter().filter_map(|id| practice.payment(id));
                let (back, paid): (Vec<_>, Vec<_>) = rows.partition(|row| row.amount.is_negative());
                assert_eq!(paid.len(), 3, "whose an order is was decided");
                match product {
                    Product::Select => assert_eq!(back.len(), 3, "refunds were posted"),
                    Product::PracticePlus => assert!(said.text().contains("credit memo")),
                }
            }
            Flow::Visits(_) | Flow::PatientSearch => {}
        }
    }

    /// What vendors do wrong by chance comes to an end, so that something gets through.
    async fn relieve(&self) {
        for vendor in [self.flow.emr().vendor(), Vendor::Crm, Vendor::DermPro] {
            self.world.sandbox.faults(vendor).set_rates(FaultRates::default());
        }
        if let Some((proxy, _)) = &self.proxy {
            proxy.is_over();
        }
        for part in &self.parts {
            part.again().await;
        }
    }

    /// Somebody sends what no vendor signed.
    async fn forge(&self) {
        let body = serde_json::to_string(&people::person(CHART).emails[0].address).unwrap();
        let body =
            format!("{{\"email\":{body},\"name\":\"{GIVEN} {FAMILY}\",\"phone\":\"{PHONE}\"}}");
        for (webhooks, body) in self
            .webhooks
            .iter()
            .flat_map(|it| [(it, body.clone()), (it, format!("{GIVEN} {FAMILY}"))])
        {
            let sent = reqwest::Client::new()
                .post(format!("{}?email={EMAIL}", webhooks.receiver.url()))
                .header("zenoti-webhook-signature", FAMILY.replace('’', "'"))
                .header(&self.doors.access.patientnow.webhook_header, STREET)
                .header("X-GHL-Signature", CITY)
                .body(body);
            assert!(!sent.send().await.unwrap().status().is_success());
        }
    }
}
