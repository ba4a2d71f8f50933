//! Overview: the numbers of devices, what ends soon, and the newest batches.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use askama_web::WebTemplate;
use chrono::{DateTime, Utc};
use devices_domain::{
    BatchFilter, ClientStatus, DateRange, Overview, PageRequest, PageStart, StoredBatch,
};

use crate::PATH;
use crate::error::ConsoleError;
use crate::fields::words;
use crate::frame::{Frame, Section};
use crate::query::Pairs;
use crate::routes::page;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::EN;

/// Number of types and of brands that a chart shows. A further bar has all others.
const MAX_BARS: usize = 8;

/// Number of batches that the page shows.
const BATCHES: u32 = 5;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("").get(to_overview))
        .service(page("/").get(show));
}

/// Leads to the address with a slash, which the navigation has.
async fn to_overview() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{PATH}/")))
        .finish()
}

#[derive(Template, WebTemplate)]
#[template(path = "overview/overview.html")]
struct OverviewPage {
    frame: Frame,
    tiles: Vec<Tile>,
    charts: Vec<Chart>,
    batches: Vec<StoredBatch>,
    is_empty: bool,
    counted_at: DateTime<Utc>,
}

/// A number that leads to the list that it counts.
struct Tile {
    label: &'static str,
    count: u64,
    path: String,
}

/// A bar chart, as a table with a bar in each row.
struct Chart {
    title: &'static str,
    bars: Vec<Bar>,
}

struct Bar {
    label: String,
    count: u64,
    /// Length of the bar, from 0 to 100.
    percent: u64,
    /// `None` for the bar of all others.
    path: Option<String>,
}

async fn show(request: HttpRequest, signed_in: SignedIn) -> Result<OverviewPage, ConsoleError> {
    let today = Utc::now().date_naive();
    let newest = PageRequest {
        limit: BATCHES,
        start: PageStart::Offset(0),
    };
    let store = signed_in.workspace();
    let load = async move {
        let overview = store.statistics.overview(today).await?;
        let batches = store.batches.list(BatchFilter::default(), newest).await?;
        Ok((overview, batches.items))
    };
    let (overview, batches) = run_to_completion(&request, signed_in.actor(), load).await?;
    Ok(OverviewPage {
        frame: Frame::new(&signed_in, Section::Overview, EN.overview.title),
        tiles: tiles(&overview, Overview::soon(today)),
        charts: charts(&overview),
        batches,
        is_empty: overview.total + overview.archived == 0,
        counted_at: overview.counted_at,
    })
}

/// Returns the address of the list of devices with these filters.
fn list_path(filters: &[(&str, String)]) -> String {
    let pairs = filters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let query = Pairs(pairs.collect()).encode();
    format!("{PATH}/devices?{query}")
}

fn tiles(overview: &Overview, soon: DateRange) -> Vec<Tile> {
    let texts = &EN.overview;
    let ends = |from, to| {
        let first = soon.first.map(|first| (from, first.to_string()));
        let last = soon.last.map(|last| (to, last.to_string()));
        list_path(&first.into_iter().chain(last).collect::<Vec<_>>())
    };
    let archived = ("client_status", ClientStatus::Archived.as_str().to_owned());
    let tile = |count, one, other, path| Tile {
        label: if count == 1 { one } else { other },
        count,
        path,
    };
    vec![
        tile(
            overview.total,
            texts.active_one,
            texts.active_other,
            format!("{PATH}/devices"),
        ),
        tile(
            overview.warranty_ending,
            texts.warranty_one,
            texts.warranty_other,
            ends("warranty_from", "warranty_to"),
        ),
        tile(
            overview.rental_ending,
            texts.rental_one,
            texts.rental_other,
            ends("rental_from", "rental_to"),
        ),
        tile(
            overview.archived,
            texts.archived_one,
            texts.archived_other,
            list_path(&[archived]),
        ),
    ]
}

fn charts(overview: &Overview) -> Vec<Chart> {
    let texts = &EN.overview;
    let by_status = overview.by_status.iter().map(|(status, count)| {
        let filter = ("client_status", status.as_str().to_owned());
        (words(status.as_str()), *count, list_path(&[filter]))
    });
    let by_type = overview
        .by_type
        .iter()
        .map(|(name, count)| (name.clone(), *count, list_path(&[("type", name.clone())])));
    let by_brand = overview.by_brand.iter().map(|(brand, count)| {
        let without = || ("without_brand", "true".to_owned());
        let filter = brand.clone().map_or_else(without, |brand| ("brand", brand));
        let label = brand.as_deref().unwrap_or(texts.no_brand).to_owned();
        (label, *count, list_path(&[filter]))
    });
    vec![
        Chart::new(texts.by_status, overview.total, by_status),
        Chart::new(texts.by_type, overview.total, by_type),
        Chart::new(texts.by_brand, overview.total, by_brand),
    ]
}

impl Chart {
    /// Creates a chart of parts of a total: the first ones, and the rest as one bar.
    fn new(
        title: &'static str,
        total: u64,
        parts: impl Iterator<Item = (String, u64, String)>,
    ) -> Self {
        let mut bars: Vec<_> = parts
            .take(MAX_BARS)
            .map(|(label, count, path)| Bar::new(label, count, Some(path)))
            .collect();
        let shown: u64 = bars.iter().map(|bar| bar.count).sum();
        if total > shown {
            bars.push(Bar::new(EN.overview.others.to_owned(), total - shown, None));
        }
        let longest = bars.iter().map(|bar| bar.count).max().unwrap_or_default();
        for bar in &mut bars {
            bar.percent = (bar.count * 100).div_ceil(longest.max(1));
        }
        Self { title, bars }
    }
}

impl Bar {
    fn new(label: String, count: u64, path: Option<String>) -> Self {
        Self {
            label,
            count,
            percent: 0,
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(counts: &[u64], total: u64) -> Vec<(u64, u64, bool)> {
        let parts = counts.iter();
        let parts = parts.map(|count| ("x".to_owned(), *count, "/ui/devices".to_owned()));
        let bars = Chart::new("x", total, parts).bars.into_iter();
        bars.map(|bar| (bar.count, bar.percent, bar.path.is_some()))
            .collect()
    }

    #[test]
    fn longest_bar_is_full() {
        assert_eq!(
            bars(&[40, 10, 0], 50),
            [(40, 100, true), (10, 25, true), (0, 0, true)]
        );
    }

    #[test]
    fn others_are_one_bar() {
        let many = [9; MAX_BARS + 3];
        let bars = bars(&many, 9 * many.len() as u64);
        assert_eq!(bars.len(), MAX_BARS + 1);
        assert_eq!(bars[MAX_BARS], (27, 100, false));
    }
}
