package bench;

/** What a contestant of a row does, many times over. Used by one thread. */
abstract class Work {
    /** How many times once() does it. */
    final int count;

    Work(int count) {
        this.count = count;
    }

    /** Do the work; the caller consumes what it gives. */
    abstract long once() throws Exception;

    /** What all contestants of the row must agree on, as Answer can write it. Called before once(). */
    abstract Object result() throws Exception;

    /** Processor time of the thread that works, in nanoseconds. */
    long processorTime() {
        return Clock.ofThisThread();
    }

    void close() throws Exception {
    }

    /** The compiler may not remove what leads here, and makes nothing of the call itself: see Samples. */
    static void consume(Object value) {
    }

    static void consume(long value) {
    }

    /** The work that such a line asks for: a name and its arguments. */
    static Work of(String line) throws Exception {
        String[] words = line.trim().split(" ");
        Work work = Core.of(words);
        if (work == null) {
            work = Frames.of(words);
        }
        if (work == null) {
            work = Io.of(words);
        }
        if (work == null) {
            throw new IllegalArgumentException("no work is called " + words[0]);
        }
        return work;
    }
}
