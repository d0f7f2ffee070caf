/* How a call ended: FAILED and more is an error. */
#define EMPTY  0
#define SUCCESS 1
#define PACKET 2
#define BATCH  3
#define VALUE  4
#define OTHER  5
#define FAILED 6
#define TIMEOUT    6
#define ABANDONED  7
#define BAD_HANDLE 8
#define INVALID    9
#define EXISTS    10
#define NOT_OWNER 12
#define LIMIT     13
#define NO_MEMORY 16

/* What a thread is doing. */
#define UNBORN   0
#define READY    1
#define PARKED   2
#define WOKEN    3
#define BLOCKED  5
#define STALLED  7
#define SLEEPING 8
#define DONE     9
#define LOST    10
#define BROKEN  11

/* What else a thread can wait for. */
#define MUTEX     0
#define SEMAPHORE 1
#define AUTO      2
#define MANUAL    3
