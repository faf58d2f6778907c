//! The partner's methods run one at a time per resource, and `deprovision` is the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use heroku_sso_store::{ResourceState, Store, Work};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome, PlanChange, Provision};
use tower_heroku_sso::{MemorySessions, ResourceId};

use crate::faulty::{Faulty, Leases};
use crate::partner_api::call;
use support::ids::AddOnExt as _;
use support::world::{World, grant, serve};

/// An add-on whose calls wait for the test, and which detects overlapping calls.
#[derive(Clone)]
pub struct Slow(Arc<State>);

pub struct State {
    /// In starting order.
    calls: std::sync::Mutex<Vec<String>>,
    under_way: AtomicUsize,
    overlapped: AtomicBool,
    go_on: Semaphore,
    began: Notify,
    /// The answer to DELETE: accepted (`true`) or try later (`false`).
    later: std::sync::Mutex<Option<bool>>,
}

impl Slow {
    pub fn new() -> Self {
        Self(Arc::new(State {
            calls: std::sync::Mutex::default(),
            under_way: AtomicUsize::new(0),
            overlapped: AtomicBool::new(false),
            go_on: Semaphore::new(0),
            began: Notify::new(),
            later: std::sync::Mutex::default(),
        }))
    }

    async fn call(&self, what: &str) {
        let state = &self.0;
        state.calls.lock().unwrap().push(what.to_owned());
        if state.under_way.fetch_add(1, Ordering::SeqCst) > 0 {
            state.overlapped.store(true, Ordering::SeqCst);
        }
        state.began.notify_one();
        state.go_on.acquire().await.unwrap().forget();
        state.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn calls(&self) -> Vec<String> {
        assert!(
            !self.0.overlapped.load(Ordering::SeqCst),
            "two calls overlap"
        );
        self.0.calls.lock().unwrap().clone()
    }

    /// The next DELETE is accepted for later, or fails.
    pub fn answer_later(&self, has_begun: bool) {
        *self.0.later.lock().unwrap() = Some(has_begun);
    }

    pub fn answer_done(&self) {
        *self.0.later.lock().unwrap() = None;
    }

    pub fn let_go_on(&self, calls: usize) {
        self.0.go_on.add_permits(calls);
    }

    async fn one_began(&self) {
        let began = tokio::time::timeout(Duration::from_secs(60), self.0.began.notified());
        began.await.expect("a call begins");
    }
}

impl Addon for Slow {
    async fn provision(&self, request: Provision) -> Result<Outcome, AddonError> {
        let plan = request.plan.unwrap_or_default();
        self.call(&format!("provision {plan}")).await;
        match plan.as_str() {
            "no" => Err(AddonError::Rejected("no such plan".into())),
            _ => Ok(Outcome::done()),
        }
    }

    async fn change_plan(&self, _: PlanChange) -> Result<Outcome, AddonError> {
        self.call("change_plan").await;
        Ok(Outcome::done())
    }

    async fn deprovision(&self, _: ResourceId) -> Result<Outcome, AddonError> {
        self.call("deprovision").await;
        match *self.0.later.lock().unwrap() {
            None => Ok(Outcome::done()),
            Some(true) => Ok(Outcome::later()),
            Some(false) => Err(AddonError::TryLater("busy".into())),
        }
    }
}

struct Scene {
    world: Arc<World>,
    store: Faulty,
    slow: Slow,
    addon: AddOn,
}

type Waiting = tokio::task::JoinHandle<u16>;

impl Scene {
    async fn on(store: Faulty) -> Self {
        let slow = Slow::new();
        let mut world = World::with(|builder| builder.store(store.clone())).await;
        let app = Router::new().merge(world.sso.routes().partner_api(slow.clone()));
        world.address = serve(app).await;
        let app = world.heroku.app("shop").collaborator("ann@example.com");
        Self {
            addon: app.addon(),
            world: Arc::new(world),
            store,
            slow,
        }
    }

    /// Sends a call now; its answer is awaited later.
    async fn send(&self, method: Method, path: String, body: Value) -> Waiting {
        let world = Arc::clone(&self.world);
        let sent = tokio::spawn(async move { call(&world, method, &path, &body).await.status });
        // Keeps the order of arrival.
        tokio::time::sleep(Duration::from_millis(50)).await;
        sent
    }

    async fn post(&self, plan: &str) -> Waiting {
        let mut body = self.addon.provisioning_body();
        body["plan"] = json!(plan);
        self.send(Method::POST, String::new(), body).await
    }

    async fn put(&self) -> Waiting {
        let path = format!("/{}", self.addon.resource_id());
        self.send(Method::PUT, path, json!({"plan": "pro"})).await
    }

    async fn delete(&self) -> Waiting {
        let path = format!("/{}", self.addon.resource_id());
        self.send(Method::DELETE, path, json!({})).await
    }

    async fn state(&self) -> Option<ResourceState> {
        let known = self.store.get(&self.addon.resource_id()).await.unwrap();
        known.map(|known| known.state)
    }
}

#[tokio::test]
async fn c5_two_posts_and_a_delete_run_sequentially() {
    let scene = Scene::on(Faulty::default()).await;
    let sent = [
        scene.post("a").await,
        scene.post("b").await,
        scene.delete().await,
    ];
    assert_eq!(scene.slow.calls(), ["provision a"]);
    scene.slow.let_go_on(3);
    for (sent, status) in sent.into_iter().zip([200, 200, 204]) {
        assert_eq!(sent.await.unwrap(), status);
    }
    assert_eq!(
        scene.slow.calls(),
        ["provision a", "provision b", "deprovision"]
    );
    assert_eq!(scene.state().await, Some(ResourceState::Deprovisioned));
}

#[tokio::test]
async fn c5_calls_queued_after_delete_get_410() {
    let scene = Scene::on(Faulty::default()).await;
    let first = scene.post("a").await;
    let rest = [
        scene.delete().await,
        scene.put().await,
        scene.post("b").await,
        scene.delete().await,
    ];
    scene.slow.let_go_on(5);
    assert_eq!(first.await.unwrap(), 200);
    for (sent, status) in rest.into_iter().zip([204, 410, 410, 410]) {
        assert_eq!(sent.await.unwrap(), status);
    }
    assert_eq!(scene.slow.calls(), ["provision a", "deprovision"]);
}

#[tokio::test]
async fn c5_delete_waits_for_the_grant_exchange_of_a_post() {
    let scene = Scene::on(Faulty::default()).await;
    scene.slow.let_go_on(2);
    let minute = Duration::from_secs(60);
    scene
        .world
        .heroku
        .faults()
        .set(Endpoint::Token, Fault::Slow(minute));
    let post = scene.post("a").await;
    let delete = scene.delete().await;
    assert_eq!(scene.slow.calls(), [""; 0]);
    scene.world.clock.advance(minute);
    assert_eq!(post.await.unwrap(), 200);
    assert_eq!(delete.await.unwrap(), 204);
    assert_eq!(scene.slow.calls(), ["provision a", "deprovision"]);
    assert_eq!(scene.state().await, Some(ResourceState::Deprovisioned));
}

#[tokio::test]
async fn c5_partner_call_completes_after_heroku_disconnects() {
    let scene = Scene::on(Faulty::default()).await;
    let post = scene.post("a").await;
    scene.slow.one_began().await;
    post.abort();
    assert!(post.await.is_err());
    let delete = scene.delete().await;
    assert_eq!(scene.slow.calls(), ["provision a"]);
    scene.slow.let_go_on(2);
    assert_eq!(delete.await.unwrap(), 204);
    assert_eq!(scene.slow.calls(), ["provision a", "deprovision"]);
    assert_eq!(scene.state().await, Some(ResourceState::Deprovisioned));
}

#[tokio::test]
async fn c5_calls_for_different_resources_run_concurrently() {
    let scene = Scene::on(Faulty::default()).await;
    let first = scene.post("a").await;
    scene.slow.one_began().await;
    let mut others = Vec::new();
    // None of these waits for the first call.
    for number in 0..40 {
        let other = scene.world.heroku.app(&format!("app-{number}")).addon();
        let body = other.provisioning_body();
        others.push(scene.send(Method::POST, String::new(), body).await);
    }
    assert_eq!(scene.slow.0.calls.lock().unwrap().len(), 41);
    scene.slow.let_go_on(41);
    for sent in others.into_iter().chain([first]) {
        assert_eq!(sent.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn c6_accepted_provision_survives_a_concurrent_rejected_one() {
    for plans in [["a", "no"], ["no", "a"]] {
        let scene = Scene::on(Faulty::default()).await;
        let sent = [scene.post(plans[0]).await, scene.post(plans[1]).await];
        scene.slow.let_go_on(2);
        for (sent, plan) in sent.into_iter().zip(plans) {
            let status = if plan == "no" { 422 } else { 200 };
            assert_eq!(sent.await.unwrap(), status, "{plans:?}");
        }
        assert_eq!(
            scene.state().await,
            Some(ResourceState::Active),
            "{plans:?}"
        );
        let resource = scene.addon.resource_id();
        let access = scene.world.sso.resources().access_token(&resource).await;
        assert!(access.is_ok(), "{plans:?}");
    }
}

/// Heroku delivers one request twice, with a code that is valid once.
#[tokio::test]
async fn c6_repeated_request_is_accepted_after_a_rejection() {
    let scene = Scene::on(Faulty::default()).await;
    let body = scene.addon.provisioning_body();
    let with = |plan: &str| {
        let mut body = body.clone();
        body["plan"] = json!(plan);
        body
    };
    let rejected = scene.send(Method::POST, String::new(), with("no")).await;
    let accepted = scene.send(Method::POST, String::new(), with("a")).await;
    scene.slow.let_go_on(2);
    assert_eq!(rejected.await.unwrap(), 422);
    assert_eq!(accepted.await.unwrap(), 200);
    assert_eq!(scene.world.heroku.calls().count(Endpoint::Token), 1);
    assert_eq!(scene.state().await, Some(ResourceState::Active));
}

#[tokio::test]
async fn c5_delete_waits_for_the_partner_lease_of_another_process() {
    let leases = Arc::new(Leases::default());
    let scene = Scene::on(Faulty::shared(&leases)).await;
    scene.slow.let_go_on(2);
    assert_eq!(scene.post("a").await.await.unwrap(), 200);
    let lease = Work::Partner(scene.addon.resource_id());
    assert_eq!(leases.taken.lock().unwrap()[&lease], 1);
    assert!(leases.released.lock().unwrap().contains(&lease));
    leases.elsewhere.store(true, Ordering::SeqCst);
    let delete = scene.delete().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.slow.calls(), ["provision a"]);
    leases.elsewhere.store(false, Ordering::SeqCst);
    assert_eq!(delete.await.unwrap(), 204);
}

/// The partner's method succeeds and the store then fails: Heroku's next DELETE calls the method again.
#[tokio::test]
async fn c4_delete_calls_the_partner_again_after_a_store_failure() {
    let scene = Scene::on(Faulty::default()).await;
    scene.slow.let_go_on(10);
    assert_eq!(scene.post("a").await.await.unwrap(), 200);
    scene.store.fail("complete_deprovisioning");
    assert_eq!(scene.delete().await.await.unwrap(), 503);
    assert_eq!(scene.state().await, Some(ResourceState::Active));
    scene.store.mend();
    assert_eq!(scene.delete().await.await.unwrap(), 204);
    assert_eq!(
        scene.slow.calls(),
        ["provision a", "deprovision", "deprovision"]
    );
    assert_eq!(scene.delete().await.await.unwrap(), 410);
}

#[tokio::test]
async fn delete_ends_access_although_the_store_s_answer_is_lost() {
    let store = Faulty::default();
    let (kept, sessions) = (store.clone(), MemorySessions::default());
    // Sessions in a store that knows nothing of the resource.
    let world = World::with(|builder| builder.store(kept).session_store(sessions)).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    store.lose_answers("complete_deprovisioning");
    assert_eq!(addon.deprovision().await.unwrap().status, 503);
    assert_eq!(ann.fetch("/page").await.status, 401);
    store.mend();
    assert_eq!(addon.deprovision().await.unwrap().status, 410);
    assert_eq!(ann.fetch("/page").await.status, 401);
}

/// A panicking method releases its lock.
#[tokio::test]
async fn a60_panicking_partner_method_does_not_block_the_next_call() {
    #[derive(Default)]
    struct Panics(AtomicUsize);
    impl Addon for Panics {
        async fn provision(&self, _: Provision) -> Result<Outcome, AddonError> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("on purpose"),
                _ => Ok(Outcome::done()),
            }
        }
    }
    let mut world = World::start().await;
    let app = Router::new().merge(world.sso.routes().partner_api(Panics::default()));
    world.address = serve(app).await;
    let addon = world.heroku.app("shop").addon();
    let body = addon.provisioning_body();
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 503);
    assert_eq!(call(&world, Method::POST, "", &body).await.status, 200);
}

#[tokio::test]
async fn registration_waits_for_no_other_resource() {
    let store = Faulty::default();
    let kept = store.clone();
    let world = World::with(|builder| builder.store(kept)).await;
    let addon = world.heroku.app("shop").addon();
    store.hold("put");
    let (resources, id, code) = (
        world.sso.resources().clone(),
        addon.resource_id(),
        grant(&addon),
    );
    let registering = tokio::spawn(async move { resources.register(&id, code).await });
    while store.calls("put") == 0 {
        tokio::task::yield_now().await;
    }
    for number in 1..=1_000 {
        let other = uuid::Uuid::from_u128(number).into();
        let ended = world.sso.resources().deprovision(&other).await;
        assert!(!ended.unwrap(), "it is unknown");
    }
    store.let_pass("put", 1);
    registering.await.unwrap().unwrap();
}
