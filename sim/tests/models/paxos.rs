//! Single-decree Paxos as a register of two clients and three servers: Lamport, "Paxos Made Simple" (2001), in the
//! form of Stateright's `examples/paxos.rs`.

use crate::registers::{Group, Id, Message, Request, Sent, Server, check};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A round, and its leader.
type Ballot = (u32, Id);
/// A client's proposed write: its request, itself, the value.
type Proposal = (Request, Id, char);
type Accepted = Option<(Ballot, Proposal)>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
enum Between {
    Prepare(Ballot),
    Prepared(Ballot, Accepted),
    Accept(Ballot, Proposal),
    Accepted(Ballot),
    Decided(Ballot, Proposal),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
struct Acceptor {
    ballot: Ballot,
    /// As a leader: the current proposal, the acceptors that have prepared for it, and those that have accepted it.
    proposal: Option<Proposal>,
    prepared: BTreeMap<Id, Accepted>,
    accepts: BTreeSet<Id>,
    /// As an acceptor.
    accepted: Accepted,
    is_decided: bool,
}

impl Acceptor {
    /// Handles a client's write: a new round begins, unless this server leads one already.
    fn lead(&mut self, group: Group, proposal: Proposal) -> Option<Sent<Between>> {
        if self.proposal.is_some() {
            return None;
        }
        self.proposal = Some(proposal);
        self.ballot = (self.ballot.0 + 1, group.me);
        self.prepared = [(group.me, self.accepted)].into();
        self.accepts.clear();
        Some(group.to_others(Between::Prepare(self.ballot)))
    }

    /// With a majority prepared, the newest proposal that any of them has accepted takes precedence over the server's
    /// own.
    fn count_prepared(&mut self, group: Group, from: Id, accepted: Accepted) -> Option<Sent<Between>> {
        self.prepared.insert(from, accepted);
        if self.prepared.len() != group.majority() {
            return Some(Vec::new());
        }
        let newest = self.prepared.values().max().copied().flatten();
        let proposal = newest.map(|(_, proposal)| proposal).or(self.proposal)?;
        self.proposal = Some(proposal);
        self.accepted = Some((self.ballot, proposal));
        self.accepts.insert(group.me);
        Some(group.to_others(Between::Accept(self.ballot, proposal)))
    }

    fn count_accepted(&mut self, group: Group, from: Id) -> Option<Sent<Between>> {
        self.accepts.insert(from);
        if self.accepts.len() != group.majority() {
            return Some(Vec::new());
        }
        self.is_decided = true;
        let proposal = self.proposal?;
        let mut sent = group.to_others(Between::Decided(self.ballot, proposal));
        sent.push((proposal.1, Message::PutOk(proposal.0)));
        Some(sent)
    }
}

#[derive(Clone)]
struct Paxos;

impl Server for Paxos {
    type State = Acceptor;
    type Between = Between;
    fn start(_: Id) -> Acceptor {
        Acceptor::default()
    }
    fn take(
        group: Group,
        state: &mut Acceptor,
        from: Id,
        message: &Message<Between>,
    ) -> Option<Sent<Between>> {
        if state.is_decided {
            let (Message::Get(request), Some((_, (.., value)))) = (message, state.accepted) else {
                return None;
            };
            return Some(vec![(from, Message::GetOk(*request, value))]);
        }
        let Message::Between(between) = message else {
            let Message::Put(request, value) = message else { return None };
            return state.lead(group, (*request, from, *value));
        };
        match *between {
            Between::Prepare(ballot) if state.ballot < ballot => {
                state.ballot = ballot;
                Some(vec![(from, Message::Between(Between::Prepared(ballot, state.accepted)))])
            }
            Between::Prepared(ballot, accepted) if ballot == state.ballot => {
                state.count_prepared(group, from, accepted)
            }
            Between::Accept(ballot, proposal) if state.ballot <= ballot => {
                state.ballot = ballot;
                state.accepted = Some((ballot, proposal));
                Some(vec![(from, Message::Between(Between::Accepted(ballot)))])
            }
            Between::Accepted(ballot) if ballot == state.ballot => state.count_accepted(group, from),
            Between::Decided(ballot, proposal) => {
                (state.ballot, state.accepted, state.is_decided) = (ballot, Some((ballot, proposal)), true);
                Some(Vec::new())
            }
            _ => None,
        }
    }
}

#[test]
fn paxos_is_linearizable_in_as_many_states_as_published() {
    check::<Paxos>(2, 3, 16_668);
}
