//! What `up` and `down` would do, found without changing anything.

use super::records::{self, MigrationRecord};
use crate::{
    Error,
    schema::{
        converge::{self, Look, Record},
        difference::{Difference, Scope},
        own_documents::Vectors,
        step::{self, Step, Steps},
    },
    session::Session,
};

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

pub(super) async fn up(session: &Session<'_>, steps: Option<u32>) -> Result<Vec<Preview>, Error> {
    let backend = session.backend();
    let records = records::all(session).await?;
    let pending = records.iter().filter(|one| one.applied_at.is_none());
    let mut mended = Vec::new();
    let mut previews = Vec::new();
    let table = &session.settings.records;
    let mut first = match records::are_kept(session).await? {
        true => None,
        false => Some(table.create(backend)),
    };
    for MigrationRecord { name, .. } in pending.take(limit(steps)) {
        let statements = match Scope::of_migration(name) {
            None => None,
            Some(scope) => {
                let look = converge::look_at_once(session, scope).await?;
                let record = table.insert(backend, name);
                let statements = statements(&look, scope, &mut mended)?;
                Some(
                    first
                        .take()
                        .into_iter()
                        .chain(statements)
                        .chain([record])
                        .collect(),
                )
            }
        };
        previews.push(Preview {
            migration: name.clone(),
            statements,
        });
    }
    Ok(previews)
}

/// Of what no migration before this one mends.
fn statements(
    look: &Look,
    scope: Scope,
    mended: &mut Vec<Difference>,
) -> Result<Vec<String>, Error> {
    let refused = look.plans.iter().filter(|plan| !plan.remedy.is_repair());
    if refused.clone().next().is_some() {
        return Err(Error::refused(look.live.place.clone(), refused, 0));
    }
    let mut steps: Vec<&Step> = Vec::new();
    for plan in &look.plans {
        if mended.contains(&plan.difference) {
            continue;
        }
        mended.push(plan.difference.clone());
        for step in plan.remedy.steps().into_iter().flat_map(Steps::iter) {
            // SQLite mends several in one step.
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    let statements = steps.iter().flat_map(|step| step.statements.clone());
    let of_a_new_table = match scope {
        Scope::Everything if look.live.vectors.is_none() => step::store_new(&look.live),
        Scope::Documents | Scope::Vectors | Scope::Everything => None,
    };
    Ok(statements.chain(of_a_new_table).collect())
}

pub(super) async fn down(session: &Session<'_>, steps: Option<u32>) -> Result<Vec<Preview>, Error> {
    let records = records::all(session).await?;
    let applied = records.iter().rev().filter(|one| one.applied_at.is_some());
    let mut previews = Vec::new();
    let mut vectors = Vectors::Counts;
    // Rolled back before ours, they may take away what would be refused.
    let mut follows_external = false;
    for MigrationRecord { name, .. } in applied.take(limit(steps)) {
        let statements = match Scope::of_migration(name) {
            None => {
                follows_external = true;
                None
            }
            Some(_) if follows_external => None,
            Some(scope) => {
                let record = Record::Ours(name);
                let step = converge::undoing(session, scope, record, vectors).await?;
                if scope == Scope::Vectors {
                    vectors = Vectors::WillHaveGone;
                }
                Some(step.statements)
            }
        };
        previews.push(Preview {
            migration: name.clone(),
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
