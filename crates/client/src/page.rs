//! Pages of lists.

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::transport::{Idempotency, Request};

/// Request for a part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Maximum number of items, 1 to 100. `None`: the default of the server, 50.
    pub limit: Option<u32>,
    /// Cursor of [`Page::next`]. `None`: the first page.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// Returns the query parameters.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let limit = self
            .limit
            .map(|limit| ("limit".to_owned(), limit.to_string()));
        let cursor = self
            .cursor
            .clone()
            .map(|cursor| ("cursor".to_owned(), cursor));
        limit.into_iter().chain(cursor).collect()
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// Items, in the order of the list.
    pub items: Vec<T>,
    /// Number of items on all pages, or a lower bound of it.
    pub total: u64,
    /// `false`: `total` is a lower bound.
    pub total_is_exact: bool,
    /// `false`: a search left out devices that wait to be indexed.
    pub search_is_complete: bool,
    /// Cursor of the next page. `None`: this is the last.
    pub next: Option<String>,
}

impl Client {
    /// Returns a page of a list.
    pub(crate) fn page<T: DeserializeOwned>(&self, target: &str) -> Result<Page<T>, ClientError> {
        let response = self.send(Request::get(target), Idempotency::Idempotent)?;
        let body: PageBody<T> = response.json()?;
        Ok(body.with_link(response.header("Link")))
    }
}

/// Body of a page.
#[derive(Debug, Deserialize)]
struct PageBody<T> {
    data: Vec<T>,
    meta: Meta,
}

#[derive(Debug, Deserialize)]
struct Meta {
    total: u64,
    #[serde(default = "yes")]
    total_is_exact: bool,
    #[serde(default = "yes")]
    search_is_complete: bool,
}

fn yes() -> bool {
    true
}

impl<T> PageBody<T> {
    /// Adds the cursor of the header `Link`.
    fn with_link(self, link: Option<&str>) -> Page<T> {
        Page {
            items: self.data,
            total: self.meta.total,
            total_is_exact: self.meta.total_is_exact,
            search_is_complete: self.meta.search_is_complete,
            next: link.and_then(next_cursor),
        }
    }
}

/// Returns the parameter `cursor` of the link with `rel="next"` (RFC 8288).
fn next_cursor(header: &str) -> Option<String> {
    let mut links = header.split(", <");
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    let url = next.trim_start_matches('<').split('>').next()?;
    let (_, query) = url.split_once('?')?;
    let mut parameters = query.split('&');
    let cursor = parameters.find_map(|parameter| parameter.strip_prefix("cursor="))?;
    Some(percent_decode_str(cursor).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_that_of_the_next_link() {
        let header =
            "</devices?limit=2>; rel=\"first\", </devices?limit=2&cursor=a%3Db>; rel=\"next\"";
        assert_eq!(next_cursor(header).as_deref(), Some("a=b"));
    }

    #[test]
    fn last_page_has_no_cursor() {
        assert_eq!(next_cursor("</devices?limit=2>; rel=\"first\""), None);
    }
}
