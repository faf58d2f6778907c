//! Single cases of [`decide`](super::decide::decide) about people of attached apps.

#![cfg(test)]

use std::time::Duration;

use super::decide::{Asked, AttachedState, Decision, Needed};
use super::decide_cases::Answer::{Allow, Needs, NotListed, Unavailable};
use super::decide_cases::{Question, YOUNG, failed, request, sign_in, stored};
use super::decide_properties::{LIMITS, LIST, ann, list_with_attached};
use crate::access::{AttachedPeople, People, Person};

/// For how long the list of [`request`] decides: up to and including `refresh_interval`.
const BY_THE_LIST: Duration = Duration::from_millis(200_001);
const SHORTER: Duration = Duration::from_secs(7);
const LONGER: Duration = Duration::from_secs(300);

/// Which lists have Ann, and when Heroku was asked about attached apps.
#[derive(Clone, Copy)]
struct Lists {
    own_has_ann: bool,
    attached_has_ann: bool,
    is_partial: bool,
    /// The sequence number of the answer about attached apps.
    attached: i64,
}

const WITHOUT_ANN: Lists = Lists {
    own_has_ann: false,
    attached_has_ann: false,
    is_partial: false,
    attached: LIST,
};
const ONLY_ATTACHED: Lists = Lists {
    attached_has_ann: true,
    ..WITHOUT_ANN
};
const ON_BOTH: Lists = Lists {
    own_has_ann: true,
    ..ONLY_ATTACHED
};

impl Question {
    fn with(mut self, lists: Lists, state: AttachedState) -> Self {
        let people = |has_ann: bool| -> People {
            let ann = has_ann.then(|| Person::new(ann(), None, None));
            ann.into_iter().collect()
        };
        let mut attached = AttachedPeople::new(people(lists.attached_has_ann), Vec::new());
        attached.sequence = lists.attached;
        let own = people(lists.own_has_ann);
        self.facts.list = Some(list_with_attached(own, attached, lists.is_partial));
        self.facts.attached = state;
        self
    }

    fn valid_for(&self) -> Duration {
        match self.decision(&Asked::Nothing) {
            Decision::Allow(allowed) => allowed.valid_for,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn attached_person_is_admitted_while_both_parts_count() {
    for (lists, left, valid_for) in [
        (ONLY_ATTACHED, SHORTER, SHORTER),
        (ONLY_ATTACHED, LONGER, BY_THE_LIST),
        (ON_BOTH, SHORTER, BY_THE_LIST),
    ] {
        let request = request(YOUNG).with(lists, AttachedState::Counts { left });
        assert_eq!(request.valid_for(), valid_for);
    }
    assert_eq!(
        BY_THE_LIST,
        LIMITS.refresh_interval - YOUNG + Duration::from_millis(1)
    );
}

#[test]
fn old_answer_about_attached_apps_asks_the_store_first() {
    let request = || {
        let too_old = AttachedState::TooOld { may_ask: true };
        request(YOUNG).with(ONLY_ATTACHED, too_old)
    };
    let attached = Needed::Attached { force: false };
    assert_eq!(request().first(), Needs(attached));
    let newer = request().of_another_process();
    assert_eq!(newer.first(), Needs(Needed::Stored));
    assert_eq!(newer.answer(&stored()), Needs(attached));
    assert_eq!(newer.answer(&Asked::Store(failed())), Unavailable);
}

#[test]
fn partial_list_asks_for_attached_apps_only_without_an_answer() {
    let partial = Lists {
        is_partial: true,
        ..WITHOUT_ANN
    };
    let newest = Asked::Heroku(Needed::Newest, None);
    let missing = AttachedState::Missing { may_ask: true };
    let attached = Needed::Attached { force: false };
    let never = sign_in(YOUNG).with(partial, missing);
    assert_eq!(never.answer(&newest), Needs(attached));
    let answered = Asked::Heroku(attached, None);
    let known = AttachedState::Counts { left: LONGER };
    let withheld = sign_in(YOUNG).with(partial, known);
    assert_eq!(withheld.answer(&answered), Unavailable);
    assert_eq!(withheld.first(), Unavailable);
}

#[test]
fn sign_in_is_denied_by_an_answer_no_older_than_the_newest_list() {
    let newest = Asked::Heroku(Needed::Newest, None);
    for (attached, answer) in [
        (LIST - 1, Needs(Needed::Attached { force: true })),
        (LIST, NotListed),
        (LIST + 1, NotListed),
    ] {
        let lists = Lists {
            attached,
            ..WITHOUT_ANN
        };
        let sign_in = sign_in(YOUNG).with(lists, AttachedState::Counts { left: LONGER });
        assert_eq!(sign_in.answer(&newest), answer, "{attached}");
    }
    let since = sign_in(YOUNG).with(ONLY_ATTACHED, AttachedState::Counts { left: LONGER });
    assert_eq!(since.answer(&newest), Allow);
}
