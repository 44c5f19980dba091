//! What a database or a server sets for every session changes nothing that is found, done or
//! printed.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend};
use tokio::task::block_in_place;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, USERS_PASSWORD, mariadb},
    programs::{Finished, client, migrate, migration, run},
    tier,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres => tests![no_setting_of_a_database_changes_what_is_done],
        DbBackend::MySql => tests![
            no_setting_of_a_server_changes_what_is_done,
            no_default_of_a_server_or_a_database_is_relied_on,
            a_statement_that_needs_a_primary_key_comes_after_it,
            a_setting_of_a_pool_that_begins_no_transaction_is_named,
        ],
        _ => Vec::new(),
    }
}

/// A name, and the value with which every session begins.
type Setting = (&'static str, &'static str);

/// Returns all of them together, and each by itself or, in the quick tier, one; of several values of
/// one name the last counts.
fn rounds_of(all: &[Setting]) -> Vec<Vec<Setting>> {
    let mut alone = all.to_vec();
    tier::choices("settings").shuffle(&mut alone);
    alone.truncate(tier::rounds(1, all.len()));
    let alone = alone.into_iter().map(|one| vec![one]);
    std::iter::once(all.to_vec()).chain(alone).collect()
}

const OF_POSTGRES: [Setting; 27] = [
    ("quote_all_identifiers", "on"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "on"),
    ("escape_string_warning", "off"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_isolation", "'repeatable read'"),
    ("default_transaction_deferrable", "on"),
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "'400ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'400ms'"),
    ("transaction_timeout", "'400ms'"),
    ("default_table_access_method", "heap"),
    ("default_toast_compression", "pglz"),
    ("search_path", "\"$user\", public, pg_catalog"),
    ("row_security", "off"),
    ("check_function_bodies", "off"),
    ("bytea_output", "escape"),
    ("datestyle", "'SQL, DMY'"),
    ("intervalstyle", "sql_standard"),
    ("extra_float_digits", "-15"),
    ("timezone", "'Asia/Kathmandu'"),
    ("client_min_messages", "debug5"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("synchronous_commit", "off"),
    ("transform_null_equals", "on"),
];

const OF_MARIADB: [Setting; 22] = [
    ("tx_read_only", "1"),
    ("sql_mode", "''"),
    ("sql_mode", "'ANSI'"),
    ("sql_mode", "'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"),
    ("sql_mode", "'ORACLE'"),
    ("sql_mode", "'MSSQL'"),
    ("sql_mode", "'TRADITIONAL,PAD_CHAR_TO_FULL_LENGTH'"),
    (
        "sql_mode",
        "'HIGH_NOT_PRECEDENCE,PIPES_AS_CONCAT,IGNORE_SPACE,REAL_AS_FLOAT'",
    ),
    (
        "sql_mode",
        "'NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY,EMPTY_STRING_IS_NULL'",
    ),
    ("autocommit", "0"),
    ("completion_type", "'CHAIN'"),
    ("sql_select_limit", "1"),
    ("foreign_key_checks", "0"),
    ("tx_isolation", "'SERIALIZABLE'"),
    ("lock_wait_timeout", "1"),
    ("max_statement_time", "0.4"),
    ("group_concat_max_len", "4"),
    ("default_storage_engine", "'Aria'"),
    ("max_join_size", "1"),
    ("alter_algorithm", "'NOCOPY'"),
    ("alter_algorithm", "'INPLACE'"),
    ("alter_algorithm", "'INSTANT'"),
];

/// The exit statuses of the commands.
const EXPECTED: [Option<i32>; 10] = [
    Some(0),
    Some(0),
    Some(0),
    Some(1),
    Some(0),
    Some(0),
    Some(0),
    Some(0),
    Some(0),
    Some(0),
];

/// The output of each command, with the state afterwards.
#[derive(Debug, PartialEq)]
struct Seen {
    printed: Vec<(Option<i32>, String)>,
    there: Vec<Inventory>,
}

/// Runs the core: `up` on nothing and on a legacy shape, `check`, `repair` and `down`.
async fn seen(work: &Database, admin: &Database) -> Seen {
    let mut seen = Seen {
        printed: Vec::new(),
        there: Vec::new(),
    };
    let legacy = match work.backend() {
        DbBackend::Postgres => "CREATE TABLE documents (id serial PRIMARY KEY); INSERT INTO documents VALUES (1), (2);
             CREATE TABLE vectors (id serial PRIMARY KEY, doc_id integer NOT NULL REFERENCES documents,
                 page integer, vector_ids varchar(40) NOT NULL DEFAULT E'\\\\\\'');
             COMMENT ON COLUMN vectors.page IS E'a\\\\b''c'",
        _ => "CREATE TABLE documents (id integer PRIMARY KEY) ENGINE = InnoDB; INSERT INTO documents VALUES (1), (2);
             CREATE TABLE vectors (id integer AUTO_INCREMENT PRIMARY KEY, doc_id integer NOT NULL, page integer,
                 vector_ids text NOT NULL COMMENT 'it''s', FOREIGN KEY (doc_id) REFERENCES documents (id)) ENGINE = InnoDB;
             CREATE TABLE marks (vector_id integer, FOREIGN KEY (vector_id) REFERENCES vectors (id)) ENGINE = InnoDB",
    };
    let rows =
        "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 0, '[\"a\"]'), (2, 1, '[]')";
    seen.run(work, admin, &["up"]).await;
    seen.run(work, admin, &["check"]).await;
    seen.run(work, admin, &["down", "-n", "3"]).await;
    admin.empty().await;
    admin.execute([legacy, rows]).await;
    seen.run(work, admin, &["check"]).await;
    seen.run(work, admin, &["up", "--dry-run"]).await;
    seen.run(work, admin, &["up"]).await;
    seen.run(work, admin, &["check"]).await;
    if seen.printed.last().is_none_or(|(code, _)| *code != Some(0)) {
        return seen;
    }
    let damage = match work.backend() {
        DbBackend::Postgres => {
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey; DROP INDEX ix_vectors_doc_id"
        }
        _ => "ALTER TABLE vectors DROP FOREIGN KEY vectors_ibfk_1, MODIFY page integer",
    };
    admin.execute([damage]).await;
    seen.run(work, admin, &["repair"]).await;
    seen.run(work, admin, &["check"]).await;
    seen.run(work, admin, &["status"]).await;
    seen
}

impl Seen {
    fn codes(&self) -> Vec<Option<i32>> {
        self.printed.iter().map(|(code, _)| *code).collect()
    }

    /// Returns the first difference.
    fn difference(&self, wanted: &Self, setting: &[Setting]) -> Option<String> {
        let printed = self.printed.iter().zip(&wanted.printed);
        let there = self.there.iter().zip(&wanted.there);
        let mut all = printed.zip(there).enumerate();
        all.find(|(_, ((printed, wanted), (there, then)))| printed != wanted || there != then)
            .map(|(at, (printed, (there, then)))| {
                let there = if there == then { "the same" } else { "another" };
                format!("{setting:?}: command {at}: {printed:#?}, {there} inventory")
            })
    }

    async fn run(&mut self, work: &Database, admin: &Database, arguments: &[&str]) {
        let Finished {
            code,
            stdout,
            stderr,
        } = migrate(work, arguments);
        let of_errors = stderr.lines().filter(|line| line.starts_with("error"));
        let of_errors: String = of_errors.collect();
        let printed = format!("{stdout}{of_errors}").replace(&work.name, "DATABASE");
        let times = printed.lines().map(|line| match line.split_once("  20") {
            Some((line, _)) => line.to_owned(),
            None => line.to_owned(),
        });
        let is_timed = |line: &String| line.trim_start().starts_with("done in ");
        let printed: Vec<String> = times.filter(|line| !is_timed(line)).collect();
        self.printed.push((code, printed.join("\n")));
        self.there.push(Inventory::of(admin).await);
    }
}

async fn no_setting_of_a_database_changes_what_is_done(database: Database) {
    let role = format!("of_{}", database.name);
    let create = format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{USERS_PASSWORD}'");
    database.execute([create]).await;
    let work = database.of_user(&role);
    let wanted = seen(&work, &database).await;
    assert_eq!(wanted.codes(), EXPECTED, "{wanted:#?}");
    let is_18 = database.engine.name == "postgres18";
    let is_known = |name: &str| is_18 || name != "transaction_timeout";
    let mut differing = Vec::new();
    for round in rounds_of(&OF_POSTGRES) {
        database.empty().await;
        let known = round.iter().filter(|(name, _)| is_known(name));
        let set = known.map(|(name, value)| format!("ALTER ROLE {role} SET {name} = {value}"));
        database.execute(set.collect::<Vec<_>>()).await;

        let found = seen(&work, &database).await;

        database
            .execute([format!("ALTER ROLE {role} RESET ALL")])
            .await;
        differing.extend(found.difference(&wanted, &round));
    }

    database.empty().await;
    database.execute([format!("DROP ROLE {role}")]).await;
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

async fn no_setting_of_a_server_changes_what_is_done(database: Database) {
    let server = block_in_place(mariadb::start).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let grant = format!(
        "GRANT ALL ON {}.* TO 'careful'@'%' IDENTIFIED BY '{USERS_PASSWORD}'",
        there.name
    );
    there.execute([grant]).await;
    let work = there.of_user("careful");
    let wanted = seen(&work, &there).await;
    assert_eq!(wanted.codes(), EXPECTED, "{wanted:#?}");
    let mut differing = Vec::new();
    for round in rounds_of(&OF_MARIADB) {
        there.empty().await;
        let set: Vec<String> = round
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        // For all users except administrators.
        let literal = format!("SET {}", set.join(", ")).replace('\'', "''");
        there
            .execute([format!("SET GLOBAL init_connect = '{literal}'")])
            .await;

        let found = seen(&work, &there).await;

        there.execute(["SET GLOBAL init_connect = ''"]).await;
        differing.extend(found.difference(&wanted, &round));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// The migration table is indexed by a name of 255 characters.
async fn no_default_of_a_server_or_a_database_is_relied_on(database: Database) {
    let server = block_in_place(|| {
        mariadb::start_with(&["--innodb-default-row-format=redundant", "--max-join-size=1"])
    });
    let server = server.expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let script = run(migration().args(["sql", "--backend", "mysql"])).expect_success();
    let documents = "CREATE TABLE documents (id integer PRIMARY KEY)";
    for characters in ["utf8mb4", "binary", "latin1"] {
        let database = format!("ALTER DATABASE {} CHARACTER SET {characters}", there.name);
        there.empty().await;
        there.execute([&database, documents]).await;
        for command in ["up", "check", "status", "refresh", "reset"] {
            migrate(&there, [command]).expect_success();
        }

        client(&there, &script).expect_success();

        migrate(&there, ["check"]).expect_success();
        migrate(&there, ["down", "-n", "3"]).expect_success();
    }
}

async fn a_statement_that_needs_a_primary_key_comes_after_it(database: Database) {
    let server = block_in_place(mariadb::start).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let legacy = "CREATE TABLE documents (id integer PRIMARY KEY) ENGINE = InnoDB;
         CREATE TABLE vectors (id integer NOT NULL, doc_id integer NOT NULL, page integer, vector_ids text NOT NULL) ENGINE = MyISAM";
    let set = "SET GLOBAL innodb_force_primary_key = 1";
    there.execute([legacy, set]).await;

    migrate(&there, ["up"]).expect_success();

    migrate(&there, ["check"]).expect_success();
}

async fn a_setting_of_a_pool_that_begins_no_transaction_is_named(database: Database) {
    for (setting, name) in [
        ("sql_mode = 'ORACLE'", "ORACLE"),
        ("completion_type = 'CHAIN'", "completion_type"),
    ] {
        let before = Inventory::of(&database).await;
        let db = database.connect_once().await;
        let set = format!("SET SESSION {setting}");
        db.execute_unprepared(&set).await.expect(setting);
        let waits = "SELECT concat_ws(' ', @@SESSION.lock_wait_timeout, @@SESSION.innodb_lock_wait_timeout)";
        let waits_before = lines(&db, waits).await;

        let error = Migrator::up(&db, None).await.expect_err(setting);

        let error = error.to_string();
        assert!(
            error.contains(name) && error.contains("pool's sessions"),
            "{setting}: {error}"
        );
        assert_eq!(lines(&db, waits).await, waits_before, "{setting}");
        assert_eq!(Inventory::of(&database).await, before, "{setting}");
    }
}
