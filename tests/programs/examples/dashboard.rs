//! The dashboard example: every route, for every kind of user.

use std::time::{Duration, Instant};

use reqwest::Method;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use support::running::Running;

#[tokio::test]
async fn unauthenticated_user_sees_only_the_health_check() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard.browser();
    for path in ["/", "/whoami", "/admin"] {
        let problem = browser.fetch(path).await;
        assert_eq!(problem.status, 401, "{path}");
        assert_eq!(
            problem.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(problem.problem(), "no-session");
        let page = browser.get(path).await;
        assert_eq!(page.status, 401);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(page.body.contains("Please sign in through Heroku"));
    }
    let refresh = browser.request(Method::POST, "/refresh");
    assert_eq!(browser.send(refresh).await.status, 401);
    assert_eq!(browser.get("/heroku/sso").await.status, 405);
    let health = browser.fetch("/healthz").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["store_reachable"], true);
    assert_eq!(health.json()["sync_alive"], true);
}

#[tokio::test]
async fn listed_user_sees_the_list_and_the_session() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard.signed_in("acme-shop", "lead@example.com").await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    for text in [
        "lead@example.com",
        "acme-shop",
        "carlos@example.com",
        "viewer",
        "Refresh now",
    ] {
        assert!(page.body.contains(text), "{text}");
    }
    let me = browser.fetch("/whoami").await.json();
    assert_eq!(me["email"], "lead@example.com");
    assert_eq!(me["app"]["name"], "acme-shop");
    assert_eq!(me["roles"], serde_json::json!(["admin"]));
    for id in [&me["user_id"], &me["resource_id"], &me["app"]["id"]] {
        assert_eq!(id.as_str().map(str::len), Some(36), "{me}");
    }
    let until = OffsetDateTime::parse(me["session_expires_at"].as_str().unwrap(), &Rfc3339);
    assert!(until.unwrap() > OffsetDateTime::now_utc());
}

#[tokio::test]
async fn admin_page_admits_only_admins_and_owners() {
    let dashboard = Running::demo("dashboard").await;
    let admin = dashboard.signed_in("acme-shop", "lead@example.com").await;
    assert_eq!(admin.get("/admin").await.status, 200);
    let owner = dashboard
        .signed_in("recipe-box", "olivia@example.com")
        .await;
    assert_eq!(owner.get("/admin").await.status, 200);
    let viewer = dashboard.signed_in("acme-shop", "victor@example.com").await;
    let refused = viewer.get("/admin").await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("Your role does not allow this"));
    assert_eq!(viewer.get("/").await.status, 200);
}

#[tokio::test]
async fn unlisted_user_and_replayed_form_get_403() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard.browser();
    let answer = dashboard
        .open(&browser, "recipe-box", "mallory@example.com")
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer
            .body
            .contains("You do not have access to this add-on")
    );
    assert_eq!(browser.fetch("/whoami").await.status, 401);

    let form = dashboard.sso_form("recipe-box", "olivia@example.com").await;
    let browser = dashboard.browser();
    assert_eq!(browser.submit_body("/heroku/sso", &form).await.status, 303);
    assert_eq!(
        dashboard
            .browser()
            .submit_body("/heroku/sso", &form)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn removed_collaborator_loses_access_by_webhook() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard
        .signed_in("recipe-box", "carlos@example.com")
        .await;
    assert_eq!(browser.get("/").await.status, 200);
    let action = dashboard.action("recipe-box", "/remove").await;
    let fields = [("email", "carlos@example.com"), ("list", "app")];
    assert_eq!(dashboard.at_heroku(&action, &fields).await.status, 303);
    // Heroku sends a webhook; no button is pressed.
    let deadline = Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let answer = browser.get("/").await;
        if answer.status != 200 || Instant::now() > deadline {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .body
            .contains("You do not have access to this add-on")
    );
}

#[tokio::test]
async fn removed_team_member_gets_403_after_refresh() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard.signed_in("acme-shop", "mia@example.com").await;
    let action = dashboard.action("acme-shop", "/remove").await;
    let fields = [("email", "mia@example.com"), ("list", "team")];
    assert_eq!(dashboard.at_heroku(&action, &fields).await.status, 303);
    assert_eq!(browser.get("/").await.status, 200);
    let answer = browser
        .send(browser.request(Method::POST, "/refresh"))
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(browser.get("/").await.status, 403);
}

#[tokio::test]
async fn sign_out_needs_a_post() {
    let dashboard = Running::demo("dashboard").await;
    let browser = dashboard
        .signed_in("recipe-box", "olivia@example.com")
        .await;
    assert_eq!(browser.get("/logout").await.status, 405);
    assert_eq!(browser.fetch("/whoami").await.status, 200);
    assert_eq!(
        browser
            .send(browser.request(Method::POST, "/logout"))
            .await
            .status,
        204
    );
    assert_eq!(browser.fetch("/whoami").await.status, 401);
}
