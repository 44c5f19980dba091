//! Detects Citus, and adapts sessions to it.

/// The query that returns a row if the database has Citus.
pub(crate) const IS_THERE: &str =
    "SELECT 1 WHERE to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL";

/// A statement that fails on a worker, where what is created stays unknown to the other nodes.
/// Without Citus it does nothing.
pub(crate) const COORDINATOR_ALONE: &str = "DO $citus$ BEGIN \
     IF to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL THEN \
     IF EXISTS (SELECT FROM pg_catalog.pg_dist_local_group WHERE groupid <> 0) THEN \
     RAISE EXCEPTION USING MESSAGE = 'this server is a worker of Citus: connect to the coordinator' \
     || coalesce((SELECT format(', %s:%s', nodename, nodeport) FROM pg_catalog.pg_dist_node WHERE groupid = 0 LIMIT 1), ''); \
     END IF; END IF; END $citus$";

/// Returns the settings that a transaction needs on Citus in addition to these statements, which
/// also apply on its other nodes.
///
/// Citus passes on to the other nodes what is set after the first statement, as the text of the
/// whole request that a client has sent, and expects one result of it. A statement in a block is
/// passed on alone.
pub(crate) fn entering(words: &[&str]) -> String {
    let words = words.iter().map(|words| format!(" {words};"));
    let words: String = words.collect();
    format!(
        "{COORDINATOR_ALONE}; \
         DO $citus$ BEGIN SET LOCAL citus.propagate_set_commands = 'local';{words} END $citus$"
    )
}
