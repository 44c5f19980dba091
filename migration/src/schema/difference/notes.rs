use crate::schema::{
    declared::{COLUMNS, IX_VECTORS_DOC_ID},
    live::{Filled, Index, Live, Owner, Table},
};

/// What is there beyond the declared shape, and stays.
pub(crate) fn notes(live: &Live) -> Vec<String> {
    let Some(table) = &live.vectors else {
        return Vec::new();
    };
    let ours = |name: &str| COLUMNS.iter().any(|(column, _)| name == *column);
    let columns = table.columns.iter().filter(|column| !ours(&column.name));
    let is_extra = |index: &&Index| {
        let is_primary_key = index.is_unique && index.columns == table.primary_key;
        let is_ours = index.name == IX_VECTORS_DOC_ID && index.columns == ["doc_id"];
        !is_ours && !is_primary_key
    };
    let indexes = table.indexes.iter().filter(is_extra);
    let mut notes: Vec<String> = columns
        .map(|column| format!("column {} ({})", column.name, column.declared))
        .chain(indexes.map(|index| {
            let unique = if index.is_unique { "unique " } else { "" };
            format!(
                "{unique}index {} on ({})",
                index.name,
                index.columns.join(", ")
            )
        }))
        .chain(table.kept.iter().cloned())
        .collect();
    let views = table.readers.iter().map(|(reader, _)| reader);
    notes.extend(views.filter(|reader| reader.starts_with("view ")).cloned());
    notes.extend(sequence(table));
    notes.sort();
    notes.dedup();
    notes
}

/// A sequence that is not changed may go where `id` cannot follow.
fn sequence(table: &Table) -> Option<String> {
    let Filled::AutoIncrement {
        sequence: Some(sequence),
    } = &table.column("id")?.filled
    else {
        return None;
    };
    let whose = match &sequence.owner {
        Owner::TheColumn => return None,
        Owner::Shared(users) => format!("{users} draws from too"),
        Owner::NotTheColumn => "it does not own".to_owned(),
    };
    Some(format!(
        "sequence {} of id, which {whose}: past {} id gets no more numbers from it",
        sequence.name,
        i32::MAX
    ))
}
