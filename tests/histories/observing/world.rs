//! Two gates in the same state: one observes, one is enforced.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE, UPGRADE};
use axum::http::{Request, Response};
use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use support::browser::FORM;
use support::faulty_sessions::{FaultySessions, Trouble};
use support::ids::AddOnExt as _;
use support::world::{builder, grant};
use tower::ServiceExt as _;
use tower_heroku_sso::{
    Clock as _, Email, Enforcement, HerokuSso, ManualClock, Observed, RejectionKind, Verdict,
};

use super::{Form, Step};

/// The two gates, and the state of their history.
pub struct Pair {
    clock: ManualClock,
    heroku: Simulator,
    people: Vec<String>,
    addons: Vec<AddOn>,
    observing: Gate,
    enforced: Gate,
    sessions: FaultySessions,
    last_form: Option<String>,
}

/// The verdict that the observing gate reported, and what the enforced gate did.
#[derive(Debug)]
pub struct Verdicts {
    pub reported: Verdict,
    pub done: Verdict,
}

struct Gate {
    sso: HerokuSso,
    app: Router,
    /// The cookies of all sign-ins, the last one at the end.
    cookies: Vec<String>,
}

impl Gate {
    async fn start(
        heroku: &Simulator,
        clock: &ManualClock,
        enforcement: Enforcement,
        sessions: FaultySessions,
    ) -> Self {
        let sso = builder(heroku, clock)
            .enforcement(enforcement)
            .session_store(sessions)
            .build()
            .await
            .unwrap();
        let app = Router::new().fallback(|| async { "in" }).layer(sso.layer());
        Self {
            sso,
            app,
            cookies: Vec::new(),
        }
    }

    /// The answer to a form, whose cookie is kept.
    async fn submit(&mut self, form: &str) -> Response<Body> {
        let request = Request::post("/heroku/sso").header(CONTENT_TYPE, FORM);
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        if let Some(cookie) = cookies.find(|it| it.starts_with("__Host-heroku_sso=")) {
            self.cookies
                .push(cookie.split(';').next().unwrap().to_owned());
        }
        response
    }

    async fn page(&self, back: usize, is_foreign_socket: bool) -> Response<Body> {
        let cookie = self.cookies.iter().rev().nth(back);
        let mut request = Request::get("/page").header(COOKIE, cookie.map_or("", String::as_str));
        if is_foreign_socket {
            request = request.header(UPGRADE, "websocket");
            request = request.header(ORIGIN, "https://evil.example");
        }
        let request = request.body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }
}

impl Pair {
    /// Of all people, the first is on every list.
    pub async fn start(people: usize, addons: usize) -> Self {
        let clock = ManualClock::new();
        let heroku = Simulator::builder().clock(clock.reader());
        let heroku = heroku
            .rate_pool(1_000_000, 1_000_000)
            .start()
            .await
            .unwrap();
        let sessions = FaultySessions::default();
        let (seen, kept) = (sessions.clone(), sessions.another());
        let observing = Gate::start(&heroku, &clock, Enforcement::Observe, seen).await;
        let enforced = Gate::start(&heroku, &clock, Enforcement::Enforce, kept).await;
        let mut pair = Self {
            people: (0..people)
                .map(|number| format!("p{number}@example.com"))
                .collect(),
            addons: Vec::new(),
            clock,
            heroku,
            observing,
            enforced,
            sessions,
            last_form: None,
        };
        for number in 0..addons {
            let app = pair.heroku.app(&format!("app-{number}"));
            let addon = app.collaborator(&pair.people[0]).addon();
            addon.mark_provisioned();
            for gate in [&pair.observing, &pair.enforced] {
                let resources = gate.sso.resources();
                resources
                    .register(&addon.resource_id(), grant(&addon))
                    .await
                    .unwrap();
            }
            pair.addons.push(addon);
        }
        pair
    }

    /// None if there was no verdict in time.
    pub async fn sign_in(&mut self, who: usize, at: usize, form: Form) -> Option<Verdicts> {
        let body = self.form(who, at, form);
        self.last_form = Some(body.clone());
        let observed = self.observing.submit(&body).await;
        let enforced = self.enforced.submit(&body).await;
        let is_in = enforced.status() == 303 && enforced.headers().contains_key(SET_COOKIE);
        verdicts(&observed, &enforced, is_in)
    }

    pub async fn page(&mut self, back: usize, is_foreign_socket: bool) -> Option<Verdicts> {
        let observed = self.observing.page(back, is_foreign_socket).await;
        let enforced = self.enforced.page(back, is_foreign_socket).await;
        let is_in = enforced.status() == 200;
        verdicts(&observed, &enforced, is_in)
    }

    fn form(&self, who: usize, at: usize, form: Form) -> String {
        let (addon, email) = (&self.addons[at], &self.people[who]);
        let mut fields = addon.sign_in_form(email);
        match form {
            Form::Good => {}
            Form::Forged => {
                fields.set("email", "forged@example.com");
            }
            Form::Unsigned => {
                fields.remove("user_scoped_resource_token");
            }
            Form::Old => {
                let at = self.clock.now() - Duration::from_secs(301);
                return addon.sign_in(email).at(at).form().body();
            }
            Form::Repeated => {
                if let Some(last) = &self.last_form {
                    return last.clone();
                }
            }
        }
        fields.body()
    }

    pub(super) async fn change(&mut self, step: &Step) {
        match step {
            Step::Add(who, at) => {
                self.addons[*at].app().collaborator(&self.people[*who]);
            }
            Step::Remove(who, at) => {
                self.addons[*at].app().remove(&self.people[*who]);
            }
            Step::Refresh(at) => {
                let resource = self.addons[*at].resource_id();
                for gate in [&self.observing, &self.enforced] {
                    let _ = gate.sso.lists().refresh(&resource).await;
                }
            }
            Step::Revoke(who, at) => {
                let email: Email = self.people[*who].parse().unwrap();
                let resource = self.addons[*at].resource_id();
                for gate in [&self.observing, &self.enforced] {
                    let sessions = gate.sso.sessions();
                    sessions.revoke(&resource, &email).await.unwrap();
                }
            }
            Step::Pass(seconds) => self.clock.advance(Duration::from_secs(*seconds)),
            Step::HerokuFails(true) => {
                let faults = self.heroku.faults();
                faults.set(Endpoint::Any, Fault::Html503);
            }
            Step::HerokuFails(false) => {
                self.heroku.faults().clear_all();
            }
            Step::SessionsFail(true) => self.sessions.set(Trouble::Fails),
            Step::SessionsFail(false) => self.sessions.set(Trouble::None),
            Step::SignIn(..) | Step::Page(_) | Step::ForeignSocket(_) => {
                unreachable!("these have verdicts")
            }
        }
    }
}

fn verdicts(observed: &Response<Body>, enforced: &Response<Body>, is_in: bool) -> Option<Verdicts> {
    let reported = observed.extensions().get::<Observed>().unwrap().verdict();
    if reported == Verdict::Undecided {
        return None;
    }
    let kind = enforced.extensions().get::<RejectionKind>().copied();
    let done = match kind {
        None => {
            assert!(is_in, "{}", enforced.status());
            Verdict::Allowed
        }
        Some(kind @ (RejectionKind::NoSession | RejectionKind::SessionEnded)) => {
            Verdict::SignInNeeded(kind)
        }
        Some(kind) => Verdict::Rejected(kind),
    };
    // The observed request reached the app.
    assert_eq!(observed.status(), 200);
    Some(Verdicts { reported, done })
}
