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
