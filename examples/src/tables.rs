#![allow(clippy::print_stdout, reason = "tables are what these programs are for")]

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use crate::Figures;

/// Prints the figures as tables, each with a heading.
pub fn print(figures: &Figures) {
    let events = &figures.events;
    show(
        "Events by outcome (all runs on this store)",
        ["done", "parked", "dead", "waiting", "rejected rows", "people"],
        [[
            events.done,
            events.parked,
            events.dead,
            events.pending + events.delivering,
            events.rejected,
            events.subjects,
        ]
        .map(|count| count.to_string())],
    );
    for (pipeline, stages) in &figures.boards {
        let rows = stages.iter().map(|(stage, people)| [stage.clone(), people.to_string()]);
        show(&format!("Pipeline “{pipeline}”"), ["stage", "people"], rows);
    }
    let parked = figures.parked.iter().map(|parked| {
        [parked.events.to_string(), parked.reason.clone(), parked.next_step.clone()]
    });
    show("Parked: waiting for a person", ["events", "why", "next step"], parked);
    let dead = figures.dead.iter().map(|letter| [letter.subject.clone(), letter.error.clone()]);
    show("Refused for good", ["person", "why"], dead);
    let rejected = figures.rejected.iter().map(|row| {
        [row.record.clone().unwrap_or_default(), row.path.clone(), row.problem.clone()]
    });
    show("Rows that could not be read", ["record", "where", "problem"], rejected);
    let calls = figures.api_calls.iter().flat_map(|(vendor, calls)| {
        calls
            .iter()
            .map(|(operation, count)| [vendor.to_string(), operation.to_string(), count.to_string()])
    });
    show("API calls of this run", ["vendor", "call", "count"], calls);
    if figures.new_events == 0 {
        println!("\nNothing new: every event of this practice was already in the store.");
    } else {
        println!(
            "\n{} new events became {} notes and {} stage moves in {:.1} s, with {:.2} CRM calls per event.",
            figures.new_events,
            figures.notes,
            figures.stage_moves,
            figures.seconds,
            figures.calls_per_event
        );
    }
}

/// Prints one table; an empty one is left out.
fn show<const N: usize>(
    title: &str,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header)
        .add_rows(rows);
    if !table.is_empty() {
        println!("\n{title}\n{table}");
    }
}
