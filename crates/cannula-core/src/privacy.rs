//! Personal data and secrets as types: printing one by accident is a compile error or a redaction.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

/// Personal health information: a name, birth date, e-mail, phone, address or note text.
///
/// It has no `Display` and its `Debug` prints `Phi(…)`. It serialises to the bare value, because
/// the store and the vendors need it; nothing else may see it. Read it with [`Phi::expose`].
///
/// ```
/// use cannula_core::Phi;
/// let email = Phi::new("mina@example.test".to_owned());
/// assert_eq!(format!("{email:?}"), "Phi(…)");
/// assert_eq!(email.expose(), "mina@example.test");
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Where this is called, the value is about to leave the program's care:
    /// it may go into a vendor request or the store and nowhere else.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out, under the same rule as [`Phi::expose`].
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Derives another personal value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Phi<U> {
        Phi(f(self.0))
    }
}

impl<T> fmt::Debug for Phi<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phi(…)")
    }
}

impl<T> From<T> for Phi<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// A credential: token, password, client secret or signing key.
///
/// Redacted in `Debug`, wiped from memory when dropped, never serialised.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes charge of a credential.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The credential itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_personal_values_and_secrets_is_redacted_even_when_nested() {
        #[derive(Debug)]
        #[allow(dead_code)]
        struct Holder {
            name: Option<Phi<String>>,
            token: Secret,
        }
        let holder = Holder { name: Some(Phi::new("Mina".into())), token: Secret::new("tok-1") };
        let text = format!("{holder:?}");
        assert!(!text.contains("Mina") && !text.contains("tok-1"), "{text}");
    }

    #[test]
    fn phi_serialises_to_the_bare_value() {
        assert_eq!(serde_json::to_string(&Phi::new("x")).unwrap(), "\"x\"");
    }
}
