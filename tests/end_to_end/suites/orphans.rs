//! `repair --delete-orphans`: the values of the rows are written before the rows are deleted, none
//! is lost or invented, and if something keeps them the command ends and reports what.

use std::{fs, io};

use migration::{ConvergeError, Error, Orphan, OrphanSink, Orphans, Runner};
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::Database,
    programs::{Finished, migrate},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let mut tests = tests![
        orphans_are_deleted_only_where_somebody_says_what_becomes_of_their_ids,
        ids_are_added_to_a_file_as_they_are_stored,
        ids_go_to_stdout_alone_or_in_a_field,
        a_service_gets_the_rows_that_it_deletes,
        rows_whose_ids_cannot_be_stored_stay,
        rows_that_go_by_cascade_are_announced,
        many_orphans_of_one_document_go_with_their_ids,
        rows_that_a_trigger_keeps_end_the_repair_and_are_named,
        rows_that_are_no_orphans_are_not_deleted_with_them,
        rows_whose_ids_cannot_be_stored_stay_in_a_callers_transaction,
        a_file_that_another_run_writes_to_is_refused,
    ];
    if backend == DbBackend::Sqlite {
        tests.extend(tests![
            ids_whose_deletion_is_not_committed_are_taken_back,
            ids_that_are_no_text_are_written_as_literals,
        ]);
    }
    if backend == DbBackend::Postgres {
        tests.extend(tests![
            rows_that_are_there_again_end_the_repair,
            rows_that_a_rule_keeps_end_the_repair_and_are_named,
            rows_that_a_policy_keeps_are_not_tried,
            rows_that_a_trigger_keeps_in_part_go_as_far_as_they_may,
            ids_whose_deletion_a_deferred_key_forbids_are_not_written,
            a_failing_step_is_told_beside_rows_that_are_kept,
        ]);
    }
    tests
}

/// Creates orphans with ids 4 and 5, of documents 8 and 9, in a table that is otherwise as
/// declared.
async fn with_orphans(database: &Database) {
    let off = match database.backend() {
        DbBackend::Postgres => {
            "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey, ALTER vector_ids SET STORAGE EXTERNAL"
        }
        DbBackend::MySql => "SET foreign_key_checks = 0",
        _ => "PRAGMA foreign_keys = OFF",
    };
    migrate(database, ["up"]).expect_success();
    let rows = r#"INSERT INTO vectors (id, doc_id, page, vector_ids) VALUES
        (1, 1, 0, '["a"]'), (2, 1, 1, '["b"]'), (3, 2, 0, '[]'), (4, 8, 7, '["x", "y"]'), (5, 9, 0, 'x,"y'' z')"#;
    database
        .execute(["INSERT INTO documents (id) VALUES (1), (2)", off, rows])
        .await;
}

fn expected() -> Vec<Value> {
    vec![
        json!({"id": 4, "doc_id": 8, "page": 7, "vector_ids": "[\"x\", \"y\"]"}),
        json!({"id": 5, "doc_id": 9, "page": 0, "vector_ids": "x,\"y' z"}),
    ]
}

fn objects(text: &str) -> Vec<Value> {
    let object = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    let mut objects: Vec<Value> = text.lines().map(object).collect();
    objects.sort_by_key(|object| object["id"].as_i64());
    objects
}

async fn ids(database: &Database) -> Vec<String> {
    let ids = "SELECT concat('', id) FROM vectors ORDER BY id";
    lines(&database.connect().await, ids).await
}

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> String {
        self.0.path().join("ids").display().to_string()
    }

    fn objects(&self) -> Vec<Value> {
        objects(&fs::read_to_string(self.path()).unwrap_or_default())
    }
}

fn delete(database: &Database, file: &File) -> Finished {
    let path = file.path();
    migrate(
        database,
        [
            "--lock-wait",
            "5",
            "repair",
            "--delete-orphans",
            "--ids-to",
            &path,
        ],
    )
}

async fn rows_that_are_no_orphans_are_not_deleted_with_them(database: Database) {
    with_orphans(&database).await;
    let refer = match database.backend() {
        DbBackend::Sqlite => {
            vec!["ALTER TABLE vectors ADD parent integer REFERENCES vectors (id) ON DELETE CASCADE"]
        }
        _ => vec![
            "ALTER TABLE vectors ADD parent integer",
            "ALTER TABLE vectors ADD FOREIGN KEY (parent) REFERENCES vectors (id) ON DELETE CASCADE",
        ],
    };
    database.execute(refer).await;
    // The row of page 1 has a document.
    database
        .execute(["UPDATE vectors SET parent = 4 WHERE id = 2"])
        .await;
    let file = File::new();

    let error = delete(&database, &file);

    assert_eq!(error.code, Some(1), "{error:?}");
    assert!(
        error
            .stderr
            .contains("1 row of vectors that references existing rows"),
        "{error:?}"
    );
    assert_eq!(ids(&database).await, ["1", "2", "3", "4", "5"]);
    assert_eq!(file.objects(), [] as [Value; 0]);
}

async fn orphans_are_deleted_only_where_somebody_says_what_becomes_of_their_ids(
    database: Database,
) {
    with_orphans(&database).await;
    let before = Inventory::of(&database).await;

    let error = migrate(&database, ["repair", "--delete-orphans"]).expect_error();
    assert!(error.contains("--ids-to FILE"), "{error}");
    let finished = migrate(&database, ["repair", "--delete-orphans", "--json"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("--forget-ids"), "{finished:?}");
    assert_eq!(Inventory::of(&database).await, before);

    migrate(&database, ["repair", "--delete-orphans", "--forget-ids"]).expect_success();
    assert_eq!(ids(&database).await, ["1", "2", "3"]);
    // Without orphans, no option is required.
    migrate(&database, ["repair", "--delete-orphans"]).expect_success();
}

async fn ids_are_added_to_a_file_as_they_are_stored(database: Database) {
    with_orphans(&database).await;
    let file = File::new();
    let earlier = r#"{"id":1,"doc_id":1,"page":1,"vector_ids":"cut sho"#;
    fs::write(file.path(), earlier).expect("a file");

    let said = delete(&database, &file).expect_success();

    assert!(
        said.contains("47 bytes") || said.contains(" bytes"),
        "{said}"
    );
    let text = fs::read_to_string(file.path()).expect("the file");
    let (first, rest) = text.split_once('\n').expect("lines");
    assert_eq!(first, earlier);
    assert_eq!(objects(rest), expected());
    assert_eq!(ids(&database).await, ["1", "2", "3"]);
    delete(&database, &file).expect_success();
    assert_eq!(fs::read_to_string(file.path()).expect("the file"), text);
}

async fn ids_that_are_no_text_are_written_as_literals(database: Database) {
    migrate(&database, ["up", "--create-documents"]).expect_success();
    database
        .execute([
            "PRAGMA foreign_keys = OFF; INSERT INTO vectors (doc_id, page, vector_ids) \
             VALUES (8, 1, CAST(x'ff5b' AS text)), (8, 2, x'00ff'), (8, 3, '00ff')",
        ])
        .await;

    let file = File::new();
    delete(&database, &file).expect_success();

    let text = fs::read_to_string(file.path()).expect("the file");
    let stored: Vec<Value> = objects(&text)
        .into_iter()
        .map(|row| row["vector_ids"].clone())
        .collect();
    assert_eq!(stored, ["X'FF5B'", "X'00FF'", "00ff"]);
}

async fn ids_go_to_stdout_alone_or_in_a_field(database: Database) {
    with_orphans(&database).await;
    let to_stdout = ["repair", "--delete-orphans", "--ids-to", "-"];

    let said = migrate(&database, to_stdout).expect_success();
    assert_eq!(objects(&said), expected());
    assert_eq!(migrate(&database, to_stdout).expect_success(), "");

    database.empty().await;
    with_orphans(&database).await;
    let said = migrate(&database, [to_stdout.as_slice(), &["--json"]].concat()).expect_success();
    let mut said: Value = serde_json::from_str(&said).expect("one object");
    let found = said["orphans"].as_array_mut().expect("a list");
    found.sort_by_key(|object| object["id"].as_i64());
    assert_eq!(*found, expected());
    assert_eq!(said["deleted_orphans"], 2);
    assert_eq!(said["report"]["as_declared"], true);
}

async fn a_service_gets_the_rows_that_it_deletes(database: Database) {
    with_orphans(&database).await;
    let db = database.connect().await;
    let mut deleted = Vec::new();

    let repaired = migration::repair(&db, Orphans::Delete(&mut deleted)).await;

    assert_eq!(repaired.expect("a repair").deleted_orphans, 2);
    deleted.sort_by_key(|orphan: &Orphan| orphan.get("id"));
    let said: Vec<_> = deleted
        .iter()
        .filter_map(|one| one.get("vector_ids"))
        .collect();
    assert_eq!(said, [r#"["x", "y"]"#, "x,\"y' z"]);
    assert_eq!(deleted[0].get("id").as_deref(), Some("4"));
    assert_eq!(deleted[0].table, "vectors");
    let second = ["doc_id", "page"].map(|column| deleted[1].get(column));
    assert_eq!(second, [Some("9".to_owned()), Some("0".to_owned())]);
}

/// A sink that accepts rows, but fails to write them.
#[derive(Default)]
struct Full {
    stored: u64,
    withdrawn: u64,
}

impl OrphanSink for Full {
    fn store(&mut self, orphans: &[Orphan]) -> io::Result<()> {
        self.stored += orphans.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("no room"))
    }

    fn withdraw(&mut self, orphans: u64) -> io::Result<()> {
        self.withdrawn += orphans;
        Ok(())
    }
}

async fn rows_whose_ids_cannot_be_stored_stay(database: Database) {
    with_orphans(&database).await;
    let before = Inventory::of(&database).await;
    let db = database.connect().await;
    let mut full = Full::default();

    let error = Runner::new().repair(&db, Orphans::Delete(&mut full)).await;

    let error = error.expect_err("no room");
    assert!(
        matches!(
            error,
            Error::Converge(ConvergeError::OrphansNotStored { .. })
        ),
        "{error}"
    );
    assert_eq!((full.stored, full.withdrawn), (2, 2));
    let full = ["repair", "--delete-orphans", "--ids-to", "/dev/full"];
    let error = migrate(&database, full).expect_error();
    assert!(error.contains("/dev/full: No space left"), "{error}");
    let nowhere = [
        "repair",
        "--delete-orphans",
        "--ids-to",
        "/no/such/folder/ids",
    ];
    let error = migrate(&database, nowhere).expect_error();
    assert!(error.contains("/no/such/folder/ids"), "{error}");
    assert_eq!(Inventory::of(&database).await, before);
}

/// On MySQL even if an earlier statement has ended the transaction.
async fn rows_whose_ids_cannot_be_stored_stay_in_a_callers_transaction(database: Database) {
    with_orphans(&database).await;
    let before = Inventory::of(&database).await;
    let db = database.connect().await;
    for earlier in ["SELECT 1", "CREATE TABLE of_the_caller (id integer)"] {
        let callers = db.begin().await.expect("a transaction");
        callers.execute_unprepared(earlier).await.expect(earlier);
        let mut full = Full::default();

        let repaired = Runner::new()
            .repair(&callers, Orphans::Delete(&mut full))
            .await;

        repaired.expect_err("no room");
        assert_eq!((full.stored, full.withdrawn), (2, 2));
        callers.commit().await.expect("it commits");
        before.assert_kept_in(&Inventory::of(&database).await);
    }
}

async fn a_file_that_another_run_writes_to_is_refused(database: Database) {
    with_orphans(&database).await;
    let before = Inventory::of(&database).await;
    let file = File::new();
    let another = fs::File::create(file.path()).expect("a file");
    another.lock().expect("a lock");

    let error = delete(&database, &file).expect_error();

    assert!(
        error.contains("another run is writing to this file"),
        "{error}"
    );
    assert_eq!(Inventory::of(&database).await, before);
    drop(another);
    delete(&database, &file).expect_success();
    assert_eq!(file.objects(), expected());
}

/// A reader keeps the file from being written.
async fn ids_whose_deletion_is_not_committed_are_taken_back(database: Database) {
    with_orphans(&database).await;
    let before = Inventory::of(&database).await;
    let db = database.connect().await;
    let reader = db.begin().await.expect("a transaction");
    let read = "SELECT count(*) FROM documents";
    reader.execute_unprepared(read).await.expect(read);
    let file = File::new();

    let error = delete(&database, &file).expect_error();

    assert!(error.contains("reads or writes the file"), "{error}");
    assert_eq!(file.objects(), [] as [Value; 0]);
    reader.rollback().await.expect("it ends");
    assert_eq!(Inventory::of(&database).await, before);
    delete(&database, &file).expect_success();
    assert_eq!(file.objects(), expected());
}

async fn rows_that_go_by_cascade_are_announced(database: Database) {
    with_orphans(&database).await;
    let order = match database.backend() {
        DbBackend::MySql => "`order`",
        _ => "\"order\"",
    };
    database
        .execute([
            format!("CREATE TABLE {order} (id int PRIMARY KEY, v int, FOREIGN KEY (v) REFERENCES vectors (id) ON DELETE CASCADE)"),
            format!("CREATE TABLE notes (o int, FOREIGN KEY (o) REFERENCES {order} (id) ON DELETE CASCADE)"),
            "CREATE TABLE hints (v int, FOREIGN KEY (v) REFERENCES vectors (id) ON DELETE SET NULL)".to_owned(),
            format!("INSERT INTO {order} VALUES (1, 4), (2, 4), (3, 1)"),
            "INSERT INTO notes VALUES (1), (1), (2), (3)".to_owned(),
            "INSERT INTO hints VALUES (5), (1)".to_owned(),
        ])
        .await;

    let said = migrate(&database, ["repair", "--delete-orphans", "--forget-ids"]).expect_success();

    let at = |words: &str| {
        said.find(words)
            .unwrap_or_else(|| panic!("{words} is not in {said}"))
    };
    let deleted = at(" rows deleted in ");
    assert!(at("2 rows of ") < deleted, "{said}");
    assert!(at("3 rows of ") < deleted, "{said}");
    assert!(at("1 row of ") < deleted, "{said}");
    assert!(said.contains("to lose the reference"), "{said}");
    let db = database.connect().await;
    let left = "SELECT concat('', count(*)) FROM notes";
    assert_eq!(lines(&db, left).await, ["1"]);
}

/// More rows than are handed over at once, and more than MariaDB deletes at once.
async fn many_orphans_of_one_document_go_with_their_ids(database: Database) {
    with_orphans(&database).await;
    let tens = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let off = match database.backend() {
        DbBackend::Postgres => "SELECT 1",
        DbBackend::MySql => "SET foreign_key_checks = 0",
        _ => "PRAGMA foreign_keys = OFF",
    };
    let many = format!(
        "INSERT INTO vectors (id, doc_id, page, vector_ids)
         SELECT 100 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n, 8, 1, 'x'
         FROM {tens} a, {tens} b, {tens} c, {tens} d, {tens} e WHERE e.n < 2"
    );
    database.execute([off, &many]).await;
    let file = File::new();

    delete(&database, &file).expect_success();

    let written = file.objects();
    assert_eq!(written.len(), 20_002);
    let distinct: std::collections::BTreeSet<_> =
        written.iter().map(|row| row["id"].as_i64()).collect();
    assert_eq!(distinct.len(), 20_002);
    assert_eq!(ids(&database).await, ["1", "2", "3"]);
}

async fn triggers(database: &Database, function: &str, sqlite_and_mysql: &str) {
    match database.backend() {
        DbBackend::Postgres => {
            let body = format!(
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {function} END $$"
            );
            database.execute([body]).await;
        }
        _ => database.execute([sqlite_and_mysql]).await,
    }
}

#[track_caller]
fn is_kept(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{finished:?}");
    }
}

async fn rows_that_a_trigger_keeps_end_the_repair_and_are_named(database: Database) {
    with_orphans(&database).await;
    let keep = match database.backend() {
        DbBackend::MySql => {
            "CREATE TRIGGER soft BEFORE DELETE ON vectors FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'rows stay here'"
        }
        _ => "CREATE TRIGGER soft BEFORE DELETE ON vectors BEGIN SELECT RAISE(IGNORE); END",
    };
    let soft_delete = "UPDATE vectors SET page = -1 WHERE id = OLD.id; RETURN NULL;";
    triggers(&database, soft_delete, keep).await;
    if database.backend() == DbBackend::Postgres {
        let trigger =
            "CREATE TRIGGER soft BEFORE DELETE ON vectors FOR EACH ROW EXECUTE FUNCTION keep()";
        database.execute([trigger]).await;
    }
    let before = Inventory::of(&database).await;
    let file = File::new();

    let finished = delete(&database, &file);

    match database.backend() {
        DbBackend::MySql => is_kept(&finished, &["rows stay here"]),
        _ => is_kept(&finished, &["deleting 2 rows", "trigger soft"]),
    }
    assert_eq!(file.objects(), [] as [Value; 0]);
    assert_eq!(Inventory::of(&database).await, before);
}

/// As if the archive were the same table.
async fn rows_that_are_there_again_end_the_repair(database: Database) {
    with_orphans(&database).await;
    let again = "INSERT INTO vectors (id, doc_id, page, vector_ids)
        VALUES (OLD.id + 100, OLD.doc_id, OLD.page, OLD.vector_ids); RETURN NULL;";
    triggers(&database, again, "").await;
    let trigger =
        "CREATE TRIGGER again AFTER DELETE ON vectors FOR EACH ROW EXECUTE FUNCTION keep()";
    database.execute([trigger]).await;
    let file = File::new();

    let finished = delete(&database, &file);

    is_kept(&finished, &["deleting 2 rows", "trigger again"]);
    assert_eq!(file.objects(), [] as [Value; 0]);
    assert_eq!(ids(&database).await, ["1", "2", "3", "4", "5"]);
}

async fn rows_that_a_rule_keeps_end_the_repair_and_are_named(database: Database) {
    with_orphans(&database).await;
    let rule = "CREATE RULE keep AS ON DELETE TO vectors DO INSTEAD NOTHING";
    database.execute([rule]).await;
    let file = File::new();

    let finished = delete(&database, &file);

    is_kept(&finished, &["vectors"]);
    assert_eq!(file.objects(), [] as [Value; 0]);
    assert_eq!(ids(&database).await, ["1", "2", "3", "4", "5"]);
}

async fn rows_that_a_policy_keeps_are_not_tried(database: Database) {
    with_orphans(&database).await;
    let role = format!("careful_{}", database.name);
    let password = crate::engines::USERS_PASSWORD;
    database
        .execute([
            format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"),
            format!("ALTER TABLE vectors OWNER TO {role}; ALTER TABLE documents OWNER TO {role}"),
            format!("GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON seaql_migrations TO {role}"),
            "ALTER TABLE vectors ENABLE ROW LEVEL SECURITY; ALTER TABLE vectors FORCE ROW LEVEL SECURITY".to_owned(),
            "CREATE POLICY see ON vectors FOR SELECT USING (true)".to_owned(),
            "CREATE POLICY keep ON vectors FOR DELETE USING (doc_id < 5)".to_owned(),
        ])
        .await;
    let file = File::new();

    let finished = delete(&database.of_user(&role), &file);

    is_kept(&finished, &["row-level security may hide rows"]);
    assert_eq!(file.objects(), [] as [Value; 0]);
    assert_eq!(ids(&database).await, ["1", "2", "3", "4", "5"]);
    database
        .execute([format!(
            "REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
        )])
        .await;
}

async fn rows_that_a_trigger_keeps_in_part_go_as_far_as_they_may(database: Database) {
    with_orphans(&database).await;
    triggers(&database, "RETURN CASE WHEN OLD.id = 4 THEN OLD END;", "").await;
    let trigger =
        "CREATE TRIGGER soft BEFORE DELETE ON vectors FOR EACH ROW EXECUTE FUNCTION keep()";
    database.execute([trigger]).await;
    let file = File::new();

    let finished = delete(&database, &file);

    is_kept(&finished, &["1 row", "trigger soft"]);
    assert_eq!(file.objects(), expected()[..1]);
    assert_eq!(ids(&database).await, ["1", "2", "3", "5"]);
}

async fn ids_whose_deletion_a_deferred_key_forbids_are_not_written(database: Database) {
    with_orphans(&database).await;
    database
        .execute([
            "CREATE TABLE highlights (v int REFERENCES vectors (id) DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO highlights VALUES (4)",
        ])
        .await;
    let file = File::new();

    let finished = delete(&database, &file);

    is_kept(&finished, &["highlights"]);
    assert_eq!(file.objects(), [] as [Value; 0]);
    assert_eq!(ids(&database).await, ["1", "2", "3", "4", "5"]);
}

/// As on a full disk.
async fn a_failing_step_is_told_beside_rows_that_are_kept(database: Database) {
    with_orphans(&database).await;
    triggers(&database, "RETURN NULL;", "").await;
    database
        .execute([
            "CREATE TRIGGER soft BEFORE DELETE ON vectors FOR EACH ROW EXECUTE FUNCTION keep()",
            "DROP INDEX ix_vectors_doc_id",
            "CREATE FUNCTION no_room() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
               RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$",
            "CREATE EVENT TRIGGER no_room ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no_room()",
        ])
        .await;
    let file = File::new();

    let finished = delete(&database, &file);

    is_kept(
        &finished,
        &["deleting 2 rows", "No space left on device", "make room"],
    );
}
