//! Why an appointment's event ended as it did.

use cannula_core::{Appointment, ParkReason};

use crate::{
    Outcome, Reason, Rules,
    note::title,
    reading::{deciding, gaps},
    table::Standing,
    walk::{End, Shift, Step, What},
};

/// One step of a finished walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) end: End,
    pub(crate) index: usize,
    pub(crate) step: &'a Step,
}

impl Telling<'_> {
    pub(crate) fn reasons(
        &self,
        appointment: &Appointment,
        outcome: &Outcome,
        late: bool,
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if late {
            reasons.push(Reason::ArrivedLate);
        }
        match (outcome, &self.step.what) {
            (Outcome::Waiting, _) => reasons.push(Reason::WaitingForPatient),
            (Outcome::Parked(ParkReason::NoContactDetails), _) => {
                reasons.push(Reason::NoContactDetails);
            }
            (_, What::Parked(_)) => {
                reasons.extend(gaps(&self.rules.config, &self.rules.categories, appointment));
            }
            (_, What::Held) => reasons.push(Reason::Held),
            (_, What::Unchanged) => reasons.push(Reason::NothingChanged),
            (_, What::NeverWas) => reasons.push(Reason::RemovedLeftNothing),
            (_, What::Block) => {
                reasons.push(Reason::BlockExcluded);
                self.consequences(&mut reasons);
            }
            (_, What::Removed) => {
                reasons.push(Reason::EnteredInError);
                self.consequences(&mut reasons);
            }
            (_, What::Visit { category, meaning, .. }) => {
                reasons.extend(deciding(&self.rules.categories, appointment));
                if category.pipeline().is_none() {
                    reasons.push(Reason::NeverMoves { category: *category });
                }
                self.consequences(&mut reasons);
                self.other_dates(meaning.standing(), appointment, &mut reasons);
                if meaning.standing() == Some(Standing::Live) {
                    let status = meaning.label().to_owned();
                    reasons.push(Reason::NotFulfilled { status });
                }
            }
        }
        reasons
    }

    /// The note, the moves and the visit dates, as far as no newer change overtook them.
    fn consequences(&self, reasons: &mut Vec<Reason>) {
        let (step, config) = (self.step, &self.rules.config);
        reasons.extend(title(&config.titles, &step.what).map(|title| match step.repeated {
            false => Reason::Noted { title },
            true => Reason::AlreadyNoted,
        }));
        if let Some(superseded) = step.superseded {
            let pipeline = config.pipeline_name(superseded.pipeline).to_owned();
            reasons.push(Reason::SupersededCancellation { pipeline, live: superseded.live });
        }
        reasons.extend(step.shifts.iter().flatten().map(|shift| self.shift(*shift)));
        let (before, after, end) = (step.before, step.after, self.end.dates);
        if before.next != after.next && after.next == end.next {
            let field = config.fields.next_visit_date.clone();
            reasons.push(Reason::NextVisit { field, date: after.next });
        }
        if before.last != after.last && after.last == end.last {
            let field = config.fields.last_visit_date.clone();
            reasons.push(Reason::LastVisit { field, date: after.last });
        }
    }

    /// Why a date field shows another date than this visit's.
    fn other_dates(
        &self,
        standing: Option<Standing>,
        appointment: &Appointment,
        reasons: &mut Vec<Reason>,
    ) {
        let (fields, end) = (&self.rules.config.fields, self.end.dates);
        let date = appointment.start.map(|start| start.date());
        let told = |reasons: &[Reason], next: bool| {
            reasons.iter().any(|reason| match reason {
                Reason::NextVisit { .. } => next,
                Reason::LastVisit { .. } => !next,
                _ => false,
            })
        };
        match standing {
            Some(Standing::Live) if end.next != date && !told(reasons, true) => {
                let field = fields.next_visit_date.clone();
                reasons.push(Reason::NextVisitElsewhere { field, date: end.next });
            }
            Some(Standing::Fulfilled) if end.last != date && !told(reasons, false) => {
                let field = fields.last_visit_date.clone();
                reasons.push(Reason::LastVisitElsewhere { field, date: end.last });
            }
            _ => {}
        }
    }

    fn shift(&self, shift: Shift) -> Reason {
        let (Shift::Moved(stage) | Shift::Stays(stage) | Shift::Vacated(stage)) = shift;
        let config = &self.rules.config;
        let pipeline = config.pipeline_name(stage.pipeline()).to_owned();
        let name = config.stage_name(stage).to_owned();
        match (shift, self.end.stages[stage.pipeline() as usize]) {
            (_, Some((newer, by))) if by > self.index => {
                Reason::Overtaken { pipeline, stage: config.stage_name(newer).to_owned() }
            }
            (Shift::Moved(_), _) => Reason::Moved { pipeline, stage: name, status: stage.status() },
            (Shift::Stays(_), _) => Reason::Stays { pipeline, stage: name },
            (Shift::Vacated(_), _) => Reason::Vacated { pipeline, stage: name },
        }
    }
}
