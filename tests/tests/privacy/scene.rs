//! Who takes part, and what happens to them.

use std::{sync::Arc, time::Duration};

use cannula::core::ErrorKind;
use cannula_examples::{aesthetix_at, dermpro_at, nextech_at};
use cannula_sandbox::{Access, FaultRates, Vendor, practice::Product};
use cannula_tests::{Emr, Receiver, World, WorldConfig, patientnow_config, zenoti_config};

use crate::{
    canary::Canaries,
    office::Office,
    parts::{self, Carrier},
    people::{self, BORN, CHART, CITY, EMAIL, FAMILY, GIVEN, MISTYPED, NOTE, PHONE, STREET},
    proxy::Proxy,
    said::Said,
    trouble::{OFTEN, Trouble},
};

/// What carries data from one vendor to another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// From the EMR to the CRM.
    Visits(Emr),
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
    access: Access,
    parts: Vec<Box<dyn Carrier>>,
    webhooks: Option<Receiver>,
    proxy: Option<(Arc<Proxy>, Receiver)>,
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
            ] {
                MISTYPED.clone_into(secret);
            }
        }
        if trouble == Trouble::OtherRefuses {
            MISTYPED.clone_into(&mut access.crm.private_token);
            MISTYPED.clone_into(&mut access.dermpro.access_token_secret);
        }
        let mut webhooks = None;
        let parts: Vec<Box<dyn Carrier>> = match flow {
            Flow::Posting(product) => {
                vec![Box::new(parts::posting(&world, &access, product, trouble))]
            }
            Flow::PatientSearch => vec![Box::new(Office::open(&world, &access, trouble).await)],
            Flow::Visits(_) | Flow::Intake(_) => {
                let visits = parts::visits(&world, &access, trouble);
                if !matches!(emr, Emr::Nextech(_)) {
                    webhooks = Some(world.receive(&visits.engine).await.unwrap());
                }
                if matches!(flow, Flow::Intake(_)) {
                    let intake = parts::intake(&world, &access, &visits, trouble);
                    vec![Box::new(intake), Box::new(visits)]
                } else {
                    vec![Box::new(visits)]
                }
            }
        };
        Self { flow, trouble, world, access, parts, webhooks, proxy }
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
            ("note", NOTE),
            ("mistyped credential", MISTYPED),
            ("access token", "sandbox-access."),
            ("refresh token", "sandbox-refresh."),
        ] {
            canaries.add(what, value);
        }
        canaries.add("chart number", &CHART.to_string());
        let Access { nextech, patientnow, zenoti, crm, dermpro, .. } = self.world.sandbox.access();
        for (what, value) in [
            ("Select password", &nextech.select.password),
            ("Practice+ secret", &nextech.practice_plus.client_secret),
            ("PatientNow key", &patientnow.api_key),
            ("PatientNow password", &patientnow.password),
            ("PatientNow webhook secret", &patientnow.webhook_secret),
            ("Zenoti key", &zenoti.api_key),
            ("Zenoti webhook secret", &zenoti.webhook_secret),
            ("CRM token", &crm.private_token),
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
            Flow::Visits(_) => people::practice(&self.world),
            Flow::Intake(_) => people::staff(&self.world),
            Flow::Posting(_) => people::store(&self.world),
            Flow::PatientSearch => people::directory(&self.world),
        }
        for round in 0..16 {
            if round == 12 {
                self.relieve().await;
            }
            self.world.pass(Duration::from_secs(3_600));
            self.world.sandbox.deliver_webhooks().await;
            for part in &self.parts {
                part.work(said).await;
            }
            if round == 4 {
                self.forge().await;
            }
            if matches!((self.flow, round), (Flow::PatientSearch, 4 | 13)) {
                people::directory_changes(&self.world);
            }
        }
        for part in &self.parts {
            part.ask(said).await;
        }
        if let Emr::Nextech(product) = self.flow.emr() {
            said.value(&nextech_at(&self.access, product, self.world.config.practice.start));
        }
        said.value(&patientnow_config(&self.access, self.world.config.practice.start));
        said.value(&zenoti_config(&self.access));
        said.value(&aesthetix_at(&self.access));
        said.value(&dermpro_at(&self.access, self.world.config.practice.start));
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
        let Some(receiver) = &self.webhooks else { return };
        let body = serde_json::to_string(&people::person(CHART).emails[0].address).unwrap();
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
