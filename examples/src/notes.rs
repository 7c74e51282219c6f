#![allow(clippy::print_stdout, reason = "notes are shown to whoever runs the program")]

use cannula::{
    aesthetix::Aesthetix,
    core::{ErrorKind, Result},
    rules::PersonState,
    sync::{CrmFlow, Engine},
};

/// Prints the notes of the contact that has most of them, as the CRM shows them.
///
/// # Errors
/// If the store or the CRM fails.
pub async fn print_notes(engine: &Engine<CrmFlow>, crm: &Aesthetix) -> Result<()> {
    let mut most = None;
    engine
        .for_each_state(|subject, state: &PersonState| {
            if let Some(contact) = &state.links().contact {
                let candidate = (state.notes_left(), contact.clone(), subject.person.clone());
                most = most.take().max(Some(candidate));
            }
        })
        .await?;
    let Some((_, contact, patient)) = most else { return Ok(()) };
    let notes = match crm.client().notes(&contact).await {
        Ok(notes) => notes,
        // A sandbox's CRM starts empty with every run; these notes were left in an earlier one.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    println!("\nNotes of contact {contact} (patient {patient}), as the CRM shows them");
    for note in notes {
        println!("\n  {}", note.body.expose().replace('\n', "\n  "));
    }
    Ok(())
}
