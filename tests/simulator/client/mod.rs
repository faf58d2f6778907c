//! The client side of the simulator's tests: plain requests, as an add-on would make them.

pub mod receiver;

use heroku_addon_simulator::{AddOn, Simulator};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

pub const VERSION_3: &str = "application/vnd.heroku+json; version=3";

pub fn http() -> Client {
    let client = Client::builder().no_proxy().redirect(Policy::none());
    client.build().unwrap()
}

/// A request with the required `Accept` and this token.
pub fn get(heroku: &Simulator, path: &str, token: &str) -> RequestBuilder {
    let url = format!("{}{path}", heroku.url());
    http().get(url).header(ACCEPT, VERSION_3).bearer_auth(token)
}

/// The same by another method, with a body.
pub async fn send(
    heroku: &Simulator,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> Response {
    let url = format!("{}{path}", heroku.url());
    let request = http().request(method, url).header(ACCEPT, VERSION_3);
    let request = request.bearer_auth(token).json(body);
    request.send().await.unwrap()
}

pub async fn status(heroku: &Simulator, path: &str, token: &str) -> u16 {
    let answer = get(heroku, path, token).send().await.unwrap();
    answer.status().as_u16()
}

/// The body of a successful answer.
pub async fn body(heroku: &Simulator, path: &str, token: &str) -> Value {
    let answer = get(heroku, path, token).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

pub async fn ask_for_tokens(heroku: &Simulator, form: &[(&str, &str)]) -> Response {
    let url = format!("{}/oauth/token", heroku.url());
    http().post(url).form(form).send().await.unwrap()
}

pub async fn exchange(heroku: &Simulator, code: &str) -> Response {
    let secret = heroku.client_secret();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_secret", &secret),
    ];
    ask_for_tokens(heroku, &form).await
}

pub async fn refresh(heroku: &Simulator, token: &str) -> Response {
    let secret = heroku.client_secret();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_secret", &secret),
    ];
    ask_for_tokens(heroku, &form).await
}

pub async fn tokens(heroku: &Simulator, addon: &AddOn) -> Value {
    let answer = exchange(heroku, &addon.grant_code()).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

pub async fn access_token(heroku: &Simulator, addon: &AddOn) -> String {
    let tokens = tokens(heroku, addon).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}
