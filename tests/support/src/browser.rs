//! An HTTP client that keeps cookies like a browser and follows no redirects.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use heroku_addon_simulator::SignInForm;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, redirect};

/// A response takes milliseconds; a busy machine gets more, and a request that hangs fails its test.
const RESPONSE: Duration = Duration::from_secs(60);

pub const FORM: &str = "application/x-www-form-urlencoded";

pub struct Browser {
    client: Client,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// One client for all tests, as creating one is slower than most requests. It keeps no idle connections, as
/// each test has its own runtime.
pub fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        let client = Client::builder().redirect(redirect::Policy::none());
        let client = client.no_proxy().pool_max_idle_per_host(0);
        client.build().unwrap()
    });
    CLIENT.clone()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            client: client(),
            origin: format!("http://{address}"),
            cookies: Mutex::default(),
        }
    }

    /// The same cookies, sent to another replica of the site.
    pub fn at(&self, address: SocketAddr) -> Self {
        let browser = Self::new(address);
        let cookies = self.cookies.lock().unwrap().clone();
        *browser.cookies.lock().unwrap() = cookies;
        browser
    }

    /// A page navigation.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request.header("accept", "text/html,*/*;q=0.8"))
            .await
    }

    /// A request of a program with the same cookies.
    pub async fn fetch(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request.header("accept", "application/json"))
            .await
    }

    /// Heroku's form, as the browser posts it: cross-site, so without `Lax` cookies.
    pub async fn submit(&self, form: &SignInForm) -> Answer {
        self.submit_body("/heroku/sso", &form.body()).await
    }

    pub async fn submit_body(&self, path: &str, body: &str) -> Answer {
        let request = self.client.post(format!("{}{path}", self.origin));
        let request = request
            .header("content-type", FORM)
            .header("accept", "text/html");
        self.send(request.body(body.to_owned())).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.origin));
        let cookies = self.cookies.lock().unwrap();
        let pairs: Vec<_> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        match pairs.is_empty() {
            true => request,
            false => request.header("cookie", pairs.join("; ")),
        }
    }

    /// Sends a request and stores the cookies of the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.timeout(RESPONSE).send().await.unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        for (name, value, attributes) in answer.set_cookies() {
            let mut cookies = self.cookies.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                cookies.remove(&name);
            } else {
                cookies.insert(name, value);
            }
        }
        answer
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    pub fn drop_cookie(&self, name: &str) {
        self.cookies.lock().unwrap().remove(name);
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The last part of the problem's type.
    pub fn problem(&self) -> String {
        let json = self.json();
        let kind = json["type"].as_str().unwrap();
        kind.rsplit(':').next().unwrap().to_owned()
    }

    /// Name, value and attributes of each cookie that the answer sets.
    pub fn set_cookies(&self) -> Vec<(String, String, String)> {
        let values = self.headers.get_all("set-cookie").iter();
        let values = values.map(HeaderValue::to_str).map(Result::unwrap);
        let parts = values.map(|value| {
            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned(), attributes.to_owned())
        });
        parts.collect()
    }
}
