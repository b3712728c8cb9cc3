/* Whether this is a build with AddressSanitizer, to which a sandbox has to make two concessions: its shadow memory takes
 * terabytes of address space, and its search for leaks at exit reads /proc/self. */
#ifndef HALLOWD_CORE_SANDBOX_ASAN_H
#define HALLOWD_CORE_SANDBOX_ASAN_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILT_WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define BUILT_WITH_ASAN 1
#endif
#ifndef BUILT_WITH_ASAN
#define BUILT_WITH_ASAN 0
#endif

#endif
