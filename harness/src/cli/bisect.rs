//! `bisect`: finds the commit since which a script fails. Each commit is built in a work tree of its own and runs the script
//! itself, so it does not matter that other builds have other digests.

use super::Session;
use super::exit::{CliError, Exit};
use super::input::read_text;
use super::output::print_note;
use crate::bisect::{Judgement, first_bad};
use crate::traces;
use serde::Serialize;
use shakedown_sim::Script;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Finds the first commit in which a script fails: builds commits, each in its own work tree, and replays the script
#[derive(clap::Args)]
pub(super) struct Bisect {
    /// The file with the failing script, or the trace of a failing run
    script: PathBuf,
    /// A commit in which the script holds
    #[arg(long, env = "SHAKEDOWN_GOOD", value_name = "COMMIT")]
    good: String,
    /// A commit in which the script fails
    #[arg(long, env = "SHAKEDOWN_BAD", value_name = "COMMIT", default_value = "HEAD")]
    bad: String,
    /// The shell command that builds a commit; it is run in the work tree
    #[arg(
        long,
        env = "SHAKEDOWN_BUILD_COMMAND",
        value_name = "LINE",
        default_value = "cargo build --release --quiet"
    )]
    build_command: String,
    /// The path of the built binary in the work tree [default: target/release/ and the name of this binary]
    #[arg(long, env = "SHAKEDOWN_PROGRAM", value_name = "FILE")]
    program: Option<PathBuf>,
    /// The directory for the work trees; they are removed at the end
    #[arg(long, env = "SHAKEDOWN_WORK_TREES", value_name = "DIR", default_value = "target/shakedown/bisect")]
    work_trees: PathBuf,
}

/// A commit and its judgement.
#[derive(Clone, Serialize)]
struct Tested {
    commit: String,
    subject: String,
    judgement: Judgement,
}

/// The result for programs.
#[derive(Serialize)]
struct Found {
    /// The first bad commit, if it is unique.
    first_bad: Option<String>,
    /// The commits among which the first bad one is.
    suspects: Vec<Suspect>,
    /// The invariants that the bad commit violates.
    invariants: Vec<String>,
    /// The commits that were built, in order.
    tested: Vec<Tested>,
}

#[derive(Serialize)]
struct Suspect {
    commit: String,
    subject: String,
}

/// The script to replay, and the directories.
struct Replaying {
    options: Bisect,
    scenario: String,
    program: PathBuf,
    /// A folder with the script, for traces and for the work trees.
    folder: PathBuf,
    tested: Vec<Tested>,
}

impl Bisect {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        session.output.without_reports("bisect")?;
        let script = read_script(&self.script)?;
        std::fs::create_dir_all(&self.work_trees).map_err(|error| unwritable(&self.work_trees, &error))?;
        let folder = self.work_trees.canonicalize().map_err(|error| unwritable(&self.work_trees, &error))?;
        let file = folder.join("bisected.script");
        std::fs::write(&file, script.to_string()).map_err(|error| unwritable(&file, &error))?;
        let program =
            self.program.clone().unwrap_or_else(|| Path::new("target/release").join(super::program()));
        let (good, bad) = (commit(&self.good)?, commit(&self.bad)?);
        let commits = commits(&good, &bad)?;
        let mut replaying =
            Replaying { options: self, scenario: script.scenario, program, folder, tested: Vec::new() };
        let found = replaying.bisect(&good, &commits)?;
        session.output.print(|_| human(&found), || json(&found))?;
        Ok(if found.first_bad.is_some() { Exit::Held } else { Exit::Inconclusive })
    }
}

impl Replaying {
    fn bisect(&mut self, good: &str, commits: &[String]) -> Result<Found, CliError> {
        let bad = commits.last().expect("at least the bad commit");
        let invariants = match self.run(bad)? {
            Replayed::Violates(invariants) => invariants,
            Replayed::Holds => return Err(wrong_end("--bad", "the script holds in it")),
            Replayed::Fails(why) => return Err(wrong_end("--bad", &why)),
        };
        self.tell(bad, Judgement::Bad)?;
        match self.judge(good, &invariants)? {
            Judgement::Good => {}
            Judgement::Bad => return Err(wrong_end("--good", "the script fails in it as well")),
            Judgement::Skipped => {
                return Err(wrong_end("--good", "it cannot be built, or cannot run the script"));
            }
        }
        let suspects = first_bad(commits.len(), |at| self.judge(&commits[at], &invariants))?;
        let suspect = |commit: &String| Ok(Suspect { commit: commit.clone(), subject: subject(commit)? });
        let suspects = commits[suspects].iter().map(suspect).collect::<Result<Vec<_>, CliError>>()?;
        let first_bad = (suspects.len() == 1).then(|| suspects[0].commit.clone());
        Ok(Found { first_bad, suspects, invariants, tested: self.tested.clone() })
    }

    /// Builds a commit, runs the script, and returns the judgement.
    fn judge(&mut self, commit: &str, invariants: &[String]) -> Result<Judgement, CliError> {
        let judgement = match self.run(commit)? {
            Replayed::Violates(found) if found.iter().any(|name| invariants.contains(name)) => Judgement::Bad,
            Replayed::Violates(_) | Replayed::Holds => Judgement::Good,
            Replayed::Fails(why) => {
                print_note(&format!("{}: {why}", &commit[..commit.len().min(12)]));
                Judgement::Skipped
            }
        };
        self.tell(commit, judgement)?;
        Ok(judgement)
    }

    fn tell(&mut self, commit: &str, judgement: Judgement) -> Result<(), CliError> {
        let subject = subject(commit)?;
        print_note(&line(judgement, commit, &subject));
        self.tested.push(Tested { commit: commit.to_owned(), subject, judgement });
        Ok(())
    }

    fn run(&self, commit: &str) -> Result<Replayed, CliError> {
        let tree = self.folder.join(commit);
        let place = tree.to_string_lossy().into_owned();
        git(&["worktree", "add", "--detach", "--force", &place, commit])?;
        let replayed = self.run_in(&tree);
        git(&["worktree", "remove", "--force", &place])?;
        Ok(replayed)
    }

    fn run_in(&self, tree: &Path) -> Replayed {
        let mut build = Command::new("sh");
        build.args(["-c", &self.options.build_command]).current_dir(tree);
        match clean(&mut build).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Replayed::Fails(format!("it cannot be built: {status}")),
            Err(error) => return Replayed::Fails(format!("it cannot be built: {error}")),
        }
        let mut run = Command::new(tree.join(&self.program));
        run.current_dir(tree).args(["run", &self.scenario, "--format", "json", "--script"]);
        run.arg(self.folder.join("bisected.script")).arg("--traces").arg(self.folder.join("traces"));
        let output = match clean(&mut run).stdin(Stdio::null()).output() {
            Ok(output) => output,
            Err(error) => return Replayed::Fails(format!("its binary cannot be run: {error}")),
        };
        match output.status.code() {
            Some(0) => Replayed::Holds,
            Some(1) => Replayed::Violates(violated(&output.stdout)),
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().next().unwrap_or_default();
                Replayed::Fails(format!("it cannot run the script: {}: {said}", output.status))
            }
        }
    }
}

/// The result of a build for the script.
enum Replayed {
    Holds,
    /// The run violates these invariants.
    Violates(Vec<String>),
    /// The build or the run failed, for this reason.
    Fails(String),
}

/// Returns the invariants in the result of a run.
fn violated(result: &[u8]) -> Vec<String> {
    let result: serde_json::Value = serde_json::from_slice(result).unwrap_or_default();
    let violations = result["scenarios"][0]["violations"].as_array().cloned().unwrap_or_default();
    violations.iter().filter_map(|violation| Some(violation["invariant"].as_str()?.to_owned())).collect()
}

/// Removes this command's own variables, so that a build depends on its arguments only.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_"))
    {
        command.env_remove(name);
    }
    command
}

fn read_script(path: &Path) -> Result<Script, CliError> {
    if path.to_string_lossy().ends_with(".jsonl") {
        return Ok(traces::read(path)?.trace.script.clone());
    }
    let wrong = |error: shakedown_sim::ScriptError| CliError::input(error.to_string()).at(path.display());
    read_text(path)?.parse().map_err(wrong)
}

/// Runs git and returns its output.
fn git(arguments: &[&str]) -> Result<String, CliError> {
    let wrong = |what: String| {
        CliError::input(what)
            .at(format!("git {}", arguments.join(" ")))
            .remedy("run it inside the repository of the builds")
    };
    let output = Command::new("git").args(arguments).output().map_err(|error| wrong(error.to_string()))?;
    if !output.status.success() {
        return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn commit(name: &str) -> Result<String, CliError> {
    git(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])
        .map_err(|_| CliError::input(format!("there is no commit `{name}`")).at("bisect"))
}

fn subject(commit: &str) -> Result<String, CliError> {
    git(&["log", "-1", "--format=%s", commit])
}

/// Returns the commits after `good` up to `bad`, along the first parents.
fn commits(good: &str, bad: &str) -> Result<Vec<String>, CliError> {
    let range = format!("{good}..{bad}");
    let list = git(&["rev-list", "--reverse", "--first-parent", &range])?;
    let commits: Vec<String> = list.lines().map(str::to_owned).collect();
    let is_ancestor = git(&["merge-base", "--is-ancestor", good, bad]).is_ok();
    if commits.is_empty() || !is_ancestor {
        return Err(CliError::input("the good commit is no ancestor of the bad one")
            .at(range)
            .remedy("--good names an earlier commit of the same branch"));
    }
    Ok(commits)
}

fn wrong_end(flag: &str, why: &str) -> CliError {
    CliError::input(why.to_owned())
        .at(flag)
        .remedy("--good names a commit in which the script holds, --bad one in which it fails")
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::input(format!("cannot be written: {error}")).at(path.display())
}

fn line(judgement: Judgement, commit: &str, subject: &str) -> String {
    let word = match judgement {
        Judgement::Good => "good",
        Judgement::Bad => "bad",
        Judgement::Skipped => "skipped",
    };
    format!("{word:<8}{}  {subject}", &commit[..commit.len().min(12)])
}

fn human(found: &Found) -> String {
    let list = |suspects: &[Suspect]| -> String {
        suspects
            .iter()
            .map(|one| format!("  {}  {}\n", &one.commit[..one.commit.len().min(12)], one.subject))
            .collect()
    };
    let violates = format!("  violates {}\n", found.invariants.join(", "));
    match found.first_bad {
        Some(_) => format!("the first commit that fails\n{}{violates}", list(&found.suspects)),
        None => format!(
            "the first commit that fails is one of these; some could not be judged\n{}{violates}",
            list(&found.suspects)
        ),
    }
}

fn json(found: &Found) -> String {
    serde_json::to_string_pretty(found).expect("a result has text keys") + "\n"
}
