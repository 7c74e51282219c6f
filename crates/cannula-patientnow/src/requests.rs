//! What is asked of PatientNow, as values, without the key.

use cannula_core::Person;
use cannula_http::{Request, segment};
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::{config::PatientNowConfig, dialect::Dialect, phone, row::number_or_text};

/// The endpoint that a VISH key cannot see.
pub(crate) const CUSTOMERS: &str = "customers";
const APPOINTMENTS: &str = "appointments";
const ORDERS: &str = "orders";
const MEMBERSHIPS: &str = "memberships";

/// A page of a list: `rows` is what is asked for, and what a short page is short of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageOf {
    pub(crate) page: u32,
    pub(crate) rows: u32,
}

impl PageOf {
    /// The first page. PatientNow silently clamps the rows, so they are clamped before anybody
    /// compares with them.
    pub(crate) fn first(rows: u32) -> Self {
        Self { page: 1, rows: rows.clamp(1, PatientNowConfig::MAX_ROWS) }
    }

    pub(crate) fn number(self, page: u32) -> Self {
        Self { page, ..self }
    }

    fn of(self, request: Request) -> Request {
        request.query("Page", self.page.to_string()).query("Rows", self.rows.to_string())
    }
}

/// Which rows of a feed are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Those of these days, whenever they changed.
    Days(NaiveDate, NaiveDate),
    /// Those that changed, by the configured filter.
    Changed(&'static str, DateTime<Utc>),
}

/// Requests in the practice's dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests<'a>(pub(crate) &'a PatientNowConfig);

impl Requests<'_> {
    fn dialect(&self) -> &Dialect {
        &self.0.dialect
    }

    /// The cheapest call that needs both credentials to be good.
    pub(crate) fn status(self) -> Request {
        Request::get("check access", self.dialect().paths.status).endpoint("status")
    }

    /// Customers that changed.
    pub(crate) fn customers(self, span: Span, page: PageOf) -> Request {
        let path = self.dialect().paths.customers;
        let request = Request::get("list customers", path).endpoint(CUSTOMERS);
        page.of(self.company(self.span(request, span)))
    }

    pub(crate) fn appointments(self, span: Span, page: PageOf) -> Request {
        let path = self.dialect().paths.appointments;
        let request = Request::get("list appointments", path).endpoint(APPOINTMENTS);
        page.of(self.company(self.span(request, span)))
    }

    pub(crate) fn orders(self, span: Span, page: PageOf) -> Request {
        let request = Request::get("list orders", self.dialect().paths.orders).endpoint(ORDERS);
        page.of(self.company(self.span(request, span)))
    }

    fn span(self, request: Request, span: Span) -> Request {
        let filters = &self.dialect().filters;
        match span {
            Span::Days(first, last) => request
                .query(filters.start_date, first.to_string())
                .query(filters.end_date, last.to_string()),
            // In UTC: a plus in an offset is often read as a space.
            Span::Changed(name, since) => {
                request.query(name, since.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
        }
    }

    /// Only one location, if so configured.
    fn company(self, request: Request) -> Request {
        match &self.0.company_id {
            Some(company) if self.0.this_company_only => {
                request.query(self.dialect().filters.company, company)
            }
            _ => request,
        }
    }

    pub(crate) fn customer(self, id: &str) -> Request {
        Request::get("get customer", placed(self.dialect().paths.customer, id)).endpoint(CUSTOMERS)
    }

    pub(crate) fn appointment(self, id: &str) -> Request {
        let path = placed(self.dialect().paths.appointment, id);
        Request::get("get appointment", path).endpoint(APPOINTMENTS)
    }

    /// A customer's appointments of these days. A read although it is a POST, so it may be sent
    /// again.
    pub(crate) fn appointments_of(
        self,
        customer: &str,
        days: (NaiveDate, NaiveDate),
        page: PageOf,
    ) -> Request {
        let filters = &self.dialect().filters;
        let mut body = Map::new();
        body.insert(filters.start_date.to_owned(), Value::from(days.0.to_string()));
        body.insert(filters.end_date.to_owned(), Value::from(days.1.to_string()));
        let path = placed(self.dialect().paths.customer_appointments, customer);
        let request = Request::post("list a customer's appointments", path).endpoint(CUSTOMERS);
        page.of(request.json(&body).repeatable())
    }

    pub(crate) fn order(self, id: &str) -> Request {
        Request::get("get order", placed(self.dialect().paths.order, id)).endpoint(ORDERS)
    }

    pub(crate) fn memberships_of(self, customer: &str, page: PageOf) -> Request {
        let path = placed(self.dialect().paths.customer_memberships, customer);
        page.of(Request::get("list a customer's memberships", path).endpoint(CUSTOMERS))
    }

    pub(crate) fn membership(self, id: &str) -> Request {
        let path = placed(self.dialect().paths.membership, id);
        Request::get("get membership", path).endpoint(MEMBERSHIPS)
    }

    pub(crate) fn companies(self, page: PageOf) -> Request {
        let path = self.dialect().paths.companies;
        page.of(Request::get("list companies", path).endpoint("companies"))
    }

    /// The cheapest call that needs access to customers.
    pub(crate) fn any_customer(self) -> Request {
        let path = self.dialect().paths.customers;
        let request = Request::get("check access to customers", path).endpoint(CUSTOMERS);
        PageOf::first(1).of(request)
    }

    /// The searches that together find everybody who might be this person: by e-mail, by phone
    /// and by name. What is not known is not asked for.
    pub(crate) fn searches(self, person: &Person) -> Vec<Request> {
        let filters = &self.dialect().filters;
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut requests = Vec::new();
        if let Some(email) = person.email.as_ref().and_then(|it| text(it.expose())) {
            requests.push(self.search("search customers by e-mail").query(filters.email, email));
        }
        let phone = person.phone.as_ref().map(|it| phone::written(it.expose()));
        if let Some(phone) = phone.filter(|it| it.chars().any(|it| it.is_ascii_digit())) {
            requests.push(self.search("search customers by phone").query(filters.phone, phone));
        }
        // The first of several given names: the others may be middle names there.
        let given = person.first_name.expose().split_whitespace().next().and_then(text);
        let family = text(person.last_name.expose());
        if let (Some(given), Some(family)) = (given, family) {
            let search = self.search("search customers by name");
            requests.push(search.query(filters.first_name, given).query(filters.last_name, family));
        }
        requests
    }

    pub(crate) fn by_chart(self, chart: &str) -> Request {
        let search = self.search("get customer by chart number");
        search.query(self.dialect().filters.chart_number, chart)
    }

    fn search(self, operation: &'static str) -> Request {
        Request::get(operation, self.dialect().paths.customers).endpoint(CUSTOMERS)
    }

    /// One page of a search.
    pub(crate) fn page(request: &Request, page: PageOf) -> Request {
        page.of(request.clone())
    }

    /// Makes a customer. Not repeatable: nothing tells the server that it is the same one.
    pub(crate) fn create(self, body: &Map<String, Value>) -> Request {
        let path = self.dialect().paths.customers;
        Request::post("create customer", path).endpoint(CUSTOMERS).json(body)
    }
}

/// An id as a body carries it: ids are numbers as far as is known.
pub(crate) fn id(id: &str) -> Value {
    number_or_text(id)
}

/// The path with the id in its place.
fn placed(path: &str, id: &str) -> String {
    path.replace("{id}", &segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Credentials, product::Product};
    use cannula_core::{Phi, Secret};

    fn config(product: Product) -> PatientNowConfig {
        let credentials = Credentials::Token(Secret::new("hush"));
        let zone = chrono_tz::America::New_York;
        let mut config =
            PatientNowConfig::new(product, "12".into(), credentials, zone, DateTime::UNIX_EPOCH);
        config.company_id = Some("12".to_owned());
        config.this_company_only = product == Product::Pro;
        config
    }

    fn show(request: &Request) -> String {
        let pairs = request.query_pairs().iter();
        let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        let body = request.body_json().map(|body| format!(" {body}")).unwrap_or_default();
        let again = if request.is_repeatable() { "" } else { " once" };
        let (operation, method, path) = (request.operation(), request.method(), request.path());
        format!("{operation}: {method} {path} [{}]{body}{again}", query.join(" "))
    }

    fn person() -> Person {
        Person {
            first_name: Phi::new(" Ada Lou".to_owned()),
            last_name: Phi::new("Quill".to_owned()),
            email: Some(Phi::new("ada+x@example.test".to_owned())),
            phone: Some(Phi::new("+1 (503) 555-0142".to_owned())),
            birth_date: None,
        }
    }

    fn all(config: &PatientNowConfig) -> String {
        let requests = Requests(config);
        let page = PageOf::first(100).number(2);
        let days = ("2031-05-03".parse().unwrap(), "2031-06-05".parse().unwrap());
        let span = Span::Days(days.0, days.1);
        let since = "2031-05-06T13:53:00.9Z".parse().unwrap();
        let mut all = vec![
            requests.status(),
            requests.appointments(span, page),
            requests.orders(span, page),
            requests.customers(Span::Changed("ModifiedAfter", since), page),
            requests.customer("7/../1"),
            requests.appointment("910334"),
            requests.appointments_of("70011", days, page),
            requests.order("440781"),
            requests.memberships_of("70011", page),
            requests.membership("8801"),
            requests.companies(page),
            requests.any_customer(),
            requests.by_chart("A 17"),
        ];
        all.extend(requests.searches(&person()));
        all.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn requests_of_essentials() {
        insta::assert_snapshot!(all(&config(Product::Essentials)));
    }

    #[test]
    fn requests_of_pro_of_one_location() {
        insta::assert_snapshot!(all(&config(Product::Pro)));
    }

    #[test]
    fn more_rows_than_the_vendor_serves_are_never_asked_for() {
        assert_eq!(PageOf::first(200).rows, 100);
        assert_eq!(PageOf::first(0).rows, 1);
    }

    #[test]
    fn what_is_not_known_is_not_searched_for() {
        let config = config(Product::Essentials);
        assert!(Requests(&config).searches(&Person::default()).is_empty());
    }
}
