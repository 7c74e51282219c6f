//! What staff do with tags, and what the contact bears in the end.
//!
//! A line of a file under `cases/intake/scenarios` is one of
//!
//! - `contact: tag, tag` or `contact: gone`: what the CRM shows from now on;
//! - `seen: tag, tag`: an event, not decided yet;
//! - `answer: …`: what the register answers from now on;
//! - `decide`: decides and delivers until nothing is left; `decide, deliver N` delivers N effects
//!   of the first plan and ends; `decide, contact gone` finds at the first note that it is gone.

use std::fmt::Write as _;

use cannula_core::{Candidate, CrmContact, CrmEffect, Event, EventId, Phi, Record, TaggedContact};
use cannula_rules::intake::{
    Fault, FieldProblem, ForeignTag, Intake, IntakeConfig, IntakeEffect, IntakePlan, IntakeReceipt,
    IntakeState, Registered, Registrant,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{FIVE, contact, registry};
use crate::support::instant;

fn intake() -> Intake {
    let mut config = IntakeConfig::new(vec!["NXT Create".to_owned()]);
    let product = "the other product".to_owned();
    config.foreign_tags.push(ForeignTag { tag: "NXT-Create".to_owned(), product });
    Intake::new(config, registry(&FIVE))
}

fn noon() -> DateTime<Utc> {
    instant("2026-03-02 12:00")
}

struct Desk {
    intake: Intake,
    state: IntakeState,
    contact: Option<Vec<String>>,
    answer: Registered,
    pending: Vec<Event>,
    names: Vec<EventId>,
    log: String,
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

fn answer(text: &str) -> Registered {
    let registrant =
        || Registrant { patient: "p1".into(), chart: Some(Phi::new("4711".to_owned())) };
    let problem = |field: &str, message: &str| FieldProblem {
        field: field.to_owned(),
        fault: Fault::Missing,
        message: message.to_owned(),
    };
    let candidate = |patient: &str, agrees: &str, differs: &str| Candidate {
        patient: patient.into(),
        agrees: agrees.to_owned(),
        differs: differs.to_owned(),
    };
    match text {
        "created" => Registered::Created(registrant()),
        "linked" => Registered::Linked(registrant()),
        "confirmed" => Registered::Confirmed(registrant()),
        "incomplete" => Registered::Incomplete(vec![
            problem("Email", "is missing"),
            problem(
                "NXT Location",
                "must be spelled “Main Street”, with the same capitals and spaces",
            ),
        ]),
        "several" => Registered::Several(vec![
            (candidate("p7", "name, phone", "birth date"), Some(Phi::new("17".to_owned()))),
            (candidate("p8", "name, birth date", "e-mail, phone"), None),
        ]),
        "refused" => Registered::Refused("the state is not one it knows".to_owned()),
        other => panic!("{other}"),
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            intake: intake(),
            state: IntakeState::default(),
            contact: Some(Vec::new()),
            answer: answer("created"),
            pending: Vec::new(),
            names: Vec::new(),
            log: String::new(),
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.log, "{line}").unwrap();
        match line.split_once(": ").unwrap_or((line, "")) {
            ("contact", "gone") => self.contact = None,
            ("contact", on) => self.contact = Some(tags(on)),
            ("seen", seen) => {
                let at = noon() + TimeDelta::minutes(self.names.len() as i64);
                let record =
                    Record::TaggedContact(TaggedContact { id: "c1".into(), tags: tags(seen) });
                let event = Event::new("crm".into(), "c1".into(), record, Some(at), at);
                self.names.push(event.id.clone());
                self.pending.push(event);
            }
            ("answer", text) => self.answer = answer(text),
            ("decide", _) => self.decide(usize::MAX, false),
            ("decide, contact gone", _) => self.decide(usize::MAX, true),
            (other, _) => {
                let count = other.strip_prefix("decide, deliver ").unwrap();
                self.decide(count.parse().unwrap(), false);
            }
        }
    }

    /// As the engine does it.
    fn decide(&mut self, limit: usize, goes: bool) {
        let mut events = std::mem::take(&mut self.pending);
        loop {
            let state = std::mem::take(&mut self.state);
            let mut plan = self.intake.decide(state, &events, noon());
            self.told(&plan);
            if let (Some(key), Some(on)) = (&plan.wants, &self.contact) {
                let read = CrmContact { tags: on.clone(), ..contact() };
                let record = Record::Contact(read);
                events.push(Event::new(key.practice.clone(), key.id.clone(), record, None, noon()));
                plan = self.intake.decide(plan.state, &events, noon());
                self.told(&plan);
            }
            self.state = plan.state;
            let mut register = false;
            for (_, effect) in plan.effects.iter().take(limit) {
                if goes && matches!(effect, IntakeEffect::Crm(_)) {
                    self.contact = None;
                    self.state.link_broken();
                    register = true;
                    break;
                }
                register |= matches!(effect, IntakeEffect::Register(_));
                let receipt = self.deliver(effect);
                self.state.applied(effect, &receipt);
            }
            if !register || limit != usize::MAX {
                break;
            }
            events.clear();
        }
    }

    fn deliver(&mut self, effect: &IntakeEffect) -> IntakeReceipt {
        if matches!(effect, IntakeEffect::Crm(_)) {
            assert_eq!(self.state.links().contact, Some("c1".into()));
        }
        let text = match effect {
            IntakeEffect::Register(asked) => {
                let told: Vec<_> = asked.told.iter().map(ToString::to_string).collect();
                writeln!(self.log, "  > register, told before: [{}]", told.join(", ")).unwrap();
                return IntakeReceipt::Registered(self.answer.clone());
            }
            IntakeEffect::Link(link) => format!("link {} to {}", link.contact, link.patient),
            IntakeEffect::Crm(CrmEffect::Note(note)) => {
                format!("note\n      {}", note.body.expose().replace('\n', "\n      "))
            }
            IntakeEffect::Crm(CrmEffect::AddTags { tags }) => {
                let on = self.contact.as_mut().unwrap();
                on.extend(tags.iter().map(|tag| tag.to_lowercase()));
                on.sort();
                on.dedup();
                format!("add {}", tags.join(", "))
            }
            IntakeEffect::Crm(CrmEffect::RemoveTags { tags }) => {
                self.contact.as_mut().unwrap().retain(|tag| !tags.contains(tag));
                format!("remove {}", tags.join(", "))
            }
            IntakeEffect::Crm(other) => panic!("{other}"),
        };
        writeln!(self.log, "  > {text}").unwrap();
        IntakeReceipt::Applied
    }

    fn told(&mut self, plan: &IntakePlan) {
        for (event, verdict) in &plan.verdicts {
            let name = self.names.iter().position(|it| it == event);
            let name = name.map_or("contact".to_owned(), |index| format!("#{}", index + 1));
            let outcome = crate::support::outcome(&verdict.outcome);
            writeln!(self.log, "  {name} {outcome}").unwrap();
            for reason in &verdict.reasons {
                writeln!(self.log, "      {}", reason.sentence()).unwrap();
            }
        }
    }

    fn end(mut self) -> String {
        let on = self.contact.as_ref().map_or("gone".to_owned(), |tags| tags.join(", "));
        writeln!(self.log, "in the end: {on}").unwrap();
        // References are digests; a snapshot needs only know whose they are.
        for (index, event) in self.names.iter().enumerate() {
            self.log = self.log.replace(event.reference(), &format!("<#{}>", index + 1));
        }
        let json = serde_json::to_string(&self.state).unwrap();
        assert_eq!(serde_json::from_str::<IntakeState>(&json).unwrap(), self.state);
        let again = self.intake.decide(self.state.clone(), &[], noon());
        assert_eq!(again.state, self.state, "deciding without news changes nothing");
        self.log
    }
}

#[test]
fn each_contact_ends_as_its_snapshot_says() {
    insta::glob!("../../cases", "intake/scenarios/*.txt", |path| {
        let mut desk = Desk::new();
        let file = std::fs::read_to_string(path).unwrap();
        for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            desk.line(line);
        }
        insta::assert_snapshot!(desk.end());
    });
}

#[test]
fn an_event_that_is_known_changes_nothing() {
    let mut desk = Desk::new();
    desk.answer = answer("several");
    for line in ["contact: nxt create", "seen: nxt create", "seen: nxt create"] {
        desk.line(line);
    }
    let events = desk.pending.clone();
    desk.line("decide");
    let again = desk.intake.decide(desk.state.clone(), &events, noon());
    assert!(again.effects.is_empty() && again.wants.is_none());
    assert_eq!(again.state, desk.state);
    assert_eq!(again.verdicts.len(), 2);
}

#[test]
fn effects_and_state_show_no_personal_data_in_debug_output() {
    let mut desk = Desk::new();
    for line in ["contact: nxt create", "seen: nxt create", "decide, deliver 1"] {
        desk.line(line);
    }
    let plan = desk.intake.decide(desk.state, &[], noon());
    assert_eq!(plan.effects.len(), 4);
    let text = format!("{plan:?}");
    for secret in ["4711", "Mina", "mina@", "555"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
