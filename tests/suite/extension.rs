//! Sessions follow their list: once for each list, however many requests there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use support::ids::AddOnExt as _;
use tower_heroku_sso::MemorySessions;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use support::world::{REFRESH, World};

/// Sessions in memory, and how often they were written.
#[derive(Clone, Debug, Default)]
struct Counted {
    inner: MemorySessions,
    saves: Arc<AtomicUsize>,
}

#[async_trait]
impl SessionStore for Counted {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.inner.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.saves.fetch_add(1, Ordering::SeqCst);
        // So that others come in between.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.inner.delete(id).await
    }
}

async fn world(saves: &Arc<AtomicUsize>, fixed: bool) -> World {
    let sessions = Counted {
        saves: Arc::clone(saves),
        ..Counted::default()
    };
    World::with(|builder| {
        let builder = builder.session_store(sessions);
        if fixed {
            builder.fixed_sessions()
        } else {
            builder
        }
    })
    .await
}

#[tokio::test]
async fn thirty_requests_after_a_refresh_cost_one_write_and_one_cookie() {
    let saves = Arc::default();
    let world = world(&saves, false).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    for round in 1..=3 {
        world.clock.advance(REFRESH / 2);
        world.sso.refresh_now(&addon.resource_id()).await.unwrap();
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let request = browser.request(reqwest::Method::GET, "/page");
            requests.spawn(async move { request.send().await.unwrap() });
        }
        let answers = requests.join_all().await;
        assert!(answers.iter().all(|answer| answer.status() == 200));
        let with_cookie = answers
            .iter()
            .filter(|answer| answer.headers().contains_key("set-cookie"));
        assert_eq!(with_cookie.count(), 1);
        assert_eq!(saves.load(Ordering::SeqCst), round);
        // And nothing more until the next list.
        let answer = browser.fetch("/page").await;
        assert_eq!((answer.status, answer.set_cookies().len()), (200, 0));
        assert_eq!(saves.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn fixed_sessions_are_never_written_again() {
    let saves = Arc::default();
    let world = world(&saves, true).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(REFRESH / 2);
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert_eq!(saves.load(Ordering::SeqCst), 0);
    world.clock.advance(REFRESH / 2 + Duration::from_secs(1));
    assert_eq!(browser.fetch("/page").await.status, 401);
}
