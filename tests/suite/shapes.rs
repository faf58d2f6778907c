//! Lists with an unexpected shape: rejected entirely, or read for their certain content.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use serde_json::json;
use support::ids::AddOnExt as _;
use tower_heroku_sso::heroku::HerokuError;

use crate::answers::{entry, people, refused};
use support::world::World;

#[tokio::test]
async fn u17_list_with_any_malformed_entry_is_rejected_entirely() {
    let world = World::start().await;
    let addon = world.addon().await;
    let good = || entry(&world, "bob@example.com", None);
    let with = |pointer: &str, value: serde_json::Value| {
        let mut entry = good();
        *entry.pointer_mut(pointer).unwrap() = value;
        json!([good(), entry, good()]).to_string()
    };
    for body in [
        json!({ "people": [good()] }).to_string(),
        good().to_string(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        "7".to_owned(),
        String::new(),
        "[".to_owned(),
        json!([good(), null]).to_string(),
        json!([good(), "text"]).to_string(),
        json!([good(), []]).to_string(),
        json!([good(), {}]).to_string(),
        with("/user", json!(null)),
        with("/user", json!([])),
        with("/user", json!("ann@example.com")),
        with("/user/email", json!(7)),
        with("/user/email", json!(null)),
        with("/user/email", json!(["bob@example.com"])),
        with("/user/id", json!(7)),
        with("/role", json!(7)),
        with("/role", json!(["admin"])),
        with("/permissions", json!("all")),
        with("/permissions", json!([null])),
        with("/app/id", json!(7)),
        format!("{} trailing", json!([good()])),
    ] {
        world.heroku.faults().clear_all();
        world.clock.advance(Duration::from_secs(10));
        world.refresh(&addon.resource_id()).await;
        world
            .heroku
            .faults()
            .set(Endpoint::Collaborators, Fault::Body(body.clone()));
        let error = refused(&world, &addon).await;
        assert!(matches!(error, HerokuError::Malformed { .. }), "{body}");
        let listed = ["ann@example.com", "owner@example.com"];
        assert_eq!(people(&world, &addon).await, listed, "{body}");
    }
}

/// Heroku's schema allows a null role: that member has no privileges.
#[tokio::test]
async fn u17_member_without_a_role_is_listed_without_privileges() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut roleless = entry(&world, "bob@example.com", None);
    roleless["role"] = json!(null);
    let mut missing = entry(&world, "eve@example.com", None);
    missing.as_object_mut().unwrap().remove("role");
    let body = json!([roleless, missing]).to_string();
    world
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Body(body));
    world.refresh(&addon.resource_id()).await;
    for email in ["bob@example.com", "eve@example.com"] {
        let browser = world.signed_in(&addon, email).await;
        assert_eq!(browser.fetch("/page").await.status, 200);
        assert_eq!(browser.fetch("/admin").await.status, 403);
    }
}

#[tokio::test]
async fn u22_duplicate_entries_merge_and_disputed_emails_are_rejected() {
    let world = World::start().await;
    let addon = world.addon().await;
    let bob = world.heroku.accounts().id("bob@example.com").to_string();
    let other = "00000000-0000-4000-8000-000000000009";
    let named = |email: &str, id| entry(&world, email, id);
    for (entries, status) in [
        (
            [
                named("bob@example.com", Some(&bob)),
                named("bob@example.com", Some(&bob)),
            ],
            303,
        ),
        (
            [
                named("bob@example.com", Some(&bob)),
                named("Bob@Example.COM", Some(&bob)),
            ],
            303,
        ),
        (
            [
                named("bob@example.com", Some(&bob)),
                named("BOB@example.com", None),
            ],
            303,
        ),
        (
            [
                named("bob@example.com", Some(&bob)),
                named("bob@example.com", Some(other)),
            ],
            403,
        ),
        (
            [
                named("bob@example.com", Some(other)),
                named("BOB@example.com", Some(&bob)),
            ],
            403,
        ),
    ] {
        let body = json!(entries).to_string();
        world
            .heroku
            .faults()
            .set(Endpoint::Collaborators, Fault::Body(body.clone()));
        world.clock.advance(Duration::from_secs(10));
        world.refresh(&addon.resource_id()).await;
        assert_eq!(people(&world, &addon).await, ["bob@example.com"], "{body}");
        let form = addon.sign_in_form("bob@example.com");
        let answer = world.browser().submit(&form).await;
        assert_eq!(answer.status, status, "{body}");
    }
}
