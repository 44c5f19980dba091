use sea_query::{ColumnDef, ForeignKey, ForeignKeyAction, Index, Table};

use super::*;
use crate::{CreateRequired, Declaration, engine::Engine, sql};

const BACKENDS: [Engine; 3] = [Engine::Postgres, Engine::MySql, Engine::Sqlite];

/// Records of migrations that are all known.
struct Recorded(Engine);

impl Records for Recorded {
    fn create(&self) -> String {
        "CREATE TABLE IF NOT EXISTS records (version varchar(255))".to_owned()
    }

    fn insert(&self, migration: &str) -> String {
        format!(
            "INSERT INTO records VALUES ({})",
            sql::literal(self.0, migration)
        )
    }

    fn delete(&self, migration: &str) -> String {
        format!(
            "DELETE FROM records WHERE version = {}",
            sql::literal(self.0, migration)
        )
    }

    fn has(&self, migration: &str) -> String {
        format!(
            "{} IN (SELECT version FROM records)",
            sql::literal(self.0, migration)
        )
    }

    fn has_others(&self) -> String {
        "1 = 0".to_owned()
    }
}

fn id() -> ColumnDef {
    ColumnDef::new("id")
        .integer()
        .not_null()
        .auto_increment()
        .primary_key()
        .take()
}

fn requires_users(shape: &mut Shape) {
    shape.require(Table::create().table("users").col(id()));
}

fn makes_notes(shape: &mut Shape) {
    shape.table(
        Table::create()
            .table("notes")
            .col(id())
            .col(ColumnDef::new("user_id").integer().not_null())
            .foreign_key(
                ForeignKey::create()
                    .name("notes_user_id_fkey")
                    .from("notes", "user_id")
                    .to("users", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            ),
    );
}

fn adds_to_notes(shape: &mut Shape) {
    shape
        .column("notes", &ColumnDef::new("body").string_len(40).take())
        .index(
            Index::create()
                .name("ix_notes_body")
                .table("notes")
                .col("user_id")
                .col("body"),
        )
        .fast_storage("notes", "body");
}

fn makes_tags(shape: &mut Shape) {
    shape.table(
        Table::create()
            .table("tags")
            .col(id())
            .col(ColumnDef::new("note_id").integer().not_null())
            .foreign_key(
                ForeignKey::create()
                    .name("tags_note_id_fkey")
                    .from("tags", "note_id")
                    .to("notes", "id"),
            ),
    );
}

fn adds_a_key(shape: &mut Shape) {
    shape.foreign_key(
        ForeignKey::create()
            .name("notes_id_fkey")
            .from("notes", "id")
            .to("users", "id"),
    );
}

type Named<'n> = (&'n str, fn(&mut Shape));

fn versions(declared: &[Named<'_>]) -> Vec<Version> {
    let all: Vec<Declaration> = declared
        .iter()
        .map(|(name, declare)| Declaration {
            name: (*name).to_owned(),
            declare: *declare,
        })
        .collect();
    let shape = |count: usize| Shape::at(&all, count).expect("comparable");
    let version = |at: usize| Version {
        migration: all[at].name.clone(),
        older: shape(at),
        newer: shape(at + 1),
    };
    (0..all.len()).map(version).collect()
}

fn all() -> Vec<Version> {
    versions(&[
        ("users", requires_users),
        ("notes", makes_notes),
        ("body", adds_to_notes),
        ("tags", makes_tags),
    ])
}

fn with<T>(backend: Engine, versions: &[Version], print: impl FnOnce(&Script<'_>) -> T) -> T {
    let settings = Settings {
        create_required: CreateRequired::Anywhere,
        ..Settings::default()
    };
    print(&Script {
        backend,
        settings: &settings,
        records: &Recorded(backend),
        versions,
    })
}

fn part(backend: Engine, at: usize) -> Vec<String> {
    let all = all();
    with(backend, &all, |script| {
        Part::up(script, &all[at]).map(|part| part.statements)
    })
    .expect("scripted")
}

fn undone(backend: Engine, at: usize) -> Vec<String> {
    let all = all();
    with(backend, &all, |script| {
        Part::down(script, &all[at], &[])
            .expect("a script")
            .statements
    })
}

#[test]
fn nothing_is_planned_where_nothing_is_added() {
    for backend in BACKENDS {
        let newer = all().pop().expect("the last version").newer;
        let version = Version {
            migration: "nothing".to_owned(),
            older: newer.clone(),
            newer,
        };
        let versions = [version];

        let part = with(backend, &versions, |script| {
            let part = Part::up(script, &versions[0]).expect("scripted");
            (part.statements, part.required.len(), part.storage.is_none())
        });

        assert_eq!(part, (Vec::new(), 0, true), "{backend:?}");
        let undone = with(backend, &versions, |script| {
            Part::down(script, &versions[0], &[])
                .expect("a script")
                .statements
        });
        assert_eq!(undone, Vec::<String>::new(), "{backend:?}");
    }
}

#[test]
fn what_is_built_on_a_new_column_follows_it() {
    let expected = [
        (
            Engine::Postgres,
            [
                r#"ALTER TABLE "notes" ADD COLUMN "body" varchar(40)"#,
                r#"CREATE INDEX "ix_notes_body" ON "notes" ("user_id", "body")"#,
            ],
        ),
        (
            Engine::MySql,
            [
                "ALTER TABLE `notes` ADD COLUMN `body` varchar(40) CHARACTER SET utf8mb4 NULL, ALGORITHM=INPLACE, LOCK=NONE",
                "CREATE INDEX `ix_notes_body` ON `notes` (`user_id`, `body`) ALGORITHM=INPLACE LOCK=NONE",
            ],
        ),
        (
            Engine::Sqlite,
            [
                r#"ALTER TABLE "notes" ADD COLUMN "body" varchar(40)"#,
                r#"CREATE INDEX "ix_notes_body" ON "notes" ("user_id", "body")"#,
            ],
        ),
    ];
    for (backend, statements) in expected {
        assert_eq!(part(backend, 2), statements, "{backend:?}");
    }
    let undone = undone(Engine::Postgres, 2);
    assert_eq!(
        undone,
        [
            r#"DROP INDEX IF EXISTS "ix_notes_body""#,
            r#"ALTER TABLE "notes" DROP COLUMN "body""#
        ]
    );
}

#[test]
fn a_column_is_stored_as_the_server_can() {
    let all = all();
    let (up, down) = with(Engine::Postgres, &all, |script| {
        let up = Part::up(script, &all[2]).expect("scripted").storage;
        (
            up.expect("storage"),
            Part::down(script, &all[2], &[]).expect("a script").storage,
        )
    });

    let set = |clause: &str| {
        vec![format!(
            r#"ALTER TABLE "notes" ALTER COLUMN "body" SET {clause}"#
        )]
    };
    assert_eq!(up.with_lz4, set("COMPRESSION lz4"));
    assert_eq!(up.without, set("STORAGE EXTERNAL"));
    // The column is dropped with its storage.
    assert!(down.is_none());
}

#[test]
fn a_foreign_key_of_an_older_table_is_checked_or_left_to_up() {
    let versions = versions(&[
        ("users", requires_users),
        ("notes", makes_notes),
        ("key", adds_a_key),
    ]);
    let print = |backend| with(backend, &versions, |script| script.up(usize::MAX));

    let postgres = print(Engine::Postgres).expect("scripted");
    assert!(
        postgres.contains(r#"VALIDATE CONSTRAINT "notes_id_fkey""#),
        "{postgres}"
    );
    let mysql = print(Engine::MySql).expect("scripted");
    assert!(
        mysql.contains("SET SESSION foreign_key_checks = 1"),
        "{mysql}"
    );
    assert!(mysql.contains("ALGORITHM=COPY"), "{mysql}");
    let sqlite = print(Engine::Sqlite);
    assert!(
        matches!(sqlite, Err(Error::Unscripted { .. })),
        "{sqlite:?}"
    );
}

#[test]
fn a_message_is_no_longer_than_a_name_may_be() {
    let guard = Guard::new(String::new(), "é".repeat(100));

    assert_eq!(guard.message.chars().count(), 64);
}

#[test]
fn a_key_that_the_script_drops_keeps_no_table() {
    let all = all();
    for backend in BACKENDS {
        let refers = |taken: &[&Version]| {
            let part = with(backend, &all, |script| {
                Part::down(script, &all[1], taken).expect("a script")
            });
            let guard = part.guards.first().cloned().expect("a guard");
            assert!(guard.message.contains("refers to notes"), "{backend:?}");
            guard.condition
        };

        // The key of `tags` to `notes` is dropped with `tags`, if it is recorded.
        assert!(
            refers(&[&all[1], &all[3]]).contains("'tags' IN"),
            "{backend:?}"
        );
        assert!(!refers(&[&all[1]]).contains("tags"), "{backend:?}");
    }
}
