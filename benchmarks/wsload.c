/* wsload: closed-loop load on a WebSocket server, for side-by-side measures.
 *
 * It opens N receivers and one sender, keeps at most W messages in flight, and counts the frames that
 * arrive. A message is done when `fan` frames per receiver have come in. What the sender itself receives
 * is read and not counted. Pings are answered. Linux only: it reads the server's CPU clock and /proc.
 *
 * wsload --port P [--path /ws] --n 1000 [--pid PID] [--hello JSON]... [--shello JSON]... [--quiet S]
 *        --send JSON [--count 200] [--window 4] [--fan F] [--echo] [--minlen L] [--limit S]
 *        [--post PATH [--header LINE]] | --hold S
 *   --hello   sent by every receiver after the handshake, '%d' replaced by its index; may repeat
 *   --shello  the same for the sender (default: hello with index 999999)
 *   --quiet   seconds that the responses to the greetings must be silent before it starts (0.5)
 *   --send    what is sent for each message (text frame), '%d' replaced by the message's number (with
 *             --echo: by the client's)
 *   --echo    request/response: no sender; every one of the N clients sends --count messages, W in flight each
 *   --post    the sender publishes by HTTP instead: POST to this path, on one connection, --send as the body;
 *             a message is complete when its response has come, too
 *   --header  a header line of the POST
 *   --fan     frames that one message brings: to each receiver, or with --echo back to its sender (1)
 *   --minlen  frames with less payload than this are not counted: responses, notices (0)
 *   --limit   seconds after which it gives up (50)
 *   --hold    sends nothing and has no sender: holds the N connections S seconds after the greetings
 *
 * Prints one JSON line. Always: setup_s (connecting and greeting), rss_kb_before (the server's, before the
 * first connection) and rss_kb (at the end); with --send also frames, want, seconds, frames_per_s,
 * server_cpu_s (user and system, every thread of --pid), us_cpu_per_frame, mean_len (payload bytes), and
 * p50_ms and p99_ms where W is 1: from a message's sending to the last frame that it brings.
 * Exit status: 0, or 1 where frames were missing at --limit, 2 for a wrong call or a failed connection, 3
 * where the server closed a connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, BUFFER = 1 << 16, EVENTS = 1024, SENDER = 999999 };

typedef struct {
  int fd;
  uint8_t *buf;
  size_t have;
  long frames, sent;
  double t0; /* when its last message left */
} conn;

static int port, n = 100, window = 4, echo, pid, nhello, nshello;
static long count = 200, minlen, fan = 1;
static const char *path = "/ws", *hello[16], *shello[16], *message, *target, *header = "X-Load: 1";
static double quiet = 0.5, limit = 50, hold = -1;
static long text_bytes; /* payload of the counted frames */
static long answered;   /* POSTs that were answered with 2xx */

static void die(const char *what) {
  fprintf(stderr, "wsload: %s: %s\n", what, strerror(errno));
  exit(2);
}
static void closed(const char *when) {
  fprintf(stderr, "wsload: the server closed a connection %s\n", when);
  exit(3);
}
static double seconds(clockid_t clock) {
  struct timespec t;
  return clock_gettime(clock, &t) ? 0 : t.tv_sec + t.tv_nsec / 1e9;
}
static double now(void) { return seconds(CLOCK_MONOTONIC); }

/* The CPU clock of the whole process, in nanoseconds where /proc/PID/stat has ticks of 10 ms. */
static double cpu_of(int p) {
  clockid_t clock;
  return p && !clock_getcpuclockid(p, &clock) ? seconds(clock) : 0;
}
static long rss_of(int p) {
  char name[64];
  long pages = 0;
  snprintf(name, sizeof name, "/proc/%d/statm", p);
  FILE *file = p ? fopen(name, "r") : NULL;
  if (!file) return 0;
  if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int dial(void) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (void *)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}
static void put(int fd, const void *bytes, size_t k) {
  for (const char *p = bytes; k;) {
    ssize_t w = write(fd, p, k);
    if (w >= 0) { p += w; k -= w; }
    else if (errno == EAGAIN) usleep(50);
    else if (errno == EPIPE || errno == ECONNRESET) closed("while it was written to");
    else die("write");
  }
}
static void frame(int fd, int opcode, const void *payload, size_t k) {
  static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
  static uint8_t b[BUFFER + 8];
  size_t h = 0;
  if (k > BUFFER - 8) { fprintf(stderr, "wsload: a message of %zu bytes is too long\n", k); exit(2); }
  b[h++] = 0x80 | opcode;
  if (k < 126) b[h++] = 0x80 | k;
  else { b[h++] = 0x80 | 126; b[h++] = k >> 8; b[h++] = k; }
  memcpy(b + h, mask, 4);
  h += 4;
  for (size_t i = 0; i < k; i++) b[h + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
  put(fd, b, h + k);
}
static void say(int fd, const char *format, long i) {
  static char text[BUFFER];
  const char *p = strstr(format, "%d");
  int k = p ? snprintf(text, sizeof text, "%.*s%ld%s", (int)(p - format), format, i, p + 2)
            : snprintf(text, sizeof text, "%s", format);
  frame(fd, TEXT, text, k);
}
static void handshake(int fd) {
  char b[4096];
  int k = snprintf(b, sizeof b,
                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path, port);
  put(fd, b, k);
  size_t have = 0; /* a byte at a time, so that no frame behind the head is taken */
  while (have < 4 || memcmp(b + have - 4, "\r\n\r\n", 4)) {
    if (have > sizeof b - 2 || read(fd, b + have, 1) <= 0) die("handshake");
    have++;
  }
  if (strncmp(b, "HTTP/1.1 101", 12)) { fprintf(stderr, "wsload: refused: %.60s\n", b); exit(2); }
}
static void post(int fd, const char *body) {
  static char request[BUFFER];
  int k = snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\nContent-Length: %zu\r\n\r\n%s",
                   target, port, header, strlen(body), body);
  put(fd, request, k);
}
/* The sender's, where it posts: one answer at most is on its way for each message in flight. */
static void eat_answers(conn *c) {
  ssize_t r = read(c->fd, c->buf + c->have, BUFFER - 1 - c->have);
  if (r == 0 || (r < 0 && errno == ECONNRESET)) closed("without a word");
  if (r < 0) return;
  c->have += r;
  c->buf[c->have] = 0;
  char *at = (char *)c->buf, *end;
  while ((end = strstr(at, "\r\n\r\n"))) {
    char *length = strcasestr(at, "\r\nContent-Length:");
    size_t body = length && length < end ? atol(length + 17) : 0;
    if (end + 4 + body > (char *)c->buf + c->have) break;
    if (strncmp(at, "HTTP/1.1 2", 10)) { fprintf(stderr, "wsload: refused: %.120s\n", at); exit(2); }
    answered++;
    at = end + 4 + body;
  }
  c->have -= at - (char *)c->buf;
  memmove(c->buf, at, c->have);
}
static void connect_to(conn *c, int ep) {
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e)) die("epoll_ctl");
}
static void join(conn *c, int ep, const char **words, int nwords, long index) {
  c->fd = dial();
  c->buf = malloc(BUFFER);
  handshake(c->fd);
  for (int j = 0; j < nwords; j++) say(c->fd, words[j], index);
  connect_to(c, ep);
}

/* Reads what is there, drops the whole frames, and returns how many of them count. */
static long eat(conn *c) {
  ssize_t r = read(c->fd, c->buf + c->have, BUFFER - c->have);
  if (r == 0 && c->have == BUFFER) { fprintf(stderr, "wsload: a frame is too long\n"); exit(2); }
  if (r == 0 || (r < 0 && errno == ECONNRESET)) closed("without a word");
  if (r < 0) return 0;
  c->have += r;
  size_t o = 0;
  long got = 0;
  while (c->have - o >= 2) {
    uint8_t *f = c->buf + o;
    size_t len = f[1] & 0x7f, h = 2;
    if (len == 126) { if (c->have - o < 4) break; len = f[2] << 8 | f[3]; h = 4; }
    else if (len == 127) { fprintf(stderr, "wsload: a frame is too long\n"); exit(2); }
    if (c->have - o < h + len) break;
    int opcode = f[0] & 0x0f;
    if (opcode == CLOSE) closed("with a close frame");
    if (opcode == PING) frame(c->fd, PONG, f + h, len);
    if ((opcode == TEXT || opcode == BINARY) && (long)len >= minlen) { got++; text_bytes += len; }
    o += h + len;
  }
  if (o) { memmove(c->buf, c->buf + o, c->have - o); c->have -= o; }
  c->frames += got;
  return got;
}

static int ascending(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return x < y ? -1 : x > y;
}

static void options(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
#define IS(name) (!strcmp(argv[i], name) && i + 1 < argc)
    if (IS("--port")) port = atoi(argv[++i]);
    else if (IS("--path")) path = argv[++i];
    else if (IS("--n")) n = atoi(argv[++i]);
    else if (IS("--count")) count = atol(argv[++i]);
    else if (IS("--window")) window = atoi(argv[++i]);
    else if (IS("--pid")) pid = atoi(argv[++i]);
    else if (IS("--hello") && nhello < 16) hello[nhello++] = argv[++i];
    else if (IS("--shello") && nshello < 16) shello[nshello++] = argv[++i];
    else if (IS("--send")) message = argv[++i];
    else if (IS("--post")) target = argv[++i];
    else if (IS("--header")) header = argv[++i];
    else if (IS("--minlen")) minlen = atol(argv[++i]);
    else if (IS("--fan")) fan = atol(argv[++i]);
    else if (IS("--quiet")) quiet = atof(argv[++i]);
    else if (IS("--limit")) limit = atof(argv[++i]);
    else if (IS("--hold")) hold = atof(argv[++i]);
    else if (!strcmp(argv[i], "--echo")) echo = 1;
    else { fprintf(stderr, "wsload: unknown argument %s\n", argv[i]); exit(2); }
  }
  if (!port || (!message && hold < 0)) { fprintf(stderr, "wsload: --port and --send or --hold are needed\n"); exit(2); }
  if (pid && kill(pid, 0)) die("--pid");
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  options(argc, argv);
  conn *c = calloc(n + 1, sizeof *c), *sender = echo || hold >= 0 ? NULL : &c[n];
  int ep = epoll_create1(0);
  struct epoll_event ev[EVENTS];
  long rss_before = rss_of(pid);

  double started = now();
  for (int i = 0; i < n; i++) join(&c[i], ep, hello, nhello, i);
  if (sender && target) {
    sender->fd = dial();
    sender->buf = malloc(BUFFER);
    connect_to(sender, ep);
  } else if (sender) join(sender, ep, nshello ? shello : hello, nshello ? nshello : nhello, SENDER);
  double last = now(), until = last + (hold > 0 ? hold : 0);
  while (now() - last < quiet || now() < until) {
    int k = epoll_wait(ep, ev, EVENTS, 50);
    for (int j = 0; j < k; j++) { eat(ev[j].data.ptr); last = now(); }
    if (now() - started > limit + (hold > 0 ? hold : 0)) { fprintf(stderr, "wsload: the greetings did not end\n"); return 1; }
  }
  double setup = last - started;
  if (hold >= 0) {
    printf("{\"n\": %d, \"setup_s\": %.2f, \"rss_kb_before\": %ld, \"rss_kb\": %ld}\n", n, setup, rss_before, rss_of(pid));
    return 0;
  }

  for (int i = 0; i < n; i++) c[i].frames = 0;
  text_bytes = 0;
  double *latency = malloc(sizeof *latency * (echo ? count * n : count)), sent_at = 0;
  long total = 0, sent = 0, done = 0, want = count * n * fan, per_message = n * fan;
  double cpu0 = cpu_of(pid), t0 = now();
  if (echo)
    for (int i = 0; i < n; i++)
      for (; c[i].sent < window && c[i].sent < count; c[i].sent++) { c[i].t0 = now(); say(c[i].fd, message, i); }
  while ((total < want || (target && answered < count)) && now() - t0 < limit) {
    for (; sender && sent < count && sent - total / per_message < window; sent++) {
      if (target && sent - answered >= window) break;
      sent_at = now();
      if (target) post(sender->fd, message);
      else say(sender->fd, message, sent);
    }
    int k = epoll_wait(ep, ev, EVENTS, 1000);
    for (int j = 0; j < k; j++) {
      conn *x = ev[j].data.ptr;
      if (target && x == sender) { eat_answers(x); continue; }
      long bytes = text_bytes, got = eat(x);
      if (x == sender) { text_bytes = bytes; continue; }
      total += got;
      if (!echo && window == 1 && got && total % per_message == 0) latency[done++] = now() - sent_at;
      for (long f = x->frames - got + 1; echo && f <= x->frames; f++) {
        if (f % fan) continue;
        if (window == 1) latency[done++] = now() - x->t0;
        if (x->sent < count) { x->sent++; x->t0 = now(); say(x->fd, message, x - c); }
      }
    }
  }
  double wall = now() - t0, cpu = cpu_of(pid) - cpu0;
  printf("{\"frames\": %ld, \"want\": %ld, \"seconds\": %.3f, \"frames_per_s\": %.0f, \"server_cpu_s\": %.4f, "
         "\"us_cpu_per_frame\": %.3f, \"mean_len\": %.0f, \"setup_s\": %.2f, \"rss_kb_before\": %ld, \"rss_kb\": %ld",
         total, want, wall, total / wall, cpu, total ? cpu / total * 1e6 : 0, total ? text_bytes / (double)total : 0,
         setup, rss_before, rss_of(pid));
  qsort(latency, done, sizeof *latency, ascending);
  if (done) printf(", \"p50_ms\": %.3f, \"p99_ms\": %.3f", latency[done / 2] * 1e3, latency[done * 99 / 100] * 1e3);
  printf("}\n");
  return total < want;
}
