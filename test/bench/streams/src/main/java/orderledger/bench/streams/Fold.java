package orderledger.bench.streams;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayDeque;
import java.util.PriorityQueue;
import java.util.TreeMap;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Folds one partition: per order the state of every (source, axis), each event once, and the promise
 * that the ERP knows a placed order within two minutes. Time passes by the ticks in the topic alone:
 * a promise is broken when a tick says so and carries proof that the ERP was heard past it.
 *
 * <p>The deadline stands in the order's value. What is due next is kept in memory, read again from
 * the store when a task starts, so it costs no second store and no second changelog.
 */
final class Fold implements Processor<Bytes, byte[], Bytes, byte[]> {
    private static final long SECOND = 1_000_000, SKEW = SECOND, SIGMA = 2 * SECOND, WITHIN = 120 * SECOND;

    /** One promise that waits for its time. */
    private record Due(long at, Bytes order) {}

    private final Settings settings;
    private final Progress progress;
    private final Input in = new Input();
    private final Order order = new Order();
    private final PriorityQueue<Due> promises = new PriorityQueue<>((a, b) -> Long.compare(a.at, b.at));
    private ProcessorContext<Bytes, byte[]> context;
    private KeyValueStore<Bytes, byte[]> orders;
    private long heardFrom;
    private long heardUntil;

    Fold(Settings settings) {
        this.settings = settings;
        this.progress = settings.progress();
    }

    @Override
    public void init(ProcessorContext<Bytes, byte[]> context) {
        this.context = context;
        orders = context.getStateStore(Main.STORE);
        try (KeyValueIterator<Bytes, byte[]> all = orders.all()) {
            all.forEachRemaining(kv -> {
                if (Order.status(kv.value) == Order.PENDING) {
                    promises.add(new Due(Order.due(kv.value), kv.key));
                }
            });
        }
    }

    @Override
    public void process(Record<Bytes, byte[]> record) {
        byte[] value = record.value();
        int schema = Input.schema(value);
        if (schema == settings.eventSchema()) {
            event(record.key(), value);
        } else if (schema == settings.tickSchema()) {
            tick(value, record.timestamp());
        }
        progress.record();
    }

    private void event(Bytes key, byte[] value) {
        in.event(value);
        byte[] stored = orders.get(key);
        order.load(stored);
        if (stored == null) {
            progress.orders++;
        } else if (order.seen(in.id)) {
            progress.duplicates++;
            return;
        }
        progress.applied++;
        order.remember(in.id);
        boolean placed = order.state(Vocabulary.SHOP, Vocabulary.ORDER) == 11;
        boolean heard = order.state(Vocabulary.ERP, Vocabulary.ORDER) != 0;
        long since = 0;
        for (int i = 0; i < in.claims; i++) {
            long latest = Math.min(in.latest[i], in.receivedAt + SKEW);
            order.claim(in.source, in.axis[i], in.mode[i], in.state[i], in.version[i], latest);
            if (in.axis[i] == Vocabulary.ORDER && since == 0) {
                since = latest;
            }
        }
        if (!placed && order.state(Vocabulary.SHOP, Vocabulary.ORDER) == 11) {
            promise(key, since, heard);
        }
        if (!heard && order.state(Vocabulary.ERP, Vocabulary.ORDER) != 0) {
            kept(since);
        }
        orders.put(key, order.store());
    }

    private void promise(Bytes key, long since, boolean heard) {
        order.due(since + WITHIN + SIGMA);
        order.status(heard ? Order.MET : Order.PENDING);
        if (!heard) {
            promises.add(new Due(order.due(), key));
        }
    }

    private void kept(long since) {
        switch (order.status()) {
            case Order.PENDING -> order.status(since < order.due() ? Order.MET : Order.MET_LATE);
            case Order.BREACHED -> order.status(Order.BREACHED_MET_LATE);
            default -> { }
        }
    }

    private void tick(byte[] value, long timestamp) {
        in.tick(value, Vocabulary.ERP);
        if (in.heardUntil > heardUntil) {
            heardFrom = in.heardFrom;
            heardUntil = in.heardUntil;
        }
        ArrayDeque<Due> unproven = null;
        for (Due d = promises.peek(); d != null && d.at <= in.wall; d = promises.peek()) {
            promises.poll();
            byte[] stored = orders.get(d.order);
            if (Order.status(stored) != Order.PENDING) {
                continue;
            }
            if (heardUntil < d.at || heardFrom > d.at - WITHIN - 2 * SIGMA) {
                if (unproven == null) {
                    unproven = new ArrayDeque<>();
                }
                unproven.add(d);
                continue;
            }
            order.load(stored);
            order.status(Order.BREACHED);
            byte[] now = order.store();
            orders.put(d.order, now);
            progress.breached++;
            context.forward(new Record<>(d.order, now, timestamp));
        }
        if (unproven != null) {
            promises.addAll(unproven);
        }
    }

    /** Counts the cells of this partition's orders, if asked to, and how long that took. */
    @Override
    public void close() {
        if (!settings.tally()) {
            return;
        }
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadCpuTime();
        TreeMap<String, Long> counts = new TreeMap<>();
        try (KeyValueIterator<Bytes, byte[]> all = orders.all()) {
            all.forEachRemaining(kv -> Order.cells(kv.value, (source, axis, state) ->
                    counts.merge(Vocabulary.SOURCE_NAMES[source] + "/" + axis + "/" + state, 1L, Long::sum)));
        }
        progress.cells = counts;
        progress.tallyNanos = threads.getCurrentThreadCpuTime() - before;
    }
}
