//! A gate with one resource whose list has Ann. The list is fresh, so Heroku is not called.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
use heroku_sso_store::{Dated, Registration, Sequence, Store};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_heroku_sso::access::{App, Person, ResourceList};
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{
    HerokuSso, HerokuSsoBuilder, HerokuUser, ManualClock, ResourceId, Tokens, VerifiedEmail,
};

use crate::{APP, NOW, ann, manifest, resource};

type Body = Full<Bytes>;
type Gated = BoxCloneService<Request<Body>, Response<()>, Infallible>;

/// The user who reached the handler, in the extensions of its answer.
#[derive(Clone, Debug)]
pub struct Reached {
    pub email: String,
    pub resource: ResourceId,
}

/// One gate with its handler.
pub struct Site {
    runtime: Runtime,
    gated: Gated,
    sso: Option<HerokuSso>,
}

impl Site {
    /// A gate with this configuration.
    pub fn with(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let store = runtime.block_on(customer());
        let builder = HerokuSso::builder(manifest()).store(store).clock(clock());
        let sso = runtime.block_on(set_up(builder).build()).unwrap();
        Self {
            gated: boxed(sso.layer().layer(service_fn(handler))),
            sso: Some(sso),
            runtime,
        }
    }

    /// A service behind a gate, which verifies its assertions.
    pub fn behind(verify: &VerifyAssertion) -> Self {
        Self {
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
            gated: boxed(verify.layer(service_fn(handler))),
            sso: None,
        }
    }

    /// The cookie header of a browser with Ann signed in.
    pub fn ann_signs_in(&self) -> Vec<HeaderValue> {
        let sso = self.sso.as_ref().expect("a gate");
        let email = VerifiedEmail::assume_verified(ann());
        let resource = resource();
        let nothing = HeaderMap::new();
        let signed_in = self
            .runtime
            .block_on(sso.sessions().admit(&resource, &email, &nothing));
        let mut headers = HeaderMap::new();
        signed_in.unwrap().set_cookies(&mut headers);
        let cookies = headers.get_all(SET_COOKIE).iter();
        cookies
            .filter_map(tower_heroku_sso::fuzzing::sent_back)
            .collect()
    }

    /// The answer to a GET.
    pub fn get(&self, uri: Uri, headers: HeaderMap) -> Response<()> {
        let mut request = Request::new(Body::default());
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let answer = self.gated.clone().oneshot(request);
        self.runtime.block_on(answer).unwrap()
    }
}

fn boxed<S, B>(service: S) -> Gated
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    BoxCloneService::new(service.map_response(|response| response.map(drop)))
}

/// The fixed clock of every site.
pub fn clock() -> ManualClock {
    ManualClock::at(NOW)
}

async fn handler(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let user = request.extensions().get::<HerokuUser>();
    let user = user.map(|user| (user.email().to_string(), *user.resource()));
    let asserted = request.extensions().get::<AssertedUser>();
    let asserted = asserted.map(|user| {
        // As the gate signed it.
        (user.email().to_owned(), user.resource_id().into())
    });
    let (email, resource) = user.or(asserted).expect("every request here has a user");
    let mut response = Response::new(Body::default());
    response
        .extensions_mut()
        .insert(Reached { email, resource });
    Ok(response)
}

async fn customer() -> MemoryStore {
    let store = MemoryStore::default();
    let tokens = Tokens::new(
        "fuzzed-access-token",
        "fuzzed-refresh-token",
        NOW + Duration::from_secs(8 * 60 * 60),
    );
    let id = resource();
    let put = store.put(&id, Registration::active(Some(tokens))).await;
    assert!(put.unwrap());
    let app = App::new(APP.parse().unwrap(), "shop");
    let people = [Person::new(ann(), None, None)].into_iter().collect();
    let mut list = ResourceList::new("acme-db-round-1", app, people);
    list.web_url = Some("https://addons-sso.heroku.com/apps/1/addons/1".into());
    let list = Dated::new(list, Sequence::new(1), NOW, Duration::ZERO);
    store.set_list(&id, list).await.unwrap();
    store
}
