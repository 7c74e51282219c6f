use std::collections::{BTreeMap, BTreeSet};

use cannula::{
    core::{ContactId, ParkReason, Result, Subject},
    sync::{CrmFlow, Engine, Outcome},
};
use cannula_sandbox::Sandbox;

use crate::{Depth, Truth, compare};

/// How the CRM differs from the truth, in words.
///
/// # Errors
/// If the store fails.
pub async fn differences(
    truth: &Truth,
    sandbox: &Sandbox,
    engine: &Engine<CrmFlow>,
    depth: Depth,
) -> Result<Vec<String>> {
    let conflicts = conflicts(engine, truth).await?;
    Ok(compare(truth, &sandbox.crm(), &links(engine).await?, &conflicts, depth))
}

/// Which contact each person is linked to.
///
/// # Errors
/// If the store fails.
pub async fn links(engine: &Engine<CrmFlow>) -> Result<BTreeMap<Subject, ContactId>> {
    let mut links = BTreeMap::new();
    engine
        .for_each_state(|subject, state| {
            if let Some(contact) = &state.links().contact {
                links.insert(subject.clone(), contact.clone());
            }
        })
        .await?;
    Ok(links)
}

/// Those who wait because their e-mail or phone belongs to somebody else's contact.
///
/// # Errors
/// If the store fails.
pub async fn conflicts(engine: &Engine<CrmFlow>, truth: &Truth) -> Result<BTreeSet<Subject>> {
    let mut conflicts = BTreeSet::new();
    for (subject, _) in truth.contacts() {
        let lines = engine.explain(subject).await?;
        if lines
            .iter()
            .any(|line| matches!(&line.outcome, Outcome::Held(ParkReason::ContactConflict { .. })))
        {
            conflicts.insert(subject.clone());
        }
    }
    Ok(conflicts)
}
