//! What every [`CrmSink`] must do, one named function each. They panic when the law is broken;
//! [`sink_laws!`](macro@crate::sink_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula_core::{
    ContactDetail, ContactId, ContactWrite, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Currency,
    Delivered, ErrorKind, EventId, FieldValue, IdempotencyKey, Money, Note, OpportunityStatus,
    OpportunityValue, Person, PipelineSpec, Receipt, Retry, Settled, StageMove, Taken,
};

use crate::{
    Gate, ManualClock, MemoryContact, Power, Spoil,
    laws::set_of_laws,
    write_faults::{AFTER, BEFORE, SILENCE, may_be_final, met, untrue},
};

/// A CRM that laws can write to. It is empty at first.
#[async_trait]
pub trait SinkBench: Debug + Send + Sync {
    /// A fresh sink, as after a restart, that has not been prepared.
    fn sink(&self) -> Arc<dyn CrmSink>;

    /// What the CRM has: a field for text, and a pipeline of two stages at least.
    fn needs(&self) -> CrmNeeds;

    /// The sink's clock.
    fn clock(&self) -> &ManualClock;

    /// The contact, seen with other eyes than the sink's.
    async fn contact(&self, id: &ContactId) -> Option<MemoryContact>;

    /// How many contacts there are.
    async fn contacts(&self) -> usize;

    /// What staff do: add a tag.
    async fn tag(&self, id: &ContactId, tag: &str);

    /// What staff do: delete a contact.
    async fn delete(&self, id: &ContactId);

    /// The gate that the sink knows as its vendor; with [`Power::Http`] there is one.
    fn gate(&self) -> Option<&Gate> {
        None
    }

    /// A text that `METHOD /path?query` of the request that writes this effect contains.
    fn write_of(&self, _effect: &CrmEffect) -> &'static str {
        "(none)"
    }

    /// Bodies that the vendor is known to send with status 200 when it means an error.
    fn errors_in_200(&self) -> Vec<String> {
        Vec::new()
    }

    /// The powers that sink or CRM lack, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use SinkBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for sinks. Takes an `async` function that returns a fresh
    /// [`SinkBench`](crate::SinkBench); the crate that uses it needs `tokio` with the feature `macros`.
    sink_laws,
    what_is_delivered_is_there,
    what_sets_a_value_can_be_delivered_twice,
    what_others_wrote_is_left_alone,
    an_emptied_field_is_removed,
    a_note_that_landed_is_found_by_another_process,
    a_note_that_did_not_land_is_to_be_sent_again,
    two_workers_make_one_contact_of_one_person,
    a_contact_that_is_gone_breaks_the_link,
    an_opportunity_that_must_not_be_made_is_reported_missing,
    what_another_contact_has_is_left_out_and_told [OneHolder],
    names_that_the_crm_does_not_have_are_told_at_once [Catalog],
    a_write_that_did_not_arrive_is_made_once [Http],
    a_write_whose_answer_is_lost_is_there_once [Http],
    a_write_without_an_answer_is_there_once [Http],
    an_error_with_status_200_is_no_success [Http, ErrorsIn200],
}

/// Contact, tags, note, stage and value.
pub async fn what_is_delivered_is_there(bench: &dyn SinkBench) {
    let (id, contact) = everything(bench, 1, None).await;
    assert_eq!(contact.person.last_name.expose(), "Law1");
    assert_eq!(contact.fields[&field(bench)], text("gold"));
    assert_eq!(contact.tags, ["keep"]);
    assert_eq!(contact.notes.len(), 1);
    assert!(contact.notes[0].contains("ref-1"), "{:?}", contact.notes);
    let pipeline = pipeline(bench);
    assert_eq!(contact.stages[&pipeline.name], (pipeline.stages[1].1.clone(), "won".to_owned()));
    assert_eq!(contact.values[&pipeline.name].minor(), 12_345);
    assert_eq!((bench.contacts().await, id.as_str().is_empty()), (1, false));
}

/// Everything but a note: an engine that is not sure sends it again, with the same key, and from a
/// fresh process as well.
pub async fn what_sets_a_value_can_be_delivered_twice(bench: &dyn SinkBench) {
    let (id, once) = everything(bench, 1, None).await;
    let (sink, links) = (prepared(bench).await, linked(&id));
    let contact = CrmEffect::Contact(write(bench, 1));
    let again = std::iter::once(contact).chain(effects(bench, 1));
    for effect in again.filter(|it| !matches!(it, CrmEffect::Note(_))) {
        sink.deliver(&effect, &links, &key(1, &effect)).await.unwrap();
    }
    assert_eq!(bench.contact(&id).await.unwrap(), once);
    assert_eq!(bench.contacts().await, 1);
}

/// Tags of staff, fields that the effect does not name, and other people.
pub async fn what_others_wrote_is_left_alone(bench: &dyn SinkBench) {
    let (other, theirs) = everything(bench, 2, None).await;
    let (id, _) = everything(bench, 1, None).await;
    bench.tag(&id, "by staff").await;
    let (sink, links) = (prepared(bench).await, linked(&id));
    let write = ContactWrite { fields: BTreeMap::new(), ..write(bench, 1) };
    let remove = CrmEffect::RemoveTags { tags: vec!["keep".to_owned()] };
    for effect in [CrmEffect::Contact(write), remove] {
        sink.deliver(&effect, &links, &key(LATER, &effect)).await.unwrap();
    }
    let after = bench.contact(&id).await.unwrap();
    assert_eq!(after.tags, ["by staff"]);
    assert_eq!(after.fields[&field(bench)], text("gold"));
    assert_eq!(bench.contact(&other).await.unwrap(), theirs);
}

/// And not left as it was, or filled with an empty text that a report would count.
pub async fn an_emptied_field_is_removed(bench: &dyn SinkBench) {
    let (id, _) = everything(bench, 1, None).await;
    let fields = BTreeMap::from([(field(bench), FieldValue::Empty)]);
    let write = ContactWrite { fields, ..write(bench, 1) };
    let sink = prepared(bench).await;
    let effect = CrmEffect::Contact(write);
    sink.deliver(&effect, &linked(&id), &key(LATER, &effect)).await.unwrap();
    let after = bench.contact(&id).await.unwrap();
    assert_eq!(after.fields.get(&field(bench)), None);
}

/// By its reference, because nothing else of the process that sent it is left.
pub async fn a_note_that_landed_is_found_by_another_process(bench: &dyn SinkBench) {
    let (id, _) = everything(bench, 1, None).await;
    let (sink, note) = (prepared(bench).await, note(1));
    let settled = sink.settle(&note, &linked(&id), &key(1, &note)).await.unwrap();
    assert_eq!(settled, Settled::Landed(Receipt::applied()));
}

/// Another note, or another contact's, is not it.
pub async fn a_note_that_did_not_land_is_to_be_sent_again(bench: &dyn SinkBench) {
    let (id, _) = everything(bench, 1, None).await;
    let (other, _) = everything(bench, 2, None).await;
    let sink = prepared(bench).await;
    for (note, id) in [(note(3), &id), (note(1), &other)] {
        let settled = sink.settle(&note, &linked(id), &key(LATER, &note)).await.unwrap();
        assert_eq!(settled, Settled::SendAgain);
    }
}

/// Whoever comes second finds the first's.
pub async fn two_workers_make_one_contact_of_one_person(bench: &dyn SinkBench) {
    let (one, two) = (prepared(bench).await, prepared(bench).await);
    let effect = CrmEffect::Contact(write(bench, 1));
    let links = CrmLinks::default();
    let (first, second) = tokio::join!(
        arrive(bench, &*one, 1, &effect, &links, None),
        arrive(bench, &*two, 2, &effect, &links, None)
    );
    assert!(first.contact.is_some());
    assert_eq!(first.contact, second.contact);
    assert_eq!(bench.contacts().await, 1);
}

/// It was deleted or merged: the engine must look for the person again.
pub async fn a_contact_that_is_gone_breaks_the_link(bench: &dyn SinkBench) {
    let (id, _) = everything(bench, 1, None).await;
    bench.delete(&id).await;
    let sink = prepared(bench).await;
    let tags = CrmEffect::AddTags { tags: vec!["late".to_owned()] };
    for effect in [CrmEffect::Contact(write(bench, 1)), tags, note(2)] {
        let key = key(LATER, &effect);
        let error = sink.deliver(&effect, &linked(&id), &key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LinkBroken, "{}: {error}", effect.label());
    }
    assert_eq!(bench.contacts().await, 0);
}

/// And not made all the same.
pub async fn an_opportunity_that_must_not_be_made_is_reported_missing(bench: &dyn SinkBench) {
    let sink = prepared(bench).await;
    let effect = CrmEffect::Contact(write(bench, 1));
    let receipt = sink.deliver(&effect, &CrmLinks::default(), &key(1, &effect)).await.unwrap();
    let id = receipt.contact.unwrap();
    let stage = CrmEffect::Stage(StageMove { create: false, ..stage(bench) });
    for effect in [stage, value(bench)] {
        let receipt = sink.deliver(&effect, &linked(&id), &key(1, &effect)).await.unwrap();
        assert_eq!(receipt.delivered, Delivered::OpportunityMissing, "{}", effect.label());
    }
    assert!(bench.contact(&id).await.unwrap().stages.is_empty());
}

/// All else is written. Once the other gives it up, it can be written as well.
pub async fn what_another_contact_has_is_left_out_and_told(bench: &dyn SinkBench) {
    let (holder, theirs) = everything(bench, 1, None).await;
    let (id, before) = everything(bench, 2, None).await;
    let sink = prepared(bench).await;
    let mut write = write(bench, 2);
    write.person.phone = theirs.person.phone.clone();
    write.fields.insert(field(bench), text("silver"));
    let effect = CrmEffect::Contact(write);
    let links = linked(&id);
    let receipt = sink.deliver(&effect, &links, &key(3, &effect)).await.unwrap();
    let phone = Taken { detail: ContactDetail::Phone, by: holder.clone() };
    assert_eq!((receipt.contact, receipt.taken), (Some(id.clone()), vec![phone]));
    let after = bench.contact(&id).await.unwrap();
    assert_eq!(after.fields[&field(bench)], text("silver"));
    assert_eq!(after.person, before.person);
    assert_eq!(bench.contact(&holder).await.unwrap(), theirs);

    let mut moved = self::write(bench, 1);
    moved.person.phone = Some("+1 646 555 0099".to_owned().into());
    let moved = CrmEffect::Contact(moved);
    sink.deliver(&moved, &linked(&holder), &key(4, &moved)).await.unwrap();
    let receipt = sink.deliver(&effect, &links, &key(LATER, &effect)).await.unwrap();
    assert_eq!(receipt.taken, Vec::new());
    let phone = bench.contact(&id).await.unwrap().person.phone;
    assert_eq!(phone, theirs.person.phone);
}

/// Before anything is written, and all of them.
pub async fn names_that_the_crm_does_not_have_are_told_at_once(bench: &dyn SinkBench) {
    let mut needs = bench.needs();
    needs.pipelines[0].stages[0].1 = "No Such Stage".to_owned();
    let missing =
        PipelineSpec { name: "No Such Pipeline".to_owned(), ..needs.pipelines[0].clone() };
    needs.pipelines.push(missing);
    let error = bench.sink().prepare(&needs).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    for name in ["No Such Stage", "No Such Pipeline"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    bench.sink().prepare(&bench.needs()).await.unwrap();
}

/// Refused, turned away for haste, or lost on the way.
pub async fn a_write_that_did_not_arrive_is_made_once(bench: &dyn SinkBench) {
    under(bench, &BEFORE).await;
}

/// The CRM has no idempotency keys: what must not be there twice is looked for first.
pub async fn a_write_whose_answer_is_lost_is_there_once(bench: &dyn SinkBench) {
    under(bench, &AFTER).await;
}

/// Whether it arrived or not.
pub async fn a_write_without_an_answer_is_there_once(bench: &dyn SinkBench) {
    under(bench, &SILENCE).await;
}

/// A note would be missing, and nobody would know.
pub async fn an_error_with_status_200_is_no_success(bench: &dyn SinkBench) {
    under(bench, &untrue(bench.errors_in_200())).await;
}

/// Delivers everything under each fault to one more person, and compares with a person to whom
/// nothing happened.
async fn under(bench: &dyn SinkBench, faults: &[Spoil]) {
    let (_, quiet) = everything(bench, 1, None).await;
    for (number, fault) in (2..).zip(faults) {
        let (_, loud) = everything(bench, number, Some(fault)).await;
        assert_eq!((&loud.fields, &loud.tags), (&quiet.fields, &quiet.tags), "{fault:?}");
        assert_eq!((&loud.stages, &loud.values), (&quiet.stages, &quiet.values), "{fault:?}");
        assert_eq!(loud.notes.len(), 1, "{fault:?}");
        assert_eq!(bench.contacts().await, number as usize, "{fault:?}");
    }
}

/// Delivers all effects for one new person, each under the fault, and returns the contact.
async fn everything(
    bench: &dyn SinkBench,
    number: u32,
    fault: Option<&Spoil>,
) -> (ContactId, MemoryContact) {
    let sink = prepared(bench).await;
    let mut links = CrmLinks::default();
    let contact = CrmEffect::Contact(write(bench, number));
    for effect in std::iter::once(contact).chain(effects(bench, number)) {
        let call = arrive(bench, &*sink, number, &effect, &links, fault);
        let receipt = match (fault, bench.gate()) {
            (Some(fault), Some(gate)) => {
                met(gate, bench.clock(), bench.write_of(&effect), fault, call).await
            }
            _ => call.await,
        };
        links.contact = receipt.contact.or(links.contact);
        links.opportunities.extend(receipt.opportunity);
    }
    let id = links.contact.unwrap();
    let contact = bench.contact(&id).await.unwrap_or_else(|| panic!("there is no {id}"));
    (id, contact)
}

/// Delivers an effect as an engine does: again where it was not applied, and after a look where
/// it may have been.
async fn arrive(
    bench: &dyn SinkBench,
    sink: &dyn CrmSink,
    event: u32,
    effect: &CrmEffect,
    links: &CrmLinks,
    fault: Option<&Spoil>,
) -> Receipt {
    let key = key(event, effect);
    for _ in 0..10 {
        let error = match sink.deliver(effect, links, &key).await {
            Ok(receipt) => return receipt,
            Err(error) => error,
        };
        match error.retry_advice() {
            Retry::Never if may_be_final(fault) => {}
            Retry::Never => panic!("{}: {error}", effect.label()),
            Retry::Backoff => bench.clock().advance(Duration::from_secs(60)),
            Retry::After(wait) => bench.clock().advance(wait),
            Retry::Settle => match sink.settle(effect, links, &key).await.unwrap() {
                Settled::Landed(receipt) => return receipt,
                Settled::SendAgain => {}
            },
        }
    }
    panic!("{} was never delivered", effect.label())
}

async fn prepared(bench: &dyn SinkBench) -> Arc<dyn CrmSink> {
    let sink = bench.sink();
    sink.prepare(&bench.needs()).await.unwrap();
    sink
}

/// What is delivered for a person whose contact is there.
fn effects(bench: &dyn SinkBench, number: u32) -> Vec<CrmEffect> {
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    vec![
        CrmEffect::AddTags { tags: tags(&["keep", "drop"]) },
        CrmEffect::RemoveTags { tags: tags(&["drop"]) },
        note(number),
        CrmEffect::Stage(stage(bench)),
        value(bench),
    ]
}

fn write(bench: &dyn SinkBench, number: u32) -> ContactWrite {
    let person = Person {
        first_name: "Ida".to_owned().into(),
        last_name: format!("Law{number}").into(),
        email: Some(format!("ida.law{number}@example.test").into()),
        phone: Some(format!("+1 646 555 {number:04}").into()),
        birth_date: None,
    };
    let fields = BTreeMap::from([(field(bench), text("gold"))]);
    ContactWrite { person, write_person: true, fields }
}

fn note(number: u32) -> CrmEffect {
    let reference = format!("ref-{number}");
    CrmEffect::Note(Note { body: format!("A title\nSomething.\n{reference}").into(), reference })
}

fn stage(bench: &dyn SinkBench) -> StageMove {
    let pipeline = pipeline(bench);
    StageMove {
        pipeline: pipeline.name,
        stage: pipeline.stages[1].1.clone(),
        status: OpportunityStatus::Won,
        title: "Ida Law".to_owned().into(),
        create: true,
    }
}

fn value(bench: &dyn SinkBench) -> CrmEffect {
    let value = Money::from_minor(12_345, Currency::USD).into();
    CrmEffect::Value(OpportunityValue { pipeline: pipeline(bench).name, value })
}

fn pipeline(bench: &dyn SinkBench) -> PipelineSpec {
    bench.needs().pipelines.remove(0)
}

fn field(bench: &dyn SinkBench) -> String {
    bench.needs().fields.remove(0).name
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned().into())
}

fn linked(id: &ContactId) -> CrmLinks {
    CrmLinks { contact: Some(id.clone()), ..CrmLinks::default() }
}

/// An event after those that the persons came with, each of which has the person's number.
const LATER: u32 = 1_000;

/// The key of an effect of an event, as an engine derives it. A CRM that knows keys answers what
/// comes with a known one as it did before.
fn key(event: u32, effect: &CrmEffect) -> IdempotencyKey {
    let text = serde_json::to_string(effect).unwrap();
    IdempotencyKey::derive(&EventId::new(format!("event-{event}")), &text)
}
