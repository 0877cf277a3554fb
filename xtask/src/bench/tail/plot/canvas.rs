//! An SVG of text, lines and circles that reads well on light and dark pages.
//!
//! It knows nothing of what is drawn.

use std::fmt::Write as _;

/// A picture in the making.
#[derive(Debug)]
pub(crate) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    /// An empty picture.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// A text; `class` is one of those of [`STYLE`].
    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ =
            writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#);
    }

    /// A text that is read from below, centred on a point.
    pub(crate) fn text_upwards(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let _ = writeln!(
            self.body,
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" text-anchor="middle" class="{class}">{text}</text>"#
        );
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(self.body, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#);
    }

    /// A line through points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(self.body, r#"<polyline points="{}" class="{class}"/>"#, points.join(" "));
    }

    /// A filled circle.
    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, class: &str) {
        let _ = writeln!(self.body, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" class="{class}"/>"#);
    }

    /// The whole file.
    pub(crate) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n{body}</svg>\n"
        )
    }
}

/// How many colours there are for lines, classes `c0` and so on; `c0` is evener's.
pub(crate) const COLOURS: usize = 8;

/// Middle tones show on both grounds; the ground itself is left to the page.
const STYLE: &str = "
text{font:12px system-ui,sans-serif;fill:#444}
.title{font-size:15px;font-weight:600;fill:#222}
.small{font-size:11px;fill:#777}
.ours{font-weight:600;fill:#1f6fb4}
.grid{stroke:#888;stroke-width:1;stroke-opacity:.25}
.axis{stroke:#888;stroke-width:1}
.mark{stroke:#888;stroke-width:1;stroke-dasharray:3 3}
.range{stroke:#888;stroke-width:3;stroke-opacity:.5}
.fill{fill:#888}
.fill-ours{fill:#2b83d0}
polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}
.thick{stroke-width:3}
.c0{stroke:#2b83d0}.c1{stroke:#e07b39}.c2{stroke:#4f9d57}.c3{stroke:#c9504f}
.c4{stroke:#9467bd}.c5{stroke:#8c6d54}.c6{stroke:#d573b1}.c7{stroke:#7f7f7f}
line.c0,line.c1,line.c2,line.c3,line.c4,line.c5,line.c6,line.c7{stroke-width:3}
@media (prefers-color-scheme:dark){
text{fill:#bbb}.title{fill:#eee}.small{fill:#999}.ours{fill:#6db3f2}
}
";
