//! PatientNow as a register of patients: search, and new patients.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cannula_core::{
    Error, ErrorKind, Named, NewPatient, Patient, PatientField, PatientId, PatientRegistry, Person,
    Phone, PhoneUse, PickLists, Record, RecordKey, RecordKind, RegistryInfo, Result, Retry, Source,
};
use cannula_http::{Request, decode};
use serde_json::value::RawValue;

use crate::{
    complaint::{Complaint, Sent},
    config::PatientNowConfig,
    create::{self, Answer},
    map,
    page::{Extent, Kind, Reader},
    phone,
    product::Product,
    requests::{PageOf, Requests},
    row::Row,
    source::PatientNow,
};

/// Pages of one search for a person. Beyond that it is a placeholder that was searched for, or
/// PatientNow does not heed the filter.
const MAX_PAGES: u32 = 5;
const OPERATION: &str = "create customer";

pub(crate) fn info(config: &PatientNowConfig) -> RegistryInfo {
    RegistryInfo {
        name: config.product.connector(),
        product: "PatientNow",
        practice: config.practice.clone(),
        required: Product::REQUIRED.to_vec(),
        default_postal_code: None,
    }
}

#[async_trait]
impl PatientRegistry for PatientNow {
    fn info(&self) -> &RegistryInfo {
        &self.registry
    }

    async fn check(&self) -> Result<()> {
        self.urgent.send(&self.requests().any_customer()).await.map(drop)
    }

    async fn lists(&self) -> Result<PickLists> {
        let mut lists = PickLists::new();
        // With a configured company every new patient belongs to it.
        if self.config.company_id.is_none() {
            lists.insert(PatientField::Location, self.companies().await?);
        }
        Ok(lists)
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        let mut found: BTreeMap<PatientId, Patient> = BTreeMap::new();
        for request in self.requests().searches(person) {
            for patient in self.patients(&request).await? {
                found.entry(patient.id.clone()).or_insert(patient);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        let chart = chart.trim();
        if chart.is_empty() {
            return Ok(None);
        }
        let request = self.requests().by_chart(chart);
        let mut found = self.patients(&request).await?;
        found.retain(|patient| {
            let number = patient.chart_number.as_ref().map(|it| it.expose().trim());
            number.is_some_and(|number| number.eq_ignore_ascii_case(chart))
        });
        match (found.len(), found.pop()) {
            (0, _) => self.without_chart(chart).await,
            (1, found) => Ok(found),
            _ => Err(Error::new(ErrorKind::Invalid, "several patients have this chart number")
                .connector(self.registry.name)
                .operation(request.operation())),
        }
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let body = create::body(&self.config, patient).map_err(|error| self.failed(error))?;
        let sent = create::sent(&body, patient);
        let request = self.requests().create(&body);
        let answer = self.urgent.send(&request).await;
        let response = answer.map_err(|error| self.refused(error, &sent))?;
        match create::answer(&self.config, &response) {
            Answer::Customer => match self.answered(&response.body) {
                Some(created) => Ok(created),
                None => self.read_back(patient).await,
            },
            Answer::Id(id) => Ok(self.with_id(&id, patient).await),
            Answer::Unclear => {
                let complaint = Complaint::read(&response.body, None);
                match self.read_back(patient).await {
                    Err(error) if error.kind() == ErrorKind::Decode => {
                        Err(self.unclear(error, &complaint, &sent))
                    }
                    read => read,
                }
            }
        }
    }
}

impl PatientNow {
    /// The patients of a search, page after page. A row that cannot be read may be the very
    /// patient, so it is an error.
    async fn patients(&self, search: &Request) -> Result<Vec<Patient>> {
        let mut page = PageOf::first(self.config.rows);
        let (mut found, mut seen) = (Vec::new(), 0);
        loop {
            let request = Requests::page(search, page);
            let parsed = self.list(&self.urgent, Kind::Customer, &request, None).await?;
            if let Some(error) = parsed.complaint() {
                return Err(error.connector(self.registry.name).operation(search.operation()));
            }
            let is_last = parsed.extent.is_last(page, seen, parsed.count);
            seen += parsed.count;
            found.extend(parsed.events.into_iter().filter_map(|event| match event.record {
                Record::Patient(patient) => Some(patient),
                _ => None,
            }));
            if is_last {
                return Ok(found);
            }
            if page.page >= MAX_PAGES {
                return Err(self.urgent.error(search, ErrorKind::Invalid, TOO_MANY));
            }
            page = page.number(page.page + 1);
        }
    }

    /// A patient without a chart number goes by their id.
    async fn without_chart(&self, id: &str) -> Result<Option<Patient>> {
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        Ok(self.by_id(id).await?.filter(|patient| patient.chart_number.is_none()))
    }

    async fn by_id(&self, id: &str) -> Result<Option<Patient>> {
        let practice = self.config.practice.clone();
        let key = RecordKey { practice, kind: RecordKind::Patient, id: id.into() };
        Ok(self.get(&key).await?.and_then(|event| match event.record {
            Record::Patient(patient) => Some(patient),
            _ => None,
        }))
    }

    /// The locations in use.
    async fn companies(&self) -> Result<Vec<Named>> {
        let fields = &self.config.dialect.fields;
        let mut page = PageOf::first(self.config.rows);
        let (mut companies, mut seen) = (Vec::new(), 0);
        loop {
            let request = self.requests().companies(page);
            let read = |response: cannula_http::Response| {
                let rows: Vec<Box<RawValue>> = decode(&response.body)?;
                let in_use = |row: &Row<'_>| !row.has(fields.active) || row.flag(fields.active);
                let named: Vec<Named> = rows
                    .iter()
                    .filter_map(|row| Row::read(row.get()))
                    .filter(in_use)
                    .filter_map(|row| map::named(&row, fields.company_id, fields.listed_name))
                    .collect();
                Ok((named, rows.len() as u64, Extent::of(&response.headers)))
            };
            let (named, count, extent) = self.urgent.read(&request, read).await?;
            companies.extend(named);
            if extent.is_last(page, seen, count) {
                return Ok(companies);
            }
            if page.page >= MAX_PAGES {
                return Err(self.urgent.error(
                    &request,
                    ErrorKind::Invalid,
                    "the list has more pages than a list of locations can have",
                ));
            }
            seen += count;
            page = page.number(page.page + 1);
        }
    }

    /// The new patient, if the answer holds one.
    fn answered(&self, body: &[u8]) -> Option<Patient> {
        let read_at = self.clock.now();
        let reader = Reader { config: &self.config, read_at, since: None, is_new: false };
        let parsed = reader.one(Kind::Customer, body).ok()?;
        match (parsed.events.into_iter().next()?.record, parsed.rejected.first()) {
            (Record::Patient(patient), None) => Some(patient),
            _ => None,
        }
    }

    /// The new patient by id: read, or else as it was sent. That it could not be read does not
    /// undo it.
    async fn with_id(&self, id: &str, sent: &NewPatient) -> Patient {
        match self.by_id(id).await {
            Ok(Some(patient)) => return patient,
            Ok(None) => tracing::warn!("the new patient is not found by the id it was given"),
            Err(error) => tracing::warn!(%error, "the new patient could not be read"),
        }
        Patient {
            id: PatientId::new(id),
            chart_number: None,
            name: sent.name.clone(),
            birth_date: Some(sent.birth_date.clone()),
            emails: vec![sent.email.clone()],
            phones: vec![Phone {
                usage: PhoneUse::Mobile,
                number: sent.phone.clone(),
                preferred: false,
            }],
            is_new: false,
        }
    }

    /// Finds the patient that was created by an answer that does not say which it is.
    async fn read_back(&self, patient: &NewPatient) -> Result<Patient> {
        // Whatever goes wrong from here on, the patient may be there.
        let found =
            self.search(&patient.person()).await.map_err(|error| error.retry(Retry::Settle))?;
        let mut same = found.into_iter().filter(|it| is_same(it, patient));
        match (same.next(), same.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(self.failed(
                Error::new(
                    ErrorKind::Decode,
                    "PatientNow took the new patient and does not say which it is",
                )
                .retry(Retry::Settle),
            )),
        }
    }

    /// A 200 that carries an error is an error, if the patient is not there.
    fn unclear(&self, error: Error, complaint: &Complaint, sent: &Sent) -> Error {
        match complaint.shown(sent) {
            Some(said) if complaint.names_fields() => {
                self.failed(Error::new(ErrorKind::Invalid, refusal(&said)))
            }
            _ => error,
        }
    }

    /// A refusal in words that staff can act upon: PatientNow's own, without the patient's data.
    /// The client has settled what may be sent again.
    fn refused(&self, error: Error, sent: &Sent) -> Error {
        let is_refusal = matches!(error.http_status(), Some(400 | 422));
        if !is_refusal || error.retry_advice() != Retry::Never {
            return error;
        }
        let said = Complaint::of(&error).and_then(|complaint| complaint.shown(sent));
        let message = said.map_or_else(
            || "PatientNow does not take the new patient and does not say why; the practice may demand more fields than PatientNow does".to_owned(),
            |said| refusal(&said),
        );
        let refused = self.failed(Error::new(ErrorKind::Invalid, message));
        match error.http_status() {
            Some(status) => refused.status(status),
            None => refused,
        }
    }

    fn failed(&self, error: Error) -> Error {
        error.connector(self.registry.name).operation(OPERATION)
    }
}

const TOO_MANY: &str = "more patients are found than can be compared; look for a placeholder in the contact's e-mail, phone or name";

fn refusal(said: &str) -> String {
    format!("PatientNow does not take the new patient: {said}")
}

/// Whether all that was sent of a person is there.
fn is_same(found: &Patient, sent: &NewPatient) -> bool {
    let alike = |a: &str, b: &str| a.trim().to_lowercase() == b.trim().to_lowercase();
    alike(found.name.given.expose(), sent.name.given.expose())
        && alike(found.name.family.expose(), sent.name.family.expose())
        && found.birth_date.as_ref() == Some(&sent.birth_date)
        && found.emails.iter().any(|it| alike(it.expose(), sent.email.expose()))
        && found.phones.iter().any(|it| phone::same(it.number.expose(), sent.phone.expose()))
}
