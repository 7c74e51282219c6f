//! The benches of Aesthetix CRM: the sandbox's, behind a gate.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cannula::{
    aesthetix::{self, Aesthetix, MemoryTokenStore},
    core::{
        Clock, ContactId, CrmEffect, CrmNeeds, CrmSink, Currency, EmrSource, FieldKind, FieldSpec,
        FieldValue, Money, Person, PipelineSpec, RecordKind, Result, Secret,
    },
};
use cannula_examples::aesthetix_at;
use cannula_sandbox::{Access, ContactSnapshot, NewContact, Sandbox};
use cannula_testkit::{
    ClientBench, Gate, ManualClock, MemoryContact, Power, RowsIn, SinkBench, SourceBench,
    async_trait,
};
use serde_json::{Value, json};

use crate::behind::{behind_a_gate, start};

/// The CRM of a sandbox, behind a gate.
#[derive(Debug)]
pub(crate) struct CrmBench {
    clock: Arc<ManualClock>,
    sandbox: Sandbox,
    gate: Gate,
    access: Access,
    /// The contacts that were tagged, in that order.
    tagged: Mutex<Vec<String>>,
}

const TAG: &str = "nxt create";

impl CrmBench {
    pub(crate) async fn open() -> Self {
        let (sandbox, clock) = start().await;
        let (gate, access) = behind_a_gate(&sandbox).await;
        // How long a search trails a write is a matter of the engine's.
        sandbox.crm_state().change_settings(|settings| settings.search_lag_seconds = 0);
        Self { clock, sandbox, gate, access, tagged: Mutex::default() }
    }

    fn aesthetix(&self, credentials: Option<aesthetix::Credentials>) -> Aesthetix {
        let mut config = aesthetix_at(&self.access).unwrap();
        config.quota = None;
        config.credentials = credentials.unwrap_or(config.credentials);
        Aesthetix::new(config, Arc::clone(&self.clock) as Arc<dyn Clock>).unwrap()
    }

    /// As an app, which signs in.
    fn app(&self) -> Aesthetix {
        let app = &self.access.crm.oauth;
        let credentials = aesthetix::Credentials::OAuth(aesthetix::OAuth {
            client_id: app.client_id.clone(),
            client_secret: Secret::new(&app.client_secret),
            refresh_token: Secret::new(&app.refresh_token),
            store: Arc::new(MemoryTokenStore::default()),
        });
        self.aesthetix(Some(credentials))
    }
}

#[async_trait]
impl SinkBench for CrmBench {
    fn sink(&self) -> Arc<dyn CrmSink> {
        Arc::new(self.aesthetix(None))
    }

    fn needs(&self) -> CrmNeeds {
        let field = FieldSpec {
            name: "Card".to_owned(),
            kind: FieldKind::Text,
            config_key: "fields.card".to_owned(),
        };
        let stage = |name: &str| (format!("stages.{name}"), name.to_owned());
        let pipeline = PipelineSpec {
            name: "Lead 2 Patient".to_owned(),
            config_key: "pipeline".to_owned(),
            stages: vec![stage("Booked"), stage("Patient")],
        };
        CrmNeeds { fields: vec![field], pipelines: vec![pipeline] }
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn contact(&self, id: &ContactId) -> Option<MemoryContact> {
        let contacts = self.sandbox.crm().contacts;
        contacts.into_iter().find(|contact| contact.id == id.as_str()).map(seen)
    }

    async fn contacts(&self) -> usize {
        self.sandbox.crm().contacts.len()
    }

    async fn tag(&self, id: &ContactId, tag: &str) {
        assert!(self.sandbox.crm_state().tag(id.as_str(), &[tag]));
    }

    async fn delete(&self, id: &ContactId) {
        assert!(self.sandbox.crm_state().delete_contact(id.as_str()));
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn write_of(&self, effect: &CrmEffect) -> &'static str {
        match effect {
            CrmEffect::Contact(_) => "POST /crm/contacts/",
            CrmEffect::AddTags { .. } | CrmEffect::RemoveTags { .. } => "/tags",
            CrmEffect::Note(_) => "/notes",
            CrmEffect::Stage(_) => "POST /crm/opportunities/",
            CrmEffect::Value(_) => "PUT /crm/opportunities/",
        }
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![error_in_200()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}

/// How the CRM says with status 200 that something went wrong.
fn error_in_200() -> String {
    json!({ "statusCode": 400, "message": "Something went wrong." }).to_string()
}

/// A contact as laws compare it.
fn seen(contact: ContactSnapshot) -> MemoryContact {
    let text = |text: Option<String>| text.unwrap_or_default().into();
    let person = Person {
        first_name: text(contact.first_name),
        last_name: text(contact.last_name),
        email: contact.email.map(Into::into),
        phone: contact.phone.map(Into::into),
        birth_date: contact.birth_date.map(Into::into),
    };
    let fields = contact.fields.iter().filter_map(|(name, value)| {
        let text = value.as_str().filter(|text| !text.is_empty())?;
        Some((name.clone(), FieldValue::Text(text.to_owned().into())))
    });
    let (mut stages, mut values) = (BTreeMap::new(), BTreeMap::new());
    for card in contact.opportunities {
        let worth = card.value.and_then(|text| Money::parse(&text, Currency::USD).ok());
        values.extend(worth.map(|worth| (card.pipeline.clone(), worth)));
        let twice = stages.insert(card.pipeline, (card.stage, card.status));
        assert_eq!(twice, None, "two opportunities in one pipeline");
    }
    MemoryContact {
        person,
        fields: fields.collect(),
        tags: contact.tags,
        notes: contact.notes,
        stages,
        values,
    }
}

/// The tagged contacts as a source.
#[async_trait]
impl SourceBench for CrmBench {
    fn source(&self, _page_size: u32) -> Arc<dyn EmrSource> {
        Arc::new(self.aesthetix(None).tag_source(vec![TAG.to_owned()]))
    }

    fn largest_page(&self) -> u32 {
        100
    }

    fn smallest_page(&self, _kind: RecordKind) -> u32 {
        100
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn next_sweep(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn lateness(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn kinds(&self) -> Vec<RecordKind> {
        vec![RecordKind::TaggedContact]
    }

    async fn add(&self, _kind: RecordKind) {
        let mut tagged = self.tagged.lock().unwrap_or_else(PoisonError::into_inner);
        let contact = NewContact {
            first_name: "Ida".to_owned(),
            last_name: format!("Law{}", tagged.len()),
            tags: vec![TAG.to_owned()],
            ..NewContact::default()
        };
        tagged.push(self.sandbox.crm_state().add_contact(contact));
    }

    async fn change(&self, _kind: RecordKind, index: usize) {
        let tagged = self.tagged.lock().unwrap_or_else(PoisonError::into_inner);
        let tag = format!("seen {}", self.clock.now().timestamp());
        assert!(self.sandbox.crm_state().tag(&tagged[index], &[&tag]));
    }

    async fn remove(&self, _kind: RecordKind, index: usize) -> bool {
        let mut tagged = self.tagged.lock().unwrap_or_else(PoisonError::into_inner);
        self.sandbox.crm_state().delete_contact(&tagged.remove(index))
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn listing(&self, _kind: RecordKind) -> &'static str {
        "POST /crm/contacts/search"
    }

    fn rows(&self, _kind: RecordKind) -> RowsIn {
        |answer| answer.get_mut("contacts")?.as_array_mut()
    }

    fn spoil(&self, _kind: RecordKind) -> fn(&mut Value) {
        |row| row["tags"] = json!(7)
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![
            (
                Power::Tokens,
                "Aesthetix: a private token does not run out, and its laws for clients are an app's",
            ),
            (Power::PageSizes, "Aesthetix: tagged contacts come 100 a page"),
            (Power::EmptyPages, "Aesthetix: a short page is the last"),
            (Power::Words, "Aesthetix: tags are the practice's own words"),
            (Power::WallClock, "Aesthetix: there are no appointments among tagged contacts"),
            (Power::SingleRecords, "Aesthetix: a tagged contact is read as a contact"),
            (Power::Marks, "Aesthetix: each sweep lists all tagged contacts"),
        ]
    }
}

/// The client of the CRM, which reads its pipelines.
#[derive(Debug)]
pub(crate) struct CrmClientBench {
    bench: CrmBench,
    client: Aesthetix,
}

impl CrmClientBench {
    pub(crate) async fn open() -> Self {
        let bench = CrmBench::open().await;
        let client = bench.app();
        client.check().await.unwrap();
        Self { bench, client }
    }
}

#[async_trait]
impl ClientBench for CrmClientBench {
    fn gate(&self) -> &Gate {
        &self.bench.gate
    }

    fn clock(&self) -> &ManualClock {
        &self.bench.clock
    }

    async fn call(&self) -> Result<()> {
        self.client.check().await
    }

    fn request(&self) -> &'static str {
        "GET /crm/opportunities/pipelines"
    }

    fn token_request(&self) -> &'static str {
        "POST /crm/oauth/token"
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![error_in_200()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
