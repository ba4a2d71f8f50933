//! Pages of lists: the parameters, the response and the cursors.

use std::collections::BTreeSet;

use actix_web::http::header::{HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{Cursor, IdRange, Page, PageRequest, PageStart, Reason, WorkspaceId};
use serde::Serialize;

use crate::http::extract::query::{InvalidParameter, QueryParams, parse_integer};
use crate::http::respond::sha256_prefix::sha256_prefix;

/// Represents a missing rank in a cursor. These bits are a NaN, which no rank is.
const UNRANKED: u32 = u32::MAX;

/// Number of digits of a cursor before its checksum: those of the id, the rank and the offset.
const CURSOR_LENGTH: usize = 16 + 8 + 16;

/// Number of digits with the range of ranked ids.
const CURSOR_WITH_IDS_LENGTH: usize = CURSOR_LENGTH + 2 * 16;

const DEFAULT_LIMIT: u32 = 50;

const PAGING_PARAMETERS: [&str; 3] = ["limit", "offset", "cursor"];

/// A request for a page of a list.
pub(crate) struct ListQuery {
    pub(crate) paging: PageRequest,
    /// Number of items before the page.
    offset: u64,
    path: String,
    /// All parameters except those of paging.
    filters: Vec<(String, String)>,
    workspace: WorkspaceId,
}

impl ListQuery {
    /// Reads `limit`, `offset` and `cursor`.
    pub(crate) fn read(
        request: &HttpRequest,
        workspace: WorkspaceId,
        parameters: &mut QueryParams,
    ) -> Self {
        let limit = parameters.parse("limit", |text| parse_integer(text, 1..=100));
        let offset = parameters.parse("offset", |text| parse_integer(text, 0..=i64::MAX));
        let mut query = Self {
            paging: PageRequest {
                limit: limit.map_or(DEFAULT_LIMIT, |limit| limit.unsigned_abs() as u32),
                start: PageStart::Offset(0),
            },
            offset: offset.unwrap_or_default().unsigned_abs(),
            path: request.path().to_owned(),
            filters: parameters.except(&PAGING_PARAMETERS),
            workspace,
        };
        query.paging.start = PageStart::Offset(query.offset);
        let cursor = parameters.parse("cursor", |text| query.decode_cursor(text));
        if let Some((cursor, offset_of_cursor)) = cursor {
            // An offset of 0 is accepted: generated clients send all defaults.
            if offset.is_some_and(|offset| offset > 0) {
                let detail = "must not be given together with a cursor, which has its own offset";
                parameters.reject("offset", Reason::Duplicate, detail.to_owned());
            }
            query.offset = offset_of_cursor;
            query.paging.start = PageStart::Cursor(cursor);
        }
        query
    }

    /// Returns a 200 with the page. `views` represent its items.
    pub(crate) fn response<T>(
        self,
        page: &Page<T>,
        views: impl Iterator<Item = impl Serialize>,
    ) -> HttpResponse {
        let body = List {
            data: views.collect::<Vec<_>>(),
            meta: Meta {
                total: self.total(page),
                total_is_exact: page.total.is_exact,
                search_is_complete: page.search_is_complete,
                limit: self.paging.limit,
                offset: self.offset,
            },
        };
        let mut response = HttpResponse::Ok();
        if let Ok(links) = HeaderValue::try_from(self.links(page)) {
            response.insert_header((LINK, links));
        }
        response.json(body)
    }

    /// Returns the number of items in the list, or a lower bound that includes this page and the
    /// next item.
    fn total<T>(&self, page: &Page<T>) -> u64 {
        if page.total.is_exact || page.items.is_empty() {
            return page.total.count;
        }
        let seen = self.offset.saturating_add(page.items.len() as u64);
        page.total.count.max(seen + u64::from(page.next.is_some()))
    }

    /// Returns the value of `Link` (RFC 8288): the first, the previous and the next page.
    fn links<T>(&self, page: &Page<T>) -> String {
        let limit = u64::from(self.paging.limit);
        let mut links = vec![self.link("first", None)];
        if self.offset > 0 {
            let offset = self.offset.saturating_sub(limit).to_string();
            links.push(self.link("prev", Some(("offset", offset))));
        }
        if let Some(last) = page.next {
            let offset = self.offset.saturating_add(page.items.len() as u64);
            let cursor = self.encode_cursor(last, offset);
            links.push(self.link("next", Some(("cursor", cursor))));
        }
        links.join(", ")
    }

    fn link(&self, relation: &str, start: Option<(&str, String)>) -> String {
        let mut parameters = self.filters.clone();
        parameters.push(("limit".to_owned(), self.paging.limit.to_string()));
        parameters.extend(start.map(|(name, value)| (name.to_owned(), value)));
        // Cannot fail for pairs of strings.
        let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
        format!("<{}?{query}>; rel=\"{relation}\"", self.path)
    }

    /// Encodes a cursor and the number of items up to it, with a checksum over the list, its
    /// filters and the workspace. The checksum detects a cursor of another list and an accidental
    /// change. It needs no secret: a forged cursor reaches only the client's own list.
    fn encode_cursor(&self, cursor: Cursor, offset: u64) -> String {
        let rank = cursor.rank.map_or(UNRANKED, f32::to_bits);
        let ids = cursor
            .ranked_ids
            .map(|IdRange { oldest, newest }| format!("{oldest:016x}{newest:016x}"));
        let ids = ids.unwrap_or_default();
        let start = format!("{:016x}{rank:08x}{offset:016x}{ids}", cursor.id);
        let checksum = self.checksum(&start);
        format!("{start}{checksum}")
    }

    fn checksum(&self, start: &str) -> String {
        let list = self.path.rsplit('/').next().unwrap_or_default();
        let filters = self
            .filters
            .iter()
            .filter(|(_, value)| !value.trim().is_empty());
        // Sorted: the order of the parameters does not matter.
        let filters: BTreeSet<_> = filters.collect();
        sha256_prefix(format!("{start} {list} {} {filters:?}", self.workspace))
    }

    fn decode_cursor(&self, text: &str) -> Result<(Cursor, u64), InvalidParameter> {
        self.try_decode_cursor(text).ok_or_else(|| {
            let detail = "must come from a Link header of this list, with the same filters";
            (Reason::Malformed, detail.to_owned())
        })
    }

    fn try_decode_cursor(&self, text: &str) -> Option<(Cursor, u64)> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let start_length = text.len().checked_sub(self.checksum("").len())?;
        let (start, checksum) = text.split_at_checked(start_length)?;
        let has_ids = match start_length {
            CURSOR_LENGTH => false,
            CURSOR_WITH_IDS_LENGTH => true,
            _ => return None,
        };
        if !text.bytes().all(is_hex) || checksum != self.checksum(start) {
            return None;
        }
        let id_at = |from: usize| i64::from_str_radix(&start[from..from + 16], 16).ok();
        let ranked_ids = if has_ids {
            Some(IdRange {
                oldest: id_at(CURSOR_LENGTH)?,
                newest: id_at(CURSOR_LENGTH + 16)?,
            })
        } else {
            None
        };
        let cursor = Cursor {
            ranked_ids,
            id: id_at(0)?,
            rank: Some(u32::from_str_radix(&start[16..24], 16).ok()?)
                .filter(|rank| *rank != UNRANKED)
                .map(f32::from_bits),
        };
        Some((
            cursor,
            u64::from_str_radix(&start[24..CURSOR_LENGTH], 16).ok()?,
        ))
    }
}

#[derive(Serialize)]
struct List<T> {
    data: Vec<T>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    total: u64,
    #[serde(skip_serializing_if = "is_true")]
    total_is_exact: bool,
    #[serde(skip_serializing_if = "is_true")]
    search_is_complete: bool,
    limit: u32,
    offset: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}
