//! Heroku's JSON. The first line selects one of the GETs that the rest answers, or an error status.
#![no_main]

use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use tower_heroku_sso::access::{AccessList, Admission, People};
use tower_heroku_sso::fuzzing::heroku;
use tower_heroku_sso::heroku::HerokuError;
use tower_heroku_sso::{Email, ListPolicy};
use tower_heroku_sso_fuzz::{APP, lines, resource};

fuzz_target!(|input: &[u8]| {
    let (kind, body) = lines::first(input);
    let app = APP.parse().unwrap();
    match kind {
        b"addon" => {
            if let Ok((owner, _)) = heroku::add_on(&resource(), body) {
                assert!(is_plain(&owner.id.to_string()));
            }
        }
        b"app" => {
            if let Ok((read, team)) = heroku::app(&app, body) {
                assert_eq!(read.id, app);
                assert!(team.is_none_or(|team| is_plain(&team.id.to_string())));
            }
        }
        b"collaborators" => {
            if let Ok(people) = heroku::collaborators(&app, body) {
                check(&people);
            }
        }
        b"members" => {
            if let Ok(people) = heroku::team_members(body) {
                check(&people);
            }
        }
        b"attachments" => {
            if let Ok(apps) = heroku::attachments(&resource(), body) {
                assert!(apps.iter().all(|app| is_plain(&app.to_string())));
            }
        }
        status => no_answer(status, body),
    }
});

/// One entry per person, sorted, without pseudo-users; and a list of them contains all.
fn check(people: &People) {
    let emails: Vec<_> = people.iter().map(|person| person.email).collect();
    assert!(emails.is_sorted_by(|a, b| a < b));
    let is_pseudo_user = |email: &Email| email.as_str().ends_with("@herokumanager.com");
    assert!(!emails.iter().any(is_pseudo_user));
    let documented = AccessList::of_app(people.clone(), ListPolicy::Documented);
    let strict = AccessList::of_team_app(People::default(), people.clone(), ListPolicy::Strict);
    assert_eq!(documented.members().count(), people.len());
    for email in &emails {
        assert_eq!(email.as_str().parse().as_ref(), Ok(email));
        let admission = documented.admission(email, None);
        assert_ne!(admission, Admission::NotListed);
        if let Admission::Listed(member) = &admission {
            let id = member.user_id.as_ref();
            assert_eq!(documented.admission(email, id), admission);
            let other = "other-account".parse().unwrap();
            let by_other = documented.admission(email, Some(&other));
            assert!(id.is_none_or(|id| *id == other) || by_other == Admission::OtherAccount);
        }
        // Strict omits people, and admits only those whom the other policy admits.
        let by_strict = strict.admission(email, None);
        assert!(by_strict == Admission::NotListed || by_strict == admission);
    }
}

fn no_answer(status: &[u8], body: &[u8]) {
    let Ok(status) = StatusCode::from_bytes(status) else {
        return;
    };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(lines::first(body).0) {
        headers.insert("request-id", value);
    }
    let error = heroku::no_answer(status, &headers, body);
    let text = error.to_string();
    assert!(!text.contains(char::is_control) && text.chars().count() < 1000);
    let gone = matches!(error, HerokuError::Gone(_));
    assert_eq!(gone, status == StatusCode::GONE);
}

fn is_plain(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=64).contains(&id.len()) && id.bytes().all(plain)
}
