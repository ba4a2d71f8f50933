//! References of cells.

/// Returns the letters of a column by its index from 0, as spreadsheets show them: `A`, `Z`, `AA`.
#[must_use]
pub fn column_letters(index: usize) -> String {
    let last = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => last.to_string(),
        rest => column_letters(rest - 1) + &last.to_string(),
    }
}
