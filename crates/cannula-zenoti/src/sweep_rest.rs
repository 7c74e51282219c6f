//! The sweeps of guests, invoices and memberships.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{ErrorKind, Event, Page, Record, RecordKind, Result};
use cannula_http::Response;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    group_lookup::{id_in, read_row},
    map::{self, Problem},
    requests,
    source::Zenoti,
    sweep::{CALLS_A_PAGE, Progress},
    wire,
};

/// Guests that changed: by center, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Guests {
    /// What changed on or after this day is still to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<NaiveDate>,
    #[serde(default)]
    center: usize,
    /// Pages of the center that were read.
    #[serde(default)]
    pages: u64,
    /// Guests whose ids are dead, and who is left, because rows go on naming them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    merged: BTreeMap<String, String>,
}

/// Records that are read one by one: up to a number in each sweep, then on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Round {
    /// The last that was read; `None`: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Calls made in this sweep.
    #[serde(default)]
    spent: u32,
    /// Memberships and whose they are, because some messages do not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    members: BTreeMap<String, String>,
}

impl Round {
    /// The next of the sorted `candidates`, and whether the round is over with them.
    fn next<K: Ord>(
        &mut self,
        candidates: impl IntoIterator<Item = K>,
        name: impl Fn(&K) -> String,
        most: u32,
    ) -> (Vec<K>, bool) {
        let after = self.after.clone();
        let left = candidates.into_iter().filter(|it| after.as_ref().is_none_or(|a| name(it) > *a));
        let room = usize::try_from(most.saturating_sub(self.spent)).unwrap_or(usize::MAX);
        let mut left: Vec<K> = left.collect();
        let rest = left.len() > room.min(CALLS_A_PAGE);
        left.truncate(room.min(CALLS_A_PAGE));
        self.spent = self.spent.saturating_add(u32::try_from(left.len()).unwrap_or(u32::MAX));
        // At the end the next sweep starts over, else it goes on from here.
        self.after = if rest { left.last().map(&name).or(after) } else { None };
        let over = !rest || self.spent >= most;
        if over {
            self.spent = 0;
        }
        (left, over)
    }
}

/// A membership that cannot be read: its id, what is wrong, and the row.
pub(crate) type UnreadableMembership = (Option<String>, Problem, String);

impl Zenoti {
    /// Reads one page of guests that changed since the day before the last sweep began.
    pub(crate) async fn sweep_guests(&self, mut progress: Progress<Guests>) -> Result<Page> {
        let now = self.clock.now();
        self.remember_merged(&progress.at.merged);
        if !progress.begins(now) {
            return progress.page(Vec::new(), Vec::new());
        }
        let back = Days::new(self.config.sweeps.days_back.into());
        let since = *progress.at.since.get_or_insert(now.date_naive() - back);
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        if let Some(center) = self.config.centers.get(progress.at.center) {
            self.pace().await?;
            let asked_at = self.clock.now();
            let page = progress.at.pages.saturating_add(1);
            let request = requests::changed_guests(&center.id, since, page);
            let list: GuestList = self.read(&request, Response::json).await?;
            let rows = list.guests.unwrap_or_default();
            for (index, row) in rows.iter().enumerate() {
                match self.guest_row(row.get()).await? {
                    Ok(patient) => {
                        let id = patient.id.as_str().to_owned();
                        let record = Record::Patient(patient);
                        events.push(self.events.event(&id, record, asked_at, false));
                    }
                    Err(Problem { path, what }) => {
                        let problem = Problem::new(format!("guests[{index}].{path}"), what);
                        let (kind, id) = (RecordKind::Patient, id_in(row.get(), "id"));
                        let raw = row.get().to_owned();
                        rejected.push(self.rejected(kind, id.as_deref(), problem, raw));
                    }
                }
            }
            let read = page.saturating_mul(requests::PAGE);
            let total = list.page_info.and_then(|info| info.total);
            let more = total.map_or(rows.len() as u64 >= requests::PAGE, |total| total > read);
            if more && !rows.is_empty() {
                progress.at.pages = page;
                return progress.page(events, rejected);
            }
            self.pace().await?;
            events.extend(self.merges(&center.id, since).await?);
        }
        (progress.at.center, progress.at.pages) = (progress.at.center.saturating_add(1), 0);
        if progress.at.center >= self.config.centers.len() {
            let began = progress.began.unwrap_or(now).date_naive();
            // The day is in a zone that is not documented: one day more is in every zone enough.
            let known = self.memory.lock();
            let merged = known.merged.iter().map(|(dead, left)| (dead.clone(), left.clone()));
            let merged = merged.collect();
            progress.at = Guests { since: began.pred_opt(), merged, ..Guests::default() };
            progress.end(self.every(), now);
        }
        progress.page(events, rejected)
    }

    /// What an earlier process knew of merges.
    fn remember_merged(&self, merged: &BTreeMap<String, String>) {
        let mut memory = self.memory.lock();
        for (dead, left) in merged {
            if memory.merged.get(dead).is_none() {
                memory.merged.insert(dead.clone(), left.clone());
            }
        }
    }

    async fn guest_row(&self, row: &str) -> Result<Result<cannula_core::Patient, Problem>> {
        match read_row::<wire::Guest>(row) {
            Ok(guest) => self.patient(&guest).await,
            Err(problem) => Ok(Err(problem)),
        }
    }

    /// Reads again some invoices of visits that were to be paid by now.
    pub(crate) async fn sweep_invoices(&self, mut progress: Progress<Round>) -> Result<Page> {
        let now = self.clock.now();
        if !progress.begins(now) {
            return progress.page(Vec::new(), Vec::new());
        }
        let (from, to) = self.lately();
        let candidates = self.memory.lock().invoices_between(from, to);
        let name = |(day, id): &(NaiveDate, String)| format!("{day}/{id}");
        let most = self.config.sweeps.invoices;
        let (invoices, over) = progress.at.next(candidates, name, most);
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        for (_, id) in invoices {
            self.pace().await?;
            let asked_at = self.clock.now();
            let request = requests::invoice(&id);
            let problem = match self.find(&request, wire::invoice).await {
                Ok(None) => continue,
                Ok(Some(invoice)) => match self.payment(&id, &invoice, asked_at, false).await? {
                    Ok(event) => {
                        events.push(event);
                        continue;
                    }
                    Err(problem) => problem,
                },
                Err(error) if error.kind() == ErrorKind::Decode => {
                    Problem::new("invoice", error.message())
                }
                Err(error) => return Err(error),
            };
            let kind = RecordKind::Payment;
            let raw = format!("{{\"invoice\":{{\"id\":\"{id}\"}}}}");
            rejected.push(self.rejected(kind, Some(&id), problem, raw));
        }
        if over {
            progress.end(self.every(), now);
        }
        progress.page(events, rejected)
    }

    /// Reads again the memberships of some guests: those who have one, and those who came lately.
    pub(crate) async fn sweep_memberships(&self, mut progress: Progress<Round>) -> Result<Page> {
        let now = self.clock.now();
        let (from, to) = self.lately();
        let mut guests: BTreeMap<String, String> = BTreeMap::new();
        {
            let mut memory = self.memory.lock();
            for (membership, guest) in &progress.at.members {
                if memory.members.get(membership).is_none() {
                    memory.members.insert(membership.clone(), guest.clone());
                }
            }
            let members = memory.members.iter();
            guests.extend(members.map(|(_, guest)| (guest.clone(), self.home().id.clone())));
            guests.extend(memory.guests_between(from, to));
        }
        let guests: BTreeMap<_, _> =
            guests.into_iter().map(|(guest, center)| (self.memory.left(&guest), center)).collect();
        if !progress.begins(now) {
            return progress.page(Vec::new(), Vec::new());
        }
        let most = self.config.sweeps.members;
        let (guests, over) = progress.at.next(guests, |(guest, _)| guest.clone(), most);
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        for (guest, center) in guests {
            self.pace().await?;
            let (found, unreadable) = self.memberships(&guest, &center, None).await?;
            events.extend(found);
            rejected.extend(unreadable.into_iter().map(|(id, problem, raw)| {
                self.rejected(RecordKind::Membership, id.as_deref(), problem, raw)
            }));
        }
        let known = self.memory.lock();
        let known = known.members.iter().map(|(id, guest)| (id.clone(), guest.clone()));
        progress.at.members = known.collect();
        if over {
            progress.end(self.every(), now);
        }
        progress.page(events, rejected)
    }

    /// The memberships of a guest; takes note of whose they are. `told` is the one that somebody
    /// says changed.
    pub(crate) async fn memberships(
        &self,
        guest: &str,
        center: &str,
        told: Option<(&str, bool)>,
    ) -> Result<(Vec<Event>, Vec<UnreadableMembership>)> {
        let asked_at = self.clock.now();
        let request = requests::memberships(&self.memory.left(guest), center);
        let rows = match self.find(&request, membership_rows).await? {
            None if told.is_some() => {
                let message = "the membership's guest is not there, merged into another perhaps";
                return Err(self.unseen(request.operation(), message));
            }
            rows => rows.unwrap_or_default(),
        };
        let today = self.today(self.home());
        let (mut events, mut unreadable) = (Vec::new(), Vec::new());
        for row in &rows {
            let read: Result<wire::Membership, Problem> = read_row(row.get());
            let id = match &read {
                Ok(row) => row.key().cloned(),
                Err(_) => id_in(row.get(), "user_membership_id"),
            };
            let mapped = read.and_then(|row| {
                let id =
                    row.key().ok_or_else(|| Problem::new("user_membership_id", "is missing"))?;
                let membership = map::membership(&row, guest, self.config.currency)?;
                let mut memory = self.memory.lock();
                memory.members.insert(id.clone(), membership.patient.as_str().to_owned());
                if let Some(invoice) = row.invoice.as_ref().and_then(|it| it.id.as_ref()) {
                    memory.keep_invoice(invoice, membership.start.unwrap_or(today));
                }
                drop(memory);
                let changed = told.is_some_and(|(told, changed)| changed && told == id);
                let record = Record::Membership(membership);
                Ok(self.events.event(id, record, asked_at, changed))
            });
            match mapped {
                Ok(event) => events.push(event),
                Err(problem) => unreadable.push((id, problem, row.get().to_owned())),
            }
        }
        Ok((events, unreadable))
    }

    /// The days of visits whose invoices and guests are read again.
    fn lately(&self) -> (NaiveDate, NaiveDate) {
        let days = self.config.centers.iter().map(|center| self.today(center));
        let days: BTreeSet<_> = days.collect();
        let today = self.today(self.home());
        let back = Days::new(self.config.sweeps.days_back.into());
        let first = days.first().copied().unwrap_or(today);
        (first - back, days.last().copied().unwrap_or(today))
    }
}

/// A page of guests; Zenoti spells the page's key in two ways.
#[derive(Debug, Deserialize)]
pub(crate) struct GuestList {
    #[serde(default)]
    pub(crate) guests: Option<Vec<Box<RawValue>>>,
    #[serde(default, alias = "page_Info")]
    pub(crate) page_info: Option<wire::PageInfo>,
}

/// Reads a guest's memberships: an object, or a bare list.
fn membership_rows(response: &Response) -> Result<Vec<Box<RawValue>>> {
    #[derive(Deserialize)]
    struct Rows {
        #[serde(default, alias = "memberships")]
        guest_memberships: Option<Vec<Box<RawValue>>>,
    }
    let is_list = response.body.iter().find(|it| !it.is_ascii_whitespace()) == Some(&b'[');
    if is_list {
        return response.json();
    }
    Ok(response.json::<Rows>()?.guest_memberships.unwrap_or_default())
}
