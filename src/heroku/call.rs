//! The kinds of calls to Heroku, and their names in errors and metrics.

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    AddOn,
    App,
    Collaborators,
    TeamMembers,
    Attachments,
    Tokens,
    Webhooks,
}

impl Call {
    /// The object of a sentence: "heroku's answer about …".
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::AddOn => "the add-on",
            Self::App => "the app",
            Self::Collaborators => "collaborators",
            Self::TeamMembers => "team members",
            Self::Attachments => "attachments",
            Self::Tokens => "the tokens",
            Self::Webhooks => "the webhooks",
        }
    }

    /// The label of the call in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::AddOn => "add_on",
            Self::App => "app",
            Self::Collaborators => "collaborators",
            Self::TeamMembers => "team_members",
            Self::Attachments => "attachments",
            Self::Tokens => "tokens",
            Self::Webhooks => "webhooks",
        }
    }
}
