#![doc = include_str!("../README.md")]

mod auth;
mod budget;
mod builder;
mod client;
mod clock;
mod encode;
mod refusal;
mod request;
mod response;
mod retry;
mod token;

pub use auth::{Auth, Sign, StaticToken};
pub use budget::{Budget, Lane, Quota, QuotaHeaders};
pub use builder::{ClientBuilder, base_url, check_base, install_tls_provider};
pub use bytes::Bytes;
pub use client::Client;
pub use clock::SystemClock;
pub use encode::segment;
pub use refusal::{ErrorTable, Refusal, by_status};
pub use request::Request;
pub use reqwest::{Method, header::HeaderMap};
pub use response::{Response, decode};
pub use retry::RetryPolicy;
pub use token::{Token, TokenCache, TokenGrant};
pub use url::Url;
