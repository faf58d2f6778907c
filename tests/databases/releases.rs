//! The release before and this one as processes on one Postgres, as during a rollout and after a rollback.
//! `scripts/release-check side-by-side` builds the release before, and runs these tests.

use reqwest::Method;
use sqlx::{Connection as _, PgConnection};
use support::browser::Browser;
use support::running::Running;

use crate::fleet::{Fleet, refresh};
use crate::replicas::soon::soon;

/// The variable that names the dashboard of the release before.
const PREVIOUS: &str = "PREVIOUS_DASHBOARD";
/// The places of the two in [`Fleet::dashboards`].
const OLD: usize = 0;
const NEW: usize = 1;

async fn previous(fleet: &Fleet) -> Running {
    let program = std::env::var(PREVIOUS);
    let program = program.expect("PREVIOUS_DASHBOARD: run by scripts/release-check side-by-side");
    fleet.start_program(&program).await
}

/// The release before has created the tables, then this one was started.
async fn side_by_side() -> Fleet {
    let mut fleet = Fleet::on_postgres(0).await;
    let old = previous(&fleet).await;
    fleet.dashboards.push(old);
    fleet.heroku_calls(OLD);
    let new = fleet.start_one().await;
    fleet.dashboards.push(new);
    fleet
}

async fn status(browser: &Browser) -> u16 {
    browser.fetch("/whoami").await.status
}

#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn both_releases_serve_a_resource_that_either_has_provisioned() {
    let fleet = side_by_side().await;
    for provisioning in [OLD, NEW] {
        fleet.heroku_calls(provisioning);
        let app = fleet.heroku.app(&format!("shop-{provisioning}"));
        let addon = app.collaborator("ann@example.com").addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        // Two forms of one user in the same second would be the same form.
        for (index, email) in [(OLD, "ann@example.com"), (NEW, "owner@example.com")] {
            let browser = fleet.signed_in(index, &addon, email).await;
            assert_eq!(status(&browser).await, 200);
        }
    }
}

#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn form_is_accepted_by_one_of_both_releases() {
    let fleet = side_by_side().await;
    let addon = fleet.addon().await;
    for (email, first, second) in [
        ("ann@example.com", OLD, NEW),
        ("owner@example.com", NEW, OLD),
    ] {
        let form = addon.sign_in_form(email);
        let submit = async |index: usize| {
            let browser = fleet.dashboards[index].browser();
            browser.submit(&form).await.status
        };
        assert_eq!(submit(first).await, 303);
        assert_eq!(submit(second).await, 403);
    }
}

#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn removal_that_one_release_fetches_applies_in_both() {
    let fleet = side_by_side().await;
    let addon = fleet.addon().await;
    let app = addon.app();
    let email = |name: &str, fetching: usize| format!("{name}-{fetching}@example.com");
    for fetching in [OLD, NEW] {
        for name in ["stays", "old", "new"] {
            app.collaborator(&email(name, fetching));
        }
        let stays = email("stays", fetching);
        let stays = fleet.signed_in(fetching, &addon, &stays).await;
        let mut removed = Vec::new();
        for (index, name) in [(OLD, "old"), (NEW, "new")] {
            let gone = email(name, fetching);
            removed.push(fleet.signed_in(index, &addon, &gone).await);
            app.remove(&gone);
        }
        refresh(&stays).await;
        for browser in &removed {
            let is_out = async || status(browser).await != 200;
            soon("the removed user is rejected", is_out).await;
        }
        assert_eq!(status(&stays).await, 200);
    }
}

/// The release before kept sessions in a store of its own.
#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn session_of_the_release_before_is_led_through_heroku_once() {
    let fleet = side_by_side().await;
    let addon = fleet.addon().await;
    let before = fleet.signed_in(OLD, &addon, "ann@example.com").await;
    let ann = fleet.at(NEW, &before);
    assert_eq!(status(&ann).await, 401);
    assert_eq!(ann.get("/").await.status, 303);
    // The form of the next second.
    soon("she signs in again", async || {
        let form = addon.sign_in_form("ann@example.com");
        ann.submit(&form).await.status == 303
    })
    .await;
    assert_eq!(status(&ann).await, 200);
    // The session at the release before stays valid.
    assert_eq!(status(&before).await, 200);
    let sign_out = ann.request(Method::POST, "/logout");
    assert_eq!(ann.send(sign_out).await.status, 204);
    assert_eq!(status(&before).await, 200);
}

#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn resource_that_the_release_before_ends_leaves_no_session() {
    let mut fleet = side_by_side().await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(NEW, &addon, "ann@example.com").await;
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    let is_out = async || status(&ann).await == 401;
    soon("ann is rejected", is_out).await;
    // The clean-up of this release, which the first sign-in at a process begins.
    let late = fleet.start_one().await;
    fleet.dashboards.push(late);
    let other = fleet.heroku.app("other").addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    fleet.signed_in(2, &other, "owner@example.com").await;
    let mut database = PgConnection::connect(&fleet.database).await.unwrap();
    let count = "SELECT count(*) FROM tower_heroku_sso.session WHERE email = 'ann@example.com'";
    loop {
        let left: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut database)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
#[ignore = "run by scripts/release-check side-by-side"]
async fn release_before_starts_again_on_the_tables_of_this_one() {
    let mut fleet = Fleet::on_postgres(1).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    fleet.kill(0);
    let old = previous(&fleet).await;
    fleet.dashboards.push(old);
    let there = fleet.signed_in(0, &addon, "owner@example.com").await;
    refresh(&there).await;
    assert_eq!(status(&there).await, 200);
    // This release again: it finds its own sessions.
    let new = fleet.start_one().await;
    fleet.dashboards.push(new);
    assert_eq!(status(&fleet.at(1, &ann)).await, 200);
}
