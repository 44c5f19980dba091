//! Whether there is Citus, and what a session has to know on it.

/// The query that has a row where the database is one of Citus.
pub(crate) const IS_THERE: &str =
    "SELECT 1 WHERE to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL";

/// Fails on a worker, where what is made stays unknown to the other nodes. Without Citus it does nothing.
pub(crate) const COORDINATOR_ALONE: &str = "DO $citus$ BEGIN \
     IF to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL THEN \
     IF EXISTS (SELECT FROM pg_catalog.pg_dist_local_group WHERE groupid <> 0) THEN \
     RAISE EXCEPTION USING MESSAGE = 'this server is a worker of Citus: connect to the coordinator' \
     || coalesce((SELECT format(', %s:%s', nodename, nodeport) FROM pg_catalog.pg_dist_node WHERE groupid = 0 LIMIT 1), ''); \
     END IF; END IF; END $citus$";

/// What a transaction has to know on Citus besides these words: they hold on its other nodes too.
///
/// Citus hands on to them what is set after the first word, as the text of the whole request that a client has sent,
/// of which it expects one result. A statement in a block is handed on alone.
pub(crate) fn entering(words: &[&str]) -> String {
    let words = words.iter().map(|words| format!(" {words};"));
    let words: String = words.collect();
    format!(
        "{COORDINATOR_ALONE}; \
         DO $citus$ BEGIN SET LOCAL citus.propagate_set_commands = 'local';{words} END $citus$"
    )
}
