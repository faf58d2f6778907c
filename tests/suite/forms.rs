//! Forms with one invalid field, otherwise valid and signed: rejected without side effects and without a
//! call to Heroku.

use heroku_addon_simulator::{AddOn, Endpoint};
use support::ids::AddOnExt as _;
use tower_heroku_sso::Clock as _;

use crate::crafted::{Crafted, STRONG, WEAK};
use crate::sign_in::assert_rejected;
use support::browser::{Answer, Browser};
use support::world::World;

const PATH: &str = "/heroku/sso";

/// One add-on with a cached list, so that every later call to Heroku is caused by a form.
struct Desk {
    world: World,
    addon: AddOn,
    browser: Browser,
    salt: String,
}

impl Desk {
    async fn open() -> Self {
        let world = World::start().await;
        let addon = world.addon().await;
        world.refresh(&addon.resource_id()).await;
        world.heroku.calls().clear();
        let (browser, salt) = (world.browser(), world.heroku.sso_salt());
        Self {
            world,
            addon,
            browser,
            salt,
        }
    }

    /// Ann's form at this time.
    fn form(&self) -> Crafted {
        Crafted::of(&self.world, &self.addon, "ann@example.com")
    }

    /// The same form with one changed field, signed with that value.
    fn signed_with(&self, name: &str, value: impl AsRef<[u8]>) -> Crafted {
        self.form().with(name, value).signed(&self.salt)
    }

    async fn submit(&self, form: &Crafted) -> Answer {
        self.browser.submit_body(PATH, &form.body()).await
    }

    async fn rejects(&self, form: &Crafted) {
        self.rejects_body(&form.body()).await;
    }

    async fn rejects_body(&self, body: &str) {
        let answer = self.browser.submit_body(PATH, body).await;
        assert_rejected(&self.world, &answer, 403);
    }

    /// No form caused a call to Heroku or consumed Ann's own form.
    async fn assert_untouched(self) {
        assert_eq!(self.world.heroku.calls().count(Endpoint::Any), 0);
        assert_eq!(self.submit(&self.form()).await.status, 303);
    }
}

#[tokio::test]
async fn a1_form_without_a_token_is_rejected() {
    let desk = Desk::open().await;
    let bare = desk.form().without(STRONG).without(WEAK);
    desk.rejects(&bare).await;
    // A token under another field name is ignored.
    let weak = desk.form().get(WEAK).to_vec();
    for name in [
        "token",
        "Resource_Token",
        "resource-token",
        "resource_token ",
    ] {
        desk.rejects(&bare.clone().with(name, &weak)).await;
    }
    desk.rejects_body("").await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a2_token_that_is_not_a_hex_digest_is_rejected() {
    let desk = Desk::open().await;
    for field in [STRONG, WEAK] {
        // The weak token is considered only without the strong one.
        let form = match field {
            WEAK => desk.form().without(STRONG),
            _ => desk.form(),
        };
        let right = String::from_utf8(form.get(field).to_vec()).unwrap();
        for wrong in [
            String::new(),
            right[1..].to_owned(),
            right[2..].to_owned(),
            format!("{right}0"),
            format!("{right}00"),
            format!("{right}{right}"),
            format!(" {right}"),
            format!("{right} "),
            format!("{right}\n"),
            format!("{} {}", &right[..2], &right[3..]),
            format!("0x{}", &right[2..]),
            format!("+{}", &right[1..]),
            format!("g{}", &right[1..]),
            format!("{}\u{ff11}", &right[..right.len() - 1]),
            format!("{}\0", &right[..right.len() - 1]),
        ] {
            desk.rejects(&form.clone().with(field, wrong)).await;
        }
    }
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a5_signed_timestamp_that_is_not_plain_digits_is_rejected() {
    let desk = Desk::open().await;
    let now = desk.world.clock.now();
    let seconds = now.unix_timestamp();
    let digits = seconds.to_string();
    let arabic: String = digits
        .chars()
        .map(|digit| char::from_u32(0x660 + digit.to_digit(10).unwrap()).unwrap())
        .collect();
    for timestamp in [
        String::new(),
        format!("-{digits}"),
        "-1".to_owned(),
        format!("+{digits}"),
        "+1".to_owned(),
        format!(" {digits}"),
        format!("{digits} "),
        format!("{digits}\n"),
        format!("{digits}x"),
        format!("{digits}:"),
        format!("{digits}.0"),
        format!("{:e}", seconds as f64),
        format!("{}_{}", &digits[..4], &digits[4..]),
        format!("0x{seconds:x}"),
        format!("{seconds:x}"),
        arabic,
        "9223372036854775808".to_owned(),
        "18446744073709551616".to_owned(),
        "1".repeat(40),
        format!("{}{digits}", "0".repeat(30)),
        "2026-01-01T00:00:00Z".to_owned(),
        format!("{}", now.date()),
        (seconds * 1000).to_string(),
    ] {
        desk.rejects(&desk.signed_with("timestamp", timestamp))
            .await;
    }
    desk.rejects(&desk.form().without("timestamp")).await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a7_strong_token_is_valid_for_its_email_and_account_only() {
    let desk = Desk::open().await;
    let boss = "owner@example.com";
    let account = desk.world.heroku.accounts().id(boss).to_string();
    desk.rejects(&desk.form().with("email", boss)).await;
    desk.rejects(&desk.form().with("user_id", &account)).await;
    desk.rejects(&desk.form().with("email", boss).with("user_id", account))
        .await;
    // The hash is case-sensitive.
    desk.rejects(&desk.form().with("email", "Ann@example.com"))
        .await;
    desk.rejects(&desk.form().without("user_id")).await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a6_a8_valid_weak_token_does_not_excuse_a_wrong_strong_one() {
    let desk = Desk::open().await;
    for strong in [String::new(), "0".repeat(64), "x".to_owned()] {
        desk.rejects(&desk.form().with(STRONG, strong)).await;
    }
    // A correct first half of the strong token does not help.
    let right = String::from_utf8(desk.form().get(STRONG).to_vec()).unwrap();
    let half = format!("{}{}", &right[..32], "0".repeat(32));
    desk.rejects(&desk.form().with(STRONG, half)).await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a14_form_is_valid_for_its_own_resource_only() {
    let desk = Desk::open().await;
    // Ann is on the other list too, so that only the token can fail.
    let other = desk.world.heroku.app("other");
    let other = other.collaborator("ann@example.com").addon();
    assert_eq!(other.provision().await.unwrap().status, 200);
    desk.world.refresh(&other.resource_id()).await;
    desk.world.heroku.calls().clear();
    let other = other.resource_id().to_string();
    let moved = desk.form().with("resource_id", other);
    desk.rejects(&moved).await;
    desk.rejects(&moved.without(STRONG)).await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a15_resource_id_in_any_odd_spelling_is_rejected() {
    let desk = Desk::open().await;
    let id = desk.addon.resource_id().to_string();
    for odd in [
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        id.replace('-', ""),
        id.replace('-', "%2d"),
        id.replace('-', "%2D"),
        format!("{id}."),
        format!("{id}\0"),
        format!("{id}\n"),
        format!(" {id}"),
        format!("{id} "),
        id.replace('-', "_"),
        id.replace('-', "\u{2010}"),
        id[..35].to_owned(),
        String::new(),
    ] {
        desk.rejects(&desk.signed_with("resource_id", &odd)).await;
        let weak = desk.signed_with("resource_id", &odd).without(STRONG);
        desk.rejects(&weak).await;
    }
    // Upper case is the same resource and the same use of the form.
    let upper = desk.signed_with("resource_id", id.to_uppercase());
    assert_eq!(desk.submit(&upper).await.status, 303);
    desk.rejects(&desk.form()).await;
    assert_eq!(desk.world.heroku.calls().count(Endpoint::Any), 0);
}

#[tokio::test]
async fn a17_ambiguous_ids_and_emails_are_never_sent_to_heroku() {
    let desk = Desk::open().await;
    let id = desk.addon.resource_id().to_string();
    let account = desk
        .world
        .heroku
        .accounts()
        .id("ann@example.com")
        .to_string();
    for mark in [":", "/", "..", "%2f", "\r\n", "\0", "\\", "?", "#", "@"] {
        for value in [
            format!("{id}{mark}"),
            format!("{mark}{id}"),
            format!("{}{mark}{}", &id[..8], &id[8 + mark.len()..]),
        ] {
            desk.rejects(&desk.signed_with("resource_id", &value)).await;
        }
        let user = format!("{account}{mark}");
        desk.rejects(&desk.signed_with("user_id", &user)).await;
    }
    // These emails are invalid.
    for mark in [":", "\r\n", "\0", "@"] {
        for email in [
            format!("ann{mark}@example.com"),
            format!("ann@example.com{mark}"),
            format!("ann@example{mark}.com"),
        ] {
            desk.rejects(&desk.signed_with("email", email)).await;
        }
    }
    assert_eq!(desk.world.heroku.calls().count(Endpoint::Any), 0);
    // These are valid but on no list, so only a fetch of the list is allowed.
    for mark in ["/", "..", "%2f", "/../../apps"] {
        desk.rejects(&desk.signed_with("email", format!("ann{mark}@example.com")))
            .await;
    }
    let app = desk.addon.app().id();
    for request in desk.world.heroku.calls().requests() {
        let known = [
            format!("/addons/{id}"),
            format!("/apps/{app}"),
            format!("/apps/{app}/collaborators"),
        ];
        assert!(known.contains(&request.path), "{}", request.path);
    }
    assert_eq!(desk.submit(&desk.form()).await.status, 303);
}

#[tokio::test]
async fn a19_duplicate_or_query_fields_are_rejected() {
    let desk = Desk::open().await;
    let body = desk.form().body();
    for name in [
        "app",
        "context_app",
        "email",
        "id",
        "nav-data",
        "resource_id",
        WEAK,
        "timestamp",
        "token",
        "user_id",
        STRONG,
    ] {
        for twice in [
            format!("{name}=1&{body}&{name}=2"),
            format!("{body}&{name}=&{name}="),
            format!("{body}&{name}[]=1"),
            format!("{name}[]=1&{body}"),
            format!("{body}&{name}[0]=1"),
            format!("{body}&{name}%5B%5D=1"),
        ] {
            desk.rejects_body(&twice).await;
        }
        for query in [
            format!("{name}=1"),
            format!("x=1&{name}"),
            format!("{name}[]=1"),
        ] {
            let path = format!("{PATH}?{query}");
            let answer = desk.browser.submit_body(&path, &body).await;
            assert_rejected(&desk.world, &answer, 403);
        }
    }
    // An equal value or an escaped name is a duplicate too.
    desk.rejects_body(&format!("{body}&email=ann%40example.com"))
        .await;
    desk.rejects_body(&format!("{body}&%65mail=ann%40example.com"))
        .await;
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a21_too_many_fields_or_too_long_names_are_rejected() {
    let desk = Desk::open().await;
    let body = desk.form().body();
    for body in [
        "x=1&".repeat(10_000) + &body,
        format!("{body}{}", "&x=1".repeat(10_000)),
        format!("{}=1&{body}", "n".repeat(60_000)),
        format!("{body}&{}", "n".repeat(60_000)),
        format!("{body}&{}=1", "%41".repeat(20_000)),
    ] {
        desk.rejects_body(&body).await;
    }
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a23_malformed_encoding_in_any_field_is_rejected() {
    let desk = Desk::open().await;
    let body = desk.form().body();
    for bad in [
        "%",
        "%4",
        "%zz",
        "%+1",
        "a%",
        "%ff",
        "%c3",
        "%c0%80",
        "%ed%a0%80",
        "%ed%b0%80",
        "%f4%90%80%80",
        "%00",
        "a%00b",
    ] {
        for name in ["x", "app", "context_app", "nav-data", "id", "token"] {
            desk.rejects_body(&format!("{body}&{name}={bad}")).await;
        }
        desk.rejects_body(&format!("{body}&{bad}=1")).await;
    }
    for name in ["email", "user_id", "resource_id", "timestamp", WEAK, STRONG] {
        for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\0"] {
            let value = [desk.form().get(name), bad].concat();
            desk.rejects(&desk.form().with(name, &value)).await;
            if ![WEAK, STRONG].contains(&name) {
                desk.rejects(&desk.signed_with(name, &value)).await;
            }
        }
    }
    desk.assert_untouched().await;
}

#[tokio::test]
async fn a28_signed_email_is_trimmed_and_case_insensitive() {
    let desk = Desk::open().await;
    for spelling in ["ANN@EXAMPLE.COM", " ann@example.com", "Ann@example.com  "] {
        desk.world.clock.advance(std::time::Duration::from_secs(1));
        let answer = desk.submit(&desk.signed_with("email", spelling)).await;
        assert_eq!(answer.status, 303, "{spelling:?}");
        let page = desk.browser.get("/").await;
        assert_eq!(page.body, "dashboard of ann@example.com");
    }
    // Inner spaces and other whitespace characters are not trimmed.
    for other in [
        "ann @example.com",
        "\u{a0}ann@example.com",
        "\tann@example.com",
    ] {
        let answer = desk.submit(&desk.signed_with("email", other)).await;
        assert_eq!(answer.status, 403, "{other:?}");
    }
}

#[tokio::test]
async fn a29_invalid_or_unlisted_email_is_rejected() {
    let desk = Desk::open().await;
    desk.rejects(&desk.form().without("email")).await;
    let long = format!("{}@example.com", "a".repeat(388));
    for email in [
        "",
        " ",
        "@",
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "ann@example.com@example.com",
        "ann@evil.example@example.com",
        "ann\u{7}@example.com",
        "ann@example.com\u{85}",
        "ann\u{200b}\t@example.com",
        long.as_str(),
    ] {
        desk.rejects(&desk.signed_with("email", email)).await;
    }
    assert_eq!(desk.world.heroku.calls().count(Endpoint::Any), 0);
    // Valid but unlisted emails: an international domain, its punycode, lookalike letters.
    for email in [
        "ann@exämple.com",
        "ann@xn--exmple-cua.com",
        "\u{430}nn@example.com",
        "ann@example.com.",
        "jürgen@example.com",
    ] {
        desk.rejects(&desk.signed_with("email", email)).await;
    }
    assert_eq!(desk.submit(&desk.form()).await.status, 303);
}
