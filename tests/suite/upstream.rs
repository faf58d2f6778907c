//! Heroku's faults: none lets anybody in wrongly, and none loses a list that is known.

use std::time::Duration;

use tower_heroku_sso::Clock as _;
use tower_heroku_sso::access::Admission;
use tower_heroku_sso::heroku::HerokuError;
use tower_heroku_sso::simulator::{AddOn, Endpoint, Fault};
use tower_heroku_sso::sync::{Change, SyncError};

use crate::events::Events;
use crate::world::{REFRESH, World, grant};

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

/// With each of these a sign-in that needs a fresh answer gets 503, people whom the last list has stay
/// in, and the last list stays whole until it is too old.
async fn assert_list_stays(faults: impl IntoIterator<Item = (Endpoint, Fault)>) {
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

fn each(endpoints: &[Endpoint], fault: Fault) -> Vec<(Endpoint, Fault)> {
    let endpoints = endpoints.iter();
    endpoints
        .map(|endpoint| (*endpoint, fault.clone()))
        .collect()
}

const ALL: &[Endpoint] = &[
    Endpoint::AddOn,
    Endpoint::App,
    Endpoint::Collaborators,
    Endpoint::TeamMembers,
];
/// Those that are not a list of their own.
const WITHOUT_MEMBERS: &[Endpoint] = &[Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators];
const LISTS: &[Endpoint] = &[Endpoint::Collaborators, Endpoint::TeamMembers];

#[tokio::test]
async fn u1_u2_a_refused_token_keeps_the_last_list_until_it_is_too_old() {
    let mut faults = each(ALL, Fault::Status(401));
    faults.extend(each(WITHOUT_MEMBERS, Fault::Status(403)));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u4_a_404_or_410_below_the_add_on_keeps_the_last_list_until_it_is_too_old() {
    for status in [404, 410] {
        assert_list_stays(each(&ALL[1..], Fault::Status(status))).await;
    }
}

#[tokio::test]
async fn u7_a_failed_fetch_keeps_the_last_list_until_it_is_too_old() {
    let mut faults = vec![(Endpoint::Any, Fault::Status(500))];
    faults.extend(each(ALL, Fault::Status(502)));
    faults.extend(each(ALL, Fault::Html503));
    faults.extend(each(&ALL[..1], Fault::Status(418)));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u8_u9_a_list_that_is_not_whole_keeps_the_last_one_until_it_is_too_old() {
    let mut faults = each(LISTS, Fault::PartialWithoutNextRange);
    faults.extend(each(LISTS, Fault::LoopingRange));
    faults.extend([1, 2, 3].map(|page| (Endpoint::TeamMembers, Fault::FailOnPage(page))));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u11_a_broken_answer_keeps_the_last_list_until_it_is_too_old() {
    let mut faults = each(ALL, Fault::Truncated);
    faults.extend(each(ALL, Fault::Reset));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u14_u16_a_monstrous_answer_keeps_the_last_list_until_it_is_too_old() {
    let mut faults = each(LISTS, Fault::Oversized(100 * 1024 * 1024));
    faults.extend(each(ALL, Fault::NestedJson));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u17_an_answer_of_another_type_keeps_the_last_list_until_it_is_too_old() {
    let body = |text: &str| Fault::Body(text.to_owned());
    let mut faults = each(LISTS, body("{}"));
    faults.extend(each(LISTS, body("[null]")));
    faults.extend(each(LISTS, body(r#"[{"user":{"email":7},"email":7}]"#)));
    faults.extend(each(
        LISTS,
        body(r#"[{"user":null,"email":null,"role":"admin"}]"#),
    ));
    faults.extend(each(&ALL[..2], body("[]")));
    faults.extend(each(&ALL[..2], body("{}")));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u19_an_answer_about_another_keeps_the_last_list_until_it_is_too_old() {
    assert_list_stays(each(WITHOUT_MEMBERS, Fault::WrongId)).await;
}

#[tokio::test]
async fn u20_a_redirect_keeps_the_last_list_until_it_is_too_old() {
    assert_list_stays(each(ALL, Fault::Redirect("http://127.0.0.1:1/".into()))).await;
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
async fn u2_a_team_that_is_withheld_is_named_as_the_cause_and_takes_nobody_away() {
    let events = Events::listen();
    let world = World::start().await;
    let addon = team_app(&world).await;
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    let mut changes = world.sso.changes();
    let first = changes.next().await;
    assert!(matches!(first, Some(Change::Snapshot { .. })));
    world
        .heroku
        .fault(Endpoint::TeamMembers, Fault::Status(403));
    for _ in 0..4 {
        world.clock.advance(REFRESH);
        world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    }
    let form = addon.sign_in_form("mia@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    let refused = ["sign_in_refused", "mia@example.com", "members of the team"];
    assert_eq!(events.with(&refused).len(), 1, "{events:#?}");
    assert!(!events.with(&["does not tell the members"]).is_empty());
    assert_eq!(events.with(&["unlisted"]), [""; 0]);
    // The next that is told is who joined: nobody left before.
    world.heroku.clear_faults();
    addon.app().collaborator("new@example.com");
    world.sso.refresh_now(&addon.resource_id()).await.unwrap();
    let change = changes.next().await;
    assert!(
        matches!(&change, Some(Change::Added { member, .. }) if member.email.as_str() == "new@example.com"),
        "{change:?}"
    );
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
    let addon = team_app(&world).await;
    for known in [false, true] {
        for endpoint in [
            Endpoint::App,
            Endpoint::Collaborators,
            Endpoint::TeamMembers,
        ] {
            for status in [404, 410] {
                world.heroku.reset_calls();
                world.heroku.fault_times(endpoint, Fault::Status(status), 1);
                world.sso.refresh_now(&addon.resource_id()).await.unwrap();
                let calls = world.heroku.calls(Endpoint::AddOn);
                assert_eq!(calls, 2, "{endpoint:?} {status} {known}");
                assert_eq!(people(&world, &addon).await, 6);
            }
        }
    }
}

#[tokio::test]
async fn u6_after_a_429_heroku_is_left_alone_for_as_long_as_it_asks_within_bounds() {
    for (retry_after, pause) in [
        (None, 60),
        (Some("7"), 7),
        (Some("0"), 1),
        (Some("315360000"), 900),
        (Some("99999999999999999999999999"), 900),
        (Some("nonsense"), 60),
        (Some("-7"), 60),
        // A date, by the answer's own clock.
        (Some("in 2 minutes"), 120),
        (Some("10 years on"), 900),
        (Some("a day ago"), 1),
    ] {
        let world = World::start().await;
        let date = |from_now: time::Duration| {
            let rfc_2822 = &time::format_description::well_known::Rfc2822;
            let date = (world.clock.now() + from_now).format(rfc_2822).unwrap();
            date.replace("+0000", "GMT")
        };
        let dates = [
            ("in 2 minutes", date(time::Duration::minutes(2))),
            ("10 years on", date(time::Duration::weeks(520))),
            ("a day ago", date(time::Duration::days(-1))),
        ];
        let date = dates.iter().find(|(name, _)| retry_after == Some(*name));
        let retry_after = date.map(|(_, date)| date.as_str()).or(retry_after);
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
async fn u18_a_team_that_suddenly_has_no_members_is_asked_twice() {
    let world = World::start().await;
    let addon = team_app(&world).await;
    let resource = addon.resource_id();
    world.sso.refresh_now(&resource).await.unwrap();
    let nobody = || Fault::Body("[]".into());
    world.heroku.fault_times(Endpoint::TeamMembers, nobody(), 1);
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(people(&world, &addon).await, 6);
    world.heroku.fault(Endpoint::TeamMembers, nobody());
    world.sso.refresh_now(&resource).await.unwrap();
    assert_eq!(people(&world, &addon).await, 1);
}

/// Not loopback: but a name that cannot be one is looked up nowhere.
#[tokio::test]
async fn u12_a_name_that_leads_nowhere_is_an_error() {
    let nowhere = format!("https://{}.invalid", "x".repeat(64));
    let world = World::with(|builder| builder.api_url(nowhere.parse().unwrap())).await;
    let addon = world.addon().await;
    let error = world.sso.refresh_now(&addon.resource_id()).await;
    let error = error.unwrap_err();
    assert!(matches!(
        &error,
        SyncError::Heroku(HerokuError::Transport(_))
    ));
    assert!(!format!("{error} {error:?}").contains("HRKU"));
    let form = addon.sign_in_form("ann@example.com");
    let answer = world.browser().submit(&form).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn u7_the_sync_backs_off_from_a_heroku_that_is_down() {
    let hour = Duration::from_secs(3600);
    let world = World::with(|builder| builder.refresh_interval(hour)).await;
    let addon = world.addon().await;
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    world.clock.advance(hour / 2);
    world.signed_in(&addon, "ann@example.com").await;
    world.heroku.fault(Endpoint::Any, Fault::Html503);
    world.clock.advance(hour.mul_f64(0.45));
    world.quiet().await;
    world.heroku.reset_calls();
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(15));
        world.quiet().await;
    }
    // Ten minutes: after 1, 2, 4 … seconds, and then once a minute.
    let tries = world.heroku.calls(Endpoint::AddOn);
    assert!((5..=20).contains(&tries), "{tries}");
    sync.shutdown().await;
}

#[tokio::test]
async fn u13_when_a_heroku_that_hung_is_back_there_is_no_stampede() {
    let world = World::with(|builder| {
        let builder = builder.heroku_timeout(Duration::from_millis(800));
        builder.max_list_age(Duration::from_secs(3600))
    })
    .await;
    let mut addons = Vec::new();
    for number in 0..10 {
        let app = world.heroku.app(&format!("app-{number}"));
        let addon = app.collaborator("ann@example.com").addon();
        let resource = addon.resource_id();
        world.sso.register(&resource, grant(&addon)).await.unwrap();
        addons.push(addon);
    }
    let sync = world.sso.spawn_sync();
    world.quiet().await;
    for addon in &addons {
        world.signed_in(addon, "ann@example.com").await;
    }
    world.heroku.fault(Endpoint::Any, Fault::Hang);
    world.heroku.reset_calls();
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Whoever is on a list that is known is let in all the while.
    world.signed_in(&addons[0], "ann@example.com").await;
    let hanging = world.heroku.calls(Endpoint::AddOn);
    assert!(hanging <= 10 * 11, "{hanging}");
    world.heroku.clear_faults();
    world.heroku.reset_calls();
    // Twenty people come back to each at once, and the sync does too.
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
        let calls = world.heroku.calls(endpoint);
        assert!(calls <= 2 * addons.len(), "{endpoint:?}: {calls}");
    }
    let health = world.sso.health().await.unwrap();
    assert_eq!(health.without_list, 0);
    sync.shutdown().await;
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
