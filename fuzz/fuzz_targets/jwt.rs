//! Signed tokens: sessions in cookies, bearer tokens, assertions. The first line has two words: the use
//! (`cookie`, `bearer`, `assertion`), and the number of the signing key, or `as-it-is` if the second line
//! is a complete token. Otherwise the second line is the header and the rest the claims. In both, `{kid0}`
//! to `{kid2}` are the key ids and `{sid}` is an open session.
#![no_main]

use std::cell::{Cell, OnceCell};

use heroku_sso_assertion::VerifyAssertion;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower_heroku_sso::CookieSessions;
use tower_heroku_sso_fuzz::signed::Keys;
use tower_heroku_sso_fuzz::site::{self, Reached, Site};
use tower_heroku_sso_fuzz::{NOW, SLUG, ann, resource};

const ISSUER: &str = "https://addon.example.com";
const AUDIENCE: &str = "reports";
/// The default session life, in milliseconds.
const MAX_SESSION_MILLIS: i64 = 90 * 60 * 1_000;

/// A valid token of each kind: without an admitted user, rejections would prove nothing.
const RIGHT: [&str; 6] = [
    include_str!("../corpus/jwt/cookie-hs256"),
    include_str!("../corpus/jwt/cookie-es256"),
    include_str!("../corpus/jwt/bearer-eddsa"),
    include_str!("../corpus/jwt/bearer-es256"),
    include_str!("../corpus/jwt/assertion-eddsa"),
    include_str!("../corpus/jwt/assertion-es256"),
];

struct World {
    keys: Keys,
    gate: Site,
    behind: Site,
    sessions: Cell<u64>,
}

thread_local! {
    static WORLD: OnceCell<World> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    if let Ok(input) = std::str::from_utf8(input) {
        WORLD.with(|world| visit(world.get_or_init(World::new), input));
    }
});

impl World {
    fn new() -> Self {
        let keys = Keys::new();
        let verify = VerifyAssertion::with_keys(keys.public(), ISSUER, AUDIENCE)
            .map(|it| it.clock(site::clock().reader()));
        let verify = verify.expect("asymmetric keys");
        let world = Self {
            gate: Site::with(|builder| {
                let builder = builder.session_store(CookieSessions::new(keys.of_cookies()));
                builder.bearer_tokens(keys.public())
            }),
            behind: Site::behind(&verify),
            keys,
            sessions: Cell::new(0),
        };
        for token in RIGHT {
            assert!(visit(&world, token).is_some(), "{token}");
        }
        world
    }

    /// A new session id, as a session closed by one input must not affect the next.
    fn new_session(&self) -> String {
        self.sessions.set(self.sessions.get() + 1);
        format!("{:064x}", self.sessions.get())
    }
}

/// The use of a token, and its required claims.
struct Use {
    name: &'static str,
    kind: &'static str,
    issuer: &'static str,
    audience: &'static str,
}

const COOKIE_USE: Use = Use {
    name: "cookie",
    kind: "heroku-session+jwt",
    issuer: SLUG,
    audience: "acme-db:session",
};
const BEARER_USE: Use = Use {
    name: "bearer",
    kind: "heroku-bearer+jwt",
    issuer: SLUG,
    audience: "acme-db:bearer",
};
const ASSERTION_USE: Use = Use {
    name: "assertion",
    kind: "heroku-assertion+jwt",
    issuer: ISSUER,
    audience: AUDIENCE,
};

/// Whether a user was admitted.
fn visit(world: &World, input: &str) -> Option<Reached> {
    let (first, rest) = input.split_once('\n')?;
    let (sent_as, signed_by) = first.split_once(' ')?;
    let uses = [COOKIE_USE, BEARER_USE, ASSERTION_USE];
    let its_use = uses.into_iter().find(|it| it.name == sent_as)?;
    let (second, claims) = rest.split_once('\n').unwrap_or((rest, ""));
    let signed = match signed_by.parse() {
        Ok(number) => {
            let header = world.keys.name(second);
            let claims = world.keys.name(claims);
            let claims = claims.replace("{sid}", &world.new_session());
            let token = world.keys.sign(number, &header, &claims)?;
            Some((token, number, header, claims))
        }
        Err(_) => None,
    };
    let token = signed.as_ref().map_or(second, |(token, ..)| token);
    let answer = send(world, &its_use, token);
    let reached = answer.extensions().get::<Reached>().cloned();
    assert_eq!(reached.is_some(), answer.status() == StatusCode::OK);
    let reached = reached?;
    let (_, number, header, claims) = signed.expect("only the keys sign");
    check(world, &its_use, number, &header, &claims, &reached);
    Some(reached)
}

fn send(world: &World, its_use: &Use, token: &str) -> http::Response<()> {
    let (site, name, value) = match its_use.name {
        "cookie" => (&world.gate, COOKIE, format!("__Host-heroku_sso={token}")),
        "bearer" => (&world.gate, AUTHORIZATION, format!("Bearer {token}")),
        _ => {
            let name = HeaderName::from_static("x-heroku-sso-assertion");
            (&world.behind, name, token.to_owned())
        }
    };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
    site.get(Uri::from_static("/"), headers)
}

/// Checks an admitted token with another JSON parser.
fn check(
    world: &World,
    its_use: &Use,
    number: usize,
    header: &str,
    claims: &str,
    reached: &Reached,
) {
    let (Some(header), Some(claims)) = (value(header), value(claims)) else {
        return;
    };
    let (id, algorithm) = world.keys.named(number);
    assert_eq!(
        (&header["kid"], &header["alg"]),
        (&id.into(), &algorithm.into())
    );
    assert_eq!(header["typ"], its_use.kind);
    assert!(
        number > 0 || its_use.name == "cookie",
        "a secret is for cookies only"
    );
    assert!(header.get("crit").is_none_or(Value::is_null));

    assert_eq!(claims["iss"], its_use.issuer);
    assert_eq!(claims["aud"], its_use.audience);
    let end = claims["exp"].as_i64().expect("an end is a whole number");
    let now = NOW.unix_timestamp();
    let leeway = if its_use.name == "assertion" { 5 } else { 0 };
    assert!(end.saturating_add(leeway) > now);
    if let Some(begins) = claims.get("nbf").filter(|begins| !begins.is_null()) {
        let begins = begins.as_i64().expect("a beginning is a whole number");
        assert!(begins.saturating_sub(leeway) <= now);
    }
    let person = if its_use.name == "assertion" {
        &claims
    } else {
        &claims["grant"]
    };
    let email = person["email"].as_str().expect("an email is text");
    if its_use.name != "assertion" {
        assert!(reached.email.eq_ignore_ascii_case(email.trim_matches(' ')));
        assert_eq!(reached.email, ann().as_str(), "only she is on the list");
        assert_eq!(reached.resource, resource());
        let began = person["began"].as_i64().expect("a session has begun");
        let lasts = now.saturating_mul(1_000).saturating_sub(began);
        assert!(lasts < MAX_SESSION_MILLIS, "it is over");
        assert_eq!(person["version"], 3);
    } else {
        assert_eq!(reached.email, email);
    }
}

/// None if a number is beyond every float: it is JSON, and the gate ignores it in a claim that it does not read.
fn value(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Err(error) if error.to_string().starts_with("number out of range") => None,
        parsed => Some(parsed.expect("a header and claims are JSON")),
    }
}
