use cannula::core::AppointmentStatus as Status;
use cannula_sandbox::{
    Vendor,
    practice::{AppointmentState, PatientState},
    zenoti::{Amount, MembershipStanding as Standing},
};
use cannula_tests::{Clinic, Emr};

use crate::{clinic, contact, field, time, titles};

/// What was told so far, by the names of the events.
pub(crate) fn heard(clinic: &Clinic) -> Vec<String> {
    let log = clinic.world.sandbox.webhook_log(Vendor::Zenoti);
    log.into_iter().map(|delivery| delivery.event).collect()
}

#[tokio::test]
async fn a_status_that_names_no_guest_is_joined_to_its_visit() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let visit =
        practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00")));
    clinic.minutes().await.unwrap();
    practice.update_appointment(&visit, |visit| visit.status = Status::NoShow);
    clinic.minutes().await.unwrap();
    assert!(heard(&clinic).contains(&"AppointmentGroup.Status".to_owned()));
    let contact = contact(&clinic, "Ann");
    let wanted = ["Patient Created", "Appointment Booked", "Appointment Status Update"];
    assert_eq!(titles(&contact), wanted);
    assert_eq!(field(&contact, "NXT Appointment Status"), "No-Show");
    assert_eq!(contact.opportunities[0].stage, "Cancelled / No-Show");
}

#[tokio::test]
async fn a_group_that_lost_all_its_services_is_cancelled() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let visit = AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00"));
    let visit = practice.book(visit);
    practice.zenoti_add_service(&visit, "Skin Care", false);
    clinic.minutes().await.unwrap();
    let before = contact(&clinic, "Ann");
    assert_eq!(field(&before, "NXT Appointment Type"), "Laser Treatment, Skin Care");
    assert_eq!(field(&before, "Next Visit Date"), "2026-03-02");
    practice.zenoti_remove_services(&visit);
    clinic.minutes().await.unwrap();
    let after = contact(&clinic, "Ann");
    assert_eq!(field(&after, "NXT Appointment Status"), "Cancelled");
    assert_eq!(field(&after, "Next Visit Date"), "");
    assert_eq!(after.opportunities[0].stage, "Cancelled / No-Show");
}

#[tokio::test]
async fn a_group_whose_services_are_put_back_as_they_were_is_a_visit_again() {
    for lost in [false, true] {
        let clinic = clinic(Emr::Zenoti).await;
        let practice = clinic.world.sandbox.practice();
        let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
        let visit = AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00"));
        let visit = practice.book(visit);
        clinic.minutes().await.unwrap();
        let shown = || {
            let contact = contact(&clinic, "Ann");
            let opportunity = contact.opportunities[0].stage.clone();
            let [status, next] = ["NXT Appointment Status", "Next Visit Date"];
            [field(&contact, status), field(&contact, next), opportunity]
        };
        let booked = shown();
        practice.zenoti_remove_services(&visit);
        clinic.minutes().await.unwrap();
        assert_eq!(shown()[0], "Cancelled");
        clinic.change_quirks(|quirks| quirks.loss = f64::from(u8::from(lost)));
        assert!(practice.zenoti_put_services_back(&visit));
        clinic.minutes().await.unwrap();
        assert_eq!(shown() == booked, !lost);
        clinic.work(std::time::Duration::from_secs(7 * 3_600)).await.unwrap();
        assert_eq!(shown(), booked, "lost: {lost}");
    }
}

#[tokio::test]
async fn an_invoice_counts_by_its_state_and_not_by_what_its_event_is_called() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let visit =
        practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-02-17T10:00")));
    let invoice = practice.zenoti_close_invoice(&visit, None).unwrap();
    clinic.minutes().await.unwrap();
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
    assert_eq!(clinic.books().len(), 1);
    assert!(titles(&contact(&clinic, "Ann")).contains(&"Invoice Closed"));
    assert!(practice.zenoti_reopen_invoice(&invoice));
    clinic.minutes().await.unwrap();
    assert_eq!(heard(&clinic).last().unwrap(), "Invoice.Closed", "with is_closed: false");
    assert_eq!(clinic.ledgers().await.unwrap().len(), 0);
    practice.zenoti_close_invoice(&visit, None).unwrap();
    clinic.minutes().await.unwrap();
    practice.zenoti_refund(&invoice, 1).unwrap();
    clinic.minutes().await.unwrap();
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books());
    assert_eq!(clinic.books().len(), 0, "all was paid back");
}

#[tokio::test]
async fn a_membership_that_is_frozen_or_cancelled_says_so_and_loses_the_tag() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    clinic.minutes().await.unwrap();
    let membership = practice.zenoti_join(&ann, "Juniper Circle", Amount::cents(49_500));
    clinic.minutes().await.unwrap();
    let look = || {
        let contact = contact(&clinic, "Ann");
        (field(&contact, "Membership Status"), contact.tags.join(" "))
    };
    let is = |status: &str, tags: &str| (status.to_owned(), tags.to_owned());
    assert_eq!(look(), is("Active", "member"));
    for (standing, status, tags) in [
        (Standing::Frozen, "Frozen", ""),
        (Standing::Active, "Active", "member"),
        (Standing::Cancelled, "Cancelled", ""),
    ] {
        assert!(practice.zenoti_change_membership(&membership, standing));
        clinic.minutes().await.unwrap();
        assert_eq!(look(), is(status, tags));
    }
    let contact = contact(&clinic, "Ann");
    let told = titles(&contact).into_iter().filter(|title| title.starts_with("Membership"));
    let wanted =
        ["Membership Active", "Membership Frozen", "Membership Active", "Membership Cancelled"];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

/// Webhooks have UTC and REST the wall clock: late in the evening those are two dates, and how far
/// they are apart changes with daylight saving time, which begins on 8 March 2026.
#[tokio::test]
async fn a_visit_is_on_the_practices_own_date_around_midnight_and_the_change_of_clocks() {
    let clinic = clinic(Emr::Zenoti).await;
    let practice = clinic.world.sandbox.practice();
    for (number, (start, date, said)) in [
        ("2026-03-07T23:30", "2026-03-07", "Saturday, March 7, 2026 at 11:30 PM"),
        ("2026-03-08T00:15", "2026-03-08", "Sunday, March 8, 2026 at 12:15 AM"),
        ("2026-03-08T03:30", "2026-03-08", "Sunday, March 8, 2026 at 3:30 AM"),
        ("2026-03-08T20:30", "2026-03-08", "Sunday, March 8, 2026 at 8:30 PM"),
        ("2026-03-09T00:15", "2026-03-09", "Monday, March 9, 2026 at 12:15 AM"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("Ann{number}");
        let number = u32::try_from(number).unwrap();
        let ann = practice.add_patient(PatientState::new(&name, "Smith", number));
        let visit = practice.book(AppointmentState::new(&ann, "Skin Care", time(start)));
        clinic.minutes().await.unwrap();
        let booked = contact(&clinic, &name);
        assert_eq!(field(&booked, "Next Visit Date"), date);
        assert!(booked.notes.last().unwrap().contains(said), "{:#?}", booked.notes);
        practice.update_appointment(&visit, |visit| visit.status = Status::Fulfilled);
        clinic.minutes().await.unwrap();
        assert_eq!(field(&contact(&clinic, &name), "Last Visit Date"), date);
    }
}
