package orderledger.bench.streams;

/**
 * The one value kept per order, edited in place in its stored form:
 *
 * <pre>status, cells, ids (u16), due (8), cells × {source, axis, state, mode, version (8), since (8)}, ids × 8</pre>
 *
 * An edit that grows the value copies it once; a value that was stored is never changed.
 */
final class Order {
    /** What became of the promise "known to the ERP within two minutes". */
    static final int NONE = 0, PENDING = 1, MET = 2, MET_LATE = 3, BREACHED = 4, BREACHED_MET_LATE = 5;

    private static final int HEAD = 12, CELL = 20, ID = 8;
    private static final int MOST = HEAD + 18 * CELL + 1024 * ID;

    private final byte[] b = new byte[MOST];
    private int length;

    /** Starts from a stored value, or from nothing. */
    void load(byte[] stored) {
        if (stored == null) {
            java.util.Arrays.fill(b, 0, HEAD, (byte) 0);
            length = HEAD;
            return;
        }
        length = stored.length;
        System.arraycopy(stored, 0, b, 0, length);
    }

    /** The value to store. */
    byte[] store() {
        return java.util.Arrays.copyOf(b, length);
    }

    int status() {
        return b[0];
    }

    static int status(byte[] stored) {
        return stored[0];
    }

    static long due(byte[] stored) {
        return Bits.get(stored, 4);
    }

    void status(int status) {
        b[0] = (byte) status;
    }

    long due() {
        return Bits.get(b, 4);
    }

    void due(long due) {
        Bits.put(b, 4, due);
    }

    private int ids() {
        return (b[2] & 255) << 8 | b[3] & 255;
    }

    /** Whether an event was applied before. */
    boolean seen(long id) {
        for (int at = length - ID * ids(); at < length; at += ID) {
            if (Bits.get(b, at) == id) {
                return true;
            }
        }
        return false;
    }

    /** Remembers an applied event, for ever. */
    void remember(long id) {
        int n = ids() + 1;
        Bits.put(b, length, id);
        length += ID;
        b[2] = (byte) (n >> 8);
        b[3] = (byte) n;
    }

    /** Where a cell stands, -1 if it was never heard. */
    private int cell(int source, int axis) {
        for (int i = 0, at = HEAD; i < b[1]; i++, at += CELL) {
            if (b[at] == source && b[at + 1] == axis) {
                return at;
            }
        }
        return -1;
    }

    /** The state of a cell, 0 if it was never heard. */
    int state(int source, int axis) {
        int at = cell(source, axis);
        return at < 0 ? 0 : b[at + 2];
    }

    /** Takes a claim: the greatest version counts, a current claim before a dated one. */
    void claim(int source, int axis, int mode, int state, long version, long since) {
        int at = cell(source, axis);
        if (at < 0) {
            at = HEAD + CELL * b[1];
            System.arraycopy(b, at, b, at + CELL, length - at);
            length += CELL;
            b[1]++;
            b[at] = (byte) source;
            b[at + 1] = (byte) axis;
        } else {
            boolean current = mode == 2, was = b[at + 3] == 2;
            if (was && !current || was == current && version < Bits.get(b, at + 4)) {
                return;
            }
            if (b[at + 2] == state) {
                since = Bits.get(b, at + 12);
            }
        }
        b[at + 2] = (byte) state;
        b[at + 3] = (byte) mode;
        Bits.put(b, at + 4, version);
        Bits.put(b, at + 12, since);
    }

    /** Calls back with source, axis and state of every cell of a stored value. */
    static void cells(byte[] stored, CellConsumer to) {
        for (int i = 0, at = HEAD; i < stored[1]; i++, at += CELL) {
            to.accept(stored[at], stored[at + 1], stored[at + 2]);
        }
    }

    interface CellConsumer {
        void accept(int source, int axis, int state);
    }
}
