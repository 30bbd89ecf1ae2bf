package bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Processor time of threads: what a neighbour takes of the machine does not count. */
final class Clock {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Clock() {
    }

    static long ofThisThread() {
        return THREADS.getCurrentThreadCpuTime();
    }

    static long of(Thread thread) {
        return THREADS.getThreadCpuTime(thread.getId());
    }
}
