/* An authoritative server for benches: whatever is asked, the answer is two addresses.
 *
 * responder PORT DELAY_MS: listens on 127.0.0.1, UDP. Each question gets an authoritative reply with
 * two A records (AAAA: two of those; other types: NODATA, by the SOA of example.com for names below
 * it, of the root for others) after DELAY_MS. RA is RD's: it also serves those who forward to it.
 * A name below example.com that begins with f gets a full answer, as NSD gives it: the zone's two
 * NS records in the authority section, and both servers' addresses in the additional one.
 * All replies wait equally long, so the waiting ones are a ring and no timer is needed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SIZE = 640, RING = 1 << 17, APEX = 13 /* octets of example.com */ };

struct waiting {
    struct sockaddr_in to;
    double due;
    uint16_t size;
    uint8_t data[SIZE];
};

static struct waiting *ring;
static unsigned first, last;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* One record of the name at *owner* in the message. */
static size_t put_record(uint8_t *at, uint16_t owner, uint16_t type, const void *rdata, uint16_t size) {
    uint8_t head[12] = {0xc0 | owner >> 8, owner & 255, type >> 8, type & 255, 0, 1, 0, 0, 0x0e, 0x10,
                        size >> 8, size & 255};
    memcpy(at, head, 12);
    memcpy(at + 12, rdata, size);
    return 12 + size;
}

static const uint8_t addresses[32] = {192, 0, 2, 1, 192, 0, 2, 2, 0x20, 1, 0xd, 0xb8};

/* The zone's NS set and both nameservers' addresses; *zone* is where its name stands. */
static size_t fill(uint8_t *data, size_t end, uint16_t zone) {
    uint16_t nameservers[2];
    for (int i = 0; i < 2; i++) {
        uint8_t name[6] = {3, 'n', 's', '1' + i, 0xc0 | zone >> 8, zone & 255};
        nameservers[i] = end + 12;
        end += put_record(data + end, zone, 2, name, 6);
    }
    for (int i = 0; i < 2; i++) {
        end += put_record(data + end, nameservers[i], 1, addresses + 4 * i, 4);
        end += put_record(data + end, nameservers[i], 28, addresses + 8, 16);
    }
    data[9] = 2;
    data[11] = 4;
    return end;
}

static const uint8_t soa[] = "\x07" "example\x03" "com\0\0\6\0\1\0\0\x0e\x10\0\x16\0\0"
                             "\0\0\0\1\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10\0\0\x0e\x10";

/* Makes the reply in place; 0 if there is nothing to say. */
static size_t answer(uint8_t *data, size_t size) {
    size_t end = 12;
    if (size < 17 || data[2] & 0x80) return 0;
    while (end < size && data[end]) end += data[end] + 1;
    end += 5;
    if (end > size) return 0;
    uint16_t type = data[end - 4] << 8 | data[end - 3];
    int has_opt = data[11] == 1 && size >= end + 11;
    uint8_t opt[11];
    if (has_opt) memcpy(opt, data + end, 11);
    int is_below = end >= 12 + APEX + 4 && !strncasecmp((char *)data + end - 4 - APEX, (char *)soa, APEX);
    data[2] = 0x84 | (data[2] & 1);
    data[3] = data[2] & 1 ? 0x80 : 0;
    memset(data + 6, 0, 6);
    if (type == 1 || type == 28) {
        uint16_t octets = type == 1 ? 4 : 16;
        uint16_t zone = end - 4 - APEX;
        end += put_record(data + end, 12, type, addresses, octets);
        end += put_record(data + end, 12, type, addresses + (type == 1 ? 4 : 8), octets);
        data[7] = 2;
        if (is_below && (data[13] | 0x20) == 'f') end = fill(data, end, zone);
    } else { /* the SOA of a negative answer: its owner is "." from the last octet of the name on */
        const uint8_t *from = is_below ? soa : soa + APEX - 1;
        size_t octets = soa + sizeof soa - 1 - from;
        memcpy(data + end, from, octets);
        end += octets;
        data[9] = 1;
    }
    if (has_opt) {
        memcpy(data + end, opt, 11);
        data[end + 9] = data[end + 10] = 0;
        data[11] += 1;
        end += 11;
    }
    return end;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    double delay = atof(argv[2]) / 1e3;
    int sock = socket(AF_INET, SOCK_DGRAM, 0), wide = 8 << 20;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &wide, sizeof wide);
    setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &wide, sizeof wide);
    if (bind(sock, (struct sockaddr *)&here, sizeof here)) { perror("bind"); return 1; }
    ring = calloc(RING, sizeof *ring);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd poller = {.fd = sock, .events = POLLIN};
        double wait = first == last ? -1 : (ring[first % RING].due - now()) * 1e3 + 0.5;
        poll(&poller, 1, first == last ? -1 : wait < 0 ? 0 : (int)wait);
        for (int i = 0; i < BATCH && last - first < RING; i++) {
            struct waiting *w = &ring[last % RING];
            socklen_t length = sizeof w->to;
            ssize_t got = recvfrom(sock, w->data, 512, MSG_DONTWAIT, (struct sockaddr *)&w->to, &length);
            if (got < 0) break;
            w->size = answer(w->data, got);
            w->due = delay > 0 ? now() + delay : 0;
            if (w->size) last++;
        }
        for (double t = delay > 0 ? now() : 0; first != last && ring[first % RING].due <= t; first++) {
            struct waiting *w = &ring[first % RING];
            sendto(sock, w->data, w->size, MSG_DONTWAIT, (struct sockaddr *)&w->to, sizeof w->to);
        }
    }
}
