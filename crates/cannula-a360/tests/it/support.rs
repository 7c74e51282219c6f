//! A CRM in memory, and the application over it on each store.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_a360::{
    A360, A360Config, Actor, Answer, MemoryStore, Options, Outcome, PatientStore, Selection,
    SqlitePatients,
};
use cannula_core::{
    ContactCreation, ContactDirectory, ContactId, CrmContact, DirectoryInfo, DirectoryPage,
    DirectorySearch, Error, ErrorKind, Person, Phi, Result, Retry,
};
use cannula_testkit::ManualClock;

/// A directory that finds names by their letters, and fails as it is told.
#[derive(Debug)]
pub(crate) struct Crm {
    info: DirectoryInfo,
    contacts: Mutex<BTreeMap<String, CrmContact>>,
    failing: Mutex<Option<ErrorKind>>,
    /// The next creation is done, and nobody is told.
    lost: AtomicBool,
}

impl Crm {
    pub(crate) fn at(location: &str) -> Arc<Self> {
        let info = DirectoryInfo {
            name: "memory",
            location: location.into(),
            index_lag: Duration::from_secs(20),
        };
        Arc::new(Self {
            info,
            contacts: Mutex::default(),
            failing: Mutex::default(),
            lost: AtomicBool::default(),
        })
    }

    pub(crate) fn put(&self, contact: CrmContact) {
        self.contacts.lock().unwrap().insert(contact.id.to_string(), contact);
    }

    pub(crate) fn remove(&self, id: &str) {
        self.contacts.lock().unwrap().remove(id);
    }

    pub(crate) fn len(&self) -> usize {
        self.contacts.lock().unwrap().len()
    }

    pub(crate) fn fail(&self, kind: Option<ErrorKind>) {
        *self.failing.lock().unwrap() = kind;
    }

    pub(crate) fn lose_the_next_creation(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn works(&self) -> Result<()> {
        match *self.failing.lock().unwrap() {
            None => Ok(()),
            Some(kind) => Err(Error::new(kind, "the CRM is as it was told").connector("memory")),
        }
    }
}

#[async_trait]
impl ContactDirectory for Crm {
    fn info(&self) -> &DirectoryInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        self.works()
    }

    async fn search(&self, search: &DirectorySearch) -> Result<DirectoryPage> {
        self.works()?;
        let text = search.text.expose().to_lowercase();
        if !text.contains(char::is_alphanumeric) {
            return Err(Error::new(ErrorKind::Invalid, "the text has no letter or digit"));
        }
        let name = |it: &CrmContact| {
            let part = |part: &Option<Phi<String>>| part.clone().map(Phi::into_inner);
            let parts = [part(&it.first_name), part(&it.last_name)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase()
        };
        let contacts = self.contacts.lock().unwrap();
        let hits = contacts.values().filter(|it| name(it).contains(&text)).cloned();
        Ok(DirectoryPage { hits: hits.collect(), ..DirectoryPage::default() })
    }

    fn id_in(&self, text: &Phi<String>) -> Option<ContactId> {
        let text = text.expose();
        text.starts_with("id-").then(|| ContactId::new(text))
    }

    async fn get(&self, id: &ContactId) -> Result<Option<CrmContact>> {
        self.works()?;
        Ok(self.contacts.lock().unwrap().get(id.as_str()).cloned())
    }

    async fn create(&self, person: &Person) -> Result<ContactCreation> {
        let mut contacts = self.contacts.lock().unwrap();
        if let Some(there) =
            contacts.values().find(|it| it.email.is_some() && it.email == person.email)
        {
            let (by, shared) = (there.id.clone(), "email".to_owned());
            return Ok(ContactCreation::Taken { by, shared });
        }
        let id = format!("made-{}", contacts.len());
        let made = CrmContact {
            email: person.email.clone(),
            phone: person.phone.clone(),
            birth_date: person.birth_date.clone(),
            ..contact(&id, person.first_name.expose(), person.last_name.expose(), "")
        };
        contacts.insert(id.clone(), made);
        drop(contacts);
        if self.lost.swap(false, Ordering::Relaxed) {
            let error = Error::new(ErrorKind::Connection, "the answer was lost");
            return Err(error.retry(Retry::Settle));
        }
        Ok(ContactCreation::Created(ContactId::new(id)))
    }
}

pub(crate) fn text(text: &str) -> Option<Phi<String>> {
    (!text.is_empty()).then(|| Phi::new(text.to_owned()))
}

pub(crate) fn contact(id: &str, first: &str, last: &str, born: &str) -> CrmContact {
    CrmContact {
        id: id.into(),
        first_name: text(first),
        last_name: text(last),
        email: None,
        phone: None,
        birth_date: born.parse().ok().map(Phi::new),
        gender: None,
        street: None,
        city: None,
        state: None,
        postal_code: None,
        tags: Vec::new(),
        fields: BTreeMap::new(),
    }
}

pub(crate) fn person(first: &str, last: &str, born: &str) -> Person {
    Person {
        first_name: Phi::new(first.to_owned()),
        last_name: Phi::new(last.to_owned()),
        birth_date: born.parse().ok().map(Phi::new),
        ..Person::default()
    }
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-03-02T15:00:00Z".parse().unwrap()))
}

pub(crate) fn actor(may_edit: bool, may_administer: bool) -> Actor {
    Actor { name: "dr.lind".to_owned(), may_edit, may_administer }
}

pub(crate) fn doctor() -> Actor {
    actor(true, false)
}

pub(crate) fn admin() -> Actor {
    actor(true, true)
}

/// Each store, empty.
pub(crate) fn stores() -> [Arc<dyn PatientStore>; 2] {
    [Arc::new(MemoryStore::default()), Arc::new(SqlitePatients::in_memory().unwrap())]
}

pub(crate) fn app(crm: &Arc<Crm>, store: &Arc<dyn PatientStore>) -> A360 {
    A360::new(crm.clone(), store.clone(), A360Config::default(), clock())
}

/// The application on each store, switched on with everything allowed, over one CRM.
pub(crate) async fn apps(crm: &Arc<Crm>) -> Vec<A360> {
    let mut apps = Vec::new();
    for store in stores() {
        let app = app(crm, &store);
        app.enable(&admin(), Options { push: true, refresh: true }).await.unwrap();
        apps.push(app);
    }
    apps
}

pub(crate) async fn select(app: &A360, contact: &str) -> Selection {
    app.select(&doctor(), &contact.into(), &Answer::default()).await.unwrap()
}

pub(crate) fn done(selection: Selection) -> Outcome {
    match selection {
        Selection::Done(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}
