//! Lists, a page at a time.

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageRequest {
    /// The most items.
    pub limit: u32,
    /// Where it starts.
    pub start: PageStart,
}

/// Where a page starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PageStart {
    /// After so many items.
    Offset(u64),
    /// After the item at this position: as fast for the last page as for the first, and no item is
    /// left out or told twice because others came or went.
    Cursor(Cursor),
}

/// Where an item stands in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    /// The item's number.
    pub id: i64,
    /// How relevant it is for what is searched for; `None` where the list is in the order of numbers.
    pub rank: Option<f32>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many items the whole list has.
    pub total: u64,
    /// The position of the last item, where more come after it.
    pub next: Option<Cursor>,
}
