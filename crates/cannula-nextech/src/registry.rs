//! Nextech as a register of patients: search, lists, and new patients.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cannula_core::{
    EmrSource, Error, ErrorKind, Named, NewPatient, Patient, PatientField, PatientId,
    PatientRegistry, Person, PickLists, Record, RecordKind, RegistryInfo, Result, Retry,
};
use cannula_http::Request;
use url::Url;

use crate::{
    config::NextechConfig, errors, lists, mentions::Mentions, phone, registry_requests, requests,
    source::Nextech,
};

/// Pages of one search for a person. Beyond that it is a placeholder that was searched for.
const MAX_PATIENT_PAGES: usize = 10;
/// Pages of a list.
const MAX_LIST_PAGES: usize = 100;

pub(crate) fn info(config: &NextechConfig) -> RegistryInfo {
    let profile = config.product.profile();
    RegistryInfo {
        name: profile.connector,
        product: profile.name,
        practice: config.practice.clone(),
        required: profile.required.to_vec(),
        default_postal_code: config.new_patients.default_postal_code.clone(),
    }
}

#[async_trait]
impl PatientRegistry for Nextech {
    fn info(&self) -> &RegistryInfo {
        &self.registry
    }

    async fn check(&self) -> Result<()> {
        EmrSource::check(self).await
    }

    async fn lists(&self) -> Result<PickLists> {
        let size = self.config.page_size;
        let mut lists = PickLists::new();
        let locations = self.list("Location", registry_requests::locations(size)).await?;
        lists.insert(PatientField::Location, locations);
        let practitioners =
            self.list("Practitioner", registry_requests::practitioners(size)).await?;
        lists.insert(PatientField::GeneralPractitioner, practitioners);
        let sources = &self.config.new_patients.referral_sources;
        if !sources.is_empty() {
            lists.insert(PatientField::ReferralSource, sources.clone());
        }
        Ok(lists)
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        let mut found: BTreeMap<PatientId, Patient> = BTreeMap::new();
        for request in registry_requests::searches(person, self.config.page_size) {
            for patient in self.patients(request, |_| false).await? {
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
        // Select finds by GUID here too, and Practice+ perhaps by the number's start.
        let is_it = |patient: &Patient| {
            let number = patient.chart_number.as_ref().map(|it| it.expose().trim());
            number.is_some_and(|number| number.eq_ignore_ascii_case(chart))
        };
        let request =
            registry_requests::by_chart(self.config.product, chart, self.config.page_size);
        let operation = request.operation();
        let found = match self.patients(request, is_it).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let found: BTreeMap<_, _> =
            found.into_iter().filter(is_it).map(|it| (it.id.clone(), it)).collect();
        if found.len() > 1 {
            return Err(Error::new(ErrorKind::Invalid, "several patients have this chart number")
                .connector(self.registry.name)
                .operation(operation));
        }
        Ok(found.into_values().next())
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let (product, practice) = (self.config.product, &self.config.new_patients);
        let request = registry_requests::create(product, practice, patient)
            .map_err(|error| self.failed(error))?;
        let response = self.client.send(&request).await.map_err(|error| self.refused(error))?;
        let created = match self.answered(&response.body) {
            Some(created) => created,
            None => self.read_back(patient).await?,
        };
        Ok(self.with_chart_number(created).await)
    }
}

impl Nextech {
    /// The patients of a search, page after page, until there are `enough`. A row that cannot be
    /// read may be the very patient, so it is an error.
    async fn patients(
        &self,
        first: Request,
        enough: impl Fn(&Patient) -> bool,
    ) -> Result<Vec<Patient>> {
        let mut trail = Trail::of_person(first);
        let mut found = Vec::new();
        loop {
            let (page, _) = self.page(RecordKind::Patient, &trail.request).await?;
            found.extend(page.events.into_iter().filter_map(|event| match event.record {
                Record::Patient(patient) => Some(patient),
                _ => None,
            }));
            if found.iter().any(&enough) {
                return Ok(found);
            }
            if let Some(row) = page.rejected.into_iter().next() {
                return Err(Error::new(ErrorKind::Decode, row.problem)
                    .connector(self.registry.name)
                    .operation(trail.request.operation())
                    .with("path", row.path));
            }
            if !trail.follow(self, page.next.as_deref())? {
                return Ok(found);
            }
        }
    }

    /// The entries of a list that staff can choose from.
    pub(crate) async fn list(&self, resource: &str, first: Request) -> Result<Vec<Named>> {
        let mut trail = Trail::of_list(first);
        let mut entries = Vec::new();
        loop {
            let parse = |response: cannula_http::Response| lists::parse(resource, &response.body);
            let page = self.client.read(&trail.request, parse).await?;
            entries.extend(page.entries);
            if !trail.follow(self, page.next.as_deref())? {
                return Ok(lists::offered(entries));
            }
        }
    }

    /// The new patient, if the answer is about one; it may be empty, or something else.
    fn answered(&self, body: &[u8]) -> Option<Patient> {
        let page = self.parser.parse(RecordKind::Patient, body, self.clock.now()).ok()?;
        let mut events = page.events.into_iter();
        match (events.next()?.record, events.next(), page.rejected.first()) {
            (Record::Patient(patient), None, None) => Some(patient),
            _ => None,
        }
    }

    /// Finds the patient that was created by an answer that does not say which it is.
    async fn read_back(&self, patient: &NewPatient) -> Result<Patient> {
        // Whatever goes wrong from here on, the patient is there.
        let found =
            self.search(&patient.person()).await.map_err(|error| error.retry(Retry::Settle))?;
        let mut same = found.into_iter().filter(|it| is_same(it, patient));
        match (same.next(), same.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(self.failed(
                Error::new(ErrorKind::Decode, "Nextech made the patient and does not say which")
                    .retry(Retry::Settle),
            )),
        }
    }

    /// Fetches the chart number, which staff go by, where the answer does not have it. That it
    /// could not be had does not undo the patient.
    async fn with_chart_number(&self, created: Patient) -> Patient {
        if created.chart_number.is_some() {
            return created;
        }
        let request = requests::patient(created.id.as_str());
        match self.patients(request, |_| false).await {
            Ok(found) => found.into_iter().find(|it| it.id == created.id).unwrap_or(created),
            Err(error) => {
                tracing::warn!(%error, "the new patient's chart number could not be read");
                created
            }
        }
    }

    /// A refusal in words that staff can act upon. The client has settled what may be sent again.
    fn refused(&self, error: Error) -> Error {
        if !errors::is_refusal(&error) {
            return error;
        }
        let message = match Mentions::of(&error).and_then(Mentions::of_patient) {
            Some(fields) => {
                format!("Nextech does not take the new patient; its answer speaks of: {fields}")
            }
            None => "Nextech does not take the new patient and names no field; the practice may demand more fields than Nextech does".to_owned(),
        };
        self.failed(errors::in_words(error, message))
    }

    fn failed(&self, error: Error) -> Error {
        error.connector(self.registry.name).operation("create patient")
    }
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

/// Where a search that is read page by page has got to.
struct Trail {
    request: Request,
    link: Option<Url>,
    pages_left: usize,
    /// What to say when no page is left.
    too_long: &'static str,
}

impl Trail {
    /// A search for one person.
    fn of_person(request: Request) -> Self {
        let too_long = "more patients are found than can be compared; look for a placeholder in the contact's e-mail, phone or name";
        Self { request, link: None, pages_left: MAX_PATIENT_PAGES, too_long }
    }

    fn of_list(request: Request) -> Self {
        let too_long = "the list has more pages than a list can have";
        Self { request, link: None, pages_left: MAX_LIST_PAGES, too_long }
    }

    /// Goes on to the next page; `false` if this was the last.
    fn follow(&mut self, nextech: &Nextech, link: Option<&str>) -> Result<bool> {
        let Some(link) = link else { return Ok(false) };
        let operation = self.request.operation();
        let fail = |kind, message: &str| {
            Error::new(kind, message).connector(nextech.registry.name).operation(operation)
        };
        let link = nextech.check_link(link).map_err(|error| error.operation(operation))?;
        if self.link.as_ref() == Some(&link) {
            return Err(fail(ErrorKind::Decode, "the link to the next page leads to itself"));
        }
        self.pages_left = self.pages_left.saturating_sub(1);
        if self.pages_left == 0 {
            return Err(fail(ErrorKind::Invalid, self.too_long));
        }
        self.request = requests::next(&self.request, link.clone());
        self.link = Some(link);
        Ok(true)
    }
}
