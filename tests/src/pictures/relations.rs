//! Draws the tables and their relation as the entities declare them.

use entity::{documents, vectors};
use sea_orm::{
    ColumnTrait, ColumnType, EntityName, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn,
    RelationTrait, sea_query::ForeignKeyAction,
};

use super::svg::{Picture, Point};

const WIDTH: u32 = 330;
const ROW: u32 = 26;
const LEFT: Point = (20, 20);
const RIGHT: Point = (500, 20);

pub fn draw() -> String {
    let mut picture = Picture::new("The tables vectors and documents", 850, 170);
    table::<vectors::Entity>(&mut picture, LEFT);
    table::<documents::Entity>(&mut picture, RIGHT);
    let relation = vectors::Relation::Documents.def();
    let on_delete = match relation.on_delete {
        Some(ForeignKeyAction::Cascade) => "ON DELETE CASCADE",
        _ => "no ON DELETE",
    };
    let (from, to) = ((LEFT.0 + WIDTH, row(2)), (RIGHT.0, row(1)));
    let middle = (from.0 + to.0) / 2;
    picture.arrow(&[from, (middle, from.1), (middle, to.1), to]);
    picture.centred("quiet", (middle, from.1 + 22), on_delete);
    picture.text("quiet", (from.0 + 6, from.1 - 6), "many");
    picture.text("quiet", (to.0 - 36, to.1 - 6), "one");
    picture.finish()
}

/// Returns the vertical middle of a row. Row 0 is the table's name.
fn row(number: u32) -> u32 {
    LEFT.1 + ROW / 2 + number * ROW
}

fn table<E: EntityTrait>(picture: &mut Picture, (x, y): Point) {
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let rows = columns.len() as u32 + 1;
    picture.area("box", (x, y), (WIDTH, rows * ROW + 4));
    picture.text("strong", (x + 12, y + 18), E::default().table_name());
    picture.path(&[(x, y + ROW), (x + WIDTH, y + ROW)]);
    for (column, number) in columns.into_iter().zip(1..) {
        let baseline = y + number * ROW + 18;
        picture.text("", (x + 12, baseline), column.as_str());
        picture.text("quiet", (x + 130, baseline), &about::<E>(column));
    }
    if E::default().table_name() == documents::Entity.table_name() {
        let below = y + rows * ROW + 24;
        picture.text(
            "quiet",
            (x + 12, below),
            "plus your application's own columns",
        );
    }
}

fn about<E: EntityTrait>(column: E::Column) -> String {
    let definition = column.def();
    let kind = match definition.get_column_type() {
        ColumnType::Integer => "integer",
        ColumnType::Text => "text",
        _ => "of another type",
    };
    let is_key = E::PrimaryKey::from_column(column).is_some();
    let rest = match (is_key, column.as_str()) {
        (true, _) => ", primary key",
        (_, "doc_id") => ", indexed",
        _ => "",
    };
    format!("{kind}{rest}")
}
