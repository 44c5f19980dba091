//! What a foreign key to `vectors` does to the rows of other tables, when rows of `vectors` are deleted.

use std::fmt;

use sea_orm::ConnectionTrait;

use super::{
    live::{self, Referrer},
    rows::{self, Orphans},
};
use crate::{Error, session::Session};

/// Rows of another table that do not stay as they are.
pub(crate) struct Affected {
    table: String,
    rows: i64,
    action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Deletes,
    /// Sets NULL or the default.
    Sets,
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, rows, .. } = self;
        let done = match self.action {
            Action::Deletes => "to be deleted with them, by a foreign key",
            Action::Sets => "to lose the reference to them",
        };
        write!(f, "{} of {table} {done}", rows::counted(*rows))
    }
}

/// What goes with the orphans, from table to table.
pub(crate) async fn find(session: &Session<'_>) -> Result<Vec<Affected>, Error> {
    let unit = session.begin_to_read().await?;
    let found = follow(&unit.db()).await;
    unit.rollback().await?;
    found
}

async fn follow(db: &impl ConnectionTrait) -> Result<Vec<Affected>, Error> {
    let mut found = Vec::new();
    let vectors = live::vectors_itself(db).await?;
    let mut seen = vec![vectors.clone()];
    let mut deleted = vec![(vectors.clone(), Orphans::CONDITION.to_owned())];
    while let Some((table, condition)) = deleted.pop() {
        for key in live::referrers(db, &table).await? {
            let Some(action) = action(&key) else {
                continue;
            };
            let condition = key.condition(&table, &condition);
            if action == Action::Deletes && key.table == vectors {
                refuse_more_than_orphans(db, &condition).await?;
            }
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", key.table);
            let rows = rows::count(db, &sql)
                .await
                .map_err(Error::looking_for(format!(
                    "the rows of {} that go too",
                    key.table
                )))?;
            if rows > 0 {
                let table = key.table.to_string();
                found.push(Affected {
                    table,
                    rows,
                    action,
                });
            }
            // A table is followed once, so that a circle of keys ends.
            if rows > 0 && action == Action::Deletes && !seen.contains(&key.table) {
                seen.push(key.table.clone());
                deleted.push((key.table, condition));
            }
        }
    }
    Ok(found)
}

/// Rows that go by a key of `vectors` to itself, or round a circle of keys, are handed over to nobody.
async fn refuse_more_than_orphans(db: &impl ConnectionTrait, condition: &str) -> Result<(), Error> {
    let orphans = Orphans::CONDITION;
    let sql = format!("SELECT count(*) FROM vectors WHERE ({condition}) AND NOT ({orphans})");
    let rows = rows::count(db, &sql)
        .await
        .map_err(Error::looking_for("the rows of vectors that go too"))?;
    match rows {
        0 => Ok(()),
        more => Err(Error::Refused {
            place: live::place(db).await?,
            reasons: vec![format!(
                "{} of vectors with a document that exists would be deleted together with the orphans, \
                 by a foreign key: drop that key first",
                rows::counted(more)
            )],
            done: 0,
        }),
    }
}

fn action(key: &Referrer) -> Option<Action> {
    match key.on_delete.as_str() {
        "CASCADE" => Some(Action::Deletes),
        "SET NULL" | "SET DEFAULT" => Some(Action::Sets),
        _ => None,
    }
}
