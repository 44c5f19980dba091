//! Where Citus has to place a table: where the rows are that it refers to, because otherwise the
//! foreign key reaches nothing.

use super::{Difference, WayBack};
use crate::{
    inspect::Inspection,
    model::{ForeignKey, Placement, Table},
};

/// Returns the columns of the primary key, together with the column by which the table is
/// distributed, if that is another one.
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

pub(crate) fn find(current: &Inspection, declared: &Table, table: &Table) -> Option<Difference> {
    let key = declared.parent_key()?;
    let parent = &current.table(&key.table)?.placement;
    (!is_beside(key, parent, table)).then(|| Difference::Placement {
        key: key.clone(),
        parent: parent.clone(),
        child: table.placement.clone(),
        hinders: table.extras.hinders.clone(),
        way_back: way_back(current, declared, table, &key.table),
    })
}

fn way_back(current: &Inspection, declared: &Table, table: &Table, parent: &str) -> WayBack {
    let fits = table.primary_key == declared.primary_key
        || table.primary_key == primary_key(current, declared);
    // A local table has no rows to be brought back: only what refers to the parent is in the way.
    let is_local = matches!(table.placement, Placement::Local | Placement::Managed);
    let keys = table.foreign_keys.iter();
    let keys = keys.filter(|one| !is_local || one.table == parent);
    WayBack {
        foreign_keys: keys.filter_map(|key| key.name.clone()).collect(),
        primary_key: (!fits && !table.primary_key.is_empty())
            .then(|| (table.primary_key_name(), declared.primary_key.clone())),
    }
}

/// Returns whether a table is moved to its parent, given what Citus finds in the way.
pub(crate) fn is_moved(parent: &Placement, child: &Placement, hinders: &[String]) -> bool {
    hinders.is_empty()
        && matches!(
            parent,
            Placement::Distributed { .. } | Placement::SingleShard { .. }
        )
        && matches!(child, Placement::Local | Placement::Managed)
}

fn is_beside(key: &ForeignKey, parent: &Placement, table: &Table) -> bool {
    match (parent, &table.placement) {
        (Placement::Local, Placement::Local | Placement::Managed) => true,
        (Placement::Managed | Placement::Reference, Placement::Managed) => true,
        // Adding the foreign key moves the table too.
        (Placement::Managed | Placement::Reference, Placement::Local) => {
            table.foreign_keys.iter().all(|one| one.table != key.table)
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
    use sea_query::{
        ForeignKey as ForeignKeyStatement, ForeignKeyAction, Index, Table as TableStatement,
    };

    use super::*;
    use crate::engine::Engine;
    use crate::{
        Declaration, Shape,
        diff::Change,
        facts::Keys,
        model::Kind,
        plan::{Context, Obstacle, Obstacles, plan},
        session::TxMode,
    };

    const ON_ONE_SHARD: Placement = Placement::SingleShard { colocation: 7 };

    fn shape() -> Shape {
        let declaration = Declaration {
            name: "first".to_owned(),
            declare: |shape| {
                let id = sea_orm_migration::schema::pk_auto;
                let integer = sea_orm_migration::schema::integer;
                let key = ForeignKeyStatement::create()
                    .name("pages_book_fkey")
                    .from("pages", "book")
                    .to("books", "id")
                    .on_delete(ForeignKeyAction::Cascade)
                    .take();
                shape
                    .require(TableStatement::create().table("books").col(id("id")))
                    .table(
                        TableStatement::create()
                            .table("pages")
                            .col(id("id"))
                            .col(integer("book"))
                            .foreign_key(&mut key.clone()),
                    )
                    .index(Index::create().name("ix").table("pages").col("book"));
            },
        };
        Shape::at(&[declaration], 1).expect("comparable")
    }

    fn distributed_by(column: &str, colocation: i64) -> Placement {
        Placement::Distributed {
            column: column.to_owned(),
            colocation,
        }
    }

    fn declared() -> Table {
        shape().table_named("pages").expect("declared").clone()
    }

    fn table(placement: Placement) -> Table {
        let mut key = declared().foreign_keys[0].clone();
        key.name = Some("mine".to_owned());
        Table {
            placement,
            foreign_keys: vec![key],
            ..Table::new("pages", Kind::Table)
        }
    }

    fn current(parent: &Placement, child: Option<&Table>) -> Inspection {
        let books = Table {
            placement: parent.clone(),
            ..Table::new("books", Kind::Table)
        };
        Inspection {
            found: [Some(books), child.cloned()]
                .into_iter()
                .flatten()
                .collect(),
            ..Inspection::empty(Engine::Postgres)
        }
    }

    fn found(parent: &Placement, child: &Placement) -> Option<Change> {
        let child = table(child.clone());
        let found = find(&current(parent, Some(&child)), &declared(), &child);
        found.map(|found| found.of("pages"))
    }

    fn obstacle(change: &Change) -> Option<Obstacle> {
        let shape = shape();
        let obstacles = Obstacles {
            current: &Inspection::empty(Engine::Postgres),
            shape: &shape,
            all: &[],
        };
        obstacles.of(change)
    }

    fn statements(current: &Inspection, change: Change) -> Vec<String> {
        let shape = shape();
        let context = Context {
            current,
            shape: &shape,
            mode: TxMode::Free,
            copied: &[],
        };
        plan(&context, &[change])
            .into_iter()
            .filter_map(|plan| plan.remedy.steps().cloned())
            .flat_map(|steps| steps.iter().cloned().collect::<Vec<_>>())
            .flat_map(|step| step.statements)
            .collect()
    }

    #[test]
    fn a_table_belongs_where_its_parent_is() {
        let as_declared = [
            (Placement::Local, Placement::Local),
            (Placement::Local, Placement::Managed),
            (Placement::Managed, Placement::Managed),
            (Placement::Reference, Placement::Managed),
            (distributed_by("id", 4), distributed_by("book", 4)),
            (ON_ONE_SHARD, ON_ONE_SHARD),
        ];
        for (parent, child) in as_declared {
            assert_eq!(found(&parent, &child), None, "{parent}");
        }
    }

    #[test]
    fn a_local_table_is_moved_to_its_parent() {
        for parent in [distributed_by("id", 4), ON_ONE_SHARD] {
            for child in [Placement::Local, Placement::Managed] {
                let found = found(&parent, &child).map(|found| obstacle(&found));
                assert_eq!(found, Some(None), "{parent}");
            }
        }
    }

    #[test]
    fn what_else_is_placed_otherwise_needs_a_manual_decision() {
        let refused = [
            (Placement::Reference, Placement::Local),
            (Placement::Local, distributed_by("book", 4)),
            (Placement::Local, Placement::Reference),
            (distributed_by("id", 4), distributed_by("book", 5)),
            (distributed_by("id", 4), distributed_by("id", 4)),
            (distributed_by("id", 4), Placement::Reference),
            (ON_ONE_SHARD, Placement::SingleShard { colocation: 8 }),
        ];
        for (parent, child) in refused {
            let found = found(&parent, &child).map(|found| obstacle(&found));
            assert!(matches!(found, Some(Some(Obstacle::Manual(_)))), "{parent}");
        }
    }

    #[test]
    fn a_new_table_is_distributed_before_it_gets_its_foreign_key() {
        let current = current(&distributed_by("id", 4), None);

        let statements = statements(&current, Difference::TableAbsent.of("pages"));

        assert_eq!(
            statements,
            [
                r#"CREATE TABLE "pages" ( "id" serial NOT NULL, "book" integer NOT NULL, PRIMARY KEY ("book", "id") )"#,
                r#"CREATE INDEX "ix" ON "pages" ("book")"#,
                r#"SELECT create_distributed_table('"pages"', 'book', colocate_with => '"books"')"#,
                r#"ALTER TABLE "pages" ADD CONSTRAINT "pages_book_fkey" FOREIGN KEY ("book") REFERENCES "books" ("id") ON DELETE CASCADE"#,
            ]
        );
    }

    #[test]
    fn a_local_table_gets_its_foreign_key_back_when_it_has_been_moved() {
        let child = table(Placement::Local);
        let current = current(&ON_ONE_SHARD, Some(&child));

        let found = found(&ON_ONE_SHARD, &Placement::Local).expect("a difference");

        assert_eq!(
            statements(&current, found),
            [
                r#"ALTER TABLE "pages" DROP CONSTRAINT "mine""#,
                r#"SELECT create_distributed_table('"pages"', NULL, colocate_with => '"books"')"#,
                r#"SELECT truncate_local_data_after_distributing_table('"pages"')"#,
                r#"ALTER TABLE "pages" ADD CONSTRAINT "mine" FOREIGN KEY ("book") REFERENCES "books" ("id") ON DELETE CASCADE NOT VALID"#,
            ]
        );
    }

    #[test]
    fn a_key_on_the_number_alone_grows_together_with_the_move() {
        let child = Table {
            primary_key: vec!["id".to_owned()],
            ..table(Placement::Local)
        };
        let current = current(&distributed_by("id", 4), Some(&child));
        let key = Difference::PrimaryKey {
            columns: primary_key(&current, &declared()),
            numbered: None,
            found: child.primary_key.clone(),
            keys: Keys::default(),
        };

        assert_eq!(
            statements(&current, key.of("pages")),
            [
                r#"ALTER TABLE "pages" DROP CONSTRAINT "pages_pkey""#,
                r#"ALTER TABLE "pages" ADD CONSTRAINT "pages_pkey" PRIMARY KEY ("book", "id")"#,
                r#"ALTER TABLE "pages" DROP CONSTRAINT "mine""#,
                r#"SELECT create_distributed_table('"pages"', 'book', colocate_with => '"books"')"#,
                r#"SELECT truncate_local_data_after_distributing_table('"pages"')"#,
                r#"ALTER TABLE "pages" ADD CONSTRAINT "mine" FOREIGN KEY ("book") REFERENCES "books" ("id") ON DELETE CASCADE NOT VALID"#,
            ]
        );
    }
}
