use crate::schema::{
    declared::{COLUMNS, IX_VECTORS_DOC_ID},
    live::{Index, Live},
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
        index.name != IX_VECTORS_DOC_ID && !is_primary_key
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
    notes.sort();
    notes.dedup();
    notes
}
