package orderledger.bench.streams;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.BytesDeserializer;
import org.apache.kafka.common.serialization.BytesSerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/** Folds the whole topic once, closes, and prints one line of JSON. */
public final class Main {
    static final String STORE = "orders";

    private Main() {}

    public static void main(String[] args) throws Exception {
        Settings s = Settings.parse(args);
        OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        AtomicReference<Throwable> fault = new AtomicReference<>();
        KafkaStreams streams = new KafkaStreams(topology(s), properties(s));
        streams.setUncaughtExceptionHandler(e -> {
            fault.set(e);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        long started = System.nanoTime();
        streams.start();
        long half = 0;
        for (long done = 0; done < s.records(); ) {
            Thread.sleep(5);
            if (fault.get() != null) {
                throw new IllegalStateException("a stream thread ended", fault.get());
            }
            done = s.tasks().stream().mapToLong(Progress::records).sum();
            if (half == 0 && done >= s.records() / 2) {
                half = os.getProcessCpuTime();
            }
        }
        long second = os.getProcessCpuTime() - half;
        if (!streams.close(Duration.ofMinutes(2))) {
            throw new IllegalStateException("the last commit did not end in two minutes");
        }
        long cpu = os.getProcessCpuTime();
        print(s, cpu, second, System.nanoTime() - started);
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static Topology topology(Settings s) {
        return new Topology()
                .addSource("records", new BytesDeserializer(), new ByteArrayDeserializer(), s.topic())
                .addProcessor("fold", () -> new Fold(s), "records")
                .addStateStore(
                        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                                .withCachingEnabled()
                                .withLoggingEnabled(Map.of("compression.type", "producer", "segment.bytes", "1073741824")),
                        "fold")
                .addSink("breaches", s.output(), new BytesSerializer(), new ByteArraySerializer(), "fold");
    }

    private static Properties properties(Settings s) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, s.application());
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, s.brokers());
        p.put(StreamsConfig.STATE_DIR_CONFIG, s.directory());
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, s.commitMillis());
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, RocksSettings.class);
        p.put(StreamsConfig.ENABLE_METRICS_PUSH_CONFIG, false);
        p.put(StreamsConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 256 << 10);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 100);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), 1 << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 << 10);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 50);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
        p.put(StreamsConfig.producerPrefix(ProducerConfig.SEND_BUFFER_CONFIG), 1 << 20);
        return p;
    }

    private static void print(Settings s, long cpu, long second, long wall) {
        long records = 0, orders = 0, applied = 0, duplicates = 0, breached = 0, tally = 0;
        TreeMap<String, Long> cells = new TreeMap<>();
        for (Progress p : s.tasks()) {
            records += p.records();
            orders += p.orders;
            applied += p.applied;
            duplicates += p.duplicates;
            breached += p.breached;
            tally += p.tallyNanos;
            p.cells.forEach((k, v) -> cells.merge(k, v, Long::sum));
        }
        StringBuilder counts = new StringBuilder();
        cells.forEach((k, v) -> counts.append(counts.length() == 0 ? "" : ",").append('"').append(k).append("\":").append(v));
        System.out.printf(
                "{\"records\":%d,\"orders\":%d,\"applied\":%d,\"duplicates\":%d,\"breached\":%d,\"cpu_seconds\":%.3f,\"second_half_seconds\":%.3f,\"wall_seconds\":%.3f,\"cells\":{%s}}%n",
                records, orders, applied, duplicates, breached, (cpu - tally) / 1e9, second / 1e9, wall / 1e9, counts);
    }
}
