//! Command `purge`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{ArgGroup, Args};
use devices_adapters::postgres::{Purge, Purgeable};
use devices_domain::Workspace;
use serde::Serialize;

use super::Admin;
use super::arguments::{parse_label, parse_retention};
use crate::cli::CliError;
use crate::cli::output::{Progress, print_error_line, print_table};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("retention").required(true).multiple(true))]
pub(in crate::cli) struct Arguments {
    /// Purge only this workspace
    #[arg(long, value_name = "NAME", value_parser = parse_label)]
    workspace: Option<String>,
    /// Purge devices that were archived longer ago than this, such as 730d
    #[arg(long, value_name = "AGE", group = "retention", value_parser = parse_retention)]
    archived_devices_older_than: Option<TimeDelta>,
    /// Purge enrolments that were deleted longer ago than this
    #[arg(long, value_name = "AGE", group = "retention", value_parser = parse_retention)]
    deleted_enrollments_older_than: Option<TimeDelta>,
    /// Purge users that were deleted longer ago than this, except those whom archived devices name
    #[arg(long, value_name = "AGE", group = "retention", value_parser = parse_retention)]
    deleted_users_older_than: Option<TimeDelta>,
    /// Purge events of the audit trail that are older than this
    #[arg(long, value_name = "AGE", group = "retention", value_parser = parse_retention)]
    events_older_than: Option<TimeDelta>,
    /// Print the numbers, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl Arguments {
    /// Returns the time before which objects of a kind are purged. `None` if they are kept.
    fn before(&self, kind: Purgeable, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = match kind {
            Purgeable::Devices => self.archived_devices_older_than,
            Purgeable::Enrollments => self.deleted_enrollments_older_than,
            Purgeable::Users => self.deleted_users_older_than,
            Purgeable::ChangeEvents | Purgeable::AuditEvents => self.events_older_than,
        };
        age.map(|age| now - age)
    }
}

/// Numbers of the purged objects of a workspace, by the names of their kinds.
#[derive(Serialize)]
struct Purged {
    workspace_id: i64,
    workspace: String,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, u64>,
}

impl Admin {
    /// Purges one workspace after the other, oldest first. Batches that are committed stay so if a
    /// later one fails.
    pub(super) async fn purge(&self, arguments: Arguments) -> Result<(), CliError> {
        let now = Utc::now();
        let workspaces = self.find_workspaces(arguments.workspace.as_deref()).await?;
        let mut purged = Vec::new();
        for workspace in workspaces {
            let counts = self.purge_workspace(&workspace, &arguments, now).await?;
            purged.push(Purged {
                workspace_id: workspace.id.0,
                workspace: workspace.name,
                counts,
            });
        }
        print_purged(self.json, &purged)
    }

    async fn purge_workspace(
        &self,
        workspace: &Workspace,
        arguments: &Arguments,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<&'static str, u64>, CliError> {
        let devices_before = arguments.before(Purgeable::Devices, now);
        let mut counts = BTreeMap::new();
        for kind in Purgeable::ALL {
            let Some(before) = arguments.before(kind, now) else {
                continue;
            };
            let purge = Purge {
                workspace: workspace.id,
                kind,
                before,
            };
            let due = self.retention.count(purge, devices_before).await?;
            let count = if arguments.dry_run {
                due
            } else {
                self.purge_kind(workspace, purge, due).await?
            };
            *counts.entry(kind.name()).or_default() += count;
        }
        Ok(counts)
    }

    /// Purges batches until nothing is due. Reports the progress of a long purge to standard error.
    async fn purge_kind(
        &self,
        workspace: &Workspace,
        purge: Purge,
        due: u64,
    ) -> Result<u64, CliError> {
        if due == 0 {
            return Ok(0);
        }
        let (mut deleted, mut skipped) = (0, 0);
        let mut progress = Progress::start();
        let mut cursor = None;
        loop {
            let operator = self.operator.clone();
            let batch = self.retention.purge_batch(purge, cursor, due, operator);
            let batch = batch.await?;
            deleted += batch.deleted as u64;
            skipped += batch.skipped;
            let kind = purge.kind.name();
            progress.report(format_args!(
                "{}: {deleted} of {due} {kind}",
                workspace.name
            ));
            cursor = batch.next;
            if cursor.is_none() {
                break;
            }
        }
        if skipped > 0 {
            print_error_line(format_args!(
                "{}: kept {skipped} devices that wait to be indexed. Purge them later.",
                workspace.name
            ));
        }
        Ok(deleted)
    }
}

fn print_purged(json: bool, purged: &[Purged]) -> Result<(), CliError> {
    let kinds: Vec<&str> = purged
        .first()
        .map(|first| first.counts.keys().copied().collect())
        .unwrap_or_default();
    let headings: Vec<String> = ["workspace"]
        .into_iter()
        .chain(kinds)
        .map(|kind| kind.replace('_', " ").to_uppercase())
        .collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let row = |purged: &Purged| {
        let counts = purged.counts.values().map(ToString::to_string);
        std::iter::once(purged.workspace.clone())
            .chain(counts)
            .collect()
    };
    let rows = purged.iter().map(row).collect();
    print_table(json, &purged, &headings, rows)
}
