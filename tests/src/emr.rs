use std::{collections::BTreeMap, time::Duration};

use cannula::{
    core::{Event, Money, PatientId, PracticeId, Result, Secret},
    patientnow::{self, PatientNowConfig},
    zenoti::{self, ZenotiConfig},
};
use cannula_examples::{patientnow_at, zenoti_at};
use cannula_sandbox::{
    Access, Vendor,
    practice::{Practice, Product},
};
use chrono::{DateTime, Utc};

/// An EMR that the practice can be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emr {
    /// Nextech, which is polled.
    Nextech(Product),
    /// PatientNow Essentials, which sends webhooks.
    PatientNow,
    /// Zenoti, which sends webhooks.
    Zenoti,
}

impl From<Product> for Emr {
    fn from(product: Product) -> Self {
        Self::Nextech(product)
    }
}

impl Emr {
    /// The fake of it.
    pub const fn vendor(self) -> Vendor {
        match self {
            Self::Nextech(_) => Vendor::Nextech,
            Self::PatientNow => Vendor::PatientNow,
            Self::Zenoti => Vendor::Zenoti,
        }
    }

    /// The tag that creates patients, by Aesthetix's help centre, articles 1350 and 1352. For Zenoti
    /// none is documented.
    pub const fn create_tag(self) -> &'static str {
        match self {
            Self::Nextech(Product::Select) => "NXT Create",
            Self::Nextech(Product::PracticePlus) => "NXT-Create",
            Self::PatientNow => "pnow-create",
            Self::Zenoti => "zenoti-create",
        }
    }

    /// What events call the practice.
    pub fn practice_id(self, access: &Access) -> PracticeId {
        PracticeId::new(match self {
            Self::Nextech(product) => product.practice_id(),
            Self::PatientNow => &access.patientnow.company_id,
            Self::Zenoti => &access.zenoti.center_id,
        })
    }

    /// The whole timeline as a faithful client reads it.
    pub fn history(self, practice: &Practice) -> Vec<(DateTime<Utc>, Event)> {
        match self {
            Self::Nextech(product) => practice.history(product),
            Self::PatientNow => practice.patientnow_history(),
            Self::Zenoti => practice.zenoti_history(),
        }
    }

    /// The practice's categorization document for this EMR's names of visits.
    pub const fn categories(self, practice: &Practice) -> &'static str {
        match self {
            Self::Zenoti => practice.zenoti_categorization_csv(),
            _ => practice.categorization_csv(),
        }
    }

    /// What the practice's books say each patient has paid, by the EMR's ids.
    pub fn books(self, practice: &Practice) -> BTreeMap<PatientId, Money> {
        match self {
            Self::Nextech(_) => practice.lifetime_values(),
            Self::PatientNow => {
                let values = practice.order_values().into_iter();
                values.filter_map(|(id, money)| Some((practice.customer_id(&id)?, money))).collect()
            }
            Self::Zenoti => practice.zenoti_lifetime_values(),
        }
    }

    /// The EMR's id of a patient of the practice.
    pub fn person(self, practice: &Practice, patient: &PatientId) -> PatientId {
        match self {
            Self::PatientNow => practice.customer_id(patient),
            _ => None,
        }
        .unwrap_or_else(|| patient.clone())
    }
}

/// How to reach a sandbox's PatientNow, with sweeps that look at everything that can still change.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn patientnow_config(access: &Access, start_from: DateTime<Utc>) -> Result<PatientNowConfig> {
    let mut config = patientnow_at(access, start_from)?;
    config.company_id = Some(access.patientnow.company_id.clone());
    let every = Duration::from_secs(6 * 3_600);
    config.sweeps = patientnow::Sweeps { every, past_days: 7, days_ahead: 120, order_days: 30 };
    Ok(config)
}

/// The same for Zenoti.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn zenoti_config(access: &Access) -> Result<ZenotiConfig> {
    let mut config = zenoti_at(access)?;
    config.sweeps = zenoti::Sweeps {
        every: Duration::from_secs(24 * 3_600),
        days_back: 21,
        days_ahead: 42,
        ..zenoti::Sweeps::default()
    };
    Ok(config)
}

/// A user's password in Zenoti, which gets tokens.
pub fn zenoti_password(access: &Access) -> zenoti::Credentials {
    let access = &access.zenoti;
    zenoti::Credentials::Password {
        account_name: access.account_name.clone(),
        user_name: Secret::new(&access.user_name),
        password: Secret::new(&access.password),
        app_id: access.app_id.clone(),
        app_secret: Secret::new(&access.app_secret),
        device_id: "cannula".to_owned(),
    }
}
