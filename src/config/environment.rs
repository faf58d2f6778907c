//! Manifest and settings from environment variables.

use std::collections::BTreeMap;
use std::env::{self, VarError};

use url::Url;

use super::variable::{Fallback, Values, Variable};
use super::variables::{VARIABLES, variable};
use super::{Config, CookieTransport, Database, Manifest, SetupError};
#[cfg(feature = "jwt")]
use crate::jwt::JwtKeys;
use crate::secret::WebhookSecret;
use crate::webhook::Webhooks;

/// What the variables set.
pub(crate) struct Environment {
    pub(crate) manifest: Manifest,
    pub(crate) config: Config,
    /// The store that `DATABASE_URL` names.
    pub(crate) database: Option<Database>,
    /// True if there is a key for the tokens in a database.
    pub(crate) has_encryption_key: bool,
    /// The keys of sessions in cookies.
    #[cfg(feature = "jwt")]
    pub(crate) session_keys: Option<JwtKeys>,
}

impl Environment {
    /// Reads the variables of this process.
    pub(crate) fn of_process() -> Result<Self, SetupError> {
        let mut set = BTreeMap::new();
        for Variable { name, .. } in VARIABLES {
            if let Some(text) = of_process(name)? {
                set.insert(*name, text);
            }
        }
        Self::read(|name| set.get(name).cloned())
    }

    /// Reads variables from elsewhere. An empty value counts as none, and surrounding spaces and line breaks
    /// are ignored, as they often come with a copied value.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SetupError> {
        let (mut values, mut missing) = (Values::default(), Vec::new());
        for variable in VARIABLES {
            let text = lookup(variable.name).unwrap_or_default();
            match (text.trim(), variable.default) {
                ("", Fallback::Required) => missing.push(variable.missing()),
                ("", _) => {}
                (text, _) => {
                    let read = (variable.read)(&mut values, text);
                    read.map_err(|unusable| unusable.of(variable.name))?;
                }
            }
        }
        let manifest = match (values.password, values.client_secret) {
            (Some(password), Some(client_secret)) if missing.is_empty() => Manifest {
                slug: values.slug,
                password,
                sso_salts: values.salts,
                client_secret,
            },
            _ => return Err(SetupError::MissingVariables { variables: missing }),
        };
        let mut config = values.config;
        if config.explain_rejections && config.cookies != CookieTransport::InsecureHttp {
            return Err(SetupError::Needs {
                setting: "EXPLAIN_REJECTIONS",
                other: "INSECURE_COOKIES=1: it is for development only, and otherwise to be unset",
            });
        }
        config.webhooks = webhooks(values.webhook_secrets, values.webhook_url)?;
        let database = values.database_url.map(|url| Database {
            url,
            #[cfg(any(feature = "postgres", feature = "sqlite"))]
            keys: values.encryption_keys,
        });
        Ok(Self {
            manifest,
            config,
            database,
            has_encryption_key: values.has_encryption_key,
            #[cfg(feature = "jwt")]
            session_keys: values.session_keys,
        })
    }
}

fn webhooks(secrets: Vec<WebhookSecret>, url: Option<Url>) -> Result<Option<Webhooks>, SetupError> {
    let mut secrets = secrets.into_iter();
    match (secrets.next(), url) {
        (Some(first), url) => {
            let webhooks = secrets.fold(Webhooks::new(first), Webhooks::with_previous_secret);
            Ok(Some(match url {
                Some(url) => webhooks.subscribe_at(url),
                None => webhooks,
            }))
        }
        (None, Some(_)) => Err(SetupError::MissingVariables {
            variables: vec![variable("HEROKU_WEBHOOK_SECRET").missing()],
        }),
        (None, None) => Ok(None),
    }
}

/// The value of a variable of this process, unless it is empty.
fn of_process(variable: &'static str) -> Result<Option<String>, SetupError> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(SetupError::InvalidVariable {
            variable,
            reason: "not UTF-8".into(),
        }),
    }
}
