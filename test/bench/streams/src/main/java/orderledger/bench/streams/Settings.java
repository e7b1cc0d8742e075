package orderledger.bench.streams;

import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What the harness asks for, as --name=value arguments. */
record Settings(
        String brokers,
        String topic,
        String output,
        String application,
        String directory,
        long records,
        int commitMillis,
        int eventSchema,
        int tickSchema,
        boolean tally,
        ConcurrentLinkedQueue<Progress> tasks) {

    static Settings parse(String[] args) {
        Map<String, String> m = new java.util.HashMap<>();
        for (String a : args) {
            int at = a.indexOf('=');
            if (!a.startsWith("--") || at < 0) {
                throw new IllegalArgumentException("want --name=value, got " + a);
            }
            m.put(a.substring(2, at), a.substring(at + 1));
        }
        return new Settings(
                need(m, "brokers"), need(m, "topic"), need(m, "output"), need(m, "application"), need(m, "directory"),
                Long.parseLong(need(m, "records")), Integer.parseInt(need(m, "commit-ms")),
                Integer.parseInt(need(m, "event-schema")), Integer.parseInt(need(m, "tick-schema")),
                Boolean.parseBoolean(m.getOrDefault("tally", "false")), new ConcurrentLinkedQueue<>());
    }

    private static String need(Map<String, String> m, String name) {
        String v = m.get(name);
        if (v == null) {
            throw new IllegalArgumentException("--" + name + " is missing");
        }
        return v;
    }

    /** The counters of one more task. */
    Progress progress() {
        Progress p = new Progress();
        tasks.add(p);
        return p;
    }
}
