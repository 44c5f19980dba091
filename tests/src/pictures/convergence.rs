//! Draws how `up` converges an existing table to the declared shape.

use super::svg::{Picture, Point};

const SIZE: Point = (250, 58);

pub fn draw() -> String {
    let mut picture = Picture::new("How up converges a table", 860, 290);
    let [look, compare, step] = [(20, 20), (305, 20), (305, 140)];
    let [declared, refused] = [(590, 20), (590, 140)];
    station(&mut picture, "box", look, ["look", "at the catalog"]);
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
        ["refuse", "the tables stay as they are"],
    );

    let middle = SIZE.1 / 2;
    picture.arrow(&[(270, 20 + middle), (305, 20 + middle)]);
    picture.arrow(&[(555, 20 + middle), (590, 20 + middle)]);
    picture.text("quiet", (556, 40), "same");
    picture.arrow(&[(430, 78), (430, 140)]);
    picture.text("quiet", (440, 114), "differs");
    picture.arrow(&[(530, 78), (530, 110), (715, 110), (715, 140)]);
    picture.text("quiet", (545, 104), "would lose or invent data");
    picture.arrow(&[(305, 140 + middle), (145, 140 + middle), (145, 78)]);
    picture.text("quiet", (155, 130), "look again");

    let below = [
        "After a crash, or while another migrator works, up inspects again and does only what is still missing.",
        "No flag says that a step was done.",
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
