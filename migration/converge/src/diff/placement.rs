//! Where Citus has to keep a table: where the rows are that it refers to, or the foreign key reaches nothing.

use super::Difference;
use crate::{
    inspect::Inspection,
    model::{ForeignKey, Placement, Table},
};

/// The columns of the primary key: where the table is distributed by another column, with that.
pub(crate) fn primary_key(current: &Inspection, declared: &Table) -> Vec<String> {
    let distributed = match (declared.parent_key(), current.parent_placement(declared)) {
        (Some(key), Placement::Distributed { .. }) => key.columns.clone(),
        _ => Vec::new(),
    };
    let mut columns = distributed;
    let others = declared.primary_key.iter();
    let others: Vec<String> = others
        .filter(|column| !columns.contains(column))
        .cloned()
        .collect();
    columns.extend(others);
    columns
}

pub(super) fn find(
    current: &Inspection,
    declared: &Table,
    table: &Table,
) -> Option<Difference> {
    let key = declared.parent_key()?;
    let parent = &current.table(&key.table)?.placement;
    (!is_beside(key, parent, table)).then(|| Difference::Placement {
        key: key.clone(),
        parent: parent.clone(),
        child: table.placement.clone(),
    })
}

fn is_beside(key: &ForeignKey, parent: &Placement, table: &Table) -> bool {
    match (parent, &table.placement) {
        (Placement::Local, Placement::Local | Placement::Managed) => true,
        (Placement::Managed | Placement::Reference, Placement::Managed) => true,
        // The foreign key takes the table along.
        (Placement::Managed | Placement::Reference, Placement::Local) => {
            table.foreign_keys.is_empty()
        }
        (
            Placement::Distributed {
                colocation: with, ..
            },
            Placement::Distributed { column, colocation },
        ) => key.columns == [column.as_str()] && colocation == with,
        (parent @ Placement::SingleShard { .. }, table) => parent == table,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;
    use crate::schema::{
        live::{Attributes, Column, ColumnKind, Filled, ForeignKey, Kind, Place, Reach},
        rows::Ids,
        step::{Freedom, plan},
    };

    const ON_ONE_SHARD: Placement = Placement::SingleShard { colocation: 7 };

    fn distributed_by(column: &str, colocation: i64) -> Placement {
        Placement::Distributed {
            column: column.to_owned(),
            colocation,
        }
    }

    fn table(placement: Placement) -> Table {
        Table {
            placement,
            foreign_keys: vec![foreign_key()],
            ..Table::new(Kind::Table)
        }
    }

    fn foreign_key() -> ForeignKey {
        ForeignKey {
            name: Some("mine".to_owned()),
            columns: vec!["doc_id".to_owned()],
            table: "documents".to_owned(),
            references: vec!["id".to_owned()],
            on_delete: "CASCADE".to_owned(),
            on_update: "NO ACTION".to_owned(),
            timing: String::new(),
            comment: None,
            validated: Some(true),
            enforced: true,
        }
    }

    fn live(documents: &Placement, vectors: Option<&Table>) -> Live {
        Live {
            backend: DbBackend::Postgres,
            place: Place {
                database: "test".to_owned(),
                schema: None,
            },
            tables: Vec::new(),
            names: Vec::new(),
            documents: Some(table(documents.clone())),
            vectors: vectors.cloned(),
            may_create_documents: false,
            compression: None,
            reach: Reach::Server,
        }
    }

    fn found(documents: &Placement, vectors: &Placement) -> Option<Difference> {
        let vectors = table(vectors.clone());
        find(&live(documents, Some(&vectors)), &vectors)
    }

    fn statements(live: &Live, difference: Difference) -> Vec<String> {
        plan(live, &[difference], Freedom::Free, &[])
            .into_iter()
            .filter_map(|plan| plan.remedy.steps().cloned())
            .flat_map(|steps| steps.iter().cloned().collect::<Vec<_>>())
            .flat_map(|step| step.statements)
            .collect()
    }

    #[test]
    fn the_table_belongs_where_its_documents_are() {
        let as_declared = [
            (Placement::Local, Placement::Local),
            (Placement::Local, Placement::Managed),
            (Placement::Managed, Placement::Managed),
            (Placement::Reference, Placement::Managed),
            (distributed_by("id", 4), distributed_by("doc_id", 4)),
            (ON_ONE_SHARD, ON_ONE_SHARD),
        ];
        for (documents, vectors) in as_declared {
            assert_eq!(found(&documents, &vectors), None, "{documents}");
        }
    }

    #[test]
    fn a_local_table_is_moved_to_its_documents() {
        for documents in [distributed_by("id", 4), ON_ONE_SHARD] {
            for vectors in [Placement::Local, Placement::Managed] {
                let found = found(&documents, &vectors).map(|found| found.obstacle(&[]));
                assert_eq!(found, Some(None), "{documents}");
            }
        }
    }

    #[test]
    fn what_else_has_been_placed_otherwise_is_left_to_a_person() {
        let refused = [
            (Placement::Reference, Placement::Local),
            (Placement::Local, distributed_by("doc_id", 4)),
            (Placement::Local, Placement::Reference),
            (distributed_by("id", 4), distributed_by("doc_id", 5)),
            (distributed_by("id", 4), distributed_by("id", 4)),
            (distributed_by("id", 4), Placement::Reference),
            (ON_ONE_SHARD, Placement::SingleShard { colocation: 8 }),
        ];
        for (documents, vectors) in refused {
            let found = found(&documents, &vectors).map(|found| found.obstacle(&[]));
            assert!(
                matches!(found, Some(Some(Obstacle::Person(_)))),
                "{documents}"
            );
        }
    }

    #[test]
    fn a_new_table_is_distributed_before_it_gets_its_foreign_key() {
        let live = live(&distributed_by("id", 4), None);

        let statements = statements(&live, Difference::TableAbsent);

        assert_eq!(
            statements,
            [
                r#"CREATE TABLE "vectors" ( "id" serial NOT NULL, "doc_id" integer NOT NULL, "page" integer NOT NULL, "vector_ids" text NOT NULL, PRIMARY KEY ("doc_id", "id") )"#,
                r#"CREATE INDEX "ix_vectors_doc_id" ON "vectors" ("doc_id")"#,
                "SELECT create_distributed_table('vectors', 'doc_id', colocate_with => 'documents')",
                r#"ALTER TABLE "vectors" ADD CONSTRAINT "vectors_doc_id_fkey" FOREIGN KEY ("doc_id") REFERENCES "documents" ("id") ON DELETE CASCADE"#,
            ]
        );
    }

    #[test]
    fn a_local_table_gets_its_foreign_key_back_when_it_has_been_moved() {
        let vectors = table(Placement::Local);
        let live = live(&ON_ONE_SHARD, Some(&vectors));

        let statements = find(&live, &vectors).map(|found| statements(&live, found));

        assert_eq!(
            statements.unwrap_or_default(),
            [
                r#"ALTER TABLE vectors DROP CONSTRAINT "mine""#,
                "SELECT create_distributed_table('vectors', NULL, colocate_with => 'documents')",
                "SELECT truncate_local_data_after_distributing_table('vectors')",
                r#"ALTER TABLE vectors ADD CONSTRAINT "mine" FOREIGN KEY ("doc_id") REFERENCES "documents" ("id") ON DELETE CASCADE NOT VALID"#,
            ]
        );
    }

    #[test]
    fn a_key_on_id_alone_grows_before_the_table_is_distributed() {
        let vectors = Table {
            primary_key: vec!["id".to_owned()],
            ..table(Placement::Local)
        };
        let live = live(&distributed_by("id", 4), Some(&vectors));
        let key = Difference::PrimaryKey {
            live: Column {
                name: "id".to_owned(),
                declared: "integer".to_owned(),
                kind: ColumnKind::INTEGER,
                nullable: false,
                default: None,
                filled: Filled::ByDefault,
                attributes: Attributes::default(),
            },
            found: vectors.primary_key.clone(),
            ids: Ids::default(),
        };

        assert_eq!(
            statements(&live, key),
            [
                r#"ALTER TABLE vectors DROP CONSTRAINT "vectors_pkey""#,
                r#"ALTER TABLE vectors ADD CONSTRAINT "vectors_pkey" PRIMARY KEY (doc_id, id)"#,
            ]
        );
    }
}
