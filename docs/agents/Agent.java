// A port in Java for portsim to judge: one file, nothing to install. java docs/agents/Agent.java
//
// A packet goes to the waiter that came last; with the argument `oldest`, wrongly, to the one that came first. With
// `lost` a thread lets go of the lock between its look at the queue and its place in the line: only full speed shows
// that. docs/AGENTS.md says what the lines mean, and how a queue of your own is put in.
import java.util.*;
import java.util.concurrent.*;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import java.util.regex.*;
import java.util.stream.*;

class Agent {
    // ---- Your port here: get, post, close, and `waits` of a thread. A packet is a text that it does not read. ----
    static final String OK = "\"ok\":true", CLOSED = "\"ok\":false,\"error\":\"ERROR_INVALID_HANDLE\"";
    static final String ABANDONED = "\"ok\":false,\"error\":\"ERROR_ABANDONED_WAIT_0\"";
    static final String LATE = "\"ok\":false,\"error\":\"WAIT_TIMEOUT\"";
    static boolean oldest, lost; // the faults
    static class Port {
        private boolean closed;
        private final Deque<String> packets = new ArrayDeque<>();
        private final List<Thread> line = new ArrayList<>(); // who waits, the one that came last at the end
        private final Map<Thread, String> called = new HashMap<>(); // who was called out of the line, and with what

        // Whether it stands in the line. Whoever calls it out takes it away at once, and does not leave that to it.
        synchronized boolean waits(Thread who) { return line.contains(who); }
        synchronized String get(long nanos) throws InterruptedException {
            if (closed) return CLOSED;
            if (!packets.isEmpty() || nanos == 0) return packets.isEmpty() ? LATE : packets.remove();
            Thread me = Thread.currentThread();
            if (lost) wait(1);
            if (closed) return ABANDONED;
            line.add(me);
            long end = System.nanoTime() + nanos;
            while (line.contains(me) && System.nanoTime() < end) NANOSECONDS.timedWait(this, end - System.nanoTime());
            return line.remove(me) ? LATE : called.remove(me);
        }
        synchronized String post(String packet) {
            if (closed) return CLOSED;
            if (line.isEmpty()) packets.add(packet);
            else callOut(oldest ? 0 : line.size() - 1, packet);
            return OK;
        }
        synchronized String close() {
            if (closed) return CLOSED;
            closed = true;
            while (!line.isEmpty()) callOut(0, ABANDONED);
            return OK;
        }
        private void callOut(int place, String with) {
            called.put(line.remove(place), with);
            notifyAll();
        }
    }

    // ---- The agent. Here nothing has to change but `name` in `main`, by whose rules it is judged. ----
    static final Map<String, Port> ports = new ConcurrentHashMap<>(); // at the one without a name threads sleep
    static final Map<String, Worker> workers = new TreeMap<>();
    static final long START = System.nanoTime();
    static long tick; // in nanoseconds
    static boolean free; // whether at full speed

    // The value of a member, or nothing. portsim writes no blanks, and no text has such quotes in it.
    static String field(String line, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":[\"\\[]?(-?\\w+(,\\d+)*)").matcher(line);
        return found.find() ? found.group(1) : "";
    }
    static String ticks(String line) { return field(line, "timeout") + field(line, "ticks"); }
    static Port port(String line) { return ports.computeIfAbsent(field(line, "port"), name -> new Port()); }
    static void say(String fields) { System.out.println("{" + fields + "}"); }

    static String make(String line) throws InterruptedException {
        long nanos = ticks(line).isEmpty() ? Long.MAX_VALUE / 2 : Long.parseLong(ticks(line)) * tick;
        Matcher packet = Pattern.compile(",?\"(key|bytes|overlapped|status)\":-?\\d+").matcher(line);
        switch (field(line, "call")) {
            case "get": return port(line).get(nanos);
            case "post": return port(line).post(OK + packet.results().map(MatchResult::group).collect(Collectors.joining()));
            case "close": return port(line).close();
            case "sleep": port(line).get(nanos);
        }
        return OK; // it slept, or has no calls left
    }
    // Makes the calls that it is given, one after the other.
    static class Worker extends Thread {
        final BlockingQueue<String> calls = new LinkedBlockingQueue<>();
        volatile String line = ""; // of the call that it is in
        int given, done; // so many calls; under the lock of `workers`
        boolean told; // that it waits

        @Override public void run() {
            try {
                while (!interrupted()) {
                    line = calls.take();
                    long t0 = System.nanoTime() - START;
                    String said = ",\"returned\":{" + make(line) + "},\"t0\":" + t0 + ",\"t1\":" + (System.nanoTime() - START);
                    if (line.contains("\"id\":")) say("\"id\":" + field(line, "id") + said);
                    synchronized (workers) { done++; }
                }
            } catch (InterruptedException home) {} // the run is over
        }
    }
    // A thread whose call is not over, and does not wait, or waits and is due.
    static Worker moving(List<String> due) {
        for (Worker it : workers.values()) {
            boolean isDue = free ? !ticks(it.line).isEmpty() : due.contains(field(it.line, "id"));
            if (it.done < it.given && (isDue || !port(it.line).waits(it))) return it;
        }
        return null;
    }
    static void quiesce(String asked) throws InterruptedException {
        long end = System.nanoTime() + Long.parseLong(field(asked, "limit_ms")) * 1_000_000;
        List<String> due = Arrays.asList(field(asked, "until").split(","));
        synchronized (workers) {
            Worker moves;
            while ((moves = moving(due)) != null && System.nanoTime() < end) workers.wait(1);
            for (Worker it : workers.values()) {
                boolean waits = it.done < it.given && moves == null && !free && !it.told;
                if (waits) say("\"id\":" + field(it.line, "id") + ",\"parked\":true");
                it.told |= waits;
            }
            say(moves == null ? "\"quiet\":true" : "\"overdue\":" + Long.parseLong("0" + field(moves.line, "id")));
        }
    }
    public static void main(String[] faults) throws Exception {
        for (String fault : faults) { oldest |= fault.equals("oldest"); lost |= fault.equals("lost"); }
        for (Scanner lines = new Scanner(System.in); lines.hasNextLine();) {
            String line = lines.nextLine();
            if (line.contains("\"hello\":")) {
                say("\"hello\":1,\"name\":\"wine-10\",\"os\":\"any\",\"ops\":[\"get\",\"post\",\"close\",\"sleep\"],"
                    + "\"modes\":[\"lockstep\",\"free\"]");
            } else if (line.contains("\"setup\":") || line.contains("\"reset\":")) {
                for (Worker it : workers.values()) it.interrupt(); // it comes home from wherever it waits
                for (Worker it : workers.values()) it.join();
                workers.clear();
                ports.clear();
                tick = Long.parseLong("0" + field(line, "tick_us")) * 1000; // no tick: it is the reset
                free = line.contains("\"mode\":\"free\"");
                say(tick == 0 ? "\"quiet\":true" : line.contains("\"max\":") ? "\"unsupported\":\"batches\"" : "\"ready\":true");
            } else if (line.contains("\"quiesce\":")) {
                quiesce(line);
            } else if (!line.contains("\"bye\":")) { // a call, or that there are no more
                Worker it = workers.computeIfAbsent(field(line, "leave") + field(line, "thread"), name -> new Worker());
                if (it.given++ == 0) it.start();
                it.told = false;
                it.calls.add(line);
            }
        }
        System.exit(0);
    }
}
