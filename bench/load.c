/* A load client that believes nothing: every answer is checked before it counts.
 *
 *   load PORT MODE DIALECT CONNECTIONS SECONDS KEY [DELTAS [MS] | RATE]
 *
 * MODE is whole, rated, burst, paced or hold; DIALECT is chat (the gateway), messages (what stands
 * behind it) or probe, which asks the gateway whether it runs, and nobody else. Each connection sends its next request when its answer has come, until the time is
 * over; rated sends RATE requests a second instead, on any connection that is free. Prints one JSON
 * object: answers, events (text deltas), seconds, p50_us and p99_us (whole and rated: of answers,
 * paced: of each delta's way through the gateway). Exits with 1 at the first wrong answer.
 *
 * hold opens paced streams and prints such an object when all of them have brought something, again
 * for each line it reads, and ends with its standard input.
 *
 * Gateways that are asked otherwise: LOAD_PATH, LOAD_MODEL and LOAD_HEADERS (whole lines).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096
#define IN_SIZE (1 << 20)
#define MAX_SAMPLES 2000000

enum Mode { WHOLE, RATED, BURST, PACED, HOLD };

/* How far apart held streams are begun: the gateway shall not be overrun. */
#define APART_US 2000

typedef struct {
  int fd;
  char *in;
  size_t in_len;      /* what was received */
  char *text;
  size_t text_len;    /* the body, without its chunks' frames */
  size_t framed;      /* how much of what was received is in there; 0: not even the head */
  long length;        /* of the body; -1: it comes in chunks */
  long in_chunk;      /* bytes of the current chunk still to come; -1: a size line is next */
  int last;           /* the current chunk is the empty one */
  int ended;          /* all of the body came */
  size_t seen;
  uint64_t sent_us;
  int deltas;
  int busy;
} Line;

static enum Mode mode;
static int chat, probe, deltas_wanted = 0, every_ms = 0, rate = 0, port, poller, busy;
static char request[8192];
static size_t request_len;
static Line lines[MAX_CONNECTIONS];
static uint32_t *samples;
static size_t sample_count;
static uint64_t answers, events, begun_us, end_us;
static int open_streams; /* those that have brought something */

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *why, Line *line) {
  fprintf(stderr, "load: %s\n", why);
  if (line) fprintf(stderr, "%.1500s\n", line->in);
  exit(1);
}

static void sample(uint64_t us) {
  if (sample_count < MAX_SAMPLES) samples[sample_count++] = (uint32_t)us;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value ? value : otherwise;
}

static void make_request(const char *key) {
  const char *model = setting("LOAD_MODEL", "claude-sonnet-4-6");
  const char *stream = mode <= RATED ? "false" : "true";
  char text[128] = "Hello there.", body[2048];
  if (mode == BURST) sprintf(text, "burst %d", deltas_wanted);
  if (mode == PACED) sprintf(text, "paced %d %d", deltas_wanted, every_ms);
  if (mode == HOLD) sprintf(text, "spread %d %d", deltas_wanted, every_ms);
  const char *filler =
      "You are a helpful assistant who answers briefly and precisely, who never makes things up, and "
      "who says so when a question cannot be answered from what is known. Answer in the language of "
      "the question. Prefer short sentences. Use lists only where order matters.";
  if (chat)
    sprintf(body,
            "{\"model\":\"%s\",\"max_tokens\":1024,\"stream\":%s,\"stop\":[\"END\"],"
            "\"user\":\"u-1234\",\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},{\"role\":"
            "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}]}",
            model, stream, filler, text);
  else
    sprintf(body,
            "{\"model\":\"%s\",\"max_tokens\":1024,\"stream\":%s,\"stop_sequences\":"
            "[\"END\"],\"metadata\":{\"user_id\":\"u-1234\"},\"system\":[{\"type\":\"text\",\"text\":"
            "\"%s\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]"
            "}]}",
            model, stream, filler, text);
  if (probe) {
    request_len = (size_t)sprintf(request, "GET /livez HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n\r\n", port);
    return;
  }
  request_len = (size_t)snprintf(
      request, sizeof request,
      "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer %s\r\n"
      "content-type: application/json\r\nanthropic-version: 2026-10-21\r\naccept: */*\r\n"
      "user-agent: load\r\n%scontent-length: %zu\r\n\r\n%s",
      setting("LOAD_PATH", chat ? "/v1/chat/completions" : "/v1/messages"), port, key,
      setting("LOAD_HEADERS", ""), strlen(body), body);
  if (request_len >= sizeof request) fail("the request is too long", NULL);
}

static void start(Line *line) {
  line->in_len = line->text_len = line->framed = line->seen = 0;
  line->in_chunk = -1;
  line->deltas = line->last = line->ended = 0;
  line->text[0] = 0;
  busy += !line->busy;
  line->busy = 1;
  line->sent_us = now_us();
  if (send(line->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
    fail("a request could not be sent", NULL);
}

/* Take the frames of chunks off what was received; a proxy puts them anywhere. */
static void unframe(Line *line) {
  while (line->framed < line->in_len && !line->ended) {
    char *at = line->in + line->framed;
    size_t left = line->in_len - line->framed;
    if (line->in_chunk < 0) {
      char *end = memmem(at, left, "\r\n", 2);
      if (!end) return;
      line->in_chunk = strtol(at, NULL, 16);
      line->last = line->in_chunk == 0;
      line->framed += (size_t)(end + 2 - at);
    } else if (line->in_chunk == 0) {
      if (left < 2) return;
      line->framed += 2; /* the line end after a chunk */
      line->ended = line->last;
      line->in_chunk = -1;
    } else {
      size_t take = left < (size_t)line->in_chunk ? left : (size_t)line->in_chunk;
      memcpy(line->text + line->text_len, at, take);
      line->text_len += take;
      line->text[line->text_len] = 0;
      line->framed += take;
      line->in_chunk -= (long)take;
    }
  }
}

/* Read the head, when it is there. */
static void open_body(Line *line) {
  char *end = strstr(line->in, "\r\n\r\n");
  if (!end) return;
  if (strncmp(line->in, "HTTP/1.1 200", 12)) fail("an answer is not 200", line);
  char *field = strcasestr(line->in, "\r\ncontent-length:");
  line->length = field && field < end ? atol(field + 17) : -1;
  line->framed = (size_t)(end + 4 - line->in);
}

/* Take what has come of the body out of what was received. */
static void unwrap(Line *line) {
  if (!line->framed) open_body(line);
  if (!line->framed) return;
  if (line->length < 0) {
    unframe(line);
    return;
  }
  size_t come = line->in_len - line->framed;
  memcpy(line->text + line->text_len, line->in + line->framed, come);
  line->text_len += come;
  line->text[line->text_len] = 0;
  line->framed += come;
  line->ended = line->text_len >= (size_t)line->length;
}

/* Return what follows a key and its colon, spaces or not. */
static char *value_of(char *text, const char *key) {
  char *found = strstr(text, key);
  if (!found) return NULL;
  found += strlen(key);
  while (*found == ' ' || *found == ':') found++;
  return found;
}

static int says(char *text, const char *key, const char *value) {
  while ((text = value_of(text, key)))
    if (!strncmp(text, value, strlen(value))) return 1;
  return 0;
}

/* Note the text deltas that are new. */
static void count_deltas(Line *line) {
  const char *key = chat ? "\"content\"" : "\"text\"";
  char *at = line->text + line->seen, *value;
  while ((value = value_of(at, key))) {
    if (!value[0] || !value[1]) break; /* cut off here: it will be read again with the rest */
    if (value[0] == '"' && value[1] == 't') {
      char *end;
      unsigned long long stamp = strtoull(value + 2, &end, 10);
      if (!*end) break;
      if (*end != ' ') fail("a delta is not what was sent", line);
      if (mode == PACED) sample(now_us() - stamp);
      open_streams += !line->deltas++;
      events++;
    }
    at = value;
  }
  line->seen = (size_t)(at - line->text);
}

/* Say whether the answer in the buffer is whole; check it if so. */
static int whole(Line *line) {
  unwrap(line);
  if (mode >= BURST) count_deltas(line);
  if (!line->ended) return 0;
  if (mode <= RATED) {
    if (probe) return 1;
    if (!strstr(line->text, "fox jumps over the lazy dog.\"")) fail("the text is not there", line);
    if (!(chat ? says(line->text, "\"finish_reason\"", "\"stop\"")
               : says(line->text, "\"stop_reason\"", "\"end_turn\"")))
      fail("the ending is not there", line);
    return 1;
  }
  if (!strstr(line->text, chat ? "data: [DONE]" : "\"message_stop\"")) fail("the end is not there", line);
  if (line->deltas != deltas_wanted) fail("deltas are missing", line);
  return 1;
}

static void report(void) {
  qsort(samples, sample_count, sizeof *samples, by_value);
  printf("{\"answers\": %llu, \"events\": %llu, \"seconds\": %.4f, \"p50_us\": %u, \"p99_us\": %u}\n",
         (unsigned long long)answers, (unsigned long long)events, (now_us() - begun_us) / 1e6,
         sample_count ? samples[sample_count / 2] : 0,
         sample_count ? samples[sample_count * 99 / 100] : 0);
  fflush(stdout);
}

static void readable(Line *line) {
  if (line->in_len >= IN_SIZE - 1) fail("an answer is too large", NULL);
  ssize_t n = recv(line->fd, line->in + line->in_len, IN_SIZE - 1 - line->in_len, 0);
  if (n <= 0) fail("a connection was closed", line);
  line->in_len += (size_t)n;
  line->in[line->in_len] = 0;
  if (!whole(line)) return;
  if (mode <= RATED) sample(now_us() - line->sent_us);
  answers++;
  line->busy = 0;
  busy--;
  if (mode != RATED && now_us() < end_us) start(line);
}

static enum Mode mode_named(const char *name) {
  const char *names[] = {"whole", "rated", "burst", "paced", "hold"};
  for (int i = WHOLE; i <= HOLD; i++)
    if (!strcmp(name, names[i])) return (enum Mode)i;
  fail("there is no such mode", NULL);
  return WHOLE;
}

/* Send what is due on connections that are free; return the time of the next request. */
static uint64_t start_due(uint64_t due, int count) {
  for (int i = 0; i < count && due <= now_us() && due < end_us; i++) {
    if (lines[i].busy) continue;
    start(&lines[i]);
    /* What waited for a connection counts from when it was due. */
    if (lines[i].sent_us > due + 2000) lines[i].sent_us = due;
    due += 1000000 / (unsigned)rate;
  }
  return due;
}

/* Return how long there is nothing to be sent. */
static uint64_t idle_us(uint64_t due) {
  uint64_t now = now_us();
  if (mode != RATED || due >= end_us) return 10000000;
  return due > now ? due - now : 1000;
}

static void commanded(void) {
  char line[64];
  if (read(STDIN_FILENO, line, sizeof line) <= 0) exit(0);
  report();
}

/* Serve what comes, once; wait for it at most so long. Says how much there was. */
static int pump(uint64_t wait_us) {
  struct epoll_event ready[256];
  struct timespec wait = {(time_t)(wait_us / 1000000), (long)(wait_us % 1000000) * 1000};
  int n = epoll_pwait2(poller, ready, 256, &wait, NULL);
  for (int i = 0; i < n; i++)
    if (ready[i].data.ptr)
      readable(ready[i].data.ptr);
    else
      commanded();
  return n;
}

static void pump_patiently(void) {
  if (!pump(10000000)) fail("nothing came for ten seconds", NULL);
}

/* Ask so many times a second, until the time is over and all answers have come. */
static void pump_rated(int count) {
  uint64_t due = begun_us, last = begun_us;
  while (due < end_us || busy) {
    due = start_due(due, count);
    if (pump(idle_us(due))) last = now_us();
    if (busy && now_us() > last + 10000000) fail("nothing came for ten seconds", NULL);
  }
}

static void watch(int fd, Line *line) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("nothing can be watched", NULL);
}

static void connect_line(Line *line) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)port);
  line->in = malloc(IN_SIZE);
  line->text = malloc(IN_SIZE);
  line->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(line->fd, (struct sockaddr *)&address, sizeof address)) fail("no connection", NULL);
  watch(line->fd, line);
}

/* Open all connections; paced streams so that their deltas are spread over the interval. */
static void open_all(int count) {
  uint64_t apart = mode == HOLD ? APART_US : 0, due = now_us();
  if (mode == PACED) apart = (uint64_t)every_ms * 1000 / (uint64_t)count;
  for (int i = 0; i < count; i++) {
    connect_line(&lines[i]);
    if (mode == RATED) continue;
    start(&lines[i]);
    due += apart;
    for (uint64_t now; (now = now_us()) < due;) pump(due - now);
  }
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  port = atoi(argv[1]);
  mode = mode_named(argv[2]);
  chat = !strcmp(argv[3], "chat");
  probe = !strcmp(argv[3], "probe");
  int count = atoi(argv[4]);
  if (argc > 7) *(mode == RATED ? &rate : &deltas_wanted) = atoi(argv[7]);
  if (argc > 8) every_ms = atoi(argv[8]);
  if ((mode == RATED && rate < 1) || count < 1 || count > MAX_CONNECTIONS) return 2;
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  make_request(argv[6]);
  poller = epoll_create1(0);
  begun_us = now_us();
  end_us = begun_us + (uint64_t)(atof(argv[5]) * 1e6);
  open_all(count);
  if (mode == HOLD) {
    while (open_streams < count) pump_patiently();
    report();
    watch(STDIN_FILENO, NULL);
  }
  if (mode == RATED) pump_rated(count);
  while (busy) pump_patiently();
  report();
  return 0;
}
