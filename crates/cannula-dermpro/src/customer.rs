//! Who bought.

use cannula_core::{PersonId, PersonName, Phi, Problem, StoreCustomer};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::wire::{Address, Order};

/// The customer as typed at the checkout. An account's own fields come first, then the billing
/// address, which is all that a guest has.
pub(crate) fn customer(order: &Order) -> Result<StoreCustomer, Problem> {
    let nowhere = Address::default();
    let billing = order.billing_address.as_ref().unwrap_or(&nowhere);
    let email = order.customer_email.as_ref().or(billing.email.as_ref());
    Ok(StoreCustomer {
        id: id(order, email.map(String::as_str))?,
        name: name(order, billing),
        email: phi(email),
        phone: phi(billing.telephone.as_ref()),
        birth_date: order.customer_dob.as_deref().and_then(birth_date).map(Phi::new),
        gender: order.customer_gender.as_deref().and_then(gender),
        street: street(billing),
        city: phi(billing.city.as_ref()),
        state: phi(billing.region_code.as_ref().or(billing.region.as_ref())),
        postal_code: phi(billing.postcode.as_ref()),
    })
}

/// The account, or for a guest a digest of the e-mail address.
fn id(order: &Order, email: Option<&str>) -> Result<PersonId, Problem> {
    match (order.customer_id.as_deref().map(str::trim), email) {
        (Some(id), _) if id != "0" => Ok(PersonId::new(format!("customer/{id}"))),
        (_, Some(email)) => {
            let digest = Sha256::digest(email.trim().to_lowercase());
            let hex: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(PersonId::new(format!("guest/{hex}")))
        }
        (_, None) => Err(Problem::new(
            "customer_email",
            "is missing, and there is no customer_id, so nobody can tell whose order it is",
        )),
    }
}

/// Both names from one place, so that nobody is made of two people.
fn name(order: &Order, billing: &Address) -> PersonName {
    let pairs = [
        (&order.customer_firstname, &order.customer_lastname),
        (&billing.firstname, &billing.lastname),
    ];
    let whole = pairs.iter().find(|(given, family)| given.is_some() && family.is_some());
    let some = || pairs.iter().find(|(given, family)| given.is_some() || family.is_some());
    let Some((given, family)) = whole.or_else(some) else { return PersonName::default() };
    let part = |part: &Option<String>| Phi::new(part.clone().unwrap_or_default());
    PersonName { given: part(given), family: part(family) }
}

/// The date of `1988-05-09 00:00:00`. What databases and web shops put where nobody gave one is
/// absent: a wrong date on a chart is worse than none.
fn birth_date(text: &str) -> Option<NaiveDate> {
    const PLACEHOLDERS: [&str; 3] = ["1900-01-01", "1970-01-01", "0001-01-01"];
    let date = text.trim().get(..10)?;
    if PLACEHOLDERS.contains(&date) {
        return None;
    }
    // `0000-00-00` is no date.
    NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()
}

/// 3 is “not specified”.
fn gender(code: &str) -> Option<Phi<String>> {
    let word = match code.trim() {
        "1" => "male",
        "2" => "female",
        _ => return None,
    };
    Some(Phi::new(word.to_owned()))
}

fn street(billing: &Address) -> Option<Phi<String>> {
    let lines: Vec<_> = billing
        .street
        .iter()
        .flatten()
        .flatten()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    (!lines.is_empty()).then(|| Phi::new(lines.join(", ")))
}

fn phi(text: Option<&String>) -> Option<Phi<String>> {
    text.cloned().map(Phi::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Order {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_guest_is_known_by_a_digest_of_the_trimmed_lower_case_address() {
        let of = |json: &str| customer(&order(json)).unwrap().id;
        let guest = of(r#"{"customer_is_guest":1,"customer_email":" Ivy@Example.test "}"#);
        assert_eq!(guest, of(r#"{"customer_id":0,"customer_email":"ivy@example.test"}"#));
        assert_eq!(guest, of(r#"{"billing_address":{"email":"ivy@example.test"}}"#));
        assert!(!guest.as_str().contains("ivy") && guest.as_str().len() == "guest/".len() + 16);
        assert_eq!(of(r#"{"customer_id":812,"customer_email":"a@b.c"}"#).as_str(), "customer/812");
        let nobody = customer(&order("{}")).unwrap_err();
        assert_eq!(nobody.place, "customer_email");
    }

    #[test]
    fn a_name_is_taken_whole_from_one_place() {
        let full = |json: &str| customer(&order(json)).unwrap().name.full().into_inner();
        let billing =
            r#""customer_id":1,"billing_address":{"firstname":"Ivy","lastname":"Sample"}"#;
        assert_eq!(full(&format!("{{{billing}}}")), "Ivy Sample");
        assert_eq!(full(&format!(r#"{{"customer_firstname":"Mina",{billing}}}"#)), "Ivy Sample");
        let both = r#""customer_firstname":"Mina","customer_lastname":"Varga""#;
        assert_eq!(full(&format!("{{{both},{billing}}}")), "Mina Varga");
        assert_eq!(full(r#"{"customer_id":1,"customer_lastname":"Varga"}"#), "Varga");
    }

    #[test]
    fn placeholders_are_no_birth_dates() {
        for text in ["0000-00-00 00:00:00", "1970-01-01 00:00:00", "1900-01-01", "", "May"] {
            assert_eq!(birth_date(text), None, "{text}");
        }
        assert_eq!(birth_date("1988-05-09 00:00:00").unwrap().to_string(), "1988-05-09");
    }
}
