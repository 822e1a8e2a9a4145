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

diesel::table! {
    idempotency (tenant_id, key_digest) {
        tenant_id -> Text,
        key_digest -> Text,
        request_digest -> Text,
        created_at -> BigInt,
        status -> BigInt,
        etag -> Nullable<Text>,
        location -> Nullable<Text>,
        revision -> Nullable<BigInt>,
        body -> Nullable<Text>,
        logged_at -> Nullable<BigInt>,
        warnings -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use super::Document;

    webhooks (tenant_id, id) {
        tenant_id -> Text,
        id -> Text,
        url -> Text,
        events -> Document,
        description -> Text,
        enabled -> BigInt,
        disabled_reason -> Nullable<Text>,
        secret -> Text,
        old_secret -> Nullable<Text>,
        old_secret_until -> Nullable<BigInt>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        cursor -> BigInt,
        attempts -> BigInt,
        first_attempt_at -> Nullable<BigInt>,
        next_attempt_at -> Nullable<BigInt>,
        failing_since -> Nullable<BigInt>,
        has_parked -> BigInt,
        lease_owner -> Nullable<Text>,
        lease_until -> BigInt,
        lease_number -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, webhook_id, revision) {
        tenant_id -> Text,
        webhook_id -> Text,
        revision -> BigInt,
        event -> Text,
        state -> Text,
        attempts -> BigInt,
        created_at -> BigInt,
        last_attempt_at -> Nullable<BigInt>,
        status -> Nullable<BigInt>,
        error -> Nullable<Text>,
        duration_ms -> Nullable<BigInt>,
        next_attempt_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(tenants, environments, flags, flag_configs, segments, audit, webhooks);

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::query_builder::QueryFragment;
    use diesel::sql_types::Text;
    use diesel::sqlite::Sqlite;

    use super::*;
    use crate::{Store, StoreConfig};

    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = Text)]
        name: String,
    }

    /// Names of the columns in a select clause such as `` `flags`.`id`, `flags`.`key` ``.
    fn names(clause: &impl QueryFragment<Sqlite>) -> Vec<String> {
        let sql = diesel::debug_query::<Sqlite, _>(clause).to_string();
        let clause = sql.split(" -- ").next().unwrap();
        clause.split(", ").map(|column| column.rsplit('.').next().unwrap().trim_matches('`').to_owned()).collect()
    }

    #[test]
    fn every_table_has_the_columns_that_the_migrations_make() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ff.db");
        let store = Store::open(&StoreConfig::new(format!("sqlite://{}", path.display()).parse().unwrap())).unwrap();
        store.migrate().unwrap();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        for (table, described) in [
            ("tenants", names(&tenants::all_columns)),
            ("environments", names(&environments::all_columns)),
            ("flags", names(&flags::all_columns)),
            ("flag_configs", names(&flag_configs::all_columns)),
            ("segments", names(&segments::all_columns)),
            ("audit", names(&audit::all_columns)),
            ("idempotency", names(&idempotency::all_columns)),
            ("webhooks", names(&webhooks::all_columns)),
            ("webhook_deliveries", names(&webhook_deliveries::all_columns)),
        ] {
            let query = diesel::sql_query(format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
            let made: Vec<Column> = query.load(&mut connection).unwrap();
            assert_eq!(made.into_iter().map(|column| column.name).collect::<Vec<_>>(), described, "{table}");
        }
    }
}
