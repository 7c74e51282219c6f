//! A practice with an online store, the service that posts its payments, and its staff.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cannula::{
    core::{
        Clock, Money, OrderNumber, PatientChoice, PatientId, PatientRegistry, PaymentLedger,
        PracticeId, RecordId, Result,
    },
    dermpro::Dermpro,
    nextech::Nextech,
    rules::posting::{
        FollowUp, Marker, PostingConfig, PostingRules, SyncStatus,
        marker::Part,
        report::{Reconciliation, Report},
    },
    sync::{Engine, PostingFlow, Replay, Store},
};
use cannula_examples::{dermpro_at, nextech_at, posting_rules, referral_sources};
use cannula_sandbox::{
    FaultRates, Quirks, Sandbox, SandboxConfig, Vendor,
    dermpro::{OrderBooks, Origin, StoreConfig, StoreState},
    practice::{Email, PatientState, PaymentState, PhoneNumber, PracticeConfig, Product, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, NaiveDate, TimeZone, Utc};

use crate::Patience;

/// What a shop is made from.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// Everything left to chance.
    pub seed: u64,
    /// Which Nextech the practice is on.
    pub product: Product,
    /// Who buys; nobody in a shop that is filled by hand.
    pub customers: u32,
    /// How long it goes on.
    pub days: u32,
    /// Whether both vendors fail at believable rates.
    pub faults: bool,
    /// Nextech's meannesses.
    pub quirks: Quirks,
    /// When it all begins.
    pub start: DateTime<Utc>,
}

impl ShopConfig {
    /// A shop that opens on a Monday three weeks before daylight saving time begins.
    pub fn new(seed: u64, customers: u32, days: u32, product: Product) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0).single().unwrap_or_default();
        let quirks = Quirks { limits: false, changes_between_pages: 0, ..Quirks::default() };
        Self { seed, product, customers, days, faults: false, quirks, start }
    }

    /// A shop without customers.
    pub fn empty(product: Product) -> Self {
        Self::new(0, 0, 0, product)
    }
}

/// The vendors, and what the service needs to reach them.
#[derive(Debug)]
pub struct Shop {
    /// The vendors.
    pub sandbox: Sandbox,
    /// The clock of everything: where the service waits, the vendors move on.
    pub clock: Arc<ManualClock>,
    /// What the shop was made from.
    pub config: ShopConfig,
    /// Patients whom staff registered for somebody who bought, by e-mail address.
    registered: Mutex<BTreeMap<String, PatientId>>,
}

type PostingEngine = Engine<PostingFlow>;

impl Shop {
    /// Opens the shop.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn open(config: ShopConfig) -> Result<Self> {
        let clock = Arc::new(ManualClock::at(config.start));
        // Three patients to a customer.
        let patients = config.customers * 3;
        let practice = PracticeConfig::new(config.seed, patients, config.days, config.start);
        let mut sandbox = SandboxConfig::new(Arc::clone(&clock) as Arc<dyn Clock>, practice);
        sandbox.quirks = config.quirks.clone();
        sandbox.store = StoreConfig { customers: config.customers, days: config.days };
        let sandbox = Sandbox::start(sandbox).await?;
        if config.faults {
            for vendor in [Vendor::Nextech, Vendor::DermPro] {
                sandbox.faults(vendor).set_rates(FaultRates::believable());
            }
        }
        let registered = Mutex::default();
        Ok(Self { sandbox, clock, config, registered })
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// What the clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The practice all events are of.
    pub fn practice(&self) -> PracticeId {
        PracticeId::new("store")
    }

    /// A client of the store.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn source(&self) -> Result<Arc<Dermpro>> {
        let config = dermpro_at(self.sandbox.access(), self.config.start)?;
        Ok(Arc::new(Dermpro::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// A client of Nextech.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn emr(&self) -> Result<Arc<Nextech>> {
        let mut config = nextech_at(self.sandbox.access(), self.config.product, self.config.start)?;
        config.requests_per_second = None;
        config.new_patients.referral_sources = referral_sources();
        Ok(Arc::new(Nextech::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// What the practice has set.
    pub fn rules_config(&self) -> PostingConfig {
        posting_rules(self.config.product, self.config.start)
    }

    /// The rules for a client of Nextech.
    pub fn rules(&self, emr: &Nextech) -> PostingRules {
        self.rules_of(self.rules_config(), emr)
    }

    /// The rules of another configuration.
    pub fn rules_of(&self, config: PostingConfig, emr: &Nextech) -> PostingRules {
        let (ledger, registry) = (PaymentLedger::info(emr), PatientRegistry::info(emr));
        PostingRules::new(config, ledger.clone(), registry.clone())
    }

    /// The service on a store.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn engine(&self, store: Arc<dyn Store>) -> Result<PostingEngine> {
        let emr = self.emr()?;
        let rules = self.rules(&emr);
        let (source, registry) = (self.source()?, Arc::clone(&emr));
        Ok(self.engine_of(source, rules, registry, emr, store))
    }

    /// The service from other parts.
    pub fn engine_of(
        &self,
        source: Arc<Dermpro>,
        rules: PostingRules,
        registry: Arc<dyn PatientRegistry>,
        ledger: Arc<dyn PaymentLedger>,
        store: Arc<dyn Store>,
    ) -> PostingEngine {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let flow = PostingFlow::new(rules, registry, ledger, Arc::clone(&clock));
        Engine::new(source, flow, store, clock)
    }

    /// Polls and posts until nothing is left to do, through whatever faults there are.
    ///
    /// # Errors
    /// As [`Patience::settle`].
    pub async fn settle(&self, engine: &PostingEngine) -> Result<()> {
        Patience(&self.clock).settle(engine).await
    }

    /// The status of each order.
    ///
    /// # Errors
    /// If the engine's store fails.
    pub async fn statuses(
        &self,
        engine: &PostingEngine,
        rules: &PostingRules,
    ) -> Result<BTreeMap<OrderNumber, SyncStatus>> {
        let mut statuses = BTreeMap::new();
        engine
            .for_each_state(|_, state| {
                for standing in rules.standings(state) {
                    statuses.insert(standing.order.number.clone(), standing.status);
                }
            })
            .await?;
        Ok(statuses)
    }

    /// Staff look at everything that waits for them, and do what they should: choose the patient
    /// who it truly is, register who cannot be registered by itself, tell a second purchase from an
    /// edited one, and record refunds. Returns how much they did.
    ///
    /// # Errors
    /// If the engine's store fails.
    pub async fn staff(&self, engine: &PostingEngine, rules: &PostingRules) -> Result<usize> {
        let mut decisions: Vec<(OrderNumber, PatientChoice)> = Vec::new();
        let mut refunds: Vec<(RecordId, Money)> = Vec::new();
        engine
            .for_each_state(|_, state| {
                for standing in rules.standings(state) {
                    let number = &standing.order.number;
                    let Some(truth) = self.sandbox.store().order(number) else { continue };
                    if standing.status == SyncStatus::NotSynced {
                        decisions.extend(Some(number.clone()).zip(self.choose(&truth)));
                    }
                    let row = standing.parts.first().and_then(|part| part.row().cloned());
                    let row = row.or_else(|| self.row_of(&truth.first_number));
                    for follow_up in &standing.follow_ups {
                        let FollowUp::RecordRefund { refund, .. } = follow_up else { continue };
                        let Some(row) = row.clone() else { continue };
                        let truth = truth.refunded.iter().find(|it| it.memo == *refund);
                        refunds.extend(truth.map(|truth| (row, truth.amount)));
                    }
                }
            })
            .await?;
        let deeds = decisions.len() + refunds.len();
        for (order, choice) in decisions {
            engine.resolve(&self.practice(), &order, choice, false, self.clock.now()).await?;
        }
        for (row, amount) in refunds {
            // Two deeds at one moment are one to a clock that shows seconds.
            self.pass(Duration::from_secs(2));
            self.sandbox.practice().refund(&row, amount);
        }
        if deeds > 0 {
            engine.replay(Replay::Parked).await?;
        }
        Ok(deeds)
    }

    fn choose(&self, truth: &OrderBooks) -> Option<PatientChoice> {
        let before = match &truth.origin {
            Some(Origin::Edited(before)) if truth.taken().minor() == 0 => Some(before),
            _ => None,
        };
        if before.is_some_and(|before| self.row_of(before).is_some()) {
            // The same money as the order before, which is posted.
            return None;
        }
        let patient = truth.identity.patient.clone().or_else(|| self.patient_of(truth));
        if let Some(patient) = patient {
            return Some(PatientChoice::Patient(patient));
        }
        if truth.shopper.birth_date.is_some() {
            return Some(PatientChoice::New);
        }
        Some(PatientChoice::Patient(self.register(truth)))
    }

    /// The patient that was made of somebody who was none when they bought.
    fn patient_of(&self, truth: &OrderBooks) -> Option<PatientId> {
        let email = truth.shopper.email.to_lowercase();
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.get(&email).cloned()
    }

    /// Staff ask for the birth date and register the patient.
    fn register(&self, truth: &OrderBooks) -> PatientId {
        let shopper = &truth.shopper;
        let mut patient = PatientState::new(&shopper.given, &shopper.family, 1);
        patient.emails = vec![Email { address: shopper.email.clone(), private: false }];
        patient.phones =
            vec![PhoneNumber { number: shopper.phone.clone(), ..patient.phones[0].clone() }];
        let id = self.sandbox.practice().add_patient(patient);
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        registered.insert(shopper.email.to_lowercase(), id.clone());
        id
    }

    /// Everything on the practice's ledger, oldest first.
    pub fn ledger(&self) -> Vec<(RecordId, PaymentState)> {
        let practice = self.sandbox.practice();
        let rows = practice.payment_ids().into_iter();
        rows.filter_map(|id| Some((id.clone(), practice.payment(&id)?))).collect()
    }

    /// The orders with a payment on the ledger.
    pub fn posted(&self) -> BTreeSet<OrderNumber> {
        let rows = self.ledger().into_iter().filter(|(_, row)| row.amount.minor() > 0);
        rows.filter_map(|(_, row)| Some(marker(&row)?.order)).collect()
    }

    fn row_of(&self, order: &OrderNumber) -> Option<RecordId> {
        let wanted = Marker { order: order.clone(), part: Part::Payment(1) };
        let is_it =
            |row: &PaymentState| marker(row).as_ref() == Some(&wanted) && row.amount.minor() > 0;
        self.ledger().into_iter().find(|(_, row)| is_it(row)).map(|(id, _)| id)
    }

    /// How the ledger differs from what truly happened in the store. Empty if every cent that was
    /// taken is there once, on the right day and the right patient, and nothing else of ours is.
    pub fn differences(&self) -> Vec<String> {
        let mut posted: BTreeMap<OrderNumber, Vec<PaymentState>> = BTreeMap::new();
        let mut markers = BTreeSet::new();
        let mut differences = Vec::new();
        for (id, row) in self.ledger() {
            let Some(marker) = marker(&row) else { continue };
            if row.amount.minor() < 0 {
                // A refund that staff made out of the payment keeps its description.
                continue;
            }
            if !markers.insert(marker.clone()) {
                differences.push(format!("row {id} is {marker} once more"));
            }
            posted.entry(marker.order).or_default().push(row);
        }
        let books = self.sandbox.store().books();
        let mut takings: BTreeMap<&OrderNumber, Takings<'_>> = BTreeMap::new();
        for order in &books {
            let taking = takings.entry(source_of_money(&books, order)).or_default();
            taking.orders.push(order);
            taking.rows.extend(posted.remove(&order.number).unwrap_or_default());
        }
        differences.extend(takings.values().filter_map(|taking| self.difference(taking)));
        let unknown = posted.into_keys().map(|order| format!("{order} is posted and unknown"));
        differences.extend(unknown);
        differences
    }

    fn difference(&self, taking: &Takings<'_>) -> Option<String> {
        let Takings { orders, rows } = taking;
        let order = orders.iter().find(|order| order.taken().minor() > 0).or(orders.first())?;
        let (number, taken) = (&order.number, order.taken().minor());
        if rows.is_empty() {
            let held = orders.iter().any(|order| order.state == StoreState::Held);
            let back = orders.iter().flat_map(|order| &order.refunded);
            let back: i64 = back.filter(|it| it.online).map(|it| it.amount.minor()).sum();
            return (taken > 0 && !held && back < taken)
                .then(|| format!("{number}: {taken} taken, nothing posted"));
        }
        let total: i64 = rows.iter().map(|row| row.amount.minor()).sum();
        if total != taken {
            return Some(format!("{number}: {taken} taken, {total} posted"));
        }
        let days: BTreeSet<NaiveDate> =
            order.captured.iter().map(|(at, _)| at.with_timezone(&ZONE).date_naive()).collect();
        if let Some(row) = rows.iter().find(|row| !days.contains(&row.date)) {
            return Some(format!("{number}: taken on {days:?}, posted on {}", row.date));
        }
        let wrong = rows.iter().find(|row| !self.is_right(order, row));
        wrong.map(|row| {
            format!("{number}: on the ledger of {:?} ({:?})", row.patient, order.identity)
        })
    }

    fn is_right(&self, order: &OrderBooks, row: &PaymentState) -> bool {
        if let Some(expected) = &order.identity.patient {
            return row.patient.as_ref() == Some(expected);
        }
        // Made by staff or by the service: who has the name and something else.
        let patient = row.patient.as_ref().and_then(|id| self.sandbox.practice().patient(id));
        patient.is_some_and(|it| {
            let shopper = &order.shopper;
            let alike = |one: &str, other: &str| one.trim().eq_ignore_ascii_case(other.trim());
            let mail = it.emails.iter().any(|email| alike(&email.address, &shopper.email));
            alike(&it.given, &shopper.given)
                && alike(&it.family, &shopper.family)
                && (mail || Some(it.birth_date) == shopper.birth_date)
        })
    }

    /// The reconciliation of everything so far.
    ///
    /// # Errors
    /// If the engine's store fails or the ledger cannot be read.
    pub async fn report(
        &self,
        engine: &PostingEngine,
        rules: &PostingRules,
        ledger: &dyn PaymentLedger,
    ) -> Result<Report> {
        let mut orders = Vec::new();
        engine
            .for_each_state(|_, state| {
                orders.extend(rules.booked(state).into_iter().map(|it| it.into_owned()));
            })
            .await?;
        let (from, to) = (self.config.start.date_naive(), self.now().date_naive());
        let from = from.pred_opt().unwrap_or(from);
        let mut failures = 0;
        let rows = loop {
            match ledger.between(from, to).await {
                Ok(rows) => break rows,
                Err(error) => Patience(&self.clock).again(error, &mut failures).await?,
            }
        };
        let config = rules.config();
        let reconciliation = Reconciliation {
            from,
            to,
            zone: config.zone,
            currency: ledger.info().currency,
            category: config.category.as_deref(),
        };
        Ok(reconciliation.report(&orders, &rows))
    }
}

/// What was taken once, for an order and for what it was edited to, and what is posted of it.
#[derive(Debug, Default)]
struct Takings<'a> {
    orders: Vec<&'a OrderBooks>,
    rows: Vec<PaymentState>,
}

/// The order whose money an order is paid with: an edited one takes none of its own.
fn source_of_money<'a>(books: &'a [OrderBooks], order: &'a OrderBooks) -> &'a OrderNumber {
    let before = match &order.origin {
        Some(Origin::Edited(before)) if order.taken().minor() == 0 => before,
        _ => return &order.number,
    };
    let before = books.iter().find(|it| it.number == *before);
    before.map_or(&order.number, |before| source_of_money(books, before))
}

fn marker(row: &PaymentState) -> Option<Marker> {
    Marker::parse(row.note.as_deref()?)
}
