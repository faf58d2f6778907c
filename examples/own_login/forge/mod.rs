//! A small login provider like GitHub, on its own loopback port: a page to choose a user, the exchange of a
//! code, and the emails for a token.
//!
//! It replaces a real provider and knows only the registered data of the add-on.

mod pages;

use std::collections::HashMap;
use std::error::Error;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::forge_client::Registration;

/// How long a code is valid.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// An address of an account, as in `GET /user/emails`.
#[derive(Serialize)]
struct ClaimedEmail {
    email: &'static str,
    primary: bool,
    verified: bool,
}

/// The accounts.
struct Account {
    name: &'static str,
    emails: &'static [ClaimedEmail],
}

const fn email(email: &'static str, primary: bool, verified: bool) -> ClaimedEmail {
    ClaimedEmail {
        email,
        primary,
        verified,
    }
}

const ACCOUNTS: &[Account] = &[
    Account {
        name: "olivia",
        emails: &[email("olivia@example.com", true, true)],
    },
    Account {
        name: "carlos",
        emails: &[
            email("carlos@home.example", false, true),
            email("carlos@example.com", true, true),
        ],
    },
    Account {
        name: "mia",
        emails: &[email("mia@example.com", true, true)],
    },
    // Has added another user's address to the account.
    Account {
        name: "not-lead",
        emails: &[email("lead@example.com", true, false)],
    },
    Account {
        name: "victor",
        emails: &[
            email("victor@example.com", false, true),
            email("victor@home.example", true, true),
        ],
    },
    Account {
        name: "mallory",
        emails: &[email("mallory@example.com", true, true)],
    },
];

/// The parameters of the add-on's redirect.
#[derive(Clone, Deserialize)]
struct Wanted {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    scope: String,
    code_challenge: String,
    code_challenge_method: String,
}

#[derive(Deserialize)]
struct Picked {
    /// Empty if no user was chosen.
    account: String,
    #[serde(flatten)]
    wanted: Wanted,
}

#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    code: String,
    code_verifier: String,
}

struct Code {
    account: &'static Account,
    challenge: String,
    until: Instant,
    /// Set once the code was exchanged.
    token: Option<String>,
}

struct Forge {
    client: Registration,
    codes: Mutex<HashMap<String, Code>>,
    tokens: Mutex<HashMap<String, &'static Account>>,
}

/// Serves while the program runs, for one application: the one with this `redirect_uri`.
pub(crate) async fn start(
    address: SocketAddr,
    redirect_uri: String,
) -> Result<Registration, Box<dyn Error>> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("the login provider cannot use {address}: {error}"))?;
    let client = Registration {
        forge: format!("http://localhost:{}", listener.local_addr()?.port()),
        client_id: "acme-database".into(),
        client_secret: random(),
        redirect_uri,
    };
    let forge = Arc::new(Forge {
        client: client.clone(),
        codes: Mutex::default(),
        tokens: Mutex::default(),
    });
    let routes = Router::new()
        .route("/", get(async || pages::home(ACCOUNTS)))
        .route("/login/oauth/authorize", get(who).post(picked))
        .route("/login/oauth/access_token", post(exchange))
        .route("/user/emails", get(emails))
        .with_state(forge);
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(client)
}

async fn who(State(forge): State<Arc<Forge>>, Query(wanted): Query<Wanted>) -> Response {
    match forge.rejection(&wanted) {
        Some(why) => (StatusCode::BAD_REQUEST, why).into_response(),
        None => pages::accounts(ACCOUNTS, &wanted).into_response(),
    }
}

async fn picked(State(forge): State<Arc<Forge>>, Form(picked): Form<Picked>) -> Response {
    let wanted = picked.wanted;
    // The browser is never redirected to an unregistered URL, neither with a code nor with an error.
    if let Some(why) = forge.rejection(&wanted) {
        return (StatusCode::BAD_REQUEST, why).into_response();
    }
    let account = ACCOUNTS
        .iter()
        .find(|account| account.name == picked.account);
    let answer = match account {
        Some(account) => ("code", forge.code(account, wanted.code_challenge)),
        None => ("error", "access_denied".to_owned()),
    };
    let state = ("state", wanted.state);
    match Url::parse_with_params(&wanted.redirect_uri, [answer, state]) {
        Ok(back) => Redirect::to(back.as_str()).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn exchange(State(forge): State<Arc<Forge>>, Form(asked): Form<Exchange>) -> Response {
    let client = &forge.client;
    let answer =
        if asked.client_id != client.client_id || asked.client_secret != client.client_secret {
            json!({ "error": "incorrect_client_credentials" })
        } else if asked.redirect_uri != client.redirect_uri {
            json!({ "error": "redirect_uri_mismatch" })
        } else if asked.grant_type != "authorization_code" {
            json!({ "error": "unsupported_grant_type" })
        } else {
            match forge.token(&asked.code, &asked.code_verifier) {
                Some(token) => json!({
                    "access_token": token, "token_type": "bearer", "scope": "user:email",
                }),
                None => json!({ "error": "bad_verification_code" }),
            }
        };
    ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

async fn emails(State(forge): State<Arc<Forge>>, headers: HeaderMap) -> Response {
    let bearer = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let account = token.and_then(|token| lock(&forge.tokens).get(token).copied());
    match account {
        Some(account) => Json(account.emails).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

impl Forge {
    fn rejection(&self, wanted: &Wanted) -> Option<&'static str> {
        if wanted.client_id != self.client.client_id {
            Some("There is no such application.")
        } else if wanted.redirect_uri != self.client.redirect_uri {
            Some("This is not the redirect_uri of the application.")
        } else if wanted.response_type != "code" || wanted.scope != "user:email" {
            Some("Only response_type=code with the scope user:email is supported.")
        } else if wanted.code_challenge_method != "S256" {
            Some("The only supported challenge method is S256.")
        } else {
            None
        }
    }

    fn code(&self, account: &'static Account, challenge: String) -> String {
        let now = Instant::now();
        let mut codes = lock(&self.codes);
        codes.retain(|_, code| code.until > now);
        let new = Code {
            account,
            challenge,
            until: now + CODE_LIFE,
            token: None,
        };
        let code = random();
        codes.insert(code.clone(), new);
        code
    }

    /// A code is valid once. A second use may be a theft: then the token of the first use is revoked.
    fn token(&self, code: &str, verifier: &str) -> Option<String> {
        let mut codes = lock(&self.codes);
        let code = codes.get_mut(code)?;
        let mut tokens = lock(&self.tokens);
        if let Some(first) = &code.token {
            tokens.remove(first);
            return None;
        }
        let token = random();
        code.token = Some(token.clone());
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        if code.until <= Instant::now() || code.challenge != challenge {
            return None;
        }
        tokens.insert(token.clone(), code.account);
        Some(token)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 122 random bits.
fn random() -> String {
    Uuid::new_v4().simple().to_string()
}
