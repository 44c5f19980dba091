//! From `pg_catalog`: `information_schema` hides foreign keys from a role that may only read.

mod columns;
mod keys;
mod rest;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::{
    Compression, Found, Kind, Place, Placement, Reach, Referrer, Relation, Table, gather, list,
    others::Named,
    questions::{Question, Row, ask},
    rows,
};
use crate::{
    schema::declared::{DOCUMENTS, VECTORS},
    sql,
};

const PLACE: &str = "SELECT current_database()::text, current_schema()::text";

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let [place] = ask(db, &[Question::new(2, PLACE)]).await?;
    only(each(&place, read_place)?)
}

fn read_place(row: &Row) -> Result<Place, DbErr> {
    Ok(Place {
        database: row.get(0)?,
        schema: row.get(1)?,
    })
}

fn only(found: Vec<Place>) -> Result<Place, DbErr> {
    let place = found.into_iter().next();
    place.ok_or_else(|| DbErr::RecordNotFound("the current database".to_owned()))
}

/// No row where the server knows one compression only, as before PostgreSQL 14.
pub(crate) const HAS_LZ4: &str = "SELECT 'lz4' = ANY (enumvals) FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'";

fn compression(has_lz4: &Row) -> Result<Compression, DbErr> {
    Ok(match has_lz4.get(0)? {
        true => Compression::Lz4,
        false => Compression::PglzAlone,
    })
}

/// Without the tables that an extension brought. In `public`, where one arrives without having chosen
/// a schema, the tables of the other schemas count too.
const TABLES: &str = "SELECT CASE WHEN n.nspname = current_schema() THEN c.relname::text ELSE c.oid::regclass::text END
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE (n.nspname = current_schema()
            OR (current_schema() = 'public' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'))
       AND c.relkind IN ('r', 'p', 'f')
       AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY n.nspname <> current_schema(), 1";

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(db, TABLES, []).await
}

/// An index has the name of a relation, unique in its schema; a constraint one that is unique in its table.
const NAMES: &str = "SELECT relname::text FROM pg_catalog.pg_class
     WHERE relnamespace = coalesce(
       (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass('vectors')),
       (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()))
     UNION
     SELECT conname::text FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass('vectors')";

const HAS_CITUS: &str = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL";

/// In one statement, and in two where there is Citus.
pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Found, DbErr> {
    let [documents, vectors] = [DOCUMENTS, VECTORS].map(resolved);
    let questions = [
        Question::new(2, PLACE),
        Question::new(1, TABLES),
        Question::new(1, NAMES),
        Question::new(1, HAS_LZ4),
        Question::new(1, HAS_CITUS),
        class(&documents),
        columns::columns(&documents),
        keys::indexes(&documents),
        class(&vectors),
        columns::columns(&vectors),
        keys::indexes(&vectors),
        keys::primary_key(&vectors),
        keys::foreign_keys(&vectors),
        columns::spare_sequence(&vectors),
        rest::checks(&vectors),
        rest::kept(&vectors),
        rest::readers(&vectors),
        rest::rereads(&vectors),
        rest::instead_rules(&vectors),
    ];
    let [
        place,
        tables,
        names,
        has_lz4,
        has_citus,
        documents_class,
        documents_columns,
        documents_indexes,
        vectors_class,
        vectors_columns,
        vectors_indexes,
        primary_key,
        foreign_keys,
        spare_sequence,
        checks,
        kept,
        readers,
        rereads,
        instead_rules,
    ] = ask(db, &questions).await?;
    let placements = match has_citus.first().map(|row| row.get(0)).transpose()? {
        Some(true) => placements(db).await?,
        Some(false) | None => Vec::new(),
    };
    let common = |name: &str, class: &[Row], columns: &[Row], indexes: &[Row]| {
        let Some((schema, kind)) = read_class(name, class)? else {
            return Ok::<_, DbErr>(None);
        };
        let placed = placements.iter().find(|(table, _)| table == name);
        Ok(Some(Table {
            schema: Some(schema),
            placement: placed.map_or(Placement::Local, |(_, placement)| placement.clone()),
            columns: each(columns, columns::read)?,
            indexes: gather(each(indexes, keys::read_index)?),
            ..Table::new(kind)
        }))
    };
    let documents = common(
        DOCUMENTS,
        &documents_class,
        &documents_columns,
        &documents_indexes,
    )?;
    let vectors = common(VECTORS, &vectors_class, &vectors_columns, &vectors_indexes)?;
    let vectors = match vectors {
        Some(vectors) => Some(Table {
            primary_key: firsts(&primary_key)?,
            foreign_keys: gather(each(&foreign_keys, keys::read_foreign_key)?),
            spare_sequence: each(&spare_sequence, columns::read_sequence)?.pop(),
            checks: each(&checks, rest::read_check)?,
            kept: firsts(&kept)?,
            readers: each(&readers, |row| Ok((row.get(0)?, row.get(1)?)))?,
            rereads: firsts(&rereads)?,
            instead_rules: firsts(&instead_rules)?,
            ..vectors
        }),
        None => None,
    };
    Ok(Found {
        place: only(each(&place, read_place)?)?,
        tables: firsts(&tables)?,
        names: firsts(&names)?,
        documents,
        vectors,
        compression: has_lz4.first().map(compression).transpose()?,
        reach: Reach::Server,
    })
}

/// A table as its unqualified name is resolved, as an expression: NULL where there is none.
fn resolved(table: &str) -> String {
    format!("to_regclass({})", sql::literal(DbBackend::Postgres, table))
}

fn each<T>(rows: &[Row], read: impl Fn(&Row) -> Result<T, DbErr>) -> Result<Vec<T>, DbErr> {
    rows.iter().map(read).collect()
}

/// The first column of each row.
fn firsts(rows: &[Row]) -> Result<Vec<String>, DbErr> {
    each(rows, |row| row.get(0))
}

fn class(table: &str) -> Question {
    let sql = format!(
        "SELECT (SELECT nspname::text FROM pg_catalog.pg_namespace WHERE oid = c.relnamespace), c.relkind::text, c.relpersistence::text,
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid),
                row_security_active(c.oid)
         FROM pg_catalog.pg_class c
         WHERE c.oid = {table}"
    );
    Question::new(6, sql)
}

/// The schema and the kind of a table.
fn read_class(name: &str, rows: &[Row]) -> Result<Option<(String, Kind)>, DbErr> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    if row.get(5)? {
        return Err(DbErr::Custom(format!(
            "{name}: row-level security may hide rows from this role; use the owner or a role with BYPASSRLS"
        )));
    }
    let relkind: String = row.get(1)?;
    let persistence: String = row.get(2)?;
    let family = match (row.get(3)?, row.get(4)?) {
        (_, true) => Family::Parent,
        (true, false) => Family::Heir,
        (false, false) => Family::None,
    };
    Ok(Some((row.get(0)?, kind(&relkind, &persistence, family))))
}

/// How a table stands to others by inheritance; a partition is an heir too.
enum Family {
    None,
    Heir,
    Parent,
}

fn kind(relkind: &str, persistence: &str, family: Family) -> Kind {
    let other = match (relkind, persistence, family) {
        ("r" | "p", "t", _) => "a temporary table",
        ("r", "u", Family::None) => return Kind::Unlogged,
        ("r", "u", Family::Heir | Family::Parent) => "an unlogged table with inheritance",
        ("r", _, Family::None) => return Kind::Table,
        ("r", _, Family::Heir) => return Kind::ReferredTo("a table with inheritance"),
        ("r", _, Family::Parent) => return Kind::InheritedFrom,
        ("p", _, _) => return Kind::ReferredTo("a partitioned table"),
        ("v", _, _) => "a view",
        ("m", _, _) => "a materialized view",
        ("f", _, _) => "a foreign table",
        ("S", _, _) => "a sequence",
        ("i" | "I", _, _) => "an index",
        _ => "a composite type",
    };
    Kind::Other(other.to_owned())
}

/// Citus has a row for each table that it knows.
async fn placements(db: &impl ConnectionTrait) -> Result<Vec<(String, Placement)>, DbErr> {
    let [documents, vectors] = [DOCUMENTS, VECTORS].map(resolved);
    let sql = format!(
        "SELECT CASE logicalrelid WHEN {vectors} THEN '{VECTORS}' ELSE '{DOCUMENTS}' END,
                partmethod::text, repmodel::text, colocationid::bigint,
                column_to_column_name(logicalrelid, partkey)::text
         FROM pg_catalog.pg_dist_partition WHERE logicalrelid IN ({documents}, {vectors})"
    );
    rows(db, &sql, [], |row| {
        let method: String = row.try_get_by_index(1)?;
        let replication: String = row.try_get_by_index(2)?;
        let colocation: i64 = row.try_get_by_index(3)?;
        let column: Option<String> = row.try_get_by_index(4)?;
        let placement = match (method.as_str(), replication.as_str(), column) {
            (_, _, Some(column)) => Placement::Distributed { column, colocation },
            (_, "t", None) => Placement::Reference,
            (_, _, None) if colocation > 0 => Placement::SingleShard { colocation },
            _ => Placement::Managed,
        };
        Ok((row.try_get_by_index(0)?, placement))
    })
    .await
}

/// An extension's own go with it.
/// A view was made after what it is made of.
pub(super) async fn relations(db: &impl ConnectionTrait) -> Result<Vec<Relation>, DbErr> {
    rows(
        db,
        "SELECT c.relname::text,
                CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                               WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY c.oid DESC",
        [],
        Relation::read,
    )
    .await
}

/// Where there is a table of this name: here, or in the first of the other schemas.
pub(super) async fn schema_with_table(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<String>, DbErr> {
    let schemas: Vec<String> = list(
        db,
        "SELECT n.nspname::text
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = $1 AND c.relkind IN ('r', 'p')
         ORDER BY n.nspname <> current_schema(), 1",
        [name.into()],
    )
    .await?;
    Ok(schemas.into_iter().next())
}

/// Without what PostgreSQL derives of a key for partitions.
pub(super) async fn referrers(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, DbErr> {
    let found = rows(
        db,
        "SELECT c.oid::text,
                CASE c.conrelid WHEN to_regclass('vectors') THEN 'vectors' ELSE c.conrelid::regclass::text END,
                a.attname::text, r.attname::text,
                CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
                     WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END
         FROM pg_catalog.pg_constraint c
         CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (attnum, refnum, position)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
         JOIN pg_catalog.pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = k.refnum
         WHERE c.confrelid = to_regclass($1) AND c.contype = 'f' AND c.conparentid = 0
         ORDER BY 2, c.oid, k.position",
        [to.name.clone().into()],
        |row| Referrer::read(row, None, DbBackend::Postgres),
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}
