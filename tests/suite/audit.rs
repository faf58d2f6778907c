//! Audit events as the partner's function gets them.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use heroku_addon_simulator::AddOn;
use heroku_sso_store::SessionKey;
use sha2::{Digest as _, Sha256};
use support::browser::{Answer, Browser, FORM};
use support::ids::AddOnExt as _;
use support::world::World;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower::ServiceExt as _;
use tower_heroku_sso::audit::{AuditEvent, AuditKind};
use tower_heroku_sso::{Clock as _, HerokuSsoBuilder, MemorySessions, Proof, Role};
use tower_sessions::session::Id;

use crate::log::Log;

/// The events of a world, in order.
struct Events(UnboundedReceiver<AuditEvent>);

impl Events {
    /// The next event of this kind.
    async fn next(&mut self, kind: AuditKind) -> AuditEvent {
        let found = async {
            loop {
                let event = self.0.recv().await.expect("a running gate");
                if event.event == kind {
                    return event;
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), found).await;
        found.unwrap_or_else(|_| panic!("no {}", kind.as_str()))
    }
}

async fn audited() -> (World, Events) {
    audited_with(|builder| builder).await
}

async fn audited_with(
    set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
) -> (World, Events) {
    let (sender, events) = unbounded_channel();
    let world = World::with(|builder| {
        set_up(builder).on_audit(move |event| {
            // The test may be over.
            let _ = sender.send(event.clone());
        })
    });
    (world.await, Events(events))
}

async fn sign_in(browser: &Browser, addon: &AddOn, request_id: &str) -> Answer {
    let form = addon.sign_in_form("ann@example.com").body();
    let request = browser
        .request(Method::POST, "/heroku/sso")
        .header("content-type", FORM)
        .header("x-request-id", request_id);
    browser.send(request.body(form)).await
}

#[tokio::test]
async fn events_of_one_session_have_its_hash_and_their_requests() {
    let (world, mut events) = audited().await;
    let addon = world.addon().await;
    let id = addon.resource_id();
    assert_eq!(
        events.next(AuditKind::Provisioned).await.outcome.as_deref(),
        Some("done")
    );
    let browser = world.browser();
    assert_eq!(sign_in(&browser, &addon, "the-sign-in").await.status, 303);
    let signed_in = events.next(AuditKind::SignedIn).await;
    assert_eq!(signed_in.version, AuditEvent::VERSION);
    assert_eq!(signed_in.at, world.clock.now());
    assert_eq!(signed_in.resource, Some(id));
    assert_eq!(signed_in.email.unwrap().as_str(), "ann@example.com");
    assert_eq!(signed_in.proof, Some(Proof::SignedEmail));
    assert_eq!(signed_in.request_id.as_deref(), Some("the-sign-in"));
    let account = world.heroku.accounts().id("ann@example.com");
    assert_eq!(signed_in.user_id.unwrap().to_string(), account.to_string());
    let session = signed_in.session.unwrap();
    assert_eq!(session.len(), 16);
    let cookie = browser.cookie("__Host-heroku_sso").unwrap();
    assert!(!cookie.contains(&session));

    let admin = browser.request(Method::GET, "/admin");
    let admin = admin.header("x-request-id", "the-request");
    assert_eq!(browser.send(admin).await.status, 403);
    let rejected = events.next(AuditKind::RequestRejected).await;
    assert_eq!(rejected.reason.as_deref(), Some("missing_role"));
    assert_eq!(rejected.request_id.as_deref(), Some("the-request"));
    assert_eq!(rejected.session.as_ref(), Some(&session));

    let sign_out = browser.request(Method::POST, "/logout");
    browser.send(sign_out).await;
    let signed_out = events.next(AuditKind::SignedOut).await;
    assert_eq!(signed_out.session.as_ref(), Some(&session));
    // Without a header: a random one.
    assert_eq!(signed_out.request_id.map(|id| id.len()), Some(36));

    // Another session of the same user has another hash.
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(sign_in(&browser, &addon, "a b@c").await.status, 303);
    let again = events.next(AuditKind::SignedIn).await;
    assert_ne!(again.session.as_ref(), Some(&session));
    assert_ne!(again.request_id.as_deref(), Some("a b@c"));
}

#[tokio::test]
async fn list_change_events_name_the_person_and_roles() {
    let (world, mut events) = audited().await;
    let addon = world.addon().await;
    let id = addon.resource_id();
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let session = events.next(AuditKind::SignedIn).await.session;
    let app = addon.app();
    app.collaborator_as("ben@example.com", "member", &[]);
    world.refresh(&id).await;
    let added = events.next(AuditKind::MemberAdded).await;
    assert_eq!(added.email.unwrap().as_str(), "ben@example.com");
    assert!(added.user_id.is_some() && added.request_id.is_none());
    let roles = added.roles.unwrap();
    assert_eq!(roles.iter().collect::<Vec<_>>(), [&Role::Member]);

    app.collaborator_as("ben@example.com", "admin", &[]);
    world.refresh(&id).await;
    let changed = events.next(AuditKind::RoleChanged).await;
    assert!(changed.roles.unwrap().contains(&Role::Admin));
    assert_eq!(changed.roles_before, Some(roles));

    app.remove("ann@example.com");
    world.refresh(&id).await;
    let removed = events.next(AuditKind::MemberRemoved).await;
    assert_eq!(removed.email.unwrap().as_str(), "ann@example.com");
    assert_eq!(browser.fetch("/page").await.status, 403);
    let rejected = events.next(AuditKind::RequestRejected).await;
    assert_eq!(rejected.reason.as_deref(), Some("not_listed"));
    assert_eq!(rejected.session, session);
}

#[tokio::test]
async fn rejected_sign_in_event_has_the_reason_and_the_known_facts() {
    let (world, mut events) = audited().await;
    let addon = world.addon().await;
    let browser = world.browser();
    browser.submit_body("/heroku/sso", "nonsense").await;
    let rejected = events.next(AuditKind::SignInRejected).await;
    assert!(rejected.reason.is_some() && rejected.resource.is_none() && rejected.email.is_none());
    let form = addon.sign_in_form("eve@example.com");
    assert_eq!(browser.submit(&form).await.status, 403);
    let rejected = events.next(AuditKind::SignInRejected).await;
    assert_eq!(rejected.resource, Some(addon.resource_id()));
    assert_eq!(rejected.email.unwrap().as_str(), "eve@example.com");
    assert_eq!(rejected.proof, Some(Proof::SignedEmail));
}

#[tokio::test]
async fn panic_in_on_audit_reaches_no_request() {
    let (sender, mut events) = unbounded_channel();
    let world = World::with(|builder| {
        builder.on_audit(move |event| {
            sender.send(event.event).unwrap();
            panic!("a fault of the partner's, at {}", event.event.as_str());
        })
    });
    let world = world.await;
    let addon = world.addon().await;
    assert_eq!(events.recv().await, Some(AuditKind::Provisioned));
    let browser = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    // It is called again after each panic.
    while events.recv().await != Some(AuditKind::SignedIn) {}
}

#[tokio::test]
async fn blocked_on_audit_delays_no_request() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (sender, mut events) = unbounded_channel();
    let world = World::with(|builder| {
        builder.on_audit(move |event| {
            // Until the other end is dropped.
            let _ = wait.lock().unwrap().recv();
            sender.send(event.event).unwrap();
        })
    });
    let world = world.await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert!(events.is_empty());
    drop(go_on);
    while events.recv().await != Some(AuditKind::SignedIn) {}
}

/// Anyone can send malformed forms.
#[tokio::test]
async fn flood_of_malformed_forms_drops_no_event_of_a_user() {
    let log = Log::listen();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let (sender, events) = unbounded_channel();
    let world = World::with(|builder| {
        builder.on_audit(move |event| {
            // Until the other end is dropped.
            let _ = wait.lock().unwrap().recv();
            // The test may be over.
            let _ = sender.send(event.clone());
        })
    });
    let (world, mut events) = (world.await, Events(events));
    let addon = world.addon().await;
    let gate = Router::new().layer(world.sso.layer());
    // More than wait for the function.
    for _ in 0..4_200 {
        let form = Request::post("/heroku/sso").header("content-type", FORM);
        let form = form.body(Body::from("nonsense")).unwrap();
        assert_eq!(gate.clone().oneshot(form).await.unwrap().status(), 403);
    }
    let browser = world.signed_in(&addon, "ann@example.com").await;
    browser.send(browser.request(Method::POST, "/logout")).await;
    drop(go_on);
    let signed_in = events.next(AuditKind::SignedIn).await;
    let signed_out = events.next(AuditKind::SignedOut).await;
    assert_eq!(signed_in.session, signed_out.session);
    assert_eq!(log.with(&["on_audit is slow"]).len(), 1);
}

#[tokio::test]
async fn session_in_a_given_store_is_ended_by_its_key_and_recorded() {
    let (world, mut events) =
        audited_with(|builder| builder.session_store(MemorySessions::default())).await;
    let addon = world.addon().await;
    let browser = world.browser();
    assert_eq!(sign_in(&browser, &addon, "the-sign-in").await.status, 303);
    let signed_in = events.next(AuditKind::SignedIn).await;
    let cookie = browser.cookie("__Host-heroku_sso").unwrap();
    let id: Id = cookie.parse().unwrap();
    let key = hex::encode(Sha256::digest(id.0.to_le_bytes()));
    let ended = world
        .sso
        .sessions()
        .end(&SessionKey::from_stored(key))
        .await;
    assert!(ended.unwrap());
    let event = events.next(AuditKind::SessionEnded).await;
    assert_eq!(event.session, signed_in.session);
    assert_eq!((event.resource, event.email), (None, None));
    assert_eq!(browser.fetch("/page").await.status, 401);
}
