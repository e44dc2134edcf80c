//! Determines the shard of a process from the environment variables of the scheduler that started it.

use super::Shard;

/// A scheduler, and the variables with which it numbers the processes of one job.
struct Scheduler {
    name: &'static str,
    /// The variable with the number.
    number: &'static str,
    /// The variable with the number of processes, if the scheduler has one.
    count: Option<&'static str>,
    /// The number of the first process, if no variable holds it.
    first: i64,
}

/// Slurm has two more variables, which [`slurm`] reads.
const SLURM: &str = "SLURM_ARRAY_TASK_ID";

const SCHEDULERS: [Scheduler; 5] = [
    Scheduler { name: "a Slurm array", number: SLURM, count: Some("SLURM_ARRAY_TASK_COUNT"), first: 0 },
    Scheduler { name: "an indexed job of Kubernetes", number: "JOB_COMPLETION_INDEX", count: None, first: 0 },
    Scheduler {
        name: "an array job of AWS Batch",
        number: "AWS_BATCH_JOB_ARRAY_INDEX",
        count: Some("AWS_BATCH_JOB_ARRAY_SIZE"),
        first: 0,
    },
    Scheduler {
        name: "parallel jobs of Buildkite",
        number: "BUILDKITE_PARALLEL_JOB",
        count: Some("BUILDKITE_PARALLEL_JOB_COUNT"),
        first: 0,
    },
    Scheduler {
        name: "parallel jobs of GitLab",
        number: "CI_NODE_INDEX",
        count: Some("CI_NODE_TOTAL"),
        first: 1,
    },
];

/// The reason why the environment does not determine a shard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnknownShard {
    /// No scheduler has set its variables.
    #[error("no scheduler says which shard this is: none of {} is set", SCHEDULERS.map(|one| one.number).join(", "))]
    NoScheduler,
    /// Two schedulers have set their variables.
    #[error("{0} and {1} both say which shard this is")]
    Ambiguous(&'static str, &'static str),
    /// The scheduler does not state the number of processes.
    #[error("{0} does not say how many shards there are")]
    NoCount(&'static str),
    /// The scheduler and the command line differ.
    #[error(
        "{scheduler} has {found} tasks, and --shards says {expected}: some tasks alone are not all shards"
    )]
    OtherCount {
        /// The scheduler.
        scheduler: &'static str,
        /// The number according to the scheduler.
        found: i64,
        /// The number according to `--shards`.
        expected: usize,
    },
    /// The value of a variable is not a number.
    #[error("{variable} is `{value}`, which is no number")]
    NotANumber {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The numbers of the tasks have gaps.
    #[error("the tasks of the array are not numbered evenly: {SLURM} is {number} of {count} from {first}")]
    Uneven {
        /// The number of this task.
        number: i64,
        /// The number of the first task.
        first: i64,
        /// The number of tasks.
        count: i64,
    },
}

/// Returns the shard that a scheduler's variables name. `count` is the number of shards; it is needed if the scheduler
/// does not state it, and compared if it does.
///
/// # Errors
/// If no scheduler, or more than one, has set its variables, or if they contradict each other.
///
/// ```
/// use shakedown::shard::scheduler::from_variables;
/// let gitlab = |name: &str| match name {
///     "CI_NODE_INDEX" => Some("2".to_owned()),
///     "CI_NODE_TOTAL" => Some("3".to_owned()),
///     _ => None,
/// };
/// assert_eq!(from_variables(None, gitlab).unwrap().to_string(), "2/3");
/// ```
pub fn from_variables(
    count: Option<usize>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Shard, UnknownShard> {
    let number = |name: &'static str| match variable(name) {
        None => Ok(None),
        Some(value) => match value.trim().parse::<i64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(UnknownShard::NotANumber { variable: name, value }),
        },
    };
    let mut known = SCHEDULERS.iter().filter(|scheduler| variable(scheduler.number).is_some());
    let scheduler = known.next().ok_or(UnknownShard::NoScheduler)?;
    if let Some(other) = known.next() {
        return Err(UnknownShard::Ambiguous(scheduler.name, other.name));
    }
    let own = number(scheduler.number)?.ok_or(UnknownShard::NoScheduler)?;
    let stated = scheduler.count.map_or(Ok(None), number)?;
    let total = match (stated, count) {
        (Some(found), Some(expected)) if usize::try_from(found) != Ok(expected) => {
            return Err(UnknownShard::OtherCount { scheduler: scheduler.name, found, expected });
        }
        (Some(found), _) => found,
        (None, Some(count)) => count as i64,
        (None, None) => return Err(UnknownShard::NoCount(scheduler.name)),
    };
    let (first, step) = match scheduler.number {
        SLURM => slurm(own, total, number)?,
        _ => (scheduler.first, 1),
    };
    let place = (own - first) / step + 1;
    let shard = usize::try_from(place).ok().zip(usize::try_from(total).ok());
    let uneven = UnknownShard::Uneven { number: own, first, count: total };
    shard.and_then(|(number, count)| Shard::new(number, count)).ok_or(uneven)
}

/// Returns the first number of an array and the step between two numbers. Tasks that were selected individually have
/// neither.
fn slurm(
    own: i64,
    count: i64,
    number: impl Fn(&'static str) -> Result<Option<i64>, UnknownShard>,
) -> Result<(i64, i64), UnknownShard> {
    let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
    let step = number("SLURM_ARRAY_TASK_STEP")?.filter(|step| *step > 0).unwrap_or(1);
    let last = number("SLURM_ARRAY_TASK_MAX")?.unwrap_or(first + (count - 1) * step);
    let is_even =
        (last - first) % step == 0 && (last - first) / step + 1 == count && (own - first) % step == 0;
    if is_even { Ok((first, step)) } else { Err(UnknownShard::Uneven { number: own, first, count }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], count: Option<usize>, expected: &str) {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let found = match from_variables(count, variable) {
            Ok(shard) => shard.to_string(),
            Err(unknown) => unknown.to_string(),
        };
        assert!(found.contains(expected), "{variables:?}: {found}");
    }

    fn slurm<'a>(
        id: &'a str,
        count: &'a str,
        min: &'a str,
        max: &'a str,
        step: &'a str,
    ) -> [(&'a str, &'a str); 5] {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_COUNT", count),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_STEP", step),
        ]
    }

    #[test]
    fn each_scheduler_numbers_from_its_own_first() {
        check(&slurm("0", "4", "0", "3", "1"), None, "1/4");
        check(&slurm("16", "16", "1", "16", "1"), Some(16), "16/16");
        check(&slurm("30", "4", "10", "40", "10"), None, "3/4");
        check(
            &[("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_COUNT", "5"), ("SLURM_ARRAY_TASK_MIN", "1")],
            None,
            "5/5",
        );
        check(&[("JOB_COMPLETION_INDEX", "0")], Some(8), "1/8");
        check(&[("AWS_BATCH_JOB_ARRAY_INDEX", "7"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")], None, "8/8");
        check(&[("BUILDKITE_PARALLEL_JOB", "0"), ("BUILDKITE_PARALLEL_JOB_COUNT", "3")], None, "1/3");
        check(&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3")], None, "1/3");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        check(&[], None, "no scheduler says which shard this is");
        check(&[], Some(3), "no scheduler says which shard this is");
        check(&[("JOB_COMPLETION_INDEX", "0")], None, "does not say how many shards");
        check(&[("JOB_COMPLETION_INDEX", "8")], Some(8), "not numbered evenly");
        check(&[("JOB_COMPLETION_INDEX", "one")], Some(8), "JOB_COMPLETION_INDEX is `one`");
        check(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "3")], None, "not numbered evenly");
        check(&slurm("7", "3", "0", "7", "1"), None, "not numbered evenly");
        // A single resubmitted task of an array is not the whole array.
        check(&slurm("7", "1", "7", "7", "1"), Some(16), "has 1 tasks, and --shards says 16");
        check(
            &[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "3"), ("JOB_COMPLETION_INDEX", "1")],
            None,
            "both say",
        );
    }
}
