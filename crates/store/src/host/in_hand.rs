//! The entries that a journal service is being told: [`InHand`], in their order. One that it does not take stays, and others behind
//! it may be told already.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use pabawi_domain::panic_guard::CatchPanic;
use pabawi_domain::ports::{HostEntry, HostJournal, HostJournalError};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Duration, Instant};
use tracing::Instrument as _;

use super::entries;
use super::words::Wider;
use crate::sql::mirrored::UnmirroredEntry;

/// Users that are remembered as unknown to the host.
const STRANGERS: usize = 1_000;
/// Looks in which the service has taken others and not this one, after which it is left out.
const PATIENCE: u32 = 5;

/// What a service is known not to take: words that its tables have no place for, and users that it does not know.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) wider: Wider,
    strangers: HashSet<String>,
}

impl Default for Known {
    fn default() -> Self {
        Self { wider: Wider::ALL, strangers: HashSet::new() }
    }
}

impl Known {
    /// An entry in the forms in which it is tried, until one is taken: as it is, with words that Pabawi's tables have always
    /// taken, and without its user, whom the details name.
    fn forms(&self, unmirrored: &UnmirroredEntry, has_rows: bool) -> Vec<HostEntry> {
        let mut whole = entries::told(unmirrored, self.wider, has_rows);
        whole.user_id = whole.user_id.filter(|user| !self.strangers.contains(user));
        let narrow = HostEntry {
            user_id: whole.user_id.clone(),
            ..entries::told(unmirrored, Wider::default(), has_rows)
        };
        let mut forms = vec![whole];
        if forms.last() != Some(&narrow) {
            forms.push(narrow.clone());
        }
        if narrow.user_id.is_some() {
            forms.push(HostEntry { user_id: None, ..narrow });
        }
        forms
    }

    /// Remembers what of an entry was not taken.
    fn learn(&mut self, taken: Taken) {
        let Taken { event_type, source, user } = taken;
        self.wider.event_types &= !event_type;
        self.wider.sources &= !source;
        if let Some(user) = user {
            if self.strangers.len() >= STRANGERS {
                self.strangers.clear();
            }
            self.strangers.insert(user);
        }
    }
}

/// What the service did not take of an entry that it took.
#[derive(Debug, Default)]
struct Taken {
    event_type: bool,
    source: bool,
    user: Option<String>,
}

/// Tells an entry in one form after the other.
async fn tell(journal: Arc<dyn HostJournal>, forms: Vec<HostEntry>) -> Result<Taken, HostJournalError> {
    let mut refusal = None;
    for form in &forms {
        match journal.record(form).await {
            Ok(()) => {
                let whole = forms.first().unwrap_or(form);
                return Ok(Taken {
                    event_type: form.event_type != whole.event_type,
                    source: form.source != whole.source,
                    user: whole.user_id.clone().filter(|_| form.user_id.is_none()),
                });
            }
            // What it says about the entry as it is tells most.
            Err(error @ HostJournalError::Refused(_)) => drop(refusal.get_or_insert(error)),
            Err(error) => return Err(error),
        }
    }
    Err(refusal.unwrap_or_else(|| HostJournalError::Unavailable("there is nothing to tell".to_owned())))
}

/// An entry that is in hand.
#[derive(Debug)]
struct Entry {
    key: i64,
    /// Absent where there is nothing to tell: it is told, it is damaged, or a later version stands in its place.
    unmirrored: Option<Box<UnmirroredEntry>>,
    state: State,
    /// Looks in which others were taken, and this one was not.
    passed_over: u32,
}

#[derive(Debug)]
enum State {
    Untold,
    Open { call: AbortHandle, since: Instant },
    Told,
}

impl Entry {
    fn is_told(&self) -> bool {
        matches!(self.state, State::Told)
    }
}

/// How one turn of calls went.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// How many entries were taken.
    pub(super) taken: u64,
    /// Why the first that was not taken was not; nothing in it where the service has not answered in time.
    pub(super) fault: Option<Option<HostJournalError>>,
    /// Entries that are left out now, and why.
    pub(super) left_out: Vec<(String, String)>,
}

/// Entries in the order of their keys, and the calls about them that are open. These outlive a look: what is late is still heard.
#[derive(Debug, Default)]
pub(super) struct InHand {
    entries: VecDeque<Entry>,
    calls: JoinSet<Result<Taken, HostJournalError>>,
    pub(super) known: Known,
}

impl InHand {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many are not told.
    pub(super) fn untold(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.is_told()).count()
    }

    pub(super) fn last(&self) -> Option<i64> {
        self.entries.back().map(|entry| entry.key)
    }

    /// Takes one up, behind all others; without an entry there is nothing to tell.
    pub(super) fn push(&mut self, key: i64, unmirrored: Option<UnmirroredEntry>) {
        let state = if unmirrored.is_some() { State::Untold } else { State::Told };
        self.entries.push_back(Entry { key, unmirrored: unmirrored.map(Box::new), state, passed_over: 0 });
    }

    /// Forgets them all; open calls are not heard any more.
    pub(super) fn let_go(&mut self) {
        self.entries.clear();
        self.calls.abort_all();
    }

    /// Begins the calls of the first entries that are not told, in their order. One that is open since before `lost` is made anew.
    pub(super) async fn begin(
        &mut self,
        journal: &Arc<dyn HostJournal>,
        window: usize,
        has_rows: bool,
        lost: Duration,
    ) {
        for entry in self.entries.iter_mut().filter(|entry| !entry.is_told()).take(window) {
            if let State::Open { call, since } = &entry.state {
                if call.is_finished() || since.elapsed() < lost {
                    continue;
                }
                call.abort();
            }
            let Some(unmirrored) = &entry.unmirrored else { continue };
            let forms = self.known.forms(unmirrored, has_rows);
            let mut telling = CatchPanic(Box::pin(tell(Arc::clone(journal), forms)));
            // Tasks begin in any order, so each call is begun here.
            let begun = poll_fn(|context| Poll::Ready(Pin::new(&mut telling).poll(context))).await;
            let told = async move {
                let told = match begun {
                    Poll::Ready(told) => told,
                    Poll::Pending => telling.await,
                };
                told.unwrap_or_else(|panic| Err(HostJournalError::Unavailable(panic.message)))
            };
            let call = self.calls.spawn(told.in_current_span());
            entry.state = State::Open { call, since: Instant::now() };
        }
    }

    /// Hears the calls that are open, for so long.
    pub(super) async fn hear(&mut self, within: Duration) -> Heard {
        let (mut heard, mut refused) = (Heard::default(), Vec::new());
        let until = Instant::now() + within;
        // Ends with the last call, or with the time.
        while let Ok(Some(told)) = tokio::time::timeout_at(until, self.calls.join_next_with_id()).await {
            // An error is that of a call which was given up.
            let Ok((call, told)) = told else { continue };
            let is_it =
                |entry: &Entry| matches!(&entry.state, State::Open { call: of, .. } if of.id() == call);
            let Some(entry) = self.entries.iter_mut().find(|entry| is_it(entry)) else { continue };
            match told {
                Ok(taken) => {
                    (entry.state, entry.unmirrored) = (State::Told, None);
                    self.known.learn(taken);
                    heard.taken += 1;
                }
                Err(error) => {
                    entry.state = State::Untold;
                    refused.push((entry.key, error));
                }
            }
        }
        self.judge(&mut heard, refused);
        heard
    }

    /// What has become of those that were not taken. One that is passed over again and again, while the service takes others, will
    /// never be taken, and what is behind it would never be marked.
    fn judge(&mut self, heard: &mut Heard, mut refused: Vec<(i64, HostJournalError)>) {
        refused.sort_by_key(|(key, _)| *key);
        let open = self.entries.iter().find(|entry| matches!(entry.state, State::Open { .. }));
        let late = open.map(|entry| entry.key);
        let first = refused.first().map(|(key, error)| (*key, error.clone()));
        heard.fault = match (first, late) {
            (Some((key, error)), late) if late.is_none_or(|late| key < late) => Some(Some(error)),
            (None, None) => None,
            _ => Some(None),
        };
        if heard.taken == 0 {
            return;
        }
        for entry in &mut self.entries {
            let error = refused.iter().find(|(key, _)| *key == entry.key).map(|(_, error)| error.to_string());
            let error = match &entry.state {
                State::Open { .. } => "it has not answered".to_owned(),
                State::Told => continue,
                State::Untold => match error {
                    Some(error) => error,
                    // Its turn has not come.
                    None => continue,
                },
            };
            entry.passed_over += 1;
            if entry.passed_over >= PATIENCE {
                if let State::Open { call, .. } = std::mem::replace(&mut entry.state, State::Told) {
                    call.abort();
                }
                let id = entry.unmirrored.as_ref().map(|unmirrored| unmirrored.entry.entry.id.to_string());
                heard.left_out.push((id.unwrap_or_default(), error));
            }
        }
    }

    /// The key up to which all are told.
    pub(super) fn told_up_to(&self) -> Option<i64> {
        self.entries.iter().take_while(|entry| entry.is_told()).last().map(|entry| entry.key)
    }

    /// Those up to that key are the store's to remember now.
    pub(super) fn drop_up_to(&mut self, key: i64) {
        while self.entries.front().is_some_and(|entry| entry.key <= key) {
            self.entries.pop_front();
        }
    }
}
