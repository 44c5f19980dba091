//! Sessions that are waited for on another node than the one that is asked.

use sea_orm::{ConnectionTrait, DbErr};

use super::postgres::{AHEAD, OF_A_LOCK, THIS_DATABASE, WHO};
use crate::{
    citus::IS_THERE,
    engine::Engine,
    query::{has_rows, list},
    sql::literal,
};

pub(super) async fn is_there(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    has_rows(db, IS_THERE).await
}

/// Describes a session on a node. The client comes first, if Citus has opened the session for a
/// client of another node. The client's number is its node's number followed by ten digits of its
/// own.
fn on_its_node(described: &str, node: &str) -> String {
    format!(
        "coalesce((
           SELECT format('pid %s on %s:%s, through ', g.pid % 10000000000, m.nodename, m.nodeport)
           FROM (SELECT substring({described} FROM 'citus_internal gpid=([0-9]+)')::bigint) g (pid)
           JOIN pg_catalog.pg_dist_node m ON m.nodeid = g.pid / 10000000000), '')
         || regexp_replace(regexp_replace({described}, ', application \"citus_internal gpid=[0-9]+\"', ''),
              '^(pid [0-9]+|prepared transaction( ''[^'']*'')?)', '\\1 on ' || coalesce({node}, 'this node'))"
    )
}

/// Returns the session or prepared transaction behind an answer. The connections are new and end
/// with the query: no transaction of ours stays open on a node.
fn of_an_answer() -> String {
    on_its_node("r.result", "n.nodename || ':' || n.nodeport")
}

/// Returns this description of a session with its client, if Citus has opened it for a client of
/// another node.
pub(super) async fn of_its_client(
    db: &impl ConnectionTrait,
    described: String,
) -> Result<String, DbErr> {
    if !described.contains("citus_internal gpid=") {
        return Ok(described);
    }
    let sentence = on_its_node(&literal(Engine::Postgres, &described), "NULL");
    let found = list(db, &format!("SELECT {sentence}"), []).await?.pop();
    Ok(found.unwrap_or(described))
}

fn of_every_node(command: &str) -> String {
    format!(
        "run_command_on_all_nodes({command}) r LEFT JOIN pg_catalog.pg_dist_node n USING (nodeid)"
    )
}

/// Returns the oldest transaction that a client of another node has begun there and that holds a
/// lock on one of these tables or on a shard.
pub(super) async fn blocker(
    db: &impl ConnectionTrait,
    tables: &str,
) -> Result<Option<String>, DbErr> {
    let command = literal(
        Engine::Postgres,
        &format!(
            "SELECT coalesce((
               SELECT {WHO} FROM pg_catalog.pg_locks l {OF_A_LOCK}
               JOIN pg_catalog.pg_class c ON c.oid = l.relation
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE l.locktype = 'relation' AND l.granted AND l.database = {THIS_DATABASE} AND l.pid IS DISTINCT FROM pg_backend_pid()
                 AND coalesce(a.application_name, '') NOT LIKE 'citus\\_%' AND format('%I.%I', n.nspname, c.relname) IN (<names>)
               ORDER BY coalesce(a.xact_start, p.prepared) LIMIT 1), '')"
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
        "SELECT {} FROM {} WHERE r.success AND r.result <> '' LIMIT 1",
        of_an_answer(),
        of_every_node(&format!("replace({command}, '<names>', {names})"))
    );
    Ok(list(db, &sql, []).await?.pop())
}

/// Returns the query for the process that runs the statement `$1`, and the oldest transaction that
/// it waits for on any node. While the other nodes do their part, it has no lock on this one.
pub(super) fn waiter() -> String {
    let command = literal(
        Engine::Postgres,
        &format!(
            "SELECT coalesce((
               SELECT {WHO} FROM pg_catalog.pg_stat_activity w {AHEAD} {OF_A_LOCK}
               WHERE w.application_name = 'citus_internal gpid=<gpid>'
               ORDER BY coalesce(a.xact_start, p.prepared) LIMIT 1), '')"
        ),
    );
    // The number by which every node knows this node's processes ends with the process's own.
    let global = "citus_backend_gpid() - pg_backend_pid() + w.pid";
    format!(
        "SELECT w.pid, {} FROM pg_catalog.pg_stat_activity w
         CROSS JOIN LATERAL {} WHERE w.datname = current_database() AND w.state = 'active'
           AND left(w.query, 500) = left($1, 500) AND r.success AND r.result <> '' LIMIT 1",
        of_an_answer(),
        of_every_node(&format!("replace({command}, '<gpid>', ({global})::text)"))
    )
}
