//! Names and texts in statements: the one place where either is quoted.
//!
//! Whatever comes from a catalog or from a caller reaches a statement through this module, as a
//! parameter, or as an expression that a function of the server has printed, such as `pg_get_expr`,
//! which quotes by itself.

use crate::engine::Engine;

/// Quotes a name. MySQL reads backticks as quotes under `ANSI_QUOTES` too.
pub fn identifier(backend: Engine, name: &str) -> String {
    let quote = quote(backend);
    format!("{quote}{}{quote}", within_quotes(backend, name))
}

/// Doubles the quotes in a name, for SeaQuery, which puts the names of keys, constraints and
/// indexes between quotes without escaping them.
pub(crate) fn within_quotes(backend: Engine, name: &str) -> String {
    let quote = quote(backend);
    name.replace(quote, &quote.repeat(2))
}

fn quote(backend: Engine) -> &'static str {
    match backend {
        Engine::MySql => "`",
        Engine::Postgres | Engine::Sqlite => "\"",
    }
}

/// Quotes a text. PostgreSQL reads it in the same way under any `standard_conforming_strings`.
/// MySQL's `NO_BACKSLASH_ESCAPES` allows no such spelling, and is off while a statement of ours
/// with a text runs.
pub fn literal(backend: Engine, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    let has_backslash = text.contains('\\');
    match backend {
        Engine::MySql if has_backslash => format!("'{}'", doubled.replace('\\', "\\\\")),
        Engine::Postgres if has_backslash => format!("E'{}'", doubled.replace('\\', "\\\\")),
        Engine::Postgres | Engine::MySql | Engine::Sqlite => format!("'{doubled}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_within_a_name_is_doubled() {
        assert_eq!(identifier(Engine::Postgres, r#"a"b`c'\"#), r#""a""b`c'\""#);
        assert_eq!(identifier(Engine::Sqlite, r#"a"b`"#), r#""a""b`""#);
        assert_eq!(identifier(Engine::MySql, r#"a"b`c'\"#), r#"`a"b``c'\`"#);
    }

    #[test]
    fn a_text_ends_where_it_ends_under_every_setting() {
        assert_eq!(literal(Engine::Postgres, "it's"), "'it''s'");
        assert_eq!(literal(Engine::Postgres, r"a\'b"), r"E'a\\''b'");
        assert_eq!(literal(Engine::MySql, r"a\'b"), r"'a\\''b'");
        assert_eq!(literal(Engine::Sqlite, r"a\'b"), r"'a\''b'");
    }
}
