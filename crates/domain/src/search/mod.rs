//! Full-text search: queries, and the documents that they match.
//!
//! Both are folded and split into lexemes by the same code. A repository only compares lexemes,
//! byte by byte, so that a search finds the same on every database.

mod document;
mod fold;
mod query;
mod tokens;

pub use document::{SearchDocument, Weight, Weights};
pub use query::{Search, SearchTerm, SearchWord};
