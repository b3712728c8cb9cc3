#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
int __real_fsync(int fd);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *p);
int __wrap_fsync(int fd);

static long allocation_countdown = -1, fsync_countdown = -1, there;

static bool allocation_fails(void)
{
	if (allocation_countdown < 0)
		return false;
	if (allocation_countdown > 0) {
		allocation_countdown--;
		return false;
	}
	errno = ENOMEM;
	return true;
}

void fail_allocation(long n)
{
	allocation_countdown = n;
}

long allocations(void)
{
	return there;
}

void fail_fsync(long n)
{
	fsync_countdown = n;
}

static void *counted(void *p)
{
	there += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *p;

	if (allocation_fails())
		return NULL;
	p = __real_realloc(old, size);
	there += old == NULL && p != NULL;
	return p;
}

void __wrap_free(void *p)
{
	there -= p != NULL;
	__real_free(p);
}

int __wrap_fsync(int fd)
{
	if (fsync_countdown == 0) {
		errno = EIO;
		return -1;
	}
	if (fsync_countdown > 0)
		fsync_countdown--;
	return __real_fsync(fd);
}
