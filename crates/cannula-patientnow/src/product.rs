//! What differs between the products.

use cannula_core::PatientField;

/// A product of PatientNow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// PatientNow Essentials: the whole API.
    Essentials,
    /// VISH: the smaller API of the same platform, without customers.
    Vish,
    /// PatientNow Pro. Experimental: nothing of its API but the address is known to us.
    Pro,
}

impl Product {
    /// The words of the configuration; the first is the default.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("essentials", Self::Essentials), ("vish", Self::Vish), ("pro", Self::Pro)];

    /// What every new patient must have: troubleshooting article 1350 for Essentials; the article
    /// about creating patients in Pro announces six fields too.
    pub(crate) const REQUIRED: [PatientField; 6] = [
        PatientField::FirstName,
        PatientField::LastName,
        PatientField::Email,
        PatientField::Phone,
        PatientField::BirthDate,
        PatientField::Gender,
    ];

    /// The vendor's own address of the API.
    pub fn base_url(self) -> &'static str {
        match self {
            Self::Essentials | Self::Vish => "https://api.envisiongo.com/api/v1",
            Self::Pro => "https://backend-production.patientnow.net/backend/patientnowpro",
        }
    }

    /// The connector's name in errors and metrics.
    pub fn connector(self) -> &'static str {
        match self {
            Self::Essentials => "patientnow",
            Self::Vish => "patientnow-vish",
            Self::Pro => "patientnow-pro",
        }
    }

    /// What money a patient pays is filed under: orders, or in Pro patient bills.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::Essentials | Self::Vish => "Order",
            Self::Pro => "Invoice",
        }
    }
}
