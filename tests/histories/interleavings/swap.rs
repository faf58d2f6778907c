//! Requests while a list replaces one that still contained the user.

use crate::interleavings::schedule::{Choices, Crew, Done, Task, in_every_order, in_random_orders};
use crate::interleavings::world::{ANN, Answer, Stage, is_rejected, word_of_change};

/// The result of one of several concurrent operations: whether Ann is admitted.
pub struct Word {
    pub began: u64,
    pub ended: u64,
    pub is_in: bool,
}

impl Word {
    pub fn of_visit(done: &Done<Answer>) -> Self {
        let is_in = done.value.status == 200;
        assert!(is_in || is_rejected(&done.value), "{done:?}");
        Self::new(done, is_in)
    }

    pub async fn of_visits(visits: [Task<Answer>; 3]) -> Vec<Self> {
        let mut words = Vec::new();
        for visit in visits {
            words.push(Self::of_visit(&visit.done().await.unwrap()));
        }
        words
    }

    pub fn of_sign_in(done: &Done<Answer>) -> Self {
        assert!(matches!(done.value.status, 303 | 403), "{done:?}");
        Self::new(done, done.value.status == 303)
    }

    pub fn of_refresh(done: &Done<Option<bool>>) -> Self {
        Self::new(done, done.value.expect("heroku answers"))
    }

    fn new<T>(done: &Done<T>, is_in: bool) -> Self {
        Self {
            began: done.began,
            ended: done.ended,
            is_in,
        }
    }
}

/// After a result without Ann, no later operation has her again.
pub fn none_goes_back(words: &[Word]) {
    for left in words.iter().filter(|word| !word.is_in) {
        for word in words.iter().filter(|word| word.began > left.ended) {
            assert!(!word.is_in, "an older list came back");
        }
    }
}

async fn while_ann_is_removed(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.chosen_gate(choices).await;
    let gate = &warm.gate;
    world.let_lists_be_fetched(gate).await;
    world.stops.hold();
    let mut crew = Crew::new(&world.stops, choices);
    let app = world.addon.app();
    let leaves = crew.add("ann leaves", async move { drop(app.remove(ANN)) });
    let refreshes = [
        crew.add("a refresh", gate.refresh(&world, ANN)),
        crew.add("another refresh", gate.refresh(&world, ANN)),
    ];
    let visits = gate.visits(&mut crew, &warm.ann);
    let sign_in = crew.add("ann's sign-in", gate.sign_in(&world.form(ANN)));
    // It does not share the fetch of a refresh, so that two answers can overtake each other.
    let word = gate.clone().send(word_of_change(&world));
    let word = crew.add("webhook of a change", word);
    crew.work().await;
    let leaves = leaves.done().await.unwrap();
    assert_eq!(word.value().await.status, 204);
    let mut words = Vec::new();
    for refresh in refreshes {
        words.push(Word::of_refresh(&refresh.done().await.unwrap()));
    }
    words.extend(Word::of_visits(visits).await);
    let sign_in = sign_in.done().await.unwrap();
    words.push(Word::of_sign_in(&sign_in));
    none_goes_back(&words);
    let too_early = |word: &Word| !word.is_in && word.ended < leaves.began;
    assert!(!words.iter().any(too_early), "rejected before she left");
    // The most recently requested list counts, whatever else was in progress.
    assert_eq!(gate.refresh(&world, ANN).await, Some(false));
    assert!(is_rejected(&gate.visit(&warm.ann).await));
    if sign_in.value.status == 303 {
        assert!(is_rejected(&gate.visit(&sign_in.value.cookie()).await));
    }
}

#[test]
fn removed_user_is_not_readmitted_by_an_older_answer() {
    in_random_orders("swap", false, 24, while_ann_is_removed);
}

/// A request at each of its steps during the replacement.
async fn at_each_step(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = &warm.gate;
    world.let_lists_be_fetched(gate).await;
    world.addon.app().remove(ANN);
    world.stops.hold_only(&[
        "begin",
        "collaborators answered",
        "session load",
        "set_list",
    ]);
    let mut crew = Crew::new(&world.stops, choices);
    let refresh = crew.add("the refresh", gate.refresh(&world, ANN));
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    let refresh = refresh.done().await.unwrap();
    let visit = visit.done().await.unwrap();
    assert_eq!(refresh.value, Some(false));
    none_goes_back(&[Word::of_refresh(&refresh), Word::of_visit(&visit)]);
    assert!(is_rejected(&gate.visit(&warm.ann).await));
}

#[test]
fn request_is_decided_by_one_list_in_every_order() {
    in_every_order("a swap, every order", false, 1_500, at_each_step);
}

/// Two fetches of different kinds do not wait for each other, so their answers may arrive in reverse order.
async fn while_answers_overtake_each_other(stage: &Stage, choices: &mut Choices) {
    let world = stage.world().await;
    let warm = world.warm_gate("a").await;
    let gate = &warm.gate;
    world.stops.hold_only(&["begin", "collaborators answered"]);
    let mut crew = Crew::new(&world.stops, choices);
    let word = gate.clone().send(word_of_change(&world));
    let word = crew.add("webhook of a change", word);
    let app = world.addon.app();
    let refresh = gate.refresh(&world, ANN);
    let refresh = crew.add("a refresh when ann has left", async move {
        app.remove(ANN);
        refresh.await
    });
    let visit = crew.add("a visit", gate.visit(&warm.ann));
    crew.work().await;
    assert_eq!(word.value().await.status, 204);
    let refresh = refresh.done().await.unwrap();
    let visit = visit.done().await.unwrap();
    assert_eq!(refresh.value, Some(false));
    none_goes_back(&[Word::of_refresh(&refresh), Word::of_visit(&visit)]);
    assert!(is_rejected(&gate.visit(&warm.ann).await));
}

#[test]
fn late_older_answer_is_discarded_in_every_order() {
    in_every_order(
        "overtaken answers",
        false,
        500,
        while_answers_overtake_each_other,
    );
}
