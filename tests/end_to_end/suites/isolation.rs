//! A server, a database or a role may have another default isolation level than the migrator needs.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, DbBackend};
use tokio::task::block_in_place;

use super::{
    Test,
    inventory::Inventory,
    shape::{lines, tables},
};
use crate::{
    engines::{Database, mariadb},
    programs::{all_at_once, client, migrate, migration, run, runner},
    tier,
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    match backend {
        DbBackend::Postgres => tests![
            an_index_is_built_where_the_database_defaults_to_a_higher_level,
            an_index_is_built_where_the_role_defaults_to_a_higher_level,
            processes_at_once_migrate_where_the_database_defaults_to_a_higher_level,
            a_pool_keeps_its_default_level,
            a_callers_transaction_keeps_its_level,
        ],
        DbBackend::MySql => tests![
            every_command_works_where_the_server_defaults_to_another_level,
            every_command_works_where_the_binary_log_is_of_statements,
            a_pool_keeps_its_default_level,
        ],
        _ => Vec::new(),
    }
}

const HIGHER: [&str; 2] = ["repeatable read", "serializable"];

const NO_INDEX: &str = include_str!("../../shapes/postgres/no_index.sql");

async fn an_index_is_built_where_the_database_defaults_to_a_higher_level(database: Database) {
    for level in HIGHER {
        database.empty().await;
        database
            .execute([NO_INDEX, &default_of_database(&database, level)])
            .await;

        converges(&database).await;
    }
}

async fn an_index_is_built_where_the_role_defaults_to_a_higher_level(database: Database) {
    let role = format!("strict_{}", database.name);
    database
        .execute([format!(
            "CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{}'",
            crate::engines::USERS_PASSWORD
        )])
        .await;
    for level in HIGHER {
        database.empty().await;
        let default = format!(
            "ALTER ROLE {role} SET default_transaction_isolation = '{level}';
             ALTER ROLE {role} SET default_transaction_deferrable = on"
        );
        database.execute([NO_INDEX, &default]).await;

        converges(&database.of_user(&role)).await;
    }
    database
        .execute([
            format!("REASSIGN OWNED BY {role} TO postgres"),
            format!("DROP ROLE {role}"),
        ])
        .await;
}

async fn converges(database: &Database) {
    let before = Inventory::of(database).await;

    migrate(database, ["--lock-wait", "5", "up"]).expect_success();

    before.assert_kept_in(&Inventory::of(database).await);
    for command in ["check", "repair", "down", "up", "down", "refresh", "reset"] {
        migrate(database, ["--lock-wait", "5", command]).expect_success();
    }
}

async fn processes_at_once_migrate_where_the_database_defaults_to_a_higher_level(
    database: Database,
) {
    for level in HIGHER {
        database
            .execute([default_of_database(&database, level)])
            .await;
        for _ in 0..tier::rounds(1, 3) {
            database.empty().await;

            let finished = all_at_once((0..8).map(|_| {
                let mut up = migration();
                up.args(["up", "-u", &database.url]);
                up
            }));

            for process in finished {
                process.expect_success();
            }
            migrate(&database, ["check"]).expect_success();
        }
    }
}

/// The level of a transaction must not stay for the next user of the connection.
async fn a_pool_keeps_its_default_level(database: Database) {
    let (set, get) = match database.backend() {
        DbBackend::Postgres => (
            "SET default_transaction_isolation = 'serializable'",
            "SELECT concat(current_setting('default_transaction_isolation'), ' ', current_setting('transaction_isolation'))",
        ),
        _ => (
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT CAST(@@tx_isolation AS CHAR)",
        ),
    };
    let mut options = ConnectOptions::new(&database.url);
    options.max_connections(1);
    let db = sea_orm::Database::connect(options).await.expect("a pool");
    sea_orm::ConnectionTrait::execute_unprepared(&db, set)
        .await
        .expect(set);
    let before = lines(&db, get).await;
    assert!(before.concat().to_lowercase().starts_with("serializable"));

    runner().up(&db, None).await.expect("up");
    Migrator::refresh(&db).await.expect("refresh");
    migration::check(&db).await.expect("check");
    Migrator::down(&db, None).await.expect("down");

    assert_eq!(lines(&db, get).await, before);
}

async fn a_callers_transaction_keeps_its_level(database: Database) {
    use sea_orm::{IsolationLevel, TransactionTrait};
    database.execute([NO_INDEX]).await;
    let db = database.connect().await;
    let transaction = db
        .begin_with_config(Some(IsolationLevel::Serializable), None)
        .await
        .expect("a transaction");

    Migrator::up(&transaction, None).await.expect("up");
    transaction.commit().await.expect("it commits");

    migrate(&database, ["check"]).expect_success();
}

async fn every_command_works_where_the_server_defaults_to_another_level(database: Database) {
    for level in ["SERIALIZABLE", "READ-UNCOMMITTED", "READ-COMMITTED"] {
        let option = format!("--transaction-isolation={level}");
        every_command_works(&database, &[&option]).await;
    }
}

async fn every_command_works_where_the_binary_log_is_of_statements(database: Database) {
    for level in ["REPEATABLE-READ", "READ-COMMITTED"] {
        let level = format!("--transaction-isolation={level}");
        let options = ["--log-bin", "--binlog-format=STATEMENT", &level];
        every_command_works(&database, &options).await;
    }
}

async fn every_command_works(database: &Database, options: &[&str]) {
    let server = block_in_place(|| mariadb::start_with(options)).expect("a server");
    let there = server.create_database(database.engine).await;
    let there = there.expect("a database");
    let legacy = include_str!("../../shapes/mysql/create_all.sql");
    // The application has its own level.
    let level = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    there.execute([level, legacy]).await;
    let before = Inventory::of(&there).await;

    migrate(&there, ["--lock-wait", "5", "up"]).expect_success();

    before.assert_kept_in(&Inventory::of(&there).await);
    for command in ["check", "repair", "down", "up", "down", "refresh", "reset"] {
        migrate(&there, ["--lock-wait", "5", command]).expect_success();
    }
    let left = tables(&there.connect().await).await;
    assert!(!left.contains(&"vectors".to_owned()), "{left:?}");

    for way in ["up", "down", "up"] {
        let script = run(migration().args(["sql", "--backend", "mysql", way])).expect_success();
        client(&there, &script).expect_success();
    }
    migrate(&there, ["down", "-n", "3"]).expect_success();
}

fn default_of_database(database: &Database, level: &str) -> String {
    format!(
        "ALTER DATABASE {} SET default_transaction_isolation = '{level}'",
        database.name
    )
}
