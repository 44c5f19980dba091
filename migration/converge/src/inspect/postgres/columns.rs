//! Columns, and the sequences from which they take their numbers.

use sea_orm::DbErr;

use super::super::questions::{Question, Row};
use crate::{
    model::{Attributes, Column, Filled, Owner, Sequence},
    types::{Length, Type},
};

/// Returns the columns. A column of a domain is filled by the domain's default, and is not null if
/// the domain is. The sequence is the one from which the default takes its numbers, or the one
/// behind an IDENTITY; the query also returns whether the column owns it, and what else uses it. A
/// default from before PostgreSQL 8.1 names its sequence in a text, on which nothing depends.
/// Types are recognised by their names in `pg_type`, because how a type is printed depends on
/// `quote_all_identifiers`.
pub(super) fn columns() -> Question {
    Question::new(
        14,
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),
                (NOT a.attnotnull OR EXISTS (
                  SELECT FROM pg_catalog.pg_constraint n
                  WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated))
                  AND NOT EXISTS (
                    WITH RECURSIVE m (oid) AS (
                      SELECT a.atttypid UNION ALL
                      SELECT b.typbasetype FROM pg_catalog.pg_type b JOIN m ON b.oid = m.oid WHERE b.typtype = 'd')
                    SELECT FROM m JOIN pg_catalog.pg_type b ON b.oid = m.oid
                    WHERE b.typnotnull OR EXISTS (
                      SELECT FROM pg_catalog.pg_constraint k
                      WHERE k.contypid = b.oid
                        AND CASE k.contypid WHEN b.oid
                            THEN pg_get_constraintdef(k.oid) LIKE 'CHECK ((VALUE IS NOT NULL))%' END)),
                coalesce(pg_get_expr(d.adbin, d.adrelid), CASE t.typtype WHEN 'd' THEN t.typdefault END), a.attgenerated <> '',
                q.name,
                CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text ELSE '' END,
                CASE WHEN a.attstorage <> t.typstorage
                     THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                                            WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
                CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
                (SELECT n.conname::text FROM pg_catalog.pg_constraint n
                 WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated),
                CASE t.typnamespace WHEN 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END,
                q.is_owned, q.users, a.atttypmod::int
         FROM pg_catalog.pg_attribute a
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         LEFT JOIN LATERAL (
           SELECT to_regclass(substring(pg_get_expr(d.adbin, d.adrelid)
                              FROM '^nextval[(][(]''([a-zA-Z0-9_.]+)''::text[)]::regclass[)]$')) AS sequence) n ON true
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
             (p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid AND s.oid IN (p.refobjid, n.sequence))
             OR (p.classid = 'pg_catalog.pg_class'::regclass AND p.objid = s.oid AND p.deptype = 'i'
                 AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum))
           LIMIT 1) q ON true
         WHERE a.attrelid = declared.oid AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum",
    )
}

pub(super) fn read(row: &Row) -> Result<Column, DbErr> {
    let generated: bool = row.get(4)?;
    let sequence: Option<String> = row.get(5)?;
    let owner = owner(row.get(11)?, row.get(12)?);
    let sequence = sequence.map(|name| Sequence { name, owner });
    let type_name: String = row.get(10)?;
    let set = |at: usize, what: &str| {
        let word: Option<String> = row.get(at)?;
        Ok::<_, DbErr>(word.map(|word| format!("{what} {word}")))
    };
    let default: Option<String> = row.get(3)?;
    Ok(Column {
        name: row.get(0)?,
        kind: kind(&type_name, row.get(13)?),
        printed: row.get(1)?,
        nullable: row.get(2)?,
        default: default.filter(|default| !is_null(default)),
        filled: match (generated, sequence) {
            (true, _) => Filled::Generated,
            (false, None) => Filled::ByDefault,
            (false, sequence) => Filled::AutoIncrement { sequence },
        },
        attributes: Attributes {
            collation: row.get(6)?,
            storage: [set(7, "STORAGE")?, set(8, "COMPRESSION")?]
                .into_iter()
                .flatten()
                .collect(),
            not_validated: row.get(9)?,
            ..Attributes::default()
        },
    })
}

/// Returns whether a default is NULL, as it is printed with the type to which it is cast.
fn is_null(default: &str) -> bool {
    default == "NULL" || default.starts_with("NULL::")
}

fn owner(is_owned: Option<bool>, users: Option<String>) -> Owner {
    match (is_owned, users) {
        (_, Some(users)) => Owner::Shared(users),
        (Some(true), None) => Owner::TheColumn,
        (Some(false) | None, None) => Owner::NotTheColumn,
    }
}

/// Returns a type. Its modifier is its length plus four, or its precision and scale plus four.
fn kind(type_name: &str, modifier: i32) -> Type {
    let modifier = u32::try_from(modifier - 4).ok();
    let integer = |bits| Type::Integer { bits, signed: true };
    match (type_name, modifier) {
        ("int2", _) => integer(16),
        ("int4", _) => integer(32),
        ("int8", _) => integer(64),
        ("text", _) => Type::TEXT,
        ("varchar", Some(length)) => Type::Text {
            length: Length::Characters(length),
            any_character: true,
        },
        ("varchar", None) => Type::LIMITED_TEXT,
        ("bool", _) => Type::Boolean,
        ("float4", _) => Type::Float { bits: 32 },
        ("float8", _) => Type::Float { bits: 64 },
        ("numeric", Some(modifier)) => Type::Decimal {
            precision: modifier >> 16,
            scale: modifier & 0x7ff,
        },
        ("bytea", _) => Type::Bytes { limited: false },
        ("date", _) => Type::Date,
        ("timestamp", _) => Type::Timestamp { zone: false },
        ("timestamptz", _) => Type::Timestamp { zone: true },
        ("uuid", _) => Type::Uuid,
        ("json", _) => Type::Json { binary: false },
        ("jsonb", _) => Type::Json { binary: true },
        _ => Type::Other,
    }
}

/// Returns a sequence that was left behind when the default was dropped: one that no column uses,
/// and that no other column owns.
pub(super) fn spare_sequence() -> Question {
    Question::new(
        2,
        "SELECT s.oid::regclass::text,
                EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refobjid = t.oid)
         FROM pg_catalog.pg_class s
         JOIN pg_catalog.pg_class t ON t.oid = declared.oid AND t.relnamespace = s.relnamespace
         WHERE s.relkind = 'S' AND s.relname = declared.sequence
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.oid)
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid
               AND d.refclassid = 'pg_catalog.pg_class'::regclass AND (d.refobjid, d.refobjsubid) NOT IN (
                 SELECT a.attrelid, a.attnum FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.oid AND a.attname = declared.numbered))
           AND CASE s.relkind WHEN 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END",
    )
}

pub(super) fn read_sequence(row: &Row) -> Result<Sequence, DbErr> {
    Ok(Sequence {
        name: row.get(0)?,
        owner: owner(row.get(1)?, None),
    })
}

/// Returns the name that PostgreSQL gives the sequence of a SERIAL column.
pub(crate) fn sequence_of(table: &str, column: &str) -> String {
    format!("{table}_{column}_seq")
}
