//! Short transactions; whatever reads the whole table does so beside its writers.

use sea_orm::DbBackend;
use sea_query::PostgresQueryBuilder;

use super::{Execution, Freedom, Lock, Setting, Step, Steps, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS, VECTORS_DOC_ID_FKEY},
    difference::{Difference, Numbers, Obstacle, storage},
    live::{
        Check, Column, ColumnKind, ForeignKey, Index, Live, Placement, Table, Unused, is_made_of,
    },
};
use crate::sql;

const NEW: Lock = Lock::said("none: the table is new");
const NEW_WITH_KEY: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on documents");
const READERS_TOO: Lock = Lock::for_a_moment("ACCESS EXCLUSIVE");
const READERS_OF_BOTH: Lock = Lock::for_a_moment("ACCESS EXCLUSIVE on vectors and documents");
const WHILE_READ: Lock = Lock::of_the_table("ACCESS EXCLUSIVE", "while every row is read");
const WHILE_REWRITTEN: Lock =
    Lock::of_the_table("ACCESS EXCLUSIVE", "while the table is rewritten");
const WRITERS: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE");
const SEQUENCE_ALONE: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on the sequence");
const WRITERS_OF_BOTH: Lock = Lock::for_a_moment("SHARE ROW EXCLUSIVE on vectors and documents");
const WRITERS_WHILE_READ: Lock =
    Lock::of_the_table("SHARE ROW EXCLUSIVE", "while every row is read");
const WRITERS_WHILE_INDEXED: Lock = Lock::of_the_table("SHARE", "while the index is built");
const NOBODY: Lock = Lock::beside("SHARE UPDATE EXCLUSIVE", "readers and writers go on");

/// The names that PostgreSQL itself would choose.
const PRIMARY_KEY: &str = "vectors_pkey";
const SEQUENCE: &str = "vectors_id_seq";

pub(super) fn steps(
    difference: &Difference,
    live: &Live,
    freedom: Freedom,
) -> Result<Steps, Obstacle> {
    let steps = planned(difference, live, freedom)?;
    Ok(match freedom {
        Freedom::Free => steps,
        Freedom::InTransaction => steps.locking(Lock::until_the_transaction_ends),
    })
}

fn planned(difference: &Difference, live: &Live, freedom: Freedom) -> Result<Steps, Obstacle> {
    let vectors = || live.vectors.as_ref().ok_or_else(Obstacle::unplanned);
    Ok(match difference {
        Difference::DocumentsAbsent { .. } => create_documents().into(),
        Difference::TableAbsent => create_vectors(live).into(),
        Difference::Narrow { column, live, .. } => widen(vectors()?, column, live).into(),
        Difference::PrimaryKey { found, .. } if found.is_empty() => {
            primary_key(live, vectors()?, freedom)
        }
        Difference::PrimaryKey { .. } => replace_primary_key(live, vectors()?).into(),
        Difference::AutoIncrement { numbers, .. } => {
            auto_increment(live, vectors()?, numbers).into()
        }
        Difference::SequenceBehind {
            sequence, narrow, ..
        } => advance(live, vectors()?, &sequence.name, *narrow).into(),
        Difference::SequenceNarrow { sequence, .. } => {
            step([widen_sequence(&sequence.name)], SEQUENCE_ALONE).into()
        }
        Difference::Placement { documents, .. } => distribute(documents, vectors()?).into(),
        Difference::ForeignKeyAbsent => {
            let name = live.free_name(VECTORS_DOC_ID_FKEY);
            let add = format!("ALTER TABLE vectors {}", add_foreign_key(&name, None));
            Steps::of(step([add], WRITERS_OF_BOTH), [validate(&name)])
        }
        Difference::ForeignKeyUnlike { key } => {
            let name = key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY);
            let mut replace = step(
                [
                    drop_constraint(name),
                    format!("ALTER TABLE vectors {}", add_foreign_key(name, Some(key))),
                ],
                READERS_OF_BOTH,
            );
            replace
                .statements
                .extend(key.comment.as_ref().map(|comment| {
                    format!(
                        "COMMENT ON CONSTRAINT {} ON vectors IS {}",
                        quoted(name),
                        sql::literal(DbBackend::Postgres, comment)
                    )
                }));
            Steps::of(replace, [validate(name)])
        }
        Difference::ForeignKeyUnvalidated { key } => {
            validate(key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY)).into()
        }
        Difference::IndexAbsent => create_index(
            vectors()?,
            &live.free_index_name(IX_VECTORS_DOC_ID),
            freedom,
        )
        .into(),
        Difference::IndexUnfit { index } => {
            let vectors = vectors()?;
            let drop = drop_index(vectors, &index.name, freedom);
            match vectors.indexes.iter().any(|one| one.leads_with("doc_id")) {
                true => drop.into(),
                false => Steps::of(drop, [create_index(vectors, &index.name, freedom)]),
            }
        }
        Difference::Nullable { column, .. } => not_null(live, vectors()?, column),
        Difference::Storage { set, .. } => step([store(set)], READERS_TOO).into(),
        Difference::DocumentsUnfit { .. }
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::ColumnAbsent { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::InsteadRule { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::InsertBlocked { .. } => return Err(Obstacle::unplanned()),
    })
}

/// Ends with the transaction.
pub(super) const BRIEF: [Setting; 1] = [Setting {
    set: "SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = '2s'",
    restore: "RESET lock_timeout; RESET statement_timeout",
}];

pub(super) fn drop_vectors(forget: Option<String>) -> Step {
    let drop = declared::drop_vectors().to_string(PostgresQueryBuilder);
    step(
        Vec::from_iter(forget.into_iter().chain([drop])),
        READERS_TOO,
    )
}

pub(super) fn restore_storage(live: &Live, forget: Option<String>) -> Step {
    let undone = storage::undone(live);
    let mut restore = step(Vec::from_iter(forget), READERS_TOO);
    if !undone.is_empty() {
        restore.statements.push(store(&undone));
    }
    restore
}

/// No value is written anew: the next ones are stored so.
pub(super) fn store(set: &[&str]) -> String {
    let set: Vec<String> = set
        .iter()
        .map(|word| format!("ALTER COLUMN vector_ids SET {word}"))
        .collect();
    format!("ALTER TABLE vectors {}", set.join(", "))
}

fn create_documents() -> Step {
    step(documents::create(DbBackend::Postgres), NEW)
}

fn create_vectors(live: &Live) -> Step {
    let backend = DbBackend::Postgres;
    let index = declared::create_index(backend, &live.free_index_name(IX_VECTORS_DOC_ID));
    let index = index.to_string(PostgresQueryBuilder);
    if matches!(live.documents_placement(), Placement::Distributed { .. }) {
        let table = declared::create_vectors_to_distribute();
        let key = declared::vectors_doc_id_fkey(backend, VECTORS_DOC_ID_FKEY);
        let statements = [
            table.to_string(PostgresQueryBuilder),
            index,
            create_distributed_table(live.documents_placement()),
            key.to_string(PostgresQueryBuilder),
        ];
        return step(statements, NEW_WITH_KEY);
    }
    let table = declared::create_vectors(backend, VECTORS_DOC_ID_FKEY);
    step([table.to_string(PostgresQueryBuilder), index], NEW_WITH_KEY)
}

fn widen(vectors: &Table, column: &str, live: &Column) -> Step {
    let is_reread = vectors.rereads.iter().any(|reread| reread == column);
    let (to, lock) = match live.kind {
        ColumnKind::Integer { .. } => ("integer", WHILE_REWRITTEN),
        // The same bytes under another type, but what is made of them is made again.
        ColumnKind::NarrowText if is_reread => ("text", WHILE_READ),
        ColumnKind::NarrowText => ("text", READERS_TOO),
        ColumnKind::Json | ColumnKind::Text | ColumnKind::Serial | ColumnKind::Other => {
            ("text", WHILE_REWRITTEN)
        }
    };
    let collation = match live.attributes.collation.as_str() {
        "" => String::new(),
        printed => format!(" COLLATE {printed}"),
    };
    let mut changes = Vec::new();
    // A default of the old type is not cast along.
    if live.default.is_some() {
        changes.push(format!("ALTER COLUMN {column} DROP DEFAULT"));
    }
    changes.push(format!(
        "ALTER COLUMN {column} TYPE {to}{collation} USING {column}::{to}"
    ));
    if let Some(default) = &live.default {
        changes.push(format!(
            "ALTER COLUMN {column} SET DEFAULT ({default})::{to}"
        ));
    }
    let storage = live.attributes.storage.iter();
    changes.extend(storage.map(|storage| format!("ALTER COLUMN {column} SET {storage}")));
    step(
        [format!("ALTER TABLE vectors {}", changes.join(", "))],
        lock,
    )
}

/// An index that an earlier try has left half-built, or built to its end, is gone on from; one of
/// somebody else's that has the name is left alone.
fn primary_key(live: &Live, vectors: &Table, freedom: Freedom) -> Steps {
    let columns = live.primary_key();
    let is_ours = |index: &&Index| {
        is_made_of(&index.name, PRIMARY_KEY)
            && index.columns == columns
            && index.is_unique
            && index.is_plain
            && !index.has_constraint
    };
    let ours = vectors.indexes.iter().find(is_ours);
    let free = live.free_name(PRIMARY_KEY);
    let name = ours.map_or(free.as_str(), |index| &index.name);
    let constraint = quoted(name);
    let add = format!(
        "ALTER TABLE vectors ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {constraint}"
    );
    let add = step([add], READERS_TOO);
    let mut create = sea_query::Index::create();
    create
        .name(sql::within_quotes(DbBackend::Postgres, name))
        .table("vectors")
        .unique();
    for column in columns {
        create.col(*column);
    }
    let create = build(vectors, create, freedom);
    let index = match ours {
        Some(index) if index.unused == Some(Unused::Invalid) => {
            Steps::of(drop_index(vectors, name, freedom), [create, add])
        }
        Some(_) => add.into(),
        None => Steps::of(create, [add]),
    };
    // PostgreSQL would read every row to find no NULL in them.
    columns
        .iter()
        .rev()
        .filter(|column| vectors.column(column).is_some_and(|column| column.nullable))
        .fold(index, |steps, column| {
            not_null(live, vectors, column).then(steps)
        })
}

/// Citus takes no table whose key leaves out the column that it is distributed by.
fn replace_primary_key(live: &Live, vectors: &Table) -> Step {
    let is_its = |index: &&Index| index.has_constraint && index.columns == vectors.primary_key;
    let name = vectors.indexes.iter().find(is_its);
    let name = name.map_or(PRIMARY_KEY, |index| &index.name);
    let columns = live.primary_key().join(", ");
    let add = format!(
        "ALTER TABLE vectors ADD CONSTRAINT {} PRIMARY KEY ({columns})",
        quoted(name)
    );
    step([drop_constraint(name), add], WHILE_READ)
}

/// Moves the rows. A foreign key that was there before has never reached the documents, and Citus takes
/// it only afterwards.
fn distribute(documents: &Placement, vectors: &Table) -> Step {
    let keys: Vec<(&str, &ForeignKey)> = vectors
        .foreign_keys
        .iter()
        .filter(|key| key.columns == ["doc_id"])
        .filter_map(|key| Some((key.name.as_deref()?, key)))
        .collect();
    let mut distribute = step([], WHILE_REWRITTEN);
    let statements = &mut distribute.statements;
    statements.extend(keys.iter().map(|(name, _)| drop_constraint(name)));
    statements.push(create_distributed_table(documents));
    statements.push("SELECT truncate_local_data_after_distributing_table('vectors')".to_owned());
    let add = |(name, key): &(&str, &ForeignKey)| {
        format!("ALTER TABLE vectors {}", add_foreign_key(name, Some(key)))
    };
    statements.extend(keys.iter().map(add));
    distribute
}

fn create_distributed_table(documents: &Placement) -> String {
    let column = match documents {
        Placement::Distributed { .. } => "'doc_id'",
        Placement::Local
        | Placement::Managed
        | Placement::Reference
        | Placement::SingleShard { .. } => "NULL",
    };
    format!("SELECT create_distributed_table('vectors', {column}, colocate_with => 'documents')")
}

/// A sequence that is there remembers numbers whose rows are gone.
fn auto_increment(live: &Live, vectors: &Table, numbers: &Numbers) -> Step {
    let draw = |sequence: &str| {
        format!(
            "ALTER TABLE vectors ALTER COLUMN id SET DEFAULT nextval({})",
            sql::literal(DbBackend::Postgres, sequence)
        )
    };
    let (change, sequence) = match numbers {
        Numbers::AsItIs(sequence) => return step([draw(sequence)], READERS_TOO),
        Numbers::Own(sequence) => (widen_sequence(sequence), sequence.clone()),
        Numbers::New => {
            let sequence = quoted(&live.free_name(SEQUENCE));
            let create = format!("CREATE SEQUENCE {sequence} AS integer OWNED BY vectors.id");
            (create, sequence)
        }
    };
    step(
        [change, draw(&sequence), set_sequence(&sequence)],
        match has_largest_id(live, vectors) {
            true => READERS_TOO,
            false => WHILE_READ,
        },
    )
}

fn advance(live: &Live, vectors: &Table, sequence: &str, narrow: bool) -> Step {
    let mut advance = step(
        [
            "LOCK TABLE vectors IN SHARE ROW EXCLUSIVE MODE".to_owned(),
            set_sequence(sequence),
        ],
        match has_largest_id(live, vectors) {
            true => WRITERS,
            false => WRITERS_WHILE_READ,
        },
    );
    // A smallserial's own ends at 32,767. Citus alters none of a table that it knows.
    if narrow && vectors.placement == Placement::Local {
        advance.statements.insert(1, widen_sequence(sequence));
    }
    advance
}

/// Whether the largest id is found without reading every row. The primary key is made before a sequence is
/// set, and that of a distributed table leads with another column.
fn has_largest_id(live: &Live, vectors: &Table) -> bool {
    let leads =
        |index: &Index| index.is_whole && index.columns.first().is_some_and(|one| one == "id");
    live.primary_key().first() == Some(&"id") || vectors.indexes.iter().any(leads)
}

fn widen_sequence(sequence: &str) -> String {
    format!("ALTER SEQUENCE {sequence} AS integer")
}

fn set_sequence(sequence: &str) -> String {
    let literal = sql::literal(DbBackend::Postgres, sequence);
    format!(
        "SELECT setval({literal}, greatest(largest.id, past.last_value)) \
         FROM (SELECT max(id) AS id FROM vectors) largest, {sequence} past WHERE largest.id > 0"
    )
}

/// NOT VALID, and the timing of an older key: words that the builder has no way to say.
fn add_foreign_key(name: &str, older: Option<&ForeignKey>) -> String {
    let (on_update, timing) = match older {
        Some(key) if key.on_update != "NO ACTION" => {
            (format!(" ON UPDATE {}", key.on_update), key.timing.as_str())
        }
        Some(key) => (String::new(), key.timing.as_str()),
        None => (String::new(), ""),
    };
    let declared =
        declared::vectors_doc_id_fkey(DbBackend::Postgres, name).to_string(PostgresQueryBuilder);
    let constraint = declared
        .split_once(" ADD ")
        .map_or(declared.as_str(), |(_, constraint)| constraint);
    format!("ADD {constraint}{on_update}{timing} NOT VALID")
}

fn validate(name: &str) -> Step {
    let statement = format!("ALTER TABLE vectors VALIDATE CONSTRAINT {}", quoted(name));
    step([statement], NOBODY)
}

/// A validated check spares SET NOT NULL its look at every row, unless the same statement drops the check.
fn not_null(live: &Live, vectors: &Table, column: &str) -> Steps {
    let unvalidated = vectors
        .column(column)
        .and_then(|column| column.attributes.not_validated.as_deref());
    if let Some(constraint) = unvalidated {
        return validate(constraint).into();
    }
    let wanted = format!("vectors_{column}_not_null_check");
    // As the server prints it, with and without quote_all_identifiers.
    let says_so = [
        format!("({column} IS NOT NULL)"),
        format!("(\"{column}\" IS NOT NULL)"),
    ];
    let is_ours =
        |check: &&Check| is_made_of(&check.name, &wanted) && says_so.contains(&check.expression);
    let ours = vectors.checks.iter().find(is_ours);
    let check = match ours {
        Some(check) => check.name.clone(),
        None => live.free_name(&wanted),
    };
    let constraint = quoted(&check);
    let add = format!(
        "ALTER TABLE vectors ADD CONSTRAINT {constraint} CHECK ({column} IS NOT NULL) NOT VALID"
    );
    let set = step(
        [
            format!("ALTER TABLE vectors ALTER COLUMN {column} SET NOT NULL"),
            drop_constraint(&check),
        ],
        READERS_TOO,
    );
    match ours.map(|check| check.validated) {
        None => Steps::of(step([add], READERS_TOO), [validate(&check), set]),
        Some(false) => Steps::of(validate(&check), [set]),
        Some(true) => set.into(),
    }
}

fn create_index(vectors: &Table, name: &str, freedom: Freedom) -> Step {
    build(
        vectors,
        declared::create_index(DbBackend::Postgres, name),
        freedom,
    )
}

/// What is run alone can be in no transaction that has entered the schema.
fn build(vectors: &Table, mut index: sea_query::IndexCreateStatement, freedom: Freedom) -> Step {
    match freedom {
        Freedom::Free => {
            if let Some(schema) = &vectors.schema {
                index.table((schema.clone(), VECTORS));
            }
            alone(index.concurrently().to_string(PostgresQueryBuilder))
        }
        Freedom::InTransaction => step(
            [index.to_string(PostgresQueryBuilder)],
            WRITERS_WHILE_INDEXED,
        ),
    }
}

fn drop_index(vectors: &Table, name: &str, freedom: Freedom) -> Step {
    let mut drop = sea_query::Index::drop();
    // Citus may have it on some nodes only.
    drop.name(sql::within_quotes(DbBackend::Postgres, name))
        .if_exists();
    if let Some(schema) = &vectors.schema {
        drop.table((schema.clone(), VECTORS));
    }
    match freedom {
        Freedom::Free => alone(drop.concurrently().to_string(PostgresQueryBuilder)),
        Freedom::InTransaction => step([drop.to_string(PostgresQueryBuilder)], READERS_TOO),
    }
}

fn alone(statement: String) -> Step {
    Step {
        statements: vec![statement],
        lock: NOBODY,
        execution: Execution::Alone,
    }
}

fn step(statements: impl Into<Vec<String>>, lock: Lock) -> Step {
    Step {
        statements: statements.into(),
        lock,
        execution: Execution::Transaction { settings: &[] },
    }
}

fn drop_constraint(name: &str) -> String {
    format!("ALTER TABLE vectors DROP CONSTRAINT {}", quoted(name))
}

fn quoted(name: &str) -> String {
    sql::identifier(DbBackend::Postgres, name)
}
