//! Tables of functions of the program: their shapes as C sees them, reading them ([`TableIn`]), and calling what stands in them
//! ([`AskTable`], [`TellTable`]).

#![allow(non_camel_case_types, reason = "names that C programs see")]

use std::ffi::{c_char, c_void};
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::sync::Arc;

use super::handles::{COMPLETIONS, pabawi_completion, pointer};
use crate::status::{Fault, Own};
use crate::tables::{Asked, Completion, Told};

/// Is asked something: `request` is a JSON object, which is there until the function returns. The answer is given to `completion`,
/// before or after the function returns and by any thread: by pabawi_completion_finish or pabawi_completion_fail. The completion is
/// the program's, which has to free it. What is asked meanwhile is asked by another thread, so that many calls may run at once.
pub type pabawi_ask_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const c_char,
        request_len: usize,
        completion: *mut pabawi_completion,
    ),
>;

/// Is told something: `text` is JSON, which is there until the function returns.
pub type pabawi_tell_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, text: *const c_char, text_len: usize)>;

/// Gives back what a table has. It is called once, when the engine, or the configuration of which no engine was made, was freed
/// and no other function of the table runs: by whoever frees it, or, where a function has not returned by then, when that has.
/// Where a table is refused, it is not called.
pub type pabawi_destroy_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A plugin: functions that answer what docs/external-plugins.md has programs asked, in the same JSON. One at least of run, call,
/// inventory and facts must be there. Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_plugin {
    /// `sizeof(pabawi_plugin)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// Does an action on nodes: `{capability, action, targets: [{node, …}], executionId, correlationId, config}`. What becomes of each
    /// node is told in lines of JSON, by pabawi_completion_tell as it happens, or with the end: `{"node", "stdout"}`,
    /// `{"node", "stderr"}`, `{"node", "exited": 0}`, `{"node", "failed": {"code", "message"}}`. pabawi_completion_fail ends all nodes
    /// that have not ended. NULL without actions.
    pub run: pabawi_ask_fn,
    /// Answers what is no action: `{capability, parameters, nodes, caller, config}`. NULL without such.
    pub call: pabawi_ask_fn,
    /// Gets ready, before anything else: `{config}`. NULL where there is nothing to do.
    pub initialize: pabawi_ask_fn,
    /// Says how it is: `{"state": "healthy"}`, `{"state": "degraded", "message", "working", "failing"}`, `{"state": "unhealthy",
    /// "message"}`. NULL where it is always well.
    pub health: pabawi_ask_fn,
    /// Lists its nodes, as in pabawi_source. NULL without an inventory.
    pub inventory: pabawi_ask_fn,
    /// Has facts, as in pabawi_fact_provider. NULL without.
    pub facts: pabawi_ask_fn,
    /// Lets go of what it holds, after its last run: `{config}`. NULL where there is nothing to do.
    pub shutdown: pabawi_ask_fn,
}

/// A source of nodes and groups. Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_source {
    /// `sizeof(pabawi_source)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// Lists everything: `{"nodes": [{"id", "endpoint", "groups", "aliases", "metadata"}], "groups": [{"name", "nodes", "children"}],
    /// "warnings": [TEXT]}`. What it says is kept for a while. Must not be NULL.
    pub inventory: pabawi_ask_fn,
}

/// A provider of facts of nodes. Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_fact_provider {
    /// `sizeof(pabawi_fact_provider)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// Tells facts of `{"nodes": [NAME], "caller"}`: `{"facts": [{"node", "facts": {…}, "gatheredAt", "warnings"}], "errors": [{"node",
    /// "code", "message"}]}`, one of both for each node. Must not be NULL.
    pub facts: pabawi_ask_fn,
}

/// Decides about callers. Whatever is no clear yes denies: a failure, another answer, none within `limits.authorizerTimeoutMs`.
/// Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_authorizer {
    /// `sizeof(pabawi_authorizer)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// Whether `{user, capability, action, name, risk, plugin, nodes}` may be, of which `action`, `name`, `risk` and `plugin` may be absent: `true`,
    /// `false`, or `{"allow": false, "reason": TEXT}`. It is asked before anything is recorded, and for each node again when its run
    /// starts. Must not be NULL.
    pub authorize: pabawi_ask_fn,
}

/// Is told the log of the engine. Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_log_sink {
    /// `sizeof(pabawi_log_sink)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// One record, `{at, level, component, message, executionId, …, fields}`, from the option `logLevel` on; never two at once. What
    /// comes while it runs waits; what there is no room for is lost, and a record says how much. Must not be NULL.
    pub log: pabawi_tell_fn,
}

/// Is told what is measured. Fields may come at the end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct pabawi_metrics_sink {
    /// `sizeof(pabawi_metrics_sink)`.
    pub struct_size: usize,
    /// Given to each function.
    pub user_data: *mut c_void,
    /// May be NULL.
    pub destroy: pabawi_destroy_fn,
    /// A JSON list of `{"type": "count", "name", "by", "labels"}`, `{"type": "gauge", "name", "value", "labels"}` and `{"type":
    /// "duration", "name", "seconds", "labels"}`; never two calls at once. What there is no room for is lost, and
    /// `pabawi_sink_measurements_lost_total` says how much. Must not be NULL.
    pub record: pabawi_tell_fn,
}

/// A table of functions.
///
/// # Safety
/// It is `repr(C)`, begins with `struct_size: usize`, and consists of what may be all zeroes.
pub(super) unsafe trait Table: Copy {
    /// What it is called in C.
    const NAME: &'static str;
    /// Bytes of its first version. It never changes.
    const FIRST: usize;
}

/// Makes tables of the structs, with the last field of their first version.
macro_rules! tables {
    ($($table:ident up to $last:ident;)*) => {$(
        // SAFETY: it is `repr(C)` with `struct_size` first; the rest are pointers and functions that may be absent.
        unsafe impl Table for $table {
            const NAME: &'static str = stringify!($table);
            const FIRST: usize = std::mem::offset_of!($table, $last) + size_of::<usize>();
        }
    )*};
}

tables! {
    pabawi_plugin up to shutdown;
    pabawi_source up to inventory;
    pabawi_fact_provider up to facts;
    pabawi_authorizer up to authorize;
    pabawi_log_sink up to log;
    pabawi_metrics_sink up to record;
}

/// A table that the program gave.
pub(super) struct TableIn<T>(*const T);

impl<T: Table> TableIn<T> {
    /// The table of an argument.
    ///
    /// # Safety
    /// Where it is not `NULL` and aligned, as many bytes can be read there as its `struct_size` says. Its functions can be called with
    /// its `user_data` on any thread until `destroy` has returned, and do not throw.
    pub(super) unsafe fn new(place: *const T) -> Self {
        Self(place)
    }

    /// The table. Fields that the program does not know are empty, and those that only the program knows are not looked at.
    pub(super) fn read(&self) -> Result<T, Fault> {
        let name = T::NAME;
        if self.0.is_null() {
            return Err(Fault::null(name));
        }
        if !self.0.is_aligned() {
            return Err(Fault::own(Own::BadPointer, format!("{name} is not aligned")));
        }
        // SAFETY: by the promise of `new`, and it was just looked whether there is something; each table begins with it.
        let size = unsafe { self.0.cast::<usize>().read() };
        if size < T::FIRST {
            let text = format!(
                "{name}.struct_size is {size}, and the table has had {} bytes from the beginning; set it to sizeof({name})",
                T::FIRST
            );
            return Err(Fault::own(Own::BadTable, text));
        }
        let mut table = MaybeUninit::<T>::zeroed();
        let known = size.min(size_of::<T>());
        // SAFETY: by the promise of `new` that many bytes can be read; the place is as large as a `T`, and new.
        unsafe { ptr::copy_nonoverlapping(self.0.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), known) };
        // SAFETY: each field is one that the program has filled, or zeroes, which a table may consist of.
        Ok(unsafe { table.assume_init() })
    }
}

/// A function that has to be there.
pub(super) fn required<F>(table: &str, field: &str, function: Option<F>) -> Result<F, Fault> {
    function.ok_or_else(|| Fault::own(Own::BadTable, format!("{table}.{field} is NULL, and must not be")))
}

/// What the program gave with a table, and gets back when nobody uses the table any more.
struct Owner {
    user_data: *mut c_void,
    destroy: pabawi_destroy_fn,
}

// SAFETY: the header asks that the functions can be called, and their data used, on every thread, and says that asked ones are
// called by several at once.
unsafe impl Send for Owner {}
// SAFETY: as above.
unsafe impl Sync for Owner {}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: by the promise of `TableIn::new`; nobody calls a function of the table any more.
            unsafe { destroy(self.user_data) }
        }
    }
}

type Ask = unsafe extern "C" fn(*mut c_void, *const c_char, usize, *mut pabawi_completion);
type Tell = unsafe extern "C" fn(*mut c_void, *const c_char, usize);

/// Functions that are asked, by their names.
pub(super) struct AskTable {
    owner: Owner,
    functions: Vec<(&'static str, Ask)>,
}

impl AskTable {
    /// Takes what a table has.
    ///
    /// # Safety
    /// They stand in a table that was read by [`TableIn`], and the table is taken: nobody else calls its `destroy`.
    pub(super) unsafe fn take(
        user_data: *mut c_void,
        destroy: pabawi_destroy_fn,
        functions: Vec<(&'static str, Ask)>,
    ) -> Arc<dyn Asked> {
        Arc::new(Self { owner: Owner { user_data, destroy }, functions })
    }
}

impl Asked for AskTable {
    fn ask(&self, word: &str, request: &str, completion: Arc<Completion>) {
        let Some((_, function)) = self.functions.iter().find(|(name, _)| *name == word) else { return };
        let handle = pointer(COMPLETIONS.add(completion));
        // SAFETY: by the promise of `TableIn::new`; the text is there until the function returns.
        unsafe { function(self.owner.user_data, request.as_ptr().cast(), request.len(), handle) };
    }
}

/// A function that is told things.
pub(super) struct TellTable {
    owner: Owner,
    function: Tell,
}

impl TellTable {
    /// As [`AskTable::take`].
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn take(
        user_data: *mut c_void,
        destroy: pabawi_destroy_fn,
        function: Tell,
    ) -> Arc<dyn Told> {
        Arc::new(Self { owner: Owner { user_data, destroy }, function })
    }
}

impl Told for TellTable {
    fn tell(&self, text: &str) {
        // SAFETY: by the promise of `TableIn::new`; the text is there until the function returns.
        unsafe { (self.function)(self.owner.user_data, text.as_ptr().cast(), text.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: pabawi_authorizer =
        pabawi_authorizer { struct_size: 0, user_data: ptr::null_mut(), destroy: None, authorize: None };

    unsafe extern "C" fn asked(_: *mut c_void, _: *const c_char, _: usize, _: *mut pabawi_completion) {}

    fn read<T: Table>(place: *const T) -> Result<T, Fault> {
        // SAFETY: the tests below have the bytes that they say, and call no function.
        unsafe { TableIn::new(place) }.read()
    }

    #[repr(C)]
    struct Later {
        known: pabawi_authorizer,
        more: [usize; 4],
    }

    #[test]
    fn tables_of_other_versions_are_read_as_far_as_both_know_them() {
        let size = size_of::<pabawi_authorizer>();
        assert_eq!(pabawi_authorizer::FIRST, size);
        let known = pabawi_authorizer { struct_size: size_of::<Later>(), authorize: Some(asked), ..NOTHING };
        let later = Later { known, more: [usize::MAX; 4] };
        assert!(read(&raw const later.known).unwrap().authorize.is_some() && later.more[0] != 0);
        for wrong in [0, 8, size - 1] {
            let table = pabawi_authorizer { struct_size: wrong, ..NOTHING };
            let fault = read(&raw const table).err().unwrap();
            assert_eq!(fault.kind, "bad_table");
            assert!(
                fault.message.contains("struct_size") && fault.message.contains("sizeof(pabawi_authorizer)")
            );
        }
        assert_eq!(read::<pabawi_authorizer>(ptr::null()).err().unwrap().kind, "null_pointer");
        let odd = ptr::without_provenance::<pabawi_authorizer>(9);
        assert_eq!(read(odd).err().unwrap().kind, "bad_pointer");
    }

    #[test]
    fn a_function_that_is_missing_is_named() {
        let fault = required::<Ask>("pabawi_source", "inventory", None).unwrap_err();
        assert_eq!(fault.kind, "bad_table");
        assert!(fault.message.contains("pabawi_source.inventory is NULL"));
    }
}
