//! The causal graph of a recorded run: a node for each step, an edge from each cause to what followed.
//!
//! Slices are cut out of it, and signatures are computed from its shape.

use crate::trace::Trace;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use petgraph::{Direction, graph::Neighbors};
use std::collections::BTreeSet;

/// The causal graph of a trace.
///
/// Causes come before their effects, so the numbers of steps are a topological order.
pub struct CausalGraph(DiGraph<(), ()>);

impl CausalGraph {
    /// Builds the graph of a trace.
    pub fn of(trace: &Trace) -> Self {
        let edges = trace.steps.iter().map(|step| step.causes.len()).sum();
        let mut graph = DiGraph::with_capacity(trace.steps.len(), edges);
        let nodes: Vec<NodeIndex> = trace.steps.iter().map(|_| graph.add_node(())).collect();
        for (step, node) in trace.steps.iter().zip(&nodes) {
            for cause in step.causes.iter().filter_map(|cause| nodes.get(*cause as usize)) {
                graph.add_edge(*cause, *node, ());
            }
        }
        Self(graph)
    }

    /// Returns `targets` and all steps that any of them follows from.
    pub fn causes_of(&self, targets: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut reached = BTreeSet::new();
        let mut search = Dfs::empty(Reversed(&self.0));
        for target in self.within(targets) {
            search.move_to(target);
            while let Some(node) = search.next(Reversed(&self.0)) {
                reached.insert(node.index() as u32);
            }
        }
        reached
    }

    /// Returns `origins` and all steps that follow from any of them.
    pub fn effects_of(&self, origins: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut reached = BTreeSet::new();
        let mut search = Dfs::empty(&self.0);
        for origin in self.within(origins) {
            search.move_to(origin);
            while let Some(node) = search.next(&self.0) {
                reached.insert(node.index() as u32);
            }
        }
        reached
    }

    /// Returns the direct causes of a step.
    pub fn direct_causes(&self, step: u32) -> impl Iterator<Item = u32> {
        self.neighbours(step, Direction::Incoming)
    }

    /// Returns the direct effects of a step.
    pub fn direct_effects(&self, step: u32) -> impl Iterator<Item = u32> {
        self.neighbours(step, Direction::Outgoing)
    }

    fn neighbours(&self, step: u32, direction: Direction) -> impl Iterator<Item = u32> {
        let direct: Option<Neighbors<'_, ()>> = ((step as usize) < self.0.node_count())
            .then(|| self.0.neighbors_directed(NodeIndex::new(step as usize), direction));
        direct.into_iter().flatten().map(|node| node.index() as u32)
    }

    fn within(&self, steps: impl IntoIterator<Item = u32>) -> impl Iterator<Item = NodeIndex> {
        let count = self.0.node_count();
        steps
            .into_iter()
            .filter(move |step| (*step as usize) < count)
            .map(|step| NodeIndex::new(step as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::tests::trace_of;

    #[test]
    fn causes_and_effects_are_found_along_the_edges() {
        // 0 → 1 → 3, 2 → 3, 3 → 4; step 5 stands alone.
        let graph = CausalGraph::of(&trace_of(&[&[], &[0], &[], &[1, 2], &[3], &[]]));
        assert_eq!(graph.causes_of([3]), BTreeSet::from([0, 1, 2, 3]));
        assert_eq!(graph.effects_of([1]), BTreeSet::from([1, 3, 4]));
        assert_eq!(graph.direct_causes(3).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]));
        assert_eq!(graph.direct_effects(3).collect::<BTreeSet<_>>(), BTreeSet::from([4]));
        assert!(graph.causes_of([99]).is_empty());
    }
}
