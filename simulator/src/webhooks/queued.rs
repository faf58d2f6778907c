//! A notification before it is signed, and the kinds of its entities.

use axum::body::Bytes;
use uuid::Uuid;

/// A notification to be signed: the secret is the subscription's when it is sent.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) addon: Uuid,
    pub(super) webhook: Uuid,
    pub(super) event: Uuid,
    pub(super) entity: Entity,
    pub(super) action: Action,
    pub(super) body: Bytes,
}

/// The kinds of entities that notifications are about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entity {
    AddOn,
    Attachment,
    App,
    Collaborator,
}

impl Entity {
    pub(super) fn include(self) -> &'static str {
        match self {
            Self::AddOn => "api:addon",
            Self::Attachment => "api:addon-attachment",
            Self::App => "api:app",
            Self::Collaborator => "api:collaborator",
        }
    }

    pub(super) fn resource(self) -> &'static str {
        self.include().trim_start_matches("api:")
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Create,
    Update,
    Destroy,
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Destroy => "destroy",
        }
    }
}
