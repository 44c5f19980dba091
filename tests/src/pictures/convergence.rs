//! Draws how `up` converges an existing table to the declared shape.

use super::svg::{Picture, Point};

const SIZE: Point = (230, 58);

pub fn draw() -> String {
    let mut picture = Picture::new("How up converges a table", 870, 290);
    let [inspect, compare, step] = [(20, 20), (300, 20), (300, 140)];
    let [declared, refused] = [(610, 20), (610, 140)];
    station(&mut picture, "box", inspect, ["inspect", "the catalog"]);
    station(
        &mut picture,
        "box",
        compare,
        ["compare", "with the declared shape"],
    );
    station(
        &mut picture,
        "box",
        step,
        ["one step", "in a short transaction"],
    );
    station(
        &mut picture,
        "end",
        declared,
        ["record the migration", "the shape is as declared"],
    );
    station(
        &mut picture,
        "refusal",
        refused,
        ["refuse", "and change nothing"],
    );

    let middle = SIZE.1 / 2;
    picture.arrow(&[(250, 20 + middle), (300, 20 + middle)]);
    picture.arrow(&[(530, 20 + middle), (610, 20 + middle)]);
    picture.centred("quiet", (567, 40), "same");
    picture.arrow(&[(415, 78), (415, 140)]);
    picture.text("quiet", (425, 128), "differs");
    picture.arrow(&[(510, 78), (510, 110), (725, 110), (725, 140)]);
    picture.text("quiet", (520, 104), "would lose or invent data");
    picture.arrow(&[(300, 140 + middle), (135, 140 + middle), (135, 78)]);
    picture.text("quiet", (145, 128), "inspect again");

    let below = [
        "After a crash, or while another migrator works, up inspects again and does only what is",
        "still missing. No flag says that a step was done.",
    ];
    for (line, number) in below.iter().zip(0..) {
        picture.text("quiet", (20, 250 + number * 22), line);
    }
    picture.finish()
}

fn station(picture: &mut Picture, class: &str, (x, y): Point, [name, about]: [&str; 2]) {
    picture.area(class, (x, y), SIZE);
    picture.text("strong", (x + 14, y + 24), name);
    picture.text("quiet", (x + 14, y + 45), about);
}
