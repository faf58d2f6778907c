//! Two processes of the dashboard on one Postgres, one of them with a clock 90 seconds fast or slow. As
//! `clocks`, but with the system's clock instead of injected ones.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use heroku_addon_simulator::{AddOn, SignInForm};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::fleet::{Fleet, refresh};
use crate::replicas::soon::{eventually, soon};
use support::browser::Browser;

/// In seconds.
const AHEAD: i64 = 90;
const BEHIND: i64 = -90;
/// The life of a session by a current list. Longer than the clock difference: one machine writes the end,
/// the other reads it.
const INTERVAL: i64 = 120;

/// The library that shifts a program's time, from the Debian package `libfaketime`.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let folders = folders.map(|folder| folder.unwrap().path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    let found = libraries.into_iter().find(|library| library.exists());
    found.expect("libfaketime is not installed: run scripts/test, or apt-get install faketime")
}

struct Apart {
    /// The first process has the correct time.
    fleet: Fleet,
    addon: AddOn,
    off: i64,
    forms: AtomicI64,
}

impl Apart {
    async fn by(off: i64) -> Self {
        let mut fleet = Fleet::on_postgres(1).await;
        let other = [
            ("LD_PRELOAD", libfaketime().display().to_string()),
            ("FAKETIME", format!("{off:+}s")),
            // Only the wall clock differs; both advance at the same rate.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let other = fleet.start_one_with(&other).await;
        fleet.dashboards.push(other);
        let addon = fleet.addon().await;
        addon.app().collaborator("mia@example.com");
        let apart = Self {
            fleet,
            addon,
            off,
            forms: AtomicI64::new(0),
        };
        let difference = apart.clock_of(1).await - apart.clock_of(0).await;
        let missed = difference.whole_seconds().abs_diff(off);
        assert!(missed <= 5, "the clocks are {difference} apart");
        apart
    }

    /// The process's clock, from the date of an answer.
    async fn clock_of(&self, index: usize) -> OffsetDateTime {
        let answer = self.fleet.dashboards[index]
            .browser()
            .fetch("/healthz")
            .await;
        let date = answer.header("date").expect("an answer has a date");
        OffsetDateTime::parse(date, &Rfc2822).unwrap()
    }

    /// A form from a clock between the two, with a new second.
    fn form(&self, email: &str) -> SignInForm {
        let number = self.forms.fetch_add(1, Ordering::Relaxed);
        let between = OffsetDateTime::now_utc() + time::Duration::seconds(self.off / 2 + number);
        self.addon.sign_in(email).at(between).form()
    }

    async fn signed_in(&self, index: usize, email: &str) -> Browser {
        let browser = self.fleet.dashboards[index].browser();
        let answer = browser.submit(&self.form(email)).await;
        assert_eq!(answer.status, 303, "{email} at {index}: {}", answer.body);
        browser
    }

    async fn is_in(&self, index: usize, browser: &Browser) -> bool {
        let answer = self.fleet.at(index, browser).fetch("/whoami").await;
        answer.status == 200
    }

    /// The seconds that a session has left, by the clock of the answering process.
    async fn left(&self, index: usize, browser: &Browser) -> i64 {
        let answer = self.fleet.at(index, browser).fetch("/whoami").await;
        assert_eq!(answer.status, 200, "at {index}, {} s", self.off);
        let me = answer.json();
        let end = me["session_expires_at"].as_str().expect("an end");
        let end = OffsetDateTime::parse(end, &Rfc3339).unwrap();
        (end - self.clock_of(index).await).whole_seconds()
    }
}

#[tokio::test]
async fn r6_sign_in_at_either_machine_is_valid_at_both_and_single_use() {
    for off in [AHEAD, BEHIND] {
        let apart = Apart::by(off).await;
        for (index, email) in ["ann@example.com", "mia@example.com"].iter().enumerate() {
            let form = apart.form(email);
            let browser = apart.fleet.dashboards[index].browser();
            assert_eq!(browser.submit(&form).await.status, 303, "{email}, {off} s");
            for at in 0..2 {
                assert!(apart.is_in(at, &browser).await, "{email} at {at}, {off} s");
                let again = apart.fleet.dashboards[at].browser();
                assert_eq!(again.submit(&form).await.status, 403, "{email}, {off} s");
            }
        }
    }
}

#[tokio::test]
async fn r6_form_age_is_checked_by_the_machines_own_clock() {
    for (off, at, expected) in [
        // At most a minute ahead of the clock or five minutes behind it.
        (BEHIND, 0, 403),
        (BEHIND, -40, 303),
        (AHEAD, 0, 303),
        (AHEAD, -220, 403),
        (AHEAD, -200, 303),
    ] {
        let apart = Apart::by(off).await;
        let at = OffsetDateTime::now_utc() + time::Duration::seconds(at);
        let form = apart.addon.sign_in("ann@example.com").at(at).form();
        let browser = apart.fleet.dashboards[1].browser();
        let status = browser.submit(&form).await.status;
        assert_eq!(status, expected, "{off} s, a form of {at}");
    }
}

#[tokio::test]
async fn r6_removed_user_is_rejected_at_both_machines() {
    for off in [AHEAD, BEHIND] {
        let apart = Apart::by(off).await;
        for (asks, email) in ["ann@example.com", "mia@example.com"].iter().enumerate() {
            let leaving = apart.signed_in(1 - asks, email).await;
            let owner = apart.signed_in(asks, "owner@example.com").await;
            for at in 0..2 {
                assert!(apart.is_in(at, &leaving).await, "{email} at {at}, {off} s");
            }
            apart.addon.app().remove(email);
            refresh(&owner).await;
            for at in 0..2 {
                soon("the removed user is rejected", async || {
                    !apart.is_in(at, &leaving).await
                })
                .await;
                assert!(apart.is_in(at, &owner).await, "the owner at {at}, {off} s");
            }
            // A new sign-in is rejected as well.
            for dashboard in &apart.fleet.dashboards {
                let answer = dashboard.browser().submit(&apart.form(email)).await;
                assert_eq!(answer.status, 403, "{email}, {off} s");
            }
        }
    }
}

#[tokio::test]
async fn r6_sign_out_at_one_machine_applies_at_the_other() {
    for off in [AHEAD, BEHIND] {
        let apart = Apart::by(off).await;
        for (index, email) in ["ann@example.com", "mia@example.com"].iter().enumerate() {
            let here = apart.signed_in(index, email).await;
            let there = apart.fleet.at(1 - index, &here);
            assert_eq!(there.fetch("/whoami").await.status, 200, "{email}, {off} s");
            let sign_out = here.request(reqwest::Method::POST, "/logout");
            assert_eq!(here.send(sign_out).await.status, 204);
            soon("the session is closed", async || {
                there.fetch("/whoami").await.status == 401
            })
            .await;
        }
    }
}

#[tokio::test]
async fn r6_session_lasts_at_both_machines_with_lists_from_either() {
    for off in [AHEAD, BEHIND] {
        let apart = Apart::by(off).await;
        let ann = apart.signed_in(0, "ann@example.com").await;
        let mia = apart.signed_in(1, "mia@example.com").await;
        // The age of another machine's list is rounded up, so a session may have less time left at the
        // machine with the fast clock, which fetches the next list earlier.
        let least = INTERVAL - AHEAD - 5;
        for asks in [0, 1, 1, 0] {
            refresh(&apart.fleet.at(asks, &ann)).await;
            for at in 0..2 {
                for browser in [&ann, &mia] {
                    let left = apart.left(at, browser).await;
                    assert!(left > least, "{left} s at {at}, asked at {asks}, {off} s");
                }
            }
        }
    }
}

#[tokio::test]
async fn r6_machine_with_fast_clock_fetches_before_its_sessions_end() {
    let apart = Apart::by(AHEAD).await;
    let ann = apart.signed_in(0, "ann@example.com").await;
    refresh(&ann).await;
    let start = Instant::now();
    // The list is 90 s old there: due at 84 to 108 s, and the session ends at 120.
    eventually(
        "a whole interval is left at the machine with the fast clock",
        async || apart.left(1, &ann).await > INTERVAL - 5,
    )
    .await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(28), "{took:?}");
}
