//! Ids and names that follow from the practice's own: the same in every run, for every seed.

use crate::{faults::Rng, practice::guid};

/// The organisation.
pub(crate) const ORGANIZATION: &str = "a81e4d6b-27c0-4f39-8b15-6c0de9f37214";
/// The center where everything happens.
pub(crate) const CENTER: &str = "3c6f0a12-5d84-4b7e-9f21-0a6be4d81c57";
/// The center's name, which is that of the practice's first location.
pub(crate) const CENTER_NAME: &str = "Juniper Aesthetics Midtown";

/// A number made from a text (FNV-1a).
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// The GUID of the thing of this kind with this name, in lower case.
pub(crate) fn guid_of(kind: &str, name: &str) -> String {
    guid(&mut Rng::new(hash(&format!("{kind}/{name}"))))
}

/// The group that an appointment of the practice is drawn as.
pub(crate) fn group(appointment: &str) -> String {
    guid_of("group", appointment)
}

/// The `index`th appointment of the group.
pub(crate) fn appointment(appointment: &str, index: usize) -> String {
    guid_of("appointment", &format!("{appointment}/{index}"))
}

/// The group's invoice.
pub(crate) fn invoice(appointment: &str) -> String {
    guid_of("invoice", appointment)
}

/// A service, by its name.
pub(crate) fn service(name: &str) -> String {
    guid_of("service", name)
}

/// A therapist, by the practice's number.
pub(crate) fn therapist(number: u32) -> String {
    guid_of("therapist", &number.to_string())
}

/// An id of 24 hexadecimal digits, as calls and events of webhooks have.
pub(crate) fn object_id(kind: &str, name: &str) -> String {
    let mut random = Rng::new(hash(&format!("{kind}/{name}")));
    format!("{:016x}{:08x}", random.next(), random.next() & 0xFFFF_FFFF)
}

/// A GUID as it is printed: a third of them in upper case, where cases are mixed.
pub(crate) fn shown(id: &str, mixed: bool) -> String {
    if mixed && hash(id).is_multiple_of(3) { id.to_uppercase() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_in_every_run_and_differ_by_kind() {
        assert_eq!(group("70001"), group("70001"));
        assert_ne!(group("70001"), invoice("70001"));
        assert_ne!(appointment("70001", 0), appointment("70001", 1));
        assert_eq!(group("70001").len(), 36);
        assert_eq!(object_id("event", "x").len(), 24);
    }

    #[test]
    fn some_ids_are_printed_in_upper_case() {
        let ids: Vec<String> = (0..30).map(|number| group(&number.to_string())).collect();
        let upper = ids.iter().filter(|id| shown(id, true) != **id).count();
        assert!((1..30).contains(&upper), "{upper}");
        assert!(ids.iter().all(|id| shown(id, false) == *id));
    }
}
