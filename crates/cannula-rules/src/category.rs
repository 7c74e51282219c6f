use std::fmt;

use serde::{Deserialize, Serialize};

/// What an appointment is for the CRM. The seven names are exact: they feed a custom field and
/// drive the practice's own automation (Aesthetix help centre, articles 1238 and 1350).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// Consultation about a surgical procedure.
    #[serde(rename = "Surgical Consult")]
    SurgicalConsult,
    /// The operation itself.
    #[serde(rename = "Surgical Appointment")]
    SurgicalAppointment,
    /// Consultation for injectables, lasers or skin.
    #[serde(rename = "Non-Surgical Consult")]
    NonSurgicalConsult,
    /// The treatment visit.
    #[serde(rename = "Non-Surgical Appointment")]
    NonSurgicalAppointment,
    /// A visit before surgery; never moves a pipeline.
    #[serde(rename = "Pre-Op Appointment")]
    PreOp,
    /// A follow-up after surgery; never moves a pipeline.
    #[serde(rename = "Post-Op Appointment")]
    PostOp,
    /// Lunch, meeting, placeholder; leaves nothing in the CRM.
    Block,
}

impl Category {
    /// All seven, in the order of the vendor's table.
    pub const ALL: [Self; 7] = [
        Self::SurgicalConsult,
        Self::SurgicalAppointment,
        Self::NonSurgicalConsult,
        Self::NonSurgicalAppointment,
        Self::PreOp,
        Self::PostOp,
        Self::Block,
    ];

    /// The exact name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SurgicalConsult => "Surgical Consult",
            Self::SurgicalAppointment => "Surgical Appointment",
            Self::NonSurgicalConsult => "Non-Surgical Consult",
            Self::NonSurgicalAppointment => "Non-Surgical Appointment",
            Self::PreOp => "Pre-Op Appointment",
            Self::PostOp => "Post-Op Appointment",
            Self::Block => "Block",
        }
    }

    /// Of several services of one visit, the one with the strongest category decides: surgery
    /// before med spa work, the work itself before talking about it, and all of these before what
    /// moves no pipeline.
    pub(crate) const fn strength(self) -> u8 {
        match self {
            Self::SurgicalAppointment => 6,
            Self::SurgicalConsult => 5,
            Self::NonSurgicalAppointment => 4,
            Self::NonSurgicalConsult => 3,
            Self::PreOp => 2,
            Self::PostOp => 1,
            Self::Block => 0,
        }
    }

    /// The category with exactly this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
