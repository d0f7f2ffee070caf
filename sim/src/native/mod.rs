//! Real threads on real ports, driven in lock-step.
//!
//! The [`conductor`] plays a program's control flow itself and lets one thread at a time make one call. It does
//! so on a [`Threads`]: the threads and ports of one run, wherever they live. A threads answers the question that
//! makes a recorded order true: is everybody parked in the kernel, or back?
//!
//! - [`local_threads`] is the [`threads`] of threads in this process, on whatever [`world::World`] a backend makes; at a
//!   [`mailbox`] a thread gets its calls, and [`sync`] is what a mailbox is built of.
//! - [`free`] lets the threads of a program run at full speed, on such a world or on an agent; each call is written down with
//!   its times.
//! - [`parked`] and `parked_windows` look at such a thread from outside, one way an OS.
//! - [`part`] and [`clock`] are what the conductor knows: where each thread stands, and which deadlines pend.
//! - [`agent`] is the threads of threads in another process, which speaks the agent protocol.
//! - One file or folder a backend, listed below. All but that of Windows bring `ports` alone: `objects` keeps what else
//!   threads wait for, `can` says what such a backend lacks, and `run` is what its ports know of a run. Where they are
//!   descriptors, `descriptors` and `numbers` have them, and `posted` the packets that the kernel carries no more of than a
//!   number. `bell` and `inside` are for Linux, `pipe_bell` for illumos, FreeBSD and macOS, whose backends have never been
//!   run; they are only compiled.
//!
//! Nothing here knows what a port should do: the thing being compared must not borrow from its judge.

pub mod agent;
pub mod backend;
pub mod clock;
pub mod conductor;
pub mod failure;
#[cfg(not(all(test, loom)))]
pub mod free;
pub mod hangups;
pub mod kernel_wait;
pub mod local_threads;
pub mod mailbox;
pub mod parked;
pub mod part;
pub mod recording;
pub mod sync;
pub mod threads;
pub mod world;

#[cfg(target_os = "linux")]
mod bell;
mod can;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod condvar;
#[cfg(not(all(test, loom)))]
mod condvar_bell;
#[cfg(any(
    target_os = "linux",
    target_os = "illumos",
    target_os = "freebsd",
    target_os = "macos"
))]
mod descriptors;
#[cfg(not(all(test, loom)))]
pub mod emulated;
#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "illumos")]
mod illumos;
#[cfg(target_os = "linux")]
mod inside;
#[cfg(target_os = "linux")]
mod io_uring;
#[cfg(any(target_os = "freebsd", target_os = "macos"))]
mod kqueue;
mod lock;
#[cfg(target_os = "linux")]
mod mqueue;
#[cfg(any(
    target_os = "linux",
    target_os = "illumos",
    target_os = "freebsd",
    target_os = "macos"
))]
mod numbers;
mod objects;
mod os;
#[cfg(target_os = "freebsd")]
mod parked_freebsd;
#[cfg(target_os = "illumos")]
mod parked_illumos;
#[cfg(target_os = "macos")]
mod parked_macos;
#[cfg(windows)]
mod parked_windows;
#[cfg(target_os = "linux")]
mod pipe;
#[cfg(any(target_os = "illumos", target_os = "freebsd", target_os = "macos"))]
mod pipe_bell;
mod ports;
#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "macos"))]
mod posted;
mod run;
#[cfg(all(test, any(target_os = "linux", windows)))]
mod tests;
#[cfg(all(windows, feature = "wepoll"))]
mod wepoll;
#[cfg(windows)]
mod windows;

pub use agent::Agent;
pub use backend::{Backend, Failure};
pub use conductor::{follow, record};
#[cfg(not(all(test, loom)))]
pub use free::{record_free, record_provoked};
pub use os::os;
pub use recording::{Ended, NoRecording, Options, Recording};
pub use threads::{Back, Threads, Unquiet};

/// Every backend, those of other systems included, in the order of every list.
pub fn backends() -> &'static [&'static dyn Backend] {
    &[
        #[cfg(target_os = "linux")]
        &epoll::Epoll,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "epoll",
            system: "epoll",
            os: "linux",
        },
        #[cfg(target_os = "linux")]
        &io_uring::IoUring::HERE,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "io-uring",
            system: "io-uring",
            os: "linux",
        },
        #[cfg(target_os = "linux")]
        &pipe::Waiting::Select,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "select",
            system: "select",
            os: "linux",
        },
        #[cfg(target_os = "linux")]
        &pipe::Waiting::Poll,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "poll",
            system: "poll",
            os: "linux",
        },
        #[cfg(target_os = "linux")]
        &pipe::Waiting::Read,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "pipe",
            system: "pipe",
            os: "linux",
        },
        #[cfg(target_os = "linux")]
        &mqueue::Mqueue,
        #[cfg(not(target_os = "linux"))]
        &backend::Elsewhere {
            name: "mqueue",
            system: "mqueue",
            os: "linux",
        },
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        &condvar::Condvar,
        #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
        &backend::Elsewhere {
            name: "condvar",
            system: "condvar",
            os: "linux with glibc",
        },
        // Where loom runs the tests, its ports work for loom's threads only.
        #[cfg(not(all(test, loom)))]
        &emulated::Emulated::SOUND,
        #[cfg(target_os = "illumos")]
        &illumos::Illumos,
        #[cfg(not(target_os = "illumos"))]
        &backend::Elsewhere {
            name: "illumos",
            system: "illumos",
            os: "illumos",
        },
        #[cfg(any(target_os = "freebsd", target_os = "macos"))]
        &kqueue::Kqueue,
        #[cfg(not(any(target_os = "freebsd", target_os = "macos")))]
        &backend::Elsewhere {
            name: "kqueue",
            system: "kqueue",
            os: "freebsd and macos",
        },
        #[cfg(windows)]
        &windows::Windows,
        #[cfg(not(windows))]
        &backend::Elsewhere {
            name: "windows",
            system: "windows",
            os: "windows",
        },
        #[cfg(all(windows, feature = "wepoll"))]
        &wepoll::Wepoll,
        #[cfg(not(all(windows, feature = "wepoll")))]
        &backend::Elsewhere {
            name: "wepoll",
            system: "epoll",
            os: "windows with the feature wepoll",
        },
    ]
}

/// The backend `io-uring` as if its kernel had no more than the oldest on which it runs.
#[cfg(all(test, target_os = "linux"))]
pub fn oldest_io_uring() -> &'static dyn Backend {
    &io_uring::IoUring::OLDEST
}

/// The names of all backends, for a sentence.
pub fn names() -> String {
    let names: Vec<_> = backends().iter().map(|backend| backend.name()).collect();
    names.join(", ")
}

/// The backend of this name.
pub fn backend(name: &str) -> Option<&'static dyn Backend> {
    let mut all = backends().iter().copied();
    all.find(|backend| backend.name() == name)
}
