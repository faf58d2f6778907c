//! Kills while Heroku reports a resource as missing or refuses its grant.

use heroku_addon_simulator::Endpoint;

use crate::crashes::held::Write;
use crate::crashes::scene::{DAY, HOUR, MINUTE, Scene};
use crate::crashes::steps::{At, Does, Found};

async fn on_the_way_to_dormant(scene: Scene) {
    scene.addon.remove();
    for number in 1..=3 {
        let before = Found::Active(number - 1);
        let asked = At::Asked(Endpoint::AddOn);
        scene.crash(Does::Refresh, asked, before).await;
        let answer = Write::Answer(number);
        let writing = At::Writing(answer);
        scene.crash(Does::Refresh, writing, before).await;
        if number < 3 {
            let written = At::Written(answer);
            let after = Found::Active(number);
            scene.crash(Does::Refresh, written, after).await;
            scene.clock.advance(MINUTE * 15 / 2);
        }
    }
    // Recording the answer is a separate change.
    let writing = At::Writing(Write::Dormant);
    scene.crash(Does::Refresh, writing, Found::Active(3)).await;
    let process = scene.process().await;
    assert_eq!(
        scene.sign_in(&process).await,
        303,
        "users can still sign in"
    );
    scene.retire(process);
    let written = At::Written(Write::Dormant);
    scene.crash(Does::Refresh, written, Found::Dormant).await;

    let process = scene.process().await;
    assert_eq!(scene.sign_in(&process).await, 403);
    let id = scene.id();
    assert_eq!(process.ask(&format!("token/{id}"), "").await, "ok");
    assert_eq!(process.ask("dormant", "").await, id.to_string());
    assert!(scene.partner.calls().is_empty());
}

#[tokio::test]
async fn c1_sqlite_survives_kills_before_dormancy() {
    on_the_way_to_dormant(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn c1_postgres_survives_kills_before_dormancy() {
    on_the_way_to_dormant(Scene::on_postgres().await).await;
}

async fn on_the_way_back(scene: Scene) {
    for (does, asked, write) in [
        (Does::Refresh, Endpoint::AddOn, Write::List),
        (Does::Register, Endpoint::Token, Write::Grant),
    ] {
        scene.make_dormant().await;
        scene.clock.advance(HOUR);
        scene.crash(does, At::Asked(asked), Found::Dormant).await;
        scene.addon.mark_provisioned();
        scene.crash(does, At::Writing(write), Found::Dormant).await;
        scene
            .crash(does, At::Written(write), Found::Active(0))
            .await;

        let process = scene.process().await;
        assert_eq!(process.refresh(&scene.id()).await, "ok", "{does:?}");
        assert_eq!(scene.sign_in(&process).await, 303, "{does:?}");
        assert_eq!(process.ask("dormant", "").await, "", "{does:?}");
        scene.retire(process);
    }
    assert!(scene.partner.calls().is_empty());
}

#[tokio::test]
async fn c3_sqlite_survives_kills_during_revival() {
    on_the_way_back(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn c3_postgres_survives_kills_during_revival() {
    on_the_way_back(Scene::on_postgres().await).await;
}

async fn at_the_end_of_a_week(scene: Scene) {
    scene.make_dormant().await;
    scene.clock.advance(DAY * 7 - MINUTE);
    let asked = At::Asked(Endpoint::AddOn);
    scene.crash(Does::Refresh, asked, Found::Dormant).await;
    let process = scene.process().await;
    assert_eq!(process.refresh(&scene.id()).await, "dormant");
    scene.retire(process);
    scene.clock.advance(MINUTE);
    scene.crash(Does::Refresh, asked, Found::Dormant).await;
    end_by_an_answer(&scene).await;
    after_an_end_that_heroku_s_delete_did_not_bring(&scene).await;
}

/// The next answer deprovisions it.
async fn end_by_an_answer(scene: &Scene) {
    let writing = At::Writing(Write::End);
    scene.crash(Does::Refresh, writing, Found::Dormant).await;
    let written = At::Written(Write::End);
    scene.crash(Does::Refresh, written, Found::Ended).await;
}

pub async fn after_an_end_that_heroku_s_delete_did_not_bring(scene: &Scene) {
    let (_, told) = scene.told_gone(None);
    let process = scene.process_with_sync().await;
    let id = scene.id();
    assert_eq!(process.refresh(&id).await, "gone");
    assert_eq!(scene.sign_in(&process).await, 403);
    assert_eq!(process.ask(&format!("token/{id}"), "").await, "gone");
    scene.retire(process);
    assert!(scene.partner.calls().is_empty(), "only DELETE calls it");
    // The partner's call is owed until it is done and recorded.
    scene.crash(Does::Delete, At::Partner, Found::Ended).await;
    let writing = At::Writing(Write::End);
    scene.crash(Does::Delete, writing, Found::Ended).await;
    let written = At::Written(Write::End);
    scene
        .crash(Does::Delete, written, Found::Deprovisioned)
        .await;
    assert_eq!(scene.partner.calls().len(), 3);
    let process = scene.process().await;
    assert_eq!(scene.delete().await, 410);
    assert_eq!(scene.partner.calls().len(), 3);
    scene.retire(process);
    assert_eq!(scene.told_gone(None).1, told, "the end is reported once");
}

#[tokio::test]
async fn c4_sqlite_survives_kills_at_the_end_of_dormancy() {
    at_the_end_of_a_week(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn c4_postgres_survives_kills_at_the_end_of_dormancy() {
    at_the_end_of_a_week(Scene::on_postgres().await).await;
}

async fn with_a_grant_refused(scene: Scene) {
    let refused = async || {
        let process = scene.process().await;
        let said = process.refresh(&scene.id()).await;
        scene.retire(process);
        said
    };
    scene.clock.advance(HOUR * 9);
    scene.heroku.tokens().revoke(&scene.addon);
    let asked = At::Asked(Endpoint::Token);
    scene.crash(Does::Refresh, asked, Found::Active(0)).await;
    for (at, found) in [
        (At::Writing(Write::Answer(1)), Found::Active(0)),
        (At::Written(Write::Answer(1)), Found::Active(1)),
    ] {
        scene.crash(Does::Refresh, at, found).await;
    }
    scene.clock.advance(DAY * 6);
    assert_eq!(refused().await, "heroku");
    scene.is(Found::Active(2)).await;
    scene.clock.advance(DAY);
    for (at, found) in [
        (asked, Found::Active(2)),
        (At::Writing(Write::Answer(3)), Found::Active(2)),
        (At::Writing(Write::Dormant), Found::Active(3)),
        (At::Written(Write::Dormant), Found::Dormant),
    ] {
        scene.crash(Does::Refresh, at, found).await;
    }
    scene.clock.advance(DAY * 6);
    assert_eq!(refused().await, "dormant");
    scene.clock.advance(DAY);
    scene.crash(Does::Refresh, asked, Found::Dormant).await;
    end_by_an_answer(&scene).await;
    assert!(scene.partner.calls().is_empty());
}

#[tokio::test]
async fn sqlite_survives_kills_with_a_refused_grant() {
    with_a_grant_refused(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn postgres_survives_kills_with_a_refused_grant() {
    with_a_grant_refused(Scene::on_postgres().await).await;
}
