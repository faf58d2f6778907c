//! The simulated Heroku's `ETag` and `Date` headers.

use crate::client::*;
use crate::clock::TestClock;
use heroku_addon_simulator::{App, ETags, Endpoint, Fault, Simulator};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// A simulator with an app, the path of its collaborators, and a token for its add-on.
async fn world() -> (Simulator, App, String, String) {
    let heroku = Simulator::builder().page_size(2).start().await.unwrap();
    let app = heroku.app("shop");
    let token = access_token(&heroku, &app.addon()).await;
    let path = format!("/apps/{}/collaborators", app.id());
    (heroku, app, path, token)
}

#[tokio::test]
async fn weak_etag_matches_with_and_without_its_prefix() {
    let (heroku, _, path, token) = world().await;
    heroku.settings().set_etags(ETags::Weak);
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let weak = first.headers()["etag"].to_str().unwrap().to_owned();
    let strong = weak.strip_prefix("W/").unwrap();
    for (sent, expected) in [
        (weak.clone(), 304),
        (strong.to_owned(), 304),
        (format!("\"other\", {weak}"), 304),
        ("\"other\"".to_owned(), 200),
    ] {
        let again = get(&heroku, &path, &token).header("if-none-match", &sent);
        assert_eq!(again.send().await.unwrap().status(), expected, "{sent}");
    }
    assert_eq!(
        heroku.calls().count_answered(Endpoint::Collaborators, 304),
        3
    );
    assert_eq!(
        heroku.calls().count_answered(Endpoint::Collaborators, 200),
        2
    );
}

#[tokio::test]
async fn strong_etag_does_not_match_a_weak_one() {
    let (heroku, _, path, token) = world().await;
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let weak = format!("W/{}", first.headers()["etag"].to_str().unwrap());
    let again = get(&heroku, &path, &token).header("if-none-match", weak);
    assert_eq!(again.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn disabled_etags_give_no_304() {
    let (heroku, _, path, token) = world().await;
    let first = get(&heroku, &path, &token).send().await.unwrap();
    let etag = first.headers()["etag"].clone();
    heroku.settings().set_etags(ETags::None);
    let again = get(&heroku, &path, &token).header("if-none-match", etag);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 200);
    assert!(!again.headers().contains_key("etag"));
}

#[tokio::test]
async fn etags_of_pages_are_independent() {
    let (heroku, app, path, token) = world().await;
    for number in 0..3 {
        app.collaborator(&format!("c{number}@example.com"));
    }
    let first = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(first.status(), 206);
    let (etag, next) = (&first.headers()["etag"], &first.headers()["next-range"]);
    let second = || get(&heroku, &path, &token).header("range", next);
    let shown = second().send().await.unwrap();
    let second_etag = shown.headers()["etag"].clone();
    assert_ne!(etag, &second_etag);

    // A change of a person on the second page, whose place stays the same.
    let list: serde_json::Value = shown.json().await.unwrap();
    let entries = list.as_array().unwrap().iter();
    let mut people = entries.filter(|it| it["role"] == "collaborator");
    let email = people.next().unwrap()["user"]["email"].as_str().unwrap();
    app.collaborator_as(email, "admin", &["manage"]);

    let again = get(&heroku, &path, &token).header("if-none-match", etag);
    assert_eq!(again.send().await.unwrap().status(), 304);
    let again = second().header("if-none-match", second_etag);
    assert_eq!(again.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn not_modified_fault_sends_an_unrequested_304() {
    let (heroku, _, path, token) = world().await;
    heroku
        .faults()
        .set_times(Endpoint::Any, Fault::NotModified, 1);
    let answer = get(&heroku, &path, &token).send().await.unwrap();
    assert_eq!(answer.status(), 304);
    assert_eq!(answer.text().await.unwrap(), "");
    assert_eq!(status(&heroku, &path, &token).await, 200);
}

#[tokio::test]
async fn date_offset_affects_only_the_date_header() {
    let clock = TestClock::new();
    let heroku = Simulator::builder().clock(clock.reader()).start();
    let heroku = heroku.await.unwrap();
    heroku.settings().set_date_offset(time::Duration::hours(-3));
    let addon = heroku.app("shop").addon();
    let token = access_token(&heroku, &addon).await;
    let answer = get(&heroku, "/apps/shop", &token).send().await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    let date = OffsetDateTime::parse(date, &Rfc2822).unwrap();
    let now = clock.unix_timestamp();
    assert_eq!(now - date.unix_timestamp(), 3 * 3600);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(form.get("timestamp"), Some(now.to_string().as_str()));
}
