//! Short transactions. Statements that read the whole table run concurrently with its writers.
use sea_query::PostgresQueryBuilder;

use super::{
    Both, Context, Execution, Lock, Obstacle, Setting, Step, Steps, Undo, Undone, required,
};
use crate::{
    create,
    declare::Role,
    diff::{Change, Difference, Numbers, placement},
    engine::Engine,
    facts::Limit,
    inspect::{is_made_of, sequence_of},
    model::{Check, Column, ForeignKey, Index, OtherOwner, Placement, Table, Unused},
    session::TxMode,
    sql::{self, literal},
    types::Type,
};

const NEW: Lock = Lock::as_stated("none: the table is new");
const NEW_WITH_KEY: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on {parents}");
const READERS_TOO: Lock = Lock::for_a_moment("ACCESS EXCLUSIVE");
const READERS_OF_BOTH: Lock = Lock::for_a_moment("ACCESS EXCLUSIVE on {table} and {parents}");
const WHILE_READ: Lock = Lock::while_read("ACCESS EXCLUSIVE", "while every row is read");
const WHILE_REWRITTEN: Lock =
    Lock::while_rewritten("ACCESS EXCLUSIVE", "while the table is rewritten");
const WRITERS: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE");
const SEQUENCE_ALONE: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on the sequence");
const WRITERS_OF_BOTH: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on {table} and {parents}");
const WRITERS_WHILE_READ: Lock = Lock::while_read("SHARE ROW EXCLUSIVE", "while every row is read");
const WRITERS_WHILE_INDEXED: Lock = Lock::while_read("SHARE", "while the index is built");
const NOBODY: Lock = Lock::concurrent("SHARE UPDATE EXCLUSIVE", "readers and writers go on");

pub(super) fn steps(change: &Change, context: &Context<'_>) -> Result<Steps, Obstacle> {
    let steps = planned(change, context)?;
    Ok(match context.mode {
        TxMode::Free => steps,
        TxMode::InTransaction => steps.locking(Lock::until_the_transaction_ends),
    })
}

fn planned(change: &Change, context: &Context<'_>) -> Result<Steps, Obstacle> {
    let both = context.both(change)?;
    let current = context.current;
    let alter = Alter {
        table: &change.table,
    };
    let planner = Planner {
        context,
        both: &both,
    };
    Ok(match &change.difference {
        Difference::RequiredAbsent { .. } => match &both.declared.role {
            Role::Required { by } => {
                let create = required::create(BACKEND, &both.declared.table, by);
                step(create, NEW).into()
            }
            Role::Own => return Err(Obstacle::unplanned()),
        },
        Difference::TableAbsent => planner.create_table().into(),
        Difference::ColumnAbsent { declared, .. } if declared.nullable => {
            let (column, spelled) = (quoted(&declared.name), declared.kind.spelled(BACKEND));
            alter
                .step(format!("ADD COLUMN {column} {spelled}"), READERS_TOO)
                .into()
        }
        Difference::Narrow {
            declared, found, ..
        } => widen(both.found()?, declared, found).into(),
        Difference::PrimaryKey { columns, found, .. } if found.is_empty() => {
            planner.primary_key(both.found()?, columns)
        }
        Difference::PrimaryKey { columns, .. } => {
            let table = both.found()?;
            match placement::find(current, &both.declared.table, table) {
                Some(Difference::Placement { key, parent, .. }) => {
                    distribute_with_key(&key, &parent, table, columns).into()
                }
                _ => replace_primary_key(table, columns).into(),
            }
        }
        Difference::AutoIncrement { found, numbers, .. } => {
            planner.auto_increment(both.found()?, found, numbers).into()
        }
        Difference::NumbersBehind {
            column,
            sequence: Some(sequence),
            largest,
            limits,
            ..
        } => {
            let mut lift = lift(&sequence.name, column.kind, limits);
            if *largest < 1 && limits.contains(&Limit::Descending) {
                lift += " RESTART WITH 1";
            }
            let lift = (!limits.is_empty()).then_some(lift);
            planner
                .advance(both.found()?, column, &sequence.name, lift)
                .into()
        }
        Difference::SequenceLimited {
            column,
            sequence,
            limits,
        } => step([lift(&sequence.name, column.kind, limits)], SEQUENCE_ALONE).into(),
        Difference::Placement { key, parent, .. } => {
            let table = both.found()?;
            let columns = placement::primary_key(current, &both.declared.table);
            match table.primary_key.is_empty() || table.primary_key == columns {
                true => distribute(key, parent, table).into(),
                false => distribute_with_key(key, parent, table, &columns).into(),
            }
        }
        Difference::ForeignKeyAbsent { declared } => {
            let name = current.free_name(declared.name.as_deref().unwrap_or_default());
            let add = alter.step(add_foreign_key(&name, declared, None), WRITERS_OF_BOTH);
            Steps::of(add, [alter.validate(&name)])
        }
        Difference::ForeignKeyUnlike { declared, found } => {
            replace_foreign_key(alter, declared, found)
        }
        Difference::ForeignKeyUnvalidated { declared, found } => {
            let names = [&found.name, &declared.name];
            let name = names.into_iter().flatten().next();
            alter.validate(name.map_or("", String::as_str)).into()
        }
        Difference::IndexAbsent { declared, .. } => {
            let name = current.free_index_name(&change.table, &declared.name);
            planner.create_index(both.found()?, declared, &name).into()
        }
        Difference::IndexUnfit { declared, found } => {
            let table = both.found()?;
            match found.unused {
                Some(Unused::InvalidFurnished) => planner.rebuild_index(table, &found.name),
                Some(Unused::Invalid | Unused::Hidden(_)) | None => {
                    let drop = planner.drop_index(table, &found.name);
                    match table.indexes.iter().any(|one| one.serves(declared)) {
                        true => drop.into(),
                        false => {
                            Steps::of(drop, [planner.create_index(table, declared, &found.name)])
                        }
                    }
                }
            }
        }
        Difference::Nullable { declared, .. } => planner.not_null(both.found()?, &declared.name),
        Difference::Storage { column, set, .. } => {
            step([store(&change.table, column, set)], READERS_TOO).into()
        }
        Difference::RequiredUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::RowsRefused { .. }
        | Difference::Unwritable { .. }
        | Difference::InsteadRule { .. }
        | Difference::NotNullable { .. }
        | Difference::NumbersBehind { sequence: None, .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    })
}

const BACKEND: Engine = Engine::Postgres;

/// An ALTER TABLE of one table.
#[derive(Clone, Copy)]
struct Alter<'t> {
    table: &'t str,
}

impl Alter<'_> {
    fn statement(self, change: impl std::fmt::Display) -> String {
        format!("ALTER TABLE {} {change}", quoted(self.table))
    }

    fn step(self, change: impl std::fmt::Display, lock: Lock) -> Step {
        step([self.statement(change)], lock)
    }

    fn drop_constraint(self, name: &str) -> String {
        self.statement(format!("DROP CONSTRAINT {}", quoted(name)))
    }

    fn validate(self, name: &str) -> Step {
        self.step(format!("VALIDATE CONSTRAINT {}", quoted(name)), NOBODY)
    }
}

/// Settings that end with the transaction. Each is a request of its own, because Citus passes on a
/// whole request to its other nodes.
pub(super) const BRIEF: [Setting; 2] = [
    Setting {
        set: "SET LOCAL lock_timeout = '50ms'",
        restore: "RESET lock_timeout",
    },
    Setting {
        set: "SET LOCAL statement_timeout = '2s'",
        restore: "RESET statement_timeout",
    },
];

pub(super) fn undo(undo: &Undo, forget: Option<String>) -> Step {
    let statements = forget.into_iter().chain(undo.parts.iter().map(undone));
    step(Vec::from_iter(statements), READERS_TOO)
}

fn undone(part: &Undone) -> String {
    let alter = |table| Alter { table };
    match part {
        Undone::ForeignKey { table, key } => {
            alter(table).drop_constraint(key.name.as_deref().unwrap_or_default())
        }
        Undone::Index { schema, name, .. } => {
            let schema = schema.iter().map(|schema| format!("{}.", quoted(schema)));
            let schema: String = schema.collect();
            format!("DROP INDEX IF EXISTS {schema}{}", quoted(name))
        }
        Undone::Column { table, column } => {
            alter(table).statement(format!("DROP COLUMN {}", quoted(column)))
        }
        Undone::Storage { table, column, set } => store(table, column, set),
        Undone::Table { table } => format!("DROP TABLE IF EXISTS {}", quoted(table)),
    }
}

/// Returns the statement that sets how a column is stored. It rewrites no value; it applies to new
/// ones.
pub(super) fn store(table: &str, column: &str, set: &[&str]) -> String {
    let column = quoted(column);
    let set: Vec<String> = set
        .iter()
        .map(|word| format!("ALTER COLUMN {column} SET {word}"))
        .collect();
    Alter { table }.statement(set.join(", "))
}

fn replace_foreign_key(alter: Alter<'_>, declared: &ForeignKey, found: &ForeignKey) -> Steps {
    let names = [&found.name, &declared.name];
    let name = names
        .into_iter()
        .flatten()
        .next()
        .map_or("", String::as_str);
    let mut replace = step(
        [
            alter.drop_constraint(name),
            alter.statement(add_foreign_key(name, declared, Some(found))),
        ],
        READERS_OF_BOTH,
    );
    replace
        .statements
        .extend(found.comment.as_ref().map(|comment| {
            format!(
                "COMMENT ON CONSTRAINT {} ON {} IS {}",
                quoted(name),
                quoted(alter.table),
                literal(BACKEND, comment)
            )
        }));
    Steps::of(replace, [alter.validate(name)])
}

fn widen(table: &Table, declared: &Column, found: &Column) -> Step {
    let is_reread = table.extras.rereads.contains(&declared.name);
    let lock = match (declared.kind, found.kind) {
        // The bytes stay the same under another type, but what depends on them is built again.
        (Type::Text { .. }, Type::Text { .. }) if is_reread => WHILE_READ,
        (Type::Text { .. }, Type::Text { .. }) => READERS_TOO,
        _ => WHILE_REWRITTEN,
    };
    let (column, to) = (quoted(&declared.name), declared.kind.spelled(BACKEND));
    let collation = match found.attributes.collation.as_str() {
        "" => String::new(),
        printed => format!(" COLLATE {printed}"),
    };
    let mut changes = Vec::new();
    // A default of the old type is not converted.
    if found.default.is_some() {
        changes.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
    }
    changes.push(format!(
        "ALTER COLUMN {column} TYPE {to}{collation} USING {column}::{to}"
    ));
    if let Some(default) = &found.default {
        changes.push(format!(
            "ALTER COLUMN {column} SET DEFAULT ({default})::{to}"
        ));
    }
    let storage = found.attributes.storage.iter();
    changes.extend(storage.map(|storage| format!("ALTER COLUMN {column} SET {storage}")));
    Alter { table: &table.name }.step(changes.join(", "), lock)
}

/// The input from which the steps of one table are planned.
struct Planner<'p, 'c> {
    context: &'p Context<'c>,
    both: &'p Both<'c>,
}

impl Planner<'_, '_> {
    fn alter(&self) -> Alter<'_> {
        Alter {
            table: &self.both.declared.table.name,
        }
    }

    fn create_table(&self) -> Step {
        let current = self.context.current;
        let declared = &self.both.declared.table;
        let parent = current.parent_placement(declared);
        let is_distributed = matches!(parent, Placement::Distributed { .. });
        let primary_key = placement::primary_key(current, declared);
        let keys = match is_distributed {
            true => &[][..],
            false => &declared.foreign_keys,
        };
        let table = create::table(BACKEND, declared, &primary_key, keys);
        let mut statements = vec![table.to_string(PostgresQueryBuilder)];
        statements.extend(declared.indexes.iter().map(|index| {
            let name = current.free_index_name(&declared.name, &index.name);
            let index = create::index(BACKEND, &declared.name, index, &name);
            index.to_string(PostgresQueryBuilder)
        }));
        // Every key has to contain the column by which Citus distributes the table; only then does
        // the table accept a foreign key.
        if let (true, Some(key)) = (is_distributed, declared.parent_key()) {
            statements.push(create_distributed_table(&declared.name, key, parent));
            statements.extend(declared.foreign_keys.iter().map(|key| {
                let key = create::foreign_key(BACKEND, &declared.name, key);
                key.to_string(PostgresQueryBuilder)
            }));
        }
        match declared.foreign_keys.is_empty() {
            true => step(statements, NEW),
            false => step(statements, NEW_WITH_KEY),
        }
    }

    /// Plans the primary key. An index that an earlier attempt has left, half-built or complete, is
    /// used; any other index with the name is kept.
    fn primary_key(&self, table: &Table, columns: &[String]) -> Steps {
        // PostgreSQL itself would choose this name.
        let wanted = format!("{}_pkey", table.name);
        let is_ours = |index: &&Index| {
            is_made_of(&index.name, &wanted)
                && index.columns == columns
                && index.is_unique
                && index.is_plain
                && !index.has_constraint
        };
        let ours = table.indexes.iter().find(is_ours);
        let free = self.context.current.free_name(&wanted);
        let name = ours.map_or(free.as_str(), |index| &index.name);
        let constraint = quoted(name);
        let add = format!("ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {constraint}");
        let add = self.alter().step(add, READERS_TOO);
        let unique = Index::declared(name, columns.to_vec(), true);
        let create = self.create_index(table, &unique, name);
        let index = match ours {
            Some(index) => match index.unused {
                Some(Unused::Invalid) => Steps::of(self.drop_index(table, name), [create, add]),
                Some(Unused::InvalidFurnished) => self.rebuild_index(table, name).then(add.into()),
                Some(Unused::Hidden(_)) | None => add.into(),
            },
            None => Steps::of(create, [add]),
        };
        // PostgreSQL would read every row to make sure that none is NULL.
        columns
            .iter()
            .rev()
            .filter(|column| table.column(column).is_some_and(|column| column.nullable))
            .fold(index, |steps, column| {
                self.not_null(table, column).then(steps)
            })
    }

    /// Plans the numbering of a column. An existing sequence remembers numbers whose rows are gone.
    fn auto_increment(&self, table: &Table, found: &Column, numbers: &Numbers) -> Step {
        let declared = self.both.declared.table.auto_increment();
        let kind = declared.map_or(Type::INTEGER, |column| column.kind);
        let column = quoted(&found.name);
        let draw = |sequence: &str| {
            let sequence = literal(BACKEND, sequence);
            let set = format!("ALTER COLUMN {column} SET DEFAULT nextval({sequence})");
            self.alter().statement(set)
        };
        let (mut statements, sequence) = match numbers {
            Numbers::AsItIs(sequence) => return step([draw(sequence)], READERS_TOO),
            Numbers::Own(sequence) => (
                vec![format!(
                    "ALTER SEQUENCE {sequence} AS {}",
                    kind.spelled(BACKEND)
                )],
                sequence.clone(),
            ),
            Numbers::New | Numbers::UsedUp { .. } => {
                let wanted = sequence_of(&table.name, &found.name);
                let sequence = quoted(&self.context.current.free_name(&wanted));
                let create = format!("CREATE SEQUENCE {sequence} AS {}", kind.spelled(BACKEND));
                let owned = format!("OWNED BY {}.{column}", quoted(&table.name));
                // A column owns only a sequence of its table's owner.
                let statements = match &table.extras.owner {
                    Some(
                        OtherOwner::MayCreate(role)
                        | OtherOwner::MayNotCreate { role, .. }
                        | OtherOwner::Foreign(role),
                    ) => vec![
                        create,
                        format!("ALTER SEQUENCE {sequence} OWNER TO {}", quoted(role)),
                        format!("ALTER SEQUENCE {sequence} {owned}"),
                    ],
                    None => vec![format!("{create} {owned}")],
                };
                (statements, sequence)
            }
        };
        statements.push(draw(&sequence));
        statements.push(set_sequence(&table.name, &found.name, &sequence));
        step(
            statements,
            match self.has_largest(table, &found.name) {
                true => READERS_TOO,
                false => WHILE_READ,
            },
        )
    }

    fn advance(
        &self,
        table: &Table,
        column: &Column,
        sequence: &str,
        lift: Option<String>,
    ) -> Step {
        let mut advance = step(
            [
                format!(
                    "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                    quoted(&table.name)
                ),
                set_sequence(&table.name, &column.name, sequence),
            ],
            match self.has_largest(table, &column.name) {
                true => WRITERS,
                false => WRITERS_WHILE_READ,
            },
        );
        // The sequence of a smallserial ends at 32,767. Citus alters no sequence of a table that it
        // manages.
        if let (Some(lift), Placement::Local) = (lift, &table.placement) {
            advance.statements.insert(1, lift);
        }
        advance
    }

    /// Returns whether the largest number is found without reading every row. The primary key is
    /// created before a sequence is set, and that of a distributed table begins with another
    /// column.
    fn has_largest(&self, table: &Table, column: &str) -> bool {
        let leads = |index: &Index| {
            index.is_whole && index.columns.first().is_some_and(|first| first == column)
        };
        let key = placement::primary_key(self.context.current, &self.both.declared.table);
        key.first().is_some_and(|first| first == column) || table.indexes.iter().any(leads)
    }

    /// Plans NOT NULL. A validated check saves SET NOT NULL from reading every row, unless the same
    /// statement drops the check.
    fn not_null(&self, table: &Table, name: &str) -> Steps {
        let found = table.column(name);
        let unvalidated = found.and_then(|column| column.attributes.not_validated.as_deref());
        if let Some(constraint) = unvalidated {
            return self.alter().validate(constraint).into();
        }
        let column = quoted(name);
        let wanted = format!("{}_{name}_not_null_check", table.name);
        // The check as the server prints it, with and without quote_all_identifiers.
        let says_so = [
            format!("({name} IS NOT NULL)"),
            format!("({column} IS NOT NULL)"),
        ];
        let is_ours = |check: &&Check| {
            is_made_of(&check.name, &wanted) && says_so.contains(&check.expression)
        };
        let ours = table.extras.checks.iter().find(is_ours);
        let check = match ours {
            Some(check) => check.name.clone(),
            None => self.context.current.free_name(&wanted),
        };
        let constraint = quoted(&check);
        let add = format!("ADD CONSTRAINT {constraint} CHECK ({column} IS NOT NULL) NOT VALID");
        let set = step(
            [
                self.alter()
                    .statement(format!("ALTER COLUMN {column} SET NOT NULL")),
                self.alter().drop_constraint(&check),
            ],
            READERS_TOO,
        );
        let validate = self.alter().validate(&check);
        match ours.map(|check| check.validated) {
            None => Steps::of(self.alter().step(add, READERS_TOO), [validate, set]),
            Some(false) => Steps::of(validate, [set]),
            Some(true) => set.into(),
        }
    }

    /// Plans an index. A statement that is run alone cannot be in a transaction that has set the
    /// schema, so it names the schema.
    fn create_index(&self, table: &Table, declared: &Index, name: &str) -> Step {
        let mut index = create::index(BACKEND, &table.name, declared, name);
        match self.context.mode {
            TxMode::Free => {
                if let Some(schema) = &table.schema {
                    index.table((schema.clone(), table.name.clone()));
                }
                alone(table, index.concurrently().to_string(PostgresQueryBuilder))
            }
            TxMode::InTransaction => step(
                [index.to_string(PostgresQueryBuilder)],
                WRITERS_WHILE_INDEXED,
            ),
        }
    }

    /// Plans the rebuild of an index, which keeps its comment, parameters, tablespace and
    /// collation. What an interrupted attempt has left is dropped.
    fn rebuild_index(&self, table: &Table, name: &str) -> Steps {
        let rebuilt = self.reindex(table, name);
        let is_left = |index: &&Index| {
            let number = index.name.strip_prefix(&format!("{name}_ccnew"));
            index.unused.is_some()
                && number.is_some_and(|number| number.bytes().all(|one| one.is_ascii_digit()))
        };
        let mut left = table.indexes.iter().filter(is_left);
        match left.next() {
            Some(first) => {
                let rest = left.map(|index| self.drop_index(table, &index.name));
                Steps::of(self.drop_index(table, &first.name), rest.chain([rebuilt]))
            }
            None => rebuilt.into(),
        }
    }

    fn reindex(&self, table: &Table, name: &str) -> Step {
        let schema = table
            .schema
            .iter()
            .map(|schema| format!("{}.", quoted(schema)));
        let name = format!("{}{}", schema.collect::<String>(), quoted(name));
        match self.context.mode {
            TxMode::Free => alone(table, format!("REINDEX INDEX CONCURRENTLY {name}")),
            TxMode::InTransaction => step([format!("REINDEX INDEX {name}")], WRITERS_WHILE_INDEXED),
        }
    }

    fn drop_index(&self, table: &Table, name: &str) -> Step {
        let mut drop = sea_query::Index::drop();
        // Citus may have it on some nodes only.
        drop.name(sql::within_quotes(BACKEND, name)).if_exists();
        if let Some(schema) = &table.schema {
            drop.table((schema.clone(), table.name.clone()));
        }
        match self.context.mode {
            TxMode::Free => alone(table, drop.concurrently().to_string(PostgresQueryBuilder)),
            TxMode::InTransaction => step([drop.to_string(PostgresQueryBuilder)], READERS_TOO),
        }
    }
}

/// Replaces the primary key. Citus accepts no table whose key leaves out the column by which it is
/// distributed.
fn replace_primary_key(table: &Table, columns: &[String]) -> Step {
    let name = &table.primary_key_name();
    let listed: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let alter = Alter { table: &table.name };
    let add = format!(
        "ADD CONSTRAINT {} PRIMARY KEY ({})",
        quoted(name),
        listed.join(", ")
    );
    step(
        [alter.drop_constraint(name), alter.statement(add)],
        WHILE_READ,
    )
}

/// Distributes the table and replaces its primary key in one step. If that fails, the stronger key
/// stays.
fn distribute_with_key(
    by: &ForeignKey,
    parent: &Placement,
    table: &Table,
    columns: &[String],
) -> Step {
    let mut replace = replace_primary_key(table, columns);
    let distribute = distribute(by, parent, table);
    replace.statements.extend(distribute.statements);
    replace.lock = distribute.lock;
    replace
}

/// Moves the rows. A foreign key that existed before has never reached the parent's rows, and Citus
/// accepts it only after the move.
fn distribute(by: &ForeignKey, parent: &Placement, table: &Table) -> Step {
    let alter = Alter { table: &table.name };
    let keys: Vec<(&str, &ForeignKey)> = table
        .foreign_keys
        .iter()
        .filter(|key| key.columns == by.columns)
        .filter_map(|key| Some((key.name.as_deref()?, key)))
        .collect();
    let mut distribute = step([], WHILE_REWRITTEN);
    let statements = &mut distribute.statements;
    statements.extend(keys.iter().map(|(name, _)| alter.drop_constraint(name)));
    statements.push(create_distributed_table(&table.name, by, parent));
    statements.push(format!(
        "SELECT truncate_local_data_after_distributing_table({})",
        literal(BACKEND, &quoted(&table.name))
    ));
    let add =
        |(name, key): &(&str, &ForeignKey)| alter.statement(add_foreign_key(name, by, Some(key)));
    statements.extend(keys.iter().map(add));
    distribute
}

fn create_distributed_table(table: &str, key: &ForeignKey, parent: &Placement) -> String {
    let column = match parent {
        Placement::Distributed { .. } => literal(BACKEND, &key.columns.concat()),
        Placement::Local
        | Placement::Managed
        | Placement::Reference
        | Placement::OtherNodes
        | Placement::Ranges { .. }
        | Placement::Copies { .. }
        | Placement::SingleShard { .. } => "NULL".to_owned(),
    };
    format!(
        "SELECT create_distributed_table({}, {column}, colocate_with => {})",
        literal(BACKEND, &quoted(table)),
        literal(BACKEND, &quoted(&key.table))
    )
}

/// Lifts the limits of a sequence. One that counts up ends with its type if no other end is stated.
fn lift(sequence: &str, kind: Type, limits: &[Limit]) -> String {
    let clauses = limits.iter().map(|limit| match limit {
        Limit::Type(_) => format!(" AS {}", kind.spelled(BACKEND)),
        Limit::Maximum(_) => " NO MAXVALUE".to_owned(),
        Limit::Cycle => " NO CYCLE".to_owned(),
        Limit::Descending => " INCREMENT BY 1 NO MAXVALUE".to_owned(),
    });
    format!("ALTER SEQUENCE {sequence}{}", clauses.collect::<String>())
}

fn set_sequence(table: &str, column: &str, sequence: &str) -> String {
    let sequence_text = literal(BACKEND, sequence);
    let (table, column) = (quoted(table), quoted(column));
    format!(
        "SELECT setval({sequence_text}, greatest(largest.number, past.last_value)) \
         FROM (SELECT max({column}) AS number FROM {table}) largest, {sequence} past, pg_catalog.pg_sequence own \
         WHERE own.seqrelid = {sequence_text}::regclass AND largest.number >= own.seqmin"
    )
}

/// Returns the statement with NOT VALID and the timing of an older key, clauses that the builder
/// does not have.
fn add_foreign_key(name: &str, declared: &ForeignKey, older: Option<&ForeignKey>) -> String {
    let (on_update, timing) = match older {
        Some(key) if key.on_update != "NO ACTION" => {
            (format!(" ON UPDATE {}", key.on_update), key.timing.as_str())
        }
        Some(key) => (String::new(), key.timing.as_str()),
        None => (String::new(), ""),
    };
    let named = ForeignKey {
        name: Some(name.to_owned()),
        ..declared.clone()
    };
    let add = create::foreign_key(BACKEND, "", &named).to_string(PostgresQueryBuilder);
    let constraint = add
        .split_once(" ADD ")
        .map_or(add.as_str(), |(_, constraint)| constraint);
    format!("ADD {constraint}{on_update}{timing} NOT VALID")
}

fn alone(table: &Table, statement: String) -> Step {
    Step {
        statements: vec![statement],
        lock: NOBODY,
        execution: Execution::Alone {
            table: table.name.clone(),
        },
    }
}

fn step(statements: impl Into<Vec<String>>, lock: Lock) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings: &[] },
    }
}

fn quoted(name: &str) -> String {
    sql::identifier(BACKEND, name)
}
