//! Messages of the server and of the library in terms of the command line.

/// Options of the API, and the arguments that set them.
const ARGUMENTS: [(&str, &str); 16] = [
    ("atomic", "--no-atomic"),
    ("columns", "--map"),
    ("date_format", "--date-format"),
    ("decimal", "--decimal"),
    ("defaults", "--set"),
    ("delimiter", "--delimiter"),
    ("encoding", "--encoding"),
    ("header_row", "--header-row"),
    ("match", "--match"),
    ("name_from", "--name-from"),
    ("nulls", "--nulls"),
    ("on_conflict", "--on-conflict"),
    ("other_columns", "--other-columns"),
    ("sheet", "--sheet"),
    ("unknown_users", "--unknown-users"),
    ("values", "--value"),
];

/// Returns a message about a file or a row with the names of arguments.
pub(super) fn in_arguments(message: &str) -> String {
    let options = ARGUMENTS.iter();
    options.fold(message.to_owned(), |text, (option, argument)| {
        text.replace(&format!("`{option}`"), argument)
    })
}

/// Returns a message about the option at a JSON Pointer, such as `/columns/Room`, with the argument
/// that sets it.
pub(super) fn option_in_arguments(pointer: &str, message: &str) -> String {
    let message = without_option(message);
    let mut segments = pointer.trim_start_matches('/').split('/');
    let option = segments.next().unwrap_or_default();
    let argument = ARGUMENTS.iter().find(|(name, _)| *name == option);
    let Some((_, argument)) = argument else {
        return in_arguments(message);
    };
    let key: Vec<_> = segments
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect();
    let key = match key.as_slice() {
        [] => String::new(),
        key => format!(" '{}'", key.join(":")),
    };
    format!("{argument}{key}: {}", in_arguments(message))
}

/// Removes the name of the option with which the messages of the server begin.
fn without_option(message: &str) -> &str {
    let named = message.strip_prefix("option `");
    let rest = named.and_then(|named| named.split_once("`: "));
    rest.map_or(message, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_is_named_as_its_argument() {
        let message = "option `columns/Nope`: the file has no column `Nope`: give the text of a \
                       header";
        let expected = "--map 'Nope': the file has no column `Nope`: give the text of a header";
        assert_eq!(option_in_arguments("/columns/Nope", message), expected);
        let expected = "--value 'type:a/b': unknown";
        assert_eq!(
            option_in_arguments("/values/type/a~1b", "unknown"),
            expected
        );
        let expected = "--name-from: unknown";
        assert_eq!(option_in_arguments("/name_from", "unknown"), expected);
        assert_eq!(option_in_arguments("", "not JSON"), "not JSON");
    }

    #[test]
    fn messages_name_arguments() {
        for (message, expected) in [
            (
                "name one with `sheet` to read it",
                "name one with --sheet to read it",
            ),
            ("give `date_format` x", "give --date-format x"),
            (
                "add it to `columns` or `defaults`",
                "add it to --map or --set",
            ),
        ] {
            assert_eq!(in_arguments(message), expected);
        }
    }
}
