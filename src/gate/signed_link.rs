//! Signed links to a page of one resource. A link leads a browser without any cookie through Heroku to the
//! page. It grants nothing: the user still signs in there, and the list decides.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heroku_sso_store::ResourceId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use time::OffsetDateTime;

use super::RejectionKind;
use super::cookies::is_own_path;
use super::paths::{GateRoute, Paths, SessionScope};
use crate::secret::SsoSalt;

type HmacSha256 = Hmac<Sha256>;

/// How long a link is valid, unless its maker says otherwise.
pub(crate) const LINK_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Separates the key from every other use of the salt.
const LABEL: &[u8] = b"tower-heroku-sso: links, version 1";
const SIGNATURE_LEN: usize = 32;
/// The query parameter of the SSO path.
const PARAMETER: &str = "link=";

/// A link cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The path is not one of a page behind this gate. It must begin with one slash, have at most 2048
    /// printable ASCII characters, no space and no backslash, and be none of the gate's own paths.
    #[error("the path of a link must be a path of this site, such as `/reports?month=5`")]
    InvalidPath,
    /// The path belongs to another resource or to no resource
    /// ([`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path)).
    #[error("the path of a link must be below its resource's path")]
    OtherResource,
    /// The link's life is outside its bounds.
    #[error("the life of a link must be between one minute and 30 days")]
    Life,
}

/// A verified link.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Link {
    pub(super) resource: ResourceId,
    /// With its query, as the gate sees it.
    pub(super) path: String,
}

/// Makes and verifies links. Each process of an add-on has the same salts, so a link of one is valid in all.
pub(crate) struct Links {
    /// Derived from the salts: the current one, and those before it during a rotation.
    keys: Vec<HmacSha256>,
}

impl Links {
    pub(super) fn new(salts: &[SsoSalt]) -> Self {
        let mac = |key: &[u8]| HmacSha256::new_from_slice(key).expect("a key may have any length");
        let keys = salts.iter().map(|salt| {
            let derived = mac(salt.expose().as_bytes()).chain_update(LABEL).finalize();
            mac(&derived.into_bytes())
        });
        Self {
            keys: keys.collect(),
        }
    }

    /// Path and query of a link, as the browser must request it if no outer router removes a prefix.
    pub(crate) fn make(
        &self,
        paths: &Paths,
        resource: &ResourceId,
        path: &str,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<String, LinkError> {
        check(paths, resource, path)?;
        if !(SHORTEST..=LONGEST).contains(&life) {
            return Err(LinkError::Life);
        }
        let ends = (now + life).unix_timestamp();
        let text = format!("{resource} {ends} {path}");
        // A manifest has at least one salt.
        let key = self.keys.first().ok_or(LinkError::InvalidPath)?.clone();
        let signature = key.chain_update(&text).finalize().into_bytes();
        let token = URL_SAFE_NO_PAD.encode([signature.as_slice(), text.as_bytes()].concat());
        Ok(paths.public(&format!("{}?{PARAMETER}{token}", paths.sso())))
    }

    /// The link of a query that [`token_of`] found.
    pub(super) fn verify(
        &self,
        paths: &Paths,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<Link, RejectionKind> {
        let invalid = RejectionKind::InvalidLink;
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid)?;
        let (signature, text) = token.split_at_checked(SIGNATURE_LEN).ok_or(invalid)?;
        // Checks all keys, so that the time does not reveal which one matched.
        let is_signed = self.keys.iter().fold(false, |found, key| {
            let mac = key.clone().chain_update(text);
            mac.verify_slice(signature).is_ok() | found
        });
        if !is_signed {
            return Err(invalid);
        }
        let text = str::from_utf8(text).map_err(|_| invalid)?;
        let link = read(text).ok_or(invalid)?;
        // A process with other paths may have made it.
        check(paths, &link.1.resource, &link.1.path).map_err(|_| invalid)?;
        match now.unix_timestamp() <= link.0 {
            true => Ok(link.1),
            false => Err(RejectionKind::ExpiredLink),
        }
    }
}

/// The token of a link in the query of a request to the SSO path. Mail programs add parameters of their own.
pub(super) fn token_of(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|field| field.strip_prefix(PARAMETER))
}

/// The end and the target of a link's text.
fn read(text: &str) -> Option<(i64, Link)> {
    let mut parts = text.splitn(3, ' ');
    let resource = parts.next()?.parse().ok()?;
    let ends = parts.next()?.parse().ok()?;
    let path = parts.next()?.to_owned();
    Some((ends, Link { resource, path }))
}

fn check(paths: &Paths, resource: &ResourceId, path: &str) -> Result<(), LinkError> {
    if !is_own_path(path) {
        return Err(LinkError::InvalidPath);
    }
    let only_path = path.split(['?', '#']).next().unwrap_or_default();
    match paths.route(only_path) {
        (GateRoute::Pass, SessionScope::Any) => Ok(()),
        (GateRoute::Pass, SessionScope::Resource(here)) if here == *resource => Ok(()),
        (GateRoute::Pass, SessionScope::Resource(_) | SessionScope::None) => {
            Err(LinkError::OtherResource)
        }
        _ => Err(LinkError::InvalidPath),
    }
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn links(salts: &[&str]) -> Links {
        let salts: Vec<_> = salts
            .iter()
            .map(|salt| SsoSalt::new(*salt).unwrap())
            .collect();
        Links::new(&salts)
    }

    fn verify(links: &Links, link: &str) -> Result<Link, RejectionKind> {
        let (_, query) = link.split_once('?').unwrap();
        let paths = Paths::new(&Config::default());
        links.verify(&paths, token_of(query).unwrap(), OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn link_of_the_previous_salt_is_valid_during_a_rotation() {
        let (old, new) = ("the previous salt", "the current salt");
        let (id, paths) = (ID.parse().unwrap(), Paths::new(&Config::default()));
        let make = |links: &Links| {
            let epoch = OffsetDateTime::UNIX_EPOCH;
            links
                .make(&paths, &id, "/page?a=b#c", LINK_LIFE, epoch)
                .unwrap()
        };
        let link = make(&links(&[old]));
        let target = Link {
            resource: id,
            path: "/page?a=b#c".to_owned(),
        };
        assert_eq!(verify(&links(&[new, old]), &link).as_ref(), Ok(&target));
        assert_eq!(
            verify(&links(&[new]), &link),
            Err(RejectionKind::InvalidLink)
        );
        // New links have the current one.
        let link = make(&links(&[new, old]));
        assert_eq!(verify(&links(&[new]), &link).as_ref(), Ok(&target));
        assert_eq!(verify(&links(&[]), &link), Err(RejectionKind::InvalidLink));
        // Mail programs add parameters.
        let with_more = format!("{link}&utm_source=mail");
        assert_eq!(verify(&links(&[new]), &with_more).as_ref(), Ok(&target));
    }
}
