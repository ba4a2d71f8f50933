//! All texts of the console, in English. A translation is another [`Texts`].
//!
//! A text can contain names in braces, which [`fill`] replaces.

use std::fmt::Display;

/// Title of an error, and advice about the next step.
#[derive(Debug)]
pub(crate) struct ErrorText {
    pub(crate) title: &'static str,
    pub(crate) advice: &'static str,
}

/// Returns a text with values in the place of names in braces, such as `{count}`.
pub(crate) fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            continue;
        };
        if let Some((_, value)) = values.iter().find(|(given, _)| *given == name) {
            filled.push_str(&value.to_string());
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Returns the text for one object, or that for any other number, with the number for `{count}`.
pub(crate) fn count(count: u64, one: &str, other: &str) -> String {
    let text = if count == 1 { one } else { other };
    fill(text, &[("count", &group_digits(count))])
}

/// Returns a number with its digits in groups of three. The script of the page shows it in the
/// format of the browser's language.
pub(crate) fn group_digits(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

macro_rules! texts {
    ($( $(#[$attribute:meta])* $group:ident: $Group:ident { $( $name:ident: $text:literal, )* } )*) => {
        /// Texts by the page or the part of a page that shows them.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $( $(#[$attribute])* pub(crate) $group: $Group, )*
            pub(crate) errors: ErrorTexts,
        }

        $(
            #[derive(Debug)]
            pub(crate) struct $Group { $( pub(crate) $name: &'static str, )* }
        )*

        /// The English texts.
        pub(crate) static EN: Texts = Texts {
            $( $group: $Group { $( $name: $text, )* }, )*
            errors: ENGLISH_ERRORS,
        };
    };
}

macro_rules! error_texts {
    ($( $name:ident: $title:literal, $advice:literal; )*) => {
        #[derive(Debug)]
        pub(crate) struct ErrorTexts { $( pub(crate) $name: ErrorText, )* }

        const ENGLISH_ERRORS: ErrorTexts = ErrorTexts {
            $( $name: ErrorText { title: $title, advice: $advice }, )*
        };
    };
}

error_texts! {
    wrong_key: "This is not an active API key",
        "Check that you copied the whole key. Ask whoever manages your keys if it has expired.";
    signed_out: "You are signed out",
        "Sign in again. The last action was not carried out.";
    insufficient_scope: "Your key does not allow this",
        "Sign in with a key that has the scope WRITE or, for keys, ADMIN.";
    cross_origin: "This request came from another site",
        "Open the console and repeat the action there.";
    not_found: "There is no such page",
        "It may have been deleted, or the address is mistyped.";
    method_not_allowed: "This address does not accept the request",
        "Go back and use the links and buttons of the page.";
    malformed_form: "The form could not be read",
        "Go back, reload the page and send the form again.";
    too_large: "The form or the file is too large",
        "Split it into smaller parts.";
    timeout: "The form did not arrive in time",
        "Check your connection and send it again. Nothing was changed.";
    rate_limited: "Too many requests",
        "Wait a minute and try again.";
    busy: "The server is busy",
        "Wait a moment and try again. Nothing was changed.";
    unavailable: "The database cannot be reached",
        "Try again in a moment. Nothing was changed.";
    in_doubt: "The change may or may not have been stored",
        "The connection to the database was lost at the last moment. Look whether it was stored before you repeat it.";
    internal: "Something went wrong",
        "Try again. If it happens again, tell whoever operates this server.";
}

texts! {
    common: CommonTexts {
        product: "Fleet Devices",
        skip_to_content: "Skip to content",
        signed_in_as: "Signed in as",
        sign_out: "Sign out",
        error_summary: "There is a problem",
        search: "Search",
        filter: "Filter",
        clear: "Clear",
        save: "Save",
        cancel: "Cancel",
        edit: "Edit",
        delete: "Delete",
        yes: "Yes",
        no: "No",
        none: "None",
        next_page: "Next page",
        first_page: "First page",
        pages: "Pages",
        back_to_start: "Go to the overview",
        one_per_line: "One per line.",
        pairs_hint: "One per line, as key: value. Write \\: for a colon in the key.",
        amount_hint: "Without a currency, such as 1299.00.",
        required: "required",
        not_updated: "The server did not answer: this part of the page is not up to date. Try again in a moment.",
    }

    field_groups: FieldGroupTexts {
        identity: "Identity",
        inventory: "Inventory",
        ownership: "Ownership",
        characteristics: "Characteristics",
    }

    form: FormTexts {
        error: "Error:",
        error_in_line: "(line {line}) {error}",
        error_of_key: "(\u{201c}{key}\u{201d}) {error}",
        pair_without_value: "must have a value after the key, as key: value",
        open_device: "Open that device",
        open_user: "Open that user",
    }

    navigation: NavigationTexts {
        label: "Main",
        overview: "Overview",
        devices: "Devices",
        import: "Import",
        batches: "Batches",
        users: "Users",
        enrollments: "Enrolments",
        activity: "Activity",
        keys: "Keys",
    }

    sign_in: SignInTexts {
        title: "Sign in",
        key: "API key",
        key_hint: "It begins with fdk_. Whoever manages your keys can give you one.",
        button: "Sign in",
    }

    overview: OverviewTexts {
        title: "Overview",
        active: "active devices",
        archived: "archived devices",
        warranty: "warranties end within 90 days",
        rental: "rentals end within 90 days",
        by_status: "By status",
        by_type: "By type",
        by_brand: "By brand",
        no_brand: "No brand",
        others: "All others",
        count: "Devices",
        counted: "Counted",
        batches: "Newest batches",
        empty: "No devices yet",
        empty_advice: "Import the spreadsheet that you have, or create the first device by hand.",
        import: "Import a file",
        new_device: "New device",
    }

    // Devices: list, filters, changes of many devices.
    devices: DevicesTexts {
        title: "Devices",
        new_device: "New device",
        import: "Import a sheet",
        search: "Search",
        search_hint: "Name, serial number, model, assignee …",
        status: "Status",
        all_active: "All active",
        unknown_status: "is unknown: choose one from the list",
        more_filters: "More filters",
        assignee: "Assignee",
        assignee_hint: "Name or email address",
        no_assignee: "matches no user",
        several_assignees: "matches several users: {emails}. Enter the whole email address.",
        updated_since: "Changed since",
        updated_since_hint: "A date such as 2026-01-31, or an instant such as 2026-01-31T08:00:00Z",
        warranty_from: "Warranty ends from",
        warranty_to: "Warranty ends until",
        rental_from: "Rental ends from",
        rental_to: "Rental ends until",
        batch: "Batch",
        without_brand: "Without brand",
        tag: "Tag",
        another_tag: "Another tag",
        attribute: "Attribute",
        attribute_key: "Attribute",
        attribute_value: "Attribute value",
        incomplete_attribute: "needs a name and a value",
        too_many_values: "must be given at most {max} times",
        invalid_id: "must be a positive number",
        invalid_instant: "must be a date such as 2026-01-31, or an instant such as 2026-01-31T08:00:00Z",
        serial_numbers: "Serial numbers",
        paste_serial_numbers: "Paste serial numbers",
        serial_numbers_hint: "One per line, or separated by commas, semicolons, tabs or blanks. Up to 1,000.",
        too_many_serial_numbers: "are {count}, but must be at most {max}: paste them in parts",
        find: "Find",
        filters_in_use: "Filters in use",
        remove_filter: "Remove filter",
        clear_filters: "Clear all filters",
        invalid_filters: "Correct the filters to see devices",
        unknown_one: "1 serial number is unknown",
        unknown_other: "{count} serial numbers are unknown",
        unknown_hint: "No active device has them. Copy them from here:",
        incomplete: "New devices that are not indexed yet may be missing from the search.",
        one: "1 device",
        other: "{count} devices",
        more: "More than {count} devices",
        columns: "Columns",
        apply_columns: "Show these columns",
        general: "General",
        created: "Created",
        updated: "Changed",
        sheet_too_small: "A sheet has room for {max} devices: export CSV, or filter the devices.",
        too_many_attributes: "The devices have more than {max} different attributes, which do not fit into columns: filter the devices.",
        export_csv: "Export as CSV",
        export_xlsx: "Export as Excel",
        select_page: "Select all on this page",
        select_device: "Select {name}",
        selected: "selected",
        change: "Change",
        scope: "Devices to change",
        scope_selected: "Selected devices",
        scope_page: "All on this page",
        scope_all: "All {count} that match",
        scope_all_more: "All that match, more than {count}",
        scope_max: "at most 1,000",
        action: "Change to make",
        continue_change: "Continue",
        empty: "No devices yet",
        empty_advice: "Import the sheet in which you list your devices, or create the first one.",
        no_match: "No device matches the filters",
        no_match_advice: "Remove a filter, or check the spelling. Archived devices are listed with the status Archived only.",
    }

    bulk: BulkTexts {
        assign: "Assign to a user",
        unassign: "Remove the assignee",
        set_lifecycle: "Set the lifecycle",
        clear_lifecycle: "Clear the lifecycle",
        add_tag: "Add a tag",
        remove_tag: "Remove a tag",
        archive: "Archive",
        restore: "Restore",
        assign_to: "Assign to {value}",
        set_lifecycle_to: "Set the lifecycle to {value}",
        add_this_tag: "Add the tag {value}",
        remove_this_tag: "Remove the tag {value}",
        none_selected: "Select at least one device.",
        too_many_selected: "More than {max} devices match. Select at most {max}: narrow the filters.",
        one: "1 device is selected.",
        other: "{count} devices are selected.",
        search_user: "Search for the user by name or email address",
        no_user: "No user matches the search",
        choose_user: "Choose the user",
        lifecycle: "Lifecycle",
        tag: "Tag",
        continue_change: "Continue",
        effect: "Effect",
        changes_one: "1 device will be changed.",
        changes_other: "{count} devices will be changed.",
        unchanged_one: "1 device has this state already and stays as it is.",
        unchanged_other: "{count} devices have this state already and stay as they are.",
        rejected_one: "1 device cannot be changed and is left out:",
        rejected_other: "{count} devices cannot be changed and are left out:",
        more_rejected: "There are more.",
        device: "Device",
        nothing_to_do: "There is nothing to change.",
        archive_effect: "Archived devices leave the lists, and their serial numbers and asset tags are free again. They can be restored.",
        no_undo: "This cannot be undone in one step, because the former values differ.",
        with_undo: "You can undo this on the next page.",
        not_found: "It does not exist any more.",
        archived: "It is archived.",
        state_changed: "Devices have changed in the meantime. Nothing was changed: check the effect again.",
        result: "Result",
        done_one: "1 device has this state now.",
        done_other: "{count} devices have this state now.",
        not_done_one: "1 device does not have this state: it has been changed since, or cannot be changed.",
        not_done_other: "{count} devices do not have this state: they have been changed since, or cannot be changed.",
        undo: "Undo: {action}",
        back: "Back to the list",
    }

    device: DeviceTexts {
        id: "Id",
        archive: "Archive",
        restore: "Restore",
        archived_callout: "This device is archived. It cannot be changed, and is not part of lists and counts.",
        empty_one: "1 field without a value",
        empty_other: "{count} fields without a value",
        assignee: "Assignee",
        nobody: "Nobody. The device is not handed over.",
        hand_over: "Hand over",
        enrollment: "Enrolment",
        no_enrollment: "Device management has not reported this serial number.",
        no_serial_number: "Without a serial number, the device cannot be matched with an enrolment.",
        open_enrollment: "Open the enrolment",
        record: "Record",
        created_at: "Created",
        created_with: "Created with",
        updated_at: "Changed",
        archived_at: "Archived",
    }

    history: HistoryTexts {
        title: "History",
        when: "When",
        what: "What",
        who: "Who",
        fields: "Fields",
        batch: "Batch",
        by_key: "Key {name}",
        by_key_in_console: "Key {name}, in the console",
        by_key_in_api: "Key {name}, by the API",
        by_unknown_key: "Key {id}",
        by_command: "Command of {name}",
        empty: "No events are recorded",
        empty_advice: "Events older than the retention of this server are deleted.",
        newest: "Newest events",
        older: "Older events",
    }

    device_notices: DeviceNoticeTexts {
        created: "The device was created.",
        saved: "The changes were saved.",
        merged: "The changes were saved. Somebody else had changed other fields meanwhile: both changes were kept.",
        unchanged: "Nothing was changed: all values are as they were.",
        assigned: "The device was handed over.",
        unassigned: "The device was taken back. It has no assignee now.",
        archived: "The device was archived.",
        restored: "The device was restored.",
    }

    device_form: DeviceFormTexts {
        edit_title: "Edit {name}",
        new_title: "New device",
        create: "Create the device",
        required_group: "Required",
        fixed_title: "Values that stay",
        fixed: "These values cannot be changed once a device is created. To correct one, archive the device and create it again.",
        assignee_hint: "To change the assignee, use \u{201c}Hand over\u{201d} on the page of the device.",
        archived: "The device was archived meanwhile. Restore it before you change it.",
        open_device: "Open the device",
        already_sent: "This form has created a device already. Send it again to create another one.",
        open_created: "Open the device that it created",
    }

    device_compare: DeviceCompareTexts {
        title: "{name} has changed meanwhile",
        advice: "Somebody else changed this device while you edited it. Nothing of yours is saved yet: choose the value of each field that both of you changed.",
        changed_at: "Last change:",
        mine: "Your value",
        theirs: "The value stored now",
        started_from: "You started from:",
        undecided: "needs your choice",
        only_mine: "Only you changed these fields. They will be saved.",
        only_theirs: "Only somebody else changed these fields. They stay as they are.",
        save: "Save the chosen values",
        discard: "Discard my changes",
    }

    device_assign: DeviceAssignTexts {
        title: "Hand over {name}",
        now: "Assignee now:",
        search_label: "Search users by name or email",
        found_one: "1 user found",
        found_other: "{count} users found",
        first_of: "The first {shown} are listed: type more of the name.",
        to: "to",
        take_back: "Take back",
        take_back_advice: "The device has no assignee afterwards.",
        is_assignee: "Has the device now",
        no_users: "There are no users yet",
        no_users_advice: "Create a user before you hand over the device.",
        no_match: "No user matches the search",
        no_match_advice: "Check the spelling, or create the user.",
        new_user: "New user",
        changed: "Somebody else handed over this device meanwhile. Look who has it now, and choose again.",
        unknown_user: "This user was deleted meanwhile. Choose another one.",
    }

    device_archive: DeviceArchiveTexts {
        title: "Archive {name}?",
        effect_lists: "The device disappears from lists, searches, counts and exports of active devices.",
        effect_unique: "Its serial number and its asset tag are free for another device.",
        effect_assignee: "{name} does not count as its assignee any more.",
        effect_undo: "You can restore it at any time, unless another device has taken its serial number or its asset tag by then.",
        button: "Archive the device",
        changed: "The device has changed since you opened this page. Look at it again, and confirm.",
        restore_title: "Restore {name}?",
        restore_effect: "The device is active again, with all its values. Its assignee is kept, unless that user has been deleted.",
        restore_button: "Restore the device",
        restore_failed: "The device cannot be restored",
    }

    // Import.
    import: ImportTexts {
        title: "Import a spreadsheet",
        introduction: "Add the devices of a spreadsheet, or update those that are stored already. You see what happens before anything is stored, and can undo the import afterwards.",
        file: "Spreadsheet",
        accepted: "An Excel workbook (.xlsx) or a CSV file with a row of headers. Up to {rows} rows and {size} MiB.",
        drop_hint: "You can also drop the file on this box.",
        next: "Continue",
        use_mapping: "Use a mapping that you saved earlier",
        mapping: "Saved mapping",
        mapping_hint: "A .json file that this page or the program devices saved.",
        sample_title: "Try it first",
        sample_text: "This workbook has 30 invented devices, with some traps of real ones.",
        sample_link: "Download the sample workbook",
        no_file: "Choose a spreadsheet: an .xlsx or .csv file",
        too_large: "The file is larger than {size} MiB. Divide it into several files, or delete columns that you do not need",
        uploading: "Uploading the file",
        checking: "Checking the rows",
        upload_failed: "The server could not be reached. Check your connection and try again. Nothing was stored by this attempt, unless the page says so.",
        choose_again: "Choose the same file again",
        choose_again_hint: "{name} is too large for this page to carry, and the server keeps no files. Your choices are kept.",

        columns_title: "Check the columns",
        columns_text: "Each column of the file becomes a field of the devices, or is ignored.",
        other_table: "Is this not the right table?",
        column: "Column",
        samples: "First values",
        field: "Field",
        found_by: "Found by",
        no_header: "no header",
        no_values: "no values",
        ignore: "Ignore this column",
        attribute: "Attribute “{name}”",
        by_given: "your choice",
        by_name: "name of the field",
        by_synonym: "usual header",
        by_similar: "similar header: check it",
        by_nothing: "not recognised",
        by_contested: "decide",
        keep_others: "Keep all columns without a field as attributes",
        defaults_title: "Values for all rows",
        defaults_text: "Every new device needs a name, a type and a category. Enter what no column has.",
        name_from: "Compose the name from columns",
        name_from_hint: "Write headers in braces, such as {Manufacturer} {Model}.",
        name_hint: "One name for all devices, unless it is composed from columns.",
        type_hint: "Such as laptop or phone.",
        category_hint: "Such as computers.",
        missing_value: "is required: enter a value for all rows, or choose the column that has it",
        rows_title: "Rows",
        conflict: "Devices that are stored already",
        conflict_error: "Reject these rows",
        conflict_skip: "Skip these rows",
        conflict_update: "Update the stored devices",
        match_field: "Find stored devices by",
        match_hint: "Only used to skip or update.",
        clear_empty: "Empty cells clear the field of a stored device",
        users: "Assignees who are not users yet",
        users_error: "Reject these rows",
        users_create: "Create the users",
        users_leave_out: "Store the devices without assignee",
        more_options: "More options",
        date_format: "Order of dates",
        date_hint: "For dates such as 03/04/2024.",
        date_detect: "Detect from the rows",
        date_day_first: "Day first: 31/12/2024",
        date_month_first: "Month first: 12/31/2024",
        date_year_first: "Year first: 2024-12-31",
        date_excel: "Numbers of days, as Excel stores dates",
        decimal: "Amounts",
        decimal_detect: "Detect from the values",
        decimal_point: "1,299.00",
        decimal_comma: "1.299,00",
        values_title: "Values that stand for others",
        values_hint: "The file has words that the field does not know. Choose what each of them means.",
        value_as_is: "As in the file",
        check: "Check the rows",
        save_mapping: "Save this mapping",
        other_file_link: "Choose another file",
        table_title: "Sheet, header row and text format",
        sheet: "Sheet",
        header_row: "Row with the headers",
        header_row_hint: "Row {row} was read as headers. Leave it empty to detect it.",
        encoding: "Encoding",
        encoding_hint: "Change it if letters such as ü or é look wrong.",
        delimiter: "Cells are separated by",
        detected: "Detected: {what}",
        comma: "comma",
        semicolon: "semicolon",
        tab: "tab",
        pipe: "vertical bar",
        read_again: "Read the file again",
        one_row: "1 row",
        rows: "{count} rows",
        summary_workbook: "{name}, sheet {sheet}: {rows}",
        summary_text: "{name}: {rows}",

        plan_title: "Check what will happen",
        nothing_stored_yet: "Nothing has been stored yet.",
        cannot_import: "This file cannot be imported",
        plan_create: "to create",
        plan_update: "to update",
        plan_unchanged: "unchanged",
        plan_skip: "skipped",
        plan_users: "users to create",
        plan_fail: "with errors",
        run_one: "Import 1 device",
        run_other: "Import {count} devices",
        rest_one: "Import only the row without errors",
        rest_other: "Import only the {count} rows without errors",
        back: "Change columns and options",
        nothing_to_import: "There is nothing to import: all devices of the file are stored already.",
        fix_title: "Some rows have errors",
        fix_text: "Change the columns or options, or download the rows with errors, correct them in your spreadsheet program, and import that file. Its last column says what is wrong.",
        rejected_xlsx: "Download the rows with errors (.xlsx)",
        rejected_csv: "Download the rows with errors (.csv)",
        check_again: "Check the rows again",
        other_file: "The file or the options are not those that were checked. This is the result for the file that you sent now.",
        changed_since: "Nothing was stored: devices or users changed after the last check. This is the result of a new check.",
        error_one: "1 error",
        error_other: "{count} errors",
        row_one: "1 row",
        row_other: "{count} rows",
        row: "Row",
        value: "Value",
        problem: "Problem",
        empty_cell: "empty",
        more_one: "and 1 more",
        more_other: "and {count} more",
        omitted_one: "1 further row is not shown. The download has all of them.",
        omitted_other: "{count} further rows are not shown. The download has all of them.",
        groups_one: "1 further kind of error is not shown. The download has all of them.",
        groups_other: "{count} further kinds of errors are not shown. The download has all of them.",
        reason_required: "is missing",
        reason_duplicate: "occurs twice in the file",
        reason_already_exists: "is stored already",
        reason_unknown_user: "is not a user",
        reason_not_in_enum: "is an unknown word",
        reason_malformed: "cannot be read",
        reason_spreadsheet_number: "was damaged by a spreadsheet program",
        reason_placeholder: "is a placeholder",
        reason_too_long: "is too long",
        reason_control_character: "has a line break or another control character",
        reason_ends_before_start: "ends before it starts",
        reason_no_match_key: "is needed to find the stored device",
        advice_required: "Fill in the cells, or enter a value for all rows.",
        advice_duplicate: "Correct or delete one of the rows.",
        advice_already_exists: "Delete these rows, or choose to skip or update devices that are stored already.",
        advice_unknown_user: "Correct the addresses, or choose to create the users.",
        advice_not_in_enum: "Correct the cells, or choose on this page what the words mean.",

        result_title: "The import is stored",
        nothing_stored_title: "Nothing was stored",
        result_created: "created",
        result_updated: "updated",
        result_failed: "rejected",
        stored_as: "The import is batch {batch}.",
        undo_text: "If something is wrong, undo it: the devices that it created are archived.",
        undone: "This import has been undone.",
        show_devices: "Show the devices",
        show_batch: "Show the batch",
        undo: "Undo this import",
        another: "Import another file",
        nothing_stored: "No row was stored. Correct the rows with errors, or choose other options.",
        failed_one: "1 row was rejected",
        failed_other: "{count} rows were rejected",
        failed_text: "Download these rows, correct them in your spreadsheet program, and import that file.",
        failed_more: "The download has all of them.",
        failed_again: "To see the rejected rows again, import the same file and choose to skip devices that are stored already.",
    }

    device_table: DeviceTableTexts {
        device: "Device",
        type_: "Type",
        serial_number: "Serial number",
        status: "Status",
    }

    batches: BatchesTexts {
        title: "Batches",
        detail_title: "Batch {number}",
        undo_title: "Undo batch {number}",
        batch: "Batch",
        device: "Device",
        import_file: "Import a file",
        all_batches: "All batches",
        one: "1 batch",
        other: "{count} batches",
        empty: "No batches yet",
        empty_advice: "A batch appears here for every import, and for every request that stores devices together. Import a file to create the first one.",
        number: "Number",
        stored: "Stored",
        key: "Key",
        rows: "Rows",
        created: "Created",
        updated: "Updated",
        unchanged: "Unchanged",
        skipped: "Skipped",
        failed: "Failed",
        undone: "Undone",
        request: "Request",
        devices: "Devices that the batch created",
        one_device: "1 device is active.",
        other_devices: "{count} devices are active.",
        open_list: "Open them in the list",
        no_devices: "No active device is from this batch",
        no_devices_advice: "The batch only changed devices, or those that it created have been archived.",
        undo: "Undo",
        undone_by: "Undone with the key",
        undone_notice: "The batch was undone.",
        nothing_to_undo: "There is nothing to undo: no device that the batch created is active and unchanged.",
        archives_one: "1 device will be archived.",
        archives_other: "{count} devices will be archived.",
        archived_can_be_restored: "Archived devices can be restored.",
        changed_one: "1 device has been changed since and is kept",
        changed_other: "{count} devices have been changed since and are kept",
        archived_one: "1 device is archived already",
        archived_other: "{count} devices are archived already",
        not_undone_one: "The batch also changed 1 device that existed before. Its former values are not known, so this is not undone.",
        not_undone_other: "The batch also changed {count} devices that existed before. Their former values are not known, so this is not undone.",
        include_changed: "Also archive devices that have been changed since",
        preview: "Update the preview",
        undo_now: "Undo the batch",
    }

    users: UsersTexts {
        title: "Users",
        search_label: "Search users",
        search_text: "The search text",
        new_user: "New user",
        edit_user: "Edit user",
        name: "Name",
        email: "Email",
        position: "Position",
        role: "Role",
        one: "1 user",
        other: "{count} users",
        empty: "No users yet",
        empty_advice: "Users are the people to whom devices are assigned. Create the first one, or import a sheet that names them.",
        no_match: "No user matches the search",
        no_match_advice: "Check the spelling, or clear the search.",
        details: "Details",
        created_at: "Created",
        assigned_devices: "Assigned devices",
        one_device: "1 device",
        devices: "{count} devices",
        show_in_list: "Show them in the list of devices",
        no_devices: "No devices are assigned to this user",
        no_devices_advice: "Select devices in the list of devices and assign them, or edit one of them.",
        create: "Create user",
        created: "The user was created.",
        saved: "The user was saved.",
        merged: "Your changes are stored. Somebody else changed other fields of this user meanwhile: check the values below.",
        unchanged: "Nothing was changed: all values were the same.",
        deleted: "The user was deleted.",
        gone: "This user does not exist any more.",
        conflict: "Somebody else changed this user after you opened the form. Nothing was saved yet. Compare the values below and save again.",
        changed_by_others: "was changed to \u{201c}{value}\u{201d} by somebody else. Save again to replace it",
        email_taken: "is the address of another user",
        quota_exceeded: "The workspace has its maximum number of users. Delete users who have left, or ask whoever operates this server to raise the quota.",
        delete_title: "Delete user",
        delete_user: "Delete user",
        delete_effect: "The user disappears from the console and the API, and the email address can be used again. This cannot be undone.",
        delete_blocked: "This user cannot be deleted yet. Devices are assigned to the user:",
        delete_blocked_advice: "Open the list of these devices, select all of them, and assign them to somebody else or to nobody. Then delete the user.",
        back_to_user: "Back to the user",
    }

    enrollments: EnrollmentsTexts {
        title: "Enrolments",
        enrollment: "Enrolment",
        one: "1 enrolment",
        other: "{count} enrolments",
        linked: "Device",
        all: "All",
        with_device: "With a device",
        without_device: "Without a device",
        serial_number: "Serial number",
        updated_since: "Changed since",
        wrong_date: "Changed since must be a date, such as 2026-01-31",
        status: "Status",
        local_name: "Name in device management",
        last_seen: "Last seen",
        device: "Device",
        open_device: "Open",
        no_device_short: "No device",
        no_device: "No device has this serial number. The enrolment belongs to the device as soon as one is created with it.",
        create_device: "Create the device",
        facts: "Reported by device management",
        created_at: "First report",
        read_only: "Device management reports these values through the API. They cannot be edited here.",
        empty: "No enrolments yet",
        empty_advice: "Device management reports enrolments through the API. They appear here, with or without a device of the same serial number.",
        no_match: "No enrolment matches the filter",
        no_match_advice: "Check the serial number, or clear the filter.",
    }

    activity: ActivityTexts {
        title: "Activity",
        type_label: "Event",
        all_types: "All events",
        live: "Updated every 10 seconds.",
        stopped: "Not updated while it is open.",
        stop: "Stop updating",
        start: "Update every 10 seconds",
        time: "Time",
        event: "Event",
        object: "About",
        fields: "Fields",
        key: "Key",
        batch: "Batch",
        device: "Device {id}",
        user: "User {id}",
        one_device: "1 device",
        other_devices: "{count} devices",
        newest: "Newest events",
        older: "Older events",
        empty: "Nothing has happened yet",
        empty_advice: "Changes of devices, users and enrolments appear here. Import a file or create a device.",
        no_match: "No such event among the newest",
        no_match_advice: "Look among older events, or clear the filter.",
    }

    keys: KeysTexts {
        title: "Keys",
        introduction: "API keys give access to this workspace: to the API for programs, and to this console for people. Give each program and each person a key of its own.",
        new_key: "New key",
        one: "1 key",
        other: "{count} keys",
        name: "Name",
        name_hint: "Who or what uses the key, such as \u{201c}nightly import\u{201d}.",
        state: "State",
        scope: "Scope",
        scope_hint: "Read shows everything, Write also changes it, Admin also manages keys.",
        prefix: "Begins with",
        created_at: "Created",
        last_used_at: "Last used",
        ends_at: "Ends",
        actions: "Actions",
        never: "Never",
        own: "Your key",
        details: "Details",
        rotate: "Rotate",
        revoke: "Revoke",
        create: "Create key",
        secret_once: "The secret of the new key is shown once, on the next page. Have the place ready where you keep it.",
        created: "The key was created",
        copy_now: "Copy the secret now. It is not stored and will not be shown again.",
        secret: "Secret",
        copy: "Copy",
        copied: "Copied.",
        not_copied: "The secret is selected: copy it with the keyboard or the menu.",
        done: "Back to the keys",
        expires: "It expires",
        expires_never: "It never expires.",
        replaced_until: "The replaced key remains valid until",
        own_replaced: "You are signed in with the replaced key. Your session ends when that key does: sign in again with the new one.",
        days_7: "7 days",
        days_30: "30 days",
        days_90: "90 days",
        days_365: "1 year",
        hours_1: "1 hour",
        hours_24: "24 hours",
        at_once: "Not at all: it ends at once",
        overlap: "The old key remains valid for",
        rotate_title: "Rotate key",
        rotate_effect: "A new key with the same name and scope replaces this one. Both are valid until the old one ends, so that you can change the programs that use it.",
        rotate_own: "This is the key that you are signed in with. Your session ends when the old key does.",
        revoke_title: "Revoke key",
        revoke_effect: "Programs and people that use the key lose access at once. This cannot be undone.",
        revoke_own: "This is the key that you are signed in with: you will be signed out.",
        revoke_duplicate: "Revoke that key",
        revoked: "The key was revoked.",
        last_used: "It was last used",
        unused: "It was never used.",
        already_ended: "This key gives no access any more. Its state:",
        duplicate: "A key with the name \u{201c}{name}\u{201d} was created at {at}, after this form was opened, perhaps by this form: it was sent twice, or the page was reloaded. Its secret cannot be shown again. Revoke that key if you did not copy the secret. Send the form again only if you want another key.",
        wider_scope: "must not be wider than that of your own key",
        outlives: "must end before your own key does: choose a shorter time",
        too_many: "The workspace has {max} active keys, which is the maximum. Revoke one that is not used any more.",
        inactive: "The key is revoked or expired, or its rotation has ended. Create a new one.",
        rotates_wider: "The key has a wider scope than your own.",
        rotates_outlives: "The new key would be valid for longer than your own. Sign in with a key that is valid for longer.",
        rotates_itself_again: "Your own key was rotated already. Sign in with the key that replaced it.",
        last_admin: "No other ADMIN key is valid for as long as this one. Without it, nobody could manage the keys. Create another ADMIN key first.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_replaced() {
        assert_eq!(fill("{a} of {b}", &[("a", &1), ("b", &"x")]), "1 of x");
        assert_eq!(fill("no names", &[]), "no names");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(group_digits(number), expected);
        }
    }

    #[test]
    fn one_object_has_its_own_text() {
        assert_eq!(count(1, "1 user", "{count} users"), "1 user");
        assert_eq!(count(2_000, "1 user", "{count} users"), "2,000 users");
    }
}
