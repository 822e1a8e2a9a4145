//! The tables as diesel sees them, one description for both databases.
//!
//! Follows `migrations/`, which also says what each column means; a test holds the two against each other.

use crate::document::Document;

diesel::table! {
    tenants (id) {
        id -> Text,
        revision -> BigInt,
    }
}

diesel::table! {
    environments (tenant_id, id) {
        tenant_id -> Text,
        id -> Text,
        key -> Text,
        name -> Text,
        description -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::Document;

    flags (tenant_id, id) {
        tenant_id -> Text,
        id -> Text,
        key -> Text,
        name -> Text,
        description -> Text,
        kind -> Text,
        variants -> Document,
        tags -> Document,
        owner -> Nullable<Text>,
        metadata -> Document,
        search_text -> Text,
        created_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::Document;

    flag_configs (tenant_id, flag_id, environment_id) {
        tenant_id -> Text,
        flag_id -> Text,
        environment_id -> Text,
        state -> Text,
        weights -> Document,
        off_variant -> Text,
        rules -> Document,
        salt -> Nullable<Text>,
        version -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::Document;

    segments (tenant_id, id) {
        tenant_id -> Text,
        id -> Text,
        key -> Text,
        name -> Text,
        description -> Text,
        criteria -> Document,
        included -> Document,
        excluded -> Document,
        search_text -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::Document;

    audit (tenant_id, revision) {
        tenant_id -> Text,
        revision -> BigInt,
        ts -> BigInt,
        actor -> Text,
        action -> Text,
        entity -> Text,
        entity_key -> Text,
        entity_id -> Text,
        environment -> Nullable<Text>,
        version -> Nullable<BigInt>,
        before -> Nullable<Document>,
        after -> Nullable<Document>,
        elsewhere -> Nullable<Document>,
        request_id -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tenants, environments, flags, flag_configs, segments, audit);
