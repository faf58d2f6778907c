//! The error of the types that are read from text.

/// A text is not a valid value of the type that it was read as.
///
/// The message says what is expected. The text itself is not kept, because it may be a secret or an email.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(&'static str);

impl InvalidValue {
    /// With a message that says what is expected.
    #[doc(hidden)]
    pub const fn new(message: &'static str) -> Self {
        Self(message)
    }
}
