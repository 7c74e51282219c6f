//! When to try again. A pure function: the jitter comes from a hash, not from chance.

use std::time::Duration;

const BASE: Duration = Duration::from_secs(5);
const CAP: Duration = Duration::from_secs(3600);

/// How long to wait after the `attempts`th attempt failed (counted from one): doubling from five
/// seconds to an hour, of which the upper half is spread by `seed`, so that subjects which failed
/// together do not come back together.
pub(crate) fn delay(attempts: u32, seed: &str) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let whole = BASE.saturating_mul(1 << doublings).min(CAP);
    let half = whole / 2;
    half + half.mul_f64(fraction(seed, attempts))
}

/// A number in 0..1 that looks random: FNV-1a, its bits mixed once more.
fn fraction(seed: &str, attempts: u32) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in seed.bytes().chain(attempts.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    f64::from((hash >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_an_hour_and_never_fall_below_half() {
        for attempts in 1..40 {
            let whole = (5_u64 << (attempts - 1).min(16)).min(3600);
            let delay = delay(attempts, "p/1").as_secs_f64();
            assert!(delay >= whole as f64 / 2.0 && delay <= whole as f64, "{attempts}: {delay}");
        }
    }

    #[test]
    fn subjects_that_failed_together_do_not_come_back_together() {
        let mut delays: Vec<_> = (0..100).map(|n| delay(5, &format!("p/{n}"))).collect();
        delays.sort();
        delays.dedup();
        assert!(delays.len() > 90);
    }
}
