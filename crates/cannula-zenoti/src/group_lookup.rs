//! Finds a booking. REST has no call for a group: it is in the center's list of its day, whole and
//! with everything a visit needs. So what matters is to know the day.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{Error, ErrorKind, Event, Phi, Record, RecordKind, Rejected, Result, Retry};
use cannula_http::Response;
use chrono::{DateTime, Days, NaiveDate, Utc};
use serde_json::{Value, value::RawValue};

use crate::{
    config::Center,
    errors,
    group::{self, Group, Place},
    locator::Locator,
    map::Problem,
    requests,
    source::Zenoti,
    wire,
};

/// A center's list.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) groups: BTreeMap<String, Group>,
    /// Rows that cannot be read, and what is wrong with each.
    pub(crate) unreadable: Vec<UnreadableRow>,
    /// The bookings that those rows are part of.
    pub(crate) broken: BTreeSet<String>,
}

/// Where a booking is according to its guest's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    At {
        center: String,
        day: NaiveDate,
    },
    /// It is there, but no center or day of ours is.
    Elsewhere,
    /// The guest has no list: merged into one we do not know, perhaps, who has the booking now.
    Unknown,
    Nowhere,
}

/// Pages of a guest's list that are read at most.
const MOST_PAGES: u64 = 5;
/// How far ahead a guest's bookings are looked for.
const FAR_AHEAD: Days = Days::new(730);
/// Windows of the scan for a booking of which nothing is known but its id, per center.
const MOST_WINDOWS: u64 = 20;

impl Zenoti {
    pub(crate) async fn get_group(&self, locator: &Locator) -> Result<Option<Event>> {
        let asked_at = self.clock.now();
        let known = self.memory.lock().places.get(&locator.id).cloned();
        if locator.center.as_deref().is_some_and(|id| self.config.center(id).is_none()) {
            return Ok(None);
        }
        let mut tried = BTreeSet::new();
        let told = days(locator);
        let remembered = known.as_ref().map(|place| (place.day, place.day));
        let center = locator.center.clone().or_else(|| Some(known.as_ref()?.center.clone()));
        for (from, to) in [told, remembered].into_iter().flatten() {
            for center in self.centers(center.as_deref()) {
                if let Some(event) = self.look(locator, center, (from, to), &mut tried).await? {
                    return Ok(Some(event));
                }
            }
        }
        let mut guest = locator.guest.clone().or_else(|| Some(known.as_ref()?.guest.clone()));
        let invoice = locator.invoice.clone().or_else(|| known.as_ref()?.invoice.clone());
        if let Some(invoice) = invoice {
            match self.by_invoice(locator, &invoice, &mut guest, &mut tried).await? {
                Looked::Found(event) => return Ok(Some(*event)),
                Looked::NotOurs => return Ok(None),
                Looked::Absent => {}
            }
        }
        if let Some(guest) = guest {
            return match self.whereabouts(&locator.id, &guest).await? {
                Whereabouts::At { center, day } => {
                    let found = match self.config.center(&center) {
                        Some(center) => self.look(locator, center, (day, day), &mut tried).await?,
                        None => None,
                    };
                    let moved = "the booking is on its guest's list and not on its day";
                    found.map(Some).ok_or_else(|| self.unseen("list appointments", moved))
                }
                // Not on its day, dropped or not, and not on its guest's list.
                Whereabouts::Nowhere if !tried.is_empty() && locator.is_told() => {
                    Ok(Some(self.gone(RecordKind::Appointment, &locator.id, asked_at)))
                }
                Whereabouts::Nowhere => Ok(None),
                Whereabouts::Elsewhere => {
                    let message = "the booking is there, at no center or day of ours";
                    Err(self.unseen("list a guest's appointments", message))
                }
                Whereabouts::Unknown => {
                    let message = "the booking's guest is not there, merged into another perhaps";
                    Err(self.unseen("list a guest's appointments", message))
                }
            };
        }
        if tried.is_empty() && locator.invoice.is_none() {
            return self.scan(locator).await;
        }
        Ok(None)
    }

    fn centers(&self, id: Option<&str>) -> Vec<&Center> {
        match id {
            Some(id) => self.config.center(id).into_iter().collect(),
            None => self.config.centers.iter().collect(),
        }
    }

    /// Looks into the center's list of some days, unless that was done before.
    async fn look(
        &self,
        locator: &Locator,
        center: &Center,
        (from, to): (NaiveDate, NaiveDate),
        tried: &mut BTreeSet<(String, NaiveDate, NaiveDate)>,
    ) -> Result<Option<Event>> {
        if !tried.insert((center.id.clone(), from, to)) {
            return Ok(None);
        }
        let asked_at = self.clock.now();
        let listed = self.list(center, from, to).await?;
        let unreadable = |problem| self.unreadable("list appointments", problem);
        if listed.broken.contains(&locator.id)
            && let Some(row) =
                listed.unreadable.into_iter().find(|row| row.group.as_ref() == Some(&locator.id))
        {
            return Err(unreadable(row.problem));
        }
        let Some(group) = listed.groups.get(&locator.id) else { return Ok(None) };
        let event = self.group_event(&locator.id, group, center, asked_at, true).await?;
        event.map(Some).map_err(unreadable)
    }

    async fn by_invoice(
        &self,
        locator: &Locator,
        invoice: &str,
        guest: &mut Option<String>,
        tried: &mut BTreeSet<(String, NaiveDate, NaiveDate)>,
    ) -> Result<Looked> {
        let request = requests::invoice_with_appointments(invoice);
        let Some(invoice) = self.find(&request, wire::invoice).await? else {
            return Ok(Looked::Absent);
        };
        let center = invoice.center().or(locator.center.as_deref());
        if center.is_some_and(|id| self.config.center(id).is_none()) {
            return Ok(Looked::NotOurs);
        }
        let owner = invoice.guest.as_ref().and_then(|guest| guest.id.clone());
        *guest = owner.or_else(|| invoice.guest_id.clone()).or(guest.take());
        let starts = invoice.appointments.iter().flatten().filter_map(|it| it.start_time);
        let first = starts.map(|start| start.0.date()).min();
        let Some(days) = first.and_then(around) else { return Ok(Looked::Absent) };
        for center in self.centers(center) {
            if let Some(event) = self.look(locator, center, days, tried).await? {
                return Ok(Looked::Found(Box::new(event)));
            }
        }
        Ok(Looked::Absent)
    }

    /// Where a booking is now, by the list of its guest.
    pub(crate) async fn whereabouts(&self, id: &str, guest: &str) -> Result<Whereabouts> {
        let today = self.today(self.home());
        let back = Days::new(u64::from(self.config.sweeps.days_back) + 1);
        let (from, to) = (today - back, today + FAR_AHEAD);
        let guest = self.memory.left(guest);
        for page in 1..=MOST_PAGES {
            let request = requests::appointments_of(&guest, from, to, page);
            let Some(groups) = self.find(&request, guest_groups).await? else {
                return Ok(Whereabouts::Unknown);
            };
            let full = groups.len() as u64 >= requests::PAGE;
            let found =
                groups.into_iter().find(|it| it.appointment_group_id.as_deref() == Some(id));
            if let Some(found) = found {
                let starts = found.appointment_services.into_iter().flatten();
                let day = starts.filter_map(|it| it.start_time).min().map(|it| it.0.date());
                let center = found.center_id.unwrap_or_else(|| self.home().id.clone());
                return Ok(match day {
                    Some(day) if self.config.center(&center).is_some() => {
                        Whereabouts::At { center, day }
                    }
                    _ => Whereabouts::Elsewhere,
                });
            }
            if !full {
                return Ok(Whereabouts::Nowhere);
            }
        }
        Ok(Whereabouts::Elsewhere)
    }

    /// Looks through the days that sweeps look through, from today outwards.
    async fn scan(&self, locator: &Locator) -> Result<Option<Event>> {
        let sweeps = &self.config.sweeps;
        let windows = (u64::from(sweeps.days_ahead) / requests::SPAN + 1).min(MOST_WINDOWS);
        let past = u64::from(sweeps.days_back).div_ceil(requests::SPAN).min(MOST_WINDOWS);
        for center in &self.config.centers {
            let today = self.today(center);
            let ahead = (0..windows).map(|it| today + Days::new(it * requests::SPAN));
            let back = (1..=past).map(|it| today - Days::new(it * requests::SPAN));
            for from in ahead.chain(back) {
                self.pace().await?;
                let days = (from, from + Days::new(requests::SPAN - 1));
                if let Some(event) = self.look(locator, center, days, &mut BTreeSet::new()).await? {
                    return Ok(Some(event));
                }
            }
        }
        Ok(None)
    }

    /// All bookings of a center on some days; takes note of where they are.
    pub(crate) async fn list(
        &self,
        center: &Center,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Listed> {
        let listed = self.read(&requests::appointments(&center.id, from, to), listed).await?;
        let mut memory = self.memory.lock();
        for (id, group) in &listed.groups {
            if let Some(place) = Place::of(group, &center.id) {
                memory.places.insert(id.clone(), place);
            }
        }
        Ok(listed)
    }

    pub(crate) async fn group_event(
        &self,
        id: &str,
        group: &Group,
        center: &Center,
        asked_at: DateTime<Utc>,
        told: bool,
    ) -> Result<Result<Event, Problem>> {
        let location = self.location(&center.id).await?;
        let appointment = group::appointment(group, location.as_ref(), center.zone);
        Ok(appointment.map(|it| self.events.event(id, Record::Appointment(it), asked_at, told)))
    }

    /// What a page says of rows that cannot be read.
    pub(crate) fn rejected(
        &self,
        kind: RecordKind,
        id: Option<&str>,
        problem: Problem,
        raw: impl Into<Phi<String>>,
    ) -> Rejected {
        Rejected {
            key: id.map(|id| self.events.key(kind, id)),
            path: problem.path,
            problem: problem.what,
            raw: raw.into(),
        }
    }
}

/// A row of a list that cannot be read.
#[derive(Debug)]
pub(crate) struct UnreadableRow {
    /// The booking it is a part of, if that much could be read.
    pub(crate) group: Option<String>,
    pub(crate) problem: Problem,
    pub(crate) raw: Phi<String>,
}

/// What a look by invoice brought.
enum Looked {
    Found(Box<Event>),
    /// It is another practice's.
    NotOurs,
    Absent,
}

/// The days a locator names.
fn days(locator: &Locator) -> Option<(NaiveDate, NaiveDate)> {
    locator.day.map(|day| (day, day)).or_else(|| around(locator.near?))
}

/// A day and its neighbours, for a time of which the zone is not known.
fn around(day: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    Some((day.pred_opt()?, day.succ_opt()?))
}

/// Reads a guest's list: an object, or a bare list.
fn guest_groups(response: &Response) -> Result<Vec<wire::GuestGroup>> {
    if first_byte(&response.body) == Some(b'[') {
        return response.json();
    }
    let answer: wire::GuestGroups = response.json()?;
    Ok(answer.appointments.unwrap_or_default())
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Reads a center's list row by row, so that one that cannot be read harms no other.
fn listed(response: &Response) -> Result<Listed> {
    let rows: Vec<Box<RawValue>> = if first_byte(&response.body) == Some(b'[') {
        response.json()?
    } else {
        let answer: BTreeMap<String, Box<RawValue>> = response.json()?;
        let Some(rows) = answer.get("appointments") else {
            return Err(
                Error::new(ErrorKind::Decode, "the answer is not a list").retry(Retry::Never)
            );
        };
        cannula_http::decode(rows.get().as_bytes())?
    };
    let mut listed = Listed::default();
    let mut good = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match appointment(row.get()) {
            Ok(row) => good.push(row),
            Err(problem) => {
                let group = id_in(row.get(), "appointment_group_id");
                listed.broken.extend(group.clone());
                let problem = Problem::new(format!("[{index}].{}", problem.path), problem.what);
                let raw = Phi::new(row.get().to_owned());
                listed.unreadable.push(UnreadableRow { group, problem, raw });
            }
        }
    }
    listed.groups = group::groups(good);
    // A visit with a service that cannot be read would be another visit.
    listed.groups.retain(|id, _| !listed.broken.contains(id));
    Ok(listed)
}

fn appointment(row: &str) -> Result<wire::Appointment, Problem> {
    if errors::check(row.as_bytes()).is_err() {
        return Err(Problem::new("error", "carries an error"));
    }
    read_row(row)
}

/// The id under this name in a row that cannot be read otherwise.
pub(crate) fn id_in(row: &str, name: &str) -> Option<String> {
    let value: Value = serde_json::from_str(row).ok()?;
    value[name].as_str().and_then(wire::id)
}

/// Reads a row. The problem names the path and what would be right.
pub(crate) fn read_row<T: serde::de::DeserializeOwned>(row: &str) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_str(row);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        // What stands before "expected" may quote the value.
        let expected = text.rsplit_once("expected ").map(|(_, it)| it);
        let expected = expected.and_then(|it| it.split(" at line ").next());
        let what = expected.map_or("cannot be read".to_owned(), |it| format!("expected {it}"));
        Problem::new(path, what)
    })
}
