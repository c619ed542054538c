//! Every violation of a graph at once: [`check`]. Time and memory are linear in the size of the graph; what is not,
//! the look for far-away prerequisites, has a limit of its own.

use std::collections::HashMap;

use garde::Validate;
use serde_json::{Map, Value};

use crate::id::NodeId;
use crate::task::checked::CheckedGraph;
use crate::task::def::{TaskDef, TaskGraph, When};
use crate::task::order::{Edges, Order};
use crate::task::reference::Reference;
use crate::task::render;
use crate::validation::{self, FieldError, ValidationError};

/// The most tasks of a graph.
pub const MAX_TASKS: usize = 100_000;
/// The most violations that are told; the last line says how many there are beyond.
pub const MAX_VIOLATIONS: usize = 1_000;
/// The most tasks that are looked at to see whether what references name comes first, over the whole graph.
pub const MAX_REFERENCE_STEPS: usize = 50_000_000;
/// Names of a cycle that are shown.
const SHOWN_IN_CYCLE: usize = 10;

/// Holds parameters against their schema (`parameterSchema`, the parameters as they are) and returns every
/// violation, with paths that begin at the task: `parameters.count`, `parameterSchema`.
pub type SchemaCheck<'a> = dyn Fn(&Value, &Map<String, Value>) -> Vec<FieldError> + 'a;

/// Looks at everything that can be known before anything runs.
///
/// # Errors
/// Every violation, in the order of the tasks, with its field (`tasks[3].after[0]`).
pub fn check(graph: TaskGraph, schemas: &SchemaCheck<'_>) -> Result<CheckedGraph, ValidationError> {
    let mut faults = ValidationError::default();
    if let Err(fault) = validation::tool_name(&graph.name, &()) {
        faults.push("name", fault.message());
    }
    let count = graph.tasks.len();
    if count == 0 || count > MAX_TASKS {
        let text = if count == 0 {
            "must hold at least one task".to_owned()
        } else {
            format!("holds {count} tasks, at most {MAX_TASKS} are allowed; cut it into several graphs")
        };
        faults.push("tasks", text);
        return Err(faults);
    }
    let mut found = Found::default();
    let names = names(&graph, &mut found);
    let needs = prerequisites(&graph, &names, &mut found);
    let needed_by = needs.reversed();
    let order = Order::of(&needs, &needed_by);
    for cycle in &order.cycles {
        tell_cycle(&graph, cycle, &mut found);
    }
    let mut references = References {
        names: &names,
        needs: &needs,
        levels: order.cycles.is_empty().then_some(&order.levels),
        seen: vec![0; count],
        turn: 0,
        steps: 0,
    };
    for (index, task) in graph.tasks.iter().enumerate() {
        own_faults(index, task, schemas, &mut found);
        references.of_task(index, task, &mut found);
    }
    found.into(&mut faults);
    faults.into_result()?;
    drop(names);
    Ok(CheckedGraph::new(graph, needs, needed_by, order))
}

/// Violations with the task they belong to.
#[derive(Default)]
struct Found {
    faults: Vec<(usize, FieldError)>,
    beyond: usize,
}

impl Found {
    fn push(&mut self, task: usize, field: &str, message: impl Into<String>) {
        if self.faults.len() < MAX_VIOLATIONS {
            let path = format!("tasks[{task}].{field}");
            self.faults.push((task, FieldError { path, message: message.into() }));
        } else {
            self.beyond += 1;
        }
    }

    fn into(mut self, error: &mut ValidationError) {
        self.faults.sort_by_key(|(task, _)| *task);
        error.fields.extend(self.faults.into_iter().map(|(_, fault)| fault));
        if self.beyond > 0 {
            error.push("tasks", format!("{} more things are not valid", self.beyond));
        }
    }
}

fn names<'a>(graph: &'a TaskGraph, found: &mut Found) -> HashMap<&'a str, usize> {
    let mut names = HashMap::with_capacity(graph.tasks.len());
    for (index, task) in graph.tasks.iter().enumerate() {
        match names.get(task.name.as_str()) {
            Some(first) => {
                found.push(index, "name", format!("{:?} is the name of tasks[{first}] already", task.name));
            }
            None => {
                names.insert(task.name.as_str(), index);
            }
        }
    }
    names
}

fn prerequisites(graph: &TaskGraph, names: &HashMap<&str, usize>, found: &mut Found) -> Edges {
    let mut lists = Vec::with_capacity(graph.tasks.len());
    // Which task a name was last met in, so that a name that is given twice is seen without a set for each task.
    let mut met = vec![usize::MAX; graph.tasks.len()];
    for (index, task) in graph.tasks.iter().enumerate() {
        let mut list = Vec::with_capacity(task.after.len());
        for (place, name) in task.after.iter().enumerate() {
            let field = || format!("after[{place}]");
            let Some(need) = names.get(name.as_str()) else {
                found.push(index, &field(), format!("no task is named {name:?}"));
                continue;
            };
            match met.get_mut(*need) {
                Some(last) if *last == index => {
                    found.push(index, &field(), format!("{name:?} is given twice"))
                }
                Some(last) => {
                    *last = index;
                    list.push(*need);
                }
                None => {}
            }
        }
        if task.when == When::Failed && task.after.is_empty() {
            found.push(
                index,
                "when",
                "is failed, but there is no prerequisite that could fail; name one in after",
            );
        }
        lists.push(list);
    }
    Edges::of(lists)
}

/// One violation for each cycle, at its first task.
fn tell_cycle(graph: &TaskGraph, cycle: &[usize], found: &mut Found) {
    let Some(first) = cycle.first() else { return };
    let next = cycle.get(1).unwrap_or(first);
    let name = |task: &usize| graph.tasks.get(*task).map_or("", |task| task.name.as_str()).to_owned();
    let mut names: Vec<String> = if cycle.len() > SHOWN_IN_CYCLE {
        let (begin, end) = (SHOWN_IN_CYCLE - 2, cycle.len() - 2);
        let left_out = format!("({} more)", end - begin);
        let shown = cycle.iter().take(begin).map(name);
        shown.chain([left_out]).chain(cycle.iter().skip(end).map(name)).collect()
    } else {
        cycle.iter().map(name).collect()
    };
    names.push(name(first));
    let text = if cycle.len() == 1 {
        format!("{} comes after itself", name(first))
    } else {
        format!("a cycle of {} tasks: {}", cycle.len(), names.join(" after "))
    };
    let after = graph.tasks.get(*first).map(|task| task.after.as_slice()).unwrap_or_default();
    let place = after.iter().position(|need| *need == name(next)).unwrap_or_default();
    found.push(*first, &format!("after[{place}]"), text);
}

/// What is wrong with a task by itself.
fn own_faults(index: usize, task: &TaskDef, schemas: &SchemaCheck<'_>, found: &mut Found) {
    if let Err(report) = task.validate() {
        for fault in ValidationError::from_report(&report).fields {
            found.push(index, &fault.path, fault.message);
        }
    }
    for (field, is_given) in [
        ("idempotencyKey", task.request.idempotency_key.is_some()),
        ("rerunOf", task.request.rerun_of.is_some()),
        ("parent", task.request.parent.is_some()),
    ] {
        if is_given {
            found.push(index, field, "is set by the graph that the task is part of; leave it out");
        }
    }
    if let Some(schema) = &task.parameter_schema {
        for fault in schemas(schema, &task.parameters) {
            found.push(index, &fault.path, fault.message);
        }
    }
}

/// Looks at what tasks refer to.
struct References<'a> {
    names: &'a HashMap<&'a str, usize>,
    needs: &'a Edges,
    /// Absent where there are cycles: nothing comes first then.
    levels: Option<&'a Vec<usize>>,
    /// In which turn each task was last come by.
    seen: Vec<usize>,
    turn: usize,
    steps: usize,
}

impl References<'_> {
    fn of_task(&mut self, index: usize, task: &TaskDef, found: &mut Found) {
        let mut faults = ValidationError::default();
        let references = render::find(&task.request, &mut faults);
        for fault in faults.fields {
            found.push(index, &fault.path, fault.message);
        }
        for (field, reference) in references {
            if let Err(fault) = self.look(index, task, &reference) {
                found.push(index, &field, format!("{reference}: {fault}"));
            }
        }
    }

    fn look(&mut self, index: usize, task: &TaskDef, reference: &Reference) -> Result<(), String> {
        let name = match reference {
            Reference::Parameter(name) if task.parameters.contains_key(name) => return Ok(()),
            Reference::Parameter(name) => {
                let known: Vec<&str> = task.parameters.keys().map(String::as_str).take(20).collect();
                let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
                return Err(format!("the task has no parameter {name:?}; known: {known}"));
            }
            Reference::Status { task } => task,
            Reference::Node { task, node, .. } => {
                NodeId::new(node).map_err(|error| error.to_string())?;
                task
            }
        };
        let Some(other) = self.names.get(name.as_str()).copied() else {
            return Err(format!("no task is named {name:?}"));
        };
        let Some(levels) = self.levels else { return Ok(()) };
        match self.comes_first(other, index, levels) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("{name} does not come before this task; name it in after")),
            None => Err(format!(
                "more than {MAX_REFERENCE_STEPS} tasks were looked at to see what comes first; name {name} itself in \
                 after"
            )),
        }
    }

    /// Whether `other` is a prerequisite of `task`, directly or not; `None` past the limit.
    fn comes_first(&mut self, other: usize, task: usize, levels: &[usize]) -> Option<bool> {
        if self.needs.of_task(task).contains(&other) {
            return Some(true);
        }
        let level = |task: usize| levels.get(task).copied().unwrap_or_default();
        self.turn += 1;
        let mut open = vec![task];
        // Ends: no task is opened twice in a turn.
        while let Some(at) = open.pop() {
            for need in self.needs.of_task(at) {
                self.steps += 1;
                if *need == other {
                    return Some(true);
                }
                // What is not above it cannot need it.
                let Some(seen) = self.seen.get_mut(*need) else { continue };
                if *seen != self.turn && level(*need) > level(other) {
                    *seen = self.turn;
                    open.push(*need);
                }
            }
            if self.steps > MAX_REFERENCE_STEPS {
                return None;
            }
        }
        Some(false)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
