#!/usr/bin/env bash
# What happens when somebody adds an operation: in a copy of this tree, a toy that posts a packet and ends a thread.
#
# Where only its variant is there, the compiler leads to the places of the model that have to know it. Where it says what
# it names, symmetry, partial order, layout and traces know it: the tests of all operations hold for it too.
# Each part that it leaves out of that is missed: by the compiler, and where that is silenced by a test. Then the compiler
# leads to the places of the program: the lines of traces, exports, backends.
#
# It needs nothing but cargo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=false
unset RUSTFLAGS

readonly TARGET=$PWD/target DESCRIPTION=model/src/op/describe.rs
readonly PLACE=$TARGET/toy
export CARGO_TARGET_DIR=$TARGET/toy-target
rm -rf "$PLACE"
mkdir -p "$PLACE"
cp -r Cargo.toml Cargo.lock README.md model sim "$PLACE"
cd "$PLACE"

# put FILE OLD NEW: what stands once in a file becomes something else.
put() {
    local text rest
    text=$(<"$1")
    rest=${text#*"$2"}
    if [ "$rest" = "$text" ] || [ "${rest#*"$2"}" != "$rest" ]; then
        printf '%s does not have this once: %s\n' "$1" "$2"
        return 1
    fi
    printf '%s\n' "${text/"$2"/"$3"}" >"$1"
}

# leads_to PACKAGE FILE...: it does not compile, and the compiler names these files.
leads_to() {
    local package=$1 file
    shift
    if cargo check -q --offline -p "$package" --lib 2>said; then
        printf '%s compiles, and nothing leads to %s\n' "$package" "$*"
        return 1
    fi
    printf 'the compiler leads to:\n'
    sed -n 's/^ *--> \([^:]*\):.*/    \1/p' said | grep -v '/op/mod\.rs$' | sort -u | tee places
    for file; do
        grep -qx " *$file" places || {
            printf 'and not to %s:\n' "$file"
            cat said
            return 1
        }
    done
}

tests() {
    cargo test -q --offline -p portsim-model --test operations >said 2>&1
}

# What the toy says of itself.
readonly TOY='            Op::Toy {
                port,
                packet,
                thread,
                into,
            } => says
                .names(Port(*port, Posts))
                .names(Packet(packet))
                .names(Thread(*thread, Ends))
                .result(into)
                .local(),
'
cp "$DESCRIPTION" others
says() {
    cp others "$DESCRIPTION"
    put "$DESCRIPTION" '            Op::CloseSource {' "$1            Op::CloseSource {"
}

printf '== only the variant\n'
put model/src/op/mod.rs '    /// Closes a descriptor of a source: the one by which threads know it, or else a duplicate.
' '    /// A toy.
    Toy {
        /// Where it posts.
        port: PortId,
        /// What it posts.
        packet: PacketId,
        /// Whom it ends.
        thread: ThreadId,
        /// Where the result goes.
        into: Option<SlotId>,
    },
    /// Closes a descriptor of a source: the one by which threads know it, or else a duplicate.
'
leads_to portsim-model "$DESCRIPTION" model/src/op/verb.rs model/src/machine/call.rs \
    model/src/personality/windows/versions.rs

printf '== with all that it says, on a system that has it\n'
put model/src/op/verb.rs '    Kevent = "kevent",
' '    Kevent = "kevent",
    Toy = "toy",
'
put model/src/op/verb.rs '(= Kevent)' '(= Kevent Toy)'
says "$TOY"
put model/src/machine/call.rs '            Op::CloseSource {' '            Op::Toy { .. } => turn.returns(me, Outcome::Done),
            Op::CloseSource {'
put model/tests/operations/samples.rs '        Verb::CloseSource =>' '        Verb::Toy => Op::Toy {
            port,
            packet,
            thread,
            into,
        },
        Verb::CloseSource =>'
put model/tests/operations/main.rs '        Note,
    ]
};

/// Who says more' '        Note,
        Toy,
    ]
};

/// Who says more'
# The machine does it, so that no system has to.
put model/tests/operations/main.rs '        Note,
    ]
};

/// A personality that lists' '        Note,
        Toy,
    ]
};

/// A personality that lists'
# It posts one packet, as these do.
sed -i 's/Verb::Post | Verb::PostComputed | Verb::Submit =>/Verb::Post | Verb::PostComputed | Verb::Submit | Verb::Toy =>/' model/tests/operations/main.rs
tests || {
    cat said
    exit 1
}

# missed_by TEST...: these tests fail.
missed_by() {
    local test
    if tests; then
        printf 'no test fails\n'
        return 1
    fi
    sed -n '/^failures:$/,$s/^    \([a-z_]*\)$/\1/p' said | sort -u >failed
    sed 's/^/    fails: /' failed
    for test; do
        grep -qx "$test" failed || {
            printf 'and not %s:\n' "$test"
            cat said
            return 1
        }
    done
}

# without FIELD PART TEST...: the toy leaves out what it says of a field. That does not compile, and where the field is
# silenced these tests fail.
without() {
    local field=$1 part=$2 rest
    shift 2
    printf '== without %s\n' "$part"
    rest=${TOY/$'\n'"                $part"/}
    says "$rest"
    leads_to portsim-model "$DESCRIPTION"
    says "${rest/" $field,"/" $field: _,"}"
    missed_by "$@"
}

without port '.names(Port(*port, Posts))' ports_run_out_of_room_where_packets_are_posted \
    states_have_room_for_what_operations_need
without packet '.names(Packet(packet))' what_is_never_read_is_taken_out_of_every_operation
without thread '.names(Thread(*thread, Ends))' threads_that_are_named_trade_places_with_nobody \
    nobody_waits_who_meets_what_an_operation_names
without into '.result(into)' results_are_found_and_taken_away observers_see_no_results_expressions_and_branches
printf '== without .local()\n'
says "${TOY/$'\n'"                .local()"/}"
missed_by one_waits_where_operations_have_nothing_to_do_with_each_other

printf '== in the program\n'
says "$TOY"
# What it needs of others was built before, by other steps.
unset CARGO_PROFILE_DEV_OPT_LEVEL CARGO_PROFILE_DEV_DEBUG
export CARGO_TARGET_DIR=$TARGET
leads_to portsim sim/src/trace/line.rs sim/src/export/sayable.rs
