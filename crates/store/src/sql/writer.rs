//! The one task that writes: [`Writer`] behind its [`WriterHandle`].
//!
//! Callers' requests wait in a bounded channel. The task takes all that wait and commits them in one
//! transaction, so that the cost of reaching the disk is shared (group commit). A request that fails does not
//! take others with it: the transaction is rolled back and each is done again by itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pabawi_domain::breaker::BreakerRecord;
use pabawi_domain::id::ExecutionId;
use pabawi_domain::ports::{CancelRequest, Created, StoreError};
use pabawi_domain::record::NewExecution;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use super::create::create;
use super::facts::{self, FactsRow};
use super::graph_orders::GraphOrder;
use super::journal;
use super::live::{Live, LiveExecution};
use super::mirrored::{self, Mirrored, Turn};
use super::output_rows::KnownOutputs;
use super::place::Place;
use super::plan::{Plan, PlanFault};
use super::plan_orders::PlanOrder;
use super::presence::Presence;
use super::recover;
use super::retention;
use super::retention_store::RetentionOrder;
use super::told::{Told, give_way};
use super::write::{NewlyKnown, write_results, write_told};
use super::{breakers, cancel};
use crate::db::{self, Connection, Connector};
use crate::journal_row::EntryRow;
use crate::postgres::lease::Begun;
use crate::row::RowWrite;

/// Requests that may wait; a caller past them waits itself.
const WAITING: usize = 256;
/// Requests in one transaction.
const GROUP: usize = 128;

/// How long a connection may take to come back to where nothing is open.
const COMING_BACK: Duration = Duration::from_secs(10);

/// Where the answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What a caller wants of the writer.
#[derive(Debug)]
enum Request {
    Grouped(Member),
    Cancel(Box<CancelRequest>, Reply<()>),
    TakeCancelRequests(Reply<Vec<CancelRequest>>),
    Recover(Timestamp, Reply<Vec<ExecutionId>>),
    Graph(GraphOrder),
    Plan(PlanOrder),
    Retention(RetentionOrder),
    Abandoned(Reply<Vec<ExecutionId>>),
    Mirrored(Mirrored, Reply<()>),
    Turn(Turn, Reply<bool>),
    Close(Reply<()>),
}

/// What can share a transaction.
#[derive(Debug)]
enum Member {
    Create(Box<NewExecution>, Reply<Created>),
    Append(Vec<RowWrite>, Told, Reply<()>),
    Journal(Vec<EntryRow>, Reply<()>),
    Breakers(Vec<BreakerRecord>, Reply<()>),
    Facts(Vec<FactsRow>, Reply<()>),
}

/// What came of a member within an open transaction.
enum Done {
    Created(Created),
    Written,
    Refused(StoreError),
}

/// Why a transaction did not come about.
enum Fault {
    /// The database cannot be reached or written to now, whatever was to be written.
    Down(StoreError),
    /// Something in it failed; it was rolled back.
    Write(StoreError),
}

impl Member {
    fn answer(self, done: Result<Done, StoreError>) {
        // A caller that no longer waits loses nothing: what was committed is committed.
        match (self, done) {
            (Self::Create(_, reply), Ok(Done::Created(created))) => drop(reply.send(Ok(created))),
            (
                Self::Append(_, _, reply)
                | Self::Journal(_, reply)
                | Self::Breakers(_, reply)
                | Self::Facts(_, reply),
                Ok(Done::Written),
            ) => {
                drop(reply.send(Ok(())));
            }
            (Self::Create(_, reply), Ok(Done::Refused(error)) | Err(error)) => drop(reply.send(Err(error))),
            (
                Self::Append(_, _, reply)
                | Self::Journal(_, reply)
                | Self::Breakers(_, reply)
                | Self::Facts(_, reply),
                Ok(Done::Refused(error)) | Err(error),
            ) => {
                drop(reply.send(Err(error)));
            }
            // Dropping the reply tells the caller that the writer failed; no member is answered so.
            (Self::Create(..), Ok(Done::Written))
            | (
                Self::Append(..) | Self::Journal(..) | Self::Breakers(..) | Self::Facts(..),
                Ok(Done::Created(_)),
            ) => {}
        }
    }
}

/// The way to the writer. When the last one is dropped, the writer does what waits and ends.
#[derive(Debug, Clone)]
pub(crate) struct WriterHandle {
    requests: mpsc::Sender<Request>,
}

impl WriterHandle {
    pub(crate) async fn create(&self, new: NewExecution) -> Result<Created, StoreError> {
        self.ask(|reply| Request::Grouped(Member::Create(Box::new(new), reply))).await
    }

    /// Writes rows and what is told of them, which is made when the writer has the rows already.
    pub(crate) async fn append(
        &self,
        rows: Vec<RowWrite>,
        told: impl FnOnce() -> Result<Vec<RowWrite>, StoreError>,
    ) -> Result<(), StoreError> {
        if !rows.iter().any(|row| matches!(row, RowWrite::Told { .. })) {
            return self.ask(|reply| Request::Grouped(Member::Append(rows, Told::nothing(), reply))).await;
        }
        let (tell, told_later) = Told::later();
        let (reply, answer) = oneshot::channel();
        let request = Request::Grouped(Member::Append(rows, told_later, reply));
        self.requests.send(request).await.map_err(|_| StoreError::Closed)?;
        // The writer waits for nothing but this: no `await` may stand before it.
        give_way();
        let _ = tell.send(told());
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn journal(&self, entries: Vec<EntryRow>) -> Result<(), StoreError> {
        self.ask(|reply| Request::Grouped(Member::Journal(entries, reply))).await
    }

    pub(crate) async fn breakers(&self, breakers: Vec<BreakerRecord>) -> Result<(), StoreError> {
        self.ask(|reply| Request::Grouped(Member::Breakers(breakers, reply))).await
    }

    pub(crate) async fn facts(&self, facts: Vec<FactsRow>) -> Result<(), StoreError> {
        self.ask(|reply| Request::Grouped(Member::Facts(facts, reply))).await
    }

    pub(crate) async fn request_cancel(&self, request: CancelRequest) -> Result<(), StoreError> {
        self.ask(|reply| Request::Cancel(Box::new(request), reply)).await
    }

    pub(crate) async fn take_cancel_requests(&self) -> Result<Vec<CancelRequest>, StoreError> {
        self.ask(Request::TakeCancelRequests).await
    }

    pub(crate) async fn recover(&self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        self.ask(|reply| Request::Recover(now, reply)).await
    }

    pub(super) async fn plan<T>(&self, order: impl FnOnce(Reply<T>) -> PlanOrder) -> Result<T, StoreError> {
        self.ask(|reply| Request::Plan(order(reply))).await
    }

    pub(super) async fn graph<T>(&self, order: impl FnOnce(Reply<T>) -> GraphOrder) -> Result<T, StoreError> {
        self.ask(|reply| Request::Graph(order(reply))).await
    }

    pub(super) async fn retention<T>(
        &self,
        order: impl FnOnce(Reply<T>) -> RetentionOrder,
    ) -> Result<T, StoreError> {
        self.ask(|reply| Request::Retention(order(reply))).await
    }

    pub(crate) async fn mirrored(&self, done: Mirrored) -> Result<(), StoreError> {
        self.ask(|reply| Request::Mirrored(done, reply)).await
    }

    pub(crate) async fn turn(&self, turn: Turn) -> Result<bool, StoreError> {
        self.ask(|reply| Request::Turn(turn, reply)).await
    }

    pub(crate) async fn abandoned(&self) -> Result<Vec<ExecutionId>, StoreError> {
        self.ask(Request::Abandoned).await
    }

    /// Returns when everything that was asked for before is written and the file is closed.
    pub(crate) async fn close(&self) {
        // An error says that it is closed already.
        let _ = self.ask(Request::Close).await;
    }

    /// Has the writer end when it comes to it, without waiting for that.
    pub(crate) fn end(&self) {
        // Where no more requests may wait, it ends with its last handle.
        let _ = self.requests.try_send(Request::Close(oneshot::channel().0));
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

fn new_executions(group: &[Member]) -> Vec<&NewExecution> {
    let mut new = Vec::new();
    for member in group {
        if let Member::Create(execution, _) = member {
            new.push(execution.as_ref());
        }
    }
    new
}

/// The one that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) place: Arc<Place>,
    pub(crate) presence: Presence,
    /// Absent after a fault that it may not have survived; made anew when it is needed.
    pub(crate) conn: Option<Connection>,
    pub(crate) connector: Connector,
    pub(crate) live: Live,
    pub(crate) known: KnownOutputs,
    /// Numbers of the words for this process that were told last. They are removed when somebody asks again, since a commit
    /// of which nobody knows whether it was done must not lose them.
    pub(crate) told: Vec<i64>,
}

impl Writer {
    /// Starts the task on the current runtime.
    pub(crate) fn start(self) -> WriterHandle {
        let (requests, waiting) = mpsc::channel(WAITING);
        tokio::spawn(self.run(waiting).in_current_span());
        WriterHandle { requests }
    }

    async fn run(mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut taken = Vec::with_capacity(GROUP);
        let mut closing = None;
        // Ends with a request to close, or when every handle is gone.
        while closing.is_none() && waiting.recv_many(&mut taken, GROUP).await > 0 {
            let mut group = Vec::new();
            for request in taken.drain(..) {
                match request {
                    Request::Grouped(member) => group.push(member),
                    other => {
                        // What came before is written before.
                        self.write_group(std::mem::take(&mut group)).await;
                        if let Request::Close(reply) = other {
                            // Those behind it find their reply dropped, which says that the store is closed.
                            closing = Some(reply);
                            break;
                        }
                        self.serve(other).await;
                    }
                }
            }
            self.write_group(group).await;
        }
        drop(waiting);
        self.end().await;
        if let Some(reply) = closing {
            let _ = reply.send(Ok(()));
        }
    }

    async fn serve(&mut self, request: Request) {
        match request {
            Request::Cancel(request, reply) => {
                let done = self.request_cancel(&request).await;
                let _ = reply.send(done);
            }
            Request::TakeCancelRequests(reply) => {
                let done = self.take_cancel_requests().await;
                let _ = reply.send(done);
            }
            Request::Recover(now, reply) => {
                let done = self.recover(now).await;
                let _ = reply.send(done);
            }
            Request::Graph(order) => self.serve_graph(order).await,
            Request::Plan(order) => self.serve_plan(order).await,
            Request::Retention(order) => self.serve_retention(order).await,
            Request::Abandoned(reply) => {
                let done = self.abandoned().await;
                let _ = reply.send(done);
            }
            Request::Mirrored(rows, reply) => {
                let done = self.mark_mirrored(&rows).await;
                let _ = reply.send(done);
            }
            Request::Turn(turn, reply) => {
                let done = self.take_turn(turn).await;
                let _ = reply.send(done);
            }
            Request::Grouped(_) | Request::Close(_) => {}
        }
    }

    async fn write_group(&mut self, mut group: Vec<Member>) {
        if group.is_empty() {
            return;
        }
        match self.transaction(&mut group).await {
            Ok(done) => {
                for (member, done) in group.into_iter().zip(done) {
                    member.answer(Ok(done));
                }
            }
            Err(Fault::Down(error)) => {
                for member in group {
                    member.answer(Err(error.clone()));
                }
            }
            Err(Fault::Write(error)) if group.len() == 1 => {
                if let Some(member) = group.pop() {
                    member.answer(Err(error));
                }
            }
            // One of them may be the cause: each by itself. A database that cannot be written to now is not
            // asked again for each of them, since each may wait for as long as the limit allows.
            Err(Fault::Write(_)) => {
                let mut down = None;
                for mut member in group {
                    if let Some(error) = &down {
                        member.answer(Err(StoreError::clone(error)));
                        continue;
                    }
                    let done = match self.transaction(std::slice::from_mut(&mut member)).await {
                        Ok(mut done) => done.pop().ok_or(StoreError::Closed),
                        Err(Fault::Down(error)) => {
                            down = Some(error.clone());
                            Err(error)
                        }
                        Err(Fault::Write(error)) => Err(error),
                    };
                    member.answer(done);
                }
            }
        }
    }

    /// Writes the members in one transaction. After an error nothing of any of them is written.
    async fn transaction(&mut self, group: &mut [Member]) -> Result<Vec<Done>, Fault> {
        let mut conn = self.begin().await.map_err(Fault::Down)?;
        let mut plan = Plan::default();
        let mut created = Vec::new();
        let mut written = self.write_members(group, &mut plan, &mut created, &mut conn).await;
        if written.is_ok()
            && let Err(error) = self.commit(&mut conn).await
        {
            written = Err(error);
        }
        match written {
            Ok((done, newly_known)) => {
                self.conn = Some(conn);
                self.known.learn(newly_known);
                for (id, live) in created {
                    self.live.insert(id, live);
                }
                for id in &plan.touched {
                    if self.live.get_mut(*id).is_some_and(|execution| execution.over) {
                        self.live.evict(*id);
                    }
                }
                Ok(done)
            }
            Err(error) => {
                for id in &plan.touched {
                    self.live.evict(*id);
                }
                self.rollback(conn).await;
                // Where the connection was lost nobody knows whether the commit was done: whoever asks again does so
                // with calls that may come twice.
                Err(if self.conn.is_some() { Fault::Write(error) } else { Fault::Down(error) })
            }
        }
    }

    async fn write_members(
        &mut self,
        group: &mut [Member],
        plan: &mut Plan,
        created: &mut Vec<(ExecutionId, LiveExecution)>,
        conn: &mut Connection,
    ) -> Result<(Vec<Done>, NewlyKnown), StoreError> {
        // No append of this group can be about one of them: its caller would have waited for the answer.
        let new = new_executions(group);
        let outcomes = if new.is_empty() {
            Vec::new()
        } else {
            create(&new, self.presence.id(), conn, &self.place).await?
        };
        let mut outcomes = outcomes.into_iter();
        let mut done = Vec::with_capacity(group.len());
        for member in group.iter() {
            done.push(match member {
                Member::Create(new, _) => match outcomes.next() {
                    Some((outcome, live)) => {
                        created.extend(live.map(|live| (new.id, live)));
                        Done::Created(outcome)
                    }
                    None => Done::Refused(StoreError::Closed),
                },
                Member::Append(rows, ..) => match plan.add(rows, &mut self.live, conn, &self.place).await {
                    Ok(()) => Done::Written,
                    Err(PlanFault::Caller(error)) => Done::Refused(error),
                    Err(PlanFault::Store(error)) => return Err(error),
                },
                Member::Journal(entries, _) => match journal::check(entries, conn, &self.place).await {
                    Ok(()) => {
                        journal::append(entries, Box::new(std::iter::empty()), conn, &self.place).await?;
                        Done::Written
                    }
                    Err(StoreError::Superseded) => Done::Refused(StoreError::Superseded),
                    Err(error) => return Err(error),
                },
                Member::Breakers(breakers, _) => {
                    breakers::save(breakers, conn, &self.place).await?;
                    Done::Written
                }
                Member::Facts(rows, _) => {
                    facts::save(rows, conn, &self.place).await?;
                    Done::Written
                }
            });
        }
        if !plan.outputs.is_empty() {
            let removals = retention::removals(conn).await;
            self.known.renew(removals.map_err(|error| self.place.sql("look for removed outputs", &error))?);
        }
        let newly_known = write_results(plan, &self.known, conn, &self.place).await?;
        for (member, done) in group.iter_mut().zip(&done) {
            if let (Member::Append(_, told, _), Done::Written) = (member, done) {
                plan.tell(told.rows().await?, &mut self.live);
            }
        }
        write_told(plan, &mut self.live, conn, &self.place).await?;
        Ok((done, newly_known))
    }

    async fn request_cancel(&mut self, request: &CancelRequest) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = cancel::request(request, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn take_cancel_requests(&mut self) -> Result<Vec<CancelRequest>, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = cancel::take(self.presence.id(), &self.told, &mut conn, &place).await;
        let (numbers, requests) = self.end_transaction(conn, done).await?.into_iter().unzip();
        self.told = numbers;
        Ok(requests)
    }

    async fn mark_mirrored(&mut self, rows: &Mirrored) -> Result<(), StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = mirrored::mark(rows, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn take_turn(&mut self, turn: Turn) -> Result<bool, StoreError> {
        let mut conn = self.begin().await?;
        let place = Arc::clone(&self.place);
        let done = mirrored::take_turn(turn, &mut conn, &place).await;
        self.end_transaction(conn, done).await
    }

    async fn abandoned(&mut self) -> Result<Vec<ExecutionId>, StoreError> {
        let mut conn = self.begin().await?;
        let left = self.left_by_the_dead(&mut conn).await;
        let left = self.end_transaction(conn, left).await?;
        Ok(left.into_values().flatten().map(|(_, id)| id).collect())
    }

    /// One transaction for each execution, so that closing many does not keep others from writing for long.
    async fn recover(&mut self, now: Timestamp) -> Result<Vec<ExecutionId>, StoreError> {
        let place = Arc::clone(&self.place);
        let mut conn = self.begin().await?;
        let left = self.left_by_the_dead(&mut conn).await;
        let left = self.end_transaction(conn, left).await?;
        let mut closed = Vec::new();
        for (owner, executions) in left {
            for (key, id) in executions {
                let mut conn = self.begin().await?;
                let done = recover::close(key, id, now, &mut conn, &place).await;
                if self.end_transaction(conn, done).await? {
                    closed.push(id);
                }
            }
            let mut conn = self.begin().await?;
            let done = recover::forget(&owner, &mut conn, &place).await;
            self.end_transaction(conn, done).await?;
            self.presence.forget(&owner);
        }
        Ok(closed)
    }

    /// Executions that are not over and whose owners are dead, by owner.
    async fn left_by_the_dead(&mut self, conn: &mut Connection) -> Result<recover::ByOwner, StoreError> {
        let mut left = recover::ByOwner::new();
        for (owner, executions) in recover::open_elsewhere(self.presence.id(), conn, &self.place).await? {
            if self.presence.is_dead(&owner, conn, &self.place).await? {
                left.insert(owner, executions);
            }
        }
        Ok(left)
    }

    /// Commits what went well and rolls back what did not.
    pub(super) async fn end_transaction<T>(
        &mut self,
        mut conn: Connection,
        done: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let ended = match done {
            Ok(value) => self.commit(&mut conn).await.map(|()| value),
            Err(error) => Err(error),
        };
        match ended {
            Ok(value) => {
                self.conn = Some(conn);
                Ok(value)
            }
            Err(error) => {
                self.rollback(conn).await;
                Err(error)
            }
        }
    }

    /// Takes the connection, within a transaction that may write. A connection that has been lost since it was used last
    /// is made anew.
    pub(super) async fn begin(&mut self) -> Result<Connection, StoreError> {
        if let Some(conn) = self.conn.take() {
            let begun = self.begin_on(conn).await;
            if begun.is_ok() || self.conn.is_some() {
                return begun;
            }
        }
        let connected = self.connector.connect().await;
        let conn = connected.map_err(|fault| self.place.sql("open the database again", &fault))?;
        self.begin_on(conn).await
    }

    async fn begin_on(&mut self, mut conn: Connection) -> Result<Connection, StoreError> {
        match self.presence.begin(&mut conn).await {
            Ok(Begun::Yes) => Ok(conn),
            Ok(Begun::TakenForDead) => {
                self.enter_again(conn).await?;
                Err(StoreError::Unavailable(format!(
                    "write in {}: this process was silent for so long that another one took it for dead; its \
                     executions are open again, try again",
                    self.place.shown()
                )))
            }
            Err(fault) => {
                self.rollback(conn).await;
                Err(self.place.sql("begin to write", &fault))
            }
        }
    }

    /// Takes back what another process has done that took this one for dead. What is remembered here may no longer equal
    /// the database.
    async fn enter_again(&mut self, mut conn: Connection) -> Result<(), StoreError> {
        self.live = Live::default();
        self.known = KnownOutputs::default();
        let place = Arc::clone(&self.place);
        let mut done = self.presence.enter_again(&mut conn, &place).await;
        if done.is_ok() {
            done = recover::reopen(self.presence.id(), &mut conn, &place).await;
        }
        self.end_transaction(conn, done).await
    }

    async fn commit(&self, conn: &mut Connection) -> Result<(), StoreError> {
        db::query("COMMIT").execute(conn).await.map(|_| ()).map_err(|fault| self.place.sql("commit", &fault))
    }

    /// Brings the connection back to where nothing is open. One that does not come back is given up.
    async fn rollback(&mut self, mut conn: Connection) {
        let back = async {
            // After a fault SQLite may have rolled back by itself, and then this fails; the statement after it
            // tells whether the connection is good.
            let _ = db::query("ROLLBACK").execute(&mut conn).await;
            db::query("BEGIN").execute(&mut conn).await.is_ok()
                && db::query("ROLLBACK").execute(&mut conn).await.is_ok()
        };
        if tokio::time::timeout(COMING_BACK, back).await == Ok(true) {
            self.conn = Some(conn);
        }
    }

    /// Closes the database and leaves. An owner whose executions are all over leaves no row.
    async fn end(mut self) {
        if let Ok(mut conn) = self.begin().await {
            let done = recover::forget(self.presence.id(), &mut conn, &self.place).await;
            // The row stays then, which does no harm: a later start removes it.
            let _ = self.end_transaction(conn, done).await;
        }
        if let Some(conn) = self.conn.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!(%error, "failed to close the database; everything acknowledged is in it");
        }
        self.presence.leave().await;
    }
}
