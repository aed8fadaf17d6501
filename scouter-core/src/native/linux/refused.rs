//! Processes that may do less: without privileges, under a filter of system calls, stripped. Each
//! in a process of its own, since none of it can be undone.

use std::process::Command;

use super::tests::{Helper, in_child, is_child, passed, steady};
use super::{Sampler, memory};
use crate::native::{
    Missing, Quality, Stack, Symbols, Unavailable, capabilities, capture, threads,
};

/// Nobody.
const NOBODY: u32 = 65_534;

/// What does not work, by name.
fn unavailable() -> Vec<(&'static str, Unavailable)> {
    capabilities().into_iter().filter_map(|one| Some((one.name, one.unavailable?))).collect()
}

/// Gives up what a process of root has; one of somebody else never had it.
fn become_nobody() {
    // SAFETY: calls that change who this process is; nothing in it depends on that.
    unsafe {
        if libc::getuid() == 0 {
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setresgid(NOBODY, NOBODY, NOBODY), 0);
            assert_eq!(libc::setresuid(NOBODY, NOBODY, NOBODY), 0);
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("CapEff:")).unwrap();
    assert_eq!(line.split_ascii_whitespace().nth(1), Some("0000000000000000"), "{line}");
}

/// Whether its memory may be looked at from outside, as that of any process that was started so.
fn set_dumpable(is_dumpable: bool) {
    // SAFETY: sets a flag of this process.
    unsafe { assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, libc::c_ulong::from(is_dumpable)), 0) };
}

#[test]
fn without_any_privilege_everything_works() {
    passed("refused::child_without_privileges");
}

#[test]
fn child_without_privileges() {
    if !is_child() {
        return;
    }
    become_nobody();
    set_dumpable(true);
    assert_eq!(unavailable(), []);
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    for helper in [&asleep, &running] {
        assert_ne!(steady(helper.tid).quality, Quality::Cut);
    }
    assert!(Sampler::start(99).is_ok());
}

#[test]
fn a_process_that_gave_up_its_privileges_says_why_sleeping_threads_have_no_stack() {
    passed("refused::child_that_gave_up_its_privileges");
}

/// The kernel hides such a process from its own new user.
#[test]
fn child_that_gave_up_its_privileges() {
    if !is_child() {
        return;
    }
    become_nobody();
    set_dumpable(false);
    let refused = Unavailable::Refused(memory::PATH);
    assert_eq!(unavailable(), [("stacks_asleep", refused.clone())]);
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    assert_eq!(capture(asleep.tid), Err(refused));
    assert_eq!(steady(running.tid).quality, Quality::Complete);
    assert!(threads().iter().any(|thread| thread.tid == asleep.tid && thread.state == 'S'));
}

/// Lets this thread and those it starts do everything but these system calls.
fn forbid(calls: &[(libc::c_long, u32)]) {
    fn instruction(code: u32, jumps: (u8, u8), k: u32) -> libc::sock_filter {
        libc::sock_filter { code: u16::try_from(code).unwrap(), jt: jumps.0, jf: jumps.1, k }
    }
    let mut filter = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, (0, 0), 0)];
    for (call, answer) in calls {
        let number = u32::try_from(*call).unwrap();
        let is_it = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        filter.push(instruction(is_it, (0, 1), number));
        filter.push(instruction(libc::BPF_RET | libc::BPF_K, (0, 0), *answer));
    }
    let allow = libc::SECCOMP_RET_ALLOW;
    filter.push(instruction(libc::BPF_RET | libc::BPF_K, (0, 0), allow));
    let program =
        libc::sock_fprog { len: u16::try_from(filter.len()).unwrap(), filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which is live.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();

#[test]
fn under_a_filter_that_ends_whoever_reads_memory_by_system_call_everything_works() {
    passed("refused::child_under_the_filter_of_a_service");
}

#[test]
fn child_under_the_filter_of_a_service() {
    if !is_child() {
        return;
    }
    let end = libc::SECCOMP_RET_KILL_PROCESS;
    forbid(&[
        (libc::SYS_process_vm_readv, end),
        (libc::SYS_ptrace, end),
        (libc::SYS_perf_event_open, end),
    ]);
    assert_eq!(unavailable(), []);
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    for helper in [&asleep, &running] {
        assert_ne!(steady(helper.tid).quality, Quality::Cut);
    }
}

#[test]
fn calls_that_a_filter_refuses_are_named_and_the_rest_works() {
    passed("refused::child_under_a_strict_filter");
}

#[test]
fn child_under_a_strict_filter() {
    if !is_child() {
        return;
    }
    forbid(&[(libc::SYS_timer_create, REFUSE)]);
    let timers = Unavailable::Refused("timer_create");
    assert_eq!(unavailable(), [("cpu_samples", timers.clone())]);
    assert_eq!(Sampler::start(99).map(drop), Err(timers));
    forbid(&[(libc::SYS_rt_tgsigqueueinfo, REFUSE)]);
    let signals = Unavailable::Refused("rt_tgsigqueueinfo");
    let expected = [("stacks_running", signals.clone()), ("cpu_samples", signals.clone())];
    assert_eq!(unavailable(), expected);
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    assert_eq!(capture(running.tid), Err(signals));
    assert_ne!(steady(asleep.tid).quality, Quality::Cut);
}

#[test]
fn a_stripped_program_unwinds_and_says_that_it_was_stripped() {
    let this = std::env::current_exe().unwrap();
    let copy = std::env::temp_dir().join(format!("scouter-stripped-{}", std::process::id()));
    // It comes with the linker.
    let strip = Command::new("strip").args(["--strip-all", "-o"]).arg(&copy).arg(&this).status();
    assert!(strip.unwrap().success());
    let child = in_child(&copy, "refused::child_that_was_stripped");
    std::fs::remove_file(&copy).unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn child_that_was_stripped() {
    if !is_child() {
        return;
    }
    let (asleep, running) = (Helper::asleep(), Helper::running());
    asleep.wait_asleep();
    for (helper, least) in [(&asleep, Quality::Guessed), (&running, Quality::Complete)] {
        let stack = steady(helper.tid);
        assert!(stack.quality == least || stack.quality == Quality::Complete, "{stack:?}");
        assert_says_that_it_was_stripped(&stack);
    }
}

fn assert_says_that_it_was_stripped(stack: &Stack) {
    let exe = std::env::current_exe().unwrap();
    let mut symbols = Symbols::new([]);
    let mut own = 0;
    for frame in &stack.frames {
        let Some(module) = frame.module.as_ref().filter(|one| exe.ends_with(&one.path)) else {
            continue;
        };
        own += 1;
        assert!(frame.offset > 0 && frame.to_string().contains("+0x"), "{frame}");
        let named = symbols.look_up(&module.path, &module.build_id, frame.offset);
        assert_eq!(named, Err(Missing::Stripped), "{frame}");
    }
    assert!(own >= 2, "{stack:?}");
}
