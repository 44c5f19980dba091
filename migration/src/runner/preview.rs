//! Previews of `up` and `down`, which change nothing.

use converge::{DifferenceReport, Previewed, session::Session};

use super::{
    extent::Range,
    records::{self, MigrationRecord},
    settings::Settings,
};
use crate::{Error, versions::Version};

/// The statements that one migration would run on the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The name of the migration.
    pub migration: String,
    /// The statements in their order, including the one that inserts or deletes the migration's
    /// record.
    ///
    /// `None` if only running the migration shows them: it is an external migration, is rolled back
    /// after one, or needs what an earlier pending one creates.
    pub statements: Option<Vec<String>>,
    /// The differences that would be fixed, with their steps, whose statements are among those
    /// above. Each step has its lock, and how much of the table it rewrites. Empty if the migration
    /// is rolled back.
    pub differences: Vec<DifferenceReport>,
}

impl Preview {
    /// Returns the preview of a migration of which only the name is known: an external one, or one
    /// that depends on one.
    fn of_external(name: &str) -> Self {
        Self {
            migration: name.to_owned(),
            statements: None,
            differences: Vec::new(),
        }
    }
}

pub(super) async fn up(
    session: &Session<'_>,
    settings: &Settings,
    range: &Range,
) -> Result<Vec<Preview>, Error> {
    let backend = session.backend();
    let records = records::all(session, settings).await?;
    let is_pending =
        |one: &&MigrationRecord| one.applied_at.is_none() && range.up().contains(&one.name);
    let pending = records.iter().filter(is_pending);
    let mut previewed = Previewed::default();
    let mut previews = Vec::new();
    let table = &settings.records;
    let mut first = match records::are_kept(session, settings).await? {
        true => None,
        false => Some(table.create(backend)),
    };
    // External migrations that are applied before ours may create what ours would be refused for
    // lacking.
    let mut follows_external = false;
    let mut is_unknown = false;
    for MigrationRecord { name, .. } in pending.take(range.limit()) {
        let differences = match Version::of(name)? {
            None => {
                follows_external = true;
                None
            }
            Some(_) if is_unknown => None,
            Some(Version { newer, .. }) => match previewed.up(session, &newer).await {
                Err(converge::Error::Refused { .. }) if follows_external => {
                    is_unknown = true;
                    None
                }
                differences => Some(differences?),
            },
        };
        let Some(differences) = differences else {
            previews.push(Preview::of_external(name));
            continue;
        };
        let steps = differences.iter().flat_map(DifferenceReport::steps);
        let statements = steps.flat_map(|step| step.statements.clone());
        let first = first.take().into_iter();
        let record = table.insert(backend, name);
        previews.push(Preview {
            migration: name.clone(),
            statements: Some(first.chain(statements).chain([record]).collect()),
            differences,
        });
    }
    Ok(previews)
}

pub(super) async fn down(
    session: &Session<'_>,
    settings: &Settings,
    range: &Range,
) -> Result<Vec<Preview>, Error> {
    let mut applied = records::applied_migrations(session, settings).await?;
    applied.retain(|one| range.down().iter().any(|name| name == one.name()));
    let mut previewed = Previewed::default();
    let mut previews = Vec::new();
    // External migrations that are rolled back before ours may remove what ours would be refused
    // for.
    let mut follows_external = false;
    for migration in applied.iter().rev().take(range.limit()) {
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
            statements,
            ..Preview::of_external(name)
        });
    }
    Ok(previews)
}
