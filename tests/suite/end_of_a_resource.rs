//! Checks the guide's table cell by cell: the answer of each operation in each state of a resource.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use support::browser::Browser;
use support::ids::AddOnExt as _;
use support::world::{World, grant, next, serve};
use tokio::task::JoinHandle;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{RefreshError, RegisterError, WebhookSecret, Webhooks};

use crate::absences::{HOUR, three_answers};
use crate::one_at_a_time::Slow;
use crate::partner_api::call;
use crate::webhooks;

const GUIDE: &str = include_str!("../../src/guide/end_of_a_resource.md");
const MINUTE: Duration = Duration::from_secs(60);
/// The refresh interval and the maximum list age.
const AGE: Duration = Duration::from_secs(3 * 60 * 60);

/// The rows below the header, by their first cells.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let table = GUIDE.lines();
    let table = table.skip_while(|line| !line.starts_with("| situation |"));
    let table = table.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |line: &'static str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        (cells.next().unwrap(), cells.collect())
    };
    table.map(cells).collect()
}

/// A resource in one situation.
struct Scene {
    world: Arc<World>,
    slow: Slow,
    addon: AddOn,
    ann: Browser,
    /// The last change event on the way to this situation.
    last_event: String,
    /// Calls in progress.
    under_way: Vec<JoinHandle<u16>>,
}

impl Scene {
    async fn new(situation: &str) -> Self {
        let slow = Slow::new();
        let secret = WebhookSecret::new(webhooks::SECRET).unwrap();
        let mut world = World::with(|builder| {
            builder
                .store(MemoryStore::default())
                .webhooks(Webhooks::new(secret))
                .refresh_interval(AGE)
                .max_list_age(AGE)
                .max_session(AGE * 4)
                .dormant_for(HOUR)
        })
        .await;
        let app = world
            .sso
            .protect(Router::new().route("/", get(|| async { "in" })))
            .merge(world.sso.routes().partner_api(slow.clone()));
        world.address = serve(app).await;
        let app = world.heroku.app("shop").collaborator("ann@example.com");
        let mut scene = Self {
            addon: app.addon(),
            ann: world.browser(),
            world: Arc::new(world),
            slow,
            last_event: "nothing".to_owned(),
            under_way: Vec::new(),
        };
        scene.come_to(situation).await;
        scene
    }

    async fn come_to(&mut self, situation: &str) {
        let (addon, resource) = (self.addon.clone(), self.addon.resource_id());
        let heroku = self.world.heroku.clone();
        match situation {
            "unknown" => return self.slow.let_go_on(100),
            "POST under way, grant not traded yet" => {
                heroku.faults().set(Endpoint::Token, Fault::Hang);
                self.under_way.push(self.spawn(Method::POST));
                while heroku.calls().count(Endpoint::Token) == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                return;
            }
            "POST under way, in your method" => return self.begin(Method::POST).await,
            _ => {}
        }
        let mut changes = self.world.sso.lists().changes();
        self.slow.let_go_on(1);
        assert_eq!(self.send(Method::POST).await, 200);
        let form = addon.sign_in_form("ann@example.com");
        assert_eq!(
            self.ann.at(self.world.address).submit(&form).await.status,
            303
        );
        self.world.clock.advance(Duration::from_secs(1));
        let form = addon.sign_in_form("ann@example.com");
        self.ann = Browser::new(self.world.address);
        assert_eq!(self.ann.submit(&form).await.status, 303);
        // So that the next form differs.
        self.world.clock.advance(Duration::from_secs(1));
        if situation != "active" {
            assert!(matches!(
                next(&mut changes).await,
                Some(Change::Snapshot { .. })
            ));
        }
        let sso = self.world.sso.clone();
        let clock = self.world.clock.clone();
        match situation {
            "active" => {}
            "Heroku says it is not there, list young" => {
                addon.remove();
                sso.lists().refresh(&resource).await.unwrap_err();
            }
            "Heroku says it is not there, list too old" => {
                clock.advance(AGE + MINUTE);
                addon.remove();
                sso.lists().refresh(&resource).await.unwrap_err();
            }
            "grant refused, list too old" => {
                clock.advance(AGE * 4);
                heroku.tokens().revoke(&addon);
                sso.lists().refresh(&resource).await.unwrap_err();
            }
            "too many would be dormant" => {
                clock.advance(AGE + MINUTE);
                let others = ["a", "b", "c"].map(|name| heroku.app(name).addon());
                for other in &others {
                    let id = other.resource_id();
                    sso.resources().register(&id, grant(other)).await.unwrap();
                    sso.lists().refresh(&id).await.unwrap();
                }
                heroku.faults().set(Endpoint::AddOn, Fault::Status(404));
                for _ in 0..3 {
                    for other in &others {
                        sso.lists().refresh(&other.resource_id()).await.unwrap_err();
                    }
                    sso.lists().refresh(&resource).await.unwrap_err();
                    clock.advance(MINUTE * 15 / 2);
                }
                assert_eq!(sso.resources().dormant().len(), 3);
                heroku.faults().clear_all();
                addon.remove();
            }
            "dormant"
            | "revived by an answer"
            | "revived by a grant"
            | "deprovisioned without DELETE" => {
                addon.remove();
                three_answers(&self.world, &resource).await;
                if situation != "dormant" {
                    let dormant = Change::ResourceDormant { resource };
                    assert_eq!(next(&mut changes).await, Some(dormant));
                }
                match situation {
                    "revived by an answer" => {
                        addon.mark_provisioned();
                        sso.lists().refresh(&resource).await.unwrap();
                    }
                    "revived by a grant" => {
                        addon.mark_provisioned();
                        self.slow.let_go_on(1);
                        assert_eq!(self.send(Method::POST).await, 200);
                        sso.lists().refresh(&resource).await.unwrap();
                    }
                    "deprovisioned without DELETE" => {
                        clock.advance(HOUR);
                        let end = sso.lists().refresh(&resource).await;
                        assert!(matches!(end, Err(RefreshError::Deprovisioned)));
                    }
                    _ => {}
                }
            }
            "dormant, grant refused" => {
                clock.advance(AGE * 4);
                heroku.tokens().revoke(&addon);
                for _ in 0..4 {
                    sso.lists().refresh(&resource).await.unwrap_err();
                    clock.advance(MINUTE * 20);
                }
                sso.lists().refresh(&resource).await.unwrap_err();
            }
            "DELETE under way" => return self.begin(Method::DELETE).await,
            "DELETE failed in your method" => {
                self.slow.answer_later(false);
                self.slow.let_go_on(1);
                assert_eq!(self.send(Method::DELETE).await, 503);
                self.slow.answer_done();
            }
            "deprovisioning (202)" => {
                self.slow.answer_later(true);
                self.slow.let_go_on(1);
                assert_eq!(self.send(Method::DELETE).await, 202);
                self.slow.answer_done();
            }
            "deprovisioned" => {
                self.slow.let_go_on(1);
                assert_eq!(self.send(Method::DELETE).await, 204);
            }
            other => panic!("unknown situation in the guide: {other}"),
        }
        let soon = Duration::from_millis(100);
        while let Ok(Some(change)) = tokio::time::timeout(soon, next(&mut changes)).await {
            let text = format!("{change:?}");
            if text.contains(&resource.to_string()) {
                let name = text.split([' ', '{']).next().unwrap();
                name.clone_into(&mut self.last_event);
            }
        }
        self.slow.let_go_on(100);
    }

    /// Starts a call that stays in progress.
    async fn begin(&mut self, method: Method) {
        let before = self.slow.calls().len();
        self.under_way.push(self.spawn(method));
        let begun = async {
            while self.slow.calls().len() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let begun = tokio::time::timeout(Duration::from_secs(60), begun);
        begun.await.expect("the call reaches the partner");
    }

    fn spawn(&self, method: Method) -> JoinHandle<u16> {
        let (world, addon) = (Arc::clone(&self.world), self.addon.clone());
        let path = match method {
            Method::POST => String::new(),
            _ => format!("/{}", addon.resource_id()),
        };
        let body: Value = match method {
            Method::POST => addon.provisioning_body(),
            _ => json!({"plan": "pro"}),
        };
        tokio::spawn(async move { call(&world, method, &path, &body).await.status })
    }

    async fn send(&self, method: Method) -> u16 {
        self.spawn(method).await.unwrap()
    }

    /// The status, or `waits` if another call is in progress.
    async fn answer(&self, method: Method) -> String {
        let call = self.spawn(method);
        match (self.under_way.is_empty(), call) {
            (true, call) => call.await.unwrap().to_string(),
            (false, call) => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                assert!(!call.is_finished(), "it answered without waiting");
                "waits".to_owned()
            }
        }
    }

    async fn cell(&self, column: usize) -> String {
        let (world, addon, resource) = (&self.world, &self.addon, self.addon.resource_id());
        match column {
            0 => {
                let form = addon.sign_in_form("ann@example.com");
                let browser = Browser::new(world.address);
                browser.submit(&form).await.status.to_string()
            }
            1 => self
                .ann
                .at(world.address)
                .fetch("/")
                .await
                .status
                .to_string(),
            2 => self.answer(Method::POST).await,
            3 => self.answer(Method::PUT).await,
            4 => self.answer(Method::DELETE).await,
            5 => {
                world.heroku.calls().clear();
                let event = json!({
                    "id": "1", "action": "update", "resource": "addon",
                    "data": { "id": resource.to_string(), "name": addon.info().name },
                    "webhook_metadata": { "event": { "id": "1", "include": "api:addon" } },
                });
                assert_eq!(webhooks::send(world, &event).await, 204);
                world.quiet().await;
                let asked = world.heroku.calls().count(Endpoint::AddOn)
                    + world.heroku.calls().count(Endpoint::Token);
                if asked > 0 { "asked" } else { "nothing" }.to_owned()
            }
            6 => {
                let grant = grant(addon);
                let register = world.sso.resources().register(&resource, grant);
                // It waits behind another call. Alone it must end, also on a busy machine.
                let limit = match self.under_way.is_empty() {
                    true => Duration::from_secs(60),
                    false => Duration::from_secs(2),
                };
                match tokio::time::timeout(limit, register).await {
                    Ok(Ok(())) => "done",
                    Ok(Err(RegisterError::Deprovisioned)) => "gone",
                    Ok(Err(error)) => panic!("{error:?}"),
                    Err(_) => "waits",
                }
                .to_owned()
            }
            7 => {
                let sync = world.sso.spawn_sync();
                let asked = async |time: Duration| {
                    world.heroku.calls().clear();
                    world.clock.advance(time);
                    world.quiet().await;
                    let about = format!("/addons/{resource}");
                    let requests = world.heroku.calls().requests();
                    let is_about = requests.iter().any(|request| request.path == about);
                    is_about || world.heroku.calls().count(Endpoint::Token) > 0
                };
                let when = if asked(MINUTE * 12).await {
                    "minutes"
                } else if asked(MINUTE * 50).await {
                    "hourly"
                } else if asked(HOUR * 8).await {
                    "in turn"
                } else {
                    "never"
                };
                sync.shutdown().await;
                when.to_owned()
            }
            _ => self.last_event.clone(),
        }
    }
}

/// Each cell of a row in a scene of its own.
async fn try_row(situation: &'static str, expected: Vec<&'static str>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (column, expected) in expected.iter().enumerate() {
        let found = Scene::new(situation).await.cell(column).await;
        if found != *expected {
            wrong.push(format!(
                "{situation}, column {column}: {found} and not {expected}"
            ));
        }
    }
    wrong
}

#[tokio::test]
async fn guide_table_matches_behaviour() {
    let rows = rows();
    assert_eq!(rows.len(), 17);
    assert!(rows.iter().all(|(_, cells)| cells.len() == 9), "{rows:?}");
    // A few at a time: every one of them waits on deadlines in real time.
    let rows = stream::iter(rows).map(|(situation, expected)| try_row(situation, expected));
    let wrong = rows.buffer_unordered(4).collect::<Vec<_>>().await.concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
