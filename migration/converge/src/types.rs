//! The types with which a column can be declared, the types as which each is found, and what may be
//! widened to it.

use std::fmt;

use sea_query::{ColumnType, StringLen};

use crate::engine::Engine;

/// The type of a column, as far as it matters to the entities that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Type {
    Integer {
        bits: u8,
        signed: bool,
    },
    Text {
        length: Length,
        /// Whether its encoding has every character.
        any_character: bool,
    },
    Boolean,
    Float {
        bits: u8,
    },
    Decimal {
        precision: u32,
        scale: u32,
    },
    Bytes {
        /// Whether its length is limited.
        limited: bool,
    },
    Date,
    Timestamp {
        zone: bool,
    },
    Uuid,
    Json {
        binary: bool,
    },
    /// PostgreSQL's pseudo-type of an integer, which SQLite stores as the name of an unknown type.
    Serial,
    Other,
}

/// The maximum length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Length {
    Any,
    Characters(u32),
    /// Limited in another unit, or by a type that other engines call limited.
    Limited,
}

impl Type {
    pub(crate) const INTEGER: Self = Self::Integer {
        bits: 32,
        signed: true,
    };
    pub(crate) const TEXT: Self = Self::Text {
        length: Length::Any,
        any_character: true,
    };
    pub(crate) const LIMITED_TEXT: Self = Self::Text {
        length: Length::Limited,
        any_character: true,
    };

    /// Returns the type that a SeaQuery column declares; `None` if the engine cannot compare it.
    pub(crate) fn declared(column: &ColumnType) -> Option<Self> {
        let integer = |bits| Self::Integer { bits, signed: true };
        Some(match column {
            ColumnType::SmallInteger => integer(16),
            ColumnType::Integer => Self::INTEGER,
            ColumnType::BigInteger => integer(64),
            ColumnType::Text => Self::TEXT,
            ColumnType::String(StringLen::N(length)) => Self::Text {
                length: Length::Characters(*length),
                any_character: true,
            },
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Float => Self::Float { bits: 32 },
            ColumnType::Double => Self::Float { bits: 64 },
            ColumnType::Decimal(Some((precision, scale))) => Self::Decimal {
                precision: *precision,
                scale: *scale,
            },
            ColumnType::Blob => Self::Bytes { limited: false },
            ColumnType::Date => Self::Date,
            ColumnType::DateTime => Self::Timestamp { zone: false },
            ColumnType::Timestamp => Self::Timestamp { zone: false },
            ColumnType::TimestampWithTimeZone => Self::Timestamp { zone: true },
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Json => Self::Json { binary: false },
            ColumnType::JsonBinary => Self::Json { binary: true },
            _ => return None,
        })
    }

    /// Returns the SQL of a declared type on this engine.
    pub(crate) fn spelled(self, backend: Engine) -> String {
        // Each row is one type: PostgreSQL, MySQL and MariaDB, SQLite.
        let [postgres, mysql, sqlite] = match self {
            Self::Integer { bits: 16, .. } => ["smallint", "smallint", "smallint"],
            Self::Integer { bits: 64, .. } => ["bigint", "bigint", "bigint"],
            Self::Integer { .. } | Self::Serial => ["integer", "int", "integer"],
            Self::Text {
                length: Length::Characters(length),
                ..
            } => return format!("varchar({length})"),
            // MySQL's TEXT ends at 65,535 bytes.
            Self::Text { .. } => ["text", "longtext", "text"],
            Self::Boolean => ["boolean", "tinyint(1)", "boolean"],
            Self::Float { bits: 32 } => ["real", "float", "float"],
            Self::Float { .. } => ["double precision", "double", "double"],
            Self::Decimal { precision, scale } => {
                let name = match backend {
                    Engine::Sqlite => "real",
                    Engine::Postgres | Engine::MySql => "decimal",
                };
                return format!("{name}({precision}, {scale})");
            }
            Self::Bytes { .. } => ["bytea", "longblob", "blob"],
            Self::Date => ["date", "date", "date_text"],
            Self::Timestamp { zone: false } => ["timestamp", "datetime", "datetime_text"],
            Self::Timestamp { zone: true } => [
                "timestamp with time zone",
                "timestamp",
                "timestamp_with_timezone_text",
            ],
            Self::Uuid => ["uuid", "binary(16)", "uuid_text"],
            Self::Json { binary: false } => ["json", "json", "json_text"],
            Self::Json { binary: true } => ["jsonb", "json", "jsonb_text"],
            Self::Other => ["text", "longtext", "text"],
        };
        let spelled = match backend {
            Engine::MySql => mysql,
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
        };
        spelled.to_owned()
    }

    /// Returns whether a found type is what this engine makes of the declared one.
    pub(crate) fn is_found_as(self, found: Self, backend: Engine) -> bool {
        let is_same_elsewhere = match (self, backend) {
            // MySQL stores BOOLEAN as an 8-bit integer, and MariaDB stores JSON as text.
            (Self::Boolean, Engine::MySql) => matches!(found, Self::Integer { bits: 8, .. }),
            (Self::Json { .. }, Engine::MySql) => {
                matches!(found, Self::Json { .. } | Self::TEXT)
            }
            (Self::Decimal { .. }, Engine::Sqlite) => {
                matches!(found, Self::Float { .. } | Self::Decimal { .. })
            }
            // SQLite stores all of them alike.
            (Self::Float { .. }, Engine::Sqlite) => matches!(found, Self::Float { .. }),
            (Self::Json { .. }, Engine::Sqlite) => matches!(found, Self::Json { .. }),
            _ => false,
        };
        self == found || is_same_elsewhere
    }

    /// Returns whether every value of a found type is one of the declared type, so that the column
    /// can be widened.
    pub(crate) fn widens_to(self, declared: Self) -> bool {
        match (self, declared) {
            (
                Self::Integer {
                    bits: found,
                    signed,
                },
                Self::Integer { bits, signed: true },
            ) => match signed {
                true => found < bits,
                // An unsigned number needs one more bit.
                false => found < bits,
            },
            (
                Self::Text {
                    length: found,
                    any_character: had,
                },
                Self::Text {
                    length,
                    any_character: true,
                },
            ) => {
                self != declared
                    && match (found, length) {
                        (_, Length::Any) => true,
                        (Length::Characters(found), Length::Characters(length)) => {
                            found < length || (found == length && !had)
                        }
                        (Length::Any | Length::Characters(_) | Length::Limited, _) => false,
                    }
            }
            (Self::Json { .. }, Self::TEXT) => true,
            (Self::Float { bits: found }, Self::Float { bits }) => found < bits,
            (
                Self::Decimal {
                    precision: found,
                    scale: had,
                },
                Self::Decimal { precision, scale },
            ) => {
                self != declared
                    && scale >= had
                    && precision.saturating_sub(scale) >= found.saturating_sub(had)
            }
            (Self::Bytes { limited: true }, Self::Bytes { limited: false }) => true,
            _ => false,
        }
    }

    /// Returns the expression for a value of a quoted column as text from which the value can be
    /// restored: bytes in hexadecimal, numbers with all digits.
    pub(crate) fn exact_text(self, backend: Engine, column: &str) -> String {
        match (backend, self) {
            // The type of a value does not depend on its column.
            (Engine::Sqlite, kind) => {
                let bytes = match kind {
                    Self::Bytes { .. } | Self::Uuid => format!("lower(hex({column}))"),
                    // A literal, which no text of hexadecimal digits looks like.
                    Self::Integer { .. }
                    | Self::Serial
                    | Self::Text { .. }
                    | Self::Boolean
                    | Self::Float { .. }
                    | Self::Decimal { .. }
                    | Self::Date
                    | Self::Timestamp { .. }
                    | Self::Json { .. }
                    | Self::Other => format!("quote({column})"),
                };
                format!(
                    "CASE typeof({column}) WHEN 'blob' THEN {bytes} \
                     WHEN 'real' THEN quote({column}) ELSE CAST({column} AS text) END"
                )
            }
            (Engine::MySql, Self::Bytes { .. } | Self::Uuid) => format!("lower(hex({column}))"),
            // A FLOAT by itself is printed with six digits.
            (Engine::MySql, Self::Float { .. }) => format!("CAST({column} + 0e0 AS char)"),
            (Engine::MySql, _) => format!("CAST({column} AS char)"),
            (Engine::Postgres, Self::Bytes { .. }) => format!("encode({column}, 'hex')"),
            // In one order under any `datestyle`.
            (Engine::Postgres, Self::Date | Self::Timestamp { .. }) => {
                format!("to_json({column}) #>> '{{}}'")
            }
            (Engine::Postgres, _) => format!("CAST({column} AS text)"),
        }
    }

    /// Returns SQLite's condition for a value of a quoted column that the entities cannot read as
    /// this type.
    pub(crate) fn unreadable(self, column: &str) -> Option<String> {
        let stored = match self {
            Self::Integer { bits, .. } => {
                let (least, most) = integer_range(bits);
                return Some(format!(
                    "typeof({column}) NOT IN ('integer', 'null') OR {column} NOT BETWEEN {least} AND {most}"
                ));
            }
            Self::Text { .. } | Self::Date | Self::Timestamp { .. } => "'text', 'null'",
            Self::Json { .. } => "'text', 'null'",
            Self::Boolean => "'integer', 'null'",
            Self::Float { .. } | Self::Decimal { .. } => "'real', 'integer', 'null'",
            Self::Bytes { .. } => "'blob', 'null'",
            Self::Uuid => "'blob', 'text', 'null'",
            Self::Serial | Self::Other => return None,
        };
        Some(format!("typeof({column}) NOT IN ({stored})"))
    }

    /// Returns the largest number of an integer type.
    pub(crate) fn largest(self) -> i64 {
        match self {
            Self::Integer { bits, .. } => integer_range(bits).1,
            _ => i64::from(i32::MAX),
        }
    }
}

fn integer_range(bits: u8) -> (i64, i64) {
    let shift = u32::from(64_u8.saturating_sub(bits)).min(63);
    (i64::MIN >> shift, i64::MAX >> shift)
}

/// Prints the type in plain words, for reports.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { bits, signed: true } => write!(f, "{bits}-bit integer"),
            Self::Integer {
                bits,
                signed: false,
            } => write!(f, "unsigned {bits}-bit integer"),
            Self::Text {
                length: Length::Characters(length),
                ..
            } => write!(f, "text of at most {length} characters"),
            Self::Text {
                length: Length::Any,
                ..
            } => f.write_str("text of any length"),
            Self::Text {
                length: Length::Limited,
                ..
            } => f.write_str("text of limited length"),
            Self::Boolean => f.write_str("boolean"),
            Self::Float { bits } => write!(f, "{bits}-bit floating-point number"),
            Self::Decimal { precision, scale } => {
                write!(f, "decimal of {precision} digits, {scale} after the point")
            }
            Self::Bytes { .. } => f.write_str("bytes of any length"),
            Self::Date => f.write_str("date"),
            Self::Timestamp { zone: false } => f.write_str("timestamp without time zone"),
            Self::Timestamp { zone: true } => f.write_str("timestamp with time zone"),
            Self::Uuid => f.write_str("UUID"),
            Self::Json { binary: false } => f.write_str("JSON"),
            Self::Json { binary: true } => f.write_str("binary JSON"),
            Self::Serial | Self::Other => f.write_str("another type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(bits: u8) -> Type {
        Type::Integer { bits, signed: true }
    }

    fn varchar(length: u32) -> Type {
        Type::Text {
            length: Length::Characters(length),
            any_character: true,
        }
    }

    #[test]
    fn a_type_widens_to_one_that_holds_all_of_its_values() {
        let decimal = |precision, scale| Type::Decimal { precision, scale };
        let latin = Type::Text {
            length: Length::Characters(8),
            any_character: false,
        };
        let unsigned = Type::Integer {
            bits: 32,
            signed: false,
        };
        let widens = [
            (integer(16), integer(32)),
            (integer(32), integer(64)),
            (unsigned, integer(64)),
            (varchar(4), varchar(8)),
            (varchar(4), Type::TEXT),
            (latin, varchar(8)),
            (Type::LIMITED_TEXT, Type::TEXT),
            (Type::Json { binary: true }, Type::TEXT),
            (Type::Float { bits: 32 }, Type::Float { bits: 64 }),
            (decimal(6, 2), decimal(8, 2)),
            (
                Type::Bytes { limited: true },
                Type::Bytes { limited: false },
            ),
        ];
        for (found, declared) in widens {
            assert!(found.widens_to(declared), "{found} to {declared}");
            assert!(!declared.widens_to(found), "{declared} to {found}");
        }
        let stays = [
            (unsigned, integer(32)),
            (Type::TEXT, Type::TEXT),
            (varchar(8), varchar(8)),
            (Type::LIMITED_TEXT, varchar(8)),
            (decimal(6, 2), decimal(6, 4)),
            (Type::Date, Type::Timestamp { zone: false }),
            (
                Type::Timestamp { zone: false },
                Type::Timestamp { zone: true },
            ),
            (Type::Json { binary: false }, Type::Json { binary: true }),
            (Type::Uuid, Type::TEXT),
            (Type::Boolean, integer(16)),
        ];
        for (found, declared) in stays {
            assert!(!found.widens_to(declared), "{found} to {declared}");
        }
    }

    #[test]
    fn an_integer_type_ends_where_its_bits_do() {
        assert_eq!(integer(16).largest(), i64::from(i16::MAX));
        assert_eq!(integer(32).largest(), i64::from(i32::MAX));
        assert_eq!(integer(64).largest(), i64::MAX);
    }

    #[test]
    fn every_declared_type_is_found_as_itself() {
        let declared = [
            ColumnType::SmallInteger,
            ColumnType::Integer,
            ColumnType::BigInteger,
            ColumnType::Text,
            ColumnType::String(StringLen::N(8)),
            ColumnType::Boolean,
            ColumnType::Float,
            ColumnType::Double,
            ColumnType::Decimal(Some((8, 2))),
            ColumnType::Blob,
            ColumnType::Date,
            ColumnType::DateTime,
            ColumnType::TimestampWithTimeZone,
            ColumnType::Uuid,
            ColumnType::Json,
            ColumnType::JsonBinary,
        ];
        for column in declared {
            let declared = Type::declared(&column);
            for backend in [Engine::Postgres, Engine::MySql, Engine::Sqlite] {
                assert!(
                    declared.is_some_and(|declared| declared.is_found_as(declared, backend)),
                    "{column:?}"
                );
            }
        }
    }
}
