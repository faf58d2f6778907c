use super::super::Role;
use super::*;

fn id(text: &str) -> Account {
    Account::Known(text.parse().unwrap())
}

/// In order of email.
fn people(emails: &[&str]) -> Vec<Person> {
    let person = |email: &&str| Person::new(email.parse().unwrap(), None, Some(Role::Member));
    let mut people: Vec<_> = emails.iter().map(person).collect();
    people.sort_by(|a, b| a.email.cmp(&b.email));
    people
}

fn assert_unchanged(packed: &Packed, people: &[Person]) {
    assert_eq!(packed.len(), people.len());
    for (place, person) in people.iter().enumerate() {
        assert_eq!(packed.find(person.email.as_str()), Some(place));
        assert_eq!(packed.email(place), person.email);
        assert_eq!(packed.account(place), person.account);
        assert_eq!(*packed.privileges(place), person.privileges);
    }
    assert_eq!(*packed, Packed::new(people.to_vec()));
}

fn text(packed: &Packed) -> &str {
    match packed {
        Packed::Small(small) => {
            str::from_utf8(&small.bytes[small.people as usize * ROW..]).unwrap()
        }
        Packed::Large(_) => panic!("the details fit"),
    }
}

#[test]
fn packed_people_are_found_and_read_unchanged() {
    let uuids = [
        id("01234567-89ab-cdef-0123-456789abcdef"),
        id("00000000-0000-0000-0000-000000000000"),
        id("ffffffff-ffff-ffff-ffff-ffffffffffff"),
    ];
    let [a, b, c] = uuids;
    let small = [Account::Unknown, Account::Disputed, a, b, c];
    let text = [id("account_7")];
    let admin = Privileges::of(Some(Role::Admin)).shared();
    // As if there were no number left for it.
    let unnumbered = Arc::new(Privileges::of(Some(Role::from("without-number"))));
    for (accounts, last, is_small) in [
        (&small[..], &admin, true),
        (&text[..], &admin, false),
        (&small[..], &unnumbered, false),
    ] {
        let people: Vec<_> = (0..24)
            .map(|number| Person {
                email: format!("person-{number:02}@example.com").parse().unwrap(),
                account: accounts[number % accounts.len()].clone(),
                privileges: Arc::clone(if number < 23 { &admin } else { last }),
            })
            .collect();
        let packed = Packed::new(people.clone());
        assert_eq!(matches!(packed, Packed::Small(_)), is_small);
        assert_unchanged(&packed, &people);
        for absent in ["", "a@b", "person-07@example.co", "z@example.com"] {
            assert_eq!(packed.find(absent), None);
        }
    }
}

#[test]
fn common_domain_is_stored_once() {
    let people = people(&["ann@example.com", "ben@example.com", "cat@example.com"]);
    let packed = Packed::new(people.clone());
    assert_eq!(text(&packed), "@example.comannbencat");
    assert_unchanged(&packed, &people);
    for absent in [
        "ann",
        "ann@",
        "ann@example.co",
        "ann@example.com.au",
        "ann@example.org",
        "an@example.com",
        "anna@example.com",
        "@example.com",
    ] {
        assert_eq!(packed.find(absent), None, "{absent}");
    }
}

#[test]
fn people_of_other_domains_are_among_the_rest() {
    let people = people(&[
        "ann@example.com",
        "ann@example.org",
        "ben@example.com",
        "ben@a.example.com",
        "cat@example.com",
        "dan@example.co",
        "dan@example.com",
    ]);
    let packed = Packed::new(people.clone());
    assert!(text(&packed).starts_with("@example.comannann@"));
    assert_unchanged(&packed, &people);
    for absent in ["ann@example.co", "cat@example.org", "dan@a.example.com"] {
        assert_eq!(packed.find(absent), None, "{absent}");
    }
}

#[test]
fn each_person_may_have_another_domain() {
    let people = people(&["ann@a.com", "ben@b.com", "cat@c.com", "dan@d.com"]);
    assert_unchanged(&Packed::new(people.clone()), &people);
}

#[test]
fn order_is_that_of_the_whole_emails() {
    // Alone, `a` would be before `a-b` and `a.b`; with its `@` it is after them.
    let people = people(&["a@x.com", "a.b@x.com", "a-b@x.com", "ab@x.com", "a@y.com"]);
    let emails: Vec<_> = people.iter().map(|it| it.email.as_str()).collect();
    let ordered = ["a-b@x.com", "a.b@x.com", "a@x.com", "a@y.com", "ab@x.com"];
    assert_eq!(emails, ordered);
    assert_unchanged(&Packed::new(people.clone()), &people);
}

#[test]
fn letters_outside_ascii_are_found() {
    let people = people(&["jürgen@example.com", "jurgen@example.com", "ü@ü.example"]);
    let packed = Packed::new(people.clone());
    assert_unchanged(&packed, &people);
    // Shorter than a stored local part, and longer, with the ends inside of characters.
    for absent in ["j", "jü", "ju\u{300}rgen", "ü"] {
        assert_eq!(packed.find(absent), None, "{absent}");
    }
}
