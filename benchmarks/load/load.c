/* The load of a server: connections that each send a batch of requests, and the next when all answers have come.
 *
 *     load port connections depth size answer seconds
 *
 * A request is a big-endian length of four bytes and `size` bytes behind it, an answer the same with `answer` bytes.
 * Byte i of request k of a batch is k + i, and so it is of its answer: to echo is one way to answer, to look up
 * another. What comes back is compared with that, all of it. When the seconds are over no more batches begin; those
 * under way are waited for, so that the server is not hung up on. One line of JSON: answers that came, and seconds
 * until the last did. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd;
    size_t sent;      /* bytes of the requests */
    size_t received;  /* bytes of the answers */
} peer;

typedef struct {
    unsigned char *bytes;
    size_t size;
} batch;

static batch requests, answers;
static long batches;       /* that were answered */
static int under_way;      /* batches begun and not answered yet */
static int over;           /* no more batches */

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static batch batch_of(int depth, int size) {
    batch made = {.size = (size_t)depth * (4 + size)};
    made.bytes = malloc(made.size);
    if (!made.bytes)
        die("malloc");
    for (int k = 0; k < depth; k++) {
        unsigned char *message = made.bytes + (size_t)k * (4 + size);
        uint32_t length = htonl(size);
        memcpy(message, &length, 4);
        for (int i = 0; i < size; i++)
            message[4 + i] = (unsigned char)(k + i);
    }
    return made;
}

static void join(int poll, peer *p, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event wish = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p};
    int one = 1;
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&at, sizeof at))
        die("connect");
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, p->fd, &wish))
        die("epoll_ctl");
}

/* 1 if the socket took something. */
static int send_some(peer *p) {
    ssize_t n;
    if (p->sent == requests.size || (over && p->sent == 0))
        return 0;
    n = send(p->fd, requests.bytes + p->sent, requests.size - p->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        die("send");
    if (n <= 0)
        return 0;
    under_way += p->sent == 0;
    p->sent += n;
    return 1;
}

/* 1 if something came. */
static int receive_some(peer *p) {
    static unsigned char room[1 << 18];
    ssize_t n = recv(p->fd, room, sizeof room, MSG_DONTWAIT);
    if (n == 0) {
        fprintf(stderr, "the server has hung up\n");
        exit(1);
    }
    if (n < 0) {
        if (errno != EAGAIN)
            die("recv");
        return 0;
    }
    if (n > (ssize_t)(answers.size - p->received) || memcmp(room, answers.bytes + p->received, n)) {
        fprintf(stderr, "what came is not the answer\n");
        exit(1);
    }
    p->received += n;
    if (p->received == answers.size) {
        p->sent = p->received = 0;
        under_way--;
        batches++;
    }
    return 1;
}

int main(int argc, char **argv) {
    struct epoll_event ready[64];
    int poll = epoll_create1(0);
    if (argc != 7) {
        fprintf(stderr, "usage: load port connections depth size answer seconds\n");
        return 2;
    }
    int connections = atoi(argv[2]), depth = atoi(argv[3]);
    peer *peers = calloc(connections, sizeof *peers);
    if (poll < 0 || !peers)
        die("epoll_create1");
    requests = batch_of(depth, atoi(argv[4]));
    answers = batch_of(depth, atoi(argv[5]));
    for (int k = 0; k < connections; k++)
        join(poll, &peers[k], atoi(argv[1]));
    double start = now(), end = start + atof(argv[6]), at = start;
    while (!over || under_way) {
        int n = epoll_wait(poll, ready, 64, 1000);
        for (int k = 0; k < n; k++) {
            peer *p = ready[k].data.ptr;
            int more = 1;
            while (more) {    /* as edge-triggered events want it */
                more = send_some(p);
                more |= receive_some(p);
            }
        }
        at = now();
        over = at >= end;
        if (at > end + 30) {
            fprintf(stderr, "%d batches were not answered\n", under_way);
            return 1;
        }
    }
    printf("{\"messages\": %ld, \"seconds\": %.6f}\n", batches * depth, at - start);
    return 0;
}
