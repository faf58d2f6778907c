//! The simulator's page in a browser without scripts.

use crate::client::http;
use heroku_addon_simulator::{Endpoint, Fault, Simulator};
use reqwest::{Client, Response};

/// A browser at the dashboard of a simulator with one team app.
struct Visit {
    heroku: Simulator,
    browser: Client,
    app: String,
    addon: String,
}

async fn visit() -> Visit {
    // The partner is unreachable: port 9 is the discard service.
    let heroku = Simulator::builder()
        .partner_url("http://127.0.0.1:9")
        .start();
    let heroku = heroku.await.unwrap();
    let team = heroku.team("acme").member("lead@example.com", "admin");
    let app = heroku.app("shop").owned_by_team(&team);
    let addon = app.addon();
    Visit {
        browser: http(),
        app: format!("/apps/{}", app.id()),
        addon: format!("/apps/{}/addons/{}", app.id(), addon.id()),
        heroku,
    }
}

impl Visit {
    async fn home(&self) -> String {
        let url = self.heroku.dashboard_url();
        self.browser
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let url = format!("{}{path}", self.heroku.dashboard_url());
        self.browser.post(url).form(form).send().await.unwrap()
    }

    /// Posts a form and expects a redirect to the page.
    async fn press(&self, path: &str, form: &[(&str, &str)]) {
        let answer = self.post(path, form).await;
        assert_eq!(answer.status(), 303, "{path}");
        assert_eq!(answer.headers()["location"], "/");
    }
}

#[tokio::test]
async fn people_are_added_and_removed_on_the_page() {
    let visit = visit().await;
    let people = format!("{}/people", visit.app);
    let add = [("email", "ann@example.com"), ("role", "app:collaborator")];
    visit.press(&people, &add).await;
    let add = [("email", "victor@example.com"), ("role", "team:viewer")];
    visit.press(&people, &add).await;
    let home = visit.home().await;
    assert!(home.contains(r#"data-email="ann@example.com" data-list="app""#));
    assert!(home.contains(r#"data-email="victor@example.com" data-list="team""#));

    let gone = [("email", "lead@example.com"), ("list", "team")];
    visit.press(&format!("{people}/remove"), &gone).await;
    visit.home().await; // says once that it is done
    assert!(!visit.home().await.contains("lead@example.com"));

    let nonsense = [("email", "ann@example.com"), ("role", "elsewhere:admin")];
    assert_eq!(visit.post(&people, &nonsense).await.status(), 400);
}

#[tokio::test]
async fn markup_in_an_email_is_escaped() {
    let visit = visit().await;
    let evil = r#""><script>alert(1)</script>@example.com"#;
    let add = [("email", evil), ("role", "app:collaborator")];
    visit.press(&format!("{}/people", visit.app), &add).await;
    let home = visit.home().await;
    assert!(!home.contains("<script>"));
    assert!(home.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn opening_an_add_on_gives_a_signed_form_and_sets_the_login() {
    let visit = visit().await;
    let who = format!("{}{}", visit.heroku.dashboard_url(), visit.addon);
    let asked = visit
        .browser
        .get(&who)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(asked.contains("Who are you?") && asked.contains("lead@example.com"));

    let open = format!("{}/open", visit.addon);
    let opened = visit.post(&open, &[("email", "mallory@example.com")]).await;
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(!cookie.contains("mallory"));
    let page = opened.text().await.unwrap();
    assert!(page.contains(r#"method="post" action="http://127.0.0.1:9/heroku/sso""#));
    for field in [
        "resource_id",
        "resource_token",
        "user_scoped_resource_token",
        "timestamp",
    ] {
        assert!(
            page.contains(&format!(r#"name="{field}" value=""#)),
            "{field}"
        );
    }
    assert!(page.contains(r#"name="email" value="mallory@example.com""#));

    let cookie = cookie.split(';').next().unwrap();
    let again = visit.browser.get(&who).header("cookie", cookie);
    let again = again.send().await.unwrap().text().await.unwrap();
    assert!(again.contains(r#"name="email" value="mallory@example.com""#));
}

#[tokio::test]
async fn web_url_has_another_host_than_the_api() {
    let visit = visit().await;
    let addon = visit.heroku.app("shop").addon();
    assert_eq!(
        addon.info().web_url,
        format!("{}{}", visit.heroku.dashboard_url(), visit.addon)
    );
    assert!(addon.info().web_url.starts_with("http://localhost:"));
    assert!(visit.heroku.url().starts_with("http://127.0.0.1:"));
    addon.remove();
    assert_eq!(
        visit
            .browser
            .get(addon.info().web_url)
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn cross_site_posts_are_rejected() {
    let visit = visit().await;
    let url = format!("{}/faults", visit.heroku.dashboard_url());
    let press = || visit.browser.post(&url).form(&[("fault", "reset")]);
    let foreign = press().header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let own = press().header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await.unwrap().status(), 303);
}

#[tokio::test]
async fn page_sets_faults_and_shows_faults_set_by_a_test() {
    let visit = visit().await;
    let api = format!("{}/apps/shop", visit.heroku.url());
    visit.press("/faults", &[("fault", "503")]).await;
    let status = visit.browser.get(&api).send().await.unwrap().status();
    assert_eq!(status, 503);
    assert!(visit.home().await.contains("Maintenance (503)</span>"));
    visit.press("/faults", &[("fault", "healthy")]).await;
    assert!(visit.home().await.contains("Healthy</span>"));
    visit.heroku.faults().set(Endpoint::Any, Fault::NestedJson);
    assert!(visit.home().await.contains("Failing</span>"));
}

#[tokio::test]
async fn page_shows_a_failed_provisioning() {
    let visit = visit().await;
    visit.press(&format!("{}/provision", visit.app), &[]).await;
    let home = visit.home().await;
    assert!(home.contains("Provisioning failed: no answer from http://127.0.0.1:9."));
    assert!(home.contains("not provisioned"));
    assert!(
        !visit.home().await.contains("Provisioning failed"),
        "said once"
    );
}

#[tokio::test]
async fn marked_add_on_is_shown_as_provisioned() {
    let visit = visit().await;
    visit.heroku.app("shop").addon().mark_provisioned();
    let home = visit.home().await;
    assert!(home.contains(">provisioned<") && !home.contains("not provisioned"));
}

#[tokio::test]
async fn demo_has_six_people_and_one_add_on_per_app() {
    let heroku = Simulator::start().await.unwrap();
    heroku.demo();
    heroku.demo(); // changes nothing
    let home = http().get(heroku.dashboard_url()).send().await.unwrap();
    let home = home.text().await.unwrap();
    for person in ["olivia", "carlos", "lead", "mia", "victor", "dana"] {
        assert!(home.contains(&format!("{person}@example.com")), "{person}");
    }
    assert_eq!(home.matches("<article").count(), 3);
    assert_eq!(home.matches("Plan basic").count(), 3);
}
