//! What differs between the two products; everything else is one code path.

use cannula_core::{PatientField, PhoneUse};

/// Which of Nextech's two practice management products a practice runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// Nextech Select, also called NexCloud.
    Select,
    /// Nextech Practice+.
    PracticePlus,
}

/// The constants of a product.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) connector: &'static str,
    pub(crate) base_url: &'static str,
    /// The token's audience; Practice+ gives each partner its own.
    pub(crate) resource: Option<&'static str>,
    /// What `system: phone, use: old` stands for. In FHIR it is a number no longer in use;
    /// Practice+ documents it as the patient's *other* number.
    pub(crate) old_phone: Option<PhoneUse>,
    /// The product as staff call it.
    pub(crate) name: &'static str,
    /// What extension URLs start with.
    pub(crate) extensions: &'static str,
    /// The statuses a new patient can be given, the default first.
    pub(crate) statuses: &'static [(&'static str, &'static str)],
    /// What a new patient must have.
    pub(crate) required: &'static [PatientField],
    /// What a new payment can be.
    pub(crate) payments: PaymentRules,
}

impl Profile {
    /// The URL of an extension.
    pub(crate) fn extension(&self, name: &str) -> String {
        format!("{}{name}", self.extensions)
    }
}

/// What a product takes of a new payment: "Create Payment" of each product's API documentation.
#[derive(Debug)]
pub(crate) struct PaymentRules {
    pub(crate) methods: &'static [&'static str],
    /// Practice+ has a fixed list; in Select each practice has its own.
    pub(crate) card_types: Option<&'static [&'static str]>,
    pub(crate) category_required: bool,
    /// The methods that need a card type.
    pub(crate) card_type_required: &'static [&'static str],
    /// Each payment names the practice by number.
    pub(crate) practice_required: bool,
}

static SELECT: Profile = Profile {
    connector: "nextech-select",
    base_url: "https://select.nextech-api.com/api",
    resource: Some("https://select.nextech-api.com/api"),
    old_phone: None,
    name: "Nextech Select",
    extensions: "https://select.nextech-api.com/api/structuredefinition/",
    statuses: &[
        ("prospect", "prospect"),
        ("patient", "patient"),
        ("patientprospect", "patientprospect"),
    ],
    required: &[
        PatientField::FirstName,
        PatientField::LastName,
        PatientField::Email,
        PatientField::Phone,
        PatientField::BirthDate,
        PatientField::PostalCode,
    ],
    payments: PaymentRules {
        methods: &["Cash", "Check", "Charge"],
        card_types: None,
        category_required: true,
        card_type_required: &[],
        practice_required: false,
    },
};

static PRACTICE_PLUS: Profile = Profile {
    connector: "nextech-practice-plus",
    base_url: "https://api.pm.nextech.com/api",
    resource: None,
    old_phone: Some(PhoneUse::Other),
    name: "Nextech Practice+",
    extensions: "https://api.pm.nextech.com/api/structuredefinition/",
    // `Deceased` and `Merged` are documented too, but nobody starts as either.
    statuses: &[
        ("Active", "Active"),
        ("Not Yet Seen", "Not Yet Seen"),
        ("Inactive", "Inactive"),
        ("Restricted Access", "Restricted Access"),
    ],
    required: &[
        PatientField::FirstName,
        PatientField::LastName,
        PatientField::Email,
        PatientField::Phone,
        PatientField::BirthDate,
        PatientField::Street,
        PatientField::City,
        PatientField::State,
        PatientField::PostalCode,
        PatientField::ReferralSource,
        PatientField::GeneralPractitioner,
    ],
    payments: PaymentRules {
        methods: &[
            "Cash",
            "Check",
            "Charge",
            "CreditCard",
            "ElectronicTransfer",
            "GiftCertificate",
        ],
        card_types: Some(&["Visa", "MasterCard", "AmericanExpress", "Discover"]),
        category_required: false,
        card_type_required: &["Charge", "CreditCard"],
        practice_required: true,
    },
};

/// Both products sign in at Nextech's Azure directory.
pub(crate) const TOKEN_URL: &str = "https://login.microsoftonline.com/nextech-api.com/oauth2/token";

impl Product {
    /// The words configuration uses.
    pub(crate) const WORDS: [(&'static str, Self); 2] =
        [("select", Self::Select), ("practice-plus", Self::PracticePlus)];

    /// The product as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::PracticePlus => "practice-plus",
        }
    }

    pub(crate) fn profile(self) -> &'static Profile {
        match self {
            Self::Select => &SELECT,
            Self::PracticePlus => &PRACTICE_PLUS,
        }
    }
}
