//! What the store's refusals mean.
//!
//! A message is the store's own fixed text with placeholders. It is shown, because nothing that is
//! asked holds more than ids and dates; but what stands for a placeholder is shown only where it
//! is a code, and a word with an `@` never. The `trace` of a store in developer mode is not read.

use cannula_core::{Error, ErrorKind};
use cannula_http::{Refusal, by_status};
use serde::Deserialize;
use serde_json::Value;

/// The API's table: "Status codes and responses" of Adobe's Web API documentation. Answers that are
/// not JSON are a proxy's or a firewall's, and only their status counts.
pub(crate) fn api(refusal: &Refusal<'_>) -> Error {
    let body: Option<Body> = serde_json::from_slice(refusal.body).ok();
    let is_stores = body.is_some();
    let body = body.unwrap_or_default();
    let error = match refusal.status {
        400 => Error::new(ErrorKind::Invalid, "the store calls the request wrong"),
        401 | 403 if body.resources().is_some() => Error::new(
            ErrorKind::Forbidden,
            format!(
                "the integration may not read this: in the store's admin, under System > Integrations, give it the API resources {}; if it has them and `bearer_token` is used, the store may not allow that (it takes signed requests, or see Stores > Configuration > Services > OAuth)",
                body.resources().unwrap_or_default()
            ),
        ),
        401 => Error::new(
            ErrorKind::Auth,
            "the store refuses the credentials: check them, that the integration is active, that `base_url` is the address the store knows itself by, and this machine's clock",
        ),
        403 if is_stores => Error::new(ErrorKind::Forbidden, "the store does not allow this"),
        403 => Error::new(
            ErrorKind::Forbidden,
            "something before the store, such as a firewall, does not let us in: have this machine's address allowed",
        ),
        404 => Error::new(
            ErrorKind::NotFound,
            "there is no such address: check `base_url`, which must end in /rest/ and the store code",
        ),
        405 | 406 => Error::new(
            ErrorKind::Invalid,
            "what answers is not the store's REST interface: check `base_url`",
        ),
        429 => Error::new(ErrorKind::Throttled, "more requests than the store allows"),
        503 => Error::new(ErrorKind::Unavailable, "the store is down or in maintenance"),
        status => by_status(status),
    };
    let error = match body.report() {
        Some(report) => error.code(report),
        None => error,
    };
    match body.said() {
        Some(said) if matches!(refusal.status, 400..=406) => error.with("store", said),
        _ => error,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    message: Option<String>,
    /// By place in a list, or by name in an object.
    parameters: Value,
}

impl Body {
    /// The access rights that are missing.
    fn resources(&self) -> Option<String> {
        let names = match &self.parameters {
            Value::Object(named) => named.get("resources").map(shown),
            Value::Array(list) => list.first().map(shown),
            _ => None,
        }?;
        names.contains("::").then_some(names)
    }

    /// The number under which the store's own log has the cause.
    fn report(&self) -> Option<&str> {
        let (_, rest) = self.message.as_deref()?.split_once("Report ID: ")?;
        let end = rest.find(|it: char| !is_plain(it)).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|report| !report.is_empty())
    }

    /// What the store says, with its placeholders filled, on one line.
    fn said(&self) -> Option<String> {
        let message = self.message.as_deref()?;
        let mut parameters: Vec<_> = match &self.parameters {
            Value::Object(named) => {
                named.iter().map(|(name, value)| (format!("%{name}"), shown(value))).collect()
            }
            Value::Array(list) => list
                .iter()
                .enumerate()
                .map(|(index, value)| (format!("%{}", index + 1), shown(value)))
                .collect(),
            _ => Vec::new(),
        };
        // The longest first: `%fieldName` is not `%field` and a name.
        parameters.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut text = message.to_owned();
        for (name, value) in &parameters {
            text = text.replace(name, value);
        }
        let words: Vec<_> =
            text.split_whitespace().map(|it| if it.contains('@') { "…" } else { it }).collect();
        let text: String = words.join(" ").chars().take(200).collect();
        (!text.is_empty()).then(|| format!("“{text}”"))
    }
}

/// A parameter, if it is a code or a list of codes.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    let is_code = |part: &str| (1..=80).contains(&part.len()) && part.chars().all(is_plain);
    let parts: Vec<_> = text.split(',').map(str::trim).collect();
    if parts.iter().all(|part| is_code(part)) { parts.join(", ") } else { "…".to_owned() }
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_:.-".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_http::HeaderMap;

    #[test]
    fn the_table() {
        let acl = r#"{"message":"The consumer isn't authorized to access %resources.","parameters":{"resources":"Magento_Sales::actions_view"},"trace":"/var/www/Mina"}"#;
        let acl_list = r#"{"message":"The consumer isn't authorized to access %1.","parameters":["Magento_Sales::creditmemo, Magento_Sales::transactions"]}"#;
        let entity = r#"{"message":"No such entity with %fieldName = %fieldValue, %field","parameters":{"fieldName":"email","fieldValue":"Mina Varga","field":7}}"#;
        let rows = [
            (400, r#"{"message":"Invalid attribute name: %1","parameters":["updated"]}"#),
            (400, r#"{"message":"Bad\n\nrequest of mina@example.test","parameters":[]}"#),
            (401, acl),
            (401, acl_list),
            (401, r#"{"message":"The signature is invalid. Verify and try again."}"#),
            (401, "<html>Mina</html>"),
            (403, r#"{"message":"Forbidden","parameters":null}"#),
            (403, "<html>Access denied to Mina</html>"),
            (404, entity),
            (404, r#"{"message":"Request does not match any route.","trace":"/var/Mina"}"#),
            (404, "<html>Mina</html>"),
            (405, ""),
            (406, ""),
            (429, r#"{"message":"Too Many Requests","trace":null}"#),
            (429, "<html>Mina</html>"),
            (
                500,
                r#"{"message":"Internal Error. Details are available in Magento log file. Report ID: webapi-64d0c1f2a9b31"}"#,
            ),
            (500, r#"{"message":"SQLSTATE of Mina","trace":"/var/www/Mina"}"#),
            (502, "<html>Mina</html>"),
            (503, "<html>Back soon, Mina</html>"),
        ];
        let shown = rows.map(|(status, body)| {
            let headers = HeaderMap::new();
            let refusal = Refusal { status, headers: &headers, body: body.as_bytes() };
            format!("{status} {}", api(&refusal))
        });
        let shown = shown.join("\n");
        for hidden in ["Mina", "mina", "/var"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        insta::assert_snapshot!(shown);
    }
}
