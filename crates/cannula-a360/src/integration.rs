use cannula_core::{Error, PracticeId, Result};
use serde::Serialize;

use crate::{A360, Actor, Counts, Integration};

/// What an administrator may allow besides. All are off by default, as the application has none of
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Patients that were added by hand may be pushed to the CRM.
    pub push: bool,
    /// Linked patients may be synchronised without selecting them.
    pub refresh: bool,
}

/// How it stands with the integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The CRM's connector.
    pub directory: &'static str,
    /// The location of the CRM.
    pub location: PracticeId,
    /// The switch; `None` if it was never touched, and so is off.
    pub integration: Option<Integration>,
    /// Whether the CRM answers; `None` where the switch is off, because then nobody asks it.
    pub connection: Option<Connection>,
    /// The local list, and its links to the location.
    pub counts: Counts,
}

/// Whether the CRM answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Connection {
    /// It does, and takes the credentials.
    Good,
    /// It does not.
    Bad {
        /// Why, and what to do.
        problem: String,
    },
}

impl Status {
    /// Searches go to the CRM.
    pub fn enabled(&self) -> bool {
        self.integration.as_ref().is_some_and(|it| it.enabled)
    }

    /// The status as sentences.
    pub fn sentences(&self) -> Vec<String> {
        let Self { directory, location, counts, .. } = self;
        let mut told = Vec::new();
        told.push(match &self.integration {
            None => format!("The integration with {directory} ({location}) was never switched on."),
            Some(it) => {
                let is = if it.enabled { "on" } else { "off" };
                let (by, at) = (&it.changed_by, it.changed_at.format("%Y-%m-%d %H:%M UTC"));
                format!("The integration with {directory} ({location}) is {is}, by {by} on {at}.")
            }
        });
        match &self.connection {
            None => told.push("Searches find the local list.".to_owned()),
            Some(Connection::Good) => told.push("The CRM answers.".to_owned()),
            Some(Connection::Bad { problem }) => {
                told.push(format!("The CRM does not answer: {problem}. The local list is there."));
            }
        }
        if let Some(it) = self.integration.as_ref().filter(|it| it.enabled) {
            let word = |on| if on { "on" } else { "off" };
            let (push, refresh) = (word(it.push), word(it.refresh));
            told.push(format!("Pushing patients is {push}, refreshing linked ones is {refresh}."));
        }
        let Counts { patients, linked, broken } = counts;
        told.push(format!("{patients} patients, {linked} linked, {broken} with a broken link."));
        told
    }
}

impl A360 {
    /// Switches the integration on, or changes its options. The connection is checked first, and
    /// nothing is switched if that fails. Local patients stay, and so do links from before.
    ///
    /// # Errors
    /// [`Forbidden`](cannula_core::ErrorKind::Forbidden) for whoever is no administrator; what the
    /// CRM answers.
    pub async fn enable(&self, actor: &Actor, options: Options) -> Result<Integration> {
        actor.must_administer()?;
        self.look(self.directory.check()).await?;
        self.switch(actor, true, options).await
    }

    /// Switches the integration off. Links stay and are not looked at; the CRM is not asked.
    ///
    /// # Errors
    /// [`Forbidden`](cannula_core::ErrorKind::Forbidden) for whoever is no administrator.
    pub async fn disable(&self, actor: &Actor) -> Result<Integration> {
        actor.must_administer()?;
        self.switch(actor, false, Options::default()).await
    }

    async fn switch(&self, actor: &Actor, enabled: bool, options: Options) -> Result<Integration> {
        let to = Integration {
            enabled,
            push: options.push,
            refresh: options.refresh,
            changed_at: self.clock.now(),
            changed_by: actor.name.clone(),
        };
        self.store.set_integration(self.location(), &to).await?;
        Ok(to)
    }

    /// How it stands with the integration; where it is on, the CRM is asked.
    ///
    /// # Errors
    /// Those of the store. A CRM that does not answer is a status.
    pub async fn status(&self) -> Result<Status> {
        let info = self.directory.info();
        let integration = self.store.integration(&info.location).await?;
        let connection = match &integration {
            Some(it) if it.enabled => {
                let problem = |error: Error| Connection::Bad { problem: error.to_string() };
                let checked = self.look(self.directory.check()).await;
                Some(checked.map_or_else(problem, |()| Connection::Good))
            }
            _ => None,
        };
        Ok(Status {
            directory: info.name,
            location: info.location.clone(),
            integration,
            connection,
            counts: self.store.counts(&info.location).await?,
        })
    }
}
