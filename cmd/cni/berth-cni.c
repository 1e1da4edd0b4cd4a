/*
 * The CNI plugin: hands the call to the resident agent and prints its answer. A static program of a few functions, because
 * the runtime starts it for every pod, and a Node.js start would cost each pod tens of milliseconds.
 *
 * On the agent's socket: one line of JSON {"plugin","env","stdin"}, answered by one line {"exitCode","stdout"}.
 * Without an agent, DEL succeeds after leaving the call in the spool folder, since pods must be able to go; every other
 * command fails with code 11, "try again".
 *
 * Socket and spool are fixed when the program is installed: it reads them from the file berth-cni.conf beside itself,
 * two lines. Called as "loopback" it is the loopback plugin, answered by the same agent.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_BYTES (1024 * 1024)
#define TIMEOUT_SECONDS 30

static const char *const variables[] = {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"};

struct text {
  char *bytes;
  size_t length, room;
};

static void append(struct text *text, const char *bytes, size_t length) {
  if (text->length + length + 1 > text->room) {
    text->room = (text->length + length + 1) * 2;
    text->bytes = realloc(text->bytes, text->room);
    if (!text->bytes) exit(1);
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
}

static void append_text(struct text *text, const char *bytes) { append(text, bytes, strlen(bytes)); }

/* Appends a JSON string. */
static void append_json(struct text *text, const char *bytes, size_t length) {
  append_text(text, "\"");
  for (size_t at = 0; at < length; at++) {
    unsigned char letter = (unsigned char)bytes[at];
    char escaped[8];
    if (letter == '"' || letter == '\\') {
      escaped[0] = '\\';
      escaped[1] = (char)letter;
      append(text, escaped, 2);
    } else if (letter < 0x20) {
      append(text, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", letter));
    } else {
      append(text, (const char *)&bytes[at], 1);
    }
  }
  append_text(text, "\"");
}

static int fail(int code, const char *message) {
  struct text out = {0};
  append_text(&out, "{\"cniVersion\":\"1.0.0\",\"code\":");
  char number[16];
  append(&out, number, (size_t)snprintf(number, sizeof number, "%d", code));
  append_text(&out, ",\"msg\":");
  append_json(&out, message, strlen(message));
  append_text(&out, "}");
  puts(out.bytes);
  return 1;
}

static void read_all(int from, struct text *into) {
  char part[65536];
  ssize_t got;
  append_text(into, "");
  while (into->length < MAX_BYTES && (got = read(from, part, sizeof part)) > 0) append(into, part, (size_t)got);
}

static int write_all(int to, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t done = write(to, bytes, length);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    bytes += done;
    length -= (size_t)done;
  }
  return 0;
}

static void build_request(struct text *request, const char *plugin, const struct text *input) {
  append_text(request, "{\"plugin\":");
  append_json(request, plugin, strlen(plugin));
  append_text(request, ",\"env\":{");
  int first = 1;
  for (size_t at = 0; at < sizeof variables / sizeof *variables; at++) {
    const char *value = getenv(variables[at]);
    if (!value) continue;
    if (!first) append_text(request, ",");
    first = 0;
    append_json(request, variables[at], strlen(variables[at]));
    append_text(request, ":");
    append_json(request, value, strlen(value));
  }
  append_text(request, "},\"stdin\":");
  append_json(request, input->bytes, input->length);
  append_text(request, "}\n");
}

static int connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -1;
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
  close(connection);
  return -1;
}

/* Leaves the call for the agent's next start. The name is the attachment's, so that doing it twice leaves one file. */
static int spool(const char *folder, const struct text *request) {
  char path[PATH_MAX], temporary[PATH_MAX];
  const char *container = getenv("CNI_CONTAINERID"), *link = getenv("CNI_IFNAME");
  if (!container || !link || strchr(container, '/') || strchr(link, '/')) return -1;
  if (snprintf(path, sizeof path, "%s/%s-%s.json", folder, container, link) >= (int)sizeof path) return -1;
  if (snprintf(temporary, sizeof temporary, "%s/.%s-%s.tmp", folder, container, link) >= (int)sizeof temporary) return -1;
  FILE *file = fopen(temporary, "w");
  if (!file) return -1;
  int failed = fwrite(request->bytes, 1, request->length, file) != request->length;
  failed |= fclose(file) != 0;
  return failed ? -1 : rename(temporary, path);
}

/* The answer is {"exitCode":N,"stdout":"…"}, written by the agent in this order. */
static int print_answer(const struct text *answer) {
  static const char code_key[] = "{\"exitCode\":", out_key[] = ",\"stdout\":\"";
  char *rest;
  if (strncmp(answer->bytes, code_key, sizeof code_key - 1) != 0) return -1;
  long code = strtol(answer->bytes + sizeof code_key - 1, &rest, 10);
  if (strncmp(rest, out_key, sizeof out_key - 1) != 0) return -1;
  struct text out = {0};
  append_text(&out, "");
  for (const char *at = rest + sizeof out_key - 1; *at && *at != '"'; at++) {
    if (*at != '\\') {
      append(&out, at, 1);
      continue;
    }
    at++;
    /* What JSON.stringify writes: these, and \u00XX for control characters. */
    const char *plain = strchr("n\nt\tr\rb\bf\f", *at);
    if (*at == 'u') {
      char digits[5] = {0};
      memcpy(digits, at + 1, 4);
      char letter = (char)strtol(digits, NULL, 16);
      append(&out, &letter, 1);
      at += 4;
    } else if (plain) {
      append(&out, plain + 1, 1);
    } else {
      append(&out, at, 1);
    }
  }
  if (write_all(STDOUT_FILENO, out.bytes, out.length) != 0) return -1;
  return (int)code;
}

static int read_settings(const char *self, char *socket_path, char *spool_folder, size_t room) {
  char own[PATH_MAX], path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
  if (length < 0) return -1;
  own[length] = '\0';
  (void)self;
  if (snprintf(path, sizeof path, "%s/berth-cni.conf", dirname(own)) >= (int)sizeof path) return -1;
  FILE *file = fopen(path, "r");
  if (!file) return -1;
  int complete = fgets(socket_path, (int)room, file) != NULL && fgets(spool_folder, (int)room, file) != NULL;
  fclose(file);
  socket_path[strcspn(socket_path, "\n")] = '\0';
  spool_folder[strcspn(spool_folder, "\n")] = '\0';
  return complete ? 0 : -1;
}

int main(int argc, char **argv) {
  char socket_path[PATH_MAX], spool_folder[PATH_MAX], plugin[PATH_MAX];
  snprintf(plugin, sizeof plugin, "%s", argc > 0 ? argv[0] : "berth-cni");
  const char *name = strrchr(plugin, '/') ? strrchr(plugin, '/') + 1 : plugin;
  if (read_settings(plugin, socket_path, spool_folder, PATH_MAX) != 0) return fail(7, "berth-cni.conf beside the plugin is missing or lacks its two lines; install the agent again");
  struct text input = {0}, request = {0}, answer = {0};
  read_all(STDIN_FILENO, &input);
  build_request(&request, name, &input);
  int connection = connect_agent(socket_path);
  if (connection >= 0 && write_all(connection, request.bytes, request.length) == 0) {
    shutdown(connection, SHUT_WR);
    read_all(connection, &answer);
    int code = print_answer(&answer);
    if (code >= 0) return code;
  }
  const char *command = getenv("CNI_COMMAND");
  if (command && strcmp(command, "DEL") == 0) {
    if (strcmp(name, "loopback") == 0 || spool(spool_folder, &request) == 0) return 0;
    return fail(5, "the agent does not run, and the call could not be left in its spool folder");
  }
  return fail(11, "berth-nodeagent does not answer on its socket; it may be starting");
}
