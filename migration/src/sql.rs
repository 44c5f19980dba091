//! Names and texts in statements: the one place where either is quoted.
//!
//! Whatever comes from a catalog or from a caller reaches a statement through here, as a parameter, or as an
//! expression that a function of the server has printed, like `pg_get_expr`, which quotes by itself.

use sea_orm::DbBackend;
use sqlparser::{
    dialect::SQLiteDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer},
};

/// Quotes a name. MySQL reads backticks as such also under `ANSI_QUOTES`.
pub(crate) fn identifier(backend: DbBackend, name: &str) -> String {
    let quote = quote(backend);
    format!("{quote}{}{quote}", within_quotes(backend, name))
}

/// Doubles the quotes in a name, for SeaQuery: it puts the names of keys, constraints and indexes between quotes as
/// they are.
pub(crate) fn within_quotes(backend: DbBackend, name: &str) -> String {
    let quote = quote(backend);
    name.replace(quote, &quote.repeat(2))
}

fn quote(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::MySql => "`",
        _ => "\"",
    }
}

/// Quotes a text. PostgreSQL reads it alike whatever `standard_conforming_strings` is; MySQL's
/// `NO_BACKSLASH_ESCAPES` leaves no such spelling, and is off while a statement of ours with a text runs.
pub(crate) fn literal(backend: DbBackend, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match backend {
        DbBackend::Sqlite => format!("'{doubled}'"),
        _ if !text.contains('\\') => format!("'{doubled}'"),
        DbBackend::MySql => format!("'{}'", doubled.replace('\\', "\\\\")),
        _ => format!("E'{}'", doubled.replace('\\', "\\\\")),
    }
}

/// Returns whether a statement of SQLite's schema table is one alone: whoever may write to that table may have
/// put another behind it, which SQLite itself does not read there.
pub(crate) fn is_one_statement(sql: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&SQLiteDialect {}, sql).tokenize() else {
        return false;
    };
    let mut tokens = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)));
    let keyword = |token: &Token| match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let is_trigger = tokens
        .clone()
        .take(3)
        .any(|token| keyword(token) == Keyword::TRIGGER);
    // The END of a trigger's body is the one that ends no CASE.
    let mut open_cases = 0_u32;
    let ends = |token: &&Token| match keyword(token) {
        _ if !is_trigger => **token == Token::SemiColon,
        Keyword::CASE => {
            open_cases += 1;
            false
        }
        Keyword::END if open_cases > 0 => {
            open_cases -= 1;
            false
        }
        keyword => keyword == Keyword::END,
    };
    tokens.find(ends);
    tokens.all(|token| *token == Token::SemiColon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_within_a_name_is_doubled() {
        assert_eq!(
            identifier(DbBackend::Postgres, r#"a"b`c'\"#),
            r#""a""b`c'\""#
        );
        assert_eq!(identifier(DbBackend::Sqlite, r#"a"b`"#), r#""a""b`""#);
        assert_eq!(identifier(DbBackend::MySql, r#"a"b`c'\"#), r#"`a"b``c'\`"#);
    }

    #[test]
    fn a_text_ends_where_it_ends_under_every_setting() {
        assert_eq!(literal(DbBackend::Postgres, "it's"), "'it''s'");
        assert_eq!(literal(DbBackend::Postgres, r"a\'b"), r"E'a\\''b'");
        assert_eq!(literal(DbBackend::MySql, r"a\'b"), r"'a\\''b'");
        assert_eq!(literal(DbBackend::Sqlite, r"a\'b"), r"'a\''b'");
    }

    #[test]
    fn what_stands_behind_a_statement_is_seen() {
        let whole = [
            "CREATE INDEX i ON vectors (page)",
            "CREATE INDEX i ON vectors (page); -- the end",
            "CREATE INDEX \"i; begin\" ON vectors (page) WHERE vector_ids <> ';'",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END",
        ];
        for sql in whole {
            assert!(is_one_statement(sql), "{sql}");
        }
        let more = [
            "CREATE INDEX i ON vectors (page); DROP TABLE documents",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT 1; END; DROP TABLE documents",
            "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END;; DROP TABLE x",
            "CREATE INDEX begin ON vectors (page); DROP TABLE x",
            "CREATE TRIGGER begin AFTER INSERT ON vectors BEGIN SELECT 1; END; DROP TABLE x",
            "CREATE INDEX i ON vectors (page) WHERE vector_ids <> '; DROP TABLE x",
        ];
        for sql in more {
            assert!(!is_one_statement(sql), "{sql}");
        }
    }
}
