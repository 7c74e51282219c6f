//! Where a sandbox is and with what to sign in, as the connectors' configurations.

use cannula::{
    aesthetix::{self, AesthetixConfig},
    core::{Error, ErrorKind, PracticeId, Result, Secret},
    dermpro::{self, DermproConfig},
    nextech::{self, NextechConfig},
    patientnow::{self, PatientNowConfig},
    zenoti::{self, Center, ZenotiConfig},
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
                username: Secret::new(&select.username),
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
    if product == nextech::Product::PracticePlus {
        config.new_payments.practice = Some("1".to_owned());
    }
    Ok(config)
}

/// How to reach a sandbox's PatientNow Essentials, with its webhooks.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn patientnow_at(access: &Access, start_from: DateTime<Utc>) -> Result<PatientNowConfig> {
    let access = &access.patientnow;
    let credentials = patientnow::Credentials::Gateway {
        api_key: Secret::new(&access.api_key),
        username: Secret::new(&access.username),
        password: Secret::new(&access.password),
    };
    let practice = PracticeId::new(&access.company_id);
    let product = patientnow::Product::Essentials;
    let mut config = PatientNowConfig::new(product, practice, credentials, ZONE, start_from);
    config.base_url = url(&access.base_url)?;
    let secret = Secret::new(&access.webhook_secret);
    let mut webhooks = patientnow::WebhookConfig::hmac(secret);
    webhooks.header.clone_from(&access.webhook_header);
    config.webhooks = Some(webhooks);
    Ok(config)
}

/// How to reach a sandbox's Zenoti by its key, with its webhooks.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn zenoti_at(access: &Access) -> Result<ZenotiConfig> {
    let access = &access.zenoti;
    let credentials = zenoti::Credentials::ApiKey(Secret::new(&access.api_key));
    let center = Center { id: access.center_id.clone(), zone: ZONE, name: None };
    let mut config = ZenotiConfig::new(credentials, center);
    config.base_url = url(&access.base_url)?;
    config.organization = Some(access.organization_id.to_lowercase());
    config.webhooks = Some(zenoti::WebhookConfig::new(Secret::new(&access.webhook_secret)));
    Ok(config)
}

/// How to reach a sandbox's DermPRO store by signed requests.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn dermpro_at(access: &Access, start_from: DateTime<Utc>) -> Result<DermproConfig> {
    let access = &access.dermpro;
    let credentials = dermpro::Credentials::OAuth {
        consumer_key: Secret::new(&access.consumer_key),
        consumer_secret: Secret::new(&access.consumer_secret),
        access_token: Secret::new(&access.access_token),
        access_token_secret: Secret::new(&access.access_token_secret),
    };
    let practice = PracticeId::new("store");
    Ok(DermproConfig::new(url(&access.base_url)?, practice, credentials, ZONE, start_from))
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
