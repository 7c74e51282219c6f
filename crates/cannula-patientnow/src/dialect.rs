//! What PatientNow's interface is taken to be called. Next to nothing of it is documented in
//! public, so every name is configuration.

use cannula_core::Settings;

use crate::{product::Product, words::Words};

/// A struct of names, each a configuration key with a default.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $key:ident = $default:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$about])* pub $key: &'static str,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $name {
            /// The keys with their defaults.
            #[cfg(test)]
            pub(crate) const KEYS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($key), $default),)*];

            fn read(settings: &mut Settings, key: &str, default: Self) -> Self {
                settings.within(key, |section| Self {
                    $($key: name(section, stringify!($key), default.$key),)*
                })
            }
        }
    };
}

names! {
    /// Paths below the base URL. `{id}` stands for an id.
    Paths {
        /// The probe.
        status = "status",
        /// Customers: list, search and create.
        customers = "customers",
        /// One customer.
        customer = "customers/{id}",
        /// Appointments of a span of days.
        appointments = "appointments",
        /// One appointment.
        appointment = "appointments/{id}",
        /// A customer's appointments, read by POST.
        customer_appointments = "customers/{id}/Appointments",
        /// Orders of a span of days.
        orders = "orders",
        /// One order.
        order = "orders/{id}",
        /// A customer's memberships.
        customer_memberships = "customers/{id}/Memberships",
        /// One membership.
        membership = "memberships/{id}",
        /// Companies, which are locations.
        companies = "companies",
    }
}

names! {
    /// Query parameters, and the names of dates in bodies of reads.
    Filters {
        /// Search by given name.
        first_name = "FirstName",
        /// Search by family name.
        last_name = "LastName",
        /// Search by e-mail address.
        email = "Email",
        /// Search by phone number.
        phone = "Phone",
        /// Search by chart number.
        chart_number = "CustomerNumber",
        /// Only one location.
        company = "CompanyId",
        /// The first day, `2031-05-06`.
        start_date = "StartDate",
        /// The last day.
        end_date = "EndDate",
        /// Changed at or after an instant; `-`, the default, is none.
        changed_since = "-",
        /// Pro: the practice.
        practice = "practiceId",
    }
}

names! {
    /// Field names in bodies, compared without case.
    Fields {
        /// Whose record it is, and a customer's own id.
        customer_id = "CustomerId",
        /// The location's id.
        company_id = "CompanyId",
        /// The location's name.
        company_name = "CompanyName",
        /// When a record last changed.
        updated = "UpdatedOn",
        /// Whether a record is deleted.
        deleted = "Deleted",
        /// Where an appointment, order or membership stands.
        status = "Status",
        /// Given name.
        first_name = "FirstName",
        /// Family name.
        last_name = "LastName",
        /// E-mail address.
        email = "Email",
        /// Mobile number; what a new customer's phone is sent as.
        mobile_phone = "MobilePhone",
        /// Home number.
        home_phone = "HomePhone",
        /// Work number.
        work_phone = "WorkPhone",
        /// Birth date.
        birthday = "Birthday",
        /// Gender.
        gender = "Gender",
        /// Street and number.
        street = "Addr1",
        /// City.
        city = "City",
        /// State.
        state = "State",
        /// Postal code.
        postal_code = "Zipcode",
        /// The chart number.
        chart_number = "CustomerNumber",
        /// An appointment's id.
        appointment_id = "AppointmentId",
        /// When an appointment starts.
        start_time = "StartTime",
        /// When an appointment ends.
        end_time = "EndTime",
        /// The services of an appointment.
        services = "Services",
        /// A service's id.
        service_id = "ServiceId",
        /// A service's name.
        service_name = "ServiceName",
        /// Who gives a service.
        employee_id = "EmployeeId",
        /// Their name.
        employee_name = "EmployeeName",
        /// An order's id.
        order_id = "OrderId",
        /// When an order was made.
        order_date = "OrderDate",
        /// When an order was closed.
        closed = "ClosedOn",
        /// What an order comes to.
        total = "Total",
        /// What was paid of it.
        amount_paid = "AmountPaid",
        /// What is still owed.
        balance_due = "BalanceDue",
        /// The lines of an order.
        lines = "Lines",
        /// A line's id within its order.
        line_id = "LineId",
        /// What kind of thing a line sells.
        line_type = "Type",
        /// What a line sells.
        line_name = "Name",
        /// What a line comes to.
        line_total = "Total",
        /// The id of a membership that a customer has.
        membership_id = "CustomerMembershipId",
        /// What a membership is called.
        membership_name = "Name",
        /// A membership's first day.
        membership_start = "StartDate",
        /// A membership's last day.
        membership_end = "EndDate",
        /// What a membership costs.
        membership_price = "Price",
        /// A listed location's name.
        listed_name = "Name",
        /// Whether a listed location is in use.
        active = "Active",
        /// A delivery's id.
        event_id = "EventId",
        /// What a delivery is about.
        event_type = "EventType",
        /// When it happened.
        event_time = "EventTimestamp",
        /// The part of a delivery that holds the ids.
        event_data = "Data",
    }
}

/// All that is assumed about the interface, one configuration section: `dialect`.
///
/// Names are kept for as long as the program runs, as a request wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Paths.
    pub paths: Paths,
    /// Query parameters.
    pub filters: Filters,
    /// Field names.
    pub fields: Fields,
    /// The vendor's words and what they mean.
    pub words: Words,
    /// A closed order counts only if nothing is owed on it, where the order says.
    pub closed_needs_no_balance: bool,
    /// One appointment is read from the list of its customer, which is documented, and not by its
    /// id, which is assumed.
    pub appointments_by_customer: bool,
    /// A new customer gets the address, where there is one.
    pub send_address: bool,
    /// Pro: what stands before the token in `Authorization`.
    pub auth_scheme: &'static str,
}

impl Dialect {
    /// What is assumed of a product.
    pub fn of(product: Product) -> Self {
        let mut dialect = Self {
            paths: Paths::default(),
            filters: Filters::default(),
            fields: Fields::default(),
            words: Words::default(),
            closed_needs_no_balance: true,
            appointments_by_customer: false,
            send_address: false,
            auth_scheme: "Bearer",
        };
        if product == Product::Pro {
            let paths = &mut dialect.paths;
            (paths.customers, paths.customer) = ("patients", "patients/{id}");
            paths.customer_appointments = "patients/{id}/Appointments";
            (paths.orders, paths.order) = ("bills", "bills/{id}");
            paths.customer_memberships = "patients/{id}/Memberships";
            paths.companies = "facilities";
            let fields = &mut dialect.fields;
            (fields.customer_id, fields.order_id) = ("PatientId", "BillId");
            (fields.company_id, fields.company_name) = ("FacilityId", "FacilityName");
            (fields.chart_number, fields.order_date) = ("PatientNumber", "BillDate");
            let filters = &mut dialect.filters;
            (filters.chart_number, filters.company) = ("PatientNumber", "FacilityId");
        }
        dialect
    }

    /// Reads the section `dialect`, noting every problem in `settings`.
    pub(crate) fn read(settings: &mut Settings, product: Product) -> Self {
        let default = Self::of(product);
        settings.within("dialect", |section| {
            let dialect = Self {
                paths: Paths::read(section, "paths", default.paths),
                filters: Filters::read(section, "filters", default.filters),
                fields: Fields::read(section, "fields", default.fields),
                words: Words::read(section, default.words),
                closed_needs_no_balance: section
                    .flag("closed_needs_no_balance", default.closed_needs_no_balance),
                appointments_by_customer: section
                    .flag("appointments_by_customer", default.appointments_by_customer),
                send_address: section.flag("send_address", default.send_address),
                auth_scheme: name(section, "auth_scheme", default.auth_scheme),
            };
            dialect.check(section);
            dialect
        })
    }

    /// A path that is to hold an id and has no place for it would read the wrong thing.
    fn check(&self, section: &mut Settings) {
        let paths = &self.paths;
        let with_id = [
            ("customer", paths.customer),
            ("appointment", paths.appointment),
            ("customer_appointments", paths.customer_appointments),
            ("order", paths.order),
            ("customer_memberships", paths.customer_memberships),
            ("membership", paths.membership),
        ];
        for (key, path) in with_id {
            if !path.contains("{id}") {
                section.problem(&format!("paths.{key}"), "must have `{id}` where the id goes");
            }
        }
    }

    /// The filter by time of change, if one is configured.
    pub(crate) fn changed_since(&self) -> Option<&'static str> {
        Some(self.filters.changed_since).filter(|name| *name != "-")
    }
}

/// A configured name, or the default.
fn name(section: &mut Settings, key: &str, default: &'static str) -> &'static str {
    match section.optional(key) {
        Some(text) if text.trim() != default => Box::leak(text.trim().into()),
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_name_is_in_the_readme_with_its_key_and_default() {
        let readme = include_str!("../README.md");
        let all = [("paths", Paths::KEYS), ("filters", Filters::KEYS), ("fields", Fields::KEYS)];
        for (section, keys) in all {
            for (key, default) in keys {
                let entry = format!("`{section}.{key}` `{default}`");
                assert!(readme.contains(&entry), "{entry} is not in the README");
            }
        }
    }

    #[test]
    fn a_name_can_be_corrected_without_a_release() {
        let mut settings = Settings::new(
            "patientnow",
            json!({ "dialect": {
                "paths": { "order": "sales/{id}" },
                "filters": { "changed_since": "ModifiedAfter" },
                "fields": { "closed": "DateClosed" },
                "statuses": { "Running Late": "confirmed" },
                "auth_scheme": "Token",
            } }),
        );
        let dialect = Dialect::read(&mut settings, Product::Essentials);
        assert!(settings.finish().is_empty());
        assert_eq!(dialect.paths.order, "sales/{id}");
        assert_eq!(dialect.paths.orders, "orders");
        assert_eq!(dialect.changed_since(), Some("ModifiedAfter"));
        assert_eq!(dialect.fields.closed, "DateClosed");
        assert_eq!(dialect.auth_scheme, "Token");
        assert_eq!(
            dialect.words.status("running-late"),
            cannula_core::AppointmentStatus::Confirmed
        );
    }

    #[test]
    fn slips_in_the_dialect_are_named_with_their_keys() {
        let mut settings = Settings::new(
            "patientnow",
            json!({ "dialect": {
                "paths": { "order": "orders", "oder": "x" },
                "statuses": { "Gone": "canceled" },
                "events": { "x": "appointments" },
                "order_states": { "Paid": "done" },
                "membership_lines": "Membership",
            } }),
        );
        Dialect::read(&mut settings, Product::Essentials);
        insta::assert_snapshot!(settings.finish());
    }
}
