//! Tries to get out of the jail: each attempt has to be refused.
//!
//! The jail is for a process with one thread, so this test is its own program: it starts itself
//! once more for the attempts, which are printed as the standard test harness prints tests.

use std::ffi::CString;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;

use std::process::{Command, ExitCode};
use std::{env, fs, io};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid, chroot, setuid};
use sandbox::{Calls, Mode};

use self::Without::{Depends, Succeeds};

/// In the environment of the process that tries: the port of a listener outside of the jail.
const PORT: &str = "ISOLDE_ESCAPES_PORT";
/// The same: the number of a process outside of it.
const OUTSIDER: &str = "ISOLDE_ESCAPES_OUTSIDER";

/// What is outside of the jail.
struct Outside {
    /// The port of a listener on loopback, which is part of the name of an abstract socket, too.
    port: u16,
    /// A process.
    process: i32,
}

impl Outside {
    fn abstract_socket(&self) -> SocketAddr {
        let name = format!("isolde-escapes-{}", self.port);
        SocketAddr::from_abstract_name(name).expect("the name is short")
    }
}

/// Whether an attempt succeeds outside of the jail, for whoever runs this test.
#[derive(PartialEq)]
enum Without {
    Succeeds,
    Depends,
}

/// Something that has to fail.
type Attempt = (&'static str, Without, fn(&Outside) -> io::Result<()>);

const ATTEMPTS: [Attempt; 26] = [
    ("open_a_file", Succeeds, |_| fs::read("/etc/passwd").map(drop)),
    ("open_the_root", Succeeds, |_| fs::read_dir("/").map(drop)),
    ("open_above_the_root", Succeeds, |_| fs::read_dir("/../..").map(drop)),
    ("open_the_program", Succeeds, |_| fs::read("/proc/self/exe").map(drop)),
    ("read_the_list_of_processes", Succeeds, |_| fs::read_dir("/proc").map(drop)),
    ("read_devices", Depends, |_| fs::read("/dev/null").map(drop)),
    ("write_a_file", Depends, |_| fs::write("/file", "x")),
    ("write_to_the_temporary_folder", Depends, |_| fs::write("/tmp/file", "x")),
    ("make_a_folder", Depends, |_| fs::create_dir("/folder")),
    ("make_a_link", Depends, |_| std::os::unix::fs::symlink("/", "/link")),
    ("connect_to_loopback", Succeeds, |outside| {
        TcpStream::connect(("127.0.0.1", outside.port)).map(drop)
    }),
    ("connect_to_the_network", Depends, |_| TcpStream::connect("192.0.2.1:80").map(drop)),
    ("listen_on_tcp", Succeeds, |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("send_a_datagram", Depends, |_| {
        UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", "192.0.2.1:53").map(drop)
    }),
    ("listen_on_a_unix_socket", Depends, |_| UnixListener::bind("/socket").map(drop)),
    ("connect_to_a_unix_socket", Depends, |_| UnixStream::connect("/run/systemd/notify").map(drop)),
    ("connect_to_an_abstract_socket", Succeeds, |outside| {
        UnixStream::connect_addr(&outside.abstract_socket()).map(drop)
    }),
    ("run_a_program", Succeeds, |_| Command::new("/bin/true").status().map(drop)),
    ("signal_a_process_outside", Depends, |outside| {
        Ok(kill(Pid::from_raw(outside.process), nix::sys::signal::Signal::SIGTERM)?)
    }),
    ("trace_a_process_outside", Depends, |outside| {
        // SAFETY: the call takes numbers only.
        let result = unsafe { libc::ptrace(libc::PTRACE_ATTACH, outside.process, 0, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }),
    ("become_root", Depends, |_| Ok(setuid(Uid::from_raw(0))?)),
    ("make_a_user_namespace", Depends, |_| Ok(unshare(CloneFlags::CLONE_NEWUSER)?)),
    ("make_a_mount_namespace", Depends, |_| Ok(unshare(CloneFlags::CLONE_NEWNS)?)),
    ("mount_a_file_system", Depends, |_| {
        Ok(mount(Some("proc"), "/", Some("proc"), MsFlags::empty(), None::<&str>)?)
    }),
    ("change_the_root", Depends, |_| Ok(chroot("/")?)),
    ("load_a_kernel_module", Depends, |_| {
        let (module, options) = ([0_u8; 8], CString::default());
        // SAFETY: both pointers are to values that live until the call returns.
        let result = unsafe {
            libc::syscall(libc::SYS_init_module, module.as_ptr(), module.len(), options.as_ptr())
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }),
];

/// System calls that end a process whose calls are limited: what could open a way out, and what
/// kernels were broken by.
const FORBIDDEN: [(&str, libc::c_long, [u64; 3]); 28] = [
    ("socket", libc::SYS_socket, [libc::AF_INET as u64, libc::SOCK_STREAM as u64, 0]),
    ("socket_of_unix", libc::SYS_socket, [libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0]),
    ("socket_of_netlink", libc::SYS_socket, [libc::AF_NETLINK as u64, libc::SOCK_RAW as u64, 0]),
    ("tgkill_of_another_process", libc::SYS_tgkill, [1, 1, 0]),
    ("socketpair_of_another_family", libc::SYS_socketpair, [libc::AF_TIPC as u64, 1, 0]),
    ("connect", libc::SYS_connect, [0, 0, 0]),
    ("bind", libc::SYS_bind, [0, 0, 0]),
    ("listen", libc::SYS_listen, [0, 1, 0]),
    ("shutdown_of_both_sides", libc::SYS_shutdown, [0, libc::SHUT_RDWR as u64, 0]),
    ("execve", libc::SYS_execve, [0, 0, 0]),
    ("execveat", libc::SYS_execveat, [0, 0, 0]),
    ("clone_of_a_process", libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0]),
    ("clone_with_a_namespace", libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0]),
    ("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0]),
    ("setns", libc::SYS_setns, [0, 0, 0]),
    ("ptrace", libc::SYS_ptrace, [libc::PTRACE_ATTACH as u64, 1, 0]),
    ("process_vm_readv", libc::SYS_process_vm_readv, [1, 0, 0]),
    ("kill", libc::SYS_kill, [1, 0, 0]),
    ("mount", libc::SYS_mount, [0, 0, 0]),
    ("pivot_root", libc::SYS_pivot_root, [0, 0, 0]),
    ("openat2", libc::SYS_openat2, [0, 0, 0]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, [0, 0, 0]),
    ("bpf", libc::SYS_bpf, [0, 0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0]),
    ("userfaultfd", libc::SYS_userfaultfd, [0, 0, 0]),
    ("keyctl", libc::SYS_keyctl, [0, 0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, [0, 0, 0]),
    ("memfd_create", libc::SYS_memfd_create, [0, 0, 0]),
];

/// Of those, what the outbound proxy is for.
const ALLOWED_FOR_OUTBOUND: [&str; 4] = ["socket", "connect", "bind", "shutdown_of_both_sides"];

/// In the environment of a process that makes a forbidden call: its place among [`cases`].
const CASE: &str = "ISOLDE_ESCAPES_CASE";

/// A call that a kind of process must not make.
type Case = (Calls, &'static (&'static str, libc::c_long, [u64; 3]));

/// Each kind of process with each call that it must not make.
fn cases() -> Vec<Case> {
    let of = |calls: Calls| {
        let is_for_it = move |(name, ..): &&(&str, _, _)| {
            calls != Calls::Outbound || !ALLOWED_FOR_OUTBOUND.contains(name)
        };
        FORBIDDEN.iter().filter(is_for_it).map(move |call| (calls, call))
    };
    Calls::ALL.into_iter().flat_map(of).collect()
}

/// Limits the system calls and makes the forbidden one.
fn call_forbidden((calls, (_, number, arguments)): Case) -> ExitCode {
    sandbox::lock(Mode::Strict, calls).expect("the kernel has filters");
    // SAFETY: the call does not happen. If it did, it would fail for these arguments, or make a
    // descriptor or a process, and this process would report it and end.
    unsafe { libc::syscall(*number, arguments[0], arguments[1], arguments[2]) };
    ExitCode::SUCCESS
}

/// Makes each forbidden call in a process of its own; gives how many did not end theirs.
fn forbidden_calls(cases: &[Case]) -> usize {
    let mut failed = 0;
    for (place, (calls, (name, ..))) in cases.iter().enumerate() {
        let status = Command::new(env::current_exe().expect("it is known"))
            .env(CASE, place.to_string())
            .status()
            .expect("it can be started again");
        let refused = status.signal() == Some(libc::SIGSYS);
        println!("test {calls:?}_{name} ... {}", if refused { "ok" } else { "FAILED" });
        failed += usize::from(!refused);
    }
    failed
}

fn main() -> ExitCode {
    let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(place) = number(CASE) {
        return call_forbidden(cases()[usize::try_from(place).expect("it is a place")]);
    }
    match (number(PORT), number(OUTSIDER)) {
        (Some(port), Some(process)) => {
            let port = u16::try_from(port).expect("it is a port");
            attempt_all(&Outside { port, process })
        }
        _ => supervise(),
    }
}

/// Tries what succeeds outside, and starts this program once more for the attempts in the jail.
fn supervise() -> ExitCode {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("it is bound").port();
    let mut outsider = Command::new("sleep").arg("600").spawn().expect("every system has it");
    let process = i32::try_from(outsider.id()).expect("it is a process id");
    let outside = Outside { port, process };
    let _named = UnixListener::bind_addr(&outside.abstract_socket()).expect("the name is free");
    for (name, without, attempt) in ATTEMPTS {
        if without == Succeeds {
            attempt(&outside).unwrap_or_else(|error| panic!("{name} fails outside: {error}"));
        }
    }
    let status = Command::new(env::current_exe().expect("it is known"))
        .env(PORT, port.to_string())
        .env(OUTSIDER, process.to_string())
        .status()
        .expect("it can be started again");
    let lives = outsider.try_wait().expect("it is a child").is_none();
    let _ = outsider.kill();
    let _ = outsider.wait();
    let cases = cases();
    println!("running {} tests", cases.len());
    let failed = forbidden_calls(&cases);
    print_result(cases.len() - failed, failed);
    if status.success() && lives && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_result(passed: usize, failed: usize) {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored\n");
}

fn attempt_all(outside: &Outside) -> ExitCode {
    println!("running {} tests", ATTEMPTS.len() + 1);
    if let Err(error) = sandbox::enter(Mode::Strict, 3) {
        println!("test enter ... FAILED: {error}");
        print_result(0, 1);
        return ExitCode::FAILURE;
    }
    println!("test enter ... ok");
    let mut failed = 0;
    for (name, _, attempt) in ATTEMPTS {
        match attempt(outside) {
            Err(_) => println!("test {name} ... ok"),
            Ok(()) => {
                println!("test {name} ... FAILED");
                failed += 1;
            }
        }
    }
    print_result(ATTEMPTS.len() + 1 - failed, failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
