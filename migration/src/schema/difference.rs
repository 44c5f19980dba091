//! What the live shape has other than the declared one: a list of typed values.

use sea_orm::{ConnectionTrait, DbBackend};

use super::{
    declared::{COLUMNS, DOCUMENTS, IX_VECTORS_DOC_ID},
    live::{Column, ColumnKind, Filled, ForeignKey, Index, Kind, Live, Table},
    rows::{self, Ids, Orphans},
};
use crate::Error;

/// The parts of the declared shape, as `check` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Documents,
    Table,
    Column(&'static str),
    PrimaryKey,
    AutoIncrement,
    ForeignKey,
    Index,
    Rows,
}

impl Part {
    pub(crate) const ALL: [Self; 11] = [
        Self::Documents,
        Self::Table,
        Self::Column("id"),
        Self::Column("doc_id"),
        Self::Column("page"),
        Self::Column("vector_ids"),
        Self::PrimaryKey,
        Self::AutoIncrement,
        Self::ForeignKey,
        Self::Index,
        Self::Rows,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Table => "vectors",
            Self::Column(name) => name,
            Self::PrimaryKey => "primary key",
            Self::AutoIncrement => "auto-increment",
            Self::ForeignKey => "foreign key",
            Self::Index => "index",
            Self::Rows => "rows",
        }
    }

    pub(crate) fn declared(self) -> &'static str {
        match self {
            Self::Documents => "a table whose id a foreign key can refer to",
            Self::Table => "a table",
            Self::Column("vector_ids") => "text of any length, not null",
            Self::Column(_) => "32-bit integer, not null",
            Self::PrimaryKey => "id",
            Self::AutoIncrement => "id, past the largest there is",
            Self::ForeignKey => "doc_id to documents(id), ON DELETE CASCADE",
            Self::Index => "ix_vectors_doc_id on doc_id",
            Self::Rows => "each with its document",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Difference {
    DocumentsAbsent {
        found: Vec<String>,
    },
    DocumentsUnfit {
        found: String,
        next_step: &'static str,
    },
    TableAbsent,
    NotATable {
        found: String,
    },
    StorageEngine {
        engine: String,
    },
    ColumnAbsent {
        column: &'static str,
        empty: bool,
    },
    /// Of a type that can be widened.
    Narrow {
        column: &'static str,
        live: Column,
        views: Vec<String>,
    },
    /// Of a type that the entities would misread.
    WrongType {
        column: &'static str,
        live: Column,
    },
    Generated {
        column: &'static str,
    },
    Nullable {
        column: &'static str,
        live: Column,
        nulls: i64,
    },
    PrimaryKey {
        found: Vec<String>,
        ids: Ids,
    },
    AutoIncrement {
        live: Column,
        ids: Ids,
    },
    SequenceBehind {
        sequence: String,
        next: i64,
        largest: i64,
    },
    Orphans(Orphans),
    ForeignKeyAbsent,
    /// To the right column, with another action, or not acted on.
    ForeignKeyUnlike {
        key: ForeignKey,
    },
    ForeignKeyUnvalidated {
        key: ForeignKey,
    },
    ForeignKeyElsewhere {
        key: ForeignKey,
    },
    IndexAbsent,
    IndexUnfit {
        index: Index,
    },
    IndexUnique {
        index: Index,
    },
    /// A column of somebody else's that every INSERT of ours would leave without a value.
    InsertBlocked {
        column: String,
    },
}

/// What can be done about a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Done without losing or inventing data.
    Repair,
    /// Done when asked for by name.
    DeleteOrphans,
    /// Nothing before this part is as declared.
    After(Part),
    /// Somebody has to decide; the next step.
    Person(String),
}

impl Difference {
    pub(crate) fn part(&self) -> Part {
        match self {
            Self::DocumentsAbsent { .. } | Self::DocumentsUnfit { .. } => Part::Documents,
            Self::TableAbsent | Self::NotATable { .. } | Self::StorageEngine { .. } => Part::Table,
            Self::InsertBlocked { .. } => Part::Table,
            Self::ColumnAbsent { column, .. }
            | Self::Narrow { column, .. }
            | Self::WrongType { column, .. }
            | Self::Generated { column }
            | Self::Nullable { column, .. } => Part::Column(column),
            Self::PrimaryKey { .. } => Part::PrimaryKey,
            Self::AutoIncrement { .. } | Self::SequenceBehind { .. } => Part::AutoIncrement,
            Self::Orphans(_) => Part::Rows,
            Self::ForeignKeyAbsent
            | Self::ForeignKeyUnlike { .. }
            | Self::ForeignKeyUnvalidated { .. }
            | Self::ForeignKeyElsewhere { .. } => Part::ForeignKey,
            Self::IndexAbsent | Self::IndexUnfit { .. } | Self::IndexUnique { .. } => Part::Index,
        }
    }

    /// What was found, for people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::DocumentsAbsent { found } if found.is_empty() => {
                "there is no table documents, and no other table".to_owned()
            }
            Self::DocumentsAbsent { found } => {
                format!("there is no table documents; found {}", listed(found))
            }
            Self::DocumentsUnfit { found, .. } => found.clone(),
            Self::TableAbsent => "there is no table vectors".to_owned(),
            Self::NotATable { found } => format!("vectors is {found}"),
            Self::StorageEngine { engine } => {
                format!("vectors is stored by {engine}, which keeps no foreign keys")
            }
            Self::ColumnAbsent { column, .. } => format!("there is no column {column}"),
            Self::Narrow { column, live, .. } | Self::WrongType { column, live } => {
                format!("{column} is {}", live.declared)
            }
            Self::Generated { column } => format!("{column} is a generated column"),
            Self::Nullable {
                column, nulls: 0, ..
            } => format!("{column} may be NULL"),
            Self::Nullable { column, nulls, .. } => {
                format!("{column} may be NULL, and is in {}", counted(*nulls))
            }
            Self::PrimaryKey { found, ids } => {
                let key = match found.as_slice() {
                    [] => "there is no primary key".to_owned(),
                    columns => format!("the primary key is ({})", columns.join(", ")),
                };
                format!("{key}{}", in_the_way(ids))
            }
            Self::AutoIncrement { live, ids } => {
                let default = match &live.default {
                    Some(default) => format!("; its default is {default}"),
                    None => String::new(),
                };
                format!("id gets no number of itself{default}{}", in_the_way(ids))
            }
            Self::SequenceBehind {
                sequence,
                next,
                largest,
            } => {
                format!("the next number of {sequence} is {next}, the largest id {largest}")
            }
            Self::Orphans(orphans) => {
                let examples: Vec<String> = orphans
                    .examples
                    .iter()
                    .map(|(id, doc_id)| format!("id {id} of document {doc_id}"))
                    .collect();
                let count = counted(orphans.count);
                format!(
                    "the document of {count} does not exist, for example {}",
                    examples.join(", ")
                )
            }
            Self::ForeignKeyAbsent => "there is no foreign key on doc_id".to_owned(),
            Self::ForeignKeyUnlike { key } if !key.enforced => {
                format!("{} is not enforced", named(key))
            }
            Self::ForeignKeyUnlike { key } => {
                format!("{} has ON DELETE {}", named(key), key.on_delete)
            }
            Self::ForeignKeyUnvalidated { key } => format!("{} is not validated", named(key)),
            Self::ForeignKeyElsewhere { key } => format!(
                "{} is ({}) to {}({})",
                named(key),
                key.columns.join(", "),
                key.table,
                key.references.join(", ")
            ),
            Self::IndexAbsent => "no index leads with doc_id".to_owned(),
            Self::IndexUnfit { index } => {
                let over = index.columns.join(", ");
                format!(
                    "{} is over ({over}), partial or not built to its end",
                    index.name
                )
            }
            Self::IndexUnique { index } => {
                format!("{} allows one row for each document", index.name)
            }
            Self::InsertBlocked { column } => {
                format!("{column} is NOT NULL and has no default, so that every INSERT fails")
            }
        }
    }

    /// What can be done, given the other differences.
    pub(crate) fn remedy(&self, all: &[Self]) -> Remedy {
        match self.in_the_way(all) {
            Some(part) => Remedy::After(part),
            None => self.own_remedy(),
        }
    }

    fn own_remedy(&self) -> Remedy {
        let person = |next_step: &str| Remedy::Person(next_step.to_owned());
        match self {
            Self::DocumentsAbsent { found } if !found.is_empty() => person(
                "it belongs to the application: name the database and schema that hold it (-u, -s), or create it there first",
            ),
            Self::DocumentsUnfit { next_step, .. } => person(next_step),
            Self::NotATable { .. } => person(
                "what holds its rows is not ours to change: rename it, then `up` makes the table",
            ),
            Self::ColumnAbsent { empty: true, .. } => {
                person("the table has no rows: drop it, then `up` makes it anew")
            }
            Self::ColumnAbsent { .. } => person(
                "its values cannot be invented: add the column and fill it, or rename the table",
            ),
            Self::Narrow { views, .. } if !views.is_empty() => Remedy::Person(format!(
                "drop the view {}, repair, and create it again: PostgreSQL changes no column that a view reads",
                views.join(" and ")
            )),
            Self::WrongType { live, .. } => Remedy::Person(misread(live)),
            Self::Generated { .. } => {
                person("the entities write this column: replace it by one that keeps its values")
            }
            Self::Nullable {
                column, nulls: 1.., ..
            } => Remedy::Person(format!(
                "give them a value or delete them: SELECT * FROM vectors WHERE {column} IS NULL"
            )),
            Self::PrimaryKey { found, .. } if !found.is_empty() => {
                person("somebody may rely on it: replace it by a primary key on id")
            }
            Self::PrimaryKey { ids, .. } if ids.duplicate > 0 => person(
                "tell the rows apart: SELECT id, count(*) FROM vectors GROUP BY id HAVING count(*) > 1",
            ),
            Self::PrimaryKey { ids, .. } | Self::AutoIncrement { ids, .. }
                if ids.not_integer > 0 =>
            {
                person(
                    "give them integers: SELECT * FROM vectors WHERE typeof(id) NOT IN ('integer', 'null')",
                )
            }
            Self::PrimaryKey { ids, .. } if ids.null > 0 => {
                person("give them numbers: SELECT * FROM vectors WHERE id IS NULL")
            }
            Self::AutoIncrement { live, .. } if live.default.is_some() => {
                person("drop the default if nobody relies on it, then repair")
            }
            Self::Orphans(_) => Remedy::DeleteOrphans,
            Self::ForeignKeyElsewhere { .. } => {
                person("which of the two was meant only its author knows: drop it, then repair")
            }
            Self::IndexUnique { .. } => {
                person("a document has many pages: drop the index or its constraint, then repair")
            }
            Self::InsertBlocked { .. } => person("give the column a default, or allow NULL in it"),
            _ => Remedy::Repair,
        }
    }

    /// The part that this one is built on and that is not going to be mended before it.
    fn in_the_way(&self, all: &[Self]) -> Option<Part> {
        let built_on: &[Part] = match self.part() {
            Part::PrimaryKey => &[Part::Column("id")],
            Part::AutoIncrement => &[Part::Column("id"), Part::PrimaryKey],
            Part::ForeignKey => &[Part::Documents, Part::Column("doc_id"), Part::Rows],
            Part::Index => &[Part::Column("doc_id")],
            Part::Rows => &[Part::Documents],
            _ => &[],
        };
        let table = all
            .iter()
            .find(|other| matches!(other, Self::NotATable { .. }) && *other != self);
        let stays = |other: &&Self| {
            // NULLs have no document to point to, and wait for nobody.
            built_on.contains(&other.part())
                && !matches!(other, Self::Nullable { .. })
                && other.own_remedy() != Remedy::Repair
        };
        table.or_else(|| all.iter().find(stays)).map(Self::part)
    }
}

/// Which part of the shape a migration answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Documents,
    Everything,
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
        }),
        Kind::ReferredTo(kind) => found.push(Difference::NotATable {
            found: (*kind).to_owned(),
        }),
        Kind::Other(kind) => found.push(Difference::NotATable {
            found: kind.clone(),
        }),
    }
    if found
        .iter()
        .any(|one| matches!(one, Difference::NotATable { .. }))
    {
        return Ok(found);
    }
    found.extend(types(db, vectors).await?);
    let absent = |column| vectors.column(column).is_none();
    if !absent("id") {
        found.extend(keys(db, live.backend, vectors).await?);
    }
    if !absent("doc_id") {
        found.extend(references(db, live, vectors).await?);
        found.extend(index(vectors));
    }
    found.extend(nullable(db, vectors).await?);
    found.extend(blocked(vectors));
    Ok(found)
}

fn documents(live: &Live) -> Option<Difference> {
    let Some(table) = &live.documents else {
        return Some(Difference::DocumentsAbsent {
            found: live.tables.clone(),
        });
    };
    let unfit = |found: String, next_step| Some(Difference::DocumentsUnfit { found, next_step });
    match &table.kind {
        Kind::Table | Kind::ReferredTo(_) => {}
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
                "name the database and schema of the table itself (-u, -s)",
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

async fn types(db: &impl ConnectionTrait, table: &Table) -> Result<Vec<Difference>, Error> {
    let mut found = Vec::new();
    for (column, declared) in COLUMNS {
        let Some(live) = table.column(column) else {
            let empty = rows::is_empty(db).await?;
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
    let readers = table.views.iter().filter(|(_, read)| read == column);
    match widens {
        true => Difference::Narrow {
            column,
            live,
            views: readers.map(|(view, _)| view.clone()).collect(),
        },
        false => Difference::WrongType { column, live },
    }
}

fn misread(live: &Column) -> String {
    let how = match live.kind {
        ColumnKind::Integer { bits: 33.., .. } => "read 32 bits, and fail on what is larger",
        ColumnKind::Integer { signed: false, .. } => {
            "read signed integers, and fail on what is larger"
        }
        _ => "cannot read this type",
    };
    format!("the entities {how}: change the type, after making sure that every value fits")
}

async fn keys(
    db: &impl ConnectionTrait,
    backend: DbBackend,
    table: &Table,
) -> Result<Vec<Difference>, Error> {
    let Some(id) = table.column("id") else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let is_primary = table.primary_key == ["id"];
    let is_filled = matches!(id.filled, Filled::AutoIncrement { .. });
    if !is_primary || !is_filled {
        let mut ids = Ids::find(db).await?;
        // A rowid key numbers them; they have never identified a row.
        if backend == DbBackend::Sqlite {
            ids.null = 0;
        }
        if !is_primary {
            found.push(Difference::PrimaryKey {
                found: table.primary_key.clone(),
                ids: ids.clone(),
            });
        }
        if !is_filled {
            found.push(Difference::AutoIncrement {
                live: id.clone(),
                ids,
            });
        }
    }
    if let Filled::AutoIncrement {
        sequence: Some(sequence),
    } = &id.filled
        && let Some((next, largest)) = rows::sequence(db, sequence).await?
        && next <= largest
    {
        found.push(Difference::SequenceBehind {
            sequence: sequence.clone(),
            next,
            largest,
        });
    }
    Ok(found)
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
    // An engine that vouches for the rows need not be asked again.
    let vouched = keys.is_empty()
        && table
            .foreign_keys
            .iter()
            .filter(on_doc_id)
            .any(|key| key.validated == Some(true));
    let mut found = Vec::new();
    let readable = live
        .documents
        .as_ref()
        .is_some_and(|documents| documents.column("id").is_some());
    if readable && !vouched {
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
    if key.on_delete != "CASCADE" || !key.enforced {
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
    let alone = |index: &&Index| index.is_unique && index.columns == ["doc_id"];
    if let Some(index) = table.indexes.iter().find(alone) {
        let index = index.clone();
        return vec![Difference::IndexUnique { index }];
    }
    let serves = |index: &Index| {
        index.is_whole && index.columns.first().is_some_and(|first| first == "doc_id")
    };
    let ours = table
        .indexes
        .iter()
        .find(|index| index.name == IX_VECTORS_DOC_ID);
    match ours {
        Some(index) if !serves(index) => vec![Difference::IndexUnfit {
            index: index.clone(),
        }],
        None if !table.indexes.iter().any(serves) => vec![Difference::IndexAbsent],
        _ => Vec::new(),
    }
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

/// What is there beyond the declared shape, and stays.
pub(crate) fn notes(live: &Live) -> Vec<String> {
    let Some(table) = &live.vectors else {
        return Vec::new();
    };
    let ours = |name: &str| COLUMNS.iter().any(|(column, _)| name == *column);
    let columns = table.columns.iter().filter(|column| !ours(&column.name));
    let is_extra = |index: &&Index| {
        let is_primary_key = index.is_key && index.columns == table.primary_key;
        index.name != IX_VECTORS_DOC_ID && !is_primary_key
    };
    let indexes = table.indexes.iter().filter(is_extra);
    let mut notes: Vec<String> = columns
        .map(|column| format!("column {} ({})", column.name, column.declared))
        .chain(indexes.map(|index| {
            let unique = if index.is_unique { "unique " } else { "" };
            format!(
                "{unique}index {} on ({})",
                index.name,
                index.columns.join(", ")
            )
        }))
        .chain(table.kept.iter().cloned())
        .collect();
    let mut views: Vec<&String> = table.views.iter().map(|(view, _)| view).collect();
    views.dedup();
    notes.extend(views.into_iter().map(|view| format!("view {view}")));
    notes.sort();
    notes.dedup();
    notes
}

fn named(key: &ForeignKey) -> String {
    match &key.name {
        Some(name) => format!("the foreign key {name}"),
        None => "the foreign key".to_owned(),
    }
}

fn in_the_way(ids: &Ids) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (ids.null, "without an id"),
        (ids.not_integer, "with an id that is no integer"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", counted(count)));
        }
    }
    if ids.duplicate > 0 {
        parts.push(format!("{} ids more than once", ids.duplicate));
    }
    match parts.as_slice() {
        [] => String::new(),
        parts => format!("; there are {}", parts.join(" and ")),
    }
}

fn counted(rows: i64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
