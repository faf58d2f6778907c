//! Drops every future of the crate at each of its steps.
//!
//! [`table`] has the futures of a gate, [`stores`] those of a store, and [`complete`] checks that none is
//! missing. After each drop the call is repeated and must complete, the gate and a new process must agree on
//! the sessions, no lease is held, and all other operations of a gate still work.

mod complete;
mod stores;
mod table;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use tower_heroku_sso::{LookupError, OauthGrant};

use crate::interleavings::schedule::{runtime, stand_still};
use crate::interleavings::world::{ANN, Answer, BOB, Gate, SessionsIn, Stage, World, is_rejected};

/// A future that takes more steps counts as hanging.
const MOST: usize = 400;

/// Longer than any operation takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gate at which Ann and Bob are signed in, with a newer list.
struct Scene<'a> {
    world: World<'a>,
    gate: Gate,
    /// A gate that has not loaded the resource.
    cold: Gate,
    ann: String,
    bob: String,
}

/// The sessions that a completed future ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ends {
    Nothing,
    /// Ann may sign in again.
    AnnsSession,
    /// All users may sign in again.
    Sessions,
    AnnsAccess,
    Resource,
}

type Work<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;

/// One row of the table.
struct Case {
    name: &'static str,
    ends: Ends,
    /// True on the expected result, also at a repetition.
    work: for<'a> fn(&'a Scene<'_>) -> Work<'a>,
}

impl<'a> Scene<'a> {
    async fn new(stage: &'a Stage) -> Self {
        let world = stage.world().await;
        let warm = world.warm_gate("a").await;
        world.let_lists_be_fetched(&warm.gate).await;
        Self {
            gate: warm.gate,
            cold: stage.gate("cold"),
            ann: warm.ann,
            bob: warm.bob,
            world,
        }
    }

    /// A fresh grant.
    fn grant(&self) -> OauthGrant {
        OauthGrant::Code(self.world.addon.grant_code().into())
    }

    /// Whether Ann's session is valid at the gate and at a new process.
    async fn is_ann_in(&self) -> [bool; 2] {
        let begun_since = self.world.gate("begun since");
        let mut is_in = [false; 2];
        for (is_in, gate) in is_in.iter_mut().zip([&self.gate, &begun_since]) {
            let answer = gate.visit(&self.ann).await;
            assert!(answer.status == 200 || is_rejected(&answer), "{answer:?}");
            *is_in = answer.status == 200;
        }
        is_in
    }

    async fn sign_in(&self, email: &str) -> Answer {
        self.world.clock.advance(Duration::from_secs(1));
        self.gate.sign_in(&self.world.form(email)).await
    }

    /// Checks all operations that could wait for a leftover lock.
    async fn is_well(&self, is_bob_in: bool) {
        let (sso, resource) = (&self.gate.sso, &self.world.resource);
        self.world.heroku.tokens().expire_access();
        sso.lists().refresh(resource).await.unwrap();
        self.world
            .gate("begun since")
            .sso
            .lists()
            .refresh(resource)
            .await
            .unwrap();
        let bob = self.sign_in(BOB).await;
        assert_eq!(bob.status, 303, "{bob:?}");
        assert_eq!(self.gate.visit(&bob.cookie()).await.body, BOB);
        assert_eq!(self.gate.visit(&self.bob).await.status == 200, is_bob_in);
        assert_eq!(self.gate.sign_out(&bob.cookie()).await.status, 204);
        sso.resources()
            .register(resource, self.grant())
            .await
            .unwrap();
        sso.lists().refresh(resource).await.unwrap();
    }
}

impl Case {
    async fn at_each_step(&self, stage: &Stage) -> usize {
        for steps in 1..MOST {
            let scene = Scene::new(stage).await;
            stage.stops.step();
            let done = leave_after(steps, (self.work)(&scene)).await;
            stage.stops.open();
            // Background work completes, with any result.
            stand_still(&stage.stops).await;
            assert_ne!(done, Some(false), "{} does not do it", self.name);
            let left = timeout(PATIENCE, self.check_state(&scene)).await;
            left.unwrap_or_else(|_| panic!("{}, dropped after {steps} steps: held", self.name));
            if done.is_some() {
                return steps;
            }
        }
        panic!("{} does not end", self.name);
    }

    async fn check_state(&self, scene: &Scene<'_>) {
        let name = self.name;
        if self.ends != Ends::AnnsAccess {
            let [here, elsewhere] = scene.is_ann_in().await;
            assert_eq!(here, elsewhere, "{name}: half of it is done");
            assert!(here || self.ends != Ends::Nothing, "{name} ended a session");
        }
        assert!((self.work)(scene).await, "{name} cannot be repeated");
        let is_in = scene.is_ann_in().await;
        assert_eq!(is_in, [self.ends == Ends::Nothing; 2], "{name}, repeated");
        let sign_in = scene.sign_in(ANN).await.status;
        match self.ends {
            Ends::Nothing | Ends::AnnsSession | Ends::Sessions => {
                assert_eq!(sign_in, 303, "{name}")
            }
            Ends::AnnsAccess | Ends::Resource => assert_eq!(sign_in, 403, "{name}"),
        }
        if self.ends == Ends::Resource {
            let list = scene.gate.sso.lists().get(&scene.world.resource).await;
            assert!(
                matches!(list, Err(LookupError::Deprovisioned)),
                "{name}: {list:?}"
            );
        } else {
            scene.is_well(self.ends != Ends::Sessions).await;
        }
        let leases = scene.world.database.leases();
        assert!(leases.is_empty(), "{name}: {leases:?}");
        assert!(scene.world.stops.waiting().is_empty(), "{name}");
    }
}

/// Polls `future` this many times, then drops it. Returns its output if it completed.
async fn leave_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Runs every n-th row, so that two tests share the table.
fn all_of(cases: &[Case], this: usize, of: usize) {
    let runtime = runtime();
    for sessions_in in SessionsIn::BOTH {
        let stage = runtime.block_on(Stage::new(true, sessions_in));
        for case in cases.iter().skip(this).step_by(of) {
            let steps = runtime.block_on(case.at_each_step(&stage));
            println!("{}: {steps} steps, sessions in {sessions_in:?}", case.name);
        }
    }
}

#[test]
fn a60_future_dropped_at_any_step_leaves_no_half_done_change_1() {
    all_of(table::CASES, 0, 2);
}

#[test]
fn a60_future_dropped_at_any_step_leaves_no_half_done_change_2() {
    all_of(table::CASES, 1, 2);
}
