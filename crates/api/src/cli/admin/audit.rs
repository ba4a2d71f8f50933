//! Command `audit`.

use chrono::{DateTime, Utc};
use clap::Args;
use devices_domain::{DeviceId, Event, EventFilter, EventRepository};

use super::Admin;
use super::arguments::{parse_id, parse_instant, parse_label};
use crate::cli::{CliError, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Name of the workspace
    #[arg(long, value_name = "NAME", value_parser = parse_label)]
    workspace: String,
    /// Print only changes since this time: an age (7d), a date in UTC, or a timestamp
    /// (2026-01-31T08:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    since: Option<DateTime<Utc>>,
    /// Print only changes of the device with this id
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    device: Option<i64>,
}

impl Admin {
    /// Prints one line per event. Reads the events in pages, so that memory does not limit their
    /// number.
    pub(super) async fn audit(&self, arguments: Arguments) -> Result<(), CliError> {
        let workspace = self.find_workspace(&arguments.workspace).await?;
        let mut filter = EventFilter {
            since: arguments.since,
            device: arguments.device.map(DeviceId),
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
    let client_request = event.client_request_id.as_ref();
    let client_request = client_request.map(|id| format!(", client's request {id}"));
    format!(
        "{}  {}  {}{fields}  by key {}, request {}{}",
        event.occurred_at.format("%F %TZ"),
        event.action.as_str(),
        format_subject(event),
        event.key_id,
        event.request_id,
        client_request.unwrap_or_default(),
    )
}

fn format_subject(event: &Event) -> String {
    if let Some(user) = event.user_id {
        return format!("user {user}");
    }
    if let Some(enrollment) = event.enrollment_id {
        return format!("enrolment {enrollment}");
    }
    let mut ids: Vec<i64> = event.device_ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    let noun = if ids.len() == 1 { "device" } else { "devices" };
    format!("{} {noun}: {}", ids.len(), format_ranges(&ids))
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
