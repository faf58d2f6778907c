//! The cookie for Heroku's header bar, which Heroku has withdrawn.

use cookie::{Cookie, SameSite};
use http::HeaderValue;

use super::Cookies;

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
            .secure(self.are_secure());
        cookie.to_string().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CookieTransport;
    use crate::secret::ClientSecret;

    #[test]
    fn only_base64_becomes_a_cookie_and_that_is_as_safe_as_the_session_s() {
        let secret = ClientSecret::new("a client secret of some length").unwrap();
        let cookie = |transport, value: &str| {
            let cookie = Cookies::new(transport, &secret, false).nav_data(value);
            cookie.map(|cookie| cookie.to_str().unwrap().to_owned())
        };
        let attributes = "heroku-nav-data=eyJhIjoxfQ==; SameSite=Lax";
        for (transport, expected) in [
            (
                CookieTransport::Https,
                format!("{attributes}; Secure; Path=/"),
            ),
            (
                CookieTransport::InsecureHttp,
                format!("{attributes}; Path=/"),
            ),
        ] {
            assert_eq!(cookie(transport, "eyJhIjoxfQ=="), Some(expected));
        }
        let longest = "a".repeat(4096);
        assert!(cookie(CookieTransport::Https, &longest).is_some());
        for bad in ["", "a b", "a;b", "a\r\nb", "ä", &format!("{longest}a")] {
            assert_eq!(cookie(CookieTransport::Https, bad), None, "{bad:?}");
        }
    }
}
