//! Observing reports what enforcing does. Random histories go through two gates in the same state: one
//! observes an app, the other is enforced. For each request the first reports what the second does, with the
//! same reason.
//!
//! Each gate has its own stores; they share one simulated Heroku and one clock. Sign-ins (valid, forged,
//! unsigned, old, used before), requests with the cookie of any past session, added and removed people,
//! revocations, refreshes, WebSockets of other sites, time, and outages of Heroku and of the session store
//! apply to both.

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Builder;

use self::world::{Pair, Verdicts};

/// People, and the add-ons that they open.
const PEOPLE: usize = 3;
const ADDONS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    SignIn(usize, usize, Form),
    /// With the cookie of a past sign-in: the last, the one before and so on.
    Page(usize),
    /// The same, as a WebSocket of another site.
    ForeignSocket(usize),
    Add(usize, usize),
    Remove(usize, usize),
    Refresh(usize),
    Revoke(usize, usize),
    Pass(u64),
    HerokuFails(bool),
    SessionsFail(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Good,
    Forged,
    Unsigned,
    Old,
    /// The last form again.
    Repeated,
}

fn step() -> impl Strategy<Value = Step> {
    let form = prop_oneof![
        6 => Just(Form::Good),
        1 => Just(Form::Forged),
        1 => Just(Form::Unsigned),
        1 => Just(Form::Old),
        1 => Just(Form::Repeated),
    ];
    let (person, addon) = (0..PEOPLE, 0..ADDONS);
    // No span between 0 and a minute: a back-off of up to a minute has a random part.
    let time = prop_oneof![
        Just(61_u64),
        Just(150),
        Just(301),
        Just(601),
        Just(1_000),
        Just(5_400)
    ];
    prop_oneof![
        5 => (person.clone(), addon.clone(), form).prop_map(|(who, at, form)| Step::SignIn(who, at, form)),
        10 => (0..6_usize).prop_map(Step::Page),
        1 => (0..6_usize).prop_map(Step::ForeignSocket),
        2 => (person.clone(), addon.clone()).prop_map(|(who, at)| Step::Add(who, at)),
        2 => (person.clone(), addon.clone()).prop_map(|(who, at)| Step::Remove(who, at)),
        1 => addon.clone().prop_map(Step::Refresh),
        1 => (person, addon).prop_map(|(who, at)| Step::Revoke(who, at)),
        4 => time.prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::HerokuFails),
        1 => any::<bool>().prop_map(Step::SessionsFail),
    ]
}

/// Plays a history. An undecided verdict ends it: the machine is too busy for it.
async fn play(steps: &[Step], seen: &mut BTreeMap<String, usize>) -> Result<(), String> {
    let mut pair = Pair::start(PEOPLE, ADDONS).await;
    for (number, step) in steps.iter().enumerate() {
        let verdicts = match step {
            Step::SignIn(who, at, form) => pair.sign_in(*who, *at, *form).await,
            Step::Page(back) => pair.page(*back, false).await,
            Step::ForeignSocket(back) => pair.page(*back, true).await,
            other => {
                pair.change(other).await;
                continue;
            }
        };
        let Some(Verdicts { reported, done }) = verdicts else {
            return Ok(());
        };
        if reported != done {
            return Err(format!(
                "step {number}, {step:?}: reported {reported:?}, done {done:?}"
            ));
        }
        *seen.entry(format!("{done:?}")).or_default() += 1;
    }
    Ok(())
}

#[test]
fn observing_reports_what_enforcing_does() {
    let config = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config.clone(), rng(&config));
    let seen = std::cell::RefCell::new(BTreeMap::new());
    let result = runner.run(&prop::collection::vec(step(), 1..60), |steps| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut seen = seen.borrow_mut();
        let played = runtime.block_on(play(&steps, &mut seen));
        played.map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.into_inner();
    for expected in [
        "Allowed",
        "Rejected(NotListed)",
        "Rejected(InvalidSignIn)",
        "Rejected(StaleSignIn)",
        "Rejected(UsedSignIn)",
        "Rejected(CannotCheck)",
        "Rejected(ForeignOrigin)",
        "SignInNeeded(NoSession)",
        "SignInNeeded(SessionEnded)",
    ] {
        assert!(seen.contains_key(expected), "{expected} is not in {seen:?}");
    }
}

/// The usual run takes the same histories each time.
fn rng(config: &Config) -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm)
}
