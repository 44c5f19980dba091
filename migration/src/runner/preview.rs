//! What `up` and `down` would do, found without changing anything.

use converge::{Previewed, session::Session};

use super::{
    records::{self, MigrationRecord},
    settings::Settings,
};
use crate::{Error, versions::Version};

/// What one migration would run on the database at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The migration's name.
    pub migration: String,
    /// In their order, with the one that records it or takes its record back. `None` where only running
    /// the migration shows them: it is an external migration, or is rolled back after one.
    pub statements: Option<Vec<String>>,
}

pub(super) async fn up(
    session: &Session<'_>,
    settings: &Settings,
    steps: Option<u32>,
) -> Result<Vec<Preview>, Error> {
    let backend = session.backend();
    let records = records::all(session, settings).await?;
    let pending = records.iter().filter(|one| one.applied_at.is_none());
    let mut previewed = Previewed::default();
    let mut previews = Vec::new();
    let table = &settings.records;
    let mut first = match records::are_kept(session, settings).await? {
        true => None,
        false => Some(table.create(backend)),
    };
    for MigrationRecord { name, .. } in pending.take(limit(steps)) {
        let statements = match Version::of(name)? {
            None => None,
            Some(Version { newer, .. }) => {
                let statements = previewed.up(session, &newer).await?;
                let first = first.take().into_iter();
                let record = table.insert(backend, name);
                Some(first.chain(statements).chain([record]).collect())
            }
        };
        previews.push(Preview {
            migration: name.clone(),
            statements,
        });
    }
    Ok(previews)
}

pub(super) async fn down(
    session: &Session<'_>,
    settings: &Settings,
    steps: Option<u32>,
) -> Result<Vec<Preview>, Error> {
    let applied = records::applied_migrations(session, settings).await?;
    let mut previewed = Previewed::default();
    let mut previews = Vec::new();
    // Rolled back before ours, they may take away what would be refused.
    let mut follows_external = false;
    for migration in applied.iter().rev().take(limit(steps)) {
        let name = migration.name();
        let statements = match Version::of(name)? {
            None => {
                follows_external = true;
                None
            }
            Some(_) if follows_external => None,
            Some(Version { older, newer }) => {
                let forget = settings.records.delete(session.backend(), name);
                Some(previewed.down(session, &older, &newer, forget).await?)
            }
        };
        previews.push(Preview {
            migration: name.to_owned(),
            statements,
        });
    }
    Ok(previews)
}

fn limit(steps: Option<u32>) -> usize {
    steps.map_or(usize::MAX, |steps| {
        usize::try_from(steps).unwrap_or(usize::MAX)
    })
}
