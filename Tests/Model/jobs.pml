/*
 * The life of a job between PostgreSQL, the stream in Redis, job-fcgi and the workers: what is written where, and in which
 * order, as `Sources/JobStorage` and `Sources/JobWorker` do it, with faults at any moment. `Tests/Model/model` checks the
 * properties at the end of this file, and that each precaution of the protocol is needed: a variant without it (-DNO_FENCE
 * and so on) has to break the property that it serves.
 *
 * One step is one SQL statement or one Redis pipeline, together with what follows inside its process; it names the Swift
 * function that it stands for. The processes interleave in any way between steps. There are at most FAULTS faults, of any
 * kinds, at any moment: a process dies, a worker stands still, or is told to stop, Redis is flushed, loses the stream, or
 * comes back with an older state, a command does not reach it, is refused (it is full) or its reply is lost, PostgreSQL's
 * answer to a commit is lost. Faults that need more state have a switch, so that each check carries only what it needs:
 *
 *   OUTAGES      PostgreSQL is away for longer than a lease: it recovers, or is out of reach for everybody
 *   CLOCK_STEPS  the database's clock jumps, forward or backward, by less than a lease or by more
 *   RESTORE      PostgreSQL goes back to a state that it had, and gives ids and attempts again
 *
 * There Redis keeps its state, to keep the search short. And
 *
 *   RECONCILERS  2: a turn is taken over while its holder is slow. Otherwise one process stands for all
 *
 * Only leases have a time, in heartbeats. Left out are the looks for waiting jobs while Redis is away and while the stream
 * is empty (JobStore.claimWaiting, JobStore.waiting): they only help, and the stream of a busy service is never empty. The
 * window is left out, too: it decides which jobs there are, not what becomes of them. So are locked rows, which only put
 * their own job off, and the age of a row of `announcements`. Where there are two jobs no worker is told to stop: that would
 * be too much to search.
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
#ifndef RECONCILERS
#define RECONCILERS 1
#endif
#if defined(OUTAGES) || defined(CLOCK_STEPS)
#define WATCHED            /* stamps and clocks matter, and not only how many heartbeats are left */
#endif
#define LEASE 2            /* how many heartbeats a lease outlasts */
#define FAR 3              /* a longer time than a lease */
#define MAX_LOSSES 2     /* JOB_MAX_LOSSES */
#define ROWS 6             /* more than are ever needed, which is checked */
#define NONE 15

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)

/* ---- PostgreSQL: the truth ---- */

mtype = { unknown, created, running, success, failed };
typedef Job {
    mtype status = unknown; /* `unknown`: not accepted yet */
    byte attempt;           /* the fence, with the token */
    byte lost;
#ifdef RESTORE
    bit timeline;           /* in which it was claimed last */
#endif
#ifdef WATCHED
    short lease             /* its stamp, less the database's clock; more than LEASE stands for any time ahead */
#else
    byte lease              /* heartbeats that are left of it */
#endif
};
Job jobs[JOBS];

/* What a claim is known by: its attempt, and its token. There are no two claims of a job's attempt in one timeline, and a
 * token is nobody else's in any: what tells two claims of one attempt apart is the timeline. Claims are numbered so. */
#ifdef RESTORE
bit timeline;               /* 1 after the restore */
#define claimOf(j) (jobs[j].attempt + 5 * jobs[j].timeline)
#define attemptOf(claim) ((claim) % 5)
#else
#define claimOf(j) jobs[j].attempt
#define attemptOf(claim) (claim)
#endif

/* WHERE id = … AND attempt = … AND claim = … AND status = 'running' */
#if defined(NO_FENCE)
#define isFenced(j, number) true
#elif defined(NO_ATTEMPT)
#define isFenced(j, number) (jobs[j].status == running)
#elif defined(NO_TOKEN)
#define isFenced(j, number) (jobs[j].status == running && jobs[j].attempt == attemptOf(number))
#else
#define isFenced(j, number) (jobs[j].status == running && claimOf(j) == (number))
#endif

/* The table `announcements`. A row's index is its announcer. An empty one is as good as none. */
typedef Row {
    byte job_ids;           /* a set of bits */
    byte listed             /* for reconciler r bit r: it is still what this one last read, by its `created_at` */
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

/* The mark beside the stream, which the reconciler's turn leaves, and the one that PostgreSQL remembers. */
#if RECONCILERS == 1
/* It is `remembered` while PostgreSQL remembers the same mark of the same Redis. */
mtype = { gone, left, remembered };
mtype mark = gone;
#define isAuditDue (mark != remembered)
#else
/* Numbers of turns. A number that nobody has any more is given again. */
#define gone 0
byte mark = gone;
byte marked = 1;            /* `reconciliation.marked_round` */
byte round[RECONCILERS];    /* the turn of each, over or not */
byte seen[RECONCILERS];     /* `marked_round` when it took the turn */
byte holder = NONE;         /* `reconciliation.round` is this one's */
bool isDue = true;          /* `reconciliation.next_at` has passed */
#define isAuditDue (mark != marked)
#endif

/* ---- The memory of the processes, as far as others meddle with it ---- */

typedef Claims { short claims };                /* of one job: a set of bits */
typedef Worker {
    Claims held[JOBS];
    byte message = NONE;    /* fetched, not claimed: its job */
    byte unheard;           /* the claim that was made for it, where the answer was lost; 0: none */
    byte done = NONE;       /* claimed, not acknowledged: its job */
    bool paused
};
Worker workers[WORKERS];

#define RESPONDER 0
#define STOPPING 1          /* a worker that hands its jobs back */
#define RECONCILER 2        /* the first */
#define RESTORED (RECONCILER + RECONCILERS) /* what an older state of PostgreSQL has written down */
byte name[RESTORED + 1];    /* under which each writes down its next batch */

#ifdef WATCHED
/* LeaseWatch, of the worker whose turn it is. Who stands still has no turn, so all who may have it know the same. */
byte watched;               /* for how many heartbeats without a break */
short step;                 /* by how much the database's clock has jumped since the last of them: now, less the trusted time */
#ifdef GAP_SEEN_LATE
bool isGap;                 /* as if the next heartbeat had to come first */
#endif
#ifdef GRACE_FROM_START
byte grace;                 /* how much is left of the lease after the start of the postmaster */
#endif
#ifdef TURN_FAR_AHEAD
bool isTurnFarAhead;        /* `reconciliation.next_at` is from before a step backward, by a clock that was ahead */
#endif
#endif

/* ---- What only the properties look at ---- */

byte faults = FAULTS;
typedef Ghost {
    byte finals;            /* how often a final state was written */
    byte keeper = NONE;     /* who holds the claim, and was never late with it */
    byte unkept             /* heartbeats since its holder renewed the claim */
};
Ghost ghosts[JOBS];
bool robbed;                /* a claim that had its keeper was taken away */
byte auditing;              /* the reconcilers that compare the jobs with the stream: a set of bits */
bool unfenced;              /* another claim than the job's own wrote how the job ended */
bool unclaimed;             /* a worker made a claim, was told so in the end, and does not hold it */
bool outdated;              /* another turn's mark than the latest turn's was remembered */
#ifdef RESTORE
typedef Backup { mtype status = unknown; byte attempt; byte lost; bool isWrittenDown };
Backup backup[JOBS];
bool isBackedUp;
#if defined(RESTORE) && !defined(NO_AUDIT_AFTER_RESTORE)
bool isTurnCut;             /* it began before the restore */
#endif
#endif
#ifdef WITNESS
bool renewedLate;           /* a lease was renewed that was over and not yet taken */
bool fencedOff;             /* an outcome was rejected */
#define witness(it) it = true
#else
#define witness(it) skip
#endif

#define isFinal(j) (jobs[j].status == success || jobs[j].status == failed)
#define isWrittenDown(j) HAS(announcements[0].job_ids | announcements[1].job_ids | announcements[2].job_ids \
    | announcements[3].job_ids | announcements[4].job_ids | announcements[5].job_ids, j)

inline fault() { faults > 0 -> faults-- }

/* ---- Announcers ---- */

#define isFree(n) (announcements[n].job_ids == 0 && name[RESPONDER] != n && name[RECONCILER] != n \
    && name[RECONCILER + RECONCILERS - 1] != n)

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
        announcements[name[announcer]].listed = 0
#endif
#endif
    :: else
    fi
}

/* JobStore.forget(announcers): UPDATE … SET job_ids = '{}'. The row stays, listed or not: it has nothing left to lose. */
inline strikeOut(row) {
    announcements[row].job_ids = 0;
    announcements[row].listed = 0
}

/* JobStore.forget(batches): DELETE … of what was listed, with the `created_at` that it had then. */
inline strikeOutListed() {
    for (n : 0 .. ROWS - 1) {
        if
        :: HAS(announcements[n].listed, r) ->
            announcements[n].job_ids = 0;
            announcements[n].listed = 0
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
            :: fault() -> goto renew            /* it dies, or Redis is away, or full */
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
#ifdef RESTORE
    :: new == JOBS && jobs[0].status == unknown -> new = 0  /* its id is given again, to another object's job */
#else
    :: else -> break
#endif
    od
}

/* ---- job-worker: WorkerLoop, with HeldJobs ---- */

#define holdsAny(w) (workers[w].held[0].claims != 0 || workers[w].held[JOBS - 1].claims != 0)

/* Which of a worker's claims of one job a statement is about. In one timeline the latest is the only one that may hold. */
#ifdef RESTORE
inline chooseAny(among) {
    number = 1;
    do
    :: HAS(among, number) -> break
    :: ((among) >> (number + 1)) != 0 -> number++
    od
}
inline choose(j, among) {
    chooseAny(among);
#ifndef ONE_CLAIM_A_JOB
    if
    :: HAS(among, claimOf(j)) -> number = claimOf(j)    /* it is about all of them */
    :: else
    fi
#endif
}
#else
#define HIGHEST(set) (HAS(set, 4) -> 4 : (HAS(set, 3) -> 3 : (HAS(set, 2) -> 2 : 1)))
#define chooseAny(among) number = HIGHEST(among)
#define choose(j, among) number = HIGHEST(among)
#endif

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
        :: workers[w].held[j].claims != 0 ->
            chooseAny(workers[w].held[j].claims);
            if
#ifdef INVARIANT
            :: true     /* it runs for another round */
#endif
            :: true ->
#ifdef RESTORE
                workers[w].held[j].claims = (isHeard -> workers[w].held[j].claims & ~BIT(number) : workers[w].held[j].claims);
#else
                workers[w].held[j].claims = (isHeard -> 0 : workers[w].held[j].claims);
#endif
                if
                :: isFenced(j, number) ->
                    unfenced = unfenced || claimOf(j) != number;
                    end(j, success)
                :: else -> witness(fencedOff)
                fi
            fi
        :: else
        fi
    }
    j = 0;
    number = 0
}

/* ... and the half that claims what was fetched, in the same transaction. Where the answer is lost the job runs under a
 * claim that nobody knows of; said again, the statement has the same token, and finds it. */
inline claim(w) {
    if
    :: workers[w].message != NONE ->
        j = workers[w].message;
        number = workers[w].unheard;
        if
        :: jobs[j].status == created ->
            jobs[j].status = running;
            jobs[j].attempt++;
#ifdef RESTORE
            jobs[j].timeline = timeline;
#endif
            jobs[j].lease = LEASE;
            workers[w].unheard = claimOf(j)
        :: else
        fi;
        if
        :: isHeard ->
            if
            :: workers[w].unheard != 0 && jobs[j].status == running && claimOf(j) == workers[w].unheard ->
                if
#ifdef CLAIM_FORGOTTEN
                :: claimOf(j) == number -> unclaimed = true     /* it is only told of what it claimed just now */
#endif
                :: else ->
                    workers[w].held[j].claims = workers[w].held[j].claims | BIT(claimOf(j));
                    ghosts[j].keeper = (jobs[j].lease > 0 && ghosts[j].unkept < LEASE -> w : NONE)
                fi
            :: else
            fi;
#ifndef ACK_BEFORE_CLAIM
            workers[w].done = j;
#endif
            workers[w].unheard = 0;
            workers[w].message = NONE
        :: else
        fi;
        number = 0;
        j = 0
    :: else
    fi
}

/* JobStore.release, Announcer.announce: what it holds waits again. */
inline handBack(w) {
    ids = 0;
    for (j : 0 .. JOBS - 1) {
        if
        :: workers[w].held[j].claims != 0 ->
            choose(j, workers[w].held[j].claims);
            if
            :: isFenced(j, number) ->
                robbed = robbed || (ghosts[j].keeper != NONE && ghosts[j].keeper != w);
                waitAgain(j);
                ids = ids | BIT(j)
            :: else
            fi
        :: else
        fi;
        workers[w].held[j].claims = 0
    }
    number = 0;
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

/* JobStream.announceAnew: the message that `reader` has is put at the end of the stream. MULTI … EXEC: Redis does all of it
 * or nothing, as where it is full. */
inline announceAnew(j, reader) {
    if
    :: stream[j].pending = stream[j].pending & ~BIT(reader); add(j)
#ifdef PUT_BACK_IN_PIECES
    :: fault() -> stream[j].pending = stream[j].pending & ~BIT(reader)  /* XADD is refused, XACK and XDEL are not */
#endif
    :: fault()
    fi
}

/* WorkerLoop.returnFetched: what was fetched and not claimed goes to another worker, or is stranded. */
inline returnFetched(w) {
    if
    :: workers[w].message != NONE ->
        j = workers[w].message;
        if
        :: HAS(stream[j].pending, w) -> announceAnew(j, w)
        :: else -> add(j)   /* there is nothing to acknowledge any more */
        fi;
        orphan(w, j);
        workers[w].message = NONE;
        workers[w].unheard = 0;
        j = 0
    :: else
    fi
}

proctype WorkerLoop(byte w) provided (!workers[w].paused) {
    byte j, number, ids, n;
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
    :: atomic { /* returnFetched, handBack: it is told to stop, and started again */
        (holdsAny(w) || workers[w].message != NONE) && faults > 0 -> faults--;
        returnFetched(w);
        if
        :: holdsAny(w) -> handBack(w)
        :: else
        fi
    }
#endif
    :: atomic { /* makeGroup, JobStream.makeGroup: after NOGROUP. First the mark, which has the next turn look at all. */
        !group ->
#ifndef GROUP_BEFORE_MARK
        mark = gone;
        if
        :: true
        :: fault() -> goto made     /* the rest does not get to Redis */
        fi;
#endif
        group = true;
#ifdef GROUP_AT_END
        for (j : 0 .. JOBS - 1) {
            stream[j].skipped = stream[j].queued;
            stream[j].queued = false
        }
        j = 0;
#endif
#ifdef GROUP_BEFORE_MARK
        if
        :: mark = gone
        :: fault()
        fi;
#endif
made:   skip
    }
    od
}

/* ---- job-worker: Heartbeat, and the database's clock ---- */

/* JobStore.renew, which returns the claims that it renewed; HeldJobs.lose ends all others. */
inline renew(w) {
    for (j : 0 .. JOBS - 1) {
        if
        :: workers[w].held[j].claims != 0 ->
#ifdef RENEW_ANY_ATTEMPT
            /* Of two claims of one job, either may be the one that is asked for. */
            if
            :: HAS(workers[w].held[j].claims, 1) -> number = 1
            :: HAS(workers[w].held[j].claims, 2) -> number = 2
            :: HAS(workers[w].held[j].claims, 3) -> number = 3
            :: HAS(workers[w].held[j].claims, 4) -> number = 4
            fi;
#else
            choose(j, workers[w].held[j].claims);
#endif
            if
#ifdef RENEW_EXPIRED
            :: true ->
#else
            :: isFenced(j, number) ->
#endif
                if
                :: jobs[j].lease <= 0 -> witness(renewedLate)
                :: else
                fi;
                jobs[j].lease = LEASE;
                if
                :: claimOf(j) == number -> ghosts[j].unkept = 0
                :: else
                fi;
                workers[w].held[j].claims = BIT(number)
            :: else -> workers[w].held[j].claims = 0    /* lost: its handler is stopped */
            fi
        :: else
        fi
    }
    j = 0;
    number = 0
}

#ifdef WATCHED
/* LeaseWatch, after a heartbeat: whether the database's clock went as the monotonic one did. */
inline watch() {
    if
    :: step == 0 -> watched = (watched < LEASE -> watched + 1 : LEASE)
    :: else -> watched = 0
    fi;
#ifdef GAP_SEEN_LATE
    watched = (isGap -> 0 : watched);
    isGap = false;
#endif
    step = 0
}
#define afterBeat(lease) ((lease) > LEASE -> (lease) : ((lease) > -FAR -> (lease) - 1 : -FAR))
#else
#define afterBeat(lease) ((lease) > 0 -> (lease) - 1 : 0)
#endif

proctype Clock() {
    byte w, j, number;
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
#ifdef WATCHED
        watch();
#endif
#ifdef GRACE_FROM_START
        grace = (grace > 0 -> grace - 1 : 0);
#endif
        for (j : 0 .. JOBS - 1) {
            if
            :: jobs[j].status == running ->
                jobs[j].lease = afterBeat(jobs[j].lease);
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
#define isOver(j) (jobs[j].status == running && isPast(jobs[j].lease))
#endif

/* Whether the stamp of a lease is past, for whoever has watched the clock for at least as long as the lease: by the database's
 * clock and by the trusted time, or so far ahead that no heartbeat can have written it. */
#if defined(GRACE_FROM_START)
#define isPast(lease) (grace == 0 && (lease) <= 0)
#elif defined(TRUST_THE_CLOCK)
#define isPast(lease) (watched == LEASE && ((lease) <= 0 || (lease) > LEASE))
#elif defined(NO_UPPER_BOUND)
#define isPast(lease) (watched == LEASE && (lease) <= 0 && (lease) + step <= 0)
#elif defined(WATCHED)
#define isPast(lease) (watched == LEASE && ((lease) <= 0 && (lease) + step <= 0 || (lease) > LEASE && (lease) + step > LEASE))
#else
#define isPast(lease) ((lease) == 0)
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
            :: jobs[j].lost >= MAX_LOSSES -> end(j, failed)
            :: else ->
                waitAgain(j);
                ids = ids | BIT(j)
            fi
        :: else
        fi
    }
    j = 0;
    writeDown(RECONCILER + r, ids)
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

/* A restore cuts the connections (JobStore.isUnaudited): the next turn looks at all, and what the one that is under way remembers
 * does not count. Without that a restore to a state since the last turn would not be noticed. */
#if defined(RESTORE) && !defined(NO_AUDIT_AFTER_RESTORE)
#define isCut isTurnCut
#else
#define isCut false
#endif

#if RECONCILERS == 1

/* One process for all workers, one turn after the other: where a step may fail its worker may also die, and another worker's
 * turn is next. */
inline takeTurn() {
#ifdef TURN_FAR_AHEAD
    !isTurnFarAhead;
#endif
#if defined(RESTORE) && !defined(NO_AUDIT_AFTER_RESTORE)
    isTurnCut = false;
#endif
    skip
}

inline leaveMark() {
    if
    :: mark == remembered
    :: else ->
        auditing = auditing | BIT(r);
#ifdef MARK_IS_ENOUGH
        mark = remembered
#else
        mark = left
#endif
    fi
}

inline remember() {
    mark = (mark == left && !isCut -> remembered : mark)
}

#define goOn() skip

#else

#define other (1 - r)
#define isUsed(n) (mark == n || marked == n || round[other] == n || seen[other] == n)

/* JobStore.takeTurn: a turn is due a while after the last one has ended. Its holder puts that off as long as it lasts; one
 * that dies, or is slower than that, loses it. */
inline takeTurn() {
    if
    :: holder == r -> isDue = true; holder = NONE
    :: else
    fi;
#ifdef TURNS_OVERLAP
    /* Only the starts of turns have a time between them. */
    isDue = true;
#endif
    if
    :: isDue
    :: !isDue && faults > 0 -> faults--
    fi;
    isDue = false;
    holder = r;
    seen[r] = marked;
    round[r] = 1;
    do
    :: isUsed(round[r]) || round[r] == seen[r] -> round[r]++
    :: else -> break
    od
}

/* `next_at` is put off, where the turn is still this one's. */
inline goOn() {
#ifdef TURNS_OVERLAP
    skip
#else
    if
    :: holder == r
    :: else -> goto turn
    fi
#endif
}

inline leaveMark() {
    if
    :: mark == seen[r]
    :: else -> auditing = auditing | BIT(r)
    fi;
    mark = round[r]
}

inline remember() {
    if
#if !defined(TURNS_OVERLAP) && !defined(REMEMBER_ANY)
    :: holder != r
#endif
    :: else ->
        outdated = outdated || holder != r;
        marked = round[r]
    fi
}

#endif

#ifdef REMEMBER_FAILED
#define AFTER_FAILURE whole
#else
#define AFTER_FAILURE cut
#endif

/* The parts of a turn fail separately. Its mark is remembered only after what it is the mark of. */
proctype Reconciler(byte r) {
    byte ids, j, n;
turn:
    atomic { /* JobStore.takeTurn */
        ids = 0;
        auditing = auditing & ~BIT(r);
        for (n : 0 .. ROWS - 1) { announcements[n].listed = announcements[n].listed & ~BIT(r) }
        n = 0;
        takeTurn();
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
            takeNewName(RECONCILER + r);
            if
            :: expire() /* said again */
            :: true ->  /* ... and breaks again */
                if
                :: expire()
                :: true
                fi;
#ifndef NAME_KEPT
                takeNewName(RECONCILER + r);
#endif
                ids = 0;
                if
                :: goto looking
                :: goto turn    /* Nothing else is found: what was just written down is too young. */
                fi
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
        :: fault() -> addAll(); takeNewName(RECONCILER + r); goto looking
        :: fault() -> takeNewName(RECONCILER + r); goto looking
        fi
    }
    atomic { /* ... and are struck out. JobStream.mark: leave this turn's, and see whether the remembered one was there.
              * If so, the new one matters only where the turn is cut short: one audit more, which only helps. */
        strikeOut(name[RECONCILER + r]);
looking:
        ids = 0;
        goOn();
        leaveMark()
    }
    atomic { /* announceUnannounced, JobStore.unannounced: what was not struck out */
        goOn();
        for (n : 0 .. ROWS - 1) {
            if
            :: announcements[n].job_ids != 0 ->
                announcements[n].listed = announcements[n].listed | BIT(r);
                ids = ids | announcements[n].job_ids
            :: else
            fi
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
        :: addAll(); ids = 0
        :: fault() -> ids = 0; goto audit
        fi
    }
    atomic { /* ... and struck out, unless it was replaced */
        strikeOutListed();
audit:
#ifdef NO_AUDIT
        goto whole;
#endif
        if
        :: HAS(auditing, r)
        :: else -> goto whole
        fi
    }
    atomic { /* audit, Audit.page: the jobs that wait */
        goOn();
        if
        :: ids = BIT(JOBS) - 1; keepWaiting()
        :: fault() -> goto AFTER_FAILURE
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
        goOn();
        keepWaiting();
        if
        :: addAll()
        :: fault() -> goto AFTER_FAILURE
        fi
    }
whole:
    atomic { /* JobStore.remember: this turn's mark, which may be gone by now */
        if
        :: remember()
        :: fault()
        fi;
cut:
        auditing = auditing & ~BIT(r);
        ids = 0
    }
    atomic { /* JobStream.announceStranded: a paused worker's message may be among them */
        for (j : 0 .. JOBS - 1) {
            if
            :: HAS(stream[j].pending, WORKERS) -> announceAnew(j, WORKERS)
            :: HAS(stream[j].pending, 0) && workers[0].paused -> announceAnew(j, 0)
            :: HAS(stream[j].pending, WORKERS - 1) && workers[WORKERS - 1].paused -> announceAnew(j, WORKERS - 1)
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

#ifdef OUTAGES
inline passTime() {
    for (j : 0 .. JOBS - 1) {
        if
        :: jobs[j].status == running && jobs[j].lease <= LEASE -> jobs[j].lease = -1
        :: else
        fi
    }
    j = 0
}
#endif

#ifdef CLOCK_STEPS
/* The database's clock is `by` ahead of where it was. */
inline setClock(by) {
    step = step + by;
    for (j : 0 .. JOBS - 1) {
        if
        :: jobs[j].status == running -> jobs[j].lease = jobs[j].lease - (by)
        :: else
        fi
    }
    j = 0
}
#endif

#ifdef RESTORE
inline restore() {
    timeline = 1;
    isBackedUp = false;
    for (n : 0 .. ROWS - 1) {
        announcements[n].job_ids = 0;
        announcements[n].listed = 0
    }
    takeNewName(RESTORED);
    for (j : 0 .. JOBS - 1) {
        jobs[j].status = backup[j].status;
        jobs[j].attempt = backup[j].attempt;
        jobs[j].lost = backup[j].lost;
        jobs[j].timeline = 0;
        jobs[j].lease = 0;
        ghosts[j].finals = (isFinal(j) -> 1 : 0);
        ghosts[j].keeper = NONE;
        ghosts[j].unkept = 0;
        if
        :: backup[j].isWrittenDown -> announcements[name[RESTORED]].job_ids = announcements[name[RESTORED]].job_ids | BIT(j)
        :: else
        fi;
        backup[j].status = unknown;
        backup[j].attempt = 0;
        backup[j].lost = 0;
        backup[j].isWrittenDown = false
    }
    j = 0;
    name[RESTORED] = NONE;
#if defined(RESTORE) && !defined(NO_AUDIT_AFTER_RESTORE)
    isTurnCut = true;
    mark = (mark == remembered -> left : mark);
#endif
    n = 0
}
#endif

proctype Faults() {
    byte w, j, n;
    do
    :: atomic { /* a worker dies, and is started again */
        fault();
        if
        :: w = 0
        :: w = WORKERS - 1
        fi;
        for (j : 0 .. JOBS - 1) {
            workers[w].held[j].claims = 0;
            orphan(w, j)
        }
        j = 0;
        forsake(w);
        workers[w].message = NONE;
        workers[w].unheard = 0;
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
#if !defined(WATCHED) && !defined(RESTORE)
    :: atomic { /* Redis is flushed, or loses the stream alone: somebody deletes it, or memory is short */
        fault();
        for (j : 0 .. JOBS - 1) {
            stream[j].queued = false;
            stream[j].pending = 0;
            stream[j].skipped = false
        }
        j = 0;
        group = false;
        if
        :: mark = gone
        :: true
        fi
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
#endif
#ifdef OUTAGES
    :: atomic { /* PostgreSQL recovers for longer than a lease, or all are cut off from it for as long */
        fault();
        passTime();
#ifdef GAP_SEEN_LATE
        isGap = true;
#else
        watched = 0;
#endif
#ifdef GRACE_FROM_START
        if
        :: grace = LEASE    /* it was started, and came up at once */
        :: true             /* it came up later than a lease after its start, or was not started: one process had crashed */
        fi
#endif
    }
#endif
#ifdef CLOCK_STEPS
    :: atomic { /* the database's clock is set */
        fault();
        if
        :: setClock(1)
        :: setClock(FAR)
        :: setClock(-1)
        :: setClock(-FAR)
#ifdef TURN_FAR_AHEAD
            ; isTurnFarAhead = true
#endif
        fi
    }
#endif
#ifdef RESTORE
    :: atomic {
        !isBackedUp && timeline == 0 ->
        isBackedUp = true;
        for (j : 0 .. JOBS - 1) {
            backup[j].status = jobs[j].status;
            backup[j].attempt = jobs[j].attempt;
            backup[j].lost = jobs[j].lost;
            backup[j].isWrittenDown = isWrittenDown(j)
        }
        j = 0
    }
    :: atomic { /* PostgreSQL goes back to that state: a restore, or a standby that had not got the rest is promoted */
        isBackedUp && faults > 0 -> faults--;
        restore()
    }
#endif
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

/* A claim whose answer was lost is found when the exchange is said again, and not left to the lease. */
#define claimed (!unclaimed)

/* What is remembered of the stream is the latest turn's. */
#define latest (!outdated)

/* A job that waits is written down, or has a message that will be claimed by, or an audit is due or under way. It is due,
 * too, when the group is missing: who makes it takes the mark away. */
#define isFetched(j, w) (HAS(stream[j].pending, w) && workers[w].message == j)
#define isKnown(j) (jobs[j].status != created || isWrittenDown(j) || !group || isAuditDue || auditing != 0 || stream[j].queued \
    || HAS(stream[j].pending, WORKERS) || isFetched(j, 0) || isFetched(j, WORKERS - 1))
#define notLost EACH(isKnown)

#define safe (finalOnce && fenced && kept && leased && claimed && latest && notLost)

/* Where the database's clock jumps a lease has no length to be compared with. */
#define timely (finalOnce && fenced && kept && claimed && notLost)

/* What is to happen, so that the checks are not empty: each of these has to be found false. */
#define neverRenewedLate (!renewedLate)
#define neverFencedOff (!fencedOff)
#define neverFailed (jobs[0].status != failed)

#ifdef INVARIANT
proctype Monitor() {
    !(INVARIANT) -> assert(INVARIANT)
}
#else
/* Every job ends. */
ltl ends { <> isFinal(0) && <> isFinal(JOBS - 1) }

/* Audits do not set each other off: without a new fault there is a last one. */
ltl settles { <> [] (auditing == 0) }
#endif

init {
    atomic {
        name[RECONCILER] = 1;
        name[RECONCILER + RECONCILERS - 1] = RECONCILERS;
        name[STOPPING] = NONE;
        name[RESTORED] = NONE;
        run Responder();
        run WorkerLoop(0);
#if WORKERS > 1
        run WorkerLoop(1);
#endif
        run Reconciler(0);
#if RECONCILERS > 1
        run Reconciler(1);
#endif
        run Clock();
        run Faults();
#ifdef INVARIANT
        run Monitor()
#endif
    }
}
