/* servicebench: what supervision.sh needs beside a shell: one supervisor for many services, timed and looked at.
 *
 *   servicebench DIRECTORY IDLE KILLS HOW COMMAND...
 *
 * In DIRECTORY are the FIFO `events` and the directory `scan` with the service directories, whose `run` is pause.c.
 * COMMAND is started, and ends all when it is told so: HOW is the signal for it, `term` or `hup`, or `commands`, where it
 * dies of TERM and each supervisor is then told to end by `dx` in `supervise/control`. Each child of COMMAND is taken for
 * the supervisor of one service. Printed is, with a tab between name and figure:
 *
 *   up           from the start of COMMAND until all services have started, in microseconds
 *   pss, dirty   memory of a supervisor, the median of all: its share, and what is private to it and written to, in kB
 *   tree         the share of COMMAND and all supervisors, divided by the number of services, in kB
 *   wakes        how often supervisors have been given a processor in IDLE seconds
 *   scanner      how often COMMAND has
 *   restart      from the kill of a service until its successor has started, the median of KILLS, in microseconds
 *   back         from the first of as many kills as there are services until all successors have started
 *   stop         from the word to end until no process is left
 *
 * Exit status: 0, 1 where something went otherwise than it should, 2 for misuse.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, PATIENCE = 60 };

struct event {
    uint64_t time;
    uint64_t pid;
};

static int events;
static pid_t scanner;
static int count;
static pid_t services[MOST];
static pid_t supervisors[MOST];

static int is_child(pid_t pid, pid_t of)
{
    char path[64], line[512];
    int parent = -1;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "r");
    if (!in)
        return 0;
    if (fgets(line, sizeof line, in)) {
        char *after = strrchr(line, ')');
        if (after)
            sscanf(after + 1, " %*c %d", &parent);
    }
    fclose(in);
    return parent == of;
}

/* The children of a process; gives how many there are. */
static int children(pid_t of, pid_t *found)
{
    int number = 0;
    struct dirent *entry;
    DIR *all = opendir("/proc");

    while (all && (entry = readdir(all))) {
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && is_child(pid, of) && number < MOST)
            found[number++] = pid;
    }
    if (all)
        closedir(all);
    return number;
}

/* What an orphan leaves behind becomes a child of this process, so in the end none is left. */
static void kill_all(void)
{
    static pid_t left[MOST];

    do {
        for (int at = children(getpid(), left); at-- > 0;)
            kill(left[at], SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        usleep(1000);
    } while (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD);
}

static void die(int code, const char *what, const char *which)
{
    fprintf(stderr, "servicebench: %s%s%s\n", what, which ? ": " : "", which ? which : "");
    kill_all();
    exit(code);
}

static void interrupted(int signal)
{
    (void)signal;
    kill_all();
    _exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wait_ms(long milliseconds)
{
    struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

static struct event next_start(void)
{
    struct event event;
    struct pollfd watched = {events, POLLIN, 0};
    int ready;

    do
        ready = poll(&watched, 1, PATIENCE * 1000);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0)
        die(1, "a service does not start", NULL);
    if (read(events, &event, sizeof event) != sizeof event)
        die(1, "half an event", NULL);
    return event;
}

static int compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static double median(double *values, int number)
{
    qsort(values, (size_t)number, sizeof *values, compare);
    return number % 2 ? values[number / 2] : (values[number / 2 - 1] + values[number / 2]) / 2;
}

/* The sum of the lines of these names. */
static double value_in(pid_t pid, const char *file, const char *name, const char *other)
{
    char path[64], line[256];
    double sum = 0;
    int is_found = 0;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *in = fopen(path, "r");
    if (!in)
        die(1, "cannot open", path);
    while (fgets(line, sizeof line, in)) {
        if (!strncmp(line, name, strlen(name)) || (other && !strncmp(line, other, strlen(other)))) {
            sum += atof(strchr(line, ':') + 1);
            is_found = 1;
        }
    }
    fclose(in);
    if (!is_found)
        die(1, "has no such line", path);
    return sum;
}

static double switches(pid_t pid)
{
    return value_in(pid, "status", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:");
}

static double switches_of_supervisors(void)
{
    double sum = 0;
    for (int at = 0; at < count; at++)
        sum += switches(supervisors[at]);
    return sum;
}

static void print_memory(void)
{
    static double share[MOST], dirty[MOST];
    double sum = value_in(scanner, "smaps_rollup", "Pss:", NULL);

    for (int at = 0; at < count; at++) {
        share[at] = value_in(supervisors[at], "smaps_rollup", "Pss:", NULL);
        dirty[at] = value_in(supervisors[at], "smaps_rollup", "Private_Dirty:", NULL);
        sum += share[at];
    }
    printf("pss\t%.0f\ndirty\t%.0f\ntree\t%.1f\n", median(share, count), median(dirty, count), sum / count);
}

/* Every service has one process, of its own directory. */
static void assert_all_are_there(const char *directory)
{
    static char seen[MOST][64];
    char path[64], target[512];

    for (int at = 0; at < count; at++) {
        snprintf(path, sizeof path, "/proc/%d/cwd", (int)services[at]);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            die(1, "a service has ended", NULL);
        target[length] = 0;
        if (strncmp(target, directory, strlen(directory)))
            die(1, "a service runs elsewhere", target);
        snprintf(seen[at], sizeof seen[at], "%.63s", strrchr(target, '/') + 1);
        for (int other = 0; other < at; other++)
            if (!strcmp(seen[at], seen[other]))
                die(1, "two processes of one service", seen[at]);
    }
}

static void start(char **argv)
{
    uint64_t last = 0, begin = now_ns();

    scanner = fork();
    if (scanner < 0)
        die(2, "fork", strerror(errno));
    if (scanner == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "servicebench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    for (int at = 0; at < count; at++) {
        struct event event = next_start();
        services[at] = (pid_t)event.pid;
        if (event.time > last)
            last = event.time;
    }
    printf("up\t%.0f\n", (double)(last - begin) / 1e3);
}

static void print_restarts(int kills)
{
    static double times[MOST];

    for (int at = 0; at < kills; at++) {
        /* far from the one before, so that neighbours have no part in it */
        int which = at * 7 % count;
        uint64_t begin = now_ns();
        kill(services[which], SIGKILL);
        struct event event = next_start();
        services[which] = (pid_t)event.pid;
        times[at] = (double)(event.time - begin) / 1e3;
        wait_ms(5);
    }
    printf("restart\t%.0f\n", median(times, kills));
}

static void print_all_back(void)
{
    uint64_t last = 0, begin = now_ns();

    for (int at = 0; at < count; at++)
        kill(services[at], SIGKILL);
    for (int at = 0; at < count; at++) {
        struct event event = next_start();
        services[at] = (pid_t)event.pid;
        if (event.time > last)
            last = event.time;
    }
    printf("back\t%.0f\n", (double)(last - begin) / 1e3);
}

static void stop(const char *how, const char *directory)
{
    uint64_t begin = now_ns();
    struct timespec limit = {PATIENCE, 0};
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    kill(scanner, strcmp(how, "hup") ? SIGTERM : SIGHUP);
    if (!strcmp(how, "commands")) {
        struct dirent *entry;
        /* so that it starts no supervisor again */
        waitpid(scanner, NULL, 0);
        DIR *all = opendir(directory);
        while (all && (entry = readdir(all))) {
            char *path;
            if (entry->d_name[0] == '.')
                continue;
            if (asprintf(&path, "%s/%s/supervise/control", directory, entry->d_name) < 0)
                die(2, "no memory", NULL);
            int fifo = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            if (fifo < 0 || write(fifo, "dx", 2) != 2)
                die(1, "cannot be told to end", path);
            close(fifo);
            free(path);
        }
        if (all)
            closedir(all);
    }
    for (;;) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0)
            break;
        if (ended == 0 && sigtimedwait(&ends, NULL, &limit) < 0 && errno == EAGAIN)
            die(1, "not all have ended", NULL);
    }
    printf("stop\t%.0f\n", (double)(now_ns() - begin) / 1e3);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX];
    sigset_t ends;

    if (argc < 6) {
        fputs("usage: servicebench DIRECTORY IDLE KILLS HOW COMMAND...\n", stderr);
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    snprintf(path, sizeof path, "%s/events", argv[1]);
    events = open(path, O_RDWR | O_CLOEXEC);
    if (events < 0)
        die(2, "cannot open", path);
    snprintf(path, sizeof path, "%s/scan", argv[1]);
    struct dirent *entry;
    DIR *all = opendir(path);
    while (all && (entry = readdir(all)))
        count += entry->d_name[0] != '.';
    if (all)
        closedir(all);
    int kills = atoi(argv[3]);
    if (count < 1 || count > MOST || kills < 1)
        die(2, "no services, or too many", path);
    if (kills > count)
        kills = count;

    start(argv + 5);
    /* a supervisor that sleeps after a start is awake again, and a service that has run for less than a second waits */
    wait_ms(1500);
    assert_all_are_there(path);
    if (children(scanner, supervisors) != count)
        die(1, "not as many supervisors as services", NULL);
    print_memory();
    double before = switches_of_supervisors(), scanner_before = switches(scanner);
    wait_ms(atol(argv[2]) * 1000);
    printf("wakes\t%.0f\n", switches_of_supervisors() - before);
    printf("scanner\t%.0f\n", switches(scanner) - scanner_before);
    print_restarts(kills);
    wait_ms(1500);
    print_all_back();
    wait_ms(1500);
    assert_all_are_there(path);
    /* from here on the ends of children are waited for, without a handler */
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    stop(argv[4], path);
    return 0;
}
