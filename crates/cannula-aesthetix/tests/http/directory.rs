//! Contacts by name, for people who look one up.

use cannula_aesthetix::{AesthetixConfig, Directory, Duplicates};
use cannula_core::{
    ContactCreation, ContactDirectory, Cursor, DirectoryPage, DirectorySearch, ErrorKind,
    ParkReason, Person, Phi, Retry,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

use crate::support::{Crm, mina};

const SEARCH: &str = "/contacts/search";

fn for_text(text: &str, limit: u16) -> DirectorySearch {
    DirectorySearch { text: Phi::new(text.to_owned()), limit, after: None }
}

fn ids(page: &DirectoryPage) -> Vec<&str> {
    page.hits.iter().map(|hit| hit.id.as_str()).collect()
}

/// A page of contacts numbered from `first`, of whom every third is an O'Mara and the others are Maras.
fn rows(first: u32, count: u32) -> ResponseTemplate {
    let row = |n: u32| {
        let name = if n.is_multiple_of(3) { "o'mara" } else { "mara" };
        json!({ "id": format!("c-{n}"), "firstNameLowerCase": "lee", "lastNameLowerCase": name, "searchAfter": [name, format!("{n:04}")] })
    };
    let contacts: Vec<Value> = (first..first + count).map(row).collect();
    ResponseTemplate::new(200).set_body_json(json!({ "contacts": contacts, "total": 150 }))
}

#[tokio::test]
async fn a_name_is_asked_for_in_plain_pieces_and_what_only_looks_like_it_is_left_out() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "directory.json").await;
    let page = crm.sink.directory().search(&for_text("O'Neil", 20)).await.unwrap();
    assert_eq!(ids(&page), ["c-oneil", "c-typed"]);
    assert_eq!((page.at_most, page.unreadable, &page.next), (Some(4), 1, &None));
    assert_json_snapshot!("directory_hits", page.hits);
    assert_json_snapshot!("directory_search", crm.requests().await);
}

#[tokio::test]
async fn the_check_asks_for_one_contact_and_for_the_fields_which_are_a_scope_of_their_own() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "directory.json").await;
    crm.answers("GET", "/locations/loc1/customFields", 200, "custom_fields.json").await;
    crm.sink.directory().check().await.unwrap();
    assert_json_snapshot!("directory_check", crm.requests().await);
}

#[tokio::test]
async fn a_text_without_a_letter_is_refused_before_it_is_sent() {
    let crm = Crm::start().await;
    let error = crm.sink.directory().search(&for_text(" -' ", 20)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("write a name"), "{error}");
    assert_eq!(crm.total_calls(), 0);
}

#[tokio::test]
async fn pages_go_on_after_the_last_hit_that_was_shown() {
    let crm = Crm::start().await;
    // The last hit that was shown, and the last row of a page that held too few.
    for (after, first, count) in [(["o'mara", "0060"], 61, 500), (["mara", "0500"], 501, 50)] {
        Mock::given(method("POST"))
            .and(path(SEARCH))
            .and(body_partial_json(json!({ "searchAfter": after })))
            .respond_with(rows(first, count))
            .mount(&crm.server)
            .await;
    }
    crm.responds("POST", SEARCH, rows(1, 500)).await;
    let directory = crm.sink.directory();
    let first = directory.search(&for_text("O'Mara", 20)).await.unwrap();
    assert_eq!(first.hits.len(), 20);
    assert_eq!((ids(&first)[0], ids(&first)[19]), ("c-3", "c-60"));
    let after = first.next.clone();
    let second =
        directory.search(&DirectorySearch { after, ..for_text("O'Mara", 20) }).await.unwrap();
    assert_eq!(ids(&second)[0], "c-63");
    let most = directory.search(&for_text("O'Mara", 180)).await.unwrap();
    assert_eq!((most.hits.len(), ids(&most)[179]), (180, "c-540"));
    assert_json_snapshot!("directory_pages", crm.requests().await.last().unwrap());
    assert!(!format!("{first:?}").contains("mara"), "a place in the list holds a name");
}

#[tokio::test]
async fn a_list_that_leads_to_itself_is_an_error() {
    let crm = Crm::start().await;
    crm.responds("POST", SEARCH, rows(1, 500)).await;
    let error = crm.sink.directory().search(&for_text("O'Mara", 400)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_search_that_finds_nobody_ends() {
    let crm = Crm::start().await;
    let nobody = ResponseTemplate::new(200).set_body_json(json!({ "contacts": [], "total": 0 }));
    crm.responds("POST", SEARCH, nobody).await;
    let after = Some(Phi::new(Cursor::new("unreadable")));
    let search = DirectorySearch { after, ..for_text("O'Mara", 20) };
    let page = crm.sink.directory().search(&search).await.unwrap();
    assert_eq!(page, DirectoryPage { at_most: Some(0), ..DirectoryPage::default() });
}

#[tokio::test]
async fn a_contact_is_read_by_id_with_its_fields_by_name_and_none_is_none() {
    let crm = Crm::start().await;
    crm.answers("GET", "/contacts/c-lena", 200, "contact_lena.json").await;
    crm.answers("GET", "/locations/loc1/customFields", 200, "custom_fields_intake.json").await;
    crm.answers("GET", "/contacts/c-gone", 404, "contact_not_found.json").await;
    crm.answers("GET", "/contacts/c-merged", 200, "contact_lena.json").await;
    let directory = crm.sink.directory();
    let lena = directory.get(&"c-lena".into()).await.unwrap().unwrap();
    assert_json_snapshot!("directory_contact", lena);
    assert_eq!(directory.get(&"c-gone".into()).await.unwrap(), None);
    assert_eq!(directory.get(&"c-merged".into()).await.unwrap(), None, "another's answer");
}

#[tokio::test]
async fn a_contact_without_fields_is_read_without_their_list() {
    let crm = Crm::start().await;
    let bare = ResponseTemplate::new(200)
        .set_body_json(json!({ "contact": { "id": "c-bare", "firstName": "Mara" } }));
    crm.responds("GET", "/contacts/c-bare", bare).await;
    assert!(crm.sink.directory().get(&"c-bare".into()).await.unwrap().is_some());
    assert_eq!(crm.total_calls(), 1);
}

#[tokio::test]
async fn only_the_crm_can_say_that_a_contact_is_not_there() {
    for (status, said, is_gone) in [
        (404, "Contact with id c-x not found", true),
        (400, "Contact with id c-x not found", true),
        (404, "Not Found", false),
        (404, "no Route matched with those values", false),
        (404, "/contacts/c-x does not exist", false),
    ] {
        let crm = Crm::start().await;
        let body = json!({ "statusCode": status, "message": said });
        let answer = ResponseTemplate::new(status).set_body_json(body);
        crm.responds("GET", "/contacts/c-x", answer).await;
        match crm.sink.directory().get(&"c-x".into()).await {
            Ok(found) => assert!(is_gone && found.is_none(), "{said}"),
            Err(error) => {
                assert!(!is_gone, "{said}: {error}");
                let advice = (error.kind(), error.retry_advice());
                assert_eq!(advice, (ErrorKind::Unavailable, Retry::Backoff));
            }
        }
    }
}

#[tokio::test]
async fn an_id_is_twenty_letters_and_digits_that_are_no_name_and_no_number() {
    let crm = Crm::start().await;
    let id = |text: &str| directory(&crm).id_in(&Phi::new(text.to_owned()));
    for text in ["ocQHyuzHvysMo5N5VsXc", " sx6wyHhbFdRXh302LLNR ", "abcdefghijKlmnopqrst"] {
        assert_eq!(id(text), Some(text.trim().into()), "{text}");
    }
    for text in [
        "",
        "Mara",
        "ocQHyuzHvysMo5N5VsX",
        "ocQHyuzHvysMo5N5VsXc1",
        "ocQHyuz-vysMo5N5VsXc",
        "ocQHyuz vysMo5N5VsXc",
        "Venkatanarasimharaju",
        "VENKATANARASIMHARAJU",
        "venkatanarasimharaju",
        "19185550123918555012",
        "Núñezocqhyuzhvysmo5N",
    ] {
        assert_eq!(id(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_name_that_is_cut_is_looked_for_in_the_largest_pages() {
    let crm = Crm::start().await;
    crm.responds("POST", SEARCH, rows(1, 3)).await;
    for (text, limit, rows) in
        [("mara", 20, 100), ("mara", 200, 200), ("Núñez", 20, 500), ("O'Mara", 20, 500)]
    {
        directory(&crm).search(&for_text(text, limit)).await.unwrap();
        let (_, sent) = crm.requests().await.pop().unwrap();
        assert_eq!(sent["pageLimit"], rows, "{text}");
    }
}

#[tokio::test]
async fn a_contact_is_created_once_and_the_one_in_the_way_is_named() {
    let crm = Crm::start().await;
    crm.answers_once("POST", "/contacts/", 201, "contact_created.json").await;
    crm.answers("POST", "/contacts/", 400, "duplicate_email.json").await;
    let directory = crm.sink.directory();
    let ContactCreation::Created(id) = directory.create(&mina()).await.unwrap() else {
        panic!("it is created")
    };
    let taken = directory.create(&mina()).await.unwrap();
    let ContactCreation::Taken { by, shared } = &taken else { panic!("{taken:?}") };
    assert_eq!((by, shared.as_str()), (&id, "email"));
    assert_json_snapshot!("directory_create", crm.requests().await[0]);
}

#[tokio::test]
async fn where_duplicates_are_allowed_the_contact_is_looked_for_first() {
    let allowed = |config| AesthetixConfig { duplicates: Duplicates::Allowed, ..config };
    let crm = Crm::with(allowed).await;
    let found = ResponseTemplate::new(200).set_body_json(
        json!({ "contact": { "id": "c-9", "phone": "+12024561111", "email": "other@example.test" } }),
    );
    crm.responds("GET", "/contacts/search/duplicate", found).await;
    let taken = crm.sink.directory().create(&mina()).await.unwrap();
    assert_eq!(taken, ContactCreation::Taken { by: "c-9".into(), shared: "phone".into() });
    assert_eq!(crm.total_calls(), 1);
}

#[tokio::test]
async fn nobody_is_created_whom_the_crm_could_not_tell_from_the_next() {
    let crm = Crm::start().await;
    let nobody = Person { email: None, phone: Some(Phi::new("none".into())), ..mina() };
    let error = crm.sink.directory().create(&nobody).await.unwrap_err();
    assert_eq!(error.park_reason(), Some(&ParkReason::NoContactDetails));
    assert_eq!(crm.total_calls(), 0);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_says_that_it_may_have_been_done() {
    let crm = Crm::start().await;
    crm.responds("POST", "/contacts/", ResponseTemplate::new(502)).await;
    let error = directory(&crm).create(&mina()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Unavailable, Retry::Settle));
    assert_eq!(crm.total_calls(), 1, "it is not repeated blindly");
}

fn directory(crm: &Crm) -> Directory {
    crm.sink.directory()
}
