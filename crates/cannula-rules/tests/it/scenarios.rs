//! Histories: what each event does, in words, and what the CRM holds in the end.
//!
//! A file has directives (`now:`, `patient: unknown`, `policy: last_event`, `opportunities: update
//! only`, `document: row`, `amend: row`, `payments: switch`, `value: policy`, `then payments:
//! switch`, `set: key = value` and `then set: key = value` for memberships, contacts and titles,
//! `show: notes`) and events in the order of arrival; `&` before one makes it arrive together with
//! the one before.

use std::fmt::Write as _;

use cannula_core::{Event, Settings};
use cannula_rules::{
    PaymentPipelines, PersonState, Plan, Rules, RulesConfig, StagePolicy, ValuePolicy,
};
use chrono::{DateTime, Utc};

use crate::support::{Crm, PATIENT, config, document, effect, event, instant, outcome};

#[derive(Default)]
struct Scenario {
    now: Option<DateTime<Utc>>,
    last_event: bool,
    update_only: bool,
    show_notes: bool,
    rows: String,
    amended: String,
    payments: PaymentPipelines,
    then_payments: Option<PaymentPipelines>,
    value: ValuePolicy,
    /// Lines of the `rules` section.
    set: String,
    then_set: String,
    lines: Vec<String>,
    /// Indices of the lines that arrive with the one before.
    together: Vec<usize>,
}

fn switch(word: &str) -> PaymentPipelines {
    match word {
        "all" => PaymentPipelines::All,
        "none" => PaymentPipelines::None,
        "non_surgical" => PaymentPipelines::NonSurgical,
        other => panic!("no switch: {other}"),
    }
}

fn read(set: &str) -> RulesConfig {
    let section: serde_json::Value = toml::from_str(set).unwrap();
    let mut settings = Settings::new("rules", section);
    let config = RulesConfig::from_settings(&mut settings, RulesConfig::new(chrono_tz::Tz::UTC));
    assert_eq!(settings.finish().to_string(), "");
    config
}

impl Scenario {
    fn parse(text: &str) -> Self {
        let mut scenario = Self::default();
        let known = text.contains("patient |") || text.contains("patient: unknown");
        if !known {
            scenario.lines.push(PATIENT.to_owned());
        }
        for line in text.lines().map(str::trim) {
            match line.split_once(": ") {
                _ if line.is_empty() || line.starts_with('#') => {}
                Some(("now", at)) => scenario.now = Some(instant(at)),
                Some(("policy", "last_event")) => scenario.last_event = true,
                Some(("opportunities", "update only")) => scenario.update_only = true,
                Some(("show", "notes")) => scenario.show_notes = true,
                Some(("patient", "unknown")) => {}
                Some(("document", row)) => writeln!(scenario.rows, "{row}").unwrap(),
                Some(("payments", word)) => scenario.payments = switch(word),
                Some(("then payments", word)) => scenario.then_payments = Some(switch(word)),
                Some(("value", "since_opened")) => scenario.value = ValuePolicy::SinceOpened,
                Some(("value", "off")) => scenario.value = ValuePolicy::Off,
                Some(("set", line)) => writeln!(scenario.set, "{line}").unwrap(),
                Some(("then set", line)) => writeln!(scenario.then_set, "{line}").unwrap(),
                Some(("amend", row)) => writeln!(scenario.amended, "{row}").unwrap(),
                _ => {
                    if line.starts_with("& ") {
                        scenario.together.push(scenario.lines.len());
                    }
                    scenario.lines.push(line.trim_start_matches("& ").to_owned());
                }
            }
        }
        scenario
    }

    fn rules(
        &self,
        policy: StagePolicy,
        rows: &str,
        payments: PaymentPipelines,
        set: &str,
    ) -> Rules {
        let mut config = config(policy);
        let set = read(set);
        (config.memberships, config.contacts_for) = (set.memberships, set.contacts_for);
        config.titles = set.titles;
        config.payments.pipelines = payments;
        config.payments.opportunity_value = self.value;
        config.create_opportunities = !self.update_only;
        Rules::new(config, document(rows))
    }

    fn run(&self, policy: StagePolicy) -> (String, Crm) {
        let (mut text, mut crm) = (String::new(), Crm::default());
        let mut state = PersonState::default();
        let rules = self.rules(policy, &self.rows, self.payments, &self.set);
        let events: Vec<Event> = self.lines.iter().map(|line| event(line)).collect();
        let mut from = 0;
        while from < events.len() {
            let more = (from + 1..).take_while(|at| self.together.contains(at)).count();
            let arrived = from..from + 1 + more;
            // Without `now:`, every event is decided when it happens.
            let now = self.now.unwrap_or(events[arrived.end - 1].version.stamp);
            let plan = rules.decide(state, &events[arrived.clone()], now);
            writeln!(text, "{}", self.lines[arrived.clone()].join("\n")).unwrap();
            self.tell(&mut text, &plan, &events);
            state = crm.deliver_all(plan);
            from = arrived.end;
        }
        let switched = self.then_payments.is_some() || !self.then_set.is_empty();
        if !self.amended.is_empty() || switched {
            let payments = self.then_payments.unwrap_or(self.payments);
            let rows = format!("{}{}", self.rows, self.amended);
            let set = if self.then_set.is_empty() { &self.set } else { &self.then_set };
            let rules = self.rules(policy, &rows, payments, set);
            let now = self.now.or(events.last().map(|event| event.version.stamp)).unwrap();
            let what = match (self.amended.is_empty(), self.then_payments) {
                (false, _) => "document amended",
                (true, Some(_)) => "payments switched",
                (true, None) => "settings changed",
            };
            writeln!(text, "{what}, decided again without events").unwrap();
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
