//! Streams and sessions of users who make no other request, with everything in SQLite.

use reqwest::Method;
use support::open_stream::{OpenStream, open};
use support::world::{UNUSED, World};

use crate::place::{Place as _, Sqlite};

async fn world_on_sqlite(place: &Sqlite) -> World {
    let store = place.open().await;
    World::with(|builder| builder.store(store)).await
}

#[tokio::test]
async fn stream_on_sqlite_follows_its_list_until_its_user_is_removed() {
    let place = Sqlite::new().await;
    let world = world_on_sqlite(&place).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let stream = OpenStream {
        clock: &world.clock,
        heroku: &world.heroku,
        sso: &world.sso,
        addon: &addon,
        response: open(browser.request(Method::GET, "/stream")).await,
    };
    stream.follows_its_list_until_its_user_is_removed().await;
}

#[tokio::test]
async fn stream_on_sqlite_outlasts_an_outage_to_max_list_age() {
    let place = Sqlite::new().await;
    let world = world_on_sqlite(&place).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let stream = OpenStream {
        clock: &world.clock,
        heroku: &world.heroku,
        sso: &world.sso,
        addon: &addon,
        response: open(browser.request(Method::GET, "/stream")).await,
    };
    stream.outlasts_an_outage_to_max_list_age().await;
}

#[tokio::test]
async fn unused_session_on_sqlite_ends_once_its_list_is_too_old() {
    let place = Sqlite::new().await;
    let world = world_on_sqlite(&place).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(UNUSED);
    assert_eq!(browser.fetch("/page").await.status, 401);
}
