//! Several questions to a catalog in one statement: asked one by one, the way there and back would be most of
//! what a look costs.

use sea_orm::{ConnectionTrait, DbErr};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rows;

/// A SELECT with so many columns.
pub(super) struct Question {
    sql: String,
    columns: usize,
}

impl Question {
    pub(super) fn new(columns: usize, sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            columns,
        }
    }

    /// Its rows as one text of JSON.
    fn of_postgres(&self) -> String {
        let columns: Vec<String> = (0..self.columns).map(column).collect();
        format!(
            "coalesce((SELECT json_agg(q) FROM ({}) AS q ({})), '[]')::text",
            self.sql,
            columns.join(", ")
        )
    }
}

fn column(at: usize) -> String {
    format!("c{at}")
}

/// One of the rows that answer a question.
#[derive(Clone)]
pub(super) struct Row(Value);

impl Row {
    pub(super) fn get<T: DeserializeOwned>(&self, at: usize) -> Result<T, DbErr> {
        let value = self.0.get(column(at)).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(unreadable)
    }
}

/// The rows for each of the questions.
pub(super) async fn ask(
    db: &impl ConnectionTrait,
    questions: &[Question],
) -> Result<Vec<Vec<Row>>, DbErr> {
    let columns: Vec<String> = questions.iter().map(Question::of_postgres).collect();
    let all = format!("SELECT {}", columns.join(", "));
    let answers = rows(db, &all, [], |row| {
        (0..questions.len())
            .map(|at| {
                let text: String = row.try_get_by_index(at)?;
                let rows: Vec<Value> = serde_json::from_str(&text).map_err(unreadable)?;
                Ok(rows.into_iter().map(Row).collect())
            })
            .collect::<Result<Vec<Vec<Row>>, DbErr>>()
    });
    Ok(answers.await?.pop().unwrap_or_default())
}

fn unreadable(error: serde_json::Error) -> DbErr {
    DbErr::Json(error.to_string())
}
