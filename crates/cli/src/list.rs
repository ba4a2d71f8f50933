//! Command `list`.

use clap::Args;
use devices_client::{Client, Device, DeviceFilter, Page, PageRequest};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{
    ignore_closed_pipe, optional_cell, print_error_line, print_json, print_line, table,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Maximum number of devices
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    filter: FilterArguments,
}

/// Options that select devices. All must match.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArguments {
    /// Words that the device or its assignee contains
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Type, such as laptop
    #[arg(long)]
    r#type: Option<String>,
    /// Category, such as computers
    #[arg(long)]
    category: Option<String>,
    /// Status, such as AVAILABLE or ARCHIVED
    #[arg(long)]
    status: Option<String>,
    /// Asset tag
    #[arg(long, value_name = "TAG")]
    asset_tag: Option<String>,
    /// Tag; can be repeated: all must match
    #[arg(long)]
    tag: Vec<String>,
    /// Attribute, such as Room=2.11; can be repeated: all must match
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_attribute)]
    attribute: Vec<(String, String)>,
    /// Number of the batch that created the device
    #[arg(long, value_name = "NUMBER")]
    batch: Option<u64>,
    /// Time of the last change or later, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    updated_since: Option<String>,
}

fn parse_attribute(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl From<FilterArguments> for DeviceFilter {
    fn from(arguments: FilterArguments) -> Self {
        Self {
            search: arguments.search,
            r#type: arguments.r#type,
            category: arguments.category,
            client_status: arguments.status,
            asset_tag: arguments.asset_tag,
            tags: arguments.tag,
            attributes: arguments.attribute.into_iter().collect(),
            batch_id: arguments.batch,
            updated_since: arguments.updated_since,
            ..Self::default()
        }
    }
}

/// Prints the devices.
pub(crate) fn run(arguments: Arguments, context: Context) -> Result<(), CliError> {
    let client = context.client()?;
    let filter = arguments.filter.into();
    let page = list(&client, &filter, arguments.limit)?;
    ignore_closed_pipe(print(&page, context))?;
    if !context.is_json() {
        print_remark(&page);
    }
    Ok(())
}

/// Returns the first devices of a list, of as many pages as needed.
fn list(client: &Client, filter: &DeviceFilter, limit: usize) -> Result<Page<Device>, CliError> {
    /// Maximum of the server.
    const PAGE: usize = 100;
    let request = |wanted: usize, cursor| PageRequest {
        limit: Some(wanted.clamp(1, PAGE) as u32),
        cursor,
    };
    let mut page = client.devices(filter, &request(limit, None))?;
    while page.items.len() < limit
        && let Some(cursor) = page.next.take()
    {
        let wanted = limit - page.items.len();
        let next = client.devices(filter, &request(wanted, Some(cursor)))?;
        page.items.extend(next.items);
        page.next = next.next;
        page.search_is_complete &= next.search_is_complete;
    }
    page.items.truncate(limit);
    Ok(page)
}

fn print(page: &Page<Device>, context: Context) -> Result<(), CliError> {
    if context.is_json() {
        return page.items.iter().try_for_each(print_json);
    }
    let rows = page.items.iter().map(row).collect();
    print_line(table(&HEADINGS, rows))
}

const HEADINGS: [&str; 8] = [
    "ID",
    "SERIAL NUMBER",
    "ASSET TAG",
    "NAME",
    "TYPE",
    "MODEL",
    "STATUS",
    "USER",
];

fn row(device: &Device) -> Vec<String> {
    let text = |field: &str| optional_cell(device.text(field));
    let email = device
        .fields
        .get("user")
        .and_then(|user| user["email"].as_str());
    vec![
        optional_cell(device.id()),
        text("serial_number"),
        text("asset_tag"),
        text("name"),
        text("type"),
        text("model"),
        text("client_status"),
        optional_cell(email),
    ]
}

/// States on standard error what the list does not show.
fn print_remark(page: &Page<Device>) {
    let shown = page.items.len() as u64;
    if page.total > shown || !page.total_is_exact {
        let at_least = if page.total_is_exact { "" } else { "at least " };
        let total = page.total;
        print_error_line(format_args!(
            "{shown} of {at_least}{total} devices. Use --limit for more, or `devices export` for all."
        ));
    }
    if !page.search_is_complete {
        print_error_line("The search left out new devices that wait to be indexed.");
    }
}
