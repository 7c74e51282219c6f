//! What the program says to whoever asks.

use std::{error::Error as StdError, fmt::Debug, sync::Arc};

use cannula::{
    core::{Error, ErrorKind, Subject},
    sync::{Engine, Flow, Replay, Store},
};
use serde::Serialize;

/// Everything that was printed.
#[derive(Debug, Default)]
pub(crate) struct Said {
    text: String,
    errors: Vec<ErrorKind>,
    drained: u64,
    refused: u64,
    panics: u64,
}

impl Said {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn errors(&self) -> &[ErrorKind] {
        &self.errors
    }

    /// Errors, and times that a person's work was put off, given up or left to somebody.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused + self.errors.len() as u64
    }

    /// Effects delivered.
    pub(crate) const fn drained(&self) -> u64 {
        self.drained
    }

    pub(crate) const fn delivered(&mut self, count: u64) {
        self.drained += count;
    }

    pub(crate) const fn panics(&self) -> u64 {
        self.panics
    }

    pub(crate) fn value(&mut self, value: &impl Debug) {
        self.line(format!("{value:?}\n{value:#?}"));
    }

    pub(crate) fn json(&mut self, value: &impl Serialize) {
        self.line(serde_json::to_string(value).unwrap());
    }

    /// The error in every way there is, its causes included: programs like to print those too.
    pub(crate) fn error(&mut self, error: &Error) {
        self.errors.push(error.kind());
        self.show(error);
    }

    /// An error that whoever asked has made, whatever the trouble.
    pub(crate) fn mistake<T: Debug>(&mut self, result: Result<T, Error>) {
        self.show(&result.unwrap_err());
    }

    fn show(&mut self, error: &Error) {
        self.line(format!("{error}\n{error:#}"));
        self.value(error);
        self.value(&error.park_reason());
        let mut cause = StdError::source(error);
        while let Some(error) = cause {
            self.line(format!("caused by {error}"));
            self.value(&error);
            cause = error.source();
        }
    }

    fn result<T: Debug>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.value(&value);
                Some(value)
            }
            Err(error) => {
                self.error(&error);
                None
            }
        }
    }

    pub(crate) fn line(&mut self, text: String) {
        self.text.push_str(&text);
        self.text.push('\n');
    }

    /// Polls and drains once, whatever comes of it.
    pub(crate) async fn work<F: Flow>(&mut self, engine: &Arc<Engine<F>>) {
        let polled = engine.poll().await;
        self.result(polled);
        let engine = Arc::clone(engine);
        if let Some(report) = self.run(async move { engine.drain().await }).await {
            self.delivered(report.delivered.values().sum::<u64>());
            self.refused += report.postponed + report.dead + report.parked;
            self.json(&report);
        }
    }

    /// Lets work be done that may panic.
    pub(crate) async fn run<T, F>(&mut self, work: F) -> Option<T>
    where
        T: Debug + Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        match tokio::spawn(work).await {
            Ok(result) => self.result(result),
            Err(panic) => {
                self.panics += 1;
                self.line(format!("{panic}\n{panic:?}"));
                None
            }
        }
    }

    /// Asks for everything there is to ask for.
    pub(crate) async fn ask<F: Flow>(&mut self, engine: &Engine<F>, store: &dyn Store)
    where
        F::State: Debug,
    {
        self.value(&engine);
        self.value(&store);
        let checked = engine.check().await;
        self.result(checked);
        self.json(&engine.summary().await.unwrap());
        self.value(&engine.summary().await.unwrap());
        self.value(&engine.progress());
        self.value(&engine.delivered());
        self.value(&engine.rejected().await.unwrap());
        for parked in engine.parked().await.unwrap() {
            self.value(&parked);
            self.line(format!("{}\n{}", parked.reason.summary(), parked.reason.next_step()));
        }
        self.value(&engine.dead().await.unwrap());
        self.value(&store.states(None, 999).await.unwrap());
        let mut subjects = Vec::<Subject>::new();
        engine
            .for_each_state(|subject, state| {
                subjects.push(subject.clone());
                self.value(state);
            })
            .await
            .unwrap();
        subjects.extend(engine.dead().await.unwrap().into_iter().map(|letter| letter.subject));
        for subject in subjects {
            let mut history = store.history(&subject).await.unwrap();
            for reason in history.events.iter_mut().flat_map(|entry| &mut entry.reasons) {
                *reason = without_sums(reason);
            }
            self.value(&history);
            let mut lines = engine.explain(&subject).await.unwrap();
            for sentence in lines.iter_mut().flat_map(|line| &mut line.sentences) {
                *sentence = without_sums(sentence);
            }
            self.value(&lines);
            self.json(&lines);
        }
        engine.replay(Replay::All).await.unwrap();
        self.value(
            &store
                .claim(
                    chrono::DateTime::<chrono::Utc>::MAX_UTC,
                    chrono::DateTime::<chrono::Utc>::MAX_UTC,
                    99,
                )
                .await,
        );
    }
}

/// A sentence without what a patient has paid in all, which it may say to staff.
fn without_sums(sentence: &str) -> String {
    sentence.split(' ').filter(|word| !word.contains('$')).collect::<Vec<_>>().join(" ")
}
