use cannula_core::{
    AppointmentStatus, Event, EventId, MembershipStatus, PaymentStatus, Record, Subject,
};
use cannula_sync::{Ingested, Store, moved_away};

use super::{StoreBench, arrivals, claim, minute, page, visit};
use crate::{appointment, membership, patient, payment, subject, without_stamp};

/// What is known of a patient: the events' ids, oldest version first.
async fn known(store: &dyn Store, patient: &str) -> Vec<EventId> {
    let history = store.history(&subject(patient)).await.unwrap();
    history.events.into_iter().map(|entry| entry.id).collect()
}

fn ids(events: &[&Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id.clone()).collect()
}

/// The withdrawal of `last`, because of `next`.
fn withdrawal(last: &Event, next: &Event) -> Event {
    moved_away(last, next.version.stamp).unwrap()
}

/// However many come at once, each caller hears of its own.
pub async fn additions_side_by_side_are_stored_once_each(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let add = |n: i64| {
        let store = std::sync::Arc::clone(&store);
        // Each is delivered twice at the same moment.
        let event = visit(&format!("a{}", n / 2), &(n / 2).to_string(), n / 2);
        tokio::spawn(async move { store.add(arrivals(&[event]), minute(0)).await.unwrap() })
    };
    let tasks: Vec<_> = (0..100).map(add).collect();
    let (mut new, mut duplicates) = (0, 0);
    for task in tasks {
        let ingested = task.await.unwrap();
        assert_eq!(ingested.new + ingested.duplicates, 1);
        new += ingested.new;
        duplicates += ingested.duplicates;
    }
    assert_eq!((new, duplicates), (50, 50));
    assert_eq!(claim(&*store, minute(0)).await.len(), 50);
}

/// By version, whoever it is about, and not by arrival; a message about it is none of its states.
pub async fn the_last_event_of_a_record_is_its_newest_version(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (first, second, third) = (visit("a", "1", 0), visit("a", "2", 1), visit("a", "1", 2));
    let told = crate::pointer("m", &first.key, false, 9);
    assert_eq!(store.last_event(&first.key).await.unwrap(), None);
    for (events, last) in [(vec![&second], &second), (vec![&third], &third), (vec![&first], &third)]
    {
        let events: Vec<_> = events.into_iter().chain([&told]).cloned().collect();
        store.add(arrivals(&events), minute(0)).await.unwrap();
        assert_eq!(store.last_event(&first.key).await.unwrap().as_ref(), Some(last));
    }
    for other in [visit("b", "1", 0).key, payment("a", "1", 1, PaymentStatus::Active, 0).key] {
        assert_eq!(store.last_event(&other).await.unwrap(), None);
    }
}

/// Or about nobody any more; once, and it makes that person due.
pub async fn a_record_that_moves_is_withdrawn_from_whom_it_was_about(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (before, after) = (visit("a", "1", 0), visit("a", "2", 5));
    store.ingest(page(0, std::slice::from_ref(&before), "c1"), minute(0)).await.unwrap();
    let moved = store.ingest(page(1, std::slice::from_ref(&after), "c2"), minute(1)).await.unwrap();
    assert_eq!(moved, Ingested { new: 1, withdrawn: 1, ..Ingested::default() });
    let again = store.add(arrivals(&[after.clone(), before.clone()]), minute(2)).await.unwrap();
    assert_eq!(again, Ingested { duplicates: 2, ..Ingested::default() });
    let withdrawn = withdrawal(&before, &after);
    let mut claims = claim(&*store, minute(3)).await;
    claims.sort_by(|a, b| a.subject.cmp(&b.subject));
    let events: Vec<(Subject, Vec<Event>)> =
        claims.into_iter().map(|claim| (claim.subject, claim.events)).collect();
    let expected = [(subject("1"), vec![before, withdrawn]), (subject("2"), vec![after.clone()])];
    assert_eq!(events, expected);

    let mut block = visit("a", "", 9);
    if let Record::Appointment(appointment) = &mut block.record {
        appointment.patient = None;
    }
    store.add(arrivals(std::slice::from_ref(&block)), minute(4)).await.unwrap();
    assert_eq!(known(&*store, "2").await, ids(&[&after, &withdrawal(&after, &block)]));
}

/// Where it belongs does not depend on what came first.
pub async fn a_late_state_of_a_moved_record_is_withdrawn_as_well(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [a, b, c] = [visit("a", "1", 0), visit("a", "2", 5), visit("a", "3", 9)];
    for event in [&c, &a, &b] {
        store.add(arrivals(std::slice::from_ref(event)), minute(0)).await.unwrap();
    }
    // The one in the middle came last: what stood on its left is withdrawn before it came, too.
    let first = ids(&[&a, &withdrawal(&a, &b), &withdrawal(&a, &c)]);
    assert_eq!(known(&*store, "1").await, first);
    assert_eq!(known(&*store, "2").await, ids(&[&b, &withdrawal(&b, &c)]));
    assert_eq!(known(&*store, "3").await, ids(&[&c]));
}

/// And it is the first person's again.
pub async fn a_record_that_comes_back_is_withdrawn_from_the_other_person(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [a, b, c] = [visit("a", "1", 0), visit("a", "2", 5), visit("a", "1", 9)];
    for event in [&a, &b, &c] {
        store.add(arrivals(std::slice::from_ref(event)), minute(0)).await.unwrap();
    }
    assert_eq!(known(&*store, "1").await, ids(&[&a, &withdrawal(&a, &b), &c]));
    assert_eq!(known(&*store, "2").await, ids(&[&b, &withdrawal(&b, &c)]));
}

/// A patient's record is about itself, so this is what happens to all that can move.
pub async fn payments_and_memberships_move_as_well_and_patients_do_not(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let row = |of, at| payment("p", of, 100, PaymentStatus::Active, at);
    let club = |of, at| membership("m", of, MembershipStatus::Active, at);
    let before = [row("1", 0), club("1", 1), patient("1", 2)];
    let after = [row("2", 5), club("2", 6), patient("2", 7)];
    store.add(arrivals(&before), minute(0)).await.unwrap();
    let moved = store.add(arrivals(&after), minute(0)).await.unwrap();
    assert_eq!((moved.new, moved.withdrawn), (3, 2));
    let withdrawn = [withdrawal(&before[0], &after[0]), withdrawal(&before[1], &after[1])];
    let expected: Vec<_> = before.iter().chain(&withdrawn).collect();
    assert_eq!(known(&*store, "1").await, ids(&expected));
}

/// Neither the page nor what would follow from it.
pub async fn a_refused_page_withdraws_nothing(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (before, after) = (visit("a", "1", 0), visit("a", "2", 5));
    store.ingest(page(0, std::slice::from_ref(&before), "c1"), minute(0)).await.unwrap();
    store.ingest(page(0, std::slice::from_ref(&after), "c2"), minute(0)).await.unwrap_err();
    assert_eq!(known(&*store, "1").await, ids(&[&before]));
    assert_eq!(store.last_event(&before.key).await.unwrap(), Some(before));
}

fn states() -> [Event; 2] {
    let state = |status| appointment("a", "1", "Consult", status, 0);
    [state(AppointmentStatus::Pending), state(AppointmentStatus::Confirmed)]
}

/// Where the vendor gives no times of change, a record that is again what it was has an id that
/// is known. Sweeps overlap, so each is read more than once.
pub async fn a_state_read_again_after_another_is_new(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [pending, confirmed] = &states();
    let reads = [pending, pending, confirmed, confirmed, pending, pending, confirmed, pending];
    let mut news = Vec::new();
    for (read, state) in reads.into_iter().enumerate() {
        let event = without_stamp(state, i64::try_from(read).unwrap());
        let page = page(read as u64, &[event], "c");
        news.push(store.ingest(page, minute(20)).await.unwrap().new);
        let last = store.last_event(&state.key).await.unwrap().unwrap();
        assert_eq!(last.record, state.record);
    }
    assert_eq!(news, [1, 0, 1, 0, 1, 0, 1, 1]);
    // An answer that was long on its way tells nothing new.
    let late =
        store.ingest(page(8, &[without_stamp(confirmed, 3)], "c"), minute(20)).await.unwrap();
    assert_eq!((late.new, late.duplicates), (0, 1));
    let claim = claim(&*store, minute(20)).await.remove(0);
    let told: Vec<_> = claim.events.iter().map(|event| &event.record).collect();
    let changes = [pending, confirmed, pending, confirmed, pending];
    assert_eq!(told, changes.map(|state| &state.record));
    let mut ids: Vec<_> = claim.events.iter().map(|event| &event.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

/// A vendor that was not answered in time delivers again, much later perhaps. And a version with
/// the vendor's own stamp is the same version whenever it is read.
pub async fn a_state_delivered_again_after_another_is_ignored(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [pending, confirmed] = &states();
    let delivered = [(pending, 0, 1), (confirmed, 1, 1), (pending, 2, 0)];
    for (state, at, new) in delivered {
        let arrivals = arrivals(&[without_stamp(state, at)]);
        assert_eq!(store.add(arrivals, minute(20)).await.unwrap().new, new);
    }
    let stamped = [visit("b", "1", 0), visit("b", "1", 5), visit("b", "1", 0)];
    for (revision, event) in stamped.into_iter().enumerate() {
        let page = page(revision as u64, &[event], "c");
        assert_eq!(store.ingest(page, minute(20)).await.unwrap().new, u64::from(revision < 2));
    }
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.pending, summary.events()), (4, 4));
}

/// It was taken for gone and the source shows it, unchanged or as it was changed before that. An
/// answer that was long on its way, or a repeated delivery, brings nothing back.
pub async fn a_withdrawn_record_that_is_read_is_there_again(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let (booked, changed) = (visit("a", "1", 0), visit("a", "1", 3));
    let gone = |at| {
        let mut record = booked.record.clone();
        if let Record::Appointment(appointment) = &mut record {
            appointment.status = AppointmentStatus::Cancelled;
        }
        let (practice, id) = (booked.key.practice.clone(), booked.key.id.clone());
        Event::withdrawal(practice, id, record, minute(at))
    };
    let mut revision = 0;
    let mut read = async |event: &Event| {
        let page = page(revision, std::slice::from_ref(event), "c");
        revision += 1;
        store.ingest(page, minute(20)).await.unwrap().new
    };
    let last = async || store.last_event(&booked.key).await.unwrap().unwrap();
    assert_eq!(read(&booked).await, 1);
    store.add(arrivals(&[gone(5)]), minute(20)).await.unwrap();
    let delivered = store.add(arrivals(std::slice::from_ref(&booked)), minute(20)).await.unwrap();
    assert_eq!((delivered.new, last().await.record), (0, gone(5).record));

    // By its content alone it is told from what was read before the withdrawal.
    assert_eq!(read(&without_stamp(&changed, 4)).await, 1);
    assert_eq!(last().await.record, gone(5).record);
    // The vendor's time of its last change is before it as well, and says nothing of that.
    assert_eq!(read(&booked).await, 1);
    let back = last().await;
    assert_eq!(back.record, booked.record);
    assert!(back.version.stamp > minute(5) && back.version.stamp < minute(6));
    assert_eq!(read(&booked).await, 0, "it is no news a second time");

    store.add(arrivals(&[gone(9)]), minute(20)).await.unwrap();
    // The change itself, and that it is so again.
    assert_eq!(read(&changed).await, 2);
    assert_eq!(last().await.record, changed.record);
    assert_eq!(read(&changed).await, 0);
    // What the vendor cancels stays cancelled, however often an older answer comes.
    let cancelled = appointment("a", "1", "Consult", AppointmentStatus::Cancelled, 15);
    assert_eq!((read(&cancelled).await, read(&changed).await), (1, 0));
    assert_eq!(last().await, cancelled);
}
