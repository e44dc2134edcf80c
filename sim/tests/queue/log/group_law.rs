//! The law of a consumer group: it assigns and fences as a list of members does.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::log::group::{Fenced, Group, MemberId};
use shakedown_sim::{Duration, Moment};

const PARTITIONS: u32 = 5;
const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// A member of the specification.
struct Member {
    id: MemberId,
    has_joined: bool,
    polls_until: Option<Moment>,
    partitions: Vec<u32>,
}

/// The specification.
#[derive(Default)]
struct Roster {
    members: Vec<Member>,
    generation: u32,
    rebalances_until: Option<Moment>,
    committed: [Option<u64>; PARTITIONS as usize],
    /// The positions of the current generation.
    positions: [Option<u64>; PARTITIONS as usize],
    /// The offsets of open transactions: the transaction, the generation, the partition and the offset.
    pending: Vec<(u64, u32, u32, u64)>,
}

impl Roster {
    fn has(&self, id: MemberId) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    fn member(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    fn rebalance(&mut self, now: Moment) {
        self.rebalances_until = self.rebalances_until.or(Some(now + POLL_INTERVAL));
        if self.members.iter().all(|member| member.has_joined) {
            self.rebalances_until = None;
            self.generation += 1;
            self.positions = self.committed;
            // Partitions are dealt in rows of equal length; the first members have one more.
            let mut next = 0;
            let count = self.members.len() as u32;
            for (rank, member) in (0..).zip(&mut self.members) {
                let length = PARTITIONS / count + u32::from(rank < PARTITIONS % count);
                member.partitions = (next..next + length).collect();
                member.has_joined = false;
                next += length;
            }
        }
    }

    fn advance(&mut self, now: Moment) {
        let ends = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let rebalance_ends = ends(self.rebalances_until);
        let before = self.members.len();
        self.members.retain(|one| !ends(one.polls_until) && (one.has_joined || !rebalance_ends));
        if self.members.len() < before || self.rebalances_until.is_some() {
            self.rebalance(now);
        }
    }

    fn poll(&mut self, now: Moment, id: MemberId) -> Result<(), Fenced> {
        self.advance(now);
        let rebalances = self.rebalances_until.is_some();
        let member = self.member(id).ok_or(Fenced)?;
        member.polls_until = None;
        member.has_joined = rebalances;
        if rebalances {
            self.rebalance(now);
        }
        Ok(())
    }

    fn add_pending(
        &mut self,
        (id, generation): (MemberId, u32),
        token: u64,
        partition: u32,
        offset: u64,
    ) -> Result<(), Fenced> {
        if generation != self.generation || !self.has(id) {
            return Err(Fenced);
        }
        self.pending.push((token, generation, partition, offset));
        Ok(())
    }

    fn end_pending(&mut self, token: u64, commits: bool) {
        for (_, generation, partition, offset) in self.pending.iter().filter(|one| commits && one.0 == token)
        {
            self.committed[*partition as usize] = Some(*offset);
            if *generation != self.generation {
                self.positions[*partition as usize] = Some(*offset);
            }
        }
        self.pending.retain(|one| one.0 != token);
    }

    /// Returns whether a transaction of an earlier generation has an offset of this partition.
    fn waits(&self, partition: u32) -> bool {
        self.pending.iter().any(|one| one.1 != self.generation && one.2 == partition)
    }

    fn commit(&mut self, id: MemberId, generation: u32, partition: u32, offset: u64) -> Result<(), Fenced> {
        if generation != self.generation || !self.has(id) {
            return Err(Fenced);
        }
        self.committed[partition as usize] = Some(offset);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Ask {
    Join,
    Poll(usize),
    StopPolling(usize),
    Leave(usize),
    Rebalance,
    /// The generation is so many before the current one.
    Commit {
        which: usize,
        generations_ago: u32,
        partition: u32,
        offset: u64,
    },
    Seek {
        which: usize,
        partition: u32,
        offset: u64,
    },
    Rewind(usize),
    AddPending {
        which: usize,
        generations_ago: u32,
        token: u64,
        partition: u32,
        offset: u64,
    },
    EndPending {
        token: u64,
        commits: bool,
    },
    Wait(u64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let which = any::<usize>;
    prop_oneof![
        3 => Just(Ask::Join),
        8 => which().prop_map(Ask::Poll),
        3 => which().prop_map(Ask::StopPolling),
        1 => which().prop_map(Ask::Leave),
        1 => Just(Ask::Rebalance),
        5 => (which(), 0u32..2, 0..PARTITIONS, 0u64..9).prop_map(|(which, generations_ago, partition, offset)| {
            Ask::Commit { which, generations_ago, partition, offset }
        }),
        2 => (which(), 0..PARTITIONS, 0u64..9)
            .prop_map(|(which, partition, offset)| Ask::Seek { which, partition, offset }),
        1 => which().prop_map(Ask::Rewind),
        3 => (which(), 0u32..2, 0u64..3, 0..PARTITIONS, 0u64..9).prop_map(
            |(which, generations_ago, token, partition, offset)| {
                Ask::AddPending { which, generations_ago, token, partition, offset }
            }
        ),
        2 => (0u64..3, any::<bool>()).prop_map(|(token, commits)| Ask::EndPending { token, commits }),
        2 => (0u64..12).prop_map(Ask::Wait),
    ]
}

/// The group, its specification, and every member that ever joined.
struct Both {
    group: Group,
    roster: Roster,
    now: Moment,
    joined: Vec<MemberId>,
}

impl Both {
    fn member(&self, which: usize) -> Option<MemberId> {
        self.joined.get(which.checked_rem(self.joined.len())?).copied()
    }

    fn ask(&mut self, ask: Ask) -> Result<(), TestCaseError> {
        let now = self.now;
        let which = match ask {
            Ask::Poll(which) | Ask::StopPolling(which) | Ask::Leave(which) | Ask::Rewind(which) => which,
            Ask::AddPending { which, .. } => which,
            Ask::Commit { which, .. } | Ask::Seek { which, .. } => which,
            Ask::Join | Ask::Rebalance | Ask::EndPending { .. } | Ask::Wait(_) => {
                return self.ask_of_all(ask);
            }
        };
        let Some(id) = self.member(which) else { return Ok(()) };
        match ask {
            Ask::Poll(_) => prop_assert_eq!(self.group.poll(now, id), self.roster.poll(now, id)),
            Ask::StopPolling(_) => {
                self.group.stop_polling(now, id);
                self.roster
                    .member(id)
                    .into_iter()
                    .for_each(|one| one.polls_until = Some(now + POLL_INTERVAL));
            }
            Ask::Leave(_) => {
                prop_assert_eq!(self.group.leave(now, id), self.roster.has(id));
                if self.roster.has(id) {
                    self.roster.members.retain(|member| member.id != id);
                    self.roster.rebalance(now);
                }
            }
            Ask::Commit { generations_ago, partition, offset, .. } => {
                let generation = self.group.generation() - generations_ago.min(self.group.generation());
                let ours = self.group.commit((id, generation), &[(partition, offset)]);
                prop_assert_eq!(ours, self.roster.commit(id, generation, partition, offset));
            }
            Ask::Seek { partition, offset, .. } => {
                self.group.seek(id, partition, offset);
                if self.roster.member(id).is_some_and(|member| member.partitions.contains(&partition)) {
                    self.roster.positions[partition as usize] = Some(offset);
                }
            }
            Ask::Rewind(_) => {
                self.group.rewind(id);
                let committed = self.roster.committed;
                let partitions = self.roster.member(id).map(|member| member.partitions.clone());
                for partition in partitions.unwrap_or_default() {
                    self.roster.positions[partition as usize] = committed[partition as usize];
                }
            }
            Ask::AddPending { generations_ago, token, partition, offset, .. } => {
                let generation = self.group.generation() - generations_ago.min(self.group.generation());
                let ours = self.group.add_pending(token, (id, generation), &[(partition, offset)]);
                prop_assert_eq!(ours, self.roster.add_pending((id, generation), token, partition, offset));
            }
            Ask::Join | Ask::Rebalance | Ask::EndPending { .. } | Ask::Wait(_) => {}
        }
        Ok(())
    }

    fn ask_of_all(&mut self, ask: Ask) -> Result<(), TestCaseError> {
        match ask {
            Ask::Join => {
                let id = self.group.join(self.now);
                prop_assert_eq!(id.number() as usize, self.joined.len() + 1);
                self.joined.push(id);
                let (has_joined, polls_until, partitions) = (true, None, Vec::new());
                self.roster.members.push(Member { id, has_joined, polls_until, partitions });
                self.roster.rebalance(self.now);
            }
            Ask::Rebalance => {
                self.group.rebalance(self.now);
                self.roster.rebalance(self.now);
            }
            Ask::EndPending { token, commits } => {
                self.group.end_pending(token, commits);
                self.roster.end_pending(token, commits);
            }
            Ask::Wait(seconds) => {
                self.now = self.now + Duration::from_secs(seconds);
                self.group.advance(self.now);
                self.roster.advance(self.now);
            }
            _ => {}
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (group, roster) = (&self.group, &self.roster);
        prop_assert_eq!(group.generation(), roster.generation);
        prop_assert_eq!(group.is_rebalancing(), roster.rebalances_until.is_some());
        for id in &self.joined {
            prop_assert_eq!(group.has(*id), roster.has(*id));
            let member = roster.members.iter().find(|member| member.id == *id);
            let shows = |partition: &u32| (*partition, roster.positions[*partition as usize]);
            let expected = match member {
                Some(member) if roster.rebalances_until.is_none() => {
                    let partitions = member.partitions.iter().filter(|at| !roster.waits(**at));
                    partitions.map(shows).collect()
                }
                _ => Vec::new(),
            };
            prop_assert_eq!(group.positions(*id), expected);
        }
        for partition in 0..PARTITIONS {
            prop_assert_eq!(group.committed(partition), roster.committed[partition as usize]);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_group_assigns_and_fences_as_a_list_does(asks in vec(ask(), 1..80)) {
        let group = Group::new(PARTITIONS, POLL_INTERVAL);
        let mut both = Both { group, roster: Roster::default(), now: Moment::START, joined: Vec::new() };
        for ask in asks {
            both.ask(ask)?;
            both.compare()?;
        }
    }
}
