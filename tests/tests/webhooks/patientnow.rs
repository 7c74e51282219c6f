use std::time::Duration;

use cannula::{
    core::{AppointmentStatus as Status, ParkReason},
    sync::Replay,
};
use cannula_sandbox::{
    Fault, LineKind, OrderLine, Vendor,
    practice::{AppointmentState, Email, PatientState},
};
use cannula_tests::{Clinic, Emr, World, WorldConfig};

use crate::{clinic, contact, field, out_of_reach, parked, time, titles};

/// Longer than from one sweep to the next.
const A_SWEEP: Duration = Duration::from_secs(7 * 3_600);

/// The contact's lifetime value, and what its opportunity is worth.
fn worth(clinic: &Clinic, first_name: &str) -> (String, Option<String>) {
    let contact = contact(clinic, first_name);
    let value = contact.opportunities.first().and_then(|it| it.value.clone());
    (field(&contact, "Patient Lifetime Value"), value)
}

#[tokio::test]
async fn webhooks_leave_the_notes_that_the_crms_help_pages_name() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    clinic.minutes().await.unwrap();
    let visit = AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00"));
    let visit = practice.book(visit);
    clinic.minutes().await.unwrap();
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    clinic.minutes().await.unwrap();
    let order = practice.open_order(&ann, "Laser Treatment", 45_000);
    clinic.minutes().await.unwrap();
    assert_eq!(worth(&clinic, "Ann").0, "", "a visit and an open order are no revenue");
    practice.close_order(&order);
    clinic.minutes().await.unwrap();
    let contact = contact(&clinic, "Ann");
    let wanted =
        ["Patient Created", "Appointment Booked", "Appointment Status Update", "Order Closed"];
    assert_eq!(titles(&contact), wanted);
    assert!(contact.notes[2].contains("Status: Confirmed"), "{}", contact.notes[2]);
    assert_eq!(parked(&clinic).await, []);
}

#[tokio::test]
async fn a_customer_without_phone_and_email_is_parked_and_comes_alive_when_one_is_added() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(out_of_reach("Ann", 1));
    let visit =
        practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00")));
    clinic.minutes().await.unwrap();
    assert!(clinic.contacts("Ann").is_empty());
    assert_eq!(parked(&clinic).await, [(ParkReason::NoContactDetails, 2)]);

    // No webhook tells of it; the next one about anything of hers does.
    let email = Email { address: "ann@example.test".to_owned(), private: false };
    practice.update_patient(&ann, |ann| ann.emails.push(email));
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    clinic.minutes().await.unwrap();
    let titles = titles(&contact(&clinic, "Ann")).join(", ");
    assert_eq!(titles, "Patient Created, Appointment Booked, Appointment Status Update");
    assert_eq!(parked(&clinic).await, []);
}

#[tokio::test]
async fn somebody_out_of_reach_comes_alive_with_a_replay_too_and_asks_nobody_until_then() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(out_of_reach("Ann", 1));
    clinic.minutes().await.unwrap();
    assert_eq!(parked(&clinic).await, [(ParkReason::NoContactDetails, 1)]);
    let email = Email { address: "ann@example.test".to_owned(), private: false };
    practice.update_patient(&ann, |ann| ann.emails.push(email));
    clinic.minutes().await.unwrap();
    assert!(clinic.contacts("Ann").is_empty());
    clinic.engine.replay(Replay::Parked).await.unwrap();
    clinic.minutes().await.unwrap();
    assert_eq!(titles(&contact(&clinic, "Ann")), ["Patient Created"]);
    assert_eq!(parked(&clinic).await, []);
}

#[tokio::test]
async fn an_order_counts_while_it_is_closed_and_not_when_reopened_voided_or_refunded() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00")));
    let kept = practice.open_order(&ann, "Laser Treatment", 10_000);
    practice.close_order(&kept);
    let order = practice.open_order(&ann, "Injectables", 45_050);
    clinic.work(A_SWEEP).await.unwrap();
    let is = |text: &str| (text.to_owned(), Some(text.to_owned()));
    let plain = |(field, value): (String, Option<String>)| {
        let cut = |text: String| text.trim_end_matches(".0").to_owned();
        (cut(field), value.map(cut))
    };
    let look = || plain(worth(&clinic, "Ann"));
    assert_eq!(look(), is("100"));
    practice.close_order(&order);
    clinic.minutes().await.unwrap();
    assert_eq!(look(), is("550.5"));
    // No webhook tells of what follows but the second closing.
    practice.reopen_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("100"));
    practice.update_order(&order, |order| order.lines[0].price = price(20_025));
    practice.close_order(&order);
    clinic.minutes().await.unwrap();
    assert_eq!(look(), is("300.25"));
    practice.void_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("100"));
    practice.refund_order(&kept);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("0"));
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
}

fn price(minor: i64) -> cannula::core::Money {
    cannula::core::Money::from_minor(minor, cannula::core::Currency::USD)
}

#[tokio::test]
async fn a_membership_leaves_a_note_fields_and_a_tag_and_takes_the_tag_back() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let (order, _) = practice.sell_membership(&ann, "Glow Monthly", 19_900);
    clinic.minutes().await.unwrap();
    let member = contact(&clinic, "Ann");
    let shown = [field(&member, "Membership"), field(&member, "Membership Status")];
    assert_eq!(shown, ["Glow Monthly", "Active"]);
    assert_eq!(member.tags, ["member"]);
    let note = member.notes.iter().find(|note| note.starts_with("Membership Active")).unwrap();
    assert!(note.contains("Price: $199.00"), "{note}");

    practice.void_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    let former = contact(&clinic, "Ann");
    assert_eq!(field(&former, "Membership Status"), "Cancelled");
    assert_eq!(former.tags, [""; 0]);
    assert!(titles(&former).contains(&"Membership Cancelled"), "{:?}", titles(&former));
}

#[tokio::test]
async fn a_membership_ends_with_the_closing_or_the_line_that_sold_it() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let (order, _) = practice.sell_membership(&ann, "Glow Monthly", 19_900);
    clinic.work(A_SWEEP).await.unwrap();
    let look = || {
        let contact = contact(&clinic, "Ann");
        (field(&contact, "Membership Status"), contact.tags.join(" "))
    };
    let is = |status: &str, tags: &str| (status.to_owned(), tags.to_owned());
    assert_eq!(look(), is("Active", "member"));
    practice.reopen_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("Cancelled", ""), "it is not sold as long as the order is open");
    practice.close_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("Active", "member"));
    // Between two sweeps it is opened, loses the line and is closed.
    practice.reopen_order(&order);
    practice.update_order(&order, |order| {
        order.lines = vec![OrderLine::new(LineKind::Service, "Skin Care", 10_000)];
    });
    practice.close_order(&order);
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(look(), is("Cancelled", ""));
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
}

#[tokio::test]
async fn a_visit_that_was_not_there_for_a_moment_comes_back_with_the_next_sweep() {
    let clinic = clinic(Emr::PatientNow).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let visit =
        practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00")));
    clinic.minutes().await.unwrap();
    let faults = clinic.world.sandbox.faults(Vendor::PatientNow);
    for _ in 0..2 {
        faults.script("/appointments/", Fault::NotThere);
    }
    practice.update_appointment(&visit, |visit| visit.status = Status::Confirmed);
    clinic.minutes().await.unwrap();
    clinic.minutes().await.unwrap();
    let shown = || field(&contact(&clinic, "Ann"), "NXT Appointment Status");
    assert_eq!(shown(), "Cancelled", "it was asked for twice");
    clinic.work(A_SWEEP).await.unwrap();
    assert_eq!(shown(), "Confirmed");
    assert_eq!(field(&contact(&clinic, "Ann"), "Next Visit Date"), "2026-03-02");
}

#[tokio::test]
async fn visits_read_from_the_list_of_upcoming_ones_are_not_cancelled_by_leaving_it() {
    let mut config = WorldConfig::empty(Emr::PatientNow);
    config.by_customer = true;
    let clinic = Clinic::open(World::start(config).await.unwrap()).await.unwrap();
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let visit =
        practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-02-20T10:00")));
    let other = practice.book(AppointmentState::new(&ann, "Skin Care", time("2026-02-21T10:00")));
    clinic.minutes().await.unwrap();
    assert_eq!(field(&contact(&clinic, "Ann"), "Next Visit Date"), "2026-02-20");
    // Far beyond the days of sweeps, and over: that one is in no such list any more.
    practice.update_appointment(&other, |visit| visit.start = time("2026-09-01T10:00"));
    practice.update_appointment(&visit, |visit| visit.status = Status::Fulfilled);
    clinic.minutes().await.unwrap();
    clinic.minutes().await.unwrap();
    let titles = titles(&contact(&clinic, "Ann")).len();
    clinic.work(A_SWEEP).await.unwrap();
    let ann = contact(&clinic, "Ann");
    assert_eq!(field(&ann, "Last Visit Date"), "2026-02-20");
    assert_eq!(field(&ann, "Next Visit Date"), "2026-09-01");
    let cancelled = ann.notes.iter().any(|note| note.contains("Cancelled"));
    assert!(!cancelled && titles > 0, "{:#?}", ann.notes);
    assert_eq!(clinic.engine.summary().await.unwrap().dead, 0);
}
