//! Names and texts in statements: the one place where either is quoted.
//!
//! Whatever comes from a catalog or from a caller reaches a statement through here, as a parameter, or as an
//! expression that a function of the server has printed, like `pg_get_expr`, which quotes by itself.

use sea_orm::DbBackend;

/// Quotes a name. MySQL reads backticks as such also under `ANSI_QUOTES`.
pub fn identifier(backend: DbBackend, name: &str) -> String {
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
pub fn literal(backend: DbBackend, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match backend {
        DbBackend::Sqlite => format!("'{doubled}'"),
        _ if !text.contains('\\') => format!("'{doubled}'"),
        DbBackend::MySql => format!("'{}'", doubled.replace('\\', "\\\\")),
        _ => format!("E'{}'", doubled.replace('\\', "\\\\")),
    }
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
}
