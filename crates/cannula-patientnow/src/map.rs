//! From PatientNow's words to ours. Pure.

use cannula_core::{
    Appointment, AppointmentStatus, Named, Patient, PatientId, PersonName, Phi, Phone, PhoneUse,
    Record, RecordId, VisitTime,
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::{
    config::PatientNowConfig,
    dialect::Fields,
    row::{Problem, Row},
    time,
};

/// One record, mapped.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) id: RecordId,
    pub(crate) record: Record,
    pub(crate) stamp: Option<DateTime<Utc>>,
    /// The latest day the row speaks of, if it speaks of any.
    pub(crate) latest: Option<NaiveDate>,
}

/// A row with all that reading it depends on.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) config: &'a PatientNowConfig,
    pub(crate) row: &'a Row<'a>,
    /// When it was read.
    pub(crate) at: DateTime<Utc>,
}

impl<'a> Reading<'a> {
    pub(crate) fn fields(&self) -> &'a Fields {
        &self.config.dialect.fields
    }

    /// The location's id.
    pub(crate) fn company(&self) -> Option<String> {
        self.row.id(self.fields().company_id)
    }

    pub(crate) fn zone(&self) -> Tz {
        self.config.zone_of(self.company().as_deref())
    }

    /// The location, where the row has its name.
    pub(crate) fn location(&self) -> Option<Named> {
        let name = self.row.text(self.fields().company_name)?;
        Some(Named { id: self.company(), name })
    }

    pub(crate) fn patient(&self) -> Option<PatientId> {
        self.row.id(self.fields().customer_id).map(PatientId::new)
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.row.flag(self.fields().deleted)
    }

    /// The moment in a field.
    pub(crate) fn instant(&self, field: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        self.timed(field, |text| time::instant(text, self.zone(), self.at))
    }

    /// The day in a field, on the location's calendar.
    pub(crate) fn day(&self, field: &str) -> Result<Option<NaiveDate>, Problem> {
        self.timed(field, |text| time::day(text, self.zone()))
    }

    fn visit(&self, field: &str) -> Result<Option<VisitTime>, Problem> {
        self.timed(field, |text| time::visit(text, self.zone()))
    }

    fn timed<T>(
        &self,
        field: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.row.text(field) else { return Ok(None) };
        let wrong = || Problem::new(field, "expected a time such as 2031-03-04T15:30:00");
        read(&text).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn record_id(&self, field: &'static str) -> Result<String, Problem> {
        self.row.id(field).ok_or_else(|| Problem::new(field, "is missing"))
    }
}

pub(crate) fn appointment(reading: Reading<'_>) -> Result<Mapped, Problem> {
    let fields = reading.fields();
    let id = reading.record_id(fields.appointment_id)?;
    let services = reading.row.rows(fields.services);
    let mut kinds: Vec<Named> = Vec::new();
    for service in &services {
        let kind = named(service, fields.service_id, fields.service_name);
        kinds.extend(kind.filter(|kind| !kinds.contains(kind)));
    }
    if kinds.is_empty() {
        kinds.extend(named(reading.row, fields.service_id, fields.service_name));
    }
    let mut kinds = kinds.into_iter();
    let employee = |row: &Row<'_>| named(row, fields.employee_id, fields.employee_name);
    let start = reading.visit(fields.start_time)?;
    let stamp = reading.instant(fields.updated)?;
    let appointment = Appointment {
        patient: reading.patient(),
        status: status(reading),
        kind: kinds.next(),
        also: kinds.collect(),
        purposes: Vec::new(),
        start,
        end: reading.visit(fields.end_time)?,
        practitioner: services.iter().find_map(employee).or_else(|| employee(reading.row)),
        location: reading.location(),
    };
    Ok(Mapped {
        id: RecordId::new(id),
        record: Record::Appointment(appointment),
        stamp,
        latest: start.map(|start| start.date()).max(reading.day(fields.updated)?),
    })
}

fn status(reading: Reading<'_>) -> AppointmentStatus {
    if reading.is_deleted() {
        return AppointmentStatus::EnteredInError;
    }
    match reading.row.text(reading.fields().status) {
        Some(word) => reading.config.dialect.words.status(&word),
        None => AppointmentStatus::Unknown("(no status)".to_owned()),
    }
}

/// A thing with a name; an id alone tells staff nothing.
pub(crate) fn named(row: &Row<'_>, id: &str, name: &str) -> Option<Named> {
    Some(Named { id: row.id(id), name: row.text(name)? })
}

/// A customer; `None` if they are deleted.
pub(crate) fn patient(reading: Reading<'_>) -> Result<Option<Mapped>, Problem> {
    let fields = reading.fields();
    let id = reading.record_id(fields.customer_id)?;
    if reading.is_deleted() {
        return Ok(None);
    }
    let text = |field: &str| reading.row.text(field).map(Phi::new);
    let phone = |field: &str, usage| {
        let number = text(field).filter(|it| it.expose().chars().any(|it| it.is_ascii_digit()));
        number.map(|number| Phone { usage, number, preferred: false })
    };
    let patient = Patient {
        id: PatientId::new(&*id),
        chart_number: text(fields.chart_number),
        name: PersonName {
            given: text(fields.first_name).unwrap_or_default(),
            family: text(fields.last_name).unwrap_or_default(),
        },
        birth_date: birth_date(reading)?,
        emails: text(fields.email).into_iter().collect(),
        phones: [
            phone(fields.mobile_phone, PhoneUse::Mobile),
            phone(fields.home_phone, PhoneUse::Home),
            phone(fields.work_phone, PhoneUse::Work),
        ]
        .into_iter()
        .flatten()
        .collect(),
        is_new: false,
    };
    Ok(Some(Mapped {
        id: RecordId::new(id),
        record: Record::Patient(patient),
        stamp: reading.instant(fields.updated)?,
        latest: reading.day(fields.updated)?,
    }))
}

/// The date as written; 1 January 1900 and earlier stand for none.
fn birth_date(reading: Reading<'_>) -> Result<Option<Phi<NaiveDate>>, Problem> {
    let date = reading.timed(reading.fields().birthday, time::calendar_date)?;
    let real = |date: &NaiveDate| date.year() > 1900 || (date.year() == 1900 && date.ordinal() > 1);
    Ok(date.filter(real).map(Phi::new))
}
