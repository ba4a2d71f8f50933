//! Names of environment variables.

use std::collections::{HashMap, HashSet};

use super::{Settings, SettingsError};

/// Checks that every variable named `DEVICES__...` is that of a setting.
pub(super) fn check(variables: &HashMap<String, String>) -> Result<(), SettingsError> {
    let sections = Settings::sections();
    let known: Vec<&str> = sections
        .iter()
        .flat_map(|section| &section.fields)
        .map(|field| field.variable.as_str())
        .collect();
    let mut names: Vec<String> = variables.keys().map(|name| name.to_uppercase()).collect();
    names.sort_unstable();
    let unknown = names
        .into_iter()
        .find(|name| name.starts_with("DEVICES__") && !known.contains(&name.as_str()));
    match unknown {
        None => Ok(()),
        Some(variable) => Err(SettingsError::UnknownVariable {
            suggestion: most_similar(&variable, &known).map(str::to_owned),
            variable,
        }),
    }
}

/// Returns the known variable that shares most words with an unknown one, and more than its
/// section; or else one that differs in few letters.
fn most_similar<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
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
}
