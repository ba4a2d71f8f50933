//! `audit`.

use chrono::{DateTime, Utc};
use clap::Args;
use devices_domain::{DeviceId, Event, EventFilter, EventRepository};

use super::Administration;
use super::arguments::{instant, label};
use crate::cli::{CliError, output};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Whose devices: the workspace's name
    #[arg(long, value_name = "NAME", value_parser = label)]
    workspace: String,
    /// From this moment on: so long ago (7d), a date in UTC, or an instant (2026-01-31T08:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    since: Option<DateTime<Utc>>,
    /// Of the device with this id only
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    device: Option<i64>,
}

impl Administration {
    /// One line an event; with `--json` one object a line, so that any number can be printed.
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
                match self.json {
                    true => output::line(serde_json::json!(event))?,
                    false => output::line(sentence(event))?,
                }
            }
        }
    }
}

fn sentence(event: &Event) -> String {
    let fields = match event.fields.is_empty() {
        true => String::new(),
        false => format!(" ({})", event.fields.join(", ")),
    };
    format!(
        "{}  {}  {}{fields}  by key {}, request {}",
        event.occurred_at.format("%F %TZ"),
        event.action.as_str(),
        subject(event),
        event.key_id,
        event.request_id,
    )
}

fn subject(event: &Event) -> String {
    if let Some(user) = event.user_id {
        return format!("user {user}");
    }
    if let Some(enrollment) = event.enrollment_id {
        return format!("enrolment {enrollment}");
    }
    let mut ids: Vec<i64> = event.device_ids.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    let noun = if ids.len() == 1 { "device" } else { "devices" };
    format!("{} {noun}: {}", ids.len(), ranges(&ids))
}

/// `1-3, 7` for 1, 2, 3 and 7.
fn ranges(sorted: &[i64]) -> String {
    let runs = sorted.chunk_by(|one, next| one + 1 == *next);
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
    fn ids_in_a_row_are_told_as_a_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }
}
