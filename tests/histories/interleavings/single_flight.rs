//! Concurrent requests for the first list of a resource.

use heroku_addon_simulator::Endpoint;
use heroku_sso_store::Store;
use tower_heroku_sso::VerifiedEmail;

use crate::interleavings::schedule::{Choices, Crew, in_random_orders};
use crate::interleavings::world::{ANN, BOB, Stage, address};

const OWNER: &str = "owner@example.com";

async fn sign_ins_of_a_cold_resource(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let gate = world.gate("a");
    let elsewhere = world.heroku.app("elsewhere").addon();
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let ann = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    let bob = crew.add("bob's sign-in", gate.sign_in(&world.form(BOB)));
    let login = {
        let (sso, resource) = (gate.sso.clone(), world.resource);
        crew.add("the owner's login", async move {
            let owner = VerifiedEmail::assume_verified(address(OWNER));
            sso.sessions()
                .admit(&resource, &owner, &Default::default())
                .await
                .is_ok()
        })
    };
    let unknown = elsewhere.sign_in_form(ANN);
    let unknown = crew.add("a sign-in elsewhere", gate.sign_in(&unknown));
    let hangs_up = crew.add("a cancelled sign-in", gate.sign_in(&world.form(OWNER)));
    crew.add_drop_of("the hang-up", &hangs_up);
    crew.work().await;
    let (ann, bob) = (ann.value().await, bob.value().await);
    assert_eq!((ann.status, bob.status), (303, 303));
    assert!(login.value().await, "the owner is on the list");
    assert_eq!(unknown.value().await.status, 403);
    let answered = hangs_up.done().await.map(|done| done.value.status);
    assert!(matches!(answered, None | Some(303)), "{answered:?}");
    assert_eq!(
        world.heroku.calls().count(Endpoint::AddOn),
        1,
        "one fetch is enough"
    );
    assert_eq!(gate.visit(&ann.cookie()).await.body, ANN);
    assert_eq!(gate.visit(&bob.cookie()).await.body, BOB);
}

#[test]
fn concurrent_sign_ins_share_one_fetch_despite_a_disconnect() {
    in_random_orders("single flight", false, 16, sign_ins_of_a_cold_resource);
}

/// An expired access token, and all operations that need a new one.
async fn a_renewal(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let gate = world.gate("a");
    gate.sso.lists().refresh(&world.resource).await.unwrap();
    world.heroku.tokens().expire_access();
    world.heroku.calls().clear();
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let refresh = crew.add("a refresh", gate.refresh(&world, ANN));
    let word = crew.add("a webhook", gate.hears_that_left(&world, ANN));
    let hangs_up = crew.add("a cancelled refresh", gate.refresh(&world, ANN));
    crew.add_drop_of("the hang-up", &hangs_up);
    crew.work().await;
    assert_eq!(refresh.value().await, Some(true));
    assert_eq!(word.value().await.status, 204);
    assert_eq!(
        world.heroku.calls().count(Endpoint::Token),
        1,
        "a refresh token is used once"
    );
    // The new tokens are stored.
    gate.sso.lists().refresh(&world.resource).await.unwrap();
    let another = world.gate("b");
    another.sso.lists().refresh(&world.resource).await.unwrap();
    assert_eq!(world.heroku.calls().count(Endpoint::Token), 1);
    let known = world.database.inner.get(&world.resource).await.unwrap();
    assert!(known.unwrap().tokens.is_some());
}

#[test]
fn token_is_renewed_once_despite_a_disconnect() {
    in_random_orders("renewal", false, 16, a_renewal);
}
