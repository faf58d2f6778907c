//! The view of another thread while one list replaces another.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::task::spawn_blocking;
use tower::ServiceExt;

use crate::interleavings::world::{ANN, Gate, SessionsIn, Stage, World, address, visit};

/// Enough people that building their list takes some time.
const PEOPLE: usize = 500;

/// Sends Ann's requests until the new list without her applies. Returns how often she was admitted.
fn visits_until_she_is_off(gate: &Gate, world: &World<'_>, ann: &str) -> usize {
    let is_off = || {
        let mut list = pin!(gate.sso.lists().get(&world.resource));
        match list.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Some(list))) => {
                let ann = address(ANN);
                !list.list.members().any(|member| member.email == ann)
            }
            _ => false,
        }
    };
    let began = Instant::now();
    let mut came_in = 0;
    while !is_off() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the new list does not arrive"
        );
        for _ in 0..50 {
            // One poll, without waiting.
            let mut answer = pin!(gate.app.clone().oneshot(visit(ann)));
            let answer = answer
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            came_in += usize::from(matches!(answer, Poll::Ready(Ok(it)) if it.status() == 200));
        }
    }
    came_in
}

#[test]
fn pending_removal_holds_while_the_list_is_replaced() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let stage: &'static Stage = Box::leak(Box::new(Stage::new(false, SessionsIn::Store).await));
        for _ in 0..5 {
            let world = stage.world().await;
            let team = world.heroku.team("acme");
            let app = world.addon.app().owned_by_team(&team);
            for number in 0..PEOPLE {
                let email = format!("person-{number}@example.com");
                app.collaborator(&email);
                team.member(&email, "member");
            }
            let gate = world.gate_with("a, with copies", |builder| {
                builder.session_cache(Duration::from_secs(5))
            });
            let ann = gate.sign_in(&world.form(ANN)).await.cookie();
            assert_eq!(gate.visit(&ann).await.body, ANN);
            app.remove(ANN);
            assert_eq!(gate.hears_that_left(&world, ANN).await.status, 204);
            let runtime = Handle::current();
            let looking = spawn_blocking(move || {
                let _entered = runtime.enter();
                visits_until_she_is_off(&gate, &world, &ann)
            });
            assert_eq!(
                looking.await.unwrap(),
                0,
                "she was admitted despite the pending removal"
            );
        }
    });
}
