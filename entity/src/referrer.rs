use std::fmt;

/// Where the rows are that refer to a document, as far as the database says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Referrer {
    /// Their table.
    pub table: Option<String>,
    /// Their foreign key; SQLite does not say.
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
