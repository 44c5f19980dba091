//! An advisory lock of the transaction, which PgBouncer keeps with its connection. A session's lock
//! would stay behind on whichever connection the pooler used.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult};

use super::{Blocker, Kind, Need, Waiter, citus};
use crate::{
    engine::Engine,
    patience::Patience,
    query::{has_rows, list, rows},
    report::Migrator,
    session::{READ_COMMITTED, Settings},
    sql,
};

/// "colp" in ASCII, which distinguishes our locks from other advisory locks. The second key is the
/// schema.
pub(crate) const KEYS: &str = "1668246640, hashtext(coalesce(current_schema(), ''))";

/// The holder's own statements give way like any other step.
const GIVING_WAY: &str = "SET LOCAL lock_timeout = '50ms'";

pub(super) async fn begin(
    db: &DatabaseConnection,
    settings: &Settings,
) -> Result<(DatabaseTransaction, Patience), DbErr> {
    let begun = settings.begin(db, READ_COMMITTED, &[GIVING_WAY]).await?;
    Ok((begun, Patience::of_a_commit(settings.lock_wait)))
}

pub(super) async fn try_acquire(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    has_rows(
        db,
        &format!("SELECT 1 WHERE pg_try_advisory_xact_lock({KEYS})"),
    )
    .await
}

/// Returns a condition: whether a lock is the migration lock, and is held.
fn is_ours() -> String {
    format!(
        "l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = {THIS_DATABASE}
         AND (l.classid::bigint, l.objid::bigint) = (SELECT k.a, k.b::bigint & 4294967295 FROM (VALUES ({KEYS})) k (a, b))"
    )
}

pub(super) async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = format!(
        "SELECT {WHO} FROM pg_catalog.pg_locks l {OF_A_LOCK} WHERE {}",
        is_ours()
    );
    let mut found = rows(db, &sql, [], |row| row.try_get_by_index(0)).await?;
    Ok(found.pop())
}

pub(super) async fn is_standby(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    has_rows(db, "SELECT 1 WHERE pg_is_in_recovery()").await
}

/// Returns the other session that holds the lock, and the start of that transaction, which acquires
/// the lock before it does anything else.
pub(super) async fn at_work(db: &impl ConnectionTrait) -> Result<Option<Migrator>, DbErr> {
    let sql = format!(
        "SELECT {WHO}, to_char(coalesce(a.xact_start, p.prepared) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
         FROM pg_catalog.pg_locks l {OF_A_LOCK}
         WHERE {} AND l.pid IS DISTINCT FROM pg_backend_pid()",
        is_ours()
    );
    let read = |row: &QueryResult| {
        Ok(Migrator {
            who: row.try_get_by_index(0)?,
            since: row.try_get_by_index(1)?,
        })
    };
    Ok(rows(db, &sql, [], read).await?.pop())
}

pub(super) async fn blocker(
    db: &impl ConnectionTrait,
    tables: &[String],
    need: Need,
) -> Result<Option<Blocker>, DbErr> {
    let tables: Vec<String> = tables.iter().map(|table| resolved(table)).collect();
    let (tables, modes) = (tables.join(", "), conflicting(need));
    let others = match need {
        Need::Read => OF_THE_SCHEMA,
        Need::Rows | Need::NoWriters | Need::Alone => "false",
    };
    let sql = format!(
        "SELECT {WHO}, {IS_AUTOVACUUM} FROM pg_catalog.pg_locks l {OF_A_LOCK}
         WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
           AND l.database = {THIS_DATABASE} AND l.mode IN ({modes})
           AND (l.relation = ANY (ARRAY[{tables}]::oid[]) OR {others})
         ORDER BY l.relation <> ALL (ARRAY[{tables}]::oid[]), l.mode <> 'AccessExclusiveLock', coalesce(a.xact_start, p.prepared) LIMIT 1"
    );
    let read = |row: &QueryResult| {
        let kind = match row.try_get_by_index(1)? {
            true => Kind::Autovacuum,
            false => Kind::Client,
        };
        Ok(Blocker {
            sentence: row.try_get_by_index(0)?,
            kind,
        })
    };
    match rows(db, &sql, [], read).await?.pop() {
        None if citus::is_there(db).await? => {
            let found = citus::blocker(db, &tables).await?;
            Ok(found.map(|sentence| Blocker {
                sentence,
                kind: Kind::Client,
            }))
        }
        Some(found) => Ok(Some(Blocker {
            sentence: citus::of_its_client(db, found.sentence).await?,
            ..found
        })),
        None => Ok(None),
    }
}

/// An inspection also reads the tables that refer to a table.
const OF_THE_SCHEMA: &str = "l.relation IN (SELECT c.oid FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f'))";

/// Returns the modes of a table lock that conflict with the need.
fn conflicting(need: Need) -> &'static str {
    match need {
        Need::Read => "'AccessExclusiveLock'",
        Need::Rows => {
            "'RowShareLock', 'RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', \
             'AccessExclusiveLock'"
        }
        Need::NoWriters => {
            "'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', \
             'ExclusiveLock', 'AccessExclusiveLock'"
        }
        Need::Alone => {
            "'AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', \
             'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'"
        }
    }
}

/// Returns the session that runs this statement on the table, and the oldest transaction that it
/// waits for.
pub(super) async fn waiter(
    db: &impl ConnectionTrait,
    table: &str,
    statement: &str,
) -> Result<Option<Waiter>, DbErr> {
    let table = resolved(table);
    let sql = format!(
        "SELECT w.pid, {WHO} FROM pg_catalog.pg_locks t
         JOIN pg_catalog.pg_stat_activity w ON w.pid = t.pid
         {AHEAD} {OF_A_LOCK}
         WHERE t.locktype = 'relation' AND t.relation = {table}
           AND w.wait_event_type = 'Lock' AND left(w.query, 500) = left($1, 500)
         ORDER BY coalesce(a.xact_start, p.prepared) LIMIT 1"
    );
    let read = |row: &QueryResult| {
        Ok(Waiter {
            pid: row.try_get_by_index(0)?,
            waits_for: row.try_get_by_index(1)?,
        })
    };
    let found = rows(db, &sql, [statement.into()], read).await?.pop();
    match found {
        None if citus::is_there(db).await? => {
            Ok(rows(db, &citus::waiter(), [statement.into()], read)
                .await?
                .pop())
        }
        Some(found) => Ok(Some(Waiter {
            waits_for: citus::of_its_client(db, found.waits_for).await?,
            ..found
        })),
        None => Ok(None),
    }
}

/// Returns whether the session that runs this statement waits for a synchronous standby.
pub(super) async fn waits_for_a_standby(
    db: &impl ConnectionTrait,
    statement: &str,
) -> Result<bool, DbErr> {
    let waiting = "SELECT pid FROM pg_catalog.pg_stat_activity
         WHERE datname = current_database() AND wait_event = 'SyncRep' AND left(query, 500) = left($1, 500)";
    let waiting: Vec<i32> = list(db, waiting, [statement.into()]).await?;
    Ok(!waiting.is_empty())
}

/// Returns the setting for a wait that is long enough to make an autovacuum give way; no shorter
/// one does.
pub(crate) fn outwaiting_autovacuum(longest: Duration) -> String {
    // Zero would mean no limit.
    let longest = longest.as_millis().max(1);
    format!(
        "SELECT set_config('colpali.lock_timeout', current_setting('lock_timeout'), true),
                set_config('lock_timeout', least(setting::bigint + {BEYOND_DEADLOCK_TIMEOUT}, {longest})::text || 'ms', true)
         FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'"
    )
}

pub(crate) const AS_POLITE_AS_BEFORE: &str =
    "SELECT set_config('lock_timeout', current_setting('colpali.lock_timeout'), true)";

pub(super) async fn cancel(db: &impl ConnectionTrait, waiter: &Waiter) -> Result<(), DbErr> {
    let cancel = "SELECT pg_cancel_backend($1)";
    list::<bool>(db, cancel, [waiter.pid.into()])
        .await
        .map(|_| ())
}

/// Milliseconds beyond `deadlock_timeout`: the autovacuum has to be cancelled, and to end.
const BEYOND_DEADLOCK_TIMEOUT: u32 = 1_000;

pub(super) const THIS_DATABASE: &str =
    "(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";

/// The locks `l` for which a session `w` waits. Process 0 stands for every prepared transaction.
pub(super) const AHEAD: &str = "CROSS JOIN unnest(pg_blocking_pids(w.pid)) AS b (pid)
    LEFT JOIN pg_catalog.pg_locks n ON b.pid = 0 AND n.pid = w.pid AND NOT n.granted
    LEFT JOIN pg_catalog.pg_locks l ON l.granted AND CASE WHEN b.pid <> 0 THEN l.pid = b.pid
      ELSE l.pid IS NULL AND (l.transactionid = n.transactionid OR l.virtualxid = n.virtualxid
        OR (l.database, l.relation) = (n.database, n.relation)) END";

/// The session `a` or the prepared transaction `p` to which a lock `l` belongs. A prepared
/// transaction has no process, and is recognised by the lock on its own number.
pub(super) const OF_A_LOCK: &str = "LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
      AND x.virtualtransaction = l.virtualtransaction
    LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid";

/// An autovacuum's session belongs to no user, which every role may see.
const IS_AUTOVACUUM: &str = "(l.pid IS NOT NULL AND a.pid IS NOT NULL AND a.usesysid IS NULL)";

/// Describes a session. What this role may not see of another role's session is left out.
pub(super) const WHO: &str = "CASE WHEN l.pid IS NULL THEN
      'prepared transaction ' || coalesce(quote_literal(p.gid) || ' of user ' || quote_ident(p.owner)
        || ', prepared ' || date_trunc('second', p.prepared), '')
    ELSE format('pid %s', l.pid)
      || coalesce(', application \"' || nullif(a.application_name, '') || '\"', '')
      || coalesce(', ' || a.state, '')
      || coalesce(', its query began ' || date_trunc('second', a.query_start), '')
      || coalesce(', user ' || quote_ident(a.usename), ', autovacuum')
      || CASE WHEN a.state = 'active'
           THEN ': ' || regexp_replace(left(a.query, 100), '\\s+', ' ', 'g') ELSE '' END
    END";

/// Returns an expression for the table to which its unqualified name resolves.
fn resolved(table: &str) -> String {
    let quoted = sql::identifier(Engine::Postgres, table);
    format!("to_regclass({})", sql::literal(Engine::Postgres, &quoted))
}
