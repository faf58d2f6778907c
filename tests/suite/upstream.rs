//! Faults of Heroku: none admits an unlisted user, and none loses a cached list.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::Clock as _;
use tower_heroku_sso::access::Admission;
use tower_heroku_sso::sync::Change;

use crate::log::Log;
use support::world::{REFRESH, World};

/// A team app with more people than fit in a page.
pub async fn team_app(world: &World) -> AddOn {
    world.heroku.settings().set_page_size(2);
    let mut team = world.heroku.team("acme");
    for name in ["lead", "mia", "victor", "noor", "sam"] {
        team = team.member(&format!("{name}@example.com"), "member");
    }
    let app = world.heroku.app("team-app").owned_by_team(&team);
    let addon = app.collaborator("ann@example.com").addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    addon
}

pub async fn people(world: &World, addon: &AddOn) -> usize {
    let snapshot = world.sso.lists().get(&addon.resource_id()).await.unwrap();
    snapshot.map_or(0, |snapshot| snapshot.list.members().count())
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    world.refresh(&addon.resource_id()).await;
    assert_eq!(people(&world, &addon).await, 6);
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 3);
}

#[tokio::test]
async fn u2_withheld_members_admit_collaborators_and_give_503_to_others() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(403));
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("mia@example.com"))
        .await;
    assert_eq!(answer.status, 503);
    let snapshot = world
        .sso
        .lists()
        .get(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    let mia = "mia@example.com".parse().unwrap();
    assert_eq!(snapshot.list.admission(&mia, None), Admission::Unknown);
}

#[tokio::test]
async fn u2_withheld_team_is_logged_and_removes_no_member() {
    let log = Log::listen();
    let world = World::start().await;
    let addon = team_app(&world).await;
    world.refresh(&addon.resource_id()).await;
    let mut changes = world.sso.lists().changes();
    let first = changes.next().await;
    assert!(matches!(first, Some(Change::Snapshot { .. })));
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(403));
    for _ in 0..4 {
        world.clock.advance(REFRESH);
        world.refresh(&addon.resource_id()).await;
    }
    let form = addon.sign_in_form("mia@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    let refused = ["sign_in_rejected", "mia@example.com", "team's members"];
    assert_eq!(log.with(&refused).len(), 1, "{log:#?}");
    assert!(
        !log.with(&["keeping the last ones until they are too old"])
            .is_empty()
    );
    assert_eq!(log.with(&["member_removed"]), [""; 0]);
    // The next event is the addition: no removal precedes it.
    world.heroku.faults().clear_all();
    addon.app().collaborator("new@example.com");
    world.refresh(&addon.resource_id()).await;
    let change = changes.next().await;
    assert!(
        matches!(&change, Some(Change::Added { member, .. }) if member.email.as_str() == "new@example.com"),
        "{change:?}"
    );
}

#[tokio::test]
async fn u2_cached_team_members_count_to_the_age_limit() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let mia = world.signed_in(&addon, "mia@example.com").await;
    world
        .heroku
        .faults()
        .set(Endpoint::TeamMembers, Fault::Status(403));
    world.clock.advance(Duration::from_secs(200));
    world.refresh(&addon.resource_id()).await;
    assert_eq!(mia.fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(101));
    let again = world.signed_in(&addon, "mia@example.com").await;
    world.heroku.calls().clear();
    for _ in 0..10 {
        assert_eq!(mia.fetch("/page").await.status, 200);
    }
    assert!(
        world.heroku.calls().count(Endpoint::TeamMembers) <= 2,
        "the 403 is cached"
    );
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(again.fetch("/page").await.status, 200);
    // The members were not confirmed, so sessions are not extended.
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(mia.fetch("/page").await.status, 503);
    let late = world
        .browser()
        .submit(&addon.sign_in_form("mia@example.com"))
        .await;
    assert_eq!(late.status, 503);
}

#[tokio::test]
async fn u3_single_404_for_the_add_on_is_retried() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    world
        .heroku
        .faults()
        .set_times(Endpoint::AddOn, Fault::Status(404), 1);
    world.refresh(&addon.resource_id()).await;
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn u4_404_below_the_add_on_restarts_the_fetch() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    for known in [false, true] {
        for endpoint in [
            Endpoint::App,
            Endpoint::Collaborators,
            Endpoint::TeamMembers,
        ] {
            for status in [404, 410] {
                world.clock.advance(Duration::from_secs(10));
                world.heroku.calls().clear();
                world
                    .heroku
                    .faults()
                    .set_times(endpoint, Fault::Status(status), 1);
                world.refresh(&addon.resource_id()).await;
                let calls = world.heroku.calls().count(Endpoint::AddOn);
                assert_eq!(calls, 2, "{endpoint:?} {status} {known}");
                assert_eq!(people(&world, &addon).await, 6);
            }
        }
    }
}

#[tokio::test]
async fn u6_pause_after_a_429_follows_retry_after_within_bounds() {
    for (retry_after, pause) in [
        (None, 60),
        (Some("7"), 7),
        (Some("0"), 1),
        // At most the age limit of a list.
        (Some("315360000"), 600),
        (Some("99999999999999999999999999"), 600),
        (Some("nonsense"), 60),
        (Some("-7"), 60),
        // A date, relative to the answer's own clock.
        (Some("in 2 minutes"), 120),
        (Some("10 years on"), 600),
        (Some("a day ago"), 1),
        // The same, as Unix time.
        (Some("2 minutes on, in seconds"), 120),
        (Some("10 years on, in seconds"), 600),
    ] {
        let world = World::start().await;
        let date = |from_now: time::Duration| {
            let rfc_2822 = &time::format_description::well_known::Rfc2822;
            let date = (world.clock.now() + from_now).format(rfc_2822).unwrap();
            date.replace("+0000", "GMT")
        };
        let unix =
            |from_now: time::Duration| (world.clock.now() + from_now).unix_timestamp().to_string();
        let dates = [
            ("in 2 minutes", date(time::Duration::minutes(2))),
            ("10 years on", date(time::Duration::weeks(520))),
            ("a day ago", date(time::Duration::days(-1))),
            ("2 minutes on, in seconds", unix(time::Duration::minutes(2))),
            ("10 years on, in seconds", unix(time::Duration::weeks(520))),
        ];
        let date = dates.iter().find(|(name, _)| retry_after == Some(*name));
        let retry_after = date.map(|(_, date)| date.as_str()).or(retry_after);
        let addon = world.addon().await;
        let resource = addon.resource_id();
        let retry_after = retry_after.map(str::to_owned);
        world
            .heroku
            .faults()
            .set_times(Endpoint::AddOn, Fault::RateLimited { retry_after }, 1);
        assert!(world.sso.lists().refresh(&resource).await.is_err());
        world.heroku.calls().clear();
        world
            .clock
            .advance(Duration::from_secs(pause) - Duration::from_millis(1));
        assert!(world.sso.lists().refresh(&resource).await.is_err());
        assert_eq!(world.heroku.calls().count(Endpoint::Any), 0);
        world.clock.advance(Duration::from_millis(1));
        world.refresh(&resource).await;
    }
}

#[tokio::test]
async fn u18_suddenly_empty_app_is_fetched_twice() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    world
        .heroku
        .faults()
        .set_times(Endpoint::Collaborators, Fault::Body("[]".into()), 1);
    world.refresh(&resource).await;
    assert_eq!(people(&world, &addon).await, 2);
    world
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Body("[]".into()));
    world.refresh(&resource).await;
    assert_eq!(people(&world, &addon).await, 0);
}

#[tokio::test]
async fn u18_suddenly_empty_team_is_fetched_twice() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let empty = || Fault::Body("[]".into());
    world
        .heroku
        .faults()
        .set_times(Endpoint::TeamMembers, empty(), 1);
    world.refresh(&resource).await;
    assert_eq!(people(&world, &addon).await, 6);
    world.heroku.faults().set(Endpoint::TeamMembers, empty());
    world.refresh(&resource).await;
    assert_eq!(people(&world, &addon).await, 1);
}

#[tokio::test]
async fn u20_redirect_is_not_followed_and_leaks_no_token() {
    let world = World::start().await;
    let addon = world.addon().await;
    let elsewhere = World::start().await;
    let target = format!("{}/addons/{}", elsewhere.heroku.url(), addon.resource_id());
    world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Redirect(target));
    assert!(
        world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .is_err()
    );
    assert!(elsewhere.heroku.calls().requests().is_empty());
}

#[tokio::test]
async fn entry_with_an_invalid_email_does_not_drop_the_others() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = world.heroku.app("shop").id();
    let entry = |email: &str| {
        format!(r#"{{"app":{{"id":"{app}","name":"shop"}},"user":{{"email":"{email}"}}}}"#)
    };
    let body = format!("[{},{}]", entry("no address"), entry("bob@example.com"));
    world
        .heroku
        .faults()
        .set(Endpoint::Collaborators, Fault::Body(body));
    world.refresh(&addon.resource_id()).await;
    assert_eq!(people(&world, &addon).await, 1);
    world.signed_in(&addon, "bob@example.com").await;
}
