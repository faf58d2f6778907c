//! The form that Heroku makes the browser post, parsed strictly.

use std::fmt;

use super::SsoError;

/// A form with more fields is rejected. Heroku sends about eleven.
const MAX_FIELDS: usize = 100;

/// The maximum length of a name in bytes, as it is sent. Heroku's longest has 26.
const MAX_NAME: usize = 256;

/// The fields of an SSO request that this crate knows, as sent; unknown fields are ignored.
///
/// Contains unverified text. `Debug` shows which fields are present, never their values.
#[derive(Clone, Default)]
pub struct SsoRequest {
    pub(super) app: Option<String>,
    pub(super) context_app: Option<String>,
    pub(super) email: Option<String>,
    pub(super) id: Option<String>,
    pub(super) nav_data: Option<String>,
    pub(super) resource_id: Option<String>,
    pub(super) resource_token: Option<String>,
    pub(super) timestamp: Option<String>,
    pub(super) token: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) user_scoped_resource_token: Option<String>,
}

impl SsoRequest {
    /// Reads an `application/x-www-form-urlencoded` body, or a query string.
    ///
    /// # Errors
    /// [`SsoError`] for a broken escape, text that is not UTF-8 or contains a NUL, a known field sent
    /// twice or as an array (`email[]`), more than 100 fields, or a name of more than 256 bytes.
    pub fn parse(form: &[u8]) -> Result<Self, SsoError> {
        let mut request = Self::default();
        let pairs = form.split(|&b| b == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count == MAX_FIELDS {
                return Err(SsoError::TooManyFields { limit: MAX_FIELDS });
            }
            let mut halves = pair.splitn(2, |&b| b == b'=');
            let name = halves.next().unwrap_or_default();
            if name.len() > MAX_NAME {
                return Err(SsoError::LongName { limit: MAX_NAME });
            }
            let name = decode(name)?;
            let value = decode(halves.next().unwrap_or_default())?;
            let (base, is_array) = match name.split_once('[') {
                Some((base, _)) => (base, true),
                None => (name.as_str(), false),
            };
            let Some((field, slot)) = request.slot(base) else {
                continue;
            };
            if is_array || slot.is_some() {
                return Err(SsoError::DuplicateField { field });
            }
            *slot = Some(value);
        }
        Ok(request)
    }

    /// True if the request has none of the fields that this crate knows.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_none())
    }

    /// The resource that the form names, unverified.
    pub(crate) fn resource_id(&self) -> Option<&str> {
        self.resource_id.as_deref()
    }

    /// The provider's own id in the form, unverified.
    pub(crate) fn legacy_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The same request with the provider's own id, which came in another part of the HTTP request.
    ///
    /// # Errors
    /// [`SsoError::DuplicateField`] if the form contains it as well.
    pub(crate) fn with_id(mut self, id: String) -> Result<Self, SsoError> {
        match self.id.replace(id) {
            Some(_) => Err(SsoError::DuplicateField { field: "id" }),
            None => Ok(self),
        }
    }

    pub(super) fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        Some(match name {
            "app" => ("app", &mut self.app),
            "context_app" => ("context_app", &mut self.context_app),
            "email" => ("email", &mut self.email),
            "id" => ("id", &mut self.id),
            "nav-data" => ("nav-data", &mut self.nav_data),
            "resource_id" => ("resource_id", &mut self.resource_id),
            "resource_token" => ("resource_token", &mut self.resource_token),
            "timestamp" => ("timestamp", &mut self.timestamp),
            "token" => ("token", &mut self.token),
            "user_id" => ("user_id", &mut self.user_id),
            "user_scoped_resource_token" => (
                "user_scoped_resource_token",
                &mut self.user_scoped_resource_token,
            ),
            _ => return None,
        })
    }

    pub(crate) fn fields(&self) -> [(&'static str, &Option<String>); 11] {
        [
            ("app", &self.app),
            ("context_app", &self.context_app),
            ("email", &self.email),
            ("id", &self.id),
            ("nav-data", &self.nav_data),
            ("resource_id", &self.resource_id),
            ("resource_token", &self.resource_token),
            ("timestamp", &self.timestamp),
            ("token", &self.token),
            ("user_id", &self.user_id),
            (
                "user_scoped_resource_token",
                &self.user_scoped_resource_token,
            ),
        ]
    }
}

impl fmt::Debug for SsoRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = self.fields();
        let names = sent.iter().filter(|(_, value)| value.is_some());
        f.debug_set().entries(names.map(|(name, _)| name)).finish()
    }
}

/// Form decoding that rejects input which the usual decoders repair. They accept a stray `%` and
/// replace invalid UTF-8, so that two different bodies would decode alike. No field that Heroku sends
/// contains a NUL, at which some parsers stop.
fn decode(text: &[u8]) -> Result<String, SsoError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes.next().ok_or(SsoError::BadEncoding)?;
                let low = bytes.next().ok_or(SsoError::BadEncoding)?;
                let mut value = [0];
                hex::decode_to_slice([*high, *low], &mut value)
                    .map_err(|_| SsoError::BadEncoding)?;
                value[0]
            }
            other => other,
        });
    }
    if decoded.contains(&0) {
        return Err(SsoError::BadEncoding);
    }
    String::from_utf8(decoded).map_err(|_| SsoError::BadEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_decoded_without_unknown_fields() {
        let request =
            SsoRequest::parse(b"email=user%2Btag%40example.com&app=my+app&colour=red&").unwrap();
        assert_eq!(request.email.as_deref(), Some("user+tag@example.com"));
        assert_eq!(request.app.as_deref(), Some("my app"));
        assert_eq!(format!("{request:?}"), r#"{"app", "email"}"#);
    }

    #[test]
    fn duplicate_known_field_is_rejected() {
        for body in [
            "email=a&email=a",
            "email=a&email[]=b",
            "email[]=b",
            "%65mail=a&email=b",
            "timestamp=1&timestamp=1",
        ] {
            assert!(
                matches!(
                    SsoRequest::parse(body.as_bytes()),
                    Err(SsoError::DuplicateField { .. })
                ),
                "{body}"
            );
        }
    }

    #[test]
    fn broken_escapes_and_broken_utf8_are_rejected() {
        for body in [
            &b"email=%"[..],
            b"email=%4",
            b"email=%zz",
            b"email=%+1",
            b"email=%ff",
            b"email=\xff",
            b"email=%ED%A0%80",
            b"other=%zz",
            b"other=a%00b",
            b"other=\0",
        ] {
            assert_eq!(SsoRequest::parse(body).unwrap_err(), SsoError::BadEncoding);
        }
    }

    #[test]
    fn form_of_more_than_100_fields_is_rejected() {
        let body = "x=1&".repeat(100);
        assert!(SsoRequest::parse(body.as_bytes()).is_ok());
        let body = "x=1&".repeat(101);
        assert_eq!(
            SsoRequest::parse(body.as_bytes()).unwrap_err(),
            SsoError::TooManyFields { limit: 100 }
        );
    }
    #[test]
    fn field_name_of_more_than_256_bytes_is_rejected() {
        let body = |length| format!("email=a&{}=1", "n".repeat(length));
        assert!(SsoRequest::parse(body(256).as_bytes()).is_ok());
        assert_eq!(
            SsoRequest::parse(body(257).as_bytes()).unwrap_err(),
            SsoError::LongName { limit: 256 }
        );
    }
}
