package bench;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The same work measured by JMH, to see that Samples measures well. It has the clock on the wall alone. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 3)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = {"-Djmh.executor=CUSTOM", "-Djmh.executor.class=bench.Jmh$Threads"})
public class Jmh {
    private static final int COUNT = 100;

    @Param({"allocate 64", "allocate 65536", "writeInt 7654321"})
    public String work;

    private Work works;

    public static void main(String[] arguments) throws Exception {
        org.openjdk.jmh.Main.main(arguments);
    }

    @Setup
    public void open() throws Exception {
        works = Work.of(work);
        if (works.count != COUNT) {
            throw new IllegalArgumentException(work + " is done " + works.count + " times, not " + COUNT);
        }
    }

    @Benchmark
    @OperationsPerInvocation(COUNT)
    public long once() throws Exception {
        return works.once();
    }

    /** Threads such as Samples has. */
    public static final class Threads extends ThreadPoolExecutor {
        public Threads(int count, String prefix) {
            super(count, count, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), new DefaultThreadFactory(prefix));
        }
    }
}
