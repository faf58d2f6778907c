//! Kills during Heroku's DELETE and the partner's `deprovision` call.

use heroku_addon_simulator::Endpoint;

use crate::crashes::absences::after_an_end_that_heroku_s_delete_did_not_bring;
use crate::crashes::held::Write;
use crate::crashes::partner::Says;
use crate::crashes::scene::{DAY, HOUR, Scene};
use crate::crashes::steps::{At, Does, Found};

async fn by_delete(mut scene: Scene) {
    let mut calls = 0;
    for found in [Found::Active(0), Found::Dormant] {
        if found == Found::Dormant {
            let app = scene.addon.app();
            scene.provision(app.addon()).await;
            scene.make_dormant().await;
        }
        scene.crash(Does::Delete, At::Partner, found).await;
        let writing = At::Writing(Write::End);
        scene.crash(Does::Delete, writing, found).await;
        assert_eq!(scene.partner.calls().len(), calls + 2);

        // Until Heroku retries, the resource stays active, and no process calls the partner.
        let process = scene.process_with_sync().await;
        scene.heroku.calls().clear();
        for _ in 0..3 {
            scene.pass(&process, HOUR * 8).await;
            process.refresh(&scene.id()).await;
        }
        assert!(scene.heroku.calls().count(Endpoint::AddOn) > 0);
        scene.retire(process);
        assert_eq!(scene.partner.calls().len(), calls + 2);
        scene.is(found).await;

        let written = At::Written(Write::End);
        let end = Found::Deprovisioned;
        scene.crash(Does::Delete, written, end).await;
        let process = scene.process().await;
        assert_eq!(scene.delete().await, 410);
        assert_eq!(process.refresh(&scene.id()).await, "gone");
        assert_eq!(scene.sign_in(&process).await, 403);
        scene.retire(process);
        calls += 3;
        let called = scene.partner.calls();
        assert_eq!(called.len(), calls);
        let id = scene.id().to_string();
        assert!(called[calls - 3..].iter().all(|(called, _)| *called == id));
    }
}

#[tokio::test]
async fn sqlite_survives_kills_during_delete() {
    by_delete(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn postgres_survives_kills_during_delete() {
    by_delete(Scene::on_postgres().await).await;
}

async fn later(scene: Scene) {
    scene
        .crash(Does::Delete, At::Partner, Found::Active(0))
        .await;
    scene.partner.says(Says::Later);
    let (writing, written) = (At::Writing(Write::Closing), At::Written(Write::Closing));
    scene.crash(Does::Delete, writing, Found::Active(0)).await;
    let process = scene.process().await;
    assert_eq!(
        scene.sign_in(&process).await,
        303,
        "users can still sign in"
    );
    scene.retire(process);
    scene
        .crash(Does::Delete, written, Found::Deprovisioning)
        .await;

    // Its tokens work until the partner reports completion.
    let process = scene.process().await;
    let id = scene.id();
    assert_eq!(scene.sign_in(&process).await, 403);
    assert_eq!(process.ask(&format!("token/{id}"), "").await, "ok");
    assert_eq!(process.refresh(&id).await, "gone");
    scene.retire(process);
    scene
        .crash(Does::Delete, At::Partner, Found::Deprovisioning)
        .await;
    scene.clock.advance(DAY);
    let writing = At::Writing(Write::End);
    scene
        .crash(Does::Deprovision, writing, Found::Deprovisioning)
        .await;
    let written = At::Written(Write::End);
    scene
        .crash(Does::Deprovision, written, Found::Deprovisioned)
        .await;
    let _process = scene.process().await;
    assert_eq!(scene.delete().await, 410);
    assert_eq!(scene.partner.calls().len(), 4);
}

#[tokio::test]
async fn sqlite_survives_kills_during_asynchronous_deprovisioning() {
    later(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn postgres_survives_kills_during_asynchronous_deprovisioning() {
    later(Scene::on_postgres().await).await;
}

async fn by_the_partner_s_call(scene: Scene) {
    let writing = At::Writing(Write::End);
    scene
        .crash(Does::Deprovision, writing, Found::Active(0))
        .await;
    let process = scene.process().await;
    assert_eq!(process.refresh(&scene.id()).await, "ok");
    assert_eq!(scene.sign_in(&process).await, 303);
    scene.retire(process);
    let written = At::Written(Write::End);
    scene.crash(Does::Deprovision, written, Found::Ended).await;
    after_an_end_that_heroku_s_delete_did_not_bring(&scene).await;
}

#[tokio::test]
async fn sqlite_survives_kills_during_a_deprovision_call() {
    by_the_partner_s_call(Scene::on_sqlite().await).await;
}

#[tokio::test]
async fn postgres_survives_kills_during_a_deprovision_call() {
    by_the_partner_s_call(Scene::on_postgres().await).await;
}
