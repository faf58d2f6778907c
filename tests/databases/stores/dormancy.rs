//! Dormancy of a resource that Heroku reports as missing, with a restart after each step, and with two
//! processes on one database.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Simulator};
use heroku_sso_store::{ResourceState, Store};
use support::ids::AddOnExt as _;
use support::world::{builder, grant};
use tower_heroku_sso::heroku::HerokuError;
use tower_heroku_sso::{HerokuSso, ManualClock, RefreshError};

use crate::place::{Place, Postgres, Sqlite};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// An add-on and the place of its store.
struct Scene<P> {
    clock: ManualClock,
    heroku: Simulator,
    addon: AddOn,
    place: P,
}

impl<P: Place> Scene<P> {
    async fn set() -> Self {
        let clock = ManualClock::new();
        let heroku = Simulator::builder().clock(clock.reader()).start();
        let heroku = heroku.await.unwrap();
        let addon = heroku.app("shop").collaborator("ann@example.com").addon();
        let scene = Self {
            clock,
            heroku,
            addon,
            place: P::new().await,
        };
        let registered = scene.process().await;
        let resource = scene.addon.resource_id();
        let given = grant(&scene.addon);
        registered
            .resources()
            .register(&resource, given)
            .await
            .unwrap();
        scene.addon.mark_provisioned();
        scene
    }

    /// A new process.
    async fn process(&self) -> HerokuSso {
        let store = self.place.open().await;
        let gate = builder(&self.heroku, &self.clock).store(store);
        gate.build().await.unwrap()
    }

    /// The result of a refresh at this process.
    async fn ask(&self, process: &HerokuSso) -> Result<(), RefreshError> {
        let list = process.lists().refresh(&self.addon.resource_id()).await;
        list.map(|_| ())
    }

    async fn state(&self) -> ResourceState {
        let store = self.place.open().await;
        let known = store.get(&self.addon.resource_id()).await.unwrap();
        known.expect("a resource that is known").state
    }

    /// Three failing refreshes within 15 minutes, one at each of these processes.
    async fn three_answers(&self, processes: [&HerokuSso; 3]) {
        for process in &processes[..2] {
            let error = self.ask(process).await.unwrap_err();
            let is_not_found = matches!(error, RefreshError::Heroku(HerokuError::Gone(_)));
            assert!(is_not_found, "{error:?}");
            assert_eq!(self.state().await, ResourceState::Active);
            self.clock.advance(MINUTE * 15 / 2);
        }
        let error = self.ask(processes[2]).await.unwrap_err();
        assert!(matches!(error, RefreshError::Dormant), "{error:?}");
        assert_eq!(self.state().await, ResourceState::Dormant);
    }
}

async fn restarts_after_each_step_change_nothing<P: Place>() {
    let scene = Scene::<P>::set().await;
    scene.ask(&scene.process().await).await.unwrap();
    for round in ["revived", "ended"] {
        scene.clock.advance(HOUR);
        scene.addon.remove();
        let (first, second) = (scene.process().await, scene.process().await);
        let third = scene.process().await;
        scene.three_answers([&first, &second, &third]).await;
        if round == "revived" {
            scene.clock.advance(HOUR);
            scene.addon.mark_provisioned();
            scene.ask(&scene.process().await).await.unwrap();
            assert_eq!(scene.state().await, ResourceState::Active);
        }
    }
    for _ in 0..7 {
        let error = scene.ask(&scene.process().await).await.unwrap_err();
        assert!(matches!(error, RefreshError::Dormant), "{error:?}");
        scene.clock.advance(HOUR * 24);
    }
    let error = scene.ask(&scene.process().await).await.unwrap_err();
    assert!(matches!(error, RefreshError::Deprovisioned), "{error:?}");
    assert_eq!(scene.state().await, ResourceState::Deprovisioned);
    let error = scene.ask(&scene.process().await).await.unwrap_err();
    assert!(matches!(error, RefreshError::Deprovisioned), "{error:?}");
}

#[tokio::test]
async fn c1_c3_sqlite_dormancy_survives_a_restart_after_each_step() {
    restarts_after_each_step_change_nothing::<Sqlite>().await;
}

#[tokio::test]
async fn c1_c3_postgres_dormancy_survives_a_restart_after_each_step() {
    restarts_after_each_step_change_nothing::<Postgres>().await;
}

#[tokio::test]
async fn c1_c3_two_processes_agree_that_a_resource_is_dormant() {
    let scene = Scene::<Postgres>::set().await;
    let (one, other) = (scene.process().await, scene.process().await);
    scene.ask(&one).await.unwrap();
    scene.clock.advance(HOUR);
    scene.addon.remove();
    scene.three_answers([&one, &other, &one]).await;
    scene.clock.advance(HOUR);
    let error = scene.ask(&other).await.unwrap_err();
    assert!(matches!(error, RefreshError::Dormant), "{error:?}");

    scene.clock.advance(HOUR);
    scene.addon.mark_provisioned();
    scene.ask(&other).await.unwrap();
    scene.clock.advance(HOUR);
    scene.ask(&one).await.unwrap();
    assert_eq!(scene.state().await, ResourceState::Active);
}
