//! [`read_ini`]: Ansible's INI format, line by line as its `ini` plugin reads it: `[group]`, `[group:children]`,
//! `[group:vars]`, hosts with ranges, ports and variables.

use std::collections::HashMap;

use super::host_pattern::expand;
use super::literal::value_of;
use super::model::{Model, UNGROUPED};
use super::words::words;
use crate::source::faults::Faults;

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Vars,
    Children,
}

/// A group that is used before, or without, being declared.
struct Pending {
    line: u64,
    /// Those that want it as a child; empty when only its variables were given.
    parents: Vec<usize>,
}

struct Reader<'a> {
    model: &'a mut Model,
    faults: &'a mut Faults,
    pending: HashMap<String, Pending>,
    line: u64,
}

/// Reads a file into the model. Where there are faults, the model is of no use any more.
pub(super) fn read_ini(text: &str, model: &mut Model, faults: &mut Faults) {
    let mut reader = Reader { model, faults, pending: HashMap::new(), line: 0 };
    let mut group = UNGROUPED;
    let mut section = Section::Hosts;
    for line in lines(text) {
        reader.line += 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if reader.faults.is_full() {
            return;
        }
        if let Some((name, kind)) = header(line) {
            if let Some((at, kind)) = reader.begin(name, kind) {
                (group, section) = (at, kind);
            }
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            reader.fault(format!(
                "{line:?} is no section; write [group], [group:children] or [group:vars] without blanks"
            ));
            continue;
        }
        match section {
            Section::Hosts => reader.hosts(line, group),
            Section::Vars => reader.variable(line, group),
            Section::Children => reader.child(line, group),
        }
    }
    let mut undeclared: Vec<_> = reader.pending.into_iter().collect();
    undeclared.sort_by_key(|(_, pending)| pending.line);
    for (name, pending) in undeclared {
        let message = if pending.parents.is_empty() {
            format!("[{name}:vars] is for a group that is not defined; add [{name}]")
        } else {
            format!("the child group {name} is not defined; add [{name}]")
        };
        reader.faults.fault(pending.line, 0, "", message);
    }
}

/// Lines, whatever the editor ended them with.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// `[name]` or `[name:kind]`, with a comment behind it.
fn header(line: &str) -> Option<(&str, Option<&str>)> {
    let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    if !(rest.is_empty() || rest.starts_with('#')) {
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let good = !name.is_empty()
        && !name.contains(char::is_whitespace)
        && kind.is_none_or(|kind| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_'));
    good.then_some((name, kind))
}

impl Reader<'_> {
    fn fault(&mut self, message: impl Into<String>) {
        self.faults.fault(self.line, 0, "", message);
    }

    fn begin(&mut self, name: &str, kind: Option<&str>) -> Option<(usize, Section)> {
        let section = match kind {
            None | Some("hosts") => Section::Hosts,
            Some("vars") => Section::Vars,
            Some("children") => Section::Children,
            Some(other) => {
                self.fault(format!(
                    "section [{name}:{other}] is of no known kind; known are vars and children"
                ));
                return None;
            }
        };
        let is_new = self.model.group(name).is_none();
        let at = match self.model.add_group(name) {
            Ok(at) => at,
            Err(error) => {
                self.fault(error);
                return None;
            }
        };
        if section == Section::Vars {
            if is_new && !self.pending.contains_key(name) {
                self.pending.insert(name.to_owned(), Pending { line: self.line, parents: Vec::new() });
            }
        } else {
            self.declare(name, at);
        }
        Some((at, section))
    }

    /// A group that was waited for is there: it goes below those that wanted it.
    fn declare(&mut self, name: &str, at: usize) {
        if let Some(pending) = self.pending.remove(name) {
            for parent in pending.parents {
                if let Err(error) = self.model.add_child(parent, at) {
                    self.fault(error);
                }
            }
        }
    }

    fn hosts(&mut self, line: &str, group: usize) {
        let words = match words(line) {
            Ok(words) => words,
            Err(error) => return self.fault(error),
        };
        let mut words = words.into_iter();
        let Some(pattern) = words.next() else { return };
        let (names, port) = match expand(&pattern, self.model.hosts_left()) {
            Ok(expanded) => expanded,
            Err(error) => return self.fault(error),
        };
        let mut variables = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => variables.push((key.to_owned(), value_of(value))),
                None => return self.fault(format!("{word:?} behind a host must be key=value")),
            }
        }
        for name in names {
            match self.model.add_host(&name, Some(group), port) {
                Ok(host) => {
                    for (key, value) in &variables {
                        self.model.set_host_var(host, key.clone(), value.clone());
                    }
                }
                Err(error) => return self.fault(error),
            }
        }
    }

    fn variable(&mut self, line: &str, group: usize) {
        let Some((key, value)) = line.split_once('=') else {
            return self.fault(format!("{line:?} in a section of variables must be key=value"));
        };
        if let Err(error) = self.model.set_group_var(group, key.trim().to_owned(), value_of(value.trim())) {
            self.fault(error);
        }
    }

    fn child(&mut self, line: &str, parent: usize) {
        let name = line.split('#').next().unwrap_or_default().trim_end();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == ':' || c == ']') {
            return self.fault(format!("{line:?} in a section of children must be a group's name"));
        }
        let declared = self.model.group(name).filter(|_| !self.pending.contains_key(name));
        match declared {
            Some(child) => {
                if let Err(error) = self.model.add_child(parent, child) {
                    self.fault(error);
                }
            }
            None => {
                let line = self.line;
                let pending =
                    self.pending.entry(name.to_owned()).or_insert(Pending { line, parents: Vec::new() });
                pending.parents.push(parent);
            }
        }
    }
}
