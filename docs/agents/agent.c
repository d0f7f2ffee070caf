/* A port in C for portsim to judge: one file, pthreads, nothing else. cc -O2 -pthread -o agent docs/agents/agent.c
 *
 * A packet goes to the waiter that came last; with the argument `oldest`, wrongly, to the one that came first. With
 * `lost` a thread lets go of the lock between its look at the queue and its place in the line: only full speed shows
 * that. docs/AGENTS.md says what the lines mean, and how a queue of your own is put in. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- Your port here: get, post, close, and `waits` of a thread. Who calls them has the lock. -------------------- */
enum { MOST = 256 };                       /* threads, and ports: there are never more */
typedef struct { char json[192]; } answer; /* of a call. A packet is one too: a port does not look inside */
static const answer OK = {"true"}, LATE = {"false,\"error\":\"WAIT_TIMEOUT\""},
    CLOSED = {"false,\"error\":\"ERROR_INVALID_HANDLE\""}, ABANDONED = {"false,\"error\":\"ERROR_ABANDONED_WAIT_0\""};
typedef struct { bool closed; int queued; answer *packets; } port;
typedef struct {
    bool waits; /* it stands in the line; whoever calls it out takes this back at once, and does not leave it to it */
    port *line;
    answer with; /* what it is called out with */
    pthread_cond_t woken;
    long long came, id;        /* its turn in the line; and, from here on the agent's, the number of its call */
    int calls[2], given, done; /* calls come through a pipe; so many came, and so many are over */
    bool timed, told;          /* the call ends by itself; that it waits was said */
} thread;
static thread threads[MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool oldest, lost; /* the faults */
static bool call_out(port *p, answer with) { /* the one that came last, if anybody waits */
    thread *who = NULL;
    for (thread *it = threads; it < threads + MOST; it++)
        if (it->waits && it->line == p && (!who || (it->came > who->came) != oldest)) who = it;
    if (who) who->with = with, who->waits = false, pthread_cond_signal(&who->woken);
    return who;
}
static answer get(port *p, thread *me, bool may_wait, const struct timespec *until) {
    static long long comes;
    answer first = p->queued ? p->packets[0] : LATE;
    if (p->closed) return CLOSED;
    if (p->queued) memmove(p->packets, p->packets + 1, --p->queued * sizeof first), may_wait = false;
    if (!may_wait) return first;
    if (lost) pthread_mutex_unlock(&lock), usleep(100), pthread_mutex_lock(&lock);
    me->line = p, me->came = ++comes, me->waits = !p->closed, me->with = p->closed ? ABANDONED : LATE;
    while (me->waits && pthread_cond_timedwait(&me->woken, &lock, until) == 0) {}
    return me->waits = false, me->with;
}
static answer post(port *p, answer packet) {
    if (p->closed || call_out(p, packet)) return p->closed ? CLOSED : OK;
    p->packets = realloc(p->packets, (p->queued + 1) * sizeof packet);
    p->packets[p->queued++] = packet;
    return OK;
}
static answer close_port(port *p) {
    if (p->closed) return CLOSED;
    p->closed = true;
    while (call_out(p, ABANDONED)) {}
    return OK;
}

/* ---- The agent. Here nothing has to change but `name`, by whose rules it is judged. ----------------------------- */
static port ports[MOST], nobody_posts;
static long long is_free, tick; /* whether at full speed; in nanoseconds */
static long long now(clockid_t clock) {
    struct timespec time;
    return clock_gettime(clock, &time), time.tv_sec * 1000000000LL + time.tv_nsec;
}
static const char *field(const char *line, const char *name) { /* portsim writes no blanks; no text has such quotes */
    char quoted[32];
    const char *at = strstr(line, (sprintf(quoted, "\"%s\":", name), quoted));
    return at ? at + strlen(quoted) : NULL;
}
static long long number(const char *line, const char *name, long long otherwise) { /* of "p3" it is 3 */
    const char *at = field(line, name);
    return at ? strtoll(at + strspn(at, "\"pt"), NULL, 10) : otherwise;
}
static answer make(thread *me, const char *line, long long ticks) { /* the call of a line */
    long long until = now(CLOCK_REALTIME) + (ticks < 0 ? 1000000000000000000 : ticks * tick);
    struct timespec end = {until / 1000000000, until % 1000000000};
    port *p = &ports[number(line, "port", 0) % MOST];
    answer packet = OK;
    if (strstr(line, "\"call\":\"get\"")) return get(p, me, ticks, &end);
    if (strstr(line, "\"call\":\"close\"")) return close_port(p);
    if (strstr(line, "\"call\":\"sleep\"")) return get(&nobody_posts, me, ticks, &end), OK;
    for (const char **name = (const char *[]){"key", "bytes", "overlapped", "status", NULL}; *name; name++)
        sprintf(packet.json + strlen(packet.json), ",\"%s\":%lld", *name, number(line, *name, 0));
    return field(line, "leave") ? OK : post(p, packet);
}
static void *lives(void *it) {
    thread *me = it;
    pthread_cond_init(&me->woken, NULL);
    char line[4096];
    for (FILE *calls = fdopen(me->calls[0], "r"); fgets(line, sizeof line, calls); pthread_mutex_unlock(&lock)) {
        long long id = number(line, "id", 0), ticks = number(line, "timeout", number(line, "ticks", -1));
        pthread_mutex_lock(&lock);
        me->timed = ticks >= 0;
        long long t0 = now(CLOCK_MONOTONIC);
        answer how = make(me, line, ticks);
        const char *says = "{\"id\":%lld,\"returned\":{\"ok\":%s},\"t0\":%lld,\"t1\":%lld}\n";
        if (id) printf(says, id, how.json, t0, now(CLOCK_MONOTONIC));
        me->done++;
    }
    return NULL;
}
static thread *moving(const char *due) { /* one whose call is not over, and does not wait, or waits and is due */
    for (thread *it = threads; it < threads + MOST; it++) {
        bool moves = !it->waits || (is_free && it->timed);
        for (const char *at = due; at && *at != ']'; at += 1 + strcspn(at + 1, ",]")) moves |= atol(at + 1) == it->id;
        if (moves && it->done < it->given) return it;
    }
    return NULL;
}
static void quiesce(const char *until, long long limit) {
    thread *it;
    pthread_mutex_lock(&lock);
    while ((it = moving(until)) && now(CLOCK_MONOTONIC) < limit)
        pthread_mutex_unlock(&lock), usleep(50), pthread_mutex_lock(&lock);
    if (it) printf("{\"overdue\":%lld}\n", it->id);
    for (thread *at = threads; !it && !is_free && at < threads + MOST; at++)
        if (at->done < at->given && !at->told) at->told = printf("{\"id\":%lld,\"parked\":true}\n", at->id);
    if (!it) puts("{\"quiet\":true}");
    pthread_mutex_unlock(&lock);
}
int main(int argc, char **argv) {
    char *line = NULL;
    for (int fd = 3; fd < 3 + 2 * MOST; fd++) close(fd); /* pipes of the life before */
    oldest = argc > 1 && !strcmp(argv[1], "oldest"), lost = argc > 1 && !strcmp(argv[1], "lost");
    setvbuf(stdin, NULL, _IONBF, 0), setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t size = 0; getline(&line, &size, stdin) > 0;)
        if (field(line, "hello"))
            puts("{\"hello\":1,\"name\":\"wine-10\",\"os\":\"any\",\"ops\":[\"get\",\"post\",\"close\",\"sleep\"],"
                 "\"modes\":[\"lockstep\",\"free\"]}");
        else if (field(line, "setup"))
            tick = number(line, "tick_us", 1000) * 1000, is_free = !!strstr(line, "\"mode\":\"free\""),
            puts(field(line, "max") || field(line, "reserve") ? "{\"unsupported\":\"batches\"}" : "{\"ready\":true}");
        else if (field(line, "quiesce"))
            quiesce(field(line, "until"), now(CLOCK_MONOTONIC) + number(line, "limit_ms", 0) * 1000000);
        else if (field(line, "reset")) /* a new life: with the old one its threads end, wherever they are */
            puts("{\"quiet\":true}"), execvp(argv[0], argv), perror(argv[0]), exit(1);
        else if (!field(line, "bye")) { /* a call, or that there are no more */
            thread *it = &threads[number(line, field(line, "leave") ? "leave" : "thread", 0) % MOST];
            it->told = false, it->id = number(line, "id", 0);
            if (!it->given++ && !pipe(it->calls)) pthread_create(&(pthread_t){0}, NULL, lives, it);
            dprintf(it->calls[1], "%s", line);
        }
}
