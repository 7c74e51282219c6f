//! HighLevel's error table: what each refusal means and what to do about it.
//!
//! The vendor's sentences may repeat personal data, so none is kept: only codes, ids, property
//! names and the trace id, each after a check of its characters.

use std::{fmt, time::Duration};

use cannula_core::{ContactId, Error, ErrorKind, OpportunityId, Retry};
use cannula_http::Refusal;
use serde::Deserialize;
use serde_json::Value;

/// What the CRM already has, where a refusal says so. The error's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collision {
    /// Another contact has this e-mail or phone.
    Contact {
        /// The contact that has it.
        contact: ContactId,
        /// What it has: `email` or `phone`.
        field: String,
    },
    /// The contact has an opportunity in this pipeline already.
    Opportunity {
        /// That opportunity.
        existing: OpportunityId,
    },
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contact { contact, field } => write!(f, "contact {contact} has this {field}"),
            Self::Opportunity { existing } => write!(f, "opportunity {existing} exists"),
        }
    }
}

impl std::error::Error for Collision {}

impl Collision {
    /// The collision an error of this crate tells of.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

/// What a refusal says is not there. The error's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Contact,
    Opportunity,
    Pipeline,
}

impl Missing {
    /// What an error of this crate says is missing, if it says.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }

    fn named(body: &Body) -> Option<Self> {
        let kinds = [
            (Self::Contact, &["contact"][..]),
            (Self::Opportunity, &["opportunity"]),
            (Self::Pipeline, &["pipeline", "stage"]),
        ];
        kinds.into_iter().find(|(_, words)| body.names(words)).map(|(missing, _)| missing)
    }

    pub(crate) fn into_error(self) -> Error {
        let error = match self {
            Self::Contact => Error::new(ErrorKind::NotFound, "the CRM does not have this contact"),
            Self::Opportunity => {
                Error::new(ErrorKind::NotFound, "the CRM does not have this opportunity")
            }
            // They were there at the start, so somebody took them away since.
            Self::Pipeline => Error::new(
                ErrorKind::Config,
                "the CRM does not have this pipeline or stage any more; correct the rules or the pipeline, and start again",
            ),
        };
        error.source(self)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Contact => "no such contact",
            Self::Opportunity => "no such opportunity",
            Self::Pipeline => "no such pipeline or stage",
        })
    }
}

impl std::error::Error for Missing {}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    /// A sentence or a list of sentences.
    message: Value,
    code: Value,
    meta: Meta,
    trace_id: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    contact_id: Option<String>,
    matching_field: Option<String>,
    existing_id: Option<String>,
}

impl Body {
    /// `None` if the text ends early.
    fn read(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(body) => Some(body),
            Err(error) if error.is_eof() && !bytes.is_empty() => None,
            Err(_) => Some(Self::default()),
        }
    }

    fn sentences(&self) -> Vec<&str> {
        match &self.message {
            Value::String(text) => vec![text],
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn says(&self, words: &[&str]) -> bool {
        self.sentences().iter().any(|sentence| {
            let sentence = sentence.to_lowercase();
            words.iter().any(|word| sentence.contains(word))
        })
    }

    /// Whether it says so in words of its own, and not by repeating the path of the request.
    fn names(&self, words: &[&str]) -> bool {
        self.sentences().iter().any(|sentence| {
            let mut own = sentence.split_whitespace().filter(|word| !word.contains('/'));
            own.any(|own| words.iter().any(|word| own.to_lowercase().contains(word)))
        })
    }

    /// Adds what may be shown.
    fn dress(&self, mut error: Error) -> Error {
        if let Some(code) = self.code.as_str().filter(|code| is_plain(code)) {
            error = error.code(code);
        }
        let properties = self.properties();
        if !properties.is_empty() {
            error = error.with("properties", properties.join(","));
        }
        if let Some(trace) = self.trace_id.as_str().filter(|trace| is_plain(trace)) {
            error = error.with("trace", trace);
        }
        error
    }

    fn properties(&self) -> Vec<&str> {
        self.sentences().into_iter().filter_map(property).collect()
    }
}

/// The property name in `property X should not exist` and `X must be …`.
fn property(sentence: &str) -> Option<&str> {
    let mut words = sentence.split(' ').skip_while(|word| *word == "property");
    // Properties start in lower case; names of people mostly do not.
    let starts_low = |name: &&str| name.starts_with(|first: char| first.is_ascii_lowercase());
    let name = words.next().filter(|name| is_plain(name)).filter(starts_low)?;
    matches!(words.next()?, "should" | "must").then_some(name)
}

/// An identifier: nothing in it can be a name, an address or a number one could call.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The id, if it is one.
fn plain(id: &Option<String>) -> Option<&str> {
    id.as_deref().filter(|id| is_plain(id))
}

/// Refusals that mean different things by what they say. None of them was applied.
const BODY_DECIDES: [u16; 3] = [400, 401, 404];

/// What the refusal said is lost, such as the contact that is in the way: it is asked for again.
fn cut_short() -> Error {
    Error::new(ErrorKind::Decode, "the CRM's refusal ends early").retry(Retry::Backoff)
}

/// The table for every call but the token's.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> Error {
    let body = match Body::read(refusal.body) {
        Some(body) => body,
        None if BODY_DECIDES.contains(&refusal.status) => return cut_short(),
        None => Body::default(),
    };
    let error = match refusal.status {
        400 => bad_request(&body),
        401 => unauthorized(&body),
        403 => Error::new(
            ErrorKind::Forbidden,
            "the token may not use this location; check `location_id` and that the token was made in that sub-account",
        ),
        404 => not_found(&body),
        // One report of a create that answered 422 and had created all the same: highlevel-api-docs
        // issue 64. Where duplicates are refused, the next attempt is told of the contact.
        422 => Error::new(ErrorKind::Invalid, "the CRM refuses the request's content"),
        429 => throttled(refusal),
        408 | 500.. => Error::new(ErrorKind::Unavailable, "the CRM failed"),
        _ => Error::new(ErrorKind::Invalid, "the CRM refuses the request"),
    };
    body.dress(error).status(refusal.status)
}

fn bad_request(body: &Body) -> Error {
    if let Some(contact) = plain(&body.meta.contact_id) {
        let field = body.meta.matching_field.as_deref();
        let field = field.filter(|field| matches!(*field, "email" | "phone"));
        let collision = Collision::Contact {
            contact: ContactId::new(contact),
            field: field.unwrap_or("e-mail or phone").to_owned(),
        };
        return Error::new(ErrorKind::Invalid, "another contact has this e-mail or phone")
            .source(collision);
    }
    if let Some(existing) = plain(&body.meta.existing_id) {
        let collision = Collision::Opportunity { existing: OpportunityId::new(existing) };
        return Error::new(ErrorKind::Invalid, "the contact has an opportunity in this pipeline")
            .source(collision);
    }
    // What was deleted or merged away answers 404 or 400.
    if body.says(&["not found", "does not exist", "deleted"])
        && let Some(missing) = Missing::named(body)
    {
        return missing.into_error();
    }
    Error::new(ErrorKind::Invalid, "the CRM refuses the request's content")
}

fn unauthorized(body: &Body) -> Error {
    if body.says(&["version header"]) {
        return Error::new(
            ErrorKind::Config,
            "the CRM does not take the `Version` header; set `version` to one it publishes, such as 2021-07-28",
        );
    }
    if body.says(&["scope", "iam service"]) {
        return Error::new(
            ErrorKind::Forbidden,
            "the token lacks a scope: searches need contacts.readonly and locations/customFields.readonly, a push contacts.write too, the sync opportunities.readonly and opportunities.write as well, and locations/customFields.write to create fields",
        );
    }
    // `Invalid JWT`, `Invalid token: access token is invalid`, `Invalid Private Integration token`.
    // One that says nothing, as from a gateway before the CRM, is what HTTP has it for.
    let names_the_token = body.says(&["invalid", "expired"]) && body.says(&["token", "jwt"]);
    if names_the_token || body.sentences().is_empty() {
        return Error::new(
            ErrorKind::Auth,
            "the CRM refuses the token; a private integration token lapses when it is rotated or lies unused for 90 days, make a new one under Settings, Private Integrations",
        );
    }
    Error::new(ErrorKind::Forbidden, "the CRM refuses the call, and not because of the token")
}

fn not_found(body: &Body) -> Error {
    // The router's own answer: the path is not there under this version.
    if body.says(&["cannot get ", "cannot post ", "cannot put ", "cannot delete "]) {
        return Error::new(
            ErrorKind::Config,
            "the CRM has no such route under this version; check `base_url` and `version`",
        );
    }
    if body.sentences().is_empty() {
        // Not the CRM's own answer, so it says nothing about the record.
        return Error::new(ErrorKind::Unavailable, "something before the CRM answered with 404")
            .retry(Retry::Backoff);
    }
    match Missing::named(body) {
        Some(missing) => missing.into_error(),
        None => Error::new(ErrorKind::NotFound, "the CRM does not have this record"),
    }
}

fn throttled(refusal: &Refusal<'_>) -> Error {
    let number = |name: &str| refusal.headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    // The daily 429 looks like the burst one but for this header.
    if number("x-ratelimit-daily-remaining") == Some(0) {
        // When the vendor's day begins is not documented, so probe once an hour.
        return Error::new(
            ErrorKind::QuotaExhausted,
            "the location's calls of the day are used up",
        )
        .retry(Retry::After(Duration::from_secs(3600)));
    }
    // The client prefers `Retry-After` where there is one.
    let wait = number("x-ratelimit-interval-milliseconds").map(Duration::from_millis);
    Error::new(ErrorKind::Throttled, "too many calls at once")
        .retry(wait.map_or(Retry::Backoff, Retry::After))
}

/// The table for the token's call, whose errors have no documented list.
pub(crate) fn token_refusal(refusal: &Refusal<'_>) -> Error {
    let body = Body::read(refusal.body).unwrap_or_default();
    let error = match refusal.status {
        400 if body.says(&["not active"]) => {
            Error::new(ErrorKind::Forbidden, "the location is not active")
        }
        400 | 401 | 403 | 422 => Error::new(
            ErrorKind::Auth,
            "the CRM refuses the app's credentials or its refresh token, which works once and lapses after a year; connect the app again and configure the new refresh token",
        ),
        404 => not_found(&body),
        429 => throttled(refusal),
        408 | 500.. => Error::new(ErrorKind::Unavailable, "the CRM failed"),
        _ => Error::new(ErrorKind::Auth, "the CRM refuses to renew the token"),
    };
    body.dress(error).status(refusal.status)
}

/// Turns "no such contact" on a call about a linked contact into "the link is broken".
pub(crate) fn link_broken(error: Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    Error::new(ErrorKind::LinkBroken, "the contact is gone from the CRM: deleted or merged")
        .connector(crate::CONNECTOR)
        .source(error)
}
