//! Checked reading of the `rules` section.

use std::collections::BTreeMap;

use cannula_core::Settings;

use crate::{
    AppointmentTitles, ContactsFor, FieldNames, MembershipConfig, NonSurgicalNames, PaymentConfig,
    PaymentPipelines, RulesConfig, StagePolicy, StatusMeaning, SurgicalNames, TagNames,
    TitleConfig, ValuePolicy, document::fold,
};

const POLICIES: [(&str, StagePolicy); 2] =
    [("all_appointments", StagePolicy::AllAppointments), ("last_event", StagePolicy::LastEvent)];

const PAYMENT_PIPELINES: [(&str, PaymentPipelines); 3] = [
    ("non_surgical", PaymentPipelines::NonSurgical),
    ("all", PaymentPipelines::All),
    ("none", PaymentPipelines::None),
];

const VALUES: [(&str, ValuePolicy); 3] = [
    ("lifetime", ValuePolicy::Lifetime),
    ("since_opened", ValuePolicy::SinceOpened),
    ("off", ValuePolicy::Off),
];

const CONTACTS_FOR: [(&str, ContactsFor); 2] =
    [("visits", ContactsFor::Visits), ("any_record", ContactsFor::AnyRecord)];

const APPOINTMENT_TITLES: [(&str, AppointmentTitles); 2] = [
    ("by_status", AppointmentTitles::ByStatus),
    ("booked_then_update", AppointmentTitles::BookedThenUpdate),
];

const MEANINGS: [(&str, StatusMeaning); 7] = [
    ("pending", StatusMeaning::Pending),
    ("confirmed", StatusMeaning::Confirmed),
    ("arrived", StatusMeaning::Arrived),
    ("fulfilled", StatusMeaning::Fulfilled),
    ("cancelled", StatusMeaning::Cancelled),
    ("no_show", StatusMeaning::NoShow),
    ("held", StatusMeaning::Held),
];

impl RulesConfig {
    /// Reads the section whole; what it does not set stays as it is in `default`, and so does a
    /// value that is wrong. Every problem is noted in `settings`, whose [`Settings::finish`]
    /// reports them.
    pub fn from_settings(settings: &mut Settings, default: Self) -> Self {
        let policy = choice(settings, "policy", &POLICIES, default.policy);
        let create_opportunities =
            settings.flag("create_opportunities", default.create_opportunities);
        let mut meanings = default.statuses;
        meanings.extend(settings.within("statuses", statuses));
        let (surgical, non_surgical) = settings.within("pipelines", |section| {
            let surgical = section.within("surgical", |section| {
                let names = SurgicalNames::read(section, &default.surgical);
                distinct(section, &names.entries()[1..]);
                names
            });
            let non_surgical = section.within("non_surgical", |section| {
                let names = NonSurgicalNames::read(section, &default.non_surgical);
                distinct(section, &names.entries()[1..]);
                names
            });
            let both =
                [("surgical.name", &*surgical.name), ("non_surgical.name", &non_surgical.name)];
            distinct(section, &both);
            (surgical, non_surgical)
        });
        let fields = settings.within("fields", |section| {
            let names = FieldNames::read(section, &default.fields);
            distinct(section, &names.entries());
            names
        });
        let tags = settings.within("tags", |section| {
            let names = TagNames::read(section, &default.tags);
            distinct(section, &names.entries());
            names
        });
        let payments = settings.within("payments", |section| {
            let PaymentConfig { pipelines, opportunity_value } = default.payments;
            PaymentConfig {
                pipelines: choice(section, "pipelines", &PAYMENT_PIPELINES, pipelines),
                opportunity_value: choice(section, "opportunity_value", &VALUES, opportunity_value),
            }
        });
        let memberships = settings.within("memberships", |section| MembershipConfig {
            enabled: section.flag("enabled", default.memberships.enabled),
        });
        let contacts_for = choice(settings, "contacts_for", &CONTACTS_FOR, default.contacts_for);
        let titles = settings.within("titles", |section| titles(section, default.titles));
        Self {
            zone: default.zone,
            policy,
            create_opportunities,
            statuses: meanings,
            surgical,
            non_surgical,
            fields,
            tags,
            payments,
            memberships,
            contacts_for,
            titles,
        }
    }
}

/// One of a fixed set of words, whose default is not the first of them.
pub(crate) fn choice<T: Copy>(
    settings: &mut Settings,
    key: &str,
    choices: &[(&str, T)],
    default: T,
) -> T {
    let given = settings.has(key);
    settings.choice(key, choices).filter(|_| given).unwrap_or(default)
}

fn titles(section: &mut Settings, default: TitleConfig) -> TitleConfig {
    TitleConfig {
        appointments: choice(section, "appointments", &APPOINTMENT_TITLES, default.appointments),
        payment: section.text("payment", &default.payment),
        payment_noun: section.text("payment_noun", &default.payment_noun),
        membership: section.text("membership", &default.membership),
        patient_created: section.text("patient_created", &default.patient_created),
    }
}

fn statuses(section: &mut Settings) -> BTreeMap<String, StatusMeaning> {
    let mut meanings = BTreeMap::new();
    let mut seen = BTreeMap::<String, String>::new();
    for name in section.keys() {
        let meaning = section.choice(&name, &MEANINGS);
        if let Some(earlier) = seen.insert(fold(&name), name.clone()) {
            section.problem(&name, format!("differs from “{earlier}” only by case or spaces"));
        }
        meanings.extend(meaning.map(|meaning| (name, meaning)));
    }
    meanings
}

/// Notes every name that is used twice; the CRM does not tell case and spaces apart reliably.
fn distinct(section: &mut Settings, entries: &[(&'static str, &str)]) {
    for (index, (key, name)) in entries.iter().enumerate() {
        let twin = entries[..index].iter().find(|(_, earlier)| fold(earlier) == fold(name));
        if let Some((earlier, _)) = twin {
            let earlier = section.path_of(earlier);
            section.problem(key, format!("“{name}” is already the name of `{earlier}`"));
        }
    }
}
