//! Migrations of the database tables at the start.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use sqlx::error::BoxDynError;
use sqlx::migrate::{Migration, MigrationSource, MigrationType, Migrator};

use crate::store_error::StoreError;

/// A migrator for these migrations (version, name and SQL), which runs those that are missing. It ignores the
/// migrations of later versions: each version works with the tables of the next, so that old and new
/// processes run side by side during a release.
pub(crate) async fn migrator(
    migrations: impl IntoIterator<Item = (i64, &'static str, &'static str)>,
) -> Result<Migrator, StoreError> {
    let migrations = migrations.into_iter().map(|(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into(), false)
    });
    let migrations = Embedded(migrations.collect());
    let mut migrator = Migrator::new(migrations).await.map_err(StoreError::new)?;
    migrator.set_ignore_missing(true);
    Ok(migrator)
}

struct Embedded(Vec<Migration>);

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({})", self.0.len())
    }
}

impl<'s> MigrationSource<'s> for Embedded {
    fn resolve(
        self,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Migration>, BoxDynError>> + Send + 's>> {
        Box::pin(std::future::ready(Ok(self.0)))
    }
}
