//! After a fetch that fails in any way, the last list stays in use until it is too old.

use std::time::Duration;

use heroku_addon_simulator::{Endpoint, Fault};
use support::ids::AddOnExt as _;
use tower_heroku_sso::RefreshError;

use crate::upstream::{people, team_app};
use support::world::{REFRESH, World};

/// With each fault, a sign-in that needs a newer list gets 503, sessions stay open, and the last list is
/// kept until it is too old.
async fn assert_list_stays(faults: impl IntoIterator<Item = (Endpoint, Fault)>) {
    let world = World::start().await;
    let addon = team_app(&world).await;
    for (endpoint, fault) in faults {
        world.heroku.faults().clear_all();
        world.refresh(&addon.resource_id()).await;
        // A new name changes every answer: a 304 would have no body to corrupt.
        let name = addon.app().name();
        addon.app().rename(&format!("{name}-x"));
        let browser = world.signed_in(&addon, "mia@example.com").await;
        world.heroku.faults().set(endpoint, fault.clone());

        let error = world
            .sso
            .lists()
            .refresh(&addon.resource_id())
            .await
            .unwrap_err();
        assert!(!matches!(error, RefreshError::Deprovisioned), "{fault:?}");
        assert_eq!(people(&world, &addon).await, 6, "{fault:?}");
        assert_eq!(browser.fetch("/page").await.status, 200, "{fault:?}");

        let stranger = addon.sign_in_form("stranger@example.com");
        let answer = world.browser().submit(&stranger).await;
        assert_eq!(answer.status, 503, "{fault:?}");
        assert!(answer.header("retry-after").is_some());

        // Older than an interval, younger than the limit: a listed user can sign in.
        world.clock.advance(REFRESH + Duration::from_secs(10));
        world.signed_in(&addon, "mia@example.com").await;
        world.clock.advance(REFRESH);
        let answer = world
            .browser()
            .submit(&addon.sign_in_form("mia@example.com"))
            .await;
        assert_eq!(answer.status, 503, "{fault:?}");
        // Let the budget for forced fetches refill.
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
/// The endpoints except the team's members.
const WITHOUT_MEMBERS: &[Endpoint] = &[Endpoint::AddOn, Endpoint::App, Endpoint::Collaborators];
const LISTS: &[Endpoint] = &[Endpoint::Collaborators, Endpoint::TeamMembers];

#[tokio::test]
async fn u1_u2_rejected_token_keeps_the_last_list_to_max_age() {
    let mut faults = each(ALL, Fault::Status(401));
    faults.extend(each(WITHOUT_MEMBERS, Fault::Status(403)));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u4_404_or_410_below_the_add_on_keeps_the_last_list_to_max_age() {
    // Not the team's: while the app names it, a 404 withholds its members, as a 403 does.
    let below = [Endpoint::App, Endpoint::Collaborators];
    for status in [404, 410] {
        assert_list_stays(each(&below, Fault::Status(status))).await;
    }
}

#[tokio::test]
async fn u7_failed_fetch_keeps_the_last_list_to_max_age() {
    let mut faults = vec![(Endpoint::Any, Fault::Status(500))];
    faults.extend(each(ALL, Fault::Status(502)));
    faults.extend(each(ALL, Fault::Html503));
    faults.extend(each(&ALL[..1], Fault::Status(418)));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u8_u9_incomplete_list_keeps_the_last_list_to_max_age() {
    let mut faults = each(LISTS, Fault::PartialWithoutNextRange);
    faults.extend(each(LISTS, Fault::LoopingRange));
    faults.extend([1, 2, 3].map(|page| (Endpoint::TeamMembers, Fault::FailOnPage(page))));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u11_broken_response_keeps_the_last_list_to_max_age() {
    let mut faults = each(ALL, Fault::Truncated);
    faults.extend(each(ALL, Fault::Reset));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u14_u16_oversized_or_nested_json_keeps_the_last_list() {
    let mut faults = each(LISTS, Fault::Oversized(100 * 1024 * 1024));
    faults.extend(each(ALL, Fault::NestedJson));
    assert_list_stays(faults).await;
}

#[tokio::test]
async fn u17_wrong_json_type_keeps_the_last_list_to_max_age() {
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
async fn u19_response_with_another_id_keeps_the_last_list_to_max_age() {
    assert_list_stays(each(WITHOUT_MEMBERS, Fault::WrongId)).await;
}

#[tokio::test]
async fn u20_redirect_keeps_the_last_list_to_max_age() {
    assert_list_stays(each(ALL, Fault::Redirect("http://127.0.0.1:1/".into()))).await;
}
