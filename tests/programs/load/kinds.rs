//! The kinds of requests, and their allowed answers.

use std::collections::VecDeque;
use std::sync::Mutex;

use heroku_addon_simulator::AddOn;
use reqwest::{Client, Method, redirect};

use crate::load::answers::Answers;
use crate::load::dashboard::Dashboard;
use crate::load::forms;
use support::browser::{Browser, FORM};

/// A kind of request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A signed-in user requests a page.
    Visit,
    /// The same, and presses the refresh button.
    Refresh,
    /// A listed user signs in, requests a page, and signs out.
    SignIn,
    /// A signed form of an unlisted user.
    Unlisted,
    MadeUp,
    Forged,
    Old,
    Used,
    Oversized,
    NotAForm,
    /// A page, with a cookie of an unknown session.
    GarbageCookie,
}

/// The number of each kind in a turn.
pub const SHARES: &[(Kind, usize)] = &[
    (Kind::Visit, 24),
    (Kind::Refresh, 1),
    (Kind::SignIn, 1),
    (Kind::Unlisted, 1),
    (Kind::MadeUp, 9),
    (Kind::Forged, 4),
    (Kind::Old, 2),
    (Kind::Used, 3),
    (Kind::Oversized, 1),
    (Kind::NotAForm, 1),
    (Kind::GarbageCookie, 3),
];
const TURN: usize = 50;
/// Coprime to a turn, so that all places are visited in a mixed order.
const STEP: usize = 7;

/// One sign-in in this many turns, an additional visit in the others. Each sign-in keeps some hundred bytes
/// for minutes, for its used form and its session.
const SIGN_IN_EVERY: usize = 5;

/// The kind of the request with this number.
pub fn kind(number: usize) -> Kind {
    let mut place = number * STEP % TURN;
    for (kind, share) in SHARES {
        if place >= *share {
            place -= share;
            continue;
        }
        return match kind {
            Kind::SignIn if !(number / TURN).is_multiple_of(SIGN_IN_EVERY) => Kind::Visit,
            kind => *kind,
        };
    }
    unreachable!("the shares are a whole turn")
}

const APPS: usize = 3;
/// Per app: the users who stay signed in, and those who sign in and out.
const STAYING: usize = 8;
const PASSING: usize = 24;

pub struct People {
    http: Client,
    origin: String,
    salt: String,
    addons: Vec<AddOn>,
    /// A cookie header of each.
    staying: Vec<String>,
    /// The latest used forms.
    used: Mutex<VecDeque<String>>,
}

fn staying(number: usize) -> String {
    format!("staying-{number}@example.com")
}

fn passing(number: usize) -> String {
    format!("passing-{number}@example.com")
}

impl People {
    pub async fn sign_in(dashboard: &Dashboard) -> Self {
        let emails: Vec<_> = (0..STAYING).map(staying).collect();
        let emails = [emails, (0..PASSING).map(passing).collect()].concat();
        let (mut addons, mut signed_in) = (Vec::new(), Vec::new());
        let mut used = VecDeque::new();
        for number in 0..APPS {
            let addon = dashboard.addon(&format!("shop-{number}"), &emails).await;
            for person in 0..STAYING {
                let browser = dashboard.browser();
                let form = addon.sign_in_form(&staying(person));
                let answer = browser.submit(&form).await;
                assert_eq!(answer.status, 303, "{}", answer.body);
                signed_in.push(cookies(&browser));
                used.push_back(form.body());
            }
            addons.push(addon);
        }
        let http = Client::builder().redirect(redirect::Policy::none());
        Self {
            http: http.no_proxy().build().unwrap(),
            origin: format!("http://{}", dashboard.address),
            salt: dashboard.heroku.sso_salt(),
            addons,
            staying: signed_in,
            used: Mutex::new(used),
        }
    }

    /// Sends one request and counts its answer.
    pub async fn send(&self, kind: Kind, number: usize, answers: &Answers, phase: &'static str) {
        let note = |status, expected: &[u16]| answers.note(kind, phase, status, expected);
        let addon = &self.addons[number % APPS];
        let known = &staying(number % STAYING);
        match kind {
            Kind::Visit => {
                let cookie = &self.staying[number % self.staying.len()];
                let path = if number.is_multiple_of(8) {
                    "/"
                } else {
                    "/whoami"
                };
                note(self.ask(Method::GET, path, cookie).await, &[200]);
            }
            Kind::Refresh => {
                let cookie = &self.staying[number / TURN % self.staying.len()];
                note(self.ask(Method::POST, "/refresh", cookie).await, &[303]);
            }
            Kind::SignIn => {
                // Users take turns: two forms of one user in one second are the same form.
                let person = passing(number / TURN / SIGN_IN_EVERY % PASSING);
                let form = addon.sign_in_form(&person).body();
                let (status, cookie) = self.submit(&form, FORM).await;
                note(status, &[303]);
                note(self.ask(Method::GET, "/whoami", &cookie).await, &[200]);
                note(self.ask(Method::POST, "/logout", &cookie).await, &[204]);
                note(self.ask(Method::GET, "/whoami", &cookie).await, &[401]);
                self.has_used(form);
            }
            // Over budget, the cached list decides, otherwise Heroku's current answer.
            Kind::Unlisted => {
                let email = format!("stranger-{number}@example.com");
                let form = addon.sign_in_form(&email).body();
                note(self.submit(&form, FORM).await.0, &[403, 503]);
            }
            Kind::MadeUp => {
                let form = forms::made_up(addon, &self.salt, number);
                note(self.submit(&form, FORM).await.0, &[403]);
            }
            Kind::Forged => {
                let form = forms::forged(addon, known, number);
                note(self.submit(&form, FORM).await.0, &[403]);
            }
            Kind::Old => note(self.submit(&forms::old(addon, known), FORM).await.0, &[403]),
            Kind::Used => {
                let form = self.a_used_form(number);
                note(self.submit(&form, FORM).await.0, &[403]);
            }
            Kind::Oversized => {
                let form = forms::oversized(&addon.sign_in_form(known));
                note(self.submit(&form, FORM).await.0, &[413]);
            }
            Kind::NotAForm => {
                let form = addon.sign_in_form(known).body();
                note(self.submit(&form, "application/json").await.0, &[415]);
            }
            Kind::GarbageCookie => {
                let cookie = format!("heroku_sso={number:022}; other=\"{number}");
                note(self.ask(Method::GET, "/whoami", &cookie).await, &[401]);
            }
        }
    }

    fn a_used_form(&self, number: usize) -> String {
        let used = self.used.lock().unwrap();
        used[number % used.len()].clone()
    }

    fn has_used(&self, form: String) {
        let mut used = self.used.lock().unwrap();
        used.push_back(form);
        used.pop_front();
    }

    async fn ask(&self, method: Method, path: &str, cookie: &str) -> u16 {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        let request = request.header("cookie", cookie);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        // Read to the end, so that the connection is reused.
        answer.bytes().await.unwrap();
        status
    }

    /// The status, and the cookies that are set.
    async fn submit(&self, form: &str, content_type: &str) -> (u16, String) {
        let request = self.http.post(format!("{}/heroku/sso", self.origin));
        let request = request.header("content-type", content_type);
        let answer = request.body(form.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        let values = answer.headers().get_all("set-cookie").iter();
        let pairs = values.filter_map(|value| value.to_str().ok()?.split(';').next());
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        answer.bytes().await.unwrap();
        (status, cookies)
    }
}

/// A browser's cookie header.
fn cookies(browser: &Browser) -> String {
    let request = browser.request(Method::GET, "/").build().unwrap();
    let value = request.headers()["cookie"].to_str().unwrap();
    value.to_owned()
}
