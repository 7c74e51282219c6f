use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cannula_core::{Clock, Record, RecordKind};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use serde_json::{Value, json};

use super::{SourceBench, add, feed, gate, read, read_afresh};

/// Whether a change of rows has met any.
pub(super) struct Met(Arc<AtomicBool>);

impl Met {
    pub(super) fn met(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Puts the rows of every listing of a kind through a change, where there are any.
pub(super) fn change_rows(
    bench: &dyn SourceBench,
    kind: RecordKind,
    mut change: impl FnMut(&mut Vec<Value>) + Send + 'static,
) -> Met {
    let met = Met(Arc::default());
    let (flag, rows_in) = (Arc::clone(&met.0), bench.rows(kind));
    gate(bench).rewrite(bench.listing(kind), move |answer| {
        if let Some(rows) = rows_in(answer)
            && !rows.is_empty()
        {
            change(rows);
            flag.store(true, Ordering::SeqCst);
        }
    });
    met
}

/// Puts one row through a change, wherever it comes: the first that is met.
fn change_one(bench: &dyn SourceBench, kind: RecordKind, change: fn(&mut Value)) -> Met {
    let mut chosen: Option<Value> = None;
    change_rows(bench, kind, move |rows| {
        for row in rows {
            let chosen = chosen.get_or_insert_with(|| row.clone());
            if chosen == row {
                change(row);
            }
        }
    })
}

/// Its key, the JSON path, what was wrong and the row itself are kept; nobody else is delayed.
pub async fn one_bad_row_is_rejected_and_the_page_goes_on(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 3).await;
        let all = read_afresh(bench, kind).await;
        let rows = change_one(bench, kind, bench.spoil(kind));
        let spoilt = read_afresh(bench, kind).await;
        gate(bench).open();
        assert!(rows.met(), "{kind}");
        assert_eq!(spoilt.rejected.len(), 1, "{kind}: {:?}", spoilt.rejected);
        let row = &spoilt.rejected[0];
        let key = row.key.as_ref().unwrap_or_else(|| panic!("{kind}: the row's id was readable"));
        assert!(all.keys().contains(key) && !spoilt.keys().contains(key), "{kind}: {key:?}");
        assert!(!row.path.is_empty() && !row.problem.is_empty(), "{kind}: {row:?}");
        let raw = row.raw.expose().to_lowercase();
        assert!(raw.contains(&key.id.as_str().to_lowercase()), "{kind}: the row itself is kept");
        assert_eq!(spoilt.keys().len() + 1, all.keys().len(), "{kind}");
    }
}

/// Nor does it stop the listing.
pub async fn a_row_that_is_no_object_is_rejected_and_the_page_goes_on(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 3).await;
        let all = read_afresh(bench, kind).await;
        let rows = change_one(bench, kind, |row| *row = json!("out of order"));
        let spoilt = read_afresh(bench, kind).await;
        gate(bench).open();
        assert!(rows.met(), "{kind}");
        assert_eq!(spoilt.rejected.len(), 1, "{kind}: {:?}", spoilt.rejected);
        assert_eq!(spoilt.keys().len() + 1, all.keys().len(), "{kind}");
        assert!(spoilt.rejected[0].raw.expose().contains("out of order"), "{kind}");
    }
}

/// By the next sweep, which reads it like any other.
pub async fn a_bad_row_that_is_mended_is_read(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 2).await;
        let spoil = bench.spoil(kind);
        let _rows = change_rows(bench, kind, move |rows| rows.iter_mut().for_each(spoil));
        let source = bench.source(bench.largest_page());
        let spoilt = read(&*source, kind, None).await;
        assert!(spoilt.events.is_empty(), "{kind}");
        gate(bench).open();
        for index in 0..2 {
            bench.clock().advance(bench.next_sweep());
            bench.change(kind, index).await;
        }
        bench.clock().advance(bench.next_sweep());
        let mended = read(&*source, kind, spoilt.cursor.as_ref()).await;
        let of_kind = mended.keys().into_iter().filter(|key| key.kind == kind).count();
        assert_eq!(of_kind, 2, "{kind}");
    }
}

/// Vendors add fields without asking.
pub async fn unknown_fields_change_nothing(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 3).await;
        let plain = read_afresh(bench, kind).await;
        let rows = change_rows(bench, kind, |rows| rows.iter_mut().for_each(embellish));
        let adorned = read_afresh(bench, kind).await;
        gate(bench).open();
        assert!(rows.met(), "{kind}");
        assert_eq!(adorned.rejected.len(), 0, "{kind}: {:?}", adorned.rejected);
        assert_eq!(adorned.states(), plain.states(), "{kind}");
    }
}

/// Puts a field that nobody knows into every object.
fn embellish(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(embellish);
            let unknown = json!({ "new": [1, null, { "deep": "er" }] });
            object.insert("addedByTheVendorLater".to_owned(), unknown);
        }
        Value::Array(values) => values.iter_mut().for_each(embellish),
        _ => {}
    }
}

/// It is kept as it is, or rejected with the row's key; it is never dropped, and never taken for
/// another word.
pub async fn an_unknown_word_loses_no_row(bench: &dyn SourceBench) {
    let mut words = 0;
    for kind in bench.kinds() {
        add(bench, kind, 2).await;
        let plain = read_afresh(bench, kind).await;
        for (pointer, new) in bench.words(kind) {
            words += 1;
            let rows = change_rows(bench, kind, move |rows| {
                let word = rows.iter_mut().filter_map(|row| row.pointer_mut(pointer));
                word.for_each(|word| word.clone_from(&new));
            });
            let strange = read_afresh(bench, kind).await;
            gate(bench).open();
            assert!(rows.met(), "{kind}");
            let rejected = strange.rejected.iter().filter_map(|row| row.key.as_ref());
            let told: std::collections::BTreeSet<_> =
                strange.keys().into_iter().chain(rejected).collect();
            assert_eq!(told, plain.keys(), "{kind} at {pointer}");
            assert!(strange.states().is_disjoint(&plain.states()), "{kind} at {pointer}");
        }
    }
    assert!(words > 0, "the bench must name words, or lack `Power::Words`");
}

/// Around each change of clocks of the next year, and around midnight.
pub async fn a_visit_is_at_its_time_on_the_wall_and_at_its_instant(bench: &dyn SourceBench) {
    let (zone, kind) = (bench.zone(), RecordKind::Appointment);
    let today = || bench.clock().now().with_timezone(&zone).date_naive();
    let mut entered = 0;
    for change in changes_of_clocks(zone, today()) {
        let ahead = (change - today()).num_days() - 20;
        let day = std::time::Duration::from_secs(86_400);
        bench.clock().advance(day * u32::try_from(ahead.max(0)).unwrap_or_default());
        let mut starts = Vec::new();
        for (days, hour, minute) in
            [(-1, 23, 30), (0, 0, 15), (0, 1, 30), (0, 3, 30), (0, 20, 30), (1, 0, 15)]
        {
            let date = change + chrono::TimeDelta::days(days);
            let start = date.and_time(NaiveTime::from_hms_opt(hour, minute, 0).unwrap());
            if zone.from_local_datetime(&start).earliest().is_some() {
                bench.visit(start).await;
                starts.push(start);
            }
        }
        entered += starts.len();
        bench.clock().advance(std::time::Duration::from_secs(60));
        let source = bench.source(bench.largest_page());
        let all = read(&*source, kind, None).await;
        let mut times: Vec<_> = all
            .events
            .iter()
            .filter_map(|event| match &event.record {
                Record::Appointment(appointment) => appointment.start,
                _ => None,
            })
            .collect();
        times.retain(|time| starts.contains(&time.local));
        times.sort_by_key(|time| time.local);
        let locals: Vec<NaiveDateTime> = times.iter().map(|time| time.local).collect();
        assert_eq!(locals, starts, "{}", feed(&*source, kind));
        for time in times {
            let instants = zone.from_local_datetime(&time.local);
            let right = [instants.earliest(), instants.latest()];
            assert!(right.into_iter().flatten().any(|it| it == time.instant), "{time:?}");
        }
    }
    assert!(entered >= 10, "the zone must be one that changes its clocks");
}

/// The days of the next year on which the zone's clocks change.
fn changes_of_clocks(zone: chrono_tz::Tz, from: NaiveDate) -> Vec<NaiveDate> {
    let offset = |date: NaiveDate| {
        zone.offset_from_utc_datetime(&date.and_time(NaiveTime::MIN)).fix().local_minus_utc()
    };
    let days = (1..365).filter_map(|ahead| from.checked_add_days(Days::new(ahead)));
    days.filter(|date| date.succ_opt().is_some_and(|next| offset(*date) != offset(next))).collect()
}
