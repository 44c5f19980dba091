//! What an error of the database means, by the code that its engine gives it.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError},
};

use crate::Referrer;

/// Another session was in the way.
const IN_USE: [&str; 3] = ["40001", "40P01", "55P03"];
/// MySQL's and MariaDB's SQLSTATE of it says nothing.
const MYSQL_LOCK_WAIT_TIMEOUT: &str = "1205 ";
const MYSQL_ERROR_DURING_COMMIT: &str = "1180 ";
const SQLITE_BUSY: u8 = 5;
const SQLITE_LOCKED: u8 = 6;
const SQLITE_FULL: u8 = 13;
const SQLITE_CONSTRAINT: u8 = 19;

pub(crate) fn is_in_use(error: &DbErr) -> bool {
    let Some(answer) = answer(error) else {
        return false;
    };
    IN_USE.contains(&code(answer).as_str())
        || answer.to_string().starts_with(MYSQL_LOCK_WAIT_TIMEOUT)
        || sqlite_code(answer).is_some_and(|code| [SQLITE_BUSY, SQLITE_LOCKED].contains(&code))
}

/// Whether a COMMIT that failed has surely committed nothing: it was refused for a constraint that is looked at
/// only then, by a trigger, by another node of Galera, for another session, or for a disk without room on SQLite. The
/// migrations know the same codes.
pub(crate) fn is_rolled_back(error: &DbErr) -> bool {
    let Some(answer) = answer(error) else {
        return false;
    };
    let code = code(answer);
    is_in_use(error)
        || code.starts_with("23")
        || code == "P0001"
        || answer.to_string().starts_with(MYSQL_ERROR_DURING_COMMIT)
        || sqlite_code(answer).is_some_and(|code| [SQLITE_CONSTRAINT, SQLITE_FULL].contains(&code))
}

/// The driver does not count a key with RESTRICT: PostgreSQL 18 and SQLite have another code for it.
pub(crate) fn is_of_foreign_key(error: &DbErr) -> bool {
    const SQLITE_TRIGGER: &str = "1811";
    answer(error).is_some_and(|answer| {
        answer.is_foreign_key_violation()
            || code(answer) == "23001"
            || (code(answer) == SQLITE_TRIGGER && answer.message().starts_with("FOREIGN KEY"))
    })
}

/// PostgreSQL says it in fields; MySQL and MariaDB in a sentence, whose names stand between backticks: the
/// database, the table, the foreign key. Citus hands on the sentence of another node alone.
pub(crate) fn referrer(error: &DbErr) -> Referrer {
    let Some(answer) = answer(error) else {
        return Referrer::default();
    };
    let (table, constraint) = match answer.table() {
        Some(table) => (Some(table), answer.constraint()),
        None => match on_a_shard(answer.message()) {
            Some((table, constraint)) => (Some(table), Some(constraint)),
            None => {
                let mut names = answer.message().split('`').skip(1).step_by(2);
                (names.nth(1), names.next())
            }
        },
    };
    Referrer {
        table: table.map(str::to_owned),
        constraint: constraint.map(str::to_owned),
    }
}

/// Returns the table and the foreign key of a sentence of PostgreSQL's about shards, whose names end with the number of
/// the shard: the document's, the foreign key, the table.
fn on_a_shard(message: &str) -> Option<(&str, &str)> {
    let mut names = message.split('"').skip(1).step_by(2);
    let (constraint, table) = (names.nth(1)?, names.next()?);
    let (table, shard) = table.rsplit_once('_')?;
    let constraint = constraint.strip_suffix(shard)?.strip_suffix('_')?;
    let is_a_number = !shard.is_empty() && shard.bytes().all(|one| one.is_ascii_digit());
    is_a_number.then_some((table, constraint))
}

fn answer(error: &DbErr) -> Option<&dyn DatabaseError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Database(answer) => Some(&**answer),
            _ => None,
        },
        _ => None,
    }
}

fn code(answer: &dyn DatabaseError) -> String {
    answer.code().unwrap_or_default().into_owned()
}

/// The primary one of a number; an SQLSTATE has five characters, and SQLite's number fewer.
fn sqlite_code(answer: &dyn DatabaseError) -> Option<u8> {
    let code = code(answer);
    let number: i32 = code.parse().ok().filter(|_| code.len() < 5)?;
    Some(number.to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::on_a_shard;

    #[test]
    fn who_refers_to_a_document_of_another_node_is_called_as_here() {
        let of_citus = r#"update or delete on table "documents_103296" violates foreign key constraint "fk_tagged_103362" on table "tags_103362""#;
        assert_eq!(on_a_shard(of_citus), Some(("tags", "fk_tagged")));

        let of_mysql = "Cannot delete or update a parent row: a foreign key constraint fails (`a`.`tags`, CONSTRAINT `fk_tagged` FOREIGN KEY (`doc_id`) REFERENCES `documents` (`id`))";
        assert_eq!(on_a_shard(of_mysql), None);

        let of_one_node = r#"update or delete on table "documents" violates foreign key constraint "fk_tagged" on table "tags""#;
        assert_eq!(on_a_shard(of_one_node), None);
    }
}
