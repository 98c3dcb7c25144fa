/* A Messages API that costs next to nothing: epoll, one thread, canned answers.
 *
 *   mock PORT
 *
 * The mode is read from the request's text, wherever it stands in the body:
 *   "burst N"     a stream of N text deltas, all at once, each event its own HTTP chunk
 *   "paced N MS"  a stream of N text deltas, one every MS milliseconds
 *   "spread N MS" the same; all such streams have theirs evenly spread over the interval
 *   otherwise     one JSON answer
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
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

#define MAX_FD 16384
#define IN_SIZE 65536

typedef struct {
  char in[IN_SIZE];
  size_t in_len;
  char *out;
  size_t out_len, out_at, out_size;
  int left;          /* deltas of a paced stream still to be sent */
  uint64_t every_us; /* and how far apart they are */
} Peer;

static Peer *peers[MAX_FD];
static uint64_t due_us[MAX_FD]; /* when a paced stream has its next delta; 0: none is to come */
static int poller, top;         /* one above the largest descriptor so far */

static const char *HEADERS =
    "request-id: req_011CQ8bench\r\nanthropic-organization-id: 5f3c\r\n"
    "anthropic-ratelimit-requests-limit: 4000\r\nanthropic-ratelimit-requests-remaining: 3999\r\n"
    "anthropic-ratelimit-requests-reset: 2026-11-23T08:00:00Z\r\n"
    "anthropic-ratelimit-tokens-limit: 400000\r\nanthropic-ratelimit-tokens-remaining: 399000\r\n"
    "anthropic-ratelimit-tokens-reset: 2026-11-23T08:00:00Z\r\n"
    "cf-cache-status: DYNAMIC\r\nvia: 1.1 google\r\nserver: cloudflare\r\n";

static const char *MESSAGE =
    "{\"id\":\"msg_01bench\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
    "\"claude-sonnet-4-6\",\"content\":[{\"type\":\"text\",\"text\":\"The quick brown fox jumps over "
    "the lazy dog. The quick brown fox jumps over the lazy dog. The quick brown fox jumps over the "
    "lazy dog. The quick brown fox jumps over the lazy dog.\"}],\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":0,"
    "\"cache_read_input_tokens\":0,\"output_tokens\":40,\"service_tier\":\"standard\"}}";

static const char *OPENING[] = {
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01bench\","
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-6\",\"content\":[],"
    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}"
    "\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n"};

static const char *CLOSING[] = {
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":200}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"};

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put(Peer *peer, const char *data, size_t length) {
  if (peer->out_len + length > peer->out_size) {
    peer->out_size = (peer->out_len + length) * 2;
    peer->out = realloc(peer->out, peer->out_size);
  }
  memcpy(peer->out + peer->out_len, data, length);
  peer->out_len += length;
}

static void put_chunk(Peer *peer, const char *data) {
  char head[32];
  size_t length = strlen(data);
  put(peer, head, (size_t)sprintf(head, "%zx\r\n", length));
  put(peer, data, length);
  put(peer, "\r\n", 2);
}

static void put_delta(Peer *peer) {
  char event[256];
  sprintf(event,
          "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
          "{\"type\":\"text_delta\",\"text\":\"t%llu \"}}\n\n",
          (unsigned long long)now_us());
  put_chunk(peer, event);
}

static void put_end(Peer *peer) {
  for (int i = 0; i < 3; i++) put_chunk(peer, CLOSING[i]);
  put(peer, "0\r\n\r\n", 5);
}

/* Return where in the interval the next stream has its deltas: the golden ratio spreads any number
 * of streams evenly, in whatever order they begin. */
static uint64_t phase_us(uint64_t every_us) {
  static uint64_t count;
  double place = (double)++count * 0.6180339887498949;
  return (uint64_t)((place - (double)(uint64_t)place) * (double)every_us);
}

static void answer(int fd, const char *body) {
  char head[2048];
  Peer *peer = peers[fd];
  const char *burst = strstr(body, "burst "), *spread = strstr(body, "spread ");
  const char *paced = spread ? spread : strstr(body, "paced ");
  if (!burst && !paced) {
    int length = sprintf(head,
                         "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n"
                         "%s\r\n",
                         strlen(MESSAGE), HEADERS);
    put(peer, head, (size_t)length);
    put(peer, MESSAGE, strlen(MESSAGE));
    return;
  }
  int length = sprintf(head,
                       "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                       "transfer-encoding: chunked\r\ncache-control: no-cache\r\n%s\r\n",
                       HEADERS);
  put(peer, head, (size_t)length);
  for (int i = 0; i < 3; i++) put_chunk(peer, OPENING[i]);
  int count = 0, every = 0;
  if (burst) {
    sscanf(burst, "burst %d", &count);
    while (count-- > 0) put_delta(peer);
    put_end(peer);
    return;
  }
  sscanf(strchr(paced, ' '), "%d %d", &count, &every);
  peer->left = count;
  peer->every_us = (uint64_t)every * 1000;
  due_us[fd] = now_us() + peer->every_us;
  if (spread) due_us[fd] += phase_us(peer->every_us) - due_us[fd] % peer->every_us;
}

static void drop(int fd) {
  close(fd);
  due_us[fd] = 0;
  free(peers[fd]->out);
  free(peers[fd]);
  peers[fd] = NULL;
}

static int flush_out(int fd) {
  Peer *peer = peers[fd];
  while (peer->out_at < peer->out_len) {
    ssize_t n = send(fd, peer->out + peer->out_at, peer->out_len - peer->out_at, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    peer->out_at += (size_t)n;
  }
  peer->out_at = peer->out_len = 0;
  return 0;
}

/* Take whole requests out of the buffer and answer them. */
static int take(int fd) {
  Peer *peer = peers[fd];
  for (;;) {
    peer->in[peer->in_len] = 0;
    char *end = strstr(peer->in, "\r\n\r\n");
    if (!end) return 0;
    char *field = strcasestr(peer->in, "content-length:");
    size_t body = field && field < end ? (size_t)atol(field + 15) : 0;
    size_t whole = (size_t)(end + 4 - peer->in) + body;
    if (whole > IN_SIZE - 1) return -1;
    if (peer->in_len < whole) return 0;
    char kept = peer->in[whole];
    peer->in[whole] = 0;
    answer(fd, end + 4);
    peer->in[whole] = kept;
    memmove(peer->in, peer->in + whole, peer->in_len - whole);
    peer->in_len -= whole;
  }
}

static void readable(int fd) {
  Peer *peer = peers[fd];
  ssize_t n = recv(fd, peer->in + peer->in_len, IN_SIZE - 1 - peer->in_len, 0);
  if (n <= 0) {
    if (n == 0 || errno != EAGAIN) drop(fd);
    return;
  }
  peer->in_len += (size_t)n;
  if (take(fd) < 0 || flush_out(fd) < 0) drop(fd);
}

static void accept_all(int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAX_FD) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peers[fd] = calloc(1, sizeof(Peer));
    if (fd >= top) top = fd + 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

/* Send what is due; return the milliseconds until something is again. */
static int pace(void) {
  uint64_t now = now_us(), next = now + 100000;
  for (int fd = 0; fd < top; fd++) {
    if (!due_us[fd]) continue;
    if (due_us[fd] <= now) {
      Peer *peer = peers[fd];
      put_delta(peer);
      due_us[fd] += peer->every_us;
      if (--peer->left == 0) {
        put_end(peer);
        due_us[fd] = 0;
      }
      if (flush_out(fd) < 0) drop(fd);
    }
    if (due_us[fd] && due_us[fd] < next) next = due_us[fd];
  }
  return next > now ? (int)((next - now + 999) / 1000) : 0;
}

int main(int argc, char **argv) {
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (argc != 2) return 2;
  address.sin_port = htons((uint16_t)atoi(argv[1]));
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
    perror("mock");
    return 1;
  }
  poller = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(poller, ready, 256, pace());
    for (int i = 0; i < count; i++) {
      if (ready[i].data.fd == listener)
        accept_all(listener);
      else if (peers[ready[i].data.fd])
        readable(ready[i].data.fd);
    }
  }
}
