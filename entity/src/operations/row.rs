use sea_orm::{ConnectionTrait, DbErr, QueryResult, StatementBuilder};

use crate::{Error, Page, VectorIds, vectors};

pub(super) struct Row {
    pub(super) doc_id: i32,
    pub(super) id: i32,
    pub(super) page: i32,
    pub(super) ids: VectorIds,
}

impl Row {
    pub(super) const COLUMNS: [vectors::Column; 4] = [
        vectors::Column::DocId,
        vectors::Column::Id,
        vectors::Column::Page,
        vectors::Column::VectorIds,
    ];

    /// Reads rows, and frees the text of each row after decoding it.
    pub(super) async fn all(
        db: &impl ConnectionTrait,
        statement: &impl StatementBuilder,
    ) -> Result<Vec<Self>, Error> {
        let rows = db.query_all(statement).await?;
        rows.into_iter().map(|row| Self::read(&row)).collect()
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self, Error> {
        let doc_id = row.try_get("", "doc_id")?;
        let id = row.try_get("", "id")?;
        let page = row.try_get("", "page")?;
        let text: String = row.try_get("", "vector_ids").map_err(|error| {
            DbErr::Type(format!(
                "vectors.vector_ids: the row {id} of document {doc_id} is no text: {error}. Correct it by hand"
            ))
        })?;
        let ids = text.parse().map_err(|source| Error::Unreadable {
            doc_id,
            row: id,
            source,
        })?;
        Ok(Self {
            doc_id,
            id,
            page,
            ids,
        })
    }

    pub(super) fn page(self) -> Page {
        Page {
            number: self.page,
            ids: self.ids,
        }
    }
}
