//! The partner's own response to a rejection.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, REFRESH, SET_COOKIE, VARY,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::mode::Unauthenticated;
use super::rejection::Rejection;
use super::response_body::OwnAnswer;
use super::response_format::Format;
use super::user::HerokuUser;

type Respond = dyn Fn(&Rejection, &Parts) -> Option<Response<Bytes>> + Send + Sync;

/// What [`HerokuSsoBuilder::on_rejection`](crate::HerokuSsoBuilder::on_rejection) was given, if anything.
#[derive(Clone, Default)]
pub(crate) struct OnRejection(Option<Arc<Hook>>);

struct Hook {
    respond: Box<Respond>,
    /// Outsiders cause rejections, so a panic is logged only once.
    panicked: Once,
}

impl Hook {
    fn respond(&self, rejection: &Rejection, request: &Parts) -> Option<Response<Bytes>> {
        // It gets references and keeps no state of ours, so a panic leaves nothing half done here.
        let responded =
            panic::catch_unwind(AssertUnwindSafe(|| (self.respond)(rejection, request)));
        responded.unwrap_or_else(|_| {
            self.panicked.call_once(|| {
                tracing::error!(
                    rejection = rejection.kind.code(),
                    "on_rejection panicked; the gate answers itself (logged once)"
                );
            });
            None
        })
    }
}

impl OnRejection {
    pub(crate) fn new<B: Into<Bytes>>(
        respond: impl Fn(&Rejection, &Parts) -> Option<Response<B>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(Hook {
            respond: Box::new(move |rejection, request| {
                respond(rejection, request).map(|response| response.map(Into::into))
            }),
            panicked: Once::new(),
        })))
    }

    /// For a request that will be consumed before it is known whether it is rejected.
    pub(super) fn about<B>(&self, request: &Request<B>) -> Replacement {
        let hook = self.0.is_some().then(|| self.clone());
        Replacement(hook.map(|hook| Box::new((hook, head(request)))))
    }

    /// The partner's response in place of a rejection; every other response is unchanged.
    pub(super) fn replace(
        &self,
        response: Response<Full<Bytes>>,
        request: &Parts,
    ) -> Response<Full<Bytes>> {
        let rejection = response.extensions().get::<Rejection>();
        let own = match (&self.0, rejection) {
            (Some(hook), Some(rejection)) => hook.respond(rejection, request),
            _ => None,
        };
        match own {
            Some(own) => keep_of_the_gate(own, response, &request.method),
            None => response,
        }
    }
}

/// The hook, with the head of one request; none without a hook.
pub(super) struct Replacement(Option<Box<(OnRejection, Parts)>>);

impl Replacement {
    /// The answer of the gate, or the partner's in its place if it is a rejection.
    pub(super) fn of(
        self,
        answer: impl Future<Output = Response<Full<Bytes>>> + Send + 'static,
    ) -> OwnAnswer {
        match self.0 {
            None => Box::pin(answer),
            Some(it) => Box::pin(async move { it.0.replace(answer.await, &it.1) }),
        }
    }
}

/// The response of a guard inside the gate.
pub(crate) fn reject(rejection: Rejection, request: &Parts) -> Response<Full<Bytes>> {
    let user = request.extensions.get::<HerokuUser>();
    let session = user.and_then(|user| user.origin.session());
    let unauthenticated = match user {
        Some(_) => None,
        None => request.extensions.get::<Unauthenticated>(),
    };
    let rejection = match session {
        Some(session) => rejection.with_apps_at(session.heroku_dashboard()),
        None => rejection,
    };
    // As at the gate, a program with a bearer token gets JSON.
    let is_bearer = session.is_some_and(|session| !session.is_of_cookie())
        || unauthenticated.is_some_and(|it| it.is_bearer);
    let (rejection, format) = match is_bearer {
        true => (rejection.of_bearer(), Format::ProblemJson),
        false => (rejection, Format::of(&request.headers)),
    };
    let response = rejection.into_response(format, &request.method);
    let hook = match session {
        Some(session) => Some(session.on_rejection()),
        None => unauthenticated.map(|it| &it.on_rejection),
    };
    match hook {
        Some(hook) => hook.replace(response, request),
        None => response,
    }
}

/// The partner's response, with the status, the headers and the extensions that the gate's would have had.
fn keep_of_the_gate(
    mut own: Response<Bytes>,
    gates: Response<Full<Bytes>>,
    method: &Method,
) -> Response<Full<Bytes>> {
    let (gates, _) = gates.into_parts();
    if own.status() == StatusCode::OK {
        *own.status_mut() = gates.status;
    }
    add_headers(own.headers_mut(), &gates.headers);
    own.extensions_mut().extend(gates.extensions);
    own.map(|body| match *method == Method::HEAD {
        true => Full::default(),
        false => Full::new(body),
    })
}

fn add_headers(own: &mut HeaderMap, gates: &HeaderMap) {
    for name in gates.keys() {
        let values = gates.get_all(name).iter().cloned();
        if *name == SET_COOKIE || *name == VARY {
            for value in values {
                own.append(name, value);
            }
            continue;
        }
        // Where the gate's own page leads: the partner's stays.
        if *name == REFRESH {
            continue;
        }
        // About the body, or what may be in it: only if the partner's response does not say.
        let is_of_body = [CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE].contains(name);
        let is_wanted = *name != CONTENT_LENGTH && !own.contains_key(name);
        if is_wanted || !is_of_body {
            own.remove(name);
            for value in values {
                own.append(name, value);
            }
        }
    }
}

fn head<B>(request: &Request<B>) -> Parts {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.version_mut() = request.version();
    *head.headers_mut() = request.headers().clone();
    *head.extensions_mut() = request.extensions().clone();
    head.into_parts().0
}

impl fmt::Debug for OnRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_set = self.0.is_some();
        f.debug_tuple("OnRejection").field(&is_set).finish()
    }
}
