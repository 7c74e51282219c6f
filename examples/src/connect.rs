//! Where a sandbox is and with what to sign in, as the connectors' configurations.

use cannula::{
    aesthetix::{self, AesthetixConfig},
    core::{Error, ErrorKind, PracticeId, Result, Secret},
    nextech::{self, NextechConfig},
};
use cannula_sandbox::{
    Access,
    practice::{Product, ZONE},
};
use chrono::{DateTime, Utc};

/// How to reach a sandbox's Nextech as one of its products.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn nextech_at(
    access: &Access,
    product: Product,
    start_from: DateTime<Utc>,
) -> Result<NextechConfig> {
    let select = &access.nextech.select;
    let plus = &access.nextech.practice_plus;
    let (product, practice, credentials, base_url, token_url) = match product {
        Product::Select => (
            nextech::Product::Select,
            &select.practice_id,
            nextech::Credentials::Password {
                client_id: select.client_id.clone(),
                username: select.username.clone(),
                password: Secret::new(&select.password),
                resource: select.resource.clone(),
            },
            &select.base_url,
            &select.token_url,
        ),
        Product::PracticePlus => (
            nextech::Product::PracticePlus,
            &plus.practice_id,
            nextech::Credentials::ClientSecret {
                client_id: plus.client_id.clone(),
                client_secret: Secret::new(&plus.client_secret),
                resource: plus.resource.clone(),
            },
            &plus.base_url,
            &plus.token_url,
        ),
    };
    let mut config =
        NextechConfig::new(product, PracticeId::new(practice), credentials, ZONE, start_from);
    config.base_url = url(base_url)?;
    config.token_url = url(token_url)?;
    Ok(config)
}

/// How to reach a sandbox's CRM.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn aesthetix_at(access: &Access) -> Result<AesthetixConfig> {
    let crm = &access.crm;
    let credentials = aesthetix::Credentials::PrivateToken(Secret::new(&crm.private_token));
    Ok(AesthetixConfig::new(url(&crm.base_url)?, &crm.location_id, credentials))
}

fn url(text: &str) -> Result<url::Url> {
    text.parse().map_err(|cause| {
        Error::new(ErrorKind::Config, "the sandbox's address is not a URL").source(cause)
    })
}
