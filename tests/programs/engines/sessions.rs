//! Sign-in, the way back, sign-out, tabs, frames, prefetches.

use thirtyfour::SameSite;
use time::OffsetDateTime;

use super::site::Site;

const SESSION: &str = "heroku_sso";
const SIGNED_OUT: &str = "You are signed out";

#[tokio::test]
async fn cross_site_form_signs_in_and_the_cookie_is_stored_as_set() {
    let site = Site::signed_in().await;
    assert_eq!(site.sees("Dashboard").await, "/");
    let cookie = site.cookie(SESSION).await.expect("a session");
    assert_eq!(cookie.http_only, Some(true));
    assert_eq!(cookie.same_site, Some(SameSite::Lax));
    assert_eq!(cookie.path.as_deref(), Some("/"));
    let life = cookie.expiry.expect("an end") - OffsetDateTime::now_utc().unix_timestamp();
    // The gate's clock may be a little ahead of the browser's.
    assert!((80 * 60..=90 * 60 + 5).contains(&life), "{life}");
    let seen: String = site.script("return document.cookie").await;
    assert_eq!(seen, "");
}

#[tokio::test]
async fn expired_navigation_returns_to_its_page() {
    let site = Site::signed_in().await;
    site.end_sessions();
    site.go("/page/deep?x=1%20y").await;
    assert_eq!(site.sees("Page deep").await, "/page/deep?x=1%20y");
}

#[tokio::test]
async fn c23_c27_back_after_sign_out_shows_no_page_of_the_user() {
    let site = Site::signed_in().await;
    // Two pages to go back to: a browser drops one that the next page replaced while it was still loading.
    for name in ["before", "secret"] {
        site.go(&format!("/page/{name}")).await;
        site.sees(&format!("Page {name}")).await;
    }
    site.click("#out").await;
    assert_eq!(site.sees(SIGNED_OUT).await, "/logout");
    assert!(site.cookie(SESSION).await.is_none());
    site.back().await;
    let path = site.sees("Please sign in through Heroku").await;
    assert!(path.starts_with("/page/"), "{path}");
}

#[tokio::test]
async fn c26_three_restored_tabs_show_their_three_pages() {
    let site = Site::signed_in().await;
    let driver = &site.engine.driver;
    let names = ["a", "b", "c"];
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            let tab = driver.new_tab().await.unwrap();
            driver.switch_to_window(tab).await.unwrap();
        }
        site.go(&format!("/page/{name}")).await;
        site.sees(&format!("Page {name}")).await;
    }
    site.end_sessions();
    let tabs = driver.windows().await.unwrap();
    for tab in &tabs {
        driver.switch_to_window(tab.clone()).await.unwrap();
        site.script::<()>("window.mark = 1; setTimeout(() => location.reload(), 100)")
            .await;
    }
    let mut shown = Vec::new();
    for tab in tabs {
        driver.switch_to_window(tab).await.unwrap();
        shown.push(site.sees_new("Page ").await);
    }
    shown.sort();
    assert_eq!(shown, ["Page a", "Page b", "Page c"]);
}

#[tokio::test]
async fn c30_expired_frame_leads_its_top_page_to_heroku() {
    let site = Site::signed_in().await;
    site.go("/frames").await;
    site.sees("Frames").await;
    let frame = "document.getElementById('frame').contentDocument";
    let heading = format!("{frame}?.querySelector('h1')?.textContent");
    site.holds("the frame", &format!("{heading} === 'Page inner'"))
        .await;
    site.end_sessions();
    site.script::<()>("document.getElementById('frame').contentWindow.location.reload()")
        .await;
    site.holds(
        "the gate's page in the frame",
        &format!("/session|sign in/.test({heading})"),
    )
    .await;
    let link = format!("{frame}.querySelector('a')");
    site.script::<()>(&format!("{link}.click()")).await;
    assert_eq!(site.sees("Dashboard").await, "/");
}

#[tokio::test]
async fn c25_page_loaded_in_advance_opens_after_the_session_has_ended() {
    let site = Site::signed_in().await;
    site.go("/links").await;
    site.sees("Links").await;
    site.end_sessions();
    // The same page again, which loads the other in advance, now without a session.
    site.script::<()>(
        "for (const it of document.querySelectorAll('link[rel=prefetch], script')) {
             const copy = document.createElement(it.localName);
             for (const { name, value } of it.attributes) copy.setAttribute(name, value);
             copy.textContent = it.textContent;
             it.replaceWith(copy);
         }",
    )
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    site.click("#ahead").await;
    assert_eq!(site.sees("Page ahead").await, "/page/ahead");
}

/// After a sign-in in another tab, a link of the page about the ended session continues.
#[tokio::test]
async fn page_of_an_ended_session_continues_after_another_sign_in() {
    let site = Site::signed_in().await;
    let driver = &site.engine.driver;
    site.end_sessions();
    site.go("/page/a").await;
    site.sees("Page a").await;
    // Within a minute a second time.
    driver.delete_cookie(SESSION).await.unwrap();
    site.go("/page/a").await;
    site.sees("Please sign in through Heroku").await;
    let waiting = driver.window().await.unwrap();
    let tab = driver.new_tab().await.unwrap();
    driver.switch_to_window(tab).await.unwrap();
    site.sign_in_anywhere().await;
    let is_signed_in =
        "['Page a', 'Dashboard'].includes(document.querySelector('h1')?.textContent)";
    site.holds("a page of the dashboard", is_signed_in).await;
    driver.switch_to_window(waiting).await.unwrap();
    site.click(r#"nav a[href=""]"#).await;
    assert_eq!(site.sees("Page a").await, "/page/a");
}
