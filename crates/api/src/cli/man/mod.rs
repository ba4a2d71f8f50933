//! Hidden command `man`: manual pages, for packages.

mod settings;

use std::fs;
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;

use crate::cli::{Cli, CliError, output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Directory of the pages, which is created if it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Source and manual, at the edges of each page.
const SOURCE: &str = concat!("Fleet Devices ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "Fleet Devices Manual";

/// Writes one page for each command that is not hidden.
pub(super) fn run(arguments: &Arguments, json: bool) -> std::result::Result<(), CliError> {
    let pages = write_pages(&arguments.directory).map_err(CliError::ManualPages)?;
    if json {
        output::print_line(json!({ "pages": pages }))
    } else {
        output::print_line(format_args!("wrote {} pages", pages.len()))
    }
}

/// Writes the pages. Returns the names of their files.
fn write_pages(directory: &Path) -> Result<Vec<String>> {
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
    let mut commands = Vec::new();
    collect(&command, &mut commands);
    let mut pages = Vec::new();
    for command in commands {
        let name = format!("{}.1", name_of(&command));
        fs::write(directory.join(&name), render(command)?)?;
        pages.push(name);
    }
    Ok(pages)
}

/// Collects a command and its subcommands, except hidden ones.
fn collect(command: &Command, commands: &mut Vec<Command>) {
    commands.push(command.clone());
    let subcommands = command.get_subcommands();
    for subcommand in subcommands.filter(|command| !command.is_hide_set()) {
        collect(subcommand, commands);
    }
}

/// Returns the name of a page, such as `devices-api-key-list`.
fn name_of(command: &Command) -> &str {
    let name = command.get_display_name();
    name.unwrap_or_else(|| command.get_name())
}

fn render(mut command: Command) -> Result<Vec<u8>> {
    // clap_mangen's own synopsis omits the values of options.
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let has_subcommands = command.get_subcommands().any(|c| !c.is_hide_set());
    let is_main = !name_of(&command).contains("devices-api-");
    let parent = name_of(&command).rsplit_once('-');
    let parent = parent.map(|(parent, _)| parent.to_owned());
    let command = command
        .override_usage(usage)
        .subcommand_help_heading("COMMANDS");
    let man = Man::new(command).source(SOURCE).manual(MANUAL);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    if is_main {
        write_sections(&mut page, &MAIN_SECTIONS)?;
        settings::write(&mut page)?;
    }
    write_sections(&mut page, &[EXIT_STATUS])?;
    let parent = parent.filter(|_| !is_main);
    let see_also = parent.map_or_else(String::new, |parent| format!("{parent}(1), "));
    write_see_also(&mut page, &see_also)?;
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
                "DEVICES__SECTION__KEY",
                "Sets the key of a section of the settings files, such as DEVICES__SERVER__PORT. \
                 Overrides all files.",
            ),
            (
                "DEVICES__DATABASE__URL, DEVICES__DATABASE__URL_FILE",
                "The URL of the PostgreSQL database, or a file that contains it. One of them is \
                 required.",
            ),
            (
                "DEVICES_ENVIRONMENT",
                "Selects defaults: development (without the variable), production or test.",
            ),
            (
                "DEVICES_CONFIG_FILE",
                "Names a settings file, unless --config does.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            (
                "config/default.toml, config/ENVIRONMENT.toml",
                "Settings, relative to the working directory, if the files exist. The same files \
                 are built into the program.",
            ),
            (
                "FILE of --config",
                "Settings that override these files. The package fleet-devices has \
                 /etc/fleet-devices/config.toml.",
            ),
        ],
    ),
];

/// Exit status of all commands.
const EXIT_STATUS: Section = (
    "EXIT STATUS",
    &[
        ("0", "Success."),
        ("1", "The command failed. Standard error has the reason."),
        ("2", "An argument is invalid or missing."),
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
        "{pages}docs/OPERATIONS.md and docs/CONFIGURATION.md of Fleet Devices"
    ))]);
    roff.to_writer(page)
}
