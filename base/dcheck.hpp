#pragma once

/// Stops a debug build if one of our own invariants is violated; compiles to nothing in a release
/// build. Never for what a file or a caller can cause: that is a Status.
#ifdef NDEBUG
#define LW_DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define LW_DCHECK(condition) static_cast<void>((condition) ? 0 : (__builtin_trap(), 0))
#endif
