use crate::{
    declare::{Declared, Role, Shape},
    engine::Engine,
    inspect::Inspection,
    model::{Filled, ForeignKey, Index, Owner, Table},
};

/// Returns what exists beyond the declared shape and is kept, and what no shape reveals.
pub(crate) fn notes(current: &Inspection, shape: &Shape) -> Vec<String> {
    let own = shape.tables.iter().filter(|one| one.role == Role::Own);
    let is_alone = own.clone().count() == 1;
    let mut notes = Vec::new();
    for declared in own {
        let Some(table) = current.table(&declared.table.name) else {
            continue;
        };
        let mut of_table = of_table(current.backend, declared, table);
        of_table.sort();
        of_table.dedup();
        notes.extend(of_table.into_iter().map(|note| match is_alone {
            true => note,
            false => format!("{}: {note}", declared.table.name),
        }));
    }
    notes
}

fn of_table(
    backend: Engine,
    Declared {
        table: declared, ..
    }: &Declared,
    table: &Table,
) -> Vec<String> {
    let ours = |name: &str| declared.column(name).is_some();
    let columns = table.columns.iter().filter(|column| !ours(&column.name));
    let is_extra = |index: &&Index| {
        let is_primary_key = index.is_unique && index.columns == table.primary_key;
        let mut all = declared.indexes.iter();
        let is_ours = all.any(|one| one.name == index.name && one.columns == index.columns);
        !is_ours && !is_primary_key
    };
    let indexes = table.indexes.iter().filter(is_extra);
    let mut notes: Vec<String> = columns
        .map(|column| format!("column {} ({})", column.name, column.printed_type()))
        .chain(indexes.map(|index| {
            let unique = if index.is_unique { "unique " } else { "" };
            format!(
                "{unique}index {} on ({})",
                index.name,
                index.columns_in_words()
            )
        }))
        .chain(table.extras.kept.iter().cloned())
        .collect();
    let views = table.extras.readers.iter().map(|(reader, _)| reader);
    notes.extend(
        views
            .filter(|reader| {
                reader.starts_with("view ") || reader.starts_with("materialized view ")
            })
            .cloned(),
    );
    notes.extend(other_keys(declared, table));
    notes.extend(sequence(declared, table));
    notes.extend(enforcement(backend, declared, table));
    notes
}

fn other_keys(declared: &Table, table: &Table) -> impl Iterator<Item = String> {
    let is_ours = |key: &&ForeignKey| {
        let mut declared = declared.foreign_keys.iter();
        declared.any(|one| one.columns == key.columns)
    };
    let others = table.foreign_keys.iter().filter(move |key| !is_ours(key));
    others.map(|key| format!("foreign key on {} to {}", key.columns.join(", "), key.table))
}

/// Notes for which connections SQLite enforces a foreign key. The catalog does not contain that:
/// each connection has its own setting.
fn enforcement(backend: Engine, declared: &Table, table: &Table) -> Option<String> {
    match backend {
        Engine::Sqlite => {}
        Engine::Postgres | Engine::MySql => return None,
    }
    let is_there = |key: &&ForeignKey| {
        let mut found = table.foreign_keys.iter();
        found.any(|found| found.columns == key.columns)
    };
    let keys = declared.foreign_keys.iter().filter(is_there);
    let columns: Vec<String> = keys.map(|key| key.columns.concat()).collect();
    (!columns.is_empty()).then(|| {
        format!(
            "foreign key on {}: SQLite acts on it only on connections with PRAGMA foreign_keys = ON, \
             which sqlx sets, and Python's sqlite3 and the sqlite3 shell do not",
            columns.join(" and ")
        )
    })
}

/// Notes a sequence that is not changed and may go beyond what the column can hold.
fn sequence(declared: &Table, table: &Table) -> Option<String> {
    let numbered = declared.auto_increment()?;
    let Filled::AutoIncrement {
        sequence: Some(sequence),
    } = &table.column(&numbered.name)?.filled
    else {
        return None;
    };
    let whose = match &sequence.owner {
        Owner::TheColumn => return None,
        Owner::Shared(users) => format!("{users} draws from too"),
        Owner::NotTheColumn => "it does not own".to_owned(),
    };
    let id = &numbered.name;
    Some(format!(
        "sequence {} of {id}, which {whose}: past {} {id} gets no more numbers from it",
        sequence.name,
        numbered.kind.largest()
    ))
}
