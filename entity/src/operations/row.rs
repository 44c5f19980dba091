use sea_orm::{ConnectionTrait, DbErr, QueryResult, StatementBuilder};

use crate::{Error, Page, VectorIds, vectors};

/// A row of a document's page; of a document without pages all but its id is missing.
pub(super) struct Row {
    pub(super) doc_id: i32,
    pub(super) id: Option<i32>,
    pub(super) page: Option<i32>,
    vector_ids: Option<VectorIds>,
}

impl Row {
    pub(super) const COLUMNS: [vectors::Column; 4] = [
        vectors::Column::DocId,
        vectors::Column::Id,
        vectors::Column::Page,
        vectors::Column::VectorIds,
    ];

    /// Lets go of each row's text when it has read it.
    pub(super) async fn all(
        db: &impl ConnectionTrait,
        statement: &impl StatementBuilder,
    ) -> Result<Vec<Self>, Error> {
        let rows = db.query_all(statement).await?;
        rows.into_iter().map(|row| Self::read(&row)).collect()
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self, Error> {
        let doc_id = row.try_get("", "doc_id")?;
        let id: Option<i32> = row.try_get("", "id")?;
        let page = row.try_get("", "page")?;
        let text: Option<String> = row.try_get("", "vector_ids").map_err(|error| {
            let row = id.map_or_else(String::new, |id| format!("the row {id} of "));
            DbErr::Type(format!(
                "vectors.vector_ids: {row}document {doc_id} is no text: {error}. Correct it by hand"
            ))
        })?;
        let vector_ids = text.map(|text| text.parse()).transpose();
        let vector_ids = vector_ids.map_err(|source| Error::Unreadable {
            doc_id,
            row: id.unwrap_or_default(),
            source,
        })?;
        Ok(Self {
            doc_id,
            id,
            page,
            vector_ids,
        })
    }

    pub(super) fn page(self) -> Option<Page> {
        Some(Page {
            number: self.page?,
            ids: self.vector_ids?,
        })
    }

    pub(super) fn ids(self) -> VectorIds {
        self.vector_ids.unwrap_or_default()
    }
}
