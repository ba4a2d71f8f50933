//! Pagination by keyset: the cursor is a parameter of the query.

use devices_domain::{Cursor, IdRange, PageStart};

use crate::PATH;
use crate::query::Pairs;

/// Number of items per page.
pub(crate) const LIMIT: u32 = 50;

/// Name of the parameter with the cursor.
pub(crate) const CURSOR: &str = "after";

/// Name of the parameter with the result of the last action.
pub(crate) const NOTICE: &str = "notice";

/// Links between the pages of a list.
pub(crate) struct Pager {
    /// `None` on the first page.
    pub(crate) first: Option<String>,
    /// `None` on the last page.
    pub(crate) next: Option<String>,
}

impl Pager {
    /// Creates the links of a list at `path`, relative to the console, with the same filters. The
    /// result of the last action is not shown again.
    pub(crate) fn new(path: &str, query: &Pairs, next: Option<Cursor>) -> Self {
        let is_first = query.get(CURSOR).is_none();
        Self::with_first(path, query, next, is_first)
    }

    /// Creates the links of a list whose query does not tell whether this is the first page.
    pub(crate) fn with_first(
        path: &str,
        query: &Pairs,
        next: Option<Cursor>,
        is_first: bool,
    ) -> Self {
        let filters = query.without(CURSOR).without(NOTICE);
        let link = |cursor: Option<String>| {
            let mut pairs = filters.clone();
            let cursor = cursor.map(|cursor| (CURSOR.to_owned(), cursor));
            pairs.0.extend(cursor);
            format!("{PATH}{path}?{}", pairs.encode())
        };
        Self {
            first: (!is_first).then(|| link(None)),
            next: next.map(|cursor| link(Some(encode(cursor)))),
        }
    }
}

/// Returns the start of the page in the query. The first page starts at offset 0.
pub(crate) fn start(query: &Pairs) -> PageStart {
    let cursor = query.get(CURSOR).and_then(decode);
    cursor.map_or(PageStart::Offset(0), PageStart::Cursor)
}

/// Returns the text of a cursor, for the query or a form.
pub(crate) fn encode(cursor: Cursor) -> String {
    let Cursor {
        id,
        rank,
        ranked_ids,
    } = cursor;
    let rank = rank.map(|rank| format!("{:08x}", rank.to_bits()));
    let ids = ranked_ids.map(|ids| format!("{}.{}", ids.oldest, ids.newest));
    let (rank, ids) = (rank.unwrap_or_default(), ids.unwrap_or_default());
    format!("{id}_{rank}_{ids}")
}

fn decode(text: &str) -> Option<Cursor> {
    let mut parts = text.splitn(3, '_');
    let (id, rank, ids) = (parts.next()?, parts.next()?, parts.next()?);
    let rank = match rank {
        "" => None,
        bits => Some(f32::from_bits(u32::from_str_radix(bits, 16).ok()?)),
    };
    if rank.is_some_and(|rank| !rank.is_finite()) {
        return None;
    }
    let ranked_ids = match ids {
        "" => None,
        ids => {
            let (oldest, newest) = ids.split_once('.')?;
            Some(IdRange {
                oldest: oldest.parse().ok()?,
                newest: newest.parse().ok()?,
            })
        }
    };
    Some(Cursor {
        id: id.parse().ok()?,
        rank,
        ranked_ids,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_survives_its_text() {
        let ids = IdRange {
            oldest: 3,
            newest: 90,
        };
        for (rank, ranked_ids) in [(None, None), (Some(0.25), None), (None, Some(ids))] {
            let cursor = Cursor {
                id: 17,
                rank,
                ranked_ids,
            };
            assert_eq!(decode(&encode(cursor)), Some(cursor));
        }
    }

    #[test]
    fn malformed_cursor_is_ignored() {
        for text in ["", "x", "1_2", "1_7fc00000_", "1__5", "_ _"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
