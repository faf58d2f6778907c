//! OAuth tokens: renewed ahead of their end, by one at a time, and never lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::sync::SyncError;

use tower_heroku_sso::Clock as _;

use crate::faulty::{Faulty, Leases};
use crate::log::Log;
use support::world::{World, grant};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn an_access_token_is_renewed_before_it_ends() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.reset_calls();
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 0);
    // Heroku's tokens live 8 hours; the last five minutes are not relied on.
    world.clock.advance(Duration::from_secs(8 * 3600 - 4 * 60));
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn an_old_copy_of_the_tokens_does_not_take_the_place_of_renewed_ones() {
    use tower_heroku_sso::{OauthGrant, Tokens};

    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let copy = |life: time::Duration| {
        OauthGrant::Tokens(Tokens::new("a-copy", "a-copy", world.clock.now() + life))
    };
    let old = copy(time::Duration::hours(8));
    world.clock.advance(Duration::from_secs(9 * 3600));
    world.sso.refresh_now(&resource).await.unwrap();
    world.sso.register(&resource, old).await.unwrap();
    world.sso.refresh_now(&resource).await.unwrap();
    // A newer one counts, whatever it is worth.
    world
        .sso
        .register(&resource, copy(time::Duration::hours(9)))
        .await
        .unwrap();
    assert!(world.sso.refresh_now(&resource).await.is_err());
}

#[tokio::test]
async fn u1_a_token_that_heroku_refuses_is_renewed_once() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.expire_access_tokens();
    world.heroku.reset_calls();
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);

    world.heroku.fault(Endpoint::AddOn, Fault::Status(401));
    world.heroku.reset_calls();
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls(Endpoint::AddOn), 2);
}

#[tokio::test]
async fn u1_a_resource_whose_tokens_heroku_no_longer_takes_is_marked_and_not_hammered() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.fault(Endpoint::AddOn, Fault::Status(401));
    world.heroku.reset_calls();
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls(Endpoint::AddOn), 2);
    let said = log.with(&["could not be fetched", "does not accept the access token"]);
    assert_eq!(said.len(), 1, "{log:#?}");
    assert_eq!(browser.fetch("/page").await.status, 200);
    let stranger = addon.sign_in_form("bob@example.com");
    assert_eq!(world.browser().submit(&stranger).await.status, 503);
    // And where the refresh token is refused as well, the resource needs another grant.
    world.heroku.revoke_tokens(&addon);
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    assert_eq!(world.sso.needing_grant(), [addon.resource_id()]);
    let resource = addon.resource_id().to_string();
    assert_eq!(log.with(&["needs_grant", &resource]).len(), 1);
}

#[tokio::test]
async fn u24_the_old_refresh_token_stays_if_heroku_sends_no_new_one() {
    let world = World::start().await;
    world.heroku.rotate_refresh_tokens(false);
    let addon = world.addon().await;
    for _ in 0..3 {
        world.heroku.expire_access_tokens();
        world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    }
}

#[tokio::test]
async fn u24_a_token_endpoint_that_fails_loses_no_token() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.heroku.expire_access_tokens();
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
        world.heroku.fault(Endpoint::Token, fault.clone());
        assert!(world.sso.refresh_now(&resource).await.is_err(), "{fault:?}");
        world.clock.advance(Duration::from_secs(15 * 60));
    }
    world.heroku.clear_faults();
    world.sso.refresh_now(&resource).await.unwrap();
}

#[tokio::test]
async fn u25_a_revoked_refresh_token_keeps_the_list_to_its_age_limit() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.heroku.revoke_tokens(&addon);
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn u26_a_short_or_odd_life_of_a_token_makes_no_loop() {
    let world = World::start().await;
    let addon = world.addon().await;
    for life in ["1", "0", "-5", "null", "9223372036854775807"] {
        world.heroku.expire_access_tokens();
        let body = format!(
            r#"{{"access_token":"HRKU-AA-nonsense","refresh_token":null,"expires_in":{life}}}"#
        );
        world.heroku.fault(Endpoint::Token, Fault::Body(body));
        world.heroku.reset_calls();
        assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
        assert!(world.heroku.calls(Endpoint::Any) <= 4, "{life}");
    }
}

#[tokio::test]
async fn a_sign_in_finds_a_token_that_works_whatever_the_hour_as_the_sync_renews_it_ahead() {
    let world = World::start().await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for half_hour in 1..36 {
        world.clock.advance(HOUR / 2);
        world.quiet().await;
        let renewals = world.heroku.calls(Endpoint::Token);
        let form = addon.sign_in_form("ann@example.com");
        assert_eq!(world.browser().submit(&form).await.status, 303);
        assert_eq!(world.heroku.calls(Endpoint::Token), renewals, "{half_hour}");
    }
    assert!(world.heroku.calls(Endpoint::Token) >= 3);
    sync.shutdown().await;
}

#[tokio::test]
async fn u25_a_resource_whose_refresh_token_is_refused_is_named_and_not_hammered() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    assert_eq!(world.sso.needing_grant(), []);
    world.heroku.revoke_tokens(&addon);
    assert!(world.sso.refresh_now(&resource).await.is_err());
    assert_eq!(world.sso.needing_grant(), [resource]);
    assert_eq!(world.sso.health().await.unwrap().needing_grant, 1);
    world.heroku.reset_calls();
    // To its age limit and no longer, however much somebody tries.
    for minute in 1..=15 {
        world.clock.advance(Duration::from_secs(60));
        let status = browser.fetch("/page").await.status;
        let expected = if minute <= 10 { 200 } else { 503 };
        assert_eq!(status, expected, "minute {minute}");
        let form = addon.sign_in_form("ann@example.com");
        let status = world.browser().submit(&form).await.status;
        let expected = if minute <= 10 { 303 } else { 503 };
        assert_eq!(status, expected, "minute {minute}");
        assert!(world.sso.refresh_now(&resource).await.is_err());
    }
    assert!(world.heroku.calls(Endpoint::Token) <= 4);
    let resource_id = resource.to_string();
    let said = log.with(&["needs_grant", &resource_id]);
    assert_eq!(
        said.len(),
        1,
        "once, however often it is refused: {said:#?}"
    );
    // A new grant mends it.
    world.sso.register(&resource, grant(&addon)).await.unwrap();
    assert_eq!(world.sso.needing_grant(), []);
    world.signed_in(&addon, "ann@example.com").await;
    sync.shutdown().await;
}

#[tokio::test]
async fn an_access_token_that_still_works_is_used_after_its_renewal_was_refused() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.clock.advance(8 * HOUR - Duration::from_secs(200));
    world.heroku.fault(Endpoint::Token, Fault::Status(401));
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(world.sso.needing_grant(), [resource]);
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(
        world.heroku.calls(Endpoint::Token),
        2,
        "the exchange and one renewal"
    );
    world.clock.advance(Duration::from_secs(200));
    let error = world.sso.refresh_now(&resource).await.unwrap_err();
    assert!(matches!(
        error,
        SyncError::Heroku(_) | SyncError::NeedsGrant
    ));
}

#[tokio::test]
async fn u25_the_audit_log_says_once_which_resource_needs_a_grant() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.revoke_tokens(&addon);
    for _ in 0..3 {
        assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
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
async fn tokens_that_were_had_at_once_are_not_renewed_at_once() {
    const APPS: usize = 100;
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(1_000_000, 1_000_000),
        |builder| builder.idle_interval(24 * HOUR),
    )
    .await;
    for number in 0..APPS {
        let addon = world.heroku.app(&format!("app-{number}")).addon();
        let resource = addon.resource_id();
        world.sso.register(&resource, grant(&addon)).await.unwrap();
    }
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.heroku.reset_calls();
    // They end after eight hours, and are renewed from 30 to 15 minutes before.
    world.clock.advance(HOUR * 15 / 2 - Duration::from_secs(1));
    world.quiet().await;
    assert_eq!(world.heroku.calls(Endpoint::Token), 0);
    let mut before = 0;
    for _ in 0..8 {
        world.clock.advance(Duration::from_secs(120));
        world.quiet().await;
        let now = world.heroku.calls(Endpoint::Token);
        assert!(now - before < APPS / 3, "{} at once", now - before);
        before = now;
    }
    assert_eq!(before, APPS);
    sync.shutdown().await;
}

#[tokio::test]
async fn tokens_that_could_not_be_written_down_are_used_at_the_next_try() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.heroku.app("shop").addon();
    let resource = addon.resource_id();
    let grant = grant(&addon);
    store.fail("put");
    assert!(world.sso.register(&resource, grant.clone()).await.is_err());
    store.mend();
    // Somebody comes before Heroku asks again.
    assert!(world.sso.refresh_now(&resource).await.is_err());
    // The code is used up: Heroku would refuse it.
    world.sso.register(&resource, grant.clone()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
    world.sso.refresh_now(&resource).await.unwrap();

    world.clock.advance(9 * HOUR);
    store.fail("set_tokens");
    assert!(world.sso.refresh_now(&resource).await.is_err());
    store.mend();
    // What has nothing to do with it changes nothing of it.
    let legacy = "acme-1".parse().unwrap();
    let renamed = world.sso.register_legacy(&resource, grant, legacy);
    renamed.await.unwrap();
    // And so is the refresh token, as Heroku gives a new one with each renewal.
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn tokens_that_could_not_be_written_down_are_not_taken_for_new_ones_later() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    // The same refresh token gives the next access token, and the one after it.
    world.heroku.rotate_refresh_tokens(false);
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.clock.advance(9 * HOUR);
    store.fail("set_tokens");
    assert!(world.sso.refresh_now(&resource).await.is_err());
    store.mend();
    // Long after what was given then has ended.
    world.clock.advance(9 * HOUR);
    world.heroku.reset_calls();
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::Token), 1);
    assert_eq!(world.heroku.calls_answered(Endpoint::AddOn, 401), 0);
}

#[tokio::test]
async fn who_waits_for_another_process_s_renewal_sees_when_it_is_done() {
    use secrecy::ExposeSecret as _;
    use tower_heroku_sso::Tokens;
    use tower_heroku_sso::store::Store as _;

    let leases = Arc::new(Leases::default());
    let store = Faulty::shared(&leases);
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.heroku.app("shop").addon();
    let resource = addon.resource_id();
    world.sso.register(&resource, grant(&addon)).await.unwrap();
    world.clock.advance(9 * HOUR);
    // It has the lease, and gives it back to nobody.
    leases.elsewhere.store(true, Ordering::SeqCst);
    let waiting = {
        let (sso, resource) = (world.sso.clone(), resource);
        tokio::spawn(async move { sso.access_token(&resource).await })
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
async fn u25_a_refusal_that_passes_keeps_nobody_out_for_longer_than_a_list_lasts() {
    const TEN_MINUTES: Duration = Duration::from_secs(600);
    let world = World::start().await;
    let addon = world.addon().await;
    world.signed_in(&addon, "ann@example.com").await;
    let sync = world.sso.spawn_sync();
    world.heroku.fault(Endpoint::Token, Fault::Status(401));
    world.heroku.expire_access_tokens();
    let status = async || {
        let form = addon.sign_in_form("ann@example.com");
        world.browser().submit(&form).await.status
    };
    for _ in 0..24 {
        world.clock.advance(TEN_MINUTES);
        status().await;
    }
    assert_eq!(status().await, 503);
    world.heroku.clear_faults();
    world.clock.advance(TEN_MINUTES);
    assert_eq!(status().await, 303);
    sync.shutdown().await;
}
