//! What a practice may set. Everything but the zone has a default; which, its EMR decides.

use std::collections::BTreeMap;

use cannula_core::{AppointmentStatus, CrmNeeds, FieldKind, FieldSpec, PipelineSpec};
use chrono_tz::Tz;

use crate::{
    TitleConfig,
    table::{Pipeline, Stage, Standing, Tag},
};

/// What moves an opportunity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StagePolicy {
    /// All of the person's appointments: a cancellation does not move the stage while another
    /// appointment in the same pipeline is live.
    #[default]
    AllAppointments,
    /// The last change alone, as the vendor does it.
    LastEvent,
}

/// For whose payments the CRM is written to: the one switch of the payment module.
///
/// A Nextech payment is not tied to an appointment, and credits, plans and adjustments make of a
/// surgical patient's payments something that is not what the patient is worth; the vendor advises
/// against it there (Aesthetix help centre, article 1352). So the default is med spa work only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaymentPipelines {
    /// Everybody but those who are in the surgical pipeline only; values of non-surgical
    /// opportunities.
    #[default]
    NonSurgical,
    /// Everybody; values of all opportunities.
    All,
    /// Nobody: payments are kept in the ledger and nothing is written.
    None,
}

/// What an opportunity is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValuePolicy {
    /// The patient's lifetime value.
    #[default]
    Lifetime,
    /// What the patient paid from the day on that put the person into the pipeline.
    SinceOpened,
    /// Its value is left alone.
    Off,
}

/// What payments write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentConfig {
    /// For whom.
    pub pipelines: PaymentPipelines,
    /// What an opportunity is worth.
    pub opportunity_value: ValuePolicy,
}

/// What makes a contact of a patient who has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContactsFor {
    /// An appointment that belongs in the CRM.
    #[default]
    Visits,
    /// That, a payment, a membership, or the patient's registration, which leaves a note then.
    AnyRecord,
}

/// What memberships write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MembershipConfig {
    /// Notes, fields and the tag of members. Off by default: an EMR without memberships needs no
    /// fields for them.
    pub enabled: bool,
}

/// What a status that a practice made up means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusMeaning {
    /// Booked, not confirmed.
    Pending,
    /// Booked and confirmed.
    Confirmed,
    /// The patient is in the practice.
    Arrived,
    /// The visit took place.
    Fulfilled,
    /// Cancelled.
    Cancelled,
    /// The patient did not come.
    NoShow,
    /// Held for an online booking: not yet an appointment.
    Held,
}

impl StatusMeaning {
    /// The word used in note titles and in the status field.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Confirmed => "Confirmed",
            Self::Arrived => "Arrived",
            Self::Fulfilled => "Fulfilled",
            Self::Cancelled => "Cancelled",
            Self::NoShow => "No-Show",
            Self::Held => "Held",
        }
    }

    /// `None` for what is only held.
    pub(crate) const fn standing(self) -> Option<Standing> {
        match self {
            Self::Pending | Self::Confirmed | Self::Arrived => Some(Standing::Live),
            Self::Fulfilled => Some(Standing::Fulfilled),
            Self::Cancelled => Some(Standing::Cancelled),
            Self::NoShow => Some(Standing::NoShow),
            Self::Held => None,
        }
    }
}

/// A struct of names, each with its configuration key (the field's name) and the vendor's default.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $default:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: String,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default.to_owned(),)* }
            }
        }

        impl $name {
            /// Reads the names that are set; the others stay as they are in `default`.
            pub(crate) fn read(settings: &mut cannula_core::Settings, default: &Self) -> Self {
                Self { $($field: settings.text(stringify!($field), &default.$field),)* }
            }

            /// Configuration key and name, in the order of declaration.
            pub(crate) fn entries(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($field), self.$field.as_str()),)*]
            }
        }
    };
}

names! {
    /// The surgical pipeline and its stages.
    SurgicalNames {
        /// The pipeline.
        name: "Surgery: Lead 2 Patient",
        /// A consult is pending, confirmed or arrived.
        consult_booked: "Consult Booked",
        /// A consult is fulfilled.
        consult_complete: "Consult Complete",
        /// A surgery is pending, confirmed or arrived.
        surgery_scheduled: "Surgery Scheduled",
        /// A surgery is fulfilled: won.
        surgery_complete: "Surgery Complete",
        /// Cancelled or not come.
        cancelled: "Cancelled / No-Show",
    }
}

names! {
    /// The non-surgical pipeline and its stages.
    NonSurgicalNames {
        /// The pipeline.
        name: "Lead 2 Patient",
        /// A consult or treatment is pending, confirmed or arrived.
        booked: "Booked",
        /// A consult or treatment is fulfilled: won.
        patient: "Patient",
        /// Cancelled or not come.
        cancelled: "Cancelled / No-Show",
    }
}

names! {
    /// The custom fields of the contact.
    FieldNames {
        /// Date of the earliest live visit that is not over.
        next_visit_date: "Next Visit Date",
        /// Date of the latest fulfilled visit.
        last_visit_date: "Last Visit Date",
        /// Status of the appointment that changed last.
        appointment_status: "NXT Appointment Status",
        /// Type of the appointment that changed last.
        appointment_type: "NXT Appointment Type",
        /// Category of the appointment that changed last.
        appointment_category: "NXT Appointment Category",
        /// Location of the appointment that changed last.
        location: "NXT Location",
        /// Birth date, beside the contact's own.
        birthday: "NXT Birthday",
        /// What the patient paid less what went back.
        lifetime_value: "Patient Lifetime Value",
        /// Name of the newest active membership, else of the newest.
        membership: "Membership",
        /// Its status.
        membership_status: "Membership Status",
    }
}

names! {
    /// The tags: those that follow the stages, and the members'.
    TagNames {
        /// Entered with a booked or scheduled stage.
        appointment_booked: "Appointment Booked",
        /// Entered with a complete or patient stage.
        patient: "Patient",
        /// Entered with the cancelled stage.
        cancelled: "Cancel/No-Show",
        /// There while at least one membership is active.
        member: "Member",
    }
}

/// What a practice may set. [`RulesConfig::new`] has the names that the CRM's vendor documented
/// first; an EMR with others changes them. The zone has no default, because a wrong one moves
/// evening visits to another day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesConfig {
    /// The practice's time zone, which decides what "today" is.
    pub zone: Tz,
    /// What moves an opportunity.
    pub policy: StagePolicy,
    /// Create an opportunity that does not exist (the vendor only updates).
    pub create_opportunities: bool,
    /// Meanings of statuses without a code of their own, by the practice's exact name.
    pub statuses: BTreeMap<String, StatusMeaning>,
    /// The surgical pipeline.
    pub surgical: SurgicalNames,
    /// The non-surgical pipeline.
    pub non_surgical: NonSurgicalNames,
    /// The custom fields.
    pub fields: FieldNames,
    /// The tags.
    pub tags: TagNames,
    /// What payments write.
    pub payments: PaymentConfig,
    /// What memberships write.
    pub memberships: MembershipConfig,
    /// What makes a contact.
    pub contacts_for: ContactsFor,
    /// What notes are called.
    pub titles: TitleConfig,
}

impl RulesConfig {
    /// The vendor's names and the default policy.
    pub fn new(zone: Tz) -> Self {
        Self {
            zone,
            policy: StagePolicy::default(),
            create_opportunities: true,
            statuses: BTreeMap::new(),
            surgical: SurgicalNames::default(),
            non_surgical: NonSurgicalNames::default(),
            fields: FieldNames::default(),
            tags: TagNames::default(),
            payments: PaymentConfig::default(),
            memberships: MembershipConfig::default(),
            contacts_for: ContactsFor::default(),
            titles: TitleConfig::default(),
        }
    }

    /// What a status means; `None` for one that needs a row in `statuses`.
    pub(crate) fn meaning(&self, status: &AppointmentStatus) -> Option<StatusMeaning> {
        match status {
            AppointmentStatus::Proposed => Some(StatusMeaning::Held),
            AppointmentStatus::Pending => Some(StatusMeaning::Pending),
            AppointmentStatus::Confirmed => Some(StatusMeaning::Confirmed),
            AppointmentStatus::Arrived => Some(StatusMeaning::Arrived),
            AppointmentStatus::Fulfilled => Some(StatusMeaning::Fulfilled),
            AppointmentStatus::Cancelled => Some(StatusMeaning::Cancelled),
            AppointmentStatus::NoShow => Some(StatusMeaning::NoShow),
            other => self.statuses.get(other.label()).copied(),
        }
    }

    pub(crate) fn pipeline_name(&self, pipeline: Pipeline) -> &str {
        match pipeline {
            Pipeline::Surgical => &self.surgical.name,
            Pipeline::NonSurgical => &self.non_surgical.name,
        }
    }

    pub(crate) fn stage_name(&self, stage: Stage) -> &str {
        match stage {
            Stage::ConsultBooked => &self.surgical.consult_booked,
            Stage::ConsultComplete => &self.surgical.consult_complete,
            Stage::SurgeryScheduled => &self.surgical.surgery_scheduled,
            Stage::SurgeryComplete => &self.surgical.surgery_complete,
            Stage::SurgeryLost => &self.surgical.cancelled,
            Stage::Booked => &self.non_surgical.booked,
            Stage::Patient => &self.non_surgical.patient,
            Stage::Lost => &self.non_surgical.cancelled,
        }
    }

    pub(crate) fn tag_name(&self, tag: Tag) -> &str {
        match tag {
            Tag::Booked => &self.tags.appointment_booked,
            Tag::Patient => &self.tags.patient,
            Tag::Lost => &self.tags.cancelled,
        }
    }

    /// What must exist in the CRM. Configuration keys are those of a section called `rules`.
    pub(crate) fn needs(&self) -> CrmNeeds {
        let fields = self
            .fields
            .entries()
            .into_iter()
            .filter(|(key, _)| match *key {
                "lifetime_value" => self.payments.pipelines != PaymentPipelines::None,
                "membership" | "membership_status" => self.memberships.enabled,
                _ => true,
            })
            .map(|(key, name)| FieldSpec {
                name: name.to_owned(),
                kind: match key {
                    "next_visit_date" | "last_visit_date" | "birthday" => FieldKind::Date,
                    "lifetime_value" => FieldKind::Money,
                    _ => FieldKind::Text,
                },
                config_key: format!("rules.fields.{key}"),
            });
        let pipelines = [
            pipeline_spec("surgical", &self.surgical.entries()),
            pipeline_spec("non_surgical", &self.non_surgical.entries()),
        ];
        CrmNeeds { fields: fields.collect(), pipelines: pipelines.into() }
    }
}

fn pipeline_spec(section: &str, entries: &[(&'static str, &str)]) -> PipelineSpec {
    let key = |key: &str| format!("rules.pipelines.{section}.{key}");
    let mut spec =
        PipelineSpec { name: String::new(), config_key: key("name"), stages: Vec::new() };
    for (field, name) in entries {
        if *field == "name" {
            spec.name = (*name).to_owned();
        } else {
            spec.stages.push((key(field), (*name).to_owned()));
        }
    }
    spec
}
