//! A named lock of the session. On Galera it belongs to one node: the session that loses a race
//! between nodes inspects again.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult};

use super::{Blocker, Kind, Need};
use crate::{
    engine::Engine,
    patience::Patience,
    query::rows,
    report::Migrator,
    session::{Settings, begin_to_write},
    sql,
};

/// Named locks belong to the server, so the database is part of the name, which may have 64
/// characters.
pub(crate) const NAME: &str = "concat('colpali vectors ', crc32(database()))";

pub(super) async fn begin(
    db: &DatabaseConnection,
    settings: &Settings,
) -> Result<(DatabaseTransaction, Patience), DbErr> {
    let transaction = begin_to_write(db).await?;
    let patience = Patience::of_our_own(&transaction, settings.lock_wait).await?;
    Ok((transaction, patience))
}

pub(super) async fn try_acquire(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql =
        format!("SELECT CAST(GET_LOCK({NAME}, 0) AS SIGNED), CAST(@@completion_type AS CHAR)");
    let taken = rows(db, &sql, [], |row| {
        let taken: Option<i64> = row.try_get_by_index(0)?;
        let completion: String = row.try_get_by_index(1)?;
        Ok((taken == Some(1), completion))
    });
    let taken = taken.await?;
    // A COMMIT would begin the next transaction, or end the session.
    match taken
        .iter()
        .find(|(_, completion)| completion != "NO_CHAIN")
    {
        Some((is_taken, completion)) => {
            if *is_taken {
                give_back(db).await?;
            }
            Err(DbErr::Custom(format!(
                "completion_type is {completion} in the pool's sessions; set it to NO_CHAIN there"
            )))
        }
        None => Ok(taken.iter().any(|(is_taken, _)| *is_taken)),
    }
}

pub(super) async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = format!(
        "SELECT CAST({WHO} AS CHAR) FROM information_schema.processlist p WHERE p.id = IS_USED_LOCK({NAME})"
    );
    let mut found = rows(db, &sql, [], |row| row.try_get_by_index(0)).await?;
    Ok(found.pop())
}

/// Returns the other session of this node that holds the lock, and the latest time since when it
/// may have held it: a connection shows the start of what it is doing now. What this user may not
/// see is left out.
pub(super) async fn at_work(db: &impl ConnectionTrait) -> Result<Option<Migrator>, DbErr> {
    let sql = format!(
        "SELECT CAST(coalesce({WHO}, concat('connection ', h.id)) AS CHAR),
                CAST(date_format(utc_timestamp() - INTERVAL p.time SECOND, '%Y-%m-%dT%H:%i:%sZ') AS CHAR)
         FROM (SELECT IS_USED_LOCK({NAME}) AS id) h LEFT JOIN information_schema.processlist p ON p.id = h.id
         WHERE h.id IS NOT NULL AND h.id <> connection_id()"
    );
    let read = |row: &QueryResult| {
        Ok(Migrator {
            who: row.try_get_by_index(0)?,
            since: row.try_get_by_index(1)?,
        })
    };
    Ok(rows(db, &sql, [], read).await?.pop())
}

pub(super) async fn give_back(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared(&format!("DO RELEASE_LOCK({NAME})"))
        .await
        .map(|_| ())
}

/// Describes a connection, as far as this user may see it.
const WHO: &str =
    "concat('connection ', p.id, ' of ', p.user, ', ', lower(p.command), ' for ', p.time, ' s')";

/// Where MariaDB and MySQL show metadata locks. The first is a plugin of MariaDB; the others are
/// empty if the server runs without its performance schema.
const SOURCES: [&str; 2] = [
    "SELECT thread_id AS id, replace(lock_mode, 'MDL_', '') AS mode, lock_type AS kind,
            table_schema AS place, table_name AS name
     FROM information_schema.metadata_lock_info",
    "SELECT t.processlist_id AS id, l.lock_type AS mode, l.object_type AS kind,
            l.object_schema AS place, l.object_name AS name
     FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id
     WHERE l.lock_status = 'GRANTED'",
];

/// Locks of FLUSH TABLES WITH READ LOCK and of backups, which block every session that changes
/// something.
const OF_A_BACKUP: &str = "(m.mode REGEXP '^BACKUP_(FTWRL|FLUSH|WAIT)'
     OR (m.kind IN ('GLOBAL', 'COMMIT', 'BACKUP LOCK') AND m.mode = 'SHARED'))";

pub(super) async fn blocker(
    db: &impl ConnectionTrait,
    tables: &[String],
    need: Need,
) -> Result<Option<Blocker>, DbErr> {
    let names: Vec<String> = tables
        .iter()
        .map(|table| sql::literal(Engine::MySql, table))
        .collect();
    let of_a_table = format!(
        "(lower(m.place) = lower(DATABASE()) AND lower(m.name) IN ({}) AND {})",
        names.join(", ").to_lowercase(),
        conflicting(need)
    );
    let found = match need {
        Need::Read => of_a_table,
        Need::Rows | Need::NoWriters | Need::Alone => format!("({OF_A_BACKUP} OR {of_a_table})"),
    };
    for source in SOURCES {
        let sql = format!(
            "SELECT CAST(concat({WHO}, ', which has the lock ', m.mode, ' (', lower(m.kind), ')') AS CHAR)
             FROM ({source}) m JOIN information_schema.processlist p ON p.id = m.id
             WHERE m.id <> connection_id() AND {found}
             ORDER BY NOT {OF_A_BACKUP}, p.time DESC LIMIT 1"
        );
        let found: Result<Vec<String>, DbErr> =
            rows(db, &sql, [], |row| row.try_get_by_index(0)).await;
        // A server without the plugin, or a user without the right, has no such table.
        if let Some(sentence) = found.ok().and_then(|mut found| found.pop()) {
            return Ok(Some(Blocker {
                sentence,
                kind: Kind::Client,
            }));
        }
    }
    let perhaps = in_a_transaction(db).await.ok().flatten();
    Ok(match perhaps {
        Some(blocker) => Some(blocker),
        None => prepared(db).await.ok().flatten(),
    })
}

/// Returns a prepared transaction, which holds its locks without a session until a statement ends
/// it.
async fn prepared(db: &impl ConnectionTrait) -> Result<Option<Blocker>, DbErr> {
    let found = rows(db, "XA RECOVER", [], |row| {
        Ok(Xid {
            format: row.try_get_by_index(0)?,
            global: row.try_get_by_index(1)?,
            data: row.try_get_by_index(3)?,
        })
    });
    let found = found.await?;
    Ok(found.first().map(|xid| Blocker {
        sentence: format!(
            "perhaps the prepared transaction {xid}, which XA COMMIT {xid} or XA ROLLBACK {xid} ends"
        ),
        kind: Kind::Client,
    }))
}

/// The name of a prepared transaction.
struct Xid {
    format: i32,
    /// The length of its global part.
    global: i32,
    /// Its global part and its branch.
    data: Vec<u8>,
}

/// Prints the name as a statement takes it.
impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = usize::try_from(self.global).unwrap_or_default();
        let (global, branch) = self.data.split_at(length.min(self.data.len()));
        let of_format = match self.format {
            1 => String::new(),
            other => format!(", {other}"),
        };
        write!(
            f,
            "{}, {}{of_format}",
            part_of_xid(global),
            part_of_xid(branch)
        )
    }
}

fn part_of_xid(part: &[u8]) -> String {
    match std::str::from_utf8(part) {
        Ok(text) if !text.contains(char::is_control) => sql::literal(Engine::MySql, text),
        _ => {
            let digits: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("X'{digits}'")
        }
    }
}

/// Returns the oldest open transaction. If no lock is shown, it is the likeliest holder.
async fn in_a_transaction(db: &impl ConnectionTrait) -> Result<Option<Blocker>, DbErr> {
    let sql = format!(
        "SELECT CAST(concat('perhaps ', {WHO}, ', whose transaction began ', t.trx_started) AS CHAR)
         FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
         WHERE p.id <> connection_id() ORDER BY t.trx_started LIMIT 1"
    );
    let mut found: Vec<String> = rows(db, &sql, [], |row| row.try_get_by_index(0)).await?;
    Ok(found.pop().map(|sentence| Blocker {
        sentence,
        kind: Kind::Client,
    }))
}

/// Returns the modes of a metadata lock that conflict with the need.
fn conflicting(need: Need) -> &'static str {
    match need {
        Need::Read => "m.mode IN ('SHARED_NO_READ_WRITE', 'EXCLUSIVE')",
        Need::Rows | Need::NoWriters => {
            "m.mode NOT IN ('SHARED', 'SHARED_HIGH_PRIO', 'SHARED_READ', 'INTENTION_EXCLUSIVE')"
        }
        Need::Alone => "m.mode <> 'INTENTION_EXCLUSIVE'",
    }
}
