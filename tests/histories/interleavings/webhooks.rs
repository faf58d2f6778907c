//! Webhooks of a removal during a fetch that started earlier.

use crate::interleavings::schedule::{Choices, Crew, in_every_order, in_random_orders};
use crate::interleavings::swap::{Word, none_goes_back};
use crate::interleavings::world::{ANN, Stage, is_rejected, word_of_change, word_that_left};

async fn while_a_list_is_fetched(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    world.let_lists_be_fetched(gate).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let refresh = crew.add("a refresh", gate.refresh(&world, ANN));
    // Ann is removed, and Heroku sends the webhook twice, as after a lost answer.
    let tell = |gate: &crate::interleavings::world::Gate| {
        let (app, word) = (world.addon.app(), word_that_left(&world, ANN));
        let gate = gate.clone();
        async move {
            app.remove(ANN);
            gate.send(word).await
        }
    };
    let hangs_up = crew.add("a cancelled webhook", tell(gate));
    crew.add_drop_of("the hang-up", &hangs_up);
    let word = crew.add("word", tell(gate));
    let visits = gate.visits(&mut crew, &warm.ann);
    let sign_in = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    crew.work().await;
    let word = word.done().await.unwrap();
    assert_eq!(word.value.status, 204);
    let mut words = vec![Word::of_refresh(&refresh.done().await.unwrap())];
    words.extend(Word::of_visits(visits).await);
    let sign_in = sign_in.done().await.unwrap();
    words.push(Word::of_sign_in(&sign_in));
    none_goes_back(&words);
    for word_of in words.iter().skip(1) {
        assert!(
            !word_of.is_in || word_of.began < word.ended,
            "ann was admitted after the webhook of her removal"
        );
    }
    assert!(is_rejected(&gate.visit(&warm.ann).await));
    if sign_in.value.status == 303 {
        assert!(is_rejected(&gate.visit(&sign_in.value.cookie()).await));
    }
}

#[test]
fn pending_removal_waits_for_a_later_list() {
    in_random_orders("webhooks", false, 32, while_a_list_is_fetched);
}

/// The fetch in progress started before the removal.
async fn while_an_older_list_is_under_way(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = &warm.gate;
    world.stops.hold_only(&["begin", "collaborators answered"]);
    let mut crew = Crew::new(&world.stops, choices);
    let change = gate.clone().send(word_of_change(&world));
    let change = crew.add("webhook of a change", change);
    let (app, word) = (world.addon.app(), gate.hears_that_left(&world, ANN));
    let word = crew.add("webhook of the removal", async move {
        app.remove(ANN);
        word.await
    });
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    assert_eq!(change.value().await.status, 204);
    let (word, visit) = (word.done().await.unwrap(), visit.done().await.unwrap());
    let visit = Word::of_visit(&visit);
    assert!(
        !visit.is_in || visit.began < word.ended,
        "admitted by an older list"
    );
    assert!(is_rejected(&gate.visit(&warm.ann).await));
}

#[test]
fn older_list_clears_no_pending_removal_in_every_order() {
    in_every_order(
        "pending_removals",
        false,
        500,
        while_an_older_list_is_under_way,
    );
}
