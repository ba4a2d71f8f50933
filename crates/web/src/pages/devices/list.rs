//! The page with the list.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{Cursor, Page, PageRequest, PageStart, StoredDevice, Total};

use super::action::{self, ActionKind};
use super::address::{DEVICES, address, relative, with};
use super::columns::{self, Cell, Column, ColumnGroup};
use super::filter::Filters;
use super::load::{self, Results};
use super::selection::Selection;
use super::serial_numbers::SerialNumbers;
use crate::PATH;
use crate::error::ConsoleError;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::pages::paging::{self, Pager};
use crate::query::{Pairs, Query};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

/// Name of the parameter with the cursor of the page on which a form was sent.
const PAGE: &str = "page";

/// Name of the parameter that removes a filter from a form.
const WITHOUT: &str = "without";

#[derive(Template)]
#[template(path = "devices/list.html")]
pub(super) struct DeviceList {
    frame: Frame,
    filters: Filters,
    chips: Vec<ChipLink>,
    columns: Vec<Column>,
    column_groups: Vec<ColumnGroup>,
    /// `None` if a filter is invalid.
    results: Option<ResultTable>,
    count: String,
    /// Error of the change that was requested.
    error: Option<String>,
    /// Cursor of the page, for the way back to it. Empty on the first page.
    page_cursor: String,
}

/// A filter that is set.
struct ChipLink {
    label: String,
    value: String,
    /// Address of the list without the filter. `None` if it is too long.
    href: Option<String>,
    /// Value of the parameter that removes the filter from the form.
    without: String,
}

/// The devices of a page.
struct ResultTable {
    rows: Vec<Row>,
    unknown: SerialNumbers,
    is_complete: bool,
    /// Selection of all devices on the page.
    listed: String,
    /// Text of the option for all devices that match. `None` if they are all on the page.
    all: Option<String>,
    is_all_too_many: bool,
    is_first: bool,
    pages: Pages,
    csv: Option<String>,
    xlsx: Option<String>,
    actions: Vec<ActionKind>,
}

/// The way to other pages.
enum Pages {
    Links(Pager),
    /// Buttons of a form: the filters do not fit into an address. With the cursor of the next page.
    Buttons(Option<String>),
}

struct Row {
    id: i64,
    name: String,
    cells: Vec<Cell>,
}

impl ResultTable {
    fn unknown_count(&self) -> String {
        let texts = &EN.devices;
        texts::count(
            self.unknown.len() as u64,
            texts.unknown_one,
            texts.unknown_other,
        )
    }
}

impl Row {
    fn select_label(&self) -> String {
        texts::fill(EN.devices.select_device, &[("name", &self.name)])
    }
}

/// `GET /devices`.
pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    let columns = columns::of_request(&request);
    let page = ListRequest::new(&request, &signed_in, &query, columns);
    respond::page(StatusCode::OK, &page.load().await?)
}

/// `POST /devices`: filters that a form sent. Leads to the address of the list, if it has one.
pub(super) async fn filter(
    request: HttpRequest,
    signed_in: SignedIn,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let query = without_filter(form.values);
    let columns = columns::of_request(&request);
    list_or_address(&request, &signed_in, &query, columns).await
}

/// `POST /devices/columns`: the columns that the browser shows from now on.
pub(super) async fn choose_columns(
    request: HttpRequest,
    signed_in: SignedIn,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    let columns = columns::of_form(&form.values);
    let cookie = columns::cookie(&columns);
    let form = on_same_page(&form.values);
    let mut response = list_or_address(&request, &signed_in, &form, columns).await?;
    let added = response.add_cookie(&cookie);
    added.map_err(|error| ConsoleError::Internal(error.into()))?;
    Ok(response)
}

/// Responds to a form with the list or, if the script does not show it inside of the page, with its
/// address.
async fn list_or_address(
    request: &HttpRequest,
    signed_in: &SignedIn,
    form: &Pairs,
    columns: Vec<Column>,
) -> Result<HttpResponse, ConsoleError> {
    let filters = Filters::read(form);
    let is_partial = request.headers().contains_key("hx-request");
    let mut pairs = filters.pairs.clone();
    if let Some(cursor) = form.get(paging::CURSOR) {
        pairs = with(&pairs, paging::CURSOR, cursor);
    }
    let address = relative(DEVICES, &pairs).filter(|_| filters.errors.is_empty());
    if let (Some(address), false) = (&address, is_partial) {
        return Ok(respond::see_other(address));
    }
    let page = ListRequest::new(request, signed_in, form, columns);
    let mut response = respond::page(StatusCode::OK, &page.load().await?)?;
    // Filters that are invalid or too long have no address. The address of the former ones would
    // lead to other devices than the page shows.
    let address = address.as_deref().unwrap_or(DEVICES);
    if let Ok(address) = format!("{PATH}{address}").parse() {
        let name = HeaderName::from_static("hx-replace-url");
        response.headers_mut().insert(name, address);
    }
    Ok(response)
}

/// Returns a form with the cursor of the page on which it was sent.
pub(super) fn on_same_page(form: &Pairs) -> Pairs {
    match form.get(PAGE) {
        Some(cursor) => with(&form.without(paging::CURSOR), paging::CURSOR, cursor),
        None => form.clone(),
    }
}

/// Removes the filter that a button names.
fn without_filter(form: Pairs) -> Pairs {
    let Some(without) = form.get(WITHOUT).map(str::to_owned) else {
        return form;
    };
    let filters = Filters::read(&form);
    let mut chips = filters.chips.iter();
    match chips.find(|chip| chip.key() == without) {
        Some(chip) => chip.without(&filters.pairs),
        None => filters.pairs,
    }
}

/// A request for the page.
pub(super) struct ListRequest<'r> {
    request: &'r HttpRequest,
    signed_in: &'r SignedIn,
    query: &'r Pairs,
    columns: Vec<Column>,
    error: Option<String>,
}

impl<'r> ListRequest<'r> {
    pub(super) fn new(
        request: &'r HttpRequest,
        signed_in: &'r SignedIn,
        query: &'r Pairs,
        columns: Vec<Column>,
    ) -> Self {
        Self {
            request,
            signed_in,
            query,
            columns,
            error: None,
        }
    }

    /// Shows an error of the change that was requested.
    pub(super) fn with_error(mut self, error: String) -> Self {
        self.error = Some(error);
        self
    }

    pub(super) async fn load(self) -> Result<DeviceList, ConsoleError> {
        let start = paging::start(self.query);
        let page = PageRequest {
            limit: paging::LIMIT,
            start,
        };
        let workspace = self.signed_in.workspace();
        let mut filters = Filters::read(self.query);
        let task = async move {
            let results = load::load_page(workspace, &mut filters, page).await?;
            Ok((filters, results))
        };
        let actor = self.signed_in.actor();
        let (filters, results) = run_to_completion(self.request, actor, task).await?;
        let count = results.as_ref().map(|results| count(results.page.total));
        let is_first = matches!(start, PageStart::Offset(0));
        let results = results.map(|results| table(&filters, &self.columns, results, is_first));
        let title = EN.devices.title;
        Ok(DeviceList {
            frame: Frame::new(self.signed_in, Section::Devices, title),
            chips: chips(&filters),
            column_groups: columns::groups(),
            columns: self.columns,
            results,
            count: count.unwrap_or_default(),
            error: self.error,
            page_cursor: self
                .query
                .get(paging::CURSOR)
                .unwrap_or_default()
                .to_owned(),
            filters,
        })
    }
}

fn chips(filters: &Filters) -> Vec<ChipLink> {
    let chips = filters.chips.iter();
    let chips = chips.map(|chip| ChipLink {
        label: chip.label.clone(),
        value: chip.value.clone(),
        href: address(DEVICES, &chip.without(&filters.pairs)),
        without: chip.key(),
    });
    chips.collect()
}

/// Returns the number of matches as a text.
fn count(total: Total) -> String {
    let texts = &EN.devices;
    if total.is_exact {
        texts::count(total.count, texts.one, texts.other)
    } else {
        texts::count(total.count, texts.more, texts.more)
    }
}

fn table(filters: &Filters, columns: &[Column], results: Results, is_first: bool) -> ResultTable {
    let Results { page, known } = results;
    let Page {
        items,
        total,
        search_is_complete,
        next,
    } = page;
    let pairs = &filters.pairs;
    let export = |format: &str| address("/devices/export", &with(pairs, "format", format));
    let is_on_one_page = is_first && next.is_none();
    let max = devices_domain::BulkChange::MAX_DEVICES as u64;
    ResultTable {
        unknown: filters.serial_numbers.except(&known),
        is_complete: search_is_complete,
        listed: Selection::new(items.iter().map(|device| device.device.id)).encode(),
        all: (!is_on_one_page).then(|| all_option(total)),
        is_all_too_many: total.count > max,
        is_first,
        pages: pages(pairs, next, is_first),
        csv: export("csv"),
        xlsx: export("xlsx"),
        actions: action::offered(filters.status),
        rows: items.iter().map(|device| row(columns, device)).collect(),
    }
}

fn pages(pairs: &Pairs, next: Option<Cursor>, is_first: bool) -> Pages {
    if address(DEVICES, pairs).is_none() {
        return Pages::Buttons(next.map(paging::encode));
    }
    Pages::Links(Pager::with_first(DEVICES, pairs, next, is_first))
}

fn all_option(total: Total) -> String {
    let texts = &EN.devices;
    let text = if total.is_exact {
        texts.scope_all
    } else {
        texts.scope_all_more
    };
    texts::count(total.count, text, text)
}

fn row(columns: &[Column], device: &StoredDevice) -> Row {
    Row {
        id: device.device.id.0,
        name: device.device.fields.identity.name.as_str().to_owned(),
        cells: columns::cells(columns, device),
    }
}
