//! The two pipeline tables (Aesthetix help centre, article 1352), as data.

use cannula_core::OpportunityStatus;

use crate::Category;

/// Where an appointment stands, as far as pipelines and visit dates care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Pending, confirmed or arrived.
    Live,
    Fulfilled,
    Cancelled,
    NoShow,
}

impl Standing {
    /// The visit will not take place.
    pub(crate) const fn is_lost(self) -> bool {
        matches!(self, Self::Cancelled | Self::NoShow)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipeline {
    Surgical,
    NonSurgical,
}

impl Pipeline {
    pub(crate) const ALL: [Self; 2] = [Self::Surgical, Self::NonSurgical];

    /// The stage for those who cancelled or did not come.
    pub(crate) const fn lost(self) -> Stage {
        match self {
            Self::Surgical => Stage::SurgeryLost,
            Self::NonSurgical => Stage::Lost,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    ConsultBooked,
    ConsultComplete,
    SurgeryScheduled,
    SurgeryComplete,
    SurgeryLost,
    Booked,
    Patient,
    Lost,
}

/// The tags, which follow the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Booked,
    Patient,
    Lost,
}

impl Tag {
    pub(crate) const ALL: [Self; 3] = [Self::Booked, Self::Patient, Self::Lost];
}

/// Category and standing to stage. What is not here never moves a pipeline.
const TABLE: [(Category, Standing, Stage); 16] = {
    use Category::{
        NonSurgicalAppointment, NonSurgicalConsult, SurgicalAppointment, SurgicalConsult,
    };
    use Standing::{Cancelled, Fulfilled, Live, NoShow};
    [
        (SurgicalConsult, Live, Stage::ConsultBooked),
        (SurgicalConsult, Fulfilled, Stage::ConsultComplete),
        (SurgicalConsult, Cancelled, Stage::SurgeryLost),
        (SurgicalConsult, NoShow, Stage::SurgeryLost),
        (SurgicalAppointment, Live, Stage::SurgeryScheduled),
        (SurgicalAppointment, Fulfilled, Stage::SurgeryComplete),
        (SurgicalAppointment, Cancelled, Stage::SurgeryLost),
        (SurgicalAppointment, NoShow, Stage::SurgeryLost),
        (NonSurgicalConsult, Live, Stage::Booked),
        (NonSurgicalConsult, Fulfilled, Stage::Patient),
        (NonSurgicalConsult, Cancelled, Stage::Lost),
        (NonSurgicalConsult, NoShow, Stage::Lost),
        (NonSurgicalAppointment, Live, Stage::Booked),
        (NonSurgicalAppointment, Fulfilled, Stage::Patient),
        (NonSurgicalAppointment, Cancelled, Stage::Lost),
        (NonSurgicalAppointment, NoShow, Stage::Lost),
    ]
};

impl Stage {
    /// The table's stage for an appointment, if its category moves a pipeline.
    pub(crate) fn of(category: Category, standing: Standing) -> Option<Self> {
        TABLE.iter().find(|row| (row.0, row.1) == (category, standing)).map(|row| row.2)
    }

    pub(crate) const fn pipeline(self) -> Pipeline {
        match self {
            Self::ConsultBooked
            | Self::ConsultComplete
            | Self::SurgeryScheduled
            | Self::SurgeryComplete
            | Self::SurgeryLost => Pipeline::Surgical,
            Self::Booked | Self::Patient | Self::Lost => Pipeline::NonSurgical,
        }
    }

    /// The status of an opportunity in this stage: article 1352 gives none for cancellations, so
    /// only the two goals are won and everything else stays in play.
    pub(crate) const fn status(self) -> OpportunityStatus {
        match self {
            Self::SurgeryComplete | Self::Patient => OpportunityStatus::Won,
            _ => OpportunityStatus::Open,
        }
    }

    pub(crate) const fn tag(self) -> Tag {
        match self {
            Self::ConsultBooked | Self::SurgeryScheduled | Self::Booked => Tag::Booked,
            Self::ConsultComplete | Self::SurgeryComplete | Self::Patient => Tag::Patient,
            Self::SurgeryLost | Self::Lost => Tag::Lost,
        }
    }
}

impl Category {
    /// The pipeline this category moves, if it moves one.
    pub(crate) const fn pipeline(self) -> Option<Pipeline> {
        match self {
            Self::SurgicalConsult | Self::SurgicalAppointment => Some(Pipeline::Surgical),
            Self::NonSurgicalConsult | Self::NonSurgicalAppointment => Some(Pipeline::NonSurgical),
            Self::PreOp | Self::PostOp | Self::Block => None,
        }
    }
}
