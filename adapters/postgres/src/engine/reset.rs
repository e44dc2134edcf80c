//! [`Reset`]: restores the database before each run to the state that the schema leaves.

use crate::feed::{Feed, SLOT};
use crate::monitor::{Monitor, MonitorError};
use crate::server::Schema;
use crate::setup::{Cluster, NEEDED, SetupError};

/// The beginning of the notice in which `pg_sleep` reports when it ends, in microseconds since 1970.
pub(crate) const SLEEPS_UNTIL: &str = "shakedown: sleeps until ";

/// The database from which the one of the service is made again after a run that changed its schema.
const TEMPLATE: &str = "shakedown_template";

/// What the monitor runs often; see [`prepared`].
pub(crate) const LOOK: &str = "EXECUTE shakedown_look";
pub(crate) const LOOK_AT_LOCKS: &str = "EXECUTE shakedown_look_at_locks";
const SCHEMA_NOW: &str = "EXECUTE shakedown_schema";

/// Replaces functions of the server that depend on the real world: `pg_sleep` reports when it ends, and random UUIDs come from the
/// session's generator. The server calls its own functions by number and ignores their definitions, so they are renamed, and others get
/// their names.
fn functions() -> String {
    format!(
        "ALTER FUNCTION pg_catalog.pg_sleep(double precision) RENAME TO shakedown_sleep;
         CREATE FUNCTION pg_catalog.pg_sleep(double precision) RETURNS void LANGUAGE plpgsql VOLATILE STRICT AS $$
         BEGIN
             RAISE INFO USING MESSAGE = '{SLEEPS_UNTIL}'
                 || ceil((extract(epoch FROM clock_timestamp()) + $1::numeric) * 1000000)::bigint;
             PERFORM pg_catalog.shakedown_sleep($1);
         END $$;
         CREATE OR REPLACE FUNCTION pg_catalog.pg_sleep_for(interval) RETURNS void LANGUAGE sql VOLATILE STRICT AS $$
             SELECT pg_catalog.pg_sleep((extract(epoch FROM clock_timestamp() + $1) - extract(epoch FROM clock_timestamp()))::float8)
         $$;
         CREATE OR REPLACE FUNCTION pg_catalog.pg_sleep_until(timestamptz) RETURNS void LANGUAGE sql VOLATILE STRICT AS $$
             SELECT pg_catalog.pg_sleep((extract(epoch FROM $1) - extract(epoch FROM clock_timestamp()))::float8)
         $$;
         ALTER FUNCTION pg_catalog.gen_random_uuid() RENAME TO shakedown_uuid;
         CREATE FUNCTION pg_catalog.gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE AS $$
             SELECT (substr(h, 1, 12) || '4' || substr(h, 14, 3) || substr('89ab', 1 + floor(random() * 4)::int, 1)
                     || substr(h, 18))::uuid
             FROM (SELECT md5(random()::text || random()::text) AS h OFFSET 0) AS hash $$;
         {RESTORES}"
    )
}

/// Notes what each run begins with: `shakedown_save` copies the rows of tables and the state of sequences, and `shakedown_restore` writes
/// them back. All tables that are not empty are emptied by one statement, which begins each of them in a new file: rows lie in the order
/// in which they are saved and then in which the run writes them.
const RESTORES: &str = "
    CREATE TABLE pg_catalog.shakedown_tables (number serial, original oid, copy text, columns text);
    CREATE TABLE pg_catalog.shakedown_sequences (original oid, last int8, called bool);
    CREATE FUNCTION pg_catalog.shakedown_own() RETURNS TABLE (oid oid, kind \"char\") LANGUAGE sql AS $$
        SELECT oid, relkind FROM pg_class
        WHERE relkind IN ('r', 'p', 'S') AND relpersistence <> 't' AND oid >= 16384
            AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    $$;
    CREATE FUNCTION pg_catalog.shakedown_save() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        own record;
        columns text;
        copy text;
    BEGIN
        FOR own IN SELECT oid FROM shakedown_own() WHERE kind = 'r' AND pg_relation_size(oid) > 0 ORDER BY oid LOOP
            SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
            WHERE attrelid = own.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
            CONTINUE WHEN columns IS NULL;
            copy := 'pg_catalog.shakedown_copy_' || own.oid;
            EXECUTE format('CREATE TABLE %s AS SELECT %s FROM %s', copy, columns, own.oid::regclass);
            INSERT INTO shakedown_tables (original, copy, columns) VALUES (own.oid, copy, columns);
        END LOOP;
        FOR own IN SELECT oid FROM shakedown_own() WHERE kind = 'S' ORDER BY oid LOOP
            EXECUTE format('INSERT INTO shakedown_sequences SELECT %s, last_value, is_called FROM %s', own.oid, own.oid::regclass);
        END LOOP;
    END $$;
    CREATE FUNCTION pg_catalog.shakedown_forget() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        saved record;
    BEGIN
        FOR saved IN SELECT copy FROM shakedown_tables LOOP
            EXECUTE 'DROP TABLE ' || saved.copy;
        END LOOP;
        DELETE FROM shakedown_tables;
        DELETE FROM shakedown_sequences;
    END $$;
    CREATE FUNCTION pg_catalog.shakedown_restore_rows() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
    DECLARE
        tables text;
        saved record;
    BEGIN
        SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) INTO tables FROM shakedown_own()
        WHERE kind <> 'S' AND (kind = 'p' OR pg_relation_size(oid) > 0);
        IF tables IS NOT NULL THEN
            EXECUTE 'TRUNCATE ' || tables || ' CASCADE';
        END IF;
        FOR saved IN SELECT original::regclass, copy, columns FROM shakedown_tables ORDER BY number LOOP
            EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM %s',
                saved.original, saved.columns, saved.copy);
        END LOOP;
    END $$;
    CREATE FUNCTION pg_catalog.shakedown_restore() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM shakedown_restore_rows();
        PERFORM setval(original::regclass, last, called) FROM shakedown_sequences;
    END $$;";

/// Statements that are run again and again, prepared.
fn prepared() -> String {
    format!(
        "PREPARE shakedown_look AS SELECT pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn();
         PREPARE shakedown_look_at_locks AS SELECT pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn(),
             (SELECT string_agg(pid::text, ' ') FROM pg_locks WHERE NOT granted);
         PREPARE shakedown_wait (int) AS SELECT wait_event_type, wait_event FROM pg_stat_get_activity($1);
         PREPARE shakedown_schema AS {FINGERPRINT}"
    )
}

/// Summarizes the schema: a change of objects, columns or functions changes it.
const FINGERPRINT: &str = "SELECT concat_ws(' ',
    (SELECT concat_ws(' ', count(*), max(oid::int8)) FROM pg_class WHERE relkind <> 't'),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::int8)) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::int8)) FROM pg_proc WHERE oid >= 16384),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::int8)) FROM pg_constraint WHERE oid >= 16384),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::int8)) FROM pg_trigger WHERE oid >= 16384),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::int8)) FROM pg_type WHERE oid >= 16384))";

/// Asks whether a function of the schema creates settings.
const CREATES_SETTINGS: &str = r"SELECT EXISTS (SELECT FROM pg_proc WHERE oid >= 16384
    AND (prosrc ~* 'set_config|\mset\s+(local\s+|session\s+)?\w+\.\w' OR proconfig::text ~ '\w\.\w+='))";

/// Restores the rows that runs begin with.
pub(super) const RESTORE_ROWS: &str = "SELECT pg_catalog.shakedown_restore_rows()";

/// Restores what runs begin with.
const RESTORE: &str = "SELECT pg_catalog.shakedown_restore()";

/// Checks the settings of an existing server.
pub(crate) fn check_settings(cluster: &Cluster) -> Result<(), SetupError> {
    if !cluster.is_existing() {
        return Ok(());
    }
    let failed = SetupError::schema;
    let mut admin = Monitor::open(cluster, "postgres").map_err(failed)?;
    for (name, needed) in NEEDED {
        let shown = admin.value(&format!("SHOW {name}")).map_err(failed)?;
        if shown != *needed {
            return Err(SetupError::Setting { name, needed, shown });
        }
    }
    Ok(())
}

/// The database of the service between runs.
pub(crate) struct Reset {
    schema: Schema,
    fingerprint: String,
    /// Whether `DISCARD ALL` makes a session as new: no function of the schema creates settings (`app.user`), which nothing removes.
    can_reuse_sessions: bool,
}

impl Reset {
    /// Makes the template and the database, and returns a session in it and the feed of its committed rows.
    pub(crate) fn prepare(cluster: &Cluster, schema: Schema) -> Result<(Self, Monitor, Feed), SetupError> {
        let failed = SetupError::schema;
        let mut base = Monitor::open(cluster, "template1").map_err(failed)?;
        // An existing server may have them from an earlier process.
        let has_them = base.value("SELECT to_regproc('pg_catalog.shakedown_sleep') IS NOT NULL");
        if has_them.map_err(failed)? != "t" {
            base.query(&functions()).map_err(failed)?;
        }
        drop(base);
        let mut admin = Monitor::open(cluster, "postgres").map_err(failed)?;
        admin.query(&format!("DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")).map_err(failed)?;
        admin.query(&format!("CREATE DATABASE {TEMPLATE}")).map_err(failed)?;
        let mut template = Monitor::open(cluster, TEMPLATE).map_err(failed)?;
        for sql in schema.tables.iter().chain(&schema.rows) {
            template.query(sql).map_err(failed)?;
        }
        template.query("SELECT pg_catalog.shakedown_save()").map_err(failed)?;
        drop(template);
        let mut reset = Self { schema, fingerprint: String::new(), can_reuse_sessions: false };
        let (monitor, feed) = reset.copy(cluster, &mut admin).map_err(failed)?;
        Ok((reset, monitor, feed))
    }

    /// Makes the database from the template, waiting for sessions in it to end.
    fn copy(&mut self, cluster: &Cluster, admin: &mut Monitor) -> Result<(Monitor, Feed), MonitorError> {
        let name = quoted(&self.schema.database);
        drop_slot(admin)?;
        admin.query(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        admin.query(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))?;
        let mut monitor = Monitor::open(cluster, &self.schema.database)?;
        monitor.query(&format!("SELECT pg_create_logical_replication_slot('{SLOT}', 'test_decoding')"))?;
        monitor.query(&prepared())?;
        // Also in a new copy, so that rows lie as in every other run.
        monitor.query(RESTORE)?;
        self.fingerprint = monitor.value(SCHEMA_NOW)?;
        self.can_reuse_sessions = monitor.value(CREATES_SETTINGS)? == "f";
        let feed = Feed::open(cluster, &self.schema.database)?;
        Ok((monitor, feed))
    }

    /// Returns whether a session of a run may serve another one.
    pub(crate) fn can_reuse_sessions(&self) -> bool {
        self.can_reuse_sessions
    }

    /// Restores the database to its state before a run. Returns whether the database was made again.
    pub(crate) fn begin(
        &mut self,
        cluster: &Cluster,
        monitor: &mut Monitor,
        feed: &mut Feed,
    ) -> Result<bool, MonitorError> {
        if monitor.value(SCHEMA_NOW)? == self.fingerprint {
            monitor.query(RESTORE)?;
            return Ok(false);
        }
        let mut admin = Monitor::open(cluster, "postgres")?;
        feed.close()?;
        (*monitor, *feed) = self.copy(cluster, &mut admin)?;
        Ok(true)
    }

    /// Makes the database, as it is now, the state with which runs begin. Only `monitor` may have a session in it.
    pub(crate) fn adopt(
        &mut self,
        cluster: &Cluster,
        monitor: &mut Monitor,
        feed: &mut Feed,
    ) -> Result<(), MonitorError> {
        monitor.query("SELECT pg_catalog.shakedown_forget(); SELECT pg_catalog.shakedown_save()")?;
        let mut admin = Monitor::open(cluster, "postgres")?;
        let name = quoted(&self.schema.database);
        feed.close()?;
        drop_slot(&mut admin)?;
        admin.query(&format!("DROP DATABASE {TEMPLATE} WITH (FORCE)"))?;
        // The last session in the database ends, so that it can be copied.
        admin.query(&format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{}'",
            self.schema.database.replace('\'', "''")
        ))?;
        admin.query(&format!("CREATE DATABASE {TEMPLATE} TEMPLATE {name}"))?;
        (*monitor, *feed) = self.copy(cluster, &mut admin)?;
        Ok(())
    }
}

/// Drops the replication slot if it is there, once the process that has read it has ended.
fn drop_slot(admin: &mut Monitor) -> Result<(), MonitorError> {
    let there = format!("FROM pg_replication_slots WHERE slot_name = '{SLOT}'");
    for _ in 0..2_000 {
        admin.query(&format!("SELECT pg_drop_replication_slot(slot_name) {there} AND NOT active"))?;
        if admin.value(&format!("SELECT count(*) {there}"))? == "0" {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Err(MonitorError::Server(format!("the replication slot {SLOT} is in use")))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
