//! Heroku's Platform API and OAuth host: the GETs whose answers make an access list, the token exchange, and
//! the subscription to webhooks.
//!
//! Rules for every call: https only (http to loopback, for tests); no redirects, so that a
//! bearer token is never sent to another address; connect, read and total time-outs; a size limit for every
//! answer; every id in a URL as one encoded segment.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference>,
//! <https://devcenter.heroku.com/articles/platform-api-for-partners> and, on webhooks,
//! <https://devcenter.heroku.com/articles/addon-webhooks>.

mod call;
mod client;
mod drift;
mod error;
mod etag;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod limits;
mod oauth;
mod paging;
mod pool;
mod subscription;
mod transport;
mod url;
mod wire;

pub(crate) use call::Call;
pub(crate) use client::{CallCount, Caller, HerokuClient};
pub use error::{HerokuAnswer, HerokuError};
pub(crate) use etag::{ETag, Reply};
pub(crate) use limits::Urgency;
pub(crate) use pool::RatePool;
pub(crate) use url::HerokuUrl;
pub(crate) use url::is_loopback;
pub(crate) use wire::{AddOn, AppInfo};
