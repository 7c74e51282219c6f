//! The fold: a person's whole history, oldest version first, to what the CRM should hold.

use std::{cmp::Reverse, collections::HashMap};

use cannula_core::{Appointment, ParkReason, RecordId};
use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    Category, RulesConfig, StagePolicy, StatusMeaning,
    newest::Newest,
    note::same_note,
    person::{Entry, NoteState},
    reading::Reading,
    table::{Pipeline, Stage, Standing},
};

/// The fold's state; at the end, the projection.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    config: &'a RulesConfig,
    today: NaiveDate,
    visits: Vec<Visit<'a>>,
    by_record: HashMap<&'a RecordId, usize>,
    pub(crate) end: End,
    /// By tag: the entry that first called for it.
    pub(crate) tags: [Option<usize>; 3],
    pub(crate) newest: Newest<'a>,
    /// Entries whose note would say again what a later version's note says that was left already.
    repeated: Vec<usize>,
}

/// One appointment as it is known at a step.
#[derive(Debug)]
struct Visit<'a> {
    record: &'a RecordId,
    /// A state of it was noted.
    noted: bool,
    /// The state noted last; `None` if nothing of it belongs in the CRM.
    shown: Option<&'a Appointment>,
    /// The entry that brought it.
    shown_at: usize,
    /// `None` once it was removed or became a block.
    place: Option<(Category, Standing)>,
    /// When it entered its present place.
    since: DateTime<Utc>,
}

/// The visit dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) next: Option<NaiveDate>,
    pub(crate) last: Option<NaiveDate>,
}

/// What one entry did.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) what: What,
    /// It arrived after a later version that says the same and was noted.
    pub(crate) repeated: bool,
    pub(crate) shifts: [Option<Shift>; 2],
    /// The appointment that keeps a cancellation from moving the stage.
    pub(crate) superseded: Option<Superseded>,
    pub(crate) before: Dates,
    pub(crate) after: Dates,
}

#[derive(Debug)]
pub(crate) enum What {
    Held,
    Parked(ParkReason),
    Block,
    /// Nothing that a note would show changed.
    Unchanged,
    /// Entered in error, and nothing of it was ever in the CRM.
    NeverWas,
    /// Entered in error after it was noted.
    Removed,
    /// A visit to be noted.
    Visit {
        category: Category,
        meaning: StatusMeaning,
        /// Nothing of the appointment was noted before.
        first: bool,
        rescheduled: bool,
    },
}

impl Step {
    /// Whether a note is due.
    pub(crate) const fn is_noted(&self) -> bool {
        matches!(self.what, What::Removed | What::Visit { .. }) && !self.repeated
    }
}

/// Where the walk ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// By pipeline: the stage, and the entry that brought it there.
    pub(crate) stages: [Option<(Stage, usize)>; 2],
    /// By pipeline: the entry that first put the person into it.
    pub(crate) opened: [Option<usize>; 2],
    pub(crate) dates: Dates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    Moved(Stage),
    Stays(Stage),
    /// The pipeline's only appointment went away.
    Vacated(Stage),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Superseded {
    pub(crate) pipeline: Pipeline,
    /// When the live appointment takes place.
    pub(crate) live: Option<NaiveDate>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(config: &'a RulesConfig, today: NaiveDate) -> Self {
        Self {
            config,
            today,
            visits: Vec::new(),
            by_record: HashMap::new(),
            end: End { stages: [None; 2], opened: [None; 2], dates: Dates::default() },
            tags: [None; 3],
            newest: Newest::default(),
            repeated: Vec::new(),
        }
    }

    /// Takes the next entry, which is the `index`th of the history.
    pub(crate) fn step(&mut self, index: usize, entry: &'a Entry, reading: Reading) -> Step {
        let mut step = Step {
            what: What::Unchanged,
            repeated: false,
            shifts: [None; 2],
            superseded: None,
            before: self.end.dates,
            after: self.end.dates,
        };
        match reading {
            Reading::Held => step.what = What::Held,
            Reading::Parked(park) => step.what = What::Parked(park),
            Reading::Block => {
                step.what = What::Block;
                self.take_out(index, entry, None, &mut step);
            }
            Reading::Removed => self.remove(index, entry, &mut step),
            Reading::Visit(category, meaning) => {
                self.visit(index, entry, (category, meaning), &mut step);
            }
        }
        step.after = self.end.dates;
        step
    }

    fn remove(&mut self, index: usize, entry: &'a Entry, step: &mut Step) {
        let visit = self.by_record.get(&entry.record).map(|at| &self.visits[*at]);
        match visit.map(|visit| (visit.shown, visit.place)) {
            None | Some((None, _)) => step.what = What::NeverWas,
            Some((Some(_), None)) => self.unchanged(entry),
            Some((Some(_), Some(_))) => {
                step.what = What::Removed;
                self.newest.entry = Some(index);
                self.newest.status = Some(entry.appointment.status.label());
                self.take_out(index, entry, Some(&entry.appointment), step);
            }
        }
    }

    /// Takes an appointment out of its pipeline and of the visit dates.
    fn take_out(
        &mut self,
        index: usize,
        entry: &'a Entry,
        shown: Option<&'a Appointment>,
        step: &mut Step,
    ) {
        let Some(at) = self.by_record.get(&entry.record).copied() else { return };
        self.visits[at].shown = shown;
        self.visits[at].shown_at = index;
        if let Some((category, _)) = self.visits[at].place.take() {
            if let Some(pipeline) = category.pipeline() {
                self.left(pipeline, index, step);
            }
            self.end.dates = self.visit_dates();
        }
    }

    fn visit(
        &mut self,
        index: usize,
        entry: &'a Entry,
        (category, meaning): (Category, StatusMeaning),
        step: &mut Step,
    ) {
        // Holds have a reading of their own and never come here.
        let Some(standing) = meaning.standing() else { return };
        let appointment = &entry.appointment;
        let at = self.known(entry);
        let visit = &mut self.visits[at];
        if visit.shown.is_some_and(|shown| same_note(shown, appointment)) {
            self.unchanged(entry);
            return;
        }
        let earlier = visit.place;
        let rescheduled = earlier.is_some()
            && visit.shown.is_some_and(|shown| local(shown) != local(appointment));
        let first = !std::mem::replace(&mut visit.noted, true);
        visit.shown = Some(appointment);
        visit.shown_at = index;
        if earlier != Some((category, standing)) {
            visit.place = Some((category, standing));
            visit.since = entry.version.stamp;
        }
        step.what = What::Visit { category, meaning, first, rescheduled };
        self.newest.show(index, meaning.label(), category, appointment);
        self.end.dates = self.visit_dates();
        let pipeline = category.pipeline();
        match earlier.and_then(|(category, _)| category.pipeline()) {
            Some(old) if Some(old) != pipeline => self.left(old, index, step),
            _ => {}
        }
        if let Some(pipeline) = pipeline {
            self.entered(pipeline, (category, standing), index, step);
        }
    }

    /// The entry says what its record's state before says. If it was noted itself, that one
    /// arrived late, and its note would be the same again.
    fn unchanged(&mut self, entry: &Entry) {
        if entry.note == NoteState::Left
            && let Some(at) = self.by_record.get(&entry.record)
        {
            self.repeated.push(self.visits[*at].shown_at);
        }
    }

    /// Marks the steps whose notes would only repeat others, once all entries were taken.
    pub(crate) fn mark_repeated(&self, steps: &mut [Step]) {
        for index in &self.repeated {
            steps[*index].repeated = true;
        }
    }

    fn known(&mut self, entry: &'a Entry) -> usize {
        let visits = &mut self.visits;
        *self.by_record.entry(&entry.record).or_insert_with(|| {
            visits.push(Visit {
                record: &entry.record,
                noted: false,
                shown: None,
                shown_at: 0,
                place: None,
                since: entry.version.stamp,
            });
            visits.len() - 1
        })
    }

    /// A noted change of an appointment in `pipeline`.
    fn entered(
        &mut self,
        pipeline: Pipeline,
        (category, standing): (Category, Standing),
        index: usize,
        step: &mut Step,
    ) {
        let stage = match self.config.policy {
            StagePolicy::LastEvent => Stage::of(category, standing),
            StagePolicy::AllAppointments => {
                if standing.is_lost() {
                    step.superseded = self
                        .newest_live(pipeline)
                        .map(|live| Superseded { pipeline, live: live.shown.and_then(date) });
                }
                self.deciding_stage(pipeline)
            }
        };
        if let Some(stage) = stage {
            step.shifts[pipeline as usize] = Some(self.set(stage, index));
            self.tags[stage.tag() as usize].get_or_insert(index);
        }
    }

    /// An appointment went out of `pipeline`. The vendor knows no such event, so under its policy
    /// the stage stays.
    fn left(&mut self, pipeline: Pipeline, index: usize, step: &mut Step) {
        if self.config.policy == StagePolicy::LastEvent {
            return;
        }
        let shift = match (self.deciding_stage(pipeline), self.end.stages[pipeline as usize]) {
            (Some(stage), _) => {
                self.tags[stage.tag() as usize].get_or_insert(index);
                self.set(stage, index)
            }
            (None, Some(_)) => match self.set(pipeline.lost(), index) {
                Shift::Moved(stage) => Shift::Vacated(stage),
                shift => shift,
            },
            (None, None) => return,
        };
        step.shifts[pipeline as usize] = Some(shift);
    }

    fn set(&mut self, stage: Stage, index: usize) -> Shift {
        let slot = &mut self.end.stages[stage.pipeline() as usize];
        if slot.is_some_and(|(present, _)| present == stage) {
            return Shift::Stays(stage);
        }
        *slot = Some((stage, index));
        self.end.opened[stage.pipeline() as usize].get_or_insert(index);
        Shift::Moved(stage)
    }

    fn in_pipeline(
        &self,
        pipeline: Pipeline,
    ) -> impl Iterator<Item = (&Visit<'a>, Category, Standing)> + Clone {
        self.visits.iter().filter_map(move |visit| {
            let (category, standing) = visit.place?;
            (category.pipeline() == Some(pipeline)).then_some((visit, category, standing))
        })
    }

    /// The latest change decides, but a lost visit does not count while another one is live.
    fn deciding_stage(&self, pipeline: Pipeline) -> Option<Stage> {
        let visits = self.in_pipeline(pipeline);
        let any_live = visits.clone().any(|(_, _, standing)| standing == Standing::Live);
        visits
            .filter(|(_, _, standing)| !(any_live && standing.is_lost()))
            .max_by_key(|(visit, category, standing)| {
                let weight = match standing {
                    Standing::Fulfilled => 2,
                    Standing::Live => 1,
                    Standing::Cancelled | Standing::NoShow => 0,
                };
                let surgery = *category == Category::SurgicalAppointment;
                (visit.since, weight, surgery, Reverse(visit.record))
            })
            .and_then(|(_, category, standing)| Stage::of(category, standing))
    }

    fn newest_live(&self, pipeline: Pipeline) -> Option<&Visit<'a>> {
        self.in_pipeline(pipeline)
            .filter(|(_, _, standing)| *standing == Standing::Live)
            .map(|(visit, ..)| visit)
            .max_by_key(|visit| (visit.since, Reverse(visit.record)))
    }

    fn visit_dates(&self) -> Dates {
        let mut dates = Dates::default();
        for visit in &self.visits {
            let (Some((_, standing)), Some(date)) = (visit.place, visit.shown.and_then(date))
            else {
                continue;
            };
            if standing == Standing::Live && date >= self.today {
                dates.next = Some(dates.next.map_or(date, |next| next.min(date)));
            } else if standing == Standing::Fulfilled {
                dates.last = dates.last.max(Some(date));
            }
        }
        dates
    }
}

/// The calendar date comes from the wall clock alone: some vendors print a wrong offset beside it.
fn date(appointment: &Appointment) -> Option<NaiveDate> {
    appointment.start.map(|start| start.date())
}

fn local(appointment: &Appointment) -> Option<chrono::NaiveDateTime> {
    appointment.start.map(|start| start.local)
}
