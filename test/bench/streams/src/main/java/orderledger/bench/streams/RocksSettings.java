package orderledger.bench.streams;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;

/**
 * RocksDB for point reads and overwrites on two cores: one block cache for all stores, bloom filters,
 * memtables large enough that values die in memory, lz4 only where data has come to rest.
 */
public final class RocksSettings implements RocksDBConfigSetter {
    private static final Cache BLOCKS = new LRUCache(128L << 20);
    private static final BloomFilter BLOOM = new BloomFilter(10, false);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(BLOCKS);
        table.setFilterPolicy(BLOOM);
        table.setBlockSize(16 << 10);
        options.setTableFormatConfig(table);
        options.setWriteBufferSize(64L << 20);
        options.setMaxWriteBufferNumber(3);
        options.setCompressionType(CompressionType.NO_COMPRESSION);
        options.setBottommostCompressionType(CompressionType.LZ4_COMPRESSION);
        options.setMaxBackgroundJobs(2);
    }

    @Override
    public void close(String store, Options options) {
        // The cache and the filter are shared and live as long as the process.
    }
}
