//! Inspection from `pg_catalog`, because `information_schema` hides foreign keys from a role that
//! may only read.

mod citus;
mod columns;
mod keys;
mod rest;

pub(crate) use citus::manages_any;
pub(crate) use columns::sequence_of;

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr};

use super::{
    Compression, Found, Referrer, Relation, gather,
    others::Named,
    questions::{Question, Row, ask, each, firsts},
    read_location,
};
use crate::{
    declare::Shape,
    engine::Engine,
    model::{Extras, Hidden, HiddenPart, Kind, OtherOwner, Placement, Reach, Table},
    patience::TRY,
    query::{list, rows},
    sql,
};

pub(super) fn location() -> Question {
    Question::new(2, "SELECT current_database()::text, current_schema()::text")
}

/// Returns whether the server has lz4. There is no row if the server knows only one compression, as
/// before PostgreSQL 14.
pub(crate) const HAS_LZ4: &str = "SELECT 'lz4' = ANY (enumvals) FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'";

/// Returns the same in one row. Where a column is compressed with lz4, the server has it, and the
/// list of all settings is not read.
fn has_lz4(tables: &[String]) -> Question {
    let tables = tables.join(", ");
    Question::new(
        1,
        format!(
            "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_attribute
                                      WHERE attrelid IN ({tables}) AND attcompression = 'l')
                         THEN true ELSE ({HAS_LZ4}) END"
        ),
    )
}

fn compression(has_lz4: &Row) -> Result<Option<Compression>, DbErr> {
    let has_lz4: Option<bool> = has_lz4.get(0)?;
    Ok(has_lz4.map(|has_lz4| match has_lz4 {
        true => Compression::Lz4,
        false => Compression::PglzAlone,
    }))
}

/// The tables, without those of an extension. In `public`, where a session arrives that has not
/// chosen a schema, the tables of the other schemas count too.
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

pub(super) fn tables() -> Question {
    Question::new(1, TABLES)
}

/// Returns names that are taken. An index has the name of a relation, unique in its schema; the
/// name of a constraint is unique in its table. A sequence takes the name of a type too.
fn names(tables: &[String]) -> Question {
    let tables = tables.join(", ");
    Question::new(
        1,
        format!(
            "SELECT relname::text FROM pg_catalog.pg_class
             WHERE relnamespace IN (
               SELECT relnamespace FROM pg_catalog.pg_class WHERE oid IN ({tables})
               UNION ALL
               SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
             UNION
             SELECT typname::text FROM pg_catalog.pg_type
             WHERE typrelid = 0 AND typelem = 0 AND typnamespace IN (
               SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
             UNION
             SELECT conname::text FROM pg_catalog.pg_constraint WHERE conrelid IN ({tables})"
        ),
    )
}

/// Sets how long the statement waits. This has to be the first query: functions of the catalog lock
/// the table that they describe, and outside of a transaction nothing else limits that wait. The
/// setting is printed with its unit; pg_settings, which has it without, lists all settings.
fn patience(longest: Duration) -> Question {
    let longest = longest.max(TRY).as_millis();
    Question::new(
        1,
        format!(
            "SELECT CASE WHEN extract(epoch FROM current_setting('lock_timeout')::interval) * 1000
                              NOT BETWEEN 1 AND {longest}
                    THEN set_config('lock_timeout', '{longest}ms', true) END"
        ),
    )
}

const HAS_CITUS: &str = "SELECT to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL";

/// Reads all tables in one statement, and in a few more on Citus.
pub(super) async fn read(
    db: &impl ConnectionTrait,
    shape: &Shape,
    lock_wait: Duration,
) -> Result<Found, DbErr> {
    let declared: Vec<&Table> = shape.inspected().collect();
    let resolved: Vec<String> = declared.iter().map(|table| resolved(&table.name)).collect();
    let general = [
        patience(lock_wait),
        location(),
        tables(),
        names(&resolved),
        has_lz4(&resolved),
        Question::new(1, HAS_CITUS),
    ];
    let of_any = of_each(&declared, of_any_table(), |_| true);
    let of_own = of_each(&declared, of_own_table(&declared), |table| {
        !shape.only_requires(&table.name)
    });
    let questions: Vec<Question> = general.into_iter().chain(of_any).chain(of_own).collect();
    let mut answers = ask(db, &questions).await?;
    let [_, location, tables, names, has_lz4, has_citus] = answers.next();
    let of_any: [Vec<Row>; OF_ANY_TABLE] = answers.next();
    let of_own: [Vec<Row>; OF_OWN_TABLE] = answers.next();
    let known = match has_citus.first().map(|row| row.get(0)).transpose()? {
        Some(true) => citus::read(db, &declared).await?,
        Some(false) | None => vec![citus::Known::default(); declared.len()],
    };
    let mut found = Vec::new();
    for ((at, table), known) in declared.iter().enumerate().zip(known) {
        let of_any = of_any.each_ref().map(|rows| numbered(rows, at));
        let of_own = of_own.each_ref().map(|rows| numbered(rows, at));
        found.extend(read_table(table, known, &of_any, &of_own)?);
    }
    Ok(Found {
        location: read_location(&location)?,
        tables: firsts(&tables)?,
        names: firsts(&names)?,
        declared: found,
        compression: has_lz4.first().map(compression).transpose()?.flatten(),
        reach: Reach::Server,
    })
}

/// Reads what depends on the tables that were found, and what a change of them has to regard.
pub(super) async fn read_dependents(
    db: &impl ConnectionTrait,
    shape: &Shape,
    found: &mut [Table],
) -> Result<(), DbErr> {
    let declared: Vec<&Table> = shape.inspected().collect();
    let is_asked = |table: &Table| {
        !shape.only_requires(&table.name) && found.iter().any(|one| one.name == table.name)
    };
    let questions = of_each(&declared, dependents(), is_asked);
    if questions.is_empty() {
        return Ok(());
    }
    let answers: [Vec<Row>; DEPENDENTS] = ask(db, &questions).await?.next();
    for (at, table) in declared.iter().enumerate() {
        let answers = answers.each_ref().map(|rows| numbered(rows, at));
        if let Some(found) = found.iter_mut().find(|one| one.name == table.name) {
            take_dependents(&mut found.extras, &answers)?;
        }
    }
    Ok(())
}

/// Returns the queries for each of these tables; none if there is no such table.
fn of_each(
    declared: &[&Table],
    questions: impl IntoIterator<Item = Question>,
    is_asked: impl Fn(&Table) -> bool,
) -> Vec<Question> {
    let rows = declared.iter().enumerate();
    let rows = rows.filter(|(_, table)| is_asked(table));
    let rows: Vec<String> = rows
        .map(|(at, table)| what_is_declared(at, table, declared))
        .collect();
    let each = format!("(VALUES {}) AS {DECLARED}", rows.join(", "));
    let questions = questions.into_iter().filter(|_| !rows.is_empty());
    questions
        .map(|one| one.for_each(&each, "declared.at"))
        .collect()
}

/// Returns the rows for the table with this number.
fn numbered(rows: &[Row], at: usize) -> Vec<Row> {
    let is_of_it = |row: &&Row| row.last() == Some(at);
    rows.iter().filter(is_of_it).cloned().collect()
}

/// What the queries on each table name of it: its number, the relation to which its name resolves
/// (NULL if there is none), its name, the columns to which declared foreign keys refer, its numbered
/// column, and that column's sequence.
const DECLARED: &str = "declared (at, oid, name, referred, numbered, sequence)";

fn what_is_declared(at: usize, table: &Table, all: &[&Table]) -> String {
    let literal = |name: &str| sql::literal(Engine::Postgres, name);
    let keys = all.iter().flat_map(|one| &one.foreign_keys);
    let keys = keys.filter(|key| key.table == table.name);
    let referred: Vec<String> = keys
        .flat_map(|key| key.references.iter().map(|one| literal(one)))
        .collect();
    let numbered = table.auto_increment();
    let numbered = numbered.map_or("", |column| &column.name);
    format!(
        "({at}, {}, {}::name, ARRAY[{}]::name[], {}::name, {}::name)",
        resolved(&table.name),
        literal(&table.name),
        referred.join(", "),
        literal(numbered),
        literal(&sequence_of(&table.name, numbered))
    )
}

const OF_ANY_TABLE: usize = 4;

/// Returns the queries on each table, also on one that a foreign key only refers to.
fn of_any_table() -> [Question; OF_ANY_TABLE] {
    [
        class(),
        columns::columns(),
        keys::indexes(),
        keys::primary_key(),
    ]
}

const OF_OWN_TABLE: usize = 4;

/// Returns the further queries on the tables that are not only referred to.
fn of_own_table(declared: &[&Table]) -> [Question; OF_OWN_TABLE] {
    [
        keys::foreign_keys(declared),
        rest::checks(),
        rest::before_insert(),
        rest::instead_rules(),
    ]
}

const DEPENDENTS: usize = 6;

/// Returns the queries on the dependents of each table. They take as long as all other queries.
fn dependents() -> [Question; DEPENDENTS] {
    [
        columns::spare_sequence(),
        rest::kept(),
        rest::readers(),
        rest::bonds(),
        rest::always_enforced(),
        rest::rereads(),
    ]
}

fn take_dependents(
    extras: &mut Extras,
    [
        spare_sequence,
        kept,
        readers,
        bonds,
        always_enforced,
        rereads,
    ]: &[Vec<Row>; DEPENDENTS],
) -> Result<(), DbErr> {
    extras.spare_sequence = each(spare_sequence, columns::read_sequence)?.pop();
    extras.kept = firsts(kept)?;
    extras.readers = each(readers, |row| Ok((row.get(0)?, row.get(1)?)))?;
    extras.bonds = each(bonds, rest::read_bond)?;
    extras.always_enforced = firsts(always_enforced)?;
    extras.rereads = firsts(rereads)?;
    Ok(())
}

fn read_table(
    declared: &Table,
    known: citus::Known,
    [class, columns, indexes, primary_key]: &[Vec<Row>; OF_ANY_TABLE],
    of_own: &[Vec<Row>; OF_OWN_TABLE],
) -> Result<Option<Table>, DbErr> {
    let [foreign_keys, checks, before_insert, instead_rules] = of_own;
    let Some((schema, kind, hidden)) = read_class(&declared.name, class)? else {
        return Ok(None);
    };
    Ok(Some(Table {
        schema: Some(schema),
        placement: known.placement.unwrap_or(Placement::Local),
        columns: each(columns, columns::read)?,
        primary_key: firsts(primary_key)?,
        indexes: gather(each(indexes, keys::read_index)?),
        foreign_keys: gather(each(foreign_keys, keys::read_foreign_key)?),
        extras: Extras {
            checks: each(checks, rest::read_check)?,
            owner: class.first().map(read_owner).transpose()?.flatten(),
            lacks_references: class.first().is_some_and(|row| row.get(10) == Ok(true)),
            lacks_create: class.first().map(|row| row.get(11)).transpose()?.flatten(),
            before_insert: firsts(before_insert)?,
            instead_rules: firsts(instead_rules)?,
            hidden: hidden.into_iter().collect(),
            hinders: known.hinders,
            ..Extras::default()
        },
        ..Table::new(&declared.name, kind)
    }))
}

/// Returns an expression for the table to which its unqualified name resolves: NULL if there is
/// none.
fn resolved(table: &str) -> String {
    let quoted = sql::identifier(Engine::Postgres, table);
    format!("to_regclass({})", sql::literal(Engine::Postgres, &quoted))
}

/// Returns the class of a table. A type that belongs to no table blocks the table's name too; the
/// array type of another one gives way. A right on a table is a right on each of its columns.
fn class() -> Question {
    let sql = format!(
        "SELECT n.nspname::text, c.relkind::text, c.relpersistence::text,
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
                EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid),
                row_security_active(c.oid),
                o.rolname::text, pg_has_role(c.relowner, 'USAGE'), has_schema_privilege(c.relowner, n.oid, 'CREATE')
                  OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
                c.relforcerowsecurity,
                EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
                        AND a.attname = ANY (declared.referred)
                        AND NOT has_column_privilege(c.oid, a.attnum, 'REFERENCES')),
                CASE WHEN NOT has_schema_privilege(n.oid, 'CREATE') THEN 'SCHEMA ' || quote_ident(n.nspname)
                     WHEN NOT coalesce({TABLESPACE}, true)
                     THEN 'TABLESPACE ' || quote_ident(current_setting('default_tablespace')) END
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_catalog.pg_roles o ON o.oid = c.relowner AND o.rolname <> current_user
         WHERE c.oid = declared.oid
         UNION ALL
         SELECT current_schema()::text, concat('type ', t.typtype), 'p', false, false, false, NULL, true, true, false,
                false, NULL
         FROM pg_catalog.pg_type t
         WHERE declared.oid IS NULL AND t.typname = declared.name AND t.typisdefined
           AND t.typnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)"
    );
    Question::new(12, sql)
}

/// Whether the current role may create an index in the default tablespace; NULL if that is the
/// database's own.
const TABLESPACE: &str =
    "(SELECT has_tablespace_privilege(s.oid, 'CREATE') FROM pg_catalog.pg_tablespace s
    JOIN pg_catalog.pg_database d ON d.datname = current_database() AND d.dattablespace <> s.oid
    WHERE s.spcname = current_setting('default_tablespace'))";

fn read_owner(row: &Row) -> Result<Option<OtherOwner>, DbErr> {
    let role: Option<String> = row.get(6)?;
    let schema = row.get(0)?;
    Ok(match (role, row.get(7)?, row.get(8)?) {
        (None, _, _) => None,
        (Some(role), false, _) => Some(OtherOwner::Foreign(role)),
        (Some(role), true, true) => Some(OtherOwner::MayCreate(role)),
        (Some(role), true, false) => Some(OtherOwner::MayNotCreate { role, schema }),
    })
}

/// Reads the schema and the kind of a table, and whether rows of it are hidden.
fn read_class(name: &str, rows: &[Row]) -> Result<Option<(String, Kind, Option<Hidden>)>, DbErr> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let is_filtered: bool = row.get(5)?;
    // Forced row-level security hides rows from the owner too.
    let next_step = match (row.get(9)?, row.get(7)?) {
        (false, _) => "use its owner or a role with BYPASSRLS".to_owned(),
        (true, false) => "use a role with BYPASSRLS".to_owned(),
        (true, true) => format!(
            "it is forced on the owner; use a role with BYPASSRLS, or for this time ALTER TABLE {} NO FORCE ROW LEVEL SECURITY",
            sql::identifier(Engine::Postgres, name)
        ),
    };
    let hidden = is_filtered.then(|| Hidden {
        what: HiddenPart::Rows,
        reason: format!("row-level security may hide rows from this role; {next_step}"),
    });
    let relkind: String = row.get(1)?;
    let persistence: String = row.get(2)?;
    let family = match (row.get(3)?, row.get(4)?) {
        (_, true) => Family::Parent,
        (true, false) => Family::Heir,
        (false, false) => Family::None,
    };
    let kind = kind(&relkind, &persistence, family);
    Ok(Some((row.get(0)?, kind, hidden)))
}

/// How a table is related to others by inheritance; a partition counts as an heir too.
enum Family {
    None,
    Heir,
    Parent,
}

fn kind(relkind: &str, persistence: &str, family: Family) -> Kind {
    let other = match (relkind, persistence, family) {
        ("r" | "p", "t", _) => "a temporary table",
        ("r", "u", Family::None) => return Kind::Unlogged,
        ("r", "u", Family::Heir | Family::Parent) => return Kind::UnloggedInFamily,
        ("r", _, Family::None) => return Kind::Table,
        ("r", _, Family::Heir) => return Kind::ReferredTo("a table with inheritance".to_owned()),
        ("r", _, Family::Parent) => return Kind::InheritedFrom,
        ("p", _, _) => return Kind::ReferredTo("a partitioned table".to_owned()),
        ("v", _, _) => "a view",
        ("m", _, _) => "a materialized view",
        ("f", _, _) => "a foreign table",
        ("S", _, _) => "a sequence",
        ("i" | "I", _, _) => "an index",
        ("type d", _, _) => "a domain",
        ("type e", _, _) => "an enum type",
        ("type r" | "type m", _, _) => "a range type",
        ("type b", _, _) => "a base type",
        _ => "a composite type",
    };
    Kind::Other(other.to_owned())
}

/// Returns what `fresh` drops. What belongs to an extension is dropped with the extension. A view
/// was created after what it is made of.
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

/// Returns the foreign keys that refer to a table, without those that PostgreSQL derives for
/// partitions.
pub(super) async fn referrers(
    db: &impl ConnectionTrait,
    to: &Named,
) -> Result<Vec<Referrer>, DbErr> {
    let found = rows(
        db,
        "SELECT c.oid::text,
                CASE c.conrelid WHEN to_regclass($1) THEN $1 ELSE c.conrelid::regclass::text END,
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
        |row| Referrer::read(row, None, Engine::Postgres),
    );
    Ok(gather(found.await?)
        .into_iter()
        .map(|(_, key)| key)
        .collect())
}

/// Returns the objects that depend, directly or through others, on a table, its row type or its
/// sequences, each before what it depends on. Dropping the table does not drop them. Foreign keys
/// are left out, and so is what goes with another of these objects. A rule that makes a view stands
/// for the view. Only a catalog that is damaged has chains of more than a hundred.
pub(super) async fn users(db: &impl ConnectionTrait, table: &str) -> Result<Vec<String>, DbErr> {
    list(
        db,
        "WITH RECURSIVE t AS (SELECT c.oid, c.reltype, y.typarray FROM pg_catalog.pg_class c
                              JOIN pg_catalog.pg_type y ON y.oid = c.reltype WHERE c.oid = to_regclass($1)),
              own (classid, objid) AS (
                SELECT 'pg_catalog.pg_class'::regclass, oid FROM t
                UNION ALL SELECT 'pg_catalog.pg_type'::regclass, unnest(ARRAY[reltype, typarray]) FROM t
                UNION ALL SELECT d.classid, d.objid FROM t JOIN pg_catalog.pg_depend d
                  ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = t.oid AND d.deptype IN ('a', 'i')),
              edges (classid, objid, part, refclassid, refobjid, refpart, is_shown) AS (
                SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::regclass END,
                       coalesce(r.ev_class, d.objid), CASE WHEN r.oid IS NULL THEN d.objsubid ELSE 0 END,
                       d.refclassid, d.refobjid, d.refobjsubid, d.deptype = 'n'
                FROM pg_catalog.pg_depend d
                LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
                  AND r.rulename = '_RETURN'
                WHERE (d.deptype = 'n' OR d.deptype = 'i' AND d.classid = 'pg_catalog.pg_type'::regclass)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k
                                  WHERE d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid
                                    AND k.contype = 'f')
                UNION ALL
                SELECT 'pg_catalog.pg_type'::regclass, c.reltype, 0, 'pg_catalog.pg_class'::regclass, c.oid, NULL, false
                FROM pg_catalog.pg_class c WHERE c.relkind = 'c'),
              users (classid, objid, part, depth, is_shown) AS (
                SELECT classid, objid, 0, 0, false FROM own
                UNION SELECT e.classid, e.objid, e.part, u.depth + 1, e.is_shown
                FROM users u JOIN edges e ON e.refclassid = u.classid AND e.refobjid = u.objid
                  AND (u.part = 0 OR coalesce(e.refpart, u.part) = u.part)
                WHERE u.depth < 100 AND (e.classid, e.objid) <> (u.classid, u.objid)),
              named (classid, objid, part, depth) AS (
                SELECT classid, objid, part, max(depth) FROM users
                WHERE is_shown AND (classid, objid) NOT IN (SELECT classid, objid FROM own)
                GROUP BY classid, objid, part)
         SELECT pg_describe_object(classid, objid, part) FROM named n
         WHERE NOT EXISTS (
           SELECT FROM pg_catalog.pg_depend d JOIN named o
             ON o.classid = d.refclassid AND o.objid = d.refobjid AND o.part IN (0, d.refobjsubid)
           WHERE d.classid = n.classid AND d.objid = n.objid AND d.deptype IN ('a', 'i')
             AND (o.classid, o.objid) <> (n.classid, n.objid))
         ORDER BY depth DESC, 1",
        [sql::identifier(Engine::Postgres, table).into()],
    )
    .await
}
