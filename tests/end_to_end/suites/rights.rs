//! The rights that docs/operating.md names: they are sufficient together, and each is needed.

use entity::{Page, prelude::*, vectors};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbBackend, EntityTrait, QueryFilter, entity::ActiveModelTrait,
};

use super::{Test, inventory::Inventory, shape::lines};
use crate::{
    engines::{Database, USERS_PASSWORD},
    programs::{is_applied, migrate},
};

pub fn tests(backend: DbBackend) -> Vec<Test> {
    let of_every_server = || {
        tests![
            the_documented_rights_suffice,
            a_missing_right_is_named_and_nothing_is_half_done,
            a_check_says_what_it_may_not_see,
        ]
    };
    match backend {
        DbBackend::Sqlite => Vec::new(),
        DbBackend::Postgres => {
            let mut tests = of_every_server();
            tests.extend(tests![
                a_member_of_the_owner_gives_a_table_a_sequence_of_its_owner,
                who_does_not_own_a_table_is_refused_before_a_step,
                an_owner_without_a_right_is_refused_before_a_step,
                a_right_on_the_key_of_documents_is_enough_to_refer_to_it,
                a_right_on_another_column_is_not_enough,
                a_primary_key_whose_index_is_there_needs_no_right_to_create,
            ]);
            tests
        }
        _ => {
            let mut tests = of_every_server();
            tests.extend(tests![
                a_trigger_whose_text_is_hidden_is_no_obstacle,
                who_lacks_a_right_is_refused_before_a_step,
                a_right_of_a_role_is_enough,
            ]);
            tests
        }
    }
}

async fn a_trigger_whose_text_is_hidden_is_no_obstacle(database: Database) {
    database.execute(APPLICATION).await;
    migrate(&database, ["up"]).expect_success();
    let trigger = "CREATE TRIGGER of_application BEFORE INSERT ON vectors FOR EACH ROW SET NEW.page = NEW.page + 1";
    database.execute([trigger]).await;
    let of_a_migrator = of_a_migrator(database.backend());
    let rights: Vec<&str> = of_a_migrator
        .iter()
        .map(|right| right.grant)
        .chain(of_a_repairer(database.backend()).iter().copied())
        .collect();
    let migrator = user(&database, "migrator", &rights).await;

    for arguments in [&["check"][..], &["repair"], &["up"], &["down"], &["up"]] {
        migrate(&migrator, arguments).expect_success();
    }

    let filled = [
        "ALTER TABLE vectors ADD model varchar(9) NOT NULL",
        "CREATE TRIGGER fills BEFORE INSERT ON vectors FOR EACH ROW SET NEW.model = 'v1'",
    ];
    database.execute(filled).await;
    let check = migrate(&migrator, ["check"]);
    let hidden = "hidden from this user: grant it TRIGGER on the table";
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(check.stdout.contains(hidden), "{check:?}");
    let repair = migrate(&migrator, ["repair"]).expect_error();
    assert!(repair.contains(hidden), "{repair}");
    let grant = format!(
        "GRANT TRIGGER ON {}.vectors TO 'migrator_{}'@'%'",
        database.name, database.name
    );
    database.execute([grant]).await;
    migrate(&migrator, ["check"]).expect_success();
    drop_user(&database, "migrator").await;
}

/// A right that a role is granted, and what `up` reports without it.
struct Right {
    grant: &'static str,
    missed: &'static str,
}

const fn right(grant: &'static str, missed: &'static str) -> Right {
    Right { grant, missed }
}

/// Returns the rights in a database in which the application has its `documents`.
fn of_a_migrator(backend: DbBackend) -> Vec<Right> {
    match backend {
        DbBackend::Postgres => vec![
            right(
                "USAGE ON SCHEMA public",
                "no right on the schema \"public\"",
            ),
            right(
                "CREATE ON SCHEMA public",
                "permission denied for schema public",
            ),
            right(
                "REFERENCES ON documents",
                "GRANT REFERENCES ON \"documents\"",
            ),
        ],
        _ => vec![
            right("SELECT ON {db}.*", "SELECT command denied"),
            right("INSERT ON {db}.*", "INSERT command denied"),
            right("CREATE ON {db}.*", "CREATE command denied"),
        ],
    }
}

/// Returns the further rights for `check`, `repair` and `down`. MySQL's `up` needs REFERENCES,
/// which MariaDB does not check.
fn of_a_repairer(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &["SELECT ON documents"],
        _ => &[
            "REFERENCES ON {db}.*",
            "ALTER ON {db}.*",
            "INDEX ON {db}.*",
            "DROP ON {db}.*",
            "DELETE ON {db}.*",
        ],
    }
}

fn of_a_checker(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &[
            "USAGE ON SCHEMA public",
            "SELECT ON vectors, documents",
            "SELECT ON SEQUENCE vectors_id_seq",
        ],
        _ => &[
            "SELECT ON {db}.vectors",
            "REFERENCES ON {db}.*",
            "SELECT ON {db}.documents",
        ],
    }
}

/// Returns the further rights of a service that deletes documents: its lock is that of an UPDATE.
fn of_a_deleter(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &["DELETE, UPDATE (id) ON documents"],
        _ => &["DELETE, UPDATE ON {db}.documents"],
    }
}

fn of_a_service(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Postgres => &[
            "USAGE ON SCHEMA public",
            "SELECT ON documents, seaql_migrations",
            "SELECT, INSERT, UPDATE, DELETE ON vectors",
            "USAGE ON SEQUENCE vectors_id_seq",
        ],
        _ => &[
            "SELECT ON {db}.documents",
            "SELECT ON {db}.seaql_migrations",
            "SELECT, INSERT, UPDATE, DELETE ON {db}.vectors",
        ],
    }
}

const APPLICATION: [&str; 2] = [
    "CREATE TABLE documents (id integer PRIMARY KEY)",
    "INSERT INTO documents VALUES (1), (2)",
];

async fn the_documented_rights_suffice(database: Database) {
    database.execute(APPLICATION).await;
    let granted: Vec<&str> = of_a_migrator(database.backend())
        .iter()
        .map(|right| right.grant)
        .chain(of_a_repairer(database.backend()).iter().copied())
        .collect();
    let migrator = user(&database, "migrator", &granted).await;
    for command in ["up", "check", "down", "down", "up", "repair"] {
        migrate(&migrator, [command]).expect_success();
    }

    let granted = [of_a_service, of_a_deleter].map(|rights| rights(database.backend()));
    let service = user(&database, "service", &granted.concat()).await;
    let db = service.connect().await;
    Migrator::up(&db, None)
        .await
        .expect("nothing is left to do");
    let page = vectors::ActiveModel {
        doc_id: Set(1),
        page: Set(1),
        vector_ids: Set(VectorIds::from_iter(["a"])),
        ..Default::default()
    };
    page.insert(&db).await.expect("a row");
    let deleted = Vectors::delete_many()
        .filter(vectors::Column::DocId.eq(1))
        .exec(&db)
        .await
        .expect("its deletion");
    assert_eq!(deleted.rows_affected, 1);
    let pages = [Page::new(1, ["a"])];
    Vectors::record_pages(&db, 2, pages).await.expect("a page");
    let purge = Vectors::delete_document(&db, 2).await.expect("deleted");
    assert_eq!(purge, VectorIds::from_iter(["a"]));
    drop_user(&database, "migrator").await;
    drop_user(&database, "service").await;
}

async fn a_check_says_what_it_may_not_see(database: Database) {
    database.execute(APPLICATION).await;
    migrate(&database, ["up"]).expect_success();
    let rights = of_a_checker(database.backend());
    let checker = user(&database, "checker", rights).await;
    migrate(&checker, ["check"]).expect_success();
    drop_user(&database, "checker").await;

    for missing in rights {
        let rest: Vec<&str> = rights
            .iter()
            .copied()
            .filter(|one| one != missing)
            .collect();
        let limited = user(&database, "limited", &rest).await;
        let check = migrate(&limited, ["check"]);
        assert_ne!(check.code, Some(0), "{missing}: {check:?}");
        assert!(!check.stdout.contains("no foreign key"), "{check:?}");
        drop_user(&database, "limited").await;
    }
}

async fn a_missing_right_is_named_and_nothing_is_half_done(database: Database) {
    database.execute(APPLICATION).await;
    let rights = of_a_migrator(database.backend());
    for missing in &rights {
        let granted: Vec<&str> = rights
            .iter()
            .filter(|right| right.grant != missing.grant)
            .map(|right| right.grant)
            .collect();
        let limited = user(&database, "limited", &granted).await;
        let before = Inventory::of(&database).await;

        let error = migrate(&limited, ["up"]).expect_error();

        assert!(error.contains(missing.missed), "{}: {error}", missing.grant);
        before.assert_kept_in(&Inventory::of(&database).await);
        let check = migrate(&database, ["check"]).stdout;
        let is_there = check.contains(": as declared");
        let is_recorded = is_applied(&database, "create_vectors");
        assert!(is_there || !is_recorded, "{check}");
        drop_user(&database, "limited").await;
        migrate(&database, ["up"]).expect_success();
        migrate(&database, ["reset"]).expect_success();
    }
}

/// Not even a superuser can let a column own a sequence of another role than its table's.
async fn a_member_of_the_owner_gives_a_table_a_sequence_of_its_owner(database: Database) {
    migrate(&database, ["up"]).expect_success();
    let granted = [
        "CREATE, USAGE ON SCHEMA public",
        "SELECT ON seaql_migrations",
    ];
    user(&database, "owner", &["USAGE ON SCHEMA public"]).await;
    let member = user(&database, "member", &granted).await;
    let owner = format!("owner_{}", database.name);
    database
        .execute([
            "ALTER TABLE vectors ALTER id DROP DEFAULT".to_owned(),
            "DROP SEQUENCE vectors_id_seq".to_owned(),
            format!("ALTER TABLE vectors OWNER TO {owner}"),
            format!("ALTER TABLE documents OWNER TO {owner}"),
            format!("GRANT {owner} TO member_{}", database.name),
        ])
        .await;

    let refused = migrate(&member, ["repair"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stdout.contains("GRANT CREATE ON SCHEMA"),
        "{refused:?}"
    );

    database
        .execute([format!("GRANT CREATE ON SCHEMA public TO {owner}")])
        .await;
    migrate(&member, ["repair"]).expect_success();

    let db = database.connect().await;
    let sequence = "SELECT concat(pg_get_serial_sequence('vectors', 'id'), ' ', relowner::regrole)
                    FROM pg_class WHERE relname = 'vectors_id_seq'";
    assert_eq!(
        lines(&db, sequence).await,
        [format!("public.vectors_id_seq {owner}")]
    );
    drop_user(&database, "member").await;
    drop_user(&database, "owner").await;
}

async fn who_does_not_own_a_table_is_refused_before_a_step(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database
        .execute([
            "DROP INDEX ix_vectors_doc_id",
            "ALTER TABLE vectors ALTER page DROP NOT NULL",
        ])
        .await;
    let granted = [
        "CREATE, USAGE ON SCHEMA public",
        "ALL ON ALL TABLES IN SCHEMA public",
        "ALL ON ALL SEQUENCES IN SCHEMA public",
    ];
    let other = user(&database, "other", &granted).await;

    let repair = migrate(&other, ["repair"]);

    assert_eq!(repair.code, Some(1), "{repair:?}");
    assert_eq!(repair.stderr, "", "a step was run");
    assert!(
        repair
            .stdout
            .contains("only postgres, which owns vectors, may change it"),
        "{repair:?}"
    );
    drop_user(&database, "other").await;
}

const NULL_IN_PAGE: &str = "ALTER TABLE vectors MODIFY page integer NULL";

async fn who_lacks_a_right_is_refused_before_a_step(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute([NULL_IN_PAGE]).await;
    let reader = user(&database, "reader", &["SELECT, REFERENCES ON {db}.*"]).await;

    let repair = migrate(&reader, ["repair"]);

    assert_eq!(repair.code, Some(1), "{repair:?}");
    assert_eq!(repair.stderr, "", "a step was run");
    let grant = format!("GRANT ALTER ON `{}`.`vectors` to it", database.name);
    assert!(repair.stdout.contains(&grant), "{repair:?}");
    drop_user(&database, "reader").await;
}

async fn a_right_of_a_role_is_enough(database: Database) {
    migrate(&database, ["up"]).expect_success();
    database.execute([NULL_IN_PAGE]).await;
    let member = user(&database, "member", &["SELECT, REFERENCES ON {db}.*"]).await;
    let (role, name) = (format!("role_{}", database.name), &database.name);
    database
        .execute([
            format!("CREATE ROLE {role}"),
            format!("GRANT ALTER, SELECT, INSERT ON {name}.* TO {role}"),
            format!("GRANT {role} TO 'member_{name}'@'%'"),
            format!("SET DEFAULT ROLE {role} FOR 'member_{name}'@'%'"),
        ])
        .await;

    migrate(&member, ["repair"]).expect_success();

    migrate(&database, ["check"]).expect_success();
    drop_user(&database, "member").await;
    database.execute([format!("DROP ROLE {role}")]).await;
}

/// Makes a user with these rights the owner of a migrated `vectors`, and changes the tables.
async fn owner(database: &Database, granted: &[&str], changes: &[&str]) -> Database {
    migrate(database, ["up"]).expect_success();
    let owner = user(database, "owner", granted).await;
    let name = format!("owner_{}", database.name);
    let given = [
        format!("ALTER TABLE vectors OWNER TO {name}"),
        format!("GRANT ALL ON seaql_migrations TO {name}"),
    ];
    let changes = changes.iter().map(|change| (*change).to_owned());
    database.execute(changes.chain(given)).await;
    owner
}

const DROP_THE_KEY: &str = "ALTER TABLE vectors DROP CONSTRAINT vectors_doc_id_fkey";

async fn a_right_on_the_key_of_documents_is_enough_to_refer_to_it(database: Database) {
    let granted = [
        "CREATE, USAGE ON SCHEMA public",
        "SELECT, REFERENCES (id) ON documents",
    ];
    let owner = owner(&database, &granted, &[DROP_THE_KEY]).await;

    migrate(&owner, ["repair"]).expect_success();

    migrate(&owner, ["check"]).expect_success();
    drop_user(&database, "owner").await;
}

async fn a_primary_key_whose_index_is_there_needs_no_right_to_create(database: Database) {
    let granted = ["USAGE ON SCHEMA public", "SELECT ON documents"];
    let changes = [
        "ALTER TABLE vectors DROP CONSTRAINT vectors_pkey",
        "CREATE UNIQUE INDEX vectors_pkey ON vectors (id)",
    ];
    let owner = owner(&database, &granted, &changes).await;

    migrate(&owner, ["repair"]).expect_success();

    migrate(&owner, ["check"]).expect_success();
    drop_user(&database, "owner").await;
}

async fn a_right_on_another_column_is_not_enough(database: Database) {
    let granted = [
        "CREATE, USAGE ON SCHEMA public",
        "SELECT, REFERENCES (title) ON documents",
    ];
    database
        .execute(["CREATE TABLE documents (id serial PRIMARY KEY, title text)"])
        .await;
    let owner = owner(&database, &granted, &[DROP_THE_KEY]).await;

    let check = migrate(&owner, ["check"]);

    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(
        check.stdout.contains("GRANT REFERENCES ON \"documents\""),
        "{check:?}"
    );
    drop_user(&database, "owner").await;
}

/// A step that needs no such right would come first.
async fn an_owner_without_a_right_is_refused_before_a_step(database: Database) {
    let granted = ["USAGE ON SCHEMA public", "SELECT ON documents"];
    let changes = ["ALTER TABLE vectors ALTER page TYPE smallint"];
    let owner = owner(&database, &granted, &changes).await;
    for (damage, missed, mended) in [
        (
            DROP_THE_KEY,
            "GRANT REFERENCES ON \"documents\"",
            "ALTER TABLE vectors ADD CONSTRAINT vectors_doc_id_fkey FOREIGN KEY (doc_id) REFERENCES documents (id) ON DELETE CASCADE",
        ),
        (
            "DROP INDEX ix_vectors_doc_id",
            "GRANT CREATE ON SCHEMA public",
            "CREATE INDEX ix_vectors_doc_id ON vectors (doc_id)",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_vectors_doc_id'::regclass",
            "GRANT CREATE ON SCHEMA public",
            "REINDEX INDEX ix_vectors_doc_id",
        ),
        (
            "ALTER TABLE vectors ALTER id DROP DEFAULT; DROP SEQUENCE vectors_id_seq",
            "GRANT CREATE ON SCHEMA public",
            "SELECT 1",
        ),
    ] {
        database
            .execute([damage, "DELETE FROM seaql_migrations"])
            .await;
        let before = Inventory::of(&database).await;

        let error = migrate(&owner, ["up"]).expect_error();
        let dry = migrate(&owner, ["up", "--dry-run"]);

        assert!(error.contains(missed), "{error}");
        assert!(
            dry.code == Some(1) && dry.stderr.contains(missed),
            "{dry:?}"
        );
        assert_eq!(Inventory::of(&database).await, before);
        database.execute([mended]).await;
    }
    drop_user(&database, "owner").await;
}

async fn user(database: &Database, name: &str, granted: &[&str]) -> Database {
    let name = format!("{name}_{}", database.name);
    let (create, whom) = match database.backend() {
        DbBackend::Postgres => (
            format!("CREATE ROLE {name} LOGIN PASSWORD '{USERS_PASSWORD}'"),
            name.clone(),
        ),
        _ => (
            format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{USERS_PASSWORD}'"),
            format!("'{name}'@'%'"),
        ),
    };
    let grant = |right: &&str| {
        let right = right.replace("{db}", &database.name);
        format!("GRANT {right} TO {whom}")
    };
    let mut statements = vec![create];
    if database.backend() == DbBackend::Postgres {
        // Rights of PUBLIC would hide that a right is needed.
        statements.push("REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned());
    }
    statements.extend(granted.iter().map(grant));
    database.execute(statements).await;
    database.of_user(&name)
}

async fn drop_user(database: &Database, name: &str) {
    let name = format!("{name}_{}", database.name);
    match database.backend() {
        DbBackend::Postgres => {
            database
                .execute([
                    format!("REASSIGN OWNED BY {name} TO postgres"),
                    format!("DROP OWNED BY {name}"),
                    format!("DROP ROLE {name}"),
                ])
                .await;
        }
        _ => database.execute([format!("DROP USER '{name}'@'%'")]).await,
    }
}
