//! What foreign keys to a table do to the rows of other tables when orphans of that table are
//! deleted.

use std::fmt;

use sea_orm::ConnectionTrait;

use crate::{
    Error,
    engine::Engine,
    facts::{self, Orphans},
    inspect::{self, Referrer},
    model::ForeignKey,
    session::Session,
    sql,
};

/// Rows of another table that are deleted or changed as well.
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
        write!(f, "{} of {table} {done}", facts::counted(*rows))
    }
}

/// Returns what is deleted or changed together with the orphans, from table to table.
pub(crate) async fn find(
    session: &Session<'_>,
    table: &str,
    key: &ForeignKey,
) -> Result<Vec<Affected>, Error> {
    let transaction = session.begin_to_read().await?;
    let found = follow(&transaction.db(), table, key).await;
    transaction.rollback().await?;
    found
}

async fn follow(
    db: &impl ConnectionTrait,
    table_name: &str,
    key: &ForeignKey,
) -> Result<Vec<Affected>, Error> {
    let mut found = Vec::new();
    let itself = inspect::itself(db, table_name).await?;
    let orphans = Orphans::condition(Engine::of(db), table_name, key);
    let mut seen = vec![itself.clone()];
    let mut deleted = vec![(itself.clone(), orphans.clone())];
    while let Some((table, condition)) = deleted.pop() {
        for key in inspect::referrers(db, &table).await? {
            let Some(action) = action(&key) else {
                continue;
            };
            let condition = key.condition(&table, &condition);
            if action == Action::Deletes && key.table == itself {
                refuse_more_than_orphans(db, table_name, &orphans, &condition).await?;
            }
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", key.table);
            let rows = facts::count(db, &sql)
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

/// Refuses rows that a key of the table to itself, or a circle of keys, would delete as well,
/// because they would be handed over to no sink.
async fn refuse_more_than_orphans(
    db: &impl ConnectionTrait,
    table: &str,
    orphans: &str,
    condition: &str,
) -> Result<(), Error> {
    let from = sql::identifier(Engine::of(db), table);
    let sql = format!("SELECT count(*) FROM {from} WHERE ({condition}) AND NOT ({orphans})");
    let rows = facts::count(db, &sql)
        .await
        .map_err(Error::looking_for(format!(
            "the rows of {table} that go too"
        )))?;
    match rows {
        0 => Ok(()),
        more => Err(Error::Refused {
            location: inspect::location(db).await?,
            reasons: vec![format!(
                "{} of {table} that references existing rows would be deleted together with the orphans, \
                 by a foreign key: drop that key first",
                facts::counted(more)
            )],
            has_orphans: false,
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
