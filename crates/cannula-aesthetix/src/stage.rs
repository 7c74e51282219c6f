//! A person's opportunity: where it stands and what it is worth.

use cannula_core::{
    ContactId, CrmLinks, Delivered, Error, ErrorKind, OpportunityId, OpportunityValue, Receipt,
    Result, Retry, StageMove,
};

use crate::{
    Aesthetix, Collision, NewOpportunity, Opportunity, Placement,
    errors::{Missing, link_broken},
    sink::linked,
};

impl Aesthetix {
    pub(crate) async fn move_stage(&self, stage: &StageMove, links: &CrmLinks) -> Result<Receipt> {
        let placement = self.catalog()?.placement(&stage.pipeline, &stage.stage, stage.status)?;
        if let Some(id) = links.opportunities.get(&stage.pipeline)
            && self.place(id, &placement).await?
        {
            return Ok(receipt(&stage.pipeline, id.clone()));
        }
        // No link, or its opportunity was deleted.
        if stage.create {
            self.create_or_move(stage, placement, links).await
        } else {
            self.find_and_move(stage, &placement, links).await
        }
    }

    /// Sets the value of the opportunity and creates none.
    pub(crate) async fn set_value(
        &self,
        value: &OpportunityValue,
        links: &CrmLinks,
    ) -> Result<Receipt> {
        let catalog = self.catalog()?;
        let pipeline = catalog.pipeline_id(&value.pipeline)?;
        if let Some(id) = links.opportunities.get(&value.pipeline)
            && self.appraise(id, value).await?
        {
            return Ok(receipt(&value.pipeline, id.clone()));
        }
        for opportunity in self.opportunities(linked(links)?, pipeline).await? {
            if self.appraise(&opportunity.id, value).await? {
                return Ok(receipt(&value.pipeline, opportunity.id));
            }
        }
        Ok(missing())
    }

    /// Moves an opportunity; `false` if it does not exist.
    async fn place(&self, id: &OpportunityId, placement: &Placement) -> Result<bool> {
        exists(self.client.update_opportunity(id, placement).await)
    }

    /// Sets an opportunity's value; `false` if it does not exist.
    async fn appraise(&self, id: &OpportunityId, value: &OpportunityValue) -> Result<bool> {
        exists(self.client.set_opportunity_value(id, &value.value).await)
    }

    async fn create_or_move(
        &self,
        stage: &StageMove,
        placement: Placement,
        links: &CrmLinks,
    ) -> Result<Receipt> {
        let contact_id = linked(links)?.clone();
        let new = NewOpportunity { contact_id, name: stage.title.clone(), placement };
        let error = match self.client.upsert_opportunity(&new).await {
            Ok(opportunity) => return Ok(receipt(&stage.pipeline, opportunity.id)),
            Err(error) => error,
        };
        // An upsert should have moved it; some locations refuse instead where it is closed.
        match Collision::of(&error) {
            Some(Collision::Opportunity { existing })
                if self.place(existing, &new.placement).await? =>
            {
                Ok(receipt(&stage.pipeline, existing.clone()))
            }
            _ => Err(self.what_is_missing(error, &new.contact_id).await),
        }
    }

    /// An upsert is refused for want of the contact, the pipeline or the stage. Where the refusal
    /// does not say which, the contact is asked for.
    async fn what_is_missing(&self, error: Error, contact: &ContactId) -> Error {
        if error.kind() != ErrorKind::NotFound {
            return error;
        }
        match Missing::of(&error) {
            Some(Missing::Contact) => return link_broken(error),
            // Deleted between the vendor's search and its write.
            Some(Missing::Opportunity) => return error.retry(Retry::Backoff),
            Some(Missing::Pipeline) | None => {}
        }
        match self.client.get_contact(contact).await {
            Ok(_) => Missing::Pipeline.into_error().connector(crate::CONNECTOR),
            Err(error) => link_broken(error),
        }
    }

    async fn find_and_move(
        &self,
        stage: &StageMove,
        placement: &Placement,
        links: &CrmLinks,
    ) -> Result<Receipt> {
        for opportunity in self.opportunities(linked(links)?, &placement.pipeline_id).await? {
            if self.place(&opportunity.id, placement).await? {
                return Ok(receipt(&stage.pipeline, opportunity.id));
            }
        }
        Ok(missing())
    }

    /// The contact's opportunities in a pipeline, those in play first. The search trails
    /// deletions, so that any of them may be gone.
    async fn opportunities(&self, contact: &ContactId, pipeline: &str) -> Result<Vec<Opportunity>> {
        let mut found = self.client.find_opportunities(contact, pipeline).await?;
        found.retain(|opportunity| {
            opportunity.contact.as_ref().is_none_or(|id| id == contact)
                && opportunity.pipeline_id.as_deref().is_none_or(|id| id == pipeline)
        });
        found.sort_by_key(|opportunity| opportunity.status.as_deref() != Some("open"));
        Ok(found)
    }
}

/// Whether what was written to exists.
fn exists(written: Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn receipt(pipeline: &str, id: OpportunityId) -> Receipt {
    let opportunity = Some((pipeline.to_owned(), id));
    Receipt { opportunity, ..Receipt::applied() }
}

fn missing() -> Receipt {
    Receipt { delivered: Delivered::OpportunityMissing, ..Receipt::applied() }
}
