//! Guests that were merged: which one is left.
//!
//! No sample is known of `Guest.Merged`, nor of what the history of merges answers. So neither is
//! believed more than that it names the guests. Which of them is left, their own records say: ids
//! die, and an id that is dead is not found, or leads to the guest that is left.

use std::collections::BTreeSet;

use cannula_core::{Event, PatientId, PatientMerge, Record, Result, Retry};
use cannula_http::Response;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

use crate::{requests, source::Zenoti, wire};

/// Guests that a merge may name at most.
const MOST_MERGED: usize = 10;

/// All guests that a merge names: every id under a key that speaks of a guest, or its own.
pub(crate) fn guests_named(value: &Value) -> Vec<String> {
    fn collect(value: &Value, is_guest: bool, ids: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if is_guest => ids.extend(wire::id(text).filter(|it| is_guid(it))),
            Value::Array(items) => items.iter().for_each(|item| collect(item, is_guest, ids)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    let key = key.to_lowercase();
                    let other = ["center", "organization", "invoice"];
                    if other.iter().any(|word| key.contains(word)) {
                        continue;
                    }
                    let speaks = key.contains("guest") || (is_guest && key == "id");
                    collect(value, speaks, ids);
                }
            }
            _ => {}
        }
    }
    let mut ids = BTreeSet::new();
    collect(value, true, &mut ids);
    ids.into_iter().take(MOST_MERGED).collect()
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

impl Zenoti {
    pub(crate) fn merge_event(&self, guest: &str, into: &str, asked_at: DateTime<Utc>) -> Event {
        self.memory.lock().merged.insert(guest.to_owned(), into.to_owned());
        let (patient, into) = (PatientId::new(guest), PatientId::new(into));
        let record = Record::PatientMerge(PatientMerge { patient, into });
        self.events.event(guest, record, asked_at, false)
    }

    /// The guest that an id leads to; `None` if it is dead.
    async fn led_to(&self, id: &str) -> Result<Option<String>> {
        let guest = self.find(&requests::guest(id), Response::json::<wire::Guest>).await?;
        Ok(guest.and_then(|guest| guest.id))
    }

    /// The one of these guests that is left; `None` if none is, or several: then not all of them
    /// were merged, and who was is not to be guessed.
    pub(crate) async fn survivor(&self, guests: &[String]) -> Result<Option<String>> {
        let mut left = BTreeSet::new();
        for guest in guests {
            left.extend(self.led_to(guest).await?);
        }
        Ok(only(self.or_remembered(left, guests)))
    }

    /// Who is left; where nobody is, who is known to be left of those that were merged on.
    fn or_remembered(&self, left: BTreeSet<String>, guests: &[String]) -> BTreeSet<String> {
        if !left.is_empty() {
            return left;
        }
        let known = guests.iter().map(|guest| self.memory.left(guest));
        known.filter(|left| !guests.contains(left)).collect()
    }

    /// The merges at a center since a day, as far as they are not known.
    pub(crate) async fn merges(&self, center: &str, since: NaiveDate) -> Result<Vec<Event>> {
        let request = requests::merges(center, since, self.today(self.home()));
        let answer: Value = match self.find(&request, Response::json).await {
            Ok(answer) => answer.unwrap_or_default(),
            // A repair of a repair: without it the other sweeps still are worth something.
            Err(error) if error.retry_advice() == Retry::Never => {
                tracing::warn!(%error, "merged guests cannot be listed");
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let lists = match &answer {
            Value::Object(fields) => fields.values().filter_map(Value::as_array).collect(),
            list => Vec::from_iter(list.as_array()),
        };
        let mut events = Vec::new();
        let mut rows: Vec<_> = lists.into_iter().flatten().map(guests_named).collect();
        // Of one whose survivor was merged on in turn, a later row may tell who is left.
        loop {
            let before = rows.len();
            let mut undecided = Vec::new();
            for guests in rows {
                match self.merged(&guests).await? {
                    Some(told) => events.extend(told),
                    None => undecided.push(guests),
                }
            }
            if undecided.is_empty() || undecided.len() == before {
                return Ok(events);
            }
            rows = undecided;
        }
    }

    /// What became of guests that were merged, as far as it is news; `None` if nobody is known to
    /// be left.
    async fn merged(&self, guests: &Vec<String>) -> Result<Option<Vec<Event>>> {
        if guests.len() < 2 || self.memory.lock().merges.get(guests).is_some() {
            return Ok(Some(Vec::new()));
        }
        let asked_at = self.clock.now();
        let (mut dead, mut left) = (Vec::new(), BTreeSet::new());
        for guest in guests {
            self.pace().await?;
            match self.led_to(guest).await? {
                Some(itself) if itself == *guest => drop(left.insert(itself)),
                Some(other) => {
                    left.insert(other);
                    dead.push(guest);
                }
                None => dead.push(guest),
            }
        }
        let left = self.or_remembered(left, guests);
        if left.is_empty() {
            return Ok(None);
        }
        let Some(left) = only(left) else { return Ok(Some(Vec::new())) };
        let events = dead.iter().map(|guest| self.merge_event(guest, &left, asked_at)).collect();
        self.memory.lock().merges.insert(guests.clone(), ());
        Ok(Some(events))
    }
}

/// The only one there is.
fn only(mut left: BTreeSet<String>) -> Option<String> {
    if left.len() > 1 {
        tracing::warn!("guests who are told to be merged are still several; nothing is passed on");
        return None;
    }
    left.pop_first()
}
