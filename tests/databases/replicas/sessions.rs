//! Sessions in the store of two processes: listed by both, and ended in both.

use std::time::{Duration, Instant};

use reqwest::Method;
use support::ids::AddOnExt as _;

use crate::replicas::soon::soon;
use crate::replicas::together::Pair;

const SECOND: Duration = Duration::from_secs(1);

/// How the other process ends Ann's session.
#[derive(Clone, Copy, Debug)]
enum Ended {
    One,
    All,
    Erased,
}

#[tokio::test]
async fn ended_sessions_and_their_streams_end_in_both_within_a_second() {
    let pair = Pair::with(|builder, _| builder).await;
    let addon = pair.here.addon().await;
    let id = addon.resource_id();
    let mut slowest = Duration::ZERO;
    for how in [Ended::One, Ended::All, Ended::Erased].repeat(5) {
        pair.here.clock.advance(SECOND);
        let ann = pair.browser_there(&addon, "ann@example.com").await;
        let mut stream = ann.request(Method::GET, "/stream").send().await.unwrap();
        assert!(stream.chunk().await.unwrap().is_some());
        let sessions = pair.here.sso.sessions();
        let listed = sessions.of(&id).await.unwrap();
        assert_eq!(pair.there.sessions().of(&id).await.unwrap(), listed);
        assert_eq!(listed.len(), 1);
        let began = Instant::now();
        match how {
            Ended::One => assert!(sessions.end(&listed[0].id).await.unwrap()),
            Ended::All => sessions.end_all(&id).await.unwrap(),
            Ended::Erased => {
                let ann = "ann@example.com".parse().unwrap();
                pair.here.sso.lists().erase(&ann).await.unwrap();
            }
        }
        let ended = async { while let Ok(Some(_)) = stream.chunk().await {} };
        let ended = tokio::time::timeout(SECOND, ended).await;
        assert!(ended.is_ok(), "{how:?}: the stream continues");
        slowest = slowest.max(began.elapsed());
        assert_eq!(ann.fetch("/page").await.status, 401, "{how:?}");
        assert_eq!(pair.there.sessions().of(&id).await.unwrap(), []);
    }
    println!("the slowest of 15: {slowest:?}");
}

#[tokio::test]
async fn last_use_is_seen_by_the_other_process() {
    let pair = Pair::with(|builder, _| builder).await;
    let addon = pair.here.addon().await;
    let id = addon.resource_id();
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    pair.here.clock.advance(SECOND * 70);
    assert_eq!(ann.fetch("/page").await.status, 200);
    pair.here.clock.advance(SECOND * 10);
    soon("the use is stored", async || {
        let listed = pair.here.sso.sessions().of(&id).await.unwrap();
        listed[0].last_seen - listed[0].signed_in_at >= SECOND * 70
    })
    .await;
}
