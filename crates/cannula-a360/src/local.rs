//! The local list, with or without the CRM.

use std::collections::BTreeMap;

use cannula_core::{Error, ErrorKind, Person, Phi, Result};

use crate::{
    A360, Action, Actor, AuditRow, CRATE, Change, Duplicate, LinkChange, LocalPatient, Target,
    select::{Attempts, duplicates},
    store::versions,
};

/// A patient that was added by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The patient.
    pub patient: LocalPatient,
    /// Others of the same name. It was added all the same.
    pub duplicates: Vec<Duplicate>,
}

impl A360 {
    /// Adds a patient by hand, to the local list only. Search first, so that nobody is added whom
    /// the CRM knows.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if a name or the birth date is missing or cannot be true, naming all
    /// that is wrong.
    pub async fn add(
        &self,
        actor: &Actor,
        person: Person,
        details: BTreeMap<String, Phi<String>>,
    ) -> Result<Added> {
        actor.must_edit()?;
        self.check(&person)?;
        let mut attempts = Attempts::default();
        loop {
            match self.add_once(actor, &person, &details).await {
                Err(error) if attempts.again(&error) => {}
                ended => return ended,
            }
        }
    }

    async fn add_once(
        &self,
        actor: &Actor,
        person: &Person,
        details: &BTreeMap<String, Phi<String>>,
    ) -> Result<Added> {
        // Before the commit: what fails after it would look as if nothing had been added.
        let same_name = self.same_name(person).await?;
        let change = Change {
            target: Target::New { details: details.clone() },
            same_name: Some(versions(&same_name)),
            link: LinkChange::Keep,
            audit: AuditRow {
                at: self.clock.now(),
                by: actor.name.clone(),
                action: Action::Added,
                contact: None,
                before: None,
                after: person.clone(),
                rules: None,
            },
        };
        let patient = self.store.commit(&change).await?;
        let duplicates = duplicates(same_name, &patient.id, person);
        Ok(Added { patient, duplicates })
    }

    fn check(&self, person: &Person) -> Result<()> {
        let policy = &self.config.policy;
        let named = |name: &Phi<String>| name.expose().chars().any(char::is_alphanumeric);
        let mut problems = Vec::new();
        if !named(&person.first_name) {
            problems.push("the first name is missing");
        }
        if !named(&person.last_name) {
            problems.push("the last name is missing");
        }
        match &person.birth_date {
            Some(date) if !policy.is_birth_date(*date.expose(), self.today()) => {
                problems
                    .push("the birth date is a placeholder, or lies in the future or too far back");
            }
            None if policy.birth_date_required => problems.push("the birth date is missing"),
            Some(_) | None => {}
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, problems.join("; ")).connector(CRATE).operation("add"))
    }
}
