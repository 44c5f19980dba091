//! One ALTER TABLE for each step, because each commits by itself. Each states what it was announced
//! with, so that a server that would do more refuses it before it changes anything.
mod refusal;

use sea_query::MysqlQueryBuilder;

use super::{Context, Execution, Lock, Obstacle, Setting, Step, Steps, Undo, Undone, required};
use crate::{
    create,
    declare::Role,
    diff::{Change, Difference},
    engine::Engine,
    inspect::Inspection,
    model::{Column, Copies, ForeignKey, Index, Reach, Table, Unused},
    provisional,
    session::REPEATABLE_READ,
    sql,
    types::Type,
};

const NEW: Lock = Lock::as_stated("none: the table is new");
const DROPPED: Lock = Lock::for_a_moment("metadata lock");
const IN_PLACE: Lock = Lock::as_stated("metadata lock, for a moment: readers and writers go on");
const REBUILT: Lock = Lock::while_rewritten(
    "metadata lock",
    "for a moment: readers and writers go on while the table is rebuilt",
);
const COPIED: Lock = Lock::while_rewritten("writers wait while the table is copied", "");
const WHOLE_CLUSTER: Lock = Lock::while_read(
    "every writer of the cluster",
    "to whichever table, waits until each node has run the statement",
);
const WHOLE_CLUSTER_REWRITES: Lock = Lock::while_rewritten(
    "every writer of the cluster",
    "to whichever table, waits until each node has run the statement",
);

/// Lets the server choose the fastest way, whatever its `alter_algorithm` restricts other statements
/// to.
const ANY_ALGORITHM: &str = "ALGORITHM=DEFAULT";

/// What a statement asks of the server in addition to the change itself.
#[derive(Clone, Copy)]
enum Way {
    /// The catalog changes, or an index is added.
    InPlace,
    /// The table is built anew while its readers and writers go on.
    Rebuilt,
    /// The table is built anew while writers wait, unless the server knows a faster way.
    Shared,
    /// The table is copied while writers wait. A server may have tried a faster way and failed.
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
            Self::Shared => &[ANY_ALGORITHM, "LOCK=SHARED"],
            Self::Copied => &["ALGORITHM=COPY", "LOCK=SHARED"],
        }
    }
}

/// Settings under which a NULL is never turned into 0 and an id 0 stays 0. Nothing else of the
/// session's mode is kept: names, texts and expressions are written for a mode without
/// `ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES` and the like. MariaDB keeps rows that a check of their
/// table would refuse today.
pub(crate) const CAREFUL_MODE: Setting = Setting {
    set: "SET @colpali_sql_mode = @@SESSION.sql_mode, \
          SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION' \
          /*M!100201 , @colpali_row_checks = @@SESSION.check_constraint_checks, SESSION check_constraint_checks = 0 */",
    restore: "SET SESSION sql_mode = @colpali_sql_mode \
              /*M!100201 , SESSION check_constraint_checks = @colpali_row_checks */",
};

const CAREFUL: [Setting; 1] = [CAREFUL_MODE];

/// With a check of the existing rows, adding a key copies the table and blocks writers. The rows
/// are counted before and after instead.
pub(super) const ROWS_UNCHECKED: [Setting; 2] = [
    CAREFUL_MODE,
    Setting {
        set: "SET @colpali_checks = @@SESSION.foreign_key_checks, SESSION foreign_key_checks = 0",
        restore: "SET SESSION foreign_key_checks = @colpali_checks",
    },
];

/// By default, a server may leave a table that refers to the dropped one with a key to a missing
/// table.
const REFERENCES_CHECKED: [Setting; 2] = [
    CAREFUL_MODE,
    Setting {
        set: "SET @colpali_checks = @@SESSION.foreign_key_checks, SESSION foreign_key_checks = 1",
        restore: "SET SESSION foreign_key_checks = @colpali_checks",
    },
];

pub(super) fn steps(change: &Change, context: &Context<'_>) -> Result<Steps, Obstacle> {
    let both = context.both(change)?;
    let current = context.current;
    let declared = &both.declared.table;
    let found = both.found;
    let table = declared.name.as_str();
    let copies = found.map_or(&[][..], |table| &table.extras.copies);
    let must_copy = |is_one: &dyn Fn(&Copies) -> bool| {
        context.copied.contains(&change.element()) || copies.iter().any(is_one)
    };
    let unless = |way: Way, is_one: &dyn Fn(&Copies) -> bool| match must_copy(is_one) {
        true => Way::Copied,
        false => way,
    };
    let every = |copies: &Copies| *copies == Copies::EveryChange;
    let indexed = unless(Way::InPlace, &every);
    let rebuilt = unless(Way::Rebuilt, &|copies| {
        matches!(copies, Copies::EveryChange | Copies::Rebuild)
    });
    let keyed = |key: &ForeignKey| {
        unless(Way::InPlace, &|copies| match copies {
            Copies::EveryChange => true,
            Copies::Rebuild => false,
            Copies::GeneratedFrom(expression) => key
                .columns
                .iter()
                .any(|column| expression.contains(&quoted(&column.to_lowercase()))),
        })
    };
    let alter = |changes: Vec<String>, way: Way| alter(table, changes, way, &CAREFUL);
    let step = match &change.difference {
        Difference::RequiredAbsent { .. } => match &both.declared.role {
            Role::Required { by } => {
                step(required::create(Engine::MySql, declared, by), NEW, &CAREFUL)
            }
            Role::Own => return Err(Obstacle::unplanned()),
        },
        Difference::TableAbsent => {
            let named = |key: &ForeignKey| ForeignKey {
                name: key.name.as_deref().map(|name| current.free_name(name)),
                ..key.clone()
            };
            let keys: Vec<ForeignKey> = declared.foreign_keys.iter().map(named).collect();
            let create = create::table(Engine::MySql, declared, &declared.primary_key, &keys);
            step([create.to_string(MysqlQueryBuilder)], NEW, &CAREFUL)
        }
        // InnoDB accepts no option that describes how another storage engine stores its rows, and
        // in its older row formats fewer bytes of an index than other storage engines.
        Difference::StorageEngine { .. } => {
            let engine = "ENGINE = InnoDB, ROW_FORMAT = DYNAMIC, KEY_BLOCK_SIZE = 0";
            alter(vec![engine.to_owned()], Way::Shared)
        }
        Difference::ColumnAbsent { declared, .. } if declared.nullable => {
            let column = quoted(&declared.name);
            let spelled = spelled(declared.kind);
            let add = format!("ADD COLUMN {column} {spelled} NULL");
            alter(vec![add], indexed)
        }
        Difference::Narrow {
            declared, found, ..
        } => {
            let null = if found.nullable { "NULL" } else { "NOT NULL" };
            alter(
                vec![modify(&widened(declared, found), found, null)],
                Way::Shared,
            )
        }
        Difference::Nullable {
            declared, found, ..
        } => {
            refusal::of_not_null(&found.name, &both.declared.table, both.found)?;
            let way = if is_json(found) { Way::Shared } else { rebuilt };
            alter(
                vec![modify(
                    &restated(declared, found),
                    found,
                    &not_null(declared, found),
                )],
                way,
            )
        }
        Difference::PrimaryKey {
            columns, numbered, ..
        } => {
            if let Some(column) = numbered {
                refusal::of_numbers(&column.name, found)?;
            }
            refusal::of_index(found)?;
            let listed: Vec<String> = columns.iter().map(|one| quoted(one)).collect();
            let add = format!("ADD PRIMARY KEY ({})", listed.join(", "));
            let number = numbered.as_ref().zip(declared.auto_increment());
            let number = number.map(|(found, declared)| number_rows(declared, found));
            alter(number.into_iter().chain([add]).collect(), Way::Shared)
        }
        Difference::AutoIncrement { found, .. } => match declared.auto_increment() {
            Some(declared) => {
                refusal::of_numbers(&found.name, both.found)?;
                alter(vec![number_rows(declared, found)], Way::Shared)
            }
            None => return Err(Obstacle::unplanned()),
        },
        Difference::ForeignKeyAbsent { declared } => {
            refusal::of_foreign_key(declared, found)?;
            let name = declared.name.as_deref().unwrap_or_default();
            let way = keyed(declared);
            let add = add_foreign_key(table, &current.free_name(name), declared, None, way);
            step([add], way.lock(), &ROWS_UNCHECKED)
        }
        Difference::ForeignKeyUnlike { declared, found } => {
            let steps = replace_key(context, table, declared, found, keyed(declared));
            return Ok(reaching(context, steps));
        }
        Difference::IndexAbsent { declared, .. } => {
            refusal::of_index(found)?;
            let name = current.free_index_name(table, &declared.name);
            let create = create::index(Engine::MySql, table, declared, &name);
            let create = create.to_string(MysqlQueryBuilder);
            let create = format!("{create} {}", indexed.clauses().join(" "));
            step([create], indexed.lock(), &CAREFUL)
        }
        Difference::IndexUnfit { found, .. } => {
            let shown = match found.unused {
                Some(Unused::Hidden(shown)) => shown.clause(),
                Some(Unused::Invalid | Unused::InvalidFurnished) | None => {
                    return Err(Obstacle::unplanned());
                }
            };
            let show = format!("ALTER INDEX {} {shown}", quoted(&found.name));
            alter(vec![show], indexed)
        }
        Difference::RequiredUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::RowsRefused { .. }
        | Difference::Unwritable { .. }
        | Difference::InsteadRule { .. }
        | Difference::NotNullable { .. }
        | Difference::NumbersBehind { .. }
        | Difference::SequenceLimited { .. }
        | Difference::Placement { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::Storage { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    };
    Ok(reaching(context, step.into()))
}

/// Returns the right that a statement needs on its table.
pub(super) fn needed_right(statement: &str) -> Option<&'static str> {
    const RIGHTS: [(&str, &str); 3] = [
        ("ALTER TABLE ", "ALTER"),
        ("CREATE TABLE ", "CREATE"),
        ("CREATE ", "INDEX"),
    ];
    let mut rights = RIGHTS.into_iter();
    let found = rights.find(|(beginning, _)| statement.starts_with(beginning));
    found.map(|(_, right)| right)
}

/// Replaces a key. MariaDB accepts no key under a name that the same statement drops.
fn replace_key(
    context: &Context<'_>,
    table: &str,
    declared: &ForeignKey,
    found: &ForeignKey,
    way: Way,
) -> Steps {
    let names = [&found.name, &declared.name];
    let name = names
        .into_iter()
        .flatten()
        .next()
        .map_or("", String::as_str);
    let add = |name: &str| add_foreign_key(table, name, declared, Some(found), way);
    if matches!(way, Way::Copied) {
        // MySQL does not add and drop keys together where it copies.
        let drop = format!("DROP FOREIGN KEY {}", quoted(name));
        let drop = alter(table, vec![drop], way, &ROWS_UNCHECKED);
        let add = add(provisional::replaced(name).unwrap_or(name));
        let statements = [drop.statements, vec![add]].concat();
        return Step { statements, ..drop }.into();
    }
    let replace = |old: &str, new: &str| format!("{}, DROP FOREIGN KEY {}", add(new), quoted(old));
    let atomic = |old: &str, new: &str| step([replace(old, new)], way.lock(), &ROWS_UNCHECKED);
    match (provisional::replaced(name), provisional::name_for(name)) {
        (Some(replaced), _) => atomic(name, replaced).into(),
        (None, Some(provisional)) => {
            Steps::of(atomic(name, &provisional), [atomic(&provisional, name)])
        }
        (None, None) => {
            let wanted = declared.name.as_deref().unwrap_or_default();
            let meanwhile = context.current.free_name(wanted);
            let statements = [replace(name, &meanwhile), replace(&meanwhile, name)];
            step(statements, way.lock(), &ROWS_UNCHECKED).into()
        }
    }
}

fn reaching(context: &Context<'_>, steps: Steps) -> Steps {
    match context.current.reach {
        Reach::Cluster => steps.locking(|lock| match lock.rewrites() {
            true => WHOLE_CLUSTER_REWRITES,
            false => WHOLE_CLUSTER,
        }),
        Reach::Server => steps,
    }
}

/// Returns one step for each statement, because each commits. The last statement and the record are
/// one request, with the record last: if a table cannot be dropped the server goes no further, and
/// if it is dropped a session that is interrupted leaves no record. What another node of Galera has
/// created again keeps its record.
pub(super) fn undo(undo: &Undo, current: Option<&Inspection>, forget: Option<String>) -> Vec<Step> {
    let undone = |part: &Undone| undone(part, &undo.parts, current);
    let mut statements: Vec<String> = undo.parts.iter().filter_map(undone).collect();
    if let Some(forget) = forget {
        let is_gone = undo.tables().map(|table| {
            format!(
                " AND NOT EXISTS (SELECT 1 FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name = {})",
                sql::literal(Engine::MySql, table)
            )
        });
        let is_gone: String = is_gone.collect();
        let forgotten = format!("{forget}{is_gone}; COMMIT");
        let last = statements.pop();
        // The statement before has ended the transaction, and its isolation level with it.
        let last = last.map(|last| format!("{last}; {REPEATABLE_READ}; {forgotten}"));
        statements.push(last.unwrap_or(forgotten));
    }
    let steps = statements.into_iter();
    let steps = steps.map(|one| step([one], DROPPED, &REFERENCES_CHECKED));
    steps.collect()
}

fn undone(part: &Undone, all: &[Undone], current: Option<&Inspection>) -> Option<String> {
    let alter = |table: &str, change: String| {
        format!("ALTER TABLE {} {change}, {ANY_ALGORITHM}", quoted(table))
    };
    Some(match part {
        Undone::ForeignKey { table, key } => {
            let name = key.name.as_deref().unwrap_or_default();
            let found = current.and_then(|current| current.table(table));
            let index = found.and_then(|found| own_index(found, key, all));
            let index = index.map(|index| format!(", DROP INDEX {}", quoted(&index.name)));
            let drop = format!("DROP FOREIGN KEY {}", quoted(name));
            alter(table, drop + &index.unwrap_or_default())
        }
        Undone::Index { table, name, .. } => {
            let found = current.and_then(|current| current.table(table));
            let needing = found.and_then(|found| key_without(found, name, all));
            let instead = needing.map(|key| {
                let columns: Vec<String> = key.columns.iter().map(|one| quoted(one)).collect();
                let own = quoted(key.name.as_deref().unwrap_or_default());
                format!(", ADD INDEX {own} ({})", columns.join(", "))
            });
            let drop = format!("DROP INDEX {}{}", quoted(name), instead.unwrap_or_default());
            alter(table, drop)
        }
        Undone::Column { table, column } => alter(table, format!("DROP COLUMN {}", quoted(column))),
        Undone::Storage { .. } => return None,
        Undone::Table { table } => format!("DROP TABLE IF EXISTS {}", quoted(table)),
    })
}

/// Returns the index that InnoDB has created for a key; `None` if something else uses it.
fn own_index<'t>(table: &'t Table, key: &ForeignKey, all: &[Undone]) -> Option<&'t Index> {
    let is_it = |index: &&Index| Some(&index.name) == key.name.as_ref();
    let index = table.indexes.iter().find(is_it)?;
    let mut others = table.foreign_keys.iter().filter(|one| *one != key);
    let is_used = others.any(|one| index.columns.starts_with(&one.columns));
    let mut undone = all.iter();
    let is_undone = undone.any(|part| {
        matches!(part, Undone::Index { table: of, name, .. } if *of == table.name && *name == index.name)
    });
    let is_own = index.columns == key.columns && index.is_plain && !index.is_unique;
    (is_own && !is_used && !is_undone).then_some(index)
}

/// Returns the key that has no other index. InnoDB created one for it, and dropped that when the
/// declared index was added.
fn key_without<'t>(table: &'t Table, index: &str, all: &[Undone]) -> Option<&'t ForeignKey> {
    let is_it = |part: &&Undone| matches!(part, Undone::Index { name, .. } if name == index);
    let earlier = all.iter().take_while(|part| !is_it(part));
    let is_gone = |name: &str| {
        earlier
            .clone()
            .any(|part| matches!(part, Undone::Index { table: of, name: one, .. } if *of == table.name && one == name))
    };
    let goes = |one: &&ForeignKey| {
        all.iter()
            .any(|part| matches!(part, Undone::ForeignKey { key, .. } if key == *one))
    };
    let leads = |key: &ForeignKey, one: &Index| one.columns.starts_with(&key.columns);
    let serves = |key: &ForeignKey, is_it: bool| {
        let mut indexes = table.indexes.iter();
        indexes.any(|one| (one.name == index) == is_it && leads(key, one) && !is_gone(&one.name))
    };
    let keys = table.foreign_keys.iter().filter(|key| !goes(key));
    keys.into_iter()
        .find(|key| serves(key, true) && !serves(key, false))
}

/// Returns whether a column is MariaDB's JSON, which is text with a check of its own, and which the
/// server treats as another type than text.
fn is_json(live: &Column) -> bool {
    let check = live.attributes.check.as_deref();
    check.is_some_and(|check| check.to_lowercase().contains("json_valid"))
}

/// Returns the type of a column of which another property changes. If the found type may hold more
/// than the declared one, such as fractions of a second, it is kept.
fn restated(declared: &Column, found: &Column) -> String {
    match (declared.kind, found.attributes.collation.as_str()) {
        (Type::Timestamp { .. }, _) => found.printed.clone(),
        (Type::Json { .. }, "") => found.printed.clone(),
        // With its display width, and leading zeros.
        (kind, "") if kind == found.kind => found.printed.clone(),
        (Type::Json { .. }, collation) => {
            format!("{} COLLATE {}", found.printed, quoted(collation))
        }
        _ => widened(declared, found),
    }
}

/// Returns the declared type, with the collation of the older one.
fn widened(declared: &Column, found: &Column) -> String {
    let spelled = spelled(declared.kind);
    let is_text = matches!(declared.kind, Type::Text { .. });
    let found = &found.attributes;
    match (found.collation.as_str(), &found.of_any_character) {
        ("", _) => spelled,
        _ if !is_text => spelled,
        (_, Some(same)) => format!("{spelled} COLLATE {}", quoted(same)),
        (same, None) if same.starts_with("utf8mb4") => {
            format!("{spelled} COLLATE {}", quoted(same))
        }
        // What was told apart stays apart.
        (exact, None) if exact.ends_with("_bin") || exact.ends_with("_cs") => {
            format!("{spelled} COLLATE utf8mb4_bin")
        }
        _ => spelled,
    }
}

fn number_rows(declared: &Column, found: &Column) -> String {
    let numbered = Column {
        default: None,
        ..found.clone()
    };
    let kind = restated(declared, &numbered);
    modify(&kind, &numbered, "NOT NULL AUTO_INCREMENT")
}

/// Returns NOT NULL. A server may give a TIMESTAMP without a default the time of each later change.
fn not_null(declared: &Column, found: &Column) -> String {
    match (declared.kind, &found.default) {
        (Type::Timestamp { zone: true }, None) => {
            // With as many fractional digits as the column.
            let digits = found
                .printed
                .find('(')
                .map_or("()", |at| &found.printed[at..]);
            format!("NOT NULL DEFAULT current_timestamp{digits}")
        }
        _ => "NOT NULL".to_owned(),
    }
}

/// Returns a MODIFY, which drops every property of the column that it does not repeat.
fn modify(kind: &str, found: &Column, null: &str) -> String {
    let default = match &found.default {
        Some(default) => format!(" DEFAULT {default}"),
        None => String::new(),
    };
    let comment = match found.attributes.comment.as_str() {
        "" => String::new(),
        comment => format!(" COMMENT {}", sql::literal(Engine::MySql, comment)),
    };
    let check = match &found.attributes.check {
        Some(clause) => format!(" CHECK ({clause})"),
        None => String::new(),
    };
    format!(
        "MODIFY {} {kind} {null}{default}{comment}{check}",
        quoted(found.spelled())
    )
}

fn spelled(kind: Type) -> String {
    let spelled = kind.spelled(Engine::MySql);
    match kind {
        Type::Text { .. } => format!("{spelled} CHARACTER SET utf8mb4"),
        _ => spelled,
    }
}

fn add_foreign_key(
    table: &str,
    name: &str,
    declared: &ForeignKey,
    older: Option<&ForeignKey>,
    way: Way,
) -> String {
    let named = ForeignKey {
        name: Some(name.to_owned()),
        ..declared.clone()
    };
    let add = create::foreign_key(Engine::MySql, table, &named).to_string(MysqlQueryBuilder);
    let on_update = match older.map(|key| key.on_update.as_str()) {
        Some("CASCADE") => " ON UPDATE CASCADE",
        Some("SET NULL") => " ON UPDATE SET NULL",
        Some(_) | None => "",
    };
    format!("{add}{on_update}, {}", way.clauses().join(", "))
}

fn alter(table: &str, changes: Vec<String>, way: Way, settings: &'static [Setting]) -> Step {
    let clauses = way.clauses().iter().map(|&clause| clause.to_owned());
    let changes: Vec<String> = changes.into_iter().chain(clauses).collect();
    step(
        [format!(
            "ALTER TABLE {} {}",
            quoted(table),
            changes.join(", ")
        )],
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
    sql::identifier(Engine::MySql, name)
}
