//! The SSO endpoint, over a real socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use heroku_addon_simulator::{Endpoint, SignInForm};
use reqwest::Method;
use support::ids::AddOnExt as _;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{CookieTransport, SsoPolicy};

use support::browser::{Answer, Browser, FORM};
use support::world::{World, grant, serve};

/// Refused as an SSO request must be: no cookie, and nothing reached the wrapped service.
pub fn assert_refused(world: &World, answer: &Answer, status: u16) {
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
async fn a_listed_person_gets_a_session_and_lands_on_the_dashboard() {
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
async fn an_unlisted_person_gets_no_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("bob@example.com"))
        .await;
    assert_refused(&world, &answer, 403);
}

#[tokio::test]
async fn a26_an_unknown_resource_looks_like_an_unlisted_email() {
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
            assert_refused(&world, &answer, 403);
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
async fn a24_unknown_resources_cost_heroku_nothing() {
    let world = World::start().await;
    for number in 0..50 {
        let addon = world.heroku.app(&format!("stranger-{number}")).addon();
        let answer = world
            .browser()
            .submit(&addon.sign_in_form("owner@example.com"))
            .await;
        assert_refused(&world, &answer, 403);
    }
    assert_eq!(world.heroku.calls(Endpoint::Any), 0);
}

#[tokio::test]
async fn a_collaborator_who_was_added_a_minute_ago_gets_in() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(60));
    world.heroku.app("shop").collaborator("new@example.com");
    world.signed_in(&addon, "new@example.com").await;
}

#[tokio::test]
async fn a25_strangers_can_cause_no_more_fetches_than_the_budget() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.reset_calls();
    for number in 0..40 {
        let form = addon.sign_in_form(&format!("stranger-{number}@example.com"));
        let answer = world.browser().submit(&form).await;
        assert_refused(&world, &answer, 403);
    }
    assert!(world.heroku.calls(Endpoint::AddOn) <= 10);
    // One more every ten seconds, so that the one who was added since gets in.
    world.heroku.app("shop").collaborator("new@example.com");
    world.clock.advance(Duration::from_secs(10));
    world.signed_in(&addon, "new@example.com").await;
}

#[tokio::test]
async fn a39_an_email_that_another_account_took_over_is_refused() {
    let world = World::start().await;
    let addon = world.addon().await;
    // Signed by Heroku, but for another account than the list has.
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
    assert_refused(&world, &world.browser().submit(&form).await, 403);
    world.signed_in(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn a29_a_listed_address_outside_ascii_gets_in() {
    let world = World::start().await;
    world.heroku.app("shop").collaborator("jürgen@example.com");
    let addon = world.addon().await;
    world.signed_in(&addon, "jürgen@example.com").await;
}

#[tokio::test]
async fn a10_a_form_counts_once() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
    let answer = world.browser().submit(&form).await;
    assert_refused(&world, &answer, 403);
    // After a double click the first one counted: there is a way on.
    assert!(answer.body.contains("href=\"/\"") && answer.body.contains("Continue"));
    // Also at the very end of the window.
    world.clock.advance(Duration::from_secs(300));
    assert_refused(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn a11_of_fifty_at_once_exactly_one_gets_in() {
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
async fn a11_of_fifty_at_once_at_two_replicas_exactly_one_gets_in() {
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
async fn a12_another_spelling_of_a_used_form_is_the_same_form() {
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
        assert_refused(&world, &answer, 403);
    }
}

#[tokio::test]
async fn a9_a_used_form_with_its_strong_token_taken_out_is_used_too() {
    let policy = SsoPolicy::AllowUnsignedEmail;
    let world = World::with(|builder| builder.sso_policy(policy)).await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("boss@example.com");
    let mut form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
    form.remove("user_scoped_resource_token");
    form.remove("user_id");
    form.set("email", "boss@example.com");
    assert_refused(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn two_people_may_sign_in_in_the_same_second() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.app("shop").collaborator("bob@example.com");
    world.signed_in(&addon, "ann@example.com").await;
    world.signed_in(&addon, "bob@example.com").await;
}

#[tokio::test]
async fn a3_a4_stale_and_future_forms_are_refused() {
    let world = World::start().await;
    let addon = world.addon().await;
    use tower_heroku_sso::Clock as _;
    let now = world.clock.now();
    for (offset, status) in [(-300, 303), (-301, 403), (60, 303), (61, 403)] {
        let at = now + time::Duration::seconds(offset);
        let form = addon.sign_in_form_at("ann@example.com", at);
        assert_eq!(
            world.browser().submit(&form).await.status,
            status,
            "{offset}"
        );
    }
}

#[tokio::test]
async fn a16_version_1_tokens_do_not_count_by_default() {
    let world = World::start().await;
    let addon = world.addon().await;
    let form = addon.legacy_sign_in_form("ann@example.com");
    assert_refused(&world, &world.browser().submit(&form).await, 403);
}

#[tokio::test]
async fn a16_under_the_legacy_policy_kensa_s_way_works() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let app = world.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let form = addon.legacy_sign_in_form("ann@example.com");
    let id = form.get("id").unwrap().parse().unwrap();
    let resource = addon.resource_id();
    let registered = world.sso.register_legacy(&resource, grant(&addon), id);
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
    let query = addon.legacy_sign_in_form("ann@example.com").body();
    let answer = world.browser().get(&format!("/heroku/sso?{query}")).await;
    assert_eq!(answer.status, 303);
}

/// What kensa sends to an add-on that has no `sso_url`: the id is in the path.
#[tokio::test]
async fn c38_under_the_legacy_policy_kensa_s_oldest_form_signs_in() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    let path = |form: &SignInForm| {
        let mut form = form.clone();
        let id = form.get("id").unwrap().to_owned();
        form.remove("id");
        (format!("/heroku/resources/{id}"), form.body())
    };
    // Through the routes that stand beside the gate, and through the gate itself.
    let gated = Router::new().route("/", get(|| async { "in" }));
    let gated = serve(gated.layer(world.sso.layer())).await;
    for address in [world.address, gated] {
        world.clock.advance(Duration::from_secs(1));
        let form = addon.legacy_sign_in_form("ann@example.com");
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
        let again = Browser::new(address).get(&format!("{path}?{query}")).await;
        assert_eq!(again.status, 403);
        // Without a token, and by another method, it is no form.
        let stranger = Browser::new(address);
        assert_eq!(stranger.fetch(&path).await.status, 401);
        let put = stranger.request(Method::PUT, &format!("{path}?{query}"));
        assert_eq!(stranger.send(put).await.status, 401);
    }
}

#[tokio::test]
async fn c38_the_oldest_form_is_a_page_like_any_other_under_stricter_policies() {
    for policy in [SsoPolicy::UserScoped, SsoPolicy::AllowUnsignedEmail] {
        let world = World::with(|builder| builder.sso_policy(policy)).await;
        let addon = world.addon().await;
        let query = addon.legacy_sign_in_form("ann@example.com").body();
        let path = format!("/heroku/resources/{}?{query}", addon.resource_id());
        assert_refused(&world, &world.browser().fetch(&path).await, 401);
    }
}

/// Heroku sends the older pair beside the newer tokens, whatever it is worth.
#[tokio::test]
async fn c38_under_the_legacy_policy_an_odd_id_beside_good_tokens_is_in() {
    let world = World::with(|builder| builder.sso_policy(SsoPolicy::Legacy)).await;
    let addon = world.addon().await;
    for id in ["", "not an id", "../x"] {
        world.clock.advance(Duration::from_secs(1));
        let mut form = addon.sign_in_form("ann@example.com");
        form.set("id", id).set("token", "");
        assert_eq!(world.browser().submit(&form).await.status, 303, "{id:?}");
    }
}

/// As Heroku sends it to an add-on whose own id is the UUID: three tokens, two of them equal.
#[tokio::test]
async fn under_the_legacy_policy_a_form_with_all_tokens_counts_once_whichever_is_left_of_them() {
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
            assert_refused(&world, &answer, 403);
        }
    }
}

#[tokio::test]
async fn nav_data_that_heroku_cannot_have_sent_is_no_cookie() {
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
async fn the_nav_data_cookie_is_for_the_legacy_policy_alone() {
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
async fn a22_only_a_form_counts_as_a_form() {
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
        assert_refused(&world, &browser.send(request).await, 415);
    }
    let browser = world.browser();
    let request = browser.request(Method::POST, "/heroku/sso").body(body);
    let request = request.header("content-type", format!("{FORM}; charset=UTF-8; version=1"));
    assert_eq!(browser.send(request).await.status, 303);
}

#[tokio::test]
async fn a20_a_body_of_64_kib_is_read_and_not_a_byte_more() {
    let world = World::start().await;
    let addon = world.addon().await;
    let body = addon.sign_in_form("ann@example.com").body();
    let padded = |length: usize| format!("{body}&x={}", "y".repeat(length - body.len() - 3));
    let answer = world
        .browser()
        .submit_body("/heroku/sso", &padded(64 * 1024 + 1))
        .await;
    assert_refused(&world, &answer, 413);
    let answer = world
        .browser()
        .submit_body("/heroku/sso", &padded(64 * 1024))
        .await;
    assert_eq!(answer.status, 303);
}

#[tokio::test]
async fn a20_a_huge_body_is_refused_before_it_is_sent_and_an_endless_one_soon() {
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
                // The server may stop reading, and close, at any of these.
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
async fn the_sso_path_takes_post_only() {
    let world = World::start().await;
    let browser = world.browser();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = browser.send(browser.request(method, "/heroku/sso")).await;
        assert_refused(&world, &answer, 405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[tokio::test]
async fn a31_a32_a_planted_session_id_is_never_adopted() {
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
async fn a52_a_later_sign_in_takes_the_place_of_an_earlier_one() {
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
async fn insecure_cookies_have_neither_the_prefix_nor_secure() {
    let world = World::with(|builder| builder.cookies(CookieTransport::InsecureHttp)).await;
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
