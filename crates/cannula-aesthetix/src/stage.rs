//! Moving a person's opportunity.

use cannula_core::{CrmLinks, Delivered, ErrorKind, OpportunityId, Receipt, Result, StageMove};

use crate::{Aesthetix, Collision, NewOpportunity, Placement, errors::link_broken, sink::linked};

impl Aesthetix {
    pub(crate) async fn move_stage(&self, stage: &StageMove, links: &CrmLinks) -> Result<Receipt> {
        let placement = self.catalog()?.placement(&stage.pipeline, &stage.stage, stage.status)?;
        if let Some(id) = links.opportunities.get(&stage.pipeline)
            && self.place(id, &placement).await?
        {
            return Ok(receipt(stage, id.clone()));
        }
        // No link, or its opportunity was deleted.
        if stage.create {
            self.create_or_move(stage, placement, links).await
        } else {
            self.find_and_move(stage, &placement, links).await
        }
    }

    /// Moves an opportunity; `false` if it does not exist.
    async fn place(&self, id: &OpportunityId, placement: &Placement) -> Result<bool> {
        match self.client.update_opportunity(id, placement).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
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
            Ok(opportunity) => return Ok(receipt(stage, opportunity.id)),
            Err(error) => error,
        };
        // An upsert should have moved it; some locations refuse instead where it is closed.
        match Collision::of(&error) {
            Some(Collision::Opportunity { existing })
                if self.place(existing, &new.placement).await? =>
            {
                Ok(receipt(stage, existing.clone()))
            }
            _ => Err(link_broken(error)),
        }
    }

    async fn find_and_move(
        &self,
        stage: &StageMove,
        placement: &Placement,
        links: &CrmLinks,
    ) -> Result<Receipt> {
        let contact = linked(links)?;
        let pipeline = placement.pipeline_id.as_str();
        let mut found = self.client.find_opportunities(contact, pipeline).await?;
        found.retain(|opportunity| {
            opportunity.contact.as_ref().is_none_or(|id| id == contact)
                && opportunity.pipeline_id.as_deref().is_none_or(|id| id == pipeline)
        });
        // One in play before one that is closed.
        found.sort_by_key(|opportunity| opportunity.status.as_deref() != Some("open"));
        for opportunity in found {
            // The search trails deletions.
            if self.place(&opportunity.id, placement).await? {
                return Ok(receipt(stage, opportunity.id));
            }
        }
        Ok(Receipt { delivered: Delivered::OpportunityMissing, contact: None, opportunity: None })
    }
}

fn receipt(stage: &StageMove, id: OpportunityId) -> Receipt {
    Receipt {
        delivered: Delivered::Applied,
        contact: None,
        opportunity: Some((stage.pipeline.clone(), id)),
    }
}
