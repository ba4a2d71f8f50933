//! Help, completions and man pages.

use std::process::Command;

use devices_tests::{CommandOutput, Directory, Program};

const COMMANDS: [&str; 9] = [
    "login",
    "logout",
    "import",
    "undo",
    "batches",
    "list",
    "get",
    "export",
    "completions",
];

#[test]
fn every_command_and_option_has_help() {
    let program = Program::new();
    let overview = program.run_ok(&["--help"]);
    for command in COMMANDS {
        assert!(overview.contains(&format!("\n  {command}")), "{overview}");
        let help = program.run_ok(&[command, "-h"]);
        assert!(help.contains("Usage: devices "), "{help}");
        let options = help
            .lines()
            .filter(|line| line.trim_start().starts_with('-'));
        for option in options {
            let words = option.trim_start().split("  ").count();
            assert!(words > 1, "{command}: {option} has no help");
        }
    }
    assert!(program.run_ok(&["--version"]).starts_with("devices 0."));
}

#[test]
fn missing_or_unknown_arguments_are_usage_errors() {
    let program = Program::new();
    for arguments in [
        &[][..],
        &["improt"],
        &["list", "--serach", "x"],
        &["list", "--limit", "many"],
        &["export", "--format", "xml"],
        &["login"],
    ] {
        let output = program.run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    }
    let error = program.run_err(2, &["list", "--serach", "x"]);
    assert!(error.contains("--search"), "{error}");
}

#[test]
fn every_shell_has_completions() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = program.run_ok(&["completions", shell]);
        for word in ["import", "batches", "on-conflict"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let directory = Directory::new();
    let script = Program::new().run_ok(&["completions", "bash"]);
    let script = directory.write("completions", script);
    for (line, expected) in [
        ("devices imp", "import"),
        ("devices undo --inc", "--include-changed"),
        ("devices export --format nd", "ndjson"),
    ] {
        let words = line.split(' ').count();
        let complete = format!(
            ". {script}; COMP_WORDS=({line}); COMP_CWORD={}; \
             function=$(complete -p devices | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $function devices \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            words - 1
        );
        let output = Command::new("bash").args(["-c", &complete]).output();
        let output = CommandOutput::from(output.unwrap());
        assert_eq!(output.stdout.trim(), expected, "{line}: {output:?}");
    }
}

#[test]
fn every_command_has_a_complete_man_page() {
    let program = Program::new();
    program.run_ok(&["man", "man"]);
    let directory = std::fs::read_dir(program.home.path("man")).unwrap();
    let mut written: Vec<_> = directory
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.sort_unstable();
    let subcommands = COMMANDS.map(|command| format!("devices-{command}.1"));
    let mut expected = [&["devices.1".to_owned()], &subcommands[..]].concat();
    expected.sort();
    assert_eq!(written, expected);
    for page in &expected {
        let text = std::fs::read_to_string(program.home.path(&format!("man/{page}"))).unwrap();
        for part in [
            "NAME",
            "SYNOPSIS",
            "OPTIONS",
            "EXIT STATUS",
            "SEE ALSO",
            "Fleet Devices 0",
        ] {
            assert!(text.contains(part), "{page}: no {part}");
        }
        for artefact in ["see a summary", "see more", "[subcommands]", "\\-help(1)"] {
            assert!(!text.contains(artefact), "{page}: {artefact}: {text}");
        }
    }
}
