//! Why an SSO request is rejected.

use std::time::Duration;

use super::SsoPolicy;

/// Why an SSO request does not prove its claims.
///
/// For logs and audit events. The response to the browser contains less: see
/// [`RejectionKind`](crate::RejectionKind). No variant contains a value from the request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SsoError {
    /// The body is not a valid form: a broken percent escape, or text that is not UTF-8 or contains a NUL.
    #[error("the form is not correctly encoded")]
    BadEncoding,
    /// A known field occurs more than once in the request, or as an array (`email[]`).
    #[error("the field `{field}` is sent twice")]
    DuplicateField {
        /// The field's name.
        field: &'static str,
    },
    /// A field's name is longer than any field of an SSO request.
    #[error("a field's name is longer than {limit} bytes")]
    LongName {
        /// The maximum length of a name.
        limit: usize,
    },
    /// A field that is read, or the token itself, does not follow its grammar.
    #[error("the field `{field}` is malformed")]
    MalformedField {
        /// The field's name.
        field: &'static str,
    },
    /// A field that every request needs, or that the token covers, is missing.
    #[error("the field `{field}` is missing")]
    MissingField {
        /// The field's name.
        field: &'static str,
    },
    /// The `x-addon-sso` header does not contain Heroku's answer.
    #[error("the header is not the base64 of an SSO answer in JSON with each field once")]
    MalformedHeader,
    /// The request has no token.
    #[error("the request has no token")]
    NoToken,
    /// The request verifies, but with a token that the policy does not accept.
    #[error("`{field}` is valid, but only the policy `{needed}` accepts it")]
    PolicyExcludes {
        /// The token's field name.
        field: &'static str,
        /// The strictest policy that accepts it.
        needed: SsoPolicy,
    },
    /// The timestamp is further ahead than the maximum clock difference.
    #[error("the timestamp is {ahead:?} ahead of our clock")]
    TimestampAhead {
        /// The difference to our clock.
        ahead: Duration,
    },
    /// The timestamp is too old.
    #[error("the timestamp is {age:?} old")]
    TimestampStale {
        /// Its age.
        age: Duration,
    },
    /// The token is not the digest of the fields with any of the salts.
    #[error("`{field}` does not match the request")]
    TokenMismatch {
        /// The token's field name.
        field: &'static str,
    },
    /// More fields than any SSO request.
    #[error("more than {limit} fields")]
    TooManyFields {
        /// The maximum number of fields.
        limit: usize,
    },
}
