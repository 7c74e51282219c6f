//! A sum that does not depend on the order of what is added.

use std::collections::BTreeMap;

use cannula_core::{Currency, Money};
use serde::{Deserialize, Serialize};

/// Why amounts have no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsummable {
    /// They are in several currencies.
    SeveralCurrencies,
    /// The sum is too large to be held.
    TooLarge,
}

/// Amounts by currency: how many, and their exact sum, which is held wider than [`Money`] so that
/// nothing overflows on the way to a sum that fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    by_currency: BTreeMap<Currency, (i128, usize)>,
}

impl Tally {
    pub(crate) fn add(&mut self, amount: Money) {
        let (sum, count) = self.by_currency.entry(amount.currency()).or_default();
        *sum += i128::from(amount.minor());
        *count += 1;
    }

    /// Takes out an amount that was added.
    pub(crate) fn remove(&mut self, amount: Money) {
        if let Some((sum, count)) = self.by_currency.get_mut(&amount.currency()) {
            *sum -= i128::from(amount.minor());
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_currency.remove(&amount.currency());
            }
        }
    }

    /// The sum; nothing, in currency `otherwise`, if no amount is left.
    pub(crate) fn total(&self, otherwise: Currency) -> Result<Money, Unsummable> {
        let mut sums = self.by_currency.iter();
        let Some((currency, (sum, _))) = sums.next() else { return Ok(Money::zero(otherwise)) };
        if sums.next().is_some() {
            return Err(Unsummable::SeveralCurrencies);
        }
        let minor = i64::try_from(*sum).map_err(|_| Unsummable::TooLarge)?;
        Ok(Money::from_minor(minor, *currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(amounts: &[(i64, Currency)]) -> Result<i64, Unsummable> {
        let mut tally = Tally::default();
        amounts.iter().for_each(|(minor, of)| tally.add(Money::from_minor(*minor, *of)));
        tally.total(Currency::USD).map(|sum| sum.minor())
    }

    #[test]
    fn a_sum_that_fits_is_found_whatever_overflows_on_the_way() {
        let usd = |minor| (minor, Currency::USD);
        assert_eq!(total(&[usd(i64::MAX), usd(1), usd(-1)]), Ok(i64::MAX));
        assert_eq!(total(&[usd(i64::MAX), usd(1)]), Err(Unsummable::TooLarge));
        assert_eq!(total(&[]), Ok(0));
    }

    #[test]
    fn currencies_are_never_mixed_and_one_that_went_away_does_not_count() {
        assert_eq!(
            total(&[(100, Currency::USD), (100, Currency::EUR)]),
            Err(Unsummable::SeveralCurrencies)
        );
        let mut tally = Tally::default();
        let (dollars, euros) =
            (Money::from_minor(5, Currency::USD), Money::from_minor(7, Currency::EUR));
        tally.add(dollars);
        tally.add(euros);
        tally.remove(dollars);
        assert_eq!(tally.total(Currency::USD), Ok(euros));
    }
}
