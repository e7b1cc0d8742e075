package orderledger.bench.streams;

/**
 * Reads Avro's binary encoding of order events and ticks by hand: one pass over the bytes, nothing
 * allocated. One object per task, its fields valid until the next call.
 */
final class Input {
    static final int MAX_CLAIMS = 16;
    static final int HEADER = 5;

    private byte[] b;
    private int at;

    // An event.
    long id;
    int source;
    long receivedAt;
    int claims;
    final int[] axis = new int[MAX_CLAIMS];
    final int[] mode = new int[MAX_CLAIMS];
    final int[] state = new int[MAX_CLAIMS];
    final long[] version = new long[MAX_CLAIMS];
    final long[] earliest = new long[MAX_CLAIMS];
    final long[] latest = new long[MAX_CLAIMS];

    // A tick.
    long wall;
    long heardFrom;
    long heardUntil;

    /** The schema id in the header of a value. */
    static int schema(byte[] value) {
        return (value[1] & 255) << 24 | (value[2] & 255) << 16 | (value[3] & 255) << 8 | value[4] & 255;
    }

    private long number() {
        byte[] b = this.b;
        int at = this.at;
        long v = b[at++];
        if (v < 0) {
            v &= 127;
            int shift = 7;
            for (byte x; ; shift += 7) {
                x = b[at++];
                v |= (long) (x & 127) << shift;
                if (x >= 0) {
                    break;
                }
            }
        }
        this.at = at;
        return v >>> 1 ^ -(v & 1);
    }

    private void skipText() {
        int n = (int) number();
        at += n;
    }

    private void skipObject() {
        skipText();
        skipText();
    }

    /** The number of elements of the next block of a list, 0 at its end. */
    private long block() {
        long n = number();
        if (n < 0) {
            number(); // the block's size in bytes
            n = -n;
        }
        return n;
    }

    /** Reads an order event. */
    void event(byte[] value) {
        b = value;
        at = HEADER;
        id = Bits.get(b, at);
        at += 16;
        int n = (int) number();
        source = Vocabulary.source(b, at, n);
        at += n;
        skipText(); // system
        skipText(); // feed
        number(); // direction
        skipText(); // order
        for (long k = block(); k != 0; k = block()) {
            for (; k > 0; k--) { // aliases
                skipText();
                skipText();
                skipText();
            }
        }
        number(); // kind
        skipText(); // native kind
        skipObject();
        skipVersion();
        claims = 0;
        for (long k = block(); k != 0; k = block()) {
            for (; k > 0; k--) {
                claim();
            }
        }
        skipSets(); // lines
        skipSets(); // amounts
        receivedAt = number();
    }

    private void skipVersion() {
        number();
        number();
        number();
        number();
    }

    private void claim() {
        int i = claims++;
        axis[i] = (int) number();
        skipObject();
        mode[i] = (int) number();
        int n = (int) number();
        state[i] = Vocabulary.state(source, axis[i], b, at, n);
        at += n;
        number(); // scheme
        version[i] = number();
        number();
        number();
        earliest[i] = number();
        latest[i] = number();
    }

    /** Lines and amounts have the same shape: object, kind, complete, [text, text or number, number or text]. */
    private void skipSets() {
        if (block() != 0) {
            throw new IllegalStateException("the measured stream has neither lines nor amounts");
        }
    }

    /** Reads a tick: its wall and how far a source was heard. */
    void tick(byte[] value, int wanted) {
        b = value;
        at = HEADER;
        number(); // partition
        wall = number();
        skipText(); // proposer
        at += 16; // boot id
        number(); // boot clock
        number(); // source date
        heardFrom = heardUntil = 0;
        for (long k = block(); k != 0; k = block()) {
            for (; k > 0; k--) {
                feed(wanted);
            }
        }
    }

    private void feed(int wanted) {
        int n = (int) number();
        boolean mine = Vocabulary.source(b, at, n) == wanted;
        at += n;
        skipText(); // feed
        number(); // epoch
        skipText();
        for (long k = block(); k != 0; k = block()) {
            for (; k > 0; k--) {
                long from = number(), until = number();
                if (mine && until > heardUntil) {
                    heardFrom = from;
                    heardUntil = until;
                }
            }
        }
        for (int list = 0; list < 3; list++) {
            if (block() != 0) {
                throw new IllegalStateException("the measured ticks withdraw nothing, have no holes and no unkeyed records");
            }
        }
        number(); // last heard
        at++; // skew exceeded
    }
}
