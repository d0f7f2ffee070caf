//! Claims that are open: each way is tried, and one can be fixed from outside.

use std::sync::Arc;

use portsim_model::build::Builder;
use portsim_model::event::{Error, Observer, Outcome};
use portsim_model::op::Op;
use portsim_model::personality::{CLAIMS, NAMES, claims_of, machine, open, version_on};
use portsim_model::program::{Packet, Program, ThreadId, Timeout};
use portsim_model::turn::Fixed;
use portsim_model::{AnyMachine, State};

/// The readings of an open claim, by their names.
fn readings(personality: &str, claim: &str) -> Option<Vec<&'static str>> {
    let all = open(personality).expect("there is such a personality");
    let found = all.iter().find(|open| open.claim().id == claim)?;
    Some(found.names())
}

#[test]
fn readings_have_names_and_alternatives_have_numbers() {
    let epoll = readings("epoll", "epoll/batch-zero");
    assert_eq!(epoll, Some(vec!["maximum-first", "descriptor-first"]));
    assert_eq!(readings("illumos", "illumos/two-steps"), Some(vec![]));
    assert_eq!(readings("select", "illumos/two-steps"), None);
    assert!(open("nobody").is_none());
}

#[test]
fn what_is_open_is_a_claim() {
    let all = CLAIMS.into_iter().flat_map(|(_, claims)| claims.iter());
    let all: Vec<_> = all.map(|claim| claim.id).collect();
    for name in NAMES {
        for open in open(name).expect("there is such a personality").iter() {
            assert!(all.contains(&open.claim().id), "{name}");
        }
    }
}

#[test]
fn personalities_follow_the_claims_of_their_system_and_version() {
    let of = |name, start: &str| {
        let claims = claims_of(name).filter(|claim| claim.id.starts_with(start));
        claims.count()
    };
    for name in ["wine-8", "wine-10"] {
        assert!(of(name, "wine/") > 0, "{name}");
        assert!(of(name, &format!("{name}/")) > 0, "{name}");
        assert_eq!(of(name, "windows/"), 0, "{name}");
    }
    assert_eq!(of("wine-10", "wine-8/"), 0);
    assert_eq!(of("wine", "wine-8/"), 0);
}

/// Notes how calls fail.
#[derive(Default)]
struct Failures(Vec<Error>);

impl Observer for Failures {
    fn call(&mut self, _: ThreadId, _: Op) {}

    fn ret(&mut self, _: ThreadId, _: Op, outcome: Outcome) {
        if let Outcome::Failed(error) = outcome {
            self.0.push(error);
        }
    }
}

/// All ways in which a program can go on a personality, with an open claim fixed or not: how calls fail in each.
fn ways(personality: &str, program: &Program, fixed: &[(&str, u8)]) -> Vec<Vec<Error>> {
    let fixed = fixed.iter().map(|&(claim, reading)| {
        let all = open(personality).expect("there is such a personality");
        let found = all.iter().find(|open| open.claim().id == claim);
        let claim = found.expect("it is open").claim();
        Fixed { claim, reading }
    });
    let fixed: Vec<_> = fixed.collect();
    let machine = machine(personality, &Arc::new(program.clone()), 1, &fixed);
    let machine = machine.expect("there is such a personality");
    let machine = machine.unwrap_or_else(|lacks| panic!("{}", lacks.why));
    let mut ways = Vec::new();
    follow(&*machine, machine.boot(), Vec::new(), &mut ways);
    ways.sort_by_key(|way| format!("{way:?}"));
    ways.dedup();
    ways
}

fn follow(machine: &dyn AnyMachine, state: State, failed: Vec<Error>, ways: &mut Vec<Vec<Error>>) {
    let mut steps = Vec::new();
    let _ = machine.enabled(&state, |step| steps.push(step));
    if steps.is_empty() {
        return ways.push(failed);
    }
    for step in steps {
        let (mut next, mut seen) = (state.clone(), Failures(failed.clone()));
        assert_eq!(machine.take(&mut next, step, &mut seen), None);
        follow(machine, next, seen.0, ways);
    }
}

/// A batch of none is asked of a closed descriptor: which of the two is wrong first?
#[test]
fn a_reading_is_one_way_and_none_is_each() {
    let mut program = Builder::new();
    let port = program.port(1);
    program.thread(|code| {
        let into = Some(code.slot(1));
        code.close(port);
        code.op(Op::Get {
            port,
            into,
            timeout: Timeout::Never,
            max: Some(0),
            min: None,
            min_wait: None,
            alertable: false,
            keeps: false,
        });
    });
    let program = program.build().expect("it has room");
    let ways = |fixed: &[(&str, u8)]| ways("epoll", &program, fixed);
    let (maximum, descriptor) = (vec![Error::Invalid], vec![Error::BadHandle]);
    assert_eq!(ways(&[]), [descriptor.clone(), maximum.clone()]);
    assert_eq!(ways(&[("epoll/batch-zero", 0)]), [maximum]);
    assert_eq!(ways(&[("epoll/batch-zero", 1)]), [descriptor]);
}

/// A number beyond the last alternative is the last.
#[test]
fn an_alternative_is_fixed_by_its_number() {
    let mut program = Builder::new();
    let port = program.port(1);
    let packet = program.packet(Packet::key(1));
    program.thread(|code| {
        code.op(Op::Post {
            port,
            packet,
            into: None,
            may_fail: true,
            reserve: None,
        });
    });
    let program = program.build().expect("it has room");
    let ways = |fixed: &[(&str, u8)]| ways("illumos", &program, fixed).len();
    let claim = "illumos/no-memory";
    let all = ways(&[]);
    let [first, second, beyond] = [0, 1, 9].map(|number| ways(&[(claim, number)]));
    assert_eq!((all, first, second, beyond), (2, 1, 1, 1));
}

/// The release of a kernel says which version of a system it has; where a text tells none, it is the older one.
#[test]
fn a_release_tells_a_version() {
    let newer = ["linux 7.3.4", "linux 7.3-rc1", "linux 7.10.0", "linux 8.0"];
    // A stable series has it from a later release on.
    let carried_back = ["linux 6.12.117+deb13-cloud-amd64", "linux 6.12.115"];
    for os in newer.into_iter().chain(carried_back) {
        assert_eq!(version_on("io-uring", os), Some("io-uring"), "{os}");
    }
    let earlier = [
        "linux 7.2.9",
        "linux 6.18.115",
        "linux 6.12.114",
        "linux 6.12",
    ];
    let unknown = ["", "none", "linux", "linux x.y", "plan 9.4", "linuxes 9.9"];
    for os in earlier.into_iter().chain(unknown) {
        assert_eq!(version_on("io-uring", os), Some("io-uring-7.2"), "{os}");
    }
    assert_eq!(
        version_on("io-uring-7.2", "linux 9.0"),
        Some("io-uring-7.2")
    );
    assert_eq!(version_on("epoll", "linux 9.0"), Some("epoll"));
    assert_eq!(version_on("nothing", "linux 9.0"), None);
}
