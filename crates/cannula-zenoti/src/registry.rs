//! Zenoti as a register of patients: search, centers, and new guests. A guest that exists is never
//! written to: Zenoti replaces the whole of it, and what was not sent would be gone.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cannula_core::{
    Error, ErrorKind, Named, NewPatient, Patient, PatientField, PatientId, PatientRegistry, Person,
    PickLists, RegistryInfo, Result, Retry, Source,
};
use cannula_http::Response;
use serde_json::value::RawValue;

use crate::{
    CONNECTOR,
    config::ZenotiConfig,
    create,
    group_lookup::read_row,
    phone, requests,
    source::{Zenoti, is_missing},
    sweep_rest::GuestList,
    wire,
};

/// Pages of one search. Beyond that it is a placeholder that was searched for.
const MOST_PAGES: u64 = 5;

/// What a search is for, by Zenoti's names.
type Terms = Vec<(&'static str, String)>;

pub(crate) fn info(config: &ZenotiConfig) -> RegistryInfo {
    let mut required = vec![PatientField::FirstName, PatientField::LastName];
    let others = config.required_fields.iter().copied().chain([PatientField::Location]);
    for field in others {
        if !required.contains(&field) {
            required.push(field);
        }
    }
    RegistryInfo {
        name: CONNECTOR,
        product: "Zenoti",
        practice: config.practice.clone(),
        required,
        default_postal_code: None,
    }
}

#[async_trait]
impl PatientRegistry for Zenoti {
    fn info(&self) -> &RegistryInfo {
        &self.registry
    }

    async fn check(&self) -> Result<()> {
        Source::check(self).await
    }

    async fn lists(&self) -> Result<PickLists> {
        let mut centers = Vec::new();
        for center in &self.config.centers {
            match self.location(&center.id).await? {
                Some(location) => centers.push(location),
                None => {
                    let message = "a configured center is not one of the organisation's";
                    return Err(Error::new(ErrorKind::Config, message)
                        .connector(CONNECTOR)
                        .with("center", &center.id));
                }
            }
        }
        Ok(PickLists::from([(PatientField::Location, told_apart(centers))]))
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        let mut found: BTreeMap<PatientId, Patient> = BTreeMap::new();
        for terms in self.terms(person).await? {
            for patient in self.find_guests(terms).await? {
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
        let mut found = self.find_guests(vec![("user_code", chart.to_owned())]).await?;
        found.retain(|patient| {
            let code = patient.chart_number.as_ref();
            code.is_some_and(|code| code.expose().eq_ignore_ascii_case(chart))
        });
        found.dedup_by(|a, b| a.id == b.id);
        if found.len() > 1 {
            return Err(Error::new(ErrorKind::Invalid, "several guests have this guest code")
                .connector(CONNECTOR)
                .operation("search guests"));
        }
        Ok(found.pop())
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let failed = |error: Error| error.connector(CONNECTOR).operation("create guest");
        let home = self.dialling(false).await?;
        let dialling = self.dialling(home.is_foreign(patient.phone.expose())).await?;
        let body = create::body(&self.config, &dialling, patient).map_err(failed)?;
        let request = requests::create_guest(&body);
        let guest: wire::Guest = self.read(&request, Response::json).await?;
        match self.patient(&guest).await? {
            Ok(created) => Ok(created),
            // It is there, and only a search can tell which it is.
            Err(problem) => Err(self.unreadable("create guest", problem).retry(Retry::Settle)),
        }
    }
}

impl Zenoti {
    /// The searches that together find everybody who might be this person.
    async fn terms(&self, person: &Person) -> Result<Vec<Terms>> {
        let mut all = Vec::new();
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|it| !it.is_empty());
        if let Some(email) = person.email.as_ref().and_then(|it| filled(it.expose())) {
            all.push(vec![("email", email)]);
        }
        if let Some(typed) = &person.phone {
            let home = self.dialling(false).await?;
            let dialling = self.dialling(home.is_foreign(typed.expose())).await?;
            let written = dialling.written(typed.expose()).map(|it| it.digits.into_inner());
            let digits = written.unwrap_or_else(|_| phone::digits(typed.expose()));
            if !digits.is_empty() {
                all.push(vec![("phone", digits)]);
            }
        }
        // The first of several given names: the others may be middle names in Zenoti.
        let given = person.first_name.expose().split_whitespace().next().map(str::to_owned);
        if let (Some(given), Some(family)) = (given, filled(person.last_name.expose())) {
            all.push(vec![("first_name", given), ("last_name", family)]);
        }
        Ok(all)
    }

    /// The guests of one search, in every center unless one search goes over all of them.
    async fn find_guests(&self, terms: Terms) -> Result<Vec<Patient>> {
        let mut found = Vec::new();
        if self.config.search_across_centers {
            self.search_in(None, &terms, &mut found).await?;
        } else {
            for center in &self.config.centers {
                self.search_in(Some(&center.id), &terms, &mut found).await?;
            }
        }
        Ok(found)
    }

    async fn search_in(
        &self,
        center: Option<&str>,
        terms: &Terms,
        found: &mut Vec<Patient>,
    ) -> Result<()> {
        for page in 1..=MOST_PAGES {
            let request = requests::search(center, terms.clone(), page);
            let list: GuestList = match self.read(&request, Response::json).await {
                Ok(list) => list,
                // Some organisations say so of a search that finds nobody.
                Err(error) if is_missing(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            let rows = list.guests.unwrap_or_default();
            let (count, total) = (rows.len() as u64, list.page_info.and_then(|info| info.total));
            for row in rows {
                found.push(self.found(&row).await?);
            }
            let read = page * requests::PAGE;
            if count == 0 || total.map_or(count < requests::PAGE, |total| total <= read) {
                return Ok(());
            }
        }
        Err(Error::new(
            ErrorKind::Invalid,
            "more guests are found than can be compared; look for a placeholder in the contact's e-mail, phone or name",
        )
        .connector(CONNECTOR)
        .operation("search guests"))
    }

    /// A row that cannot be read may be the very guest, so it is an error.
    async fn found(&self, row: &RawValue) -> Result<Patient> {
        let unreadable = |problem| self.unreadable("search guests", problem);
        let guest: wire::Guest = read_row(row.get()).map_err(unreadable)?;
        self.patient(&guest).await?.map_err(unreadable)
    }
}

/// Two centers of one name are offered with their ids behind it.
fn told_apart(mut centers: Vec<Named>) -> Vec<Named> {
    let names: Vec<String> = centers.iter().map(|it| it.name.trim().to_lowercase()).collect();
    for (center, own) in centers.iter_mut().zip(&names) {
        if names.iter().filter(|name| *name == own).count() > 1
            && let Some(id) = &center.id
        {
            center.name = format!("{} ({id})", center.name);
        }
    }
    centers
}
