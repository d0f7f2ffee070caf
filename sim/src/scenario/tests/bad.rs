//! Bad scenarios, and the whole sentence that each gets.

use std::path::Path;

use super::{outcome, parse, with_fields, with_ops, with_property};

/// Every row of the table: what is written in the place that `with` gives it, and the sentence.
fn check(with: impl Fn(&str) -> String, rows: &[(&str, &str)]) {
    for (written, sentence) in rows {
        match outcome(&with(written)) {
            Ok(_) => panic!("nothing is wrong with {written}"),
            Err(found) => assert_eq!(found, format!("x.json: {sentence}"), "in {written}"),
        }
    }
}

#[test]
fn whole_files_that_cannot_be_read() {
    check(
        str::to_owned,
        &[
            (
                "",
                "at line 1 column 0: not valid JSON: EOF while parsing a value",
            ),
            (
                "{",
                "at line 1 column 1: not valid JSON: EOF while parsing an object",
            ),
            (
                "nonsense",
                "at line 1 column 2: not valid JSON: expected ident",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}} x"#,
                "at line 1 column 36: not valid JSON: trailing characters",
            ),
            (
                r#"{"why": "x", "threads": {"a": [],}}"#,
                "at line 1 column 34: not valid JSON: trailing comma",
            ),
            (
                r#"{"why": "x", "why": "y", "threads": {"a": []}}"#,
                r#"the field "why" stands twice"#,
            ),
            (
                r#"{"why": 1e999}"#,
                "at line 1 column 13: not valid JSON: number out of range",
            ),
            ("[]", "found a list, expected an object"),
            (
                "3",
                r#"at threads.main[0]: found 3, expected "get", "post", "close", "create", "block", "signal", "reset", "stall", "sleep", "yield", "suspend", "resume", "spawn", "exit", "set", "if", "either", "loop", "break", "assert", "note", "epoll_ctl", "write" or "drain""#,
            ),
            (r#"{"threads": {"a": []}}"#, r#"the field "why" is missing"#),
            (r#"{"why": "x"}"#, r#"the field "threads" is missing"#),
            (
                r#"{"why": " ", "threads": {"a": []}}"#,
                "at why: found nothing, expected a sentence",
            ),
            (
                r#"{"why": "x", "threads": {}}"#,
                "at threads: a scenario needs at least one thread",
            ),
            (
                r#"{"why": "x", "threads": []}"#,
                "at threads: found a list, expected an object",
            ),
            (
                r#"{"why": "x", "threads": {"a": 3}}"#,
                r#"at threads.a: found 3, expected a list of operations, or an object with "count" and "do""#,
            ),
            (
                r#"{"why": "x", "threads": {"a": "exit"}}"#,
                r#"at threads.a: found the string "exit", expected a list of operations, or an object with "count" and "do""#,
            ),
            (
                r#"{"why": "x", "threads": {"a": {"count": 2}}}"#,
                r#"at threads.a: the field "do" is missing"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": {"count": 0, "do": []}}}"#,
                "at threads.a.count: a group needs at least one thread",
            ),
            (
                r#"{"why": "x", "threads": {"a": {"count": 300, "do": []}}}"#,
                "at threads.a.count: found 300, expected a whole number from 0 to 255",
            ),
            (
                r#"{"why": "x", "threads": {"a": {"count": 65, "do": []}}}"#,
                "at threads.a: a scenario has at most 64 threads",
            ),
            (
                r#"{"why": "x", "threads": {"a": {"count": 2, "doo": []}}}"#,
                r#"at threads.a: unknown field "doo", expected "count" or "do"; did you mean "do"?"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": [], "a": []}}"#,
                r#"at threads: the name "a" stands twice"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "files": {}}"#,
                r#"unknown field "files", expected "$schema", "why", "claims", "as", "ports", "events", "mutexes", "semaphores", "sources", "vars", "threads", "schedule", "properties", "expect", "bounds", "builtin" or "may_wait""#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "thread": {}}"#,
                r#"unknown field "thread", expected "$schema", "why", "claims", "as", "ports", "events", "mutexes", "semaphores", "sources", "vars", "threads", "schedule", "properties", "expect", "bounds", "builtin" or "may_wait"; did you mean "threads"?"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "properties": {"eventually": {"e": "true"}}}"#,
                r#"at properties: this version does not judge "eventually" yet"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "properties": {"allways": {"e": "true"}}}"#,
                r#"at properties: unknown field "allways", expected "always", "sometimes" or "at_end"; did you mean "always"?"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"p": {"concurency": 1}}}"#,
                r#"at ports.p: unknown field "concurency", expected "concurrency"; did you mean "concurrency"?"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"p": {"concurrency": -1}}}"#,
                "at ports.p.concurrency: found -1, expected a whole number from 0 to 4294967295",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"p": {"concurrency": 1.5}}}"#,
                "at ports.p.concurrency: found the fraction 1.5, expected a whole number from 0 to 4294967295",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"p": 1}}"#,
                "at ports.p: found 1, expected an object",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"p": []}}"#,
                "at ports.p: found a list, expected an object",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"my port": {}}}"#,
                r#"at ports["my port"]: "my port" cannot be a name: names have letters, digits and _, and begin with no digit"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"done": {}}}"#,
                r#"at ports.done: "done" is a word of expressions, not a name"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"EBADF": {}}}"#,
                r#"at ports.EBADF: "EBADF" is a word of expressions, not a name"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "ports": {"a": {}}}"#,
                r#"at threads.a: "a" is already the name of a port"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "events": {"e": {"reset": "automatic"}}}"#,
                r#"at events.e.reset: unknown way to reset "automatic", expected "auto" or "manual""#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "events": {"e": {"signaled": "yes"}}}"#,
                r#"at events.e.signaled: found the string "yes", expected true or false"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "semaphores": {"s": {"count": 256}}}"#,
                "at semaphores.s.count: found 256, expected a whole number from 0 to 255",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "vars": {"v": 2147483648}}"#,
                "at vars.v: found 2147483648, expected a whole number of 32 bits, or a list of such",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "vars": {"v": [1, "x"]}}"#,
                r#"at vars.v[1]: found the string "x", expected a whole number from -2147483648 to 2147483647"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "vars": {"v": []}}"#,
                "at vars.v: an array needs at least one element",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "vars": {"v": true}}"#,
                "at vars.v: found true, expected a whole number of 32 bits, or a list of such",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "as": ["windoze"]}"#,
                r#"at as[0]: unknown personality "windoze"; did you mean "windows"?"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "as": ["plan9"]}"#,
                r#"at as[0]: unknown personality "plan9", expected "windows", "solaris", "windows-2003", "wine-8", "wine-10", "illumos", "aix", "epoll", "io-uring", "kqueue" or "select""#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "as": []}"#,
                "at as: found no system; leave it out to mean every one",
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "as": ["aix", "aix"]}"#,
                r#"at as[1]: "aix" stands twice"#,
            ),
            (
                r#"{"why": "x", "threads": {"a": []}, "as": "aix"}"#,
                r#"at as: found the string "aix", expected a list"#,
            ),
        ],
    );
}

#[test]
fn fields_of_a_sound_scenario() {
    check(
        with_fields,
        &[
            (
                r#""schedule": ["main", "c"]"#,
                r#"at schedule[1]: unknown thread "c", expected "main", "b" or "worker""#,
            ),
            (
                r#""schedule": ["worker"]"#,
                r#"at schedule[0]: "worker" is a group; one of its threads is "worker[0]""#,
            ),
            (
                r#""schedule": ["worker[3]"]"#,
                r#"at schedule[0]: there is no "worker[3]"; the last of the group is "worker[2]""#,
            ),
            (
                r#""schedule": ["worker[x]"]"#,
                r#"at schedule[0]: "worker[x]" names no thread"#,
            ),
            (
                r#""schedule": ["main[0]"]"#,
                r#"at schedule[0]: "main" is one thread, not a group"#,
            ),
            (
                r#""schedule": ["p"]"#,
                r#"at schedule[0]: "p" is a port, not a thread"#,
            ),
            (
                r#""schedule": ["@tine"]"#,
                r#"at schedule[0]: unknown turn "@tine"; did you mean "@time"?"#,
            ),
            (
                r#""may_wait": ["workers"]"#,
                r#"at may_wait[0]: unknown thread "workers"; did you mean "worker"?"#,
            ),
            (
                r#""expect": "fail""#,
                r#"at expect: unknown expectation "fail", expected "pass" or "violation""#,
            ),
            (
                r#""expect": {"violation": "dead_lock"}"#,
                r#"at expect.violation: unknown property "dead_lock"; did you mean "deadlock"?"#,
            ),
            (
                r#""expect": {"violation": "limit"}"#,
                r#"at expect.violation: unknown property "limit", expected "lost", "twice", "released", "running", "stranded", "deadlock", "assert", "schedule" or "spin""#,
            ),
            (
                r#""expect": {"pass": true}"#,
                r#"at expect: "pass" stands alone, as the string "pass""#,
            ),
            (
                r#""expect": "violation""#,
                r#"at expect: "violation" does not stand alone, but in an object such as { "violation": ... }"#,
            ),
            (
                r#""expect": {"violations": "lost"}"#,
                r#"at expect: unknown expectation "violations"; did you mean "violation"?"#,
            ),
            (
                r#""properties": {"always": {"lost": "true"}}"#,
                r#"at properties.always.lost: "lost" is the name of a built-in invariant"#,
            ),
            (
                r#""properties": {"always": {"it": "true"}, "sometimes": {"it": "true"}}"#,
                r#"at properties.sometimes.it: "it" is already the name of a property"#,
            ),
            (
                r#""properties": {"always": {"not a name": "true"}}"#,
                r#"at properties.always["not a name"]: "not a name" cannot be a name: names have letters, digits and _, and begin with no digit"#,
            ),
            (
                r#""properties": {"always": {"it": true}}"#,
                "at properties.always.it: found true, expected a string",
            ),
            (
                r#""bounds": {"packets": 1000}"#,
                "at bounds.packets: found 1000, expected a whole number from 0 to 255",
            ),
            (
                r#""builtin": 1"#,
                "at builtin: found 1, expected true or false",
            ),
        ],
    );
}

#[test]
fn operations_that_cannot_be_meant() {
    check(
        with_ops,
        &[
            (
                r#"{"gett": "p"}"#,
                r#"at threads.main[0]: unknown operation "gett"; did you mean "get"?"#,
            ),
            (
                r#"{"associate": "p"}"#,
                r#"at threads.main[0]: unknown operation "associate", expected "get", "post", "close", "create", "block", "signal", "reset", "stall", "sleep", "yield", "suspend", "resume", "spawn", "exit", "set", "if", "either", "loop", "break", "assert", "note", "epoll_ctl", "write" or "drain""#,
            ),
            (
                r#"{"into": "x", "gte": "p"}"#,
                r#"at threads.main[0]: unknown operation "gte"; did you mean "get"?"#,
            ),
            (
                "{}",
                r#"at threads.main[0]: found an empty object, expected "get", "post", "close", "create", "block", "signal", "reset", "stall", "sleep", "yield", "suspend", "resume", "spawn", "exit", "set", "if", "either", "loop", "break", "assert", "note", "epoll_ctl", "write" or "drain""#,
            ),
            (
                "3",
                r#"at threads.main[0]: found 3, expected "get", "post", "close", "create", "block", "signal", "reset", "stall", "sleep", "yield", "suspend", "resume", "spawn", "exit", "set", "if", "either", "loop", "break", "assert", "note", "epoll_ctl", "write" or "drain""#,
            ),
            (
                r#""get""#,
                r#"at threads.main[0]: "get" does not stand alone, but in an object such as { "get": ... }"#,
            ),
            (
                r#""quit""#,
                r#"at threads.main[0]: unknown operation "quit", expected "get", "post", "close", "create", "block", "signal", "reset", "stall", "sleep", "yield", "suspend", "resume", "spawn", "exit", "set", "if", "either", "loop", "break", "assert", "note", "epoll_ctl", "write" or "drain""#,
            ),
            (
                r#"{"exit": true}"#,
                r#"at threads.main[0]: "exit" stands alone, as the string "exit""#,
            ),
            (
                r#"{"get": "p", "post": "p"}"#,
                r#"at threads.main[0]: "get" and "post" cannot stand in one object"#,
            ),
            (
                r#"{"get": "r"}"#,
                r#"at threads.main[0].get: unknown port "r", expected "p" or "q""#,
            ),
            (
                r#"{"get": "go"}"#,
                r#"at threads.main[0].get: "go" is an event, not a port"#,
            ),
            (
                r#"{"get": 3}"#,
                "at threads.main[0].get: found 3, expected a string",
            ),
            (
                r#"{"get": "p", "timeout": -1}"#,
                "at threads.main[0].timeout: found -1, expected a whole number from 0 to 4294967295",
            ),
            (
                r#"{"get": "p", "timeout": 4294967296}"#,
                "at threads.main[0].timeout: found 4294967296, expected a whole number from 0 to 4294967295",
            ),
            (
                r#"{"get": "p", "tmeout": 1}"#,
                r#"at threads.main[0]: unknown field "tmeout", expected "get", "into", "timeout" or "max"; did you mean "timeout"?"#,
            ),
            (
                r#"{"get": "p", "alertable": true}"#,
                r#"at threads.main[0]: unknown field "alertable", expected "get", "into", "timeout" or "max""#,
            ),
            (
                r#"{"get": "p", "max": 0}"#,
                "at threads.main[0].max: found 0, expected a whole number from 1 to 32",
            ),
            (
                r#"{"get": "p", "max": 33}"#,
                "at threads.main[0].max: found 33, expected a whole number from 1 to 32",
            ),
            (
                r#"{"get": "p", "into": "p"}"#,
                r#"at threads.main[0].into: "p" is already the name of a port"#,
            ),
            (
                r#"{"get": "p", "into": "1x"}"#,
                r#"at threads.main[0].into: "1x" cannot be a name: names have letters, digits and _, and begin with no digit"#,
            ),
            (
                r#"{"get": "p", "into": "x", "into": "y"}"#,
                r#"at threads.main[0]: the field "into" stands twice"#,
            ),
            (
                r#"{"post": "p", "key": "one"}"#,
                r#"at threads.main[0].key: found the string "one", expected a whole number of 64 bits"#,
            ),
            (
                r#"{"post": "p", "key": 9223372036854775808}"#,
                "at threads.main[0].key: found 9223372036854775808, expected a whole number of 64 bits",
            ),
            (
                r#"{"post": "p", "status": "STATUS_CANCELED"}"#,
                r#"at threads.main[0].status: unknown status "STATUS_CANCELED"; did you mean "STATUS_CANCELLED"?"#,
            ),
            (
                r#"{"post": "p", "status": -1}"#,
                "at threads.main[0].status: found -1, expected a whole number from 0 to 4294967295 or the name of an NTSTATUS",
            ),
            (
                r#"{"block": "p"}"#,
                r#"at threads.main[0].block: "p" is a port, not an event, mutex or semaphore"#,
            ),
            (
                r#"{"signal": "gone"}"#,
                r#"at threads.main[0].signal: unknown event, mutex or semaphore "gone", expected "go", "latch", "lock" or "units""#,
            ),
            (
                r#"{"reset": "lock"}"#,
                r#"at threads.main[0].reset: "lock" is a mutex, not an event"#,
            ),
            (
                r#"{"suspend": "worker"}"#,
                r#"at threads.main[0].suspend: "worker" is a group; one of its threads is "worker[0]""#,
            ),
            (
                r#"{"spawn": "nobody"}"#,
                r#"at threads.main[0].spawn: unknown thread "nobody", expected "main", "b" or "worker""#,
            ),
            (
                r#"{"set": {}}"#,
                "at threads.main[0].set: found 0 assignments, expected 1 to 255",
            ),
            (
                r#"{"set": {"stopp": 1}}"#,
                r#"at threads.main[0].set.stopp: column 1: unknown name "stopp"; did you mean "stop"?
    stopp
    ^"#,
            ),
            (
                r#"{"set": {"p": 1}}"#,
                r#"at threads.main[0].set.p: column 1: only a variable or an element of an array can be set
    p
    ^"#,
            ),
            (
                r#"{"set": {"alive": 1}}"#,
                r#"at threads.main[0].set.alive: column 1: "alive" has no value as a whole; ask for an element, such as "alive[0]"
    alive
    ^"#,
            ),
            (
                r#"{"set": {"alive[3]": 1}}"#,
                r#"at threads.main[0].set["alive[3]"]: column 7: there is no element 3; the last is 2
    alive[3]
          ^"#,
            ),
            (
                r#"{"set": {"stop": "true"}}"#,
                r#"at threads.main[0].set.stop: column 1: found a boolean, but this place needs an integer
    true
    ^"#,
            ),
            (
                r#"{"set": {"stop": 1, "stop": 2}}"#,
                r#"at threads.main[0].set: the name "stop" stands twice"#,
            ),
            (
                r#"{"set": {"1 + 1": 2}}"#,
                r#"at threads.main[0].set["1 + 1"]: column 1: only a variable or an element of an array can be set
    1 + 1
    ^"#,
            ),
            (
                r#"{"if": "true"}"#,
                r#"at threads.main[0]: the field "then" is missing"#,
            ),
            (
                r#"{"if": "stop", "then": []}"#,
                r#"at threads.main[0].if: column 1: found an integer, but this place needs a boolean
    stop
    ^"#,
            ),
            (
                r#"{"if": "true", "then": ["brake"]}"#,
                r#"at threads.main[0].then[0]: unknown operation "brake"; did you mean "break"?"#,
            ),
            (
                r#"{"either": []}"#,
                "at threads.main[0].either: expected two branches or more",
            ),
            (
                r#"{"either": [[]]}"#,
                "at threads.main[0].either: expected two branches or more",
            ),
            (
                r#"{"either": [["exit"], ["break"]]}"#,
                r#"at threads.main[0].either[1][0]: "break" stands outside of every loop"#,
            ),
            (
                r#"{"loop": []}"#,
                "at threads.main[0].loop: the loop does nothing, for ever",
            ),
            (
                r#""break""#,
                r#"at threads.main[0]: "break" stands outside of every loop"#,
            ),
            (
                r#""exit", "yield""#,
                "at threads.main[1]: nothing comes here: what stands before never goes on",
            ),
            (
                r#"{"loop": ["yield"]}, "yield""#,
                "at threads.main[1]: nothing comes here: what stands before never goes on",
            ),
            (
                r#"{"loop": ["break", "yield"]}"#,
                "at threads.main[0].loop[1]: nothing comes here: what stands before never goes on",
            ),
            (
                r#"{"if": "true", "then": ["exit"], "else": ["exit"]}, "yield""#,
                "at threads.main[1]: nothing comes here: what stands before never goes on",
            ),
            (
                r#"{"loop": [{"create": "q"}]}"#,
                r#"at threads.main[0].loop[0].create: "q" would be created again in each turn of the loop"#,
            ),
            (
                r#"{"create": "q"}, {"create": "q"}"#,
                r#"at threads.main[1].create: "q" is created by another operation already"#,
            ),
            (
                r#"{"assert": "1"}"#,
                r#"at threads.main[0].assert: column 1: found an integer, but this place needs a boolean
    1
    ^"#,
            ),
            (
                r#"{"note": 3}"#,
                "at threads.main[0].note: found 3, expected a string",
            ),
            (
                r#"{"epoll_ctl": "p", "source": "pipe"}"#,
                r#"at threads.main[0]: the field "change" is missing"#,
            ),
            (
                r#"{"epoll_ctl": "p", "source": "pipe", "change": "remove"}"#,
                r#"at threads.main[0].change: unknown change "remove", expected "add", "mod" or "del""#,
            ),
            (
                r#"{"epoll_ctl": "p", "source": "pipe", "change": "del", "key": 1}"#,
                r#"at threads.main[0]: "del" takes no "key""#,
            ),
            (
                r#"{"epoll_ctl": "p", "source": "q", "change": "add"}"#,
                r#"at threads.main[0].source: "q" is a port, not a source"#,
            ),
            (
                r#"{"write": "pip"}"#,
                r#"at threads.main[0].write: unknown source "pip"; did you mean "pipe"?"#,
            ),
            (
                r#"{"if": "b.y.ok", "then": []}"#,
                r#"at threads.main[0].if: column 3: only properties can read the results of another thread
    b.y.ok
      ^"#,
            ),
            (
                r#"{"if": "all(worker, w.ok)", "then": []}"#,
                r#"at threads.main[0].if: column 13: only properties can read the results of another thread
    all(worker, w.ok)
                ^"#,
            ),
        ],
    );
}

#[test]
fn expressions_that_cannot_be_meant() {
    check(
        with_property,
        &[
            (
                "",
                r#"at properties.always.it: column 1: found the end, expected a number, a name, "!", "-" or "(""#,
            ),
            (
                "1 +",
                r#"at properties.always.it: column 4: found the end, expected a number, a name, "!", "-" or "("
    1 +
       ^"#,
            ),
            (
                "1 + 2",
                r#"at properties.always.it: column 1: found an integer, but this place needs a boolean
    1 + 2
    ^"#,
            ),
            (
                "(true",
                r#"at properties.always.it: column 6: found the end, expected ")"
    (true
         ^"#,
            ),
            (
                "true)",
                r#"at properties.always.it: column 5: found ")", expected an operator or the end
    true)
        ^"#,
            ),
            (
                "p.running = 1",
                r#"at properties.always.it: column 11: found "=", expected "==" to compare
    p.running = 1
              ^"#,
            ),
            (
                "true & true",
                r#"at properties.always.it: column 6: found "&", expected "&&"
    true & true
         ^"#,
            ),
            (
                "p.running <= 2 && 3",
                r#"at properties.always.it: column 19: found an integer, but "&&" needs a boolean
    p.running <= 2 && 3
                      ^"#,
            ),
            (
                "!p.running",
                r#"at properties.always.it: column 2: found an integer, but "!" needs a boolean
    !p.running
     ^"#,
            ),
            (
                "-p.open",
                r#"at properties.always.it: column 2: found a boolean, but "-" needs an integer
    -p.open
     ^"#,
            ),
            (
                "true == 1",
                r#"at properties.always.it: column 9: found an integer, but "==" needs a boolean
    true == 1
            ^"#,
            ),
            (
                "1 < 2 < 3",
                r#"at properties.always.it: column 1: found a boolean, but "<" needs an integer
    1 < 2 < 3
    ^"#,
            ),
            (
                "nobody.done",
                r#"at properties.always.it: column 1: unknown name "nobody", expected "p", "q", "go", "latch", "lock", "units", "pipe", "stop", "alive", "main", "b" or "worker"
    nobody.done
    ^"#,
            ),
            (
                "p",
                r#"at properties.always.it: column 1: "p" is a port; ask for its "depth", "waiting", "running", "concurrency", "delivered" or "open"
    p
    ^"#,
            ),
            (
                "p.dept",
                r#"at properties.always.it: column 3: a port has no "dept"; did you mean "depth"?
    p.dept
      ^"#,
            ),
            (
                "p.colour",
                r#"at properties.always.it: column 3: a port has no "colour", expected "depth", "waiting", "running", "concurrency", "delivered" or "open"
    p.colour
      ^"#,
            ),
            (
                "p[0].depth",
                r#"at properties.always.it: column 3: "p" is a port, which has no elements
    p[0].depth
      ^"#,
            ),
            (
                "p.depth.x",
                r#"at properties.always.it: column 9: "depth" is a plain value; nothing more can be asked of it
    p.depth.x
            ^"#,
            ),
            (
                "go",
                r#"at properties.always.it: column 1: "go" is an event, which has no value
    go
    ^"#,
            ),
            (
                "stop.x",
                r#"at properties.always.it: column 6: "stop" is a variable; nothing more can be asked of it
    stop.x
         ^"#,
            ),
            (
                "stop[0] == 1",
                r#"at properties.always.it: column 6: "stop" is a variable; nothing more can be asked of it
    stop[0] == 1
         ^"#,
            ),
            (
                "alive == 1",
                r#"at properties.always.it: column 1: "alive" has no value as a whole; ask for an element, such as "alive[0]"
    alive == 1
    ^"#,
            ),
            (
                "alive[3] == 1",
                r#"at properties.always.it: column 7: there is no element 3; the last is 2
    alive[3] == 1
          ^"#,
            ),
            (
                "alive[true] == 1",
                r#"at properties.always.it: column 7: found a boolean, but an index needs an integer
    alive[true] == 1
          ^"#,
            ),
            (
                "alive[-1] == 1",
                r#"at properties.always.it: column 7: there is no element -1; the last is 2
    alive[-1] == 1
          ^"#,
            ),
            (
                "b",
                r#"at properties.always.it: column 1: "b" is a thread; ask for its "y", "z", "parked", "blocked" or "done"
    b
    ^"#,
            ),
            (
                "b.x.ok",
                r#"at properties.always.it: column 3: a thread has no "x", expected "y", "z", "parked", "blocked" or "done"
    b.x.ok
      ^"#,
            ),
            (
                "b.y",
                r#"at properties.always.it: column 3: "y" is a result; ask for its "ok", "timeout", "error", "count", "key", "bytes", "overlapped" or "status"
    b.y
      ^"#,
            ),
            (
                "b.y.kee == 1",
                r#"at properties.always.it: column 5: a result has no "kee"; did you mean "key"?
    b.y.kee == 1
        ^"#,
            ),
            (
                "b.y[1].key == 1",
                r#"at properties.always.it: column 5: there is no packet 1 in "y", which takes at most 1
    b.y[1].key == 1
        ^"#,
            ),
            (
                "b.y[0].ok",
                r#"at properties.always.it: column 8: a packet has no "ok", expected "key", "bytes", "overlapped" or "status"
    b.y[0].ok
           ^"#,
            ),
            (
                "b.z.key == 1",
                r#"at properties.always.it: column 5: the result of a call without packets has no "key", expected "ok", "timeout" or "error"
    b.z.key == 1
        ^"#,
            ),
            (
                "b.z[0].ok",
                r#"at properties.always.it: column 5: "z" is the result of a call without packets
    b.z[0].ok
        ^"#,
            ),
            (
                "worker.done",
                r#"at properties.always.it: column 1: "worker" is a group; one of its threads is "worker[0]"
    worker.done
    ^"#,
            ),
            (
                "worker[3].done",
                r#"at properties.always.it: column 1: there is no "worker[3]"; the last of the group is "worker[2]"
    worker[3].done
    ^"#,
            ),
            (
                "worker[stop].done",
                r#"at properties.always.it: column 8: only a plain number can stand here
    worker[stop].done
           ^"#,
            ),
            (
                "worker[0].w[4].key == 0",
                r#"at properties.always.it: column 13: there is no packet 4 in "w", which takes at most 4
    worker[0].w[4].key == 0
                ^"#,
            ),
            (
                "y.ok",
                r#"at properties.always.it: column 1: unknown name "y", expected "p", "q", "go", "latch", "lock", "units", "pipe", "stop", "alive", "main", "b" or "worker"
    y.ok
    ^"#,
            ),
            (
                "all(worker, y.ok)",
                r#"at properties.always.it: column 13: unknown name "y", expected "w", "p", "q", "go", "latch", "lock", "units", "pipe", "stop", "alive", "main", "b" or "worker"
    all(worker, y.ok)
                ^"#,
            ),
            (
                "all(workers, w.ok)",
                r#"at properties.always.it: column 5: unknown name "workers"; did you mean "worker"?
    all(workers, w.ok)
        ^"#,
            ),
            (
                "all(p, w.ok)",
                r#"at properties.always.it: column 5: "p" is a port, not a group
    all(p, w.ok)
        ^"#,
            ),
            (
                "all(worker, w.count)",
                r#"at properties.always.it: column 13: found an integer, but "all" needs a boolean
    all(worker, w.count)
                ^"#,
            ),
            (
                "all(worker)",
                r#"at properties.always.it: column 11: found ")", expected ","
    all(worker)
              ^"#,
            ),
            (
                "some(worker, w.ok)",
                r#"at properties.always.it: column 1: unknown function "some", expected "all", "any" or "count"
    some(worker, w.ok)
    ^"#,
            ),
            (
                "count(worker, parked)",
                r#"at properties.always.it: column 1: found an integer, but this place needs a boolean
    count(worker, parked)
    ^"#,
            ),
            (
                "9223372036854775808 == 0",
                r#"at properties.always.it: column 1: the number does not fit 64 bits
    9223372036854775808 == 0
    ^"#,
            ),
            (
                "-9223372036854775809 == 0",
                r#"at properties.always.it: column 1: the number does not fit 64 bits
    -9223372036854775809 == 0
    ^"#,
            ),
            (
                "0xfffffffffffffffff == 0",
                r#"at properties.always.it: column 1: the number does not fit 64 bits
    0xfffffffffffffffff == 0
    ^"#,
            ),
            (
                "12ab == 0",
                r#"at properties.always.it: column 1: "12ab" is neither a number nor a name
    12ab == 0
    ^"#,
            ),
            (
                "EBADFD == 9",
                r#"at properties.always.it: column 1: unknown name "EBADFD"; did you mean "EBADF"?
    EBADFD == 9
    ^"#,
            ),
            (
                "EBADF.x == 9",
                r#"at properties.always.it: column 7: "EBADF" is a number; nothing more can be asked of it
    EBADF.x == 9
          ^"#,
            ),
            (
                "true ? 1 : 2",
                r#"at properties.always.it: column 6: '?' begins no word of the language
    true ? 1 : 2
         ^"#,
            ),
            (
                "stöp == 1",
                r#"at properties.always.it: column 3: 'ö' begins no word of the language
    stöp == 1
      ^"#,
            ),
        ],
    );
}

#[test]
fn limits_of_whole_scenarios() {
    let list = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(one).collect::<Vec<_>>().join(", ")
    };
    let posts = |count| list(count, &|n| format!(r#"{{ "post": "p", "key": {n} }}"#));
    let nested = |levels| "(".repeat(levels) + "true" + &")".repeat(levels);
    let ifs =
        |levels| r#"{ "if": "true", "then": ["#.repeat(levels) + "\"yield\"" + &"]}".repeat(levels);
    let ports = list(31, &|n| format!(r#""r{n}": {{}}"#));
    let more_ports = with_ops("").replace("\"q\": {}", &ports);
    assert!(outcome(&more_ports).is_ok());
    assert!(outcome(&with_ops(&posts(250))).is_ok());
    assert!(outcome(&with_ops(&ifs(40))).is_ok());
    assert!(outcome(&with_property(&nested(99))).is_ok());
    for (text, sentence) in [
        (
            more_ports.replace("\"r0\"", "\"q\": {}, \"r0\""),
            "ports.r30: a scenario has at most 32 ports",
        ),
        (
            with_ops("").replace("[0, 1, 2]", &format!("[0{}]", ", 0".repeat(199))),
            "vars.alive: a scenario has at most 200 variables, each element of an array counted",
        ),
        (
            with_ops(&posts(251)),
            "threads.main[250]: the scenario has more than 250 different packets",
        ),
        (
            with_ops(&list(255, &|_| String::from("\"yield\""))),
            "threads.main: the thread has more than 255 instructions up to here",
        ),
        (
            with_ops(&ifs(60)),
            "line 14 column 1365: not valid JSON: lists and objects lie more than 100 deep in each other",
        ),
    ] {
        assert_eq!(
            outcome(&text).unwrap_err(),
            format!("x.json: at {sentence}")
        );
    }
    for (expr, sentence) in [
        (
            nested(100),
            "column 101: the expression nests more than 100 deep",
        ),
        (
            "!".repeat(200),
            "column 101: the expression nests more than 100 deep",
        ),
        (
            ["true"; 101].join("&&"),
            "column 1: the expression nests more than 100 deep",
        ),
        (
            " ".repeat(4097),
            "column 1: the expression is longer than 4096 bytes",
        ),
        (
            ["count(worker, all(worker, all(worker, any(worker, parked)))) == 0"; 30].join("||"),
            "column 1: ",
        ),
    ] {
        let found = outcome(&with_property(&expr)).unwrap_err();
        let start = format!("x.json: at properties.always.it: {sentence}");
        assert!(found.starts_with(&start), "{found}");
    }
}

#[test]
fn bytes_that_are_no_text_name_the_byte() {
    let bad = parse("x", Path::new("x.json"), b"{\"why\": \"\xff\"}", &[]).unwrap_err();
    assert_eq!(
        bad.to_string(),
        "x.json: at byte 9: the text is not valid UTF-8"
    );
}
