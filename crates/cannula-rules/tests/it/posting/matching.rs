//! Whose ledger an order goes to.

use std::fmt::Write as _;

use cannula_core::{Candidate, Patient, PersonName, Phone, PhoneUse};
use cannula_rules::{
    intake::Match,
    posting::{NearMatch, PostingConfig, PostingRules},
};

use super::{config, order, phi, rules};

fn patient(id: usize, cells: [&str; 5]) -> Patient {
    let [given, family, born, email, phone] = cells;
    let filled = |text: &str| (!text.is_empty()).then(|| phi(text));
    Patient {
        id: format!("p{id}").as_str().into(),
        chart_number: None,
        name: PersonName { given: phi(given), family: phi(family) },
        birth_date: born.parse().ok().map(cannula_core::Phi::new),
        emails: filled(email).into_iter().collect(),
        phones: filled(phone)
            .map(|number| Phone { usage: PhoneUse::Mobile, number, preferred: false })
            .into_iter()
            .collect(),
        is_new: false,
    }
}

fn told(result: Match) -> String {
    let list = |all: Vec<(Patient, Candidate)>| {
        let each = all.into_iter().map(|(_, it)| match it.differs.as_str() {
            "" => format!("{} (same {})", it.patient, it.agrees),
            other => format!("{} (same {}, other {other})", it.patient, it.agrees),
        });
        each.collect::<Vec<_>>().join(", ")
    };
    match result {
        Match::One(patient) => format!("post to {}", patient.id),
        Match::Nobody => "new patient".to_owned(),
        Match::Several(all) => format!("Duplicated customer: {}", list(all)),
        Match::Possible(all) => format!("Possible match: {}", list(all)),
    }
}

fn answers(rules: &[PostingRules; 2], found: &[Patient]) -> String {
    let [ask, create] =
        rules.each_ref().map(|rules| told(rules.identify(&order("1").customer, found.to_vec())));
    if ask == create { ask } else { format!("{ask}\n    or, with near_match = create: {create}") }
}

fn both() -> [PostingRules; 2] {
    [NearMatch::Ask, NearMatch::Create]
        .map(|near_match| rules(PostingConfig { near_match, ..config() }))
}

const IVY: [&str; 5] = ["Ivy", "Sample", "", "ivy@example.test", "918-555-0101"];

fn ivy(change: impl Fn(&mut [&str; 5])) -> [&'static str; 5] {
    let mut cells = IVY;
    change(&mut cells);
    cells
}

/// The rows of the table in the facts about the store's own integration, and their neighbours.
#[test]
fn each_row_of_the_matching_table_has_its_answer() {
    let rows: [(&str, Vec<[&str; 5]>); 15] = [
        ("all four agree", vec![IVY]),
        (
            "all four agree, the name in one piece",
            vec![ivy(|it| {
                (it[0], it[1]) = ("Ivy Sample", "");
            })],
        ),
        ("two agree in all four", vec![IVY, IVY]),
        ("same e-mail, other phone", vec![ivy(|it| it[4] = "918-555-0999")]),
        (
            "same e-mail, other phone, twice",
            vec![ivy(|it| it[4] = "918-555-0999"), ivy(|it| it[4] = "")],
        ),
        (
            "one agrees in all four, one in all but the phone",
            vec![IVY, ivy(|it| it[4] = "918-555-0999")],
        ),
        ("same e-mail, married name", vec![ivy(|it| it[1] = "Okafor")]),
        ("family sharing an e-mail, one with the first name", vec![ivy(|it| it[0] = "Tom"), IVY]),
        (
            "family sharing an e-mail, none with the first name",
            vec![ivy(|it| {
                it[0] = "Tom";
                it[4] = "918-555-0999";
            })],
        ),
        (
            "family sharing e-mail and phone, none with the first name",
            vec![ivy(|it| it[0] = "Tom")],
        ),
        ("other e-mail, same phone and name", vec![ivy(|it| it[3] = "old@example.test")]),
        ("e-mail withheld, same phone and name", vec![ivy(|it| it[3] = "")]),
        (
            "same name only",
            vec![ivy(|it| {
                it[3] = "old@example.test";
                it[4] = "918-555-0999";
            })],
        ),
        (
            "same in other spelling",
            vec![["IVY ", "Sámple", "", " Ivy@Example.TEST", "+1 918.555.0101"]],
        ),
        ("longer name found by its beginning", vec![ivy(|it| it[1] = "Samples")]),
    ];
    let rules = both();
    let mut table = String::new();
    for (name, found) in rows {
        let found: Vec<_> =
            found.into_iter().enumerate().map(|(index, cells)| patient(index + 1, cells)).collect();
        writeln!(table, "{name}\n    {}", answers(&rules, &found)).unwrap();
    }
    insta::assert_snapshot!("matching_rows", table);
}

#[test]
fn every_combination_of_name_birth_date_e_mail_and_phone_has_one_answer() {
    let names = [
        ("same name", ["Ivy", "Sample"]),
        ("other first name", ["Tom", "Sample"]),
        ("other last name", ["Ivy", "Okafor"]),
        ("other name", ["Tom", "Okafor"]),
    ];
    let births = [("same birth date", "1988-05-09"), ("other", "1962-01-02"), ("not known", "")];
    let emails = [("same e-mail", "ivy@example.test"), ("other", "x@example.test"), ("none", "")];
    let phones = [("same phone", "918 555 0101"), ("other", "312 555 0199"), ("none", "")];
    let rules = both();
    let mut table = String::new();
    for (name, [given, family]) in names {
        for (birth, born) in births {
            for (mail, email) in emails {
                for (call, phone) in phones {
                    let found = [patient(1, [given, family, born, email, phone])];
                    let answer = answers(&rules, &found);
                    writeln!(table, "{name} | {birth} | {mail} | {call}\n    {answer}").unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!("matching_table", table);
}
