//! Guests of Zenoti that were merged: everything of both is the one's who is left.

use std::{path::Path, sync::Arc, time::Duration};

use cannula::{
    core::{AppointmentStatus as Status, PatientId, RecordId, Subject},
    rules::PersonState,
    sync::Store,
};
use cannula_sandbox::{
    ContactSnapshot,
    practice::{AppointmentState, PatientState},
    zenoti::{Amount, MembershipStanding as Standing},
};
use cannula_testkit::{Crash, CrashSink, CrashStore};
use cannula_tests::{Clinic, Emr, World, WorldConfig};

use futures::{StreamExt, stream};

use crate::{accepting::open, clinic, contact, field, out_of_reach, parked, time, zenoti::heard};

/// From one sweep to the next.
const A_DAY: Duration = Duration::from_secs(25 * 3_600);

/// Ann, who has a visit long ago that was paid for, a visit to come and a membership.
async fn ann_with_a_past(clinic: &Clinic) -> (PatientId, RecordId) {
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let past = AppointmentState::new(&ann, "Laser Treatment", time("2025-11-10T10:00"));
    let past = practice.book(past);
    let visit = AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00"));
    let visit = practice.book(visit);
    practice.zenoti_join(&ann, "Juniper Circle", Amount::cents(49_500));
    clinic.minutes().await.unwrap();
    practice.update_appointment(&past, |past| past.status = Status::Fulfilled);
    practice.zenoti_close_invoice(&past, None).unwrap();
    clinic.minutes().await.unwrap();
    (ann, visit)
}

#[tokio::test]
async fn what_a_merged_guest_had_becomes_the_survivors_at_once_however_old_it_is() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let (ann, visit) = ann_with_a_past(&clinic).await;
    let anna = practice.add_patient(PatientState::new("Anna", "Smith", 2));
    practice.book(AppointmentState::new(&anna, "Skin Care", time("2026-03-05T10:00")));
    clinic.minutes().await.unwrap();
    let paid = field(&contact(&clinic, "Ann"), "Patient Lifetime Value");
    assert_ne!(paid, "");
    assert!(practice.zenoti_merge_guests(&ann, &anna));
    // No sweep: the webhook is all that tells.
    clinic.minutes().await.unwrap();
    let (left, other) = (contact(&clinic, "Anna"), contact(&clinic, "Ann"));
    assert_eq!(field(&left, "Next Visit Date"), "2026-03-02");
    assert_eq!(field(&left, "Last Visit Date"), "2025-11-10");
    assert_eq!(field(&left, "Membership Status"), "Active");
    assert_eq!(field(&left, "Patient Lifetime Value"), paid);
    assert!(is_member(&left) && !is_member(&other), "{:?} {:?}", left.tags, other.tags);
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
    // Her own contact is not a second one of the same person's that somebody would call.
    assert_eq!(field(&other, "Next Visit Date"), "");
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    clinic.minutes().await.unwrap();
    assert_eq!(field(&contact(&clinic, "Anna"), "NXT Appointment Status"), "Confirmed");
    assert_eq!(clinic.world.sandbox.crm().contacts.len(), 2);

    let mut person = None;
    let find = |subject: &Subject, _: &PersonState| {
        if subject.person.as_str() == ann.as_str() {
            person = Some(subject.clone());
        }
    };
    clinic.engine.for_each_state(find).await.unwrap();
    let said = clinic.engine.explain(&person.unwrap()).await.unwrap();
    let said: Vec<_> = said.iter().flat_map(|line| &line.sentences).collect();
    let merged = format!("The EMR merged this patient into patient {}.", anna.as_str());
    assert!(said.iter().any(|it| it.starts_with(&merged)), "{said:#?}");
    assert!(said.iter().any(|it| it.ends_with("merge them in the CRM.")), "{said:#?}");
}

#[tokio::test]
async fn a_survivor_without_a_contact_takes_over_the_merged_guests_with_its_notes() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let (ann, visit) = ann_with_a_past(&clinic).await;
    let anna = practice.add_patient(out_of_reach("Anna", 2));
    clinic.minutes().await.unwrap();
    assert!(clinic.contacts("Anna").is_empty());
    let before = contact(&clinic, "Ann");
    assert!(practice.zenoti_merge_guests(&ann, &anna));
    clinic.minutes().await.unwrap();
    let after = contact(&clinic, "Anna");
    assert_eq!(after.id, before.id);
    // What was registered without an address is noted now; nothing else is told twice.
    let mut told = after.notes.clone();
    told.retain(|note| !before.notes.contains(note));
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("Patient Created"), "{told:#?}");
    assert_eq!(field(&after, "Next Visit Date"), "2026-03-02");
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    clinic.minutes().await.unwrap();
    assert_eq!(field(&contact(&clinic, "Anna"), "NXT Appointment Status"), "Confirmed");
    assert_eq!(parked(&clinic).await, []);
    assert_eq!(clinic.world.sandbox.crm().contacts.len(), 1);
}

#[tokio::test]
async fn a_merge_whose_webhook_is_lost_is_found_in_the_history_of_merges() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let (ann, _) = ann_with_a_past(&clinic).await;
    let anna = practice.add_patient(PatientState::new("Anna", "Smith", 2));
    clinic.minutes().await.unwrap();
    clinic.change_quirks(|quirks| quirks.loss = 1.0);
    assert!(practice.zenoti_merge_guests(&ann, &anna));
    clinic.work(A_DAY).await.unwrap();
    assert!(heard(&clinic).contains(&"Guest.Merged".to_owned()));
    assert_eq!(field(&contact(&clinic, "Anna"), "Last Visit Date"), "2025-11-10");
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
}

fn is_member(contact: &ContactSnapshot) -> bool {
    contact.tags.iter().any(|tag| tag == "member")
}

/// The vendor does not say what becomes of what a merged guest had. It may have the other's id from
/// then on, or keep one that is dead; either way, and by webhook or sweep, it counts once.
#[tokio::test]
async fn what_goes_on_naming_a_merged_guest_counts_for_the_survivor_and_once() {
    for (dead_ids, loss) in [(true, 0.0), (true, 1.0), (false, 0.0), (false, 1.0)] {
        let what = format!("dead ids {dead_ids}, loss {loss}");
        let clinic = clinic(Emr::Zenoti).await;
        clinic.world.sandbox.zenoti().change_settings(|settings| settings.dead_ids = dead_ids);
        let practice = clinic.world.sandbox.practice();
        let (ann, _) = ann_with_a_past(&clinic).await;
        // The sweeps of invoices come to it.
        let lately = AppointmentState::new(&ann, "Skin Care", time("2026-02-17T10:00"));
        let lately = practice.book(lately);
        let membership = practice.zenoti_membership_ids().remove(0);
        let anna = practice.add_patient(PatientState::new("Anna", "Smith", 2));
        clinic.work(A_DAY).await.unwrap();
        clinic.change_quirks(|quirks| quirks.loss = loss);
        assert!(practice.zenoti_merge_guests(&ann, &anna));
        clinic.work(A_DAY).await.unwrap();
        let told = contact(&clinic, "Anna").notes;
        assert_eq!(clinic.ledgers().await.unwrap(), clinic.books(), "{what}");
        // Nothing happens, and it is read again.
        for _ in 0..2 {
            clinic.work(A_DAY).await.unwrap();
        }
        assert_eq!(contact(&clinic, "Anna").notes, told, "{what}");
        assert_eq!(clinic.ledgers().await.unwrap(), clinic.books(), "{what}");

        practice.update_appointment(&lately, |visit| visit.status = Status::Fulfilled);
        practice.zenoti_close_invoice(&lately, None).unwrap();
        assert!(practice.zenoti_change_membership(&membership, Standing::Frozen));
        clinic.work(A_DAY).await.unwrap();
        let left = contact(&clinic, "Anna");
        assert_eq!(field(&left, "NXT Appointment Status"), "Fulfilled", "{what}");
        assert_eq!(field(&left, "Membership Status"), "Frozen", "{what}");
        assert_eq!(clinic.ledgers().await.unwrap(), clinic.books(), "{what}");
        assert_eq!(clinic.books().keys().collect::<Vec<_>>(), [&anna], "{what}");
        let mut news = left.notes.clone();
        news.retain(|note| !told.contains(note));
        let mut news: Vec<_> = news.iter().filter_map(|note| note.lines().next()).collect();
        news.sort_unstable();
        let wanted = ["Appointment Status Update", "Invoice Closed", "Membership Frozen"];
        assert_eq!(news, wanted, "{what}");
        let other = contact(&clinic, "Ann");
        assert_eq!((field(&other, "Next Visit Date"), is_member(&other)), (String::new(), false));
    }
}

/// A contact's data, with notes in no order and without their references, which are made from the
/// moments at which the EMR was asked.
fn plain(contact: ContactSnapshot) -> String {
    let mut notes: Vec<_> = contact.notes.iter().filter_map(|it| it.rsplit_once('\n')).collect();
    notes.sort_unstable();
    let notes: Vec<_> = notes.into_iter().map(|(text, _)| text).collect();
    let stages: Vec<_> =
        contact.opportunities.iter().map(|it| (&it.pipeline, &it.stage, &it.value)).collect();
    let ContactSnapshot { first_name, fields, tags, .. } = &contact;
    format!("{first_name:?} {fields:?} {tags:?} {stages:?} {notes:#?}")
}

/// A merge, and a change of what names the dead guest, while the process ends at this boundary.
/// Nothing is swept, so what was lost would stay lost. Returns whether it did, and what the CRM
/// holds in the end.
async fn die(anna: fn() -> PatientState, boundary: u64) -> (bool, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("practice.db");
    let config = WorldConfig {
        payments: cannula::rules::PaymentPipelines::All,
        ..WorldConfig::empty(Emr::Zenoti)
    };
    let first = on(World::start(config).await.unwrap(), &file, Crash::never()).await;
    let (ann, visit) = ann_with_a_past(&first).await;
    let anna = first.world.sandbox.practice().add_patient(anna());
    first.minutes().await.unwrap();

    let crash = Crash::at(boundary);
    let second = on(first.end().unwrap(), &file, Arc::clone(&crash)).await;
    let practice = second.world.sandbox.practice();
    assert!(practice.zenoti_merge_guests(&ann, &anna));
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    let heard = second.minutes().await;
    let died = crash.happened();
    assert_eq!(heard.is_err(), died, "{boundary}");

    let third = on(second.end().unwrap(), &file, Crash::never()).await;
    for _ in 0..2 {
        third.hear(Duration::from_secs(3_600)).await.unwrap();
    }
    let practice = third.world.sandbox.practice();
    practice.update_appointment(&visit, |visit| visit.status = Status::Fulfilled);
    practice.zenoti_close_invoice(&visit, None).unwrap();
    third.minutes().await.unwrap();
    assert_eq!(third.ledgers().await.unwrap(), third.books(), "{boundary}");
    assert_eq!(parked(&third).await, [], "{boundary}");
    let contacts = third.world.sandbox.crm().contacts;
    (died, contacts.into_iter().map(plain).collect())
}

async fn on(world: World, file: &Path, crash: Arc<Crash>) -> Clinic {
    let inner = Arc::new(open(file).await) as Arc<dyn Store>;
    let store = Arc::new(CrashStore { inner, crash: Arc::clone(&crash) });
    let sink = Arc::new(CrashSink { inner: world.sink().unwrap(), crash });
    Clinic::with(world, store, sink).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_around_a_merge_loses_nothing_and_doubles_nothing() {
    let reachable = || PatientState::new("Anna", "Smith", 2);
    let (alone, contacts) = (|| out_of_reach("Anna", 2), [2, 1]);
    for (anna, contacts) in [reachable as fn() -> PatientState, alone].into_iter().zip(contacts) {
        let (_, expected) = die(anna, u64::MAX).await;
        assert_eq!(expected.len(), contacts, "{expected:#?}");
        // A task each, so that they run on all threads.
        let lives = stream::iter(0..).map(|boundary| tokio::spawn(die(anna, boundary)));
        let lives = lives.buffered(4).map(Result::unwrap).enumerate();
        let dead = lives.take_while(|(boundary, (died, held))| {
            assert_eq!(*held, expected, "crashed at boundary {boundary}");
            std::future::ready(*died)
        });
        let deaths = dead.count().await;
        assert!(deaths > 20, "{deaths}");
    }
}
