use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use cannula_core::{
    ContactId, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Delivered, Error, ErrorKind, FieldKind,
    FieldSpec, FieldValue, IdempotencyKey, Phi, PipelineSpec, Receipt, Result, Settled, Taken,
};
use cannula_http::Request;
use cannula_testkit::{Gate, ManualClock, MemoryContact, Power, SinkBench};
use serde::Deserialize;
use serde_json::json;

use crate::link::{Caller, ERROR_IN_200, Link, LinkFlaw};

crate::laws_and_saboteurs!(sink_laws: bench => Bench, &[
    ("what_is_delivered_is_there", Flaw::DropsTags),
    ("what_sets_a_value_can_be_delivered_twice", Flaw::IgnoresTheLink),
    ("what_others_wrote_is_left_alone", Flaw::RemovesAllTags),
    ("an_emptied_field_is_removed", Flaw::WritesEmptyTexts),
    ("a_note_that_landed_is_found_by_another_process", Flaw::NeverLooks),
    ("a_note_that_did_not_land_is_to_be_sent_again", Flaw::SaysThatAllLanded),
    ("two_workers_make_one_contact_of_one_person", Flaw::MakesANewContactEachTime),
    ("a_contact_that_is_gone_breaks_the_link", Flaw::HidesBrokenLinks),
    ("an_opportunity_that_must_not_be_made_is_reported_missing", Flaw::MakesOpportunities),
    ("what_another_contact_has_is_left_out_and_told", Flaw::LeavesOutUntold),
    ("names_that_the_crm_does_not_have_are_told_at_once", Flaw::PreparesNothing),
    ("a_write_that_did_not_arrive_is_made_once", Flaw::PretendsThatAllIsDone),
    ("a_write_whose_answer_is_lost_is_there_once", Flaw::RepeatsUnseen),
    ("a_write_without_an_answer_is_there_once", Flaw::RepeatsUnseen),
    ("a_write_without_an_answer_is_there_once", Flaw::NeverLooks),
    ("an_error_with_status_200_is_no_success", Flaw::TrustsTheStatus),
]);

/// A CRM that honours keys is held to the same: each effect has a key of its own.
mod of_a_crm_that_knows_keys {
    async fn bench() -> super::Bench {
        super::Bench { sends_keys: true, ..super::bench(None).await }
    }
    cannula_testkit::sink_laws!(bench);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    DropsTags,
    IgnoresTheLink,
    RemovesAllTags,
    WritesEmptyTexts,
    NeverLooks,
    SaysThatAllLanded,
    MakesANewContactEachTime,
    HidesBrokenLinks,
    MakesOpportunities,
    LeavesOutUntold,
    PreparesNothing,
    PretendsThatAllIsDone,
    RepeatsUnseen,
    TrustsTheStatus,
}

/// A sink that writes to the small vendor's CRM, with one flaw or none.
#[derive(Debug)]
struct ToySink {
    caller: Caller,
    flaw: Option<Flaw>,
    sends_keys: bool,
    made: Arc<AtomicU32>,
}

#[derive(Deserialize)]
struct Answer {
    delivered: Delivered,
    contact: Option<ContactId>,
    taken: Vec<Taken>,
}

impl ToySink {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The effect as the flaw would have it; `None` if it is not sent at all.
    fn changed(&self, effect: &CrmEffect, links: &CrmLinks) -> Option<CrmEffect> {
        let mut effect = effect.clone();
        match (&mut effect, self.flaw) {
            (CrmEffect::AddTags { .. }, Some(Flaw::DropsTags)) => return None,
            (CrmEffect::RemoveTags { tags }, Some(Flaw::RemovesAllTags)) => {
                tags.push("by staff".to_owned());
            }
            (CrmEffect::Contact(write), Some(Flaw::WritesEmptyTexts)) => {
                for value in write.fields.values_mut().filter(|it| **it == FieldValue::Empty) {
                    *value = FieldValue::Text(Phi::new(String::new()));
                }
            }
            (CrmEffect::Contact(write), Some(Flaw::IgnoresTheLink)) if links.contact.is_some() => {
                write.person.email = Some(Phi::new("another@example.test".to_owned()));
                write.person.phone = None;
            }
            (CrmEffect::Contact(write), Some(Flaw::MakesANewContactEachTime)) => {
                let number = self.made.fetch_add(1, Ordering::SeqCst);
                write.person.email = Some(Phi::new(format!("{number}@example.test")));
                write.person.phone = None;
            }
            (CrmEffect::Stage(to), Some(Flaw::MakesOpportunities)) => to.create = true,
            _ => {}
        }
        Some(effect)
    }

    async fn send(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        let again = self.is(Flaw::IgnoresTheLink) && matches!(effect, CrmEffect::Contact(_));
        let links = if again { &CrmLinks::default() } else { links };
        let mut request =
            Request::post("deliver", "effects").json(&json!({ "effect": effect, "links": links }));
        if self.is(Flaw::RepeatsUnseen) {
            request = request.repeatable();
        }
        if self.sends_keys {
            request = request.header("idempotency-key", key.as_str());
        }
        let answer: Answer = self.caller.json(&request).await?;
        let Answer { delivered, contact, mut taken } = answer;
        if self.is(Flaw::LeavesOutUntold) {
            taken.clear();
        }
        Ok(Receipt { delivered, contact, opportunity: None, taken })
    }
}

#[async_trait]
impl CrmSink for ToySink {
    fn name(&self) -> &'static str {
        "toy"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, needs: &CrmNeeds) -> Result<()> {
        let known = |spec: &PipelineSpec| spec.name == "Leads";
        let stages = needs.pipelines.iter().flat_map(|spec| &spec.stages);
        let mut missing: Vec<&str> = stages
            .map(|(_, name)| name.as_str())
            .filter(|name| !["Booked", "Patient"].contains(name))
            .collect();
        let pipelines = needs.pipelines.iter().filter(|spec| !known(spec));
        missing.extend(pipelines.map(|spec| spec.name.as_str()));
        if missing.is_empty() || self.is(Flaw::PreparesNothing) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Config, format!("the CRM does not have {missing:?}")))
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        let Some(effect) = self.changed(effect, links) else { return Ok(Receipt::applied()) };
        match self.send(&effect, links, key).await {
            Err(_) if self.is(Flaw::PretendsThatAllIsDone) => {
                Ok(Receipt { contact: links.contact.clone(), ..Receipt::applied() })
            }
            Err(error)
                if self.is(Flaw::TrustsTheStatus)
                    && links.contact.is_some()
                    && error.kind() == ErrorKind::Decode =>
            {
                Ok(Receipt::applied())
            }
            Err(error)
                if self.is(Flaw::HidesBrokenLinks) && error.kind() == ErrorKind::LinkBroken =>
            {
                Ok(Receipt::applied())
            }
            outcome => outcome,
        }
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Settled> {
        let (CrmEffect::Note(note), Some(contact)) = (effect, &links.contact) else {
            return Ok(Settled::SendAgain);
        };
        let notes: Vec<String> =
            self.caller.json(&Request::get("list notes", format!("notes/{contact}"))).await?;
        let landed = notes.iter().any(|body| body.contains(&note.reference));
        let landed = (landed || self.is(Flaw::SaysThatAllLanded)) && !self.is(Flaw::NeverLooks);
        Ok(if landed { Settled::Landed(Receipt::applied()) } else { Settled::SendAgain })
    }
}

#[derive(Debug)]
struct Bench {
    link: Link,
    flaw: Option<Flaw>,
    sends_keys: bool,
    made: Arc<AtomicU32>,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench { link: Link::open().await, flaw, sends_keys: false, made: Arc::default() }
}

#[async_trait]
impl SinkBench for Bench {
    fn sink(&self) -> Arc<dyn CrmSink> {
        let (flaw, sends_keys, made) = (self.flaw, self.sends_keys, Arc::clone(&self.made));
        let trusts = (flaw == Some(Flaw::TrustsTheStatus)).then_some(LinkFlaw::TrustsTheStatus);
        Arc::new(ToySink { caller: self.link.caller(trusts), flaw, sends_keys, made })
    }

    fn needs(&self) -> CrmNeeds {
        let stage = |name: &str| (name.to_lowercase(), name.to_owned());
        let (name, config_key) = ("Leads".to_owned(), "pipeline".to_owned());
        let stages = vec![stage("Booked"), stage("Patient")];
        let field = FieldSpec {
            name: "Card".to_owned(),
            kind: FieldKind::Text,
            config_key: "card".to_owned(),
        };
        let pipelines = vec![PipelineSpec { name, config_key, stages }];
        CrmNeeds { fields: vec![field], pipelines }
    }

    fn clock(&self) -> &ManualClock {
        self.link.clock()
    }

    async fn contact(&self, id: &ContactId) -> Option<MemoryContact> {
        self.link.vendor.crm.contact(id)
    }

    async fn contacts(&self) -> usize {
        self.link.vendor.crm.contacts().len()
    }

    async fn tag(&self, id: &ContactId, tag: &str) {
        self.link.vendor.crm.tag(id, tag);
    }

    async fn delete(&self, _id: &ContactId) {
        self.link.vendor.crm.delete_contacts();
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.link.gate)
    }

    fn write_of(&self, _effect: &CrmEffect) -> &'static str {
        "POST /effects"
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![ERROR_IN_200.to_owned()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
