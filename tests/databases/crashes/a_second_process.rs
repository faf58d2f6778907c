//! Two processes on one Postgres: one is killed during each step, the other keeps working.

use std::time::Duration;

use heroku_addon_simulator::Endpoint;

use crate::crashes::held::Write;
use crate::crashes::partner::Says;
use crate::crashes::process::AddonProcess;
use crate::crashes::scene::{DAY, HOUR, MINUTE, Scene};
use crate::crashes::steps::{At, Does, Found};
use crate::replicas::soon::{eventually, soon};

/// A scene with a surviving process that runs the sync.
struct Survived {
    scene: Scene,
    other: AddonProcess,
}

impl Survived {
    async fn new() -> Self {
        let scene = Scene::on_postgres().await;
        let other = scene.process_with_sync().await;
        let it = Self { scene, other };
        assert_eq!(it.other.refresh(&it.scene.id()).await, "ok");
        assert_eq!(it.scene.sign_in(&it.other).await, 303);
        it
    }

    /// Starts a new process on the task and kills it at this point. The clock of the surviving process
    /// stands still.
    async fn crash(&self, does: Does, at: At, found: Found) {
        let process = self.scene.process().await;
        self.scene.crash_of(process, does, at, found).await;
        self.scene.heroku_calls(&self.other);
    }

    /// Advances the clock of the surviving process, which continues without a request.
    async fn continues(&self, time: Duration, found: Found) {
        self.passes(time).await;
        let what = format!("the surviving process reaches {found:?}");
        eventually(&what, async || self.scene.found().await == found).await;
    }

    async fn passes(&self, time: Duration) {
        let seconds = time.as_secs().to_string();
        self.other.ask("pass", &seconds).await;
    }

    /// Checks that the surviving process reports the change exactly this often.
    async fn tells(&self, change: &str, times: usize) {
        let what = format!("the surviving process reports {change}");
        let line = format!("told {change} {}", self.scene.id());
        let told = || self.other.log().matches(&line).count();
        soon(&what, async || told() == times).await;
    }
}

#[tokio::test]
async fn c1_c3_c4_second_process_continues_after_a_kill_at_each_step() {
    let it = Survived::new().await;
    let scene = &it.scene;
    scene.addon.remove();
    let asked = At::Asked(Endpoint::AddOn);
    let none = Found::Active(0);
    it.crash(Does::Refresh, asked, none).await;
    for number in 1..=2 {
        let answer = Write::Answer(number);
        let before = Found::Active(number - 1);
        it.crash(Does::Refresh, At::Writing(answer), before).await;
        if number == 1 {
            assert_eq!(it.other.refresh(&scene.id()).await, "heroku");
        } else {
            it.continues(MINUTE * 15 / 2, Found::Active(2)).await;
        }
        scene.clock.advance(MINUTE * 15 / 2);
    }
    let dormant = At::Writing(Write::Dormant);
    it.crash(Does::Refresh, dormant, Found::Active(3)).await;
    // That answer is recorded, so the surviving process waits for the next poll.
    it.passes(MINUTE * 15 / 2).await;
    scene.clock.advance(MINUTE * 5);
    it.continues(MINUTE * 5, Found::Dormant).await;
    it.tells("ResourceDormant", 1).await;

    // It receives the event that the killed process did not report.
    scene.addon.mark_provisioned();
    let list = Write::List;
    it.crash(Does::Refresh, At::Writing(list), Found::Dormant)
        .await;
    it.crash(Does::Refresh, At::Written(list), none).await;
    it.tells("ResourceRevived", 1).await;
    assert_eq!(scene.sign_in(&it.other).await, 303);

    scene.addon.remove();
    for number in 1..=2 {
        let written = At::Written(Write::Answer(number));
        let after = Found::Active(number);
        it.crash(Does::Refresh, written, after).await;
        scene.clock.advance(MINUTE * 15 / 2);
    }
    let written = At::Written(Write::Dormant);
    it.crash(Does::Refresh, written, Found::Dormant).await;
    it.tells("ResourceDormant", 2).await;
    assert_eq!(it.other.ask("dormant", "").await, scene.id().to_string());

    // The week has passed for one of them.
    it.passes(MINUTE * 15).await;
    scene.clock.advance(DAY * 7 + HOUR);
    for at in [asked, At::Writing(Write::End)] {
        it.crash(Does::Refresh, at, Found::Dormant).await;
    }
    assert_eq!(it.scene.told_gone(Some(&it.other)), (0, 0));
    // The answer was recorded, so the next poll is an hour later.
    it.passes(DAY * 7 + HOUR).await;
    scene.clock.advance(HOUR);
    it.continues(HOUR, Found::Ended).await;
    it.tells("ResourceGone", 1).await;
    assert!(scene.partner.calls().is_empty(), "only DELETE calls it");

    // A process killed in the partner's method holds its lease for some seconds.
    it.crash(Does::Delete, At::Partner, Found::Ended).await;
    eventually("the surviving process answers it", async || {
        let status = scene.delete().await;
        assert!(status == 204 || status == 503, "{status}");
        status == 204
    })
    .await;
    assert_eq!(scene.partner.calls().len(), 2);
    assert_eq!(scene.delete().await, 410);
    assert_eq!(scene.partner.calls().len(), 2);
    scene.is(Found::Deprovisioned).await;
    assert_eq!(scene.told_gone(Some(&it.other)), (1, 1));
}

#[tokio::test]
async fn second_process_reports_the_end_stored_by_the_killed_one() {
    for does in [Does::Refresh, Does::Delete, Does::Deprovision] {
        let it = Survived::new().await;
        let scene = &it.scene;
        let owed = does != Does::Delete;
        if does == Does::Refresh {
            scene.make_dormant().await;
            it.tells("ResourceDormant", 1).await;
            scene.clock.advance(DAY * 7);
        }
        let end = match owed {
            true => Found::Ended,
            false => Found::Deprovisioned,
        };
        it.crash(does, At::Written(Write::End), end).await;
        it.tells("ResourceGone", 1).await;
        assert_eq!(it.other.refresh(&scene.id()).await, "gone");
        assert_eq!(scene.sign_in(&it.other).await, 403);
        let calls = scene.partner.calls().len();
        assert_eq!(calls, usize::from(!owed), "{does:?}");
        scene.database.end_leases().await;
        let status = if owed { 204 } else { 410 };
        assert_eq!(scene.delete().await, status, "{does:?}");
        assert_eq!(scene.delete().await, 410, "{does:?}");
        assert_eq!(scene.partner.calls().len(), 1, "{does:?}");
        it.tells("ResourceGone", 1).await;
    }
}

#[tokio::test]
async fn second_process_continues_during_asynchronous_deprovisioning() {
    let it = Survived::new().await;
    let scene = &it.scene;
    scene.partner.says(Says::Later);
    let active = Found::Active(0);
    let closing = Write::Closing;
    it.crash(Does::Delete, At::Writing(closing), active).await;
    assert_eq!(scene.sign_in(&it.other).await, 303);
    scene.database.end_leases().await;
    let written = At::Written(closing);
    it.crash(Does::Delete, written, Found::Deprovisioning).await;
    let refresh = async || it.other.refresh(&scene.id()).await == "gone";
    soon("the surviving process rejects users", refresh).await;
    assert_eq!(scene.sign_in(&it.other).await, 403);
    let token = format!("token/{}", scene.id());
    assert_eq!(it.other.ask(&token, "").await, "ok");
    assert_eq!(scene.told_gone(Some(&it.other)), (0, 0));

    scene.database.end_leases().await;
    scene.partner.says(Says::Done);
    let writing = At::Writing(Write::End);
    it.crash(Does::Delete, writing, Found::Deprovisioning).await;
    scene.database.end_leases().await;
    assert_eq!(scene.delete().await, 204);
    scene.is(Found::Deprovisioned).await;
    assert_eq!(scene.partner.calls().len(), 4);
    it.tells("ResourceGone", 1).await;
    assert_eq!(scene.delete().await, 410);
}
