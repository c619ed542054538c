//! [`Live`]: what the writer holds in memory of executions that are being written to, so that a result costs
//! no look-up: which node stands at which place, and how the counts stand.
//!
//! It is a cache of the database and nothing more. Whatever goes wrong, the entry is dropped and read anew.

use std::collections::HashMap;

use pabawi_domain::id::{ExecutionId, NodeId};
use pabawi_domain::ports::StoreError;
use pabawi_domain::summary::{ExecutionStatus, Progress};

use super::place::Place;
use crate::codec;
use crate::db::{self, Connection};
use crate::row::TargetClass;

/// Rows read at once.
const CHUNK: i64 = 5_000;

/// Executions that are being written to.
#[derive(Debug, Default)]
pub(crate) struct Live {
    executions: HashMap<ExecutionId, LiveExecution>,
}

/// One execution.
#[derive(Debug)]
pub(crate) struct LiveExecution {
    pub(crate) key: i64,
    pub(crate) progress: Progress,
    /// Nothing more is expected: the entry goes when the write that needed it is done.
    pub(crate) over: bool,
    places: HashMap<NodeId, u32>,
    targets: Vec<LiveTarget>,
}

/// One target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveTarget {
    pub(crate) class: TargetClass,
    pub(crate) attempt: u32,
    pub(crate) started_at: i64,
}

impl LiveExecution {
    pub(crate) fn new(key: i64, targets: usize) -> Self {
        Self {
            key,
            progress: Progress::default(),
            over: false,
            places: HashMap::with_capacity(targets),
            targets: Vec::with_capacity(targets),
        }
    }

    /// Adds the next target; `false` when its node is there already.
    pub(crate) fn push(&mut self, node: NodeId, target: LiveTarget) -> bool {
        let Ok(place) = u32::try_from(self.targets.len()) else { return false };
        if self.places.insert(node, place).is_some() {
            return false;
        }
        self.targets.push(target);
        self.progress.total += 1;
        *target.class.counter(&mut self.progress) += 1;
        true
    }

    /// The place of a node.
    pub(crate) fn place(&self, node: &NodeId) -> Option<u32> {
        self.places.get(node).copied()
    }

    /// The target at a place that [`LiveExecution::place`] gave.
    pub(crate) fn target(&self, place: u32) -> LiveTarget {
        usize::try_from(place).ok().and_then(|place| self.targets.get(place)).copied().unwrap_or(LiveTarget {
            class: TargetClass::Queued,
            attempt: 0,
            started_at: 0,
        })
    }

    /// Changes a target and the counts with it.
    pub(crate) fn set(&mut self, place: u32, target: LiveTarget) {
        let Some(held) = usize::try_from(place).ok().and_then(|place| self.targets.get_mut(place)) else {
            return;
        };
        let from = held.class.counter(&mut self.progress);
        *from = from.saturating_sub(1);
        *target.class.counter(&mut self.progress) += 1;
        *held = target;
    }
}

impl Live {
    pub(crate) fn insert(&mut self, id: ExecutionId, execution: LiveExecution) {
        self.executions.insert(id, execution);
    }

    pub(crate) fn evict(&mut self, id: ExecutionId) {
        self.executions.remove(&id);
    }

    /// The execution, when it is held.
    pub(crate) fn get_mut(&mut self, id: ExecutionId) -> Option<&mut LiveExecution> {
        self.executions.get_mut(&id)
    }

    /// The execution, read from the database when it is not held; `None` when there is none.
    pub(crate) async fn load(
        &mut self,
        id: ExecutionId,
        conn: &mut Connection,
        place: &Place,
    ) -> Result<Option<&mut LiveExecution>, StoreError> {
        if !self.executions.contains_key(&id) {
            match read(id, conn, place).await? {
                Some(execution) => self.insert(id, execution),
                None => return Ok(None),
            }
        }
        Ok(self.executions.get_mut(&id))
    }
}

async fn read(
    id: ExecutionId,
    conn: &mut Connection,
    place: &Place,
) -> Result<Option<LiveExecution>, StoreError> {
    let fault = |error| place.sql("read an execution", &error);
    let found = db::query("SELECT key, status FROM pabawi_exec_executions WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *conn)
        .await
        .map_err(fault)?;
    let Some(row) = found else { return Ok(None) };
    let key: i64 = row.try_get(0).map_err(fault)?;
    let status: &str = row.try_get(1).map_err(fault)?;
    let mut execution = LiveExecution::new(key, 0);
    execution.over = ExecutionStatus::from_word(status)
        .ok_or_else(|| place.corrupt(format!("unknown status {status:?} of {id}")))?
        .is_final();
    let mut next = 0i64;
    // Ends with the first chunk that is not full; positions rise with every chunk.
    loop {
        let rows = db::query(
            "SELECT position, node, state, outcome, attempt, started_at FROM pabawi_exec_targets \
             WHERE execution = $1 AND position >= $2 ORDER BY position LIMIT $3",
        )
        .bind(key)
        .bind(next)
        .bind(CHUNK)
        .fetch_all(&mut *conn)
        .await
        .map_err(fault)?;
        for row in &rows {
            let position: i64 = row.try_get(0).map_err(fault)?;
            let node: &str = row.try_get(1).map_err(fault)?;
            let outcome: Option<&str> = row.try_get(3).map_err(fault)?;
            let class = class_of(row.try_get(2).map_err(fault)?, outcome)?;
            let attempt = codec::attempt(row.try_get(4).map_err(fault)?)?;
            let started_at: Option<i64> = row.try_get(5).map_err(fault)?;
            let node =
                NodeId::new(node).map_err(|error| place.corrupt(format!("a target of {id}: {error}")))?;
            let target = LiveTarget { class, attempt, started_at: started_at.unwrap_or(0) };
            if position != next || !execution.push(node, target) {
                return Err(place.corrupt(format!("the targets of {id} are not in a row at {position}")));
            }
            next += 1;
        }
        if codec::signed(rows.len() as u64) < CHUNK {
            return Ok(Some(execution));
        }
    }
}

/// The class of a target by its columns.
pub(crate) fn class_of(state: i64, outcome: Option<&str>) -> Result<TargetClass, StoreError> {
    use pabawi_domain::record::TargetState;
    Ok(match codec::state_of(state)? {
        TargetState::Queued => TargetClass::Queued,
        TargetState::Running => TargetClass::Running,
        TargetState::Interrupted => TargetClass::Interrupted,
        TargetState::Finished => TargetClass::of_word(outcome.unwrap_or_default()),
    })
}
