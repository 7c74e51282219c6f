//! Tagged contacts become patients, once, and staff read on the contact what came of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use cannula_core::{
    Clock, ContactId, CrmContact, CrmSink, Cursor, Error, ErrorKind, Event, Feed, Named,
    NewPatient, Page, ParkReason, PatientField, PatientRegistry, PersonName, Phi, PickLists,
    Record, RecordId, RecordKey, Result, Retry, Source, SourceInfo, Subject, TaggedContact,
};
use cannula_rules::intake::{Intake, IntakeConfig};
use cannula_sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, Store};
use cannula_testkit::{
    Crash, CrashSink, CrashStore, ManualClock, MemoryCrm, MemoryRegistry, async_trait, day_one,
    practice, subject,
};
use common::{World, store};

/// The CRM as its staff see it: forms they fill in, with the tags the contacts bear now.
#[derive(Debug)]
struct Desk {
    info: SourceInfo,
    forms: Mutex<BTreeMap<ContactId, CrmContact>>,
    crm: Arc<MemoryCrm>,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Source for Desk {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn poll(&self, _feed: &Feed, _cursor: Option<&Cursor>) -> Result<Page> {
        Err(Error::new(ErrorKind::Unsupported, "nothing to poll"))
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let id = ContactId::new(key.id.as_str());
        let form = self.forms.lock().unwrap().get(&id).cloned();
        let (Some(form), Some(contact)) = (form, self.crm.contact(&id)) else { return Ok(None) };
        let record = Record::Contact(CrmContact { tags: contact.tags, ..form });
        let now = self.clock.now();
        Ok(Some(Event::new(practice(), key.id.clone(), record, None, now)))
    }
}

struct Clinic {
    desk: Arc<Desk>,
    crm: Arc<MemoryCrm>,
    registry: Arc<MemoryRegistry>,
    visits: Arc<Engine<CrmFlow>>,
    clock: Arc<ManualClock>,
}

fn text(text: &str) -> Option<Phi<String>> {
    Some(Phi::new(text.to_owned()))
}

fn mina(id: &str) -> CrmContact {
    CrmContact {
        gender: None,
        id: id.into(),
        first_name: text("Mina"),
        last_name: text("Sol"),
        email: text("mina@example.test"),
        phone: text("212 555 0100"),
        birth_date: Some(Phi::new("1990-05-17".parse().unwrap())),
        street: None,
        city: None,
        state: None,
        postal_code: text("62701"),
        tags: Vec::new(),
        fields: BTreeMap::new(),
    }
}

/// Mina as the practice's own staff registered her, with this e-mail and phone.
fn registered(email: &str, phone: &str) -> NewPatient {
    NewPatient {
        gender: None,
        name: PersonName { given: Phi::new("Mina".into()), family: Phi::new("Sol".into()) },
        email: Phi::new(email.to_owned()),
        phone: Phi::new(phone.to_owned()),
        birth_date: Phi::new("1990-05-17".parse().unwrap()),
        street: None,
        city: None,
        state: None,
        postal_code: text("62701"),
        location: None,
        referral_source: None,
        general_practitioner: None,
    }
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Connection, "no answer").retry(Retry::Settle)
}

impl Clinic {
    fn new() -> Self {
        Self::with(MemoryRegistry::default())
    }

    fn with(registry: MemoryRegistry) -> Self {
        let crm: Arc<MemoryCrm> = Arc::default();
        let clock = Arc::new(ManualClock::at(day_one()));
        let desk = Desk {
            info: SourceInfo { name: "desk", feeds: Vec::new() },
            forms: Mutex::default(),
            crm: crm.clone(),
            clock: clock.clone(),
        };
        let visits = Arc::new(World::new().engine(store()));
        Self { desk: Arc::new(desk), crm, registry: Arc::new(registry), visits, clock }
    }

    fn engine(&self) -> Engine<IntakeFlow> {
        self.engine_on(store(), self.crm.clone())
    }

    fn engine_on(&self, store: Arc<dyn Store>, sink: Arc<dyn CrmSink>) -> Engine<IntakeFlow> {
        let config = IntakeConfig::new(vec!["NXT Create".to_owned()]);
        let flow = IntakeFlow::new(
            Intake::new(config, self.registry.info().clone()),
            self.registry.clone(),
            sink,
            Arc::new(self.visits.clone()),
            self.clock.clone(),
        );
        Engine::new(self.desk.clone(), flow, store, self.clock.clone())
    }

    /// Staff fill in a form.
    fn form(&self, form: CrmContact) {
        self.desk.forms.lock().unwrap().insert(form.id.clone(), form);
    }

    /// Staff change the form of a contact.
    fn change(&self, id: &str, change: impl FnOnce(&mut CrmContact)) {
        change(self.desk.forms.lock().unwrap().get_mut(&ContactId::new(id)).unwrap());
    }

    /// Staff apply the create tag, and the CRM says so. It stores tags in lower case.
    fn tag(&self, id: &str) -> Event {
        let id = ContactId::new(id);
        self.crm.tag(&id, "nxt create");
        self.clock.advance(Duration::from_secs(5));
        let (tags, now) = (self.crm.contact(&id).unwrap().tags, self.clock.now());
        let record = Record::TaggedContact(TaggedContact { id: id.clone(), tags });
        Event::new(practice(), RecordId::new(id.as_str()), record, Some(now), now)
    }

    async fn tagged(&self, engine: &Engine<IntakeFlow>, id: &str) {
        engine.accept(vec![self.tag(id)]).await.unwrap();
        self.drain_all(engine).await.unwrap();
    }

    async fn drain_all(&self, engine: &Engine<IntakeFlow>) -> Result<()> {
        for _ in 0..50 {
            let Some(due) = engine.drain().await?.next_due else { return Ok(()) };
            self.clock.set(due);
        }
        panic!("there is always something due");
    }

    fn tags(&self, id: &str) -> Vec<String> {
        self.crm.contact(&ContactId::new(id)).unwrap().tags
    }

    fn notes(&self, id: &str) -> Vec<String> {
        self.crm.contact(&ContactId::new(id)).unwrap().notes
    }

    /// The first line of each note.
    fn titles(&self, id: &str) -> Vec<String> {
        let title = |note: &String| note.lines().next().unwrap().to_owned();
        self.notes(id).iter().map(title).collect()
    }

    /// The register was asked for lists at most.
    fn nothing_was_asked(&self) -> bool {
        ["search", "by chart", "create"].iter().all(|call| self.registry.calls(call) == 0)
    }
}

async fn parked(engine: &Engine<IntakeFlow>) -> Vec<ParkReason> {
    engine.parked().await.unwrap().into_iter().map(|parked| parked.reason).collect()
}

fn person(id: &str) -> Subject {
    subject(id)
}

#[tokio::test]
async fn a_tagged_contact_becomes_a_patient_and_the_visits_learn_of_it() {
    let clinic = Clinic::new();
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    let patients = clinic.registry.patients();
    assert_eq!((patients.len(), patients[0].name.given.expose().as_str()), (1, "Mina"));
    assert_eq!(clinic.titles("c1"), ["Patient Created"]);
    assert!(clinic.notes("c1")[0].contains("Chart number: 1001"));
    assert_eq!(clinic.tags("c1"), ["NXT Created"]);
    let told = clinic.visits.explain(&person("patient-1")).await.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    let lines = engine.explain(&person("c1")).await.unwrap();
    let said = format!("{lines:?}");
    assert!(said.contains("Created in Memory EMR as patient patient-1."), "{said}");
    assert_eq!((engine.summary().await.unwrap().done, parked(&engine).await), (2, vec![]));
    let delivered = engine.delivered();
    let labels: Vec<_> = delivered.iter().map(|(label, count)| (*label, *count)).collect();
    assert_eq!(
        labels,
        [("add tags", 1), ("link", 1), ("note", 1), ("register", 1), ("remove tags", 1)]
    );
}

#[tokio::test]
async fn a_person_the_emr_has_is_linked_and_not_created() {
    for withheld in [false, true] {
        let clinic = Clinic::new();
        let id = clinic.registry.add(&registered("mina@example.test", "(212) 555-0100"));
        if withheld {
            clinic.registry.withhold_contact_data(&id);
        }
        clinic.form(mina("c1"));
        let engine = clinic.engine();
        clinic.tagged(&engine, "c1").await;
        assert_eq!((clinic.registry.calls("create"), clinic.registry.patients().len()), (0, 1));
        assert_eq!(clinic.titles("c1"), ["Patient Linked"]);
        assert_eq!(clinic.visits.explain(&person("patient-1")).await.unwrap().len(), 1);
        // Once more: the contact is known to be this patient.
        clinic.tagged(&engine, "c1").await;
        assert_eq!(clinic.titles("c1"), ["Patient Linked", "Already a Patient"]);
        assert_eq!((clinic.registry.calls("search"), clinic.tags("c1").len()), (1, 1));
    }
}

#[tokio::test]
async fn an_incomplete_contact_asks_nothing_of_the_register_and_is_made_once_corrected() {
    let clinic = Clinic::new();
    clinic.form(CrmContact { email: text("no@email"), last_name: text(" "), ..mina("c1") });
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    assert!(clinic.nothing_was_asked());
    let problems = vec![
        "“Last Name” is missing.".to_owned(),
        "“Email” holds a placeholder; write the person's own.".to_owned(),
    ];
    assert_eq!(parked(&engine).await, [ParkReason::ContactIncomplete { problems }]);
    assert_eq!(clinic.tags("c1"), ["NXT Create Failed"]);
    assert_eq!(clinic.titles("c1"), ["Patient Not Created"]);

    clinic.form(mina("c1"));
    clinic.tagged(&engine, "c1").await;
    assert_eq!(clinic.registry.patients().len(), 1);
    assert_eq!(clinic.tags("c1"), ["NXT Created"]);
    assert_eq!(clinic.titles("c1"), ["Patient Not Created", "Patient Created"]);
    assert_eq!(parked(&engine).await, []);
}

#[tokio::test]
async fn staff_decide_between_candidates() {
    for (typed, title) in [("new", "Patient Created"), ("1001", "Patient Linked")] {
        let clinic = Clinic::new();
        clinic.registry.add(&registered("other@example.test", "312 555 0199"));
        clinic.form(mina("c1"));
        let engine = clinic.engine();
        clinic.tagged(&engine, "c1").await;
        let reasons = parked(&engine).await;
        assert!(
            matches!(&reasons[..], [ParkReason::SeveralPatients { candidates }]
                if candidates[0].differs == "e-mail, phone"),
            "{reasons:?}"
        );
        assert!(clinic.notes("c1")[0].contains("- chart number 1001: same name, birth date;"));
        clinic.change("c1", |form| {
            form.fields.insert("NXT Chart Number".to_owned(), Phi::new(typed.to_owned()));
        });
        clinic.tagged(&engine, "c1").await;
        assert_eq!(clinic.titles("c1")[1], title);
        assert_eq!(
            (clinic.tags("c1"), parked(&engine).await),
            (vec!["NXT Created".into()], vec![])
        );
    }
}

#[tokio::test]
async fn a_chart_number_of_nobody_or_of_somebody_else_is_told() {
    for (typed, said) in
        [("77", "leads to nobody"), ("1001", "another last name and another birth")]
    {
        let clinic = Clinic::new();
        let name = PersonName { given: Phi::new("Mina".into()), family: Phi::new("Park".into()) };
        let birth_date = Phi::new("1962-01-02".parse().unwrap());
        let other = NewPatient { name, birth_date, ..registered("m@example.test", "312 555 0199") };
        clinic.registry.add(&other);
        clinic.form(mina("c1"));
        clinic.change("c1", |form| {
            form.fields.insert("NXT Chart Number".to_owned(), Phi::new(typed.to_owned()));
        });
        clinic.tagged(&clinic.engine(), "c1").await;
        assert!(clinic.notes("c1")[0].contains(said), "{:?}", clinic.notes("c1"));
        assert_eq!((clinic.registry.calls("search"), clinic.registry.patients().len()), (0, 1));
    }
}

#[tokio::test]
async fn a_duplicate_that_the_search_finds_afterwards_is_linked() {
    let clinic = Clinic::new();
    clinic.registry.fail_next("create", Error::new(ErrorKind::Duplicate, "exists"), true);
    clinic.form(mina("c1"));
    clinic.tagged(&clinic.engine(), "c1").await;
    assert_eq!((clinic.registry.calls("search"), clinic.registry.patients().len()), (2, 1));
    assert_eq!(clinic.titles("c1"), ["Patient Linked"]);
}

#[tokio::test]
async fn a_duplicate_that_the_emr_does_not_show_is_told() {
    let clinic = Clinic::new();
    let id = clinic.registry.add(&registered("mina@example.test", "212 555 0100"));
    clinic.registry.hide(&id);
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    assert!(matches!(&parked(&engine).await[..], [ParkReason::PatientRefused { .. }]));
    assert!(clinic.notes("c1")[0].contains("it says that it has this patient already"));
    assert_eq!(clinic.registry.patients().len(), 1);
}

#[tokio::test]
async fn what_the_emr_objects_to_is_told_in_its_words() {
    let clinic = Clinic::new();
    clinic.registry.fail_next("create", Error::new(ErrorKind::Invalid, "unknown state"), false);
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    let problem = "unknown state".to_owned();
    assert_eq!(parked(&engine).await, [ParkReason::PatientRefused { problem }]);
    clinic.tagged(&engine, "c1").await;
    assert_eq!(clinic.titles("c1"), ["Patient Not Created", "Patient Created"]);
}

#[tokio::test]
async fn a_creation_without_an_answer_makes_one_patient() {
    for (stored, title, created) in [(true, "Patient Found", 1), (false, "Patient Created", 2)] {
        let clinic = Clinic::new();
        clinic.registry.fail_next("create", no_answer(), stored);
        clinic.form(mina("c1"));
        clinic.tagged(&clinic.engine(), "c1").await;
        assert_eq!(clinic.registry.patients().len(), 1);
        assert_eq!(clinic.titles("c1"), [title]);
        assert_eq!((clinic.registry.calls("create"), clinic.tags("c1").len()), (created, 1));
    }
}

#[tokio::test]
async fn a_creation_without_an_answer_that_staff_called_new_makes_one_patient() {
    let clinic = Clinic::new();
    for number in ["312 555 0199", "312 555 0198"] {
        clinic.registry.add(&registered("mina@example.test", number));
    }
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    clinic.change("c1", |form| {
        form.fields.insert("NXT Chart Number".to_owned(), Phi::new("new".to_owned()));
    });
    clinic.registry.fail_next("create", no_answer(), true);
    clinic.tagged(&engine, "c1").await;
    assert_eq!((clinic.registry.patients().len(), clinic.registry.calls("create")), (3, 1));
    assert_eq!(clinic.titles("c1"), ["Patient Not Created", "Patient Found"]);
    assert!(clinic.notes("c1")[1].contains("Chart number: 1003"));
}

#[tokio::test]
async fn two_tags_at_once_make_one_patient_and_one_note() {
    let clinic = Clinic::new();
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    engine.accept(vec![clinic.tag("c1"), clinic.tag("c1")]).await.unwrap();
    clinic.drain_all(&engine).await.unwrap();
    assert_eq!((clinic.registry.calls("create"), clinic.registry.patients().len()), (1, 1));
    assert_eq!(clinic.titles("c1"), ["Patient Created"]);
    // What our own tags make the CRM say changes nothing.
    let echo = {
        let now = clinic.clock.now();
        let tags = vec!["NXT Created".to_owned(), "nxt create".to_owned()];
        let record = Record::TaggedContact(TaggedContact { id: "c1".into(), tags });
        Event::new(practice(), RecordId::new("c1"), record, Some(now), now)
    };
    engine.accept(vec![echo]).await.unwrap();
    clinic.drain_all(&engine).await.unwrap();
    assert_eq!(clinic.notes("c1").len(), 1);
    assert_eq!(engine.summary().await.unwrap().parked, 0);
}

#[tokio::test]
async fn two_contacts_of_one_person_make_one_patient() {
    let clinic = Clinic::new();
    clinic.form(mina("c1"));
    clinic.form(CrmContact { first_name: text("MINA"), ..mina("c2") });
    let engine = clinic.engine();
    engine.accept(vec![clinic.tag("c1"), clinic.tag("c2")]).await.unwrap();
    clinic.drain_all(&engine).await.unwrap();
    assert_eq!((clinic.registry.calls("create"), clinic.registry.patients().len()), (1, 1));
    let mut titles = [clinic.titles("c1"), clinic.titles("c2")].concat();
    titles.sort();
    assert_eq!(titles, ["Patient Created", "Patient Linked"]);
}

#[tokio::test]
async fn a_contact_the_crm_does_not_show_waits_for_a_person() {
    let clinic = Clinic::new();
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    assert_eq!(parked(&engine).await, [ParkReason::ContactNotFound]);
    assert!(clinic.nothing_was_asked());
    clinic.form(mina("c1"));
    clinic.tagged(&engine, "c1").await;
    assert_eq!(
        (clinic.titles("c1"), parked(&engine).await),
        (vec!["Patient Created".into()], vec![])
    );
}

#[tokio::test]
async fn a_contact_that_goes_while_its_patient_is_made_is_told_of_and_left() {
    let clinic = Clinic::new();
    clinic.form(mina("c1"));
    let engine = clinic.engine();
    let gone = Error::new(ErrorKind::LinkBroken, "the contact is gone");
    clinic.crm.fail_next("note", gone, false);
    clinic.tagged(&engine, "c1").await;
    assert_eq!(clinic.registry.patients().len(), 1);
    assert_eq!(parked(&engine).await, [ParkReason::ContactNotFound]);
    assert_eq!(clinic.crm.sent().len(), 1);
}

#[tokio::test]
async fn a_value_added_to_a_list_is_seen_a_minute_later() {
    let required = vec![PatientField::GeneralPractitioner];
    let clinic = Clinic::with(MemoryRegistry::demanding(required));
    let list = |names: &[&str]| {
        let named = names.iter().map(|name| Named::new(*name)).collect();
        PickLists::from([(PatientField::GeneralPractitioner, named)])
    };
    clinic.registry.set_lists(list(&["Dr. Ada Reyes"]));
    clinic.form(mina("c1"));
    clinic.change("c1", |form| {
        let value = Phi::new("Dr. Ben Okafor".to_owned());
        form.fields.insert("General Practitioner".to_owned(), value);
    });
    let engine = clinic.engine();
    clinic.tagged(&engine, "c1").await;
    assert_eq!((clinic.registry.calls("lists"), clinic.titles("c1").len()), (1, 1));
    clinic.registry.set_lists(list(&["Dr. Ada Reyes", "Dr. Ben Okafor"]));
    clinic.clock.advance(Duration::from_secs(61));
    clinic.tagged(&engine, "c1").await;
    assert_eq!(clinic.registry.calls("lists"), 2);
    assert_eq!(clinic.titles("c1")[1], "Patient Created");
    // Ten minutes later even a value that was on the list is looked up anew.
    clinic.registry.set_lists(list(&["Dr. Ada Reyes"]));
    clinic.clock.advance(Duration::from_secs(601));
    let form = clinic.desk.forms.lock().unwrap()[&ContactId::new("c1")].clone();
    clinic.form(CrmContact { id: "c2".into(), ..form });
    clinic.tagged(&engine, "c2").await;
    assert_eq!(
        (clinic.registry.calls("lists"), clinic.titles("c2")),
        (3, vec!["Patient Not Created".into()])
    );
}

/// A process; it may end early.
async fn live(clinic: &Clinic, path: &Path, crash: &Arc<Crash>, events: &[Event]) -> Result<()> {
    let inner = Arc::new(SqliteStore::open(path, "main")?);
    let store = Arc::new(CrashStore { inner, crash: crash.clone() });
    let sink = Arc::new(CrashSink { inner: clinic.crm.clone(), crash: crash.clone() });
    let engine = clinic.engine_on(store, sink);
    engine.accept(events.to_vec()).await?;
    clinic.drain_all(&engine).await
}

#[tokio::test]
async fn a_crash_at_any_boundary_makes_one_patient_one_note_and_one_link() {
    for boundary in 0.. {
        let (clinic, dir) = (Clinic::new(), tempfile::tempdir().unwrap());
        let path = dir.path().join("store.db");
        clinic.form(mina("c1"));
        clinic.registry.fail_next("create", no_answer(), boundary % 2 == 0);
        clinic.crm.fail_next("note", no_answer(), boundary % 3 == 0);
        let events = [clinic.tag("c1")];
        let crash = Crash::at(boundary);
        let ended = live(&clinic, &path, &crash, &events).await;
        assert_eq!(ended.is_err(), crash.happened());
        live(&clinic, &path, &Crash::never(), &events).await.unwrap();
        assert_eq!(clinic.registry.patients().len(), 1, "crashed at {boundary}");
        assert_eq!(clinic.notes("c1").len(), 1, "crashed at {boundary}");
        assert_eq!(clinic.tags("c1"), ["NXT Created"], "crashed at {boundary}");
        let links = clinic.visits.explain(&person("patient-1")).await.unwrap().len();
        assert_eq!(links, 1, "crashed at {boundary}");
        if !crash.happened() {
            assert!(boundary > 20, "{boundary}");
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_boundary_tells_a_failure_once() {
    for boundary in 0.. {
        let (clinic, dir) = (Clinic::new(), tempfile::tempdir().unwrap());
        let path = dir.path().join("store.db");
        clinic.form(CrmContact { email: None, ..mina("c1") });
        let events = [clinic.tag("c1")];
        let crash = Crash::at(boundary);
        let _ = live(&clinic, &path, &crash, &events).await;
        live(&clinic, &path, &Crash::never(), &events).await.unwrap();
        assert_eq!(clinic.titles("c1"), ["Patient Not Created"], "crashed at {boundary}");
        assert_eq!(clinic.tags("c1"), ["NXT Create Failed"], "crashed at {boundary}");
        assert!(clinic.nothing_was_asked());
        let inner: Arc<dyn Store> = Arc::new(SqliteStore::open(&path, "main").unwrap());
        let engine = clinic.engine_on(inner, clinic.crm.clone());
        assert_eq!(parked(&engine).await.len(), 1, "crashed at {boundary}");
        if !crash.happened() {
            return;
        }
    }
}
