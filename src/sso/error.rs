//! Why an SSO request is refused.

use std::time::Duration;

use super::SsoPolicy;

/// Why an SSO request does not prove what it claims.
///
/// For logs and audit events. The response to the browser tells less: see
/// [`RefusalKind`](crate::RefusalKind). No variant holds a value from the request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SsoError {
    /// The body is not a form: a broken percent escape, or text that is not UTF-8 or has a NUL in it.
    #[error("the form is not well encoded")]
    BadEncoding,
    /// A known field stands in the request more than once.
    #[error("the field `{field}` is sent twice")]
    DuplicateField {
        /// The field's name.
        field: &'static str,
    },
    /// A field's name is longer than any field has.
    #[error("a field's name is longer than {limit} bytes")]
    LongName {
        /// The longest name that is read.
        limit: usize,
    },
    /// A field that the token covers does not follow its grammar.
    #[error("the field `{field}` is malformed")]
    MalformedField {
        /// The field's name.
        field: &'static str,
    },
    /// A field that the token covers is not there.
    #[error("the field `{field}` is missing")]
    MissingField {
        /// The field's name.
        field: &'static str,
    },
    /// The `x-addon-sso` header does not hold Heroku's answer.
    #[error("the header is not the base64 of an SSO answer in JSON, each field in it once")]
    MalformedHeader,
    /// No token is in the request.
    #[error("no token")]
    NoToken,
    /// The request verifies, by a token that the policy does not accept.
    #[error("`{field}` is right, but counts under the policy `{needed}` only")]
    PolicyExcludes {
        /// The token's field name.
        field: &'static str,
        /// The strictest policy that accepts it.
        needed: SsoPolicy,
    },
    /// The timestamp is further ahead than the clocks may differ.
    #[error("the timestamp is {ahead:?} ahead of our clock")]
    TimestampAhead {
        /// How far ahead of our clock.
        ahead: Duration,
    },
    /// The timestamp is too old.
    #[error("the timestamp is {age:?} old")]
    TimestampStale {
        /// How old.
        age: Duration,
    },
    /// The token is not the digest of the fields under any of the salts.
    #[error("`{field}` does not match the request")]
    TokenMismatch {
        /// The token's field name.
        field: &'static str,
    },
    /// More fields than any SSO request has.
    #[error("more than {limit} fields")]
    TooManyFields {
        /// The most fields that are read.
        limit: usize,
    },
}
