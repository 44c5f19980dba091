//! Tables, columns, indexes and foreign keys: one set of types for what is declared and for what is
//! found.

use std::{borrow::Cow, fmt};

pub(crate) use crate::types::Type;

/// The location of inspected tables: a database and, on PostgreSQL, a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The database's name; on SQLite its file.
    pub database: String,
    /// The schema of PostgreSQL in which new tables are created.
    pub schema: Option<String>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {:?}", self.database)?;
        match &self.schema {
            Some(schema) => write!(f, ", schema {schema:?}"),
            None => Ok(()),
        }
    }
}

/// A table, declared or found.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The schema of PostgreSQL that contains the table.
    pub(crate) schema: Option<String>,
    pub(crate) placement: Placement,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// What an inspection finds in addition; empty in a declared table.
    pub(crate) extras: Extras,
}

/// What the catalog says about a table beyond what can be declared.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Extras {
    /// The checks, on PostgreSQL only.
    pub(crate) checks: Vec<Check>,
    /// PostgreSQL: a sequence with the name of the auto-increment column's own that no column uses.
    pub(crate) spare_sequence: Option<Sequence>,
    /// Triggers, rules, foreign keys of other tables and similar objects, each as a phrase.
    pub(crate) kept: Vec<String>,
    /// Views, foreign keys of other tables and similar objects that prevent a change of a column's
    /// type, with the column.
    pub(crate) readers: Vec<(String, String)>,
    /// MySQL and MariaDB: indexes that would hold less of a column if it were a text of any length,
    /// with the column.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) cut: Vec<(String, String)>,
    /// MySQL and MariaDB: objects that may read no numbered column, with their expressions.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) expressions: Vec<(String, String)>,
    /// MySQL and MariaDB: the rows of a table of another storage engine that InnoDB would refuse.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) too_wide: Option<RowWidth>,
    /// PostgreSQL: what prevents a change of the type of any column.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) bonds: Vec<Bond>,
    /// PostgreSQL: the foreign keys whose triggers are ENABLE ALWAYS.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) always_enforced: Vec<String>,
    /// PostgreSQL: the table's owner, if that is another role than the current one.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) owner: Option<OtherOwner>,
    /// PostgreSQL: whether the current role may declare no foreign key that refers to the table.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "std::ops::Not::not")
    )]
    pub(crate) lacks_references: bool,
    /// PostgreSQL: the schema or the tablespace, as in GRANT, in which the current role may create
    /// no index and no sequence.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) lacks_create: Option<String>,
    /// PostgreSQL: the columns for which the server reads every row when their type changes.
    pub(crate) rereads: Vec<String>,
    /// MySQL and MariaDB: properties that make the server copy the table where it otherwise would
    /// not.
    pub(crate) copies: Vec<Copies>,
    /// PostgreSQL, MySQL and MariaDB: the sources of the triggers that can change a row before it
    /// is inserted.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) before_insert: Vec<String>,
    /// PostgreSQL: the INSTEAD rules.
    pub(crate) instead_rules: Vec<String>,
    /// Citus: what keeps it from distributing the table, each as a phrase.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) hinders: Vec<String>,
    /// SQLite: the statements that created the table, its indexes and its triggers, in this order.
    pub(crate) statements: Vec<String>,
    /// SQLite: the tables of statistics that contain this one.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) statistics: Vec<String>,
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) hidden: Vec<Hidden>,
}

/// MySQL and MariaDB: how many bytes of a row InnoDB would have to keep in one page, and how many it
/// can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct RowWidth {
    pub(crate) bytes: u64,
    pub(crate) most: u64,
}

/// A part of a table that this role may not see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Hidden {
    pub(crate) what: HiddenPart,
    /// The reason, and what would show it.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum HiddenPart {
    /// PostgreSQL: some of the rows.
    Rows,
    /// MySQL and MariaDB: the foreign keys, of which there are some.
    ForeignKeys,
    /// MySQL and MariaDB: the sources of triggers.
    Triggers,
}

impl Table {
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            schema: None,
            placement: Placement::Local,
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            extras: Extras::default(),
        }
    }

    /// Returns why this part is hidden from the role, if it is.
    pub(crate) fn hides(&self, part: HiddenPart) -> Option<&str> {
        let hidden = self.extras.hidden.iter().find(|one| one.what == part);
        hidden.map(|one| one.reason.as_str())
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the column whose numbers the engine gives, if there is one.
    pub(crate) fn auto_increment(&self) -> Option<&Column> {
        let is_numbered = |column: &&Column| matches!(column.filled, Filled::AutoIncrement { .. });
        self.columns.iter().find(is_numbered)
    }

    /// Returns whether a foreign key may refer to this column alone.
    pub(crate) fn is_key(&self, column: &str) -> bool {
        let serves = |index: &Index| index.is_key && index.columns == [column];
        self.indexes.iter().any(serves)
    }

    /// Returns the name of the primary key's constraint on PostgreSQL.
    pub(crate) fn primary_key_name(&self) -> String {
        let is_its = |index: &&Index| index.has_constraint && index.columns == self.primary_key;
        let index = self.indexes.iter().find(is_its);
        index.map_or(format!("{}_pkey", self.name), |index| index.name.clone())
    }

    /// Returns the foreign key by which the rows belong to another table: Citus places them where
    /// that table is.
    pub(crate) fn parent_key(&self) -> Option<&ForeignKey> {
        self.foreign_keys.iter().find(|key| key.columns.len() == 1)
    }
}

/// PostgreSQL: a connection of a table's columns with a type, because of which their types are not
/// changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Bond {
    /// The table is one of this composite type, which alone gives it columns.
    TypedTable(String),
    /// This column of another table holds rows of the table's type.
    RowsIn(String),
}

/// PostgreSQL: another role that owns a table, and what the current role may do in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum OtherOwner {
    /// The current role changes the table, and gives it a sequence.
    MayCreate(String),
    /// The current role changes the table, but the owner may create nothing in this schema.
    MayNotCreate { role: String, schema: String },
    /// The current role does not have the rights of the owner.
    Foreign(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Kind {
    Table,
    /// A table of a MySQL storage engine that parses foreign keys and ignores them.
    TableOfEngine(String),
    /// PostgreSQL: a table that a crash of the server empties.
    Unlogged,
    /// PostgreSQL: an unlogged table that inherits or that others inherit from.
    UnloggedInFamily,
    /// MySQL and MariaDB: a partitioned table, to which no foreign key can refer.
    Partitioned,
    /// A table that others can refer to, but whose own shape this engine does not change; its kind.
    ReferredTo(String),
    /// PostgreSQL: a table that others inherit from. A foreign key refers to its own rows only.
    InheritedFrom,
    /// Another object with the name; its kind.
    Other(String),
}

/// The changes for which a MySQL or MariaDB server copies a table, because of other properties of
/// the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Copies {
    /// A unique index over values of any length, which MariaDB stores as a hidden column.
    EveryChange,
    /// A generated column that is stored or indexed, or a full-text or spatial index.
    Rebuild,
    /// A stored generated column, with its expression: a foreign key on a column that this reads
    /// copies the table.
    GeneratedFrom(String),
}

/// Which sessions a statement blocks that changes a table's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Reach {
    Server,
    /// Every writer of a Galera cluster, whichever table it writes to: the nodes run such a
    /// statement at the same point among all others (`wsrep_OSU_method = TOI`).
    Cluster,
}

/// The placement of the rows. Every table is local except on Citus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Placement {
    Local,
    /// Local, and known to the other nodes. Only such tables refer to reference tables, and are
    /// referred to by them.
    Managed,
    /// Complete, on every node.
    Reference,
    /// Distributed to the nodes by a column's value. Equal values of colocated tables are on one
    /// node.
    Distributed {
        column: String,
        colocation: i64,
    },
    /// Distributed to the nodes by ranges of a column. No other table can be colocated with it.
    Ranges {
        column: String,
    },
    /// On every node except this one, which was not known to them when the table was created.
    OtherNodes,
    /// Distributed to the nodes, each row on several of them. Such a table accepts no foreign key.
    Copies {
        column: String,
    },
    /// Complete, on one node.
    SingleShard {
        colocation: i64,
    },
}

impl Placement {
    /// Returns whether the rows are only on this server.
    pub(crate) fn is_here(&self) -> bool {
        match self {
            Self::Local | Self::Managed => true,
            Self::Reference
            | Self::Distributed { .. }
            | Self::OtherNodes
            | Self::Ranges { .. }
            | Self::Copies { .. }
            | Self::SingleShard { .. } => false,
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => write!(f, "local"),
            Self::Managed => write!(f, "local and known to the other nodes"),
            Self::Reference => write!(f, "a reference table"),
            Self::Distributed { column, colocation } => {
                write!(f, "distributed by {column} (colocation group {colocation})")
            }
            Self::Ranges { column } => write!(f, "distributed by ranges of {column}"),
            Self::OtherNodes => {
                f.write_str("a reference table of which the coordinator has no copy")
            }
            Self::Copies { column } => write!(f, "distributed by {column} in several copies"),
            Self::SingleShard { colocation } => {
                write!(f, "on one shard (colocation group {colocation})")
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the engine prints it, or as it is declared.
    pub(crate) printed: String,
    pub(crate) kind: Type,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
    pub(crate) filled: Filled,
    /// What a change of the column has to repeat to keep it.
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Attributes {
    /// The collation; empty if it is the type's default.
    pub(crate) collation: String,
    pub(crate) comment: String,
    /// PostgreSQL: the storage settings of the column.
    pub(crate) storage: Vec<String>,
    /// A property that a change of the column would drop.
    pub(crate) unsaid: Option<String>,
    /// PostgreSQL: the NOT NULL constraint that has not been validated.
    pub(crate) not_validated: Option<String>,
    /// MariaDB: the check in the column's own definition.
    pub(crate) check: Option<String>,
    /// MySQL and MariaDB: the name as it was given, if not in lower case.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) spelled: Option<String>,
    /// MySQL and MariaDB: the collation of utf8mb4 that compares as the column's own does, if that
    /// is one of utf8mb3.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) of_any_character: Option<String>,
}

impl Column {
    /// Returns the name as it was given. MySQL compares names without case, and keeps the spelling.
    pub(crate) fn spelled(&self) -> &str {
        self.attributes.spelled.as_deref().unwrap_or(&self.name)
    }

    /// Returns the type as a report prints it: with its collation if that is why it does not hold
    /// every character. Only SQLite has columns without a type.
    pub(crate) fn printed_type(&self) -> Cow<'_, str> {
        let is_of_some_characters = matches!(
            self.kind,
            Type::Text {
                any_character: false,
                ..
            }
        );
        match (self.printed.as_str(), self.attributes.collation.as_str()) {
            ("", _) => Cow::Borrowed("without a type"),
            (printed, collation) if is_of_some_characters && !collation.is_empty() => {
                Cow::Owned(format!("{printed} COLLATE {collation}"))
            }
            (printed, _) => Cow::Borrowed(printed),
        }
    }
}

/// The source of a column's value if an INSERT leaves it out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Filled {
    /// The column's default, if it has one.
    ByDefault,
    /// The next number; on PostgreSQL that of the named sequence.
    AutoIncrement { sequence: Option<Sequence> },
    /// An expression; the column accepts no other value.
    Generated,
}

/// PostgreSQL: the source of a column's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Sequence {
    /// The name as the server prints it, quoted if necessary.
    pub(crate) name: String,
    pub(crate) owner: Owner,
}

/// The owner of a sequence. Only a sequence that the column itself owns may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Owner {
    TheColumn,
    /// Other columns use it too, whichever owns it; a list of them.
    Shared(String),
    /// Another column, or none.
    NotTheColumn,
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Index {
    pub(crate) name: String,
    /// The columns. An empty name stands for something other than the column's own value: an
    /// expression, a prefix, another collation.
    pub(crate) columns: Vec<String>,
    /// What the empty names stand for, as the engine prints it; on SQLite the whole index.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) expressions: Vec<String>,
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Nulls::are_distinct")
    )]
    pub(crate) nulls: Nulls,
    /// Unique over every row, so that a foreign key may refer to its columns.
    pub(crate) is_key: bool,
    /// PostgreSQL: a constraint depends on it.
    pub(crate) has_constraint: bool,
    /// Unique, also as an exclusion constraint that excludes equal rows.
    pub(crate) is_unique: bool,
    /// Complete, over every row, able to find equal values, and used by the planner.
    pub(crate) is_whole: bool,
    /// Of the default kind, over its columns alone and every row.
    pub(crate) is_plain: bool,
    pub(crate) unused: Option<Unused>,
}

/// Whether a unique index accepts several rows with NULL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Nulls {
    #[default]
    Distinct,
    /// PostgreSQL: NULLS NOT DISTINCT.
    Equal,
}

#[cfg(feature = "recording")]
impl Nulls {
    fn are_distinct(&self) -> bool {
        *self == Self::Distinct
    }
}

/// The reason why the planner does not use an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Unused {
    /// MySQL and MariaDB: it is hidden from the optimizer.
    Hidden(Shown),
    /// PostgreSQL: its build did not finish.
    Invalid,
    /// The same for an index with a comment, parameters, a tablespace or a collation of its own.
    InvalidFurnished,
}

/// The clause that shows a hidden index again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Shown {
    /// MariaDB's clause.
    NotIgnored,
    /// MySQL's clause.
    Visible,
}

impl Shown {
    pub(crate) fn clause(self) -> &'static str {
        match self {
            Self::NotIgnored => "NOT IGNORED",
            Self::Visible => "VISIBLE",
        }
    }
}

impl Index {
    /// Returns a whole and plain index, as a declaration creates it.
    pub(crate) fn declared(name: impl Into<String>, columns: Vec<String>, is_unique: bool) -> Self {
        Self {
            name: name.into(),
            columns,
            expressions: Vec::new(),
            nulls: Nulls::Distinct,
            is_key: is_unique,
            has_constraint: false,
            is_unique,
            is_whole: true,
            is_plain: true,
            unused: None,
        }
    }

    /// Returns whether it serves the purpose of the declared index: a lookup by the declared
    /// columns, and uniqueness.
    pub(crate) fn serves(&self, declared: &Self) -> bool {
        match declared.is_unique {
            true => self.is_key && self.is_whole && self.columns == declared.columns,
            false => self.is_whole && self.columns.starts_with(&declared.columns),
        }
    }

    /// Returns its columns, prefixes and expressions as a report prints them.
    pub(crate) fn columns_in_words(&self) -> String {
        let mut expressions = self.expressions.iter();
        let columns = self.columns.iter().map(|column| match column.as_str() {
            "" => expressions.next().map_or("an expression", String::as_str),
            column => column,
        });
        // SQLite shows the expressions of an index only together.
        let mut columns: Vec<&str> = columns.collect();
        columns.dedup();
        columns.join(", ")
    }

    /// Returns whether it would be exactly the declared index if the planner used it.
    pub(crate) fn is_unused(&self, declared: &Self) -> bool {
        self.unused.is_some()
            && self.is_plain
            && !self.has_constraint
            && self.is_unique == declared.is_unique
            && self.columns == declared.columns
    }
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) expression: String,
    pub(crate) validated: bool,
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct ForeignKey {
    /// The name; a key of SQLite may have none.
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) table: String,
    pub(crate) references: Vec<String>,
    /// The action in upper case, as in SQL.
    pub(crate) on_delete: String,
    pub(crate) on_update: String,
    /// The DEFERRABLE clause that a replacement has to repeat.
    pub(crate) timing: String,
    pub(crate) comment: Option<String>,
    /// Whether the engine guarantees it for the existing rows; `None` if the engine does not know.
    pub(crate) validated: Option<bool>,
    /// Whether the engine enforces it.
    pub(crate) enforced: bool,
}
