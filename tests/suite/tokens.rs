//! OAuth tokens: renewed before expiry, by one caller at a time, and never lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use heroku_sso_store::Store as _;
use support::ids::AddOnExt as _;

use tower_heroku_sso::{Clock as _, RefreshError, ResourceId};

use crate::faulty::{Faulty, Leases};
use crate::log::Log;
use support::world::{World, grant};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn access_token_is_renewed_before_expiry() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.calls().clear();
    world.refresh(&addon.resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 0);
    // Heroku's tokens are valid for 8 hours; the last five minutes are not used.
    world.clock.advance(Duration::from_secs(8 * 3600 - 4 * 60));
    world.refresh(&addon.resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
}

#[tokio::test]
async fn older_tokens_do_not_replace_renewed_ones() {
    use tower_heroku_sso::{OauthGrant, Tokens};

    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let copy = |life: time::Duration| {
        OauthGrant::Tokens(Tokens::new("a-copy", "a-copy", world.clock.now() + life))
    };
    let old = copy(time::Duration::hours(8));
    world.clock.advance(Duration::from_secs(9 * 3600));
    world.refresh(&resource).await;
    world
        .sso
        .resources()
        .register(&resource, old)
        .await
        .unwrap();
    world.refresh(&resource).await;
    // Newer tokens replace them, even if they are invalid.
    world
        .sso
        .resources()
        .register(&resource, copy(time::Duration::hours(9)))
        .await
        .unwrap();
    assert!(world.sso.lists().refresh(&resource).await.is_err());
}

#[tokio::test]
async fn u1_rejected_access_token_is_renewed_once() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.tokens().expire_access();
    world.heroku.calls().clear();
    world.refresh(&addon.resource_id()).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);

    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Status(401));
    world.heroku.calls().clear();
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 2);
}

#[tokio::test]
async fn u1_rejected_tokens_mark_the_resource_as_needing_a_grant() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Status(401));
    world.heroku.calls().clear();
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls().count(Endpoint::AddOn), 2);
    let said = log.with(&["could not be fetched", "does not accept the access token"]);
    assert_eq!(said.len(), 1, "{log:#?}");
    assert_eq!(browser.fetch("/page").await.status, 200);
    let stranger = addon.sign_in_form("bob@example.com");
    assert_eq!(world.browser().submit(&stranger).await.status, 503);
    // If the refresh token is rejected as well, the resource needs a new grant.
    world.heroku.tokens().revoke(&addon);
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert_eq!(world.sso.resources().needing_grant(), [addon.resource_id()]);
    let resource = addon.resource_id().to_string();
    assert_eq!(log.with(&["needs_grant", &resource]).len(), 1);
}

#[tokio::test]
async fn u24_refresh_token_is_kept_if_heroku_sends_no_new_one() {
    let world = World::start().await;
    world.heroku.tokens().rotate_refresh(false);
    let addon = world.addon().await;
    for _ in 0..3 {
        world.heroku.tokens().expire_access();
        world.refresh(&addon.resource_id()).await;
    }
}

#[tokio::test]
async fn u24_failing_token_endpoint_loses_no_token() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.heroku.tokens().expire_access();
    for fault in [
        Fault::Status(500),
        Fault::Status(429),
        Fault::Status(400),
        Fault::Status(401),
        Fault::Body("<html>".into()),
        Fault::Body("{}".into()),
        Fault::Body(r#"{"access_token":null}"#.into()),
        Fault::Reset,
    ] {
        world.heroku.faults().set(Endpoint::Token, fault.clone());
        assert!(
            world.sso.lists().refresh(&resource).await.is_err(),
            "{fault:?}"
        );
        world.clock.advance(Duration::from_secs(15 * 60));
    }
    world.heroku.faults().clear_all();
    world.refresh(&resource).await;
}

#[tokio::test]
async fn u25_revoked_refresh_token_keeps_the_list_in_use() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.tokens().revoke(&addon);
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn u26_odd_token_lifetime_causes_no_loop() {
    let world = World::start().await;
    let addon = world.addon().await;
    for life in ["1", "0", "-5", "null", "9223372036854775807"] {
        world.heroku.tokens().expire_access();
        let body = format!(
            r#"{{"access_token":"HRKU-AA-nonsense","refresh_token":null,"expires_in":{life}}}"#
        );
        world
            .heroku
            .faults()
            .set(Endpoint::Token, Fault::Body(body));
        world.heroku.calls().clear();
        assert!(
            world
                .sso
                .lists()
                .refresh(&addon.resource_id())
                .await
                .is_err()
        );
        assert!(world.heroku.calls().count(Endpoint::Any) <= 4, "{life}");
    }
}

#[tokio::test]
async fn sync_renews_tokens_ahead_of_any_sign_in() {
    let world = World::start().await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for half_hour in 1..36 {
        world.clock.advance(HOUR / 2);
        world.quiet().await;
        let renewals = world.heroku.calls().count(Endpoint::Token);
        let form = addon.sign_in_form("ann@example.com");
        assert_eq!(world.browser().submit(&form).await.status, 303);
        assert_eq!(
            world.heroku.calls().count(Endpoint::Token),
            renewals,
            "{half_hour}"
        );
    }
    assert!(world.heroku.calls().count(Endpoint::Token) >= 3);
    sync.shutdown().await;
}

#[tokio::test]
async fn u25_refused_refresh_token_is_reported_and_retried_sparingly() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    assert_eq!(world.sso.resources().needing_grant(), []);
    world.heroku.tokens().revoke(&addon);
    assert!(world.sso.lists().refresh(&resource).await.is_err());
    assert_eq!(world.sso.resources().needing_grant(), [resource]);
    assert_eq!(world.sso.lists().health().await.needing_grant, 1);
    world.heroku.calls().clear();
    // The list is used to its age limit, regardless of further attempts.
    for minute in 1..=15 {
        world.clock.advance(Duration::from_secs(60));
        let status = browser.fetch("/page").await.status;
        let expected = if minute <= 10 { 200 } else { 503 };
        assert_eq!(status, expected, "minute {minute}");
        let form = addon.sign_in_form("ann@example.com");
        let status = world.browser().submit(&form).await.status;
        let expected = if minute <= 10 { 303 } else { 503 };
        assert_eq!(status, expected, "minute {minute}");
        assert!(world.sso.lists().refresh(&resource).await.is_err());
    }
    assert!(world.heroku.calls().count(Endpoint::Token) <= 4);
    let resource_id = resource.to_string();
    let said = log.with(&["needs_grant", &resource_id]);
    assert_eq!(said.len(), 1, "once for all rejections: {said:#?}");
    // A new grant restores it.
    world.register(&addon).await;
    assert_eq!(world.sso.resources().needing_grant(), []);
    world.signed_in(&addon, "ann@example.com").await;
    sync.shutdown().await;
}

#[tokio::test]
async fn valid_access_token_is_used_after_a_refused_renewal() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.clock.advance(8 * HOUR - Duration::from_secs(200));
    world
        .heroku
        .faults()
        .set(Endpoint::Token, Fault::Status(401));
    world.refresh(&resource).await;
    assert_eq!(world.sso.resources().needing_grant(), [resource]);
    world.refresh(&resource).await;
    assert_eq!(
        world.heroku.calls().count(Endpoint::Token),
        2,
        "the exchange and one renewal"
    );
    world.clock.advance(Duration::from_secs(200));
    let error = world.sso.lists().refresh(&resource).await.unwrap_err();
    assert!(matches!(
        error,
        RefreshError::Heroku(_) | RefreshError::NeedsGrant
    ));
}

#[tokio::test]
async fn u25_audit_log_names_a_resource_needing_a_grant_once() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.tokens().revoke(&addon);
    for _ in 0..3 {
        assert!(
            world
                .sso
                .lists()
                .refresh(&addon.resource_id())
                .await
                .is_err()
        );
        world.clock.advance(HOUR);
    }
    let said = log.with(&["needs_grant"]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&addon.resource_id().to_string()),
        "{said:?}"
    );
}

#[tokio::test]
async fn token_renewals_are_spread_over_time() {
    const APPS: usize = 100;
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder.idle_interval(24 * HOUR),
    )
    .await;
    world.addons(APPS).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.heroku.calls().clear();
    // They expire after eight hours and are renewed 30 to 15 minutes before.
    world.clock.advance(HOUR * 15 / 2 - Duration::from_secs(1));
    world.quiet().await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 0);
    let mut before = 0;
    for _ in 0..8 {
        world.clock.advance(Duration::from_secs(120));
        world.quiet().await;
        let now = world.heroku.calls().count(Endpoint::Token);
        assert!(now - before < APPS / 3, "{} renewed", now - before);
        before = now;
    }
    assert_eq!(before, APPS);
    sync.shutdown().await;
}

#[tokio::test]
async fn unsaved_tokens_are_used_at_the_next_attempt() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.heroku.app("shop").addon();
    let resource = addon.resource_id();
    let grant = grant(&addon);
    store.fail("put");
    assert!(
        world
            .sso
            .resources()
            .register(&resource, grant.clone())
            .await
            .is_err()
    );
    store.mend();
    // A refresh comes before Heroku retries.
    assert!(world.sso.lists().refresh(&resource).await.is_err());
    // The code is consumed: Heroku would reject it.
    world
        .sso
        .resources()
        .register(&resource, grant.clone())
        .await
        .unwrap();
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    world.refresh(&resource).await;

    world.clock.advance(9 * HOUR);
    store.fail("set_tokens");
    assert!(world.sso.lists().refresh(&resource).await.is_err());
    store.mend();
    // An unrelated change of the registration keeps the pending tokens.
    let legacy = "acme-1".parse().unwrap();
    let renamed = world
        .sso
        .resources()
        .register_legacy(&resource, grant, legacy);
    renamed.await.unwrap();
    // The old refresh token is consumed as well, as Heroku rotates it.
    world.refresh(&resource).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 2);
}

#[tokio::test]
async fn expired_unsaved_tokens_are_not_used_later() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    // One refresh token gives all further access tokens.
    world.heroku.tokens().rotate_refresh(false);
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.clock.advance(9 * HOUR);
    store.fail("set_tokens");
    assert!(world.sso.lists().refresh(&resource).await.is_err());
    store.mend();
    // Long after the unsaved token has expired.
    world.clock.advance(9 * HOUR);
    world.heroku.calls().clear();
    world.refresh(&resource).await;
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls().count_answered(Endpoint::AddOn, 401), 0);
}

#[tokio::test]
async fn waiting_call_uses_the_token_renewed_by_another_process() {
    use heroku_sso_store::Store as _;
    use secrecy::ExposeSecret as _;
    use tower_heroku_sso::Tokens;

    let leases = Arc::new(Leases::default());
    let store = Faulty::shared(&leases);
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.heroku.app("shop").addon();
    let resource = world.register(&addon).await;
    world.clock.advance(9 * HOUR);
    // The other process holds the lease and never releases it.
    leases.elsewhere.store(true, Ordering::SeqCst);
    let waiting = {
        let (sso, resource) = (world.sso.clone(), resource);
        tokio::spawn(async move { sso.resources().access_token(&resource).await })
    };
    let known = store.get(&resource).await.unwrap().unwrap();
    let ends = world.clock.now() + 8 * HOUR;
    let tokens = Tokens::new("renewed", "renewed", ends);
    let set = store.set_tokens(&resource, tokens, known.revision);
    assert!(set.await.unwrap());
    let token = waiting.await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "renewed");
}

#[tokio::test]
async fn u25_sign_in_works_soon_after_a_temporary_token_refusal() {
    const TEN_MINUTES: Duration = Duration::from_secs(600);
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    world
        .heroku
        .faults()
        .set(Endpoint::Token, Fault::Status(401));
    world.heroku.tokens().expire_access();
    let status = async || {
        let form = addon.sign_in_form("ann@example.com");
        world.browser().submit(&form).await.status
    };
    for _ in 0..24 {
        world.clock.advance(TEN_MINUTES);
        status().await;
    }
    assert_eq!(status().await, 503);
    world.heroku.faults().clear_all();
    world.clock.advance(TEN_MINUTES);
    assert_eq!(status().await, 303);
    sync.shutdown().await;
}

/// The stored tokens were issued within the last hour.
async fn has_new_tokens(store: &Faulty, world: &World, id: &ResourceId) -> bool {
    let stored = store.get(id).await.unwrap().unwrap().tokens.unwrap();
    stored.expires_at > world.clock.now() + 7 * HOUR
}

/// A resource whose access token expires in four minutes, and which no sync keeps fresh.
async fn with_an_old_token() -> (World, Faulty, ResourceId) {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept).sync_only_in_use()).await;
    let id = world.addon().await.resource_id();
    world.clock.advance(8 * HOUR - Duration::from_secs(4 * 60));
    (world, store, id)
}

#[tokio::test]
async fn shutdown_waits_for_a_renewal_whose_caller_has_left() {
    let (world, store, id) = with_an_old_token().await;
    let sync = world.sso.spawn_sync();
    store.hold("set_tokens");
    let resources = world.sso.resources().clone();
    let asking = tokio::spawn(async move { resources.access_token(&id).await });
    while store.calls("set_tokens") == 0 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    let stopping = tokio::spawn(sync.shutdown());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished(), "the tokens are not stored yet");
    store.let_pass("set_tokens", 1);
    stopping.await.unwrap();
    assert!(has_new_tokens(&store, &world, &id).await);
}

#[tokio::test]
async fn shutdown_stores_tokens_that_the_store_could_not_take() {
    let (world, store, id) = with_an_old_token().await;
    let sync = world.sso.spawn_sync();
    world.heroku.calls().clear();
    store.fail("set_tokens");
    // The present token works for some minutes more.
    world.sso.resources().access_token(&id).await.unwrap();
    assert!(!has_new_tokens(&store, &world, &id).await);
    store.mend();
    sync.shutdown().await;
    assert!(has_new_tokens(&store, &world, &id).await);
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
}
