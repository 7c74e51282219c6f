use std::time::Duration;

use cannula::{
    core::{Clock, Error, ErrorKind, Result, Retry},
    sync::{Engine, Flow},
};
use cannula_testkit::ManualClock;

/// So many drains in a row leave something undone only if something is wrong.
const MOST_DRAINS: u32 = 10_000;

/// Drives an engine through whatever faults there are; its clock runs ahead where it has to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a>(pub &'a ManualClock);

impl Patience<'_> {
    /// Polls and delivers until all feeds are read and nothing is left to do.
    ///
    /// # Errors
    /// An error that no retry can heal, and one that 100 retries did not heal.
    pub async fn settle<F: Flow>(self, engine: &Engine<F>) -> Result<()> {
        self.poll(engine).await?;
        self.drain(engine).await
    }

    /// Reads all feeds to their ends.
    ///
    /// # Errors
    /// As [`Patience::settle`].
    pub async fn poll<F: Flow>(self, engine: &Engine<F>) -> Result<()> {
        let mut failures = 0;
        while let Err(error) = engine.poll().await {
            self.again(error, &mut failures).await?;
        }
        Ok(())
    }

    /// Delivers until nothing is left to do.
    ///
    /// # Errors
    /// As [`Patience::settle`].
    pub async fn drain<F: Flow>(self, engine: &Engine<F>) -> Result<()> {
        let mut failures = 0;
        for _ in 0..MOST_DRAINS {
            match engine.drain().await.map(|report| report.next_due) {
                Ok(None) => return Ok(()),
                Ok(Some(due)) => {
                    let wait = (due - self.0.now()).to_std().unwrap_or_default();
                    self.0.sleep(wait).await;
                }
                Err(error) => self.again(error, &mut failures).await?,
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "it never comes to rest").retry(Retry::Never))
    }

    /// Waits a second, if trying again can heal the error.
    ///
    /// # Errors
    /// The error, if it cannot, or has been tried too often.
    pub async fn again(self, error: Error, failures: &mut u32) -> Result<()> {
        *failures += 1;
        if error.retry_advice() == Retry::Never || *failures > 100 {
            return Err(error);
        }
        self.0.sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}
