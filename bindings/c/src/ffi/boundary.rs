//! The border that no panic crosses: [`boundary`]. Every exported function that can fail does its work in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::handles::{ERRORS, pabawi_error, pointer};
use super::memory::Out;
use crate::status::{Fault, Own, numbers, pabawi_status};
use crate::waiting::said;

/// Does the work, and makes a number of what becomes of it. A failure is also put where the program wants it; without such a place
/// the number alone tells.
pub(super) fn boundary(
    error: Out<*mut pabawi_error>,
    work: impl FnOnce() -> Result<(), Fault>,
) -> pabawi_status {
    let fault = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return numbers::PABAWI_OK,
        Ok(Err(fault)) => fault,
        Err(panic) => Fault::panicked(said(panic.as_ref())),
    };
    let status = fault.status;
    // The end of something is no fault that needs a reason.
    if status == Own::End.number() {
        return status;
    }
    let told = catch_unwind(AssertUnwindSafe(|| {
        if error.is_wanted() {
            error.write(pointer(ERRORS.add(Arc::new(fault.into()))));
        }
    }));
    told.map_or(numbers::PABAWI_PANIC, |()| status)
}

/// Does what cannot fail; of a panic comes what stands for nothing.
pub(super) fn or_nothing<T>(nothing: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(nothing)
}
