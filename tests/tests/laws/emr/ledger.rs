use std::sync::Arc;

use cannula::core::{Clock, Named, PatientId, PaymentLedger, PaymentTerms};
use cannula_sandbox::practice::{LOCATIONS, PRACTITIONERS, Product, ZONE};
use cannula_testkit::{Gate, LedgerBench, ManualClock, Power, async_trait};
use cannula_tests::Emr;
use chrono::NaiveDate;

use super::EmrBench;

impl EmrBench {
    fn product(&self) -> Product {
        match self.emr {
            Emr::Nextech(product) => product,
            other => panic!("{other:?} has no ledger that can be posted to"),
        }
    }
}

#[async_trait]
impl LedgerBench for EmrBench {
    fn ledger(&self) -> Arc<dyn PaymentLedger> {
        self.nextech(50)
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn patient(&self) -> PatientId {
        self.somebody()
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().with_timezone(&ZONE).date_naive()
    }

    async fn terms(&self) -> PaymentTerms {
        let product = self.product();
        let named = |id: u32, name: String| Named { id: Some(id.to_string()), name };
        let (place, who) = (&LOCATIONS[0], &PRACTITIONERS[0]);
        let info = self.ledger();
        let info = info.info();
        let method = info.methods.iter().find(|it| !info.card_type_required.contains(it)).unwrap();
        PaymentTerms {
            method: (*method).to_owned(),
            category: Some("Online store".to_owned()),
            card_type: None,
            location: named(place.id, place.name.to_owned()),
            practitioner: named(who.id, who.display(product)),
        }
    }

    async fn rows(&self) -> usize {
        self.practice().payment_ids().len()
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn post_request(&self) -> &'static str {
        match self.product() {
            Product::Select => "POST /nextech/select/api/",
            Product::PracticePlus => "POST /nextech/practice-plus/api/",
        }
    }

    fn errors_in_200(&self) -> Vec<String> {
        self.errors_in_200()
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
