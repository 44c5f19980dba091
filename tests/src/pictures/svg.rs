//! An SVG of boxes, words and arrows for dark and light backgrounds.

use std::fmt::Write;

/// The style sheet. Its colours follow the reader's system, as those of the page on GitHub do.
const STYLE: &str = "\
.page { fill: #ffffff }
text { font: 14px ui-monospace, monospace; fill: #1f2328 }
.strong { font-weight: bold }
.quiet { fill: #59636e }
.box { fill: #f6f8fa; stroke: #59636e }
.end { fill: #dafbe1; stroke: #1a7f37 }
.refusal { fill: #ffebe9; stroke: #cf222e }
.line { fill: none; stroke: #59636e; stroke-width: 1.5 }
.tip { fill: #59636e }
@media (prefers-color-scheme: dark) {
  .page { fill: #0d1117 }
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .box { fill: #151b23; stroke: #9198a1 }
  .end { fill: #12261e; stroke: #3fb950 }
  .refusal { fill: #25171c; stroke: #f85149 }
  .line { stroke: #9198a1 }
  .tip { fill: #9198a1 }
}
";

pub struct Picture {
    body: String,
    width: u32,
    height: u32,
    title: &'static str,
}

pub type Point = (u32, u32);

impl Picture {
    pub fn new(title: &'static str, width: u32, height: u32) -> Self {
        Self {
            body: String::new(),
            width,
            height,
            title,
        }
    }

    pub fn area(&mut self, class: &str, (x, y): Point, (width, height): Point) {
        self.line(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        ));
    }

    pub fn text(&mut self, class: &str, (x, y): Point, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.line(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"
        ));
    }

    pub fn centred(&mut self, class: &str, (x, y): Point, text: &str) {
        self.line(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>"
        ));
    }

    pub fn path(&mut self, points: &[Point]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let points = points.join(" ");
        self.line(format_args!(
            "<polyline class=\"line\" points=\"{points}\"/>"
        ));
    }

    /// Draws a line that ends with a tip.
    pub fn arrow(&mut self, points: &[Point]) {
        self.path(points);
        if let [.., from, to] = points {
            let (x, y) = (f64::from(to.0), f64::from(to.1));
            let angle = (y - f64::from(from.1))
                .atan2(x - f64::from(from.0))
                .to_degrees();
            self.line(format_args!(
                "<path class=\"tip\" d=\"M0 0-9-4-9 4z\" transform=\"translate({x} {y}) rotate({angle:.0})\"/>"
            ));
        }
    }

    pub fn finish(self) -> String {
        let Self {
            body,
            width,
            height,
            title,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n{body}</svg>\n"
        )
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.body, "{line}");
    }
}
