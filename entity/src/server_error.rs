//! Meanings of database errors, by the code that each engine gives them.

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError},
};

use crate::Referrer;

/// SQLSTATEs that mean that another session was in the way.
const IN_USE: [&str; 3] = ["40001", "40P01", "55P03"];
/// The number at the head of MySQL's and MariaDB's lock timeout, whose SQLSTATE is not specific.
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

/// Returns whether a COMMIT that failed has certainly committed nothing: it was refused for a
/// constraint that is checked only then, by a trigger, by another node of Galera, because of
/// another session, or, on SQLite, because the disk is full. The crate `migration` knows the same
/// codes.
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

/// Returns whether a foreign key was violated. The driver does not recognise a key with RESTRICT,
/// for which PostgreSQL 18 and SQLite have another code.
pub(crate) fn is_of_foreign_key(error: &DbErr) -> bool {
    const SQLITE_TRIGGER: &str = "1811";
    answer(error).is_some_and(|answer| {
        answer.is_foreign_key_violation()
            || code(answer) == "23001"
            || (code(answer) == SQLITE_TRIGGER && answer.message().starts_with("FOREIGN KEY"))
    })
}

/// Returns the table and the foreign key that an error names. PostgreSQL reports them in fields.
/// MySQL and MariaDB report them in a sentence with the database, the table and the foreign key in
/// backticks. Citus passes on only the sentence of another node.
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

/// Returns the table and the foreign key of PostgreSQL's sentence about shards. Its names are the
/// document's table, the foreign key and the table, each followed by the number of the shard.
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

/// Returns SQLite's primary code. An SQLSTATE has five characters, SQLite's number has fewer.
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
