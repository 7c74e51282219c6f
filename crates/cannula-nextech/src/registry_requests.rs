//! What the register of patients is asked, as values.

use cannula_core::{NewPatient, Person, Result};
use cannula_http::{Request, segment};

use crate::{create, new_patients::NewPatients, phone, profile::Product};

/// The searches that together find everybody who might be this person: by e-mail, by phone, and
/// by name and birth date. What is not known is not asked for. Nextech compares the start of a
/// text and takes a comma for "or".
pub(crate) fn searches(person: &Person, page_size: u32) -> Vec<Request> {
    let email = person.email.as_ref().and_then(|it| plain(it.expose()));
    let phones = person.phone.as_ref().map(|it| phone::spellings(it.expose())).unwrap_or_default();
    let mut requests = Vec::new();
    if let Some(email) = email {
        requests.push(patients("search patients by e-mail", page_size).query("email", email));
    }
    if !phones.is_empty() {
        let phones = phones.join(",");
        requests.push(patients("search patients by phone", page_size).query("phone", phones));
    }
    // The first of several given names: the others may be the EMR's middle names.
    let given = person.first_name.expose().split_whitespace().next().and_then(plain);
    let family = plain(person.last_name.expose());
    if let (Some(family), Some(given), Some(born)) = (family, given, &person.birth_date) {
        requests.push(
            patients("search patients by name", page_size)
                .query("family", family)
                .query("given", given)
                .query("birthdate", format!("eq{}", born.expose().format("%Y-%m-%d"))),
        );
    }
    requests
}

/// Up to the first comma, because the rest would be another value; `None` if that is blank.
fn plain(text: &str) -> Option<&str> {
    text.split(',').next().map(str::trim).filter(|text| !text.is_empty())
}

/// A patient by chart number. Select reads a patient by it; Practice+ has it as an identifier.
pub(crate) fn by_chart(product: Product, chart: &str, page_size: u32) -> Request {
    const OPERATION: &str = "get patient by chart number";
    match product {
        Product::Select => {
            Request::get(OPERATION, format!("Patient/{}", segment(chart))).endpoint("Patient")
        }
        Product::PracticePlus => patients(OPERATION, page_size).query("identifier", chart),
    }
}

fn patients(operation: &'static str, page_size: u32) -> Request {
    Request::get(operation, "Patient").endpoint("Patient").query("_count", page_size.to_string())
}

/// The practice's locations, without those it does not manage.
pub(crate) fn locations(page_size: u32) -> Request {
    list("list locations", "Location", page_size)
}

/// The practice's practitioners.
pub(crate) fn practitioners(page_size: u32) -> Request {
    list("list practitioners", "Practitioner", page_size)
}

fn list(operation: &'static str, resource: &'static str, page_size: u32) -> Request {
    Request::get(operation, resource).endpoint(resource).query("_count", page_size.to_string())
}

/// Makes a patient. Not repeatable: nothing in it tells the server that it is the same one.
pub(crate) fn create(
    product: Product,
    practice: &NewPatients,
    patient: &NewPatient,
) -> Result<Request> {
    let body = create::body(product, practice, patient)?;
    // Both products document the path with the slash.
    Ok(Request::post("create patient", "Patient/").endpoint("Patient").json(&body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests;
    use cannula_core::Phi;

    fn person() -> Person {
        Person {
            first_name: Phi::new(" Mina Lou".to_owned()),
            last_name: Phi::new("Varga, MD".to_owned()),
            email: Some(Phi::new("mina+new@example.test".to_owned())),
            phone: Some(Phi::new("+15550104477".to_owned())),
            birth_date: Some(Phi::new("1988-11-03".parse().unwrap())),
        }
    }

    #[test]
    fn requests_are_as_nextechs_documentation_has_them() {
        let mut requests = searches(&person(), 50);
        requests.push(by_chart(Product::Select, "20 877/..", 50));
        requests.push(by_chart(Product::PracticePlus, "3301", 50));
        requests.push(locations(50));
        requests.push(practitioners(10));
        insta::assert_snapshot!(requests::shown(&requests));
    }

    #[test]
    fn what_is_not_known_is_not_asked_for() {
        let nobody = Person { email: Some(Phi::new(" ".to_owned())), ..Person::default() };
        assert!(searches(&nobody, 50).is_empty());
        let unborn = Person { birth_date: None, email: None, ..person() };
        assert_eq!(searches(&unborn, 50).len(), 1);
        let number = Person { phone: Some(Phi::new("n/a".to_owned())), ..unborn };
        assert!(searches(&number, 50).is_empty());
    }
}
