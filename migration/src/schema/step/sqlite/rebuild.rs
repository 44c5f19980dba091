//! SQLite's own procedure for changes that ALTER TABLE cannot make: a table beside the old one, the
//! rows, the old name, and what hung on it.
//!
//! The new table is the old one's statement with the differences mended in its syntax tree, so that
//! whatever else it says is said again.

use sea_orm::DbBackend;
use sqlparser::{
    ast::{
        ColumnDef, ColumnOption, ColumnOptionDef, CreateTable, DataType, ForeignKeyConstraint,
        Ident, ObjectName, PrimaryKeyConstraint, ReferentialAction, Statement, TableConstraint,
    },
    dialect::SQLiteDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer, Whitespace},
};

use crate::{
    schema::{
        declared::{DOCUMENTS, VECTORS, VECTORS_DOC_ID_FKEY},
        difference::Difference,
        live::{ColumnKind, Filled, Live, Table},
    },
    sql,
};

/// The name while it is filled; the transaction that makes it also renames it.
const REBUILT: &str = "vectors_rebuilt";

/// The statements that mend all of these at once, or why there are none.
pub(super) fn statements(live: &Live, mended: &[&Difference]) -> Result<Vec<String>, String> {
    let vectors = live
        .vectors
        .as_ref()
        .ok_or("there is no table to rebuild")?;
    let (made_by, hanging_on) = vectors
        .statements
        .split_first()
        .ok_or("SQLite tells no statement that made the table")?;
    if let Some(referrer) = vectors
        .kept
        .iter()
        .find(|kept| kept.starts_with("foreign key of "))
    {
        return Err(format!(
            "there is a {referrer}, and SQLite would act on it when the table is rebuilt: \
             drop that table's key, repair, and add it again"
        ));
    }
    if let Some(more) = hanging_on.iter().find(|sql| !sql::is_one_statement(sql)) {
        return Err(format!(
            "the schema of the file holds more than one statement at `{more}`: rebuild the table by hand"
        ));
    }
    let mut table = parse(made_by)?;
    if names_itself(made_by) {
        return Err(
            "a check in its statement names the table, which has another name while it is rebuilt: \
             rebuild the table by hand"
                .to_owned(),
        );
    }
    let rebuilt = live.free_name(REBUILT);
    let copy_rows = copy_rows(vectors, &rebuilt, table.without_rowid);
    table.name = ObjectName::from(vec![Ident::with_quote('"', rebuilt.as_str())]);
    for difference in mended {
        mend(&mut table, difference)?;
    }
    let mut statements = vec![with_comments(&table.to_string(), made_by), copy_rows];
    if is_auto_increment(made_by) {
        statements.extend(keep_sequence(&rebuilt));
    }
    statements.push("DROP TABLE vectors".to_owned());
    statements.push(format!("ALTER TABLE {rebuilt} RENAME TO vectors"));
    statements.extend(hanging_on.iter().cloned());
    Ok(statements)
}

/// Only what comes out again word for word has been understood.
fn parse(sql: &str) -> Result<CreateTable, String> {
    let not_understood = |reason: &str| {
        Err(format!(
            "the statement that made the table is not understood ({reason}): rebuild the table by hand"
        ))
    };
    let parsed = match Parser::parse_sql(&SQLiteDialect {}, sql) {
        Ok(mut parsed) => parsed.pop(),
        Err(error) => return not_understood(&error.to_string()),
    };
    match parsed {
        Some(Statement::CreateTable(table)) if words(sql) == words(&table.to_string()) => Ok(table),
        Some(Statement::CreateTable(_)) => not_understood("part of it would be lost"),
        _ => not_understood("it creates no table"),
    }
}

fn words(sql: &str) -> Option<Vec<String>> {
    let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize().ok()?;
    let words = tokens.iter().filter_map(|token| match token {
        Token::Whitespace(_) => None,
        Token::Word(word) => Some(word.value.to_lowercase()),
        token => Some(token.to_string()),
    });
    Some(words.collect())
}

/// `vectors.page`, as an expression may call a column.
fn names_itself(sql: &str) -> bool {
    let words = words(sql).unwrap_or_default();
    words
        .windows(2)
        .any(|two| two[0] == VECTORS && two[1] == ".")
}

/// A syntax tree has none: those of the older statement go to the end of the new one.
fn with_comments(sql: &str, older: &str) -> String {
    let tokens = Tokenizer::new(&SQLiteDialect {}, older)
        .tokenize()
        .unwrap_or_default();
    let comments: String = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => Some(comment),
            Token::Whitespace(Whitespace::MultiLineComment(comment)) => Some(comment),
            _ => None,
        })
        .map(|comment| format!(" /* {} */", comment.trim().replace("*/", "* /")))
        .collect();
    match sql.rsplit_once(')') {
        Some((body, options)) => format!("{body}{comments}){options}"),
        None => sql.to_owned(),
    }
}

fn is_auto_increment(sql: &str) -> bool {
    words(sql).is_some_and(|words| words.iter().any(|word| word == "autoincrement"))
}

fn mend(table: &mut CreateTable, difference: &Difference) -> Result<(), String> {
    match difference {
        Difference::Narrow { column, live, .. } => {
            column_mut(table, column)?.data_type = match live.kind {
                ColumnKind::Integer { .. } => DataType::Integer(None),
                _ => DataType::Text,
            };
        }
        Difference::Nullable { column, .. } => {
            let options = &mut column_mut(table, column)?.options;
            options.retain(|option| option.option != ColumnOption::Null);
            options.push(plain(ColumnOption::NotNull));
        }
        Difference::PrimaryKey { .. } | Difference::AutoIncrement { .. } => number_rows(table)?,
        Difference::ForeignKeyAbsent => table.constraints.push(foreign_key().into()),
        Difference::ForeignKeyUnlike { .. } => return cascade(table),
        _ => {}
    }
    Ok(())
}

/// `id` becomes SQLite's rowid, which no type but INTEGER does.
fn number_rows(table: &mut CreateTable) -> Result<(), String> {
    table.without_rowid = false;
    table
        .constraints
        .retain(|constraint| !matches!(constraint, TableConstraint::PrimaryKey(_)));
    let id = column_mut(table, "id")?;
    id.data_type = DataType::Integer(None);
    id.options.retain(|option| {
        let is_key = matches!(
            option.option,
            ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_)
        );
        let is_number = matches!(&option.option, ColumnOption::DialectSpecific(_));
        let is_null = matches!(option.option, ColumnOption::Null | ColumnOption::NotNull);
        !is_key && !is_number && !is_null
    });
    let primary_key = PrimaryKeyConstraint {
        name: None,
        index_name: None,
        index_type: None,
        columns: Vec::new(),
        include: Vec::new(),
        index_options: Vec::new(),
        characteristics: None,
    };
    let numbered = [
        ColumnOption::NotNull,
        ColumnOption::PrimaryKey(primary_key),
        ColumnOption::DialectSpecific(vec![Token::make_keyword("AUTOINCREMENT")]),
    ];
    id.options.splice(0..0, numbered.map(plain));
    Ok(())
}

/// Every key from `doc_id` to `documents` gets the action; its name and the rest stay.
fn cascade(table: &mut CreateTable) -> Result<(), String> {
    let of_columns = table
        .columns
        .iter_mut()
        .filter(|column| column.name.value.eq_ignore_ascii_case("doc_id"))
        .flat_map(|column| &mut column.options)
        .filter_map(|option| match &mut option.option {
            ColumnOption::ForeignKey(key) => Some(key),
            _ => None,
        });
    let of_table = table
        .constraints
        .iter_mut()
        .filter_map(|constraint| match constraint {
            TableConstraint::ForeignKey(key)
                if key.columns.len() == 1
                    && key.columns[0].value.eq_ignore_ascii_case("doc_id") =>
            {
                Some(key)
            }
            _ => None,
        });
    let mut found = false;
    for key in of_columns.chain(of_table) {
        let parent = key.foreign_table.0.last().and_then(|part| part.as_ident());
        if parent.is_some_and(|parent| parent.value.eq_ignore_ascii_case(DOCUMENTS)) {
            key.on_delete = Some(ReferentialAction::Cascade);
            found = true;
        }
    }
    match found {
        true => Ok(()),
        false => Err(
            "its statement shows no key from doc_id to documents: rebuild the table by hand"
                .to_owned(),
        ),
    }
}

fn foreign_key() -> ForeignKeyConstraint {
    ForeignKeyConstraint {
        name: Some(Ident::new(VECTORS_DOC_ID_FKEY)),
        index_name: None,
        columns: vec![Ident::new("doc_id")],
        foreign_table: ObjectName::from(vec![Ident::new(DOCUMENTS)]),
        referred_columns: vec![Ident::new("id")],
        on_delete: Some(ReferentialAction::Cascade),
        on_update: None,
        match_kind: None,
        characteristics: None,
    }
}

fn column_mut<'t>(table: &'t mut CreateTable, name: &str) -> Result<&'t mut ColumnDef, String> {
    table
        .columns
        .iter_mut()
        .find(|column| column.name.value.eq_ignore_ascii_case(name))
        .ok_or(format!("its statement names no column {name}"))
}

fn plain(option: ColumnOption) -> ColumnOptionDef {
    ColumnOptionDef { name: None, option }
}

/// Rows without an id come last, so that they get numbers that no row has, in the order in which they
/// were inserted.
fn copy_rows(vectors: &Table, rebuilt: &str, without_rowid: bool) -> String {
    let columns: Vec<String> = vectors
        .columns
        .iter()
        .filter(|column| column.filled != Filled::Generated)
        .map(|column| sql::identifier(DbBackend::Sqlite, &column.name))
        .collect();
    let columns = columns.join(", ");
    let order = match without_rowid {
        true => "id",
        false => "id IS NULL, id, rowid",
    };
    format!("INSERT INTO {rebuilt} ({columns}) SELECT {columns} FROM vectors ORDER BY {order}")
}

/// The last number given may be larger than any that is left.
fn keep_sequence(rebuilt: &str) -> [String; 2] {
    [
        format!("DELETE FROM sqlite_sequence WHERE name = '{rebuilt}'"),
        format!(
            "INSERT INTO sqlite_sequence (name, seq) \
             SELECT '{rebuilt}', seq FROM sqlite_sequence WHERE name = 'vectors' COLLATE NOCASE"
        ),
    ]
}
