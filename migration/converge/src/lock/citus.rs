//! Whoever is waited for on another node than the one that is asked.

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    engine::Engine,
    inspect::{CITUS_IS_THERE, has_rows, list},
    sql::literal,
};

/// What of another role's session is not shown to this one is left out.
const SESSION: &str = "format('pid %s', a.pid)
     || coalesce(', application \"' || nullif(a.application_name, '') || '\"', '')
     || coalesce(', ' || a.state, '')
     || coalesce(', its query began ' || date_trunc('second', a.query_start), '')";

pub(super) async fn is_there(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    has_rows(db, CITUS_IS_THERE).await
}

/// The session behind an answer, with its node. The connections are new ones and end with the question: no
/// transaction of ours stays open on a node.
const ON_ITS_NODE: &str = "regexp_replace(r.result, '^pid [0-9]+', '\\& on ' || coalesce(n.nodename || ':' || n.nodeport, 'this node'))";

fn of_every_node(command: &str) -> String {
    format!(
        "run_command_on_all_nodes({command}) r LEFT JOIN pg_catalog.pg_dist_node n USING (nodeid)"
    )
}

/// Returns the oldest transaction that a client of another node has begun there and that holds a lock of one of these
/// tables or of a shard.
pub(super) async fn blocker(
    db: &impl ConnectionTrait,
    tables: &str,
) -> Result<Option<String>, DbErr> {
    let command = literal(
        Engine::Postgres,
        &format!(
            "SELECT coalesce((
               SELECT {SESSION} FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
               JOIN pg_catalog.pg_class c ON c.oid = l.relation
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
                 AND a.application_name NOT LIKE 'citus\\_%' AND format('%I.%I', n.nspname, c.relname) IN (<names>)
               ORDER BY a.xact_start LIMIT 1), '')"
        ),
    );
    let names = format!(
        "(SELECT string_agg(quote_literal(format('%I.%I', n.nspname, names.name)), ', ')
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          CROSS JOIN LATERAL (
            SELECT c.relname::text
            UNION ALL
            SELECT p.parts[cardinality(p.parts)] FROM pg_catalog.pg_dist_shard s
            CROSS JOIN LATERAL parse_ident(shard_name(s.logicalrelid, s.shardid)) p (parts)
            WHERE s.logicalrelid = c.oid
          ) names (name)
          WHERE c.oid IN ({tables}))"
    );
    let sql = format!(
        "SELECT {ON_ITS_NODE} FROM {} WHERE r.success AND r.result <> '' LIMIT 1",
        of_every_node(&format!("replace({command}, '<names>', {names})"))
    );
    Ok(list(db, &sql, []).await?.pop())
}

/// The query for the process that runs the statement `$1`, and the oldest transaction that it waits for on any node.
/// While the other nodes do their part, it has no lock on this one.
pub(super) fn waiter() -> String {
    let command = literal(
        Engine::Postgres,
        &format!(
            "SELECT coalesce((
               SELECT {SESSION} FROM pg_catalog.pg_stat_activity w
               JOIN pg_catalog.pg_stat_activity a ON a.pid = ANY (pg_blocking_pids(w.pid))
               WHERE w.application_name = 'citus_internal gpid=<gpid>'
               ORDER BY a.xact_start LIMIT 1), '')"
        ),
    );
    // The number that every node knows this one's processes by ends with the process's own.
    let global = "citus_backend_gpid() - pg_backend_pid() + w.pid";
    format!(
        "SELECT w.pid, {ON_ITS_NODE} FROM pg_catalog.pg_stat_activity w
         CROSS JOIN LATERAL {} WHERE w.datname = current_database() AND w.state = 'active'
           AND left(w.query, 500) = left($1, 500) AND r.success AND r.result <> '' LIMIT 1",
        of_every_node(&format!("replace({command}, '<gpid>', ({global})::text)"))
    )
}
