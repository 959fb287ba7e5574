/* authsim: every authoritative server of a world, in one process.
 *
 * Listens on port 53 of the wildcard addresses; the *destination* address of a query decides which server set
 * answers (routes of type "local" make every address of a prefix ours). Answers as an ordinary authority does:
 * answers, referrals with what glue the zone holds, NXDOMAIN and NODATA with SOA, REFUSED off its zones; with DO also
 * RRSIG, and DS or NSEC in referrals and NSEC in denials, all made beforehand (nothing is signed here). UDP and TCP, EDNS.
 *
 * usage: authsim -w WORLD [-t] [-p PRIORITY]        -t: every UDP answer is truncated to nothing (TC)
 *
 * WORLD lines, names and rdata in hexadecimal wire form, names lower case, rdata names uncompressed:
 *   Z ZONE SET           a zone and the server set that serves it
 *   R OWNER TYPE TTL RDATA   a record of the last Z; what lies below a cut is glue
 *   A ADDRESS SET        an address of a server set
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HASH = 1 << 17, MAX_ZONES = 8192, MAX_CONNECTIONS = 512, BUFFER = 65536 + 2, OFFSETS = 512 };
enum { A = 1, NS = 2, SOA = 6, AAAA = 28, OPT = 41, DS = 43, RRSIG = 46, NSEC = 47, ANY = 255 };
enum { NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, OUR_UDP = 1232 };

struct rdata { struct rdata *next; uint16_t length; uint8_t data[]; };
struct rrset { struct rrset *next; uint16_t type; uint32_t ttl; struct rdata *records, *signatures; };
struct node { struct node *next; int zone; uint8_t name[256]; struct rrset *sets; };
struct zone { int set; uint8_t name[256]; struct node **sorted; int nodes; };
struct address { struct address *next; uint8_t key[17]; int set; };

static struct node *nodes[HASH];
static struct address *addresses[HASH];
static struct zone zones[MAX_ZONES];
static int zone_count, truncate_all;
static int by_name[HASH];

struct reply { uint8_t *out; int length, limit, overflow, offset_count; uint16_t offsets[OFFSETS]; };
struct connection { int fd, have; uint8_t *buffer; };

static void die(const char *what) { fprintf(stderr, "authsim: %s: %s\n", what, strerror(errno)); exit(1); }

/* ---- names */

static int name_length(const uint8_t *name)
{
    int n = 0;
    while (name[n]) n += name[n] + 1;
    return n + 1;
}

static uint32_t hash_bytes(const uint8_t *p, int n, uint32_t seed)
{
    uint32_t h = 2166136261u ^ seed * 2654435761u;
    for (int i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h & (HASH - 1);
}

static int label_starts(const uint8_t *name, const uint8_t *starts[128])
{
    int n = 0;
    for (; *name; name += *name + 1) starts[n++] = name;
    return n;
}

static int canonical_order(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *la[128], *lb[128];
    int na = label_starts(a, la), nb = label_starts(b, lb);
    for (int i = 1; i <= na && i <= nb; i++) {
        const uint8_t *x = la[na - i], *y = lb[nb - i];
        int c = memcmp(x + 1, y + 1, *x < *y ? *x : *y);
        if (!c) c = *x - *y;
        if (c) return c;
    }
    return na - nb;
}

static int node_order(const void *a, const void *b)
{
    return canonical_order((*(struct node *const *)a)->name, (*(struct node *const *)b)->name);
}

/* ---- the world */

static struct node *find_node(int zone, const uint8_t *name, int create)
{
    int length = name_length(name);
    struct node **head = &nodes[hash_bytes(name, length, (uint32_t)zone)];
    for (struct node *n = *head; n; n = n->next)
        if (n->zone == zone && !memcmp(n->name, name, (size_t)length)) return n;
    if (!create) return NULL;
    struct node *n = calloc(1, sizeof *n);
    n->zone = zone;
    memcpy(n->name, name, (size_t)length);
    n->next = *head;
    *head = n;
    return n;
}

static struct rrset *find_set(const struct node *n, int type)
{
    for (struct rrset *s = n ? n->sets : NULL; s; s = s->next)
        if (s->type == type) return s;
    return NULL;
}

static int find_zone(const uint8_t *name)
{
    int length = name_length(name);
    for (uint32_t h = hash_bytes(name, length, 0); by_name[h]; h = (h + 1) & (HASH - 1))
        if (!memcmp(zones[by_name[h] - 1].name, name, (size_t)length)) return by_name[h] - 1;
    return -1;
}

static int from_hex(const char *text, uint8_t *out, int room)
{
    int n = 0;
    unsigned byte;
    for (; text[0] && text[1] && n < room && sscanf(text, "%2x", &byte) == 1; text += 2) out[n++] = (uint8_t)byte;
    return n;
}

static void add_record(const uint8_t *owner, int type, uint32_t ttl, const uint8_t *data, int length)
{
    int zone = zone_count - 1, covered = type == RRSIG ? data[0] << 8 | data[1] : type;
    for (const uint8_t *n = owner; n[0] && strcmp((const char *)n, (const char *)zones[zone].name); n += *n + 1)
        find_node(zone, n, 1); /* empty non-terminals exist too */
    struct node *node = find_node(zone, owner, 1);
    struct rrset *set = find_set(node, covered);
    if (!set) {
        set = calloc(1, sizeof *set);
        set->type = (uint16_t)covered;
        set->ttl = ttl;
        set->next = node->sets;
        node->sets = set;
    }
    struct rdata *r = calloc(1, sizeof *r + (size_t)length), **end = type == RRSIG ? &set->signatures : &set->records;
    while (*end) end = &(*end)->next;
    *end = r;
    r->length = (uint16_t)length;
    memcpy(r->data, data, (size_t)length);
}

static void add_zone(const uint8_t *name, int set)
{
    if (zone_count == MAX_ZONES) { fprintf(stderr, "authsim: too many zones\n"); exit(1); }
    struct zone *z = &zones[zone_count++];
    z->set = set;
    memcpy(z->name, name, (size_t)name_length(name));
    uint32_t h = hash_bytes(name, name_length(name), 0);
    while (by_name[h]) h = (h + 1) & (HASH - 1);
    by_name[h] = zone_count;
}

static void address_key(uint8_t key[17], int family, const void *address)
{
    memset(key, 0, 17);
    key[0] = family == AF_INET ? 4 : 6;
    memcpy(key + 1, address, family == AF_INET ? 4 : 16);
}

static void add_address(const char *text, int set)
{
    struct address *a = calloc(1, sizeof *a);
    uint8_t raw[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, raw) != 1) die(text);
    address_key(a->key, family, raw);
    a->set = set;
    struct address **head = &addresses[hash_bytes(a->key, 17, 0)];
    a->next = *head;
    *head = a;
}

static void sort_zones(void)
{
    for (int i = 0; i < HASH; i++)
        for (struct node *n = nodes[i]; n; n = n->next) if (find_set(n, NSEC)) zones[n->zone].nodes++;
    for (int z = 0; z < zone_count; z++) {
        zones[z].sorted = calloc((size_t)zones[z].nodes + 1, sizeof(struct node *));
        zones[z].nodes = 0;
    }
    for (int i = 0; i < HASH; i++)
        for (struct node *n = nodes[i]; n; n = n->next)
            if (find_set(n, NSEC)) zones[n->zone].sorted[zones[n->zone].nodes++] = n;
    for (int z = 0; z < zone_count; z++) qsort(zones[z].sorted, (size_t)zones[z].nodes, sizeof(struct node *), node_order);
}

static void read_world(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) die(path);
    static char line[16384], text[1024], data[12288];
    uint8_t name[256], rdata[6144];
    unsigned set, type, ttl;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Z %1023s %u", text, &set) == 2) {
            from_hex(text, name, 255);
            add_zone(name, (int)set);
        } else if (sscanf(line, "R %1023s %u %u %12287s", text, &type, &ttl, data) == 4) {
            from_hex(text, name, 255);
            add_record(name, (int)type, ttl, rdata, from_hex(data, rdata, sizeof rdata));
        } else if (sscanf(line, "A %1023s %u", text, &set) == 2)
            add_address(text, (int)set);
    }
    fclose(f);
    sort_zones();
}

/* ---- writing a reply: nothing is written past the limit, and a record that does not fit sets overflow */

static void put(struct reply *r, const void *data, int n)
{
    if (r->length + n > r->limit) r->overflow = 1;
    else { memcpy(r->out + r->length, data, (size_t)n); r->length += n; }
}

static void put16(struct reply *r, unsigned v) { uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v}; put(r, b, 2); }

static int same_name_at(const struct reply *r, int offset, const uint8_t *name)
{
    for (;;) {
        while (r->out[offset] >= 0xc0) offset = (r->out[offset] & 0x3f) << 8 | r->out[offset + 1];
        int n = r->out[offset];
        if (n != *name) return 0;
        if (!n) return 1;
        for (int i = 1; i <= n; i++) {
            uint8_t c = r->out[offset + i];
            if ((c >= 'A' && c <= 'Z' ? c | 32 : c) != name[i]) return 0;
        }
        offset += n + 1;
        name += n + 1;
    }
}

static void put_name(struct reply *r, const uint8_t *name, int compress)
{
    for (; *name; name += *name + 1) {
        for (int i = 0; compress && i < r->offset_count; i++)
            if (same_name_at(r, r->offsets[i], name)) { put16(r, 0xc000u | r->offsets[i]); return; }
        if (r->length < 0x3fff && r->offset_count < OFFSETS && !r->overflow) r->offsets[r->offset_count++] = (uint16_t)r->length;
        put(r, name, *name + 1);
    }
    put(r, "", 1);
}

static void put_one(struct reply *r, const uint8_t *owner, int type, uint32_t ttl, const struct rdata *d, unsigned *count)
{
    int start = r->length, names = r->offset_count;
    put_name(r, owner, 1);
    uint8_t fixed[8] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1, (uint8_t)(ttl >> 24), (uint8_t)(ttl >> 16), (uint8_t)(ttl >> 8), (uint8_t)ttl};
    put(r, fixed, 8);
    int at = r->length;
    put16(r, 0);
    if (type == NS) put_name(r, d->data, 1);
    else put(r, d->data, d->length);
    if (r->overflow) { r->length = start; r->offset_count = names; return; }
    r->out[at] = (uint8_t)((r->length - at - 2) >> 8);
    r->out[at + 1] = (uint8_t)(r->length - at - 2);
    ++*count;
}

static void put_set(struct reply *r, const struct node *n, int type, int wants_dnssec, unsigned *count)
{
    struct rrset *s = find_set(n, type);
    for (struct rdata *d = s ? s->records : NULL; d; d = d->next) put_one(r, n->name, type, s->ttl, d, count);
    if (s && wants_dnssec)
        for (struct rdata *d = s->signatures; d; d = d->next) put_one(r, n->name, RRSIG, s->ttl, d, count);
}

/* ---- the authority */

static const struct node *nsec_before(const struct zone *z, const uint8_t *name)
{
    int low = 0, high = z->nodes;
    while (low < high) {
        int middle = (low + high) / 2;
        if (canonical_order(z->sorted[middle]->name, name) <= 0) low = middle + 1;
        else high = middle;
    }
    return z->nodes ? z->sorted[low ? low - 1 : z->nodes - 1] : NULL;
}

static void put_denial(struct reply *r, int zone, const uint8_t *name, int exists, int wants_dnssec, unsigned *count)
{
    put_set(r, find_node(zone, zones[zone].name, 0), SOA, wants_dnssec, count);
    if (!wants_dnssec) return;
    const struct node *cover = nsec_before(&zones[zone], name);
    if (cover) put_set(r, cover, NSEC, 1, count);
    if (exists) return;
    uint8_t wildcard[256] = {1, '*'}; /* the closest encloser is at least the parent's nearest existing ancestor */
    const uint8_t *encloser = name + *name + 1;
    while (*encloser && !find_node(zone, encloser, 0)) encloser += *encloser + 1;
    if (name_length(encloser) > 253) return;
    memcpy(wildcard + 2, encloser, (size_t)name_length(encloser));
    const struct node *no_wildcard = nsec_before(&zones[zone], wildcard);
    if (no_wildcard && no_wildcard != cover) put_set(r, no_wildcard, NSEC, 1, count);
}

static int zone_at(int set, const uint8_t *name, int type)
{
    for (const uint8_t *n = name;; n += *n + 1) {
        int z = find_zone(n);
        int child_side_ds = type == DS && n == name && *n; /* DS belongs to the parent */
        if (z >= 0 && zones[z].set == set && !child_side_ds) return z;
        if (!*n) break;
    }
    int z = type == DS ? find_zone(name) : -1;
    return z >= 0 && zones[z].set == set ? z : -1;
}

static const struct node *cut_above(int zone, const uint8_t *name, int type)
{
    const uint8_t *labels[128];
    int below = label_starts(name, labels) - label_starts(zones[zone].name, (const uint8_t *[128]){0});
    for (int i = below - 1; i >= 0; i--) {
        const struct node *n = find_node(zone, labels[i], 0);
        if (n && find_set(n, NS)) return i == 0 && type == DS ? NULL : n;
    }
    return NULL;
}

static void refer(struct reply *r, int zone, const struct node *cut, int wants_dnssec, unsigned count[3])
{
    put_set(r, cut, NS, 0, &count[1]);
    if (wants_dnssec) put_set(r, cut, find_set(cut, DS) ? DS : NSEC, 1, &count[1]);
    if (r->overflow) return;
    struct rrset *ns = find_set(cut, NS);
    for (struct rdata *d = ns->records; d; d = d->next) {
        const struct node *glue = find_node(zone, d->data, 0);
        if (!glue) continue;
        put_set(r, glue, A, 0, &count[2]);
        put_set(r, glue, AAAA, 0, &count[2]);
    }
    r->overflow = 0; /* glue may be left out */
}

static int answer(struct reply *r, int set, const uint8_t *name, int type, int wants_dnssec, int *authoritative, unsigned count[3])
{
    int zone = zone_at(set, name, type);
    if (zone < 0) return REFUSED;
    const struct node *cut = cut_above(zone, name, type);
    if (cut) { refer(r, zone, cut, wants_dnssec, count); return NOERROR; }
    *authoritative = 1;
    const struct node *n = find_node(zone, name, 0);
    if (n && type == ANY && n->sets) put_set(r, n, n->sets->type, wants_dnssec, &count[0]);
    else if (find_set(n, type)) put_set(r, n, type, wants_dnssec, &count[0]);
    else { put_denial(r, zone, name, n != NULL, wants_dnssec, &count[1]); return n ? NOERROR : NXDOMAIN; }
    return NOERROR;
}

static int parse_question(const uint8_t *q, int length, uint8_t *name, int *type, int *end)
{
    int at = 12, n = 0;
    while (at < length && q[at] && q[at] < 64 && at + q[at] + 1 < length && n + q[at] < 254) {
        name[n++] = q[at];
        for (int i = 1; i <= q[at]; i++) name[n++] = q[at + i] >= 'A' && q[at + i] <= 'Z' ? q[at + i] | 32 : q[at + i];
        at += q[at] + 1;
    }
    if (at + 5 > length || q[at]) return 0;
    name[n] = 0;
    *type = q[at + 1] << 8 | q[at + 2];
    *end = at + 5;
    return 1;
}

/* The reply's length, or 0 for silence. *set* is the server set of the address that was asked, -1 if none. */
static int respond(const uint8_t *query, int length, int set, int tcp, uint8_t *out)
{
    uint8_t name[256];
    int type = 0, end = 0, rcode, authoritative = 0, wants_dnssec = 0, edns = 0, payload = 512;
    if (length < 17 || query[2] & 0x80 || query[4] || query[5] != 1 || !parse_question(query, length, name, &type, &end)) return 0;
    if (query[11] == 1 && end + 11 <= length && !query[end] && query[end + 2] == OPT) {
        edns = 1;
        payload = query[end + 3] << 8 | query[end + 4];
        wants_dnssec = query[end + 7] >> 7;
    }
    if (payload < 512) payload = 512;
    if (payload > OUR_UDP) payload = OUR_UDP;
    struct reply r = {.out = out, .length = end, .limit = (tcp ? 65535 : payload) - (edns ? 11 : 0), .offset_count = 0};
    unsigned count[3] = {0, 0, 0};
    memcpy(out, query, (size_t)end);
    for (int at = 12; out[at] && r.offset_count < 100; at += out[at] + 1) r.offsets[r.offset_count++] = (uint16_t)at;
    if (query[2] & 0x78) rcode = NOTIMP;
    else rcode = answer(&r, set, name, type, wants_dnssec, &authoritative, count);
    int truncated = r.overflow || (truncate_all && !tcp);
    if (truncated) { r.length = end; count[0] = count[1] = count[2] = 0; }
    r.limit += edns ? 11 : 0;
    r.overflow = 0;
    if (edns) {
        uint8_t opt[11] = {0, 0, OPT, OUR_UDP >> 8, OUR_UDP & 255, 0, 0, (uint8_t)(wants_dnssec << 7), 0, 0, 0};
        put(&r, opt, 11);
        count[2]++;
    }
    out[2] = (uint8_t)(0x80 | (query[2] & 0x79) | authoritative << 2 | truncated << 1);
    out[3] = (uint8_t)((query[3] & 0x10) | rcode);
    for (int i = 0; i < 3; i++) { out[6 + 2 * i] = (uint8_t)(count[i] >> 8); out[7 + 2 * i] = (uint8_t)count[i]; }
    return r.length;
}

static int set_of(int family, const void *address)
{
    uint8_t key[17];
    address_key(key, family, address);
    for (struct address *a = addresses[hash_bytes(key, 17, 0)]; a; a = a->next)
        if (!memcmp(a->key, key, 17)) return a->set;
    return -1;
}

/* ---- sockets */

static int listener(int family, int type)
{
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, large = 4 << 20;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(53)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
    } else
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (bind(fd, family == AF_INET ? (void *)&four : (void *)&six, family == AF_INET ? sizeof four : sizeof six)) die("bind");
    if (type == SOCK_STREAM && listen(fd, 512)) die("listen");
    return fd;
}

static void serve_udp(int fd)
{
    uint8_t query[4096], out[4096], control[128];
    for (int i = 0; i < 64; i++) {
        struct sockaddr_storage peer;
        struct iovec io = {query, sizeof query};
        struct msghdr m = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &m, 0);
        if (n < 0) return;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (!c) continue;
        int set;
        if (peer.ss_family == AF_INET) {
            struct in_pktinfo *p = (void *)CMSG_DATA(c);
            set = set_of(AF_INET, &p->ipi_addr);
            p->ipi_spec_dst = p->ipi_addr; /* the reply leaves from the address that was asked */
            p->ipi_ifindex = 0;
        } else {
            struct in6_pktinfo *p = (void *)CMSG_DATA(c);
            set = set_of(AF_INET6, &p->ipi6_addr);
            p->ipi6_ifindex = 0;
        }
        int length = respond(query, (int)n, set, 0, out);
        io = (struct iovec){out, (size_t)length};
        if (length && sendmsg(fd, &m, 0) < 0) perror("authsim: sendmsg");
    }
}

static int connection_set(int fd)
{
    struct sockaddr_storage here;
    socklen_t size = sizeof here;
    if (getsockname(fd, (void *)&here, &size)) return -1;
    return here.ss_family == AF_INET ? set_of(AF_INET, &((struct sockaddr_in *)&here)->sin_addr)
                                     : set_of(AF_INET6, &((struct sockaddr_in6 *)&here)->sin6_addr);
}

/* Answers every whole message of the stream; 0 when the connection is finished. */
static int serve_tcp(struct connection *c)
{
    static uint8_t out[BUFFER];
    ssize_t n = read(c->fd, c->buffer + c->have, (size_t)(BUFFER - c->have));
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->have += (int)n;
    int at = 0;
    while (c->have - at >= 2) {
        int length = c->buffer[at] << 8 | c->buffer[at + 1];
        if (c->have - at - 2 < length) break;
        int size = respond(c->buffer + at + 2, length, connection_set(c->fd), 1, out + 2);
        out[0] = (uint8_t)(size >> 8);
        out[1] = (uint8_t)size;
        if (size && write(c->fd, out, (size_t)size + 2) != size + 2) return 0;
        at += 2 + length;
    }
    memmove(c->buffer, c->buffer + at, (size_t)(c->have - at));
    c->have -= at;
    return 1;
}

static void accept_all(int fd, struct connection *connections, struct pollfd *polled, int *used)
{
    for (;;) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (peer < 0) return;
        if (*used == MAX_CONNECTIONS) { close(connections[0].fd); connections[0].fd = peer; connections[0].have = 0; polled[4].fd = peer; continue; }
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = &connections[*used];
        c->fd = peer;
        c->have = 0;
        if (!c->buffer) c->buffer = malloc(BUFFER);
        polled[4 + (*used)++] = (struct pollfd){peer, POLLIN, 0};
    }
}

static void serve(void)
{
    static struct connection connections[MAX_CONNECTIONS];
    static struct pollfd polled[4 + MAX_CONNECTIONS];
    int used = 0;
    polled[0] = (struct pollfd){listener(AF_INET, SOCK_DGRAM), POLLIN, 0};
    polled[1] = (struct pollfd){listener(AF_INET6, SOCK_DGRAM), POLLIN, 0};
    polled[2] = (struct pollfd){listener(AF_INET, SOCK_STREAM), POLLIN, 0};
    polled[3] = (struct pollfd){listener(AF_INET6, SOCK_STREAM), POLLIN, 0};
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (poll(polled, (nfds_t)(4 + used), -1) < 0) continue;
        for (int i = 0; i < 2; i++) if (polled[i].revents) serve_udp(polled[i].fd);
        for (int i = used - 1; i >= 0; i--) {
            if (!polled[4 + i].revents || serve_tcp(&connections[i])) continue;
            close(connections[i].fd);
            struct connection ended = connections[i];
            connections[i] = connections[--used];
            connections[used] = ended; /* its buffer is used again */
            polled[4 + i] = polled[4 + used];
        }
        for (int i = 2; i < 4; i++) if (polled[i].revents) accept_all(polled[i].fd, connections, polled, &used);
    }
}

int main(int argc, char **argv)
{
    const char *world = NULL;
    int option, priority = 0;
    while ((option = getopt(argc, argv, "w:p:t")) != -1) {
        if (option == 'w') world = optarg;
        else if (option == 'p') priority = atoi(optarg);
        else if (option == 't') truncate_all = 1;
        else return 2;
    }
    if (!world) return 2;
    read_world(world);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* the bench ends us */
    struct sched_param fifo = {.sched_priority = priority};
    if (priority && sched_setscheduler(0, SCHED_FIFO, &fifo)) perror("authsim: SCHED_FIFO");
    serve();
}
