use std::fmt;

use bytes::Bytes;
use cannula_core::{Error, ErrorKind, Result};
use reqwest::Method;
use serde::Serialize;
use url::Url;

use crate::encode;

/// A request as a value: built and tested without a server, sent by [`Client`](crate::Client).
///
/// `Debug` shows operation, method and path; never query values, headers or the body.
#[derive(Clone)]
pub struct Request {
    operation: &'static str,
    endpoint: &'static str,
    method: Method,
    target: Target,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Body,
    repeatable: bool,
}

#[derive(Clone)]
enum Target {
    Path(String),
    Link(Url),
}

#[derive(Clone)]
pub(crate) enum Body {
    Empty,
    Json(Bytes),
    Form(Vec<(&'static str, String)>),
    /// The value could not be serialised; sending reports it.
    Broken,
}

impl Request {
    fn new(operation: &'static str, method: Method, target: Target) -> Self {
        let repeatable = method == Method::GET;
        Self {
            operation,
            endpoint: operation,
            method,
            target,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
            repeatable,
        }
    }

    /// Reads. `operation` says what is being done, for errors and metrics, such as
    /// `search appointments`; `path` is relative to the client's base URL, and empty for that URL
    /// itself. Ids in the path go through [`segment`](crate::segment) unless they are known to be
    /// plain.
    pub fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::GET, Target::Path(path.into()))
    }

    /// Creates or commands.
    pub fn post(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::POST, Target::Path(path.into()))
    }

    /// Replaces.
    pub fn put(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PUT, Target::Path(path.into()))
    }

    /// Changes in part.
    pub fn patch(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::PATCH, Target::Path(path.into()))
    }

    /// Deletes.
    pub fn delete(operation: &'static str, path: impl Into<String>) -> Self {
        Self::new(operation, Method::DELETE, Target::Path(path.into()))
    }

    /// Reads an absolute URL that the vendor gave and that
    /// [`Client::check_link`](crate::Client::check_link) has accepted.
    pub fn link(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::GET, Target::Link(url))
    }

    /// Names the quota bucket; by default the operation.
    #[must_use]
    pub fn endpoint(mut self, name: &'static str) -> Self {
        self.endpoint = name;
        self
    }

    /// Adds a query parameter; a name may repeat. The value is percent-encoded whole, so that a
    /// `+` travels as `%2B`.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends `body` as JSON.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).map_or(Body::Broken, |it| Body::Json(it.into()));
        self
    }

    /// Sends `pairs` as a form.
    #[must_use]
    pub fn form(mut self, pairs: Vec<(&'static str, String)>) -> Self {
        self.body = Body::Form(pairs);
        self
    }

    /// Marks a write that may be sent twice without harm, because the second changes nothing.
    /// A GET is repeatable already.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// What is being done.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The quota bucket.
    pub fn endpoint_name(&self) -> &'static str {
        self.endpoint
    }

    /// The HTTP method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path: relative to the base URL, or the link's own.
    pub fn path(&self) -> &str {
        match &self.target {
            Target::Path(path) => path,
            Target::Link(url) => url.path(),
        }
    }

    /// The query parameters that were added, before encoding.
    pub fn query_pairs(&self) -> &[(&'static str, String)] {
        &self.query
    }

    /// The headers that were added.
    pub fn header_pairs(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The JSON body, if there is one.
    pub fn body_json(&self) -> Option<serde_json::Value> {
        match &self.body {
            Body::Json(bytes) => serde_json::from_slice(bytes).ok(),
            _ => None,
        }
    }

    /// The form's pairs, before encoding; empty if the body is not a form.
    pub fn form_pairs(&self) -> &[(&'static str, String)] {
        match &self.body {
            Body::Form(pairs) => pairs,
            _ => &[],
        }
    }

    /// Whether sending the request twice does no harm.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// The URL to send to. `base` has a path without a trailing slash.
    pub(crate) fn url(&self, base: &Url) -> Result<Url> {
        let mut url = match &self.target {
            Target::Link(url) => url.clone(),
            Target::Path(path) => join(base, path)?,
        };
        if !self.query.is_empty() {
            let mut query = url.query().unwrap_or_default().to_owned();
            if !query.is_empty() {
                query.push('&');
            }
            query += &encode::pairs(self.query.iter().map(|(name, value)| (*name, value.as_str())));
            url.set_query(Some(&query));
        }
        Ok(url)
    }
}

/// Appends `path` to the base URL's path. Dot segments are refused: an id must not be able to
/// climb out of its place.
fn join(base: &Url, path: &str) -> Result<Url> {
    let is_dots =
        |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split(['/', '\\']).any(is_dots) {
        return Err(Error::new(ErrorKind::Invalid, "the path of the request has a dot segment"));
    }
    let mut url = base.clone();
    if path.is_empty() {
        return Ok(url);
    }
    let whole = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    url.set_path(&whole);
    Ok(url)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://api.example.test/v1/api").unwrap()
    }

    #[test]
    fn the_path_is_appended_to_the_base_and_the_query_is_escaped() {
        let request = Request::get("search", "/Patient").query("email", "a+b@x.co").query("n", "1");
        let url = request.url(&base()).unwrap();
        assert_eq!(url.as_str(), "https://api.example.test/v1/api/Patient?email=a%2Bb%40x.co&n=1");
    }

    #[test]
    fn an_id_cannot_climb_out_of_its_place() {
        for path in ["Patient/../Account", "Patient/%2e%2E/Account", "Patient/.."] {
            assert!(Request::get("get", path).url(&base()).is_err(), "{path}");
        }
        let path = format!("Patient/{}", crate::segment("a/../b?x#y"));
        let url = Request::get("get", path).url(&base()).unwrap();
        assert_eq!(url.path(), "/v1/api/Patient/a%2F..%2Fb%3Fx%23y");
    }

    #[test]
    fn a_link_keeps_its_own_query() {
        let link = Url::parse("https://api.example.test/v1/api/Patient?_page=a%2Bb").unwrap();
        let url = Request::link("next", link).query("n", "2").url(&base()).unwrap();
        assert_eq!(url.query(), Some("_page=a%2Bb&n=2"));
    }

    #[test]
    fn debug_shows_neither_values_nor_body() {
        let request = Request::post("create contact", "contacts")
            .query("email", "mina@example.test")
            .header("x-key", "hush")
            .json(&serde_json::json!({ "name": "Mina" }));
        let text = format!("{request:?}");
        assert!(text.contains("create contact"));
        for hidden in ["mina", "Mina", "hush"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
}
