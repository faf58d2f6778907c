//! Heroku's faults: none lets anybody in wrongly, and none loses a list that is known.

use std::time::Duration;

use tower_heroku_sso::access::Admission;
use tower_heroku_sso::simulator::{AddOn, Endpoint, Fault};
use tower_heroku_sso::sync::SyncError;

use crate::world::{REFRESH, World};

/// A team's app with more people than a page holds.
async fn team_app(world: &World) -> AddOn {
    world.heroku.set_page_size(2);
    let mut team = world.heroku.team("acme");
    for name in ["lead", "mia", "victor", "noor", "sam"] {
        team = team.member(&format!("{name}@example.com"), "member");
    }
    let app = world.heroku.app("team-app").owned_by_team(&team);
    let addon = app.collaborator("ann@example.com").addon();
    assert_eq!(addon.provision().await.unwrap().status, 200);
    addon
}

async fn people(world: &World, addon: &AddOn) -> usize {
    let snapshot = world.sso.access_list(&addon.resource_id()).await.unwrap();
    snapshot.map_or(0, |snapshot| snapshot.list.members().count())
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(people(&world, &addon).await, 6);
    assert_eq!(world.heroku.calls(Endpoint::TeamMembers), 3);
}

/// U6 to U20, but for those with a test of their own: with such a fault a sign-in that needs a fresh
/// answer gets 503, people whom the last list has stay in, and the last list stays whole.
#[tokio::test]
async fn a_failed_fetch_keeps_the_last_list_until_it_is_too_old() {
    use Endpoint::{AddOn, App, Collaborators, TeamMembers};

    let faults = [
        (AddOn, Fault::Status(401)),
        (AddOn, Fault::Status(403)),
        (App, Fault::Status(403)),
        (App, Fault::Status(404)),
        (Collaborators, Fault::Status(404)),
        (TeamMembers, Fault::Status(404)),
        (TeamMembers, Fault::Status(410)),
        (Endpoint::Any, Fault::Status(500)),
        (Collaborators, Fault::Status(502)),
        (Collaborators, Fault::Html503),
        (TeamMembers, Fault::PartialWithoutNextRange),
        (TeamMembers, Fault::LoopingRange),
        (TeamMembers, Fault::FailOnPage(2)),
        (TeamMembers, Fault::FailOnPage(3)),
        (Collaborators, Fault::Truncated),
        (Collaborators, Fault::Reset),
        (Collaborators, Fault::Oversized(100 * 1024 * 1024)),
        (Collaborators, Fault::NestedJson),
        (Collaborators, Fault::Body("{}".into())),
        (Collaborators, Fault::Body("[null]".into())),
        (
            Collaborators,
            Fault::Body(r#"[{"user":{"email":7}}]"#.into()),
        ),
        (Collaborators, Fault::Body(r#"[{"user":null}]"#.into())),
        (
            TeamMembers,
            Fault::Body(r#"[{"email":null,"role":"admin"}]"#.into()),
        ),
        (AddOn, Fault::Body("[]".into())),
        (AddOn, Fault::WrongId),
        (App, Fault::WrongId),
        (Collaborators, Fault::WrongId),
        (AddOn, Fault::Redirect("http://127.0.0.1:1/".into())),
    ];
    let world = World::start().await;
    let addon = team_app(&world).await;
    for (endpoint, fault) in faults {
        world.heroku.clear_faults();
        world.sso.refresh_now(&addon.resource_id()).await.unwrap();
        // Another name makes every answer a new one: a 304 would have no body to go wrong.
        let name = addon.app().name();
        addon.app().rename(&format!("{name}-x"));
        let browser = world.signed_in(&addon, "mia@example.com").await;
        world.heroku.fault(endpoint, fault.clone());

        let error = world
            .sso
            .refresh_now(&addon.resource_id())
            .await
            .unwrap_err();
        assert!(!matches!(error, SyncError::Gone), "{fault:?}");
        assert_eq!(people(&world, &addon).await, 6, "{fault:?}");
        assert_eq!(browser.fetch("/page").await.status, 200, "{fault:?}");

        let stranger = addon.sign_in_form("stranger@example.com");
        let answer = world.browser().submit(&stranger).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.header("retry-after").is_some());

        // Older than an interval, younger than the limit: who is on it still gets in.
        world.clock.advance(REFRESH + Duration::from_secs(10));
        world.signed_in(&addon, "mia@example.com").await;
        world.clock.advance(REFRESH);
        let answer = world
            .browser()
            .submit(&addon.sign_in_form("mia@example.com"))
            .await;
        assert_eq!(answer.status, 503, "{fault:?}");
        // Let the budget for fetches on behalf of strangers fill up again.
        world.clock.advance(Duration::from_secs(100));
    }
}

#[tokio::test]
async fn heroku_down_at_the_first_sign_in_is_503_with_retry_after_and_then_it_works() {
    let world = World::start().await;
    let addon = world.addon().await;
    world.heroku.fault(Endpoint::Any, Fault::Reset);
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
    // The form was not used up: the same one works once Heroku answers.
    world.heroku.clear_faults();
    assert_eq!(world.browser().submit(&form).await.status, 303);
}

#[tokio::test]
async fn u2_without_the_team_s_members_collaborators_get_in_and_nobody_is_called_unlisted() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    world
        .heroku
        .fault(Endpoint::TeamMembers, Fault::Status(403));
    let ann = world.signed_in(&addon, "ann@example.com").await;
    assert_eq!(ann.fetch("/page").await.status, 200);
    let answer = world
        .browser()
        .submit(&addon.sign_in_form("mia@example.com"))
        .await;
    assert_eq!(answer.status, 503);
    let snapshot = world
        .sso
        .access_list(&addon.resource_id())
        .await
        .unwrap()
        .unwrap();
    let mia = "mia@example.com".parse().unwrap();
    assert_eq!(snapshot.list.admission(&mia, None), Admission::Unknown);
}

#[tokio::test]
async fn u2_a_team_list_that_was_told_before_counts_to_its_age_limit() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let mia = world.signed_in(&addon, "mia@example.com").await;
    world
        .heroku
        .fault(Endpoint::TeamMembers, Fault::Status(403));
    world.clock.advance(Duration::from_secs(200));
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(mia.fetch("/page").await.status, 200);
    // Not told anew, so no session lives longer by it.
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(mia.fetch("/page").await.status, 401);
    let again = world.signed_in(&addon, "mia@example.com").await;
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(again.fetch("/page").await.status, 200);
    world.clock.advance(Duration::from_secs(2));
    let late = world
        .browser()
        .submit(&addon.sign_in_form("mia@example.com"))
        .await;
    assert_eq!(late.status, 503);
}

#[tokio::test]
async fn u3_one_404_for_the_add_on_is_a_hiccup_and_two_are_its_end() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    let resource = addon.resource_id();
    world
        .heroku
        .fault_times(Endpoint::AddOn, Fault::Status(404), 1);
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(browser.fetch("/page").await.status, 200);
    addon.remove();
    assert!(matches!(
        world.sso.refresh_now(&resource).await,
        Err(SyncError::Gone)
    ));
    assert_eq!(browser.fetch("/page").await.status, 401);
    assert!(matches!(
        world.sso.access_list(&resource).await,
        Err(SyncError::Gone)
    ));
}

#[tokio::test]
async fn u5_410_for_the_add_on_is_its_end() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, "ann@example.com").await;
    addon.gone();
    let gone = world.sso.refresh_now(&addon.resource_id()).await;
    assert!(matches!(gone, Err(SyncError::Gone)));
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn u4_a_404_below_the_add_on_starts_again_from_the_top() {
    let world = World::start().await;
    let addon = world.addon().await;
    world
        .heroku
        .fault_times(Endpoint::App, Fault::Status(404), 1);
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(world.heroku.calls(Endpoint::AddOn), 2);
}

#[tokio::test]
async fn u6_after_a_429_heroku_is_left_alone_for_as_long_as_it_asks_within_bounds() {
    for (retry_after, pause) in [
        (None, 60),
        (Some("7"), 7),
        (Some("0"), 1),
        (Some("315360000"), 900),
        (Some("nonsense"), 60),
    ] {
        let world = World::start().await;
        let addon = world.addon().await;
        let resource = addon.resource_id();
        let retry_after = retry_after.map(str::to_owned);
        world
            .heroku
            .fault_times(Endpoint::AddOn, Fault::RateLimited { retry_after }, 1);
        assert!(world.sso.refresh_now(&resource).await.is_err());
        world.heroku.reset_calls();
        world
            .clock
            .advance(Duration::from_secs(pause) - Duration::from_millis(1));
        assert!(world.sso.refresh_now(&resource).await.is_err());
        assert_eq!(world.heroku.calls(Endpoint::Any), 0);
        world.clock.advance(Duration::from_millis(1));
        world.sso.refresh_now(&resource).await.unwrap();
    }
}

#[tokio::test]
async fn u18_an_app_that_suddenly_has_no_people_is_asked_twice() {
    let world = World::start().await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.sso.refresh_now(&resource).await.unwrap();
    world
        .heroku
        .fault_times(Endpoint::Collaborators, Fault::Body("[]".into()), 1);
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(people(&world, &addon).await, 2);
    world
        .heroku
        .fault(Endpoint::Collaborators, Fault::Body("[]".into()));
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(people(&world, &addon).await, 0);
}

#[tokio::test]
async fn u20_a_redirect_is_not_followed_and_no_token_sent_on() {
    let world = World::start().await;
    let addon = world.addon().await;
    let elsewhere = World::start().await;
    let target = format!("{}/addons/{}", elsewhere.heroku.url(), addon.resource_id());
    world.heroku.fault(Endpoint::AddOn, Fault::Redirect(target));
    assert!(world.sso.refresh_now(&addon.resource_id()).await.is_err());
    assert!(elsewhere.heroku.requests().is_empty());
}

#[tokio::test]
async fn u12_a_refused_connection_is_an_error_that_names_no_address() {
    let world = World::start().await;
    let addon = world.addon().await;
    let url = world.heroku.url();
    world.heroku.stop().await;
    let error = world
        .sso
        .refresh_now(&addon.resource_id())
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
async fn u10_a_heroku_that_hangs_costs_its_time_out_and_holds_up_no_other_resource() {
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
    world.heroku.fault(Endpoint::TeamMembers, Fault::Hang);
    let hanging = world.browser();
    let form = team_app.sign_in_form("mia@example.com");
    let (hung, _, _) = tokio::join!(
        hanging.submit(&form),
        world.signed_in(&addon, "ann@example.com"),
        world.signed_in(&personal, "bob@example.com"),
    );
    assert_eq!(hung.status, 503);
}

#[tokio::test]
async fn one_entry_that_is_no_person_does_not_lose_the_others() {
    let world = World::start().await;
    let addon = world.addon().await;
    let app = world.heroku.app("shop").id();
    let entry = |email: &str| {
        format!(r#"{{"app":{{"id":"{app}","name":"shop"}},"user":{{"email":"{email}"}}}}"#)
    };
    let body = format!("[{},{}]", entry("no address"), entry("bob@example.com"));
    world
        .heroku
        .fault(Endpoint::Collaborators, Fault::Body(body));
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    assert_eq!(people(&world, &addon).await, 1);
    world.signed_in(&addon, "bob@example.com").await;
}
