use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, StatementBuilder};

use crate::{Page, VectorIds, vectors};

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
    ) -> Result<Vec<Self>, DbErr> {
        let rows = db.query_all(statement).await?;
        rows.into_iter()
            .map(|row| Self::from_query_result(&row, ""))
            .collect()
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

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let doc_id: i32 = row.try_get(prefix, "doc_id")?;
        let id: Option<i32> = row.try_get(prefix, "id")?;
        let page = row.try_get(prefix, "page")?;
        let vector_ids = row.try_get(prefix, "vector_ids").map_err(|error| {
            let row = id.map_or_else(String::new, |id| format!("the row {id} of "));
            DbErr::Type(format!(
                "{row}document {doc_id} cannot be read: {error}. Correct it by hand"
            ))
        })?;
        Ok(Self {
            doc_id,
            id,
            page,
            vector_ids,
        })
    }
}
