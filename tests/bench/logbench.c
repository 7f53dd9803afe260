/* logbench: what logging.sh needs beside a shell.
 *
 *   logbench make MEGABYTES         lines of about 120 bytes, numbered, on standard output
 *   logbench make MEGABYTES labels  the same behind TAI64N labels, some 20 ms apart
 *   logbench time file INPUT OUTPUT COMMAND...
 *       runs it with these files as standard input and output, and prints wall, user and system time in microseconds
 *   logbench time pipe INPUT OUTPUT COMMAND...
 *       the same behind `cat INPUT`; wall time is of both, the others are of the command alone
 *   logbench memory file|pipe INPUT OUTPUT COMMAND...
 *       prints the most memory it had resident (VmHWM) and, at its end, its share of that (PSS), in kB: looked at while
 *       it is stopped in its exit, so that nothing of this program is counted
 *   logbench check INPUT SKIPPED FILE...
 *       whether the files one after the other are the end of INPUT, once this many bytes are taken off the beginning
 *       of each line; prints how many bytes of INPUT that is
 *
 * Exit status: 0, 1 where the command failed or the files are wrong, 2 for misuse.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(int code, const char *what, const char *which)
{
    fprintf(stderr, "logbench: %s%s%s\n", what, which ? ": " : "", which ? which : "");
    exit(code);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint64_t draw(uint64_t below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static int make(double megabytes, int labels)
{
    static const char words[] = "connection from client accepted, request answered with status 200 after a while, "
                                "cache hit, session kept, worker idle again; next in queue, no warning at all, "
                                "nothing else to tell in this line but that it is one of those that are long";
    uint64_t seconds = 4611686020140000000u, nanoseconds = 0;
    double bytes = 0;

    for (unsigned number = 1; bytes < megabytes * 1e6; number++) {
        /* 121 bytes in the middle, with newline: most lines near that, some short, some long */
        int length = draw(8) ? (int)(91 + draw(42)) : (int)(20 + draw(184));
        if (labels)
            printf("@%016llx%08llx ", (unsigned long long)seconds, (unsigned long long)nanoseconds);
        int written = printf("%09u %.*s\n", number, length, words);
        if (written < 0)
            die(2, "cannot write", strerror(errno));
        bytes += written;
        nanoseconds += draw(40000000);
        if (nanoseconds > 999999999) {
            nanoseconds -= 1000000000;
            seconds++;
        }
    }
    if (fflush(stdout))
        die(2, "cannot write", strerror(errno));
    return 0;
}

static pid_t start(char **argv, int input, int output, int unused, int traced)
{
    pid_t pid = fork();

    if (pid < 0)
        die(2, "fork", strerror(errno));
    if (pid == 0) {
        if (traced)
            ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        dup2(input, 0);
        dup2(output, 1);
        if (unused >= 0)
            close(unused);
        execvp(argv[0], argv);
        fprintf(stderr, "logbench: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    return pid;
}

static long value_in(pid_t pid, const char *file, const char *name)
{
    char path[64], line[256];
    long value = -1;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof line, in))
        if (!strncmp(line, name, strlen(name)))
            value = atol(line + strlen(name));
    if (in)
        fclose(in);
    return value;
}

/* Lets it run on to its exit, looks, and lets it end. */
static void watch(pid_t pid)
{
    int status, is_begun = 0;

    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        if (!is_begun) {
            is_begun = 1;
            ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL));
            signal = 0;
        } else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
            printf("%ld\t%ld\n", value_in(pid, "status", "VmHWM:"), value_in(pid, "smaps_rollup", "Pss:"));
            signal = 0;
        }
        ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)signal);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(1, "the command failed", NULL);
}

static int run(int is_watched, int is_piped, char **argv)
{
    struct rusage used;
    int status, pipe_ends[2] = {-1, -1};
    pid_t cat = -1;
    int input = open(argv[0], O_RDONLY | O_CLOEXEC);
    int output = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (input < 0 || output < 0)
        die(2, "cannot open", input < 0 ? argv[0] : argv[1]);
    double begin = now_us();
    if (is_piped) {
        if (pipe2(pipe_ends, O_CLOEXEC) < 0)
            die(2, "pipe", strerror(errno));
        char *words[] = {"cat", argv[0], NULL};
        cat = start(words, input, pipe_ends[1], pipe_ends[0], 0);
    }
    pid_t pid = start(argv + 2, is_piped ? pipe_ends[0] : input, output, pipe_ends[1], is_watched);
    if (is_piped) {
        close(pipe_ends[0]);
        close(pipe_ends[1]);
    }
    if (is_watched) {
        watch(pid);
    } else {
        while (wait4(pid, &status, 0, &used) < 0)
            if (errno != EINTR)
                die(2, "wait4", strerror(errno));
        double wall = now_us() - begin;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            die(1, "the command failed", argv[2]);
        printf("%.0f\t%.0f\t%.0f\n", wall, (double)used.ru_utime.tv_sec * 1e6 + (double)used.ru_utime.tv_usec,
               (double)used.ru_stime.tv_sec * 1e6 + (double)used.ru_stime.tv_usec);
    }
    if (is_piped && (waitpid(cat, &status, 0) < 0 || status != 0))
        die(1, "the command did not read to the end", argv[2]);
    return 0;
}

static const char *mapped(const char *file, size_t *size)
{
    struct stat about;
    int opened = open(file, O_RDONLY | O_CLOEXEC);

    if (opened < 0 || fstat(opened, &about) < 0)
        die(2, "cannot open", file);
    *size = (size_t)about.st_size;
    if (*size == 0)
        return close(opened), "";
    const char *content = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, opened, 0);
    if (content == MAP_FAILED)
        die(2, "cannot map", file);
    close(opened);
    return content;
}

static int check(char **argv)
{
    size_t whole, size, taken = 0;
    const char *input = mapped(argv[0], &whole);
    size_t skipped = strtoul(argv[1], NULL, 10);

    /* once to count, once to compare */
    for (int is_second = 0; is_second < 2; is_second++) {
        if (taken > whole)
            die(1, "more than was put in", NULL);
        const char *expected = input + (whole - taken);
        for (char **file = argv + 2; *file; file++) {
            const char *content = mapped(*file, &size);
            for (size_t at = 0; at < size;) {
                const char *newline = memchr(content + at, '\n', size - at);
                size_t end = newline ? (size_t)(newline - content) + 1 : size;
                size_t length = end - at - skipped;
                if (end - at <= skipped || !newline)
                    die(1, "a line that is too short", *file);
                if (!is_second)
                    taken += length;
                else if (memcmp(expected, content + at + skipped, length))
                    die(1, "a line that was not put in there", *file);
                else
                    expected += length;
                at = end;
            }
            if (size > 0)
                munmap((void *)content, size);
        }
    }
    printf("%zu\n", taken);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && !strcmp(argv[1], "make"))
        return make(atof(argv[2]), argc > 3);
    if (argc >= 6 && (!strcmp(argv[1], "time") || !strcmp(argv[1], "memory")) &&
        (!strcmp(argv[2], "file") || !strcmp(argv[2], "pipe")))
        return run(argv[1][0] == 'm', argv[2][0] == 'p', argv + 3);
    if (argc >= 5 && !strcmp(argv[1], "check"))
        return check(argv + 2);
    fputs("usage: logbench make|time|memory|check ...\n", stderr);
    return 2;
}
