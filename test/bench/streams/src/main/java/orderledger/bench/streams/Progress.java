package orderledger.bench.streams;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** What one task has done. The task writes, the main thread reads: the counter while it runs, the rest at the end. */
final class Progress {
    private final AtomicLong records = new AtomicLong();
    private long own;
    long orders;
    long applied;
    long duplicates;
    long breached;
    long tallyNanos;
    Map<String, Long> cells = Map.of();

    void record() {
        records.lazySet(++own);
    }

    long records() {
        return records.get();
    }
}
