//! Holds the live shape against the declared one.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::MigrationName;

use super::{Creation, Difference, Numbers, placement, provisional, storage};
use crate::{
    Error, m20250524_000000_create_documents as create_documents,
    m20250524_120000_create_vectors as create_vectors,
    m20261123_000000_store_vector_ids as store_vector_ids,
    schema::{
        declared::{COLUMNS, DOCUMENTS, IX_VECTORS_DOC_ID, VECTORS},
        live::{
            Column, ColumnKind, Filled, ForeignKey, Index, Kind, Live, Owner, Placement, Table,
            Unused, is_made_of,
        },
        rows::{self, Ids, Orphans},
    },
};

/// Which part of the shape a migration answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Documents,
    Vectors,
    Everything,
}

impl Scope {
    /// What the named migration of ours answers for; none where it is another author's.
    pub(crate) fn of_migration(name: &str) -> Option<Self> {
        let ours = [
            (
                create_documents::Migration.name().to_owned(),
                Self::Documents,
            ),
            (create_vectors::Migration.name().to_owned(), Self::Vectors),
            (
                store_vector_ids::Migration.name().to_owned(),
                Self::Everything,
            ),
        ];
        ours.into_iter()
            .find_map(|(migration, scope)| (migration == name).then_some(scope))
    }
}

/// In the order in which they are mended.
pub(crate) async fn differences(
    db: &impl ConnectionTrait,
    live: &Live,
    scope: Scope,
) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    found.extend(documents(live));
    if scope == Scope::Documents {
        return Ok(found);
    }
    let Some(vectors) = &live.vectors else {
        found.push(Difference::TableAbsent);
        return Ok(found);
    };
    match &vectors.kind {
        Kind::Table | Kind::Unlogged => {}
        Kind::TableOfEngine(engine) => found.push(Difference::StorageEngine {
            engine: engine.clone(),
            numbers_within_a_group: numbers_within_a_group(vectors),
        }),
        Kind::ReferredTo(kind) => found.push(Difference::NotATable {
            found: (*kind).to_owned(),
        }),
        Kind::InheritedFrom => found.push(Difference::NotATable {
            found: "a table with inheritance".to_owned(),
        }),
        Kind::Other(kind) => found.push(Difference::NotATable {
            found: kind.clone(),
        }),
    }
    if found.iter().any(Difference::hides_the_rest) {
        return Ok(found);
    }
    found.extend(types(db, vectors).await?);
    if live.backend == DbBackend::Sqlite {
        found.extend(unreadable(db, vectors).await?);
    }
    let absent = |column| vectors.column(column).is_none();
    if !absent("id") {
        found.extend(keys(db, live, vectors).await?);
    }
    found.extend(placement::find(live, vectors));
    if !absent("doc_id") {
        let references = references(db, live, vectors).await?;
        match live.backend {
            // The key rebuilds the table, with its indexes.
            DbBackend::Sqlite => found.extend(references.into_iter().chain(index(vectors))),
            // MySQL gives a foreign key without an index one of another name.
            _ => found.extend(index(vectors).into_iter().chain(references)),
        }
    }
    found.extend(nullable(db, vectors).await?);
    found.extend(blocked(vectors));
    let instead = vectors.instead_rules.iter().cloned();
    found.extend(instead.map(|rule| Difference::InsteadRule { rule }));
    if scope == Scope::Everything {
        found.extend(storage::find(live, vectors));
    }
    Ok(found)
}

fn documents(live: &Live) -> Option<Difference> {
    let Some(table) = &live.documents else {
        return Some(Difference::DocumentsAbsent {
            found: live.tables.clone(),
            creation: match live.may_create_documents {
                false => Creation::NotOurs,
                true if live.vectors.is_some() => Creation::TooLate,
                true => Creation::Wanted,
            },
        });
    };
    let unfit = |found: String, next_step| Some(Difference::DocumentsUnfit { found, next_step });
    match &table.kind {
        Kind::Table | Kind::ReferredTo(_) => {}
        // The key that is there says that no other rows are meant.
        Kind::InheritedFrom if is_referred_to(live) => {}
        Kind::InheritedFrom => {
            return unfit(
                "other tables inherit from documents, and no foreign key can refer to their rows"
                    .to_owned(),
                "if vectors is to refer to no such row, add its foreign key by hand",
            );
        }
        Kind::Unlogged => {
            return unfit(
                "documents is an unlogged table, which only unlogged tables may refer to"
                    .to_owned(),
                "change it in the application's own migrations: ALTER TABLE documents SET LOGGED",
            );
        }
        Kind::TableOfEngine(engine) => {
            return unfit(
                format!("documents is stored by {engine}, which keeps no foreign keys"),
                "convert it: ALTER TABLE documents ENGINE = InnoDB",
            );
        }
        Kind::Other(kind) => {
            return unfit(
                format!("documents is {kind}"),
                "name the database and schema of the table itself",
            );
        }
    }
    let Some(id) = table.column("id") else {
        return unfit(
            "documents has no column id".to_owned(),
            "add it in the application's own migrations",
        );
    };
    if id.kind != ColumnKind::INTEGER {
        return unfit(
            format!(
                "documents.id is {}, not a 32-bit signed integer",
                id.declared
            ),
            "change it in the application's own migrations: vectors would refuse its values or misread them",
        );
    }
    if !table.is_key("id") {
        return unfit(
            "documents has no primary key and no unique constraint on id alone".to_owned(),
            "add one in the application's own migrations",
        );
    }
    None
}

fn is_referred_to(live: &Live) -> bool {
    let keys = live.vectors.iter().flat_map(|table| &table.foreign_keys);
    keys.filter(|key| key.columns == ["doc_id"])
        .any(|key| is_named(&key.table, DOCUMENTS))
}

async fn types(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for (column, declared) in COLUMNS {
        let Some(live) = table.column(column) else {
            let empty = rows::is_empty(db, VECTORS).await?;
            found.push(Difference::ColumnAbsent { column, empty });
            continue;
        };
        if live.filled == Filled::Generated {
            found.push(Difference::Generated { column });
        } else if live.kind != declared && !becomes_rowid(column, live) {
            found.push(unlike(table, column, live));
        }
    }
    Ok(found)
}

async fn unreadable(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for (column, declared) in COLUMNS {
        if table.column(column).is_none() {
            continue;
        }
        let rows = rows::unreadable(db, column, declared == ColumnKind::INTEGER).await?;
        if rows > 0 {
            found.push(Difference::Unreadable { column, rows });
        }
    }
    Ok(found)
}

/// MyISAM and Aria number a column that only follows another in an index, anew for each value of that.
fn numbers_within_a_group(table: &Table) -> bool {
    let is_numbered = |column: &&Column| matches!(column.filled, Filled::AutoIncrement { .. });
    table.columns.iter().filter(is_numbered).any(|column| {
        let leads = |index: &Index| index.columns.first() == Some(&column.name);
        !table.indexes.iter().any(leads)
    })
}

/// SQLite's own numbering gives the column its type.
fn becomes_rowid(column: &str, live: &Column) -> bool {
    column == "id" && live.kind == ColumnKind::Serial
}

/// What is narrower than declared can be widened; anything else somebody meant otherwise.
fn unlike(table: &Table, column: &'static str, live: &Column) -> Difference {
    let live = live.clone();
    let widens = match (column, live.kind) {
        ("page", ColumnKind::Integer { bits, .. }) => bits < 32,
        ("vector_ids", kind) => matches!(kind, ColumnKind::NarrowText | ColumnKind::Json),
        _ => false,
    };
    let readers = table.readers.iter().filter(|(_, read)| read == column);
    match widens {
        true => Difference::Narrow {
            column,
            live,
            readers: readers.map(|(reader, _)| reader.clone()).collect(),
        },
        false => Difference::WrongType { column, live },
    }
}

async fn keys(
    db: &impl ConnectionTrait,
    live: &Live,
    table: &Table,
) -> Result<Vec<Difference>, Error> {
    let Some(id) = table.column("id") else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let is_primary = table.primary_key == live.primary_key();
    let is_filled = matches!(id.filled, Filled::AutoIncrement { .. });
    if !is_primary || !is_filled {
        let mut ids = Ids::find(db).await?;
        // A rowid key numbers them; they have never identified a row.
        if live.backend == DbBackend::Sqlite {
            ids.null = 0;
        }
        if !is_primary {
            found.push(Difference::PrimaryKey {
                live: id.clone(),
                found: table.primary_key.clone(),
                ids: ids.clone(),
            });
        }
        if !is_filled {
            found.push(Difference::AutoIncrement {
                live: id.clone(),
                ids,
                numbers: numbers(db, table).await?,
            });
        }
    }
    if let Filled::AutoIncrement {
        sequence: Some(sequence),
    } = &id.filled
        && let Some(gives) = rows::sequence(db, &sequence.name).await?
    {
        if !gives.is_usable() {
            found.push(Difference::SequenceBehind {
                sequence: sequence.clone(),
                next: gives.next,
                largest: gives.largest,
                narrow: gives.narrow.is_some(),
            });
        }
        if let Some(declared) = gives.narrow.filter(|_| table.placement == Placement::Local) {
            found.push(Difference::SequenceNarrow {
                sequence: sequence.clone(),
                declared,
            });
        }
    }
    Ok(found)
}

/// A sequence that nobody owns may be somebody's who asks it for numbers himself.
async fn numbers(db: &impl ConnectionTrait, table: &Table) -> Result<Numbers, Error> {
    let Some(spare) = &table.spare_sequence else {
        return Ok(Numbers::New);
    };
    if spare.owner == Owner::TheColumn {
        return Ok(Numbers::Own(spare.name.clone()));
    }
    let gives = rows::sequence(db, &spare.name).await?;
    Ok(
        match gives.is_some_and(|gives| gives.is_usable() && gives.narrow.is_none()) {
            true => Numbers::AsItIs(spare.name.clone()),
            false => Numbers::New,
        },
    )
}

async fn references(
    db: &impl ConnectionTrait,
    live: &Live,
    table: &Table,
) -> Result<Vec<Difference>, Error> {
    let on_doc_id = |key: &&ForeignKey| key.columns.iter().any(|column| column == "doc_id");
    let keys: Vec<Difference> = table
        .foreign_keys
        .iter()
        .filter(on_doc_id)
        .filter_map(foreign_key)
        .collect();
    let is_there = table.foreign_keys.iter().any(|key| on_doc_id(&key));
    // An engine that vouches for the rows need not be asked again. Citus vouches for shards that it has
    // not looked at, where the key was added without a name.
    let vouched = keys.is_empty()
        && matches!(table.placement, Placement::Local)
        && placement::find(live, table).is_none()
        && table
            .foreign_keys
            .iter()
            .filter(on_doc_id)
            .any(|key| key.validated == Some(true));
    let mut found = Vec::new();
    let is_integer = |table: Option<&Table>, column| {
        let column = table.and_then(|table| table.column(column));
        column.is_some_and(|column| matches!(column.kind, ColumnKind::Integer { .. }))
    };
    let comparable = is_integer(live.documents.as_ref(), "id")
        && is_integer(Some(table), "doc_id")
        && table.column("id").is_some();
    // Whose documents they are, a key to another table leaves open.
    let elsewhere = keys
        .iter()
        .any(|key| matches!(key, Difference::ForeignKeyElsewhere { .. }));
    // Tables that Citus distributes differently cannot be joined.
    let joinable = table.placement == Placement::Local || placement::find(live, table).is_none();
    if comparable && joinable && !vouched && !elsewhere {
        found.extend(Orphans::find(db).await?.map(Difference::Orphans));
    }
    found.extend(keys);
    if !is_there {
        found.push(Difference::ForeignKeyAbsent);
    }
    Ok(found)
}

fn foreign_key(key: &ForeignKey) -> Option<Difference> {
    let key = key.clone();
    let to_documents = is_named(&key.table, DOCUMENTS) && key.references == ["id"];
    if !to_documents || key.columns != ["doc_id"] {
        return Some(Difference::ForeignKeyElsewhere { key });
    }
    let is_provisional = key
        .name
        .as_deref()
        .and_then(provisional::replaced)
        .is_some();
    if key.on_delete != "CASCADE" || !key.enforced || is_provisional {
        return Some(Difference::ForeignKeyUnlike { key });
    }
    if key.validated == Some(false) {
        return Some(Difference::ForeignKeyUnvalidated { key });
    }
    None
}

/// SQLite compares without case; PostgreSQL prints no schema that the search path finds.
fn is_named(table: &str, name: &str) -> bool {
    table.eq_ignore_ascii_case(name)
}

fn index(table: &Table) -> Vec<Difference> {
    let limits_rows = |index: &&Index| {
        let ours = |column: &String| ["doc_id", "page", "vector_ids"].contains(&column.as_str());
        index.is_unique && index.columns != table.primary_key && index.columns.iter().all(ours)
    };
    let serves = |index: &Index| index.leads_with("doc_id");
    let is_served = table.indexes.iter().any(serves);
    // Under another name it is what an earlier try has left half-built. Whatever else has such a name is somebody's.
    let is_ours = |index: &&Index| {
        is_made_of(&index.name, IX_VECTORS_DOC_ID)
            && !index.is_unique
            && index.is_unused_one_of(&["doc_id"])
    };
    let is_in_the_way = |index: &&Index| match index.unused {
        Some(Unused::Invalid) => true,
        Some(Unused::Hidden(_)) => !is_served,
        None => false,
    };
    let unique = table.indexes.iter().find(limits_rows);
    let unfit = table.indexes.iter().filter(is_ours).find(is_in_the_way);
    let mut found = Vec::new();
    found.extend(unique.map(|index| Difference::IndexUnique {
        index: index.clone(),
    }));
    match unfit {
        Some(index) => found.push(Difference::IndexUnfit {
            index: index.clone(),
        }),
        None if !is_served => found.push(Difference::IndexAbsent),
        None => {}
    }
    found
}

async fn nullable(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for (column, _) in COLUMNS.into_iter().filter(|(name, _)| *name != "id") {
        let Some(live) = table.column(column).filter(|live| live.nullable) else {
            continue;
        };
        found.push(Difference::Nullable {
            column,
            live: live.clone(),
            nulls: rows::nulls(db, column).await?,
        });
    }
    Ok(found)
}

fn blocked(table: &Table) -> impl Iterator<Item = Difference> {
    let ours = |column: &Column| COLUMNS.iter().any(|(name, _)| column.name == *name);
    let blocks = move |column: &&Column| {
        !ours(column)
            && !column.nullable
            && column.default.is_none()
            && column.filled == Filled::ByDefault
    };
    table
        .columns
        .iter()
        .filter(blocks)
        .map(|column| Difference::InsertBlocked {
            column: column.name.clone(),
        })
}
