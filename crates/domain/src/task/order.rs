//! Levels and cycles of a graph of any shape: [`Edges`], [`Order`]. Nothing here recurses, so that a chain of any
//! length needs no stack; all of it is linear in tasks and prerequisites.

/// For each task a list of others, all lists in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edges {
    /// Where the list of each task begins; one more than there are tasks.
    starts: Vec<usize>,
    items: Vec<usize>,
}

impl Edges {
    /// The lists of the tasks in their order.
    pub(super) fn of<I: IntoIterator<Item = usize>>(lists: impl IntoIterator<Item = I>) -> Self {
        let mut edges = Self { starts: vec![0], items: Vec::new() };
        for list in lists {
            edges.items.extend(list);
            edges.starts.push(edges.items.len());
        }
        edges
    }

    /// The list of one task.
    pub(super) fn of_task(&self, task: usize) -> &[usize] {
        let (from, to) = (self.starts.get(task), self.starts.get(task.saturating_add(1)));
        match (from, to) {
            (Some(from), Some(to)) => self.items.get(*from..*to).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The same edges from their other ends: prerequisites become dependants. Lists are in rising order.
    pub(super) fn reversed(&self) -> Self {
        let count = self.len();
        let mut ends = vec![0usize; count + 1];
        for item in &self.items {
            if let Some(end) = ends.get_mut(item + 1) {
                *end += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        let starts = ends.clone();
        let mut items = vec![0usize; sum];
        for task in 0..count {
            for item in self.of_task(task) {
                if let Some(place) = ends.get_mut(*item) {
                    if let Some(free) = items.get_mut(*place) {
                        *free = task;
                    }
                    *place += 1;
                }
            }
        }
        Self { starts, items }
    }
}

/// What follows from the prerequisites alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// How many tasks are on the longest way to each one; 0 for those without prerequisites. Meaningless for
    /// tasks of a cycle.
    pub(super) levels: Vec<usize>,
    /// Cycles, each from its first task in the order of the graph, with every task before the one it needs.
    pub(super) cycles: Vec<Vec<usize>>,
}

impl Order {
    /// Looks at the prerequisites of every task (`needs`) and at their dependants.
    pub(super) fn of(needs: &Edges, needed_by: &Edges) -> Self {
        let count = needs.len();
        let mut levels = vec![0usize; count];
        let mut open: Vec<usize> = (0..count).map(|task| needs.of_task(task).len()).collect();
        let mut free: Vec<usize> = (0..count).filter(|task| needs.of_task(*task).is_empty()).collect();
        // Ends: a task becomes free once, when its last prerequisite has been taken.
        while let Some(task) = free.pop() {
            let next = levels.get(task).copied().unwrap_or_default() + 1;
            for dependant in needed_by.of_task(task) {
                if let Some(level) = levels.get_mut(*dependant) {
                    *level = (*level).max(next);
                }
                if let Some(left) = open.get_mut(*dependant) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        free.push(*dependant);
                    }
                }
            }
        }
        let stuck: Vec<bool> = open.iter().map(|left| *left > 0).collect();
        Self { levels, cycles: cycles(needs, &stuck) }
    }
}

/// Every task that is stuck needs one that is stuck, so a walk along those comes back to where it was: a cycle.
/// One walk finds at most one, and no task is walked over twice.
fn cycles(needs: &Edges, stuck: &[bool]) -> Vec<Vec<usize>> {
    let is_stuck = |task: usize| stuck.get(task).copied().unwrap_or_default();
    // The number of the walk that came by, from 1.
    let mut walked = vec![0usize; stuck.len()];
    let mut found = Vec::new();
    for (number, first) in (1..).zip((0..stuck.len()).filter(|task| is_stuck(*task))) {
        let mut way = Vec::new();
        let mut at = first;
        // Ends at a task that some walk has come by.
        let meets_itself = loop {
            match walked.get_mut(at) {
                Some(mark) if *mark == 0 => *mark = number,
                Some(mark) => break *mark == number,
                None => break false,
            }
            way.push(at);
            match needs.of_task(at).iter().find(|need| is_stuck(**need)) {
                Some(need) => at = *need,
                None => break false,
            }
        };
        if meets_itself && let Some(begin) = way.iter().position(|task| *task == at) {
            let mut cycle = way.split_off(begin);
            let smallest =
                cycle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(place, _)| place);
            cycle.rotate_left(smallest);
            found.push(cycle);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(needs: &[Vec<usize>]) -> Order {
        let needs = Edges::of(needs.iter().cloned());
        Order::of(&needs, &needs.reversed())
    }

    #[test]
    fn levels_are_the_longest_ways() {
        let order = order(&[vec![], vec![0], vec![0, 1], vec![], vec![3, 2]]);
        assert_eq!(order.levels, [0, 1, 2, 0, 3]);
        assert!(order.cycles.is_empty());
    }

    #[test]
    fn every_cycle_is_found_once_and_begins_with_its_first_task() {
        assert_eq!(order(&[vec![0]]).cycles, [[0]]);
        let two = order(&[vec![2], vec![1], vec![3], vec![0], vec![3], vec![]]);
        assert_eq!(two.cycles, [vec![0, 2, 3], vec![1]]);
        let long: Vec<Vec<usize>> = (0..10_000).map(|task| vec![(task + 1) % 10_000]).collect();
        let cycles = order(&long).cycles;
        assert_eq!((cycles.len(), cycles[0].len(), cycles[0][0]), (1, 10_000, 0));
    }

    proptest! {
        #[test]
        fn edges_turn_around_and_back(lists in proptest::collection::vec(proptest::collection::btree_set(0usize..30, 0..6), 30)) {
            let edges = Edges::of(lists.iter().map(|list| list.iter().copied()));
            let reversed = edges.reversed();
            for task in 0..30 {
                for other in edges.of_task(task) {
                    prop_assert!(reversed.of_task(*other).contains(&task));
                }
            }
            prop_assert_eq!(reversed.reversed(), edges);
        }

        /// R2.7
        #[test]
        fn a_task_stands_above_all_it_needs_or_there_is_a_cycle(
            lists in proptest::collection::vec(proptest::collection::btree_set(0usize..12, 0..3), 12)
        ) {
            let needs = Edges::of(lists.iter().map(|list| list.iter().copied()));
            let order = Order::of(&needs, &needs.reversed());
            for cycle in &order.cycles {
                for (at, task) in cycle.iter().enumerate() {
                    let next = cycle[(at + 1) % cycle.len()];
                    prop_assert!(needs.of_task(*task).contains(&next));
                }
            }
            if order.cycles.is_empty() {
                for task in 0..12 {
                    for need in needs.of_task(task) {
                        prop_assert!(order.levels[*need] < order.levels[task]);
                    }
                }
            }
        }
    }
}
