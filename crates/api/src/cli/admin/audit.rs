//! Command `audit`.

use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::PossibleValuesParser;
use devices_domain::{
    Action, DeviceId, Event, EventFilter, EventRepository, Interface, KeyId, UserId,
};

use super::Admin;
use super::arguments::{parse_id, parse_instant, parse_label};
use crate::cli::{CliError, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Name of the workspace
    #[arg(long, value_name = "NAME", value_parser = parse_label)]
    workspace: String,
    /// Print only events since this time: an age (7d), a date in UTC, or a timestamp
    /// (2026-01-31T08:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    since: Option<DateTime<Utc>>,
    /// Print only events of the device with this id
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    device: Option<i64>,
    /// Print only events of the user with this id
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    user: Option<i64>,
    /// Print only events of the requests with the API key with this id, and those about the key
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    key: Option<i64>,
    /// Print only events of this kind
    #[arg(long, ignore_case = true, value_parser = PossibleValuesParser::new(Action::NAMES))]
    action: Option<String>,
}

impl Admin {
    /// Prints one line per event. Reads the events in pages, so that memory does not limit their
    /// number.
    pub(super) async fn audit(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspace = self.find_workspace(&arguments.workspace).await?;
        let mut filter = EventFilter {
            since: arguments.since,
            device: arguments.device.map(DeviceId),
            user: arguments.user.map(UserId),
            key: arguments.key.map(KeyId),
            action: arguments
                .action
                .and_then(|name| Action::from_name(&name.to_ascii_uppercase())),
            after: None,
        };
        loop {
            let events = self.events.list(workspace.id, filter).await?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            filter.after = Some(last.id);
            for event in &events {
                if self.json {
                    output::print_line(serde_json::json!(event))?;
                } else {
                    output::print_line(format_event(event))?;
                }
            }
        }
    }
}

fn format_event(event: &Event) -> String {
    let fields = if event.fields.is_empty() {
        String::new()
    } else {
        format!(" ({})", event.fields.join(", "))
    };
    format!(
        "{}  {}  {}{fields}  by {}",
        event.occurred_at.format("%F %TZ"),
        event.action.as_str(),
        format_subject(event),
        format_author(event),
    )
}

fn format_author(event: &Event) -> String {
    let client_request = event.client_request_id.as_ref();
    let client_request = client_request.map(|id| format!(", client's request {id}"));
    match (event.key_id, &event.request_id, &event.operator) {
        (Some(key), Some(request), _) => {
            let client_request = client_request.unwrap_or_default();
            let interface = match event.interface {
                Some(Interface::Console) => " in the console",
                Some(Interface::Api) | None => "",
            };
            format!("key {key}{interface}, request {request}{client_request}")
        }
        (_, _, Some(operator)) => format!("{} on the command line", operator.as_str()),
        _ => "unknown".to_owned(),
    }
}

fn format_subject(event: &Event) -> String {
    if let Some(user) = event.user_id {
        return format!("user {user}");
    }
    if let Some(enrollment) = event.enrollment_id {
        return format!("enrolment {enrollment}");
    }
    if let Some(key) = event.api_key_id {
        return format!("key {key}");
    }
    if let (Action::Undone, Some(batch)) = (event.action, event.batch_id) {
        return format!("batch {batch}");
    }
    if event.device_ids.is_empty() {
        return match (event.action, event.item_count) {
            (Action::Exported, Some(count)) => count_devices(count),
            (Action::Exported, None) => "devices".to_owned(),
            // The fields of the event name the kind of the objects.
            (Action::Purged, Some(count)) => count.to_string(),
            _ => "workspace".to_owned(),
        };
    }
    let mut ids: Vec<i64> = event.device_ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    let devices = count_devices(ids.len() as u64);
    format!("{devices}: {}", format_ranges(&ids))
}

/// Formats a number of devices, such as `1 device`.
fn count_devices(count: u64) -> String {
    let noun = if count == 1 { "device" } else { "devices" };
    format!("{count} {noun}")
}

/// Formats 1, 2, 3 and 7 as `1-3, 7`.
fn format_ranges(sorted: &[i64]) -> String {
    let runs = sorted.chunk_by(|id, next| id + 1 == *next);
    let texts = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(i64::to_string).collect(),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_ids_are_formatted_as_range() {
        assert_eq!(format_ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(format_ranges(&[]), "");
    }
}
