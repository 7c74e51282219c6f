use std::fmt::Write;

use cannula_aesthetix::Collision;
use serde::Deserialize;
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::support::{Crm, fixture, linked};

/// A raw answer of the vendor's.
#[derive(Deserialize)]
struct Case {
    case: String,
    status: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    body: Value,
}

impl Case {
    fn response(&self) -> ResponseTemplate {
        let body = match &self.body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let response = ResponseTemplate::new(self.status).set_body_raw(body, "application/json");
        self.headers.iter().fold(response, |response, (name, value)| {
            response.insert_header(name.as_str(), value.as_str())
        })
    }
}

#[tokio::test]
async fn the_error_table() {
    let cases: Vec<Case> = serde_json::from_str(&fixture("refusals.json")).unwrap();
    let mut table = String::new();
    for case in cases {
        let crm = Crm::start().await;
        crm.responds("POST", "/contacts/c-mina/notes", case.response()).await;
        let contact = linked().contact.unwrap();
        let error = crm.sink.client().create_note(&contact, &body()).await.unwrap_err();
        writeln!(table, "{}\n  {error}\n  retry: {:?}", case.case, error.retry_advice()).unwrap();
        if let Some(collision) = Collision::of(&error) {
            writeln!(table, "  collision: {collision}").unwrap();
        }
        for personal in ["Mina", "Jun", "2024561111", "html"] {
            let collision = Collision::of(&error);
            let shown = format!("{error} {error:?} {collision:?}");
            assert!(!shown.contains(personal), "{shown}");
        }
    }
    insta::assert_snapshot!(table);
}

fn body() -> cannula_core::Phi<String> {
    cannula_core::Phi::new("x".into())
}
