//! Every page with which the gate itself answers a browser.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use heroku_addon_simulator::{Endpoint, Fault, SignInForm};
use support::ids::AddOnExt as _;
use support::world::UNUSED;
use thirtyfour::WindowHandle;
use tower_heroku_sso::RejectionKind;

use super::check::{assert_is_accessible, assert_named_is_accessible};
use super::site::{ANN, ENCODED, Site};
use crate::browser::page::Page;

/// A rejected form is processed later, if its sender does this.
const SEND_AGAIN: &str = "What you sent was not processed";
const TO_DASHBOARD: &str = "Continue to the dashboard";
const TO_HEROKU: &str = "Open the Heroku Dashboard";

#[tokio::test]
async fn every_page_of_the_gate_is_accessible() {
    let mut tour = Tour {
        site: Site::start().await,
        seen: BTreeSet::new(),
    };
    let stalled = tour.site.begin_stalled_sign_in().await;
    tour.without_a_session().await;
    tour.sign_ins().await;
    tour.links().await;
    tour.with_a_session().await;
    tour.ended_sessions().await;
    tour.outage().await;
    tour.stalled_sign_in(stalled).await;

    let mut kinds = kinds();
    // The answer to a WebSocket's handshake is no page.
    assert!(kinds.remove(RejectionKind::ForeignOrigin.code()));
    assert_eq!(tour.seen, kinds);
}

/// The codes of all kinds of rejections, from the source of the enumeration.
fn kinds() -> BTreeSet<String> {
    let source = support::root().join("src/gate/rejection_kind.rs");
    let source = fs::read_to_string(source).unwrap();
    let (_, codes) = source.split_once("pub fn code(self)").unwrap();
    let (codes, _) = codes.split_once("\n    }\n").unwrap();
    let codes = codes.split("=> \"").skip(1);
    let codes = codes.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
    codes.collect()
}

struct Tour {
    site: Site,
    /// The codes of the rejections whose pages were checked.
    seen: BTreeSet<String>,
}

impl Tour {
    /// The browser shows the page of this kind, which is accessible, and has a way on with this name.
    async fn sees(&mut self, kind: RejectionKind, way_on: &str) -> Page {
        self.sees_named(kind, way_on, "").await
    }

    /// The same for another page of a kind.
    async fn sees_named(&mut self, kind: RejectionKind, way_on: &str, name: &str) -> Page {
        let (status, code) = (kind.status().as_u16(), kind.code());
        let name = format!("rejection-{code}{name}");
        let page = assert_named_is_accessible(&self.site.driver, kind.title(), &name).await;
        assert_eq!((page.status, &*page.lang), (status, "en"), "{name}");
        page.assert_says(kind.advice());
        page.assert_says(&format!("{status} · {code}"));
        page.assert_says(way_on);
        let is_here = |link: &String| self.site.is_address_here(link);
        assert!(page.links.iter().all(is_here), "{:?}", page.links);
        self.seen.insert(code.to_owned());
        page
    }

    async fn without_a_session(&mut self) {
        self.site.go("/").await;
        self.sees(RejectionKind::NoSession, TO_HEROKU).await;
        self.site.go("/heroku/sso").await;
        self.sees(RejectionKind::MethodNotAllowed, TO_HEROKU).await;
        self.site.go("/logout").await;
        assert_is_accessible(&self.site.driver, "You are signed out").await;
    }

    async fn sign_ins(&mut self) {
        let form = self.site.addon.sign_in_form("stranger@example.com");
        self.site.submit(&form).await;
        self.sees(RejectionKind::NotListed, TO_HEROKU).await;

        let mut forged = self.site.addon.sign_in_form("stranger@example.com");
        forged.set("email", ANN);
        self.site.submit(&forged).await;
        self.sees(RejectionKind::InvalidSignIn, TO_HEROKU).await;
        self.for_developers(&forged).await;

        let sign_in = self.site.addon.sign_in(ANN).at(SystemTime::UNIX_EPOCH);
        let form = sign_in.form();
        self.site.submit(&form).await;
        self.sees(RejectionKind::StaleSignIn, TO_HEROKU).await;

        let form = self.site.addon.sign_in_form(ANN);
        let url = form.action();
        self.site.post(&url, &form, "text/plain", 0).await;
        self.sees(RejectionKind::NotAForm, TO_HEROKU).await;

        let mut large = form.clone();
        large.set("nav-data", "x".repeat(64 * 1024));
        self.site.submit(&large).await;
        self.sees(RejectionKind::TooLarge, TO_HEROKU).await;

        self.site.submit(&form).await;
        self.site.sees_own_page().await;
        self.site.keep_landing_empty(true);
        self.site.submit(&form).await;
        self.sees(RejectionKind::UsedSignIn, TO_DASHBOARD).await;
        self.site.keep_landing_empty(false);
    }

    /// The page says which check failed.
    async fn for_developers(&mut self, forged: &SignInForm) {
        let world = &self.site.world;
        let (_sso, address) = world.another_gate(|gate| gate.development()).await;
        let url = format!("http://{address}/heroku/sso");
        self.site.post(&url, forged, ENCODED, 0).await;
        let (kind, name) = (RejectionKind::InvalidSignIn, "-for-developers");
        let page = self.sees_named(kind, TO_HEROKU, name).await;
        page.assert_says("For developers:");
    }

    async fn links(&mut self) {
        self.site.go("/heroku/sso?link=A").await;
        self.sees(RejectionKind::InvalidLink, TO_HEROKU).await;

        let (resource, minute) = (self.site.addon.resource_id(), Duration::from_secs(60));
        let lists = self.site.world.sso.lists();
        let link = lists.link_for(&resource, "/admin", minute).unwrap();
        self.site.world.clock.advance(minute * 2);
        self.site.go(&link).await;
        self.sees(RejectionKind::ExpiredLink, TO_HEROKU).await;
    }

    async fn with_a_session(&mut self) {
        self.site.sign_in().await;
        self.site.go("/admin").await;
        let page = self.sees(RejectionKind::MissingRole, TO_DASHBOARD).await;
        page.assert_says("Needed: admin.");
        page.assert_says("People who can grant it: owner");
        self.site.go("/deploy").await;
        let page = self
            .sees(RejectionKind::MissingPermission, TO_DASHBOARD)
            .await;
        page.assert_says("Needed: deploy.");
        self.site.go("/closed").await;
        self.sees(RejectionKind::NotPermitted, TO_DASHBOARD).await;

        let sign_out = self.site.url("/logout");
        let form = self.site.addon.sign_in_form(ANN);
        self.site.post(&sign_out, &form, ENCODED, 0).await;
        let page = self.sees(RejectionKind::CrossSite, TO_DASHBOARD).await;
        assert_eq!(page.links, [self.site.url("/")]);
        self.site.go("/logout").await;
        let (kind, name) = (RejectionKind::MethodNotAllowed, "-signed-in");
        self.sees_named(kind, TO_DASHBOARD, name).await;

        let another = "01234567-89ab-cdef-0123-456789abcdef";
        self.site.set_app_session(Some(another)).await;
        self.site.go("/").await;
        self.sees(RejectionKind::OtherResource, TO_HEROKU).await;
        self.site.set_app_session(None).await;

        let mut unsigned = self.site.new_form();
        unsigned.remove("user_scoped_resource_token");
        unsigned.remove("user_id");
        self.site.submit(&unsigned).await;
        self.site.sees_own_page().await;
        self.site.go("/admin").await;
        let page = self.sees(RejectionKind::UnsignedEmail, TO_HEROKU).await;
        page.assert_says(TO_DASHBOARD);
    }

    async fn ended_sessions(&mut self) {
        let (ended, sign_in) = (RejectionKind::SessionEnded, "Sign in again through Heroku");
        self.site.sign_in_and_end().await;
        self.site.go("/").await;
        let page = self.sees(ended, sign_in).await;
        page.assert_says("I have signed in in another tab");
        self.site.sign_in_and_end().await;
        self.site.send_form().await;
        let page = self.sees_named(ended, sign_in, "-form").await;
        page.assert_says(SEND_AGAIN);
    }

    async fn outage(&mut self) {
        self.site.sign_in().await;
        let world = &self.site.world;
        world.heroku.faults().set(Endpoint::Any, Fault::Reset);
        // The list stays in use, and decides until it is too old.
        world.clock.advance(UNUSED / 2);
        self.site.go("/").await;
        self.site.sees_own_page().await;
        self.site.world.clock.advance(UNUSED / 2);
        self.site.send_form().await;
        let kind = RejectionKind::CannotCheck;
        let page = self.sees_named(kind, TO_HEROKU, "-form").await;
        page.assert_says(SEND_AGAIN);
        self.site.go("/").await;
        self.sees(kind, "Try again").await;
    }

    async fn stalled_sign_in(&mut self, window: WindowHandle) {
        self.site.driver.switch_to_window(window).await.unwrap();
        self.sees(RejectionKind::SlowBody, TO_HEROKU).await;
    }
}
