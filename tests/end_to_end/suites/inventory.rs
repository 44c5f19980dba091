//! What a database contains besides the shape of `vectors`: its rows, and the objects that depend
//! on it.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::engines::Database;

#[derive(Debug, Default, PartialEq)]
pub struct Inventory {
    /// The id, if the row has one, and all other values.
    rows: Vec<(Option<String>, String)>,
    things: Vec<String>,
}

const COLUMNS: [&[&str]; 2] = [
    ["doc_id", "page", "vector_ids", "model", "doubled"].as_slice(),
    &["doc_id", "page", "vector_ids"],
];

const POSTGRES: &str = "
    SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass('vectors')
      AND NOT indisprimary AND indisvalid
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger
      WHERE tgrelid = to_regclass('vectors') AND NOT tgisinternal
    UNION ALL SELECT viewname || definition FROM pg_views v WHERE schemaname = current_schema()
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND d.objid = format('%I.%I', v.schemaname, v.viewname)::regclass)
    UNION ALL SELECT relname || coalesce(relacl::text, '') FROM pg_class WHERE oid = to_regclass('vectors')
    UNION ALL SELECT 'comment ' || description FROM pg_description WHERE objoid = to_regclass('vectors')
      OR objoid IN (SELECT oid FROM pg_constraint WHERE conrelid = to_regclass('vectors'))
      OR objoid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass('vectors'))
    UNION ALL SELECT concat('parameters ', relname, ' ', reloptions) FROM pg_class WHERE reloptions IS NOT NULL
      AND oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass('vectors'))
    UNION ALL SELECT concat(pg_get_statisticsobjdef(oid), stxstattarget, obj_description(oid, 'pg_statistic_ext'))
      FROM pg_statistic_ext WHERE stxrelid = to_regclass('vectors')
    UNION ALL SELECT concat('column ', attname, a.attstorage, a.attcompression, a.attcollation::regcollation)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE attrelid = to_regclass('vectors') AND attnum > 0
        AND (a.attstorage <> t.typstorage OR a.attcollation <> t.typcollation)
    UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = to_regclass('vectors')
    UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE contype = 'c' AND conrelid = to_regclass('vectors')
    UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE contype = 'f' AND confrelid = to_regclass('vectors')
    UNION ALL SELECT concat('key ', conname, ' ', confupdtype, condeferrable, condeferred) FROM pg_constraint
      WHERE contype = 'f' AND conrelid = to_regclass('vectors')
    UNION ALL SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = current_schema()
    -- The sequences that are not the table's alone, nor of an extension or of another test's schema.
    UNION ALL SELECT concat_ws(' ', 'sequence', seqrelid::regclass, format_type(seqtypid, NULL), seqmax,
        pg_sequence_last_value(seqrelid))
      FROM pg_sequence JOIN pg_class s ON s.oid = seqrelid WHERE s.relnamespace = current_schema()::regnamespace AND (EXISTS (
        SELECT FROM pg_depend d JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
        WHERE d.refobjid = seqrelid AND e.adrelid <> to_regclass('vectors'))
      OR NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = seqrelid AND d.deptype IN ('a', 'i', 'e')))
    ORDER BY 1";

/// Without the index that MySQL creates for a key and drops for ours.
const MYSQL: &str = "
    SELECT CAST(concat('index ', index_name, column_name) AS CHAR) FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND table_name = 'vectors'
        AND index_name <> 'PRIMARY' AND (column_name <> 'doc_id' OR non_unique = 0)
    UNION ALL SELECT CAST(concat('trigger ', trigger_name, action_statement) AS CHAR)
      FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    UNION ALL SELECT CAST(concat('view ', table_name, view_definition) AS CHAR)
      FROM information_schema.views WHERE table_schema = DATABASE()
    UNION ALL SELECT CAST(concat('comment ', column_name, column_comment) AS CHAR)
      FROM information_schema.columns
      WHERE table_schema = DATABASE() AND table_name = 'vectors' AND column_comment <> ''
    UNION ALL SELECT CAST(concat('column ', column_name, coalesce(column_default, ''), coalesce(collation_name, ''))
      AS CHAR) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'vectors'
        AND coalesce(character_set_name, 'utf8mb4') = 'utf8mb4'
        AND coalesce(column_default, '') <> 'NULL'
    UNION ALL SELECT CAST(concat(constraint_type, ' ', constraint_name) AS CHAR)
      FROM information_schema.table_constraints
      WHERE table_schema = DATABASE() AND constraint_type IN ('CHECK', 'FOREIGN KEY')
    UNION ALL SELECT CAST(concat('key ', constraint_name, replace(update_rule, 'NO ACTION', 'RESTRICT')) AS CHAR)
      FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()
    UNION ALL SELECT CAST(concat('table ', table_name, table_comment) AS CHAR)
      FROM information_schema.tables WHERE table_schema = DATABASE()
    ORDER BY 1";

const SQLITE: &str = "
    SELECT type || ' ' || name || coalesce(sql, '') FROM sqlite_schema
      WHERE type IN ('index', 'trigger', 'view') AND name NOT LIKE 'sqlite_autoindex_vectors%'
    UNION ALL SELECT 'key on update ' || on_update FROM pragma_foreign_key_list('vectors')
    UNION ALL SELECT 'key named mine' FROM sqlite_schema WHERE name = 'vectors' AND sql LIKE '%CONSTRAINT mine%'
    UNION ALL SELECT 'comment' FROM sqlite_schema WHERE name = 'vectors' AND sql LIKE '%kept 1%kept 2%'
    UNION ALL SELECT 'table ' || lower(name) FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'
    ORDER BY 1";

impl Inventory {
    pub async fn of(database: &Database) -> Self {
        let db = database.connect_once().await;
        let inventory = Self::read(&db).await;
        db.close().await.expect("it closes");
        inventory
    }

    pub async fn read(db: &DatabaseConnection) -> Self {
        let mut things = match db.get_database_backend() {
            DbBackend::Postgres => texts(db, POSTGRES).await.unwrap(),
            DbBackend::MySql => texts(db, MYSQL).await.unwrap(),
            _ => texts(db, SQLITE).await.unwrap(),
        };
        for count in [
            "SELECT concat('highlights ', count(*)) FROM highlights",
            "SELECT concat('last number ', last_value, is_called) FROM vectors_id_seq WHERE last_value > 500",
            "SELECT concat('statistics ', idx, ' ', stat) FROM sqlite_stat1 WHERE tbl = 'vectors'",
            "SELECT concat('last id ', seq) FROM sqlite_sequence WHERE name = 'vectors' AND seq > 50",
        ] {
            things.extend(texts(db, count).await.unwrap_or_default());
        }
        let mut rows = Vec::new();
        for columns in COLUMNS {
            if let Some(found) = pairs(db, columns).await {
                rows = found;
                break;
            }
        }
        Self { rows, things }
    }

    /// Requires that every row exists with every value, and with an id that it had before, and that
    /// every object exists.
    #[track_caller]
    pub fn assert_kept_in(&self, after: &Self) {
        for thing in &self.things {
            assert!(
                after.things.contains(thing),
                "{thing} is not in {:#?}",
                after.things
            );
        }
        self.assert_rows_kept_in(after);
    }

    #[track_caller]
    pub fn assert_rows_kept_in(&self, after: &Self) {
        assert_eq!(self.rows.len(), after.rows.len(), "{after:#?}");
        let mut left: Vec<&(Option<String>, String)> = after.rows.iter().collect();
        for (id, values) in &self.rows {
            let same = |row: &&(Option<String>, String)| {
                row.1 == *values && (id.is_none() || row.0 == *id)
            };
            let at = left.iter().position(same);
            left.remove(
                at.unwrap_or_else(|| panic!("{id:?} {values} is not in {:#?}", after.rows)),
            );
        }
    }
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Option<Vec<String>> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.ok()?;
    rows.iter()
        .map(|row| row.try_get_by_index(0).ok())
        .collect()
}

async fn pairs(db: &DatabaseConnection, columns: &[&str]) -> Option<Vec<(Option<String>, String)>> {
    let text = match db.get_database_backend() {
        DbBackend::MySql => "char",
        _ => "text",
    };
    // A NULL is not an empty text.
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("coalesce(cast({column} AS {text}), '<NULL>')"))
        .collect();
    let columns = columns.join(", ");
    let sql =
        format!("SELECT cast(id AS {text}), concat_ws('|', {columns}) FROM vectors ORDER BY 1, 2");
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.ok()?;
    let pair = |row: &sea_orm::QueryResult| {
        Some((row.try_get_by_index(0).ok()?, row.try_get_by_index(1).ok()?))
    };
    rows.iter().map(pair).collect()
}
