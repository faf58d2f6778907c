//! Processes that are killed during some work, as by `kill -9` or a machine failure.
//!
//! For a hundred kills on each database instead of a dozen:
//!
//! ```text
//! KILLS=100 scripts/with-servers cargo test -p databases-tests r2_
//! ```

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::fleet::{Fleet, refresh};
use crate::replicas::soon::eventually;

/// Waits until Heroku has been called.
async fn asked(fleet: &Fleet, endpoint: Endpoint) {
    eventually("heroku is called", async || {
        fleet.heroku.calls().count(endpoint) > 0
    })
    .await;
}

#[tokio::test]
async fn kill_during_a_refresh_keeps_the_previous_list() {
    let mut fleet = Fleet::on_postgres(2).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(1, &addon, "ann@example.com").await;
    let owner = fleet.signed_in(0, &addon, "owner@example.com").await;
    addon.app().remove("ann@example.com");
    fleet.heroku.calls().clear();
    fleet
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Hang);
    let request = owner.request(reqwest::Method::POST, "/refresh");
    let refreshing = tokio::spawn(request.send());
    asked(&fleet, Endpoint::Collaborators).await;
    fleet.kill(0);
    assert!(refreshing.await.unwrap().is_err());
    fleet.heroku.faults().clear_all();
    // The previous list is intact, and the next one is fetched.
    assert_eq!(ann.fetch("/whoami").await.status, 200);
    let owner = fleet.at(0, &owner);
    assert_eq!(owner.fetch("/whoami").await.status, 200);
    refresh(&owner).await;
    assert_ne!(ann.fetch("/whoami").await.status, 200);
}

#[tokio::test]
async fn kill_during_a_scheduled_fetch_passes_it_to_another_process() {
    let mut fleet = Fleet::on_postgres(1).await;
    fleet.heroku.faults().set(Endpoint::AddOn, Fault::Hang);
    fleet.addon().await;
    asked(&fleet, Endpoint::AddOn).await;
    let other = fleet.start_one().await;
    fleet.dashboards.push(other);
    // It does not fetch, as the other process holds the lease. A process that gets no lease leaves no trace for
    // which the test could wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(fleet.heroku.calls().count(Endpoint::AddOn), 1);
    fleet.kill(0);
    fleet.heroku.faults().clear_all();
    let killed_at = std::time::Instant::now();
    eventually("the other process fetches it", async || {
        fleet
            .heroku
            .calls()
            .count_answered(Endpoint::Collaborators, 200)
            > 0
    })
    .await;
    // The lease expires after 10 seconds, and is requested every 5 seconds.
    let took = killed_at.elapsed();
    assert!(took < Duration::from_secs(18), "{took:?}");
}

#[tokio::test]
async fn u27_kill_during_a_token_renewal_passes_it_to_another_process() {
    let mut fleet = Fleet::on_postgres(2).await;
    fleet.heroku.tokens().rotate_refresh(true);
    let addon = fleet.addon().await;
    let owner = fleet.signed_in(0, &addon, "owner@example.com").await;
    let ann = fleet.signed_in(1, &addon, "ann@example.com").await;
    addon.app().remove("ann@example.com");
    fleet.heroku.tokens().expire_access();
    fleet.heroku.calls().clear();
    fleet.heroku.faults().set(Endpoint::Token, Fault::Hang);
    let request = owner.request(reqwest::Method::POST, "/refresh");
    let refreshing = tokio::spawn(request.send());
    asked(&fleet, Endpoint::Token).await;
    fleet.kill(0);
    assert!(refreshing.await.unwrap().is_err());
    fleet.heroku.faults().clear_all();
    // The lease and the renewal pass to the other process.
    let owner = fleet.at(0, &owner);
    eventually("the other process renews the token", async || {
        refresh(&owner).await;
        ann.fetch("/whoami").await.status != 200
    })
    .await;
    assert_eq!(owner.fetch("/whoami").await.status, 200);
}

#[tokio::test]
async fn kill_during_a_sign_in_leaves_the_form_usable() {
    let mut fleet = Fleet::on_postgres(2).await;
    let addon = fleet.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    eventually("the first list is there", async || {
        fleet
            .heroku
            .calls()
            .count_answered(Endpoint::Collaborators, 200)
            > 0
    })
    .await;
    // A user who is not on the list yet triggers a fetch.
    let newcomer = addon.sign_in_form("new@example.com");
    addon.app().collaborator("new@example.com");
    fleet.heroku.calls().clear();
    fleet
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Hang);
    let browser = fleet.dashboards[0].browser();
    let body = newcomer.body();
    let signing_in = tokio::spawn(async move {
        let request = browser.request(reqwest::Method::POST, "/heroku/sso");
        let request = request
            .header("content-type", support::browser::FORM)
            .body(body);
        request.send().await
    });
    asked(&fleet, Endpoint::Collaborators).await;
    fleet.kill(0);
    assert!(signing_in.await.unwrap().is_err());
    fleet.heroku.faults().clear_all();
    // The form opened no session, so it is still valid; other forms are as well.
    for form in [newcomer, form] {
        let browser = fleet.dashboards[0].browser();
        assert_eq!(browser.submit(&form).await.status, 303);
        assert_eq!(browser.fetch("/whoami").await.status, 200);
        assert_eq!(browser.submit(&form).await.status, 403);
    }
}

#[tokio::test]
async fn r2_repeated_kills_on_sqlite_lose_no_state() {
    let folder = TempDir::new().unwrap();
    let file = format!("sqlite:{}", folder.path().join("sso.db").display());
    again_and_again(file).await;
}

#[tokio::test]
async fn r2_repeated_kills_on_postgres_lose_no_state() {
    use crate::place::{Place, Postgres};

    again_and_again(Postgres::new().await.url).await;
}

/// Provisioning, sign-ins and removals, while the process is killed at any moment. Everything answered
/// before the kill is stored.
async fn again_and_again(database: String) {
    let rounds = std::env::var("KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut fleet = Fleet::on(database, 1).await;
    let mut addons = Vec::new();
    let mut signed_in = Vec::new();
    for round in 0..rounds {
        let app = fleet
            .heroku
            .app(&format!("shop-{round}"))
            .collaborator("ann@example.com");
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        let browser = fleet.signed_in(0, &addon, "ann@example.com").await;
        signed_in.push(browser);
        addons.push(addon);

        // A refresh and a sign-in are in progress at the kill.
        let busy = fleet.at(0, &signed_in[round]);
        let refreshing = busy.request(reqwest::Method::POST, "/refresh").send();
        let form = addons[round].sign_in_form("owner@example.com").body();
        // In another browser, as a sign-in ends the browser's earlier session.
        let another = fleet.dashboards[0].browser();
        let post = another.request(reqwest::Method::POST, "/heroku/sso");
        let signing_in = post
            .header("content-type", support::browser::FORM)
            .body(form)
            .send();
        let under_way = tokio::spawn(async move { tokio::join!(refreshing, signing_in) });
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..30))).await;
        fleet.kill(0);
        drop(under_way.await.unwrap());
        start_again(&mut fleet).await;

        // No resource and no session is lost.
        for browser in &signed_in {
            assert_eq!(
                fleet.at(0, browser).fetch("/whoami").await.status,
                200,
                "{round}"
            );
        }
    }
    // A changed list ends every session that depends on it.
    for (number, (addon, browser)) in addons.iter().zip(&signed_in).enumerate() {
        // A process makes 150 calls at most for refreshes of young lists, three for each.
        if number % 40 == 39 {
            fleet.kill(0);
            start_again(&mut fleet).await;
        }
        let owner = fleet.dashboards[0].browser();
        // A new second: the form of this second may be the one from before the kill.
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(30);
        let form = addon.sign_in("owner@example.com").at(soon).form();
        assert_eq!(owner.submit(&form).await.status, 303);
        addon.app().remove("ann@example.com");
        refresh(&owner).await;
        assert_ne!(fleet.at(0, browser).fetch("/whoami").await.status, 200);
    }
}

async fn start_again(fleet: &mut Fleet) {
    let started = fleet.start_one().await;
    fleet.dashboards.push(started);
    fleet.heroku_calls(0);
}
