//! The simulator's answers against Heroku's own schema of the Platform API.
//!
//! `heroku-platform-schema.json` is `schema.json` of `heroku/platform-api` (MIT) at commit
//! d31fba524ee2977519c5187bbf565e699f05b25c.
#![cfg(feature = "simulator")]

mod simulator_client;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use simulator_client::*;
use tower_heroku_sso::simulator::{AddOn, App, Simulator, Team};

fn schema() -> Value {
    serde_json::from_str(include_str!("heroku-platform-schema.json")).unwrap()
}

/// A validator for what a link of the schema returns.
fn answer_of(definition: &str, link: &str) -> Validator {
    let schema = schema();
    let links = schema["definitions"][definition]["links"].as_array();
    let mut links = links.unwrap().iter();
    let link = links.find(|it| it["title"] == link).unwrap();
    within_the_document(link["targetSchema"].clone())
}

/// A validator whose references lead into the document.
fn within_the_document(mut target: Value) -> Validator {
    target["definitions"] = schema()["definitions"].take();
    // The hyper-schema is of draft 4, where `id` would move the base of references and `uuid` is
    // not yet a format. No keyword that is used in it changed its meaning up to 2019-09.
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
        self.get(format!("/addons/{}", self.addon.resource_id()))
            .await
    }

    async fn members(&self) -> Value {
        self.get(format!("/teams/{}/members", self.team.id())).await
    }
}

#[tokio::test]
async fn an_add_on_matches_the_schema() {
    let validator = answer_of("add-on", "Info");
    assert_matches(&validator, &team_app().await.addon().await);
    assert_matches(&validator, &personal_app().await.addon().await);
}

#[tokio::test]
async fn an_app_matches_the_schema_and_has_every_field_of_it() {
    let validator = answer_of("app", "Info");
    let schema = schema();
    for world in [team_app().await, personal_app().await] {
        let app = world.get(format!("/apps/{}", world.app.id())).await;
        assert_matches(&validator, &app);
        // The schema requires none, so that a missing one would not show.
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

/// Heroku writes the role `viewer` and gives it back, though its schema knows it only for writing.
#[tokio::test]
async fn the_role_viewer_is_all_that_the_schema_does_not_know() {
    let world = team_app().await;
    world.team.member("victor@example.com", "viewer");
    let complaints = complaints(&answer_of("team-member", "List"), &world.members().await);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].contains("/role") && complaints[0].contains("viewer"));
}

/// The schema describes `POST /oauth/tokens` of the Platform API, which wraps each token into an
/// object (`access_token.token`). The id host's `POST /oauth/token`, which partners use, has the
/// same values flat, as OAuth has them: compared is each value with the schema of its counterpart.
#[tokio::test]
async fn a_token_answer_holds_what_the_schema_calls_an_oauth_token() {
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
async fn the_schema_complains_about_broken_answers() {
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
    app["owner"]["email"] = json!("nobody");
    assert_eq!(complaints(&answer_of("app", "Info"), &app).len(), 1);

    let mut list = world.members().await;
    list[1]["user"]["id"] = json!(7);
    assert!(!complaints(&answer_of("team-member", "List"), &list).is_empty());
}
