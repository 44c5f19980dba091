//! Short transactions; whatever reads the whole table does so beside its writers.

use sea_query::PostgresQueryBuilder;

use super::{Execution, Freedom, Setting, Step, documents};
use crate::schema::{
    declared::{self, IX_VECTORS_DOC_ID, VECTORS, VECTORS_DOC_ID_FKEY},
    difference::{Difference, storage},
    live::{Check, Column, ColumnKind, ForeignKey, Index, Live, Placement, Table, is_made_of},
    rows::Orphans,
};

const NEW: &str = "none: the table is new";
const NEW_WITH_KEY: &str = "SHARE ROW EXCLUSIVE on documents, for a moment";
const READERS_TOO: &str = "ACCESS EXCLUSIVE, for a moment";
const WHILE_REWRITTEN: &str = "ACCESS EXCLUSIVE, while the table is rewritten";
const WRITERS: &str = "SHARE ROW EXCLUSIVE, for a moment";
const NOBODY: &str = "SHARE UPDATE EXCLUSIVE: readers and writers go on";

/// The names that PostgreSQL itself would choose.
const PRIMARY_KEY: &str = "vectors_pkey";
const SEQUENCE: &str = "vectors_id_seq";

pub(super) fn steps(difference: &Difference, live: &Live, freedom: Freedom) -> Vec<Step> {
    let Some(vectors) = &live.vectors else {
        return create(difference, live);
    };
    match difference {
        Difference::Narrow { column, live, .. } => vec![widen(column, live)],
        Difference::PrimaryKey { found, .. } if found.is_empty() => {
            primary_key(live, vectors, freedom)
        }
        Difference::PrimaryKey { .. } => vec![replace_primary_key(live, vectors)],
        Difference::AutoIncrement { .. } => vec![auto_increment(live, vectors)],
        Difference::SequenceBehind { sequence, .. } => vec![advance(vectors, sequence)],
        Difference::SequenceNarrow { sequence, .. } => {
            vec![step([widen_sequence(sequence)], WRITERS)]
        }
        Difference::Placement { documents, .. } => vec![distribute(documents, vectors)],
        Difference::ForeignKeyAbsent => {
            let name = live.free_name(VECTORS_DOC_ID_FKEY);
            let add = format!("ALTER TABLE vectors {}", add_foreign_key(&name, None));
            vec![step([add], WRITERS), validate(&name)]
        }
        Difference::ForeignKeyUnlike { key } => {
            let name = key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY);
            let mut replace = step(
                [
                    drop_constraint(name),
                    format!("ALTER TABLE vectors {}", add_foreign_key(name, Some(key))),
                ],
                READERS_TOO,
            );
            replace
                .statements
                .extend(key.comment.as_ref().map(|comment| {
                    let comment = comment.replace('\'', "''");
                    format!(
                        "COMMENT ON CONSTRAINT {} ON vectors IS '{comment}'",
                        quoted(name)
                    )
                }));
            vec![replace, validate(name)]
        }
        Difference::ForeignKeyUnvalidated { key } => {
            vec![validate(key.name.as_deref().unwrap_or(VECTORS_DOC_ID_FKEY))]
        }
        Difference::IndexAbsent => {
            vec![create_index(
                vectors,
                &live.free_name(IX_VECTORS_DOC_ID),
                freedom,
            )]
        }
        Difference::IndexUnfit { index } => {
            vec![
                drop_index(vectors, &index.name, freedom),
                create_index(vectors, &index.name, freedom),
            ]
        }
        Difference::Nullable { column, .. } => not_null(live, vectors, column),
        Difference::Storage { set, .. } => vec![step([store(set)], READERS_TOO)],
        _ => create(difference, live),
    }
}

/// All at once: nobody else has to do with these rows.
pub(super) fn delete_orphans() -> Step {
    step([Orphans::DELETE.to_owned()], "the rows that are deleted")
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

fn create(difference: &Difference, live: &Live) -> Vec<Step> {
    let backend = sea_orm::DbBackend::Postgres;
    match difference {
        Difference::DocumentsAbsent { .. } => {
            vec![step(documents::create(backend), NEW)]
        }
        Difference::TableAbsent
            if matches!(live.documents_placement(), Placement::Distributed { .. }) =>
        {
            let table = declared::create_vectors_to_distribute();
            let index = declared::create_index(&live.free_name(IX_VECTORS_DOC_ID));
            let key = declared::vectors_doc_id_fkey(VECTORS_DOC_ID_FKEY);
            let statements = [
                table.to_string(PostgresQueryBuilder),
                index.to_string(PostgresQueryBuilder),
                create_distributed_table(live.documents_placement()),
                key.to_string(PostgresQueryBuilder),
            ];
            vec![step(statements, NEW_WITH_KEY)]
        }
        Difference::TableAbsent => {
            let table = declared::create_vectors(backend, VECTORS_DOC_ID_FKEY);
            let index = declared::create_index(&live.free_name(IX_VECTORS_DOC_ID));
            let statements = [
                table.to_string(PostgresQueryBuilder),
                index.to_string(PostgresQueryBuilder),
            ];
            vec![step(statements, NEW_WITH_KEY)]
        }
        _ => Vec::new(),
    }
}

fn widen(column: &str, live: &Column) -> Step {
    let (to, lock) = match live.kind {
        ColumnKind::Integer { .. } => ("integer", WHILE_REWRITTEN),
        ColumnKind::Json => ("text", WHILE_REWRITTEN),
        _ => ("text", READERS_TOO),
    };
    let collation = match live.attributes.collation.as_str() {
        "" => String::new(),
        other => format!(" COLLATE {other}"),
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
fn primary_key(live: &Live, vectors: &Table, freedom: Freedom) -> Vec<Step> {
    let columns = live.primary_key();
    let is_ours = |index: &&Index| {
        is_made_of(&index.name, PRIMARY_KEY)
            && index.columns == columns
            && index.is_unique
            && !index.has_constraint
    };
    let ours = vectors.indexes.iter().find(is_ours);
    let free = live.free_name(PRIMARY_KEY);
    let name = ours.map_or(free.as_str(), |index| &index.name);
    let add = format!("ALTER TABLE vectors ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}");
    let add = step([add], READERS_TOO);
    let mut create = sea_query::Index::create();
    create.name(name).table("vectors").unique();
    for column in columns {
        create.col(*column);
    }
    let create = build(vectors, create, freedom);
    let mut steps = match vectors.column("id") {
        Some(id) if id.nullable => not_null(live, vectors, "id"),
        _ => Vec::new(),
    };
    match ours {
        Some(index) if index.is_key => steps.push(add),
        Some(_) => steps.extend([drop_index(vectors, name, freedom), create, add]),
        None => steps.extend([create, add]),
    }
    steps
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
    step([drop_constraint(name), add], WHILE_REWRITTEN)
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
        _ => "NULL",
    };
    format!("SELECT create_distributed_table('vectors', {column}, colocate_with => 'documents')")
}

/// A sequence that is there remembers numbers whose rows are gone.
fn auto_increment(live: &Live, vectors: &Table) -> Step {
    let (verb, sequence) = match &vectors.spare_sequence {
        Some(spare) => ("ALTER", spare.clone()),
        None => ("CREATE", live.free_name(SEQUENCE)),
    };
    step(
        [
            format!("{verb} SEQUENCE {sequence} AS integer OWNED BY vectors.id"),
            format!("ALTER TABLE vectors ALTER COLUMN id SET DEFAULT nextval('{sequence}')"),
            set_sequence(&sequence),
        ],
        READERS_TOO,
    )
}

fn advance(vectors: &Table, sequence: &str) -> Step {
    let mut advance = step(
        [
            "LOCK TABLE vectors IN SHARE ROW EXCLUSIVE MODE".to_owned(),
            set_sequence(sequence),
        ],
        WRITERS,
    );
    // A smallserial's own ends at 32,767. Citus alters none of a table that it knows.
    if vectors.placement == Placement::Local {
        advance.statements.insert(1, widen_sequence(sequence));
    }
    advance
}

fn widen_sequence(sequence: &str) -> String {
    format!("ALTER SEQUENCE {sequence} AS integer")
}

fn set_sequence(sequence: &str) -> String {
    let literal = sequence.replace('\'', "''");
    format!(
        "SELECT setval('{literal}', greatest(largest.id, past.last_value)) \
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
    let declared = declared::vectors_doc_id_fkey(name).to_string(PostgresQueryBuilder);
    let constraint = declared
        .split_once(" ADD ")
        .map_or(declared.as_str(), |(_, constraint)| constraint);
    format!("ADD {constraint}{on_update}{timing} NOT VALID")
}

fn validate(name: &str) -> Step {
    let statement = format!("ALTER TABLE vectors VALIDATE CONSTRAINT {}", quoted(name));
    step([statement], NOBODY)
}

/// A validated check spares SET NOT NULL its look at every row.
fn not_null(live: &Live, vectors: &Table, column: &str) -> Vec<Step> {
    let wanted = format!("vectors_{column}_not_null_check");
    let says_so = format!("({column} IS NOT NULL)");
    let is_ours = |check: &&Check| is_made_of(&check.name, &wanted) && check.expression == says_so;
    let ours = vectors.checks.iter().find(is_ours);
    let check = match ours {
        Some(check) => check.name.clone(),
        None => live.free_name(&wanted),
    };
    let add = format!(
        "ALTER TABLE vectors ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"
    );
    let set =
        format!("ALTER TABLE vectors ALTER COLUMN {column} SET NOT NULL, DROP CONSTRAINT {check}");
    let steps = [
        step([add], READERS_TOO),
        validate(&check),
        step([set], READERS_TOO),
    ];
    let done = match ours.map(|check| check.validated) {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    };
    steps.into_iter().skip(done).collect()
}

fn create_index(vectors: &Table, name: &str, freedom: Freedom) -> Step {
    build(vectors, declared::create_index(name), freedom)
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
            "SHARE, while the index is built: the caller's transaction leaves no other way",
        ),
    }
}

fn drop_index(vectors: &Table, name: &str, freedom: Freedom) -> Step {
    let mut drop = sea_query::Index::drop();
    // Citus may have it on some nodes only.
    drop.name(name).if_exists();
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

fn step(statements: impl Into<Vec<String>>, lock: &'static str) -> Step {
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
    format!("\"{}\"", name.replace('"', "\"\""))
}
