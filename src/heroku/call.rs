//! What is asked of Heroku, by the names that errors and metrics have for it.

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    AddOn,
    App,
    Collaborators,
    TeamMembers,
    Tokens,
    Webhooks,
}

impl Call {
    /// In a sentence: "heroku's answer about …".
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::AddOn => "the add-on",
            Self::App => "the app",
            Self::Collaborators => "collaborators",
            Self::TeamMembers => "team members",
            Self::Tokens => "the tokens",
            Self::Webhooks => "the webhooks",
        }
    }

    /// As the label of a metric.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::AddOn => "add_on",
            Self::App => "app",
            Self::Collaborators => "collaborators",
            Self::TeamMembers => "team_members",
            Self::Tokens => "tokens",
            Self::Webhooks => "webhooks",
        }
    }
}
