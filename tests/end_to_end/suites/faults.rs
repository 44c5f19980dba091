//! Faults around the migrator: each gives one sentence and changes nothing, or does no harm.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::{Test, inventory::Inventory};
use crate::{
    engines::{
        Database, Server, USERS_PASSWORD, mariadb, postgres,
        process::{self, Account},
    },
    programs::{self, migrate, run},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres => tests![
            a_database_that_reads_by_default_is_migrated,
            a_standby_is_looked_at_and_not_migrated,
            a_role_without_another_connection_is_one_sentence,
            a_role_with_one_connection_is_told_how_many_it_needs,
            a_full_disk_is_one_sentence_and_up_goes_on_when_there_is_room,
            a_database_with_an_odd_name_is_migrated,
            a_schema_with_an_odd_name_is_converged,
            an_odd_search_path_is_followed,
            a_database_in_an_old_encoding_is_migrated,
            a_statement_timeout_of_the_role_cuts_no_wait,
            a_certificate_that_cannot_be_used_is_one_sentence,
        ],
        DbBackend::MySql => tests![
            a_server_that_only_reads_is_one_sentence,
            a_user_without_another_connection_is_one_sentence,
            a_server_whose_connections_are_used_up_says_how_many_are_needed,
            a_database_with_an_odd_name_is_migrated,
            a_database_in_an_old_encoding_is_migrated,
        ],
        _ => tests![
            a_file_that_may_only_be_read_is_one_sentence,
            a_file_in_a_folder_that_only_reads_is_one_sentence,
            a_full_disk_is_one_sentence_and_up_goes_on_when_there_is_room,
            a_file_that_somebody_else_writes_is_waited_for,
            a_file_with_an_odd_name_is_migrated,
        ],
    }
}

/// Requires that only the error is printed, that nothing changes, and that `up` works once the
/// fault is over.
async fn is_one_sentence(faulty: &Database, database: &Database, sentence: &str) {
    let before = Inventory::of(database).await;

    let error = migrate(faulty, ["up"]).expect_error();

    assert!(error.contains(sentence), "{error}");
    assert!(!error.contains(USERS_PASSWORD), "{error}");
    assert_eq!(Inventory::of(database).await, before);
}

async fn a_database_that_reads_by_default_is_migrated(database: Database) {
    let name = &database.name;
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    database.execute([set]).await;

    migrate(&database, ["up"]).expect_success();

    migrate(&database, ["check"]).expect_success();
}

async fn a_standby_is_looked_at_and_not_migrated(database: Database) {
    let primary = block_in_place(postgres::start_15).expect("a server");
    let migrated = create_database(&primary, &database).await;
    let empty = create_database(&primary, &database).await;
    migrate(&migrated, ["up"]).expect_success();
    let standby = block_in_place(|| postgres::start_standby(&primary.admin)).expect("a standby");
    let there = |database: &Database| {
        let mut url = standby.admin.clone();
        url.set_path(&database.name);
        Database {
            url: url.to_string(),
            ..database.clone()
        }
    };

    for command in ["status", "check", "up"] {
        migrate(&there(&migrated), [command]).expect_success();
    }
    // A standby does not know its primary's locks.
    let check = migrate(&there(&migrated), ["check", "--json"]).expect_success();
    let check: serde_json::Value = serde_json::from_str(&check).expect("JSON");
    assert!(check["migrator"]["at_work"].is_null(), "{check}");
    is_one_sentence(&there(&empty), &empty, "name the primary server").await;
}

async fn a_server_that_only_reads_is_one_sentence(database: Database) {
    let server = block_in_place(|| mariadb::start_with(&["--read-only"])).expect("a server");
    let there = create_database(&server, &database).await;
    let grant = format!(
        "GRANT ALL ON {}.* TO 'careful'@'%' IDENTIFIED BY '{USERS_PASSWORD}'",
        there.name
    );
    there.execute([grant]).await;

    is_one_sentence(&there.of_user("careful"), &there, "name the primary server").await;
}

async fn create_database(server: &Server, like: &Database) -> Database {
    let database = server.create_database(like.engine).await;
    database.expect("a database")
}

async fn a_role_without_another_connection_is_one_sentence(database: Database) {
    let limited = limited(&database, 0).await;

    is_one_sentence(&limited, &database, "too many connections for role").await;
}

async fn a_role_with_one_connection_is_told_how_many_it_needs(database: Database) {
    let limited = limited(&database, 1).await;
    let held = limited.connect().await;
    held.ping().await.expect("a connection");

    is_one_sentence(&limited, &database, "too many connections for role").await;

    held.close().await.expect("it closes");
    let allow = format!("ALTER ROLE limited_{} CONNECTION LIMIT 2", database.name);
    database
        .execute([allow.as_str(), "GRANT ALL ON SCHEMA public TO PUBLIC"])
        .await;
    migrate(&limited, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn limited(database: &Database, connections: u32) -> Database {
    let role = format!("limited_{}", database.name);
    database
        .execute([format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{USERS_PASSWORD}' CONNECTION LIMIT {connections}"
        )])
        .await;
    database.of_user(&role)
}

async fn a_user_without_another_connection_is_one_sentence(database: Database) {
    let user = format!("limited_{}", database.name);
    database
        .execute([
            format!(
                "CREATE USER '{user}'@'%' IDENTIFIED BY '{USERS_PASSWORD}' WITH MAX_USER_CONNECTIONS 1"
            ),
            format!("GRANT ALL ON {}.* TO '{user}'@'%'", database.name),
        ])
        .await;
    let limited = database.of_user(&user);
    let other = limited.connect().await;

    is_one_sentence(&limited, &database, "max_user_connections").await;

    other.close().await.expect("it closes");
    let allow = format!(
        "ALTER USER 'limited_{}'@'%' WITH MAX_USER_CONNECTIONS 2",
        database.name
    );
    database.execute([allow]).await;
    migrate(&limited, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_server_whose_connections_are_used_up_says_how_many_are_needed(database: Database) {
    const MOST: usize = 10;
    let limit = format!("--max-connections={MOST}");
    let server = block_in_place(|| mariadb::start_with(&[&limit])).expect("a server");
    let there = create_database(&server, &database).await;
    let grant = format!(
        "GRANT ALL ON {}.* TO 'application'@'%' IDENTIFIED BY '{USERS_PASSWORD}'",
        there.name
    );
    there.execute([grant]).await;
    let application = there.of_user("application");
    let mut others = Vec::new();
    while let Ok(other) = application.try_connect_once().await {
        others.push(other);
        assert!(others.len() <= MOST, "the server has no limit");
    }

    let error = migrate(&application, ["up"]).expect_error();

    assert!(error.contains("Too many connections"), "{error}");
    assert!(error.contains("a migrator uses up to two"), "{error}");
    // Without a second connection, the steps run on the one that holds the lock.
    let other = others.pop().expect("a connection");
    other.close().await.expect("it closes");
    migrate(&application, ["up"]).expect_success();
    migrate(&application, ["check"]).expect_success();
}

async fn a_statement_timeout_of_the_role_cuts_no_wait(database: Database) {
    database
        .execute([include_str!("../../shapes/postgres/no_index.sql")])
        .await;
    let role = format!("hasty_{}", database.name);
    database
        .execute([
            format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{USERS_PASSWORD}'"),
            format!("ALTER ROLE {role} SET statement_timeout = '300ms'"),
        ])
        .await;
    // CREATE INDEX CONCURRENTLY waits for a session that has written to the table.
    let db = database.connect().await;
    let writer = db.begin().await.expect("a transaction");
    let write = "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 9, '[]')";
    writer.execute_unprepared(write).await.expect(write);

    let hasty = database.of_user(&role);
    let error = migrate(&hasty, ["--lock-wait", "2", "up"]).expect_error();

    assert!(error.contains("timed out after 2 s"), "{error}");
    writer.rollback().await.expect("it ends");
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["check"]).expect_success();
}

async fn a_full_disk_is_one_sentence_and_up_goes_on_when_there_is_room(database: Database) {
    let disk = Disk::mount("768k");
    let (small, ballast) = match database.backend() {
        DbBackend::Postgres => return postgres_on_a_full_disk(&database).await,
        _ => (
            on(&database, &disk.0.path().join("db.sqlite")),
            disk.0.path().join("ballast"),
        ),
    };
    small
        .execute([include_str!("../../shapes/sqlite/no_foreign_key.sql")])
        .await;
    fill(&ballast);
    let before = Inventory::of(&small).await;

    let error = migrate(&small, ["up"]).expect_error();

    assert!(error.contains("full"), "{error}");
    assert_eq!(Inventory::of(&small).await, before);
    std::fs::remove_file(ballast).expect("the ballast");
    migrate(&small, ["up"]).expect_success();
    migrate(&small, ["check"]).expect_success();
    before.assert_kept_in(&Inventory::of(&small).await);
}

/// In a tablespace of its own, so that only this database has no room, and on a server of its own:
/// one that cannot write a checkpoint drops no database.
async fn postgres_on_a_full_disk(database: &Database) {
    let disk = Disk::mount("16m");
    as_root(&["chown", "postgres"], disk.0.path());
    let server = block_in_place(|| database.engine.start()).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let space = format!("small_{}", there.name);
    let small = Database {
        name: space.clone(),
        url: there.url.replace(&there.name, &space),
        ..there.clone()
    };
    there
        .execute([
            format!(
                "CREATE TABLESPACE {space} LOCATION '{}'",
                disk.0.path().display()
            ),
            format!("CREATE DATABASE {space} TABLESPACE {space}"),
        ])
        .await;
    let legacy = include_str!("../../shapes/postgres/no_index.sql");
    small.execute([legacy]).await;
    let before = Inventory::of(&small).await;
    let ballast = disk.0.path().join("ballast");
    fill(&ballast);

    let error = migrate(&small, ["up"]).expect_error();

    assert!(error.contains("No space left on device"), "{error}");
    std::fs::remove_file(ballast).expect("the ballast");
    before.assert_kept_in(&Inventory::of(&small).await);
    migrate(&small, ["up"]).expect_success();
    migrate(&small, ["check"]).expect_success();
    before.assert_kept_in(&Inventory::of(&small).await);
}

/// A file system in memory, unmounted when it is dropped.
pub struct Disk(TempDir);

impl Disk {
    pub fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = format!("size={size},mode=777");
        as_root(
            &["mount", "-t", "tmpfs", "-o", &options, "tmpfs"],
            folder.path(),
        );
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn only_read(&self) {
        as_root(&["mount", "-o", "remount,ro"], self.0.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        as_root(&["umount", "--lazy"], self.0.path());
    }
}

fn as_root(command: &[&str], folder: &Path) {
    let sudo: &[&str] =
        match std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc"))
        {
            0 => &[],
            _ => &["sudo", "-n"],
        };
    let words = [sudo, command].concat();
    let status = Command::new(words[0])
        .args(&words[1..])
        .arg(folder)
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{words:?} {folder:?}"
    );
}

fn fill(file: &Path) {
    let mut source = std::fs::File::open("/dev/zero").expect("/dev/zero");
    let mut target = std::fs::File::create(file).expect("a file");
    std::io::copy(&mut source, &mut target).expect_err("the disk is full now");
}

/// Returns the database with another file than the test's own.
fn on(database: &Database, file: &Path) -> Database {
    Database {
        url: format!("sqlite://{}?mode=rwc", file.display()),
        ..database.clone()
    }
}

async fn a_file_that_may_only_be_read_is_one_sentence(database: Database) {
    migrate(&database, ["up"]).expect_success();
    migrate(&database, ["reset"]).expect_success();
    let read_only = Database {
        url: database.url.replace("mode=rwc", "mode=ro"),
        ..database.clone()
    };

    is_one_sentence(
        &read_only,
        &database,
        "make the file and its folder writable",
    )
    .await;
}

async fn a_file_in_a_folder_that_only_reads_is_one_sentence(database: Database) {
    let disk = Disk::mount("1m");
    let there = on(&database, &disk.0.path().join("db.sqlite"));
    migrate(&there, ["up"]).expect_success();
    migrate(&there, ["reset"]).expect_success();
    disk.only_read();

    let error = migrate(&there, ["up"]).expect_error();

    assert!(error.contains("writable"), "{error}");
    migrate(&there, ["status"]).expect_success();
    let new = on(&database, &disk.0.path().join("new.sqlite"));
    let error = migrate(&new, ["up"]).expect_error();
    assert!(error.contains("cannot be opened"), "{error}");
}

async fn a_file_that_somebody_else_writes_is_waited_for(database: Database) {
    let db = database.connect().await;
    let writer = db.begin().await.expect("a transaction");
    writer
        .execute_unprepared("CREATE TABLE others (id integer)")
        .await
        .expect("a table");

    let error = migrate(&database, ["--lock-wait", "0", "up"]).expect_error();
    assert!(error.contains("timed out after 0 s"), "{error}");

    writer.rollback().await.expect("it ends");
    migrate(&database, ["up"]).expect_success();
}

async fn a_file_with_an_odd_name_is_migrated(database: Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("Réserve 'A' \"b\".db");
    let url = format!(
        "sqlite://{}/R%C3%A9serve%20'A'%20%22b%22.db?mode=rwc",
        folder.path().display()
    );
    let odd = Database { url, ..database };

    for command in ["up", "check", "status"] {
        migrate(&odd, [command]).expect_success();
    }
    assert!(file.exists(), "{file:?}");
}

/// A server that offers TLS to all roles and requires it of one.
async fn a_certificate_that_cannot_be_used_is_one_sentence(database: Database) {
    let folder = certificates();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_key_file={}", file("key.pem")),
        format!("ssl_cert_file={}", file("version3.pem")),
        format!("hba_file={}", file("hba.conf")),
    ];
    let server = block_in_place(|| postgres::start_15_with(&settings)).expect("a server");
    let offered = create_database(&server, &database).await;
    let create = format!("CREATE ROLE careful SUPERUSER LOGIN PASSWORD '{USERS_PASSWORD}'");
    offered.execute([create]).await;
    let required = offered.of_user("careful");

    migrate(&required, ["up"]).expect_success();
    let error = migrate(&without_tls(&required), ["up"]).expect_error();
    assert!(error.contains("requires TLS"), "{error}");

    std::fs::copy(file("version1.pem"), file("version3.pem")).expect("another certificate");
    offered.execute(["SELECT pg_reload_conf()"]).await;
    for insists in [&required, &with_tls(&offered)] {
        let error = migrate(insists, ["up"]).expect_error();
        assert!(error.contains("UnsupportedCertVersion"), "{error}");
        assert!(error.contains("sslmode=disable"), "{error}");
    }
    let prefers = migrate(&offered, ["up"]).expect_success();
    assert!(prefers.contains("without TLS"), "{prefers}");
    migrate(&without_tls(&offered), ["check"]).expect_success();
}

fn without_tls(database: &Database) -> Database {
    with_mode(database, "disable")
}

fn with_tls(database: &Database) -> Database {
    with_mode(database, "require")
}

fn with_mode(database: &Database, mode: &str) -> Database {
    Database {
        url: format!("{}?sslmode={mode}", database.url),
        ..database.clone()
    }
}

/// Creates two certificates for one key.
fn certificates() -> TempDir {
    let account = Account::of_package("postgres").expect("an account");
    let folder = account.folder("colpali-tls-").expect("a folder");
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out version3.pem -days 9 -subj /CN=localhost
        openssl req -new -key key.pem -out request.pem -subj /CN=localhost
        openssl x509 -req -in request.pem -signkey key.pem -out version1.pem -days 9
        echo 'hostssl all all all scram-sha-256' > hba.conf
        echo 'hostnossl all postgres all scram-sha-256' >> hba.conf
        chmod 600 key.pem";
    let mut shell = account.command(Path::new("sh"), "KILL");
    shell.args(["-ec", script]).current_dir(folder.path());
    process::run(shell).expect("openssl");
    folder
}

async fn a_database_with_an_odd_name_is_migrated(database: Database) {
    let quote = quote(database.backend());
    let suffix = "Réserve A'b";
    let odd = format!("{quote}{} {suffix}{quote}", database.name);
    database.execute([format!("CREATE DATABASE {odd}")]).await;
    let url = format!("{}%20R%C3%A9serve%20A'b", database.url);

    for command in ["up", "up", "check", "reset"] {
        run(programs::migration().args([command, "-u", &url])).expect_success();
    }
    database.execute([format!("DROP DATABASE {odd}")]).await;
}

async fn a_schema_with_an_odd_name_is_converged(database: Database) {
    let name = "Réserve \"A\" 'b' c.d";
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let mut statements = vec![
        format!("CREATE SCHEMA {quoted}"),
        format!("SET search_path = {quoted}"),
    ];
    for legacy in [
        include_str!("../../shapes/postgres/create_all.sql"),
        "DROP INDEX IF EXISTS ix_vectors_doc_id; ALTER TABLE vectors ALTER page DROP NOT NULL",
        "SELECT setval('vectors_id_seq', 1, false)",
        "CREATE INDEX ix_vectors_doc_id ON vectors (page)",
    ] {
        statements.push(legacy.to_owned());
    }
    database.execute(statements).await;

    for command in ["up", "check", "repair", "down", "up", "refresh", "check"] {
        migrate(&database, ["-s", name, command]).expect_success();
    }
    nothing_is_in_public(&database).await;
}

/// A service chooses no schema: its connection has one.
async fn an_odd_search_path_is_followed(database: Database) {
    let quoted = "\"Réserve \"\"A\"\" 'b' c.d\"";
    database
        .execute([
            format!("CREATE SCHEMA {quoted}"),
            format!(
                "ALTER DATABASE {} SET search_path = {quoted}, public",
                database.name
            ),
        ])
        .await;
    let db = database.connect().await;

    programs::runner().up(&db, None).await.expect("up");
    let report = migration::check(&db).await.expect("a look");
    assert!(report.as_declared(), "{report:?}");
    Migrator::refresh(&db).await.expect("refresh");

    nothing_is_in_public(&database).await;
}

async fn nothing_is_in_public(database: &Database) {
    let db = database.connect().await;
    let elsewhere = "SELECT 1 FROM pg_tables WHERE schemaname = 'public'";
    let found = Statement::from_string(DbBackend::Postgres, elsewhere);
    assert!(db.query_one_raw(found).await.expect("a look").is_none());
}

fn quote(backend: DbBackend) -> char {
    match backend {
        DbBackend::Postgres => '"',
        _ => '`',
    }
}

async fn a_database_in_an_old_encoding_is_migrated(database: Database) {
    let old = format!("{}_old", database.name);
    let create = match database.backend() {
        DbBackend::Postgres => format!(
            "CREATE DATABASE {old} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
        _ => format!("CREATE DATABASE {old} CHARACTER SET latin1 COLLATE latin1_swedish_ci"),
    };
    database.execute([create]).await;
    let url = database.url.replace(&database.name, &old);

    for command in ["up", "up", "check", "reset"] {
        run(programs::migration().args([command, "-u", &url])).expect_success();
    }
    database.execute([format!("DROP DATABASE {old}")]).await;
}
