//! The note a payment leaves on the contact.

use cannula_core::{Correction, Named, Note, Payment, RecordId};

use crate::{
    RulesConfig, TitleConfig,
    ledger::{LedgerEntry, PaymentStep},
    payment::{Movement, noun},
};

/// The note's first line; `None` for what is not noted.
pub(crate) fn title(titles: &TitleConfig, payment: &Payment, movement: Movement) -> Option<String> {
    let noun = noun(payment);
    let what = match movement {
        Movement::New => return Some(noun.unwrap_or(&titles.payment).to_owned()),
        Movement::Corrected => "Corrected",
        Movement::Changed => "Changed",
        Movement::Voided => "Voided",
        Movement::Deleted => "Deleted",
        _ => return None,
    };
    Some(format!("{} {what}", noun.unwrap_or(&titles.payment_noun)))
}

/// The note of an entry; `None` for what is not noted. `was` is the state before.
///
/// The description is left out: practices write clinical remarks there, and a CRM's notes are read
/// by people and automation that have no business with them.
pub(crate) fn note(
    config: &RulesConfig,
    entry: &LedgerEntry,
    step: &PaymentStep,
    was: Option<&Payment>,
) -> Option<Note> {
    let payment = &entry.payment;
    let mut lines = vec![title(&config.titles, payment, step.movement)?];
    let mut line = |label: &str, value: Option<String>| {
        lines.extend(value.filter(|v| !v.is_empty()).map(|value| format!("{label}: {value}")));
    };
    // Where the vendor gives an id and no name, the id stands in for it and tells staff nothing.
    let name = |named: &Option<Named>| {
        let named = named.as_ref().filter(|it| it.id.as_ref() != Some(&it.name));
        named.map(|named| named.name.clone())
    };
    line("Amount", Some(amount(payment, was)));
    line("Date", payment.date.map(|date| date.format("%A, %B %-d, %Y").to_string()));
    line("Method", payment.method.clone());
    line("Category", payment.category.clone());
    line("Items", Some(payment.items.join(", ")));
    line("Location", name(&payment.location));
    line("Practitioner", name(&payment.practitioner));
    if step.movement == Movement::Corrected {
        line("Corrects payment", corrected(payment).map(ToString::to_string));
    }
    line(&config.fields.lifetime_value, step.balance.ok().map(|value| value.to_string()));
    let reference = entry.event.reference().to_owned();
    line("Ref", Some(reference.clone()));
    Some(Note { body: lines.join("\n").into(), reference })
}

/// The amount, and what it was where it was edited.
fn amount(payment: &Payment, was: Option<&Payment>) -> String {
    match was.map(|was| was.amount).filter(|was| was.minor() != 0 && *was != payment.amount) {
        Some(was) => format!("{} (was {was})", payment.amount),
        None => payment.amount.to_string(),
    }
}

/// The row it stands in for, where the vendor says.
fn corrected(payment: &Payment) -> Option<&RecordId> {
    payment.corrections.iter().find_map(|part| match part {
        Correction::Recreates(of) => of.as_ref(),
        _ => None,
    })
}
