//! Deprovisioning of a resource during a sign-in and a fetch of its list.

use heroku_sso_store::{ResourceState, Store};
use tower_heroku_sso::LookupError;
use tower_heroku_sso::sync::Change;

use crate::interleavings::schedule::{
    Choices, Crew, in_every_order, in_random_orders, stand_still,
};
use crate::interleavings::world::{ANN, Answer, BOB, Gate, Stage, World, by_heroku, is_rejected};

/// The resource is gone at this gate and at a new one.
async fn is_gone(world: &World<'_>, gate: &Gate, sessions: &[String]) {
    for gate in [gate.clone(), world.gate("begun since")] {
        for session in sessions {
            let answer = gate.visit(session).await;
            assert!(is_rejected(&answer), "{answer:?}");
        }
        let list = gate.sso.lists().get(&world.resource).await;
        assert!(matches!(list, Err(LookupError::Deprovisioned)), "{list:?}");
        assert_eq!(gate.sign_in(&world.form(BOB)).await.status, 403);
    }
    let known = world.database.inner.get(&world.resource).await.unwrap();
    let known = known.unwrap();
    assert_eq!(known.state, ResourceState::Deprovisioned);
    assert!(known.tokens.is_none(), "its tokens are deleted");
}

/// How often a reader gets the end of the resource.
async fn endings(changes: &mut tower_heroku_sso::sync::Changes, world: &World<'_>) -> usize {
    let mut endings = 0;
    let reading = async {
        while let Some(change) = changes.next().await {
            if matches!(change, Change::ResourceGone { .. }) {
                endings += 1;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = stand_still(&world.stops) => {}
    }
    endings
}

async fn while_much_is_under_way(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    let mut changes = gate.sso.lists().changes();
    world.let_lists_be_fetched(gate).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let path = format!("/heroku/resources/{}", world.resource);
    let end = by_heroku(&world, "DELETE", &path, String::new());
    let end = crew.add("the end", gate.clone().send(end));
    let refresh = crew.add("a refresh", gate.refresh(&world, ANN));
    let sign_in = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    let visits = [
        crew.add("a visit", gate.visit(&warm.ann)),
        crew.add("another visit", gate.visit(&warm.bob)),
    ];
    let word = crew.add("a webhook", gate.hears_that_left(&world, BOB));
    crew.work().await;
    let end = end.done().await.unwrap();
    assert_eq!(end.value.status, 204);
    word.value().await;
    let refresh = refresh.done().await.unwrap();
    assert!(refresh.value.is_none() || refresh.began < end.ended);
    let sign_in = sign_in.done().await.unwrap();
    assert!(sign_in.value.status != 303 || sign_in.began < end.ended);
    let mut sessions = vec![warm.ann.clone(), warm.bob.clone()];
    let is_in = |answer: &Answer| answer.status == 303;
    sessions.extend(is_in(&sign_in.value).then(|| sign_in.value.cookie()));
    for visit in visits {
        let visit = visit.done().await.unwrap();
        assert!(visit.value.status != 200 || visit.began < end.ended);
    }
    is_gone(&world, gate, &sessions).await;
    assert_eq!(endings(&mut changes, &world).await, 1);
}

#[test]
fn deprovisioned_resource_rejects_users_in_any_order() {
    in_random_orders("deprovisioning", false, 24, while_much_is_under_way);
}

/// The call may be cancelled halfway: the resource has then ended at all gates or at none.
async fn that_is_given_up(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    let mut changes = gate.sso.lists().changes();
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let (sso, resource) = (gate.sso.clone(), world.resource);
    let end = crew.add("the end", async move {
        sso.resources().deprovision(&resource).await.unwrap()
    });
    crew.add_drop_of("the hang-up", &end);
    crew.work().await;
    drop(end);
    let known = world.database.inner.get(&world.resource).await.unwrap();
    if known.unwrap().state == ResourceState::Active {
        assert_eq!(gate.visit(&warm.ann).await.body, ANN);
        assert_eq!(endings(&mut changes, &world).await, 0);
        return;
    }
    is_gone(&world, gate, &[warm.ann, warm.bob]).await;
    assert_eq!(endings(&mut changes, &world).await, 1);
}

#[test]
fn cancelled_deprovisioning_is_atomic_in_every_order() {
    in_every_order("an end, given up", false, 100, that_is_given_up);
}

/// A process that is still loading the resource when it gets the call.
async fn at_a_cold_gate(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = world.gate("b");
    world.stops.hold_only(&["begin", "b load", "b end"]);
    let mut crew = Crew::new(&world.stops, choices);
    let (sso, resource) = (gate.sso.clone(), world.resource);
    let end = crew.add("the end", async move {
        sso.resources().deprovision(&resource).await.unwrap()
    });
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    assert!(end.value().await);
    visit.value().await;
    is_gone(&world, &gate, &[warm.ann, warm.bob]).await;
}

#[test]
fn deprovisioning_during_a_load_applies_in_every_order() {
    in_every_order("an end at a cold gate", false, 500, at_a_cold_gate);
}
