//! What vendors push.

use std::fmt::{self, Debug};

use chrono::{DateTime, Utc};

use crate::{Event, Result};

/// An HTTP request that a vendor made of us, as received.
///
/// `Debug` shows the sizes and nothing else: body and headers hold personal data and signatures.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Names and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The raw body: signatures are over these bytes and no others.
    pub body: &'a [u8],
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

impl<'a> Delivery<'a> {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("headers", &self.headers.len())
            .field("body", &self.body.len())
            .field("received_at", &self.received_at)
            .finish()
    }
}

/// Verifies a vendor's deliveries and reads them. There is none that does not verify.
pub trait WebhookDecoder: Debug + Send + Sync + 'static {
    /// The events of an authentic delivery; none if it is authentic and of no concern to us.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`](crate::ErrorKind::Auth) if it is not proven to come from the vendor,
    /// now; [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it does and cannot be read.
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>>;

    /// The HTTP status that makes this vendor deliver again later.
    fn try_again(&self) -> u16;
}
