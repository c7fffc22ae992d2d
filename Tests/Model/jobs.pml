/*
 * The life of a job between PostgreSQL, the stream in Redis, job-fcgi and the workers: what is written where, and in which
 * order, as `Sources/JobStorage` and `Sources/JobWorker` do it, with faults at any moment. `Tests/Model/model` checks the
 * properties at the end of this file, and that each precaution of the protocol is needed: a variant without it (-DNO_FENCE
 * and so on) has to break the property that it serves.
 *
 * One step is one SQL statement or one Redis pipeline, together with what follows inside its process; it names the Swift
 * function that it stands for. The processes interleave in any way between steps. There are at most FAULTS faults, of any
 * kinds, at any moment: a process dies, a worker stands still, or is told to stop, Redis is flushed, or comes back with an
 * older state, a command does not reach it or its reply is lost, PostgreSQL's answer to a commit is lost.
 *
 * Only leases have a time, in heartbeats. Left out are the looks for waiting jobs while Redis is away and while the stream
 * is empty (JobStore.claimWaiting, JobStore.waiting): they only help, and the stream of a busy service is never empty. The
 * window is left out, too: it decides which jobs there are, not what becomes of them. Where there are two jobs no
 * worker is told to stop: that would be too much to search.
 */

#ifndef JOBS
#define JOBS 1
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#define LEASE 2            /* how many heartbeats a lease outlasts */
#define MAX_ATTEMPTS 2     /* JOB_MAX_ATTEMPTS */
#define ROWS 6             /* more than are ever needed, which is checked */
#define NONE 15

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)

/* ---- PostgreSQL: the truth ---- */

mtype = { unknown, created, running, success, failed };
typedef Job {
    mtype status = unknown; /* `unknown`: not accepted yet */
    byte attempt;           /* the fence */
    byte lost;
    byte lease              /* heartbeats that are left of it */
};
Job jobs[JOBS];

/* The table `announcements`. A row's index is its announcer. An empty one is as good as none. */
typedef Row {
    byte job_ids;           /* a set of bits */
    bool listed             /* it is still what the reconciler last read: `created_at` is the same */
};
Row announcements[ROWS];

/* ---- Redis: the doorbell ---- */

typedef Messages {
    bool queued;            /* not fetched, one or more */
    byte pending;           /* fetched, not acknowledged: bit w by worker w, bit WORKERS by one that forgot it */
    bool skipped            /* from before the group's start: nobody will ever fetch it */
};
Messages stream[JOBS];
bool group;

/* The reconciler's mark beside the stream. It is `remembered` while PostgreSQL remembers the same mark of the same Redis. */
mtype = { gone, left, remembered };
mtype mark = gone;

/* ---- The memory of the processes, as far as others meddle with it ---- */

typedef Claims { byte attempts };               /* of one job: a set of bits */
typedef Worker {
    Claims held[JOBS];
    byte message = NONE;    /* fetched, not claimed: its job */
    byte done = NONE;       /* claimed, not acknowledged: its job */
    bool paused
};
Worker workers[WORKERS];

#define RESPONDER 0
#define RECONCILER 1
#define STOPPING 2          /* a worker that hands its jobs back */
byte name[3];               /* under which each writes down its next batch */

/* ---- What only the properties look at ---- */

byte faults = FAULTS;
typedef Ghost {
    byte finals;            /* how often a final state was written */
    byte keeper = NONE;     /* who holds the claim, and was never late with it */
    byte unkept             /* heartbeats since its holder renewed the claim */
};
Ghost ghosts[JOBS];
bool robbed;                /* a claim that had its keeper was taken away */
bool auditing;              /* the reconciler compares the jobs with the stream */
bool unfenced;              /* another claim than the job's own wrote how the job ended */
#ifdef WITNESS
bool renewedLate;           /* a lease was renewed that was over and not yet taken */
bool fencedOff;             /* an outcome was rejected */
#define witness(it) it = true
#else
#define witness(it) skip
#endif

inline fault() { faults > 0 -> faults-- }

/* ---- Announcers ---- */

#define isFree(n) (announcements[n].job_ids == 0 && name[RESPONDER] != n && name[RECONCILER] != n)

/* AnnouncerID.random: a name that nobody has ever had; here, that nobody has now. */
inline takeNewName(announcer) {
    name[announcer] = NONE;
    n = 0;
    do
    :: n < ROWS && !isFree(n) -> n++
    :: else -> break
    od;
    assert(n < ROWS);
    name[announcer] = n;
    n = 0
}

/* Part of the statement that makes the jobs wait (create, release, expire): INSERT … ON CONFLICT (announcer) DO UPDATE.
 * What the row held before is replaced, and `created_at` too. */
inline writeDown(announcer, ids) {
    if
#ifndef NO_ANNOUNCEMENTS
    :: ids != 0 ->
        announcements[name[announcer]].job_ids = ids;
#ifndef FORGET_BY_NAME
        announcements[name[announcer]].listed = false
#endif
#endif
    :: else
    fi
}

/* JobStore.forget(announcers): UPDATE … SET job_ids = '{}'. The row stays, listed or not: it has nothing left to lose. */
inline strikeOut(row) {
    announcements[row].job_ids = 0;
    announcements[row].listed = false
}

/* JobStore.forget(batches): DELETE … of what was listed, with the `created_at` that it had then. */
inline strikeOutListed() {
    for (n : 0 .. ROWS - 1) {
        if
        :: announcements[n].listed ->
            announcements[n].job_ids = 0;
            announcements[n].listed = false
        :: else
        fi
    }
    n = 0
}

#define add(j) stream[j].queued = true

/* ---- job-fcgi (Responder.create, AnnouncementQueue): takes every job once, one after the other ---- */

proctype Responder() {
    byte new, n;
    do
    :: new < JOBS ->
        atomic { /* JobStore.create */
            jobs[new].status = created;
            writeDown(RESPONDER, BIT(new));
            if
            :: true
            :: fault() -> goto renew    /* it dies, or never hears that this was committed */
            fi
        }
        atomic { /* AnnouncementQueue.announce, collect */
            if
            :: add(new)
            :: fault() -> add(new); goto renew  /* the reply is lost */
            :: fault() -> goto renew            /* it dies, or Redis is away */
            fi
        }
        atomic { /* AnnouncementQueue.strikeOut: Redis has taken it */
            if
            :: strikeOut(name[RESPONDER])   /* whether or not it hears so, it does not use the name again */
            :: fault()                      /* this did not reach PostgreSQL */
            :: goto next                    /* no time: the next batch takes the name, and replaces the row */
            fi
        }
renew:  atomic { takeNewName(RESPONDER) }
next:   new++
    :: else -> break
    od
}

/* ---- job-worker: WorkerLoop, with HeldJobs ---- */

#define HIGHEST(set) (HAS(set, 4) -> 4 : (HAS(set, 3) -> 3 : (HAS(set, 2) -> 2 : 1)))
#define holdsAny(w) (workers[w].held[0].attempts != 0 || workers[w].held[JOBS - 1].attempts != 0)

inline waitAgain(j) {
    jobs[j].status = created;
    jobs[j].lease = 0;
    ghosts[j].keeper = NONE;
    ghosts[j].unkept = 0
}

inline addAll() {
    for (j : 0 .. JOBS - 1) {
        if
        :: HAS(ids, j) -> add(j)
        :: else
        fi
    }
    j = 0
}

inline end(j, state) {
    jobs[j].status = state;
    jobs[j].lease = 0;
    ghosts[j].finals++;
    ghosts[j].keeper = NONE;
    ghosts[j].unkept = 0
}

/* JobStore.exchange, the half that writes how jobs ended. Where the answer is lost (not `isHeard`) the outcomes stay held
 * and are said again; what was written then leaves them out. */
inline finish(w) {
    for (j : 0 .. JOBS - 1) {
        if
        :: workers[w].held[j].attempts != 0 ->
            attempt = HIGHEST(workers[w].held[j].attempts);
            if
#ifdef INVARIANT
            :: true     /* it runs for another round */
#endif
            :: true ->
                workers[w].held[j].attempts = (isHeard -> 0 : workers[w].held[j].attempts);
                if
#if defined(NO_FENCE)
                :: true ->
#elif defined(NO_ATTEMPT)
                :: jobs[j].status == running ->
#else
                :: jobs[j].status == running && jobs[j].attempt == attempt ->
#endif
                    unfenced = unfenced || jobs[j].attempt != attempt;
                    end(j, success)
                :: else -> witness(fencedOff)
                fi
            fi
        :: else
        fi
    }
    j = 0;
    attempt = 0
}

/* ... and the half that claims what was fetched, in the same transaction. Where the answer is lost the job runs under a
 * claim that nobody knows of; said again, the statement finds nothing to claim, and the lease ends it. */
inline claim(w) {
    if
    :: workers[w].message != NONE ->
        j = workers[w].message;
        if
        :: jobs[j].status == created ->
            jobs[j].status = running;
            jobs[j].attempt++;
            jobs[j].lease = LEASE;
            if
            :: isHeard ->
                workers[w].held[j].attempts = workers[w].held[j].attempts | BIT(jobs[j].attempt);
                ghosts[j].keeper = w
            :: else
            fi
        :: else
        fi;
        if
        :: isHeard ->
#ifndef ACK_BEFORE_CLAIM
            workers[w].done = j;
#endif
            workers[w].message = NONE
        :: else
        fi;
        j = 0
    :: else
    fi
}

/* JobStore.release, Announcer.announce: what it holds waits again. */
inline handBack(w) {
    ids = 0;
    for (j : 0 .. JOBS - 1) {
        attempt = HIGHEST(workers[w].held[j].attempts);
        if
        :: workers[w].held[j].attempts != 0 && jobs[j].status == running && jobs[j].attempt == attempt ->
            waitAgain(j);
            ids = ids | BIT(j)
        :: else
        fi;
        workers[w].held[j].attempts = 0
    }
    attempt = 0;
    j = 0;
    takeNewName(STOPPING);
    writeDown(STOPPING, ids);
    if
    :: true     /* nobody hears of them but the reconciler */
    :: addAll(); strikeOut(name[STOPPING])
    fi;
    name[STOPPING] = NONE;
    ids = 0
}

/* A message that worker `w` had fetched is left for the reconciler to find. */
inline orphan(w, j) {
    if
    :: HAS(stream[j].pending, w) -> stream[j].pending = (stream[j].pending & ~BIT(w)) | BIT(WORKERS)
    :: else
    fi
}

proctype WorkerLoop(byte w) provided (!workers[w].paused) {
    byte j, attempt, ids, n;
    bool isHeard = true;
    do
    :: atomic { /* JobStream.acknowledge; with the fetch that follows, one pipeline */
        workers[w].done != NONE ->
        j = workers[w].done;
        if
        :: stream[j].pending = stream[j].pending & ~BIT(w)
        :: fault() -> orphan(w, j)  /* Redis is away, and it will not be said again */
        fi;
        workers[w].done = NONE;
        j = 0
    }
    :: atomic { /* JobStream.fetch: XREADGROUP */
        group && workers[w].done == NONE && workers[w].message == NONE && (stream[0].queued || stream[JOBS - 1].queued) ->
        if
        :: stream[0].queued -> j = 0
        :: stream[JOBS - 1].queued -> j = JOBS - 1
        fi;
        stream[j].queued = false;
        workers[w].message = j;
#ifndef ACK_BEFORE_CLAIM
        stream[j].pending = stream[j].pending | BIT(w);
#endif
        j = 0
    }
    :: atomic { /* exchange: JobStore.exchange */
        workers[w].message != NONE || holdsAny(w) ->
        if
        :: true
        :: fault() -> isHeard = false
        fi;
        finish(w);
        claim(w);
        isHeard = true
    }
#if JOBS == 1
    :: atomic { /* handBack: it is told to stop, and started again */
        holdsAny(w) && faults > 0 -> faults--;
        handBack(w)
    }
#endif
    :: atomic { /* makeGroup, JobStream.makeGroup and removeMark: after NOGROUP */
        !group ->
        group = true;
#ifdef GROUP_AT_END
        for (j : 0 .. JOBS - 1) {
            stream[j].skipped = stream[j].queued;
            stream[j].queued = false
        }
        j = 0;
#endif
        mark = gone
    }
    od
}

/* ---- job-worker: Heartbeat, and the database's clock ---- */

/* JobStore.renew, which returns the attempts that it renewed; HeldJobs.lose ends all others. */
inline renew(w) {
    for (j : 0 .. JOBS - 1) {
        if
        :: workers[w].held[j].attempts != 0 ->
#ifdef RENEW_ANY_ATTEMPT
            /* Of two claims of one job, either may be the one that is asked for. */
            if
            :: HAS(workers[w].held[j].attempts, 1) -> attempt = 1
            :: HAS(workers[w].held[j].attempts, 2) -> attempt = 2
            :: HAS(workers[w].held[j].attempts, 3) -> attempt = 3
            :: HAS(workers[w].held[j].attempts, 4) -> attempt = 4
            fi;
#else
            attempt = HIGHEST(workers[w].held[j].attempts);
#endif
            if
#ifdef RENEW_EXPIRED
            :: true ->
#else
            :: jobs[j].status == running && jobs[j].attempt == attempt ->
#endif
                if
                :: jobs[j].lease == 0 -> witness(renewedLate)
                :: else
                fi;
                jobs[j].lease = LEASE;
                if
                :: jobs[j].attempt == attempt -> ghosts[j].unkept = 0
                :: else
                fi;
                workers[w].held[j].attempts = BIT(attempt)
            :: else -> workers[w].held[j].attempts = 0  /* lost: its handler is stopped */
            fi
        :: else
        fi
    }
    j = 0;
    attempt = 0
}

proctype Clock() {
    byte w, j, attempt;
    do
    :: atomic {
        jobs[0].status == running || jobs[JOBS - 1].status == running || holdsAny(0) || holdsAny(WORKERS - 1) ->
        for (w : 0 .. WORKERS - 1) {
            if
            :: !workers[w].paused -> renew(w)
            :: else
            fi
        }
        w = 0;
        for (j : 0 .. JOBS - 1) {
            if
            :: jobs[j].status == running ->
                jobs[j].lease = (jobs[j].lease > 0 -> jobs[j].lease - 1 : 0);
                ghosts[j].unkept = (ghosts[j].unkept < LEASE -> ghosts[j].unkept + 1 : LEASE)
            :: else
            fi
        }
        j = 0
    }
    od
}

/* ---- job-worker: Reconciler ---- */

/* A message that is acknowledged before the job has ended is right only because the lease brings the job back. */
#ifdef ACK_BEFORE_FINISH
#define isOver(j) false
#else
#define isOver(j) (jobs[j].status == running && jobs[j].lease == 0)
#endif
#define isAnyOver (isOver(0) || isOver(JOBS - 1))

/* JobStore.expire: jobs whose lease is over wait again, or are failed; `ids` are those that wait. */
inline expire() {
    ids = 0;
    for (j : 0 .. JOBS - 1) {
        if
        :: isOver(j) ->
            robbed = robbed || ghosts[j].keeper != NONE;
            jobs[j].lost++;
            if
            :: jobs[j].lost >= MAX_ATTEMPTS -> end(j, failed)
            :: else ->
                waitAgain(j);
                ids = ids | BIT(j)
            fi
        :: else
        fi
    }
    j = 0;
    writeDown(RECONCILER, ids)
}

/* JobStore.stillWaiting; list_unannounced asks the same. */
inline keepWaiting() {
    for (j : 0 .. JOBS - 1) {
        if
        :: jobs[j].status != created -> ids = ids & ~BIT(j)
        :: else
        fi
    }
    j = 0
}

/* Audit.subtract: a fetched message does not count. It may be one whose job was claimed, and lost again: its
 * acknowledgement is still to come. */
#ifdef AUDIT_COUNTS_FETCHED
#define IS_COUNTED(j) (stream[j].pending != 0)
#else
#define IS_COUNTED(j) false
#endif

/* One for all: they take turns (JobStore.takeTurn). Where it may fail it may also die; another worker's is next then. */
proctype Reconciler() {
    byte ids, j, n;
turn:
    atomic {
        ids = 0;
        auditing = false;
        for (n : 0 .. ROWS - 1) { announcements[n].listed = false }
        n = 0;
        if
        :: isAnyOver
        :: else -> goto looking
        fi;
        if
        :: true -> expire()
        :: fault() ->   /* The connection breaks, before the statement took effect or after. */
            if
            :: expire()
            :: true
            fi;
            takeNewName(RECONCILER);
            if
            :: expire() /* said again */
            :: true ->  /* ... and breaks again */
                if
                :: expire()
                :: true
                fi;
#ifndef NAME_KEPT
                takeNewName(RECONCILER);
#endif
                ids = 0;
                goto turn
            fi
        fi;
        if
        :: ids == 0 -> goto looking
        :: else
        fi
    }
    atomic { /* Announcer.announce: those that wait again */
        if
        :: addAll()
        :: fault() -> addAll(); takeNewName(RECONCILER); goto looking
        :: fault() -> takeNewName(RECONCILER); goto looking
        fi
    }
    atomic { /* ... and are struck out. JobStream.mark: leave this turn's, and see whether the remembered one was there.
              * If so, the new one matters only where the turn is cut short: one audit more, which only helps. */
        strikeOut(name[RECONCILER]);
looking:
        ids = 0;
        if
        :: mark == remembered
        :: else ->
            auditing = true;
#ifdef MARK_IS_ENOUGH
            mark = remembered
#else
            mark = left
#endif
        fi
    }
    atomic { /* announceUnannounced, JobStore.unannounced: what was not struck out */
        for (n : 0 .. ROWS - 1) {
            announcements[n].listed = announcements[n].job_ids != 0;
            ids = ids | announcements[n].job_ids
        }
        n = 0;
        if
        :: ids == 0 -> goto audit
        :: else
        fi;
        keepWaiting()
    }
    atomic { /* ... is announced */
        if
        :: addAll()
        :: fault() -> goto turn
        fi;
        ids = 0
    }
    atomic { /* ... and struck out, unless it was replaced */
        strikeOutListed();
audit:
#ifdef NO_AUDIT
        goto whole;
#endif
        if
        :: auditing
        :: else -> goto whole
        fi
    }
    atomic { /* audit, Audit.page: the jobs that wait */
        if
        :: ids = BIT(JOBS) - 1; keepWaiting()
        :: fault() -> goto turn
        fi
    }
    atomic { /* Audit.subtract: less those that have a message */
        for (j : 0 .. JOBS - 1) {
            if
            :: stream[j].queued || stream[j].skipped || IS_COUNTED(j) -> ids = ids & ~BIT(j)
            :: else
            fi
        }
        j = 0
    }
    atomic { /* ... are announced, where they still wait */
        keepWaiting();
        if
        :: addAll()
        :: fault() -> goto turn
        fi
    }
whole:
    atomic { /* JobStore.remember: this turn's mark, which may be gone by now */
        if
        :: mark = (mark == left -> remembered : mark)
        :: fault() -> goto turn
        fi;
        auditing = false;
        ids = 0
    }
    atomic { /* JobStream.announceStranded: a paused worker's message may be among them */
        for (j : 0 .. JOBS - 1) {
            if
            :: HAS(stream[j].pending, WORKERS) -> stream[j].pending = stream[j].pending & ~BIT(WORKERS); add(j)
            :: HAS(stream[j].pending, 0) && workers[0].paused -> stream[j].pending = stream[j].pending & ~BIT(0); add(j)
            :: HAS(stream[j].pending, WORKERS - 1) && workers[WORKERS - 1].paused ->
                stream[j].pending = stream[j].pending & ~BIT(WORKERS - 1);
                add(j)
            :: !HAS(stream[j].pending, WORKERS)
            fi
        }
        j = 0
    }
    goto turn
}

/* ---- What goes wrong besides ---- */

inline forsake(w) {
    for (j : 0 .. JOBS - 1) {
        if
        :: ghosts[j].keeper == w -> ghosts[j].keeper = NONE
        :: else
        fi
    }
    j = 0
}

proctype Faults() {
    byte w, j;
    do
    :: atomic { /* a worker dies, and is started again */
        fault();
        if
        :: w = 0
        :: w = WORKERS - 1
        fi;
        for (j : 0 .. JOBS - 1) {
            workers[w].held[j].attempts = 0;
            orphan(w, j)
        }
        j = 0;
        forsake(w);
        workers[w].message = NONE;
        workers[w].done = NONE;
        workers[w].paused = false;
        w = 0
    }
    :: atomic { /* a worker stands still, or is cut off, for as long as it likes */
        fault();
        if
        :: !workers[0].paused -> w = 0
        :: !workers[WORKERS - 1].paused -> w = WORKERS - 1
        fi;
        forsake(w);
        workers[w].paused = true;
        w = 0
    }
    :: workers[0].paused -> workers[0].paused = false
    :: workers[WORKERS - 1].paused -> workers[WORKERS - 1].paused = false
    :: atomic { /* Redis is flushed */
        fault();
        for (j : 0 .. JOBS - 1) {
            stream[j].queued = false;
            stream[j].pending = 0;
            stream[j].skipped = false
        }
        j = 0;
        group = false;
        mark = gone
    }
    :: atomic { /* Redis is another one, or its state is an older one: messages are missing, others are back */
        fault();
        for (j : 0 .. JOBS - 1) {
            if
            :: true
            :: stream[j].queued = false
            :: jobs[j].status != unknown -> add(j)
            fi;
            if
            :: true
            :: stream[j].pending = 0
            fi
        }
        j = 0;
        mark = gone
    }
    od
}

/* ---- Properties ---- */

#define EACH(p) (p(0) && p(JOBS - 1))

/* The final state is written once. */
#define once(j) (ghosts[j].finals <= 1)
#define finalOnce EACH(once)

/* ... by the claim that the job has then. */
#define fenced (!unfenced)

/* A worker that lives and is on time keeps its claim. */
#define kept (!robbed)

/* A claim that its holder does not renew is over after one lease: nobody else renews it. */
#define runsOut(j) (jobs[j].status != running || jobs[j].lease + ghosts[j].unkept <= LEASE)
#define leased EACH(runsOut)

/* A job that waits is written down, or has a message that will be claimed by, or an audit is due or under way. */
#define isWrittenDown(j) HAS(announcements[0].job_ids | announcements[1].job_ids | announcements[2].job_ids \
    | announcements[3].job_ids | announcements[4].job_ids | announcements[5].job_ids, j)
#define isFetched(j, w) (HAS(stream[j].pending, w) && workers[w].message == j)
#define isKnown(j) (jobs[j].status != created || isWrittenDown(j) || mark != remembered || auditing || stream[j].queued \
    || HAS(stream[j].pending, WORKERS) || isFetched(j, 0) || isFetched(j, WORKERS - 1))
#define notLost EACH(isKnown)

#define safe (finalOnce && fenced && kept && leased && notLost)

/* What is to happen, so that the checks are not empty: each of these has to be found false. */
#define neverRenewedLate (!renewedLate)
#define neverFencedOff (!fencedOff)
#define neverFailed (jobs[0].status != failed)

#define isFinal(j) (jobs[j].status == success || jobs[j].status == failed)

#ifdef INVARIANT
proctype Monitor() {
    !(INVARIANT) -> assert(INVARIANT)
}
#else
ltl ends { <> isFinal(0) && <> isFinal(JOBS - 1) }
#endif

init {
    atomic {
        name[RECONCILER] = 1;
        name[STOPPING] = NONE;
        run Responder();
        run WorkerLoop(0);
#if WORKERS > 1
        run WorkerLoop(1);
#endif
        run Reconciler();
        run Clock();
        run Faults();
#ifdef INVARIANT
        run Monitor()
#endif
    }
}
