//! [`Selection`]: a set of nodes, by their places, that remembers in which order they came.

/// Nodes by their places in a universe, each once, in the order in which they were added. Adding, taking out and asking
/// take constant time.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selection {
    /// For each node one more than its place in `entries`; 0 when it is not selected.
    position: Vec<u32>,
    /// Nodes in the order in which they were added. One that was taken out stays until the list is tidied up; it counts
    /// only where `position` leads back to it.
    entries: Vec<u32>,
    count: usize,
}

impl Selection {
    /// How many nodes.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn contains(&self, node: u32) -> bool {
        self.position.get(node as usize).is_some_and(|position| *position != 0)
    }

    /// `false` when it was there already.
    pub(crate) fn add(&mut self, node: u32) -> bool {
        if self.contains(node) {
            return false;
        }
        if self.entries.len() > 2 * self.count + 1024 {
            self.tidy();
        }
        let index = node as usize;
        if self.position.len() <= index {
            self.position.resize(index + 1, 0);
        }
        self.entries.push(node);
        let place = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        if let Some(position) = self.position.get_mut(index) {
            *position = place;
        }
        self.count += 1;
        true
    }

    /// `false` when it was not there.
    pub(crate) fn remove(&mut self, node: u32) -> bool {
        match self.position.get_mut(node as usize) {
            Some(position) if *position != 0 => {
                *position = 0;
                self.count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Takes out all that `stays` does not want.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        let nodes: Vec<u32> = self.iter().collect();
        for node in nodes {
            if !stays(node) {
                self.remove(node);
            }
        }
        self.tidy();
    }

    /// Nothing is selected any more; the memory is kept.
    pub(crate) fn clear(&mut self) {
        for node in self.entries.drain(..) {
            if let Some(position) = self.position.get_mut(node as usize) {
                *position = 0;
            }
        }
        self.count = 0;
    }

    /// The nodes in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().enumerate().filter_map(|(index, node)| {
            let place = self.position.get(*node as usize)?;
            (*place as usize == index + 1).then_some(*node)
        })
    }

    /// Forgets entries of nodes that are not selected any more.
    fn tidy(&mut self) {
        if self.entries.len() == self.count {
            return;
        }
        self.entries = self.iter().collect();
        for (place, node) in (1u32..).zip(&self.entries) {
            if let Some(position) = self.position.get_mut(*node as usize) {
                *position = place;
            }
        }
    }
}

impl Extend<u32> for Selection {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, nodes: I) {
        for node in nodes {
            self.add(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list.
        #[test]
        fn it_is_an_ordered_set(steps in proptest::collection::vec((0u8..3, 0u32..12), 0..4000)) {
            let mut selection = Selection::default();
            let mut plain: Vec<u32> = Vec::new();
            for (step, node) in steps {
                match step {
                    0 => {
                        prop_assert_eq!(selection.add(node), !plain.contains(&node));
                        if !plain.contains(&node) {
                            plain.push(node);
                        }
                    }
                    1 => {
                        prop_assert_eq!(selection.remove(node), plain.contains(&node));
                        plain.retain(|other| *other != node);
                    }
                    _ => prop_assert_eq!(selection.contains(node), plain.contains(&node)),
                }
            }
            prop_assert_eq!(selection.iter().collect::<Vec<_>>(), plain.clone());
            prop_assert_eq!(selection.len(), plain.len());
            selection.retain(|node| node % 2 == 0);
            plain.retain(|node| node % 2 == 0);
            prop_assert_eq!(selection.iter().collect::<Vec<_>>(), plain);
        }
    }
}
