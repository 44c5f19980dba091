//! Draws speeds by the number of pages, both on logarithmic axes, as an SVG for dark and light backgrounds.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;
/// The same font and colours as in the other pictures of the documentation.
const STYLE: &str = "\
.page { fill: #ffffff }
text { font: 14px ui-monospace, monospace; fill: #59636e }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 }
  text { fill: #9198a1 }
}
";
const COLOURS: [&str; 3] = ["#d97706", "#2563eb", "#6b7280"];

/// Draws a line for each name. A point is a number of pages and a speed in pages per second.
pub fn draw(names: &[&str], lines: &[Vec<(f64, f64)>]) -> String {
    let points = || lines.iter().flatten();
    let across = Axis::of(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let up = Axis::of(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\">\n\
         <title>Writing pages of 50 ids to PostgreSQL: pages per second by the number of pages</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n"
    );
    for (at, power) in across.ticks() {
        let bottom = HEIGHT - BOTTOM;
        line(&mut svg, [(at, TOP), (at, bottom)]);
        text(&mut svg, at, bottom + 20.0, "middle", &grouped(power));
    }
    for (at, power) in up.ticks() {
        line(&mut svg, [(LEFT, at), (WIDTH - RIGHT, at)]);
        text(&mut svg, LEFT - 8.0, at + 4.0, "end", &grouped(power));
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    text(&mut svg, middle, HEIGHT - 10.0, "middle", "pages");
    text(&mut svg, LEFT, TOP - 12.0, "end", "pages/s");
    for ((name, points), colour) in names.iter().zip(lines).zip(COLOURS) {
        let places: Vec<(f64, f64)> = points
            .iter()
            .map(|(pages, speed)| (across.at(*pages), up.at(*speed)))
            .collect();
        let path: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"/>",
            path.join(" ")
        );
        if let Some((x, y)) = places.last() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" style=\"fill: {colour}\">{name}</text>",
                x + 8.0,
                y + 4.0
            );
        }
    }
    svg + "</svg>\n"
}

/// An axis that maps whole powers of ten to the picture.
struct Axis {
    powers: (f64, f64),
    places: (f64, f64),
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let powers = values
            .map(f64::log10)
            .fold((f64::MAX, f64::MIN), |(least, most), power| {
                (least.min(power.floor()), most.max(power.ceil()))
            });
        Self {
            powers,
            places: (from, to),
        }
    }

    fn at(&self, value: f64) -> f64 {
        let ((least, most), (from, to)) = (self.powers, self.places);
        from + (value.log10() - least) / (most - least) * (to - from)
    }

    fn ticks(&self) -> impl Iterator<Item = (f64, f64)> {
        let (least, most) = self.powers;
        (least as i32..=most as i32).map(|power| {
            let value = 10_f64.powi(power);
            (self.at(value), value)
        })
    }
}

fn line(svg: &mut String, [(x1, y1), (x2, y2)]: [(f64, f64); 2]) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#808080\" stroke-opacity=\"0.35\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
