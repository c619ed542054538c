//! [`CheckedGraph`]: a graph without a violation, with its order. Only the check makes one.

use std::collections::HashMap;

use crate::task::def::{TaskDef, TaskGraph};
use crate::task::order::{Edges, Order};

/// A graph that can be run: names are unique, prerequisites exist, nothing goes in a circle, and every task's own
/// request is good. Tasks are named by their index in [`TaskGraph::tasks`].
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedGraph {
    graph: TaskGraph,
    needs: Edges,
    needed_by: Edges,
    levels: Vec<usize>,
    order: Vec<usize>,
    /// Where each task stands in `order`.
    places: Vec<usize>,
    names: HashMap<String, usize>,
}

impl CheckedGraph {
    /// Puts together what the check has found to be good.
    pub(super) fn new(graph: TaskGraph, needs: Edges, needed_by: Edges, order: Order) -> Self {
        let Order { levels, .. } = order;
        let level = |task: &usize| levels.get(*task).copied().unwrap_or_default();
        let mut order: Vec<usize> = (0..graph.tasks.len()).collect();
        order.sort_by_key(level);
        let mut places = vec![0; order.len()];
        for (place, task) in order.iter().enumerate() {
            if let Some(own) = places.get_mut(*task) {
                *own = place;
            }
        }
        let names = graph.tasks.iter().enumerate().map(|(index, task)| (task.name.clone(), index)).collect();
        Self { graph, needs, needed_by, levels, order, places, names }
    }

    /// The graph as it was written.
    pub fn graph(&self) -> &TaskGraph {
        &self.graph
    }

    /// How many tasks there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "a checked graph is never empty")]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// One task.
    pub fn task(&self, task: usize) -> Option<&TaskDef> {
        self.graph.tasks.get(task)
    }

    /// The task of that name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Every task once, each after all its prerequisites: by level, and within a level as they are written. The
    /// same graph has the same order every time.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The order cut into waves: tasks of a wave do not need each other, and each needs one of the wave before.
    pub fn levels(&self) -> impl Iterator<Item = &[usize]> {
        self.order.chunk_by(|one, other| self.level_of(*one) == self.level_of(*other))
    }

    /// How many tasks are on the longest way to this one.
    pub fn level_of(&self, task: usize) -> usize {
        self.levels.get(task).copied().unwrap_or_default()
    }

    /// The prerequisites of a task, as they are written.
    pub fn needs(&self, task: usize) -> &[usize] {
        self.needs.of_task(task)
    }

    /// The tasks that have this one as a prerequisite.
    pub fn needed_by(&self, task: usize) -> &[usize] {
        self.needed_by.of_task(task)
    }

    /// Where a task stands in the order.
    pub(super) fn place_of(&self, task: usize) -> usize {
        self.places.get(task).copied().unwrap_or_default()
    }
}
