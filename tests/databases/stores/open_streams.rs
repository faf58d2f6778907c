//! Streams and sessions of users who make no other request, with everything in SQLite.

use heroku_addon_simulator::AddOn;
use reqwest::Method;
use support::browser::Browser;
use support::open_stream::{OpenStream, open};
use support::world::{UNUSED, World};

use crate::place::{Place as _, Sqlite};

/// Ann, signed in to her add-on.
struct Scene {
    world: World,
    addon: AddOn,
    ann: Browser,
    _place: Sqlite,
}

impl Scene {
    async fn start() -> Self {
        let place = Sqlite::new().await;
        let store = place.open().await;
        let world = World::with(|builder| builder.store(store)).await;
        let addon = world.addon().await;
        let ann = world.signed_in(&addon, "ann@example.com").await;
        Self {
            world,
            addon,
            ann,
            _place: place,
        }
    }

    async fn stream(&self) -> OpenStream<'_> {
        OpenStream {
            clock: &self.world.clock,
            heroku: &self.world.heroku,
            sso: &self.world.sso,
            addon: &self.addon,
            response: open(self.ann.request(Method::GET, "/stream")).await,
        }
    }
}

#[tokio::test]
async fn stream_on_sqlite_follows_its_list_until_its_user_is_removed() {
    let scene = Scene::start().await;
    let stream = scene.stream().await;
    stream.follows_its_list_until_its_user_is_removed().await;
}

#[tokio::test]
async fn stream_on_sqlite_outlasts_an_outage_to_max_list_age() {
    let scene = Scene::start().await;
    let stream = scene.stream().await;
    stream.outlasts_an_outage_to_max_list_age().await;
}

#[tokio::test]
async fn unused_session_on_sqlite_ends_once_its_list_is_too_old() {
    let scene = Scene::start().await;
    scene.world.clock.advance(UNUSED);
    assert_eq!(scene.ann.fetch("/page").await.status, 401);
}
