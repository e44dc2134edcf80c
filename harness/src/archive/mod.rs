//! A team's archive: the findings of campaigns, by build, so that the next campaign knows what is new, what is gone and
//! since which build.
//!
//! In reading order: [`store`] (the one interface to a database, with the same schema and the same SQL on each), [`sqlite`] and
//! `postgres` (the databases), [`record`] (the record of a campaign) and [`history`] (the history in an archive).
//!
//! A campaign is recorded in one transaction, and the transactions of writers are serialized. Recording a campaign twice
//! changes nothing, so a repeated job does no harm.

pub mod history;
#[cfg(feature = "archive-postgres")]
pub mod postgres;
pub mod record;
pub mod sqlite;
pub mod store;
#[cfg(test)]
mod tests;

use record::CampaignRecord;
use std::path::Path;
use store::{Int, Store, StoreError, Text, Value, row};

/// The tables. Columns have the two types that every database has.
const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS archive (schema_version BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS designs (design BIGINT PRIMARY KEY, catalogue TEXT NOT NULL, command TEXT NOT NULL,
        scenario TEXT NOT NULL, missing TEXT NOT NULL, UNIQUE (catalogue, command, scenario, missing))",
    "CREATE TABLE IF NOT EXISTS campaigns (campaign BIGINT PRIMARY KEY, design BIGINT NOT NULL, build TEXT NOT NULL,
        search TEXT NOT NULL, verdict TEXT NOT NULL, runs BIGINT NOT NULL, failing BIGINT NOT NULL, digest TEXT NOT NULL,
        recorded_s BIGINT NOT NULL, UNIQUE (design, build, search, digest))",
    "CREATE INDEX IF NOT EXISTS campaigns_by_design ON campaigns (design, campaign)",
    "CREATE TABLE IF NOT EXISTS goals (campaign BIGINT NOT NULL, name TEXT NOT NULL, reached BIGINT NOT NULL,
        PRIMARY KEY (campaign, name))",
    "CREATE TABLE IF NOT EXISTS findings (finding BIGINT PRIMARY KEY, design BIGINT NOT NULL, signature TEXT NOT NULL,
        invariant TEXT NOT NULL, message TEXT NOT NULL, script TEXT NOT NULL, first_campaign BIGINT NOT NULL,
        since_campaign BIGINT NOT NULL, last_campaign BIGINT NOT NULL, campaigns BIGINT NOT NULL, runs BIGINT NOT NULL,
        UNIQUE (design, signature))",
    "CREATE INDEX IF NOT EXISTS findings_by_last ON findings (design, last_campaign, since_campaign,
        first_campaign, finding)",
    "CREATE TABLE IF NOT EXISTS sightings (finding BIGINT NOT NULL, campaign BIGINT NOT NULL, runs BIGINT NOT NULL,
        PRIMARY KEY (finding, campaign))",
];

/// The version of the tables.
const SCHEMA_VERSION: i64 = 1;

/// An archive in any database.
///
/// ```
/// use shakedown::archive::{Archive, Recorded, record::CampaignRecord};
/// let folder = tempfile::tempdir().unwrap();
/// let mut archive = Archive::open(&folder.path().join("team.db").display().to_string()).unwrap();
/// let campaign = CampaignRecord { scenario: "till".to_owned(), runs: 100, ..CampaignRecord::default() };
/// assert_eq!(archive.record(&campaign).unwrap(), Recorded::New(1));
/// assert_eq!(archive.record(&campaign).unwrap(), Recorded::Known(1));
/// ```
pub struct Archive {
    store: Box<dyn Store>,
}

/// The result of recording a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It was recorded under this number.
    New(i64),
    /// It had been recorded under this number, and nothing has changed.
    Known(i64),
}

/// The reason why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The database returned an error.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Its tables have the schema of another version.
    #[error("it has the schema {found}, and this version reads {SCHEMA_VERSION}")]
    OtherSchema {
        /// Its schema version.
        found: i64,
    },
    /// This binary cannot reach such a database.
    #[error("this binary has no PostgreSQL: it was built without the feature `archive-postgres`")]
    NoPostgres,
}

impl Archive {
    /// Opens an archive: a file of SQLite, or a PostgreSQL by its URL (`postgres://…`). Creates the tables if there are
    /// none.
    ///
    /// # Errors
    /// If the database cannot be reached or used.
    pub fn open(place: &str) -> Result<Self, ArchiveError> {
        let is_url = place.starts_with("postgres://") || place.starts_with("postgresql://");
        #[cfg(feature = "archive-postgres")]
        if is_url {
            return Self::of(Box::new(postgres::Postgres::connect(place)?));
        }
        if is_url {
            return Err(ArchiveError::NoPostgres);
        }
        Self::of(Box::new(sqlite::Sqlite::open(Path::new(place))?))
    }

    /// Creates an archive in a database.
    ///
    /// # Errors
    /// If the database returns an error, or has tables of another version.
    pub fn of(store: Box<dyn Store>) -> Result<Self, ArchiveError> {
        let mut archive = Self { store };
        archive.store.begin()?;
        let made = archive.make_tables();
        archive.finish(made).map(|()| archive)
    }

    fn make_tables(&mut self) -> Result<(), ArchiveError> {
        for table in SCHEMA {
            self.store.execute(table, &[])?;
        }
        match self.number("SELECT MAX(schema_version) FROM archive", &[])? {
            Some(SCHEMA_VERSION) => Ok(()),
            Some(found) => Err(ArchiveError::OtherSchema { found }),
            None => {
                self.store
                    .execute("INSERT INTO archive (schema_version) VALUES ($1)", &[Int(SCHEMA_VERSION)])?;
                Ok(())
            }
        }
    }

    /// Commits or rolls back a transaction, depending on its result.
    fn finish<T>(&mut self, result: Result<T, ArchiveError>) -> Result<T, ArchiveError> {
        match result {
            Ok(value) => self.store.commit().map(|()| value).map_err(ArchiveError::from),
            Err(error) => {
                // The first error is the reason; a lost connection has rolled back by itself.
                let _ = self.store.rollback();
                Err(error)
            }
        }
    }

    /// Records a campaign with its findings and goals.
    ///
    /// # Errors
    /// If the database fails; then nothing is recorded.
    pub fn record(&mut self, campaign: &CampaignRecord) -> Result<Recorded, ArchiveError> {
        self.store.begin()?;
        let recorded = self.record_in_transaction(campaign);
        self.finish(recorded)
    }

    fn record_in_transaction(&mut self, campaign: &CampaignRecord) -> Result<Recorded, ArchiveError> {
        let design = self.design(campaign)?;
        let same = [Int(design), Text(&campaign.build), Text(&campaign.search), Text(&campaign.digest)];
        let known =
            "SELECT campaign FROM campaigns WHERE design = $1 AND build = $2 AND search = $3 AND digest = $4";
        if let Some(number) = self.number(known, &same)? {
            return Ok(Recorded::Known(number));
        }
        let previous =
            self.number("SELECT MAX(campaign) FROM campaigns WHERE design = $1", &[Int(design)])?;
        let number = self.number("SELECT MAX(campaign) FROM campaigns", &[])?.unwrap_or(0) + 1;
        self.store.execute(
            "INSERT INTO campaigns (campaign, design, build, search, verdict, runs, failing, digest, recorded_s)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                Int(number),
                Int(design),
                Text(&campaign.build),
                Text(&campaign.search),
                Text(&campaign.verdict),
                Int(campaign.runs),
                Int(campaign.failing),
                Text(&campaign.digest),
                Int(campaign.recorded_s),
            ],
        )?;
        for (name, reached) in &campaign.goals {
            self.store.execute(
                "INSERT INTO goals (campaign, name, reached) VALUES ($1, $2, $3)",
                &[Int(number), Text(name), Int(*reached)],
            )?;
        }
        self.record_findings(campaign, design, number, previous.unwrap_or(0))?;
        Ok(Recorded::New(number))
    }

    fn record_findings(
        &mut self,
        campaign: &CampaignRecord,
        design: i64,
        number: i64,
        previous: i64,
    ) -> Result<(), ArchiveError> {
        let mut next = self.number("SELECT MAX(finding) FROM findings", &[])?.unwrap_or(0) + 1;
        for finding in &campaign.findings {
            let known = "SELECT finding FROM findings WHERE design = $1 AND signature = $2";
            let place = match self.number(known, &[Int(design), Text(&finding.signature)])? {
                Some(place) => {
                    self.store.execute(
                        "UPDATE findings SET since_campaign = CASE WHEN last_campaign = $1 THEN since_campaign ELSE $2 END,
                            last_campaign = $2, campaigns = campaigns + 1, runs = runs + $3, script = $4, message = $5
                            WHERE finding = $6",
                        &[
                            Int(previous),
                            Int(number),
                            Int(finding.runs),
                            Text(&finding.script),
                            Text(&finding.message),
                            Int(place),
                        ],
                    )?;
                    place
                }
                None => {
                    self.store.execute(
                        "INSERT INTO findings (finding, design, signature, invariant, message, script, first_campaign,
                            since_campaign, last_campaign, campaigns, runs)
                            VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, 1, $8)",
                        &[
                            Int(next),
                            Int(design),
                            Text(&finding.signature),
                            Text(&finding.invariant),
                            Text(&finding.message),
                            Text(&finding.script),
                            Int(number),
                            Int(finding.runs),
                        ],
                    )?;
                    next += 1;
                    next - 1
                }
            };
            self.store.execute(
                "INSERT INTO sightings (finding, campaign, runs) VALUES ($1, $2, $3)",
                &[Int(place), Int(number), Int(finding.runs)],
            )?;
        }
        Ok(())
    }

    /// Returns the number of a campaign's design, which is created if it is new.
    fn design(&mut self, campaign: &CampaignRecord) -> Result<i64, ArchiveError> {
        let name = [
            Text(&campaign.catalogue),
            Text(&campaign.command),
            Text(&campaign.scenario),
            Text(&campaign.without),
        ];
        let known = "SELECT design FROM designs WHERE catalogue = $1 AND command = $2 AND scenario = $3 AND missing = $4";
        if let Some(design) = self.number(known, &name)? {
            return Ok(design);
        }
        let design = self.number("SELECT MAX(design) FROM designs", &[])?.unwrap_or(0) + 1;
        let [catalogue, command, scenario, without] = name;
        self.store.execute(
            "INSERT INTO designs (design, catalogue, command, scenario, missing) VALUES ($1, $2, $3, $4, $5)",
            &[Int(design), catalogue, command, scenario, without],
        )?;
        Ok(design)
    }

    /// Returns the one number of a query's result, if there is one.
    fn number(&mut self, query: &str, values: &[Value<'_>]) -> Result<Option<i64>, StoreError> {
        let rows = self.store.query(query, values)?;
        Ok(rows.first().and_then(|cells| row::maybe_int(cells, 0)))
    }
}
