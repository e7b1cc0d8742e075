package orderledger.bench.streams;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The sources and native words of the measured policy, found from bytes without making a String.
 * It is filled before the topology starts and only read afterwards.
 */
final class Vocabulary {
    /** Numbers of the sources. */
    static final int SHOP = 0, ERP = 1, PAYMENTS = 2, SOURCES = 3;
    static final String[] SOURCE_NAMES = {"shop", "erp", "payments"};

    /** Numbers of the axes, those of the ledger. */
    static final int ORDER = 1, PAYMENT = 2, FULFILMENT = 3;

    private static final int SLOTS = 256;
    private static final byte[][] WORDS = new byte[SLOTS][];
    private static final byte[] STATES = new byte[SLOTS];
    private static final byte[][] SOURCES_UTF8 = new byte[SOURCES][];

    static {
        for (int i = 0; i < SOURCES; i++) {
            SOURCES_UTF8[i] = SOURCE_NAMES[i].getBytes(StandardCharsets.US_ASCII);
        }
        add(SHOP, ORDER, "open", 11);
        add(SHOP, ORDER, "created_at", 11);
        add(SHOP, ORDER, "cancelled", 19);
        add(SHOP, PAYMENT, "pending", 8);
        add(SHOP, PAYMENT, "paid", 11);
        add(SHOP, FULFILMENT, "(null)", 8);
        add(SHOP, FULFILMENT, "partial", 13);
        add(SHOP, FULFILMENT, "fulfilled", 14);
        add(ERP, ORDER, "createddate", 9);
        add(ERP, ORDER, "approved", 13);
        add(ERP, ORDER, "cancelled", 19);
        add(ERP, FULFILMENT, "pending", 8);
        add(ERP, FULFILMENT, "shipped", 14);
        add(PAYMENTS, PAYMENT, "pending", 8);
        add(PAYMENTS, PAYMENT, "captured", 11);
    }

    private Vocabulary() {}

    private static int slot(int source, int axis, byte[] b, int from, int length) {
        int h = source * 31 + axis;
        for (int i = 0; i < length; i++) {
            h = h * 31 + b[from + i];
        }
        return (h ^ h >>> 8 ^ h >>> 16) & SLOTS - 1;
    }

    private static void add(int source, int axis, String word, int state) {
        byte[] utf8 = word.getBytes(StandardCharsets.US_ASCII);
        byte[] entry = new byte[utf8.length + 2];
        entry[0] = (byte) source;
        entry[1] = (byte) axis;
        System.arraycopy(utf8, 0, entry, 2, utf8.length);
        int at = slot(source, axis, utf8, 0, utf8.length);
        while (WORDS[at] != null) {
            at = at + 1 & SLOTS - 1;
        }
        WORDS[at] = entry;
        STATES[at] = (byte) state;
    }

    /** The number of a source, -1 if it is none of the policy's. */
    static int source(byte[] b, int from, int length) {
        for (int i = 0; i < SOURCES; i++) {
            if (Arrays.equals(SOURCES_UTF8[i], 0, SOURCES_UTF8[i].length, b, from, from + length)) {
                return i;
            }
        }
        return -1;
    }

    /** The canonical state of a native word, 1 (unmapped) if the matrix does not know it. */
    static int state(int source, int axis, byte[] b, int from, int length) {
        for (int at = slot(source, axis, b, from, length); WORDS[at] != null; at = at + 1 & SLOTS - 1) {
            byte[] w = WORDS[at];
            if (w[0] == source && w[1] == axis && Arrays.equals(w, 2, w.length, b, from, from + length)) {
                return STATES[at];
            }
        }
        return 1;
    }
}
