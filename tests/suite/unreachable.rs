//! Heroku is unreachable, down, or hangs.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::RefreshError;
use tower_heroku_sso::heroku::HerokuError;

use crate::upstream::team_app;
use support::world::World;

#[tokio::test]
async fn first_sign_in_gets_503_while_heroku_is_down_then_works() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    let form = addon.sign_in_form("ann@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            > 0
    );
    // The form was not consumed: it works once Heroku answers.
    world.heroku.faults().clear_all();
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

/// Not loopback, but an invalid host name causes no DNS query.
#[tokio::test]
async fn u12_unresolvable_host_is_an_error() {
    let nowhere = format!("https://{}.invalid", "x".repeat(64));
    let world = World::with(|builder| builder.api_url(nowhere.parse().unwrap())).await;
    let addon = world.addon().await;
    let error = world.sso.lists().refresh(&addon.resource_id()).await;
    let error = error.unwrap_err();
    assert!(matches!(
        &error,
        RefreshError::Heroku(HerokuError::Transport(_))
    ));
    assert!(!format!("{error} {error:?}").contains("HRKU"));
    let form = addon.sign_in_form("ann@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn u7_sync_backs_off_while_heroku_is_down() {
    let hour = Duration::from_secs(3600);
    let world = World::with(|builder| builder.refresh_interval(hour)).await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.clock.advance(hour / 2);
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.faults().set(Endpoint::Any, Fault::Html503);
    world.clock.advance(hour.mul_f64(0.45));
    world.quiet().await;
    world.heroku.calls().clear();
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(15));
        world.quiet().await;
    }
    // Ten minutes: after 1, 2, 4 … seconds, and then once a minute.
    let tries = world.heroku.calls().count(Endpoint::AddOn);
    assert!((5..=20).contains(&tries), "{tries}");
    sync.shutdown().await;
}

#[tokio::test]
async fn u13_recovery_of_hanging_heroku_causes_no_stampede() {
    let world = World::with(|builder| {
        let builder = builder.heroku_timeout(Duration::from_millis(800));
        builder.max_list_age(Duration::from_secs(3600))
    })
    .await;
    let addons = world.addons(10).await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for addon in &addons {
        world.signed_in(addon, "ann@example.com").await;
    }
    world.heroku.faults().set(Endpoint::Any, Fault::Hang);
    world.heroku.calls().clear();
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Users on a cached list can sign in meanwhile.
    world.signed_in(&addons[0], "ann@example.com").await;
    let hanging = world.heroku.calls().count(Endpoint::AddOn);
    assert!(hanging <= 10 * 11, "{hanging}");
    world.heroku.faults().clear_all();
    world.heroku.calls().clear();
    // Twenty people per add-on sign in concurrently, while the sync resumes.
    let forms = addons
        .iter()
        .map(|addon| addon.sign_in_form("ann@example.com"));
    let mut coming = tokio::task::JoinSet::new();
    for form in forms {
        for _ in 0..20 {
            let (browser, form) = (world.browser(), form.clone());
            coming.spawn(async move { browser.submit(&form).await.status });
        }
    }
    world.clock.advance(Duration::from_secs(61));
    let statuses = coming.join_all().await;
    assert!(!statuses.contains(&503));
    world.quiet().await;
    for endpoint in [Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators] {
        let calls = world.heroku.calls().count(endpoint);
        assert!(calls <= 2 * addons.len(), "{endpoint:?}: {calls}");
    }
    let health = world.sso.lists().health().await;
    assert_eq!(health.without_list, 0);
    sync.shutdown().await;
}

#[tokio::test]
async fn u12_refused_connection_error_contains_no_address() {
    let world = World::start().await;
    let addon = world.addon().await;
    let url = world.heroku.url();
    world.heroku.stop().await;
    let error = world
        .sso
        .lists()
        .refresh(&addon.resource_id())
        .await
        .unwrap_err();
    let mut text = format!("{error:?}");
    let mut next: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = next {
        text += &error.to_string();
        next = error.source();
    }
    assert!(!text.contains(&url) && !text.contains("HRKU"), "{text}");
}

#[tokio::test]
async fn u10_hanging_heroku_call_does_not_delay_other_resources() {
    let world = World::with(|builder| builder.heroku_timeout(Duration::from_millis(300))).await;
    let addon = world.addon().await;
    let personal = world
        .heroku
        .app("other")
        .collaborator("bob@example.com")
        .addon();
    assert_eq!(personal.provision().await.unwrap().status, 200);
    let team_app = team_app(&world).await;
    world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(1));
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Hang);
    let hanging = world.browser();
    let form = team_app.sign_in_form("mia@example.com");
    let (hung, _, _) = tokio::join!(
        hanging.submit(&form),
        world.signed_in(&addon, "ann@example.com"),
        world.signed_in(&personal, "bob@example.com"),
    );
    assert_eq!(hung.status, 503);
}
