//! Decides what can be done about a difference without losing or inventing data.

use super::{Context, Steps, mysql, postgres};
use crate::{
    declare::Shape,
    diff::{
        Change, Conversion, Creation, Difference, Element, Numbers, Part, WayBack, elsewhere,
        placement,
    },
    engine::Engine,
    inspect::Inspection,
    model::{Bond, Column, ForeignKey, OtherOwner, Owner, Placement, RowWidth},
    session::TxMode,
    sql,
    types::{Length, Type},
};

/// The remedy of a difference. A difference for which no step is planned cannot be called
/// repairable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// These steps fix it without losing or inventing data.
    Repair(Steps),
    /// Nothing fixes it yet.
    Left(Obstacle),
}

/// The reason why a difference is not fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Orphans are deleted only on request.
    DeleteOrphans,
    /// This element has to be as declared first.
    BlockedBy(Element),
    /// A manual decision is needed; the text is the next step.
    Manual(String),
}

impl Remedy {
    pub(crate) fn is_repair(&self) -> bool {
        self.steps().is_some()
    }

    pub(crate) fn steps(&self) -> Option<&Steps> {
        match self {
            Self::Repair(steps) => Some(steps),
            Self::Left(_) => None,
        }
    }
}

impl Obstacle {
    /// Returns the obstacle of a difference that no step of this engine fixes.
    pub(crate) fn unplanned() -> Self {
        Self::manual("change it by hand: no step is known that does it on this engine")
    }

    fn manual(next_step: impl Into<String>) -> Self {
        Self::Manual(next_step.into())
    }
}

/// The input from which the obstacles of all changes are found.
pub(crate) struct Obstacles<'c> {
    pub(crate) current: &'c Inspection,
    pub(crate) shape: &'c Shape,
    pub(crate) all: &'c [Change],
}

impl Obstacles<'_> {
    /// Returns what prevents a change, given the other changes.
    pub(crate) fn of(&self, change: &Change) -> Option<Obstacle> {
        if self
            .all
            .iter()
            .any(|other| is_said_with_type(change, other))
        {
            return Some(Obstacle::manual("change its type first"));
        }
        match self.in_the_way(change) {
            Some(element) => Some(Obstacle::BlockedBy(element)),
            None => self.own(change),
        }
    }

    /// Returns the element on which this change depends and that will not be fixed before it.
    fn in_the_way(&self, change: &Change) -> Option<Element> {
        let keeps_no_key = |other: &Change| {
            matches!(other.difference, Difference::StorageEngine { .. })
                && self.own(other).is_some()
        };
        let is_key = matches!(change.difference.part(), Part::ForeignKey(_));
        let table = self.all.iter().find(|other| {
            let is_no_table = matches!(
                other.difference,
                Difference::NotATable { .. }
                    | Difference::StorageEngine {
                        conversion: Conversion::RowsElsewhere,
                        ..
                    }
            );
            other.table == change.table
                && (is_no_table && *other != change || is_key && keeps_no_key(other))
        });
        let stays = |other: &&Change| {
            // Rows with NULL refer to no row, so they block only a change of their placement.
            let is_harmless = matches!(
                other.difference,
                Difference::Nullable { .. } | Difference::NotNullable { .. }
            ) && !goes_by(change, &other.element());
            is_built_on(self.shape, change, &other.element())
                && !is_harmless
                && self.own(other).is_some()
        };
        let found = table.or_else(|| self.all.iter().find(stays));
        found.map(Change::element)
    }

    fn own(&self, change: &Change) -> Option<Obstacle> {
        self.of_what_is_found(change)
            .or_else(|| self.of_rights(change))
    }

    /// Returns a missing right. This comes last, because every role is told what needs a manual
    /// decision.
    fn of_rights(&self, change: &Change) -> Option<Obstacle> {
        self.of_ownership(change)
            .or_else(|| self.of_references(change))
            .or_else(|| self.of_creation(change))
            .or_else(|| self.of_grants(change))
    }

    /// A new foreign key needs a right on the table that it refers to.
    fn of_references(&self, Change { table, difference }: &Change) -> Option<Obstacle> {
        let keys = if let Difference::ForeignKeyAbsent { declared }
        | Difference::ForeignKeyUnlike { declared, .. } = difference
        {
            std::slice::from_ref(declared)
        } else if let Difference::TableAbsent = difference {
            &self.shape.table_named(table)?.foreign_keys
        } else {
            return None;
        };
        let mut parents = keys.iter().filter_map(|key| self.current.table(&key.table));
        let parent = parents.find(|parent| parent.extras.lacks_references)?;
        let parent = sql::identifier(Engine::Postgres, &parent.name);
        Some(Obstacle::Manual(format!(
            "this role may declare no foreign key to {parent}: GRANT REFERENCES ON {parent} to it, then repair"
        )))
    }

    /// A new index, sequence or table needs a right on what contains it.
    fn of_creation(&self, change: &Change) -> Option<Obstacle> {
        let container = match self.current.table(&change.table) {
            Some(found) => found.extras.lacks_create.as_ref(),
            // What is known of a new table's schema is known from its parent.
            None => {
                let parent = &self.shape.table_named(&change.table)?.parent_key()?.table;
                let parent = self.current.table(parent)?;
                let is_beside = parent.schema == self.current.location.schema;
                parent.extras.lacks_create.as_ref().filter(|_| is_beside)
            }
        }?;
        let steps = postgres::steps(change, &self.context()).ok()?;
        let mut statements = steps.iter().flat_map(|step| &step.statements);
        statements.any(|statement| creates(statement)).then(|| {
            Obstacle::Manual(format!(
                "this role may create nothing in {container}: GRANT CREATE ON {container} to it, then repair"
            ))
        })
    }

    /// Each statement of MySQL and MariaDB needs a right of its own.
    fn of_grants(&self, change: &Change) -> Option<Obstacle> {
        let grants = self.current.grants.as_ref()?;
        let (database, table) = (&self.current.location.database, &change.table);
        let steps = mysql::steps(change, &self.context()).ok()?;
        let mut statements = steps.iter().flat_map(|step| &step.statements);
        let right = statements.find_map(|statement| {
            let right = mysql::needed_right(statement)?;
            (!grants.may_allow(right, database, table)).then_some(right)
        })?;
        let quoted = |name: &str| sql::identifier(Engine::MySql, name);
        Some(Obstacle::Manual(format!(
            "this user lacks a right: GRANT {right} ON {}.{} to it, then repair",
            quoted(database),
            quoted(table)
        )))
    }

    fn context(&self) -> Context<'_> {
        Context {
            current: self.current,
            shape: self.shape,
            mode: TxMode::Free,
            copied: &[],
        }
    }

    fn of_ownership(&self, Change { table, difference }: &Change) -> Option<Obstacle> {
        let owner = self.current.table(table)?.extras.owner.as_ref()?;
        match owner {
            OtherOwner::Foreign(role) => alters(difference).then(|| {
                Obstacle::Manual(format!(
                    "only {role}, which owns {table}, may change it: do this as {role}"
                ))
            }),
            OtherOwner::MayCreate(_) | OtherOwner::MayNotCreate { .. } => None,
        }
    }

    fn of_what_is_found(&self, Change { table, difference }: &Change) -> Option<Obstacle> {
        let manual = |next_step: String| Some(Obstacle::Manual(next_step));
        let quoted = |name: &str| sql::identifier(self.current.backend, name);
        let from = |columns: &str, condition: &str| {
            format!("SELECT {columns} FROM {} {condition}", quoted(table))
        };
        let found_table = self.current.table(table);
        let owner = found_table.and_then(|found| found.extras.owner.as_ref());
        let bonds = found_table.map_or(&[][..], |found| &found.extras.bonds);
        let is_always_enforced = |key: &ForeignKey| {
            let mut always = found_table
                .iter()
                .flat_map(|found| &found.extras.always_enforced);
            always.any(|name| key.name.as_ref() == Some(name))
        };
        match difference {
            Difference::RequiredAbsent { creation, .. } => match creation {
                Creation::NotOurs(hint) => manual(not_ours(self.current.backend, hint)),
                Creation::TooLate(referrer) => manual(format!(
                    "{referrer} exists, so {table} was dropped or is elsewhere: restore it, start the application that creates it, or name {} it",
                    self.current.backend.location()
                )),
                Creation::Wanted => None,
            },
            Difference::RequiredUnfit { next_step, .. } => manual(next_step.clone()),
            Difference::NotATable { .. } => manual(
                "these migrations did not create it: give it another name, then `up` makes the table"
                    .to_owned(),
            ),
            Difference::StorageEngine {
                conversion: Conversion::RowsElsewhere,
                ..
            } => manual(format!("{}, then repair", elsewhere(table))),
            Difference::StorageEngine {
                conversion: Conversion::TooWide(RowWidth { bytes, most }),
                ..
            } => manual(format!(
                "its columns may take {bytes} bytes of a row, and InnoDB has {most} for them: make char or varchar columns shorter, or text, then repair"
            )),
            Difference::StorageEngine {
                conversion: Conversion::NumbersWithinAGroup,
                ..
            } => manual(
                "its numbers repeat from group to group, which InnoDB cannot do: add an index that begins with the numbered column, then repair".to_owned(),
            ),
            Difference::ColumnAbsent { declared, .. } if declared.nullable => {
                let typed = bonds.iter().find(|bond| matches!(bond, Bond::TypedTable(_)));
                typed.map(|bond| of_bond(&quoted(table), bond))
            }
            Difference::ColumnAbsent { empty: true, .. } => {
                manual("the table has no rows: drop it, then `up` makes it anew".to_owned())
            }
            Difference::ColumnAbsent { .. } => manual(
                "its values cannot be invented: add the column and fill it, or rename the table"
                    .to_owned(),
            ),
            Difference::Narrow { readers, .. } if !readers.is_empty() => manual(format!(
                "drop {}, repair, and create it again: {}",
                readers.join(" and "),
                match self.current.backend {
                    Engine::Postgres => "it depends on the type of the column",
                    Engine::MySql | Engine::Sqlite =>
                        "the server would refuse another type of the column, or cut it off in the index",
                }
            )),
            Difference::Narrow { .. } if let [bond, ..] = bonds => {
                Some(of_bond(&quoted(table), bond))
            }
            Difference::WrongType { declared, found } => {
                manual(misread(self.current.backend, table, declared, found))
            }
            Difference::Unreadable { column, .. } => {
                let column = quoted(column);
                manual(format!(
                    "give them values of the declared type: {}",
                    from(&format!("{column}, typeof({column})"), "").trim_end()
                ))
            }
            Difference::RowsRefused { reported } => manual(of_refused_rows(reported)),
            Difference::Unwritable { .. } => manual(
                "correct or drop the trigger or the foreign key that names it, then repair"
                    .to_owned(),
            ),
            Difference::InsteadRule { .. } => {
                manual("drop the rule if nothing relies on it, then repair".to_owned())
            }
            Difference::Generated { .. } => manual(
                "the entities write this column: replace it by one that keeps its values".to_owned(),
            ),
            Difference::NotNullable { .. } => manual(
                "allow NULL in it if nothing relies on that, then repair".to_owned(),
            ),
            _ if changed_column(difference).is_some_and(|one| one.attributes.unsaid.is_some()) => {
                let unsaid = changed_column(difference).and_then(|one| one.attributes.unsaid.clone());
                manual(format!(
                    "change the column by hand: it is {}, which would be lost",
                    unsaid.unwrap_or_default()
                ))
            }
            Difference::Nullable {
                declared,
                nulls: 1..,
                ..
            } => manual(format!(
                "give them a value or delete them: {}",
                from("*", &format!("WHERE {} IS NULL", quoted(&declared.name)))
            )),
            Difference::PrimaryKey {
                columns,
                found,
                keys,
                ..
            } => self.of_primary_key(table, columns, found, (keys.null, keys.duplicate)),
            Difference::AutoIncrement { found, .. } if found.default.is_some() => {
                manual("drop the default if nothing relies on it, then repair".to_owned())
            }
            Difference::AutoIncrement {
                found,
                numbers: Numbers::UsedUp { largest },
                ..
            } => {
                let id = &found.name;
                manual(format!(
                    "a row has the {id} {largest}, after which the column holds no number: every INSERT without an {id} would fail. Give the row another number, then repair"
                ))
            }
            Difference::AutoIncrement {
                numbers: Numbers::New,
                ..
            } if let Some(OtherOwner::MayNotCreate { role, schema }) = owner => {
                let schema = sql::identifier(Engine::Postgres, schema);
                let grantee = sql::identifier(Engine::Postgres, role);
                manual(format!(
                    "its sequence belongs to {role}, as {table} does, which may create none here: GRANT CREATE ON SCHEMA {schema} TO {grantee}, then repair"
                ))
            }
            Difference::ForeignKeyUnlike { found, .. } if is_always_enforced(found) => {
                manual(
                    "its triggers are ENABLE ALWAYS, and those of a new key would not be: replace it by hand, and enable the triggers of the new one as a superuser".to_owned(),
                )
            }
            Difference::NumbersBehind {
                column, largest, ..
            } if *largest >= column.kind.largest() => {
                let id = &column.name;
                manual(format!(
                    "the number after it is none that {id} can hold, and every INSERT without an {id} would fail: give the row {largest} another {id}, then repair"
                ))
            }
            Difference::NumbersBehind { column, next, .. }
                if next.is_none_or(|next| next > column.kind.largest()) =>
            {
                let id = &column.name;
                manual(format!(
                    "every INSERT without an {id} fails, or stores one that the entities cannot read: set its next number back to one that is free, or give the rows other numbers"
                ))
            }
            Difference::NumbersBehind {
                column,
                sequence: Some(sequence),
                largest,
                ..
            } if sequence.owner != Owner::TheColumn => {
                let id = &column.name;
                manual(format!(
                    "a sequence that {id} shares or does not own is not changed: give {id} one of its own, or advance it: SELECT setval({}, {largest})",
                    sql::literal(Engine::Postgres, &sequence.name)
                ))
            }
            Difference::SequenceLimited {
                column, sequence, ..
            } if sequence.owner != Owner::TheColumn => {
                let id = &column.name;
                manual(format!(
                    "at its end every INSERT without an {id} fails, and a sequence that {id} shares or does not own is not changed: give {id} one of its own, or lift its limits"
                ))
            }
            Difference::Placement {
                parent,
                child,
                hinders,
                way_back,
                ..
            } => of_placement(table, [parent, child], hinders, way_back),
            Difference::Orphans(_) => Some(Obstacle::DeleteOrphans),
            Difference::ForeignKeyElsewhere { .. } => manual(
                "only its author knows which of the two was meant: drop it, then repair".to_owned(),
            ),
            Difference::IndexUnique { .. } => manual(
                "it refuses rows that the declaration allows: drop the index or its constraint, then repair".to_owned(),
            ),
            Difference::IndexAbsent {
                declared,
                duplicates: 1..,
            } => {
                let columns: Vec<String> = declared.columns.iter().map(|one| quoted(one)).collect();
                let columns = columns.join(", ");
                manual(format!(
                    "tell the rows apart: {}",
                    from(
                        &format!("{columns}, count(*)"),
                        &format!("GROUP BY {columns} HAVING count(*) > 1")
                    )
                ))
            }
            Difference::InsertBlocked { .. } => {
                manual("give the column a default, or allow NULL in it".to_owned())
            }
            Difference::TableAbsent
            | Difference::StorageEngine {
                conversion: Conversion::Lossless,
                ..
            }
            | Difference::Narrow { .. }
            | Difference::Nullable { .. }
            | Difference::AutoIncrement { .. }
            | Difference::NumbersBehind { .. }
            | Difference::SequenceLimited { .. }
            | Difference::ForeignKeyAbsent { .. }
            | Difference::ForeignKeyUnlike { .. }
            | Difference::ForeignKeyUnvalidated { .. }
            | Difference::IndexAbsent { .. }
            | Difference::IndexUnfit { .. }
            | Difference::Storage { .. } => None,
        }
    }

    fn of_primary_key(
        &self,
        table: &str,
        columns: &[String],
        found: &[String],
        (null, duplicate): (i64, i64),
    ) -> Option<Obstacle> {
        let declared = self.shape.table_named(table);
        let declared = declared.map_or(columns, |table| &table.primary_key);
        let quoted = |name: &String| sql::identifier(self.current.backend, name);
        let listed = declared.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let from = quoted(&table.to_owned());
        // On Citus, where further columns are needed, the declared key only has to grow.
        if !found.is_empty() && found != declared {
            return Some(Obstacle::manual(
                "a program may rely on it: replace it by the declared one",
            ));
        }
        if duplicate > 0 {
            return Some(Obstacle::Manual(format!(
                "tell the rows apart: SELECT {listed}, count(*) FROM {from} GROUP BY {listed} HAVING count(*) > 1"
            )));
        }
        let is_null: Vec<String> = declared
            .iter()
            .map(|one| format!("{} IS NULL", quoted(one)))
            .collect();
        (null > 0).then(|| {
            Obstacle::Manual(format!(
                "give them numbers: SELECT * FROM {from} WHERE {}",
                is_null.join(" OR ")
            ))
        })
    }
}

/// Returns whether the fix is a statement that only the owner of the table may run.
fn alters(difference: &Difference) -> bool {
    match difference {
        Difference::ColumnAbsent { .. }
        | Difference::Narrow { .. }
        | Difference::Nullable { .. }
        | Difference::PrimaryKey { .. }
        | Difference::AutoIncrement { .. }
        | Difference::SequenceLimited { .. }
        | Difference::Placement { .. }
        | Difference::ForeignKeyAbsent { .. }
        | Difference::ForeignKeyUnlike { .. }
        | Difference::ForeignKeyUnvalidated { .. }
        | Difference::IndexAbsent { .. }
        | Difference::IndexUnfit { .. }
        | Difference::Storage { .. } => true,
        // Any role that may use the sequence can set its number; only its owner can lift its
        // limits.
        Difference::NumbersBehind { limits, .. } => !limits.is_empty(),
        Difference::RequiredAbsent { .. }
        | Difference::RequiredUnfit { .. }
        | Difference::TableAbsent
        | Difference::NotATable { .. }
        | Difference::StorageEngine { .. }
        | Difference::WrongType { .. }
        | Difference::Generated { .. }
        | Difference::Unreadable { .. }
        | Difference::InsteadRule { .. }
        | Difference::NotNullable { .. }
        | Difference::RowsRefused { .. }
        | Difference::Unwritable { .. }
        | Difference::Orphans(_)
        | Difference::ForeignKeyElsewhere { .. }
        | Difference::IndexUnique { .. }
        | Difference::InsertBlocked { .. } => false,
    }
}

fn of_bond(table: &str, bond: &Bond) -> Obstacle {
    Obstacle::Manual(match bond {
        Bond::TypedTable(name) => format!(
            "its columns are those of the type {name}: separate it from that (ALTER TABLE {table} NOT OF), then repair"
        ),
        Bond::RowsIn(column) => format!(
            "{column} holds rows of this table, and PostgreSQL changes no type of a column in them: give {column} another type, then repair"
        ),
    })
}

/// Returns whether a planned statement of PostgreSQL creates a table, an index or a sequence. A
/// primary key creates an index unless it uses one.
fn creates(statement: &str) -> bool {
    statement.starts_with("CREATE ") || statement.contains(" PRIMARY KEY (")
}

/// Returns the next steps for what SQLite reports of the rows that a copy would take over, each
/// once.
fn of_refused_rows(reported: &[String]) -> String {
    const FUNCTION: &str = "only a program that registers this function can copy the rows: rebuild the table there by hand, or drop what calls it, repair, and create it again";
    const NEXT_STEPS: [(&str, &str); 5] = [
        ("no such function", FUNCTION),
        ("unknown function", FUNCTION),
        (
            "no such collation sequence",
            "only a program that registers this collation can copy the rows: rebuild the table there by hand, or drop what uses it, repair, and create it again",
        ),
        ("of entries in index", "run REINDEX, then repair"),
        ("missing from index", "run REINDEX, then repair"),
    ];
    const OTHERWISE: &str =
        "correct by hand the rows, or the constraint that they do not fit, then repair";
    let mut next_steps: Vec<&str> = Vec::new();
    for one in reported {
        let known = NEXT_STEPS.iter().find(|(words, _)| one.contains(words));
        let next_step = known.map_or(OTHERWISE, |(_, next_step)| *next_step);
        if !next_steps.contains(&next_step) {
            next_steps.push(next_step);
        }
    }
    next_steps.join("; ")
}

/// Returns the next step for a missing required table, with how a caller has one created.
pub(crate) fn not_ours(backend: Engine, hint: &str) -> String {
    format!(
        "it belongs to the application: start that first, which creates it, or name {} it{}{hint}",
        backend.location(),
        if hint.is_empty() { "" } else { ". " }
    )
}

/// Returns the column as found, if the fix repeats its definition.
fn changed_column(difference: &Difference) -> Option<&Column> {
    match difference {
        Difference::Narrow { found, .. }
        | Difference::Nullable { found, .. }
        | Difference::AutoIncrement { found, .. } => Some(found),
        Difference::PrimaryKey { numbered, .. } => numbered.as_ref(),
        _ => None,
    }
}

/// Returns whether MySQL states both changes together. It states the type of a column with its NOT
/// NULL, so that a type that needs a manual decision would be changed as well.
fn is_said_with_type(one: &Change, other: &Change) -> bool {
    match (&one.difference, &other.difference) {
        (
            Difference::Nullable { declared, .. },
            Difference::WrongType {
                declared: undecided,
                ..
            },
        ) => one.table == other.table && declared.name == undecided.name,
        _ => false,
    }
}

/// Returns whether this column decides on which node of Citus each row is placed, so that it cannot
/// be NULL.
fn goes_by(change: &Change, element: &Element) -> bool {
    let Part::Column(column) = &element.part else {
        return false;
    };
    match &change.difference {
        Difference::Placement {
            key,
            parent: Placement::Distributed { .. },
            ..
        } => key.columns.contains(column),
        // The key's first column, if it is not the declared one.
        Difference::PrimaryKey { columns, found, .. } => {
            !found.is_empty() && !found.contains(column) && columns.first() == Some(column)
        }
        _ => false,
    }
}

/// Returns whether an element has to be as declared before a change can be made.
pub(crate) fn is_built_on(shape: &Shape, change: &Change, element: &Element) -> bool {
    match &change.difference {
        Difference::TableAbsent => parents(shape, &change.table, None).contains(element),
        // On Citus, the columns of a distributed table's key may differ from the declared ones.
        Difference::PrimaryKey { columns, .. } => {
            element.table == change.table
                && match &element.part {
                    Part::Column(column) => columns.contains(column),
                    part => *part == Part::Placement,
                }
        }
        // A table that is not moved is reported as such, and gets its key when its rows are back.
        Difference::Placement {
            key,
            parent,
            child,
            hinders,
            ..
        } if placement::is_moved(parent, child, hinders) && element.table == change.table => {
            match &element.part {
                Part::Column(column) => key.columns.first() == Some(column),
                part => *part == Part::PrimaryKey,
            }
        }
        _ => foundation(shape, &change.element()).contains(element),
    }
}

/// Returns the tables that a table refers to, by this column or by any.
fn parents(shape: &Shape, table: &str, column: Option<&String>) -> Vec<Element> {
    let declared = shape.table_named(table).into_iter();
    let keys = declared.flat_map(|table| &table.foreign_keys);
    let keys = keys.filter(|key| column.is_none_or(|one| key.columns.contains(one)));
    let parents = keys.map(|key: &ForeignKey| Element::new(&key.table, Part::Table));
    parents.collect()
}

/// Returns the elements that have to exist for this one to be as declared.
pub(crate) fn foundation(shape: &Shape, element: &Element) -> Vec<Element> {
    let here = |part| Element::new(&element.table, part);
    let column = |name: &String| here(Part::Column(name.clone()));
    let Some(declared) = shape.table_named(&element.table) else {
        return Vec::new();
    };
    let parents = |column| parents(shape, &element.table, column);
    let index = |name: &String| declared.indexes.iter().find(|index| index.name == *name);
    match &element.part {
        Part::Table | Part::Column(_) => Vec::new(),
        Part::PrimaryKey => declared.primary_key.iter().map(column).collect(),
        Part::AutoIncrement => {
            let numbered = declared.auto_increment().into_iter();
            let numbered = numbered.map(|one| column(&one.name));
            numbered.chain([here(Part::PrimaryKey)]).collect()
        }
        Part::Placement => {
            let key = declared.parent_key();
            let by = key.and_then(|key| key.columns.first());
            parents(by)
        }
        Part::ForeignKey(by) => {
            let mut all = parents(Some(by));
            let rows = here(Part::Rows(by.clone()));
            all.extend([column(by), here(Part::Placement), rows]);
            all
        }
        Part::Index(name) => index(name)
            .into_iter()
            .flat_map(|index| index.columns.iter().map(column))
            .collect(),
        Part::Rows(by) => {
            let mut all = parents(Some(by));
            all.push(column(by));
            all
        }
        Part::Storage(name) => vec![column(name)],
    }
}

fn of_placement(
    table: &str,
    [parent, child]: [&Placement; 2],
    hinders: &[String],
    way_back: &WayBack,
) -> Option<Obstacle> {
    if placement::is_moved(parent, child, hinders) {
        return None;
    }
    let quoted = |name: &str| sql::identifier(Engine::Postgres, name);
    let alter = |change: String| format!("ALTER TABLE {} {change}", quoted(table));
    let drop = |name: &String| alter(format!("DROP CONSTRAINT {}", quoted(name)));
    let mut statements: Vec<String> = way_back.foreign_keys.iter().map(drop).collect();
    Some(Obstacle::Manual(match (child.is_here(), hinders) {
        (true, [_, ..]) => format!(
            "Citus distributes no table with that: drop it if nothing relies on it, then repair: {}",
            hinders.join("; ")
        ),
        (true, []) => format!(
            "its foreign key was made before Citus knew both tables: drop it, then repair: {}",
            statements.join("; ")
        ),
        (false, _) => {
            statements.push(format!(
                "SELECT undistribute_table({})",
                sql::literal(Engine::Postgres, &quoted(table))
            ));
            statements.extend(way_back.primary_key.iter().map(|(name, columns)| {
                let columns: Vec<String> = columns.iter().map(|one| quoted(one)).collect();
                let add = format!("ADD PRIMARY KEY ({})", columns.join(", "));
                alter(format!("DROP CONSTRAINT {}, {add}", quoted(name)))
            }));
            format!(
                "bring its rows back, in this order, then repair: {}",
                statements.join("; ")
            )
        }
    }))
}

fn misread(backend: Engine, table: &str, declared: &Column, found: &Column) -> String {
    let how = match (declared.kind, found.kind) {
        (Type::Integer { bits, .. }, Type::Integer { bits: more, .. }) if more > bits => {
            format!("read {bits} bits, and fail on what is larger")
        }
        (Type::Integer { .. }, Type::Integer { signed: false, .. }) => {
            "read signed integers, and fail on what is larger".to_owned()
        }
        (
            Type::Text {
                length: Length::Characters(most),
                ..
            },
            Type::Text { .. },
        ) => return format!("shorten what is longer than {most} characters, and change the type"),
        _ => "cannot read this type".to_owned(),
    };
    let change = match backend {
        Engine::Postgres | Engine::MySql => {
            "change the type, after making sure that every value fits".to_owned()
        }
        Engine::Sqlite => format!(
            "SQLite changes no type, so create another table with the declared one, copy the rows with CAST, and give it the name {table}"
        ),
    };
    format!("the entities {how}: {change}")
}
