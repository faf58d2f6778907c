//! The addresses of Heroku's hosts.

use heroku_sso_store::InvalidValue;
use url::{Host, Url};

/// The base address of one of Heroku's hosts: https, or http to a loopback address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HerokuUrl(Url);

const DECORATED: InvalidValue =
    InvalidValue::new("the address must not have credentials, a query or a fragment");
/// Tokens would be sent unencrypted.
const INSECURE: InvalidValue =
    InvalidValue::new("the address must be https, or http to a loopback address");

impl HerokuUrl {
    /// True for an address on this machine, as used by simulators.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address with `segments` as its path, each encoded separately.
    pub(super) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl TryFrom<Url> for HerokuUrl {
    type Error = InvalidValue;

    fn try_from(url: Url) -> Result<Self, InvalidValue> {
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(DECORATED);
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err(INSECURE),
        }
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heroku_url(text: &str) -> Result<HerokuUrl, InvalidValue> {
        Url::parse(text).unwrap().try_into()
    }

    #[test]
    fn only_https_and_loopback_urls_are_accepted() {
        for good in [
            "https://api.heroku.com",
            "http://127.0.0.1:3001",
            "http://[::1]:1/x",
        ] {
            assert!(heroku_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.heroku.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "https://user@api.heroku.com",
            "https://api.heroku.com/?a=b",
        ] {
            assert!(heroku_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn path_segment_is_percent_encoded() {
        let base = heroku_url("https://api.heroku.com").unwrap();
        let url = base.join(&["apps", "../teams?x#y", "collaborators"]);
        assert_eq!(
            url.as_str(),
            "https://api.heroku.com/apps/..%2Fteams%3Fx%23y/collaborators"
        );
    }
}
