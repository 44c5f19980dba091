//! Queries on the rows themselves: NULLs, duplicates, rows that violate a foreign key, the numbers of a sequence.
//! A constraint is added only where they allow it. The comparison asks for what it needs and has not been told.

use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    Error,
    engine::Engine,
    inspect::{list, rows},
    model::{ForeignKey, Placement, Table},
    sql::{self, identifier},
    types::Type,
};

/// A question on the rows of a table.
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
    /// How many combinations of values stand in several rows.
    Duplicates {
        table: String,
        columns: Vec<String>,
    },
    Orphans {
        table: String,
        key: ForeignKey,
        /// The column that identifies a row, for examples.
        id: String,
        /// The types of that and of the key's column, as found.
        kinds: [Type; 2],
    },
    /// PostgreSQL. The name is as the server prints it, quoted where necessary.
    Sequence {
        table: String,
        column: String,
        kind: Type,
        name: String,
    },
    /// SQLite: the rows whose value is of another type than declared.
    Unreadable {
        table: String,
        column: String,
        condition: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Answer {
    Rows(i64),
    Keys(Keys),
    Orphans(Option<Box<Orphans>>),
    Sequence(Option<SequenceState>),
}

/// What is known of the rows, and what the comparison has missed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    known: Vec<(Question, Answer)>,
    missing: Vec<Question>,
}

/// What prevents columns from being the primary key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Keys {
    /// Rows with NULL in one of them.
    pub(crate) null: i64,
    /// Values that stand in several rows.
    pub(crate) duplicate: i64,
}

/// Rows that refer to a row that does not exist.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Orphans {
    pub(crate) key: ForeignKey,
    pub(crate) count: i64,
    /// The ids of a few, as text, with the value of the foreign key.
    pub(crate) examples: Vec<(String, String)>,
    /// The query that lists them.
    pub(crate) query: String,
}

/// PostgreSQL: the numbers that a sequence gives.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct SequenceState {
    pub(crate) next: i64,
    /// The largest number in the column.
    pub(crate) largest: i64,
    /// Its type, where that ends before the column's.
    pub(crate) narrow: Option<String>,
    /// The largest number that the column can hold.
    pub(crate) limit: i64,
}

impl SequenceState {
    /// Returns whether the next number is unused and fits into the column.
    pub(crate) fn is_usable(&self) -> bool {
        self.next > self.largest && self.next <= self.limit
    }
}

impl Facts {
    pub(crate) fn is_empty(&mut self, table: &str) -> bool {
        let question = Question::IsEmpty {
            table: table.to_owned(),
        };
        self.count(question) == 0
    }

    /// Returns how many rows an answer gives, 0 until it is known.
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

    pub(crate) fn orphans(&mut self, table: &Table, key: &ForeignKey, id: &str) -> Option<Orphans> {
        let question = Question::Orphans {
            table: table.name.clone(),
            key: key.clone(),
            id: id.to_owned(),
            kinds: [id, &key.columns.concat()]
                .map(|name| table.column(name).map_or(Type::Other, |column| column.kind)),
        };
        match self.ask(question) {
            Some(Answer::Orphans(orphans)) => orphans.map(|orphans| *orphans),
            _ => None,
        }
    }

    pub(crate) fn sequence(
        &mut self,
        table: &str,
        column: (&str, Type),
        name: &str,
    ) -> Option<SequenceState> {
        let question = Question::Sequence {
            table: table.to_owned(),
            column: column.0.to_owned(),
            kind: column.1,
            name: name.to_owned(),
        };
        match self.ask(question) {
            Some(Answer::Sequence(state)) => state,
            _ => None,
        }
    }

    fn ask(&mut self, question: Question) -> Option<Answer> {
        let known = self.known.iter().find(|(known, _)| *known == question);
        if let Some((_, answer)) = known {
            return Some(answer.clone());
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
            missing: Vec::new(),
        }
    }

    /// Queries the database for what was missed. Returns whether anything was.
    pub(crate) async fn complete(&mut self, db: &impl ConnectionTrait) -> Result<bool, Error> {
        let missing = std::mem::take(&mut self.missing);
        let is_any = !missing.is_empty();
        for question in missing {
            let answer = answer(db, &question).await;
            let answer = answer.map_err(Error::looking_for(question.to_string()))?;
            self.known.push((question, answer));
        }
        Ok(is_any)
    }
}

/// What is looked for, for an error.
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
            Self::Sequence { name, .. } => write!(f, "the sequence {name}"),
            Self::Unreadable { table, column, .. } => write!(f, "the values of {table}.{column}"),
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
            let orphans = orphans(db, table, key, (id, *kinds)).await?;
            Answer::Orphans(orphans.map(Box::new))
        }
        Question::Sequence {
            table,
            column,
            kind,
            name,
        } => Answer::Sequence(sequence(db, table, column, *kind, name).await?),
        Question::Unreadable {
            table, condition, ..
        } => {
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", quoted(table));
            Answer::Rows(count(db, &sql).await?)
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
    /// The FROM and WHERE of the query that finds them: `c` is the table, `p` the one that it refers to.
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

    /// The query that lists them, with the columns that identify them.
    pub(crate) fn query(backend: Engine, table: &str, key: &ForeignKey, id: &str) -> String {
        let quoted = |name: &str| identifier(backend, name);
        format!(
            "SELECT c.{}, c.{} {}",
            quoted(id),
            quoted(&key.columns.concat()),
            Self::from(backend, table, key)
        )
    }

    /// The condition of an orphan in a statement on the table itself.
    pub(crate) fn condition(backend: Engine, table: &str, key: &ForeignKey) -> String {
        let quoted = |name: &str| identifier(backend, name);
        let (table, column) = (quoted(table), quoted(&key.columns.concat()));
        format!(
            "{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {} p WHERE p.{} = {table}.{column})",
            quoted(&key.table),
            quoted(&key.references.concat())
        )
    }

    /// The same for Citus: where every node has what the rows refer to, its DELETE of a local table joins that in no
    /// other way.
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
    (id, kinds): (&str, [Type; 2]),
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
    let examples = format!(
        "SELECT coalesce({}, 'NULL'), {} {from} LIMIT 5",
        as_text(id, id_kind),
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

async fn sequence(
    db: &impl ConnectionTrait,
    table: &str,
    column: &str,
    kind: Type,
    sequence: &str,
) -> Result<Option<SequenceState>, DbErr> {
    let backend = Engine::Postgres;
    let bytes = |bits: u8| bits / 8;
    let size = match kind {
        Type::Integer { bits, .. } => bytes(bits),
        _ => bytes(32),
    };
    let state = format!(
        "SELECT s.last_value + CASE WHEN s.is_called THEN 1 ELSE 0 END,
                coalesce((SELECT max({}) FROM {}), 0)::bigint,
                (SELECT format_type(q.seqtypid, NULL) FROM pg_catalog.pg_sequence q
                 JOIN pg_catalog.pg_type t ON t.oid = q.seqtypid
                 WHERE q.seqrelid = to_regclass($1) AND t.typlen < {size})
         FROM {sequence} s",
        identifier(backend, column),
        identifier(backend, table)
    );
    let found = rows(db, &state, [sequence.into()], |row| {
        Ok(SequenceState {
            next: row.try_get_by_index(0)?,
            largest: row.try_get_by_index(1)?,
            narrow: row.try_get_by_index(2)?,
            limit: kind.largest(),
        })
    });
    Ok(found.await?.into_iter().next())
}

/// A number of rows in words.
pub(crate) fn counted(rows: impl Into<i128>) -> String {
    match rows.into() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// Counts up to a million rows, in words: more would take too long.
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

/// Returns how large a table is, in words. `None` where no catalog of this connection knows it, as for a
/// table whose rows are on other servers.
pub(crate) async fn size(
    db: &impl ConnectionTrait,
    table: &str,
    placement: &Placement,
) -> Result<Option<String>, Error> {
    match placement {
        Placement::Local | Placement::Managed => {}
        Placement::Reference
        | Placement::Distributed { .. }
        | Placement::Ranges { .. }
        | Placement::SingleShard { .. } => {
            return Ok(None);
        }
    }
    let backend = Engine::of(db);
    let (sql, unit) = match backend {
        Engine::Postgres => (
            format!(
                "SELECT pg_table_size(to_regclass({}))",
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
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size".to_owned(),
            "bytes in the file",
        ),
    };
    let bytes: Vec<Option<i64>> = list(db, &sql, [])
        .await
        .map_err(Error::looking_for(format!("the size of {table:?}")))?;
    Ok(bytes
        .first()
        .copied()
        .flatten()
        .map(|bytes| format!("{bytes} {unit}")))
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
