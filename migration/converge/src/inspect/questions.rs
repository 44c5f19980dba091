//! Combines several queries of a catalog into one statement. Asked one by one, the round trips
//! would be most of the cost of an inspection.

use std::{array, collections::HashMap, iter, vec};

use sea_orm::{ConnectionTrait, DbErr, Value};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{engine::Engine, query::rows};

/// Returns how many queries one statement can combine. MySQL may open two temporary files for each;
/// PostgreSQL returns at most 1,664 columns and SQLite 2,000.
fn at_once(backend: Engine) -> usize {
    match backend {
        Engine::MySql => 100,
        Engine::Postgres | Engine::Sqlite => 1_000,
    }
}

/// The beginning of MySQL's statement. The server prints expressions for its `sql_mode`, which may
/// differ from the session's. MariaDB and MySQL have different syntax for this.
const PRINTED_FOR_US: &str = "/*M! SET STATEMENT sql_mode = '', sql_select_limit = 18446744073709551615 FOR */ \
     SELECT /*+ SET_VAR(sql_mode = '') SET_VAR(sql_select_limit = 18446744073709551615) */";

/// A SELECT.
pub(super) struct Question {
    columns: Vec<String>,
    /// The whole SELECT; on MySQL the part after its columns.
    sql: String,
    values: Vec<Value>,
}

impl Question {
    /// Returns a query with this number of columns.
    pub(super) fn new(columns: usize, sql: impl Into<String>) -> Self {
        Self {
            columns: (0..columns).map(|at| format!("c{at}")).collect(),
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Returns a query for MySQL. Its rows are ordered by `position`, a number. Its columns become
    /// texts of one character set and collation, because MySQL mixes no others in a UNION.
    pub(super) fn of_mysql<const N: usize>(
        position: &str,
        columns: [&str; N],
        from: impl Into<String>,
    ) -> Self {
        let text = |column| {
            format!("CAST({column} AS CHAR CHARACTER SET utf8mb4) COLLATE utf8mb4_general_ci")
        };
        let position = format!("CAST({position} AS SIGNED)");
        Self {
            columns: iter::once(position).chain(columns.map(text)).collect(),
            sql: from.into(),
            values: Vec::new(),
        }
    }

    /// Returns the query for each row of `each`, a FROM item of PostgreSQL whose columns the query may
    /// name. Its answer has the first of them as an additional last column.
    pub(super) fn for_each(self, each: &str, number: &str) -> Self {
        let at = format!("c{}", self.columns.len());
        let columns = self.columns.join(", ");
        Self {
            sql: format!(
                "SELECT {columns}, {number} FROM {each} CROSS JOIN LATERAL ({}) AS one ({columns})",
                self.sql
            ),
            columns: self.columns.into_iter().chain([at]).collect(),
            values: self.values,
        }
    }

    /// Binds the value to each of the placeholders.
    pub(super) fn with(mut self, value: &str) -> Self {
        let texts = self.columns.iter().chain([&self.sql]);
        let places = texts.map(|text| text.matches('?').count()).sum();
        self.values = vec![value.into(); places];
        self
    }

    /// Returns the query's rows as an expression: one text of JSON.
    fn as_json(&self, backend: Engine) -> String {
        let columns = self.columns.join(", ");
        let rows = match backend {
            Engine::Sqlite => format!("json_group_array(json_array({columns}))"),
            Engine::Postgres | Engine::MySql => {
                format!("coalesce(json_agg(json_build_array({columns})), '[]')::text")
            }
        };
        format!(
            "(WITH q ({columns}) AS ({}) SELECT {rows} FROM q)",
            self.sql
        )
    }

    /// Returns the query's columns and the rest of its SELECT, filled up with NULLs to this number
    /// of columns.
    fn as_wide_as(&self, width: usize) -> String {
        let nulls = vec![", NULL"; width - self.columns.len()].concat();
        format!("{}{nulls} {}", self.columns.join(", "), self.sql)
    }
}

/// A row of a query's answer.
#[derive(Clone)]
pub(super) struct Row(Vec<Json>);

impl Row {
    pub(super) fn get<T: DeserializeOwned>(&self, at: usize) -> Result<T, DbErr> {
        let value = self.0.get(at).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(unreadable)
    }

    /// Returns the number in the last column.
    pub(super) fn last(&self) -> Option<usize> {
        self.0.last()?.as_u64()?.try_into().ok()
    }
}

/// Reads each of the rows.
pub(super) fn each<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    rows.iter().map(read).collect()
}

/// Returns the first column of each row.
pub(super) fn firsts<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, DbErr> {
    each(rows, |row| row.get(0))
}

/// The rows for each of the queries.
pub(super) struct Answers(vec::IntoIter<Vec<Row>>);

impl Answers {
    /// Returns the rows for the next queries, and no rows for queries that were not asked.
    pub(super) fn next<const N: usize>(&mut self) -> [Vec<Row>; N] {
        self.next_of(N)
    }

    /// Returns the rows for the next queries, of which the first `asked` were asked; none for the
    /// others.
    pub(super) fn next_of<const N: usize>(&mut self, asked: usize) -> [Vec<Row>; N] {
        let mut rows = self.0.by_ref().take(asked);
        array::from_fn(|_| rows.next().unwrap_or_default())
    }
}

/// Asks all queries in one statement, or in as few as the engine allows.
pub(super) async fn ask(
    db: &impl ConnectionTrait,
    questions: &[Question],
) -> Result<Answers, DbErr> {
    let backend = Engine::of(db);
    let mut answers = Vec::new();
    for questions in questions.chunks(at_once(backend)) {
        answers.extend(match backend {
            Engine::MySql => ask_mysql(db, questions).await?,
            Engine::Postgres | Engine::Sqlite => ask_for_json(db, backend, questions).await?,
        });
    }
    Ok(Answers(answers.into_iter()))
}

/// Asks for one row with a column for each query.
async fn ask_for_json(
    db: &impl ConnectionTrait,
    backend: Engine,
    questions: &[Question],
) -> Result<Vec<Vec<Row>>, DbErr> {
    let columns: Vec<String> = questions.iter().map(|one| one.as_json(backend)).collect();
    let sql = format!("SELECT {}", columns.join(", "));
    let answers = rows(db, &sql, [], |row| {
        let read = |at| read_json(&row.try_get_by_index::<String>(at)?);
        (0..questions.len()).map(read).collect()
    });
    Ok(answers.await?.pop().unwrap_or_default())
}

fn read_json(text: &str) -> Result<Vec<Row>, DbErr> {
    let rows: Vec<Vec<Json>> = serde_json::from_str(text).map_err(unreadable)?;
    Ok(rows.into_iter().map(Row).collect())
}

/// Asks for the rows of all queries, each with the number of its query. MySQL aggregates rows into
/// JSON in no defined order, and MariaDB truncates what it aggregates.
async fn ask_mysql(
    db: &impl ConnectionTrait,
    questions: &[Question],
) -> Result<Vec<Vec<Row>>, DbErr> {
    let widths = questions.iter().map(|one| one.columns.len());
    let width = widths.max().unwrap_or_default();
    let selects = (0_i64..).zip(questions);
    let selects: Vec<String> = selects
        .map(|(number, one)| format!("{number}, {}", one.as_wide_as(width)))
        .collect();
    let sql = format!("{PRINTED_FOR_US} {}", selects.join(" UNION ALL SELECT "));
    let values = questions.iter().flat_map(|one| one.values.clone());
    let mut found = rows(db, &sql, values, |row| {
        let number: i64 = row.try_get_by_index(0)?;
        let position: i64 = row.try_get_by_index(1)?;
        let texts = (2..=width).map(|at| row.try_get_by_index::<Option<String>>(at));
        let texts = texts.map(|text| text.map(Json::from));
        Ok((number, position, Row(texts.collect::<Result<_, _>>()?)))
    })
    .await?;
    found.sort_by_key(|(_, position, _)| *position);
    let mut answers: HashMap<i64, Vec<Row>> = HashMap::new();
    for (number, _, row) in found {
        answers.entry(number).or_default().push(row);
    }
    let answer_to = |(number, _)| answers.remove(&number).unwrap_or_default();
    Ok((0..).zip(questions).map(answer_to).collect())
}

fn unreadable(error: serde_json::Error) -> DbErr {
    DbErr::Json(error.to_string())
}
