//! The client of Aesthetix CRM, judged by HighLevel's specifications of version `2021-07-28`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cannula::{
    aesthetix::{
        Aesthetix, AesthetixConfig, Collision, ContactParts, ContactSearch, Credentials, CrmClient,
        Duplicates, MemoryTokenStore, NewOpportunity, OAuth, Placement,
    },
    core::{
        CrmEffect, CrmLinks, CrmSink, Cursor, Delivered, ErrorKind, IdempotencyKey, Note,
        OpportunityStatus, Phi, Receipt, RecordId, RecordKey, RecordKind, Secret, Settled, Source,
    },
};
use cannula_examples::aesthetix_at;
use cannula_sandbox::{
    NewContact, Quirks, Sandbox, SandboxConfig, Vendor, practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use serde_json::{Value, json};
use url::Url;

use crate::{
    effects::{PIPELINE, clear, mina, needs, person, stage, worth, write},
    judge::Judge,
    known::{Known, mended, seen},
    operations::assert_all_heard,
    prism::{Equipment, Manner},
};

const FOLDER: &str = "highlevel";
const SPECS: [&str; 4] = ["contacts.json", "opportunities.json", "locations.json", "oauth.json"];
const TAG: &str = "nxt create";

const UNDECLARED: &str = "Unable to match the returned status code with those defined in the document: 200,400,401,422,429";

/// What is wrong with the specifications.
const KNOWN: [Known; 4] = [
    Known {
        file: "contacts.json",
        place: &["paths", "/contacts/upsert", "post", "responses", "201"],
        published: || Value::Null,
        mended: || created("UpsertContactsSuccessfulResponseDto"),
        reason: "the live service answers 201 where an upsert creates",
        seen: &[("POST", UNDECLARED)],
    },
    Known {
        file: "opportunities.json",
        place: &["paths", "/opportunities/upsert", "post", "responses", "201"],
        published: || Value::Null,
        mended: || created("UpsertOpportunitySuccessfulResponseDto"),
        reason: "the live service answers 201 where an upsert creates",
        seen: &[("POST", UNDECLARED)],
    },
    Known {
        file: "contacts.json",
        place: &["components", "schemas", "CustomFieldSchema", "properties", "value"],
        published: || json!({ "type": "string", "example": "name" }),
        mended: || json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] }),
        reason: "the live service gives the value of a field of numbers as a number",
        seen: &[
            ("GET", "Response body property contact.customFields.*.value must be string"),
            ("POST", "Response body property contact.customFields.*.value must be string"),
            ("PUT", "Response body property contact.customFields.*.value must be string"),
        ],
    },
    Known {
        file: "contacts.json",
        place: &["components", "schemas", "TextField", "properties", "field_value", "nullable"],
        published: || Value::Null,
        mended: || json!(true),
        reason: "null is what clears a field of dates or numbers; an empty text does not",
        seen: &[
            ("PUT", "Request body property customFields.* must match a schema in anyOf"),
            ("PUT", "Request body property customFields.*.field_value must be array"),
            ("PUT", "Request body property customFields.*.field_value must be number"),
            ("PUT", "Request body property customFields.*.field_value must be object"),
            ("PUT", "Request body property customFields.*.field_value must be string"),
        ],
    },
];

fn created(schema: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    json!({ "description": "created", "content": { "application/json": { "schema": schema } } })
}

/// A location as Aesthetix provisions it.
struct Location {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
}

impl Location {
    async fn open() -> Self {
        let start = "2031-04-04T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let sandbox = Sandbox::start(SandboxConfig {
            quirks: Quirks::kind(),
            ..SandboxConfig::new(Arc::<ManualClock>::clone(&clock), PracticeConfig::empty(start))
        })
        .await
        .unwrap();
        Self { sandbox, clock }
    }

    fn upstream(&self) -> &str {
        &self.sandbox.access().crm.base_url
    }

    /// A client that takes the judge for the CRM.
    fn client(&self, change: impl FnOnce(&mut AesthetixConfig), base_url: Url) -> Aesthetix {
        let config = aesthetix_at(self.sandbox.access()).unwrap();
        let mut config = AesthetixConfig { base_url, quota: None, ..config };
        change(&mut config);
        Aesthetix::new(config, Arc::clone(&self.clock) as _).unwrap()
    }

    /// An app's credentials in place of the private token.
    fn app(&self) -> Credentials {
        let app = &self.sandbox.access().crm.oauth;
        Credentials::OAuth(OAuth {
            client_id: app.client_id.clone(),
            client_secret: Secret::new(&app.client_secret),
            refresh_token: Secret::new(&app.refresh_token),
            store: Arc::new(MemoryTokenStore::default()),
        })
    }

    /// Sends everything the client can, by port and by call; returns the operations it counted.
    async fn hear_all(&self, base_url: Url) -> BTreeSet<&'static str> {
        let sink = self.client(|_| (), base_url.clone());
        sink.check().await.unwrap();
        sink.prepare(&needs()).await.unwrap();
        let links = contacts(&sink).await;
        tags_and_notes(&sink, &links).await;
        opportunities(&sink, links.clone()).await;
        self.tagged(&sink).await;
        calls(sink.client(), &links).await;

        let cautious = self.client(|it| it.duplicates = Duplicates::Allowed, base_url.clone());
        cautious.prepare(&needs()).await.unwrap();
        deliver(&cautious, &write(mina()), &CrmLinks::default()).await;
        deliver(&cautious, &write(person("Ada", "ada@example.test")), &CrmLinks::default()).await;

        let wrong = Credentials::PrivateToken(Secret::new("pit-wrong"));
        let stranger = self.client(|it| it.credentials = wrong, base_url.clone());
        assert_eq!(stranger.check().await.unwrap_err().kind(), ErrorKind::Auth);

        let app = self.client(|it| it.credentials = self.app(), base_url);
        app.check().await.unwrap();
        [sink, cautious, app].iter().flat_map(|it| it.calls().into_keys()).collect()
    }

    /// Tagged contacts, more than a page of them.
    async fn tagged(&self, sink: &Aesthetix) {
        let people = 101;
        for number in 0..people {
            self.sandbox.crm_state().add_contact(NewContact {
                first_name: format!("Lead {number}"),
                email: Some(format!("lead{number}@example.test")),
                tags: vec![TAG.to_owned()],
                ..NewContact::default()
            });
        }
        let source = sink.tag_source(vec![TAG.to_owned(), "nxt-create".to_owned()]);
        source.check().await.unwrap();
        let feed = source.info().feeds[0].clone();
        let (mut found, mut cursor) = (BTreeSet::new(), None::<Cursor>);
        loop {
            let page = source.poll(&feed, cursor.as_ref()).await.unwrap();
            assert_eq!(page.rejected, []);
            found.extend(page.events.into_iter().map(|event| event.key.id));
            cursor = Some(page.next);
            if page.last {
                break;
            }
        }
        assert_eq!(found.len(), people);
        let key = |id| RecordKey { practice: feed.practice.clone(), kind: RecordKind::Contact, id };
        let id = found.into_iter().next().unwrap();
        assert!(source.get(&key(id)).await.unwrap().is_some());
        assert!(source.get(&key(RecordId::new("nobody"))).await.unwrap().is_none());
    }
}

/// Contacts: created, adopted, changed, cleared, and with an e-mail address that another has.
async fn contacts(sink: &Aesthetix) -> CrmLinks {
    let nobody = CrmLinks::default();
    let mina = write(mina());
    let contact = deliver(sink, &mina, &nobody).await.contact;
    let again = deliver(sink, &mina, &nobody).await.contact;
    assert_eq!(contact, again, "the CRM refuses a second one, and the first is adopted");
    let links = CrmLinks { contact, ..nobody.clone() };
    deliver(sink, &clear(), &links).await;
    deliver(sink, &write(person("Jun", "jun@example.test")), &nobody).await;
    deliver(sink, &write(person("Mina", "jun@example.test")), &links).await;
    links
}

async fn tags_and_notes(sink: &Aesthetix, links: &CrmLinks) {
    let tags = vec!["Appointment Booked".to_owned(), "VIP".to_owned()];
    deliver(sink, &CrmEffect::AddTags { tags: tags.clone() }, links).await;
    deliver(sink, &CrmEffect::RemoveTags { tags }, links).await;
    let body = Phi::new("Confirmed\nBotox\nRef 0123456789ab".to_owned());
    let note = CrmEffect::Note(Note { body, reference: "0123456789ab".to_owned() });
    let settled = sink.settle(&note, links, &key()).await.unwrap();
    assert_eq!(settled, Settled::SendAgain);
    deliver(sink, &note, links).await;
    let settled = sink.settle(&note, links, &key()).await.unwrap();
    assert!(matches!(settled, Settled::Landed(_)), "{settled:?}");
}

/// Opportunities: created, moved and valued by link and without one, and by a link that is dead.
async fn opportunities(sink: &Aesthetix, mut links: CrmLinks) {
    let found = deliver(sink, &stage("Booked", OpportunityStatus::Open, true), &links).await;
    for stage in [
        stage("Consult Completed", OpportunityStatus::Open, true),
        stage("Patient", OpportunityStatus::Won, false),
    ] {
        assert_eq!(deliver(sink, &stage, &links).await.opportunity, found.opportunity);
    }
    deliver(sink, &worth(14_950), &links).await;
    links.opportunities.extend(found.opportunity);
    deliver(sink, &stage("Patient", OpportunityStatus::Won, true), &links).await;
    deliver(sink, &worth(0), &links).await;
    links.opportunities = BTreeMap::from([(PIPELINE.to_owned(), "gone".into())]);
    deliver(sink, &worth(-5), &links).await;
}

/// The calls that no port makes, or not in each of their forms.
async fn calls(client: &CrmClient, links: &CrmLinks) {
    let email = Phi::new("zoe@example.test".to_owned());
    let parts = ContactParts { email: Some(email.clone()), ..ContactParts::default() };
    for created in [true, false] {
        assert_eq!(client.upsert_contact(&parts).await.unwrap().created, created);
    }
    let phone = Phi::new("+12024561111".to_owned());
    assert!(client.find_duplicate(Some(&email), Some(&phone)).await.unwrap().is_some());
    let search = ContactSearch {
        query: Some(Phi::new("zoe".to_owned())),
        equal: vec![("email".to_owned(), email)],
        limit: 20,
        ..ContactSearch::default()
    };
    let zoe = client.search_contacts(&search).await.unwrap().contacts.remove(0).id;
    assert_eq!(client.get_contact(&zoe).await.unwrap().id, zoe);
    assert_eq!(client.notes(&zoe).await.unwrap(), []);

    let mina = links.contact.clone().unwrap();
    let pipelines = client.pipelines().await.unwrap();
    let pipeline = pipelines.iter().find(|it| it.name == PIPELINE).unwrap();
    let placement = Placement {
        pipeline_id: pipeline.id.clone(),
        pipeline_stage_id: pipeline.stages[0].id.clone(),
        status: OpportunityStatus::Open,
    };
    let name = Phi::new("Zoe".to_owned());
    let new = NewOpportunity { contact_id: zoe, name, placement };
    let opportunity = client.create_opportunity(&new).await.unwrap();
    assert_eq!(client.get_opportunity(&opportunity.id).await.unwrap().id, opportunity.id);
    let second = client.create_opportunity(&new).await.unwrap_err();
    assert!(matches!(Collision::of(&second), Some(Collision::Opportunity { .. })), "{second}");
    assert_eq!(client.find_opportunities(&mina, &pipeline.id).await.unwrap().len(), 1);
}

async fn deliver(sink: &Aesthetix, effect: &CrmEffect, links: &CrmLinks) -> Receipt {
    let receipt = sink.deliver(effect, links, &key()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::Applied, "{effect:?}");
    receipt
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new("key-1")
}

#[tokio::test]
async fn every_request_to_the_crm_and_every_answer_is_as_highlevel_specifies_it() {
    let Some(equipment) = Equipment::find("Aesthetix by HighLevel's specifications") else {
        return;
    };
    let location = Location::open().await;
    let folder = mended(&equipment.folder.join(FOLDER), &KNOWN);
    let judge =
        Judge::sit(&equipment, folder.path(), &SPECS, location.upstream(), Manner::Strict).await;
    let heard = location.hear_all(judge.base_url()).await;
    assert_eq!(judge.verdicts(), BTreeSet::new());
    assert_all_heard("aesthetix", &heard);

    // What the client never sends is caught, and goes no further.
    let before = location.sandbox.calls(Vendor::Crm);
    assert_eq!(post(&judge, "contacts/c1/notes").await, 422);
    assert_eq!(post(&judge, "notes/c1").await, 404);
    let caught = [
        "contacts.json POST: Request body must NOT have additional properties; found 'contactId'",
        "none POST: no specification has such a path",
    ];
    assert_eq!(judge.verdicts(), caught.map(str::to_owned).into());
    assert_eq!(location.sandbox.calls(Vendor::Crm), before);
}

/// Sends a note with a property too many; returns the status.
async fn post(judge: &Judge, path: &str) -> u16 {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(judge.base_url().join(path).unwrap()).bearer_auth("any");
    let request =
        request.header("Version", "2021-07-28").header("Content-Type", "application/json");
    let body = json!({ "body": "Confirmed", "contactId": "c1" }).to_string();
    request.body(body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_is_known_to_be_wrong_with_highlevels_specifications_is_all_there_is() {
    let Some(equipment) = Equipment::find("known errors of HighLevel's specifications") else {
        return;
    };
    let location = Location::open().await;
    let folder = equipment.folder.join(FOLDER);
    let judge = Judge::sit(&equipment, &folder, &SPECS, location.upstream(), Manner::Lenient).await;
    location.hear_all(judge.base_url()).await;
    assert_eq!(judge.verdicts(), seen(&KNOWN));
}
