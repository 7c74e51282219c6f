use std::collections::BTreeSet;

use cannula::{
    core::{Event, RecordKind, Result},
    sync::{CrmFlow, Engine, Store},
};

use crate::{Depth, Emr, Inbox, Truth, World, differences};

/// What is not as it must be, in words, where states may come and go unseen: webhooks only point
/// at records, and a process that is down sees nothing.
///
/// 1. Nothing is made up: every state in the store is one that the practice's true history has,
///    and had by the time it was read.
/// 2. Nothing is lost: the newest state of every record in the true history was read.
/// 3. The CRM is the fold of the rules over those true states: persons, fields, tags, stages,
///    values, and a note with its title for each state that is to be noted, no reference twice.
///    With the second it follows that the newest note of each record is that of its newest state.
/// 4. Whatever depends on how things are, and not on how they came to be, is that of the *whole*
///    true history, seen states and unseen: the set of persons, their data, the fields, membership
///    and members' tag, lifetime value and what opportunities are worth. Tags and stages follow the
///    way there: somebody who booked and cancelled before anybody looked was never tagged as booked.
///
/// On Zenoti some guests turn out to be others meanwhile, and their rows go on naming ids that are
/// dead. When that is learnt is left to chance as well. So in the first and second, a record is that
/// of whoever is left in the end, and in the third whoever was left is left out: its contact may be
/// the other's, with the other's notes. In the fourth nothing is left out: a guest who is no more
/// has no data, no visits and no money, and the one who is left has all of it.
///
/// Three things no client can know, so they are left out: that a customer of PatientNow was edited,
/// which no webhook tells and no filter finds; in Zenoti, which says of no record when it changed,
/// which appointment was the last to change; and an invoice of Zenoti's that no visit leads to, if
/// its only webhook is lost.
///
/// # Errors
/// If the store fails.
pub async fn untold(
    world: &World,
    engine: &Engine<CrmFlow>,
    store: &dyn Store,
) -> Result<Vec<String>> {
    let emr = world.config.emr;
    let unfindable = world.unfindable();
    let mut history = world.history();
    history.retain(|(_, event)| !unfindable.contains(&event.key.id));
    let inbox = Inbox::of(engine, store).await?;
    let mut wrong = inbox.strangers(&history);
    let mut unread = inbox.unread(&history);
    unread.retain(|(key, _)| emr != Emr::PatientNow || key.kind != RecordKind::Patient);
    wrong.extend(unread.into_iter().map(|(_, words)| words));
    let whole = if emr == Emr::Zenoti { Depth::Undated } else { Depth::State };
    let seen: Vec<Event> = inbox.events().cloned().collect();
    for (depth, events) in [(Depth::Titles, seen), (whole, inbox.among(&history))] {
        let truth = Truth::all(events, &world.rules(), world.now());
        let all = differences(&truth, &world.sandbox, engine, depth).await?;
        wrong.extend(all.into_iter().map(|words| format!("{depth:?}: {words}")));
    }
    for contact in world.sandbox.crm().contacts {
        // A note's last line is its reference.
        let references: Vec<_> = contact.notes.iter().filter_map(|it| it.lines().last()).collect();
        let distinct: BTreeSet<_> = references.iter().collect();
        if distinct.len() < references.len() {
            wrong.push(format!("a reference twice: {contact:#?}"));
        }
    }
    Ok(wrong)
}
