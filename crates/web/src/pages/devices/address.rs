//! Addresses of lists.

use crate::PATH;
use crate::query::Pairs;

/// Path of the list, relative to that of the console.
pub(super) const DEVICES: &str = "/devices";

/// Maximum length of a query in an address, in bytes. Proxies accept lines of at least 8,000.
const MAX_QUERY_LENGTH: usize = 4_000;

/// Returns the address of a page with these parameters. `None` if it is too long: a form must send
/// the parameters.
pub(super) fn address(path: &str, pairs: &Pairs) -> Option<String> {
    relative(path, pairs).map(|address| format!("{PATH}{address}"))
}

/// Like [`address`], relative to the console.
pub(super) fn relative(path: &str, pairs: &Pairs) -> Option<String> {
    if pairs.0.is_empty() {
        return Some(path.to_owned());
    }
    let query = pairs.encode();
    (query.len() <= MAX_QUERY_LENGTH).then(|| format!("{path}?{query}"))
}

/// Returns the parameters with another one.
pub(super) fn with(pairs: &Pairs, name: &str, value: impl Into<String>) -> Pairs {
    let mut pairs = pairs.clone();
    pairs.0.push((name.to_owned(), value.into()));
    pairs
}
