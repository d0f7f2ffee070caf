//! What holds in every state, whatever a program does: rules that break it on purpose are convicted, on each system.
//!
//! No shipped rule breaks an invariant, so a personality that does is put in front of the same program, and the state
//! that it leads to is shown to each system.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use portsim_model::about::About;
use portsim_model::build::{Block, Builder};
use portsim_model::contract::Personality;
use portsim_model::event::{Observer, Outcome};
use portsim_model::personality::{NAMES, machine};
use portsim_model::program::{Get, Op, Packet, PacketId, PortId, Post, Program, ThreadId, Timeout};
use portsim_model::property::{Fault, Violation};
use portsim_model::state::View;
use portsim_model::threads::Mode;
use portsim_model::turn::Turn;
use portsim_model::{AnyMachine, Machine, State};

/// What the broken personality does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// A post wakes nobody.
    WakesNobody,
    /// A post wakes a waiter that does not take the packet yet.
    OnlyWakes,
    /// A post puts a packet into the port that it does not count.
    PutsTwo,
    /// A post counts a packet that it does not put into the port.
    PutsNone,
    /// A waiter counts as running.
    WaiterRuns,
}

/// A personality that does one thing wrong, and calls itself what another does.
#[derive(Clone, Copy)]
struct Careless {
    about: &'static About,
    wrong: Wrong,
}

impl Debug for Careless {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.wrong.fmt(f)
    }
}

impl Personality for Careless {
    fn about(&self) -> &'static About {
        self.about
    }

    fn get<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, get: Get) {
        turn.port(get.port).waiters_mut().push_newest(me);
        if self.wrong == Wrong::WaiterRuns {
            turn.port(get.port).running_mut().enter();
        }
        turn.parks(me, get.timeout);
    }

    fn post<O: Observer>(&self, turn: &mut Turn<'_, O>, me: ThreadId, post: Post) {
        let copies = match self.wrong {
            Wrong::PutsTwo => 2,
            Wrong::PutsNone => 0,
            _ => 1,
        };
        for _ in 0..copies {
            turn.port(post.port).packets_mut().append(post.packet.0);
        }
        turn.inserted();
        if self.wrong == Wrong::OnlyWakes {
            let waiter = turn.port(post.port).waiters_mut().take_newest();
            if let Some(waiter) = waiter {
                turn.thread(waiter).set_mode(Mode::Woken);
            }
        }
        turn.returns(me, Outcome::Done);
    }

    fn wake<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody who was woken goes on")
    }

    fn expire<O: Observer>(&self, _: &mut Turn<'_, O>, _: ThreadId, _: Get) {
        unreachable!("nobody's time is over")
    }

    fn holds(&self, _: View<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

/// Threads that do this with a port, each one call, one after the other.
type Threads = [fn(&mut Block<'_>, PortId, PacketId)];

const ONE_WAITS: fn(&mut Block<'_>, PortId, PacketId) = |code, port, _| {
    code.get(port);
};
const ONE_POSTS: fn(&mut Block<'_>, PortId, PacketId) =
    |code, port, packet| code.post(port, packet);

fn program(threads: &Threads) -> Arc<Program> {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(Packet::key(7));
    for write in threads {
        program.thread(|code| write(code, port, packet));
    }
    // One more never gets its turn: the port has room for what a mistake puts there.
    program.thread(|code| ONE_POSTS(code, port, packet));
    Arc::new(program.build().expect("it has room"))
}

/// The program on a system, if that has its operations.
fn system(name: &str, program: &Arc<Program>) -> Option<Arc<dyn AnyMachine>> {
    let system = machine(name, program, 1, &[]).expect("there is such a system");
    system.ok()
}

/// The state to which a mistake leads when each thread has taken a turn, and what the last turn broke by itself.
fn after(wrong: Wrong, system: &dyn AnyMachine, program: &Arc<Program>) -> (State, Option<Fault>) {
    let about = system.about();
    let broken = Machine::new(program.clone(), Careless { about, wrong }, 1);
    let broken: &dyn AnyMachine = &broken.expect("it has what the system has");
    let (mut state, mut fault) = (broken.boot(), None);
    for thread in program.thread_ids().take(program.threads.len() - 1) {
        let mut turn = None;
        let _ = broken.enabled(&state, |step| {
            turn = turn.or(Some(step).filter(|step| step.thread == thread))
        });
        let turn = turn.expect("the thread can take a turn");
        fault = broken.take(&mut state, turn, &mut ());
    }
    (state, fault)
}

/// What each system says of the state to which a mistake leads.
fn convicted(wrong: Wrong, threads: &Threads) -> Vec<(&'static str, Fault)> {
    let program = program(threads);
    let says = |name| {
        let system = system(name, &program)?;
        match system.judge(&after(wrong, &*system, &program).0) {
            Some(Violation::Builtin(fault)) => Some((name, fault)),
            None => None,
            other => panic!("{name}: {other:?}"),
        }
    };
    NAMES.into_iter().filter_map(says).collect()
}

#[test]
fn a_waiter_beside_a_packet_is_stranded_unless_the_system_strands_it() {
    let convicted = convicted(Wrong::WakesNobody, &[ONE_WAITS, ONE_POSTS]);
    // On the last no call waits.
    let strands = ["illumos", "windows-2003", "io-ring"];
    let stranded = NAMES.into_iter().filter(|name| !strands.contains(name));
    let stranded = stranded.map(|name| (name, Fault::Stranded));
    assert_eq!(convicted, stranded.collect::<Vec<_>>());
}

/// On NT 5 a packet may wait beside a waiter as long as anything can move.
#[test]
fn at_rest_a_waiter_beside_a_packet_is_stranded_on_nt_5_too() {
    let program = program(&[ONE_WAITS, ONE_POSTS]);
    let at_rest = |name| {
        let system = system(name, &program).expect("every system has a post");
        system.judge_end(&after(Wrong::WakesNobody, &*system, &program).0)
    };
    let [stranded, deadlock] =
        [Fault::Stranded, Fault::Deadlock].map(|fault| Some(Violation::Builtin(fault)));
    assert_eq!(at_rest("windows-2003"), stranded);
    assert_eq!(at_rest("illumos"), deadlock);
}

#[test]
fn a_packet_alone_or_a_waiter_alone_is_not_stranded() {
    assert_eq!(convicted(Wrong::WakesNobody, &[ONE_POSTS]), []);
    assert_eq!(convicted(Wrong::WakesNobody, &[ONE_WAITS]), []);
}

/// Beside a waiter that is left behind, one that was woken is on its way.
#[test]
fn somebody_on_the_way_is_enough() {
    let convicted = convicted(Wrong::OnlyWakes, &[ONE_WAITS, ONE_WAITS, ONE_POSTS]);
    let strict = ["windows", "windows-7", "aix", "kqueue", "kqueue-macos"];
    let strict = strict.map(|name| (name, Fault::Stranded));
    assert_eq!(convicted, strict);
}

#[test]
fn who_runs_is_counted() {
    let convicted = convicted(Wrong::WaiterRuns, &[ONE_WAITS]);
    let counting = ["windows", "windows-7", "windows-2003"].map(|name| (name, Fault::Running));
    assert_eq!(convicted, counting);
}

#[test]
fn packets_are_neither_lost_nor_doubled() {
    for name in NAMES {
        let program = program(&[ONE_POSTS]);
        let system = system(name, &program).expect("every system has a post");
        let fault = |wrong| after(wrong, &*system, &program).1;
        assert_eq!(fault(Wrong::PutsNone), Some(Fault::Lost), "{name}");
        assert_eq!(fault(Wrong::WakesNobody), None, "{name}");
        assert_eq!(fault(Wrong::PutsTwo), Some(Fault::Twice), "{name}");
    }
}

/// A call that wants two packets, where systems have such.
const ONE_WAITS_FOR_TWO: fn(&mut Block<'_>, PortId, PacketId) = |code, port, _| {
    let into = Some(code.slot(2));
    code.op(Op::Get {
        port,
        into,
        timeout: Timeout::Never,
        max: Some(2),
        min: Some(2),
        min_wait: None,
        alertable: false,
        keeps: false,
    });
};

/// Whoever wants more packets than there are is not stranded, nor is anybody beside them where that is so.
#[test]
fn who_wants_more_is_not_stranded() {
    let stranded = |threads: &Threads| -> Vec<&str> {
        let convicted = convicted(Wrong::WakesNobody, threads);
        convicted.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(stranded(&[ONE_WAITS_FOR_TWO, ONE_POSTS]), [""; 0]);
    assert_eq!(
        stranded(&[ONE_WAITS_FOR_TWO, ONE_POSTS, ONE_POSTS]),
        ["aix"]
    );
    assert_eq!(
        stranded(&[ONE_WAITS_FOR_TWO, ONE_WAITS, ONE_POSTS]),
        ["aix"]
    );
}

/// On Wine 8 a waiter that was terminated takes along what it was woken for.
#[test]
fn what_was_terminated_strands_others_on_wine_8() {
    let terminates = |code: &mut Block<'_>, _, _| {
        code.op(Op::Terminate {
            thread: ThreadId(0),
        })
    };
    let convicted = convicted(Wrong::WakesNobody, &[ONE_WAITS, ONE_POSTS, terminates]);
    let convicted: Vec<_> = convicted.into_iter().map(|(name, _)| name).collect();
    assert_eq!(convicted, ["windows", "windows-7", "wine-10"]);
}

/// The claims that keep a waiter from a packet, on each system that has such.
fn held(wrong: Wrong, threads: &Threads, waiter: u8) -> Vec<&'static str> {
    let program = program(threads);
    let claim = |name| {
        let system = system(name, &program)?;
        let (state, _) = after(wrong, &*system, &program);
        let claim = system.holds_back(&state, ThreadId(waiter))?;
        Some(claim.id)
    };
    NAMES.into_iter().filter_map(claim).collect()
}

/// A waiter beside whom a packet lies is kept from it by a claim, or by nothing where that cannot be.
#[test]
fn who_waits_beside_a_packet_is_held_by_a_claim() {
    let careless = |threads: &Threads, waiter| held(Wrong::WakesNobody, threads, waiter);
    let of_one = [
        "windows-2003/self-rule",
        "illumos/leaves-quietly",
        "epoll/lifo",
        "io-uring-7.2/leaver-wakes-nobody",
        "pipe/oldest",
        "condvar/oldest",
    ];
    assert_eq!(careless(&[ONE_WAITS], 0), [""; 0]);
    assert_eq!(careless(&[ONE_WAITS, ONE_POSTS], 0), of_one);
    let of_two = of_one.map(|claim| claim.replace("pipe/oldest", "pipe/not-empty"));
    assert_eq!(careless(&[ONE_WAITS, ONE_POSTS, ONE_POSTS], 0), of_two);
    assert_eq!(
        careless(&[ONE_WAITS_FOR_TWO, ONE_POSTS], 0),
        [
            "illumos/getn",
            "aix/multiple",
            "io-uring-7.2/leaver-wakes-nobody"
        ]
    );
    assert_eq!(
        careless(&[ONE_WAITS_FOR_TWO, ONE_POSTS, ONE_POSTS], 0),
        ["illumos/leaves-quietly", "io-uring-7.2/leaver-wakes-nobody"]
    );
    assert_eq!(
        careless(&[ONE_WAITS_FOR_TWO, ONE_WAITS, ONE_POSTS], 1),
        ["illumos/head-only", "io-uring-7.2/leaver-wakes-nobody"]
    );
}

/// On Windows the limit does, once as many threads run.
#[test]
fn the_limit_keeps_waiters_waiting() {
    let limits = |wrong| {
        let mut held = held(wrong, &[ONE_WAITS, ONE_POSTS], 0);
        held.retain(|claim| claim.starts_with("windows"));
        held
    };
    assert_eq!(limits(Wrong::WakesNobody), ["windows-2003/self-rule"]);
    assert_eq!(limits(Wrong::WaiterRuns), ["windows/limit"; 3]);
}
