//! Tries to get out of the jail: each attempt has to be refused.
//!
//! The jail is for a process with one thread, so this test is its own program: it starts itself once
//! more for the attempts, which are printed as the standard test harness prints tests.

use std::ffi::CString;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use std::process::{Command, ExitCode};
use std::{env, fs, io};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid, chroot, setuid};
use sandbox::Mode;

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

fn main() -> ExitCode {
    let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
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
    if status.success() && lives { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn attempt_all(outside: &Outside) -> ExitCode {
    println!("running {} tests", ATTEMPTS.len() + 1);
    if let Err(error) = sandbox::enter(Mode::Strict, 3) {
        println!("test enter ... FAILED: {error}");
        println!("\ntest result: FAILED. 0 passed; 1 failed; 0 ignored");
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
    let passed = ATTEMPTS.len() + 1 - failed;
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
