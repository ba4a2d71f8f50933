//! Renews the generated parts of an `OpenAPI` file: standard input to standard output.
//!
//! `make openapi-update` runs it on `openapi.yaml` and `scripts/contract-overlay.yaml`. A generated
//! part is what stands between the lines `# Generated: SCHEMA PART` and `# End of generated part`.
//! PART is one of
//! - `required` and `properties`: names and types of the schema's fields, from the field tables,
//! - `constraints`: the overlay's rules for these properties,
//! - `enum`: the values of an enumeration.
//!
//! Everything else in the files is written by hand.

use std::error::Error;
use std::io::{self, Read};

use devices_domain::{
    AddedVia, Characteristics, ClientStatus, EnrollmentStatus, ErrorCode, EventType, Field, Format,
    KeepReason, KeyboardLayout, Lifecycle, Nulls, OnConflict, Reason, Role, Scope, UniqueField,
    UnknownUsers, enrollment_fields, fields, user_fields,
};
use devices_import::{DateFormat, DecimalMark, OtherColumns};

const BEGIN: &str = "# Generated: ";
const END: &str = "# End of generated part";

/// Width of the file: descriptions wrap at this column.
const WIDTH: usize = 100;

/// Members of the 201 of `POST /devices`. `CreatedDevice` describes them by hand, with others
/// between them, and `Device` repeats them.
const CREATED: [&str; 5] = ["name", "type", "category", "serial_number", "comment"];

/// Enumerations that are types of fields, with the names of their schemas.
const FIELD_ENUMS: [(&str, &[&str]); 5] = [
    ("AddedVia", AddedVia::NAMES),
    ("Lifecycle", Lifecycle::NAMES),
    ("KeyboardLayout", KeyboardLayout::NAMES),
    ("Role", Role::NAMES),
    ("EnrollmentStatus", EnrollmentStatus::NAMES),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    print!("{}", renew(&text)?);
    Ok(())
}

/// Returns the file with all generated parts renewed.
fn renew(text: &str) -> Result<String, String> {
    let mut output = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        output.push(line.to_owned());
        let Some(name) = line.trim_start().strip_prefix(BEGIN) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let content = generate(name).map_err(|error| format!("{BEGIN}{name}: {error}"))?;
        output.extend(content.iter().map(|line| format!("{indent}{line}")));
        let end = lines.by_ref().find(|line| line.trim() == END);
        let end = end.ok_or_else(|| format!("{BEGIN}{name}: the line `{END}` is missing"))?;
        output.push(end.to_owned());
    }
    Ok(output.join("\n") + "\n")
}

/// Returns the lines of a generated part.
fn generate(name: &str) -> Result<Vec<String>, String> {
    let (schema, part) = name
        .split_once(' ')
        .ok_or("must name a schema and a part")?;
    if part == "enum" {
        return enum_values(schema);
    }
    let (fields, usage) = schema_fields(schema)?;
    match part {
        "required" => Ok(fields
            .iter()
            .filter(|field| usage == Usage::Response || field.is_required())
            .map(|field| format!("- {}", field.name()))
            .collect()),
        "properties" => collect(&fields, |field| property(field, usage)),
        "constraints" => collect(&fields, |field| constraint(field, usage)),
        _ => Err("the part must be required, properties, constraints or enum".to_owned()),
    }
}

fn collect(
    fields: &[&'static Field],
    lines: impl Fn(&Field) -> Result<Vec<String>, String>,
) -> Result<Vec<String>, String> {
    let lines: Vec<Vec<String>> = fields
        .iter()
        .map(|field| lines(field).map_err(|error| format!("{}: {error}", field.name())))
        .collect::<Result<_, _>>()?;
    Ok(lines.concat())
}

fn enum_values(schema: &str) -> Result<Vec<String>, String> {
    let names: Vec<&str> = match schema {
        "ClientStatus" => ClientStatus::NAMES.to_vec(),
        "ErrorCode" => ErrorCode::ALL.iter().map(|code| code.as_str()).collect(),
        "Reason" => Reason::ALL.iter().map(|reason| reason.as_str()).collect(),
        "OnConflict" => OnConflict::NAMES.to_vec(),
        "Nulls" => Nulls::NAMES.to_vec(),
        "UnknownUsers" => UnknownUsers::NAMES.to_vec(),
        "DateFormat" => DateFormat::NAMES.to_vec(),
        "DecimalMark" => DecimalMark::NAMES.to_vec(),
        "OtherColumns" => OtherColumns::NAMES.to_vec(),
        "MatchField" => UniqueField::ALL.map(UniqueField::name).to_vec(),
        "KeepReason" => KeepReason::NAMES.to_vec(),
        "EventType" => EventType::NAMES.to_vec(),
        "Scope" => Scope::NAMES.to_vec(),
        _ => FIELD_ENUMS
            .iter()
            .find(|(name, _)| *name == schema)
            .map(|(_, names)| names.to_vec())
            .ok_or("unknown enumeration: add it to FIELD_ENUMS in openapi_fields.rs")?,
    };
    Ok(names.iter().map(|name| format!("- {name}")).collect())
}

/// Place of a schema. The same field has another type in each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// A new object: a field without a value is null, blank or absent.
    New,
    /// A change: a field that an update cannot clear is not nullable.
    Patch,
    Response,
}

impl Usage {
    fn is_nullable(self, field: &Field) -> bool {
        match self {
            Self::New => !field.is_required(),
            Self::Patch | Self::Response => field.is_nullable(),
        }
    }
}

/// Returns the fields of a schema in their order.
fn schema_fields(schema: &str) -> Result<(Vec<&'static Field>, Usage), String> {
    let is_characteristic = |field: &Field| {
        Characteristics::FIELDS
            .iter()
            .any(|other| other.name() == field.name())
    };
    let device = fields().iter();
    Ok(match schema {
        "NewDevice" => (device.collect(), Usage::New),
        "PatchDevice" => (
            device.filter(|field| !field.is_immutable()).collect(),
            Usage::Patch,
        ),
        // Without the assignee's address: the member `user` contains it.
        "Device" => (
            device
                .filter(|field| !CREATED.contains(&field.name()))
                .filter(|field| !is_characteristic(field) && field.format() != Format::Email)
                .collect(),
            Usage::Response,
        ),
        "Characteristics" => (Characteristics::FIELDS.iter().collect(), Usage::Response),
        "NewUser" => (user_fields().iter().collect(), Usage::New),
        "PatchUser" => (user_fields().iter().collect(), Usage::Patch),
        "User" => (user_fields().iter().collect(), Usage::Response),
        "NewEnrollment" => (enrollment_fields().iter().collect(), Usage::New),
        "Enrollment" | "EnrollmentRecord" => {
            (enrollment_fields().iter().collect(), Usage::Response)
        }
        _ => return Err("unknown schema: add it to schema_fields in openapi_fields.rs".to_owned()),
    })
}

/// Returns the property of a field: its name, description and type.
fn property(field: &Field, usage: Usage) -> Result<Vec<String>, String> {
    let mut lines = vec![format!("{}:", field.name())];
    let members = description(&describe(field, usage));
    lines.extend(
        members
            .into_iter()
            .chain(types(field, usage)?)
            .map(|line| format!("  {line}")),
    );
    Ok(lines)
}

/// Returns the members that give the type of a field.
fn types(field: &Field, usage: Usage) -> Result<Vec<String>, String> {
    let nullable = usage.is_nullable(field);
    let typed = |name: &str| {
        if nullable {
            format!("type: [{name}, 'null']")
        } else {
            format!("type: {name}")
        }
    };
    let lines: &[&str] = match field.format() {
        Format::Date if usage == Usage::Response => &[&typed("string"), "format: date"],
        Format::Instant if usage == Usage::Response => &[&typed("string"), "format: date-time"],
        // Dates without a format: requests may write them in other forms of ISO 8601, too.
        Format::Text { .. }
        | Format::Lines { .. }
        | Format::SerialNumber
        | Format::AssetTag
        | Format::Email
        | Format::Amount
        | Format::Date
        | Format::Instant => &[&typed("string")],
        Format::Boolean => &[&typed("boolean")],
        Format::Id => &[&typed("integer"), "format: int64", "minimum: 1"],
        Format::OneOf(names) if nullable => &[
            "anyOf:",
            &format!("  - {}", enum_reference(names)?),
            "  - type: 'null'",
        ],
        Format::OneOf(names) => &[&enum_reference(names)?],
        Format::TextList { max_items, .. } if usage == Usage::Response => &[
            "type: array",
            &format!("maxItems: {max_items}"),
            "items:",
            "  type: string",
        ],
        Format::TextList { .. } => &[
            "oneOf:",
            &format!("  - {}", reference("TextOrList")),
            "  - type: 'null'",
        ],
        Format::Attributes { max_keys, .. } if usage == Usage::Response => &[
            "type: object",
            &format!("maxProperties: {max_keys}"),
            "additionalProperties:",
            "  type: string",
        ],
        Format::Attributes { .. } => &[
            "type: [object, 'null']",
            "additionalProperties:",
            "  type: [string, 'null']",
        ],
    };
    Ok(lines.iter().map(|line| (*line).to_owned()).collect())
}

fn enum_reference(names: &[&str]) -> Result<String, String> {
    let schema = FIELD_ENUMS.iter().find(|(_, values)| *values == names);
    let (name, _) =
        schema.ok_or("unknown enumeration: add it to FIELD_ENUMS in openapi_fields.rs")?;
    Ok(reference(name))
}

fn reference(schema: &str) -> String {
    format!("$ref: '#/components/schemas/{schema}'")
}

/// Returns the doc comment of a field and, for a request, the rules of its format.
fn describe(field: &Field, usage: Usage) -> String {
    let doc: Vec<&str> = field.description().split_whitespace().collect();
    let mut sentences = vec![doc.join(" ")];
    match usage {
        Usage::Response => sentences.extend(response_note(field.format())),
        Usage::New | Usage::Patch => sentences.extend(rules(field.format())),
    }
    if usage == Usage::Patch && matches!(field.format(), Format::Attributes { .. }) {
        sentences.push("Sets the given keys, removes keys with null, keeps all others.".to_owned());
    }
    if usage == Usage::Patch && !field.is_nullable() {
        sentences.push("Cannot be cleared.".to_owned());
    }
    sentences.join(" ")
}

fn rules(format: Format) -> Option<String> {
    Some(match format {
        Format::Text { max_length } => format!("At most {} characters.", thousands(max_length)),
        Format::Lines { max_length } => format!(
            "Line breaks are returned as LF. At most {} characters.",
            thousands(max_length)
        ),
        Format::TextList {
            max_items,
            max_length,
        } => {
            format!("A text of at most {max_length} characters, or a list of at most {max_items}.")
        }
        Format::Attributes {
            max_keys,
            max_key_length,
            max_length,
        } => format!(
            "At most {max_keys} keys of at most {max_key_length} characters, with values of at most \
             {max_length}."
        ),
        Format::SerialNumber | Format::AssetTag => "At most 64 characters.".to_owned(),
        Format::Email => "At most 255 characters.".to_owned(),
        Format::Amount => "A decimal amount such as `1299.00`.".to_owned(),
        Format::Date => "An ISO 8601 date, or date and time.".to_owned(),
        Format::Instant => "An ISO 8601 date and time with an offset.".to_owned(),
        Format::OneOf(_) | Format::Boolean | Format::Id => return None,
    })
}

fn response_note(format: Format) -> Option<String> {
    match format {
        Format::Amount => Some("With two decimals.".to_owned()),
        Format::TextList { .. } | Format::Attributes { .. } => {
            Some("Empty if none were given.".to_owned())
        }
        _ => None,
    }
}

/// Formats 10000 as "10,000".
fn thousands(number: usize) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1000, number % 1000)
    }
}

/// Returns the YAML of a description: one line if it fits, otherwise a wrapped block.
fn description(text: &str) -> Vec<String> {
    // Properties are indented by 8 columns, and their members by 10.
    let width = WIDTH - 10;
    // A backtick cannot begin a plain scalar, and a colon ends a key (YAML 1.2.2, section 7.3.3).
    let is_plain = !text.starts_with('`') && !text.contains(": ") && !text.contains(" #");
    let line = if is_plain {
        format!("description: {text}")
    } else {
        format!("description: '{}'", text.replace('\'', "''"))
    };
    if line.chars().count() <= width {
        return vec![line];
    }
    let mut lines = vec!["description: |".to_owned(), String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("two lines exist");
        if last.is_empty() {
            *last = format!("  {word}");
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.extend([" ", word]);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines
}

/// Returns the overlay's change of a property, as a JSON merge patch: the members of the type that
/// do not hold exactly are null. Returns nothing if the type is exact.
fn constraint(field: &Field, usage: Usage) -> Result<Vec<String>, String> {
    let nullable = usage.is_nullable(field);
    let change: &[&str] = match field.format() {
        Format::Amount if usage == Usage::Response => &["pattern: '^[0-9]+[.][0-9]{2}$'"],
        _ if usage == Usage::Response => &[],
        Format::Text { .. } if !nullable => &["type: null", &reference("Label")],
        Format::Text { max_length: 255 } => &["type: null", &reference("Text")],
        Format::Lines { max_length: 10_000 } => &["type: null", &reference("Comment")],
        Format::Text { .. } | Format::Lines { .. } => {
            return Err("no schema in the overlay has this length".to_owned());
        }
        Format::SerialNumber => &["type: null", &reference("SerialNumber")],
        Format::AssetTag => &["type: null", &reference("AssetTag")],
        Format::Email if nullable => &["type: null", &or_nothing(&reference("Email"))],
        Format::Email => &["type: null", &reference("Email")],
        Format::Amount => &["type: null", &reference("Amount")],
        Format::Date => &["type: null", &reference("Date")],
        Format::Instant => &["type: null", &reference("Instant")],
        Format::Boolean if nullable => &["type: null", &reference("Flag")],
        Format::OneOf(names) if nullable => &[&or_nothing(&enum_reference(names)?)],
        Format::Boolean | Format::OneOf(_) => &[],
        Format::Id => &[
            "type: null",
            "format: null",
            "minimum: null",
            &reference("UserId"),
        ],
        Format::TextList { .. } => &["oneOf: null", &reference("TextList")],
        Format::Attributes { .. } => &[
            "type: null",
            "additionalProperties: null",
            &reference("Attributes"),
        ],
    };
    if change.is_empty() {
        return Ok(vec![]);
    }
    Ok(vec![format!("{}: {{{}}}", field.name(), change.join(", "))])
}

/// Returns the type of a field that also takes null and blank text.
fn or_nothing(reference: &str) -> String {
    format!(
        "anyOf: [{{{reference}}}, {{{}}}]",
        self::reference("Nothing")
    )
}
