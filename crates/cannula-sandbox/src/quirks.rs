use serde::{Deserialize, Serialize};

/// Which links a bundle of Nextech carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// Absolute links to this server, by offset.
    #[default]
    Here,
    /// None, as in every example of the vendor's documents.
    Absent,
    /// Links to another host: whoever follows them hands out the token.
    ForeignHost,
    /// Links with the scheme `https`, which this listener does not speak.
    OtherScheme,
}

/// What PatientNow answers to a customer who was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedAnswer {
    /// The customer.
    #[default]
    Object,
    /// The id, as a number.
    BareId,
    /// Nothing but a `Location` that ends in the id.
    Location,
}

/// What Nextech answers to a payment that was entered; its documents do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAnswer {
    /// Nothing: 201 in Select, 204 in Practice+.
    #[default]
    Nothing,
    /// The payment as it is read, with 201 in Select and 200 in Practice+.
    Resource,
}

/// The meannesses of the vendors, each with its switch. [`Quirks::default`] is as mean as the
/// vendors are known or feared to be; [`Quirks::kind`] is what their documents promise.
///
/// What belongs to the practice's data rather than to the vendors is in
/// [`Oddities`](crate::practice::Oddities), what is a setting of the CRM's location in
/// [`CrmSettings`](crate::CrmSettings).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Rate limits of all vendors. Off for benchmarks and demonstrations.
    pub limits: bool,
    /// Nextech answers 429 for the rest of the UTC day after this many requests per product.
    /// Needs `limits`.
    pub daily_cap: Option<u64>,
    /// Searches of the CRM trail its writes; off, the lag in its settings is ignored.
    pub search_lag: bool,
    /// `expires_in` and `expires_on` are JSON strings, as Azure AD v1 sends them.
    pub numbers_as_text: bool,
    /// A refresh token is good for one use.
    pub refresh_rotates: bool,
    /// The Select user's password has expired. Off by default, for it stops everything.
    pub password_expired: bool,
    /// Filters on instants see whole seconds, while the data has milliseconds: `gt` misses
    /// what changed later in the same second.
    pub second_precision: bool,
    /// An unescaped `+` in a query is a space.
    pub plus_is_space: bool,
    /// Text parameters match the start of a value; off, only the whole value.
    pub prefix_search: bool,
    /// `_count` over 50 is refused with 400 instead of cut to 50. Which of the two the vendor
    /// does is not known; off by default.
    pub refuse_large_pages: bool,
    /// Which links bundles carry.
    pub links: Links,
    /// How many planned changes of each kind happen early whenever a page after the first is
    /// read: rows appear and move while a listing is being paged.
    pub changes_between_pages: usize,
    /// An empty bundle has no `entry`.
    pub absent_entry: bool,
    /// Bundles of appointments lack `type`.
    pub bare_bundles: bool,
    /// `meta` is missing, as in versions before 14.3. Off by default.
    pub absent_meta: bool,
    /// Stamps come with one to seven fractional digits, with `Z`, `+00:00` or a local offset.
    pub mixed_stamps: bool,
    /// GUIDs in upper and lower case, `Patient/…` and `patient/…`.
    pub mixed_case: bool,
    /// Select: given names end with an empty string.
    pub empty_given: bool,
    /// Select: appointments carry copies of their location and practitioner in `contained`.
    pub contained: bool,
    /// Practice+: extensions of appointments have bare names for URLs.
    pub bare_extensions: bool,
    /// Practice+: appointments print `-05:00` all year, beside a right wall clock.
    pub fixed_offset: bool,
    /// Payments: two spellings of the extensions for card type and deposit date, and in Practice+
    /// now and then a reference in the form of Select.
    pub mixed_spellings: bool,
    /// Payments: primitive values of extensions are `{"value": x}`, as one sample of the vendor's
    /// still has them. Off by default.
    pub wrapped_primitives: bool,
    /// What a payment that was entered is answered with.
    pub payment_answer: PaymentAnswer,
    /// A payment with a negative total is entered, as a refund; off, it is refused. Which of the
    /// two the vendor does is not known; off by default.
    pub negative_payments: bool,
    /// A payment that was entered is in listings only so many seconds later.
    pub payment_lag_seconds: u32,
    /// The practice has a few rows that no client can read.
    pub bad_rows: bool,
    /// PatientNow answers 429 for the rest of the UTC day after this many requests. Needs
    /// `limits`.
    pub patientnow_daily_calls: u64,
    /// PatientNow: what a created customer is answered with.
    pub patientnow_created: CreatedAnswer,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            limits: true,
            daily_cap: None,
            search_lag: true,
            numbers_as_text: true,
            refresh_rotates: true,
            password_expired: false,
            second_precision: true,
            plus_is_space: true,
            prefix_search: true,
            refuse_large_pages: false,
            links: Links::Here,
            changes_between_pages: 2,
            absent_entry: true,
            bare_bundles: true,
            absent_meta: false,
            mixed_stamps: true,
            mixed_case: true,
            empty_given: true,
            contained: true,
            bare_extensions: true,
            fixed_offset: true,
            mixed_spellings: true,
            wrapped_primitives: false,
            payment_answer: PaymentAnswer::Nothing,
            negative_payments: false,
            payment_lag_seconds: 0,
            bad_rows: true,
            patientnow_daily_calls: 1_000,
            patientnow_created: CreatedAnswer::Object,
        }
    }
}

impl Quirks {
    /// Every meanness off, rate limits among them.
    pub const fn kind() -> Self {
        Self {
            limits: false,
            daily_cap: None,
            search_lag: false,
            numbers_as_text: false,
            refresh_rotates: false,
            password_expired: false,
            second_precision: false,
            plus_is_space: false,
            prefix_search: false,
            refuse_large_pages: false,
            links: Links::Here,
            changes_between_pages: 0,
            absent_entry: false,
            bare_bundles: false,
            absent_meta: false,
            mixed_stamps: false,
            mixed_case: false,
            empty_given: false,
            contained: false,
            bare_extensions: false,
            fixed_offset: false,
            mixed_spellings: false,
            wrapped_primitives: false,
            payment_answer: PaymentAnswer::Resource,
            negative_payments: true,
            payment_lag_seconds: 0,
            bad_rows: false,
            patientnow_daily_calls: 1_000,
            patientnow_created: CreatedAnswer::Object,
        }
    }
}
