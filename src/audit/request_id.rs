//! The id of a request, by which its events can be found in other logs.

use http::{HeaderMap, HeaderValue};
use uuid::Builder;

/// Heroku's router sets it, and passes on one that a client sent.
const HEADER: &str = "x-request-id";

/// The id that the client or a router gave to this request. It is written to the audit log, and nothing is
/// decided by it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(Option<HeaderValue>);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let id = headers
            .get(HEADER)
            .filter(|id| is_well_formed(id.as_bytes()));
        Self(id.cloned())
    }

    /// The id, or a random one.
    pub(super) fn text(&self) -> String {
        let known = self.0.as_ref().and_then(|id| id.to_str().ok());
        match known {
            Some(id) => id.to_owned(),
            None => {
                let random = fastrand::u128(..).to_be_bytes();
                Builder::from_random_bytes(random).into_uuid().to_string()
            }
        }
    }
}

/// The characters of Heroku's router and `_`. No email and no address can be written with them.
fn is_well_formed(id: &[u8]) -> bool {
    let is_in_alphabet = |b: &u8| b.is_ascii_alphanumeric() || b"-_+/=".contains(b);
    (8..=128).contains(&id.len()) && id.iter().all(is_in_alphabet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(header: &str) -> String {
        let header = HeaderValue::from_str(header).unwrap();
        let id = HeaderMap::from_iter([(HEADER.parse().unwrap(), header)]);
        RequestId::of(&id).text()
    }

    #[test]
    fn well_formed_request_id_is_kept_and_any_other_is_replaced() {
        let longest = "a".repeat(128);
        let heroku = "01234567-89ab-cdef-0123-456789abcdef";
        for id in [heroku, "12345678", "a_b+c/d=", &longest] {
            assert_eq!(id_for(id), id);
        }
        let too_long = "a".repeat(129);
        let malformed = [
            "",
            "1234567",
            "ann@example.com",
            "two words",
            "a\tb\tc\td\te",
            &too_long,
        ];
        for id in malformed {
            assert_eq!(id_for(id).len(), 36, "{id}");
            assert_ne!(id_for(id), id_for(id), "{id}");
        }
    }
}
