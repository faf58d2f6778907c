//! An add-on, its processes, and its stored state after each kill.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use heroku_sso_store::{ResourceState, Store};
use serde_json::json;
use support::ids::AddOnExt as _;
use tokio::task::JoinHandle;
use tower_heroku_sso::{Clock as _, ManualClock, ResourceId};

use crate::crashes::held::Database;
use crate::crashes::partner::{Partner, Says};
use crate::crashes::process::AddonProcess;
use crate::crashes::steps::{At, Does, Found};
use crate::place::{Place as _, Postgres, Sqlite};
use crate::replicas::soon::eventually;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Scene {
    pub clock: ManualClock,
    pub heroku: Simulator,
    pub addon: AddOn,
    pub partner: Partner,
    pub database: Database,
    pub store: Arc<dyn Store>,
    /// The logs of killed processes.
    logs: Mutex<String>,
}

impl Scene {
    pub async fn on_sqlite() -> Self {
        let place = Sqlite::new().await;
        let store = Arc::new(place.open().await);
        Self::on(Database::Sqlite(place), store).await
    }

    pub async fn on_postgres() -> Self {
        let place = Postgres::new().await;
        let store = Arc::new(place.open().await);
        Self::on(Database::Postgres(place), store).await
    }

    async fn on(database: Database, store: Arc<dyn Store>) -> Self {
        let clock = ManualClock::new();
        let heroku = Simulator::builder().clock(clock.reader()).start();
        let heroku = heroku.await.unwrap();
        // A rotated refresh token would be lost with a process that has not stored it yet.
        heroku.tokens().rotate_refresh(false);
        let addon = heroku.app("shop").collaborator("ann@example.com").addon();
        let mut scene = Self {
            addon: addon.clone(),
            clock,
            heroku,
            partner: Partner::start().await,
            database,
            store,
            logs: Mutex::default(),
        };
        scene.provision(addon).await;
        scene
    }

    /// Provisions this add-on, fetches its list, and uses it from now on.
    pub async fn provision(&mut self, addon: AddOn) {
        self.addon = addon;
        let process = self.process().await;
        assert_eq!(self.addon.provision().await.unwrap().status, 200);
        assert_eq!(process.refresh(&self.id()).await, "ok");
        self.is(Found::Active(0)).await;
        self.retire(process);
    }

    pub fn id(&self) -> ResourceId {
        self.addon.resource_id()
    }

    /// Starts a process without a sync, which receives Heroku's calls.
    pub async fn process(&self) -> AddonProcess {
        self.start(false).await
    }

    pub async fn process_with_sync(&self) -> AddonProcess {
        self.start(true).await
    }

    async fn start(&self, sync: bool) -> AddonProcess {
        let setup = json!({
            "database": self.database.address(),
            "heroku": self.heroku.url(),
            "now": self.clock.now().unix_timestamp_nanos().to_string(),
            "partner": self.partner.url,
            "password": self.heroku.password(),
            "salt": self.heroku.sso_salt(),
            "secret": self.heroku.client_secret(),
            "slug": self.heroku.slug(),
            "sync": sync,
        });
        let process = AddonProcess::start(&setup).await;
        self.heroku_calls(&process);
        process
    }

    pub fn heroku_calls(&self, process: &AddonProcess) {
        let address = process.address;
        self.heroku
            .settings()
            .set_partner_url(format!("http://{address}"));
    }

    /// Kills it with SIGKILL. It must have reported the end of the resource at most once.
    pub fn retire(&self, process: AddonProcess) {
        let log = process.kill();
        let end = format!("told ResourceGone {}", self.id());
        assert!(log.matches(&end).count() <= 1, "{log}");
        let mut logs = self.logs.lock().unwrap();
        logs.push_str(&log);
        // Its last line may be incomplete.
        logs.push('\n');
    }

    /// How often the end of the resource was reported, in `changes` and in the audit log, by the killed
    /// processes and this one.
    pub fn told_gone(&self, alive: Option<&AddonProcess>) -> (usize, usize) {
        let dead = self.logs.lock().unwrap().clone();
        let alive = alive.map_or_else(String::new, AddonProcess::log);
        let count = |what: &str| {
            let lines = dead.lines().chain(alive.lines());
            let id = self.id().to_string();
            lines
                .filter(|line| line.contains(&id) && line.contains(what))
                .count()
        };
        (count("told ResourceGone"), count("event=\"resource_gone\""))
    }

    /// Starts the task at the process; its output is none if the process ends before.
    pub fn begin(&self, process: &AddonProcess, does: Does) -> JoinHandle<Option<String>> {
        let (addon, id) = (self.addon.clone(), self.id());
        match does {
            Does::Refresh => tokio::spawn(process.asks(&format!("refresh/{id}"), "")),
            Does::Register => {
                let code = addon.grant_code();
                tokio::spawn(process.asks(&format!("register/{id}"), code))
            }
            Does::Deprovision => tokio::spawn(process.asks(&format!("end/{id}"), "")),
            Does::Delete => tokio::spawn(async move {
                let answer = addon.deprovision().await.ok()?;
                Some(answer.status.to_string())
            }),
        }
    }

    /// Starts a new process on the task, kills it at this point, and checks the stored state.
    pub async fn crash(&self, does: Does, at: At, found: Found) {
        let process = self.process().await;
        self.crash_of(process, does, at, found).await;
        self.database.end_leases().await;
    }

    pub async fn crash_of(&self, process: AddonProcess, does: Does, at: At, found: Found) {
        let calls = self.partner.calls().len();
        let mut held = None;
        match at {
            At::Asked(endpoint) => {
                self.heroku.calls().clear();
                self.heroku.faults().set(endpoint, Fault::Hang);
            }
            At::Partner => self.partner.says(Says::Nothing),
            At::Writing(write) => held = Some(self.database.hold(write).await),
            At::Written(write) => held = self.database.hold_commit(write).await,
        }
        let answer = self.begin(&process, does);
        match (&mut held, at) {
            (_, At::Asked(endpoint)) => {
                let is_asked = async || self.heroku.calls().count(endpoint) > 0;
                eventually("heroku is called", is_asked).await;
            }
            (_, At::Partner) => self.partner.called(calls + 1).await,
            (Some(held), _) => held.is_reached(process.id()).await,
            (None, _) => self.becomes(found).await,
        }
        self.retire(process);
        let answer = answer.await.unwrap();
        let may_answer = held.is_none() && matches!(at, At::Written(_));
        assert!(answer.is_none() || may_answer, "{answer:?}");
        if let Some(held) = held {
            held.let_go().await;
        }
        self.heroku.faults().clear_all();
        if let At::Partner = at {
            self.partner.says(Says::Done);
        }
        assert_eq!(self.found().await, found, "{does:?} {at:?}");
        self.is(found).await;
    }

    /// Waits in a busy loop, so that little happens after the change.
    async fn becomes(&self, found: Found) {
        let becoming = async {
            while self.found().await != found {
                tokio::task::yield_now().await;
            }
        };
        let became = tokio::time::timeout(Duration::from_secs(30), becoming).await;
        became.unwrap_or_else(|_| panic!("it does not become {found:?}"));
    }

    /// The state once it no longer changes: the last statement of a killed process may still reach the server.
    pub async fn settled(&self) -> Found {
        loop {
            let found = self.found().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.database.is_quiet().await;
            if self.found().await == found {
                return found;
            }
        }
    }

    pub async fn found(&self) -> Found {
        let known = self.store.get(&self.id()).await.unwrap();
        let known = known.expect("a resource that is known");
        match known.state {
            ResourceState::Active => Found::Active(known.absence.map_or(0, |it| it.answers)),
            ResourceState::Dormant => Found::Dormant,
            ResourceState::Deprovisioning => Found::Deprovisioning,
            ResourceState::Deprovisioned if known.deprovision_owed => Found::Ended,
            ResourceState::Deprovisioned => Found::Deprovisioned,
        }
    }

    /// Checks the state with everything that belongs to it: before the end no data is erased and no event
    /// reported.
    pub async fn is(&self, expected: Found) {
        assert_eq!(self.found().await, expected);
        let known = self.store.get(&self.id()).await.unwrap().unwrap();
        let list = self.store.load(&self.id()).await.unwrap();
        let has_list = list.is_some_and(|resource| resource.list.is_some());
        let has_ended = matches!(expected, Found::Ended | Found::Deprovisioned);
        assert_eq!(known.tokens.is_some(), !has_ended, "{expected:?}");
        assert_eq!(known.grant_code.is_some(), !has_ended, "{expected:?}");
        let keeps_list = matches!(expected, Found::Active(_) | Found::Dormant);
        assert_eq!(has_list, keeps_list, "{expected:?}");
        if !has_ended {
            assert_eq!(self.told_gone(None), (0, 0), "{expected:?}");
        }
    }

    /// Waits until no process calls Heroku or writes to the store.
    pub async fn quiet(&self) {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        let (mut calls, mut times) = (usize::MAX, 0);
        while times < 8 {
            pause.tick().await;
            let before = std::mem::replace(&mut calls, self.heroku.calls().count(Endpoint::Any));
            times = if calls == before { times + 1 } else { 0 };
        }
        self.database.is_quiet().await;
    }

    /// The status of a sign-in at this process.
    pub async fn sign_in(&self, process: &AddonProcess) -> u16 {
        // A new second makes a new form.
        self.pass(process, Duration::from_secs(1)).await;
        let form = self.addon.sign_in_form("ann@example.com");
        process.browser().submit(&form).await.status
    }

    /// The status of the answer to Heroku's DELETE.
    pub async fn delete(&self) -> u16 {
        self.addon.deprovision().await.unwrap().status
    }

    /// Three failing refreshes within 15 minutes.
    pub async fn make_dormant(&self) {
        self.addon.remove();
        let process = self.process().await;
        for _ in 0..2 {
            assert_eq!(process.refresh(&self.id()).await, "heroku");
            self.pass(&process, MINUTE * 15 / 2).await;
        }
        assert_eq!(process.refresh(&self.id()).await, "dormant");
        self.retire(process);
        self.is(Found::Dormant).await;
    }

    /// Advances the clock, also in this process.
    pub async fn pass(&self, process: &AddonProcess, time: Duration) {
        self.clock.advance(time);
        process.ask("pass", &time.as_secs().to_string()).await;
    }
}
