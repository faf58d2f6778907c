//! The bodies of requests under `protect`.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::post;
use bytes::Bytes;
use heroku_addon_simulator::AddOn;
use http::Request;
use http_body::Body as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tower::ServiceExt;
use tower_heroku_sso::HerokuSsoBuilder;

use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::World;

/// Reads the whole body, and says how that ended.
async fn read(body: Body) -> String {
    match to_bytes(body, usize::MAX).await {
        Ok(body) => format!("{} bytes", body.len()),
        Err(error) => error.to_string(),
    }
}

/// An upload of Ann's.
struct Upload {
    world: World,
    addon: AddOn,
    parts: mpsc::UnboundedSender<Bytes>,
    answer: JoinHandle<String>,
}

impl Upload {
    /// Its first part has arrived.
    async fn begin(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        let upload = Self::announce(set_up).await;
        upload.parts.send(Bytes::from_static(b"first")).unwrap();
        upload
    }

    /// Nothing of it has arrived.
    async fn announce(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        let world = World::with(set_up).await;
        let addon = world.addon().await;
        let app: Router = world
            .sso
            .protect(Router::new().route("/upload", post(read)));
        let form = Request::post("/heroku/sso").header("content-type", FORM);
        let form = form.body(Body::from(addon.sign_in_form("ann@example.com").body()));
        let signed_in = app.clone().oneshot(form.unwrap()).await.unwrap();
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
        let request = Request::post("/upload").header("cookie", cookie.split(';').next().unwrap());
        let (parts, received) = mpsc::unbounded_channel();
        let body = UnboundedReceiverStream::new(received).map(Ok::<Bytes, Infallible>);
        let request = request.body(Body::from_stream(body)).unwrap();
        let answer = tokio::spawn(async move {
            let answer = app.oneshot(request).await.unwrap();
            let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            String::from_utf8(body.into()).unwrap()
        });
        Self {
            world,
            addon,
            parts,
            answer,
        }
    }

    async fn remove_ann(&self) {
        self.addon.app().remove("ann@example.com");
        self.world.refresh(&self.addon.resource_id()).await;
    }

    /// Ten seconds, in steps.
    async fn pass(&self) {
        for _ in 0..100 {
            self.world.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
            if self.answer.is_finished() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn c18_upload_ends_with_an_error_when_access_ends() {
    let upload = Upload::begin(|builder| builder).await;
    upload.pass().await;
    assert!(!upload.answer.is_finished());
    upload.remove_ann().await;
    upload.pass().await;
    let read = upload.answer.await.unwrap();
    assert_eq!(read, "the user's access ended before the body was complete");
}

#[tokio::test]
async fn c18_announced_upload_ends_when_access_ends() {
    let upload = Upload::announce(|builder| builder).await;
    upload.pass().await;
    assert!(!upload.answer.is_finished());
    upload.remove_ann().await;
    upload.pass().await;
    let read = tokio::time::timeout(Duration::from_secs(60), upload.answer).await;
    let read = read.expect("the upload ends").unwrap();
    assert_eq!(read, "the user's access ended before the body was complete");
}

/// A proxy asks before it forwards the request.
#[tokio::test]
async fn body_of_an_admitted_request_says_whether_it_is_empty() {
    let world = World::start().await;
    let addon = world.addon().await;
    let is_empty = async |body: Body| body.is_end_stream().to_string();
    let app: Router = world
        .sso
        .protect(Router::new().route("/empty", post(is_empty)));
    let form = Request::post("/heroku/sso").header("content-type", FORM);
    let form = form.body(Body::from(addon.sign_in_form("ann@example.com").body()));
    let signed_in = app.clone().oneshot(form.unwrap()).await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    for (body, expected) in [("", "true"), ("text", "false")] {
        let request = Request::post("/empty").header("cookie", cookie);
        let request = request.body(Body::from(body)).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(
            read(answer.into_body()).await,
            format!("{} bytes", expected.len())
        );
    }
}

#[tokio::test]
async fn c18_steady_upload_ends_when_access_ends() {
    let upload = Upload::begin(|builder| builder).await;
    upload.remove_ann().await;
    let parts = upload.parts.clone();
    let sender = tokio::spawn(async move {
        while parts.send(Bytes::from_static(b"more")).is_ok() {
            tokio::task::yield_now().await;
        }
    });
    upload.pass().await;
    let read = upload.answer.await.unwrap();
    assert_eq!(read, "the user's access ended before the body was complete");
    sender.await.unwrap();
}

#[tokio::test]
async fn upload_of_a_listed_user_is_read_to_its_end() {
    let upload = Upload::begin(|builder| builder).await;
    upload.pass().await;
    upload.parts.send(Bytes::from_static(b"last")).unwrap();
    drop(upload.parts);
    assert_eq!(upload.answer.await.unwrap(), "9 bytes");
}

#[tokio::test]
async fn upload_continues_without_access_under_leave_open() {
    let upload = Upload::begin(|builder| builder.leave_streams_open()).await;
    upload.remove_ann().await;
    upload.pass().await;
    upload.parts.send(Bytes::from_static(b"last")).unwrap();
    drop(upload.parts);
    assert_eq!(upload.answer.await.unwrap(), "9 bytes");
}
