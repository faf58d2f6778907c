//! The SSO endpoint, over a real socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, SignInForm};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::SsoPolicy;
use tower_heroku_sso::store::MemoryStore;

use support::browser::{Answer, Browser, FORM};
use support::world::{World, grant, serve};

/// Rejected: no session cookie, and the wrapped service was not called.
pub fn assert_rejected(world: &World, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let session = answer
        .set_cookies()
        .into_iter()
        .any(|(name, value, _)| name.ends_with("heroku_sso") && !value.is_empty());
    assert!(!session, "{:?}", answer.headers);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn listed_user_gets_a_session_and_lands_on_the_dashboard() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.browser();
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let cookies = answer.set_cookies();
    let (_, _, attributes) = cookies
        .iter()
        .find(|(name, ..)| name == "__Host-heroku_sso")
        .unwrap();
    for attribute in [
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Path=/",
        "Max-Age=5400",
    ] {
        assert!(
            attributes.contains(attribute),
            "{attribute} in {attributes}"
        );
    }
    assert!(!attributes.contains("Domain"));

    let landing = browser.get("/").await;
    assert_eq!(
        (landing.status, landing.body.as_str()),
        (200, "dashboard of ann@example.com")
    );
}

#[tokio::test]
async fn unlisted_user_gets_no_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("bob@example.com"))
        .await;
    assert_rejected(&world, &answer, 403);
}

#[tokio::test]
async fn a26_unknown_resource_and_unlisted_email_get_equal_responses() {
    let world = World::start().await;
    let known = world.addon().await;
    let gone = world.heroku.app("gone").collaborator("ann@example.com");
    let gone = gone.addon();
    assert_eq!(gone.provision().await.unwrap().status, 200);
    assert_eq!(gone.deprovision().await.unwrap().status, 204);
    let unknown = world.heroku.app("never-provisioned");
    let unknown = unknown.collaborator("ann@example.com").addon();
    for accept in ["text/html", "application/json"] {
        world.clock.advance(Duration::from_secs(1));
        let mut looks = Vec::new();
        for form in [
            known.sign_in_form("bob@example.com"),
            unknown.sign_in_form("ann@example.com"),
            gone.sign_in_form("ann@example.com"),
        ] {
            let browser = world.browser();
            let request = browser.request(Method::POST, "/heroku/sso");
            let request = request
                .header("content-type", FORM)
                .header("accept", accept);
            let answer = browser.send(request.body(form.body())).await;
            assert_rejected(&world, &answer, 403);
            let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
            let headers: Vec<_> = headers
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect();
            looks.push((answer.status, headers, answer.body));
        }
        assert_eq!(looks[1], looks[0]);
        assert_eq!(looks[2], looks[0]);
    }
}

#[tokio::test]
async fn a24_unknown_resources_cause_no_heroku_call() {
    let world = World::start().await;
    for number in 0..50 {
        let addon = world.heroku.app(&format!("stranger-{number}")).addon();
        let answer = world
            .browser()
            .submit(&addon.sign_in_form("owner@example.com"))
            .await;
        assert_rejected(&world, &answer, 403);
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn recently_added_collaborator_signs_in() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(60));
    world.heroku.app("shop").collaborator("new@example.com");
    world.signed_in(&addon, "new@example.com").await;
}

#[tokio::test]
async fn a25_unlisted_sign_ins_fetch_within_the_budget() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.calls().clear();
    for number in 0..40 {
        let form = addon.sign_in_form(&format!("stranger-{number}@example.com"));
        let answer = world.browser().submit(&form).await;
        assert_rejected(&world, &answer, 403);
    }
    assert!(world.heroku.calls().count(Endpoint::AddOn) <= 10);
    // The budget allows one more every ten seconds, so that a newly added user signs in.
    world.heroku.app("shop").collaborator("new@example.com");
    world.clock.advance(Duration::from_secs(10));
    world.signed_in(&addon, "new@example.com").await;
}

#[tokio::test]
async fn a39_form_of_another_account_with_the_same_email_is_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    // Signed by Heroku, but for another account than on the list.
    let salt = world.heroku.sso_salt();
    let mut form = addon.sign_in_form("ann@example.com");
    let other = "00000000-0000-4000-8000-000000000001";
    let timestamp = form.get("timestamp").unwrap().to_owned();
    let token = tower_heroku_sso::sso::token::user_scoped_resource(
        &addon.resource_id().to_string(),
        &salt,
        &timestamp,
        other,
        "ann@example.com",
    );
    form.set("user_id", other);
    form.set(
        "user_scoped_resource_token",
        tower_heroku_sso::sso::token::hex(&token),
    );
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn a29_listed_non_ascii_email_signs_in() {
    let world = World::start().await;
    world.heroku.app("shop").collaborator("jürgen@example.com");
    let addon = world.addon().await;
    world.signed_in(&addon, "jürgen@example.com").await;
}

#[tokio::test]
async fn a10_form_is_accepted_once() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
    let answer = world.browser().submit(&form).await;
    assert_rejected(&world, &answer, 403);
    // After a double click, the page links to the dashboard.
    assert!(answer.body.contains("href=\"/\"") && answer.body.contains("Continue"));
    // Also at the end of the time window.
    world.clock.advance(Duration::from_secs(300));
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn a11_one_of_50_concurrent_submissions_signs_in() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (browser, form) = (world.browser(), form.clone());
        tries.spawn(async move { browser.submit(&form).await.status });
    }
    let statuses = tries.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 49);
}

#[tokio::test]
async fn a11_one_of_50_submissions_to_two_replicas_signs_in() {
    let store = MemoryStore::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let (_replica, address) = world.another_gate(|builder| builder.store(store)).await;
    let form = addon.sign_in_form("ann@example.com");
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..50 {
        let address = [world.address, address][number % 2];
        let (browser, form) = (Browser::new(address), form.clone());
        tries.spawn(async move { browser.submit(&form).await.status });
    }
    let mut statuses = tries.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert_eq!(statuses[1..], [403; 49]);
}

#[tokio::test]
async fn a12_respelled_used_form_is_rejected_as_a_replay() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);

    let mut upper = form.clone();
    for name in ["user_scoped_resource_token", "resource_token"] {
        let token = form.get(name).unwrap().to_uppercase();
        upper.set(name, token);
    }
    let reordered = |body: &str| {
        let mut pairs: Vec<_> = body.split('&').collect();
        pairs.reverse();
        pairs.join("&")
    };
    let (body, upper) = (form.body(), upper.body());
    let escaped = body.replace("example", "%65xample");
    for body in [
        upper.clone(),
        reordered(&body),
        format!("{body}&colour=red"),
        format!("colour=red&{body}&"),
        escaped,
        format!("{}&colour=red", reordered(&upper)),
    ] {
        let answer = world.browser().submit_body("/heroku/sso", &body).await;
        assert_rejected(&world, &answer, 403);
    }
}

#[tokio::test]
async fn a9_used_form_without_its_strong_token_is_rejected() {
    let policy = SsoPolicy::AllowUnsignedEmail;
    let world = World::with(|builder| builder.sso_policy(policy)).await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("boss@example.com");
    let mut form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
    form.remove("user_scoped_resource_token");
    form.remove("user_id");
    form.set("email", "boss@example.com");
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn two_users_can_sign_in_in_the_same_second() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("bob@example.com");
    world.signed_in(&addon, "ann@example.com").await;
    world.signed_in(&addon, "bob@example.com").await;
}

#[tokio::test]
async fn a3_a4_stale_and_future_forms_are_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    use tower_heroku_sso::Clock as _;
    let now = world.clock.now();
    for (offset, status) in [(-300, 303), (-301, 403), (60, 303), (61, 403)] {
        let at = now + time::Duration::seconds(offset);
        let form = addon.sign_in("ann@example.com").at(at).form();
        assert_eq!(
            world.browser().submit(&form).await.status,
            status,
            "{offset}"
        );
    }
}

#[tokio::test]
async fn a16_version_1_token_is_rejected_by_default() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in("ann@example.com").legacy_form();
    assert_rejected(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn a16_legacy_policy_accepts_kensa_forms_by_post_and_get() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let form = addon.sign_in("ann@example.com").legacy_form();
    let id = form.get("id").unwrap().parse().unwrap();
    let resource = addon.resource_id();
    let registered = world
        .sso
        .resources()
        .register_legacy(&resource, grant(&addon), id);
    registered.await.unwrap();

    let browser = world.browser();
    let answer = browser.submit(&form).await;
    assert_eq!(answer.status, 303);
    let nav_data = form.get("nav-data").unwrap();
    let (_, value, attributes) = answer
        .set_cookies()
        .into_iter()
        .find(|(name, ..)| name == "heroku-nav-data")
        .unwrap();
    assert_eq!(value, nav_data);
    assert!(attributes.contains("Path=/"));
    assert_eq!(browser.get("/").await.status, 200);

    world.clock.advance(Duration::from_secs(1));
    let query = addon.sign_in("ann@example.com").legacy_form().body();
    let answer = world.browser().get(&format!("/heroku/sso?{query}")).await;
    assert_eq!(answer.status, 303);
}

/// Kensa's form for an add-on without `sso_url`: the id is in the path.
#[tokio::test]
async fn c38_legacy_policy_accepts_kensas_form_with_the_id_in_the_path() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    let path = |form: &SignInForm| {
        let mut form = form.clone();
        let id = form.get("id").unwrap().to_owned();
        form.remove("id");
        (format!("/heroku/resources/{id}"), form.body())
    };
    // Through the merged endpoints and through the gate itself.
    let gated = Router::new().route("/", get(|| async { "in" }));
    let gated = serve(gated.layer(world.sso.layer())).await;
    for address in [world.address, gated] {
        world.clock.advance(Duration::from_secs(1));
        let form = addon.sign_in("ann@example.com").legacy_form();
        let (path, query) = path(&form);
        let browser = Browser::new(address);
        for wrong in [
            query.replace("timestamp=", "timestamp=1"),
            format!("{query}&id=other"),
            format!("{query}&token=x"),
        ] {
            let answer = browser.get(&format!("{path}?{wrong}")).await;
            assert_eq!(answer.status, 403, "{wrong}");
        }
        let other = browser
            .get(&format!("/heroku/resources/other?{query}"))
            .await;
        assert_eq!(other.status, 403);
        let answer = browser.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.header("location"), Some("/"));
        assert!(browser.cookie("heroku-nav-data").is_some());
        assert_eq!(browser.get("/").await.status, 200);
        // At another path a token is the app's own.
        assert_eq!(browser.get("/?token=x").await.status, 200);
        let again = Browser::new(address).get(&format!("{path}?{query}")).await;
        assert_eq!(again.status, 403);
        // Without a token or by another method, the path is an ordinary page.
        let stranger = Browser::new(address);
        assert_eq!(stranger.fetch(&path).await.status, 401);
        let put = stranger.request(Method::PUT, &format!("{path}?{query}"));
        assert_eq!(stranger.send(put).await.status, 401);
    }
}

#[tokio::test]
async fn c38_stricter_policies_treat_the_id_path_as_a_page() {
    for policy in [SsoPolicy::UserScoped, SsoPolicy::AllowUnsignedEmail] {
        let world = World::with(|builder| builder.sso_policy(policy)).await;
        let addon = world.addon().await;
        let query = addon.sign_in("ann@example.com").legacy_form().body();
        let path = format!("/heroku/resources/{}?{query}", addon.resource_id());
        assert_rejected(&world, &world.browser().fetch(&path).await, 401);
    }
}

/// Heroku sends the older pair beside the newer tokens, even if it is invalid.
#[tokio::test]
async fn c38_legacy_policy_ignores_an_odd_id_beside_valid_tokens() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    for id in ["", "not an id", "../x"] {
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("ann@example.com");
        form.set("id", id).set("token", "");
        assert_eq!(world.browser().submit(&form).await.status, 303, "{id:?}");
    }
}

/// Heroku's form for an add-on whose own id is the UUID: three tokens, two of them equal.
#[tokio::test]
async fn legacy_form_is_accepted_once_by_whichever_token() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("boss@example.com");
    let with_all = |email: &str| {
        let mut form = addon.sign_in_form(email);
        form.set("id", addon.resource_id().to_string());
        let token = form.get("resource_token").unwrap().to_owned();
        form.set("token", token);
        form
    };
    for strongest in ["user_scoped_resource_token", "resource_token", "token"] {
        world.clock.advance(Duration::from_secs(1));
        let mut form = with_all("ann@example.com");
        for stronger in ["user_scoped_resource_token", "resource_token"] {
            if stronger == strongest {
                break;
            }
            form.remove(stronger);
        }
        assert_eq!(
            world.browser().submit(&form).await.status,
            303,
            "{strongest}"
        );
        form.set("email", "boss@example.com");
        for weaker in ["user_scoped_resource_token", "resource_token"] {
            form.remove(weaker);
            let answer = world.browser().submit(&form).await;
            assert_rejected(&world, &answer, 403);
        }
    }
}

#[tokio::test]
async fn invalid_nav_data_sets_no_cookie() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    for (value, is_kept) in [
        ("e30", true),
        ("aZ09+/-_=", true),
        (&"x".repeat(4096), true),
        (&"x".repeat(4097), false),
        ("", false),
        ("e30;", false),
        ("e 30", false),
    ] {
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("ann@example.com");
        form.set("nav-data", value);
        let answer = world.browser().submit(&form).await;
        assert_eq!(answer.status, 303);
        let cookies = answer.set_cookies();
        let kept = cookies.iter().any(|(name, ..)| name == "heroku-nav-data");
        assert_eq!(kept, is_kept, "{} bytes", value.len());
    }
}

#[tokio::test]
async fn nav_data_cookie_is_set_only_by_the_legacy_policy() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut form = addon.sign_in_form("ann@example.com");
    form.set("nav-data", "e30");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 303);
    assert!(
        !answer
            .set_cookies()
            .iter()
            .any(|(name, ..)| name == "heroku-nav-data")
    );
}

#[tokio::test]
async fn a22_sign_in_with_another_content_type_gets_415() {
    let world = World::start().await;
    let addon = world.addon().await;
    let body = addon.sign_in_form("ann@example.com").body();
    for kind in [
        None,
        Some(""),
        Some("application/json"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded; charset=latin1"),
    ] {
        let browser = world.browser();
        let mut request = browser
            .request(Method::POST, "/heroku/sso")
            .body(body.clone());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_rejected(&world, &browser.send(request).await, 415);
    }
    let browser = world.browser();
    let request = browser.request(Method::POST, "/heroku/sso").body(body);
    let request = request.header("content-type", format!("{FORM}; charset=UTF-8; version=1"));
    assert_eq!(browser.send(request).await.status, 303);
}

#[tokio::test]
async fn a20_body_is_limited_to_64_kib() {
    let world = World::start().await;
    let addon = world.addon().await;
    let body = addon.sign_in_form("ann@example.com").body();
    let padded = |length: usize| format!("{body}&x={}", "y".repeat(length - body.len() - 3));
    let answer = world
        .browser()
        .submit_body("/heroku/sso", &padded(64 * 1024 + 1))
        .await;
    assert_rejected(&world, &answer, 413);
    let answer = world
        .browser()
        .submit_body("/heroku/sso", &padded(64 * 1024))
        .await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn a20_huge_and_endless_bodies_get_413() {
    let world = World::start().await;
    let address = world.address;
    let head = format!("POST /heroku/sso HTTP/1.1\r\nHost: {address}\r\nContent-Type: {FORM}\r\n");
    let announced = format!("{head}Content-Length: 10000000000\r\n\r\n");
    let endless = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let tries = tokio::task::spawn_blocking(move || {
        let mut statuses = Vec::new();
        for (head, chunks) in [(announced, 0), (endless, 40)] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            for _ in 0..chunks {
                // The server may close the connection at any chunk.
                let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
                if stream.write_all(chunk.as_bytes()).is_err() {
                    break;
                }
            }
            let mut answer = [0; 64];
            let length = stream.read(&mut answer).unwrap();
            statuses.push(String::from_utf8_lossy(&answer[..length]).into_owned());
        }
        statuses
    });
    for status in tries.await.unwrap() {
        assert!(status.starts_with("HTTP/1.1 413 "), "{status}");
    }
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn sso_path_accepts_post_only() {
    let world = World::start().await;
    let browser = world.browser();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = browser.send(browser.request(method, "/heroku/sso")).await;
        assert_rejected(&world, &answer, 405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[tokio::test]
async fn a31_a32_planted_session_id_is_never_adopted() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.browser();
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    browser.set_cookie("__Host-heroku_sso", planted);
    assert_eq!(browser.fetch("/").await.status, 401);
    browser.set_cookie("__Host-heroku_sso", planted);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let id = browser.cookie("__Host-heroku_sso").unwrap();
    assert_ne!(id, planted);
    browser.set_cookie("__Host-heroku_sso", planted);
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn a52_later_sign_in_closes_the_earlier_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("bob@example.com");
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let first = browser.cookie("__Host-heroku_sso").unwrap();
    let form = addon.sign_in_form("bob@example.com");
    let request = browser
        .request(Method::POST, "/heroku/sso")
        .body(form.body());
    browser.send(request.header("content-type", FORM)).await;
    assert_eq!(browser.get("/").await.body, "dashboard of bob@example.com");
    browser.set_cookie("__Host-heroku_sso", &first);
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn insecure_cookies_lack_host_prefix_and_secure_attribute() {
    let world = World::with(|builder| builder.insecure_cookies()).await;
    let addon = world.addon().await;
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("ann@example.com"))
        .await;
    let cookies = answer.set_cookies();
    let (_, _, attributes) = cookies
        .iter()
        .find(|(name, ..)| name == "heroku_sso")
        .unwrap();
    assert!(!attributes.contains("Secure") && attributes.contains("HttpOnly"));
}
