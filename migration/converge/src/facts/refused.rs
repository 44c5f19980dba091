//! What SQLite refuses: to copy the rows of a table, or to write any.

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    engine::Engine,
    query::list,
    server_error::refusal,
    sql::{self, identifier},
};

/// Asks SQLite what a rebuild would refuse. SQLite compares no row with a key without a fitting
/// parent: it refuses every statement, and reports that as an error. It does the same for a
/// function that this connection does not know.
pub(super) async fn by_a_rebuild(
    db: &impl ConnectionTrait,
    table: &str,
) -> Result<Vec<String>, DbErr> {
    let name = sql::literal(Engine::Sqlite, table);
    let absent = format!(
        "SELECT DISTINCT 'there is no table ' || \"table\" || ', to which a foreign key refers'
         FROM pragma_foreign_key_list({name}) WHERE NOT EXISTS (
           SELECT 1 FROM main.sqlite_schema
           WHERE type IN ('table', 'view') AND name = \"table\" COLLATE NOCASE)"
    );
    let mut reported: Vec<String> = list(db, &absent, []).await?;
    // A row that violates a key may go on violating it. If no parent fits, this query fails.
    let unfit = format!(
        "SELECT violated FROM (SELECT max(NULL) AS violated FROM pragma_foreign_key_check({name})) WHERE violated"
    );
    let rows = format!(
        "SELECT quick_check || CASE count(*) WHEN 1 THEN '' ELSE ' (' || count(*) || ' times)' END
         FROM pragma_quick_check({name}) WHERE quick_check <> 'ok' GROUP BY quick_check LIMIT 5"
    );
    for question in [unfit, rows] {
        match list::<String>(db, &question, []).await {
            Ok(more) => reported.extend(more),
            Err(error) => match refusal(&error) {
                Some(refusal) => reported.push(refusal.to_owned()),
                None => return Err(error),
            },
        }
    }
    // Copying the rows computes the expressions of generated columns, indexes and CHECKs, and no
    // default. The statements are compiled and not run. A trigger, which copying does not fire,
    // may call another program's function.
    let columns = list::<String>(
        db,
        &format!("SELECT name FROM pragma_table_info({name})"),
        [],
    )
    .await?
    .iter()
    .map(|column| identifier(Engine::Sqlite, column))
    .collect::<Vec<_>>()
    .join(", ");
    let table = identifier(Engine::Sqlite, table);
    let read = format!("EXPLAIN SELECT * FROM main.{table}");
    let insert =
        format!("EXPLAIN INSERT INTO main.{table} ({columns}) SELECT {columns} FROM main.{table}");
    for (statement, word) in [(read, "function"), (insert, "unknown function")] {
        if let Err(error) = db.execute_unprepared(&statement).await
            && let Some(unknown) = refusal(&error).filter(|text| text.contains(word))
            && !reported.iter().any(|one| one == unknown)
        {
            reported.push(unknown.to_owned());
        }
    }
    Ok(reported)
}

/// Returns what SQLite reports when it compiles the statements that write rows: it reads the triggers
/// and the foreign keys that they concern. The statements are not run.
pub(super) async fn to_writers(
    db: &impl ConnectionTrait,
    table: &str,
    columns: &str,
) -> Result<Vec<String>, DbErr> {
    let insert = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM main.{table}");
    let delete = format!("DELETE FROM main.{table}");
    let mut reported: Vec<String> = Vec::new();
    for statement in [insert, delete] {
        let Err(error) = db.execute_unprepared(&format!("EXPLAIN {statement}")).await else {
            continue;
        };
        match refusal(&error) {
            Some(refusal) if !names_what_is_absent(refusal) => {}
            Some(refusal) if reported.iter().any(|one| one == refusal) => {}
            Some(refusal) => reported.push(refusal.to_owned()),
            None => return Err(error),
        }
    }
    Ok(reported)
}

/// Returns whether a statement fails for every program. Functions, collations and modules of virtual
/// tables are registered by some.
fn names_what_is_absent(refusal: &str) -> bool {
    let beginnings = [
        "no such table: ",
        "no such column: ",
        "foreign key mismatch",
    ];
    beginnings.iter().any(|one| refusal.starts_with(one))
        || refusal.contains(" has no column named ")
}
