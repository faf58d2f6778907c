//! A revocation during a sign-in and requests of the same user.

use crate::interleavings::schedule::{Choices, Crew, in_every_order, in_random_orders};
use crate::interleavings::world::{ANN, Answer, BOB, Gate, Stage, World, is_rejected};

/// After the revocation and the sign-in: the sessions that still pass, at this gate and at a new one.
async fn check_sessions(world: &World<'_>, gate: &Gate, old: &str, new: &Answer) {
    assert_eq!(new.status, 303, "a listed user can sign in again");
    let sequences = [
        world.database.sequence_of("ann's sign-in"),
        world.database.sequence_of("the revocation"),
    ];
    let [Some(signed_in), Some(revoked)] = sequences else {
        panic!("{sequences:?}");
    };
    // The gate that is more likely to be wrong goes first, as a rejection ends the session.
    let begun_since = world.gate("begun since");
    for gate in [&begun_since, gate] {
        assert!(is_rejected(&gate.visit(old).await));
    }
    for gate in [gate, &begun_since] {
        // A sign-in before the revocation is revoked like the earlier sessions.
        let answer = gate.visit(&new.cookie()).await;
        assert_eq!(answer.status == 200, signed_in > revoked, "{answer:?}");
    }
}

async fn while_a_session_is_used(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    world.let_lists_be_fetched(gate).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let revocation = crew.add("the revocation", gate.revoke(&world, ANN));
    let sign_in = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    let visits = gate.visits(&mut crew, &warm.ann);
    let refresh = crew.add("a refresh", gate.refresh(&world, ANN));
    let bob = crew.add("bob's visit", gate.visit(&warm.bob));
    crew.work().await;
    let revocation = revocation.done().await.unwrap();
    for visit in visits {
        let visit = visit.done().await.unwrap();
        let passed = visit.value.status == 200;
        assert!(passed || is_rejected(&visit.value), "{visit:?}");
        assert!(
            !passed || visit.began < revocation.ended,
            "a request from after the revocation passed"
        );
        assert!(
            passed || visit.ended > revocation.began,
            "a request from before the revocation was rejected"
        );
    }
    assert_eq!(refresh.value().await, Some(true));
    assert_eq!(bob.value().await.body, BOB);
    check_sessions(&world, gate, &warm.ann, &sign_in.value().await).await;
}

#[test]
fn revoked_session_is_rejected_in_any_order() {
    in_random_orders("revocation", false, 24, while_a_session_is_used);
}

async fn with_a_sign_in(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = &warm.gate;
    world
        .stops
        .hold_only(&["begin", "next_sequence", "revoke", "session create"]);
    let mut crew = Crew::new(&world.stops, choices);
    let revocation = crew.add("the revocation", gate.revoke(&world, ANN));
    let sign_in = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    crew.work().await;
    revocation.value().await;
    check_sessions(&world, gate, &warm.ann, &sign_in.value().await).await;
}

#[test]
fn revocation_and_sign_in_are_serialized_in_every_order() {
    in_every_order("a revocation, every order", false, 300, with_a_sign_in);
}

/// A process without the resource in memory gets the revocation and the first request concurrently.
async fn at_a_cold_gate(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = world.gate("b");
    world
        .stops
        .hold_only(&["begin", "b load", "b sequence", "b revoke"]);
    let mut crew = Crew::new(&world.stops, choices);
    let revocation = crew.add("the revocation", gate.revoke(&world, ANN));
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    let revocation = revocation.done().await.unwrap();
    let visit = visit.done().await.unwrap();
    assert!(visit.value.status == 401 || visit.began < revocation.ended);
    assert!(is_rejected(&gate.visit(&warm.ann).await));
    assert_eq!(gate.visit(&warm.bob).await.body, BOB);
}

#[test]
fn revocation_during_a_load_applies_in_every_order() {
    in_every_order("a revocation at a cold gate", false, 3_000, at_a_cold_gate);
}

/// Ann is new and signed in at another process. This process reads the store before it rejects her, and she
/// is revoked meanwhile.
async fn while_the_store_is_asked(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let app = world.addon.app().remove(ANN);
    let gate = world.gate("b");
    gate.sso.lists().refresh(&world.resource).await.unwrap();
    app.collaborator(ANN);
    let ann = world.gate("a").sign_in(&world.form(ANN)).await.cookie();
    world
        .stops
        .hold_only(&["begin", "b load", "b get", "b sequence", "b revoke"]);
    let mut crew = Crew::new(&world.stops, choices);
    let revocation = crew.add("the revocation", gate.revoke(&world, ANN));
    let visit = crew.add("a visit", gate.visit(&ann));
    crew.work().await;
    let revocation = revocation.done().await.unwrap();
    let visit = visit.done().await.unwrap();
    let passed = visit.value.status == 200;
    assert!(passed || is_rejected(&visit.value), "{visit:?}");
    // It reached the handler at the moment of the decision.
    assert!(
        !passed || visit.ended < revocation.ended,
        "decided before the store read"
    );
    assert!(is_rejected(&gate.visit(&ann).await));
}

#[test]
fn revocation_applies_to_a_waiting_request_in_every_order() {
    in_every_order(
        "a revocation beside a question",
        false,
        1_000,
        while_the_store_is_asked,
    );
}
