//! Section of the settings.

use std::io::{Error, Result, Write};

use clap_mangen::roff::{Roff, bold, roman};

use crate::settings::{Entry, Settings, Sources};

/// Writes the section: all settings with their allowed values and defaults.
pub(super) fn write(page: &mut impl Write) -> Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["SETTINGS"]);
    roff.text([roman(
        "In a file, DEVICES__SERVER__PORT is the key port in the section [server].",
    )]);
    // The built-in file of the environment development repeats defaults only.
    let defaults = built_in_values("development")?;
    let production = built_in_values("production")?;
    let mut values = defaults.iter().zip(&production);
    for section in Settings::sections() {
        roff.control("SS", [section.name]);
        roff.text([roman(plain(&section.doc))]);
        for (field, (default, production)) in section.fields.iter().zip(&mut values) {
            roff.control("TP", []);
            roff.text([bold(field.variable.as_str())]);
            let description = format!(
                "{} Must be {}. {}",
                plain(&field.doc),
                plain(&field.allowed),
                describe_default(default, production)
            );
            roff.text([roman(description)]);
        }
    }
    roff.to_writer(page)
}

/// Returns the values of all settings in the built-in files of an environment, in the order of the
/// sections.
fn built_in_values(environment: &str) -> Result<Vec<Entry>> {
    let merged = Sources::built_in(environment, &[]).merge();
    Ok(merged.map_err(Error::other)?.entries())
}

fn describe_default(default: &Entry, production: &Entry) -> String {
    let value = |entry: &Entry| match entry.value.as_deref() {
        None | Some("") => "empty".to_owned(),
        Some(value) => value.to_owned(),
    };
    let (default, production) = (value(default), value(production));
    if default == production {
        format!("Default: {default}.")
    } else {
        format!("Default: {default} (production: {production}).")
    }
}

/// Removes the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
