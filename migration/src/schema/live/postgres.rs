//! From `pg_catalog`: `information_schema` hides foreign keys from a role that may only read.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::{
    Attributes, Check, Column, ColumnKind, Compression, Filled, ForeignKey, Index, Kind, Owner,
    Place, Placement, Referrer, Relation, Sequence, Table, Unused, gather, list, others::Named,
    rows,
};

pub(super) async fn place(db: &impl ConnectionTrait) -> Result<Place, DbErr> {
    let found = rows(
        db,
        "SELECT current_database()::text, current_schema()::text",
        [],
        |row| {
            Ok(Place {
                database: row.try_get_by_index(0)?,
                schema: row.try_get_by_index(1)?,
            })
        },
    );
    found
        .await?
        .pop()
        .ok_or_else(|| DbErr::RecordNotFound("the current database".to_owned()))
}

/// Without the tables that an extension brought. In `public`, where one arrives without having chosen
/// a schema, the tables of the other schemas count too.
/// No row where the server knows one compression only, as before PostgreSQL 14.
pub(crate) const HAS_LZ4: &str = "SELECT 'lz4' = ANY (enumvals) FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'";

pub(super) async fn compression(db: &impl ConnectionTrait) -> Result<Option<Compression>, DbErr> {
    let knows: Vec<bool> = list(db, HAS_LZ4, []).await?;
    Ok(knows.first().map(|lz4| match lz4 {
        true => Compression::Lz4,
        false => Compression::PglzAlone,
    }))
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

pub(super) async fn tables(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT CASE WHEN n.nspname = current_schema() THEN c.relname::text ELSE c.oid::regclass::text END
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE (n.nspname = current_schema()
                OR (current_schema() = 'public' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'))
           AND c.relkind IN ('r', 'p', 'f')
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY n.nspname <> current_schema(), 1",
        [],
    )
    .await
}

/// An index has the name of a relation, unique in its schema; a constraint one that is unique in its table.
pub(super) async fn names(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT relname::text FROM pg_catalog.pg_class
         WHERE relnamespace = coalesce(
           (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass('vectors')),
           (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()))
         UNION
         SELECT conname::text FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass('vectors')",
        [],
    )
    .await
}

pub(super) async fn table(db: &impl ConnectionTrait, name: &str) -> Result<Option<Table>, DbErr> {
    let Some((oid, schema, kind)) = class(db, name).await? else {
        return Ok(None);
    };
    let hidden: Vec<bool> = list(
        db,
        "SELECT row_security_active($1::bigint::oid)",
        [oid.into()],
    )
    .await?;
    if hidden == [true] {
        return Err(DbErr::Custom(
            "row-level security may hide rows from this role; use the owner or a role with BYPASSRLS".to_owned(),
        ));
    }
    Ok(Some(Table {
        schema: Some(schema),
        placement: placement(db, oid).await?,
        columns: columns(db, oid).await?,
        primary_key: primary_key(db, oid).await?,
        indexes: indexes(db, oid).await?,
        foreign_keys: foreign_keys(db, oid).await?,
        checks: checks(db, oid).await?,
        spare_sequence: spare_sequence(db, oid).await?,
        kept: kept(db, oid).await?,
        readers: readers(db, oid).await?,
        rereads: rereads(db, oid).await?,
        instead_rules: list(
            db,
            "SELECT quote_ident(rulename) FROM pg_catalog.pg_rewrite
             WHERE ev_class = $1::bigint::oid AND is_instead AND ev_type <> '1'",
            [oid.into()],
        )
        .await?,
        ..Table::new(kind)
    }))
}

async fn class(
    db: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<(i64, String, Kind)>, DbErr> {
    let found = rows(
        db,
        "SELECT c.oid::bigint, (SELECT nspname::text FROM pg_catalog.pg_namespace WHERE oid = c.relnamespace), c.relkind::text, c.relpersistence::text,
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid)
         FROM pg_catalog.pg_class c
         WHERE c.oid = to_regclass(quote_ident($1))",
        [name.into()],
        |row| {
            let relkind: String = row.try_get_by_index(2)?;
            let persistence: String = row.try_get_by_index(3)?;
            let family = match (row.try_get_by_index(4)?, row.try_get_by_index(5)?) {
                (_, true) => Family::Parent,
                (true, false) => Family::Heir,
                (false, false) => Family::None,
            };
            Ok((
                row.try_get_by_index(0)?,
                row.try_get_by_index(1)?,
                kind(&relkind, &persistence, family),
            ))
        },
    );
    Ok(found.await?.pop())
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
async fn placement(db: &impl ConnectionTrait, oid: i64) -> Result<Placement, DbErr> {
    let has_citus = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL";
    let has_citus: Vec<bool> = list(db, has_citus, []).await?;
    if has_citus != [true] {
        return Ok(Placement::Local);
    }
    let found = rows(
        db,
        "SELECT partmethod::text, repmodel::text, colocationid::bigint,
                column_to_column_name(logicalrelid, partkey)::text
         FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1::bigint::oid::regclass",
        [oid.into()],
        |row| {
            let method: String = row.try_get_by_index(0)?;
            let replication: String = row.try_get_by_index(1)?;
            let colocation: i64 = row.try_get_by_index(2)?;
            let column: Option<String> = row.try_get_by_index(3)?;
            Ok(match (method.as_str(), replication.as_str(), column) {
                (_, _, Some(column)) => Placement::Distributed { column, colocation },
                (_, "t", None) => Placement::Reference,
                (_, _, None) if colocation > 0 => Placement::SingleShard { colocation },
                _ => Placement::Managed,
            })
        },
    );
    Ok(found.await?.pop().unwrap_or(Placement::Local))
}

/// The sequence is the one that the default takes its numbers from, or the one behind an IDENTITY; with it comes
/// whether the column owns it, and who else uses it. Types are told by their names in `pg_type`: as a type is printed
/// depends on `quote_all_identifiers`.
async fn columns(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<Column>, DbErr> {
    rows(
        db,
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),
                NOT a.attnotnull OR EXISTS (
                  SELECT FROM pg_catalog.pg_constraint n
                  WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated),
                pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '',
                q.name,
                CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text ELSE '' END,
                CASE WHEN a.attstorage <> t.typstorage
                     THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                                            WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
                CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
                (SELECT n.conname::text FROM pg_catalog.pg_constraint n
                 WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated),
                CASE t.typnamespace WHEN 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END,
                q.is_owned, q.users
         FROM pg_catalog.pg_attribute a
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         LEFT JOIN LATERAL (
           SELECT s.oid::regclass::text AS name,
                  EXISTS (SELECT FROM pg_catalog.pg_depend o
                          WHERE o.classid = 'pg_catalog.pg_class'::regclass AND o.objid = s.oid AND o.deptype IN ('a', 'i')
                            AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum) AS is_owned,
                  (SELECT string_agg(DISTINCT coalesce(format('%s.%I', e.adrelid::regclass, c.attname),
                                                       pg_describe_object(u.classid, u.objid, u.objsubid)), ', ')
                   FROM pg_catalog.pg_depend u
                   LEFT JOIN pg_catalog.pg_attrdef e
                     ON u.classid = 'pg_catalog.pg_attrdef'::regclass AND e.oid = u.objid
                   LEFT JOIN pg_catalog.pg_attribute c ON c.attrelid = e.adrelid AND c.attnum = e.adnum
                   WHERE u.refclassid = 'pg_catalog.pg_class'::regclass AND u.refobjid = s.oid AND u.deptype = 'n'
                     AND (e.oid IS NULL OR e.oid IS DISTINCT FROM d.oid)) AS users
           FROM pg_catalog.pg_depend p
           JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND (
             (p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid AND p.refobjid = s.oid)
             OR (p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = s.oid AND p.deptype = 'i'
                 AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum))
           LIMIT 1) q ON true
         WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum",
        [oid.into()],
        |row| {
            let declared: String = row.try_get_by_index(1)?;
            let generated: bool = row.try_get_by_index(4)?;
            let sequence: Option<String> = row.try_get_by_index(5)?;
            let type_name: String = row.try_get_by_index(10)?;
            let owner = owner(row.try_get_by_index(11)?, row.try_get_by_index(12)?);
            let sequence = sequence.map(|name| Sequence { name, owner });
            Ok(Column {
                name: row.try_get_by_index(0)?,
                kind: column_kind(&type_name),
                declared,
                nullable: row.try_get_by_index(2)?,
                default: row.try_get_by_index(3)?,
                filled: match (generated, sequence) {
                    (true, _) => Filled::Generated,
                    (false, None) => Filled::ByDefault,
                    (false, sequence) => Filled::AutoIncrement { sequence },
                },
                attributes: Attributes {
                    collation: row.try_get_by_index(6)?,
                    storage: [
                        row.try_get_by_index::<Option<String>>(7)?.map(|word| format!("STORAGE {word}")),
                        row.try_get_by_index::<Option<String>>(8)?.map(|word| format!("COMPRESSION {word}")),
                    ]
                    .into_iter()
                    .flatten()
                    .collect(),
                    not_validated: row.try_get_by_index(9)?,
                    ..Attributes::default()
                },
            })
        },
    )
    .await
}

fn owner(is_owned: Option<bool>, users: Option<String>) -> Owner {
    match (is_owned, users) {
        (_, Some(users)) => Owner::Shared(users),
        (Some(true), None) => Owner::TheColumn,
        (Some(false) | None, None) => Owner::NotTheColumn,
    }
}

fn column_kind(type_name: &str) -> ColumnKind {
    let bits = match type_name {
        "int2" => 16,
        "int4" => 32,
        "int8" => 64,
        "text" => return ColumnKind::Text,
        "json" | "jsonb" => return ColumnKind::Json,
        "varchar" => return ColumnKind::NarrowText,
        _ => return ColumnKind::Other,
    };
    ColumnKind::Integer { bits, signed: true }
}

async fn primary_key(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT a.attname::text
         FROM pg_catalog.pg_constraint c
         CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, position)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
         WHERE c.conrelid = $1::bigint::oid AND c.contype = 'p'
         ORDER BY k.position",
        [oid.into()],
    )
    .await
}

/// A deferrable key is none that a foreign key may refer to.
async fn indexes(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<Index>, DbErr> {
    let found = rows(
        db,
        "SELECT c.relname::text,
                coalesce(a.attname::text, ''),
                i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL,
                i.indisunique,
                i.indisvalid AND i.indisready AND i.indpred IS NULL AND m.amname IN ('btree', 'hash'),
                EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid),
                i.indisvalid,
                m.amname = 'btree' AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts
                  AND NOT i.indisexclusion AND 0 = ALL (i.indoption::int2[])
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass o
                                  WHERE o.oid = ANY (i.indclass::oid[]) AND NOT o.opcdefault)
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         JOIN pg_catalog.pg_am m ON m.oid = c.relam
         CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
         LEFT JOIN pg_catalog.pg_attribute a
           ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
         WHERE i.indrelid = $1::bigint::oid AND k.position <= i.indnkeyatts
         ORDER BY c.relname, k.position",
        [oid.into()],
        |row| {
            let is_valid: bool = row.try_get_by_index(6)?;
            Ok(Index {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                is_key: row.try_get_by_index(2)?,
                is_unique: row.try_get_by_index(3)?,
                is_whole: row.try_get_by_index(4)?,
                has_constraint: row.try_get_by_index(5)?,
                is_plain: row.try_get_by_index(7)?,
                unused: (!is_valid).then_some(Unused::Invalid),
            })
        },
    );
    Ok(gather(found.await?))
}

/// Enforced by its triggers, which somebody may have disabled; since PostgreSQL 18 it may be NOT ENFORCED too. A key
/// to a partitioned table brings one to each of its partitions, whose triggers are the key's too.
async fn foreign_keys(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<ForeignKey>, DbErr> {
    let found = rows(
        db,
        "SELECT c.conname::text, a.attname::text,
                CASE WHEN c.confrelid = to_regclass('documents') THEN 'documents' ELSE c.confrelid::regclass::text END,
                r.attname::text,
                c.confdeltype::text, c.confupdtype::text,
                CASE WHEN c.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
                     WHEN c.condeferrable THEN ' DEFERRABLE' ELSE '' END,
                c.convalidated,
                coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
                  AND NOT EXISTS (
                    WITH RECURSIVE k (oid) AS (
                      SELECT c.oid UNION ALL SELECT d.oid FROM pg_catalog.pg_constraint d JOIN k ON d.conparentid = k.oid)
                    SELECT FROM k JOIN pg_catalog.pg_trigger t ON t.tgconstraint = k.oid WHERE t.tgenabled IN ('D', 'R')),
                obj_description(c.oid, 'pg_constraint')
         FROM pg_catalog.pg_constraint c
         CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (attnum, refnum, position)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
         JOIN pg_catalog.pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = k.refnum
         WHERE c.conrelid = $1::bigint::oid AND c.contype = 'f' AND c.conparentid = 0
         ORDER BY c.conname, k.position",
        [oid.into()],
        |row| {
            let on_delete: String = row.try_get_by_index(4)?;
            let on_update: String = row.try_get_by_index(5)?;
            Ok(ForeignKey {
                name: row.try_get_by_index(0)?,
                columns: vec![row.try_get_by_index(1)?],
                table: row.try_get_by_index(2)?,
                references: vec![row.try_get_by_index(3)?],
                on_delete: action(&on_delete),
                on_update: action(&on_update),
                timing: row.try_get_by_index(6)?,
                validated: Some(row.try_get_by_index(7)?),
                enforced: row.try_get_by_index(8)?,
                comment: row.try_get_by_index(9)?,
            })
        },
    );
    Ok(gather(found.await?))
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

fn action(letter: &str) -> String {
    let action = match letter {
        "c" => "CASCADE",
        "r" => "RESTRICT",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        _ => "NO ACTION",
    };
    action.to_owned()
}

async fn checks(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<Check>, DbErr> {
    rows(
        db,
        "SELECT conname::text, pg_get_expr(conbin, conrelid), convalidated FROM pg_catalog.pg_constraint
         WHERE conrelid = $1::bigint::oid AND contype = 'c' ORDER BY conname",
        [oid.into()],
        |row| {
            Ok(Check {
                name: row.try_get_by_index(0)?,
                expression: row.try_get_by_index(1)?,
                validated: row.try_get_by_index(2)?,
            })
        },
    )
    .await
}

/// Left behind where the default was dropped and the numbers were not: one that no column uses, and no other owns.
async fn spare_sequence(db: &impl ConnectionTrait, oid: i64) -> Result<Option<Sequence>, DbErr> {
    let found = rows(
        db,
        "SELECT s.oid::regclass::text,
                EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refobjid = t.oid)
         FROM pg_catalog.pg_class s
         JOIN pg_catalog.pg_class t ON t.oid = $1::bigint::oid AND t.relnamespace = s.relnamespace
         WHERE s.relkind = 'S' AND s.relname = 'vectors_id_seq'
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid)
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid
               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND (d.refobjid, d.refobjsubid) NOT IN (
                 SELECT a.attrelid, a.attnum FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.oid AND a.attname = 'id'))
           AND has_sequence_privilege(s.oid, 'SELECT')",
        [oid.into()],
        |row| {
            Ok(Sequence {
                name: row.try_get_by_index(0)?,
                owner: owner(row.try_get_by_index(1)?, None),
            })
        },
    );
    Ok(found.await?.pop())
}

async fn kept(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT format('trigger %s', quote_ident(tgname)) FROM pg_catalog.pg_trigger
         WHERE tgrelid = $1::bigint::oid AND NOT tgisinternal
         UNION ALL
         SELECT format('check constraint %s', quote_ident(conname)) FROM pg_catalog.pg_constraint
         WHERE conrelid = $1::bigint::oid AND contype = 'c'
         UNION ALL
         SELECT format('rule %s', quote_ident(rulename)) FROM pg_catalog.pg_rewrite
         WHERE ev_class = $1::bigint::oid AND ev_type <> '1'
         UNION ALL
         SELECT format('policy %s', quote_ident(polname)) FROM pg_catalog.pg_policy
         WHERE polrelid = $1::bigint::oid
         UNION ALL
         SELECT format('foreign key %s of %s', quote_ident(conname), conrelid::regclass)
         FROM pg_catalog.pg_constraint
         WHERE confrelid = $1::bigint::oid AND contype = 'f' AND conparentid = 0
         UNION ALL
         SELECT 'UNLOGGED: a crash of the server empties it' FROM pg_catalog.pg_class
         WHERE oid = $1::bigint::oid AND relpersistence = 'u'
         ORDER BY 1",
        [oid.into()],
    )
    .await
}

/// A check and an index are made again with the new type, but may not understand what was JSON.
async fn readers(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<(String, String)>, DbErr> {
    rows(
        db,
        "SELECT DISTINCT
                CASE WHEN r.oid IS NOT NULL THEN 'view ' || r.ev_class::regclass::text
                     ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END,
                a.attname::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         LEFT JOIN pg_catalog.pg_rewrite r
           ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class <> d.refobjid
         LEFT JOIN pg_catalog.pg_attrdef g
           ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND g.oid = d.objid AND g.adnum <> a.attnum
         LEFT JOIN pg_catalog.pg_constraint k
           ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'c'
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::bigint::oid
           AND (r.oid IS NOT NULL OR g.oid IS NOT NULL
                OR d.classid IN ('pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass)
                OR (a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
                    AND (k.oid IS NOT NULL OR d.classid = 'pg_catalog.pg_class'::regclass)))
         ORDER BY 1, 2",
        [oid.into()],
        |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)),
    )
    .await
}

/// A column's new type makes PostgreSQL verify its checks again and rebuild the indexes that have an
/// expression or a predicate, also where no value changes.
async fn rereads(db: &impl ConnectionTrait, oid: i64) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "SELECT DISTINCT a.attname::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         LEFT JOIN pg_catalog.pg_constraint k
           ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
         LEFT JOIN pg_catalog.pg_index i
           ON i.indrelid = d.refobjid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
          AND i.indexrelid = CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid
                                  WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid END
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = $1::bigint::oid
           AND (i.indexrelid IS NOT NULL OR (k.contype = 'c' AND k.convalidated))
         ORDER BY 1",
        [oid.into()],
    )
    .await
}
