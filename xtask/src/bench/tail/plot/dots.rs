//! A picture with one row for each thing: its median as a dot, its range as a bar, on a logarithmic
//! axis, because the figures span three powers of ten.

use super::canvas::{Anchor, Canvas};
use crate::bench::statistics::Spread;

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dot<'a> {
    /// What it is.
    pub(crate) label: &'a str,
    /// Its figure, %.
    pub(crate) spread: Spread,
    /// Whether it is to stand out.
    pub(crate) is_ours: bool,
}

/// Draws the rows in the order given; `floor` is what nobody can come below.
pub(crate) fn draw(title: &str, axis: &str, dots: &[Dot<'_>], floor: Option<Spread>) -> String {
    let rows = f64::from(u32::try_from(dots.len()).unwrap_or(0));
    let bottom = TOP + rows * ROW + 6.0;
    let mut canvas = Canvas::new(WIDTH, bottom + 44.0);
    canvas.text((16.0, 24.0), Anchor::Start, "title", title);
    for tick in [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0] {
        canvas.line((x(tick), TOP - 4.0), (x(tick), bottom), "grid");
        canvas.text((x(tick), bottom + 16.0), Anchor::Middle, "small", &format!("{tick}"));
    }
    canvas.text((f64::midpoint(LEFT, RIGHT), bottom + 34.0), Anchor::Middle, "small", axis);
    if let Some(floor) = floor {
        canvas.line((x(floor.median), TOP - 4.0), (x(floor.median), bottom), "mark");
        canvas.text((x(floor.median), TOP - 8.0), Anchor::Middle, "small", "work alone");
    }
    let mut y = TOP + ROW / 2.0;
    for dot in dots {
        let Spread { median, least, most } = dot.spread;
        let (text, fill) = if dot.is_ours { ("ours", "fill-ours") } else { ("", "fill") };
        canvas.text((LEFT - 10.0, y + 4.0), Anchor::End, text, dot.label);
        canvas.line((x(least), y), (x(most), y), "range");
        canvas.dot((x(median), y), 5.0, fill);
        canvas.text((RIGHT + 14.0, y + 4.0), Anchor::Start, text, &format!("{median:.2}"));
        y += ROW;
    }
    canvas.finish()
}

fn x(value: f64) -> f64 {
    let place = (value.clamp(LEAST, MOST) / LEAST).log10() / (MOST / LEAST).log10();
    LEFT + place * (RIGHT - LEFT)
}

const WIDTH: f64 = 720.0;
const LEFT: f64 = 160.0;
const RIGHT: f64 = 650.0;
const TOP: f64 = 56.0;
const ROW: f64 = 22.0;
const LEAST: f64 = 0.1;
const MOST: f64 = 100.0;
