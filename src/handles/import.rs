//! Takes over resources from the partner's own table of tokens.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::{LegacyId, ResourceId, Tokens};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::handles::RegisterError;
use crate::sync::{Directory, OauthGrant, Registered, SyncError};

/// The report has the numbers of at most this many unreadable rows.
const MAX_INVALID_ROWS: usize = 100;

/// One row of a table of tokens.
///
/// It can be deserialized from the fields `resource` (or `uuid`), `access_token`, `refresh_token`,
/// `expires_at` (RFC 3339, or seconds since 1970) and `legacy_id`; the last two may be absent or empty. So
/// JSON lines and CSV need only `serde_json` or `csv`: see [`Resources::import`](crate::Resources::import).
/// `Debug` prints no token.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Row")]
#[non_exhaustive]
pub struct ImportRecord {
    /// The resource.
    pub resource: ResourceId,
    /// Its tokens.
    pub tokens: Tokens,
    /// The `id` of your response to its provisioning, if it signs in with the version 1 token.
    pub legacy_id: Option<LegacyId>,
}

impl ImportRecord {
    /// A resource, and its tokens.
    pub fn new(resource: ResourceId, tokens: Tokens) -> Self {
        Self {
            resource,
            tokens,
            legacy_id: None,
        }
    }
}

#[derive(Deserialize)]
struct Row {
    #[serde(alias = "uuid")]
    resource: String,
    access_token: String,
    refresh_token: String,
    expires_at: Option<Moment>,
    legacy_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(i64),
    Text(String),
}

impl TryFrom<Row> for ImportRecord {
    type Error = &'static str;

    /// Never names a value, as it may be a token in the wrong column.
    fn try_from(row: Row) -> Result<Self, &'static str> {
        let resource = row
            .resource
            .parse()
            .map_err(|_| "`resource` is not a UUID")?;
        if row.refresh_token.is_empty() {
            return Err("`refresh_token` is empty");
        }
        let expires_at = match row.expires_at {
            // Unknown: the token is renewed before its first use.
            None => OffsetDateTime::UNIX_EPOCH,
            Some(moment) => moment.read().ok_or("`expires_at` is not a time")?,
        };
        let legacy_id = row.legacy_id.filter(|id| !id.is_empty());
        let legacy_id = legacy_id.map(|id| id.parse()).transpose();
        Ok(Self {
            resource,
            tokens: Tokens::new(row.access_token, row.refresh_token, expires_at),
            legacy_id: legacy_id.map_err(|_| "`legacy_id` is invalid")?,
        })
    }
}

impl Moment {
    fn read(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Seconds(seconds) => OffsetDateTime::from_unix_timestamp(*seconds).ok(),
            Self::Text(text) if text.is_empty() => Some(OffsetDateTime::UNIX_EPOCH),
            Self::Text(text) => match text.parse() {
                Ok(seconds) => Self::Seconds(seconds).read(),
                Err(_) => OffsetDateTime::parse(text, &Rfc3339).ok(),
            },
        }
    }
}

/// An import that has not begun. From [`Resources::import`](crate::Resources::import).
#[must_use = "an import does nothing until `run` is called"]
pub struct Import<I> {
    directory: Arc<Directory>,
    rows: I,
    is_dry_run: bool,
    progress: Box<dyn FnMut(&ImportReport) + Send>,
}

/// How an import went, or would go.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// True if nothing was written.
    pub dry_run: bool,
    /// Rows that were read.
    pub rows: u64,
    /// Resources that were not known before, or had no tokens.
    pub registered: u64,
    /// Resources whose tokens were replaced by ones that expire later.
    pub replaced: u64,
    /// [Dormant](crate::Resources::dormant) resources whose tokens were replaced. They stay dormant until
    /// Heroku answers the new tokens with the list.
    pub dormant: u64,
    /// Resources that already had tokens which expire later, and only got another `legacy_id`.
    pub renamed: u64,
    /// Resources that have these tokens already, or ones that expire later.
    pub unchanged: u64,
    /// Resources that are deprovisioned here, and stay so.
    pub deprovisioned: u64,
    /// Rows that could not be read.
    pub invalid: u64,
    /// The numbers of the first hundred of those rows, from 1. What is in them may be secret.
    pub invalid_rows: Vec<u64>,
}

/// An import that stopped halfway. Run it again: it skips what is done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the import stopped after {} rows; run it again", report.rows)]
#[non_exhaustive]
pub struct ImportError {
    /// What was done until then.
    pub report: ImportReport,
    /// Why it stopped.
    #[source]
    pub source: RegisterError,
}

impl<I> Import<I> {
    pub(super) fn new(directory: Arc<Directory>, rows: I) -> Self {
        Self {
            directory,
            rows,
            is_dry_run: false,
            progress: Box::new(|_| ()),
        }
    }

    /// Reads everything, and writes nothing: the report says what would be done.
    pub fn dry_run(mut self) -> Self {
        self.is_dry_run = true;
        self
    }

    /// Calls this after each row.
    pub fn on_progress(mut self, progress: impl FnMut(&ImportReport) + Send + 'static) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Imports one row after the other.
    ///
    /// # Cancel safety
    /// If the future is dropped, the row that has begun is completed, and no other is begun.
    ///
    /// # Errors
    /// [`ImportError`] if the store is unavailable, or other work on a resource takes too long.
    pub async fn run<E>(mut self) -> Result<ImportReport, ImportError>
    where
        I: IntoIterator<Item = Result<ImportRecord, E>>,
    {
        let mut report = ImportReport {
            dry_run: self.is_dry_run,
            ..ImportReport::default()
        };
        for row in self.rows {
            if let Err(source) = import(&self.directory, row, &mut report).await {
                let source = source.into();
                return Err(ImportError { report, source });
            }
            (self.progress)(&report);
        }
        Ok(report)
    }
}

async fn import<E>(
    directory: &Directory,
    row: Result<ImportRecord, E>,
    report: &mut ImportReport,
) -> Result<(), SyncError> {
    let number = report.rows + 1;
    let Ok(record) = row else {
        report.rows = number;
        report.invalid += 1;
        if report.invalid_rows.len() < MAX_INVALID_ROWS {
            report.invalid_rows.push(number);
        }
        return Ok(());
    };
    let registered = register(directory, record, report.dry_run).await;
    let count = match registered {
        Ok(Registered::New | Registered::FirstTokens) => &mut report.registered,
        Ok(Registered::NewTokens) => &mut report.replaced,
        Ok(Registered::StaysDormant) => &mut report.dormant,
        Ok(Registered::Renamed) => &mut report.renamed,
        Ok(Registered::Unchanged) => &mut report.unchanged,
        Err(SyncError::Gone) => &mut report.deprovisioned,
        Err(error) => return Err(error),
    };
    *count += 1;
    report.rows = number;
    Ok(())
}

/// Registers a row, and says what that has changed, or would change.
async fn register(
    directory: &Directory,
    record: ImportRecord,
    is_dry_run: bool,
) -> Result<Registered, SyncError> {
    let ImportRecord {
        resource,
        tokens,
        legacy_id,
    } = record;
    let lifecycle = directory.lifecycle();
    let expected = lifecycle
        .would_register(&resource, tokens.clone(), legacy_id.clone())
        .await?;
    if is_dry_run || expected == Registered::Unchanged {
        return Ok(expected);
    }
    let grant = OauthGrant::Tokens(tokens);
    lifecycle.register(&resource, Some(grant), legacy_id).await
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            f.write_str("dry run: ")?;
        }
        write!(
            f,
            "{} rows: {} registered, {} replaced, {} dormant, {} renamed, {} unchanged, {} deprovisioned, \
             {} invalid",
            self.rows,
            self.registered,
            self.replaced,
            self.dormant,
            self.renamed,
            self.unchanged,
            self.deprovisioned,
            self.invalid
        )
    }
}

impl<I> fmt::Debug for Import<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("is_dry_run", &self.is_dry_run)
            .finish_non_exhaustive()
    }
}
