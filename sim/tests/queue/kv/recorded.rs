//! Commands with the replies of Redis 7.0.15, recorded by `.ci/record-redis` and played on the data of one server.

use shakedown_sim::kv::keyspace::{Keyspace, Revisions};
use shakedown_sim::kv::{Command, Eviction, Memory, Reply, ServerError};

/// A recorded case: its name, and its steps with the replies.
#[derive(serde::Deserialize)]
struct Case {
    case: String,
    steps: Vec<(String, String)>,
}

/// The server, its clock in milliseconds, and the keys that the first connection watches.
struct Player {
    data: Keyspace,
    now: i64,
    watched: Option<Revisions>,
}

fn text(reply: Result<Reply, ServerError>) -> String {
    reply.map_or_else(|error| error.to_string(), |reply| reply.to_string())
}

impl Player {
    fn new(case: &Case) -> Self {
        // The recorder fills the memory in the middle of a case. Here it is full from the start, and empty data need none.
        let full = case.steps.iter().find_map(|(step, _)| step.strip_prefix("FULL "));
        let eviction = if full == Some("volatile-ttl") { Eviction::FirstToExpire } else { Eviction::Never };
        let data = Keyspace::new(Memory::Unbounded, eviction);
        Self { data, now: 1_700_000_000_000, watched: None }
    }

    fn play(&mut self, step: &str) -> String {
        let words: Vec<&str> = step.split(' ').collect();
        match words.as_slice() {
            ["SLEEP", ms] => {
                self.now += ms.parse::<i64>().expect("milliseconds");
                "OK".to_owned()
            }
            ["FULL", _] => {
                self.data.bound(Memory::Bytes(0));
                "OK".to_owned()
            }
            ["WATCH", keys @ ..] => {
                let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
                self.watched = Some(self.data.watch(self.now, &keys));
                "OK".to_owned()
            }
            ["EXEC", ..] => self.exec(&step["EXEC ".len()..]),
            words => text(Command::parse(words).and_then(|command| self.data.execute(self.now, &command))),
        }
    }

    /// Plays a transaction. The server checks the number of arguments when it queues a command, and all else later.
    fn exec(&mut self, queued: &str) -> String {
        let commands: Vec<_> =
            queued.split("; ").map(|one| Command::parse(&one.split(' ').collect::<Vec<_>>())).collect();
        let watched = self.watched.take();
        // `HSET` counts its fields when it is executed.
        let is_rejected = |(command, words): (&Result<Command, _>, &str)| {
            let has_pairs = words.starts_with("HSET") && words.split(' ').count() > 3;
            matches!(command, Err(ServerError::WrongArity { .. })) && !has_pairs
        };
        if commands.iter().zip(queued.split("; ")).any(is_rejected) {
            return ServerError::ExecAborted.to_string();
        }
        if watched.is_some_and(|watched| !self.data.is_unchanged(self.now, &watched)) {
            return "nil".to_owned();
        }
        let valid: Vec<Command> = commands.iter().flatten().cloned().collect();
        let mut replies = match self.data.execute_all(self.now, &valid) {
            Ok(replies) => replies.into_iter(),
            Err(error) => return error.to_string(),
        };
        let replies =
            commands.into_iter().map(|command| text(command.and_then(|_| replies.next().expect("one each"))));
        format!("[{}]", replies.collect::<Vec<_>>().join(", "))
    }
}

/// Returns the first step with another reply than the recorded one.
fn difference(case: &Case) -> Option<String> {
    let mut player = Player::new(case);
    case.steps.iter().enumerate().find_map(|(at, (step, expected))| {
        let reply = player.play(step);
        // Redis looks at its memory before it reads the options; here the client reads them.
        let is_unread = || Command::parse(&step.split(' ').collect::<Vec<_>>()).is_err();
        let is_rejected_anyway = expected.starts_with("OOM ") && is_unread();
        (reply != *expected && !is_rejected_anyway).then(|| {
            let before: Vec<_> =
                case.steps[..at].iter().map(|(step, reply)| format!("{step} -> {reply}")).collect();
            format!("{}: {step}\n  redis: {expected}\n  here:  {reply}\n  after {before:#?}", case.case)
        })
    })
}

#[test]
fn every_reply_is_that_of_redis() {
    let lines = include_str!("fixtures/redis.jsonl").lines();
    let cases: Vec<Case> = lines.map(|line| serde_json::from_str(line).expect("a case")).collect();
    let differences: Vec<String> = cases.iter().filter_map(difference).collect();
    let first = differences.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} of {} cases differ:\n\n{first}", differences.len(), cases.len());
    assert_eq!(cases.len(), 410);
}

#[test]
fn a_wrong_reply_is_noticed() {
    let steps = vec![("SET a 1".to_owned(), "OK".to_owned()), ("INCR a".to_owned(), "3".to_owned())];
    let planted = Case { case: "planted".to_owned(), steps };
    assert!(difference(&planted).is_some_and(|difference| difference.contains("INCR a")));
}
