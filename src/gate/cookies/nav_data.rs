//! The cookie for Heroku's header bar, which Heroku has withdrawn.

use cookie::{Cookie, SameSite};
use http::HeaderValue;

const NAME: &str = "heroku-nav-data";

/// `heroku-nav-data`, for kensa and add-ons from before 2019; none if the value is not the base64 that Heroku
/// sends.
pub(super) fn nav_data(value: &str, is_secure: bool) -> Option<HeaderValue> {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
    if value.is_empty() || value.len() > 4096 || !value.bytes().all(base64) {
        return None;
    }
    let cookie = Cookie::build((NAME, value))
        .path("/")
        .same_site(SameSite::Lax)
        .secure(is_secure);
    cookie.to_string().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nav_data_cookie_holds_only_base64_up_to_4_kib() {
        let cookie = |is_secure, value: &str| {
            let cookie = nav_data(value, is_secure);
            cookie.map(|cookie| cookie.to_str().unwrap().to_owned())
        };
        let attributes = "heroku-nav-data=eyJhIjoxfQ==; SameSite=Lax";
        for (is_secure, expected) in [
            (true, format!("{attributes}; Secure; Path=/")),
            (false, format!("{attributes}; Path=/")),
        ] {
            assert_eq!(cookie(is_secure, "eyJhIjoxfQ=="), Some(expected));
        }
        let longest = "a".repeat(4096);
        assert!(cookie(true, &longest).is_some());
        for bad in ["", "a b", "a;b", "a\r\nb", "ä", &format!("{longest}a")] {
            assert_eq!(cookie(true, bad), None, "{bad:?}");
        }
    }
}
