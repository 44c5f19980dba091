//! What else hangs on a table.

use sea_orm::DbErr;

use super::super::questions::{Question, Row};
use crate::model::Check;

pub(super) fn checks(table: &str) -> Question {
    let sql = format!(
        "SELECT conname::text, pg_get_expr(conbin, conrelid), convalidated FROM pg_catalog.pg_constraint
         WHERE conrelid = {table} AND contype = 'c' ORDER BY conname"
    );
    Question::new(3, sql)
}

pub(super) fn read_check(row: &Row) -> Result<Check, DbErr> {
    Ok(Check {
        name: row.get(0)?,
        expression: row.get(1)?,
        validated: row.get(2)?,
    })
}

pub(super) fn kept(table: &str) -> Question {
    let sql = format!(
        "SELECT format('trigger %s', quote_ident(tgname)) FROM pg_catalog.pg_trigger
         WHERE tgrelid = {table} AND NOT tgisinternal
         UNION ALL
         SELECT format('check constraint %s', quote_ident(conname)) FROM pg_catalog.pg_constraint
         WHERE conrelid = {table} AND contype = 'c'
         UNION ALL
         SELECT format('rule %s', quote_ident(rulename)) FROM pg_catalog.pg_rewrite
         WHERE ev_class = {table} AND ev_type <> '1'
         UNION ALL
         SELECT format('policy %s', quote_ident(polname)) FROM pg_catalog.pg_policy
         WHERE polrelid = {table}
         UNION ALL
         SELECT format('foreign key %s of %s', quote_ident(conname), conrelid::regclass)
         FROM pg_catalog.pg_constraint
         WHERE confrelid = {table} AND contype = 'f' AND conparentid = 0
         UNION ALL
         SELECT 'UNLOGGED: a crash of the server empties it' FROM pg_catalog.pg_class
         WHERE oid = {table} AND relpersistence = 'u'
         ORDER BY 1"
    );
    Question::new(1, sql)
}

/// A check and an index are made again with the new type, but may not understand what was JSON.
pub(super) fn readers(table: &str) -> Question {
    let sql = format!(
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
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = {table}
           AND (r.oid IS NOT NULL OR g.oid IS NOT NULL
                OR d.classid IN ('pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass)
                OR (a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
                    AND (k.oid IS NOT NULL OR d.classid = 'pg_catalog.pg_class'::regclass)))
         ORDER BY 1, 2"
    );
    Question::new(2, sql)
}

/// A column's new type makes PostgreSQL verify its checks again and rebuild the indexes that have an
/// expression or a predicate, also where no value changes.
pub(super) fn rereads(table: &str) -> Question {
    let sql = format!(
        "SELECT DISTINCT a.attname::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         LEFT JOIN pg_catalog.pg_constraint k
           ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
         LEFT JOIN pg_catalog.pg_index i
           ON i.indrelid = d.refobjid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
          AND i.indexrelid = CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid
                                  WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid END
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = {table}
           AND (i.indexrelid IS NOT NULL OR (k.contype = 'c' AND k.convalidated))
         ORDER BY 1"
    );
    Question::new(1, sql)
}

/// A trigger before an INSERT of a row: its function's text, and the texts that it is given.
pub(super) fn before_insert(table: &str) -> Question {
    let sql = format!(
        "SELECT concat(CASE WHEN l.lanname NOT IN ('c', 'internal') THEN p.prosrc END,
                       ' ''' || replace(encode(t.tgargs, 'escape'), '\\000', ''' ''') || '''')
         FROM pg_catalog.pg_trigger t
         JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE t.tgrelid = {table} AND t.tgtype & 7 = 7 AND t.tgenabled IN ('O', 'A')
         ORDER BY t.tgname"
    );
    Question::new(1, sql)
}

pub(super) fn instead_rules(table: &str) -> Question {
    let sql = format!(
        "SELECT quote_ident(rulename) FROM pg_catalog.pg_rewrite
         WHERE ev_class = {table} AND is_instead AND ev_type <> '1'"
    );
    Question::new(1, sql)
}
