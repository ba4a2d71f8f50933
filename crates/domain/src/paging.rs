//! Pagination, by offset or by keyset.

/// Request for a page of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageRequest {
    /// Maximum number of items.
    pub limit: u32,
    /// Start of the page.
    pub start: PageStart,
}

/// Start of a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PageStart {
    /// Skips this number of items.
    Offset(u64),
    /// Continues after this position (keyset pagination). The last page is as fast as the first,
    /// and concurrent inserts and deletes neither skip nor repeat items.
    Cursor(Cursor),
}

/// Position of an item in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    /// Id of the item.
    pub id: i64,
    /// Search rank of the item, `None` if the list is ordered by id from here on.
    pub rank: Option<f32>,
    /// Ids of the items that are ordered by rank, if others follow that are ordered by id.
    pub ranked_ids: Option<IdRange>,
}

/// A range of ids, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// Smallest id. 0 if no older items follow.
    pub oldest: i64,
    /// Largest id.
    pub newest: i64,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Items.
    pub items: Vec<T>,
    /// Number of items in the whole list.
    pub total: Total,
    /// `false` if the search omitted devices that wait to be indexed. `true` without a search.
    pub search_is_complete: bool,
    /// Position of the last item, if more items follow.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Returns the same page with other representations of its items.
    #[must_use]
    pub fn with_items<U>(self, items: Vec<U>) -> Page<U> {
        Page {
            items,
            total: self.total,
            search_is_complete: self.search_is_complete,
            next: self.next,
        }
    }
}

/// Number of items in a list, or a lower bound of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Number of items that were counted.
    pub count: u64,
    /// `false` if the list may have more items.
    pub is_exact: bool,
}

impl Total {
    /// Creates the exact number of items.
    #[must_use]
    pub fn exact(count: u64) -> Self {
        Self {
            count,
            is_exact: true,
        }
    }

    /// Creates a lower bound of the number of items.
    #[must_use]
    pub fn at_least(count: u64) -> Self {
        Self {
            count,
            is_exact: false,
        }
    }
}
