//! The cookie of the header bar that Heroku has withdrawn.

use cookie::{Cookie, SameSite};
use http::HeaderValue;

use super::Cookies;
use crate::config::CookieTransport;

const NAME: &str = "heroku-nav-data";

impl Cookies {
    /// `heroku-nav-data`, for kensa and add-ons from before 2019; none if the value is not the
    /// base64 that Heroku sends.
    pub(crate) fn nav_data(&self, value: &str) -> Option<HeaderValue> {
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
        if value.is_empty() || value.len() > 4096 || !value.bytes().all(base64) {
            return None;
        }
        let cookie = Cookie::build((NAME, value))
            .path("/")
            .same_site(SameSite::Lax)
            .secure(self.transport == CookieTransport::Https);
        cookie.to_string().try_into().ok()
    }
}
