// The least that a FastCGI responder on libfcgi can do: it answers every request with the same bytes. What a responder
// with a database behind it can reach at most on this machine.
//   hello SOCKET THREADS
#define _GNU_SOURCE
#include <fcgiapp.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int listener;

static void take(int epoll) {
    for (int i = 0; i < 8; i++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor < 0) return;
        FCGX_Request *request = calloc(1, sizeof *request);
        // Without a listening socket of its own the library can't wait for a connection where this one has ended.
        FCGX_InitRequest(request, -1, 0);
        request->ipcFd = descriptor;
        request->keepConnection = 1;
        struct epoll_event event = {EPOLLIN, {.ptr = request}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static void answer(FCGX_Request *request) {
    if (FCGX_Accept_r(request) == 0) {
        FCGX_PutS("Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"job_id\":1}", request->out);
        FCGX_Finish_r(request);
    }
    if (request->ipcFd < 0) free(request);
}

static void *serve(void *unused) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN | EPOLLEXCLUSIVE, {.ptr = NULL}}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) answer(events[i].data.ptr); else take(epoll);
        }
    }
    return unused;
}

int main(int count, char **arguments) {
    if (count != 3 || FCGX_Init() != 0) return 2;
    // The library only makes a note of it.
    signal(SIGTERM, SIG_DFL);
    listener = FCGX_OpenSocket(arguments[1], 4096);
    if (listener < 0) return perror(arguments[1]), 1;
    chmod(arguments[1], 0666);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    pthread_t thread;
    for (int i = 1; i < atoi(arguments[2]); i++) pthread_create(&thread, NULL, serve, NULL);
    serve(NULL);
}
