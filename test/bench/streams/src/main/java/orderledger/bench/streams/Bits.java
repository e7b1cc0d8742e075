package orderledger.bench.streams;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Longs in byte arrays. */
final class Bits {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private Bits() {}

    static long get(byte[] b, int at) {
        return (long) LONG.get(b, at);
    }

    static void put(byte[] b, int at, long v) {
        LONG.set(b, at, v);
    }
}
