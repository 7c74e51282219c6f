use serde::{Deserialize, Serialize};

/// Where the sandbox is and with what to sign in. The binary prints it as one line of JSON.
///
/// Nothing in it is secret: the credentials are good for the sandbox only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Scheme, host and port, for example `http://127.0.0.1:41234`.
    pub origin: String,
    /// The EMR.
    pub nextech: NextechAccess,
    /// Another EMR, which draws the same practice.
    pub patientnow: PatientNowAccess,
    /// Another EMR, which draws the same practice.
    pub zenoti: ZenotiAccess,
    /// The online store.
    pub dermpro: DermProAccess,
    /// The CRM.
    pub crm: CrmAccess,
}

/// Both products of Nextech.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextechAccess {
    /// Nextech Select.
    pub select: SelectAccess,
    /// Nextech Practice+.
    pub practice_plus: PracticePlusAccess,
}

/// What a client of Select needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectAccess {
    /// The API.
    pub base_url: String,
    /// The token endpoint.
    pub token_url: String,
    /// The value of `nx-practice-id`.
    pub practice_id: String,
    /// The application id.
    pub client_id: String,
    /// The API user.
    pub username: String,
    /// The API user's password.
    pub password: String,
    /// The `resource` of the token request.
    pub resource: String,
}

/// What a client of Practice+ needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PracticePlusAccess {
    /// The API.
    pub base_url: String,
    /// The token endpoint.
    pub token_url: String,
    /// The value of `nx-practice-id`.
    pub practice_id: String,
    /// The partner id.
    pub client_id: String,
    /// The partner secret.
    pub client_secret: String,
    /// The `resource` of the token request.
    pub resource: String,
}

/// What a client of the CRM needs: the private token, or the application's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmAccess {
    /// The API.
    pub base_url: String,
    /// The sub-account.
    pub location_id: String,
    /// A private integration token.
    pub private_token: String,
    /// An application that is installed on the sub-account.
    pub oauth: OAuthAccess,
    /// The Ed25519 key that webhooks are signed with, as PEM (`X-GHL-Signature`).
    pub webhook_public_key: String,
}

/// An application's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthAccess {
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// The first refresh token; it is good for one use.
    pub refresh_token: String,
}

/// What a client of PatientNow Essentials needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientNowAccess {
    /// The API, with its version.
    pub base_url: String,
    /// The gateway key, for the query.
    pub api_key: String,
    /// The gateway key of an account that has the smaller API (VISH), without customers.
    pub vish_api_key: String,
    /// The API user.
    pub username: String,
    /// The API user's password.
    pub password: String,
    /// The main location of the practice.
    pub company_id: String,
    /// The zone of all its locations, by its IANA name.
    pub time_zone: String,
    /// The secret that webhooks are signed with.
    pub webhook_secret: String,
    /// The header that carries the signature.
    pub webhook_header: String,
}

/// What a client of Zenoti needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZenotiAccess {
    /// The origin of the API; paths begin with `/v1`.
    pub base_url: String,
    /// The key of an API application, for clients without a user.
    pub api_key: String,
    /// The center.
    pub center_id: String,
    /// The organization that the center belongs to.
    pub organization_id: String,
    /// The account's name, for the token request.
    pub account_name: String,
    /// The API user.
    pub user_name: String,
    /// The API user's password.
    pub password: String,
    /// The application's id.
    pub app_id: String,
    /// The application's secret.
    pub app_secret: String,
    /// The secret that webhooks are signed with.
    pub webhook_secret: String,
}

/// What a client of the DermPRO store needs: the four parts of an OAuth 1.0a signature. Where
/// [`StoreSettings::bearer`](crate::dermpro::StoreSettings::bearer) is on, the access token alone
/// will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DermProAccess {
    /// The API of the main store view; paths begin with `/V1`.
    pub base_url: String,
    /// The consumer's key.
    pub consumer_key: String,
    /// The consumer's secret.
    pub consumer_secret: String,
    /// The access token.
    pub access_token: String,
    /// The access token's secret.
    pub access_token_secret: String,
}
