//! The client of a DermPRO store, judged by Adobe's schema of Magento 2.4.8.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cannula::{
    core::{Cursor, ErrorKind, RecordKey, Secret, Source},
    dermpro::{Credentials, Dermpro, DermproConfig},
};
use cannula_examples::dermpro_at;
use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig,
    dermpro::{StoreConfig, StoreSettings},
    practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use serde_json::{Value, json};
use url::Url;

use crate::{
    judge::Judge,
    known::{Known, mended, seen},
    operations::assert_all_heard,
    prism::{Equipment, Manner},
};

const FOLDER: &str = "magento";
const SPEC: &str = "orders_subset.swagger.json";
const DAYS: u32 = 30;
const DAY: Duration = Duration::from_secs(86_400);

/// What is wrong with the schema.
const KNOWN: [Known; 2] = [
    Known {
        file: SPEC,
        place: &[
            "definitions",
            "sales-data-order-payment-interface",
            "properties",
            "account_status",
            "x-nullable",
        ],
        published: || Value::Null,
        mended: || json!(true),
        reason: "stores print null, for nothing sets it",
        seen: &[("GET", "Response body property items.*.payment.account_status must be string")],
    },
    Known {
        file: SPEC,
        place: &["definitions", "error-parameters"],
        published: || {
            json!({ "type": "array", "description": "Error parameters list",
                "items": { "$ref": "#/definitions/error-parameters-item" } })
        },
        mended: || json!({ "description": "a list, or an object" }),
        reason: "a refusal names its parameters, in an object, or counts them, in a list",
        seen: &[("GET", "Response body property parameters must be array")],
    },
];

/// A store with some weeks of orders, which keeps to the schema otherwise.
struct Shop {
    sandbox: Sandbox,
    clock: Arc<ManualClock>,
    practice: PracticeConfig,
}

impl Shop {
    async fn open() -> Self {
        let start = "2031-04-04T12:00:00Z".parse().unwrap();
        let practice = PracticeConfig::new(5, 40, DAYS, start);
        let clock = Arc::new(ManualClock::at(start));
        let sandbox = Sandbox::start(SandboxConfig {
            quirks: Quirks::kind(),
            store: StoreConfig { customers: 24, days: DAYS },
            ..SandboxConfig::new(Arc::<ManualClock>::clone(&clock), practice)
        })
        .await
        .unwrap();
        // Prism knows nothing of `fields`: it wants objects whole.
        let settings = StoreSettings { projection: false, ..StoreSettings::kind() };
        sandbox.store().change_settings(|it| *it = settings);
        Self { sandbox, clock, practice }
    }

    fn upstream(&self) -> &str {
        &self.sandbox.access().dermpro.base_url
    }

    /// A client that takes the judge for the store. It does not sign, for a signature covers the
    /// host, and the store would see another.
    fn client(&self, base_url: Url) -> Dermpro {
        let access = self.sandbox.access();
        let config = DermproConfig {
            base_url,
            credentials: Credentials::Bearer(Secret::new(&access.dermpro.access_token)),
            page_size: 20,
            ..dermpro_at(access, self.practice.start).unwrap()
        };
        Dermpro::new(config, Arc::clone(&self.clock) as _).unwrap()
    }

    /// Asks everything the client can; returns the operations it counted.
    async fn hear_all(&self, base_url: Url) -> BTreeSet<&'static str> {
        let client = self.client(base_url);
        let mut cursor = None;
        let mut orders = Vec::new();
        for _ in 0..2 {
            self.clock.advance(DAY * DAYS / 2);
            client.check().await.unwrap();
            orders.extend(read(&client, &mut cursor).await);
        }
        let books = self.sandbox.store().books();
        assert!(orders.len() > books.len(), "some were read again when they had changed");
        assert!(books.iter().any(|order| !order.refunded.is_empty()), "there are refunds");
        for key in orders.iter().take(3) {
            assert!(client.get(key).await.unwrap().is_some(), "{key:?}");
        }
        let store = self.sandbox.store();
        store.change_settings(|it| it.denied = vec!["Magento_Sales::transactions_fetch".into()]);
        assert_eq!(client.check().await.unwrap_err().kind(), ErrorKind::Forbidden);
        store.change_settings(|it| it.denied.clear());
        client.calls().into_keys().collect()
    }
}

/// Reads new and changed orders to the end.
async fn read(client: &Dermpro, cursor: &mut Option<Cursor>) -> Vec<RecordKey> {
    let feed = client.info().feeds[0].clone();
    let mut keys = Vec::new();
    loop {
        let page = client.poll(&feed, cursor.as_ref()).await.unwrap();
        assert_eq!(page.rejected, []);
        keys.extend(page.events.iter().map(|event| event.key.clone()));
        *cursor = Some(page.next);
        if page.last {
            return keys;
        }
    }
}

#[tokio::test]
async fn every_request_to_a_store_and_every_answer_is_as_adobes_schema_has_it() {
    let Some(equipment) = Equipment::find("DermPRO by Adobe's schema") else { return };
    let shop = Shop::open().await;
    let folder = mended(&equipment.folder.join(FOLDER), &KNOWN);
    let judge =
        Judge::sit(&equipment, folder.path(), &[SPEC], shop.upstream(), Manner::Strict).await;
    let heard = shop.hear_all(judge.base_url()).await;
    assert_eq!(judge.verdicts(), BTreeSet::new());
    assert_all_heard("dermpro", &heard);

    // A store that does not keep to the schema is caught: null where a text is required.
    shop.sandbox.store().change_settings(|settings| settings.required_nulls = true);
    let client = shop.client(judge.base_url());
    let error = client.poll(&client.info().feeds[0], None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(500));
    let caught =
        format!("{SPEC} GET: Response body property items.*.payment.cc_last4 must be string");
    assert_eq!(judge.verdicts(), [caught].into());
}

#[tokio::test]
async fn what_is_known_to_be_wrong_with_adobes_schema_is_all_there_is() {
    let Some(equipment) = Equipment::find("known errors of Adobe's schema") else { return };
    let shop = Shop::open().await;
    let folder = equipment.folder.join(FOLDER);
    let judge = Judge::sit(&equipment, &folder, &[SPEC], shop.upstream(), Manner::Lenient).await;
    shop.hear_all(judge.base_url()).await;
    assert_eq!(judge.verdicts(), seen(&KNOWN));
}
