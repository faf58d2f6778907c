//! `Lists::explain`: why a person can or cannot sign in.

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World};
use tower_heroku_sso::Email;
use uuid::Uuid;

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

#[tokio::test]
async fn explain_distinguishes_listed_and_unlisted_people() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let explain = async |person: &str| {
        let explanation = world
            .sso
            .lists()
            .explain(&resource, &email(person), None)
            .await;
        explanation.unwrap()
    };
    let ann = explain("ann@example.com").await;
    assert_eq!(ann.is_admitted(), Some(true));
    assert_eq!(
        ann.to_string(),
        "admitted: the list has the email, as collaborator (list 0 s old)"
    );
    let bob = explain("bob@example.com").await;
    assert_eq!(bob.is_admitted(), None);
    assert!(bob.reason().contains("lacks the email"), "{bob}");
    world
        .sso
        .sessions()
        .revoke(&resource, &email("ann@example.com"))
        .await
        .unwrap();
    let ann = explain("ann@example.com").await;
    assert_eq!(ann.inputs()[1], "earlier sessions were revoked");
    assert!(!format!("{ann:?} {bob}").contains("@"), "no email in it");
}

#[tokio::test]
async fn explain_names_the_deciding_inputs() {
    let world = World::start().await;
    let addon = world.addon().await;
    let (resource, ann) = (addon.resource_id(), email("ann@example.com"));
    let before = world
        .sso
        .lists()
        .explain(&resource, &ann, None)
        .await
        .unwrap();
    assert_eq!(before.is_admitted(), None);
    assert_eq!(before.inputs()[0], "no list yet");
    world.refresh(&resource).await;
    world.clock.advance(REFRESH * 3);
    world.heroku.faults().set(Endpoint::Any, Fault::Status(503));
    world.sso.lists().refresh(&resource).await.unwrap_err();
    let after = world
        .sso
        .lists()
        .explain(&resource, &ann, None)
        .await
        .unwrap();
    assert_eq!(
        after.to_string(),
        "depends on a newer list: a sign-in would fetch a newer list first (list 900 s old; \
         the last attempt to fetch it failed)"
    );
    let unknown = Uuid::from_u128(7).into();
    let nowhere = world
        .sso
        .lists()
        .explain(&unknown, &ann, None)
        .await
        .unwrap();
    assert_eq!(
        nowhere.to_string(),
        "rejected: the resource is not registered"
    );
}
