/*
 * What the box remembers: button, guard, permit file, two records on disks that fail, the window, power cuts.
 * Time is counted in ticks; a wait of 2 s is two ticks, the longer ones are shortened (below).
 * docs/halt-model.md says what each step stands for, and what is left out. Faults are put back with -DNAME.
 */
#define GAP_MIN 2 /* ticks from the first release to the second press */
#define GAP_MAX 3 /* shortened: 10 s */
#define WINDOW 7 /* shortened: the resume window */

#ifndef PRESSES
#define PRESSES 3 /* presses and halts by phone */
#endif
#ifndef WINDOWS
#define WINDOWS 1 /* times that a window is opened */
#endif
#ifndef FAULTS
#define FAULTS 3 /* a place that refuses, hangs or cannot be read; a guard killed or restarted; a power cut: so many altogether */
#endif

mtype = { WELL, REFUSES, HANGS };
mtype = { MISSING, ARMED, HALTED, UNREADABLE };
mtype = { NONE, RUNNING };
mtype = { UP, DOWN, OFF };
mtype = { UNKNOWN, PRESSED, RELEASED };
mtype = { NO_ACT, FIRST_PRESSED, FIRST_RELEASED, SECOND_PRESSED };

/* The button; an edge waits in the line's descriptor, which outlives the guard but not the power. */
bool open, edge;
byte presses, windows, faults;

/* The guard. */
mtype guard = UP, contact = RELEASED;
bool halted, trading = 1, arming, durable, inBoth = 1;
byte epoch = 1;
/* The window in the guard. */
bool window, shown;
byte windowLeft, gap;
mtype act = NO_ACT;

/* The permit file: of this boot or none. */
mtype permit = RUNNING;
byte permitEpoch = 1;

/* The places: what stands there, how the disk is, what is being written. */
mtype record[2] = ARMED, disk[2] = WELL, job[2] = NONE;
byte recordEpoch[2] = 1, jobEpoch[2];
bool recordInBoth = 1; /* of the first record */
bool taken[2]; /* this place has the present halt */
bool inBothNow, jobInBoth; /* what the second place told, and what is being written of it */
#ifdef GIVEN_UP_WRITE_LANDS_LATE
bool late[2];
byte lateEpoch[2];
#endif
/* Only within a start. */
mtype first = NONE, second = NONE;
byte newest;
byte armStep; /* 0 none, 1 the second place is being written, 2 the first */

/* The observer. */
bool stands; /* a halt stands that no act of arming has ended */
bool confirmed; /* it was called confirmed */
bool pending; /* a press that has not yet been answered by a halt */
byte pressesInWindow; /* what a person did in the window */
byte sinceRelease;
bool openedByPerson;
bool rebooted; /* the power was gone since the guard last ran */

inline closeWindow() { window = 0; shown = 0; windowLeft = 0; gap = 0; act = NO_ACT; pressesInWindow = 0; sinceRelease = 0; openedByPerson = 0 }

inline newHalt() {
  halted = 1; trading = 0; arming = 0; armStep = 0; durable = 0; confirmed = confirmed && stands; epoch++;
  taken[0] = 0; taken[1] = 0; stands = 1;
  permit = HALTED; permitEpoch = epoch;
  printf("guard: halted at %d\n", epoch)
}

/* Where the act of arming is done, and what it took. */
inline beginArming(byReset) {
  assert(openedByPerson && shown);
  assert(byReset || (pressesInWindow == 2 && sinceRelease >= GAP_MIN));
#ifdef SHOW_ARMED_BY_TWO_PRESSES
  assert(byReset || faults < FAULTS);
#endif
  arming = 1; epoch++; armStep = 1; durable = 0; confirmed = 0;
  closeWindow();
  printf("guard: arming at %d\n", epoch)
}

inline armed() {
  halted = 0; arming = 0; armStep = 0; stands = 0; confirmed = 0; trading = 0;
  permit = RUNNING; permitEpoch = epoch;
  printf("guard: armed at %d\n", epoch)
}

inline armingFailed() {
  arming = 0; armStep = 0; printf("arming failed\n");
#ifdef FAILED_ARMING_KEEPS_THE_EPOCH
  durable = 0; taken[0] = 0; taken[1] = 0
#else
  newHalt()
#endif
}

active proctype Person() {
  do
  :: atomic { guard != OFF && !open && !edge && presses < PRESSES ->
       presses++; open = 1; edge = 1; printf("press\n");
       if :: !stands -> pending = 1 :: else fi;
       if :: window -> pressesInWindow++ :: else fi }
  :: atomic { open && !(edge && guard == UP) -> open = 0; printf("release\n") }
  :: atomic { guard == UP && halted && !arming && contact == RELEASED && !open && !edge && windows < WINDOWS ->
       windows++;
       closeWindow(); window = 1; windowLeft = WINDOW; shown = 1;
#ifdef ANYONE_OPENS_UNSEEN
       if :: openedByPerson = 1 :: shown = 0 fi;
#else
       openedByPerson = 1;
#endif
       printf("window opened\n") }
  /* Held for 3 s in the window. */
  :: atomic { guard == UP && window && contact == RELEASED && !open && !edge && windowLeft < WINDOW - 2 -> beginArming(1) }
  /* The halt by phone or by the trader's circuit breaker. */
  :: atomic { guard == UP && !(halted && !arming) && presses < PRESSES ->
       presses++; printf("phone\n"); closeWindow();
       pending = 1;
#ifndef PHONE_IS_IGNORED
       newHalt(); pending = 0
#endif
       }
  od
}

inline onPress() {
  edge = 0; contact = PRESSED;
  if
  :: !window ->
       if :: !halted || arming -> newHalt() :: else fi
  :: window ->
#ifdef ONE_PRESS_ARMS
       act = SECOND_PRESSED
#else
       if
       :: act == NO_ACT -> act = FIRST_PRESSED
#ifdef SECOND_PRESS_NEED_NOT_WAIT
       :: act == FIRST_RELEASED -> act = SECOND_PRESSED
#else
       :: act == FIRST_RELEASED && gap >= GAP_MIN -> act = SECOND_PRESSED
#endif
       :: else -> closeWindow(); newHalt()
       fi
#endif
  fi;
  if :: halted -> pending = 0 :: else fi
}

inline start() {
  guard = UP; contact = UNKNOWN; closeWindow(); arming = 0; armStep = 0; trading = 0; taken[0] = 0; taken[1] = 0; durable = 0;
#ifdef EDGE_LOST_BETWEEN_TWO_LIVES
  edge = 0;
#endif
  /* What can be read. */
  first = record[0]; second = record[1];
  if :: faults < FAULTS -> faults++; if :: first = UNREADABLE; printf("first cannot be read\n") :: second = UNREADABLE; printf("second cannot be read\n") fi :: true fi;
#ifdef PERMIT_NOT_READ
  permit = NONE; permitEpoch = 0;
#endif
  newest = 0;
  if :: first == HALTED -> newest = recordEpoch[0] :: else fi;
  if :: second == HALTED && recordEpoch[1] > newest -> newest = recordEpoch[1] :: else fi;
  epoch = permitEpoch;
  if :: first != UNREADABLE && recordEpoch[0] > epoch -> epoch = recordEpoch[0] :: else fi;
  if :: second != UNREADABLE && recordEpoch[1] > epoch -> epoch = recordEpoch[1] :: else fi;
  epoch++;
  inBoth = recordInBoth && first == ARMED;
  if
  :: newest > 0 && (first != ARMED || newest >= recordEpoch[0]) ->
       halted = 1;
#ifdef SECOND_ALONE_ALWAYS_COUNTS
       durable = (first != UNREADABLE)
#else
       durable = (first == HALTED || (first == ARMED && inBoth))
#endif
  :: else ->
       if
       :: permit == HALTED && (first != ARMED || permitEpoch >= recordEpoch[0]) -> halted = 1
       :: else ->
            if
            :: first != ARMED -> halted = 1
            :: second == ARMED && recordEpoch[1] > recordEpoch[0] -> halted = 1
            :: inBoth && (second == UNREADABLE || second == MISSING || recordEpoch[1] < recordEpoch[0]) -> halted = 1
            :: else -> halted = 0
            fi
       fi
  fi;
#ifdef START_CALLS_IT_RECORDED
  durable = halted;
#endif
  if :: halted -> taken[0] = (first == HALTED); taken[1] = (second == HALTED) :: else fi;
  if :: halted -> printf("guard starts: halted at %d\n", epoch) :: else -> printf("guard starts: armed at %d\n", epoch) fi;
#ifdef SHOW_FOUND_AGAIN
  assert(!(halted && confirmed && rebooted));
#endif
  /* The halt stood, and nobody has armed the box since. */
  assert(halted || !confirmed);
  assert(halted || !stands || rebooted);
  stands = halted; confirmed = confirmed && halted; rebooted = 0;
  permit = (halted -> HALTED : RUNNING); permitEpoch = epoch;
  first = NONE; second = NONE; newest = 0
}

/* A write that was under way when guard or power went has landed, or not. */
inline land(i) {
  if
  :: job[i] != NONE ->
       if
       :: record[i] = job[i]; recordEpoch[i] = jobEpoch[i];
          if :: i == 0 -> recordInBoth = jobInBoth :: else fi
       :: true
       fi;
       job[i] = NONE; jobEpoch[i] = 0
  :: else
  fi
}

active proctype Guard() {
  do
  :: atomic { guard == UP && edge -> onPress() }
  :: atomic { guard == UP && !edge && !open && contact != RELEASED ->
       contact = RELEASED;
       if
       :: window && act == SECOND_PRESSED -> beginArming(0)
       :: window && act == FIRST_PRESSED -> act = FIRST_RELEASED; gap = 0; sinceRelease = 0
       :: else
       fi }
  :: atomic { guard == UP && !edge && open && contact == UNKNOWN ->
       contact = PRESSED; pending = 0;
       if :: !halted -> newHalt() :: else fi }
  /* The trader has reconciled; no permit before the contact was seen released. */
  :: atomic { guard == UP && !halted && !trading && contact == RELEASED && !edge && disk[0] == WELL -> trading = 1 }
  /* All is cancelled as well: LED, phone and answer say confirmed. */
#ifdef CONFIRMED_BEFORE_RECORDED
  :: atomic { guard == UP && halted && !arming && !confirmed -> confirmed = 1; printf("confirmed\n") }
#else
  :: atomic { guard == UP && halted && !arming && durable && !confirmed -> confirmed = 1; printf("confirmed\n") }
#endif
  :: atomic { guard == UP && faults < FAULTS ->
       faults++; guard = DOWN; printf("guard killed\n"); land(0); land(1);
       if :: arming && record[0] == ARMED && recordEpoch[0] == epoch -> stands = 0; confirmed = 0 :: else fi }
  /* stop(): revokes first; what is halted stays so in the permit file. */
  :: atomic { guard == UP && !edge && job[0] == NONE && job[1] == NONE && faults < FAULTS ->
       faults++; guard = DOWN; epoch++; printf("guard restarted\n"); permitEpoch = epoch; 
#ifdef CLEAN_STOP_OVERWRITES
       permit = RUNNING
#else
       permit = (halted -> HALTED : RUNNING)
#endif
       }
  :: atomic { guard == DOWN -> start() }
  :: atomic { guard != OFF && faults < FAULTS ->
       faults++; guard = OFF; printf("power cut\n"); land(0); land(1);
       if :: arming && record[0] == ARMED && recordEpoch[0] == epoch -> stands = 0; confirmed = 0 :: else fi;
       permit = NONE; permitEpoch = 0; edge = 0; rebooted = 1; pending = 0;
       disk[0] = WELL; disk[1] = WELL }
  :: atomic { guard == OFF -> printf("power back\n"); guard = DOWN }
  od
}

inline finish(i) {
  if
  :: job[i] == ARMED && i == 1 -> inBothNow = 1
  :: job[i] == ARMED && i == 0 ->
       if :: arming && jobEpoch[i] == epoch -> inBoth = jobInBoth; armed() :: else fi
  :: else ->
       if :: halted && !arming && jobEpoch[i] == epoch -> taken[i] = 1;
#ifdef SECOND_ALONE_ALWAYS_COUNTS
            durable = 1
#else
            durable = durable || i == 0 || inBoth
#endif
       :: else
       fi
  fi;
  job[i] = NONE; jobEpoch[i] = 0
}

/* One place: one job at a time, and the newest wish next. */
proctype Place(byte i) {
  do
  :: atomic { guard == UP && job[i] == NONE && halted && !arming && !taken[i] -> job[i] = HALTED; jobEpoch[i] = epoch }
  :: atomic { guard == UP && job[i] == NONE && arming && armStep == 1 && i == 1 -> job[i] = ARMED; jobEpoch[i] = epoch; armStep = 3; inBothNow = 0 }
  /* The second place is waited for no longer than 5 s. */
  :: atomic { guard == UP && i == 0 && arming && ((armStep == 3 && job[1] == NONE) || ((armStep == 1 || armStep == 3) && disk[1] == HANGS)) -> armStep = 2 }
  :: atomic { guard == UP && i == 0 && job[0] == NONE && arming && armStep == 2 ->
       job[0] = ARMED; jobEpoch[0] = epoch; jobInBoth = inBothNow; armStep = 4;
       /* Until it is there it may be there: the stricter of both counts. */
       inBoth = inBoth && inBothNow }
  :: atomic { guard == UP && job[i] != NONE && disk[i] == WELL ->
       record[i] = job[i]; recordEpoch[i] = jobEpoch[i];
       if :: i == 0 -> recordInBoth = jobInBoth :: else fi;
       printf("place %d takes %e at %d\n", i, record[i], recordEpoch[i]);
       finish(i) }
  /* An error says that it may have landed or not. */
  :: atomic { guard == UP && job[i] != NONE && disk[i] == REFUSES ->
       if :: i == 0 && job[i] == ARMED && arming && jobEpoch[i] == epoch -> land(i); armingFailed() :: else -> land(i) fi }
  :: atomic { guard == UP && i == 0 && job[i] == ARMED && disk[i] == HANGS && arming && jobEpoch[i] == epoch -> armingFailed() }
#ifdef GIVEN_UP_WRITE_LANDS_LATE
  :: atomic { guard == UP && job[i] == ARMED && disk[i] == HANGS && !late[i] -> late[i] = 1; lateEpoch[i] = jobEpoch[i]; job[i] = NONE; jobEpoch[i] = 0; disk[i] = WELL }
  :: atomic { late[i] -> late[i] = 0; record[i] = ARMED; recordEpoch[i] = lateEpoch[i]; if :: i == 0 -> recordInBoth = 0 :: else fi; lateEpoch[i] = 0 }
#endif
  :: atomic { guard == UP && disk[i] == WELL && faults < FAULTS ->
       faults++;
       if :: disk[i] = REFUSES; printf("place %d refuses\n", i) :: disk[i] = HANGS; printf("place %d hangs\n", i) fi;
       if :: i == 0 && !halted -> trading = 0 :: else fi }
  :: atomic { disk[i] != WELL -> disk[i] = WELL; printf("place %d is well\n", i) }
  od
}
init { atomic { run Place(0); run Place(1) } }

active proctype Clock() {
  do
  :: atomic { window && guard == UP && !edge && (open || contact == RELEASED) && !(open && contact != PRESSED) ->
       if :: act == FIRST_RELEASED -> gap++; sinceRelease++ :: act != FIRST_RELEASED && sinceRelease > 0 && sinceRelease < GAP_MAX -> sinceRelease++ :: else fi;
       windowLeft--;
       if
       :: windowLeft == 0 -> closeWindow()
       :: windowLeft > 0 && act == FIRST_RELEASED && gap > GAP_MAX -> act = NO_ACT; gap = 0; pressesInWindow = 0; sinceRelease = 0
       :: else
       fi }
  od
}

#ifdef LIVENESS
ltl answered { [] (pending -> <> !pending) }
#endif
