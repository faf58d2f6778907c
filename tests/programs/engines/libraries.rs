//! Turbo, htmx, and `fetch` from a page of another origin.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use axum::response::Html;
use axum::routing::get;
use support::world::serve;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::site::Site;

#[tokio::test]
async fn c23_turbo_follows_the_end_of_a_session_and_the_sign_out() {
    let site = Site::signed_in().await;
    site.go("/turbo").await;
    site.sees("Turbo").await;
    site.holds("Turbo", "window.Turbo").await;
    site.script::<()>("window.mark = 1").await;
    site.click("#next").await;
    site.sees("Page next").await;
    site.holds("a visit of Turbo, not of the browser", "window.mark === 1")
        .await;

    site.go("/turbo").await;
    site.sees("Turbo").await;
    site.holds("Turbo", "window.Turbo").await;
    site.end_sessions();
    site.click("#next").await;
    assert_eq!(site.sees("Page next").await, "/page/next");

    site.go("/turbo").await;
    site.sees("Turbo").await;
    site.holds("Turbo", "window.Turbo").await;
    site.click("#out").await;
    assert_eq!(site.sees("You are signed out").await, "/logout");
    site.go("/page/next").await;
    site.sees("Please sign in through Heroku").await;
}

#[tokio::test]
async fn c23_c29_htmx_gets_no_page_of_heroku_and_shows_the_sign_out() {
    let site = Site::signed_in().await;
    site.go("/htmx").await;
    site.sees("Htmx").await;
    site.holds("htmx", "window.htmx").await;
    let part = "document.getElementById('part').textContent";
    site.click("#get").await;
    site.holds("the part", &format!("{part} === 'a part'"))
        .await;

    site.click("#out").await;
    site.holds(
        "the sign-out",
        &format!("{part}.includes('You are signed out')"),
    )
    .await;

    site.sign_in().await;
    site.go("/htmx").await;
    site.sees("Htmx").await;
    site.holds("htmx", "window.htmx").await;
    site.script::<()>(
        "document.body.addEventListener('htmx:responseError', (it) => {
             window.rejected = it.detail.xhr.status;
         })",
    )
    .await;
    site.end_sessions();
    site.click("#get").await;
    site.holds("a rejection", "window.rejected === 401").await;
    site.holds("the page as it was", &format!("{part} === 'nothing'"))
        .await;
    // The app's own reaction, as the guide has it.
    site.script::<()>("location.reload()").await;
    assert_eq!(site.sees("Htmx").await, "/htmx");
}

#[tokio::test]
async fn c31_page_of_another_origin_reads_answers_with_outer_cors() {
    let site = Site::signed_in().await;
    let page = async || Html("<!doctype html><title>Console</title><h1>Console</h1>");
    let other = serve(Router::new().route("/", get(page))).await;
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::exact(
            format!("http://{other}").parse().unwrap(),
        ))
        .allow_headers([AUTHORIZATION, HeaderName::from_static("x-wanted")]);
    let api = Router::new()
        .route("/api", get(async || "reached"))
        .layer(site.world.sso.layer())
        .layer(cors);
    let api = serve(api).await;
    site.engine
        .driver
        .goto(format!("http://{other}/"))
        .await
        .unwrap();
    site.sees("Console").await;
    site.script::<()>(&format!(
        "fetch('http://{api}/api', {{ headers: {{ authorization: 'Bearer x', 'x-wanted': '1' }} }})
             .then(async (it) => {{ window.answer = [it.status, (await it.json()).type]; }})
             .catch((error) => {{ window.answer = String(error); }});"
    ))
    .await;
    site.holds("an answer", "window.answer").await;
    let (status, kind): (u16, String) = site.script("return window.answer").await;
    assert_eq!((status, &*kind), (401, "urn:tower-heroku-sso:no-session"));
}
