//! A picture of lines over two axes with a legend beside it.

use super::canvas::{Anchor, COLOURS, Canvas};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line<'a> {
    /// What it is.
    pub(crate) label: &'a str,
    /// Its points in the axes' units.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether it is to stand out.
    pub(crate) is_ours: bool,
}

/// A moment that explains the lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mark {
    /// Where on the horizontal axis.
    pub(crate) at: f64,
    /// What happened.
    pub(crate) label: &'static str,
}

/// An axis: its title, its ends, and how values are placed between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    title: &'static str,
    least: f64,
    most: f64,
    scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

impl Axis {
    /// One on which equal differences are equally long.
    pub(crate) fn linear(title: &'static str, least: f64, most: f64) -> Self {
        Self { title, least, most, scale: Scale::Linear }
    }

    /// One on which equal ratios are equally long.
    pub(crate) fn logarithmic(title: &'static str, least: f64, most: f64) -> Self {
        Self { title, least, most, scale: Scale::Logarithmic }
    }

    /// Where a value is, 0 to 1; beyond the ends is at the ends.
    pub(crate) fn place(self, value: f64) -> f64 {
        let value = value.clamp(self.least, self.most);
        match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Logarithmic => (value / self.least).log10() / (self.most / self.least).log10(),
        }
    }

    /// The values that get a number.
    pub(crate) fn ticks(self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                (0..=5_u8).map(|part| self.least + (self.most - self.least) * f64::from(part) / 5.0).collect()
            }
            Scale::Logarithmic => {
                let all = LOGARITHMIC_TICKS.iter().copied();
                all.filter(|tick| (self.least..=self.most).contains(tick)).collect()
            }
        }
    }
}

/// Draws lines; those that are ours last, so that they lie on top.
pub(crate) fn draw(title: &str, across: &Axis, up: &Axis, lines: &[Line<'_>], marks: &[Mark]) -> String {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let x = |value: f64| LEFT + across.place(value) * (RIGHT - LEFT);
    let y = |value: f64| BOTTOM - up.place(value) * (BOTTOM - TOP);
    canvas.text((16.0, 24.0), Anchor::Start, "title", title);
    for tick in across.ticks() {
        canvas.line((x(tick), TOP), (x(tick), BOTTOM), "grid");
        canvas.text((x(tick), BOTTOM + 16.0), Anchor::Middle, "small", &format!("{tick}"));
    }
    for tick in up.ticks() {
        canvas.line((LEFT, y(tick)), (RIGHT, y(tick)), "grid");
        canvas.text((LEFT - 6.0, y(tick) + 4.0), Anchor::End, "small", &format!("{tick}"));
    }
    canvas.text((f64::midpoint(LEFT, RIGHT), BOTTOM + 34.0), Anchor::Middle, "small", across.title);
    canvas.text_upwards((18.0, f64::midpoint(TOP, BOTTOM)), "small", up.title);
    for mark in marks {
        canvas.line((x(mark.at), TOP), (x(mark.at), BOTTOM), "mark");
        canvas.text((x(mark.at) + 3.0, TOP + 11.0), Anchor::Start, "small", mark.label);
    }
    let mut ordered: Vec<&Line<'_>> = lines.iter().collect();
    ordered.sort_by_key(|line| line.is_ours);
    let others = ordered.iter().scan(0, |seen, line| {
        *seen += usize::from(!line.is_ours);
        Some(if line.is_ours { 0 } else { 1 + (*seen - 1) % (COLOURS - 1) })
    });
    for (line, colour) in ordered.iter().zip(others.collect::<Vec<_>>()) {
        let points: Vec<(f64, f64)> = line.points.iter().map(|(across, up)| (x(*across), y(*up))).collect();
        let thick = if line.is_ours { " thick" } else { "" };
        canvas.path(&points, &format!("c{colour}{thick}"));
        let place = lines.iter().position(|other| other.label == line.label).unwrap_or(0);
        let legend = TOP + 10.0 + 20.0 * f64::from(u32::try_from(place).unwrap_or(0));
        canvas.line((RIGHT + 14.0, legend), (RIGHT + 36.0, legend), &format!("c{colour}"));
        let text = if line.is_ours { "ours" } else { "" };
        canvas.text((RIGHT + 42.0, legend + 4.0), Anchor::Start, text, line.label);
    }
    canvas.finish()
}

const LOGARITHMIC_TICKS: [f64; 18] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 346.0;
