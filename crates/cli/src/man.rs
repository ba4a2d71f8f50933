//! Hidden command `man`: manual pages, for packages.

use std::fs;
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::arguments::Cli;
use crate::error::CliError;
use crate::output::print_line;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Directory of the pages, which is created if it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Source and manual, at the edges of each page.
const SOURCE: &str = concat!("Fleet Devices ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "Fleet Devices Manual";

/// Writes one page for each command that is not hidden.
pub(crate) fn run(arguments: &Arguments) -> std::result::Result<(), CliError> {
    let path = &arguments.directory;
    let pages = write_pages(path).map_err(|error| CliError::Write {
        path: path.clone(),
        error,
    })?;
    print_line(format_args!("wrote {pages} pages"))
}

/// Writes the pages. Returns their number.
fn write_pages(directory: &Path) -> Result<usize> {
    fs::create_dir_all(directory)?;
    // clap's own text refers to the short help.
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .global(true)
        .help("Print help");
    let mut command = Cli::command()
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(help);
    command.build();
    let subcommands = command.get_subcommands().filter(|c| !c.is_hide_set());
    let commands: Vec<_> = std::iter::once(&command).chain(subcommands).collect();
    for command in &commands {
        let path = directory.join(format!("{}.1", name_of(command)));
        fs::write(path, render((*command).clone())?)?;
    }
    Ok(commands.len())
}

/// Returns the name of a page, such as `devices-import`.
fn name_of(command: &Command) -> &str {
    let name = command.get_display_name();
    name.unwrap_or_else(|| command.get_name())
}

fn render(mut command: Command) -> Result<Vec<u8>> {
    // clap_mangen's own synopsis omits the values of options.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let is_main = name_of(&command) == "devices";
    let command = command
        .override_usage(usage)
        .subcommand_help_heading("COMMANDS")
        // The sections below contain it.
        .after_help(None::<&str>)
        .after_long_help(None::<&str>);
    let man = Man::new(command).source(SOURCE).manual(MANUAL);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_main {
        man.render_subcommands_section(&mut page)?;
        write_sections(&mut page, &MAIN_SECTIONS)?;
    }
    write_sections(&mut page, &[EXIT_STATUS])?;
    write_see_also(&mut page, if is_main { "" } else { "devices(1), " })?;
    Ok(page)
}

/// Heading of a section, and its entries: a term and its description.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

/// Sections of the page of the program itself.
const MAIN_SECTIONS: [Section; 2] = [
    (
        "ENVIRONMENT",
        &[
            (
                "DEVICES_URL, DEVICES_KEY",
                "URL and key of the server. They override those that devices login stored.",
            ),
            (
                "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
                "Proxy, and hosts that are reached without it.",
            ),
            (
                "SSL_CERT_FILE, SSL_CERT_DIR",
                "On Linux, certificates that are trusted instead of those of the system.",
            ),
        ],
    ),
    (
        "FILES",
        &[(
            "~/.config/fleet-devices/login.toml",
            "URL and key that devices login stored. Only the user can read it.",
        )],
    ),
];

/// Exit status of all commands.
const EXIT_STATUS: Section = (
    "EXIT STATUS",
    &[
        (
            "0",
            "Everything was done. For an import: all rows were stored.",
        ),
        (
            "1",
            "Rows were rejected, or the command failed. Standard error has the reason.",
        ),
        ("2", "An argument is invalid or missing."),
        ("3", "The server is not reachable."),
    ],
);

fn write_sections(page: &mut impl Write, sections: &[Section]) -> Result<()> {
    let mut roff = Roff::new();
    for (heading, entries) in sections {
        roff.control("SH", [*heading]);
        for (term, description) in *entries {
            roff.control("TP", []);
            roff.text([bold(*term)]);
            roff.text([roman(*description)]);
        }
    }
    roff.to_writer(page)
}

/// Writes the last section. `pages` is empty or ends with a comma.
fn write_see_also(page: &mut impl Write, pages: &str) -> Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(format!(
        "{pages}docs/PROGRAM.md and docs/IMPORT.md of Fleet Devices"
    ))]);
    roff.to_writer(page)
}
