/*
 * What leaves the box after a press: button, guard, permit, gate in the kernel, trader, connection, exchange.
 * Time is counted in ticks of 250 ms; whatever a healthy process must do at once it does before the tick ends.
 * docs/halt-model.md says what each step stands for, and what is left out. Faults are put back with -DNAME.
 */
#define LIFE 2 /* of the permit, and of the gate's element: 500 ms */
#define SECOND 4 /* TCP_USER_TIMEOUT, and how long the guard waits before it kills: 1 s */
#define ARM_AFTER 8 /* no arming sooner than 2 s after the press */
#define TRANSIT 1 /* what has left arrives within this many ticks, or never */
#define NEVER 15 /* no press concerns this order */

#ifndef GATE
#define GATE 1
#endif
#ifndef PRESSES
#define PRESSES 2
#endif
#ifndef FAULTS
#define FAULTS 2 /* guard killed, hung or restarted; keeper killed; trader stopped or killed: so many altogether */
#endif
#ifndef BLOCKS
#define BLOCKS 16 /* port blocks, one for an epoch; more than the epochs that these bounds reach */
#endif
#ifdef OLD_EPOCHS_PASS_THE_GATE
#undef BLOCKS
#define BLOCKS 1
#endif

mtype = { UP, HUNG, DOWN, STOPPING, RUN, STOPPED, DEAD };
mtype = { NONE, PASSED, CHECKED, QUEUED, ON_WIRE };
mtype = { HALTED, REDUCING, ACTIVE };

/* The button. An edge waits in the line's descriptor until a guard reads it. */
bool open, edge;
byte presses, arms;

/* The guard. `halted` stands for the record, which is taken as sound here: memory.pml is about the record. */
mtype guard = UP;
bool guardDue = 1, halted, trading;
byte epoch = 1, haltedFor, silentFor;

/* The permit, and the keeper of the gate that mirrors it into the kernel. */
mtype permitState = HALTED;
byte permitEpoch, permitLeft;
mtype keeper = UP;
bool keeperDue = 1;
byte gateBlock, gateLeft;

/* The trader, its one order on the way, and that order's connection. */
mtype trader = RUN;
bool traderDue = 1;
byte orders, faults;
mtype order = NONE;
byte orderEpoch, userLeft, wireLeft;

/* The observer. */
byte age = NEVER; /* ticks since the press that the order must not outlive */
bool unarmed; /* a press, and no arming since */
bool tidy; /* the guard was stopped on purpose, and says that it takes the permit back first */
byte sincePress;
bool pressWell[3], orderWell[3]; /* who has been well since that press, and since the one that the order must not outlive */
#define G 0
#define T 1
#define K 2

#define permitted (permitState == ACTIVE && permitLeft > 0)
#define guardLooks ((guard == UP || guard == STOPPING) && guardDue)
#define keeperLooks (GATE && keeper == UP && keeperDue)
#define passesGate (!GATE || (gateLeft > 0 && gateBlock == orderEpoch % BLOCKS))

/* How long after the press the last byte may leave. GATE_ALONE: the trader resets nothing, its sockets linger, no time-out. */
#ifdef GATE_ALONE
#define CLOSED_SOCKETS_LINGER
#define bound ((orderWell[G] && orderWell[K]) -> 0 : LIFE - 1)
#else
#define bound ( \
  (orderWell[G] && (orderWell[T] || (GATE && orderWell[K]))) -> 0 : ( \
  GATE -> LIFE - 1 : (orderWell[T] -> LIFE : SECOND)))
#endif

inline unwell(who) { pressWell[who] = 0; orderWell[who] = 0 }

inline endOrder() { orderWell[G] = 0; orderWell[T] = 0; orderWell[K] = 0; order = NONE; age = NEVER; orderEpoch = 0; userLeft = 0; wireLeft = 0 }

inline revoke() { permitState = HALTED; permitEpoch = epoch; permitLeft = 0; keeperDue = 1; traderDue = 1 }

inline traderDies() {
  trader = DEAD; silentFor = 0; printf("trader dies\n");
  if
  :: order == PASSED || order == CHECKED -> endOrder()
#ifndef CLOSED_SOCKETS_LINGER
  :: order == QUEUED -> endOrder()
#endif
  :: else
  fi
}

active proctype Person() {
  do
  :: atomic { !open && presses < PRESSES ->
       open = 1; edge = 1; presses++; printf("press\n");
       if
       :: !unarmed -> sincePress = 0; pressWell[G] = (guard == UP || tidy); pressWell[T] = (trader != STOPPED); pressWell[K] = (keeper == UP)
       :: else
       fi;
       unarmed = 1;
       if :: order != NONE && age == NEVER -> age = 0; orderWell[G] = (guard == UP || tidy); orderWell[T] = (trader != STOPPED); orderWell[K] = (keeper == UP) :: else fi;
       if :: guard == UP -> guardDue = 1 :: else fi }
  :: atomic { open -> open = 0; printf("release\n") }
  :: atomic { halted && guard == UP && !open && !edge && haltedFor >= ARM_AFTER && arms < 1 ->
       arms++; halted = 0; trading = 0; epoch++; unarmed = 0; sincePress = 0; pressWell[G] = 0; pressWell[T] = 0; pressWell[K] = 0; haltedFor = 0; silentFor = 0; guardDue = 1;
       printf("armed\n") }
  od
}

active proctype Guard() {
  do
  /* The look at the button comes before any renewal. */
  :: atomic { guard == UP && guardDue ->
       if
       :: (open || edge) ->
            edge = 0;
            if
            :: !halted -> halted = 1; trading = 0; epoch++; haltedFor = 0; silentFor = 0; revoke(); printf("guard: halted\n")
            :: else
            fi
       :: else ->
            if
            :: !halted ->
                 permitState = (trading -> ACTIVE : REDUCING);
                 permitEpoch = epoch; permitLeft = LIFE; keeperDue = 1
            :: else
            fi
       fi;
#ifndef STOPPED_TRADER_LIVES_ON
       if :: halted && trader == STOPPED && silentFor >= SECOND -> traderDies() :: else fi;
#endif
       guardDue = 0 }
  /* The trader has compared its orders with the exchange. */
  :: atomic { guard == UP && !halted && !trading && trader == RUN && permitLeft > 0 && permitEpoch == epoch && !open && !edge ->
       trading = 1; guardDue = 1; printf("guard: reconciled, ACTIVE\n") }
  :: atomic { guard == UP && faults < FAULTS ->
       faults++; guardDue = 0;
       if :: guard = DOWN; printf("guard killed\n") :: guard = HUNG; printf("guard hangs\n") fi;
       if :: edge -> unwell(G) :: else fi }
  :: atomic { guard == HUNG -> if :: guard = UP; guardDue = 1; printf("guard wakes\n") :: guard = DOWN; printf("guard killed by its watchdog\n") fi }
  /* systemctl restart: what stop() does first. */
  :: atomic { guard == UP && !guardDue && faults < FAULTS ->
       faults++; tidy = 1; printf("guard told to stop\n");
#ifdef STOP_GOES_ON_RENEWING
       guard = STOPPING
#else
       guard = DOWN;
#ifndef STOP_REVOKES_LAST
       revoke()
#endif
#endif
       }
#ifdef STOP_GOES_ON_RENEWING
  :: atomic { guard == STOPPING && guardDue ->
       if :: !halted -> permitLeft = LIFE; keeperDue = 1 :: else fi;
       guardDue = 0 }
#endif
  :: atomic { guard == DOWN || guard == STOPPING ->
       guard = UP; tidy = 0; epoch++; trading = 0; revoke(); guardDue = 1;
#ifdef EDGE_LOST_BETWEEN_TWO_LIVES
       edge = 0;
#endif
       printf("guard starts\n") }
  od
}

#if GATE
active proctype Keeper() {
  do
  :: atomic { keeper == UP && keeperDue && !guardLooks ->
       if
       :: permitState != HALTED && permitLeft > 0 ->
            gateBlock = permitEpoch % BLOCKS;
#ifdef GATE_GIVES_A_WHOLE_LIFE
            gateLeft = LIFE
#else
            gateLeft = permitLeft
#endif
       :: else -> gateLeft = 0; gateBlock = 0
       fi;
       keeperDue = 0 }
  :: atomic { keeper == UP && faults < FAULTS ->
       faults++; keeper = DOWN; keeperDue = 0; unwell(K); printf("keeper killed\n") }
  :: atomic { keeper == DOWN -> keeper = UP; keeperDue = 1; printf("keeper starts\n") }
  od
}
#endif

active proctype Trader() {
  do
  /* The order gate: submit() reads permit and epoch. */
  :: atomic { trader == RUN && order == NONE && permitted && orders < 2 ->
       orders++; order = PASSED; orderEpoch = permitEpoch; printf("order passes the gate under epoch %d\n", orderEpoch);
       if :: unarmed -> age = sincePress; orderWell[G] = pressWell[G]; orderWell[T] = pressWell[T]; orderWell[K] = pressWell[K] :: else fi }
  /* The connection stands, sooner or later; permit and epoch are asked again, and the bytes written. */
  :: atomic { trader == RUN && order == PASSED ->
       if
#ifdef PERMIT_ASKED_BEFORE_CONNECTING
       :: true
#elif defined(EPOCH_NOT_COMPARED)
       :: permitted
#else
       :: permitted && permitEpoch == orderEpoch
#endif
            -> order = CHECKED; printf("order: connection stands, permit asked\n")
       :: else -> endOrder()
       fi }
  :: atomic { trader == RUN && order == CHECKED -> order = QUEUED; userLeft = SECOND; traderDue = 1; printf("order written to the kernel\n") }
  /* A running trader sees the permit go, and resets. */
  :: atomic { trader == RUN && traderDue && !guardLooks && !keeperLooks ->
#if !defined(NO_RESET_AT_THE_HALT) && !defined(GATE_ALONE)
       if
       :: order == QUEUED && !(permitted && permitEpoch == orderEpoch) -> endOrder(); printf("order reset by the trader\n")
       :: else
       fi;
#endif
       traderDue = 0 }
#ifdef GAP
  :: atomic { trader == RUN && faults < FAULTS -> faults++; trader = STOPPED; unwell(T); traderDue = 0; printf("trader stopped\n") }
#else
  :: atomic { trader == RUN && order != CHECKED && faults < FAULTS -> faults++; trader = STOPPED; unwell(T); traderDue = 0; printf("trader stopped\n") }
#endif
  :: atomic { trader == STOPPED -> trader = RUN; traderDue = 1; silentFor = 0; printf("trader goes on\n") }
  :: atomic { trader != DEAD && faults < FAULTS ->
       faults++; traderDies(); traderDue = 0;
       /* The guard sees it go. */
       if :: guard == UP && !halted -> epoch++; trading = 0; guardDue = 1 :: else fi }
  :: atomic { trader == DEAD -> trader = RUN; traderDue = 1; printf("trader starts\n") }
  od
}

active proctype Network() {
  do
  /* The kernel sends, for the first time or again. A loss is this step not taken. */
  :: atomic { order == QUEUED && passesGate ->
       if :: age != NEVER && age > bound -> printf("order about to leave %d ticks after the press, bound %d\n", age, bound) :: else fi;
       assert(age == NEVER || age <= bound);
       order = ON_WIRE; wireLeft = TRANSIT; printf("order leaves\n") }
  :: atomic { order == ON_WIRE ->
       assert(age == NEVER || age <= bound + TRANSIT);
#ifdef SHOW_ACCEPTED_AFTER_ARMING
       assert(!(arms > 0 && orderEpoch == epoch && faults == FAULTS));
#endif
       printf("order accepted\n"); endOrder() }
  od
}

#define rest ( \
  !guardLooks && !keeperLooks && \
  !(trader == RUN && (traderDue || order == CHECKED)) && \
  !(order == ON_WIRE && wireLeft == 0))

active proctype Clock() {
  do
  :: atomic { rest -> printf("-- tick\n");
       if :: permitLeft > 0 -> permitLeft-- :: else fi;
       if :: gateLeft > 0 -> gateLeft-- :: else fi;
       if :: wireLeft > 0 -> wireLeft-- :: else fi;
       if :: age < NEVER - 1 -> age++ :: else fi;
       if :: unarmed && sincePress < NEVER - 1 -> sincePress++ :: else fi;
       if :: halted && haltedFor < ARM_AFTER -> haltedFor++ :: else fi;
       if :: halted && trader == STOPPED && silentFor < SECOND -> silentFor++ :: else fi;
#if !defined(NO_USER_TIMEOUT) && !defined(GATE_ALONE)
       if
       :: order == QUEUED && userLeft == 1 -> endOrder(); printf("order: the kernel gives up\n")
       :: order == QUEUED && userLeft > 1 -> userLeft--
       :: else
       fi;
#endif
       guardDue = (guard == UP || guard == STOPPING); keeperDue = (GATE && keeper == UP); traderDue = (trader == RUN) }
  od
}
