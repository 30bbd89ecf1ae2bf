package bench;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/**
 * A contestant in a process of its own, sampled in turn with others.
 *
 * The first line of input names the work. Once it is warm an answer says what the work results in; each further line is
 * a number of nanoseconds, and its answer what the work cost once, measured for about so long. Ends with the input.
 *
 * To be started with -XX:CompileCommand=blackhole,bench.Work::consume; and as for JMH's forks, one process does one work:
 * what the compiler learns of one must not slow another.
 */
public final class Samples {
    private static final long WARM = Long.getLong("warm", 12_000_000_000L);    // of processor time
    private static final long SAMPLE = 3_000_000L;

    private final Work work;
    private long rounds = 1;

    private Samples(Work work) {
        this.work = work;
    }

    public static void main(String[] arguments) throws Exception {
        // As an event loop's thread, which is where the allocators have their caches.
        Thread thread = new DefaultThreadFactory("samples").newThread(() -> {
            try {
                serve();
            } catch (Exception error) {
                error.printStackTrace();
                System.exit(1);
            }
        });
        thread.start();
        thread.join();
        System.exit(0);
    }

    private static void serve() throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        Work work = Work.of(input.readLine());
        String result = Answer.json(work.result());
        Samples samples = new Samples(work);
        samples.warmUp();
        System.out.println("{\"result\":" + result + "}");
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            System.out.println("{\"ns\":" + samples.sample(Long.parseLong(line)) + "}");
        }
        work.close();
    }

    private void warmUp() throws Exception {
        long start = work.processorTime();
        while (work.processorTime() - start < WARM) {
            sample(SAMPLE);
        }
    }

    /** Nanoseconds of the work once, measured for about so long. */
    private double sample(long nanoseconds) throws Exception {
        long spent = run(rounds);
        while (spent < nanoseconds / 4) {
            rounds *= 2;
            spent = run(rounds);
        }
        double each = (double) spent / rounds;
        rounds = Math.max(1, (long) (nanoseconds / each));
        return each / work.count;
    }

    private long run(long times) throws Exception {
        long start = work.processorTime();
        for (long k = 0; k < times; k++) {
            Work.consume(work.once());
        }
        return work.processorTime() - start;
    }
}
