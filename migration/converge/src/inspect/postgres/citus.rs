//! Where Citus places tables, and what keeps it from moving one.

use sea_orm::{ConnectionTrait, DbErr};

use super::resolved;
use crate::{
    citus::{COORDINATOR_ALONE, IS_THERE},
    engine::Engine,
    model::{Placement, Table},
    query::{has_rows, list, rows},
    sql::literal,
};

/// Returns whether Citus manages a table of the current schema.
pub(crate) async fn manages_any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let managed = "SELECT 1 FROM pg_catalog.pg_dist_partition p
                   JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = current_schema()";
    Ok(has_rows(db, IS_THERE).await? && has_rows(db, managed).await?)
}

/// What Citus knows about one table; empty if it does not know the table.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) placement: Option<Placement>,
    /// What Citus refuses to distribute with the table, if the parent is distributed.
    pub(super) hinders: Vec<String>,
}

/// Returns what Citus knows about each of these tables.
pub(super) async fn read(
    db: &impl ConnectionTrait,
    tables: &[&Table],
) -> Result<Vec<Known>, DbErr> {
    db.execute_unprepared(COORDINATOR_ALONE).await?;
    let placements = placements(db, tables).await?;
    let mut all = Vec::new();
    for (position, table) in (1..).zip(tables) {
        let placed = placements.iter().find(|(at, _)| *at == position);
        all.push(Known {
            placement: placed.map(|(_, placement)| placement.clone()),
            hinders: match placements.is_empty() {
                true => Vec::new(),
                false => hinders(db, table).await?,
            },
        });
    }
    Ok(all)
}

/// Returns the placements. Citus has a row for each table that it knows.
async fn placements(
    db: &impl ConnectionTrait,
    tables: &[&Table],
) -> Result<Vec<(i32, Placement)>, DbErr> {
    let resolved: Vec<String> = tables.iter().map(|table| resolved(&table.name)).collect();
    let sql = format!(
        "SELECT t.position::int, p.partmethod::text, p.repmodel::text, p.colocationid::bigint,
                column_to_column_name(p.logicalrelid, p.partkey)::text,
                EXISTS (
                  SELECT FROM pg_catalog.pg_dist_shard s JOIN pg_catalog.pg_dist_placement l ON l.shardid = s.shardid
                  WHERE s.logicalrelid = p.logicalrelid AND l.groupid = 0)
         FROM unnest(ARRAY[{}]) WITH ORDINALITY AS t (oid, position)
         JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = t.oid",
        resolved.join(", ")
    );
    rows(db, &sql, [], |row| {
        let position: i32 = row.try_get_by_index(0)?;
        let method: String = row.try_get_by_index(1)?;
        let replication: String = row.try_get_by_index(2)?;
        let colocation: i64 = row.try_get_by_index(3)?;
        let column: Option<String> = row.try_get_by_index(4)?;
        let is_on_this_node: bool = row.try_get_by_index(5)?;
        let placement = match (method.as_str(), replication.as_str(), column) {
            // Copies that the coordinator itself writes.
            ("h", "c", Some(column)) => Placement::Copies { column },
            ("h", _, Some(column)) => Placement::Distributed { column, colocation },
            (_, _, Some(column)) => Placement::Ranges { column },
            (_, "t", None) if is_on_this_node => Placement::Reference,
            (_, "t", None) => Placement::OtherNodes,
            (_, _, None) if colocation > 0 => Placement::SingleShard { colocation },
            _ => Placement::Managed,
        };
        Ok((position, placement))
    })
    .await
}

/// Returns what `create_distributed_table` would refuse, before anything is changed. The primary
/// key is not included, because it is replaced together with the move.
async fn hinders(db: &impl ConnectionTrait, declared: &Table) -> Result<Vec<String>, DbErr> {
    let Some(key) = declared.parent_key() else {
        return Ok(Vec::new());
    };
    let (table, parent) = (resolved(&declared.name), resolved(&key.table));
    let column = literal(Engine::Postgres, &key.columns.concat());
    let sql = format!(
        "WITH parent AS (
           SELECT p.* FROM pg_catalog.pg_dist_partition p
           WHERE p.logicalrelid = {parent} AND (p.partmethod = 'h' OR p.partmethod = 'n' AND p.colocationid > 0 AND p.repmodel <> 't')),
         by_column AS (
           SELECT attnum FROM pg_catalog.pg_attribute WHERE attrelid = {table} AND attname = {column})
         SELECT found.what FROM parent CROSS JOIN LATERAL (
           SELECT format('trigger %s', quote_ident(t.tgname)) FROM pg_catalog.pg_trigger t
           WHERE t.tgrelid = {table} AND NOT t.tgisinternal
             AND current_setting('citus.enable_unsafe_triggers', true) IS DISTINCT FROM 'on'
           UNION ALL
           SELECT format('unique index %s, which does not hold %s', i.indexrelid::regclass, quote_ident({column}))
           FROM pg_catalog.pg_index i
           WHERE i.indrelid = {table} AND (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary AND parent.partmethod = 'h'
             AND NOT (SELECT attnum FROM by_column) = ANY (i.indkey::int2[])
           UNION ALL
           SELECT format('foreign key %s to %s, whose rows are not colocated with it', quote_ident(c.conname), c.confrelid::regclass)
           FROM pg_catalog.pg_constraint c
           LEFT JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = c.confrelid
           WHERE c.conrelid = {table} AND c.contype = 'f'
             AND NOT coalesce(CASE
               WHEN d.partmethod = 'n' AND d.repmodel = 't' THEN true
               WHEN c.confrelid <> c.conrelid AND d.colocationid IS DISTINCT FROM parent.colocationid THEN false
               WHEN parent.partmethod = 'n' THEN true
               ELSE array_position(c.conkey, (SELECT attnum FROM by_column)) = array_position(c.confkey, (
                 SELECT attnum FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.confrelid
                   AND a.attname = coalesce(column_to_column_name(d.logicalrelid, d.partkey), {column})))
             END, false)
           UNION ALL
           SELECT format('foreign key %s, which changes %s', quote_ident(c.conname), quote_ident({column}))
           FROM pg_catalog.pg_constraint c
           WHERE c.conrelid = {table} AND c.contype = 'f' AND parent.partmethod = 'h'
             AND (SELECT attnum FROM by_column) = ANY (c.conkey)
             -- The one to the parent gets another ON DELETE.
             AND (c.confupdtype IN ('c', 'n', 'd')
                  OR c.confdeltype IN ('n', 'd') AND NOT (c.confrelid = parent.logicalrelid AND cardinality(c.conkey) = 1))
           UNION ALL
           SELECT format('foreign key %s of %s', quote_ident(c.conname), c.conrelid::regclass)
           FROM pg_catalog.pg_constraint c
           WHERE c.confrelid = {table} AND c.conrelid <> c.confrelid AND c.contype = 'f'
           UNION ALL
           SELECT format('IDENTITY of %s, which is no bigint', quote_ident(a.attname))
           FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = {table} AND a.attidentity <> '' AND a.atttypid <> 'int8'::regtype
         ) found (what)
         ORDER BY 1"
    );
    list(db, &sql, []).await
}
