//! Amounts, exactly as their digits are written. No float comes near them.

use std::borrow::Cow;

use cannula_core::{Currency, Money};
use serde_json::value::RawValue;

use crate::{map::Problem, payment_wire::Amount, wire::text};

/// An amount is an object, and its value may be wrapped.
const MAX_WRAPS: u32 = 2;

/// Reads `{"value": 149.5}`, which may be wrapped once more, or a bare number; the number may be
/// quoted. `None` if there is none. `path` is where it stands.
pub(crate) fn amount(
    field: Option<&RawValue>,
    path: &str,
    currency: Currency,
) -> Result<Option<Money>, Problem> {
    let mut path = path.to_owned();
    let mut field = field.map(RawValue::get);
    for _ in 0..MAX_WRAPS {
        let Some(object) = field.filter(|json| json.starts_with('{')) else { break };
        let amount: Amount<'_> = serde_json::from_str(object)
            .map_err(|_| Problem::new(&path, "expected an amount such as {\"value\": 149.50}"))?;
        let written = text(&amount.currency).or_else(|| text(&amount.code));
        if written.is_some_and(|code| !code.eq_ignore_ascii_case(currency.code())) {
            let ours = currency.code();
            return Err(Problem::new(&path, format!("expected {ours}, the configured `currency`")));
        }
        path.push_str(".value");
        field = amount.value.map(RawValue::get);
    }
    let Some(digits) = field.and_then(digits) else { return Ok(None) };
    let money = Money::parse(&digits, currency);
    money.map(Some).map_err(|error| Problem::new(&path, error.message()))
}

/// The digits of a number, quoted or not; `None` for null and for an empty text.
fn digits(json: &str) -> Option<Cow<'_, str>> {
    let digits = match json.strip_prefix('"') {
        // An escape in a number cannot be right; it is kept for the problem to be found.
        Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted).trim(),
        None => json,
    };
    (!digits.is_empty() && digits != "null").then_some(Cow::Borrowed(digits))
}
