//! A coordinator that runs elsewhere. A database would have to be created on every node, so a test
//! gets a schema of its own, in which `documents` is distributed already.

use std::env;

pub const NAME: &str = "citus";
pub const VARIABLE: &str = "TEST_CITUS_URL";

pub fn is_named() -> bool {
    env::var_os(VARIABLE).is_some()
}

pub fn create(schema: &str) -> String {
    format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.documents (id serial PRIMARY KEY, title text);
         SELECT create_distributed_table('{schema}.documents', 'id')"
    )
}

pub fn drop(schema: &str) -> String {
    format!("DROP SCHEMA {schema} CASCADE")
}
