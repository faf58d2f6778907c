//! The behaviour of the simulated Heroku over HTTP.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::*;
use crate::clock::TestClock;
use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::any;
use heroku_addon_simulator::{Endpoint, Fault, Simulator};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// The fields of the forms with precomputed tokens.
const RESOURCE: &str = "01234567-89ab-cdef-0123-456789abcdef";
const ACCOUNT: &str = "fedcba98-7654-3210-fedc-ba9876543210";
const EMAIL: &str = "user+tag@example.com";
const SALT: &str = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";

async fn with_clock() -> (Simulator, TestClock) {
    let clock = TestClock::new();
    let heroku = Simulator::builder().clock(clock.reader()).start();
    (heroku.await.unwrap(), clock)
}

fn emails(list: &Value, pointer: &str) -> Vec<String> {
    let entries = list.as_array().unwrap().iter();
    let email = |entry: &Value| entry.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    entries.map(email).collect()
}

#[tokio::test]
async fn add_on_app_and_team_calls_give_all_people_of_a_team_app() {
    let heroku = Simulator::start().await.unwrap();
    let team = heroku.team("acme").member("lead@example.com", "admin");
    let app = heroku.app("shop").owned_by_team(&team);
    let addon = app.collaborator("ann@example.com").addon();
    let token = access_token(&heroku, &addon).await;

    let seen = body(&heroku, &format!("/addons/{}", addon.id()), &token).await;
    let path = format!("/apps/{}", seen["app"]["id"].as_str().unwrap());
    let seen = body(&heroku, &path, &token).await;
    assert_eq!(seen["owner"]["email"], "acme@herokumanager.com");
    let members = format!("/teams/{}/members", seen["team"]["id"].as_str().unwrap());
    let members = body(&heroku, &members, &token).await;
    assert_eq!(emails(&members, "/email"), ["lead@example.com"]);
    assert_eq!(members[0]["role"], "admin");
    let on_app = body(&heroku, &format!("{path}/collaborators"), &token).await;
    let by_email = |email| {
        let mut entries = on_app.as_array().unwrap().iter();
        entries.find(|it| it["user"]["email"] == email).unwrap()
    };
    assert_eq!(by_email("acme@herokumanager.com")["role"], "owner");
    assert_eq!(by_email("ann@example.com")["role"], "collaborator");
    let ann = heroku.accounts().id("Ann@Example.com");
    assert_eq!(by_email("ann@example.com")["user"]["id"], ann.to_string());
}

#[tokio::test]
async fn personal_app_has_no_team_and_lists_its_owner() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop").owner("olivia@example.com");
    let token = access_token(&heroku, &app.addon()).await;
    let seen = body(&heroku, &format!("/apps/{}", app.id()), &token).await;
    assert_eq!(seen["team"], Value::Null);
    let path = format!("/apps/{}/collaborators", app.id());
    let list = body(&heroku, &path, &token).await;
    assert_eq!(emails(&list, "/user/email"), ["olivia@example.com"]);
    assert_eq!(list[0]["role"], "owner");
}

#[tokio::test]
async fn changes_appear_in_the_next_answer() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/apps/{}/collaborators", app.id());
    app.collaborator_as("ANN@example.com", "admin", &["deploy", "operate"]);
    let list = body(&heroku, &path, &token).await;
    let mut entries = list.as_array().unwrap().iter();
    let ann = entries.find(|it| it["role"] == "admin").unwrap();
    assert_eq!(ann["permissions"][1]["name"], "operate");
    assert_eq!(list.as_array().unwrap().len(), 2);

    app.remove("Ann@example.com").rename("store");
    let list = body(&heroku, &path, &token).await;
    assert_eq!(emails(&list, "/user/email"), ["owner@example.com"]);
    assert_eq!(list[0]["app"]["name"], "store");

    let other = heroku.app("other");
    addon.move_to(&other);
    assert_eq!(status(&heroku, &path, &token).await, 403);
    let seen = body(&heroku, &format!("/addons/{}", addon.id()), &token).await;
    assert_eq!(seen["app"]["id"], other.id().to_string());
}

#[tokio::test]
async fn accept_without_version_3_gets_406() {
    let heroku = Simulator::start().await.unwrap();
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    let url = format!("{}/addons/{}", heroku.url(), addon.id());
    let answer = http().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 406);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["id"], "not_acceptable");
    assert!(error["message"].is_string());
}

#[tokio::test]
async fn resource_token_reads_only_its_own_app() {
    let heroku = Simulator::start().await.unwrap();
    let (ours, theirs) = (heroku.team("ours"), heroku.team("theirs"));
    let app = heroku.app("shop").owned_by_team(&ours);
    let other = heroku.app("bank").owned_by_team(&theirs);
    let token = access_token(&heroku, &app.addon()).await;
    for (path, expected) in [
        (format!("/addons/{}", app.addon().id()), 200),
        (format!("/apps/{}", app.id()), 200),
        (format!("/teams/{}/members", ours.id()), 200),
        (format!("/addons/{}", other.addon().id()), 403),
        (format!("/apps/{}", other.id()), 403),
        (format!("/apps/{}/collaborators", other.id()), 403),
        (format!("/teams/{}/members", theirs.id()), 403),
        (format!("/addons/{}", app.id()), 404),
        ("/apps/nowhere".to_owned(), 404),
        ("/teams/unknown/members".to_owned(), 404),
        ("/somewhere/else".to_owned(), 404),
    ] {
        assert_eq!(status(&heroku, &path, &token).await, expected, "{path}");
    }
    let path = format!("/apps/{}", app.id());
    assert_eq!(status(&heroku, &path, "HRKU-AAguess").await, 401);
}

#[tokio::test]
async fn unchanged_resource_gets_304() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}/collaborators", app.id());
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let etag = first.headers()["etag"].clone();
    let again = || get(&heroku, &path, &token).header("if-none-match", &etag);
    let answer = again().send().await.unwrap();
    assert_eq!(answer.status(), 304);
    assert_eq!(answer.text().await.unwrap(), "");
    app.collaborator("ann@example.com");
    assert_eq!(again().send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_have_date_request_id_and_remaining_rate() {
    let (heroku, clock) = with_clock().await;
    clock.set_to(1_267_597_772);
    let app = heroku.app("shop");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}", app.id());
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let second = get(&heroku, &path, &token).header("request-id", "mine");
    let second = second.send().await.unwrap();
    let left = |headers: &HeaderMap| -> i64 {
        let left = headers["ratelimit-remaining"].to_str().unwrap();
        left.parse().unwrap()
    };
    assert_eq!(left(first.headers()) - left(second.headers()), 1);
    assert_eq!(first.headers()["request-id"].len(), 36);
    assert_eq!(second.headers()["request-id"], "mine");
    let date = first.headers()["date"].to_str().unwrap();
    let date = OffsetDateTime::parse(date, &Rfc2822).unwrap();
    assert_eq!(date.unix_timestamp(), 1_267_597_772);
}

#[tokio::test]
async fn pages_follow_next_range_to_the_final_200() {
    let heroku = Simulator::builder().page_size(3).start().await.unwrap();
    let team = heroku.team("acme");
    let app = heroku.app("shop").owned_by_team(&team);
    for number in 0..7 {
        app.collaborator(&format!("c{number}@example.com"));
        team.member(&format!("m{number}@example.com"), "member");
    }
    let token = access_token(&heroku, &app.addon()).await;
    for (path, pages, people) in [
        (format!("/apps/{}/collaborators", app.id()), 3, 8),
        (format!("/teams/{}/members", team.id()), 3, 7),
    ] {
        let mut seen = BTreeSet::new();
        let mut request = get(&heroku, &path, &token);
        for page in 1.. {
            let answer = request.send().await.unwrap();
            let headers = answer.headers().clone();
            let last = answer.status() == 200;
            assert!(headers.contains_key("content-range"));
            let list: Value = answer.json().await.unwrap();
            for entry in list.as_array().unwrap() {
                assert!(seen.insert(entry["id"].to_string()), "seen twice");
            }
            if last {
                assert_eq!(page, pages);
                assert!(!headers.contains_key("next-range"));
                break;
            }
            request = get(&heroku, &path, &token).header("range", &headers["next-range"]);
        }
        assert_eq!(seen.len(), people, "{path}");
        let all = get(&heroku, &path, &token).header("range", "id ..; max=1000");
        assert_eq!(all.send().await.unwrap().status(), 200);
        let bad = get(&heroku, &path, &token).header("range", "bytes=0-9");
        assert_eq!(bad.send().await.unwrap().status(), 416);
    }
}

#[tokio::test]
async fn used_grant_code_gets_400() {
    let heroku = Simulator::start().await.unwrap();
    let code = heroku.app("shop").addon().grant_code();
    let answer: Value = exchange(&heroku, &code).await.json().await.unwrap();
    for field in ["access_token", "refresh_token"] {
        let token = answer[field].as_str().unwrap();
        assert!(token.starts_with("HRKU-AA") && token.len() == 65, "{field}");
    }
    assert_eq!(answer["expires_in"], 28_800);
    assert_eq!(answer["token_type"], "Bearer");
    let again = exchange(&heroku, &code).await;
    assert_eq!(again.status(), 400);
    let error: Value = again.json().await.unwrap();
    assert!(error["id"].is_string() && error["message"].is_string());
}

#[tokio::test]
async fn grant_code_expires_after_five_minutes() {
    let (heroku, clock) = with_clock().await;
    let addon = heroku.app("shop").addon();
    let (early, late) = (addon.grant_code(), addon.grant_code());
    clock.advance(Duration::from_secs(299));
    assert_eq!(exchange(&heroku, &early).await.status(), 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(exchange(&heroku, &late).await.status(), 400);
}

#[tokio::test]
async fn wrong_client_secret_gets_401_and_keeps_the_code_valid() {
    let heroku = Simulator::start().await.unwrap();
    let code = heroku.app("shop").addon().grant_code();
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_secret", "not this one"),
    ];
    assert_eq!(ask_for_tokens(&heroku, &wrong).await.status(), 401);
    assert_eq!(exchange(&heroku, &code).await.status(), 200);
    let nonsense = [("grant", "none")];
    assert_eq!(ask_for_tokens(&heroku, &nonsense).await.status(), 400);
}

#[tokio::test]
async fn access_token_expires_after_eight_hours_and_is_refreshed() {
    let (heroku, clock) = with_clock().await;
    let app = heroku.app("shop");
    let path = format!("/apps/{}", app.id());
    let first = tokens(&heroku, &app.addon()).await;
    let access = first["access_token"].as_str().unwrap();
    clock.advance(Duration::from_secs(28_799));
    assert_eq!(status(&heroku, &path, access).await, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(status(&heroku, &path, access).await, 401);

    let old = first["refresh_token"].as_str().unwrap();
    let answer = refresh(&heroku, old).await;
    assert_eq!(answer.status(), 201);
    let second: Value = answer.json().await.unwrap();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(status(&heroku, &path, access).await, 200);
    assert_eq!(refresh(&heroku, old).await.status(), 401);
}

#[tokio::test]
async fn refresh_token_is_reusable_and_omitted_without_rotation() {
    let heroku = Simulator::start().await.unwrap();
    heroku.tokens().rotate_refresh(false);
    let tokens = tokens(&heroku, &heroku.app("shop").addon()).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    for _ in 0..2 {
        let answer: Value = refresh(&heroku, token).await.json().await.unwrap();
        assert!(answer["access_token"].is_string());
        assert!(answer.get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn revoked_and_expired_tokens_get_401() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop");
    let addon = app.addon();
    let path = format!("/apps/{}", app.id());
    let first = tokens(&heroku, &addon).await;
    heroku.tokens().expire_access();
    let access = first["access_token"].as_str().unwrap();
    assert_eq!(status(&heroku, &path, access).await, 401);
    let token = first["refresh_token"].as_str().unwrap();
    let second: Value = refresh(&heroku, token).await.json().await.unwrap();
    heroku.tokens().revoke(&addon);
    let access = second["access_token"].as_str().unwrap();
    assert_eq!(status(&heroku, &path, access).await, 401);
    let token = second["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&heroku, token).await.status(), 401);
    access_token(&heroku, &addon).await;
}

#[tokio::test]
async fn removed_add_on_gets_404_and_gone_one_410() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop");
    let addon = app.addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/addons/{}", addon.id());
    addon.remove();
    assert_eq!(status(&heroku, &path, &token).await, 404);
    addon.gone();
    assert_eq!(status(&heroku, &path, &token).await, 410);
    assert_eq!(
        status(&heroku, &format!("/apps/{}", app.id()), &token).await,
        403
    );
    assert_ne!(app.addon().id(), addon.id());
}

#[tokio::test]
async fn form_is_signed_with_the_published_formulas() {
    let heroku = Simulator::builder()
        .sso_salt("2f97bfa52ca102f8874716e2eb1d3b4920ad0be4")
        .partner_url("http://127.0.0.1:9/")
        .sso_salt(SALT)
        .start()
        .await
        .unwrap();
    heroku.accounts().set_id(EMAIL, ACCOUNT.parse().unwrap());
    let addon = heroku.app("shop").addon_with_id(RESOURCE.parse().unwrap());
    let at = OffsetDateTime::from_unix_timestamp(1_267_597_772).unwrap();
    let mut form = addon.sign_in(EMAIL).at(at).form();
    assert_eq!(form.action(), "http://127.0.0.1:9/heroku/sso");
    let field = |name| form.get(name).unwrap();
    assert_eq!(field("resource_id"), RESOURCE);
    assert_eq!(field("user_id"), ACCOUNT);
    assert_eq!(field("app"), "shop");
    // Computed with sha1sum and sha256sum.
    assert_eq!(
        field("resource_token"),
        "7659cc00fc08ff8b7bb76cd8c9762bcf528b4173"
    );
    assert_eq!(
        field("user_scoped_resource_token"),
        "5cd19a1f62702f24d953e13c2206de8d05082061eb36463968f1eec606d67e87"
    );
    assert!(form.body().contains("&email=user%2Btag%40example.com&"));
    assert!(form.get("token").is_none());

    form.set("email", "eve@example.com")
        .remove("user_scoped_resource_token");
    assert_eq!(form.get("email"), Some("eve@example.com"));
    assert!(!form.body().contains("user_scoped"));
}

#[tokio::test]
async fn version_1_form_has_the_partners_own_id() {
    let (partner, _) = partner(200, json!({ "id": 123 })).await;
    let clock = TestClock::new();
    clock.set_to(1_267_597_772);
    let heroku = Simulator::builder().partner_url(partner).sso_salt(SALT);
    let heroku = heroku.clock(clock.reader()).start().await.unwrap();
    let addon = heroku.app("shop").addon();
    addon.provision().await.unwrap();
    let form = addon.sign_in("ann@example.com").legacy_form();
    assert_eq!(form.get("id"), Some("123"));
    assert_eq!(form.get("timestamp"), Some("1267597772"));
    let published = "bb466eb1d6bc345d11072c3cd25c311f21be130d";
    assert_eq!(form.get("token"), Some(published));
    assert!(form.get("resource_id").is_none() && form.get("user_id").is_none());
}

type Call = (Method, String, HeaderMap, Value);

/// A partner with one fixed answer, and its recorded calls.
async fn partner(status: u16, answer: Value) -> (String, Arc<Mutex<Vec<Call>>>) {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let reply = async move |method: Method, uri: Uri, headers: HeaderMap, body: String| {
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        seen.lock()
            .unwrap()
            .push((method, uri.path().to_owned(), headers, body));
        (StatusCode::from_u16(status).unwrap(), answer.to_string())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(any(reply));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

#[tokio::test]
async fn provisioning_calls_the_partner_as_heroku_does() {
    let (url, calls) = partner(201, json!({ "id": "ours-1", "config": {} })).await;
    let heroku = Simulator::builder()
        .slug("acme-db")
        .password("s3cret-word")
        .partner_url(url);
    let heroku = heroku.start().await.unwrap();
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/addons/{}", addon.id());
    assert_eq!(body(&heroku, &path, &token).await["state"], "provisioning");

    let answer = addon.provision().await.unwrap();
    assert_eq!((answer.status, &answer.body["id"]), (201, &json!("ours-1")));
    let (method, at, headers, sent) = calls.lock().unwrap().remove(0);
    assert_eq!((method, at.as_str()), (Method::POST, "/heroku/resources"));
    // acme-db:s3cret-word
    assert_eq!(
        headers["authorization"],
        "Basic YWNtZS1kYjpzM2NyZXQtd29yZA=="
    );
    assert_eq!(
        headers["accept"],
        "application/vnd.heroku-addons+json; version=3"
    );
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(sent["uuid"], addon.id().to_string());
    assert_eq!(sent["oauth_grant"]["type"], "authorization_code");
    assert!(
        sent["oauth_grant"]["expires_at"]
            .as_str()
            .unwrap()
            .ends_with("-0800")
    );
    let code = sent["oauth_grant"]["code"].as_str().unwrap();
    assert_eq!(exchange(&heroku, code).await.status(), 200);
    let seen = body(&heroku, &path, &token).await;
    assert_eq!(
        (&seen["state"], &seen["provider_id"]),
        (&json!("provisioned"), &json!("ours-1"))
    );

    addon
        .provision_with(|body| body["oauth_grant"] = Value::Null)
        .await
        .unwrap();
    assert_eq!(
        calls.lock().unwrap().remove(0).3["oauth_grant"],
        Value::Null
    );
}

#[tokio::test]
async fn plan_change_and_deprovisioning_need_the_partners_consent() {
    let (yes, calls) = partner(200, json!({})).await;
    let (no, _) = partner(422, json!({ "message": "no" })).await;
    let heroku = Simulator::builder().partner_url(no).start().await.unwrap();
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    let path = format!("/addons/{}", addon.id());
    addon.provision().await.unwrap();
    addon.change_plan("pro").await.unwrap();
    addon.deprovision().await.unwrap();
    let seen = body(&heroku, &path, &token).await;
    assert_eq!(seen["state"], "provisioning");
    assert_eq!(seen["plan"]["name"], "acme-db:basic");

    heroku.settings().set_partner_url(yes);
    addon.change_plan("pro").await.unwrap();
    assert_eq!(addon.info().plan, "pro");
    addon.deprovision().await.unwrap();
    assert_eq!(status(&heroku, &path, &token).await, 401);
    let next = access_token(&heroku, &heroku.app("shop").addon()).await;
    assert_eq!(status(&heroku, &path, &next).await, 404);
    let calls = calls.lock().unwrap();
    let at = format!("/heroku/resources/{}", addon.id());
    assert!(calls.iter().all(|call| call.1 == at));
    let methods: Vec<_> = calls.iter().map(|call| call.0.as_str()).collect();
    assert_eq!(methods, ["PUT", "DELETE"]);
}

#[tokio::test]
async fn calls_are_recorded_in_order() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}", app.id());
    status(&heroku, &path, &token).await;
    http().get(heroku.dashboard_url()).send().await.unwrap();
    assert_eq!(heroku.calls().count(Endpoint::Any), 2);
    assert_eq!(heroku.calls().count(Endpoint::App), 1);
    let last = heroku.calls().requests().pop().unwrap();
    assert_eq!((last.method.as_str(), last.path), ("GET", path));
    assert_eq!((last.had_token, last.status), (true, Some(200)));
    heroku.calls().clear();
    assert_eq!(heroku.calls().count(Endpoint::Any), 0);
}

/// A simulator, the path of its only list, and a token for it.
async fn with_a_list() -> (Simulator, String, String) {
    let heroku = Simulator::builder().page_size(1).start().await.unwrap();
    let app = heroku.app("shop").collaborator("ann@example.com");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}/collaborators", app.id());
    (heroku, path, token)
}

#[tokio::test]
async fn fault_affects_only_its_endpoint_until_cleared() {
    let (heroku, path, token) = with_a_list().await;
    let app = path.trim_end_matches("/collaborators");
    heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Status(503));
    for _ in 0..3 {
        assert_eq!(status(&heroku, &path, &token).await, 503);
    }
    assert_eq!(status(&heroku, app, &token).await, 200);
    heroku.faults().set(Endpoint::Any, Fault::Html503);
    assert_eq!(status(&heroku, app, &token).await, 503);
    let home = http().get(heroku.url()).send().await.unwrap();
    assert_eq!(home.status(), 200, "the dashboard is not Heroku's API");
    heroku.faults().clear(Endpoint::Any);
    assert_eq!(status(&heroku, app, &token).await, 200);
    heroku.faults().clear_all();
    assert_eq!(status(&heroku, &path, &token).await, 206);
}

#[tokio::test]
async fn counted_fault_ends_after_its_count() {
    let (heroku, path, token) = with_a_list().await;
    heroku
        .faults()
        .set_times(Endpoint::Any, Fault::Status(500), 2);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(status(&heroku, &path, &token).await);
    }
    assert_eq!(seen, [500, 500, 206]);
    heroku
        .faults()
        .set_times(Endpoint::Any, Fault::FailOnPage(2), 1);
    assert_eq!(status(&heroku, &path, &token).await, 206);
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let second = || get(&heroku, &path, &token).header("range", &first.headers()["next-range"]);
    assert_eq!(second().send().await.unwrap().status(), 503);
    assert_eq!(second().send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn rate_limit_sends_retry_after_if_configured() {
    let (heroku, path, token) = with_a_list().await;
    let soon = Some("7".to_owned());
    heroku
        .faults()
        .set(Endpoint::Any, Fault::RateLimited { retry_after: soon });
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers()["ratelimit-remaining"], "0");
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], "rate_limit");
    heroku
        .faults()
        .set(Endpoint::Any, Fault::RateLimited { retry_after: None });
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert!(!answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn slow_answer_waits_on_the_simulators_clock() {
    let (heroku, clock) = with_clock().await;
    let app = heroku.app("shop");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}", app.id());
    heroku
        .faults()
        .set(Endpoint::App, Fault::Slow(Duration::from_secs(3600)));
    let call = tokio::spawn({
        let request = get(&heroku, &path, &token);
        async move { request.send().await.unwrap().status().as_u16() }
    });
    while heroku.calls().count(Endpoint::App) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    let before = clock.unix_timestamp();
    // The call is recorded just before the sleep begins, so one step may come too early.
    while !call.is_finished() {
        clock.advance(Duration::from_secs(1800));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(clock.unix_timestamp() - before >= 3600);
    assert_eq!(call.await.unwrap(), 200);
}

#[tokio::test]
async fn reset_fault_gives_no_answer() {
    let (heroku, path, token) = with_a_list().await;
    heroku.faults().set(Endpoint::Any, Fault::Reset);
    let error = get(&heroku, &path, &token).send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    assert_eq!(heroku.calls().requests().pop().unwrap().status, None);
    heroku.faults().clear_all();
    assert_eq!(status(&heroku, &path, &token).await, 206);
}

#[tokio::test]
async fn truncated_body_is_shorter_than_its_length() {
    let (heroku, path, token) = with_a_list().await;
    heroku.faults().set(Endpoint::Any, Fault::Truncated);
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert!(answer.content_length().unwrap() > 100);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn hanging_answer_ends_when_the_simulator_stops() {
    let (heroku, path, token) = with_a_list().await;
    heroku.faults().set(Endpoint::Any, Fault::Hang);
    let call = tokio::spawn(get(&heroku, &path, &token).send());
    while heroku.calls().count(Endpoint::Collaborators) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    heroku.stop().await;
    let _ = call.await.unwrap();
    let refused = get(&heroku, &path, &token).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
}

#[tokio::test]
async fn body_faults_send_invalid_huge_or_nested_json() {
    let (heroku, path, token) = with_a_list().await;
    let text = async || {
        let answer = get(&heroku, &path, &token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    heroku.faults().set(Endpoint::Any, Fault::Body("[{".into()));
    assert_eq!(text().await, "[{");
    heroku
        .faults()
        .set(Endpoint::Any, Fault::Oversized(1_000_000));
    let huge = text().await;
    assert_eq!(huge.len(), 1_000_000);
    assert_eq!(serde_json::from_str::<Value>(&huge).unwrap(), json!([]));
    heroku.faults().set(Endpoint::Any, Fault::NestedJson);
    assert!(text().await.starts_with(&"[".repeat(100_000)));
}

#[tokio::test]
async fn range_faults_omit_or_repeat_next_range() {
    let (heroku, path, token) = with_a_list().await;
    heroku
        .faults()
        .set(Endpoint::Any, Fault::PartialWithoutNextRange);
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert!(!answer.headers().contains_key("next-range"));
    heroku.faults().set(Endpoint::Any, Fault::LoopingRange);
    let mut request = get(&heroku, &path, &token);
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 206);
        request = get(&heroku, &path, &token).header("range", &answer.headers()["next-range"]);
        seen.insert(answer.text().await.unwrap());
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn redirect_and_wrong_id_faults_apply() {
    let (heroku, path, token) = with_a_list().await;
    heroku
        .faults()
        .set(Endpoint::Any, Fault::Redirect("http://127.0.0.1:9/".into()));
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "http://127.0.0.1:9/");
    heroku.faults().set(Endpoint::Any, Fault::WrongId);
    let app = heroku.app("shop").id();
    let list = body(&heroku, &path, &token).await;
    assert_ne!(list[0]["app"]["id"], app.to_string());
    let seen = body(&heroku, &format!("/apps/{app}"), &token).await;
    assert_ne!(seen["id"], app.to_string());
    assert_eq!(seen["name"], "shop");
}

#[tokio::test]
async fn server_stops_with_its_last_handle() {
    let heroku = Simulator::start().await.unwrap();
    let url = heroku.url();
    let addon = heroku.app("shop").addon();
    drop(heroku);
    assert!(http().get(&url).send().await.is_ok());
    drop(addon);
    // A task closes the listener after the drop.
    while http().get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn unread_answer_does_not_block_stopping() {
    let (heroku, path, token) = with_a_list().await;
    heroku
        .faults()
        .set(Endpoint::Any, Fault::Oversized(usize::MAX));
    let unread = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(unread.status(), 200);
    heroku.stop().await;
    let refused = get(&heroku, &path, &token).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
}
