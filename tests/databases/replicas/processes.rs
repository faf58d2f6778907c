//! Three processes of the dashboard on one Postgres.

use crate::fleet::{Fleet, refresh};
use crate::replicas::soon::soon;

#[tokio::test]
async fn session_of_one_process_is_valid_in_all() {
    let fleet = Fleet::on_postgres(3).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    for index in 0..3 {
        let me = fleet.at(index, &ann).fetch("/whoami").await;
        assert_eq!(me.status, 200);
        assert_eq!(me.json()["email"], "ann@example.com");
    }
}

#[tokio::test]
async fn a11_form_sent_to_three_processes_is_accepted_once() {
    let fleet = Fleet::on_postgres(3).await;
    let addon = fleet.addon().await;
    let form = addon.sign_in_form("ann@example.com");
    let mut signing_in = tokio::task::JoinSet::new();
    for number in 0..30 {
        let browser = fleet.dashboards[number % 3].browser();
        let body = form.body();
        signing_in.spawn(async move { browser.submit_body("/heroku/sso", &body).await.status });
    }
    let mut statuses = signing_in.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 303);
    assert!(
        statuses[1..].iter().all(|status| *status == 403),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn r3_removal_seen_by_one_process_applies_in_all() {
    let fleet = Fleet::on_postgres(3).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    let owner = fleet.signed_in(1, &addon, "owner@example.com").await;
    for index in 0..3 {
        assert_eq!(fleet.at(index, &ann).fetch("/whoami").await.status, 200);
    }
    addon.app().remove("ann@example.com");
    refresh(&owner).await;
    for index in 0..3 {
        let there = fleet.at(index, &ann);
        soon("ann is rejected", async || {
            there.fetch("/whoami").await.status != 200
        })
        .await;
        assert_eq!(fleet.at(index, &owner).fetch("/whoami").await.status, 200);
    }
}

#[tokio::test]
async fn r3_sign_out_at_one_process_applies_in_all() {
    let fleet = Fleet::on_postgres(3).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    let copies: Vec<_> = (0..3).map(|index| fleet.at(index, &ann)).collect();
    for copy in &copies {
        assert_eq!(copy.fetch("/whoami").await.status, 200);
    }
    let sign_out = ann.request(reqwest::Method::POST, "/logout");
    assert_eq!(ann.send(sign_out).await.status, 204);
    for copy in &copies {
        soon("ann is rejected", async || {
            copy.fetch("/whoami").await.status == 401
        })
        .await;
    }
}

#[tokio::test]
async fn deprovisioning_in_one_process_applies_in_all() {
    let fleet = Fleet::on_postgres(2).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    let there = fleet.at(1, &ann);
    assert_eq!(there.fetch("/whoami").await.status, 200);
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    soon("ann is rejected", async || {
        there.fetch("/whoami").await.status == 401
    })
    .await;
    fleet.heroku_calls(1);
    assert_eq!(addon.deprovision().await.unwrap().status, 410);
}

#[tokio::test]
async fn late_process_loads_the_list_from_the_store() {
    let mut fleet = Fleet::on_postgres(1).await;
    let addon = fleet.addon().await;
    let ann = fleet.signed_in(0, &addon, "ann@example.com").await;
    let late = fleet.start_one().await;
    fleet.dashboards.push(late);
    fleet.heroku.calls().clear();
    assert_eq!(fleet.at(1, &ann).fetch("/whoami").await.status, 200);
    let calls = fleet
        .heroku
        .calls()
        .count(heroku_addon_simulator::Endpoint::Any);
    assert_eq!(calls, 0, "the list was in the store");
}
