//! Tables, columns, indexes and foreign keys: one set of types for what is declared and for what is found.

use std::fmt;

use crate::engine::Engine;
pub(crate) use crate::types::Type;

/// The place in which tables are inspected: a database and, on PostgreSQL, a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The database's name; of SQLite its file.
    pub database: String,
    /// PostgreSQL: the schema in which new tables are made.
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
    /// PostgreSQL: the schema that contains it.
    pub(crate) schema: Option<String>,
    pub(crate) placement: Placement,
    pub(crate) columns: Vec<Column>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// What an inspection finds besides; empty in a declared table.
    pub(crate) extras: Extras,
}

/// What the catalog says about a table beyond what can be declared.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Extras {
    /// PostgreSQL only.
    pub(crate) checks: Vec<Check>,
    /// PostgreSQL: a sequence with the name of the auto-increment column's own that no column uses.
    pub(crate) spare_sequence: Option<Sequence>,
    /// Triggers, rules, foreign keys of other tables and the like, each as a phrase.
    pub(crate) kept: Vec<String>,
    /// Views, foreign keys of other tables and the like that prevent a change of a column's type, with the column.
    pub(crate) readers: Vec<(String, String)>,
    /// MySQL and MariaDB: indexes that would hold less of a column if it were a text of any length, with the column.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) cut: Vec<(String, String)>,
    /// MySQL and MariaDB: what may read no column that is numbered, with its expression.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Vec::is_empty")
    )]
    pub(crate) expressions: Vec<(String, String)>,
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
    /// PostgreSQL: the table's owner, where that is another role than the current one.
    #[cfg_attr(
        feature = "recording",
        serde(default, skip_serializing_if = "Option::is_none")
    )]
    pub(crate) owner: Option<OtherOwner>,
    /// PostgreSQL: the columns for which the server reads every row when their type changes.
    pub(crate) rereads: Vec<String>,
    /// MySQL and MariaDB: properties for which the server copies the table where it otherwise would not.
    pub(crate) copies: Vec<Copies>,
    /// PostgreSQL, MySQL and MariaDB: the sources of the triggers that can change a row before it is inserted.
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
    /// SQLite: the statements that made the table, its indexes and its triggers, in this order.
    pub(crate) statements: Vec<String>,
    /// SQLite: the tables of statistics that say something about this one.
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

/// What this role may not see of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Hidden {
    pub(crate) what: HiddenPart,
    /// Why, and what shows it.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum HiddenPart {
    /// PostgreSQL: some of the rows.
    Rows,
    /// MySQL and MariaDB: the foreign keys, of which there are some.
    ForeignKeys,
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

    /// Returns why this is hidden from the role, if it is.
    pub(crate) fn hides(&self, part: HiddenPart) -> Option<&str> {
        let hidden = self.extras.hidden.iter().find(|one| one.what == part);
        hidden.map(|one| one.reason.as_str())
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column whose numbers the engine gives, if there is one.
    pub(crate) fn auto_increment(&self) -> Option<&Column> {
        let is_numbered = |column: &&Column| matches!(column.filled, Filled::AutoIncrement { .. });
        self.columns.iter().find(is_numbered)
    }

    /// Returns whether a foreign key may refer to this column alone.
    pub(crate) fn is_key(&self, column: &str) -> bool {
        let serves = |index: &Index| index.is_key && index.columns == [column];
        self.indexes.iter().any(serves)
    }

    /// PostgreSQL: the name of the primary key's constraint.
    pub(crate) fn primary_key_name(&self) -> String {
        let is_its = |index: &&Index| index.has_constraint && index.columns == self.primary_key;
        let index = self.indexes.iter().find(is_its);
        index.map_or(format!("{}_pkey", self.name), |index| index.name.clone())
    }

    /// The foreign key from the column by which the rows belong to another table: Citus keeps them where that is.
    pub(crate) fn parent_key(&self) -> Option<&ForeignKey> {
        self.foreign_keys.iter().find(|key| key.columns.len() == 1)
    }
}

/// PostgreSQL: what a table's columns share with a type, so that their types are not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Bond {
    /// The table is one of this composite type, which alone gives it columns.
    TypedTable(String),
    /// This column of another table holds rows of the table's type.
    RowsIn(String),
}

/// PostgreSQL: another role that owns a table, and what the current one may do in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum OtherOwner {
    /// The current role changes the table, and gives it a sequence.
    MayCreate(String),
    /// The current role changes the table; the owner may create nothing in this schema.
    MayNotCreate { role: String, schema: String },
    /// The current role has not the rights of the owner.
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
    /// PostgreSQL: the same, of a table that inherits or that others inherit from.
    UnloggedInFamily,
    /// MySQL and MariaDB: a partitioned table, to which no foreign key can refer.
    Partitioned,
    /// A table that others can refer to, but whose own shape this engine does not change; what it is.
    ReferredTo(String),
    /// PostgreSQL: a table that others inherit from. A foreign key refers to its own rows only.
    InheritedFrom,
    /// Any other object with the name; what it is.
    Other(String),
}

/// The changes for which a MySQL or MariaDB server copies a table, because of what else the table has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Copies {
    /// A unique index over values of any length, which MariaDB keeps as a hidden column.
    EveryChange,
    /// A column that is stored or indexed and generated, or a full-text or spatial index.
    Rebuild,
    /// A stored generated column, with its expression: a foreign key on a column that this reads copies the table.
    GeneratedFrom(String),
}

/// Which sessions a statement blocks that changes a table's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Reach {
    Server,
    /// Every writer of a Galera cluster, whichever table it writes to: the nodes run such a statement at the
    /// same place among all others (`wsrep_OSU_method = TOI`).
    Cluster,
}

/// Where the rows are; every table is local except on Citus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Placement {
    Local,
    /// Local, and known to the other nodes: only these refer to reference tables, and are referred to by them.
    Managed,
    /// Whole, on every node.
    Reference,
    /// Among the nodes, by a column's value; equal values of colocated tables are on one node.
    Distributed {
        column: String,
        colocation: i64,
    },
    /// Among the nodes, by ranges of a column: no other table is put beside its rows.
    Ranges {
        column: String,
    },
    /// On every other node: this one was not known to them when it was made.
    OtherNodes,
    /// Among the nodes, each row on several of them: no foreign key is taken there.
    Copies {
        column: String,
    },
    /// Whole, on one node.
    SingleShard {
        colocation: i64,
    },
}

impl Placement {
    /// Whether the rows are on this server alone.
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
    /// What a change of the column has to repeat so that it is kept.
    pub(crate) attributes: Attributes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Attributes {
    /// Empty where it is the type's own.
    pub(crate) collation: String,
    pub(crate) comment: String,
    /// PostgreSQL: what the column's storage is set to.
    pub(crate) storage: Vec<String>,
    /// A property that a change of the column would drop.
    pub(crate) unsaid: Option<String>,
    /// PostgreSQL: the NOT NULL constraint that has not been validated.
    pub(crate) not_validated: Option<String>,
    /// MariaDB: the check in the column's own definition.
    pub(crate) check: Option<String>,
}

impl Column {
    /// The type as a report prints it. Only SQLite has columns without one.
    pub(crate) fn printed_type(&self) -> &str {
        match self.printed.as_str() {
            "" => "without a type",
            printed => printed,
        }
    }
}

/// Where the value of a column comes from that an INSERT leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Filled {
    /// Its default, if it has one.
    ByDefault,
    /// The next number. PostgreSQL: of the named sequence.
    AutoIncrement { sequence: Option<Sequence> },
    /// An expression; it takes no other value.
    Generated,
}

/// PostgreSQL: the source of a column's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Sequence {
    /// As the server prints it, quoted where necessary.
    pub(crate) name: String,
    pub(crate) owner: Owner,
}

/// Which column owns a sequence. Only the column's own may be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Owner {
    TheColumn,
    /// Other columns draw from it too, whichever owns it; a list of them.
    Shared(String),
    /// Another column, or none.
    NotTheColumn,
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Index {
    pub(crate) name: String,
    /// Empty names stand for what is not the column's own value: expressions, prefixes, another collation.
    pub(crate) columns: Vec<String>,
    /// What stands for the empty names, as the engine prints it; of SQLite the whole index.
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
    /// PostgreSQL: a constraint is built on it.
    pub(crate) has_constraint: bool,
    /// Also where it excludes rows that an exclusion constraint calls equal.
    pub(crate) is_unique: bool,
    /// Complete, over every row, able to find equal values, and used by the planner.
    pub(crate) is_whole: bool,
    /// Of the default kind, over its columns alone and every row.
    pub(crate) is_plain: bool,
    pub(crate) unused: Option<Unused>,
}

/// Whether a unique index takes several rows with NULL.
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

/// Why the planner does not use an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Unused {
    /// MySQL and MariaDB: it is hidden from the optimizer.
    Hidden(Shown),
    /// PostgreSQL: its build did not finish.
    Invalid,
    /// The same of an index with a comment, parameters, a tablespace or a collation of its own.
    InvalidFurnished,
}

/// The clause that shows a hidden index again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "recording", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Shown {
    /// MariaDB.
    NotIgnored,
    /// MySQL.
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
    /// A whole and plain index, as a declaration makes it.
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

    /// Returns whether it does what the declared index is for: a lookup by the declared columns, and uniqueness.
    pub(crate) fn serves(&self, declared: &Self) -> bool {
        match declared.is_unique {
            true => self.is_key && self.is_whole && self.columns == declared.columns,
            false => self.is_whole && self.columns.starts_with(&declared.columns),
        }
    }

    /// Its columns as a report prints them.
    pub(crate) fn columns_in_words(&self, backend: Engine) -> String {
        let nameless = match backend {
            Engine::Postgres | Engine::Sqlite => "an expression",
            Engine::MySql => "a prefix or an expression",
        };
        let columns = self.columns.iter().map(|column| match column.as_str() {
            "" => nameless,
            column => column,
        });
        columns.collect::<Vec<_>>().join(", ")
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
    /// SQLite's may have none.
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) table: String,
    pub(crate) references: Vec<String>,
    /// Upper case, as in SQL.
    pub(crate) on_delete: String,
    pub(crate) on_update: String,
    /// The DEFERRABLE clause that a replacement has to repeat.
    pub(crate) timing: String,
    pub(crate) comment: Option<String>,
    /// Whether the engine guarantees it for the rows that are there: `Some` where it knows.
    pub(crate) validated: Option<bool>,
    /// Whether the engine acts on it.
    pub(crate) enforced: bool,
}
