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
    /// Search rank of the item, `None` if the list is ordered by id.
    pub rank: Option<f32>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Items.
    pub items: Vec<T>,
    /// Number of items in the whole list.
    pub total: u64,
    /// Position of the last item, if more items follow.
    pub next: Option<Cursor>,
}
