//! The note that a request's outcome leaves on the contact.

use cannula_core::{Note, Phi};

use super::{
    Candidates, Intake, Registered, Registrant,
    state::{Answer, Request},
};

impl Intake {
    /// The note of an answered request.
    pub(super) fn note(&self, request: &Request, answer: &Answer) -> Note {
        let mut lines = match answer {
            Answer::Registered(registered) => self.registered(registered),
            Answer::Already(registrant) => self.made(
                "Already a Patient",
                "This contact was made a patient in {product} before, so nobody was created.",
                registrant,
            ),
            Answer::Foreign { tag, product } => {
                let ours = self.registry.product;
                let told = vec![format!(
                    "The tag “{tag}” makes patients in {product}. This practice's patients are in {ours}."
                )];
                self.failed(told, &format!("Apply the tag “{}” instead.", self.config.tag()))
            }
            Answer::Withdrawn | Answer::With(_) => Vec::new(),
        };
        let reference = request.event.reference().to_owned();
        lines.push(format!("Ref: {reference}"));
        Note { body: Phi::new(lines.join("\n")), reference }
    }

    fn registered(&self, registered: &Registered) -> Vec<String> {
        let product = self.registry.product;
        let tag = self.config.tag();
        match registered {
            Registered::Created(it) => {
                self.made("Patient Created", "The patient was created in {product}.", it)
            }
            Registered::Linked(it) => self.made(
                "Patient Linked",
                "{product} has this person already, so nobody was created and the contact is linked.",
                it,
            ),
            Registered::Confirmed(it) => self.made(
                "Patient Found",
                "The answer to an earlier attempt got lost. {product} has the patient, so nobody was created again.",
                it,
            ),
            Registered::Incomplete(problems) => {
                let mut told = vec!["These fields of the contact must be corrected first:".to_owned()];
                told.extend(problems.iter().map(|problem| format!("- {problem}")));
                self.failed(told, &format!("Correct them, then apply the tag “{tag}” again."))
            }
            Registered::Several(candidates) => {
                let chart = &self.config.fields.chart_number;
                let next = format!(
                    "Look them up in {product}. If one is this person, write that chart number into “{chart}”; if none is, write the word new. Then apply the tag “{tag}” again."
                );
                self.failed(told_candidates(product, candidates), &next)
            }
            Registered::Refused(problem) => {
                let told = vec![format!("{product} refused the patient: {problem}")];
                let next = format!(
                    "Correct what it objects to, then apply the tag “{tag}” again."
                );
                self.failed(told, &next)
            }
        }
    }

    fn made(&self, title: &str, sentence: &str, registrant: &Registrant) -> Vec<String> {
        let mut lines =
            vec![title.to_owned(), sentence.replace("{product}", self.registry.product)];
        let chart = registrant.chart.as_ref();
        lines.extend(chart.map(|chart| format!("Chart number: {}", chart.expose())));
        lines
    }

    fn failed(&self, told: Vec<String>, next: &str) -> Vec<String> {
        let mut lines = vec!["Patient Not Created".to_owned()];
        lines.extend(told);
        lines.push(format!("Next step: {next}"));
        lines
    }
}

fn told_candidates(product: &str, candidates: &Candidates) -> Vec<String> {
    let mut told = vec![format!("{product} has patients who could be this person:")];
    told.extend(candidates.iter().map(|(candidate, chart)| {
        let who = chart.as_ref().map_or_else(
            || format!("patient {} (without a chart number)", candidate.patient),
            |chart| format!("chart number {}", chart.expose()),
        );
        let differs = match &*candidate.differs {
            "" => String::new(),
            differs => format!("; another {differs}"),
        };
        format!("- {who}: same {}{differs}", candidate.agrees)
    }));
    told
}
