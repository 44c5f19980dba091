//! An advisory lock of the transaction, which PgBouncer keeps with its connection; a session's would
//! stay behind on whichever connection the pooler had at hand.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, QueryResult};

use super::{Waiter, citus};
use crate::{
    engine::Engine,
    inspect::{COORDINATOR_ALONE, has_rows, list, rows},
    session::{READ_COMMITTED, Settings},
    sql,
};

/// "colp" in ASCII: what tells our locks from other advisory locks. The second key is the schema.
pub(crate) const KEYS: &str = "1668246640, hashtext(coalesce(current_schema(), ''))";

/// What the holder does itself gives way like any other step, on every node of Citus.
const GIVING_WAY: &str = "DO $polite$ BEGIN SET LOCAL citus.propagate_set_commands = 'local'; \
     SET LOCAL lock_timeout = '50ms'; END $polite$";

pub(super) async fn begin(
    db: &DatabaseConnection,
    settings: &Settings,
) -> Result<DatabaseTransaction, DbErr> {
    let words = [GIVING_WAY, COORDINATOR_ALONE];
    settings.begin(db, READ_COMMITTED, &words).await
}

pub(super) async fn try_take(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    has_rows(
        db,
        &format!("SELECT 1 WHERE pg_try_advisory_xact_lock({KEYS})"),
    )
    .await
}

pub(super) async fn holder(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let sql = format!(
        "SELECT {SESSION} FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
           AND (l.classid::bigint, l.objid::bigint) = (SELECT k.a, k.b::bigint & 4294967295 FROM (VALUES ({KEYS})) k (a, b))"
    );
    Ok(session(db, &sql).await?.pop())
}

/// Returns the oldest transaction that holds a lock of one of these tables.
pub(super) async fn blocker(
    db: &impl ConnectionTrait,
    tables: &[String],
) -> Result<Option<String>, DbErr> {
    let resolved: Vec<String> = tables.iter().map(|table| resolved(table)).collect();
    let resolved = resolved.join(", ");
    let sql = format!(
        "SELECT {SESSION} FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
         WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
           AND l.relation IN ({resolved})
         ORDER BY a.xact_start LIMIT 1"
    );
    match session(db, &sql).await?.pop() {
        None if citus::is_there(db).await? => citus::blocker(db, &resolved).await,
        found => Ok(found),
    }
}

/// Returns the session that runs this statement on the table, and the oldest transaction that it waits for.
pub(super) async fn waiter(
    db: &impl ConnectionTrait,
    table: &str,
    statement: &str,
) -> Result<Option<Waiter>, DbErr> {
    let table = resolved(table);
    let sql = format!(
        "SELECT w.pid, {SESSION} FROM pg_catalog.pg_locks t
         JOIN pg_catalog.pg_stat_activity w ON w.pid = t.pid
         JOIN pg_catalog.pg_stat_activity a ON a.pid = ANY (pg_blocking_pids(w.pid))
         WHERE t.locktype = 'relation' AND t.granted AND t.relation = {table}
           AND w.wait_event_type = 'Lock' AND left(w.query, 500) = left($1, 500)
         ORDER BY a.xact_start LIMIT 1"
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
        found => Ok(found),
    }
}

pub(super) async fn cancel(db: &impl ConnectionTrait, waiter: &Waiter) -> Result<(), DbErr> {
    let cancel = "SELECT pg_cancel_backend($1)";
    list::<bool>(db, cancel, [waiter.pid.into()])
        .await
        .map(|_| ())
}

/// What of another role's session is not shown to this one is left out.
pub(super) const SESSION: &str = "format('pid %s', a.pid)
    || coalesce(', application \"' || nullif(a.application_name, '') || '\"', '')
    || coalesce(', ' || a.state, '')
    || coalesce(', its query began ' || date_trunc('second', a.query_start), '')";

async fn session(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<String>, DbErr> {
    rows(db, sql, [], |row| row.try_get_by_index(0)).await
}

/// A table as its unqualified name is resolved, as an expression.
fn resolved(table: &str) -> String {
    let quoted = sql::identifier(Engine::Postgres, table);
    format!("to_regclass({})", sql::literal(Engine::Postgres, &quoted))
}
