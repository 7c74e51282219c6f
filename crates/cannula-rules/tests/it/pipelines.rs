//! Every row of the pipeline tables: a person's first appointment, in each category and status.

use std::fmt::Write as _;

use cannula_rules::{PersonState, StagePolicy};

use crate::support::{Crm, PATIENT, event, instant, outcome, rules, status_word};

#[test]
fn every_category_and_status_has_its_stage_and_tag_under_both_policies() {
    insta::glob!("../cases", "pipelines/*.csv", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut table = String::new();
        for line in text.lines().skip(1) {
            let (category, status) = line.split_once(',').unwrap();
            for (policy, name) in [
                (StagePolicy::AllAppointments, "all_appointments"),
                (StagePolicy::LastEvent, "last_event"),
            ] {
                let result = only_appointment(policy, category, status);
                writeln!(table, "{category} | {status} | {name} | {result}").unwrap();
            }
        }
        insta::assert_snapshot!(table);
    });
}

fn only_appointment(policy: StagePolicy, category: &str, status: &str) -> String {
    let events = [
        event(PATIENT),
        event(&format!("2026-03-02 10:00 | A | {category} | {status} | 2026-03-10 09:00")),
    ];
    let plan = rules(policy).decide(PersonState::default(), &events, instant("2026-03-02 10:05"));
    let (_, verdict) = plan.verdicts.iter().find(|(id, _)| *id == events[1].id).cloned().unwrap();
    let mut crm = Crm::default();
    crm.deliver_all(plan);
    let stage = crm.stages.iter().next().map_or("no stage".to_owned(), |(pipeline, at)| {
        format!("{pipeline} / {} ({})", at.0, status_word(at.1))
    });
    let tags = if crm.tags.is_empty() {
        "no tag".to_owned()
    } else {
        crm.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let note = crm.notes.first().map_or("no note", |(_, body)| body.lines().next().unwrap());
    format!("{stage} | {tags} | {note} | {}", outcome(&verdict.outcome))
}
