//! A store's payments to the ledgers of patients.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{
    Clock, Error, ErrorKind, Event, EventId, IdempotencyKey, LedgerRow, NewPayment, OrderDecision,
    OrderNumber, PatientChoice, PatientRegistry, PaymentLedger, PersonId, PracticeId, Record,
    RecordId, RecordKey, RecordKind, Result, Retry,
};
use cannula_rules::{
    Outcome,
    intake::Match,
    posting::{
        Identification, Identified, PostPayment, PostedPart, PostingEffect, PostingReason,
        PostingReceipt, PostingRules, PostingState, PostingVerdict, RefundLookup, Terms,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::OnceCell;

use crate::{
    Engine,
    flow::{Decision, Flow, Ruling, Verdict},
    register::{Made, Register},
};

/// How long a payment that the ledger took is looked for before staff are asked.
const UNSEEN_AFTER: TimeDelta = TimeDelta::days(1);

/// How long ago the payments are that may show that something else posts the store's orders.
const LOOK_BACK: TimeDelta = TimeDelta::days(90);

/// Staff edit the lists for new patients.
const LIFE_OF_LISTS: TimeDelta = TimeDelta::minutes(10);

/// The [`Flow`] from the orders of a store to the ledger of an EMR.
///
/// Its engine has a store of its own; its source is the online store. The ledger's vendor has no
/// idempotency key, so a payment carries a [`Marker`](cannula_rules::posting::Marker) and is
/// looked for by it: before it is posted, after it was posted, and after every attempt whose
/// outcome is not known.
#[derive(Debug)]
pub struct PostingFlow {
    rules: PostingRules,
    register: Register,
    ledger: Arc<dyn PaymentLedger>,
    clock: Arc<dyn Clock>,
    terms: OnceCell<Terms>,
}

impl PostingFlow {
    /// A flow by these rules, into this ledger of the patients in this register.
    pub fn new(
        rules: PostingRules,
        registry: Arc<dyn PatientRegistry>,
        ledger: Arc<dyn PaymentLedger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let register = Register::new(registry, clock.clone());
        Self { rules, register, ledger, clock, terms: OnceCell::new() }
    }

    /// The rules.
    pub fn rules(&self) -> &PostingRules {
        &self.rules
    }

    /// The configuration's words, resolved by the ledger's lists when they are first needed.
    async fn terms(&self) -> Result<&Terms> {
        let resolve = || async {
            let lists = self.register.prepare().await?;
            self.rules.terms(&self.ledger.options().await?, &lists)
        };
        self.terms.get_or_try_init(resolve).await
    }

    /// Refuses to begin while something else posts the same orders.
    async fn check_alone(&self) -> Result<()> {
        let config = self.rules.config();
        if config.ignore_other_posters {
            return Ok(());
        }
        let day = |instant: DateTime<Utc>| instant.with_timezone(&config.zone).date_naive();
        let now = self.clock.now();
        let from = day(config.start_from.max(now - LOOK_BACK));
        let rows = self.ledger.between(from, day(now) + TimeDelta::days(1)).await?;
        let theirs = self.rules.of_other_posters(&rows);
        let Some(example) = theirs.first() else { return Ok(()) };
        let (count, category) = (theirs.len(), config.category.as_deref().unwrap_or_default());
        Err(Error::new(
            ErrorKind::Config,
            format!(
                "something else seems to post the store's orders: since {from} the ledger has {count} payments of the category `{category}` without our marker, such as row {}. Turn the other integration off and set `start_from` to the day after its last payment; if these rows are staff's own, set `ignore_other_posters = true`",
                example.id
            ),
        ))
    }

    async fn identify(&self, asked: &Identification) -> Result<Identified> {
        let _one_at_a_time = self.register.one_at_a_time().await;
        let customer = &asked.customer;
        let made = match self.search(asked).await? {
            Match::Nobody => {
                let lists = self.register.lists(LIFE_OF_LISTS).await?.lists;
                let today = self.register.today();
                let patient = match self.rules.new_patient(customer, &lists, today) {
                    Ok(patient) => patient,
                    Err(problems) => return Ok(Identified::Incomplete(problems)),
                };
                let person = self.rules.person(customer);
                let who = |found| self.rules.identify(customer, found);
                self.register.create(&patient, &person, &asked.except, who).await?
            }
            found => Made::Found(found),
        };
        let candidates = |all: Vec<_>| all.into_iter().map(|(_, candidate)| candidate).collect();
        Ok(match made {
            Made::Created(patient) => Identified::Created(patient.id),
            Made::Refused(problem) => Identified::Refused(problem),
            Made::Found(Match::One(patient)) => Identified::Matched(patient.id),
            Made::Found(Match::Several(all)) => Identified::Duplicated(candidates(all)),
            Made::Found(Match::Possible(all)) => Identified::Possible(candidates(all)),
            // Not reached: who is found is somebody.
            Made::Found(Match::Nobody) => Identified::Refused(Register::HIDDEN.to_owned()),
        })
    }

    async fn search(&self, asked: &Identification) -> Result<Match> {
        let person = self.rules.person(&asked.customer);
        let found = self.register.search(&person, &asked.except).await?;
        Ok(self.rules.identify(&asked.customer, found))
    }

    async fn post(&self, state: &PostingState, post: &PostPayment) -> Result<PostingReceipt> {
        let rows = match self.ledger.of_patient(&post.patient).await {
            Err(error) if is_missing(&error) => return self.unknown_patient(state, post).await,
            rows => rows?,
        };
        if let Some(part) = self.find(post, &rows).await? {
            return Ok(PostingReceipt::Posted(part));
        }
        if post.amount.is_negative() {
            let taken: Vec<_> = state.rows().collect();
            if let Some(row) = self.rules.recorded(&lookup(post), &rows, &taken) {
                return Ok(PostingReceipt::RefundFound(row.id.clone()));
            }
        } else if let (false, Some(row)) = (post.insist, self.rules.looks_posted(post, &rows)) {
            return Ok(PostingReceipt::LooksPosted(row.id.clone()));
        }
        let payment = NewPayment {
            patient: post.patient.clone(),
            amount: post.amount,
            date: post.date,
            description: post.description.clone(),
            terms: self.terms().await?.of(post.card.as_deref()),
        };
        if let Err(error) = self.ledger.post(&payment).await {
            if is_missing(&error) {
                return self.unknown_patient(state, post).await;
            }
            return Err(error);
        }
        // It was taken, so it is not sent again whatever can be seen of it. What can be seen is
        // looked at next, and not here, where it could keep this from being known.
        Ok(PostingReceipt::Accepted(self.clock.now()))
    }

    /// The ledger says that there is no such patient. Only if the register does not show them
    /// either have they gone, as after a merge.
    async fn unknown_patient(
        &self,
        state: &PostingState,
        post: &PostPayment,
    ) -> Result<PostingReceipt> {
        if state.is_chosen(&post.patient) {
            let problem = "the EMR does not know the patient whom staff chose; they may have been merged: choose again";
            return Ok(PostingReceipt::Refused(problem.to_owned()));
        }
        let Some(order) = state.order(&post.order) else { return Ok(PostingReceipt::PatientGone) };
        let found = self.register.search(&self.rules.person(&order.customer), &[]).await?;
        Ok(if found.iter().any(|patient| patient.id == post.patient) {
            let problem = "the register shows the patient and the ledger does not know them";
            PostingReceipt::Refused(problem.to_owned())
        } else {
            PostingReceipt::PatientGone
        })
    }

    /// Finds the row of a payment that was taken, for as long as it may still come to light.
    async fn confirm(&self, post: &PostPayment, since: DateTime<Utc>) -> Result<PostingReceipt> {
        if let Some(part) = self.look_for(post).await? {
            return Ok(PostingReceipt::Posted(part));
        }
        if self.clock.now() - since > UNSEEN_AFTER {
            return Ok(PostingReceipt::Unseen);
        }
        let message = "the ledger does not show a payment that it has taken";
        Err(Error::new(ErrorKind::Unavailable, message).retry(Retry::Backoff))
    }

    /// The payment, wherever it is now.
    async fn look_for(&self, post: &PostPayment) -> Result<Option<PostedPart>> {
        let rows = match self.ledger.of_patient(&post.patient).await {
            Err(error) if is_missing(&error) => Vec::new(),
            rows => rows?,
        };
        self.find(post, &rows).await
    }

    /// The payment, on the patient's ledger or, if it was moved or staff merged patients, on
    /// anybody's around its date.
    async fn find(&self, post: &PostPayment, rows: &[LedgerRow]) -> Result<Option<PostedPart>> {
        if let Some(row) = self.rules.posted(post, rows) {
            return Ok(Some(self.rules.part(post, row)));
        }
        let (from, to) = self.rules.days_around(post);
        let rows = self.ledger.between(from, to).await?;
        Ok(self.rules.posted(post, &rows).map(|row| self.rules.part(post, row)))
    }

    async fn find_refund(
        &self,
        state: &PostingState,
        refund: &RefundLookup,
    ) -> Result<PostingReceipt> {
        let taken: Vec<_> = state.rows().collect();
        let missing = match self.ledger.of_patient(&refund.patient).await {
            Ok(rows) => match self.rules.recorded(refund, &rows, &taken) {
                Some(row) => return Ok(PostingReceipt::RefundFound(row.id.clone())),
                None => rows,
            },
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(error),
        };
        // Where staff merged patients, the payment and its refund are on another's ledger now.
        let Some(part) = state.parts(&refund.order).first() else {
            return Ok(PostingReceipt::RefundMissing);
        };
        if missing.iter().any(|row| Some(&row.id) == part.row()) {
            return Ok(PostingReceipt::RefundMissing);
        }
        let day = TimeDelta::days(1);
        let around = self.ledger.between(part.date - day, part.date + day).await?;
        let ours = around.iter().find(|row| Some(&row.id) == part.row());
        let Some(patient) = ours.and_then(|row| row.payment.patient.as_ref()) else {
            return Ok(PostingReceipt::RefundMissing);
        };
        let rows = self.ledger.of_patient(patient).await?;
        Ok(match self.rules.recorded(refund, &rows, &taken) {
            Some(row) => PostingReceipt::RefundFound(row.id.clone()),
            None => PostingReceipt::RefundMissing,
        })
    }
}

/// The ledger or the register has no such patient.
fn is_missing(error: &Error) -> bool {
    error.retry_advice() == Retry::Never
        && (error.http_status() == Some(404) || error.kind() == ErrorKind::NotFound)
}

/// What an error says that no other attempt can mend and that is about one order only.
fn final_word(error: Error) -> Result<String> {
    use ErrorKind::{Auth, Config, Contended, Decode, Forbidden, QuotaExhausted, Storage};
    if error.kind() == Decode && error.retry_advice() == Retry::Never {
        // An answer that cannot be read is often a page that says the vendor is being mended.
        return Err(error.retry(Retry::Backoff));
    }
    let everybodys =
        matches!(error.kind(), Auth | Config | Contended | Forbidden | QuotaExhausted | Storage);
    if error.retry_advice() == Retry::Never && !everybodys {
        tracing::warn!(%error, "left to staff");
        return Ok(error.message().to_owned());
    }
    Err(error)
}

fn lookup(post: &PostPayment) -> RefundLookup {
    RefundLookup {
        order: post.order.clone(),
        refund: String::new(),
        patient: post.patient.clone(),
        amount: post.amount.negated(),
        since: post.date,
    }
}

#[async_trait]
impl Flow for PostingFlow {
    type State = PostingState;
    type Effect = PostingEffect;
    type Receipt = PostingReceipt;

    async fn prepare(&self) -> Result<()> {
        self.ledger.check().await?;
        self.terms().await?;
        self.check_alone().await
    }

    fn unattended(&self, event: &Event) -> Verdict {
        verdict(self.rules.unattended(event))
    }

    fn decide(
        &self,
        state: PostingState,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Decision<PostingState, PostingEffect> {
        let plan = self.rules.decide(state, events, now);
        let verdicts = plan.verdicts.into_iter().map(|(event, ours)| (event, verdict(ours)));
        let verdicts: Vec<(EventId, Verdict)> = verdicts.collect();
        Decision {
            state: plan.state,
            effects: plan.effects,
            verdicts,
            wants: None,
            told: Vec::new(),
        }
    }

    async fn deliver(
        &self,
        state: &PostingState,
        effect: &PostingEffect,
        _key: &IdempotencyKey,
    ) -> Result<PostingReceipt> {
        match effect {
            PostingEffect::Identify(asked) => match self.identify(asked).await {
                Ok(identified) => Ok(PostingReceipt::Identified(identified)),
                Err(error) => final_word(error)
                    .map(|problem| PostingReceipt::Identified(Identified::Refused(problem))),
            },
            PostingEffect::Post(post) => match self.post(state, post).await {
                Ok(receipt) => Ok(receipt),
                Err(error) => final_word(error).map(PostingReceipt::Refused),
            },
            PostingEffect::Confirm { post, since } => match self.confirm(post, *since).await {
                Ok(receipt) => Ok(receipt),
                Err(error) => final_word(error).map(|_| PostingReceipt::Unseen),
            },
            PostingEffect::FindRefund(refund) => match self.find_refund(state, refund).await {
                Ok(receipt) => Ok(receipt),
                Err(error) => final_word(error).map(|_| PostingReceipt::RefundMissing),
            },
        }
    }

    async fn settle(
        &self,
        _state: &PostingState,
        effect: &PostingEffect,
        _key: &IdempotencyKey,
    ) -> Result<Option<PostingReceipt>> {
        match effect {
            PostingEffect::Identify(asked) => match self.search(asked).await {
                Ok(Match::One(patient)) => {
                    Ok(Some(PostingReceipt::Identified(Identified::Matched(patient.id))))
                }
                Ok(_) => Ok(None),
                // Asked once more to deliver it, the register says the same, and staff are told.
                Err(error) => final_word(error).map(|_| None),
            },
            PostingEffect::Post(post) => match self.look_for(post).await {
                Ok(part) => Ok(part.map(PostingReceipt::Posted)),
                // It may be there all the same: nobody is told that it was refused.
                Err(error) => final_word(error).map(|_| Some(PostingReceipt::Unseen)),
            },
            PostingEffect::Confirm { .. } | PostingEffect::FindRefund(_) => Ok(None),
        }
    }

    fn applied(
        &self,
        state: &mut PostingState,
        effect: &PostingEffect,
        receipt: &PostingReceipt,
    ) -> Option<String> {
        state.applied(effect, receipt);
        None
    }

    fn look_again(&self, _state: &PostingState, _now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    fn merged_into(&self, _state: &PostingState) -> Option<PersonId> {
        None
    }

    fn link_broken(&self, _state: &mut PostingState) {}

    fn gates(&self, _effect: &PostingEffect) -> bool {
        false
    }

    fn reveals(&self, _effect: &PostingEffect) -> bool {
        true
    }

    fn label(&self, effect: &PostingEffect) -> &'static str {
        effect.label()
    }
}

impl Engine<PostingFlow> {
    /// Staff say whose an order is that could not be posted by itself. Once this returns the
    /// decision is durable; the next [`Engine::drain`] acts on it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the order is not known; otherwise if the store fails.
    pub async fn resolve(
        &self,
        practice: &PracticeId,
        order: &OrderNumber,
        choice: PatientChoice,
        remember: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let id = RecordId::new(order.as_str());
        let key = RecordKey { practice: practice.clone(), kind: RecordKind::Order, id: id.clone() };
        let known = self.last_event(&key).await?;
        let Some(customer) = known.and_then(|event| event.record.person()) else {
            return Err(Error::new(ErrorKind::NotFound, format!("order {order} is not known")));
        };
        let decision = OrderDecision { order: order.clone(), customer, choice, remember };
        let record = Record::OrderDecision(decision);
        let event = Event::new(practice.clone(), id, record, Some(now), now);
        self.accept(vec![event]).await.map(drop)
    }
}

fn verdict(verdict: PostingVerdict) -> Verdict {
    let ruling = match verdict.outcome {
        Outcome::Parked(reason) => Ruling::Parked(reason),
        Outcome::Done | Outcome::Waiting => Ruling::Done,
    };
    Verdict { ruling, reasons: verdict.reasons.iter().map(PostingReason::sentence).collect() }
}
