//! What people type: into a contact, a search, a field for a birth date; and the file of tokens,
//! which somebody may have touched.

use std::cell::OnceCell;

use cannula::{
    aesthetix::{Aesthetix, AesthetixConfig, Credentials, Directory, FileTokenStore, TokenStore},
    core::{
        ContactDirectory, CrmContact, ErrorKind, PatientField, Person, Phi, RegistryInfo, Secret,
    },
    rules::{
        intake::{Intake, IntakeConfig},
        patient_link::{LinkPolicy, Offer, contact_of, merge, name_words},
    },
};
use tokio::runtime::{Builder, Runtime};

use super::bench::{clock, opening};

/// Texts are between separators: the name, e-mail, phone, postal code, birth date, chart number and
/// a choice from a list.
const TEXTS: usize = 8;

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
    static CRM: OnceCell<Directory> = const { OnceCell::new() };
}

/// Whatever is typed, it is taken or the field is named; what is taken is what was typed, and no
/// text gets into a URL that is no id.
pub(super) fn typed(data: &[u8]) {
    token_file(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut texts = text.splitn(TEXTS, '\x1f').map(|it| Phi::new(it.to_owned()));
    let mut next = || texts.next();
    let contact = CrmContact {
        id: "c1".into(),
        first_name: next(),
        last_name: next(),
        email: next(),
        phone: next(),
        postal_code: next(),
        birth_date: None,
        gender: None,
        street: None,
        city: None,
        state: None,
        tags: Vec::new(),
        fields: ["NXT Birthday", "NXT Chart Number", "NXT Location"]
            .into_iter()
            .map_while(|name| Some((name.to_owned(), next()?)))
            .collect(),
    };
    asked_for(&contact);
    linked(&contact);
    CRM.with(|crm| {
        let crm = crm.get_or_init(directory);
        for text in [Some(text), contact.first_name.as_ref().map(|it| it.expose().as_str())] {
            let text = Phi::new(text.unwrap_or_default().to_owned());
            if let Some(id) = crm.id_in(&text) {
                assert!(
                    id.as_str().chars().all(|c| c.is_ascii_alphanumeric()),
                    "{}",
                    text.expose()
                );
            }
            for word in name_words(&text) {
                assert!(!word.expose().is_empty());
            }
        }
    });
}

fn asked_for(contact: &CrmContact) {
    let registry = RegistryInfo {
        name: "fuzz",
        product: "The EMR",
        practice: "practice".into(),
        required: vec![PatientField::Email, PatientField::Phone, PatientField::PostalCode],
        default_postal_code: None,
    };
    let intake = Intake::new(IntakeConfig::new(vec!["NXT Create".to_owned()]), registry);
    match intake.check(contact, &Default::default(), opening().date_naive()) {
        Ok(draft) => {
            let email = draft.person.email.unwrap();
            let typed = contact.email.as_ref().unwrap().expose();
            assert!(typed.contains(email.expose()) && email.expose().contains('@'), "{typed}");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.field.is_empty() && !problem.message.is_empty(), "{problem}");
            }
        }
    }
    let _ = intake.choice(contact);
}

fn linked(contact: &CrmContact) {
    let (policy, today) = (LinkPolicy::default(), opening().date_naive());
    let policy = LinkPolicy { birthday_field: "NXT Birthday".to_owned(), ..policy };
    let offer = Offer::read(contact, None, &policy, today);
    if let Some(date) = offer.birth_date() {
        assert!(policy.is_birth_date(date, today), "{date}");
    }
    let nobody = Person::default();
    let merged = merge(&offer, &nobody, &policy, today);
    // What was taken over is found again, and to take it over twice changes nothing.
    let again = merge(&offer, &merged.person, &policy, today);
    assert_eq!(again.person, merged.person);
    let _ = contact_of(&merged.person, &policy);
}

/// A file of tokens is one of ours or is refused; what is wrong with it says nothing of it.
fn token_file(data: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), data).unwrap();
    let store = FileTokenStore::new(file.path());
    let read = RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| Builder::new_current_thread().build().unwrap());
        runtime.block_on(store.load())
    });
    if let Err(error) = read {
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(error.to_string().contains("not one of ours"), "{error}");
    }
}

fn directory() -> Directory {
    let token = Credentials::PrivateToken(Secret::new("token"));
    let config = AesthetixConfig::new("https://crm.test".parse().unwrap(), "location", token);
    Aesthetix::new(config, clock()).unwrap().directory()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "Mina\x1fSol\x1fmina@example.test\x1f(212) 555-0100 ext. 4\x1f62701\x1f1990-05-17\x1f4711\x1fMain",
        "\u{130}na-Maria\x1fO’Neil\x1fno@email\x1f+44 20 7946 0958\x1f\x1f5/17/1990\x1fNew\x1f",
        "-\x1f\x1f@\x1f000-000-0000;ext=\x1f0\x1f0000-00-00T\x1f \x1f",
        "AbCdEfGhIjKlMnOpQr12",
        r#"{"access_token":"a","refresh_token":"b","expires_at":"2026-03-02T00:00:00Z"}"#,
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
