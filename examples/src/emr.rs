use std::{collections::BTreeMap, sync::Arc};

use cannula::{
    EmrSection,
    core::{Clock, EmrSource, PatientRegistry, Result, WebhookDecoder},
    nextech::{Nextech, NextechConfig},
    patientnow::{PatientNow, PatientNowConfig, PatientNowWebhooks},
    zenoti::{Zenoti, ZenotiConfig, ZenotiWebhooks},
};
use cannula_sandbox::{Vendor, practice::Practice};

/// An EMR that these programs carry to the CRM: what a [`service`](crate::service) needs to know
/// of it, and all that differs between them.
pub trait Emr: EmrSource + PatientRegistry + Sized {
    /// Its section of the configuration file.
    type Config: EmrSection;

    /// Its fake in the sandbox.
    const VENDOR: Vendor;

    /// Whether it sends webhooks at all.
    const SENDS_WEBHOOKS: bool;

    /// The connector. No I/O.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    fn connect(config: Self::Config, clock: Arc<dyn Clock>) -> Result<Self>;

    /// What reads its webhooks; `None` where it has none, or none are configured.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    fn webhooks(config: &Self::Config) -> Result<Option<Arc<dyn WebhookDecoder>>>;

    /// The synthetic practice's appointment categorization document, for the names that its types
    /// have in this EMR.
    fn categories(practice: &Practice) -> String {
        practice.categorization_csv().to_owned()
    }

    /// HTTP requests sent so far, by operation.
    fn sent(&self) -> BTreeMap<&'static str, u64>;
}

impl Emr for Nextech {
    type Config = NextechConfig;
    const VENDOR: Vendor = Vendor::Nextech;
    const SENDS_WEBHOOKS: bool = false;

    fn connect(config: NextechConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::new(config, clock)
    }

    fn webhooks(_: &NextechConfig) -> Result<Option<Arc<dyn WebhookDecoder>>> {
        Ok(None)
    }

    fn sent(&self) -> BTreeMap<&'static str, u64> {
        self.calls()
    }
}

impl Emr for PatientNow {
    type Config = PatientNowConfig;
    const VENDOR: Vendor = Vendor::PatientNow;
    const SENDS_WEBHOOKS: bool = true;

    fn connect(config: PatientNowConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::new(config, clock)
    }

    fn webhooks(config: &PatientNowConfig) -> Result<Option<Arc<dyn WebhookDecoder>>> {
        if config.webhooks.is_none() {
            return Ok(None);
        }
        Ok(Some(Arc::new(PatientNowWebhooks::new(config)?)))
    }

    /// Services have no purposes here.
    fn categories(practice: &Practice) -> String {
        format!("{}Consultation,,Non-Surgical Consult\n", practice.categorization_csv())
    }

    fn sent(&self) -> BTreeMap<&'static str, u64> {
        self.calls()
    }
}

impl Emr for Zenoti {
    type Config = ZenotiConfig;
    const VENDOR: Vendor = Vendor::Zenoti;
    const SENDS_WEBHOOKS: bool = true;

    fn connect(config: ZenotiConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::new(config, clock)
    }

    fn webhooks(config: &ZenotiConfig) -> Result<Option<Arc<dyn WebhookDecoder>>> {
        if config.webhooks.is_none() {
            return Ok(None);
        }
        Ok(Some(Arc::new(ZenotiWebhooks::new(config)?)))
    }

    fn categories(practice: &Practice) -> String {
        practice.zenoti_categorization_csv().to_owned()
    }

    fn sent(&self) -> BTreeMap<&'static str, u64> {
        self.calls()
    }
}
