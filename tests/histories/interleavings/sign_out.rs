//! A sign-out during requests of the same session.

use crate::interleavings::schedule::{Choices, Crew, in_every_order, in_random_orders};
use crate::interleavings::world::{Gate, Stage, World, is_rejected};

/// The session is closed at all gates, also at a new one, and has no record.
async fn is_closed(world: &World<'_>, gates: &[Gate], session: &str) {
    let begun_since = world.gate("begun since");
    for gate in gates.iter().chain([&begun_since]) {
        let answer = gate.visit(session).await;
        assert!(is_rejected(&answer), "{answer:?}");
    }
    assert!(!world.has_record(session).await, "its record exists again");
}

async fn while_it_is_used(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gates = [warm.gate.clone(), world.gate("b")];
    for gate in &gates {
        world.let_lists_be_fetched(gate).await;
    }
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let sign_out = crew.add("the sign-out", gates[0].sign_out(&warm.ann));
    let visits = [
        crew.add("a visit", gates[0].visit(&warm.ann)),
        crew.add("another visit", gates[0].visit(&warm.ann)),
    ];
    let elsewhere = crew.add("a visit elsewhere", gates[1].visit(&warm.ann));
    let hangs_up = crew.add("a visit that ends", gates[1].visit(&warm.ann));
    crew.add_drop_of("the hang-up", &hangs_up);
    crew.work().await;
    let sign_out = sign_out.done().await.unwrap();
    assert_eq!(sign_out.value.status, 204);
    for visit in visits {
        let visit = visit.done().await.unwrap();
        assert!(visit.value.status == 200 || is_rejected(&visit.value));
        assert!(
            is_rejected(&visit.value) || visit.began < sign_out.ended,
            "a request from after the sign-out passed"
        );
    }
    elsewhere.value().await;
    is_closed(&world, &gates, &warm.ann).await;
}

#[test]
fn signed_out_session_stays_closed_in_any_order() {
    in_random_orders("sign-out", false, 32, while_it_is_used);
}

async fn that_is_given_up_and_repeated(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let sign_out = crew.add("the sign-out", warm.gate.sign_out(&warm.ann));
    crew.add_drop_of("the hang-up", &sign_out);
    crew.work().await;
    drop(sign_out);
    assert_eq!(warm.gate.sign_out(&warm.ann).await.status, 204);
    is_closed(&world, &[warm.gate], &warm.ann).await;
}

#[test]
fn cancelled_sign_out_can_be_repeated_in_every_order() {
    in_every_order(
        "a sign-out, given up",
        false,
        300,
        that_is_given_up_and_repeated,
    );
}
