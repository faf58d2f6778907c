//! A gate with many resources, without a Heroku: the store has their lists.

use std::time::Duration;

use axum::Router;
use heroku_sso_store::{Dated, Registration, Sequence, Store};
use http::{HeaderMap, header};
use time::OffsetDateTime;
use tower_heroku_sso::access::{App, Person, ResourceList};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Email, HerokuSso, Manifest, ResourceId, Role, SsoSalt,
    VerifiedEmail,
};
use uuid::Uuid;

use crate::drive;

/// Long enough that no session ends during a measurement.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// People on each list.
const PEOPLE: usize = 10;

/// The number of browsers, at most one per resource.
const BROWSERS: usize = 1_000;

pub struct Fleet {
    pub app: Router,
    /// The cookies of users at different resources.
    pub cookies: Vec<String>,
}

impl Fleet {
    pub async fn of(resources: usize) -> Self {
        let store = MemoryStore::default();
        let ids: Vec<ResourceId> = (0..resources).map(|_| Uuid::new_v4().into()).collect();
        for (number, id) in ids.iter().enumerate() {
            put(&store, number, id).await;
        }
        let manifest = Manifest::new(
            "acme",
            AddonPassword::new("a password of some length").expect("a password"),
            SsoSalt::new("a salt of some length for this").expect("a salt"),
            ClientSecret::new("a client secret of some length").expect("a secret"),
        );
        let sso = HerokuSso::builder(manifest)
            .store(store)
            .refresh_interval(HOUR)
            .idle_interval(HOUR * 6)
            .max_session(HOUR)
            .sync_only_in_use()
            .build()
            .await
            .expect("right settings");
        loaded(&sso, resources).await;
        let step = (resources / BROWSERS).max(1);
        let mut cookies = Vec::new();
        for (number, id) in ids.iter().enumerate().step_by(step).take(BROWSERS) {
            cookies.push(sign_in(&sso, id, &email(number, 3)).await);
        }
        Self {
            app: drive::served(drive::page().layer(sso.layer())),
            cookies,
        }
    }
}

async fn put(store: &MemoryStore, number: usize, id: &ResourceId) {
    let registered = store.put(id, Registration::active(None)).await;
    assert!(registered.expect("a store in memory"));
    let person = |p| Person::new(email(number, p), None, Some(Role::Collaborator));
    let app = App::new(
        format!("app-{number}").parse().expect("an id"),
        format!("shop-{number}"),
    );
    let people = (0..PEOPLE).map(person).collect();
    let list = ResourceList::new(format!("acme-{number}"), app, people);
    let now = OffsetDateTime::now_utc();
    let sequence = Sequence::new(1 + number as i64);
    let list = Dated::new(list, sequence, now, Duration::ZERO);
    store.set_list(id, list).await.expect("a store in memory");
}

fn email(resource: usize, person: usize) -> Email {
    let email = format!("person-{resource}-{person}@example.com");
    email.parse().expect("an email")
}

/// Lets the sync load everything into memory, then stops it.
async fn loaded(sso: &HerokuSso, resources: usize) {
    let sync = sso.spawn_sync();
    for _ in 0..600 {
        let health = sso.lists().health().await;
        if health.resources == resources && health.without_list == 0 {
            sync.shutdown().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the fleet is not loaded after two minutes");
}

async fn sign_in(sso: &HerokuSso, id: &ResourceId, email: &Email) -> String {
    let email = VerifiedEmail::assume_verified(email.clone());
    let signed_in = sso.sessions().admit(id, &email, &HeaderMap::new()).await;
    let mut headers = HeaderMap::new();
    signed_in.expect("on the list").set_cookies(&mut headers);
    let set = headers.get_all(header::SET_COOKIE).iter();
    let pairs = set.filter_map(|value| value.to_str().ok()?.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
