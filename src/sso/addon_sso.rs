//! Heroku's SSO answer, which its command-line plugins send in the header `x-addon-sso`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{SsoError, SsoRequest};

/// The maximum length of the header, in bytes. Heroku's answer has about one kilobyte.
const MAX_HEADER: usize = 16 * 1024;

impl SsoRequest {
    /// Reads the value of an `x-addon-sso` header: the base64 of `{"action", "method", "params"}` in
    /// JSON, whose `params` are the fields of the form.
    ///
    /// # Errors
    /// [`SsoError::MalformedHeader`] if the value has another format or is longer than 16 KiB. Also if a
    /// known field occurs twice or as an array (`email[]`), contains a NUL, or is neither text, nor a
    /// non-negative whole number, nor null.
    pub fn from_addon_sso(header: &[u8]) -> Result<Self, SsoError> {
        if header.len() > MAX_HEADER {
            return Err(SsoError::MalformedHeader);
        }
        let json = STANDARD.decode(header);
        let json = json.map_err(|_| SsoError::MalformedHeader)?;
        // As text: given bytes, the parser would accept invalid UTF-8 in fields that are not read.
        let json = String::from_utf8(json).map_err(|_| SsoError::MalformedHeader)?;
        // The parser would accept a list as an object without names.
        if !json.trim_start().starts_with('{') {
            return Err(SsoError::MalformedHeader);
        }
        let answer: Answer = serde_json::from_str(&json).map_err(|_| SsoError::MalformedHeader)?;
        Ok(answer.params.0)
    }
}

#[derive(Deserialize)]
struct Answer {
    params: Params,
}

struct Params(SsoRequest);

/// The timestamp is a number in Heroku's schema, and text in its form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    Number(u64),
    Absent(()),
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Params;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of an SSO request")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Params, M::Error> {
        let mut request = SsoRequest::default();
        let mut nulls = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let base = name.split('[').next().unwrap_or_default();
            let Some((field, slot)) = request.slot(base) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if base != name || slot.is_some() || nulls.contains(&field) {
                return Err(Error::duplicate_field(field));
            }
            *slot = match map.next_value()? {
                // As in a form, which has no NUL either.
                Field::Text(text) if text.contains('\0') => return Err(Error::custom("a NUL")),
                Field::Text(text) => Some(text),
                Field::Number(number) => Some(number.to_string()),
                Field::Absent(()) => {
                    nulls.push(field);
                    None
                }
            };
        }
        Ok(Params(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<SsoRequest, SsoError> {
        SsoRequest::from_addon_sso(STANDARD.encode(json).as_bytes())
    }

    #[test]
    fn only_the_params_are_read_as_fields() {
        let json = r#"{"action": "https://x", "method": "post", "more": {"email": "no"}, "params":
            {"email": "a@b.c", "timestamp": 1267597772, "nav-data": "e30", "app": null, "x": [1]}}"#;
        let request = read(json).unwrap();
        assert_eq!(request.email.as_deref(), Some("a@b.c"));
        assert_eq!(request.timestamp.as_deref(), Some("1267597772"));
        assert_eq!(request.nav_data.as_deref(), Some("e30"));
        assert_eq!(request.app, None);
    }

    #[test]
    fn ambiguous_or_malformed_header_is_rejected() {
        for json in [
            "",
            "{}",
            "[]",
            r#"{"params": []}"#,
            r#"[{"email": "a@b.c"}]"#,
            r#"{"params": {"email": "a@b.c", "email": "d@e.f"}}"#,
            r#"{"params": {"email": "a@b.c", "\u0065mail": "d@e.f"}}"#,
            r#"{"params": {"email": null, "email": "d@e.f"}}"#,
            r#"{"params": {"email": null, "email": null}}"#,
            r#"{"params": {"email": "a@b.c"}, "params": {"email": "d@e.f"}}"#,
            r#"{"params": {"email[]": "a@b.c"}}"#,
            r#"{"params": {"nav-data": "e30\u0000"}}"#,
            r#"{"params": {"email": ["a@b.c"]}}"#,
            r#"{"params": {"timestamp": 1.5}}"#,
            r#"{"params": {"timestamp": -1}}"#,
            r#"{"params": {"email": "a@b.c"}} x"#,
        ] {
            assert_eq!(read(json).unwrap_err(), SsoError::MalformedHeader, "{json}");
        }
        for header in [&b"%%%"[..], b"e30", b"\xff", &[b'A'; 20_000]] {
            assert!(SsoRequest::from_addon_sso(header).is_err());
        }
    }

    #[test]
    fn a23_a_header_that_is_not_utf8_is_rejected_in_any_field() {
        for json in [
            &b"{\"params\": {\"email\": \"\xff@b.c\"}}"[..],
            b"{\"params\": {\"more\": \"\xff\"}}",
            b"{\"action\": \"\xff\", \"params\": {}}",
        ] {
            let header = STANDARD.encode(json);
            assert!(SsoRequest::from_addon_sso(header.as_bytes()).is_err());
        }
    }
}
