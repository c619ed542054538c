//! The second step of reading: when all groups are known, each text in a list of targets shows what it is.

use super::read::{Entry, Reader};
use super::target::name_of_uri;

impl Reader {
    /// Tells of each text whether it names a target of another place, is an alias, or is a target of its own.
    pub(super) fn resolve(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        for (at, entries) in entries.into_iter().enumerate() {
            for (field, entry) in entries {
                if self.read.faults.is_full() {
                    return;
                }
                let (target, data, place) = match entry {
                    Entry::Defined(target, data) => (target, Some(data), (0, 0)),
                    Entry::Text(text, line, column) => {
                        let known =
                            self.read.tree.index.get(&text).or_else(|| self.aliases.get(&text)).copied();
                        let target = match known {
                            Some(known) => known,
                            None => match name_of_uri(&text) {
                                Ok(id) => {
                                    let target = self.target_named(&id);
                                    if let Some(target) = self.read.tree.targets.get_mut(target) {
                                        target.uri.get_or_insert(text);
                                    }
                                    target
                                }
                                Err(error) => {
                                    self.read.faults.fault(line, column, &field, error.to_string());
                                    continue;
                                }
                            },
                        };
                        (target, None, (line, column))
                    }
                };
                let Some(group) = self.read.tree.groups.get_mut(at) else { continue };
                match group.targets.get_mut(&target) {
                    None => {
                        group.targets.insert(target, data);
                        group.order.push(target);
                    }
                    // Bolt says so, too, and takes the first.
                    Some(_) => self.read.faults.warn(
                        place.0,
                        place.1,
                        &field,
                        "is in this group already; passed over",
                    ),
                }
            }
        }
    }

    /// No two of groups, targets and aliases may have one name.
    pub(super) fn check(&mut self) {
        for name in &self.group_names {
            if name != "all" && self.read.tree.index.contains_key(name) {
                self.read.faults.fault(0, 0, name, "is the name of a group and of a target");
            } else if self.aliases.contains_key(name) {
                self.read.faults.fault(0, 0, name, "is the name of a group and an alias");
            }
        }
        for alias in self.aliases.keys() {
            if self.read.tree.index.contains_key(alias) {
                self.read.faults.fault(0, 0, alias, "is the name of a target and an alias");
            }
        }
    }
}
