//! Indexes, the primary key and the foreign keys.

use std::collections::BTreeSet;

use sea_orm::DbErr;

use super::{
    super::questions::{Question, Row},
    resolved,
};
use crate::{
    engine::Engine,
    model::{ForeignKey, Index, Nulls, Table, Unused},
    sql::literal,
};

pub(super) fn primary_key() -> Question {
    Question::new(
        1,
        "SELECT a.attname::text
         FROM pg_catalog.pg_constraint c
         CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, position)
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
         WHERE c.conrelid = declared.oid AND c.contype = 'p'
         ORDER BY k.position",
    )
}

/// Returns the indexes. No foreign key may refer to a deferrable key. A lookup uses a column's own
/// collation, and no index under another. An exclusion constraint has an operator for each column.
pub(super) fn indexes() -> Question {
    Question::new(
        11,
        "SELECT c.relname::text,
                coalesce(a.attname::text, ''),
                i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL,
                i.indisunique OR i.indisexclusion,
                i.indisvalid AND i.indisready AND i.indpred IS NULL AND m.amname IN ('btree', 'hash'),
                EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = i.indexrelid AND o.conrelid = i.indrelid),
                i.indisvalid,
                m.amname = 'btree' AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts
                  AND NOT i.indisexclusion AND 0 = ALL (i.indoption::int2[])
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass o
                                  WHERE o.oid = ANY (i.indclass::oid[]) AND NOT o.opcdefault),
                CASE WHEN a.attname IS NULL THEN pg_get_indexdef(i.indexrelid, k.position::int, true) END,
                coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
                c.reloptions IS NOT NULL OR c.reltablespace <> 0 OR i.indisclustered OR i.indisreplident
                  OR obj_description(c.oid, 'pg_class') IS NOT NULL
                  OR EXISTS (SELECT FROM unnest(i.indkey::int2[], i.indcollation::oid[]) AS l (attnum, of_its_own)
                             JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = l.attnum
                             WHERE l.of_its_own <> b.attcollation)
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         JOIN pg_catalog.pg_am m ON m.oid = c.relam
         LEFT JOIN pg_catalog.pg_constraint x ON x.conindid = i.indexrelid AND x.contype = 'x'
         CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[], x.conexclop)
           WITH ORDINALITY AS k (attnum, coll, op, position)
         LEFT JOIN pg_catalog.pg_attribute a
           ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
          AND k.coll IN (0, a.attcollation)
          AND (x.oid IS NULL OR EXISTS (
                 SELECT FROM pg_catalog.pg_operator o WHERE o.oid = k.op AND o.oprname = '='))
         WHERE i.indrelid = declared.oid AND k.position <= i.indnkeyatts
         ORDER BY c.relname, k.position",
    )
}

/// Reads an index with one of its columns.
pub(super) fn read_index(row: &Row) -> Result<Index, DbErr> {
    let is_valid: bool = row.get(6)?;
    let expression: Option<String> = row.get(8)?;
    Ok(Index {
        name: row.get(0)?,
        columns: vec![row.get(1)?],
        expressions: expression.into_iter().collect(),
        nulls: match row.get(9)? {
            true => Nulls::Equal,
            false => Nulls::Distinct,
        },
        is_key: row.get(2)?,
        is_unique: row.get(3)?,
        is_whole: row.get(4)?,
        has_constraint: row.get(5)?,
        is_plain: row.get(7)?,
        unused: match (is_valid, row.get(10)?) {
            (true, _) => None,
            (false, false) => Some(Unused::Invalid),
            (false, true) => Some(Unused::InvalidFurnished),
        },
    })
}

/// Returns the foreign keys. A key is enforced by its triggers, which may have been disabled; since
/// PostgreSQL 18 it may also be NOT ENFORCED. A key to a partitioned table creates one to each of
/// its partitions, whose triggers belong to the key too.
pub(super) fn foreign_keys(declared: &[&Table]) -> Question {
    let keys = declared.iter().flat_map(|table| &table.foreign_keys);
    let parents: BTreeSet<&String> = keys.map(|key| &key.table).collect();
    let parents: Vec<String> = parents
        .into_iter()
        .map(|name| {
            let literal = literal(Engine::Postgres, name);
            format!(" WHEN {} THEN {literal}", resolved(name))
        })
        .collect();
    // A declared parent has its declared name, in whichever schema it is found.
    let parent = match parents.concat() {
        none if none.is_empty() => "c.confrelid::regclass::text".to_owned(),
        parents => format!("CASE c.confrelid{parents} ELSE c.confrelid::regclass::text END"),
    };
    let sql = format!(
        "SELECT c.conname::text, a.attname::text,
                {parent},
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
         WHERE c.conrelid = declared.oid AND c.contype = 'f' AND c.conparentid = 0
         ORDER BY c.conname, k.position"
    );
    Question::new(10, sql)
}

/// Reads a foreign key with one of its columns.
pub(super) fn read_foreign_key(row: &Row) -> Result<ForeignKey, DbErr> {
    let on_delete: String = row.get(4)?;
    let on_update: String = row.get(5)?;
    Ok(ForeignKey {
        name: row.get(0)?,
        columns: vec![row.get(1)?],
        table: row.get(2)?,
        references: vec![row.get(3)?],
        on_delete: action(&on_delete),
        on_update: action(&on_update),
        timing: row.get(6)?,
        validated: Some(row.get(7)?),
        enforced: row.get(8)?,
        comment: row.get(9)?,
    })
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
