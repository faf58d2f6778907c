//! Two gates on one Postgres whose clocks differ by 90 seconds, the largest supported difference.

use std::time::Duration;

use heroku_addon_simulator::Endpoint;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{Clock, ManualClock};

use crate::place::{Place, Postgres};
use crate::replicas::soon::{eventually, soon};
use support::world::{REFRESH, World};

const APART: Duration = Duration::from_secs(45);

/// A gate with a slow clock, and the address of one with a fast clock. Both clocks advance at the same
/// rate.
async fn apart() -> (
    World,
    tower_heroku_sso::HerokuSso,
    std::net::SocketAddr,
    ManualClock,
) {
    let place = Postgres::new().await;
    let (one, two) = (place.open().await, place.open().await);
    let sessions = {
        use tower_sessions_sqlx_store::PostgresStore;
        use tower_sessions_sqlx_store::sqlx::PgPool;

        let sessions = PostgresStore::new(PgPool::connect(&place.url).await.unwrap());
        sessions.migrate().await.unwrap();
        sessions
    };
    let behind = World::with(|builder| builder.store(one).session_store(sessions.clone())).await;
    let now = behind.clock.now();
    let ahead = ManualClock::at(now + APART * 2);
    let (sso, address) = behind
        .another_gate(|builder| {
            let builder = builder.store(two).session_store(sessions);
            builder.clock(ahead.clone())
        })
        .await;
    (behind, sso, address, ahead)
}

#[tokio::test]
async fn r6_form_within_the_window_signs_in_at_both_clocks() {
    let (behind, _, address, _) = apart().await;
    let addon = behind.addon().await;
    // Heroku's clock is between them.
    let at = behind.clock.now() + APART;
    for email in ["ann@example.com", "owner@example.com"] {
        let form = addon.sign_in(email).at(at).form();
        let there = support::browser::Browser::new(address);
        let here = there.at(behind.address);
        let first = if email.starts_with("ann") {
            &there
        } else {
            &here
        };
        assert_eq!(first.submit(&form).await.status, 303, "{email}");
        let here = first.at(behind.address);
        assert_eq!(here.fetch("/page").await.status, 200, "{email}");
        let there = first.at(address);
        assert_eq!(there.fetch("/page").await.status, 200, "{email}");
        // And is accepted once.
        assert_eq!(here.submit(&form).await.status, 403, "{email}");
        assert_eq!(there.submit(&form).await.status, 403, "{email}");
    }
}

#[tokio::test]
async fn r6_slow_clock_makes_no_list_younger() {
    let (behind, sso, _, ahead) = apart().await;
    let (_here, _there) = (behind.sso.spawn_sync(), sso.spawn_sync());
    let addon = behind.addon().await;
    let id = addon.resource_id();
    sso.lists().refresh(&id).await.unwrap();
    soon("the gate with the slow clock has the list", async || {
        let there = sso.lists().get(&id).await.unwrap().unwrap();
        let here = behind.sso.lists().get(&id).await.unwrap();
        here.is_some_and(|here| here.list == there.list && here.fetched_at <= behind.clock.now())
    })
    .await;
    // Fetched by a clock 90 s ahead, but not dated in the future.
    let form = addon
        .sign_in("ann@example.com")
        .at(behind.clock.now() + APART)
        .form();
    let browser = behind.browser();
    assert_eq!(browser.submit(&form).await.status, 303);
    // The database's clock does not jump: a list stored afterwards would look new.
    behind.quiet().await;
    behind
        .heroku
        .faults()
        .set(Endpoint::Any, heroku_addon_simulator::Fault::Status(500));
    for clock in [&behind.clock, &ahead] {
        clock.advance(REFRESH * 2 + Duration::from_secs(1));
    }
    let form = addon
        .sign_in("ann@example.com")
        .at(behind.clock.now() + APART)
        .form();
    let browser = behind.browser();
    assert_eq!(browser.submit(&form).await.status, 503);
}

#[tokio::test]
async fn r6_newer_list_wins_despite_an_earlier_timestamp() {
    let (behind, sso, _, _) = apart().await;
    let (_here, _there) = (behind.sso.spawn_sync(), sso.spawn_sync());
    let addon = behind.addon().await;
    let id = addon.resource_id();
    // First by the fast clock, then by the slow clock with an earlier timestamp.
    sso.lists().refresh(&id).await.unwrap();
    let form = addon
        .sign_in("ann@example.com")
        .at(behind.clock.now() + APART)
        .form();
    let ann = behind.browser();
    assert_eq!(ann.submit(&form).await.status, 303);
    addon.app().remove("ann@example.com");
    behind.sso.lists().refresh(&id).await.unwrap();
    let ann = "ann@example.com".parse().unwrap();
    soon("both lists lack ann", async || {
        let list = sso.lists().get(&id).await.unwrap().unwrap();
        !list.list.members().any(|member| member.email == ann)
    })
    .await;
}

#[tokio::test]
async fn r6_revocation_by_slow_clock_ends_session_of_fast_clock() {
    let (behind, sso, address, _) = apart().await;
    let (_here, _there) = (behind.sso.spawn_sync(), sso.spawn_sync());
    let addon = behind.addon().await;
    let form = addon
        .sign_in("ann@example.com")
        .at(behind.clock.now() + APART)
        .form();
    let there = support::browser::Browser::new(address);
    assert_eq!(there.submit(&form).await.status, 303);
    let email = "ann@example.com".parse().unwrap();
    behind
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();
    soon("ann is rejected by both", async || {
        there.fetch("/page").await.status == 401
    })
    .await;
    assert_eq!(there.at(behind.address).fetch("/page").await.status, 401);
}

#[tokio::test]
async fn r6_list_fetched_by_one_process_is_not_fetched_by_the_other() {
    let (behind, sso, _, ahead) = apart().await;
    let (_here, _there) = (behind.sso.spawn_sync(), sso.spawn_sync());
    let addon = behind.addon().await;
    let id = addon.resource_id();
    let lists = async || {
        let here = behind.sso.lists().get(&id).await.unwrap();
        let there = sso.lists().get(&id).await.unwrap();
        here.is_some() && there.is_some()
    };
    soon("both have the list", lists).await;
    behind.quiet().await;
    for round in 1..=3 {
        behind.heroku.calls().clear();
        for clock in [&behind.clock, &ahead] {
            clock.advance(Duration::from_secs(6 * 60 * 60));
        }
        eventually("the list is fetched", async || {
            behind.heroku.calls().count(Endpoint::Collaborators) > 0
        })
        .await;
        behind.quiet().await;
        assert_eq!(
            behind.heroku.calls().count(Endpoint::AddOn),
            1,
            "round {round}"
        );
    }
}
