//! The few things the recorder asks the machine directly: its clocks, its thread ids, its forks.
//!
//! Each function is a thin safe wrapper around one call, so that no other module needs `unsafe`
//! for them.

/// Raw time stamp counter.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn rdtsc() -> u64 {
    // SAFETY: every x86_64 processor has the instruction, and it only reads a counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Raw time stamp counter; never asked on this architecture, see `clock`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn rdtsc() -> u64 {
    0
}

/// Whether the kernel itself keeps time by the time stamp counter. The processor's own flag is not
/// asked: kernels reject counters whose flag looks fine.
pub(crate) fn kernel_trusts_tsc() -> bool {
    cfg!(all(target_arch = "x86_64", target_os = "linux"))
        && std::fs::read_to_string(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        )
        .is_ok_and(|name| name.trim() == "tsc")
}

fn clock_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec of ours; an unknown clock only returns an error,
    // which leaves the zeros in place.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn monotonic_ns() -> u64 {
    u64::try_from(clock_ns(libc::CLOCK_MONOTONIC)).unwrap_or(0)
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn realtime_ns() -> i64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// Asks the processor to fetch the cache line in which `place` begins: a hint, nothing else.
#[cfg(feature = "enable")]
#[inline(always)]
pub(crate) fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that a program could see and never faults.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(feature = "enable")]
/// Kernel id of this thread, as thread dumps and `top -H` show it.
pub(crate) fn thread_id() -> u32 {
    #[cfg(target_os = "linux")]
    // SAFETY: gettid has no argument and cannot fail.
    let id = unsafe { libc::gettid() }.unsigned_abs();
    #[cfg(not(target_os = "linux"))]
    let id = {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
    id
}

#[cfg(feature = "enable")]
/// Name of this thread as the kernel knows it, the first 15 bytes of what its creator said, and its
/// length. Asked of the kernel: `std::thread::current` may panic where thread-locals are gone.
pub(crate) fn thread_name() -> ([u8; 16], usize) {
    let mut name = [0_u8; 16];
    #[cfg(target_os = "linux")]
    // SAFETY: PR_GET_NAME writes at most 16 bytes, a NUL among them, into the live array.
    unsafe {
        libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr())
    };
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    (name, len)
}

#[cfg(feature = "enable")]
/// Calls `child` in the child of every later fork of this process.
pub(crate) fn on_fork_child(child: extern "C" fn()) {
    // SAFETY: `child` is a static function that only stores atomics, which is async-signal-safe.
    unsafe { libc::pthread_atfork(None, None, Some(child)) };
}

#[cfg(all(test, feature = "enable"))]
mod tests {
    use crate::record::{EndReason, StepKind};
    use crate::{
        Begin, Field, OpenStep, TextId, TextKind, Transaction, callsite, current, intern,
        is_recording, pool, set_recording, step, testing,
    };

    /// Longest that the child of a fork may take, in s.
    const CHILD_TIMEOUT_S: u32 = 60;

    /// Runs `check` in a forked child; whether it answered `true` there, and in time.
    fn in_fork(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child takes no lock that another thread may have held and leaves without
        // running destructors; what it allocates is safe after a fork with the C library's malloc.
        unsafe {
            match libc::fork() {
                0 => {
                    libc::alarm(CHILD_TIMEOUT_S);
                    libc::_exit(i32::from(!check()))
                }
                child => {
                    let mut status = 1;
                    libc::waitpid(child, &raw mut status, 0) == child && status == 0
                }
            }
        }
    }

    #[test]
    fn child_of_a_fork_records_nothing_and_cannot_be_switched_on() {
        let _recorder = testing::exclusive();
        assert!(is_recording());
        assert!(in_fork(|| {
            let was_off = !is_recording();
            set_recording(true);
            was_off && !Transaction::begin(Begin::new(TextId::NONE)).is_recording()
        }));
        assert!(is_recording(), "the parent goes on");
    }

    #[test]
    fn child_forked_inside_a_transaction_takes_no_lock_with_it() {
        let recorder = testing::exclusive();
        let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "forks")));
        let mut statement = None;
        {
            let _entered = transaction.enter();
            statement.replace(OpenStep::begin(StepKind::Sql, TextId::NONE));
            let _open = step(callsite!(name: "open at the fork"));
            let held = pool::hold();
            assert!(in_fork(|| {
                let is_nothing_current = !current::is_active();
                // SAFETY: the child leaves without dropping the one this is a copy of.
                let transaction = unsafe { std::ptr::read(&raw const transaction) };
                {
                    let _entered = transaction.enter();
                    (0..2_000).for_each(|_| drop(step(callsite!(name: "in the child"))));
                    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] {
                        transaction.tag(key, &"x".repeat(256));
                    }
                    transaction.set_text(Field::Desc, &"y".repeat(256));
                    drop(statement.take());
                }
                let is_unknown = intern(TextKind::Service, "first seen in a child");
                transaction.end(EndReason::Complete);
                is_nothing_current && is_unknown == TextId::NONE
            }));
            drop(held);
            drop(step(callsite!(name: "in the parent")));
        }
        drop(statement);
        transaction.end(EndReason::Complete);
        let recording = recorder.take();
        let row = recording.xlog("forks").expect("the parent goes on");
        assert_eq!((row.end, row.steps), (EndReason::Complete, 3));
    }
}
