//! Nextech's JSON, read leniently: every field may be missing or null, unknown ones are ignored,
//! and text borrows from the page.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A primitive, without surrounding space. Numbers and booleans are taken as text, and so is the wrapped form
/// `{"value": x}` that some of Nextech's samples have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// `None` if it is blank.
    pub(crate) fn get(&self) -> Option<&str> {
        Some(&*self.0).filter(|text| !text.is_empty())
    }
}

/// The text of a field, if it is there and not blank.
pub(crate) fn text<'t>(field: &'t Option<Text<'_>>) -> Option<&'t str> {
    field.as_ref().and_then(Text::get)
}

/// The list in a field; an absent one is empty.
pub(crate) fn list<T>(field: &Option<Vec<T>>) -> &[T] {
    field.as_deref().unwrap_or_default()
}

/// A list that is read only where it is needed; one that cannot be read is empty.
pub(crate) fn late<'a, T: Deserialize<'a>>(field: Option<&'a RawValue>) -> Vec<T> {
    field.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

struct TextVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text.trim())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.trim().to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(if flag { "true" } else { "false" })))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key::<Text<'_>>()? {
            if key.0 == "value" {
                value = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        value.ok_or_else(|| de::Error::custom("expected a text"))
    }
}

/// An answer: a Bundle, a bare resource, or a resource wrapped in a stray `{"resource": …}`.
/// Any part may be missing. `E` is a row: read, or left as text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, E: Deserialize<'de>"))]
pub(crate) struct Answer<'a, E> {
    pub(crate) resource_type: Option<Text<'a>>,
    /// The number of results, or, of a bare payment, its amount.
    pub(crate) total: Option<&'a RawValue>,
    pub(crate) link: Option<Vec<Link<'a>>>,
    pub(crate) entry: Option<Vec<E>>,
    pub(crate) resource: Option<&'a RawValue>,
}

impl<E> Answer<'_, E> {
    /// The link to the next page, unchecked.
    pub(crate) fn next(&self) -> Option<&str> {
        let is_next = |link: &&Link<'_>| {
            text(&link.relation).is_some_and(|it| it.eq_ignore_ascii_case("next"))
        };
        text(&list(&self.link).iter().find(is_next)?.url)
    }

    pub(crate) fn is_bundle(&self) -> bool {
        self.entry.is_some()
            || text(&self.resource_type).is_some_and(|it| it.eq_ignore_ascii_case("Bundle"))
    }

    /// How many rows the whole search has.
    pub(crate) fn count(&self) -> Option<u64> {
        let total: Text<'_> = serde_json::from_str(self.total?.get()).ok()?;
        total.get()?.parse().ok().filter(|_| self.is_bundle())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link<'a> {
    #[serde(borrow)]
    pub(crate) relation: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) url: Option<Text<'a>>,
}

/// One row of a Bundle.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry<R> {
    pub(crate) resource: Option<R>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Appointment<'a> {
    #[serde(borrow)]
    pub(crate) resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) meta: Option<Meta<'a>>,
    /// Identifiers, read only where the id is missing.
    #[serde(borrow)]
    pub(crate) identifier: Option<&'a RawValue>,
    /// Resources, read only where a reference leads to one.
    #[serde(borrow)]
    pub(crate) contained: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) extension: Option<Vec<Extension<'a>>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) start: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) end: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) participant: Option<Vec<Participant<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Patient<'a> {
    #[serde(borrow)]
    pub(crate) resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) meta: Option<Meta<'a>>,
    #[serde(borrow)]
    pub(crate) identifier: Option<Vec<Identifier<'a>>>,
    #[serde(borrow)]
    pub(crate) name: Option<Vec<HumanName<'a>>>,
    #[serde(borrow)]
    pub(crate) telecom: Option<Vec<Telecom<'a>>>,
    #[serde(borrow)]
    pub(crate) birth_date: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Meta<'a> {
    #[serde(borrow)]
    pub(crate) last_updated: Option<Text<'a>>,
}

/// An identifier. A social security number's value is dropped as it is read: Practice+ sends it
/// unmasked and nothing here needs it.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "AnyIdentifier<'a>", bound(deserialize = "'de: 'a"))]
pub(crate) struct Identifier<'a> {
    pub(crate) usage: Option<Text<'a>>,
    pub(crate) value: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyIdentifier<'a> {
    #[serde(borrow, rename = "use")]
    usage: Option<Text<'a>>,
    #[serde(borrow)]
    system: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
}

impl<'a> From<AnyIdentifier<'a>> for Identifier<'a> {
    fn from(any: AnyIdentifier<'a>) -> Self {
        let secret = text(&any.system).is_some_and(is_social_security);
        Self { usage: any.usage, value: any.value.filter(|_| !secret) }
    }
}

/// Whether an identifier system is that of social security numbers.
pub(crate) fn is_social_security(system: &str) -> bool {
    system.to_ascii_lowercase().contains("ssn")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference<'a> {
    #[serde(borrow)]
    pub(crate) reference: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) display: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Extension<'a> {
    #[serde(borrow)]
    pub(crate) url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value_reference: Option<Reference<'a>>,
    /// Not FHIR, but what Select sends in places.
    #[serde(borrow)]
    pub(crate) value_resource_reference: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) value_string: Option<Text<'a>>,
}

/// Whether this URL is that of the extension `name`: Select spells URLs out, Practice+ partly
/// sends bare names, and both vary in case, so the last path segment alone decides.
pub(crate) fn names(url: &Option<Text<'_>>, name: &str) -> bool {
    text(url)
        .and_then(|url| {
            // Compared from the end, which saves looking for the slash.
            let (before, last) =
                url.as_bytes().split_at_checked(url.len().checked_sub(name.len())?)?;
            let whole = matches!(before.last(), None | Some(b'/'));
            Some(whole && last.eq_ignore_ascii_case(name.as_bytes()))
        })
        .unwrap_or_default()
}

impl Extension<'_> {
    /// Whether this is the extension `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        names(&self.url, name)
    }

    /// The reference, under either of its keys.
    pub(crate) fn reference(&self) -> Option<&Reference<'_>> {
        self.value_reference.as_ref().or(self.value_resource_reference.as_ref())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Participant<'a> {
    #[serde(borrow)]
    pub(crate) actor: Option<Reference<'a>>,
}

/// A resource inside another, which a `#id` reference names.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Contained<'a> {
    #[serde(borrow)]
    pub(crate) resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) identifier: Option<Vec<Identifier<'a>>>,
    #[serde(borrow)]
    pub(crate) name: Option<AnyName<'a>>,
}

/// A name: plain for a location, a list for a person.
#[derive(Debug)]
pub(crate) struct AnyName<'a>(pub(crate) Vec<HumanName<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for AnyName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNameVisitor(PhantomData))
    }
}

struct AnyNameVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for AnyNameVisitor<'a> {
    type Value = AnyName<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or a list of names")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        let text = Some(Text(Cow::Borrowed(text)));
        Ok(AnyName(vec![HumanName { text, ..HumanName::default() }]))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let text = Some(Text(Cow::Owned(text.to_owned())));
        Ok(AnyName(vec![HumanName { text, ..HumanName::default() }]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element()? {
            names.push(name);
        }
        Ok(AnyName(names))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HumanName<'a> {
    #[serde(borrow, rename = "use")]
    pub(crate) usage: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) family: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) given: Option<Vec<Text<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Telecom<'a> {
    #[serde(borrow)]
    pub(crate) system: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Text<'a>>,
    #[serde(borrow, rename = "use")]
    pub(crate) usage: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) rank: Option<Text<'a>>,
}
