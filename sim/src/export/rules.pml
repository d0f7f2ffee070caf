/* What the kernel does. Each rule has the name that it has in the model, and names its claims.
 *
 * A thread that returns goes on at the end of the step, in settle(): until then `h_next` keeps where.
 * What begins with `h_` is no part of a state: constants, and what a step needs while it is taken.
 */

#define place(t)    (h_code[t] + pc[t])
#define result(t)   (h_base[t] + h_into[place(t)] - 1)
#define keeps(t)    (h_into[place(t)] > 0)
#define runnable(t) (mode[t] == READY || mode[t] == WOKEN)
#define over(t)     (mode[t] == UNBORN || mode[t] == DONE || mode[t] == LOST || mode[t] == BROKEN)

/* Parts of a result, as expressions ask for them. */
#define took(r)       (ended[r] == PACKET -> 1 : (ended[r] == BATCH -> many[r] : 0))
#define nth(r, n)     taken[h_cell[r] + n]
#define carried(r)    (ended[r] == PACKET -> h_carried[nth(r, 0)] : 0)
#define is_ok(r)      (ended[r] > EMPTY && ended[r] < FAILED && ended[r] != OTHER && carried(r) == 0)
#define error_of(r)   (ended[r] >= FAILED -> h_error[ended[r] - FAILED] : carried(r))
#define part(r, n, table) (took(r) > n -> table[nth(r, n)] - table##_below[nth(r, n)] : 0)
#ifdef NUMBERS
#define number(r)     told[r]
#else
#define number(r)     nth(r, 0)
#endif
#define value_of(r)   (ended[r] == VALUE || ended[r] == OTHER -> number(r) : 0)

/* Whether the sum of two numbers has 32 bits. */
#define adds(a, b)    ((b) >= 0 -> (a) <= 2147483647 - (b) : (a) >= -2147483647 - 1 - (b))

/* windows/limit: one more thread may run. */
#define has_room(p) (running[p] < h_limit[p])
#define is_open(p)  (handles[p] > 0)

/* windows/poll-counts: a member whose poll found nothing may not count until it has slept. */
#ifdef POLLS
#define counts(t)     (!uncounted[t])
#define counts_again(t) uncounted[t] = 0
#else
#define counts(t)     true
#define counts_again(t) skip
#endif

/* Scratch. Every rule has its own, because a rule is pasted where it is used. */
hidden byte h_next[THREADS];
hidden byte h_at, h_from, h_n, h_i, h_j, h_p;
hidden byte h_waiter, h_packet, h_old, h_first, h_further, h_passed_by, h_members;
hidden int h_place, h_queued, h_passed;
hidden int h_value[8];
hidden short h_place_of[8];
hidden byte h_has, h_quiet, h_timed;
hidden byte holds_released, holds_running, holds_stranded, holds_deadlock, holds_schedule;
hidden byte holds_assert, holds_spin, holds_lost, holds_twice;

inline goes_on(t, to) {
    mode[t] = READY;
    h_next[t] = to + 1
}

#ifdef NUMBERS
#define forget(r)     told[r] = 0
#else
#define forget(r)     skip
#endif

/* A result is cleared when its call starts. */
inline clear(t) {
    if
    :: keeps(t) ->
        ended[result(t)] = EMPTY;
        many[result(t)] = 0;
        h_n = 0;
        do
        :: h_n < h_room[result(t)] -> nth(result(t), h_n) = 0; h_n++
        :: else -> break
        od;
        forget(result(t))
    :: else
    fi
}

/* The n-th packet of a call goes where its result stands. */
inline keep(t, n, k) {
    if
    :: keeps(t) && n < h_room[result(t)] -> nth(result(t), n) = k
    :: else
    fi
}

inline returns(t, how) {
    if
    :: keeps(t) -> ended[result(t)] = how
    :: else
    fi;
    left[t] = 0;
    handed[t] = 0;
    goes_on(t, pc[t] + 1)
}

inline returns_batch(t, count) {
    if
    :: keeps(t) -> many[result(t)] = count
    :: else
    fi;
    returns(t, BATCH)
}

inline returns_value(t, value) {
    if
    :: keeps(t) && h_room[result(t)] > 0 -> number(result(t)) = value; returns(t, VALUE)
    :: else -> returns(t, SUCCESS)
    fi
}

/* It expected another number, and did nothing. */
inline returns_other(t, value) {
    if
    :: keeps(t) && h_room[result(t)] > 0 -> number(result(t)) = value
    :: else
    fi;
    returns(t, OTHER)
}

/* Only who waits can be released. */
inline waits(t) {
    holds_released = holds_released && !(mode[t] == READY || mode[t] == UNBORN || mode[t] == DONE)
}

/* windows/lifo */
inline take_newest(p, w) {
    waiting[p]--;
    w = waiter[(p) * THREADS + waiting[p]];
    waiter[(p) * THREADS + waiting[p]] = 0
}

inline push_newest(p, w) {
    waiter[(p) * THREADS + waiting[p]] = w;
    waiting[p]++
}

inline remove_waiter(p, w) {
    h_from = 0;
    do
    :: h_from < waiting[p] && waiter[(p) * THREADS + h_from] != w -> h_from++
    :: else -> break
    od;
    if
    :: h_from < waiting[p] ->
        waiting[p]--;
        do
        :: h_from < waiting[p] ->
            waiter[(p) * THREADS + h_from] = waiter[(p) * THREADS + h_from + 1];
            h_from++
        :: else -> break
        od;
        waiter[(p) * THREADS + waiting[p]] = 0
    :: else
    fi
}

/* windows/fifo */
inline take_oldest(p, k) {
    k = packet[(p) * ROOM];
    depth[p]--;
    h_at = 0;
    do
    :: h_at < depth[p] -> packet[(p) * ROOM + h_at] = packet[(p) * ROOM + h_at + 1]; h_at++
    :: else -> break
    od;
    packet[(p) * ROOM + depth[p]] = 0
}

/* A packet belongs to a thread from now on. */
inline delivers(p) {
    h_queued--;
#ifdef COUNTS_DELIVERED
    delivered[p] = delivered[p] + h_counts[p]
#endif
}

/* windows/handoff, windows/close-handed, windows/batch-counts-once: the packet belongs to the waiter from now
 * on, whether or not it has run yet, and the waiter counts. */
inline hand_off(p, w, k) {
    delivers(p);
    left[w] = 0;
    running[p]++;
    if
    :: h_max[place(w)] > 1 -> mode[w] = WOKEN; handed[w] = k + 1
    :: else ->
        waits(w);
        keep(w, 0, k);
        if
        :: h_batch[place(w)] -> returns_batch(w, 1)
        :: else -> returns(w, PACKET)
        fi
    fi
}

/* Hands the oldest packet to the newest waiter, if one more thread may run. */
inline release_one(p) {
    if
    :: has_room(p) && depth[p] > 0 && waiting[p] > 0 ->
        take_newest(p, h_waiter);
        take_oldest(p, h_packet);
        hand_off(p, h_waiter, h_packet)
    :: else
    fi
}

/* A member stops being runnable: it counts out, and one waiter may be released. */
inline count_out(p) {
    running[p]--;
    release_one(p)
}

/* windows/block-releases */
inline blocks(t) {
    if
    :: member[t] > 0 && counts(t) -> count_out(member[t] - 1)
    :: else
    fi;
    counts_again(t)
}

/* windows/unblock-over-limit: no comparison with the limit. */
inline unblocks(t) {
    if
    :: member[t] > 0 -> running[member[t] - 1]++
    :: else
    fi
}

/* windows/associate, windows/switch-releases: a member gives its place on the port up, a newcomer its place on
 * the port it comes from. The newcomer is not counted yet. */
inline associate(t, p) {
    if
    :: member[t] == p + 1 && counts(t) -> running[p]--
    :: member[t] == p + 1 && !counts(t) -> skip
    :: else ->
        h_old = member[t];
        member[t] = p + 1;
        if
        :: h_old > 0 && counts(t) -> count_out(h_old - 1)
        :: else
        fi
    fi;
    counts_again(t)
}

/* windows/fifo, windows/batch: takes what the call asks for, oldest first, and no more than there is. */
inline remove(t, p) {
    h_first = 0;
    do
    :: h_first < h_max[place(t)] && depth[p] > 0 ->
        take_oldest(p, h_packet);
        delivers(p);
        keep(t, h_first, h_packet);
        h_first++
    :: else -> break
    od;
    if
    :: h_batch[place(t)] -> returns_batch(t, h_first)
    :: else -> returns(t, PACKET)
    fi
}

/* windows/recall-first, windows/newcomer-waits: an associated thread that does not count takes packets if one
 * more thread may run, without regard to older waiters; else it waits as the newest, or fails at once if it may
 * not wait: windows/timeout. `ticks` is how long, plus one; 0 is for ever. */
inline remove_or_wait(t, p, ticks) {
    if
    :: has_room(p) && depth[p] > 0 -> running[p]++; remove(t, p)
    :: else ->
        if
        :: ticks == 1 -> running[p]++; returns(t, TIMEOUT)
        :: else -> push_newest(p, t); mode[t] = PARKED; left[t] = ticks
        fi
    fi
}

/* windows/batch-zero, windows/closed-handle */
inline get(t, p, ticks) {
    clear(t);
    if
    :: h_max[place(t)] == 0 -> returns(t, INVALID)
    :: h_max[place(t)] > 0 && !is_open(p) -> returns(t, BAD_HANDLE)
    :: else -> associate(t, p); remove_or_wait(t, p, ticks)
    fi
}

/* windows/poll-counts (Q2): who polls another port in vain may not count there. */
#ifdef POLLS
#define polls_in_vain(t, p) \
    (is_open(p) && !(member[t] == p + 1 && counts(t)) && !(has_room(p) && depth[p] > 0))
inline get_uncounted(t, p) {
    clear(t);
    associate(t, p);
    uncounted[t] = 1;
    returns(t, TIMEOUT)
}
#endif

/* windows/batch-after-handoff (Q3): a released batch call takes as many further packets as it likes. */
inline wake(t, p, further) {
    keep(t, 0, handed[t] - 1);
    h_further = 0;
    do
    :: h_further < further ->
        take_oldest(p, h_packet);
        delivers(p);
        keep(t, h_further + 1, h_packet);
        h_further++
    :: else -> break
    od;
    returns_batch(t, h_further + 1)
}

/* windows/handoff, windows/lifo, windows/limit: a packet goes to the newest waiter if one more thread may run, and
 * else behind all others. windows/close-keeps-association: what comes to a closed port is gone. */
inline insert(p, k) {
    if
    :: !is_open(p) -> skip
    :: is_open(p) && has_room(p) && waiting[p] > 0 ->
        h_queued++;
        take_newest(p, h_waiter);
        hand_off(p, h_waiter, k)
    :: else ->
        h_queued++;
        packet[(p) * ROOM + depth[p]] = k;
        depth[p]++
    fi
}

/* windows/poster-free, windows/no-self-rule: who posts makes no difference. */
inline post(t, p, k) {
    clear(t);
    if
    :: !is_open(p) -> returns(t, BAD_HANDLE)
    :: else -> insert(p, k); returns(t, SUCCESS)
    fi
}

/* windows/post-fails (Q10) */
inline post_without_memory(t) {
    clear(t);
    returns(t, NO_MEMORY)
}

/* A thread is a member no longer; one that had only its exit left is over. */
inline unbinds(t) {
    member[t] = 0;
    counts_again(t);
    if
    :: mode[t] == READY && h_next[t] == 0 && h_end[place(t)] -> pc[t] = 0; mode[t] = DONE
    :: else
    fi
}

/* windows/close-abandons, windows/close-unbinds, windows/close-discards */
inline run_down(p) {
    do
    :: depth[p] > 0 -> take_oldest(p, h_packet); h_queued--
    :: else -> break
    od;
    running[p] = 0;
    h_j = 0;
    do
    :: h_j < THREADS ->
        if
        :: member[h_j] == p + 1 -> unbinds(h_j)
        :: else
        fi;
        h_j++
    :: else -> break
    od;
    do
    :: waiting[p] > 0 ->
        take_newest(p, h_waiter);
        waits(h_waiter);
        returns(h_waiter, ABANDONED)
    :: else -> break
    od
}

/* windows/several-handles */
inline close(t, p) {
    clear(t);
    if
    :: !is_open(p) -> returns(t, BAD_HANDLE)
    :: else ->
        handles[p]--;
        if
        :: handles[p] == 0 -> run_down(p)
        :: else
        fi;
        returns(t, SUCCESS)
    fi
}

/* windows/named: a port that is there is opened once more. */
inline create(t, p) {
    clear(t);
    handles[p]++;
    if
    :: handles[p] > 1 -> returns_value(t, 1)
    :: else -> returns(t, SUCCESS)
    fi
}

inline duplicate_port(t, p) {
    clear(t);
    if
    :: !is_open(p) -> returns(t, BAD_HANDLE)
    :: else -> handles[p]++; returns(t, SUCCESS)
    fi
}

/* windows/query */
inline query(t, p) {
    clear(t);
    if
    :: !is_open(p) -> returns(t, BAD_HANDLE)
    :: else -> returns_value(t, depth[p])
    fi
}

/* Events, mutexes and semaphores. `units` is whether an event is set, how many units a semaphore has, how often
 * a mutex is taken; `owner` whose it is, plus one. */
#define free(o, t) (h_kind[o] == MUTEX -> (owner[o] == 0 || owner[o] == (t) + 1) : units[o] > 0)

inline acquire(o, t) {
    if
    :: h_kind[o] == MUTEX -> owner[o] = (t) + 1; units[o]++
    :: h_kind[o] == AUTO -> units[o] = 0
    :: h_kind[o] == SEMAPHORE -> units[o]--
    :: else
    fi
}

/* windows/no-sleep-no-release: a wait that is satisfied at once counts nobody out. */
inline block(t, o, ticks) {
    clear(t);
    if
    :: free(o, t) -> acquire(o, t); returns(t, SUCCESS)
    :: !free(o, t) && ticks == 1 -> returns(t, TIMEOUT)
    :: else -> mode[t] = BLOCKED; on[t] = o; left[t] = ticks; blocks(t)
    fi
}

inline release(o, t) {
    if
    :: free(o, t) -> acquire(o, t); unblocks(t); waits(t); on[t] = 0; returns(t, SUCCESS)
    :: else
    fi
}

#define waits_for(t, o) (mode[t] == BLOCKED && on[t] == o)

/* No system promises which of several waiters a signal releases: `which` may be any. */
inline serve(o, which) {
    h_passed_by = 0;
    h_j = 0;
    do
    :: h_j < THREADS ->
        if
        :: waits_for(h_j, o) ->
            if
            :: h_kind[o] == MANUAL || h_passed_by == which -> release(o, h_j)
            :: else
            fi;
            h_passed_by++
        :: else
        fi;
        h_j++
    :: else -> break
    od
}

inline signal(t, o, which) {
    if
    :: h_kind[o] == MUTEX && owner[o] != t + 1 -> returns(t, NOT_OWNER)
    :: h_kind[o] == SEMAPHORE && units[o] == 255 -> returns(t, LIMIT)
    :: else ->
        if
        :: h_kind[o] == MUTEX ->
            units[o]--;
            if
            :: units[o] == 0 -> owner[o] = 0
            :: else
            fi
        :: h_kind[o] == SEMAPHORE -> units[o]++
        :: else -> units[o] = 1
        fi;
        returns(t, SUCCESS);
        serve(o, which)
    fi
}

inline reset(t, o) {
    units[o] = 0;
    returns(t, SUCCESS)
}

inline stall(t) {
    mode[t] = STALLED;
    blocks(t)
}

inline comes_back(t) {
    unblocks(t);
    returns(t, SUCCESS)
}

inline rest(t, ticks) {
    clear(t);
    if
    :: ticks == 1 -> returns(t, SUCCESS)
    :: else -> mode[t] = SLEEPING; left[t] = ticks; blocks(t)
    fi
}

inline spawn(t, other) {
    if
    :: mode[other] == UNBORN -> goes_on(other, 0)
    :: else
    fi;
    returns(t, SUCCESS)
}

/* windows/exit-releases */
inline exits(t) {
    pc[t] = 0;
    mode[t] = DONE;
    h_old = member[t];
    member[t] = 0;
    if
    :: h_old > 0 && counts(t) -> count_out(h_old - 1)
    :: else
    fi;
    counts_again(t)
}

/* windows/timeout, windows/timeout-counts: the clock moves to the deadline of a thread, which is among the next. */
inline passes(t) {
    h_passed = left[t] - 1;
    h_j = 0;
    do
    :: h_j < THREADS ->
        if
        :: left[h_j] > h_passed -> left[h_j] = left[h_j] - h_passed
        :: else
        fi;
        h_j++
    :: else -> break
    od;
    if
    :: mode[t] == PARKED ->
        remove_waiter(member[t] - 1, t);
        running[member[t] - 1]++;
        returns(t, TIMEOUT)
    :: mode[t] == BLOCKED -> unblocks(t); on[t] = 0; returns(t, TIMEOUT)
    :: mode[t] == SLEEPING -> unblocks(t); returns(t, SUCCESS)
    fi
}

/* A step begins: what was queued is held against what is queued at its end. */
inline begin() {
    holds_released = 1;
    h_queued = 0;
    h_p = 0;
    do
    :: h_p < PORTS -> h_queued = h_queued + depth[h_p]; h_p++
    :: else -> break
    od
}

/* What holds in every state of every port. */
inline judge_ports() {
    assert(holds_released);
    holds_running = 1;
    holds_stranded = 1;
    h_p = 0;
    do
    :: h_p < PORTS ->
        h_queued = h_queued - depth[h_p];
        h_members = 0;
        h_j = 0;
        do
        :: h_j < THREADS ->
            h_members = h_members + (member[h_j] == h_p + 1 && runnable(h_j) && counts(h_j));
            h_j++
        :: else -> break
        od;
        holds_running = holds_running && h_members == running[h_p];
        holds_stranded = holds_stranded && !(has_room(h_p) && depth[h_p] > 0 && waiting[h_p] > 0);
        h_p++
    :: else -> break
    od;
    holds_lost = h_queued <= 0;
    assert(holds_lost);
    holds_twice = h_queued >= 0;
    assert(holds_twice)
}

/* Whether nobody can move any more; whoever is ready can, or is kept from it by a bound, or awaits something. */
inline listens() {
    h_quiet = 1;
    h_has = 0;
    h_timed = 0;
    holds_deadlock = 1;
    holds_assert = 1;
    holds_spin = 1;
    h_j = 0;
    do
    :: h_j < THREADS ->
        h_quiet = h_quiet && mode[h_j] != WOKEN && left[h_j] != 1;
        h_has = h_has || (mode[h_j] == READY && !held(h_j)) || mode[h_j] == STALLED || mode[h_j] == WOKEN || left[h_j] > 0;
        h_timed = h_timed || left[h_j] > 0;
        holds_deadlock = holds_deadlock && (over(h_j) || h_may_wait[h_j]);
        holds_assert = holds_assert && mode[h_j] != BROKEN;
        holds_spin = holds_spin && mode[h_j] != LOST;
        h_j++
    :: else -> break
    od
}
