// @generated automatically by Diesel CLI.

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    api_keys (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        name -> Text,
        scope -> Text,
        secret_sha256 -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        secret_prefix -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
        retires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    audit_events (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        occurred_at -> Timestamptz,
        action -> Text,
        key_id -> Nullable<Int8>,
        request_id -> Nullable<Text>,
        client_request_id -> Nullable<Text>,
        operator -> Nullable<Text>,
        device_ids -> Array<Nullable<Int8>>,
        user_id -> Nullable<Int8>,
        enrollment_id -> Nullable<Int8>,
        api_key_id -> Nullable<Int8>,
        fields -> Array<Nullable<Text>>,
        item_count -> Nullable<Int8>,
        interface -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    batches (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        on_conflict -> Text,
        is_atomic -> Bool,
        row_count -> Int4,
        created_count -> Int4,
        updated_count -> Int4,
        unchanged_count -> Int4,
        skipped_count -> Int4,
        failed_count -> Int4,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    console_sessions (workspace_id, token_sha256) {
        workspace_id -> Int8,
        token_sha256 -> Bytea,
        key_id -> Int8,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    device_events (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        occurred_at -> Timestamptz,
        action -> Text,
        key_id -> Int8,
        request_id -> Text,
        device_ids -> Array<Nullable<Int8>>,
        user_id -> Nullable<Int8>,
        enrollment_id -> Nullable<Int8>,
        fields -> Array<Nullable<Text>>,
        client_request_id -> Nullable<Text>,
        batch_id -> Nullable<Int8>,
        feed_position -> Nullable<Int8>,
        interface -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    devices (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        created_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        name -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        category -> Text,
        brand -> Nullable<Text>,
        serial_number -> Nullable<Text>,
        serial_number_folded -> Nullable<Text>,
        comment -> Nullable<Text>,
        user_id -> Nullable<Int8>,
        added_via -> Nullable<Text>,
        is_rented -> Bool,
        client_purchase_price -> Nullable<Numeric>,
        client_rental_price -> Nullable<Numeric>,
        client_purchase_date -> Nullable<Date>,
        client_warranty_end_date -> Nullable<Date>,
        client_rental_start_date -> Nullable<Date>,
        client_rental_end_date -> Nullable<Date>,
        client_contract_number -> Nullable<Text>,
        client_invoice_number -> Nullable<Text>,
        screen_size -> Nullable<Text>,
        graphic -> Nullable<Text>,
        processor -> Nullable<Text>,
        ram -> Nullable<Text>,
        storage -> Nullable<Text>,
        model_year -> Nullable<Text>,
        connectivity -> Nullable<Text>,
        keyboard_layout -> Nullable<Text>,
        resolution -> Nullable<Text>,
        has_microphone -> Nullable<Bool>,
        has_webcam -> Nullable<Bool>,
        noise_cancellation -> Nullable<Bool>,
        compliance -> Array<Nullable<Text>>,
        connection_type -> Array<Nullable<Text>>,
        has_stool -> Nullable<Bool>,
        has_video_package -> Nullable<Bool>,
        has_screen -> Nullable<Bool>,
        has_premium_tablet -> Nullable<Bool>,
        color -> Nullable<Text>,
        seats_number -> Nullable<Text>,
        assembly -> Nullable<Text>,
        os_platform -> Nullable<Text>,
        lifecycle -> Nullable<Text>,
        updated_at -> Timestamptz,
        type_folded -> Nullable<Text>,
        category_folded -> Nullable<Text>,
        model -> Nullable<Text>,
        asset_tag -> Nullable<Text>,
        asset_tag_folded -> Nullable<Text>,
        tags -> Nullable<Array<Nullable<Text>>>,
        attributes -> Nullable<Jsonb>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    devices_mdm (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        serial_number -> Text,
        serial_number_folded -> Text,
        created_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        status -> Text,
        local_name -> Nullable<Text>,
        is_locked -> Nullable<Bool>,
        lock_date -> Nullable<Timestamptz>,
        firewall_enabled -> Nullable<Bool>,
        os_updates_enabled -> Nullable<Bool>,
        is_encrypted -> Nullable<Bool>,
        screenlock_enabled -> Nullable<Bool>,
        is_compromised -> Nullable<Bool>,
        os_updates_available -> Nullable<Bool>,
        disk_encryption_profile_installed -> Nullable<Bool>,
        enrollment_date -> Nullable<Timestamptz>,
        unenrollment_date -> Nullable<Timestamptz>,
        download_date -> Nullable<Timestamptz>,
        last_seen_date -> Nullable<Timestamptz>,
        last_sync_date -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    event_feeds (workspace_id) {
        workspace_id -> Int8,
        last_position -> Int8,
        purged_position -> Int8,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    idempotency_keys (workspace_id, operation, key) {
        workspace_id -> Int8,
        operation -> Text,
        key -> Text,
        fingerprint -> Bytea,
        outcome -> Bytea,
        created_at -> Timestamptz,
        batch_id -> Nullable<Int8>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    rate_limits (workspace_id, key_id) {
        workspace_id -> Int8,
        key_id -> Int8,
        tokens -> Float8,
        passed -> Bool,
        refilled_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    search_documents (workspace_id, device_id) {
        workspace_id -> Int8,
        device_id -> Int8,
        user_id -> Nullable<Int8>,
        identifiers -> Nullable<Text>,
        is_archived -> Bool,
        document -> Tsvector,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    search_queue (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        device_ids -> Array<Nullable<Int8>>,
        user_ids -> Array<Nullable<Int8>>,
        identifiers -> Array<Nullable<Text>>,
        documents -> Array<Nullable<Tsvector>>,
        device_count -> Int4,
        queued_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    usage_changes (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        resource -> Text,
        change -> Int8,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    usage_counts (workspace_id, resource) {
        workspace_id -> Int8,
        resource -> Text,
        count -> Int8,
        recounted_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    users (workspace_id, id) {
        workspace_id -> Int8,
        id -> Int8,
        email -> Text,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        created_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        phone -> Nullable<Text>,
        phone_country -> Nullable<Text>,
        language -> Nullable<Text>,
        position -> Nullable<Text>,
        role -> Text,
        arrival_date -> Nullable<Date>,
        departure_date -> Nullable<Date>,
        email_folded -> Text,
        search_document -> Tsvector,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    workspace_rate_limits (workspace_id) {
        workspace_id -> Int8,
        tokens -> Float8,
        passed -> Bool,
        refilled_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::postgres::query::tsvector::Tsvector;

    workspaces (id) {
        id -> Int8,
        name -> Text,
        device_limit -> Nullable<Int4>,
        created_at -> Timestamptz,
    }
}

diesel::joinable!(api_keys -> workspaces (workspace_id));
diesel::joinable!(audit_events -> workspaces (workspace_id));
diesel::joinable!(device_events -> workspaces (workspace_id));
diesel::joinable!(devices_mdm -> workspaces (workspace_id));
diesel::joinable!(event_feeds -> workspaces (workspace_id));
diesel::joinable!(idempotency_keys -> workspaces (workspace_id));
diesel::joinable!(rate_limits -> workspaces (workspace_id));
diesel::joinable!(users -> workspaces (workspace_id));
diesel::joinable!(workspace_rate_limits -> workspaces (workspace_id));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    audit_events,
    batches,
    console_sessions,
    device_events,
    devices,
    devices_mdm,
    event_feeds,
    idempotency_keys,
    rate_limits,
    search_documents,
    search_queue,
    usage_changes,
    usage_counts,
    users,
    workspace_rate_limits,
    workspaces,
);
