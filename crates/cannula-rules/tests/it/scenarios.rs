//! Histories: what each event does, in words, and what the CRM holds in the end.
//!
//! A file has directives (`now:`, `patient: unknown`, `policy: last_event`, `opportunities: update
//! only`, `document: row`, `amend: row`, `show: notes`) and events in the order of arrival.

use std::fmt::Write as _;

use cannula_core::Event;
use cannula_rules::{PersonState, Plan, Rules, StagePolicy};
use chrono::{DateTime, Utc};

use crate::support::{Crm, PATIENT, config, document, effect, event, instant, outcome};

#[derive(Default)]
struct Scenario {
    now: Option<DateTime<Utc>>,
    last_event: bool,
    update_only: bool,
    show_notes: bool,
    patient_unknown: bool,
    rows: String,
    amended: String,
    lines: Vec<String>,
}

impl Scenario {
    fn parse(text: &str) -> Self {
        let mut scenario = Self::default();
        for line in text.lines().map(str::trim) {
            match line.split_once(": ") {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some(("now", at)) => scenario.now = Some(instant(at)),
                Some(("policy", "last_event")) => scenario.last_event = true,
                Some(("opportunities", "update only")) => scenario.update_only = true,
                Some(("show", "notes")) => scenario.show_notes = true,
                Some(("patient", "unknown")) => scenario.patient_unknown = true,
                Some(("document", row)) => writeln!(scenario.rows, "{row}").unwrap(),
                Some(("amend", row)) => writeln!(scenario.amended, "{row}").unwrap(),
                _ => scenario.lines.push(line.to_owned()),
            }
        }
        if !scenario.patient_unknown && !scenario.lines.iter().any(|l| l.contains("| patient |")) {
            scenario.lines.insert(0, PATIENT.to_owned());
        }
        scenario
    }

    fn rules(&self, policy: StagePolicy, rows: &str) -> Rules {
        let mut config = config(policy);
        config.create_opportunities = !self.update_only;
        Rules::new(config, document(rows))
    }

    fn run(&self, policy: StagePolicy) -> (String, Crm) {
        let (mut text, mut crm) = (String::new(), Crm::default());
        let mut state = PersonState::default();
        let rules = self.rules(policy, &self.rows);
        let events: Vec<Event> = self.lines.iter().map(|line| event(line)).collect();
        for (line, event) in self.lines.iter().zip(&events) {
            // Without `now:`, every event is decided when it happens.
            let now = self.now.unwrap_or(event.version.stamp);
            let plan = rules.decide(state, std::slice::from_ref(event), now);
            writeln!(text, "{line}").unwrap();
            self.tell(&mut text, &plan, &events);
            state = crm.deliver_all(plan);
        }
        if !self.amended.is_empty() {
            let rules = self.rules(policy, &format!("{}{}", self.rows, self.amended));
            let now = self.now.or(events.last().map(|event| event.version.stamp)).unwrap();
            writeln!(text, "document amended, decided again without events").unwrap();
            let plan = rules.decide(state, &[], now);
            self.tell(&mut text, &plan, &events);
            crm.deliver_all(plan);
        }
        (text, crm)
    }

    fn tell(&self, text: &mut String, plan: &Plan, events: &[Event]) {
        for (id, verdict) in &plan.verdicts {
            let line = events.iter().position(|event| event.id == *id).unwrap();
            let outcome = outcome(&verdict.outcome);
            writeln!(text, "    [{}] {outcome}", self.lines[line]).unwrap();
            for reason in &verdict.reasons {
                writeln!(text, "        {}", reason.sentence()).unwrap();
            }
        }
        if let Some(key) = &plan.wants {
            writeln!(text, "    wants {key}").unwrap();
        }
        for planned in &plan.effects {
            writeln!(text, "    > {}", effect(&planned.effect)).unwrap();
        }
    }
}

#[test]
fn each_scenario_ends_as_its_snapshot_says() {
    insta::glob!("../cases", "scenarios/*.txt", |path| {
        let scenario = Scenario::parse(&std::fs::read_to_string(path).unwrap());
        let (all, crm) = scenario.run(StagePolicy::AllAppointments);
        let (last, vendor) = scenario.run(StagePolicy::LastEvent);
        let mut text = if scenario.last_event { last } else { all };
        if crm == vendor {
            write!(text, "\nIn the end, under both policies\n{}", crm.describe()).unwrap();
        } else {
            write!(text, "\nIn the end, all_appointments\n{}", crm.describe()).unwrap();
            write!(text, "\nIn the end, last_event\n{}", vendor.describe()).unwrap();
        }
        if scenario.show_notes {
            for (_, note) in &crm.notes {
                write!(text, "\n--- note\n{note}\n").unwrap();
            }
        }
        insta::assert_snapshot!(text);
    });
}
