#![allow(clippy::print_stdout, reason = "tables are what these programs are for")]

use std::io::{IsTerminal, stdout};

use comfy_table::{ContentArrangement, Row, Table, presets::UTF8_FULL_CONDENSED};

use crate::{Explained, Figures, RejectedFigure};

/// How wide tables are where there is no terminal to ask.
const WIDTH: u16 = 100;

/// Prints the figures for people: first what was done, then the tables.
pub fn print(figures: &Figures) {
    println!("{}", figures.headline());
    let events = &figures.events;
    show(
        "Events by outcome (all runs on this store)",
        ["done", "parked", "dead", "waiting", "rejected rows", "people"],
        [[
            events.done,
            events.parked,
            events.dead,
            figures.waiting(),
            events.rejected,
            events.subjects,
        ]
        .map(|count| count.to_string())],
    );
    for board in &figures.boards {
        let rows = board.stages.iter().map(|it| [it.stage.clone(), it.people.to_string()]);
        show(&format!("Pipeline “{}”", board.pipeline), ["stage", "people"], rows);
    }
    let parked = figures
        .parked
        .iter()
        .map(|parked| [parked.events.to_string(), parked.reason.clone(), parked.next_step.clone()]);
    show("Parked: waiting for a person", ["events", "why", "next step"], parked);
    let dead = figures.dead.iter().map(|letter| [letter.subject.clone(), letter.error.clone()]);
    show("Refused for good", ["person", "why"], dead);
    show_rejected(&figures.rejected);
    show("API calls of this run", ["vendor", "call", "count"], calls(figures));
}

/// Prints what could not be read.
pub(crate) fn show_rejected(rejected: &[RejectedFigure]) {
    let rows = rejected
        .iter()
        .map(|row| [row.record.clone().unwrap_or_default(), row.path.clone(), row.problem.clone()]);
    show("Rows that could not be read", ["record", "where", "problem"], rows);
}

/// Every operation, under the sum of its vendor.
fn calls(figures: &Figures) -> Vec<[String; 3]> {
    let row = |vendor: &str, call: &str, count: u64| {
        [vendor.to_owned(), call.to_owned(), count.to_string()]
    };
    let mut rows = Vec::new();
    for (vendor, sum) in &figures.api_calls {
        rows.push(row(vendor, "all", *sum));
        let operations = figures.api_operations.get(vendor).into_iter().flatten();
        rows.extend(operations.map(|(operation, count)| row("", operation, *count)));
    }
    rows
}

/// Prints one patient's events, oldest first, on the practice's clock.
pub fn print_explained(explained: &Explained) {
    if let Some(hint) = &explained.hint {
        println!("\n{hint}");
        return;
    }
    match &explained.contact {
        Some(contact) => println!("\nPatient {} (contact {contact})", explained.patient),
        None => println!("\nPatient {} (no contact in the CRM)", explained.patient),
    }
    for event in &explained.events {
        let (when, record) = (event.when.format("%Y-%m-%d %H:%M %Z"), &event.record);
        println!("\n{when} {} {}", record.kind, record.id);
        for sentence in &event.sentences {
            println!("  {sentence}");
        }
    }
}

/// Prints one table; an empty one is left out.
pub fn show(title: &str, header: impl Into<Row>, rows: impl IntoIterator<Item = impl Into<Row>>) {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header)
        .add_rows(rows);
    if !stdout().is_terminal() {
        table.set_width(WIDTH);
    }
    if !table.is_empty() {
        println!("\n{title}\n{table}");
    }
}
