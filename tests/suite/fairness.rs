//! Fairness between tenants: bounded costs of unlisted users, refresh buttons and used forms.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use reqwest::Method;
use tower_heroku_sso::RefreshError;
use tower_sessions::session::Id;

use crate::erasure::until;
use crate::faulty::Faulty;
use support::browser::Browser;
use support::faulty_sessions::{FaultySessions, Trouble};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World};

const SECOND: Duration = Duration::from_secs(1);

/// The burst of forced fetches over all resources, for each reason, in calls.
const SHARED_BURST: usize = 150;
/// The calls for one list of a personal app.
const LIST: usize = 3;

/// Apps of one person each, registered and fetched.
async fn apps(world: &World, number: usize) -> Vec<AddOn> {
    let addons = world.addons(number).await;
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    addons
}

#[tokio::test]
async fn c12_unlisted_sign_ins_at_all_resources_share_one_budget() {
    let world = World::start().await;
    let addons = apps(&world, 30).await;
    world.heroku.calls().clear();
    let unlisted = async |number: usize| {
        for addon in &addons {
            let form = addon.sign_in_form(&format!("stranger-{number}@example.com"));
            assert_eq!(world.browser().submit(&form).await.status, 403);
        }
    };
    for number in 0..5 {
        unlisted(number).await;
    }
    // The budgets per resource alone would allow 450 calls.
    let forced = world.heroku.calls().count(Endpoint::Any);
    assert!(forced <= SHARED_BURST + LIST, "{forced}");
    assert!(forced >= SHARED_BURST, "{forced}");
    // The budget refills by six calls a minute.
    world.clock.advance(SECOND * 60);
    unlisted(5).await;
    let forced = world.heroku.calls().count(Endpoint::Any);
    assert!(forced <= SHARED_BURST + 6 + LIST, "{forced}");
    // A listed user signs in with an old list: that fetch is not forced.
    world.clock.advance(REFRESH);
    world.signed_in(&addons[7], "owner@example.com").await;
}

#[tokio::test]
async fn c12_forced_fetches_leave_a_fifth_of_the_pool_to_lists_in_use() {
    let world = World::start().await;
    let addons = apps(&world, 2).await;
    let calls_of = async |remaining: usize, addon: &AddOn, email: &str| {
        world.clock.advance(REFRESH + SECOND);
        world.heroku.rate_limit().set_remaining(remaining + LIST);
        world.refresh(&addon.resource_id()).await;
        world.heroku.calls().clear();
        let form = addon.sign_in_form(email);
        assert_eq!(world.browser().submit(&form).await.status, 403);
        world.heroku.calls().count(Endpoint::Any)
    };
    assert_eq!(calls_of(300, &addons[0], "one@example.com").await, 0);
    assert_eq!(calls_of(1500, &addons[1], "two@example.com").await, LIST);
}

#[tokio::test]
async fn c13_refresh_over_budget_returns_the_cached_list() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = world.heroku.app("shop");
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    app.collaborator("bob@example.com");
    world.heroku.calls().clear();
    let mut last = None;
    for _ in 0..20 {
        last = Some(world.refresh(&resource).await);
    }
    assert_eq!(
        world.heroku.calls().count(Endpoint::AddOn),
        4,
        "five, including the first"
    );
    assert_eq!(last.unwrap().list.members().count(), 3);
    // The budget allows one more every ten seconds.
    app.remove("bob@example.com");
    let members = async || world.refresh(&resource).await.list.members().count();
    assert_eq!(members().await, 3);
    world.clock.advance(SECOND * 10);
    assert_eq!(members().await, 2);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 5);
}

#[tokio::test]
async fn c13_refresh_over_budget_without_a_list_returns_retry_after() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Status(503));
    for _ in 0..5 {
        let error = world.sso.lists().refresh(&resource).await.unwrap_err();
        assert!(matches!(error, RefreshError::Heroku(_)), "{error}");
    }
    let error = world.sso.lists().refresh(&resource).await.unwrap_err();
    let wanted =
        matches!(error, RefreshError::OverBudget { retry_after } if retry_after == SECOND * 10);
    assert!(wanted, "{error:?}");
}

#[tokio::test]
async fn c13_refreshes_of_many_resources_share_one_budget() {
    let world = World::start().await;
    let addons = apps(&world, 30).await;
    world.heroku.calls().clear();
    for addon in addons.iter().chain(&addons).chain(&addons) {
        world.refresh(&addon.resource_id()).await;
    }
    let forced = world.heroku.calls().count(Endpoint::Any);
    assert!(forced <= SHARED_BURST + LIST, "{forced}");
    // A fetch of an old list is not forced.
    world.clock.advance(REFRESH + SECOND);
    world.heroku.calls().clear();
    for addon in &addons {
        world.refresh(&addon.resource_id()).await;
    }
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), addons.len());
}

#[tokio::test]
async fn c14_replay_costs_at_most_one_store_read() {
    let (store, sessions) = (Faulty::default(), FaultySessions::default());
    let world = World::with(|builder| {
        let builder = builder.store(store.clone());
        builder.session_store(sessions.clone())
    })
    .await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 303);
    sessions.calls();
    let (reads, heroku) = (
        store.calls("is_consumed"),
        world.heroku.calls().count(Endpoint::Any),
    );
    let (consumed, sequences) = (store.calls("consume"), store.calls("next_sequence"));
    for _ in 0..20 {
        assert_eq!(world.browser().submit(&form).await.status, 403);
    }
    assert_eq!(
        store.calls("is_consumed"),
        reads,
        "the used form is cached in this process"
    );

    // Another process has no such cache.
    let (_next, address) = world
        .another_gate(|builder| {
            let builder = builder.store(store.clone());
            builder.session_store(sessions.clone())
        })
        .await;
    let at_next = Browser::new(address);
    for _ in 0..20 {
        assert_eq!(at_next.submit(&form).await.status, 403);
    }
    assert_eq!(store.calls("is_consumed"), reads + 1);
    assert_eq!(sessions.calls(), 0);
    assert_eq!(store.calls("consume"), consumed);
    assert_eq!(store.calls("next_sequence"), sequences);
    assert_eq!(world.heroku.calls().count(Endpoint::Any), heroku);
}

#[tokio::test]
async fn c14_concurrent_submissions_of_a_form_make_one_session() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let posts = (0..30).map(|_| {
        let (browser, form) = (world.browser(), form.clone());
        tokio::spawn(async move { browser.submit(&form).await.status })
    });
    let mut let_in = 0;
    for post in posts.collect::<Vec<_>>() {
        let_in += usize::from(post.await.unwrap() == 303);
    }
    assert_eq!(let_in, 1);
    assert_eq!(sessions.calls(), 1, "one session is created, none deleted");
}

#[tokio::test]
async fn c14_form_is_usable_after_a_failed_sign_in() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    sessions.set(Trouble::Fails);
    assert_eq!(world.browser().submit(&form).await.status, 503);
    sessions.set(Trouble::None);
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn c15_forged_sessions_store_nothing_while_session_store_fails() {
    let (store, sessions) = (Faulty::default(), FaultySessions::default());
    let world = World::with(|builder| {
        let builder = builder.store(store.clone());
        builder.session_store(sessions.clone())
    })
    .await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    let session = ann.cookie("__Host-heroku_sso").unwrap();
    sessions.set(Trouble::Fails);
    let sign_out = |browser: &Browser| browser.request(Method::POST, "/logout");
    for _ in 0..50 {
        let stranger = world.browser();
        stranger.set_cookie("__Host-heroku_sso", &Id::default().to_string());
        assert_eq!(stranger.send(sign_out(&stranger)).await.status, 503);
    }
    assert_eq!(store.calls("close_session"), 0, "no row and no event");
    // A session that is cached in this process is closed in the store.
    assert_eq!(ann.send(sign_out(&ann)).await.status, 503);
    assert_eq!(store.calls("close_session"), 1);
    sessions.set(Trouble::None);
    ann.set_cookie("__Host-heroku_sso", &session);
    assert_eq!(ann.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn c15_100_session_cookies_cost_at_most_80_lookups() {
    let sessions = FaultySessions::default();
    let world = World::with(|builder| {
        let builder = builder.resource_in_path("/addons/{resource}");
        builder.session_store(sessions.clone())
    })
    .await;
    let browser = world.browser();
    for number in 0..100 {
        let name = format!("__Host-heroku_sso_01234567-89ab-4def-8123-{number:012x}");
        browser.set_cookie(&name, &Id::default().to_string());
    }
    for path in [
        "/logout",
        "/page",
        "/addons/01234567-89ab-4def-8123-000000000001",
    ] {
        sessions.calls();
        let method = if path == "/logout" {
            Method::POST
        } else {
            Method::GET
        };
        let answer = browser.send(browser.request(method, path)).await;
        assert!(sessions.calls() <= 80, "{path}");
        assert!(answer.set_cookies().len() <= 82, "{path}");
    }
}

#[tokio::test]
async fn c16_slow_paginated_fetch_is_abandoned_and_frees_its_slot() {
    let step = Duration::from_millis(40);
    let world = World::with_heroku(
        |heroku| heroku.page_size(1).latency(step),
        // A whole list may take six times that, a waiting sign-in three times.
        |builder| builder.heroku_timeout(Duration::from_millis(150)),
    )
    .await;
    let app = world.heroku.app("endless");
    for number in 0..80 {
        app.collaborator(&format!("person-{number}@example.com"));
    }
    let addon = app.addon();
    let resource = world.register(&addon).await;
    let pages = || world.heroku.calls().count(Endpoint::Collaborators);
    let form = addon.sign_in_form("person-1@example.com");
    assert_eq!(world.browser().submit(&form).await.status, 503);
    // The whole list would have twice as many by the time that its fetch is abandoned.
    assert!(pages() < 18, "{}", pages());
    let error = world.sso.lists().refresh(&resource).await.unwrap_err();
    assert!(matches!(error, RefreshError::Slow { .. }), "{error}");
    // The background fetch has ended as well: there are no further calls.
    world.quiet_for(step * 8).await;
    assert!(pages() < 45, "{}", pages());
    // Other lists are fetched as usual. On a busy machine, one of their calls may take too long too.
    let other = world.addon().await.resource_id();
    until("another list is fetched", async || {
        world.clock.advance(SECOND * 60);
        world.sso.lists().refresh(&other).await.is_ok()
    })
    .await;
}
