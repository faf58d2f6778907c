//! Signed cookies of many resources in one browser.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use reqwest::header::COOKIE;
use support::ids::AddOnExt as _;
use tower_heroku_sso::{CookieSessions, HerokuUser};

use crate::jwt::keys;
use support::browser::Browser;
use support::world::{World, serve};

fn cookie_bytes(browser: &Browser) -> usize {
    let request = browser.request(Method::GET, "/").build().unwrap();
    request
        .headers()
        .get(COOKIE)
        .map_or(0, |cookies| cookies.len())
}

#[tokio::test]
async fn c34_earliest_signed_cookies_are_given_up_below_8_kib() {
    let world = World::with(|builder| {
        let builder = builder.session_store(CookieSessions::new(keys::only(keys::hs256(0))));
        builder.resource_in_path("/addons/{resource}")
    })
    .await;
    let page = |user: HerokuUser| async move { user.email().to_string() };
    let app = Router::new()
        .route("/addons/{resource}", get(page))
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let browser = Browser::new(serve(app).await);
    let email = "a-person-with-a-rather-long-name@engineering.example.com";
    let mut addons = Vec::new();
    for number in 0..12 {
        let app = world.heroku.app(&format!("shop-{number}"));
        let addon = app.collaborator(email).addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addons.push(addon);
    }
    let enter = async |addon: &heroku_addon_simulator::AddOn| {
        let answer = browser.submit(&addon.sign_in_form(email)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let landing = answer.header("location").unwrap().to_owned();
        assert!(cookie_bytes(&browser) < 8 * 1024);
        assert_eq!(browser.get(&landing).await.body, email);
    };
    for addon in &addons {
        enter(addon).await;
    }
    let name = |addon: &heroku_addon_simulator::AddOn| {
        format!("__Host-heroku_sso_{}", addon.resource_id())
    };
    let kept: Vec<_> = addons
        .iter()
        .map(|addon| browser.cookie(&name(addon)).is_some())
        .collect();
    let first = kept.iter().position(|is_kept| *is_kept).unwrap();
    assert!(first > 0, "{} bytes", cookie_bytes(&browser));
    // Several are kept, all of them the latest.
    assert!(kept[first..].iter().all(|is_kept| *is_kept), "{kept:?}");
    assert!(kept.len() - first >= 5, "{kept:?}");
    // A resource whose cookie was removed gets another session.
    world.clock.advance(Duration::from_secs(1));
    enter(&addons[0]).await;
    assert!(browser.cookie(&name(&addons[11])).is_some());
}
