use std::{sync::Arc, time::Duration};

use cannula::core::{
    AppointmentStatus as Status, Currency, EmrSource, Money, PatientId, RecordId, RecordKind,
};
use cannula_sandbox::practice::{AppointmentState, PaymentState, Product, ZONE};
use cannula_testkit::{Gate, ManualClock, Power, RowsIn, SourceBench, async_trait};
use cannula_tests::Emr;
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::EmrBench;

#[async_trait]
impl SourceBench for EmrBench {
    fn source(&self, page_size: u32) -> Arc<dyn EmrSource> {
        self.source_of(page_size)
    }

    fn largest_page(&self) -> u32 {
        match self.emr {
            Emr::Nextech(_) => 50,
            Emr::PatientNow | Emr::Zenoti => 100,
        }
    }

    fn smallest_page(&self, kind: RecordKind) -> u32 {
        match (self.emr, kind) {
            (Emr::Zenoti, RecordKind::Patient) => 100,
            _ => 1,
        }
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn next_sweep(&self) -> Duration {
        match self.emr {
            Emr::Nextech(_) => Duration::from_secs(60),
            Emr::PatientNow => Duration::from_secs(6 * 3_600),
            Emr::Zenoti => Duration::from_secs(24 * 3_600),
        }
    }

    fn lateness(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn kinds(&self) -> Vec<RecordKind> {
        use RecordKind::{Appointment, Patient, Payment};
        match self.emr {
            Emr::Nextech(_) => vec![Patient, Appointment, Payment],
            Emr::PatientNow => vec![Appointment, Payment],
            Emr::Zenoti => vec![Patient, Appointment],
        }
    }

    async fn add(&self, kind: RecordKind) {
        let id = match kind {
            RecordKind::Patient => RecordId::new(self.somebody().as_str()),
            RecordKind::Appointment => {
                let days = TimeDelta::days(i64::from(1 + self.count(kind) % 30));
                let start = cannula::core::Clock::now(&*self.clock) + days;
                let patient = self.somebody();
                self.practice().book(visit(&patient, start.naive_utc()))
            }
            _ => {
                let minor = 10_000 + i64::from(self.count(kind));
                let today = cannula::core::Clock::now(&*self.clock).with_timezone(&ZONE);
                let patient = self.somebody();
                match self.emr {
                    Emr::PatientNow => {
                        let order = self.practice().open_order(&patient, "Peel", minor);
                        self.practice().close_order(&order);
                        order
                    }
                    _ => {
                        let paid = PaymentState::new(&patient, minor, today.date_naive());
                        self.practice().pay(paid)
                    }
                }
            }
        };
        self.keep(kind, id);
    }

    async fn change(&self, kind: RecordKind, index: usize) {
        let (id, practice) = (self.added(kind, index), self.practice());
        let more = |money: Money| Money::from_minor(money.minor() + 100, Currency::USD);
        let done = match kind {
            RecordKind::Patient => {
                let id = PatientId::new(id.as_str());
                practice.update_patient(&id, |patient| patient.given.push('a'))
            }
            RecordKind::Appointment => practice.update_appointment(&id, |visit| visit.minutes += 5),
            _ if self.emr == Emr::PatientNow => practice.update_order(&id, |order| {
                for line in &mut order.lines {
                    line.price = more(line.price);
                }
            }),
            _ => practice.update_payment(&id, |row| row.amount = more(row.amount)),
        };
        assert!(done, "{kind} {id} cannot be changed");
    }

    async fn remove(&self, kind: RecordKind, index: usize) -> bool {
        if kind != RecordKind::Appointment {
            return false;
        }
        let (id, practice) = (self.added(kind, index), self.practice());
        match self.emr {
            Emr::Zenoti => practice.zenoti_remove_services(&id),
            Emr::Nextech(_) | Emr::PatientNow => practice.delete_appointment(&id),
        }
    }

    async fn visit(&self, start: NaiveDateTime) {
        let patient = self.somebody();
        self.practice().book(visit(&patient, start));
    }

    fn zone(&self) -> Tz {
        ZONE
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn listing(&self, kind: RecordKind) -> &'static str {
        use RecordKind::{Appointment, Patient};
        match (self.emr, kind) {
            (Emr::Nextech(_), Patient) => "/api/Patient",
            (Emr::Nextech(_), Appointment) => "/api/Appointment",
            (Emr::Nextech(_), _) => "/api/PaymentReconciliation",
            (Emr::PatientNow, Appointment) => "/appointments",
            (Emr::PatientNow, _) => "/orders",
            (Emr::Zenoti, Patient) => "/v1/guests?",
            (Emr::Zenoti, _) => "/v1/appointments?",
        }
    }

    fn rows(&self, kind: RecordKind) -> RowsIn {
        match (self.emr, kind) {
            (Emr::Nextech(_), _) => |answer| answer.get_mut("entry")?.as_array_mut(),
            (Emr::Zenoti, RecordKind::Patient) => |answer| answer.get_mut("guests")?.as_array_mut(),
            _ => Value::as_array_mut,
        }
    }

    fn spoil(&self, kind: RecordKind) -> fn(&mut Value) {
        use RecordKind::{Appointment, Patient};
        match (self.emr, kind) {
            (Emr::Nextech(_), Patient) => |row| row["resource"]["birthDate"] = json!("soon"),
            (Emr::Nextech(_), Appointment) => |row| row["resource"]["start"] = json!("soon"),
            (Emr::Nextech(_), _) => |row| row["resource"]["extension"] = json!("none"),
            (Emr::PatientNow, Appointment) => |row| row["StartTime"] = json!("soon"),
            (Emr::PatientNow, _) => |row| row["AmountPaid"] = json!("much"),
            (Emr::Zenoti, Patient) => |row| row["personal_info"] = json!("unknown"),
            (Emr::Zenoti, _) => |row| row["start_time"] = json!("soon"),
        }
    }

    fn words(&self, kind: RecordKind) -> Vec<(&'static str, Value)> {
        use RecordKind::{Appointment, Payment};
        match (self.emr, kind) {
            (Emr::Nextech(_), Appointment | Payment) => {
                vec![("/resource/status", json!("postponed"))]
            }
            (Emr::PatientNow, _) => vec![("/Status", json!("Postponed"))],
            (Emr::Zenoti, Appointment) => vec![("/status", json!(77))],
            _ => Vec::new(),
        }
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        match self.emr {
            Emr::Nextech(_) => Vec::new(),
            Emr::PatientNow => {
                vec![
                    (
                        Power::EmptyPages,
                        "PatientNow: pages are numbered, and an empty one is behind the last",
                    ),
                    (Power::Tokens, "PatientNow: key, name and password go with every request"),
                ]
            }
            Emr::Zenoti => vec![
                (
                    Power::PageSizes,
                    "Zenoti: guests come 100 a page, appointments seven days a page",
                ),
                (
                    Power::EmptyPages,
                    "Zenoti: pages are numbered, and an empty one is behind the last",
                ),
            ],
        }
    }
}

fn visit(patient: &PatientId, start: NaiveDateTime) -> AppointmentState {
    let mut visit = AppointmentState::new(patient, "Laser Treatment", start);
    visit.status = Status::Confirmed;
    visit
}

impl EmrBench {
    /// Why the laws are not asked of the EMR's other feeds.
    pub(crate) fn without_a_listing(&self) -> &'static str {
        match self.emr {
            Emr::Zenoti => {
                "Zenoti lists none; each is read by itself once a webhook or a visit has named it, and tests/webhooks compares with the practice's books"
            }
            other => panic!("{other:?} lists all it has"),
        }
    }

    pub(crate) async fn select() -> Self {
        Self::open(Emr::Nextech(Product::Select)).await
    }

    pub(crate) async fn practice_plus() -> Self {
        Self::open(Emr::Nextech(Product::PracticePlus)).await
    }

    pub(crate) async fn of_patientnow() -> Self {
        Self::open(Emr::PatientNow).await
    }

    pub(crate) async fn of_zenoti() -> Self {
        Self::open(Emr::Zenoti).await
    }
}
