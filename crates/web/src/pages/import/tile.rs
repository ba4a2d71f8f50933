//! Numbers of rows on the pages of a plan and of a result.

/// A number, and what it counts.
pub(super) struct Tile {
    pub(super) value: u64,
    pub(super) label: &'static str,
    pub(super) is_bad: bool,
}

/// Returns tiles for the numbers that are shown always, or are not 0.
pub(super) fn tiles(numbers: &[(u64, &'static str, Show)]) -> Vec<Tile> {
    let numbers = numbers
        .iter()
        .filter(|(value, _, show)| *value > 0 || *show == Show::Always);
    let tiles = numbers.map(|(value, label, show)| Tile {
        value: *value,
        label,
        is_bad: *show == Show::Errors && *value > 0,
    });
    tiles.collect()
}

/// Condition under which a number is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Always,
    IfAny,
    /// Rows with errors, if there are any.
    Errors,
}
