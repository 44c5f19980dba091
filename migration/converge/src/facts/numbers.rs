//! The next number that an INSERT without a number gets, and the largest that is taken.

use sea_orm::{ConnectionTrait, DbErr};

use super::{Limit, NumbersState};
use crate::{
    engine::Engine,
    query::rows,
    sql::{identifier, literal},
    types::Type,
};

/// Reads a sequence. The next number is the one after the last, regardless of the sequence's end.
/// An empty table has used no number, also of an ascending sequence that begins below 1.
pub(super) async fn of_sequence(
    db: &impl ConnectionTrait,
    table: &str,
    column: &str,
    kind: Type,
    sequence: &str,
) -> Result<Option<NumbersState>, DbErr> {
    let limit = kind.largest();
    let state = format!(
        "SELECT s.last_value, s.is_called, q.seqincrement, q.seqmax, q.seqcycle,
                coalesce((SELECT max({}) FROM {}), CASE WHEN q.seqincrement > 0
                  THEN least(0, greatest(s.last_value, -9223372036854775807) - 1) ELSE 0 END)::bigint, format_type(q.seqtypid, NULL),
                CASE q.seqtypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                                ELSE 9223372036854775807 END
         FROM {sequence} s JOIN pg_catalog.pg_sequence q ON q.seqrelid = to_regclass($1)",
        identifier(Engine::Postgres, column),
        identifier(Engine::Postgres, table)
    );
    let found = rows(db, &state, [sequence.into()], |row| {
        let last: i64 = row.try_get_by_index(0)?;
        let is_called: bool = row.try_get_by_index(1)?;
        let increment: i64 = row.try_get_by_index(2)?;
        let maximum: i64 = row.try_get_by_index(3)?;
        let cycles: bool = row.try_get_by_index(4)?;
        let printed: String = row.try_get_by_index(6)?;
        let end_of_type: i64 = row.try_get_by_index(7)?;
        let narrow = (end_of_type < limit).then_some(Limit::Type(printed));
        // A descending sequence without a stated maximum has -1.
        let is_bounded = increment > 0 && maximum < limit.min(end_of_type);
        let limits = [
            narrow,
            is_bounded.then_some(Limit::Maximum(maximum)),
            cycles.then_some(Limit::Cycle),
            (increment < 0).then_some(Limit::Descending),
        ];
        Ok(NumbersState {
            next: match is_called {
                true => last.checked_add(increment),
                false => Some(last),
            },
            largest: row.try_get_by_index(5)?,
            limits: limits.into_iter().flatten().collect(),
            limit,
        })
    });
    Ok(found.await?.into_iter().next())
}

/// Reads the number with which a new sequence of PostgreSQL goes on.
pub(super) async fn of_rows(
    db: &impl ConnectionTrait,
    table: &str,
    column: &str,
    kind: Type,
) -> Result<Option<NumbersState>, DbErr> {
    let largest = format!(
        "SELECT coalesce(max({}), 0)::bigint FROM {}",
        identifier(Engine::Postgres, column),
        identifier(Engine::Postgres, table)
    );
    let found = rows(db, &largest, [], |row| {
        let largest: i64 = row.try_get_by_index(0)?;
        Ok(NumbersState {
            next: largest.checked_add(1),
            largest,
            limits: Vec::new(),
            limit: kind.largest(),
        })
    });
    Ok(found.await?.into_iter().next())
}

/// Reads the counter's next number, as this session rounds it up; of a column that is not numbered
/// yet, the number after the largest one, since the counter is another column's. MySQL may report an
/// old one, and never gives one that is taken.
pub(super) async fn of_mysql(
    db: &impl ConnectionTrait,
    table: &str,
    column: &str,
    kind: Type,
) -> Result<Option<NumbersState>, DbErr> {
    let state = format!(
        "SELECT CASE WHEN EXISTS (
                  SELECT 1 FROM information_schema.columns c
                  WHERE c.table_schema = DATABASE() AND c.table_name = {name} AND c.column_name = {column_name}
                    AND c.extra LIKE '%auto_increment%') THEN CAST(t.auto_increment AS CHAR) END,
                CAST(coalesce((SELECT max({column}) FROM {table}), 0) AS SIGNED),
                CAST(@@auto_increment_increment AS SIGNED), CAST(@@auto_increment_offset AS SIGNED),
                CAST(version() LIKE '%MariaDB%' AS SIGNED)
         FROM information_schema.tables t WHERE t.table_schema = DATABASE() AND t.table_name = {name}",
        column = identifier(Engine::MySql, column),
        column_name = literal(Engine::MySql, column),
        table = identifier(Engine::MySql, table),
        name = literal(Engine::MySql, table)
    );
    let found = rows(db, &state, [], |row| {
        let counter: Option<String> = row.try_get_by_index(0)?;
        let largest: i64 = row.try_get_by_index(1)?;
        let step: i64 = row.try_get_by_index(2)?;
        let offset: i64 = row.try_get_by_index(3)?;
        let is_mariadb: i64 = row.try_get_by_index(4)?;
        let free = largest.checked_add(1);
        let told = counter.map_or(free, |counter| counter.parse().ok());
        let next = match is_mariadb {
            0 => told.zip(free).map(|(told, free)| told.max(free)),
            _ => told,
        };
        Ok(NumbersState {
            next: next.and_then(|next| rounded_up(next, step, offset)),
            largest,
            limits: Vec::new(),
            limit: kind.largest(),
        })
    });
    Ok(found.await?.into_iter().next())
}

/// Returns the first number from this one on that is the offset plus any number of steps. A server
/// ignores an offset beyond the step.
fn rounded_up(number: i64, step: i64, offset: i64) -> Option<i64> {
    let step = step.max(1);
    let offset = if offset > step { 0 } else { offset };
    let beyond = number.checked_sub(offset)?.rem_euclid(step);
    match beyond {
        0 => Some(number),
        beyond => number.checked_add(step - beyond),
    }
}

/// Reads the number after the largest one and, if the table has a counter, after the last one that
/// was given.
pub(super) async fn of_sqlite(
    db: &impl ConnectionTrait,
    table: &str,
    column: &str,
    kind: Type,
) -> Result<Option<NumbersState>, DbErr> {
    let counters = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    let counted = match super::count(db, counters).await? {
        0 => "0".to_owned(),
        _ => format!(
            "coalesce((SELECT max(cast(seq AS integer)) FROM main.sqlite_sequence WHERE name = {} COLLATE NOCASE), 0)",
            literal(Engine::Sqlite, table)
        ),
    };
    let state = format!(
        "SELECT coalesce(max(cast({} AS integer)), 0), {counted} FROM {}",
        identifier(Engine::Sqlite, column),
        identifier(Engine::Sqlite, table)
    );
    let found = rows(db, &state, [], |row| {
        let largest: i64 = row.try_get_by_index(0)?;
        let counted: i64 = row.try_get_by_index(1)?;
        Ok(NumbersState {
            next: largest.max(counted).checked_add(1),
            largest,
            limits: Vec::new(),
            limit: kind.largest(),
        })
    });
    Ok(found.await?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_with_a_step_gets_the_next_number_of_its_own() {
        for ((number, step, offset), next) in [
            ((7, 1, 1), Some(7)),
            ((7, 3, 1), Some(7)),
            ((8, 3, 1), Some(10)),
            ((8, 3, 2), Some(8)),
            ((1, 10, 5), Some(5)),
            ((1, 2, 9), Some(2)),
            ((i64::MAX, 10, 1), None),
        ] {
            assert_eq!(rounded_up(number, step, offset), next, "{number} by {step}");
        }
    }
}
