//! The list, where the public API does not reach.

use super::*;

#[test]
fn attached_apps_that_are_too_old_dispute_no_account() {
    let [own, other] = ["1", "2"].map(|end| {
        let id = format!("01234567-89ab-cdef-0123-45678901234{end}");
        id.parse::<UserId>().unwrap()
    });
    let [ann, ben] = ["ann@example.com", "ben@example.com"].map(|email| {
        let email: Email = email.parse().unwrap();
        email
    });
    let person = |email: &Email, id: &UserId| Person::new(email.clone(), Some(id.clone()), None);
    let attached = [person(&ann, &other), person(&ben, &other)];
    let list = AccessList::of_app(
        [person(&ann, &own)].into_iter().collect(),
        ListPolicy::Documented,
    )
    .with_attached(attached.into_iter().collect());
    let count = |email, id| list.entitlement(email, id, Attached::Counts);
    assert_eq!(
        count(&ann, Some(&own)).err(),
        Some(NotEntitled::OtherAccount)
    );
    assert!(count(&ben, Some(&other)).is_ok());
    let are_old = |email, id| list.entitlement(email, id, Attached::TooOld);
    let listed = are_old(&ann, Some(&own)).unwrap();
    assert_eq!(list.entry(listed).user_id(), Some(own.clone()));
    assert_eq!(are_old(&ben, Some(&other)).err(), Some(NotEntitled::TooOld));
    assert_eq!(are_old(&ben, Some(&own)).err(), Some(NotEntitled::TooOld));
}
