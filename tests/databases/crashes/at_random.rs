//! Kills at random moments. For a hundred kills on each store instead of twenty:
//!
//! ```text
//! KILLS=100 scripts/with-servers cargo test -p databases-tests crashes::at_random
//! ```
//!
//! `SEED` repeats the choices of a run, but not the exact moments of the kills.

use std::time::Duration;

use time::OffsetDateTime;
use tower_heroku_sso::Clock as _;

use crate::crashes::partner::Says;
use crate::crashes::process::AddonProcess;
use crate::crashes::scene::{DAY, HOUR, MINUTE, Scene};
use crate::crashes::steps::{Does, Found};
use crate::replicas::soon::eventually;

pub fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// What may have happened to an add-on so far, according to Heroku and the partner.
struct Told {
    /// Since when it was temporarily missing.
    away_since: Option<OffsetDateTime>,
    is_missing: bool,
    deletes: usize,
    /// Earlier calls of the partner for other add-ons.
    calls_before: usize,
    own_calls: usize,
    last: Found,
}

impl Told {
    fn nothing(scene: &Scene) -> Self {
        Self {
            away_since: None,
            is_missing: false,
            deletes: 0,
            calls_before: scene.partner.calls().len(),
            own_calls: 0,
            last: Found::Active(0),
        }
    }

    /// Checks that the store contains a possible state.
    async fn check(&mut self, scene: &Scene) {
        let found = scene.settled().await;
        scene.is(found).await;
        let calls = scene.partner.calls().split_off(self.calls_before);
        let id = scene.id().to_string();
        assert!(calls.iter().all(|(called, _)| *called == id));
        assert!(calls.len() <= self.deletes, "only DELETE calls the partner");
        let said = |says| calls.iter().any(|(_, said)| *said == says);
        let now = scene.clock.now();
        let away_for = self.away_since.map_or(Duration::ZERO, |since| {
            (now - since).try_into().unwrap_or_default()
        });
        let may_be = match found {
            Found::Active(answers) => answers == 0 || self.away_since.is_some(),
            Found::Dormant => away_for >= MINUTE * 15,
            Found::Deprovisioning => said(Says::Later),
            Found::Ended => self.own_calls > 0 || away_for >= DAY * 7,
            Found::Deprovisioned => said(Says::Done) || said(Says::Later) && self.own_calls > 0,
        };
        let follows = match self.last {
            Found::Active(_) | Found::Dormant => true,
            Found::Deprovisioning => matches!(found, Found::Deprovisioning | Found::Deprovisioned),
            Found::Ended => matches!(found, Found::Ended | Found::Deprovisioned),
            Found::Deprovisioned => found == Found::Deprovisioned,
        };
        assert!(
            may_be && follows,
            "{found:?} after {:?}: {calls:?}",
            self.last
        );
        self.last = found;
    }
}

/// Makes something happen and kills the process while it reacts.
async fn round(
    scene: &Scene,
    told: &mut Told,
    process: AddonProcess,
    random: &mut fastrand::Rng,
) -> Duration {
    if random.u8(..4) == 0 {
        told.is_missing = !told.is_missing;
        if told.is_missing {
            scene.addon.remove();
            told.away_since.get_or_insert(scene.clock.now());
        } else {
            scene.addon.mark_provisioned();
        }
    }
    let passes = [MINUTE, MINUTE * 8, MINUTE * 20, HOUR, DAY * 2, DAY * 7];
    let passes = passes[random.usize(..passes.len())];
    scene.clock.advance(passes);
    let passing = tokio::spawn(process.asks("pass", passes.as_secs().to_string()));
    let does = match random.u8(..10) {
        0..4 => Does::Refresh,
        4..6 => Does::Register,
        6..9 => Does::Delete,
        _ => Does::Deprovision,
    };
    scene.partner.says(match random.u8(..6) {
        0 => Says::Nothing,
        1..3 => Says::Later,
        3 => Says::TryLater,
        _ => Says::Done,
    });
    told.deletes += usize::from(does == Does::Delete);
    told.own_calls += usize::from(does == Does::Deprovision);
    let answer = scene.begin(&process, does);
    tokio::time::sleep(Duration::from_micros(random.u64(..60_000))).await;
    scene.retire(process);
    passing.await.unwrap();
    let answer = answer.await.unwrap();
    scene.partner.says(Says::Done);
    scene.database.end_leases().await;
    // Postgres may still execute the last statement.
    scene.database.is_quiet().await;
    // An answer that Heroku received is stored.
    let found = scene.settled().await;
    match (does, answer.as_deref()) {
        (Does::Delete, Some("202")) => assert_eq!(found, Found::Deprovisioning),
        (Does::Delete, Some("204" | "410")) => assert_eq!(found, Found::Deprovisioned),
        (Does::Deprovision, Some("ok")) => {
            assert!(found == Found::Ended || found == Found::Deprovisioned)
        }
        _ => {}
    }
    passes
}

/// The remaining process continues from that state.
async fn continues(scene: &Scene, told: &mut Told, process: &AddonProcess) {
    // Its sync does so without a request.
    scene.quiet().await;
    // A surviving process may receive the event a moment later.
    eventually("it answers according to the stored state", async || {
        let said = process.refresh(&scene.id()).await;
        let expected = match (scene.found().await, told.is_missing) {
            (Found::Active(_), false) => "ok",
            (Found::Active(_), true) => "heroku",
            (Found::Dormant, _) => "dormant",
            _ => "gone",
        };
        said == expected
    })
    .await;
    told.check(scene).await;
    if matches!(told.last, Found::Ended | Found::Deprovisioned) {
        let is_owed = told.last == Found::Ended;
        told.deletes += 1;
        assert_eq!(scene.delete().await, if is_owed { 204 } else { 410 });
        assert_eq!(scene.delete().await, 410);
        told.check(scene).await;
    } else {
        assert_eq!(scene.told_gone(Some(process)), (0, 0));
    }
}

async fn killed_at_random(mut scene: Scene, beside_another: bool) {
    let kills = from_environment("KILLS").unwrap_or(20);
    let seed = from_environment("SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut told = Told::nothing(&scene);
    let other = match beside_another {
        true => Some(scene.process_with_sync().await),
        false => None,
    };
    let mut next = None;
    for kill in 0..kills {
        let process = match next.take() {
            Some(process) => process,
            None => scene.process_with_sync().await,
        };
        scene.heroku_calls(&process);
        let passed = round(&scene, &mut told, process, &mut random).await;
        told.check(&scene).await;
        println!("{kill}: {:?}", told.last);
        if let Some(other) = &other {
            scene.heroku_calls(other);
            other.ask("pass", &passed.as_secs().to_string()).await;
            continues(&scene, &mut told, other).await;
        } else {
            let process = scene.process_with_sync().await;
            continues(&scene, &mut told, &process).await;
            next = Some(process);
        }
        if told.last == Found::Deprovisioned {
            if let Some(process) = next.take() {
                scene.retire(process);
            }
            let addon = scene.heroku.app(&format!("shop-{kill}"));
            let addon = addon.collaborator("ann@example.com").addon();
            scene.provision(addon).await;
            told = Told::nothing(&scene);
        }
    }
    for process in [next, other].into_iter().flatten() {
        scene.retire(process);
    }
}

#[tokio::test]
async fn r2_sqlite_survives_random_kills() {
    killed_at_random(Scene::on_sqlite().await, false).await;
}

#[tokio::test]
async fn r2_postgres_survives_random_kills() {
    killed_at_random(Scene::on_postgres().await, false).await;
}

#[tokio::test]
async fn r2_postgres_survives_random_kills_beside_a_second_process() {
    killed_at_random(Scene::on_postgres().await, true).await;
}
