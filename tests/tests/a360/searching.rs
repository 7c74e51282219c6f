use std::{collections::BTreeSet, sync::Arc};

use cannula::a360::{A360Config, MemoryStore, Notice, Results, SearchRequest};

use crate::{Clinic, contact, text};

fn names(results: &Results) -> Vec<String> {
    let name = |part: &Option<cannula::core::Phi<String>>| part.clone().unwrap().into_inner();
    let hits = results.hits.iter().map(|hit| &hit.contact);
    hits.map(|it| format!("{} {}", name(&it.first_name), name(&it.last_name))).collect()
}

async fn search(clinic: &Clinic, name: &str) -> Results {
    let request = SearchRequest { text: text(name), ..SearchRequest::default() };
    clinic.app.search(&request).await.unwrap()
}

#[tokio::test]
async fn apostrophes_hyphens_and_accents_are_found_and_what_only_looks_alike_is_not() {
    let [clinic, _] = Clinic::each().await;
    for (first, last) in [
        ("Maeve", "O'Neil"),
        ("Otto", "McNeil"),
        ("Ana", "Smith-Jones"),
        ("Ada", "Jones"),
        ("Inés", "Núñez"),
        ("Ines", "Nunez"),
        ("Gil", "Gomez"),
    ] {
        clinic.put(contact(first, last, "1990-02-03"));
    }
    clinic.index();
    for (typed, found) in [
        ("O'Neil", &["maeve o'neil"][..]),
        ("maeve o’neil", &["maeve o'neil"]),
        ("Smith-Jones", &["ana smith-jones"]),
        ("smith jones", &["ana smith-jones"]),
        ("JONES", &["ada jones", "ana smith-jones"]),
        ("Núñez", &["ines nunez", "inés núñez"]),
        ("Inés Núñez", &["ines nunez", "inés núñez"]),
        ("oneil", &["maeve o'neil"]),
        ("ONeil", &["maeve o'neil"]),
        ("nobody", &[]),
    ] {
        assert_eq!(names(&search(&clinic, typed).await), found, "{typed}");
    }
    // A name longer than a filter's value may be is cut, and not refused.
    assert_eq!(names(&search(&clinic, &"neil".repeat(30)).await), [""; 0]);
}

#[tokio::test]
async fn a_contact_made_a_second_ago_is_found_by_its_id_and_searches_say_that_they_may_lag() {
    for clinic in Clinic::each().await {
        let nova = clinic.put(contact("Nova", "Marar", "2001-09-08"));
        let by_name = search(&clinic, "nova").await;
        assert_eq!(names(&by_name), [""; 0]);
        assert!(by_name.notices.contains(&Notice::IndexMayLag { seconds: 20 }));
        let by_id = search(&clinic, &nova).await;
        assert_eq!(names(&by_id), ["Nova Marar"]);
        assert!(by_id.notices.contains(&Notice::FoundById));
        let selected = clinic.selected(&nova).await;
        assert_eq!(selected.patient.person.first_name.expose(), "Nova");
        clinic.index();
        let marked = search(&clinic, "nova").await;
        assert_eq!(marked.hits[0].linked, Some(selected.patient.id));
    }
}

#[tokio::test]
async fn a_name_that_more_than_ten_thousand_share_is_listed_to_the_end() {
    let config = A360Config { page_size: 500, ..A360Config::default() };
    let clinic = Clinic::open(Arc::new(MemoryStore::default()), config).await;
    for number in 0..10_050 {
        clinic.put(contact("Mara", &format!("Lee {number:05}"), "1990-02-03"));
    }
    clinic.index();
    let mut request = SearchRequest { text: text("mara"), ..SearchRequest::default() };
    let mut seen = BTreeSet::new();
    loop {
        let page = clinic.app.search(&request).await.unwrap();
        seen.extend(page.hits.into_iter().map(|hit| hit.contact.id.to_string()));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 10_050);
}
