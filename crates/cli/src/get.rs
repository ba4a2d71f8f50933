//! Command `get`.

use clap::{Args, ValueEnum};
use devices_client::{Client, ClientError, Device, DeviceKey};
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::output::ignore_closed_pipe;
use crate::text::printable;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Serial number, asset tag or id of the device
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Field to look in, instead of the serial number, then the asset tag, then the id
    #[arg(long, value_name = "FIELD")]
    by: Option<Field>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Field {
    /// Serial number
    SerialNumber,
    /// Asset tag
    AssetTag,
    /// Id: the only one that also finds archived devices
    Id,
}

/// Prints a device.
pub(crate) fn run(arguments: &Arguments, context: Context) -> Result<(), CliError> {
    let client = context.client()?;
    let text = arguments.device.as_str();
    let all = [Field::SerialNumber, Field::AssetTag, Field::Id];
    let fields = arguments.by.map_or(all.to_vec(), |field| vec![field]);
    for field in fields {
        if let Some(device) = find(&client, field, text)? {
            return ignore_closed_pipe(context.print(&device, || describe(&device)));
        }
    }
    Err(CliError::Failed(format!("there is no device `{text}`.")))
}

fn find(client: &Client, field: Field, text: &str) -> Result<Option<Device>, ClientError> {
    let key = match field {
        Field::SerialNumber => DeviceKey::SerialNumber(text),
        Field::AssetTag => DeviceKey::AssetTag(text),
        Field::Id => match text.parse() {
            Ok(id) if id > 0 => DeviceKey::Id(id),
            _ => return Ok(None),
        },
    };
    client.device(key)
}

/// Formats the fields with a value, one per line. Those of nested objects have a dot.
fn describe(device: &Device) -> String {
    let mut lines = Vec::new();
    for (name, value) in &device.fields {
        collect(name, value, &mut lines);
    }
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn collect(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (member, value) in members {
                collect(&format!("{name}.{member}"), value, lines);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            let texts: Vec<_> = items.iter().map(text_of).collect();
            lines.push((name.to_owned(), texts.join(", ")));
        }
        value => lines.push((name.to_owned(), text_of(value))),
    }
}

fn text_of(value: &Value) -> String {
    let text = value.as_str();
    text.map_or_else(|| value.to_string(), printable)
}
