//! The body of a webhook, as far as it names what has changed.

use heroku_sso_store::{AppId, Email, ResourceId};
use serde::Deserialize;

/// A longer event id is invalid.
const MAX_ID: usize = 64;

/// A reason to ask Heroku.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ChangeHint {
    /// An app has changed, its collaborators or its owner.
    App(AppId),
    /// A collaborator may have left the app. The user's requests wait until Heroku was asked.
    Left(AppId, Email),
    /// An add-on or its attachments have changed.
    Resource(ResourceId),
}

/// One notification.
#[derive(Debug)]
pub(crate) struct Notification {
    /// The event's own id, which identifies repetitions; none if it has no usable one.
    pub(crate) event: Option<String>,
    /// None if it concerns nothing relevant here.
    pub(crate) hint: Option<ChangeHint>,
}

#[derive(Deserialize)]
struct NotificationJson {
    id: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    data: Option<DataJson>,
    webhook_metadata: Option<MetadataJson>,
}

#[derive(Deserialize)]
struct DataJson {
    id: Option<String>,
    app: Option<IdJson>,
    addon: Option<IdJson>,
    user: Option<UserJson>,
}

#[derive(Deserialize)]
struct MetadataJson {
    event: Option<IdJson>,
}

#[derive(Deserialize)]
struct IdJson {
    id: String,
}

#[derive(Deserialize)]
struct UserJson {
    email: Option<String>,
}

impl Notification {
    /// Reads a body whose signature was checked. None if it is not a valid notification.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let json: NotificationJson = serde_json::from_slice(body).ok()?;
        let event = json.webhook_metadata.and_then(|metadata| metadata.event);
        let event = event.map(|event| event.id).or(json.id);
        let resource = json.resource.unwrap_or_default();
        let destroyed = json.action.as_deref() == Some("destroy");
        let hint = json.data.and_then(|data| data.hint(&resource, destroyed));
        Some(Self {
            event: event.filter(|id| !id.is_empty() && id.len() <= MAX_ID),
            hint,
        })
    }
}

impl DataJson {
    fn hint(self, resource: &str, destroyed: bool) -> Option<ChangeHint> {
        match resource {
            "collaborator" => {
                let app = self.app?.id.parse().ok()?;
                let email = self.user.and_then(|user| user.email?.parse().ok());
                Some(match email.filter(|_| destroyed) {
                    Some(email) => ChangeHint::Left(app, email),
                    None => ChangeHint::App(app),
                })
            }
            "app" => Some(ChangeHint::App(self.id?.parse().ok()?)),
            "addon" => Some(ChangeHint::Resource(self.id?.parse().ok()?)),
            "addon-attachment" => Some(ChangeHint::Resource(self.addon?.id.parse().ok()?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(body: &str) -> Option<ChangeHint> {
        Notification::read(body.as_bytes()).unwrap().hint
    }

    #[test]
    fn each_kind_gives_its_change_hint() {
        let app: AppId = "a0000000-0000-4000-8000-000000000001".parse().unwrap();
        let resource: ResourceId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
        let collaborator = |action: &str| {
            hint(&format!(
                r#"{{"action":"{action}","resource":"collaborator","data":{{"app":{{"id":"{app}"}},
                "user":{{"email":"Dev@example.com"}}}}}}"#
            ))
        };
        let left = ChangeHint::Left(app.clone(), "dev@example.com".parse().unwrap());
        assert_eq!(collaborator("destroy"), Some(left));
        assert_eq!(collaborator("create"), Some(ChangeHint::App(app.clone())));
        assert_eq!(collaborator("update"), Some(ChangeHint::App(app.clone())));
        let of_app = format!(r#"{{"resource":"app","data":{{"id":"{app}"}}}}"#);
        assert_eq!(hint(&of_app), Some(ChangeHint::App(app)));
        let of_addon = format!(r#"{{"resource":"addon","data":{{"id":"{resource}"}}}}"#);
        assert_eq!(hint(&of_addon), Some(ChangeHint::Resource(resource)));
        let attached = format!(
            r#"{{"resource":"addon-attachment","data":{{"addon":{{"id":"{resource}"}}}}}}"#
        );
        assert_eq!(hint(&attached), Some(ChangeHint::Resource(resource)));
    }

    #[test]
    fn a70_unreadable_notification_gives_no_hint() {
        assert!(Notification::read(b"not json").is_none());
        assert!(Notification::read(b"[]").is_none());
        for body in [
            "{}",
            r#"{"resource":"dyno","data":{"id":"x"}}"#,
            r#"{"resource":"app","data":{"id":"a/b"}}"#,
            r#"{"resource":"addon","data":{"id":"nonsense"}}"#,
            r#"{"resource":"collaborator","data":{}}"#,
        ] {
            assert_eq!(hint(body), None, "{body}");
        }
    }

    #[test]
    fn event_id_is_preferred_to_notification_id() {
        let both = br#"{"id":"n","webhook_metadata":{"event":{"id":"e"}}}"#;
        assert_eq!(Notification::read(both).unwrap().event.unwrap(), "e");
        let one = br#"{"id":"n"}"#;
        assert_eq!(Notification::read(one).unwrap().event.unwrap(), "n");
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(65));
        assert_eq!(Notification::read(long.as_bytes()).unwrap().event, None);
    }
}
