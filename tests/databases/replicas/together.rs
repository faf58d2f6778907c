//! Two gates in one process, each with its own store on one Postgres, on a test clock.

use std::net::SocketAddr;
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::ids::AddOnExt as _;
use time::OffsetDateTime;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::store::PostgresStore;
use tower_heroku_sso::sync::{Change, Changes, SyncHandle};
use tower_heroku_sso::{CookieSessions, HerokuSso, HerokuSsoBuilder, MemorySessions};
use tower_sessions::CachingSessionStore;
use tower_sessions_moka_store::MokaStore;
use tower_sessions_sqlx_store::PostgresStore as PostgresSessions;
use tower_sessions_sqlx_store::sqlx::PgPool;

use crate::place::{Place, Postgres};
use crate::replicas::soon::{BY_EVENT, eventually, soon};
use support::browser::Browser;
use support::open_stream::{OpenStream, open};
use support::world::{REFRESH, World};

pub struct Pair {
    pub here: World,
    pub there: HerokuSso,
    pub address_there: SocketAddr,
    _syncs: [SyncHandle; 2],
}

impl Pair {
    pub async fn start() -> Self {
        Self::with(|builder, sessions| builder.session_store(sessions)).await
    }

    pub async fn with(
        set_up: impl Fn(HerokuSsoBuilder, PostgresSessions) -> HerokuSsoBuilder,
    ) -> Self {
        let place = Postgres::new().await;
        let sessions = PostgresSessions::new(PgPool::connect(&place.url).await.unwrap());
        sessions.migrate().await.unwrap();
        let built = |store: PostgresStore| {
            let sessions = sessions.clone();
            move |builder: HerokuSsoBuilder| (builder.store(store), sessions)
        };
        let (one, two) = (place.open().await, place.open().await);
        let here = World::with(|builder| {
            let (builder, sessions) = built(one)(builder);
            set_up(builder, sessions)
        })
        .await;
        let (there, address_there) = here
            .another_gate(|builder| {
                let (builder, sessions) = built(two)(builder);
                set_up(builder, sessions)
            })
            .await;
        let syncs = [here.sso.spawn_sync(), there.spawn_sync()];
        Self {
            here,
            there,
            address_there,
            _syncs: syncs,
        }
    }

    pub async fn browser_there(&self, addon: &AddOn, email: &str) -> Browser {
        let browser = self.here.signed_in(addon, email).await;
        let there = browser.at(self.address_there);
        assert_eq!(there.fetch("/page").await.status, 200);
        there
    }

    /// Waits until both have the latest list.
    pub async fn agree(&self, addon: &AddOn) {
        let id = addon.resource_id();
        soon("both have the same list", async || {
            let here = self.here.sso.lists().get(&id).await.unwrap();
            let there = self.there.lists().get(&id).await.unwrap();
            let (Some(here), Some(there)) = (here, there) else {
                return false;
            };
            here.list == there.list && is_about(here.fetched_at, there.fetched_at)
        })
        .await;
    }
}

/// Compares with a tolerance: the age of a list is measured by the server's clock, which advances.
fn is_about(one: OffsetDateTime, other: OffsetDateTime) -> bool {
    (one - other).abs() < time::Duration::seconds(30)
}

async fn reads_until(changes: &mut Changes, what: impl Fn(&Change) -> bool) {
    let reading = async { while !what(&changes.next().await.expect("the gate still exists")) {} };
    tokio::time::timeout(BY_EVENT, reading)
        .await
        .expect("the change is reported");
}

#[tokio::test]
async fn list_fetched_by_one_process_applies_in_both() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let app = addon.app();
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let mut changes = pair.there.lists().changes();
    app.collaborator("bob@example.com")
        .remove("ann@example.com");
    pair.here.refresh(&addon.resource_id()).await;
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status != 200
    })
    .await;
    let gone = |change: &Change| matches!(change, Change::Removed { email, .. } if email.as_str() == "ann@example.com");
    reads_until(&mut changes, gone).await;
    let bob = Browser::new(pair.address_there);
    let form = addon.sign_in_form("bob@example.com");
    let calls = pair.here.heroku.calls().count(Endpoint::Any);
    assert_eq!(bob.submit(&form).await.status, 303);
    assert_eq!(
        pair.here.heroku.calls().count(Endpoint::Any),
        calls,
        "it was known"
    );
}

#[tokio::test]
async fn team_fetched_by_one_process_applies_in_both() {
    let pair = Pair::start().await;
    let team = pair
        .here
        .heroku
        .team("acme")
        .member("lead@example.com", "admin");
    let app = pair.here.heroku.app("billing").owned_by_team(&team);
    let addon = app.addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    let lead = pair.browser_there(&addon, "lead@example.com").await;
    team.remove("lead@example.com");
    pair.here.refresh(&addon.resource_id()).await;
    soon("lead is out there too", async || {
        lead.fetch("/page").await.status != 200
    })
    .await;
}

#[tokio::test]
async fn due_lists_are_fetched_by_one_process_only() {
    let pair = Pair::start().await;
    let mut addons = Vec::new();
    for number in 0..12 {
        let app = pair.here.heroku.app(&format!("shop-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addons.push(addon);
    }
    for addon in &addons {
        pair.agree(addon).await;
    }
    pair.here.quiet().await;
    pair.here.heroku.calls().clear();
    let six_hours = Duration::from_secs(6 * 60 * 60);
    pair.here.clock.advance(six_hours);
    let now = tower_heroku_sso::Clock::now(&pair.here.clock);
    eventually("both have a new version of every list", async || {
        for sso in [&pair.here.sso, &pair.there] {
            for addon in &addons {
                let list = sso.lists().get(&addon.resource_id()).await.unwrap();
                if !is_about(list.unwrap().fetched_at, now) {
                    return false;
                }
            }
        }
        true
    })
    .await;
    pair.here.quiet().await;
    assert_eq!(
        pair.here.heroku.calls().count(Endpoint::AddOn),
        addons.len()
    );
}

#[tokio::test]
async fn due_team_members_are_fetched_by_one_process_only() {
    let pair = Pair::start().await;
    let team = pair.here.heroku.team("acme");
    team.member("lead@example.com", "admin");
    let mut addons = Vec::new();
    for number in 0..8 {
        let app = pair.here.heroku.app(&format!("shop-{number}"));
        let addon = app.owned_by_team(&team).addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addons.push(addon);
    }
    for addon in &addons {
        pair.agree(addon).await;
    }
    pair.here.quiet().await;
    for round in 1..=5 {
        pair.here.heroku.calls().clear();
        pair.here.clock.advance(Duration::from_secs(6 * 60 * 60));
        eventually("every list is fetched", async || {
            pair.here.heroku.calls().count(Endpoint::AddOn) >= addons.len()
        })
        .await;
        for addon in &addons {
            pair.agree(addon).await;
        }
        pair.here.quiet().await;
        let asked = pair.here.heroku.calls().count(Endpoint::TeamMembers);
        assert_eq!(asked, 1, "round {round}");
    }
}

#[tokio::test]
async fn revocation_in_one_process_applies_in_both() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let mut stream = open_stream(&ann).await;
    let email = "ann@example.com".parse().unwrap();
    pair.here
        .sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status == 401
    })
    .await;
    ended(&mut stream).await;
    // Heroku counts seconds.
    pair.here.clock.advance(Duration::from_secs(1));
    pair.browser_there(&addon, "ann@example.com").await;
}

#[tokio::test]
async fn sign_out_at_one_process_ends_session_and_streams_in_both() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let mut stream = open_stream(&ann).await;
    let here = ann.at(pair.here.address);
    let sign_out = here.request(reqwest::Method::POST, "/logout");
    assert_eq!(here.send(sign_out).await.status, 204);
    // It was read there a moment ago, and the clock stands still.
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status == 401
    })
    .await;
    ended(&mut stream).await;
}

#[tokio::test]
async fn signed_cookie_and_its_sign_out_apply_in_both_processes() {
    let secret = "Zm9yIHRlc3RzIG9ubHksIGFuZCBmb3Igbm90aGluZyBlbHNlIQ==";
    let pair = Pair::with(|builder, _| {
        let key = JwtKey::hs256_base64(secret).unwrap();
        builder.session_store(CookieSessions::new(JwtKeys::new(key)))
    })
    .await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let never_seen_there = pair.here.signed_in(&addon, "owner@example.com").await;
    for browser in [&ann.at(pair.here.address), &never_seen_there] {
        let copy = browser.at(pair.address_there);
        let sign_out = browser.request(reqwest::Method::POST, "/logout");
        assert_eq!(browser.send(sign_out).await.status, 204);
        soon("the copy is out there too", async || {
            copy.fetch("/page").await.status == 401
        })
        .await;
        let here = copy.at(pair.here.address);
        assert_eq!(here.fetch("/page").await.status, 401);
    }
}

#[tokio::test]
async fn sign_out_applies_despite_a_caching_session_store() {
    let pair = Pair::with(|builder, sessions| {
        // A moka for each gate, as each process has one.
        builder.session_store(CachingSessionStore::new(
            MokaStore::new(Some(100)),
            sessions,
        ))
    })
    .await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let here = ann.at(pair.here.address);
    let sign_out = here.request(reqwest::Method::POST, "/logout");
    assert_eq!(here.send(sign_out).await.status, 204);
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status == 401
    })
    .await;
    // Not only as long as the gate's own copy lives.
    pair.here.clock.advance(Duration::from_secs(30));
    assert_eq!(ann.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn deprovisioning_at_one_process_applies_in_both() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let mut changes = pair.there.lists().changes();
    assert_eq!(addon.deprovision().await.unwrap().status, 204);
    soon("ann is rejected there too", async || {
        ann.fetch("/page").await.status == 401
    })
    .await;
    let id = addon.resource_id();
    let gone =
        |change: &Change| matches!(change, Change::ResourceGone { resource } if *resource == id);
    reads_until(&mut changes, gone).await;
}

#[tokio::test]
async fn u27_token_needed_by_both_processes_is_renewed_once() {
    let pair = Pair::start().await;
    pair.here.heroku.tokens().rotate_refresh(true);
    let addon = pair.here.addon().await;
    let id = addon.resource_id();
    pair.here.refresh(&id).await;
    pair.agree(&addon).await;
    for _ in 0..5 {
        pair.here.heroku.tokens().expire_access();
        pair.here.heroku.calls().clear();
        let (here, there) = tokio::join!(
            pair.here.sso.lists().refresh(&id),
            pair.there.lists().refresh(&id)
        );
        here.unwrap();
        there.unwrap();
        assert_eq!(pair.here.heroku.calls().count(Endpoint::Token), 1);
    }
    assert!(pair.here.sso.resources().needing_grant().is_empty());
    assert!(pair.there.resources().needing_grant().is_empty());
}

#[tokio::test]
async fn new_grant_at_one_process_restores_the_resource_in_both() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let id = addon.resource_id();
    pair.here.refresh(&id).await;
    pair.agree(&addon).await;
    pair.here.heroku.tokens().revoke(&addon);
    for sso in [&pair.here.sso, &pair.there] {
        assert!(sso.lists().refresh(&id).await.is_err());
        assert_eq!(sso.resources().needing_grant(), [id]);
    }
    pair.here.clock.advance(Duration::from_secs(1));
    let grant = support::world::grant(&addon);
    pair.here
        .sso
        .resources()
        .register(&id, grant)
        .await
        .unwrap();
    assert!(pair.here.sso.resources().needing_grant().is_empty());
    soon("the other one knows of the grant", async || {
        pair.there.resources().needing_grant().is_empty()
    })
    .await;
    assert_eq!(pair.there.lists().health().await.needing_grant, 0);
    pair.there.lists().refresh(&id).await.unwrap();
}

#[tokio::test]
async fn a64_grant_sent_to_both_processes_is_exchanged_once() {
    let pair = Pair::start().await;
    let app = pair.here.heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let (id, grant) = (addon.resource_id(), support::world::grant(&addon));
    let (here, there) = tokio::join!(
        pair.here.sso.resources().register(&id, grant.clone()),
        pair.there.resources().register(&id, grant)
    );
    here.unwrap();
    there.unwrap();
    assert_eq!(pair.here.heroku.calls().count(Endpoint::Token), 1);
    addon.mark_provisioned();
    pair.here.refresh(&id).await;
}

#[tokio::test]
async fn session_and_stream_follow_lists_of_the_other_process() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let mut stream = open_stream(&ann).await;
    for _ in 0..8 {
        pair.here.clock.advance(REFRESH * 2 / 3);
        pair.here.refresh(&addon.resource_id()).await;
        pair.agree(&addon).await;
    }
    assert_eq!(ann.fetch("/page").await.status, 200);
    let silent = tokio::time::timeout(Duration::from_millis(100), stream.chunk()).await;
    assert!(silent.is_err(), "the stream was cut");
    addon.app().remove("ann@example.com");
    pair.here.refresh(&addon.resource_id()).await;
    ended(&mut stream).await;
    assert_eq!(ann.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn session_outlasts_a_heroku_outage_in_both_processes() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let ann = pair.browser_there(&addon, "ann@example.com").await;
    let here = ann.at(pair.here.address);
    pair.agree(&addon).await;
    pair.here.heroku.faults().set(Endpoint::Any, Fault::Reset);
    pair.here.clock.advance(REFRESH);
    assert_eq!(here.fetch("/page").await.status, 200);
    pair.here.clock.advance(REFRESH * 2);
    // The process with requests all the time, and the one without.
    for browser in [&here, &ann] {
        assert_eq!(browser.fetch("/page").await.status, 503);
    }
    pair.here.heroku.faults().clear_all();
    for browser in [&here, &ann] {
        soon("ann is in again", async || {
            browser.fetch("/page").await.status == 200
        })
        .await;
    }
}

#[tokio::test]
async fn stream_outlasts_a_heroku_outage_to_max_list_age() {
    let pair = Pair::start().await;
    let addon = pair.here.addon().await;
    let browser = pair.browser_there(&addon, "ann@example.com").await;
    let stream = OpenStream {
        clock: &pair.here.clock,
        heroku: &pair.here.heroku,
        sso: &pair.here.sso,
        addon: &addon,
        response: open(browser.request(reqwest::Method::GET, "/stream")).await,
    };
    stream.outlasts_an_outage_to_max_list_age().await;
}

#[tokio::test]
async fn unused_session_ends_in_both_processes() {
    let pair =
        Pair::with(|builder, sessions| builder.session_store(sessions).in_use_for(REFRESH)).await;
    let addon = pair.here.addon().await;
    let there = pair.browser_there(&addon, "ann@example.com").await;
    pair.agree(&addon).await;
    for _ in 0..4 {
        pair.here.clock.advance(REFRESH);
        pair.here.quiet().await;
    }
    assert_eq!(there.fetch("/page").await.status, 401);
    let here = there.at(pair.here.address);
    soon("it is closed here too", async || {
        here.fetch("/page").await.status == 401
    })
    .await;
    // Only a sign-in opens another.
    pair.here.refresh(&addon.resource_id()).await;
    pair.agree(&addon).await;
    assert_eq!(there.fetch("/page").await.status, 401);
    assert_eq!(here.fetch("/page").await.status, 401);
}

async fn open_stream(browser: &Browser) -> reqwest::Response {
    let request = browser.request(reqwest::Method::GET, "/stream");
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    response
}

async fn ended(stream: &mut reqwest::Response) {
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(BY_EVENT, end)
        .await
        .expect("the stream ends");
}

#[tokio::test]
async fn c20_gates_on_clones_of_one_store_receive_each_others_events() {
    let store = Postgres::new().await.open().await;
    let sessions = MemorySessions::default();
    let with = || {
        let (store, sessions) = (store.clone(), sessions.clone());
        move |builder: HerokuSsoBuilder| builder.store(store).session_store(sessions)
    };
    let here = World::with(with()).await;
    let (there, address_there) = here.another_gate(with()).await;
    let _syncs = [here.sso.spawn_sync(), there.spawn_sync()];
    let addon = here.addon().await;
    let ann = here.signed_in(&addon, "ann@example.com").await;
    let there = ann.at(address_there);
    assert_eq!(there.fetch("/page").await.status, 200);
    let email = "ann@example.com".parse().unwrap();
    here.sso
        .sessions()
        .revoke(&addon.resource_id(), &email)
        .await
        .unwrap();
    soon("she is out there too", async || {
        there.fetch("/page").await.status == 401
    })
    .await;
}
