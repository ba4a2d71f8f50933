//! Fields, and keys of `attributes`, that a column can provide.

use std::fmt;

use devices_domain::{Attributes, Field, Format, field, fields, nearest_name};

use crate::text::quote;

/// Field, or key of `attributes`, that a column provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Field(&'static Field),
    /// A valid key of `attributes`.
    Attribute(String),
}

/// A name that is neither a field nor an attribute with a valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetError(pub(crate) String);

/// Prefix of the name of an attribute: `attributes.Room`.
const ATTRIBUTE_PREFIX: &str = "attributes.";

impl Target {
    /// Returns the target that is spelled exactly like this.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix(ATTRIBUTE_PREFIX) {
            return Attributes::parse_key(key).ok().map(Self::Attribute);
        }
        let field = field(name)?;
        let has_column = !matches!(field.format(), Format::Attributes { .. });
        has_column.then_some(Self::Field(field))
    }

    /// Parses a name of the options, such as `serial_number` or `attributes.Room`.
    ///
    /// # Errors
    /// Returns a message that names the problem and the nearest field.
    pub(crate) fn parse(name: &str) -> Result<Self, TargetError> {
        Self::from_name(name).ok_or_else(|| {
            let key_error = name
                .strip_prefix(ATTRIBUTE_PREFIX)
                .and_then(|key| Attributes::parse_key(key).err());
            TargetError(match key_error {
                Some(invalid) => format!("{} {}", quote(name), invalid.detail),
                None if field(name).is_some() => {
                    format!("`{name}` needs a key, such as `{name}.Room`")
                }
                None => unknown_field(name),
            })
        })
    }

    /// Returns the field, unless this is an attribute.
    pub(crate) fn field(&self) -> Option<&'static Field> {
        match self {
            Self::Field(field) => Some(field),
            Self::Attribute(_) => None,
        }
    }

    pub(crate) fn is_field(&self, name: &str) -> bool {
        self.field().is_some_and(|field| field.name() == name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name()),
            Self::Attribute(key) => write!(f, "{ATTRIBUTE_PREFIX}{key}"),
        }
    }
}

fn unknown_field(name: &str) -> String {
    let names: Vec<_> = fields().iter().map(Field::name).collect();
    let nearest = super::synonyms::find_synonym(name).map(|synonym| synonym.field);
    match nearest.or_else(|| nearest_name(name, &names)) {
        Some(nearest) => format!("unknown field {}, did you mean `{nearest}`?", quote(name)),
        None => format!(
            "unknown field {}: send a field of a device, or `attributes.KEY`",
            quote(name)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_field_names_the_nearest() {
        let error = |name| Target::parse(name).unwrap_err().0;
        assert_eq!(
            error("colour"),
            "unknown field `colour`, did you mean `color`?"
        );
        assert_eq!(
            error("serial"),
            "unknown field `serial`, did you mean `serial_number`?"
        );
        assert_eq!(
            error("zzz"),
            "unknown field `zzz`: send a field of a device, or `attributes.KEY`"
        );
        assert_eq!(
            error("attributes"),
            "`attributes` needs a key, such as `attributes.Room`"
        );
        assert!(error(&format!("attributes.{}", "x".repeat(65))).contains("at most 64"));
    }

    #[test]
    fn attribute_has_a_key() {
        let target = Target::parse("attributes.Cost centre").unwrap();
        assert_eq!(target, Target::Attribute("Cost centre".to_owned()));
        assert_eq!(target.to_string(), "attributes.Cost centre");
    }
}
