//! Two processes on one store.

use std::time::Duration;

use heroku_addon_simulator::Endpoint;
use tower_heroku_sso::sync::SyncHandle;

use crate::interleavings::schedule::{
    Choices, Crew, in_every_order, in_random_orders, stand_still,
};
use crate::interleavings::swap::{Word, none_goes_back};
use crate::interleavings::world::{ANN, BOB, Gate, Stage, World, is_rejected};

struct Two<'a> {
    world: World<'a>,
    gates: [Gate; 2],
    /// Ann's session, and Bob's.
    ann: String,
    bob: String,
    _syncs: [SyncHandle; 2],
}

/// Two gates that are up to date and receive events.
async fn two(stage: &Stage) -> Two<'_> {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    // This gate uses its cached session until it gets the event of the closing.
    let other = world.gate_with("b", |builder| builder.session_cache(Duration::from_secs(5)));
    let gates = [warm.gate, other];
    let syncs = [gates[0].sso.spawn_sync(), gates[1].sso.spawn_sync()];
    stand_still(&world.stops).await;
    world.let_lists_be_fetched(&gates[0]).await;
    stand_still(&world.stops).await;
    assert_eq!(gates[1].visit(&warm.bob).await.body, BOB);
    Two {
        world,
        gates,
        ann: warm.ann,
        bob: warm.bob,
        _syncs: syncs,
    }
}

/// Two gates with a list and an expired token.
async fn two_with_an_expired_token(stage: &Stage) -> (World<'_>, [Gate; 2]) {
    let world = stage.world().await;
    let gates = [world.gate("a"), world.gate("b")];
    for gate in &gates {
        gate.sso.lists().refresh(&world.resource).await.unwrap();
    }
    world.heroku.tokens().expire_access();
    world.heroku.calls().clear();
    (world, gates)
}

fn one_renewal(world: &World<'_>) {
    let renewals = world.heroku.calls().count(Endpoint::Token);
    assert_eq!(renewals, 1, "a refresh token is used once");
}

/// The access token has expired, and both gates need a new one.
async fn a_renewal(stage: &Stage, choices: &mut Choices) {
    let (world, gates) = two_with_an_expired_token(stage).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let refreshes = [
        crew.add("a refresh", gates[0].refresh(&world, ANN)),
        crew.add("a refresh elsewhere", gates[1].refresh(&world, ANN)),
    ];
    let hangs_up = crew.add("a cancelled refresh", gates[0].refresh(&world, ANN));
    crew.add_drop_of("the hang-up", &hangs_up);
    crew.work().await;
    for refresh in refreshes {
        assert_eq!(refresh.value().await, Some(true));
    }
    one_renewal(&world);
    let mut tokens = Vec::new();
    for gate in &gates {
        use secrecy::ExposeSecret;
        let token = gate
            .sso
            .resources()
            .access_token(&world.resource)
            .await
            .unwrap();
        tokens.push(token.expose_secret().to_owned());
        assert_eq!(gate.refresh(&world, ANN).await, Some(true));
    }
    assert_eq!(tokens[0], tokens[1]);
    one_renewal(&world);
    assert_eq!(world.database.leases(), []);
}

#[test]
fn one_of_two_processes_renews_the_token_for_both() {
    // Waiting for a lease takes real time.
    in_random_orders("a renewal at two gates", true, 8, a_renewal);
}

/// Both have seen the expired token, and each requests the lease.
async fn a_renewal_after_the_look(stage: &Stage, choices: &mut Choices) {
    let (world, gates) = two_with_an_expired_token(stage).await;
    world.stops.hold_only(&["begin", "lease asked"]);
    let mut crew = Crew::new(&world.stops, choices);
    let refreshes = [
        crew.add("a refresh", gates[0].refresh(&world, ANN)),
        crew.add("a refresh elsewhere", gates[1].refresh(&world, ANN)),
    ];
    crew.work().await;
    for refresh in refreshes {
        assert_eq!(refresh.value().await, Some(true));
    }
    one_renewal(&world);
}

#[test]
fn lease_holder_rechecks_the_token_in_every_order() {
    in_every_order(
        "a renewal, every order",
        true,
        100,
        a_renewal_after_the_look,
    );
}

/// Ann is removed; one process fetches the list, the other gets the event during its own fetch.
async fn a_removal(stage: &Stage, choices: &mut Choices) {
    let Two {
        world,
        gates,
        ann,
        bob,
        _syncs,
    } = two(stage).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let app = world.addon.app();
    let leaves = crew.add("ann leaves", async move { drop(app.remove(ANN)) });
    let here = crew.add("a refresh", gates[0].refresh(&world, ANN));
    let elsewhere = crew.add("a refresh elsewhere", gates[1].refresh(&world, ANN));
    let visits = gates[1].visits(&mut crew, &ann);
    let word = crew.add("a webhook elsewhere", gates[1].hears_that_left(&world, ANN));
    crew.work().await;
    leaves.value().await;
    here.value().await;
    assert_eq!(word.value().await.status, 204);
    let mut words = vec![Word::of_refresh(&elsewhere.done().await.unwrap())];
    words.extend(Word::of_visits(visits).await);
    none_goes_back(&words);
    // The later fetch gets the list through the event.
    assert_eq!(gates[0].refresh(&world, ANN).await, Some(false));
    stand_still(&world.stops).await;
    // The gate that must know first goes first, as a rejection ends the session everywhere.
    for gate in gates.iter().rev() {
        assert!(is_rejected(&gate.visit(&ann).await));
        assert_eq!(gate.visit(&bob).await.body, BOB);
    }
    assert_eq!(world.database.leases(), []);
}

#[test]
fn user_removed_by_one_process_is_rejected_by_the_other() {
    in_random_orders("a removal at two gates", true, 16, a_removal);
}

/// Ann is revoked and Bob signs out at one process, while the other one gets requests of both.
async fn events_of_the_other(stage: &Stage, choices: &mut Choices) {
    let Two {
        world,
        gates,
        ann,
        bob,
        _syncs,
    } = two(stage).await;
    world.let_lists_be_fetched(&gates[1]).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let revocation = crew.add("the revocation", gates[0].revoke(&world, ANN));
    let sign_out = crew.add("the sign-out", gates[0].sign_out(&bob));
    let sign_in = crew.add("ann's sign-in", gates[1].sign_in(&world.form(ANN)));
    let visits = [
        crew.add("ann's visit elsewhere", gates[1].visit(&ann)),
        crew.add("bob's visit elsewhere", gates[1].visit(&bob)),
    ];
    let hangs_up = crew.add("bob's last visit elsewhere", gates[1].visit(&bob));
    crew.add_drop_of("the hang-up", &hangs_up);
    crew.work().await;
    revocation.value().await;
    assert_eq!(sign_out.value().await.status, 204);
    for visit in visits {
        visit.value().await;
    }
    stand_still(&world.stops).await;
    let sign_in = sign_in.value().await;
    let sequences = &world.database;
    let is_later = sequences.sequence_of("ann's sign-in") > sequences.sequence_of("the revocation");
    for gate in gates.iter().rev() {
        assert!(is_rejected(&gate.visit(&ann).await));
        assert!(is_rejected(&gate.visit(&bob).await));
        assert_eq!(gate.visit(&sign_in.cookie()).await.status == 200, is_later);
    }
}

#[test]
fn revocation_and_sign_out_apply_in_the_other_process() {
    in_random_orders("events at two gates", true, 16, events_of_the_other);
}
