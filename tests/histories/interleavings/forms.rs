//! Concurrent submissions of one form.

use crate::interleavings::schedule::{Choices, Crew, in_every_order, in_random_orders};
use crate::interleavings::world::{ANN, Stage, is_rejected};

async fn submitted_concurrently(stage: &Stage, choices: &mut Choices, with_hang_up: bool) {
    let world = stage.world().await;
    let gates = [world.gate("a"), world.gate("b")];
    let form = world.form(ANN);
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let mut submits = vec![
        crew.add("the form", gates[0].sign_in(&form)),
        crew.add("the form again", gates[0].sign_in(&form)),
        crew.add("the form elsewhere", gates[1].sign_in(&form)),
    ];
    if with_hang_up {
        crew.add_drop_of("the hang-up", &submits[0]);
    }
    crew.work().await;
    let mut sessions = Vec::new();
    let mut hung_up = 0;
    for submit in submits.drain(..) {
        match submit.done().await {
            None => hung_up += 1,
            Some(done) if done.value.status == 303 => sessions.push(done.value.cookie()),
            Some(done) => assert_eq!(done.value.status, 403),
        }
    }
    assert!(sessions.len() <= 1, "a form works once");
    assert!(sessions.len() + hung_up >= 1, "the form signs in");
    for gate in &gates {
        for session in &sessions {
            assert_eq!(gate.visit(session).await.body, ANN);
        }
        assert_eq!(gate.sign_in(&form).await.status, 403);
    }
}

#[test]
fn form_submitted_three_times_concurrently_works_once() {
    in_random_orders(
        "forms",
        false,
        12,
        async |stage: &Stage, choices: &mut Choices| {
            submitted_concurrently(stage, choices, false).await;
        },
    );
    in_random_orders(
        "forms, with a hang-up",
        false,
        12,
        async |stage: &Stage, choices: &mut Choices| {
            submitted_concurrently(stage, choices, true).await;
        },
    );
}

async fn consumed_concurrently(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let form = world.form(ANN);
    world.stops.hold_only(&["begin", "consume"]);
    let mut crew = Crew::new(&world.stops, choices);
    let one = crew.add("the form", warm.gate.sign_in(&form));
    let other = crew.add("the form again", warm.gate.sign_in(&form));
    crew.work().await;
    let (one, other) = (one.value().await, other.value().await);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
    let winner = if one.status == 303 { one } else { other };
    assert_eq!(warm.gate.visit(&winner.cookie()).await.body, ANN);
    // The losing submission leaves no session.
    assert!(is_rejected(&warm.gate.visit("").await));
}

#[test]
fn form_is_consumed_once_in_every_order() {
    in_every_order("a form, every order", false, 400, consumed_concurrently);
}
