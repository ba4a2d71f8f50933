//! Commands `completions` and `man`.

use std::process::Command;

use devices_tests::{CommandOutput, Directory, binary, built_binary};

use crate::server::settings::variables;

/// Runs a command that must succeed without any setting. Returns its output.
fn generate(arguments: &[&str]) -> String {
    let output = binary().args(arguments).output().unwrap();
    let output = CommandOutput::from(output);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    output.stdout
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = generate(&["completions", shell]);
        for word in ["healthcheck", "workspace", "--config"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let directory = Directory::new();
    let script = directory.write("completions", generate(&["completions", "bash"]));
    for (line, expected) in [
        ("devices-api heal", "healthcheck"),
        ("devices-api key cre", "create"),
        ("devices-api key create --sc", "--scope"),
        ("devices-api key create --scope WR", "WRITE"),
    ] {
        let words = line.split(' ').count();
        let complete = format!(
            ". {script}; COMP_WORDS=({line}); COMP_CWORD={}; \
             function=$(complete -p devices-api | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $function devices-api \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            words - 1
        );
        let output = Command::new("bash").args(["-c", &complete]).output();
        let output = CommandOutput::from(output.unwrap());
        assert_eq!(output.stdout.trim(), expected, "{line}: {output:?}");
    }
}

/// Returns the visible commands below `path`, as in `--help`, with their paths.
fn commands(path: &[String]) -> Vec<Vec<String>> {
    let output = Command::new(built_binary())
        .args(path)
        .arg("--help")
        .output();
    let help = CommandOutput::from(output.unwrap()).stdout;
    let list = help
        .split_once("\nCommands:\n")
        .map_or("", |(_, list)| list);
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    let mut found = vec![path.to_vec()];
    for name in names {
        found.extend(commands(&[path, &[name.to_owned()]].concat()));
    }
    found
}

#[test]
fn every_command_has_a_complete_man_page() {
    let directory = Directory::new();
    let output = generate(&["man", &directory.path("man"), "--json"]);
    let output: serde_json::Value = serde_json::from_str(&output).unwrap();
    let pages = output["pages"].as_array().unwrap().iter();
    let mut written: Vec<_> = pages.map(|page| page.as_str().unwrap()).collect();
    written.sort_unstable();
    let mut expected: Vec<_> = commands(&[])
        .into_iter()
        .map(|path| [vec!["devices-api".to_owned()], path].concat().join("-") + ".1")
        .collect();
    expected.sort();
    assert_eq!(written, expected);
    for page in &expected {
        let text = std::fs::read_to_string(directory.path(&format!("man/{page}"))).unwrap();
        for part in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "SEE ALSO",
            "Fleet Devices 0",
        ] {
            assert!(text.contains(part), "{page}: no {part}");
        }
        // Words that clap writes for its own purposes.
        for artefact in [
            "see a summary",
            "see more",
            "[subcommands]",
            "<\\fB\\-",
            "\\-help(1)",
        ] {
            assert!(!text.contains(artefact), "{page}: {artefact}: {text}");
        }
    }
}

#[test]
fn main_man_page_lists_all_settings() {
    let directory = Directory::new();
    generate(&["man", &directory.path("man")]);
    let page = std::fs::read_to_string(directory.path("man/devices-api.1")).unwrap();
    for variable in variables() {
        assert!(
            page.contains(&format!("\\fB{variable}\\fR")),
            "no {variable}"
        );
    }
}

#[test]
fn man_pages_need_a_writable_directory() {
    let output = binary().args(["man", "/dev/null/man"]).output().unwrap();
    let output = CommandOutput::from(output);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    assert!(
        output.stderr.contains("cannot write the man pages"),
        "{output:?}"
    );
}
