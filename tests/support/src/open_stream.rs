//! A stream whose user makes no other request while it is open.

use std::time::Duration;

use heroku_addon_simulator::{AddOn, Endpoint, Fault, Simulator};
use reqwest::{RequestBuilder, Response};
use tokio::time::timeout;
use tower_heroku_sso::{HerokuSso, ManualClock};

use crate::ids::AddOnExt as _;
use crate::world::{MAX_LIST_AGE, REFRESH};

/// The age of a list is measured by the database's clock too, which runs during a test.
const TOLERANCE: Duration = Duration::from_secs(30);

/// Ann's stream, after its first line. All others may be made to fetch lists, but she makes no request.
pub struct OpenStream<'a> {
    pub clock: &'a ManualClock,
    pub heroku: &'a Simulator,
    /// The gate that fetches lists: that of the stream, or another on its database.
    pub sso: &'a HerokuSso,
    pub addon: &'a AddOn,
    pub response: Response,
}

/// Sends the request for a stream, and waits for its first line.
pub async fn open(request: RequestBuilder) -> Response {
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    response
}

impl OpenStream<'_> {
    pub async fn follows_its_list_until_its_user_is_removed(mut self) {
        for _ in 0..8 {
            self.clock.advance(REFRESH - TOLERANCE);
            self.refresh().await;
            self.is_open().await;
        }
        self.addon.app().remove("ann@example.com");
        self.refresh().await;
        self.ends().await;
    }

    pub async fn outlasts_an_outage_to_max_list_age(mut self) {
        self.refresh().await;
        self.heroku.faults().set(Endpoint::Any, Fault::Reset);
        for _ in 0..3 {
            self.clock.advance((MAX_LIST_AGE - TOLERANCE) / 3);
            self.is_open().await;
        }
        self.clock.advance(TOLERANCE * 2);
        self.ends().await;
    }

    async fn refresh(&self) {
        let resource = self.addon.resource_id();
        self.sso.lists().refresh(&resource).await.unwrap();
    }

    async fn is_open(&mut self) {
        let more = timeout(Duration::from_millis(100), self.response.chunk()).await;
        assert!(more.is_err(), "the stream ended or sent data");
    }

    /// The clock moves on meanwhile: a task that reads the time before a jump and sleeps after it would wait for
    /// a moment that never comes.
    async fn ends(self) {
        let Self {
            clock,
            mut response,
            ..
        } = self;
        let end = async { while let Ok(Some(_)) = response.chunk().await {} };
        let passing = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                clock.advance(Duration::from_secs(1));
            }
        };
        let ended = timeout(Duration::from_secs(60), async {
            tokio::select! {
                () = end => {}
                () = passing => {}
            }
        });
        ended.await.expect("the stream ends");
    }
}
