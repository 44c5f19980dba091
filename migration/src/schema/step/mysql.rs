//! One ALTER TABLE a step: each commits by itself. Each says what it is announced with, so that a server
//! that would do more refuses it before it changes anything.

use sea_orm::DbBackend;
use sea_query::MysqlQueryBuilder;

use super::{Execution, Lock, Setting, Step, Steps, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS, VECTORS_DOC_ID_FKEY},
    difference::{Difference, Obstacle, Part, provisional},
    live::{Column, ColumnKind, Copies, ForeignKey, Live, Reach, Unused},
};
use crate::sql;

const NEW: Lock = Lock::said("none: the table is new");
const DROPPED: Lock = Lock::for_a_moment("metadata lock");
const IN_PLACE: Lock = Lock::said("metadata lock, for a moment: readers and writers go on");
const REBUILT: Lock = Lock::of_the_table(
    "metadata lock",
    "for a moment: readers and writers go on while the table is rebuilt",
);
const COPIED: Lock = Lock::of_the_table("writers wait while the table is copied", "");
const WHOLE_CLUSTER: Lock = Lock::of_the_table(
    "every writer of the cluster",
    "to whichever table, waits until each node has run the statement",
);

/// What a statement asks of the server beside the change itself.
#[derive(Clone, Copy)]
enum Way {
    /// The catalog changes, or an index is added.
    InPlace,
    /// The table is made anew beside its readers and writers.
    Rebuilt,
    /// The table is made anew and writers wait, unless the server knows a shorter way.
    Shared,
    /// The table is copied and writers wait. A server may have tried a shorter way and failed.
    Copied,
}

impl Way {
    fn lock(self) -> Lock {
        match self {
            Self::InPlace => IN_PLACE,
            Self::Rebuilt => REBUILT,
            Self::Shared | Self::Copied => COPIED,
        }
    }

    fn clauses(self) -> &'static [&'static str] {
        match self {
            Self::InPlace | Self::Rebuilt => &["ALGORITHM=INPLACE", "LOCK=NONE"],
            Self::Shared => &["LOCK=SHARED"],
            Self::Copied => &["ALGORITHM=COPY", "LOCK=SHARED"],
        }
    }
}

pub(super) const GIVING_WAY: [Setting; 1] = [Setting {
    set: "SET @colpali_lock_wait = @@SESSION.lock_wait_timeout, SESSION lock_wait_timeout = 1",
    restore: "SET SESSION lock_wait_timeout = @colpali_lock_wait",
}];

/// A NULL is never turned into 0; an id 0 stays 0. Nothing else of the session's mode stays: names, texts and
/// expressions are written for one without `ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES` and the like.
pub(crate) const CAREFUL_MODE: Setting = Setting {
    set: "SET @colpali_sql_mode = @@SESSION.sql_mode, \
          SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
    restore: "SET SESSION sql_mode = @colpali_sql_mode",
};

/// A step that has to wait for the table gives way.
const CAREFUL: [Setting; 2] = [GIVING_WAY[0], CAREFUL_MODE];

/// With the check of the rows that are there, adding a key copies the table and holds writers off.
/// They are counted before and after instead.
pub(super) const ROWS_UNCHECKED: [Setting; 3] = [
    CAREFUL[0],
    CAREFUL[1],
    Setting {
        set: "SET @colpali_checks = @@SESSION.foreign_key_checks, SESSION foreign_key_checks = 0",
        restore: "SET SESSION foreign_key_checks = @colpali_checks",
    },
];

/// A server's default may be to leave what refers to a table without it.
const REFERENCES_CHECKED: [Setting; 3] = [
    CAREFUL[0],
    CAREFUL[1],
    Setting {
        set: "SET @colpali_checks = @@SESSION.foreign_key_checks, SESSION foreign_key_checks = 1",
        restore: "SET SESSION foreign_key_checks = @colpali_checks",
    },
];

/// The server has refused to fix the parts in `copied` in another way.
pub(super) fn steps(
    difference: &Difference,
    live: &Live,
    copied: &[Part],
) -> Result<Steps, Obstacle> {
    let copies = live.vectors.as_ref().map_or(&[][..], |table| &table.copies);
    let unless = |way: Way, these: &[Copies]| {
        let is_copied = copied.contains(&difference.part())
            || copies.iter().any(|copies| these.contains(copies));
        if is_copied { Way::Copied } else { way }
    };
    let indexed = unless(Way::InPlace, &[Copies::EveryChange]);
    let rebuilt = unless(Way::Rebuilt, &[Copies::EveryChange, Copies::Rebuild]);
    let keyed = unless(Way::InPlace, &[Copies::EveryChange, Copies::ForeignKey]);
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
            alter(["ENGINE = InnoDB".to_owned()], Way::Shared, &CAREFUL)
        }
        Difference::Narrow { column, live, .. } => {
            let null = if live.nullable { "NULL" } else { "NOT NULL" };
            alter([modify(column, live, null)], Way::Shared, &CAREFUL)
        }
        Difference::Nullable { column, live, .. } => {
            let way = if is_json(live) { Way::Shared } else { rebuilt };
            alter([modify(column, live, "NOT NULL")], way, &CAREFUL)
        }
        Difference::PrimaryKey { live, .. } => alter(
            [
                modify("id", live, "NOT NULL AUTO_INCREMENT"),
                "ADD PRIMARY KEY (id)".to_owned(),
            ],
            Way::Shared,
            &CAREFUL,
        ),
        Difference::AutoIncrement { live, .. } => alter(
            [modify("id", live, "NOT NULL AUTO_INCREMENT")],
            Way::Shared,
            &CAREFUL,
        ),
        Difference::ForeignKeyAbsent => {
            let add = add_foreign_key(&live.free_name(VECTORS_DOC_ID_FKEY), None, keyed);
            step([add], keyed.lock(), &ROWS_UNCHECKED)
        }
        Difference::ForeignKeyUnlike { key } => {
            let name = key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY);
            match keyed {
                Way::Copied => {
                    // MySQL adds and drops no keys together where it copies.
                    let drop = format!("DROP FOREIGN KEY {}", quoted(name));
                    let drop = alter([drop], keyed, &ROWS_UNCHECKED);
                    let name = provisional::replaced(name).unwrap_or(name);
                    let add = add_foreign_key(name, Some(key), keyed);
                    let statements = [drop.statements, vec![add]].concat();
                    Step { statements, ..drop }
                }
                Way::InPlace | Way::Rebuilt | Way::Shared => {
                    let replace = |old: &str, new: &str| {
                        let add = add_foreign_key(new, Some(key), keyed);
                        format!("{add}, DROP FOREIGN KEY {}", quoted(old))
                    };
                    let atomic = |old: &str, new: &str| {
                        step([replace(old, new)], keyed.lock(), &ROWS_UNCHECKED)
                    };
                    // MariaDB takes no key of a name that the same statement drops.
                    let steps = match (provisional::replaced(name), provisional::name_for(name)) {
                        (Some(replaced), _) => atomic(name, replaced).into(),
                        (None, Some(provisional)) => {
                            Steps::of(atomic(name, &provisional), [atomic(&provisional, name)])
                        }
                        (None, None) => {
                            let meanwhile = live.free_name(VECTORS_DOC_ID_FKEY);
                            let statements = [replace(name, &meanwhile), replace(&meanwhile, name)];
                            step(statements, keyed.lock(), &ROWS_UNCHECKED).into()
                        }
                    };
                    return Ok(reaching(live, steps));
                }
            }
        }
        Difference::IndexAbsent => {
            let name = live.free_index_name(IX_VECTORS_DOC_ID);
            let create = declared::create_index(DbBackend::MySql, &name);
            let create = create.to_string(MysqlQueryBuilder);
            let create = format!("{create} {}", indexed.clauses().join(" "));
            step([create], indexed.lock(), &CAREFUL)
        }
        Difference::IndexUnfit { index } => {
            let shown = match index.unused {
                Some(Unused::Hidden(shown)) => shown,
                Some(Unused::Invalid) | None => return Err(Obstacle::unplanned()),
            };
            let show = format!("ALTER INDEX {} {shown}", quoted(&index.name));
            alter([show], indexed, &CAREFUL)
        }
        Difference::DocumentsUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::InsteadRule { .. }
        | Difference::SequenceBehind { .. }
        | Difference::SequenceNarrow { .. }
        | Difference::Placement { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::Storage { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    };
    Ok(reaching(live, step.into()))
}

fn reaching(live: &Live, steps: Steps) -> Steps {
    match live.reach {
        Reach::Cluster => steps.locking(|_| WHOLE_CLUSTER),
        Reach::Server => steps,
    }
}

/// Both in one request, and the record last: where the table stays the server goes no further, and where it goes
/// nobody who is cut off leaves its record. What another node of Galera has made again keeps its own.
pub(super) fn drop_vectors(forget: Option<String>) -> Step {
    let drop = declared::drop_vectors().to_string(MysqlQueryBuilder);
    let statement = match forget {
        None => drop,
        Some(forget) => format!(
            "{drop}; {forget} AND NOT EXISTS (SELECT 1 FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '{VECTORS}'); COMMIT"
        ),
    };
    step([statement], DROPPED, &REFERENCES_CHECKED)
}

/// MariaDB's JSON is text with a check of its own, and another type than text for its server.
fn is_json(live: &Column) -> bool {
    let check = live.attributes.check.as_deref();
    check.is_some_and(|check| check.to_lowercase().contains("json_valid"))
}

/// MODIFY forgets whatever of the column it is not told again.
fn modify(column: &str, live: &Column, null: &str) -> String {
    let collation = match live.attributes.collation.as_str() {
        "" => String::new(),
        same if same.starts_with("utf8mb4") => format!(" COLLATE {}", quoted(same)),
        binary if binary.ends_with("_bin") => " COLLATE utf8mb4_bin".to_owned(),
        _ => String::new(),
    };
    let to = match live.kind {
        ColumnKind::Integer { .. } => "int",
        ColumnKind::Text
        | ColumnKind::NarrowText
        | ColumnKind::Json
        | ColumnKind::Serial
        | ColumnKind::Other => "longtext CHARACTER SET utf8mb4",
    };
    let default = match &live.default {
        Some(default) => format!(" DEFAULT {default}"),
        None => String::new(),
    };
    let comment = match live.attributes.comment.as_str() {
        "" => String::new(),
        comment => format!(" COMMENT {}", sql::literal(DbBackend::MySql, comment)),
    };
    let check = match &live.attributes.check {
        Some(clause) => format!(" CHECK ({clause})"),
        None => String::new(),
    };
    format!("MODIFY {column} {to}{collation} {null}{default}{comment}{check}")
}

fn add_foreign_key(name: &str, older: Option<&ForeignKey>, way: Way) -> String {
    let declared =
        declared::vectors_doc_id_fkey(DbBackend::MySql, name).to_string(MysqlQueryBuilder);
    let on_update = match older.map(|key| key.on_update.as_str()) {
        Some("CASCADE") => " ON UPDATE CASCADE",
        Some("SET NULL") => " ON UPDATE SET NULL",
        Some(_) | None => "",
    };
    format!("{declared}{on_update}, {}", way.clauses().join(", "))
}

fn alter<const N: usize>(changes: [String; N], way: Way, settings: &'static [Setting]) -> Step {
    let clauses = way.clauses().iter().map(|&clause| clause.to_owned());
    let changes: Vec<String> = changes.into_iter().chain(clauses).collect();
    step(
        [format!("ALTER TABLE vectors {}", changes.join(", "))],
        way.lock(),
        settings,
    )
}

fn step(statements: impl Into<Vec<String>>, lock: Lock, settings: &'static [Setting]) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings },
    }
}

fn quoted(name: &str) -> String {
    sql::identifier(DbBackend::MySql, name)
}
