//! Streams without further requests, while lists change and age.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::interleavings::schedule::{
    Choices, Crew, in_every_order, in_random_orders, stand_still,
};
use crate::interleavings::world::{ANN, BOB, REFRESH, Stage, is_rejected};

const PATIENCE: Duration = Duration::from_secs(20);

/// The moment at which it ended.
async fn ended(stream: JoinHandle<u64>) -> u64 {
    let ended = tokio::time::timeout(PATIENCE, stream).await;
    ended.expect("the stream ends").unwrap()
}

/// Ann is removed while her stream fetches its list.
async fn while_its_reader_leaves(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    let stream = gate.open_stream(&world.stops, &warm.ann).await;
    let bobs = gate.open_stream(&world.stops, &warm.bob).await;
    world.stops.hold();
    world.clock.advance(REFRESH);
    world.clock.advance(Duration::from_secs(1));
    let mut crew = Crew::new(&world.stops, choices);
    let app = world.addon.app();
    let leaves = crew.add("ann leaves", async move { drop(app.remove(ANN)) });
    let refresh = crew.add("a refresh", gate.refresh(&world, ANN));
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    let leaves = leaves.done().await.unwrap();
    drop((refresh.value().await, visit.value().await));
    assert_eq!(gate.refresh(&world, ANN).await, Some(false));
    assert!(ended(stream).await > leaves.began, "cut before she left");
    stand_still(&world.stops).await;
    assert!(!bobs.is_finished(), "bob's stream was cut");
    bobs.abort();
    assert!(is_rejected(&gate.visit(&warm.ann).await));
}

#[test]
fn stream_of_a_removed_user_ends_in_any_order() {
    in_random_orders(
        "a stream, and a removal",
        false,
        24,
        while_its_reader_leaves,
    );
}

/// A stream that waits for its list, with a sign-out at each of its steps.
async fn while_it_is_signed_out(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let stream = warm.gate.open_stream(&world.stops, &warm.ann).await;
    world
        .stops
        .hold_only(&["begin", "next_sequence", "session delete", "close_session"]);
    world.clock.advance(REFRESH * 3);
    let mut crew = Crew::new(&world.stops, choices);
    let sign_out = crew.add("the sign-out", warm.gate.sign_out(&warm.ann));
    crew.work().await;
    assert_eq!(sign_out.value().await.status, 204);
    ended(stream).await;
    assert!(is_rejected(&warm.gate.visit(&warm.ann).await));
}

#[test]
fn stream_waiting_for_a_list_ends_at_sign_out_in_every_order() {
    in_every_order(
        "a stream, and a sign-out",
        false,
        500,
        while_it_is_signed_out,
    );
}

/// Without a removal, neither an older list nor an answer in transit cuts a stream.
async fn while_lists_overtake_each_other(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    let stream = gate.open_stream(&world.stops, &warm.ann).await;
    world.stops.hold();
    world.clock.advance(REFRESH * 3);
    let mut crew = Crew::new(&world.stops, choices);
    let work = [
        crew.add("a refresh", gate.refresh(&world, ANN)),
        crew.add("another refresh", gate.refresh(&world, ANN)),
    ];
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    for refresh in work {
        assert_eq!(refresh.value().await, Some(true));
    }
    // The stream kept the resource in use.
    assert_eq!(visit.value().await.body, ANN);
    stand_still(&world.stops).await;
    assert!(!stream.is_finished(), "the stream was cut");
    stream.abort();
}

#[test]
fn stream_continues_while_lists_overtake_each_other() {
    in_random_orders(
        "a stream, and lists",
        false,
        16,
        while_lists_overtake_each_other,
    );
}

/// A process loads the resource for a request whose client disconnects, while another resource ends. Bob's
/// stream begins meanwhile.
async fn beside_a_load_that_is_given_up(stage: &Stage, choices: &mut Choices) {
    let another = stage.world().await.resource;
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = world.gate("b");
    world.stops.hold_only(&["begin", "b load asked"]);
    let mut crew = Crew::new(&world.stops, choices);
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.add_drop_of("the hang-up", &visit);
    let sso = gate.sso.clone();
    let end = crew.add("another end", async move {
        sso.resources().deprovision(&another).await.unwrap()
    });
    let (there, stops, bob) = (gate.clone(), world.stops.clone(), warm.bob.clone());
    let stream = crew.add("bob's stream", async move {
        [there.open_stream(&stops, &bob).await]
    });
    crew.work().await;
    drop(visit);
    assert!(end.value().await);
    let [stream] = stream.value().await;
    gate.revoke(&world, BOB).await;
    ended(stream).await;
    assert!(is_rejected(&gate.visit(&warm.bob).await));
}

#[test]
fn revoked_stream_ends_though_a_load_was_given_up() {
    in_every_order(
        "a stream, and a load given up",
        false,
        1_000,
        beside_a_load_that_is_given_up,
    );
}
