//! Meanings of database errors, by the code that each engine gives them. Where an engine has no
//! single code, the number of the operating system that it prints is used.

use std::{io, sync::Arc, time::Duration};

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr,
    sqlx::{self, error::DatabaseError},
};

/// Returns whether another session was in the way: a lock, a deadlock or a serialization failure.
/// The same statement may succeed if it is run again.
pub fn is_in_use(error: &DbErr) -> bool {
    IN_USE.have(error)
}

/// Returns whether a lock of another session was waited for until the timeout.
pub(crate) fn is_lock_timeout(error: &DbErr) -> bool {
    LOCK_TIMEOUT.have(error)
}

/// Returns whether the disk is full, which waiting does not help.
pub(crate) fn is_full(error: &DbErr) -> bool {
    FULL.have(error) || answer(error).is_some_and(is_full_by_words)
}

/// Returns whether two migrators collided that no lock keeps apart: what one wanted to create
/// exists, or is gone, or the other has all connections.
pub fn is_lost_race(error: &DbErr) -> bool {
    !is_full(error) && (is_in_use(error) || LOST_RACE.have(error) || is_without_connection(error))
}

/// Returns whether this role lacks the right to what it has asked for.
pub(crate) fn is_denied(error: &DbErr) -> bool {
    DENIED.have(error)
}

/// Returns whether a statement names a table or a column that does not exist.
pub fn is_undefined(error: &DbErr) -> bool {
    let is_named = |message: &str| {
        ["no such table", "no such column"]
            .iter()
            .any(|words| message.starts_with(words))
    };
    UNDEFINED.have(error) || refusal(error).is_some_and(is_named)
}

/// Returns whether a row exists already, on MySQL and MariaDB. For a record this is a lost race
/// between two nodes of Galera; for a step it concerns the table's own rows, and another attempt
/// does not help.
pub fn is_recorded_already(error: &DbErr) -> bool {
    DUPLICATE.have(error)
}

/// Returns whether the same statement fails however often it is run: the rows, the disk or the
/// memory do not allow it.
pub(crate) fn fails_again(error: &DbErr) -> bool {
    let of_class = |classes: &[&str]| match answer(error).map(Code::of) {
        Some(Code::SqlState(state)) => classes.iter().any(|class| state.starts_with(class)),
        Some(Code::MySql(_) | Code::Sqlite(_)) | None => false,
    };
    is_full(error)
        || FAILS_AGAIN.have(error)
        || of_class(&CLASSES_THAT_FAIL_AGAIN) && !is_without_connection(error)
}

/// Returns whether another table refers to what was to be dropped or deleted, on MySQL and MariaDB.
pub fn is_referred_to(error: &DbErr) -> bool {
    REFERRED_TO.have(error)
}

/// Returns whether a MySQL or MariaDB server supports a change only in another way than the
/// statement asks for.
pub(crate) fn would_copy(error: &DbErr) -> bool {
    WOULD_COPY.have(error)
}

/// Returns whether a savepoint is gone, as it is without an open transaction, on MySQL and MariaDB.
pub(crate) fn is_without_savepoint(error: &DbErr) -> bool {
    NO_SAVEPOINT.have(error)
}

/// Returns why SQLite refuses a statement because of the schema or the statement itself; `None` if
/// it fails otherwise.
pub(crate) fn refusal(error: &DbErr) -> Option<&str> {
    let answer = answer(error).filter(|_| REFUSED.have(error));
    answer.map(DatabaseError::message)
}

/// Returns whether a statement is not valid in the session's mode, on MySQL and MariaDB.
pub(crate) fn is_of_syntax(error: &DbErr) -> bool {
    SYNTAX.have(error)
}

/// Returns whether PostgreSQL or a pooler cannot do what was asked for, as a standby cannot write.
pub(crate) fn is_unsupported(error: &DbErr) -> bool {
    UNSUPPORTED.have(error)
}

/// Returns whether a COMMIT that failed has certainly committed nothing. This is not known if the
/// connection was lost, the server was stopped, or the disk has failed.
pub fn is_rolled_back(error: &DbErr) -> bool {
    ROLLED_BACK.have(error)
}

/// A COMMIT that the server may have carried out, and has not answered.
#[derive(Debug, thiserror::Error)]
#[error(
    "COMMIT was not answered within {} s. If the server waits for a synchronous standby, it keeps what was committed: \
     synchronous_standby_names has the standbys that it waits for, pg_stat_replication those that are connected",
    .0.as_secs()
)]
struct CommitUnknown(Duration);

/// Returns the error of a COMMIT that was not answered for this long.
pub(crate) fn commit_unknown(longest: Duration) -> DbErr {
    let error = io::Error::new(io::ErrorKind::TimedOut, CommitUnknown(longest));
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(sqlx::Error::Io(error))))
}

/// Returns whether a COMMIT was not answered in time. The server may still be waiting, so the same
/// work would wait for it too.
pub fn is_commit_unknown(error: &DbErr) -> bool {
    unknown_commit(error).is_some()
}

fn unknown_commit(error: &DbErr) -> Option<&CommitUnknown> {
    match driver_error(error)? {
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Returns the database's message, and the next step if one is known.
pub fn explained(error: &DbErr) -> String {
    let message = message(error);
    match next_step(error) {
        Some(next_step) => format!("{message} ({next_step})"),
        None => message,
    }
}

/// Returns what can be done about an error, if that is known.
pub(crate) fn next_step(error: &DbErr) -> Option<&'static str> {
    if is_without_connection(error) {
        return Some(
            "every connection of the pool is in use, or the server allows no more connections, of this role or of all roles: a migrator uses up to two",
        );
    }
    if is_full(error) {
        return Some("make room on the disk of the database");
    }
    let by_words = BY_WORDS.iter().find(|(codes, words, _)| {
        let is_said = |word: &&str| answer(error).is_some_and(|one| one.message().contains(word));
        codes.have(error) && words.iter().any(is_said)
    });
    let known = NEXT_STEPS.iter().find(|(codes, _)| codes.have(error));
    let by_words = by_words.map(|(.., next_step)| *next_step);
    by_words.or_else(|| known.map(|(_, next_step)| *next_step))
}

/// Returns the database's message, without the text that SeaORM and the driver add.
pub(crate) fn message(error: &DbErr) -> String {
    if let Some(unknown) = unknown_commit(error) {
        return unknown.to_string();
    }
    match (answer(error), answer(error).map(Code::of)) {
        // The driver adds a line of the server's own source.
        (Some(answer), Some(Code::SqlState(_))) => answer.message().to_owned(),
        (Some(answer), _) => answer.to_string(),
        (None, _) => match (driver_error(error), error) {
            (Some(error), _) => error.to_string(),
            (
                None,
                DbErr::Custom(text)
                | DbErr::Migration(text)
                | DbErr::Type(text)
                | DbErr::Conn(RuntimeErr::Internal(text))
                | DbErr::Exec(RuntimeErr::Internal(text))
                | DbErr::Query(RuntimeErr::Internal(text)),
            ) => text.clone(),
            (None, error) => error.to_string(),
        },
    }
}

const SQLITE_ERROR: u8 = 1;
const SQLITE_BUSY: u8 = 5;
const SQLITE_NOMEM: u8 = 7;
const SQLITE_READONLY: u8 = 8;
const SQLITE_IOERR: u8 = 10;
const SQLITE_CORRUPT: u8 = 11;
const SQLITE_FULL: u8 = 13;
const SQLITE_TOOBIG: u8 = 18;
const SQLITE_CONSTRAINT: u8 = 19;
const SQLITE_MISMATCH: u8 = 20;

/// The codes with one meaning: SQLSTATEs of PostgreSQL, numbers of MySQL and MariaDB, primary codes
/// of SQLite.
struct Codes {
    postgres: &'static [&'static str],
    mysql: &'static [u16],
    sqlite: &'static [u8],
}

const LOCK_TIMEOUT: Codes = Codes {
    postgres: &["55P03"],
    mysql: &[1205],
    sqlite: &[SQLITE_BUSY],
};

const IN_USE: Codes = Codes {
    postgres: &["55P03", "40P01", "40001"],
    mysql: &[1205, 1213],
    sqlite: &[SQLITE_BUSY],
};

const FULL: Codes = Codes {
    postgres: &["53100"],
    mysql: &[1021, 1114],
    sqlite: &[SQLITE_FULL],
};

/// A table that exists, is gone or is another one now, and what Galera reports of a transaction
/// that has lost its certification.
const LOST_RACE: Codes = Codes::mysql(&[1050, 1146, 1180, 1317, 1412]);

const DUPLICATE: Codes = Codes::mysql(&[1062]);

/// PostgreSQL: values that do not fit, rows that violate a constraint, no disk space or memory, a
/// limit that is reached, a failing disk.
const CLASSES_THAT_FAIL_AGAIN: [&str; 5] = ["22", "23", "53", "54", "58"];

/// The same on the other engines, where each has a code of its own.
const FAILS_AGAIN: Codes = Codes {
    postgres: &[],
    mysql: &[
        1022, 1030, 1037, 1038, 1041, 1048, 1062, 1071, 1118, 1138, 1216, 1263, 1264, 1265, 1292,
        1366, 1406, 1451, 1452, 1586, 3819, 4025,
    ],
    sqlite: &[
        SQLITE_NOMEM,
        SQLITE_IOERR,
        SQLITE_CORRUPT,
        SQLITE_TOOBIG,
        SQLITE_CONSTRAINT,
        SQLITE_MISMATCH,
    ],
};

/// A constraint that is checked only at COMMIT, what a trigger of such a constraint raises, a lost
/// race, a backup that blocks every commit, and a file that another connection reads.
const ROLLED_BACK: Codes = Codes {
    postgres: &[
        "23000", "23001", "23502", "23503", "23505", "23514", "23P01", "40001", "40P01", "P0001",
    ],
    mysql: &[1180, 1205, 1213],
    sqlite: &[SQLITE_BUSY, SQLITE_FULL, SQLITE_CONSTRAINT],
};

const NO_CONNECTION: Codes = Codes {
    postgres: &["53300"],
    mysql: &[1040, 1203],
    sqlite: &[],
};

/// SQLite has one code for whatever the schema does not allow.
const UNDEFINED: Codes = Codes {
    postgres: &["42P01", "42703"],
    mysql: &[1146, 1054],
    sqlite: &[],
};

const DENIED: Codes = Codes {
    postgres: &["42501"],
    mysql: &[1142, 1143],
    sqlite: &[],
};

/// A statement that the schema does not allow.
const REFUSED: Codes = Codes::sqlite(&[SQLITE_ERROR]);

const REFERRED_TO: Codes = Codes::mysql(&[1217, 1451, 3730]);

const WOULD_COPY: Codes = Codes::mysql(&[1845, 1846]);

const SYNTAX: Codes = Codes::mysql(&[1064]);

const UNSUPPORTED: Codes = Codes::postgres(&["0A000"]);

const NO_SAVEPOINT: Codes = Codes::mysql(&[1305]);

/// Next steps for numbers of MySQL that have several causes, each with words of which the message
/// contains one. The first that fits counts.
const BY_WORDS: [(Codes, &[&str], &str); 3] = [
    (
        Codes::mysql(&[1290]),
        &["read-only", "read_only"],
        "name the primary server: this one only reads",
    ),
    (
        Codes::mysql(&[1226]),
        &["_per_hour"],
        "raise this limit of the user, or wait until the hour is over",
    ),
    (
        Codes::mysql(&[1226]),
        &["max_user_connections", "max_connections"],
        "allow this user more connections: a migrator uses two",
    ),
];

const NEXT_STEPS: [(Codes, &str); 11] = [
    (
        Codes::postgres(&["42501"]),
        "use a role that owns the tables, or grant it the right",
    ),
    (
        Codes::mysql(&[1142, 1143]),
        "grant this user the right that the message names, or use a user who has it",
    ),
    (
        Codes::postgres(&["57014"]),
        "where a statement_timeout of this role cut it: ALTER ROLE it SET statement_timeout = 0, or use another role",
    ),
    (
        Codes::postgres(&["55P03"]),
        "end what has the table in use, or wait longer",
    ),
    (
        Codes::postgres(&["2BP01"]),
        "views or foreign keys that these migrations did not create depend on it: drop those first",
    ),
    (
        Codes::postgres(&["25006"]),
        "name the primary server where this one only reads; an index that is built concurrently with writers also needs a role without default_transaction_read_only",
    ),
    (
        Codes::postgres(&["26000", "42P05"]),
        "behind PgBouncer in transaction mode: give it max_prepared_statements (1.21 and later), \
         or use the command line or Runner::behind_pooler",
    ),
    (
        Codes::mysql(&[1792]),
        "use a user whose sessions are not set to transaction_read_only",
    ),
    (
        Codes::mysql(&[1568]),
        "a transaction is open in the pool's sessions before ours begins: let no init_connect begin one, and set completion_type to NO_CHAIN, without which each transaction begins the next",
    ),
    (
        Codes::sqlite(&[SQLITE_READONLY]),
        "make the file and its folder writable, and remove mode=ro and immutable=1 from the URL",
    ),
    (
        Codes::sqlite(&[SQLITE_BUSY]),
        "another connection is writing: try again when it is done",
    ),
];

impl Codes {
    const fn postgres(postgres: &'static [&'static str]) -> Self {
        Self {
            postgres,
            mysql: &[],
            sqlite: &[],
        }
    }

    const fn mysql(mysql: &'static [u16]) -> Self {
        Self {
            postgres: &[],
            mysql,
            sqlite: &[],
        }
    }

    const fn sqlite(sqlite: &'static [u8]) -> Self {
        Self {
            postgres: &[],
            mysql: &[],
            sqlite,
        }
    }

    fn have(&self, error: &DbErr) -> bool {
        match answer(error).map(Code::of) {
            Some(Code::SqlState(state)) => self.postgres.contains(&state.as_str()),
            Some(Code::MySql(number)) => self.mysql.contains(&number),
            Some(Code::Sqlite(code)) => self.sqlite.contains(&code),
            None => false,
        }
    }
}

/// A code as the engine gives it.
#[derive(Debug, PartialEq, Eq)]
enum Code {
    SqlState(String),
    MySql(u16),
    /// The primary code; an extended one has the same meaning.
    Sqlite(u8),
}

impl Code {
    /// Returns the code of an error. The driver's own types exist only with its features; the way
    /// in which each prints its code does not depend on them.
    fn of(answer: &dyn DatabaseError) -> Self {
        let code = answer.code().unwrap_or_default();
        let printed = answer.to_string();
        let message = answer.message();
        if printed == format!("(code: {code}) {message}") {
            let code = code.parse::<i32>().unwrap_or_default();
            return Self::Sqlite(code.to_le_bytes()[0]);
        }
        let number = printed
            .strip_suffix(&format!(" ({code}): {message}"))
            .or_else(|| printed.strip_suffix(&format!(": {message}")))
            .and_then(|number| number.parse().ok());
        match number {
            Some(number) => Self::MySql(number),
            None => Self::SqlState(code.into_owned()),
        }
    }
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn answer(error: &DbErr) -> Option<&dyn DatabaseError> {
    driver_error(error)?.as_database_error()
}

/// Returns whether other sessions have every connection of the pool or of the server.
pub(crate) fn is_without_connection(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) || NO_CONNECTION.have(error)
}

/// Returns whether the disk is full on MySQL and MariaDB, which have no single number for errors of
/// the operating system, and print the system's.
fn is_full_by_words(answer: &dyn DatabaseError) -> bool {
    const ENOSPC: [&str; 4] = [
        "error 28 ",
        "errno 28 ",
        "\"No space left on device\"",
        "errno: 28 ",
    ];
    let message = answer.message();
    matches!(Code::of(answer), Code::MySql(_)) && ENOSPC.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error, fmt};

    use sea_orm::sqlx::error::ErrorKind;

    use super::*;

    /// An error as a driver prints it.
    #[derive(Debug)]
    struct Answer {
        code: &'static str,
        printed: String,
        message: &'static str,
    }

    impl fmt::Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.printed)
        }
    }

    impl Error for Answer {}

    impl DatabaseError for Answer {
        fn message(&self) -> &str {
            self.message
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(self.code))
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn of_postgres(code: &'static str, message: &'static str) -> Answer {
        Answer {
            code,
            printed: format!("{message} at line 7"),
            message,
        }
    }

    fn of_mysql(number: u16, code: &'static str, message: &'static str) -> Answer {
        Answer {
            code,
            printed: format!("{number} ({code}): {message}"),
            message,
        }
    }

    fn of_sqlite(code: &'static str, message: &'static str) -> Answer {
        Answer {
            code,
            printed: format!("(code: {code}) {message}"),
            message,
        }
    }

    fn error(answer: Answer) -> DbErr {
        DbErr::Exec(RuntimeErr::SqlxError(Arc::new(sqlx::Error::Database(
            Box::new(answer),
        ))))
    }

    #[test]
    fn a_code_is_told_by_how_the_driver_prints_it() {
        let like_mysqls = "1213 (40001): Deadlock";
        for (answer, code) in [
            (
                of_postgres("40P01", "deadlock detected"),
                Code::SqlState("40P01".to_owned()),
            ),
            (
                of_postgres("P0001", like_mysqls),
                Code::SqlState("P0001".to_owned()),
            ),
            (of_mysql(1213, "40001", "Deadlock"), Code::MySql(1213)),
            (of_sqlite("517", "database is locked"), Code::Sqlite(5)),
        ] {
            assert_eq!(Code::of(&answer), code, "{answer}");
        }
    }

    #[test]
    fn what_a_lost_commit_has_come_to_is_not_known() {
        let known = [
            of_postgres("23503", "violates a foreign key"),
            of_mysql(1213, "40001", "Deadlock"),
            of_sqlite("5", "database is locked"),
        ];
        let unknown = [
            of_postgres("08P01", "server conn crashed?"),
            of_postgres("57P01", "terminating connection"),
            of_postgres("58030", "could not write to log file"),
            of_mysql(2013, "HY000", "Lost connection"),
            of_sqlite("10", "disk I/O error"),
        ];
        assert!(
            known
                .into_iter()
                .all(|answer| is_rolled_back(&error(answer)))
        );
        assert!(
            !unknown
                .into_iter()
                .any(|answer| is_rolled_back(&error(answer)))
        );
    }

    #[test]
    fn what_fails_again_is_no_lost_race() {
        let fail_again = [
            of_postgres("22003", "smallint out of range"),
            of_postgres("23505", "could not create unique index"),
            of_postgres("23514", "check constraint is violated by some row"),
            of_postgres("53100", "could not extend file"),
            of_postgres("53200", "out of memory"),
            of_mysql(1062, "23000", "Duplicate entry 'a' for key 'b'"),
            of_mysql(1264, "22003", "Out of range value"),
            of_mysql(1114, "HY000", "The table is full"),
            of_sqlite("1555", "UNIQUE constraint failed"),
            of_sqlite("13", "database or disk is full"),
        ];
        for answer in fail_again {
            let what = answer.to_string();
            let error = error(answer);
            assert!(fails_again(&error) && !is_lost_race(&error), "{what}");
        }
        let may_succeed = [
            of_postgres("55P03", "canceling statement due to lock timeout"),
            of_postgres("40P01", "deadlock detected"),
            of_postgres("53300", "sorry, too many clients already"),
            of_mysql(1205, "HY000", "Lock wait timeout exceeded"),
            of_mysql(1213, "40001", "Deadlock"),
            of_mysql(1040, "08004", "Too many connections"),
            of_sqlite("5", "database is locked"),
        ];
        for answer in may_succeed {
            let what = answer.to_string();
            let error = error(answer);
            assert!(!fails_again(&error) && is_lost_race(&error), "{what}");
        }
    }

    #[test]
    fn sqlite_names_what_is_undefined() {
        for (message, is_it) in [
            ("no such table: vectors", true),
            ("no such column: page", true),
            ("no such function: fold", false),
            ("malformed JSON", false),
        ] {
            assert_eq!(
                is_undefined(&error(of_sqlite("1", message))),
                is_it,
                "{message}"
            );
        }
    }

    #[test]
    fn the_next_step_depends_on_the_limit_or_option_that_the_message_names() {
        let hour = "raise this limit of the user, or wait until the hour is over";
        let connections = "allow this user more connections: a migrator uses two";
        let primary = "name the primary server: this one only reads";
        for (number, message, next) in [
            (
                1290,
                "The MariaDB server is running with the --read-only option so it cannot execute this statement",
                Some(primary),
            ),
            (
                1290,
                "The MySQL server is running with the --super-read-only option so it cannot execute this statement",
                Some(primary),
            ),
            (
                1290,
                "The MariaDB server is running with the --skip-grant-tables option so it cannot execute this statement",
                None,
            ),
            (
                1226,
                "User 'a' has exceeded the 'max_user_connections' resource (current value: 1)",
                Some(connections),
            ),
            (
                1226,
                "User 'a' has exceeded the 'max_queries_per_hour' resource (current value: 9)",
                Some(hour),
            ),
            (
                1226,
                "User 'a' has exceeded the 'max_connections_per_hour' resource (current value: 9)",
                Some(hour),
            ),
        ] {
            let error = error(of_mysql(number, "42000", message));
            assert_eq!(next_step(&error), next, "{message}");
        }
    }

    #[test]
    fn a_full_disk_is_told_by_the_systems_number_on_mysql_alone() {
        let full = of_mysql(1030, "HY000", "Got error 28 from storage engine");
        assert!(is_full(&error(full)));
        let others = [
            of_mysql(1062, "23000", "Duplicate entry 'error 281' for key"),
            of_postgres("P0001", "error 28 from a trigger"),
        ];
        assert!(!others.into_iter().any(|answer| is_full(&error(answer))));
    }
}
