//! What is looked at: [`Matrix`] has what came out by each [`Way`] for each [`Outcome`], and says in which forms a secret is
//! there, or was before it was taken out.

use std::collections::{BTreeMap, BTreeSet};

use pabawi_testkit::canary::{Canaries, Canary, Form, said_in};

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It succeeds.
    Success,
    /// It fails.
    Failure,
    /// It is ended because it takes too long.
    TimeOut,
    /// What runs it panics.
    Panic,
    /// It succeeds, and everything is kept and logged.
    Debug,
}

/// By which way something comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// What `pab` prints while it runs.
    Output,
    /// Its log as text, of the run and of all questions about it.
    LogText,
    /// Its log as JSON.
    LogJson,
    /// The events that are stored, and the output that they make when they are put together.
    Events,
    /// The list of executions.
    History,
    /// The record of the execution with its results.
    Record,
    /// The outputs that are stored.
    StoredOutput,
    /// What the errors of nodes say, with their causes and stacks.
    Errors,
    /// The journal.
    Journal,
    /// Where the time went.
    Slow,
    /// The export.
    Export,
    /// The page about the execution.
    Report,
    /// What was measured.
    Metrics,
    /// The command lines of all processes.
    Processes,
    /// Files that were there for a while.
    TemporaryFiles,
    /// All that is in the database, and its files.
    Database,
    /// The log of the database's server.
    ServerLog,
}

impl Way {
    /// Those that every database has.
    pub(crate) const ALL: [Self; 16] = [
        Self::Output,
        Self::LogText,
        Self::LogJson,
        Self::Events,
        Self::History,
        Self::Record,
        Self::StoredOutput,
        Self::Errors,
        Self::Journal,
        Self::Slow,
        Self::Export,
        Self::Report,
        Self::Metrics,
        Self::Processes,
        Self::TemporaryFiles,
        Self::Database,
    ];

    /// Where the output of nodes comes out.
    pub(crate) const OF_OUTPUT: [Self; 6] =
        [Self::Output, Self::Events, Self::StoredOutput, Self::Export, Self::Report, Self::Database];

    /// Where errors of nodes come out.
    pub(crate) const OF_ERRORS: [Self; 11] = [
        Self::Output,
        Self::LogText,
        Self::LogJson,
        Self::Events,
        Self::Record,
        Self::Errors,
        Self::Journal,
        Self::Slow,
        Self::Export,
        Self::Report,
        Self::Database,
    ];
}

/// Everything that came out.
#[derive(Debug, Default)]
pub(crate) struct Matrix(BTreeMap<(Outcome, Way), Vec<u8>>);

impl Matrix {
    /// Adds what came out.
    pub(crate) fn add(&mut self, outcome: Outcome, way: Way, bytes: &[u8]) {
        let cell = self.0.entry((outcome, way)).or_default();
        cell.extend_from_slice(bytes);
        cell.push(b'\n');
    }

    fn cell(&self, outcome: Outcome, way: Way) -> &[u8] {
        self.0.get(&(outcome, way)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Fails where a way of an outcome was not looked at.
    pub(crate) fn is_whole(&self, outcomes: &[Outcome], ways: &[Way]) {
        let all = outcomes.iter().flat_map(|outcome| ways.iter().map(|way| (*outcome, *way)));
        let missing: Vec<_> = all.filter(|(outcome, way)| self.cell(*outcome, *way).len() < 2).collect();
        assert!(missing.is_empty(), "these were not looked at: {missing:?}");
    }

    /// Fails where a secret is anywhere, in any form.
    pub(crate) fn is_clean(&self, canaries: &[Canary]) {
        let canaries = Canaries::new(canaries);
        let of = |((outcome, way), bytes): (&(Outcome, Way), &Vec<u8>)| {
            let found = canaries.found_in(bytes);
            (!found.is_empty()).then(|| format!("{way:?} of {outcome:?} has {}", found.join(", and ")))
        };
        let found: Vec<String> = self.0.iter().filter_map(of).collect();
        assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
    }

    /// In which of the forms the canary is there, by their marks.
    pub(crate) fn told(&self, outcome: Outcome, way: Way, canary: &Canary) -> BTreeSet<Form> {
        self.forms(outcome, way, |said| canary.found_in(said.as_bytes()).is_some())
    }

    /// In which of the forms something was there and was taken out.
    pub(crate) fn taken_out(&self, outcome: Outcome, way: Way) -> BTreeSet<Form> {
        self.forms(outcome, way, |said| said.contains("***"))
    }

    /// Fails where the forms are not there that have to be.
    #[track_caller]
    pub(crate) fn has(&self, wanted: &[Form], found: &BTreeSet<Form>, outcome: Outcome, way: Way) {
        let has_all = wanted.iter().all(|form| found.contains(form));
        assert!(has_all, "{way:?} of {outcome:?} was to have {wanted:?} and has {found:?}");
    }

    fn forms(&self, outcome: Outcome, way: Way, is_so: impl Fn(&str) -> bool) -> BTreeSet<Form> {
        let said = said_in(self.cell(outcome, way));
        said.into_iter().filter(|(_, all)| all.iter().any(|one| is_so(one))).map(|(form, _)| form).collect()
    }
}
