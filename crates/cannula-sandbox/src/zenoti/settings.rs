use serde::{Deserialize, Serialize};

/// Settings of the organisation, and what is not known of the live service. The default is as mean
/// as it is feared to be; [`ZenotiSettings::kind`] is as mild as the documents let it be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZenotiSettings {
    /// What a new guest must have beside first name, last name and center: of `email`, `mobile`,
    /// `birthday`, `address_1`, `city`, `zip_code`, `gender`.
    pub required: Vec<String>,
    /// A mobile number can belong to one guest only: 441. E-mail addresses always can: 442.
    pub unique_phones: bool,
    /// Refusals of requests that were understood come with status 200 and an `error` or `Error`.
    pub errors_in_200: bool,
    /// Some appointments are read as an array of one.
    pub mixed_shapes: bool,
    /// Search works without `center_id`.
    pub search_across_centers: bool,
    /// Centers say which time zone they are in, by its Windows name. The vendor documents the
    /// property, an organisation may have none.
    pub time_zones: bool,
    /// `Appointment.Started`, `Appointment.Completed` and changes of memberships come without an
    /// envelope, as in the vendor's samples.
    pub bare_events: bool,
    /// `Invoice.Closed` is sent for invoices that are not closed too: when one is opened again,
    /// and a moment before one is closed.
    pub early_invoices: bool,
    /// Visits, invoices and memberships of a guest that was merged go on naming the id that died,
    /// in webhooks and when they are read. The vendor names the event and the history of merges,
    /// and does not say what becomes of what a guest had.
    pub dead_ids: bool,
    /// A guest that is asked for by a dead id is not found; else the id leads to the guest that is
    /// left.
    pub dead_ids_not_found: bool,
    /// `center` in place of `center_id` in some events of invoices.
    pub mixed_centers: bool,
}

impl Default for ZenotiSettings {
    fn default() -> Self {
        Self {
            required: vec!["email".to_owned()],
            unique_phones: true,
            errors_in_200: true,
            mixed_shapes: true,
            search_across_centers: false,
            time_zones: true,
            bare_events: true,
            early_invoices: true,
            dead_ids: true,
            dead_ids_not_found: true,
            mixed_centers: true,
        }
    }
}

impl ZenotiSettings {
    /// Everything as the documents promise.
    pub const fn kind() -> Self {
        Self {
            required: Vec::new(),
            unique_phones: false,
            errors_in_200: false,
            mixed_shapes: false,
            search_across_centers: true,
            time_zones: true,
            bare_events: false,
            early_invoices: false,
            dead_ids: false,
            dead_ids_not_found: false,
            mixed_centers: false,
        }
    }
}
