//! Verification of the SSO request, as a pure function without a server.

use std::time::Duration;

use time::OffsetDateTime;
use tower_heroku_sso::sso::{SignedResource, SsoError, SsoRequest, VerifiedSso, Verifier, token};
use tower_heroku_sso::{Proof, SsoPolicy, SsoSalt, sso};

const RESOURCE: &str = "01234567-89ab-cdef-0123-456789abcdef";
const SALT: &str = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";
const TIME: i64 = 1_267_597_772;
const USER: &str = "fedcba98-7654-3210-fedc-ba9876543210";
const EMAIL: &str = "username@example.com";

fn verifier() -> Verifier {
    Verifier::new([SsoSalt::new(SALT).unwrap()])
}

/// A form with both version 3 tokens, valid for its fields.
#[derive(Clone)]
struct Form(Vec<(&'static str, String)>);

impl Form {
    fn new() -> Self {
        Self::with(RESOURCE, &TIME.to_string(), USER, EMAIL)
    }

    fn with(resource: &str, timestamp: &str, user: &str, email: &str) -> Self {
        let strong = token::user_scoped_resource(resource, SALT, timestamp, user, email);
        let weak = token::resource(resource, SALT, timestamp);
        Self(vec![
            ("resource_id", resource.to_owned()),
            ("timestamp", timestamp.to_owned()),
            ("user_id", user.to_owned()),
            ("email", email.to_owned()),
            ("resource_token", token::hex(&weak)),
            ("user_scoped_resource_token", token::hex(&strong)),
        ])
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self = self.without(name);
        self.0.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    fn verify(&self, verifier: &Verifier, now: i64) -> Result<VerifiedSso, SsoError> {
        let encode =
            |value: &str| -> String { value.bytes().map(|b| format!("%{b:02x}")).collect() };
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(k, v)| format!("{k}={}", encode(v)))
            .collect();
        let request = SsoRequest::parse(pairs.join("&").as_bytes())?;
        verifier.verify(&request, OffsetDateTime::from_unix_timestamp(now).unwrap())
    }

    fn rejected(&self) -> SsoError {
        self.verify(&verifier(), TIME).expect_err("to be rejected")
    }
}

#[test]
fn version_1_token_matches_published_vectors() {
    // The first is from Heroku's article, the others from the tests of its sample code.
    for (id, salt, timestamp, digest) in [
        (
            "123",
            SALT,
            "1267597772",
            "bb466eb1d6bc345d11072c3cd25c311f21be130d",
        ),
        (
            "1",
            "SSO_SALT",
            "1262304000",
            "b6010f6fbb850887a396c2bc0ab23974003008f6",
        ),
        (
            "123",
            "salty",
            "567",
            "8bcafa70e186a8f9b85a1c93f3b6b0507748ec7a",
        ),
    ] {
        assert_eq!(token::hex(&token::v1(id, salt, timestamp)), digest);
    }
}

#[test]
fn sha1_resource_token_matches_sha1sum() {
    for (timestamp, digest) in [
        ("1267597772", "7659cc00fc08ff8b7bb76cd8c9762bcf528b4173"),
        ("1267598019", "008f37f17a585b76355bbf728d032f6c6d761173"),
    ] {
        let token = token::resource(RESOURCE, SALT, timestamp);
        assert_eq!(token::hex(&token), digest);
    }
}

/// Heroku publishes no SHA-256 vector; these were computed with `sha256sum`.
#[test]
fn sha256_token_matches_sha256sum() {
    for (timestamp, email, digest) in [
        (
            "1267597772",
            EMAIL,
            "6e6a13c698ac11bddc07e678f423da6998ea06fd6d319acc346096032040e4e1",
        ),
        (
            "1267597772",
            "Username@Example.com",
            "b1094d492211cfd3fddc4bbf0e5d75416572b53a3a6b308f38c592e618fc8a6c",
        ),
        (
            "1267597772",
            "user+tag@example.com",
            "5cd19a1f62702f24d953e13c2206de8d05082061eb36463968f1eec606d67e87",
        ),
        (
            "1267597772",
            "jürgen@example.com",
            "144f9b2cab378336250abb109d116b2c53ab5c2aa60d0af6ba6c1e10e8488487",
        ),
        (
            "1267597772",
            "",
            "012de5385ec5742386b7e23d6ad28df6d0f580076e72e0cd352b45113ad20e5e",
        ),
        (
            "1267598057",
            EMAIL,
            "0064bab41fca5531cb07c6b8b46881ab41aa517d35a5beddb053889278d43a15",
        ),
    ] {
        let token = token::user_scoped_resource(RESOURCE, SALT, timestamp, USER, email);
        assert_eq!(token::hex(&token), digest, "{email}");
    }
}

#[test]
fn user_scoped_token_proves_the_email() {
    let verified = Form::new().verify(&verifier(), TIME).unwrap();
    assert_eq!(verified.proof, Proof::SignedEmail);
    assert_eq!(verified.email.as_str(), EMAIL);
    assert_eq!(verified.user_id.unwrap().to_string(), USER);
    let expected = SignedResource::Resource(RESOURCE.parse().unwrap());
    assert_eq!(verified.resource, expected);
}

#[test]
fn resource_token_leaves_the_email_unsigned() {
    let form = Form::new().without("user_scoped_resource_token");
    let lax = verifier().policy(SsoPolicy::AllowUnsignedEmail);
    let verified = form.set("email", "other@example.com").verify(&lax, TIME);
    assert_eq!(verified.unwrap().proof, Proof::UnsignedEmail);
}

#[test]
fn a2_a6_a8_wrong_strong_token_is_rejected_beside_a_valid_weak() {
    let right = token::hex(&token::user_scoped_resource(
        RESOURCE,
        SALT,
        "1267597772",
        USER,
        EMAIL,
    ));
    let wrong = [
        String::new(),
        " ".into(),
        "0".repeat(64),
        right[..62].to_owned(),
        format!("{right}00"),
        format!("{right} "),
        format!("0x{}", &right[2..]),
        right.replace(|c: char| c.is_ascii_hexdigit(), "g"),
    ];
    for token in &wrong {
        let form = Form::new().set("user_scoped_resource_token", token);
        assert!(form.verify(&verifier(), TIME).is_err(), "{token:?}");
    }
}

/// The error does not reveal how much of a guess was correct.
#[test]
fn a27_nearly_correct_token_gets_the_same_error() {
    let strong = token::user_scoped_resource(RESOURCE, SALT, "1267597772", USER, EMAIL);
    let weak = token::resource(RESOURCE, SALT, "1267597772");
    for (field, right) in [
        ("user_scoped_resource_token", &strong[..]),
        ("resource_token", &weak[..]),
    ] {
        let form = match field {
            "resource_token" => Form::new().without("user_scoped_resource_token"),
            _ => Form::new(),
        };
        let half = right.len() / 2;
        let mut wrong = vec![vec![0; right.len()]];
        for flipped in [0, half, right.len() - 1] {
            let mut guess = right.to_vec();
            guess[flipped] ^= 1;
            wrong.push(guess);
        }
        wrong.push([&right[..half], &vec![0; right.len() - half]].concat());
        for guess in wrong {
            let rejected = form.clone().set(field, &token::hex(&guess)).rejected();
            assert_eq!(rejected, SsoError::TokenMismatch { field });
        }
    }
}

#[test]
fn a7_rejects_a_token_with_changed_email_or_account() {
    let mismatch = SsoError::TokenMismatch {
        field: "user_scoped_resource_token",
    };
    assert_eq!(
        Form::new().set("email", "boss@example.com").rejected(),
        mismatch
    );
    let other = USER.replace('f', "e");
    assert_eq!(Form::new().set("user_id", &other).rejected(), mismatch);
}

#[test]
fn a14_rejects_a_token_of_another_resource() {
    let other = RESOURCE.replace("0123", "3210");
    assert!(matches!(
        Form::new().set("resource_id", &other).rejected(),
        SsoError::TokenMismatch { .. }
    ));
}

#[test]
fn a1_rejects_a_form_without_any_token() {
    let form = Form::new()
        .without("resource_token")
        .without("user_scoped_resource_token");
    assert_eq!(form.rejected(), SsoError::NoToken);
}

#[test]
fn a3_accepts_a_token_up_to_the_age_limit() {
    assert!(Form::new().verify(&verifier(), TIME + 300).is_ok());
    let age = Duration::from_secs(301);
    let late = Form::new().verify(&verifier(), TIME + 301);
    assert_eq!(late.unwrap_err(), SsoError::TimestampStale { age });
}

#[test]
fn a4_accepts_a_clock_up_to_a_minute_ahead() {
    assert!(Form::new().verify(&verifier(), TIME - 60).is_ok());
    let ahead = Duration::from_secs(61);
    let early = Form::new().verify(&verifier(), TIME - 61);
    assert_eq!(early.unwrap_err(), SsoError::TimestampAhead { ahead });
}

#[test]
fn age_and_skew_limits_are_configurable() {
    let narrow = verifier()
        .max_age(Duration::from_secs(120))
        .max_skew(Duration::ZERO);
    assert!(Form::new().verify(&narrow, TIME + 120).is_ok());
    assert!(Form::new().verify(&narrow, TIME + 121).is_err());
    assert!(Form::new().verify(&narrow, TIME - 1).is_err());
}

#[test]
fn a5_rejects_a_timestamp_with_anything_but_digits() {
    for timestamp in [
        "",
        "-1",
        "+1267597772",
        " 1267597772",
        "1267597772 ",
        "1267597772x",
        "1267597772.0",
        "0x4b8df20c",
        "١٢٦٧٥٩٧٧٧٢",
        "9223372036854775808",
        "2010-03-03T06:29:32Z",
        "1267597772\u{80}",
        "1267597772\n",
    ] {
        let form = Form::with(RESOURCE, timestamp, USER, EMAIL);
        let malformed = SsoError::MalformedField { field: "timestamp" };
        assert_eq!(form.rejected(), malformed, "{timestamp:?}");
    }
    let long = "1".repeat(40);
    assert!(
        Form::with(RESOURCE, &long, USER, EMAIL)
            .verify(&verifier(), TIME)
            .is_err()
    );
    // Milliseconds are digits, but far in the future.
    let millis = Form::with(RESOURCE, "126759777200", USER, EMAIL);
    assert!(matches!(millis.rejected(), SsoError::TimestampAhead { .. }));
}

#[test]
fn leading_zeros_are_hashed_as_sent() {
    let form = Form::with(RESOURCE, "01267597772", USER, EMAIL);
    assert!(form.verify(&verifier(), TIME).is_ok());
    assert!(
        form.set("timestamp", "1267597772")
            .verify(&verifier(), TIME)
            .is_err()
    );
}

#[test]
fn a15_a17_rejects_ambiguous_ids() {
    for id in [
        "",
        "{01234567-89ab-cdef-0123-456789abcdef}",
        "0123456789abcdef0123456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdef.",
        "01234567%2d89ab-cdef-0123-456789abcdef",
        "../apps",
        "a:b",
    ] {
        let form = Form::with(id, "1267597772", USER, EMAIL);
        let malformed = SsoError::MalformedField {
            field: "resource_id",
        };
        assert_eq!(form.rejected(), malformed, "{id:?}");
    }
    for user in ["", "a:b", "a/b", "..", "a b", "a\r\nb", "é"] {
        let form = Form::with(RESOURCE, "1267597772", user, EMAIL);
        let malformed = SsoError::MalformedField { field: "user_id" };
        assert_eq!(form.rejected(), malformed, "{user:?}");
    }
}

#[test]
fn a15_upper_case_id_has_the_same_resource_and_replay_key() {
    let lower = Form::new().verify(&verifier(), TIME).unwrap();
    let form = Form::with(&RESOURCE.to_uppercase(), "1267597772", USER, EMAIL);
    let upper = form.verify(&verifier(), TIME).unwrap();
    assert_eq!(upper.resource, lower.resource);
    assert_eq!(upper.replay_key(), lower.replay_key());
}

#[test]
fn a29_rejects_a_missing_or_invalid_email() {
    assert_eq!(
        Form::new().without("email").rejected(),
        SsoError::MissingField { field: "email" }
    );
    let long = format!("{}@example.com", "a".repeat(400));
    for email in ["", "@", "a@b@c", "a", "a@b\r\nc", "a:b@c", long.as_str()] {
        let form = Form::with(RESOURCE, "1267597772", USER, email);
        assert_eq!(
            form.rejected(),
            SsoError::MalformedField { field: "email" },
            "{email:?}"
        );
    }
}

#[test]
fn a28_signed_email_is_normalized() {
    let form = Form::with(RESOURCE, "1267597772", USER, " Username@Example.com ");
    let verified = form.verify(&verifier(), TIME).unwrap();
    assert_eq!(verified.email.as_str(), EMAIL);
}

#[test]
fn hex_case_does_not_change_the_replay_key() {
    let lower = Form::new();
    let upper = token::user_scoped_resource(RESOURCE, SALT, "1267597772", USER, EMAIL);
    let upper = Form::new().set(
        "user_scoped_resource_token",
        &token::hex(&upper).to_uppercase(),
    );
    let (lower, upper) = (
        lower.verify(&verifier(), TIME).unwrap(),
        upper.verify(&verifier(), TIME).unwrap(),
    );
    assert_eq!(lower.replay_key(), upper.replay_key());
}

#[test]
fn both_salts_are_valid_during_a_rotation() {
    let next = SsoSalt::new("the-next-salt-0123456789").unwrap();
    let both = Verifier::new([next.clone(), SsoSalt::new(SALT).unwrap()]);
    assert!(Form::new().verify(&both, TIME).is_ok());
    assert!(Form::new().verify(&Verifier::new([next]), TIME).is_err());
    assert!(Form::new().verify(&Verifier::new([]), TIME).is_err());
}

#[test]
fn c7_sha1_token_alone_is_rejected_naming_the_policy() {
    assert!(Form::new().verify(&verifier(), TIME).is_ok());
    let weak = Form::new().without("user_scoped_resource_token");
    let excluded = SsoError::PolicyExcludes {
        field: "resource_token",
        needed: SsoPolicy::AllowUnsignedEmail,
    };
    assert_eq!(weak.rejected(), excluded);
    // An invalid form gets its own error, not the policy's.
    let wrong = weak.clone().set("resource_token", &"0".repeat(40));
    let field = "resource_token";
    assert_eq!(wrong.rejected(), SsoError::TokenMismatch { field });
    let late = weak.verify(&verifier(), TIME + 301).unwrap_err();
    assert!(matches!(late, SsoError::TimestampStale { .. }));
}

/// Partners store them, from `/whoami` and from audit events.
#[test]
fn proofs_keep_their_names() {
    for (proof, name) in [
        (Proof::SignedEmail, "signed_email"),
        (Proof::UnsignedEmail, "unsigned_email"),
        (Proof::OwnLogin, "own_login"),
    ] {
        assert_eq!(proof.as_str(), name);
    }
}

#[test]
fn policies_parse_and_print_their_variable_values() {
    let policies = [
        (SsoPolicy::UserScoped, "user-scoped"),
        (SsoPolicy::AllowUnsignedEmail, "allow-unsigned-email"),
        (SsoPolicy::Legacy, "legacy"),
    ];
    assert_eq!(SsoPolicy::default(), SsoPolicy::UserScoped);
    for (policy, name) in policies {
        assert_eq!(policy.to_string(), name);
        assert_eq!(name.parse(), Ok(policy));
    }
    for other in ["", "v3", "user-scoped-only", "Legacy"] {
        assert!(other.parse::<SsoPolicy>().is_err(), "{other}");
    }
}

/// Heroku sends `id` and `token` beside the newer ones; for a resource that never had an `id`, it may
/// be anything.
#[test]
fn c38_odd_id_beside_a_stronger_token_is_ignored() {
    let legacy = verifier().policy(SsoPolicy::Legacy);
    for id in ["", " ", "a b", "../x", "a:b", "é", &"x".repeat(1000)] {
        for (form, proof) in [
            (Form::new(), Proof::SignedEmail),
            (
                Form::new().without("user_scoped_resource_token"),
                Proof::UnsignedEmail,
            ),
        ] {
            let form = form.set("id", id).set("token", "odd");
            let verified = form.verify(&legacy, TIME).unwrap();
            assert_eq!(verified.proof, proof, "{id:?}");
            // Such an id proves nothing, so no replay key is stored for it.
            let legacy_uses = verified.weaker_replay_keys().iter();
            assert!(
                !legacy_uses
                    .map(ToString::to_string)
                    .any(|key| key.contains("v1"))
            );
        }
        let alone = Form(vec![
            ("id", id.into()),
            ("timestamp", "1267597772".into()),
            ("token", token::hex(&token::v1(id, SALT, "1267597772"))),
            ("email", EMAIL.into()),
        ]);
        assert!(alone.verify(&legacy, TIME).is_err(), "{id:?}");
    }
}

/// The reverse: the fields of a newer token are ignored for an older one.
#[test]
fn c38_odd_resource_id_beside_a_version_1_token_is_ignored() {
    let legacy = verifier().policy(SsoPolicy::Legacy);
    let form = Form(vec![
        ("id", "123".into()),
        ("timestamp", "1267597772".into()),
        ("token", token::hex(&token::v1("123", SALT, "1267597772"))),
        ("email", EMAIL.into()),
        ("resource_id", String::new()),
    ]);
    assert!(form.verify(&legacy, TIME).is_ok());
}

#[test]
fn a16_version_1_token_is_valid_only_under_the_legacy_policy() {
    let form = Form(vec![
        ("id", "123".into()),
        ("timestamp", "1267597772".into()),
        ("token", "bb466eb1d6bc345d11072c3cd25c311f21be130d".into()),
        ("email", EMAIL.into()),
    ]);
    let excluded = SsoError::PolicyExcludes {
        field: "token",
        needed: SsoPolicy::Legacy,
    };
    assert_eq!(form.rejected(), excluded);
    let lax = verifier().policy(SsoPolicy::AllowUnsignedEmail);
    assert_eq!(form.verify(&lax, TIME).unwrap_err(), excluded);
    let legacy = verifier().policy(SsoPolicy::Legacy);
    let verified = form.verify(&legacy, TIME).unwrap();
    assert_eq!(verified.proof, Proof::UnsignedEmail);
    assert_eq!(
        verified.resource,
        SignedResource::Legacy("123".parse().unwrap())
    );
    assert!(form.set("id", "124").verify(&legacy, TIME).is_err());
}

#[test]
fn strong_sign_in_consumes_the_weaker_tokens_of_its_form() {
    let lax = verifier().policy(SsoPolicy::AllowUnsignedEmail);
    let strong = Form::new().verify(&lax, TIME).unwrap();
    let weak = Form::new().without("user_scoped_resource_token");
    let weak = weak.verify(&lax, TIME).unwrap();
    assert_eq!(strong.weaker_replay_keys(), [weak.replay_key().clone()]);
    assert_ne!(strong.replay_key(), weak.replay_key());
    assert!(weak.weaker_replay_keys().is_empty());
}

/// With an id of the provider's own, whose token is another one than `resource_token`.
#[test]
fn strong_sign_in_consumes_the_version_1_token_where_it_counts() {
    let form = Form::new().set("id", "123");
    let form = form.set("token", &token::hex(&token::v1("123", SALT, "1267597772")));
    let legacy = verifier().policy(SsoPolicy::Legacy);
    let alone = form.clone().without("user_scoped_resource_token");
    let alone = alone.without("resource_token").verify(&legacy, TIME);
    let alone = alone.unwrap().replay_key().clone();
    for strongest in ["user_scoped_resource_token", "resource_token"] {
        let form = match strongest {
            "resource_token" => form.clone().without("user_scoped_resource_token"),
            _ => form.clone(),
        };
        let verified = form.verify(&legacy, TIME).unwrap();
        let weaker = verified.weaker_replay_keys();
        assert!(weaker.contains(&alone), "{strongest}");
    }
    // A policy that does not accept the token need not remember it.
    let strict = form.verify(&verifier(), TIME).unwrap();
    assert!(!strict.weaker_replay_keys().contains(&alone));
}

/// Stores contain these keys: a changed format would let forms that were used before an update pass again.
#[test]
fn replay_keys_keep_their_stored_text() {
    let strong = Form::new().verify(&verifier(), TIME).unwrap();
    assert_eq!(
        strong.replay_key().to_string(),
        format!("user-scoped:{RESOURCE}:1267597772:{USER}")
    );
    assert_eq!(
        strong.weaker_replay_keys()[0].to_string(),
        format!("resource:{RESOURCE}:1267597772")
    );
    let legacy = verifier().policy(SsoPolicy::Legacy);
    let form = Form(vec![
        ("id", "Ab-1".into()),
        ("timestamp", "1267597772".into()),
        ("token", token::hex(&token::v1("Ab-1", SALT, "1267597772"))),
        ("email", "ann@example.com".into()),
    ]);
    let old = form.verify(&legacy, TIME).unwrap();
    assert_eq!(old.replay_key().to_string(), "v1:Ab-1:1267597772");
}

/// The formulas of `resource_token` and of version 1's `token` are one: for an add-on whose own id is
/// the UUID, as version 3 of the Partner API has it, the digests are equal.
#[test]
fn resource_token_and_equal_version_1_token_share_a_replay_key() {
    let legacy = verifier().policy(SsoPolicy::Legacy);
    let strong = Form::new().verify(&legacy, TIME).unwrap();
    let token = token::hex(&token::resource(RESOURCE, SALT, "1267597772"));
    for id in [RESOURCE.to_owned(), RESOURCE.to_uppercase()] {
        let token = match id == RESOURCE {
            true => token.clone(),
            false => token::hex(&token::v1(&id, SALT, "1267597772")),
        };
        let again = Form(vec![
            ("id", id),
            ("timestamp", "1267597772".into()),
            ("token", token),
            ("email", "boss@example.com".into()),
        ]);
        let again = again.verify(&legacy, TIME).unwrap();
        assert_eq!(strong.weaker_replay_keys(), [again.replay_key().clone()]);
    }
}

#[test]
fn errors_and_debug_output_contain_no_request_values() {
    let request = SsoRequest::parse(b"email=ann%40example.com&resource_token=abc").unwrap();
    assert_eq!(format!("{request:?}"), r#"{"email", "resource_token"}"#);
    let error: sso::SsoError = Form::new().set("email", "boss@example.com").rejected();
    assert!(!format!("{error} {error:?}").contains("boss"));
}

#[test]
fn addon_sso_header_is_limited_to_16_kib() {
    use base64::Engine;

    let header = |length: usize| {
        let answer = r#"{"action":"x","method":"POST","params":{"email":"ann@example.com"}}"#;
        let answer = format!("{answer:<length$}");
        base64::engine::general_purpose::STANDARD.encode(answer)
    };
    let (longest, longer) = (header(12 * 1024), header(12 * 1024 + 3));
    assert_eq!((longest.len(), longer.len()), (16 * 1024, 16 * 1024 + 4));
    assert!(SsoRequest::from_addon_sso(longest.as_bytes()).is_ok());
    let rejected = SsoRequest::from_addon_sso(longer.as_bytes()).unwrap_err();
    assert_eq!(rejected, SsoError::MalformedHeader);
}

#[test]
fn duplicate_salt_is_accepted() {
    let salt = SsoSalt::new(SALT).unwrap();
    let twice = Verifier::new([salt.clone(), salt]);
    assert!(Form::new().verify(&twice, TIME).is_ok());
}

#[test]
fn invalid_context_app_is_omitted() {
    let longest = "a".repeat(64);
    for (name, is_one) in [
        ("shop-1", true),
        ("ab", true),
        (longest.as_str(), true),
        ("a", false),
        (&format!("{longest}a"), false),
        ("Shop", false),
        ("sh op", false),
        ("<b>", false),
    ] {
        let form = Form::new().set("context_app", name);
        let verified = form.verify(&verifier(), TIME).unwrap();
        assert_eq!(verified.context_app.is_some(), is_one, "{name}");
    }
}
