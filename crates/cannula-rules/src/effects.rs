//! What is still to be written: the projection minus what the CRM is known to hold.

use std::collections::BTreeMap;

use cannula_core::{
    ContactWrite, CrmEffect, EventId, FieldValue, Money, OpportunityValue, Phi, StageMove,
};
use chrono::NaiveDate;

use crate::{
    Category, Planned, RulesConfig,
    ledger::Books,
    membership::{MembershipEntry, MembershipStep, Roll},
    membership_telling,
    note::note,
    patient::KnownPatient,
    payment::Scope,
    payment_note,
    person::{Entry, NoteState, PersonState, Place, Written},
    registration,
    table::{Pipeline, Stage, Tag},
    walk::{Step, Walk},
    worth::Worth,
};

/// A finished walk beside the state it was made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection<'a> {
    pub(crate) config: &'a RulesConfig,
    pub(crate) state: &'a PersonState,
    pub(crate) patient: &'a KnownPatient,
    pub(crate) walk: &'a Walk<'a>,
    pub(crate) steps: &'a [Step],
    pub(crate) books: &'a Books,
    pub(crate) worth: &'a Worth,
    pub(crate) roll: &'a Roll,
    /// The newest event that was passed in; `None` when only planning again.
    pub(crate) latest: Option<&'a EventId>,
}

impl Projection<'_> {
    /// The effects in the order of delivery: the contact first, because all else hangs on it.
    pub(crate) fn effects(&self) -> Vec<Planned> {
        let mut effects = Vec::new();
        effects.extend(self.contact());
        effects.extend(self.tags_to_add());
        effects.extend(self.member_tag());
        effects.extend(self.tags_to_remove());
        effects.extend(self.registration_note());
        effects.extend(self.notes());
        effects.extend(self.payment_notes());
        effects.extend(self.membership_notes());
        effects.extend(Pipeline::ALL.into_iter().filter_map(|pipeline| self.stage(pipeline)));
        effects.extend(Pipeline::ALL.into_iter().filter_map(|pipeline| self.value(pipeline)));
        effects
    }

    /// The event that a write about the person as a whole is attributed to.
    fn cause(&self) -> EventId {
        let newest = || self.walk.newest.entry.map(|index| &self.entry(index).event);
        self.latest.or_else(newest).unwrap_or(&self.patient.event).clone()
    }

    fn entry(&self, index: usize) -> &Entry {
        &self.state.history[index]
    }

    fn written(&self) -> &Written {
        &self.state.written
    }

    fn contact(&self) -> Option<Planned> {
        let person = self.patient.person();
        let written = self.written();
        let write_person = written.person.as_ref() != Some(&person) || !written.taken.is_empty();
        let fields = self.changed_fields();
        let needed = self.state.links.contact.is_none() || write_person || !fields.is_empty();
        needed.then(|| Planned {
            cause: self.cause(),
            effect: CrmEffect::Contact(ContactWrite { person, write_person, fields }),
        })
    }

    fn changed_fields(&self) -> BTreeMap<String, FieldValue> {
        let (names, newest) = (&self.config.fields, &self.walk.newest);
        let kind = newest.kind();
        let membership = self.membership_shown().map(|entry| &entry.membership);
        let texts = [
            (&names.appointment_status, newest.status),
            (&names.appointment_type, kind.as_deref()),
            (&names.appointment_category, newest.category.map(Category::name)),
            (&names.location, newest.location),
            (&names.membership, membership.map(|it| it.name.as_str()).filter(|it| !it.is_empty())),
            (&names.membership_status, membership.map(|it| it.status.label())),
        ];
        let dates = [
            (&names.next_visit_date, self.walk.end.dates.next, true),
            (&names.last_visit_date, self.walk.end.dates.last, true),
            (&names.birthday, self.patient.birth_date(), false),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| {
            self.text_change(name, text?).map(|value| (name.clone(), value))
        });
        let dates = dates.into_iter().filter_map(|(name, date, clear)| {
            self.date_change(name, date, clear).map(|value| (name.clone(), value))
        });
        let money = self.worth.lifetime.ok().flatten().and_then(|value| {
            let name = &names.lifetime_value;
            self.money_change(name, value).map(|value| (name.clone(), value))
        });
        texts.chain(dates).chain(money).collect()
    }

    /// The membership that the fields show, and the members' tag goes by.
    fn membership_shown(&self) -> Option<&MembershipEntry> {
        let shown = self.roll.shown.filter(|_| self.config.memberships.enabled)?;
        self.state.memberships.entries().get(shown)
    }

    fn text_change(&self, name: &str, text: &str) -> Option<FieldValue> {
        match self.written().fields.get(name) {
            Some(FieldValue::Text(present)) if present.expose() == text => None,
            _ => Some(FieldValue::Text(text.to_owned().into())),
        }
    }

    fn date_change(&self, name: &str, date: Option<NaiveDate>, clear: bool) -> Option<FieldValue> {
        match (self.written().fields.get(name), date) {
            (Some(FieldValue::Date(present)), Some(date)) if *present.expose() == date => None,
            (_, Some(date)) => Some(FieldValue::Date(date.into())),
            (Some(_), None) if clear => Some(FieldValue::Empty),
            (_, None) => None,
        }
    }

    fn money_change(&self, name: &str, money: Money) -> Option<FieldValue> {
        match self.written().fields.get(name) {
            Some(FieldValue::Money(present)) if *present.expose() == money => None,
            _ => Some(FieldValue::Money(money.into())),
        }
    }

    fn tags_to_add(&self) -> Option<Planned> {
        let missing = Tag::ALL.into_iter().filter_map(|tag| {
            let index = self.walk.tags[tag as usize]?;
            let name = self.config.tag_name(tag);
            (!self.written().tags.contains(name)).then(|| (index, name.to_owned()))
        });
        let (indices, tags): (Vec<_>, Vec<_>) = missing.unzip();
        let newest = indices.into_iter().max()?;
        let cause = self.entry(newest).event.clone();
        Some(Planned { cause, effect: CrmEffect::AddTags { tags } })
    }

    fn member_tag(&self) -> Option<Planned> {
        let name = &self.config.tags.member;
        let wanted = self.roll.any_active && !self.written().tags.contains(name);
        let entry = self.membership_shown().filter(|_| wanted)?;
        let effect = CrmEffect::AddTags { tags: vec![name.clone()] };
        Some(Planned { cause: entry.event.clone(), effect })
    }

    /// Tags that we added and the fold no longer calls for, after a late arrival or an amended
    /// document. Tags of others are none of our business.
    fn tags_to_remove(&self) -> Option<Planned> {
        // Once memberships are switched off their tag is staff's.
        let member = self.roll.any_active || !self.config.memberships.enabled;
        let wanted = |name: &str| {
            if name == self.config.tags.member {
                return member;
            }
            let of = |tag: &Tag| self.config.tag_name(*tag) == name;
            Tag::ALL.iter().any(|tag| of(tag) && self.walk.tags[*tag as usize].is_some())
        };
        let tags: Vec<_> =
            self.written().tags.iter().filter(|name| !wanted(name)).cloned().collect();
        (!tags.is_empty())
            .then(|| Planned { cause: self.cause(), effect: CrmEffect::RemoveTags { tags } })
    }

    fn notes(&self) -> impl Iterator<Item = Planned> {
        self.state.history.iter().zip(self.steps).filter_map(|(entry, step)| {
            if entry.note == NoteState::Left || !step.is_noted() {
                return None;
            }
            let effect = CrmEffect::Note(note(&self.config.titles, entry, &step.what)?);
            Some(Planned { cause: entry.event.clone(), effect })
        })
    }

    fn payment_notes(&self) -> impl Iterator<Item = Planned> {
        let entries = self.state.ledger.entries();
        entries.iter().zip(&self.books.steps).filter_map(move |(entry, step)| {
            if self.worth.scope != Scope::On || entry.note == NoteState::Left {
                return None;
            }
            let was = step.was.map(|index| &entries[index].payment);
            let note = payment_note::note(self.config, entry, step, was)?;
            Some(Planned { cause: entry.event.clone(), effect: CrmEffect::Note(note) })
        })
    }

    fn registration_note(&self) -> Option<Planned> {
        let registrations = &self.state.registrations;
        let due = registrations.all().get(self.state.registration_noted(self.config)?)?;
        (due.note != NoteState::Left).then(|| {
            let note = registration::note(self.config, &due.event);
            Planned { cause: due.event.clone(), effect: CrmEffect::Note(note) }
        })
    }

    fn membership_notes(&self) -> impl Iterator<Item = Planned> {
        let entries = self.state.memberships.entries();
        entries.iter().zip(&self.roll.steps).filter_map(|(entry, step)| {
            let due = self.config.memberships.enabled && *step == MembershipStep::Noted;
            (due && entry.note != NoteState::Left).then(|| {
                let note = membership_telling::note(self.config, entry);
                Planned { cause: entry.event.clone(), effect: CrmEffect::Note(note) }
            })
        })
    }

    fn stage(&self, pipeline: Pipeline) -> Option<Planned> {
        let (stage, index) = self.walk.end.stages[pipeline as usize]?;
        let name = self.config.pipeline_name(pipeline);
        let place = self.place(stage);
        let tried = self.latest.is_none() && self.written().missing.get(name) == Some(&place);
        if tried || self.written().stages.get(name) == Some(&place) {
            return None;
        }
        let person = self.patient.person();
        let full = format!("{} {}", person.first_name.expose(), person.last_name.expose());
        Some(Planned {
            cause: self.entry(index).event.clone(),
            effect: CrmEffect::Stage(StageMove {
                pipeline: name.to_owned(),
                stage: place.stage,
                status: place.status,
                title: full.trim().to_owned().into(),
                create: self.config.create_opportunities,
            }),
        })
    }

    fn value(&self, pipeline: Pipeline) -> Option<Planned> {
        let value = Phi::new(self.worth.values[pipeline as usize]?);
        let name = self.config.pipeline_name(pipeline);
        let written = self.written();
        let tried = self.latest.is_none() && written.missing_values.get(name) == Some(&value);
        if tried || written.values.get(name) == Some(&value) {
            return None;
        }
        let newest = || self.state.ledger.entries().last().map(|entry| &entry.event);
        Some(Planned {
            cause: self.latest.or_else(newest)?.clone(),
            effect: CrmEffect::Value(OpportunityValue { pipeline: name.to_owned(), value }),
        })
    }

    fn place(&self, stage: Stage) -> Place {
        Place { stage: self.config.stage_name(stage).to_owned(), status: stage.status() }
    }
}
