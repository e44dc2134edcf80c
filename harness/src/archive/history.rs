//! The history in an archive: for each design, the findings of its last campaign that are new, gone or returned, with
//! their builds.

use super::store::{Int, StoreError, Text, row};
use super::{Archive, ArchiveError};
use serde::Serialize;

/// The greatest number of findings of a kind that are listed; further ones are counted.
const TOLD_MAX: i64 = 50;
/// The number of campaigns that are examined for unstable goals.
const GOAL_CAMPAIGNS: i64 = 10;

/// The history of one design.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DesignHistory {
    /// The command that searched it.
    pub command: String,
    /// The scenario.
    pub scenario: String,
    /// The ablated guardrails.
    pub without: Vec<String>,
    /// The number of campaigns.
    pub campaigns: i64,
    /// The last campaign.
    pub last: CampaignLine,
    /// The campaign before, for comparison with the last one.
    pub previous: Option<CampaignLine>,
    /// Whether the last campaign and the one before differ in their seeds, their profile or their number of runs. If so, a
    /// finding may be new or gone because of that.
    pub searches_differ: bool,
    /// Findings that no campaign before the last one met.
    pub new: FindingLines,
    /// Findings that returned: met before, not in the previous campaign, and again in the last one.
    pub returned: FindingLines,
    /// Findings of the previous campaign that the last one did not meet.
    pub gone: FindingLines,
    /// Findings of both campaigns.
    pub standing: FindingLines,
    /// Goals that some of the last campaigns reached, and some did not.
    pub unstable_goals: Vec<GoalLine>,
}

/// A campaign in a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CampaignLine {
    /// Its number.
    pub campaign: i64,
    /// The build.
    pub build: String,
    /// The seeds and the profile of the search.
    pub search: String,
    /// The verdict.
    pub verdict: String,
    /// The number of runs.
    pub runs: i64,
    /// The number of failing runs.
    pub failing: i64,
}

/// Findings of a kind: their number, and the first of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FindingLines {
    /// Their number.
    pub count: i64,
    /// The first of them.
    pub findings: Vec<FindingLine>,
}

/// A finding in a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FindingLine {
    /// Its signature.
    pub signature: String,
    /// The violated invariant.
    pub invariant: String,
    /// The violation in a sentence.
    pub message: String,
    /// The shrunk script.
    pub script: String,
    /// The build that met it first.
    pub first_build: String,
    /// The build since which each campaign has met it.
    pub since_build: String,
    /// The build that met it last.
    pub last_build: String,
    /// The number of campaigns that have met it.
    pub campaigns: i64,
}

/// A goal that only some campaigns reach.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GoalLine {
    /// Its name.
    pub name: String,
    /// The number of campaigns that reached it.
    pub reached_in: i64,
    /// The number of examined campaigns.
    pub of: i64,
}

/// A known failure of a design.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownFailure {
    /// Its signature.
    pub signature: String,
    /// The violated invariant.
    pub invariant: String,
    /// The shrunk script.
    pub script: String,
    /// The build that met it first.
    pub first_build: String,
}

impl Archive {
    /// Returns the history of each design of a catalogue, or of the designs of some scenarios.
    ///
    /// # Errors
    /// If the database fails.
    pub fn history(
        &mut self,
        catalogue: &str,
        scenarios: &[String],
    ) -> Result<Vec<DesignHistory>, ArchiveError> {
        let designs = self.store.query(
            "SELECT design, command, scenario, missing FROM designs WHERE catalogue = $1 ORDER BY design",
            &[Text(catalogue)],
        )?;
        let mut histories = Vec::new();
        for cells in designs {
            let (design, scenario) = (row::int(&cells, 0), row::text(&cells, 2));
            if scenarios.is_empty() || scenarios.contains(&scenario) {
                let name = (row::text(&cells, 1), scenario, row::text(&cells, 3));
                histories.extend(self.history_of(design, name)?);
            }
        }
        Ok(histories)
    }

    fn history_of(
        &mut self,
        design: i64,
        (command, scenario, missing): (String, String, String),
    ) -> Result<Option<DesignHistory>, ArchiveError> {
        let mut lines = self.last_campaigns(design)?.into_iter();
        let Some(last) = lines.next() else { return Ok(None) };
        let previous = lines.next();
        let count = "SELECT COUNT(*) FROM campaigns WHERE design = $1";
        let before = previous.as_ref().map_or(0, |line| line.campaign);
        let now = last.campaign;
        Ok(Some(DesignHistory {
            command,
            scenario,
            without: missing.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            campaigns: self.number(count, &[Int(design)])?.unwrap_or(0),
            new: self.findings(
                "last_campaign = $2 AND since_campaign = $2 AND first_campaign = $2",
                design,
                now,
            )?,
            returned: self.findings(
                "last_campaign = $2 AND since_campaign = $2 AND first_campaign < $2",
                design,
                now,
            )?,
            standing: self.findings("last_campaign = $2 AND since_campaign < $2", design, now)?,
            gone: self.findings("last_campaign = $2", design, before)?,
            unstable_goals: self.unstable_goals(design)?,
            searches_differ: previous
                .as_ref()
                .is_some_and(|line| (&line.search, line.runs) != (&last.search, last.runs)),
            last,
            previous,
        }))
    }

    /// Returns the last two campaigns, the last one first.
    fn last_campaigns(&mut self, design: i64) -> Result<Vec<CampaignLine>, StoreError> {
        let rows = self.store.query(
            "SELECT campaign, build, search, verdict, runs, failing FROM campaigns WHERE design = $1
                ORDER BY campaign DESC LIMIT 2",
            &[Int(design)],
        )?;
        let line = |cells: &Vec<_>| CampaignLine {
            campaign: row::int(cells, 0),
            build: row::text(cells, 1),
            search: row::text(cells, 2),
            verdict: row::text(cells, 3),
            runs: row::int(cells, 4),
            failing: row::int(cells, 5),
        };
        Ok(rows.iter().map(line).collect())
    }

    /// Returns the findings of a design that satisfy a condition, in which `$2` is a campaign.
    fn findings(&mut self, condition: &str, design: i64, campaign: i64) -> Result<FindingLines, StoreError> {
        let place = [Int(design), Int(campaign)];
        let count = format!("SELECT COUNT(*) FROM findings WHERE design = $1 AND {condition}");
        let count = self.number(&count, &place)?.unwrap_or(0);
        let query = format!(
            "SELECT f.signature, f.invariant, f.message, f.script, met.build, began.build, latest.build, f.campaigns
                FROM (SELECT * FROM findings WHERE design = $1 AND {condition}
                    ORDER BY since_campaign, first_campaign, finding LIMIT {TOLD_MAX}) AS f
                JOIN campaigns AS met ON met.campaign = f.first_campaign
                JOIN campaigns AS began ON began.campaign = f.since_campaign
                JOIN campaigns AS latest ON latest.campaign = f.last_campaign
                ORDER BY f.since_campaign, f.first_campaign, f.finding"
        );
        let line = |cells: &Vec<_>| FindingLine {
            signature: row::text(cells, 0),
            invariant: row::text(cells, 1),
            message: row::text(cells, 2),
            script: row::text(cells, 3),
            first_build: row::text(cells, 4),
            since_build: row::text(cells, 5),
            last_build: row::text(cells, 6),
            campaigns: row::int(cells, 7),
        };
        Ok(FindingLines { count, findings: self.store.query(&query, &place)?.iter().map(line).collect() })
    }

    fn unstable_goals(&mut self, design: i64) -> Result<Vec<GoalLine>, StoreError> {
        let query = format!(
            "SELECT name, COUNT(CASE WHEN reached > 0 THEN 1 END), COUNT(*) FROM goals
                WHERE campaign IN (SELECT campaign FROM campaigns WHERE design = $1
                    ORDER BY campaign DESC LIMIT {GOAL_CAMPAIGNS})
                GROUP BY name ORDER BY name"
        );
        let line = |cells: &Vec<_>| GoalLine {
            name: row::text(cells, 0),
            reached_in: row::int(cells, 1),
            of: row::int(cells, 2),
        };
        let mut goals: Vec<GoalLine> = self.store.query(&query, &[Int(design)])?.iter().map(line).collect();
        goals.retain(|goal| goal.reached_in > 0 && goal.reached_in < goal.of);
        Ok(goals)
    }

    /// Returns the known failures of a design, the most recent first.
    ///
    /// # Errors
    /// If the database fails.
    pub fn known_failures(
        &mut self,
        catalogue: &str,
        scenario: &str,
        without: &[String],
        count_max: u32,
    ) -> Result<Vec<KnownFailure>, ArchiveError> {
        let missing = without.join(",");
        let designs = self.store.query(
            "SELECT design FROM designs WHERE catalogue = $1 AND scenario = $2 AND missing = $3 ORDER BY design",
            &[Text(catalogue), Text(scenario), Text(&missing)],
        )?;
        let query = format!(
            "SELECT f.signature, f.invariant, f.script, met.build
                FROM (SELECT * FROM findings WHERE design = $1 ORDER BY last_campaign DESC, since_campaign DESC,
                    first_campaign DESC, finding DESC LIMIT {count_max}) AS f
                JOIN campaigns AS met ON met.campaign = f.first_campaign
                ORDER BY f.last_campaign DESC, f.since_campaign DESC, f.first_campaign DESC, f.finding DESC"
        );
        let known = |cells: &Vec<_>| KnownFailure {
            signature: row::text(cells, 0),
            invariant: row::text(cells, 1),
            script: row::text(cells, 2),
            first_build: row::text(cells, 3),
        };
        let mut failures: Vec<KnownFailure> = Vec::new();
        for design in designs {
            let rows = self.store.query(&query, &[Int(row::int(&design, 0))])?;
            failures.extend(rows.iter().map(known));
        }
        let mut seen = std::collections::BTreeSet::new();
        failures.retain(|failure| seen.insert(failure.signature.clone()));
        Ok(failures)
    }
}
