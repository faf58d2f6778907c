//! The simulator's answers compared with Heroku's schema of the Platform API.
//!
//! `heroku-platform-schema.json` is `schema.json` of `heroku/platform-api` (MIT) at commit
//! d31fba524ee2977519c5187bbf565e699f05b25c.

use crate::client::*;
use heroku_addon_simulator::{AddOn, App, Simulator, Team};
use jsonschema::{Draft, Validator};
use reqwest::Method;
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("heroku-platform-schema.json")).unwrap()
}

/// A validator for the response of a link in the schema.
fn answer_of(definition: &str, link: &str) -> Validator {
    of_link(definition, link, "targetSchema")
}

/// A validator for the request of a link in the schema.
fn asked_by(definition: &str, link: &str) -> Validator {
    of_link(definition, link, "schema")
}

fn of_link(definition: &str, link: &str, part: &str) -> Validator {
    let schema = schema();
    let links = schema["definitions"][definition]["links"].as_array();
    let mut links = links.unwrap().iter();
    let link = links.find(|it| it["title"] == link).unwrap();
    within_the_document(link[part].clone())
}

/// A validator whose references resolve in the document.
fn within_the_document(mut target: Value) -> Validator {
    target["definitions"] = schema()["definitions"].take();
    // The hyper-schema uses draft 4, where `id` would change the base of references and `uuid` is not a
    // format. None of its keywords changed meaning up to 2019-09.
    jsonschema::options()
        .with_draft(Draft::Draft201909)
        .should_validate_formats(true)
        .build(&target)
        .unwrap()
}

fn complaints(validator: &Validator, answer: &Value) -> Vec<String> {
    let errors = validator.iter_errors(answer);
    errors
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect()
}

#[track_caller]
fn assert_matches(validator: &Validator, answer: &Value) {
    let complaints = complaints(validator, answer);
    assert!(complaints.is_empty(), "{complaints:#?}\n{answer:#}");
}

struct World {
    heroku: Simulator,
    team: Team,
    app: App,
    addon: AddOn,
    token: String,
}

async fn team_app() -> World {
    let heroku = Simulator::start().await.unwrap();
    let team = heroku.team("acme");
    team.member("lead@example.com", "admin");
    team.member("mia@example.com", "member");
    team.member("carlos@example.com", "collaborator");
    let app = heroku.app("acme-shop").owned_by_team(&team);
    app.collaborator_as("carlos@example.com", "collaborator", &["view", "deploy"]);
    app.collaborator_as("dana@example.com", "admin", &["manage"]);
    world(heroku, team, app).await
}

async fn personal_app() -> World {
    let heroku = Simulator::start().await.unwrap();
    let team = heroku.team("unused");
    let app = heroku.app("recipe-box").owner("olivia@example.com");
    app.collaborator("carlos@example.com");
    world(heroku, team, app).await
}

async fn world(heroku: Simulator, team: Team, app: App) -> World {
    let addon = app.addon();
    let token = access_token(&heroku, &addon).await;
    World {
        heroku,
        team,
        app,
        addon,
        token,
    }
}

impl World {
    async fn get(&self, path: String) -> Value {
        body(&self.heroku, &path, &self.token).await
    }

    async fn addon(&self) -> Value {
        self.get(format!("/addons/{}", self.addon.id())).await
    }

    async fn members(&self) -> Value {
        self.get(format!("/teams/{}/members", self.team.id())).await
    }
}

#[tokio::test]
async fn add_on_matches_the_schema() {
    let validator = answer_of("add-on", "Info");
    assert_matches(&validator, &team_app().await.addon().await);
    assert_matches(&validator, &personal_app().await.addon().await);
}

#[tokio::test]
async fn app_matches_the_schema_with_all_fields() {
    let validator = answer_of("app", "Info");
    let schema = schema();
    for world in [team_app().await, personal_app().await] {
        let app = world.get(format!("/apps/{}", world.app.id())).await;
        assert_matches(&validator, &app);
        // The schema requires no field, so it would not detect a missing one.
        for field in schema["definitions"]["app"]["properties"]
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(app.get(field).is_some(), "{field}");
        }
    }
}

#[tokio::test]
async fn collaborators_match_the_schema() {
    let validator = answer_of("collaborator", "List");
    for (world, people) in [(team_app().await, 3), (personal_app().await, 2)] {
        let list = world
            .get(format!("/apps/{}/collaborators", world.app.id()))
            .await;
        assert_matches(&validator, &list);
        assert_eq!(list.as_array().unwrap().len(), people);
    }
}

#[tokio::test]
async fn team_members_match_the_schema() {
    let list = team_app().await.members().await;
    assert_matches(&answer_of("team-member", "List"), &list);
    assert_eq!(list.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn webhooks_match_the_schema() {
    let world = team_app().await;
    let path = format!("/addons/{}/webhooks", world.addon.id());
    let wanted = json!({
        "include": ["api:collaborator"],
        "level": "notify",
        "url": "https://example.com/heroku/webhooks",
    });
    assert_matches(&asked_by("add-on-webhook", "Create"), &wanted);
    let answer = send(&world.heroku, Method::POST, &path, &world.token, &wanted).await;
    let made: Value = answer.json().await.unwrap();
    assert_matches(&answer_of("add-on-webhook", "Create"), &made);
    // The links' target schema requires nothing; the definition does.
    let whole = schema()["definitions"]["add-on-webhook"].take();
    for field in whole["required"].as_array().unwrap() {
        assert!(made.get(field.as_str().unwrap()).is_some(), "{field}");
    }
    let list = world.get(path.clone()).await;
    assert_matches(&answer_of("add-on-webhook", "List"), &list);
    let own = format!("{path}/{}", made["id"].as_str().unwrap());
    let info = answer_of("add-on-webhook", "Info");
    assert_matches(&info, &world.get(own.clone()).await);
    for (method, link) in [(Method::PATCH, "Update"), (Method::DELETE, "Delete")] {
        let change = json!({ "level": "sync" });
        let answer = send(&world.heroku, method, &own, &world.token, &change).await;
        let answer: Value = answer.json().await.unwrap();
        assert_matches(&answer_of("add-on-webhook", link), &answer);
    }
}

#[tokio::test]
async fn webhook_data_matches_the_schema() {
    let world = team_app().await;
    let path = format!("/addons/{}/webhooks", world.addon.id());
    let wanted = json!({
        "include": ["api:addon", "api:addon-attachment", "api:app"],
        "level": "sync",
        "url": "https://example.com/heroku/webhooks",
    });
    send(&world.heroku, Method::POST, &path, &world.token, &wanted).await;
    world.app.rename("store");
    world.heroku.app("bank").attach(&world.addon);
    world.addon.remove();
    let told = world.heroku.webhooks().take();
    assert_eq!(told.len(), 3);
    for (told, definition) in told.iter().zip(["app", "add-on-attachment", "add-on"]) {
        let told: Value = serde_json::from_slice(told.body()).unwrap();
        let validator = answer_of(definition, "Info");
        // The schema has no state for a removed add-on.
        let mut complaints = complaints(&validator, &told["data"]);
        complaints.retain(|it| !it.contains("deprovisioned"));
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

#[tokio::test]
async fn attachments_match_the_schema_with_all_fields() {
    let world = team_app().await;
    world.heroku.app("bank").attach(&world.addon);
    let path = format!("/addons/{}/addon-attachments", world.addon.id());
    let list = world.get(path).await;
    assert_matches(&answer_of("add-on-attachment", "List by Add-on"), &list);
    let fields = schema()["definitions"]["add-on-attachment"]["properties"].take();
    for entry in list.as_array().unwrap() {
        for field in fields.as_object().unwrap().keys() {
            assert!(entry.get(field).is_some(), "{field}");
        }
    }
}

/// Heroku accepts and returns the role `viewer`, but its schema has it only for requests.
#[tokio::test]
async fn only_the_viewer_role_deviates_from_the_schema() {
    let world = team_app().await;
    world.team.member("victor@example.com", "viewer");
    let complaints = complaints(&answer_of("team-member", "List"), &world.members().await);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].contains("/role") && complaints[0].contains("viewer"));
}

/// The schema describes `POST /oauth/tokens` of the Platform API, which wraps each token in an object
/// (`access_token.token`). The id host's `POST /oauth/token`, which partners use, has the same values flat,
/// as in OAuth. Each value is compared with the schema of its counterpart.
#[tokio::test]
async fn token_answer_matches_the_oauth_token_schema() {
    let world = team_app().await;
    let answer = tokens(&world.heroku, &world.addon).await;
    let nested = json!({
        "access_token": { "token": answer["access_token"], "expires_in": answer["expires_in"] },
        "refresh_token": { "token": answer["refresh_token"] },
        "user": { "id": answer["user_id"] },
    });
    assert_matches(&answer_of("oauth-token", "Create"), &nested);
    let fields = answer.as_object().unwrap().keys();
    let mut fields: Vec<_> = fields.map(String::as_str).collect();
    fields.sort_unstable();
    let flat = [
        "access_token",
        "expires_in",
        "refresh_token",
        "session_nonce",
        "token_type",
        "user_id",
    ];
    assert_eq!(fields, flat);
}

#[tokio::test]
async fn schema_rejects_broken_answers() {
    let world = team_app().await;
    let addon = world.addon().await;
    for (field, broken) in [
        ("id", json!("not a uuid")),
        ("state", json!("asleep")),
        ("created_at", json!("yesterday")),
        (
            "app",
            json!({ "id": world.app.id().to_string(), "name": "-" }),
        ),
        ("config_vars", Value::Null),
        ("surprise", json!(1)),
    ] {
        let mut addon = addon.clone();
        addon[field] = broken;
        assert_eq!(
            complaints(&answer_of("add-on", "Info"), &addon).len(),
            1,
            "{field}"
        );
    }
    let mut without = addon.clone();
    without.as_object_mut().unwrap().remove("web_url");
    assert_eq!(complaints(&answer_of("add-on", "Info"), &without).len(), 1);

    let mut app = world.get(format!("/apps/{}", world.app.id())).await;
    app["owner"]["email"] = json!("no email");
    assert_eq!(complaints(&answer_of("app", "Info"), &app).len(), 1);

    let mut list = world.members().await;
    list[1]["user"]["id"] = json!(7);
    assert!(!complaints(&answer_of("team-member", "List"), &list).is_empty());
}
