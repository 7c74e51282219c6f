//! Rows are added, changed and deleted while pages are read; no change may be lost.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use cannula_core::{Clock, Cursor};
use cannula_nextech::Product;
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use common::{Practice, dated, token};
use serde_json::{Value, json};
use wiremock::{Mock, Request, Respond, ResponseTemplate, matchers::path};

/// Rows in the order they were entered, as Nextech serves them, with the time of their last
/// change and a count of changes.
type Rows = Arc<Mutex<Vec<(usize, DateTime<Utc>, u32)>>>;

/// Pages of two by offset over a search that is made anew for each page.
struct Server {
    rows: Rows,
    clock: Arc<ManualClock>,
    base: String,
}

impl Respond for Server {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let since: DateTime<Utc> = query["_lastUpdated"][2..].parse().unwrap();
        let offset = query.get("_offset").map_or(0, |offset| offset.parse().unwrap());
        let rows = self.rows.lock().unwrap();
        let found: Vec<_> = rows.iter().filter(|(_, changed, _)| *changed >= since).collect();
        let entry: Vec<Value> = found
            .iter()
            .skip(offset)
            .take(2)
            .map(|(id, changed, count)| {
                json!({ "resource": {
                    "resourceType": "Appointment", "id": id.to_string(), "status": format!("state-{count}"),
                    "meta": { "lastUpdated": changed.to_rfc3339() } } })
            })
            .collect();
        let mut body = json!({ "resourceType": "Bundle", "total": found.len(), "entry": entry });
        if offset + 2 < found.len() {
            let url = format!(
                "{}?_lastUpdated={}&_offset={}",
                self.base,
                query["_lastUpdated"],
                offset + 2
            );
            body["link"] = json!([{ "relation": "next", "url": url }]);
        }
        dated(self.clock.now()).set_body_json(body)
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn change(rows: &Rows, dice: &mut Dice, now: DateTime<Utc>, new_id: usize) {
    let mut rows = rows.lock().unwrap();
    let place = dice.roll(rows.len());
    match dice.roll(4) {
        0 => rows.push((new_id, now, 0)),
        1 if rows.len() > 3 => drop(rows.remove(place)),
        _ => {
            rows[place].1 = now;
            rows[place].2 += 1;
        }
    }
}

#[tokio::test]
async fn whatever_moves_between_pages_the_last_state_of_every_row_is_read() {
    for seed in 0..80 {
        // Without an overlap, which would hide what the mark gets wrong.
        let practice =
            Practice::with(Product::Select, |config| config.overlap = Duration::ZERO).await;
        practice.tokens(token("token-1", None)).await;
        let old = "2031-05-06T13:00:00Z".parse().unwrap();
        let rows: Rows = Arc::new(Mutex::new((0..12).map(|id| (id, old, 0)).collect()));
        let base = format!("{}/api/Appointment", practice.server.uri());
        let server = Server { rows: Arc::clone(&rows), clock: practice.clock.clone(), base };
        Mock::given(path("/api/Appointment")).respond_with(server).mount(&practice.server).await;

        let mut dice = Dice(seed);
        let mut seen = BTreeMap::new();
        let mut cursor: Option<Cursor> = None;
        let mut quiet_sweeps = 0;
        for step in 0.. {
            let page = practice.poll(cursor.as_ref()).await.unwrap();
            for event in &page.events {
                let latest = seen.entry(event.key.id.clone()).or_insert_with(|| event.clone());
                if event.version > latest.version {
                    *latest = event.clone();
                }
            }
            cursor = Some(page.next);
            practice.clock.advance(Duration::from_secs(20));
            if step < 16 {
                if dice.roll(2) == 0 {
                    change(&rows, &mut dice, practice.clock.now(), 100 + step);
                }
            } else if page.last {
                // The sweep under way when things fell quiet may have begun before that.
                quiet_sweeps += 1;
                if quiet_sweeps == 2 {
                    break;
                }
            }
        }
        for (id, changed, _) in rows.lock().unwrap().iter() {
            let id = id.to_string().as_str().into();
            let event = seen.get(&id).unwrap_or_else(|| panic!("seed {seed}: row {id} was lost"));
            assert_eq!(event.version.stamp, *changed, "seed {seed}: row {id} is stale");
        }
    }
}
