//! Other objects that depend on a table.

use sea_orm::DbErr;

use super::super::questions::{Question, Row};
use crate::model::{Bond, Check};

pub(super) fn checks() -> Question {
    Question::new(
        3,
        "SELECT conname::text, pg_get_expr(conbin, conrelid), convalidated FROM pg_catalog.pg_constraint
         WHERE conrelid = declared.oid AND contype = 'c' ORDER BY conname",
    )
}

pub(super) fn read_check(row: &Row) -> Result<Check, DbErr> {
    Ok(Check {
        name: row.get(0)?,
        expression: row.get(1)?,
        validated: row.get(2)?,
    })
}

pub(super) fn kept() -> Question {
    Question::new(
        1,
        "SELECT format('trigger %s', quote_ident(tgname)) FROM pg_catalog.pg_trigger
         WHERE tgrelid = declared.oid AND NOT tgisinternal
         UNION ALL
         SELECT format('check constraint %s', quote_ident(conname)) FROM pg_catalog.pg_constraint
         WHERE conrelid = declared.oid AND contype = 'c'
         UNION ALL
         SELECT format('rule %s', quote_ident(rulename)) FROM pg_catalog.pg_rewrite
         WHERE ev_class = declared.oid AND ev_type <> '1'
         UNION ALL
         SELECT format('policy %s', quote_ident(polname)) FROM pg_catalog.pg_policy
         WHERE polrelid = declared.oid
         UNION ALL
         SELECT format('foreign key %s of %s', quote_ident(conname), conrelid::regclass)
         FROM pg_catalog.pg_constraint
         WHERE confrelid = declared.oid AND contype = 'f' AND conparentid = 0
         UNION ALL
         SELECT format('event trigger %s, which may refuse a change', quote_ident(evtname))
         FROM pg_catalog.pg_event_trigger v
         WHERE evtenabled <> 'D' AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = declared.oid)
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass AND d.objid = v.oid AND d.deptype = 'e')
         UNION ALL
         SELECT 'UNLOGGED: a crash of the server empties it' FROM pg_catalog.pg_class
         WHERE oid = declared.oid AND relpersistence = 'u'
         ORDER BY 1",
    )
}

/// Returns what prevents a change of a column's type: whatever depends on the column, except its
/// own default and sequence, and except what PostgreSQL creates again (constraints, indexes and
/// extended statistics). Those count if their expressions may not accept the new type (JSON that
/// becomes text; an application's function or an operator class that accepts one type of numbers),
/// or if a statistics target would be lost with them. An index on whole rows counts if a function in
/// SQL reads them, which is inlined with the old type.
pub(super) fn readers() -> Question {
    Question::new(
        2,
        "SELECT DISTINCT
                CASE WHEN r.rulename = '_RETURN' AND v.relkind = 'm' THEN 'materialized view ' || v.oid::regclass::text
                     WHEN r.rulename = '_RETURN' THEN 'view ' || v.oid::regclass::text
                     WHEN y.attgenerated <> '' THEN 'generated column ' || quote_ident(y.attname)
                     WHEN p.prokind = 'p' THEN 'procedure ' || p.oid::regprocedure::text
                     ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END,
                a.attname::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
         LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
         LEFT JOIN pg_catalog.pg_attrdef g ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND g.oid = d.objid
         LEFT JOIN pg_catalog.pg_attribute y ON y.attrelid = g.adrelid AND y.attnum = g.adnum
         LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
         LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
         LEFT JOIN pg_catalog.pg_statistic_ext e
           ON d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND e.oid = d.objid
         LEFT JOIN pg_catalog.pg_index i
           ON i.indrelid = d.refobjid
          AND i.indexrelid = CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid
                                  WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid END
         CROSS JOIN LATERAL (
           SELECT CASE WHEN a.atttypid IN ('json'::regtype, 'jsonb'::regtype) THEN true
                       WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN false
                       ELSE EXISTS (SELECT FROM pg_catalog.pg_depend f
                                    WHERE f.classid = d.classid AND f.objid = d.objid
                                      AND f.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass))
                         OR EXISTS (SELECT FROM pg_catalog.pg_opclass o
                                    WHERE o.oid = ANY (i.indclass::oid[]) AND NOT o.opcdefault) END AS is_of_one_type) n
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = declared.oid
           AND CASE WHEN g.oid IS NOT NULL THEN g.adnum <> a.attnum
                    WHEN i.indexrelid IS NOT NULL
                    THEN n.is_of_one_type OR EXISTS (SELECT FROM pg_catalog.pg_attribute x
                                                     WHERE x.attrelid = i.indexrelid AND x.attstattarget >= 0)
                    WHEN k.oid IS NOT NULL THEN k.contype = 'c' AND n.is_of_one_type
                    WHEN e.oid IS NOT NULL
                    THEN n.is_of_one_type OR (to_jsonb(e) ->> 'stxstattarget')::int >= 0
                    ELSE d.classid <> 'pg_catalog.pg_class'::regclass END
         UNION
         SELECT pg_describe_object('pg_catalog.pg_class'::regclass, i.indexrelid, 0), a.attname::text
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE i.indrelid = declared.oid AND concat(i.indexprs, i.indpred) LIKE '%:varattno 0 %'
           AND EXISTS (SELECT FROM pg_catalog.pg_depend f
                       JOIN pg_catalog.pg_proc p ON f.refclassid = 'pg_catalog.pg_proc'::regclass AND p.oid = f.refobjid
                       JOIN pg_catalog.pg_language l ON l.oid = p.prolang
                       WHERE f.classid = 'pg_catalog.pg_class'::regclass AND f.objid = i.indexrelid AND l.lanname = 'sql')
         ORDER BY 1, 2",
    )
}

/// Returns the columns that hold rows of the table. PostgreSQL looks for them in the same way,
/// through arrays, domains, ranges, composite types, views and foreign tables.
pub(super) fn bonds() -> Question {
    Question::new(
        2,
        "SELECT true, c.reloftype::regtype::text FROM pg_catalog.pg_class c WHERE c.oid = declared.oid AND c.reloftype <> 0
         UNION ALL
         (WITH RECURSIVE t (oid) AS (
            SELECT c.reltype FROM pg_catalog.pg_class c WHERE c.oid = declared.oid
            UNION
            SELECT CASE WHEN c.oid IS NULL THEN d.objid ELSE c.reltype END
            FROM t
            JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = t.oid
            LEFT JOIN pg_catalog.pg_class c
              ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('c', 'v', 'f')
            WHERE d.classid = 'pg_catalog.pg_type'::regclass OR c.oid IS NOT NULL)
          SELECT DISTINCT false, format('%s.%I', c.oid::regclass, a.attname)
          FROM t
          JOIN pg_catalog.pg_depend d
            ON d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid = t.oid AND d.objsubid > 0
           AND d.classid = 'pg_catalog.pg_class'::regclass
          JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'm', 'p')
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid)
         ORDER BY 1, 2",
    )
}

pub(super) fn read_bond(row: &Row) -> Result<Bond, DbErr> {
    let what = row.get(1)?;
    Ok(match row.get(0)? {
        true => Bond::TypedTable(what),
        false => Bond::RowsIn(what),
    })
}

/// Returns the keys whose triggers are ENABLE ALWAYS; a replica enforces them too.
pub(super) fn always_enforced() -> Question {
    Question::new(
        1,
        "SELECT DISTINCT c.conname::text
         FROM pg_catalog.pg_constraint c
         JOIN pg_catalog.pg_trigger t ON t.tgconstraint = c.oid
         WHERE c.conrelid = declared.oid AND c.contype = 'f' AND c.conparentid = 0 AND t.tgenabled = 'A'
         ORDER BY 1",
    )
}

/// Returns what PostgreSQL checks again for a column's new type: it verifies the table's checks and
/// rebuilds the indexes that have an expression or a predicate, even if no value changes.
pub(super) fn rereads() -> Question {
    Question::new(
        1,
        "SELECT DISTINCT a.attname::text
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         LEFT JOIN pg_catalog.pg_constraint k
           ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
         LEFT JOIN pg_catalog.pg_index i
           ON i.indrelid = d.refobjid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
          AND i.indexrelid = CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid
                                  WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid END
         WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = declared.oid
           AND (i.indexrelid IS NOT NULL OR (k.contype = 'c' AND k.convalidated))
         ORDER BY 1",
    )
}

/// Returns the triggers before an INSERT of a row: the source of the function, and its arguments.
pub(super) fn before_insert() -> Question {
    Question::new(
        1,
        "SELECT concat(CASE WHEN l.lanname NOT IN ('c', 'internal') THEN p.prosrc END,
                       ' ''' || replace(encode(t.tgargs, 'escape'), '\\000', ''' ''') || '''')
         FROM pg_catalog.pg_trigger t
         JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
         JOIN pg_catalog.pg_language l ON l.oid = p.prolang
         WHERE t.tgrelid = declared.oid AND t.tgtype & 7 = 7 AND t.tgenabled IN ('O', 'A')
         ORDER BY t.tgname",
    )
}

pub(super) fn instead_rules() -> Question {
    Question::new(
        1,
        "SELECT quote_ident(rulename) FROM pg_catalog.pg_rewrite
         WHERE ev_class = declared.oid AND is_instead AND ev_type <> '1'",
    )
}
