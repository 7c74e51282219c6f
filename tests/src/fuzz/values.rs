//! One value of a good answer made another: dates, times, amounts and words, without the rest
//! being spoilt.

use std::sync::OnceLock;

use axum::body::Bytes;
use serde_json::Value;

use super::{Answer, TARGETS, Target};

/// The vendors, each with its seeds.
const VENDORS: usize = 6;

fn all() -> &'static [(Target, Vec<u8>)] {
    static ALL: OnceLock<Vec<(Target, Vec<u8>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let vendors = TARGETS.iter().take(VENDORS);
        vendors
            .flat_map(|target| (target.seeds)().into_iter().map(|seed| (*target, seed)))
            .collect()
    })
}

/// The first byte chooses a seed, the next two a value in its answers; the rest is what stands
/// there, as JSON if it is JSON and else as a text.
pub(super) fn values(data: &[u8]) {
    let &[seed, high, low, ref text @ ..] = data else { return };
    let (target, seed) = &all()[usize::from(seed) % all().len()];
    if let Some(changed) = changed(seed, usize::from(u16::from_be_bytes([high, low])), text) {
        (target.run)(&changed);
    }
}

/// A seed with its value of a number changed.
fn changed(seed: &[u8], number: usize, text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let new = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let (call, answers) = seed.split_first()?;
    let mut answers = Answer::all(answers);
    let bodies = answers.iter().map(|answer| serde_json::from_slice(&answer.body));
    let mut bodies: Vec<Value> = bodies.map(Result::unwrap_or_default).collect();
    let count = bodies.iter().map(leaves).sum();
    let mut left = number.checked_rem(count)?;
    let place = bodies.iter_mut().find_map(|body| leaf(body, &mut left))?;
    *place = new;
    for (answer, body) in answers.iter_mut().zip(&bodies) {
        if !body.is_null() {
            answer.body = Bytes::from(body.to_string());
        }
    }
    Some([&[*call], Answer::text(&answers).as_slice()].concat())
}

fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

fn leaf<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| leaf(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| leaf(member, left)),
        it if *left == 0 => Some(it),
        _ => {
            *left -= 1;
            None
        }
    }
}

/// Dates, times and amounts, right and wrong, in forms of all vendors.
pub(super) const TEXTS: [&str; 18] = [
    "2026-02-30",
    "2026-03-08T02:30:00",
    "2026-03-08T02:30:00-05:00",
    "2026-02-16 10:00:00",
    "2/16/2026 10:00 AM",
    "2026-02-16T10:00:60.5Z",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00",
    "-262143-01-01T00:00:00Z",
    "-262143-01-01",
    "+262142-12-31T23:59:59-05:00",
    "0001-01-01T00:00:00",
    "149.5",
    "-1e400",
    "92233720368547758.07",
    "[]",
    "{\"id\":null}",
    "",
];

/// Each text in two places of seeds of all vendors.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let seeds = 0..u8::try_from(all().len()).unwrap();
    let leaves = seeds.flat_map(|seed| [3, 20].map(|leaf: u16| (seed, leaf)));
    let seed = |((seed, leaf), text): ((u8, u16), &&str)| {
        [&[seed], &leaf.to_be_bytes()[..], text.as_bytes()].concat()
    };
    leaves.zip(TEXTS.iter().cycle()).map(seed).collect()
}
