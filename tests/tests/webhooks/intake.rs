use cannula::core::Clock;
use cannula_sandbox::{CreatedAnswer, Fault, Quirks, Vendor, practice::AppointmentState};
use cannula_tests::{Desk, Emr, World, WorldConfig};

use crate::{time, titles};

async fn desk(answer: CreatedAnswer) -> Desk {
    let mut config = WorldConfig::empty(Emr::PatientNow);
    config.quirks = Quirks { patientnow_created: answer, ..config.quirks };
    Desk::open(World::start(config).await.unwrap()).await.unwrap()
}

/// The first line of a contact's newest note.
fn newest(desk: &Desk, contact: &str) -> String {
    let notes = desk.contact(contact).unwrap().notes;
    notes.last().and_then(|note| note.lines().next()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn pnow_create_makes_one_customer_whatever_the_answer_looks_like() {
    for answer in [CreatedAnswer::Object, CreatedAnswer::BareId, CreatedAnswer::Location] {
        let desk = desk(answer).await;
        let nora = desk.add(desk.lead("Nora", "Lind", 1));
        desk.apply(&nora);
        desk.work().await.unwrap();
        assert_eq!(desk.patients(), 1, "{answer:?}");
        assert_eq!(newest(&desk, &nora), "Patient Created");
        assert_eq!(desk.contact(&nora).unwrap().tags, ["nxt created"]);
        // The webhook of her own creation and her first visit find the contact she was made from.
        let practice = desk.world.sandbox.practice();
        let patient = practice.patient_ids().remove(0);
        let start = time("2026-03-10T10:00");
        practice.book(AppointmentState::new(&patient, "Laser Treatment", start));
        desk.work().await.unwrap();
        let noted = desk.contact(&nora).unwrap();
        assert_eq!(titles(&noted), ["Patient Created", "Appointment Booked"], "{answer:?}");
        assert_eq!(desk.world.sandbox.crm().contacts.len(), 1, "{answer:?}");
        assert!(desk.world.clock.now() > desk.world.config.practice.start);
    }
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_makes_one_customer_though_patientnow_has_no_rule() {
    for fault in [Fault::ErrorAfter, Fault::ResetAfter, Fault::TruncatedJson, Fault::ErrorBefore] {
        let desk = desk(CreatedAnswer::Object).await;
        let zoe = desk.add(desk.lead("Zoe", "Marsh", 3));
        desk.world.sandbox.faults(Vendor::PatientNow).script("POST /patientnow", fault);
        desk.apply(&zoe);
        desk.work().await.unwrap();
        assert_eq!(desk.patients(), 1, "{fault:?}");
        assert_eq!(desk.contact(&zoe).unwrap().tags, ["nxt created"], "{fault:?}");
        desk.apply(&zoe);
        desk.work().await.unwrap();
        let contact = desk.contact(&zoe).unwrap();
        let titles = titles(&contact);
        // The webhook that tells of the new customer adds nothing to what intake has noted.
        let wanted = [titles[0], "Already a Patient"];
        assert_eq!((desk.patients(), &titles[..]), (1, &wanted[..]), "{fault:?}");
        assert!(["Patient Found", "Patient Created"].contains(&titles[0]), "{titles:?}");
    }
}

#[tokio::test]
async fn what_patientnow_demands_and_the_contact_lacks_is_named_and_nobody_is_made() {
    let desk = desk(CreatedAnswer::Object).await;
    let mut lead = desk.lead("Ada", "Quist", 2);
    (lead.gender, lead.phone) = (None, None);
    let ada = desk.add(lead);
    desk.apply(&ada);
    desk.work().await.unwrap();
    let contact = desk.contact(&ada).unwrap();
    let faults: Vec<_> = contact.notes[0].lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(faults, ["- “Phone” is missing.", "- “Gender” is missing."]);
    assert_eq!((contact.tags.join(" ").as_str(), desk.patients()), ("nxt create failed", 0));
}
