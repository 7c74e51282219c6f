//! Whether a patient that a search found is the person.
//!
//! A file under `cases/intake/match` begins with the person and goes on with found patients, one a
//! line: `given | family | birth date | e-mails | phones`. A `?` before a line puts it into a
//! search of its own; lines without one are found together.

use std::fmt::Write as _;

use cannula_core::{Patient, Person, PersonName, Phi, Phone, PhoneUse};
use cannula_rules::intake::{Match, contradicts, resolve};

fn cells(line: &str) -> [String; 5] {
    let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
    cells.try_into().unwrap_or_else(|_| panic!("{line}"))
}

fn some(text: &str) -> Option<Phi<String>> {
    (!text.is_empty()).then(|| Phi::new(text.to_owned()))
}

fn person(line: &str) -> Person {
    let [given, family, born, email, phone] = cells(line);
    Person {
        first_name: Phi::new(given),
        last_name: Phi::new(family),
        email: some(&email),
        phone: some(&phone),
        birth_date: born.parse().ok().map(Phi::new),
    }
}

fn patient(id: &str, line: &str) -> Patient {
    let [given, family, born, emails, phones] = cells(line);
    let phone = |number: &str| Phone {
        usage: PhoneUse::Home,
        number: Phi::new(number.trim().to_owned()),
        preferred: false,
    };
    Patient {
        is_new: false,
        id: id.into(),
        chart_number: None,
        name: PersonName { given: Phi::new(given), family: Phi::new(family) },
        birth_date: born.parse().ok().map(Phi::new),
        emails: emails.split(';').filter_map(|it| some(it.trim())).collect(),
        phones: phones.split(';').filter(|it| !it.trim().is_empty()).map(phone).collect(),
    }
}

fn told(result: &Match) -> String {
    match result {
        Match::One(patient) => format!("is {}", patient.id),
        Match::Nobody => "is nobody".to_owned(),
        Match::Several(all) | Match::Possible(all) => {
            let each = all.iter().map(|(_, it)| {
                format!("{} (same: {}; other: {})", it.patient, it.agrees, it.differs)
            });
            format!("could be {}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

const MINA: &str = "Mina | Sol | 1990-05-17 | mina@example.test | 212 555 0100";

#[test]
fn every_combination_of_name_birth_date_and_contact_data_has_one_answer() {
    let names = [
        ("same name", "Mina | Sol"),
        ("other first name", "Jun | Sol"),
        ("other last name", "Mina | Park"),
        ("other name", "Jun | Park"),
    ];
    let births = [
        ("same birth date", "1990-05-17"),
        ("other birth date", "1962-01-02"),
        ("no birth date", ""),
    ];
    let contacts = [
        ("same e-mail and phone", "mina@example.test | 212 555 0100"),
        ("same e-mail, other phone", "mina@example.test | 312 555 0199"),
        ("same e-mail, no phone shown", "mina@example.test | "),
        ("other e-mail, same phone", "m@example.test | 212 555 0100"),
        ("other e-mail and phone", "m@example.test | 312 555 0199"),
        ("other e-mail, no phone shown", "m@example.test | "),
        ("neither shown", " | "),
    ];
    let mut text = String::new();
    for (name, names) in names {
        for (birth, born) in births {
            for (contact, data) in contacts {
                let found = vec![patient("p1", &format!("{names} | {born} | {data}"))];
                let answer = told(&resolve(&person(MINA), found));
                let signs = format!("{name}, {birth}, {contact}");
                writeln!(text, "{signs:62} {answer}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn each_search_ends_as_its_snapshot_says() {
    insta::glob!("../../cases", "intake/match/*.txt", |path| {
        let file = std::fs::read_to_string(path).unwrap();
        let mut lines =
            file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let who = lines.next().unwrap();
        let (mut text, mut together) = (format!("{who}\n"), Vec::new());
        for line in lines {
            if let Some(alone) = line.strip_prefix('?') {
                let answer = told(&resolve(&person(who), vec![patient("p", alone)]));
                writeln!(text, "{line}\n    {answer}").unwrap();
            } else {
                together.push(patient(&format!("p{}", together.len() + 1), line));
                writeln!(text, "{line}\n    p{}", together.len()).unwrap();
            }
        }
        if !together.is_empty() {
            // Each was found by e-mail, by phone and by name.
            together.extend(together.clone());
            writeln!(text, "all together\n    {}", told(&resolve(&person(who), together))).unwrap();
        }
        insta::assert_snapshot!(text);
    });
}

#[test]
fn a_named_chart_may_have_another_last_name_or_another_birth_date_but_not_both() {
    let with = |line: &str| contradicts(&person(MINA), &patient("p", line));
    assert_eq!(with("Mina | Sol | 1990-05-17 | | "), None);
    assert_eq!(with("Mina | Park | 1990-05-17 | | "), None);
    assert_eq!(with("M | SOL | 1990-05-18 | | "), None);
    assert_eq!(with("Mina | Sol | | | "), None);
    let both = Some("another last name and another birth date");
    assert_eq!(with("Mina | Park | 1990-05-18 | mina@example.test | "), both);
    assert_eq!(
        with("Mina | Park | | mina@example.test | "),
        Some("another last name and no birth date")
    );
}
