use serde_json::{Value, json};

use crate::support::{Crm, id_of};

const SURGERY: usize = 0;
const LEAD: usize = 1;

struct Board {
    crm: Crm,
    contact: String,
    pipelines: Vec<Value>,
}

impl Board {
    async fn start() -> Self {
        let crm = Crm::start().await;
        let contact = crm.contact(json!({ "firstName": "Ana", "lastName": "Silva" })).await;
        let path = format!("/opportunities/pipelines?locationId={}", crm.location);
        let pipelines = crm.get(&path).await.expect(200)["pipelines"].as_array().unwrap().clone();
        Self { crm, contact, pipelines }
    }

    /// A body with the contact, a pipeline and one of its stages.
    fn body(&self, pipeline: usize, stage: usize) -> Value {
        json!({
            "contactId": self.contact,
            "pipelineId": self.pipelines[pipeline]["id"],
            "pipelineStageId": self.pipelines[pipeline]["stages"][stage]["id"],
        })
    }

    fn create_body(&self, pipeline: usize) -> Value {
        let mut body = self.body(pipeline, 0);
        body["name"] = json!("Ana Silva");
        body["status"] = json!("open");
        body
    }

    /// Pipeline, stage and status of each of the contact's opportunities.
    fn shown(&self) -> Vec<(String, String, String)> {
        let contact = self.crm.snapshot().contacts.remove(0);
        let shown = contact.opportunities.into_iter();
        shown.map(|card| (card.pipeline, card.stage, card.status)).collect()
    }

    /// The value of the contact's only opportunity.
    fn value(&self) -> Option<String> {
        self.crm.snapshot().contacts.remove(0).opportunities.remove(0).value
    }
}

fn row(pipeline: &str, stage: &str, status: &str) -> (String, String, String) {
    (pipeline.to_owned(), stage.to_owned(), status.to_owned())
}

#[tokio::test]
async fn the_location_has_both_of_the_vendors_pipelines() {
    let board = Board::start().await;
    let names: Vec<&str> =
        board.pipelines.iter().map(|pipeline| pipeline["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Surgery: Lead 2 Patient", "Lead 2 Patient"]);
    assert_eq!(board.pipelines[LEAD]["stages"][2]["name"], "Booked");
    assert_eq!(board.pipelines[LEAD]["locationId"], board.crm.location.as_str());
}

#[tokio::test]
async fn an_upsert_creates_with_201_and_then_moves_the_same_card_with_200() {
    let board = Board::start().await;
    let body = board.body(LEAD, 2);
    let first = board.crm.post_here("/opportunities/upsert", body).await.expect(201);
    assert_eq!(first["new"], true);
    assert_eq!(first["opportunity"]["contact"]["name"], "Ana Silva");
    let mut body = board.body(LEAD, 4);
    body["status"] = json!("won");
    let second = board.crm.post_here("/opportunities/upsert", body).await.expect(200);
    assert_eq!(second["new"], false);
    assert_eq!(second["opportunity"]["id"], first["opportunity"]["id"]);
    assert_eq!(board.shown(), [row("Lead 2 Patient", "Patient", "won")]);
}

#[tokio::test]
async fn an_upsert_refuses_custom_fields_and_needs_the_contact() {
    let board = Board::start().await;
    let body = json!({ "pipelineId": board.pipelines[LEAD]["id"], "customFields": [] });
    let refusal = board.crm.post_here("/opportunities/upsert", body).await.expect(422);
    let expected = json!(["property customFields should not exist", "contactId must be a string"]);
    assert_eq!(refusal["message"], expected);
}

#[tokio::test]
async fn a_second_opportunity_in_a_pipeline_is_refused_even_when_the_first_is_won() {
    let board = Board::start().await;
    let mut body = board.create_body(SURGERY);
    body["status"] = json!("won");
    let first = board.crm.post_here("/opportunities/", body).await.expect(201);
    let body = board.create_body(SURGERY);
    let refusal = board.crm.post_here("/opportunities/", body).await.expect(400);
    assert_eq!(refusal["code"], "OPPORTUNITY_NO_DUPLICATE");
    assert_eq!(refusal["message"], "Can not create duplicate opportunity for the contact.");
    assert_eq!(refusal["meta"], json!({ "existingId": first["opportunity"]["id"] }));
    board.crm.post_here("/opportunities/", board.create_body(LEAD)).await.expect(201);
}

#[tokio::test]
async fn a_location_that_allows_duplicate_opportunities_makes_one_each_time() {
    let board = Board::start().await;
    board.crm.state.change_settings(|settings| settings.allow_duplicate_opportunities = true);
    for _ in 0..2 {
        board.crm.post_here("/opportunities/", board.create_body(LEAD)).await.expect(201);
    }
    assert_eq!(board.shown().len(), 2);
}

#[tokio::test]
async fn an_update_is_partial_and_refuses_the_contact() {
    let board = Board::start().await;
    let created = board.crm.post_here("/opportunities/", board.create_body(LEAD)).await;
    let path = format!("/opportunities/{}", id_of(&created.expect(201)["opportunity"]));
    let answer = board.crm.put(&path, json!({ "monetaryValue": 500 })).await.expect(200);
    assert_eq!(answer["opportunity"]["monetaryValue"], 500);
    assert_eq!(answer["opportunity"]["name"], "Ana Silva");
    let refusal = board.crm.put(&path, json!({ "contactId": board.contact })).await.expect(422);
    assert_eq!(refusal["message"], json!(["property contactId should not exist"]));
}

#[tokio::test]
async fn a_stage_of_another_pipeline_is_stored_without_a_word() {
    let board = Board::start().await;
    let mut body = board.body(LEAD, 0);
    body["pipelineStageId"] = board.pipelines[SURGERY]["stages"][2]["id"].clone();
    board.crm.post_here("/opportunities/upsert", body.clone()).await.expect(201);
    assert_eq!(board.shown(), [row("Lead 2 Patient", "Consult Booked", "open")]);
    body["pipelineStageId"] = json!("no-such-stage");
    board.crm.post_here("/opportunities/upsert", body).await.expect(400);
}

#[tokio::test]
async fn an_opportunity_without_a_stage_starts_in_the_first() {
    let board = Board::start().await;
    let mut body = board.create_body(LEAD);
    body.as_object_mut().unwrap().remove("pipelineStageId");
    board.crm.post_here("/opportunities/", body).await.expect(201);
    assert_eq!(board.shown(), [row("Lead 2 Patient", "New Lead", "open")]);
}

#[tokio::test]
async fn the_status_has_its_own_endpoint_and_a_deleted_card_makes_room() {
    let board = Board::start().await;
    let created = board.crm.post_here("/opportunities/", board.create_body(LEAD)).await;
    let path = format!("/opportunities/{}", id_of(&created.expect(201)["opportunity"]));
    let answer = board.crm.put(&format!("{path}/status"), json!({ "status": "lost" })).await;
    assert_eq!(answer.expect(200)["succeded"], true);
    assert_eq!(board.crm.get(&path).await.expect(200)["opportunity"]["status"], "lost");
    board.crm.delete(&path).await.expect(200);
    board.crm.get(&path).await.expect(400);
    board.crm.post_here("/opportunities/", board.create_body(LEAD)).await.expect(201);
}

#[tokio::test]
async fn a_card_that_moves_to_another_pipeline_is_found_there() {
    let board = Board::start().await;
    let body = board.body(LEAD, 0);
    let created = board.crm.post_here("/opportunities/upsert", body).await.expect(201);
    let id = id_of(&created["opportunity"]);
    let mut body = board.body(SURGERY, 2);
    body.as_object_mut().unwrap().remove("contactId");
    board.crm.put(&format!("/opportunities/{id}"), body).await.expect(200);
    let body = board.body(SURGERY, 3);
    let moved = board.crm.post_here("/opportunities/upsert", body).await.expect(200);
    assert_eq!(id_of(&moved["opportunity"]), id);
}

#[tokio::test]
async fn a_value_is_stored_by_every_write_and_leaves_stage_and_status_alone() {
    let board = Board::start().await;
    let mut body = board.body(LEAD, 4);
    body["status"] = json!("won");
    let created = board.crm.post_here("/opportunities/upsert", body).await.expect(201);
    assert_eq!(created["opportunity"]["monetaryValue"], 0);
    assert_eq!(board.value(), None);
    let path = format!("/opportunities/{}", id_of(&created["opportunity"]));
    for (sent, shown) in [(json!(149.50), "149.5"), (json!(2500.00), "2500"), (json!(0), "0")] {
        board.crm.put(&path, json!({ "monetaryValue": sent })).await.expect(200);
        assert_eq!(board.value().as_deref(), Some(shown));
    }
    assert_eq!(board.shown(), [row("Lead 2 Patient", "Patient", "won")]);
    let mut body = board.body(LEAD, 4);
    body["monetaryValue"] = json!(99.99);
    board.crm.post_here("/opportunities/upsert", body).await.expect(200);
    assert_eq!(board.crm.get(&path).await.expect(200)["opportunity"]["monetaryValue"], 99.99);
    board.crm.advance(60);
    let search = format!("/opportunities/search?location_id={}", board.crm.location);
    let found = board.crm.get(&search).await.expect(200);
    assert_eq!(found["opportunities"][0]["monetaryValue"], 99.99);
    let mut body = board.create_body(SURGERY);
    body["monetaryValue"] = json!(10_250);
    let made = board.crm.post_here("/opportunities/", body).await.expect(201);
    assert_eq!(made["opportunity"]["monetaryValue"], 10_250);
}

#[tokio::test]
async fn a_value_that_is_text_is_refused() {
    let board = Board::start().await;
    let mut body = board.body(LEAD, 0);
    body["monetaryValue"] = json!("149.50");
    let refusal = board.crm.post_here("/opportunities/upsert", body).await.expect(422);
    let expected =
        json!(["monetaryValue must be a number conforming to the specified constraints"]);
    assert_eq!(refusal["message"], expected);
}
