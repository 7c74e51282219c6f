//! What REST answers, as it is written. Unknown keys are ignored; Zenoti's misspelt ones are known.

use cannula_core::Phi;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{
    codes::{AppointmentCode, InvoiceCode, MembershipCode, Progress},
    time::{CenterTime, UtcTime, absent},
};

/// An id: a GUID in any case, kept in lower case. Blank is none, and so is the GUID of zeros.
pub(crate) fn guid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(id))
}

/// An id in the one spelling that is kept.
pub(crate) fn id(text: &str) -> Option<String> {
    let text = text.trim();
    let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'-');
    (!text.is_empty() && !is_zero).then(|| text.to_ascii_lowercase())
}

/// The text unless it is blank.
pub(crate) fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|it| it.trim()).filter(|it| !it.is_empty())
}

/// An id with a name: a service, a center, a membership.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Labelled {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default, alias = "is_add_on")]
    pub(crate) is_addon: Option<bool>,
}

/// A guest or a therapist beside a record.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Somebody {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) first_name: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) last_name: Option<Phi<String>>,
}

/// One service of a booking: an element of the center's list, or one by its id.
#[derive(Debug, Deserialize)]
pub(crate) struct Appointment {
    #[serde(default, alias = "id", deserialize_with = "guid")]
    pub(crate) appointment_id: Option<String>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) appointment_group_id: Option<String>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) invoice_id: Option<String>,
    #[serde(default)]
    pub(crate) service: Option<Labelled>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) start_time: Option<CenterTime>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) start_time_utc: Option<UtcTime>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) end_time: Option<CenterTime>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) end_time_utc: Option<UtcTime>,
    #[serde(default)]
    pub(crate) status: Option<AppointmentCode>,
    #[serde(default, alias = "appointment_progress")]
    pub(crate) progress: Option<Progress>,
    #[serde(default)]
    pub(crate) guest: Option<Somebody>,
    #[serde(default)]
    pub(crate) therapist: Option<Somebody>,
}

/// An element of a guest's list: a whole group, without its therapists.
#[derive(Debug, Deserialize)]
pub(crate) struct GuestGroup {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) appointment_group_id: Option<String>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) center_id: Option<String>,
    #[serde(default)]
    pub(crate) appointment_services: Option<Vec<GuestService>>,
}

/// One service of it.
#[derive(Debug, Deserialize)]
pub(crate) struct GuestService {
    #[serde(default, deserialize_with = "absent")]
    pub(crate) start_time: Option<CenterTime>,
}

/// A guest's list.
#[derive(Debug, Deserialize)]
pub(crate) struct GuestGroups {
    #[serde(default)]
    pub(crate) appointments: Option<Vec<GuestGroup>>,
}

/// A guest.
#[derive(Debug, Deserialize)]
pub(crate) struct Guest {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) code: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) personal_info: Option<PersonalInfo>,
}

/// What staff know of the guest as a person.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PersonalInfo {
    #[serde(default)]
    pub(crate) first_name: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) last_name: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) email: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) mobile_phone: Option<AnyPhone>,
    #[serde(default)]
    pub(crate) home_phone: Option<AnyPhone>,
    #[serde(default)]
    pub(crate) work_phone: Option<AnyPhone>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) date_of_birth: Option<CenterTime>,
    /// The year is not known, whatever year stands in the date.
    #[serde(default)]
    pub(crate) dob_incomplete_year: Option<Phi<serde_json::Value>>,
}

/// A phone number: an object, or in some places a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AnyPhone {
    Object(PhoneNumber),
    Text(Phi<String>),
}

/// `country_code` is Zenoti's number of the country; `phone_code` is the dialling code.
#[derive(Debug, Deserialize)]
pub(crate) struct PhoneNumber {
    #[serde(default, alias = "country_id")]
    pub(crate) country_code: Option<i64>,
    #[serde(default)]
    pub(crate) phone_code: Option<NumberOrText>,
    #[serde(default)]
    pub(crate) number: Option<Phi<String>>,
    #[serde(default)]
    pub(crate) display_number: Option<Phi<String>>,
}

/// A number that may be quoted.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Number(i64),
    Text(String),
}

impl NumberOrText {
    /// The digits, unless there are none.
    pub(crate) fn digits(&self) -> Option<String> {
        let text = match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.chars().filter(char::is_ascii_digit).collect(),
        };
        (!text.is_empty() && text != "0" && !text.starts_with('-')).then_some(text)
    }
}

/// The pages of a search or list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PageInfo {
    #[serde(default)]
    pub(crate) total: Option<u64>,
}

/// Countries and their dialling codes.
#[derive(Debug, Deserialize)]
pub(crate) struct Countries {
    #[serde(default)]
    pub(crate) countries: Option<Vec<Country>>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Country {
    #[serde(default)]
    pub(crate) id: Option<i64>,
    #[serde(default)]
    pub(crate) phone_code: Option<NumberOrText>,
}

/// The centers of the organisation.
#[derive(Debug, Deserialize)]
pub(crate) struct Centers {
    #[serde(default)]
    pub(crate) centers: Option<Vec<CenterRow>>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct CenterRow {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) display_name: Option<String>,
}

/// An invoice, nested as documented.
#[derive(Debug, Deserialize)]
pub(crate) struct InvoiceAnswer {
    #[serde(default)]
    pub(crate) invoice: Option<Invoice>,
}

/// An invoice.
#[derive(Debug, Deserialize)]
pub(crate) struct Invoice {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) is_closed: Option<bool>,
    #[serde(default)]
    pub(crate) is_refund: Option<bool>,
    #[serde(default, alias = "invoice_status")]
    pub(crate) status: Option<InvoiceCode>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) invoice_date: Option<CenterTime>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) center_id: Option<String>,
    #[serde(default)]
    pub(crate) center: Option<Labelled>,
    #[serde(default)]
    pub(crate) guest: Option<Somebody>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) guest_id: Option<String>,
    #[serde(default)]
    pub(crate) total_price: Option<TotalPrice>,
    #[serde(default)]
    pub(crate) invoice_items: Option<Vec<InvoiceItem>>,
    #[serde(default)]
    pub(crate) appointments: Option<Vec<InvoiceAppointment>>,
}

/// Its sum. The currency's number beside it is not to be trusted.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TotalPrice {
    #[serde(default)]
    pub(crate) sum_total: Option<Box<RawValue>>,
}

/// What was sold.
#[derive(Debug, Deserialize)]
pub(crate) struct InvoiceItem {
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// A service on an invoice. It is not documented whether its time is UTC or the center's.
#[derive(Debug, Deserialize)]
pub(crate) struct InvoiceAppointment {
    #[serde(default, deserialize_with = "absent")]
    pub(crate) start_time: Option<CenterTime>,
}

/// A membership that a guest has.
#[derive(Debug, Deserialize)]
pub(crate) struct Membership {
    #[serde(default, deserialize_with = "guid")]
    pub(crate) user_membership_id: Option<String>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) id: Option<String>,
    #[serde(default, deserialize_with = "guid")]
    pub(crate) guest_id: Option<String>,
    #[serde(default)]
    pub(crate) status: Option<MembershipCode>,
    #[serde(default, deserialize_with = "absent")]
    pub(crate) expiry_date: Option<CenterTime>,
    #[serde(default)]
    pub(crate) membership: Option<Labelled>,
    #[serde(default)]
    pub(crate) purchase: Option<Purchase>,
    #[serde(default)]
    pub(crate) invoice: Option<Labelled>,
}

impl Membership {
    pub(crate) fn key(&self) -> Option<&String> {
        self.user_membership_id.as_ref().or(self.id.as_ref())
    }
}

/// When and for how much it was bought.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Purchase {
    #[serde(default, deserialize_with = "absent")]
    pub(crate) date: Option<CenterTime>,
    #[serde(default)]
    pub(crate) price: Option<Price>,
}

/// `final` includes discounts and tax.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Price {
    #[serde(default, rename = "final")]
    pub(crate) last: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) sales: Option<Box<RawValue>>,
}

impl Guest {
    /// Whether a number names a country whose dialling code is not known.
    pub(crate) fn needs_countries(&self, dialling: &crate::phone::Dialling) -> bool {
        let Some(info) = &self.personal_info else { return false };
        let phones = [&info.mobile_phone, &info.work_phone, &info.home_phone];
        phones.into_iter().flatten().any(|phone| match phone {
            AnyPhone::Text(_) => false,
            AnyPhone::Object(phone) => {
                let has_number = phone.number.as_ref().is_some_and(|it| !it.expose().is_empty());
                let has_code = phone.phone_code.as_ref().and_then(NumberOrText::digits).is_some();
                let country = phone.country_code.filter(|id| *id > 0);
                has_number && !has_code && country.is_some_and(|id| dialling.code(id).is_none())
            }
        })
    }
}

impl Invoice {
    /// Its center, which some answers nest.
    pub(crate) fn center(&self) -> Option<&str> {
        let nested = || self.center.as_ref()?.id.as_deref();
        self.center_id.as_deref().or_else(nested)
    }
}

/// Reads an invoice, nested as documented or bare.
pub(crate) fn invoice(response: &cannula_http::Response) -> cannula_core::Result<Invoice> {
    match response.json::<InvoiceAnswer>()?.invoice {
        Some(invoice) => Ok(invoice),
        None => {
            let bare: Invoice = response.json()?;
            if bare.id.is_some() {
                return Ok(bare);
            }
            let what = "the answer holds no invoice";
            Err(cannula_core::Error::new(cannula_core::ErrorKind::NotFound, what))
        }
    }
}
