//! The pages with a keyboard or a screen reader.

use serde::Deserialize;
use thirtyfour::Key;

use crate::browser::visit::Visit;

/// The focusable controls in page order.
const CONTROLS: &str = "const controls = [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]')];";

#[derive(Debug, Deserialize)]
struct Focus {
    /// Its place among the controls, or -1.
    place: i32,
    name: String,
    outline: String,
    outline_width: f64,
    in_sight: bool,
}

async fn focus(visit: &Visit) -> Focus {
    let script = "\
        const it = document.activeElement;
        const style = getComputedStyle(it);
        const box = it.getBoundingClientRect();
        return {
            place: controls.indexOf(it),
            name: it.innerText.trim(),
            outline: style.outlineStyle,
            outline_width: parseFloat(style.outlineWidth),
            in_sight: box.width > 1 && box.height > 1 && box.left >= 0 && box.top >= 0
                && box.right <= innerWidth && box.top < innerHeight,
        };";
    visit.read(&format!("{CONTROLS}{script}")).await
}

/// Presses Tab from the top of the page until the named control has the focus.
async fn tab_to(visit: &Visit, name: &str) {
    let controls: usize = visit
        .read(&format!("{CONTROLS} return controls.length"))
        .await;
    for _ in 0..controls {
        visit.press_key(Key::Tab).await;
        if focus(visit).await.name == name {
            return;
        }
    }
    panic!("Tab does not reach `{name}`");
}

async fn at_the_dashboard() -> Visit {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "lead@example.com").await;
    visit.sees("Dashboard").await;
    visit
}

#[tokio::test]
async fn tab_key_reaches_skip_link_then_every_control_visibly() {
    let visit = at_the_dashboard().await;
    let controls: i32 = visit
        .read(&format!("{CONTROLS} return controls.length"))
        .await;
    assert!(
        controls >= 4,
        "skip link, administration, sign out, refresh; but {controls}"
    );
    for place in 0..controls {
        visit.press_key(Key::Tab).await;
        let focus = focus(&visit).await;
        assert_eq!(focus.place, place, "{focus:?}");
        if place == 0 {
            assert_eq!(focus.name, "Skip to content");
        }
        assert!(focus.in_sight, "{focus:?}");
        assert_ne!(focus.outline, "none", "{focus:?}");
        assert!(focus.outline_width >= 2.0, "{focus:?}");
    }
}

#[tokio::test]
async fn skip_link_moves_focus_to_the_content() {
    let visit = at_the_dashboard().await;
    tab_to(&visit, "Skip to content").await;
    visit.press_key(Key::Enter).await;
    let focused: String = visit.read("return document.activeElement.localName").await;
    assert_eq!(focused, "main");
    visit.press_key(Key::Tab).await;
    assert_eq!(focus(&visit).await.name, "Administration");
}

#[tokio::test]
async fn enter_key_on_the_sign_out_button_signs_out() {
    let visit = at_the_dashboard().await;
    tab_to(&visit, "Sign out").await;
    visit.press_key(Key::Enter).await;
    visit.sees("You are signed out").await;
}

#[tokio::test]
async fn every_page_has_one_h1_a_language_and_a_title() {
    let visit = at_the_dashboard().await;
    let well_formed = async |heading: &str| {
        let page = visit.sees(heading).await;
        assert_eq!(page.headings, [heading]);
        assert_eq!(page.lang, "en", "{heading}");
        let title: String = visit.read("return document.title").await;
        assert!(title.starts_with(heading), "{heading}: {title}");
    };
    well_formed("Dashboard").await;
    visit.go_to_addon("/admin").await;
    well_formed("Administration").await;
    visit.open_as("acme-shop", "victor@example.com").await;
    visit.sees("Dashboard").await;
    visit.go_to_addon("/admin").await;
    well_formed("Your role does not allow this").await;
    visit.go_to_addon("/").await;
    visit.press_button("Sign out").await;
    well_formed("You are signed out").await;
    visit.go_to_addon("/").await;
    well_formed("Please sign in through Heroku").await;
    visit.open_as_a_stranger("acme-shop").await;
    well_formed("You do not have access to this add-on").await;
}
