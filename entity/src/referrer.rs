use std::fmt;

/// The table and the foreign key of rows that refer to a document, as far as the database reports
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Referrer {
    /// The table of the rows.
    pub table: Option<String>,
    /// The foreign key of the rows; SQLite does not report it.
    pub constraint: Option<String>,
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.as_deref().unwrap_or("another table");
        write!(
            f,
            "documents: rows of {table} refer to what was to be deleted"
        )?;
        if let Some(constraint) = &self.constraint {
            write!(f, " (foreign key {constraint})")?;
        }
        f.write_str("; delete them first, in the same transaction")
    }
}
