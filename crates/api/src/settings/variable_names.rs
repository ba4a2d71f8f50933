//! Names of environment variables.

use std::collections::{HashMap, HashSet};

use super::{Settings, SettingsError};

/// Variable that names the environment.
pub(super) const ENVIRONMENT: &str = "DEVICES_ENVIRONMENT";

/// Variable that names a settings file.
pub(super) const CONFIG_FILE: &str = "DEVICES_CONFIG_FILE";

/// Returns the variables of this process that may be settings, with their names in upper case.
///
/// # Errors
/// If the value of one is not UTF-8.
pub(super) fn variables_of_process() -> Result<HashMap<String, String>, SettingsError> {
    // `std::env::vars` panics if any variable is not UTF-8, with a message that contains its value.
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?.to_uppercase();
        name.starts_with("DEVICES_").then_some((name, value))
    });
    variables
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(SettingsError::NotUtf8(name)),
        })
        .collect()
}

/// Checks that every variable named `DEVICES__...` is that of a setting, and that no other variable
/// differs from one in its underscores only.
pub(super) fn check(variables: &HashMap<String, String>) -> Result<(), SettingsError> {
    let sections = Settings::sections();
    let fields = sections.iter().flat_map(|section| &section.fields);
    let mut known: Vec<&str> = fields.map(|field| field.variable.as_str()).collect();
    known.extend([ENVIRONMENT, CONFIG_FILE]);
    let mut names: Vec<&String> = variables.keys().collect();
    names.sort_unstable();
    for name in names {
        if known.contains(&name.as_str()) {
            continue;
        }
        let same_words = known.iter().find(|known| words(known) == words(name));
        if name.starts_with("DEVICES__") || (same_words.is_some() && !is_link(&variables[name])) {
            let similar = same_words.copied().or_else(|| most_similar(name, &known));
            return Err(SettingsError::UnknownVariable {
                suggestion: similar.map(str::to_owned),
                variable: name.clone(),
            });
        }
    }
    Ok(())
}

/// Returns the words of a name, without regard to the number of underscores between them.
fn words(name: &str) -> Vec<&str> {
    name.split('_').filter(|word| !word.is_empty()).collect()
}

/// Returns whether the value is one that Kubernetes sets: for a service named `devices-server`,
/// `DEVICES_SERVER_PORT` is `tcp://10.0.0.11:8080`.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_link(value: &str) -> bool {
    let protocols = ["tcp://", "udp://", "sctp://"];
    protocols.iter().any(|protocol| value.starts_with(protocol))
}

/// Returns the known variable that shares most words with an unknown one, and more than its
/// section; or else one that differs in few letters.
pub(super) fn most_similar<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    const WORDS_OF_SECTION: usize = 2;
    const FEW_LETTERS: f64 = 0.9;
    let words = |name: &str| -> HashSet<String> { name.split('_').map(str::to_owned).collect() };
    let similarity = |name: &str| {
        let shared = words(unknown)
            .intersection(&words(name))
            .filter(|word| !word.is_empty())
            .count();
        (shared, strsim::jaro_winkler(unknown, name))
    };
    known
        .iter()
        .map(|name| (similarity(name), *name))
        .filter(|((shared, letters), _)| *shared > WORDS_OF_SECTION || *letters > FEW_LETTERS)
        .max_by(|((a, x), _), ((b, y), _)| a.cmp(b).then(x.total_cmp(y)))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("DEVICES__SERVER__PROT", "DEVICES__SERVER__PORT")]
    #[case("DEVICES_DATABASE_URL", "DEVICES__DATABASE__URL")]
    #[case("DEVICES__DATABASE_URL", "DEVICES__DATABASE__URL")]
    #[case("DEVICES_DATABASE__URL", "DEVICES__DATABASE__URL")]
    #[case("DEVICES___DATABASE__URL", "DEVICES__DATABASE__URL")]
    #[case("DEVICES__ENVIRONMENT", "DEVICES_ENVIRONMENT")]
    #[case("DEVICES__CONFIG_FILE", "DEVICES_CONFIG_FILE")]
    #[case("DEVICES__LIMITS__EXPORTS", "DEVICES__LIMITS__MAX_CONCURRENT_EXPORTS")]
    #[case("DEVICES__LIMITS__LARGE_BODIES", "DEVICES__LIMITS__MAX_LARGE_BODIES")]
    #[case(
        "DEVICES__DATABASE__POOL_WAIT_MS",
        "DEVICES__DATABASE__POOL_TIMEOUT_MS"
    )]
    fn unknown_variable_suggests_similar_one(#[case] variable: &str, #[case] suggestion: &str) {
        let variables = HashMap::from([(variable.to_owned(), "9000".to_owned())]);
        assert_eq!(
            check(&variables).unwrap_err().to_string(),
            format!(
                "unknown variable {variable}, did you mean {suggestion}? docs/CONFIGURATION.md \
                 lists all settings."
            )
        );
    }

    #[rstest]
    #[case("DEVICES_SERVER_PORT", "tcp://10.0.0.11:8080")]
    #[case("DEVICES_SERVICE_HOST", "10.0.0.11")]
    fn variable_of_kubernetes_is_ignored(#[case] variable: &str, #[case] value: &str) {
        let variables = HashMap::from([(variable.to_owned(), value.to_owned())]);
        assert!(check(&variables).is_ok());
    }
}
