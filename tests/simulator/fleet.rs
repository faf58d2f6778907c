//! The simulated Heroku with many installations.

use std::time::{Duration, Instant};

use crate::client::*;
use heroku_addon_simulator::Simulator;

/// Far longer than needed, but far shorter than with a linear search per lookup.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn hundred_thousand_apps_are_created_and_found_quickly() {
    let heroku = Simulator::start().await.unwrap();
    let since = Instant::now();
    let (mut first, mut last) = (None, None);
    for number in 0..100_000 {
        let app = heroku.app(&format!("app-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        first.get_or_insert((app.clone(), addon.clone()));
        last = Some((app, addon));
    }
    for (app, addon) in [first.unwrap(), last.unwrap()] {
        assert_eq!(heroku.app(&app.name()).id(), app.id());
        assert_eq!(app.addon().id(), addon.id());
        let token = access_token(&heroku, &addon).await;
        let path = format!("/addons/{}", addon.info().name);
        let seen = body(&heroku, &path, &token).await;
        assert_eq!(seen["app"]["id"], app.id().to_string());
    }
    assert_eq!(heroku.apps().len(), 100_000);
    assert!(since.elapsed() < PATIENCE, "{:?}", since.elapsed());
}

#[tokio::test]
async fn apps_are_listed_in_creation_order() {
    let heroku = Simulator::start().await.unwrap();
    for name in ["zoo", "bar", "foo"] {
        heroku.app(name);
    }
    heroku.app("bar").rename("last");
    let names: Vec<_> = heroku.apps().iter().map(|app| app.name()).collect();
    assert_eq!(names, ["zoo", "last", "foo"]);
}

#[tokio::test]
async fn renamed_app_is_found_under_its_new_name_only() {
    let heroku = Simulator::start().await.unwrap();
    let app = heroku.app("shop");
    app.rename("store");
    assert_eq!(heroku.app("store").id(), app.id());
    assert_ne!(heroku.app("shop").id(), app.id(), "a new one");
    let token = access_token(&heroku, &app.addon()).await;
    assert_eq!(status(&heroku, "/apps/store", &token).await, 200);
    assert_eq!(status(&heroku, "/apps/shop", &token).await, 403);
    let shouted = format!("/apps/{}", app.id().to_string().to_uppercase());
    assert_eq!(status(&heroku, &shouted, &token).await, 200);
}

#[tokio::test]
async fn app_has_its_oldest_remaining_add_on() {
    let heroku = Simulator::start().await.unwrap();
    let (shop, bank) = (heroku.app("shop"), heroku.app("bank"));
    let (first, second) = (shop.addon(), bank.addon());
    second.move_to(&shop);
    assert_eq!(shop.addon().id(), first.id());
    first.remove();
    assert_eq!(shop.addon().id(), second.id());
    assert_ne!(bank.addon().id(), second.id());
    assert_eq!(second.app().id(), shop.id());
}
