//! Command `undo`.

use clap::Args;
use devices_client::Undo;

use crate::confirmation;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{ignore_closed_pipe, print_error_line};
use crate::text::count;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Numbers of the batches, as `import` and `batches` print them
    #[arg(value_name = "BATCH", required = true)]
    batches: Vec<u64>,
    /// Also archive devices that were changed since then
    #[arg(long)]
    include_changed: bool,
    /// Show what would be archived, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Shows the devices that an undo archives, asks for confirmation, and archives them.
pub(crate) fn run(arguments: &Arguments, context: Context) -> Result<(), CliError> {
    let client = context.client()?;
    let include_changed = arguments.include_changed;
    let preview = |id: &u64| client.preview_undo(*id, include_changed);
    if arguments.dry_run || !arguments.yes || arguments.batches.len() > 1 {
        // An unknown number fails here, before anything is changed.
        let previews: Vec<Undo> = arguments
            .batches
            .iter()
            .map(preview)
            .collect::<Result<_, _>>()?;
        if arguments.dry_run {
            return ignore_closed_pipe(print(&previews, Tense::Future, context));
        }
        if !arguments.yes && !confirm(&previews, context)? {
            return Ok(());
        }
    }
    for id in &arguments.batches {
        let undo = client.undo(*id, include_changed)?;
        // Without a reader, the remaining batches are undone all the same.
        ignore_closed_pipe(print(&[undo], Tense::Past, context))?;
    }
    Ok(())
}

/// Shows previews and asks for confirmation. Returns whether there is anything to archive.
///
/// # Errors
/// A failure if the answer is no.
fn confirm(previews: &[Undo], context: Context) -> Result<bool, CliError> {
    for preview in previews {
        print_error_line(describe(preview, Tense::Future));
    }
    if previews.iter().all(|preview| preview.archived.is_empty()) {
        return Ok(false);
    }
    if confirmation::ask("Archive them?", context)? {
        Ok(true)
    } else {
        Err(CliError::Failed("nothing was changed.".to_owned()))
    }
}

fn print(undos: &[Undo], tense: Tense, context: Context) -> Result<(), CliError> {
    undos
        .iter()
        .try_for_each(|undo| context.print(undo, || describe(undo, tense)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tense {
    Past,
    Future,
}

/// Describes an undo in a few sentences.
fn describe(undo: &Undo, tense: Tense) -> String {
    let (archived, kept) = match tense {
        Tense::Past => ("archived", "kept"),
        Tense::Future => ("would be archived", "would be kept"),
    };
    let count_kept = |reason: &str| {
        let kept = undo.kept.iter().filter(|device| device.reason == reason);
        kept.count()
    };
    let mut parts = vec![format!(
        "Batch {}: {} {archived}",
        undo.batch_id,
        count(undo.archived.len(), "device")
    )];
    for (reason, words, hint) in [
        (
            "changed_since",
            "changed since then",
            " (archive them with --include-changed)",
        ),
        ("archived_already", "archived already", ""),
    ] {
        let number = count_kept(reason);
        if number > 0 {
            let devices = count(number, "device");
            parts.push(format!("{devices} {kept}, because {words}{hint}"));
        }
    }
    let mut sentences = vec![format!("{}.", parts.join("; "))];
    if undo.not_undone.updated > 0 {
        let devices = count(undo.not_undone.updated as usize, "device");
        sentences.push(format!(
            "The batch also updated {devices}: an undo does not revert updates."
        ));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use devices_client::{KeptDevice, NotUndone};

    use super::*;

    #[test]
    fn kept_devices_and_updates_are_described() {
        let undo = Undo {
            batch_id: 17,
            archived: vec![901, 902],
            kept: vec![KeptDevice {
                device_id: 903,
                reason: "changed_since".to_owned(),
            }],
            not_undone: NotUndone { updated: 1 },
        };
        assert_eq!(
            describe(&undo, Tense::Future),
            "Batch 17: 2 devices would be archived; 1 device would be kept, because changed since \
             then (archive them with --include-changed). The batch also updated 1 device: an undo \
             does not revert updates."
        );
    }
}
