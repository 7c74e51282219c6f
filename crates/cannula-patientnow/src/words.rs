//! The vendor's words and what they mean, as tables that the configuration adds to.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{AppointmentStatus, MembershipStatus, Settings};

/// Where an order stands, as far as money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Not closed in the sales register, or opened again: nothing counts.
    Open,
    /// Closed: what was paid counts.
    Closed,
    /// Voided, or refunded in full.
    Voided,
}

/// What a delivery tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// An appointment changed.
    Appointment,
    /// An appointment was removed.
    AppointmentRemoved,
    /// An order changed.
    Order,
    /// A customer was created.
    PatientCreated,
    /// A customer changed.
    Patient,
    /// Of no concern.
    Ignored,
}

/// The tables. A word is looked up in lower case and without anything but letters and digits, so
/// that `No Show`, `no-show` and `NoShow` are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    statuses: BTreeMap<String, AppointmentStatus>,
    order_states: BTreeMap<String, OrderState>,
    memberships: BTreeMap<String, MembershipStatus>,
    genders: BTreeMap<String, String>,
    events: BTreeMap<String, WebhookEvent>,
    membership_lines: BTreeSet<String>,
    quota: BTreeSet<String>,
}

/// Our words for the statuses of an appointment.
const STATUSES: [(&str, AppointmentStatus); 8] = [
    ("proposed", AppointmentStatus::Proposed),
    ("pending", AppointmentStatus::Pending),
    ("confirmed", AppointmentStatus::Confirmed),
    ("arrived", AppointmentStatus::Arrived),
    ("fulfilled", AppointmentStatus::Fulfilled),
    ("cancelled", AppointmentStatus::Cancelled),
    ("no-show", AppointmentStatus::NoShow),
    ("entered-in-error", AppointmentStatus::EnteredInError),
];

/// What a refusal says when the calls of the plan are used up.
pub(crate) const QUOTA: [&str; 2] = ["quota", "daily limit"];

const ORDER_STATES: [(&str, OrderState); 3] =
    [("open", OrderState::Open), ("closed", OrderState::Closed), ("voided", OrderState::Voided)];

const MEMBERSHIPS: [(&str, MembershipStatus); 4] = [
    ("active", MembershipStatus::Active),
    ("frozen", MembershipStatus::Frozen),
    ("cancelled", MembershipStatus::Cancelled),
    ("expired", MembershipStatus::Expired),
];

const EVENTS: [(&str, WebhookEvent); 6] = [
    ("appointment", WebhookEvent::Appointment),
    ("appointment-removed", WebhookEvent::AppointmentRemoved),
    ("order", WebhookEvent::Order),
    ("patient-created", WebhookEvent::PatientCreated),
    ("patient", WebhookEvent::Patient),
    ("ignored", WebhookEvent::Ignored),
];

impl Default for Words {
    fn default() -> Self {
        use AppointmentStatus as S;
        Self {
            statuses: table([
                ("Booked", S::Pending),
                ("Confirmed", S::Confirmed),
                ("CheckedIn", S::Arrived),
                ("InService", S::Arrived),
                ("Completed", S::Fulfilled),
                ("NoShow", S::NoShow),
                ("Cancelled", S::Cancelled),
                ("Canceled", S::Cancelled),
            ]),
            order_states: table([
                ("Open", OrderState::Open),
                ("Closed", OrderState::Closed),
                ("Voided", OrderState::Voided),
                ("Refunded", OrderState::Voided),
            ]),
            memberships: table([
                ("Active", MembershipStatus::Active),
                ("Frozen", MembershipStatus::Frozen),
                ("Cancelled", MembershipStatus::Cancelled),
                ("Canceled", MembershipStatus::Cancelled),
                ("Expired", MembershipStatus::Expired),
            ]),
            genders: table(
                [
                    ("Female", "Female"),
                    ("F", "Female"),
                    ("Male", "Male"),
                    ("M", "Male"),
                    ("Other", "Other"),
                    ("Unknown", "Unknown"),
                ]
                .map(|(word, theirs)| (word, theirs.to_owned())),
            ),
            events: table([
                ("Appointment.Booked", WebhookEvent::Appointment),
                ("Appointment.Created", WebhookEvent::Appointment),
                ("Appointment.Updated", WebhookEvent::Appointment),
                ("Appointment.StatusUpdated", WebhookEvent::Appointment),
                ("Appointment Status Update", WebhookEvent::Appointment),
                ("Order.Closed", WebhookEvent::Order),
                ("Customer.Created", WebhookEvent::PatientCreated),
                ("Customer.Updated", WebhookEvent::Patient),
                ("Patient Created", WebhookEvent::PatientCreated),
                ("Patient Updated", WebhookEvent::Patient),
            ]),
            membership_lines: ["Membership"].map(normal).into(),
            quota: QUOTA.map(str::to_owned).into(),
        }
    }
}

impl Words {
    /// What an appointment's status means. One that is in no table is kept in the vendor's word.
    pub fn status(&self, word: &str) -> AppointmentStatus {
        let found = self.statuses.get(&normal(word)).cloned();
        found.unwrap_or_else(|| AppointmentStatus::Unknown(word.trim().to_owned()))
    }

    /// What an order's status means; `None` if it is in no table.
    pub fn order_state(&self, word: &str) -> Option<OrderState> {
        self.order_states.get(&normal(word)).copied()
    }

    /// What a membership's status means.
    pub fn membership(&self, word: &str) -> MembershipStatus {
        let found = self.memberships.get(&normal(word)).cloned();
        found.unwrap_or_else(|| MembershipStatus::Other(word.trim().to_owned()))
    }

    /// The vendor's word for a gender; `None` if it has none.
    pub fn gender(&self, word: &str) -> Option<&str> {
        self.genders.get(&normal(word)).map(String::as_str)
    }

    /// The vendor's words for genders.
    pub(crate) fn genders(&self) -> BTreeSet<&str> {
        self.genders.values().map(String::as_str).collect()
    }

    /// What a type of delivery tells; `None` if it is in no table.
    pub fn event(&self, kind: &str) -> Option<WebhookEvent> {
        self.events.get(&normal(kind)).copied()
    }

    /// Whether a line of this type sells a membership.
    pub fn is_membership_line(&self, kind: &str) -> bool {
        self.membership_lines.contains(&normal(kind))
    }

    /// Whether a refusal in these words says that the day's calls are used up.
    pub(crate) fn tells_of_quota(&self, said: &str) -> bool {
        let said = said.to_lowercase();
        self.quota.iter().any(|words| said.contains(words))
    }

    /// Reads the tables of the section `dialect`; what they hold is added to the defaults.
    pub(crate) fn read(section: &mut Settings, default: Self) -> Self {
        let mut words = default;
        extend(section, "statuses", &STATUSES, &mut words.statuses);
        extend(section, "order_states", &ORDER_STATES, &mut words.order_states);
        extend(section, "membership_states", &MEMBERSHIPS, &mut words.memberships);
        extend(section, "events", &EVENTS, &mut words.events);
        section.within("genders", |genders| {
            for word in genders.keys() {
                if let Some(theirs) = genders.optional(&word) {
                    words.genders.insert(normal(&word), theirs);
                }
            }
        });
        if let Some(lines) = section.texts("membership_lines") {
            words.membership_lines = lines.iter().map(normal).collect();
        }
        if let Some(quota) = section.texts("quota_words") {
            words.quota = quota.iter().map(|words| words.to_lowercase()).collect();
        }
        words
    }
}

/// Lower case, letters and digits only.
pub(crate) fn normal(word: impl AsRef<str>) -> String {
    word.as_ref().chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn table<T, const N: usize>(rows: [(&str, T); N]) -> BTreeMap<String, T> {
    rows.into_iter().map(|(word, meaning)| (normal(word), meaning)).collect()
}

/// Adds a configured table of the vendor's words to ours.
fn extend<T: Clone>(
    section: &mut Settings,
    key: &str,
    ours: &[(&str, T)],
    table: &mut BTreeMap<String, T>,
) {
    section.within(key, |words| {
        for word in words.keys() {
            let Some(meaning) = words.optional(&word) else { continue };
            match ours.iter().find(|(name, _)| *name == meaning) {
                Some((_, meaning)) => {
                    table.insert(normal(&word), meaning.clone());
                }
                None => {
                    let names: Vec<_> = ours.iter().map(|(name, _)| *name).collect();
                    let names = names.join(", ");
                    words.problem(&word, format!("“{meaning}” is not one of: {names}"));
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_any_spelling_and_an_unknown_one_is_kept() {
        use AppointmentStatus as S;
        let words = Words::default();
        for (text, status) in [
            ("Booked", S::Pending),
            (" confirmed ", S::Confirmed),
            ("Checked In", S::Arrived),
            ("checked_in", S::Arrived),
            ("In-Service", S::Arrived),
            ("COMPLETED", S::Fulfilled),
            ("No Show", S::NoShow),
            ("no-show", S::NoShow),
            ("Canceled", S::Cancelled),
            ("Cancelled", S::Cancelled),
            (" Left Voicemail ", S::Unknown("Left Voicemail".to_owned())),
        ] {
            assert_eq!(words.status(text), status, "{text}");
        }
    }

    #[test]
    fn event_types_are_known_by_their_names_and_by_the_notes_titles() {
        let words = Words::default();
        for (names, event) in [
            (["Appointment.Booked", "Appointment Booked"], WebhookEvent::Appointment),
            (["Appointment.StatusUpdated", "Appointment Status Update"], WebhookEvent::Appointment),
            (["Order.Closed", "Order Closed"], WebhookEvent::Order),
            (["Customer.Created", "Patient Created"], WebhookEvent::PatientCreated),
        ] {
            for name in names {
                assert_eq!(words.event(name), Some(event), "{name}");
            }
        }
        // The triggers that another integrator names.
        for (name, event) in [
            ("appointment created", WebhookEvent::Appointment),
            ("appointment updated", WebhookEvent::Appointment),
            ("patient created", WebhookEvent::PatientCreated),
            ("patient updated", WebhookEvent::Patient),
        ] {
            assert_eq!(words.event(name), Some(event), "{name}");
        }
        assert_eq!(words.event("Ping"), None);
    }
}
