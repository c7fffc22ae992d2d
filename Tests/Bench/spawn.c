// Starts /bin/true and waits for it, over and over, in several processes at once; prints how many a second. What running a
// program for each job can reach at most on this machine.
//   spawn COUNT PROCESSES
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int spawn(int count) {
    char *program[] = {"/bin/true", NULL};
    for (int i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, program[0], NULL, NULL, program, environ) != 0) return 1;
        if (waitpid(child, &status, 0) != child || status != 0) return 1;
    }
    return 0;
}

int main(int arguments, char **argument) {
    if (arguments != 3) return 2;
    int count = atoi(argument[1]), processes = atoi(argument[2]), failed = 0, status;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < processes; i++)
        if (fork() == 0) _exit(spawn(count / processes));
    for (int i = 0; i < processes; i++) failed |= wait(&status) < 0 || status != 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%.1f\n", (double)(count / processes * processes) / seconds);
    return failed;
}
