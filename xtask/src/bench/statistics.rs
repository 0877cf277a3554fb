//! Median and range of repeated figures.
//!
//! No means, deviations or tests: a handful of rounds on a shared machine supports no more.

/// What repeated measurements of one figure say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The middle value.
    pub(crate) median: f64,
    /// The least value.
    pub(crate) least: f64,
    /// The greatest value.
    pub(crate) most: f64,
}

/// The spread of some values, if there is one.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let median = match sorted.len() % 2 {
        1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    };
    Some(Spread { median, least, most })
}
