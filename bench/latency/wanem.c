/* wanem: a wide-area network in user space, between TUN devices.
 *
 * Each link joins a resolver's network namespace to the servers' namespace. A packet waits, per remote
 * address and per direction, rtt/2 plus an exponential jitter; it may be lost, the address may be dead
 * (silence), without route or refused by a filter (two ICMP errors from the first router: Linux tells a
 * connected socket of the second only, unless the program asked for IP_RECVERR). Works for UDP, TCP and ICMP of
 * unmodified programs, because only IP headers are looked at.
 *
 * usage: wanem -t TABLE -s STATS [-x TRACE] [-r SEED] [-p PRIORITY] RESOLVER_NS,SERVER_NS,SERVER_DEV ...
 *
 * TABLE lines:  ADDRESS RTT_US JITTER_US LOSS STATE     LOSS is per direction; STATE: up, dead, unreach, reject
 * SIGHUP reads TABLE again: addresses it does not mention keep what they have.
 * SIGUSR1 writes STATS (by rename, in a child, so that nothing waits for the disk). SIGTERM ends.
 * Counters of destinations not in the table are kept under "stray": those packets are dropped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINKS = 32, HASH = 1 << 15, MAX_HOSTS = HASH / 4, MTU = 2048, BURST = 32 };
enum { BUCKETS = 20000, BUCKET_NS = 5000 }; /* lateness up to 100 ms in steps of 5 us */
enum { TICK_NS = 4000000, ICMP_NS = 2000000 };
enum state { UP, DEAD, UNREACH, REJECT };

struct counters { uint32_t udp, syn, tcp, icmp, back, dead, lost; };
struct host { uint8_t key[17]; uint8_t state; int64_t rtt, jitter; double loss; struct counters count[MAX_LINKS]; };
struct link { int resolver_fd, server_fd; uint32_t stray; uint64_t rng[2]; };
struct packet { int64_t due; int fd; int length; uint8_t data[]; };
struct lateness { uint64_t count, bucket[BUCKETS + 1]; int64_t worst; };

static struct host *hosts[HASH];
static int host_count, link_count;
static struct link links[MAX_LINKS];
static struct packet **heap;
static int heap_size, heap_room;
static struct lateness late_packets, late_ticks;
static FILE *trace;

static void die(const char *what) { fprintf(stderr, "wanem: %s: %s\n", what, strerror(errno)); exit(1); }

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- chance: xorshift128+, one state per link, so that a link's luck does not hang on the others */

static double chance(struct link *l)
{
    uint64_t a = l->rng[0], b = l->rng[1];
    l->rng[0] = b;
    a ^= a << 23;
    l->rng[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return (double)((l->rng[1] + b) >> 11) * 0x1.0p-53;
}

/* ---- hosts */

static struct host **slot(const uint8_t key[17])
{
    uint32_t h = 2166136261u;
    for (int i = 0; i < 17; i++) h = (h ^ key[i]) * 16777619u;
    h &= HASH - 1;
    while (hosts[h] && memcmp(hosts[h]->key, key, 17)) h = (h + 1) & (HASH - 1);
    return &hosts[h];
}

static void host_key(uint8_t key[17], int version, const uint8_t *address)
{
    memset(key, 0, 17);
    key[0] = (uint8_t)version;
    memcpy(key + 1, address, version == 4 ? 4 : 16);
}

static void read_table(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) die(path);
    char line[256], text[64], state[16];
    long rtt, jitter;
    double loss;
    while (fgets(line, sizeof line, f)) {
        uint8_t address[16], key[17];
        if (line[0] == '#' || sscanf(line, "%63s %ld %ld %lf %15s", text, &rtt, &jitter, &loss, state) != 5) continue;
        int version = strchr(text, ':') ? 6 : 4;
        if (inet_pton(version == 6 ? AF_INET6 : AF_INET, text, address) != 1) continue;
        host_key(key, version, address);
        struct host **h = slot(key);
        if (!*h) {
            if (host_count++ >= MAX_HOSTS) { fprintf(stderr, "wanem: too many hosts\n"); exit(1); }
            *h = calloc(1, sizeof **h);
            memcpy((*h)->key, key, 17);
        }
        (*h)->rtt = rtt * 1000;
        (*h)->jitter = jitter * 1000;
        (*h)->loss = loss;
        (*h)->state = !strcmp(state, "dead") ? DEAD : !strcmp(state, "unreach") ? UNREACH : !strcmp(state, "reject") ? REJECT : UP;
    }
    fclose(f);
}

/* ---- lateness */

static void note(struct lateness *l, int64_t late)
{
    if (late < 0) late = 0;
    if (late > l->worst) l->worst = late;
    int64_t b = late / BUCKET_NS;
    l->bucket[b < BUCKETS ? b : BUCKETS]++;
    l->count++;
}

static double quantile_us(const struct lateness *l, double q)
{
    uint64_t want = (uint64_t)ceil(q * (double)l->count), seen = 0;
    for (int b = 0; b <= BUCKETS; b++)
        if ((seen += l->bucket[b]) >= want && seen) return b * (BUCKET_NS / 1000.0);
    return 0;
}

/* ---- the queue: a binary heap by due time */

static void push(struct packet *p)
{
    if (heap_size == heap_room) {
        heap_room = heap_room ? heap_room * 2 : 4096;
        heap = realloc(heap, sizeof *heap * (size_t)heap_room);
        if (!heap) die("realloc");
    }
    int i = heap_size++;
    while (i && heap[(i - 1) / 2]->due > p->due) { heap[i] = heap[(i - 1) / 2]; i = (i - 1) / 2; }
    heap[i] = p;
}

static struct packet *pop(void)
{
    struct packet *top = heap[0], *last = heap[--heap_size];
    int i = 0;
    for (;;) {
        int c = 2 * i + 1;
        if (c >= heap_size) break;
        if (c + 1 < heap_size && heap[c + 1]->due < heap[c]->due) c++;
        if (heap[c]->due >= last->due) break;
        heap[i] = heap[c];
        i = c;
    }
    heap[i] = last;
    return top;
}

static void enqueue(int fd, int64_t due, const uint8_t *data, int length)
{
    struct packet *p = malloc(sizeof *p + (size_t)length);
    if (!p) die("malloc");
    p->due = due;
    p->fd = fd;
    p->length = length;
    memcpy(p->data, data, (size_t)length);
    push(p);
}

/* ---- ICMP "no route", as the first router would send it */

static uint32_t add16(uint32_t sum, const uint8_t *p, int n)
{
    for (int i = 0; i + 1 < n; i += 2) sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    return n & 1 ? sum + (uint32_t)(p[n - 1] << 8) : sum;
}

static void put_sum(uint8_t *at, uint32_t sum)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

static void refuse(struct link *l, const uint8_t *packet, int length, int filtered, int64_t now)
{
    static const uint8_t router4[4] = {10, 255, 0, 1};
    static const uint8_t router6[16] = {0xfd, 0x77, 0xff, 0xff, [15] = 1};
    uint8_t out[MTU] = {0};
    int total;
    if (packet[0] >> 4 == 4) {
        int quoted = length < 28 ? length : 28;
        total = 28 + quoted;
        out[0] = 0x45;
        out[2] = (uint8_t)(total >> 8);
        out[3] = (uint8_t)total;
        out[8] = 64;
        out[9] = 1;
        memcpy(out + 12, router4, 4);
        memcpy(out + 16, packet + 12, 4);
        put_sum(out + 10, add16(0, out, 20));
        out[20] = 3; /* destination unreachable, code 0: network, 13: prohibited */
        out[21] = filtered ? 13 : 0;
        memcpy(out + 28, packet, (size_t)quoted);
        put_sum(out + 22, add16(0, out + 20, total - 20));
    } else {
        int quoted = length < 1184 ? length : 1184;
        int body = 8 + quoted;
        total = 40 + body;
        out[0] = 0x60;
        out[4] = (uint8_t)(body >> 8);
        out[5] = (uint8_t)body;
        out[6] = 58;
        out[7] = 64;
        memcpy(out + 8, router6, 16);
        memcpy(out + 24, packet + 8, 16);
        out[40] = 1; /* destination unreachable, code 0: no route, 1: prohibited */
        out[41] = filtered ? 1 : 0;
        memcpy(out + 48, packet, (size_t)quoted);
        put_sum(out + 42, add16(add16((uint32_t)body + 58, out + 8, 32), out + 40, body));
    }
    enqueue(l->resolver_fd, now + ICMP_NS, out, total);
}

/* ---- trace: one line per DNS datagram or SYN, for looking at single resolutions */

static void trace_packet(int64_t now, int link, int outward, const struct host *h, const uint8_t *p, int length, const char *fate)
{
    int v4 = p[0] >> 4 == 4, header = v4 ? (p[0] & 15) * 4 : 40;
    int protocol = v4 ? p[9] : p[6];
    char address[64];
    inet_ntop(v4 ? AF_INET : AF_INET6, h->key + 1, address, sizeof address);
    fprintf(trace, "%lld %d %s %s %s %s ", (long long)(now / 1000), link, outward ? ">" : "<", address,
            protocol == 17 ? "udp" : protocol == 6 ? "tcp" : "icmp", fate);
    const uint8_t *d = p + header + 8, *end = p + length;
    if (protocol == 17 && end - d > 17) {
        fprintf(trace, "%04x rcode=%d tc=%d ", d[0] << 8 | d[1], d[3] & 15, d[2] >> 1 & 1);
        const uint8_t *q = d + 12;
        while (q < end && *q && q + *q + 5 < end) {
            for (int i = 1; i <= *q; i++) fputc(q[i] > 32 && q[i] < 127 ? q[i] | (q[i] >= 'A' && q[i] <= 'Z' ? 32 : 0) : '?', trace);
            fputc('.', trace);
            q += *q + 1;
        }
        if (q + 2 < end) fprintf(trace, " %d", q[1] << 8 | q[2]);
    }
    fputc('\n', trace);
}

/* ---- a packet arrives at one of the ends */

static void count_outward(struct counters *c, const uint8_t *p, int length)
{
    int v4 = p[0] >> 4 == 4, header = v4 ? (p[0] & 15) * 4 : 40;
    switch (v4 ? p[9] : p[6]) {
    case 17: c->udp++; break;
    case 6:
        if (length > header + 13 && (p[header + 13] & 0x12) == 2) c->syn++;
        c->tcp++;
        break;
    default: c->icmp++;
    }
}

static void arrive(int index, int outward, const uint8_t *p, int length)
{
    struct link *l = &links[index];
    int version = p[0] >> 4;
    if ((version != 4 || length < 20) && (version != 6 || length < 40)) return;
    const uint8_t *remote = version == 4 ? p + (outward ? 16 : 12) : p + (outward ? 24 : 8);
    if (outward && (version == 6 ? remote[0] == 0xff : remote[0] >= 224)) return; /* multicast: MLD, ND */
    uint8_t key[17];
    host_key(key, version, remote);
    struct host *h = *slot(key);
    if (!h) { l->stray += (uint32_t)outward; return; }
    int64_t now = now_ns();
    struct counters *c = &h->count[index];
    if (outward) count_outward(c, p, length);
    const char *fate = "ok";
    if (h->state == DEAD) { c->dead++; fate = "dead"; }
    else if (h->state != UP) { c->dead++; fate = "unreach"; if (outward) refuse(l, p, length, h->state == REJECT, now); }
    else if (h->loss > 0 && chance(l) < h->loss) { c->lost++; fate = "lost"; }
    else {
        if (!outward) c->back++;
        int64_t wait = h->rtt / 2 + (h->jitter ? (int64_t)(-log(1.0 - chance(l)) * (double)h->jitter) : 0);
        enqueue(outward ? l->server_fd : l->resolver_fd, now + wait, p, length);
    }
    if (trace) trace_packet(now, index, outward, h, p, length, fate);
}

static void drain(int index, int outward)
{
    uint8_t buffer[MTU];
    for (int i = 0; i < BURST; i++) {
        ssize_t n = read(outward ? links[index].resolver_fd : links[index].server_fd, buffer, sizeof buffer);
        if (n <= 0) return;
        arrive(index, outward, buffer, (int)n);
    }
}

/* ---- set-up and statistics */

static int open_tun(const char *namespace, const char *device, int home)
{
    int ns = open(namespace, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, 0)) die(namespace);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) die(device);
    close(ns);
    if (setns(home, 0)) die("setns home");
    return fd;
}

static void write_lateness(FILE *f, const char *name, const struct lateness *l)
{
    fprintf(f, "lateness %s %llu %.0f %.0f %.0f %.0f\n", name, (unsigned long long)l->count, quantile_us(l, .5),
            quantile_us(l, .99), quantile_us(l, .999), (double)l->worst / 1000.0);
}

static void write_stats(const char *path)
{
    char temporary[512];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *f = fopen(temporary, "w");
    if (!f) die(temporary);
    write_lateness(f, "packets", &late_packets);
    write_lateness(f, "ticks", &late_ticks);
    for (int i = 0; i < link_count; i++) fprintf(f, "stray %d %u\n", i, links[i].stray);
    for (int h = 0; h < HASH; h++) {
        if (!hosts[h]) continue;
        char address[64];
        inet_ntop(hosts[h]->key[0] == 4 ? AF_INET : AF_INET6, hosts[h]->key + 1, address, sizeof address);
        for (int i = 0; i < link_count; i++) {
            struct counters *c = &hosts[h]->count[i];
            if (c->udp | c->tcp | c->icmp)
                fprintf(f, "host %d %s %u %u %u %u %u %u %u\n", i, address, c->udp, c->syn, c->tcp, c->icmp, c->back, c->dead, c->lost);
        }
    }
    fclose(f);
    if (rename(temporary, path)) die(path);
}

static void fork_stats(const char *path)
{
    if (fork() == 0) {
        struct sched_param ordinary = {0};
        sched_setscheduler(0, SCHED_OTHER, &ordinary);
        write_stats(path);
        _exit(0);
    }
}

static void emit_due(int64_t *next_tick)
{
    int64_t now = now_ns();
    if (now >= *next_tick) {
        note(&late_ticks, now - *next_tick);
        *next_tick = now - now % TICK_NS + TICK_NS;
    }
    while (heap_size && heap[0]->due <= now) {
        struct packet *p = pop();
        note(&late_packets, now - p->due);
        if (write(p->fd, p->data, (size_t)p->length) < 0 && errno != EIO) perror("wanem: write");
        free(p);
        now = now_ns();
    }
}

static void run(int signals, const char *table, const char *stats)
{
    struct pollfd polled[2 * MAX_LINKS + 1];
    int64_t next_tick = now_ns() + TICK_NS;
    for (int i = 0; i < link_count; i++) {
        polled[2 * i] = (struct pollfd){links[i].resolver_fd, POLLIN, 0};
        polled[2 * i + 1] = (struct pollfd){links[i].server_fd, POLLIN, 0};
    }
    polled[2 * link_count] = (struct pollfd){signals, POLLIN, 0};
    for (;;) {
        emit_due(&next_tick);
        int64_t next = heap_size && heap[0]->due < next_tick ? heap[0]->due : next_tick;
        int64_t wait = next - now_ns();
        if (wait < 0) wait = 0;
        struct timespec t = {wait / 1000000000, wait % 1000000000};
        if (ppoll(polled, (nfds_t)(2 * link_count + 1), &t, NULL) <= 0) continue;
        for (int i = 0; i < 2 * link_count; i++)
            if (polled[i].revents) drain(i / 2, i % 2 == 0);
        if (!polled[2 * link_count].revents) continue;
        struct signalfd_siginfo s;
        if (read(signals, &s, sizeof s) != sizeof s) continue;
        if (s.ssi_signo == SIGHUP) read_table(table);
        if (s.ssi_signo == SIGUSR1) { if (trace) fflush(trace); fork_stats(stats); }
        if (s.ssi_signo == SIGTERM) { if (trace) fclose(trace); write_stats(stats); return; }
    }
}

int main(int argc, char **argv)
{
    const char *table = NULL, *stats = NULL;
    int priority = 0, option, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    uint64_t seed = 1;
    while ((option = getopt(argc, argv, "t:s:x:r:p:")) != -1) {
        if (option == 't') table = optarg;
        else if (option == 's') stats = optarg;
        else if (option == 'x') trace = fopen(optarg, "w");
        else if (option == 'r') seed = strtoull(optarg, NULL, 10);
        else if (option == 'p') priority = atoi(optarg);
        else return 2;
    }
    if (!table || !stats || home < 0 || optind == argc || argc - optind > MAX_LINKS) return 2;
    for (; optind < argc; optind++, link_count++) {
        char *resolver = strtok(argv[optind], ","), *server = strtok(NULL, ","), *device = strtok(NULL, ",");
        struct link *l = &links[link_count];
        if (!device) return 2;
        l->resolver_fd = open_tun(resolver, "wan", home);
        l->server_fd = open_tun(server, device, home);
        l->rng[0] = seed * 0x9e3779b97f4a7c15u + (uint64_t)link_count * 0xbf58476d1ce4e5b9u + 1;
        l->rng[1] = seed ^ 0x94d049bb133111ebu;
        for (int i = 0; i < 16; i++) chance(l);
    }
    read_table(table);
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGHUP);
    sigaddset(&handled, SIGUSR1);
    sigaddset(&handled, SIGTERM);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    signal(SIGINT, SIG_IGN);   /* the bench ends us, after it has its figures */
    signal(SIGCHLD, SIG_IGN);
    struct sched_param fifo = {.sched_priority = priority};
    if (priority && (mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &fifo)))
        fprintf(stderr, "wanem: no SCHED_FIFO: %s\n", strerror(errno));
    puts("ready");
    fflush(stdout);
    run(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK), table, stats);
    return 0;
}
