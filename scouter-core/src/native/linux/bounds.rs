//! Where the stack of each thread ends, asked once by the thread itself, so that the handler of a
//! signal can copy without asking anybody.

use std::cell::Cell;

thread_local! {
    /// First and last-but-one address of the stack; (0, 0) of a thread that never recorded. Without
    /// a destructor and initialised by the compiler, so that a handler may read it.
    static BOUNDS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Remembers the stack of this thread.
pub(crate) fn enter_thread() {
    if BOUNDS.get() == (0, 0) {
        BOUNDS.set(ask().unwrap_or((0, 0)));
    }
}

/// The stack of this thread as it was remembered.
pub(super) fn bounds() -> (usize, usize) {
    BOUNDS.get()
}

fn ask() -> Option<(usize, usize)> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut start, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are only used after the call that initialises them has succeeded, and
    // destroyed once; both out-pointers are to live variables.
    let is_known = unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let is_known =
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut length) == 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        is_known
    };
    is_known.then(|| Some((start.addr(), start.addr().checked_add(length)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_lies_within_the_stack_that_was_asked() {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(bounds(), (0, 0));
                enter_thread();
                let here = 0_u8;
                let (low, high) = bounds();
                assert!((low..high).contains(&std::ptr::from_ref(&here).addr()));
            });
        });
    }
}
