//! Ranges of device ids, and the order in which a search reads them.

use crate::postgres::query::statement::{Statement, Value};

/// Order of the results by id. The newest device has the largest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// The devices with ids between two bounds, both exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) order: Order,
    pub(super) above: i64,
    pub(super) below: i64,
}

impl Order {
    /// Returns the direction of ORDER BY.
    pub(super) fn direction(self) -> &'static str {
        match self {
            Self::NewestFirst => "DESC",
            Self::OldestFirst => "ASC",
        }
    }
}

impl Range {
    /// Returns the range of all devices.
    pub(super) fn all(order: Order) -> Self {
        Self {
            order,
            above: 0,
            below: i64::MAX,
        }
    }

    /// Returns the devices with smaller ids than `below`, newest first.
    pub(super) fn below(below: i64) -> Self {
        Self {
            below,
            ..Self::all(Order::NewestFirst)
        }
    }

    /// Returns the devices with greater ids than `above`, oldest first.
    pub(super) fn above(above: i64) -> Self {
        Self {
            above,
            ..Self::all(Order::OldestFirst)
        }
    }

    /// Returns the condition that the id, an SQL expression, is in the range.
    pub(super) fn condition(&self, id: &str, statement: &mut Statement) -> String {
        let above = statement.bind(Value::Integer(self.above));
        let below = statement.bind(Value::Integer(self.below));
        format!("{id} > {above} AND {id} < {below}")
    }

    /// Returns whether the range can contain an id from `first` to `last`.
    pub(super) fn overlaps(&self, first: i64, last: i64) -> bool {
        last > self.above && first < self.below
    }

    /// Sorts ids in the order of the range.
    pub(super) fn sort_by_id<T>(&self, items: &mut [T], id: impl Fn(&T) -> i64) {
        match self.order {
            Order::NewestFirst => items.sort_unstable_by_key(|item| std::cmp::Reverse(id(item))),
            Order::OldestFirst => items.sort_unstable_by_key(id),
        }
    }
}
