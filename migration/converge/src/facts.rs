//! Queries on the rows themselves: NULLs, duplicate ids, rows that violate the foreign key, and the
//! numbers of a sequence. A constraint is added only when these counts allow it. The comparison
//! asks for the facts that it needs and does not have yet.

mod numbers;
mod refused;

use std::fmt;

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    Error,
    engine::Engine,
    model::{Column, ForeignKey, Placement, Sequence, Table},
    query::{list, rows},
    server_error::{explained, is_denied},
    sql::{self, identifier},
    types::Type,
};

/// A question about the rows of a table.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Question {
    IsEmpty {
        table: String,
    },
    Nulls {
        table: String,
        column: String,
    },
    /// What prevents these columns from being the primary key.
    Keys {
        table: String,
        columns: Vec<String>,
    },
    /// How many combinations of values occur in several rows.
    Duplicates {
        table: String,
        columns: Vec<String>,
    },
    Orphans {
        table: String,
        key: ForeignKey,
        /// The column that identifies a row, for examples, if there is one.
        id: Option<String>,
        /// The types of the id column and of the key's column, as found.
        kinds: [Type; 2],
    },
    /// The numbers that a column gets: on PostgreSQL from this sequence, whose name is as the
    /// server prints it, quoted if necessary; on the other engines from the table's own counter.
    Numbers {
        table: String,
        column: String,
        kind: Type,
        sequence: Option<String>,
    },
    /// The rows of SQLite whose value is of another type than declared.
    Unreadable {
        table: String,
        column: String,
        condition: String,
    },
    /// Why a table of SQLite that the same statement creates would refuse the rows or change them.
    Refused {
        table: String,
    },
    /// Why SQLite compiles no INSERT of these columns, or no DELETE.
    Unwritable {
        table: String,
        columns: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Answer {
    Rows(i64),
    Refused(Vec<String>),
    Keys(Keys),
    Orphans(Option<Box<Orphans>>),
    Numbers(Option<NumbersState>),
}

/// What is known about the rows, and what the comparison has missed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    known: Vec<(Question, Answer)>,
    missing: Vec<Question>,
    /// The tables of which this role may not see every row, and the reason.
    blind: Vec<(String, String)>,
    /// The questions that this role may not ask, and the reason.
    hidden: Vec<(Question, String)>,
}

/// What prevents columns from being the primary key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Keys {
    /// The number of rows with NULL in one of the columns.
    pub(crate) null: i64,
    /// The number of values that occur in several rows.
    pub(crate) duplicate: i64,
    /// SQLite: the number of rows with NULL that get the next numbers.
    #[cfg_attr(feature = "recording", serde(default, skip))]
    pub(crate) unnumbered: i64,
}

/// Rows that refer to a row that does not exist.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Orphans {
    pub(crate) key: ForeignKey,
    pub(crate) count: i64,
    /// The ids of a few of them, as text, with the value of the foreign key.
    pub(crate) examples: Vec<(Option<String>, String)>,
    /// The query that lists them.
    pub(crate) query: String,
}

/// The numbers that a sequence or a counter gives.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct NumbersState {
    /// The next number, without the limits of the sequence. `None` if no number of 64 bits is left.
    pub(crate) next: Option<i64>,
    /// The largest number in the column.
    pub(crate) largest: i64,
    pub(crate) limits: Vec<Limit>,
    /// The largest number that the column can hold.
    pub(crate) limit: i64,
}

/// Why a sequence of PostgreSQL will not give every number that its column can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Limit {
    /// The type of the sequence, as printed, ends before the column's.
    Type(String),
    /// Its MAXVALUE is less than the column's largest number, and than its type's.
    Maximum(i64),
    /// CYCLE: at its end the sequence continues with numbers that are taken.
    Cycle,
    /// Its INCREMENT is negative.
    Descending,
}

impl NumbersState {
    /// Returns whether the next number is unused and fits into the column.
    pub(crate) fn is_usable(&self) -> bool {
        let smallest = -self.limit - 1;
        self.next
            .is_some_and(|next| next > self.largest && (smallest..=self.limit).contains(&next))
    }
}

impl Facts {
    pub(crate) fn is_empty(&mut self, table: &str) -> bool {
        let question = Question::IsEmpty {
            table: table.to_owned(),
        };
        self.count(question) == 0
    }

    /// Returns the number of rows that answers a question, or 0 until it is known.
    pub(crate) fn count(&mut self, question: Question) -> i64 {
        match self.ask(question) {
            Some(Answer::Rows(rows)) => rows,
            _ => 0,
        }
    }

    pub(crate) fn keys(&mut self, table: &str, columns: &[String]) -> Keys {
        let question = Question::Keys {
            table: table.to_owned(),
            columns: columns.to_vec(),
        };
        match self.ask(question) {
            Some(Answer::Keys(keys)) => keys,
            _ => Keys::default(),
        }
    }

    pub(crate) fn orphans(
        &mut self,
        table: &Table,
        key: &ForeignKey,
        id: Option<&String>,
    ) -> Option<Orphans> {
        let column = key.columns.concat();
        let kind = |name: &String| table.column(name).map_or(Type::Other, |column| column.kind);
        let question = Question::Orphans {
            table: table.name.clone(),
            kinds: [kind(id.unwrap_or(&column)), kind(&column)],
            key: key.clone(),
            id: id.cloned(),
        };
        match self.ask(question) {
            Some(Answer::Orphans(orphans)) => orphans.map(|orphans| *orphans),
            _ => None,
        }
    }

    pub(crate) fn refused(&mut self, table: &str) -> Vec<String> {
        let question = Question::Refused {
            table: table.to_owned(),
        };
        match self.ask(question) {
            Some(Answer::Refused(reported)) => reported,
            _ => Vec::new(),
        }
    }

    pub(crate) fn unwritable(&mut self, table: &str, columns: Vec<String>) -> Vec<String> {
        let question = Question::Unwritable {
            table: table.to_owned(),
            columns,
        };
        match self.ask(question) {
            Some(Answer::Refused(reported)) => reported,
            _ => Vec::new(),
        }
    }

    /// Returns the numbers of this sequence, or of the table's own counter.
    pub(crate) fn numbers(
        &mut self,
        table: &str,
        column: &Column,
        sequence: Option<&Sequence>,
    ) -> Option<NumbersState> {
        let question = Question::Numbers {
            table: table.to_owned(),
            column: column.name.clone(),
            kind: column.kind,
            sequence: sequence.map(|sequence| sequence.name.clone()),
        };
        match self.ask(question) {
            Some(Answer::Numbers(state)) => state,
            _ => None,
        }
    }

    fn ask(&mut self, question: Question) -> Option<Answer> {
        let known = self.known.iter().find(|(known, _)| *known == question);
        if let Some((_, answer)) = known {
            return Some(answer.clone());
        }
        if self.hidden.iter().any(|(hidden, _)| *hidden == question) {
            return None;
        }
        let blind = self.blind.iter();
        let mut reasons = blind.filter(|(table, _)| question.reads(table));
        if let Some((table, reason)) = reasons.next() {
            let reason = format!("{table}: {reason}");
            self.hidden.push((question, reason));
            return None;
        }
        if !self.missing.contains(&question) {
            self.missing.push(question);
        }
        None
    }

    /// Forgets the answers to all other questions.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&Question) -> bool) {
        self.known.retain(|(question, _)| is_kept(question));
    }

    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// Excludes these tables from questions about rows.
    pub(crate) fn leave_out(&mut self, blind: Vec<(String, String)>) {
        self.blind = blind;
    }

    /// Returns the questions that this role may not ask, and the reasons.
    pub(crate) fn hidden(&self) -> &[(Question, String)] {
        &self.hidden
    }

    #[cfg(feature = "recording")]
    pub(crate) fn known(&self) -> &[(Question, Answer)] {
        &self.known
    }

    #[cfg(feature = "recording")]
    pub(crate) fn missing(&self) -> &[Question] {
        &self.missing
    }

    #[cfg(feature = "recording")]
    pub(crate) fn of(known: Vec<(Question, Answer)>) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    /// Queries the database for missed facts, and returns whether there were any. A question that
    /// is refused to this role is an error, and is not asked again.
    pub(crate) async fn complete(&mut self, db: &impl ConnectionTrait) -> Result<bool, Error> {
        let missing = std::mem::take(&mut self.missing);
        let is_any = !missing.is_empty();
        for question in missing {
            match answer(db, &question).await {
                Ok(answer) => self.known.push((question, answer)),
                Err(source) => {
                    let error = Error::looking_for(question.to_string());
                    if is_denied(&source) {
                        self.hidden.push((question, explained(&source)));
                    }
                    return Err(error(source));
                }
            }
        }
        Ok(is_any)
    }
}

impl Question {
    /// Returns whether the question reads the rows of this table.
    fn reads(&self, name: &str) -> bool {
        match self {
            Self::IsEmpty { table }
            | Self::Nulls { table, .. }
            | Self::Keys { table, .. }
            | Self::Duplicates { table, .. }
            | Self::Numbers { table, .. }
            | Self::Refused { table }
            | Self::Unreadable { table, .. } => table == name,
            Self::Unwritable { .. } => false,
            Self::Orphans { table, key, .. } => table == name || key.table == name,
        }
    }
}

/// Prints what is looked for, for an error.
impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::IsEmpty { table } => write!(f, "the rows of {table:?}"),
            Self::Nulls { table, column } => write!(f, "NULLs in {table}.{column}"),
            Self::Keys { table, columns } => {
                write!(f, "the keys ({}) of {table:?}", columns.join(", "))
            }
            Self::Duplicates { table, columns } => {
                write!(f, "duplicates of ({}) in {table:?}", columns.join(", "))
            }
            Self::Orphans { table, key, .. } => {
                write!(f, "rows of {table:?} that reference missing {}", key.table)
            }
            Self::Numbers {
                sequence: Some(name),
                ..
            } => write!(f, "the sequence {name}"),
            Self::Numbers { table, column, .. } => write!(f, "the counter of {table}.{column}"),
            Self::Unreadable { table, column, .. } => write!(f, "the values of {table}.{column}"),
            Self::Refused { table } => write!(f, "what a copy of {table:?} would refuse"),
            Self::Unwritable { table, .. } => {
                write!(f, "whether rows of {table:?} can be written")
            }
        }
    }
}

async fn answer(db: &impl ConnectionTrait, question: &Question) -> Result<Answer, DbErr> {
    let backend = Engine::of(db);
    let quoted = |name: &str| identifier(backend, name);
    let listed = |columns: &[String]| {
        let quoted: Vec<String> = columns.iter().map(|one| quoted(one)).collect();
        quoted.join(", ")
    };
    Ok(match question {
        Question::IsEmpty { table } => {
            let first = format!(
                "SELECT {} FROM {} LIMIT 1",
                as_i64(backend, "1"),
                quoted(table)
            );
            Answer::Rows(count(db, &first).await?)
        }
        Question::Nulls { table, column } => {
            Answer::Rows(nulls(db, table, std::slice::from_ref(column)).await?)
        }
        Question::Keys { table, columns } => Answer::Keys(Keys {
            null: nulls(db, table, columns).await?,
            duplicate: duplicates(db, table, columns, &listed(columns)).await?,
            unnumbered: 0,
        }),
        Question::Duplicates { table, columns } => {
            Answer::Rows(duplicates(db, table, columns, &listed(columns)).await?)
        }
        Question::Orphans {
            table,
            key,
            id,
            kinds,
        } => {
            let orphans = orphans(db, table, key, (id.as_deref(), *kinds)).await?;
            Answer::Orphans(orphans.map(Box::new))
        }
        Question::Numbers {
            table,
            column,
            kind,
            sequence,
        } => Answer::Numbers(match (backend, sequence) {
            (Engine::Postgres, Some(name)) => {
                numbers::of_sequence(db, table, column, *kind, name).await?
            }
            (Engine::Postgres, None) => numbers::of_rows(db, table, column, *kind).await?,
            (Engine::MySql, _) => numbers::of_mysql(db, table, column, *kind).await?,
            (Engine::Sqlite, _) => numbers::of_sqlite(db, table, column, *kind).await?,
        }),
        Question::Unreadable {
            table, condition, ..
        } => {
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", quoted(table));
            Answer::Rows(count(db, &sql).await?)
        }
        Question::Refused { table } => Answer::Refused(refused::by_a_rebuild(db, table).await?),
        Question::Unwritable { table, columns } => {
            Answer::Refused(refused::to_writers(db, &quoted(table), &listed(columns)).await?)
        }
    })
}

async fn nulls(db: &impl ConnectionTrait, table: &str, columns: &[String]) -> Result<i64, DbErr> {
    let backend = Engine::of(db);
    let is_null = |column: &String| format!("{} IS NULL", identifier(backend, column));
    let any_is_null: Vec<String> = columns.iter().map(is_null).collect();
    let sql = format!(
        "SELECT count(*) FROM {} WHERE {}",
        identifier(backend, table),
        any_is_null.join(" OR ")
    );
    count(db, &sql).await
}

async fn duplicates(
    db: &impl ConnectionTrait,
    table: &str,
    columns: &[String],
    listed: &str,
) -> Result<i64, DbErr> {
    let backend = Engine::of(db);
    let is_there = |column: &String| format!("{} IS NOT NULL", identifier(backend, column));
    let all_are_there: Vec<String> = columns.iter().map(is_there).collect();
    let sql = format!(
        "SELECT count(*) FROM (SELECT {listed} FROM {} WHERE {} GROUP BY {listed} HAVING count(*) > 1) twice",
        identifier(backend, table),
        all_are_there.join(" AND ")
    );
    count(db, &sql).await
}

impl Orphans {
    /// Returns the FROM and WHERE of the query that finds orphans: `c` is the table, `p` the one
    /// that it refers to.
    fn from(backend: Engine, table: &str, key: &ForeignKey) -> String {
        let quoted = |name: &str| identifier(backend, name);
        let (column, reference) = (
            quoted(&key.columns.concat()),
            quoted(&key.references.concat()),
        );
        format!(
            "FROM {} c LEFT JOIN {} p ON p.{reference} = c.{column} \
             WHERE c.{column} IS NOT NULL AND p.{reference} IS NULL",
            quoted(table),
            quoted(&key.table)
        )
    }

    /// Returns the query that lists the orphans, with the columns that identify them.
    pub(crate) fn query(
        backend: Engine,
        table: &str,
        key: &ForeignKey,
        id: Option<&str>,
    ) -> String {
        let column = key.columns.concat();
        let read = id.into_iter().chain([column.as_str()]);
        let read: Vec<String> = read
            .map(|name| format!("c.{}", identifier(backend, name)))
            .collect();
        let from = Self::from(backend, table, key);
        format!("SELECT {} {from}", read.join(", "))
    }

    /// Returns the condition for an orphan in a statement on the table itself.
    pub(crate) fn condition(backend: Engine, table: &str, key: &ForeignKey) -> String {
        let quoted = |name: &str| identifier(backend, name);
        let (table, column) = (quoted(table), quoted(&key.columns.concat()));
        format!(
            "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {} p WHERE p.{} = {table}.{column})",
            quoted(&key.table),
            quoted(&key.references.concat())
        )
    }

    /// Returns the same condition for Citus: if every node has the rows that are referred to, its
    /// DELETE of a local table can join them in no other way.
    pub(crate) fn condition_by_value(backend: Engine, table: &str, key: &ForeignKey) -> String {
        let column = identifier(backend, &key.columns.concat());
        let from = Self::from(backend, table, key);
        format!("{column} IN (SELECT c.{column} {from})")
    }

    pub(crate) async fn count(
        db: &impl ConnectionTrait,
        table: &str,
        key: &ForeignKey,
    ) -> Result<u64, DbErr> {
        let from = Self::from(Engine::of(db), table, key);
        let rows = count(db, &format!("SELECT count(*) {from}")).await?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }
}

async fn orphans(
    db: &impl ConnectionTrait,
    table: &str,
    key: &ForeignKey,
    (id, kinds): (Option<&str>, [Type; 2]),
) -> Result<Option<Orphans>, DbErr> {
    let backend = Engine::of(db);
    let from = Orphans::from(backend, table, key);
    let count = count(db, &format!("SELECT count(*) {from}")).await?;
    if count == 0 {
        return Ok(None);
    }
    let [id_kind, key_kind] = kinds;
    let as_text = |column: &str, kind: Type| {
        kind.exact_text(backend, &format!("c.{}", identifier(backend, column)))
    };
    let id_as_text = match id {
        Some(id) => format!("coalesce({}, 'NULL')", as_text(id, id_kind)),
        None => "NULL".to_owned(),
    };
    let examples = format!(
        "SELECT {id_as_text}, {} {from} LIMIT 5",
        as_text(&key.columns.concat(), key_kind)
    );
    let examples = rows(db, &examples, [], |row| {
        Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
    });
    Ok(Some(Orphans {
        key: key.clone(),
        count,
        examples: examples.await?,
        query: Orphans::query(backend, table, key, id),
    }))
}

/// Returns a number of rows in words.
pub(crate) fn counted(rows: impl Into<i128>) -> String {
    match rows.into() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// Counts up to a million rows and returns the number in words. Counting more would take too long.
pub(crate) async fn how_many(db: &impl ConnectionTrait, table: &str) -> Result<String, DbErr> {
    const MOST: i64 = 1_000_000;
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {}) counted",
        identifier(Engine::of(db), table),
        MOST + 1
    );
    Ok(match count(db, &sql).await? {
        rows if rows > MOST => format!("more than {MOST} rows"),
        rows => counted(rows),
    })
}

/// Returns whether a table has no row.
pub(crate) async fn is_empty(db: &impl ConnectionTrait, table: &str) -> Result<bool, Error> {
    let mut facts = Facts::default();
    facts.is_empty(table);
    facts.complete(db).await?;
    Ok(facts.is_empty(table))
}

/// The size of a table, and how its engine determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    unit: &'static str,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.bytes, self.unit)
    }
}

/// Returns the size of a table, on PostgreSQL including tables that inherit from it. Returns `None`
/// if no catalog of this connection contains it, as for a table whose rows are on other servers.
pub(crate) async fn size(
    db: &impl ConnectionTrait,
    table: &str,
    placement: &Placement,
) -> Result<Option<Size>, Error> {
    if !placement.is_here() {
        return Ok(None);
    }
    let backend = Engine::of(db);
    let (sql, unit) = match backend {
        Engine::Postgres => (
            format!(
                "WITH RECURSIVE family (id) AS (SELECT to_regclass({})::oid
                   UNION SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN family f ON f.id = h.inhparent)
                 SELECT sum(pg_table_size(id))::bigint FROM family",
                sql::literal(backend, &identifier(backend, table))
            ),
            "bytes",
        ),
        Engine::MySql => (
            format!(
                "SELECT CAST(data_length AS SIGNED) FROM information_schema.tables
                 WHERE table_schema = DATABASE() AND table_name = {}",
                sql::literal(backend, table)
            ),
            "bytes, as the server estimates",
        ),
        Engine::Sqlite => (
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size".to_owned(),
            "bytes in the file",
        ),
    };
    let bytes: Vec<Option<i64>> = list(db, &sql, [])
        .await
        .map_err(Error::looking_for(format!("the size of {table:?}")))?;
    let bytes = bytes.first().copied().flatten();
    let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
    Ok(bytes.map(|bytes| Size { bytes, unit }))
}

pub(crate) async fn count(db: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    Ok(list(db, sql, []).await?.pop().unwrap_or(0))
}

fn as_i64(backend: Engine, expression: &str) -> String {
    match backend {
        Engine::MySql => format!("cast({expression} AS signed)"),
        Engine::Postgres | Engine::Sqlite => format!("cast({expression} AS bigint)"),
    }
}
