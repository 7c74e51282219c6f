//! A server of raw answers, and a sink that talks to it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use cannula_aesthetix::{Aesthetix, AesthetixConfig, Credentials};
use cannula_core::{
    ContactWrite, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Currency, FieldKind, FieldSpec,
    FieldValue, IdempotencyKey, Money, Note, OpportunityStatus, OpportunityValue, Person, Phi,
    PipelineSpec, Secret, StageMove,
};
use cannula_testkit::ManualClock;
use serde_json::Value;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn answer(status: u16, name: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(fixture(name), "application/json")
}

/// A server, a clock, and a sink with a private token.
pub(crate) struct Crm {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sink: Aesthetix,
}

impl Crm {
    pub(crate) async fn start() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(AesthetixConfig) -> AesthetixConfig) -> Self {
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::at("2026-03-02T15:00:00Z".parse().unwrap()));
        let token = Credentials::PrivateToken(Secret::new("pit-test"));
        let config = AesthetixConfig::new(server.uri().parse().unwrap(), "loc1", token);
        let sink = Aesthetix::new(change(config), clock.clone()).unwrap();
        Self { server, clock, sink }
    }

    /// A CRM whose sink knows the pipelines and fields; their two calls are forgotten.
    pub(crate) async fn prepared() -> Self {
        Self::start().await.prepare().await
    }

    pub(crate) async fn prepare(self) -> Self {
        self.answers("GET", "/locations/loc1/customFields", 200, "custom_fields.json").await;
        self.answers("GET", "/opportunities/pipelines", 200, "pipelines.json").await;
        self.sink.prepare(&needs()).await.unwrap();
        self.server.reset().await;
        self
    }

    pub(crate) async fn answers(&self, verb: &str, at: &str, status: u16, name: &str) {
        self.responds(verb, at, answer(status, name)).await;
    }

    /// Answers so once; what is mounted later comes after it.
    pub(crate) async fn answers_once(&self, verb: &str, at: &str, status: u16, name: &str) {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(answer(status, name))
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    /// The same with a text.
    pub(crate) async fn responds_once(&self, verb: &str, at: &str, status: u16, text: &str) {
        let response = ResponseTemplate::new(status).set_body_raw(text, "application/json");
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(response)
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    pub(crate) async fn responds(&self, verb: &str, at: &str, response: ResponseTemplate) {
        Mock::given(method(verb)).and(path(at)).respond_with(response).mount(&self.server).await;
    }

    /// The requests so far, as `METHOD path?query`, with their bodies.
    pub(crate) async fn requests(&self) -> Vec<(String, Value)> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| (line(request), body(request))).collect()
    }

    /// The body of the last request as it was sent.
    pub(crate) async fn last_body(&self) -> String {
        let requests = self.server.received_requests().await.unwrap();
        String::from_utf8(requests.last().unwrap().body.clone()).unwrap()
    }

    /// The requests so far, without their bodies.
    pub(crate) async fn lines(&self) -> Vec<String> {
        self.requests().await.into_iter().map(|(line, _)| line).collect()
    }

    pub(crate) async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
    ) -> cannula_core::Result<cannula_core::Receipt> {
        self.sink.deliver(effect, links, &IdempotencyKey::new("key-1")).await
    }

    pub(crate) async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
    ) -> cannula_core::Result<cannula_core::Settled> {
        self.sink.settle(effect, links, &IdempotencyKey::new("key-1")).await
    }

    pub(crate) fn total_calls(&self) -> u64 {
        self.sink.calls().values().sum()
    }
}

fn line(request: &Request) -> String {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{} {}{query}", request.method, request.url.path())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or(Value::Null)
}

pub(crate) fn needs() -> CrmNeeds {
    let field = |name: &str, kind, key: &str| FieldSpec {
        name: name.into(),
        kind,
        config_key: format!("rules.fields.{key}"),
    };
    CrmNeeds {
        fields: vec![
            field("Next Visit Date", FieldKind::Date, "next_visit"),
            field("NXT Location", FieldKind::Text, "location"),
        ],
        pipelines: vec![PipelineSpec {
            name: "Lead 2 Patient".into(),
            config_key: "rules.non_surgical.pipeline".into(),
            stages: vec![("rules.non_surgical.stages.booked".into(), "Booked".into())],
        }],
    }
}

pub(crate) fn mina() -> Person {
    Person {
        first_name: Phi::new("Mina".into()),
        last_name: Phi::new("Park".into()),
        email: Some(Phi::new("mina@example.test".into())),
        phone: Some(Phi::new("(202) 456-1111".into())),
        birth_date: Some(Phi::new("1990-09-25".parse().unwrap())),
    }
}

pub(crate) fn contact_write() -> ContactWrite {
    let next = FieldValue::Date(Phi::new("2026-03-09".parse().unwrap()));
    ContactWrite {
        person: mina(),
        write_person: true,
        fields: BTreeMap::from([
            ("NXT Location".into(), FieldValue::Empty),
            ("Next Visit Date".into(), next),
        ]),
    }
}

pub(crate) fn contact() -> CrmEffect {
    CrmEffect::Contact(contact_write())
}

pub(crate) fn note() -> CrmEffect {
    CrmEffect::Note(Note {
        body: Phi::new("Confirmed\nBotox\nRef 0123456789ab".into()),
        reference: "0123456789ab".into(),
    })
}

pub(crate) fn tags() -> CrmEffect {
    CrmEffect::AddTags { tags: vec!["Appointment Booked".into()] }
}

pub(crate) fn booked(create: bool) -> CrmEffect {
    CrmEffect::Stage(StageMove {
        pipeline: "Lead 2 Patient".into(),
        stage: "Booked".into(),
        status: OpportunityStatus::Open,
        title: Phi::new("Mina Park".into()),
        create,
    })
}

pub(crate) fn dollars(minor: i64) -> Phi<Money> {
    Phi::new(Money::from_minor(minor, Currency::USD))
}

pub(crate) fn worth(minor: i64) -> CrmEffect {
    CrmEffect::Value(OpportunityValue { pipeline: "Lead 2 Patient".into(), value: dollars(minor) })
}

pub(crate) fn linked() -> CrmLinks {
    CrmLinks { contact: Some("c-mina".into()), ..CrmLinks::default() }
}

pub(crate) fn linked_to_opportunity() -> CrmLinks {
    CrmLinks {
        opportunities: BTreeMap::from([("Lead 2 Patient".into(), "o-1".into())]),
        ..linked()
    }
}
