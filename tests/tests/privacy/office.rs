//! The patient search of an imaging application, and the staff who work with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
};

use async_trait::async_trait;
use cannula::{
    a360::{
        A360, A360Config, Actor, Answer, Integration, LinkFilter, LocalPatient, Options,
        PatientStore, Pushed, Said as Meant, SearchRequest, Selection, SqlitePatients,
    },
    core::{ContactId, Person, Phi, Result},
};
use cannula_tests::World;

use crate::{
    doors::Doors,
    parts::{Carrier, crm},
    people::{BORN, EMAIL, FAMILY, GIVEN, NOTE, PHONE, STREET},
    said::Said,
    trouble::{BuggyPatients, Trouble},
};

/// What staff type, which is not always a name. The last has letters and digits as an id has.
const TYPED: [&str; 7] =
    [GIVEN, FAMILY, EMAIL, PHONE, BORN, STREET, "Zoella-Marit-OQuillwren-19610723"];

/// The application, and its own list.
#[derive(Debug)]
pub(crate) struct Office {
    app: A360,
    store: Arc<dyn PatientStore>,
}

impl Office {
    pub(crate) async fn open(world: &World, doors: &Doors, trouble: Trouble) -> Self {
        let directory = Arc::new(crm(world, doors).directory());
        let mut store: Arc<dyn PatientStore> = Arc::new(SqlitePatients::in_memory().unwrap());
        if trouble == Trouble::Panics {
            store = Arc::new(BuggyPatients(store));
        }
        let clock = Arc::clone(&world.clock) as _;
        let app = A360::new(directory, Arc::clone(&store), A360Config::default(), clock);
        // It was switched on when all was well.
        let on = Integration {
            enabled: true,
            push: true,
            refresh: true,
            changed_at: world.now(),
            changed_by: staff().name,
        };
        store.set_integration(app.location(), &on).await.unwrap();
        for (given, email, phone) in [("Anna", EMAIL, PHONE), ("Berta", "b@example.test", "")] {
            let details = BTreeMap::from([("occupation".to_owned(), text(NOTE))]);
            let person = Person {
                first_name: text(given),
                last_name: text(FAMILY),
                email: Some(text(email)),
                phone: (!phone.is_empty()).then(|| text(phone)),
                birth_date: BORN.parse().ok().map(Phi::new),
            };
            // A list with a bug has nobody.
            if trouble != Trouble::Panics {
                app.add(&staff(), person, details).await.unwrap();
            }
        }
        Self { app, store }
    }

    /// Calls the application, whatever comes of it.
    async fn call<T, F>(&self, said: &mut Said, call: impl FnOnce(A360) -> F) -> Option<T>
    where
        T: Debug + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        said.run(call(self.app.clone())).await
    }

    async fn search(&self, said: &mut Said, text: &str) -> Vec<ContactId> {
        let text = Phi::new(text.to_owned());
        let request = SearchRequest { text, with_local: true, ..SearchRequest::default() };
        said.value(&request);
        let found =
            self.call(said, |app| async move { app.search(&request).await }).await.into_iter();
        found.flat_map(|found| found.hits).map(|hit| hit.contact.id).collect()
    }

    /// Selects a contact and says what there is to say until it is done.
    async fn select(&self, said: &mut Said, contact: &ContactId) {
        let birth_date = BORN.parse().ok().map(Phi::new);
        for answer in [
            Answer::default(),
            Answer { said: None, birth_date: birth_date.clone() },
            Answer { said: Some(Meant::New), birth_date },
        ] {
            said.value(&answer);
            let contact = contact.clone();
            let call = |app: A360| async move { app.select(&staff(), &contact, &answer).await };
            match self.call(said, call).await {
                Some(Selection::Ask(question)) => said.line(question.sentence()),
                Some(Selection::Done(done)) => {
                    if done.patient.person.last_name.expose().contains(FAMILY) {
                        said.delivered(1);
                    }
                    return;
                }
                Some(Selection::Gone { .. }) | None => return,
            }
        }
    }

    async fn push(&self, said: &mut Said, patient: LocalPatient) {
        for is_new in [false, true] {
            let id = patient.id.clone();
            let call = |app: A360| async move { app.push(&staff(), &id, is_new).await };
            let Some(Pushed::Ask(question)) = self.call(said, call).await else { return };
            said.line(question.sentence());
        }
    }

    async fn refresh(&self, said: &mut Said) {
        let call = |app: A360| async move { app.refresh(&staff()).await };
        let Some(refreshed) = self.call(said, call).await else { return };
        let failed = refreshed.failed.iter().map(|(_, error)| error);
        failed.chain(&refreshed.stopped).for_each(|error| said.error(error));
    }

    async fn status(&self, said: &mut Said) {
        let status = self.call(said, |app| async move { app.status().await }).await.unwrap();
        said.json(&status);
        status.sentences().into_iter().for_each(|sentence| said.line(sentence));
    }

    /// A page of the local list.
    async fn list(&self, said: &mut Said, filter: LinkFilter) -> Vec<LocalPatient> {
        let request = SearchRequest { filter, ..SearchRequest::default() };
        self.call(said, |app| async move { app.search(&request).await }).await.unwrap().patients
    }
}

#[async_trait]
impl Carrier for Office {
    async fn work(&self, said: &mut Said) {
        let options = Options { push: true, refresh: true };
        self.call(said, |app| async move { app.enable(&staff(), options).await }).await;
        self.status(said).await;
        // One that was never there is looked for as well.
        let mut contacts = BTreeSet::from([ContactId::new("nobody00000000000001")]);
        for text in TYPED {
            contacts.extend(self.search(said, text).await);
        }
        for contact in &contacts {
            self.select(said, contact).await;
        }
        for patient in self.list(said, LinkFilter::LocalOnly).await {
            self.push(said, patient).await;
        }
        self.refresh(said).await;
    }

    /// There is no queue: staff try again by themselves.
    async fn again(&self) {}

    async fn ask(&self, said: &mut Said) {
        said.value(&self.app);
        said.value(&self.store);
        self.status(said).await;
        for filter in [LinkFilter::Linked, LinkFilter::Broken, LinkFilter::All] {
            for patient in self.list(said, filter).await {
                let call = |app: A360| async move { app.audit(&staff(), &patient.id).await };
                self.call(said, call).await;
            }
        }
        // What staff do wrong.
        let name = || text(FAMILY);
        let filter = LinkFilter::Linked;
        let both = SearchRequest { text: name(), filter, ..SearchRequest::default() };
        said.mistake(self.app.search(&both).await);
        let half = Person { last_name: name(), ..Person::default() };
        said.mistake(self.app.add(&staff(), half, BTreeMap::new()).await);
        let visitor = Actor { may_edit: false, ..staff() };
        let contact = ContactId::new("nobody00000000000001");
        said.mistake(self.app.select(&visitor, &contact, &Answer::default()).await);
        said.mistake(self.app.audit(&staff(), &"nobody".into()).await);
    }
}

fn staff() -> Actor {
    Actor { name: "dr.lind".to_owned(), may_edit: true, may_administer: true }
}

fn text(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}
