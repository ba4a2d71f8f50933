//! Lists: which part of one is asked for, and how it is told.

use std::collections::BTreeSet;

use actix_web::http::header::{HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{Cursor, Page, PageRequest, PageStart, Reason, WorkspaceId};
use serde::Serialize;

use crate::http::extract::query::{InvalidParameter, QueryParams, parse_integer};
use crate::http::respond::sha256_prefix::sha256_prefix;

/// What stands for no rank: the bits of no number.
const UNRANKED: u32 = u32::MAX;

const PAGING: [&str; 3] = ["limit", "offset", "cursor"];

/// Which part of which list is asked for.
pub(crate) struct ListQuery {
    pub(crate) paging: PageRequest,
    /// How many items come before.
    offset: u64,
    path: String,
    /// The other parameters.
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
        let limit = parameters.parse("limit", |text| {
            parse_integer(text, 1..=100, "an integer from 1 to 100")
        });
        let offset = parameters.parse("offset", |text| {
            parse_integer(text, 0..=i64::MAX, "an integer of 0 or more")
        });
        let mut asked = Self {
            paging: PageRequest {
                limit: limit.map_or(50, |limit| limit.unsigned_abs() as u32),
                start: PageStart::Offset(0),
            },
            offset: offset.unwrap_or_default().unsigned_abs(),
            path: request.path().to_owned(),
            filters: parameters.except(&PAGING),
            workspace,
        };
        asked.paging.start = PageStart::Offset(asked.offset);
        let cursor = parameters.parse("cursor", |text| asked.open(text));
        if let Some((position, before)) = cursor {
            // Generated clients send every default along.
            if offset.is_some_and(|offset| offset > 0) {
                let detail = "must not be given with a cursor, which has its own";
                parameters.reject("offset", Reason::Duplicate, detail.to_owned());
            }
            asked.offset = before;
            asked.paging.start = PageStart::Cursor(position);
        }
        asked
    }

    /// 200 with the page.
    pub(crate) fn response<T>(
        self,
        page: &Page<T>,
        shown: impl Iterator<Item = impl Serialize>,
    ) -> HttpResponse {
        let body = List {
            data: shown.collect::<Vec<_>>(),
            meta: Meta {
                total: page.total,
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

    /// Where the other parts are (RFC 8288).
    fn links<T>(&self, page: &Page<T>) -> String {
        let limit = u64::from(self.paging.limit);
        let mut links = vec![self.link("first", None)];
        if self.offset > 0 {
            let before = self.offset.saturating_sub(limit).to_string();
            links.push(self.link("prev", Some(("offset", before))));
        }
        if let Some(last) = page.next {
            let before = self.offset.saturating_add(page.items.len() as u64);
            links.push(self.link("next", Some(("cursor", self.cursor(last, before)))));
        }
        links.join(", ")
    }

    fn link(&self, relation: &str, start: Option<(&str, String)>) -> String {
        let mut parameters = self.filters.clone();
        parameters.push(("limit".to_owned(), self.paging.limit.to_string()));
        parameters.extend(start.map(|(name, value)| (name.to_owned(), value)));
        // Pairs of texts can always be written so.
        let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
        format!("<{}?{query}>; rel=\"{relation}\"", self.path)
    }

    /// A position and how many items come before what follows it, for this list alone: with other
    /// filters, in another workspace, or changed by mistake, it is none. Whoever makes one by intent reaches
    /// no more than his own list.
    fn cursor(&self, position: Cursor, before: u64) -> String {
        let rank = position.rank.map_or(UNRANKED, f32::to_bits);
        let start = format!("{:016x}{rank:08x}{before:016x}", position.id);
        let checksum = self.checksum(&start);
        format!("{start}{checksum}")
    }

    fn checksum(&self, start: &str) -> String {
        let list = self.path.rsplit('/').next().unwrap_or_default();
        let filters = self
            .filters
            .iter()
            .filter(|(_, value)| !value.trim().is_empty());
        // In whatever order they are given.
        let filters: BTreeSet<_> = filters.collect();
        let of = format!("{start} {list} {} {filters:?}", self.workspace);
        sha256_prefix(of)
    }

    fn open(&self, cursor: &str) -> Result<(Cursor, u64), InvalidParameter> {
        let opened = || {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let (start, checksum) = cursor.split_at_checked(16 + 8 + 16)?;
            if !cursor.bytes().all(is_hex) || checksum != self.checksum(start) {
                return None;
            }
            let position = Cursor {
                id: i64::from_str_radix(&start[..16], 16).ok()?,
                rank: Some(u32::from_str_radix(&start[16..24], 16).ok()?)
                    .filter(|rank| *rank != UNRANKED)
                    .map(f32::from_bits),
            };
            Some((position, u64::from_str_radix(&start[24..], 16).ok()?))
        };
        opened().ok_or_else(|| {
            let detail = "must be one that a Link header of this list had, with the same filters";
            (Reason::Malformed, detail.to_owned())
        })
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
    limit: u32,
    offset: u64,
}
