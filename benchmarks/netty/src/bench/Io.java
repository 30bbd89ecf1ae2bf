package bench;

import io.netty.channel.epoll.Epoll;

final class Io {
    private Io() {
    }

    static Work of(String[] words) {
        return null;
    }

    static String transport() {
        return Epoll.isAvailable() ? "epoll" : "nio";
    }
}
