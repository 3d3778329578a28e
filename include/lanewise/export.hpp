#pragma once

/// Marks the symbols that a shared build exports; all others are hidden. A static build exports
/// none.
#if defined(LANEWISE_SHARED)
#define LANEWISE_EXPORT __attribute__((visibility("default")))
#else
#define LANEWISE_EXPORT
#endif
