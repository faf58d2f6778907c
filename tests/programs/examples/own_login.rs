//! The add-on's own login beside Heroku's: the same list, the same session, one user table.

use std::time::{Duration, Instant};

use reqwest::Method;

use support::browser::{Answer, Browser};
use support::running::{Running, form, inputs};

/// The session cookie, and the cookie of a login in progress.
const SESSION: &str = "heroku_sso";
const LOGIN: &str = "login";

struct Visit {
    site: Running,
    forge: Browser,
}

impl Visit {
    async fn start() -> Self {
        let ports = [("SIMULATOR_PORT", "0".into()), ("FORGE_PORT", "0".into())];
        let mut site = Running::start("own_login", "add-on", &ports, true).await;
        let forge = Browser::new(site.announced("login provider:").await);
        Self { site, forge }
    }

    /// Starts a login: the URL at the provider.
    async fn begin(&self, browser: &Browser) -> String {
        let answer = browser.send(browser.request(Method::POST, "/login")).await;
        assert_eq!(answer.status, 303);
        let to = answer.header("location").unwrap();
        let path = to.splitn(4, '/').nth(3).unwrap();
        format!("/{path}")
    }

    /// Continues as this account at the provider: the callback URL.
    async fn pick(&self, asked: &str, account: &str) -> String {
        let page = self.forge.get(asked).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let mut fields = inputs(&page.body);
        fields.push(("account".into(), account.into()));
        let picked = form(&fields);
        let answer = self
            .forge
            .submit_body("/login/oauth/authorize", &picked)
            .await;
        let to = answer.header("location").unwrap();
        let site = format!("http://{}", self.site.address);
        let path = to.strip_prefix(&site).unwrap();
        assert!(path.starts_with("/login/callback?"), "{path}");
        path.to_owned()
    }

    async fn come_back(&self, browser: &Browser, account: &str) -> Answer {
        let asked = self.begin(browser).await;
        browser.get(&self.pick(&asked, account).await).await
    }

    /// A browser with this account, on one list only, signed in through the provider.
    async fn signed_in(&self, account: &str) -> Browser {
        let browser = self.site.browser();
        let answer = self.come_back(&browser, account).await;
        assert_landed(&answer);
        browser
    }

    /// The same for an account on several lists that chooses this app.
    async fn signed_in_to(&self, app: &str, account: &str) -> Browser {
        let browser = self.site.browser();
        let page = self.choices(&browser, account).await;
        assert_landed(&enter(&browser, &resource_of(app, &page)).await);
        browser
    }

    async fn choices(&self, browser: &Browser, account: &str) -> String {
        let answer = self.come_back(browser, account).await;
        let to = answer.header("location");
        assert_eq!((answer.status, to), (303, Some("/login/choose")));
        browser.get("/login/choose").await.body
    }
}

fn assert_landed(answer: &Answer) {
    let to = answer.header("location");
    assert_eq!((answer.status, to), (303, Some("/dashboard")), "{answer:?}");
}

async fn assert_rejected(browser: &Browser, answer: &Answer, why: &str) {
    assert_eq!(answer.status, 403, "{why}");
    assert!(answer.body.contains("You are not signed in"), "{why}");
    assert_eq!(browser.cookie(SESSION), None, "{why}");
    assert_eq!(browser.get("/dashboard").await.status, 401, "{why}");
}

/// Presses a button of the page that asks for an app.
async fn enter(browser: &Browser, resource: &str) -> Answer {
    let request = browser.request(Method::POST, "/login/enter");
    let request = request.header("content-type", support::browser::FORM);
    browser
        .send(request.body(format!("resource={resource}")))
        .await
}

/// The resource id in the app's button.
fn resource_of(app: &str, page: &str) -> String {
    let card = page.split("<h2>").find(|card| card.starts_with(app));
    let card = card.unwrap_or_else(|| panic!("no {app} in {page}"));
    let value = card.split("value=\"").nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}

/// The rows of the user table on the dashboard.
fn rows(page: &str) -> Vec<&str> {
    let table = page.split("id=\"users\"").nth(1).unwrap();
    let body = table.split("<tbody>").nth(1).unwrap();
    body.split("<tr>").skip(1).collect()
}

/// The only row of this user.
fn row<'p>(page: &'p str, email: &str) -> &'p str {
    let mut rows = rows(page).into_iter().filter(|row| row.contains(email));
    let row = rows.next().unwrap_or_else(|| panic!("no row of {email}"));
    assert_eq!(rows.next(), None, "one row per user");
    row
}

fn parameter(path: &str, name: &str) -> String {
    let query = path.split('?').nth(1).unwrap();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
}

#[tokio::test]
async fn both_logins_lead_to_one_dashboard_and_one_user_row() {
    let visit = Visit::start().await;
    let by_heroku = visit
        .site
        .signed_in("recipe-box", "olivia@example.com")
        .await;
    let first = by_heroku.get("/dashboard").await.body;
    assert!(first.contains("Heroku, which signed this email"));
    assert!(
        row(&first, "carlos@example.com").contains("<td>–</td>"),
        "never came"
    );

    let by_forge = visit.signed_in("olivia").await;
    let second = by_forge.get("/dashboard").await.body;
    assert!(second.contains("Forge, which has verified this email"));
    for page in [&first, &second] {
        assert!(page.contains("Dashboard of recipe-box") && page.contains("olivia@example.com"));
        assert_eq!(rows(page).len(), 2, "{page}");
    }
    let number = |page| {
        row(page, "olivia@example.com")
            .split("<td>")
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(number(&first), number(&second));
    let came_by = row(&second, "olivia@example.com");
    assert!(
        came_by.contains(">Forge<") && came_by.contains(">Heroku<"),
        "{came_by}"
    );

    // Signing out of one session keeps the other.
    let out = by_forge
        .send(by_forge.request(Method::POST, "/logout"))
        .await;
    assert_eq!(out.status, 204);
    assert_eq!(by_forge.get("/dashboard").await.status, 401);
    assert_eq!(by_heroku.get("/dashboard").await.status, 200);
}

#[tokio::test]
async fn user_on_several_lists_chooses_only_among_own_apps() {
    let visit = Visit::start().await;
    let carlos = visit.site.browser();
    let page = visit.choices(&carlos, "carlos").await;
    assert_eq!(page.matches("name=\"resource\"").count(), 3);
    assert_eq!(
        carlos.get("/dashboard").await.status,
        401,
        "nothing chosen yet"
    );
    let recipe_box = resource_of("recipe-box", &page);
    assert_landed(&enter(&carlos, &resource_of("acme-shop", &page)).await);
    let dashboard = carlos.get("/dashboard").await.body;
    assert!(dashboard.contains("Dashboard of acme-shop"));
    assert!(
        !dashboard.contains("olivia@example.com"),
        "another customer's"
    );
    assert_eq!(
        enter(&carlos, &recipe_box).await.status,
        403,
        "the proof is consumed"
    );

    let mia = visit.site.browser();
    let page = visit.choices(&mia, "mia").await;
    assert!(!page.contains("recipe-box"));
    assert_rejected(&mia, &enter(&mia, &recipe_box).await, "not hers").await;
    let stranger = visit.site.browser();
    assert_rejected(&stranger, &enter(&stranger, &recipe_box).await, "no proof").await;
}

#[tokio::test]
async fn only_a_verified_primary_email_on_the_list_signs_in() {
    let visit = Visit::start().await;
    for (account, said) in [
        ("not-lead", "is not verified"), // the primary address, never verified
        ("victor", "is on no app's list"), // verified, and not the primary address
        ("mallory", "is on no app's list"),
        ("", "cancelled the sign-in"), // pressed Cancel
    ] {
        let browser = visit.site.browser();
        let answer = visit.come_back(&browser, account).await;
        assert_rejected(&browser, &answer, account).await;
        assert!(
            answer.body.replace("&#39;", "'").contains(said),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn missing_or_forged_state_is_rejected_and_the_login_continues() {
    let visit = Visit::start().await;
    let browser = visit.site.browser();
    let asked = visit.begin(&browser).await;
    let callback = visit.pick(&asked, "olivia").await;
    let (code, state) = (parameter(&callback, "code"), parameter(&callback, "state"));
    for forged in [
        format!("code={code}"),
        format!("code={code}&state="),
        format!("code={code}&state={state}x"),
        format!("code={code}&state={}", &state[1..]),
        format!("state={}", "A".repeat(22)),
    ] {
        let answer = browser.get(&format!("/login/callback?{forged}")).await;
        assert_rejected(&browser, &answer, &forged).await;
    }
    let twice = format!("{callback}&state={state}");
    assert_eq!(browser.get(&twice).await.status, 400);
    assert_landed(&browser.get(&callback).await);
}

/// Login CSRF: the victim would work in the attacker's account.
#[tokio::test]
async fn login_started_in_another_browser_is_rejected() {
    let visit = Visit::start().await;
    let (attacker, victim) = (visit.site.browser(), visit.site.browser());
    let asked = visit.begin(&attacker).await;
    let planted = visit.pick(&asked, "olivia").await;
    let answer = victim.get(&planted).await;
    assert_rejected(&victim, &answer, "no login under way").await;

    let asked = visit.begin(&victim).await;
    let answer = victim.get(&planted).await;
    assert_rejected(&victim, &answer, "another login under way").await;
    // The stolen code with the victim's own state: the code is bound to its own login.
    let callback = visit.pick(&asked, "olivia").await;
    let stolen = parameter(&planted, "code");
    let mixed = callback.replace(&parameter(&callback, "code"), &stolen);
    let answer = victim.get(&mixed).await;
    assert_rejected(&victim, &answer, "a code of another login").await;
}

#[tokio::test]
async fn authorization_code_is_accepted_once() {
    let visit = Visit::start().await;
    let browser = visit.site.browser();
    let asked = visit.begin(&browser).await;
    let login = browser.cookie(LOGIN).unwrap();
    let callback = visit.pick(&asked, "olivia").await;
    assert_landed(&browser.get(&callback).await);
    assert_eq!(browser.cookie(LOGIN), None, "the login cookie is removed");

    let thief = visit.site.browser();
    thief.set_cookie(LOGIN, &login);
    let again = thief.get(&callback).await;
    assert_rejected(&thief, &again, "the same login").await;
    let asked = visit.begin(&thief).await;
    let state = parameter(&asked, "state");
    let code = parameter(&callback, "code");
    let again = format!("/login/callback?code={code}&state={state}");
    let again = thief.get(&again).await;
    assert_rejected(&thief, &again, "a login of the thief's own").await;
}

#[tokio::test]
async fn removal_at_heroku_ends_own_login_session_and_deletes_the_row() {
    let visit = Visit::start().await;
    let carlos = visit.signed_in_to("recipe-box", "carlos").await;
    let olivia = visit.signed_in("olivia").await;
    let page = carlos.get("/dashboard").await.body;
    assert!(row(&page, "carlos@example.com").contains(">Forge<"));
    let action = visit.site.action("recipe-box", "/remove").await;
    let fields = [("email", "carlos@example.com"), ("list", "app")];
    assert_eq!(visit.site.at_heroku(&action, &fields).await.status, 303);
    let refresh = olivia.request(Method::POST, "/refresh");
    assert_eq!(olivia.send(refresh).await.status, 303);

    assert_eq!(carlos.get("/dashboard").await.status, 403);
    // The table is updated in the background.
    let deadline = Instant::now() + Duration::from_secs(10);
    let page = loop {
        let page = olivia.get("/dashboard").await.body;
        if rows(&page).len() == 1 || Instant::now() > deadline {
            break page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(!page.contains("carlos@example.com"), "{page}");
    row(&page, "olivia@example.com");
    // Carlos is offered only the apps that still list him.
    let page = visit.choices(&visit.site.browser(), "carlos").await;
    assert_eq!(page.matches("name=\"resource\"").count(), 2);
    assert!(!page.contains("recipe-box"));
}

#[tokio::test]
async fn deprovisioning_ends_sessions_and_deletes_rows() {
    let visit = Visit::start().await;
    let olivia = visit.signed_in("olivia").await;
    let action = visit.site.action("recipe-box", "/deprovision").await;
    assert_eq!(visit.site.at_heroku(&action, &[]).await.status, 303);
    assert_eq!(olivia.fetch("/dashboard").await.status, 401);
    let browser = visit.site.browser();
    let answer = visit.come_back(&browser, "olivia").await;
    assert_rejected(&browser, &answer, "her only resource is gone").await;
}

#[tokio::test]
async fn login_redirects_only_to_the_add_on() {
    let visit = Visit::start().await;
    let browser = visit.site.browser();
    let asked = visit.begin(&browser).await;
    let redirect_uri = parameter(&asked, "redirect_uri");
    let site = format!("http://{}", visit.site.address);
    assert_eq!(redirect_uri, format!("{site}/login/callback"));
    assert_eq!(parameter(&asked, "code_challenge_method"), "S256");
    let elsewhere = asked.replace("%2Flogin%2Fcallback", "%2Fevil");
    assert_ne!(elsewhere, asked);
    let refused = visit.forge.get(&elsewhere).await;
    assert_eq!((refused.status, refused.header("location")), (400, None));
    let callback = visit.pick(&asked, "olivia").await;
    let callback = format!("{callback}&next=//evil.example&redirect=https://evil.example");
    assert_landed(&browser.get(&callback).await);
}

#[tokio::test]
async fn login_logs_no_secret_and_emails_only_in_the_audit_log() {
    let visit = Visit::start().await;
    let browser = visit.site.browser();
    let asked = visit.begin(&browser).await;
    let login = browser.cookie(LOGIN).unwrap();
    let callback = visit.pick(&asked, "olivia").await;
    let landed = browser.get(&callback).await;
    assert_landed(&landed);
    assert_eq!(landed.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(landed.header("cache-control"), Some("no-store"));
    let again = visit.site.browser();
    let refused = visit.come_back(&again, "not-lead").await;
    assert_rejected(&again, &refused, "unverified").await;

    let log = visit.site.log();
    assert!(log.contains("event=\"signed_in\""), "{log}");
    for secret in [
        parameter(&callback, "code"),
        parameter(&callback, "state"),
        login,
        browser.cookie(SESSION).unwrap(),
    ] {
        assert!(!log.contains(&secret), "{log}");
    }
    for line in log.lines().filter(|line| line.contains("@example.com")) {
        assert!(line.contains("tower_heroku_sso::audit"), "{line}");
    }
}
