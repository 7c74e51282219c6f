//! Zenoti's numbers. One that is not known is kept.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A number, quoted or not.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($number:literal => $variant:ident $word:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($variant,)*
            /// Any other number.
            Unknown(i64),
        }

        impl $name {
            pub(crate) fn of(number: i64) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// Zenoti's own word, or the number where there is none.
            #[allow(dead_code, reason = "not every number is shown")]
            pub(crate) fn word(self) -> String {
                match self {
                    $(Self::$variant => $word.to_owned(),)*
                    Self::Unknown(number) => number.to_string(),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Number::deserialize(deserializer)? {
                    Number::Number(number) => Ok(Self::of(number)),
                    Number::Text(text) => {
                        let text = text.trim();
                        let words = [$(($word, Self::$variant),)*];
                        words
                            .into_iter()
                            .find(|(word, _)| word.eq_ignore_ascii_case(text))
                            .map(|(_, code)| code)
                            .or_else(|| text.parse().ok().map(Self::of))
                            .ok_or_else(|| D::Error::custom("expected one of Zenoti's numbers"))
                    }
                }
            }
        }
    )*};
}

codes! {
    /// Of an appointment, and [A] of a group: "close-an-invoice"; −3, 7 and 8 from one live
    /// integration.
    AppointmentCode {
        -3 => VoidedToo "Void",
        -2 => NoShow "NoShow",
        -1 => Cancelled "Cancelled",
        0 => New "New",
        1 => Closed "Closed",
        2 => Checkin "Checkin",
        4 => Confirm "Confirm",
        7 => Deleted "Deleted",
        8 => Refund "Refund",
        10 => Break "Break",
        11 => NotSpecified "NotSpecified",
        20 => Available "Available",
        21 => Voided "Voided",
    }
    /// How far a service has got.
    Progress {
        0 => NotStarted "Not started",
        1 => Started "Started",
        2 => Completed "Completed",
    }
    /// Of an invoice; other endpoints give the words.
    InvoiceCode {
        0 => Open "Open",
        1 => Processed "Processed",
        2 => CampaignApplied "CampaignApplied",
        3 => CouponApplied "CouponApplied",
        4 => Closed "Closed",
        11 => NotSpecified "NotSpecified",
        99 => Voided "Voided",
    }
    /// Of a membership.
    MembershipCode {
        -1 => Default "Default",
        1 => Active "Active",
        2 => InActive "InActive",
        3 => Frozen "Frozen",
        4 => Cancelled "Cancelled",
        5 => Expired "Expired",
        6 => Closed "Closed",
        7 => NotStarted "NotStarted",
        8 => Suspended "Suspended",
        9 => Refund "Refund",
        10 => Deleted "Deleted",
        12 => Failed "Failed",
    }
}

impl AppointmentCode {
    /// The service will not take place, and did not.
    pub(crate) const fn is_dropped(self) -> bool {
        matches!(
            self,
            Self::NoShow | Self::Cancelled | Self::Voided | Self::VoidedToo | Self::Deleted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_quoted_or_a_word_and_need_not_be_known() {
        let read = |json: &str| serde_json::from_str::<InvoiceCode>(json).ok();
        assert_eq!(read("4"), Some(InvoiceCode::Closed));
        assert_eq!(read("\"99\""), Some(InvoiceCode::Voided));
        assert_eq!(read("\"OPEN\""), Some(InvoiceCode::Open));
        assert_eq!(read("77"), Some(InvoiceCode::Unknown(77)));
        assert_eq!(read("\"soon\""), None);
        assert_eq!(AppointmentCode::of(33).word(), "33");
        assert_eq!(AppointmentCode::of(-2).word(), "NoShow");
    }
}
