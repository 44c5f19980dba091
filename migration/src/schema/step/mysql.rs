//! One ALTER TABLE a step: each commits by itself. Without ALGORITHM and LOCK the server takes the
//! least that the change allows.

use sea_orm::DbBackend;
use sea_query::MysqlQueryBuilder;

use super::{Execution, Setting, Step, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS, VECTORS_DOC_ID_FKEY},
    difference::Difference,
    live::{Column, ColumnKind, ForeignKey, Live},
    rows::Orphans,
};

const NEW: &str = "none: the table is new";
const IN_PLACE: &str = "metadata lock, for a moment: readers and writers go on";
const WHILE_COPIED: &str = "writers wait while the table is copied";

pub(super) const GIVING_WAY: [Setting; 1] = [Setting {
    set: "SET @colpali_lock_wait = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = 1",
    restore: "SET SESSION lock_wait_timeout = @colpali_lock_wait",
}];

/// A step that has to wait for the table gives way; a NULL is never turned into 0; an id 0 stays 0.
const CAREFUL: [Setting; 2] = [
    GIVING_WAY[0],
    Setting {
        set: "SET @colpali_sql_mode = @@SESSION.sql_mode, \
              SESSION sql_mode = concat(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO')",
        restore: "SET SESSION sql_mode = @colpali_sql_mode",
    },
];

/// With the check of the rows that are there, adding a key copies the table and holds writers off.
/// They are counted before and after instead.
pub(super) const ROWS_UNCHECKED: [Setting; 3] = [
    CAREFUL[0],
    CAREFUL[1],
    Setting {
        set: "SET SESSION foreign_key_checks = 0",
        restore: "SET SESSION foreign_key_checks = 1",
    },
];

/// Only the next statement, if it is none of a transaction.
const READ_COMMITTED: [Setting; 1] = [Setting {
    set: "COMMIT",
    restore: "COMMIT",
}];

pub(super) fn steps(difference: &Difference, live: &Live) -> Vec<Step> {
    let step = match difference {
        Difference::DocumentsAbsent { .. } => {
            step(documents::create(DbBackend::MySql), NEW, &CAREFUL)
        }
        Difference::TableAbsent => {
            let key = live.free_name(VECTORS_DOC_ID_FKEY);
            let table = declared::create_vectors(DbBackend::MySql, &key);
            step([table.to_string(MysqlQueryBuilder)], NEW, &CAREFUL)
        }
        Difference::StorageEngine { .. } => {
            alter(["ENGINE = InnoDB".to_owned()], WHILE_COPIED, &CAREFUL)
        }
        Difference::Narrow { column, live, .. } => {
            let null = if live.nullable { "NULL" } else { "NOT NULL" };
            alter([modify(column, live, null)], WHILE_COPIED, &CAREFUL)
        }
        Difference::Nullable { column, live, .. } => {
            alter([modify(column, live, "NOT NULL")], WHILE_COPIED, &CAREFUL)
        }
        Difference::PrimaryKey { live, .. } => alter(
            [
                modify("id", live, "NOT NULL AUTO_INCREMENT"),
                "ADD PRIMARY KEY (id)".to_owned(),
            ],
            WHILE_COPIED,
            &CAREFUL,
        ),
        Difference::AutoIncrement { live, .. } => alter(
            [modify("id", live, "NOT NULL AUTO_INCREMENT")],
            WHILE_COPIED,
            &CAREFUL,
        ),
        Difference::ForeignKeyAbsent => {
            let add = add_foreign_key(&live.free_name(VECTORS_DOC_ID_FKEY), None);
            step([add], IN_PLACE, &ROWS_UNCHECKED)
        }
        Difference::ForeignKeyUnlike { key } => {
            let name = key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY);
            // MariaDB takes no key of a name that the same statement drops.
            let drop = format!("ALTER TABLE vectors DROP FOREIGN KEY {}", quoted(name));
            step(
                [drop, add_foreign_key(name, Some(key))],
                IN_PLACE,
                &ROWS_UNCHECKED,
            )
        }
        Difference::IndexAbsent => {
            let create = declared::create_index(IX_VECTORS_DOC_ID);
            step([create.to_string(MysqlQueryBuilder)], IN_PLACE, &CAREFUL)
        }
        Difference::IndexUnfit { index } => {
            let name = &index.name;
            let change = match index.hidden {
                Some(shown) => format!("ALTER INDEX {name} {shown}"),
                None => format!("DROP INDEX {name}, ADD INDEX {name} (doc_id)"),
            };
            alter([change], IN_PLACE, &CAREFUL)
        }
        _ => return Vec::new(),
    };
    vec![step]
}

/// Rows that are not deleted are not locked, and no transaction becomes large.
pub(super) fn delete_orphans() -> Step {
    const AT_ONCE: u32 = 10_000;
    let delete = format!("{} LIMIT {AT_ONCE}", Orphans::DELETE);
    let isolate = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned();
    step(
        [isolate, delete],
        "the rows that are deleted",
        &READ_COMMITTED,
    )
}

/// Another node of Galera may have recorded the table again before it went, or made it again since.
pub(super) fn drop_vectors(forget: Option<String>) -> Step {
    let drop = declared::drop_vectors().to_string(MysqlQueryBuilder);
    let forget_again = forget.as_ref().map(|forget| {
        format!(
            "{forget} AND NOT EXISTS (SELECT 1 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '{VECTORS}')"
        )
    });
    let statements = forget.into_iter().chain([drop]).chain(forget_again);
    step(Vec::from_iter(statements), IN_PLACE, &CAREFUL)
}

/// MODIFY forgets whatever of the column it is not told again.
fn modify(column: &str, live: &Column, null: &str) -> String {
    let collation = match live.attributes.collation.as_str() {
        "" => String::new(),
        same if same.starts_with("utf8mb4") => format!(" COLLATE {same}"),
        binary if binary.ends_with("_bin") => " COLLATE utf8mb4_bin".to_owned(),
        _ => String::new(),
    };
    let to = match live.kind {
        ColumnKind::Integer { .. } => "int",
        _ => "longtext CHARACTER SET utf8mb4",
    };
    let default = match &live.default {
        Some(default) => format!(" DEFAULT {default}"),
        None => String::new(),
    };
    let comment = match live.attributes.comment.as_str() {
        "" => String::new(),
        comment => format!(
            " COMMENT '{}'",
            comment.replace('\\', "\\\\").replace('\'', "''")
        ),
    };
    let check = match &live.attributes.check {
        Some(clause) => format!(" CHECK ({clause})"),
        None => String::new(),
    };
    format!("MODIFY {column} {to}{collation} {null}{default}{comment}{check}")
}

fn add_foreign_key(name: &str, older: Option<&ForeignKey>) -> String {
    let declared = declared::vectors_doc_id_fkey(name).to_string(MysqlQueryBuilder);
    match older {
        Some(key) if !matches!(key.on_update.as_str(), "NO ACTION" | "RESTRICT") => {
            format!("{declared} ON UPDATE {}", key.on_update)
        }
        _ => declared,
    }
}

fn alter<const N: usize>(
    changes: [String; N],
    lock: &'static str,
    settings: &'static [Setting],
) -> Step {
    step(
        [format!("ALTER TABLE vectors {}", changes.join(", "))],
        lock,
        settings,
    )
}

fn step(
    statements: impl Into<Vec<String>>,
    lock: &'static str,
    settings: &'static [Setting],
) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings },
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
