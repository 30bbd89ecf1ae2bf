package bench;

import static java.util.stream.Collectors.toList;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The rows C: allocation, slices, accessors, search, composites. All memory is of the default allocator. */
final class Core {
    private static final ByteBufAllocator ALLOCATOR = ByteBufAllocator.DEFAULT;
    private static final int MANY = 100;

    private Core() {
    }

    static Work of(String[] words) {
        switch (words[0]) {
            case "allocate":
                return new Allocate(Integer.parseInt(words[1]));
            case "window":
                return new Window(Integer.parseInt(words[1]), numbers(words[2]));
            case "retainedSlice":
                return new Slice(bytes(words[1]), Integer.parseInt(words[2]));
            case "readRetainedSlice":
                return new ReadSlice(bytes(words[1]), Integer.parseInt(words[2]));
            case "readUnsignedShort":
                return new Read(bytes(words[1]), 2, ByteBuf::readUnsignedShort);
            case "readUnsignedInt":
                return new Read(bytes(words[1]), 4, ByteBuf::readUnsignedInt);
            case "readLong":
                return new Read(bytes(words[1]), 8, ByteBuf::readLong);
            case "sumOfInts":
                return new Sum(bytes(words[1]));
            case "writeInt":
                return new WriteInt(Integer.parseInt(words[1]));
            case "writeBytes":
                return new WriteBytes(bytes(words[1]));
            case "indexOf":
                return new Find(bytes(words[1]), bytes(words[2]));
            case "addComponents":
                return new Build(bytes(words[1]), Integer.parseInt(words[2]), true);
            case "addComponent":
                return new Build(bytes(words[1]), Integer.parseInt(words[2]), false);
            case "readComponents":
                return new Read(composite(parts(bytes(words[1]), Integer.parseInt(words[2]))), 4, ByteBuf::readUnsignedInt);
            case "addComponentAndRead":
                return new BuildAndRead(bytes(words[1]), Integer.parseInt(words[2]));
            default:
                return null;
        }
    }

    static ByteBuf bytes(String hexadecimal) {
        return pooled(Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(hexadecimal)));
    }

    private static ByteBuf pooled(ByteBuf content) {
        return ALLOCATOR.buffer(content.readableBytes()).writeBytes(content, content.readerIndex(), content.readableBytes());
    }

    static int[] numbers(String list) {
        return Arrays.stream(list.split(",")).mapToInt(Integer::parseInt).toArray();
    }

    private static ByteBuf[] parts(ByteBuf piece, int count) {
        return IntStream.range(0, count).mapToObj(k -> pooled(piece)).toArray(ByteBuf[]::new);
    }

    private static CompositeByteBuf composite(ByteBuf[] parts) {
        CompositeByteBuf composite = ALLOCATOR.compositeBuffer(parts.length);    // else it would copy all
        for (ByteBuf part : parts) {
            composite.addComponent(true, part.retain());
        }
        return composite;
    }

    private static long sumOfInts(ByteBuf buf) {
        long sum = 0;
        for (int k = buf.readableBytes() / 4; k > 0; k--) {
            sum += buf.readUnsignedInt();
        }
        return sum;
    }

    /** C1, C2: take a buffer and give it back. */
    private static final class Allocate extends Work {
        private final int size;

        Allocate(int size) {
            super(MANY);
            this.size = size;
        }

        @Override
        long once() {
            long capacities = 0;
            for (int k = 0; k < MANY; k++) {
                ByteBuf buf = ALLOCATOR.buffer(size);
                consume(buf);
                capacities += buf.capacity();
                buf.release();
            }
            return capacities;
        }

        @Override
        Object result() {
            return once() / MANY;
        }
    }

    /** C16: replace one of many buffers, by a script of which one and by what size. */
    private static final class Window extends Work {
        private final ByteBuf[] live;
        private final int[] script;

        Window(int size, int[] script) {
            super(script.length / 2);
            this.script = script;
            live = IntStream.range(0, size).mapToObj(k -> ALLOCATOR.buffer(64)).toArray(ByteBuf[]::new);
        }

        @Override
        long once() {
            for (int k = 0; k < script.length; k += 2) {
                ByteBuf old = live[script[k]];
                live[script[k]] = ALLOCATOR.buffer(script[k + 1]);
                old.release();
            }
            return live.length;
        }

        @Override
        Object result() {
            once();
            return Arrays.stream(live).mapToLong(ByteBuf::capacity).sum();
        }
    }

    /** C3: slices that hold a reference of their own. */
    private static class Slice extends Work {
        final ByteBuf buf;
        final int size;

        Slice(ByteBuf buf, int size) {
            super(buf.readableBytes() / size);
            this.buf = buf;
            this.size = size;
        }

        @Override
        long once() {
            for (int at = 0; at < count * size; at += size) {
                ByteBuf slice = buf.retainedSlice(at, size);
                consume(slice);
                slice.release();
            }
            return count;
        }

        @Override
        Object result() {
            return buf.retainedSlice(0, size);
        }
    }

    private static final class ReadSlice extends Slice {
        ReadSlice(ByteBuf buf, int size) {
            super(buf, size);
        }

        @Override
        long once() {
            buf.readerIndex(0);
            for (int k = 0; k < count; k++) {
                ByteBuf slice = buf.readRetainedSlice(size);
                consume(slice);
                slice.release();
            }
            return count;
        }
    }

    /** C4, C14: numbers one after another. */
    private static final class Read extends Work {
        private final ByteBuf buf;
        private final ToLongFunction<ByteBuf> read;

        Read(ByteBuf buf, int width, ToLongFunction<ByteBuf> read) {
            super(buf.readableBytes() / width);
            this.buf = buf;
            this.read = read;
        }

        @Override
        long once() {
            buf.readerIndex(0);
            for (int k = 0; k < count; k++) {
                consume(read.applyAsLong(buf));
            }
            return count;
        }

        @Override
        Object result() {
            buf.readerIndex(0);
            return LongStream.generate(() -> read.applyAsLong(buf)).limit(count).boxed().collect(toList());
        }
    }

    /** C12: numbers in a loop that adds them up. */
    private static final class Sum extends Work {
        private final ByteBuf buf;

        Sum(ByteBuf buf) {
            super(buf.readableBytes() / 4);
            this.buf = buf;
        }

        @Override
        long once() {
            return sumOfInts(buf.readerIndex(0));
        }

        @Override
        Object result() {
            return once();
        }
    }

    /** C5. */
    private static final class WriteInt extends Work {
        private final ByteBuf buf = ALLOCATOR.buffer(4 * MANY);
        private final int step;

        WriteInt(int step) {
            super(MANY);
            this.step = step;
        }

        @Override
        long once() {
            buf.clear();
            for (int k = 0; k < MANY; k++) {
                buf.writeInt(k * step);
            }
            return buf.writerIndex();
        }

        @Override
        Object result() {
            once();
            return buf;
        }
    }

    /** C8. */
    private static final class WriteBytes extends Work {
        private final byte[] piece;
        private final ByteBuf buf;

        WriteBytes(ByteBuf piece) {
            super(MANY);
            this.piece = ByteBufUtil.getBytes(piece);
            buf = ALLOCATOR.buffer(MANY * piece.readableBytes());
        }

        @Override
        long once() {
            buf.clear();
            for (int k = 0; k < MANY; k++) {
                buf.writeBytes(piece);
            }
            return buf.writerIndex();
        }

        @Override
        Object result() {
            once();
            return buf;
        }
    }

    /** C10: where one byte stands, or several. */
    private static final class Find extends Work {
        private final ByteBuf buf;
        private final ByteBuf needle;

        Find(ByteBuf buf, ByteBuf needle) {
            super(10);
            this.buf = buf;
            this.needle = needle;
        }

        private int find() {
            if (needle.readableBytes() == 1) {
                return buf.indexOf(0, buf.writerIndex(), needle.getByte(0));
            }
            return ByteBufUtil.indexOf(needle, buf);
        }

        @Override
        long once() {
            for (int k = 0; k < count; k++) {
                consume(find());
            }
            return count;
        }

        @Override
        Object result() {
            return find();
        }
    }

    /** C13: many buffers as one. The parts are retained, since a composite takes them over. */
    private static final class Build extends Work {
        private final ByteBuf[] parts;
        private final boolean inOneCall;

        Build(ByteBuf piece, int count, boolean inOneCall) {
            super(1);
            parts = parts(piece, count);
            this.inOneCall = inOneCall;
        }

        private CompositeByteBuf build() {
            if (!inOneCall) {
                return composite(parts);
            }
            for (ByteBuf part : parts) {
                part.retain();
            }
            return ALLOCATOR.compositeBuffer(parts.length).addComponents(true, parts);
        }

        @Override
        long once() {
            CompositeByteBuf composite = build();
            consume(composite);
            composite.release();
            return 1;
        }

        @Override
        Object result() {
            return build();
        }
    }

    /** C14: build a composite and read all of it. */
    private static final class BuildAndRead extends Work {
        private final ByteBuf[] parts;

        BuildAndRead(ByteBuf piece, int count) {
            super(1);
            parts = parts(piece, count);
        }

        @Override
        long once() {
            CompositeByteBuf composite = composite(parts);
            long sum = sumOfInts(composite);
            composite.release();
            return sum;
        }

        @Override
        Object result() {
            return once();
        }
    }
}
