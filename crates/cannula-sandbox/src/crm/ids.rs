//! Ids that look like HighLevel's, from a counter: the same requests in the same order get the
//! same ids on every run.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 to the power of 10: what ten characters of the alphabet can say.
const TEN_CHARACTERS: u128 = 839_299_365_868_340_224;

/// The counter.
#[derive(Debug, Default)]
pub(super) struct Ids(u64);

impl Ids {
    /// The number of ids given out so far: also an order of creation.
    pub(super) const fn count(&self) -> u64 {
        self.0
    }

    /// Twenty letters and digits, as contacts, opportunities, notes and pipelines have them.
    pub(super) fn next(&mut self) -> String {
        self.0 += 1;
        let mut id = String::with_capacity(20);
        // The factor is coprime to 62, so the first half differs for every count.
        push_ten(&mut id, u128::from(self.0) * 0x9E37_79B9_7F4A_7C15 % TEN_CHARACTERS);
        push_ten(&mut id, u128::from(mix(self.0)) % TEN_CHARACTERS);
        id
    }

    /// A UUID, as pipeline stages have it.
    pub(super) fn next_uuid(&mut self) -> String {
        self.0 += 1;
        uuid(self.0)
    }
}

/// A UUID of version 4's shape for a number, different for every number.
pub(super) fn uuid(number: u64) -> String {
    let noise = mix(number);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        noise >> 32,
        (noise >> 16) & 0xffff,
        (noise >> 4) & 0xfff,
        ((noise & 0xf) << 8) | ((number >> 48) & 0xff),
        number & 0xffff_ffff_ffff,
    )
}

fn push_ten(id: &mut String, mut number: u128) {
    for _ in 0..10 {
        // The remainder is below 62, so it fits and the index exists.
        id.push(char::from(ALPHABET[(number % 62) as usize]));
        number /= 62;
    }
}

/// The finaliser of SplitMix64: spreads a counter over all 64 bits.
const fn mix(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_twenty_letters_and_digits_and_never_repeat() {
        let mut ids = Ids::default();
        let seen: HashSet<String> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(seen.len(), 10_000);
        assert!(seen.iter().all(|id| id.len() == 20 && id.chars().all(char::is_alphanumeric)));
    }

    #[test]
    fn uuids_have_their_usual_shape() {
        let mut ids = Ids::default();
        let lengths: Vec<usize> = ids.next_uuid().split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
