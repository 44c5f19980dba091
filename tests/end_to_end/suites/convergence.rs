//! Legacy tables, one file each in `tests/shapes`: what is found, how `up` ends, and that nothing
//! is lost.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::Value;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    conditions::until,
    engines::{Database, workspace},
    programs::{migrate, migrate_beside_an_application, migration, run},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let files = shapes(folder(backend));
    let mut tests: Vec<Test> = files.iter().map(|file| shape(file)).collect();
    tests.extend(tests![
        check_of_an_empty_database_finds_everything_absent_and_leaves_no_trace,
        check_that_cannot_look_exits_with_2,
        repair_mends_what_it_can_and_leaves_the_rest,
        repair_makes_no_table_where_its_documents_are_missing,
        repairs_at_the_same_time_all_succeed,
    ]);
    if backend == DbBackend::MySql {
        tests.extend(tests![
            a_key_whose_replacement_was_cut_short_gets_its_name_back,
            a_table_that_could_not_be_converted_gets_no_key
        ]);
    }
    if backend != DbBackend::Sqlite {
        tests.extend(tests![repair_changes_no_type_along_with_a_not_null]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            check_works_for_a_role_that_may_only_read,
            a_full_disk_takes_no_report_and_is_one_sentence,
            up_in_the_callers_transaction_converges,
            an_invalid_index_is_built_anew,
            a_step_that_waits_for_a_reader_lets_writers_through,
        ]);
    }
    tests
}

/// InnoDB has a use of its own for a column of that name.
async fn a_table_that_could_not_be_converted_gets_no_key(database: Database) {
    database
        .execute(["CREATE TABLE documents (id int PRIMARY KEY);
             CREATE TABLE vectors (id int AUTO_INCREMENT PRIMARY KEY, doc_id int NOT NULL, page int NOT NULL,
                 vector_ids longtext CHARACTER SET utf8mb4 NOT NULL, FTS_DOC_ID varchar(9), FULLTEXT (vector_ids)) ENGINE = MyISAM"])
        .await;
    let before = Inventory::of(&database).await;

    let repair = migrate(&database, ["repair"]);

    assert_eq!(repair.code, Some(1), "{repair:?}");
    assert!(repair.stderr.contains("FTS_DOC_ID"), "{repair:?}");
    assert_eq!(Inventory::of(&database).await, before);
}

/// Returns the folder of an engine's legacy tables.
pub fn folder(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "postgres",
        DbBackend::MySql => "mysql",
        _ => "sqlite",
    }
}

/// Returns the files of an engine's legacy tables.
pub fn shapes(folder: &str) -> Vec<PathBuf> {
    let folder = workspace().join("tests/shapes").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of shapes")
        .map(|entry| entry.expect("a shape").path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
}

fn shape(file: &Path) -> Test {
    let name = file.file_stem().expect("a name").to_string_lossy();
    let sql = fs::read_to_string(file).expect("a shape");
    Test::new(module_path!(), &name, move |database| {
        Box::pin(converges(database, Shape::parse(&sql)))
    })
}

struct Shape {
    sql: String,
    finds: Vec<String>,
    ends: End,
}

#[derive(PartialEq)]
enum End {
    AsDeclared,
    Refused,
    RefusedUntilOrphansAreDeleted,
}

impl Shape {
    fn parse(sql: &str) -> Self {
        let head = |key: &str| {
            sql.lines()
                .filter_map(|line| line.strip_prefix(key))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        Self {
            finds: head("-- finds: "),
            ends: match head("-- ends: ").concat().as_str() {
                "as declared" => End::AsDeclared,
                "refused" => End::Refused,
                "refused, repaired with --delete-orphans" => End::RefusedUntilOrphansAreDeleted,
                other => panic!("a shape ends: {other}"),
            },
            sql: sql.to_owned(),
        }
    }
}

async fn converges(database: Database, shape: Shape) {
    database.execute([&shape.sql]).await;
    let before = Inventory::of(&database).await;

    assert_eq!(found_but_storage(&database), shape.finds);
    assert_eq!(
        Inventory::of(&database).await,
        before,
        "check leaves a trace"
    );

    let up = migrate(&database, ["up"]);
    match shape.ends {
        End::AsDeclared => {
            up.expect_success();
            before.assert_kept_in(&Inventory::of(&database).await);
        }
        End::Refused | End::RefusedUntilOrphansAreDeleted => {
            let error = up.expect_error();
            let foreseen =
                "cannot be brought to the declared shape, and its tables were not changed";
            assert!(error.contains(foreseen), "{error}");
            before.assert_kept_in(&Inventory::of(&database).await);
            assert_eq!(found_but_storage(&database), shape.finds);
        }
    }
    if shape.ends == End::Refused {
        return;
    }
    if shape.ends == End::RefusedUntilOrphansAreDeleted {
        let said =
            migrate(&database, ["repair", "--delete-orphans", "--forget-ids"]).expect_success();
        assert!(
            said.contains("deleted rows whose document did not exist: "),
            "{said}"
        );
        migrate(&database, ["up"]).expect_success();
    }
    assert_eq!(found(&database), [""; 0]);
    works(&database).await;
}

/// Returns the differences except storage, which has a suite of its own: every legacy table is
/// stored as the server does by default.
fn found_but_storage(database: &Database) -> Vec<String> {
    let mut found = found(database);
    found.retain(|one| !one.starts_with("storage: "));
    found
}

/// Returns the differences that `check` finds, after requiring that its exit status agrees.
fn found(database: &Database) -> Vec<String> {
    let finished = migrate(database, ["check", "--json"]);
    let report: Value = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|_| panic!("{}{}", finished.stdout, finished.stderr));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let found: Vec<String> = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}: {}", text(&one["part"]), text(&one["found"])))
        .collect();
    assert_eq!(report["as_declared"], found.is_empty());
    assert_eq!(finished.code, Some(i32::from(!found.is_empty())));
    found
}

/// Requires that nothing is half done, and that a row gets a number of its own and is deleted with
/// its document.
pub async fn works(database: &Database) {
    let db = database.connect().await;
    if database.backend() == DbBackend::Postgres {
        let half_done =
            "SELECT conname::text FROM pg_constraint WHERE conrelid = 'vectors'::regclass
               AND conparentid = 0 AND NOT convalidated
             UNION ALL SELECT indexrelid::regclass::text FROM pg_index
             WHERE indrelid = 'vectors'::regclass AND NOT indisvalid";
        assert_eq!(lines(&db, half_done).await, [""; 0]);
    }
    let last = "SELECT concat('', coalesce(max(id), 0)) FROM vectors";
    let before: i64 = lines(&db, last).await[0].parse().expect("a number");
    for page in [7, 8] {
        let insert =
            format!("INSERT INTO vectors (doc_id, page, vector_ids) VALUES (2, {page}, '[]')");
        db.execute_unprepared(&insert).await.expect("a new row");
    }
    let after: i64 = lines(&db, last).await[0].parse().expect("a number");
    assert!(after >= before + 2, "{after} after {before}");

    let rest = "SELECT concat('', count(*)) FROM vectors WHERE doc_id <> 2";
    let others = lines(&db, rest).await;
    db.execute_unprepared("DELETE FROM documents WHERE id = 2")
        .await
        .expect("the cascade");
    let gone = "SELECT concat('', count(*)) FROM vectors WHERE doc_id = 2";
    assert_eq!(lines(&db, gone).await, ["0"]);
    assert_eq!(lines(&db, rest).await, others);
}

async fn check_of_an_empty_database_finds_everything_absent_and_leaves_no_trace(
    database: Database,
) {
    let before = Inventory::of(&database).await;

    assert_eq!(
        found(&database),
        [
            "documents: there is no table documents, and no other table",
            "vectors: there is no table vectors",
        ]
    );

    assert_eq!(Inventory::of(&database).await, before);
    migrate(&database, ["repair"]).expect_success();
    assert_eq!(found(&database), [""; 0]);
}

async fn a_key_whose_replacement_was_cut_short_gets_its_name_back(database: Database) {
    let shape = include_str!("../../shapes/mysql/as_declared.sql");
    let half = "ALTER TABLE vectors DROP FOREIGN KEY fk,
                ADD CONSTRAINT `colpali replaces fk_docs` FOREIGN KEY (doc_id) REFERENCES documents (id)
                ON DELETE CASCADE ON UPDATE CASCADE";
    database.execute([shape, half]).await;

    migrate(&database, ["up"]).expect_success();

    let keys = "SELECT CAST(concat(constraint_name, ' ', delete_rule, ' ', update_rule) AS CHAR)
                FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
    let db = database.connect().await;
    assert_eq!(lines(&db, keys).await, ["fk_docs CASCADE CASCADE"]);
    migrate(&database, ["check"]).expect_success();
}

async fn check_that_cannot_look_exits_with_2(database: Database) {
    let url = match database.backend() {
        DbBackend::Sqlite => "sqlite:///no/such/folder/x.db".to_owned(),
        _ => database.url.replace(&database.name, "no_such_database"),
    };

    let finished = run(migration().args(["check", "-u", &url]));

    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    let mut said = finished.stderr.lines();
    assert!(
        said.next().is_some_and(|line| line.starts_with("error: "))
            && said.all(|line| line.starts_with("hint: ")),
        "{}",
        finished.stderr
    );
}

async fn a_full_disk_takes_no_report_and_is_one_sentence(database: Database) {
    let full = fs::File::create("/dev/full").expect("a full disk");
    let url = database.url.as_str();

    let finished = migration()
        .args(["check", "-u", url, "--json"])
        .stdout(full)
        .output()
        .expect("it runs");

    assert_eq!(finished.status.code(), Some(2));
    let error = String::from_utf8_lossy(&finished.stderr);
    assert!(error.contains("stdout could not be written"), "{error}");
}

async fn repair_mends_what_it_can_and_leaves_the_rest(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let nullable = match database.backend() {
        DbBackend::Postgres => vec![
            "ALTER TABLE vectors ALTER page DROP NOT NULL",
            "DROP INDEX ix_vectors_doc_id",
        ],
        DbBackend::MySql => vec!["ALTER TABLE vectors MODIFY page int NULL"],
        _ => vec![
            "DROP TABLE vectors",
            "CREATE TABLE vectors (id INTEGER PRIMARY KEY, doc_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE, page INTEGER, vector_ids TEXT NOT NULL)",
        ],
    };
    database.execute(nullable).await;
    database
        .execute([
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, NULL, '[]')",
        ])
        .await;

    let finished = migrate(&database, ["repair"]);

    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished
            .stdout
            .replace(['"', '`'], "")
            .contains("SELECT * FROM vectors WHERE page IS NULL"),
        "{}",
        finished.stdout
    );
    assert_eq!(
        found(&database),
        ["page: page may be NULL, and is in 1 row"]
    );
}

async fn repair_changes_no_type_along_with_a_not_null(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let undecided = match database.backend() {
        DbBackend::Postgres => {
            "ALTER TABLE vectors ALTER page TYPE bigint, ALTER page DROP NOT NULL"
        }
        _ => "ALTER TABLE vectors MODIFY page bigint NULL",
    };
    database
        .execute([
            undecided,
            "INSERT INTO documents (id) VALUES (1)",
            "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 5000000000, '[]')",
        ])
        .await;
    let before = Inventory::of(&database).await;

    let repair = migrate(&database, ["repair"]);

    assert_eq!(repair.code, Some(1), "{repair:?}");
    assert!(
        repair.stdout.contains("change its type first"),
        "{repair:?}"
    );
    assert_eq!(repair.stderr, "", "no step failed");
    assert_eq!(Inventory::of(&database).await, before);
}

/// What one run has done is not left for another.
async fn repair_makes_no_table_where_its_documents_are_missing(database: Database) {
    database
        .execute(["CREATE TABLE users (id integer PRIMARY KEY)"])
        .await;
    for documents in ["", "CREATE TABLE documents (id bigint PRIMARY KEY)"] {
        if !documents.is_empty() {
            database.execute([documents]).await;
        }
        let before = Inventory::of(&database).await;

        let repair = migrate_beside_an_application(&database, ["repair"]);

        assert_eq!(repair.code, Some(1), "{repair:?}");
        assert!(
            repair.stdout.contains("waits for: documents"),
            "{}",
            repair.stdout
        );
        assert_eq!(Inventory::of(&database).await, before);
    }
}

async fn repairs_at_the_same_time_all_succeed(database: Database) {
    let legacy = Shape::parse(match database.backend() {
        DbBackend::Postgres => include_str!("../../shapes/postgres/nullable.sql"),
        DbBackend::MySql => include_str!("../../shapes/mysql/create_all.sql"),
        _ => include_str!("../../shapes/sqlite/alembic_raw_ddl.sql"),
    });
    database.execute([&legacy.sql]).await;
    let before = Inventory::of(&database).await;

    let repairs: Vec<_> = (0..4)
        .map(|_| {
            let mut repair = migration();
            repair.args(["repair", "-u", &database.url]);
            std::thread::spawn(move || run(&mut repair))
        })
        .collect();
    for repair in repairs {
        repair.join().expect("it runs").expect_success();
    }

    assert_eq!(found(&database), [""; 0]);
    before.assert_kept_in(&Inventory::of(&database).await);
}

async fn check_works_for_a_role_that_may_only_read(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let role = format!("reader_{}", database.name);
    database
        .execute([
            format!("CREATE ROLE {role} LOGIN PASSWORD 'only-for-tests'"),
            format!("GRANT SELECT ON documents, vectors, vectors_id_seq TO {role}"),
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey".to_owned(),
            "ALTER TABLE vectors ADD CONSTRAINT plain FOREIGN KEY (doc_id) REFERENCES documents (id)".to_owned(),
        ])
        .await;
    let reader = database.of_user(&role);

    assert_eq!(
        found(&reader),
        ["foreign key: the foreign key plain has ON DELETE NO ACTION"]
    );

    database
        .execute([format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")])
        .await;
}

async fn up_in_the_callers_transaction_converges(database: Database) {
    use migration::{Migrator, MigratorTrait};
    use sea_orm::TransactionTrait;
    let legacy = Shape::parse(include_str!("../../shapes/postgres/no_index.sql"));
    database.execute([&legacy.sql]).await;
    let db = database.connect().await;

    let transaction = db.begin().await.unwrap();
    Migrator::up(&transaction, None).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(found_but_storage(&database), legacy.finds);

    let transaction = db.begin().await.unwrap();
    Migrator::up(&transaction, None).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(found(&database), [""; 0]);
}

/// The state that an interrupted CREATE INDEX CONCURRENTLY leaves behind.
async fn an_invalid_index_is_built_anew(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute(["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_vectors_doc_id'::regclass"])
        .await;
    assert_eq!(
        found(&database),
        ["index: ix_vectors_doc_id is invalid: its build did not finish"]
    );

    migrate(&database, ["repair"]).expect_success();

    assert_eq!(found(&database), [""; 0]);
}

/// A lock that is waited for blocks every session behind it, so `repair` must not wait for long.
async fn a_step_that_waits_for_a_reader_lets_writers_through(database: Database) {
    use sea_orm::TransactionTrait;
    let legacy = Shape::parse(include_str!("../../shapes/postgres/create_all.sql"));
    database.execute([&legacy.sql]).await;
    let db = database.connect().await;
    let reader = db.begin().await.unwrap();
    let read = "SELECT count(*) FROM vectors";
    reader.execute_unprepared(read).await.expect(read);

    let mut repair = migration()
        .args(["repair", "-u", &database.url])
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary");
    let waiting = "SELECT pid::text FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE \"vectors\" DROP%'";
    for _ in 0..3 {
        until("the wait for the reader", async || {
            let ended = repair.try_wait().expect("a child");
            assert_eq!(ended, None, "repair did not wait for the reader");
            !lines(&db, waiting).await.is_empty()
        })
        .await;
        // This fails if the writer waits as long as the reader reads.
        database
            .execute([
                "SET statement_timeout = '10s'",
                "INSERT INTO vectors (doc_id, page, vector_ids) VALUES (1, 1, '[]')",
            ])
            .await;
    }
    assert_eq!(found_but_storage(&database), legacy.finds);
    reader.rollback().await.unwrap();

    assert!(repair.wait().expect("it ends").success());
    assert_eq!(found(&database), [""; 0]);
}
