//! Format of the log.

use clap::ValueEnum;
use serde::Deserialize;
use toml::de::DeTable;

use super::{Settings, variable_names};

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Variable of the setting.
const VARIABLE: &str = "DEVICES__LOG__FORMAT";

impl LogFormat {
    /// Returns the format for errors of the settings themselves: that of the variables, or else of
    /// the built-in file of the environment. Does not read other files, which may be the problem.
    pub fn of_process() -> Self {
        let variables = variable_names::variables_of_process().unwrap_or_default();
        let format = variables.get(VARIABLE).map(String::as_str);
        let environment = variables.get(variable_names::ENVIRONMENT);
        Self::of_variables(format, environment.map_or("development", String::as_str))
    }

    fn of_variables(format: Option<&str>, environment: &str) -> Self {
        let explicit = format.and_then(|format| Self::from_str(format, false).ok());
        let built_in = || {
            let file = DeTable::parse(Settings::built_in_file(environment)?).ok()?;
            let section = file.get_ref().get("log")?.get_ref();
            let format = section.get("format")?.get_ref().as_str()?;
            Self::from_str(format, false).ok()
        };
        explicit.or_else(built_in).unwrap_or(Self::Text)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, "development", LogFormat::Text)]
    #[case(None, "production", LogFormat::Json)]
    #[case(Some("text"), "production", LogFormat::Text)]
    #[case(Some("json"), "development", LogFormat::Json)]
    #[case(Some("yaml"), "production", LogFormat::Json)]
    #[case(None, "staging", LogFormat::Text)]
    fn format_follows_variable_then_environment(
        #[case] format: Option<&str>,
        #[case] environment: &str,
        #[case] expected: LogFormat,
    ) {
        assert_eq!(LogFormat::of_variables(format, environment), expected);
    }
}
